//! The numbers of the standard problems: `d = 3`, `K = 3`, weights 0.2, 0.5, 0.3, off-centre means,
//! one covariance structure per kind.
//!
//! Nothing is symmetric: not the weights, not the means, not the order of the scales, so a mixed-up
//! index, sign or square root moves every projection.

/// Dimension.
pub(super) const DIM: usize = 3;
/// Mixture weights, `[K]`.
pub(super) const WEIGHTS: [f64; 3] = [0.2, 0.5, 0.3];
/// Component means, `[K x d]`.
pub(super) const MEANS: [f64; 9] = [1.6, -0.4, 0.9, -0.7, 1.1, -0.2, 0.3, -1.3, -1.5];

const ISOTROPIC: [f64; 3] = [0.35, 0.6, 0.22];
const DIAGONAL: [[f64; 3]; 3] = [[0.5, 0.15, 0.9], [0.25, 0.7, 0.4], [0.8, 0.3, 0.12]];
const FULL: [[f64; 9]; 3] = [
    [0.6, 0.25, -0.1, 0.25, 0.4, 0.05, -0.1, 0.05, 0.3],
    [0.3, -0.15, 0.12, -0.15, 0.7, 0.2, 0.12, 0.2, 0.5],
    [0.9, 0.1, 0.3, 0.1, 0.25, -0.08, 0.3, -0.08, 0.45],
];

/// How the components' covariances are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FixtureKind {
    /// `s I`, one for all.
    IsotropicShared,
    /// `diag(s)`, one for all.
    DiagonalShared,
    /// `s_k I`.
    IsotropicPerComponent,
    /// `diag(s_k)`.
    DiagonalPerComponent,
    /// `Q diag(l) Q^T`, one for all.
    FullShared,
    /// `Q_k diag(l_k) Q_k^T`.
    FullPerComponent,
}

impl FixtureKind {
    /// Every kind.
    pub const ALL: [Self; 6] = [
        Self::IsotropicShared,
        Self::DiagonalShared,
        Self::IsotropicPerComponent,
        Self::DiagonalPerComponent,
        Self::FullShared,
        Self::FullPerComponent,
    ];

    /// Name in verdicts.
    pub const fn name(self) -> &'static str {
        match self {
            Self::IsotropicShared => "isotropic-shared",
            Self::DiagonalShared => "diagonal-shared",
            Self::IsotropicPerComponent => "isotropic-per-component",
            Self::DiagonalPerComponent => "diagonal-per-component",
            Self::FullShared => "full-shared",
            Self::FullPerComponent => "full-per-component",
        }
    }

    /// Whether one covariance serves all components.
    pub const fn is_shared(self) -> bool {
        matches!(self, Self::IsotropicShared | Self::DiagonalShared | Self::FullShared)
    }

    /// The dense covariance of component `k < 3`, `[d x d]`.
    pub(super) fn covariance(self, k: usize) -> [f64; 9] {
        let k = if self.is_shared() { 1 } else { k };
        match self {
            Self::IsotropicShared | Self::IsotropicPerComponent => diagonal([ISOTROPIC[k]; 3]),
            Self::DiagonalShared | Self::DiagonalPerComponent => diagonal(DIAGONAL[k]),
            Self::FullShared | Self::FullPerComponent => FULL[k],
        }
    }
}

fn diagonal([a, b, c]: [f64; 3]) -> [f64; 9] {
    [a, 0.0, 0.0, 0.0, b, 0.0, 0.0, 0.0, c]
}
