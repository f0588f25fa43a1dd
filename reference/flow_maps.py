"""Values of the deterministic maps in 80-digit arithmetic, for the tests that check them.

Run `python3 reference/flow_maps.py`; it needs mpmath and ten seconds. It reads mixture_reference.json beside
it and writes flow_maps.json: for every case and step, and every method, the map T(x_t), log|det J| and the sign
of det J. Doubles are written with all their digits, and every run writes the same bytes.

What it shares with the program it checks is the definitions alone. The ODE is dy/du = -sigma S(alpha y; u) for
y = x/alpha, u = sigma/alpha; Runge-Kutta rules run in y and u, the other methods in the form of their sources.
The Jacobian is never derived: it is the central difference of the whole map, extrapolated once.
"""

import json
from pathlib import Path

from mpmath import det, exp, expm1, eye, fdot, fsum, inverse, log, matrix, mp, mpf, sqrt

mp.dps = 80
HERE = Path(__file__).resolve().parent
DIFFERENCE = mpf(10) ** -20


class Mixture:
    """The target, and the score of alpha X_0 + sigma Z, at any u."""

    def __init__(self, case):
        self.dim = case["dim"]
        self.weights = [mpf(w) for w in case["weights"]]
        self.means = [[mpf(m) for m in mean] for mean in case["means"]]
        self.covariances = [matrix(rows) for rows in case["covariances"]]
        self.levels = {}

    def level(self, u):
        """(log weight - log det / 2, mean, precision rows) of the components."""
        if u not in self.levels:
            alpha, sigma = alpha_sigma(u)
            level = []
            for weight, mean, covariance in zip(self.weights, self.means, self.covariances):
                noised = alpha**2 * covariance + sigma**2 * eye(self.dim)
                constant = log(weight) - log(det(noised)) / 2
                level.append((constant, [alpha * m for m in mean], inverse(noised).tolist()))
            self.levels[u] = level
        return self.levels[u]

    def parts(self, u, x):
        """Log-densities of the components, up to one constant, and their gradients."""
        logs, gradients = [], []
        for constant, mean, precision in self.level(u):
            offset = [m - xi for m, xi in zip(mean, x)]
            gradient = [fdot(row, offset) for row in precision]
            logs.append(constant - fdot(gradient, offset) / 2)
            gradients.append(gradient)
        return logs, gradients

    def log_density(self, u, x):
        return log(fsum(exp(value) for value in self.parts(u, x)[0]))

    def score(self, u, x):
        logs, gradients = self.parts(u, x)
        largest = max(logs)
        shares = [exp(value - largest) for value in logs]
        total = fsum(shares)
        return [fdot(shares, column) / total for column in zip(*gradients)]


def alpha_sigma(u):
    """The variance-preserving pair with sigma/alpha = u."""
    alpha = 1 / sqrt(1 + u**2)
    return alpha, u * alpha


class Step:
    """One step of the path from t to s; beta integrated from 0 is B(t)."""

    def __init__(self, mixture, beta, s, t):
        low, high = beta
        integral = lambda t: low * t + (high - low) * t**2 / 2
        self.mixture = mixture
        self.u_s, self.u_t = (sqrt(expm1(integral(mpf(time)))) for time in (s, t))
        self.growth = exp((integral(mpf(t)) - integral(mpf(s))) / 2)
        (self.alpha_s, self.sigma_s), (self.alpha_t, self.sigma_t) = map(alpha_sigma, (self.u_s, self.u_t))
        assert abs(self.growth - self.alpha_s / self.alpha_t) < mpf(10) ** -70

    def score(self, u, x):
        return self.mixture.score(u, x)

    def noise(self, u, x):
        sigma = alpha_sigma(u)[1]
        return [-sigma * component for component in self.score(u, x)]

    def slope(self, u, y):
        """dy/du."""
        alpha = alpha_sigma(u)[0]
        return self.noise(u, [alpha * component for component in y])


def plus(x, *terms):
    """x + sum of factor * vector."""
    factors = [1] + [factor for factor, _ in terms]
    return [fdot(factors, row) for row in zip(x, *(vector for _, vector in terms))]


def scaled(factor, x):
    return [factor * component for component in x]


def pf_ei(step, x):
    """dx/dt = -(B'/2) (x + S), the score frozen: x + S grows by exp((B(t) - B(s))/2)."""
    score = step.score(step.u_t, x)
    return plus(scaled(step.growth, plus(x, (1, score))), (-1, score))


def ddim(step, x):
    """The denoised point and the noise of x_t, put together at s."""
    noise = step.noise(step.u_t, x)
    clean = scaled(1 / step.alpha_t, plus(x, (-step.sigma_t, noise)))
    return plus(scaled(step.alpha_s, clean), (step.sigma_s, noise))


def heun(step, x):
    first = ddim(step, x)
    h = step.sigma_s - step.sigma_t * step.growth
    start = (-h / 2 * step.sigma_t, step.score(step.u_t, x))
    return plus(scaled(step.growth, x), start, (-h / 2 * step.sigma_s, step.score(step.u_s, first)))


def third_order(step, x):
    """Kutta's rule of order three."""
    u, h, y = step.u_t, step.u_s - step.u_t, scaled(1 / step.alpha_t, x)
    k1 = step.slope(u, y)
    k2 = step.slope(u + h / 2, plus(y, (h / 2, k1)))
    k3 = step.slope(step.u_s, plus(y, (-h, k1), (2 * h, k2)))
    return scaled(step.alpha_s, plus(y, (h / 6, k1), (4 * h / 6, k2), (h / 6, k3)))


def fourth_order(step, x):
    """The classical Runge-Kutta rule."""
    u, h, y = step.u_t, step.u_s - step.u_t, scaled(1 / step.alpha_t, x)
    k1 = step.slope(u, y)
    k2 = step.slope(u + h / 2, plus(y, (h / 2, k1)))
    k3 = step.slope(u + h / 2, plus(y, (h / 2, k2)))
    k4 = step.slope(step.u_s, plus(y, (h, k3)))
    return scaled(step.alpha_s, plus(y, (h / 6, k1), (h / 3, k2), (h / 3, k3), (h / 6, k4)))


METHODS = {
    "pf-ei": pf_ei,
    "ddim": ddim,
    "heun": heun,
    "third-order": third_order,
    "fourth-order": fourth_order,
}


def derivative(function, x, index):
    """d function / d x_index, the central difference with the error h^2 extrapolated away."""

    def central(h):
        shift = [h if i == index else 0 for i in range(len(x))]
        above, below = function(plus(x, (1, shift))), function(plus(x, (-1, shift)))
        return [(a - b) / (2 * h) for a, b in zip(above, below)]

    fine, coarse = central(DIFFERENCE), central(2 * DIFFERENCE)
    return [(4 * f - c) / 3 for f, c in zip(fine, coarse)]


def agree(found, stored, size=None):
    """Asserts that two numbers are equal to 1e-14, relative to `size`."""
    size = abs(mpf(stored)) if size is None else size
    assert abs(found - mpf(stored)) <= mpf("1e-14") * size, (found, stored)


def check_score(mixture, u, x):
    """The score is the gradient of the log-density."""
    score = mixture.score(u, x)
    for index, component in enumerate(score):
        slope, = derivative(lambda x: [mixture.log_density(u, x)], x, index)
        assert abs(slope - component) < mpf(10) ** -50 * (1 + abs(component)), (slope, component)


def values(step, x, method):
    function = METHODS[method]
    columns = [derivative(lambda x: function(step, x), x, index) for index in range(len(x))]
    determinant = det(matrix(columns))
    return function(step, x), log(abs(determinant)), 1 if determinant > 0 else -1


def main():
    cases = json.loads((HERE / "mixture_reference.json").read_text())["cases"]
    blocks = []
    for case in cases:
        mixture = Mixture(case)
        beta = mpf(case["beta_min"]), mpf(case["beta_max"])
        known = case["steps"]
        to_target = {"s": 0.0, "t": 0.02, "x_t": known[0]["x_t"]}
        long = {"s": 0.1, "t": 0.25, "x_t": known[1]["x_t"]}
        steps = []
        for entry in [*known, to_target, long]:
            step = Step(mixture, beta, entry["s"], entry["t"])
            x = [mpf(component) for component in entry["x_t"]]
            check_score(mixture, step.u_t, x)
            maps = []
            for method in METHODS:
                image, log_abs_det, sign = values(step, x, method)
                if method == "ddim" and "ddim_map" in entry:
                    size = max(abs(component) for component in image)
                    for found, stored in zip(image, entry["ddim_map"], strict=True):
                        agree(found, stored, size)
                    agree(log_abs_det, entry["ddim_log_abs_det_jacobian"])
                    assert sign == entry["ddim_det_sign"]
                maps.append(
                    {
                        "method": method,
                        "image": [float(component) for component in image],
                        "log_abs_det": float(log_abs_det),
                        "sign": sign,
                    }
                )
            lines = ",\n    ".join(json.dumps(row) for row in maps)
            head = json.dumps({key: entry[key] for key in ("s", "t", "x_t")})
            steps.append(f'  {head[:-1]}, "maps": [\n    {lines}]}}')
        head = json.dumps({"dim": case["dim"], "covariance_kind": case["covariance_kind"]})
        blocks.append(f'{head[:-1]}, "steps": [\n' + ",\n".join(steps) + "]}")
        print(head, flush=True)
    text = '{"precision_digits": 60, "cases": [\n' + ",\n".join(blocks) + "]}\n"
    (HERE / "flow_maps.json").write_text(text)


if __name__ == "__main__":
    main()
