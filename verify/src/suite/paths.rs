//! Annealing paths: noise schedules, samples carried along them, spacings, tempering.

use amc_core::density::{Covariance, Mixture, MixtureLevel, Tempered};
use amc_core::path::{
    NoiseSchedule, NoisingStep, VeShape, log_snr_times, quadratic_times, uniform_times,
};

use super::Case;
use super::place::linear_schedule;
use crate::law::path::{
    NoisingInstance, TemperingInstance, coefficients, noising, spacing, tempering,
};
use crate::oracle::{Fixture, FixtureKind, TemperedGaussian};
use crate::{Budget, Verdict, VerifyError};

/// Points of the laws that hold path by path.
const SAMPLES: usize = 64_000;
/// Exact samples that are carried along: levels must differ by what they can see.
const CARRIED: usize = 512_000;
/// First and last time of the spacings that do not go by a schedule.
const ENDS: (f64, f64) = (0.02, 0.9);

/// A noise schedule: its name among the choices of users, and in verdicts.
type Schedule = (&'static str, &'static str, NoiseSchedule);

pub(super) fn cases() -> Result<Vec<Case>, VerifyError> {
    let mut all = Vec::new();
    for (subject, name, schedule) in schedules()? {
        let names = ("path::coefficients", subject);
        all.push(Case::new(names, name.to_owned(), SAMPLES, move |name, budget| {
            coefficients(name, &schedule, budget)
        }));
    }
    for schedule in schedules()? {
        all.extend(noised(schedule, FixtureKind::DiagonalPerComponent, false));
        all.extend(noised(schedule, FixtureKind::FullShared, true));
    }
    for levels in [3, 17, 64] {
        all.extend(spacings(levels)?);
    }
    all.extend([0.0, 0.13, 0.7, 1.0].map(|beta| {
        let names = ("path::tempering", "tempering");
        Case::new(names, format!("beta = {beta}"), SAMPLES, move |name, budget| {
            tempered(name, beta, budget)
        })
    }));
    Ok(all)
}

fn schedules() -> Result<[Schedule; 4], VerifyError> {
    Ok([
        ("vp-linear", "vp-linear", linear_schedule()?),
        ("vp-cosine", "vp-cosine", NoiseSchedule::vp_cosine()),
        ("ve", "ve, geometric", NoiseSchedule::ve(0.02, 20.0, VeShape::Geometric)?),
        ("ve", "ve, rho-7", NoiseSchedule::ve(0.02, 20.0, VeShape::Rho7)?),
    ])
}

/// From the cleanest to the noisiest of four times, at once and in three steps.
fn noised((subject, name, schedule): Schedule, kind: FixtureKind, later: bool) -> [Case; 2] {
    // Variance-exploding levels differ late.
    let times = match (subject == "ve", later) {
        (true, false) => [0.0, 0.3, 0.45, 0.65],
        (true, true) => [0.3, 0.4, 0.6, 0.7],
        (false, false) => [0.0, 0.1, 0.17, 0.4],
        (false, true) => [0.12, 0.2, 0.31, 0.6],
    };
    [1, 3].map(|count| {
        let name = format!("{name}, {}, steps: {count}", kind.name());
        Case::new(("path::noising", subject), name, CARRIED, move |name, budget| {
            let whole = schedule.step(times[0], times[3])?;
            let pieces: Result<Vec<NoisingStep>, _> =
                times.windows(2).map(|pair| schedule.step(pair[0], pair[1])).collect();
            let steps = if count == 1 { vec![whole] } else { pieces? };
            Fixture::new(kind)?.with_step(&whole, |whole| {
                let (clean, noisy) = (whole.clean, whole.noisy);
                noising(&NoisingInstance { name, clean, noisy, steps: &steps }, budget)
            })?
        })
    })
}

fn spacings(levels: usize) -> Result<Vec<Case>, VerifyError> {
    const LAW: &str = "path::spacing";
    let name = |what: &str| format!("{what}, {levels} levels");
    let mut all = vec![
        Case::new((LAW, "uniform"), name("uniform"), SAMPLES, move |name, budget| {
            let mut times = vec![0.0; levels];
            uniform_times(ENDS.0, ENDS.1, &mut times);
            spacing(name, (&times, ENDS), &|t| t, budget)
        }),
        Case::new((LAW, "quadratic"), name("quadratic"), SAMPLES, move |name, budget| {
            let mut times = vec![0.0; levels];
            quadratic_times(ENDS.0, ENDS.1, &mut times);
            let root = |t: f64| libm::sqrt((t - ENDS.0).max(0.0));
            spacing(name, (&times, ENDS), &root, budget)
        }),
    ];
    for (_, schedule_name, schedule) in schedules()? {
        let name = name(&format!("log-snr, {schedule_name}"));
        all.push(Case::new((LAW, "log-snr"), name, SAMPLES, move |name, budget| {
            let ends = (1e-3, schedule.default_t_max());
            let mut times = vec![0.0; levels];
            log_snr_times(&schedule, ends.0, ends.1, &mut times);
            let log_snr =
                |t: f64| 2.0 * libm::log(schedule.alpha(t)) - libm::log(schedule.variance(t));
            spacing(name, (&times, ends), &log_snr, budget)
        }));
    }
    Ok(all)
}

fn tempered(name: &str, beta: f64, budget: &Budget) -> Result<Verdict, VerifyError> {
    let (means, variances) = ([1.4, -0.6, 0.8, -2.0, 0.3, 1.1], [0.4, 1.7, 0.15, 0.9, 0.3, 0.6]);
    let target = Mixture::new(3, &[0.3, 0.7], &means, Covariance::Diagonal(&variances))?;
    let reference = Mixture::new(3, &[1.0], &[0.2, 0.0, -0.1], Covariance::Isotropic(&[2.0]))?;
    let [mut first, mut second] =
        [&reference, &target].map(|m| vec![0.0; MixtureLevel::storage_len(m)]);
    let reference = &MixtureLevel::prepare(&reference, 1.0, 0.0, &mut first)?;
    let target = &MixtureLevel::prepare(&target, 1.0, 0.0, &mut second)?;
    let level = &Tempered::new(reference, target, beta)?;
    TemperedGaussian::with_level(0.2, |points| {
        tempering(&TemperingInstance { name, level, beta, reference, target, points }, budget)
    })?
}
