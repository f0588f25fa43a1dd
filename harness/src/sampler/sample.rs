//! Weighted samples of the target, and how several runs' become one.

use amc_core::weight::{Evidence, effective_sample_size, log_sum_exp};
use serde::{Deserialize, Serialize};

use super::{AnnealedOutcome, SamplerError};

/// Positions with normalized weights.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WeightedSample {
    /// Positions, `[N x d]`, row-major.
    pub positions: Vec<f64>,
    /// Log-weights, `[N]`, whose exponentials sum to 1.
    pub log_weights: Vec<f64>,
    /// Weights, `[N]`, summing to 1.
    pub weights: Vec<f64>,
}

impl WeightedSample {
    /// Positions with equal weights.
    pub fn unweighted(positions: Vec<f64>, dim: usize) -> Self {
        let n = positions.len() / dim.max(1);
        let weight = 1.0 / n as f64;
        Self { positions, log_weights: vec![-libm::log(n as f64); n], weights: vec![weight; n] }
    }
}

/// Puts independent repetitions together, each with the weight of its own estimate of `Z`, so that
/// `Z` is the mean of the estimates and stays unbiased. Level records are those of the first.
///
/// # Errors
/// [`amc_core::error::Error::Empty`] without repetitions.
pub fn pool(repetitions: Vec<AnnealedOutcome>) -> Result<AnnealedOutcome, SamplerError> {
    let log_sum: Vec<f64> = repetitions.iter().map(|r| r.evidence.log_z).collect();
    let log_sum = log_sum_exp(&log_sum);
    let log_z = log_sum - libm::log(repetitions.len() as f64);
    let mut repetitions = repetitions.into_iter();
    let what = "repetitions";
    let mut first = repetitions.next().ok_or(amc_core::error::Error::Empty { what })?;
    let rescale = |outcome: &mut AnnealedOutcome| {
        let log_share = outcome.evidence.log_z - log_sum;
        let sample = &mut outcome.sample;
        sample.log_weights.iter_mut().for_each(|w| *w += log_share);
        sample.weights.iter_mut().for_each(|w| *w *= libm::exp(log_share));
    };
    rescale(&mut first);
    let (mut runs, mut rate) = (1.0, first.acceptance_rate);
    for mut next in repetitions {
        rescale(&mut next);
        let offset = first.families.len();
        first.families.extend(next.families.iter().map(|family| family + offset));
        first.sample.positions.append(&mut next.sample.positions);
        first.sample.log_weights.append(&mut next.sample.log_weights);
        first.sample.weights.append(&mut next.sample.weights);
        first.surviving_families += next.surviving_families;
        first.non_finite += next.non_finite;
        first.faults.add(&next.faults);
        first.evaluations.add(&next.evaluations, 1);
        runs += 1.0;
        rate = rate.zip(next.acceptance_rate).map(|(mean, r)| mean + (r - mean) / runs);
    }
    first.acceptance_rate = rate;
    let mut totals = vec![0.0; first.families.len()];
    let weights = &first.sample.weights;
    first.evidence = Evidence::from_families(log_z, weights, &first.families, &mut totals)?;
    let n = weights.len() as f64;
    first.ess = effective_sample_size(&first.sample.log_weights) / n;
    Ok(first)
}
