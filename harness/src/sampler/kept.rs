//! How the stages of a run are kept: what a checkpoint holds of types that do not say so themselves.

use amc_core::bridge::FaultCounts;
use amc_core::point::Evaluations;
use amc_core::simd::{LANES, f64x8};
use amc_core::weight::{Evidence, WorkSums};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Observer, SamplerError};

/// Computes a stage of a run, unless its result is kept already; keeps the result.
pub(crate) fn stage<T, E>(
    observer: &mut dyn Observer,
    name: &str,
    compute: impl FnOnce(&mut dyn Observer) -> Result<T, E>,
) -> Result<T, E>
where
    T: Serialize + DeserializeOwned,
    E: From<SamplerError>,
{
    if let Some(result) = observer.journal().and_then(|journal| journal.finished(name)) {
        return Ok(result);
    }
    let result = compute(observer)?;
    if let Some(journal) = observer.journal() {
        journal.finish(name, &result).map_err(SamplerError::from)?;
    }
    Ok(result)
}

/// The state at which the stage `name` goes on, if there is one.
pub(super) fn resumed<T: DeserializeOwned>(observer: &mut dyn Observer, name: &str) -> Option<T> {
    observer.journal().and_then(|journal| journal.resumed(name))
}

/// Keeps the state of the stage `name`, if the run is kept and it is time to; ends a run that somebody wants to end
/// once its state is kept.
pub(super) fn keep<T: Serialize>(
    observer: &mut dyn Observer,
    name: &str,
    state: impl FnOnce() -> T,
) -> Result<(), SamplerError> {
    // Read once: a wish that comes after this is heeded after the next level.
    let stop = observer.wants_to_stop();
    if let Some(journal) = observer.journal() {
        journal.keep(name, stop, state)?;
    }
    if stop { Err(SamplerError::Stopped) } else { Ok(()) }
}

/// Ends a run that somebody wants to end, in a stage of which no state is kept.
pub(crate) fn heed(observer: &dyn Observer) -> Result<(), SamplerError> {
    if observer.wants_to_stop() { Err(SamplerError::Stopped) } else { Ok(()) }
}

/// [`Evaluations`], field by field.
#[derive(Serialize, Deserialize)]
#[serde(remote = "Evaluations")]
pub(crate) struct KeptEvaluations {
    density: u64,
    score: u64,
    hessian_product: u64,
}

/// [`FaultCounts`], field by field.
#[derive(Serialize, Deserialize)]
#[serde(remote = "FaultCounts")]
pub(super) struct KeptFaultCounts {
    not_inverted: u64,
    not_positive: u64,
    past_penalty: u64,
    diverged: u64,
}

/// [`Evidence`], field by field.
#[derive(Serialize, Deserialize)]
#[serde(remote = "Evidence")]
pub(super) struct KeptEvidence {
    log_z: f64,
    log_z_std_error: f64,
}

/// Vectors of lanes, as sequences of eight numbers.
pub(super) mod lanes {
    use super::*;

    pub(crate) fn serialize<S: Serializer>(lanes: &[f64x8], to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(lanes.iter().map(|lanes| lanes.as_array()))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<f64x8>, D::Error> {
        let numbers = Vec::<[f64; LANES]>::deserialize(from)?;
        Ok(numbers.into_iter().map(f64x8::new).collect())
    }
}

/// [`WorkSums`] by their parts.
pub(super) mod work_sums {
    use super::*;

    pub(crate) fn serialize<S: Serializer>(sums: &WorkSums, to: S) -> Result<S::Ok, S::Error> {
        sums.to_parts().serialize(to)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<WorkSums, D::Error> {
        Ok(WorkSums::from_parts(Deserialize::deserialize(from)?))
    }
}
