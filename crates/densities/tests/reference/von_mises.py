"""Reference tables of the von Mises distribution: `von_mises.json` (log-densities and scores) and `von_mises_values.json` (entropies, Fisher
informations, divergences).

The terms of the log-density are `2 kappa sin^2((x - mu)/2)`, `log 2 pi` and `log(exp(-kappa) I_0(kappa))`.
"""

import json
import math
import random
import sys
from pathlib import Path

from mpmath import besseli, cos, exp, log, mp, mpf, pi, sin

from common import digits, exact, table, total
from family import BOTH

# Differences of angles to 120 digits, times concentrations of 10^20.
mp.dps = 150


def bessel(order, kappa):
    """`exp(-kappa) I_order(kappa)`."""
    if kappa < 5000:
        return besseli(order, kappa) * exp(-kappa)
    # The asymptotic series (Abramowitz and Stegun 9.7.1), whose terms fall below the digits kept long before they grow.
    four, term, result, k = 4 * mpf(order) ** 2, mpf(1), mpf(0), 0
    while abs(term) > mpf(10) ** (-mp.dps):
        result += term
        k += 1
        term *= -(four - (2 * k - 1) ** 2) / (8 * kappa * k)
    return result / (2 * pi * kappa) ** mpf("0.5")


def von_mises():
    rng = random.Random(31)
    for kappa, mu in [
        (0.0, 0.0), (1e-300, 1.0), (1e-10, -2.0), (1e-3, 3.0), (0.1, 0.5), (0.5, -0.5), (0.99, 2.0), (1.01, -1.0), (2.0, 0.0), (3.9, math.pi), (4.1, -math.pi), (7.5, 3.1), (15.0, -3.1),
        (23.9, 1.5707963267948966), (24.1, 0.1), (100.0, 3.14), (1e3, -0.7), (1e5, 2.5), (1e8, -3.1415), (1e8, 0.3), (1e12, 1.0), (1e16, 3.0), (1e20, -1e-3),
    ]:
        k, m = exact(kappa), exact(mu)
        log_bessel = log(bessel(0, k))
        points = {mu, -mu, math.pi, -math.pi, math.nextafter(math.pi, 0), 0.0, mu / 2, mu + 1e-9, mu - 1e-5}
        points |= {mu + z / max(kappa, 1.0) ** 0.5 for z in BOTH} | {x + 2 * math.pi * s for x in list(points) for s in (-1, 1)}
        # Opposite to the direction.
        points |= {mu - math.copysign(math.pi, mu) + e for e in (0.0, 1e-12, -1e-8, 1e-4)} | {rng.uniform(-math.pi, math.pi) for _ in range(30)}
        points = sorted(x for x in points if abs(x) <= math.pi)
        points = sorted(rng.sample(points, 60)) if len(points) > 60 else points
        rows = []
        for x in points:
            d = exact(x) - m
            value, terms = total([-2 * k * sin(d / 2) ** 2, -log(2 * pi), -log_bessel])
            rows.append(([x], value, terms, [-k * sin(d)], [abs(k * sin(d))]))
        yield {"direction": mu, "concentration": kappa}, rows


def values():
    def divergence(p, q):
        (mu, k), (nu, l) = p, q
        a = bessel(1, k) / bessel(0, k)
        return log(bessel(0, l) / bessel(0, k)) + l - k + a * (k - l * cos(nu - mu))

    lines = []
    for kappa, mu in [(1e-6, 0.3), (0.01, -3.0), (0.5, 1.0), (0.999, 2.0), (1.5, -0.2), (3.0, 3.1), (10.0, 0.0), (23.0, 1.0), (25.0, -2.0), (400.0, 0.5), (1e5, 1.2), (1e9, -0.4)]:
        k, m = exact(kappa), exact(mu)
        a = bessel(1, k) / bessel(0, k)
        along, across = 1 - a / k - a * a, a / k
        others = [[mu + t, kappa * f] for t, f in [(1e-9, 1.0), (0.0, 1 + 1e-9), (-1e-5, 1 - 1e-6), (0.0, 1.001), (1e-3, 1.4), (0.01, 1.6), (0.0, 0.4), (0.04, 30.0)]]
        lines.append(json.dumps({
            "parameters": [mu, kappa],
            "entropy": digits(log(2 * pi * bessel(0, k)) + k * (1 - a)),
            "fisher": [digits(v) for v in (cos(m) ** 2 * along + sin(m) ** 2 * across, sin(m) * cos(m) * (along - across), sin(m) ** 2 * along + cos(m) ** 2 * across)],
            "circular_variance": digits(1 - a),
            "others": others,
            "divergences": [digits(divergence((m, k), exact(o))) for o in others],
        }, separators=(",", ":")))
    path = Path(sys.argv[0]).resolve().parent / "von_mises_values.json"
    path.write_text("[\n%s\n]\n" % ",\n".join(lines))
    print(f"{path.name}: {len(lines)} members")


table("von_mises", von_mises())
values()
