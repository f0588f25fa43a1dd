//! What a run found.

use std::ffi::c_char;

use amc_harness::diagnostic::{Coverage, Status};
use amc_harness::embed::Sampled;

use crate::error::{Failure, amc_error, amc_status, report};
use crate::grid::Grid;
use crate::handle;
use crate::points::{amc_points_mut, amc_values_mut};
use crate::structure::{self, Structure};
use crate::text;

/// Weighted samples of a target, and what the run says of itself.
pub struct amc_result {
    sampled: Sampled,
}

impl amc_result {
    pub(crate) fn new(sampled: Sampled) -> Self {
        Self { sampled }
    }
}

/// What the checks say of a run.
#[repr(i32)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum amc_verdict {
    /// Nothing is wrong and no mode is missing, as far as the checks can see.
    AMC_HEALTHY = 0,
    /// Nothing looks wrong, but nothing looked for missing modes: there were no exact samples to compare with.
    AMC_UNVERIFIED = 1,
    /// Something is wrong; `verdict` in the text of `amc_result_json` gives the reasons.
    AMC_SUSPECT = 2,
}

/// The numbers of a run. Set `size` before it is filled; what a run does not have is NaN.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct amc_summary {
    /// sizeof(amc_summary).
    pub size: usize,
    /// Number of samples N.
    pub count: usize,
    /// Number of coordinates d.
    pub dim: usize,
    /// Estimate of log Z, Z the integral of gamma.
    pub log_z: f64,
    /// Its standard error.
    pub log_z_std_error: f64,
    /// Effective sample size of the weights, 1 to N.
    pub effective_sample_size: f64,
    /// Mean acceptance probability of the kernel; NaN without kernel.
    pub acceptance_rate: f64,
    /// Log-densities that were evaluated, of one point each.
    pub density_evaluations: u64,
    /// Scores.
    pub score_evaluations: u64,
    /// Products with the Hessian.
    pub hessian_product_evaluations: u64,
    /// Proposals and weights that were not finite and therefore rejected.
    pub not_finite: u64,
    /// Wall time of the run in seconds.
    pub seconds: f64,
    /// An `amc_verdict`.
    pub verdict: i32,
    /// 1 if the run was compared with exact samples of the target and agreed, otherwise 0.
    pub coverage_verified: i32,
}

// SAFETY: `repr(C)`, numbers only, the first a `usize`.
unsafe impl Structure for amc_summary {
    const NAME: &'static str = "amc_summary";
    const FIRST: usize = 3 * size_of::<usize>() + 80;
}

/// Number of samples N of a result; 0 for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amc_result_count(result: *const amc_result) -> usize {
    // SAFETY: the handle is NULL or valid by the contract of the library.
    unsafe { result.as_ref() }.map_or(0, |result| result.sampled.len())
}

/// Number of coordinates d of a result; 0 for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amc_result_dim(result: *const amc_result) -> usize {
    // SAFETY: as above.
    unsafe { result.as_ref() }.map_or(0, |result| result.sampled.dim)
}

/// Copies the samples: `positions` [N x d], in the target's own coordinates.
///
/// Errors: AMC_ERROR_NULL; AMC_ERROR_SHAPE for other sizes, and for strides by which numbers share a place.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amc_result_positions(
    result: *const amc_result,
    positions: amc_points_mut,
    error: *mut amc_error,
) -> amc_status {
    let work = || {
        // SAFETY: the handle is NULL or valid by the contract of the library.
        let sampled = &unsafe { handle::borrowed("result", result) }?.sampled;
        let place = Grid::write("positions", positions)?.expect(sampled.len(), sampled.dim)?;
        // SAFETY: the array is valid by the contract of the library.
        unsafe { place.fill(&sampled.positions) };
        Ok(())
    };
    // SAFETY: the structure is NULL or valid by the contract of the library.
    unsafe { report(error, work) }
}

/// Copies the weights [N], which sum to 1.
///
/// Errors: those of `amc_result_positions`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amc_result_weights(
    result: *const amc_result,
    weights: amc_values_mut,
    error: *mut amc_error,
) -> amc_status {
    // SAFETY: all arguments are NULL or valid by the contract of the library.
    unsafe { list(result, "weights", weights, error, |sampled| &sampled.weights) }
}

/// Copies the logarithms of the weights [N]; -infinity for a weight of 0.
///
/// Errors: those of `amc_result_positions`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amc_result_log_weights(
    result: *const amc_result,
    log_weights: amc_values_mut,
    error: *mut amc_error,
) -> amc_status {
    // SAFETY: all arguments are NULL or valid by the contract of the library.
    unsafe { list(result, "log_weights", log_weights, error, |sampled| &sampled.log_weights) }
}

/// Fills a summary. Errors: AMC_ERROR_NULL; AMC_ERROR_SHAPE if its `size` was not set.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amc_result_summary(
    result: *const amc_result,
    summary: *mut amc_summary,
    error: *mut amc_error,
) -> amc_status {
    let work = || {
        // SAFETY: handle and structure are NULL or valid by the contract of the library.
        unsafe {
            let result = handle::borrowed("result", result)?;
            structure::write(summary, &numbers(&result.sampled))
        }
    };
    // SAFETY: the structure is NULL or valid by the contract of the library.
    unsafe { report(error, work) }
}

/// Writes the whole summary as JSON, as the program does into summary.json (docs/src/files.md).
///
/// `length` receives the number of bytes without the NUL, and may be NULL. With `buffer` NULL and `capacity` 0 nothing
/// else happens; otherwise `capacity` must be at least one more.
///
/// Errors: AMC_ERROR_NULL; AMC_ERROR_SHAPE if the text does not fit.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amc_result_json(
    result: *const amc_result,
    buffer: *mut c_char,
    capacity: usize,
    length: *mut usize,
    error: *mut amc_error,
) -> amc_status {
    let work = || {
        // SAFETY: handle and buffers are NULL or valid by the contract of the library.
        unsafe {
            let result = handle::borrowed("result", result)?;
            let json = serde_json::to_string_pretty(&result.sampled.summary);
            let json = json.map_err(|error| {
                Failure::new(amc_status::AMC_ERROR_NUMERICAL, error.to_string())
            })?;
            text::hand_out(&json, buffer, capacity, length)
        }
    };
    // SAFETY: the structure is NULL or valid by the contract of the library.
    unsafe { report(error, work) }
}

/// Writes the settings of the run as TOML, every default filled in; as `settings` of the options they give the same run.
///
/// Arguments and errors are those of `amc_result_json`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amc_result_settings(
    result: *const amc_result,
    buffer: *mut c_char,
    capacity: usize,
    length: *mut usize,
    error: *mut amc_error,
) -> amc_status {
    let work = || {
        // SAFETY: handle and buffers are NULL or valid by the contract of the library.
        unsafe {
            let result = handle::borrowed("result", result)?;
            text::hand_out(&result.sampled.settings, buffer, capacity, length)
        }
    };
    // SAFETY: the structure is NULL or valid by the contract of the library.
    unsafe { report(error, work) }
}

/// Frees a result; NULL is allowed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amc_result_free(result: *mut amc_result) {
    // SAFETY: the handle is NULL or valid by the contract of the library, and not used any more.
    unsafe { handle::free(result) }
}

/// Copies one list of a result.
///
/// # Safety
/// All arguments are NULL or valid.
unsafe fn list(
    result: *const amc_result,
    name: &'static str,
    values: amc_values_mut,
    error: *mut amc_error,
    of: fn(&Sampled) -> &Vec<f64>,
) -> amc_status {
    let work = || {
        // SAFETY: as promised by the caller.
        let sampled = &unsafe { handle::borrowed("result", result) }?.sampled;
        let place = Grid::write_list(name, values)?.expect(sampled.len(), 1)?;
        // SAFETY: as promised by the caller.
        unsafe { place.fill(of(sampled)) };
        Ok(())
    };
    // SAFETY: as promised by the caller.
    unsafe { report(error, work) }
}

fn numbers(sampled: &Sampled) -> amc_summary {
    let summary = &sampled.summary;
    amc_summary {
        size: size_of::<amc_summary>(),
        count: sampled.len(),
        dim: sampled.dim,
        log_z: summary.log_z,
        log_z_std_error: summary.log_z_std_error,
        effective_sample_size: summary.ess() * sampled.len() as f64,
        acceptance_rate: summary.acceptance_rate.unwrap_or(f64::NAN),
        density_evaluations: summary.evaluations.density,
        score_evaluations: summary.evaluations.score,
        hessian_product_evaluations: summary.evaluations.hessian_product,
        not_finite: summary.non_finite,
        seconds: summary.seconds,
        verdict: match summary.verdict.status {
            Status::Healthy => amc_verdict::AMC_HEALTHY,
            Status::Unverified => amc_verdict::AMC_UNVERIFIED,
            Status::Suspect => amc_verdict::AMC_SUSPECT,
        } as i32,
        coverage_verified: i32::from(summary.verdict.coverage == Coverage::Verified),
    }
}
