//! What everything is drawn from: numbers that break things, and mixtures that are valid but extreme.

use amc_core::density::{Covariance, Mixture, MixtureLevel};
use amc_core::point::{Context, Evaluations};
use amc_core::rng::{Key, Purpose};
use amc_core::scratch::Scratch;
use amc_core::simd::f64x8;
use proptest::prelude::*;

/// A number that is often one of those that break things.
pub fn number() -> impl Strategy<Value = f64> + Clone {
    prop_oneof![
        4 => -10.0..10.0f64,
        1 => prop::sample::select(vec![
            0.0, -0.0, 5e-324, 1e-300, 1e300, f64::MAX, f64::MIN, f64::INFINITY,
            f64::NEG_INFINITY, f64::NAN,
        ]),
        1 => any::<f64>(),
    ]
}

pub fn numbers(max: usize) -> impl Strategy<Value = Vec<f64>> + Clone {
    prop::collection::vec(number(), 0..max)
}

/// A positive number of any size that squares to a number.
pub fn size() -> impl Strategy<Value = f64> + Clone {
    prop_oneof![3 => -1.0..1.0f64, 1 => -12.0..12.0f64].prop_map(|x| 10_f64.powf(x))
}

/// Numbers of a valid mixture, of any of six kinds.
#[derive(Debug, Clone)]
pub struct Parameters {
    pub dim: usize,
    pub kind: u8,
    pub weights: Vec<f64>,
    pub means: Vec<f64>,
    pub variances: Vec<f64>,
    pub vectors: Vec<f64>,
}

impl Parameters {
    pub fn mixture(&self) -> Mixture<'_> {
        let covariance = match self.kind / 2 {
            0 => Covariance::Isotropic(&self.variances),
            1 => Covariance::Diagonal(&self.variances),
            _ => Covariance::Full { eigenvalues: &self.variances, eigenvectors: &self.vectors },
        };
        Mixture::new(self.dim, &self.weights, &self.means, covariance).unwrap()
    }

    /// Calls `visit` with a level, if these coefficients are ones.
    pub fn with_level<R>(
        &self,
        (alpha, variance): (f64, f64),
        visit: impl FnOnce(&MixtureLevel<'_>) -> R,
    ) -> Option<R> {
        let mixture = self.mixture();
        let mut storage = vec![0.0; MixtureLevel::storage_len(&mixture)];
        let level = MixtureLevel::prepare(&mixture, alpha, variance, &mut storage).ok()?;
        Some(visit(&level))
    }
}

/// `I - 2 v v^T/|v|^2`.
fn reflection(v: &[f64]) -> Vec<f64> {
    let (d, square) = (v.len(), v.iter().map(|v| v * v).sum::<f64>());
    let entry = |i: usize, j: usize| f64::from(u8::from(i == j)) - 2.0 * v[i] * v[j] / square;
    (0..d * d).map(|i| entry(i / d, i % d)).collect()
}

/// Valid mixtures of up to four coordinates and three components, scales many decades apart.
pub fn parameters() -> impl Strategy<Value = Parameters> {
    let axes = prop::collection::vec(0.1..1.0f64, 12);
    (1..5usize, 1..4usize, 0..6u8, axes).prop_flat_map(|(dim, components, kind, axes)| {
        let own = if kind % 2 == 0 { 1 } else { components };
        let spectrum = if kind / 2 == 0 { own } else { own * dim };
        let means = prop_oneof![3 => -5.0..5.0f64, 1 => -1e6..1e6f64];
        (
            prop::collection::vec(size(), components),
            prop::collection::vec(means, components * dim),
            prop::collection::vec(size(), spectrum),
        )
            .prop_map(move |(weights, means, variances)| Parameters {
                dim,
                kind,
                weights,
                means,
                variances,
                vectors: match kind / 2 {
                    2 => (0..own).flat_map(|k| reflection(&axes[k * dim..(k + 1) * dim])).collect(),
                    _ => Vec::new(),
                },
            })
    })
}

/// Eight points `[d]` about the means of a mixture and far from all.
pub fn points() -> impl Strategy<Value = Vec<[f64; 8]>> {
    let coordinate = prop_oneof![4 => -6.0..6.0f64, 1 => -1e7..1e7f64, 1 => Just(0.0)];
    prop::collection::vec(prop::array::uniform8(coordinate), 4)
}

pub fn block(points: &[[f64; 8]], dim: usize) -> Vec<f64x8> {
    points.iter().take(dim).map(|lanes| f64x8::new(*lanes)).collect()
}

/// Workspace full of NaN: nothing may be read that was not written.
pub fn room(len: usize) -> Vec<f64x8> {
    vec![f64x8::splat(f64::NAN); len]
}

/// Calls `body` with workspace and a stream.
pub fn with_context<R>(len: usize, seed: u64, body: impl FnOnce(Context<'_>) -> R) -> R {
    let mut memory = room(len);
    let mut stream = Key::new(seed, Purpose::User).stream();
    let mut evaluations = Evaluations::default();
    let scratch = Scratch::new(&mut memory);
    body(Context { stream: &mut stream, scratch, evaluations: &mut evaluations })
}
