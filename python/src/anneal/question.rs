//! What the threads of a run ask Python, and how Python's functions answer.

use std::sync::mpsc::SyncSender;

use amc_harness::embed::Derivatives;
use numpy::{PyArray1, PyArrayMethods};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::array::{Input, written};
use crate::error::TargetError;

/// What the thread that called for a run is told.
pub(super) enum Event {
    /// Evaluate.
    Question(Question),
    /// A phase of so many levels or rounds begins.
    Begin {
        /// Its name.
        phase: String,
        /// 0 where it is not known.
        length: usize,
    },
    /// A level or round is done; how it is going.
    Done(String),
    /// The run is over.
    Over,
}

/// What is asked for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Asked {
    /// `[N]`.
    LogDensities,
    /// `[N]` and `[N, d]`.
    Scores,
    /// `[N, d]`.
    HessianProducts,
}

/// Numbers that answer, in the order of [`Asked`]; what is not asked for is empty.
pub(super) struct Answer {
    pub(super) log_densities: Vec<f64>,
    pub(super) vectors: Vec<f64>,
}

/// A question, with copies of the points: what Python does with its arrays concerns no one else.
pub(super) struct Question {
    pub(super) asked: Asked,
    pub(super) dim: usize,
    pub(super) x: Vec<f64>,
    pub(super) v: Vec<f64>,
    /// Where the asking thread waits. Dropped without an answer, it tells it that there is none.
    pub(super) reply: SyncSender<Answer>,
}

/// The functions of a target.
pub(super) struct Functions<'py> {
    log_density: Bound<'py, PyAny>,
    score: Option<Bound<'py, PyAny>>,
    log_density_and_score: Option<Bound<'py, PyAny>>,
    hessian_product: Option<Bound<'py, PyAny>>,
}

impl<'py> Functions<'py> {
    /// Takes them out of a dictionary.
    ///
    /// # Errors
    /// `KeyError` where there is no log-density.
    pub(super) fn of(functions: &Bound<'py, PyDict>) -> PyResult<Self> {
        let get = |name: &str| {
            let function = functions.get_item(name)?;
            Ok::<_, PyErr>(function.filter(|function| !function.is_none()))
        };
        Ok(Self {
            log_density: functions.as_any().get_item("log_density")?,
            score: get("score")?,
            log_density_and_score: get("log_density_and_score")?,
            hessian_product: get("hessian_product")?,
        })
    }

    /// The log-densities and scores of points, by one function or two.
    fn values_and_scores(
        &self,
        x: Bound<'py, PyAny>,
        check: &Check,
    ) -> PyResult<(Bound<'py, PyAny>, Bound<'py, PyAny>)> {
        match (&self.log_density_and_score, &self.score) {
            (Some(both), _) => {
                let both = both.call1((x,))?;
                both.extract().map_err(|_| {
                    let (kind, Check { rows, dim }) = (both.get_type(), check);
                    TargetError::new_err(format!(
                        "log_density_and_score returned {kind}; it must return a pair, log-densities of shape ({rows},) and scores of shape ({rows}, {dim})"
                    ))
                })
            }
            (None, Some(score)) => {
                // Each function gets points of its own, which it may overwrite.
                let own = x.call_method0("copy")?;
                Ok((self.log_density.call1((x,))?, score.call1((own,))?))
            }
            (None, None) => Err(TargetError::new_err("the target offers no score")),
        }
    }

    /// What there is beside the log-density.
    pub(super) fn offers(&self) -> Derivatives {
        match (&self.score, &self.log_density_and_score, &self.hessian_product) {
            (None, None, _) => Derivatives::None,
            (_, _, None) => Derivatives::Score,
            _ => Derivatives::HessianProduct,
        }
    }
}

impl Question {
    /// Calls Python and sends the answer.
    ///
    /// # Errors
    /// What the functions raise; `TargetError` for results that cannot be used.
    pub(super) fn answer<'py>(self, py: Python<'py>, functions: &Functions<'py>) -> PyResult<()> {
        let Self { asked, dim, mut x, mut v, reply } = self;
        let lost = Lost::replace(&mut x, &mut v, dim);
        let rows = x.len() / dim;
        if lost.rows.len() == rows {
            // Nothing to ask.
            let (log_densities, vectors) = (vec![f64::NAN; rows], vec![f64::NAN; rows * dim]);
            drop(reply.send(Answer { log_densities, vectors }));
            return Ok(());
        }
        let check = Check { rows, dim };
        let array = |numbers: Vec<f64>| PyArray1::from_vec(py, numbers).reshape([rows, dim]);
        let x = array(x)?;
        let mut answer = match asked {
            Asked::LogDensities => {
                let log_densities = check.log_densities(&functions.log_density.call1((x,))?)?;
                Answer { log_densities, vectors: Vec::new() }
            }
            Asked::Scores => {
                let (values, scores) = functions.values_and_scores(x.into_any(), &check)?;
                let log_densities = check.log_densities(&values)?;
                let vectors = check.vectors("score", &scores, Some(&log_densities))?;
                Answer { log_densities, vectors }
            }
            Asked::HessianProducts => {
                let Some(product) = &functions.hessian_product else {
                    return Err(TargetError::new_err("the target offers no Hessian products"));
                };
                let products = product.call1((x, array(v)?))?;
                let vectors = check.vectors("hessian_product", &products, None)?;
                Answer { log_densities: Vec::new(), vectors }
            }
        };
        lost.mark(&mut answer, dim);
        // A thread that waits no longer has been told to stop.
        drop(reply.send(answer));
        Ok(())
    }
}

/// Points that leapt to infinity. Functions are never given one: a finite one stands in, and the answer is NaN, which samplers
/// reject and count.
struct Lost {
    rows: Vec<usize>,
}

impl Lost {
    /// Puts the first finite point where others are not finite; none, where all are lost.
    fn replace(x: &mut [f64], v: &mut [f64], dim: usize) -> Self {
        let finite = |row: &[f64]| row.iter().all(|number| number.is_finite());
        let is_lost = |row: usize, x: &[f64], v: &[f64]| {
            let range = row * dim..(row + 1) * dim;
            !finite(&x[range.clone()]) || !v.get(range).is_none_or(finite)
        };
        let rows: Vec<usize> = (0..x.len() / dim).filter(|row| is_lost(*row, x, v)).collect();
        let stand_in = (0..x.len() / dim).find(|row| !rows.contains(row));
        for (row, kept) in rows.iter().zip(stand_in.into_iter().cycle()) {
            let kept = kept * dim..(kept + 1) * dim;
            x.copy_within(kept.clone(), row * dim);
            if !v.is_empty() {
                v.copy_within(kept, row * dim);
            }
        }
        Self { rows }
    }

    /// Takes the answers of stand-ins back.
    fn mark(&self, answer: &mut Answer, dim: usize) {
        for row in &self.rows {
            if let Some(value) = answer.log_densities.get_mut(*row) {
                *value = f64::NAN;
            }
            if let Some(vector) = answer.vectors.get_mut(row * dim..(row + 1) * dim) {
                vector.fill(f64::NAN);
            }
        }
    }
}

/// What the results of functions must be.
struct Check {
    rows: usize,
    dim: usize,
}

impl Check {
    /// Log-densities `[N]`: numbers or `-inf`.
    fn log_densities(&self, returned: &Bound<'_, PyAny>) -> PyResult<Vec<f64>> {
        let values = self.read("log_density", returned, &[self.rows])?;
        let bad = |(_, value): &(usize, &f64)| value.is_nan() || **value == f64::INFINITY;
        match values.iter().enumerate().find(bad) {
            None => Ok(values),
            Some((row, value)) => Err(TargetError::new_err(format!(
                "log_density returned {} for point {row} of the {} it was given; it must be finite, or -inf where the density is zero",
                number(*value),
                self.rows
            ))),
        }
    }

    /// Vectors `[N, d]`, finite where the density is not zero.
    fn vectors(
        &self,
        name: &str,
        returned: &Bound<'_, PyAny>,
        log_densities: Option<&[f64]>,
    ) -> PyResult<Vec<f64>> {
        let vectors = self.read(name, returned, &[self.rows, self.dim])?;
        let counts =
            |row: usize| log_densities.is_none_or(|values| values[row] > f64::NEG_INFINITY);
        let bad = |(at, value): &(usize, &f64)| !value.is_finite() && counts(*at / self.dim);
        match vectors.iter().enumerate().find(bad) {
            None => Ok(vectors),
            Some((at, value)) => Err(TargetError::new_err(format!(
                "{name} returned {} for coordinate {} of point {} of the {} it was given; it must be finite where the density is not zero",
                number(*value),
                at % self.dim,
                at / self.dim,
                self.rows
            ))),
        }
    }

    fn read(&self, name: &str, returned: &Bound<'_, PyAny>, shape: &[usize]) -> PyResult<Vec<f64>> {
        let what = format!("what {name} returned");
        let input = Input::read(returned, &what).map_err(|error| {
            let chained = TargetError::new_err(error.value(returned.py()).to_string());
            chained.set_cause(returned.py(), Some(error));
            chained
        })?;
        if input.shape() == shape {
            return Ok(input.numbers().to_vec());
        }
        let remedy = match (input.shape(), shape) {
            ([], _) => {
                " (one number for all points: is the function written for a single one? Use axis=1 in sums)"
            }
            ([rows, 1], [n]) if rows == n => " (return it [:, 0])",
            ([columns, rows], [n, d]) if rows == n && columns == d && n != d => {
                " (return its transpose)"
            }
            _ => "",
        };
        Err(TargetError::new_err(format!(
            "{name} returned an array of shape {} for {} points of {} coordinates; it must have shape {}{remedy}",
            written(input.shape()),
            self.rows,
            self.dim,
            written(shape)
        )))
    }
}

/// A number that is not finite, as Python writes it.
fn number(value: f64) -> &'static str {
    match value {
        f64::INFINITY => "inf",
        f64::NEG_INFINITY => "-inf",
        _ => "nan",
    }
}
