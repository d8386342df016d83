"""Jacobian-vector products, divergences and parameter gradients, by differences of energies in 160 digits.

An energy E(theta, x) is a function of its parameters and the point. With the score s = -dE/dx and its Jacobian J, each case has for its rows x and
directions v, u, w (each a row for a row), and weights a (a number for a row),

    jvp              J v                                 of each row,
    divergence       tr J                                of each row,
    energy_gradient  sum_b a_b dE(x_b)/dtheta,
    score_gradient   sum_b u_b . ds(x_b)/dtheta,
    jvp_gradient     sum_b w_b . d(J v_b)/dtheta.

A mixed derivative along directions d_1, ..., d_k is the sum of s_1 ... s_k E(. + h sum_i s_i d_i) over all signs, over (2 h)^k; with h = 10^-35 its error
is of the order of 10^-70, and rounding is below 10^-50.
"""

import itertools
import json
import random
import sys
from pathlib import Path

from mpmath import det, exp, log, matrix, mp, mpf, nstr, pi, tanh

from common import exact

mp.dps = 160
STEP = mpf(10) ** -35


def mixed(f, at, directions):
    """The mixed derivative of `f` at the list `at`, along directions given as {place: component}."""
    total = mpf(0)
    for signs in itertools.product((1, -1), repeat=len(directions)):
        point, sign = list(at), 1
        for s, direction in zip(signs, directions):
            sign *= s
            for place, component in direction.items():
                point[place] += s * STEP * component
        total += sign * f(point)
    return total / (2 * STEP) ** len(directions)


def case(density, parameters, energy, theta, x, wanted, rng):
    """One case; `energy` is a function of the list theta + x."""
    n, d, n_rows = len(theta), len(x[0]), len(x)
    draw = lambda: [[rng.gauss(0, 1) for _ in range(d)] for _ in range(n_rows)]
    entry = {"density": density, "parameters": parameters, "x": x, "v": draw(), "u": draw(), "w": draw(), "a": [rng.gauss(0, 1) for _ in x]}
    unit = lambda place: {place: mpf(1)}
    along = lambda row: {n + i: c for i, c in enumerate(exact(row))}
    text = lambda value: nstr(value, 30)
    points = [list(theta) + exact(row) for row in x]
    if "jvp" in wanted:
        entry["jvp"] = [[text(-mixed(energy, p, [unit(n + i), along(v)])) for i in range(d)] for p, v in zip(points, entry["v"])]
        entry["divergence"] = [text(-sum(mixed(energy, p, [unit(n + i)] * 2) for i in range(d))) for p in points]
    gradient = lambda term: [text(sum(term(k, b) for b in range(n_rows))) for k in range(n)]
    if "energy_gradient" in wanted:
        entry["energy_gradient"] = gradient(lambda k, b: mpf(entry["a"][b]) * mixed(energy, points[b], [unit(k)]))
    if "score_gradient" in wanted:
        entry["score_gradient"] = gradient(lambda k, b: -mixed(energy, points[b], [unit(k), along(entry["u"][b])]))
    if "jvp_gradient" in wanted:
        entry["jvp_gradient"] = gradient(lambda k, b: -mixed(energy, points[b], [unit(k), along(entry["w"][b]), along(entry["v"][b])]))
    return entry


def lower(n):
    return [(i, j) for i in range(n) for j in range(i + 1)]


def covariance(n, rng):
    root = [[rng.gauss(0, 1) for _ in range(n)] for _ in range(n)]
    return [[sum(a * b for a, b in zip(root[i], root[j])) + (i == j) for j in range(n)] for i in range(n)]


FIRST, SECOND, THIRD = "energy_gradient", "score_gradient", "jvp_gradient"


def families(rng):
    """Members in their natural parameters: E = -<eta, T> - log h."""
    for k in range(6):
        points = lambda low, high: [[rng.uniform(low, high)] for _ in range(4)]
        m, s = rng.gauss(0, 2), 10 ** rng.uniform(-1, 1)
        eta = [exact(m) / exact(s) ** 2, -1 / (2 * exact(s) ** 2)]
        yield case("normal", {"mean": m, "deviation": s}, lambda z: -z[0] * z[2] - z[1] * z[2] ** 2, eta, points(-5, 5), ["jvp", FIRST, SECOND], rng)
        rate = 10 ** rng.uniform(-2, 2)
        yield case("exponential", {"rate": rate}, lambda z: -z[0] * z[1], [-exact(rate)], points(0.1, 3), ["jvp", FIRST, SECOND], rng)
        a, b = 10 ** rng.uniform(-2, 3), 10 ** rng.uniform(-1, 1)
        energy = lambda z: -z[0] * log(z[2]) - z[1] * z[2] + log(z[2])
        yield case("gamma", {"shape": a, "rate": b}, energy, [exact(a), -exact(b)], points(0.1, 3), ["jvp", FIRST, SECOND], rng)
        energy = lambda z: (1 - z[0]) * log(z[2]) + (1 - z[1]) * log(1 - z[2])
        yield case("beta", {"alpha": a, "beta": b}, energy, [exact(a), exact(b)], points(0.05, 0.95), ["jvp", FIRST, SECOND], rng)


def wisharts(rng):
    """The energy ½ tr P X − ½ (ν − p − 1) log |X| in the lower triangle of X."""
    for k in range(4):
        p = [1, 2, 2, 3][k]
        scale, nu = covariance(p, rng), p + 3 * rng.random()
        places = {place: s for s, place in enumerate(lower(p))}

        def energy(x, p=p, nu=exact(nu), inverse=matrix(exact(scale)) ** -1, places=places):
            full = matrix([[x[places[max(i, j), min(i, j)]] for j in range(p)] for i in range(p)])
            return sum((inverse * full)[i, i] for i in range(p)) / 2 - (nu - p - 1) / 2 * log(det(full))

        x = [[c[i][j] for i, j in lower(p)] for c in (covariance(p, rng) for _ in range(3))]
        yield case("wishart", {"degrees_of_freedom": nu, "scale": scale}, energy, [], x, ["jvp"], rng)


def normals(rng):
    for k in range(6):
        n = [1, 2, 2, 3, 5, 4][k]
        precision, mean = covariance(n, rng), [rng.gauss(0, 2) for _ in range(n)]

        def energy(z, n=n):
            r = [z[n + n * (n + 1) // 2 + i] - z[i] for i in range(n)]
            return sum(z[n + s] * r[i] * r[j] * (mpf(1) / 2 if i == j else 1) for s, (i, j) in enumerate(lower(n)))

        theta = exact(mean) + [exact(precision[i][j]) for i, j in lower(n)]
        x = [[rng.gauss(0, 3) for _ in range(n)] for _ in range(3)]
        yield case("multivariate_normal", {"mean": mean, "precision": precision}, energy, theta, x, ["jvp", FIRST, SECOND, THIRD], rng)


def chains(rng):
    for k in range(6):
        n = [1, 2, 3, 3, 4, 5][k]
        a = [[rng.gauss(0, 1) if j < i else 0.0 for j in range(n)] for i in range(n)]
        b, sigma = [rng.gauss(0, 1) for _ in range(n)], [10 ** rng.uniform(-1, 1) for _ in range(n)]
        n_a = n * (n - 1) // 2

        def energy(z, n=n, n_a=n_a, sigma=exact(sigma)):
            """The last parameters are what is added to log sigma."""
            x, total, c = z[n_a + 2 * n :], mpf(0), 0
            for i in range(n):
                r = x[i] - z[n_a + i] - sum(z[c + j] * x[j] for j in range(i))
                total += (r / sigma[i] * exp(-z[n_a + n + i])) ** 2 / 2 + z[n_a + n + i]
                c += i
            return total

        theta = [exact(a[i][j]) for i in range(n) for j in range(i)] + exact(b) + [mpf(0)] * n
        x = [[rng.gauss(0, 2) for _ in range(n)] for _ in range(3)]
        parameters = {"coefficients": a, "offsets": b, "deviations": sigma}
        yield case("linear_gaussian_chain", parameters, energy, theta, x, ["jvp", FIRST, SECOND, THIRD], rng)


def mixture_energy(weights, means, covariances):
    parts = []
    for w, m, c in zip(exact(weights), exact(means), exact(covariances)):
        c = matrix(c)
        parts.append((log(w / sum(exact(weights))) - log(det(2 * pi * c)) / 2, m, c**-1))

    def energy(x):
        logs = []
        for constant, m, p in parts:
            r = matrix([a - b for a, b in zip(x, m)])
            logs.append(constant - (r.T * p * r)[0] / 2)
        top = max(logs)
        return -top - log(sum(exp(l - top) for l in logs))

    return energy


def mixtures(rng):
    for k in range(6):
        n, n_parts, spread = [(1, 2, 1), (2, 2, 2), (2, 3, 1), (3, 2, 4), (3, 4, 1), (2, 2, 30)][k]
        raw = [rng.random() + 0.1 for _ in range(n_parts)]
        weights = [r / sum(raw) for r in raw]
        means = [[rng.gauss(0, spread) for _ in range(n)] for _ in raw]
        covariances = [covariance(n, rng) for _ in raw]
        x = [[m + rng.gauss(0, 2) for m in means[b % n_parts]] for b in range(4)]
        parameters = {"weights": weights, "means": means, "covariances": covariances}
        energy = mixture_energy(weights, means, covariances)
        yield case("mixture", parameters, energy, [], x, ["jvp"], rng)
        image, offset = [[rng.gauss(0, 1) for _ in range(n)] for _ in range(n)], [rng.gauss(0, 1) for _ in range(n)]
        inverse = matrix(exact(image)) ** -1
        moved = lambda z, inverse=inverse, offset=exact(offset), energy=energy: energy(list(inverse * matrix([a - b for a, b in zip(z, offset)])))
        yield case("affine", {**parameters, "matrix": image, "offset": offset}, moved, [], x, ["jvp"], rng)


def flows(rng):
    for k in range(5):
        dim, n_layers, n_hidden, size = [(2, 1, 2, 1.0), (2, 2, 3, 0.5), (3, 2, 3, 1.0), (2, 3, 2, 2.0), (3, 3, 2, 0.7)][k]
        halves = [[[i for i in range(dim) if (i + index) % 2 == side] for side in (0, 1)] for index in range(n_layers)]
        n = sum(n_hidden * (len(p) + 1) + 2 * len(c) * (n_hidden + 1) for p, c in halves)

        def energy(z, n=n, halves=halves, n_hidden=n_hidden):
            values, u, log_det = iter(z[:n]), list(z[n:]), mpf(0)
            take = lambda rows, columns: [[next(values) for _ in range(columns)] for _ in range(rows)]
            for passed, changed in halves:
                w, c = take(n_hidden, len(passed)), take(1, n_hidden)[0]
                v, d = take(2 * len(changed), n_hidden), take(1, 2 * len(changed))[0]
                h = [tanh(c[k] + sum(w[k][j] * u[i] for j, i in enumerate(passed))) for k in range(n_hidden)]
                out = [d[o] + sum(v[o][k] * h[k] for k in range(n_hidden)) for o in range(len(d))]
                for j, i in enumerate(changed):
                    s = 2 * tanh(out[j] / 2)
                    u[i] = u[i] * exp(s) + out[len(changed) + j]
                    log_det += s
            return sum(v * v for v in u) / 2 + len(u) * log(2 * pi) / 2 - log_det

        params = [rng.gauss(0, size) for _ in range(n)]
        x = [[rng.gauss(0, 1.5) for _ in range(dim)] for _ in range(2)]
        parameters = {"dim": dim, "n_layers": n_layers, "n_hidden": n_hidden, "largest_log_scale": 2.0, "params": params}
        yield case("coupling_flow", parameters, energy, exact(params), x, ["jvp", FIRST, SECOND], rng)


def autoregressive(rng):
    for k in range(5):
        n, n_hidden, size = [(1, 2, 1.0), (3, 2, 1.0), (4, 5, 0.3), (5, 3, 4.0), (6, 4, 1.0)][k]
        draw = lambda rows, columns: [[rng.gauss(0, size) for _ in range(columns)] for _ in range(rows)]
        parameters = {"input_weights": draw(n, n_hidden), "output_weights": draw(n, n_hidden), "visible_bias": draw(1, n)[0], "hidden_bias": draw(1, n_hidden)[0]}

        def energy(z, n=n, n_hidden=n_hidden):
            size = n * n_hidden
            w, v = z[:size], z[size : 2 * size]
            b, a, x = z[2 * size : 2 * size + n], list(z[2 * size + n : 2 * size + n + n_hidden]), z[2 * size + n + n_hidden :]
            total = mpf(0)
            for i in range(n):
                t = b[i] + sum(v[i * n_hidden + k] / (1 + exp(-a[k])) for k in range(n_hidden))
                total += log(1 + exp(-t if x[i] == 1 else t))
                a = [a[k] + x[i] * w[i * n_hidden + k] for k in range(n_hidden)]
            return total

        theta = sum(exact(parameters["input_weights"] + parameters["output_weights"]), []) + exact(parameters["visible_bias"]) + exact(parameters["hidden_bias"])
        x = [[float(rng.random() < 0.5) for _ in range(n)] for _ in range(5)]
        yield case("nade", parameters, energy, theta, x, [FIRST], rng)


if __name__ == "__main__":
    rng = random.Random(11)
    cases = [c for make in (families, wisharts, normals, chains, mixtures, flows, autoregressive) for c in make(rng)]
    path = Path(sys.argv[0]).resolve().parent / "derivatives.json"
    path.write_text("[\n%s\n]\n" % ",\n".join(json.dumps(c, separators=(",", ":")) for c in cases))
    print(f"{path.name}: {len(cases)} cases, {path.stat().st_size // 1024} KiB")
