//! Laws of the fit: ascent, closed forms, standard errors, degenerate samples.

use std::ops::RangeInclusive;

use amc_core::rng::{Key, Purpose, Stream};

use super::*;
use crate::target::Covariance;

fn normal(stream: &mut Stream) -> f64 {
    let radius = libm::sqrt(-2.0 * libm::log(stream.uniform()));
    radius * libm::cos(std::f64::consts::TAU * stream.uniform())
}

/// Three groups in the plane, of weights .5, .3, .2, all different and two of them correlated.
fn three_groups(count: usize, seed: u64) -> Vec<f64> {
    let mut stream = Key::new(seed, Purpose::User).stream();
    let mut rows = Vec::new();
    for _ in 0..count {
        let (u, a, b) = (stream.uniform(), normal(&mut stream), normal(&mut stream));
        rows.extend(match u {
            u if u < 0.5 => [-4.0 + a, 1.0 + 0.5 * b],
            u if u < 0.8 => [3.0 + 0.7 * a, 100.0 + 0.6 * a + 0.3 * b],
            _ => [2.0 - 0.4 * a + 0.2 * b, -50.0 + 2.0 * b],
        });
    }
    rows
}

/// Components by the first coordinate of their means.
fn order(mixture: &MixtureParameters) -> Vec<usize> {
    let mut order: Vec<usize> = (0..mixture.components()).collect();
    order.sort_by(|&a, &b| mixture.mean(a)[0].total_cmp(&mixture.mean(b)[0]));
    order
}

const KINDS: [CovarianceKind; 3] =
    [CovarianceKind::Isotropic, CovarianceKind::Diagonal, CovarianceKind::Full];

/// Fails if one component is anything but the mean and the covariance of the samples (divided by N), or the
/// log-likelihood and its BIC are not those of a normal law: a wrong scale, Jacobian or number of parameters.
#[test]
fn one_component_is_the_closed_form() {
    let (rows, count) = (three_groups(97, 3), 97.0);
    let column = |j: usize| rows.iter().skip(j).step_by(2).copied();
    let mean = [0, 1].map(|j| column(j).sum::<f64>() / count);
    let moment = |i: usize, j: usize| {
        column(i).zip(column(j)).map(|(x, y)| (x - mean[i]) * (y - mean[j])).sum::<f64>() / count
    };
    let (xx, xy, yy) = (moment(0, 0), moment(0, 1), moment(1, 1));
    let round = 0.5 * (xx + yy);
    for (kind, expected, parameters) in [
        (CovarianceKind::Isotropic, vec![round], 3.0),
        (CovarianceKind::Diagonal, vec![xx, yy], 4.0),
        (CovarianceKind::Full, vec![xx, xy, xy, yy], 5.0),
    ] {
        let options = FitOptions { covariance: kind, ..FitOptions::new(1) };
        let fit = fit_mixture(&rows, 2, &options).unwrap();
        for (found, expected) in fit.mixture.means.iter().zip(mean) {
            assert!((found - expected).abs() < 1e-11, "{found} {expected}");
        }
        for (found, expected) in fit.mixture.covariance.entries().iter().zip(&expected) {
            assert!((found / expected - 1.0).abs() < 1e-11, "{kind:?}: {found} {expected}");
        }
        let log_det = match kind {
            CovarianceKind::Isotropic => 2.0 * round.ln(),
            CovarianceKind::Diagonal => (xx * yy).ln(),
            CovarianceKind::Full => (xx * yy - xy * xy).ln(),
        };
        let likelihood = -0.5 * count * (2.0 + log_det + 2.0 * std::f64::consts::TAU.ln());
        assert!((fit.log_likelihood / likelihood - 1.0).abs() < 1e-12, "{kind:?}");
        let bic = parameters * count.ln() - 2.0 * likelihood;
        assert!((fit.bic / bic - 1.0).abs() < 1e-12, "{kind:?}: {} {bic}", fit.bic);
        assert!(fit.converged && fit.iterations <= 3 && fit.at_floor == 0 && fit.starved == 0);
    }
}

/// Fails if an iteration lowers the log-likelihood: a maximization that is none, or responsibilities of other
/// parameters. Six components on three groups run along ridges and into the floor.
#[test]
fn the_log_likelihood_never_falls() {
    let rows = three_groups(600, 5);
    for kind in KINDS {
        for (components, floor) in [(2, 1e-6), (6, 1e-6), (6, 0.05)] {
            let options = FitOptions {
                covariance: kind,
                restarts: 1,
                tolerance: 0.0,
                max_iterations: 200,
                floor,
                ..FitOptions::new(components)
            };
            let fit = fit_mixture(&rows, 2, &options).unwrap();
            assert!(fit.history.len() > 2 && fit.starved == 0, "{kind:?} {components}");
            for pair in fit.history.windows(2) {
                let rounding = 1e-12 * pair[0].abs();
                assert!(pair[1] >= pair[0] - rounding, "{kind:?} {components}: {pair:?}");
            }
        }
    }
}

/// Fails if weights, means or covariances of well separated groups are off by more than five standard errors: of a
/// weight sqrt(w (1 - w)/N), of a mean sqrt(s/N_k), of a variance s sqrt(2/N_k), of a covariance at most
/// sqrt((s t + c^2)/N_k).
#[test]
fn separated_groups_are_recovered_within_their_standard_errors() {
    let count = 20_000;
    let rows = three_groups(count, 11);
    let options = FitOptions { covariance: CovarianceKind::Full, ..FitOptions::new(3) };
    let fit = fit_mixture(&rows, 2, &options).unwrap();
    assert!(fit.converged && fit.at_floor == 0);
    let truth = [
        (0.5, [-4.0, 1.0], [1.0, 0.0, 0.25]),
        (0.2, [2.0, -50.0], [0.2, 0.4, 4.0]),
        (0.3, [3.0, 100.0], [0.49, 0.42, 0.45]),
    ];
    for (k, (weight, mean, [xx, xy, yy])) in order(&fit.mixture).into_iter().zip(truth) {
        let own = weight * count as f64;
        let close = |found: f64, expected: f64, error: f64| {
            assert!((found - expected).abs() < 5.0 * error, "{found} {expected} +- {error}");
        };
        let weight_error = (weight * (1.0 - weight) / count as f64).sqrt();
        close(fit.mixture.weights[k], weight, weight_error);
        close(fit.mixture.mean(k)[0], mean[0], (xx / own).sqrt());
        close(fit.mixture.mean(k)[1], mean[1], (yy / own).sqrt());
        let entry = |at| fit.mixture.covariance.covariance(2, k, at);
        close(entry((0, 0)), xx, xx * (2.0 / own).sqrt());
        close(entry((1, 1)), yy, yy * (2.0 / own).sqrt());
        close(entry((0, 1)), xy, ((xx * yy + xy * xy) / own).sqrt());
    }
}

/// Fails if the lowest BIC is not chosen, the number of groups is not found, or candidates are not all told.
#[test]
fn the_number_of_components_is_found() {
    let rows = three_groups(2000, 7);
    let options =
        FitOptions { components: 1..=5, covariance: CovarianceKind::Full, ..FitOptions::new(1) };
    let fit = fit_mixture(&rows, 2, &options).unwrap();
    assert_eq!(fit.mixture.components(), 3);
    let tried: Vec<usize> = fit.candidates.iter().map(|c| c.components).collect();
    assert_eq!(tried, [1, 2, 3, 4, 5]);
    let lowest = fit.candidates.iter().map(|c| c.bic).fold(f64::INFINITY, f64::min);
    assert_eq!(fit.bic, lowest);
    // More components fit better: what BIC has to weigh.
    assert!(fit.candidates[4].log_likelihood > fit.candidates[2].log_likelihood);
}

/// Fails if a bit of the fit depends on the number of threads, or two seeds share their starts.
#[test]
fn threads_do_not_change_a_bit() {
    let rows = three_groups(3000, 2);
    let fitted = |threads: usize, seed: u64| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let options = FitOptions { seed, restarts: 1, max_iterations: 5, ..FitOptions::new(6) };
        pool.install(|| fit_mixture(&rows, 2, &options)).unwrap()
    };
    assert_eq!(fitted(1, 1), fitted(3, 1));
    assert_ne!(fitted(1, 1).history[0], fitted(1, 2).history[0]);
}

/// Fails if a group of one value, or a line of them, gives a variance of zero or no fit: the floor is relative to
/// the spread of all samples.
#[test]
fn flat_groups_stay_above_the_floor() {
    let mut rows = Vec::new();
    for n in 0..40 {
        let x = f64::from(n) * 1e-3;
        rows.extend(if n % 4 == 0 { [7e6, 0.5] } else { [x * 1e6, -0.25 * x] });
    }
    for kind in KINDS {
        let options = FitOptions { covariance: kind, floor: 1e-3, ..FitOptions::new(2) };
        let fit = fit_mixture(&rows, 2, &options).unwrap();
        assert!(fit.at_floor > 0, "{kind:?}");
        assert!(fit.log_likelihood.is_finite());
        crate::mixture::OwnedMixture::new(fit.mixture).unwrap();
    }
}

/// Fails if components that start without samples stay without: two starts of one place, far from all samples.
#[test]
fn components_without_samples_begin_anew() {
    let rows = three_groups(500, 9);
    let samples = scaling::Scaled::new(&rows, 2, CovarianceKind::Diagonal).unwrap();
    let means = vec![0.0, 0.0, 90.0, 90.0, 95.0, 90.0];
    let lost = maximization::Components::equal(CovarianceKind::Diagonal, 2, means, 0.1);
    let options = FitOptions { tolerance: 1e-9, ..FitOptions::new(3) };
    let mut stream = Key::new(4, Purpose::Fit).stream();
    let ascent = ascent::ascend(&samples, lost, &options, 0, &mut stream, &mut ()).unwrap();
    assert_eq!(ascent.starved, 0);
    assert!(ascent.components.weights.iter().all(|w| *w > 0.05), "{:?}", ascent.components);
}

/// Fails if a bad sample or option is fitted, or the message does not name it.
#[test]
fn bad_input_is_refused_by_name() {
    let rows = three_groups(20, 1);
    let message = |rows: &[f64], dim: usize, options: &FitOptions| {
        fit_mixture(rows, dim, options).unwrap_err().to_string()
    };
    let mut broken = rows.clone();
    broken[9] = f64::NAN;
    let two = FitOptions::new(2);
    assert!(message(&broken, 2, &two).starts_with("samples: row 5, column 2 is NaN"));
    assert_eq!(message(&rows, 3, &two), "samples: 40 numbers are not rows of 3");
    assert_eq!(message(&rows, 0, &two), "samples: 40 numbers are not rows of 0");
    assert!(message(&[], 2, &two).starts_with("samples: 0 of them"));
    assert!(message(&rows[..6], 2, &two).starts_with("samples: 3 of them, and 2 components"));
    let flat = [1.0, 5.0, 2.0, 5.0, 3.0, 5.0, 4.0, 5.0];
    assert!(message(&flat, 2, &two).starts_with("samples: column 2 is 5 in every row"));
    let twice = [[1.0, 2.0]; 4].concat().into_iter().chain([[3.0, 1.0]; 4].concat());
    let twice: Vec<f64> = twice.collect();
    assert!(message(&twice, 2, &FitOptions::new(3)).starts_with("samples: only 2 of them differ"));
    assert!(message(&[1e200, -1e200, 0.0, 1.0], 1, &two).contains("column 1 overflows"));
    for (name, options) in [
        ("components = 0", FitOptions::new(0)),
        ("components = 9-2", FitOptions { components: RangeInclusive::new(9, 2), ..two.clone() }),
        ("restarts = 0", FitOptions { restarts: 0, ..two.clone() }),
        ("max_iterations = 0", FitOptions { max_iterations: 0, ..two.clone() }),
        ("tolerance = NaN", FitOptions { tolerance: f64::NAN, ..two.clone() }),
        ("floor = 0", FitOptions { floor: 0.0, ..two.clone() }),
        ("floor = 1", FitOptions { floor: 1.0, ..two.clone() }),
    ] {
        assert!(message(&rows, 2, &options).starts_with(name), "{}", message(&rows, 2, &options));
    }
    // A column that does not vary is no fault where one variance serves all coordinates.
    let round = FitOptions { covariance: CovarianceKind::Isotropic, ..two };
    assert_eq!(fit_mixture(&flat, 2, &round).unwrap().mixture.mean(1)[1], 5.0);
}

/// Fails if a wish to stop is not heard, or progress is not told.
#[test]
fn a_watcher_hears_and_stops() {
    struct Three(Vec<(usize, usize, usize)>);
    impl FitWatcher for Three {
        fn iteration(&mut self, components: usize, restart: usize, iteration: usize, mean: f64) {
            assert!(mean.is_finite());
            self.0.push((components, restart, iteration));
        }
        fn wants_to_stop(&self) -> bool {
            self.0.len() == 3
        }
    }
    let rows = three_groups(200, 1);
    let mut watcher = Three(Vec::new());
    let options = FitOptions { tolerance: 0.0, ..FitOptions::new(4) };
    let stopped = fit_mixture_watched(&rows, 2, &options, &mut watcher);
    assert_eq!(stopped, Err(FitError::Stopped));
    assert_eq!(watcher.0, [(4, 0, 0), (4, 0, 1), (4, 0, 2)]);
}

/// Fails if a shared covariance is written for components that have their own, as with one component alone.
#[test]
fn each_component_has_its_own_covariance() {
    let rows = three_groups(300, 1);
    let fit = fit_mixture(&rows, 2, &FitOptions::new(3)).unwrap();
    assert!(matches!(&fit.mixture.covariance, Covariance::Diagonal(v) if v.len() == 6));
    assert!(!fit.mixture.shares_covariance());
}
