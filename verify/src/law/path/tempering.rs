//! Tempering levels are the geometric interpolation of their ends.
//!
//! `log p_beta = (1 - beta) log rho + beta log gamma` \[Neal01\], and so is the score.

use amc_core::density::Score;

use crate::law::particles::{Particles, Workspace};
use crate::oracle::ExactLaw;
use crate::{Budget, Verdict, VerifyError};

/// Largest error, relative to one plus the terms of the sum.
const TOLERANCE: f64 = 1e-13;
/// How far samples are pushed out.
const REGIONS: [f64; 2] = [1.0, 5.0];

/// A level with its ends.
#[derive(Clone, Copy)]
pub struct TemperingInstance<'a> {
    /// Name in verdicts.
    pub name: &'a str,
    /// The level.
    pub level: &'a dyn Score,
    /// `beta`.
    pub beta: f64,
    /// `rho`.
    pub reference: &'a dyn Score,
    /// `gamma`.
    pub target: &'a dyn Score,
    /// Where points are taken from, the level's own law or another.
    pub points: &'a dyn ExactLaw,
}

/// Log-density and score of the level are the weighted sums of those of its ends, at samples and further out, to 1e-13.
///
/// A pass excludes exchanged or squared weights, in the log-density alone, with the score, or in the score. The p-value
/// is 1 or 0.
///
/// # Errors
/// Those of the densities, `beta` outside `[0, 1]`, and an unusable budget.
pub fn tempering(
    instance: &TemperingInstance<'_>,
    budget: &Budget,
) -> Result<Verdict, VerifyError> {
    const LAW: &str = "path::tempering";
    budget.check()?;
    let TemperingInstance { level, beta, reference, target, points, .. } = *instance;
    VerifyError::check_range("beta", beta, 0.0, 1.0)?;
    let densities = [level, reference, target];
    let room = densities.iter().map(|density| density.scratch_len());
    let room = room.fold(points.scratch_len().max(points.density().scratch_len()), usize::max);
    let key = budget.key(LAW, instance.name);
    let mut workspace = Workspace::new(room, key.stream());
    let blocks = budget.blocks().min(256);
    let mut largest = 0.0_f64;
    let mut compare = |found: f64, rho: f64, gamma: f64| {
        // An end of weight zero is not asked, whatever it says there.
        let term = |weight: f64, value: f64| if weight == 0.0 { 0.0 } else { weight * value };
        let (rho, gamma) = (term(1.0 - beta, rho), term(beta, gamma));
        let size = 1.0 + libm::fabs(rho) + libm::fabs(gamma);
        let error = libm::fabs(found - (rho + gamma)) / size;
        largest = largest.max(if error.is_nan() { f64::INFINITY } else { error });
    };
    for block in 0..blocks {
        workspace.stream = key.block(block as u64).stream();
        let mut own = Particles::new(level.dim());
        workspace.sample(points, &mut own)?;
        let places = own.x.clone();
        for region in REGIONS {
            for (x, &place) in own.x.iter_mut().zip(&places) {
                *x = place * region;
            }
            let (mut rho, mut gamma) = (own.clone(), own.clone());
            workspace.evaluate(level, &mut own)?;
            workspace.evaluate(reference, &mut rho)?;
            workspace.evaluate(target, &mut gamma)?;
            let alone = workspace.log_density(level, &own)?.to_array();
            for lane in 0..8 {
                let (own, rho, gamma) = (own.lane(lane), rho.lane(lane), gamma.lane(lane));
                compare(own.log_density, rho.log_density, gamma.log_density);
                compare(alone[lane], rho.log_density, gamma.log_density);
                for (s, (r, g)) in own.score.iter().zip(rho.score.iter().zip(&gamma.score)) {
                    compare(*s, *r, *g);
                }
            }
        }
    }
    let p_value = if largest <= TOLERANCE { 1.0 } else { 0.0 };
    let detail = format!("largest relative error {largest:.1e}");
    let samples = 8 * blocks * REGIONS.len();
    Ok(Verdict::from_p_value((LAW, instance.name), budget, samples, p_value, detail))
}
