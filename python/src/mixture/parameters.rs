//! From the arrays of a caller to the parameters of a mixture.
//!
//! Which covariance is meant follows from the shape of `covariances`, with `K` components in `d` dimensions:
//!
//! | shape | kind | |
//! |---|---|---|
//! | a number | isotropic | one variance, shared by all |
//! | `[K]` | isotropic | a variance for each component |
//! | `[d]` | diagonal | variances of the coordinates, shared by all |
//! | `[K, d]` | diagonal | the same for each component |
//! | `[d, d]` | full | one matrix, shared by all |
//! | `[K, d, d]` | full | a matrix for each component |
//!
//! Where two lines fit (`K = d > 1`) the caller has to say which kind is meant.

use amc_harness::target::{Covariance, MixtureParameters, normalized as scaled_to_one};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::array::{Input, written};

/// The kind of covariance a caller names.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Isotropic,
    Diagonal,
    Full,
}

impl Kind {
    const ALL: [Self; 3] = [Self::Isotropic, Self::Diagonal, Self::Full];

    fn name(self) -> &'static str {
        match self {
            Self::Isotropic => "isotropic",
            Self::Diagonal => "diagonal",
            Self::Full => "full",
        }
    }

    fn named(name: &str) -> PyResult<Self> {
        let found = Self::ALL.into_iter().find(|kind| kind.name() == name);
        found.ok_or_else(|| {
            PyValueError::new_err(format!(
                "covariance = {name:?} is not known; it must be \"isotropic\", \"diagonal\" or \"full\""
            ))
        })
    }

    /// Whether numbers of this shape can be this kind.
    fn fits(self, shape: &[usize], components: usize, dim: usize) -> bool {
        match (self, shape) {
            (Self::Isotropic, []) => true,
            (Self::Isotropic, [k]) => *k == components || *k == 1,
            (Self::Diagonal, [d]) => *d == dim,
            (Self::Diagonal, [k, d]) => (*k == components || *k == 1) && *d == dim,
            (Self::Full, [d, e]) => *d == dim && *e == dim,
            (Self::Full, [k, d, e]) => (*k == components || *k == 1) && *d == dim && *e == dim,
            _ => false,
        }
    }
}

/// The parameters that the arrays of a caller mean.
///
/// # Errors
/// `TypeError`, `ValueError`: the argument, what was found, and what it must be.
pub(super) fn parameters(
    weights: &Bound<'_, PyAny>,
    means: &Bound<'_, PyAny>,
    covariances: &Bound<'_, PyAny>,
    covariance: Option<&str>,
    name: Option<String>,
) -> PyResult<MixtureParameters> {
    let (weights, means) = (Input::read(weights, "weights")?, Input::read(means, "means")?);
    let [components] = *weights.shape() else {
        return Err(shape_error("weights", &weights, "[K], one weight a component"));
    };
    let [rows, dim] = *means.shape() else {
        return Err(shape_error("means", &means, "[K, d], one mean a row"));
    };
    if components == 0 || dim == 0 {
        return Err(shape_error(
            "means",
            &means,
            "[K, d] with at least one component and coordinate",
        ));
    }
    if rows != components {
        let expected = format!("[{components}, {dim}], a row for each of the weights");
        return Err(shape_error("means", &means, &expected));
    }
    let covariances = Input::read(covariances, "covariances")?;
    let kind = kind_of(&covariances, covariance, components, dim)?;
    Ok(MixtureParameters {
        name: name.unwrap_or_else(|| "mixture".to_owned()),
        dim,
        weights: normalized("weights", weights.numbers())?,
        means: finite("means", means.numbers())?,
        covariance: match kind {
            Kind::Isotropic => Covariance::Isotropic(positive(&covariances)?),
            Kind::Diagonal => Covariance::Diagonal(positive(&covariances)?),
            Kind::Full => Covariance::Full(symmetric(&covariances, dim)?),
        },
        origin: "given as arrays".to_owned(),
    })
}

/// The only kind that fits, or the one named.
fn kind_of(
    covariances: &Input<'_>,
    named: Option<&str>,
    components: usize,
    dim: usize,
) -> PyResult<Kind> {
    let shape = covariances.shape();
    if let Some(name) = named {
        let kind = Kind::named(name)?;
        return match kind.fits(shape, components, dim) {
            true => Ok(kind),
            false => Err(shape_error("covariances", covariances, &allowed(kind, components, dim))),
        };
    }
    let mut fitting = Kind::ALL.into_iter().filter(|kind| kind.fits(shape, components, dim));
    match (fitting.next(), fitting.next()) {
        (Some(kind), None) => Ok(kind),
        // One coordinate: all kinds are the same law.
        (Some(kind), Some(_)) if dim == 1 => Ok(kind),
        (Some(kind), Some(other)) => Err(PyValueError::new_err(format!(
            "covariances of shape {} with {components} components in {dim} dimensions may be {} or {}; pass covariance = {:?} or {:?}",
            written(shape),
            kind.name(),
            other.name(),
            kind.name(),
            other.name(),
        ))),
        (None, _) => {
            let every: Vec<String> =
                Kind::ALL.into_iter().map(|kind| allowed(kind, components, dim)).collect();
            Err(shape_error("covariances", covariances, &every.join(", or ")))
        }
    }
}

/// The shapes of a kind, in words.
fn allowed(kind: Kind, components: usize, dim: usize) -> String {
    match kind {
        Kind::Isotropic => format!("a variance or [{components}] of them (isotropic)"),
        Kind::Diagonal => format!("[{dim}] or [{components}, {dim}] variances (diagonal)"),
        Kind::Full => format!("[{dim}, {dim}] or [{components}, {dim}, {dim}] (full)"),
    }
}

fn shape_error(name: &str, found: &Input<'_>, expected: &str) -> PyErr {
    PyValueError::new_err(format!(
        "{name} has shape {}; it must be {expected}",
        written(found.shape())
    ))
}

/// The numbers, all finite.
fn finite(name: &str, numbers: &[f64]) -> PyResult<Vec<f64>> {
    match numbers.iter().position(|number| !number.is_finite()) {
        None => Ok(numbers.to_vec()),
        Some(at) => Err(PyValueError::new_err(format!(
            "{name} holds {} at position {at} (row by row); all must be finite",
            numbers[at]
        ))),
    }
}

/// Weights that sum to 1: as they are if they do, else divided by their sum, as files of mixtures are read.
fn normalized(name: &str, weights: &[f64]) -> PyResult<Vec<f64>> {
    let weights = finite(name, weights)?;
    if let Some(at) = weights.iter().position(|weight| *weight < 0.0) {
        return Err(PyValueError::new_err(format!(
            "{name}[{at}] = {}; weights must not be negative",
            weights[at]
        )));
    }
    scaled_to_one(weights)
        .ok_or_else(|| PyValueError::new_err(format!("{name} are all zero; one must be positive")))
}

/// Variances, all above 0.
fn positive(covariances: &Input<'_>) -> PyResult<Vec<f64>> {
    let variances = finite("covariances", covariances.numbers())?;
    match variances.iter().position(|variance| *variance <= 0.0) {
        None => Ok(variances),
        Some(at) => Err(PyValueError::new_err(format!(
            "covariances holds {} at position {at} (row by row); variances must be greater than 0",
            variances[at]
        ))),
    }
}

/// Matrices, symmetric to rounding and made so exactly; that they are positive definite is found when they are decomposed.
fn symmetric(covariances: &Input<'_>, dim: usize) -> PyResult<Vec<f64>> {
    let mut matrices = finite("covariances", covariances.numbers())?;
    for (k, matrix) in matrices.chunks_exact_mut(dim * dim).enumerate() {
        for i in 0..dim {
            if matrix[i * dim + i] <= 0.0 {
                return Err(PyValueError::new_err(format!(
                    "covariance {k} holds {} at [{i}, {i}]; variances must be greater than 0",
                    matrix[i * dim + i]
                )));
            }
        }
        for i in 0..dim {
            for j in 0..i {
                let (lower, upper) = (matrix[i * dim + j], matrix[j * dim + i]);
                let scale = (matrix[i * dim + i].sqrt()) * (matrix[j * dim + j].sqrt());
                if (upper - lower).abs() > 1e-12 * scale {
                    return Err(PyValueError::new_err(format!(
                        "covariance {k} is not symmetric: {upper} at [{j}, {i}], {lower} at [{i}, {j}]; pass (C + C.T)/2 if that is meant"
                    )));
                }
                let middle = if upper == lower { upper } else { 0.5 * upper + 0.5 * lower };
                (matrix[i * dim + j], matrix[j * dim + i]) = (middle, middle);
            }
        }
    }
    Ok(matrices)
}
