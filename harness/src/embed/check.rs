//! Whether the score of a target of one's own is the gradient of its log-density.
//!
//! A wrong score costs no exactness, as every move is weighed or accepted by the density, but all efficiency; no run
//! complains of it. Central differences with a step `h` have an error of about `h^2` beside rounding of `eps/h`.

use super::{BatchTarget, Derivatives, EmbedError, Points, TargetFailure};

/// Where a score differs most from differences of the log-density.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ScoreCheck {
    /// Index of the point.
    pub row: usize,
    /// Index of the coordinate.
    pub column: usize,
    /// What the target says.
    pub score: f64,
    /// What differences say.
    pub difference: f64,
    /// `|score - difference| / (1 + |difference|)`: below 1e-5 where all is well with steps of 1e-5 and scales near 1.
    pub error: f64,
}

/// Compares the score of a target with central differences of its log-density, step `h`, at these points, and says where
/// they differ most.
///
/// # Errors
/// No points, a step that is not above 0, a target without a score, and what the target says of itself.
pub fn check_score(
    target: &dyn BatchTarget,
    points: Points<'_>,
    step: f64,
) -> Result<ScoreCheck, EmbedError> {
    let (count, dim) = (points.count(), points.dim());
    let refuse =
        |name, message: &str| Err(EmbedError::Argument { name, message: message.to_owned() });
    if count == 0 {
        return refuse("points", "at least one is needed");
    }
    if !(step > 0.0 && step.is_finite()) {
        return refuse("step", "must be greater than 0");
    }
    if target.offers(dim) < Derivatives::Score {
        return refuse("target", "offers no score");
    }
    let failed = |failure: TargetFailure| EmbedError::Target(failure);
    let mut x = points.to_rows();
    let (mut values, mut scores) = (vec![0.0; count], vec![0.0; count * dim]);
    target.log_densities_and_scores(&x, dim, &mut values, &mut scores).map_err(failed)?;
    let (mut above, mut below) = (vec![0.0; count], vec![0.0; count]);
    let mut worst: Option<ScoreCheck> = None;
    for column in 0..dim {
        let original: Vec<f64> = x.iter().skip(column).step_by(dim).copied().collect();
        for (sign, values) in [(1.0, &mut above), (-1.0, &mut below)] {
            for (x, original) in x.iter_mut().skip(column).step_by(dim).zip(&original) {
                *x = original + sign * step;
            }
            target.log_densities(&x, dim, values).map_err(failed)?;
        }
        for (row, original) in original.iter().enumerate() {
            x[row * dim + column] = *original;
            let difference = (above[row] - below[row]) / (2.0 * step);
            let score = scores[row * dim + column];
            let error = (score - difference).abs() / (1.0 + difference.abs());
            // What is no number is worse than any.
            let error = if error.is_nan() { f64::INFINITY } else { error };
            if worst.is_none_or(|worst| error > worst.error) {
                worst = Some(ScoreCheck { row, column, score, difference, error });
            }
        }
    }
    worst.map_or_else(|| refuse("points", "of at least one coordinate are needed"), Ok)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::embed::Target;

    struct Banana {
        sign: f64,
    }

    impl Target for Banana {
        fn log_density(&self, x: &[f64]) -> f64 {
            -0.5 * x[0] * x[0] - 2.0 * (x[1] - x[0] * x[0]).powi(2) + x[0] / 3.0
        }

        fn log_density_and_score(&self, x: &[f64], score: &mut [f64]) -> Option<f64> {
            let bend = x[1] - x[0] * x[0];
            score[0] = 8.0 * x[0] * bend - x[0] + 1.0 / 3.0;
            score[1] = -4.0 * self.sign * bend;
            (self.sign != 0.0).then(|| self.log_density(x))
        }
    }

    /// Fails if a right score is doubted, a wrong sign is not found where it is, or nonsense is answered.
    #[test]
    fn signs_are_found() {
        let data = [0.1, 0.2, -1.0, 0.5, 2.0, -1.0];
        let points = Points::rows(&data, 2).unwrap();
        let right = check_score(&Banana { sign: 1.0 }, points, 1e-5).unwrap();
        assert!(right.error < 1e-7, "{right:?}");
        let wrong = check_score(&Banana { sign: -1.0 }, points, 1e-5).unwrap();
        assert!(wrong.error > 1.5 && wrong.column == 1 && wrong.row == 2, "{wrong:?}");
        assert!((wrong.score + wrong.difference).abs() < 1e-6, "{wrong:?}");
        assert!(check_score(&Banana { sign: 0.0 }, points, 1e-5).is_err());
        assert!(check_score(&Banana { sign: 1.0 }, points, 0.0).is_err());
        assert!(check_score(&Banana { sign: 1.0 }, Points::rows(&[], 2).unwrap(), 1e-5).is_err());
        let nan = [0.0, f64::NAN, 0.0, 0.0];
        let nan = Points::rows(&nan, 2).unwrap();
        assert!(check_score(&Banana { sign: 1.0 }, nan, 1e-5).unwrap().error.is_infinite());
    }
}
