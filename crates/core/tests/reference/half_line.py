"""Mills' ratio and the cumulants of a normal distribution cut off at zero, to fifty digits, written to half_line.tsv.

Columns as in special.tsv: function, arguments, value, sum of the absolute values of the terms where they cancel (0 where they do not).
The cumulants are those of exp(z x - x^2/2) on x >= 0, by derivatives of log m(-z) with m(z) = sqrt(pi/2) erfcx(z / sqrt 2).

    python3 half_line.py
"""

import random
from pathlib import Path

from mpmath import erfc, exp, log, mp, mpf, pi, sqrt

mp.dps = 400  # the cumulants cancel by z^6 and more; fifty digits remain
random.seed(20261126)


def mills(z):
    return sqrt(pi / 2) * exp(z * z / 2) * erfc(z / sqrt(mpf(2)))


def line(name, arguments, value, terms):
    return "\t".join([name, ",".join(repr(float(a)) for a in arguments), mp.nstr(value, 50), mp.nstr(terms, 5)])


points = [-1e6, -1e4, -300.0, -39.0, -38.0, -20.0, -8.0, -5.0, -3.0, -2.0, -1.9999999, -1.5, -1.0, -0.30263084, -1e-3, 0.0]
points += [0.2, 0.5, 1.0, 1.5, 2.0, 3.0, 5.0, 8.0, 15.0, 30.0, 37.0, 39.0, 100.0, 1e4]
points += [round(random.uniform(-12, 12), 6) for _ in range(60)]
rows = []
for z in points:
    x = mpf(z)
    if abs(x) < 300:
        value = log(mills(x))
        rows.append(line("log_mills_ratio", [z], value, max(1, x * x / 2) if x < 0 else 1))
    if x < -300:
        continue  # erfc underflows beyond the working precision; the test of limits has these
    hazard = 1 / mills(-x)
    mean = x + hazard
    variance = 1 - hazard * mean
    third = hazard * (mean * mean - variance)
    # The terms of the rounding errors of what goes before as well.
    cancels = x > -2
    terms = [abs(x) + hazard, 1 + hazard * (abs(x) + hazard), hazard * (1 + (abs(x) + hazard) ** 2 + hazard * (abs(x) + hazard))]
    y = -x
    for k, value in enumerate([mean, variance, third]):
        bound = terms[k] if cancels else [0, 3 * variance, 8 * third][k]
        rows.append(line(f"half_line_cumulant_{k + 1}", [z], value, bound))
Path(__file__).with_name("half_line.tsv").write_text("\n".join(rows) + "\n")
