//! Bridges and swaps of many blocks at once do what one block after the other does, to the bit.
#![allow(missing_docs)]

#[path = "faults/bridges.rs"]
mod bridges;
#[allow(dead_code, reason = "every test program has its own copy of this file")]
#[path = "faults/state.rs"]
mod state;

use std::sync::Mutex;

use amc_core::bridge::{Bridge, Crossing};
use amc_core::density::{HessianProduct, LogDensity, MixtureLevel, Score};
use amc_core::error::Result;
use amc_core::exchange::{
    SwapOutcome, swap, swap_blocks, swap_blocks_scratch_len, swap_scratch_len,
};
use amc_core::kernel::Team;
use amc_core::path::NoiseSchedule;
use amc_core::point::{Blocks, BlocksMut, Context, Evaluations};
use amc_core::rng::{Key, Purpose, Stream};
use amc_core::scratch::Scratch;
use amc_core::simd::f64x8;
use amc_core::transport::FlowMethod;
use amc_verify::oracle::{Fixture, FixtureKind, FixtureStep};
use bridges::for_every_bridge;
use state::{DIM, State, room};

const TEAMS: [usize; 3] = [1, 3, 9];

/// Blocks that stand at different states of one level.
struct Side {
    x: Vec<f64x8>,
    score: Vec<f64x8>,
    log_density: Vec<f64x8>,
}

impl Side {
    fn of(states: &[State]) -> Self {
        let rows = |row: fn(&State) -> &[f64x8]| states.iter().flat_map(row).copied().collect();
        Self {
            x: rows(|state| &state.x),
            score: rows(|state| &state.score),
            log_density: states.iter().map(|state| state.log_density).collect(),
        }
    }

    fn blocks(&self) -> Blocks<'_> {
        Blocks { x: &self.x, log_density: &self.log_density, score: &self.score }
    }

    fn blocks_mut(&mut self) -> BlocksMut<'_> {
        let Self { x, score, log_density } = self;
        BlocksMut { x, log_density, score }
    }

    fn assert_is(&self, states: &[State], what: &str) {
        for (block, (found, state)) in self.blocks().iter().zip(states).enumerate() {
            assert_eq!(bits(found.x), bits(&state.x), "{what}, block {block}");
            assert_eq!(bits(found.score), bits(&state.score), "{what}, block {block}");
            let densities = [found.log_density, state.log_density];
            assert_eq!(bits(&densities[..1]), bits(&densities[1..]), "{what}, block {block}");
        }
        assert_eq!(self.log_density.len(), states.len());
    }
}

/// NaN and the sign of zero count, too.
fn bits(values: &[f64x8]) -> Vec<[u64; 8]> {
    values.iter().map(|v| v.to_array().map(f64::to_bits)).collect()
}

fn crossing_bits(crossing: &Crossing) -> Vec<[u64; 8]> {
    let Crossing { log_work, truncation, faults } = *crossing;
    let faults = [faults.not_inverted, faults.not_positive, faults.past_penalty, faults.diverged];
    bits(&[&[log_work, truncation], &faults[..]].concat())
}

fn swap_bits(outcome: &SwapOutcome) -> Vec<[u64; 8]> {
    let SwapOutcome { acceptance_probability, accepted, non_finite, forward, backward } = outcome;
    let own = bits(&[*acceptance_probability, *accepted, *non_finite]);
    [own, crossing_bits(forward), crossing_bits(backward)].concat()
}

fn streams(blocks: usize) -> Vec<Stream> {
    (0..blocks).map(|b| Key::new(9, Purpose::Bridge).block(b as u64).stream()).collect()
}

/// Every bridge between levels of two kinds of mixtures, whose components differ in weight and width.
fn for_every_step(visit: impl Fn(&str, &FixtureStep<'_>, &dyn Bridge)) {
    for kind in [FixtureKind::DiagonalPerComponent, FixtureKind::FullShared] {
        let fixture = Fixture::new(kind).unwrap();
        let schedule = NoiseSchedule::vp_linear(0.1, 20.0).unwrap();
        let at = schedule.step(0.2, 0.25).unwrap();
        fixture
            .with_step(&at, |step| {
                let (noisy, clean) = (&step.noisy.level, &step.clean.level);
                for_every_bridge(
                    (&fixture, &schedule),
                    step,
                    (noisy, clean),
                    &mut |name, bridge| {
                        visit(&format!("{name}, {}", kind.name()), step, bridge);
                    },
                );
            })
            .unwrap();
    }
}

fn states(law: &MixtureLevel<'_>, blocks: usize, round: u64) -> Vec<State> {
    (0..blocks as u64).map(|block| State::draw(law, law, 100 * round + block)).collect()
}

/// What happened to the blocks of a team: where they went, what is said of each, evaluations, and a number that
/// every stream gives next.
type Moved<T> = (Vec<State>, Vec<T>, Vec<Evaluations>, Vec<f64>);

/// The blocks of a side cross one by one.
fn one_by_one(bridge: &dyn Bridge, forward: bool, from: &[State]) -> Moved<Crossing> {
    let mut memory = room(bridge.scratch_len());
    let mut made = vec![Evaluations::default(); from.len()];
    let (mut to, mut crossings, mut next) = (Vec::new(), Vec::new(), Vec::new());
    for ((from, mut stream), evaluations) in from.iter().zip(streams(from.len())).zip(&mut made) {
        let mut state = State::empty();
        let scratch = Scratch::new(&mut memory);
        let context = Context { stream: &mut stream, scratch, evaluations };
        let crossing = match forward {
            true => bridge.forward(from.point(), state.point_mut(), context),
            false => bridge.backward(from.point(), state.point_mut(), context),
        };
        crossings.push(crossing.unwrap());
        to.push(state);
        next.push(stream.uniform());
    }
    (to, crossings, made, next)
}

/// Fails if a block of a team crosses otherwise than alone: by the kernel, the score, the density or the stream of
/// another block; if it draws more or less; if evaluations are counted for another block; or if more room is
/// needed than `scratch_len() + B`.
#[test]
fn teams_cross_as_their_blocks_do() {
    for_every_step(|name, step, bridge| {
        for blocks in TEAMS {
            for forward in [true, false] {
                let law = if forward { &step.noisy.level } else { &step.clean.level };
                let from = states(law, blocks, 1);
                let what = format!("{name}, {blocks} blocks, forward {forward}");
                let (to, crossings, made, next) = one_by_one(bridge, forward, &from);

                let (from, mut found) = (Side::of(&from), Side::of(&vec![State::empty(); blocks]));
                let mut streams = streams(blocks);
                let mut outcomes = vec![Crossing::default(); blocks];
                let mut evaluations = vec![Evaluations::default(); blocks];
                let mut memory = room(bridge.scratch_len() + blocks);
                let team = Team {
                    streams: &mut streams,
                    outcomes: &mut outcomes,
                    scratch: Scratch::new(&mut memory),
                    evaluations: &mut evaluations,
                };
                match forward {
                    true => bridge.forward_blocks(from.blocks(), found.blocks_mut(), team),
                    false => bridge.backward_blocks(from.blocks(), found.blocks_mut(), team),
                }
                .unwrap();
                found.assert_is(&to, &what);
                let pairs = outcomes.iter().zip(&crossings);
                pairs.for_each(|(a, b)| assert_eq!(crossing_bits(a), crossing_bits(b), "{what}"));
                assert_eq!(evaluations, made, "{what}");
                let found: Vec<f64> = streams.iter_mut().map(Stream::uniform).collect();
                assert_eq!(found, next, "{what}");
                // Blocks at different states do different work, or nothing was compared.
                let first = crossing_bits(&outcomes[0]);
                let alike = outcomes[1..].iter().any(|other| crossing_bits(other) == first);
                let exact = name.starts_with("exact,");
                assert!(exact || !alike, "{what}");
            }
        }
    });
}

/// Fails if a block of a team swaps otherwise than alone, or more room is needed than is said.
#[test]
fn teams_swap_as_their_blocks_do() {
    for_every_step(|name, step, bridge| {
        for blocks in TEAMS {
            let (mut noisy, mut clean) =
                (states(&step.noisy.level, blocks, 2), states(&step.clean.level, blocks, 3));
            let (mut t, mut s) = (Side::of(&noisy), Side::of(&clean));
            let what = format!("{name}, {blocks} blocks");
            let mut memory = room(swap_scratch_len(bridge));
            let mut made = vec![Evaluations::default(); blocks];
            let mut expected = Vec::new();
            let each = noisy.iter_mut().zip(&mut clean).zip(streams(blocks)).zip(&mut made);
            for (((t, s), mut stream), evaluations) in each {
                let scratch = Scratch::new(&mut memory);
                let context = Context { stream: &mut stream, scratch, evaluations };
                expected.push(swap(bridge, t.point_mut(), s.point_mut(), context).unwrap());
            }
            let mut streams = streams(blocks);
            let mut outcomes = vec![SwapOutcome::default(); blocks];
            let mut evaluations = vec![Evaluations::default(); blocks];
            let mut memory = room(swap_blocks_scratch_len(bridge, blocks));
            let team = Team {
                streams: &mut streams,
                outcomes: &mut outcomes,
                scratch: Scratch::new(&mut memory),
                evaluations: &mut evaluations,
            };
            let mut crossings = vec![Crossing::default(); blocks];
            swap_blocks(bridge, t.blocks_mut(), s.blocks_mut(), team, &mut crossings).unwrap();
            t.assert_is(&noisy, &what);
            s.assert_is(&clean, &what);
            let pairs = outcomes.iter().zip(&expected);
            pairs.for_each(|(a, b)| assert_eq!(swap_bits(a), swap_bits(b), "{what}"));
            assert_eq!(evaluations, made, "{what}");
        }
    });
}

/// A level that notes how many blocks it was asked for at a time, and knows its Hessian as the level does.
struct Noted<'a> {
    level: &'a MixtureLevel<'a>,
    calls: Mutex<Vec<usize>>,
}

impl<'a> Noted<'a> {
    fn new(level: &'a MixtureLevel<'a>) -> Self {
        Self { level, calls: Mutex::new(Vec::new()) }
    }

    fn note(&self, blocks: usize) {
        self.calls.lock().unwrap().push(blocks);
    }

    fn take(&self) -> Vec<usize> {
        std::mem::take(&mut self.calls.lock().unwrap())
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
        16
    }
    fn log_density(&self, x: &[f64x8], scratch: Scratch<'_>) -> Result<f64x8> {
        self.note(1);
        self.level.log_density(x, scratch)
    }
}

impl Score for Noted<'_> {
    fn log_density_and_score(
        &self,
        x: &[f64x8],
        score: &mut [f64x8],
        scratch: Scratch<'_>,
    ) -> Result<f64x8> {
        self.note(1);
        self.level.log_density_and_score(x, score, scratch)
    }
    fn log_densities_and_scores(
        &self,
        x: &[f64x8],
        score: &mut [f64x8],
        log_densities: &mut [f64x8],
        scratch: Scratch<'_>,
    ) -> Result<()> {
        self.note(log_densities.len());
        self.level.log_densities_and_scores(x, score, log_densities, scratch)
    }
}

impl HessianProduct for Noted<'_> {
    fn hessian_scratch_len(&self) -> usize {
        self.level.hessian_scratch_len()
    }
    fn hessian_product(
        &self,
        x: &[f64x8],
        v: &[f64x8],
        out: &mut [f64x8],
        scratch: Scratch<'_>,
    ) -> Result<()> {
        self.level.hessian_product(x, v, out, scratch)
    }
}

impl amc_core::density::Hessian for Noted<'_> {
    fn hessian(&self, x: &[f64x8], out: &mut [f64x8], scratch: Scratch<'_>) -> Result<()> {
        self.level.hessian(x, out, scratch)
    }
}

/// Fails if the identity or a denoising bridge asks the level it goes to for anything but all blocks of a team in
/// one call, asks the other level for a score, or does not say how many blocks its levels want.
#[test]
fn one_call_serves_a_team() {
    let fixture = Fixture::new(FixtureKind::DiagonalPerComponent).unwrap();
    let schedule = NoiseSchedule::vp_linear(0.1, 20.0).unwrap();
    let at = schedule.step(0.2, 0.25).unwrap();
    let checked = fixture.with_step(&at, |step| {
        let (noisy, clean) = (Noted::new(&step.noisy.level), Noted::new(&step.clean.level));
        let mut seen = 0;
        for_every_bridge((&fixture, &schedule), step, (&noisy, &clean), &mut |name, bridge| {
            // Maps, which go block by block.
            if FlowMethod::ALL.iter().any(|map| name.starts_with(&format!("{map:?},"))) {
                return;
            }
            seen += 1;
            assert_eq!(bridge.blocks_at_once(), 16, "{name}");
            for forward in [true, false] {
                let law = if forward { &step.noisy.level } else { &step.clean.level };
                let from = Side::of(&states(law, 5, 4));
                let mut to = Side::of(&vec![State::empty(); 5]);
                let mut memory = room(bridge.scratch_len() + 5);
                let team = Team {
                    streams: &mut streams(5),
                    outcomes: &mut [Crossing::default(); 5],
                    scratch: Scratch::new(&mut memory),
                    evaluations: &mut [Evaluations::default(); 5],
                };
                noisy.take();
                clean.take();
                match forward {
                    true => bridge.forward_blocks(from.blocks(), to.blocks_mut(), team),
                    false => bridge.backward_blocks(from.blocks(), to.blocks_mut(), team),
                }
                .unwrap();
                let expected = if forward { (vec![], vec![5]) } else { (vec![5], vec![]) };
                assert_eq!((noisy.take(), clean.take()), expected, "{name}, forward {forward}");
            }
        });
        assert!(seen >= 10, "{seen}");
    });
    checked.unwrap();
}

/// Fails if a team crosses with streams, outcomes, accounts or blocks to fill that are not its own number, or blocks of
/// another dimension.
#[test]
fn teams_are_complete() {
    for_every_step(|name, step, bridge| {
        let from = Side::of(&states(&step.noisy.level, 3, 5));
        for lens in [[3, 3, 3, 3], [2, 3, 3, 3], [3, 2, 3, 3], [3, 3, 2, 3], [3, 3, 3, 2]] {
            for forward in [true, false] {
                let mut to = Side::of(&vec![State::empty(); lens[3]]);
                let mut memory = room(bridge.scratch_len() + 3);
                let team = Team {
                    streams: &mut streams(lens[0]),
                    outcomes: &mut vec![Crossing::default(); lens[1]],
                    scratch: Scratch::new(&mut memory),
                    evaluations: &mut vec![Evaluations::default(); lens[2]],
                };
                let found = match forward {
                    true => bridge.forward_blocks(from.blocks(), to.blocks_mut(), team),
                    false => bridge.backward_blocks(from.blocks(), to.blocks_mut(), team),
                };
                assert_eq!(found.is_ok(), lens == [3; 4], "{name}, {lens:?}");
            }
        }
        let short = Blocks { x: &from.x[DIM..], ..from.blocks() };
        let mut to = Side::of(&vec![State::empty(); 3]);
        let mut memory = room(bridge.scratch_len() + 3);
        let team = Team {
            streams: &mut streams(3),
            outcomes: &mut [Crossing::default(); 3],
            scratch: Scratch::new(&mut memory),
            evaluations: &mut [Evaluations::default(); 3],
        };
        assert!(bridge.forward_blocks(short, to.blocks_mut(), team).is_err(), "{name}");
    });
}
