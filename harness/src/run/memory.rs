//! What a run takes of memory, known before it begins.
//!
//! ```text
//! annealed:  N (16 (2d+1) + 44)    positions, scores, log-densities twice; weights, ancestors, reports
//!            + R N (8d + 32)       samples of the repetitions
//! exchange:  M (L+1) (8 (2d+1) + 256)    states, tallies, works and their jackknife
//!            + M 100d + samples (8d + 16)    starts, rounds on their way to the metrics
//! both:      (L+1) 8 S             constants of the levels, S numbers each
//! ```
//!
//! with `N` particles or `M` ladders, rounded up to blocks of eight. What metrics take is bounded whatever the run.
//! Measured by GNU time's `-v`: SMC with 1e6 particles, d = 16, 725 MiB of 762 estimated; 1e5 ladders of 16 levels,
//! d = 16, 1085 MiB of 1060.

use sysinfo::{MemoryRefreshKind, RefreshKind, System};

use super::RunError;
use crate::config::{Algorithm, RunConfig};

/// Room that is left to everything else.
const SPARE: u64 = 64 << 20;

/// The parts of an estimate, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Estimate {
    /// Particles or ladders.
    population: u64,
    /// Samples that are kept.
    samples: u64,
    /// Constants of the levels.
    levels: u64,
}

impl Estimate {
    /// Of a run in `dim` coordinates whose levels take `per_level` numbers each.
    pub(super) fn of(config: &RunConfig, dim: usize, per_level: usize) -> Self {
        let [d, per_level, steps] = [dim, per_level, config.path.levels].map(|n| n as u64);
        let blocks = |count: usize| (count as u64).div_ceil(8).saturating_mul(8);
        let (population, samples) = match config.sampler.algorithm {
            Algorithm::Ais { particles } | Algorithm::Smc { particles, .. } => {
                let (n, repetitions) = (blocks(particles), config.sampler.repetitions as u64);
                let samples = n.saturating_mul(repetitions).saturating_mul(8 * d + 32);
                (n.saturating_mul(16 * (2 * d + 1) + 44), samples)
            }
            Algorithm::ReplicaExchange(rules) => {
                let cells = blocks(rules.ladders).saturating_mul(steps + 1);
                let samples = (rules.samples.max(rules.ladders) as u64).saturating_mul(8 * d + 16);
                let starts = blocks(rules.ladders).saturating_mul(100 * d);
                let states = cells.saturating_mul(8 * (2 * d + 1) + 256);
                (states.saturating_add(starts), samples)
            }
        };
        let levels = (steps + 1).saturating_mul(8 * per_level);
        Self { population, samples, levels }
    }

    fn total(&self) -> u64 {
        [self.population, self.samples, self.levels].into_iter().fold(SPARE, u64::saturating_add)
    }

    /// Refuses a run that does not fit into so many bytes.
    fn fits(&self, available: u64) -> Result<(), RunError> {
        let needed = self.total();
        if needed <= available {
            return Ok(());
        }
        let remedy = match [self.population, self.samples, self.levels].into_iter().max() {
            Some(most) if most == self.population => {
                "fewer sampler.particles, sampler.ladders or path.levels"
            }
            Some(most) if most == self.samples => "fewer sampler.repetitions or sampler.samples",
            _ => "fewer path.levels",
        };
        Err(RunError::Memory { needed: gibibytes(needed), available: gibibytes(available), remedy })
    }
}

/// Refuses a run that does not fit into the memory that is free now.
pub(super) fn check(config: &RunConfig, dim: usize, per_level: usize) -> Result<(), RunError> {
    match available() {
        Some(available) => Estimate::of(config, dim, per_level).fits(available),
        None => Ok(()),
    }
}

/// Bytes that this process may still take: of the machine, or of the group of processes that it is confined to.
fn available() -> Option<u64> {
    let ram = MemoryRefreshKind::nothing().with_ram();
    let system = System::new_with_specifics(RefreshKind::nothing().with_memory(ram));
    let free = system.available_memory();
    // Files that the system keeps in memory count as used by the group, and go when there is need.
    let confined =
        system.cgroup_limits().map(|limits| limits.total_memory.saturating_sub(limits.rss));
    let free = confined.map_or(free, |bytes| bytes.min(free));
    // A system that does not tell.
    (free > 0).then_some(free)
}

fn gibibytes(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 30)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    fn estimate(text: &str) -> Estimate {
        let config = RunConfig::from_toml(text, "test", Path::new("."), &[]).unwrap();
        Estimate::of(&config, 16, 100)
    }

    /// Fails if a part is left out, or what is refused is not the largest part.
    #[test]
    fn parts_by_hand() {
        let annealed =
            estimate("[path]\nlevels = 9\n[sampler]\nparticles = 1001\nrepetitions = 3\n");
        let expected = Estimate { population: 1008 * 572, samples: 3 * 1008 * 160, levels: 8000 };
        assert_eq!(annealed, expected);
        assert!(annealed.fits(annealed.total()).is_ok());
        let refused = annealed.fits(annealed.total() - 1).unwrap_err();
        assert!(!refused.is_bad_input() || refused.to_string().contains("GiB"));
        let exchange = estimate(
            "[path]\nlevels = 9\n[sampler]\nkind = \"replica-exchange\"\nladders = 20\nsamples = 50000000\n",
        );
        assert_eq!(exchange.population, 24 * 10 * 520 + 24 * 1600);
        let message = exchange.fits(1 << 30).unwrap_err().to_string();
        assert!(message.contains("6.8 GiB") && message.contains("1.0 GiB"), "{message}");
        assert!(message.contains("sampler.samples"), "{message}");
    }

    /// Fails if the memory of the machine is not found where it can be.
    #[cfg(target_os = "linux")]
    #[test]
    fn the_machine_has_memory() {
        let bytes = available().unwrap();
        assert!(bytes > SPARE && bytes < 1 << 50, "{bytes}");
    }
}
