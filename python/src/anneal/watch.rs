//! Tells the thread that called for a run how it goes on, and the run when to stop.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Sender;

use amc_harness::sampler::{Observer, Progress};

use super::question::Event;

/// The observer of a run.
pub(super) struct Watch {
    events: Sender<Event>,
    stop: Arc<AtomicBool>,
}

impl Watch {
    pub(super) fn new(events: Sender<Event>, stop: Arc<AtomicBool>) -> Self {
        Self { events, stop }
    }

    fn tell(&self, event: Event) {
        // Nobody listens any more once the run is to stop.
        drop(self.events.send(event));
    }
}

impl Observer for Watch {
    fn begin(&mut self, phase: &str, length: usize) {
        self.tell(Event::Begin { phase: phase.to_owned(), length });
    }

    fn level_done(&mut self, progress: Progress) {
        self.tell(Event::Done(match progress {
            Progress::Ess(ess) => format!("ESS {ess:.3}"),
            Progress::Rejection(rate) => format!("worst rejection {rate:.3}"),
        }));
    }

    fn wants_to_stop(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}
