//! The few random numbers metrics need, each a function of a seed and an index only.
//!
//! Nothing here depends on the order of calls, which keeps results independent of threads.

use amc_core::rng::{Key, Purpose};

/// The round of the key that directions have, each at the level of its index.
const DIRECTIONS: u64 = 0;
/// The round of the key that offsets have.
const OFFSETS: u64 = 1;

/// The offset of a systematic resampling under `seed`, uniform on `(0, 1)`.
pub(super) fn offset(seed: u64) -> f64 {
    Key::new(seed, Purpose::Metric).round(OFFSETS).stream().uniform()
}

/// Fills `direction` `[d]` with direction `index` of `seed`, uniform on the unit sphere: normals
/// divided by their length.
pub(super) fn fill_direction(seed: u64, index: usize, direction: &mut [f64]) {
    let key = Key::new(seed, Purpose::Metric).round(DIRECTIONS).level(index as u64);
    let mut stream = key.stream();
    loop {
        stream.fill_scalar_normals(direction);
        let length = libm::sqrt(direction.iter().map(|x| x * x).sum());
        // All normals vanish with probability below 2^-52, and then have no direction.
        if length > 0.0 {
            direction.iter_mut().for_each(|x| *x /= length);
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fails when directions are not of length one, repeat, or favour a coordinate: the mean of
    /// `theta theta^T` over the sphere is `I/d`, here within five standard errors of
    /// `sqrt(2 (d-1) / (d+2)) / d` (diagonal) and `1 / sqrt(d (d+2))` (off it), over `sqrt(count)`.
    #[test]
    fn directions_are_uniform_on_the_sphere() {
        let (dim, count) = (3, 4000);
        let mut direction = vec![0.0; dim];
        let mut moments = [[0.0; 3]; 3];
        for index in 0..count {
            fill_direction(11, index, &mut direction);
            assert!((direction.iter().map(|x| x * x).sum::<f64>() - 1.0).abs() < 1e-14);
            for r in 0..dim {
                for c in 0..dim {
                    moments[r][c] += direction[r] * direction[c] / count as f64;
                }
            }
        }
        let (d, error) = (dim as f64, 5.0 / (count as f64).sqrt());
        for r in 0..dim {
            for c in 0..dim {
                let (mean, spread) = if r == c {
                    (1.0 / d, (2.0 * (d - 1.0) / (d + 2.0)).sqrt() / d)
                } else {
                    (0.0, 1.0 / (d * (d + 2.0)).sqrt())
                };
                assert!((moments[r][c] - mean).abs() < error * spread, "{moments:?}");
            }
        }
    }

    /// Fails when the seed or the index is ignored, or an odd dimension leaves a stale entry.
    #[test]
    fn directions_depend_on_seed_and_index_only() {
        let direction = |seed, index, before: f64| {
            let mut direction = [before; 5];
            fill_direction(seed, index, &mut direction);
            direction
        };
        assert_eq!(direction(1, 2, 0.0), direction(1, 2, 9.0));
        assert_ne!(direction(1, 2, 0.0), direction(2, 1, 0.0));
        assert_ne!(direction(1, 2, 0.0), direction(1, 3, 0.0));
        assert!((0..100).map(offset).all(|u| u > 0.0 && u < 1.0));
        assert_ne!(offset(0), offset(1));
    }
}
