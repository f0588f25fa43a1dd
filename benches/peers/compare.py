#!/usr/bin/env python3
"""Compares amc with what a user would run today for the same work: NumPy, JAX, torch, BlackJAX.

It sets up the peers' environment, builds amc, gives all contenders the same mixtures, measures them in
turns, checks that they agree, and prints one table with ratios. Only the standard library is needed to
start it.
"""

import argparse
import json
import platform
import signal
import sys
import tempfile
from pathlib import Path

from comparison import densities, normals, runs, threads
from comparison.amc import REPOSITORY, built
from comparison.environment import python_with_peers
from comparison.failure import Failure
from comparison.machine import say
from comparison.row import Row
from comparison.setting import Setting
from comparison.table import PEERS, legend, table

PARTS = {
    "densities": densities.rows,
    "normals": normals.rows,
    "ais": runs.ais_rows,
    "smc": runs.smc_rows,
    "threads": threads.rows,
}
NEED_BENCH = ("densities", "normals")

EPILOG = """\
parts:
  densities  log-density + score of mixtures, ns a particle, N = 16384
  normals    standard normals, ns each
  ais        AIS along tempering: N = 4096, 128 levels, 8 MALA moves a level
  smc        SMC along the diffusion path: N = 4096, 64 levels, 8 MALA moves a level
  threads    the AIS runs on one core and on two

examples:
  python3 benches/peers/compare.py --quick
  python3 benches/peers/compare.py --only ais,smc --without torch,torch-compiled --json peers.json

Everything but `threads` uses one core, so one other core may be busy; measure on an idle machine if you
can. The first start installs the peers (pip), which takes minutes and, with torch, 6 GB.

exit codes: 0 all contenders agree, 1 some disagree, 2 something is missing or failed.
"""


def parsed() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="two short rounds; no torch-compiled")
    parser.add_argument("--tiny", action="store_true", help="toy sizes: checks, not measurements")
    parser.add_argument("--only", type=_names(PARTS), default=list(PARTS), metavar="PARTS",
                        help=f"some of {','.join(PARTS)}")
    parser.add_argument("--without", type=_names(PEERS), default=[], metavar="PEERS",
                        help=f"leave out some of {','.join(PEERS)} (torch: the compiled one too)")
    parser.add_argument("--rounds", type=_positive, help="measurements of each contender (5; quick 2)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write every number there")
    parser.add_argument("--amc", type=Path, metavar="PATH", help="this program, instead of building")
    parser.add_argument("--venv", type=Path, default=REPOSITORY / "target" / "peers-venv",
                        metavar="FOLDER", help="the peers' environment (target/peers-venv)")
    parser.add_argument("--keep", type=Path, metavar="FOLDER",
                        help="leave mixtures, configurations and plans there")
    parser.add_argument("--patience", type=float, default=3.0, metavar="SECONDS",
                        help="to wait for a quiet machine before each measurement (3)")
    return parser.parse_args()


def _names(known):
    def parse(text: str) -> list[str]:
        names = [name for name in text.split(",") if name]
        for name in names:
            if name not in known:
                raise argparse.ArgumentTypeError(f"{name!r} is not one of {', '.join(known)}")
        return names

    return parse


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("at least 1")
    return number


def left_out(arguments: argparse.Namespace) -> frozenset[str]:
    """The libraries that do not take part."""
    names = set(arguments.without)
    if "torch" in names or arguments.quick:
        names.add("torch-compiled")
    return frozenset(names)


def prepared(arguments: argparse.Namespace, folder: Path) -> Setting:
    """Programs, environment and mixtures, ready to be measured."""
    if sys.version_info < (3, 11):
        raise Failure(f"Python 3.11 or newer is needed, this is {platform.python_version()}")
    amc = built(arguments.amc)
    need_bench = [part for part in arguments.only if part in NEED_BENCH]
    if need_bench and not amc.can("bench"):
        raise Failure(
            f"{amc.path} has no subcommand `bench`, which {' and '.join(need_bench)} need; "
            f"build a newer one, or give --only ais,smc,threads"
        )
    without = left_out(arguments)
    short = arguments.quick or arguments.tiny
    setting = Setting(
        python=python_with_peers(arguments.venv.resolve(), with_torch="torch" not in without),
        amc=amc,
        folder=folder.resolve(),
        rounds=arguments.rounds or (2 if short else 5),
        run_rounds=arguments.rounds or (2 if short else 5),
        seconds=0.05 if arguments.tiny else 0.2 if arguments.quick else 0.5,
        patience=0.0 if arguments.tiny else arguments.patience,
        particles=1024 if arguments.tiny else 16384,
        run_particles=512 if arguments.tiny else 4096,
        tiny=arguments.tiny,
        left_out=without,
    )
    tiny = arguments.tiny
    wanted = [*densities.problems(tiny), *runs.problems(tiny)]
    setting.make_mixtures(list(dict.fromkeys(wanted)))
    return setting


def show(rows: list[Row], setting: Setting, file: Path | None) -> None:
    """Prints the table, and writes everything to `file`."""
    print(table(rows), legend(rows), sep="\n\n", flush=True)
    if file is None:
        return
    document = {
        "amc": setting.amc.version(),
        "python": platform.python_version(),
        "rounds": setting.rounds,
        "tiny": setting.tiny,
        "rows": [row.to_dict() for row in rows],
    }
    file.write_text(json.dumps(document, indent=1), encoding="utf-8")


def compared(arguments: argparse.Namespace, folder: Path) -> int:
    """The whole comparison; the exit code."""
    setting = prepared(arguments, folder)
    rows: list[Row] = []
    try:
        for part, rows_of in PARTS.items():
            if part in arguments.only:
                rows += rows_of(setting)
    finally:
        # What was measured before a failure or an interruption is shown all the same.
        if rows:
            show(rows, setting, arguments.json)
    return 1 if any(row.disagreements for row in rows) else 0


def main() -> int:
    """Runs the comparison in a folder of its own."""
    arguments = parsed()
    # Being told to end is an interruption like any other.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        if arguments.keep:
            arguments.keep.mkdir(parents=True, exist_ok=True)
            return compared(arguments, arguments.keep)
        with tempfile.TemporaryDirectory(prefix="amc-peers-") as folder:
            return compared(arguments, Path(folder))
    except Failure as failure:
        print(f"compare.py: {failure}", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"compare.py: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        say("interrupted")
        return 2


if __name__ == "__main__":
    sys.exit(main())
