"""Log-densities and scores of autoregressive linear Gaussians.

With r_i = x_i - b_i - sum_j a_ij x_j and q_i = r_i / sigma_i^2,

    log p = -1/2 sum_i q_i r_i - sum_i log sigma_i - D/2 log 2 pi,    s_d = -q_d + sum_{i>d} a_id q_i.

The residual is itself a sum, whose terms add up to R_i = |x_i| + |b_i| + sum_j |a_ij x_j|. To first order its rounding reaches
log p with the factor |q_i| and s_d with |a_id| / sigma_i^2, so those products are the terms.
"""

import random

from mpmath import log, mpf, pi

from common import exact, table


def chain(parameters, x):
    """A row of the table."""
    a, b, sigma = (exact(parameters[k]) for k in ("coefficients", "offsets", "deviations"))
    x_exact, n = exact(x), len(x)
    r = [x_exact[i] - b[i] - sum((a[i][j] * x_exact[j] for j in range(i)), mpf(0)) for i in range(n)]
    size = [abs(x_exact[i]) + abs(b[i]) + sum((abs(a[i][j] * x_exact[j]) for j in range(i)), mpf(0)) for i in range(n)]
    q = [r[i] / sigma[i] ** 2 for i in range(n)]
    constants = [log(s) for s in sigma] + [log(2 * pi) / 2] * n
    value = -sum(q[i] * r[i] for i in range(n)) / 2 - sum(constants)
    terms = sum(abs(q[i]) * size[i] for i in range(n)) + sum(abs(c) for c in constants)
    score = [-q[d] + sum((a[i][d] * q[i] for i in range(d + 1, n)), mpf(0)) for d in range(n)]
    score_terms = [
        size[d] / sigma[d] ** 2 + sum((abs(a[i][d]) * size[i] / sigma[i] ** 2 for i in range(d + 1, n)), mpf(0))
        for d in range(n)
    ]
    return x, value, terms, score, score_terms


def sets():
    rng = random.Random(1)
    shapes = [(1, 1.0)] * 6 + [(2, 1.0)] * 8 + [(3, 1.0)] * 3 + [(2, 30.0), (3, 100.0), (8, 0.5)]
    for k, (n, size) in enumerate(shapes):
        spread = [0.1, 3.0, 18.0][k % 3]  # of the logarithms of the deviations
        parameters = {
            "coefficients": [[rng.gauss(0, size) if j < i else 0.0 for j in range(n)] for i in range(n)],
            "offsets": [rng.gauss(0, 1) for _ in range(n)],
            "deviations": [10 ** rng.uniform(-spread, spread) if spread > 1 else rng.uniform(0.5, 2) for _ in range(n)],
        }
        rows = []
        for point in range(50):
            z = [rng.gauss(0, 1) for _ in range(n)]
            if point % 5 == 0:  # up to 40 standard deviations
                z = [rng.uniform(-40, 40) for _ in range(n)]
            x = []
            for i in range(n):
                mean = parameters["offsets"][i] + sum(parameters["coefficients"][i][j] * x[j] for j in range(i))
                x.append(mean + parameters["deviations"][i] * z[i])
            rows.append(chain(parameters, x))
        yield parameters, rows


if __name__ == "__main__":
    table("linear_gaussian_chain", sets())
