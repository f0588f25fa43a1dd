"""Arrays in and out: what is read in place, what is copied, what is refused, and that nothing else changes."""

import copy
import pickle
import subprocess
import sys
import threading
import time
import tracemalloc

import numpy as np
import pytest

import amc

METHODS = ["log_density", "score", "log_density_and_score", "hessian_product"]


def call(mixture, name, x, **keywords):
    method = getattr(mixture, name)
    return method(x, np.ones_like(x), **keywords) if name == "hessian_product" else method(x, **keywords)


def first(result):
    return result[1] if isinstance(result, tuple) else result


@pytest.mark.parametrize("name", METHODS)
def test_any_layout_gives_the_same_bits(mixture, points, name):
    """Fails if Fortran's order, strides, byte order or alignment change a number: read as rows, they silently would."""
    expected = first(call(mixture, name, points))
    wide = np.zeros((2 * len(points), 5))
    wide[::2, 1:3] = points
    packed = np.zeros(points.nbytes + 1, np.uint8)[1:].view(np.float64).reshape(points.shape)
    packed[...] = points
    layouts = {
        "fortran": np.asfortranarray(points),
        "strided": wide[::2, 1:3],
        "negative": points[::-1].copy()[::-1],
        "negative columns": points[:, ::-1].copy()[:, ::-1],
        "transposed": points.T.copy().T,
        "big-endian": points.astype(">f8"),
        "unaligned": packed,
        "list": points.tolist(),
        "broadcast": np.broadcast_to(points, points.shape),
        "memmap": points.view(np.memmap) if hasattr(points, "view") else points,
        "matrix": points.view(np.matrix),
    }
    assert not layouts["fortran"].flags.c_contiguous and not packed.flags.aligned
    for layout, x in layouts.items():
        assert np.array_equal(first(call(mixture, name, np.asarray(x) if name == "hessian_product" else x)), expected), layout


def test_narrower_numbers_are_converted(mixture):
    """Fails if float32, half or integers are read as bits of float64, or refused."""
    x = np.array([[1.0, -2.0], [3.0, 0.0], [0.0, 5.0]])
    expected = mixture.log_density(x)
    for dtype in (np.float32, np.float16, np.int8, np.int64, np.uint16, np.longdouble):
        if np.dtype(dtype).kind != "u":
            assert np.array_equal(mixture.log_density(x.astype(dtype)), expected), dtype
    assert np.array_equal(mixture.log_density(np.abs(x).astype(np.uint16)), mixture.log_density(np.abs(x)))


def test_no_copy_of_plain_input(mixture):
    """Fails if a C-contiguous float64 input is copied, in Python's heap or NumPy's, or an output is made besides `out`."""
    x = np.random.default_rng(1).normal(size=(200_000, 2))
    out = np.empty(len(x))
    mixture.log_density(x, out=out)
    tracemalloc.start()
    mixture.log_density(x, out=out)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.reset_peak()
    mixture.log_density(np.asfortranarray(x), out=out)
    copied = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 10_000, peak
    assert copied > x.nbytes, "this test does not see copies"


def test_no_copy_by_rust():
    """Fails if memory that Python does not see grows by a copy of the input."""
    pytest.importorskip("resource", reason="peaks of memory are known on Unix")
    program = (
        "import resource, numpy as np, amc\n"
        "peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "mixture = amc.Mixture([1.0], [[0.0, 0.5]], 1.0)\n"
        "x, out = np.ones((4_000_000, 2)), np.ones(4_000_000)\n"
        "before = peak(); mixture.log_density(x, out=out); plain = peak() - before\n"
        "before = peak(); mixture.log_density(np.asfortranarray(x), out=out); print(plain, peak() - before)\n"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    plain, copied = map(int, run.stdout.split())
    assert plain < 4_000 < copied, "kilobytes"


@pytest.mark.parametrize("count", [0, 1, 7, 8, 9, 128, 131, 1000])
def test_out_is_written_and_returned(mixture, count):
    """Fails if an `out` is not what comes back, or holds other bits than a new array."""
    x = np.random.default_rng(count).normal(size=(count, 2))
    values, scores = np.full(count, np.nan), np.full((count, 2), np.nan)
    assert mixture.log_density(x, out=values) is values
    assert np.array_equal(values, mixture.log_density(x)) and values.shape == (count,)
    assert mixture.score(x, out=scores) is scores
    assert np.array_equal(scores, mixture.score(x))
    pair = mixture.log_density_and_score(x, out=(values, scores))
    assert pair[0] is values and pair[1] is scores
    assert mixture.hessian_product(x, x, out=scores) is scores
    assert np.array_equal(scores, mixture.hessian_product(x, x))
    assert mixture.sample(count, 5, out=scores) is scores
    assert np.array_equal(scores, mixture.sample(count, 5))
    noised = mixture.at(0.3)
    assert noised.log_density(x, out=values) is values
    assert np.array_equal(values, mixture.log_density(x, t=0.3))


BAD_POINTS = [
    (np.zeros(2), ValueError, r"x has shape \(2,\); it must be \[N, 2\].*x\[None, :\]"),
    (np.zeros((5, 3)), ValueError, r"x has shape \(5, 3\); it must be \[N, 2\]"),
    (np.zeros((2, 7)), ValueError, r"is it x\.T\?"),
    (np.zeros((2, 2, 2)), ValueError, r"x has shape \(2, 2, 2\)"),
    (np.zeros((1,) * 5), ValueError, "too many dimensions"),
    (1.0, ValueError, r"x has shape \(\)"),
    (np.zeros((3, 2), complex), TypeError, "x holds complex128; it must hold real numbers"),
    (np.zeros((3, 2), bool), TypeError, "x holds bool"),
    (np.zeros((3, 2), object), TypeError, "x holds object"),
    (np.array([["a", "b"]]), TypeError, "x holds <U1"),
    (np.zeros((3, 2), "datetime64[s]"), TypeError, "x holds datetime64"),
    (None, TypeError, "x is None"),
    ("text", TypeError, "x holds <U4"),
    (np.ma.masked_array(np.zeros((3, 2)), mask=[[1, 0]] * 3), TypeError, "masked array"),
    (np.array([[0.0, 1.0], [np.nan, 0.0]]), ValueError, "x: coordinate 0 of point 1 is NaN"),
    (np.array([[0.0, -np.inf]]), ValueError, "x: coordinate 1 of point 0 is -inf"),
]


@pytest.mark.parametrize("x, error, message", BAD_POINTS)
@pytest.mark.parametrize("name", METHODS)
def test_bad_points(mixture, name, x, error, message):
    """Fails if misuse passes, or its message does not name argument, value and remedy."""
    arguments = (x, np.zeros((2 if error is ValueError else 3, 2))[: len(x) if np.ndim(x) == 2 else None]) if name == "hessian_product" else (x,)
    with pytest.raises(error, match=message):
        getattr(mixture, name)(*arguments)


def test_bad_outputs(mixture):
    """Fails if results are written to memory that is another array's, too short, read-only, or seen through a copy."""
    x = np.zeros((6, 2))
    read_only = np.empty(6)
    read_only.flags.writeable = False
    for out, error, message in [
        (np.empty(5), ValueError, r"out has shape \(5,\); it must be \(6,\): pass numpy\.empty\(\(6,\)\)"),
        (np.empty((6, 1)), ValueError, r"out has shape \(6, 1\)"),
        (np.empty(6, np.float32), ValueError, "out is an array of float32"),
        (np.empty(12)[::2], ValueError, "not plain, C-contiguous float64"),
        (read_only, ValueError, "out is read-only"),
        ([0.0] * 6, TypeError, "out is a .*list.*, not a plain array"),
        (x.reshape(-1)[:6], ValueError, "out and x share memory"),
    ]:
        with pytest.raises(error, match=message):
            mixture.log_density(x, out=out)
    with pytest.raises(ValueError, match="out and x share memory"):
        mixture.score(x, out=x)
    scores = np.empty((6, 2))
    with pytest.raises(ValueError, match=r"out\[1\] and out\[0\] share memory"):
        mixture.log_density_and_score(x, out=(scores.reshape(-1)[2:8], scores))
    with pytest.raises(ValueError, match="out and v share memory"):
        mixture.hessian_product(x, scores, out=scores)
    with pytest.raises(ValueError, match="v has 5 rows and x has 6"):
        mixture.hessian_product(x, np.zeros((5, 2)))
    # Neighbours in memory are no overlap.
    memory = np.zeros(18)
    mixture.log_density(memory[:12].reshape(6, 2), out=memory[12:])
    assert np.array_equal(memory[12:], mixture.log_density(x))


def test_inputs_are_left_alone(mixture, points):
    """Fails if an input is written to, also one that must not be."""
    before = points.copy()
    points.flags.writeable = False
    for name in METHODS:
        call(mixture, name, points)
    assert np.array_equal(points, before)


def test_references_are_returned(mixture, points):
    """Fails if a call, good or bad, keeps a reference to an argument or a result."""
    out = np.empty(len(points))
    before = sys.getrefcount(points), sys.getrefcount(out), sys.getrefcount(mixture)
    for _ in range(100):
        mixture.log_density(points, out=out)
        mixture.score(points)
        with pytest.raises(ValueError):
            mixture.log_density(points, out=out[1:])
        with pytest.raises(ValueError):
            mixture.score(points, out=points)
    assert (sys.getrefcount(points), sys.getrefcount(out), sys.getrefcount(mixture)) == before


def test_failing_calls_leak_nothing(mixture):
    """Fails if memory grows with failing calls."""
    bad = np.zeros((10_000, 2))
    bad[-1, -1] = np.nan

    def fail():
        for _ in range(200):
            with pytest.raises(ValueError):
                mixture.score(bad)

    fail()
    tracemalloc.start()
    fail()
    before = tracemalloc.get_traced_memory()[0]
    fail()
    fail()
    grown = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    assert grown < 100_000, grown


def test_copies_are_equal(mixture, points):
    """Fails if pickling or copying changes a bit, a kind or a name."""
    mixtures = [
        mixture,
        amc.Mixture([1.0, 2.0], [[0.0], [1.0]], 0.3, name="own"),
        amc.Mixture([1.0, 2.0], [[0.0, 1.0], [1.0, 5.0]], [0.3, 0.4], covariance="isotropic"),
        amc.Mixture([1.0, 2.0], [[0.0, 1.0], [1.0, 5.0]], [0.3, 0.4], covariance="diagonal"),
        amc.Mixture([1.0, 2.0], [[0.0, 1.0], [1.0, 5.0]], [[0.3, 0.1], [0.1, 0.4]], covariance="full"),
        amc.Mixture([1.0], [[0.0, 1.0]], [[0.3, 0.4]]),
        amc.Mixture.many_modes(8, 16),
    ]
    for original in mixtures:
        copies = [pickle.loads(pickle.dumps(original, protocol)) for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1)]
        for other in (*copies, copy.copy(original), copy.deepcopy(original)):
            assert other == original and other.name == original.name and other.covariance == original.covariance
            x = np.random.default_rng(1).normal(size=(20, original.dim))
            assert np.array_equal(other.log_density(x), original.log_density(x))
    assert mixtures[2] != mixtures[3] and mixture != 1


def test_attributes_are_copies(mixture, points):
    """Fails if writing to an attribute changes the mixture."""
    before = mixture.log_density(points)
    mixture.means[...] = 0.0
    mixture.weights[...] = 1.0
    mixture.covariances[...] = np.eye(2)
    assert np.array_equal(mixture.log_density(points), before)
    with pytest.raises(AttributeError):
        mixture.means = np.zeros((3, 2))


def test_the_lock_is_released():
    """Fails if Python stands still during an evaluation."""
    mixture = amc.Mixture.many_modes(64, 16)
    x = np.random.default_rng(1).normal(size=(400_000, 64))
    ticks, done = [], threading.Event()

    def tick():
        while not done.is_set():
            ticks.append(time.perf_counter())
            time.sleep(0.001)

    thread = threading.Thread(target=tick)
    thread.start()
    start = time.perf_counter()
    mixture.log_density(x)
    end = time.perf_counter()
    done.set()
    thread.join()
    assert sum(start < at < end for at in ticks) >= 3, f"{end - start:.3f} s"


def test_threads_share_a_mixture(mixture):
    """Fails if calls from several threads disturb each other, at one time or several."""
    x = np.random.default_rng(1).normal(size=(20_000, 2))
    expected = {t: mixture.log_density(x, t=t) for t in (0.1, 0.5)}
    wrong = []

    def work(t):
        for _ in range(20):
            if not np.array_equal(mixture.log_density(x, t=t), expected[t]):
                wrong.append(t)

    threads = [threading.Thread(target=work, args=(t,)) for t in (0.1, 0.5, 0.1, 0.5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
