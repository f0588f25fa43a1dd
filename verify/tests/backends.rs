//! One result on every set of instructions: densities, scores, Hessian products, samples and chains.
//!
//! AVX2 and AVX-512 do the same fused operations in the same order and have to agree bit by bit; a
//! portable build rounds products and sums apart.

mod common;
mod problems;

use std::collections::BTreeMap;

use amc_core::density::{HessianProduct, LogDensity, MixtureLevel, Score};
use amc_core::kernel::{Mala, MarkovKernel};
use amc_core::point::{Context, Evaluations, PointMut};
use amc_core::rng::{Key, Purpose};
use amc_core::scratch::Scratch;
use amc_core::simd::{Instructions, f64x8, splat};
use amc_verify::oracle::FixtureKind;
use common::on_every_instruction_set;
use problems::{Problem, wave};

// What a portable result may be off a fused one: beside the largest number of its kind in the same lane, or
// 1. Once evaluation, normals and uniforms run on every set, the distances measured are 3e-16 for
// log-densities, 1.4e-14 for scores, 3e-16 for samples and 1.4e-15 for chains.
/// Log-densities, scores, Hessian products.
const DENSITY: f64 = 1e-12;
/// A sample, which is a sum of `d` products.
const SAMPLE: f64 = 1e-13;
/// The last state of a chain: proposals carry every rounding on, and may spread it between two modes.
const CHAIN: f64 = 1e-11;
const CHAIN_STEPS: u64 = 100;

/// Sizes with a remainder for every unrolling, and with more and fewer components than coordinates.
const SIZES: [(usize, usize); 4] = [(1, 2), (3, 5), (13, 4), (17, 37)];

/// What is compared of one kind, `[numbers]` in groups of blocks: `(what, tolerance, values)`.
type Record = Vec<(&'static str, f64, Vec<Vec<f64x8>>)>;

/// Blocks around all means at once, and one far from all.
fn blocks(problem: &Problem) -> Vec<Vec<f64x8>> {
    let (d, components) = (problem.dim, problem.weights.len());
    let number = |block: usize, j: usize, lane: usize| {
        let size = if block == 4 { 30.0 } else { 1.2 };
        let k = (3 * block + lane) % components;
        problem.means[k * d + j] + size * wave(8 * (d * block + j) + lane, 2.9)
    };
    let vector = |block, j| f64x8::new(core::array::from_fn(|lane| number(block, j, lane)));
    (0..5).map(|block| (0..d).map(|j| vector(block, j)).collect()).collect()
}

/// Everything that is compared, on the set in force.
fn record(problem: &Problem, level: &MixtureLevel<'_>) -> Record {
    let d = problem.dim;
    let mut memory = vec![splat(f64::NAN); level.hessian_scratch_len() + level.scratch_len()];
    let (mut log_densities, mut alone) = (Vec::new(), Vec::new());
    let (mut scores, mut products) = (Vec::new(), Vec::new());
    for x in blocks(problem) {
        let (mut score, mut product) = (vec![splat(f64::NAN); d], vec![splat(f64::NAN); d]);
        let scratch = Scratch::new(&mut memory);
        let both = level.log_density_and_score(&x, &mut score, scratch).unwrap();
        let scratch = Scratch::new(&mut memory);
        let v: Vec<f64x8> = (0..d).map(|j| splat(wave(j, 0.8))).collect();
        level.hessian_product(&x, &v, &mut product, scratch).unwrap();
        alone.push(vec![level.log_density(&x, Scratch::new(&mut memory)).unwrap()]);
        log_densities.push(vec![both]);
        scores.push(score);
        products.push(product);
    }
    let samples = (0..20).map(|block| {
        let mut x = vec![splat(f64::NAN); d];
        let mut stream = Key::new(5, Purpose::User).block(block).stream();
        level.sample(&mut x, &mut stream, Scratch::new(&mut memory)).unwrap();
        x
    });
    let samples = samples.collect();
    vec![
        ("log density with score", DENSITY, log_densities),
        ("log density", DENSITY, alone),
        ("score", DENSITY, scores),
        ("hessian product", DENSITY, products),
        ("sample", SAMPLE, samples),
        ("chain", CHAIN, vec![chain(problem, level)]),
    ]
}

/// Where MALA is after [`CHAIN_STEPS`] steps.
fn chain(problem: &Problem, level: &MixtureLevel<'_>) -> Vec<f64x8> {
    let d = problem.dim;
    let mut memory = vec![splat(f64::NAN); level.scratch_len() + Mala.scratch_len(d)];
    let mut stream = Key::new(6, Purpose::User).stream();
    let mut evaluations = Evaluations::default();
    let (mut x, mut score) = (blocks(problem).swap_remove(0), vec![f64x8::ZERO; d]);
    let mut log_density =
        level.log_density_and_score(&x, &mut score, Scratch::new(&mut memory)).unwrap();
    let mut accepted = 0;
    for _ in 0..CHAIN_STEPS {
        let point = PointMut { x: &mut x, log_density: &mut log_density, score: &mut score };
        let context = Context {
            stream: &mut stream,
            scratch: Scratch::new(&mut memory),
            evaluations: &mut evaluations,
        };
        let outcome = Mala.step(level, 0.4 / (d as f64).sqrt(), point, context).unwrap();
        accepted += outcome.accepted.to_bitmask().count_ones();
    }
    assert!(accepted > 40 && accepted < 799, "{accepted} of 800: a chain that shows little");
    x
}

/// Largest distance of two records of a block, each lane beside its largest number or 1.
fn distance(a: &[f64x8], b: &[f64x8]) -> f64 {
    let mut worst = 0.0_f64;
    for lane in 0..8 {
        let of = |x: &f64x8| x.to_array()[lane];
        let size = a.iter().fold(1.0_f64, |max, a| max.max(of(a).abs()));
        for (a, b) in a.iter().zip(b) {
            let error = (of(a) - of(b)).abs() / size;
            worst = if worst >= error { worst } else { error };
        }
    }
    worst
}

/// The bits of all numbers.
fn bits(blocks: &[Vec<f64x8>]) -> Vec<u64> {
    blocks.iter().flatten().flat_map(|x| x.to_array()).map(f64::to_bits).collect()
}

/// Fails if a kernel does other operations on one set than on another, or forgets a lane or a remainder
/// there.
#[test]
fn results_agree_between_sets() {
    let mut worst = BTreeMap::new();
    for kind in FixtureKind::ALL {
        for (dim, components) in SIZES {
            for coefficients in [(1.0, 0.0), (0.7, 0.51)] {
                let problem = Problem::new(kind, dim, components, 2.5);
                let mut records: Vec<(Instructions, Record)> = Vec::new();
                on_every_instruction_set(|set| {
                    let found = problem.with_level(coefficients, |level| record(&problem, level));
                    records.push((set, found));
                });
                let name = format!("{} d={dim} K={components}", kind.name());
                compare(&name, &records, &mut worst);
            }
        }
    }
    println!("portable and fused: {worst:?}");
}

/// Asserts what two sets may differ by, and enters the largest distances seen.
fn compare(
    name: &str,
    records: &[(Instructions, Record)],
    worst: &mut BTreeMap<&'static str, f64>,
) {
    let Some(((_, portable), fused)) = records.split_first() else { return };
    for (set, record) in fused {
        for ((what, tolerance, a), (_, _, b)) in portable.iter().zip(record) {
            for (a, b) in a.iter().zip(b) {
                let apart = distance(a, b);
                assert!(apart <= *tolerance, "{name} {what}: {set} {apart:e} off portable");
                let largest = worst.entry(*what).or_default();
                *largest = largest.max(apart);
            }
        }
    }
    if let [(_, avx2), (_, avx512)] = fused {
        for ((what, _, a), (_, _, b)) in avx2.iter().zip(avx512) {
            assert_eq!(bits(a), bits(b), "{name} {what}: avx2 and avx512");
        }
    }
}
