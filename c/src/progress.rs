//! Who watches a run and may end it.

use std::ffi::{CString, c_char, c_int, c_void};
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};

use amc_harness::sampler::{Observer, Progress};

/// How far a run is.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct amc_progress {
    /// sizeof(amc_progress) of the library; later versions may append fields.
    pub size: usize,
    /// Name of the phase, such as "pilot"; valid during the call.
    pub phase: *const c_char,
    /// Levels or rounds of the phase that are done.
    pub done: usize,
    /// All of them; 0 where that is not known.
    pub length: usize,
    /// Effective sample size of the weights as a fraction of their number; NaN where the phase has none.
    pub effective_sample_size: f64,
    /// Largest rejection rate of replica exchange over pairs of levels so far; NaN where the phase has none.
    pub rejection: f64,
}

/// Told when a phase begins and whenever a level or round is done, from a thread of the run, one call at a time.
///
/// Returns 0, or another number to stop the run, which then ends with AMC_ERROR_STOPPED soon.
pub type amc_progress_fn =
    Option<unsafe extern "C" fn(user: *mut c_void, progress: *const amc_progress) -> c_int>;

type Callback = unsafe extern "C" fn(*mut c_void, *const amc_progress) -> c_int;

/// Hands progress on to a callback.
pub(crate) struct Watcher {
    callback: Callback,
    user: *mut c_void,
    phase: CString,
    done: usize,
    length: usize,
    /// What the callback returned first that was not 0; a run borrows its watcher to the end, so this is shared.
    code: Arc<AtomicI32>,
}

// SAFETY: the callback is called by one thread at a time, as its type says; `user` is only handed on.
unsafe impl Send for Watcher {}

impl Watcher {
    pub(crate) fn new(callback: Callback, user: *mut c_void) -> Self {
        Self { callback, user, phase: CString::default(), done: 0, length: 0, code: Arc::default() }
    }

    /// What the callback returned first that was not 0, now and later.
    pub(crate) fn code(&self) -> Arc<AtomicI32> {
        Arc::clone(&self.code)
    }

    fn tell(&mut self, effective_sample_size: f64, rejection: f64) {
        if self.wants_to_stop() {
            return;
        }
        let progress = amc_progress {
            size: size_of::<amc_progress>(),
            phase: self.phase.as_ptr(),
            done: self.done,
            length: self.length,
            effective_sample_size,
            rejection,
        };
        // SAFETY: the structure and its text live during the call.
        let code = unsafe { (self.callback)(self.user, &progress) };
        self.code.store(code, Ordering::Relaxed);
    }
}

impl Observer for Watcher {
    fn begin(&mut self, phase: &str, length: usize) {
        self.phase = CString::new(phase.replace('\0', "")).unwrap_or_default();
        (self.done, self.length) = (0, length);
        self.tell(f64::NAN, f64::NAN);
    }

    fn skip(&mut self, done: usize) {
        self.done += done;
    }

    fn level_done(&mut self, progress: Progress) {
        self.done += 1;
        match progress {
            Progress::Ess(ess) => self.tell(ess, f64::NAN),
            Progress::Rejection(rate) => self.tell(f64::NAN, rate),
        }
    }

    fn wants_to_stop(&self) -> bool {
        self.code.load(Ordering::Relaxed) != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::CStr;

    /// Notes what it is told, and stops at the third call.
    unsafe extern "C" fn note(user: *mut c_void, progress: *const amc_progress) -> c_int {
        // SAFETY: the test hands over a vector and the watcher a structure.
        let (notes, progress) = unsafe { (&mut *user.cast::<Vec<String>>(), &*progress) };
        // SAFETY: the phase is valid during the call.
        let phase = unsafe { CStr::from_ptr(progress.phase) }.to_str().unwrap();
        let (done, length) = (progress.done, progress.length);
        notes.push(format!(
            "{phase} {done}/{length} {} {}",
            progress.effective_sample_size, progress.rejection
        ));
        if notes.len() == 3 { -7 } else { 0 }
    }

    /// Fails if a number of one kind is told as the other, phases are mixed up, or a callback that asked to stop is
    /// called again or its code lost.
    #[test]
    fn progress_is_told_until_asked_to_stop() {
        let mut notes: Vec<String> = Vec::new();
        let mut watcher = Watcher::new(note, (&raw mut notes).cast());
        watcher.begin("pilot", 4);
        watcher.level_done(Progress::Ess(0.5));
        assert!(!watcher.wants_to_stop());
        watcher.begin("rounds", 9);
        assert!(watcher.wants_to_stop() && watcher.code().load(Ordering::Relaxed) == -7);
        watcher.level_done(Progress::Rejection(0.25));
        assert_eq!(notes, ["pilot 0/4 NaN NaN", "pilot 1/4 0.5 NaN", "rounds 0/9 NaN NaN"]);
    }
}
