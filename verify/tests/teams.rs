//! Many blocks in one call do what one block after the other does, to the bit, in exactly the workspace asked for.
#![allow(missing_docs)]

mod common;
mod problems;

use amc_core::density::{Score, Tempered};
use amc_core::kernel::{Hmc, Mala, MarkovKernel, Outcome, RandomWalk, Team};
use amc_core::point::{BlocksMut, Context, Evaluations, PointMut};
use amc_core::rng::{Key, Purpose, Stream};
use amc_core::scratch::Scratch;
use amc_core::simd::{f64x8, splat};
use amc_verify::oracle::FixtureKind;
use problems::{Problem, wave};

/// Dimensions and components: odd ones, panels and tiles of every width, more components than a word has bits.
const SIZES: [(usize, usize); 8] =
    [(1, 1), (1, 2), (3, 1), (5, 2), (13, 3), (17, 70), (64, 9), (130, 3)];
const BLOCKS: [usize; 6] = [1, 2, 3, 8, 9, 19];
const STEPS: usize = 3;

/// Blocks with what is known of them.
#[derive(Clone)]
struct State {
    x: Vec<f64x8>,
    score: Vec<f64x8>,
    log_density: Vec<f64x8>,
}

/// Calls `check` with levels of every covariance kind and size, and with tempered ones between two of them.
fn with_densities(check: impl Fn(&dyn Score)) {
    for kind in FixtureKind::ALL {
        for (d, k) in SIZES {
            // Matrices of d^2 numbers for every component take their time.
            if d > 100 && matches!(kind, FixtureKind::FullPerComponent) {
                continue;
            }
            let problem = Problem::new(kind, d, k, 2.0);
            problem.with_level((1.0, 0.0), |target| {
                problem.with_level((0.5, 0.7), |reference| {
                    check(target);
                    check(&Tempered::new(reference, target, 0.3).unwrap());
                });
            });
        }
    }
}

fn room(vectors: usize) -> Vec<f64x8> {
    vec![splat(f64::NAN); vectors]
}

/// So many blocks, evaluated in one call.
fn evaluated(density: &dyn Score, blocks: usize) -> State {
    let d = density.dim();
    let lane = |i: usize| f64x8::new(std::array::from_fn(|l| 2.0 * wave(8 * i + l, 2.9)));
    let x: Vec<f64x8> = (0..blocks * d).map(lane).collect();
    let (mut score, mut log_density) = (room(blocks * d), room(blocks));
    let mut memory = room(density.scratch_len());
    let scratch = Scratch::new(&mut memory);
    density.log_densities_and_scores(&x, &mut score, &mut log_density, scratch).unwrap();
    State { x, score, log_density }
}

fn stream(block: usize) -> Stream {
    Key::new(1, Purpose::User).block(block as u64).stream()
}

/// Fails if a block of a batch differs from the block alone or from its log-density alone in any bit, or a
/// call needs more room than promised (rooms are exact and filled with NaN).
#[test]
fn batches_are_their_blocks() {
    with_densities(|density| {
        let d = density.dim();
        for blocks in BLOCKS {
            let state = evaluated(density, blocks);
            for i in 0..blocks {
                let x = &state.x[i * d..][..d];
                let (mut score, mut memory) = (room(d), room(density.scratch_len()));
                let scratch = Scratch::new(&mut memory);
                let both = density.log_density_and_score(x, &mut score, scratch).unwrap();
                assert_eq!(both.to_array(), state.log_density[i].to_array());
                assert_eq!(score[..], state.score[i * d..][..d]);
                let mut memory = room(density.scratch_len());
                let alone = density.log_density(x, Scratch::new(&mut memory)).unwrap();
                assert_eq!(alone.to_array(), both.to_array());
            }
        }
    });
}

/// Every kernel with a step size at which it accepts and rejects.
fn for_every_kernel(mut visit: impl FnMut(&dyn MarkovKernel, f64)) {
    visit(&RandomWalk, 0.4);
    visit(&Mala, 0.1);
    visit(&Hmc::new(4).unwrap(), 0.2);
}

/// Blocks after some steps, what the last step did to each, the evaluations that each took, and how far its stream is.
struct Moved {
    state: State,
    outcomes: Vec<Outcome>,
    evaluations: Vec<Evaluations>,
    next: Vec<f64>,
}

/// Fails if a block of a team draws or decides by the stream of another, moves otherwise than alone, is evaluated in
/// the place of another (trajectories of HMC end one by one), if evaluations are counted for another block, or if more
/// room is needed than `B` steps take.
#[test]
fn teams_are_their_blocks() {
    with_densities(|density| {
        let d = density.dim();
        for_every_kernel(|kernel, step_size| {
            for blocks in BLOCKS {
                let state = evaluated(density, blocks);
                let together = moved(kernel, step_size, density, state.clone(), 0);
                for i in 0..blocks {
                    let own = State {
                        x: state.x[i * d..][..d].to_vec(),
                        score: state.score[i * d..][..d].to_vec(),
                        log_density: vec![state.log_density[i]],
                    };
                    let alone = moved(kernel, step_size, density, own, i);
                    assert_eq!(alone.state.x[..], together.state.x[i * d..][..d]);
                    assert_eq!(alone.state.score[..], together.state.score[i * d..][..d]);
                    let densities = [alone.state.log_density[0], together.state.log_density[i]];
                    assert_eq!(densities[0].to_array(), densities[1].to_array());
                    let outcomes = [alone.outcomes[0], together.outcomes[i]];
                    let [a, b] =
                        outcomes.map(|o| (o.acceptance_probability, o.accepted.to_bitmask()));
                    assert_eq!(a, b);
                    assert_eq!(alone.evaluations[0], together.evaluations[i]);
                    assert_eq!(alone.next[0].to_bits(), together.next[i].to_bits());
                }
            }
        });
    });
}

/// Some steps of blocks `first`, `first + 1`, ..: one block by single steps.
fn moved(
    kernel: &dyn MarkovKernel,
    step_size: f64,
    density: &dyn Score,
    mut state: State,
    first: usize,
) -> Moved {
    let (d, blocks) = (density.dim(), state.log_density.len());
    let mut streams: Vec<Stream> = (first..first + blocks).map(stream).collect();
    let mut outcomes = vec![Outcome::none(); blocks];
    let mut evaluations = vec![Evaluations::default(); blocks];
    let mut memory = room(blocks * kernel.scratch_len(d) + density.scratch_len());
    for _ in 0..STEPS {
        let State { x, score, log_density } = &mut state;
        let scratch = Scratch::new(&mut memory);
        if let ([stream], [evaluations], [log_density]) =
            (&mut streams[..], &mut evaluations[..], &mut log_density[..])
        {
            let context = Context { stream, scratch, evaluations };
            let point = PointMut { x, log_density, score };
            outcomes[0] = kernel.step(density, step_size, point, context).unwrap();
            continue;
        }
        let (streams, outcomes) = (&mut streams[..], &mut outcomes[..]);
        let team = Team { streams, outcomes, scratch, evaluations: &mut evaluations };
        let blocks = BlocksMut { x, log_density, score };
        kernel.step_blocks(density, step_size, blocks, team).unwrap();
    }
    let next = streams.iter_mut().map(Stream::uniform).collect();
    Moved { state, outcomes, evaluations, next }
}

/// Fails if HMC makes another number of evaluations than its trajectories have steps, or all blocks take the same
/// number: teams would then never be evaluated in part.
#[test]
fn trajectories_of_a_team_differ() {
    let problem = Problem::new(FixtureKind::DiagonalPerComponent, 5, 2, 2.0);
    problem.with_level((1.0, 0.0), |density| {
        let state = evaluated(density, 9);
        let hmc = Hmc::new(4).unwrap();
        let Moved { evaluations, .. } = moved(&hmc, 0.2, density, state, 0);
        for (block, made) in evaluations.iter().enumerate() {
            assert_eq!((made.density, made.hessian_product), (made.score, 0));
            assert!((STEPS as u64..=7 * STEPS as u64).contains(&made.score), "{block}");
        }
        let fewest = evaluations.iter().map(|made| made.score).min();
        assert!(fewest < evaluations.iter().map(|made| made.score).max());
    });
}

/// Fails if many log-densities in one call differ from one after the other, or need more room than promised.
#[test]
fn log_densities_are_those_of_their_blocks() {
    with_densities(|density| {
        let d = density.dim();
        for blocks in BLOCKS {
            let state = evaluated(density, blocks);
            let (mut found, mut memory) = (room(blocks), room(density.scratch_len()));
            density.log_densities(&state.x, &mut found, Scratch::new(&mut memory)).unwrap();
            for (x, found) in state.x.chunks_exact(d).zip(&found) {
                let mut memory = room(density.scratch_len());
                let alone = density.log_density(x, Scratch::new(&mut memory)).unwrap();
                assert_eq!(alone.to_array(), found.to_array());
            }
            let scratch = Scratch::new(&mut memory);
            assert!(density.log_densities(&state.x[1..], &mut found, scratch).is_err());
        }
    });
}

/// Fails if lengths that do not belong together pass, whole groups of eight blocks included.
#[test]
fn lengths_are_checked() {
    with_densities(|density| {
        let d = density.dim();
        let mut memory = room(density.scratch_len());
        for (x, score, log_densities) in [(0, 0, 1), (1, 0, 1), (8, 8, 16), (16, 16, 8), (8, 16, 8)]
        {
            let (x, mut score) = (room(x * d), room(score * d));
            let mut log_densities = room(log_densities);
            let scratch = Scratch::new(&mut memory);
            let found =
                density.log_densities_and_scores(&x, &mut score, &mut log_densities, scratch);
            assert!(found.is_err());
        }
    });
}
