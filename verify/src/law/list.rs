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
        "a bias of an expected count beyond 0.02 at 1e5 draws",
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
];

/// The law of this name.
pub fn find(name: &str) -> Option<&'static Law> {
    ALL.iter().find(|law| law.name == name)
}
