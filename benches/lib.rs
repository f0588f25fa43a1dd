//! Set-up shared by the benches: asymmetric mixtures of any size, and blocks of exact samples.

use amc_core::density::{Covariance, LogDensity, Mixture, MixtureLevel};
use amc_core::rng::{Key, Purpose};
use amc_core::scratch::Scratch;
use amc_core::simd::f64x8;

/// Covariance kinds that are measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// One variance per component.
    Isotropic,
    /// `d` variances per component.
    Diagonal,
    /// A full covariance per component.
    Full,
}

impl Kind {
    /// All kinds.
    pub const ALL: [Self; 3] = [Self::Isotropic, Self::Diagonal, Self::Full];

    /// Name in bench identifiers.
    pub fn name(self) -> &'static str {
        match self {
            Self::Isotropic => "isotropic",
            Self::Diagonal => "diagonal",
            Self::Full => "full",
        }
    }
}

/// Parameters of a mixture with unequal weights, spread means and unequal variances.
pub struct Problem {
    dim: usize,
    kind: Kind,
    weights: Vec<f64>,
    means: Vec<f64>,
    variances: Vec<f64>,
    eigenvectors: Vec<f64>,
}

impl Problem {
    /// A mixture of `components` Gaussians in `dim` dimensions.
    pub fn new(kind: Kind, dim: usize, components: usize) -> Self {
        let mut stream = Key::new(11, Purpose::Parameters).stream();
        let mut draw = |count: usize, low: f64, high: f64| -> Vec<f64> {
            (0..count).map(|_| low + (high - low) * stream.uniform()).collect()
        };
        let weights = draw(components, 0.5, 1.5);
        let means = draw(components * dim, -2.0, 2.0);
        let per_component = if kind == Kind::Isotropic { 1 } else { dim };
        let variances = draw(components * per_component, 0.05, 0.5);
        let eigenvectors = if kind == Kind::Full {
            (0..components).flat_map(|k| reflection(dim, &means[k * dim..(k + 1) * dim])).collect()
        } else {
            Vec::new()
        };
        Self { dim, kind, weights, means, variances, eigenvectors }
    }

    /// The mixture.
    pub fn mixture(&self) -> Mixture<'_> {
        let covariance = match self.kind {
            Kind::Isotropic => Covariance::Isotropic(&self.variances),
            Kind::Diagonal => Covariance::Diagonal(&self.variances),
            Kind::Full => {
                Covariance::Full { eigenvalues: &self.variances, eigenvectors: &self.eigenvectors }
            }
        };
        Mixture::new(self.dim, &self.weights, &self.means, covariance)
            .expect("the parameters are valid by construction")
    }
}

/// The Householder reflection `I - 2 u u^T / |u|^2`: an orthogonal matrix without zeros.
fn reflection(dim: usize, u: &[f64]) -> Vec<f64> {
    let norm: f64 = u.iter().map(|u| u * u).sum();
    (0..dim * dim)
        .map(|at| {
            let (i, j) = (at / dim, at % dim);
            let unit = if i == j { 1.0 } else { 0.0 };
            unit - 2.0 * u[i] * u[j] / norm
        })
        .collect()
}

/// `blocks` blocks of exact samples of a level, `[blocks x d]`.
pub fn samples(level: &MixtureLevel<'_>, blocks: usize) -> Vec<f64x8> {
    let d = level.dim();
    let mut stream = Key::new(12, Purpose::TargetSample).stream();
    let mut memory = vec![f64x8::ZERO; level.scratch_len()];
    let mut x = vec![f64x8::ZERO; blocks * d];
    for block in x.chunks_exact_mut(d) {
        level
            .sample(block, &mut stream, Scratch::new(&mut memory))
            .expect("lengths fit by construction");
    }
    x
}
