//! Writes a mixture in the JSON interchange format that `file.rs` reads.

use std::path::Path;

use serde_json::{Value, json};

use super::{Covariance, MixtureParameters, Standardize, TargetError};

/// A mixture as one line of JSON; every number reads back to the same bits.
///
/// `standardize` is the standardization a reader should apply: [`Standardize::None`] for a
/// mixture that has been standardized already.
pub fn mixture_to_json(parameters: &MixtureParameters, standardize: Standardize) -> String {
    let MixtureParameters { name, dim, weights, means, covariance, origin } = parameters;
    let means: Vec<&[f64]> = means.chunks(*dim).collect();
    let one = |k| covariance_to_json(covariance, *dim, k);
    let (field, covariances) = if covariance.is_shared(*dim) {
        ("covariance", one(0))
    } else {
        ("covariances", (0..weights.len()).map(one).collect())
    };
    json!({
        "name": name,
        "dim": dim,
        "weights": weights,
        "means": means,
        field: covariances,
        "standardize": standardize.name(),
        "origin": origin,
    })
    .to_string()
}

/// Writes a mixture file; see [`mixture_to_json`].
///
/// # Errors
/// [`TargetError::Unwritable`].
pub fn write_mixture(
    path: &Path,
    parameters: &MixtureParameters,
    standardize: Standardize,
) -> Result<(), TargetError> {
    let text = mixture_to_json(parameters, standardize) + "\n";
    std::fs::write(path, text)
        .map_err(|error| TargetError::Unwritable { file: path.display().to_string(), error })
}

fn covariance_to_json(covariance: &Covariance, dim: usize, k: usize) -> Value {
    let entries = covariance.component(dim, k);
    let kind = covariance.kind();
    match covariance {
        Covariance::Isotropic(_) => json!({"kind": kind, "variance": entries[0]}),
        Covariance::Diagonal(_) => json!({"kind": kind, "variances": entries}),
        Covariance::Full(_) => {
            let rows: Vec<&[f64]> = entries.chunks(dim).collect();
            json!({"kind": kind, "matrix": rows})
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::target::load_mixture;

    /// Fails when a kind, the sharing or a single bit is lost between writing and reading.
    #[test]
    fn round_trips_keep_every_bit() {
        let folder = tempfile::tempdir().unwrap();
        let covariances = [
            Covariance::Isotropic(vec![0.1]),
            Covariance::Isotropic(vec![0.1, 1e-300]),
            Covariance::Diagonal(vec![0.3, 2.0]),
            Covariance::Diagonal(vec![0.3, 2.0, 0.7, 1e300]),
            Covariance::Full(vec![2.0, -0.3, -0.3, 1.0]),
            Covariance::Full(vec![2.0, -0.3, -0.3, 1.0, 1.0, 0.1, 0.1, 3.0]),
        ];
        for (index, covariance) in covariances.into_iter().enumerate() {
            let written = MixtureParameters {
                name: "a \"quoted\" name".into(),
                dim: 2,
                weights: vec![1.0 / 3.0, 2.0 / 3.0],
                means: vec![0.1, -2e-17, 1e6 + 0.1, 3.0],
                covariance,
                origin: "line\nbreak".into(),
            };
            let path = folder.path().join(format!("{index}.json"));
            write_mixture(&path, &written, Standardize::Diagonal).unwrap();
            assert_eq!(load_mixture(&path).unwrap(), (written, Standardize::Diagonal));
        }
    }

    /// Fails when a path that cannot be written is not named.
    #[test]
    fn an_unwritable_path_is_named() {
        let parameters = crate::target::TwoModes::new(1, 1.0).parameters().unwrap();
        let path = Path::new("/no/such/folder/m.json");
        let error = write_mixture(path, &parameters, Standardize::None).unwrap_err();
        assert!(error.to_string().starts_with("/no/such/folder/m.json: cannot be written"));
    }
}
