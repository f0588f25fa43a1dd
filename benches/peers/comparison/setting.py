"""What all parts of a comparison share."""

import subprocess
from dataclasses import dataclass
from pathlib import Path

from .amc import Amc
from .failure import Failure, last_lines
from .peer import PROGRAMS, Peer


@dataclass(frozen=True)
class Problem:
    """A mixture."""

    kind: str
    dim: int
    components: int

    @property
    def name(self) -> str:
        """As its files are called."""
        return f"{self.kind}-d{self.dim}-k{self.components}"

    def __str__(self) -> str:
        return f"{self.kind} ({self.dim}, {self.components})"


@dataclass(frozen=True)
class Setting:
    """The programs, the folder for mixtures and plans, and how much is measured."""

    python: Path
    amc: Amc
    folder: Path
    rounds: int
    run_rounds: int
    seconds: float
    patience: float
    particles: int
    run_particles: int
    tiny: bool
    left_out: frozenset[str]

    def peers(self, *names: str) -> list[str]:
        """Those of these libraries that take part."""
        return [name for name in names if name not in self.left_out]

    def start(self, program: str, *arguments: object, threads: int = 1) -> Peer:
        """A peer program, ready to be measured."""
        return Peer(self.python, program, [str(argument) for argument in arguments], threads)

    def mixture(self, problem: Problem) -> Path:
        """The mixture's file."""
        return self.folder / f"{problem.name}.json"

    def points(self, problem: Problem) -> Path:
        """Points at which contenders must agree on it, CSV."""
        return self.folder / f"{problem.name}.points.csv"

    def make_mixtures(self, problems: list[Problem]) -> None:
        """Writes both files of each problem."""
        names = [f"{p.kind},{p.dim},{p.components}" for p in problems]
        program = PROGRAMS / "make_mixtures.py"
        command = [str(self.python), str(program), "--folder", str(self.folder), *names]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise Failure(f"{program.name} failed:\n{last_lines(done.stderr)}")
