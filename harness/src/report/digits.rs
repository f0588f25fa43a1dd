//! Numbers of tables, with the digits that they support.

use crate::digits;

/// `value ± error` that no line breaks, to two digits of the error; the value alone where there is no error, a dash where
/// there is no value.
pub(super) fn with_error(value: Option<f64>, error: Option<f64>) -> String {
    let both = value.zip(error).and_then(|(value, error)| digits::with_error(value, error));
    both.map_or_else(|| quantity(value), |text| minus(&text.replace(' ', "\u{a0}")))
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

    /// Fails if a line breaks inside a number, an error that is none is written, or a number without a value is.
    #[test]
    fn numbers_do_not_break() {
        let text = |v, e| with_error(Some(v), Some(e)).replace('\u{a0}', "_");
        assert_eq!(text(-31.26, 4.0), "−31.3_±_4.0");
        assert_eq!(text(-3.14e-8, 2.5e-9), "(−3.14_±_0.25)e−8");
        assert_eq!(with_error(Some(0.25), None), "0.250");
        assert_eq!(with_error(Some(0.25), Some(f64::NAN)), "0.250");
        assert_eq!(with_error(None, Some(1.0)), "–");
        assert_eq!(with_error(Some(f64::NAN), Some(1.0)), "–");
        assert_eq!(quantity(Some(f64::INFINITY)), "–");
        assert_eq!(quantity(Some(-0.00042)), "−4.2e−4");
        assert_eq!(count(1234567), "1\u{202f}234\u{202f}567");
    }
}
