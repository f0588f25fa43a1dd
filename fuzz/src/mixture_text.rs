//! Mixture files built from choices: nearly always well-formed, mostly with numbers that make a mixture.

use arbitrary::{Result, Unstructured};

use crate::number::Number;

/// The text that these choices make.
///
/// # Errors
/// When the choices run out, which only a generator of random data can see.
pub fn build(choices: &[u8]) -> Result<String> {
    let mut u = Unstructured::new(choices);
    let u = &mut u;
    // One input in sixteen has lengths that do not fit, and names that do not exist.
    let careless = u.arbitrary::<u8>()? >= 240;
    let dim = u.int_in_range(1..=4)?;
    let components = u.int_in_range(1..=4)?;
    let rows = if careless { u.int_in_range(0..=5)? } else { components };
    let mut fields = vec![
        format!("\"dim\": {dim}"),
        format!("\"weights\": {}", row(u, components, true)?),
        format!("\"means\": {}", matrix(u, rows, dim)?),
    ];
    if u.arbitrary()? {
        fields.push(format!("\"covariance\": {}", covariance(u, dim)?));
    } else {
        let parts: Result<Vec<String>> = (0..rows).map(|_| covariance(u, dim)).collect();
        fields.push(format!("\"covariances\": [{}]", parts?.join(", ")));
    }
    if u.arbitrary()? {
        let name = u.choose(&["none", "diagonal", "scalar"])?;
        fields.push(format!("\"standardize\": \"{name}\""));
    }
    if u.arbitrary()? {
        fields.push("\"name\": \"fuzzed \\u00e9\\n\", \"origin\": \"choices\"".to_owned());
    }
    if careless {
        let from = u.choose_index(fields.len())?;
        match u.int_in_range(0..=2)? {
            0 => fields.push(fields[from].clone()),
            1 => drop(fields.swap_remove(from)),
            _ => fields[from] = fields[from].replacen('a', "e", 1),
        }
    }
    Ok(format!("{{{}}}", fields.join(", ")))
}

fn covariance(u: &mut Unstructured<'_>, dim: usize) -> Result<String> {
    Ok(match u.int_in_range(0..=3)? {
        0 => format!("{{\"kind\": \"isotropic\", \"variance\": {}}}", number(u, true)?),
        1 => format!("{{\"kind\": \"diagonal\", \"variances\": {}}}", row(u, dim, true)?),
        2 => format!("{{\"kind\": \"full\", \"matrix\": {}}}", matrix(u, dim, dim)?),
        _ => format!("{{\"kind\": \"full\", \"matrix\": {}}}", product(u, dim)?),
    })
}

/// `B B^T` of a matrix of small numbers: positive definite, unless its rows nearly depend on each other.
fn product(u: &mut Unstructured<'_>, dim: usize) -> Result<String> {
    let mut factor = vec![0.0; dim * dim];
    for entry in &mut factor {
        *entry = f64::from(u.arbitrary::<i8>()?) / 16.0;
    }
    let entry = |i: usize, j: usize| -> f64 {
        (0..dim).map(|k| factor[i * dim + k] * factor[j * dim + k]).sum()
    };
    let rows = (0..dim).map(|i| {
        let row: Vec<String> = (0..dim).map(|j| format!("{:e}", entry(i, j))).collect();
        format!("[{}]", row.join(", "))
    });
    Ok(format!("[{}]", rows.collect::<Vec<_>>().join(", ")))
}

fn matrix(u: &mut Unstructured<'_>, rows: usize, columns: usize) -> Result<String> {
    let rows: Result<Vec<String>> = (0..rows).map(|_| row(u, columns, false)).collect();
    Ok(format!("[{}]", rows?.join(", ")))
}

fn row(u: &mut Unstructured<'_>, columns: usize, positive: bool) -> Result<String> {
    let cells: Result<Vec<String>> = (0..columns).map(|_| number(u, positive)).collect();
    Ok(format!("[{}]", cells?.join(", ")))
}

/// A number as JSON writes it; what JSON cannot write stays as other languages write it.
fn number(u: &mut Unstructured<'_>, positive: bool) -> Result<String> {
    let number = u.arbitrary::<Number>()?.0;
    Ok(format!("{:e}", if positive { number.abs() } else { number }))
}
