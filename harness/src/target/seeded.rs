//! The random numbers of generated targets: one stream per family and seed.
//!
//! A generated target must stay the same from release to release, so the families are numbered
//! here, once and for all, and the first numbers of a stream are frozen in a test.

use amc_core::rng::{Key, Purpose, Stream};

/// What is generated; the numbers are part of the streams' names and never change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u64)]
pub(super) enum Generated {
    /// The rotation of TwoModes.
    TwoModesRotation = 0,
    /// The means of ManyModes.
    ManyModesMeans = 1,
    /// The means of GMM40.
    Gmm40Means = 2,
}

/// The stream of `seed` for one family.
pub(super) fn stream(seed: u64, generated: Generated) -> Stream {
    Key::new(seed, Purpose::Parameters).round(generated as u64).stream()
}

/// Uniform numbers on `(-half_width, half_width)`, `[count]`.
pub(super) fn uniform_box(stream: &mut Stream, half_width: f64, count: usize) -> Vec<f64> {
    (0..count).map(|_| half_width * (2.0 * stream.uniform() - 1.0)).collect()
}

/// Standard normal numbers, `[count]`: `r cos a`, then `r sin a`, eight at a time, from eight radii and eight
/// angles. Drawn one by one, so that they never change with what makes vectors of normals fast.
pub(super) fn standard_normals(stream: &mut Stream, count: usize) -> Vec<f64> {
    let mut normals = Vec::with_capacity(count + 16);
    while normals.len() < count {
        let radii: [f64; 8] =
            std::array::from_fn(|_| libm::sqrt(-2.0 * libm::log(stream.uniform())));
        let angles: [f64; 8] = std::array::from_fn(|_| std::f64::consts::TAU * stream.uniform());
        normals.extend(radii.iter().zip(&angles).map(|(r, a)| r * libm::cos(*a)));
        normals.extend(radii.iter().zip(&angles).map(|(r, a)| r * libm::sin(*a)));
    }
    normals.truncate(count);
    normals
}

#[cfg(test)]
mod tests {
    use super::Generated::{Gmm40Means, ManyModesMeans, TwoModesRotation};
    use super::*;

    /// Fails when seed or family is ignored, or when a stream changes between releases: generated
    /// targets must stay the same. Normals may differ by rounding where the processor fuses
    /// multiplications and additions.
    #[test]
    fn streams_are_keyed_and_frozen() {
        // From a separate program that follows the definition of PCG64-DXSM and of the key.
        let first = |seed, generated| stream(seed, generated).uniform();
        assert_eq!(first(7, TwoModesRotation), 0.5243829350376493);
        assert_eq!(first(7, ManyModesMeans), 0.9438520434410961);
        assert_eq!(first(7, Gmm40Means), 0.39003990677690725);
        assert_eq!(first(8, Gmm40Means), 0.8426164700143387);
        let normals = standard_normals(&mut stream(7, TwoModesRotation), 17);
        let expected = [-0.03238322241986144, 0.9555639950967896];
        assert!((normals[0] - expected[0]).abs() < 1e-14, "{}", normals[0]);
        assert!((normals[16] - expected[1]).abs() < 1e-14, "{}", normals[16]);
    }

    /// Fails when the box is off centre, of the wrong width or reaches its ends; the bounds are
    /// six standard errors of the mean and of the mean square.
    #[test]
    fn box_has_its_moments() {
        let draws = uniform_box(&mut stream(3, Gmm40Means), 2.0, 40_000);
        let mean = draws.iter().sum::<f64>() / 4e4;
        let square = draws.iter().map(|x| x * x).sum::<f64>() / 4e4;
        assert!(mean.abs() < 0.035 && (square - 4.0 / 3.0).abs() < 0.036, "{mean} {square}");
        assert!(draws.iter().all(|x| x.abs() < 2.0));
    }
}
