#!/usr/bin/env python3
"""Trains models of three targets and measures what samplers make of them: the tables of docs/learned.md.

Every training, report and run is a process of the program `amc`, and its JSON is kept in the folder --out, so
that a second call goes on where the first was stopped and prints the tables again. Only the standard library is
needed.
"""

import argparse
import json
import math
import statistics
import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent

TARGETS = {
    "two-modes-16-1": ('kind = "two-modes"\ndim = 16\nseparation = 1.0', 128),
    "two-modes-32-5": ('kind = "two-modes"\ndim = 32\nseparation = 5.0', 128),
    "many-modes-8-16": ('kind = "many-modes"\ndim = 8\ncomponents = 16', 64),
}

# name: (density, score, bridge, further settings)
SETTINGS = [
    ("ideal", "isotropic-optimal", "exact", "exact", "score", []),
    ("ideal", "second-order", "exact", "exact", "score", []),
    ("semi-ideal", "isotropic-optimal", "exact", "learned", "score", []),
    ("semi-ideal", "second-order", "exact", "learned", "score", []),
    ("semi-ideal", "ddpm", "exact", "learned", "score", []),
    ("semi-ideal", "low-rank", "exact", "learned", "score", []),
    ("semi-ideal", "ddim map", "exact", "learned", "score", ["bridge.kind=flow-map", "bridge.map=ddim"]),
    ("semi-ideal", "smc, isotropic-optimal", "exact", "learned", "score", ["bridge.kind=isotropic-optimal", "sampler.kind=smc"]),
    ("learned", "isotropic-optimal", "learned", "learned", "classified", []),
    ("learned, score matching alone", "isotropic-optimal", "learned", "learned", "score", []),
    ("learned density, exact score", "isotropic-optimal", "learned", "exact", "classified", []),
]


def config(target, preset, seed, classified, loss):
    text, levels = TARGETS[target]
    classification = "bi-level" if classified else "none"
    return (
        f"seed = {seed}\n[target]\n{text}\n[path]\nlevels = {levels}\nspacing = \"uniform\"\n"
        f"[bridge]\nkind = \"isotropic-optimal\"\n[kernel]\nkind = \"none\"\n"
        f"[train]\npreset = \"{preset}\"\nclassification = \"{classification}\"\nloss = \"{loss}\"\n"
    )


class Lab:
    def __init__(self, arguments):
        self.program = arguments.program
        self.out = Path(arguments.out)
        self.out.mkdir(parents=True, exist_ok=True)
        self.particles = arguments.particles

    def json(self, name, command):
        """The JSON a command prints, kept under a name."""
        path = self.out / f"{name}.json"
        if not path.exists():
            print(f"... {name}", file=sys.stderr, flush=True)
            done = subprocess.run([self.program, *command], capture_output=True, text=True)
            if done.returncode != 0:
                raise SystemExit(f"{' '.join(command)}: {done.stderr}")
            partial = path.with_suffix(".part")
            partial.write_text(done.stdout)
            partial.rename(path)
        return json.loads(path.read_text())

    def trained(self, target, preset, seed, kind, loss="mixed"):
        """The configuration and the folder of a model, trained if it is not there yet."""
        name = f"{target}-{preset}-{kind}-{loss}-{seed}"
        file = self.out / f"{name}.toml"
        file.write_text(config(target, preset, seed, kind == "classified", loss))
        folder = self.out / name
        if not (folder / "model.safetensors").exists():
            resume = ["--resume"] if (folder / "checkpoint.safetensors").exists() else []
            self.json(f"{name}-training", ["train", str(file), "--out", str(folder), "--json", *resume])
        return name, file, folder

    def report(self, target, preset, seed, kind, loss="mixed"):
        name, _, folder = self.trained(target, preset, seed, kind, loss)
        return self.json(f"{name}-report", ["model-report", str(folder), "--json"])

    def run(self, target, preset, seed, setting, spacing):
        label, bridge, density, score, kind, further = setting
        name, file, folder = self.trained(target, preset, seed, kind)
        chosen = [f"bridge.kind={bridge}"] if not further else further
        sets = [
            f"model.file={(folder / 'model.safetensors').resolve()}",
            f"model.density={density}",
            f"model.score={score}",
            f"path.spacing={spacing}",
            f"sampler.particles={self.particles}",
            "sampler.both_sides=false",
            *chosen,
        ]
        command = ["run", str(file), "--json", "--quiet"]
        for text in sets:
            command += ["--set", text]
        words = f"{label} {bridge} {spacing}".replace(",", "").replace(" ", "_")
        return self.json(f"{name}-run-{words}", command)


def spread(values, digits=3):
    """Mean and standard deviation over seeds."""
    mean = statistics.fmean(values)
    if len(values) < 2:
        return f"{mean:.{digits}f}"
    return f"{mean:.{digits}f} ± {statistics.stdev(values):.{digits}f}"


def runs(lab, targets, preset, seeds):
    for target in targets:
        print(f"\n{target}, {preset} preset, {len(seeds)} seeds, N = {lab.particles}, AIS without MCMC\n")
        print("| setting | bridge | uniform: ESS | log Z / s.e. | log-snr: ESS | log Z / s.e. |")
        print("|---|---|---|---|---|---|")
        for setting in SETTINGS:
            cells = []
            for spacing in ("uniform", "log-snr"):
                found = [lab.run(target, preset, seed, setting, spacing) for seed in seeds]
                cells.append(spread([run["ess"] for run in found]))
                shown = [f"{run['log_z']:+.3f}/{run['log_z_std_error']:.3f}" for run in found]
                cells.append(" ".join(shown))
            print(f"| {setting[0]} | {setting[1]} | {' | '.join(cells)} |", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", default=str(REPOSITORY / "target/release/amc"), help="the program amc")
    parser.add_argument("--out", required=True, help="folder for models and results")
    parser.add_argument("--preset", choices=["short", "full"], default="full")
    parser.add_argument("--targets", nargs="+", choices=list(TARGETS), default=list(TARGETS))
    parser.add_argument("--seeds", nargs="+", type=int, default=[1, 2, 3])
    parser.add_argument("--particles", type=int, default=4096)
    arguments = parser.parse_args()
    lab = Lab(arguments)
    models(lab, arguments.targets, arguments.preset, arguments.seeds)
    runs(lab, arguments.targets, arguments.preset, arguments.seeds)


if __name__ == "__main__":
    main()
