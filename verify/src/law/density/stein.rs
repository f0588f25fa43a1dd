//! Stein's identities between a score and samples, in a bounded form.
//!
//! `E[S] = 0` and `E[X_i S_j] = -delta_ij` are what happens to `int p = 1` under an infinitesimal shift, scaling or
//! shear of space (Stein 1972). Finite maps `T = exp(t A)` say the same without unbounded terms: with `y = T x`,
//!
//! `E[g(X, TX) min(1, r_+)] = E[g(T^-1 X, X) min(1, r_-)]`,
//!
//! `r_+ = p(Tx) |det T|/p(x)`, `r_- = p(T^-1 x) |det T^-1|/p(x)`, for any bounded `g`. The ratios are computed from the score alone,
//! `log p(Tx) - log p(x) = int_0^t S(x_u) . A x_u du`, by a Gauss-Legendre rule along the flow `x_u = exp(u A) x`.

use amc_core::scratch::Scratch;
use amc_core::simd::{exp, f64x8, less_equal, select, splat};

use super::DensityInstance;
use super::normalization::quantile;
use crate::bound::bonferroni;
use crate::bound::bounded_mean::{Summary, mean_p_value};
use crate::law::particles::{Particles, Workspace};
use crate::law::quadrature::GaussLegendre;
use crate::{Budget, Verdict, VerifyError};

/// Points of the rule along a flow.
const POINTS: usize = 8;
/// Allowed for the rule's error in a mean; on the standard mixtures it is 5e-7 at most, 4e-6 with six points.
const QUADRATURE: f64 = 1e-5;
/// Length of a shift, in standard deviations or so; angle of a shear and logarithm of a scaling.
const LENGTH: f64 = 0.7;

/// A flow of space.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Flow {
    /// `x_i + t w`, `w` the width of the coordinate.
    Shift { i: usize, width: f64 },
    /// `x_i <- e^t x_i` about the median: `A = e_i e_i^T`, `|det T| = e^t`.
    Scaling { i: usize },
    /// `x_i <- x_i + t (x_j - median)`.
    Shear { i: usize, j: usize },
}

/// Center and width of each coordinate, from the exact projections.
struct Frame {
    centers: Vec<f64>,
    widths: Vec<f64>,
}

impl Flow {
    fn all(frame: &Frame) -> Vec<Self> {
        let d = frame.centers.len();
        let shifts = (0..d).map(|i| Self::Shift { i, width: frame.widths[i] });
        let scalings = (0..d).map(|i| Self::Scaling { i });
        let pairs = (0..d).flat_map(|i| (0..d).filter(move |&j| j != i).map(move |j| (i, j)));
        let shears = pairs.map(|(i, j)| Self::Shear { i, j });
        shifts.chain(scalings).chain(shears).collect()
    }

    fn coordinate(self) -> usize {
        match self {
            Self::Shift { i, .. } | Self::Scaling { i } | Self::Shear { i, .. } => i,
        }
    }

    /// `x_i` at time `u`, and its velocity there.
    fn at(self, x: &[f64x8], frame: &Frame, u: f64) -> (f64x8, f64x8) {
        match self {
            Self::Shift { i, width } => (x[i] + splat(u * width), splat(width)),
            Self::Scaling { i } => {
                let away = (x[i] - splat(frame.centers[i])) * splat(libm::exp(u));
                (splat(frame.centers[i]) + away, away)
            }
            Self::Shear { i, j } => {
                let scale = splat(frame.widths[i] / frame.widths[j]);
                let velocity = scale * (x[j] - splat(frame.centers[j]));
                (x[i] + splat(u) * velocity, velocity)
            }
        }
    }

    /// `log |det T|` of the flow for a time `t`.
    fn log_volume(self, t: f64) -> f64 {
        if matches!(self, Self::Scaling { .. }) { t } else { 0.0 }
    }
}

/// Shifts, scalings and shears of every coordinate and pair, against the score: the identity above for `g = 1` and for
/// `g` the indicator that the first point lies below the median of the coordinate (mean of bounded variables).
///
/// A pass at 64,000 samples excludes means that differ by 0.01, as they do for a score of another law than the samples'
/// or off by a few per cent. Together with [`super::derivatives`] it ties log-density, score and samples to each other.
///
/// # Errors
/// Those of the density, and of an unusable budget.
pub fn stein(instance: &DensityInstance<'_>, budget: &Budget) -> Result<Verdict, VerifyError> {
    const LAW: &str = "density::stein";
    budget.check()?;
    let frame = frame(instance)?;
    let flows = Flow::all(&frame);
    let density = instance.law.density();
    let room = density.scratch_len().max(instance.law.scratch_len());
    let key = budget.key(LAW, instance.name);
    let mut workspace = Workspace::new(room, key.stream());
    let mut tester = Tester { instance, frame: &frame, rule: GaussLegendre::new(POINTS) };
    let mut differences = vec![[const { Vec::new() }; 2]; flows.len()];
    let mut particles = Particles::new(density.dim());
    for block in 0..budget.blocks() {
        workspace.stream = key.block(block as u64).stream();
        workspace.sample(instance.law, &mut particles)?;
        for (flow, lists) in flows.iter().zip(&mut differences) {
            let [all, below] = tester.differences(*flow, &particles.x)?;
            lists[0].extend(all.to_array());
            lists[1].extend(below.to_array());
        }
    }
    let (mut p_values, mut worst) = (Vec::new(), (f64::INFINITY, String::new()));
    for (flow, lists) in flows.iter().zip(&differences) {
        for (what, values) in ["all", "below the median"].into_iter().zip(lists) {
            // NaN is a fault of the density, not of the budget.
            let (mean, p_value) = Summary::new(values, -1.0, 1.0).map_or((f64::NAN, 0.0), |s| {
                (s.mean(), mean_p_value(&s, s.mean().clamp(-QUADRATURE, QUADRATURE)))
            });
            if p_value < worst.0 {
                worst = (p_value, format!("{flow:?}, {what}: mean difference {mean:.5}"));
            }
            p_values.push(p_value);
        }
    }
    let p_value = bonferroni(&p_values);
    let samples = 8 * budget.blocks();
    Ok(Verdict::from_p_value((LAW, instance.name), budget, samples, p_value, worst.1))
}

/// Medians, and half the distance between the quantiles of one and two standard deviations' mass.
fn frame(instance: &DensityInstance<'_>) -> Result<Frame, VerifyError> {
    let d = instance.law.density().dim();
    let (mut centers, mut widths) = (Vec::new(), Vec::new());
    for i in 0..d {
        let axis: Vec<f64> = (0..d).map(|j| f64::from(u8::from(i == j))).collect();
        let cdf = instance.law.projection_cdf(&axis);
        centers.push(quantile(&cdf, 0.5)?);
        widths.push(0.5 * (quantile(&cdf, 0.84)? - quantile(&cdf, 0.16)?));
    }
    Ok(Frame { centers, widths })
}

struct Tester<'a> {
    instance: &'a DensityInstance<'a>,
    frame: &'a Frame,
    rule: GaussLegendre,
}

impl Tester<'_> {
    /// `g(X, TX) min(1, r_+) - g(T^-1 X, X) min(1, r_-)`, for `g = 1` and below the median.
    fn differences(&mut self, flow: Flow, x: &[f64x8]) -> Result<[f64x8; 2], VerifyError> {
        let there = self.capped_ratio(flow, x, LENGTH)?;
        let back = self.capped_ratio(flow, x, -LENGTH)?;
        let i = flow.coordinate();
        let median = splat(self.frame.centers[i] - 0.3 * self.frame.widths[i]);
        let before = flow.at(x, self.frame, -LENGTH).0;
        let inside = |at: f64x8, value: f64x8| select(less_equal(at, median), value, f64x8::ZERO);
        Ok([there - back, inside(x[i], there) - inside(before, back)])
    }

    /// `min(1, p(x_t) |det T| / p(x))` from the score along the flow.
    fn capped_ratio(&mut self, flow: Flow, x: &[f64x8], t: f64) -> Result<f64x8, VerifyError> {
        let density = self.instance.law.density();
        let mut memory = vec![splat(f64::NAN); density.scratch_len()];
        // All points of the rule at once, as densities evaluate several blocks faster than one by one.
        let (mut moved, mut score) = (x.repeat(POINTS), vec![f64x8::ZERO; POINTS * x.len()]);
        let (mut steps, mut values) = (Vec::with_capacity(POINTS), [f64x8::ZERO; POINTS]);
        let (i, d) = (flow.coordinate(), x.len());
        for ((u, weight), place) in self.rule.on(0.0, t).zip(moved.chunks_exact_mut(d)) {
            let (at, velocity) = flow.at(x, self.frame, u);
            place[i] = at;
            steps.push(splat(weight) * velocity);
        }
        let scratch = Scratch::new(&mut memory);
        density.log_densities_and_scores(&moved, &mut score, &mut values, scratch)?;
        let scores = score.iter().skip(i).step_by(d);
        let gain =
            steps.iter().zip(scores).fold(splat(flow.log_volume(t)), |g, (&v, &s)| g + v * s);
        // A score that is not a number must not be cut away by the minimum.
        let capped = select(less_equal(gain, f64x8::ZERO), gain, f64x8::ZERO);
        Ok(select(less_equal(gain, splat(f64::INFINITY)), exp(capped), splat(f64::NAN)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fails if a flow's velocity is not its derivative, going back does not undo going there, or a volume is not that
    /// of the map.
    #[test]
    fn flows_are_flows() {
        let frame = Frame { centers: vec![0.3, -1.0], widths: vec![0.5, 2.0] };
        let flows = Flow::all(&frame);
        assert_eq!(flows.len(), 6);
        let x = [splat(1.7), splat(0.4)];
        for flow in flows {
            let i = flow.coordinate();
            let at = |u: f64| flow.at(&x, &frame, u).0.to_array()[0];
            let slope = (at(0.4 + 1e-6) - at(0.4 - 1e-6)) / 2e-6;
            let velocity = flow.at(&x, &frame, 0.4).1.to_array()[0];
            assert!((slope - velocity).abs() < 1e-8, "{flow:?}");
            let mut there = x;
            there[i] = flow.at(&x, &frame, 0.4).0;
            let back = flow.at(&there, &frame, -0.4).0.to_array()[0];
            assert!((back - x[i].to_array()[0]).abs() < 1e-14, "{flow:?}");
            let mut nearby = x;
            nearby[i] += splat(1e-6);
            let stretch = (flow.at(&nearby, &frame, 0.4).0 - there[i]).to_array()[0] / 1e-6;
            assert!((libm::log(stretch) - flow.log_volume(0.4)).abs() < 1e-8, "{flow:?}");
        }
    }
}
