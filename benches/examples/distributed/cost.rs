//! What a run on `P` ranks takes: computing, waiting for messages, moving bytes.
//!
//! ```text
//! SMC, one level        n tau + 3 log2(P) alpha + 96 log2(P)/B + rho (search + moves),    n = N/P
//!   search, scanned     log2(P) alpha + 16 (P - 1)/B
//!   search, gathered    log2(P) alpha + 8 (N - n)/B + N iota
//!   moves, sorted       b m/B + (1 + m/n) alpha,    m = min(n, .869 c sqrt(N)): the worst boundary
//!   moves, tree         b m/B + log2(P) alpha,      m = min(n, c sqrt(2 n ln P)): the worst rank
//!   moves, permuted     b n (1 - 1/P)/B + (P - 1) alpha
//! exchange, one round   (levels/P) G tau + 2 alpha + G (2d + 1)(1 + A) 8/B
//! efficiency            N tau/(P T)
//! ```
//!
//! `alpha` latency of a message, `B` bandwidth of a rank, `tau` time per particle and level, `iota` time
//! per particle of inverting cumulative weights, `rho` resamplings per level, `b` bytes of a particle.

use crate::placement::Placement;
use crate::ranks::{FAMILY_BYTES, REDUCED_DOUBLES, Search};
use crate::volume::LARGEST_OF_BRIDGE;

/// A network.
#[derive(Debug, Clone, Copy)]
pub struct Machine {
    /// Seconds until a short message has arrived.
    pub latency: f64,
    /// Bytes per second of one rank, each way.
    pub bandwidth: f64,
}

/// What a particle costs.
#[derive(Debug, Clone, Copy)]
pub struct Work {
    /// For tables.
    pub name: &'static str,
    /// Seconds of one core per particle and level.
    pub seconds: f64,
    /// The dimension `d`.
    pub dim: usize,
    /// Levels of the run.
    pub levels: usize,
    /// Resamplings per level.
    pub resamplings: f64,
    /// `c^2` of the weights when they are resampled.
    pub variation: f64,
}

/// How a population is resampled.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Scheme {
    /// By the core's rules or in fixed point, placed sorted or along the tree.
    Global(Search, Placement),
    /// In fixed point, placed in random order.
    Permuted,
}

/// Seconds per particle of inverting cumulative weights one by one, as the simulation measures it.
const INVERSION: f64 = 20e-9;

/// Bytes of one particle: position, score, log-density, family.
pub fn particle_bytes(dim: usize) -> f64 {
    (8 * (2 * dim + 1) + FAMILY_BYTES) as f64
}

/// Seconds of one level of SMC.
pub fn level_seconds(
    work: &Work,
    machine: &Machine,
    (n_all, p): (f64, f64),
    scheme: Scheme,
) -> f64 {
    let n = n_all / p;
    let compute = n * work.seconds;
    if p <= 1.0 {
        return compute;
    }
    let (stages, alpha, bandwidth) = (libm::log2(p), machine.latency, machine.bandwidth);
    let reductions = stages * (3.0 * alpha + 8.0 * REDUCED_DOUBLES as f64 / bandwidth);
    let search = match scheme {
        Scheme::Global(Search::Gathered, _) => 8.0 * (n_all - n) / bandwidth + n_all * INVERSION,
        _ => 16.0 * (p - 1.0) / bandwidth,
    };
    let (particles, messages) = match scheme {
        Scheme::Global(_, Placement::Sorted) => {
            let worst = n.min(LARGEST_OF_BRIDGE * libm::sqrt(work.variation * n_all));
            (worst, 1.0 + worst / n)
        }
        Scheme::Global(_, Placement::Tree) => {
            // Partners of the busiest rank, as counted.
            (n.min(libm::sqrt(2.0 * work.variation * n * libm::log(p))), stages)
        }
        Scheme::Permuted => (n * (1.0 - 1.0 / p), p - 1.0),
    };
    let moves = particles * particle_bytes(work.dim) / bandwidth + messages * alpha;
    compute + reductions + work.resamplings * (stages * alpha + search + moves)
}

/// `N tau/(P T)` with `fixed` particles' worth of computing that every rank repeats (a pilot).
pub fn efficiency(
    work: &Work,
    machine: &Machine,
    (n_all, p): (f64, f64),
    scheme: Scheme,
    fixed: f64,
) -> f64 {
    let seconds = level_seconds(work, machine, (n_all, p), scheme) + fixed * work.seconds;
    (n_all + fixed) * work.seconds / (p * seconds)
}

/// Particles per rank from which on the efficiency is .9; infinite where it never is.
pub fn particles_for_nine_tenths(
    work: &Work,
    machine: &Machine,
    p: f64,
    scheme: Scheme,
    fixed: f64,
) -> f64 {
    let poor = |n: f64| efficiency(work, machine, (n * p, p), scheme, fixed) < 0.9;
    let (mut low, mut high) = (1e-3, 1e12);
    if poor(high) {
        return f64::INFINITY;
    }
    for _ in 0..200 {
        let middle = libm::sqrt(low * high);
        if poor(middle) { low = middle } else { high = middle }
    }
    high
}

/// Seconds of one round of replica exchange with `levels` levels on `p` ranks.
pub fn round_seconds(
    work: &Work,
    machine: &Machine,
    (levels, ladders, p): (f64, f64, f64),
    acceptance: f64,
) -> f64 {
    let compute = libm::ceil(levels / p) * ladders * work.seconds;
    if p <= 1.0 {
        return compute;
    }
    let bytes = ladders * 8.0 * (2 * work.dim + 1) as f64 * (1.0 + acceptance);
    compute + 2.0 * machine.latency + bytes / machine.bandwidth
}

#[cfg(test)]
mod tests {
    use super::*;

    const WORK: Work =
        Work { name: "", seconds: 1e-6, dim: 2, levels: 1, resamplings: 0.5, variation: 1.0 };
    const MACHINE: Machine = Machine { latency: 2e-6, bandwidth: 1e10 };
    const TREE: Scheme = Scheme::Global(Search::Scanned, Placement::Tree);

    /// Fails if a term is left out or doubled: N = 4096 on 4 ranks, by hand.
    #[test]
    fn seconds_by_hand() {
        let common = 1024e-6 + 2.0 * (6e-6 + 96e-10);
        let bytes = 48e-10;
        let cases = [
            (TREE, 4e-6 + 48e-10 + libm::sqrt(2048.0 * libm::log(4.0)) * bytes + 4e-6),
            (
                Scheme::Global(Search::Scanned, Placement::Sorted),
                4e-6 + 48e-10 + 64.0 * LARGEST_OF_BRIDGE * (bytes + 2e-6 / 1024.0) + 2e-6,
            ),
            (
                Scheme::Global(Search::Gathered, Placement::Tree),
                4e-6 + 3072.0 * 8e-10
                    + 4096.0 * INVERSION
                    + libm::sqrt(2048.0 * libm::log(4.0)) * bytes
                    + 4e-6,
            ),
            (Scheme::Permuted, 4e-6 + 48e-10 + 768.0 * bytes + 6e-6),
        ];
        for (scheme, expected) in cases {
            let found = level_seconds(&WORK, &MACHINE, (4096.0, 4.0), scheme);
            assert!((found / (common + 0.5 * expected) - 1.0).abs() < 1e-12, "{scheme:?}");
            assert_eq!(level_seconds(&WORK, &MACHINE, (4096.0, 1.0), scheme), 4096e-6);
        }
    }

    /// Fails if the threshold is not where the efficiency is .9, or a repeated pilot is free: `f`
    /// particles everywhere ask for more than `9 f` of one's own.
    #[test]
    fn threshold_is_where_it_says() {
        for p in [2.0, 64.0, 1024.0] {
            let n = particles_for_nine_tenths(&WORK, &MACHINE, p, TREE, 0.0);
            let found = efficiency(&WORK, &MACHINE, (n * p, p), TREE, 0.0);
            assert!((found - 0.9).abs() < 1e-9, "{found}");
        }
        let n = particles_for_nine_tenths(&WORK, &MACHINE, 1024.0, TREE, 1000.0);
        assert!(n > 8900.0 && n < 11_000.0, "{n}");
        let gathered = Scheme::Global(Search::Gathered, Placement::Sorted);
        assert!(particles_for_nine_tenths(&WORK, &MACHINE, 1024.0, gathered, 0.0).is_infinite());
    }

    /// Fails if a round forgets the slowest rank: 9 levels on 4 ranks are 3 on one of them.
    #[test]
    fn rounds_by_hand() {
        let found = round_seconds(&WORK, &MACHINE, (9.0, 64.0, 4.0), 0.5);
        let expected = 3.0 * 64e-6 + 4e-6 + 64.0 * 60e-10;
        assert!((found / expected - 1.0).abs() < 1e-12);
    }
}
