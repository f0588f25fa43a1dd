//! A model in a file: its matrices by name, and a header that says what it is.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::file::{self, FileError, Kind, Tensor};
use super::model::{DataMoments, Model};
use super::network::{Head, Network, Part, Real, Shape};
use super::noise::{FEATURES, NoiseRange};

/// What a model file says of itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelHeader {
    /// "energy" or "score".
    pub network: String,
    /// Dimension `d`.
    pub dim: usize,
    /// Channels.
    pub channels: usize,
    /// Residual blocks.
    pub blocks: usize,
    /// Time features.
    pub features: usize,
    /// The levels it was trained at.
    pub noise: NoiseRange,
    /// Mean of the data, `[d]`.
    pub mean: Vec<f64>,
    /// Standard deviation of the data.
    pub deviation: f64,
    /// Name of the target it was trained on.
    pub target: String,
    /// The configuration it was trained with.
    pub config: String,
}

impl Head {
    /// Its name in files.
    fn file_name(self) -> &'static str {
        match self {
            Self::Energy => "energy",
            Self::Field => "score",
        }
    }
}

impl ModelHeader {
    /// The header of a model.
    pub fn of<T: Real>(model: &Model<T>, target: &str, config: &str) -> Self {
        let Shape { dim, channels, blocks, features } = model.network.shape;
        Self {
            network: model.head.file_name().to_owned(),
            dim,
            channels,
            blocks,
            features,
            noise: model.noise,
            mean: model.moments.mean.clone(),
            deviation: model.moments.deviation,
            target: target.to_owned(),
            config: config.to_owned(),
        }
    }

    /// The model with these parameters.
    ///
    /// # Errors
    /// [`FileError::Header`] for sizes that are none, and `parameters` of another number.
    pub fn model<T: Real>(&self, source: &str, parameters: Vec<T>) -> Result<Model<T>, FileError> {
        let unusable =
            |detail: &str| FileError::Header { file: source.into(), detail: detail.into() };
        let shape = self.shape(source)?;
        if parameters.len() != shape.parameters() {
            return Err(unusable("the number of parameters belongs to another network"));
        }
        let moments = DataMoments { mean: self.mean.clone(), deviation: self.deviation };
        let network = Network { shape, parameters };
        Ok(Model { head: self.head(source)?, network, noise: self.noise, moments })
    }

    fn head(&self, source: &str) -> Result<Head, FileError> {
        [Head::Energy, Head::Field].into_iter().find(|h| h.file_name() == self.network).ok_or_else(
            || FileError::Header {
                file: source.into(),
                detail: format!("network {:?} is neither \"energy\" nor \"score\"", self.network),
            },
        )
    }

    /// The sizes of the network.
    ///
    /// # Errors
    /// [`FileError::Header`] for sizes that no network has.
    pub fn shape(&self, source: &str) -> Result<Shape, FileError> {
        let Self { dim, channels, blocks, features, noise, .. } = self;
        let unusable = |detail: String| Err(FileError::Header { file: source.into(), detail });
        let most = 1 << 20;
        if [dim, channels].iter().any(|&&size| size == 0 || size > most)
            || *blocks == 0
            || *blocks > super::network::MOST_BLOCKS
        {
            return unusable(format!("sizes dim {dim}, channels {channels}, blocks {blocks}"));
        }
        if *features != FEATURES {
            return unusable(format!(
                "{features} time features, where this version has {FEATURES}"
            ));
        }
        if self.mean.len() != *dim {
            return unusable(format!("a mean of {} coordinates for dim {dim}", self.mean.len()));
        }
        let ordered = noise.lowest < noise.highest;
        let finite = noise.lowest.is_finite() && noise.highest.is_finite();
        if !ordered || !finite || self.deviation.is_nan() || self.deviation <= 0.0 {
            return unusable("log-SNRs or deviation out of range".into());
        }
        Ok(Shape { dim: *dim, channels: *channels, blocks: *blocks, features: *features })
    }
}

/// Parameters as tensors, under their names after `prefix`.
pub(super) fn tensors<'a>(shape: &Shape, prefix: &str, parameters: &'a [f32]) -> Vec<Tensor<'a>> {
    let tensor = |part: Part| {
        let (rows, columns) = shape.size(part);
        let name = format!("{prefix}{}", part.name());
        Tensor::f32(name, &[rows, columns], &parameters[shape.range(part)])
    };
    shape.parts().map(tensor).collect()
}

/// The parameters that [`tensors`] wrote.
pub(super) fn take_parameters<H>(
    stored: &mut file::Stored<H>,
    shape: &Shape,
    prefix: &str,
) -> Result<Vec<f32>, FileError> {
    let mut parameters = Vec::new();
    for part in shape.parts() {
        let (rows, columns) = shape.size(part);
        let name = format!("{prefix}{}", part.name());
        parameters.append(&mut stored.take_f32(&name, &[rows, columns])?);
    }
    Ok(parameters)
}

/// Writes a model.
///
/// # Errors
/// Those of [`file::write`].
pub fn write_model(path: &Path, model: &Model<f32>, header: &ModelHeader) -> Result<(), FileError> {
    let tensors = tensors(&model.network.shape, "", &model.network.parameters);
    file::write(path, Kind::Model, header, &tensors)
}

/// Reads a model with its header.
///
/// # Errors
/// Those of [`file::read`]; a header of something else.
pub fn read_model(path: &Path) -> Result<(Model<f32>, ModelHeader), FileError> {
    let source = path.display().to_string();
    let mut stored = file::read::<ModelHeader>(path, Kind::Model)?;
    let shape = stored.header.shape(&source)?;
    let parameters = take_parameters(&mut stored, &shape, "")?;
    let header = stored.finish()?;
    Ok((header.model(&source, parameters)?, header))
}

impl Model<f32> {
    /// The same model in double precision.
    pub fn to_f64(&self) -> Model<f64> {
        let parameters = self.network.parameters.iter().map(|&p| f64::from(p)).collect();
        let network = Network { shape: self.network.shape, parameters };
        Model { head: self.head, network, noise: self.noise, moments: self.moments.clone() }
    }
}
