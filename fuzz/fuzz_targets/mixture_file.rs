//! Any text as a mixture file: refused with one line, or parameters the core accepts or refuses.
#![no_main]

use amc_harness::mixture::OwnedMixture;
use amc_harness::target::{parse_mixture, standardize};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    match parse_mixture(text, "fuzz.json") {
        Ok((parameters, choice)) => {
            if let Ok((parameters, _)) = standardize(&parameters, choice) {
                let _ = OwnedMixture::new(parameters);
            }
        }
        Err(error) => assert!(!error.to_string().contains('\n')),
    }
});
