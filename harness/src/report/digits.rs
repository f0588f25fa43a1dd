//! Numbers of tables, with the digits that they support.

/// `value ± error` that no line breaks, to two digits of the error; the value alone where there is no error, a dash where
/// there is no value.
pub(super) fn with_error(value: Option<f64>, error: Option<f64>) -> String {
    let finite = |x: &f64| x.is_finite();
    let Some(value) = value.filter(finite) else { return "–".into() };
    let Some(error) = error.filter(|e| e.is_finite() && *e > 0.0) else {
        return quantity(Some(value));
    };
    let exponent = libm::floor(libm::log10(error)) as i32;
    let decimals = usize::try_from(1 - exponent).unwrap_or(0);
    let readable = |x: f64| x == 0.0 || (1e-5..1e7).contains(&x.abs());
    match readable(value) && readable(error) && decimals <= 6 {
        true => minus(&format!("{value:.decimals$}\u{a0}±\u{a0}{error:.decimals$}")),
        false => minus(&with_exponent(value, error)),
    }
}

/// Both numbers with one exponent, as far as they are of comparable size.
fn with_exponent(value: f64, error: f64) -> String {
    let order = |x: f64| libm::floor(libm::log10(x)) as i32;
    let exponent = order(value.abs().max(error));
    let decimals = usize::try_from(exponent - order(error) + 1).unwrap_or(usize::MAX);
    let unit = libm::exp10(f64::from(exponent));
    if decimals > 6 || !unit.is_normal() {
        return format!("{value:.2e}\u{a0}±\u{a0}{error:.1e}");
    }
    let (value, error) = (value / unit, error / unit);
    format!("({value:.decimals$}\u{a0}±\u{a0}{error:.decimals$})e{exponent}")
}

/// A quantity of any size in three digits; a dash where there is none.
pub(super) fn quantity(value: Option<f64>) -> String {
    let Some(value) = value.filter(|value| value.is_finite()) else { return "–".into() };
    let text = match value.abs() {
        0.0 => "0".into(),
        size if size >= 1e6 => format!("{value:.2e}"),
        size if size >= 99.95 => format!("{value:.0}"),
        size if size >= 9.995 => format!("{value:.1}"),
        size if size >= 0.9995 => format!("{value:.2}"),
        size if size >= 0.0995 => format!("{value:.3}"),
        size if size >= 1e-3 => format!("{value:.4}"),
        _ => format!("{value:.1e}"),
    };
    minus(&text)
}

/// Whole numbers with thin spaces between thousands.
pub(super) fn count(value: u64) -> String {
    let digits = value.to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push('\u{202f}');
        }
        text.push(digit);
    }
    text
}

/// True minus signs, at which no line breaks.
fn minus(text: &str) -> String {
    text.replace('-', "−")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fails if a number has more digits than its error supports, or one without a value is written.
    #[test]
    fn digits_follow_the_error() {
        let text = |v, e| with_error(Some(v), Some(e)).replace('\u{a0}', " ");
        assert_eq!(text(0.011946, 0.014821), "0.012 ± 0.015");
        assert_eq!(text(-31.26, 4.0), "−31.3 ± 4.0");
        assert_eq!(text(1234.6, 250.0), "1235 ± 250");
        assert_eq!(text(-3e267, 0.5), "−3.00e267 ± 5.0e−1");
        assert_eq!(text(-3.14e-8, 2.5e-9), "(−3.14 ± 0.25)e−8");
        assert_eq!(text(2e7, 3e8), "(0.2 ± 3.0)e8");
        assert_eq!(with_error(Some(0.25), None), "0.250");
        assert_eq!(with_error(Some(0.25), Some(f64::NAN)), "0.250");
        assert_eq!(with_error(None, Some(1.0)), "–");
        assert_eq!(with_error(Some(f64::NAN), Some(1.0)), "–");
        assert_eq!(quantity(Some(f64::INFINITY)), "–");
        assert_eq!(quantity(Some(-0.00042)), "−4.2e−4");
        assert_eq!(count(1234567), "1\u{202f}234\u{202f}567");
    }
}
