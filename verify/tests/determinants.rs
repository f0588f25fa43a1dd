//! Estimators of log-determinants against exact determinants: unbiased traces, unbiased exponentials
//! with the penalty, the variance of Hutch++, the cost of truncation.
//!
//! Means of traces, and the penalty for normal noise, are laws of the suite. Exponentials of the estimators' own noise
//! are unbounded: their bias of at most 0.2 % is seen here in standard errors, 4.4 of them.

mod common;

use amc_core::error::Result;
use amc_core::krylov::{LinearOperator, OperatorShape};
use amc_core::logdet::{
    HutchPlusPlus, LanczosQuadrature, LogDeterminant, Logarithm, Penalty, PenaltyRule, PowerSeries,
    ProbeLaw,
};
use amc_core::point::{Context, Evaluations};
use amc_core::rng::{Key, Purpose, Stream};
use amc_core::scratch::Scratch;
use amc_core::simd::f64x8;
use amc_verify::oracle::Tridiagonal;
use common::budget;

/// What a bias must stay below.
const RESOLUTION: f64 = 0.002;

/// Runs an estimator again and again; `f` gets value and variance of the mean, lane by lane.
/// Returns the products of one run.
fn repeat(
    estimator: &dyn LogDeterminant,
    operator: &dyn LinearOperator,
    shape: OperatorShape,
    repetitions: usize,
    mut f: impl FnMut(f64x8, f64x8, f64x8),
) -> u64 {
    let mut memory = vec![f64x8::ZERO; estimator.scratch_len(shape)];
    let mut stream: Stream =
        Key::new(budget().seed, Purpose::User).level(shape.dim as u64).stream();
    let mut evaluations = Evaluations::default();
    for _ in 0..repetitions {
        let scratch = Scratch::new(&mut memory);
        let context = Context { stream: &mut stream, scratch, evaluations: &mut evaluations };
        let estimate = estimator.estimate(operator, context).unwrap();
        assert_eq!(estimate.probes, estimator.probes(shape.dim));
        f(estimate.value, estimate.variance, estimate.bound);
    }
    evaluations.hessian_product / repetitions as u64
}

/// Mean and its standard error, over all lanes and for each.
#[derive(Default, Clone)]
struct Moments {
    n: f64,
    sum: [f64; 8],
    squares: [f64; 8],
}

impl Moments {
    fn push(&mut self, values: [f64; 8]) {
        self.n += 1.0;
        for lane in 0..8 {
            self.sum[lane] += values[lane];
            self.squares[lane] += values[lane] * values[lane];
        }
    }

    fn lane(&self, lane: usize) -> (f64, f64) {
        let mean = self.sum[lane] / self.n;
        let variance = self.squares[lane] / self.n - mean * mean;
        (mean, (variance / (self.n - 1.0)).sqrt())
    }

    fn all(&self) -> (f64, f64) {
        let lanes: [(f64, f64); 8] = core::array::from_fn(|lane| self.lane(lane));
        let mean = lanes.iter().map(|lane| lane.0).sum::<f64>() / 8.0;
        let square = lanes.iter().map(|lane| lane.1 * lane.1).sum::<f64>();
        (mean, square.sqrt() / 8.0)
    }
}

fn report(text: &str) {
    if std::env::var_os("AMC_VERIFY_PRINT").is_some() {
        println!("{text}");
    }
}

/// Fails if the exponential of estimate minus penalty is biased by 0.2 %, if the bias without a
/// penalty (over 1 %) is not seen, or if the variance of a sample would do in place of that of the mean.
#[test]
fn exponentials_are_unbiased_with_the_penalty() {
    const D: usize = 64;
    const REPETITIONS: usize = 22_000;
    let operator = Tridiagonal::new(D, 0.047, 0.05, true);
    let truth = operator.log_determinant();
    let series = Logarithm::Series { terms: 10 };
    let signs = ProbeLaw::Rademacher;
    let estimators: [(&str, Box<dyn LogDeterminant>); 4] = [
        ("power series", Box::new(PowerSeries::new(10, 16, signs).unwrap())),
        // Gaussian probes also see the diagonal.
        ("Gaussian", Box::new(PowerSeries::new(10, 32, ProbeLaw::Gaussian).unwrap())),
        ("Lanczos quadrature", Box::new(LanczosQuadrature::new(3, 16, signs).unwrap())),
        ("Hutch++", Box::new(HutchPlusPlus::new(series, 36, signs).unwrap())),
    ];
    for (name, estimator) in estimators {
        let n = estimator.probes(D);
        let rule = PenaltyRule::new(Penalty::ClosedForm, n).unwrap();
        let terms = PenaltyRule::new(Penalty::Series, n).unwrap();
        let [mut with, mut three, mut without, mut raw] = [(); 4].map(|()| Moments::default());
        let mut variances = 0.0;
        repeat(&*estimator, &operator, operator.shape(), REPETITIONS, |value, variance, _| {
            let value = value.to_array();
            let ratio = |penalty: f64x8| -> [f64; 8] {
                let penalty = penalty.to_array();
                core::array::from_fn(|lane| {
                    libm::exp(value[lane] - truth[lane] - penalty[lane]) - 1.0
                })
            };
            let (penalty, past) = rule.log_factor(variance);
            assert_eq!(past.to_bitmask(), 0);
            with.push(ratio(penalty));
            three.push(ratio(terms.log_factor(variance).0));
            without.push(ratio(f64x8::ZERO));
            raw.push(ratio(rule.log_factor(variance * f64x8::splat(n as f64)).0));
            variances += variance.to_array().iter().sum::<f64>() / 8.0;
        });
        // |kappa_3| <= 8 |F|_2 |F|_F^2, 2 |F|_F^2 = n variance, |F|_2 <= -log(1 - 0.23) by rows.
        let variance = variances / REPETITIONS as f64;
        let third = 8.0 * 0.27 * 0.5 * variance / (3.0 * n as f64);
        let (mean, error) = with.all();
        let (bias, bias_error) = without.all();
        report(&format!(
            "{name}: n={n} variance {variance:.4} with {mean:.5} +- {error:.5}, three terms {:.5}, \
             without {bias:.5}, sample variance {:.5}; third cumulant < {third:.5}",
            three.all().0,
            raw.all().0,
        ));
        assert!(third < RESOLUTION);
        assert!(error < RESOLUTION / 4.4 && mean.abs() < RESOLUTION, "{name}: {mean} +- {error}");
        assert!(three.all().0.abs() < RESOLUTION);
        assert!(bias > 0.01 && bias > 5.0 * bias_error, "{name}: {bias}");
        assert!(raw.all().0 < -0.1, "{name}");
    }
}

/// A dense symmetric matrix, the same in all lanes: eigenvalues in a basis of random reflections.
struct Spectral {
    d: usize,
    entries: Vec<f64>,
}

impl Spectral {
    fn new(eigenvalues: &[f64]) -> Self {
        let d = eigenvalues.len();
        let mut entries = vec![0.0; d * d];
        for (i, &l) in eigenvalues.iter().enumerate() {
            entries[i * d + i] = l;
        }
        let mut stream = Key::new(1, Purpose::User).stream();
        let mut u = vec![0.0; d];
        for _ in 0..4 {
            stream.fill_scalar_normals(&mut u);
            let square: f64 = u.iter().map(|u| u * u).sum();
            // H A H with H = I - 2 u u^T / |u|^2, rows and then columns.
            for row in entries.chunks_mut(d) {
                let overlap: f64 = row.iter().zip(&u).map(|(a, u)| a * u).sum();
                row.iter_mut().zip(&u).for_each(|(a, u)| *a -= 2.0 * overlap / square * u);
            }
            for j in 0..d {
                let overlap: f64 = (0..d).map(|i| entries[i * d + j] * u[i]).sum();
                (0..d).for_each(|i| entries[i * d + j] -= 2.0 * overlap / square * u[i]);
            }
        }
        Self { d, entries }
    }

    fn shape(&self) -> OperatorShape {
        OperatorShape { dim: self.d, product: 0, rank: 0 }
    }
}

impl LinearOperator for Spectral {
    fn dim(&self) -> usize {
        self.d
    }

    fn scratch_len(&self) -> usize {
        0
    }

    fn apply(&self, v: &[f64x8], out: &mut [f64x8], context: Context<'_>) -> Result<()> {
        context.evaluations.hessian_product += 1;
        for (out, row) in out.iter_mut().zip(self.entries.chunks(self.d)) {
            *out = amc_core::simd::dot_scalar(row, v);
        }
        Ok(())
    }

    fn apply_transposed(&self, v: &[f64x8], out: &mut [f64x8], context: Context<'_>) -> Result<()> {
        self.apply(v, out, context)
    }

    fn is_symmetric(&self) -> bool {
        true
    }
}

/// Variance of Hutch++ with Gaussian probes in the basis of the eigenvectors, `2 |P (F - e I) P|_F^2 / g`
/// with `e` the mean level of what is left, averaged over sketches drawn here: nothing of the core but its normals.
fn predicted_variance(f: &[f64], k: usize, g: usize) -> f64 {
    let d = f.len();
    let mut stream = Key::new(2, Purpose::User).stream();
    let mut total = 0.0;
    const SKETCHES: usize = 200;
    for _ in 0..SKETCHES {
        let mut q = vec![0.0; k * d];
        stream.fill_scalar_normals(&mut q);
        for row in q.chunks_mut(d) {
            row.iter_mut().zip(f).for_each(|(q, f)| *q *= f);
        }
        for i in 0..k {
            for j in (0..i).chain(0..i) {
                let overlap: f64 = (0..d).map(|c| q[i * d + c] * q[j * d + c]).sum();
                (0..d).for_each(|c| q[i * d + c] -= overlap * q[j * d + c]);
            }
            let norm = (0..d).map(|c| q[i * d + c] * q[i * d + c]).sum::<f64>().sqrt();
            (0..d).for_each(|c| q[i * d + c] /= norm);
        }
        // |P F P|^2 = tr F^2 - 2 tr(Q F^2 Q^T) + |Q F Q^T|^2.
        let mut square: f64 = f.iter().map(|f| f * f).sum();
        for i in 0..k {
            square -= 2.0 * (0..d).map(|c| q[i * d + c] * q[i * d + c] * f[c] * f[c]).sum::<f64>();
            for j in 0..k {
                let entry: f64 = (0..d).map(|c| q[i * d + c] * f[c] * q[j * d + c]).sum();
                square += entry * entry;
            }
        }
        let trace: f64 =
            f.iter().sum::<f64>() - (0..k * d).map(|i| q[i] * q[i] * f[i % d]).sum::<f64>();
        square -= trace * trace / (d - k) as f64;
        total += 2.0 * square / g as f64;
    }
    total / SKETCHES as f64
}

/// Fails if the sketch of Hutch++ misses the outliers, wastes samples, or misstates its variance: at
/// equal products on a spiked spectrum its variance lies below Hutchinson's by the factor that theory
/// predicts.
#[test]
fn hutchpp_beats_hutchinson_as_predicted() {
    const D: usize = 48;
    let law = ProbeLaw::Gaussian;
    // Four outliers over a bulk within 0.05.
    let spiked: Vec<f64> = (0..D)
        .map(|i| match i {
            3 => 0.7,
            11 => -0.6,
            20 => 0.6,
            37 => -0.45,
            _ => 0.05 * libm::sin(1.7 * i as f64),
        })
        .collect();
    let operator = Spectral::new(&spiked);
    let f: Vec<f64> = spiked.iter().map(|l| libm::log1p(*l)).collect();
    let truth: f64 = f.iter().sum();
    let mean = truth / D as f64;
    let centered: Vec<f64> = f.iter().map(|f| f - mean).collect();
    let square = |f: &[f64]| f.iter().map(|f| f * f).sum::<f64>();
    // 30 vectors: k = 10, g = 10. The series costs 10 applications of 30 products and 21 forms of 15,
    // Lanczos 32 times its steps (one for the center, one for the level outside).
    let series = HutchPlusPlus::new(Logarithm::Series { terms: 30 }, 30, law).unwrap();
    let lanczos = HutchPlusPlus::new(Logarithm::Lanczos { steps: 8 }, 30, law).unwrap();
    let power = PowerSeries::new(30, 41, law).unwrap();
    let quadrature = LanczosQuadrature::new(8, 32, law).unwrap();
    let pairs: [(&str, &dyn LogDeterminant, &dyn LogDeterminant, f64, f64); 2] = [
        ("series", &series, &power, 2.0 * square(&f) / 41.0, predicted_variance(&f, 10, 10)),
        (
            "Lanczos",
            &lanczos,
            &quadrature,
            2.0 * square(&f) / 32.0,
            predicted_variance(&centered, 10, 10),
        ),
    ];
    for (name, hutchpp, hutchinson, prediction, prediction_pp) in pairs {
        let measure = |estimator: &dyn LogDeterminant| {
            let (mut squares, mut stated, repetitions) = (0.0, 0.0, 150);
            let products =
                repeat(estimator, &operator, operator.shape(), repetitions, |v, s, _| {
                    squares += v.to_array().iter().map(|v| (v - truth).powi(2)).sum::<f64>();
                    stated += s.to_array().iter().sum::<f64>();
                });
            let n = 8.0 * repetitions as f64;
            (squares / n, stated / n, products)
        };
        let (variance, stated, products) = measure(hutchinson);
        let (variance_pp, stated_pp, products_pp) = measure(hutchpp);
        report(&format!(
            "{name}: Hutchinson {variance:.2e} (stated {stated:.2e}, theory {prediction:.2e}), Hutch++ \
             {variance_pp:.2e} ({stated_pp:.2e}, {prediction_pp:.2e}), gain {:.1} of {:.1}",
            variance / variance_pp,
            prediction / prediction_pp
        ));
        assert_eq!(products, products_pp);
        for (value, theory) in [
            (variance, prediction),
            (stated, prediction),
            (variance_pp, prediction_pp),
            (stated_pp, prediction_pp),
        ] {
            assert!((0.7..1.4).contains(&(value / theory)), "{name}: {value} {theory}");
        }
        assert!(prediction / prediction_pp > 10.0);
    }
}

/// Fails if Lanczos quadrature needs more than a third of the powers of the series for the same
/// truncation error at spectral radius 0.8, on the same probes, where that error is 0.01 or less of a
/// logarithm of about -9 (at errors of 0.03 to 0.1 it is 10 to 14 powers against 4 to 5 steps, 1 in 2.5
/// to 2.8). The series of this crate takes half a product per power of a symmetric matrix; against that
/// Lanczos needs at most two thirds of the products, tending to a third for small errors.
#[test]
fn lanczos_needs_a_third_of_the_powers() {
    const D: usize = 64;
    let eigenvalues: Vec<f64> = (0..D).map(|i| -0.8 + 1.6 * i as f64 / (D - 1) as f64).collect();
    let operator = Spectral::new(&eigenvalues);
    let law = ProbeLaw::Rademacher;
    // One run on the same stream each: the noise is common and cancels.
    let value = |estimator: &dyn LogDeterminant| {
        let mut out = [0.0; 8];
        let mut bound = f64::INFINITY;
        let products = repeat(estimator, &operator, operator.shape(), 1, |v, _, b| {
            out = v.to_array();
            bound = b.to_array()[0];
        });
        (out, products, bound)
    };
    let (limit, _, _) = value(&LanczosQuadrature::new(32, 24, law).unwrap());
    let error =
        |out: [f64; 8]| out.iter().zip(&limit).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
    for tolerance in [0.01, 3e-3, 1e-3, 1e-4] {
        let terms = (1..=64)
            .find(|&n| error(value(&PowerSeries::new(n, 24, law).unwrap()).0) < tolerance)
            .unwrap();
        let steps = (1..=32)
            .find(|&n| error(value(&LanczosQuadrature::new(n, 24, law).unwrap()).0) < tolerance)
            .unwrap();
        let (_, series_products, bound) = value(&PowerSeries::new(terms, 24, law).unwrap());
        let (_, lanczos_products, lanczos_bound) =
            value(&LanczosQuadrature::new(steps, 24, law).unwrap());
        report(&format!(
            "error {tolerance}: {terms} powers ({series_products} products, bound {bound:.1e}), {steps} \
             steps ({lanczos_products} products, bound {lanczos_bound:.1e})"
        ));
        assert_eq!(lanczos_products, 24 * steps as u64);
        assert!(3 * steps <= terms, "{tolerance}: {steps} {terms}");
        assert!(3 * lanczos_products <= 2 * series_products, "{tolerance}");
    }
}

#[derive(serde::Deserialize)]
struct PenaltyValues {
    probes: usize,
    variance_of_mean: f64,
    factor: f64,
    u_b: f64,
    u_b_three_terms: f64,
}

/// Fails if the penalty or its series loses digits, or takes `n` for `n - 1`, against the 60-digit values.
#[test]
fn penalties_of_the_reference() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../reference/mixture_reference.json");
    let text = std::fs::read_to_string(path).unwrap();
    let file: serde_json::Value = serde_json::from_str(&text).unwrap();
    let values: Vec<PenaltyValues> = serde_json::from_value(file["penalty"].clone()).unwrap();
    assert_eq!(values.len(), 20);
    for values in values {
        let of = |penalty| {
            let rule = PenaltyRule::new(penalty, values.probes).unwrap();
            let (u_b, past) = rule.log_factor(f64x8::splat(values.variance_of_mean));
            assert_eq!(past.to_bitmask(), 0);
            u_b.to_array()[3]
        };
        let (closed, series) = (of(Penalty::ClosedForm), of(Penalty::Series));
        assert!((closed / values.u_b - 1.0).abs() < 1e-13, "{closed} {}", values.u_b);
        assert!((libm::exp(-closed) / values.factor - 1.0).abs() < 1e-13);
        assert!((series / values.u_b_three_terms - 1.0).abs() < 1e-13);
    }
}
