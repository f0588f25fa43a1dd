//! The named benchmark families and the files that hold a user's own mixture.
//!
//! Every target here is a Gaussian mixture
//!
//! `gamma(x) = sum_k w_k N(x; mu_k, Sigma_k)`, `x` in `R^d`, `k = 1..K`,
//!
//! held as plain numbers in [`MixtureParameters`]; the core turns them into a density.
//! \[Grenioux25\]: Improving the evaluation of samplers on multi-modal targets, arXiv 2504.08916.
//!
//! A family ([`TwoModes`], [`ManyModes`], [`Gmm40`]) or a file ([`load_mixture`]) returns the
//! mixture as it was defined; [`standardize()`] then maps it to mean 0 and variance 1.
//! That map is affine, so the result is again a normalized mixture: `log Z = 0` exactly, for
//! every target of this room.

/// The text of a published mixture, `published/$file`, as part of the program.
macro_rules! published {
    ($file:literal) => {
        include_str!(concat!("published/", $file))
    };
}

mod covariance;
mod error;
mod field;
mod file;
mod gmm40;
mod many_modes;
mod points;
mod rotation;
mod seeded;
mod standardize;
mod two_modes;
mod write;

pub use crate::catalog::{Conditioning, Standardize};
pub use covariance::Covariance;
pub use error::TargetError;
pub use file::{load_mixture, parse_mixture};
pub use gmm40::Gmm40;
pub use many_modes::ManyModes;
pub(crate) use points::parse_points_of_any_dim;
pub use points::{parse_points, read_points};
pub use standardize::{AffineMap, Moments, moments, standardize};
pub use two_modes::TwoModes;
pub use write::{mixture_to_json, write_mixture};

/// The numbers that define a Gaussian mixture with `K` components in dimension `d`.
#[derive(Debug, Clone, PartialEq)]
pub struct MixtureParameters {
    /// Name for tables and file names.
    pub name: String,
    /// Dimension `d`, at least 1.
    pub dim: usize,
    /// Weights `w_k`, `[K]`: non-negative, summing to 1. A weight of exactly 0 is allowed.
    pub weights: Vec<f64>,
    /// Means `mu_k`, `[K x d]`, row-major.
    pub means: Vec<f64>,
    /// Covariances `Sigma_k`: one that all components share, or `K` of them.
    pub covariance: Covariance,
    /// Where the numbers come from, in free text.
    pub origin: String,
}

impl MixtureParameters {
    /// Number of components `K`.
    pub fn components(&self) -> usize {
        self.weights.len()
    }

    /// Mean `mu_k` of component `k`, `[d]`.
    pub fn mean(&self, k: usize) -> &[f64] {
        &self.means[k * self.dim..(k + 1) * self.dim]
    }

    /// Variance of coordinate `i` within component `k`: entry `(i, i)` of `Sigma_k`.
    pub fn variance(&self, k: usize, i: usize) -> f64 {
        self.covariance.variance(self.dim, k, i)
    }

    /// Whether one covariance serves all components. With `K = 1` this is always so.
    pub fn shares_covariance(&self) -> bool {
        self.covariance.is_shared(self.dim)
    }
}

/// Scales non-negative weights to sum 1; `None` when all are zero.
///
/// Dividing by the largest first keeps weights of size 1e-300 and 1e300 from underflowing or
/// overflowing in the sum. Weights that already sum to 1 within rounding stay as they are, bit
/// for bit, so that writing a mixture and reading it back changes nothing.
pub fn normalized(weights: Vec<f64>) -> Option<Vec<f64>> {
    let largest = weights.iter().copied().fold(0.0, f64::max);
    if largest == 0.0 {
        return None;
    }
    let rounding = weights.len() as f64 * f64::EPSILON;
    if (weights.iter().sum::<f64>() - 1.0).abs() <= rounding {
        return Some(weights);
    }
    let scaled: Vec<f64> = weights.iter().map(|w| w / largest).collect();
    let total: f64 = scaled.iter().sum();
    Some(scaled.iter().map(|w| w / total).collect())
}

/// Refuses sizes that no machine this program runs on can hold, before anything is allocated.
fn check_size(
    target: &'static str,
    dim: usize,
    components: usize,
    per_component: usize,
) -> Result<(), TargetError> {
    const MAX_ENTRIES: usize = 1 << 27;
    let refuse = |parameter, value: usize, allowed: String| {
        Err(TargetError::Parameter { target, parameter, value: value.to_string(), allowed })
    };
    if dim == 0 {
        return refuse("dim", dim, "at least 1".into());
    }
    if components == 0 {
        return refuse("components", components, "at least 1".into());
    }
    match per_component.checked_mul(components) {
        Some(entries) if entries <= MAX_ENTRIES => Ok(()),
        _ => refuse(
            "dim",
            dim,
            format!("smaller: the mixture would hold more than {MAX_ENTRIES} numbers"),
        ),
    }
}

/// Text from a file, quoted and cut short so that it stays on one line.
fn excerpt(text: &str) -> String {
    const LONGEST: usize = 40;
    let start: String = text.chars().take(LONGEST).collect();
    let dots = if start.len() < text.len() { "..." } else { "" };
    format!("{start:?}{dots}")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fails when normalization sums before scaling: the largest weights here overflow in
    /// their sum.
    #[test]
    fn weights_normalize_at_any_scale() {
        for scale in [1e-300, 1.0, 5e307] {
            let weights = normalized(vec![scale, 3.0 * scale, 0.0]).expect("not all zero");
            assert_eq!(weights, [0.25, 0.75, 0.0]);
        }
        assert_eq!(normalized(vec![0.0, 0.0]), None);
    }

    /// Fails when weights that already sum to 1 within rounding are divided again.
    #[test]
    fn normalized_weights_keep_their_bits() {
        let weights = vec![0.783, 0.065, 0.152];
        assert_eq!(normalized(weights.clone()), Some(weights));
    }

    /// Fails when the component count is left out of the size, or the product wraps around.
    #[test]
    fn absurd_sizes_are_refused() {
        assert!(check_size("gmm40", 8, 40, 8).is_ok());
        for (dim, components, per_component) in
            [(0, 1, 0), (1, 0, 1), (usize::MAX, 2, usize::MAX), (1 << 26, 4, 1 << 26)]
        {
            assert!(check_size("gmm40", dim, components, per_component).is_err());
        }
    }

    /// Fails when a line break or an endless cell reaches the message.
    #[test]
    fn excerpts_stay_short_and_on_one_line() {
        assert_eq!(excerpt("a\nb"), r#""a\nb""#);
        assert_eq!(excerpt(&"é".repeat(50)), format!("\"{}\"...", "é".repeat(40)));
    }
}
