//! A problem whose target is a density in a shared library.

use std::path::Path;

use super::{Problem, RunError};
use crate::config::{LibraryConfig, RunConfig};
use crate::embed::{Held, SharedLibrary};
use crate::target::{Covariance, MixtureParameters, Standardize, load_mixture};

impl Problem<'_> {
    /// Loads the library, makes its model and the path to it: that of the backbone, or from one Gaussian.
    ///
    /// # Errors
    /// A library that cannot be loaded, a model that refuses its data, and as [`Problem::new`], but for memory.
    pub(super) fn of_library(
        config: &RunConfig,
        library: &LibraryConfig,
    ) -> Result<Self, RunError> {
        let path = Path::new(&library.library);
        let model = SharedLibrary::load(path, library.data.as_deref(), library.seed)?
            .reject_failures(library.reject_failures);
        let (backbone, choice) = match &library.backbone {
            Some(file) => load_mixture(Path::new(file))?,
            None => (gaussian(model.dim(), library.reference_scale), Standardize::Diagonal),
        };
        if let Some(file) = library.backbone.as_ref().filter(|_| backbone.dim != model.dim()) {
            let (file, found) = (file.clone(), backbone.dim);
            return Err(RunError::Backbone { file, found, expected: model.dim() });
        }
        let name =
            path.file_stem().map_or_else(String::new, |stem| stem.to_string_lossy().into_owned());
        let backbone = MixtureParameters { name, ..backbone };
        let choice = config.target.standardize.unwrap_or(choice);
        let target = Held::Owned(Box::new(model));
        Self::beyond_mixture(config, target, library.finite_differences, (&backbone, choice))
    }

    /// Refuses a target that is no mixture, for what needs its exact samples.
    ///
    /// # Errors
    /// [`RunError::NoMixture`].
    pub(crate) fn require_mixture(&self) -> Result<(), RunError> {
        if self.is_mixture() {
            return Ok(());
        }
        Err(RunError::NoMixture { target: self.mixture.parameters().name.clone() })
    }
}

/// `N(0, scale^2 I)` as a mixture.
fn gaussian(dim: usize, scale: f64) -> MixtureParameters {
    MixtureParameters {
        name: String::new(),
        dim,
        weights: vec![1.0],
        means: vec![0.0; dim],
        covariance: Covariance::Isotropic(vec![scale * scale]),
        origin: "the start of a tempering path".into(),
    }
}
