//! `[path]`: the densities between reference and target, and where the levels stand on it.

use amc_core::path::{log_snr_times, quadratic_times, uniform_times};
use toml::{Table, Value};

use super::entries::Entries;
use super::error::ConfigError;
use super::reader::Section;
use super::schedule::NoiseSchedule;
use super::schema::Key;
use super::value::Interval;
use crate::catalog::{BarrierEstimator, NoiseScheduleKind, PathKind, SamplerKind, SpacingKind};

pub(super) const SECTION: &str = "path";

const DIFFUSION: &[&str] = &[PathKind::Diffusion.name()];
const VP_LINEAR: &[&str] = &[NoiseScheduleKind::VpLinear.name()];
const VE: &[&str] = &[NoiseScheduleKind::Ve.name()];
const LIST: &[&str] = &[SpacingKind::List.name()];
const LAMBDA: &[&str] = &[SpacingKind::Lambda.name()];
const ADAPTIVE: &[&str] = &[SpacingKind::Adaptive.name()];

pub(super) const KEYS: &[Key] = &[
    Key::always("kind", "the path (diffusion)"),
    Key::always("levels", "annealing steps L (128; with a list its length; adaptive finds it)"),
    Key::always("spacing", "where the levels stand (uniform)"),
    Key::when("spacing", LIST, "times", "the noisy levels t_1 < ... < t_L in (0, 1]; t_0 = 0"),
    Key::when(
        "spacing",
        LAMBDA,
        "barrier",
        "what it is measured by (rejections for replica-exchange; else exact, tempering smc)",
    ),
    Key::when("spacing", LAMBDA, "tuning_rounds", "runs of doubling length, for rejections (8)"),
    Key::when("spacing", ADAPTIVE, "cess", "conditional effective sample size of a step (0.95)"),
    Key::when("kind", DIFFUSION, "schedule", "the noise schedule (vp-linear)"),
    Key::when("kind", DIFFUSION, "t_min", "time of level 1 (1e-4)"),
    Key::when("kind", DIFFUSION, "t_max", "time of level L (1.0; vp-cosine 0.999)"),
    Key::when("schedule", VP_LINEAR, "beta_min", "rate of noise at t = 0 (0.1)"),
    Key::when("schedule", VP_LINEAR, "beta_max", "rate of noise at t = 1 (20.0)"),
    Key::when("schedule", VE, "sigma_min", "noise at t = 0 (0.002)"),
    Key::when("schedule", VE, "sigma_max", "noise at t = 1 (80.0)"),
    Key::when("schedule", VE, "shape", "how noise grows between the two (geometric)"),
];

/// Time of level 1 where none is given.
const T_MIN: f64 = 1e-4;

/// Most annealing steps: more are a typing error.
const MOST_LEVELS: usize = 1_000_000;

/// A validated `[path]`.
#[derive(Debug, Clone, PartialEq)]
pub struct PathConfig {
    /// The family of densities.
    pub family: PathFamily,
    /// Annealing steps L: there are L + 1 levels, level 0 being the target. 0 where adaptive spacing
    /// is going to find it.
    pub levels: usize,
    /// Where the levels stand.
    pub spacing: Spacing,
}

/// A family of densities with the parameters that it has.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum PathFamily {
    /// See [`PathKind::Tempering`]; its time is `t = 1 - beta`.
    Tempering,
    /// See [`PathKind::Diffusion`].
    Diffusion {
        /// Signal and noise at each time.
        schedule: NoiseSchedule,
        /// Time of level 1, the least noisy one.
        t_min: f64,
        /// Time of level L.
        t_max: f64,
    },
}

/// Where the levels stand, with the list of times where there is one.
#[derive(Debug, Clone, PartialEq)]
pub enum Spacing {
    /// See [`SpacingKind::Uniform`].
    Uniform,
    /// See [`SpacingKind::LogSnr`].
    LogSnr,
    /// See [`SpacingKind::Quadratic`].
    Quadratic,
    /// See [`SpacingKind::Lambda`].
    Lambda {
        /// What the barrier is measured by.
        barrier: BarrierEstimator,
        /// Runs of doubling length, where it is measured by rejections.
        tuning_rounds: u32,
    },
    /// See [`SpacingKind::Adaptive`].
    Adaptive {
        /// The conditional effective sample size of every step, as a fraction of N.
        cess: f64,
    },
    /// See [`SpacingKind::List`].
    List {
        /// `t_1 < ... < t_L`, in (0, 1]: level 0 is not in it.
        times: Vec<f64>,
    },
}

/// Tuning rounds, where none are given.
const TUNING_ROUNDS: u32 = 8;

impl Spacing {
    /// Measured, with the defaults for a path and a sampler.
    pub(super) fn lambda(path: PathKind, sampler: SamplerKind) -> Self {
        let barrier = default_barrier(path, sampler);
        Self::Lambda { barrier, tuning_rounds: TUNING_ROUNDS }
    }

    /// The spacing's name.
    pub fn kind(&self) -> SpacingKind {
        match self {
            Self::Uniform => SpacingKind::Uniform,
            Self::LogSnr => SpacingKind::LogSnr,
            Self::Quadratic => SpacingKind::Quadratic,
            Self::Lambda { .. } => SpacingKind::Lambda,
            Self::Adaptive { .. } => SpacingKind::Adaptive,
            Self::List { .. } => SpacingKind::List,
        }
    }
}

impl PathConfig {
    /// A tempering path of so many steps, at equal steps of `beta`.
    pub fn tempering(levels: usize) -> Self {
        Self { family: PathFamily::Tempering, levels, spacing: Spacing::Uniform }
    }

    /// A diffusion path of so many steps, at equal steps of `t`, on the variance-preserving schedule with linear rates.
    pub fn diffusion(levels: usize) -> Self {
        let family =
            PathFamily::Diffusion { schedule: NoiseSchedule::default(), t_min: T_MIN, t_max: 1.0 };
        Self { family, levels, spacing: Spacing::Uniform }
    }

    /// The same path with its levels elsewhere.
    #[must_use]
    pub fn spaced_by(self, spacing: Spacing) -> Self {
        Self { spacing, ..self }
    }

    /// The path's name.
    pub fn kind(&self) -> PathKind {
        match self.family {
            PathFamily::Tempering => PathKind::Tempering,
            PathFamily::Diffusion { .. } => PathKind::Diffusion,
        }
    }

    /// Times of the noisy levels, `t_1 < ... < t_L`, `[L]`; level 0 at `t_0 = 0` is not in it. Empty
    /// where they have to be found by measurements.
    ///
    /// # Panics
    /// When the noise schedule is none that could have been read.
    pub fn times(&self) -> Vec<f64> {
        match &self.spacing {
            Spacing::List { times } => times.clone(),
            Spacing::Lambda { .. } | Spacing::Adaptive { .. } => Vec::new(),
            Spacing::Uniform => self.spaced(SpacingKind::Uniform, self.levels),
            Spacing::LogSnr => self.spaced(SpacingKind::LogSnr, self.levels),
            Spacing::Quadratic => self.spaced(SpacingKind::Quadratic, self.levels),
        }
    }

    /// Time of the noisiest level.
    pub fn last_time(&self) -> f64 {
        match (&self.spacing, self.family) {
            (_, PathFamily::Tempering) => 1.0,
            (Spacing::List { times }, _) => times.last().copied().unwrap_or(1.0),
            (_, PathFamily::Diffusion { t_max, .. }) => t_max,
        }
    }

    /// `levels` times of the noisy levels on this path in one of the spacings that need no
    /// measurement: log-SNR on diffusion, quadratic, or else uniform.
    ///
    /// # Panics
    /// As [`PathConfig::times`].
    pub fn spaced(&self, spacing: SpacingKind, levels: usize) -> Vec<f64> {
        match self.family {
            PathFamily::Tempering => tempering_times(spacing, levels),
            PathFamily::Diffusion { schedule, t_min, t_max } => {
                let mut times = vec![0.0; levels];
                match spacing {
                    SpacingKind::Quadratic => quadratic_times(t_min, t_max, &mut times),
                    SpacingKind::LogSnr => {
                        let schedule = schedule.to_core().expect("checked when it was read");
                        log_snr_times(&schedule, t_min, t_max, &mut times);
                    }
                    _ => uniform_times(t_min, t_max, &mut times),
                }
                times
            }
        }
    }

    /// Reads the section for a sampler of this kind.
    pub(super) fn read(
        mut section: Section<'_>,
        sampler: SamplerKind,
    ) -> Result<Self, ConfigError> {
        let kind = section.choice("kind", PathKind::Diffusion)?;
        let spacing = spacing(&mut section, kind, sampler)?;
        let levels = levels(&mut section, &spacing)?;
        let family = match kind {
            PathKind::Tempering => tempering(&section, &spacing)?,
            PathKind::Diffusion => diffusion(&mut section, &spacing)?,
        };
        section.finish()?;
        Ok(Self { family, levels, spacing })
    }

    pub(crate) fn to_table(&self) -> Table {
        let entries = Entries::new().put("kind", self.kind().name());
        let entries = match self.spacing {
            Spacing::Adaptive { .. } => entries,
            _ => entries.count("levels", self.levels),
        };
        let entries = entries.put("spacing", self.spacing.kind().name());
        let entries = match &self.spacing {
            Spacing::List { times } => {
                entries.put("times", times.iter().copied().map(Value::from).collect::<Vec<_>>())
            }
            Spacing::Lambda { barrier, tuning_rounds } => {
                entries.put("barrier", barrier.name()).put("tuning_rounds", *tuning_rounds)
            }
            Spacing::Adaptive { cess } => entries.put("cess", *cess),
            Spacing::Uniform | Spacing::LogSnr | Spacing::Quadratic => entries,
        };
        match self.family {
            PathFamily::Tempering => entries,
            PathFamily::Diffusion { schedule, t_min, t_max } => {
                schedule.put(entries).put("t_min", t_min).put("t_max", t_max)
            }
        }
        .into_table()
    }
}

/// `t_i = i/L`, or `1 - beta_i` with `beta_i = (1 - i/L)^2`: fine near the reference, where
/// tempering changes the density most.
fn tempering_times(spacing: SpacingKind, levels: usize) -> Vec<f64> {
    // One more than asked for: both lists start or end at the target.
    let mut list = vec![0.0; levels + 1];
    if spacing == SpacingKind::Quadratic {
        quadratic_times(0.0, 1.0, &mut list);
        list.reverse();
        list.iter_mut().for_each(|entry| *entry = 1.0 - *entry);
    } else {
        uniform_times(0.0, 1.0, &mut list);
    }
    list.remove(0);
    list
}

fn spacing(
    section: &mut Section<'_>,
    path: PathKind,
    sampler: SamplerKind,
) -> Result<Spacing, ConfigError> {
    match section.choice("spacing", SpacingKind::Uniform)? {
        SpacingKind::Uniform => Ok(Spacing::Uniform),
        SpacingKind::Quadratic => Ok(Spacing::Quadratic),
        SpacingKind::List => Ok(Spacing::List { times: times(section)? }),
        SpacingKind::Adaptive => {
            let cess = section.f64("cess", 0.95, Interval::Open(0.0, 1.0))?;
            Ok(Spacing::Adaptive { cess })
        }
        SpacingKind::Lambda => lambda(section, path, sampler),
        SpacingKind::LogSnr if path == PathKind::Diffusion => Ok(Spacing::LogSnr),
        SpacingKind::LogSnr => Err(section.conflict(
            "spacing",
            "needs a signal-to-noise ratio, which path.kind = \"tempering\" does not have".into(),
            "use path.spacing = \"uniform\", \"quadratic\", \"lambda\" or \"list\"".into(),
        )),
    }
}

fn lambda(
    section: &mut Section<'_>,
    path: PathKind,
    sampler: SamplerKind,
) -> Result<Spacing, ConfigError> {
    let barrier = section.choice("barrier", default_barrier(path, sampler))?;
    let exact = matches!(barrier, BarrierEstimator::Exact | BarrierEstimator::ExactRejections);
    if exact && path == PathKind::Tempering {
        return Err(section.conflict(
            "barrier",
            "needs exact samples of every level, which path.kind = \"tempering\" does not have"
                .into(),
            "use path.barrier = \"smc\", \"replica-exchange\" or \"rejections\"".into(),
        ));
    }
    let rounds = section.usize("tuning_rounds", TUNING_ROUNDS as usize, 1..=20)?;
    Ok(Spacing::Lambda { barrier, tuning_rounds: rounds as u32 })
}

/// Replica exchange is tuned for its own swaps; elsewhere the barrier of the path is cheaper.
fn default_barrier(path: PathKind, sampler: SamplerKind) -> BarrierEstimator {
    match (sampler, path) {
        (SamplerKind::ReplicaExchange, _) => BarrierEstimator::Rejections,
        (_, PathKind::Diffusion) => BarrierEstimator::Exact,
        (_, PathKind::Tempering) => BarrierEstimator::Smc,
    }
}

/// The listed times without level 0, which is always there.
fn times(section: &mut Section<'_>) -> Result<Vec<f64>, ConfigError> {
    let remedy = "write the noisy levels from clean to noisy, e.g. times = [0.1, 0.5, 1.0]";
    let given = section.list_f64("times", Interval::Closed(0.0, 1.0))?;
    let Some(mut times) = given else { return Err(section.missing("times", remedy)) };
    // Level 0 counts here: a second 0 would be a noisy level without noise.
    if let Some(pair) = times.windows(2).find(|pair| pair[0] >= pair[1]) {
        let conflict = format!("must increase strictly, but {} follows {}", pair[1], pair[0]);
        return Err(section.conflict("times", conflict, remedy.to_owned()));
    }
    if times.first() == Some(&0.0) {
        times.remove(0);
    }
    if times.is_empty() || times.len() > MOST_LEVELS {
        let conflict = format!("has {} noisy levels; allowed: 1 to {MOST_LEVELS}", times.len());
        return Err(section.conflict("times", conflict, remedy.to_owned()));
    }
    Ok(times)
}

fn levels(section: &mut Section<'_>, spacing: &Spacing) -> Result<usize, ConfigError> {
    let given = section.optional_usize("levels", 1..=MOST_LEVELS)?;
    let listed = match spacing {
        Spacing::List { times } => times.len(),
        Spacing::Adaptive { .. } if given.is_some() => {
            return Err(section.conflict(
                "levels",
                "fixes what path.spacing = \"adaptive\" is to find".into(),
                "drop path.levels and set path.cess, or use another spacing".into(),
            ));
        }
        Spacing::Adaptive { .. } => return Ok(0),
        _ => return Ok(given.unwrap_or(128)),
    };
    if given.is_some_and(|levels| levels != listed) {
        let conflict = format!("contradicts the {listed} noisy levels of path.times");
        let remedy = format!("drop path.levels or set it to {listed}");
        return Err(section.conflict("levels", conflict, remedy));
    }
    Ok(listed)
}

fn tempering(section: &Section<'_>, spacing: &Spacing) -> Result<PathFamily, ConfigError> {
    match spacing {
        Spacing::List { times } if times.last() != Some(&1.0) => Err(section.conflict(
            "times",
            "must end at 1, the reference of path.kind = \"tempering\"".into(),
            "t = 1 - beta; append 1.0".into(),
        )),
        _ => Ok(PathFamily::Tempering),
    }
}

fn diffusion(section: &mut Section<'_>, spacing: &Spacing) -> Result<PathFamily, ConfigError> {
    let schedule = NoiseSchedule::read(section)?;
    let allowed = schedule.times();
    let (first, last) = match spacing {
        Spacing::List { times } => (times.first().copied(), times.last().copied()),
        _ => (None, None),
    };
    if let Some(last) = last.filter(|&last| !allowed.contains(last)) {
        let conflict = format!("ends at {last}, where path.schedule = \"{}\"", schedule.kind());
        let conflict = format!("{conflict} has no signal left");
        return Err(section.conflict("times", conflict, "end at e.g. 0.999".into()));
    }
    let default = schedule.to_core().map_or(1.0, |schedule| schedule.default_t_max());
    let t_max = section.f64("t_max", last.unwrap_or(default), allowed)?;
    let t_min = section.f64("t_min", first.unwrap_or(T_MIN), allowed)?;
    if first.is_some_and(|first| first < t_min) || last.is_some_and(|last| last > t_max) {
        let conflict = format!("leaves the interval from t_min = {t_min} to t_max = {t_max}");
        return Err(section.conflict("times", conflict, "drop path.t_min and path.t_max".into()));
    }
    if t_min >= t_max && first.is_none() {
        let (low, high) = (("t_min", t_min), ("t_max", t_max));
        return Err(section.out_of_order(low, high, "level 1 is the cleanest"));
    }
    Ok(PathFamily::Diffusion { schedule, t_min, t_max })
}
