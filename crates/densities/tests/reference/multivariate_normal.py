"""Reference tables of the multivariate normal density, by covariance and by precision.

The documented formulas: `log p = -1/2 sum_a y_a^2 - log Z` with `y = W r`, `r = x - mean`, W lower triangular, `W'W = P`, and `s = -P r`. The
terms of the former are `|log Z|` and, since `y_a` is itself a sum, `1/2 |y_a| sum_c |W_ac r_c|`; of the latter `|P_ac r_c|`.
"""

import random

from mpmath import log, mpf, nstr, pi, sqrt

from common import exact, table

rng = random.Random(20240611)


def orthogonal(d):
    """A random orthogonal matrix, by Gram and Schmidt."""
    rows = []
    while len(rows) < d:
        v = [mpf(rng.gauss(0, 1)) for _ in range(d)]
        for u in rows:
            c = sum(a * b for a, b in zip(u, v))
            v = [b - c * a for a, b in zip(u, v)]
        norm = sqrt(sum(a * a for a in v))
        rows.append([a / norm for a in v])
    return rows


def symmetric(d, condition, scale, rotated=True):
    """A positive definite matrix of doubles with eigenvalues from scale to scale / condition."""
    q = orthogonal(d) if rotated else [[mpf(i == j) for j in range(d)] for i in range(d)]
    eigenvalues = [mpf(scale) * mpf(condition) ** (-mpf(i) / max(d - 1, 1)) for i in range(d)]
    a = [[float(sum(eigenvalues[k] * q[k][i] * q[k][j] for k in range(d))) for j in range(d)] for i in range(d)]
    for i in range(d):
        for j in range(i):
            a[j][i] = a[i][j]
    return a


def cholesky(a):
    d = len(a)
    c = [[mpf(0)] * d for _ in range(d)]
    for i in range(d):
        for j in range(i + 1):
            rest = a[i][j] - sum(c[i][k] * c[j][k] for k in range(j))
            c[i][j] = sqrt(rest) if i == j else rest / c[j][j]
    return c


def inverse_lower(c):
    d = len(c)
    w = [[mpf(0)] * d for _ in range(d)]
    for i in range(d):
        for j in range(i + 1):
            w[i][j] = ((1 if i == j else 0) - sum(c[i][k] * w[k][j] for k in range(j, i))) / c[i][i]
    return w


def factors(form, a):
    """(L, W, P) of the covariance LL'."""
    d = len(a)
    if form == "covariance":
        lower = cholesky(a)
        w = inverse_lower(lower)
        p = [[sum(w[k][i] * w[k][j] for k in range(max(i, j), d)) for j in range(d)] for i in range(d)]
        return lower, w, p
    c = cholesky([row[::-1] for row in a[::-1]])
    w = [[c[d - 1 - j][d - 1 - i] for j in range(d)] for i in range(d)]
    return inverse_lower(w), w, a


def rows(form, mean, a, n):
    mean, a = exact(mean), exact(a)
    d = len(mean)
    lower, w, p = factors(form, a)
    log_z = mpf(d) / 2 * log(2 * pi) + sum(log(lower[i][i]) for i in range(d))
    found = []
    for b in range(n):
        # Distances from 1/100 to 40 standard deviations along a random direction; every fifth point ignores the covariance, and the
        # first is the mean.
        z = [mpf(rng.gauss(0, 1)) for _ in range(d)]
        norm = sqrt(sum(v * v for v in z))
        distance = 0 if b == 0 else 40 * mpf(10) ** (-4 * mpf(n - 1 - b) / (n - 1) if b % 2 else 0)
        z = [v / norm * distance for v in z]
        if b % 5 == 4:
            step = [v * sqrt(sum(lower[i][k] ** 2 for k in range(i + 1))) for i, v in enumerate(z)]
        else:
            step = [sum(lower[i][k] * z[k] for k in range(i + 1)) for i in range(d)]
        x = [float(m + s) for m, s in zip(mean, step)]
        r = [mpf(v) - m for v, m in zip(x, mean)]
        y = [sum(w[i][k] * r[k] for k in range(i + 1)) for i in range(d)]
        sizes = [sum(abs(w[i][k] * r[k]) for k in range(i + 1)) for i in range(d)]
        value = -sum(v * v for v in y) / 2 - log_z
        terms = abs(log_z) + sum(abs(v) * s for v, s in zip(y, sizes)) / 2
        score = [-sum(p[i][k] * r[k] for k in range(d)) for i in range(d)]
        score_terms = [sum(abs(p[i][k] * r[k]) for k in range(d)) for i in range(d)]
        # Bounds need four digits, values fifty.
        found.append((x, value, nstr(terms, 4), score, [nstr(t, 4) for t in score_terms]))
    return found


def sets(form):
    cases = [(1, 1, s) for s in (1.0, 0.7, 1e-8, 1e8, 1e-150, 1e150)]
    cases += [(2, c, s) for c, s in ((1.0, 1.0), (30.0, 2.5), (1e4, 1e-3), (1e8, 1e6), (1e12, 1.0), (1e12, 1e-100))]
    cases += [(3, c, s) for c, s in ((3.0, 1.0), (1e6, 50.0), (1e9, 0.01), (1e12, 1e4))]
    cases += [(4, 1e12, 0.5), (5, 1e7, 3.0), (5, 1e12, 1.0), (16, 1e12, 1.0)]
    for index, (d, condition, scale) in enumerate(cases):
        a = symmetric(d, condition, scale, rotated=index != 8)
        width = scale**0.5 if form == "covariance" else scale**-0.5
        mean = [rng.choice([0.0, 1.0, 1.0]) * rng.gauss(0, 1) * width for _ in range(d)]
        yield {"mean": mean, form: a}, rows(form, mean, a, 50)


if __name__ == "__main__":
    for form in ("covariance", "precision"):
        table(f"normal_by_{form}", sets(form))
