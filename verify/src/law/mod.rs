//! The laws, one file or folder per trait or move; each takes any instance of it and a [`crate::Budget`].
//!
//! | law | statement | what a pass excludes |
//! |---|---|---|
//! | [`density::derivatives`] | score, Hessian and products are derivatives, in bulk and tails | wrong signs, factors, indices |
//! | [`density::normalization`] | the integral is the stated normalizer (`d <= 3`) | wrong constants |
//! | [`density::stein`] | Stein's identities under finite shifts, scalings and shears | a score of another law than the samples' |
//! | [`path::noising`] | exact samples of a level, noised, have the law of the noisier one | wrong coefficients of a step or a level |
//! | [`path::coefficients`] | steps compose, coefficients are derivatives and integrals of each other | wrong formulas, lost digits |
//! | [`path::spacing`] | levels lie at equal distances of their coordinate | a misplaced level |
//! | [`path::tempering`] | levels are the geometric interpolation of their ends | exchanged or wrong weights |
//! | [`bridge::pathwise`] | `forward`, `backward` and `log_work` agree on every pair | a density that is not that of the samples' code path |
//! | [`bridge::crooks`] | `Z_t E_fwd[e^W g] = Z_s E_rev[g]` | wrong constants, signs, variances, samplers |
//! | [`kernel::invariance`] | exact start stays exact | a wrong acceptance ratio |
//! | [`kernel::detailed_balance`] | `(x_0, x_n)` is exchangeable | the same, seen in pairs |
//! | [`kernel::cache`] | the cached `(log p, S)` are those of the state | stale caches |
//! | [`kernel::pointwise`] | the reported probability is `min(1, p(y) q(y, x)/(p(x) q(x, y)))` at every accepted move | a wrong ratio anywhere, decisions that do not follow it |
//! | [`kernel::transition`] | accepted moves are proposals weighted with their acceptance | proposals of another law |
//! | [`kernel::increments`] | bare proposals on a linear log-density are Gaussian | noise or drift of another size, shared noise |
//! | [`kernel::trajectory`] | HMC follows the leapfrog written out | wrong kicks, energies, lengths |
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
//! | [`resampling::exact_mean_offspring`] | the same with the uniforms integrated out, to 1e-9; bounds of the counts | any bias at these weights |
//! | [`determinant::unbiased`] | estimates of log-determinants have the right mean | a coefficient, projection or weight of an estimator |
//! | [`determinant::penalty`] | `E[exp(ybar - u_B)] = exp(Delta)` for normal noise | the wrong variance, or number of samples |
//! | [`stream::uniforms`], [`stream::normals`] | exact law, independent neighbours | wrong transforms, related streams |
//! | [`stream::tails`] | counts beyond 3 to 6 standard deviations, the extremes | tails cut off or too heavy |
//! | [`stream::lattice`] | bits, cells of pairs and triples, integer combinations, lanes | missing or tied bits, planes |
//! | [`stream::keys`] | streams of neighbouring keys, and of lags, are independent | parts of a key left out or mixed up |

pub mod bridge;
pub mod density;
pub mod determinant;
mod differences;
pub mod error_bars;
pub mod evidence;
mod fluctuation;
pub mod free_energy;
mod independence;
pub mod kernel;
pub mod ladders;
mod list;
pub(crate) mod particles;
pub mod path;
pub mod population;
mod quadrature;
pub mod resampling;
pub mod stream;
pub mod swap;
pub mod threads;

pub use list::{ALL, Law, find};

/// A fixed direction with unequal entries of both signs, `[d]`: `cos(k + 1.3 j (k + 1))`,
/// normalized.
pub(crate) fn direction(dim: usize, k: usize) -> Vec<f64> {
    let (shift, pace) = (k as f64, 1.3 * (k as f64 + 1.0));
    let raw: Vec<f64> = (0..dim).map(|j| libm::cos(shift + pace * j as f64)).collect();
    let length = libm::sqrt(raw.iter().map(|u| u * u).sum());
    raw.into_iter().map(|u| u / length).collect()
}

/// `min(1, exp(log_ratio))`, the acceptance probability of Metropolis; 0 where the ratio is not a number, as a
/// proposal of such a density is rejected. (`f64::min` would make 1 of it.)
pub(crate) fn metropolis(log_ratio: f64) -> f64 {
    if log_ratio.is_nan() { 0.0 } else { libm::exp(log_ratio.min(0.0)) }
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
