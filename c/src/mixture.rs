//! Gaussian mixtures: their parameters, from arrays or from text.

use std::ffi::c_char;
use std::path::Path;

use amc_core::error::Error;
use amc_harness::embed::{EmbedError, MixtureDensity};
use amc_harness::target::{
    Covariance, MixtureParameters, Standardize, load_mixture, mixture_to_json, normalized,
    parse_mixture,
};

use crate::error::{Failure, amc_error, amc_status, report};
use crate::grid::Grid;
use crate::handle;
use crate::points::{amc_points, amc_values};
use crate::text;

/// A Gaussian mixture sum_k w_k N(x; mu_k, Sigma_k), k = 1..K, x of d coordinates.
pub struct amc_mixture {
    pub(crate) parameters: MixtureParameters,
}

/// What the numbers of a covariance mean.
#[repr(i32)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum amc_covariance_kind {
    /// Sigma = s I: one number s, a variance.
    AMC_ISOTROPIC = 0,
    /// Sigma = diag(s): d numbers, the variances of the coordinates.
    AMC_DIAGONAL = 1,
    /// Sigma: d x d numbers, symmetric and positive definite.
    AMC_FULL = 2,
}

/// Covariances of a mixture.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct amc_covariance {
    /// An `amc_covariance_kind`.
    pub kind: i32,
    /// Their numbers, one covariance after the other without gaps: [count], [count x d] or [count x d x d].
    pub data: *const f64,
    /// How many there are: 1, which all components share, or one for each component.
    pub count: usize,
}

/// Makes a mixture.
///
/// `weights` [K] are not negative, not all 0, and are divided by their sum; `means` [K x d]. Nothing of the arrays is
/// kept. `mixture` receives the handle, which goes by `amc_mixture_free`.
///
/// Errors: AMC_ERROR_NULL; AMC_ERROR_SHAPE for other sizes than those; AMC_ERROR_NOT_FINITE for a number that is NaN or
/// infinite; AMC_ERROR_VALUE for an unknown kind, a negative weight, a variance not above 0, a matrix that is not
/// symmetric and positive definite.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amc_mixture_new(
    weights: amc_values,
    means: amc_points,
    covariance: amc_covariance,
    mixture: *mut *mut amc_mixture,
    error: *mut amc_error,
) -> amc_status {
    let make = || {
        let weights = Grid::read_list("weights", weights)?;
        if weights.count == 0 {
            return Err(Failure::shape(
                "weights is empty, and a mixture has at least one component",
            ));
        }
        let components = weights.count;
        let means = Grid::read("means", means)?;
        let means = means.expect(components, means.dim)?;
        // SAFETY: the arrays are valid by the contract of the library.
        let covariance = unsafe { covariances(covariance, components, means.dim) }?;
        // SAFETY: as above.
        let (weights, numbers) = unsafe { (weights.copied(), means.copied()) };
        checked(MixtureParameters {
            name: "mixture".into(),
            dim: means.dim,
            weights: scaled(weights)?,
            means: numbers,
            covariance,
            origin: "given through the C interface".into(),
        })
    };
    // SAFETY: the variable and the structure are NULL or valid by the contract of the library.
    unsafe { report(error, || handle::hand_out("mixture", mixture, make)) }
}

/// Makes a mixture of a text in the format of mixture files (JSON; the guide describes it in docs/src/files.md).
///
/// The mixture is the one that the text describes; its field `standardize` concerns runs of the program only.
///
/// Errors: AMC_ERROR_NULL; AMC_ERROR_UTF8; AMC_ERROR_CONFIGURATION, whose message names the field.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amc_mixture_from_json(
    json: *const c_char,
    mixture: *mut *mut amc_mixture,
    error: *mut amc_error,
) -> amc_status {
    let make = || {
        // SAFETY: the text is NULL or valid by the contract of the library.
        let json = unsafe { text::required("json", json) }?;
        checked(parse_mixture(json, "json")?.0)
    };
    // SAFETY: as above, for the variable and the structure.
    unsafe { report(error, || handle::hand_out("mixture", mixture, make)) }
}

/// Makes a mixture of a mixture file; otherwise as `amc_mixture_from_json`.
///
/// Errors: those of `amc_mixture_from_json`; AMC_ERROR_FILE for a file that cannot be read.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amc_mixture_from_file(
    path: *const c_char,
    mixture: *mut *mut amc_mixture,
    error: *mut amc_error,
) -> amc_status {
    let make = || {
        // SAFETY: the text is NULL or valid by the contract of the library.
        let path = unsafe { text::required("path", path) }?;
        checked(load_mixture(Path::new(path))?.0)
    };
    // SAFETY: as above, for the variable and the structure.
    unsafe { report(error, || handle::hand_out("mixture", mixture, make)) }
}

/// Writes a mixture as the text of a mixture file, from which every number reads back to the same bits.
///
/// `length` receives the number of bytes without the NUL, and may be NULL. With `buffer` NULL and `capacity` 0 nothing
/// else happens; otherwise `capacity` must be at least one more.
///
/// Errors: AMC_ERROR_NULL; AMC_ERROR_SHAPE if the text does not fit.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amc_mixture_json(
    mixture: *const amc_mixture,
    buffer: *mut c_char,
    capacity: usize,
    length: *mut usize,
    error: *mut amc_error,
) -> amc_status {
    let work = || {
        // SAFETY: handle and buffers are NULL or valid by the contract of the library.
        unsafe {
            let mixture = handle::borrowed("mixture", mixture)?;
            let json = mixture_to_json(&mixture.parameters, Standardize::None);
            text::hand_out(&json, buffer, capacity, length)
        }
    };
    // SAFETY: as above, for the structure.
    unsafe { report(error, work) }
}

/// Number of coordinates d of a mixture; 0 for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amc_mixture_dim(mixture: *const amc_mixture) -> usize {
    // SAFETY: the handle is NULL or valid by the contract of the library.
    unsafe { mixture.as_ref() }.map_or(0, |mixture| mixture.parameters.dim)
}

/// Number of components K of a mixture; 0 for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amc_mixture_components(mixture: *const amc_mixture) -> usize {
    // SAFETY: as above.
    unsafe { mixture.as_ref() }.map_or(0, |mixture| mixture.parameters.weights.len())
}

/// Frees a mixture; NULL is allowed. Densities and results that were made of it live on.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amc_mixture_free(mixture: *mut amc_mixture) {
    // SAFETY: the handle is NULL or valid by the contract of the library, and not used any more.
    unsafe { handle::free(mixture) }
}

/// Refuses parameters of which no density can be made.
fn checked(parameters: MixtureParameters) -> Result<amc_mixture, Failure> {
    match MixtureDensity::new(parameters.clone()) {
        Ok(_) => Ok(amc_mixture { parameters }),
        Err(error) => Err(refused(error)),
    }
}

/// Of numbers that define no mixture or no density.
pub(crate) fn refused(error: EmbedError) -> Failure {
    let status = match &error {
        EmbedError::Mixture { source: Error::NotFinite { .. }, .. } => {
            amc_status::AMC_ERROR_NOT_FINITE
        }
        EmbedError::Mixture { .. } | EmbedError::Argument { .. } => amc_status::AMC_ERROR_VALUE,
        _ => return error.into(),
    };
    Failure::new(status, error.to_string())
}

/// Weights of sum 1; those that are none are left to be refused by name.
fn scaled(weights: Vec<f64>) -> Result<Vec<f64>, Failure> {
    if !weights.iter().all(|weight| weight.is_finite() && *weight >= 0.0) {
        return Ok(weights);
    }
    normalized(weights)
        .ok_or_else(|| Failure::new(amc_status::AMC_ERROR_VALUE, "weights are all 0"))
}

/// Copies covariances.
///
/// # Safety
/// The array is valid for reads.
unsafe fn covariances(
    given: amc_covariance,
    components: usize,
    dim: usize,
) -> Result<Covariance, Failure> {
    let amc_covariance { kind, data, count } = given;
    if count != 1 && count != components {
        return Err(Failure::shape(format!(
            "covariance.count = {count}: must be 1 for all components or {components}, one for each"
        )));
    }
    let known = [
        (amc_covariance_kind::AMC_ISOTROPIC, Some(1)),
        (amc_covariance_kind::AMC_DIAGONAL, Some(dim)),
        (amc_covariance_kind::AMC_FULL, dim.checked_mul(dim)),
    ];
    let Some((kind, numbers)) = known.into_iter().find(|(known, _)| *known as i32 == kind) else {
        let message = format!("covariance.kind = {kind} is none of amc_covariance_kind, 0 to 2");
        return Err(Failure::new(amc_status::AMC_ERROR_VALUE, message));
    };
    let numbers = numbers
        .ok_or_else(|| Failure::shape(format!("{dim} x {dim} numbers do not fit into memory")))?;
    let rows = amc_points { data, count, dim: numbers, row_stride: numbers, column_stride: 1 };
    // SAFETY: as promised by the caller.
    let numbers = unsafe { Grid::read("covariance.data", rows)?.copied() };
    Ok(match kind {
        amc_covariance_kind::AMC_ISOTROPIC => Covariance::Isotropic(numbers),
        amc_covariance_kind::AMC_DIAGONAL => Covariance::Diagonal(numbers),
        amc_covariance_kind::AMC_FULL => Covariance::Full(numbers),
    })
}
