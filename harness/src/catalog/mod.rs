//! The one list of everything that can be chosen by name.
//!
//! The names of the configuration file, `amc list`, the suggestions in error messages and the
//! tables of the documentation all come from here. Adding a bridge, kernel or metric is a new
//! file plus one line in this list; the compiler then points at each `match` that must learn it.
//!
//! Symbols: `p_t` the density at level `t`, `s < t` the cleaner of two neighbouring levels,
//! `S = grad log p_t`, `H` its Hessian; `a = alpha_t/alpha_s` and `v = sigma_t^2 - a^2 sigma_s^2`
//! describe the noising step `s -> t`, whose posterior has mean `m = (x + v S)/a`.

mod core_types;
mod room;

pub use room::{Choice, Entry, Room, nearest};

room::rooms! {
    "target", "What is sampled: the density at level 0." => TargetKind {
        TwoModes = "two-modes": "Two Gaussians of weights 2/3 and 1/3, at -separation and +separation in every coordinate.",
        ManyModes = "many-modes": "K Gaussians, weights spread over a factor of 3, means uniform on [-K, K]^d.",
        Gmm40 = "gmm40": "40 equally weighted Gaussians, means uniform on [-40, 40]^d.",
        File = "file": "Any Gaussian mixture, read from a JSON file.",
        SharedLibrary = "shared-library": "A density compiled by other tools: a library with the C interface of BridgeStan 2.",
    }
    "standardize", "How the target is centred and scaled before it is sampled." => Standardize {
        Diagonal = "diagonal": "Subtract the mean, divide each coordinate by its own standard deviation.",
        Scalar = "scalar": "Subtract the mean, divide all coordinates by one standard deviation.",
        None = "none": "Leave the target as it is.",
    }
    "conditioning", "How unequal the variances inside each mode of two-modes are." => Conditioning {
        None = "none": "The same variance 0.05 in every coordinate.",
        Medium = "medium": "Variances from 0.005 to 0.05, equally spaced in the logarithm.",
        Hard = "hard": "Variances from 0.0005 to 0.05, equally spaced in the logarithm.",
    }
    "path", "The family of densities between the reference (t = 1) and the target (t = 0)." => PathKind {
        Diffusion = "diffusion": "The law of alpha_t X_0 + sigma_t noise: modes keep their weights and merge as t grows.",
        Tempering = "tempering": "The geometric mean rho^(1-beta) gamma^beta of reference and target, with beta = 1 - t.",
    }
    "noise-schedule", "How much signal alpha_t and noise sigma_t a diffusion path has at time t." => NoiseScheduleKind {
        VpLinear = "vp-linear": "Variance preserving, alpha_t = exp(-B/2) with B = beta_min t + (beta_max - beta_min) t^2/2.",
        VpCosine = "vp-cosine": "Variance preserving, alpha_t = cos(pi t/2) and sigma_t = sin(pi t/2).",
        Ve = "ve": "Variance exploding, alpha_t = 1 and sigma_t growing from sigma_min to sigma_max.",
    }
    "sigma-shape", "How sigma_t of the variance-exploding schedule grows with t." => SigmaShape {
        Geometric = "geometric": "Equal ratios, sigma_t = sigma_min (sigma_max/sigma_min)^t.",
        Rho7 = "rho-7": "Equal steps of the seventh root, sigma_t^(1/7) linear in t.",
    }
    "spacing", "Where the annealing levels stand on the path." => SpacingKind {
        Uniform = "uniform": "Equal steps of t.",
        LogSnr = "log-snr": "Equal steps of log(alpha_t^2/sigma_t^2): fine near the target.",
        Quadratic = "quadratic": "Squares of equal steps: of t on diffusion (fine near the target), of beta on tempering (reference).",
        Lambda = "lambda": "Equal steps of the communication barrier Lambda, measured before the run.",
        Adaptive = "adaptive": "As many levels as keep the conditional effective sample size of every step at `cess`.",
        List = "list": "The times that the field `times` lists.",
    }
    "barrier", "What spacing \"lambda\" measures the communication barrier by." => BarrierEstimator {
        Exact = "exact": "lambda(t) of the path, from exact samples of its levels (diffusion).",
        Smc = "smc": "lambda(t) of the path, from the weighted particles of an SMC run.",
        ReplicaExchange = "replica-exchange": "lambda(t) of the path, from samples of replica exchange at every level.",
        Rejections = "rejections": "Rounds of replica exchange until the bridge's own swaps reject equally often.",
        ExactRejections = "exact-rejections": "The same with every level sampled exactly instead of by the kernel (diffusion).",
    }
    "bridge", "How a particle moves from one level to the next cleaner one, and what weight that costs." => BridgeKind {
        Identity = "identity": "Stay in place, log w += log p_s(x) - log p_t(x): classical annealing.",
        ExponentialIntegrator = "exponential-integrator": "Reverse diffusion with a frozen score, N(x/a + e S, (v/a^2) I).",
        Ddpm = "ddpm": "The exact posterior mean with a fixed variance, N(m, v I).",
        IsotropicOptimal = "isotropic-optimal": "The exact posterior mean with the best single variance of the level, N(m, c I).",
        Diagonal = "diagonal": "The exact posterior mean and variances, N(m, diag C), C = (v/a^2)(I + v H).",
        SecondOrder = "second-order": "The exact posterior mean and covariance, N(m, C), C = (v/a^2)(I + v H).",
        LowRank = "low-rank": "Second order in a few Lanczos directions of the Hessian, isotropic in the rest.",
        FlowMap = "flow-map": "A deterministic step of the probability-flow ODE, y = T(x), weighted by |det J_T(x)|.",
        Exact = "exact": "The posterior itself, which for mixtures is a mixture: every weight stays 1, an oracle.",
    }
    "map", "The deterministic step that the flow-map bridge takes from t to s, in u = sigma/alpha." => FlowMapKind {
        PfEi = "pf-ei": "Exponential integrator with a frozen score, first order, exact for N(0, I).",
        Ddim = "ddim": "Frozen noise, first order: Euler in u, exact for a point mass.",
        Heun = "heun": "Trapezoid in u, second order: two scores a step.",
        ThirdOrder = "third-order": "Kutta's rule in u: three scores a step.",
        FourthOrder = "fourth-order": "The classical Runge-Kutta rule in u: four scores a step.",
    }
    "logdet", "How log|det J| of a map is found, from Hessian-vector products." => LogDetEstimator {
        Auto = "auto": "Dense where that takes fewer products than the estimate, lanczos-hutchpp elsewhere.",
        Dense = "dense": "Exactly, from d products and a dense factorization.",
        Structured = "structured": "Exactly, by the determinant lemma of a mixture's Hessian (maps of one stage).",
        PowerSeries = "power-series": "n_trunc terms of the series of log(1 + M), n_hutch Hutchinson probes.",
        HutchPlusPlus = "hutchpp": "The same series, a third of the probes spent on the range of the matrix.",
        RecentredHutchPlusPlus = "recentred-hutchpp": "Hutch++ on the series about the middle of the spectrum: always converges.",
        Lanczos = "lanczos": "Stochastic Lanczos quadrature, n_trunc steps for each of n_hutch probes.",
        LanczosHutchPlusPlus = "lanczos-hutchpp": "Hutch++ with the logarithm applied by n_trunc Lanczos steps.",
    }
    "probes", "The law of the probe vectors of an estimated determinant." => ProbeKind {
        Rademacher = "rademacher": "Independent signs: the least variance.",
        Gaussian = "gaussian": "Standard normals.",
    }
    "penalty", "How the noise of an estimated determinant is kept from biasing weights and swaps." => PenaltyKind {
        ClosedForm = "closed-form": "exp(-u_B) = 0F1(; nu/2; -nu chi2/4): exact for Gaussian noise of unknown variance.",
        Series = "series": "The first three terms of u_B in chi2.",
        None = "none": "Nothing: exp of the estimate is too large by exp(chi2/2) on average.",
    }
    "bridge-variance", "Which variance the ddpm bridge uses." => BridgeVariance {
        Noise = "noise": "v, the variance of the noising step.",
        Scaled = "scaled": "v/a^2, the largest the posterior's can be on average.",
        Posterior = "posterior": "v sigma_s^2/sigma_t^2, the smallest it can be; 0 on the step to level 0.",
    }
    "kernel", "The Markov kernel that leaves one level invariant and runs after each move." => KernelKind {
        None = "none": "No moves inside a level.",
        Rwm = "rwm": "Random-walk Metropolis: propose N(x, h^2 I), needs no score.",
        Mala = "mala": "Metropolis-adjusted Langevin: propose N(x + h S, 2h I).",
        Hmc = "hmc": "Hamiltonian Monte Carlo: leapfrog trajectories of a jittered number of steps.",
    }
    "adaptation", "When the kernel's step sizes are tuned to the wanted acceptance rate." => Adaptation {
        Frozen = "frozen": "In a pilot run; the run itself keeps them, so its weights are exactly unbiased.",
        Online = "online": "During the run, from the whole population: no pilot, consistent but not unbiased.",
    }
    "source", "Where the log-density or the score of the noisy levels comes from; level 0 is always the target." => Source {
        Exact = "exact": "From the target: the diffused mixture in closed form.",
        Learned = "learned": "From a trained model (model.file).",
    }
    "network", "What a trained model is." => NetworkKind {
        Energy = "energy": "An energy: log-density, its exact gradient as score, and Hessian-vector products.",
        Score = "score": "A score by itself: half the cost, no density, no Hessian.",
    }
    "score-loss", "What the score of a model is trained on." => ScoreLossKind {
        Denoising = "denoising": "Denoising score matching, -eps/sigma: samples are enough.",
        Target = "target": "Target score matching, grad log gamma(x_0)/alpha: needs the target's score.",
        Mixed = "mixed": "The mean of both whose noise is least at every level: needs the target's score.",
    }
    "classification", "What fixes a model's weights of separated modes, which score matching cannot see (DiffCLF)." => ClassificationKind {
        None = "none": "Nothing: score matching alone.",
        BiLevel = "bi-level": "Which of two noise levels a point came from.",
        MultiLevel = "multi-level": "Which of several noise levels a point came from.",
    }
    "noise-levels", "Which noise levels a model is trained at." => NoiseLevels {
        Continuous = "continuous": "All between path.t_min and path.t_max, uniform in the log-SNR.",
        Levels = "levels": "Those of path.levels and path.spacing alone.",
    }
    "preset", "How long a model is trained." => TrainingPreset {
        Short = "short": "About a minute on two cores.",
        Full = "full": "500 epochs a stage: minutes.",
    }
    "precision", "The numbers that a network computes with inside samplers; log-weights are always f64." => Precision {
        F32 = "f32": "Single precision: as trained, four times as fast as f64 or more.",
        F64 = "f64": "Double precision.",
    }
    "sampler", "How particles and weights are carried down the levels." => SamplerKind {
        Ais = "ais": "Annealed importance sampling: independent particles, weights multiplied to the end.",
        Smc = "smc": "Sequential Monte Carlo: resamples whenever the effective sample size falls too low.",
        ReplicaExchange = "replica-exchange": "All levels at once: kernels explore them, neighbours swap states through the bridge.",
    }
    "start", "Where the ladders of replica exchange start." => LadderStart {
        Reference = "reference": "Independent draws of the reference at every level: the run has to find the modes itself.",
        Descent = "descent": "One descent of each ladder from the reference through the bridges, as one AIS particle.",
    }
    "swap", "Which pairs of neighbouring levels a round of replica exchange swaps." => SwapOrder {
        EvenOdd = "even-odd": "Even and odd pairs in turn: non-reversible, round trips do not slow down with the levels.",
        Stochastic = "stochastic": "Even or odd pairs by the toss of a coin: reversible, a diffusion along the ladder.",
    }
    "resampling", "How SMC draws the offspring of weighted particles." => ResamplingScheme {
        Multinomial = "multinomial": "Independent draws: the most noise.",
        Stratified = "stratified": "One uniform draw in each of N equal strata.",
        Systematic = "systematic": "One uniform draw shared by all N strata.",
        Residual = "residual": "floor(N W) copies each, the remainder drawn independently.",
        Ssp = "ssp": "Srinivasan sampling: floor(N W) or floor(N W) + 1 copies each, negatively associated.",
    }
    "metric", "What a run is judged by." => Metric {
        LogZ = "log-z": "Log of the mean weight with its standard error; the truth is 0 for every benchmark target.",
        EffectiveSampleSize = "effective-sample-size": "(sum W)^2 / sum W^2 as a fraction of N: 1 when all weights agree.",
        ModeWeightError = "mode-weight-error": "Total variation between estimated and true mode weights.",
        RarestModeError = "rarest-mode-error": "Relative error of the weight of the rarest mode.",
        SlicedWasserstein = "sliced-wasserstein": "Wasserstein distance over seeded 1-D projections, next to its noise floor.",
        MaximumMeanDiscrepancy = "maximum-mean-discrepancy": "Distance of kernel mean embeddings to exact samples.",
        KolmogorovSmirnov = "kolmogorov-smirnov": "Largest gap between distribution functions, the worst coordinate.",
        AcceptanceRate = "acceptance-rate": "Share of accepted proposals of the kernel.",
        RejectionRate = "rejection-rate": "Share of rejected swaps between neighbouring levels, pair by pair.",
        RoundTripRate = "round-trip-rate": "Journeys reference, target, reference per ladder and round, beside the prediction.",
        Evaluations = "evaluations": "Numbers of density, score and Hessian-vector evaluations: the cost.",
    }
    "check", "What makes a run suspect; each check names its value, its limit and a remedy." => Check {
        LargestWeight = "largest-weight": "One particle holds a large share of the final weight.",
        ParetoK = "pareto-k": "The largest weights fall off like a Pareto law without a usable mean, k > 0.7.",
        EffectiveSampleSize = "effective-sample-size": "(sum W)^2 / sum W^2 is worth too few particles.",
        Ancestors = "ancestors": "Too few initial particles still have descendants.",
        Sandwich = "sandwich": "log Z from the reference and from exact samples disagree, or are too noisy to compare.",
        ModeWeights = "mode-weights": "Mode weights of the run and of exact samples disagree, or cannot be compared.",
        RoundTrips = "round-trips": "More than half of the ladders never went from the reference to the target and back.",
        Rejection = "rejection": "Two neighbouring levels reject nearly all of their swaps.",
        SteppingStones = "stepping-stones": "log Z of the ladders differs between stepping stones up and down.",
        Repetitions = "repetitions": "Independent repetitions disagree on mode weights or log Z beyond their errors.",
        Fold = "fold": "A deterministic map is not one-to-one where particles go: weights count too much or too little.",
        Truncation = "truncation": "Truncated log-determinants may move log Z by more than its error.",
        StepSize = "step-size": "The kernel's acceptance is far from the one its pilot aimed at.",
        NonFinite = "non-finite": "More than one in ten thousand proposals or weights is not a finite number.",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    /// Fails when a value's name does not lead back to it, so it could not be chosen.
    #[test]
    fn names_lead_back_to_their_values() {
        fn check<C: Choice>() {
            assert_eq!(C::ALL.len(), C::ROOM.entries.len());
            for (&value, entry) in C::ALL.iter().zip(C::ROOM.entries) {
                assert_eq!(value.name(), entry.name);
                assert_eq!(C::from_name(entry.name), Some(value));
            }
            assert_eq!(C::from_name(""), None);
        }
        check::<TargetKind>();
        check::<BridgeKind>();
        check::<SpacingKind>();
        check::<Metric>();
    }

    /// Fails when a name is listed twice, a summary is empty, too long for one line of
    /// `amc list`, or lacks its full stop.
    #[test]
    fn every_entry_reads_well_on_one_line() {
        let mut rooms_seen = BTreeSet::new();
        for room in rooms() {
            assert!(rooms_seen.insert(room.name), "room {} is listed twice", room.name);
            let mut names = BTreeSet::new();
            for entry in room.entries {
                assert!(names.insert(entry.name), "{}/{} twice", room.name, entry.name);
                assert!(entry.summary.ends_with('.'), "{}/{}", room.name, entry.name);
                assert!(entry.summary.len() <= 100, "{}/{}", room.name, entry.name);
                assert!(
                    entry
                        .name
                        .bytes()
                        .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'),
                    "{} is not kebab-case",
                    entry.name
                );
            }
        }
    }

    /// Fails when a name is printed or serialized as anything but its name.
    #[test]
    fn display_pads_and_serialization_gives_the_name() {
        assert_eq!(format!("{:>8}", KernelKind::Hmc), "     hmc");
        let written = toml::Value::try_from(BridgeKind::IsotropicOptimal);
        assert_eq!(written, Ok(toml::Value::from("isotropic-optimal")));
    }
}
