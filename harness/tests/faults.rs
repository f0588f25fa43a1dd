//! Densities and kernels that fail, under every sampler: a result without them, or a typed error.

#[path = "faults/problems.rs"]
mod problems;

use std::time::Duration;

use amc_core::error::Error;
use amc_core::weight::Resampling;
use amc_harness::catalog::{BridgeKind, SwapOrder};
use amc_harness::diagnostic::{Sandwich, Status, Symptoms, judge, weight_symptoms};
use amc_harness::sampler::{
    AnnealedOutcome, Annealing, ExchangeOutcome, ExchangeRules, Explorer, ResamplingRule,
    ReverseOutcome, SamplerError, Silent, Start, Tuning, anneal, anneal_in_reverse, exchange,
    pilot,
};
use amc_verify::fault::{Fault, FaultyTarget, When};
use problems::{DIM, KERNELS, NEVER, with_diffusion, with_tempering};
use rayon::ThreadPoolBuilder;

const PARTICLES: usize = 96;
const INFINITY: f64 = f64::INFINITY;
const REFUSED: Error = Error::NotConverged { what: "the density", iterations: 7 };
const PANIC: &str = FaultyTarget::<'static, amc_core::density::Tempered<'static>>::PANIC;

/// Numbers that are none, in the place of a log-density or of scores; minus infinity is a density of zero.
const NUMBERS: [Fault; 6] = [
    Fault::LogDensity(f64::NAN),
    Fault::LogDensity(INFINITY),
    Fault::LogDensity(-INFINITY),
    Fault::Score(f64::NAN),
    Fault::Score(INFINITY),
    Fault::Score(-INFINITY),
];
/// A part of space in which about a third of the target lies, and scattered positions.
const PLACES: [When; 2] =
    [When::Beyond { coordinate: 0, limit: 0.5 }, When::Positions { one_in: 4 }];

const RULE: ResamplingRule = ResamplingRule { scheme: Resampling::Systematic, threshold: 0.8 };

/// What the samplers made of a problem.
struct Results {
    ais: Result<AnnealedOutcome, SamplerError>,
    smc: Result<AnnealedOutcome, SamplerError>,
    reverse: Result<ReverseOutcome, SamplerError>,
    exchanges: Vec<Result<ExchangeOutcome, SamplerError>>,
}

impl Results {
    fn errors(&self) -> Vec<Option<&SamplerError>> {
        let mut errors =
            vec![self.ais.as_ref().err(), self.smc.as_ref().err(), self.reverse.as_ref().err()];
        errors.extend(self.exchanges.iter().map(|run| run.as_ref().err()));
        errors
    }
}

/// AIS, SMC and the reverse run.
fn annealed(problem: &Annealing<'_>, tuning: &Tuning) -> Results {
    Results {
        ais: anneal(problem, tuning, PARTICLES, None, &mut Silent),
        smc: anneal(problem, tuning, PARTICLES, Some(RULE), &mut Silent),
        reverse: anneal_in_reverse(problem, tuning, PARTICLES, Some(RULE), &mut Silent),
        exchanges: Vec::new(),
    }
}

/// Replica exchange from every start.
fn exchanged(
    problem: &Annealing<'_>,
    tuning: &Tuning,
) -> Vec<Result<ExchangeOutcome, SamplerError>> {
    let rules = ExchangeRules {
        ladders: 11,
        rounds: 12,
        warmup: 2,
        order: SwapOrder::EvenOdd,
        explorer: Explorer::Kernel { steps: 2 },
        samples: 50,
        samples_of_levels: 0,
    };
    let run = |start| {
        exchange(problem, tuning, &rules, (amc_core::rng::Phase::Production, start), &mut Silent)
    };
    [Start::Reference, Start::Descent, Start::Target].map(run).into()
}

/// Asserts that nothing of a fault is in the numbers of a run, if it came to an end.
fn assert_sound(run: &Result<AnnealedOutcome, SamplerError>, what: &str) {
    let run = match run {
        Ok(run) => run,
        Err(SamplerError::LostAllWeight { .. }) => return,
        Err(error) => panic!("{what}: {error}"),
    };
    assert!(run.evidence.log_z.is_finite(), "{what}: log Z {}", run.evidence.log_z);
    assert!(run.evidence.log_z_std_error >= 0.0, "{what}: {:?}", run.evidence);
    assert!(run.ess > 0.0 && run.ess <= 1.0 + 1e-12, "{what}: {}", run.ess);
    let total: f64 = run.sample.weights.iter().sum();
    assert!((total - 1.0).abs() < 1e-12, "{what}: {total}");
    for (row, weight) in run.sample.positions.chunks(DIM).zip(&run.sample.weights) {
        let counts = *weight > 0.0;
        assert!(!counts || row.iter().all(|x| x.is_finite()), "{what}: {row:?} counts {weight}");
    }
}

fn assert_sound_exchange(run: &Result<ExchangeOutcome, SamplerError>, what: &str) {
    let run = run.as_ref().unwrap_or_else(|error| panic!("{what}: {error}"));
    assert!(run.sample.positions.iter().all(|x| x.is_finite()), "{what}");
    // Where no swap had a work, there is no evidence: not a number that passes for one.
    for evidence in [run.evidence.forward, run.evidence.backward, run.evidence.bridge] {
        let stones = Sandwich {
            lower: evidence.log_z,
            lower_se: evidence.log_z_std_error,
            upper: evidence.log_z,
            upper_se: evidence.log_z_std_error,
        };
        let symptoms = Symptoms { sandwich: Some(stones), ..Symptoms::default() };
        let healthy = judge(&symptoms).status == Status::Healthy;
        assert!(!healthy || evidence.log_z.is_finite(), "{what}: {evidence:?} is healthy");
    }
    for level in &run.levels {
        let rates = [level.acceptance_rate, level.rejection_rate];
        assert!(rates.into_iter().flatten().all(|r| (0.0..=1.0).contains(&r)), "{what}: {level:?}");
    }
}

/// Fails if a density that is no number somewhere gets into weights, positions or `log Z` of any sampler, is
/// not counted, or stops a run that could go on.
#[test]
fn faulty_targets_are_rejected_and_counted() {
    for kernel in KERNELS {
        for fault in NUMBERS {
            for when in PLACES {
                let what = format!("{kernel}, {fault:?}, {when:?}");
                with_tempering(kernel, (fault, when), |problem| {
                    let tuning = match pilot(problem, 64, false, &mut Silent) {
                        Ok(tuning) => tuning,
                        Err(SamplerError::LostAllWeight { .. }) => return,
                        Err(error) => panic!("{what}: {error}"),
                    };
                    let runs = annealed(problem, &tuning);
                    assert_sound(&runs.ais, &what);
                    assert_sound(&runs.smc, &what);
                    if let Ok(reverse) = &runs.reverse {
                        assert!(reverse.evidence.log_z.is_finite(), "{what}");
                    }
                    // The random walk asks for no score; a density of zero is no fault.
                    let score = matches!(fault, Fault::Score(_)) && kernel == "rwm";
                    let counts = !score && fault != Fault::LogDensity(-INFINITY);
                    for run in [&runs.ais, &runs.smc].into_iter().flatten() {
                        assert_eq!(run.non_finite > 0, counts, "{what}: {}", run.non_finite);
                    }
                    for run in exchanged(problem, &tuning) {
                        assert_sound_exchange(&run, &what);
                        let found = run.map(|run| run.non_finite).unwrap_or_default();
                        assert_eq!(found > 0, counts, "{what}: {found}");
                    }
                });
            }
        }
    }
}

/// Fails if a ladder that starts where the density is no number stays there for good: nothing can be compared
/// with NaN, and nothing is above infinity.
#[test]
fn ladders_leave_where_the_density_is_no_number() {
    let rules = ExchangeRules {
        ladders: 24,
        rounds: 20,
        warmup: 60,
        order: SwapOrder::EvenOdd,
        explorer: Explorer::Kernel { steps: 2 },
        samples: 480,
        samples_of_levels: 0,
    };
    for kernel in KERNELS {
        for fault in &NUMBERS[..2] {
            let way = (amc_core::rng::Phase::Production, Start::Reference);
            let run = with_tempering(kernel, (*fault, PLACES[1]), |problem| {
                let tuning = pilot(problem, 64, false, &mut Silent).unwrap();
                exchange(problem, &tuning, &rules, way, &mut Silent).unwrap()
            });
            let rows: Vec<&[f64]> = run.sample.positions.chunks(DIM).collect();
            assert_eq!(rows.len(), rules.ladders * rules.rounds, "{kernel}");
            for ladder in 0..rules.ladders {
                let mut rounds = rows.iter().skip(ladder).step_by(rules.ladders);
                let first = rounds.next();
                assert!(
                    rounds.any(|row| Some(row) != first),
                    "{kernel}, {fault:?}: {ladder} stays"
                );
            }
        }
    }
}

/// Fails if a kernel whose density fails spoils a run on a diffusion path, through any bridge.
#[test]
fn faulty_kernels_are_rejected_and_counted() {
    for bridge in BridgeKind::ALL {
        for fault in [NUMBERS[0], NUMBERS[1], NUMBERS[3], NUMBERS[4]] {
            let what = format!("{}, {fault:?}", bridge.name());
            with_diffusion(bridge.name(), (fault, PLACES[1]), |problem| {
                let tuning = pilot(problem, 64, false, &mut Silent).unwrap();
                let runs = annealed(problem, &tuning);
                assert_sound(&runs.ais, &what);
                assert_sound(&runs.smc, &what);
                for run in [&runs.ais, &runs.smc] {
                    assert!(run.as_ref().unwrap().non_finite > 0, "{what}");
                }
                assert!(runs.reverse.unwrap().evidence.log_z.is_finite(), "{what}");
            });
        }
    }
}

/// Every run of a tempering path, the pilot too, must end with an error that `fits`.
fn assert_all_fail(fault: Fault, fits: impl Fn(&SamplerError) -> bool) {
    for kernel in KERNELS {
        let tuning = with_tempering(kernel, (fault, NEVER), |problem| {
            pilot(problem, 64, false, &mut Silent).unwrap()
        });
        with_tempering(kernel, (fault, When::Positions { one_in: 20 }), |problem| {
            let what = format!("{kernel}, {fault:?}");
            let found = pilot(problem, 64, false, &mut Silent).map(|_| ()).unwrap_err();
            assert!(fits(&found), "{what}, pilot: {found}");
            let mut runs = annealed(problem, &tuning);
            runs.exchanges = exchanged(problem, &tuning);
            for (index, error) in runs.errors().into_iter().enumerate() {
                let error = error.unwrap_or_else(|| panic!("{what}: run {index} has a result"));
                assert!(fits(error), "{what}, run {index}: {error}");
                assert_eq!(error.to_string().lines().count(), 1, "{error}");
            }
        });
    }
}

/// Fails if an error of a density is lost, renamed or turned into a result by any sampler.
#[test]
fn errors_of_a_density_end_the_run() {
    assert_all_fail(Fault::Error(REFUSED), |error| *error == SamplerError::Core(REFUSED));
}

/// Fails if a density that panics in a thread takes the process, the pool or the run's caller with it, or the
/// error does not say where and why.
#[test]
fn panics_of_a_density_become_errors() {
    let fits = |error: &SamplerError| matches!(error, SamplerError::Panicked { level, message } if *level <= 5 && message == PANIC);
    let pool = ThreadPoolBuilder::new().num_threads(3).build().unwrap();
    let good = |pool: &rayon::ThreadPool| {
        pool.install(|| {
            with_tempering("mala", (Fault::Panic, NEVER), |problem| {
                let tuning = pilot(problem, 64, false, &mut Silent).unwrap();
                let run = anneal(problem, &tuning, PARTICLES, Some(RULE), &mut Silent).unwrap();
                run.evidence.log_z.to_bits()
            })
        })
    };
    let before = good(&pool);
    pool.install(|| assert_all_fail(Fault::Panic, fits));
    assert_eq!(good(&pool), before, "the pool is not what it was");
}

/// Fails if which block fails first depends on threads: the error names the level of the first in order.
#[test]
fn the_error_does_not_depend_on_threads() {
    let found = |threads: usize| {
        let pool = ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let tuning = with_tempering("rwm", (Fault::Panic, NEVER), |problem| {
            pilot(problem, 64, false, &mut Silent).unwrap()
        });
        pool.install(|| {
            with_tempering("rwm", (Fault::Panic, When::Positions { one_in: 900 }), |problem| {
                anneal(problem, &tuning, PARTICLES, None, &mut Silent).unwrap_err()
            })
        })
    };
    let alone = found(1);
    assert!(matches!(alone, SamplerError::Panicked { .. }), "{alone}");
    assert_eq!(found(4), alone);
}

/// Fails if time has an influence on a result, or a slow density keeps a run from its end.
#[test]
fn slow_densities_give_the_same_bits() {
    let slow = Fault::Slow(Duration::from_micros(300));
    let bits = |when: When, threads: usize| {
        let pool = ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            with_tempering("mala", (slow, when), |problem| {
                let tuning = pilot(problem, 64, false, &mut Silent).unwrap();
                let mut runs = annealed(problem, &tuning);
                runs.exchanges = exchanged(problem, &tuning);
                let smc = runs.smc.unwrap();
                let ladders = runs.exchanges.swap_remove(0).unwrap();
                let numbers = smc.sample.positions.iter().chain(&smc.sample.log_weights);
                let numbers = numbers.chain(&ladders.sample.positions);
                let mut bits: Vec<u64> = numbers.map(|x| x.to_bits()).collect();
                bits.push(ladders.evidence.bridge.log_z.to_bits());
                bits.push(runs.reverse.unwrap().evidence.log_z.to_bits());
                bits
            })
        })
    };
    let expected = bits(NEVER, 1);
    assert_eq!(bits(When::Positions { one_in: 60 }, 3), expected);
}

/// Fails if weights of which one is no number, or a `log Z` or an error that is none, pass for healthy.
#[test]
fn nothing_that_is_no_number_is_healthy() {
    let sandwich = Sandwich { lower: 0.01, lower_se: 0.02, upper: 0.02, upper_se: 0.02 };
    let healthy = |log_weights: &[f64], sandwich: Sandwich| {
        let weights = Some(weight_symptoms(log_weights, log_weights.len()));
        let symptoms =
            Symptoms { weights, sandwich: Some(sandwich), moves: 1000, ..Symptoms::default() };
        judge(&symptoms).status == Status::Healthy
    };
    let weights: Vec<f64> = (0..1000).map(|i| 0.01 * (f64::from(i) * 2.3).sin()).collect();
    assert!(healthy(&weights, sandwich.clone()));
    for number in [f64::NAN, INFINITY, -INFINITY] {
        let of = |lower, lower_se, upper, upper_se| Sandwich { lower, lower_se, upper, upper_se };
        for bad in [
            of(number, 0.02, 0.02, 0.02),
            of(0.01, number, 0.02, 0.02),
            of(0.01, 0.02, number, 0.02),
            of(0.01, 0.02, 0.02, number),
        ] {
            assert!(!healthy(&weights, bad), "{number}");
        }
        let mut bad = weights.clone();
        bad[617] = number;
        // One particle of a thousand without weight is none the worse.
        assert_eq!(healthy(&bad, sandwich.clone()), number == -INFINITY, "{number}");
    }
}
