//! A verdict on one sampling run, with reasons, from plain numbers that samplers already have.
//!
//! [`judge`] reads [`Symptoms`] and returns a [`Verdict`]. It knows neither the target nor the
//! sampler, and never uses the truth: it must work where nobody knows the answer.
//!
//! | check | sees | blind to |
//! |---|---|---|
//! | largest-weight, pareto-k, effective-sample-size | weights too uneven to average | modes no particle found |
//! | ancestors | a standard error taken from too few families | the same |
//! | sandwich | mass missing from the forward run | mass below its tolerance |
//! | mode-weights | modes lost, or ladders that depend on their start | modes lighter than its tolerance |
//! | repetitions | modes found by luck | modes lost every time |
//! | round-trips, rejection | a ladder that is cut somewhere | modes never seen |
//! | stepping-stones | levels too far apart for the works to overlap | modes lost at all levels |
//! | fold, truncation | a map that is not one-to-one, determinants cut short | maps that fold where no particle goes |
//! | step-size, non-finite | a pilot that did not settle, broken arithmetic | everything else |
//!
//! Only the sandwich and the mode weights use exact samples of the target, so only they can say that no
//! mode is missing ([`Coverage::Verified`]). A run without them is at best *unverified*.
//!
//! Limits are constants beside their checks, set so that a healthy run raises a false alarm in far
//! less than one of a hundred seeds: where a limit is compared with a noisy number it stands four
//! standard errors or more away, and a difference that does not matter never counts, however
//! significant. A number that is NaN is always a reason.

mod ladders;
mod map;
mod modes;
mod moves;
mod pareto;
mod repetitions;
mod sandwich;
mod shares;
mod verdict;
mod weights;

use serde::Serialize;

pub use ladders::LadderSymptoms;
pub use map::MapSymptoms;
pub use modes::ModeSymptoms;
pub use moves::PilotSymptoms;
pub use pareto::pareto_k;
pub use repetitions::RepetitionSymptoms;
pub use sandwich::Sandwich;
pub use verdict::{Coverage, Reason, Status, Verdict};
pub use weights::{WeightSymptoms, weight_symptoms};

/// What was measured on a run; `None` where a measurement was not made or has no meaning.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Symptoms {
    /// Final importance weights of an annealed run.
    pub weights: Option<WeightSymptoms>,
    /// `log Z` from both sides.
    pub sandwich: Option<Sandwich>,
    /// `log Z` of ladders by stepping stones, up (`lower`) and down (`upper`): both from the same
    /// ladders, so no view of missing modes.
    pub stepping_stones: Option<Sandwich>,
    /// Movement of replicas along their ladders.
    pub ladders: Option<LadderSymptoms>,
    /// Mode weights of the run against those of exact samples.
    pub modes: Option<ModeSymptoms>,
    /// Independent repetitions of the run.
    pub repetitions: Option<RepetitionSymptoms>,
    /// Acceptance of the kernel against the one its pilot aimed at.
    pub pilot: Option<PilotSymptoms>,
    /// A deterministic map.
    pub map: Option<MapSymptoms>,
    /// Proposals and weights that were not finite numbers.
    pub non_finite: u64,
    /// Proposals and weights altogether.
    pub moves: u64,
}

/// Applies every check that has something to read.
pub fn judge(symptoms: &Symptoms) -> Verdict {
    let mut reasons = Vec::new();
    if let Some(weights) = &symptoms.weights {
        weights.check(&mut reasons);
    }
    // Why the view from exact samples says nothing; empty when there is none.
    let mut doubts = Vec::new();
    let mut covered = false;
    if let Some(sandwich) = &symptoms.sandwich {
        match sandwich.check(&mut reasons) {
            Ok(()) => covered = true,
            Err(doubt) => doubts.push(doubt),
        }
    }
    if let Some(modes) = &symptoms.modes {
        match modes.check(&mut reasons) {
            Ok(()) => covered = true,
            Err(doubt) => doubts.push(doubt),
        }
    }
    if let Some(stones) = &symptoms.stepping_stones {
        stones.check_stepping_stones(&mut reasons);
    }
    if let Some(ladders) = &symptoms.ladders {
        ladders.check(&mut reasons);
    }
    if let Some(repetitions) = &symptoms.repetitions {
        repetitions.check(&mut reasons);
    }
    if let Some(pilot) = &symptoms.pilot {
        pilot.check(&mut reasons);
    }
    if let Some(map) = &symptoms.map {
        map.check(&mut reasons);
    }
    moves::check_finite(symptoms.non_finite, symptoms.moves, &mut reasons);
    Verdict::new(covered, &doubts, reasons)
}

/// `value > limit`, or no number at all.
fn exceeds(value: f64, limit: f64) -> bool {
    value.is_nan() || value > limit
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::Check;

    fn weights() -> WeightSymptoms {
        WeightSymptoms {
            particles: 4096,
            largest_share: 0.003,
            pareto_k: Some(0.3),
            ess: 1500.0,
            families_alive: 400,
        }
    }

    fn sandwich() -> Sandwich {
        Sandwich { lower: -0.01, lower_se: 0.02, upper: 0.03, upper_se: 0.03 }
    }

    fn healthy() -> Symptoms {
        Symptoms {
            weights: Some(weights()),
            sandwich: Some(sandwich()),
            stepping_stones: Some(sandwich()),
            ladders: Some(LadderSymptoms { round_trips: vec![3, 9], rejections: vec![0.3, 0.5] }),
            modes: Some(ModeSymptoms {
                of_run: vec![0.66, 0.34],
                run_se: vec![0.01, 0.01],
                of_exact: vec![0.68, 0.32],
                exact_se: vec![0.02, 0.02],
            }),
            repetitions: Some(RepetitionSymptoms {
                mode_weights: vec![vec![0.66, 0.34], vec![0.67, 0.33]],
                mode_weight_se: vec![vec![0.01, 0.01], vec![0.02, 0.02]],
                log_z: vec![0.01, -0.02],
                log_z_se: vec![0.02, 0.03],
            }),
            pilot: Some(PilotSymptoms { target: 0.6, levels: vec![(0, 0.62), (4, 0.55)] }),
            map: Some(MapSymptoms {
                rejected: Some(0.0),
                astray: Some(0.0),
                diverged: 0.0,
                truncation: 1e-4,
                log_z_se: 0.01,
            }),
            non_finite: 3,
            moves: 1_000_000,
        }
    }

    /// Fails if a run without a reason is not healthy, or if a run that nothing looked at from the
    /// other side is.
    #[test]
    fn healthy_needs_coverage() {
        assert_eq!(judge(&healthy()).to_string(), "healthy");
        for one_side in
            [Symptoms { sandwich: None, ..healthy() }, Symptoms { modes: None, ..healthy() }]
        {
            assert_eq!(judge(&one_side).status, Status::Healthy);
        }
        let blind = judge(&Symptoms { sandwich: None, modes: None, ..healthy() });
        assert_eq!((blind.status, blind.coverage), (Status::Unverified, Coverage::Unverified));
        assert!(blind.to_string().starts_with("unverified: mode coverage unverified: "), "{blind}");
        assert_eq!(judge(&Symptoms::default()).status, Status::Unverified);
    }

    /// Fails if a reason of any kind is dropped on the way, or two are counted as one.
    #[test]
    fn every_kind_of_symptom_is_read() {
        let sick = Symptoms {
            weights: Some(WeightSymptoms { families_alive: 3, ..weights() }),
            sandwich: Some(Sandwich { upper: 0.9, ..sandwich() }),
            stepping_stones: Some(Sandwich { lower: -0.7, ..sandwich() }),
            ladders: Some(LadderSymptoms { round_trips: vec![0, 0], rejections: vec![0.95] }),
            modes: Some(ModeSymptoms {
                of_run: vec![1.0, 0.0],
                run_se: vec![0.0, 0.0],
                of_exact: vec![0.68, 0.32],
                exact_se: vec![0.02, 0.02],
            }),
            repetitions: Some(RepetitionSymptoms {
                log_z: vec![0.0, 1.0],
                ..healthy().repetitions.unwrap()
            }),
            pilot: Some(PilotSymptoms { target: 0.6, levels: vec![(2, 0.1)] }),
            map: Some(MapSymptoms {
                rejected: Some(0.1),
                astray: None,
                diverged: 0.0,
                truncation: 0.5,
                log_z_se: 0.1,
            }),
            non_finite: 3,
            moves: 300,
        };
        let verdict = judge(&sick);
        let found: Vec<Check> = verdict.reasons.iter().map(|reason| reason.check).collect();
        let expected = [
            Check::Ancestors,
            Check::Sandwich,
            Check::ModeWeights,
            Check::SteppingStones,
            Check::RoundTrips,
            Check::Rejection,
            Check::Repetitions,
            Check::StepSize,
            Check::Fold,
            Check::Truncation,
            Check::NonFinite,
        ];
        assert_eq!(found, expected);
        assert_eq!(verdict.to_string(), "suspect: 11 reasons");
        assert_eq!((verdict.status, verdict.coverage), (Status::Suspect, Coverage::Unverified));
        for reason in &verdict.reasons {
            assert!(!reason.message.contains('\n') && reason.message.len() > 30);
        }
    }

    /// Fails if a number that is NaN anywhere leaves the run healthy.
    #[test]
    fn nan_is_never_healthy() {
        const NAN: f64 = f64::NAN;
        let modes = healthy().modes.unwrap();
        let repetitions = healthy().repetitions.unwrap();
        let broken = vec![NAN, 0.3];
        let cases = [
            Symptoms { weights: Some(WeightSymptoms { ess: NAN, ..weights() }), ..healthy() },
            Symptoms {
                weights: Some(WeightSymptoms { largest_share: NAN, ..weights() }),
                ..healthy()
            },
            Symptoms {
                weights: Some(WeightSymptoms { pareto_k: Some(NAN), ..weights() }),
                ..healthy()
            },
            Symptoms { sandwich: Some(Sandwich { lower: NAN, ..sandwich() }), ..healthy() },
            Symptoms { sandwich: Some(Sandwich { lower_se: NAN, ..sandwich() }), ..healthy() },
            Symptoms { sandwich: Some(Sandwich { upper: NAN, ..sandwich() }), ..healthy() },
            Symptoms { sandwich: Some(Sandwich { upper_se: NAN, ..sandwich() }), ..healthy() },
            Symptoms {
                ladders: Some(LadderSymptoms { round_trips: vec![4], rejections: broken.clone() }),
                ..healthy()
            },
            Symptoms {
                modes: Some(ModeSymptoms { of_run: broken.clone(), ..modes.clone() }),
                ..healthy()
            },
            Symptoms {
                modes: Some(ModeSymptoms { run_se: broken.clone(), ..modes.clone() }),
                ..healthy()
            },
            Symptoms {
                modes: Some(ModeSymptoms { exact_se: broken.clone(), ..modes }),
                ..healthy()
            },
            Symptoms {
                repetitions: Some(RepetitionSymptoms {
                    mode_weights: vec![vec![0.66, 0.34], broken.clone()],
                    ..repetitions.clone()
                }),
                ..healthy()
            },
            Symptoms {
                repetitions: Some(RepetitionSymptoms {
                    mode_weight_se: vec![vec![0.66, 0.34], broken],
                    ..repetitions.clone()
                }),
                ..healthy()
            },
            Symptoms {
                repetitions: Some(RepetitionSymptoms { log_z_se: vec![NAN, 0.1], ..repetitions }),
                ..healthy()
            },
            Symptoms {
                pilot: Some(PilotSymptoms { target: 0.6, levels: vec![(0, 0.6), (1, NAN)] }),
                ..healthy()
            },
        ];
        for (index, case) in cases.iter().enumerate() {
            let verdict = judge(case);
            assert_eq!(verdict.status, Status::Suspect, "case {index}");
            assert!(serde_json::to_string(&verdict).is_ok());
        }
    }
}
