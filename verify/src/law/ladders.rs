//! The law of replica exchange: independent exact levels stay independent and exact, round after round.
//!
//! Swaps and moves leave the product `p_0 p_1 .. p_L` of the levels invariant \[Zhang25\], so a run that starts
//! from it is still there after any number of rounds. Levels are looked at through
//! `U_i = F_i(u . x_i)`, which the product makes uniform and independent; `independence.rs` says what is tested
//! of each pair of neighbours.

use rand_core::Rng;

use super::directions;
use super::independence::Finding;
use crate::bound::bonferroni;
use crate::oracle::ExactLaw;
use crate::{Budget, Verdict, VerifyError};

/// Ladders after their last round.
#[derive(Debug, Clone, PartialEq)]
pub struct LadderRun {
    /// By level, cleanest first: the states of all ladders, `[ladders x d]`, row-major.
    pub levels: Vec<Vec<f64>>,
    /// Mean acceptance of the swaps of each pair of levels.
    pub acceptance: Vec<f64>,
}

/// Runs so many independent ladders from a seed, from independent exact states at every level.
pub type LadderSampler<'a> = dyn Fn(u64, usize) -> Result<LadderRun, VerifyError> + 'a;

/// Acceptance of a pair outside of which its swaps decide nothing.
const ACCEPTANCE: (f64, f64) = (0.05, 0.999);

/// After its rounds every level has its law, and neighbouring levels are independent.
///
/// Along coordinate axes and fixed directions: Kolmogorov distances (Dvoretzky, Kiefer, Wolfowitz) of each
/// level and of sums and differences of neighbours, means of their products; Bonferroni over all. One sample of
/// the budget is one ladder; a pass at 1e5 of them excludes distances beyond about 0.011. Inconclusive
/// where some pair accepts less than 0.05 or more than 0.999 of its swaps, unless `always_accepts`.
///
/// # Errors
/// Those of the sampler; fewer than two levels, or other numbers of states than asked for; an unusable budget.
pub fn invariance(
    name: &str,
    sampler: &LadderSampler<'_>,
    (laws, always_accepts): (&[&dyn ExactLaw], bool),
    budget: &Budget,
) -> Result<Verdict, VerifyError> {
    const LAW: &str = "ladders::invariance";
    budget.check()?;
    VerifyError::check_samples("levels of a ladder", 2, laws.len())?;
    let mut stream = budget.key(LAW, name).stream();
    let ladders = 8 * budget.blocks();
    let run = sampler(stream.next_u64(), ladders)?;
    VerifyError::check_len("levels", laws.len(), run.levels.len())?;
    let (mut p_values, mut worst) = (Vec::new(), (f64::INFINITY, String::new()));
    for (clean, pair) in laws.windows(2).enumerate() {
        let [law_s, law_t] = [pair[0], pair[1]];
        let dim = law_s.density().dim();
        let [x_s, x_t] = [&run.levels[clean], &run.levels[clean + 1]];
        VerifyError::check_len("states of a level", ladders * dim, x_s.len())?;
        VerifyError::check_len("states of a level", ladders * dim, x_t.len())?;
        for (number, direction) in directions(dim).iter().enumerate() {
            let (v, u) = (uniforms(law_s, x_s, direction), uniforms(law_t, x_t, direction));
            for finding in Finding::joint(&u, &v)? {
                if finding.p_value < worst.0 {
                    let Finding { what, value, p_value } = finding;
                    let place = format!("levels {clean} and {}, direction {number}", clean + 1);
                    worst = (p_value, format!("{place}: {what} {value:.4}"));
                }
                p_values.push(finding.p_value);
            }
        }
    }
    let detail = format!("acceptance {:.2?}; {}", run.acceptance, worst.1);
    let p_value = bonferroni(&p_values);
    let verdict = Verdict::from_p_value((LAW, name), budget, ladders, p_value, detail);
    let (low, high) = ACCEPTANCE;
    let informative = |rate: &f64| *rate > low && (always_accepts || *rate < high);
    if verdict.passed() && !run.acceptance.iter().all(informative) {
        return Ok(verdict.without_premise(format!("acceptance not in ({low}, {high})")));
    }
    Ok(verdict)
}

/// `F(direction . x)` of every row.
fn uniforms(law: &dyn ExactLaw, rows: &[f64], direction: &[f64]) -> Vec<f64> {
    let cdf = law.projection_cdf(direction);
    let project = |row: &[f64]| row.iter().zip(direction).map(|(x, u)| x * u).sum();
    rows.chunks_exact(direction.len().max(1)).map(|row| cdf(project(row))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Conclusion;
    use crate::oracle::TemperedGaussian;
    use amc_core::rng::{Key, Purpose};
    use amc_core::scratch::Scratch;
    use amc_core::simd::f64x8;

    /// States of levels `picks`, each from the stream that `streams` names, as rows.
    fn run(laws: &[&dyn ExactLaw], picks: [usize; 3], streams: [u64; 3], seed: u64) -> LadderRun {
        let levels = picks.into_iter().zip(streams).map(|(pick, stream)| {
            let law = laws[pick];
            let mut stream = Key::new(seed, Purpose::User).level(stream).stream();
            let mut memory = vec![f64x8::ZERO; law.scratch_len()];
            let mut rows = Vec::new();
            for _ in 0..1000 {
                let mut x = vec![f64x8::ZERO; 3];
                law.sample(&mut x, &mut stream, Scratch::new(&mut memory)).unwrap();
                rows.extend((0..8).flat_map(|lane| x.iter().map(move |x| x.to_array()[lane])));
            }
            rows
        });
        LadderRun { levels: levels.collect(), acceptance: vec![0.5, 0.6] }
    }

    /// Fails if levels that hold their laws are refuted, or such pass that hold the law of another level or
    /// depend on their neighbours; if swaps that are never accepted count as proof.
    #[test]
    fn wrong_levels_are_seen() {
        TemperedGaussian::with_levels(&[0.9, 0.5, 0.1], |levels| {
            let laws: Vec<&dyn ExactLaw> = levels.iter().map(|law| law as &dyn ExactLaw).collect();
            let budget = Budget { false_positive: 1e-9, samples: 8000, seed: 6 };
            let verdict = |picks, streams, acceptance: Option<f64>| {
                let sampler = |seed, _| {
                    let mut found = run(&laws, picks, streams, seed);
                    found.acceptance[0] = acceptance.unwrap_or(0.5);
                    Ok(found)
                };
                invariance("ladders", &sampler, (&laws, false), &budget).unwrap().conclusion
            };
            assert_eq!(verdict([0, 1, 2], [0, 1, 2], None), Conclusion::Passed);
            for (picks, streams) in
                [([0, 0, 2], [0, 1, 2]), ([0, 2, 1], [0, 1, 2]), ([0, 1, 2], [0, 1, 1])]
            {
                let found = verdict(picks, streams, None);
                assert_eq!(found, Conclusion::Refuted, "{picks:?} {streams:?}");
            }
            for rate in [0.0, 1.0, f64::NAN] {
                let found = verdict([0, 1, 2], [0, 1, 2], Some(rate));
                assert_eq!(found, Conclusion::Inconclusive, "{rate}");
            }
        })
        .unwrap();
    }
}
