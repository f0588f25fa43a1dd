//! The seal of a file: SHA-256 over all of its bytes, the digits of the seal read as zeros.

use std::ops::Range;

use sha2::{Digest, Sha256};

use crate::storage::hex;

/// How many hexadecimal digits a checksum has.
pub(super) const DIGITS: usize = 64;

/// What stands before the digits, as JSON inside of a JSON string is written.
const BEFORE: &[u8] = br#"\"sha256\":\""#;

/// Where the digits stand in a file whose JSON text ends at `end`.
///
/// The first place is the right one: of what comes before, nothing is named by a caller or a user.
pub(super) fn place(bytes: &[u8], end: usize) -> Option<Range<usize>> {
    let text = bytes.get(..end)?;
    let before = text.windows(BEFORE.len()).position(|window| window == BEFORE)?;
    let start = before + BEFORE.len();
    let place = start..start + DIGITS;
    text.get(place.clone()).map(|_| place)
}

/// The checksum of a file whose digits stand at `place`.
pub(super) fn digits(bytes: &[u8], place: &Range<usize>) -> String {
    let mut hash = Sha256::new();
    hash.update(bytes.get(..place.start).unwrap_or_default());
    hash.update([b'0'; DIGITS]);
    hash.update(bytes.get(place.end..).unwrap_or_default());
    hex(&hash.finalize())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fails if the digits of the seal take part in it, another byte does not, or the hash is not
    /// SHA-256: the value is that of `printf 'ab000..0c' | sha256sum`, with 64 zeros.
    #[test]
    fn every_byte_but_the_digits_counts() {
        let with = |digit: &str, end: &str| format!("ab{}{end}", digit.repeat(DIGITS)).into_bytes();
        let place = 2..2 + DIGITS;
        let sealed = digits(&with("0", "c"), &place);
        assert_eq!(sealed, "0aff5acc08f1a6ec252d5f0dfa769c54bedf23151ef649ba4880fadfab11cd4f");
        assert_eq!(digits(&with("7", "c"), &place), sealed);
        assert_ne!(digits(&with("0", "d"), &place), sealed);
        assert_ne!(digits(&with("0", "cc"), &place), sealed);
    }
}
