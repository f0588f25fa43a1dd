//! A Gaussian mixture, perhaps noised, ready to be evaluated at a caller's points.
//!
//! `p(x) = sum_k w_k N(x; alpha mu_k, alpha^2 Sigma_k + v I)`; `alpha = 1`, `v = 0` is the mixture itself.

use amc_core::density::{HessianProduct, LogDensity, MixtureLevel, Score};
use amc_core::error::Error;
use amc_core::path::NoiseSchedule;
use amc_core::rng::{Key, Purpose};
use amc_core::scratch::Scratch;
use amc_core::simd::{LANES, f64x8};
use self_cell::{MutBorrow, self_cell};

use super::{EmbedError, Points, PointsMut};
use crate::mixture::OwnedMixture;
use crate::target::MixtureParameters;

/// Blocks that are evaluated in one call: 128 points, whose vectors stay in the first caches.
const BLOCKS: usize = 16;

struct Owner {
    mixture: OwnedMixture,
    storage: MutBorrow<Vec<f64>>,
}

self_cell!(
    struct Prepared {
        owner: Owner,
        #[covariant]
        dependent: MixtureLevel,
    }
);

/// A mixture at one noise level. It owns its numbers, has no state, and may be read by many threads at once.
pub struct MixtureDensity {
    prepared: Prepared,
}

impl std::fmt::Debug for MixtureDensity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let level = self.level();
        f.debug_struct("MixtureDensity")
            .field("parameters", self.parameters())
            .field("alpha", &level.alpha())
            .field("variance", &level.variance())
            .finish()
    }
}

impl MixtureDensity {
    /// The mixture itself.
    ///
    /// # Errors
    /// [`EmbedError::Mixture`] for weights, means or covariances that define none.
    pub fn new(parameters: MixtureParameters) -> Result<Self, EmbedError> {
        Self::noised(parameters, 1.0, 0.0)
    }

    /// The law of `alpha x + sqrt(variance) z`, `z` a standard normal.
    ///
    /// # Errors
    /// As [`MixtureDensity::new`]; `alpha` or `variance` out of range.
    pub fn noised(
        parameters: MixtureParameters,
        alpha: f64,
        variance: f64,
    ) -> Result<Self, EmbedError> {
        let what = parameters.name.clone();
        let refused = |source: Error| EmbedError::Mixture { what: what.clone(), source };
        let mixture = OwnedMixture::new(parameters).map_err(refused)?;
        let storage = MutBorrow::new(mixture.level_storage());
        let prepared = Prepared::try_new(Owner { mixture, storage }, |owner| {
            MixtureLevel::prepare(
                &owner.mixture.view(),
                alpha,
                variance,
                owner.storage.borrow_mut().as_mut_slice(),
            )
        })
        .map_err(refused)?;
        Ok(Self { prepared })
    }

    /// The mixture at time `t` of a noise schedule.
    ///
    /// # Errors
    /// As [`MixtureDensity::new`]; a time outside `[0, 1]`, or one that leaves no signal.
    pub fn at(
        parameters: MixtureParameters,
        schedule: &NoiseSchedule,
        t: f64,
    ) -> Result<Self, EmbedError> {
        if !(0.0..=1.0).contains(&t) {
            let message = format!("{t} lies outside [0, 1], the times of a noise schedule");
            return Err(EmbedError::Argument { name: "t", message });
        }
        Self::noised(parameters, schedule.alpha(t), schedule.variance(t))
    }

    /// The dimension `d`.
    pub fn dim(&self) -> usize {
        self.parameters().dim
    }

    /// The number of components `K`.
    pub fn components(&self) -> usize {
        self.parameters().components()
    }

    /// The parameters of the mixture without noise.
    pub fn parameters(&self) -> &MixtureParameters {
        self.prepared.borrow_owner().mixture.parameters()
    }

    /// The core's view of it.
    pub fn level(&self) -> &MixtureLevel<'_> {
        self.prepared.borrow_dependent()
    }

    /// `log p(x)` of every point, `[N]`.
    ///
    /// # Errors
    /// [`EmbedError::Shape`] for other dimensions or lengths; [`EmbedError::NotFinite`] for a point that is none.
    pub fn log_densities(
        &self,
        x: Points<'_>,
        log_densities: &mut [f64],
    ) -> Result<(), EmbedError> {
        self.check("x", &x)?;
        check_outputs("log_densities", x.count(), log_densities.len())?;
        let level = self.level();
        let mut room = Room::new(self.dim(), x.count(), level.scratch_len());
        for (first, outputs) in (0..).step_by(BLOCKS).zip(log_densities.chunks_mut(BLOCKS * LANES))
        {
            let Team { x: block, log_densities, scratch, .. } = room.team(outputs.len());
            x.gather(first, block).map_err(core)?;
            level.log_densities(block, log_densities, scratch).map_err(core)?;
            write_log_densities(log_densities, outputs, &x, first)?;
        }
        Ok(())
    }

    /// `log p(x)` `[N]` and its gradient `[N x d]`.
    ///
    /// # Errors
    /// As [`MixtureDensity::log_densities`].
    pub fn scores(
        &self,
        x: Points<'_>,
        log_densities: &mut [f64],
        mut scores: PointsMut<'_>,
    ) -> Result<(), EmbedError> {
        self.check("x", &x)?;
        check_outputs("log_densities", x.count(), log_densities.len())?;
        self.check_output("scores", x.count(), &scores)?;
        let level = self.level();
        let mut room = Room::new(self.dim(), x.count(), level.scratch_len());
        for (first, outputs) in (0..).step_by(BLOCKS).zip(log_densities.chunks_mut(BLOCKS * LANES))
        {
            let Team { x: block, out, log_densities, scratch, .. } = room.team(outputs.len());
            x.gather(first, block).map_err(core)?;
            level.log_densities_and_scores(block, out, log_densities, scratch).map_err(core)?;
            write_log_densities(log_densities, outputs, &x, first)?;
            scores.scatter(first, out).map_err(core)?;
        }
        Ok(())
    }

    /// `H(x) v` of every point, `[N x d]`, `H` the Hessian of `log p`.
    ///
    /// # Errors
    /// As [`MixtureDensity::log_densities`], for `v` as for `x`.
    pub fn hessian_products(
        &self,
        x: Points<'_>,
        v: Points<'_>,
        mut out: PointsMut<'_>,
    ) -> Result<(), EmbedError> {
        self.check("x", &x)?;
        self.check("v", &v)?;
        if v.count() != x.count() {
            let message = format!("v holds {} points, and x {}", v.count(), x.count());
            return Err(EmbedError::Shape { message });
        }
        self.check_output("out", x.count(), &out)?;
        refuse_not_finite("x", &x, 0, x.count())?;
        refuse_not_finite("v", &v, 0, v.count())?;
        let (level, d) = (self.level(), self.dim());
        let mut block = vec![f64x8::ZERO; 3 * d];
        let mut memory = vec![f64x8::ZERO; level.hessian_scratch_len()];
        let (block, product) = block.split_at_mut(2 * d);
        let (at, direction) = block.split_at_mut(d);
        for index in 0..x.count().div_ceil(LANES) {
            x.gather(index, at).map_err(core)?;
            v.gather(index, direction).map_err(core)?;
            let scratch = Scratch::new(&mut memory);
            level.hessian_product(at, direction, product, scratch).map_err(core)?;
            out.scatter(index, product).map_err(core)?;
        }
        Ok(())
    }

    /// Exact samples; the same seed gives the same.
    ///
    /// # Errors
    /// [`EmbedError::Shape`] for another dimension.
    pub fn sample(&self, seed: u64, mut out: PointsMut<'_>) -> Result<(), EmbedError> {
        self.check_output("out", out.count(), &out)?;
        let level = self.level();
        let key = Key::new(seed, Purpose::TargetSample);
        let mut x = vec![f64x8::ZERO; self.dim()];
        let mut memory = vec![f64x8::ZERO; level.scratch_len()];
        for block in 0..out.count().div_ceil(LANES) {
            let mut stream = key.block(block as u64).stream();
            level.sample(&mut x, &mut stream, Scratch::new(&mut memory)).map_err(core)?;
            out.scatter(block, &x).map_err(core)?;
        }
        Ok(())
    }

    fn check(&self, name: &'static str, points: &Points<'_>) -> Result<(), EmbedError> {
        check_dim(name, self.dim(), points.dim())
    }

    fn check_output(
        &self,
        name: &'static str,
        count: usize,
        points: &PointsMut<'_>,
    ) -> Result<(), EmbedError> {
        check_dim(name, self.dim(), points.dim())?;
        check_outputs(name, count, points.count())
    }
}

/// Room for one team of blocks.
struct Room {
    dim: usize,
    x: Vec<f64x8>,
    out: Vec<f64x8>,
    log_densities: Vec<f64x8>,
    memory: Vec<f64x8>,
}

/// The room of the blocks at hand.
struct Team<'a> {
    x: &'a mut [f64x8],
    out: &'a mut [f64x8],
    log_densities: &'a mut [f64x8],
    scratch: Scratch<'a>,
}

impl Room {
    fn new(dim: usize, points: usize, scratch: usize) -> Self {
        let blocks = points.div_ceil(LANES).min(BLOCKS);
        let vectors = |count: usize| vec![f64x8::ZERO; count];
        Self {
            dim,
            x: vectors(blocks * dim),
            out: vectors(blocks * dim),
            log_densities: vectors(blocks),
            memory: vectors(scratch),
        }
    }

    fn team(&mut self, points: usize) -> Team<'_> {
        let blocks = points.div_ceil(LANES);
        Team {
            x: &mut self.x[..blocks * self.dim],
            out: &mut self.out[..blocks * self.dim],
            log_densities: &mut self.log_densities[..blocks],
            scratch: Scratch::new(&mut self.memory),
        }
    }
}

/// Hands out the log-densities of blocks `first ..`. A point that is no number shows in its own.
fn write_log_densities(
    blocks: &[f64x8],
    outputs: &mut [f64],
    x: &Points<'_>,
    first: usize,
) -> Result<(), EmbedError> {
    let mut finite = true;
    for (outputs, block) in outputs.chunks_mut(LANES).zip(blocks) {
        let block = &block.as_array()[..outputs.len()];
        outputs.copy_from_slice(block);
        finite &= block.iter().all(|value| value.is_finite());
    }
    if finite { Ok(()) } else { refuse_not_finite("x", x, first * LANES, outputs.len()) }
}

fn refuse_not_finite(
    name: &'static str,
    x: &Points<'_>,
    first: usize,
    count: usize,
) -> Result<(), EmbedError> {
    match x.not_finite(first, count) {
        Some((row, column, value)) => Err(EmbedError::NotFinite { name, row, column, value }),
        None => Ok(()),
    }
}

fn check_dim(name: &'static str, expected: usize, found: usize) -> Result<(), EmbedError> {
    if expected == found {
        return Ok(());
    }
    let message = format!("{name} has {found} coordinates, and the mixture {expected}");
    Err(EmbedError::Shape { message })
}

fn check_outputs(name: &'static str, expected: usize, found: usize) -> Result<(), EmbedError> {
    if expected == found {
        return Ok(());
    }
    let message = format!("{name} has room for {found} points, and x holds {expected}");
    Err(EmbedError::Shape { message })
}

/// What the core refuses although shapes were checked.
fn core(error: Error) -> EmbedError {
    EmbedError::Run(error.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::target::Covariance;

    fn mixture() -> MixtureParameters {
        MixtureParameters {
            name: "two".into(),
            dim: 2,
            weights: vec![0.25, 0.75],
            means: vec![-2.0, 0.0, 1.0, 3.0],
            covariance: Covariance::Isotropic(vec![0.5]),
            origin: String::new(),
        }
    }

    /// `log p` of the noised mixture by hand.
    fn by_hand(x: &[f64], alpha: f64, variance: f64) -> f64 {
        let v = alpha * alpha * 0.5 + variance;
        let term = |w: f64, m: [f64; 2]| {
            let q = (x[0] - alpha * m[0]).powi(2) + (x[1] - alpha * m[1]).powi(2);
            w / (2.0 * std::f64::consts::PI * v) * (-0.5 * q / v).exp()
        };
        (term(0.25, [-2.0, 0.0]) + term(0.75, [1.0, 3.0])).ln()
    }

    fn rows(count: usize) -> Vec<f64> {
        (0..2 * count).map(|i| 3.0 * (0.7 * i as f64).sin() + 0.01 * i as f64).collect()
    }

    /// Fails if a point is given the density, score or product of another, noise is left out, or a number of points
    /// that fills no block or several teams is handled otherwise than one.
    #[test]
    fn values_by_hand() {
        let schedule = NoiseSchedule::vp_linear(0.1, 20.0).unwrap();
        let (alpha, variance) = (schedule.alpha(0.3), schedule.variance(0.3));
        let density = MixtureDensity::at(mixture(), &schedule, 0.3).unwrap();
        for count in [0, 1, 8, 131, 300] {
            let x = rows(count);
            let (mut p, mut s) = (vec![0.0; count], vec![0.0; 2 * count]);
            let mut alone = p.clone();
            density.log_densities(Points::rows(&x, 2).unwrap(), &mut alone).unwrap();
            let scores = PointsMut::rows(&mut s, 2).unwrap();
            density.scores(Points::rows(&x, 2).unwrap(), &mut p, scores).unwrap();
            assert_eq!(p, alone);
            let v: Vec<f64> = x.iter().map(|x| 1.0 - x).collect();
            let mut products = vec![0.0; 2 * count];
            let (points, direction) = (Points::rows(&x, 2).unwrap(), Points::rows(&v, 2).unwrap());
            let out = PointsMut::rows(&mut products, 2).unwrap();
            density.hessian_products(points, direction, out).unwrap();
            for (i, x) in x.chunks(2).enumerate() {
                assert!((p[i] - by_hand(x, alpha, variance)).abs() < 1e-12);
                let v = &v[2 * i..][..2];
                for j in 0..2 {
                    let h = 1e-5;
                    let moved = |sign: f64| {
                        let mut y = [x[0], x[1]];
                        y[j] += sign * h;
                        by_hand(&y, alpha, variance)
                    };
                    let slope = (moved(1.0) - moved(-1.0)) / (2.0 * h);
                    assert!((s[2 * i + j] - slope).abs() < 1e-8, "{count} {i} {j}");
                }
                let along = |sign: f64| {
                    let y = [x[0] + sign * 1e-4 * v[0], x[1] + sign * 1e-4 * v[1]];
                    by_hand(&y, alpha, variance)
                };
                let bend = (along(1.0) - 2.0 * along(0.0) + along(-1.0)) / 1e-8;
                let form = v[0] * products[2 * i] + v[1] * products[2 * i + 1];
                assert!((form - bend).abs() < 1e-4 * (1.0 + bend.abs()), "{form} {bend}");
            }
        }
    }

    /// Fails if a point without a density goes unnoticed or is named wrongly, a far one is refused, or shapes that do
    /// not belong together pass.
    #[test]
    fn bad_points_are_named() {
        let density = MixtureDensity::new(mixture()).unwrap();
        let mut x = rows(200);
        let mut p = vec![0.0; 200];
        for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            x[2 * 150 + 1] = bad;
            let error = density.log_densities(Points::rows(&x, 2).unwrap(), &mut p).unwrap_err();
            assert!(matches!(error, EmbedError::NotFinite { row: 150, column: 1, .. }), "{error}");
        }
        x[2 * 150 + 1] = 1e200;
        density.log_densities(Points::rows(&x, 2).unwrap(), &mut p).unwrap();
        assert_eq!(p[150], f64::NEG_INFINITY);
        assert!(density.log_densities(Points::rows(&x, 4).unwrap(), &mut p[..100]).is_err());
        assert!(density.log_densities(Points::rows(&x, 2).unwrap(), &mut p[..199]).is_err());
        let schedule = NoiseSchedule::vp_cosine();
        for t in [-0.1, f64::NAN, 1.5] {
            assert!(MixtureDensity::at(mixture(), &schedule, t).is_err(), "{t}");
        }
        let negative = MixtureParameters { weights: vec![-0.25, 1.25], ..mixture() };
        assert!(MixtureDensity::new(negative).unwrap_err().to_string().contains("two: "));
    }

    /// Fails if samples are not those of the mixture (share of the first mode, its mean), depend on how many are
    /// drawn, or not on the seed.
    #[test]
    fn samples() {
        let density = MixtureDensity::new(mixture()).unwrap();
        let draw = |seed, count: usize| {
            let mut x = vec![0.0; 2 * count];
            density.sample(seed, PointsMut::rows(&mut x, 2).unwrap()).unwrap();
            x
        };
        let (x, fewer) = (draw(3, 20_000), draw(3, 77));
        assert_eq!(x[..154], fewer);
        assert_ne!(x[..154], draw(4, 77));
        let first: Vec<f64> = x.chunks(2).filter(|x| x[0] + x[1] < 1.0).map(|x| x[0]).collect();
        let share = first.len() as f64 / 20_000.0;
        assert!((share - 0.25).abs() < 0.015, "{share}");
        let mean = first.iter().sum::<f64>() / first.len() as f64;
        assert!((mean + 2.0).abs() < 0.05, "{mean}");
    }
}
