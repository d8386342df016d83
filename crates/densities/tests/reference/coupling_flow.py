"""Log-densities and scores of flows of affine coupling layers over a standard normal.

A layer computes h = tanh(W u_A + c), (r, t) = V h + d, s = S tanh(r / S) and u_B <- u_B exp(s) + t; log p is that of the normal at the end plus the sum of
all s. Values are computed here a second time by differentiation: the score by central differences of log p at 120 digits.

Every product, bias, and elementary function is a term of what it is added to; `Term` carries a number together with the sum of its terms, those of
its arguments counted with the factor with which their rounding reaches it to first order.
"""

import random

from mpmath import exp, log, mpf, pi, tanh

from common import exact, table

OPTIONS = {"largest_log_scale": 2.0}


class Term:
    def __init__(self, value, terms=0):
        self.value, self.terms = mpf(value), mpf(terms)

    def __add__(self, other):
        return Term(self.value + other.value, self.terms + other.terms)

    def __mul__(self, other):
        product = self.value * other.value
        return Term(product, abs(product) + abs(self.value) * other.terms + abs(other.value) * self.terms)

    def exp(self):
        e = exp(self.value)
        return Term(e, e * (1 + self.terms))

    def tanh(self):
        t = tanh(self.value)
        return Term(t, abs(t) + (1 - t * t) * self.terms)


def bias(value):
    return Term(value, abs(value))


def split(params, dim, n_layers, n_hidden):
    """The parameters of each layer: (A, B, W, c, V, d)."""
    values = iter(exact(params))
    take = lambda rows, columns: [[next(values) for _ in range(columns)] for _ in range(rows)]
    layers = []
    for index in range(n_layers):
        changed = [i for i in range(dim) if (i + index) % 2 == 1]
        passed = [i for i in range(dim) if (i + index) % 2 == 0]
        w = take(n_hidden, len(passed))
        c = take(1, n_hidden)[0]
        v = take(2 * len(changed), n_hidden)
        d = take(1, 2 * len(changed))[0]
        layers.append((passed, changed, w, c, v, d))
    return layers


def forward(layers, x):
    """log p, and what the way back needs."""
    bound = mpf(OPTIONS["largest_log_scale"])
    u, log_det, traces = [Term(v) for v in x], Term(0), []
    for passed, changed, w, c, v, d in layers:
        h = [sum((Term(w[k][j]) * u[i] for j, i in enumerate(passed)), bias(c[k])).tanh() for k in range(len(c))]
        out = [sum((Term(v[o][k]) * h[k] for k in range(len(h))), bias(d[o])) for o in range(len(d))]
        t = [(r * Term(1 / bound)).tanh() for r in out[: len(changed)]]
        s = [a * Term(bound) for a in t]
        traces.append((u[:], h, t, [a.exp() for a in s]))
        for j, i in enumerate(changed):
            u[i] = u[i] * s[j].exp() + out[len(changed) + j]
            log_det = log_det + s[j]
    normal = [v * v * Term(mpf(-1) / 2) for v in u]
    return sum(normal, log_det + bias(-len(x) * log(2 * pi) / 2)), u, traces


def score(layers, x):
    _, z, traces = forward(layers, x)
    one = Term(1)
    minus = Term(-1)
    g = [v * minus for v in z]
    for (passed, changed, w, c, v, d), (u, h, t, scale) in zip(reversed(layers), reversed(traces)):
        back = [None] * len(d)
        for j, i in enumerate(changed):
            back[j] = (g[i] * u[i] * scale[j] + one) * ((one + minus * t[j]) * (one + t[j]))
            back[len(changed) + j] = g[i]
            g[i] = g[i] * scale[j]
        for k in range(len(h)):
            delta = sum((back[o] * Term(v[o][k]) for o in range(len(d))), Term(0))
            delta = delta * ((one + minus * h[k]) * (one + h[k]))
            for j, i in enumerate(passed):
                g[i] = g[i] + delta * Term(w[k][j])
    return g


def sets():
    rng = random.Random(4)
    for k in range(20):
        dim, n_layers, n_hidden = [(2, 1, 3), (2, 2, 4), (3, 2, 5), (2, 4, 3)][k % 4]
        size = [0.2, 0.6, 1.2, 2.5, 6.0][k // 4]
        n_params = sum(
            n_hidden * (p + 1) + 2 * (dim - p) * (n_hidden + 1)
            for p in (sum((i + index) % 2 == 0 for i in range(dim)) for index in range(n_layers))
        )
        params = [rng.gauss(0, size) for _ in range(n_params)]
        layers = split(params, dim, n_layers, n_hidden)
        rows = []
        for point in range(50):
            x = [rng.gauss(0, 1) if point % 5 else rng.uniform(-40, 40) for _ in range(dim)]
            value = forward(layers, exact(x))[0]
            s = score(layers, exact(x))
            step = mpf(10) ** -40
            for i in range(dim):
                ends = [exact(x)[:i] + [exact(x)[i] + e] + exact(x)[i + 1 :] for e in (-step, step)]
                below, above = (forward(layers, end)[0].value for end in ends)
                slope = (above - below) / (2 * step)
                assert abs(slope - s[i].value) <= mpf(10) ** -55 * (1 + abs(slope)), (slope, s[i].value)
            rows.append((x, value.value, value.terms, [v.value for v in s], [v.terms for v in s]))
        yield {"dim": dim, "n_layers": n_layers, "n_hidden": n_hidden, "params": params, **OPTIONS}, rows


if __name__ == "__main__":
    table("coupling_flow", sets())
