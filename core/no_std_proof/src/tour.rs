//! One use of everything in the core.

use amc_core::bridge::*;
use amc_core::density::mixture::{AffineMap, MixtureTransition, mean_variance, moments};
use amc_core::density::{
    Covariance, FiniteDifference, Hessian, HessianProduct, LogDensity, Mixture, MixtureLevel,
    Score, Tempered,
};
use amc_core::error::{Error, Result};
use amc_core::exchange::{swap, swap_scratch_len};
use amc_core::kernel::{Hmc, Mala, MarkovKernel, RandomWalk};
use amc_core::krylov::{
    Gram, LinearOperator, OperatorShape, Solution, Spectrum, solve, solve_scratch_len,
};
use amc_core::linalg::{Cholesky, DiagonalPlusLowRank, Lu, symmetric_eigen};
use amc_core::logdet::*;
use amc_core::path::*;
use amc_core::point::{Context, Evaluations, Point, PointMut};
use amc_core::rng::{Key, Phase, Purpose, Stream};
use amc_core::scratch::Scratch;
use amc_core::simd::{
    add_scaled, blocks_to_rows, copy, dot, dot_scalar, equal, exp, f64x8, finite, greater,
    greater_equal, less, less_equal, ln, rows_to_blocks, select, sin_cos_turns, splat,
};
use amc_core::transport::{FlowMap, FlowMethod, InversionRule, Jacobian, MAX_STAGES};
use amc_core::weight::*;

use crate::teams;

pub const D: usize = 3;
const ROOM: usize = 1024;

/// Everything a tour needs to keep between calls.
pub struct Traveller {
    pub memory: [f64x8; ROOM],
    stream: Stream,
    evaluations: Evaluations,
    pub total: f64,
}

impl Traveller {
    fn context(&mut self) -> Context<'_> {
        Context {
            stream: &mut self.stream,
            scratch: Scratch::new(&mut self.memory),
            evaluations: &mut self.evaluations,
        }
    }

    pub fn add(&mut self, value: f64x8) {
        self.total += value.to_array().iter().sum::<f64>();
    }
}

/// Whether the numbers came out finite, and the exact bridge without work.
pub fn tour() -> Result<bool> {
    let mut traveller = Traveller {
        memory: [f64x8::ZERO; ROOM],
        stream: Key::new(1, Purpose::User)
            .level(2)
            .round(3)
            .block(4)
            .phase(Phase::Pilot)
            .repetition(5)
            .stream(),
        evaluations: Evaluations::default(),
        total: 0.0,
    };
    // What the optimizer could otherwise compute in advance.
    let weights = core::hint::black_box([0.2, 0.5]);
    let means = core::hint::black_box([1.0, -1.0, 0.5, -2.0, 0.3, 0.0]);
    let mut matrix = core::hint::black_box([1.0, 0.2, 0.0, 0.2, 0.5, 0.1, 0.0, 0.1, 0.3]);
    let (mut l, mut q) = ([0.0; D], [0.0; D * D]);
    symmetric_eigen(&mut matrix, &mut l, &mut q)?;
    let mut values = [0.0; 2 * D];
    let mut vectors = [0.0; 2 * D * D];
    for (out, l) in values.iter_mut().zip(l.iter().cycle()) {
        *out = *l;
    }
    for (out, q) in vectors.iter_mut().zip(q.iter().cycle()) {
        *out = *q;
    }
    let kinds = [
        Covariance::Isotropic(&[0.3]),
        Covariance::Diagonal(&[0.1, 0.2, 0.3, 0.4, 0.5, 0.6]),
        Covariance::Full { eigenvalues: &l, eigenvectors: &q },
        Covariance::Full { eigenvalues: &values, eigenvectors: &vectors },
    ];
    let mut right = true;
    for kind in kinds {
        right &= mixture_tour(&Mixture::new(D, &weights, &means, kind)?, &mut traveller)?;
    }
    weight_tour(&mut traveller)?;
    standardization_tour(&weights, &means, &mut traveller)?;
    random_tour(&mut traveller);
    lane_tour(&mut traveller)?;
    Ok(right && traveller.total.is_finite())
}

fn mixture_tour(mixture: &Mixture<'_>, traveller: &mut Traveller) -> Result<bool> {
    let schedules = [
        NoiseSchedule::vp_linear(0.1, 20.0)?,
        NoiseSchedule::vp_cosine(),
        NoiseSchedule::ve(0.01, 10.0, VeShape::Rho7)?,
        NoiseSchedule::ve(0.01, 10.0, VeShape::Geometric)?,
    ];
    let mut right = true;
    for schedule in schedules {
        let mut times = [0.0; 4];
        quadratic_times(0.1, 0.9, &mut times);
        uniform_times(0.1, 0.9, &mut times);
        log_snr_times(&schedule, 0.1, schedule.default_t_max().min(0.9), &mut times);
        let levels = Schedule::new(&times)?;
        let step = schedule.step(levels.time(1), levels.time(2))?;
        let (mut noisy, mut clean, mut target) = ([0.0; 64], [0.0; 64], [0.0; 64]);
        let n = MixtureLevel::storage_len(mixture);
        let noisy = level(mixture, (step.alpha_noisy, step.variance_noisy), noisy.get_mut(..n))?;
        let clean = level(mixture, (step.alpha_clean, step.variance_clean), clean.get_mut(..n))?;
        let target = level(mixture, (1.0, 0.0), target.get_mut(..n))?;
        density_tour(&noisy, &schedule, levels.time(2), traveller)?;
        let tempered = Tempered::new(&noisy, &target, 0.4)?;
        let work = kernel_tour(&tempered, traveller)?;
        traveller.add(work);
        right &= bridge_tour(&noisy, &clean, &step, traveller)?;
        map_tour((&noisy, &clean), (&schedule, &step), traveller)?;
    }
    let (mut mean, mut variances) = ([0.0; D], [0.0; D]);
    mixture.moments(&mut mean, &mut variances)?;
    traveller.total += mean.iter().sum::<f64>() + mean_variance(&variances);
    traveller.total += mixture.weight(mixture.components()) + mixture.dim() as f64;
    Ok(right)
}

fn level<'a>(
    mixture: &Mixture<'a>,
    (alpha, variance): (f64, f64),
    storage: Option<&'a mut [f64]>,
) -> Result<MixtureLevel<'a>> {
    let storage = storage.ok_or(Error::Empty { what: "storage" })?;
    MixtureLevel::prepare(mixture, alpha, variance, storage)
}

fn density_tour(
    level: &MixtureLevel<'_>,
    schedule: &NoiseSchedule,
    t: f64,
    traveller: &mut Traveller,
) -> Result<()> {
    let (mut x, mut score, mut product) = ([f64x8::ZERO; D], [f64x8::ZERO; D], [f64x8::ZERO; D]);
    let mut hessian = [f64x8::ZERO; D * D];
    let Traveller { memory, stream, .. } = traveller;
    level.sample(&mut x, stream, Scratch::new(memory))?;
    let p = level.log_density(&x, Scratch::new(memory))?;
    let again = level.log_density_and_score(&x, &mut score, Scratch::new(memory))?;
    level.hessian_product(&x, &score, &mut product, Scratch::new(memory))?;
    level.hessian(&x, &mut hessian, Scratch::new(memory))?;
    let rate = diffusion_time_derivative(schedule, t, level, &x, Scratch::new(memory))?;
    let mut responsibilities = [f64x8::ZERO; 2];
    level.responsibilities(&x, &mut responsibilities, Scratch::new(memory))?;
    for value in [p, again, rate].into_iter().chain(product).chain(hessian).chain(responsibilities)
    {
        traveller.add(value);
    }
    Ok(())
}

fn kernel_tour(density: &Tempered<'_>, traveller: &mut Traveller) -> Result<f64x8> {
    let (mut x, mut score) = ([f64x8::ZERO; D], [f64x8::ZERO; D]);
    let mut log_density = f64x8::ZERO;
    let mut point = PointMut { x: &mut x, log_density: &mut log_density, score: &mut score };
    point.evaluate(density, &mut traveller.context())?;
    let hmc = Hmc::new(core::hint::black_box(3))?;
    let kernels: [&dyn MarkovKernel; 3] = [&RandomWalk, &Mala, &hmc];
    for kernel in kernels {
        let outcome = kernel.step(density, 0.1, point.reborrow(), traveller.context())?;
        traveller.total += outcome.totals(8).0;
        teams::kernel_tour(density, kernel, traveller)?;
    }
    let memory = Scratch::new(&mut traveller.memory);
    tempering_time_derivative(density, &x, memory)
}

fn bridge_tour(
    noisy: &MixtureLevel<'_>,
    clean: &MixtureLevel<'_>,
    step: &NoisingStep,
    traveller: &mut Traveller,
) -> Result<bool> {
    let mut storage = [0.0; 64];
    let n = MixtureTransition::storage_len(noisy);
    let storage = storage.get_mut(..n).ok_or(Error::Empty { what: "storage" })?;
    let transition = MixtureTransition::prepare(noisy, step, storage)?;
    transition_tour(&transition, traveller)?;
    let hessian = HessianMoments::new(noisy, *step);
    let mut work = |bridge: &dyn Bridge| {
        exchange_tour(bridge, (noisy, clean), traveller)?;
        teams::bridge_tour(bridge, (noisy, clean), traveller)?;
        cross(bridge, noisy, traveller)
    };
    work(&Identity::new(noisy, clean)?)?;
    work(&Denoising::new(noisy, clean, *step, exponential_integrator(step)?)?)?;
    work(&Denoising::new(noisy, clean, *step, ddpm(step, DdpmVariance::Posterior)?)?)?;
    let optimal = isotropic_optimal(step, 1.0, 0.1)?;
    let same = IsotropicKernel::new(step, step.drift, optimal.variance())?;
    work(&Denoising::new(noisy, clean, *step, optimal)?)?;
    work(&Denoising::new(noisy, clean, *step, same)?)?;
    work(&Denoising::new(noisy, clean, *step, Diagonal::new(&hessian))?)?;
    work(&Denoising::new(noisy, clean, *step, Diagonal::new(&transition))?)?;
    work(&Denoising::new(noisy, clean, *step, SecondOrderDense::new(&hessian))?)?;
    if let Ok(kernel) = SecondOrderStructured::new(&transition) {
        work(&Denoising::new(noisy, clean, *step, kernel)?)?;
    } else {
        work(&Denoising::new(noisy, clean, *step, SecondOrderDense::new(&transition))?)?;
    }
    let difference = FiniteDifference::with_length(noisy, core::hint::black_box(0.5))?;
    let densities: [&dyn HessianProduct; 2] = [noisy, &difference];
    let ranks = [Rank::Fixed(2), Rank::Tolerance { most: 5, tolerance: 0.1 }];
    let traces = [Trace::Structure, Trace::Probes(2)];
    for (trace, start) in traces.into_iter().zip([Start::Score, Start::Random]) {
        for (density, rank) in densities.into_iter().zip(ranks) {
            let rank = core::hint::black_box(rank);
            if let Ok(kernel) = LowRank::new(density, *step, rank, trace, start) {
                work(&Denoising::new(noisy, clean, *step, kernel)?)?;
            }
        }
    }
    let exact = work(&Denoising::new(noisy, clean, *step, Exact::new(&transition))?)?;
    Ok(exact.to_array().iter().all(|w| w.abs() < 1e-9))
}

/// Every map with every estimator of its determinant.
fn map_tour(
    (noisy, clean): (&MixtureLevel<'_>, &MixtureLevel<'_>),
    (schedule, step): (&NoiseSchedule, &NoisingStep),
    traveller: &mut Traveller,
) -> Result<()> {
    let law = ProbeLaw::Gaussian;
    let sketched = |logarithm| HutchPlusPlus::new(logarithm, 8, ProbeLaw::Rademacher);
    let (series, quadrature) = (PowerSeries::new(4, 2, law)?, LanczosQuadrature::new(2, 2, law)?);
    let plain = sketched(Logarithm::Series { terms: 3 })?;
    let recentred = sketched(Logarithm::Recentred { terms: 3, steps: 2 })?;
    let lanczos = sketched(Logarithm::Lanczos { steps: 2 })?;
    let estimators: [&dyn LogDeterminant; 7] =
        [&Dense, &Structured, &series, &quadrature, &plain, &recentred, &lanczos];
    let penalties = [Penalty::None, Penalty::ClosedForm, Penalty::Series];
    for method in FlowMethod::ALL {
        let stages = method.coefficients(schedule, step)?;
        let mut storage = [[0.0; 64]; MAX_STAGES];
        let n = MixtureLevel::storage_len(noisy.mixture());
        let mut levels = [*noisy; MAX_STAGES];
        for ((slot, node), storage) in levels.iter_mut().zip(stages.nodes()).zip(&mut storage) {
            *slot = level(noisy.mixture(), (node.alpha, node.variance), storage.get_mut(..n))?;
        }
        let densities: [&dyn HessianProduct; MAX_STAGES] = levels.each_ref().map(|l| l as _);
        let densities = densities.get(..stages.count()).unwrap_or(&[]);
        let map = FlowMap::new(stages, densities)?;
        for (i, determinant) in estimators.iter().enumerate() {
            let penalty = penalties.get(i % 3).copied().unwrap_or_default();
            let bridge = Transport::new(map, clean, *determinant, penalty)?;
            let bridge = bridge.with_inversion(InversionRule::default());
            let bridge = bridge.checked();
            // The determinant lemma knows maps of one stage of some mixtures only.
            match exchange_tour(&bridge, (noisy, clean), traveller) {
                Err(Error::Unsupported { .. }) => continue,
                other => other?,
            }
            teams::bridge_tour(&bridge, (noisy, clean), traveller)?;
            cross(&bridge, noisy, traveller)?;
        }
        jacobian_tour(&map, traveller)?;
    }
    Ok(())
}

/// A Jacobian as an operator: systems, bounds, products either way.
fn jacobian_tour(map: &FlowMap<'_>, traveller: &mut Traveller) -> Result<()> {
    let (x, score) = ([splat(0.3); D], [splat(-0.2); D]);
    let (mut y, mut out) = ([f64x8::ZERO; D], [f64x8::ZERO; D]);
    let mut memory = [f64x8::ZERO; 256];
    let memory = memory.get_mut(..map.linearization_len()).unwrap_or(&mut []);
    let jacobian = map.linearize(&x, &score, &mut y, memory, traveller.context())?;
    let shape: OperatorShape = Gram::shape(Jacobian::shape(map));
    traveller.total += solve_scratch_len(shape, true, 3) as f64;
    let Solution { residual, indefinite } =
        solve(&jacobian, &x, &mut out, (3, 1e-9), traveller.context())?;
    traveller.add(residual + indefinite);
    let gram = Gram::new(&jacobian);
    let spectrum = Spectrum::estimate(&gram, &x, 2, traveller.context())?;
    traveller.add(spectrum.lower + spectrum.upper);
    jacobian.apply_transposed(&x, &mut out, traveller.context())?;
    let trace = jacobian.structure().map(|s: DiagonalPlusLowRank<'_>| s.trace());
    let mut matrix = [splat(1.0), splat(0.5), splat(-0.5), splat(2.0)];
    let (log_determinant, negative) = Lu::log_abs_determinant(2, &mut matrix)?;
    for value in out.into_iter().chain(trace).chain([log_determinant, negative]) {
        traveller.add(value);
    }
    Ok(())
}

/// The moments of the way back, one by one.
fn transition_tour(transition: &MixtureTransition<'_>, traveller: &mut Traveller) -> Result<()> {
    let (x, y) = ([splat(0.3); D], [splat(-0.2); D]);
    let (mut mean, mut out) = ([f64x8::ZERO; D], [f64x8::ZERO; D]);
    let mut matrix = [f64x8::ZERO; D * D];
    let memory = &mut traveller.memory;
    transition.local_coordinates(&x, &mut out);
    transition.global_coordinates(&y, &mut mean);
    let point = Point { x: &x, log_density: f64x8::ZERO, score: &y };
    transition.covariance(point, &mut mean, &mut matrix, Scratch::new(memory))?;
    transition.diagonal(point, &mut mean, &mut out, Scratch::new(memory))?;
    let log_density = transition.log_density(&x, &y, Scratch::new(memory))?;
    transition.sample(&x, &mut mean, &mut traveller.stream, Scratch::new(memory))?;
    traveller.total += transition.step().scaled_variance() + transition.step().posterior_variance();
    for value in matrix.into_iter().chain(out).chain(mean).chain([log_density]) {
        traveller.add(value);
    }
    Ok(())
}

/// Forward, backward and the work of the pair.
fn cross(
    bridge: &dyn Bridge,
    noisy: &MixtureLevel<'_>,
    traveller: &mut Traveller,
) -> Result<f64x8> {
    let (mut x, mut score, mut p) = ([f64x8::ZERO; D], [f64x8::ZERO; D], f64x8::ZERO);
    let (mut y, mut score_y, mut p_y) = ([f64x8::ZERO; D], [f64x8::ZERO; D], f64x8::ZERO);
    let mut from = PointMut { x: &mut x, log_density: &mut p, score: &mut score };
    let mut to = PointMut { x: &mut y, log_density: &mut p_y, score: &mut score_y };
    noisy.sample(from.x, &mut traveller.stream, Scratch::new(&mut traveller.memory))?;
    from.evaluate(noisy, &mut traveller.context())?;
    let forward = bridge.forward(from.as_point(), to.reborrow(), traveller.context())?.log_work;
    let again = bridge.log_work(from.as_point(), to.as_point(), traveller.context())?;
    let back = bridge.backward(to.as_point(), from.reborrow(), traveller.context())?.log_work;
    traveller.add(again - forward);
    traveller.add(back);
    Ok(forward)
}

/// Some swaps of the two levels, and what their works say of the normalizers.
fn exchange_tour(
    bridge: &dyn Bridge,
    (noisy, clean): (&MixtureLevel<'_>, &MixtureLevel<'_>),
    traveller: &mut Traveller,
) -> Result<()> {
    let (mut x, mut score, mut p) = ([f64x8::ZERO; D], [f64x8::ZERO; D], f64x8::ZERO);
    let (mut y, mut score_y, mut p_y) = ([f64x8::ZERO; D], [f64x8::ZERO; D], f64x8::ZERO);
    let mut t = PointMut { x: &mut x, log_density: &mut p, score: &mut score };
    let mut s = PointMut { x: &mut y, log_density: &mut p_y, score: &mut score_y };
    noisy.sample(t.x, &mut traveller.stream, Scratch::new(&mut traveller.memory))?;
    clean.sample(s.x, &mut traveller.stream, Scratch::new(&mut traveller.memory))?;
    t.evaluate(noisy, &mut traveller.context())?;
    s.evaluate(clean, &mut traveller.context())?;
    let mut sums = WorkSums::EMPTY;
    for _ in 0..core::hint::black_box(3) {
        let outcome = swap(bridge, t.reborrow(), s.reborrow(), traveller.context())?;
        sums.add(outcome.forward.log_work, outcome.backward.log_work, core::hint::black_box(0.1));
        traveller.add(outcome.acceptance_probability);
        let masks = outcome.accepted.to_bitmask() | outcome.non_finite.to_bitmask();
        traveller.total += f64::from(masks);
    }
    let lane = sums.lane(core::hint::black_box(5)).ok_or(Error::Empty { what: "lane" })?;
    let LogSums { forward, backward, bridge_forward, bridge_backward, count } = lane;
    traveller.total += forward + backward + bridge_forward + bridge_backward + count as f64;
    traveller.total += lane.forward_estimate() + lane.backward_estimate() + lane.bridge_estimate();
    traveller.total += swap_scratch_len(bridge) as f64;
    Ok(())
}

fn weight_tour(traveller: &mut Traveller) -> Result<()> {
    let log_weights = core::hint::black_box([0.1, -3.0, 2.0, f64::NEG_INFINITY, 0.5]);
    let mut weights = [0.0; 5];
    traveller.total += normalize(&log_weights, &mut weights)? + log_mean_exp(&log_weights);
    traveller.total += log_sum_exp(&log_weights) + pairwise_sum(&weights, |weight| weight * weight);
    traveller.total += effective_sample_size(&log_weights);
    traveller.total += conditional_effective_sample_size(&[0.0; 5], &log_weights)?;
    let mut ancestors = [0_usize; 7];
    for scheme in Resampling::ALL {
        let scheme = Resampling::from_name(scheme.name()).unwrap_or(scheme);
        scheme.ancestors(&weights, &mut traveller.stream, &mut ancestors)?;
        traveller.total += ancestors.iter().sum::<usize>() as f64;
    }
    let mut totals = [0.0; 5];
    let evidence = Evidence::from_families(0.3, &weights, &[0, 1, 2, 3, 4], &mut totals)?;
    traveller.total += evidence.log_z_std_error;
    Ok(())
}

/// The affine map to mean 0 and variance 1, there and back.
fn standardization_tour(weights: &[f64], means: &[f64], traveller: &mut Traveller) -> Result<()> {
    let (mut shift, mut scale) = ([0.0; D], [0.0; D]);
    moments(weights, means, |k, i| 0.1 + (k + i) as f64, &mut shift, &mut scale)?;
    let map = AffineMap::new(&shift, &scale)?;
    let (mut points, mut variances) = ([0.5; 2 * D], [0.5; 2 * D]);
    let mut matrices = [0.5; 2 * D * D];
    map.apply(&mut points);
    map.invert(&mut points);
    map.map_variances(&mut variances);
    map.map_matrices(&mut matrices);
    traveller.total += points.iter().chain(&variances).chain(&matrices).sum::<f64>();
    traveller.total += f64::from(u8::from(map.is_uniform())) + map.dim() as f64;
    Ok(())
}

/// Every way of drawing from a stream.
fn random_tour(traveller: &mut Traveller) {
    let (mut vectors, mut numbers) = ([f64x8::ZERO; D], [0.0; 21]);
    let stream = &mut traveller.stream;
    for phase in [Phase::Production, Phase::Reverse, Phase::Schedule] {
        let key = Key::new(1, Purpose::Swap).phase(core::hint::black_box(phase));
        numbers.fill(key.stream().uniform());
    }
    stream.fill_normals(&mut vectors);
    stream.fill_scalar_normals(&mut numbers);
    let uniforms = stream.uniforms();
    traveller.total += stream.uniform() + numbers.iter().sum::<f64>();
    for value in vectors.into_iter().chain([uniforms]) {
        traveller.add(value);
    }
}

/// Functions on lanes, and eight small matrices at once.
fn lane_tour(traveller: &mut Traveller) -> Result<()> {
    let a = core::hint::black_box([splat(0.25), splat(2.0), splat(-1.0)]);
    let coefficients = core::hint::black_box([0.5, -0.25, 3.0]);
    let mut b = [f64x8::ZERO; D];
    copy(&mut b, &a);
    let width = core::hint::black_box(11);
    let (mut rows, mut blocks) = ([0.5; 8 * 22], [f64x8::ZERO; 22]);
    rows_to_blocks(&rows, width, &mut blocks)?;
    blocks_to_rows(&blocks, width, &mut rows)?;
    add_scaled(&mut b, splat(2.0), &coefficients);
    let (sine, cosine) = sin_cos_turns(exp(splat(-2.0) - dot(&a, &a)));
    let ordered = less(sine, cosine) & less_equal(sine, cosine);
    let reversed = greater(sine, cosine) | greater_equal(sine, cosine);
    let choice = select(ordered & finite(sine), ln(dot(&a, &a)), dot_scalar(&coefficients, &b));
    traveller.add(select(equal(sine, cosine) | reversed, sine, choice));

    let one = splat(1.0);
    let mut matrix = core::hint::black_box([splat(2.0), one, one, splat(3.0)]);
    let cholesky = Cholesky::factor(2, &mut matrix)?;
    let (mut x, mut product) = ([one; 2], [f64x8::ZERO; 2]);
    cholesky.solve_lower(&mut x);
    cholesky.solve_upper(&mut x);
    cholesky.multiply_lower(&x, &mut product);
    traveller.add(cholesky.log_determinant() + dot(&x, &product));
    Ok(())
}
