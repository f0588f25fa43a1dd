//! What is said about a run: a status, whether mode coverage was looked at, and the reasons.

use std::fmt;

use serde::Serialize;

use crate::catalog::Check;

/// The verdict in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// Nothing is wrong and no mode is missing, as far as the checks can see.
    Healthy,
    /// Nothing looks wrong, but nothing looked for missing modes.
    Unverified,
    /// Something is wrong; the reasons say what.
    Suspect,
}

/// Whether the run was compared with exact samples of the target, and agreed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Coverage {
    /// Exact samples were used from the other side, with enough resolution, and agree.
    Verified,
    /// They were not used, disagree, or are too noisy to tell.
    Unverified,
}

/// One check that raised the alarm.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Reason {
    /// Which check.
    pub check: Check,
    /// What it found; NaN (`null` in JSON) where the run gave no number.
    pub value: f64,
    /// What it allows.
    pub limit: f64,
    /// One line: the value, what is wrong with it, and what to change.
    pub message: String,
}

impl Reason {
    pub(super) fn new(check: Check, value: f64, limit: f64, message: String) -> Self {
        Self { check, value, limit, message }
    }
}

/// What [`judge`](super::judge) says; `Display` is one line.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Verdict {
    /// The verdict in one word.
    pub status: Status,
    /// Whether missing modes would have been noticed.
    pub coverage: Coverage,
    /// Every check that raised the alarm, in the order of the data's flow.
    pub reasons: Vec<Reason>,
    /// `mode coverage unverified: ...` with the remedy, whenever it is unverified.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

impl Verdict {
    /// `covered`: some view from exact samples agrees; `doubts`: why others do not say so.
    pub(super) fn new(covered: bool, doubts: &[String], reasons: Vec<Reason>) -> Self {
        // One view that disagrees outweighs another that agrees.
        let refuted =
            reasons.iter().any(|r| matches!(r.check, Check::Sandwich | Check::ModeWeights));
        let coverage = if covered && !refuted { Coverage::Verified } else { Coverage::Unverified };
        let status = match coverage {
            _ if !reasons.is_empty() => Status::Suspect,
            Coverage::Verified => Status::Healthy,
            Coverage::Unverified => Status::Unverified,
        };
        let note = (coverage == Coverage::Unverified).then(|| {
            let why = if doubts.is_empty() {
                "no exact samples of the target were used; modes that no particle found leave no \
                 trace"
                    .to_owned()
            } else {
                doubts.join("; ")
            };
            format!("mode coverage unverified: {why}")
        });
        Self { status, coverage, reasons, note }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.status {
            Status::Healthy => f.write_str("healthy"),
            Status::Unverified => {
                write!(f, "unverified: {}", self.note.as_deref().unwrap_or("no note"))
            }
            Status::Suspect => {
                let count = self.reasons.len();
                write!(f, "suspect: {count} reason{}", if count == 1 { "" } else { "s" })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reason(check: Check) -> Reason {
        Reason::new(check, 0.5, 0.25, "text".to_owned())
    }

    /// Fails if the strings that scripts read change, or a note is written where none applies.
    #[test]
    fn json_is_kebab_case() {
        let healthy = serde_json::to_string(&Verdict::new(true, &[], vec![])).unwrap();
        assert_eq!(healthy, r#"{"status":"healthy","coverage":"verified","reasons":[]}"#);
        let sick = Verdict::new(true, &[], vec![reason(Check::ParetoK)]);
        let expected = concat!(
            r#"{"status":"suspect","coverage":"verified","reasons":[{"check":"pareto-k","#,
            r#""value":0.5,"limit":0.25,"message":"text"}]}"#
        );
        assert_eq!(serde_json::to_string(&sick).unwrap(), expected);
        assert_eq!(sick.to_string(), "suspect: 1 reason");
    }

    /// Fails if coverage stays verified when one of the two views disagrees.
    #[test]
    fn a_view_that_disagrees_outweighs_one_that_agrees() {
        for check in [Check::Sandwich, Check::ModeWeights] {
            let verdict = Verdict::new(true, &[], vec![reason(check)]);
            assert_eq!(verdict.coverage, Coverage::Unverified);
        }
        let doubtful = Verdict::new(false, &["a".to_owned(), "b".to_owned()], vec![]);
        assert_eq!(doubtful.to_string(), "unverified: mode coverage unverified: a; b");
    }
}
