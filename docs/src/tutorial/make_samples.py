"""Writes samples.csv, 20000 samples of mixture.json: a stand-in for a program of your own.

lost.csv has the same samples without the mode near (1, -5): what a sampler leaves that never found it.
"""
import json
import random

random.seed(7)
with open("mixture.json") as file:
    mixture = json.load(file)


def square_root(covariance):
    """The Cholesky factor of a 2 x 2 covariance, row by row."""
    if covariance["kind"] == "isotropic":
        root = covariance["variance"] ** 0.5
        return (root, 0.0), (0.0, root)
    if covariance["kind"] == "diagonal":
        first, second = covariance["variances"]
        return (first**0.5, 0.0), (0.0, second**0.5)
    (p, q), (_, r) = covariance["matrix"]
    return (p**0.5, 0.0), (q / p**0.5, (r - q * q / p) ** 0.5)


roots = [square_root(covariance) for covariance in mixture["covariances"]]
modes = random.choices(range(len(roots)), mixture["weights"], k=20000)
with open("samples.csv", "w") as every, open("lost.csv", "w") as lost:
    for mode in modes:
        noise = random.gauss(0, 1), random.gauss(0, 1)
        x = [
            mean + row[0] * noise[0] + row[1] * noise[1]
            for mean, row in zip(mixture["means"][mode], roots[mode])
        ]
        line = "%.9g,%.9g\n" % tuple(x)
        every.write(line)
        if mode != 2:
            lost.write(line)
