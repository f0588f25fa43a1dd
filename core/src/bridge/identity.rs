//! The identity bridge: the state stays, the level changes. Classical tempering \[Neal01\].
//!
//! `log_work(x, x) = log p_s(x) - log p_t(x)`.

use super::{Bridge, Crossing, blocks_between, check_crossing};
use crate::density::Score;
use crate::error::{Result, check_len};
use crate::point::{Blocks, BlocksMut, Context, Point, PointMut, Team};
use crate::simd::{copy, f64x8};

/// `y = x` between two levels.
#[derive(Clone, Copy)]
pub struct Identity<'a> {
    noisy: &'a dyn Score,
    clean: &'a dyn Score,
}

impl<'a> Identity<'a> {
    /// The identity between a noisier and a cleaner level.
    ///
    /// # Errors
    /// Different dimensions.
    pub fn new(noisy: &'a dyn Score, clean: &'a dyn Score) -> Result<Self> {
        check_len("dimension of the cleaner level", noisy.dim(), clean.dim())?;
        Ok(Self { noisy, clean })
    }
}

impl Bridge for Identity<'_> {
    fn dim(&self) -> usize {
        self.clean.dim()
    }

    fn scratch_len(&self) -> usize {
        self.noisy.scratch_len().max(self.clean.scratch_len())
    }

    fn forward(&self, x: Point<'_>, y: PointMut<'_>, context: Context<'_>) -> Result<Crossing> {
        let mut outcome = Crossing::default();
        self.forward_blocks(x.as_blocks(), y.into_blocks(), context.into_team(&mut outcome))?;
        Ok(outcome)
    }

    fn backward(&self, y: Point<'_>, x: PointMut<'_>, context: Context<'_>) -> Result<Crossing> {
        let mut outcome = Crossing::default();
        self.backward_blocks(y.as_blocks(), x.into_blocks(), context.into_team(&mut outcome))?;
        Ok(outcome)
    }

    fn log_work(&self, x: Point<'_>, y: Point<'_>, _context: Context<'_>) -> Result<f64x8> {
        Ok(y.log_density - x.log_density)
    }

    fn blocks_at_once(&self) -> usize {
        blocks_between(self.noisy, self.clean)
    }

    fn forward_blocks(
        &self,
        x: Blocks<'_>,
        mut y: BlocksMut<'_>,
        team: Team<'_, Crossing>,
    ) -> Result<()> {
        check_crossing(self.dim(), x, &y, &team)?;
        copy(y.x, x.x);
        y.evaluate(self.clean, team.scratch, team.evaluations)?;
        let works = y.log_density.iter().zip(x.log_density);
        for (outcome, (&clean, &noisy)) in team.outcomes.iter_mut().zip(works) {
            *outcome = Crossing::from(clean - noisy);
        }
        Ok(())
    }

    fn backward_blocks(
        &self,
        y: Blocks<'_>,
        mut x: BlocksMut<'_>,
        team: Team<'_, Crossing>,
    ) -> Result<()> {
        check_crossing(self.dim(), y, &x, &team)?;
        copy(x.x, y.x);
        x.evaluate(self.noisy, team.scratch, team.evaluations)?;
        let works = y.log_density.iter().zip(&*x.log_density);
        for (outcome, (&clean, &noisy)) in team.outcomes.iter_mut().zip(works) {
            *outcome = Crossing::from(clean - noisy);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::density::{Covariance, Mixture, MixtureLevel};
    use crate::point::Evaluations;
    use crate::rng::{Key, Purpose};
    use crate::scratch::Scratch;
    use crate::simd::splat;

    /// Fails if a direction has the wrong sign, does not move the point as it is, evaluates the level it comes
    /// from, or the work of a given pair is not that of the crossing.
    #[test]
    fn works_are_differences_of_log_densities() {
        let one = Mixture::new(1, &[1.0], &[0.5], Covariance::Isotropic(&[2.0])).unwrap();
        let mut storage = ([0.0; 4], [0.0; 4]);
        let len = MixtureLevel::storage_len(&one);
        let noisy = MixtureLevel::prepare(&one, 0.5, 1.0, &mut storage.0[..len]).unwrap();
        let clean = MixtureLevel::prepare(&one, 1.0, 0.0, &mut storage.1[..len]).unwrap();
        // N(0.25, 1.5) and N(0.5, 2) at 3.
        let [before, after] = [(0.25, 1.5), (0.5, 2.0)].map(|(mean, variance): (f64, f64)| {
            let square = (3.0 - mean) * (3.0 - mean) / variance;
            -0.5 * (square + libm::log(core::f64::consts::TAU * variance))
        });
        let bridge = Identity::new(&noisy, &clean).unwrap();
        let mut memory = [splat(f64::NAN); 64];
        let memory = &mut memory[..bridge.scratch_len()];
        let (mut stream, mut evaluations) =
            (Key::new(1, Purpose::User).stream(), Evaluations::default());
        let mut context = Context {
            stream: &mut stream,
            scratch: Scratch::new(memory),
            evaluations: &mut evaluations,
        };
        let close = |found: f64x8, expected: f64| {
            assert!((found.to_array()[5] - expected).abs() < 1e-14, "{found} {expected}");
        };
        let (mut x, mut log_p, mut score) = ([splat(3.0)], splat(0.0), [splat(0.0)]);
        let mut from = PointMut { x: &mut x, log_density: &mut log_p, score: &mut score };
        from.evaluate(&noisy, &mut context).unwrap();
        let (mut y, mut log_q, mut slope) = ([splat(9.0)], splat(0.0), [splat(0.0)]);
        let mut to = PointMut { x: &mut y, log_density: &mut log_q, score: &mut slope };
        let forward = bridge.forward(from.as_point(), to.reborrow(), context.reborrow()).unwrap();
        close(forward.log_work, after - before);
        close(to.x[0], 3.0);
        close(*to.log_density, after);
        let given = bridge.log_work(from.as_point(), to.as_point(), context.reborrow()).unwrap();
        close(given, after - before);
        from.x[0] = splat(9.0);
        let back = bridge.backward(to.as_point(), from.reborrow(), context).unwrap();
        close(back.log_work, after - before);
        close(from.x[0], 3.0);
        close(*from.log_density, before);
    }
}
