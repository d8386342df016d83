"""Iterates of expectation maximisation in 40 digits, written to em.json.

The plain algorithm on a small set of real measurements (eruption and waiting time of the Old Faithful geyser, the first 60 rows, in minutes), from
a fixed start, without a lower bound on variances: mean log-likelihoods of the start and after each of four iterations, and the last weights, means
and covariances, for each form of the covariances.

    python em.py
"""

import json
from pathlib import Path

from mpmath import exp, log, mp, mpf, nstr, pi

mp.dps = 40
here = Path(__file__).resolve().parent
# Azzalini and Bowman (1990), "A look at some data on the Old Faithful geyser".
data = [
    (3.6, 79), (1.8, 54), (3.333, 74), (2.283, 62), (4.533, 85), (2.883, 55), (4.7, 88), (3.6, 85),
    (1.95, 51), (4.35, 85), (1.833, 54), (3.917, 84), (4.2, 78), (1.75, 47), (4.7, 83), (2.167, 52),
    (1.75, 62), (4.8, 84), (1.6, 52), (4.25, 79), (1.8, 51), (1.75, 47), (3.45, 78), (3.067, 69),
    (4.533, 74), (3.6, 83), (1.967, 55), (4.083, 76), (3.85, 78), (4.433, 79), (4.3, 73), (4.467, 77),
    (3.367, 66), (4.033, 80), (3.833, 74), (2.017, 52), (1.867, 48), (4.833, 80), (1.833, 59), (4.783, 90),
    (4.35, 80), (1.883, 58), (4.567, 84), (1.75, 58), (4.533, 73), (3.317, 83), (3.833, 64), (2.1, 53),
    (4.633, 82), (2.0, 59), (4.8, 75), (4.716, 90), (1.833, 54), (4.833, 80), (1.733, 54), (4.883, 83),
    (3.717, 71), (1.667, 64), (4.567, 77), (4.317, 81),
]
x = [[mpf(v) for v in row] for row in data]
D, K, B = 2, 2, len(x)


def density(row, mean, sigma):
    a, b, c = sigma[0][0], sigma[0][1], sigma[1][1]
    determinant = a * c - b * b
    u, v = row[0] - mean[0], row[1] - mean[1]
    return exp(-(c * u * u - 2 * b * u * v + a * v * v) / (2 * determinant)) / (2 * pi * determinant ** mpf("0.5"))


def shape(form, scatters, masses):
    if form == "tied":
        pooled = [[sum(s[i][j] for s in scatters) / B for j in range(D)] for i in range(D)]
        return [pooled] * K
    covariances = []
    for s, n in zip(scatters, masses):
        if form == "full":
            covariances.append([[s[i][j] / n for j in range(D)] for i in range(D)])
        elif form == "diagonal":
            covariances.append([[s[i][j] / n if i == j else mpf(0) for j in range(D)] for i in range(D)])
        else:
            v = sum(s[i][i] for i in range(D)) / (n * D)
            covariances.append([[v if i == j else mpf(0) for j in range(D)] for i in range(D)])
    return covariances


def run(form):
    weights = [mpf("0.5"), mpf("0.5")]
    means = [[mpf(2), mpf(60)], [mpf(4), mpf(75)]]
    covariances = [[[mpf(25), mpf(0)], [mpf(0), mpf(25)]]] * K
    trace = []
    for _ in range(5):
        joint = [[w * density(row, m, s) for w, m, s in zip(weights, means, covariances)] for row in x]
        trace.append(sum(log(sum(row)) for row in joint) / B)
        if len(trace) == 5:
            break
        r = [[p / sum(row) for p in row] for row in joint]
        masses = [sum(row[k] for row in r) for k in range(K)]
        means = [[sum(r[b][k] * x[b][d] for b in range(B)) / masses[k] for d in range(D)] for k in range(K)]
        scatters = [[[sum(r[b][k] * (x[b][i] - means[k][i]) * (x[b][j] - means[k][j]) for b in range(B)) for j in range(D)]
                     for i in range(D)] for k in range(K)]
        covariances = shape(form, scatters, masses)
        weights = [m / B for m in masses]
    number = lambda v: float(nstr(v, 25))
    return {"form": form, "log_likelihoods": [number(v) for v in trace], "weights": [number(v) for v in weights],
            "means": [[number(v) for v in m] for m in means],
            "covariances": [[[number(v) for v in line] for line in s] for s in covariances]}


table = {"x": [list(row) for row in data], "fits": [run(form) for form in ("full", "diagonal", "tied", "spherical")]}
(here / "em.json").write_text(json.dumps(table, indent=1) + "\n")
