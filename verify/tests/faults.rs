//! Densities that fail, under every kernel, bridge and swap of the core.
//!
//! What a fault may do is reject: it is counted, or its work is one that every sampler rejects. It may not
//! enter a state, reach another lane, or pass for a result.

#[path = "faults/bridges.rs"]
mod bridges;
#[path = "faults/state.rs"]
mod state;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use amc_core::bridge::{Bridge, Crossing};
use amc_core::density::{LogDensity, MixtureLevel, Score};
use amc_core::error::{Error, Result};
use amc_core::exchange::{swap, swap_scratch_len};
use amc_core::kernel::{Hmc, Mala, MarkovKernel, Outcome, RandomWalk};
use amc_core::path::NoiseSchedule;
use amc_core::scratch::Scratch;
use amc_core::simd::LANES;
use amc_verify::fault::{Fault, FaultyTarget, When};
use amc_verify::oracle::{Fixture, FixtureKind, FixtureStep};
use bridges::for_every_bridge;
use state::{DIM, State, room, with_context};

const INFINITY: f64 = f64::INFINITY;
/// Lanes 1, 2 and 6.
const LANES_HIT: u8 = 0b0100_0110;
const REFUSED: Error = Error::NotConverged { what: "the density", iterations: 7 };

/// Faults of numbers. A density of zero is none, and is not counted as one.
const NUMBERS: [Fault; 9] = [
    Fault::LogDensity(f64::NAN),
    Fault::LogDensity(INFINITY),
    Fault::LogDensity(-INFINITY),
    Fault::Score(f64::NAN),
    Fault::Score(INFINITY),
    Fault::Score(-INFINITY),
    Fault::Hessian(f64::NAN),
    Fault::Hessian(INFINITY),
    Fault::Hessian(-INFINITY),
];

fn is_hit(lane: usize) -> bool {
    LANES_HIT >> lane & 1 == 1
}

fn with_level<R>(body: impl FnOnce(&MixtureLevel<'_>) -> R) -> R {
    let fixture = Fixture::new(FixtureKind::DiagonalPerComponent).unwrap();
    fixture.with_level(0.8, 0.36, |level| body(&level.level)).unwrap()
}

/// Every kernel, with a step size that accepts often, and whether it reads the score.
fn for_every_kernel(mut visit: impl FnMut(&str, &dyn MarkovKernel, f64, bool)) {
    visit("rwm", &RandomWalk, 0.7, false);
    visit("mala", &Mala, 0.2, true);
    visit("hmc", &Hmc::new(3).unwrap(), 0.3, true);
}

/// One step.
fn step(
    kernel: &dyn MarkovKernel,
    density: &dyn Score,
    step_size: f64,
    state: &mut State,
    round: u64,
) -> Result<Outcome> {
    let len = kernel.scratch_len(DIM) + density.scratch_len();
    with_context(len, round, |context| kernel.step(density, step_size, state.point_mut(), context))
}

/// Fails if a kernel accepts a number that is none, does not count it, counts a density of zero, lets it
/// reach another lane, or stops moving afterwards.
#[test]
fn kernels_reject_and_count() {
    with_level(|level| {
        for_every_kernel(|name, kernel, step_size, reads_score| {
            for fault in &NUMBERS[..6] {
                let what = format!("{name}, {fault:?}");
                // Kernels evaluate the state beforehand: here the density is sound.
                let start = State::draw(level, level, 0);
                let when = When::Calls { every: 1, lanes: LANES_HIT };
                let faulty = FaultyTarget::new(level, *fault, when);
                let (mut good, mut bad) = (start.clone(), start.clone());
                let mut faults = 0;
                for round in 0..60 {
                    let outcome = step(kernel, &faulty, step_size, &mut bad, round).unwrap();
                    step(kernel, level, step_size, &mut good, round).unwrap();
                    let harmless = matches!(fault, Fault::Score(_)) && !reads_score;
                    let zero = *fault == Fault::LogDensity(-INFINITY);
                    let counted = outcome.non_finite.to_bitmask() as u8;
                    let expected = if harmless || zero { 0 } else { LANES_HIT };
                    // A trajectory of HMC flies to infinity, where a density is zero, and no fault.
                    let flies =
                        name == "hmc" && matches!(fault, Fault::Score(s) if s.is_infinite());
                    let fits = counted == expected || (flies && counted & !LANES_HIT == 0);
                    assert!(fits, "{what}, round {round}: {counted:b}");
                    faults += counted.count_ones();
                    for lane in 0..LANES {
                        let rejected = is_hit(lane) && !harmless;
                        let same = if rejected { &start } else { &good };
                        assert_eq!(bad.lane(lane), same.lane(lane), "{what}, lane {lane}");
                    }
                }
                bad.assert_sound(level, &what);
                let silent = *fault == Fault::LogDensity(-INFINITY)
                    || (matches!(fault, Fault::Score(_)) && !reads_score);
                assert_eq!(faults == 0, silent, "{what}: {faults} counted");
                // What a kernel never asks for cannot hurt it.
                let asked = !matches!(fault, Fault::Score(_)) || reads_score;
                assert_eq!(faulty.injected() >= 60, asked, "{what}: nothing was tested");
                assert!(faulty.calls() >= 60 && good != start, "{what}: nothing was tested");
            }
        });
    });
}

/// Fails if a density that is no number in a part of space, or at scattered positions, gets a chain there, or
/// holds it for good elsewhere.
#[test]
fn chains_stay_where_the_density_is_a_number() {
    with_level(|level| {
        for_every_kernel(|name, kernel, step_size, _| {
            for fault in [Fault::LogDensity(f64::NAN), Fault::LogDensity(INFINITY)] {
                for when in
                    [When::Beyond { coordinate: 0, limit: 0.1 }, When::Positions { one_in: 3 }]
                {
                    let what = format!("{name}, {fault:?}, {when:?}");
                    let faulty = FaultyTarget::new(level, fault, when);
                    let mut state = State::draw(level, level, 1);
                    for x in &mut state.x {
                        *x = -x.abs();
                    }
                    let mut memory = room(level.scratch_len());
                    let scratch = Scratch::new(&mut memory);
                    state.log_density =
                        level.log_density_and_score(&state.x, &mut state.score, scratch).unwrap();
                    let (mut faults, mut accepted) = (0, 0);
                    for round in 0..400 {
                        let outcome = step(kernel, &faulty, step_size, &mut state, round).unwrap();
                        faults += outcome.totals(LANES).1;
                        accepted += outcome.accepted.to_bitmask().count_ones();
                        assert!(state.log_density.is_finite().all(), "{what}, round {round}");
                    }
                    state.assert_sound(level, &what);
                    assert!(faults > 50 && accepted > 100, "{what}: {faults} {accepted}");
                    if when == (When::Beyond { coordinate: 0, limit: 0.1 }) {
                        assert!(state.x[0].to_array().iter().all(|x| *x <= 0.1), "{what}");
                    }
                }
            }
        });
    });
}

/// Fails if an error of the density is swallowed or renamed, or an error or a panic leaves the state half
/// moved.
#[test]
fn kernels_pass_errors_and_panics_on() {
    with_level(|level| {
        for_every_kernel(|name, kernel, step_size, _| {
            let when = When::Calls { every: 1, lanes: 1 };
            let start = State::draw(level, level, 2);
            let mut state = start.clone();
            let faulty = FaultyTarget::new(level, Fault::Error(REFUSED), when);
            let found = step(kernel, &faulty, step_size, &mut state, 0);
            assert_eq!(found.err(), Some(REFUSED), "{name}");
            assert_eq!(state, start, "{name}");
            let faulty = FaultyTarget::new(level, Fault::Panic, when);
            let panicked = catch_unwind(AssertUnwindSafe(|| {
                let _ = step(kernel, &faulty, step_size, &mut state, 0);
            }));
            assert!(panicked.is_err() && faulty.injected() == 1, "{name}");
            assert_eq!(state, start, "{name}");
        });
    });
}

/// Fails if time has an influence: a late result is the same result.
#[test]
fn slow_densities_give_the_same_bits() {
    with_level(|level| {
        for_every_kernel(|name, kernel, step_size, _| {
            let when = When::Positions { one_in: 40 };
            let slow = FaultyTarget::new(level, Fault::Slow(Duration::from_millis(1)), when);
            let start = State::draw(level, level, 3);
            let (mut with, mut without) = (start.clone(), start);
            for round in 0..50 {
                step(kernel, &slow, step_size, &mut with, round).unwrap();
                step(kernel, level, step_size, &mut without, round).unwrap();
            }
            assert!(slow.injected() > 3, "{name}: {}", slow.injected());
            assert_eq!(with, without, "{name}");
        });
    });
}

/// Which of the two levels of a bridge fails.
#[derive(Debug, Clone, Copy, PartialEq)]
enum End {
    Noisy,
    Clean,
}

/// One crossing of a bridge from an exact state: where it led and what it did.
fn cross(bridge: &dyn Bridge, step: &FixtureStep<'_>, forward: bool) -> Result<(State, Crossing)> {
    let (noisy, clean) = (&step.noisy.level, &step.clean.level);
    let mut to = State::empty();
    let from = if forward { State::draw(noisy, noisy, 5) } else { State::draw(clean, clean, 6) };
    let crossing = with_context(bridge.scratch_len(), 7, |context| {
        if forward {
            bridge.forward(from.point(), to.point_mut(), context)
        } else {
            bridge.backward(from.point(), to.point_mut(), context)
        }
    })?;
    Ok((to, crossing))
}

/// Calls `visit` with every bridge of steps of two kinds of mixtures whose `end` fails, beside the same
/// bridge without the fault.
fn for_every_faulty_bridge(
    (fault, when): (Fault, When),
    mut visit: impl FnMut(&str, &FixtureStep<'_>, (End, u64), &dyn Bridge, &dyn Bridge),
) {
    for kind in [FixtureKind::DiagonalShared, FixtureKind::FullPerComponent] {
        let fixture = Fixture::new(kind).unwrap();
        let schedule = NoiseSchedule::vp_linear(0.1, 20.0).unwrap();
        let at = schedule.step(0.2, 0.25).unwrap();
        fixture
            .with_step(&at, |step| {
                let (noisy, clean) = (&step.noisy.level, &step.clean.level);
                for end in [End::Noisy, End::Clean] {
                    // One that never fails is the same type.
                    let never = When::Calls { every: 0, lanes: 0 };
                    let at = |this: End| if this == end { when } else { never };
                    let bad_noisy = FaultyTarget::new(noisy, fault, at(End::Noisy));
                    let bad_clean = FaultyTarget::new(clean, fault, at(End::Clean));
                    let path = (&fixture, &schedule);
                    let mut number = 0;
                    for_every_bridge(path, step, (&bad_noisy, &bad_clean), &mut |name, bad| {
                        let mut index = 0;
                        for_every_bridge(path, step, (noisy, clean), &mut |_, good| {
                            if index == number {
                                let injected = bad_noisy.injected() + bad_clean.injected();
                                let what = format!("{name}, {}, {end:?} {fault:?}", kind.name());
                                visit(&what, step, (end, injected), bad, good);
                            }
                            index += 1;
                        });
                        number += 1;
                    });
                    assert!(number > 40, "{number} bridges");
                }
            })
            .unwrap();
    }
}

/// Fails if a fault gives a work that a sampler would take, or reaches a lane it was not meant for.
///
/// A lane that was hit either does not use what failed, and is what it would have been to the bit, or has a
/// work of NaN, or of the infinity that a log-density was. The exception is documented: low rank takes any
/// Hessian, even none, for a valid kernel.
#[test]
fn bridges_reject() {
    let mut rejected = 0;
    for fault in NUMBERS {
        let when = When::Calls { every: 1, lanes: LANES_HIT };
        for_every_faulty_bridge((fault, when), |what, step, _, bad, good| {
            for forward in [true, false] {
                let (state, crossing) = cross(bad, step, forward).unwrap();
                let (expected, sound) = cross(good, step, forward).unwrap();
                for lane in 0..LANES {
                    let work = crossing.log_work.to_array()[lane];
                    let same = state.lane(lane) == expected.lane(lane)
                        && work.to_bits() == sound.log_work.to_array()[lane].to_bits();
                    let place = format!("{what}, forward {forward}, lane {lane}: {work}");
                    assert!(same || is_hit(lane), "{place}: leaked");
                    // Forward -inf is an honest zero of the density, backward +inf is.
                    let zero = fault == Fault::LogDensity(-INFINITY)
                        && work == if forward { -INFINITY } else { INFINITY };
                    let infinite = fault == Fault::LogDensity(INFINITY) && !work.is_finite();
                    let fits = work.is_nan() || zero || infinite;
                    // Low rank goes on without a Hessian: any curvature makes a valid kernel.
                    let goes_on = what.starts_with("low rank")
                        && matches!(fault, Fault::Hessian(_))
                        && state.position_is_finite(lane)
                        && work.is_finite();
                    assert!(same || fits || goes_on, "{place}: accepted");
                    rejected += u32::from(!same && fits);
                }
            }
        });
    }
    assert!(rejected > 2_000, "{rejected}");
}

/// Fails if a bridge swallows an error of either level, or a panic.
#[test]
fn bridges_pass_errors_and_panics_on() {
    let when = When::Calls { every: 1, lanes: 1 };
    let mut met = 0;
    for_every_faulty_bridge((Fault::Error(REFUSED), when), |what, step, (end, _), bad, _| {
        // The last level is evaluated whatever the bridge is.
        let found = cross(bad, step, end == End::Clean).map(|_| ());
        assert_eq!(found, Err(REFUSED), "{what}");
        met += 1;
    });
    assert!(met > 100, "{met}");
    for_every_faulty_bridge((Fault::Panic, when), |what, step, (end, _), bad, _| {
        let found = catch_unwind(AssertUnwindSafe(|| cross(bad, step, end == End::Clean).is_ok()));
        assert!(found.is_err(), "{what}");
    });
}

/// Fails if a swap through any bridge lets a fault into one of its two states, leaves a cached value of
/// another position, or neither accepts nor counts anything.
#[test]
fn swaps_reject_and_count() {
    for fault in NUMBERS {
        let when = When::Calls { every: 3, lanes: LANES_HIT };
        for_every_faulty_bridge((fault, when), |what, step, _, bad, _| {
            let (noisy, clean) = (&step.noisy.level, &step.clean.level);
            let (mut t, mut s) = (State::draw(noisy, noisy, 8), State::draw(clean, clean, 9));
            for round in 0..6 {
                let len = swap_scratch_len(bad);
                let outcome = with_context(len, 10 + round, |context| {
                    swap(bad, t.point_mut(), s.point_mut(), context).unwrap()
                });
                let faults = outcome.forward.faults.rejected() | outcome.backward.faults.rejected();
                let rejected = (outcome.non_finite | faults).to_bitmask() as u8;
                let accepted = outcome.accepted.to_bitmask() as u8;
                assert_eq!(rejected & accepted, 0, "{what}");
                let works = [outcome.forward.log_work, outcome.backward.log_work];
                for (lane, probability) in
                    outcome.acceptance_probability.to_array().into_iter().enumerate()
                {
                    assert!((0.0..=1.0).contains(&probability), "{what}: {probability}");
                    // What is neither counted nor possible is a density of zero.
                    let nan = works.iter().any(|work| work.to_array()[lane].is_nan());
                    let counted = rejected >> lane & 1 == 1;
                    let zero = fault == Fault::LogDensity(-INFINITY);
                    assert!(!nan || counted || zero, "{what}, lane {lane}: not counted");
                }
            }
            t.assert_sound(noisy, what);
            s.assert_sound(clean, what);
        });
    }
}
