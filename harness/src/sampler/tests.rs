//! What the main loop does with weights, streams and step sizes, checked against a replay by hand.
//!
//! The replays draw from the documented streams (seed, purpose, level, block) and know nothing of
//! the loop; the probe below is a kernel that does nothing but note what it was given.

use std::path::Path;
use std::sync::Mutex;

use amc_core::bridge::{Bridge, Crossing};
use amc_core::density::{LogDensity, Score};
use amc_core::error::Result as CoreResult;
use amc_core::kernel::{MarkovKernel, Outcome as KernelOutcome};
use amc_core::point::{Context, Evaluations, Point, PointMut};
use amc_core::rng::{Key, Phase, Purpose};
use amc_core::scratch::Scratch;
use amc_core::simd::{LANES, f64x8, splat};
use amc_core::weight::{
    Resampling, conditional_effective_sample_size, effective_sample_size, log_mean_exp, normalize,
};

use super::*;
use crate::config::RunConfig;
use crate::run::{Problem, Top};

/// Two modes in the plane, three steps, no kernel.
const IDENTITY: &str = "seed = 5\n[target]\ndim = 2\nseparation = 0.4\n\
    [path]\nlevels = 3\nt_min = 0.1\nt_max = 0.4\n[bridge]\nkind = \"identity\"\n\
    [kernel]\nkind = \"none\"\n";
const N: usize = 19;

fn with_problem(text: &str, visit: impl FnOnce(&mut Annealing<'_>)) {
    let config = RunConfig::from_toml(text, "test", Path::new("."), &[]).unwrap();
    let problem = Problem::new(&config).unwrap();
    let times: Vec<f64> = std::iter::once(0.0).chain(config.path.times()).collect();
    let with = problem.with_annealing(&config, &times, Top::Diffusion, |annealing, _| {
        visit(annealing);
        Ok(())
    });
    with.unwrap();
}

fn untuned() -> Tuning {
    Tuning {
        step_sizes: StepSizes::Online(1.0),
        mean_square_scores: Vec::new(),
        evaluations: Evaluations::default(),
    }
}

/// `log p` at each row of `[N x d]`.
fn log_densities(density: &dyn Score, rows: &[f64]) -> Vec<f64> {
    let mut memory = vec![f64x8::ZERO; density.scratch_len()];
    let each = rows.chunks_exact(density.dim()).map(|row| {
        let x: Vec<f64x8> = row.iter().copied().map(splat).collect();
        density.log_density(&x, Scratch::new(&mut memory)).unwrap().to_array()[0]
    });
    each.collect()
}

/// The rows that the reference must have given: block `b` from the stream of that name.
fn reference_rows(problem: &Annealing<'_>, particles: usize, phase: Phase) -> Vec<f64> {
    let (d, mut rows) = (problem.dim(), Vec::new());
    let mut memory = vec![f64x8::ZERO; problem.reference.scratch_len()];
    for block in 0..particles.div_ceil(LANES) {
        let key = Key::new(problem.seed, Purpose::Reference).phase(phase).block(block as u64);
        let mut x = vec![f64x8::ZERO; d];
        problem.reference.sample(&mut x, &mut key.stream(), Scratch::new(&mut memory)).unwrap();
        rows.extend((0..LANES).flat_map(|lane| x.iter().map(move |x| x.to_array()[lane])));
    }
    rows.truncate(particles * d);
    rows
}

/// Fails if the first weight is not `p_L/rho`, if the path runs from target to reference, if the
/// mean of the weights is not taken over `N`, or if the weights reported are not normalized: with
/// the identity bridge the weight of a particle is `p_0(x)/rho(x)`, whatever lies between.
#[test]
fn ais_with_the_identity_telescopes() {
    let tempering = "seed = 5\n[target]\ndim = 2\nseparation = 0.4\n[path]\nkind = \"tempering\"\n\
        levels = 3\nspacing = \"quadratic\"\n[kernel]\nkind = \"none\"\n";
    for text in [IDENTITY, tempering] {
        with_problem(text, |problem| {
            let outcome = anneal(problem, &untuned(), N, None, &mut Silent).unwrap();
            let rows = reference_rows(problem, N, Phase::Production);
            assert_eq!(outcome.sample.positions, rows);
            let reference = log_densities(problem.reference, &rows);
            let target = log_densities(problem.levels[0].density(), &rows);
            let expected: Vec<f64> = target.iter().zip(&reference).map(|(t, r)| t - r).collect();
            let log_z = log_mean_exp(&expected);
            assert!((outcome.evidence.log_z - log_z).abs() < 1e-12);
            assert!((outcome.ess - effective_sample_size(&expected) / N as f64).abs() < 1e-12);
            for (found, expected) in outcome.sample.log_weights.iter().zip(&expected) {
                assert!((found - (expected - log_z - (N as f64).ln())).abs() < 1e-12);
            }
        });
    }
}

/// Fails if the evidence of a stage is added twice or not at all, weights are not reset after
/// resampling, resampling strikes when the ESS is high, positions or cached densities of another
/// particle are gathered, families are not composed, or the conditional ESS is that of the weights.
#[test]
fn smc_with_the_identity_follows_a_replay() {
    with_problem(IDENTITY, |problem| {
        // A threshold between the ESS of the levels: some resample and some do not.
        for threshold in [0.3, 0.6, 0.8, 0.9, 2.0] {
            let scheme = Resampling::Multinomial;
            let rule = Some(ResamplingRule { scheme, threshold });
            let outcome = anneal(problem, &untuned(), N, rule, &mut Silent).unwrap();

            let d = problem.dim();
            let mut rows = reference_rows(problem, N, Phase::Production);
            let mut families: Vec<usize> = (0..N).collect();
            let mut previous = log_densities(problem.reference, &rows);
            let mut current = log_densities(problem.levels[3].density(), &rows);
            let mut log_weights: Vec<f64> =
                current.iter().zip(&previous).map(|(c, p)| c - p).collect();
            let (mut log_z, mut weights) = (0.0, vec![0.0; N]);
            for (level, record) in (0..3).rev().zip(&outcome.levels) {
                previous = current;
                current = log_densities(problem.levels[level].density(), &rows);
                let work: Vec<f64> = current.iter().zip(&previous).map(|(c, p)| c - p).collect();
                let cess = conditional_effective_sample_size(&log_weights, &work).unwrap();
                assert!((record.conditional_ess - cess / N as f64).abs() < 1e-10);
                log_weights.iter_mut().zip(&work).for_each(|(w, u)| *w += u);
                let ess = effective_sample_size(&log_weights) / N as f64;
                assert!((record.ess - ess).abs() < 1e-10);
                assert_eq!((record.level, record.resampled), (level, ess < threshold));
                if ess < threshold {
                    log_z += log_mean_exp(&log_weights);
                    normalize(&log_weights, &mut weights).unwrap();
                    let mut ancestors = vec![0; N];
                    let key = Key::new(problem.seed, Purpose::Resampling).level(level as u64);
                    scheme.ancestors(&weights, &mut key.stream(), &mut ancestors).unwrap();
                    rows = ancestors.iter().flat_map(|&a| rows[a * d..][..d].to_vec()).collect();
                    current = ancestors.iter().map(|&a| current[a]).collect();
                    families = ancestors.iter().map(|&a| families[a]).collect();
                    log_weights.fill(0.0);
                }
            }
            log_z += log_mean_exp(&log_weights);
            assert_eq!(outcome.sample.positions, rows, "threshold {threshold}");
            assert!((outcome.evidence.log_z - log_z).abs() < 1e-10, "threshold {threshold}");
            families.sort_unstable();
            families.dedup();
            assert_eq!(outcome.surviving_families, families.len());
        }
    });
}

/// Fails if resampling gathers the score of another particle or coordinate.
#[test]
fn resampling_moves_scores_with_their_particles() {
    with_problem(IDENTITY, |problem| {
        let (mut population, _) =
            Population::from_reference(problem, N, Phase::Production).unwrap();
        let before = population.square_scores(None);
        let weights: Vec<f64> = (0..N).map(|i| (i % 4) as f64).collect();
        let key = Key::new(1, Purpose::Resampling);
        let mut ancestors = vec![0; N];
        Resampling::Systematic.ancestors(&weights, &mut key.stream(), &mut ancestors).unwrap();
        population.resample(Resampling::Systematic, &weights, key).unwrap();
        let expected: Vec<f64> = ancestors.iter().map(|&a| before[a]).collect();
        assert_eq!(population.square_scores(None), expected);
    });
}

/// What the probe was given in one step.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Seen {
    uniform: f64,
    step_size: f64,
    log_density_at_one: f64,
}

/// A kernel that moves nothing, accepts with probability 1/4 and notes what it was given.
struct Probe<'a> {
    seen: &'a Mutex<Vec<Seen>>,
    stale: bool,
}

impl MarkovKernel for Probe<'_> {
    fn scratch_len(&self, _dim: usize) -> usize {
        0
    }

    fn leaves_score_stale(&self) -> bool {
        self.stale
    }

    fn step(
        &self,
        density: &dyn Score,
        step_size: f64,
        point: PointMut<'_>,
        mut context: Context<'_>,
    ) -> CoreResult<KernelOutcome> {
        let ones = vec![splat(1.0); point.x.len()];
        let value = density.log_density(&ones, context.scratch.reborrow())?.to_array()[0];
        let uniform = context.stream.uniform();
        let seen = Seen { uniform, step_size, log_density_at_one: value };
        self.seen.lock().unwrap().push(seen);
        context.evaluations.density += 1;
        Ok(KernelOutcome { acceptance_probability: splat(0.25), ..KernelOutcome::none() })
    }
}

/// A kernel that accepts with probability `exp(-step size)` and moves nothing.
struct Exponential;

impl MarkovKernel for Exponential {
    fn scratch_len(&self, _dim: usize) -> usize {
        0
    }

    fn step(
        &self,
        _density: &dyn Score,
        step_size: f64,
        _point: PointMut<'_>,
        _context: Context<'_>,
    ) -> CoreResult<KernelOutcome> {
        let acceptance_probability = splat((-step_size).exp());
        Ok(KernelOutcome { acceptance_probability, ..KernelOutcome::none() })
    }
}

/// Runs AIS with the probe; `[level][block][step]` in any order of blocks.
fn probed(
    problem: &mut Annealing<'_>,
    stale: bool,
    step_sizes: StepSizes,
) -> (AnnealedOutcome, Vec<Seen>) {
    let seen: &'static Mutex<Vec<Seen>> = Box::leak(Box::default());
    problem.kernel = Some(KernelChoice {
        kernel: Box::new(Probe { seen, stale }),
        steps: 2,
        target_acceptance: 0.5,
        initial_step_size: 3.0,
    });
    let tuning = Tuning { step_sizes, ..untuned() };
    let outcome = anneal(problem, &tuning, N, None, &mut Silent).unwrap();
    (outcome, seen.lock().unwrap().clone())
}

/// Fails if a level is given the density, the step size or the stream of another, if two blocks
/// share a stream, if the kernel draws what another purpose draws, or if acceptance is not averaged
/// over steps and particles alone (the last block is not full).
#[test]
fn frozen_kernels_get_what_belongs_to_their_level() {
    with_problem(IDENTITY, |problem| {
        let sizes = StepSizes::Frozen(vec![0.25, 0.5, 1.0, 2.0]);
        let (outcome, seen) = probed(problem, false, sizes);
        let blocks = N.div_ceil(LANES);
        let mut expected = Vec::new();
        for level in (0..3).rev() {
            let value = log_densities(problem.levels[level].density(), &[1.0; 2])[0];
            for block in 0..blocks {
                let key = Key::new(problem.seed, Purpose::Kernel).level(level as u64);
                let mut stream = key.block(block as u64).stream();
                for _ in 0..2 {
                    expected.push(Seen {
                        uniform: stream.uniform(),
                        step_size: [0.25, 0.5, 1.0][level],
                        log_density_at_one: value,
                    });
                }
            }
        }
        let sorted = |mut list: Vec<Seen>| {
            list.sort_by(|a, b| a.uniform.total_cmp(&b.uniform));
            list
        };
        assert_eq!(sorted(seen), sorted(expected));
        assert_eq!(outcome.acceptance_rate, Some(0.25));
        assert!(outcome.levels.iter().all(|record| record.acceptance_rate == Some(0.25)));
        // One evaluation at the start, one for each of three crossings, two kernel steps a level.
        let expected = Evaluations { density: 10 * 19, score: 4 * 19, hessian_product: 0 };
        assert_eq!(outcome.evaluations, expected);
    });
}

/// Fails if online steps repeat each other's numbers, if the step size does not follow
/// `h exp(acceptance - target)` from step to step and level to level, or if acceptance is summed.
#[test]
fn online_step_sizes_follow_the_rule() {
    with_problem(IDENTITY, |problem| {
        let (outcome, seen) = probed(problem, false, StepSizes::Online(3.0));
        let mut sizes: Vec<f64> = seen.iter().map(|seen| seen.step_size).collect();
        sizes.dedup();
        assert_eq!(sizes.len(), 6);
        for (i, size) in sizes.iter().enumerate() {
            assert!((size / (3.0 * (-0.25 * i as f64).exp()) - 1.0).abs() < 1e-14, "{sizes:?}");
        }
        let mut uniforms: Vec<u64> = seen.iter().map(|seen| seen.uniform.to_bits()).collect();
        uniforms.sort_unstable();
        uniforms.dedup();
        assert_eq!(uniforms.len(), 6 * N.div_ceil(LANES));
        assert_eq!(outcome.acceptance_rate, Some(0.25));
    });
}

/// Fails if a stale score is not recomputed before the next bridge reads it, or recomputed where
/// nothing reads it: at the target, or by the identity bridge.
#[test]
fn stale_scores_are_refreshed_where_they_are_read() {
    let ddpm = IDENTITY.replace("identity", "ddpm");
    for (text, refreshed) in [(IDENTITY, 0), (ddpm.as_str(), 2)] {
        with_problem(text, |problem| {
            for sizes in [StepSizes::Frozen(vec![1.0; 4]), StepSizes::Online(1.0)] {
                let (outcome, _) = probed(problem, true, sizes);
                assert_eq!(outcome.evaluations.score, (4 + refreshed) * 19);
            }
        });
    }
}

/// Fails if the pilot draws anything that the production run draws.
#[test]
fn the_pilot_has_its_own_streams() {
    with_problem(IDENTITY, |problem| {
        let (population, _) = Population::from_reference(problem, N, Phase::Pilot).unwrap();
        assert_eq!(population.positions(), reference_rows(problem, N, Phase::Pilot));
        assert_ne!(population.positions(), reference_rows(problem, N, Phase::Production));
        let seen: &'static Mutex<Vec<Seen>> = Box::leak(Box::default());
        problem.kernel = Some(KernelChoice {
            kernel: Box::new(Probe { seen, stale: false }),
            steps: 1,
            // Close enough to the probe's 0.25 to count as settled.
            target_acceptance: 0.3,
            initial_step_size: 1.0,
        });
        let tuning = pilot(problem, N, false, &mut Silent).unwrap();
        assert!(matches!(&tuning.step_sizes, StepSizes::Frozen(sizes) if sizes[0] < sizes[2]));
        let (_, production) = probed(problem, false, tuning.step_sizes);
        let pilot = seen.lock().unwrap();
        let shared = |p: &Seen| pilot.iter().any(|q| q.uniform == p.uniform);
        assert!(!pilot.is_empty() && !production.iter().any(shared));
    });
}

/// Fails if the pilot's step sizes move away from the wanted acceptance, or are averaged wrongly:
/// a kernel that accepts with probability `exp(-h)` needs `h = ln 2` for one half.
#[test]
fn the_pilot_settles_at_the_wanted_acceptance() {
    with_problem(IDENTITY, |problem| {
        problem.kernel = Some(KernelChoice {
            kernel: Box::new(Exponential),
            steps: 1,
            target_acceptance: 0.5,
            initial_step_size: 20.0,
        });
        let tuning = pilot(problem, N, false, &mut Silent).unwrap();
        let StepSizes::Frozen(sizes) = tuning.step_sizes else { panic!("a frozen pilot") };
        for size in &sizes[..3] {
            assert!((size / std::f64::consts::LN_2 - 1.0).abs() < 0.02, "{sizes:?}");
        }
    });
}

/// Fails if a bridge is tuned with the `E|S|^2` of its cleaner level instead of its noisier one.
#[test]
fn mean_square_scores_belong_to_the_noisier_level() {
    let text = IDENTITY.replace("identity", "isotropic-optimal");
    with_problem(&text, |problem| {
        let run = |means: [f64; 4]| {
            let score = |mean| MeanSquareScore { mean, standard_error: 0.0 };
            let mean_square_scores = means.map(score).to_vec();
            let tuning = Tuning { mean_square_scores, ..untuned() };
            anneal(problem, &tuning, N, None, &mut Silent).unwrap().sample.positions
        };
        let base = run([1.0, 1.1, 1.2, 1.3]);
        assert_eq!(run([9.0, 1.1, 1.2, 1.3]), base);
        assert_ne!(run([1.0, 1.1, 1.2, 1.0]), base);
    });
}

/// A bridge that stays, with chosen log-work in every lane, and notes its streams.
struct Fixed {
    work: [f64; LANES],
    uniforms: Mutex<Vec<f64>>,
}

impl Bridge for Fixed {
    fn dim(&self) -> usize {
        2
    }
    fn scratch_len(&self) -> usize {
        0
    }
    fn forward(&self, x: Point<'_>, mut y: PointMut<'_>, c: Context<'_>) -> CoreResult<Crossing> {
        y.copy_from(x);
        self.uniforms.lock().unwrap().push(c.stream.uniform());
        Ok(Crossing::from(f64x8::new(self.work)))
    }
    fn backward(&self, _: Point<'_>, _: PointMut<'_>, _: Context<'_>) -> CoreResult<Crossing> {
        unreachable!("samplers go forward")
    }
    fn log_work(&self, _: Point<'_>, _: Point<'_>, _: Context<'_>) -> CoreResult<f64x8> {
        unreachable!("samplers go forward")
    }
}

/// Fails if a NaN or infinite weight survives, a weight of zero revives or is called a fault, a lane
/// without a particle is counted, or two blocks draw the same numbers.
#[test]
fn faulty_log_works_kill_their_particles() {
    const INF: f64 = f64::INFINITY;
    with_problem(IDENTITY, |problem| {
        let (mut population, _) =
            Population::from_reference(problem, 11, Phase::Production).unwrap();
        let before = population.log_weights().to_vec();
        let work = [0.5, f64::NAN, INF, -INF, -1.0, 0.0, 0.0, f64::NAN];
        let bridge = Fixed { work, uniforms: Mutex::default() };
        let key = Key::new(1, Purpose::Bridge);
        let report = population.cross(&bridge, Direction::Forward, key).unwrap();
        // Lanes 1, 2 and 7 of the first block, lanes 1 and 2 of the three particles of the second.
        assert_eq!(report.non_finite, 5);
        for (i, (after, before)) in population.log_weights().iter().zip(before).enumerate() {
            let dead = [1, 2, 3, 7].contains(&(i % LANES));
            assert_eq!(*after, if dead { -INF } else { before + work[i % LANES] }, "{i}");
        }
        let report = population.cross(&bridge, Direction::Forward, key).unwrap();
        assert_eq!((report.non_finite, population.log_weights()[1]), (0, -INF));
        let uniforms = bridge.uniforms.into_inner().unwrap();
        assert_ne!(uniforms[0], uniforms[1]);
    });
}

/// The rows that the target must have given.
fn target_rows(problem: &Annealing<'_>, particles: usize, phase: Phase) -> Vec<f64> {
    let (d, mut rows) = (problem.dim(), Vec::new());
    let target = problem.exact_target.unwrap();
    let mut memory = vec![f64x8::ZERO; target.scratch_len()];
    for block in 0..particles.div_ceil(LANES) {
        let key = Key::new(problem.seed, Purpose::TargetSample).phase(phase).block(block as u64);
        let mut x = vec![f64x8::ZERO; d];
        target.sample(&mut x, &mut key.stream(), Scratch::new(&mut memory)).unwrap();
        rows.extend((0..LANES).flat_map(|lane| x.iter().map(move |x| x.to_array()[lane])));
    }
    rows.truncate(particles * d);
    rows
}

/// Fails if the way back starts elsewhere than at the target, has a sign wrong (of a work, of the
/// last weight, of `log Z`), resamples from another level's stream or not at all, or forgets the
/// reference: with the identity the weight is `rho(x)/p_0(x)`, whatever lies between.
#[test]
fn the_way_back_follows_a_replay() {
    with_problem(IDENTITY, |problem| {
        for threshold in [None, Some(0.3), Some(0.8), Some(0.95), Some(2.0)] {
            let scheme = Resampling::Multinomial;
            let rule = threshold.map(|threshold| ResamplingRule { scheme, threshold });
            let outcome = anneal_in_reverse(problem, &untuned(), N, rule, &mut Silent).unwrap();
            let d = problem.dim();
            let mut rows = target_rows(problem, N, Phase::Reverse);
            let mut families: Vec<usize> = (0..N).collect();
            let mut current = log_densities(problem.levels[0].density(), &rows);
            let (mut log_weights, mut weights) = (vec![0.0; N], vec![0.0; N]);
            let mut log_inverse = 0.0;
            for level in 1..=3 {
                let next = log_densities(problem.levels[level].density(), &rows);
                for (w, (n, c)) in log_weights.iter_mut().zip(next.iter().zip(&current)) {
                    *w += n - c;
                }
                current = next;
                let ess = effective_sample_size(&log_weights) / N as f64;
                if threshold.is_some_and(|threshold| ess < threshold) {
                    log_inverse += log_mean_exp(&log_weights);
                    normalize(&log_weights, &mut weights).unwrap();
                    let mut ancestors = vec![0; N];
                    let key = Key::new(problem.seed, Purpose::Resampling).phase(Phase::Reverse);
                    let mut stream = key.level(level as u64).stream();
                    scheme.ancestors(&weights, &mut stream, &mut ancestors).unwrap();
                    rows = ancestors.iter().flat_map(|&a| rows[a * d..][..d].to_vec()).collect();
                    current = ancestors.iter().map(|&a| current[a]).collect();
                    families = ancestors.iter().map(|&a| families[a]).collect();
                    log_weights.fill(0.0);
                }
            }
            let reference = log_densities(problem.reference, &rows);
            for (w, (r, c)) in log_weights.iter_mut().zip(reference.iter().zip(&current)) {
                *w += r - c;
            }
            log_inverse += log_mean_exp(&log_weights);
            assert!((outcome.evidence.log_z + log_inverse).abs() < 1e-10, "{threshold:?}");
            let ess = effective_sample_size(&log_weights) / N as f64;
            assert!((outcome.ess - ess).abs() < 1e-10);
            families.sort_unstable();
            families.dedup();
            assert_eq!(outcome.surviving_families, families.len());
        }
    });
}

/// Fails if the kernel of another level (or its step size) runs before a crossing on the way back:
/// levels 0 to `L - 1`, each before the bridge that leaves it.
#[test]
fn the_way_back_mixes_where_the_way_down_did() {
    with_problem(IDENTITY, |problem| {
        let seen: &'static Mutex<Vec<Seen>> = Box::leak(Box::default());
        problem.kernel = Some(KernelChoice {
            kernel: Box::new(Probe { seen, stale: false }),
            steps: 1,
            target_acceptance: 0.5,
            initial_step_size: 3.0,
        });
        let step_sizes = StepSizes::Frozen(vec![0.25, 0.5, 1.0, 2.0]);
        let tuning = Tuning { step_sizes, ..untuned() };
        anneal_in_reverse(problem, &tuning, 8, None, &mut Silent).unwrap();
        let found: Vec<(f64, f64)> =
            seen.lock().unwrap().iter().map(|s| (s.step_size, s.log_density_at_one)).collect();
        let at = |level: usize| log_densities(problem.levels[level].density(), &[1.0; 2])[0];
        assert_eq!(found, [(0.25, at(0)), (0.5, at(1)), (1.0, at(2))]);
    });
}

/// Fails if repetitions do not weigh by their own `Z`, `log Z` is averaged as a logarithm, families
/// of two repetitions are mixed up, or a figure of the first stands for all: without resampling,
/// pooled repetitions are one run of all particles.
#[test]
fn pooled_repetitions_are_one_run() {
    with_problem(IDENTITY, |problem| {
        let runs: Vec<AnnealedOutcome> = (0..3)
            .map(|repetition| {
                problem.repetition = repetition;
                anneal(problem, &untuned(), N, None, &mut Silent).unwrap()
            })
            .collect();
        let rows: Vec<f64> = runs.iter().flat_map(|run| run.sample.positions.clone()).collect();
        let target = log_densities(problem.levels[0].density(), &rows);
        let reference = log_densities(problem.reference, &rows);
        let logs: Vec<f64> = target.iter().zip(&reference).map(|(t, r)| t - r).collect();
        let (n, log_z) = (3 * N, log_mean_exp(&logs));
        let pooled = pool(runs).unwrap();
        assert_eq!(pooled.sample.positions, rows);
        assert!((pooled.evidence.log_z - log_z).abs() < 1e-12);
        let ess = effective_sample_size(&logs);
        assert!((pooled.ess - ess / n as f64).abs() < 1e-12);
        let error = (1.0 / ess - 1.0 / n as f64).sqrt();
        assert!((pooled.evidence.log_z_std_error - error).abs() < 1e-12);
        assert_eq!((pooled.surviving_families, pooled.families.len()), (n, n));
        for ((w, log_w), expected) in
            pooled.sample.weights.iter().zip(&pooled.sample.log_weights).zip(&logs)
        {
            let expected = expected - log_z - (n as f64).ln();
            assert!((log_w - expected).abs() < 1e-12 && (w.ln() - expected).abs() < 1e-12);
        }
        assert_eq!(pooled.evaluations.density, 3 * 4 * N as u64);
    });
}

/// Fails if the acceptance of a repetition is dropped or counts twice.
#[test]
fn pooled_acceptance_is_the_mean() {
    with_problem(IDENTITY, |problem| {
        let run = anneal(problem, &untuned(), N, None, &mut Silent).unwrap();
        let runs = [0.1, 0.2, 0.6]
            .map(|rate| AnnealedOutcome { acceptance_rate: Some(rate), ..run.clone() });
        let rate = pool(runs.to_vec()).unwrap().acceptance_rate.unwrap();
        assert!((rate - 0.3).abs() < 1e-15, "{rate}");
    });
}

/// Rules of a short run of 11 ladders, two kernel steps a round.
fn short(warmup: usize, rounds: usize) -> ExchangeRules {
    ExchangeRules {
        ladders: 11,
        rounds,
        warmup,
        order: crate::catalog::SwapOrder::EvenOdd,
        explorer: Explorer::Kernel { steps: 2 },
        samples: 11,
        samples_of_levels: 0,
    }
}

fn with_ladder(text: &str, visit: impl FnOnce(&mut Annealing<'_>)) {
    let config = RunConfig::from_toml(text, "test", Path::new("."), &[]).unwrap();
    let problem = Problem::new(&config).unwrap();
    let times: Vec<f64> = std::iter::once(0.0).chain(config.path.times()).collect();
    let with = problem.with_annealing(&config, &times, Top::Reference, |annealing, _| {
        visit(annealing);
        Ok(())
    });
    with.unwrap();
}

/// Fails if two levels, rounds (of the warm-up or after it) or blocks share numbers, the kernel moves
/// the reference, a level is given another's step size or density, or warm-up is counted.
#[test]
fn ladders_draw_their_own_numbers() {
    with_ladder(IDENTITY, |problem| {
        let seen: &'static Mutex<Vec<Seen>> = Box::leak(Box::default());
        problem.kernel = Some(KernelChoice {
            kernel: Box::new(Probe { seen, stale: false }),
            steps: 1,
            target_acceptance: 0.5,
            initial_step_size: 3.0,
        });
        let step_sizes = StepSizes::Frozen(vec![0.25, 0.5, 1.0, 2.0]);
        let tuning = Tuning { step_sizes, ..untuned() };
        let way = (Phase::Production, Start::Reference);
        let outcome = exchange(problem, &tuning, &short(3, 4), way, &mut Silent).unwrap();
        let seen = seen.lock().unwrap();
        let mut uniforms: Vec<u64> = seen.iter().map(|seen| seen.uniform.to_bits()).collect();
        uniforms.sort_unstable();
        uniforms.dedup();
        // 3 + 4 rounds, 3 levels, 2 blocks, 2 steps.
        assert_eq!((uniforms.len(), seen.len()), (84, 84));
        for (level, size) in [0.25, 0.5, 1.0].into_iter().enumerate() {
            let value = log_densities(problem.levels[level].density(), &[1.0; 2])[0];
            let here = |s: &&Seen| s.step_size == size && s.log_density_at_one == value;
            assert_eq!(seen.iter().filter(here).count(), 28);
        }
        // 4 rounds: 3 levels of 2 steps; pairs 0 and 2, then 1, twice.
        assert_eq!(outcome.proposals, 11 * (4 * 3 * 2 + 2 * 3));
        assert!(outcome.levels[3].acceptance_rate.is_none());
    });
}

/// Fails if the warm-up drives step sizes away from the wanted acceptance, reads acceptances of
/// earlier rounds again, or averages wrongly (its length is odd).
#[test]
fn the_warmup_settles_at_the_wanted_acceptance() {
    with_ladder(IDENTITY, |problem| {
        problem.kernel = Some(KernelChoice {
            kernel: Box::new(Exponential),
            steps: 1,
            target_acceptance: 0.5,
            initial_step_size: 20.0,
        });
        let tuning = Tuning { step_sizes: StepSizes::Online(20.0), ..untuned() };
        let way = (Phase::Production, Start::Reference);
        let outcome = exchange(problem, &tuning, &short(101, 2), way, &mut Silent).unwrap();
        for level in &outcome.levels[..3] {
            let size = level.step_size.unwrap();
            assert!((size / std::f64::consts::LN_2 - 1.0).abs() < 0.01, "{level:?}");
        }
    });
}

/// Fails if trips of the warm-up are counted: two rounds have room for one a ladder at most.
#[test]
fn trips_are_counted_after_the_warmup() {
    with_ladder(IDENTITY, |problem| {
        let rules = ExchangeRules { explorer: Explorer::Exact, ..short(400, 2) };
        let way = (Phase::Production, Start::Reference);
        let outcome = exchange(problem, &untuned(), &rules, way, &mut Silent).unwrap();
        assert!(
            outcome.round_trips.iter().chain(&outcome.restarts).all(|&n| n <= 1),
            "{outcome:?}"
        );
    });
}

/// Fails if figures get the states of one round alone, more than they may, those of another level, or the placement of levels
/// keeps any.
#[test]
fn snapshots_of_ladders_are_spread_over_the_rounds() {
    with_ladder(IDENTITY, |problem| {
        let run = |rounds: usize, phase: Phase| {
            let rules =
                ExchangeRules { explorer: Explorer::Exact, samples: 512, ..short(3, rounds) };
            exchange(problem, &untuned(), &rules, (phase, Start::Reference), &mut Silent).unwrap()
        };
        let few = run(8, Phase::Production);
        let levels: Vec<usize> = few.snapshots.iter().map(|shot| shot.level).collect();
        assert_eq!(levels, [3, 2, 1, 0]);
        for shot in &few.snapshots {
            assert_eq!((shot.log_weights.len(), shot.positions.len()), (88, 88 * problem.dim()));
            assert_eq!(shot.positions == few.sample.positions, shot.level == 0);
        }
        // 46 rounds have room: every fourth of 100.
        let many = run(100, Phase::Production);
        assert!(many.snapshots.iter().all(|shot| shot.log_weights.len() == 25 * 11));
        assert!(run(8, Phase::Schedule).snapshots.is_empty());
    });
}
