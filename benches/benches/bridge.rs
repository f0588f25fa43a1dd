//! One forward step of each bridge on an isotropic mixture, nanoseconds per particle.
#![allow(missing_docs)]

use amc_benches::{Case, Kind, Overlap, samples};
use amc_core::bridge::{
    Bridge, DdpmVariance, Denoising, Diagonal, Exact, Identity, LowRank, Rank, SecondOrderDense,
    SecondOrderStructured, Start, Trace, Transport, ddpm, exponential_integrator,
    isotropic_optimal,
};
use amc_core::density::mixture::MixtureTransition;
use amc_core::density::{LogDensity, MixtureLevel, Score};
use amc_core::logdet::{HutchPlusPlus, Logarithm, Penalty, ProbeLaw, Structured};
use amc_core::path::NoiseSchedule;
use amc_core::point::{Context, Evaluations, Point, PointMut};
use amc_core::rng::{Key, Purpose};
use amc_core::scratch::Scratch;
use amc_core::simd::{LANES, f64x8};
use amc_core::transport::{FlowMap, FlowMethod};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use std::hint::black_box;

const BLOCKS: usize = 64;

fn forward(c: &mut Criterion) {
    let schedule = NoiseSchedule::vp_linear(0.1, 20.0).unwrap();
    let step = schedule.step(0.2, 0.21).unwrap();
    for (dim, components) in [(16, 2), (64, 2), (8, 16)] {
        let case = Case::new(Kind::Isotropic, dim, components);
        let mixture = case.mixture(Overlap::Separated).unwrap();
        let (mut noisy, mut clean) = (mixture.level_storage(), mixture.level_storage());
        let mixture = mixture.view();
        let (alpha, variance) = (step.alpha_noisy, step.variance_noisy);
        let noisy = MixtureLevel::prepare(&mixture, alpha, variance, &mut noisy).unwrap();
        let (alpha, variance) = (step.alpha_clean, step.variance_clean);
        let clean = MixtureLevel::prepare(&mixture, alpha, variance, &mut clean).unwrap();
        let mut storage = vec![0.0; MixtureTransition::storage_len(&noisy)];
        let transition = MixtureTransition::prepare(&noisy, &step, &mut storage).unwrap();
        let first = ddpm(&step, DdpmVariance::Noise).unwrap();
        let frozen = exponential_integrator(&step).unwrap();
        let optimal = isotropic_optimal(&step, 0.9, 1e-3).unwrap();
        let structured = SecondOrderStructured::new(&transition).unwrap();
        let dense = SecondOrderDense::new(&transition);
        let (diagonal, exact) = (Diagonal::new(&transition), Exact::new(&transition));
        let (rank, trace) = (Rank::Fixed(4), Trace::Structure);
        let low_rank = LowRank::new(&noisy, step, rank, trace, Start::Random).unwrap();
        let stages = FlowMethod::Ddim.coefficients(&schedule, &step).unwrap();
        let map = FlowMap::new(stages, &[&noisy]).unwrap();
        let lanczos = Logarithm::Lanczos { steps: 6 };
        let estimated = HutchPlusPlus::new(lanczos, 8, ProbeLaw::Rademacher).unwrap();
        let exact_map = Transport::new(map, &clean, &Structured, Penalty::None).unwrap();
        let estimated_map = Transport::new(map, &clean, &estimated, Penalty::ClosedForm).unwrap();
        let bridges: [(&str, &dyn Bridge); 11] = [
            ("identity", &Identity::new(&noisy, &clean).unwrap()),
            ("exponential integrator", &Denoising::new(&noisy, &clean, step, frozen).unwrap()),
            ("isotropic-optimal", &Denoising::new(&noisy, &clean, step, optimal).unwrap()),
            ("ddpm", &Denoising::new(&noisy, &clean, step, first).unwrap()),
            ("diagonal", &Denoising::new(&noisy, &clean, step, diagonal).unwrap()),
            ("structured", &Denoising::new(&noisy, &clean, step, structured).unwrap()),
            ("dense", &Denoising::new(&noisy, &clean, step, dense).unwrap()),
            ("low rank 4", &Denoising::new(&noisy, &clean, step, low_rank).unwrap()),
            ("ddim map, structured", &exact_map),
            ("ddim map, Lanczos Hutch++", &estimated_map),
            ("exact", &Denoising::new(&noisy, &clean, step, exact).unwrap()),
        ];
        let mut group = c.benchmark_group(format!("bridge_forward/{dim}x{components}"));
        group.throughput(Throughput::Elements((BLOCKS * LANES) as u64));
        for (name, bridge) in bridges {
            bench_bridge(&mut group, name, bridge, &noisy);
        }
        group.finish();
    }
}

fn bench_bridge(
    group: &mut criterion::BenchmarkGroup<'_, criterion::measurement::WallTime>,
    name: &str,
    bridge: &dyn Bridge,
    noisy: &MixtureLevel<'_>,
) {
    let d = bridge.dim();
    let x = samples(noisy, BLOCKS).unwrap();
    let mut memory = vec![f64x8::ZERO; bridge.scratch_len()];
    let mut scores = vec![f64x8::ZERO; x.len()];
    let mut log_densities = vec![f64x8::ZERO; BLOCKS];
    let blocks = x.chunks_exact(d).zip(scores.chunks_exact_mut(d)).zip(&mut log_densities);
    for ((x, score), log_density) in blocks {
        *log_density = noisy.log_density_and_score(x, score, Scratch::new(&mut memory)).unwrap();
    }
    let (mut y, mut score_y, mut p_y) = (vec![f64x8::ZERO; d], vec![f64x8::ZERO; d], f64x8::ZERO);
    let mut stream = Key::new(5, Purpose::Bridge).stream();
    let mut evaluations = Evaluations::default();
    group.bench_function(BenchmarkId::from_parameter(name), |b| {
        b.iter(|| {
            for (block, x) in x.chunks_exact(d).enumerate() {
                let from = Point {
                    x,
                    log_density: log_densities[block],
                    score: &scores[block * d..(block + 1) * d],
                };
                let to = PointMut { x: &mut y, log_density: &mut p_y, score: &mut score_y };
                let context = Context {
                    stream: &mut stream,
                    scratch: Scratch::new(&mut memory),
                    evaluations: &mut evaluations,
                };
                black_box(bridge.forward(from, to, context)).unwrap();
            }
        });
    });
    assert_eq!(noisy.dim(), d);
}

criterion_group!(benches, forward);
criterion_main!(benches);
