"""What a run leaves: expectations, resampling, ArviZ, how it is shown."""

import math
import pickle
import subprocess
import sys

import numpy as np
import pytest
from tqdm import tqdm

import amc
from amc._progress import Bar


@pytest.fixture(scope="module")
def weighted():
    """Particles with weights that matter."""
    target = amc.Mixture([0.7, 0.3], [[-2.0, 0.0], [2.0, 1.0]], 0.2)
    result = amc.anneal(target, path={"levels": 12}, bridge="isotropic-optimal", sampler={"particles": 2048}, progress=False)
    assert 0.01 < result.ess < 0.999
    return result


@pytest.fixture(scope="module")
def ladders():
    """Samples of equal weight in chains."""
    target = amc.Mixture([0.7, 0.3], [[-2.0, 0.0], [2.0, 1.0]], 0.2)
    sampler = {"kind": "replica-exchange", "ladders": 8, "rounds": 200, "samples": 800}
    return amc.anneal(target, path={"levels": 12}, sampler=sampler, progress=False)


def test_weights_agree(weighted, ladders):
    """Fails if weights are not those of their logarithms, do not sum to 1, or are not what the summary says."""
    for result in (weighted, ladders):
        assert result.weights.sum() == pytest.approx(1.0)
        np.testing.assert_allclose(np.exp(result.log_weights), result.weights, rtol=1e-9)
        assert result.log_z == result.summary["log_z"] and result.log_z_std_error == result.summary["log_z_std_error"]
        assert result.positions.flags.c_contiguous and result.positions.shape == (len(result.weights), 2)
        assert result.settings.startswith("seed = ")
    assert weighted.ess == pytest.approx(weighted.summary["ess"], rel=1e-9)
    assert ladders.ess == pytest.approx(1.0) and ladders.chains == 8 and weighted.chains == 1


def test_expectations(weighted):
    """Fails if an expectation is not weighted, or a function of a wrong shape passes."""
    mean = weighted.expectation(lambda x: x)
    np.testing.assert_allclose(mean, weighted.weights @ weighted.positions)
    assert abs(mean[0] - (-0.8)) < 0.25 and isinstance(weighted.expectation(lambda x: x[:, 0] > 0), float)
    second = weighted.expectation(lambda x: np.einsum("ni,nj->nij", x, x))
    assert second.shape == (2, 2)
    for bad in (lambda x: 1.0, lambda x: x[:5], lambda x: x.T):
        with pytest.raises(ValueError, match="f returned an array of shape"):
            weighted.expectation(bad)


def test_resampling(weighted):
    """Fails if resampled points are not those of their weights, in a random order and by their seed."""
    drawn = weighted.resample(seed=1)
    assert drawn.shape == weighted.positions.shape
    assert np.array_equal(drawn, weighted.resample(seed=1)) and not np.array_equal(drawn, weighted.resample(seed=2))
    # Systematic: each occurs floor(N w) or one more times.
    values, counts = np.unique(drawn[:, 0], return_counts=True)
    expected = dict(zip(weighted.positions[:, 0], weighted.weights * len(drawn)))
    assert all(abs(count - expected[value]) < 1.0 + 1e-9 for value, count in zip(values, counts))
    np.testing.assert_allclose(drawn.mean(axis=0), weighted.expectation(lambda x: x), atol=0.1)
    order = np.argsort(np.argsort(drawn[:, 0]))
    assert abs(np.corrcoef(order[:-1], order[1:])[0, 1]) < 0.15, "the order is not random"
    assert weighted.resample(0).shape == (0, 2) and weighted.resample(5000).shape == (5000, 2)
    for n, error in ((-1, ValueError), (1.5, TypeError), (True, TypeError)):
        with pytest.raises(error, match="n = "):
            weighted.resample(n)
    with pytest.raises(ValueError, match="seed = -1"):
        weighted.resample(5, seed=-1)


def test_arviz_with_weights(weighted):
    """Fails if ArviZ gets other samples, loses weights or evidence, or is not warned of."""
    pytest.importorskip("arviz", reason="no ArviZ that goes with this SciPy", exc_type=ImportError)
    with pytest.warns(UserWarning, match="ArviZ does not use weights"):
        data = weighted.to_arviz()
    posterior = data["posterior"]
    assert dict(posterior.sizes)["chain"] == 1 and dict(posterior.sizes)["draw"] == 2048
    np.testing.assert_array_equal(posterior["x"].values[0], weighted.positions)
    np.testing.assert_array_equal(data["sample_stats"]["log_weight"].values[0], weighted.log_weights)
    assert posterior.attrs["log_evidence"] == weighted.log_z and posterior.attrs["verdict"] == weighted.verdict


def test_arviz_summaries(weighted, ladders):
    """Fails if ladders are mixed up as chains, or a summary of resampled points is not that of the weighted ones."""
    arviz = pytest.importorskip("arviz", reason="no ArviZ that goes with this SciPy", exc_type=ImportError)
    data = weighted.to_arviz("theta", resample=True, seed=4)
    summary = arviz.summary(data)
    np.testing.assert_allclose(summary["mean"].astype(float), weighted.expectation(lambda x: x), atol=0.06)
    assert list(summary.index) == ["theta[0]", "theta[1]"]
    chains = ladders.to_arviz()["posterior"]["x"].values
    assert chains.shape == (8, 100, 2)
    np.testing.assert_array_equal(chains[3, 5], ladders.positions[5 * 8 + 3])
    assert (arviz.summary(ladders.to_arviz())["r_hat"].astype(float) < 1.15).all()


def test_arviz_is_optional():
    """Fails if the package needs ArviZ, or does not say how to get it."""
    program = (
        "import sys; sys.modules['arviz'] = None\n"
        "import amc\n"
        "result = amc.anneal(amc.Mixture([1.0], [[0.0]], 1.0), path={'levels': 4}, sampler={'particles': 64}, progress=False)\n"
        "try:\n    result.to_arviz()\nexcept ImportError as error:\n    print(error)\n"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert "pip install 'amc[arviz]'" in run.stdout


def test_representations(weighted):
    """Fails if a result does not show its numbers, or lets text out as markup."""
    text = repr(weighted)
    for part in ("2048 in 2 dimensions", f"{weighted.log_z:.4f} ± ", "ESS/N", weighted.verdict):
        assert part in text
    shown = amc.Result(
        weighted.positions, weighted.weights, weighted.log_weights, "suspect: <b>", {**weighted.summary, "log_z": None, "warnings": ["a < b"]}, ""
    )
    assert "<b>" not in shown._repr_html_() and "a &lt; b" in shown._repr_html_() and shown._repr_html_().startswith("<table>")
    assert math.isnan(shown.log_z) and "warning  a < b" in repr(shown)


def test_results_can_be_kept(weighted):
    """Fails if a result cannot be pickled, or changed by accident."""
    copy = pickle.loads(pickle.dumps(weighted))
    assert np.array_equal(copy.positions, weighted.positions) and copy.summary == weighted.summary
    with pytest.raises(AttributeError):
        weighted.verdict = "healthy"


def test_progress(capsys, monkeypatch):
    """Fails if a bar is not shown when asked for, shown when not, or left behind by a run that fails."""
    target = amc.Mixture([1.0], [[0.0]], 1.0)
    keywords = dict(path={"levels": 4}, sampler={"particles": 64})
    amc.anneal(target, progress=True, **keywords)
    shown = capsys.readouterr().err
    assert "pilot" in shown and "/4" in shown
    amc.anneal(target, progress=False, **keywords)
    amc.anneal(target, **keywords)  # no terminal
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    amc.anneal(target, **keywords)
    assert "/4" in capsys.readouterr().err
    bar = Bar()
    bar.begin("rounds", 3)
    bar.level_done("ESS 0.5")
    bar.level_done("ESS 0.4")
    assert bar._bar.n == 2 and bar._bar.total == 3 and "ESS 0.4" in bar._bar.postfix
    bar.begin("search", 0)
    assert bar._bar.total is None
    bar.close()

    def failing(x):
        raise RuntimeError("no")

    with pytest.raises(RuntimeError, match="no"):
        amc.anneal(failing, 1, kernel="rwm", progress=True, **keywords)
    assert not list(getattr(tqdm, "_instances", []))
