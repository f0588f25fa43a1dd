//! A defect that the law of the evidence must see: a model's density where the target belongs.

use amc_verify::{Budget, Conclusion};

use super::populations::{PopulationCase, check_evidence_of};
use super::scene::Scene;
use crate::catalog::Source;
use crate::learned::Sources;
use crate::sampler::Annealing;

/// The share of one case in the suite, rounded down.
const SHARE: f64 = 1e-9;

fn conclusion(spoil: &(dyn Fn(&mut Annealing<'_>) + Sync)) -> Conclusion {
    let sources = Sources { density: Source::Learned, score: Source::Learned };
    let scene = Scene {
        tempering: false,
        bridge: "kind = \"isotropic-optimal\"",
        kernel: "mala",
        times: &[0.08, 0.2, 0.35, 0.6],
        full: false,
        learned: Some(sources),
    };
    let case = PopulationCase { scene, rule: None, particles: 16 };
    let budget = Budget { false_positive: SHARE, samples: 6_000, seed: 20_260_101 };
    check_evidence_of(&case, spoil, "planted", &budget).unwrap().conclusion
}

/// Fails if a sampler whose last weight is a model's density instead of the target's passes, or the same without the
/// defect does not.
#[test]
fn a_learned_density_at_level_0_is_refuted() {
    assert_eq!(conclusion(&|_| ()), Conclusion::Passed);
    // The model at the cleanest noisy level, in the place of the target.
    assert_eq!(conclusion(&|run| run.levels[0] = run.levels[1]), Conclusion::Refuted);
}
