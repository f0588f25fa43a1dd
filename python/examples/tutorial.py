#!/usr/bin/env python3
# %% [markdown]
# # Sampling a density of your own
#
# A density with two wells, known up to a constant. We sample it by tempering, look at what the run says of itself, fit a mixture to the
# samples, use that as the backbone of a diffusion path, which is far more efficient, and hand the result to ArviZ.
#
# Editors that know cells (`# %%`) run this file step by step; `python tutorial.py --figures DIR` runs it at once.

# %%
import argparse
import pathlib
import sys
import warnings

import matplotlib.pyplot as plt
import numpy as np

import amc

parser = argparse.ArgumentParser()
parser.add_argument("--figures", type=pathlib.Path, default=pathlib.Path("tutorial-figures"))
figures = parser.parse_args([] if "ipykernel" in sys.modules else None).figures
figures.mkdir(parents=True, exist_ok=True)
print(f"amc {amc.__version__} on {amc.instructions()} instructions")

# %% [markdown]
# ## The target
#
# In the first coordinate two wells at -1 and +1, the right one deeper; the other seven follow it along a curve:
#
# `log gamma(x) = -6 (x_1^2 - 1)^2 + 0.6 x_1 - 2 sum_{i > 1} (x_i - 0.8 x_1^2 - 0.3 x_1)^2`
#
# A target is a function of many points at once: `[N, d]` in, `[N]` out. A score, its gradient, makes better moves possible; what the
# function lacks could also be had by `finite_differences=1e-4`, at the price of `2 d` evaluations.

# %%
DIM = 8


class Wells:
    """Two wells of unequal depth along a curve in `DIM` dimensions."""

    dim = DIM

    @staticmethod
    def log_density(x):
        first = x[:, 0]
        rest = x[:, 1:] - (0.8 * first**2 + 0.3 * first)[:, None]
        return -6.0 * (first**2 - 1.0) ** 2 + 0.6 * first - 2.0 * (rest**2).sum(axis=1)

    @staticmethod
    def score(x):
        first = x[:, 0]
        rest = x[:, 1:] - (0.8 * first**2 + 0.3 * first)[:, None]
        score = np.empty_like(x)
        score[:, 0] = -24.0 * first * (first**2 - 1.0) + 0.6 + 4.0 * rest.sum(axis=1) * (1.6 * first + 0.3)
        score[:, 1:] = -4.0 * rest
        return score


target = Wells()

# %% [markdown]
# Never trust a gradient that has not been compared with differences.

# %%
points = np.random.default_rng(1).normal(size=(5, DIM))
for j in range(DIM):
    step = 1e-5 * np.eye(DIM)[j]
    slope = (target.log_density(points + step) - target.log_density(points - step)) / 2e-5
    assert np.allclose(slope, target.score(points)[:, j], rtol=1e-6, atol=1e-6)

# %% [markdown]
# The others integrate out in closed form, so the truth is one integral. (With a target worth sampling there is no such line.)

# %%
grid = np.linspace(-3.0, 3.0, 60_001)
marginal = np.exp(-6.0 * (grid**2 - 1.0) ** 2 + 0.6 * grid)
mass = marginal.sum() * (grid[1] - grid[0])
true_log_z = np.log(mass) + 0.5 * (DIM - 1) * np.log(np.pi / 2.0)
true_right = marginal[grid > 0].sum() / marginal.sum()
print(f"truth: log Z = {true_log_z:.4f}, mass of the right well = {true_right:.4f}")

# %% [markdown]
# ## Tempering
#
# Particles start in a wide Gaussian, the `reference`, and move through powers of the density to the target. Names stand for all defaults;
# dicts have the keys of configuration files. On a terminal and in a notebook there is a progress bar, and Ctrl-C ends a run at once.

# %%
tempered = amc.anneal(
    target,
    path={"kind": "tempering", "levels": 64},
    kernel={"kind": "mala", "steps": 4},
    sampler={"kind": "smc", "particles": 4096},
    reference=(0.5, 1.5),
    seed=1,
)
print(tempered)
right = tempered.expectation(lambda x: x[:, 0] > 0)
print(f"mass of the right well: {right:.4f} (truth {true_right:.4f})")
assert abs(tempered.log_z - true_log_z) < 5 * tempered.log_z_std_error
assert abs(right - true_right) < 0.08

# %% [markdown]
# ## What the run says of itself
#
# `verdict` is a word, `summary` everything. On a target of your own the best verdict is "unverified": no run can vouch for a mode that no
# particle ever saw. What it can see it reports level by level, from the reference down to the target: the effective sample size, and how
# much of it every step costs.

# %%
print(tempered.verdict)
levels = tempered.summary["levels"]
times = [level["time"] for level in levels]
figure, (above, below) = plt.subplots(2, 1, sharex=True, figsize=(6, 5), layout="constrained")
above.plot(times, [level["ess"] for level in levels], marker=".", label="weights")
above.plot(times, [level["conditional_ess"] for level in levels], marker=".", label="last step")
above.set(ylabel="ESS / N", ylim=(0, 1.05), title="Tempering, level by level")
above.legend()
below.plot(times, [level["acceptance_rate"] for level in levels], marker=".", color="tab:green")
below.set(xlabel="time (1: reference, 0: target)", ylabel="acceptance", ylim=(0, 1))
figure.savefig(figures / "levels.svg")

# %% [markdown]
# ## A backbone from samples
#
# The samples are rough, but good enough for a mixture: expectation maximization, the number of components by the Bayesian information
# criterion. Samples with weights are drawn from first.

# %%
samples = tempered.resample(seed=2)
with warnings.catch_warnings():
    # A component with few samples does no harm to a backbone.
    warnings.simplefilter("ignore", UserWarning)
    backbone = amc.Mixture.fit(samples, components=(2, 6), covariance="full", seed=3)
print(backbone)

figure, axes = plt.subplots(figsize=(6, 4), layout="constrained")
horizontal, vertical = np.meshgrid(np.linspace(-1.9, 1.9, 200), np.linspace(-1.2, 3.0, 200))
# The marginal of a mixture in two coordinates is a mixture of marginals.
plane = amc.Mixture(backbone.weights, backbone.means[:, :2], backbone.covariances[:, :2, :2], covariance="full")
density = plane.log_density(np.column_stack([horizontal.ravel(), vertical.ravel()])).reshape(horizontal.shape)
axes.plot(samples[:, 0], samples[:, 1], ".", markersize=2, alpha=0.4, label="samples of the first run")
axes.contour(horizontal, vertical, density, levels=density.max() - np.arange(8, 0, -1.0), colors="tab:red", linewidths=0.8)
axes.set(xlabel="x_1", ylabel="x_2", title=f"The backbone: {backbone.components} components")
axes.legend()
figure.savefig(figures / "backbone.svg")

# %% [markdown]
# The diffusion path of the backbone is known in closed form: densities, scores and Hessians at every level of noise. Only its last step
# meets the target, and its weights are exact whatever the backbone is worth. A Boltzmann generator without a neural network.

# %%
annealed = amc.anneal(
    target,
    backbone=backbone,
    path={"kind": "diffusion", "levels": 32, "spacing": "log-snr"},
    bridge="second-order",
    kernel={"kind": "mala", "steps": 2},
    sampler={"kind": "ais", "particles": 4096},
    seed=4,
)
print(annealed)
right = annealed.expectation(lambda x: x[:, 0] > 0)
print(f"mass of the right well: {right:.4f} (truth {true_right:.4f})")
assert abs(annealed.log_z - true_log_z) < 5 * annealed.log_z_std_error
assert abs(right - true_right) < 0.05

# %%
figure, axes = plt.subplots(figsize=(6, 4), layout="constrained")
bins = np.linspace(-1.8, 1.8, 73)
for result, name in ((tempered, "tempering"), (annealed, "diffusion")):
    axes.hist(result.positions[:, 0], bins, weights=result.weights, density=True, histtype="step", label=name)
axes.plot(grid, marginal / mass, "k", linewidth=0.8, label="truth")
axes.set(xlabel="x_1", ylabel="density", xlim=(-1.8, 1.8), title="The first coordinate")
axes.legend()
figure.savefig(figures / "marginal.svg")

# %% [markdown]
# ## What it cost
#
# Evaluations of the target are the cost that counts where it is expensive.

# %%
for name, result in (("tempering", tempered), ("diffusion", annealed)):
    evaluations = result.summary["evaluations"]
    print(
        f"{name}: error of log Z {result.log_z_std_error:.4f}, ESS/N {result.ess:.3f}, "
        f"{evaluations['density'] + evaluations['score']:,} evaluations, {result.summary['seconds']:.1f} s"
    )

# %% [markdown]
# ## ArviZ
#
# ArviZ does not know weights, so samples of equal weight are drawn first. (`InferenceData` before ArviZ 1.0, a `DataTree` from then on.)

# %%
try:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it announces its next version at every import
        import arviz as az
except ImportError:
    print("ArviZ is not installed: pip install 'amc[arviz]'")
else:
    data = annealed.to_arviz(resample=True, seed=5)
    print(az.summary(data, kind="stats"))
    print(f"log evidence {data['posterior'].attrs['log_evidence']:.4f}")

# %% [markdown]
# ## When something is wrong
#
# Settings that do not exist, functions that return the wrong thing: the message names it and says what to do. What your own function raises
# comes out as it is.

# %%
for mistake in (
    lambda: amc.anneal(target, kernel="malla", progress=False),
    lambda: amc.anneal(target, path="diffusion", progress=False),
    lambda: amc.anneal(lambda x: x.sum(), DIM, kernel="rwm", progress=False),
    lambda: backbone.log_density(points[0]),
):
    try:
        mistake()
    except (amc.ConfigError, amc.TargetError, ValueError) as error:
        print(f"{type(error).__name__}: {error}")
    else:
        raise AssertionError("a mistake went unnoticed")

print(f"figures: {', '.join(sorted(str(file) for file in figures.glob('*.svg')))}")
