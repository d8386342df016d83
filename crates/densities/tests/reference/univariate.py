"""Reference tables of Student's t, Laplace and truncated normal densities, and of the uniform density on a box.

Values come from the textbook formulas in 120 digits and more; the terms are those of the formulas that the library documents.
"""

import random
import sys

from mpmath import erfc, erf, log, log1p, loggamma, mp, mpf, pi, sqrt

from common import exact, table, total
from family import BOTH, Z

HALF_LOG_2PI = log(2 * pi) / 2


def student_t():
    for location, scale, nu in [
        (0.0, 1.0, 1.0), (0.0, 1.0, 2.0), (1.5, 0.3, 3.0), (-2.0, 7.0, 0.5), (0.1, 1.0, 0.1), (0.0, 2.0, 1e-3), (1.0, 1.0, 1e-10), (0.7, 0.7, 4.0), (0.0, 1e-150, 2.5),
        (3.0, 1e150, 5.5), (1e8, 1e-3, 7.0), (0.0, 1.0, 10.0), (-1e-3, 0.39894228040143265, 30.0), (2.0, 1.1, 100.0), (0.0, 1.0, 1e4), (5.0, 0.2, 1e6), (0.0, 1.0, 1e8),
        (-0.3, 3.0, 1e10), (0.0, 1.0, 1e12), (7.0, 0.01, 1e16), (0.0, 1.0, 1e20), (0.25, 1.5, 1e100), (0.0, 1.0, 0.999), (0.0, 1.0, 1.001),
    ]:
        # The logarithms of the gamma function agree in all but the last digits.
        mp.dps = 120 if nu < 1e30 else 320
        m, s, v = exact(location), exact(scale), exact(nu)
        constant = loggamma((v + 1) / 2) - loggamma(v / 2) - log(v * pi) / 2 - log(s)
        # log Z = log scale + log 2 pi / 2 + what remains beside the normal distribution
        normaliser = [log(s), HALF_LOG_2PI, constant + log(s) + HALF_LOG_2PI]
        rows = []
        for z in BOTH + [-1e8, -1e5, -1e3, 100.0, 1e4, 1e6, 1e8, 1e12, 1e30, 1e100]:
            x = location + z * scale
            if abs(x) > 1e300:
                continue
            d = (exact(x) - m) / s
            energy = (v + 1) / 2 * log1p(d * d / v)
            _, terms = total([energy] + normaliser)
            score = -(v + 1) * d / (s * (v + d * d))
            rows.append(([x], constant - energy, terms, [score], [abs(score)]))
        yield {"location": location, "scale": scale, "degrees_of_freedom": nu}, rows
    mp.dps = 120


def laplace():
    for location, scale in [
        (0.0, 1.0), (0.0, 0.5), (1.0, 2.0), (-3.5, 0.1), (1e8, 1.0), (1e8, 1e-3), (-1e-8, 1e-6), (0.3, 0.23), (7.0, 1e6), (1e-3, 1e3), (0.0, 1e-150),
        (0.0, 1e150), (5.0, 5.0), (-1e5, 3e4), (0.1, 0.1), (1e15, 4.0), (3.0, 1e-10), (-0.7, 0.7), (12.5, 33.0), (1e-200, 1e-200), (0.2, 0.5000001), (0.0, 1.5e308),
    ]:
        m, s = exact(location), exact(scale)
        rows = []
        for z in BOTH + [-700.0, -1e8, 100.0, 1e4, 1e8]:
            x = location + z * scale
            if abs(x) > 1.7e308:
                x = location + z / 100 * scale
            if abs(x) > 1.7e308:
                x = location + z / 1e8 * scale
            d = exact(x) - m
            value, terms = total([-abs(d) / s, -log(2 * s)])
            score = 0 if d == 0 else (-1 if d > 0 else 1) / s
            rows.append(([x], value, terms, [score], [abs(score)]))
        yield {"location": location, "scale": scale}, rows


INF = float("inf")


def truncated_normal():
    rng = random.Random(11)
    for mean, deviation, lower, upper in [
        (0.0, 1.0, -1.0, 1.0), (0.0, 1.0, -INF, INF), (0.0, 1.0, 0.0, INF), (1.0, 2.0, -INF, 0.5), (0.0, 1.0, 40.0, 41.0), (0.0, 1.0, 40.0, INF), (0.0, 1.0, -INF, -40.0),
        (0.0, 1.0, -42.0, -40.0), (3.0, 0.1, 7.0, 7.0 + 2.0**-20), (3.0, 0.1, -INF, -1.0), (-1e8, 1.0, 0.0, INF), (1e8, 1.0, -3.0, 1.0), (0.0, 1e10, 0.0, 1.0), (0.0, 1e10, 0.25, 0.26),
        (0.0, 1e-3, -1.0, 2.0), (5.0, 0.7, 5.0, 5.5), (5.0, 0.7, 4.9, 5.0), (-0.3, 1.0, -0.4, 30.0), (0.2, 1.3, -50.0, 0.3), (0.0, 1.0, 1e6, INF), (0.0, 1.0, 1e6, 1e6 + 1e-6), (2.0, 3.0, 2.5, 100.0),
        (0.0, 1.0, 0.1, 0.8), (0.0, 1.0, -0.6, -0.1), (1e5, 3e-2, 1e5 + 1.0, 1e5 + 1.125), (0.0, 1e-150, 1e-150, INF), (0.1, 0.1, 4.1, 4.2),
    ]:
        # Tails beyond 10^6 deviations of narrow intervals need their digits; so do erfc that agree in many of them.
        mp.dps = 120
        m, s = exact(mean), exact(deviation)
        alpha, beta = (exact(lower) - m) / s, (exact(upper) - m) / s
        if alpha >= 0:
            mass = (erfc(alpha / sqrt(2)) - erfc(beta / sqrt(2))) / 2
            c = alpha
        elif beta <= 0:
            mass = (erfc(-beta / sqrt(2)) - erfc(-alpha / sqrt(2))) / 2
            c = beta
        else:
            mass = (erf(beta / sqrt(2)) - erf(alpha / sqrt(2))) / 2
            c = mpf(0)
        # log Z = log deviation + log of the integral of exp((c^2 - t^2) / 2)
        log_ratio = log(mass) + HALF_LOG_2PI + c * c / 2
        mode = min(max(mean, lower), upper)
        local = deviation / (1 + abs(float(c)))
        points = {lower, upper, mode} | {mode + sign * z * local for z in Z for sign in (-1, 1)}
        span = (max(lower, mode - 40 * local), min(upper, mode + 40 * local))
        points |= {span[0] + (span[1] - span[0]) * k / 50 for k in range(51)} | {span[0] + (span[1] - span[0]) * rng.random() for _ in range(20)}
        points = sorted(x for x in points if lower <= x <= upper and abs(x) < INF)
        points = sorted(rng.sample(points, 60)) if len(points) > 60 else points
        rows = []
        for x in points:
            z = (exact(x) - m) / s
            energy = (z - c) * (z + c) / 2
            value, terms = total([-energy, -log(s), -log_ratio])
            rows.append(([x], value, terms, [-z / s], [abs(z / s)]))
        yield {"mean": mean, "deviation": deviation} | {n: v for n, v in (("lower", lower), ("upper", upper)) if abs(v) < INF}, rows


def uniform_box():
    rng = random.Random(12)
    for d in [1, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 4, 5, 5, 8, 10, 16, 20, 30]:
        scale = rng.choice([1.0, 1e-3, 1e100, 1e-100, 0.3])
        lower = [rng.gauss(0, 1) * scale for _ in range(d)]
        upper = [l + rng.random() * scale * 10 ** rng.uniform(-3, 3) for l in lower]
        _, terms = total([log(exact(u) - exact(l)) for l, u in zip(lower, upper)])
        value = -sum(log(exact(u) - exact(l)) for l, u in zip(lower, upper))
        rows = [(lower, value, terms), (upper, value, terms)]
        while len(rows) < 50:
            x = [l + (u - l) * rng.random() for l, u in zip(lower, upper)]
            if len(rows) % 7 == 0:
                i = rng.randrange(d)
                x[i] = rng.choice([lower[i] - 1e-3 * (upper[i] - lower[i]), upper[i] + 40 * (upper[i] - lower[i]), INF])
            inside = all(l <= v <= u for l, v, u in zip(lower, x, upper))
            if all(abs(v) < INF for v in x):
                rows.append((x, value if inside else mpf("-inf"), terms))
        yield {"lower": lower, "upper": upper}, rows


for density in (student_t, laplace, truncated_normal, uniform_box):
    if not sys.argv[1:] or density.__name__ in sys.argv[1:]:
        table(density.__name__, density())
