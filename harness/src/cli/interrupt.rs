//! Ctrl-C: the first ends a run after the level, round or step in progress, the second at once.

use std::sync::atomic::{AtomicBool, Ordering};

static REQUESTED: AtomicBool = AtomicBool::new(false);

/// The exit code of a program that was interrupted.
pub(super) const EXIT_CODE: u8 = 130;

/// From now on signals to interrupt or terminate only ask to stop.
pub(super) fn watch() {
    let asked = || {
        if REQUESTED.swap(true, Ordering::SeqCst) {
            std::process::exit(i32::from(EXIT_CODE));
        }
        eprintln!("stopping after this level, round or step; once more stops at once");
    };
    // Without a handler the signal ends the process, as it always did; what was kept is kept.
    let _ = ctrlc::set_handler(asked);
}

/// From now on the same signals end the program at once, as nothing is kept that could be finished, and it says so.
pub(super) fn watch_unkept() {
    let asked = || {
        eprintln!("error: stopped; nothing was kept: --out DIR keeps a run");
        std::process::exit(i32::from(EXIT_CODE));
    };
    let _ = ctrlc::set_handler(asked);
}

/// Whether somebody wants the run to end.
pub(super) fn requested() -> bool {
    REQUESTED.load(Ordering::SeqCst)
}
