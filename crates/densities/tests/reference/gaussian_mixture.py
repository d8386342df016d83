"""Log-density, score, Hessian-vector product and divergence of Gaussian mixtures, for covariances of every shape.

With W_k lower triangular, W_k'W_k the inverse of S_k, r = x - m_k, y_k = W_k r, l_k = log w_k - D/2 log 2pi + log |W_k| - |y_k|^2 / 2, r_k = exp(l_k - log p),
s_k = -W_k'y_k, e_k = s_k - s, P_k = W_k'W_k:

    log p = max l + log sum_k exp(l_k - max l),  s = sum_k r_k s_k,
    J v = sum_k r_k [(e_k.v) e_k - P_k v],  tr J = sum_k r_k [|e_k|^2 - tr P_k].

Terms. Those of l_k, T_k, are its summands, where |y_a|^2 / 2 counts as |y_a| sum_c |W_ac r_c| / 2, because y_a is a sum itself; those of s_k, U_k, are
the entries of |W|'|W||r|. A relative error of T_k epsilons in r_k multiplies how far the component's summand lies from the mean of all of them: r_k |q_k - q| (1 + T_k) for
the mean q of any q_k. An error in e_k is one in s_k and one in s.
"""

import random

from mpmath import exp, log, mpf, nstr, pi, sqrt

from common import exact, table
from multivariate_normal import cholesky, inverse_lower, symmetric


def dot(a, b):
    return sum(x * y for x, y in zip(a, b))


def size(a, b):
    return sum(abs(x * y) for x, y in zip(a, b))


def component(w, mean, lower, white, x, v):
    """What the mixture needs of one component."""
    d = len(x)
    r = [a - b for a, b in zip(x, mean)]
    y = [dot(row, r) for row in white]
    y_terms = [size(row, r) for row in white]
    constants = [log(w), -mpf(d) / 2 * log(2 * pi)] + [log(white[i][i]) for i in range(d)]
    wv = [dot(row, v) for row in white]
    wv_terms = [size(row, v) for row in white]
    columns = list(zip(*white))
    return {
        "l": sum(constants) - dot(y, y) / 2,
        "T": sum(abs(c) for c in constants) + size(y, y_terms) / 2,
        "s": [-dot(column, y) for column in columns],
        "U": [size(column, y_terms) for column in columns],
        "pv": [dot(column, wv) for column in columns],
        "pv_terms": [size(column, wv_terms) for column in columns],
        "trace": sum(dot(row, row) for row in white),
    }


def mean_of(r, parts, values, terms):
    """The mean of vectors under the responsibilities, and its terms."""
    d = len(values[0])
    mean = [sum(r_k * q[i] for r_k, q in zip(r, values)) for i in range(d)]
    size = [
        sum(r_k * (t[i] + abs(q[i] - mean[i]) * (1 + p["T"])) for r_k, p, q, t in zip(r, parts, values, terms)) for i in range(d)
    ]
    return mean, size


def assemble(parts, v):
    """(log p, terms, s, terms, further values) of the mixture; also the responsibilities."""
    top = max(p["l"] for p in parts)
    total = sum(exp(p["l"] - top) for p in parts)
    value = top + log(total)
    r = [exp(p["l"] - value) for p in parts]
    terms = sum(r_k * p["T"] for r_k, p in zip(r, parts)) + log(total) + (total - 1) / total
    score, score_terms = mean_of(r, parts, [p["s"] for p in parts], [p["U"] for p in parts])
    products, product_terms, squares, square_terms = [], [], [], []
    for p in parts:
        e = [a - b for a, b in zip(p["s"], score)]
        error = [a + b for a, b in zip(p["U"], score_terms)]
        along = dot(e, v)
        products.append([along * a - b for a, b in zip(e, p["pv"])])
        product_terms.append(
            [
                abs(along) * error[i] + abs(e[i]) * (size(error, v) + size(e, v)) + p["pv_terms"][i]
                for i in range(len(v))
            ]
        )
        squares.append([dot(e, e) - p["trace"]])
        square_terms.append([2 * size(e, error) + dot(e, e) + p["trace"]])
    jvp = mean_of(r, parts, products, product_terms)
    divergence = mean_of(r, parts, squares, square_terms)
    further = {"jvp": jvp, "divergence": (divergence[0][0], divergence[1][0])}
    return value, nstr(terms, 4), score, [nstr(t, 4) for t in score_terms], further, r


def covariances(rng, form, d, n, condition, scale):
    """As the library takes them, and as matrices."""
    if form == "full":
        all = [symmetric(d, condition, scale * 10 ** rng.uniform(-0.5, 0.5)) for _ in range(n)]
        return all, all
    if form == "tied":
        one = symmetric(d, condition, scale)
        return [one], [one] * n
    if form == "diagonal":
        all = [[scale * condition ** -(i / max(d - 1, 1)) * 10 ** rng.uniform(-0.5, 0.5) for i in range(d)] for _ in range(n)]
    else:
        all = [[scale * 10 ** rng.uniform(-1, 1)] for _ in range(n)]
    return all, [[[v[i % len(v)] if i == j else 0.0 for j in range(d)] for i in range(d)] for v in all]


def random_mixture(rng, form, d, n, condition, scale, spread):
    raw = [10 ** rng.uniform(0, 3) for _ in range(n)]
    given, matrices = covariances(rng, form, d, n, condition, scale)
    parameters = {
        "form": form,
        "weights": [w / sum(raw) for w in raw],
        "means": [[rng.gauss(0, spread) * scale**0.5 for _ in range(d)] for _ in range(n)],
        "covariances": given,
    }
    return parameters, matrices


def point(rng, mean, lower, distance, along):
    """A point at this distance from the mean, in standard deviations in a random direction or of the coordinates."""
    d = len(mean)
    z = [mpf(rng.gauss(0, 1)) for _ in range(d)]
    norm = sqrt(dot(z, z))
    z = [a / norm * distance for a in z]
    if along:
        return [float(m + dot(lower[i], z)) for i, m in enumerate(mean)]
    return [float(m + z[i] * sqrt(dot(lower[i], lower[i]))) for i, m in enumerate(mean)]


CASES = [
    (1, 2, 1.0, 1.0, 2.0),
    (2, 3, 30.0, 2.5, 1.0),
    (2, 2, 1e6, 1e-6, 3.0),
    (3, 4, 100.0, 1.0, 3.0),
    (5, 3, 1e4, 1e4, 1.0),
    (3, 2, 1e10, 1.0, 0.3),
]


def sets():
    rng = random.Random(20260301)
    for form in ("full", "diagonal", "tied", "spherical"):
        for d, n, condition, scale, spread in CASES:
            parameters, matrices = random_mixture(rng, form, d, n, condition, scale, spread)
            w = exact(parameters["weights"])
            w = [a / sum(w) for a in w]
            means = exact(parameters["means"])
            lowers = [cholesky(exact(a)) for a in matrices]
            whites = [inverse_lower(c) for c in lowers]
            rows = []
            for b in range(50):
                k = b % n
                distance = 40 * mpf(10) ** (-4 * mpf(49 - b) / 49 if b % 2 else 0) if b else 0
                x = point(rng, means[k], lowers[k], distance, b % 5 != 4)
                v = [rng.gauss(0, 1) for _ in range(d)]
                parts = [component(*part, exact(x), exact(v)) for part in zip(w, means, lowers, whites)]
                *row, further, _ = assemble(parts, exact(v))
                rows.append((x, *row, {"v": v}, further))
            yield parameters, rows


if __name__ == "__main__":
    table("gaussian_mixture", sets())
