"""What several tests need."""

import json
import pathlib

import numpy as np
import pytest

import amc
from wells import Wells

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


@pytest.fixture
def wells():
    return Wells()
