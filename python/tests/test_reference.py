"""Mixtures against values of 60 digits, SciPy, and finite differences."""

import numpy as np
import pytest
from scipy.special import logsumexp
from scipy.stats import multivariate_normal

import amc

KINDS = ["isotropic", "diagonal", "full"]


def matrices(case):
    """The covariances of a case as the constructor takes them, and their kind."""
    full, kind = np.array(case["covariances"]), case["covariance_kind"]
    if "isotropic" in kind:
        return full[:, 0, 0], "isotropic"
    if "diagonal" in kind:
        return np.array([np.diag(matrix) for matrix in full]), "diagonal"
    return full, "full"


def test_values_of_sixty_digits(reference_cases):
    """Fails if a density, score, Hessian or noised version differs from the reference in the twelfth digit."""
    checked = 0
    for case in reference_cases:
        covariances, kind = matrices(case)
        mixture = amc.Mixture(case["weights"], case["means"], covariances, covariance=kind)
        schedule = {"schedule": "vp-linear", "beta_min": case["beta_min"], "beta_max": case["beta_max"]}
        for point in case["points"]:
            x = np.array([point["x"]])
            noised = mixture.noised(point["alpha"], point["variance"])
            value, score = noised.log_density_and_score(x)
            np.testing.assert_allclose(value[0], point["log_density"], rtol=1e-12)
            scale = np.abs(point["score"]).max()
            np.testing.assert_allclose(score[0], point["score"], rtol=1e-10, atol=1e-12 * scale)
            hessian = np.array(point["hessian"])
            products = noised.hessian_product(np.repeat(x, case["dim"], axis=0), np.eye(case["dim"]))
            np.testing.assert_allclose(products, hessian, rtol=1e-9, atol=1e-10 * np.abs(hessian).max())
            at_time = mixture.log_density(x, t=point["time"], schedule=schedule)
            np.testing.assert_allclose(at_time[0], point["log_density"], rtol=1e-11)
            checked += 1
    assert checked >= 50


@pytest.mark.parametrize("kind", KINDS)
def test_scipy(kind, points):
    """Fails if a covariance is read as another kind, transposed, or as standard deviations."""
    weights, means = np.array([0.6, 0.1, 0.3]), np.array([[-2.0, 0.5], [1.0, 1.5], [3.0, -1.0]])
    covariances = {
        "isotropic": np.array([0.5, 1.5, 0.2]),
        "diagonal": np.array([[0.5, 1.0], [2.0, 0.1], [0.3, 0.7]]),
        "full": np.array([[[0.5, 0.2], [0.2, 0.4]], [[1.0, -0.3], [-0.3, 0.3]], [[0.2, 0.0], [0.0, 0.7]]]),
    }[kind]
    as_matrices = {"isotropic": lambda v: v * np.eye(2), "diagonal": np.diag, "full": lambda matrix: matrix}[kind]
    terms = [
        np.log(weight) + multivariate_normal(mean, as_matrices(covariance)).logpdf(points)
        for weight, mean, covariance in zip(weights, means, covariances)
    ]
    expected = logsumexp(terms, axis=0)
    np.testing.assert_allclose(amc.Mixture(weights, means, covariances).log_density(points), expected, rtol=1e-12)


@pytest.mark.parametrize("t", [None, 0.0, 0.3, 1.0])
@pytest.mark.parametrize("schedule", ["vp-linear", "vp-cosine", {"schedule": "ve", "sigma_max": 3.0}])
def test_derivatives_by_differences(mixture, points, t, schedule):
    """Fails if a score or a Hessian belongs to another density than the log-density beside it."""
    if t == 1.0 and schedule == "vp-cosine":
        pytest.skip("nothing of the mixture is left there")
    step = 1e-5
    arguments = {} if t is None else {"t": t, "schedule": schedule}
    values, scores = mixture.log_density_and_score(points, **arguments)
    assert np.array_equal(values, mixture.log_density(points, **arguments))
    assert np.array_equal(scores, mixture.score(points, **arguments))
    v = np.random.default_rng(4).normal(size=points.shape)
    products = mixture.hessian_product(points, v, **arguments)
    for j in range(2):
        shift = step * np.eye(2)[j]
        above, below = (mixture.log_density(points + sign * shift, **arguments) for sign in (1, -1))
        np.testing.assert_allclose(scores[:, j], (above - below) / (2 * step), rtol=1e-6, atol=1e-6)
    above, below = (mixture.score(points + sign * step * v, **arguments) for sign in (1, -1))
    np.testing.assert_allclose(products, (above - below) / (2 * step), rtol=1e-5, atol=1e-5)


def test_noise_is_that_of_the_samples(mixture):
    """Fails if alpha or the variance of a time are not those that turn samples into noised samples."""
    noised = mixture.at(0.4)
    clean = mixture.sample(200_000, seed=1)
    made = noised.alpha * clean + np.sqrt(noised.variance) * np.random.default_rng(2).normal(size=clean.shape)
    drawn = noised.sample(200_000, seed=3)
    error = 6 * np.sqrt(2 * drawn.var(axis=0) / len(drawn))
    assert (np.abs(made.mean(axis=0) - drawn.mean(axis=0)) < error).all()
    assert (np.abs(np.cov(made.T) - np.cov(drawn.T)) < 0.03).all()
    assert noised.alpha**2 + noised.variance == pytest.approx(1.0)


def test_samples_have_the_moments(mixture):
    """Fails if samples are of other weights, means or covariances; bounds of six standard errors."""
    samples = mixture.sample(400_000, seed=7)
    mean = mixture.weights @ mixture.means
    second = np.einsum("k,kij->ij", mixture.weights, mixture.covariances + np.einsum("ki,kj->kij", mixture.means, mixture.means))
    covariance = second - np.outer(mean, mean)
    assert (np.abs(samples.mean(axis=0) - mean) < 6 * np.sqrt(np.diag(covariance) / len(samples))).all()
    centred = samples - samples.mean(axis=0)
    products = np.einsum("ni,nj->nij", centred, centred)
    error = 6 * products.std(axis=0) / np.sqrt(len(samples))
    assert (np.abs(products.mean(axis=0) - covariance) < error).all()
    right = (np.square(samples - mixture.means[1]).sum(axis=1) < np.square(samples - mixture.means[0]).sum(axis=1)).mean()
    assert 0.3 < right < 0.7


def test_rare_weights_and_far_points():
    """Fails if log-densities far out or of rare components overflow or lose their digits."""
    mixture = amc.Mixture([1.0, 1e-30], [[0.0], [50.0]], 1.0)
    x = np.array([[50.0], [-1e6]])
    terms = [np.log(weight) + multivariate_normal(mean, 1.0).logpdf(x[:, 0]) for weight, mean in ((1.0, 0.0), (1e-30, 50.0))]
    np.testing.assert_allclose(mixture.log_density(x), logsumexp(terms, axis=0), rtol=1e-12)


def test_families_are_those_of_the_program(tmp_path):
    """Fails if a family is not what it says, or standardizing is left out or done twice."""
    two = amc.Mixture.two_modes(16, 5.0)
    scale = np.sqrt(0.05 + 8 * 25 / 9)
    np.testing.assert_allclose(two.means[:, 3], [-10 / 3 / scale, 20 / 3 / scale], rtol=1e-14)
    np.testing.assert_allclose(two.weights, [2 / 3, 1 / 3])
    raw = amc.Mixture.two_modes(16, 5.0, standardize="none")
    standard, shift, spread = raw.standardized()
    assert standard == two and raw != two
    np.testing.assert_allclose(spread, scale)
    np.testing.assert_allclose(shift, -5 / 3)
    many = amc.Mixture.many_modes(8, 4, standardize="none")
    np.testing.assert_allclose(many.weights[-1] / many.weights[0], 3.0)
    assert many.name == "many-modes-d8-k4"
    assert amc.Mixture.gmm40(2, standardize="none").components == 40
    assert amc.Mixture.gmm40(2, seed=5) != amc.Mixture.gmm40(2)
    hard = amc.Mixture.two_modes(6, 2.0, conditioning="hard", rotate=True, seed=3)
    assert hard.covariance == "full" and hard.covariances.shape == (6, 6)
    hard.to_file(tmp_path / "hard.json")
    assert amc.Mixture.from_file(tmp_path / "hard.json") == hard
    raw.to_file(tmp_path / "raw.json")
    assert amc.Mixture.from_file(str(tmp_path / "raw.json"), standardize="diagonal") == two
