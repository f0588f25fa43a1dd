"""Functions that fail, return what cannot be used, or are interrupted: the error, and what is left behind."""

import gc
import os
import signal
import subprocess
import sys
import threading
import time
import traceback
import tracemalloc

import numpy as np
import pytest

import amc

KEYWORDS = dict(path={"kind": "tempering", "levels": 8}, kernel="rwm", sampler={"kind": "smc", "particles": 1024}, progress=False)


class Mine(Exception):
    """An error of the target's own."""


def good(x):
    return -0.5 * np.square(x - 0.5).sum(axis=1)


def good_score(x):
    return 0.5 - x


def failing(x):
    raise Mine("the simulator is out of fuel")


@pytest.mark.parametrize("threads", [1, 2])
def test_exceptions_come_out_as_they_are(threads):
    """Fails if an exception is wrapped, renamed, loses its traceback, or ends in another thread's."""
    with pytest.raises(Mine, match="out of fuel") as caught:
        amc.anneal(failing, 2, threads=threads, **KEYWORDS)
    names = [frame.name for frame in traceback.extract_tb(caught.value.__traceback__)]
    assert names[-1] == "failing" and "anneal" in names


@pytest.mark.parametrize("at", [1, 2, 30])
def test_late_exceptions(at):
    """Fails if an exception in a later call is lost, or the package is of no use afterwards."""
    calls = []

    def log_density(x):
        calls.append(threading.current_thread())
        if len(calls) == at:
            raise KeyError("later")
        return good(x)

    with pytest.raises(KeyError, match="later"):
        amc.anneal(log_density, 2, **KEYWORDS)
    assert len(calls) == at
    assert set(calls) == {threading.current_thread()}, "functions run in the thread that called"
    assert np.isfinite(amc.anneal(good, 2, **KEYWORDS).log_z)


@pytest.mark.parametrize("error", [SystemExit, KeyboardInterrupt, GeneratorExit, StopIteration])
def test_exceptions_that_are_no_errors(error):
    """Fails if one of these is swallowed."""

    def log_density(x):
        raise error

    with pytest.raises(error):
        amc.anneal(log_density, 2, **KEYWORDS)


BAD_RESULTS = [
    (lambda x: 1.0, r"log_density returned an array of shape \(\) for \d+ points of 2 coordinates; it must have shape \(\d+,\).*axis=1"),
    (lambda x: good(x)[:, None], r"shape \(\d+, 1\).*\[:, 0\]"),
    (lambda x: good(x)[1:], r"log_density returned an array of shape"),
    (lambda x: x, r"log_density returned an array of shape \(\d+, 2\)"),
    (lambda x: None, "what log_density returned is None"),
    (lambda x: good(x) + 0j, "what log_density returned holds complex128"),
    (lambda x: good(x).astype(str), "what log_density returned holds <U"),
    (lambda x: np.full(len(x), np.nan), r"log_density returned nan for point 0 of the \d+ it was given; it must be finite, or -inf"),
    (lambda x: np.where(np.arange(len(x)) == 3, np.inf, good(x)), "log_density returned inf for point 3"),
]


@pytest.mark.parametrize("log_density, message", BAD_RESULTS)
def test_bad_log_densities(log_density, message):
    """Fails if a result that cannot be used passes, or the message does not say what was returned and what is wanted."""
    with pytest.raises(amc.TargetError, match=message):
        amc.anneal(log_density, 2, **KEYWORDS)


@pytest.mark.parametrize(
    "score, message",
    [
        (lambda x: good(x), r"score returned an array of shape \(\d+,\) for \d+ points of 2 coordinates; it must have shape \(\d+, 2\)"),
        (lambda x: good_score(x).T, "return its transpose"),
        (lambda x: good_score(x) * np.nan, "score returned nan for coordinate 0 of point 0"),
        (lambda x: "score", "what score returned holds <U5"),
    ],
)
def test_bad_scores(score, message):
    """Fails as above, for scores."""
    with pytest.raises(amc.TargetError, match=message):
        amc.anneal(good, 2, score=score, **{**KEYWORDS, "kernel": "mala"})


def test_bad_pairs():
    """Fails if `log_density_and_score` may return anything but a pair."""

    class Target:
        dim = 2
        log_density = staticmethod(good)
        log_density_and_score = staticmethod(good_score)

    with pytest.raises(amc.TargetError, match="log_density_and_score returned .*; it must return a pair"):
        amc.anneal(Target(), **{**KEYWORDS, "kernel": "mala"})


def test_results_are_converted():
    """Fails if lists, narrow floats or strided results change the run beyond their rounding."""
    expected = amc.anneal(good, 2, **KEYWORDS)
    for convert in (np.ndarray.tolist, lambda a: np.repeat(a, 2)[::2], lambda a: a.astype(">f8"), lambda a: a.astype(np.longdouble)):
        found = amc.anneal(lambda x: convert(good(x)), 2, **KEYWORDS)
        assert np.array_equal(found.positions, expected.positions)
    single = amc.anneal(lambda x: good(x).astype(np.float32), 2, **KEYWORDS)
    assert abs(single.log_z - expected.log_z) < 0.1


def test_functions_may_overwrite_and_keep_their_points():
    """Fails if what a function does with its points reaches the run, or the points it kept change under it."""
    expected = amc.anneal(good, 2, score=good_score, **{**KEYWORDS, "kernel": "mala"})
    kept = []

    def log_density(x):
        kept.append((x, x.copy()))
        return good(x)

    def score(x):
        result = good_score(x)
        x[...] = np.nan
        return result

    found = amc.anneal(log_density, 2, score=score, **{**KEYWORDS, "kernel": "mala"})
    assert np.array_equal(found.positions, expected.positions)
    assert kept and all(np.array_equal(now, then) for now, then in kept)
    assert all(x.flags.c_contiguous and x.dtype == np.float64 and x.shape[1] == 2 and len(x) <= 512 for x, _ in kept)


def test_points_are_finite():
    """Fails if a function is asked about a point that leapt to infinity, or such a leap ends a run."""
    seen = []

    def log_density(x):
        seen.append(np.isfinite(x).all())
        with np.errstate(over="ignore"):
            return -np.square(np.square(x) - 0.5).sum(axis=1) - x[:, 0]

    def score(x):
        seen.append(np.isfinite(x).all())
        with np.errstate(over="ignore"):
            result = -4.0 * x * (np.square(x) - 0.5)
        result[:, 0] -= 1.0
        return result

    kernel = {"kind": "hmc", "step_size": 50.0, "leapfrog_steps": 20}
    result = amc.anneal(log_density, 2, score=score, **{**KEYWORDS, "kernel": kernel})
    assert all(seen) and result.summary["non_finite"] > 0 and np.isfinite(result.log_z)


def test_context_of_the_caller():
    """Fails if functions do not see the caller's `errstate`, as they would not in another thread."""

    def log_density(x):
        np.log(np.zeros(1))
        return good(x)

    with np.errstate(divide="raise"), pytest.raises(FloatingPointError):
        amc.anneal(log_density, 2, **KEYWORDS)


def test_failing_runs_leak_nothing():
    """Fails if runs that end by an error keep references or memory."""
    target, payload = Mine("once"), np.zeros(1000)

    def log_density(x, payload=payload):
        raise target

    def run(count):
        for _ in range(count):
            for function, error in ((log_density, Mine), (lambda x: payload, amc.TargetError), (lambda x: None, amc.TargetError)):
                with pytest.raises(error):
                    amc.anneal(function, 2, **KEYWORDS)
            target.__traceback__ = None
            with pytest.raises(amc.ConfigError):
                amc.anneal(good, 2, **{**KEYWORDS, "kernel": "rwmm"})
        gc.collect()

    run(3)
    references, threads = sys.getrefcount(payload), threading.active_count()
    tracemalloc.start()
    run(5)
    before = tracemalloc.get_traced_memory()[0]
    run(40)
    grown = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    assert sys.getrefcount(payload) == references and threading.active_count() == threads
    assert grown < 50_000, grown
    if os.path.isdir("/proc/self/task"):
        assert len(os.listdir("/proc/self/task")) < 64, "threads of runs are left"


def test_good_runs_leak_nothing():
    """Fails if results or points are kept somewhere."""
    tracemalloc.start()
    before = None
    for turn in range(12):
        amc.anneal(good, 2, **KEYWORDS)
        gc.collect()
        if turn == 3:
            before = tracemalloc.get_traced_memory()[0]
    grown = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    assert grown < 30_000, grown


INTERRUPTED = """
import os, signal, sys, threading, time
import numpy as np
import amc

# What was started in the background of a shell ignores the signal.
signal.signal(signal.SIGINT, signal.default_int_handler)

def send():
    time.sleep(1.0)
    print("sent", time.monotonic(), flush=True)
    os.kill(os.getpid(), signal.SIGINT)

{setup}
threading.Thread(target=send, daemon=True).start()
try:
    amc.anneal({target}, progress=False)
except KeyboardInterrupt:
    print("stopped", time.monotonic(), flush=True)
    # The interpreter is as it was.
    mixture = amc.Mixture([1.0], [[0.0]], 1.0)
    assert abs(mixture.log_density(np.zeros((1, 1)))[0] + 0.918938533) < 1e-6
"""


@pytest.mark.parametrize(
    "setup, target, limit",
    [
        # in a function that computes
        ("def f(x):\n    return -0.5 * np.square(x).sum(axis=1)", 'f, 2, kernel={"kind": "rwm", "steps": 1000}, sampler={"particles": 100_000}', 0.5),
        # in one that sleeps
        ("def f(x):\n    time.sleep(60)\n    return x[:, 0]", 'f, 2, kernel="rwm"', 0.5),
        # without any function of Python's
        ("", 'amc.Mixture.many_modes(32, 32), path={"levels": 4000}, sampler={"particles": 20_000}', 3.0),
    ],
)
def test_interrupts(setup, target, limit):
    """Fails if Ctrl-C waits for the end of a run, or is lost."""
    program = INTERRUPTED.format(setup=setup, target=target)
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120, check=False)
    assert run.returncode == 0, run.stderr
    (_, sent), (word, stopped) = (line.split() for line in run.stdout.splitlines())
    assert word == "stopped" and float(stopped) - float(sent) < limit, run.stdout


def test_signals_have_their_handlers():
    """Fails if a handler of the user's does not run during a run."""
    if threading.current_thread() is not threading.main_thread():
        pytest.skip("signals reach the main thread alone")

    class Alarm(Exception):
        pass

    def handler(number, frame):
        raise Alarm

    before = signal.signal(signal.SIGALRM, handler)
    signal.setitimer(signal.ITIMER_REAL, 0.3)
    try:
        with pytest.raises(Alarm):
            amc.anneal(good, 2, **{**KEYWORDS, "sampler": {"particles": 50_000}, "kernel": {"kind": "rwm", "steps": 1000}})
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def test_runs_in_threads():
    """Fails if two runs at once disturb each other."""
    expected = [amc.anneal(good, 2, seed=seed, **KEYWORDS).positions for seed in range(3)]
    found = {}

    def work(seed):
        found[seed] = amc.anneal(good, 2, seed=seed, **KEYWORDS).positions

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(np.array_equal(found[seed], expected[seed]) for seed in range(3))


def test_other_threads_go_on():
    """Fails if the interpreter is held while no function of Python's runs."""
    ticks, done = [], threading.Event()

    def tick():
        while not done.is_set():
            ticks.append(time.perf_counter())
            time.sleep(0.001)

    thread = threading.Thread(target=tick)
    thread.start()
    start = time.perf_counter()
    amc.anneal(amc.Mixture.two_modes(32, 5.0), path={"levels": 128}, sampler={"particles": 4096}, progress=False)
    end = time.perf_counter()
    done.set()
    thread.join()
    inside = np.array([at for at in ticks if start < at < end])
    assert len(inside) > 20 * (end - start), f"{len(inside)} ticks in {end - start:.2f} s"
