//! The target, levels and kernels of a case: small, asymmetric, with two modes in the plane.
//!
//! Oracles come from raw parameters: `alpha X + sqrt(v) eps ~ sum_k w_k N(alpha mu_k, alpha^2 Sigma_k + v I)`.

use std::path::Path;

use amc_core::density::{MixtureLevel, Score};
use amc_core::point::Evaluations;
use amc_core::rng::{Key, Purpose, Stream};
use amc_core::scratch::Scratch;
use amc_core::simd::f64x8;
use amc_verify::VerifyError;
use amc_verify::oracle::{Cdf, ExactLaw, GaussianMixture};
use rayon::ThreadPoolBuilder;

use crate::config::RunConfig;
use crate::learned::network::Head;
use crate::learned::{DataMoments, Model, NoiseRange, Sources};
use crate::run::{Problem, RunError, Top};
use crate::sampler::{Annealing, Silent, StepSizes, Tuning, pilot};
use crate::target::{Covariance, MixtureParameters, Standardize};

/// Dimension of every scene.
const DIM: usize = 2;
/// The line `u . x = c` between the modes.
pub(super) const MODES: (&[f64], f64) = (&[1.0, 0.4], 0.15);
/// Particles of the pilot that measures `E|S|^2` where a bridge needs it.
const PILOT_PARTICLES: usize = 512;

/// A problem by name: path, bridge and kernel.
#[derive(Debug, Clone)]
pub(super) struct Scene {
    /// Whether the path is a tempering path.
    pub(super) tempering: bool,
    /// The bridge with its settings, as in the section of a configuration.
    pub(super) bridge: &'static str,
    /// The kernel's name.
    pub(super) kernel: &'static str,
    /// Times of the noisy levels.
    pub(super) times: &'static [f64],
    /// Whether there are three components with full covariances, instead of two with diagonal ones.
    pub(super) full: bool,
    /// What noisy levels take from a model that is wrong everywhere; nothing, if there is nothing here.
    pub(super) learned: Option<Sources>,
}

impl Scene {
    /// The configuration of the scene.
    fn config(&self, seed: u64) -> Result<RunConfig, VerifyError> {
        let path = if self.tempering { "tempering" } else { "diffusion" };
        let text = format!(
            "seed = {seed}\n[target]\ndim = {DIM}\n[path]\nkind = \"{path}\"\nspacing = \"list\"\n\
             times = {:?}\n[bridge]\n{}\n[logdet]\nestimator = \"dense\"\n\
             [kernel]\n{}\n",
            self.times,
            self.bridge,
            self.kernel_section()
        );
        RunConfig::from_toml(&text, "verification", Path::new("."), &[]).map_err(failed)
    }

    /// The kernel with one move a level: more would only cost more.
    fn kernel_section(&self) -> String {
        let kernel = self.kernel;
        match kernel {
            "none" => format!("kind = \"{kernel}\""),
            "hmc" => format!("kind = \"{kernel}\"\nsteps = 1\nleapfrog_steps = 3"),
            _ => format!("kind = \"{kernel}\"\nsteps = 1"),
        }
    }

    /// The target's parameters. No mean, weight or variance is like another.
    fn parameters(&self) -> MixtureParameters {
        let (weights, means, covariance) = if self.full {
            let covariances =
                vec![0.3, 0.12, 0.12, 0.2, 0.15, -0.05, -0.05, 0.4, 0.5, 0.1, 0.1, 0.1];
            let means = vec![-1.2, 0.3, 1.3, -0.6, 0.4, 1.5];
            (vec![0.3, 0.45, 0.25], means, Covariance::Full(covariances))
        } else {
            let variances = vec![0.25, 0.5, 0.4, 0.15];
            (vec![0.35, 0.65], vec![-1.1, 0.2, 1.2, -0.5], Covariance::Diagonal(variances))
        };
        let name = if self.full { "three-full" } else { "two-diagonal" }.to_owned();
        let origin = "verification".to_owned();
        MixtureParameters { name, dim: DIM, weights, means, covariance, origin }
    }

    /// Calls `visit` with the problem, twice: one to be run with any seed, one to build upon.
    pub(super) fn with<R>(
        &self,
        top: Top,
        visit: impl FnOnce(&mut Annealing<'_>, &Annealing<'_>) -> Result<R, VerifyError>,
    ) -> Result<R, VerifyError> {
        let config = self.config(1)?;
        let problem =
            Problem::of_target(&config, &self.parameters(), Standardize::None).map_err(failed)?;
        let problem = match self.learned {
            Some(sources) => problem.with_model(Box::new(wrong_model()), sources),
            None => problem,
        };
        let times: Vec<f64> = std::iter::once(0.0).chain(self.times.iter().copied()).collect();
        let visited = problem.with_annealing(&config, &times, top, |run, _| {
            problem.with_annealing(&config, &times, top, |still, _| Ok(visit(run, still)))
        });
        visited.map_err(|error: RunError| failed(error))?
    }

    /// What is measured and chosen before a run: constants of the scene.
    pub(super) fn tuning(&self, annealing: &Annealing<'_>) -> Result<Tuning, VerifyError> {
        // Acceptance rates of about 0.6 to 0.9 between the widest level and the narrowest mode.
        let step_size = match self.kernel {
            "rwm" => 0.6,
            _ => 0.25,
        };
        let frozen = StepSizes::Frozen(vec![step_size; annealing.levels.len()]);
        if annealing.needs_mean_square_score() {
            let measured = pilot(annealing, PILOT_PARTICLES, false, &mut Silent).map_err(failed)?;
            return Ok(Tuning { step_sizes: frozen, ..measured });
        }
        let evaluations = Evaluations::default();
        Ok(Tuning { step_sizes: frozen, mean_square_scores: Vec::new(), evaluations })
    }

    /// The target from raw parameters.
    pub(super) fn oracle(&self) -> Result<GaussianMixture, VerifyError> {
        let MixtureParameters { weights, means, covariance, .. } = self.parameters();
        let mut matrices = Vec::new();
        for k in 0..weights.len() {
            match &covariance {
                Covariance::Full(_) => matrices.extend(covariance.component(DIM, k)),
                _ => {
                    let variance = |i| covariance.variance(DIM, k, i);
                    matrices.extend([variance(0), 0.0, 0.0, variance(1)]);
                }
            }
        }
        GaussianMixture::new(DIM, weights, means, matrices)
    }
}

/// A small network of which no parameter is zero and no density or score is right: what a law says of samplers must
/// hold whatever a model says.
fn wrong_model() -> Model<f64> {
    let noise = NoiseRange { lowest: -4.0, highest: 3.0 };
    let moments = DataMoments { mean: vec![0.3, -0.2], deviation: 1.1 };
    let mut model = Model::untrained(Head::Energy, (6, 1), noise, moments, 1);
    let key = Key::new(17, Purpose::Initialization);
    let shape = model.network.shape;
    for (index, part) in shape.parts().enumerate() {
        let parameters = &mut model.network.parameters[shape.range(part)];
        let scale = 0.2 / libm::sqrt(shape.size(part).1 as f64);
        key.level(index as u64).stream().fill_scalar_normals(parameters);
        parameters.iter_mut().for_each(|parameter| *parameter *= scale);
    }
    model
}

/// The reference `N(0, variance I)` from its parameters.
pub(super) fn reference_oracle(variance: f64) -> Result<GaussianMixture, VerifyError> {
    let covariance = vec![variance, 0.0, 0.0, variance];
    GaussianMixture::new(DIM, vec![1.0], vec![0.0; DIM], covariance)
}

/// A level with its oracle.
pub(super) struct LevelLaw<'a> {
    /// The density, as samplers see it, and its samples.
    pub(super) level: &'a MixtureLevel<'a>,
    /// The same law from raw parameters.
    pub(super) oracle: GaussianMixture,
}

impl ExactLaw for LevelLaw<'_> {
    fn density(&self) -> &dyn Score {
        self.level
    }

    fn scratch_len(&self) -> usize {
        use amc_core::density::LogDensity;
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
        let projected = self.oracle.project(direction);
        Box::new(move |c| projected.cdf(c))
    }
}

/// Runs `work` with so many threads.
pub(super) fn on_threads<R: Send>(
    threads: usize,
    work: impl FnOnce() -> Result<R, VerifyError> + Send,
) -> Result<R, VerifyError> {
    ThreadPoolBuilder::new().num_threads(threads).build().map_err(failed)?.install(work)
}

/// A failure of the harness as one of the sampler under test.
pub(super) fn failed(error: impl std::fmt::Display) -> VerifyError {
    VerifyError::Sampler(error.to_string())
}
