//! Gaussian proposals of Metropolis kernels, written out apart from the kernels.
//!
//! | kernel | proposal `q(y given x)` | source |
//! |---|---|---|
//! | random walk | `N(x, h^2 I)` | Metropolis et al. 1953 |
//! | Langevin (MALA) | `N(x + h S(x), 2 h I)` | Roberts & Tweedie 1996 |
//! | HMC of one leapfrog step | `N(x + h^2/2 S(x), h^2 I)` | Neal 2011, section 5.2 |
//!
//! A leapfrog step from `x` with momentum `p` ends at `y = x + h p + h^2/2 S(x)`, so `p` can be recovered from the
//! pair and the energy rule is the Metropolis-Hastings rule with this proposal. Of several steps the inner points
//! stay hidden: see [`super::trajectory`].

/// A Gaussian proposal `N(mean(x), deviation^2 I)`.
pub trait Proposal: Sync {
    /// The mean from `x` `[d]` with the score `S(x)` `[d]`.
    fn mean(&self, x: &[f64], score: &[f64]) -> Vec<f64>;

    /// The standard deviation of every coordinate.
    fn deviation(&self) -> f64;

    /// `log q(to | from)`, up to a constant.
    fn log_proposal(&self, (from, score): (&[f64], &[f64]), to: &[f64]) -> f64 {
        let mean = self.mean(from, score);
        let square: f64 = to.iter().zip(&mean).map(|(y, m)| (y - m) * (y - m)).sum();
        -0.5 * square / (self.deviation() * self.deviation())
    }
}

/// The proposal of random-walk Metropolis.
#[derive(Debug, Clone, Copy)]
pub struct RandomWalkProposal {
    /// `h`.
    pub step_size: f64,
}

/// The proposal of MALA.
#[derive(Debug, Clone, Copy)]
pub struct LangevinProposal {
    /// `h`.
    pub step_size: f64,
}

/// The end of one leapfrog step of unit mass.
#[derive(Debug, Clone, Copy)]
pub struct LeapfrogProposal {
    /// `h`.
    pub step_size: f64,
}

fn drifted(x: &[f64], score: &[f64], factor: f64) -> Vec<f64> {
    x.iter().zip(score).map(|(x, s)| x + factor * s).collect()
}

impl Proposal for RandomWalkProposal {
    fn mean(&self, x: &[f64], _score: &[f64]) -> Vec<f64> {
        x.to_vec()
    }

    fn deviation(&self) -> f64 {
        self.step_size
    }
}

impl Proposal for LangevinProposal {
    fn mean(&self, x: &[f64], score: &[f64]) -> Vec<f64> {
        drifted(x, score, self.step_size)
    }

    fn deviation(&self) -> f64 {
        libm::sqrt(2.0 * self.step_size)
    }
}

impl Proposal for LeapfrogProposal {
    fn mean(&self, x: &[f64], score: &[f64]) -> Vec<f64> {
        drifted(x, score, 0.5 * self.step_size * self.step_size)
    }

    fn deviation(&self) -> f64 {
        self.step_size
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fails if a mean or a deviation has a wrong factor: values by hand, and one leapfrog step written out.
    #[test]
    fn values_by_hand() {
        let (x, score, h) = ([0.5, -1.0], [2.0, 0.6], 0.4);
        let langevin = LangevinProposal { step_size: h };
        // Residuals 0.7 and -1.24 over the variance 0.8.
        let found = langevin.log_proposal((&x, &score), &[2.0, -2.0]);
        assert!((found + 0.5 * (0.49 + 1.5376) / 0.8).abs() < 1e-14, "{found}");
        let walk = RandomWalkProposal { step_size: h };
        let found = walk.log_proposal((&x, &score), &[1.0, -1.2]);
        assert!((found + 0.5 * 0.29 / 0.16).abs() < 1e-14, "{found}");
        let leapfrog = LeapfrogProposal { step_size: h };
        for (i, momentum) in [0.3, -1.1].into_iter().enumerate() {
            let end = x[i] + h * (momentum + 0.5 * h * score[i]);
            let mean = leapfrog.mean(&x, &score)[i];
            assert!(((end - mean) / leapfrog.deviation() - momentum).abs() < 1e-14);
        }
    }
}
