//! Many blocks in one call do what one block after the other does, to the bit, in exactly the workspace asked for.
#![allow(missing_docs)]

mod common;
mod problems;

use amc_core::density::{Score, Tempered};
use amc_core::kernel::{Mala, MarkovKernel, Outcome, Team};
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

/// Fails if a block of a team draws or decides by the stream of another, moves otherwise than alone, or
/// evaluations are not counted for every block.
#[test]
fn teams_are_their_blocks() {
    with_densities(|density| {
        let d = density.dim();
        for blocks in BLOCKS {
            let state = evaluated(density, blocks);
            let together = moved_together(density, state.clone());
            for i in 0..blocks {
                let mut x = state.x[i * d..][..d].to_vec();
                let mut score = state.score[i * d..][..d].to_vec();
                let mut log_density = state.log_density[i];
                let mut memory = room(Mala.scratch_len(d) + density.scratch_len());
                let (mut stream, mut evaluations) = (stream(i), Evaluations::default());
                for _ in 0..STEPS {
                    let point =
                        PointMut { x: &mut x, log_density: &mut log_density, score: &mut score };
                    let scratch = Scratch::new(&mut memory);
                    let context =
                        Context { stream: &mut stream, scratch, evaluations: &mut evaluations };
                    Mala.step(density, 0.1, point, context).unwrap();
                }
                assert_eq!(x[..], together.x[i * d..][..d]);
                assert_eq!(score[..], together.score[i * d..][..d]);
                assert_eq!(log_density.to_array(), together.log_density[i].to_array());
            }
        }
    });
}

fn moved_together(density: &dyn Score, mut state: State) -> State {
    let (d, blocks) = (density.dim(), state.log_density.len());
    let mut streams: Vec<Stream> = (0..blocks).map(stream).collect();
    let mut outcomes = vec![Outcome::none(); blocks];
    let mut evaluations = Evaluations::default();
    let mut memory = room(blocks * Mala.scratch_len(d) + density.scratch_len());
    for _ in 0..STEPS {
        let State { x, score, log_density } = &mut state;
        let (streams, outcomes) = (&mut streams[..], &mut outcomes[..]);
        let scratch = Scratch::new(&mut memory);
        let team = Team { streams, outcomes, scratch, evaluations: &mut evaluations };
        Mala.step_blocks(density, 0.1, BlocksMut { x, log_density, score }, team).unwrap();
    }
    let made = (STEPS * blocks) as u64;
    assert_eq!(evaluations, Evaluations { density: made, score: made, hessian_product: 0 });
    state
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
