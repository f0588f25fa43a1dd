//! Runs of a sampler and their options.

use std::ffi::{c_char, c_void};
use std::sync::atomic::Ordering;

use amc_harness::embed::{EmbedError, Sampling};

use crate::error::{Failure, amc_error, amc_status, report};
use crate::grid::Grid;
use crate::handle;
use crate::mixture::amc_mixture;
use crate::points::amc_list;
use crate::progress::{Watcher, amc_progress_fn};
use crate::result::amc_result;
use crate::structure::{self, Structure};
use crate::target::{Callbacks, amc_target};
use crate::text;

/// Options of a run. Set all of it to 0, then `size` and what else is wanted; 0 and NULL stand for the default.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct amc_options {
    /// sizeof(amc_options).
    pub size: usize,
    /// Settings as TOML text with the keys of configuration files: `seed` and the sections [path], [bridge], [logdet],
    /// [kernel], [sampler] (docs/src/configuration.md). A target of one's own without `backbone` has a tempering path by
    /// default.
    pub settings: *const c_char,
    /// The seed of all random numbers, which then replaces the one in `settings`. The same seed gives the same result.
    pub seed: *const u64,
    /// Threads of the run, which has a pool of its own; 0 takes all cores. Results do not depend on it.
    pub threads: usize,
    /// For targets of one's own: the mixture whose diffusion path leads to the target. It should be near the target and
    /// have all of its modes; its mean and variances centre and scale the target, and give the start of a tempering path.
    pub backbone: *const amc_mixture,
    /// For targets of one's own without a backbone: means [d] of the Gaussian that the path starts from; NULL for 0.
    pub reference_mean: *const f64,
    /// Standard deviations [d] of that Gaussian, which should be wider than the target; NULL for 1.
    pub reference_scale: *const f64,
    /// Allows scores and Hessian products that the target does not offer to be taken by differences with this step, in
    /// standard deviations of the reference, between 0 and 1 (1e-4, say); 0 refuses what needs them.
    pub finite_difference_step: f64,
    /// Told of the progress, and may stop the run.
    pub progress: amc_progress_fn,
    /// Handed to `progress`; never looked at.
    pub progress_user: *mut c_void,
}

// SAFETY: `repr(C)`, numbers, pointers and an optional function pointer, the first a `usize`.
unsafe impl Structure for amc_options {
    const NAME: &'static str = "amc_options";
    const FIRST: usize = 9 * size_of::<usize>() + size_of::<f64>();
}

/// Samples a target of one's own. `result` receives the handle, which goes by `amc_result_free`; `options` may be NULL.
///
/// Errors: AMC_ERROR_NULL, AMC_ERROR_SHAPE and AMC_ERROR_UTF8 for arguments; AMC_ERROR_CONFIGURATION for settings and
/// for what they need and the target does not offer, all before any work; AMC_ERROR_TARGET for what a callback reports;
/// AMC_ERROR_STOPPED; AMC_ERROR_NUMERICAL for a run that failed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amc_sample(
    target: *const amc_target,
    options: *const amc_options,
    result: *mut *mut amc_result,
    error: *mut amc_error,
) -> amc_status {
    let make = || {
        // SAFETY: the structures are NULL or valid by the contract of the library.
        let (target, options) = unsafe { (Callbacks::read(target)?, read(options)?) };
        let mut watcher = None;
        let sampling = Sampling::of(&target, target.dim());
        // SAFETY: what the options point to is valid by the contract of the library.
        unsafe { carry_out(sampling, &options, Some(target.dim()), &mut watcher) }
    };
    // SAFETY: as above, for the variable and the structure.
    unsafe { report(error, || handle::hand_out("result", result, make)) }
}

/// Samples a mixture, of which log Z = 0 and exact samples are known, so that the summary has metrics and the verdict
/// knows of every mode. The backbone and reference of `options` must not be set. Otherwise as `amc_sample`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amc_sample_mixture(
    mixture: *const amc_mixture,
    options: *const amc_options,
    result: *mut *mut amc_result,
    error: *mut amc_error,
) -> amc_status {
    let make = || {
        // SAFETY: handle and structure are NULL or valid by the contract of the library.
        let (mixture, options) = unsafe { (handle::borrowed("mixture", mixture)?, read(options)?) };
        let mut watcher = None;
        let sampling = Sampling::of_mixture(mixture.parameters.clone());
        // SAFETY: what the options point to is valid by the contract of the library.
        unsafe { carry_out(sampling, &options, None, &mut watcher) }
    };
    // SAFETY: as above, for the variable and the structure.
    unsafe { report(error, || handle::hand_out("result", result, make)) }
}

/// # Safety
/// `options` is NULL or points to a structure of its `size`.
unsafe fn read(options: *const amc_options) -> Result<Option<amc_options>, Failure> {
    if options.is_null() {
        return Ok(None);
    }
    // SAFETY: as promised by the caller.
    unsafe { structure::read(options) }.map(Some)
}

/// Sets a run up and carries it out. `dim` is that of a target of one's own; `watcher` a place for who watches.
///
/// # Safety
/// What the options point to is valid: texts, handles, arrays `[dim]` and the callback.
unsafe fn carry_out<'a>(
    mut sampling: Sampling<'a>,
    options: &Option<amc_options>,
    dim: Option<usize>,
    watcher: &'a mut Option<Watcher>,
) -> Result<amc_result, Failure> {
    let Some(options) = options else { return Ok(amc_result::new(sampling.run()?)) };
    // SAFETY: as promised by the caller.
    let (settings, backbone, seed) = unsafe {
        (
            text::borrowed("options.settings", options.settings)?,
            options.backbone.as_ref(),
            options.seed.as_ref(),
        )
    };
    if let Some(settings) = settings {
        sampling = sampling.configure(settings);
    }
    if let Some(seed) = seed {
        sampling = sampling.seed(*seed);
    }
    if let Some(backbone) = backbone {
        sampling = sampling.backbone(backbone.parameters.clone());
    }
    // SAFETY: as promised by the caller.
    if let Some((mean, scale)) = unsafe { reference(options, dim) }? {
        sampling = sampling.reference(&mean, &scale);
    }
    if options.finite_difference_step != 0.0 {
        sampling = sampling.finite_differences(options.finite_difference_step);
    }
    sampling = sampling.threads(options.threads);
    let Some(callback) = options.progress else { return Ok(amc_result::new(sampling.run()?)) };
    let watcher = watcher.insert(Watcher::new(callback, options.progress_user));
    let code = watcher.code();
    match sampling.watched_by(watcher).run() {
        Ok(sampled) => Ok(amc_result::new(sampled)),
        Err(EmbedError::Stopped) => {
            let code = code.load(Ordering::Relaxed);
            Err(Failure { code, ..Failure::from(EmbedError::Stopped) })
        }
        Err(error) => Err(error.into()),
    }
}

/// Means and standard deviations of a reference, `[d]` each.
type Gaussian = (Vec<f64>, Vec<f64>);

/// The reference, if either of its arrays is given.
///
/// # Safety
/// The arrays are NULL or hold `dim` numbers.
unsafe fn reference(
    options: &amc_options,
    dim: Option<usize>,
) -> Result<Option<Gaussian>, Failure> {
    let (mean, scale) = (options.reference_mean, options.reference_scale);
    if mean.is_null() && scale.is_null() {
        return Ok(None);
    }
    let Some(dim) = dim else {
        let message = "options.reference_...: a mixture is its own reference; leave them NULL";
        return Err(Failure::new(amc_status::AMC_ERROR_CONFIGURATION, message));
    };
    let numbers = |name, data: *const f64, default: f64| {
        if data.is_null() {
            return Ok(vec![default; dim]);
        }
        // SAFETY: as promised by the caller.
        Grid::read_list(name, amc_list(data, dim)).map(|grid| unsafe { grid.copied() })
    };
    let mean = numbers("options.reference_mean", mean, 0.0)?;
    Ok(Some((mean, numbers("options.reference_scale", scale, 1.0)?)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use amc_harness::embed::{BatchTarget, Derivatives, TargetFailure};
    use std::ffi::CStr;
    use std::mem::MaybeUninit;

    /// Panics when it is asked what it offers, or when it is evaluated.
    struct Panicking {
        at_once: bool,
    }

    impl BatchTarget for Panicking {
        fn offers(&self, _dim: usize) -> Derivatives {
            assert!(!self.at_once, "before the run");
            Derivatives::Score
        }

        fn log_densities(&self, _: &[f64], _: usize, _: &mut [f64]) -> Result<(), TargetFailure> {
            panic!("within the run")
        }
    }

    /// Fails if a panic, on the calling thread or on one of the run, crosses the boundary, loses its message, or leaves a
    /// handle behind.
    #[test]
    fn a_panic_in_a_run_is_a_status() {
        for at_once in [true, false] {
            let target = Panicking { at_once };
            let mut result = std::ptr::dangling_mut();
            let mut error = MaybeUninit::<amc_error>::uninit();
            // SAFETY: the variable and the structure may be written; there are no options.
            let (status, error) = unsafe {
                let settings = "[kernel]\nkind = \"rwm\"";
                let make = || {
                    let mut watcher = None;
                    let sampling = Sampling::of(&target, 2).configure(settings);
                    carry_out(sampling, &None, Some(2), &mut watcher)
                };
                let work = || handle::hand_out("result", &mut result, make);
                (report(error.as_mut_ptr(), work), error.assume_init())
            };
            assert_eq!((status, result.is_null()), (amc_status::AMC_ERROR_PANIC, true));
            // SAFETY: a message ends with NUL.
            let message = unsafe { CStr::from_ptr(error.message.as_ptr()) }.to_str().unwrap();
            let expected = if at_once { "before the run" } else { "within the run" };
            assert!(message.contains(expected), "{message}");
        }
    }
}
