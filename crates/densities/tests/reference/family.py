"""Reference values of the members of the exponential family on one number.

Writes normal, exponential, gamma, beta, poisson, binomial, bernoulli and categorical `.json` (log-densities, and scores where there are any) and
`family_values.json` (entropies, divergences, Fisher informations). The values come from the textbook formulas in 120 digits; the
terms are those of the formulas that the library adds up, which are named below.
"""

import json
import random
import sys
from pathlib import Path

from mpmath import digamma, exp, expm1, log, log1p, loggamma, matrix, mp, mpf, nsum, pi, psi, sqrt

from common import digits, exact, table, total

HALF_LOG_2PI = log(2 * pi) / 2
EPS = 2.0**-52


def stirling_error(x):
    return loggamma(x + 1) - (x + mpf(1) / 2) * log(x) + x - HALF_LOG_2PI if x > 0 else mpf(0)


def deviance(x, m):
    return x * log(x / m) + m - x if x > 0 else m


# Distances from the mode in standard deviations.
Z = [0.0, 1e-9, 1e-4, 0.03, 0.1, 0.25, 0.5, 0.75, 1.0, 1.3, 1.7, 2.0, 2.5, 3.0, 4.0, 5.0, 6.5, 8.0, 10.0, 12.0, 15.0, 19.0, 24.0, 30.0, 36.0, 40.0]
BOTH = [-z for z in reversed(Z[1:])] + Z


def normal():
    for mean, deviation in [
        (0.0, 1.0), (1.0, 2.0), (-3.5, 0.1), (1e8, 1.0), (1e8, 1e-3), (-1e-8, 1e-6), (0.3, 0.23), (7.0, 1e6), (1e-3, 1e3),
        (0.0, 1e-150), (0.0, 1e150), (5.0, 5.0), (-1e5, 3e4), (2.0, 0.39894228040143265), (0.1, 0.1), (1e15, 4.0),
        (3.0, 1e-10), (-0.7, 0.7), (12.5, 33.0), (1e-200, 1e-200), (42.0, 1.5),
    ]:
        m, s = exact(mean), exact(deviation)
        rows = []
        for z in BOTH:
            x = mean + z * deviation
            d = (exact(x) - m) / s
            value, terms = total([-d * d / 2, -log(s), -HALF_LOG_2PI])
            rows.append(([x], value, terms, [-d / s], [abs(d / s)]))
        yield {"mean": mean, "deviation": deviation}, rows


def exponential():
    for rate in [10.0**k for k in range(-12, 13, 2)] + [0.5, 1.7, 3.0, 1e-150, 1e150, 2.718281828459045, 0.99, 40.0]:
        points = [(0.02 * k) / rate for k in range(30)] + [z / rate for z in Z[1:]] + [1e-300, 1e-20 / rate]
        rows = []
        for x in points:
            value, terms = total([-exact(rate) * exact(x), log(exact(rate))])
            rows.append(([x], value, terms, [-exact(rate)], [rate]))
        yield {"rate": rate}, rows


def gamma_points(shape, rate):
    """In standard deviations around the mean where that is inside the support, and by powers of ten and of the quantile scale."""
    mean, deviation = shape / rate, shape**0.5 / rate
    points = [mean + z * deviation for z in BOTH]
    points += [mean * 10.0**k for k in (-300, -200, -100, -30, -12, -6, -3, -2, -1, 1, 2)]
    points += [mean * (1 + k / 16) for k in range(-15, 16)]
    points += [z / rate for z in Z[3:]] if shape < 10 else []
    points = sorted({x for x in points if x > 1e-290 and rate * x < 1e290 and rate * x > 1e-290})
    return points if len(points) <= 60 else sorted(random.Random(1).sample(points, 60))


def gamma():
    for shape, rate in [
        (1e-20, 1.0), (1e-6, 1.0), (1e-3, 2.0), (0.1, 0.1), (0.5, 0.5), (0.9, 7.0), (1.0, 1.0), (1.0, 1e-8), (1.5, 3.0), (2.0, 1e6), (3.7, 0.01),
        (9.5, 1.0), (10.5, 1.1), (15.0, 0.3), (16.5, 3.0), (100.0, 0.1), (1234.5, 6.7), (1e4, 1e4), (1e6, 0.7), (1e8, 1.0), (1e8, 1.1e-3), (1e12, 3.3),
        (1e15, 0.1), (33.0, 1e-100),
    ]:
        a, b = exact(shape), exact(rate)
        fixed = a * log(b) - loggamma(a)
        delta = stirling_error(a)
        rows = []
        for point in gamma_points(shape, rate):
            x = exact(point)
            value = fixed + (a - 1) * log(x) - b * x
            # −δ(a) − D(a, bx) + ½ log(a/2π) − log x
            _, terms = total([delta, deviance(a, b * x), log(a / (2 * pi)) / 2, log(x)])
            score, score_terms = total([(a - 1) / x, -b])
            rows.append(([point], value, terms, [score], [score_terms]))
        yield {"shape": shape, "rate": rate}, rows


def beta_points(alpha, beta):
    total_shape = alpha + beta
    mean = alpha / total_shape
    deviation = (mean * (beta / total_shape) / (total_shape + 1)) ** 0.5
    points = [mean + z * deviation for z in BOTH]
    points += [10.0**k for k in (-280, -200, -100, -50, -20, -12, -8, -5, -3, -2, -1)]
    points += [1 - 2.0**-k for k in (1, 2, 4, 8, 16, 30, 40, 50, 53)]
    points += [k / 40 for k in range(1, 40)]
    points = sorted({x for x in points if 0 < x < 1})
    return points if len(points) <= 60 else sorted(random.Random(2).sample(points, 60))


def beta():
    for alpha, beta_ in [
        (1e-6, 1e-6), (1e-6, 3.0), (1e-3, 0.5), (0.1, 0.1), (0.5, 0.5), (0.9, 1.1), (1.0, 1.0), (1.0, 7.0), (2.0, 0.3), (2.5, 3.5), (10.5, 9.5),
        (15.0, 16.0), (100.0, 0.01), (300.0, 700.0), (1234.5, 6.7), (1e4, 1e4), (1e6, 3e5), (1e8, 1e8), (1e8, 1e-6), (1e8, 17.0), (3e12, 1e12), (0.3, 1e8),
    ]:
        a, b = exact(alpha), exact(beta_)
        s = a + b
        fixed = loggamma(s) - loggamma(a) - loggamma(b)
        constants = [stirling_error(s), stirling_error(a), stirling_error(b), log(a / (2 * pi) * b / s) / 2]
        rows = []
        for point in beta_points(alpha, beta_):
            x = exact(point)
            value = fixed + (a - 1) * log(x) + (b - 1) * log(1 - x)
            # δ(s) − δ(α) − δ(β) + ½ log(αβ/2πs) − D(α, sx) − D(β, s(1−x)) − log x − log(1−x), s = α + β
            _, terms = total(constants + [deviance(a, s * x), deviance(b, s * (1 - x)), log(x), log(1 - x)])
            score, score_terms = total([(a - 1) / x, -(b - 1) / (1 - x)])
            rows.append(([point], value, terms, [score], [score_terms]))
        yield {"alpha": alpha, "beta": beta_}, rows


def counts(mean, deviation, last, seed):
    points = {float(k) for k in range(20)} | {float(round(mean + z * deviation)) for z in BOTH}
    points |= {float(round(mean * f)) for f in (0.01, 0.1, 0.3, 0.6, 0.8, 0.9, 1.1, 1.3, 1.7, 2.0, 3.0, 10.0)} | {last, last - 1.0, 50.0, 100.0, 1e3, 1e6}
    points = sorted(k for k in points if 0 <= k <= last)
    chosen = points if len(points) <= 58 else sorted(random.Random(seed).sample(points, 58))
    return chosen + [-1.0, 0.5]


def poisson():
    for rate in [1e-300, 1e-20, 1e-6, 1e-3, 0.1, 0.5, 1.0, 1.7, 3.0, 8.5, 15.5, 17.0, 40.0, 100.0, 1234.5, 1e4, 1e5, 1e6, 1e8, 1e8 + 0.1, 1e12, 1e15]:
        m = exact(rate)
        points = counts(rate, rate**0.5, 2.0**53, 3)
        points = (points + [float(k) for k in range(20, 60)])[:60] if len(points) < 50 else points
        rows = []
        for point in points:
            if point < 0 or point != int(point):
                rows.append(([point], mpf("-inf"), 0.0))
                continue
            k = exact(point)
            value = k * log(m) - m - loggamma(k + 1)
            # −δ(k) − D(k, λ) − ½ log 2πk; −λ at 0
            _, terms = total([stirling_error(k), deviance(k, m)] + ([log(2 * pi * k) / 2] if k > 0 else []))
            rows.append(([point], value, terms))
        yield {"rate": rate}, rows


def binomial():
    for n, p in [
        (1, 0.3), (2, 0.5), (5, 0.9), (10, 1e-20), (20, 0.1), (33, 0.7), (60, 0.5), (100, 0.01), (100, 0.999), (1000, 0.3), (1000, 1e-6), (12345, 0.45),
        (10**5, 0.9), (10**6, 0.123), (10**6, 1e-7), (10**8, 0.3), (10**8, 1 - 1e-9), (10**9, 0.77), (10**12, 0.1), (10**12, 1e-10), (10**15, 0.6), (7, 1 / 3),
    ]:
        size, m = exact(n), exact(p)
        q = 1 - m
        points = counts(n * p, (n * p * (1 - p)) ** 0.5, float(n), 4)
        points += [p for p in [-2.0, 1.5, float(n + 1), float(n + 2), -0.25]]
        points = (points * 50)[:60] if len(points) < 50 else points
        fixed = loggamma(size + 1)
        rows = []
        for point in points:
            if not 0 <= point <= n or point != int(point):
                rows.append(([point], mpf("-inf"), 0.0))
                continue
            k = exact(point)
            rest = size - k
            value = fixed - loggamma(k + 1) - loggamma(rest + 1) + k * log(m) + rest * log(q)
            if k == 0 or rest == 0:
                terms = abs(value)
            else:
                # δ(n) − δ(k) − δ(n−k) − D(k, np) − D(n−k, nq) + ½ log(n/(2πk(n−k)))
                _, terms = total(
                    [stirling_error(size), stirling_error(k), stirling_error(rest), deviance(k, size * m), deviance(rest, size * q)]
                    + [log(size / (2 * pi * k * rest)) / 2]
                )
            rows.append(([point], value, terms))
        yield {"trials": n, "probability": p}, rows


def bernoulli():
    points = ([0.0, 1.0] * 24) + [-1.0, 2.0, 0.5]
    for p in [1e-300, 1e-20, 1e-9, 1e-3, 0.1, 0.25, 0.3, 0.5 - 2.0**-54, 0.5, 0.5 + 2.0**-53, 0.6, 0.75, 0.9, 0.999, 1 - 1e-9, 1 - 2.0**-53]:
        values = [log1p(-exact(p)), log(exact(p))]
        rows = [([x], values[int(x)] if x in (0, 1) else mpf("-inf"), 0.0) for x in points]
        yield {"probability": p}, rows
    for l in [-700.0, -100.0, -3.0, -1e-9, 0.0, 1e-12, 0.7, 20.0, 37.0, 40.0, 500.0]:
        values = [-log1p(exp(exact(l))), -log1p(exp(-exact(l)))]
        rows = [([x], values[int(x)] if x in (0, 1) else mpf("-inf"), 0.0) for x in points]
        yield {"logit": l}, rows


def categorical():
    # Logits 600 apart: 1 + e^−600 needs its digits.
    mp.dps = 800
    rng = random.Random(5)
    for size in [1, 2, 3, 4, 5, 8, 10, 16, 40, 60] * 2 + [3, 3]:
        spread = rng.choice([0.01, 1.0, 10.0, 300.0])
        logits = [rng.gauss(0, spread) for _ in range(size)]
        logits[0] += rng.choice([0.0, 40.0])
        # Within 700 of the largest, so that every outcome has a positive probability.
        logits = [max(l, max(logits) - 700.0) for l in logits]
        normaliser = log(sum(exp(exact(l)) for l in logits))
        points = [float(i) for i in range(size)]
        points = (points * 50)[: max(48, size)] + [-1.0, 0.5, float(size)]
        rows = []
        for x in points:
            if 0 <= x < size and x == int(x):
                # lᵢ − max l, and the logarithm of the sum relative to it; the rounding of the former enters the latter.
                l = exact(logits[int(x)])
                value, terms = total([l - max(map(exact, logits)), max(map(exact, logits)) - normaliser])
                rows.append(([x], value, terms))
            else:
                rows.append(([x], mpf("-inf"), 0.0))
        yield {"logits": logits}, rows


def values():
    """Entropies, Fisher informations and divergences; near neighbours differ by 10⁻⁸ and less of a parameter."""

    def neighbours(parameters, far):
        first = list(parameters.values())
        for factor in (1e-9, -1e-6, 1e-3, 0.5):
            for moved in range(len(first)):
                other = list(first)
                other[moved] = first[moved] * (1 + factor)
                yield other
        yield [v * (1 + 1e-7) for v in first]
        yield far

    def gamma_kl(p, q):
        (a, b), (c, d) = p, q
        return (a - c) * digamma(a) - loggamma(a) + loggamma(c) + c * log(b / d) + a * (d - b) / b

    def log_beta(a, b):
        return loggamma(a) + loggamma(b) - loggamma(a + b)

    def beta_kl(p, q):
        (a, b), (c, d) = p, q
        return log_beta(c, d) - log_beta(a, b) + (a - c) * digamma(a) + (b - d) * digamma(b) + (c - a + d - b) * digamma(a + b)

    def trial_kl(p, q):
        return p * log(p / q) + (1 - p) * log((1 - p) / (1 - q))

    def normal_kl(p, q):
        return log(q[1] / p[1]) + (p[1] ** 2 + (p[0] - q[0]) ** 2) / (2 * q[1] ** 2) - mpf(1) / 2

    def beta_entropy(a, b):
        return log_beta(a, b) - (a - 1) * digamma(a) - (b - 1) * digamma(b) + (a + b - 2) * digamma(a + b)

    def beta_fisher(a, b):
        return [psi(1, a) - psi(1, a + b), -psi(1, a + b), psi(1, b) - psi(1, a + b)]

    def lattice(log_p, centre, deviation, last):
        low, high = max(0, int(centre - 45 * deviation - 60)), min(last, int(centre + 45 * deviation + 90))
        return -sum(exp(v) * v for v in (log_p(mpf(k)) for k in range(low, high + 1)))

    def poisson_entropy(r):
        if r > 3000:
            # The series of ½ log 2πeλ; the next term is 10/λ⁶ (found by fitting sums in 60 digits is not needed: it is below the comparison).
            return log(2 * pi * exp(1) * r) / 2 - 1 / (12 * r) - 1 / (24 * r**2) - mpf(19) / (360 * r**3) - mpf(9) / (80 * r**4)
        return lattice(lambda k: k * log(r) - r - loggamma(k + 1), float(r), float(r) ** 0.5, 10**9)

    def binomial_entropy(n, p):
        def log_p(k):
            return loggamma(n + 1) - loggamma(k + 1) - loggamma(n - k + 1) + k * log(p) + (n - k) * log(1 - p)

        return lattice(log_p, float(n * p), float(n * p * (1 - p)) ** 0.5, int(n))

    families = {
        "normal": (
            [({"mean": m, "deviation": s}, [m + 2 * s, 3 * s]) for m, s in [(0.5, 1.0), (-3.0, 0.24), (1e3, 2.5), (2.0, 1e-6), (0.7, 1e5)]],
            lambda m, s: log(2 * pi * exp(1)) / 2 + log(s),
            lambda m, s: [s**2, 2 * m * s**2, 4 * m**2 * s**2 + 2 * s**4],
            normal_kl,
        ),
        "exponential": (
            [({"rate": r}, [7 * r]) for r in [1e-8, 0.3, 1.0, 2.7, 1e6]],
            lambda r: 1 - log(r),
            lambda r: [1 / r**2],
            lambda p, q: log(p[0] / q[0]) + q[0] / p[0] - 1,
        ),
        "gamma": (
            [({"shape": a, "rate": b}, [a * 5 + 1, b / 3]) for a, b in [(1e-6, 2.0), (0.03, 1.0), (0.5, 10.0), (1.0, 1.0), (3.3, 0.1), (15.5, 2.0), (17.0, 2.0), (300.0, 7.0), (1e5, 3.0), (1e8, 1e8)]],
            lambda a, b: a - log(b) + loggamma(a) + (1 - a) * digamma(a),
            lambda a, b: [psi(1, a), 1 / b, a / b**2],
            gamma_kl,
        ),
        "beta": (
            [({"alpha": a, "beta": b}, [a * 3 + 1, b / 4]) for a, b in [(1e-6, 1e-6), (0.01, 3.0), (0.5, 0.5), (1.0, 1.0), (2.5, 7.0), (16.5, 15.5), (400.0, 3.0), (1e5, 2e5), (1e8, 1e8), (1e8, 1e-3), (0.2, 1e6)]],
            beta_entropy,
            beta_fisher,
            beta_kl,
        ),
        "poisson": (
            [({"rate": r}, [4 * r]) for r in [1e-10, 1e-3, 0.7, 3.0, 21.5, 144.0, 1000.0, 2e5, 1e9]],
            poisson_entropy,
            lambda r: [r],
            lambda p, q: p[0] * log(p[0] / q[0]) + q[0] - p[0],
        ),
        "binomial": (
            [({"trials": n, "probability": p}, [n, q]) for n, p, q in [(1, 0.3, 0.9), (7, 1e-8, 0.5), (50, 0.5, 0.1), (1000, 0.02, 0.7), (3000, 0.6, 0.5), (10, 0.6499, 1e-3)]],
            binomial_entropy,
            lambda n, p: [n * p * (1 - p)],
            lambda p, q: p[0] * trial_kl(p[1], q[1]),
        ),
        "bernoulli": (
            [({"probability": p}, [q]) for p, q in [(1e-20, 0.3), (1e-6, 1 - 1e-9), (0.2, 0.1), (0.5, 0.51), (0.64, 0.1), (0.6, 1e-200)]],
            lambda p: -p * log(p) - (1 - p) * log(1 - p),
            lambda p: [p * (1 - p)],
            lambda p, q: trial_kl(p[0], q[0]),
        ),
    }
    lines = []
    for family, (members, entropy, fisher, divergence) in families.items():
        for parameters, far in members:
            first = [exact(v) for v in parameters.values()]
            others = list(neighbours(parameters, far))
            if "trials" in parameters:
                others = [[parameters["trials"], o[1]] for o in others]
            if "probability" in parameters:
                others = [o for o in others if o[-1] < 1]
            entry = {
                "family": family,
                "parameters": list(parameters.values()),
                "entropy": digits(entropy(*first)),
                "fisher": [digits(v) for v in fisher(*first)],
                "others": others,
                "divergences": [digits(divergence(first, [exact(v) for v in o])) for o in others],
            }
            lines.append(json.dumps(entry, separators=(",", ":")))
    path = Path(sys.argv[0]).resolve().parent / "family_values.json"
    path.write_text("[\n%s\n]\n" % ",\n".join(lines))
    print(f"{path.name}: {len(lines)} members")


if __name__ == "__main__":
    for density in [normal, exponential, gamma, beta, poisson, binomial, bernoulli, categorical]:
        if not sys.argv[1:] or density.__name__ in sys.argv[1:]:
            table(density.__name__, density())
    if not sys.argv[1:] or "values" in sys.argv[1:]:
        mp.dps = 120
        values()
