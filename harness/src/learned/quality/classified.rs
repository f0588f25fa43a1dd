//! Neighbouring levels told apart: the classification loss of a model beside the optimum.
//!
//! With `a = log p_i - log p_j` at samples of level `i`, and `b` the same at samples of level `j`,
//!
//! `L(f) = (E softplus(f - a) + E softplus(b - f))/2`   \[OuYang26\], `k = 2`
//!
//! A model has a free constant for each level; the `f` with the smallest loss solves
//! `E sigmoid(f - a) = E sigmoid(b - f)`, as Bennett's acceptance ratio does. For the exact densities that is 0 but for
//! the noise of the samples; they get their `f` from the same samples, so that a perfect model has no excess.

use serde::Serialize;

use super::Measured;
use super::points::{Points, Told};

/// Two levels, told apart.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct ClassifiedPair {
    /// Of the two levels, the noisier first.
    pub log_snrs: [f64; 2],
    /// Loss of the model.
    pub model: f64,
    /// Loss of the exact densities: the smallest that can be.
    pub exact: f64,
    /// The model's less the exact one, of the same samples.
    pub excess: Measured,
}

impl ClassifiedPair {
    /// From samples of both levels; none without a density.
    pub(super) fn of(log_snrs: [f64; 2], noisier: &Points, cleaner: &Points) -> Option<Self> {
        if !noisier.has_density {
            return None;
        }
        // Of the noisier level against its cleaner neighbour, and the other way round.
        let own = || noisier.points.iter().map(|point| point.told[1]);
        let other = || cleaner.points.iter().map(|point| point.told[0]);
        let best = |read: fn(Told) -> f64| {
            let (a, b): (Vec<f64>, Vec<f64>) =
                (own().map(read).collect(), other().map(|told| -read(told)).collect());
            best_constant(&a, &b)
        };
        let (model, exact) = (best(|told| told.model), best(|told| told.exact));
        let excess = |told: Told, sign: f64| {
            softplus(sign * model - told.model) - softplus(sign * exact - told.exact)
        };
        let first = Measured::mean(own().map(|told| excess(told, 1.0)));
        let second = Measured::mean(other().map(|told| excess(told, -1.0)));
        let exact = [
            Measured::mean(own().map(|told| softplus(exact - told.exact))).value,
            Measured::mean(other().map(|told| softplus(-exact - told.exact))).value,
        ];
        let exact = 0.5 * (exact[0] + exact[1]);
        let value = 0.5 * (first.value + second.value);
        let std_error = 0.5 * libm::hypot(first.std_error, second.std_error);
        let excess = Measured { value, std_error };
        Some(Self { log_snrs, model: exact + value, exact, excess })
    }
}

/// `log(1 + e^x)`, of any size.
fn softplus(x: f64) -> f64 {
    x.max(0.0) + libm::log1p(libm::exp(-x.abs()))
}

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + libm::exp(-x))
}

/// The `f` with the smallest loss, by bisection: the derivative is not positive at the smallest number of both lists
/// and not negative at the largest.
fn best_constant(a: &[f64], b: &[f64]) -> f64 {
    let both = a.iter().chain(b);
    let mut low = both.clone().copied().fold(f64::INFINITY, f64::min);
    let mut high = both.copied().fold(f64::NEG_INFINITY, f64::max);
    // As many halvings as a double has digits, and some for a root near 0.
    for _ in 0..64 {
        let middle = 0.5 * low + 0.5 * high;
        let rising = a.iter().map(|a| sigmoid(middle - a)).sum::<f64>() / a.len() as f64;
        let falling = b.iter().map(|b| sigmoid(b - middle)).sum::<f64>() / b.len() as f64;
        if rising > falling {
            high = middle
        } else {
            low = middle
        }
        if high - low <= 1e-12 * low.abs().max(high.abs()) {
            break;
        }
    }
    0.5 * low + 0.5 * high
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The loss, written down.
    fn loss(a: &[f64], b: &[f64], f: f64) -> f64 {
        let first = a.iter().map(|a| softplus(f - a)).sum::<f64>() / a.len() as f64;
        let second = b.iter().map(|b| softplus(b - f)).sum::<f64>() / b.len() as f64;
        0.5 * (first + second)
    }

    /// Fails if the constant is not the best one, takes a sign wrong (lists of unlike sizes and places), or does not
    /// move with the lists, hundreds of nats included.
    #[test]
    fn the_constant_is_the_best() {
        let (a, b) = ([0.3, 2.0, -1.5, 4.0], [-2.0, 0.1, -7.0]);
        let best = best_constant(&a, &b);
        for step in [-1e-3, 1e-3] {
            assert!(loss(&a, &b, best) < loss(&a, &b, best + step), "{best}");
        }
        for offset in [-700.0, 350.0] {
            let moved = best_constant(&a.map(|a| a + offset), &b.map(|b| b + offset));
            assert!((moved - best - offset).abs() < 1e-9, "{moved}");
        }
        assert!((softplus(800.0) - 800.0).abs() < 1e-12 && softplus(-800.0) >= 0.0);
        assert!((softplus(1.0) - libm::log(1.0 + libm::exp(1.0))).abs() < 1e-15);
    }
}
