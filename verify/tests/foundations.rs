//! The laws of what the rest is built from, on every instance of the core: resampling with the uniforms integrated out.

mod common;

use amc_core::weight::Resampling;
use amc_verify::law::resampling::{
    self, ChosenUniforms, Counts, ExactScheme, Integrand, exact_mean_offspring,
};
use common::{assert_passes, budget};

fn check_exactly(scheme: Resampling, place: &str, problem: (&[f64], usize)) {
    let draw = |w: &[f64], u: &mut ChosenUniforms<'_>, a: &mut [usize]| scheme.ancestors(w, u, a);
    let (integrand, counts) = (Integrand::of(scheme), Counts::of(scheme));
    let name = &format!("{}, {place}", scheme.name());
    let instance = ExactScheme { name, scheme: &draw, integrand, counts };
    assert_passes(exact_mean_offspring(&instance, problem, &budget()));
}

/// Fails if a scheme is biased by 1e-9 (1e-6: residual, multinomial) at any of these weights, or a count leaves its
/// bounds: fewer and more offspring than particles, expected counts that are integers, one that dominates.
#[test]
fn resampling_without_randomness() {
    let many: (&[f64], usize) = (&resampling::STANDARD_WEIGHTS, resampling::STANDARD_OFFSPRING);
    let integers: (&[f64], usize) = (&[1.0, 0.0, 2.0, 5.0, 0.0], 8);
    let dominated: (&[f64], usize) = (&[1e-3, 0.0, 7.0, 2e-3, 0.4, 0.0], 4);
    for scheme in [Resampling::Systematic, Resampling::Stratified, Resampling::Ssp] {
        check_exactly(scheme, "standard", many);
        check_exactly(scheme, "integers", integers);
        check_exactly(scheme, "dominated", dominated);
        check_exactly(scheme, "fewer", (&resampling::STANDARD_WEIGHTS, 3));
    }
    // Two or three uniforms: what the floors leave over, or all offspring.
    check_exactly(Resampling::Residual, "two left", (&[0.0, 3.2, 0.9, 1.4, 0.0, 2.5], 5));
    check_exactly(Resampling::Residual, "integers", integers);
    check_exactly(Resampling::Residual, "dominated", dominated);
    check_exactly(Resampling::Multinomial, "two", (&[0.3, 0.0, 2.1, 0.7, 0.0], 2));
    check_exactly(Resampling::Multinomial, "three", (&[0.0, 0.9, 2.1, 0.0], 3));
}
