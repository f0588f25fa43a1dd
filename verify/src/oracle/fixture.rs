//! Owned standard problems that hand out the core's borrowed views through closures.
//!
//! The core's mixtures, levels and transitions borrow their numbers; a [`Fixture`] owns them, and
//! beside them the raw parameters, from which the oracle is built without the core.

use amc_core::density::mixture::MixtureTransition;
use amc_core::density::{Covariance, LogDensity, Mixture, MixtureLevel, Score};
use amc_core::linalg::symmetric_eigen;
use amc_core::path::NoisingStep;
use amc_core::rng::Stream;
use amc_core::scratch::Scratch;
use amc_core::simd::f64x8;

use super::standard_problem::{DIM, FixtureKind, MEANS, WEIGHTS};
use super::{Cdf, ExactLaw, GaussianMixture};
use crate::VerifyError;

/// A standard Gaussian mixture of one covariance kind.
#[derive(Debug, Clone)]
pub struct Fixture {
    kind: FixtureKind,
    raw: GaussianMixture,
    variances: Vec<f64>,
    eigenvectors: Vec<f64>,
}

/// The mixture at one noise level: the core's density with the oracle beside it.
#[derive(Debug)]
pub struct FixtureLevel<'a> {
    /// The core's level.
    pub level: MixtureLevel<'a>,
    raw: GaussianMixture,
}

/// A noising step between two levels, with the law of the cleaner state given the noisier one.
#[derive(Debug)]
pub struct FixtureStep<'a> {
    /// The step.
    pub step: NoisingStep,
    /// The level it ends at.
    pub noisy: &'a FixtureLevel<'a>,
    /// The level it starts from.
    pub clean: &'a FixtureLevel<'a>,
    /// The exact law of the way back.
    pub transition: MixtureTransition<'a>,
}

impl Fixture {
    /// The standard problem of this kind.
    ///
    /// # Errors
    /// None for the numbers in this crate.
    pub fn new(kind: FixtureKind) -> Result<Self, VerifyError> {
        let covariances: Vec<f64> = (0..WEIGHTS.len()).flat_map(|k| kind.covariance(k)).collect();
        let raw = GaussianMixture::new(DIM, WEIGHTS.to_vec(), MEANS.to_vec(), covariances)?;
        Self::stored(kind, raw)
    }

    /// A mixture of your own, with exact samples and projections at every noise level; its covariances are stored as
    /// full ones of each component.
    ///
    /// # Errors
    /// A covariance that is not positive definite, or whose eigenvectors are not found.
    pub fn of(raw: GaussianMixture) -> Result<Self, VerifyError> {
        let fixture = Self::stored(FixtureKind::FullPerComponent, raw)?;
        for &variance in &fixture.variances {
            let what = "eigenvalue of a covariance";
            VerifyError::check_range(what, variance, f64::MIN_POSITIVE, f64::MAX)?;
        }
        Ok(fixture)
    }

    /// The raw parameters, and what the core stores of them.
    fn stored(kind: FixtureKind, raw: GaussianMixture) -> Result<Self, VerifyError> {
        let (dim, count) = (raw.dim(), if kind.is_shared() { 1 } else { raw.weights().len() });
        let (mut variances, mut eigenvectors) = (Vec::new(), Vec::new());
        for matrix in raw.covariances().chunks_exact(dim * dim).take(count) {
            match kind {
                FixtureKind::IsotropicShared | FixtureKind::IsotropicPerComponent => {
                    variances.extend(matrix.first());
                }
                FixtureKind::DiagonalShared | FixtureKind::DiagonalPerComponent => {
                    variances.extend(matrix.iter().step_by(dim + 1));
                }
                FixtureKind::FullShared | FixtureKind::FullPerComponent => {
                    let mut work = matrix.to_vec();
                    let (mut values, mut vectors) = (vec![0.0; dim], vec![0.0; dim * dim]);
                    symmetric_eigen(&mut work, &mut values, &mut vectors)?;
                    variances.extend(values);
                    eigenvectors.extend(vectors);
                }
            }
        }
        Ok(Self { kind, raw, variances, eigenvectors })
    }

    /// The kind.
    pub fn kind(&self) -> FixtureKind {
        self.kind
    }

    /// The raw parameters.
    pub fn raw(&self) -> &GaussianMixture {
        &self.raw
    }

    /// The core's view of the parameters.
    ///
    /// # Errors
    /// None for the numbers in this crate.
    pub fn mixture(&self) -> Result<Mixture<'_>, VerifyError> {
        let covariance = match self.kind {
            FixtureKind::IsotropicShared | FixtureKind::IsotropicPerComponent => {
                Covariance::Isotropic(&self.variances)
            }
            FixtureKind::DiagonalShared | FixtureKind::DiagonalPerComponent => {
                Covariance::Diagonal(&self.variances)
            }
            FixtureKind::FullShared | FixtureKind::FullPerComponent => {
                Covariance::Full { eigenvalues: &self.variances, eigenvectors: &self.eigenvectors }
            }
        };
        let raw = &self.raw;
        Ok(Mixture::new(raw.dim(), raw.weights(), raw.means(), covariance)?)
    }

    /// Calls `f` with the level `alpha X + sqrt(variance) eps`.
    ///
    /// # Errors
    /// Coefficients that the core refuses.
    pub fn with_level<R>(
        &self,
        alpha: f64,
        variance: f64,
        f: impl FnOnce(&FixtureLevel<'_>) -> R,
    ) -> Result<R, VerifyError> {
        let mixture = self.mixture()?;
        let mut storage = vec![0.0; MixtureLevel::storage_len(&mixture)];
        let level = MixtureLevel::prepare(&mixture, alpha, variance, &mut storage)?;
        Ok(f(&FixtureLevel { level, raw: self.raw.diffused(alpha, variance) }))
    }

    /// Calls `f` with a step and its two levels.
    ///
    /// # Errors
    /// Coefficients that the core refuses.
    pub fn with_step<R>(
        &self,
        step: &NoisingStep,
        f: impl FnOnce(&FixtureStep<'_>) -> R,
    ) -> Result<R, VerifyError> {
        let (alpha, variance) = (step.alpha_noisy, step.variance_noisy);
        self.with_level(alpha, variance, |noisy| {
            let (alpha, variance) = (step.alpha_clean, step.variance_clean);
            self.with_level(alpha, variance, |clean| {
                let mut storage = vec![0.0; MixtureTransition::storage_len(&noisy.level)];
                let transition = MixtureTransition::prepare(&noisy.level, step, &mut storage)?;
                Ok(f(&FixtureStep { step: *step, noisy, clean, transition }))
            })
        })??
    }

    /// Calls `f` with several steps at once, in the order given: a ladder.
    ///
    /// # Errors
    /// Coefficients that the core refuses.
    pub fn with_steps<R>(
        &self,
        steps: &[NoisingStep],
        f: impl FnOnce(&[&FixtureStep<'_>]) -> R,
    ) -> Result<R, VerifyError> {
        self.nested(steps, &[], f)
    }

    fn nested<R, F: FnOnce(&[&FixtureStep<'_>]) -> R>(
        &self,
        steps: &[NoisingStep],
        prepared: &[&FixtureStep<'_>],
        f: F,
    ) -> Result<R, VerifyError> {
        let Some((first, rest)) = steps.split_first() else {
            return Ok(f(prepared));
        };
        self.with_step(first, |step| {
            let mut all = prepared.to_vec();
            all.push(step);
            self.nested(rest, &all, f)
        })?
    }
}

impl ExactLaw for FixtureLevel<'_> {
    fn density(&self) -> &dyn Score {
        &self.level
    }

    fn scratch_len(&self) -> usize {
        self.level.scratch_len()
    }

    fn sample(
        &self,
        x: &mut [f64x8],
        stream: &mut Stream,
        scratch: Scratch<'_>,
    ) -> amc_core::error::Result<()> {
        self.level.sample(x, stream, scratch)
    }

    fn projection_cdf(&self, direction: &[f64]) -> Cdf<'_> {
        let projected = self.raw.project(direction);
        Box::new(move |c| projected.cdf(c))
    }
}
