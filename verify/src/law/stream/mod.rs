//! Laws of random streams: exact marginal laws, and no relation between neighbours.
//!
//! Two uniforms are tested through `frac(a + b)` and `frac(a - b)`, both uniform when `a` and `b` are
//! independent; equal or mirrored streams make one of them constant. Two normals are tested through
//! `(a + b)/sqrt 2`, `(a - b)/sqrt 2` (normal) and `exp(-(a^2 + b^2)/2)` (uniform), which also sees a
//! dependence without correlation.
//!
//! | law | looks at |
//! |---|---|
//! | [`uniforms`], [`normals`] | the marginal law, neighbours in time, lane and stream |
//! | [`tails`] | normals beyond 3, 4, 5 and 6 standard deviations, the extremes |
//! | [`lattice`] | every bit of a uniform, cells of two and three, integer combinations, every lane alone |
//! | [`keys`] | streams whose keys differ in one part, every part; lags |

mod keys;
mod lattice;
mod tails;

pub use keys::keys;
pub use lattice::lattice;
pub use tails::tails;

use amc_core::rng::{Key, Stream};
use amc_core::simd::{LANES, f64x8};

use crate::bound::bonferroni;
use crate::bound::kolmogorov::{dkw_p_value, kolmogorov_distance};
use crate::oracle::standard_normal_cdf;
use crate::{Budget, Verdict, VerifyError};

/// A source of random vectors: what the laws ask of a stream.
pub trait Draws {
    /// Eight independent uniforms on `(0, 1)`.
    fn uniforms(&mut self) -> f64x8;

    /// Fills `out` with independent standard normals.
    fn normals(&mut self, out: &mut [f64x8]);
}

impl Draws for Stream {
    fn uniforms(&mut self) -> f64x8 {
        Self::uniforms(self)
    }

    fn normals(&mut self, out: &mut [f64x8]) {
        self.fill_normals(out);
    }
}

/// Makes the stream of a key.
pub type Source<'a, D> = &'a dyn Fn(Key) -> D;

/// A named sample and the distribution function it must have.
type Sample = (String, Vec<f64>, fn(f64) -> f64);

/// Vectors drawn from each stream; odd, so that a transform that works in pairs has one over.
const LENGTH: usize = 33;

/// A pair of positions, `(stream, vector, lane)` each, stream 0 being the block's own.
type Pair = [(usize, usize, usize); 2];

/// Keys of a block's stream and of the neighbours that must not resemble it.
fn neighbours(key: Key, block: u64) -> [Key; 4] {
    let own = key.block(block);
    [own, key.block(block + 1), own.round(1), own.phase(amc_core::rng::Phase::Pilot)]
}

/// Neighbours in time, across lanes, and the same place in neighbouring streams.
fn pairs(block: usize) -> [Pair; 7] {
    let (vector, lane) = (block % (LENGTH - 2), block % LANES);
    let own = (0, vector, lane);
    let other = (lane + 1 + block / LANES % (LANES - 1)) % LANES;
    [
        [own, (0, vector + 1, lane)],
        [own, (0, vector + 2, lane)],
        [own, (0, vector, other)],
        [own, (0, vector + 1, other)],
        [own, (1, vector, lane)],
        [own, (2, vector, lane)],
        [own, (3, vector, lane)],
    ]
}

/// Values of `LENGTH` vectors from each of the block's streams.
fn draw<D: Draws>(
    source: Source<'_, D>,
    streams: [Key; 4],
    fill: &dyn Fn(&mut D, &mut [f64x8]),
) -> [Vec<[f64; LANES]>; 4] {
    streams.map(|key| {
        let mut vectors = [f64x8::splat(f64::NAN); LENGTH];
        fill(&mut source(key), &mut vectors);
        vectors.iter().map(|v| v.to_array()).collect()
    })
}

/// Collects single values and, per relation, independent pairs: one pair a block.
fn collect<D: Draws>(
    source: Source<'_, D>,
    (key, budget): (Key, &Budget),
    fill: &dyn Fn(&mut D, &mut [f64x8]),
) -> (Vec<f64>, Vec<Vec<(f64, f64)>>) {
    let (mut singles, mut related) = (Vec::new(), vec![Vec::new(); 7]);
    for block in 0..budget.blocks() {
        // Every second block: its neighbour belongs to it alone, so pairs are independent.
        let values = draw(source, neighbours(key, 2 * block as u64), fill);
        let at =
            |(stream, vector, lane): (usize, usize, usize)| -> f64 { values[stream][vector][lane] };
        for (list, [a, b]) in related.iter_mut().zip(pairs(block)) {
            list.push((at(a), at(b)));
        }
        singles.extend(values[0].iter().flatten());
    }
    (singles, related)
}

/// Tests each sample against its distribution function.
fn conclude(law: (&'static str, &str), budget: &Budget, samples: Vec<Sample>) -> Verdict {
    let (mut p_values, mut worst) = (Vec::new(), (f64::INFINITY, String::new()));
    let mut drawn = 0;
    for (what, mut sample, cdf) in samples {
        drawn += sample.len();
        let distance = kolmogorov_distance(&mut sample, &cdf);
        let p_value = dkw_p_value(distance, sample.len());
        if p_value < worst.0 {
            worst = (p_value, format!("{what}: distance {distance:.5}"));
        }
        p_values.push(p_value);
    }
    Verdict::from_p_value(law, budget, drawn, bonferroni(&p_values), worst.1)
}

const RELATIONS: [&str; 7] = [
    "next vector",
    "second next vector",
    "another lane",
    "next vector, another lane",
    "next block",
    "next round",
    "pilot",
];

fn uniform_cdf(x: f64) -> f64 {
    x.clamp(0.0, 1.0)
}

fn fraction(x: f64) -> f64 {
    x - libm::floor(x)
}

/// Uniforms are uniform on `(0, 1)` and unrelated between lanes, vectors and streams.
///
/// A pass at 1e5 blocks excludes distances of the sums and differences beyond 0.012.
///
/// # Errors
/// An unusable budget.
pub fn uniforms<D: Draws>(
    name: &str,
    source: Source<'_, D>,
    budget: &Budget,
) -> Result<Verdict, VerifyError> {
    const LAW: &str = "stream::uniforms";
    budget.check()?;
    let fill = |draws: &mut D, out: &mut [f64x8]| out.fill_with(|| draws.uniforms());
    let (singles, related) = collect(source, (budget.key(LAW, name), budget), &fill);
    let mut samples: Vec<Sample> = vec![("all values".into(), singles, uniform_cdf)];
    for (relation, pairs) in RELATIONS.iter().zip(&related) {
        let sums = pairs.iter().map(|(a, b)| fraction(a + b)).collect();
        let differences = pairs.iter().map(|(a, b)| fraction(a - b)).collect();
        samples.push((format!("sum with {relation}"), sums, uniform_cdf));
        samples.push((format!("difference from {relation}"), differences, uniform_cdf));
    }
    Ok(conclude((LAW, name), budget, samples))
}

/// Normals are standard normal and unrelated between lanes, vectors and streams.
///
/// # Errors
/// An unusable budget.
pub fn normals<D: Draws>(
    name: &str,
    source: Source<'_, D>,
    budget: &Budget,
) -> Result<Verdict, VerifyError> {
    const LAW: &str = "stream::normals";
    budget.check()?;
    let fill = |draws: &mut D, out: &mut [f64x8]| draws.normals(out);
    let (singles, related) = collect(source, (budget.key(LAW, name), budget), &fill);
    let mut samples: Vec<Sample> = vec![("all values".into(), singles, standard_normal_cdf)];
    let root = core::f64::consts::FRAC_1_SQRT_2;
    for (relation, pairs) in RELATIONS.iter().zip(&related) {
        let map = |f: &dyn Fn(f64, f64) -> f64| pairs.iter().map(|&(a, b)| f(a, b)).collect();
        let sums: Vec<f64> = map(&|a, b| (a + b) * root);
        let differences: Vec<f64> = map(&|a, b| (a - b) * root);
        let radii: Vec<f64> = map(&|a, b| libm::exp(-0.5 * (a * a + b * b)));
        samples.push((format!("sum with {relation}"), sums, standard_normal_cdf));
        samples.push((format!("difference from {relation}"), differences, standard_normal_cdf));
        samples.push((format!("radius with {relation}"), radii, uniform_cdf));
    }
    Ok(conclude((LAW, name), budget, samples))
}
