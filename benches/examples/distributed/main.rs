//! Distributed SMC and replica exchange in one process: what ranks would send, against the formulas.
//!
//! ```text
//! cargo run --release -p amc-benches --example distributed
//! ```
//!
//! Several ranks, each with its own blocks, run on the kernels of the core and exchange messages through
//! a `Network` that counts them. Their results must have the bits of one rank. The formulas
//! and what follows from them are in `docs/src/distributed.md`.

mod blocks;
mod cost;
mod exchange;
mod fixed_point;
mod network;
mod placement;
mod problem;
mod ranks;
mod single;
mod volume;

use std::time::Instant;

use amc_core::error::Result;
use amc_core::rng::{Key, Purpose, Stream};
use amc_core::weight::Resampling;

use blocks::state_len;
use cost::{Machine, Scheme, Work};
use fixed_point::FixedWeights;
use network::Network;
use placement::Placement;
use problem::{Choice, Moves, Problem};
use ranks::{REDUCED_DOUBLES, Search};
use single::Rules;
use volume::Moves as Volume;

fn main() -> Result<()> {
    independent_weights()?;
    Problem::with(choice(128), same_bits)?;
    volumes_of_runs()?;
    placements()?;
    Problem::with(choice(128), islands)?;
    Problem::with(Choice { moves: Moves::Ddpm, ..choice(31) }, replica_exchange)?;
    cost_of_a_cluster();
    Ok(())
}

/// The problem of most sections, with this number of steps.
fn choice(steps: usize) -> Choice {
    Choice { dim: 16, steps, moves: Moves::Integrator, seed: 1 }
}

/// Counts against formulas where the formulas should hold: independent log-normal weights, `c^2 = 1`.
fn independent_weights() -> Result<()> {
    const PARTICLES: usize = 1 << 16;
    const DRAWS: usize = 150;
    println!(
        "1. Particles that change ranks: independent weights, c^2 = 1, N = {PARTICLES}, {DRAWS} resamplings\n"
    );
    println!(
        "    P |  sorted  formula  distinct |    tree  formula | butterfly  formula | permuted  formula | worst boundary  worst rank  its partners"
    );
    let mut stream = Key::new(1, Purpose::User).stream();
    for ranks in [2, 4, 16, 64, 256, 1024] {
        let (mut found, mut formula) = (Volume::default(), Volume::default());
        for _ in 0..DRAWS {
            let weights = log_normal_weights(&mut stream, PARTICLES);
            found.add(&volume::counted(&weights, ranks, &mut stream)?);
            formula.add(&volume::expected(PARTICLES, ranks, volume::variation(&weights)));
        }
        let mean = |sum: f64| sum / DRAWS as f64;
        println!(
            "{ranks:5} | {:7.0} {:8.0} {:9.0} | {:7.0} {:8.0} | {:9.0} {:8.0} | {:8.0} {:8.0} | {:7.0} ({:3.0}) {:5.0} ({:3.0}) {:12.1}",
            mean(found.sorted),
            mean(formula.sorted),
            mean(found.sorted_distinct),
            mean(found.tree),
            mean(formula.tree),
            mean(found.butterfly),
            mean(formula.butterfly),
            mean(found.permuted),
            mean(formula.permuted),
            mean(found.sorted_worst),
            mean(formula.sorted_worst),
            mean(found.tree_worst),
            mean(formula.tree_worst),
            mean(found.tree_partners),
        );
    }
    println!(
        "\n      in brackets: what the cost model takes, meant for many ranks of many particles\n"
    );
    inversions(&mut stream)
}

/// Log-normal weights with `c^2 = 1`, normalized.
fn log_normal_weights(stream: &mut Stream, particles: usize) -> Vec<f64> {
    let mut weights = vec![0.0; particles];
    stream.fill_scalar_normals(&mut weights);
    let deviation = libm::sqrt(std::f64::consts::LN_2);
    weights.iter_mut().for_each(|w| *w = libm::exp(deviation * *w));
    let sum: f64 = weights.iter().sum();
    weights.iter_mut().for_each(|w| *w /= sum);
    weights
}

/// Cumulative weights added up one by one in doubles, as in the core, against those in fixed point.
fn inversions(stream: &mut Stream) -> Result<()> {
    const PARTICLES: usize = 1 << 20;
    const DRAWS: usize = 10;
    let (mut differing, mut seconds) = (0, f64::INFINITY);
    for _ in 0..DRAWS {
        let weights = log_normal_weights(stream, PARTICLES);
        let (uniform, mut ancestors) = (stream.clone().uniform(), vec![0; PARTICLES]);
        let start = Instant::now();
        Resampling::Systematic.ancestors(&weights, stream, &mut ancestors)?;
        // The quickest: the machine may be busy with something else.
        seconds = seconds.min(start.elapsed().as_secs_f64());
        let fixed = FixedWeights::new(&weights);
        let offspring = fixed.offspring(0, (PARTICLES, fixed.mass(), uniform));
        let pairs = placement::counts(&ancestors).into_iter().zip(offspring);
        differing += pairs.map(|(a, b)| a.abs_diff(b)).sum::<usize>();
    }
    println!(
        "   N = 2^20: the core inverts cumulative weights in {:.1} ns per particle; {differing} of {} offspring\n   counts differ from those in fixed point\n",
        1e9 * seconds / PARTICLES as f64,
        DRAWS * PARTICLES,
    );
    Ok(())
}

/// Runs SMC on one and on many ranks and compares every bit.
fn same_bits(problem: &Problem<'_>) -> Result<()> {
    const PARTICLES: usize = 4096;
    let (dim, levels) = (problem.dim, problem.steps());
    println!(
        "2. SMC on P ranks against one rank: d = {dim}, {levels} levels, N = {PARTICLES}, exponential integrator, MALA\n"
    );
    println!(
        "placement  search      P  bits   reductions: messages    bytes | gathers: bytes | states: messages     bytes   formula  most partners"
    );
    for placement in [Placement::Sorted, Placement::Tree] {
        let rules = Rules { particles: PARTICLES, first_block: 0, threshold: 0.5, placement };
        let start = Instant::now();
        let alone = single::run(problem, &rules)?;
        let seconds = start.elapsed().as_secs_f64();
        for search in [Search::Gathered, Search::Scanned] {
            for ranks in [2, 8, 64, 256] {
                let mut network = Network::new(ranks);
                let found = ranks::run(problem, &rules, (ranks, search), &mut network)?;
                let same = if found.same_bits(&alone) { "same" } else { "OTHER" };
                let (reductions, gathers, states) =
                    (network.reductions, network.gathers, network.states);
                let moved = |weights: &Vec<f64>| {
                    let all = volume::expected(PARTICLES, ranks, volume::variation(weights));
                    if placement == Placement::Sorted { all.sorted } else { all.tree }
                };
                let moved: f64 = alone.resampled.iter().map(moved).sum();
                println!(
                    "{:9}  {:8} {ranks:4}  {same:5}  {:20} {:8} | {:14} | {:16} {:9} {:9.0} {:14}",
                    format!("{placement:?}").to_lowercase(),
                    format!("{search:?}").to_lowercase(),
                    reductions.messages,
                    reductions.bytes,
                    gathers.bytes,
                    states.messages,
                    states.bytes,
                    moved * cost::particle_bytes(dim),
                    network.most_partners,
                );
                // 3 reductions of 12 doubles per level, and 2 of one double for the last sum.
                let stages = ranks as u64 * u64::from(ranks.ilog2());
                assert_eq!(reductions.messages, stages * (3 * levels as u64 + 2));
                let doubles = (REDUCED_DOUBLES * levels + 2) as u64;
                assert_eq!(reductions.bytes, stages * 8 * doubles);
                assert!(found.same_bits(&alone), "the number of ranks changed the result");
            }
        }
        println!(
            "           {} resamplings; one rank: {:.0} ns per particle and level, log Z = {:+.4}",
            alone.resampled.len(),
            1e9 * seconds / (PARTICLES * levels) as f64,
            alone.log_z,
        );
    }
    println!();
    Ok(())
}

/// Counts against formulas in real runs, whose weights are not independent.
fn volumes_of_runs() -> Result<()> {
    const PARTICLES: usize = 8192;
    const SEEDS: u64 = 4;
    println!("3. The same counts in SMC: d = 16, 128 levels, N = {PARTICLES}, all resamplings of {SEEDS} seeds; count over formula
");
    println!("bridge      resamplings  median c^2 |     P  sorted    tree  butterfly");
    for moves in [Moves::Ddpm, Moves::Integrator, Moves::Identity] {
        let mut all = Vec::new();
        for seed in 0..SEEDS {
            let placement = Placement::Sorted;
            let rules = Rules { particles: PARTICLES, first_block: 0, threshold: 0.5, placement };
            let run = |problem: &Problem<'_>| single::run(problem, &rules);
            all.extend(Problem::with(Choice { moves, seed, ..choice(128) }, run)?.resampled);
        }
        let mut squares: Vec<f64> = all.iter().map(|w| volume::variation(w)).collect();
        squares.sort_unstable_by(f64::total_cmp);
        let median = squares[squares.len() / 2];
        for ranks in [4, 16, 64, 256] {
            let mut stream = Key::new(2, Purpose::User).stream();
            let (mut found, mut formula) = (Volume::default(), Volume::default());
            for weights in &all {
                found.add(&volume::counted(weights, ranks, &mut stream)?);
                formula.add(&volume::expected(PARTICLES, ranks, volume::variation(weights)));
            }
            println!(
                "{:10} {:12} {median:11.2} | {ranks:5} {:7.2} {:7.2} {:10.2}",
                format!("{moves:?}").to_lowercase(),
                all.len(),
                found.sorted / formula.sorted,
                found.tree / formula.tree,
                found.butterfly / formula.butterfly,
            );
        }
    }
    println!();
    Ok(())
}

/// What the placement does to the estimate: `Z` is 1.
fn placements() -> Result<()> {
    const PARTICLES: usize = 512;
    const SEEDS: u64 = 64;
    println!(
        "   Estimates by placement: d = 16, 128 levels, N = {PARTICLES}, {SEEDS} seeds, exponential integrator
"
    );
    for placement in [Placement::Sorted, Placement::Tree] {
        let rules = Rules { particles: PARTICLES, first_block: 0, threshold: 0.5, placement };
        let mut log_z = Vec::new();
        for seed in 0..SEEDS {
            let choice = Choice { seed, ..choice(128) };
            log_z.push(Problem::with(choice, |problem| single::run(problem, &rules))?.log_z);
        }
        let z: Vec<f64> = log_z.iter().map(|v| libm::exp(*v)).collect();
        let ((mean, deviation), (log_mean, log_deviation)) = (moments(&z), moments(&log_z));
        println!(
            "   {:6}  mean Z {mean:.3} +- {:.3}   log Z {log_mean:+.3}, standard deviation {log_deviation:.3}",
            format!("{placement:?}").to_lowercase(),
            deviation / libm::sqrt(SEEDS as f64),
        );
    }
    println!();
    Ok(())
}

/// Mean and standard deviation.
fn moments(values: &[f64]) -> (f64, f64) {
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    let square = values.iter().map(|v| (v - mean) * (v - mean)).sum::<f64>();
    (mean, libm::sqrt(square / (count - 1.0)))
}

/// Islands that never trade: what their weights are worth at the end.
fn islands(problem: &Problem<'_>) -> Result<()> {
    const PARTICLES: usize = 8192;
    println!("4. Islands that resample alone: d = 16, 128 levels, N = {PARTICLES} in all\n");
    println!(
        "islands  particles each  variance of log Z  times n  islands left: ESS, exp(-variance) P"
    );
    for islands in [8, 32, 128] {
        let width = PARTICLES / islands;
        let mut log_z = Vec::new();
        for island in 0..islands {
            let (first_block, placement) = (island * width / 8, Placement::Sorted);
            let rules = Rules { particles: width, first_block, threshold: 0.5, placement };
            log_z.push(single::run(problem, &rules)?.log_z);
        }
        let count = islands as f64;
        let deviation = moments(&log_z).1;
        let variance = deviation * deviation;
        let left = amc_core::weight::effective_sample_size(&log_z);
        println!(
            "{islands:7} {width:15} {variance:18.4} {:8.0} {left:18.1} {:18.1}",
            variance * width as f64,
            count * libm::exp(-variance),
        );
    }
    println!();
    Ok(())
}

/// Replica exchange by levels: bits, and bytes against the formulas.
fn replica_exchange(problem: &Problem<'_>) -> Result<()> {
    const LADDERS: usize = 64;
    const ROUNDS: usize = 40;
    let levels = problem.steps() + 1;
    println!(
        "5. Replica exchange by levels: d = 16, {levels} levels, {LADDERS} ladders, {ROUNDS} rounds\n"
    );
    let alone = exchange::run(problem, (LADDERS, ROUNDS), 1, &mut Network::new(1))?;
    println!(
        "acceptance {:.3}; swaps settled otherwise by two numbers: {} of {}",
        alone.accepted as f64 / alone.swaps as f64,
        alone.disagreements,
        alone.swaps
    );
    println!(
        "    P  bits   messages  accepted at boundaries      bytes    formula | states both ways  proposals    works"
    );
    for ranks in [2, 4, 8, 16, 32] {
        let mut network = Network::new(ranks);
        let found = exchange::run(problem, (LADDERS, ROUNDS), ranks, &mut network)?;
        let bits = |states: &[f64]| states.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
        let same = bits(&found.states) == bits(&alone.states);
        let pairs = found.crossed as f64 / LADDERS as f64;
        let acceptance = found.crossed_accepted as f64 / found.crossed as f64;
        let bytes = exchange::pair_bytes(problem.dim, LADDERS, acceptance);
        println!(
            "{ranks:5}  {:5} {:9} {acceptance:23.3} {:10} {:10.0} | {:16.0} {:10.0} {:8.0}",
            if same { "same" } else { "OTHER" },
            network.states.messages,
            network.states.bytes,
            pairs * bytes.there_and_back,
            pairs * bytes.twice,
            pairs * bytes.proposals,
            pairs * bytes.works,
        );
        assert!(same, "the number of ranks changed the result");
    }
    println!("      state: {} doubles per ladder\n", state_len(problem.dim));
    Ok(())
}

/// The network of the tables: common figures of a cluster interconnect.
const MACHINE: Machine = Machine { latency: 2e-6, bandwidth: 10e9 };

/// Particles' worth of computing in a pilot of 1024 particles: 1.6 times the evaluations of a run.
const PILOT: f64 = 1.6 * 1024.0;

/// The first two were measured (`amc run --threads 1`), the third is assumed.
const WORKS: [Work; 3] = [
    work("two modes, d = 32, isotropic-optimal", 2.5e-6, 32),
    work("32 modes, d = 32, second order", 15e-6, 32),
    work("learned density, d = 64 (assumed)", 1e-3, 64),
];

const fn work(name: &'static str, seconds: f64, dim: usize) -> Work {
    // Half of the levels resample, at an effective sample size of N/2: more than any run here needs.
    Work { name, seconds, dim, levels: 128, resamplings: 0.5, variation: 1.0 }
}

const SORTED: Scheme = Scheme::Global(Search::Scanned, Placement::Sorted);
const TREE: Scheme = Scheme::Global(Search::Scanned, Placement::Tree);
const GATHERED: Scheme = Scheme::Global(Search::Gathered, Placement::Sorted);

/// The tables of the cost model.
fn cost_of_a_cluster() {
    println!(
        "6. Cost model: {:.0} us, {:.0} GB/s per rank, 128 levels, half of them resampled at c^2 = 1\n",
        1e6 * MACHINE.latency,
        1e-9 * MACHINE.bandwidth
    );
    for work in &WORKS {
        println!("{}: {:.1} us per particle and level", work.name, 1e6 * work.seconds);
        println!(
            "       N     P |   seconds  core-hours | efficiency: tree  sorted  gathered  permuted | at B/64: tree  sorted | pilot on every rank"
        );
        for log_n in [14, 17, 20] {
            for p in [1.0, 16.0, 64.0, 256.0, 1024.0] {
                let size = (libm::exp2(f64::from(log_n)), p);
                let seconds = work.levels as f64 * cost::level_seconds(work, &MACHINE, size, TREE);
                let shared = Machine { bandwidth: MACHINE.bandwidth / 64.0, ..MACHINE };
                let of = |scheme, fixed| cost::efficiency(work, &MACHINE, size, scheme, fixed);
                println!(
                    "    2^{log_n} {p:5.0} | {seconds:9.3} {:11.5} | {:16.3} {:7.3} {:9.3} {:9.3} | {:13.3} {:7.3} | {:19.3}",
                    seconds * p / 3600.0,
                    of(TREE, 0.0),
                    of(SORTED, 0.0),
                    of(GATHERED, 0.0),
                    of(Scheme::Permuted, 0.0),
                    cost::efficiency(work, &shared, size, TREE, 0.0),
                    cost::efficiency(work, &shared, size, SORTED, 0.0),
                    of(TREE, PILOT),
                );
            }
        }
        println!("    particles per rank for an efficiency of .9:");
        for p in [2.0, 16.0, 64.0, 256.0, 1024.0] {
            let of =
                |scheme, fixed| cost::particles_for_nine_tenths(work, &MACHINE, p, scheme, fixed);
            println!(
                "         {p:5.0} | {:34.0} {:7.0} {:9.0} {:9.0} | {:21} | {:19.0}",
                of(TREE, 0.0),
                of(SORTED, 0.0),
                of(GATHERED, 0.0),
                of(Scheme::Permuted, 0.0),
                "",
                of(TREE, PILOT),
            );
        }
        println!(
            "    replica exchange, 32 levels, acceptance .6: efficiency of P = 2, 8, 32 by levels"
        );
        for ladders in [8.0, 64.0] {
            let of = |p: f64| {
                let one = cost::round_seconds(work, &MACHINE, (32.0, ladders, 1.0), 0.6);
                one / (p * cost::round_seconds(work, &MACHINE, (32.0, ladders, p), 0.6))
            };
            println!("    {ladders:4.0} ladders: {:.3} {:.3} {:.3}", of(2.0), of(8.0), of(32.0));
        }
        println!();
    }
}
