//! Tests of the standardization: moments by hand, every covariance kind, extreme sizes.

use super::*;

fn mixture(weights: &[f64], means: &[f64], covariance: Covariance) -> MixtureParameters {
    MixtureParameters {
        name: "test".into(),
        dim: means.len() / weights.len(),
        weights: weights.to_vec(),
        means: means.to_vec(),
        covariance,
        origin: String::new(),
    }
}

/// Weights 1/4 and 3/4, means (0, 1) and (4, -1): `m = (3, -1/2)`, spread `(3, 3/4)`.
fn two(covariance: Covariance) -> MixtureParameters {
    mixture(&[0.25, 0.75], &[0.0, 1.0, 4.0, -1.0], covariance)
}

/// Fails when weights are ignored, the spread of the means is left out, or variances are read
/// from the wrong component.
#[test]
fn moments_by_hand() {
    let list = two(Covariance::Diagonal(vec![1.0, 2.0, 3.0, 4.0]));
    let expected = Moments { mean: vec![3.0, -0.5], variances: vec![2.5 + 3.0, 3.5 + 0.75] };
    assert_eq!(moments(&list), expected);
    let full = two(Covariance::Full(vec![6.0, 0.5, 0.5, 0.25]));
    assert_eq!(moments(&full), Moments { mean: vec![3.0, -0.5], variances: vec![9.0, 1.0] });
}

/// Fails when a coordinate is divided by the other's deviation, when sharing is lost, when off-
/// diagonal entries are divided by one scale only, or the map and the mixture disagree.
#[test]
fn every_kind_is_mapped() {
    let (mapped, map) =
        standardize(&two(Covariance::Full(vec![6.0, 0.5, 0.5, 0.25])), Standardize::Diagonal)
            .unwrap();
    assert_eq!(map, AffineMap { shift: vec![3.0, -0.5], scale: vec![3.0, 1.0] });
    assert_eq!(mapped.means, [-1.0, 1.5, 1.0 / 3.0, -0.5]);
    assert_eq!(mapped.covariance, Covariance::Full(vec![6.0 / 9.0, 0.5 / 3.0, 0.5 / 3.0, 0.25]));

    let (mapped, _) =
        standardize(&two(Covariance::Isotropic(vec![1.0])), Standardize::Diagonal).unwrap();
    assert!(mapped.shares_covariance());
    let Covariance::Diagonal(variances) = &mapped.covariance else { panic!("kind") };
    assert!((variances[0] - 1.0 / 4.0).abs() < 1e-15);
    assert!((variances[1] - 1.0 / 1.75).abs() < 1e-15);

    let list = two(Covariance::Isotropic(vec![2.0, 6.0]));
    let (mapped, _) = standardize(&list, Standardize::Diagonal).unwrap();
    assert!(!mapped.shares_covariance());
    assert!((mapped.variance(1, 0) - 6.0 / 8.0).abs() < 1e-15);

    let diagonal = two(Covariance::Diagonal(vec![6.0, 0.25, 6.0, 0.25]));
    let (mapped, _) = standardize(&diagonal, Standardize::Diagonal).unwrap();
    let ninth = 6.0 / 9.0;
    assert_eq!(mapped.covariance, Covariance::Diagonal(vec![ninth, 0.25, ninth, 0.25]));

    let (mapped, map) = standardize(&list, Standardize::Scalar).unwrap();
    assert_eq!(map.scale, [(13.75f64 / 2.0).sqrt(); 2]);
    assert_eq!(mapped.covariance.kind(), "isotropic");
    assert!((mapped.variance(0, 1) - 4.0 / 13.75).abs() < 1e-15);
}

/// Fails when no standardization still shifts or scales.
#[test]
fn none_is_the_identity() {
    let parameters = two(Covariance::Isotropic(vec![2.0, 6.0]));
    let (mapped, map) = standardize(&parameters, Standardize::None).unwrap();
    assert_eq!((&mapped, map.scale), (&parameters, vec![1.0, 1.0]));
}

/// Fails when `E x^2 - m^2` is used (which cancels at a common offset of 1e6), or when a tiny
/// weight or a large separation turns a variance into 0, NaN or infinity.
#[test]
fn moments_survive_offsets_separations_and_tiny_weights() {
    let offset =
        mixture(&[0.5, 0.5], &[1e6 - 0.125, 1e6 + 0.125], Covariance::Isotropic(vec![1e-9]));
    assert!((moments(&offset).variances[0] / (0.015625 + 1e-9) - 1.0).abs() < 1e-14);
    let far = mixture(&[1.0 / 3.0, 2.0 / 3.0], &[-1e6, 1e6], Covariance::Isotropic(vec![1.0]));
    assert!((moments(&far).variances[0] / (1.0 + 8e12 / 9.0) - 1.0).abs() < 1e-14);
    for order in [[1e-300, 1.0], [1.0, 1e-300]] {
        let rare = mixture(&order, &[1e3, -1e6], Covariance::Isotropic(vec![0.5]));
        assert!((moments(&rare).variances[0] - 0.5).abs() < 1e-14, "{order:?}");
        let (mapped, _) = standardize(&rare, Standardize::Diagonal).unwrap();
        assert!(mapped.means.iter().all(|x| x.is_finite()));
    }
}

/// Fails when mapping there and back is not the identity, or the rows are walked by column.
#[test]
fn the_map_can_be_undone() {
    let map = AffineMap { shift: vec![3.0, -0.5], scale: vec![4.0, 0.5] };
    let mut points = vec![7.0, 0.0, -1.0, 1.5];
    map.view().unwrap().apply(&mut points);
    assert_eq!(points, [1.0, 1.0, -1.0, 4.0]);
    map.view().unwrap().invert(&mut points);
    assert_eq!(points, [7.0, 0.0, -1.0, 1.5]);
}

/// Fails when a degenerate or overflowing variance becomes NaN instead of an error.
#[test]
fn impossible_variances_are_errors() {
    for (mean, variance) in [(0.0, 0.0), (0.0, f64::NAN), (1e200, 1.0)] {
        let parameters = mixture(
            &[0.5, 0.5],
            &[1.0, -mean, 1.0, mean],
            Covariance::Diagonal(vec![1.0, variance]),
        );
        let error = standardize(&parameters, Standardize::Diagonal).unwrap_err();
        assert!(matches!(error, TargetError::Variance { coordinate: 1, .. }), "{error}");
    }
}

/// Fails when a name with a line break breaks the message in two.
#[test]
fn a_message_stays_on_one_line_whatever_the_name() {
    let mut parameters = mixture(&[1.0], &[0.5], Covariance::Isotropic(vec![f64::NAN]));
    parameters.name = "first\nsecond".into();
    let message = standardize(&parameters, Standardize::Scalar).unwrap_err().to_string();
    assert!(message.starts_with("first\\nsecond: standardize: ") && message.lines().count() == 1);
}
