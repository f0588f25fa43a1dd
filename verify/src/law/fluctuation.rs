//! The fluctuation identity behind the bridge and evidence laws, in finite-sample form.
//!
//! For the log-work `W` of a pair, forward from exact noisier states and in reverse from exact
//! cleaner ones, every function `g` of the pair has
//!
//! `(Z_t / Z_s) E_fwd[e^W g] = E_rev[g]`     (Crooks 1999; `g = 1` is the unbiasedness of AIS \[Neal01\])
//!
//! `e^W` alone is unbounded, so `g` cuts it: `g = 1/(1 + exp((W - c)/h))`, times the indicator that
//! some feature of the pair is below a limit. Then `0 <= e^(W-c) g <= 1` for every `h <= 1`. A smooth
//! cut instead of `1{W <= c}` keeps rounding harmless where `W` is constant, as for exact bridges.
//! The mirrored form `E_fwd[g'] = (Z_s / Z_t) E_rev[e^-W g']` looks at the other tail.

use amc_core::simd::f64x8;

use super::particles::Particles;
use crate::VerifyError;
use crate::bound::bonferroni;
use crate::bound::bounded_mean::{Summary, difference_p_value};

/// One pair of states: its log-work and what else is looked at.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Passage {
    log_work: f64,
    features: [f64; FEATURES.len()],
}

/// Features of a pair that a cut may bound. The displacement sees a wrong scale of the move, which is small
/// beside the spread of either end; its length and the log-density see all coordinates at once.
const FEATURES: [&str; 5] = [
    "noisier end",
    "cleaner end",
    "displacement",
    "squared displacement",
    "log-density of the cleaner end",
];
/// Quantiles of each feature that serve as limits.
const FEATURE_QUANTILES: [f64; 3] = [0.1, 0.5, 0.9];

/// Passages in both directions.
#[derive(Debug, Clone)]
pub(crate) struct Passages {
    /// What the features are called.
    names: [&'static str; FEATURES.len()],
    pub(crate) forward: Vec<Passage>,
    pub(crate) reverse: Vec<Passage>,
    /// Consecutive passages that may depend on each other, and enter by their mean.
    pub(crate) together: usize,
}

impl Default for Passages {
    fn default() -> Self {
        Self::looking_at(FEATURES)
    }
}

impl Passages {
    /// No passages yet, with features of these names.
    pub(crate) fn looking_at(names: [&'static str; FEATURES.len()]) -> Self {
        Self { names, forward: Vec::new(), reverse: Vec::new(), together: 1 }
    }
}

/// Smallest width of the cut: far above rounding, far below any spread that matters.
const SMALLEST_WIDTH: f64 = 1e-6;
/// Largest width: below 1, so that the cut also tames infinite works.
const LARGEST_WIDTH: f64 = 0.5;

/// Where the work is cut, how sharply, and in which tail; with limits on features as well.
#[derive(Debug, Clone)]
struct Cut {
    place: f64,
    width: f64,
    mirrored: bool,
    /// Features and their largest values, each a test function of its own beside the bare cut.
    limits: Vec<(usize, f64)>,
}

/// What the identity's test found.
#[derive(Debug, Clone)]
pub(crate) struct Comparison {
    pub(crate) p_value: f64,
    pub(crate) detail: String,
}

/// Tests the identity on `passages`, with cuts placed by an independent pilot.
pub(crate) fn compare(
    pilot: &Passages,
    passages: &Passages,
    log_evidence: f64,
) -> Result<Comparison, VerifyError> {
    let all = || [pilot, passages].into_iter().flat_map(|p| p.forward.iter().chain(&p.reverse));
    // A work of -inf is a pair of density zero; NaN and +inf are faults.
    let bad = |p: &&Passage| {
        let work = p.log_work;
        work.is_nan() || work == f64::INFINITY || p.features.iter().any(|f| f.is_nan())
    };
    let faults = all().filter(bad).count();
    if faults > 0 {
        let detail = format!("{faults} works or states are not numbers");
        return Ok(Comparison { p_value: 0.0, detail });
    }
    let (mut p_values, mut worst) = (Vec::new(), (f64::INFINITY, String::new()));
    for cut in cuts(pilot) {
        for (p_value, detail) in cut.p_values(passages, log_evidence)? {
            if p_value < worst.0 {
                worst = (p_value, detail);
            }
            p_values.push(p_value);
        }
    }
    Ok(Comparison { p_value: bonferroni(&p_values), detail: worst.1 })
}

/// Cuts at quantiles of the pilot's works; limits at quantiles of its features.
fn cuts(pilot: &Passages) -> Vec<Cut> {
    let pooled = |value: &dyn Fn(&Passage) -> f64| {
        let mut values: Vec<f64> = pilot.forward.iter().chain(&pilot.reverse).map(value).collect();
        values.retain(|v| v.is_finite());
        values.sort_unstable_by(f64::total_cmp);
        values
    };
    let works = pooled(&|p: &Passage| p.log_work);
    let spread = quantile(&works, 0.75) - quantile(&works, 0.25);
    let width = (0.25 * spread).clamp(SMALLEST_WIDTH, LARGEST_WIDTH);
    let features = core::array::from_fn::<_, { FEATURES.len() }, _>(|feature| {
        pooled(&|p: &Passage| p.features[feature])
    });
    let limits: Vec<(usize, f64)> = features
        .iter()
        .enumerate()
        .flat_map(|(i, values)| FEATURE_QUANTILES.map(|q| (i, quantile(values, q))))
        .collect();
    let mut cuts = Vec::new();
    for mirrored in [false, true] {
        for (q, limits) in [(0.1, vec![]), (0.5, limits.clone()), (0.9, vec![])] {
            cuts.push(Cut { place: quantile(&works, q), width, mirrored, limits });
        }
    }
    cuts
}

/// The entry at fraction `q` of sorted values; 0 where there is none.
fn quantile(sorted: &[f64], q: f64) -> f64 {
    let index = (q * sorted.len() as f64) as usize;
    sorted.get(index.min(sorted.len().saturating_sub(1))).copied().unwrap_or(0.0)
}

impl Passage {
    /// A passage of a log-work and features of any kind.
    pub(crate) fn new(log_work: f64, features: [f64; FEATURES.len()]) -> Self {
        Self { log_work, features }
    }

    /// Its features.
    #[cfg(test)]
    pub(crate) fn features(&self) -> &[f64] {
        &self.features
    }

    /// Splits a block into passages; `directions` are those of the two ends.
    pub(crate) fn of_block(
        log_works: [f64; 8],
        noisy: &Particles,
        clean: &Particles,
        [to_noisy, to_clean]: &[Vec<f64>; 2],
    ) -> [Self; 8] {
        let (ends, starts) = (clean.project(to_clean), noisy.project(to_noisy));
        let from = noisy.project(to_clean);
        let log_densities = clean.log_density.to_array();
        let pairs = clean.x.iter().zip(&noisy.x);
        let squares = pairs.fold(f64x8::ZERO, |sum, (&y, &x)| sum + (y - x) * (y - x)).to_array();
        core::array::from_fn(|i| Self {
            log_work: log_works[i],
            features: [starts[i], ends[i], ends[i] - from[i], squares[i], log_densities[i]],
        })
    }
}

impl Cut {
    /// P-values of `e^c E[e^(W-c) g] = E'[g] Z`, and the two sides: bare, then limit by limit.
    fn p_values(
        &self,
        passages: &Passages,
        log_evidence: f64,
    ) -> Result<Vec<(f64, String)>, VerifyError> {
        // Mirroring exchanges the directions and the signs of work and evidence.
        let (tilted, plain, sign) = if self.mirrored {
            (&passages.reverse, &passages.forward, -1.0)
        } else {
            (&passages.forward, &passages.reverse, 1.0)
        };
        let offset = |p: &Passage| sign * (p.log_work - self.place) / self.width;
        let weights: Vec<f64> = tilted.iter().map(|p| tilted_cut(offset(p), self.width)).collect();
        let values: Vec<f64> = plain.iter().map(|p| 1.0 / (1.0 + libm::exp(offset(p)))).collect();
        let tilt = libm::exp(sign * (self.place - log_evidence));
        let compare = |limit: Option<(usize, f64)>| {
            let means = |list: &[Passage], values: &[f64]| -> Vec<f64> {
                let values = limited(list, values, limit);
                let groups = values.chunks(passages.together.max(1));
                groups.map(|group| group.iter().sum::<f64>() / group.len() as f64).collect()
            };
            let left = Summary::new(&means(tilted, &weights), 0.0, 1.0)?.scaled(tilt);
            let right = Summary::new(&means(plain, &values), 0.0, 1.0)?;
            let detail = format!(
                "worst cut at W = {:.4}{}{}: {:.6} against {:.6}",
                self.place,
                limit.map_or(String::new(), |(i, q)| format!(", {} <= {q:.3}", passages.names[i])),
                if self.mirrored { ", mirrored" } else { "" },
                left.mean(),
                right.mean()
            );
            Ok((difference_p_value(&left, &right), detail))
        };
        core::iter::once(None).chain(self.limits.iter().copied().map(Some)).map(compare).collect()
    }
}

/// The values of the passages within the limit, 0 for the others.
fn limited(passages: &[Passage], values: &[f64], limit: Option<(usize, f64)>) -> Vec<f64> {
    let Some((feature, largest)) = limit else { return values.to_vec() };
    let pairs = passages.iter().zip(values);
    pairs.map(|(p, &value)| if p.features[feature] <= largest { value } else { 0.0 }).collect()
}

/// `e^(W-c) / (1 + exp((W-c)/h))` for `u = (W-c)/h`; 0 at both infinities, since `h < 1`.
fn tilted_cut(u: f64, width: f64) -> f64 {
    if u.is_infinite() {
        return 0.0;
    }
    let softplus = u.max(0.0) + libm::log1p(libm::exp(-libm::fabs(u)));
    libm::exp(u * width - softplus).min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use amc_core::rng::{Key, Purpose};

    /// Works with `W ~ N(-s^2/2, s^2)` forward obey the identity with `W ~ N(+s^2/2, s^2)` in reverse.
    fn gaussian(shift: f64, seed: u64, blocks: usize) -> Passages {
        let mut stream = Key::new(seed, Purpose::User).stream();
        let mut draw = |mean: f64| -> Vec<Passage> {
            let mut z = vec![f64x8::ZERO; blocks];
            stream.fill_normals(&mut z);
            let works = z.iter().flat_map(|z| z.to_array()).map(|z| mean + 0.8 * z);
            works
                .map(|log_work| Passage { log_work, features: [log_work, 0.0, 0.0, 0.0, 0.0] })
                .collect()
        };
        Passages {
            forward: draw(-0.32 + shift),
            reverse: draw(0.32 + shift),
            ..Passages::default()
        }
    }

    /// Fails if the cut exceeds its bound, or is wrong where nothing overflows.
    #[test]
    fn cut_is_bounded() {
        for width in [1e-6, 0.1, 0.5] {
            for i in -100..=100 {
                let u = 10.0 * f64::from(i);
                let value = tilted_cut(u, width);
                assert!((0.0..=1.0).contains(&value));
            }
            let expected = libm::exp(2.0 * width) / (1.0 + libm::exp(2.0));
            assert!((tilted_cut(2.0, width) - expected).abs() < 1e-15);
            assert_eq!(tilted_cut(f64::NEG_INFINITY, width), 0.0);
            assert_eq!(tilted_cut(f64::INFINITY, width), 0.0);
        }
    }

    /// Fails if the identity's sides, signs or the evidence are exchanged: right works pass, works
    /// shifted by 0.1 fail, and the matching evidence repairs them.
    #[test]
    fn identity_on_gaussian_works() {
        let (pilot, main) = (gaussian(0.0, 1, 200), gaussian(0.0, 2, 4000));
        assert!(compare(&pilot, &main, 0.0).unwrap().p_value > 1e-6);
        let (pilot, main) = (gaussian(0.1, 3, 200), gaussian(0.1, 4, 4000));
        assert!(compare(&pilot, &main, 0.0).unwrap().p_value < 1e-8);
        assert!(compare(&pilot, &main, 0.1).unwrap().p_value > 1e-6);
        assert!(compare(&pilot, &main, -0.1).unwrap().p_value < 1e-8);
    }

    /// Fails if a NaN or infinite work passes, or rounding of a constant work does not.
    #[test]
    fn faults_and_constant_work() {
        let mut exact = gaussian(0.0, 5, 100);
        let all = exact.forward.iter_mut().chain(&mut exact.reverse);
        for (i, p) in all.enumerate() {
            p.log_work = 1e-14 * (i % 7) as f64;
            p.features = [0.0; 5];
        }
        assert_eq!(compare(&exact, &exact, 0.0).unwrap().p_value, 1.0);
        let mut faulty = exact.clone();
        faulty.reverse[3].log_work = f64::NAN;
        assert_eq!(compare(&exact, &faulty, 0.0).unwrap().p_value, 0.0);
    }
}
