"""Log-probabilities of neural autoregressive distributions on {0, 1}^6, at all 64 states.

With a_i = c + sum_{j<i} x_j W_j, h_i = sigma(a_i) and t_i = b_i + V_i . h_i,

    log p = sum_i log sigma(t_i) or log sigma(-t_i), as x_i is 1 or 0.

The terms are those of this sum, and those of the sums inside, with the factor with which their rounding reaches it to first order: those of t_i with
sigma(-t_i) or sigma(t_i), those of a_ij further with |V_ij| h_ij (1 - h_ij). A sigmoid is rounded as a term of t_i.
"""

import random

from mpmath import exp, log, mpf

from common import exact, table


def sigma(t):
    return 1 / (1 + exp(-t))


def log_density(parameters, x):
    w, v, b, c = (exact(parameters[k]) for k in ("input_weights", "output_weights", "visible_bias", "hidden_bias"))
    a, a_terms = list(c), [abs(v) for v in c]
    value, terms = mpf(0), mpf(0)
    for i, x_i in enumerate(x):
        h = [sigma(a_j) for a_j in a]
        t = b[i] + sum(v[i][j] * h[j] for j in range(len(h)))
        t_terms = abs(b[i]) + sum(
            abs(v[i][j]) * h[j] * (1 + (1 - h[j]) * a_terms[j]) for j in range(len(h))
        )
        sign = 1 if x_i else -1
        term = -log(1 + exp(-sign * t))
        value += term
        terms += abs(term) + sigma(-sign * t) * t_terms
        if x_i:
            a = [a_j + w_j for a_j, w_j in zip(a, w[i])]
            a_terms = [s + abs(w_j) for s, w_j in zip(a_terms, w[i])]
    return value, terms


def sets():
    rng = random.Random(3)
    n = 6
    states = [[float(k >> i & 1) for i in range(n)] for k in range(1 << n)]
    for k in range(20):
        hidden = [1, 2, 5, 9, 16][k % 5]
        scale = [0.1, 1.0, 4.0, 30.0][k // 5]
        draw = lambda rows, columns: [[rng.gauss(0, scale) for _ in range(columns)] for _ in range(rows)]
        parameters = {
            "input_weights": draw(n, hidden),
            "output_weights": draw(n, hidden),
            "visible_bias": draw(1, n)[0],
            "hidden_bias": draw(1, hidden)[0],
        }
        yield parameters, [(x, *log_density(parameters, x)) for x in states]


if __name__ == "__main__":
    table("nade", sets())
