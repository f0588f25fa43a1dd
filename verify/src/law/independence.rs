//! Two independent uniforms, tested together: each alone, and what sees a relation between them.
//!
//! `U` and `V` uniform on `(0, 1)` and independent make `frac(U + V)` and `frac(U - V)` uniform too and
//! `E[(2U-1)(2V-1)] = 0`. The same holds for `|2U-1|` and `|2V-1|`, which also see a common distance
//! from the centre. States come here as `U = F_t(u . x_t)`, `V = F_s(u . x_s)`, with the distribution
//! functions of their projections.

use crate::VerifyError;
use crate::bound::bounded_mean::{Summary, mean_p_value};
use crate::bound::kolmogorov::{dkw_p_value, kolmogorov_distance};

/// One statistic with its p-value.
#[derive(Debug)]
pub(super) struct Finding {
    pub(super) what: &'static str,
    pub(super) value: f64,
    pub(super) p_value: f64,
}

impl Finding {
    /// The Kolmogorov distance to the uniform law.
    fn uniform(what: &'static str, mut sample: Vec<f64>) -> Self {
        let value = kolmogorov_distance(&mut sample, &|u: f64| u.clamp(0.0, 1.0));
        Self { what, value, p_value: dkw_p_value(value, sample.len()) }
    }

    /// The mean, which must be 0, of values in `[-1, 1]`; one that is not, or NaN, refutes.
    pub(super) fn mean(what: &'static str, values: &[f64]) -> Result<Self, VerifyError> {
        if values.iter().any(|value| !(-1.0..=1.0).contains(value)) {
            return Ok(Self { what, value: f64::NAN, p_value: 0.0 });
        }
        let summary = Summary::new(values, -1.0, 1.0)?;
        Ok(Self { what, value: summary.mean(), p_value: mean_p_value(&summary, 0.0) })
    }

    /// What two independent uniforms must satisfy.
    pub(super) fn joint(u: &[f64], v: &[f64]) -> Result<[Self; 8], VerifyError> {
        let both = |f: &dyn Fn(f64, f64) -> f64| -> Vec<f64> {
            u.iter().zip(v).map(|(&u, &v)| f(u, v)).collect()
        };
        let fraction = |x: f64| x - libm::floor(x);
        let folded = |u: f64| libm::fabs(2.0 * u - 1.0);
        let product = |u: f64, v: f64| (2.0 * u - 1.0) * (2.0 * v - 1.0);
        Ok([
            Self::uniform("noisier partner, distance", u.to_vec()),
            Self::uniform("cleaner partner, distance", v.to_vec()),
            Self::uniform("sum, distance", both(&|u, v| fraction(u + v))),
            Self::uniform("difference, distance", both(&|u, v| fraction(u - v))),
            Self::uniform("folded sum, distance", both(&|u, v| fraction(folded(u) + folded(v)))),
            Self::uniform(
                "folded difference, distance",
                both(&|u, v| fraction(folded(u) - folded(v))),
            ),
            Self::mean("product", &both(&product))?,
            Self::mean("folded product", &both(&|u, v| product(folded(u), folded(v))))?,
        ])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bound::bonferroni;
    use amc_core::rng::{Key, Purpose};

    fn uniforms(seed: u64) -> (Vec<f64>, Vec<f64>) {
        let mut stream = Key::new(seed, Purpose::User).stream();
        let mut draw = || (0..4000).map(|_| stream.uniform()).collect();
        (draw(), draw())
    }

    fn p_value(u: &[f64], v: &[f64]) -> f64 {
        let findings = Finding::joint(u, v).unwrap();
        bonferroni(&findings.map(|finding| finding.p_value))
    }

    /// Fails if independent uniforms are refuted, or partners pass that are uniform each but equal,
    /// mirrored, or alike in their distance from the centre alone.
    #[test]
    fn dependence_is_seen() {
        let (u, v) = uniforms(1);
        assert!(p_value(&u, &v) > 1e-4);
        assert!(p_value(&u, &u) < 1e-12);
        let mirrored: Vec<f64> = u.iter().map(|u| 1.0 - u).collect();
        assert!(p_value(&u, &mirrored) < 1e-12);
        let alike: Vec<f64> =
            u.iter().zip(&v).map(|(u, v)| if *v < 0.5 { *u } else { 1.0 - u }).collect();
        assert!(p_value(&u, &alike) < 1e-12);
    }

    /// Fails if a state that is not a number passes, or is an error instead of a refutation.
    #[test]
    fn not_a_number_refutes() {
        let (mut u, v) = uniforms(2);
        u[7] = f64::NAN;
        assert_eq!(p_value(&u, &v), 0.0);
    }
}
