"""Gaussian mixtures noised by the four forward processes, at times from zero to the horizon.

With S_k = V diag(lambda) V', c_i = alpha^2 lambda_i + sigma^2 and z = V'(x - alpha m_k), component k has

    l_k = log w_k - D/2 log 2pi - sum_i (log c_i + z_i^2 / c_i) / 2,  s_k = -V (z / c),
    E[x_0 | x, k] = m_k + V (alpha lambda z / c),

and the mixture follows as in gaussian_mixture.py. Terms. A deviation has those of x - alpha m and of alpha m, so z_i has Z_i = sum_j |V_ji| (|x_j - alpha m_j| + |alpha m_j|);
z_i^2 / (2 c_i) counts as |z_i| Z_i / (2 c_i) and as z_i^2 / c_i for c_i, in which alpha^2 and sigma^2 have their errors; log c_i / 2 counts as itself and 1/2; a quotient
z_i / c_i counts as (Z_i + 2 |z_i|) / c_i and one with alpha as (Z_i + 3 |z_i|) / c_i.
"""

import random

from mpmath import eigsy, exp, expm1, log, matrix, mpf, pi

from common import exact, table
from gaussian_mixture import assemble, dot, mean_of, point, random_mixture, size
from multivariate_normal import cholesky


def moments(process, t):
    """alpha and sigma^2 at t."""
    kind, numbers = process[0], exact(process[1:])
    if kind == "ve":
        low, high = numbers
        return mpf(1), low**2 * expm1(2 * t * log(high / low))
    if kind == "ou":
        return exp(-t), -expm1(-2 * t)
    integral = numbers[0] * t + (numbers[1] - numbers[0]) * t**2 / 2
    lost = -expm1(-integral)
    return exp(-integral / 2), lost if kind == "vp" else lost**2


def component(w, mean, values, columns, alpha, variance, x, v):
    """`columns` are the eigenvectors."""
    d = len(x)
    far = [alpha * m for m in mean]
    r = [a - b for a, b in zip(x, far)]
    r_terms = [abs(a) + abs(b) for a, b in zip(r, far)]
    z = [dot(column, r) for column in columns]
    z_terms = [size(column, r_terms) for column in columns]
    c = [alpha**2 * a + variance for a in values]
    rows = list(zip(*columns))
    constants = [log(w), -mpf(d) / 2 * log(2 * pi)]
    gain = [alpha * a / b for a, b in zip(values, c)]
    vz = [dot(column, v) for column in columns]
    vz_terms = [size(column, v) for column in columns]
    return {
        "l": sum(constants) - sum(log(a) + b * b / a for a, b in zip(c, z)) / 2,
        "T": sum(abs(a) for a in constants)
        + sum((abs(log(a)) + 1 + abs(b) * t / a) / 2 + b * b / a for a, b, t in zip(c, z, z_terms)),
        "s": [-sum(row[i] * z[i] / c[i] for i in range(d)) for row in rows],
        "U": [sum(abs(row[i]) * (z_terms[i] + 2 * abs(z[i])) / c[i] for i in range(d)) for row in rows],
        "pv": [sum(row[i] * vz[i] / c[i] for i in range(d)) for row in rows],
        "pv_terms": [2 * sum(abs(row[i]) * vz_terms[i] / c[i] for i in range(d)) for row in rows],
        "trace": sum(1 / a for a in c),
        "m": [a + sum(row[i] * gain[i] * z[i] for i in range(d)) for a, row in zip(mean, rows)],
        "m_terms": [
            abs(a) + sum(abs(row[i]) * gain[i] * (z_terms[i] + 3 * abs(z[i])) for i in range(d)) for a, row in zip(mean, rows)
        ],
    }


def spectrum(a):
    """Eigenvalues and eigenvectors."""
    d = len(a)
    if all(a[i][j] == 0 for i in range(d) for j in range(d) if i != j):
        return [a[i][i] for i in range(d)], [[mpf(i == j) for j in range(d)] for i in range(d)]
    values, vectors = eigsy(matrix(a))
    return list(values), [[vectors[i, j] for i in range(d)] for j in range(d)]


CASES = [
    ("full", 1, 2, 1.0, 1.0, 2.0),
    ("full", 3, 2, 1e10, 1.0, 1.0),
    ("tied", 2, 2, 1e4, 0.1, 3.0),
    ("diagonal", 3, 3, 100.0, 2.0, 2.0),
    ("spherical", 2, 4, 1.0, 1e-3, 30.0),
]


def sets():
    rng = random.Random(20260302)
    processes = [("ve", 0.01, 50.0), ("vp", 0.1, 20.0), ("sub-vp", 0.1, 20.0), ("ou", 8.0)]
    for number, process in enumerate(processes):
        for index, (form, d, n, condition, scale, spread) in enumerate(CASES):
            if process[0] == "ve" and index % 2 == 1:
                process = ("ve", 0.01, 1e4)
            parameters, matrices = random_mixture(rng, form, d, n, condition, scale, spread)
            parameters["process"], parameters["process_parameters"] = process[0], list(process[1:])
            horizon = 8.0 if process[0] == "ou" else 1.0
            w = exact(parameters["weights"])
            w = [a / sum(w) for a in w]
            means = exact(parameters["means"])
            spectra = [spectrum(exact(a)) for a in matrices]
            rows = []
            for b in range(50):
                t = 0.0 if b == 0 else horizon if b == 49 else horizon * 10 ** (-6 * (48 - b) / 47) * rng.uniform(0.9, 1)
                alpha, variance = moments(process, mpf(t))
                k = (b // 2) % n
                noisy = [
                    [alpha**2 * mpf(matrices[k][i][j]) + (variance if i == j else 0) for j in range(d)] for i in range(d)
                ]
                distance = 40 * mpf(10) ** (-4 * mpf(rng.random()) if b % 2 else 0)
                x = point(rng, [alpha * m for m in means[k]], cholesky(noisy), distance, b % 5 != 4)
                v = [rng.gauss(0, 1) for _ in range(d)]
                parts = [
                    component(w_k, mean, *spectrum_k, alpha, variance, exact(x), exact(v))
                    for w_k, mean, spectrum_k in zip(w, means, spectra)
                ]
                *row, further, r = assemble(parts, exact(v))
                further["denoised"] = mean_of(r, parts, [p["m"] for p in parts], [p["m_terms"] for p in parts])
                rows.append((x, *row, {"t": t, "v": v}, further))
            yield parameters, rows


if __name__ == "__main__":
    table("noised_mixture", sets())
