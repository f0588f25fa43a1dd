//! Runs cases side by side; no case depends on another, so results do not depend on the threads.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::thread;
use std::time::Instant;

use super::{Case, CaseReport, Plan};
use crate::VerifyError;

/// A case that has come to an end.
#[derive(Debug, Clone, PartialEq)]
pub struct Finished {
    /// Its place in the list of cases.
    pub index: usize,
    /// What it came to.
    pub report: Result<CaseReport, VerifyError>,
    /// Wall time in seconds.
    pub seconds: f64,
}

impl Finished {
    /// Whether the law is passed; an error is no pass.
    pub fn passed(&self) -> bool {
        self.report.as_ref().is_ok_and(|report| report.settled.verdict.passed())
    }
}

/// Runs all `cases` on so many threads (at least one); `done` hears of each as it ends. The result is in the
/// order of the cases.
pub fn run(
    cases: &[Case],
    plan: &Plan,
    threads: usize,
    done: &mut dyn FnMut(&Finished),
) -> Vec<Finished> {
    let next = &AtomicUsize::new(0);
    let (sender, receiver) = channel();
    let mut all = thread::scope(|scope| {
        for _ in 0..threads.clamp(1, cases.len().max(1)) {
            let sender = sender.clone();
            scope.spawn(move || {
                while let Some((index, case)) = claim(cases, next) {
                    let start = Instant::now();
                    let report = case.run(plan);
                    let seconds = start.elapsed().as_secs_f64();
                    if sender.send(Finished { index, report, seconds }).is_err() {
                        break;
                    }
                }
            });
        }
        drop(sender);
        let inspect = receiver.into_iter().inspect(|finished| done(finished));
        inspect.collect::<Vec<_>>()
    });
    all.sort_by_key(|finished| finished.index);
    all
}

fn claim<'a>(cases: &'a [Case], next: &AtomicUsize) -> Option<(usize, &'a Case)> {
    let index = next.fetch_add(1, Ordering::Relaxed);
    cases.get(index).map(|case| (index, case))
}

#[cfg(test)]
mod tests {
    use super::super::Tier;
    use super::*;
    use crate::Verdict;

    fn case(name: &str, p_value: f64) -> Case {
        let names = ("stream::uniforms", "nothing");
        Case::new(names, name.to_owned(), 800, move |name, budget| {
            let law = ("stream::uniforms", name);
            Ok(Verdict::from_p_value(law, budget, budget.samples, p_value, String::new()))
        })
    }

    /// Fails if a case is lost, run twice, out of order, or its result depends on the threads.
    #[test]
    fn every_case_once_in_order() {
        let cases: Vec<Case> = (0..23).map(|i| case(&format!("{i}"), f64::from(i % 5))).collect();
        let plan = Plan::new(Tier::Quick, &cases, 3);
        let run = |threads| {
            let mut heard = 0;
            let all = run(&cases, &plan, threads, &mut |_| heard += 1);
            assert_eq!(heard, 23);
            all.into_iter().map(|f| (f.index, f.passed(), f.report)).collect::<Vec<_>>()
        };
        let alone = run(1);
        assert!(alone.iter().enumerate().all(|(i, f)| f.0 == i && f.1 == (i % 5 != 0)));
        assert_eq!(alone, run(4));
        assert_eq!(alone[1].2.as_ref().unwrap().settled.verdict.samples, 100);
    }
}
