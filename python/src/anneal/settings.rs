//! How a run is set up, read from the keyword arguments that `amc.anneal` has checked.

use amc_harness::embed::Sampling;
use amc_harness::target::MixtureParameters;
use pyo3::prelude::*;

use crate::array::Input;
use crate::mixture::Mixture;

/// The settings of a run.
pub(crate) struct Settings {
    dim: usize,
    toml: String,
    backbone: Option<MixtureParameters>,
    reference: Option<(Vec<f64>, Vec<f64>)>,
    step: Option<f64>,
    threads: usize,
}

impl Settings {
    /// The dimension of the target.
    pub(super) fn dim(&self) -> usize {
        self.dim
    }

    /// Hands them to the engine, which judges them.
    pub(super) fn apply<'a>(&self, mut sampling: Sampling<'a>) -> Sampling<'a> {
        if let Some(backbone) = &self.backbone {
            sampling = sampling.backbone(backbone.clone());
        }
        if let Some((mean, scale)) = &self.reference {
            sampling = sampling.reference(mean, scale);
        }
        if let Some(step) = self.step {
            sampling = sampling.finite_differences(step);
        }
        sampling.configure(&self.toml).threads(self.threads)
    }
}

impl<'py> FromPyObject<'_, 'py> for Settings {
    type Error = PyErr;

    fn extract(settings: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        let get = |name: &str| settings.get_item(name);
        let backbone: Option<Bound<'py, Mixture>> = get("backbone")?.extract()?;
        let reference: Option<(Bound<'py, PyAny>, Bound<'py, PyAny>)> =
            get("reference")?.extract()?;
        let numbers = |value: &Bound<'py, PyAny>, name: &str| {
            Ok::<_, PyErr>(Input::read(value, name)?.numbers().to_vec())
        };
        Ok(Self {
            dim: get("dim")?.extract()?,
            toml: get("toml")?.extract()?,
            backbone: backbone.map(|mixture| mixture.get().parameters().clone()),
            reference: match reference {
                Some((mean, scale)) => Some((
                    numbers(&mean, "the mean of reference")?,
                    numbers(&scale, "the scale of reference")?,
                )),
                None => None,
            },
            step: get("finite_differences")?.extract()?,
            threads: get("threads")?.extract()?,
        })
    }
}
