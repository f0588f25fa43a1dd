//! Samplers ask a density that wants many blocks at once for many, on every way.

use std::path::Path;
use std::sync::Mutex;

use amc_core::density::{LogDensity, MixtureLevel, Score, Tempered};
use amc_core::error::Result as CoreResult;
use amc_core::kernel::{Hmc, Mala, MarkovKernel, RandomWalk};
use amc_core::point::Evaluations;
use amc_core::rng::Phase;
use amc_core::scratch::Scratch;
use amc_core::simd::f64x8;

use super::*;
use crate::catalog::SwapOrder;
use crate::config::RunConfig;
use crate::run::{Problem, Top};

/// Blocks that the density of the tests wants at once: more than kernels and bridges want of themselves.
const WANTED: usize = 16;

/// A mixture that notes for how many blocks it was asked at a time.
struct Noted<'a> {
    level: MixtureLevel<'a>,
    wanted: usize,
    calls: Mutex<Vec<usize>>,
}

impl Noted<'_> {
    fn note(&self, blocks: usize) {
        self.calls.lock().unwrap().push(blocks);
    }
}

impl LogDensity for Noted<'_> {
    fn dim(&self) -> usize {
        self.level.dim()
    }
    fn scratch_len(&self) -> usize {
        self.level.scratch_len()
    }
    fn blocks_at_once(&self) -> usize {
        self.wanted
    }
    fn log_density(&self, x: &[f64x8], scratch: Scratch<'_>) -> CoreResult<f64x8> {
        self.note(1);
        self.level.log_density(x, scratch)
    }
    fn log_densities(
        &self,
        x: &[f64x8],
        log_densities: &mut [f64x8],
        scratch: Scratch<'_>,
    ) -> CoreResult<()> {
        self.note(log_densities.len());
        self.level.log_densities(x, log_densities, scratch)
    }
}

impl Score for Noted<'_> {
    fn log_density_and_score(
        &self,
        x: &[f64x8],
        score: &mut [f64x8],
        scratch: Scratch<'_>,
    ) -> CoreResult<f64x8> {
        self.note(1);
        self.level.log_density_and_score(x, score, scratch)
    }
    fn log_densities_and_scores(
        &self,
        x: &[f64x8],
        score: &mut [f64x8],
        log_densities: &mut [f64x8],
        scratch: Scratch<'_>,
    ) -> CoreResult<()> {
        self.note(log_densities.len());
        self.level.log_densities_and_scores(x, score, log_densities, scratch)
    }
}

/// Runs `body` on a tempering path of three steps whose target wants `wanted` blocks at once; returns how many it was
/// asked for, call by call, and what `body` returns.
fn with_target<T>(
    wanted: usize,
    kernel: impl MarkovKernel + 'static,
    body: impl FnOnce(&Annealing<'_>) -> Result<T, SamplerError>,
) -> (Vec<usize>, T) {
    let text = "seed = 5\n[target]\ndim = 2\nseparation = 0.8\n[path]\nkind = \"tempering\"\n\
        levels = 3\n[bridge]\nkind = \"identity\"\n";
    let config = RunConfig::from_toml(text, "test", Path::new("."), &[]).unwrap();
    let problem = Problem::new(&config).unwrap();
    let times = [0.0, 0.3, 0.6, 1.0];
    let mut found = None;
    let mut calls = Vec::new();
    let run = problem.with_annealing(&config, &times, Top::Diffusion, |annealing, _| {
        let level = *annealing.exact_target.unwrap();
        let target = Noted { level, wanted, calls: Mutex::new(Vec::new()) };
        let levels = times.map(|t| Tempered::new(annealing.reference, &target, 1.0 - t));
        let problem = Annealing {
            levels: levels.into_iter().map(|level| Level::Tempering(level.unwrap())).collect(),
            times: times.to_vec(),
            reference: annealing.reference,
            reference_variance: annealing.reference_variance,
            exact_target: annealing.exact_target,
            second_moment: annealing.second_moment,
            schedule: None,
            model: None,
            bridge: BridgeChoice::Identity,
            kernel: Some(KernelChoice {
                kernel: Box::new(kernel),
                steps: 2,
                target_acceptance: 0.5,
                initial_step_size: 0.3,
            }),
            seed: 5,
            repetition: 0,
        };
        found = Some(body(&problem)?);
        calls = std::mem::take(&mut *target.calls.lock().unwrap());
        Ok(())
    });
    run.unwrap();
    (calls, found.unwrap())
}

fn frozen() -> Tuning {
    Tuning {
        step_sizes: StepSizes::Frozen(vec![0.2; 4]),
        mean_square_scores: Vec::new(),
        evaluations: Evaluations::default(),
    }
}

/// Fails if a pass of an annealed run, its reverse or its pilot asks for single blocks, or a kernel does: 20 blocks are
/// 16 and 4, where the level is tempered, which takes eight at a time, 8, 8 and 4. (A trajectory of HMC ends earlier in
/// some blocks than in others.)
#[test]
fn annealed_runs_evaluate_whole_teams() {
    let run = |problem: &Annealing<'_>| {
        anneal(problem, &frozen(), 160, None, &mut Silent)?;
        anneal_in_reverse(problem, &frozen(), 160, None, &mut Silent)?;
        pilot(problem, 160, false, &mut Silent)
    };
    let whole = |calls: &[usize]| {
        let count = |blocks| calls.iter().filter(|&&b| b == blocks).count();
        let (full, half, rest) = (count(WANTED), count(8), count(4));
        assert_eq!((full + half + rest, 2 * full + half), (calls.len(), 2 * rest), "{calls:?}");
        assert!(rest > 30, "{rest}");
    };
    whole(&with_target(WANTED, RandomWalk, run).0);
    whole(&with_target(WANTED, Mala, run).0);
    let (calls, _) = with_target(WANTED, Hmc::new(3).unwrap(), run);
    let mean = calls.iter().sum::<usize>() as f64 / calls.len() as f64;
    assert!(calls.iter().all(|&blocks| blocks <= WANTED) && mean > 2.5, "{mean}");
}

/// Fails if ladders are explored, drawn or swapped block by block where a level has several, if a team is larger
/// than leaves two for every thread, or if what ladders do depends on their teams.
#[test]
fn ladders_evaluate_whole_teams() {
    let run = |problem: &Annealing<'_>| {
        let rules = ExchangeRules {
            ladders: 157,
            rounds: 6,
            warmup: 2,
            order: SwapOrder::EvenOdd,
            explorer: Explorer::Kernel { steps: 2 },
            samples: 157,
            samples_of_levels: 0,
        };
        let start = (Phase::Production, Start::Reference);
        exchange(problem, &frozen(), &rules, start, &mut Silent)
    };
    let on = |threads: usize, wanted: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let kernels = [with_target(wanted, RandomWalk, run), with_target(wanted, Mala, run)];
            kernels.into_iter().chain([with_target(wanted, Hmc::new(3).unwrap(), run)])
        })
    };
    // 20 blocks a level: teams of 16 and 4; two of ten where a single pair swaps.
    for (i, ((calls, together), (_, alone))) in on(1, WANTED).zip(on(4, 1)).enumerate() {
        assert!(calls.contains(&WANTED), "{calls:?}");
        if i == 0 {
            assert!(calls.iter().all(|blocks| [2, 4, 10, WANTED].contains(blocks)), "{calls:?}");
        }
        assert_eq!(together.sample.positions, alone.sample.positions);
        assert_eq!(together.evaluations, alone.evaluations);
        assert_eq!(together.acceptance_rate, alone.acceptance_rate);
        assert_eq!(together.rejection_rates(), alone.rejection_rates());
        assert_eq!(together.evidence.forward.log_z, alone.evidence.forward.log_z);
    }
    // 80 cells on 16 threads: three blocks each at most, but for the starts.
    let (calls, _) = on(16, WANTED).next().unwrap();
    assert_eq!(calls.iter().filter(|&&blocks| blocks > 3).count(), 2 + 2 + 2, "{calls:?}");
}
