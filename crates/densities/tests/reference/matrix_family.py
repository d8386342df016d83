"""Dirichlet and Wishart, from the textbook formulas in 120 digits; the terms are those of the formulas that the library adds up.

Writes dirichlet.json and wishart.json, and matrix_family_values.json with entropies, informations and divergences of these, of categoricals and of
multivariate normals.
"""

import json
import random
import sys
from pathlib import Path

from mpmath import det, digamma, exp, log, loggamma, matrix, mpf, pi, psi, sqrt

from common import digits, exact, table, total

EPS = 2.0**-52


def stirling_error(x):
    return loggamma(x + 1) - (x + mpf(1) / 2) * log(x) + x - log(2 * pi) / 2


def deviance(x, m):
    return x * log(x / m) + m - x


def normalised(point):
    """The point over its sum, in doubles, until the sum is within the support's bound."""
    size = sum(point)
    point = [v / size for v in point]
    assert abs(sum(exact(point)) - 1) <= 4 * EPS * len(point), point
    return point


def simplex_points(alpha, n, rng):
    """Draws, the mean, points out to 40 standard deviations, and points near faces."""
    k, s = len(alpha), sum(alpha)
    points = [normalised(list(alpha))]
    deviations = [(a / s * max(1 - a / s, 1e-3) / (s + 1)) ** 0.5 for a in alpha]
    for z in (-40, -20, -10, -5, -2, 2, 5, 10, 20, 40):
        for i in range(min(k, 3)):
            moved = [a / s for a in alpha]
            moved[i] += z * deviations[i]
            if min(moved) > 0:
                points.append(normalised(moved))
    for power in (3, 8, 15, 40, 150):
        for i in range(min(k, 3)):
            moved = [1.0 + rng.random() for _ in alpha]
            moved[i] = 10.0**-power
            points.append(normalised(moved))
    while len(points) < n:
        points.append(normalised([max(rng.gammavariate(max(a, 0.05), 1.0), 1e-200) for a in alpha]))
    return points[:n]


def dirichlet():
    rng = random.Random(1)
    sets = [
        [1.0, 1.0], [0.5, 0.5], [2.0, 3.5], [1e-6, 2.0], [1e-3, 1e-3], [1e6, 3e5], [1e10, 1e8], [1e8, 17.0],
        [1.0, 1.0, 1.0], [0.1, 0.2, 0.3], [2.5, 1.5, 4.0], [10.0, 20.0, 30.0], [1e-8, 1.0, 5.0], [1e5, 2e5, 3e5], [1e12, 3e12, 2e12], [1e4, 1e-4, 1.0],
        [0.7, 1.3, 2.9, 0.01], [5.0, 15.0, 25.0, 35.0], [1e3, 1e-3, 1e6, 1.0], [0.3, 0.9, 2.7, 8.1, 24.3], [1.5 + 0.5 * i for i in range(16)],
    ]
    for alpha in sets:
        a = exact(alpha)
        s = sum(a)
        fixed = loggamma(s) - sum(loggamma(v) for v in a)
        constants = [stirling_error(v) for v in a + [s]] + [log(v / (2 * pi)) / 2 for v in a + [s]]
        rows = []
        for point in simplex_points(alpha, 50, rng):
            x = exact(point)
            gradient = [(v - 1) / w for v, w in zip(a, x)]
            value = fixed + sum((v - 1) * log(w) for v, w in zip(a, x))
            # Σ [½ log(α/2π) − δ(α) − D(α, s x) − log x] + δ(s) − ½ log(s/2π) − s (1 − Σ x)
            terms = constants + [deviance(v, s * w) for v, w in zip(a, x)] + [log(w) for w in x] + [s * (1 - sum(x))]
            mean, mean_terms = total(g / len(a) for g in gradient)
            rows.append((point, value, total(terms)[1], [g - mean for g in gradient], [abs(g) + mean_terms for g in gradient]))
        yield {"concentrations": alpha}, rows


def cholesky(a):
    p = a.rows
    lower = matrix(p, p)
    for i in range(p):
        for j in range(i + 1):
            rest = a[i, j] - sum((lower[i, k] * lower[j, k] for k in range(j)), mpf(0))
            lower[i, j] = sqrt(rest) if i == j else rest / lower[j, j]
    return lower


def inverse_lower(lower):
    p = lower.rows
    w = matrix(p, p)
    for j in range(p):
        w[j, j] = 1 / lower[j, j]
        for i in range(j + 1, p):
            w[i, j] = -sum((lower[i, k] * w[k, j] for k in range(j, i)), mpf(0)) / lower[i, i]
    return w


def symmetric(p, lower):
    place = lambda i, j: max(i, j) * (max(i, j) + 1) // 2 + min(i, j)
    return matrix([[lower[place(i, j)] for j in range(p)] for i in range(p)])


def scale_of(p, kind, rng):
    """Rows of a symmetric positive definite matrix of doubles."""
    if kind == "identity":
        return [[float(i == j) for j in range(p)] for i in range(p)]
    sizes = [1.0 + 0.5 * i for i in range(p)] if kind == "round" else [10.0 ** (2 * i - p) for i in range(p)]
    rows = [[0.0] * p for _ in range(p)]
    for i in range(p):
        for j in range(i + 1):
            correlation = 1.0 if i == j else 0.4 * (rng.random() - 0.3)
            rows[i][j] = rows[j][i] = correlation * sizes[i] * sizes[j]
    return rows


def wishart_points(nu, scale, n, rng):
    """Draws by Bartlett's factor, stretched draws, and diagonal deviations out to 40 standard deviations."""
    p = len(scale)
    lower = cholesky(matrix(scale))
    points = []
    for b in range(n):
        z = (0, 0, 1, -1, 3, -3, 6, 10, 20, 40)[b % 10]
        bartlett = [[0.0] * p for _ in range(p)]
        for j in range(p):
            shape = (nu - j) / 2
            drawn = rng.gammavariate(max(shape, 0.3), 1.0) if shape < 1e12 else shape
            moved = shape + z * shape**0.5
            bartlett[j][j] = (2 * (moved if z and moved > 0.01 * shape else max(drawn, 0.02))) ** 0.5
            for i in range(j + 1, p):
                bartlett[i][j] = rng.gauss(0.0, 1.0) * (1 + abs(z) / 20)
        factor = lower * matrix(bartlett)
        full = factor * factor.T
        points.append([float(full[i, j]) for i in range(p) for j in range(i + 1)])
    return points


def wishart():
    rng = random.Random(2)
    sets = [
        (1, 0.01, "identity"), (1, 1.0, "identity"), (1, 2.0, "round"), (1, 7.5, "graded"), (1, 40.0, "round"), (1, 999.5, "graded"), (1, 1e4, "round"), (1, 1e10, "round"),
        (2, 1.05, "identity"), (2, 1.5, "round"), (2, 3.0, "round"), (2, 4.0, "graded"), (2, 10.0, "round"), (2, 100.5, "round"), (2, 1e6, "round"), (2, 1e9, "graded"),
        (3, 2.2, "round"), (3, 5.5, "graded"), (3, 1e5, "round"), (4, 6.0, "round"),
    ]
    for p, nu_, kind in sets:
        rows_of_scale = scale_of(p, kind, rng)
        scale, nu = matrix(exact(rows_of_scale)), exact(nu_)
        lower = cholesky(scale)
        whitening = inverse_lower(lower)
        shapes = [(nu - j) / 2 for j in range(p)]
        fixed = -nu * p / 2 * log(2) - nu * sum(log(lower[i, i]) for i in range(p))
        fixed -= mpf(p * (p - 1)) / 4 * log(pi) + sum(loggamma(a) for a in shapes)
        constants = [stirling_error(a) for a in shapes] + [log(a / (2 * pi)) / 2 for a in shapes] + [mpf(p * (p - 1)) / 4 * log(pi)]
        rows = []
        for point in wishart_points(nu_, rows_of_scale, 50, rng):
            x = symmetric(p, exact(point))
            factor = cholesky(x)
            w = inverse_lower(factor)
            r = whitening * factor
            logs = [2 * log(factor[i, i]) for i in range(p)]
            trace = sum(r[i, j] ** 2 for i in range(p) for j in range(i + 1))
            value = fixed + (nu - p - 1) / 2 * sum(logs) - trace / 2
            # Σ_j [½ log(a/2π) − δ(a) − a log(a/y) − (y − a) + (j/2) log y − ½ Σ_i r_ij²] − ¼ p(p−1) log π − ½(p+1) log |X|, y = r_jj²/2
            terms = constants + [mpf(p + 1) / 2 * v for v in logs]
            for j, a in enumerate(shapes):
                y = r[j, j] ** 2 / 2
                terms += [a * log(a / y), y - a, mpf(j) / 2 * log(y)] + [r[i, j] ** 2 / 2 for i in range(j + 1, p)]
            score, score_terms = [], []
            for i in range(p):
                for j in range(i + 1):
                    twice = mpf(1) if i == j else mpf(2)
                    parts = [twice * (nu - p - 1) / 2 * w[k, i] * w[k, j] for k in range(p)]
                    parts += [-twice / 2 * whitening[k, i] * whitening[k, j] for k in range(p)]
                    found, size = total(parts)
                    score.append(found)
                    score_terms.append(size)
            rows.append((point, value, total(terms)[1], score, score_terms))
        yield {"degrees_of_freedom": nu_, "scale": rows_of_scale}, rows


def values():
    """Entropies, Fisher informations and divergences, like those of `family.py`; matrices are of two rows, given by their lower triangles."""

    def softmax(logits):
        weights = [exp(l) for l in logits]
        return [w / sum(weights) for w in weights]

    def categorical(l):
        p = softmax(l)
        inner = range(len(p) - 1)
        fisher = [(p[i] if i == j else 0) - p[i] * p[j] for i in inner for j in range(i + 1)]
        return -sum(v * log(v) for v in p), fisher, lambda m: sum(a * log(a / b) for a, b in zip(p, softmax(m)))

    def log_beta(a):
        return sum(loggamma(v) for v in a) - loggamma(sum(a))

    def dirichlet_values(a):
        s = sum(a)
        means = [digamma(v) - digamma(s) for v in a]
        entropy = log_beta(a) - sum((v - 1) * m for v, m in zip(a, means))
        fisher = [(psi(1, a[i]) if i == j else 0) - psi(1, s) for i in range(len(a)) for j in range(i + 1)]
        return entropy, fisher, lambda b: log_beta(b) - log_beta(a) - sum((w - v) * m for v, w, m in zip(a, b, means))

    def two_by_two(lower):
        return matrix([[lower[0], lower[1]], [lower[1], lower[2]]])

    def wishart_values(parameters):
        def log_partition(nu, scale):
            return nu / 2 * (2 * log(2) + log(det(scale))) + log(pi) / 2 + loggamma(nu / 2) + loggamma((nu - 1) / 2)

        def eta(nu, scale):
            inverse = scale**-1
            return [-inverse[0, 0] / 2, -inverse[0, 1], -inverse[1, 1] / 2, nu / 2]

        nu, scale = parameters[0], two_by_two(parameters[1:])
        mean_log = digamma(nu / 2) + digamma((nu - 1) / 2) + 2 * log(2) + log(det(scale))
        mean = [nu * scale[0, 0], nu * scale[0, 1], nu * scale[1, 1], mean_log]
        own = eta(nu, scale)
        entropy = log_partition(nu, scale) - sum(e * m for e, m in zip(own, mean)) + mpf(3) / 2 * mean_log
        pairs = [(0, 0), (1, 0), (1, 1)]
        covariance = lambda i, j, k, l: nu * (scale[i, k] * scale[j, l] + scale[i, l] * scale[j, k])
        fisher = [covariance(*pairs[a], *pairs[b]) for a in range(3) for b in range(a + 1)]
        fisher += [2 * scale[i, j] for i, j in pairs] + [psi(1, nu / 2) + psi(1, (nu - 1) / 2)]

        def divergence(other):
            nu_, scale_ = other[0], two_by_two(other[1:])
            return log_partition(nu_, scale_) - log_partition(nu, scale) - sum((f - e) * m for e, f, m in zip(own, eta(nu_, scale_), mean))

        return entropy, fisher, divergence

    def normal_values(parameters):
        m, c = parameters[:2], two_by_two(parameters[2:])
        pairs = [(0, 0), (1, 0), (1, 1)]
        fisher = [c[0, 0], c[1, 0], c[1, 1]]
        for a, (i, j) in enumerate(pairs):
            fisher += [c[k, i] * m[j] + c[k, j] * m[i] for k in range(2)]
            for k, l in pairs[: a + 1]:
                fourth = [c[i, k] * c[j, l], c[i, l] * c[j, k], m[i] * m[k] * c[j, l], m[i] * m[l] * c[j, k], m[j] * m[k] * c[i, l], m[j] * m[l] * c[i, k]]
                fisher.append(sum(fourth))

        def divergence(other):
            m_, c_ = other[:2], two_by_two(other[2:])
            p, d = c_**-1, matrix([a - b for a, b in zip(m, m_)])
            return (sum((p * c)[i, i] for i in range(2)) - 2 + log(det(c_) / det(c)) + (d.T * p * d)[0]) / 2

        return log(det(2 * pi * exp(1) * c)) / 2, fisher, divergence

    members = {
        "categorical": (categorical, [([0.0, 1.0], [2.0, 0.5]), ([0.3, -2.0, 1.5], [0.0, 0.0, 0.0]), ([40.0, 0.1, -30.0, 2.0], [1.0, 2.0, 3.0, 4.0])]),
        "dirichlet": (
            dirichlet_values,
            [([a, b, c], [b + 1, a * 3 + 1, c]) for a, b, c in [(1e-3, 0.7, 2.0), (1.0, 1.0, 1.0), (3.5, 20.0, 0.2), (1e4, 3e5, 2e2), (1e8, 1e8, 3e7), (0.2, 0.4, 1e6)]],
        ),
        "wishart": (
            wishart_values,
            [([nu, a, b, c], [nu + 3, c, b / 2, a * 2]) for nu, a, b, c in [(1.5, 1.0, 0.25, 2.0), (3.0, 0.01, 0.02, 3.0), (40.5, 2.0, 1.0, 1.0), (1e6, 1.0, 0.5, 1.0)]],
        ),
        "multivariate_normal": (
            normal_values,
            [([m, n, a, b, c], [n, m, c, b / 2, a * 2]) for m, n, a, b, c in [(0.5, 1.0, 1.0, 0.25, 2.0), (3.0, 0.1, 1e-4, 2e-3, 3.0), (1e3, 2e3, 2.0, 1.0, 1.0), (0.7, 0.2, 1e6, 300.0, 1.0)]],
        ),
    }
    lines = []
    for family, (function, all_members) in members.items():
        for first, far in all_members:
            others = [far, [v * (1 + 1e-7) for v in first]]
            for moved in range(len(first)):
                others += [[v * (1 + factor * (k == moved)) for k, v in enumerate(first)] for factor in (1e-9, -1e-6, 1e-3)]
            others = [o for o in others if o != first]
            entropy, fisher, divergence = function(exact(first))
            entry = {"family": family, "parameters": first, "entropy": digits(entropy), "fisher": [digits(v) for v in fisher]}
            entry.update({"others": others, "divergences": [digits(divergence(exact(o))) for o in others]})
            lines.append(json.dumps(entry, separators=(",", ":")))
    path = Path(sys.argv[0]).resolve().parent / "matrix_family_values.json"
    path.write_text("[\n%s\n]\n" % ",\n".join(lines))
    print(f"{path.name}: {len(lines)} members")


if __name__ == "__main__":
    if not sys.argv[1:]:
        table("dirichlet", dirichlet())
        table("wishart", wishart())
    values()
