//! The suite: every law on every instance of the core, with a ledger of what each may cost.
//!
//! A [`Case`] is one law on one instance. [`cases`] lists those of the core; a program that has instances of
//! its own (samplers, say) adds its cases to the list and runs them with the same [`Plan`]:
//!
//! ```
//! use amc_verify::suite::{self, Plan, Tier};
//!
//! # fn main() -> Result<(), amc_verify::VerifyError> {
//! let cases = suite::cases()?;
//! let plan = Plan::new(Tier::Quick, &cases, 1);
//! let case = cases.iter().find(|case| case.law() == "resampling::mean_offspring");
//! let report = case.expect("there are resampling schemes").run(&plan)?;
//! assert!(report.settled.verdict.passed(), "{}", report.settled.verdict);
//! # Ok(())
//! # }
//! ```
//!
//! # The ledger
//!
//! A suite with a fresh seed refutes a correct program with probability at most [`FALSE_POSITIVE`]: that much
//! is divided evenly among the cases that chance has a part in; path-by-path laws need none of it. Within
//! its share a case is tested sequentially ([`crate::sequential`]). No independence of cases is assumed.
//!
//! | room | instances |
//! |---|---|
//! | `bridges` | every bridge on steps of every covariance kind and noise schedule |
//! | `swaps` | the core's swap through every bridge |
//! | `maps` | deterministic maps with exact and estimated determinants |
//! | `determinants` | estimators of log-determinants, and the penalty for their noise |
//! | `kernels` | every Markov kernel on diffusion and tempering levels |
//! | `ladders` | annealed importance sampling along ladders of levels |
//! | `densities` | derivatives, normalization and Stein's identities of mixtures and tempering levels |
//! | `paths` | noise schedules, samples carried along them, spacings |
//! | `moves` | single moves of kernels, and their bare proposals |
//! | `populations` | the plain sequential Monte Carlo of this crate, an example of a sampler |
//! | `randomness` | resampling schemes and random streams |

mod bridges;
mod case;
mod densities;
mod determinants;
mod kernels;
mod ladders;
mod maps;
mod moves;
mod paths;
mod place;
mod populations;
mod randomness;
mod run;
mod swaps;
mod variant;

pub use case::{Case, CaseReport, Check, Plan, Tier};
pub use place::Place;
pub use run::{Finished, run};

use crate::VerifyError;

/// Largest probability with which a suite with a fresh seed refutes a correct program.
pub const FALSE_POSITIVE: f64 = 1e-6;

/// Every law on every instance of the core.
///
/// # Errors
/// None for the instances of this crate, whose numbers are constants.
pub fn cases() -> Result<Vec<Case>, VerifyError> {
    let mut all = densities::cases();
    all.extend(paths::cases()?);
    all.extend(bridges::cases()?);
    all.extend(swaps::cases()?);
    all.extend(maps::cases()?);
    all.extend(determinants::cases());
    all.extend(kernels::cases());
    all.extend(moves::cases());
    all.extend(ladders::cases());
    all.extend(populations::cases());
    all.extend(randomness::cases());
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    /// Laws of whole samplers, whose instances are not in this crate.
    const SAMPLERS: [&str; 3] =
        ["error_bars::coverage", "threads::invariance", "ladders::invariance"];

    /// Fails if two cases share a name, and with it their random numbers, or a law has no instance.
    #[test]
    fn names_are_unique_and_every_law_is_used() {
        let all = cases().unwrap();
        let mut names = BTreeSet::new();
        for case in &all {
            assert!(names.insert((case.law(), case.instance().to_owned())), "{case:?} twice");
        }
        let used: BTreeSet<&str> = all.iter().map(Case::law).collect();
        for law in crate::law::ALL {
            let elsewhere = SAMPLERS.contains(&law.name);
            assert!(elsewhere || used.contains(law.name), "{} has no instance", law.name);
        }
        for law in used {
            assert!(crate::law::find(law).is_some(), "{law} is not listed");
        }
    }

    /// Fails if the shares of a plan come to more than the suite may spend, or path-by-path laws take some.
    #[test]
    fn the_ledger_balances() {
        let all = cases().unwrap();
        let plan = Plan::new(Tier::Full, &all, 1);
        let spenders = all.iter().filter(|case| case.by_chance()).count();
        assert!(spenders > 100 && spenders < all.len());
        let spent = spenders as f64 * plan.share();
        assert!((spent / FALSE_POSITIVE - 1.0).abs() < 1e-12, "{spent}");
    }
}
