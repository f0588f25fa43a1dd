//! Log-density, score and Hessian-vector product of mixtures, nanoseconds per particle, for the sizes
//! of the speed goals.
#![allow(missing_docs)]

use amc_benches::{Case, Overlap, evaluate_all, samples};
use amc_core::density::{HessianProduct, LogDensity, MixtureLevel};
use amc_core::scratch::Scratch;
use amc_core::simd::{LANES, f64x8};
use criterion::measurement::WallTime;
use criterion::{
    BenchmarkGroup, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main,
};
use std::hint::black_box;

const BLOCKS: usize = 256;

/// What one evaluation works on.
struct Bed<'a> {
    level: &'a MixtureLevel<'a>,
    x: &'a [f64x8],
    log_density: Vec<f64x8>,
    score: Vec<f64x8>,
    memory: Vec<f64x8>,
}

/// Runs `evaluate` on every case, in a group of its own.
fn each_case(c: &mut Criterion, name: &str, overlap: Overlap, evaluate: fn(&mut Bed<'_>)) {
    let mut group: BenchmarkGroup<'_, WallTime> = c.benchmark_group(name);
    group.throughput(Throughput::Elements((BLOCKS * LANES) as u64));
    for case in Case::GOALS {
        let mixture = case.mixture(overlap).unwrap();
        let mut storage = mixture.level_storage();
        let level = MixtureLevel::prepare(&mixture.view(), 0.8, 0.36, &mut storage).unwrap();
        let x = samples(&level, BLOCKS).unwrap();
        let room = level.scratch_len().max(level.hessian_scratch_len());
        let mut bed = Bed {
            level: &level,
            x: &x,
            log_density: vec![f64x8::ZERO; BLOCKS],
            score: vec![f64x8::ZERO; x.len()],
            memory: vec![f64x8::ZERO; room],
        };
        let size = format!("{}x{}", case.dim, case.components);
        let id = BenchmarkId::new(case.kind.name(), size);
        group.bench_function(id, |b| b.iter(|| evaluate(black_box(&mut bed))));
    }
    group.finish();
}

fn log_density_and_score(c: &mut Criterion) {
    let evaluate: fn(&mut Bed<'_>) = |bed| {
        let Bed { level, x, log_density, score, memory } = bed;
        evaluate_all(*level, x, log_density, score, memory).unwrap();
    };
    each_case(c, "log_density_and_score", Overlap::Dense, evaluate);
    each_case(c, "log_density_and_score_separated", Overlap::Separated, evaluate);
}

fn log_density(c: &mut Criterion) {
    each_case(c, "log_density", Overlap::Dense, |bed| {
        let d = bed.level.dim();
        for (x, log_density) in bed.x.chunks_exact(d).zip(&mut bed.log_density) {
            *log_density = bed.level.log_density(x, Scratch::new(&mut bed.memory)).unwrap();
        }
    });
}

fn hessian_product(c: &mut Criterion) {
    each_case(c, "hessian_product", Overlap::Dense, |bed| {
        let d = bed.level.dim();
        for (x, out) in bed.x.chunks_exact(d).zip(bed.score.chunks_exact_mut(d)) {
            bed.level.hessian_product(x, x, out, Scratch::new(&mut bed.memory)).unwrap();
        }
    });
}

criterion_group!(benches, log_density_and_score, log_density, hessian_product);
criterion_main!(benches);
