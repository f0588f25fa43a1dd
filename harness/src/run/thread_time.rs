//! What a part of a run takes: wall time, and the CPU time of the calling thread, which other programs of a busy machine
//! do not lengthen.

use std::time::Instant;

/// Seconds that a part of a run took.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Spent {
    /// Of wall time.
    pub wall: f64,
    /// Of CPU time of the calling thread.
    pub thread: f64,
}

/// When a part of a run began.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stopwatch {
    wall: Instant,
    thread: f64,
}

impl Stopwatch {
    pub(super) fn start() -> Self {
        Self { wall: Instant::now(), thread: thread_seconds() }
    }

    /// What has passed since the start.
    pub(super) fn read(&self) -> Spent {
        let thread = thread_seconds() - self.thread;
        Spent { wall: self.wall.elapsed().as_secs_f64(), thread }
    }
}

/// Seconds since some moment: of CPU time of this thread on Unix, elsewhere of wall time.
fn thread_seconds() -> f64 {
    #[cfg(unix)]
    {
        let now = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
        now.tv_sec as f64 + 1e-9 * now.tv_nsec as f64
    }
    #[cfg(not(unix))]
    {
        static START: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
        START.get_or_init(Instant::now).elapsed().as_secs_f64()
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    /// Fails if the time is that of the wall, which goes on while a thread sleeps, or stands still while it works.
    #[test]
    fn sleep_takes_no_time_and_work_does() {
        let start = thread_seconds();
        std::thread::sleep(std::time::Duration::from_millis(200));
        assert!(thread_seconds() - start < 0.1);
        let mut sum = 0.0_f64;
        while thread_seconds() - start < 0.1 {
            sum = std::hint::black_box(sum + 1.0);
        }
        assert!(sum > 0.0);
    }
}
