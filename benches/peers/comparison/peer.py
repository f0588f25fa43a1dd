"""A running peer program: see `programs/channel.py` for what is said to it and answered."""

import json
import os
import subprocess
import tempfile
from pathlib import Path

from .failure import Failure, last_lines
from .machine import pinned, thread_environment

PROGRAMS = Path(__file__).resolve().parents[1] / "programs"

# Freed arrays stay mapped; otherwise page faults slow the small NumPy cases several times.
KEEP_MEMORY = {
    "MALLOC_TRIM_THRESHOLD_": str(1 << 32),
    "MALLOC_MMAP_THRESHOLD_": str(1 << 32),
    "MALLOC_TOP_PAD_": str(1 << 28),
}
# Overrides that some machines set for old builds of OpenBLAS; they slow the one that NumPy brings.
OVERRIDES = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")


class Peer:
    """A program that is ready to be measured; use it in a `with` statement."""

    def __init__(self, python: Path, program: str, arguments: list[str], threads: int = 1) -> None:
        self.name = " ".join([program, *arguments[:1]])
        environment = thread_environment(threads) | KEEP_MEMORY
        for name in OVERRIDES:
            environment.pop(name, None)
        self._errors = tempfile.TemporaryFile(mode="w+", encoding="utf-8")
        self._process = subprocess.Popen(
            [str(python), str(PROGRAMS / f"{program}.py"), *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
            env=environment | {"PYTHONDONTWRITEBYTECODE": "1"},
            preexec_fn=pinned(threads) if os.name == "posix" else None,
        )
        try:
            self.ready = self._answer()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> "Peer":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def measure(self, **request: object) -> dict:
        """One measurement."""
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        return self._answer()

    def close(self) -> None:
        """Ends the program."""
        if self._process.poll() is None:
            self._process.stdin.close()
            try:
                self._process.wait(timeout=5)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self._process.stdout.close()
        self._errors.close()

    def _answer(self) -> dict:
        line = self._process.stdout.readline()
        if line:
            return json.loads(line)
        code = self._process.wait()
        self._errors.seek(0)
        raise Failure(
            f"the peer {self.name} ended (exit code {code}):\n{last_lines(self._errors.read())}"
        )
