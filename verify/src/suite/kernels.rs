//! Every Markov kernel on diffusion levels of every covariance kind and on a tempering level.

use amc_core::kernel::{Hmc, Mala, MarkovKernel, RandomWalk};

use super::Case;
use crate::law::kernel::{KernelInstance, cache, convergence, detailed_balance, invariance};
use crate::oracle::{ExactLaw, Fixture, FixtureKind, TemperedGaussian};
use crate::{Budget, Verdict, VerifyError};

/// Particles: what the hardest planted defects of a kernel need, see the table of powers.
const SAMPLES: usize = 512_000;
/// Noise level of the diffusion levels, as `alpha^2 + variance = 1`.
const VARIANCE: f64 = 0.476;

/// A kernel of the core with a step size that fits the levels below.
#[derive(Debug, Clone, Copy)]
enum Kernel {
    Rwm,
    Mala,
    Hmc,
}

/// Where the kernel runs.
#[derive(Debug, Clone, Copy)]
pub(super) enum Level {
    Diffusion(FixtureKind),
    Tempering,
}

/// A law of kernels.
type Law = fn(&KernelInstance<'_>, &Budget) -> Result<Verdict, VerifyError>;

const LAWS: [(&str, Law); 4] = [
    ("kernel::invariance", invariance),
    ("kernel::detailed_balance", detailed_balance),
    ("kernel::cache", cache),
    ("kernel::convergence", |instance, budget| convergence(instance, (1.2, 60), budget)),
];

pub(super) fn cases() -> Vec<Case> {
    let levels = FixtureKind::ALL.map(Level::Diffusion);
    let mut all = Vec::new();
    for level in levels.into_iter().chain([Level::Tempering]) {
        for kernel in [Kernel::Rwm, Kernel::Mala, Kernel::Hmc] {
            all.extend(LAWS.map(|law| case(law, kernel, level)));
        }
    }
    all
}

fn case((law, check): (&'static str, Law), kernel: Kernel, level: Level) -> Case {
    let (subject, place) = (kernel.name(), level.name());
    // Sixty steps a particle instead of ten, and a distance of its own making to see.
    let samples = if law == "kernel::convergence" { SAMPLES / 2 } else { SAMPLES };
    Case::new((law, subject), format!("{subject}, {place}"), samples, move |name, budget| {
        level.with_law(|law, scale| {
            kernel.with_kernel(scale, |kernel, step_size| {
                check(&KernelInstance { name, kernel, step_size, law }, budget)
            })
        })
    })
}

impl Kernel {
    const fn name(self) -> &'static str {
        match self {
            Self::Rwm => "rwm",
            Self::Mala => "mala",
            Self::Hmc => "hmc",
        }
    }

    /// Calls `visit` with the kernel and a step size for a level of the given scale.
    fn with_kernel<R>(
        self,
        scale: f64,
        visit: impl FnOnce(&dyn MarkovKernel, f64) -> Result<R, VerifyError>,
    ) -> Result<R, VerifyError> {
        match self {
            Self::Rwm => visit(&RandomWalk, scale),
            Self::Mala => visit(&Mala, 0.8 * scale * scale),
            Self::Hmc => visit(&Hmc::new(3)?, 1.3 * scale),
        }
    }
}

impl Level {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Diffusion(kind) => kind.name(),
            Self::Tempering => "tempering",
        }
    }

    /// Calls `visit` with the level and its scale.
    pub(super) fn with_law<R>(
        self,
        visit: impl FnOnce(&dyn ExactLaw, f64) -> Result<R, VerifyError>,
    ) -> Result<R, VerifyError> {
        match self {
            Self::Diffusion(kind) => {
                let alpha = libm::sqrt(1.0 - VARIANCE);
                Fixture::new(kind)?.with_level(alpha, VARIANCE, |level| visit(level, 0.9))?
            }
            Self::Tempering => TemperedGaussian::with_level(0.6, |level| visit(level, 0.6))?,
        }
    }
}
