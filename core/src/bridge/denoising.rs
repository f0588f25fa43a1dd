//! Stochastic bridges on a diffusion path: a Gaussian (or exact) forward kernel against noising.
//!
//! `log_work(x, y) = log p_s(y) - log p_t(x) + log q(x | y) - log k(y | x)`, `q = N(a y, v I)`.
//!
//! A score or a Hessian that is no number leads to a state that is none, or to a kernel that cannot have
//! led here: `log q - log k` is then not finite, and the work is NaN, which every sampler rejects and counts.

use super::{Bridge, Crossing, LOG_TWO_PI, blocks_between, check_crossing};
use crate::density::Score;
use crate::error::{Result, check_len};
use crate::path::NoisingStep;
use crate::point::{Blocks, BlocksMut, Context, Point, PointMut, Team};
use crate::rng::Stream;
use crate::simd::{Lanes, Task, dispatch, dot, f64x8, finite, select, splat};

/// A normalized forward kernel `k(y | x)` from the noisier to the cleaner level.
///
/// It may depend on auxiliary variables whose law does not depend on any state; both methods then
/// draw them, first of all, from the stream of the context. [`LowRank`](super::LowRank) says why weights
/// stay unbiased.
pub trait DenoisingKernel: Sync {
    /// Workspace, in vectors.
    fn scratch_len(&self) -> usize;

    /// Draws `y ~ k(. | x)` and returns `log k(y | x)`.
    ///
    /// # Errors
    /// Wrong lengths or a short workspace.
    fn sample(&self, x: Point<'_>, y: &mut [f64x8], context: Context<'_>) -> Result<f64x8>;

    /// `log k(y | x)` of a given pair.
    ///
    /// # Errors
    /// Wrong lengths or a short workspace.
    fn log_density(&self, x: Point<'_>, y: &[f64x8], context: Context<'_>) -> Result<f64x8>;
}

/// The bridge made of a denoising kernel and the noising transition of a step.
#[derive(Clone, Copy)]
pub struct Denoising<'a, K> {
    noisy: &'a dyn Score,
    clean: &'a dyn Score,
    step: NoisingStep,
    kernel: K,
}

impl<'a, K: DenoisingKernel> Denoising<'a, K> {
    /// The bridge from `noisy` to `clean` along `step`.
    ///
    /// # Errors
    /// Different dimensions.
    pub fn new(
        noisy: &'a dyn Score,
        clean: &'a dyn Score,
        step: NoisingStep,
        kernel: K,
    ) -> Result<Self> {
        check_len("dimension of the cleaner level", noisy.dim(), clean.dim())?;
        Ok(Self { noisy, clean, step, kernel })
    }

    /// `log q(x | y) = log N(x; a y, v I)`.
    fn log_noising(&self, x: &[f64x8], y: &[f64x8]) -> f64x8 {
        let square = dispatch(Residual { ratio: self.step.ratio, x, y });
        self.log_noising_of_square(square / splat(self.step.variance))
    }

    /// Draws `x ~ q(. | y)` and returns `log q(x | y)`.
    fn noise(&self, y: &[f64x8], x: &mut [f64x8], stream: &mut Stream) -> f64x8 {
        let (ratio, deviation) = (self.step.ratio, libm::sqrt(self.step.variance));
        self.log_noising_of_square(dispatch(Noise { ratio, deviation, y, x, stream }))
    }

    /// The work of a pair with these log-densities of the kernels.
    fn crossing(
        &self,
        x: Point<'_>,
        y: Point<'_>,
        log_noising: f64x8,
        log_kernel: f64x8,
    ) -> Crossing {
        Crossing::from((y.log_density - x.log_density) + log_ratio(log_noising, log_kernel))
    }

    /// `log q` for the squared length of the standardized noise.
    fn log_noising_of_square(&self, square: f64x8) -> f64x8 {
        let constant = self.dim() as f64 * (LOG_TWO_PI + libm::log(self.step.variance));
        splat(-0.5) * (square + splat(constant))
    }
}

/// `log q - log k`; NaN where it is not finite.
fn log_ratio(log_noising: f64x8, log_kernel: f64x8) -> f64x8 {
    let ratio = log_noising - log_kernel;
    select(finite(ratio), ratio, splat(f64::NAN))
}

/// `|x - a y|^2`.
struct Residual<'a> {
    ratio: f64,
    x: &'a [f64x8],
    y: &'a [f64x8],
}

impl Task for Residual<'_> {
    type Output = f64x8;

    #[inline(always)]
    fn run<V: Lanes>(self) -> f64x8 {
        let ratio = V::splat(-self.ratio);
        let (x_pairs, x_last) = V::view(self.x).as_chunks::<2>();
        let (y_pairs, y_last) = V::view(self.y).as_chunks::<2>();
        let (mut even, mut odd) = (V::zero(), V::zero());
        for (&[x0, x1], &[y0, y1]) in x_pairs.iter().zip(y_pairs) {
            let (z0, z1) = (ratio.mul_add(y0, x0), ratio.mul_add(y1, x1));
            even = z0.mul_add(z0, even);
            odd = z1.mul_add(z1, odd);
        }
        for (&x, &y) in x_last.iter().zip(y_last) {
            let z = ratio.mul_add(y, x);
            even = z.mul_add(z, even);
        }
        (even + odd).vector()
    }
}

/// `x = a y + sqrt(v) z`; returns `|z|^2`.
struct Noise<'a> {
    ratio: f64,
    deviation: f64,
    y: &'a [f64x8],
    x: &'a mut [f64x8],
    stream: &'a mut Stream,
}

impl Task for Noise<'_> {
    type Output = f64x8;

    #[inline(always)]
    fn run<V: Lanes>(self) -> f64x8 {
        let x = V::view_mut(self.x);
        self.stream.fill_normal_lanes(x);
        let square = dot(x, x);
        let (ratio, deviation) = (V::splat(self.ratio), V::splat(self.deviation));
        for (x, &y) in x.iter_mut().zip(V::view(self.y)) {
            *x = deviation.mul_add(*x, ratio * y);
        }
        square.vector()
    }
}

impl<K: DenoisingKernel> Bridge for Denoising<'_, K> {
    fn dim(&self) -> usize {
        self.clean.dim()
    }

    fn scratch_len(&self) -> usize {
        let densities = self.noisy.scratch_len().max(self.clean.scratch_len());
        self.kernel.scratch_len().max(densities) + self.dim()
    }

    fn forward(
        &self,
        x: Point<'_>,
        mut y: PointMut<'_>,
        mut context: Context<'_>,
    ) -> Result<Crossing> {
        let log_kernel = self.kernel.sample(x, y.x, context.reborrow())?;
        y.evaluate(self.clean, &mut context)?;
        Ok(self.crossing(x, y.as_point(), self.log_noising(x.x, y.x), log_kernel))
    }

    fn backward(
        &self,
        y: Point<'_>,
        mut x: PointMut<'_>,
        mut context: Context<'_>,
    ) -> Result<Crossing> {
        let log_noising = self.noise(y.x, x.x, context.stream);
        x.evaluate(self.noisy, &mut context)?;
        let log_kernel = self.kernel.log_density(x.as_point(), y.x, context)?;
        Ok(self.crossing(x.as_point(), y, log_noising, log_kernel))
    }

    fn log_work(&self, x: Point<'_>, y: Point<'_>, context: Context<'_>) -> Result<f64x8> {
        let log_kernel = self.kernel.log_density(x, y.x, context)?;
        let log_noising = self.log_noising(x.x, y.x);
        Ok(self.crossing(x, y, log_noising, log_kernel).log_work)
    }

    fn blocks_at_once(&self) -> usize {
        blocks_between(self.noisy, self.clean)
    }

    fn forward_blocks(
        &self,
        x: Blocks<'_>,
        mut y: BlocksMut<'_>,
        team: Team<'_, Crossing>,
    ) -> Result<()> {
        check_crossing(self.dim(), x, &y, &team)?;
        let Team { streams, outcomes, mut scratch, evaluations } = team;
        let log_kernels = scratch.take(x.count())?;
        let draws = log_kernels.iter_mut().zip(streams).zip(&mut *evaluations);
        for ((from, to), ((log_kernel, stream), evaluations)) in
            x.iter().zip(y.iter_mut()).zip(draws)
        {
            let context = Context { stream, scratch: scratch.reborrow(), evaluations };
            *log_kernel = self.kernel.sample(from, to.x, context)?;
        }
        y.evaluate(self.clean, scratch, evaluations)?;
        let pairs = x.iter().zip(y.as_blocks().iter());
        for ((from, to), (&log_kernel, outcome)) in pairs.zip(log_kernels.iter().zip(outcomes)) {
            *outcome = self.crossing(from, to, self.log_noising(from.x, to.x), log_kernel);
        }
        Ok(())
    }

    fn backward_blocks(
        &self,
        y: Blocks<'_>,
        mut x: BlocksMut<'_>,
        team: Team<'_, Crossing>,
    ) -> Result<()> {
        check_crossing(self.dim(), y, &x, &team)?;
        let Team { streams, outcomes, mut scratch, evaluations } = team;
        let log_noisings = scratch.take(y.count())?;
        let draws = log_noisings.iter_mut().zip(&mut *streams);
        for ((from, to), (log_noising, stream)) in y.iter().zip(x.iter_mut()).zip(draws) {
            *log_noising = self.noise(from.x, to.x, stream);
        }
        x.evaluate(self.noisy, scratch.reborrow(), evaluations)?;
        let pairs = y.iter().zip(x.as_blocks().iter()).zip(log_noisings.iter());
        let teams = streams.iter_mut().zip(outcomes).zip(evaluations);
        for (((from, to), &log_noising), ((stream, outcome), evaluations)) in pairs.zip(teams) {
            let context = Context { stream, scratch: scratch.reborrow(), evaluations };
            let log_kernel = self.kernel.log_density(to, from.x, context)?;
            *outcome = self.crossing(to, from, log_noising, log_kernel);
        }
        Ok(())
    }
}
