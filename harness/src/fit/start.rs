//! Centres to begin from: greedy k-means++ \[Arthur & Vassilvitskii, SODA 2007\].
//!
//! The first centre is any sample; each further one is drawn with probability proportional to `D(x)^2`, the square
//! of the distance to the nearest centre so far, and of `2 + ln K` draws the one that leaves the least
//! `sum_n D(x_n)^2` is kept. All components begin with the variance `sum_n D(x_n)^2/(N d)` and equal weights.

use amc_core::rng::Stream;
use amc_core::simd::{LANES, Lanes, Task, dispatch, f64x8};
use rayon::prelude::*;

use super::maximization::Components;
use super::scaling::Scaled;
use super::{CovarianceKind, FitError};

/// Blocks that one thread takes at a time; distances do not depend on it.
const BLOCKS: usize = 512;

/// The components that an ascent begins with.
///
/// # Errors
/// [`FitError::TooFewDifferent`].
pub(super) fn start(
    samples: &Scaled,
    kind: CovarianceKind,
    components: usize,
    floor: f64,
    stream: &mut Stream,
) -> Result<Components, FitError> {
    let draws = 2 + (components as f64).ln() as usize;
    let first = (stream.uniform() * samples.count as f64) as usize;
    let mut means = samples.row(first.min(samples.count - 1));
    let far = vec![f64x8::splat(f64::INFINITY); samples.blocks.len() / samples.dim];
    let mut squares = nearer(samples, &means, &far);
    let mut potential = total(samples, &squares);
    for found in 1..components {
        if potential <= 0.0 {
            return Err(FitError::TooFewDifferent { found, components });
        }
        let mut best: Option<(f64, Vec<f64>, Vec<f64x8>)> = None;
        for _ in 0..draws {
            let centre = samples.row(drawn(samples, &squares, stream.uniform() * potential));
            let candidate = nearer(samples, &centre, &squares);
            let left = total(samples, &candidate);
            if best.as_ref().is_none_or(|(least, ..)| left < *least) {
                best = Some((left, centre, candidate));
            }
        }
        if let Some((left, mut centre, candidate)) = best {
            (potential, squares) = (left, candidate);
            means.append(&mut centre);
        }
    }
    let variance = (potential / (samples.count * samples.dim) as f64).max(floor);
    Ok(Components::equal(kind, samples.dim, means, variance))
}

/// `min(D(x_n)^2, |x_n - centre|^2)`, block by block.
fn nearer(samples: &Scaled, centre: &[f64], squares: &[f64x8]) -> Vec<f64x8> {
    let mut out = squares.to_vec();
    let pieces = samples.blocks.par_chunks(BLOCKS * samples.dim);
    pieces.zip(out.par_chunks_mut(BLOCKS)).for_each(|(blocks, squares)| {
        dispatch(Nearer { blocks, centre, squares });
    });
    out
}

struct Nearer<'a> {
    blocks: &'a [f64x8],
    centre: &'a [f64],
    squares: &'a mut [f64x8],
}

impl Task for Nearer<'_> {
    type Output = ();

    #[inline(always)]
    fn run<V: Lanes>(self) {
        let blocks = V::view(self.blocks).chunks_exact(self.centre.len());
        for (x, square) in blocks.zip(V::view_mut(self.squares)) {
            let mut sum = V::zero();
            for (&x, &centre) in x.iter().zip(self.centre) {
                let difference = x - V::splat(centre);
                sum = difference.mul_add(difference, sum);
            }
            *square = sum.min(*square);
        }
    }
}

/// The sum over samples, in their order.
fn total(samples: &Scaled, squares: &[f64x8]) -> f64 {
    (0..samples.count).map(|n| squares[n / LANES].as_array()[n % LANES]).sum()
}

/// The sample at which the sum passes `threshold`.
fn drawn(samples: &Scaled, squares: &[f64x8], threshold: f64) -> usize {
    let (mut sum, mut last) = (0.0, 0);
    for n in 0..samples.count {
        let square = squares[n / LANES].as_array()[n % LANES];
        if square > 0.0 {
            sum += square;
            last = n;
            if sum >= threshold {
                break;
            }
        }
    }
    last
}
