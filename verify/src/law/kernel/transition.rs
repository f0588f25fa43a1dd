//! What a kernel proposes, seen through what it accepts.
//!
//! For `y` the proposal from `x`, `P(accepted | x, y) = a(x, y)`, so for every bounded `g`
//!
//! `E[1{accepted} g(x, x')] = E_q[a(x, y) g(x, y)]`,
//!
//! the left side over moves of the kernel, the right one over draws of a [`Proposal`] by plain code.

use amc_core::simd::f64x8;

use super::pointwise::{acceptance, one_step};
use super::{KernelInstance, Proposal, guard_acceptance};
use crate::bound::bonferroni;
use crate::bound::bounded_mean::{Summary, difference_p_value};
use crate::law::directions;
use crate::law::particles::{Particles, Workspace};
use crate::{Budget, Verdict, VerifyError};

/// Limits of an increment along a direction, in standard deviations of the proposal.
const LIMITS: [f64; 3] = [-1.0, 0.0, 1.0];

/// Accepted moves are distributed as proposals weighted with their acceptance: the two sides of the identity above
/// for `g = 1` and for half-spaces of the increment `x' - x` and of its length (two means of bounded variables).
///
/// A pass at 64,000 samples excludes differences of about 0.01 in the probability of any of these sets: a drift or a
/// noise of another size, coordinates that share their noise. Inconclusive unless the mean acceptance lies in
/// `(0.3, 0.9)`.
///
/// # Errors
/// Those of the kernel, and of an unusable budget.
pub fn transition(
    instance: &KernelInstance<'_>,
    proposal: &dyn Proposal,
    budget: &Budget,
) -> Result<Verdict, VerifyError> {
    const LAW: &str = "kernel::transition";
    budget.check()?;
    let key = budget.key(LAW, instance.name);
    let density = instance.law.density();
    let directions = directions(density.dim());
    let sets = directions.len() * LIMITS.len() + 3;
    let (mut moved, mut proposed) = (vec![Vec::new(); sets], vec![Vec::new(); sets]);
    let mut workspace = instance.workspace(key.stream());
    for block in 0..budget.blocks() {
        workspace.stream = key.block(block as u64).stream();
        let step = one_step(instance, &mut workspace)?;
        for lane in 0..8 {
            let weight = f64::from(u8::from(step.accepted(lane)));
            let ends = (&step.before, &step.after);
            record(&mut moved, weight, &indicators(ends, lane, &directions, proposal));
        }
        workspace.stream = key.round(1).block(block as u64).stream();
        let (from, to) = propose(instance, proposal, &mut workspace)?;
        for lane in 0..8 {
            let weight = acceptance(proposal, (&from, &to), lane);
            record(&mut proposed, weight, &indicators((&from, &to), lane, &directions, proposal));
        }
    }
    let (mut p_values, mut worst, mut mean) = (Vec::new(), (f64::INFINITY, String::new()), 0.0);
    for (set, (moved, proposed)) in moved.iter().zip(&proposed).enumerate() {
        let (left, right) = (Summary::new(moved, 0.0, 1.0)?, Summary::new(proposed, 0.0, 1.0)?);
        let p_value = difference_p_value(&left, &right);
        if set == 0 {
            mean = left.mean();
        }
        if p_value < worst.0 {
            worst = (p_value, format!("set {set}: {:.5} for {:.5}", left.mean(), right.mean()));
        }
        p_values.push(p_value);
    }
    let samples = 16 * budget.blocks();
    let detail = format!("worst {}, mean acceptance {mean:.3}", worst.1);
    let p_value = bonferroni(&p_values);
    let verdict = Verdict::from_p_value((LAW, instance.name), budget, samples, p_value, detail);
    Ok(guard_acceptance(verdict, mean))
}

fn record(lists: &mut [Vec<f64>], weight: f64, indicators: &[bool]) {
    for (list, &inside) in lists.iter_mut().zip(indicators) {
        list.push(if inside { weight } else { 0.0 });
    }
}

/// Which sets an increment lies in: all, two balls, half-spaces.
fn indicators(
    (from, to): (&Particles, &Particles),
    lane: usize,
    directions: &[Vec<f64>],
    proposal: &dyn Proposal,
) -> Vec<bool> {
    let (x, y) = (from.lane(lane).x, to.lane(lane).x);
    let scale = 1.0 / proposal.deviation();
    let increment: Vec<f64> = x.iter().zip(&y).map(|(x, y)| scale * (y - x)).collect();
    let square: f64 = increment.iter().map(|z| z * z).sum();
    let d = x.len() as f64;
    let mut inside = vec![true, square <= 0.5 * d, square <= d];
    for direction in directions {
        let along: f64 = direction.iter().zip(&increment).map(|(u, z)| u * z).sum();
        inside.extend(LIMITS.map(|limit| along <= limit));
    }
    inside
}

/// Exact samples, and a plain draw of the proposal from each.
fn propose(
    instance: &KernelInstance<'_>,
    proposal: &dyn Proposal,
    workspace: &mut Workspace,
) -> Result<(Particles, Particles), VerifyError> {
    let density = instance.law.density();
    let mut from = Particles::new(density.dim());
    workspace.sample(instance.law, &mut from)?;
    let mut to = Particles::new(density.dim());
    let mut normals = vec![f64x8::ZERO; density.dim()];
    workspace.stream.fill_normals(&mut normals);
    let mut ends = vec![[0.0; 8]; density.dim()];
    for lane in 0..8 {
        let start = from.lane(lane);
        let means = proposal.mean(&start.x, &start.score);
        for ((end, mean), z) in ends.iter_mut().zip(&means).zip(&normals) {
            end[lane] = mean + proposal.deviation() * z.as_array()[lane];
        }
    }
    to.x = ends.into_iter().map(f64x8::new).collect();
    workspace.evaluate(density, &mut to)?;
    Ok((from, to))
}
