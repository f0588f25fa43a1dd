//! Any bytes, texts under a checksum that fits, and files built from choices: refused with one line, or contents
//! that are written and read again unchanged; whatever was changed or cut afterwards is refused.
#![no_main]

use amc_fuzz::number::{List, Number};
use amc_fuzz::{STRUCTURED, is_one_line};
use amc_harness::learned::file::{FileError, Kind, Numbers, Stored, Tensor, decode, encode};
use arbitrary::{Result, Unstructured};
use libfuzzer_sys::fuzz_target;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// The first byte of an input whose rest is the JSON text of a file and the bytes behind it, up to a checksum.
const SEALED: u8 = 0xfe;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Header {
    channels: u64,
    rate: f64,
    note: Option<String>,
}

fuzz_target!(|data: &[u8]| match data.split_first() {
    Some((&STRUCTURED, choices)) => drop(check_choices(&mut Unstructured::new(choices))),
    Some((&SEALED, rest)) => check(&sealed(rest)),
    _ => check(data),
});

fn read(bytes: &[u8]) -> std::result::Result<Stored<Header>, FileError> {
    decode(bytes, "fuzz", Kind::Model)
}

/// One line, or contents that survive another round.
fn check(bytes: &[u8]) {
    let stored = match read(bytes) {
        Ok(stored) => stored,
        Err(error) => return assert!(is_one_line(&error.to_string()), "{error:?}"),
    };
    let tensors: Vec<Tensor<'_>> = stored
        .tensors()
        .map(|(name, shape, numbers)| Tensor { name: name.into(), shape: shape.to_vec(), numbers })
        .collect();
    for tensor in &tensors {
        let finite = match tensor.numbers {
            Numbers::F32(numbers) => numbers.iter().all(|x| x.is_finite()),
            Numbers::F64(numbers) => numbers.iter().all(|x| x.is_finite()),
        };
        assert!(finite, "{tensor:?}");
    }
    match encode("again", Kind::Model, &stored.header, &tensors) {
        Ok(again) => assert_eq!(read(&again).unwrap().tensors().collect::<Vec<_>>(), {
            stored.tensors().collect::<Vec<_>>()
        }),
        // Other writers may use names that ours does not.
        Err(error) => assert!(matches!(error, FileError::Name { .. }), "{error:?}"),
    }
}

/// A file with this text, up to its last brace, and these bytes behind it, under a checksum that fits.
fn sealed(rest: &[u8]) -> Vec<u8> {
    const BEFORE: &[u8] = br#"\"sha256\":\""#;
    let end = rest.iter().rposition(|byte| *byte == b'}').map_or(rest.len(), |at| at + 1);
    let mut bytes = (end as u64).to_le_bytes().to_vec();
    let text = &rest[..end];
    let place = text.windows(BEFORE.len()).position(|window| window == BEFORE);
    let Some(start) = place.map(|at| at + BEFORE.len()) else {
        return [&bytes[..], rest].concat();
    };
    // The digits are not part of the input: they would only be in the way of its mutations.
    bytes[..].copy_from_slice(&(end as u64 + 64).to_le_bytes());
    bytes.extend([&rest[..start], &[b'0'; 64], &rest[start..]].concat());
    let digits: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    bytes[8 + start..8 + start + 64].copy_from_slice(digits.as_bytes());
    bytes
}

/// Writes what the choices make, reads it, and damages it.
fn check_choices(u: &mut Unstructured<'_>) -> Result<()> {
    let header =
        Header { channels: u.arbitrary()?, rate: u.arbitrary::<Number>()?.0, note: u.arbitrary()? };
    let doubles: Vec<f64> = u.arbitrary::<List<Number>>()?.0.iter().map(|x| x.0).collect();
    let singles: Vec<f32> = u.arbitrary::<List<Number>>()?.0.iter().map(|x| x.0 as f32).collect();
    let tensors = [
        Tensor::f64(u.arbitrary::<String>()?, &[1, doubles.len()], &doubles),
        Tensor::f32(u.arbitrary::<String>()?, &[singles.len()], &singles),
    ];
    let finite = header.rate.is_finite()
        && doubles.iter().all(|x| x.is_finite())
        && singles.iter().all(|x| x.is_finite());
    let names = [&tensors[0].name, &tensors[1].name];
    let named =
        names[0] != names[1] && names.iter().all(|n| !["", "__metadata__"].contains(&&n[..]));
    let mut bytes = match encode("fuzz", Kind::Model, &header, &tensors) {
        Ok(bytes) => bytes,
        Err(error) => {
            assert!(is_one_line(&error.to_string()) && !(finite && named), "{error:?}");
            return Ok(());
        }
    };
    assert!(finite && named, "{tensors:?}");
    let mut stored = read(&bytes).unwrap();
    let bits = |numbers: &[f64]| numbers.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
    let found = stored.take_f64(names[0], &[1, doubles.len()]).unwrap();
    assert_eq!(bits(&found), bits(&doubles));
    let found = stored.take_f32(names[1], &[singles.len()]).unwrap();
    assert!(found.iter().zip(&singles).all(|(a, b)| a.to_bits() == b.to_bits()));
    assert_eq!(stored.finish().unwrap(), header);

    let at = u.choose_index(bytes.len())?;
    assert!(read(&bytes[..at]).is_err(), "cut to {at}");
    bytes[at] ^= u.int_in_range(1..=u8::MAX)?;
    let error = read(&bytes).unwrap_err();
    assert!(is_one_line(&error.to_string()), "{error:?}");
    Ok(())
}
