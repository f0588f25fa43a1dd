"""Settings: how they reach the engine, and what it says of bad ones."""

import sys

import numpy as np
import pytest

import amc
from amc._settings import to_toml

SHORT = dict(sampler={"kind": "smc", "particles": 64}, path={"kind": "tempering", "levels": 4}, kernel="rwm", progress=False)


def gaussian(x):
    return -0.5 * np.square(x - 0.5).sum(axis=1)


@pytest.mark.parametrize(
    "changes, error, message",
    [
        (dict(kernel="rwmm"), amc.ConfigError, r'kernel.kind = "rwmm" is not known.*rwm'),
        (dict(sampler={"particles": -1}), amc.ConfigError, "sampler.particles = -1"),
        (dict(sampler={"particle": 5}), amc.ConfigError, "sampler.particle is not known.*particles"),
        (dict(path={"kind": "diffusion"}), amc.ConfigError, "backbone.*diffusion.*tempering"),
        (dict(kernel="mala"), amc.ConfigError, "score"),
        (dict(bridge={"kind": "identity", "variance": 1}), amc.ConfigError, "bridge.variance"),
        (dict(kernel=5), TypeError, r'kernel = 5 must be a name, or a dict such as \{"kind"'),
        (dict(kernel={"kind": object()}), TypeError, r"kernel\['kind'\] = <object"),
        (dict(kernel={1: "rwm"}), TypeError, "kernel: the key 1 must be a str"),
        (dict(kernel={"kind": {"kind": "rwm"}}), TypeError, r"kernel\['kind'\] = \{'kind'"),
        (dict(seed=-1), ValueError, "seed = -1 must be from 0"),
        (dict(seed=2**64), ValueError, "seed = 18446744073709551616"),
        (dict(seed=1.0), TypeError, "seed = 1.0 must be an int"),
        (dict(seed=True), TypeError, "seed = True must be an int"),
        (dict(threads=-1), ValueError, "threads = -1 must be at least 0"),
        (dict(threads=10**6), amc.ConfigError, "threads"),
        (dict(dim=0), ValueError, "dim = 0 must be at least 1"),
        (dict(dim=None), TypeError, "dim is missing"),
        (dict(dim=2.0), TypeError, "dim = 2.0 must be an int"),
        (dict(backbone="mixture"), TypeError, "backbone = 'mixture' must be an amc.Mixture"),
        (dict(backbone=amc.Mixture([1.0], [[0.0]], 1.0)), ValueError, "dim = 2, but the backbone has 1 coordinates"),
        (dict(reference=1.0), TypeError, r"reference = 1.0 must be a pair \(mean, scale\)"),
        (dict(reference=(0.0, -1.0)), amc.ConfigError, r"reference: scale\[0\] = -1 must be greater than 0"),
        (dict(reference=([0.0], 1.0)), amc.ConfigError, "reference: mean has 1 entries, and the target 2"),
        (dict(reference=(0.0, "wide")), TypeError, "the scale of reference holds <U4"),
        (dict(finite_differences=2.0), amc.ConfigError, "finite_differences"),
        (dict(finite_differences="yes"), TypeError, "finite_differences = 'yes' must be a step"),
        (dict(score=5), TypeError, "score = 5 must be callable"),
        (dict(logdet="dence"), amc.ConfigError, "dence"),
    ],
)
def test_bad_settings(changes, error, message):
    """Fails if a bad setting passes, or its message does not name it."""
    with pytest.raises(error, match=message):
        amc.anneal(gaussian, **{"dim": 2, **SHORT, **changes})


def test_bad_targets():
    """Fails if something that is no target passes, or a mixture is given what it has itself."""
    mixture = amc.Mixture([1.0], [[0.0]], 1.0)
    with pytest.raises(TypeError, match="target = 5 must be a function"):
        amc.anneal(5, 2)
    with pytest.raises(ValueError, match="score and hessian_product: a mixture has its own"):
        amc.anneal(mixture, score=gaussian)
    with pytest.raises(ValueError, match="dim = 2, but the target has 1"):
        amc.anneal(mixture, 2)
    with pytest.raises(amc.ConfigError, match="backbone: a mixture is its own"):
        amc.anneal(mixture, backbone=mixture, progress=False)
    with pytest.raises(TypeError):
        amc.anneal(gaussian, 2, "diffusion")


def test_settings_are_heard():
    """Fails if a setting is lost on its way: the resolved ones are looked at."""
    result = amc.anneal(
        gaussian, 2, path={"kind": "tempering", "levels": np.int64(7), "spacing": "quadratic"}, kernel={"kind": "rwm", "steps": 3},
        sampler={"kind": "smc", "particles": 200, "ess_threshold": np.float64(0.75)}, seed=2**64 - 1, progress=False,
    )
    for line in ('kind = "tempering"', "levels = 7", 'spacing = "quadratic"', "steps = 3", "particles = 200", "ess_threshold = 0.75", str(2**64 - 1)):
        assert line in result.settings, (line, result.settings)
    assert result.summary["seed"] == 2**64 - 1
    again = amc.anneal(gaussian, 2, **SHORT, seed=3)
    assert np.array_equal(again.positions, amc.anneal(gaussian, 2, **SHORT, seed=3).positions)


def test_lists_of_times():
    """Fails if lists or arrays do not reach the engine."""
    times = np.array([0.25, 0.5, 0.75, 1.0])
    result = amc.anneal(gaussian, 2, **{**SHORT, "path": {"kind": "tempering", "spacing": "list", "times": times}})
    np.testing.assert_array_equal(result.summary["times"], [0.0, *times])


def test_text_is_escaped():
    """Fails if a name can leave its string: what follows would be read as settings."""
    toml = to_toml(1, {"kernel": {'a"\nseed = 5': 'b"]\n\\\x7f\u00e9', "c": [True, 1.5, float("inf"), (1, 2)]}})
    if sys.version_info >= (3, 11):
        import tomllib

        read = tomllib.loads(toml)
        assert read == {"seed": "1", "kernel": {'a"\nseed = 5': 'b"]\n\\\x7f\u00e9', "c": [True, 1.5, float("inf"), [1, 2]]}}
    with pytest.raises(amc.ConfigError):
        amc.anneal(gaussian, 2, **{**SHORT, "kernel": 'rwm"\nseed = 5'})
