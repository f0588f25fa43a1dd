"""The package itself: names, documentation, types, instructions."""

import ast
import doctest
import importlib.metadata
import inspect
import os
import pathlib
import subprocess
import sys

import numpy as np
import pytest

import amc
from amc import _amc, _settings

PACKAGE = pathlib.Path(amc.__file__).parent


def documented():
    """Everything public that has documentation, by name."""
    objects = {"amc": amc, "amc.Mixture": amc.Mixture, "to_toml": _settings.to_toml}
    for name in amc.__all__:
        thing = getattr(amc, name)
        objects[f"amc.{name}"] = thing
        if inspect.isclass(thing) and not issubclass(thing, Exception):
            for attribute in vars(thing):
                if not attribute.startswith("_"):
                    objects[f"amc.{name}.{attribute}"] = getattr(thing, attribute)
    return {name: thing for name, thing in objects.items() if not isinstance(thing, str)}


@pytest.mark.parametrize("name", documented())
def test_examples_run(name):
    """Fails if an example in the documentation does not print what it shows."""
    docs = inspect.getdoc(documented()[name]) or ""
    test = doctest.DocTestParser().get_doctest(docs, {"to_toml": _settings.to_toml}, name, None, 0)
    failed = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE).run(test).failed
    assert failed == 0


def test_every_function_is_documented_in_full():
    """Fails if a function has no parameters, errors or example in its documentation, or says "see" nothing."""
    for name, thing in documented().items():
        docs = inspect.getdoc(thing) or ""
        if inspect.isroutine(thing) and "see :meth:" not in docs:
            assert "Examples\n---" in docs, name
            if "(self)" not in str(inspect.signature(thing)) and inspect.signature(thing).parameters:
                assert "Parameters\n---" in docs and ("Raises\n---" in docs or name == "to_toml"), name
        else:
            assert docs, name


def test_stubs_are_the_signatures():
    """Fails if a name, a parameter or a default in the stubs is not the compiled module's, or one is missing."""
    tree = ast.parse((PACKAGE / "_amc.pyi").read_text())
    classes = {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}

    def compare(node, function, name):
        found = [
            (parameter.name, parameter.kind, repr(parameter.default) if parameter.default is not parameter.empty else None)
            for parameter in inspect.signature(function).parameters.values()
            if parameter.name not in ("self", "cls")
        ]
        stated = []
        arguments = node.args
        positional = arguments.posonlyargs + arguments.args
        defaults = [None] * (len(positional) - len(arguments.defaults)) + list(arguments.defaults)
        for argument, default in zip(positional, defaults):
            stated.append((argument.arg, inspect.Parameter.POSITIONAL_OR_KEYWORD, default))
        for argument, default in zip(arguments.kwonlyargs, arguments.kw_defaults):
            stated.append((argument.arg, inspect.Parameter.KEYWORD_ONLY, default))
        stated = [
            (argument, kind, repr(ast.literal_eval(default)) if default is not None else None)
            for argument, kind, default in stated
            if argument not in ("self", "cls")
        ]
        assert stated == found, name

    for name in ("Mixture", "NoisedMixture"):
        real = getattr(_amc, name)
        stated = {node.name: node for node in classes[name].body if isinstance(node, ast.FunctionDef)}
        public = {attribute for attribute in vars(real) if not attribute.startswith("_")}
        assert public == {attribute for attribute in stated if not attribute.startswith("_")}
        for attribute in public:
            if callable(getattr(real, attribute)):
                compare(stated[attribute], getattr(real, attribute), f"{name}.{attribute}")
        # Before 3.10 Python does not look at the signatures of compiled classes.
        if name == "Mixture" and sys.version_info >= (3, 10):
            compare(stated["__new__"], real, name)
    functions = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
    for name, node in functions.items():
        compare(node, getattr(_amc, name), name)
    stated = set(classes) | set(functions) | {"__version__"}
    assert stated == {name for name in vars(_amc) if not name.startswith("__") or name == "__version__"} - {"__all__"}


def test_types_are_checked(tmp_path):
    """Fails if the package is not typed, or mypy finds a fault in it where mypy is there."""
    assert (PACKAGE / "py.typed").exists()
    pytest.importorskip("mypy")
    program = "import amc, numpy as np\nr = amc.anneal(lambda x: x[:, 0], 1)\nz: float = r.log_z\nm = amc.Mixture([1.0], [[0.0]], 1.0)\nv: np.ndarray = m.log_density(np.zeros((1, 1)))\n"
    run = subprocess.run([sys.executable, "-m", "mypy", "--strict", "-c", program], capture_output=True, text=True, cwd=tmp_path, check=False)
    assert run.returncode == 0, run.stdout + run.stderr


def test_version_and_metadata():
    """Fails if the version of package, module and distribution differ, or metadata are missing."""
    distribution = importlib.metadata.metadata("amc")
    assert distribution["Version"] == amc.__version__
    for field in ("Summary", "License-Expression", "Requires-Python", "Author"):
        assert distribution[field], field
    requires = " ".join(importlib.metadata.requires("amc"))
    assert "numpy" in requires and "tqdm" in requires and "extra == 'arviz'" in requires.replace('"', "'")
    names = {pathlib.PurePath(str(file)).name for file in importlib.metadata.files("amc")}
    assert {"LICENSE-MIT", "LICENSE-APACHE", "py.typed", "_amc.pyi", "_amc.abi3.so"} <= names or sys.platform != "linux"


def test_instructions():
    """Fails if the wheel does not use what the processor has, without flags, or cannot be told to use less."""
    flags = pathlib.Path("/proc/cpuinfo").read_text() if os.path.exists("/proc/cpuinfo") else ""
    wanted = "avx512" if all(f" avx512{part} " in flags for part in ("f", "bw", "dq", "vl")) else "avx2" if " avx2 " in flags else None
    if wanted and not os.environ.get("AMC_ISA"):
        assert amc.instructions() == wanted
    program = "import amc, numpy as np; print(amc.instructions(), amc.Mixture([1.0], [[0.3]], 1.0).log_density([[0.1]])[0])"
    run = lambda isa: subprocess.run([sys.executable, "-c", program], env={**os.environ, "AMC_ISA": isa}, capture_output=True, text=True, check=False)
    name, value = run("portable").stdout.split()
    assert name == "portable" and abs(float(value) + 0.938938533204673) < 1e-14
    assert "AMC_ISA" in run("sse9").stderr and "ImportError" in run("sse9").stderr


def test_benchmark_evaluates():
    """Fails if the loop in Rust that overhead is measured against does something else than the method."""
    mixture = amc.Mixture.two_modes(2, 1.0)
    x = np.random.default_rng(1).normal(size=(4096, 2))
    values, scores = np.empty(4096), np.empty((4096, 2))
    seconds = _amc._benchmark(mixture, x, values, scores, 3)
    assert len(seconds) == 3 and min(seconds) > 0
    assert np.array_equal(values, mixture.log_density(x)) and np.array_equal(scores, mixture.score(x))
