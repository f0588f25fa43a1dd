//! Any bytes as a CSV file of points: refused with one line, or finite numbers in whole rows.
#![no_main]

use amc_harness::target::parse_points;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (u8, &[u8])| {
    let dim = usize::from(input.0 % 5) + 1;
    match parse_points(input.1, "fuzz.csv", dim) {
        Ok(points) => {
            assert!(!points.is_empty() && points.len() % dim == 0);
            assert!(points.iter().all(|x| x.is_finite()));
        }
        Err(error) => assert!(!error.to_string().contains('\n')),
    }
});
