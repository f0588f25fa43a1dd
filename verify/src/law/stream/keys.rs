//! Streams of neighbouring keys, in every part of a key, and a stream against itself at a lag.
//!
//! Two streams that share a hash, a state or an increment show in `U` and `V` at the same place: `frac(U + V)` and
//! `frac(U - V)` are uniform and `(2U - 1)(2V - 1)` has mean zero for independent uniforms, and the same holds for
//! `|2U - 1|` and `|2V - 1|`. Normals enter through `Phi`.

use amc_core::rng::{Key, Phase, Purpose};
use amc_core::simd::{LANES, f64x8};

use super::{Draws, Source};
use crate::bound::bonferroni;
use crate::law::independence::Finding;
use crate::oracle::standard_normal_cdf;
use crate::{Budget, Verdict, VerifyError};

/// Distances in vectors at which a stream is compared with itself.
const LAGS: [usize; 7] = [1, 2, 3, 7, 16, 33, 64];
/// Vectors drawn from each stream: one pair of places at every lag.
const LENGTH: usize = 66;
/// Vectors drawn from each of its neighbours: a pair of normals.
const NEIGHBOUR_LENGTH: usize = 2;
/// Phases beside production.
const PHASES: [Phase; 4] = [Phase::Pilot, Phase::Reverse, Phase::Schedule, Phase::Study];
/// Purposes beside [`Purpose::User`].
const PURPOSES: [Purpose; 10] = [
    Purpose::Reference,
    Purpose::Bridge,
    Purpose::Kernel,
    Purpose::Resampling,
    Purpose::TargetSample,
    Purpose::TargetFloor,
    Purpose::Metric,
    Purpose::Parameters,
    Purpose::Swap,
    Purpose::Parity,
];

/// A key's neighbours: what differs, and the key.
fn neighbours(budget: &Budget, (law, name): (&str, &str), block: u64) -> Vec<(String, Key)> {
    let place = |key: Key| key.repetition(2).round(5).block(block);
    let own = place(budget.key(law, name));
    let seeded = |seed: u64| place(Budget { seed, ..*budget }.key(law, name));
    let mut all = vec![
        ("next seed".to_owned(), seeded(budget.seed.wrapping_add(1))),
        ("seed with its lowest bit flipped".to_owned(), seeded(budget.seed ^ 1)),
        ("seed with its highest bit flipped".to_owned(), seeded(budget.seed ^ 1 << 63)),
        ("next repetition".to_owned(), own.repetition(3)),
        ("level 0".to_owned(), own.level(0)),
        ("level 1".to_owned(), own.level(1)),
        ("next round".to_owned(), own.round(6)),
        ("next block".to_owned(), own.block(block + 1)),
        ("block far away".to_owned(), own.block(block + (1 << 32))),
        ("round and block exchanged".to_owned(), own.round(block).block(5)),
        ("repetition and round exchanged".to_owned(), own.repetition(5).round(2)),
    ];
    all.extend(PHASES.map(|phase| (format!("phase {phase:?}"), own.phase(phase))));
    let for_purpose = |purpose| place(budget.key_for(purpose, law, name));
    all.extend(PURPOSES.map(|purpose| (format!("purpose {purpose:?}"), for_purpose(purpose))));
    all
}

/// A named list of pairs.
#[derive(Default)]
struct Pairs {
    what: String,
    first: Vec<f64>,
    second: Vec<f64>,
}

/// Streams whose keys differ in one part (seed, repetition, phase, purpose, level, round, block, or two exchanged) are
/// independent place by place, and a stream is independent of itself at lags of up to 64 vectors; uniforms and normals.
///
/// One pair from each block and relation, so pairs are independent. At 64,000 samples these are 8,000 blocks: a pass
/// excludes streams of which a share of 5 % is equal, and correlations beyond 0.1.
///
/// # Errors
/// An unusable budget.
pub fn keys<D: Draws>(
    name: &str,
    source: Source<'_, D>,
    budget: &Budget,
) -> Result<Verdict, VerifyError> {
    const LAW: &str = "stream::keys";
    budget.check()?;
    let own = budget.key(LAW, name).repetition(2).round(5);
    let mut pairs: Vec<Pairs> = Vec::new();
    for block in 0..budget.blocks() {
        // Every second block: its neighbour belongs to it alone.
        let number = 2 * block as u64 + 1000;
        let (lane, at) = (block % LANES, block / LANES % NEIGHBOUR_LENGTH);
        let (uniforms, normals) = draw(source, own.block(number), LENGTH);
        let mut index = 0;
        let mut record = |what: String, a: f64, b: f64| {
            if pairs.len() == index {
                pairs.push(Pairs { what, ..Pairs::default() });
            }
            pairs[index].first.push(a);
            pairs[index].second.push(b);
            index += 1;
        };
        for (what, key) in neighbours(budget, (LAW, name), number) {
            let (others, other_normals) = draw(source, key, NEIGHBOUR_LENGTH);
            record(format!("uniforms, {what}"), uniforms[at][lane], others[at][lane]);
            record(format!("normals, {what}"), normals[at][lane], other_normals[at][lane]);
        }
        for lag in LAGS {
            let there = at + lag;
            record(format!("uniforms, lag {lag}"), uniforms[at][lane], uniforms[there][lane]);
            record(format!("normals, lag {lag}"), normals[at][lane], normals[there][lane]);
        }
    }
    let (mut p_values, mut worst, mut drawn) = (Vec::new(), (f64::INFINITY, String::new()), 0);
    for Pairs { what, first, second } in &pairs {
        drawn += 2 * first.len();
        for finding in Finding::joint(first, second)? {
            if finding.p_value < worst.0 {
                worst = (finding.p_value, format!("{what}: {:.4}", finding.value));
            }
            p_values.push(finding.p_value);
        }
    }
    let p_value = bonferroni(&p_values);
    Ok(Verdict::from_p_value((LAW, name), budget, drawn, p_value, worst.1))
}

/// Rows of one kind, `[LENGTH][LANES]`.
type Rows = Vec<[f64; LANES]>;

/// Uniforms of a stream, and normals as uniforms, from the beginning each.
fn draw<D: Draws>(source: Source<'_, D>, key: Key, length: usize) -> (Rows, Rows) {
    let mut draws = source(key);
    let uniforms = (0..length).map(|_| draws.uniforms().to_array()).collect();
    let mut normals = vec![f64x8::splat(f64::NAN); length];
    source(key).normals(&mut normals);
    let as_uniforms = |z: &f64x8| z.to_array().map(standard_normal_cdf);
    (uniforms, normals.iter().map(as_uniforms).collect())
}
