//! Archives of arrays as numpy writes them, stored or deflated, and `samples.npz` of a run.

use std::fs::File;
use std::io::BufReader;

use zip::ZipArchive;

use super::npy::{self, Array, described, into_samples};
use super::{DataError, Samples};
use crate::target::AffineMap;

/// The names under which samples are looked for.
const SAMPLES: [&str; 3] = ["positions", "samples", "x"];

/// The names of weights, and whether they are logarithms.
const WEIGHTS: [(&str, bool); 2] = [("weights", false), ("log_weights", true)];

/// By how much weights may differ, relatively, and still be equal: the rounding of a normalization.
const ROUNDING: f64 = 1e-12;

/// Reads a `.npz` file of samples.
pub(super) fn read_samples(
    file: File,
    source: &str,
    dim: Option<usize>,
) -> Result<Samples, DataError> {
    let archive = ZipArchive::new(BufReader::new(file)).map_err(|error| damaged(source, &error))?;
    let mut names = Vec::new();
    for name in archive.file_names() {
        let name = name.map_err(|error| damaged(source, &error))?;
        names.extend(name.strip_suffix(".npy").map(str::to_owned));
    }
    let mut arrays = Arrays { archive, names, source };
    let name = arrays.name_of_samples()?;
    let (array, inner) = arrays.read(&name)?;
    let samples = into_samples(array, &inner, dim)?;
    arrays.check_weights(samples.count())?;
    arrays.undo_map(samples, &inner)
}

fn damaged(source: &str, error: &zip::result::ZipError) -> DataError {
    let detail = error.to_string().escape_debug().to_string();
    DataError::Damaged { file: source.into(), format: ".npz", detail }
}

struct Arrays<'a> {
    archive: ZipArchive<BufReader<File>>,
    /// Of the arrays, without the ending.
    names: Vec<String>,
    source: &'a str,
}

impl Arrays<'_> {
    fn has(&self, name: &str) -> bool {
        self.names.iter().any(|other| other == name)
    }

    /// Which array holds the samples: one of the known names, or the only one.
    fn name_of_samples(&self) -> Result<String, DataError> {
        let names = &self.names;
        let known: Vec<&String> = names.iter().filter(|n| SAMPLES.contains(&n.as_str())).collect();
        match (known.as_slice(), names.as_slice()) {
            ([name], _) => Ok((*name).clone()),
            ([], [name]) => Ok(name.clone()),
            _ => {
                let escaped: Vec<_> =
                    names.iter().map(|name| name.escape_debug().to_string()).collect();
                let found = match escaped.is_empty() {
                    true => "no array".into(),
                    false => escaped.join(", "),
                };
                Err(DataError::WhichArray { file: self.source.into(), found })
            }
        }
    }

    /// An array, and what messages call it.
    fn read(&mut self, name: &str) -> Result<(Array, String), DataError> {
        let inner = format!("{}[{}]", self.source, name.escape_debug());
        let entry = self
            .archive
            .by_name(&format!("{name}.npy"))
            .map_err(|error| damaged(self.source, &error))?;
        // Numbers are read one by one, and each would cross the archive's readers.
        let array = npy::read_array(BufReader::new(entry), &inner)?;
        Ok((array, inner))
    }

    /// An array of one dimension and known length.
    fn read_vector(
        &mut self,
        name: &str,
        expected: usize,
        what: &'static str,
    ) -> Result<Vec<f64>, DataError> {
        let (array, file) = self.read(name)?;
        if array.shape != [expected as u64] {
            let found = described(&array.shape);
            return Err(DataError::Length { file, found, expected, what });
        }
        match array.values.iter().position(|value| !value.is_finite()) {
            Some(index) => {
                let value = array.values.get(index).copied().unwrap_or(f64::NAN);
                Err(DataError::NotFinite { file, row: index + 1, column: 1, value })
            }
            None => Ok(array.values),
        }
    }

    /// Refuses samples that count differently.
    fn check_weights(&mut self, count: usize) -> Result<(), DataError> {
        for (name, logarithms) in WEIGHTS {
            if !self.has(name) {
                continue;
            }
            let weights = self.read_vector(name, count, "row")?;
            let (least, most) = weights
                .iter()
                .fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), &w| (a.min(w), b.max(w)));
            let equal = match logarithms {
                true => most - least <= ROUNDING,
                false => least > 0.0 && most - least <= ROUNDING * most,
            };
            if !equal {
                return Err(DataError::Weighted { file: self.source.into(), name });
            }
        }
        Ok(())
    }

    /// Takes positions of a run back to the coordinates of its target.
    fn undo_map(&mut self, mut samples: Samples, inner: &str) -> Result<Samples, DataError> {
        let half = |found, missing| DataError::HalfMap { file: self.source.into(), found, missing };
        match (self.has("shift"), self.has("scale")) {
            (false, false) => return Ok(samples),
            (true, false) => return Err(half("shift", "scale")),
            (false, true) => return Err(half("scale", "shift")),
            (true, true) => {}
        }
        let shift = self.read_vector("shift", samples.dim, "column")?;
        let scale = self.read_vector("scale", samples.dim, "column")?;
        let map = AffineMap { shift, scale };
        let view = map.view().map_err(|error| DataError::Damaged {
            file: self.source.into(),
            format: ".npz",
            detail: format!("shift and scale make no map ({error})"),
        })?;
        view.invert(&mut samples.rows);
        // A product may overflow.
        Samples::new(inner, samples.dim, samples.rows)
    }
}
