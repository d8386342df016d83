"""Log-densities and scores of mixtures, of products of normal, Laplace and exponential densities on the coordinates.

With l_k = log p_k(x), l_* that of the likeliest component, r_k its posterior and s_k its score,

    log p = l_* + log sum_k w_k exp(l_k - l_*),    s = sum_k r_k s_k.

The terms T_k of l_k reach log p with the factor r_k and s with r_k (s_k - s), as do 1 for the weight in r_k; the sum in the logarithm differs from
one by sum_k w_k (exp(l_k - l_*) - 1), whose terms count where it is above one half.
"""

import random

from mpmath import exp, expm1, inf, log, mpf, pi

from common import exact, table

NORMAL, LAPLACE, EXPONENTIAL = 0, 1, 2


def coordinate(kind, location, scale, x):
    """log p and its terms, s and its terms."""
    d = x - location
    size = abs(x) + abs(location)
    if kind == NORMAL:
        constants = [log(scale), log(2 * pi) / 2]
        return (
            -((d / scale) ** 2) / 2 - sum(constants),
            abs(d) * size / scale**2 + sum(abs(c) for c in constants),
            -d / scale**2,
            size / scale**2,
        )
    if kind == LAPLACE:
        sign = (d > 0) - (d < 0)
        return -abs(d) / scale - log(2 * scale), size / scale + abs(log(2 * scale)), -sign / scale, 1 / scale
    if x < 0:
        return -inf, mpf(0), mpf(0), mpf(0)
    # An exponential density with rate `scale`, at zero.
    return log(scale) - scale * x, abs(log(scale)) + scale * x, -scale, scale


def component(kinds, locations, scales, x):
    parts = [coordinate(*part) for part in zip(kinds, locations, scales, x)]
    return sum(p[0] for p in parts), sum(p[1] for p in parts), [p[2] for p in parts], [p[3] for p in parts]


def mixture(parameters, x):
    w = exact(parameters["weights"])
    w = [v / sum(w) for v in w]
    points = exact(x)
    parts = [
        component([int(v) for v in kinds], exact(locations), exact(scales), points)
        for kinds, locations, scales in zip(parameters["kinds"], parameters["locations"], parameters["scales"])
    ]
    l = [part[0] for part in parts]
    joint = [exp(l_k) * w_k for l_k, w_k in zip(l, w)]
    density = sum(joint)
    r = [j / density for j in joint]
    top = l[joint.index(max(joint))]
    mean = density / exp(top)
    terms = sum(r_k * part[1] for r_k, part in zip(r, parts))
    if mean > mpf(1) / 2:
        terms += sum(w_k * abs(expm1(l_k - top)) if l_k > -inf else w_k for l_k, w_k in zip(l, w)) / mean
    else:
        terms += abs(log(mean))
    score = [sum(r_k * part[2][d] for r_k, part in zip(r, parts)) for d in range(len(x))]
    score_terms = [
        sum(r_k * (part[3][d] + abs(part[2][d] - score[d]) * (1 + part[1])) for r_k, part in zip(r, parts))
        for d in range(len(x))
    ]
    return x, log(density), terms, score, score_terms


def sets():
    rng = random.Random(5)
    for k in range(20):
        dim, n = [(1, 2), (1, 5), (2, 3), (1, 3)][k % 4]
        allowed = [[NORMAL], [NORMAL, LAPLACE], [NORMAL, LAPLACE, EXPONENTIAL], [NORMAL, NORMAL, LAPLACE]][k // 5]
        spread = [0.5, 3.0, 20.0, 1.0][k // 5]
        raw = [10 ** rng.uniform(0, [0.5, 1, 12, 3][k // 5]) for _ in range(n)]
        parameters = {
            "weights": [v / sum(raw) for v in raw],
            # Somewhere every point has a component.
            "kinds": [[float(rng.choice(allowed) if j else NORMAL) for _ in range(dim)] for j in range(n)],
            "locations": [[rng.gauss(0, spread) for _ in range(dim)] for _ in range(n)],
            "scales": [[10 ** rng.uniform(-1, 1) for _ in range(dim)] for _ in range(n)],
        }
        rows = []
        for point in range(50):
            j = rng.randrange(n)
            reach = 40 if point % 4 == 0 else 1
            x = [m + reach * s * rng.uniform(-1, 1) * 2 / (1 + (reach > 1)) for m, s in zip(parameters["locations"][j], parameters["scales"][j])]
            rows.append(mixture(parameters, x))
        yield parameters, rows


if __name__ == "__main__":
    table("mixture", sets())
