//! The mixtures of `reference/mixture_reference.json`, and blocks of points with the reference in one lane.

#![allow(dead_code, reason = "every test program has its own copy of this file")]

use amc_core::density::{Covariance, Mixture};
use amc_core::linalg::symmetric_eigen;
use amc_core::path::NoiseSchedule;
use amc_core::simd::f64x8;
use serde::Deserialize;
use serde::de::DeserializeOwned;

#[derive(Deserialize)]
struct Reference<C> {
    cases: Vec<C>,
}

/// The cases of a file in `reference/`.
pub fn read<C: DeserializeOwned>(name: &str) -> Vec<C> {
    let path = format!("{}/../reference/{name}", env!("CARGO_MANIFEST_DIR"));
    let file: Reference<C> = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    file.cases
}

/// The target and the noise schedule of a case.
#[derive(Deserialize)]
pub struct Law {
    pub dim: usize,
    pub covariance_kind: String,
    weights: Vec<f64>,
    means: Vec<Vec<f64>>,
    covariances: Vec<Vec<Vec<f64>>>,
    beta_min: f64,
    beta_max: f64,
}

impl Law {
    pub fn schedule(&self) -> NoiseSchedule {
        NoiseSchedule::vp_linear(self.beta_min, self.beta_max).unwrap()
    }

    /// The kinds in which the target can be stored: its own and every more general one.
    pub fn kinds(&self) -> &'static [&'static str] {
        match self.covariance_kind.as_str() {
            "isotropic" => &["isotropic", "diagonal", "full"],
            "diagonal" => &["diagonal", "full"],
            _ => &["full"],
        }
    }
}

/// Parameters of a target with covariances stored as `kind` asks (any kind its matrices allow).
pub struct Owned {
    dim: usize,
    weights: Vec<f64>,
    means: Vec<f64>,
    kind: String,
    variances: Vec<f64>,
    eigenvectors: Vec<f64>,
}

impl Owned {
    pub fn new(law: &Law, kind: &str) -> Self {
        let (mut variances, mut eigenvectors) = (Vec::new(), Vec::new());
        for matrix in &law.covariances {
            match kind {
                "isotropic" => variances.push(matrix[0][0]),
                "diagonal" => variances.extend((0..law.dim).map(|i| matrix[i][i])),
                _ => {
                    let mut work: Vec<f64> = matrix.concat();
                    let (mut l, mut q) = (vec![0.0; law.dim], vec![0.0; law.dim * law.dim]);
                    symmetric_eigen(&mut work, &mut l, &mut q).unwrap();
                    variances.extend(l);
                    eigenvectors.extend(q);
                }
            }
        }
        Self {
            dim: law.dim,
            weights: law.weights.clone(),
            means: law.means.concat(),
            kind: kind.into(),
            variances,
            eigenvectors,
        }
    }

    pub fn mixture(&self) -> Mixture<'_> {
        let covariance = match self.kind.as_str() {
            "isotropic" => Covariance::Isotropic(&self.variances),
            "diagonal" => Covariance::Diagonal(&self.variances),
            _ => {
                Covariance::Full { eigenvalues: &self.variances, eigenvectors: &self.eigenvectors }
            }
        };
        Mixture::new(self.dim, &self.weights, &self.means, covariance).unwrap()
    }
}

/// The point in lane 5; the other lanes hold different points, so a mix-up of lanes shows.
pub fn block(x: &[f64]) -> Vec<f64x8> {
    x.iter()
        .map(|&x| {
            f64x8::new(core::array::from_fn(|i| if i == 5 { x } else { x + 0.1 * i as f64 - 0.7 }))
        })
        .collect()
}

pub fn lane(x: f64x8) -> f64 {
    x.to_array()[5]
}

pub fn lanes(x: &[f64x8]) -> Vec<f64> {
    x.iter().map(|&x| lane(x)).collect()
}
