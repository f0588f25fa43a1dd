//! `config.toml` of an experiment: a run, what is varied in it, and what the results are to show.
//!
//! Rows are the product of all `[[vary]]` axes without what `[[exclude]]` names; a cell is a row and a seed. Its
//! configuration is `[base]`, then the preset's `set`, then the `set` of every choice, later ones over
//! earlier ones, key by key.

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::{Table, Value};

use crate::catalog::nearest;
use crate::run::RunError;

/// Labels of axes, e.g. `{ bridge = ["EI", "DDPM"], levels = 64 }`: a row is meant where all of them are its own.
pub type Selector = BTreeMap<String, Labels>;

/// One label or several; numbers stand for themselves.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(untagged)]
pub enum Labels {
    /// Any of them.
    Several(Vec<Value>),
    /// This one.
    One(Value),
}

impl Labels {
    /// The labels as text.
    pub fn texts(&self) -> Vec<String> {
        match self {
            Self::Several(values) => values.iter().map(text).collect(),
            Self::One(value) => vec![text(value)],
        }
    }
}

/// The whole file.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExperimentConfig {
    /// One line.
    pub title: String,
    /// What the experiment is to show, in a sentence or two.
    pub claim: String,
    /// The run that everything starts from.
    #[serde(default)]
    pub base: Table,
    /// Models to train first; a cell names one in `model.file`.
    #[serde(default)]
    pub model: Vec<ModelPlan>,
    /// What is varied.
    pub vary: Vec<Axis>,
    /// Rows to leave out.
    #[serde(default)]
    pub exclude: Vec<Selector>,
    /// How much of it is run.
    pub preset: Presets,
    /// What is read off the results.
    #[serde(default)]
    pub claims: Vec<ClaimConfig>,
}

/// A model to be trained before any cell is run.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelPlan {
    /// Its name, which cells give as `model.file`.
    pub name: String,
    /// The configuration of its training, over `[base]` and the preset.
    pub set: Table,
}

/// What an axis is in a figure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(try_from = "String")]
pub enum Role {
    /// Each choice has axes of its own.
    #[default]
    Panel,
    /// Each choice is a line.
    Series,
    /// Choices are the points of a line.
    Axis,
}

/// One thing that is varied.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Axis {
    /// Its name in selectors and settings.
    pub name: String,
    /// What it is in a figure.
    #[serde(default)]
    pub role: Role,
    /// The key that takes `values`, e.g. `path.levels`, in place of `choices`.
    pub key: Option<String>,
    /// The values of that key.
    #[serde(default)]
    pub values: Vec<Value>,
    /// What the values count, for labels.
    pub unit: Option<String>,
    /// Named alternatives.
    #[serde(default)]
    pub choices: Vec<Choice>,
}

/// One alternative of an axis.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Choice {
    /// Its name.
    pub label: String,
    /// Where it stands on an axis.
    pub value: Option<f64>,
    /// The keys that it replaces.
    #[serde(default)]
    pub set: Table,
}

/// The two presets; an experiment may have one of them alone.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Presets {
    /// Minutes at most.
    pub quick: Option<PresetConfig>,
    /// The real thing.
    pub full: Option<PresetConfig>,
}

/// How much of an experiment is run.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PresetConfig {
    /// One run each: a list, or a range as `{ first = 1, last = 24 }`.
    #[serde(deserialize_with = "seeds")]
    pub seeds: Vec<u64>,
    /// The keys that it replaces in `[base]`.
    #[serde(default)]
    pub set: Table,
    /// The choices that take part, of the axes named.
    #[serde(default)]
    pub only: Selector,
    /// Rows that it leaves out.
    #[serde(default)]
    pub exclude: Vec<Selector>,
}

/// More seeds than any experiment has time for.
const MOST_SEEDS: u64 = 10_000;

/// Reads seeds, which few files want to count one by one.
fn seeds<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Vec<u64>, D::Error> {
    #[derive(Deserialize)]
    #[serde(
        untagged,
        expecting = "seeds must be a list, e.g. [1, 2, 3], or a range, e.g. { first = 1, last = 24 }"
    )]
    enum Seeds {
        List(Vec<u64>),
        Range(Range),
    }
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Range {
        first: u64,
        last: u64,
    }
    match Seeds::deserialize(deserializer)? {
        Seeds::List(list) => Ok(list),
        Seeds::Range(Range { first, last }) if last < first || last - first >= MOST_SEEDS => {
            Err(serde::de::Error::custom(format!(
                "seeds from {first} to {last}: give 1 to {MOST_SEEDS} of them, the first before the last"
            )))
        }
        Seeds::Range(Range { first, last }) => Ok((first..=last).collect()),
    }
}

/// What rows are compared at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(try_from = "String")]
pub enum At {
    /// All other settings equal.
    #[default]
    Settings,
    /// Equal numbers of evaluations per particle.
    Evaluations,
    /// Equal times on one thread.
    Seconds,
}

impl TryFrom<String> for Role {
    type Error = String;

    fn try_from(word: String) -> Result<Self, String> {
        let words = [("panel", Self::Panel), ("series", Self::Series), ("axis", Self::Axis)];
        word_of("role", &word, &words)
    }
}

impl TryFrom<String> for At {
    type Error = String;

    fn try_from(word: String) -> Result<Self, String> {
        let words = [Self::Settings, Self::Evaluations, Self::Seconds].map(|at| (at.name(), at));
        word_of("at", &word, &words)
    }
}

/// What a word of a field stands for.
fn word_of<T: Copy>(field: &str, word: &str, words: &[(&str, T)]) -> Result<T, String> {
    let found = words.iter().find(|(known, _)| *known == word).map(|(_, meaning)| *meaning);
    let known = words.iter().map(|(known, _)| *known);
    found.ok_or_else(|| format!("{field} = {word:?} {}", unknown(word, known)))
}

impl At {
    /// The word of the configuration: the measure that is equal.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Settings => "settings",
            Self::Evaluations => "evaluations",
            Self::Seconds => "seconds",
        }
    }
}

/// What rows are compared with.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(untagged)]
pub enum Other {
    /// A number.
    Number(f64),
    /// Other rows.
    Rows(Selector),
}

/// A statement about the rows, which the data decide: see `claims`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClaimConfig {
    /// The statement in words.
    pub claim: String,
    /// The measure that is compared.
    pub measure: String,
    /// The rows it is about; all where none are named.
    #[serde(default)]
    pub of: Selector,
    /// They have more than these.
    pub above: Option<Other>,
    /// They have less than these.
    pub below: Option<Other>,
    /// Those times this number.
    pub factor: Option<f64>,
    /// What is equal.
    #[serde(default)]
    pub at: At,
    /// Whether runs of one seed are compared with each other, as they use the same random numbers.
    #[serde(default)]
    pub paired: bool,
    /// Whether the sizes of the means are compared, whatever their signs: of log Z, the bias.
    #[serde(default)]
    pub absolute: bool,
    /// A second measure that orders the rows as the first does.
    pub agrees_with: Option<String>,
}

/// A value as it stands in labels.
pub fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

impl ExperimentConfig {
    /// Reads the file; `origin` names it in messages.
    ///
    /// # Errors
    /// What is wrong with it, in one line that names the key and the remedy.
    pub fn from_toml(file: &str, origin: &str) -> Result<Self, RunError> {
        let refuse = |field: String, message: String| RunError::Experiment {
            origin: origin.to_owned(),
            field,
            message,
        };
        let mut config: Self = toml::from_str(file).map_err(|error| {
            let start = error.span().map_or(0, |span| span.start);
            let line = file.get(..start).map_or(0, |before| before.matches('\n').count()) + 1;
            let message = error.message().split_whitespace().collect::<Vec<_>>().join(" ");
            refuse(format!("line {line}"), message)
        })?;
        let mut lines = config.vary.iter().filter(|axis| axis.role == Role::Axis);
        if let (Some(first), Some(second)) = (lines.next(), lines.next()) {
            let message = format!(
                "is a second axis of figures beside {:?}; use role = \"series\" or \"panel\" for one of them",
                first.name
            );
            return Err(refuse(format!("vary {:?}: role = \"axis\"", second.name), message));
        }
        for axis in &mut config.vary {
            axis.complete().map_err(|message| refuse(format!("vary {:?}", axis.name), message))?;
        }
        config.check().map_err(|(field, message)| refuse(field, message))?;
        Ok(config)
    }

    fn check(&self) -> Result<(), (String, String)> {
        let names: Vec<&str> = self.vary.iter().map(|axis| axis.name.as_str()).collect();
        if let Some(twice) = repeated(&names) {
            return Err((format!("vary {twice:?}"), "stands twice; give it another name".into()));
        }
        for (index, selector) in self.exclude.iter().enumerate() {
            self.check_selector(&format!("exclude[{index}]"), selector)?;
        }
        for (name, preset) in [("quick", &self.preset.quick), ("full", &self.preset.full)] {
            let Some(preset) = preset else { continue };
            self.check_selector(&format!("preset.{name}.only"), &preset.only)?;
            for (index, selector) in preset.exclude.iter().enumerate() {
                self.check_selector(&format!("preset.{name}.exclude[{index}]"), selector)?;
            }
            let seeds = &preset.seeds;
            if seeds.is_empty() || repeated(seeds).is_some() {
                let message = "must be different numbers, at least one, e.g. [1, 2, 3]";
                return Err((format!("preset.{name}.seeds = {seeds:?}"), message.into()));
            }
        }
        self.claims.iter().try_for_each(|claim| self.check_claim(claim))
    }

    fn check_claim(&self, claim: &ClaimConfig) -> Result<(), (String, String)> {
        let field = format!("claims {:?}", claim.claim);
        let measures = [Some(&claim.measure), claim.agrees_with.as_ref()];
        for measure in measures.into_iter().flatten() {
            if !super::measures::NAMES.contains(&measure.as_str()) {
                let message = unknown(measure, super::measures::NAMES.iter().copied());
                return Err((format!("{field}: measure = {measure:?}"), message));
            }
        }
        self.check_selector(&field, &claim.of)?;
        let others = [&claim.above, &claim.below];
        for other in others.into_iter().flatten() {
            if let Other::Rows(selector) = other {
                if *selector == claim.of {
                    let message =
                        "compares rows with themselves; `of` and the other side must differ";
                    return Err((field, message.into()));
                }
                self.check_selector(&field, selector)?;
            }
        }
        let given = others.into_iter().flatten().count() + usize::from(claim.agrees_with.is_some());
        if given != 1 {
            let message = format!("has {given} of above, below and agrees_with; give one");
            return Err((field, message));
        }
        if let Some(factor) = claim.factor.filter(|factor| !(factor.is_finite() && *factor > 0.0)) {
            let message = "must be a positive number, e.g. 0.9";
            return Err((format!("{field}: factor = {factor}"), message.into()));
        }
        if claim.absolute && (claim.paired || claim.agrees_with.is_some()) {
            let message = "compares means, not runs; drop absolute, or paired and agrees_with";
            return Err((format!("{field}: absolute"), message.into()));
        }
        if claim.paired && claim.at != At::Settings {
            let message =
                "pairs seeds, which rows of different cost do not share; drop paired or at";
            return Err((format!("{field}: paired"), message.into()));
        }
        Ok(())
    }

    fn check_selector(&self, field: &str, selector: &Selector) -> Result<(), (String, String)> {
        for (name, labels) in selector {
            let Some(axis) = self.vary.iter().find(|axis| axis.name == *name) else {
                let axes = self.vary.iter().map(|axis| axis.name.as_str());
                return Err((format!("{field}: {name}"), unknown(name, axes)));
            };
            for label in labels.texts() {
                if !axis.choices.iter().any(|choice| choice.label == label) {
                    let known = axis.choices.iter().map(|choice| choice.label.as_str());
                    return Err((format!("{field}: {name} = {label:?}"), unknown(&label, known)));
                }
            }
        }
        Ok(())
    }
}

impl Axis {
    /// Turns `key` and `values` into choices.
    fn complete(&mut self) -> Result<(), String> {
        if let Some(key) = &self.key {
            if !self.choices.is_empty() {
                return Err("has a key, which needs values = [...] and no choices".into());
            }
            if self.values.is_empty() {
                return Err(format!("values = [] is empty; give {key} some values = [...]"));
            }
            let Some((section, name)) = key.split_once('.') else {
                return Err(format!("key = {key:?} must be section.key, e.g. \"path.levels\""));
            };
            for value in &self.values {
                let keys = Table::from_iter([(name.to_owned(), value.clone())]);
                let set = Table::from_iter([(section.to_owned(), Value::Table(keys))]);
                let number = value.as_float().or(value.as_integer().map(|i| i as f64));
                self.choices.push(Choice { label: text(value), value: number, set });
            }
        } else if !self.values.is_empty() {
            return Err("has values and no key; add e.g. key = \"path.levels\"".into());
        }
        if self.choices.is_empty() {
            return Err("has no choices; write choices = [{ label = \"..\", set = { .. } }]".into());
        }
        let labels: Vec<&str> = self.choices.iter().map(|choice| choice.label.as_str()).collect();
        if let Some(twice) = repeated(&labels) {
            return Err(format!("has the label {twice:?} twice; labels must differ"));
        }
        let number_less = self.choices.iter().find(|choice| choice.value.is_none());
        match number_less {
            Some(choice) if self.role == Role::Axis => Err(format!(
                "is an axis of figures, where {:?} needs a place: add value = ..",
                choice.label
            )),
            _ => Ok(()),
        }
    }

    /// A choice's part of the label of a row.
    pub fn shown(&self, choice: &Choice) -> String {
        match &self.unit {
            Some(unit) => format!("{} {unit}", choice.label),
            None => choice.label.clone(),
        }
    }
}

/// The first entry that stands twice.
fn repeated<T: PartialEq>(list: &[T]) -> Option<&T> {
    list.iter().enumerate().find(|(index, entry)| list[..*index].contains(entry)).map(|(_, e)| e)
}

/// What to write in place of a name that is not known.
pub(super) fn unknown<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> String {
    let known: Vec<&str> = known.collect();
    let list = known.join(", ");
    match nearest(name, known) {
        Some(near) => format!("is not known; did you mean {near:?}? allowed: {list}"),
        None => format!("is not known; allowed: {list}"),
    }
}
