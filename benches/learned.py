#!/usr/bin/env python3
"""Trains models of three targets and measures what samplers make of them: the tables of docs/src/learned.md.

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
            resume = ["--resume"] if any(folder.glob("checkpoint*.safetensors")) else []
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


def rms(values):
    return math.sqrt(statistics.fmean([value * value for value in values]))


def models(lab, targets, preset, seeds):
    print(f"Scores, {preset} preset, {len(seeds)} seeds: relative Fisher divergence, 24 levels of 4096 samples\n")
    print("| target | worst at sigma >= .05 | share <= .005 | <= .01 | <= .05 | worst below .05 | exp(-V) |")
    print("|---|---|---|---|---|---|---|")
    for target in targets:
        found = [lab.report(target, preset, seed, "score") for seed in seeds]
        summaries = [report["summary"] for report in found]
        worst = spread([summary["worst_relative_divergence"] for summary in summaries], 4)
        shares = [spread([summary["shares_within"][i] for summary in summaries], 2) for i in range(3)]
        clean = [
            max(level["relative_divergence"]["value"] for level in report["levels"] if level["sigma"] < 0.05)
            for report in found
        ]
        kept = spread([summary["predicted_ess"] for summary in summaries])
        print(f"| {target} | {worst} | {' | '.join(shares)} | {spread(clean, 4)} | {kept} |", flush=True)
    print("\nModes: error of the learned log-ratio between them (root mean square over seeds), ESS of the density\n")
    print("| target | losses | cleanest level | the same, robust | sigma near .5 | ESS there | worst divergence at sigma >= .05 |")
    print("|---|---|---|---|---|---|---|")
    for target in targets:
        for kind, name in (("score", "score"), ("classified", "score, then with classification")):
            found = [lab.report(target, preset, seed, kind) for seed in seeds]
            cleanest = [report["levels"][-1]["density"]["modes"] for report in found]
            middle = [min(report["levels"], key=lambda level: abs(level["sigma"] - 0.5)) for report in found]
            print(
                f"| {target} | {name} | {rms([modes['error']['value'] for modes in cleanest]):.3g} "
                f"| {rms([modes['robust_error']['value'] for modes in cleanest]):.3g} "
                f"| {rms([level['density']['modes']['error']['value'] for level in middle]):.3g} "
                f"| {spread([level['density']['ess'] for level in middle])} "
                f"| {spread([report['summary']['worst_relative_divergence'] for report in found], 4)} |",
                flush=True,
            )


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
