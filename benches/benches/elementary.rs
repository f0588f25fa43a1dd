//! Elementary functions and random numbers, nanoseconds per number, over buffers in the first cache.
#![allow(missing_docs)]

use amc_benches::{exponentials, logarithms, sines_and_cosines};
use amc_core::rng::{Key, Purpose};
use amc_core::simd::{LANES, f64x8};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use std::hint::black_box;

const VECTORS: usize = 256;

fn functions(c: &mut Criterion) {
    let mut stream = Key::new(2, Purpose::User).stream();
    let x: Vec<f64x8> = (0..VECTORS).map(|_| stream.uniforms()).collect();
    let mut out = vec![f64x8::ZERO; VECTORS];
    let mut group = c.benchmark_group("elementary");
    group.throughput(Throughput::Elements((VECTORS * LANES) as u64));
    type Function = fn(&[f64x8], &mut [f64x8]);
    let functions: [(&str, Function); 3] =
        [("exp", exponentials), ("ln", logarithms), ("sin_cos_turns", sines_and_cosines)];
    for (name, function) in functions {
        group.bench_function(name, |b| b.iter(|| function(black_box(&x), black_box(&mut out))));
    }
    group.finish();
}

fn random_numbers(c: &mut Criterion) {
    let mut out = vec![f64x8::ZERO; VECTORS];
    let mut group = c.benchmark_group("random");
    group.throughput(Throughput::Elements((VECTORS * LANES) as u64));
    let mut stream = Key::new(1, Purpose::User).stream();
    group.bench_function("normals", |b| b.iter(|| stream.fill_normals(black_box(&mut out))));
    group.bench_function("uniforms", |b| {
        b.iter(|| black_box(&mut out).iter_mut().for_each(|out| *out = stream.uniforms()));
    });
    group.bench_function("signs", |b| b.iter(|| stream.fill_signs(black_box(&mut out))));
    group.finish();
}

criterion_group!(benches, functions, random_numbers);
criterion_main!(benches);
