//! Configurations built from choices: keys of the schema with values that mostly fit them.
//!
//! Names come from the catalog and keys from the schema, so that a new bridge or key is fuzzed without a line
//! here; only what type a number has is told apart below.

use std::fmt::Write as _;

use amc_harness::catalog::rooms;
use amc_harness::config::{Key, schema};
use arbitrary::{Result, Unstructured};

use crate::number::{Number, Unit};

/// The text of a configuration and `--set` arguments that go with it.
#[derive(Debug, Default)]
pub struct ConfigText {
    /// The file.
    pub text: String,
    /// `section.key=value`.
    pub overrides: Vec<String>,
}

impl ConfigText {
    /// The configuration that these choices make.
    ///
    /// # Errors
    /// When the choices run out, which only a generator of random data can see.
    pub fn build(choices: &[u8]) -> Result<Self> {
        let mut u = Unstructured::new(choices);
        let mut config = Self::default();
        // One input in sixteen is careless: keys that do not apply, unknown names, wrong types.
        let careless = u.arbitrary::<u8>()? >= 240;
        if u.arbitrary()? {
            let _ = writeln!(config.text, "seed = {}", seed(&mut u)?);
        }
        for (section, keys) in schema() {
            if u.arbitrary()? {
                config.add_section(&mut u, section, keys, careless)?;
            }
        }
        Ok(config)
    }

    fn add_section(
        &mut self,
        u: &mut Unstructured<'_>,
        section: &str,
        keys: &[Key],
        careless: bool,
    ) -> Result<()> {
        let _ = writeln!(self.text, "[{section}]");
        let mut chosen: Vec<(&str, String)> = Vec::new();
        for key in keys {
            let applies = key.belongs_to.is_none_or(|(selector, choices)| {
                chosen.iter().any(|(name, value)| {
                    *name == selector && choices.contains(&value.trim_matches('"'))
                })
            });
            // Selectors are worth writing out: what depends on them can be written then.
            let wanted = u.arbitrary::<u8>()?;
            let selector = keys.iter().any(|k| k.belongs_to.is_some_and(|(s, _)| s == key.name));
            let included = wanted < if selector { 208 } else { 96 };
            if !included || !(applies || careless) {
                continue;
            }
            let value = if careless { any_value(u)? } else { value_of(u, section, key.name)? };
            if wanted & 7 == 0 {
                self.overrides.push(format!("{section}.{}={value}", key.name));
            } else {
                let _ = writeln!(self.text, "{} = {value}", key.name);
            }
            chosen.push((key.name, value));
        }
        Ok(())
    }
}

/// The room of the catalog that the names of a key stand in.
fn room_of<'a>(section: &'a str, key: &'a str) -> &'a str {
    match key {
        "kind" => section,
        "schedule" => "noise-schedule",
        "shape" => "sigma-shape",
        "variance" => "bridge-variance",
        "adapt" => "adaptation",
        "estimator" => "logdet",
        other => other,
    }
}

/// A value of the type of the key, mostly inside its range.
fn value_of(u: &mut Unstructured<'_>, section: &str, key: &str) -> Result<String> {
    let room = room_of(section, key);
    if let Some(room) = rooms().iter().find(|candidate| candidate.name == room) {
        return Ok(format!("\"{}\"", u.choose(room.entries)?.name));
    }
    Ok(match key {
        "rotate" | "both_sides" => u.arbitrary::<bool>()?.to_string(),
        "path" => "\"mixtures/a.json\"".to_owned(),
        "seed" => seed(u)?,
        "times" => times(u)?,
        "cess" | "ess_threshold" | "target_acceptance" | "rank_tolerance" | "t_min" | "t_max" => {
            float(u.arbitrary::<Unit>()?.0)
        }
        "beta_min" | "beta_max" | "sigma_min" | "sigma_max" | "separation" | "step_size" => {
            let number = u.arbitrary::<Number>()?.0;
            float(if u.arbitrary()? { number.abs() } else { number })
        }
        _ => match u.arbitrary::<u8>()? {
            small @ ..224 => (small % 48).to_string(),
            large @ ..250 => (1_u64 << (large - 224)).to_string(),
            _ => u.arbitrary::<i64>()?.to_string(),
        },
    })
}

/// A value of any type.
fn any_value(u: &mut Unstructured<'_>) -> Result<String> {
    Ok(match u.int_in_range(0..=6)? {
        0 => float(u.arbitrary::<Number>()?.0),
        1 => u.arbitrary::<i64>()?.to_string(),
        2 => times(u)?,
        3 => u.arbitrary::<bool>()?.to_string(),
        4 => {
            let room = u.choose(rooms())?;
            format!("\"{}\"", u.choose(room.entries)?.name)
        }
        5 => "1979-05-27".to_owned(),
        _ => "{ kind = \"none\" }".to_owned(),
    })
}

/// Any 64-bit seed: a number, or a string where TOML's integers end.
fn seed(u: &mut Unstructured<'_>) -> Result<String> {
    let seed = u.arbitrary::<u64>()?;
    Ok(i64::try_from(seed).map_or_else(|_| format!("\"{seed}\""), |seed| seed.to_string()))
}

/// A list of times, mostly increasing.
fn times(u: &mut Unstructured<'_>) -> Result<String> {
    let count = u.int_in_range(0..=6)?;
    let mut times = Vec::new();
    for _ in 0..count {
        times.push(u.arbitrary::<Unit>()?.0);
    }
    if u.arbitrary::<u8>()? < 240 {
        times.sort_unstable_by(f64::total_cmp);
    }
    if u.arbitrary()? {
        times.push(1.0);
    }
    let times: Vec<String> = times.into_iter().map(float).collect();
    Ok(format!("[{}]", times.join(", ")))
}

/// A float as TOML writes it: `{:?}` has a point or an exponent, and TOML calls the rest `nan` and `inf`.
fn float(number: f64) -> String {
    if number.is_nan() { "nan".to_owned() } else { format!("{number:?}") }
}
