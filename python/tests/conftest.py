"""What several tests need."""

import json
import pathlib

import numpy as np
import pytest

import amc

REFERENCE = pathlib.Path(__file__).resolve().parents[2] / "reference"


@pytest.fixture(scope="session")
def reference_cases():
    """Mixtures with values of 60 digits at some points."""
    return json.loads((REFERENCE / "mixture_reference.json").read_text())["cases"]


@pytest.fixture
def mixture():
    """Three unequal components with full covariances in two dimensions."""
    covariances = [[[0.5, 0.2], [0.2, 0.4]], [[1.0, -0.3], [-0.3, 0.3]], [[0.2, 0.0], [0.0, 0.7]]]
    return amc.Mixture([0.5, 0.2, 0.3], [[-2.0, 0.5], [1.0, 1.5], [3.0, -1.0]], covariances)


@pytest.fixture
def points():
    """Points around these components; 131 fill neither blocks of eight nor teams of blocks."""
    return np.random.default_rng(3).normal(0.5, 2.0, (131, 2))


class Wells:
    """``log gamma(x) = -a (x_1^2 - 1)^2 + b x_1 - sum_(i > 1) (x_i - c)^2 / 2``: wells of unequal depth, with every derivative.

    No symmetry is left: the first coordinate is tilted and the others are off the centre.
    """

    a, b, c = 4.0, 0.7, 0.4

    def __init__(self, dim=2):
        self.dim = dim

    def log_density(self, x):
        rest = 0.5 * np.square(x[:, 1:] - self.c).sum(axis=1)
        return -self.a * np.square(np.square(x[:, 0]) - 1.0) + self.b * x[:, 0] - rest

    def score(self, x):
        score = self.c - x
        score[:, 0] = -4.0 * self.a * x[:, 0] * (np.square(x[:, 0]) - 1.0) + self.b
        return score

    def hessian_product(self, x, v):
        product = -v
        product[:, 0] = -4.0 * self.a * (3.0 * np.square(x[:, 0]) - 1.0) * v[:, 0]
        return product

    def log_z(self):
        """By quadrature of the first coordinate; the others are Gaussian."""
        grid = np.linspace(-4.0, 4.0, 200_001)
        density = np.exp(-self.a * np.square(np.square(grid) - 1.0) + self.b * grid)
        return float(np.log(density.sum() * (grid[1] - grid[0])) + 0.5 * (self.dim - 1) * np.log(2.0 * np.pi))

    def right(self):
        """Mass of the deeper well."""
        grid = np.linspace(-4.0, 4.0, 200_001)
        density = np.exp(-self.a * np.square(np.square(grid) - 1.0) + self.b * grid)
        return float(density[grid > 0].sum() / density.sum())

    def backbone(self):
        """A mixture near it, with other weights, means and variances."""
        means = np.full((2, self.dim), 0.3)
        means[:, 0] = -0.9, 1.05
        variances = np.ones(self.dim)
        variances[0] = 0.06
        return amc.Mixture([0.3, 0.7], means, variances, covariance="diagonal")


@pytest.fixture
def wells():
    return Wells()
