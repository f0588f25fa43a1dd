//! The integral of a density in up to three dimensions, by quadrature.
//!
//! `log int p(x) dx = log_normalizer` over a box that holds all but 1e-13 of the mass in each coordinate, known from
//! the exact projections. The trapezoidal rule on a lattice of spacing `h` errs, for an analytic density that vanishes at
//! the box, by `exp(-c/h)` (Trefethen & Weideman 2014), so the lattice is refined by halves until two values agree.

use amc_core::scratch::Scratch;
use amc_core::simd::{f64x8, splat};

use super::DensityInstance;
use crate::{Budget, Verdict, VerifyError};

/// Most dimensions.
const MOST_DIMENSIONS: usize = 3;
/// Mass left out at either end of a coordinate.
const LEFT_OUT: f64 = 1e-13;
/// Cells of a side at first, and at most.
const CELLS: (usize, usize) = (16, 256);
/// Change of the logarithm at which refining ends.
const SETTLED: f64 = 1e-8;
/// Largest error of the logarithm.
const TOLERANCE: f64 = 1e-7;

/// The logarithm of the integral is that of the law's normalizer, to 1e-7.
///
/// A pass excludes any wrong constant of the density, and a wrong shape as far as it changes the integral. No number is
/// random: the p-value is 1 or 0, and `samples` are points. Inconclusive where 256 points a side do not settle it to
/// 1e-8. In three dimensions it takes up to a second.
///
/// # Errors
/// Those of the density, more than three dimensions, and of an unusable budget.
pub fn normalization(
    instance: &DensityInstance<'_>,
    budget: &Budget,
) -> Result<Verdict, VerifyError> {
    const LAW: &str = "density::normalization";
    budget.check()?;
    let d = instance.law.density().dim();
    VerifyError::check_range("dimension", d as f64, 1.0, MOST_DIMENSIONS as f64)?;
    let sides = sides(instance)?;
    let expected = instance.law.log_normalizer();
    let (mut cells, mut points) = (CELLS.0, 0);
    let mut found = log_integral(instance, &sides, cells)?;
    let mut change = f64::INFINITY;
    while (change > SETTLED || change.is_nan()) && cells < CELLS.1 {
        cells *= 2;
        let finer = log_integral(instance, &sides, cells)?;
        points = libm::pow(cells as f64, d as f64) as usize;
        (change, found) = (libm::fabs(finer - found), finer);
    }
    let holds = libm::fabs(found - expected) <= TOLERANCE;
    let detail = format!(
        "log integral {found:.10} for {expected:.10}, {cells} points a side, last change {change:.1e}"
    );
    let p_value = if holds { 1.0 } else { 0.0 };
    let verdict = Verdict::from_p_value((LAW, instance.name), budget, points, p_value, detail);
    if verdict.passed() && (change > SETTLED || change.is_nan()) {
        return Ok(verdict.without_premise("the quadrature has not settled".into()));
    }
    Ok(verdict)
}

/// Where the mass of each coordinate begins and ends.
fn sides(instance: &DensityInstance<'_>) -> Result<Vec<(f64, f64)>, VerifyError> {
    let d = instance.law.density().dim();
    let side = |i: usize| {
        let axis: Vec<f64> = (0..d).map(|j| f64::from(u8::from(i == j))).collect();
        let minus: Vec<f64> = axis.iter().map(|a| -a).collect();
        // Upper ends as lower ends of the mirrored projection, whose small values keep their digits.
        let low = quantile(&instance.law.projection_cdf(&axis), LEFT_OUT)?;
        let high = -quantile(&instance.law.projection_cdf(&minus), LEFT_OUT)?;
        Ok((low, high))
    };
    (0..d).map(side).collect()
}

/// The point below which lies the mass `p`, by bisection.
pub(super) fn quantile(cdf: &dyn Fn(f64) -> f64, p: f64) -> Result<f64, VerifyError> {
    let (mut low, mut high) = (-1.0, 1.0);
    while cdf(low) > p || cdf(high) < p {
        (low, high) = (2.0 * low, 2.0 * high);
        VerifyError::check_range("quantile", high, 0.0, 1e150)?;
    }
    for _ in 0..200 {
        let middle = 0.5 * (low + high);
        if cdf(middle) < p {
            low = middle;
        } else {
            high = middle;
        }
    }
    Ok(0.5 * (low + high))
}

/// The logarithm of the lattice sum times the volume of a cell.
fn log_integral(
    instance: &DensityInstance<'_>,
    sides: &[(f64, f64)],
    cells: usize,
) -> Result<f64, VerifyError> {
    let density = instance.law.density();
    let d = sides.len();
    let mut memory = vec![splat(f64::NAN); density.scratch_len()];
    let mut x = vec![f64x8::ZERO; d];
    let rows = cells.pow(d as u32 - 1);
    let at = |i: usize, cell: f64| {
        let (low, high) = sides[i];
        low + (high - low) * (cell + 0.5) / cells as f64
    };
    let (mut shift, mut sum) = (f64::NEG_INFINITY, 0.0);
    for row in 0..rows {
        let mut rest = row;
        for (i, x) in x.iter_mut().enumerate().skip(1) {
            *x = splat(at(i, (rest % cells) as f64));
            rest /= cells;
        }
        for first in (0..cells).step_by(8) {
            x[0] = f64x8::new(core::array::from_fn(|lane| at(0, (first + lane) as f64)));
            let values = density.log_density(&x, Scratch::new(&mut memory))?.to_array();
            for value in values {
                // A running maximum keeps the exponentials in range.
                if value > shift {
                    sum *= libm::exp(shift - value);
                    shift = value;
                }
                sum += if value == f64::NEG_INFINITY { 0.0 } else { libm::exp(value - shift) };
            }
        }
    }
    let volume: f64 = sides.iter().map(|(low, high)| libm::log((high - low) / cells as f64)).sum();
    Ok(shift + libm::log(sum) + volume)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oracle::standard_normal_cdf;

    /// Fails if the bisection ends elsewhere: `Phi(-1) = 0.158655...`.
    #[test]
    fn quantiles() {
        let found = quantile(&standard_normal_cdf, 0.158_655_253_931_457_05).unwrap();
        assert!((found + 1.0).abs() < 1e-12, "{found}");
        assert!(quantile(&|_: f64| 0.5, 0.9).is_err());
    }
}
