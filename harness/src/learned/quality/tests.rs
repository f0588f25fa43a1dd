//! The report against integrals, closed forms and models with planted errors.

use amc_core::density::{LogDensity, MixtureLevel, Score};
use amc_core::error::{Error, Result};
use amc_core::scratch::Scratch;
use amc_core::simd::{f64x8, splat};

use super::{Quality, QualityRules, measure};
use crate::learned::network::Head;
use crate::learned::{DataMoments, DiffusionModel, Model, ModelLevel, NoiseRange, SignalNoise};
use crate::mixture::OwnedMixture;
use crate::target::{Covariance, MixtureParameters};

const RANGE: NoiseRange = NoiseRange { lowest: -6.0, highest: 7.0 };

fn rules(samples: usize, levels: usize) -> QualityRules {
    QualityRules { samples, levels, seed: 5 }
}

fn mixture(dim: usize, weights: &[f64], means: &[f64], variances: &[f64]) -> OwnedMixture {
    OwnedMixture::new(MixtureParameters {
        name: "test".into(),
        dim,
        weights: weights.to_vec(),
        means: means.to_vec(),
        covariance: Covariance::Isotropic(variances.to_vec()),
        origin: String::new(),
    })
    .unwrap()
}

fn untrained(mean: &[f64], variance: f64) -> Model<f64> {
    let moments = DataMoments { mean: mean.to_vec(), deviation: variance.sqrt() };
    Model::untrained(Head::Energy, (8, 1), RANGE, moments, 3)
}

/// The density of one mixture and the score of another, off by a constant vector.
struct Oracle {
    density: OwnedMixture,
    score: OwnedMixture,
    shift: Vec<f64>,
}

struct OracleLevel<'a> {
    oracle: &'a Oracle,
    place: SignalNoise,
}

impl DiffusionModel for Oracle {
    fn level(&self, place: SignalNoise) -> Box<dyn ModelLevel + '_> {
        Box::new(OracleLevel { oracle: self, place })
    }

    fn noise(&self) -> NoiseRange {
        RANGE
    }
}

impl ModelLevel for OracleLevel<'_> {
    fn dim(&self) -> usize {
        self.oracle.shift.len()
    }

    fn has_density(&self) -> bool {
        true
    }

    fn scratch_len(&self) -> usize {
        0
    }

    fn evaluate(
        &self,
        x: &[f64x8],
        log_densities: &mut [f64x8],
        scores: &mut [f64x8],
        _: Scratch<'_>,
    ) -> Result<()> {
        let d = self.dim();
        let Oracle { density, score, shift } = self.oracle;
        let SignalNoise { alpha, sigma } = self.place;
        let (mut first, mut second) = (density.level_storage(), score.level_storage());
        let density = MixtureLevel::prepare(&density.view(), alpha, sigma * sigma, &mut first)?;
        let score = MixtureLevel::prepare(&score.view(), alpha, sigma * sigma, &mut second)?;
        let mut memory = vec![f64x8::ZERO; density.scratch_len()];
        for (out, x) in log_densities.iter_mut().zip(x.chunks_exact(d)) {
            *out = density.log_density(x, Scratch::new(&mut memory))?;
        }
        for (out, x) in scores.chunks_exact_mut(d).zip(x.chunks_exact(d)) {
            score.log_density_and_score(x, out, Scratch::new(&mut memory))?;
            out.iter_mut().zip(shift).for_each(|(out, &shift)| *out += splat(shift));
        }
        Ok(())
    }

    fn hessian_scratch_len(&self) -> usize {
        0
    }

    fn linearization_len(&self) -> usize {
        0
    }

    fn linearize(&self, _: &[f64x8], _: &mut [f64x8], _: Scratch<'_>) -> Result<()> {
        Err(Error::Unsupported { what: "not asked for by a report" })
    }

    fn products(&self, _: &[f64x8], _: &[f64x8], _: &mut [f64x8], _: Scratch<'_>) -> Result<()> {
        Err(Error::Unsupported { what: "not asked for by a report" })
    }
}

/// Fails if the moment-matched Gaussian is not perfect for a Gaussian (mean not 0, variance not 1): samples of another
/// law than the level's, score or density at another level, a neighbour in other units.
#[test]
fn an_untrained_model_is_perfect_for_a_gaussian() {
    let mean = [1.0, -2.0, 0.5];
    let target = mixture(3, &[1.0], &mean, &[0.7]);
    let quality = measure(&untrained(&mean, 0.7), &target, rules(300, 5)).unwrap();
    for level in &quality.levels {
        let density = level.density.as_ref().unwrap();
        assert!(level.relative_divergence.value < 1e-25, "{level:?}");
        assert!((density.ess - 1.0).abs() < 1e-12 && density.modes.is_none(), "{level:?}");
        assert!(density.log_ratio_mean.value.abs() < 1e-11, "{level:?}");
    }
    for pair in &quality.classified {
        assert!(pair.excess.value.abs() < 1e-9 && (0.01..0.7).contains(&pair.exact), "{pair:?}");
    }
    let summary = &quality.summary;
    assert!(summary.predicted_ess > 1.0 - 1e-12 && summary.mode_error.is_none(), "{summary:?}");
    assert_eq!(summary.shares_within, Some([1.0; 3]));
}

/// Simpson's rule for an integral over the line, and everything in it.
fn integral(f: impl Fn(f64) -> f64) -> f64 {
    let (steps, span) = (8000, 12.0);
    let h = 2.0 * span / f64::from(steps);
    let weight = |i: i32| match i {
        i if i == 0 || i == steps => 1.0,
        i if i % 2 == 1 => 4.0,
        _ => 2.0,
    };
    (0..=steps).map(|i| weight(i) * f(-span + h * f64::from(i))).sum::<f64>() * h / 3.0
}

fn normal(x: f64, mean: f64, variance: f64) -> f64 {
    let square = (x - mean) * (x - mean) / variance;
    (-0.5 * square).exp() / (std::f64::consts::TAU * variance).sqrt()
}

/// Two modes on the line with what an untrained model says of them, written down anew.
struct Line {
    alpha: f64,
    variance: f64,
}

const WEIGHTS: [f64; 2] = [0.7, 0.3];
const MEANS: [f64; 2] = [-0.3, 0.7];
/// The second is wide enough for the model's ratio to stay small everywhere, so that few samples give its ESS.
const VARIANCES: [f64; 2] = [0.25, 1.2];
/// `0.7 * 0.25 + 0.3 * 1.2 + 0.7 * 0.3^2 + 0.3 * 0.7^2`: of the mixture, whose mean is 0.
const VARIANCE: f64 = 0.745;

impl Line {
    fn mode(&self, k: usize, x: f64) -> f64 {
        let variance = self.alpha * self.alpha * VARIANCES[k] + self.variance;
        normal(x, self.alpha * MEANS[k], variance)
    }

    fn exact(&self, x: f64) -> f64 {
        WEIGHTS[0] * self.mode(0, x) + WEIGHTS[1] * self.mode(1, x)
    }

    fn exact_score(&self, x: f64) -> f64 {
        let pull = |k: usize| {
            let variance = self.alpha * self.alpha * VARIANCES[k] + self.variance;
            WEIGHTS[k] * self.mode(k, x) * (self.alpha * MEANS[k] - x) / variance
        };
        (pull(0) + pull(1)) / self.exact(x)
    }

    fn of_model(&self) -> f64 {
        self.alpha * self.alpha * VARIANCE + self.variance
    }

    fn model(&self, x: f64) -> f64 {
        normal(x, 0.0, self.of_model())
    }

    fn difference(&self, x: f64) -> f64 {
        (-x / self.of_model() - self.exact_score(x)).powi(2)
    }
}

fn line() -> (Model<f64>, OwnedMixture) {
    (untrained(&[0.0], VARIANCE), mixture(1, &WEIGHTS, &MEANS, &VARIANCES))
}

/// Fails if a divergence, the ESS, a weight of a mode or the mode error is another number than its integral (five
/// standard errors, 3 % for the ESS): a missing square, samples given to the wrong mode, a sign, logarithms of means
/// for means of logarithms.
#[test]
fn numbers_are_their_integrals() {
    let (model, target) = line();
    let quality = measure(&model, &target, rules(40_000, 4)).unwrap();
    for level in &quality.levels[2..] {
        let place = SignalNoise::variance_preserving(level.log_snr);
        let line = Line { alpha: place.alpha, variance: place.sigma * place.sigma };
        let near = |measured: super::Measured, truth: f64| {
            assert!(
                (measured.value - truth).abs() < 5.0 * measured.std_error,
                "{truth} {measured:?}"
            );
            assert!(measured.std_error < 0.2 * truth.abs(), "{truth} {measured:?}");
        };
        let difference = integral(|x| line.exact(x) * line.difference(x));
        let square = integral(|x| line.exact(x) * line.exact_score(x).powi(2));
        near(level.divergence_per_dimension, difference);
        near(level.relative_divergence, difference / square);
        let density = level.density.as_ref().unwrap();
        let ess = 1.0 / integral(|x| line.model(x).powi(2) / line.exact(x));
        assert!((density.ess / ess - 1.0).abs() < 0.03, "{} {ess}", density.ess);
        let modes = density.modes.as_ref().unwrap();
        let ratio = |k: usize| integral(|x| line.mode(k, x) * line.model(x) / line.exact(x));
        let log_ratio =
            |k: usize| integral(|x| line.mode(k, x) * (line.model(x) / line.exact(x)).ln());
        near(modes.error, (ratio(1) / ratio(0)).ln());
        near(modes.robust_error, log_ratio(1) - log_ratio(0));
        let learned = WEIGHTS[1] * ratio(1) / (WEIGHTS[0] * ratio(0) + WEIGHTS[1] * ratio(1));
        let weights: Vec<f64> = modes.weights.iter().map(|w| w.unwrap()).collect();
        assert!((weights[1] - learned).abs() < 0.01, "{weights:?} {learned}");
        assert!((weights[0] + weights[1] - 1.0).abs() < 1e-12);
    }
}

/// Fails if the loss of two neighbours is not its integral in units of the signal, at the constant that is best for it
/// (the best of a grid of steps 0.02, which misses at most 1.3e-5).
#[test]
fn classification_is_its_integral() {
    let (model, target) = line();
    let quality = measure(&model, &target, rules(40_000, 6)).unwrap();
    for pair in &quality.classified[2..] {
        let [noisier, cleaner] = pair.log_snrs.map(|log_snr| {
            let place = SignalNoise::variance_preserving(log_snr);
            // Units of the signal.
            Line { alpha: 1.0, variance: (place.sigma / place.alpha).powi(2) }
        });
        let softplus = |x: f64| (1.0 + x.exp()).ln();
        let loss = |of: &dyn Fn(&Line, f64) -> f64, f: f64| {
            let log_ratio = |x: f64| (of(&noisier, x) / of(&cleaner, x)).ln();
            0.5 * integral(|x| {
                noisier.exact(x) * softplus(f - log_ratio(x))
                    + cleaner.exact(x) * softplus(log_ratio(x) - f)
            })
        };
        let exact = loss(&|line, x| line.exact(x), 0.0);
        assert!((pair.exact - exact).abs() < 0.01, "{exact} {pair:?}");
        let grid = (-50..=50).map(|i| loss(&|line, x| line.model(x), 0.02 * f64::from(i)));
        let best = grid.fold(f64::INFINITY, f64::min);
        assert!(
            (pair.excess.value - (best - exact)).abs() < 5.0 * pair.excess.std_error + 2e-5,
            "{best} {exact} {pair:?}"
        );
        assert!(pair.model == pair.exact + pair.excess.value);
    }
}

/// A model of three modes far apart with weights of its own, whose score is off by a constant vector.
fn planted(weights: &[f64], learned: &[f64]) -> (Oracle, OwnedMixture) {
    let means = &[-24.0, 0.0, 20.0, 12.0, 0.0, -36.0][..2 * weights.len()];
    let target = mixture(2, weights, means, &[0.5]);
    let density = mixture(2, learned, means, &[0.5]);
    (Oracle { density, score: target.clone(), shift: vec![0.3, -0.4] }, target)
}

/// Fails if a planted error is not found: weights of two modes off by a factor `e^1.5` (the sign too), a score off by
/// (0.3, -0.4) at every level, `V = 0.25 integral of sigma^2`, `sigma^2 = 1/(1 + e^lambda)`.
#[test]
fn planted_errors_are_found() {
    let second = 1.5_f64.exp() * 0.4 / 0.6;
    let (oracle, target) = planted(&[0.6, 0.4], &[1.0, second]);
    let Quality { levels, summary, .. } = measure(&oracle, &target, rules(500, 401)).unwrap();
    let modes = levels[400].density.as_ref().unwrap().modes.as_ref().unwrap();
    assert!((modes.error.value - 1.5).abs() < 1e-9 && modes.error.std_error < 1e-6, "{modes:?}");
    assert!((modes.robust_error.value - 1.5).abs() < 1e-9);
    assert!((modes.weights[1].unwrap() - second / (1.0 + second)).abs() < 1e-9);
    assert_eq!(summary.mode_error, Some(modes.error));
    for level in &levels {
        assert!((level.divergence_per_dimension.value - 0.125).abs() < 1e-9, "{level:?}");
    }
    let truth = 0.25 * ((1.0 + 6.0_f64.exp()).ln() - (1.0 + (-7.0_f64).exp()).ln());
    assert!((summary.weight_variance.value / truth - 1.0).abs() < 1e-3, "{summary:?} {truth}");
    assert!((summary.predicted_ess - (-summary.weight_variance.value).exp()).abs() < 1e-15);
    // E|S|^2 is at most that of one mode, 2/(0.5 alpha^2 + sigma^2); modes not quite on top of each other lower it.
    let noisiest = levels[0].relative_divergence;
    assert!(noisiest.value > 0.125 && noisiest.value < 0.2, "{noisiest:?}");
}

/// Fails if a mode that is 400 nats off gives a number that is none, or another: the ESS is then the share of that mode
/// and the mode error 400; or if the ESS of a perfect density, with only its score off, is not 1.
#[test]
fn huge_errors_stay_numbers() {
    let (mut oracle, target) = planted(&[0.6, 0.4], &[1.0, 400.0_f64.exp()]);
    let quality = measure(&oracle, &target, rules(2000, 3)).unwrap();
    let density = quality.levels[2].density.as_ref().unwrap();
    let modes = density.modes.as_ref().unwrap();
    assert!((modes.error.value - 400.0 - (0.6_f64 / 0.4).ln()).abs() < 1e-9, "{modes:?}");
    assert!((density.ess - 0.4).abs() < 0.05 && modes.weights[1].unwrap() == 1.0, "{density:?}");
    let text = serde_json::to_string(&quality).unwrap();
    assert!(!text.contains("null"), "{text}");
    oracle.density = target.clone();
    let quality = measure(&oracle, &target, rules(200, 3)).unwrap();
    assert!(quality.levels.iter().all(|level| level.density.as_ref().unwrap().ess > 1.0 - 1e-12));
}

/// Fails if the error of three modes is not the root mean square about the mean (factors 1, e, e^4: -5/3, -2/3, 7/3),
/// a mode without samples spoils it, or one of weight zero is drawn.
#[test]
fn more_modes_and_unseen_ones() {
    let true_weights = [0.5, 0.3, 0.2];
    let factors = [1.0, 1.0_f64.exp(), 4.0_f64.exp()];
    let learned: Vec<f64> = true_weights.iter().zip(factors).map(|(w, f)| w * f).collect();
    let (oracle, target) = planted(&true_weights, &learned);
    let quality = measure(&oracle, &target, rules(400, 2)).unwrap();
    let modes = quality.levels[1].density.as_ref().unwrap().modes.as_ref().unwrap();
    let truth = (78.0_f64 / 27.0).sqrt();
    assert!((modes.error.value - truth).abs() < 1e-9, "{modes:?}");
    assert!((modes.log_ratios[2].unwrap() - 7.0 / 3.0).abs() < 1e-9);

    let (oracle, target) = planted(&[0.5, 0.5, 0.0], &[1.0, 1.0_f64.exp(), 1e-300]);
    let quality = measure(&oracle, &target, rules(400, 2)).unwrap();
    let modes = quality.levels[1].density.as_ref().unwrap().modes.as_ref().unwrap();
    assert!(modes.weights[2].is_none() && modes.weights[1].is_some(), "{modes:?}");
    assert!((modes.error.value - 1.0).abs() < 1e-9, "{modes:?}");
}

/// Fails if any bit depends on the number of threads, or the seed is not used.
#[test]
fn threads_change_nothing() {
    let (model, target) = line();
    let on = |threads: usize, seed: u64| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let rules = QualityRules { seed, ..rules(1000, 4) };
        pool.install(|| measure(&model, &target, rules).unwrap())
    };
    assert_eq!(on(1, 5), on(3, 5));
    assert_ne!(on(1, 5), on(1, 6));
}

/// Fails if a model that is not finite, one of another dimension, or a measurement of nothing gets a report.
#[test]
fn what_cannot_be_measured_is_refused() {
    let (mut oracle, target) = planted(&[0.6, 0.4], &[0.6, 0.4]);
    assert!(measure(&oracle, &target, rules(1, 3)).is_err());
    assert!(measure(&oracle, &target, rules(100, 1)).is_err());
    let (line, _) = line();
    assert!(matches!(measure(&line, &target, rules(100, 3)), Err(Error::Length { .. })));
    oracle.shift[1] = f64::NAN;
    assert!(matches!(
        measure(&oracle, &target, rules(100, 3)),
        Err(Error::NotFinite { index: 0, .. })
    ));
}
