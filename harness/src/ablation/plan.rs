//! From a configuration and a subject to one checked configuration a value.

use std::path::Path;

use super::findings::{self, Findings};
use super::subject::{Setting, Subject};
use crate::catalog::{LogDetEstimator, SamplerKind};
use crate::config::{ConfigError, Override, RunConfig};
use crate::run::{Problem, RunError, Top, flow_choice};

/// Where the configuration comes from; see [`RunConfig::from_toml`].
#[derive(Debug, Clone, Copy)]
pub struct Source<'a> {
    /// The file's text.
    pub text: &'a str,
    /// Its name, for messages.
    pub name: &'a str,
    /// Where relative paths start.
    pub base_dir: &'a Path,
    /// What the command line replaces.
    pub overrides: &'a [Override],
}

/// The configuration with one value of the subject.
#[derive(Debug, Clone)]
pub struct Variant {
    /// The value.
    pub setting: Setting,
    /// The configuration.
    pub config: RunConfig,
}

/// An ablation in which everything has been checked.
pub struct Ablation {
    /// What is varied.
    pub subject: Subject,
    /// The configuration as given.
    pub config: RunConfig,
    /// What it samples.
    pub problem: Problem<'static>,
    /// Value by value; numbers increase.
    pub variants: Vec<Variant>,
    /// Default values that this configuration refuses, with the reason.
    pub left_out: Vec<String>,
    /// Seeds of the runs.
    pub seeds: Vec<u64>,
}

/// A piece of work that begins: one of `count`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// Pieces of the whole ablation.
    pub count: usize,
    /// What it is.
    pub name: String,
}

/// The argument that lists values.
const VALUES: &str = "--values";
/// Most values and most seeds.
const MOST_VALUES: usize = 64;
const MOST_SEEDS: usize = 1000;
/// Most coordinates of a dense determinant: half a gigabyte a thread.
const MOST_COORDINATES: usize = 2896;

impl Ablation {
    /// Checks everything that can be checked before any work. `values` is a list as in `"2,4,8"`; without
    /// it the subject's own values are taken, as far as the configuration allows them.
    ///
    /// # Errors
    /// A bridge that has no such setting, a subject that changes nothing, values that are refused.
    pub fn plan(
        subject: Subject,
        source: &Source<'_>,
        values: Option<&str>,
        seeds: usize,
    ) -> Result<Self, RunError> {
        if !(1..=MOST_SEEDS).contains(&seeds) {
            let message = format!("{seeds} is out of range; it must be from 1 to {MOST_SEEDS}");
            return Err(RunError::Argument { name: "--seeds", message });
        }
        // The run from the other side is not the subject.
        let one_side = Override::new(Some("sampler"), "both_sides", false);
        let with = |last: Option<Override>| {
            let given = source.overrides.iter().chain([&one_side]).cloned();
            let overrides: Vec<Override> = given.chain(last).collect();
            RunConfig::from_toml(source.text, source.name, source.base_dir, &overrides)
        };
        let config = with(None)?;
        refuse_other_bridges(subject, &config)?;
        let problem = Problem::new(&config)?;
        problem.require_mixture()?;
        let dim = problem.mixture.dim();
        let (section, key) = subject.field();
        let variant = |value: &str| {
            let set = Override::of_text(section, key, value).given_by(VALUES);
            let config = with(Some(set))?;
            problem.check_structure(&config)?;
            match subject.setting(&config) {
                Some(setting) => Ok(Variant { setting, config }),
                None => Err(no_such_setting(subject, &config)),
            }
        };
        let (mut variants, mut left_out) = (Vec::new(), Vec::new());
        match values {
            Some(list) => {
                for value in list.split(',') {
                    variants.push(variant(value)?);
                }
            }
            None => {
                for value in subject.default_values(&config, dim) {
                    match variant(&value) {
                        Ok(variant) => variants.push(variant),
                        Err(RunError::Config(reason)) => {
                            left_out.push(format!("{value} left out: {}", without_origin(&reason)));
                        }
                        Err(RunError::Argument { message, .. }) => {
                            left_out.push(format!("{value} left out: {message}"));
                        }
                        Err(other) => return Err(other),
                    }
                }
            }
        }
        sort_and_refuse_repetitions(&mut variants)?;
        let start = config.seed;
        let seeds = (0..seeds as u64).map(|k| start.wrapping_add(k)).collect();
        let plan = Self { subject, config, problem, variants, left_out, seeds };
        plan.refuse_idle()?;
        Ok(plan)
    }

    /// Whether the values change what runs find: an annealed run goes forward only and inverts nothing.
    pub fn needs_runs(&self) -> bool {
        let annealed = self.config.sampler.kind() != SamplerKind::ReplicaExchange;
        !(self.subject == Subject::NIter && annealed)
    }

    /// Measures everything, in the current rayon thread pool; `begin` is told of every piece of work. The
    /// result is the same for any number of threads, but for times.
    ///
    /// # Errors
    /// What stops a sampler, except the loss of all particles: that is a finding.
    pub fn measure(&self, begin: &mut dyn FnMut(Piece)) -> Result<Findings<'_>, RunError> {
        findings::measure(self, begin)
    }

    /// Refuses values that cannot make a difference.
    fn refuse_idle(&self) -> Result<(), RunError> {
        if !self.subject.is_about_determinants() {
            return Ok(());
        }
        let dim = self.problem.mixture.dim();
        if dim > MOST_COORDINATES {
            let message = format!(
                "{dim} coordinates are too many for the exact determinants that estimates are \
                 compared with; use at most {MOST_COORDINATES}"
            );
            return Err(RunError::Argument { name: "target.dim", message });
        }
        let of_estimate =
            matches!(self.subject, Subject::NTrunc | Subject::NHutch | Subject::Penalty);
        if !of_estimate {
            return Ok(());
        }
        let (mut noisy, subject) = (false, self.subject.name());
        for Variant { setting, config } in &self.variants {
            let Some(flow) = config.bridge.flow_map() else { continue };
            let estimator = flow.logdet.estimator_for(flow.map, dim);
            if matches!(estimator, LogDetEstimator::Dense | LogDetEstimator::Structured) {
                let message = format!(
                    "\"{}\" takes the exact {estimator} determinant at {subject} = {setting}, which \
                     {subject} does not change: add --set logdet.estimator=lanczos-hutchpp, or \
                     another that estimates",
                    flow.logdet.estimator
                );
                return Err(RunError::Argument { name: "logdet.estimator", message });
            }
            let top = Top::of(config);
            noisy |= flow_choice(flow, dim, top)?.determinant.probes(dim) > 0;
        }
        if !noisy && self.subject != Subject::NTrunc {
            let message = format!(
                "the sketch spans all {dim} coordinates, which leaves no noise for {subject} to \
                 change: use fewer probes or --set logdet.estimator=power-series"
            );
            return Err(RunError::Argument { name: "logdet.n_hutch", message });
        }
        Ok(())
    }
}

/// Refuses a bridge that has no such setting.
fn refuse_other_bridges(subject: Subject, config: &RunConfig) -> Result<(), RunError> {
    match config.bridge.kind() == subject.bridge() {
        true => Ok(()),
        false => Err(no_such_setting(subject, config)),
    }
}

fn no_such_setting(subject: Subject, config: &RunConfig) -> RunError {
    let message = format!(
        "the {} bridge has no {}: use a configuration with bridge.kind = \"{}\", or add --set \
         bridge.kind={}",
        config.bridge.kind(),
        subject.name(),
        subject.bridge(),
        subject.bridge()
    );
    RunError::Argument { name: "bridge.kind", message }
}

/// The reason without the argument that nobody gave.
fn without_origin(reason: &ConfigError) -> String {
    let text = reason.to_string();
    text.strip_prefix(&format!("{VALUES}: ")).map_or(text.clone(), str::to_owned)
}

/// Numbers in increasing order, names as given; a value twice would be computed twice.
fn sort_and_refuse_repetitions(variants: &mut [Variant]) -> Result<(), RunError> {
    let refuse = |message: String| Err(RunError::Argument { name: VALUES, message });
    if variants.is_empty() {
        return refuse("none of the default values is allowed here: list others".into());
    }
    if variants.len() > MOST_VALUES {
        return refuse(format!(
            "{} values are too many; list at most {MOST_VALUES}",
            variants.len()
        ));
    }
    variants.sort_by_key(|variant| match variant.setting {
        Setting::Number(number) => number,
        Setting::Name(_) => 0,
    });
    for (i, variant) in variants.iter().enumerate() {
        if variants[..i].iter().any(|other| other.setting == variant.setting) {
            return refuse(format!("{} is listed twice; list it once", variant.setting));
        }
    }
    Ok(())
}
