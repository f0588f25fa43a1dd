//! What an ablation found, value by value.

use amc_core::logdet::PenaltyRule;
use amc_core::simd::Instructions;
use serde::Serialize;

use super::determinant::{self, DeterminantRecord, Estimator};
use super::inverse::{self, InverseRecord};
use super::plan::{Ablation, Piece, Variant};
use super::statistics::Moments;
use super::subject::{Setting, Subject};
use crate::config::{Algorithm, FlowMapConfig, LogDetConfig, RunConfig};
use crate::levels;
use crate::run::{Estimate, Problem, RunError, Top, estimates, flow_choice};
use crate::sampler::{SamplerError, Silent};

/// Everything that was measured. Numbers without a value are NaN (`null` in JSON).
#[derive(Debug, Serialize)]
pub struct Findings<'a> {
    /// What was varied.
    pub subject: Subject,
    /// Name of the target.
    pub target: String,
    /// Dimension `d`.
    pub dim: usize,
    /// Times of levels `0..=L`, the same for all values.
    pub times: Vec<f64>,
    /// Seeds of the runs.
    pub seeds: &'a [u64],
    /// How much the study of determinants or inverses took, if there was one.
    pub study: Option<StudySize>,
    /// Default values that the configuration refuses.
    pub left_out: &'a [String],
    /// Value by value.
    pub rows: Vec<Row>,
    /// The vector instructions that the kernels ran on.
    pub instructions: &'static str,
    /// The configuration as given, with every default.
    pub config: &'a RunConfig,
}

/// The size of a study.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct StudySize {
    /// Exact samples of every noisy level.
    pub particles: usize,
    /// Estimates at each of them.
    pub repetitions: usize,
}

/// What was measured for one value.
#[derive(Debug, Clone, Serialize)]
pub struct Row {
    /// The value.
    pub value: Setting,
    /// The runs, where the value makes a difference to them.
    pub runs: Option<RunsRecord>,
    /// The estimate of the determinant by itself.
    pub determinant: Option<DeterminantRecord>,
    /// The inverse by itself.
    pub inverse: Option<InverseRecord>,
}

/// Runs over several seeds. Averages are over the runs that came through.
#[derive(Debug, Clone, Serialize)]
pub struct RunsRecord {
    /// Mean of `log Z`, whose truth is 0: the bias.
    pub log_z: f64,
    /// Its standard error: over seeds, or as a single run claims it.
    pub log_z_std_error: f64,
    /// Standard deviation of `log Z` over seeds; NaN of one.
    pub log_z_deviation: f64,
    /// Effective sample size as a fraction of `N` (ais, smc).
    pub ess: Option<f64>,
    /// Mean rejection probability of swaps (replica-exchange).
    pub mean_rejection_rate: Option<f64>,
    /// Scores of a particle, or of a ladder in a round; pilot and placement left out.
    pub scores: f64,
    /// Hessian-vector products, likewise.
    pub products: f64,
    /// Share of crossings that were rejected: not inverted, or the map folds.
    pub rejected: Option<f64>,
    /// Share of crossings whose estimate is too noisy for the closed-form penalty.
    pub past_penalty: Option<f64>,
    /// Share of crossings whose series does not converge.
    pub diverged: Option<f64>,
    /// Wall time of a run with its pilot.
    pub seconds: f64,
    /// Why runs failed, if some did.
    pub failures: Vec<String>,
    /// Seed by seed.
    pub seeds: Vec<Estimate>,
}

/// Measures everything that a plan asks for.
pub(super) fn measure<'a>(
    plan: &'a Ablation,
    begin: &mut dyn FnMut(Piece),
) -> Result<Findings<'a>, RunError> {
    let name = "levels".to_owned();
    begin(Piece { count: plan.variants.len() * plan.seeds.len(), name });
    let times = levels::place(&plan.config, &plan.problem, &mut Silent)?.times;
    let mut rows: Vec<Row> = plan
        .variants
        .iter()
        .map(|v| Row { value: v.setting.clone(), runs: None, determinant: None, inverse: None })
        .collect();
    let groups = if plan.subject.is_about_determinants() { groups(plan)? } else { Vec::new() };
    let inverses = usize::from(plan.subject == Subject::NIter);
    let runs = if plan.needs_runs() { plan.variants.len() * plan.seeds.len() } else { 0 };
    let count = 1 + (groups.len() + inverses) * (times.len() - 1) + runs;
    let mut begin = |name: String| begin(Piece { count, name });

    for group in &groups {
        study_determinants(plan, &times, group, &mut rows, &mut begin)?;
    }
    if inverses > 0 {
        study_inverses(plan, &times, &mut rows, &mut begin)?;
    }
    if plan.needs_runs() {
        for (variant, row) in plan.variants.iter().zip(&mut rows) {
            row.runs = Some(run(plan, &times, variant, &mut begin)?);
        }
    }
    let study = match plan.subject {
        Subject::Rank => None,
        Subject::NIter => {
            Some(StudySize { particles: inverse::particles(times.len() - 1), repetitions: 1 })
        }
        _ => Some(StudySize {
            particles: determinant::PARTICLES,
            repetitions: determinant::REPETITIONS,
        }),
    };
    Ok(Findings {
        subject: plan.subject,
        target: plan.problem.mixture.parameters().name.clone(),
        dim: plan.problem.mixture.dim(),
        times,
        seeds: &plan.seeds,
        study,
        left_out: &plan.left_out,
        rows,
        instructions: Instructions::current().name(),
        config: &plan.config,
    })
}

/// Values that share a map, and thus the exact determinants.
struct Group<'a> {
    config: &'a RunConfig,
    estimators: Vec<Estimator>,
    /// Estimator and penalty of each value, by its index.
    places: Vec<(usize, usize, usize)>,
}

/// The values grouped by map, and in a group by estimator.
fn groups(plan: &Ablation) -> Result<Vec<Group<'_>>, RunError> {
    let dim = plan.problem.mixture.dim();
    let mut groups: Vec<Group<'_>> = Vec::new();
    let mut seen: Vec<Vec<LogDetConfig>> = Vec::new();
    for (index, variant) in plan.variants.iter().enumerate() {
        let Some(flow) = variant.config.bridge.flow_map() else { continue };
        let same_map = |group: &Group<'_>| flow_of(group.config).map(|f| f.map) == Some(flow.map);
        let g = groups.iter().position(same_map).unwrap_or_else(|| {
            let estimators = Vec::new();
            groups.push(Group { config: &variant.config, estimators, places: Vec::new() });
            seen.push(Vec::new());
            groups.len() - 1
        });
        let choice = flow_choice(flow, dim, Top::of(&variant.config))?;
        let samples = choice.determinant.probes(dim);
        // Penalties correct the same estimates.
        let same =
            |other: &LogDetConfig| *other == LogDetConfig { penalty: other.penalty, ..flow.logdet };
        let e = seen[g].iter().position(same).unwrap_or_else(|| {
            seen[g].push(flow.logdet);
            let penalties = Vec::new();
            groups[g].estimators.push(Estimator { determinant: choice.determinant, penalties });
            seen[g].len() - 1
        });
        let penalties = &mut groups[g].estimators[e].penalties;
        penalties.push(PenaltyRule::new(choice.penalty, samples)?);
        let p = penalties.len() - 1;
        groups[g].places.push((index, e, p));
    }
    Ok(groups)
}

fn flow_of(config: &RunConfig) -> Option<&FlowMapConfig> {
    config.bridge.flow_map()
}

fn study_determinants(
    plan: &Ablation,
    times: &[f64],
    group: &Group<'_>,
    rows: &mut [Row],
    begin: &mut dyn FnMut(String),
) -> Result<(), RunError> {
    let (config, problem): (&RunConfig, &Problem) = (group.config, &plan.problem);
    let mut begin = |level: usize| begin(format!("determinants at level {level}"));
    let records = problem.with_annealing(config, times, Top::of(config), |annealing, _| {
        Ok(determinant::study(annealing, &group.estimators, &mut begin)?)
    })?;
    for &(index, e, p) in &group.places {
        rows[index].determinant = Some(records[e][p].clone());
    }
    Ok(())
}

fn study_inverses(
    plan: &Ablation,
    times: &[f64],
    rows: &mut [Row],
    begin: &mut dyn FnMut(String),
) -> Result<(), RunError> {
    let (config, dim) = (&plan.config, plan.problem.mixture.dim());
    let flows = plan.variants.iter().filter_map(|variant| flow_of(&variant.config));
    let rules: Result<Vec<_>, _> = flows
        .map(|flow| flow_choice(flow, dim, Top::of(config)).map(|choice| choice.inversion))
        .collect();
    let rules = rules?;
    let mut begin = |level: usize| begin(format!("inverses at level {level}"));
    let records = plan.problem.with_annealing(config, times, Top::of(config), |annealing, _| {
        Ok(inverse::study(annealing, &rules, &mut begin)?)
    })?;
    for (row, record) in rows.iter_mut().zip(records) {
        row.inverse = Some(record);
    }
    Ok(())
}

fn run(
    plan: &Ablation,
    times: &[f64],
    variant: &Variant,
    begin: &mut dyn FnMut(String),
) -> Result<RunsRecord, RunError> {
    let (subject, value) = (plan.subject.name(), &variant.setting);
    let mut begin = |seed: u64| begin(format!("{subject} = {value}, seed {seed}"));
    let all = estimates(&variant.config, &plan.problem, times, &plan.seeds, &mut begin)?;
    let (mut seeds, mut failures) = (Vec::new(), Vec::new());
    for estimate in all {
        match estimate {
            Ok(estimate) => seeds.push(estimate),
            // A method that loses everything is what an ablation may find.
            Err(RunError::Sampler(lost @ SamplerError::LostAllWeight { .. })) => {
                failures.push(lost.to_string());
            }
            Err(other) => return Err(other),
        }
    }
    Ok(summary(&variant.config, seeds, failures))
}

/// Averages over seeds.
fn summary(config: &RunConfig, seeds: Vec<Estimate>, failures: Vec<String>) -> RunsRecord {
    let list = |value: &dyn Fn(&Estimate) -> Option<f64>| -> Vec<f64> {
        seeds.iter().filter_map(value).collect()
    };
    let mean = |value: &dyn Fn(&Estimate) -> Option<f64>| Moments::of(&list(value)).mean;
    let optional = |value: &dyn Fn(&Estimate) -> Option<f64>| {
        Some(mean(value)).filter(|_| seeds.iter().any(|seed| value(seed).is_some()))
    };
    let units = units(config);
    let share = |count: fn(&crate::run::MapReport) -> u64| {
        let of = move |seed: &Estimate| {
            seed.map.as_ref().map(|map| count(map) as f64 / map.crossings.max(1) as f64)
        };
        optional(&of)
    };
    let log_z = Moments::of(&list(&|seed| Some(seed.log_z)));
    let log_z_std_error = match seeds.as_slice() {
        [only] => only.log_z_std_error,
        _ => log_z.std_error,
    };
    RunsRecord {
        log_z: log_z.mean,
        log_z_std_error,
        log_z_deviation: log_z.deviation,
        ess: optional(&|seed| seed.ess),
        mean_rejection_rate: optional(&|seed| seed.mean_rejection_rate),
        scores: mean(&|seed| Some(seed.evaluations.score as f64 / units)),
        products: mean(&|seed| Some(seed.evaluations.hessian_product as f64 / units)),
        rejected: share(|map| map.not_inverted + map.not_positive),
        past_penalty: share(|map| map.past_penalty),
        diverged: share(|map| map.diverged),
        seconds: mean(&|seed| Some(seed.seconds)),
        failures,
        seeds,
    }
}

/// Particles, or ladders times rounds: what the cost is divided by.
fn units(config: &RunConfig) -> f64 {
    match config.sampler.algorithm {
        Algorithm::Ais { particles } | Algorithm::Smc { particles, .. } => {
            (particles * config.sampler.repetitions) as f64
        }
        Algorithm::ReplicaExchange(rules) => (rules.ladders * (rules.rounds + rules.warmup)) as f64,
    }
}
