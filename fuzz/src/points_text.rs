//! Files of points built from choices: rows of numbers in every spelling, now and then one cell too many.

use arbitrary::{Result, Unstructured};

use crate::number::Number;

/// The dimension and the file that these choices make.
///
/// # Errors
/// When the choices run out, which only a generator of random data can see.
pub fn build(choices: &[u8]) -> Result<(usize, Vec<u8>)> {
    let mut u = Unstructured::new(choices);
    let dim = u.int_in_range(1..=5)?;
    let rows = u.int_in_range(0..=6)?;
    let mut text = String::new();
    for _ in 0..rows {
        let shape = u.arbitrary::<u8>()?;
        let cells = if shape >= 248 { dim + 1 } else { dim };
        for index in 0..cells {
            if index > 0 {
                text.push(',');
            }
            text += &cell(&mut u)?;
        }
        text +=
            ["\n", "\r\n", "\r", "\n\n", " \n", "\n \t\r\n", "\n", "\n"][usize::from(shape % 8)];
    }
    Ok((dim, text.into_bytes()))
}

/// A number that is mostly finite, bare, between blanks or in quotes.
fn cell(u: &mut Unstructured<'_>) -> Result<String> {
    let spelling = u.arbitrary::<u8>()?;
    let mut number = u.arbitrary::<Number>()?.0;
    if !number.is_finite() && spelling < 224 {
        number = 0.1;
    }
    // Plain decimals of huge numbers have hundreds of digits.
    let short = number.abs() < 1e20;
    Ok(match spelling % 8 {
        0 if short => format!("{number}"),
        1 => format!("{number:?}"),
        2 => format!("{number:E}"),
        3 => format!("  {number:e}\t"),
        4 => format!("{number:+e}"),
        5 => format!("\"{number:e}\""),
        6 if short => format!("{number:.3}"),
        _ => format!("{number:e}"),
    })
}
