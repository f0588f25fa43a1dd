//! Digits that an error supports.

/// `value ± error` to two digits of the error; `None` of a value or an error that is no number, and of an error of zero.
pub(crate) fn with_error(value: f64, error: f64) -> Option<String> {
    if !value.is_finite() || !error.is_finite() || error <= 0.0 {
        return None;
    }
    let exponent = libm::floor(libm::log10(error)) as i32;
    let decimals = usize::try_from(1 - exponent).unwrap_or(0);
    let readable = |x: f64| x == 0.0 || (1e-5..1e7).contains(&x.abs());
    Some(match readable(value) && readable(error) && decimals <= 6 {
        true => format!("{value:.decimals$} ± {error:.decimals$}"),
        false => with_exponent(value, error),
    })
}

/// Both numbers with one exponent, as far as they are of comparable size.
fn with_exponent(value: f64, error: f64) -> String {
    let order = |x: f64| libm::floor(libm::log10(x)) as i32;
    let exponent = order(value.abs().max(error));
    let decimals = usize::try_from(exponent - order(error) + 1).unwrap_or(usize::MAX);
    let unit = libm::exp10(f64::from(exponent));
    if decimals > 6 || !unit.is_normal() {
        return format!("{value:.2e} ± {error:.1e}");
    }
    let (value, error) = (value / unit, error / unit);
    format!("({value:.decimals$} ± {error:.decimals$})e{exponent}")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fails if a number has more digits than its error supports, or one without an error gets one.
    #[test]
    fn digits_follow_the_error() {
        let text = |v, e| with_error(v, e).unwrap();
        assert_eq!(text(0.011946, 0.014821), "0.012 ± 0.015");
        assert_eq!(text(-31.26, 4.0), "-31.3 ± 4.0");
        assert_eq!(text(1234.6, 250.0), "1235 ± 250");
        assert_eq!(text(-3e267, 0.5), "-3.00e267 ± 5.0e-1");
        assert_eq!(text(-3.14e-8, 2.5e-9), "(-3.14 ± 0.25)e-8");
        assert_eq!(text(2e7, 3e8), "(0.2 ± 3.0)e8");
        for (value, error) in [(0.25, f64::NAN), (f64::NAN, 1.0), (0.25, 0.0)] {
            assert_eq!(with_error(value, error), None);
        }
    }
}
