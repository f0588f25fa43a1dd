//! Wrong resampling schemes on any generator.

use amc_core::error::Result;
use amc_core::weight::Resampling;
use amc_verify::law::resampling::ChosenUniforms;
use rand_core::Rng;

/// What is wrong with the scheme.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum SchemeDefect {
    /// The points are `(m + u + 1e-6)/M`.
    Offset,
    /// The points are `(m + 1 - u^2)/M`.
    SquaredUniform,
    /// A particle of little weight hands its offspring to the next one.
    LightSkipped,
    /// One uniform serves all strata but the last, which stays at its middle.
    LastStratum,
    /// SSP that settles by `a/(a + b)` where the fractions exceed one.
    OneRule,
    /// Residual resampling whose remainders are drawn from the weights.
    RemaindersFromWeights,
    /// Systematic with the fractional point of a multinomial draw: right in the mean, wrong counts.
    Multinomial,
}

fn uniform(rng: &mut ChosenUniforms<'_>) -> f64 {
    ((rng.next_u64() >> 12) as f64 + 0.5) / (1_u64 << 52) as f64
}

fn invert(weights: &[f64], point: f64) -> usize {
    let target = point * weights.iter().sum::<f64>();
    let mut sum = 0.0;
    let found = weights.iter().position(|w| {
        sum += w;
        sum > target
    });
    found.unwrap_or_else(|| weights.iter().rposition(|&w| w > 0.0).unwrap())
}

fn floors(weights: &[f64], count: usize) -> (Vec<f64>, Vec<f64>) {
    let total: f64 = weights.iter().sum();
    let means = weights.iter().map(|w| count as f64 * w / total);
    means.map(|mean| (mean.floor(), mean - mean.floor())).unzip()
}

/// The ancestors of a scheme with this defect.
pub fn ancestors(
    defect: SchemeDefect,
    weights: &[f64],
    rng: &mut ChosenUniforms<'_>,
    ancestors: &mut [usize],
) -> Result<()> {
    let count = ancestors.len() as f64;
    match defect {
        SchemeDefect::Multinomial => Resampling::Multinomial.ancestors(weights, rng, ancestors)?,
        SchemeDefect::OneRule => one_rule(weights, rng, ancestors),
        SchemeDefect::RemaindersFromWeights => {
            let (floors, _) = floors(weights, ancestors.len());
            let copies = floors.iter().enumerate().flat_map(|(i, &f)| vec![i; f as usize]);
            let mut filled = 0;
            for (ancestor, i) in ancestors.iter_mut().zip(copies) {
                *ancestor = i;
                filled += 1;
            }
            for ancestor in &mut ancestors[filled..] {
                *ancestor = invert(weights, uniform(rng));
            }
        }
        _ => {
            let u = uniform(rng);
            let last = ancestors.len() - 1;
            for (m, ancestor) in ancestors.iter_mut().enumerate() {
                let within = match defect {
                    SchemeDefect::Offset => u + 1e-6,
                    SchemeDefect::SquaredUniform => 1.0 - u * u,
                    SchemeDefect::LastStratum if m == last => 0.5,
                    _ => u,
                };
                *ancestor = invert(weights, (m as f64 + within) / count);
                if defect == SchemeDefect::LightSkipped && weights[*ancestor] < 0.3 {
                    *ancestor = 3;
                }
            }
        }
    }
    Ok(())
}

fn one_rule(weights: &[f64], rng: &mut ChosenUniforms<'_>, ancestors: &mut [usize]) {
    let (mut counts, fractions) = floors(weights, ancestors.len());
    let mut open: Option<(usize, f64)> = None;
    for (i, &b) in fractions.iter().enumerate().filter(|(_, f)| **f > 0.0) {
        let Some((j, a)) = open else {
            open = Some((i, b));
            continue;
        };
        let (sum, first) = (a + b, uniform(rng) * (a + b) < a);
        let (winner, loser) = if first { (j, i) } else { (i, j) };
        open = if sum < 1.0 {
            Some((winner, sum))
        } else {
            counts[winner] += 1.0;
            Some((loser, sum - 1.0))
        };
    }
    let written: f64 = counts.iter().sum();
    if let Some((i, _)) = open
        && (written as usize) < ancestors.len()
    {
        counts[i] += 1.0;
    }
    let copies = counts.iter().enumerate().flat_map(|(i, &c)| vec![i; c as usize]);
    for (ancestor, i) in ancestors.iter_mut().zip(copies) {
        *ancestor = i;
    }
}
