"""What the constructor and the methods of mixtures accept, and what they say of the rest."""

import numpy as np
import pytest

import amc

MEANS = np.array([[-2.0, 0.5, 1.0], [1.0, 1.5, -2.0]])
WEIGHTS = [0.4, 0.6]
MATRIX = np.array([[0.5, 0.2, 0.0], [0.2, 0.4, 0.1], [0.0, 0.1, 0.9]])


@pytest.mark.parametrize(
    "covariances, kind, shape",
    [
        (0.5, "isotropic", ()),
        ([0.5, 0.6], "isotropic", (2,)),
        ([0.5, 0.6, 0.7], "diagonal", (3,)),
        ([[0.5, 0.6, 0.7], [0.1, 0.2, 0.3]], "diagonal", (2, 3)),
        (MATRIX, "full", (3, 3)),
        ([MATRIX, 2 * MATRIX], "full", (2, 3, 3)),
    ],
)
def test_shapes_tell_the_kind(covariances, kind, shape):
    """Fails if a shape is taken for another kind, or attributes come back in another one."""
    for named in (None, kind):
        mixture = amc.Mixture(WEIGHTS, MEANS, covariances, covariance=named)
        assert mixture.covariance == kind and np.shape(mixture.covariances) == shape
        np.testing.assert_array_equal(mixture.covariances, covariances)
    assert (mixture.dim, mixture.components) == (3, 2)


def test_square_shapes_need_a_kind():
    """Fails if one of two meanings is chosen silently."""
    means = np.array([[-2.0, 0.5], [1.0, 1.5]])
    with pytest.raises(ValueError, match=r"shape \(2,\) .* may be isotropic or diagonal; pass covariance"):
        amc.Mixture(WEIGHTS, means, [0.5, 0.6])
    with pytest.raises(ValueError, match=r"shape \(2, 2\) .* may be diagonal or full"):
        amc.Mixture(WEIGHTS, means, [[0.5, 0.1], [0.1, 0.6]])
    x = np.array([[0.3, -0.7]])
    square = np.array([[0.5, 0.1], [0.1, 0.6]])
    diagonal, full = (amc.Mixture(WEIGHTS, means, square, covariance=kind) for kind in ("diagonal", "full"))
    assert diagonal.log_density(x) != full.log_density(x)
    # One coordinate: every kind is the same law.
    one = amc.Mixture([1.0], [[0.0]], [0.5])
    assert one == amc.Mixture([1.0], [[0.0]], 0.5)
    assert amc.Mixture([1.0], [[0.0]], [[0.5]]).log_density([[0.3]]) == one.log_density([[0.3]])


@pytest.mark.parametrize(
    "arguments, error, message",
    [
        (([0.4, -0.1], MEANS, 1.0), ValueError, r"weights\[1\] = -0.1; weights must not be negative"),
        (([0.0, 0.0], MEANS, 1.0), ValueError, "weights are all zero"),
        (([0.4, np.nan], MEANS, 1.0), ValueError, "weights holds NaN at position 1"),
        (([[0.4, 0.6]], MEANS, 1.0), ValueError, r"weights has shape \(1, 2\); it must be \[K\]"),
        (([], np.zeros((0, 3)), 1.0), ValueError, "at least one component"),
        ((WEIGHTS, MEANS[0], 1.0), ValueError, r"means has shape \(3,\); it must be \[K, d\]"),
        (([0.2, 0.3, 0.5], MEANS, 1.0), ValueError, r"means has shape \(2, 3\); it must be \[3, 3\]"),
        ((WEIGHTS, MEANS * np.inf, 1.0), ValueError, "means holds -?inf at position 0"),
        ((WEIGHTS, MEANS, 0.0), ValueError, "covariances holds 0 at position 0"),
        ((WEIGHTS, MEANS, [0.5, -0.6]), ValueError, "variances must be greater than 0"),
        ((WEIGHTS, MEANS, [0.5] * 4), ValueError, r"covariances has shape \(4,\); it must be .*isotropic.*diagonal.*full"),
        ((WEIGHTS, MEANS, MATRIX + np.triu(MATRIX, 1)), ValueError, r"not symmetric: 0.4 at \[0, 1\], 0.2 at \[1, 0\]"),
        ((WEIGHTS, MEANS, [MATRIX, MATRIX - np.eye(3)]), ValueError, r"covariance 1 holds -0.5 at \[0, 0\]"),
        ((WEIGHTS, MEANS, [[1, 2, 0], [2, 1, 0], [0, 0, 1]]), ValueError, "positive definite"),
        ((WEIGHTS, "means", 1.0), TypeError, "means holds <U5"),
        ((WEIGHTS, MEANS, None), TypeError, "covariances is None"),
        ((WEIGHTS, MEANS + 0j, 1.0), TypeError, "means holds complex128"),
    ],
)
def test_bad_mixtures(arguments, error, message):
    """Fails if numbers that define no mixture pass, or the message does not say which they are."""
    with pytest.raises(error, match=message):
        amc.Mixture(*arguments)


def test_kinds_that_do_not_fit():
    """Fails if a kind is taken although the shape is another's, or a word is not known."""
    with pytest.raises(ValueError, match=r"covariances has shape \(2,\); it must be \[3\] or \[2, 3\] variances"):
        amc.Mixture(WEIGHTS, MEANS, [0.5, 0.6], covariance="diagonal")
    with pytest.raises(ValueError, match='covariance = "spherical" is not known; it must be "isotropic"'):
        amc.Mixture(WEIGHTS, MEANS, 0.5, covariance="spherical")


def test_weights_are_normalized():
    """Fails if weights are not divided by their sum, at any scale, or zeros are refused."""
    for scale in (1e-300, 1.0, 5e307):
        mixture = amc.Mixture([scale, 3.0 * scale, 0.0], np.eye(3), 1.0)
        np.testing.assert_allclose(mixture.weights, [0.25, 0.75, 0.0])
    np.testing.assert_array_equal(amc.Mixture([2, 6], MEANS, 1.0).weights, [0.25, 0.75])


@pytest.mark.parametrize("t", [-0.1, 1.1, np.nan, np.inf])
def test_times_outside(t):
    """Fails if a time that is none passes."""
    with pytest.raises(ValueError, match=r"t = .* must be in \[0, 1\]"):
        amc.Mixture(WEIGHTS, MEANS, 1.0).log_density(MEANS, t=t)


@pytest.mark.parametrize(
    "schedule, error, message",
    [
        ("vp-linera", amc.ConfigError, "vp-linear"),
        ({"schedule": "ve", "sigma_min": -1.0}, amc.ConfigError, "sigma_min"),
        ({"schedule": "ve", "beta_min": 1.0}, amc.ConfigError, "beta_min"),
        ({"sigma": 1.0}, amc.ConfigError, "sigma"),
        ({"beta_min": [1.0]}, TypeError, r"schedule\['beta_min'\] = \[1.0\] must be a name or a number"),
        (5, TypeError, "schedule = 5 must be a name"),
    ],
)
def test_bad_schedules(schedule, error, message):
    """Fails if a schedule that is none passes, or the reader of configurations is not the one who says so."""
    mixture = amc.Mixture(WEIGHTS, MEANS, 1.0)
    for call in (lambda: mixture.at(0.5, schedule), lambda: mixture.log_density(MEANS, 0.5, schedule=schedule)):
        with pytest.raises(error, match=message):
            call()


def test_schedules_are_kept_apart():
    """Fails if the density kept for one time or schedule answers for another."""
    mixture = amc.Mixture(WEIGHTS, MEANS, 1.0)
    schedules = ["vp-linear", "vp-cosine", {"beta_max": 10.0}, {"schedule": "ve"}, {"schedule": "ve", "shape": "rho-7"}]
    values = [float(mixture.log_density(MEANS, t, schedule=s)[0]) for s in schedules for t in (0.2, 0.6)]
    assert len(set(values)) == len(values)
    again = [float(mixture.at(t, s).log_density(MEANS)[0]) for s in schedules for t in (0.2, 0.6)]
    assert values == again
    assert mixture.at(0.0).variance == 0.0 and mixture.at(0.0, "ve").variance == 0.0


def test_noise_out_of_range():
    """Fails if noise that is none passes."""
    mixture = amc.Mixture(WEIGHTS, MEANS, 1.0)
    for alpha, variance in ((np.nan, 1.0), (1.0, -0.5), (1.0, np.inf)):
        with pytest.raises(ValueError):
            mixture.noised(alpha, variance)


def test_families_out_of_range(tmp_path):
    """Fails if a family's or a file's error is not an exception that names parameter or field."""
    for call, error, message in [
        (lambda: amc.Mixture.two_modes(0, 1.0), ValueError, "dim = 0"),
        (lambda: amc.Mixture.two_modes(2, -1.0), ValueError, "a = -1"),
        (lambda: amc.Mixture.two_modes(2, 1.0, conditioning="worse"), ValueError, 'conditioning = "worse"'),
        (lambda: amc.Mixture.many_modes(2, 0), ValueError, "components = 0"),
        (lambda: amc.Mixture.gmm40(2, standardize="all"), ValueError, 'standardize = "all"'),
        (lambda: amc.Mixture.two_modes(-1, 1.0), OverflowError, None),
        (lambda: amc.Mixture.from_file(tmp_path / "none.json"), FileNotFoundError, "none.json"),
        (lambda: amc.Mixture.from_file(tmp_path), OSError, "cannot be read"),
        (lambda: amc.Mixture(WEIGHTS, MEANS, 1.0).to_file(tmp_path / "no" / "m.json"), OSError, "cannot be written"),
    ]:
        with pytest.raises(error, match=message):
            call()
    (tmp_path / "bad.json").write_text('{"dim": 1, "weights": [1], "means": [[0]], "covariance": {"kind": "isotropic", "variance": -2}}')
    with pytest.raises(ValueError, match="covariance.variance = -2"):
        amc.Mixture.from_file(tmp_path / "bad.json")


def test_seeds():
    """Fails if seeds beyond 2^63 are refused, or two of them give the same samples."""
    mixture = amc.Mixture(WEIGHTS, MEANS, 1.0)
    first, last = mixture.sample(10, 0), mixture.sample(10, 2**64 - 1)
    assert not np.array_equal(first, last) and np.array_equal(last, mixture.sample(10, 2**64 - 1))
    assert mixture.sample(0, 1).shape == (0, 3)
    for n, seed in ((-1, 1), (1, -1), (1, 2**64), (1, 1.5), (1.5, 1)):
        with pytest.raises((OverflowError, TypeError)):
            mixture.sample(n, seed)


def test_representation():
    """Fails if a mixture does not say what it is."""
    assert repr(amc.Mixture(WEIGHTS, MEANS, 1.0, name="mine")) == "<amc.Mixture 'mine': 2 components in 3 dimensions, isotropic covariance>"
    assert "alpha = 0.5, variance = 2" in repr(amc.Mixture(WEIGHTS, MEANS, 1.0).noised(0.5, 2.0))
