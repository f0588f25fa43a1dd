//! Progress bars on stderr, shown only on a terminal.

use std::io::IsTerminal;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::interrupt;
use crate::sampler::{Observer, Progress};
use crate::storage::Journal;

/// A bar over the levels or rounds of the current phase, with how it is going; and what the run is kept by, if it is.
pub(super) struct LevelBar {
    bar: ProgressBar,
    shown: bool,
    journal: Option<Journal>,
}

impl LevelBar {
    /// A bar, if stderr is a terminal and nobody asked for quiet.
    pub(super) fn new(quiet: bool) -> Self {
        let shown = !quiet && std::io::stderr().is_terminal();
        Self { bar: ProgressBar::hidden(), shown, journal: None }
    }

    /// The same of a run that is kept.
    pub(super) fn with_journal(mut self, journal: Option<Journal>) -> Self {
        self.journal = journal;
        self
    }

    /// Says what was found damaged, above the bar.
    fn tell(&mut self) {
        for note in self.journal.as_mut().map(Journal::take_notes).unwrap_or_default() {
            self.bar.suspend(|| eprintln!("warning: {note}"));
        }
    }
}

impl Observer for LevelBar {
    fn begin(&mut self, phase: &str, levels: usize) {
        self.tell();
        self.bar.finish_and_clear();
        if self.shown {
            // A phase that finds its own length has no end to draw.
            let length = (levels > 0).then_some(levels as u64);
            let target = ProgressDrawTarget::stderr_with_hz(10);
            self.bar = ProgressBar::with_draw_target(length, target);
            self.bar.set_style(style(match length {
                Some(_) => "{prefix:>8} [{bar:40}] {pos}/{len}, {eta} left, {msg}",
                None => "{prefix:>8} {spinner} {pos}, {msg}",
            }));
            self.bar.set_prefix(phase.to_owned());
        }
    }

    fn skip(&mut self, done: usize) {
        self.tell();
        self.bar.set_position(done as u64);
        self.bar.reset_eta();
    }

    fn level_done(&mut self, progress: Progress) {
        let state = match progress {
            Progress::Ess(ess) => format!("ESS {ess:.3}"),
            Progress::Rejection(rate) => format!("worst rejection {rate:.3}"),
        };
        self.bar.inc(1);
        // The metrics of many particles take longer than short runs, and have no levels to count.
        let last = self.bar.length() == Some(self.bar.position());
        let then = if last && self.bar.prefix() != "pilot" { ", then what follows" } else { "" };
        self.bar.set_message(format!("{state}{then}"));
    }

    fn wants_to_stop(&self) -> bool {
        interrupt::requested()
    }

    fn journal(&mut self) -> Option<&mut Journal> {
        self.journal.as_mut()
    }
}

impl Drop for LevelBar {
    fn drop(&mut self) {
        self.tell();
        self.bar.finish_and_clear();
    }
}

/// A bar over runs.
pub(super) fn run_bar(runs: usize, quiet: bool) -> ProgressBar {
    if quiet || !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let target = ProgressDrawTarget::stderr_with_hz(10);
    ProgressBar::with_draw_target(Some(runs as u64), target)
        .with_style(style("[{bar:40}] run {pos}/{len}, {eta} left: {msg}"))
}

/// A bar over estimated milliseconds of work.
pub(super) fn weighted_bar(milliseconds: u64, quiet: bool) -> ProgressBar {
    if quiet || !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let target = ProgressDrawTarget::stderr_with_hz(4);
    ProgressBar::with_draw_target(Some(milliseconds), target)
        .with_style(style("[{bar:40}] {percent} %, {eta} left, {msg}"))
}

/// A bar over the steps of a training's stage.
pub(super) fn step_bar(steps: u64, stage: String, quiet: bool) -> ProgressBar {
    if quiet || !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let target = ProgressDrawTarget::stderr_with_hz(10);
    ProgressBar::with_draw_target(Some(steps), target)
        .with_prefix(stage)
        .with_style(style("{prefix:>8} [{bar:40}] step {pos}/{len}, {eta} left, {msg}"))
}

/// A line on a fit: which ascent, and how far it is.
pub(super) fn ascent_bar(iterations: usize, quiet: bool) -> ProgressBar {
    if quiet || !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let target = ProgressDrawTarget::stderr_with_hz(10);
    ProgressBar::with_draw_target(Some(iterations as u64), target)
        .with_style(style("{prefix} {spinner} iteration {pos} of at most {len}, {msg}"))
}

/// A bar over pieces of work of different kinds, whose number is told as they begin.
pub(super) struct PieceBar {
    bar: ProgressBar,
    begun: u64,
}

impl PieceBar {
    /// A bar, if stderr is a terminal and nobody asked for quiet.
    pub(super) fn new(quiet: bool) -> Self {
        let bar = run_bar(0, quiet).with_style(style("[{bar:40}] {pos}/{len}, {eta} left: {msg}"));
        Self { bar, begun: 0 }
    }

    /// A piece of `count` begins; the ones before it are done.
    pub(super) fn begin(&mut self, count: usize, name: String) {
        self.bar.set_length(count as u64);
        self.bar.set_position(self.begun);
        self.bar.set_message(name);
        self.begun += 1;
    }
}

impl Drop for PieceBar {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}
