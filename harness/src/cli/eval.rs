//! `amc eval`: densities and their derivatives at given points, as JSON.

use std::path::PathBuf;

use amc_core::density::{Hessian, HessianProduct, LogDensity, MixtureLevel, Score};
use amc_core::path::{NoiseSchedule, VeShape, diffusion_time_derivative};
use amc_core::scratch::Scratch;
use amc_core::simd::{LANES, f64x8};
use clap::{Args, ValueEnum};
use rayon::prelude::*;
use serde::Serialize;

use super::print;
use crate::mixture::OwnedMixture;
use crate::run::RunError;
use crate::target::{load_mixture, read_points, standardize};

/// Evaluate a mixture, or its noised version at a time t, at points from a CSV file
///
/// stdout holds one JSON document, {"results": [...]}, one object per row of the CSV file with the
/// quantities asked for. Numbers have up to 17 digits and read back to the same bits; a number too
/// large for a double is null. The mixture is standardized first if its file says so.
#[derive(Debug, Args)]
pub(super) struct EvalArguments {
    /// The mixture, a JSON file
    #[arg(long, value_name = "FILE")]
    mixture: PathBuf,
    /// The points: CSV without header, one point a row
    #[arg(long, value_name = "FILE.csv")]
    points: PathBuf,
    /// Time on the diffusion path; 0 is the target itself
    #[arg(long, default_value_t = 0.0, allow_negative_numbers = true)]
    time: f64,
    /// The noise schedule, with its default parameters
    #[arg(long, value_enum, default_value_t = ScheduleName::VpLinear)]
    schedule: ScheduleName,
    /// What to compute, separated by commas
    #[arg(long, value_enum, value_delimiter = ',', required = true)]
    quantity: Vec<Quantity>,
    /// Accepted as everywhere; the output is JSON in any case
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum ScheduleName {
    /// Variance preserving, beta from 0.1 to 20
    VpLinear,
    /// Variance preserving, cosine; times below 1
    VpCosine,
    /// Variance exploding, sigma from 0.002 to 80
    Ve,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Quantity {
    /// log p_t(x)
    LogDensity,
    /// Its gradient, [d]
    Score,
    /// Its Hessian, [d][d]
    Hessian,
    /// P(component | x), [K]
    Responsibilities,
    /// d/dt log p_t(x)
    TimeDerivative,
}

#[derive(Serialize)]
struct Results {
    results: Vec<Values>,
}

/// The quantities of one point.
#[derive(Default, Clone, Serialize)]
struct Values {
    #[serde(skip_serializing_if = "Option::is_none")]
    log_density: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    score: Option<Vec<f64>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hessian: Option<Vec<Vec<f64>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    responsibilities: Option<Vec<f64>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    time_derivative: Option<f64>,
}

/// Runs the subcommand.
pub(super) fn eval(arguments: &EvalArguments) -> Result<(), RunError> {
    let schedule = schedule(arguments)?;
    let (parameters, choice) = load_mixture(&arguments.mixture)?;
    let (parameters, _) = standardize(&parameters, choice)?;
    let name = parameters.name.clone();
    let mixture = OwnedMixture::new(parameters)
        .map_err(|source| RunError::Mixture { target: name, source })?;
    let points = read_points(&arguments.points, mixture.dim())?;

    let mut storage = mixture.level_storage();
    let t = arguments.time;
    let (alpha, variance) = (schedule.alpha(t), schedule.variance(t));
    let level = MixtureLevel::prepare(&mixture.view(), alpha, variance, &mut storage)?;
    let blocks = points.par_chunks(LANES * mixture.dim());
    let results: Result<Vec<Vec<Values>>, RunError> =
        blocks.map(|rows| Ok(block(arguments, &schedule, &level, rows)?)).collect();
    let results = results?.concat();
    let text = serde_json::to_string(&Results { results })
        .map_err(|e| RunError::File { path: "standard output".into(), message: e.to_string() })?;
    print(&(text + "\n"))
}

/// The schedule, with the time checked against it.
fn schedule(arguments: &EvalArguments) -> Result<NoiseSchedule, RunError> {
    let schedule = match arguments.schedule {
        ScheduleName::VpLinear => NoiseSchedule::vp_linear(0.1, 20.0)?,
        ScheduleName::VpCosine => NoiseSchedule::vp_cosine(),
        ScheduleName::Ve => NoiseSchedule::ve(2e-3, 80.0, VeShape::Geometric)?,
    };
    let refuse = |message: String| Err(RunError::Argument { name: "--time", message });
    let (t, cosine) = (arguments.time, matches!(arguments.schedule, ScheduleName::VpCosine));
    if !(0.0..=1.0).contains(&t) || (cosine && t == 1.0) {
        let range = if cosine { "[0, 1)" } else { "[0, 1]" };
        return refuse(format!("{t} lies outside {range}, the times of this schedule"));
    }
    let derivative = arguments.quantity.contains(&Quantity::TimeDerivative);
    if t == 0.0 && derivative && matches!(arguments.schedule, ScheduleName::Ve) {
        return refuse("0 has no time derivative on ve, whose noise jumps there".into());
    }
    Ok(schedule)
}

/// The quantities asked for at up to eight points, `rows` `[<= 8 x d]`.
fn block(
    arguments: &EvalArguments,
    schedule: &NoiseSchedule,
    level: &MixtureLevel<'_>,
    rows: &[f64],
) -> amc_core::error::Result<Vec<Values>> {
    let d = level.dim();
    let rows: Vec<&[f64]> = rows.chunks_exact(d).collect();
    let x: Vec<f64x8> = (0..d)
        .map(|j| f64x8::new(std::array::from_fn(|i| rows[i.min(rows.len() - 1)][j])))
        .collect();
    let mut memory = vec![f64x8::ZERO; level.hessian_scratch_len()];
    let mut values = vec![Values::default(); rows.len()];
    let lanes = |column: &[f64x8], lane: usize| -> Vec<f64> {
        column.iter().map(|v| v.as_array()[lane]).collect()
    };
    for quantity in &arguments.quantity {
        let scratch = Scratch::new(&mut memory);
        match quantity {
            Quantity::LogDensity => {
                let log_density = level.log_density(&x, scratch)?.to_array();
                for (value, p) in values.iter_mut().zip(log_density) {
                    value.log_density = Some(p);
                }
            }
            Quantity::Score => {
                let mut score = vec![f64x8::ZERO; d];
                level.log_density_and_score(&x, &mut score, scratch)?;
                for (lane, value) in values.iter_mut().enumerate() {
                    value.score = Some(lanes(&score, lane));
                }
            }
            Quantity::Hessian => {
                let mut hessian = vec![f64x8::ZERO; d * d];
                level.hessian(&x, &mut hessian, scratch)?;
                for (lane, value) in values.iter_mut().enumerate() {
                    let entries = lanes(&hessian, lane);
                    value.hessian = Some(entries.chunks_exact(d).map(<[f64]>::to_vec).collect());
                }
            }
            Quantity::Responsibilities => {
                let mut responsibilities = vec![f64x8::ZERO; level.mixture().components()];
                level.responsibilities(&x, &mut responsibilities, scratch)?;
                for (lane, value) in values.iter_mut().enumerate() {
                    value.responsibilities = Some(lanes(&responsibilities, lane));
                }
            }
            Quantity::TimeDerivative => {
                let t = arguments.time;
                let rate = diffusion_time_derivative(schedule, t, level, &x, scratch)?.to_array();
                for (value, rate) in values.iter_mut().zip(rate) {
                    value.time_derivative = Some(rate);
                }
            }
        }
    }
    Ok(values)
}
