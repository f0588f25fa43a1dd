//! Log-density and score of mixtures, nanoseconds per particle, for the sizes of the speed goals.
#![allow(missing_docs)]

use amc_benches::{Case, Kind, Overlap, samples};
use amc_core::density::{LogDensity, MixtureLevel, Score};
use amc_core::rng::{Key, Purpose};
use amc_core::scratch::Scratch;
use amc_core::simd::{LANES, f64x8};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use std::hint::black_box;

const BLOCKS: usize = 256;

fn log_density_and_score(c: &mut Criterion) {
    let mut group = c.benchmark_group("log_density_and_score");
    group.throughput(Throughput::Elements((BLOCKS * LANES) as u64));
    for kind in Kind::ALL {
        for (dim, components) in [(2, 2), (16, 2), (32, 16), (64, 32)] {
            let mixture = Case { kind, dim, components }.mixture(Overlap::Dense).unwrap();
            let mut storage = mixture.level_storage();
            let level = MixtureLevel::prepare(&mixture.view(), 0.8, 0.36, &mut storage).unwrap();
            let x = samples(&level, BLOCKS).unwrap();
            let mut score = vec![f64x8::ZERO; dim];
            let mut memory = vec![f64x8::ZERO; level.scratch_len()];
            let id = BenchmarkId::new(kind.name(), format!("{dim}x{components}"));
            group.bench_function(id, |b| {
                b.iter(|| {
                    for x in x.chunks_exact(dim) {
                        let scratch = Scratch::new(&mut memory);
                        black_box(level.log_density_and_score(x, &mut score, scratch)).unwrap();
                    }
                });
            });
        }
    }
    group.finish();
}

fn normals(c: &mut Criterion) {
    let mut group = c.benchmark_group("normals");
    let mut out = vec![f64x8::ZERO; 512];
    group.throughput(Throughput::Elements((out.len() * LANES) as u64));
    let mut stream = Key::new(1, Purpose::User).stream();
    group.bench_function("fill", |b| b.iter(|| stream.fill_normals(black_box(&mut out))));
    group.finish();
}

criterion_group!(benches, log_density_and_score, normals);
criterion_main!(benches);
