//! In which order samples are written, and in which coordinates: two ladders, three rounds, two coordinates.

use std::io::Read as _;

use parquet::file::reader::{FileReader as _, SerializedFileReader};
use parquet::record::RowAccessor as _;

use super::*;
use crate::run::execute;
use crate::sampler::Silent;
use crate::target::AffineMap;

const LADDERS: usize = 2;
const ROUNDS: usize = 3;
const SHIFT: [f64; 2] = [1.0, -2.0];
const SCALE: [f64; 2] = [0.5, 4.0];

/// The standardized coordinate `j` of a ladder in a round; no other one is the same.
fn standardized(round: usize, ladder: usize, j: usize) -> f64 {
    (100 * round + 10 * ladder + j) as f64
}

fn log_weight(round: usize, ladder: usize) -> f64 {
    -standardized(round, ladder, 9)
}

/// The rounds with their ladders, in the order of the rows.
fn rows() -> impl Iterator<Item = (usize, usize)> {
    (0..ROUNDS).flat_map(|round| (0..LADDERS).map(move |ladder| (round, ladder)))
}

/// A run whose samples have known numbers, and a problem whose coordinates differ in shift and scale.
fn known_run() -> (Problem<'static>, Run) {
    let text = format!(
        "[target]\ndim = 2\n[path]\nlevels = 2\n[bridge]\nkind = \"ddpm\"\n[sampler]\nkind = \"replica-exchange\"\n\
         ladders = {LADDERS}\nrounds = {ROUNDS}\nboth_sides = false\n"
    );
    let config = RunConfig::from_toml(&text, "c.toml", Path::new("."), &[]).unwrap();
    let mut problem = Problem::new(&config).unwrap();
    let mut run = execute(&config, &problem, &mut Silent).unwrap();
    let positions: Vec<f64> =
        rows().flat_map(|(round, ladder)| [0, 1].map(|j| standardized(round, ladder, j))).collect();
    assert_eq!(run.sample.positions.len(), positions.len());
    run.sample.positions = positions;
    run.sample.log_weights = rows().map(|(round, ladder)| log_weight(round, ladder)).collect();
    problem.map = AffineMap { shift: SHIFT.to_vec(), scale: SCALE.to_vec() };
    (problem, run)
}

/// What a file of little-endian doubles ends with.
fn last_doubles(bytes: &[u8], count: usize) -> Vec<f64> {
    let start = bytes.len() - 8 * count;
    bytes[start..].chunks_exact(8).map(|x| f64::from_le_bytes(x.try_into().unwrap())).collect()
}

/// Fails if rows of an array or table are not `round * ladders + ladder`, a chain of the InferenceData is not a ladder or a
/// draw not a round, or coordinates are those of another file: standardized in samples.npz, the target's own in the others.
#[test]
fn samples_stand_round_by_round_and_ladder_by_ladder() {
    let folder = tempfile::tempdir().unwrap();
    let (problem, run) = known_run();
    let own = |round, ladder, j: usize| standardized(round, ladder, j) * SCALE[j] + SHIFT[j];
    let create = |name: &str| BufWriter::new(fs::File::create(folder.path().join(name)).unwrap());

    let mut file = create("samples.npz");
    samples::write_npz(&mut file, &problem, &run).unwrap();
    drop(file);
    let file = fs::File::open(folder.path().join("samples.npz")).unwrap();
    let mut archive = zip::ZipArchive::new(file).unwrap();
    let mut array = |name: &str, count: usize| {
        let mut bytes = Vec::new();
        archive.by_name(&format!("{name}.npy")).unwrap().read_to_end(&mut bytes).unwrap();
        last_doubles(&bytes, count)
    };
    let (positions, log_weights) = (array("positions", 12), array("log_weights", 6));
    assert_eq!((array("shift", 2), array("scale", 2)), (SHIFT.to_vec(), SCALE.to_vec()));
    for (round, ladder) in rows() {
        let row = round * LADDERS + ladder;
        assert_eq!(log_weights[row], log_weight(round, ladder), "row {row}");
        for j in [0, 1] {
            assert_eq!(positions[row * 2 + j], standardized(round, ladder, j), "row {row}, {j}");
        }
    }

    let mut file = create("samples.parquet");
    samples::write_parquet(&mut file, &problem, &run).unwrap();
    drop(file);
    let file = fs::File::open(folder.path().join("samples.parquet")).unwrap();
    let table = SerializedFileReader::new(file).unwrap();
    let found: Vec<[f64; 3]> = table
        .get_row_iter(None)
        .unwrap()
        .map(|row| row.unwrap())
        .map(|row| [0, 1, 2].map(|column| row.get_double(column).unwrap()))
        .collect();
    let expected: Vec<[f64; 3]> = rows()
        .map(|(r, ladder)| [log_weight(r, ladder), own(r, ladder, 0), own(r, ladder, 1)])
        .collect();
    assert_eq!(found, expected);

    let store = folder.path().join("inference.zarr");
    inference::write(&store, &problem, &run).unwrap();
    let chunk = |name: &str, count: usize| {
        let bytes = fs::read(store.join(name)).unwrap();
        assert_eq!(bytes.len(), 8 * count, "{name}");
        last_doubles(&bytes, count)
    };
    let (x, weights) = (chunk("posterior/x/0.0.0", 12), chunk("sample_stats/log_weight/0.0", 6));
    for (draw, chain) in rows() {
        let at = chain * ROUNDS + draw;
        assert_eq!(weights[at], log_weight(draw, chain), "chain {chain}, draw {draw}");
        for j in [0, 1] {
            assert_eq!(x[at * 2 + j], own(draw, chain, j), "chain {chain}, draw {draw}, {j}");
        }
    }
}
