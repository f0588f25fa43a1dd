//! What a fit can be asked for, and what is refused before any work.

use std::ops::RangeInclusive;

use super::FitError;

/// Which covariances the components may have; each component has its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum CovarianceKind {
    /// `s_k I`.
    Isotropic,
    /// `diag(s_k)`.
    #[default]
    Diagonal,
    /// Any.
    Full,
}

impl CovarianceKind {
    /// Its name in files and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Isotropic => "isotropic",
            Self::Diagonal => "diagonal",
            Self::Full => "full",
        }
    }

    /// Numbers that determine one of them in dimension `dim`.
    pub(super) fn free_parameters(self, dim: usize) -> usize {
        match self {
            Self::Isotropic => 1,
            Self::Diagonal => dim,
            Self::Full => dim * (dim + 1) / 2,
        }
    }

    /// Samples below which it is singular: two points have a spread, `d + 1` span a space.
    pub(super) fn least_samples(self, dim: usize) -> usize {
        match self {
            Self::Isotropic | Self::Diagonal => 2,
            Self::Full => dim + 1,
        }
    }
}

/// What is fitted, and how hard one tries.
#[derive(Debug, Clone, PartialEq)]
pub struct FitOptions {
    /// Numbers of components to try; `8..=8` is eight, and of more the lowest BIC decides.
    pub components: RangeInclusive<usize>,
    /// Which covariances they may have (diagonal).
    pub covariance: CovarianceKind,
    /// Seed of the starts (1).
    pub seed: u64,
    /// Ascents from different starts, at least 1 (4).
    pub restarts: usize,
    /// An ascent ends when the mean log-likelihood per sample gains less (1e-7).
    pub tolerance: f64,
    /// Most iterations of one ascent, at least 1 (1000).
    pub max_iterations: usize,
    /// Least variance of a component in any direction, relative to the variance of all samples, in `[1e-10, 1)`
    /// (1e-6). For isotropic components that is the mean variance of the coordinates, else coordinate by
    /// coordinate.
    pub floor: f64,
}

impl FitOptions {
    /// So many components, and the defaults, in parentheses above.
    pub fn new(components: usize) -> Self {
        Self {
            components: components..=components,
            covariance: CovarianceKind::default(),
            seed: 1,
            restarts: 4,
            tolerance: 1e-7,
            max_iterations: 1000,
            floor: 1e-6,
        }
    }

    /// Refuses what cannot be fitted.
    pub(super) fn check(&self, samples: &[f64], dim: usize) -> Result<(), FitError> {
        self.check_values(dim)?;
        if dim == 0 || !samples.len().is_multiple_of(dim) {
            return Err(FitError::Shape { numbers: samples.len(), dim });
        }
        if let Some(index) = samples.iter().position(|x| !x.is_finite()) {
            let (row, column) = (index / dim + 1, index % dim + 1);
            return Err(FitError::NotFinite { row, column, value: samples[index] });
        }
        let (found, components) = (samples.len() / dim, *self.components.end());
        let needed = components.saturating_mul(self.covariance.least_samples(dim));
        if found < needed.max(2) {
            return Err(FitError::TooFew { found, components, needed: needed.max(2) });
        }
        Ok(())
    }

    fn check_values(&self, dim: usize) -> Result<(), FitError> {
        /// More numbers than any machine this runs on can hold a few times.
        const MOST_NUMBERS: usize = 1 << 27;
        let refuse = |name, value: String, allowed: &str| {
            Err(FitError::Option { name, value, allowed: allowed.into() })
        };
        let (first, last) = (*self.components.start(), *self.components.end());
        if first == 0 || last < first {
            let value = if first == last { first.to_string() } else { format!("{first}-{last}") };
            return refuse("components", value, "at least 1, the lower number first");
        }
        let numbers = self.covariance.free_parameters(dim.min(1 << 20)).saturating_mul(last);
        if numbers > MOST_NUMBERS {
            return refuse("components", last.to_string(), "fewer: they would not fit into memory");
        }
        if self.restarts == 0 {
            return refuse("restarts", "0".into(), "at least 1");
        }
        if self.max_iterations == 0 {
            return refuse("max_iterations", "0".into(), "at least 1");
        }
        if !(self.tolerance >= 0.0 && self.tolerance.is_finite()) {
            return refuse("tolerance", self.tolerance.to_string(), "a number from 0");
        }
        if !(1e-10..1.0).contains(&self.floor) {
            return refuse("floor", self.floor.to_string(), "from 1e-10 and below 1");
        }
        Ok(())
    }
}
