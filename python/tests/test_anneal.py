"""Runs on targets of one's own with a known answer: every sampler, path and kernel; backbones; threads."""

import numpy as np
import pytest

import amc
from wells import Wells

SAMPLERS = {
    "ais": {"kind": "ais", "particles": 4096},
    "smc": {"kind": "smc", "particles": 4096},
    "replica-exchange": {"kind": "replica-exchange", "ladders": 32, "rounds": 400},
}


def check(result, wells, errors=5.0):
    """``log Z`` within its standard errors, the mass of the deeper well within those of as many samples as they are worth."""
    assert 0.0 < result.log_z_std_error < 0.3
    assert abs(result.log_z - wells.log_z()) < errors * result.log_z_std_error + 1e-3, result
    right = result.expectation(lambda x: x[:, 0] > 0)
    error = 0.5 / np.sqrt(result.ess * len(result.weights) / 40)
    assert abs(right - wells.right()) < errors * error, (right, wells.right())
    assert result.summary["verdict"]["coverage"] == "unverified"


@pytest.mark.parametrize("sampler", SAMPLERS)
@pytest.mark.parametrize("kernel", ["rwm", "mala", "hmc"])
def test_tempering(wells, sampler, kernel):
    """Fails if a sampler or kernel ends in another distribution than the target, or misses its integral."""
    result = amc.anneal(
        wells,
        path={"kind": "tempering", "levels": 12},
        kernel={"kind": kernel, "steps": 2},
        sampler=SAMPLERS[sampler],
        reference=(0.0, 1.5),
        seed=5,
        progress=False,
    )
    check(result, wells)
    rest = result.expectation(lambda x: x[:, 1])
    assert abs(rest - wells.c) < 0.2


@pytest.mark.parametrize("sampler", SAMPLERS)
@pytest.mark.parametrize("bridge", ["isotropic-optimal", "second-order", "flow-map", "identity"])
def test_diffusion_with_a_backbone(wells, sampler, bridge):
    """Fails if the diffusion path of a mixture does not end in the target itself."""
    result = amc.anneal(
        wells,
        path={"kind": "diffusion", "levels": 24, "spacing": "log-snr"},
        bridge=bridge,
        kernel={"kind": "mala", "steps": 2},
        sampler=SAMPLERS[sampler],
        backbone=wells.backbone(),
        seed=2,
        progress=False,
    )
    check(result, wells)


def test_a_function_alone_will_do(wells):
    """Fails if a plain function is refused, is given a score, or `dim` is not asked for."""
    result = amc.anneal(wells.log_density, 2, kernel="rwm", sampler=SAMPLERS["smc"], reference=(0.0, 1.5), progress=False)
    check(result, wells)
    assert result.summary["evaluations"]["score"] == 0 or result.summary["evaluations"]["density"] > 0


def test_score_and_products_by_keyword_or_differences(wells):
    """Fails if functions passed by themselves are not used, or differences give other distributions."""
    path = {"kind": "tempering", "levels": 12}
    keywords = dict(path=path, kernel="mala", sampler=SAMPLERS["smc"], reference=(0.0, 1.5), progress=False)
    given = amc.anneal(wells.log_density, 2, score=wells.score, **keywords)
    check(given, wells)
    owned = amc.anneal(wells, **keywords)
    assert np.array_equal(given.positions, owned.positions)
    check(amc.anneal(wells.log_density, 2, finite_differences=1e-4, **keywords), wells)


def test_hessian_products_are_asked_for(wells):
    """Fails if a map does without the target's products, mixes points and vectors up, or takes what cannot be used."""
    calls = []

    def product(x, v):
        calls.append(x.shape == v.shape)
        return wells.hessian_product(x, v)

    keywords = dict(
        path={"kind": "diffusion", "levels": 16, "spacing": "log-snr"}, bridge="flow-map", kernel="mala",
        sampler={"particles": 1024}, backbone=wells.backbone(), progress=False,
    )
    given = amc.anneal(wells.log_density, score=wells.score, hessian_product=product, **keywords)
    assert calls and all(calls)
    check(given, wells)
    assert np.array_equal(given.positions, amc.anneal(wells, **keywords).positions)
    with pytest.raises(amc.TargetError, match="hessian_product returned an array of shape"):
        amc.anneal(wells.log_density, score=wells.score, hessian_product=lambda x, v: v[:, 0], **keywords)


def test_one_function_for_both(wells):
    """Fails if `log_density_and_score` is not called where it is offered, or gives other bits than two functions."""
    calls = []

    class Both:
        dim = 2
        log_density = staticmethod(wells.log_density)

        @staticmethod
        def log_density_and_score(x):
            calls.append(len(x))
            return wells.log_density(x), wells.score(x)

    keywords = dict(path={"levels": 8}, kernel="mala", sampler={"particles": 600}, progress=False)
    both, single = amc.anneal(Both(), **keywords), amc.anneal(wells, **keywords)
    assert calls and max(calls) <= 512
    assert np.array_equal(both.positions, single.positions)


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_threads_do_not_matter(wells, sampler):
    """Fails if a bit depends on the number of threads, or a seed does not matter."""
    keywords = dict(
        path={"levels": 8}, kernel="mala", sampler={**SAMPLERS[sampler], **({"rounds": 60} if "rounds" in SAMPLERS[sampler] else {})}, progress=False
    )
    one, two, other = (amc.anneal(wells, threads=threads, seed=seed, **keywords) for threads, seed in ((1, 9), (2, 9), (2, 10)))
    assert np.array_equal(one.positions, two.positions) and np.array_equal(one.log_weights, two.log_weights)
    assert one.log_z == two.log_z and one.log_z != other.log_z


def test_a_mixture_knows_its_truth():
    """Fails if a mixture is not sampled as one, with its own metrics and the run from the other side."""
    target = amc.Mixture([0.7, 0.3], [[-2.0, 0.0, 1.0], [2.0, 1.0, 0.0]], 0.2)
    result = amc.anneal(target, path={"levels": 32}, sampler={"particles": 2048}, progress=False)
    assert abs(result.log_z) < 5 * result.log_z_std_error + 1e-3
    assert result.verdict == "healthy" and result.summary["verdict"]["coverage"] == "verified"
    np.testing.assert_allclose(result.summary["true_mode_weights"], [0.7, 0.3])
    # Positions are the target's own coordinates.
    np.testing.assert_allclose(result.expectation(lambda x: x), target.weights @ target.means, atol=0.2)


def test_a_mixture_in_python_is_the_one_in_rust(wells):
    """Fails if a path to a callable is another one than to the mixture that it computes."""
    target = amc.Mixture([0.7, 0.3], [[-1.0, 0.0], [1.5, 1.0]], 0.2)

    class Callable:
        dim = 2
        log_density_and_score = staticmethod(target.log_density_and_score)
        log_density = staticmethod(target.log_density)

    result = amc.anneal(
        Callable(), path={"kind": "diffusion", "levels": 48}, bridge="second-order", backbone=target, kernel="none",
        sampler={"particles": 2048}, progress=False,
    )
    assert abs(result.log_z) < 5 * result.log_z_std_error + 1e-3
    assert result.ess > 0.9


def test_wells_of_three_dimensions_scale(wells):
    """Fails if the reference's mean and scale are mixed up, or applied to the wrong coordinate."""

    class Shifted(Wells):
        def log_density(self, x):
            return super().log_density((x - [5.0, -3.0, 100.0]) / [1.0, 4.0, 0.1])

    target = Shifted(3)
    result = amc.anneal(
        target.log_density, 3, path={"kind": "tempering", "levels": 16}, kernel={"kind": "rwm", "steps": 6}, sampler=SAMPLERS["smc"],
        reference=([5.0, -3.0, 100.0], [1.5, 6.0, 0.15]), progress=False,
    )
    expected = target.log_z() + np.log(4.0 * 0.1)
    assert abs(result.log_z - expected) < 5 * result.log_z_std_error


def test_zero_density_is_allowed():
    """Fails if `-inf` outside of a domain ends a run, or a particle with it keeps a weight."""

    def log_density(x):  # a Gaussian cut off at 0.3
        return np.where(x[:, 0] > 0.3, -0.5 * np.square(x).sum(axis=1), -np.inf)

    result = amc.anneal(log_density, 1, path={"levels": 8}, kernel="rwm", sampler=SAMPLERS["smc"], progress=False)
    from scipy.stats import norm

    assert abs(result.log_z - (norm.logsf(0.3) + 0.5 * np.log(2 * np.pi))) < 5 * result.log_z_std_error
    assert result.positions[result.weights > 0].min() > 0.3


def test_a_run_inside_of_a_run(wells):
    """Fails if a target cannot use amc itself, a mixture or a run."""
    outer = []

    def log_density(x):
        if not outer:
            outer.append(True)
            amc.anneal(wells, path={"levels": 4}, kernel="rwm", sampler={"particles": 64}, progress=False)
        return amc.Mixture([1.0], [[0.5]], 1.0).log_density(x)

    result = amc.anneal(log_density, 1, path={"levels": 4}, kernel="rwm", sampler={"particles": 512}, progress=False)
    assert abs(result.log_z) < 5 * result.log_z_std_error + 0.05
