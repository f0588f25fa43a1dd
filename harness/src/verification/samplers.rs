//! The list of cases: every bridge, scheme and kernel in AIS and SMC, replica exchange, threads.
//!
//! Bridges are crossed with schemes and kernels in turn rather than all with all: each bridge runs in AIS and
//! in SMC, each scheme and each kernel several times, and no pair of a scheme and a kernel is special.

use amc_core::weight::Resampling;
use amc_verify::suite::Case;

use super::exchange::{self, ExchangeCase};
use super::populations::{self, PopulationCase};
use super::scene::Scene;
use super::threads::{self, Program};
use crate::catalog::{Source, SwapOrder};
use crate::learned::Sources;

/// Runs of the evidence's law, and as many conditional ones.
const RUNS: usize = 24_000;
/// Runs with a model: a network for three particles takes as long as for a hundred.
const LEARNED_RUNS: usize = RUNS / 8;
/// Runs behind a coverage.
const ESTIMATES: usize = 2_000;
/// Ladders of replica exchange; a quarter of them where they cost most.
const LADDERS: usize = 65_536;
/// Rounds between the exact start and what is looked at: an odd number, as pairs that always trade places
/// are back after an even one.
const ROUNDS: usize = 7;
/// Particles of a population whose evidence is looked at, in turn: two blocks, one, and one that is not full.
/// The first goes to a population without moves, where blocks that share their numbers show.
const PARTICLES: [usize; 3] = [16, 8, 13];
/// Particles of a population whose error bars are: enough for a normal error.
const PARTICLES_OF_ERROR_BARS: usize = 256;

/// Rounds of replica exchange behind one estimate of `log Z`.
const ROUNDS_OF_ESTIMATE: usize = 24;

/// Times of the noisy levels: diffusion, and tempering with its inverse temperatures `1 - t`.
const DIFFUSION: &[f64] = &[0.08, 0.2, 0.35, 0.6];
const TEMPERING: &[f64] = &[0.45, 0.75, 0.92, 1.0];
const KERNELS: [&str; 4] = ["none", "rwm", "mala", "hmc"];

/// Every bridge with its settings, the path it is on, and the threshold at which SMC resamples now and then;
/// better bridges need a higher one.
const BRIDGES: [(&str, &str, bool, f64); 12] = [
    ("identity, tempering", "kind = \"identity\"", true, 0.85),
    ("identity", "kind = \"identity\"", false, 0.85),
    ("exponential-integrator", "kind = \"exponential-integrator\"", false, 0.5),
    ("ddpm", "kind = \"ddpm\"", false, 0.85),
    ("ddpm, posterior", "kind = \"ddpm\"\nvariance = \"posterior\"", false, 0.7),
    ("isotropic-optimal", "kind = \"isotropic-optimal\"", false, 0.9),
    ("diagonal", "kind = \"diagonal\"", false, 0.96),
    ("second-order", "kind = \"second-order\"", false, 0.96),
    ("low-rank", "kind = \"low-rank\"\nrank = 1", false, 0.95),
    ("flow-map, heun", "kind = \"flow-map\"", false, 0.95),
    ("flow-map, pf-ei", "kind = \"flow-map\"\nmap = \"pf-ei\"", false, 0.97),
    ("exact", "kind = \"exact\"", false, 2.0),
];

/// All cases.
pub(super) fn cases() -> Vec<Case> {
    let mut cases = evidence_cases();
    cases.extend(learned_cases());
    cases.extend(error_bar_cases());
    cases.extend(exchange_cases());
    cases.extend(thread_cases());
    cases
}

fn scene((bridge, tempering): (&'static str, bool), kernel: &'static str, full: bool) -> Scene {
    let times = if tempering { TEMPERING } else { DIFFUSION };
    Scene { tempering, bridge, kernel, times, full, learned: None }
}

/// A scene whose noisy levels take from a model what a setting says.
fn learned_scene(bridge: &'static str, kernel: &'static str, sources: Sources) -> Scene {
    Scene { learned: Some(sources), ..scene((bridge, false), kernel, false) }
}

/// The three settings in which something comes from a model.
const LEARNED: [Sources; 3] = [
    Sources { density: Source::Exact, score: Source::Learned },
    Sources { density: Source::Learned, score: Source::Learned },
    Sources { density: Source::Learned, score: Source::Exact },
];

/// The bridges that read scores, Hessians, products and maps of a model.
const LEARNED_BRIDGES: [(&str, &str); 4] = [
    ("isotropic-optimal", "kind = \"isotropic-optimal\""),
    ("second-order", "kind = \"second-order\""),
    ("low-rank", "kind = \"low-rank\"\nrank = 1"),
    ("flow-map, heun", "kind = \"flow-map\""),
];

/// A setting in words.
fn described(sources: Sources) -> String {
    format!("density {}, score {}", sources.density, sources.score)
}

/// AIS with and without moves, in all settings with all bridges. Without resampling: around a given path it is drawn again
/// until the path survives, which takes for ever where weights are as uneven as a wrong model makes them; what resampling
/// does is the same whatever weights are made of.
fn learned_cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for (setting, sources) in LEARNED.into_iter().enumerate() {
        for (index, (name, bridge)) in LEARNED_BRIDGES.into_iter().enumerate() {
            let kernel = if (setting + index / 2) % 2 == 0 { "none" } else { "mala" };
            let instance = format!("{}, {name}, {kernel}, {}", annealed(None), described(sources));
            let scene = learned_scene(bridge, kernel, sources);
            let case = PopulationCase { scene, rule: None, particles: PARTICLES[index % 3] };
            let names = ("population::evidence", annealed(None));
            cases.push(Case::new(names, instance, LEARNED_RUNS, move |name, budget| {
                populations::check_evidence(&case, name, budget)
            }));
        }
    }
    cases
}

fn evidence_cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for (index, (name, bridge, tempering, threshold)) in BRIDGES.into_iter().enumerate() {
        let full = index % 2 == 1;
        let particles = PARTICLES[index % PARTICLES.len()];
        // AIS once; SMC with two schemes and two kernels that shift from bridge to bridge.
        for variant in 0..3 {
            let kernel = KERNELS[(index + 2 * variant) % KERNELS.len()];
            let scheme = Resampling::ALL[(index + 2 * variant) % Resampling::ALL.len()];
            let rule = (variant > 0).then_some((scheme, threshold));
            let what =
                rule.map_or("ais".to_owned(), |(scheme, _)| format!("smc {}", scheme.name()));
            let instance = format!("{what}, {name}, {kernel}");
            let case =
                PopulationCase { scene: scene((bridge, tempering), kernel, full), rule, particles };
            let names = ("population::evidence", annealed(case.rule));
            cases.push(Case::new(names, instance, RUNS, move |name, budget| {
                populations::check_evidence(&case, name, budget)
            }));
        }
    }
    cases
}

/// The sampler that a rule of resampling makes.
fn annealed(rule: Option<(Resampling, f64)>) -> &'static str {
    rule.map_or("ais", |_| "smc")
}

fn error_bar_cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for (name, bridge, tempering, rule) in [
        ("identity, tempering", "kind = \"identity\"", true, None),
        ("ddpm", "kind = \"ddpm\"", false, Some((Resampling::Multinomial, 0.6))),
        ("second-order", "kind = \"second-order\"", false, Some((Resampling::Systematic, 0.6))),
    ] {
        let instance = format!("{}, {name}", annealed(rule));
        let scene = scene((bridge, tempering), "mala", false);
        let case = PopulationCase { scene, rule, particles: PARTICLES_OF_ERROR_BARS };
        let names = ("error_bars::coverage", annealed(rule));
        cases.push(Case::new(names, instance, ESTIMATES, move |name, budget| {
            populations::check_error_bars(&case, name, budget)
        }));
    }
    let scene = scene(("kind = \"ddpm\"", false), "mala", false);
    let case = ExchangeCase { scene, order: SwapOrder::EvenOdd, rounds: ROUNDS_OF_ESTIMATE };
    let names = ("error_bars::coverage", EXCHANGE);
    let instance = format!("{EXCHANGE}, ddpm");
    cases.push(Case::new(names, instance, ESTIMATES, move |name, budget| {
        exchange::check_error_bars(&case, name, budget)
    }));
    cases
}

/// The name of the sampler.
const EXCHANGE: &str = "replica-exchange";

fn exchange_cases() -> Vec<Case> {
    let mut cases = Vec::new();
    let mut add =
        |name: &str, scene: Scene, (order, rounds): (SwapOrder, usize), samples: usize| {
            let instance = format!("{order}, {name}, {}", scene.kernel);
            let case = ExchangeCase { scene, order, rounds };
            let names = ("ladders::invariance", EXCHANGE);
            cases.push(Case::new(names, instance, samples, move |name, budget| {
                exchange::check_levels(&case, name, budget)
            }));
        };
    for (index, (name, bridge, tempering, _)) in BRIDGES.into_iter().enumerate() {
        // Levels of a tempering path between mixtures have no exact law.
        if !tempering {
            let kernel = KERNELS[(index + 1) % KERNELS.len()];
            let scene = scene((bridge, false), kernel, index % 2 == 0);
            let ladders = if bridge.contains("flow-map") { LADDERS / 4 } else { LADDERS };
            add(name, scene, (SwapOrder::EvenOdd, ROUNDS), ladders);
        }
    }
    // All ladders share the coins: in so many rounds every pair is swapped, but with probability 1e-12.
    let stochastic = scene(("kind = \"ddpm\"", false), "mala", true);
    add("ddpm", stochastic, (SwapOrder::Stochastic, 41), LADDERS / 4);
    // Levels whose densities are exact stay so, however wrong the scores are that swaps and moves propose by.
    let sources = Sources { density: Source::Exact, score: Source::Learned };
    for (name, bridge) in [LEARNED_BRIDGES[0], LEARNED_BRIDGES[1]] {
        let name = format!("{name}, {}", described(sources));
        let scene = learned_scene(bridge, "mala", sources);
        add(&name, scene, (SwapOrder::EvenOdd, ROUNDS), LADDERS / 16);
    }
    cases
}

fn thread_cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for (program, subject) in
        [(Program::Ais, "ais"), (Program::Smc, "smc"), (Program::Exchange, EXCHANGE)]
    {
        for (bridge, name, kernel) in [
            ("kind = \"isotropic-optimal\"", "isotropic-optimal", "mala"),
            ("kind = \"low-rank\"\nrank = 1", "low-rank", "hmc"),
        ] {
            let instance = format!("{subject}, {name}, {kernel}");
            let scene = scene((bridge, false), kernel, true);
            // Path by path: one seed proves what two do.
            let names = ("threads::invariance", subject);
            cases.push(Case::new(names, instance, 64, move |name, budget| {
                threads::check((&scene, program), name, budget)
            }));
        }
    }
    cases
}
