//! The list of all laws: what each says, what a pass excludes, and whether chance has a part in it.

/// A law.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Law {
    /// Name in verdicts.
    pub name: &'static str,
    /// What a correct instance satisfies.
    pub statement: &'static str,
    /// What a pass excludes, with the size of the effect where samples decide it.
    pub excludes: &'static str,
    /// Whether a correct instance may be refuted by chance; if not, the law needs no share of a ledger.
    pub by_chance: bool,
}

const fn law(
    name: &'static str,
    by_chance: bool,
    statement: &'static str,
    excludes: &'static str,
) -> Law {
    Law { name, statement, excludes, by_chance }
}

/// Every law of this crate.
pub const ALL: &[Law] = &[
    law(
        "density::derivatives",
        false,
        "score, Hessian and products are derivatives of the log-density, in the bulk and in the tails",
        "a wrong sign, factor, index or term of any derivative",
    ),
    law(
        "density::normalization",
        false,
        "the integral of the density is the stated normalizer (d <= 3)",
        "wrong constants",
    ),
    law(
        "density::stein",
        true,
        "Stein's identities under finite shifts, scalings and shears",
        "a score of another law than the samples'",
    ),
    law(
        "path::coefficients",
        false,
        "steps compose; coefficients are derivatives and integrals of each other",
        "wrong formulas, lost digits",
    ),
    law(
        "path::noising",
        true,
        "exact samples of a level, noised, have the law of the noisier one",
        "wrong coefficients of a step or a level",
    ),
    law(
        "path::spacing",
        false,
        "levels lie at equal distances of their coordinate",
        "a misplaced level",
    ),
    law(
        "path::tempering",
        false,
        "levels are the geometric interpolation of their ends",
        "exchanged or wrong weights, in the log-density, the score or both",
    ),
    law(
        "bridge::pathwise",
        false,
        "forward, backward and log_work agree on every pair",
        "a density that is not that of the sampler's code path, beyond 1e-9; stale caches",
    ),
    law(
        "bridge::crooks",
        true,
        "Z_t E_fwd[e^W g] = Z_s E_rev[g] for bounded cuts g",
        "wrong constants, signs, variances, samplers that move a cut expectation by a few percent",
    ),
    law(
        "kernel::invariance",
        true,
        "exact start, ten steps, still exact",
        "another stationary law",
    ),
    law(
        "kernel::detailed_balance",
        true,
        "(x_0, x_1) is exchangeable at stationarity",
        "flows between half-spaces that a reversible kernel cannot have",
    ),
    law(
        "kernel::cache",
        false,
        "the cached (log p, S) are those of the state",
        "caches of a rejected proposal or of the state before, beyond 1e-9",
    ),
    law(
        "kernel::pointwise",
        true,
        "an accepted move reports min(1, p(y) q(y, x)/(p(x) q(x, y))), and decisions follow it",
        "a wrong ratio at any accepted move, beyond 1e-9, however rare",
    ),
    law(
        "kernel::transition",
        true,
        "accepted moves are proposals weighted with their acceptance",
        "proposals of another law; differences of 0.01 in a set's probability",
    ),
    law(
        "kernel::increments",
        true,
        "bare proposals on a linear log-density are Gaussian and independent",
        "a noise four percent off, shared noise, a wrong drift",
    ),
    law(
        "kernel::trajectory",
        false,
        "HMC follows the leapfrog written out",
        "wrong kicks, energies, lengths",
    ),
    law(
        "kernel::convergence",
        true,
        "a shifted start comes closer by half",
        "kernels that hardly move",
    ),
    law(
        "evidence::crooks",
        true,
        "the bridge law along a whole ladder",
        "weights that drop or double a stage, moves that do not leave their level invariant",
    ),
    law(
        "population::evidence",
        true,
        "E_fwd[Z_hat g] = Z E_cond[g] over whole populations, resampling included",
        "weights not reset, doubled or of a wrong step, biased resampling, moves at a wrong level",
    ),
    law(
        "error_bars::coverage",
        true,
        "log Z lies within its error bars at the stated rate",
        "bars too narrow or too wide by far, bias beyond them",
    ),
    law(
        "threads::invariance",
        false,
        "the same bits on any number of threads",
        "sums in the order of threads, streams of threads",
    ),
    law(
        "ladders::invariance",
        true,
        "ladders of replica exchange that start exactly stay exact at every level",
        "wrong swaps or moves at the level of a sampler",
    ),
    law(
        "swap::pathwise",
        false,
        "works, probabilities and caches are those of what a swap did",
        "partners out of step, stale caches, beyond 1e-9",
    ),
    law(
        "swap::invariance",
        true,
        "exact partners stay exact and independent",
        "a wrong ratio, proposals of another density",
    ),
    law(
        "free_energy::bridge_sampling",
        true,
        "bridge sampling on the works of swaps gives Z_s/Z_t",
        "exchanged, lost or conditioned works; log ratios off by some 0.05",
    ),
    law(
        "resampling::mean_offspring",
        true,
        "E[O_i] = M W_i, over many draws",
        "a bias of an expected count beyond 0.023 (one uniform) to 0.066 (multinomial)",
    ),
    law(
        "resampling::exact_mean_offspring",
        false,
        "E[O_i] = M W_i with the uniforms integrated out; bounds of the counts",
        "any bias at these weights beyond 1e-9 (1e-6: multinomial, residual)",
    ),
    law(
        "determinant::unbiased",
        true,
        "the mean of an estimate is log|det(I + M)|, over all lanes and in each",
        "wrong coefficients, weights, projections: means off by 0.002 at d = 8, 0.01 at d = 64",
    ),
    law(
        "determinant::penalty",
        true,
        "E[exp(-u_B)] = exp(-s^2/2) for normal noise of variance s^2",
        "another variance, another number of samples: exponentials off by 0.1 percent",
    ),
    law(
        "stream::uniforms",
        true,
        "uniform on (0, 1), neighbours independent",
        "wrong transforms, related streams or lanes",
    ),
    law(
        "stream::normals",
        true,
        "standard normal, neighbours independent",
        "wrong transforms, related streams or lanes",
    ),
    law(
        "stream::tails",
        true,
        "counts of normals beyond 3 to 6 standard deviations, and the extremes",
        "tails cut off or too heavy",
    ),
    law(
        "stream::lattice",
        true,
        "bits, cells of pairs and triples, integer combinations, lanes of uniforms",
        "missing or tied bits, planes, a lane of its own",
    ),
    law(
        "stream::keys",
        true,
        "streams of neighbouring keys, and of lags, are independent",
        "parts of a key left out or mixed up",
    ),
];

/// The law of this name.
pub fn find(name: &str) -> Option<&'static Law> {
    ALL.iter().find(|law| law.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fails if a law is listed twice, or the table of the module's documentation lacks one.
    #[test]
    fn laws_are_listed_once_and_documented() {
        let text = include_str!("mod.rs");
        for (i, law) in ALL.iter().enumerate() {
            assert!(ALL[..i].iter().all(|other| other.name != law.name), "{} twice", law.name);
            assert!(
                text.contains(&format!("[`{}`]", law.name)),
                "{} is not in the table",
                law.name
            );
        }
    }
}
