"""A target of one's own with a known answer."""

import numpy as np

import amc


class Wells:
    """``log gamma(x) = -a (x_1^2 - 1)^2 + b x_1 - sum_(i > 1) (x_i - c)^2 / 2``: wells of unequal depth, with every derivative.

    No symmetry is left: the first coordinate is tilted and the others are off the centre.
    """

    a, b, c = 4.0, 0.7, 0.4

    def __init__(self, dim=2):
        self.dim = dim

    def log_density(self, x):
        with np.errstate(over="ignore"):  # leaps of an untuned kernel: the density is zero there
            rest = 0.5 * np.square(x[:, 1:] - self.c).sum(axis=1)
            return -self.a * np.square(np.square(x[:, 0]) - 1.0) + self.b * x[:, 0] - rest

    def score(self, x):
        score = self.c - x
        with np.errstate(over="ignore"):
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
