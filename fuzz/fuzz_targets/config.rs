//! Any text, and configurations built from choices: refused with one line, or a run that is written back and
//! read again unchanged.
#![no_main]

use amc_fuzz::config_text::ConfigText;
use amc_fuzz::{STRUCTURED, is_one_line};
use amc_harness::config::{Override, RunConfig};
use libfuzzer_sys::fuzz_target;
use std::path::Path;

fuzz_target!(|data: &[u8]| {
    if let Some((&STRUCTURED, choices)) = data.split_first() {
        let config = ConfigText::build(choices).unwrap_or_default();
        let overrides = config.overrides.iter().map(|text| text.parse::<Override>().unwrap());
        check(&config.text, &overrides.collect::<Vec<_>>());
    } else if let Ok(text) = std::str::from_utf8(data) {
        // The first line may be an argument of the command line.
        match text.split_once('\n') {
            Some((first, rest)) if first.starts_with("--set ") => {
                match first["--set ".len()..].parse::<Override>() {
                    Ok(set) => check(rest, &[set]),
                    Err(error) => assert!(is_one_line(&error.to_string()), "{error}"),
                }
            }
            _ => check(text, &[]),
        }
    }
});

fn check(text: &str, overrides: &[Override]) {
    match RunConfig::from_toml(text, "fuzz.toml", Path::new("/"), overrides) {
        Ok(config) => {
            let again = RunConfig::from_toml(&config.to_toml(), "again", Path::new("."), &[]);
            assert_eq!(again.as_ref(), Ok(&config));
            check_times(&config);
        }
        Err(error) => assert!(is_one_line(&error.to_string()), "{error:?}"),
    }
}

/// The times of a path: as many as it has levels, in order, up to its last one.
fn check_times(config: &RunConfig) {
    if config.path.levels > 64 {
        return;
    }
    let times = config.path.times();
    assert!(times.is_empty() || times.len() == config.path.levels);
    if let Some(last) = times.last() {
        let rounding = f64::EPSILON * last;
        assert_eq!(*last, config.path.last_time());
        assert!(times[0] > 0.0 && *last <= 1.0, "{times:?}");
        assert!(times.windows(2).all(|pair| pair[1] >= pair[0] - rounding), "{times:?}");
    }
}
