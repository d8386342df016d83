"""A deep Boltzmann machine of gibbsian beside JAX on digits; see README.md in this folder."""
import gzip
import json
import sys
import time

from sides import ROOT, Options, Sides, Task

arguments = Options(__doc__).parse()
V, H, G, B, STEPS = 784, 500, 1000, 100, 20
SWEEPS, GIBBS, RATE = 10, 5, 0.005
TEMPERATURES, CHAINS = 1000, 100


def jax_machine():
    """Digits, and the parameters and chains to start from."""
    import jax.numpy as jnp
    import numpy as np
    raw = gzip.open(ROOT / "data/mnist/train-images-idx3-ubyte.gz").read()[16:]
    grey = np.frombuffer(raw, np.uint8).reshape(-1, V)[: STEPS * B] / 255
    r = np.random.default_rng(0)
    x = (r.random(grey.shape) < grey).astype(np.float32)
    p = np.clip(x.mean(0), 1e-2, 1 - 1e-2)
    base = np.log(p / (1 - p)).astype(np.float32)
    normal = lambda *shape: (0.01 * r.standard_normal(shape)).astype(np.float32)
    parameters = (normal(V, H), normal(H, G), base, np.zeros(H, np.float32), np.zeros(G, np.float32))
    chains = x[:B], (r.random((B, G)) < 0.5).astype(np.float32)
    as_jax = lambda parts: tuple(jnp.asarray(part) for part in parts)
    return jnp.asarray(x.reshape(STEPS, B, V)), as_jax(parameters), as_jax(chains), jnp.asarray(base)


def draw(key, p):
    import jax
    import jax.numpy as jnp
    return (jax.random.uniform(key, p.shape) < p).astype(jnp.float32)


def jax_train():
    """An epoch of steps as one compiled loop: mean fields of the data, Gibbs sweeps of persistent chains, a plain gradient step."""
    import jax
    import jax.numpy as jnp
    S = jax.nn.sigmoid

    def step(carry, v):
        (w, u, b, c, d), q, h2, key = carry
        x = v @ w + c
        first = S(2 * x)
        m1, m2 = jax.lax.fori_loop(0, SWEEPS, lambda _, m: (lambda m1: (m1, S(m1 @ u + d)))(S(x + m[1] @ u.T)), (first, S(first @ u + d)))

        def sweep(_, s):
            q, _, h2, key = s
            key, k1, k2, k3 = jax.random.split(key, 4)
            h1 = draw(k1, S(q @ w + c + h2 @ u.T))
            return draw(k3, S(h1 @ w.T + b)), h1, draw(k2, S(h1 @ u + d)), key
        q, h1, h2, key = jax.lax.fori_loop(0, GIBBS, sweep, (q, jnp.zeros((B, H)), h2, key))
        k = RATE / B
        parameters = (w + k * (v.T @ m1 - q.T @ h1), u + k * (m1.T @ m2 - h1.T @ h2), b + RATE * (v.mean(0) - q.mean(0)),
                      c + RATE * (m1.mean(0) - h1.mean(0)), d + RATE * (m2.mean(0) - h2.mean(0)))
        return (parameters, q, h2, key), None

    x, parameters, chains, base = jax_machine()
    return jax.jit(lambda state: jax.lax.scan(step, state, x)[0]), (parameters, *chains, jax.random.key(0)), base


def train(repeats):
    """Seconds of a training step."""
    import jax
    epoch, state, _ = jax_train()
    state = jax.block_until_ready(epoch(state))
    seconds = []
    for _ in range(repeats):
        clock = time.perf_counter()
        state = jax.block_until_ready(epoch(state))
        seconds.append((time.perf_counter() - clock) / STEPS)
    return seconds


def ais(repeats):
    """Seconds of annealed importance sampling along the first hidden layer, the two others summed out."""
    import jax
    import jax.numpy as jnp
    S, softplus = jax.nn.sigmoid, jax.nn.softplus
    epoch, state, base = jax_train()
    (w, u, b, c, d), *_ = epoch(state)
    betas = jnp.linspace(0, 1, TEMPERATURES + 1)

    def step(state, k):
        h1, log_w, key = state
        key, k1, k2, k3 = jax.random.split(key, 4)
        before, beta = betas[k - 1], betas[k]
        x, y = h1 @ w.T + b - base, h1 @ u + d
        log_w += (beta - before) * (h1 @ c) + (softplus(base + beta * x) - softplus(base + before * x)).sum(1)
        log_w += (softplus(beta * y) - softplus(before * y)).sum(1)
        v, h2 = draw(k1, S(base + beta * x)), draw(k2, S(beta * y))
        return (draw(k3, S(beta * (v @ w + c + h2 @ u.T))), log_w, key), None

    @jax.jit
    def run(key):
        key, first = jax.random.split(key)
        start = draw(first, jnp.full((CHAINS, H), 0.5)), jnp.zeros(CHAINS), key
        return jax.lax.scan(step, start, jnp.arange(1, TEMPERATURES + 1))[0][1]

    run(jax.random.key(99)).block_until_ready()
    seconds = []
    for r in range(repeats):
        clock = time.perf_counter()
        run(jax.random.key(r)).block_until_ready()
        seconds.append(time.perf_counter() - clock)
    return seconds


if arguments.worker:
    name, _, repeats = arguments.worker
    print(json.dumps({"train": train, "ais": ais}[name](json.loads(repeats))))
    sys.exit()

sides = Sides(arguments)


# Multiply-adds of the products, two operations each. A sweep of mean field has two with the upper weights, beside one with the lower for all; a sweep of Gibbs
# sampling, and a temperature, have two with either; the gradient has two with either.
LOWER, UPPER = 784 * 500, 500 * 1000
PRODUCTS = {"train": 2.0 * 100 * (LOWER * (1 + 2 * 5 + 2) + UPPER * (2 * 10 + 2 * 5 + 2)), "ais": 2.0 * 1000 * 100 * 2 * (LOWER + UPPER)}


def pair(name, task, repeats):
    return Task(name, "JAX", lambda: sides.peer(task, "-", repeats), lambda: sides.program("dbm-peer", task, repeats), limit=("tiles", PRODUCTS[task]))


sides.table([
    pair("step of 784-500-1000, 10 mean-field and 5 Gibbs sweeps", "train", 1 if arguments.quick else 5),
    pair("AIS of 784-500-1000, 1,000 temperatures x 100 chains", "ais", 1 if arguments.quick else 3),
])
