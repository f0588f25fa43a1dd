"""What an annealed run has to do: levels and step sizes, as the project's own program ran them.

`compare.py` writes the plan from the summary of an `amc run`, so that peers run the same algorithm with
the step sizes that `amc`'s pilot found, which costs them nothing.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from density import floor_power_of_two
from mixture import Mixture, read_mixture

LOG_2PI = float(np.log(2.0 * np.pi))


@dataclass(frozen=True)
class Plan:
    """Arrays go from the reference `[0]` down to the target `[-1]`.

    Tempering (AIS) has `beta`; the diffusion path (SMC) has `alpha` and `noise_variance`. `step_sizes[0]`
    is never used: no kernel runs at the reference.
    """

    algorithm: str
    mixture: Mixture
    particles: int
    moves: int
    step_sizes: np.ndarray
    beta: np.ndarray | None
    alpha: np.ndarray | None
    noise_variance: np.ndarray | None
    reference_variance: float

    @property
    def steps(self) -> int:
        """Annealing steps."""
        return len(self.step_sizes) - 1

    @property
    def dim(self) -> int:
        """Coordinates of a particle."""
        return self.mixture.dim

    def noising(self) -> tuple[np.ndarray, np.ndarray]:
        """`a` and `v` of the transition `N(a x_s, v I)` from each level `[1:]` to the noisier one."""
        a = self.alpha[:-1] / self.alpha[1:]
        return a, self.noise_variance[:-1] - a * a * self.noise_variance[1:]

    @property
    def proposals(self) -> int:
        """Proposals of the kernel, over the whole run."""
        return self.steps * self.moves * self.particles


def read_plan(path: Path) -> Plan:
    """The plan of a file."""
    document = json.loads(path.read_text(encoding="utf-8"))
    array = lambda key: np.array(document[key]) if key in document else None  # noqa: E731
    mixture = read_mixture(path.parent / document["mixture"])
    alpha, noise_variance = array("alpha"), array("noise_variance")
    reference_variance = 1.0
    if alpha is not None:
        reference_variance = alpha[0] ** 2 * mean_variance(mixture) + noise_variance[0]
    return Plan(
        algorithm=document["algorithm"],
        mixture=mixture,
        particles=document["particles"],
        moves=document["moves"],
        step_sizes=array("step_sizes"),
        beta=array("beta"),
        alpha=alpha,
        noise_variance=noise_variance,
        reference_variance=float(reference_variance),
    )


def mean_variance(mixture: Mixture) -> float:
    """Variance of a coordinate, averaged over coordinates."""
    inner = mixture.covariances
    if mixture.kind == "isotropic":
        inner = inner[:, None]
    elif mixture.kind == "full":
        inner = np.trace(inner, axis1=1, axis2=2)[:, None] / mixture.dim
    centre = mixture.weights @ mixture.means
    spread = inner + np.square(mixture.means - centre)
    return float((mixture.weights @ spread).mean())


def block_of(plan: Plan, library: str, devices: int = 1) -> int:
    """Particles that are handled at a time, as tuned: what keeps a library's state in cache."""
    mixture = plan.mixture
    if mixture.kind == "full":
        wanted = min(1024, (4 << 20) // (8 * mixture.components * mixture.dim))
    elif library == "jax":
        blocked = plan.algorithm == "ais" and mixture.dim >= 16
        wanted = 512 if blocked else plan.particles
    elif library == "torch" and mixture.dim >= 32:
        wanted = 256
    else:
        wanted = 1024
    block = floor_power_of_two(min(wanted, plan.particles // devices))
    if plan.particles % (block * devices):
        raise SystemExit(f"{plan.particles} particles do not make blocks of {block}")
    return block
