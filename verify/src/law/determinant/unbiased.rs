//! Estimates of `log|det(I + M)| = tr F`, `F = log(I + M)`, are unbiased.
//!
//! Probes of signs have `|z|^2 = d`, so a form `z^T F z` lies within `d [l, u]` where `[l, u]` holds all `w^T F w`,
//! `|w| = 1`; so does the mean of several. Hutch++ (see [`amc_core::logdet::HutchPlusPlus`]) gives
//! `tr(Q F Q^T) + e (d - k) + z'^T (F - e I) z'` with `e` in `[l, u]` and `|z'|^2 <= d`: within
//! `d [l - (u - l), u + (u - l)]`. Values in a known interval make the mean's bound hold at every sample size.

use amc_core::krylov::{LinearOperator, OperatorShape};
use amc_core::logdet::LogDeterminant;
use amc_core::point::{Context, Evaluations};
use amc_core::scratch::Scratch;
use amc_core::simd::splat;

use crate::bound::bonferroni;
use crate::bound::bounded_mean::{Summary, mean_p_value};
use crate::{Budget, Verdict, VerifyError};

/// Slack for rounding at the ends of a range.
const ROUNDING: f64 = 1e-9;

/// An interval in which every value of an estimator lies.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ValueRange {
    low: f64,
    high: f64,
}

impl ValueRange {
    /// Of Hutchinson's estimate in dimension `dim` with probes of signs, where `w^T F w` lies in `[low, high]` for unit
    /// vectors `w`; a form cut short may lie outside by `truncation`, which is added.
    pub fn hutchinson(dim: usize, (low, high): (f64, f64), truncation: f64) -> Self {
        let d = dim as f64;
        Self { low: d * low - truncation, high: d * high + truncation }
    }

    /// Of Hutch++ alike.
    pub fn hutch_plus_plus(dim: usize, (low, high): (f64, f64), truncation: f64) -> Self {
        let width = high - low;
        Self::hutchinson(dim, (low - width, high + width), truncation)
    }
}

/// An estimator on an operator whose determinants are known.
#[derive(Clone, Copy)]
pub struct TraceInstance<'a> {
    /// Name in verdicts.
    pub name: &'a str,
    /// The estimator; its probes must be signs, which bounds its values.
    pub estimator: &'a dyn LogDeterminant,
    /// `M`, one in each lane.
    pub operator: &'a dyn LinearOperator,
    /// Its shape.
    pub shape: OperatorShape,
    /// `log|det(I + M)|` of each lane.
    pub truth: [f64; 8],
    /// Where values lie.
    pub range: ValueRange,
    /// Most that truncation may move a mean by.
    pub truncation: f64,
}

/// The mean of an estimate is the logarithm of the determinant, over all lanes and in each, up to the truncation
/// allowed (mean of bounded variables); no value leaves its range.
///
/// With `n` values in a range of width `b`, mostly within `s` of the truth, a pass excludes a bias of
/// `s sqrt(50/n) + 55 b/n` for all lanes together (at a share of 1e-9): 0.002 for `d = 8`, `b = 2.5`, `s = 0.05` and
/// 64,000 samples. Inconclusive if the estimator states a larger truncation than is allowed.
///
/// # Errors
/// Those of the estimator, and of an unusable budget.
pub fn unbiased(instance: &TraceInstance<'_>, budget: &Budget) -> Result<Verdict, VerifyError> {
    const LAW: &str = "determinant::unbiased";
    budget.check()?;
    let TraceInstance { name, estimator, operator, shape, truth, range, truncation } = *instance;
    let key = budget.key(LAW, name);
    let mut memory = vec![splat(f64::NAN); estimator.scratch_len(shape)];
    let mut evaluations = Evaluations::default();
    let (mut lanes, mut stated) = ([const { Vec::new() }; 8], 0.0_f64);
    let mut outside = 0;
    for block in 0..budget.blocks() {
        let (mut stream, scratch) = (key.block(block as u64).stream(), Scratch::new(&mut memory));
        let context = Context { stream: &mut stream, scratch, evaluations: &mut evaluations };
        let estimate = estimator.estimate(operator, context)?;
        stated = estimate.bound.to_array().into_iter().fold(stated, worse);
        for ((list, value), truth) in lanes.iter_mut().zip(estimate.value.to_array()).zip(truth) {
            let within = value >= range.low - ROUNDING && value <= range.high + ROUNDING;
            outside += usize::from(!within);
            list.push(value - truth);
        }
    }
    let samples = 8 * budget.blocks();
    if outside > 0 {
        let detail = format!("{outside} values outside [{:.4}, {:.4}]", range.low, range.high);
        return Ok(Verdict::from_p_value((LAW, name), budget, samples, 0.0, detail));
    }
    let smallest = truth.into_iter().fold(f64::INFINITY, f64::min);
    let largest = truth.into_iter().fold(f64::NEG_INFINITY, f64::max);
    let errors = (range.low - ROUNDING - largest, range.high + ROUNDING - smallest);
    let all: Vec<f64> = lanes.iter().flatten().copied().collect();
    let (mut p_values, mut worst) = (Vec::new(), (f64::INFINITY, String::new()));
    let lists = lanes.iter().enumerate().map(|(lane, list)| (format!("lane {lane}"), list));
    for (place, values) in lists.chain([("all lanes".to_owned(), &all)]) {
        let summary = Summary::new(values, errors.0, errors.1)?;
        let mean = summary.mean();
        let p_value = mean_p_value(&summary, mean.clamp(-truncation, truncation));
        if p_value < worst.0 {
            worst = (p_value, format!("{place}: mean error {mean:.6}"));
        }
        p_values.push(p_value);
    }
    let detail = format!("worst {}, truncation {stated:.1e}", worst.1);
    let p_value = bonferroni(&p_values);
    let verdict = Verdict::from_p_value((LAW, name), budget, samples, p_value, detail);
    if verdict.passed() && stated > truncation {
        let premise = format!("truncation of {stated:.1e}, {truncation:.1e} allowed");
        return Ok(verdict.without_premise(premise));
    }
    Ok(verdict)
}

/// The larger one; a NaN is infinite.
fn worse(largest: f64, value: f64) -> f64 {
    largest.max(if value.is_nan() { f64::INFINITY } else { value })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fails if a range is too narrow for what it must hold: `d = 2`, `F = diag(0.1, 0.4)`, all sketches and probes.
    #[test]
    fn ranges_hold_every_value() {
        let (low, high) = (0.1, 0.4);
        let plain = ValueRange::hutchinson(2, (low, high), 0.0);
        let range = ValueRange::hutch_plus_plus(2, (low, high), 0.01);
        assert_eq!(plain, ValueRange { low: 0.2, high: 0.8 });
        let form = |w: [f64; 2]| low * w[0] * w[0] + high * w[1] * w[1];
        for i in 0..64 {
            let angle = 0.1 * f64::from(i);
            let (q, p) =
                ([libm::cos(angle), libm::sin(angle)], [-libm::sin(angle), libm::cos(angle)]);
            for z in [[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0]] {
                let along = z[0] * p[0] + z[1] * p[1];
                for e in [low, high] {
                    let value = form(q) + e + along * along * (form(p) - e);
                    assert!(value >= range.low && value <= range.high, "{value}");
                }
            }
        }
    }
}
