//! A target whose functions are Python's: every call is a question to the thread that called for the run.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Sender, sync_channel};

use amc_harness::embed::{BatchTarget, Derivatives, TargetFailure};

use super::question::{Answer, Asked, Event, Question};

/// The most points that the engine hands over in one call: Python's share of the cost is then the least.
const POINTS: usize = 512;

/// The target of a run.
pub(super) struct Questioning {
    events: Sender<Event>,
    stop: Arc<AtomicBool>,
    offers: Derivatives,
}

impl Questioning {
    pub(super) fn new(events: Sender<Event>, stop: Arc<AtomicBool>, offers: Derivatives) -> Self {
        Self { events, stop, offers }
    }

    /// Asks, and waits for the answer.
    fn ask(&self, asked: Asked, x: &[f64], v: &[f64], dim: usize) -> Result<Answer, TargetFailure> {
        // What this says is never seen: whoever stopped the run has the exception.
        let stopped = || TargetFailure { message: "the run was stopped".to_owned(), code: 0 };
        if self.stop.load(Ordering::Relaxed) {
            return Err(stopped());
        }
        let (reply, answer) = sync_channel(1);
        let question = Question { asked, dim, x: x.to_vec(), v: v.to_vec(), reply };
        self.events.send(Event::Question(question)).map_err(|_| stopped())?;
        answer.recv().map_err(|_| stopped())
    }
}

impl BatchTarget for Questioning {
    fn offers(&self, _dim: usize) -> Derivatives {
        self.offers
    }

    fn points_at_once(&self) -> usize {
        POINTS
    }

    fn log_densities(
        &self,
        x: &[f64],
        dim: usize,
        log_densities: &mut [f64],
    ) -> Result<(), TargetFailure> {
        let answer = self.ask(Asked::LogDensities, x, &[], dim)?;
        log_densities.copy_from_slice(&answer.log_densities);
        Ok(())
    }

    fn log_densities_and_scores(
        &self,
        x: &[f64],
        dim: usize,
        log_densities: &mut [f64],
        scores: &mut [f64],
    ) -> Result<(), TargetFailure> {
        let answer = self.ask(Asked::Scores, x, &[], dim)?;
        log_densities.copy_from_slice(&answer.log_densities);
        scores.copy_from_slice(&answer.vectors);
        Ok(())
    }

    fn hessian_products(
        &self,
        x: &[f64],
        v: &[f64],
        dim: usize,
        out: &mut [f64],
    ) -> Result<(), TargetFailure> {
        let answer = self.ask(Asked::HessianProducts, x, v, dim)?;
        out.copy_from_slice(&answer.vectors);
        Ok(())
    }
}
