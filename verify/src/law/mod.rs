//! The laws, one file per trait or move; each takes any instance of it and a [`crate::Budget`].
//!
//! | law | statement | what a pass excludes |
//! |---|---|---|
//! | [`bridge::pathwise`] | `forward`, `backward` and `log_work` agree on every pair | a density that is not that of the samples' code path |
//! | [`bridge::crooks`] | `Z_t E_fwd[e^W g] = Z_s E_rev[g]` | wrong constants, signs, variances, samplers |
//! | [`kernel::invariance`] | exact start stays exact | a wrong acceptance ratio |
//! | [`kernel::detailed_balance`] | `(x_0, x_n)` is exchangeable | the same, seen in pairs |
//! | [`kernel::cache`] | the cached `(log p, S)` are those of the state | stale caches |
//! | [`kernel::convergence`] | a shifted start comes closer | kernels that do not move |
//! | [`evidence::crooks`] | the bridge law along a whole ladder | weights that drop or double a stage |
//! | [`population::evidence`] | `E_fwd[Z_hat g] = Z E_cond[g]` over whole populations, resampling included | weights not reset, doubled or of a wrong step, biased resampling |
//! | [`error_bars::coverage`] | `log Z` lies within its error bars at the stated rate | bars too narrow or too wide, bias |
//! | [`threads::invariance`] | the same bits on any number of threads | sums in the order of the schedule, streams of threads |
//! | [`ladders::invariance`] | ladders that start exactly stay exact at every level | wrong swaps or moves at the level of a sampler |
//! | [`swap::pathwise`] | works, probabilities and caches are those of what a swap did | partners out of step, stale caches |
//! | [`swap::invariance`] | exact partners stay exact and independent | a wrong ratio, proposals of another density |
//! | [`free_energy::bridge_sampling`] | bridge sampling on the works of swaps gives `Z_s/Z_t` | exchanged, lost or conditioned works |
//! | [`resampling::mean_offspring`] | `E[O_i] = M W_i` | biased resampling |
//! | [`stream::uniforms`], [`stream::normals`] | exact law, independent neighbours | wrong transforms, related streams |

pub mod bridge;
pub mod error_bars;
pub mod evidence;
mod fluctuation;
pub mod free_energy;
mod independence;
pub mod kernel;
pub mod ladders;
mod particles;
pub mod population;
pub mod resampling;
pub mod stream;
pub mod swap;
pub mod threads;

/// A fixed direction with unequal entries of both signs, `[d]`: `cos(k + 1.3 j (k + 1))`,
/// normalized.
pub(crate) fn direction(dim: usize, k: usize) -> Vec<f64> {
    let (shift, pace) = (k as f64, 1.3 * (k as f64 + 1.0));
    let raw: Vec<f64> = (0..dim).map(|j| libm::cos(shift + pace * j as f64)).collect();
    let length = libm::sqrt(raw.iter().map(|u| u * u).sum());
    raw.into_iter().map(|u| u / length).collect()
}

/// Directions on which laws about states look, besides the coordinate axes.
pub(crate) const DIRECTIONS: usize = 3;

/// The first coordinate axes and the fixed directions, each `[d]`.
pub(crate) fn directions(dim: usize) -> Vec<Vec<f64>> {
    let axes = (0..dim.min(DIRECTIONS)).map(|i| {
        let mut axis = vec![0.0; dim];
        axis[i] = 1.0;
        axis
    });
    axes.chain((0..DIRECTIONS).map(|k| direction(dim, k))).collect()
}
