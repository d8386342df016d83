"""Reference table of Student's t in several dimensions.

The documented formula: `log p = -(nu + D)/2 log(1 + q/nu) - log Z` with `q = sum_a y_a^2`, `y = W r`, and `s = -(nu + D)/(nu + q) P r`. Since `q` is a sum of
sums, the terms are those of the multivariate normal density, with the derivative of the logarithm: `(nu + D)/(nu + q) |y_a| sum_c |W_ac r_c|`, at least the
energy itself; the score has those of `P r` and of `q`.
"""

from mpmath import log, log1p, loggamma, mp, mpf, nstr, pi

from common import exact, table
from multivariate_normal import cholesky, inverse_lower, rng, symmetric


def rows(location, a, nu, n):
    location, a, nu = exact(location), exact(a), exact(nu)
    d = len(location)
    lower = cholesky(a)
    w = inverse_lower(lower)
    p = [[sum(w[k][i] * w[k][j] for k in range(max(i, j), d)) for j in range(d)] for i in range(d)]
    half_log_det = sum(log(lower[i][i]) for i in range(d))
    normal = mpf(d) / 2 * log(2 * pi) + half_log_det
    log_z = half_log_det + mpf(d) / 2 * log(nu * pi) + loggamma(nu / 2) - loggamma((nu + d) / 2)
    found = []
    for b in range(n):
        # Distances up to 40 scales, and every third point in a heavy tail up to 10^8.
        z = [mpf(rng.gauss(0, 1)) for _ in range(d)]
        norm = sum(v * v for v in z) ** mpf("0.5")
        distance = 0 if b == 0 else 10 ** mpf(rng.uniform(1.6, 8) if b % 3 == 0 else rng.uniform(-2.4, 1.6))
        step = [sum(lower[i][k] * z[k] for k in range(i + 1)) / norm * distance for i in range(d)]
        x = [float(m + s) for m, s in zip(location, step)]
        r = [mpf(v) - m for v, m in zip(x, location)]
        y = [sum(w[i][k] * r[k] for k in range(i + 1)) for i in range(d)]
        sizes = [sum(abs(w[i][k] * r[k]) for k in range(i + 1)) for i in range(d)]
        q = sum(v * v for v in y)
        spread = sum(abs(v) * s for v, s in zip(y, sizes))
        energy = (nu + d) / 2 * log1p(q / nu)
        weight = (nu + d) / (nu + q)
        terms = abs(normal) + abs(log_z - normal) + max(energy, weight * spread)
        score = [-weight * sum(p[i][k] * r[k] for k in range(d)) for i in range(d)]
        score_terms = [weight * sum(abs(p[i][k] * r[k]) for k in range(d)) + abs(score[i]) * spread / (nu + q) for i in range(d)]
        found.append((x, -energy - log_z, nstr(terms, 4), score, [nstr(t, 4) for t in score_terms]))
    return found


def sets():
    for d, condition, scale, nu in [
        (1, 1, 1.0, 1.0), (1, 1, 1e-8, 3.5), (1, 1, 1e100, 1e8), (2, 1.0, 1.0, 1.0), (2, 30.0, 2.5, 0.1), (2, 1e4, 1e-3, 4.0), (2, 1e8, 1e6, 1e4), (2, 1e12, 1.0, 1e-3),
        (3, 3.0, 1.0, 3.0), (3, 1e6, 50.0, 1e12), (3, 1e9, 0.01, 0.5), (3, 10.0, 1e4, 1e16), (4, 1e12, 0.5, 7.0), (4, 2.0, 1.0, 2.0), (5, 1e7, 3.0, 1e6), (5, 5.0, 1.0, 1e-6),
        (5, 1e12, 1.0, 30.0), (6, 1.0, 1.0, 5.0), (8, 100.0, 1e-3, 11.0), (11, 1e5, 1.0, 1.0), (16, 1e10, 1.0, 100.0),
    ]:
        a = symmetric(d, condition, scale, rotated=condition != 1.0)
        location = [rng.gauss(0, 1) * scale**0.5 for _ in range(d)]
        yield {"location": location, "scale_matrix": a, "degrees_of_freedom": nu}, rows(location, a, nu, 50)


table("multivariate_student_t", sets())
