//! The annealed samplers: AIS \[Neal01\] and SMC \[DelMoral06\].
//!
//! ```text
//! x ~ rho, log w = log p_L(x) - log rho(x)
//! for s = L-1, .., 0:
//!     cross the bridge s+1 -> s:    log w += log_work
//!     SMC, if ESS < threshold N:    log Z += log mean w, resample, log w = 0
//!     run the kernel at level s
//! log Z += log mean w
//! ```
//!
//! `Z` is estimated without bias when bridges and step sizes are fixed beforehand.

use amc_core::bridge::FaultCounts;
use amc_core::point::Evaluations;
use amc_core::rng::{Key, Phase, Purpose};
use amc_core::weight::{
    Evidence, Resampling, conditional_effective_sample_size, effective_sample_size, log_mean_exp,
};

use serde::{Deserialize, Serialize};

use super::kept::{KeptEvaluations, KeptEvidence, KeptFaultCounts, keep, resumed, stage};
use super::population::{Direction, PassReport, Remains};
use super::step_size::updated_online;
use super::{
    Annealing, LevelRecord, Observer, Population, Progress, SamplerError, Snapshot, StepSizes,
    Tuning, Unkept, WeightedSample,
};

/// When and how SMC resamples.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ResamplingRule {
    /// The scheme.
    pub scheme: Resampling,
    /// Resample when the effective sample size falls below this fraction of `N`.
    pub threshold: f64,
}

/// What an annealed run produced.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct AnnealedOutcome {
    /// The particles at the target.
    pub sample: WeightedSample,
    /// Index of each particle's ancestor in the first generation, `[N]`.
    pub families: Vec<usize>,
    /// `log Z` and its standard error.
    #[serde(with = "KeptEvidence")]
    pub evidence: Evidence,
    /// Effective sample size of the final weights, as a fraction of `N`.
    pub ess: f64,
    /// First-generation particles that still have descendants.
    pub surviving_families: usize,
    /// Levels `L - 1` down to 0.
    pub levels: Vec<LevelRecord>,
    /// The first particles at some of the levels, noisiest first.
    pub snapshots: Vec<Snapshot>,
    /// Evaluations of the run, without the pilot.
    #[serde(with = "KeptEvaluations")]
    pub evaluations: Evaluations,
    /// Mean acceptance probability over all kernel steps.
    pub acceptance_rate: Option<f64>,
    /// Proposals and weights that were not finite numbers.
    pub non_finite: u64,
    /// What deterministic maps failed at.
    #[serde(with = "KeptFaultCounts")]
    pub faults: FaultCounts,
    /// What truncation of determinants may move `log Z` by: the mean bound of each level, summed.
    pub truncation: f64,
}

/// What a run from target to reference found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ReverseOutcome {
    /// Estimate of `log Z`, too high on average, and its standard error.
    #[serde(with = "KeptEvidence")]
    pub evidence: Evidence,
    /// Effective sample size of the final weights, as a fraction of `N`.
    pub ess: f64,
    /// First-generation particles that still have descendants.
    pub surviving_families: usize,
    /// Evaluations of the run.
    #[serde(with = "KeptEvaluations")]
    pub evaluations: Evaluations,
    /// Proposals and weights that were not finite numbers.
    pub non_finite: u64,
    /// What deterministic maps failed at.
    #[serde(with = "KeptFaultCounts")]
    pub faults: FaultCounts,
    /// What truncation of determinants may move `log Z` by: the mean bound of each level, summed.
    pub truncation: f64,
}

/// Runs `particles` particles down the levels; `resampling` is `None` for AIS.
///
/// # Errors
/// Those of the core; a population that lost all its weight.
pub fn anneal(
    problem: &Annealing<'_>,
    tuning: &Tuning,
    particles: usize,
    resampling: Option<ResamplingRule>,
    observer: &mut dyn Observer,
) -> Result<AnnealedOutcome, SamplerError> {
    stage(observer, ANNEAL, |observer| go_down(problem, tuning, particles, resampling, observer))
}

/// The names of the two stages.
const ANNEAL: &str = "anneal";
const REVERSE: &str = "reverse";

fn go_down(
    problem: &Annealing<'_>,
    tuning: &Tuning,
    particles: usize,
    resampling: Option<ResamplingRule>,
    observer: &mut dyn Observer,
) -> Result<AnnealedOutcome, SamplerError> {
    let steps = problem.steps();
    observer.begin(if resampling.is_some() { "smc" } else { "ais" }, steps);
    let phase = Phase::Production;
    let (mut run, mut population, left) = match resumed(observer, ANNEAL) {
        Some(moment) => Run::resumed(problem, tuning, phase, moment),
        None => {
            let (population, first) = Population::from_reference(problem, particles, phase)?;
            let mut run = Run::new(problem, tuning, phase, first);
            run.look_at(&population, steps);
            (run, population, steps)
        }
    };
    observer.skip(steps - left);
    let mut before = vec![0.0; particles];
    for level in (0..left).rev() {
        before.copy_from_slice(population.log_weights());
        run.cross(&mut population, level, Direction::Forward)?;
        let ess = effective_sample_size(population.log_weights()) / particles as f64;
        let conditional_ess = run.conditional_ess(&before, &population);
        let resampled = run.resample_if_poor(&mut population, level, ess, resampling)?;
        run.mix(&mut population, level)?;
        run.finish_level(level, ess, conditional_ess, resampled);
        run.look_at(&population, level);
        observer.level_done(Progress::Ess(ess));
        keep(observer, ANNEAL, || (&run.account, &population, level))?;
    }
    run.into_outcome(population)
}

/// Sends `particles` particles down the levels only to see what the bridges fail at, with streams of
/// their own; a particle that failed once is not counted again.
///
/// # Errors
/// Those of the core.
pub fn trial(
    problem: &Annealing<'_>,
    tuning: &Tuning,
    particles: usize,
) -> Result<(FaultCounts, Evaluations), SamplerError> {
    let phase = Phase::Study;
    let (mut population, first) = Population::from_reference(problem, particles, phase)?;
    let mut run = Run::new(problem, tuning, phase, first);
    for level in (0..problem.steps()).rev() {
        run.cross(&mut population, level, Direction::Forward)?;
        run.mix(&mut population, level)?;
    }
    Ok((run.account.faults, run.account.evaluations))
}

/// The same run from the other side: exact samples of the target go up the levels.
///
/// ```text
/// x ~ p_0, log w = 0
/// for s = 0, .., L-1:
///     run the kernel at level s
///     cross the bridge s -> s+1 backward:   log w -= log_work
///     SMC, if ESS < threshold N:            -log Z += log mean w, resample, log w = 0
/// log w -= log p_L(x) - log rho(x),         -log Z += log mean w
/// ```
///
/// `1/Z` is estimated without bias, so the estimate of `log Z` is too high on average, as that of
/// [`anneal`] is too low: together they bracket the truth (bidirectional Monte Carlo: Grosse,
/// Ghahramani & Adams 2015, arXiv 1511.02543). Bridges and step sizes are those of the forward run.
///
/// # Errors
/// As [`anneal`]; [`amc_core::error::Error::Unsupported`] where the target cannot be sampled exactly.
pub fn anneal_in_reverse(
    problem: &Annealing<'_>,
    tuning: &Tuning,
    particles: usize,
    resampling: Option<ResamplingRule>,
    observer: &mut dyn Observer,
) -> Result<ReverseOutcome, SamplerError> {
    stage(observer, REVERSE, |observer| {
        let size = (particles, Phase::Reverse);
        go_up(problem, tuning, size, resampling, observer, &mut |_, _| Ok(()))
    })
}

/// [`anneal_in_reverse`] with the streams of `phase`; `visit` sees the weighted population at every
/// level after its moves there, from the target up.
///
/// # Errors
/// Those of [`anneal_in_reverse`] and of `visit`.
pub fn ascend(
    problem: &Annealing<'_>,
    tuning: &Tuning,
    (particles, phase): (usize, Phase),
    resampling: Option<ResamplingRule>,
    observer: &mut dyn Observer,
    visit: &mut dyn FnMut(usize, &Population) -> Result<(), SamplerError>,
) -> Result<ReverseOutcome, SamplerError> {
    // What `visit` saw is not part of a checkpoint.
    let mut observer = Unkept(observer);
    go_up(problem, tuning, (particles, phase), resampling, &mut observer, visit)
}

fn go_up(
    problem: &Annealing<'_>,
    tuning: &Tuning,
    (particles, phase): (usize, Phase),
    resampling: Option<ResamplingRule>,
    observer: &mut dyn Observer,
    visit: &mut dyn FnMut(usize, &Population) -> Result<(), SamplerError>,
) -> Result<ReverseOutcome, SamplerError> {
    let steps = problem.steps();
    observer.begin("reverse", steps);
    let (mut run, mut population, done) = match resumed(observer, REVERSE) {
        Some(moment) => Run::resumed(problem, tuning, phase, moment),
        None => {
            let (population, first) = Population::from_target(problem, particles, phase)?;
            (Run::new(problem, tuning, phase, first), population, 0)
        }
    };
    observer.skip(done);
    for level in done..steps {
        run.mix(&mut population, level)?;
        visit(level, &population)?;
        run.cross(&mut population, level, Direction::Backward)?;
        let ess = effective_sample_size(population.log_weights()) / particles as f64;
        run.resample_if_poor(&mut population, level + 1, ess, resampling)?;
        observer.level_done(Progress::Ess(ess));
        keep(observer, REVERSE, || (&run.account, &population, level + 1))?;
    }
    visit(steps, &population)?;
    let last = population.weigh_reference(problem, -1.0)?;
    run.count(&last);
    let AnnealedOutcome {
        evidence,
        ess,
        surviving_families,
        evaluations,
        non_finite,
        faults,
        truncation,
        ..
    } = run.into_outcome(population)?;
    let evidence = Evidence { log_z: -evidence.log_z, ..evidence };
    Ok(ReverseOutcome {
        evidence,
        ess,
        surviving_families,
        evaluations,
        non_finite,
        faults,
        truncation,
    })
}

/// What a run has measured so far; a checkpoint holds it with the population.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Account {
    online_step_size: f64,
    /// Sum of the logs of the mean weights at which the population was resampled.
    log_z: f64,
    #[serde(with = "KeptEvaluations")]
    evaluations: Evaluations,
    non_finite: u64,
    #[serde(with = "KeptFaultCounts")]
    faults: FaultCounts,
    truncation: f64,
    levels: Vec<LevelRecord>,
    snapshots: Vec<Snapshot>,
}

/// The state of a run besides its population.
struct Run<'a> {
    problem: &'a Annealing<'a>,
    tuning: &'a Tuning,
    phase: Phase,
    account: Account,
    /// Normalized weights, written when they are needed.
    weights: Vec<f64>,
    /// Of the level in progress.
    acceptance: Option<f64>,
    step_size: Option<f64>,
    level_non_finite: u64,
}

impl<'a> Run<'a> {
    fn new(
        problem: &'a Annealing<'a>,
        tuning: &'a Tuning,
        phase: Phase,
        first: PassReport,
    ) -> Self {
        let online_step_size = match tuning.step_sizes {
            StepSizes::Online(initial) => initial,
            StepSizes::Frozen(_) => 1.0,
        };
        let PassReport { evaluations, non_finite, faults, truncation, .. } = first;
        let account = Account {
            online_step_size,
            evaluations,
            non_finite,
            faults,
            truncation,
            ..Account::default()
        };
        Self::with_account(problem, tuning, phase, account)
    }

    /// The run that left this checkpoint, its population and the level it stands at.
    fn resumed(
        problem: &'a Annealing<'a>,
        tuning: &'a Tuning,
        phase: Phase,
        (account, population, level): (Account, Population, usize),
    ) -> (Self, Population, usize) {
        (Self::with_account(problem, tuning, phase, account), population.with_room(), level)
    }

    fn with_account(
        problem: &'a Annealing<'a>,
        tuning: &'a Tuning,
        phase: Phase,
        account: Account,
    ) -> Self {
        let weights = Vec::new();
        let (acceptance, step_size, level_non_finite) = (None, None, 0);
        Self { problem, tuning, phase, account, weights, acceptance, step_size, level_non_finite }
    }

    fn key(&self, purpose: Purpose, level: usize) -> Key {
        self.problem.key(self.phase, purpose).level(level as u64)
    }

    fn count(&mut self, report: &PassReport) {
        self.account.evaluations.add(&report.evaluations, 1);
        self.account.non_finite += report.non_finite;
        self.account.faults.add(&report.faults);
        self.account.truncation += report.truncation;
        self.level_non_finite += report.non_finite;
    }

    /// Crosses the bridge between level `clean` and the next noisier one.
    fn cross(
        &mut self,
        population: &mut Population,
        clean: usize,
        direction: Direction,
    ) -> Result<(), SamplerError> {
        let score = self.tuning.mean_square_scores.get(clean + 1).copied();
        let key = self.key(Purpose::Bridge, clean);
        let report = self
            .problem
            .with_bridge(clean, score, |bridge| population.cross(bridge, direction, key))?;
        self.count(&report);
        Ok(())
    }

    /// Resamples at this level if there is a rule that asks for it.
    fn resample_if_poor(
        &mut self,
        population: &mut Population,
        level: usize,
        ess: f64,
        rule: Option<ResamplingRule>,
    ) -> Result<bool, SamplerError> {
        let Some(rule) = rule.filter(|rule| ess < rule.threshold) else { return Ok(false) };
        self.weights.resize(population.particles(), 0.0);
        population.normalize(&mut self.weights, level, self.account.non_finite)?;
        self.account.log_z += log_mean_exp(population.log_weights());
        let key = self.key(Purpose::Resampling, level);
        population.resample(rule.scheme, &self.weights, key)?;
        Ok(true)
    }

    /// The conditional ESS of the last increment, as a fraction of `N`; 0 where it is undefined.
    fn conditional_ess(&self, before: &[f64], population: &Population) -> f64 {
        let after = population.log_weights();
        let increments: Vec<f64> = after
            .iter()
            .zip(before)
            .map(|(after, before)| if *before == f64::NEG_INFINITY { 0.0 } else { after - before })
            .collect();
        conditional_effective_sample_size(before, &increments)
            .map_or(0.0, |ess| ess / before.len() as f64)
    }

    /// The kernel steps of one level.
    fn mix(&mut self, population: &mut Population, level: usize) -> Result<(), SamplerError> {
        let Some(choice) = &self.problem.kernel else { return Ok(()) };
        let density = self.problem.levels[level].density();
        let key = self.key(Purpose::Kernel, level);
        // A stale score is recomputed once, if a bridge is still going to read it.
        let refresh =
            choice.kernel.leaves_score_stale() && level > 0 && self.problem.bridge.denoises();
        match &self.tuning.step_sizes {
            StepSizes::Frozen(step_sizes) => {
                let step_size = step_sizes[level];
                let kernel = choice.kernel.as_ref();
                let moves = (choice.steps, step_size);
                let report = population.mix(density, kernel, moves, refresh, key)?;
                self.count(&report);
                self.acceptance = Some(report.acceptance_rate);
                self.step_size = Some(step_size);
            }
            StepSizes::Online(_) => {
                let mut acceptance = 0.0;
                for step in 0..choice.steps {
                    let report = population.mix(
                        density,
                        choice.kernel.as_ref(),
                        (1, self.account.online_step_size),
                        refresh && step + 1 == choice.steps,
                        key.round(step as u64),
                    )?;
                    self.count(&report);
                    self.step_size = Some(self.account.online_step_size);
                    acceptance += report.acceptance_rate / choice.steps as f64;
                    self.account.online_step_size = updated_online(
                        self.account.online_step_size,
                        report.acceptance_rate,
                        choice.target_acceptance,
                    );
                }
                self.acceptance = Some(acceptance);
            }
        }
        Ok(())
    }

    fn finish_level(&mut self, level: usize, ess: f64, conditional_ess: f64, resampled: bool) {
        self.account.levels.push(LevelRecord {
            level,
            time: self.problem.times[level],
            ess,
            conditional_ess,
            resampled,
            acceptance_rate: self.acceptance.take(),
            step_size: self.step_size.take(),
            non_finite: std::mem::take(&mut self.level_non_finite),
        });
    }

    /// Keeps the first particles, if the level is one of those that are shown.
    fn look_at(&mut self, population: &Population, level: usize) {
        if Snapshot::is_wanted(level, self.problem.steps()) {
            let positions = population.first_positions(Snapshot::most_particles());
            let place = (level, self.problem.times[level]);
            let log_weights = population.log_weights();
            let snapshot = Snapshot::new(place, self.problem.dim(), positions, log_weights);
            self.account.snapshots.push(snapshot);
        }
    }

    fn into_outcome(mut self, population: Population) -> Result<AnnealedOutcome, SamplerError> {
        let particles = population.particles();
        let mut weights = std::mem::take(&mut self.weights);
        weights.resize(particles, 0.0);
        let log_sum = population.normalize(&mut weights, 0, self.account.non_finite)?;
        let log_z = self.account.log_z + log_sum - libm::log(particles as f64);
        let Remains { positions, mut log_weights, families } = population.into_remains();
        let mut totals = vec![0.0; particles];
        let evidence = Evidence::from_families(log_z, &weights, &families, &mut totals)?;
        let ess = effective_sample_size(&log_weights) / particles as f64;
        log_weights.iter_mut().for_each(|w| *w -= log_sum);
        let rates: Vec<f64> =
            self.account.levels.iter().filter_map(|l| l.acceptance_rate).collect();
        Ok(AnnealedOutcome {
            ess,
            sample: WeightedSample { positions, log_weights, weights },
            families,
            evidence,
            surviving_families: totals.iter().filter(|total| **total > 0.0).count(),
            evaluations: self.account.evaluations,
            acceptance_rate: (!rates.is_empty())
                .then(|| rates.iter().sum::<f64>() / rates.len() as f64),
            levels: self.account.levels,
            snapshots: self.account.snapshots,
            non_finite: self.account.non_finite,
            faults: self.account.faults,
            truncation: self.account.truncation,
        })
    }
}
