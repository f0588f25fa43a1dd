//! Runs cases side by side; no case depends on another, so results do not depend on the threads.

use core::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
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
                    // A foreign case that panics is one case lost, not all.
                    let report = catch_unwind(AssertUnwindSafe(|| case.run(plan)))
                        .unwrap_or_else(|panic| Err(VerifyError::Panicked(text_of(&*panic))));
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

/// What a panic said.
fn text_of(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("without a message").to_owned()
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

    /// Fails if a case that panics takes the others with it.
    #[test]
    fn panics_are_one_case() {
        let names = ("stream::uniforms", "nothing");
        let loud = Case::new(names, "loud".to_owned(), 800, |_, budget| match budget.samples {
            400 => panic!("said {}", 5),
            _ => Err(VerifyError::TooFewSamples { what: "loud", needed: 1, found: 0 }),
        });
        let cases = [case("a", 1.0), loud, case("b", 1.0)];
        let plan = Plan::new(Tier::Quick, &cases, 3);
        let all = run(&cases, &plan, 2, &mut |_| ());
        assert!(all[0].passed() && !all[1].passed() && all[2].passed());
        assert_eq!(all[1].report, Err(VerifyError::Panicked("said 5".to_owned())));
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
        assert_eq!(alone[1].2.as_ref().unwrap().settled.verdict.samples, 400);
    }
}
