//! One result on every set of instructions: densities, scores, Hessian products, samples and chains.
//!
//! AVX2 and AVX-512 do the same fused operations in the same order and have to agree bit by bit; a
//! portable build rounds products and sums apart, and its distance is measured: beside the largest number of
//! its kind in the same lane, or 1.

use amc_core::density::{HessianProduct, LogDensity, MixtureLevel, Score};
use amc_core::kernel::{Mala, MarkovKernel};
use amc_core::point::{Context, Evaluations, PointMut};
use amc_core::rng::{Key, Purpose};
use amc_core::scratch::Scratch;
use amc_core::simd::{Instructions, f64x8, splat};
use amc_verify::oracle::FixtureKind;

use super::common::on_every_instruction_set;
use super::problems::{Problem, wave};
use super::table::Row;

/// A chain carries every rounding on, and may spread it between two modes.
const CHAIN_STEPS: u64 = 100;

/// Sizes with a remainder for every unrolling, and with more and fewer components than coordinates.
const SIZES: [(usize, usize); 4] = [(1, 2), (3, 5), (13, 4), (17, 37)];

/// What is compared of one kind, `[numbers]` in groups of blocks.
type Record = Vec<(&'static str, Vec<Vec<f64x8>>)>;

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
        ("log-density with score", log_densities),
        ("log-density", alone),
        ("score", scores),
        ("Hessian product", products),
        ("sample", samples),
        ("chain", vec![chain(problem, level)]),
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

/// Compares all sets on every kind: bits of the fused ones, and the distance of the portable one.
pub fn measure() -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
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
                compare(&name, &records, &mut rows);
            }
        }
    }
    rows
}

/// Enters the distances between portable and fused, and asserts that there are none among the fused.
fn compare(name: &str, records: &[(Instructions, Record)], rows: &mut Vec<Row>) {
    if let [(_, portable), (_, fused), ..] = records {
        for ((what, a), (_, b)) in portable.iter().zip(fused) {
            let index = rows.iter().position(|row| row.of == *what).unwrap_or_else(|| {
                rows.push(Row::new(what, "portable-fused", "eps"));
                rows.len() - 1
            });
            for (a, b) in a.iter().zip(b) {
                rows[index].enter_relative(distance(a, b), || name.to_owned());
            }
        }
    }
    if let [_, (_, avx2), (_, avx512)] = records {
        for ((what, a), (_, b)) in avx2.iter().zip(avx512) {
            assert_eq!(bits(a), bits(b), "{name} {what}: avx2 and avx512");
        }
    }
}
