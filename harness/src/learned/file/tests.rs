//! What a file keeps, and everything it must be refused for.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::*;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    channels: usize,
    seed: u64,
    rate: f64,
    note: Option<String>,
}

const WEIGHTS: [f32; 6] = [1.5, -0.0, f32::MIN_POSITIVE / 8.0, f32::MAX, 1.0e-7, -3.25];
const MOMENTS: [f64; 2] = [0.1, -5e-324];

fn header() -> Header {
    Header {
        channels: 3,
        seed: u64::MAX,
        rate: 0.1 + 0.2,
        note: Some("é\n\"sha256\":\"0\"".into()),
    }
}

fn tensors() -> [Tensor<'static>; 3] {
    [
        Tensor::f32("block0.weight", &[2, 3], &WEIGHTS),
        Tensor::f64("moments", &[2], &MOMENTS),
        Tensor::f32("empty", &[0, 4], &[]),
    ]
}

fn sample() -> Vec<u8> {
    encode("m", Kind::Model, &header(), &tensors()).unwrap()
}

fn decode_sample(bytes: &[u8]) -> Result<Stored<Header>, FileError> {
    decode(bytes, "m.safetensors", Kind::Model)
}

/// The bytes with the first `from` in their JSON text replaced and a checksum that fits again: what a foreign
/// or careless hand may write, not an accident.
fn resealed(from: &str, to: &str) -> Vec<u8> {
    let bytes = sample();
    let end = decode::json_end(&bytes).unwrap();
    let text = std::str::from_utf8(&bytes[8..end]).unwrap();
    assert!(text.contains(from), "{text} lacks {from}");
    let text = text.replacen(from, to, 1);
    let mut changed = (text.len() as u64).to_le_bytes().to_vec();
    changed.extend(text.as_bytes());
    let new_end = changed.len();
    changed.extend(&bytes[end..]);
    if let Some(place) = checksum::place(&changed, new_end) {
        let digits = checksum::digits(&changed, &place);
        changed[place].copy_from_slice(digits.as_bytes());
    }
    changed
}

fn refusal(bytes: &[u8]) -> String {
    let message = decode_sample(bytes).unwrap_err().to_string();
    assert!(message.starts_with("m.safetensors: ") && !message.contains('\n'), "{message}");
    message
}

/// Fails if a bit of a number (a negative zero, a subnormal number) or of the header changes on the way
/// through the disk, shapes are lost, or something stays beside the file.
#[test]
fn everything_survives_to_the_bit() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("m.safetensors");
    std::fs::write(&path, "an older file").unwrap();
    write(&path, Kind::Model, &header(), &tensors()).unwrap();
    let mut stored: Stored<Header> = read(&path, Kind::Model).unwrap();
    assert_eq!(stored.header, header());
    let weights = stored.take_f32("block0.weight", &[2, 3]).unwrap();
    assert_eq!(weights.iter().map(|x| x.to_bits()).collect::<Vec<_>>(), WEIGHTS.map(f32::to_bits));
    let moments = stored.take_f64("moments", &[2]).unwrap();
    assert_eq!(moments.iter().map(|x| x.to_bits()).collect::<Vec<_>>(), MOMENTS.map(f64::to_bits));
    assert!(stored.take_f32("empty", &[0, 4]).unwrap().is_empty());
    assert_eq!(stored.finish().unwrap(), header());
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}

/// Fails if the bytes depend on anything but the contents: the order in which tensors are given, or a map's.
#[test]
fn one_content_is_one_sequence_of_bytes() {
    let mut reversed = tensors();
    reversed.reverse();
    for _ in 0..20 {
        assert!(encode("m", Kind::Model, &header(), &reversed).unwrap() == sample());
    }
}

/// Fails if the file is not one that other readers of safetensors open, or a name, type or shape is not theirs.
#[test]
fn other_readers_of_the_format_open_it() {
    let bytes = sample();
    let file = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    let weights = file.tensor("block0.weight").unwrap();
    assert_eq!((weights.dtype(), weights.shape()), (safetensors::Dtype::F32, &[2, 3][..]));
    assert_eq!(weights.data()[..4], 1.5_f32.to_le_bytes());
    assert_eq!(file.len(), 3);
}

/// Fails if any byte, of whatever part, can take any other value without being noticed.
#[test]
fn no_byte_can_change() {
    let mut bytes = sample();
    for at in 0..bytes.len() {
        let original = bytes[at];
        for value in (0..=u8::MAX).filter(|&value| value != original) {
            bytes[at] = value;
            assert!(decode_sample(&bytes).is_err(), "byte {at}: {original} -> {value}");
        }
        bytes[at] = original;
    }
    decode_sample(&bytes).unwrap();
}

/// Fails if a file that was cut anywhere, or grew, is taken, or is not called cut short.
#[test]
fn no_other_length_is_taken() {
    let mut bytes = sample();
    for length in 0..bytes.len() {
        let message = refusal(&bytes[..length]);
        assert!(message.contains(&format!("cut short, {length} of ")), "{length}: {message}");
    }
    bytes.push(0);
    assert!(refusal(&bytes).contains("1 bytes follow its last tensor"));
}

/// Fails if a refusal is missing, or does not say which and what to do.
#[test]
fn every_refusal_names_its_reason() {
    let escaped = |text: &str| text.replace('"', "\\\"");
    let header = |from: &str, to: &str| resealed(&escaped(from), &escaped(to));
    let cases = [
        (b"PK\x03\x04 not this one".to_vec(), "not a safetensors file: it does not begin"),
        ([&4_u64.to_le_bytes()[..], b"[1] "].concat(), "no JSON text follows"),
        ([&4_u64.to_le_bytes()[..], b"{1} "].concat(), "not a safetensors file: key must be"),
        (resealed("\"shape\":[2,3]", "\"shape\":[2,4]"), "not a safetensors file: invalid shape"),
        (resealed("\"amc-model\"", "\"other\""), "of another program (its metadata lacks"),
        (
            header("\"version\":1", "\"version\":2"),
            "version 2 of the format, and this program knows",
        ),
        (header("\"version\":1", "\"version\":\"1\""), "it has no version"),
        (header("\"version\":1", "\"version\":0"), "there is no version 0"),
        (header("\"version\":1,", ""), "it has no version"),
        (
            header("\"kind\":\"model\"", "\"kind\":\"checkpoint\""),
            "holds a checkpoint, and a model",
        ),
        (header("\"kind\":\"model\",", ""), "header cannot be used: missing field `kind`"),
        (header("\"channels\":3,", ""), "header cannot be used: missing field `channels`"),
        (
            header("\"channels\":3", "\"channels\":-3"),
            "invalid value: integer `-3`, expected usize",
        ),
        (header("\"channels\"", "\"chan\\\\nels\""), "header cannot be used: unknown field"),
        (header("\"rate\":", "\"rate\":null,\"r\":"), "invalid type: null, expected f64"),
        (header("\"sha256\"", "\"sha\""), "damaged, its checksum does not fit"),
        (
            resealed("\"dtype\":\"F64\"", "\"dtype\":\"I64\""),
            "\"moments\" is I64 [2], F32 or F64 exp",
        ),
    ];
    for (bytes, expected) in cases {
        let message = refusal(&bytes);
        assert!(message.contains(expected), "{message} lacks {expected}");
    }
    let checkpoint = encode("m", Kind::Checkpoint, &self::header(), &tensors()).unwrap();
    assert!(refusal(&checkpoint).contains("holds a checkpoint, and a model is wanted"));
}

/// Fails if sizes beyond the file, or beyond every integer, are believed: then a sum overflows, a range is out
/// of bounds or memory runs out.
#[test]
fn sizes_of_the_file_are_not_believed() {
    let huge = 1_u64 << 61;
    for (from, to) in [
        ("[2,3]", format!("[{huge},{huge}]")),
        ("[2,3]", format!("[{},3]", u64::MAX)),
        (
            "\"shape\":[2],\"data_offsets\":[0,16]",
            format!("\"shape\":[{}],\"data_offsets\":[0,{huge}]", huge / 8),
        ),
        ("\"data_offsets\":[0,16]", "\"data_offsets\":[16,0]".into()),
        ("\"data_offsets\":[0,16]", format!("\"data_offsets\":[0,{}]", u64::MAX)),
        ("\"data_offsets\":[0,16]", "\"data_offsets\":[-1,15]".into()),
    ] {
        refusal(&resealed(from, &to));
    }
    for length in [u64::MAX, u64::MAX - 7, 1 << 62, 100_000_001] {
        refusal(&[&length.to_le_bytes()[..], &sample()[8..]].concat());
    }
    let nested = [&200_u64.to_le_bytes()[..], b"{\"a\":", &[b'['; 195]].concat();
    refusal(&nested);
}

/// Fails if a number that is none is written, or read from a file sealed by another hand.
#[test]
fn numbers_are_finite() {
    for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        let numbers = [1.0, value];
        let single = numbers.map(|x| x as f32);
        for tensor in [Tensor::f64("t", &[2], &numbers), Tensor::f32("t", &[2], &single)] {
            let message = encode("m", Kind::Model, &header(), &[tensor]).unwrap_err().to_string();
            assert!(message.contains("tensor \"t\", entry 1: "), "{message}");
        }
        let broken = Header { rate: value, ..header() };
        let message = encode("m", Kind::Model, &broken, &tensors()).unwrap_err().to_string();
        assert!(message.contains("cannot be read back"), "{message}");
    }
    let mut bytes = sample();
    let last = bytes.len() - 4;
    bytes[last..].copy_from_slice(&f32::NAN.to_le_bytes());
    let end = decode::json_end(&bytes).unwrap();
    let place = checksum::place(&bytes, end).unwrap();
    let digits = checksum::digits(&bytes, &place);
    bytes[place].copy_from_slice(digits.as_bytes());
    assert!(refusal(&bytes).contains("tensor \"block0.weight\", entry 5: NaN is not a finite"));
}

/// Fails if a tensor goes into a file under a name or shape that it cannot have.
#[test]
fn tensors_that_cannot_be_written_are_refused() {
    let encode = |tensors: &[Tensor<'_>]| {
        encode("m", Kind::Model, &header(), tensors).unwrap_err().to_string()
    };
    let tensor = |name: &str, shape: &[usize]| Tensor::f32(name, shape, &WEIGHTS);
    assert!(encode(&[tensor("t", &[2, 2])]).contains("\"t\" is 6 numbers, F32 [2, 2] expected"));
    assert!(encode(&[tensor("t", &[usize::MAX, 2])]).contains("6 numbers"));
    assert!(encode(&[tensor("", &[6])]).contains("not allowed"));
    assert!(encode(&[tensor("__metadata__", &[6])]).contains("not allowed"));
    assert!(encode(&[tensor("t", &[6]), tensor("t", &[3, 2])]).contains("two tensors"));
}

/// Fails if a tensor is handed out under another name, shape or type, or twice, or one too many is passed over.
#[test]
fn tensors_are_taken_once_and_as_they_are() {
    let mut stored = decode_sample(&sample()).unwrap();
    let message = |result: Result<Vec<f32>, FileError>| result.unwrap_err().to_string();
    assert!(message(stored.clone().take_f32("bias", &[2])).contains("\"bias\" is missing"));
    let transposed = message(stored.clone().take_f32("block0.weight", &[3, 2]));
    assert!(transposed.contains("is F32 [2, 3], F32 [3, 2] expected"), "{transposed}");
    let double = message(stored.clone().take_f32("moments", &[2]));
    assert!(double.contains("is F64 [2], F32 [2] expected"), "{double}");
    stored.take_f64("moments", &[2]).unwrap();
    assert!(stored.take_f64("moments", &[2]).unwrap_err().to_string().contains("missing"));
    assert!(stored.finish().unwrap_err().to_string().contains("\"block0.weight\" has no place"));
}

/// Fails if a write that does not succeed takes the old file with it, leaves something, or says nothing.
#[test]
fn a_failed_write_leaves_the_old_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("m.safetensors");
    write(&path, Kind::Model, &header(), &tensors()).unwrap();
    let nan = [f32::NAN];
    assert!(write(&path, Kind::Model, &header(), &[Tensor::f32("t", &[1], &nan)]).is_err());
    // The temporary name is taken by a folder.
    std::fs::create_dir(folder.path().join(".m.safetensors.part")).unwrap();
    let other = Header { channels: 9, ..header() };
    let message = write(&path, Kind::Model, &other, &tensors()).unwrap_err().to_string();
    assert!(message.contains("m.safetensors: cannot be written ("), "{message}");
    assert_eq!(read::<Header>(&path, Kind::Model).unwrap().header, header());
    let nowhere = Path::new("/no/such/m.safetensors");
    assert!(write(nowhere, Kind::Model, &header(), &tensors()).is_err());
    let message = read::<Header>(nowhere, Kind::Model).unwrap_err().to_string();
    assert!(message.starts_with("/no/such/m.safetensors: cannot be read ("), "{message}");
}
