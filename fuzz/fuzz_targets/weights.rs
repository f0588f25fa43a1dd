//! Any weights and seed: refused, or sorted offspring of positive weight for every scheme.
#![no_main]

use amc_core::rng::{Key, Purpose};
use amc_core::weight::Resampling;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (u64, u8, Vec<f64>)| {
    let (seed, offspring, weights) = input;
    for scheme in Resampling::ALL {
        let mut ancestors = vec![usize::MAX; usize::from(offspring)];
        let mut stream = Key::new(seed, Purpose::Resampling).stream();
        match scheme.ancestors(&weights, &mut stream, &mut ancestors) {
            Ok(()) => {
                assert!(ancestors.is_sorted());
                assert!(ancestors.iter().all(|&a| weights[a] > 0.0));
            }
            Err(_) => assert!(ancestors.iter().all(|&a| a == usize::MAX)),
        }
    }
});
