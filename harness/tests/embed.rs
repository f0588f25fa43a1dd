//! Targets of one's own, through the library's front door: every sampler, kernel, path and bridge against a known
//! `log Z`, and what is refused.

use std::sync::atomic::{AtomicUsize, Ordering};

use amc_harness::config::{KernelConfig, PathConfig, SamplerConfig};
use amc_harness::embed::{
    BatchTarget, Derivatives, EmbedError, EmbedErrorKind, Sampled, Sampling, Target, TargetFailure,
};
use amc_harness::sampler::{Observer, Progress};
use amc_harness::target::{Covariance, MixtureParameters};

/// Two unequal modes far from the origin, on coordinates of very different scales, times `e^2.5`.
struct Modes {
    offers: Derivatives,
}

const LOG_Z: f64 = 2.5;
/// Of the mode at `(2.9, -26)`.
const SHARE: f64 = 0.3;
/// Means and standard deviations of the two modes.
const MODES: [([f64; 2], [f64; 2]); 2] = [([2.9, -26.0], [0.04, 2.0]), ([3.2, -14.0], [0.08, 1.0])];

impl Modes {
    /// `log w_k N(x; mu_k, diag s_k^2)`.
    fn terms(x: &[f64]) -> [f64; 2] {
        [0, 1].map(|k| {
            let (m, s) = MODES[k];
            let share: f64 = if k == 0 { SHARE } else { 1.0 - SHARE };
            let z = [(x[0] - m[0]) / s[0], (x[1] - m[1]) / s[1]];
            share.ln()
                - 0.5 * (z[0] * z[0] + z[1] * z[1])
                - (2.0 * std::f64::consts::PI * s[0] * s[1]).ln()
        })
    }

    fn shares(x: &[f64]) -> ([f64; 2], f64) {
        let terms = Self::terms(x);
        let top = terms[0].max(terms[1]);
        let parts = terms.map(|t| (t - top).exp());
        let sum = parts[0] + parts[1];
        (parts.map(|part| part / sum), top + sum.ln() + LOG_Z)
    }

    fn score_of(k: usize, x: &[f64]) -> [f64; 2] {
        let (m, s) = MODES[k];
        [(m[0] - x[0]) / (s[0] * s[0]), (m[1] - x[1]) / (s[1] * s[1])]
    }
}

impl Target for Modes {
    fn log_density(&self, x: &[f64]) -> f64 {
        Self::shares(x).1
    }

    fn log_density_and_score(&self, x: &[f64], score: &mut [f64]) -> Option<f64> {
        if self.offers == Derivatives::None {
            return None;
        }
        let (shares, log_density) = Self::shares(x);
        let scores = [0, 1].map(|k| Self::score_of(k, x));
        for (j, score) in score.iter_mut().enumerate() {
            *score = shares[0] * scores[0][j] + shares[1] * scores[1][j];
        }
        Some(log_density)
    }

    /// `H = sum_k r_k (s_k s_k^T - P_k) - s s^T`.
    fn hessian_product(&self, x: &[f64], v: &[f64], out: &mut [f64]) -> Option<()> {
        if self.offers < Derivatives::HessianProduct {
            return None;
        }
        let (shares, _) = Self::shares(x);
        let mut score = [0.0; 2];
        self.log_density_and_score(x, &mut score)?;
        let along = score[0] * v[0] + score[1] * v[1];
        for (j, out) in out.iter_mut().enumerate() {
            *out = -score[j] * along;
            for k in 0..2 {
                let s = Self::score_of(k, x);
                let width = MODES[k].1[j];
                let inner = s[j] * (s[0] * v[0] + s[1] * v[1]) - v[j] / (width * width);
                *out += shares[k] * inner;
            }
        }
        Some(())
    }
}

/// A mixture near the target, wrong in weights, means and widths.
fn backbone() -> MixtureParameters {
    MixtureParameters {
        name: "fitted".into(),
        dim: 2,
        weights: vec![0.4, 0.6],
        means: vec![2.91, -25.5, 3.19, -14.2],
        covariance: Covariance::Diagonal(vec![0.0018, 4.4, 0.0075, 1.2]),
        origin: String::new(),
    }
}

/// The share of the first mode and what it should be within, by `n` effective samples.
fn check(what: &str, sampled: &Sampled) {
    let (log_z, error) = sampled.log_z();
    assert!(error > 0.0 && error < 0.15, "{what}: error {error}");
    assert!((log_z - LOG_Z).abs() < 4.5 * error, "{what}: log Z {log_z} +- {error}");
    let share = sampled.mean(|x| if x[1] < -20.0 { 1.0 } else { 0.0 });
    let share_error = (SHARE * (1.0 - SHARE)).sqrt() * error.max(0.01) * 4.5;
    assert!((share - SHARE).abs() < share_error + 0.02, "{what}: {share}");
    // Within the first mode: its mean and spread along the second coordinate.
    let mean = sampled.mean(|x| if x[1] < -20.0 { x[1] } else { 0.0 }) / share;
    assert!((mean + 26.0).abs() < 0.35, "{what}: {mean}");
    let spread = sampled.mean(|x| if x[1] < -20.0 { (x[0] - 2.9).powi(2) } else { 0.0 }) / share;
    assert!((spread.sqrt() / 0.04 - 1.0).abs() < 0.15, "{what}: {spread}");
    assert!((sampled.weights.iter().sum::<f64>() - 1.0).abs() < 1e-9, "{what}");
    assert_eq!(sampled.positions.len(), 2 * sampled.len());
}

fn tempered<'a>(target: &'a Modes) -> Sampling<'a> {
    Sampling::of(target, 2).reference(&[3.1, -18.0], &[0.3, 12.0]).path(PathConfig::tempering(40))
}

/// Fails if some sampler or kernel reads a target's density or score in other coordinates than its own, weighs by it
/// wrongly or returns positions that are not the target's.
#[test]
fn tempering_with_every_kernel_and_sampler() {
    let score = Modes { offers: Derivatives::Score };
    let none = Modes { offers: Derivatives::None };
    let smc = SamplerConfig::smc(4096);
    let kernels = [KernelConfig::rwm(8), KernelConfig::mala(4), KernelConfig::hmc(2, 5)];
    for kernel in kernels {
        let run = tempered(&score).kernel(kernel).sampler(smc).seed(3).run().unwrap();
        check(kernel.kind().name(), &run);
        assert_eq!(run.summary.true_mode_weights, [0.0; 0]);
        assert!(run.summary.sliced_wasserstein.is_nan() && run.summary.log_z_upper.is_none());
    }
    let plain = tempered(&none).kernel(KernelConfig::rwm(8)).sampler(smc).seed(3).run().unwrap();
    check("no score", &plain);
    let differences = tempered(&none).finite_differences(1e-4).sampler(smc).seed(3);
    check("differences", &differences.kernel(KernelConfig::mala(4)).run().unwrap());
    let ais = tempered(&score).kernel(KernelConfig::mala(8)).sampler(SamplerConfig::ais(8192));
    check("ais", &ais.run().unwrap());
    let exchange = tempered(&score)
        .path(PathConfig::tempering(12))
        .kernel(KernelConfig::mala(2))
        .sampler(SamplerConfig::replica_exchange(32, 600));
    check("exchange", &exchange.run().unwrap());
    let exchange = tempered(&none)
        .path(PathConfig::tempering(12))
        .kernel(KernelConfig::rwm(4))
        .sampler(SamplerConfig::replica_exchange(32, 600));
    let exchanged = exchange.run().unwrap();
    check("exchange without a score", &exchanged);
    assert_eq!(exchanged.summary.target, "target");
}

/// Fails if a bridge takes moments of the backbone for the target's, weighs the last step without the target, or a
/// derivative of the target has a wrong sign or scale (maps of several stages read them).
#[test]
fn every_bridge_along_a_backbone() {
    let bridges = [
        "kind = 'exponential-integrator'",
        "kind = 'ddpm'",
        "kind = 'isotropic-optimal'",
        "kind = 'diagonal'",
        "kind = 'second-order'",
        "kind = 'low-rank'\nrank = 2",
        "kind = 'flow-map'\nmap = 'ddim'",
        "kind = 'flow-map'\nmap = 'heun'",
        "kind = 'exact'",
        "kind = 'identity'",
    ];
    for (index, bridge) in bridges.iter().enumerate() {
        let offers =
            [Derivatives::HessianProduct, Derivatives::Score, Derivatives::None][index % 3];
        let target = Modes { offers };
        let kernel = match offers {
            Derivatives::None => KernelConfig::rwm(4),
            _ => KernelConfig::mala(2),
        };
        let run = Sampling::of(&target, 2)
            .backbone(backbone())
            .path(PathConfig::diffusion(96))
            .configure(&format!("[path]\nspacing = 'log-snr'\n[bridge]\n{bridge}"))
            .kernel(kernel)
            .sampler(SamplerConfig::smc(4096));
        check(bridge, &run.run().unwrap());
    }
    // A map of several stages, the last of which takes products of the target's Hessian, or differences.
    let offered = [Derivatives::None, Derivatives::Score, Derivatives::HessianProduct];
    for target in offered.map(|offers| Modes { offers }) {
        let heun = Sampling::of(&target, 2)
        .backbone(backbone())
        .configure(
            "[path]\nlevels = 96\nspacing = 'log-snr'\n[bridge]\nkind = 'flow-map'\nmap = 'heun'",
        )
        .finite_differences(1e-4)
        .sampler(SamplerConfig::smc(4096));
        check(&format!("heun with {:?}", target.offers), &heun.run().unwrap());
    }
    let target = Modes { offers: Derivatives::HessianProduct };
    let exchange = Sampling::of(&target, 2).backbone(backbone()).path(PathConfig::diffusion(8));
    let exchange = exchange.kernel(KernelConfig::mala(2));
    let ladders = SamplerConfig::replica_exchange(32, 600);
    check("exchange", &exchange.sampler(ladders).run().unwrap());
    let exchange = Sampling::of(&target, 2).backbone(backbone()).path(PathConfig::diffusion(8));
    let maps = exchange.configure("[bridge]\nkind = 'flow-map'\nmap = 'heun'");
    check("exchange by maps", &maps.kernel(KernelConfig::mala(2)).sampler(ladders).run().unwrap());
}

/// Fails if levels placed by measurement take the backbone's end for the target's where they must not, or not at all.
#[test]
fn measured_levels() {
    let target = Modes { offers: Derivatives::Score };
    let smc = SamplerConfig::smc(4096);
    for spacing in ["spacing = 'lambda'\nlevels = 24", "spacing = 'adaptive'\ncess = 0.9"] {
        let path = format!("[path]\nkind = 'tempering'\n{spacing}");
        let run = Sampling::of(&target, 2).reference(&[3.1, -18.0], &[0.3, 12.0]).configure(&path);
        check(&path, &run.sampler(smc).run().unwrap());
        let path = format!("[path]\nkind = 'diffusion'\n{spacing}");
        let run = Sampling::of(&target, 2).backbone(backbone()).configure(&path);
        check(&path, &run.sampler(smc).run().unwrap());
    }
}

/// Fails if the number of threads changes a bit, a call holds more points than it may, or their number changes more than
/// the rounding of acceptance rates.
#[test]
fn threads_and_batches() {
    struct Sized(Modes, usize);
    impl BatchTarget for Sized {
        fn offers(&self, dim: usize) -> Derivatives {
            self.0.offers(dim)
        }
        fn points_at_once(&self) -> usize {
            self.1
        }
        fn log_densities(&self, x: &[f64], dim: usize, p: &mut [f64]) -> Result<(), TargetFailure> {
            assert!(x.len() <= dim * self.1 && x.len() == dim * p.len());
            self.0.log_densities(x, dim, p)
        }
        fn log_densities_and_scores(
            &self,
            x: &[f64],
            dim: usize,
            p: &mut [f64],
            scores: &mut [f64],
        ) -> Result<(), TargetFailure> {
            self.0.log_densities_and_scores(x, dim, p, scores)
        }
    }
    let run = |threads, points| {
        let target = Sized(Modes { offers: Derivatives::Score }, points);
        let sampling = Sampling::of(&target, 2).reference(&[3.1, -18.0], &[0.3, 12.0]);
        let sampling = sampling.sampler(SamplerConfig::smc(1001)).threads(threads);
        let sampled = sampling.path(PathConfig::tempering(10)).run().unwrap();
        (sampled.positions, sampled.log_weights, sampled.summary.log_z)
    };
    let first = run(1, 128);
    assert!(run(2, 128) == first);
    for points in [8, 512] {
        let other = run(2, points);
        assert!(run(1, points) == other && (other.2 - first.2).abs() < 1e-3, "{points}");
    }
}

/// Fails if a failure of the target is lost, reported as something else, or the run goes on after it.
#[test]
fn failures_end_the_run() {
    struct Fails(AtomicUsize);
    impl BatchTarget for Fails {
        fn offers(&self, _dim: usize) -> Derivatives {
            Derivatives::None
        }
        fn log_densities(&self, _: &[f64], _: usize, p: &mut [f64]) -> Result<(), TargetFailure> {
            p.fill(0.0);
            if self.0.fetch_add(1, Ordering::Relaxed) < 20 {
                return Ok(());
            }
            Err(TargetFailure { message: "no licence\nmore".into(), code: 7 })
        }
    }
    let fails = Fails(AtomicUsize::new(0));
    let error = Sampling::of(&fails, 3).kernel(KernelConfig::rwm(1)).run().unwrap_err();
    assert_eq!(error.to_string(), "the target failed: no licence (code 7)");
    assert_eq!(error.kind(), EmbedErrorKind::Target);
    assert!(fails.0.load(Ordering::Relaxed) < 40);

    struct Panics;
    impl Target for Panics {
        fn log_density(&self, x: &[f64]) -> f64 {
            assert!(x[0] < 1.0, "beyond the wall");
            0.0
        }
    }
    let error = Sampling::of(&Panics, 1).kernel(KernelConfig::rwm(1)).run().unwrap_err();
    assert!(error.to_string().contains("beyond the wall"), "{error}");
    assert_eq!(error.kind(), EmbedErrorKind::Panic);

    struct Nan;
    impl Target for Nan {
        fn log_density(&self, _: &[f64]) -> f64 {
            f64::NAN
        }
    }
    let error = Sampling::of(&Nan, 1).kernel(KernelConfig::rwm(1)).run().unwrap_err();
    assert_eq!(error.kind(), EmbedErrorKind::Numerical);
    assert!(error.to_string().contains("lost their weight"), "{error}");
}

/// Fails if a watcher is not asked, or the run goes on after it said stop.
#[test]
fn watchers_may_stop() {
    #[derive(Default)]
    struct Two(usize);
    impl Observer for Two {
        fn begin(&mut self, _phase: &str, length: usize) {
            assert!(length > 0);
        }
        fn level_done(&mut self, _progress: Progress) {
            self.0 += 1;
        }
        fn wants_to_stop(&self) -> bool {
            self.0 >= 2
        }
    }
    let mut two = Two::default();
    let target = Modes { offers: Derivatives::Score };
    let error = tempered(&target).watched_by(&mut two).run().unwrap_err();
    assert!(matches!(error, EmbedError::Stopped) && two.0 == 2, "{error} {}", two.0);
}

/// Fails if something that cannot work is begun, or a message does not name what to change.
#[test]
fn what_is_refused() {
    let (score, none) = (Modes { offers: Derivatives::Score }, Modes { offers: Derivatives::None });
    let own = || Sampling::of(&score, 2);
    let cases: [(&str, Sampling<'_>, &str); 14] = [
        ("no score", Sampling::of(&none, 2), "kernel.kind = \"mala\" needs the score"),
        ("no backbone", own().path(PathConfig::diffusion(8)), "needs a mixture near the target"),
        ("denoising", own().configure("[bridge]\nkind = 'ddpm'"), "bridge.kind"),
        ("two", own().backbone(backbone()).reference(&[0.0; 2], &[1.0; 2]), "that of the backbone"),
        ("dimension", Sampling::of(&score, 3).backbone(backbone()), "has 2 coordinates"),
        ("mean", own().reference(&[0.0], &[1.0; 2]), "mean has 1 entries"),
        ("nan", own().reference(&[0.0, f64::NAN], &[1.0; 2]), "mean[1] = NaN"),
        ("scale", own().reference(&[0.0; 2], &[1.0, -1.0]), "scale[1] = -1"),
        ("nothing", Sampling::of(&score, 0), "at least 1"),
        ("size", Sampling::of(&score, usize::MAX), "target.dim"),
        ("step", own().finite_differences(0.0), "(0, 1)"),
        ("section", own().configure("[target]\nkind = 'gmm40'"), "\"target\" cannot be set here"),
        ("key", own().configure("[path]\nlevel = 3"), "path.level"),
        ("syntax", own().configure("[path"), "settings"),
    ];
    for (what, sampling, expected) in cases {
        let error = sampling.run().unwrap_err();
        let text = error.to_string();
        assert!(text.contains(expected) && !text.contains('\n'), "{what}: {text}");
        assert!(matches!(error.kind(), EmbedErrorKind::Config | EmbedErrorKind::Shape), "{what}");
    }
    let mixture = Sampling::of_mixture(backbone()).backbone(backbone()).run().unwrap_err();
    assert!(mixture.to_string().contains("a mixture is its own"));
}

/// Fails if later settings do not win key by key, or the settings that are handed back do not give the same run.
#[test]
fn settings_come_back() {
    let run = |sampling: Sampling<'_>| sampling.run().unwrap();
    let small = "seed = 5\n[path]\nlevels = 12\nkind = 'diffusion'\n[sampler]\nparticles = 256";
    let first =
        run(Sampling::of_mixture(backbone()).configure(small).configure("[path]\nlevels = 9"));
    assert_eq!(first.summary.times.len(), 10);
    assert!((first.summary.log_z).abs() < 0.5 && first.summary.log_z_upper.is_some());
    assert_eq!(first.summary.true_mode_weights, [0.4, 0.6]);
    let again = run(Sampling::of_mixture(backbone()).configure(&first.settings));
    assert_eq!(first.positions, again.positions);
    assert_eq!(first.settings, again.settings);
    let other = run(Sampling::of_mixture(backbone()).configure(&first.settings).seed(6));
    assert_ne!(first.positions, other.positions);
}
