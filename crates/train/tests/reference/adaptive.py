"""Runs of adaptive optimisers, written to adaptive.json: in 40 digits by the published recursions, and in double precision by optax.

    pip install mpmath optax
    python adaptive.py

The parameters are a 1 x 4 matrix, which decays, and a vector of 4, which does not. The gradients are given numbers of very different sizes, some of them near epsilon
and some zero for a while; the learning rate changes. With t = 1, 2, ..., entry by entry:

    RMSProp  v = b v + (1 - b) g^2;  p -= a g / (sqrt(v) + e)                            (Tieleman and Hinton 2012)
    Adam     m = b1 m + (1 - b1) g;  v = b2 v + (1 - b2) g^2;
             p -= a (m / (1 - b1^t)) / (sqrt(v / (1 - b2^t)) + e)                        (Kingma and Ba 2015, algorithm 1)
    AdamW    the same and p -= a l p at once, with the old p                             (Loshchilov and Hutter 2019, algorithm 2, with their l / base rate as l)
"""

import json
import random
from pathlib import Path

import jax
import jax.numpy as jnp
import optax
from mpmath import mp, mpf, nstr, sqrt

jax.config.update("jax_enable_x64", True)
mp.dps = 40
T, D = 60, 4
rng = random.Random(1)

sizes = [1.0, 1e3, 1e-3, 1e-7]
gradients = [[s * rng.gauss(0.3, 1) for s in sizes + sizes[::-1]] for _ in range(T)]
for row in gradients[:5]:
    row[5] = 0.0
rates = [0.02 * (1 - t / (2 * T)) for t in range(T)]
start = [rng.gauss(0, 1) for _ in range(2 * D)]


def adam(b1, b2, e, l):
    b1, b2, e, l = mpf(b1), mpf(b2), mpf(e), mpf(l)
    p, m, v = [mpf(x) for x in start], [mpf(0)] * 2 * D, [mpf(0)] * 2 * D
    run = []
    for t, (row, a) in enumerate(zip(gradients, rates), 1):
        a = mpf(a)
        for i, g in enumerate(map(mpf, row)):
            m[i] = b1 * m[i] + (1 - b1) * g
            v[i] = b2 * v[i] + (1 - b2) * g * g
            d = m[i] / (1 - b1**t) / (sqrt(v[i] / (1 - b2**t)) + e)
            p[i] -= a * (d + (l * p[i] if i < D else 0))
        run.append([float(nstr(x, 20)) for x in p])
    return run


def rms_prop(b, e):
    b, e = mpf(b), mpf(e)
    p, v = [mpf(x) for x in start], [mpf(0)] * 2 * D
    run = []
    for row, a in zip(gradients, rates):
        for i, g in enumerate(map(mpf, row)):
            v[i] = b * v[i] + (1 - b) * g * g
            p[i] -= mpf(a) * g / (sqrt(v[i]) + e)
        run.append([float(nstr(x, 20)) for x in p])
    return run


def by_optax(make):
    table = jnp.asarray(rates)
    optimiser = make(lambda count: table[count])
    params = {"weights": jnp.asarray([start[:D]]), "bias": jnp.asarray(start[D:])}
    state = optimiser.init(params)
    run = []
    for row in gradients:
        grads = {"weights": jnp.asarray([row[:D]]), "bias": jnp.asarray(row[D:])}
        updates, state = optimiser.update(grads, state, params)
        params = optax.apply_updates(params, updates)
        assert params["bias"].dtype == jnp.float64
        run.append([float(x) for x in params["weights"][0]] + [float(x) for x in params["bias"]])
    return run


cases = []
for b1, b2, e, l in [(0.9, 0.999, 1e-8, 0.0), (0.0, 0.99, 1e-6, 0.0), (0.5, 0.999, 1e-3, 0.1), (0.9, 0.95, 1e-8, 2.0)]:
    decays = {"weights": True, "bias": False}
    cases.append({
        "optimiser": "adam_w" if l else "adam", "beta1": b1, "beta2": b2, "epsilon": e, "l2": l,
        "exact": adam(b1, b2, e, l),
        "optax": by_optax(lambda rate: optax.adamw(rate, b1, b2, e, weight_decay=l, mask=decays)),
    })
for b, e in [(0.9, 1e-8), (0.99, 1e-3)]:
    cases.append({
        "optimiser": "rms_prop", "beta1": 0.0, "beta2": b, "epsilon": e, "l2": 0.0,
        "exact": rms_prop(b, e),
        "optax": by_optax(lambda rate: optax.rmsprop(rate, b, e, eps_in_sqrt=False)),
    })
for case in cases:
    gap = max(abs(x - y) for a, b in zip(case["exact"], case["optax"]) for x, y in zip(a, b))
    print(case["optimiser"], "largest difference", gap)

table = {"optax": optax.__version__, "start": start, "rates": rates, "gradients": gradients, "cases": cases}
Path(__file__).with_name("adaptive.json").write_text(json.dumps(table, separators=(",", ":")) + "\n")
