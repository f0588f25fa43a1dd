"""Prints a line for each summary of `amc run --json` that is named on the command line."""
import json
import sys

print("bridge              ESS/N  log Z               scores  Hv products  verdict")
for name in sys.argv[1:]:
    with open(name) as file:
        run = json.load(file)
    # The production run alone: without placement of levels, pilot, the run from the other side and the check of a map.
    scores, products = (
        run["evaluations"][kind]
        - sum(run[part + "_evaluations"][kind] for part in ("placement", "pilot", "reverse", "check"))
        for kind in ("score", "hessian_product")
    )
    print("%-18s  %.3f  %+.4f +- %.4f  %7d  %11d  %s" % (
        run["config"]["bridge"]["kind"], run["ess"], run["log_z"], run["log_z_std_error"],
        scores, products, run["verdict"]["status"]))
