//! Hamiltonian trajectories written out plainly, for given momenta.
//!
//! `p <- p + (h/2) S(x); x <- x + h p; p <- p + (h/2) S(x)`, repeated, and accepted with
//! `min(1, exp(log p(y) - |p'|^2/2 - log p(x) + |p|^2/2))` (Neal 2011, figure 2). Momenta cannot be recovered from the
//! two ends of several steps; they are read from a copy of the stream, in the order that
//! [`amc_core::kernel::Hmc`] documents: one uniform for the number of steps of a block, then the momenta.

use amc_core::simd::f64x8;

use super::{KernelInstance, guard_acceptance};
use crate::law::metropolis;
use crate::law::particles::{Particles, Workspace};
use crate::{Budget, Verdict, VerifyError};

/// Largest error of a probability, or of a coordinate relative to `1 + |x|`.
const TOLERANCE: f64 = 1e-9;

/// What a plain trajectory of eight particles comes to.
struct Trajectory {
    end: Particles,
    acceptance: [f64; 8],
}

/// An HMC kernel of mean length `leapfrog_steps` reports the probabilities of the trajectories written out here, and
/// accepted states are their ends, both to 1e-9; rejected states stay.
///
/// A pass excludes a wrong kick, a missing half step, an energy of the wrong sign or of a stale momentum, a length
/// drawn with an offset. For kernels that draw as the core's does; for one leapfrog step [`super::pointwise`] with a
/// [`super::LeapfrogProposal`] asks for nothing. Inconclusive unless the mean acceptance lies in `(0.3, 0.9)`.
///
/// # Errors
/// Those of the kernel, and of an unusable budget.
pub fn trajectory(
    instance: &KernelInstance<'_>,
    leapfrog_steps: u32,
    budget: &Budget,
) -> Result<Verdict, VerifyError> {
    const LAW: &str = "kernel::trajectory";
    budget.check()?;
    VerifyError::check_range("leapfrog_steps", f64::from(leapfrog_steps), 1.0, 1e6)?;
    let key = budget.key(LAW, instance.name);
    let density = instance.law.density();
    let blocks = budget.blocks().min(1024);
    let mut workspace = instance.workspace(key.stream());
    let (mut probability_error, mut state_error, mut total) = (0.0_f64, 0.0_f64, 0.0);
    for block in 0..blocks {
        workspace.stream = key.block(block as u64).stream();
        let mut before = Particles::new(density.dim());
        workspace.sample(instance.law, &mut before)?;
        let copy = workspace.stream.clone();
        let mut after = before.clone();
        let outcome = workspace.step(instance.kernel, density, instance.step_size, &mut after)?;
        workspace.stream = copy;
        let plain = written_out(instance, leapfrog_steps, &before, &mut workspace)?;
        let reported = outcome.acceptance_probability.to_array();
        for lane in 0..8 {
            total += reported[lane];
            let accepted = outcome.accepted.to_bitmask() >> lane & 1 == 1;
            let expected = if accepted { &plain.end } else { &before };
            probability_error = worse(probability_error, reported[lane] - plain.acceptance[lane]);
            for (found, expected) in after.x.iter().zip(&expected.x) {
                let (found, expected) = (found.as_array()[lane], expected.as_array()[lane]);
                state_error = worse(state_error, (found - expected) / (1.0 + libm::fabs(expected)));
            }
        }
    }
    let holds = probability_error <= TOLERANCE && state_error <= TOLERANCE;
    let acceptance = total / (8 * blocks) as f64;
    let detail = format!(
        "largest error of a probability {probability_error:.1e}, of a state {state_error:.1e}, mean \
         acceptance {acceptance:.3}"
    );
    let p_value = if holds { 1.0 } else { 0.0 };
    let verdict = Verdict::from_p_value((LAW, instance.name), budget, 8 * blocks, p_value, detail);
    Ok(guard_acceptance(verdict, acceptance))
}

/// The larger error in size; a NaN is infinite.
fn worse(largest: f64, error: f64) -> f64 {
    largest.max(if error.is_nan() { f64::INFINITY } else { libm::fabs(error) })
}

/// The trajectory from `before` with what the stream yields next.
fn written_out(
    instance: &KernelInstance<'_>,
    leapfrog_steps: u32,
    before: &Particles,
    workspace: &mut Workspace,
) -> Result<Trajectory, VerifyError> {
    let lengths = f64::from(2 * leapfrog_steps - 1);
    let steps = 1 + libm::floor(lengths * workspace.stream.uniform()) as usize;
    let mut momenta = vec![f64x8::ZERO; before.x.len()];
    workspace.stream.fill_normals(&mut momenta);
    let h = f64x8::splat(instance.step_size);
    let half = f64x8::splat(0.5 * instance.step_size);
    let kinetic = |momenta: &[f64x8]| -> f64x8 {
        momenta.iter().fold(f64x8::ZERO, |sum, &p| sum + p * p) * f64x8::splat(0.5)
    };
    let first = before.log_density - kinetic(&momenta);
    let mut end = before.clone();
    for _ in 0..steps {
        momenta.iter_mut().zip(&end.score).for_each(|(p, &s)| *p += half * s);
        end.x.iter_mut().zip(&momenta).for_each(|(x, &p)| *x += h * p);
        workspace.evaluate(instance.law.density(), &mut end)?;
        momenta.iter_mut().zip(&end.score).for_each(|(p, &s)| *p += half * s);
    }
    let last = end.log_density - kinetic(&momenta);
    let acceptance = (last - first).to_array().map(metropolis);
    Ok(Trajectory { end, acceptance })
}
