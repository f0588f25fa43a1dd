//! Expected offspring with the uniforms integrated out, one after the other.
//!
//! With `F(u_1 .. u_j)` the expected counts given the first `j` uniforms,
//!
//! `F(u_1 .. u_(j-1)) = int_0^1 F(u_1 .. u_j) du_j`,
//!
//! down to `F` of all uniforms, which is one run of the scheme. As a function of `u_j` the ancestors jump at
//! breakpoints, found cell by cell by bisection on the outcome for three fixed continuations; between them `F` is
//! constant, or smooth and then integrated by Gauss-Legendre rules with halved pieces until they settle.

use super::chosen_uniforms::{CELLS, ChosenUniforms, Continuation};
use super::exact::ExactScheme;
use crate::VerifyError;
use crate::law::quadrature::GaussLegendre;

/// How the expected counts depend on an earlier uniform, between the jumps of the outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Integrand {
    /// Not at all: systematic, stratified, SSP. Pieces have their exact length, and the law holds to 1e-9.
    Constant,
    /// Smoothly: multinomial and residual, whose points depend on each other. The law holds to 1e-6.
    Smooth,
}

/// Most runs of a scheme.
const MOST_RUNS: usize = 2_000_000;
/// Equal parts of the unit interval whose ends are compared first.
const PARTS: u64 = 8;
/// Halvings of a smooth piece at most.
const HALVINGS: usize = 40;
/// Change of a piece's integral, by halving it, that counts as settled.
const SETTLED: f64 = 1e-9;

/// What a run with the first uniforms chosen did.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Run {
    pub(super) ancestors: Vec<usize>,
    pub(super) draws: usize,
}

/// An integration under way.
pub(super) struct Integration<'a> {
    scheme: &'a ExactScheme<'a>,
    weights: &'a [f64],
    offspring: usize,
    rule: GaussLegendre,
    /// Runs of the scheme so far.
    pub(super) runs: usize,
    /// Called with the ancestors of each complete run.
    check: &'a mut dyn FnMut(&[usize]),
}

impl<'a> Integration<'a> {
    pub(super) fn new(
        scheme: &'a ExactScheme<'a>,
        (weights, offspring): (&'a [f64], usize),
        check: &'a mut dyn FnMut(&[usize]),
    ) -> Self {
        Self { scheme, weights, offspring, rule: GaussLegendre::new(8), runs: 0, check }
    }

    fn run(&mut self, cells: &[u64], continuation: Continuation) -> Result<Run, VerifyError> {
        self.runs += 1;
        let most = MOST_RUNS as f64;
        VerifyError::check_range("runs of the scheme", self.runs as f64, 0.0, most)?;
        let mut uniforms = ChosenUniforms::new(cells, continuation);
        let mut ancestors = vec![usize::MAX; self.offspring];
        (self.scheme.scheme)(self.weights, &mut uniforms, &mut ancestors)?;
        Ok(Run { ancestors, draws: uniforms.draws() })
    }

    /// `F(cells)`, `[N]`.
    pub(super) fn expectation(&mut self, cells: &mut Vec<u64>) -> Result<Vec<f64>, VerifyError> {
        let run = self.run(cells, Continuation::Lowest)?;
        if run.draws <= cells.len() {
            (self.check)(&run.ancestors);
            return Ok(self.counts(&run.ancestors));
        }
        // Given all others, the last uniform has nothing left to vary but the outcome.
        let is_last = run.draws == cells.len() + 1;
        let is_constant = is_last || self.scheme.integrand == Integrand::Constant;
        let mut sum = vec![0.0; self.weights.len()];
        for (from, to) in self.pieces(cells)? {
            let share = if is_constant {
                let mut value = self.at(cells, from + (to - from) / 2)?;
                let width = (to - from) as f64 / CELLS as f64;
                value.iter_mut().for_each(|v| *v *= width);
                value
            } else {
                let whole = self.gauss(cells, (from as f64, to as f64))?;
                self.halved(cells, (from as f64, to as f64), whole, HALVINGS)?
            };
            add(&mut sum, &share);
        }
        Ok(sum)
    }

    fn counts(&self, ancestors: &[usize]) -> Vec<f64> {
        let mut counts = vec![0.0; self.weights.len()];
        for &ancestor in ancestors {
            // One outside is reported by the check.
            if let Some(count) = counts.get_mut(ancestor) {
                *count += 1.0;
            }
        }
        counts
    }

    /// `F` with one more cell.
    fn at(&mut self, cells: &mut Vec<u64>, cell: u64) -> Result<Vec<f64>, VerifyError> {
        cells.push(cell.min(CELLS - 1));
        let value = self.expectation(cells);
        cells.pop();
        value
    }

    /// The integral over a piece by one rule.
    fn gauss(
        &mut self,
        cells: &mut Vec<u64>,
        (from, to): (f64, f64),
    ) -> Result<Vec<f64>, VerifyError> {
        let scale = 1.0 / CELLS as f64;
        let points: Vec<(f64, f64)> = self.rule.on(from, to).collect();
        let mut sum = vec![0.0; self.weights.len()];
        for (x, weight) in points {
            let mut value = self.at(cells, x as u64)?;
            value.iter_mut().for_each(|v| *v *= weight * scale);
            add(&mut sum, &value);
        }
        Ok(sum)
    }

    /// The integral over a piece whose one-rule value is `whole`.
    fn halved(
        &mut self,
        cells: &mut Vec<u64>,
        (from, to): (f64, f64),
        whole: Vec<f64>,
        halvings: usize,
    ) -> Result<Vec<f64>, VerifyError> {
        let middle = 0.5 * (from + to);
        let lower = self.gauss(cells, (from, middle))?;
        let upper = self.gauss(cells, (middle, to))?;
        let change =
            whole.iter().zip(lower.iter().zip(&upper)).map(|(w, (l, u))| (w - l - u).abs());
        if change.fold(0.0, f64::max) <= SETTLED || halvings == 0 || to - from < 64.0 {
            return Ok(lower.into_iter().zip(upper).map(|(l, u)| l + u).collect());
        }
        let mut sum = self.halved(cells, (from, middle), lower, halvings - 1)?;
        add(&mut sum, &self.halved(cells, (middle, to), upper, halvings - 1)?);
        Ok(sum)
    }

    /// The intervals of the next uniform, in cells, in which the outcome does not change.
    fn pieces(&mut self, cells: &mut Vec<u64>) -> Result<Vec<(u64, u64)>, VerifyError> {
        let mut ends = Vec::new();
        let mut low = (0, self.signature(cells, 0)?);
        for part in 1..=PARTS {
            let cell = (CELLS / PARTS * part).min(CELLS - 1);
            let high = (cell, self.signature(cells, cell)?);
            self.breakpoints(cells, &low, &high, &mut ends)?;
            low = high;
        }
        ends.push(CELLS);
        let starts = core::iter::once(0).chain(ends.iter().copied());
        Ok(starts.zip(ends.iter().copied()).collect())
    }

    /// Outcomes at one cell for every continuation.
    fn signature(&mut self, cells: &mut Vec<u64>, cell: u64) -> Result<[Run; 3], VerifyError> {
        cells.push(cell);
        let [a, b, c] = Continuation::ALL.map(|continuation| self.run(cells, continuation));
        cells.pop();
        Ok([a?, b?, c?])
    }

    /// Appends the cells between `low` and `high` at which the outcome changes.
    fn breakpoints(
        &mut self,
        cells: &mut Vec<u64>,
        low: &(u64, [Run; 3]),
        high: &(u64, [Run; 3]),
        ends: &mut Vec<u64>,
    ) -> Result<(), VerifyError> {
        if low.1 == high.1 {
            return Ok(());
        }
        if high.0 - low.0 <= 1 {
            ends.push(high.0);
            return Ok(());
        }
        let middle = low.0 + (high.0 - low.0) / 2;
        let middle = (middle, self.signature(cells, middle)?);
        self.breakpoints(cells, low, &middle, ends)?;
        self.breakpoints(cells, &middle, high, ends)
    }
}

fn add(sum: &mut [f64], terms: &[f64]) {
    for (sum, term) in sum.iter_mut().zip(terms) {
        *sum += term;
    }
}
