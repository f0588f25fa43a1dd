//! The fine structure of uniforms: every bit, cells of pairs and triples, planes, and every lane by itself.
//!
//! A uniform `u` has the cell `floor(2^52 u)`. Its bits are fair coins; so is each bit of one exclusive-or that of the
//! next. With `f_k = frac(2^k u)`, which shows the bits from the `k`-th on, `(f_k(u_1), f_k(u_2))` falls into each of
//! `16^2` cells alike, and triples into each of `8^3`. Generators by linear recurrence put triples on planes
//! `c . u = integer` (Marsaglia 1968): `frac(c . u)` is uniform for every integer `c`, unless they do so.

use amc_core::simd::{LANES, f64x8};

use super::{Draws, Source, fraction, uniform_cdf};
use crate::bound::binomial::binomial_p_value;
use crate::bound::bonferroni;
use crate::bound::kolmogorov::{dkw_p_value, kolmogorov_distance};
use crate::{Budget, Verdict, VerifyError};

/// Vectors drawn from each stream: eight triples a lane.
const LENGTH: usize = 24;
/// Bits of a cell's index.
const BITS: usize = 52;
/// First bits of pairs, four bits each.
const PAIR_SHIFTS: [u32; 4] = [0, 16, 32, 48];
/// First bits of triples, three bits each.
const TRIPLE_SHIFTS: [u32; 3] = [0, 24, 49];
/// Integer combinations of a triple; the first shows the planes of RANDU.
const COMBINATIONS: [[f64; 3]; 6] = [
    [9.0, -6.0, 1.0],
    [1.0, 1.0, 1.0],
    [1.0, -2.0, 1.0],
    [2.0, -1.0, 3.0],
    [4.0, -3.0, -2.0],
    [5.0, 8.0, -13.0],
];

/// A name, and the word of a triple whose bits are looked at.
type Relation = (&'static str, fn(&[u64; 3]) -> u64);

/// Non-overlapping triples `(u_1, u_2, u_3)` of one lane, and their cells.
#[derive(Debug, Default)]
struct Triples {
    values: Vec<[f64; 3]>,
    cells: Vec<[u64; 3]>,
}

/// P-values with the smallest of them.
#[derive(Debug, Default)]
struct Findings {
    p_values: Vec<f64>,
    worst: Option<(f64, String)>,
}

impl Findings {
    fn note(&mut self, p_value: f64, what: impl FnOnce() -> String) {
        if self.worst.as_ref().is_none_or(|(smallest, _)| p_value < *smallest) {
            self.worst = Some((p_value, what()));
        }
        self.p_values.push(p_value);
    }

    fn uniform(&mut self, mut sample: Vec<f64>, what: impl FnOnce() -> String) {
        let distance = kolmogorov_distance(&mut sample, &uniform_cdf);
        let p_value = dkw_p_value(distance, sample.len());
        self.note(p_value, || format!("{}: distance {distance:.5}", what()));
    }
}

/// Uniforms are uniform in every bit, in cells of pairs and triples, in integer combinations of triples and lane by
/// lane: exact binomial counts and Dvoretzky-Kiefer-Wolfowitz bounds.
///
/// Eight triples of each lane of every stream; at 64,000 samples 512,000 triples. A pass excludes a bit that is one
/// too often by 0.5 %, or tied to the next one's by as much, and distances of combinations beyond 0.005.
///
/// # Errors
/// An unusable budget.
pub fn lattice<D: Draws>(
    name: &str,
    source: Source<'_, D>,
    budget: &Budget,
) -> Result<Verdict, VerifyError> {
    const LAW: &str = "stream::lattice";
    budget.check()?;
    let key = budget.key(LAW, name);
    let (mut triples, mut lanes) = (Triples::default(), [const { Vec::new() }; LANES]);
    for block in 0..budget.blocks() {
        let mut draws = source(key.block(block as u64));
        let vectors: [f64x8; LENGTH] = core::array::from_fn(|_| draws.uniforms());
        let rows = vectors.map(|vector| vector.to_array());
        for (lane, list) in lanes.iter_mut().enumerate() {
            list.extend(rows.iter().map(|row| row[lane]));
            for triple in rows.as_chunks::<3>().0 {
                triples.push(triple.map(|row| row[lane]));
            }
        }
    }
    let mut findings = Findings::default();
    let outside = |u: &f64| u.is_nan() || *u <= 0.0 || *u >= 1.0;
    if triples.values.iter().flatten().any(outside) {
        findings.note(0.0, || "a number outside (0, 1)".into());
    }
    for (lane, sample) in lanes.into_iter().enumerate() {
        findings.uniform(sample, || format!("lane {lane}"));
    }
    for combination in COMBINATIONS {
        let values = triples.values.iter();
        let sums = values.map(|u| u.iter().zip(combination).map(|(u, c)| u * c).sum::<f64>());
        findings.uniform(sums.map(fraction).collect(), || format!("combination {combination:?}"));
    }
    triples.bits(&mut findings)?;
    triples.boxes(&mut findings)?;
    let (_, detail) = findings.worst.unwrap_or((1.0, String::new()));
    let p_value = bonferroni(&findings.p_values);
    let drawn = 3 * triples.values.len();
    Ok(Verdict::from_p_value((LAW, name), budget, drawn, p_value, detail))
}

impl Triples {
    fn push(&mut self, values: [f64; 3]) {
        self.values.push(values);
        // Saturates for NaN and numbers outside, which are reported apart.
        self.cells.push(values.map(|u| (u * (1_u64 << BITS) as f64) as u64));
    }

    /// Counts of ones, alone and against the next two numbers.
    fn bits(&self, findings: &mut Findings) -> Result<(), VerifyError> {
        let relations: [Relation; 3] = [
            ("bit", |cells| cells[0]),
            ("bit against the next", |cells| cells[0] ^ cells[1]),
            ("bit against the second next", |cells| cells[0] ^ cells[2]),
        ];
        for (what, word) in relations {
            let mut ones = [0_u64; BITS];
            for cells in &self.cells {
                let word = word(cells);
                for (bit, ones) in ones.iter_mut().enumerate() {
                    *ones += word >> bit & 1;
                }
            }
            let count = self.cells.len() as u64;
            for (bit, ones) in ones.into_iter().enumerate() {
                let p_value = binomial_p_value(ones, count, 0.5)?;
                findings.note(p_value, || format!("{what} {bit}: {ones} of {count}"));
            }
        }
        Ok(())
    }

    /// Counts of pairs and triples in equal cells.
    fn boxes(&self, findings: &mut Findings) -> Result<(), VerifyError> {
        let pairs = PAIR_SHIFTS.map(|shift| (shift, 4, 2));
        for (shift, bits, numbers) in pairs.into_iter().chain(TRIPLE_SHIFTS.map(|s| (s, 3, 3))) {
            let mut counts = vec![0_u64; 1 << (bits as usize * numbers)];
            for cells in &self.cells {
                let digits = cells.iter().take(numbers).map(|cell| {
                    let from_top = BITS as u32 - shift - bits;
                    (cell >> from_top) & ((1 << bits) - 1)
                });
                let index = digits.fold(0, |index, digit| index << bits | digit);
                counts[index as usize] += 1;
            }
            let total = self.cells.len() as u64;
            let p = 1.0 / counts.len() as f64;
            for (index, count) in counts.into_iter().enumerate() {
                let p_value = binomial_p_value(count, total, p)?;
                findings.note(p_value, || {
                    format!("cell {index} of {numbers} numbers from bit {shift}: {count}")
                });
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use amc_core::rng::{Key, Purpose};

    fn smallest(triples: impl Iterator<Item = [f64; 3]>, boxes: bool) -> f64 {
        let (mut all, mut findings) = (Triples::default(), Findings::default());
        triples.for_each(|triple| all.push(triple));
        if boxes {
            all.boxes(&mut findings).unwrap();
        } else {
            all.bits(&mut findings).unwrap();
        }
        bonferroni(&findings.p_values)
    }

    /// Fails if right uniforms are refuted, or a bit stuck at one, a bit shared by neighbours, or a cell of pairs from
    /// bit 16 on that is never hit is missed by the count made for it.
    #[test]
    fn every_count_sees_its_defect() {
        let draw = || {
            let mut stream = Key::new(2, Purpose::User).stream();
            (0..20_000).map(move |_| [(); 3].map(|()| stream.uniform()))
        };
        assert!(smallest(draw(), false) > 1e-6 && smallest(draw(), true) > 1e-6);
        let unit = 1.0 / (1_u64 << BITS) as f64;
        let with_bit = |u: f64, bit: u64| {
            let cell = (u / unit) as u64 & !(1 << 20) | bit << 20;
            (cell as f64 + 0.5) * unit
        };
        assert!(smallest(draw().map(|u| u.map(|u| with_bit(u, 1))), false) < 1e-12);
        let bit_of = |u: f64| (u / unit) as u64 >> 20 & 1;
        let tied = draw().map(|[a, b, c]| [a, with_bit(b, bit_of(a)), c]);
        assert!(smallest(tied, false) < 1e-12);
        let digit = |u: f64| (u / unit) as u64 >> (BITS - 20) & 15;
        let hole = draw().filter(|&[a, b, _]| (digit(a), digit(b)) != (3, 11));
        assert!(smallest(hole, true) < 1e-12);
    }
}
