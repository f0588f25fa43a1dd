//! A density that fails on schedule and is another density otherwise.

use std::sync::atomic::{AtomicU64, Ordering};

use amc_core::density::{Hessian, HessianProduct, LogDensity, Score};
use amc_core::error::Result;
use amc_core::linalg::DiagonalPlusLowRank;
use amc_core::point::Evaluations;
use amc_core::scratch::Scratch;
use amc_core::simd::f64x8;

use super::{Fault, When};

/// A density with a fault; every rung of the ladder of traits that the wrapped one has.
///
/// Each evaluation is one call: of the log-density, alone or with the score, of a Hessian, a product, a
/// linearization. A linearization at which the Hessian fails holds the fault, so all its products and its
/// structure do. Errors, panics and delays meet all lanes of a call that has a faulty one.
#[derive(Debug)]
pub struct FaultyTarget<'a, D: ?Sized> {
    density: &'a D,
    fault: Fault,
    when: When,
    calls: AtomicU64,
    injected: AtomicU64,
}

/// What a call gives back, where a fault may be.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Gives {
    LogDensity,
    Score,
    Hessian,
}

impl<'a, D: LogDensity + ?Sized> FaultyTarget<'a, D> {
    /// The message of a panic.
    pub const PANIC: &'static str = "the density panics, as it was told to";

    /// `density`, except for this fault on this schedule.
    pub fn new(density: &'a D, fault: Fault, when: When) -> Self {
        Self { density, fault, when, calls: AtomicU64::new(0), injected: AtomicU64::new(0) }
    }

    /// How many calls there were.
    pub fn calls(&self) -> u64 {
        self.calls.load(Ordering::Relaxed)
    }

    /// How many of them met the fault, in one lane or more of something they give. What a test reads to know that it tested anything.
    pub fn injected(&self) -> u64 {
        self.injected.load(Ordering::Relaxed)
    }

    /// Counts a call at `x`, and fails or waits if the fault is of that kind; else the lanes it meets.
    #[allow(clippy::panic, reason = "the fault that was asked for")]
    fn meet(&self, x: &[f64x8], gives: &[Gives]) -> Result<u8> {
        let call = self.calls.fetch_add(1, Ordering::Relaxed) + 1;
        let lanes = self.when.lanes(call, x);
        if lanes == 0 {
            return Ok(0);
        }
        let concerned = match self.fault {
            Fault::LogDensity(_) => gives.contains(&Gives::LogDensity),
            Fault::Score(_) => gives.contains(&Gives::Score),
            Fault::Hessian(_) => gives.contains(&Gives::Hessian),
            Fault::Error(_) | Fault::Panic | Fault::Slow(_) => true,
        };
        self.injected.fetch_add(u64::from(concerned), Ordering::Relaxed);
        match self.fault {
            Fault::Error(error) => return Err(error),
            Fault::Panic => panic!("{}", Self::PANIC),
            Fault::Slow(time) => std::thread::sleep(time),
            Fault::LogDensity(_) | Fault::Score(_) | Fault::Hessian(_) => {}
        }
        Ok(lanes)
    }

    fn log_density_in(&self, lanes: u8, value: f64x8) -> f64x8 {
        if let Fault::LogDensity(fault) = self.fault { put(fault, lanes, value) } else { value }
    }

    fn hessian_in(&self, lanes: u8, entries: &mut [f64x8]) {
        if let Fault::Hessian(fault) = self.fault {
            entries.iter_mut().for_each(|entry| *entry = put(fault, lanes, *entry));
        }
    }
}

/// `value` with `fault` in some lanes.
fn put(fault: f64, lanes: u8, value: f64x8) -> f64x8 {
    let mut values = value.to_array();
    for (lane, value) in values.iter_mut().enumerate() {
        if lanes >> lane & 1 == 1 {
            *value = fault;
        }
    }
    f64x8::new(values)
}

impl<D: LogDensity + ?Sized> LogDensity for FaultyTarget<'_, D> {
    fn dim(&self) -> usize {
        self.density.dim()
    }

    fn scratch_len(&self) -> usize {
        self.density.scratch_len()
    }

    fn log_density(&self, x: &[f64x8], scratch: Scratch<'_>) -> Result<f64x8> {
        let lanes = self.meet(x, &[Gives::LogDensity])?;
        Ok(self.log_density_in(lanes, self.density.log_density(x, scratch)?))
    }
}

impl<D: Score + ?Sized> FaultyTarget<'_, D> {
    fn score_in(&self, lanes: u8, score: &mut [f64x8]) {
        if let Fault::Score(fault) = self.fault {
            score.iter_mut().for_each(|score| *score = put(fault, lanes, *score));
        }
    }
}

impl<D: Score + ?Sized> Score for FaultyTarget<'_, D> {
    fn log_density_and_score(
        &self,
        x: &[f64x8],
        score: &mut [f64x8],
        scratch: Scratch<'_>,
    ) -> Result<f64x8> {
        let lanes = self.meet(x, &[Gives::LogDensity, Gives::Score])?;
        let log_density = self.density.log_density_and_score(x, score, scratch)?;
        self.score_in(lanes, score);
        Ok(self.log_density_in(lanes, log_density))
    }
}

impl<D: HessianProduct + ?Sized> HessianProduct for FaultyTarget<'_, D> {
    fn hessian_scratch_len(&self) -> usize {
        self.density.hessian_scratch_len()
    }

    fn hessian_product(
        &self,
        x: &[f64x8],
        v: &[f64x8],
        out: &mut [f64x8],
        scratch: Scratch<'_>,
    ) -> Result<()> {
        let lanes = self.meet(x, &[Gives::Hessian])?;
        self.density.hessian_product(x, v, out, scratch)?;
        self.hessian_in(lanes, out);
        Ok(())
    }

    fn count_product(&self, evaluations: &mut Evaluations) {
        self.density.count_product(evaluations);
    }

    fn linearization_len(&self) -> usize {
        self.density.linearization_len()
    }

    fn linearize(&self, x: &[f64x8], memory: &mut [f64x8], scratch: Scratch<'_>) -> Result<()> {
        let lanes = self.meet(x, &[Gives::Hessian])?;
        self.density.linearize(x, memory, scratch)?;
        self.hessian_in(lanes, memory);
        Ok(())
    }

    fn linearize_with_score(
        &self,
        x: &[f64x8],
        score: &mut [f64x8],
        memory: &mut [f64x8],
        scratch: Scratch<'_>,
    ) -> Result<f64x8> {
        let lanes = self.meet(x, &[Gives::LogDensity, Gives::Score, Gives::Hessian])?;
        let log_density = self.density.linearize_with_score(x, score, memory, scratch)?;
        self.hessian_in(lanes, memory);
        self.score_in(lanes, score);
        Ok(self.log_density_in(lanes, log_density))
    }

    fn linearized_product(
        &self,
        memory: &[f64x8],
        v: &[f64x8],
        out: &mut [f64x8],
        scratch: Scratch<'_>,
    ) -> Result<()> {
        self.density.linearized_product(memory, v, out, scratch)
    }

    fn structure<'m>(&self, memory: &'m [f64x8]) -> Option<DiagonalPlusLowRank<'m>> {
        self.density.structure(memory)
    }

    fn structure_rank(&self) -> usize {
        self.density.structure_rank()
    }
}

impl<D: Hessian + ?Sized> Hessian for FaultyTarget<'_, D> {
    fn hessian(&self, x: &[f64x8], out: &mut [f64x8], scratch: Scratch<'_>) -> Result<()> {
        let lanes = self.meet(x, &[Gives::Hessian])?;
        self.density.hessian(x, out, scratch)?;
        self.hessian_in(lanes, out);
        Ok(())
    }
}
