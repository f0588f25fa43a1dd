//! What a law may spend: samples, and a share of the probability of failing a correct program.

use amc_core::rng::{Key, Purpose};
use amc_core::simd::LANES;
use rand_core::Rng;

use crate::VerifyError;

/// Resources of one law applied to one instance.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Budget {
    /// Largest probability with which a correct instance may be refuted.
    pub false_positive: f64,
    /// Particles drawn per direction; rounded up to whole blocks of eight.
    pub samples: usize,
    /// Seed of every random number the law uses.
    pub seed: u64,
}

impl Budget {
    /// Checks that the numbers make sense.
    ///
    /// # Errors
    /// A false-positive share outside `(0, 1/2]`, or fewer than 64 samples.
    pub fn check(&self) -> Result<(), VerifyError> {
        VerifyError::check_range("false_positive", self.false_positive, f64::MIN_POSITIVE, 0.5)?;
        VerifyError::check_samples("budget", 64, self.samples)
    }

    /// Blocks of eight particles that hold at least the samples.
    pub fn blocks(&self) -> usize {
        self.samples.div_ceil(LANES)
    }

    /// The same budget with the seed of a stage of a sequential test; stages share no numbers.
    #[must_use]
    pub fn stage(&self, stage: u32) -> Self {
        let key = Key::new(self.seed, Purpose::User).round(u64::from(stage));
        Self { seed: key.stream().next_u64(), ..*self }
    }

    /// The streams of one law for one instance; phases use [`Key::round`], blocks [`Key::block`].
    ///
    /// The names are hashed (FNV-1a) into the seed, so that instances do not share numbers: a seed
    /// that is unlucky for one is then not unlucky for all.
    pub fn key(&self, law: &str, instance: &str) -> Key {
        self.key_for(Purpose::User, law, instance)
    }

    /// The same for another purpose.
    pub(crate) fn key_for(&self, purpose: Purpose, law: &str, instance: &str) -> Key {
        let bytes = law.bytes().chain([0]).chain(instance.bytes());
        let hash = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
        });
        Key::new(self.seed, purpose).level(hash)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fails if two instances, or two laws whose joined names agree, share random numbers.
    #[test]
    fn names_separate_streams() {
        let budget = Budget { false_positive: 1e-8, samples: 100, seed: 3 };
        let first = |law, instance| budget.key(law, instance).stream().uniform();
        assert_eq!(first("a", "b"), first("a", "b"));
        assert_ne!(first("a", "b"), first("a", "c"));
        assert_ne!(first("a", "bc"), first("ab", "c"));
        assert_eq!(budget.blocks(), 13);
    }

    /// Fails if a budget that can decide nothing is accepted.
    #[test]
    fn useless_budgets_are_refused() {
        let good = Budget { false_positive: 1e-8, samples: 100, seed: 3 };
        assert!(good.check().is_ok());
        assert!(Budget { false_positive: 0.0, ..good }.check().is_err());
        assert!(Budget { false_positive: f64::NAN, ..good }.check().is_err());
        assert!(Budget { samples: 8, ..good }.check().is_err());
    }
}
