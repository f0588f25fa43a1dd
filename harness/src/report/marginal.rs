//! The density of two coordinates of a noised mixture, in closed form.
//!
//! Coordinates `i, j` of `sum_k w_k N(alpha mu_k, alpha^2 Sigma_k + v I)` follow the mixture of the same weights
//! whose means and covariances are entries `i, j` of these.

use crate::target::MixtureParameters;

/// One component in two coordinates: `w`, `w / (2 pi sqrt(det))`, mean, precision.
#[derive(Debug, Clone, Copy)]
struct Component {
    weight: f64,
    scale: f64,
    mean: [f64; 2],
    /// Entries `xx`, `xy`, `yy` of the precision.
    precision: [f64; 3],
    /// Standard deviations.
    deviation: [f64; 2],
}

/// A mixture in two coordinates.
#[derive(Debug, Clone)]
pub(super) struct Marginal(Vec<Component>);

impl Marginal {
    /// Coordinates `(i, j)` of the mixture with signal `alpha` and noise variance `v`.
    pub(super) fn new(
        mixture: &MixtureParameters,
        (alpha, variance): (f64, f64),
        (i, j): (usize, usize),
    ) -> Self {
        let component = |k: usize| {
            let entry = |at| {
                let noise = if at == (i, i) || at == (j, j) { variance } else { 0.0 };
                alpha * alpha * mixture.covariance.covariance(mixture.dim, k, at) + noise
            };
            let (xx, xy, yy) =
                (entry((i, i)), if i == j { 0.0 } else { entry((i, j)) }, entry((j, j)));
            let determinant = xx * yy - xy * xy;
            let mean = mixture.mean(k);
            Component {
                weight: mixture.weights[k],
                scale: mixture.weights[k] / (std::f64::consts::TAU * determinant.sqrt()),
                mean: [alpha * mean[i], alpha * mean[j]],
                precision: [yy / determinant, -xy / determinant, xx / determinant],
                deviation: [xx.sqrt(), yy.sqrt()],
            }
        };
        let modes = (0..mixture.components()).filter(|&k| mixture.weights[k] > 0.0);
        Self(modes.map(component).collect())
    }

    /// The density at a place.
    pub(super) fn density(&self, x: f64, y: f64) -> f64 {
        let term = |c: &Component| {
            let (dx, dy) = (x - c.mean[0], y - c.mean[1]);
            let [xx, xy, yy] = c.precision;
            c.scale * libm::exp(-0.5 * (xx * dx * dx + 2.0 * xy * dx * dy + yy * dy * dy))
        };
        self.0.iter().map(term).sum()
    }

    /// The density of the first coordinate alone.
    pub(super) fn line_density(&self, x: f64) -> f64 {
        let term = |c: &Component| {
            let deviation = c.deviation[0];
            let u = (x - c.mean[0]) / deviation;
            c.weight / (std::f64::consts::TAU.sqrt() * deviation) * libm::exp(-0.5 * u * u)
        };
        self.0.iter().map(term).sum()
    }

    /// The largest density at a mean, about the largest of all.
    pub(super) fn largest(&self) -> f64 {
        self.0.iter().map(|c| self.density(c.mean[0], c.mean[1])).fold(0.0, f64::max)
    }

    /// What lies within so many standard deviations of the means, as ends of both coordinates.
    pub(super) fn extent(&self, deviations: f64) -> [(f64, f64); 2] {
        [0, 1].map(|axis| {
            let ends = |c: &Component| {
                let room = deviations * c.deviation[axis];
                (c.mean[axis] - room, c.mean[axis] + room)
            };
            let join = |(a, b): (f64, f64), (c, d): (f64, f64)| (a.min(c), b.max(d));
            self.0.iter().map(ends).fold((f64::INFINITY, f64::NEG_INFINITY), join)
        })
    }
}

/// The two coordinates in which the means of the modes spread most, by their weighted variance; the first
/// of equal ones.
pub(super) fn spread_coordinates(mixture: &MixtureParameters) -> (usize, usize) {
    let variance = |i: usize| {
        let modes = || (0..mixture.components()).map(|k| (mixture.weights[k], mixture.mean(k)[i]));
        let mean: f64 = modes().map(|(w, m)| w * m).sum();
        modes().map(|(w, m)| w * (m - mean) * (m - mean)).sum::<f64>()
    };
    let mut order: Vec<(usize, f64)> = (0..mixture.dim).map(|i| (i, variance(i))).collect();
    // Differences by rounding do not decide.
    let class = |v: f64| (v * 1e9).round();
    order.sort_by(|a, b| class(b.1).total_cmp(&class(a.1)).then(a.0.cmp(&b.0)));
    match order.as_slice() {
        [first, second, ..] => (first.0.min(second.0), first.0.max(second.0)),
        _ => (0, 0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::target::Covariance;

    fn mixture() -> MixtureParameters {
        MixtureParameters {
            name: "m".into(),
            dim: 3,
            weights: vec![0.3, 0.7],
            means: vec![0.0, 5.0, -1.0, 0.5, -1.0, 2.0],
            covariance: Covariance::Full(vec![
                0.5, 0.1, 0.2, 0.1, 0.4, -0.1, 0.2, -0.1, 0.6, 0.9, 0.0, 0.3, 0.0, 0.2, 0.0, 0.3,
                0.0, 0.7,
            ]),
            origin: String::new(),
        }
    }

    /// Fails if an entry of the covariance is lost or noise added where there is none: the density integrates
    /// to 1, and its moments are those of the coordinates: mean alpha (0.3 * -1 + 0.7 * 2), covariance of x and
    /// z alpha^2 (0.3 * 0.2 + 0.7 * 0.3 + cov of means).
    #[test]
    fn moments_are_those_of_the_coordinates() {
        let marginal = Marginal::new(&mixture(), (0.8, 0.3), (0, 2));
        let (step, n) = (0.05, 240);
        let at = |i: i32| step * f64::from(i);
        let (mut mass, mut z, mut xz, mut x) = (0.0, 0.0, 0.0, 0.0);
        for i in -n..=n {
            for j in -n..=n {
                let p = step * step * marginal.density(at(i), at(j));
                mass += p;
                x += p * at(i);
                z += p * at(j);
                xz += p * at(i) * at(j);
            }
        }
        assert!((mass - 1.0).abs() < 1e-9, "{mass}");
        let other: f64 = (-n..=n).map(|j| step * marginal.density(0.4, at(j))).sum();
        assert!((marginal.line_density(0.4) - other).abs() < 1e-9, "{other}");
        assert!((z - 0.8 * 1.1).abs() < 1e-9, "{z}");
        let between = 0.3 * (0.0 - 0.35) * (-1.0 - 1.1) + 0.7 * (0.5 - 0.35) * (2.0 - 1.1);
        let covariance = 0.64 * (0.3 * 0.2 + 0.7 * 0.3 + between);
        assert!((xz - x * z - covariance).abs() < 1e-9, "{} {covariance}", xz - x * z);
    }

    /// Fails if coordinates are chosen by anything but the spread of the means.
    #[test]
    fn the_widest_coordinates_are_shown() {
        assert_eq!(spread_coordinates(&mixture()), (1, 2));
        let one = MixtureParameters {
            dim: 1,
            weights: vec![1.0],
            means: vec![2.0],
            covariance: Covariance::Isotropic(vec![1.0]),
            ..mixture()
        };
        assert_eq!(spread_coordinates(&one), (0, 0));
    }
}
