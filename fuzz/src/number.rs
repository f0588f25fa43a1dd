//! Floating-point numbers of which many are those that break things.

use arbitrary::{Arbitrary, Result, Unstructured};

/// Any number at all: special ones, small ones of two digits after the point, or 64 free bits.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Number(pub f64);

/// Zeros, ones, the ends of every range, and what is no number.
const SPECIAL: [f64; 16] = [
    0.0,
    -0.0,
    1.0,
    -1.0,
    0.5,
    f64::EPSILON,
    5e-324,
    f64::MIN_POSITIVE,
    1e-150,
    1e150,
    1e300,
    f64::MAX,
    f64::MIN,
    f64::INFINITY,
    f64::NEG_INFINITY,
    f64::NAN,
];

impl<'a> Arbitrary<'a> for Number {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        let choice = usize::from(u.arbitrary::<u8>()?);
        Ok(Self(match SPECIAL.get(choice) {
            Some(&special) => special,
            None if choice < 208 => f64::from(u.arbitrary::<i16>()?) / 100.0,
            None => u.arbitrary()?,
        }))
    }

    fn size_hint(_depth: usize) -> (usize, Option<usize>) {
        (1, Some(9))
    }
}

/// A number in `[0, 1]`, the ends and numbers close to them included.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Unit(pub f64);

impl<'a> Arbitrary<'a> for Unit {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        const NEAR_ENDS: [f64; 6] = [0.0, 1.0, 5e-324, 1e-300, 1e-12, f64::EPSILON];
        let choice = usize::from(u.arbitrary::<u8>()?);
        Ok(Self(match NEAR_ENDS.get(choice) {
            Some(&near) => near,
            None if choice < 12 => 1.0 - f64::EPSILON * (choice - 5) as f64 / 2.0,
            None if choice < 192 => f64::from(u.arbitrary::<u16>()?) / f64::from(u16::MAX),
            None => u.arbitrary::<u64>()? as f64 / u64::MAX as f64,
        }))
    }

    fn size_hint(_depth: usize) -> (usize, Option<usize>) {
        (1, Some(9))
    }
}

/// A list whose length is drawn first, up to 40, or as long as the input lasts: lists that toss a coin before each
/// entry have hardly ever more than two.
#[derive(Debug, Clone, PartialEq)]
pub struct List<T>(pub Vec<T>);

impl<'a, T: Arbitrary<'a>> Arbitrary<'a> for List<T> {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        let longest = u.int_in_range(0..=40)?;
        let mut list = Vec::new();
        while list.len() < longest && !u.is_empty() {
            list.push(u.arbitrary()?);
        }
        Ok(Self(list))
    }
}
