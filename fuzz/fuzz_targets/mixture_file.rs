//! Any text, and mixture files built from choices: refused with one line, or a mixture that is written back and
//! read again unchanged, standardized, and accepted or refused by the core.
#![no_main]

use amc_fuzz::{STRUCTURED, close, is_one_line, mixture_text};
use amc_harness::mixture::OwnedMixture;
use amc_harness::target::{
    MixtureParameters, Standardize, mixture_to_json, moments, parse_mixture, standardize,
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    if let Some((&STRUCTURED, choices)) = data.split_first() {
        check(&mixture_text::build(choices).unwrap_or_default());
    } else if let Ok(text) = std::str::from_utf8(data) {
        check(text);
    }
});

fn check(text: &str) {
    let (parameters, choice) = match parse_mixture(text, "fuzz.json") {
        Ok(mixture) => mixture,
        Err(error) => return assert!(is_one_line(&error.to_string()), "{error:?}"),
    };
    let total: f64 = parameters.weights.iter().sum();
    assert!(close(total, 1.0, 1e-12) && parameters.weights.iter().all(|w| *w >= 0.0));
    let written = mixture_to_json(&parameters, choice);
    let (again, choice_again) = parse_mixture(&written, "again").unwrap();
    assert_eq!((&again, choice_again), (&parameters, choice));

    match standardize(&parameters, choice) {
        Ok((mapped, _)) => {
            if is_moderate(&parameters) {
                check_moments(&mapped, choice);
            }
            check_owned(mapped);
        }
        Err(error) => assert!(is_one_line(&error.to_string()), "{error:?}"),
    }
}

/// Whether no number is so large or small beside another that digits are lost.
fn is_moderate(parameters: &MixtureParameters) -> bool {
    let spread = |i| (0..parameters.components()).map(move |k| parameters.variance(k, i));
    let variances = (0..parameters.dim).flat_map(spread);
    variances.into_iter().all(|v| (1e-3..1e6).contains(&v))
        && parameters.means.iter().all(|m| m.abs() < 1e3)
}

/// Mean 0, and variance 1 of each coordinate or on average.
fn check_moments(mapped: &MixtureParameters, choice: Standardize) {
    let found = moments(mapped);
    let mean_variance = found.variances.iter().sum::<f64>() / mapped.dim as f64;
    match choice {
        Standardize::None => return,
        Standardize::Scalar => assert!(close(mean_variance, 1.0, 1e-9), "{found:?}"),
        Standardize::Diagonal => {
            assert!(found.variances.iter().all(|v| close(*v, 1.0, 1e-9)), "{found:?}");
        }
    }
    assert!(found.mean.iter().all(|m| m.abs() < 1e-9), "{found:?}");
}

/// What the core accepts has moments that are numbers, or says why not.
fn check_owned(mapped: MixtureParameters) {
    let moderate = is_moderate(&mapped);
    let Ok(owned) = OwnedMixture::new(mapped) else { return };
    assert_eq!(owned.view().components(), owned.parameters().components());
    let (variance, second) = (owned.mean_variance(), owned.second_moment());
    if let (true, Ok(variance), Ok(second)) = (moderate, variance, second) {
        assert!(variance > 0.0 && second >= variance * (1.0 - 1e-12), "{variance} {second}");
    }
}
