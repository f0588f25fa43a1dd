//! Steps of MALA, and steps across every bridge.

use amc_core::bridge::Bridge;
use amc_core::density::{LogDensity, MixtureLevel};
use amc_core::error::Result as CoreResult;
use amc_core::kernel::{Mala, MarkovKernel};
use amc_core::point::{Context, Evaluations, Point, PointMut};
use amc_core::rng::{Key, Purpose};
use amc_core::scratch::Scratch;
use amc_core::simd::{LANES, f64x8};

use super::cases::{Case, Kind, Overlap, samples};
use super::density::{evaluate_all, label};
use super::report::Report;
use super::work::{Quantity, Work};
use super::{Clock, Plan};
use crate::catalog::BridgeKind;
use crate::config::{Override, RunConfig};
use crate::run::{Problem, RunError, Top};
use crate::sampler::MeanSquareScore;

/// The mixtures that MALA steps on.
pub(super) const MALA_CASES: [Case; 2] =
    [Case::new(Kind::Diagonal, 16, 2), Case::new(Kind::Diagonal, 64, 32)];

/// The bridges that are crossed.
pub(super) const BRIDGES: [BridgeKind; 8] = [
    BridgeKind::Identity,
    BridgeKind::ExponentialIntegrator,
    BridgeKind::Ddpm,
    BridgeKind::IsotropicOptimal,
    BridgeKind::Diagonal,
    BridgeKind::SecondOrder,
    BridgeKind::LowRank,
    BridgeKind::Exact,
];

/// TwoModes (64, 5), without moves inside a level.
const PROBLEM: &str = "[target]\nkind = \"two-modes\"\ndim = 64\nseparation = 5.0\n\
    [kernel]\nkind = \"none\"\n";
/// The step is one of 64 equal ones, where the modes have parted.
const TIMES: [f64; 3] = [0.0, 0.2, 0.2 + 1.0 / 64.0];
const TWO_MODES: Case = Case::new(Kind::Isotropic, 64, 2);

/// Particles with their cached values, and room for where they go.
struct Particles {
    dim: usize,
    x: Vec<f64x8>,
    score: Vec<f64x8>,
    log_density: Vec<f64x8>,
}

impl Particles {
    /// Exact samples of a level.
    fn new(level: &MixtureLevel<'_>, particles: usize) -> CoreResult<Self> {
        let blocks = particles.div_ceil(LANES);
        let x = samples(level, blocks)?;
        let (mut score, mut log_density) = (vec![f64x8::ZERO; x.len()], vec![f64x8::ZERO; blocks]);
        let mut memory = vec![f64x8::ZERO; level.scratch_len()];
        evaluate_all(level, &x, &mut log_density, &mut score, &mut memory)?;
        Ok(Self { dim: level.dim(), x, score, log_density })
    }

    /// Nanoseconds a particle that `step` takes for block after block.
    fn each(
        &self,
        clock: &Clock,
        mut step: impl FnMut(usize) -> CoreResult<()>,
    ) -> CoreResult<f64> {
        let blocks = self.log_density.len();
        let seconds = clock.pass(blocks, |mut some| some.try_for_each(&mut step))?;
        Ok(seconds * 1e9 / (blocks * LANES) as f64)
    }

    /// `E|S|^2/d`, for the bridge that needs it.
    fn mean_square_score(&self) -> MeanSquareScore {
        let squares: f64 =
            self.score.iter().map(|s| (*s * *s).to_array().iter().sum::<f64>()).sum();
        let mean = squares / (self.score.len() * LANES) as f64;
        MeanSquareScore { mean, standard_error: 1e-3 * mean }
    }
}

/// A step of MALA, at a step size that accepts about as it should.
pub(super) fn measure_mala(
    plan: &Plan,
    report: &mut Report,
    begin: &mut dyn FnMut(&str),
) -> Result<(), RunError> {
    for case in MALA_CASES {
        begin(&format!("MALA, {}", label(case)));
        let mixture = case.mixture(Overlap::Dense)?;
        let mut storage = mixture.level_storage();
        let level = MixtureLevel::prepare(&mixture.view(), 1.0, 0.0, &mut storage)?;
        let mut particles = Particles::new(&level, plan.particles())?;
        let ns = mala_ns(&level, &mut particles, &plan.clock())?;
        let d = case.dim as f64;
        let work = Work::of_mixture(case, Quantity::LogDensityAndScore) + Work::NORMAL * d;
        report.add("mala_step", ns, Some(work)).case = Some(case.into());
    }
    Ok(())
}

fn mala_ns(level: &MixtureLevel<'_>, particles: &mut Particles, clock: &Clock) -> CoreResult<f64> {
    let d = particles.dim;
    let step_size = 1.4 / libm::cbrt(d as f64);
    let mut memory = vec![f64x8::ZERO; Mala.scratch_len(d) + level.scratch_len()];
    let mut stream = Key::new(5, Purpose::Kernel).stream();
    let mut evaluations = Evaluations::default();
    let mut moving = Particles {
        dim: d,
        x: particles.x.clone(),
        score: particles.score.clone(),
        log_density: particles.log_density.clone(),
    };
    particles.each(clock, |block| {
        let vectors = block * d..(block + 1) * d;
        let point = PointMut {
            x: &mut moving.x[vectors.clone()],
            log_density: &mut moving.log_density[block],
            score: &mut moving.score[vectors],
        };
        let context = Context {
            stream: &mut stream,
            scratch: Scratch::new(&mut memory),
            evaluations: &mut evaluations,
        };
        Mala.step(level, step_size, point, context).map(|_| ())
    })
}

/// A forward step across every bridge on TwoModes (64, 5).
pub(super) fn measure_bridges(
    plan: &Plan,
    report: &mut Report,
    begin: &mut dyn FnMut(&str),
) -> Result<(), RunError> {
    let mut times = Vec::new();
    for kind in BRIDGES {
        begin(&format!("bridge {}", kind.name()));
        let overrides = [Override::new(Some("bridge"), "kind", kind.name())];
        let config = RunConfig::from_toml(PROBLEM, "bench", std::path::Path::new("."), &overrides)?;
        let problem = Problem::new(&config)?;
        let ns = problem.with_annealing(&config, &TIMES, Top::Diffusion, |annealing, _| {
            let noisy = annealing.levels[2].exact().ok_or(NOT_EXACT)?;
            let particles = Particles::new(noisy, plan.particles())?;
            let score = Some(particles.mean_square_score());
            annealing.with_bridge(1, score, |bridge| {
                Ok::<f64, RunError>(bridge_ns(bridge, &particles, &plan.patient_clock())?)
            })
        })?;
        let record = report.add("bridge_step", ns, Some(bridge_work(kind)));
        record.bridge = Some(kind.name());
        record.case = Some(TWO_MODES.into());
        times.push((kind, ns));
    }
    let time = |wanted| times.iter().find(|(kind, _)| *kind == wanted).map(|(_, ns)| *ns);
    report.second_order_over_first_order = time(BridgeKind::SecondOrder)
        .zip(time(BridgeKind::Ddpm))
        .map(|(second, first)| second / first);
    Ok(())
}

/// Levels of a diffusion path from a mixture can be sampled.
const NOT_EXACT: amc_core::error::Error =
    amc_core::error::Error::Unsupported { what: "a level that cannot be sampled" };

fn bridge_ns(bridge: &dyn Bridge, from: &Particles, clock: &Clock) -> CoreResult<f64> {
    let d = from.dim;
    let mut memory = vec![f64x8::ZERO; bridge.scratch_len()];
    let (mut y, mut score) = (vec![f64x8::ZERO; from.x.len()], vec![f64x8::ZERO; from.x.len()]);
    let mut log_density = vec![f64x8::ZERO; from.log_density.len()];
    let mut stream = Key::new(6, Purpose::Bridge).stream();
    let mut evaluations = Evaluations::default();
    from.each(clock, |block| {
        let vectors = block * d..(block + 1) * d;
        let x = Point {
            x: &from.x[vectors.clone()],
            log_density: from.log_density[block],
            score: &from.score[vectors.clone()],
        };
        let to = PointMut {
            x: &mut y[vectors.clone()],
            log_density: &mut log_density[block],
            score: &mut score[vectors],
        };
        let context = Context {
            stream: &mut stream,
            scratch: Scratch::new(&mut memory),
            evaluations: &mut evaluations,
        };
        std::hint::black_box(bridge.forward(x, to, context)?);
        Ok(())
    })
}

/// The evaluation where a step ends and the normals it draws; for kernels that look at the components
/// where it starts, their log-densities there.
fn bridge_work(kind: BridgeKind) -> Work {
    let normals = Work::NORMAL * TWO_MODES.dim as f64;
    let end = Work::of_mixture(TWO_MODES, Quantity::LogDensityAndScore);
    let start = Work::of_mixture(TWO_MODES, Quantity::LogDensity);
    match kind {
        BridgeKind::Identity | BridgeKind::FlowMap => end,
        BridgeKind::ExponentialIntegrator | BridgeKind::Ddpm | BridgeKind::IsotropicOptimal => {
            end + normals
        }
        BridgeKind::Diagonal
        | BridgeKind::SecondOrder
        | BridgeKind::LowRank
        | BridgeKind::Exact => end + normals + start,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fails if a bridge that draws counts no normals, or one of higher order counts no more than one of
    /// first order.
    #[test]
    fn bridges_of_higher_order_count_more() {
        let [identity, first, second] =
            [BridgeKind::Identity, BridgeKind::Ddpm, BridgeKind::SecondOrder].map(bridge_work);
        assert_eq!(identity.flops, 2.0 * 2.0 * 64.0 * 2.0);
        assert_eq!(first.flops - identity.flops, 16.0 * 64.0);
        assert_eq!(first.logs - identity.logs, 32.0);
        assert_eq!(second.flops - first.flops, 2.0 * 64.0 * 2.0);
        assert_eq!(second.exps, 4.0);
    }

    /// Fails if a bridge of the list cannot be crossed as it is measured, or the ratio is not that of its
    /// two bridges.
    #[test]
    fn every_bridge_is_measured() {
        let plan = Plan { parts: vec![], quick: true };
        let mut report = Report::new(crate::bench::Ceilings {
            fma_gflops: 1.0,
            exp_g_per_s: 1.0,
            ln_g_per_s: 1.0,
            bandwidth_gb_per_s: 1.0,
            cache_bandwidth_gb_per_s: 1.0,
        });
        measure_bridges(&plan, &mut report, &mut |_| ()).unwrap();
        let ns = |name| report.kernels.iter().find(|k| k.bridge == Some(name)).unwrap().ns;
        assert_eq!(report.kernels.len(), BRIDGES.len());
        assert!(report.kernels.iter().all(|kernel| kernel.ns > 0.0));
        let ratio = report.second_order_over_first_order.unwrap();
        assert_eq!(ratio, ns("second-order") / ns("ddpm"));
    }
}
