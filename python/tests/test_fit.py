"""Mixtures fitted to samples."""

import subprocess
import sys
import warnings

import numpy as np
import pytest

import amc


@pytest.fixture(scope="module")
def truth():
    return amc.Mixture([0.6, 0.4], [[-2.0, 0.5], [1.5, 2.0]], [[[0.5, 0.2], [0.2, 0.4]], [[1.0, -0.3], [-0.3, 0.3]]])


@pytest.fixture(scope="module")
def samples(truth):
    return truth.sample(20_000, seed=11)


def test_parameters_come_back(truth, samples):
    """Fails if weights, means or covariances are off by more than samples leave open, or in another order of axes."""
    fitted = amc.Mixture.fit(samples, 2, covariance="full", seed=3)
    order = np.argsort(fitted.means[:, 0])
    np.testing.assert_allclose(fitted.weights[order], truth.weights, atol=0.02)
    np.testing.assert_allclose(fitted.means[order], truth.means, atol=0.05)
    np.testing.assert_allclose(fitted.covariances[order], truth.covariances, atol=0.05)
    assert fitted.log_density(samples).mean() >= truth.log_density(samples).mean()


def test_bic_finds_the_number(samples):
    """Fails if a range is not searched, or the first or last number is always taken."""
    assert amc.Mixture.fit(samples, (1, 3), covariance="full", restarts=2).components == 2
    assert amc.Mixture.fit(samples, (3, 3)).components == 3


def test_threads_and_seeds(samples):
    """Fails if a bit depends on the number of threads, or options are not heard."""
    one, two = (amc.Mixture.fit(samples, 3, threads=threads) for threads in (1, 2))
    assert one == two
    assert amc.Mixture.fit(samples, 3, covariance="isotropic").covariance == "isotropic"
    assert amc.Mixture.fit(np.asfortranarray(samples), 3) == one
    with pytest.warns(UserWarning, match="still rising after 2 iterations"):
        amc.Mixture.fit(samples, 3, max_iterations=2)


@pytest.mark.parametrize(
    "arguments, keywords, error, message",
    [
        ((np.zeros(5), 1), {}, ValueError, r"samples has shape \(5,\); it must be \[N, d\]"),
        ((np.zeros((5, 2), complex), 1), {}, TypeError, "samples holds complex128"),
        ((np.full((9, 2), np.nan), 1), {}, ValueError, r"samples holds NaN at \[0, 0\]"),
        ((np.ones((9, 2)), 1), {}, ValueError, "samples: column 1 is 1 in every row"),
        ((np.eye(3), 5), {}, ValueError, "samples: 3 of them"),
        ((np.eye(3), 0), {}, ValueError, "components = 0"),
        ((np.eye(3), "two"), {}, TypeError, "components = 'two' must be an int, or a pair"),
        ((np.eye(3), 1), {"covariance": "tied"}, ValueError, 'covariance = "tied" is not known'),
        ((np.eye(3), 1), {"floor": 2.0}, ValueError, "floor = 2"),
    ],
)
def test_bad_fits(arguments, keywords, error, message):
    """Fails if what cannot be fitted passes, or the message does not say why."""
    with pytest.raises(error, match=message):
        amc.Mixture.fit(*arguments, **keywords)


def test_interrupts():
    """Fails if Ctrl-C waits for the end of a fit."""
    program = (
        "import os, signal, threading, time, numpy as np, amc\n"
        # What was started in the background of a shell ignores the signal.
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "x = np.random.default_rng(1).normal(size=(100_000, 16))\n"
        "def send():\n    time.sleep(1); global sent; sent = time.monotonic(); os.kill(os.getpid(), signal.SIGINT)\n"
        "threading.Thread(target=send, daemon=True).start()\n"
        "try:\n    amc.Mixture.fit(x, 60, covariance='full', tolerance=0.0, max_iterations=10**6)\n"
        "except KeyboardInterrupt:\n    print(time.monotonic() - sent)\n"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120, check=False)
    assert run.returncode == 0, run.stderr
    assert float(run.stdout) < 5.0


def test_a_fit_makes_a_backbone(wells):
    """Fails if a fit to rough samples does not lead to the target: the whole way without a network."""
    rough = amc.anneal(wells, path={"levels": 8}, kernel="rwm", sampler={"kind": "smc", "particles": 4096}, reference=(0.0, 1.5), progress=False)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        backbone = amc.Mixture.fit(rough.resample(seed=1), 3)
    result = amc.anneal(
        wells, path={"kind": "diffusion", "levels": 32, "spacing": "log-snr"}, bridge="second-order", backbone=backbone,
        kernel={"kind": "mala", "steps": 2}, sampler={"particles": 4096}, progress=False,
    )
    assert abs(result.log_z - wells.log_z()) < 5 * result.log_z_std_error + 1e-3
    assert result.ess > 0.3
