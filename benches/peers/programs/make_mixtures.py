"""Writes the mixtures that all contenders are given, and points at which they must agree.

For `diagonal-d16-k2` that is `diagonal-d16-k2.json` (the interchange format for mixtures, which `amc`
reads) and `diagonal-d16-k2.points.csv` (one point a row).
"""

import argparse
from pathlib import Path

import numpy as np
from mixture import KINDS, random_mixture


def main() -> None:
    """Writes what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--points", type=int, default=64, help="points a mixture (64)")
    parser.add_argument("problems", nargs="+", metavar="KIND,D,K", help="e.g. diagonal,16,2")
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    for problem in arguments.problems:
        kind, dim, components = problem.split(",")
        if kind not in KINDS:
            parser.error(f"{problem}: the kind is one of {', '.join(KINDS)}")
        mixture = random_mixture(kind, int(dim), int(components))
        name = f"{kind}-d{dim}-k{components}"
        (arguments.folder / f"{name}.json").write_text(mixture.to_json(name), encoding="utf-8")
        points = mixture.typical_points(arguments.points, seed=11)
        # 17 significant digits read back to the same bits.
        np.savetxt(arguments.folder / f"{name}.points.csv", points, delimiter=",", fmt="%.17g")


if __name__ == "__main__":
    main()
