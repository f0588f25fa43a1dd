//! Sums over the samples under the current components: `sum_n r_nk (1, z, z^2)`, `z = x_n - mu_k`.
//!
//! Responsibilities come from the core's evaluation of the mixture. Squares are taken about the current means, so
//! nothing cancels once these have settled. Samples are cut into at most 64 pieces whatever the number of threads,
//! and the pieces' sums are added in order, so results do not depend on threads either.

use amc_core::density::{LogDensity, MixtureLevel};
use amc_core::error::Result;
use amc_core::scratch::Scratch;
use amc_core::simd::{LANES, Lanes, Mask, Task, dispatch, f64x8};
use rayon::prelude::*;

use super::CovarianceKind;
use super::maximization::Components;
use super::scaling::Scaled;

const PIECES: usize = 64;
/// Less than this of a sample is left out: it is below the rounding of sums that a component may be made of.
const NEGLIGIBLE: f64 = 1e-20;

/// What the maximization needs to know of the samples.
pub(super) struct Sums {
    /// `sum_n log p(x_n)`.
    pub(super) log_likelihood: f64,
    /// `log p(x_n)`, `[N]`.
    pub(super) log_densities: Vec<f64>,
    /// `N_k = sum_n r_nk`, `[K]`.
    pub(super) mass: Vec<f64>,
    /// `sum_n r_nk z`, `[K x d]`.
    pub(super) first: Vec<f64>,
    /// `sum_n r_nk` times `|z|^2` `[K]`, squares of `z` `[K x d]`, or `z z^T` `[K x d x d]`, of which the lower
    /// triangle is filled.
    pub(super) second: Vec<f64>,
}

/// Evaluates the components at every sample.
///
/// # Errors
/// Those of the core; none for components that a maximization made.
pub(super) fn expect(samples: &Scaled, components: &Components) -> Result<Sums> {
    let view = components.view()?;
    let mut storage = vec![0.0; MixtureLevel::storage_len(&view)];
    let level = MixtureLevel::prepare(&view, 1.0, 0.0, &mut storage)?;
    let blocks = samples.blocks.len() / samples.dim;
    let length = blocks.div_ceil(PIECES);
    let piece = |(index, x): (usize, &[f64x8])| {
        let count = (samples.count - index * length * LANES).min(length * LANES);
        sums_of(&level, components, x, count)
    };
    let pieces: Result<Vec<Sums>> =
        samples.blocks.par_chunks(length * samples.dim).enumerate().map(piece).collect();
    let mut pieces = pieces?.into_iter();
    let mut all = pieces.next().unwrap_or_else(|| Sums::zero(components));
    for piece in pieces {
        all.add(piece);
    }
    Ok(all)
}

/// The sums over the first `count` samples of some blocks.
fn sums_of(
    level: &MixtureLevel<'_>,
    components: &Components,
    blocks: &[f64x8],
    count: usize,
) -> Result<Sums> {
    let d = components.dim;
    let mut lanes = LaneSums::zero(components);
    let mut memory = vec![f64x8::ZERO; level.scratch_len()];
    let mut responsibilities = vec![f64x8::ZERO; components.count()];
    let mut log_densities = Vec::with_capacity(count);
    for (b, x) in blocks.chunks_exact(d).enumerate() {
        let scratch = Scratch::new(&mut memory);
        let log_density = level.responsibilities(x, &mut responsibilities, scratch)?;
        let here = LANES.min(count - b * LANES);
        log_densities.extend_from_slice(&log_density.as_array()[..here]);
        if here < LANES {
            let kept = f64x8::new(std::array::from_fn(|i| f64::from(u8::from(i < here))));
            responsibilities.iter_mut().for_each(|r| *r *= kept);
        }
        let responsibilities = &responsibilities;
        dispatch(Accumulate { x, responsibilities, components, sums: &mut lanes });
    }
    let over_lanes = |vectors: Vec<f64x8>| vectors.iter().map(|v| v.reduce_add()).collect();
    Ok(Sums {
        log_likelihood: log_densities.iter().sum(),
        log_densities,
        mass: over_lanes(lanes.mass),
        first: over_lanes(lanes.first),
        second: over_lanes(lanes.second),
    })
}

impl Sums {
    fn zero(components: &Components) -> Self {
        let [mass, first, second] = components.sum_lens().map(|length| vec![0.0; length]);
        Self { log_likelihood: 0.0, log_densities: Vec::new(), mass, first, second }
    }

    fn add(&mut self, mut other: Self) {
        self.log_likelihood += other.log_likelihood;
        self.log_densities.append(&mut other.log_densities);
        let add = |to: &mut Vec<f64>, from: Vec<f64>| {
            to.iter_mut().zip(from).for_each(|(to, from)| *to += from);
        };
        add(&mut self.mass, other.mass);
        add(&mut self.first, other.first);
        add(&mut self.second, other.second);
    }
}

/// The same sums, lane by lane; `deviation` is `z`, `[d]`.
struct LaneSums {
    mass: Vec<f64x8>,
    first: Vec<f64x8>,
    second: Vec<f64x8>,
    deviation: Vec<f64x8>,
}

impl LaneSums {
    fn zero(components: &Components) -> Self {
        let [mass, first, second] = components.sum_lens().map(|length| vec![f64x8::ZERO; length]);
        Self { mass, first, second, deviation: vec![f64x8::ZERO; components.dim] }
    }
}

/// Adds one block to the sums.
struct Accumulate<'a> {
    x: &'a [f64x8],
    responsibilities: &'a [f64x8],
    components: &'a Components,
    sums: &'a mut LaneSums,
}

impl Task for Accumulate<'_> {
    type Output = ();

    #[inline(always)]
    fn run<V: Lanes>(self) {
        let Self { x, responsibilities, components, sums } = self;
        let d = x.len();
        let width = sums.second.len() / responsibilities.len();
        let (x, responsibilities) = (V::view(x), V::view(responsibilities));
        let deviation = V::view_mut(&mut sums.deviation);
        let per_component = components.means.chunks_exact(d).zip(V::view_mut(&mut sums.mass));
        let sums = V::view_mut(&mut sums.first)
            .chunks_exact_mut(d)
            .zip(V::view_mut(&mut sums.second).chunks_exact_mut(width));
        for ((&r, (mean, mass)), (first, second)) in
            responsibilities.iter().zip(per_component).zip(sums)
        {
            if r.less(V::splat(NEGLIGIBLE)).all() {
                continue;
            }
            *mass += r;
            for j in 0..d {
                deviation[j] = x[j] - V::splat(mean[j]);
                first[j] = r.mul_add(deviation[j], first[j]);
            }
            match components.kind {
                CovarianceKind::Isotropic => {
                    for &z in deviation.iter() {
                        second[0] = (r * z).mul_add(z, second[0]);
                    }
                }
                CovarianceKind::Diagonal => {
                    for (&z, second) in deviation.iter().zip(second) {
                        *second = (r * z).mul_add(z, *second);
                    }
                }
                CovarianceKind::Full => {
                    for (i, row) in second.chunks_exact_mut(d).enumerate() {
                        let weighted = r * deviation[i];
                        for (&z, second) in deviation[..=i].iter().zip(row) {
                            *second = weighted.mul_add(z, *second);
                        }
                    }
                }
            }
        }
    }
}
