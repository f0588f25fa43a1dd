//! The mixtures that are measured, and exact samples of them.

use amc_core::density::{LogDensity, MixtureLevel};
use amc_core::error::Result;
use amc_core::rng::{Key, Purpose};
use amc_core::scratch::Scratch;
use amc_core::simd::f64x8;

use crate::mixture::OwnedMixture;
use crate::target::{Covariance, MixtureParameters};

/// Covariance kinds, as far as their arithmetic differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A variance per component.
    Isotropic,
    /// `d` variances per component.
    Diagonal,
    /// A full covariance per component.
    Full,
    /// One full covariance for all components.
    SharedFull,
}

impl Kind {
    /// The name in tables and documents.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Isotropic => "isotropic",
            Self::Diagonal => "diagonal",
            Self::Full => "full",
            Self::SharedFull => "shared-full",
        }
    }

    /// The kind of given parameters.
    pub fn of(parameters: &MixtureParameters) -> Self {
        match parameters.covariance {
            Covariance::Isotropic(_) => Self::Isotropic,
            Covariance::Diagonal(_) => Self::Diagonal,
            Covariance::Full(_) if parameters.shares_covariance() => Self::SharedFull,
            Covariance::Full(_) => Self::Full,
        }
    }
}

/// A kind and size of mixture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Case {
    /// What its covariances are.
    pub kind: Kind,
    /// The dimension `d`.
    pub dim: usize,
    /// The number of components `K`.
    pub components: usize,
}

/// How close the components are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Overlap {
    /// Means `0.1 N(0, I)`, variances from 0.9 to 1.1: every component matters to every particle.
    Dense,
    /// Means `4 N(0, I)`, variances from 0.25 to 1: most components are negligible to most particles.
    Separated,
}

impl Case {
    /// The sizes that speed is promised for.
    pub const GOALS: [Self; 9] = [
        Self::new(Kind::Isotropic, 2, 2),
        Self::new(Kind::Isotropic, 16, 2),
        Self::new(Kind::Isotropic, 32, 16),
        Self::new(Kind::Isotropic, 64, 32),
        Self::new(Kind::Isotropic, 128, 64),
        Self::new(Kind::Diagonal, 16, 2),
        Self::new(Kind::Diagonal, 64, 32),
        Self::new(Kind::Full, 16, 2),
        Self::new(Kind::Full, 64, 32),
    ];

    /// A kind and size.
    pub const fn new(kind: Kind, dim: usize, components: usize) -> Self {
        Self { kind, dim, components }
    }

    /// Parameters with unequal weights, means and covariances: the same for the same case.
    pub fn parameters(self, overlap: Overlap) -> MixtureParameters {
        let Self { kind, dim, components } = self;
        let key = Key::new(11, Purpose::Parameters).level(dim as u64).round(components as u64);
        let mut stream = key.stream();
        let (spread, low, high) = match overlap {
            Overlap::Dense => (0.1, 0.9, 1.1),
            Overlap::Separated => (4.0, 0.25, 1.0),
        };
        let mut uniform = |count: usize, low: f64, high: f64| -> Vec<f64> {
            (0..count).map(|_| low + (high - low) * stream.uniform()).collect()
        };
        let weights = uniform(components, 0.5, 1.5);
        let total: f64 = weights.iter().sum();
        let per_component = if kind == Kind::Isotropic { 1 } else { dim };
        let shared = kind == Kind::SharedFull;
        let spectrum = uniform(if shared { dim } else { components * per_component }, low, high);
        let mut means = vec![0.0; components * dim];
        stream.fill_scalar_normals(&mut means);
        let covariance = match kind {
            Kind::Isotropic => Covariance::Isotropic(spectrum),
            Kind::Diagonal => Covariance::Diagonal(spectrum),
            Kind::Full | Kind::SharedFull => {
                let rows = spectrum.chunks_exact(dim).zip(means.chunks_exact(dim));
                Covariance::Full(rows.flat_map(|(s, u)| reflected(s, u)).collect())
            }
        };
        MixtureParameters {
            name: format!("{} {dim}x{components}", kind.name()),
            dim,
            weights: weights.iter().map(|w| w / total).collect(),
            means: means.iter().map(|m| spread * m).collect(),
            covariance,
            origin: "a mixture to measure speed on".into(),
        }
    }

    /// The mixture, ready for the core.
    ///
    /// # Errors
    /// None for a size above zero.
    pub fn mixture(self, overlap: Overlap) -> Result<OwnedMixture> {
        OwnedMixture::new(self.parameters(overlap))
    }

    /// The case of given parameters.
    pub fn of(parameters: &MixtureParameters) -> Self {
        let (dim, components) = (parameters.dim, parameters.components());
        Self { kind: Kind::of(parameters), dim, components }
    }
}

/// `R diag(spectrum) R`, `[d x d]`, with the reflection `R = I - 2 u u^T / |u|^2`: a matrix without
/// zeros and with this spectrum.
fn reflected(spectrum: &[f64], u: &[f64]) -> Vec<f64> {
    let d = spectrum.len();
    let norm: f64 = u.iter().map(|u| u * u).sum();
    // With S = diag(spectrum): S - 2 (S u u^T + u u^T S)/|u|^2 + 4 u (u^T S u) u^T/|u|^4.
    let curvature: f64 = spectrum.iter().zip(u).map(|(s, u)| s * u * u).sum();
    let mut matrix = vec![0.0; d * d];
    for i in 0..d {
        for j in 0..=i {
            let cross = -2.0 * (spectrum[i] + spectrum[j]) / norm + 4.0 * curvature / (norm * norm);
            let entry = u[i] * u[j] * cross + if i == j { spectrum[i] } else { 0.0 };
            (matrix[i * d + j], matrix[j * d + i]) = (entry, entry);
        }
    }
    matrix
}

/// `blocks` blocks of exact samples of a level, `[blocks x d]`.
///
/// # Errors
/// Those of [`MixtureLevel::sample`]; none for a level that was prepared.
pub fn samples(level: &MixtureLevel<'_>, blocks: usize) -> Result<Vec<f64x8>> {
    let d = level.dim();
    let mut stream = Key::new(12, Purpose::TargetSample).stream();
    let mut memory = vec![f64x8::ZERO; level.scratch_len()];
    let mut x = vec![f64x8::ZERO; blocks * d];
    for block in x.chunks_exact_mut(d) {
        level.sample(block, &mut stream, Scratch::new(&mut memory))?;
    }
    Ok(x)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The largest responsibility of each component in each of 16 blocks, `[16 x K]`.
    fn largest_responsibilities(case: Case, overlap: Overlap) -> Vec<f64> {
        let mixture = case.mixture(overlap).unwrap();
        let mut storage = mixture.level_storage();
        let level = MixtureLevel::prepare(&mixture.view(), 1.0, 0.0, &mut storage).unwrap();
        let mut memory = vec![f64x8::ZERO; level.scratch_len()];
        let mut shares = vec![f64x8::ZERO; case.components];
        let mut largest = Vec::new();
        for x in samples(&level, 16).unwrap().chunks_exact(case.dim) {
            level.responsibilities(x, &mut shares, Scratch::new(&mut memory)).unwrap();
            largest.extend(shares.iter().map(|r| r.to_array().into_iter().fold(0.0, f64::max)));
        }
        largest
    }

    /// Fails if a dense case has components that may be skipped, or a separated one hardly any: their
    /// two columns would not mean what they say.
    #[test]
    fn dense_and_separated_are_what_they_are_called() {
        for case in Case::GOALS {
            let dense = largest_responsibilities(case, Overlap::Dense);
            assert!(dense.iter().all(|&r| r > 1e-9), "{case:?}: {dense:?}");
            if case.components >= 16 {
                let separated = largest_responsibilities(case, Overlap::Separated);
                let skipped = separated.iter().filter(|&&r| r < 1e-25).count();
                assert!(2 * skipped > separated.len(), "{case:?}: {separated:?}");
            }
        }
    }

    /// Fails if the full covariances have another spectrum than was drawn.
    #[test]
    fn reflections_keep_the_spectrum() {
        let (spectrum, u) = ([0.5, 1.5, 3.0], [1.0, -2.0, 0.5]);
        let mut matrix = reflected(&spectrum, &u);
        assert!(matrix.iter().all(|entry| *entry != 0.0));
        let (mut values, mut vectors) = ([0.0; 3], [0.0; 9]);
        amc_core::linalg::symmetric_eigen(&mut matrix, &mut values, &mut vectors).unwrap();
        values.sort_by(f64::total_cmp);
        for (found, expected) in values.iter().zip(spectrum) {
            assert!((found - expected).abs() < 1e-14);
        }
    }
}
