#!/usr/bin/env python3
"""Reads the files of two runs as others do: ArviZ, NumPy, Arrow. Fails if they disagree or weights are lost.

    python3 -m pip install -r harness/tests/python/requirements.txt
    AMC=target/release/amc python3 harness/tests/python/outputs.py
"""
import json
import os
import pathlib
import subprocess
import tempfile
import warnings

import numpy as np

warnings.simplefilter("ignore")  # ArviZ announces its next version at every import.
import arviz as az
import pyarrow.parquet as pq
import xarray as xr

AMC = pathlib.Path(os.environ.get("AMC", "target/release/amc")).resolve()

MIXTURE = {
    "name": "skew", "dim": 3, "weights": [0.7, 0.3], "means": [[-4, 0, 10], [3, 2, 20]],
    "covariances": [{"kind": "diagonal", "variances": [0.5, 1.5, 9.0]}, {"kind": "isotropic", "variance": 2.0}],
}
COMMON = '[target]\nkind = "file"\npath = "mixture.json"\nstandardize = "diagonal"\n[path]\nlevels = 16\n[kernel]\nkind = "mala"\n'
ANNEALED = COMMON + '[bridge]\nkind = "isotropic-optimal"\n[sampler]\nkind = "ais"\nparticles = 2000\n'
LADDERS = COMMON + '[bridge]\nkind = "second-order"\n[sampler]\nkind = "replica-exchange"\nladders = 16\nrounds = 300\nsamples = 2000\n'


def run(folder, config):
    """The files of a run."""
    (folder / "mixture.json").write_text(json.dumps(MIXTURE))
    (folder / "c.toml").write_text(config)
    subprocess.run([AMC, "run", "c.toml", "--quiet", "--out", "out", "--force"], cwd=folder, check=True, stdout=subprocess.DEVNULL)
    out = folder / "out"
    tree = xr.open_datatree(out / "inference.zarr", engine="zarr")
    return out, json.loads((out / "summary.json").read_text()), np.load(out / "samples.npz"), az.InferenceData.from_datatree(tree)


def check(out, summary, arrays, data):
    """What holds for every run; positions and log-weights `[chain, draw, ..]` as ArviZ has them."""
    own = arrays["positions"] * arrays["scale"] + arrays["shift"]
    table = pq.read_table(out / "samples.parquet").to_pydict()
    columns = np.array([table[f"x{j}"] for j in range(own.shape[1])]).T
    assert np.array_equal(columns, own), "samples.parquet has other positions than samples.npz"
    assert np.array_equal(table["log_weight"], arrays["log_weights"]), "samples.parquet has other weights"
    x, log_weight = data.posterior["x"].values, data.sample_stats["log_weight"].values
    assert x.shape[:2] == log_weight.shape and x.shape[2] == 3
    assert abs(np.exp(log_weight).sum() - 1) < 1e-9, "weights do not sum to 1"
    assert data.posterior.attrs["log_evidence"] == summary["log_z"]
    # Standardized coordinates would have mean 0.
    mean = np.einsum("cd,cdj->j", np.exp(log_weight), x)
    assert np.abs(mean - [-1.9, 0.6, 13.0]).max() < 0.6, f"mean {mean} is not the target's"
    levels = pq.read_table(out / "levels.parquet").to_pydict()
    assert levels["level"] == [level["level"] for level in summary["levels"]]
    assert levels["acceptance_rate"] == [level["acceptance_rate"] for level in summary["levels"]]
    return own, x, log_weight, levels


def main():
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        out, summary, arrays, data = run(folder, ANNEALED)
        own, x, log_weight, levels = check(out, summary, arrays, data)
        assert x.shape == (1, 2000, 3) and np.array_equal(x[0], own)
        assert np.array_equal(log_weight[0], arrays["log_weights"]) and log_weight.std() > 0.01
        size = 1 / np.square(np.exp(log_weight)).sum() / log_weight.size
        assert abs(size - summary["ess"]) < 1e-9, "weights do not have the ESS of the summary"
        assert levels["ess"] == [level["ess"] for level in summary["levels"]]
        shots = np.load(out / "snapshots.npz")
        assert shots["positions"].shape == (6, 512, 3) and shots["levels"][-1] == 0
        assert np.array_equal(shots["positions"][-1], arrays["positions"][:512]), "the last snapshot is not the sample"

        out, summary, arrays, data = run(folder, LADDERS)
        own, x, log_weight, levels = check(out, summary, arrays, data)
        assert x.shape[0] == 16, "a ladder is a chain"
        assert np.array_equal(x[3, 5], own[5 * 16 + 3]), "ladders are mixed up"
        assert levels["rejection_rate"][-1] is None, "there is no pair beyond the reference"
        assert float(az.rhat(data.posterior)["x"].max()) < 1.1
        shots = np.load(out / "snapshots.npz")
        assert 256 < shots["positions"].shape[1] <= 512, "snapshots are not spread over the rounds"
        replicas = shots["replicas"]
        assert replicas.shape == (300, 4, 17)
        assert all(sorted(row) == list(range(17)) for row in replicas.reshape(-1, 17)), "replicas are no permutation"
        moved = np.abs(np.argsort(replicas, axis=2)[1:] - np.argsort(replicas, axis=2)[:-1])
        assert moved.max() == 1, "a replica jumps"
    print("ArviZ, NumPy and Arrow read the same samples and weights")


if __name__ == "__main__":
    main()
