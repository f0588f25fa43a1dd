//! Log-sum-exp of log-weights and the effective sample size, against double-doubles.
//!
//! Both run on lanes, over counts with a remainder for every unrolling, from equal weights to one that holds
//! everything. The logarithm is measured beside `max(1, |log S|)`, the size beside itself.

use amc_core::weight::{effective_sample_size, log_sum_exp};
use amc_verify::oracle::DoubleDouble;

use super::common::on_every_instruction_set;
use super::problems::wave;
use super::table::{Row, on};

/// Numbers of weights, how far their logarithms spread, and where they lie.
const COUNTS: [usize; 7] = [1, 2, 7, 8, 65, 1_000, 4_099];
const SPREADS: [f64; 5] = [0.0, 0.3, 5.0, 60.0, 700.0];
const OFFSETS: [f64; 4] = [0.0, -0.7, 300.0, -1e6];

fn log_weights(count: usize, spread: f64, offset: f64) -> Vec<f64> {
    (0..count).map(|i| offset + spread * wave(i, 1.3)).collect()
}

/// `log sum exp` and `(sum W)^2 / sum W^2`.
fn exact(values: &[f64]) -> (DoubleDouble, DoubleDouble) {
    let top = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let zero = DoubleDouble::ZERO;
    let terms: Vec<DoubleDouble> = values
        .iter()
        .map(|&value| DoubleDouble::sum_of(value, -top))
        // What lies below e^-600 of the largest is nothing at this precision.
        .map(|term| if term.high() > -600.0 { term.exp() } else { zero })
        .collect();
    let sum = terms.iter().fold(zero, |sum, &term| sum + term);
    let squares = terms.iter().fold(zero, |sum, &term| sum + term * term);
    (DoubleDouble::of(top) + sum.ln(), sum * sum / squares)
}

/// Measures both on every set.
pub fn measure() -> Vec<Row> {
    let mut rows = Vec::new();
    on_every_instruction_set(|set| {
        let mut logarithm = Row::new("log-sum-exp", on(set), "eps");
        let mut size = Row::new("effective sample size", on(set), "eps");
        for count in COUNTS {
            for spread in SPREADS {
                for offset in OFFSETS {
                    let values = log_weights(count, spread, offset);
                    let (log_sum, ess) = exact(&values);
                    let place = || format!("{count} weights, {spread} about {offset}");
                    let error = DoubleDouble::of(log_sum_exp(&values)) - log_sum;
                    logarithm
                        .enter_relative(error.abs().high() / log_sum.high().abs().max(1.0), place);
                    let error = DoubleDouble::of(effective_sample_size(&values)) - ess;
                    size.enter_relative(error.abs().high() / ess.high(), place);
                }
            }
        }
        rows.extend([logarithm, size]);
    });
    rows
}
