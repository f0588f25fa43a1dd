//! `[sampler]`: the algorithm, its size, and what checks it.

use toml::Table;

use super::KernelConfig;
use super::entries::Entries;
use super::error::ConfigError;
use super::memory::MOST_NUMBERS;
use super::reader::Section;
use super::schema::Key;
use super::value::Interval;
use crate::catalog::{Adaptation, LadderStart, ResamplingScheme, SamplerKind, SwapOrder};

pub(super) const SECTION: &str = "sampler";

pub(super) const KEYS: &[Key] = &[
    Key::always("kind", "the algorithm (ais)"),
    Key::always("particles", "ais, smc: number of particles N (4096)"),
    Key::always("resampling", "how smc draws offspring (systematic)"),
    Key::always("ess_threshold", "smc resamples below this fraction of N (0.5)"),
    Key::always("ladders", "replica-exchange: independent ladders (16)"),
    Key::always("rounds", "replica-exchange: rounds that count (1000)"),
    Key::always("warmup", "replica-exchange: rounds before them (a quarter of rounds)"),
    Key::always("start", "replica-exchange: where ladders start (reference)"),
    Key::always("swap", "replica-exchange: which pairs a round swaps (even-odd)"),
    Key::always("steps_per_swap", "replica-exchange: kernel steps a round (kernel.steps)"),
    Key::always("samples", "replica-exchange: most samples kept (4096)"),
    Key::always("repetitions", "ais, smc: independent runs, pooled and compared (1)"),
    Key::always("both_sides", "also run from exact target samples, to verify (true)"),
];

/// A validated `[sampler]`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SamplerConfig {
    /// The algorithm and its parameters.
    pub algorithm: Algorithm,
    /// Independent repetitions, at least 1; those of replica exchange are its ladders.
    pub repetitions: usize,
    /// Whether the run is also made from exact samples of the target, where there are any: the upper
    /// bound of `log Z`, or ladders that started at the other end.
    pub both_sides: bool,
}

/// A sampling algorithm with the parameters that it has.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Algorithm {
    /// See [`SamplerKind::Ais`].
    Ais {
        /// Number of particles, at least 1.
        particles: usize,
    },
    /// See [`SamplerKind::Smc`].
    Smc {
        /// Number of particles, at least 1.
        particles: usize,
        /// How offspring are drawn.
        resampling: ResamplingScheme,
        /// Resample when the effective sample size falls below this fraction of N: 0 never does.
        ess_threshold: f64,
    },
    /// See [`SamplerKind::ReplicaExchange`].
    ReplicaExchange(ReplicaExchangeConfig),
}

/// The parameters of replica exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReplicaExchangeConfig {
    /// Independent ladders, at least 2.
    pub ladders: usize,
    /// Rounds that count, at least 2.
    pub rounds: usize,
    /// Rounds before them.
    pub warmup: usize,
    /// Where the ladders start.
    pub start: LadderStart,
    /// Which pairs a round swaps.
    pub swap: SwapOrder,
    /// Kernel steps at each level between two swaps.
    pub steps_per_swap: usize,
    /// Most samples kept, at least 1.
    pub samples: usize,
}

impl SamplerConfig {
    /// Annealed importance sampling with so many particles.
    pub fn ais(particles: usize) -> Self {
        Self::of(Algorithm::Ais { particles })
    }

    /// Sequential Monte Carlo with so many particles, systematic resampling below an effective half of them.
    pub fn smc(particles: usize) -> Self {
        let resampling = ResamplingScheme::Systematic;
        Self::of(Algorithm::Smc { particles, resampling, ess_threshold: 0.5 })
    }

    /// Replica exchange with so many independent ladders and rounds, a quarter as many before them, a kernel step
    /// between two rounds.
    pub fn replica_exchange(ladders: usize, rounds: usize) -> Self {
        Self::of(Algorithm::ReplicaExchange(ReplicaExchangeConfig {
            ladders,
            rounds,
            warmup: rounds / 4,
            start: LadderStart::Reference,
            swap: SwapOrder::EvenOdd,
            steps_per_swap: 1,
            samples: 4096,
        }))
    }

    fn of(algorithm: Algorithm) -> Self {
        Self { algorithm, repetitions: 1, both_sides: true }
    }

    /// The algorithm's name.
    pub fn kind(&self) -> SamplerKind {
        match self.algorithm {
            Algorithm::Ais { .. } => SamplerKind::Ais,
            Algorithm::Smc { .. } => SamplerKind::Smc,
            Algorithm::ReplicaExchange(_) => SamplerKind::ReplicaExchange,
        }
    }

    /// The number of particles of an annealed run.
    pub fn particles(&self) -> Option<usize> {
        match self.algorithm {
            Algorithm::Ais { particles } | Algorithm::Smc { particles, .. } => Some(particles),
            Algorithm::ReplicaExchange(_) => None,
        }
    }

    /// Reads the section. The keys of all algorithms are checked, also those that change nothing:
    /// one file then serves them all and `sampler.kind` alone switches between them.
    pub(super) fn read(
        mut section: Section<'_>,
        kernel: &KernelConfig,
    ) -> Result<Self, ConfigError> {
        let kind = section.choice("kind", SamplerKind::Ais)?;
        let particles = section.usize("particles", 4096, 1..=MOST_NUMBERS)?;
        let resampling = section.choice("resampling", ResamplingScheme::Systematic)?;
        let ess_threshold = section.f64("ess_threshold", 0.5, Interval::Closed(0.0, 1.0))?;
        let exchange = replica_exchange(&mut section, kernel, kind)?;
        let repetitions = section.usize("repetitions", 1, 1..=MOST_REPETITIONS)?;
        let both_sides = section.bool("both_sides", true)?;
        let algorithm = match kind {
            SamplerKind::Ais => Algorithm::Ais { particles },
            SamplerKind::Smc => Algorithm::Smc { particles, resampling, ess_threshold },
            SamplerKind::ReplicaExchange => Algorithm::ReplicaExchange(exchange),
        };
        if kind == SamplerKind::ReplicaExchange && repetitions > 1 {
            return Err(section.conflict(
                "repetitions",
                "repeats ladders, which are independent repetitions already".into(),
                "drop sampler.repetitions and raise sampler.ladders".into(),
            ));
        }
        section.finish()?;
        Ok(Self { algorithm, repetitions, both_sides })
    }

    pub(crate) fn to_table(self) -> Table {
        let entries = Entries::new().put("kind", self.kind().name());
        let entries = match self.algorithm {
            Algorithm::Ais { particles } => {
                entries.count("particles", particles).count("repetitions", self.repetitions)
            }
            Algorithm::Smc { particles, resampling, ess_threshold } => entries
                .count("particles", particles)
                .put("resampling", resampling.name())
                .put("ess_threshold", ess_threshold)
                .count("repetitions", self.repetitions),
            Algorithm::ReplicaExchange(exchange) => entries
                .count("ladders", exchange.ladders)
                .count("rounds", exchange.rounds)
                .count("warmup", exchange.warmup)
                .put("start", exchange.start.name())
                .put("swap", exchange.swap.name())
                .count("steps_per_swap", exchange.steps_per_swap)
                .count("samples", exchange.samples),
        };
        entries.put("both_sides", self.both_sides).into_table()
    }
}

/// Most ladders, rounds and repetitions: more are a typing error.
const MOST_LADDERS: usize = 1_000_000;
const MOST_ROUNDS: usize = 1_000_000_000;
const MOST_REPETITIONS: usize = 10_000;
/// Most kernel steps between two swaps.
const MOST_STEPS: usize = 1_000_000;

fn replica_exchange(
    section: &mut Section<'_>,
    kernel: &KernelConfig,
    kind: SamplerKind,
) -> Result<ReplicaExchangeConfig, ConfigError> {
    // Even and odd pairs take turns: fewer than two rounds leave pairs without a swap.
    let rounds = section.usize("rounds", 1000, 2..=MOST_ROUNDS)?;
    let exchange = ReplicaExchangeConfig {
        // Standard errors come from independent ladders.
        ladders: section.usize("ladders", 16, 2..=MOST_LADDERS)?,
        rounds,
        warmup: section.usize("warmup", rounds / 4, 0..=MOST_ROUNDS)?,
        start: section.choice("start", LadderStart::Reference)?,
        swap: section.choice("swap", SwapOrder::EvenOdd)?,
        steps_per_swap: section.usize("steps_per_swap", kernel.steps(), 0..=MOST_STEPS)?,
        samples: section.usize("samples", 4096, 1..=MOST_NUMBERS)?,
    };
    if kind != SamplerKind::ReplicaExchange {
        return Ok(exchange);
    }
    if exchange.warmup == 0 && kernel.moves().is_some_and(|m| m.adapt == Adaptation::Online) {
        return Err(section.conflict(
            "warmup",
            "leaves kernel.adapt = \"online\" no round to adapt in".into(),
            "use e.g. 100, or kernel.adapt = \"frozen\"".into(),
        ));
    }
    match (exchange.steps_per_swap, kernel.moves()) {
        (0, Some(_)) => Err(section.conflict(
            "steps_per_swap",
            "leaves the kernel nothing to do".into(),
            "use at least 1, or kernel.kind = \"none\"".into(),
        )),
        (1.., None) => Err(section.conflict(
            "steps_per_swap",
            "asks for moves, but kernel.kind = \"none\" makes none".into(),
            "drop sampler.steps_per_swap or use kernel.kind = \"mala\"".into(),
        )),
        _ => Ok(exchange),
    }
}
