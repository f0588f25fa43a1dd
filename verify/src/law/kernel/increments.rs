//! The increments of a kernel on a linear log-density, where its proposals are bare.
//!
//! On `log p(x) = b . x` the score is `b` everywhere; Langevin and Hamiltonian proposals are then reversible by
//! themselves, so all are accepted, and so are those of a random walk for `b = 0`. What remains is the proposal:
//! `x' - x = m b + s z`, `z ~ N(0, I)`.

use amc_core::density::{LogDensity, Score};
use amc_core::error::{Result as CoreResult, check_len};
use amc_core::kernel::MarkovKernel;
use amc_core::scratch::Scratch;
use amc_core::simd::{dot_scalar, f64x8, splat};

use crate::bound::bonferroni;
use crate::bound::kolmogorov::{dkw_p_value, kolmogorov_distance};
use crate::law::independence::Finding;
use crate::law::particles::{Particles, Workspace};
use crate::oracle::standard_normal_cdf;
use crate::{Budget, Verdict, VerifyError};

/// A kernel, and what its increments must be on `log p = b . x`.
#[derive(Clone, Copy)]
pub struct IncrementInstance<'a> {
    /// Name in verdicts.
    pub name: &'a str,
    /// The kernel.
    pub kernel: &'a dyn MarkovKernel,
    /// Its step size `h`.
    pub step_size: f64,
    /// `b`, `[d]`; zero for kernels that ignore the score.
    pub slope: &'a [f64],
    /// `m`: `h` for MALA, `t^2/2` for a leapfrog trajectory of length `t`.
    pub drift: f64,
    /// `s`: `h` for a random walk, `sqrt(2 h)` for MALA, `t` for a trajectory.
    pub deviation: f64,
}

/// `log p(x) = b . x`.
struct Linear<'a> {
    slope: &'a [f64],
}

impl LogDensity for Linear<'_> {
    fn dim(&self) -> usize {
        self.slope.len()
    }

    fn scratch_len(&self) -> usize {
        0
    }

    fn log_density(&self, x: &[f64x8], _scratch: Scratch<'_>) -> CoreResult<f64x8> {
        check_len("x", self.dim(), x.len())?;
        Ok(dot_scalar(self.slope, x))
    }
}

impl Score for Linear<'_> {
    fn log_density_and_score(
        &self,
        x: &[f64x8],
        score: &mut [f64x8],
        scratch: Scratch<'_>,
    ) -> CoreResult<f64x8> {
        check_len("score", self.dim(), score.len())?;
        for (score, &slope) in score.iter_mut().zip(self.slope) {
            *score = splat(slope);
        }
        self.log_density(x, scratch)
    }
}

/// On a linear log-density every proposal is accepted, with a reported probability of 1 (to 1e-9), and the increments
/// `(x' - x - m b)/s` are standard normal in every coordinate (Dvoretzky-Kiefer-Wolfowitz), independent of every
/// other coordinate, of the start and of the next lane.
///
/// A pass at 64,000 samples excludes increments whose distribution function is off by 0.013 anywhere: a noise 4 %
/// too wide, a drift off by 0.03 `s`, noise shared between coordinates or lanes.
///
/// # Errors
/// Those of the kernel, an empty slope, and an unusable budget.
pub fn increments(
    instance: &IncrementInstance<'_>,
    budget: &Budget,
) -> Result<Verdict, VerifyError> {
    const LAW: &str = "kernel::increments";
    budget.check()?;
    VerifyError::check_samples("slope", 1, instance.slope.len())?;
    let key = budget.key(LAW, instance.name);
    let density = Linear { slope: instance.slope };
    let dim = instance.slope.len();
    let room = instance.kernel.scratch_len(dim);
    let mut workspace = Workspace::new(room, key.stream());
    let (mut starts, mut noises) = (vec![Vec::new(); dim], vec![Vec::new(); dim]);
    let mut least = 1.0_f64;
    for block in 0..budget.blocks() {
        workspace.stream = key.block(block as u64).stream();
        let mut before = Particles::new(dim);
        workspace.stream.fill_normals(&mut before.x);
        workspace.evaluate(&density, &mut before)?;
        let mut after = before.clone();
        let outcome = workspace.step(instance.kernel, &density, instance.step_size, &mut after)?;
        for lane in 0..8 {
            let reported = outcome.acceptance_probability.as_array()[lane];
            let accepted = outcome.accepted.to_bitmask() >> lane & 1 == 1;
            least = if accepted && !reported.is_nan() { least.min(reported) } else { 0.0 };
            for i in 0..dim {
                let (x, y) = (before.x[i].as_array()[lane], after.x[i].as_array()[lane]);
                let mean = instance.drift * instance.slope[i];
                starts[i].push(standard_normal_cdf(x));
                noises[i].push(standard_normal_cdf((y - x - mean) / instance.deviation));
            }
        }
    }
    let samples = 8 * budget.blocks();
    let (p_value, detail) = judge(&starts, &noises)?;
    let p_value = if least >= 1.0 - 1e-9 { p_value } else { 0.0 };
    let detail = format!("{detail}, least acceptance {least:.9}");
    Ok(Verdict::from_p_value((LAW, instance.name), budget, samples, p_value, detail))
}

/// Each coordinate alone, with each of the others, with the start, and the next lane; all as uniforms.
fn judge(starts: &[Vec<f64>], noises: &[Vec<f64>]) -> Result<(f64, String), VerifyError> {
    let (mut p_values, mut worst) = (Vec::new(), (f64::INFINITY, String::new()));
    let mut note = |p_value: f64, what: String| {
        if p_value < worst.0 {
            worst = (p_value, what);
        }
        p_values.push(p_value);
    };
    for (i, noise) in noises.iter().enumerate() {
        let distance = kolmogorov_distance(&mut noise.clone(), &|u: f64| u.clamp(0.0, 1.0));
        note(dkw_p_value(distance, noise.len()), format!("coordinate {i}: distance {distance:.4}"));
        let every_second = |offset: usize| noise.iter().skip(offset).step_by(2).copied().collect();
        let (even, odd): (Vec<f64>, Vec<f64>) = (every_second(0), every_second(1));
        let mut relations =
            vec![("start".to_owned(), noise, &starts[i]), ("next lane".to_owned(), &even, &odd)];
        let others = noises.iter().enumerate().skip(i + 1);
        relations.extend(others.map(|(j, other)| (format!("coordinate {j}"), noise, other)));
        for (what, a, b) in relations {
            for finding in Finding::joint(a, b)? {
                note(finding.p_value, format!("coordinate {i} with {what}: {:.4}", finding.value));
            }
        }
    }
    Ok((bonferroni(&p_values), worst.1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use amc_core::rng::{Key, Purpose};

    /// Fails if a dependence between any two coordinates, on the start or between lanes is not looked at.
    #[test]
    fn every_relation_is_judged() {
        let mut stream = Key::new(1, Purpose::User).stream();
        let mut draw = || -> Vec<f64> { (0..4000).map(|_| stream.uniform()).collect() };
        let (starts, noises) = ([draw(), draw(), draw()], [draw(), draw(), draw()]);
        assert!(judge(&starts, &noises).unwrap().0 > 1e-6);
        let tied = [noises[0].clone(), noises[1].clone(), noises[0].clone()];
        assert!(judge(&starts, &tied).unwrap().0 < 1e-12);
        let from_start = [noises[0].clone(), noises[1].clone(), starts[2].clone()];
        assert!(judge(&starts, &from_start).unwrap().0 < 1e-12);
        let mut lanes = noises.clone();
        lanes[1].as_chunks_mut::<2>().0.iter_mut().for_each(|pair| pair[1] = 1.0 - pair[0]);
        assert!(judge(&starts, &lanes).unwrap().0 < 1e-12);
    }
}
