//! What a single value may be: its type and its range, checked with a message for each.

use std::fmt;
use std::ops::RangeInclusive;

use toml::Value;

use super::error::{ConfigError, Field, shown};
use crate::catalog::{Choice, nearest};

/// The numbers that make sense for a field; its display completes "it must be ...".
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Interval {
    /// Any finite number.
    Finite,
    /// `low < x <= high`.
    Above(f64, f64),
    /// `low <= x <= high`.
    Closed(f64, f64),
    /// `low < x < high`.
    Open(f64, f64),
}

impl Interval {
    /// Whether `x` is finite and inside.
    pub fn contains(self, x: f64) -> bool {
        x.is_finite()
            && match self {
                Self::Finite => true,
                Self::Above(low, high) => low < x && x <= high,
                Self::Closed(low, high) => low <= x && x <= high,
                Self::Open(low, high) => low < x && x < high,
            }
    }
}

impl fmt::Display for Interval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Finite => write!(f, "a finite number"),
            Self::Above(low, high) => {
                write!(f, "above {} and at most {}", Number(low), Number(high))
            }
            Self::Closed(low, high) => write!(f, "from {} to {}", Number(low), Number(high)),
            Self::Open(low, high) => write!(f, "above {} and below {}", Number(low), Number(high)),
        }
    }
}

/// A number for a message: with an exponent where it would be long without one.
pub(super) struct Number(pub(super) f64);

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let size = self.0.abs();
        if size != 0.0 && !(1e-4..1e15).contains(&size) {
            write!(f, "{:e}", self.0)
        } else {
            write!(f, "{}", self.0)
        }
    }
}

/// A number, written as a float or an integer.
pub(super) fn float(field: Field, value: &Value, range: Interval) -> Result<f64, ConfigError> {
    let number = match value {
        Value::Float(number) => *number,
        Value::Integer(number) => *number as f64,
        _ => return Err(wrong_type(field, value, "a number".into())),
    };
    if range.contains(number) {
        Ok(number)
    } else {
        Err(out_of_range(field, value, range.to_string()))
    }
}

/// A count.
pub(super) fn count(
    field: Field,
    value: &Value,
    range: RangeInclusive<usize>,
) -> Result<usize, ConfigError> {
    let allowed = format!("an integer from {} to {}", range.start(), range.end());
    let Value::Integer(number) = value else {
        return Err(wrong_type(field, value, allowed));
    };
    match usize::try_from(*number) {
        Ok(count) if range.contains(&count) => Ok(count),
        _ => Err(out_of_range(field, value, allowed)),
    }
}

/// A seed: any 64-bit unsigned integer.
///
/// TOML integers end at 2^63 - 1; larger seeds are written as a string of digits.
pub(super) fn seed(field: Field, value: &Value) -> Result<u64, ConfigError> {
    let allowed = || format!("an integer from 0 to {}", u64::MAX);
    match value {
        Value::Integer(number) => {
            u64::try_from(*number).map_err(|_| out_of_range(field, value, allowed()))
        }
        Value::String(digits) if digits.bytes().all(|b| b.is_ascii_digit()) => {
            digits.parse().map_err(|_| out_of_range(field, value, allowed()))
        }
        _ => Err(wrong_type(field, value, allowed())),
    }
}

/// The TOML form of a seed, which [`seed`] reads back.
pub(super) fn seed_to_toml(seed: u64) -> Value {
    i64::try_from(seed).map_or_else(|_| Value::from(seed.to_string()), Value::from)
}

/// `true` or `false`.
pub(super) fn boolean(field: Field, value: &Value) -> Result<bool, ConfigError> {
    value.as_bool().ok_or_else(|| wrong_type(field, value, "true or false".into()))
}

/// A string.
pub(super) fn string(field: Field, value: &Value) -> Result<String, ConfigError> {
    match value {
        Value::String(text) => Ok(text.clone()),
        _ => Err(wrong_type(field, value, "a string".into())),
    }
}

/// A list of numbers, each in `range`; an error names the entry by its index.
pub(super) fn floats(
    field: Field,
    value: &Value,
    range: Interval,
) -> Result<Vec<f64>, ConfigError> {
    let Value::Array(entries) = value else {
        return Err(wrong_type(field, value, "a list of numbers".into()));
    };
    let entry = |(index, value)| {
        let name = format!("{}[{index}]", field.name);
        float(Field { origin: field.origin.clone(), name }, value, range)
    };
    entries.iter().enumerate().map(entry).collect()
}

/// One of the names of a room of the catalog.
pub(super) fn choice<C: Choice>(field: Field, value: &Value) -> Result<C, ConfigError> {
    let names: Vec<&str> = C::ALL.iter().map(|kind| kind.name()).collect();
    let allowed = names.join(", ");
    let Value::String(name) = value else {
        return Err(wrong_type(field, value, format!("one of the names {allowed}")));
    };
    C::from_name(name).ok_or_else(|| {
        let guess = nearest(name, names).map(|near| format!("did you mean {near:?}? "));
        let hint = format!("{}allowed: {allowed}", guess.unwrap_or_default());
        ConfigError::UnknownName { field, value: shown(value), hint }
    })
}

/// The error for a value whose type is not `expected`.
pub(super) fn wrong_type(field: Field, value: &Value, expected: String) -> ConfigError {
    let found = match value {
        Value::String(_) => "a string",
        Value::Integer(_) => "an integer",
        Value::Float(_) => "a float",
        Value::Boolean(_) => "a boolean",
        Value::Datetime(_) => "a date-time",
        Value::Array(_) => "a list",
        Value::Table(_) => "a table",
    };
    ConfigError::WrongType { field, value: shown(value), found, expected }
}

fn out_of_range(field: Field, value: &Value, allowed: String) -> ConfigError {
    ConfigError::OutOfRange { field, value: shown(value), allowed }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field() -> Field {
        Field { origin: "run.toml".into(), name: "a.b".into() }
    }

    /// Fails when an interval takes in a bound it excludes, or anything that is not finite.
    #[test]
    fn intervals_keep_to_their_bounds() {
        for (interval, inside, outside) in [
            (Interval::Above(0.0, 1.0), vec![1e-300, 1.0], vec![0.0, 1.1]),
            (Interval::Closed(0.0, 1.0), vec![0.0, 1.0], vec![-1e-300, 1.1]),
            (Interval::Open(0.0, 1.0), vec![0.5], vec![0.0, 1.0]),
            (Interval::Finite, vec![-1e300, 1e300], vec![]),
        ] {
            assert!(inside.iter().all(|&x| interval.contains(x)), "{interval}");
            assert!(!outside.iter().any(|&x| interval.contains(x)), "{interval}");
            for x in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
                assert!(!interval.contains(x), "{interval} contains {x}");
            }
        }
    }

    /// Fails when a bound fills the line with zeros, or a usual one is given an exponent.
    #[test]
    fn bounds_are_short() {
        assert_eq!(Interval::Closed(1e-150, 1e150).to_string(), "from 1e-150 to 1e150");
        assert_eq!(Interval::Above(0.0, 700.0).to_string(), "above 0 and at most 700");
        assert_eq!(Interval::Open(-0.5, 1e6).to_string(), "above -0.5 and below 1000000");
    }

    /// Fails when a seed is changed by writing it out and reading it back.
    #[test]
    fn every_seed_survives_the_file() {
        for number in [0, 1, i64::MAX as u64, i64::MAX as u64 + 1, u64::MAX] {
            assert_eq!(seed(field(), &seed_to_toml(number)), Ok(number));
        }
        for text in ["", "-1", "1e3", "18446744073709551616"] {
            assert!(seed(field(), &Value::from(text)).is_err(), "{text}");
        }
    }

    /// Fails when an integer is refused where a float is meant, or a float taken for a count.
    #[test]
    fn integers_are_floats_but_floats_are_no_counts() {
        assert_eq!(float(field(), &Value::from(3), Interval::Finite), Ok(3.0));
        assert_eq!(
            count(field(), &Value::from(3.0), 1..=9).map_err(|e| e.to_string()),
            Err("run.toml: a.b = 3.0 is a float; expected an integer from 1 to 9".into())
        );
    }
}
