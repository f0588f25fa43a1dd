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

/// Address space that the allocator reserves for every thread, whatever is allocated.
const ARENA: u64 = if cfg!(target_env = "gnu") { 64 << 20 } else { 0 };

/// The parts of an estimate, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Memory {
    /// Particles or ladders.
    population: u64,
    /// Samples that are kept.
    samples: u64,
    /// Constants of the levels.
    levels: u64,
}

impl Memory {
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

    /// Bytes, with room for everything else.
    pub(crate) fn total(&self) -> u64 {
        [self.population, self.samples, self.levels].into_iter().fold(SPARE, u64::saturating_add)
    }

    /// How many such runs, of so many threads each, fit into what is free now, `most` of them at most.
    ///
    /// # Errors
    /// [`RunError::Memory`] where one does not.
    pub(crate) fn at_once(&self, most: usize, threads: usize) -> Result<usize, RunError> {
        let reserved = ARENA.saturating_mul(threads as u64);
        let limits = [(memory(), 0), (address_space(), reserved)];
        limits.into_iter().try_fold(most, |most, (free, reserved)| {
            free.map_or(Ok(most), |free| self.fitting(most, free, reserved))
        })
    }

    /// The same for so many bytes, of which each run reserves some besides what it takes.
    fn fitting(&self, most: usize, available: u64, reserved: u64) -> Result<usize, RunError> {
        let needed = self.total().saturating_add(reserved);
        if needed <= available {
            let more = (available - needed) / (needed - SPARE).max(1);
            return Ok(usize::try_from(more).map_or(most, |more| most.min(more.saturating_add(1))));
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

/// Bytes of memory that are free: of the machine, or of the group of processes that this one is confined to. None where
/// the system tells neither.
fn memory() -> Option<u64> {
    let ram = MemoryRefreshKind::nothing().with_ram();
    let system = System::new_with_specifics(RefreshKind::nothing().with_memory(ram));
    // Files that the system keeps in memory count as used by the group, and go when there is need.
    let confined =
        system.cgroup_limits().map(|limits| limits.total_memory.saturating_sub(limits.rss));
    // A machine whose memory is not known has none at all.
    let machine = (system.total_memory() > 0).then(|| system.available_memory());
    [machine, confined].into_iter().flatten().min()
}

/// Bytes of address space that a limit (`ulimit -v`) leaves.
fn address_space() -> Option<u64> {
    #[cfg(all(unix, not(target_os = "openbsd")))]
    {
        let limit = rustix::process::getrlimit(rustix::process::Resource::As).current?;
        // Where it is not told, what is in use already is small beside any limit that matters.
        let used = std::fs::read_to_string("/proc/self/status").ok();
        let used = used.as_deref().and_then(virtual_size).unwrap_or(0);
        Some(limit.saturating_sub(used))
    }
    #[cfg(not(all(unix, not(target_os = "openbsd"))))]
    None
}

/// The size of a process in the words of Linux.
#[cfg(all(unix, not(target_os = "openbsd")))]
fn virtual_size(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmSize:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes << 10)
}

fn gibibytes(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 30)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    fn estimate(text: &str) -> Memory {
        let config = RunConfig::from_toml(text, "test", Path::new("."), &[]).unwrap();
        Memory::of(&config, 16, 100)
    }

    /// Fails if a part is left out, or what is refused is not the largest part.
    #[test]
    fn parts_by_hand() {
        let annealed =
            estimate("[path]\nlevels = 9\n[sampler]\nparticles = 1001\nrepetitions = 3\n");
        let expected = Memory { population: 1008 * 572, samples: 3 * 1008 * 160, levels: 8000 };
        assert_eq!(annealed, expected);
        assert_eq!(annealed.fitting(4, annealed.total(), 0).unwrap(), 1);
        let refused = annealed.fitting(1, annealed.total() - 1, 0).unwrap_err();
        assert!(!refused.is_bad_input() || refused.to_string().contains("GiB"));
        let exchange = estimate(
            "[path]\nlevels = 9\n[sampler]\nkind = \"replica-exchange\"\nladders = 20\nsamples = 50000000\n",
        );
        assert_eq!(exchange.population, 24 * 10 * 520 + 24 * 1600);
        let message = exchange.fitting(2, 1 << 30, 0).unwrap_err().to_string();
        assert!(message.contains("6.8 GiB") && message.contains("1.0 GiB"), "{message}");
        assert!(message.contains("sampler.samples"), "{message}");
    }

    /// Fails if more runs are begun than fit, or fewer, or the room of everything else is asked for by each of them.
    #[test]
    fn as_many_as_fit() {
        let one = estimate("[path]\nlevels = 9\n[sampler]\nparticles = 1001\nrepetitions = 3\n");
        let bytes = one.total() - SPARE;
        let three = SPARE + 3 * bytes;
        assert_eq!(one.fitting(8, three, 0).unwrap(), 3);
        assert_eq!(one.fitting(8, three - 1, 0).unwrap(), 2);
        assert_eq!(one.fitting(2, three, 0).unwrap(), 2);
        assert_eq!(one.fitting(8, u64::MAX, 0).unwrap(), 8);
        // What each reserves besides is counted as often.
        assert_eq!(one.fitting(8, three + 5, 2).unwrap(), 2);
        assert_eq!(one.fitting(8, three + 6, 2).unwrap(), 3);
        // No memory is known to be none.
        assert!(one.fitting(1, 0, 0).is_err());
    }

    /// Fails if the size of this process is not found where it is told, or is not in bytes.
    #[cfg(target_os = "linux")]
    #[test]
    fn the_size_of_a_process_is_read() {
        let text = "VmPeak:\t  900 kB\nVmSize:\t   12345 kB\nVmLck:\t 0 kB\n";
        assert_eq!(virtual_size(text), Some(12345 << 10));
        assert_eq!(virtual_size("VmPeak:\t 900 kB\n"), None);
        let own = std::fs::read_to_string("/proc/self/status").unwrap();
        assert!(virtual_size(&own).unwrap() > 1 << 20);
    }

    /// Fails if the memory of the machine is not found where it can be.
    #[cfg(target_os = "linux")]
    #[test]
    fn the_machine_has_memory() {
        let bytes = memory().unwrap();
        assert!(bytes > SPARE && bytes < 1 << 50, "{bytes}");
    }
}
