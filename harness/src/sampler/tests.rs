//! What the main loop does with weights, streams and step sizes, checked against a replay by hand.
//!
//! The replays draw from the documented streams (seed, purpose, level, block) and know nothing of
//! the loop; the probe below is a kernel that does nothing but note what it was given.

use std::path::Path;
use std::sync::Mutex;

use amc_core::bridge::Bridge;
use amc_core::density::{LogDensity, Score};
use amc_core::error::Result as CoreResult;
use amc_core::kernel::{MarkovKernel, Outcome as KernelOutcome};
use amc_core::point::{Context, Evaluations, Point, PointMut};
use amc_core::rng::{Key, Purpose};
use amc_core::scratch::Scratch;
use amc_core::simd::{LANES, f64x8, splat};
use amc_core::weight::{
    Resampling, conditional_effective_sample_size, effective_sample_size, log_mean_exp, normalize,
};

use super::*;
use crate::config::RunConfig;
use crate::run::Problem;

/// Two modes in the plane, three steps, no kernel.
const IDENTITY: &str = "seed = 5\n[target]\ndim = 2\nseparation = 0.4\n\
    [path]\nlevels = 3\nt_min = 0.1\nt_max = 0.4\n[bridge]\nkind = \"identity\"\n\
    [kernel]\nkind = \"none\"\n";
const N: usize = 19;

fn with_problem(text: &str, visit: impl FnOnce(&mut Annealing<'_>)) {
    let config = RunConfig::from_toml(text, "test", Path::new("."), &[]).unwrap();
    let problem = Problem::new(&config).unwrap();
    let with = problem.with_annealing(&config, |annealing, _| {
        let Annealing { reference, schedule, bridge, ddpm_variance, seed, .. } = *annealing;
        let (levels, times) = (annealing.levels.clone(), annealing.times.clone());
        let kernel = None;
        visit(&mut Annealing {
            levels,
            times,
            reference,
            schedule,
            bridge,
            ddpm_variance,
            kernel,
            seed,
        });
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
fn reference_rows(problem: &Annealing<'_>, particles: usize, pilot: bool) -> Vec<f64> {
    let (d, mut rows) = (problem.dim(), Vec::new());
    let mut memory = vec![f64x8::ZERO; problem.reference.scratch_len()];
    for block in 0..particles.div_ceil(LANES) {
        let key = Key::new(problem.seed, Purpose::Reference).pilot(pilot).block(block as u64);
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
            let rows = reference_rows(problem, N, false);
            assert_eq!(outcome.positions, rows);
            let reference = log_densities(problem.reference, &rows);
            let target = log_densities(problem.levels[0].density(), &rows);
            let expected: Vec<f64> = target.iter().zip(&reference).map(|(t, r)| t - r).collect();
            let log_z = log_mean_exp(&expected);
            assert!((outcome.evidence.log_z - log_z).abs() < 1e-12);
            assert!((outcome.ess - effective_sample_size(&expected) / N as f64).abs() < 1e-12);
            for (found, expected) in outcome.log_weights.iter().zip(&expected) {
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
            let mut rows = reference_rows(problem, N, false);
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
            assert_eq!(outcome.positions, rows, "threshold {threshold}");
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
        let (mut population, _) = Population::from_reference(problem, N, false).unwrap();
        let before = population.mean_square_scores();
        let weights: Vec<f64> = (0..N).map(|i| (i % 4) as f64).collect();
        let key = Key::new(1, Purpose::Resampling);
        let mut ancestors = vec![0; N];
        Resampling::Systematic.ancestors(&weights, &mut key.stream(), &mut ancestors).unwrap();
        population.resample(Resampling::Systematic, &weights, key).unwrap();
        let expected: Vec<f64> = ancestors.iter().map(|&a| before[a]).collect();
        assert_eq!(population.mean_square_scores(), expected);
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

/// Runs AIS with the probe; `[level][block][step]` in any order of blocks.
fn probed(problem: &mut Annealing<'_>, stale: bool, step_sizes: StepSizes) -> (Outcome, Vec<Seen>) {
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
        let (population, _) = Population::from_reference(problem, N, true).unwrap();
        assert_eq!(population.positions(), reference_rows(problem, N, true));
        assert_ne!(population.positions(), reference_rows(problem, N, false));
        let seen: &'static Mutex<Vec<Seen>> = Box::leak(Box::default());
        problem.kernel = Some(KernelChoice {
            kernel: Box::new(Probe { seen, stale: false }),
            steps: 1,
            target_acceptance: 0.5,
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
            anneal(problem, &tuning, N, None, &mut Silent).unwrap().positions
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
    fn forward(&self, x: Point<'_>, mut y: PointMut<'_>, c: Context<'_>) -> CoreResult<f64x8> {
        y.copy_from(x);
        self.uniforms.lock().unwrap().push(c.stream.uniform());
        Ok(f64x8::new(self.work))
    }
    fn backward(&self, _: Point<'_>, _: PointMut<'_>, _: Context<'_>) -> CoreResult<f64x8> {
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
        let (mut population, _) = Population::from_reference(problem, 11, false).unwrap();
        let before = population.log_weights().to_vec();
        let work = [0.5, f64::NAN, INF, -INF, -1.0, 0.0, 0.0, f64::NAN];
        let bridge = Fixed { work, uniforms: Mutex::default() };
        let key = Key::new(1, Purpose::Bridge);
        let report = population.cross(&bridge, key).unwrap();
        // Lanes 1, 2 and 7 of the first block, lanes 1 and 2 of the three particles of the second.
        assert_eq!(report.non_finite, 5);
        for (i, (after, before)) in population.log_weights().iter().zip(before).enumerate() {
            let dead = [1, 2, 3, 7].contains(&(i % LANES));
            assert_eq!(*after, if dead { -INF } else { before + work[i % LANES] }, "{i}");
        }
        let report = population.cross(&bridge, key).unwrap();
        assert_eq!((report.non_finite, population.log_weights()[1]), (0, -INF));
        let uniforms = bridge.uniforms.into_inner().unwrap();
        assert_ne!(uniforms[0], uniforms[1]);
    });
}
