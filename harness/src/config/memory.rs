//! The bound on memory: a typing error in a size must not bring the machine down.

use super::error::ConfigError;

/// Most numbers that one array of a run may hold: 8 GiB in double precision.
pub const MOST_NUMBERS: usize = 1 << 30;

/// Refuses `rows` times `columns` numbers beyond [`MOST_NUMBERS`]; `names` says what they are.
pub(super) fn fits(
    rows: usize,
    columns: usize,
    names: impl FnOnce() -> (String, String),
) -> Result<(), ConfigError> {
    match rows.checked_mul(columns) {
        Some(numbers) if numbers <= MOST_NUMBERS => Ok(()),
        _ => {
            let (left, right) = names();
            Err(ConfigError::TooLarge { left, right, limit: MOST_NUMBERS })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fails when the bound is off by one, or when a product that overflows passes it.
    #[test]
    fn the_bound_is_exact_and_survives_overflow() {
        let names = || (String::new(), String::new());
        assert!(fits(MOST_NUMBERS, 1, names).is_ok());
        assert!(fits(MOST_NUMBERS + 1, 1, names).is_err());
        assert!(fits(usize::MAX, usize::MAX, names).is_err());
    }
}
