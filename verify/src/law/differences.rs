//! Derivatives by central differences extrapolated to step zero, with an estimate of their own error.
//!
//! `D(h) = (f(h) - f(-h))/(2 h) = f'(0) + c_1 h^2 + c_2 h^4 + ..`, so with steps halved again and again
//! `D_k^(j) = D_k^(j-1) + (D_k^(j-1) - D_(k-1)^(j-1))/(4^j - 1)` removes one power after the other (Richardson; the
//! tableau and its choice by the smallest change are Ridders', Adv. Eng. Softw. 4, 1982).

use crate::VerifyError;

/// Halvings of the step.
const HALVINGS: usize = 9;

/// Derivatives at 0 of several functions of one number, and how far off each may be.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Derivative {
    pub(crate) values: Vec<f64>,
    pub(crate) errors: Vec<f64>,
}

/// Differentiates `f` at 0, starting from the step `first`.
pub(crate) fn derivative(
    first: f64,
    mut f: impl FnMut(f64) -> Result<Vec<f64>, VerifyError>,
) -> Result<Derivative, VerifyError> {
    let (mut step, mut above): (f64, Vec<Vec<f64>>) = (first, Vec::new());
    let mut best = Derivative { values: Vec::new(), errors: Vec::new() };
    for row in 0..=HALVINGS {
        let (plus, minus) = (f(step)?, f(-step)?);
        let quotient: Vec<f64> =
            plus.iter().zip(&minus).map(|(p, m)| (p - m) / (2.0 * step)).collect();
        if row == 0 {
            best = Derivative {
                errors: vec![f64::INFINITY; quotient.len()],
                values: quotient.clone(),
            };
        }
        let mut current = vec![quotient];
        let mut factor = 1.0;
        for (column, old) in above.iter().enumerate() {
            factor *= 4.0;
            let next: Vec<f64> = current[column]
                .iter()
                .zip(old)
                .map(|(new, old)| new + (new - old) / (factor - 1.0))
                .collect();
            best.improve(&next, &current[column], old);
            current.push(next);
        }
        above = current;
        step *= 0.5;
    }
    Ok(best)
}

impl Derivative {
    /// Takes over the entries of `next` that changed less than all before, from the two they were made of.
    fn improve(&mut self, next: &[f64], new: &[f64], old: &[f64]) {
        let entries = self.values.iter_mut().zip(&mut self.errors);
        for ((value, error), ((&next, &new), &old)) in entries.zip(next.iter().zip(new).zip(old)) {
            let change = libm::fabs(next - new).max(libm::fabs(next - old));
            if change < *error {
                (*value, *error) = (next, change);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fails if a power of the step is removed with a wrong factor, or the stated error is smaller than the true one.
    #[test]
    fn known_derivatives() {
        let functions =
            |t: f64| Ok(vec![libm::exp(1.3 * t), libm::sin(3.0 * t + 0.4), 1e4 * t * t]);
        let expected = [1.3, 3.0 * libm::cos(0.4), 0.0];
        let found = derivative(0.3, functions).unwrap();
        for i in 0..3 {
            let error = (found.values[i] - expected[i]).abs();
            assert!(error < 1e-11 && error <= 10.0 * found.errors[i] + 1e-12, "{i} {error}");
        }
    }

    /// Fails if a kink is not reported as an error.
    #[test]
    fn kinks_have_large_errors() {
        let found = derivative(0.3, |t| Ok(vec![libm::fabs(t - 1e-3)])).unwrap();
        assert!(found.errors[0] > 1e-3 || (found.values[0] + 1.0).abs() < 1e-6, "{found:?}");
    }
}
