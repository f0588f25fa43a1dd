//! Any text as a configuration: refused with one line, or written back and read again unchanged.
#![no_main]

use amc_harness::config::RunConfig;
use libfuzzer_sys::fuzz_target;
use std::path::Path;

fuzz_target!(|text: &str| {
    match RunConfig::from_toml(text, "fuzz.toml", Path::new("."), &[]) {
        Ok(config) => {
            let again = RunConfig::from_toml(&config.to_toml(), "again", Path::new("."), &[]);
            assert_eq!(again.as_ref(), Ok(&config));
        }
        Err(error) => assert!(!error.to_string().contains('\n')),
    }
});
