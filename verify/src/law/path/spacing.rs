//! Levels at equal distances in a coordinate of the path.
//!
//! `c(t_1), c(t_2), .., c(t_L)` in arithmetic progression: uniform for `c(t) = t`, quadratic for
//! `c(t) = sqrt(t - t_1)`, log-SNR for `c(t) = log(alpha_t^2/v_t)`, and optimal for the communication barrier `c = Lambda` where that is known
//! \[Syed22\].

use crate::{Budget, Verdict, VerifyError};

/// Times increase strictly in `(0, 1]`, begin and end exactly at the two `ends`, and lie at equal distances of
/// `coordinate` (1e-9 of the whole).
///
/// A pass excludes a misplaced, repeated or exchanged level. The p-value is 1 or 0; `samples` are levels.
///
/// # Errors
/// Fewer than three times, and an unusable budget.
pub fn spacing(
    name: &str,
    (times, ends): (&[f64], (f64, f64)),
    coordinate: &dyn Fn(f64) -> f64,
    budget: &Budget,
) -> Result<Verdict, VerifyError> {
    const LAW: &str = "path::spacing";
    budget.check()?;
    VerifyError::check_samples("times", 3, times.len())?;
    let places: Vec<f64> = times.iter().map(|&t| coordinate(t)).collect();
    let steps = (times.len() - 1) as f64;
    let (first, end) = (places[0], places[times.len() - 1]);
    let whole = end - first;
    let errors = places.iter().enumerate().map(|(i, place)| {
        let error = libm::fabs((place - first) / whole - i as f64 / steps);
        if error.is_nan() { f64::INFINITY } else { error }
    });
    let largest = errors.fold(0.0, f64::max);
    let increasing = times.windows(2).all(|pair| pair[0] < pair[1]);
    let within = times.iter().all(|&t| t > 0.0 && t <= 1.0);
    let ends = (times.first(), times.last()) == (Some(&ends.0), Some(&ends.1));
    let holds = increasing && within && ends && largest <= 1e-9;
    let detail = format!(
        "largest error {largest:.1e} of the whole, increasing {increasing}, within (0, 1] {within}, ends {ends}"
    );
    let p_value = if holds { 1.0 } else { 0.0 };
    Ok(Verdict::from_p_value((LAW, name), budget, times.len(), p_value, detail))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fails if a misplaced level, a wrong end or a repeated time passes, or falling coordinates are refused.
    #[test]
    fn by_hand() {
        let budget = Budget { false_positive: 1e-9, samples: 64, seed: 1 };
        let passes = |times: &[f64], last, coordinate: &dyn Fn(f64) -> f64| {
            let ends = (times[0], last);
            spacing("by hand", (times, ends), coordinate, &budget).unwrap().passed()
        };
        let later = spacing("by hand", (&[0.2, 0.4, 0.6], (0.1, 0.6)), &|t| t, &budget);
        assert!(!later.unwrap().passed());
        assert!(passes(&[0.2, 0.4, 0.6], 0.6, &|t| t));
        assert!(passes(&[0.1, 0.2, 0.4, 0.8], 0.8, &|t| -libm::log(t)));
        assert!(!passes(&[0.2, 0.4, 0.6], 0.7, &|t| t));
        assert!(!passes(&[0.2, 0.4 + 1e-8, 0.6], 0.6, &|t| t));
        assert!(!passes(&[0.2, 0.2, 0.2], 0.2, &|t| t));
        assert!(!passes(&[0.0, 0.3, 0.6], 0.6, &|t| t));
    }
}
