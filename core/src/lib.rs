//! amc-core: the kernels of annealed Monte Carlo over blocks of eight particles, for any program.
//!
//! Pure functions of (state, parameters, random stream). The crate needs neither std nor an
//! allocator, and no call of it panics: memory belongs to the caller, bad input is a typed
//! [`Error`](error::Error), and a program that uses all of it links only while no panic is reachable
//! (`core/no_std_proof`).
//!
//! # The one idea
//!
//! Particles go from a simple reference down a ladder of densities to the target. A [`Bridge`]
//! moves them from one level `t` to the next cleaner level `s` and knows its own log-work
//!
//! `log_work(x, y) = log p_s(y) + log q(x | y) - log p_t(x) - log k(y | x)`
//!
//! (`k` the forward, `q` the backward kernel). Annealed importance sampling adds it to the
//! log-weight \[Neal01\]; sequential Monte Carlo also resamples \[DelMoral06\]; a swap of replica
//! exchange accepts by it. A [`MarkovKernel`] moves particles within a level and costs no weight. So
//! any sampler combines any bridge, kernel, path and target.
//!
//! # The rooms, top to bottom
//!
//! | room | what lives there |
//! |---|---|
//! | [`bridge`] | moves between levels with their log-work: identity, first and second order, low rank, maps, exact |
//! | [`exchange`] | swaps of two levels through any bridge |
//! | [`transport`] | steps of the probability-flow ODE as maps: images, Jacobians, inverses |
//! | [`logdet`] | log-determinants from Hessian-vector products, and the correction for their noise |
//! | [`kernel`] | moves within a level: random walk, MALA, HMC |
//! | [`weight`] | log-weights: sums, effective sample sizes, evidence, resampling |
//! | [`path`] | noise schedules, level times, how `log p_t` changes along a path |
//! | [`density`] | what a level must offer ([`Score`]); Gaussian mixtures at any noise level; tempering |
//! | [`point`] | a block of particles with its cached density and score; the cost account |
//! | [`rng`] | random streams named by what they are for |
//! | [`krylov`] | linear algebra from products alone: Lanczos, conjugate gradients, GMRES |
//! | [`linalg`] | eigenvectors of a covariance, eight Cholesky factors at once, small tridiagonal ones |
//! | [`scratch`], [`simd`], [`error`] | workspaces, the lane type, the errors |
//!
//! One bridge, kernel or scheme is one file, which opens with its formula and source.
//!
//! # Data layout
//!
//! One vector [`f64x8`](simd::f64x8) holds one coordinate of eight particles, and a *block* is `d`
//! such vectors: `x[j]` are the coordinates `j` of particles 0 to 7. Parameters (means, variances)
//! are plain `[f64]`, row-major, shared by all lanes. Comparisons give masks, and every branch of a
//! kernel is a selection, so no number of a lane depends on its neighbours: a lane that turns NaN stays alone. (How
//! many normals a second-order kernel draws does: as many as components count in some lane.)
//!
//! Kernels run on the best instructions of the processor, found at run time: AVX-512, AVX2 with FMA, or what
//! the build targets ([`simd::Instructions`]). The first two give the same bits. A density of your own gets
//! them by being a [`Task`](simd::Task).
//!
//! What is constant at a level is computed once, into storage of the caller
//! ([`MixtureLevel::prepare`](density::MixtureLevel::prepare) and its `storage_len`); what is needed
//! during a call lives in a [`Scratch`](scratch::Scratch) as long as `scratch_len` says.
//!
//! # Evaluate a mixture
//!
//! ```
//! use amc_core::density::{Covariance, LogDensity, Mixture, MixtureLevel, Score};
//! use amc_core::scratch::Scratch;
//! use amc_core::simd::f64x8;
//!
//! // 0.25 N((-2, 0), I/2) + 0.75 N((1, 3), I/2); alpha = 1 and variance 0 is the mixture itself.
//! let means = [-2.0, 0.0, 1.0, 3.0];
//! let mixture = Mixture::new(2, &[0.25, 0.75], &means, Covariance::Isotropic(&[0.5]))?;
//! let mut storage = vec![0.0; MixtureLevel::storage_len(&mixture)];
//! let target = MixtureLevel::prepare(&mixture, 1.0, 0.0, &mut storage)?;
//!
//! // Eight points: the second coordinate is 0, the first runs from -4 to 3.
//! let x = [f64x8::new([-4.0, -3.0, -2.0, -1.0, 0.0, 1.0, 2.0, 3.0]), f64x8::ZERO];
//! let mut score = [f64x8::ZERO; 2];
//! let mut memory = vec![f64x8::ZERO; target.scratch_len()];
//! let log_density = target.log_density_and_score(&x, &mut score, Scratch::new(&mut memory))?;
//!
//! // The third point is the mean of the first component: density 0.25/(2 pi 0.5), score 0.
//! assert!((log_density.to_array()[2] - (0.25 / std::f64::consts::PI).ln()).abs() < 1e-6);
//! assert!(score[0].to_array()[2].abs() < 1e-6);
//! # Ok::<(), amc_core::error::Error>(())
//! ```
//!
//! # One level of an annealed run
//!
//! Cross a bridge to the next cleaner level, then let a Markov kernel mix there.
//!
//! ```
//! use amc_core::bridge::{Bridge, Denoising, exponential_integrator};
//! use amc_core::density::{Covariance, LogDensity, Mixture, MixtureLevel};
//! use amc_core::kernel::{Mala, MarkovKernel};
//! use amc_core::path::NoiseSchedule;
//! use amc_core::point::{Context, Evaluations, PointMut};
//! use amc_core::rng::{Key, Purpose};
//! use amc_core::scratch::Scratch;
//! use amc_core::simd::f64x8;
//!
//! let means = [-2.0, 0.0, 1.0, 3.0];
//! let mixture = Mixture::new(2, &[0.25, 0.75], &means, Covariance::Isotropic(&[0.5]))?;
//! let step = NoiseSchedule::vp_linear(0.1, 20.0)?.step(0.20, 0.21)?;
//! let mut storage = vec![0.0; 2 * MixtureLevel::storage_len(&mixture)];
//! let (first, second) = storage.split_at_mut(MixtureLevel::storage_len(&mixture));
//! let noisy = MixtureLevel::prepare(&mixture, step.alpha_noisy, step.variance_noisy, first)?;
//! let clean = MixtureLevel::prepare(&mixture, step.alpha_clean, step.variance_clean, second)?;
//! let bridge = Denoising::new(&noisy, &clean, step, exponential_integrator(&step)?)?;
//!
//! // Room for whichever needs most; the stream; the cost account.
//! let room = bridge.scratch_len().max(Mala.scratch_len(2) + clean.scratch_len());
//! let mut memory = vec![f64x8::ZERO; room];
//! let mut stream = Key::new(1, Purpose::User).stream();
//! let mut evaluations = Evaluations::default();
//!
//! // Eight particles at the noisier level, here exact samples, with their cached values.
//! let (mut x, mut log_p_x, mut score_x) = ([f64x8::ZERO; 2], f64x8::ZERO, [f64x8::ZERO; 2]);
//! noisy.sample(&mut x, &mut stream, Scratch::new(&mut memory))?;
//! let mut context = Context {
//!     stream: &mut stream,
//!     scratch: Scratch::new(&mut memory),
//!     evaluations: &mut evaluations,
//! };
//! let mut from = PointMut { x: &mut x, log_density: &mut log_p_x, score: &mut score_x };
//! from.evaluate(&noisy, &mut context)?;
//!
//! // One denoising step: y ~ k(. | x), and what it adds to the log-weights.
//! let (mut y, mut log_p_y, mut score_y) = ([f64x8::ZERO; 2], f64x8::ZERO, [f64x8::ZERO; 2]);
//! let mut to = PointMut { x: &mut y, log_density: &mut log_p_y, score: &mut score_y };
//! let log_work =
//!     bridge.forward(from.as_point(), to.reborrow(), context.reborrow())?.log_work;
//! assert!(log_work.to_array().iter().all(|w| w.is_finite()));
//!
//! // One MALA step at the cleaner level; the cached values of `to` are used and renewed.
//! let outcome = Mala.step(&clean, 0.05, to, context)?;
//! let (sum_of_acceptance, faults) = outcome.totals(8);
//! assert!(sum_of_acceptance > 4.0 && faults == 0);
//! assert_eq!(evaluations, Evaluations { density: 3, score: 3, hessian_product: 0 });
//! # Ok::<(), amc_core::error::Error>(())
//! ```
//!
//! # What is not supported
//!
//! - **Other numbers.** Doubles, eight at a time. Fewer particles are padded by the caller.
//! - **Loops over particles, threads and files.** They are the harness's; so is tuning.
//! - **Derivatives.** A density of your own brings its score, and its Hessian where a bridge asks.
//! - **Constrained or discrete states.** `R^d` only. A density of zero (`-inf`) is respected by
//!   kernels, but nothing reflects at a wall.
//! - **Type-level dimensions.** Lengths are checked where a call enters; compile times stay short.
//!
//! # Sources
//!
//! Keys in square brackets stand for
//!
//! | key | work |
//! |---|---|
//! | Bennett76 | Bennett, Efficient estimation of free energy differences from Monte Carlo data, J. Comput. Phys. 22, 1976 |
//! | Bao22 | Bao, Li, Zhu, Zhang, Analytic-DPM: an analytic estimate of the optimal reverse variance in diffusion probabilistic models, ICLR 2022 |
//! | Ceperley99 | Ceperley, Dewing, The penalty method for random walks with uncertain energies, J. Chem. Phys. 110, 1999 |
//! | DelMoral06 | Del Moral, Doucet, Jasra, Sequential Monte Carlo samplers, J. R. Stat. Soc. B 68, 2006 |
//! | Ho20 | Ho, Jain, Abbeel, Denoising diffusion probabilistic models, NeurIPS 2020 |
//! | Meyer21 | Meyer, Musco, Musco, Woodruff, Hutch++: optimal stochastic trace estimation, SOSA 2021 |
//! | Neal01 | Neal, Annealed importance sampling, Statistics and Computing 11, 2001 |
//! | Shirts08 | Shirts, Chodera, Statistically optimal analysis of samples from multiple equilibrium states, J. Chem. Phys. 129, 2008 |
//! | Song21 | Song, Sohl-Dickstein, Kingma, Kumar, Ermon, Poole, Score-based generative modeling through stochastic differential equations, ICLR 2021 |
//! | Syed22 | Syed, Bouchard-Cote, Deligiannidis, Doucet, Non-reversible parallel tempering: a scalable highly parallel MCMC scheme, J. R. Stat. Soc. B 84, 2022 |
//! | Ubaru17 | Ubaru, Chen, Saad, Fast estimation of tr f(A) via stochastic Lanczos quadrature, SIAM J. Matrix Anal. Appl. 38, 2017 |
//! | Zhang25 | Zhang, Potaptchik, Syed, Doucet, Dalton, Accelerated parallel tempering via neural transports, arXiv 2502.10328, 2025 |
//!
//! [`Bridge`]: bridge::Bridge
//! [`MarkovKernel`]: kernel::MarkovKernel
//! [`Score`]: density::Score
#![no_std]
#![deny(missing_docs)]
#![cfg_attr(
    not(test),
    deny(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, clippy::panic)
)]

pub mod bridge;
pub mod density;
pub mod error;
pub mod exchange;
pub mod kernel;
pub mod krylov;
pub mod linalg;
pub mod logdet;
pub mod path;
pub mod point;
pub mod rng;
pub mod scratch;
pub mod simd;
pub mod transport;
pub mod weight;

/// The examples of the crate's front page are compiled and run.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct FrontPage;
