//! One step of each Markov kernel on a diagonal mixture, nanoseconds per particle.
#![allow(missing_docs)]

use amc_benches::{Case, Kind, Overlap, samples};
use amc_core::density::{LogDensity, MixtureLevel};
use amc_core::kernel::{Hmc, Mala, MarkovKernel, RandomWalk};
use amc_core::point::{Context, Evaluations, PointMut};
use amc_core::rng::{Key, Purpose};
use amc_core::scratch::Scratch;
use amc_core::simd::{LANES, f64x8};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use std::hint::black_box;

fn step(c: &mut Criterion) {
    for (dim, components) in [(16, 2), (64, 32)] {
        let case = Case::new(Kind::Diagonal, dim, components);
        let mixture = case.mixture(Overlap::Dense).unwrap();
        let mut storage = mixture.level_storage();
        let level = MixtureLevel::prepare(&mixture.view(), 0.8, 0.36, &mut storage).unwrap();
        let mut group = c.benchmark_group(format!("kernel_step/{dim}x{components}"));
        group.throughput(Throughput::Elements(LANES as u64));
        let hmc = Hmc::new(8).unwrap();
        let kernels: [(&str, &dyn MarkovKernel, f64); 3] =
            [("rwm", &RandomWalk, 0.2), ("mala", &Mala, 0.05), ("hmc", &hmc, 0.1)];
        for (name, kernel, step_size) in kernels {
            let mut x = samples(&level, 1).unwrap();
            let mut score = vec![f64x8::ZERO; dim];
            let mut log_density = f64x8::ZERO;
            let mut memory = vec![f64x8::ZERO; kernel.scratch_len(dim) + level.scratch_len()];
            let mut stream = Key::new(5, Purpose::Kernel).stream();
            let mut evaluations = Evaluations::default();
            let mut point =
                PointMut { x: &mut x, log_density: &mut log_density, score: &mut score };
            let mut context = Context {
                stream: &mut stream,
                scratch: Scratch::new(&mut memory),
                evaluations: &mut evaluations,
            };
            point.evaluate(&level, &mut context).unwrap();
            group.bench_function(BenchmarkId::from_parameter(name), |b| {
                b.iter(|| {
                    let (point, context) = (point.reborrow(), context.reborrow());
                    black_box(kernel.step(&level, step_size, point, context)).unwrap();
                });
            });
        }
        group.finish();
    }
}

criterion_group!(benches, step);
criterion_main!(benches);
