"""Samplers of gibbsian beside nuts-rs and blackjax on six targets; see README.md in this folder."""
import argparse
import json
import pathlib
import subprocess
import sys
import tempfile
import time

from sides import Sides, median

TARGETS = {"normal100": 100, "corr50": 50, "funnel10": 10, "twomode2": 2, "banana2": 2, "logreg25": 25}
parser = argparse.ArgumentParser()
parser.add_argument("--threads", type=int, default=2)
parser.add_argument("--rounds", type=int, default=3, help="times that all sides run in turn")
parser.add_argument("--chains", type=int, default=64)
parser.add_argument("--draws", type=int, default=500)
parser.add_argument("--only", nargs="*", default=list(TARGETS), help="names of targets")
parser.add_argument("--sides", nargs="*", help="names of samplers")
parser.add_argument("--nuts-rs", help="the program in nuts-rs/, compiled")
parser.add_argument("--worker", nargs="*", help=argparse.SUPPRESS)
arguments = parser.parse_args()

PROGRAM = pathlib.Path(__file__).resolve().parents[2] / "target/release/mcmc-peer"
REPEATS = 5


def correlated(d=50, condition=1000.0):
    """Covariance and precision of a normal law whose scales span the square root of the condition number, in random directions."""
    import numpy as np
    q, _ = np.linalg.qr(np.random.default_rng(21).standard_normal((d, d)))
    variances = condition ** (np.arange(d) / (d - 1)) / np.sqrt(condition)
    symmetric = lambda a: (a + a.T) / 2
    return symmetric((q * variances) @ q.T), symmetric((q / variances) @ q.T)


def regression(n=1000, d=25):
    import numpy as np
    r = np.random.default_rng(31)
    x = np.sqrt(3.0) * (2 * r.random((n, d)) - 1)
    x[:, 0] = 1.0
    y = r.random(n) < 1 / (1 + np.exp(-x @ (2 * r.random(d) - 1)))
    return x, y.astype(float)


def data(name):
    import numpy as np
    if name == "corr50":
        return correlated()[1].ravel()
    if name == "logreg25":
        x, y = regression()
        return np.concatenate([x.T.ravel(), y])
    return np.zeros(0)


def exact_moments(name):
    """Means and variances; those of the regression are estimated from a long run and kept beside the data."""
    import numpy as np
    return {
        "normal100": (np.zeros(100), np.ones(100)),
        "corr50": (np.zeros(50), np.diag(correlated()[0])),
        "funnel10": (np.zeros(10), np.r_[9.0, np.full(9, np.exp(4.5))]),
        "twomode2": (np.zeros(2), np.array([0.36 + 2.25, 0.36])),
        "banana2": (np.array([1.0, 11.0]), np.array([10.0, 240.1])),
    }.get(name)


def log_density(name, folder):
    """In JAX."""
    import jax.numpy as jnp
    if name == "normal100":
        return lambda x: -0.5 * (x * x).sum()
    if name == "corr50":
        precision = jnp.asarray(correlated()[1])
        return lambda x: -0.5 * x @ (precision @ x)
    if name == "funnel10":
        return lambda x: -x[0] ** 2 / 18.0 - 0.5 * jnp.exp(-x[0]) * (x[1:] ** 2).sum() - 4.5 * x[0]
    if name == "twomode2":
        return lambda x: jnp.logaddexp(-((x[0] - 1.5) ** 2) / 0.72, -((x[0] + 1.5) ** 2) / 0.72) - x[1] ** 2 / 0.72
    if name == "banana2":
        return lambda x: -((1 - x[0]) ** 2) / 20.0 - 5.0 * (x[1] - x[0] ** 2) ** 2
    x, y = (jnp.asarray(v) for v in regression())

    def posterior(b):
        z = x @ b
        return (y * z - jnp.logaddexp(z, 0.0)).sum() - 0.5 * (b * b).sum()
    return posterior


def blackjax_side(folder, kind, name, chains, draws, repeats, double):
    import jax
    jax.config.update("jax_enable_x64", double)
    import blackjax
    import jax.numpy as jnp
    import numpy as np
    logp, d = log_density(name, folder), TARGETS[name]
    start = time.perf_counter()
    x0 = jax.random.normal(jax.random.key(1), (chains, d))
    if kind in ("nuts", "hmc"):
        warmup = blackjax.window_adaptation(blackjax.nuts, logp, is_mass_matrix_diagonal=True, target_acceptance_rate=0.8)
        (_, found), _ = warmup.run(jax.random.key(0), x0[0], 1000)
        step_size, metric = found["step_size"], found["inverse_mass_matrix"]
        kernel = blackjax.nuts(logp, step_size, metric) if kind == "nuts" else blackjax.hmc(logp, step_size, metric, 10)
    else:
        # The step of a grid whose acceptance is nearest to what theory recommends.
        def build(step):
            if kind == "mala":
                return blackjax.mala(logp, step)
            return blackjax.additive_step_random_walk(logp, blackjax.mcmc.random_walk.normal(step * jnp.ones(d)))

        @jax.jit
        def acceptance(step):
            kernel = build(step)

            def chain(key, x):
                advance = lambda s, k: (lambda new: (new[0], new[1].acceptance_rate))(kernel.step(k, s))
                return jax.lax.scan(advance, kernel.init(x), jax.random.split(key, 400))[1][200:].mean()
            return jax.vmap(chain)(jax.random.split(jax.random.key(0), 16), x0[:16]).mean()
        grid = np.geomspace(1e-4, 4.0, 22)
        rates = np.array([float(acceptance(step)) for step in grid])
        step_size = float(grid[np.nanargmin(np.abs(rates - (0.574 if kind == "mala" else 0.234)))])
        kernel = build(step_size)

    @jax.jit
    def run(keys, states):
        def chain(key, state):
            def advance(s, k):
                s, info = kernel.step(k, s)
                return s, (s.position, getattr(info, "num_integration_steps", 1))
            state, (x, n) = jax.lax.scan(advance, state, jax.random.split(key, draws))
            return state, x, n
        return jax.vmap(chain)(keys, states)

    keys = lambda i: jax.random.split(jax.random.key(i), chains)
    states, *_ = run(keys(2), jax.vmap(kernel.init)(x0))
    states, *_ = run(keys(3), states)
    jax.block_until_ready(states)
    warm = time.perf_counter() - start
    seconds = []
    for i in range(repeats):
        start = time.perf_counter()
        states, x, n = jax.block_until_ready(run(keys(4 + i), states))
        seconds.append(time.perf_counter() - start)
    np.asarray(x, np.float64).tofile(folder / "draws.bin")
    return {"seconds": seconds, "gradients": int(np.sum(n)), "warmup": warm, "step_size": float(step_size)}


if arguments.worker:
    name, folder, *rest = arguments.worker
    print(json.dumps(blackjax_side(pathlib.Path(folder), *[json.loads(v) for v in rest])))
    sys.exit()

import numpy as np  # noqa: E402
from arviz_stats.base import array_stats  # noqa: E402

sides = Sides(arguments.threads, arguments.rounds)
folder = pathlib.Path(tempfile.mkdtemp())
for name in TARGETS:
    data(name).tofile(folder / f"{name}.bin")


def ours(kernel):
    return lambda name, chains, draws: sides.run(PROGRAM, kernel, name, folder / f"{name}.bin", chains, draws, REPEATS, folder / "draws.bin")


def nuts_rs(name, chains, draws):
    if not arguments.nuts_rs:
        raise ImportError("no program was named by --nuts-rs")
    return sides.run(arguments.nuts_rs, name, TARGETS[name], folder / f"{name}.bin", chains, draws, REPEATS, folder / "draws.bin")


def blackjax(kind, double=False):
    return lambda name, chains, draws: sides.peer("blackjax", folder, kind, name, chains, draws, REPEATS, double)


SIDES = {
    "gibbsian NUTS": ours("nuts"),
    "nuts-rs": nuts_rs,
    "blackjax NUTS": blackjax("nuts"),
    "gibbsian NUTS, full metric": ours("nuts-dense"),
    "gibbsian HMC": ours("hmc"),
    "blackjax HMC": blackjax("hmc"),
    "blackjax MALA": blackjax("mala"),
    "gibbsian random walk": ours("random-walk"),
    "blackjax random walk": blackjax("rwm"),
}


def judge(name, row, chains, draws):
    """Effective draws of the worst coordinate, those of its square, R-hat, and errors of the first two moments, by one judge for all sides."""
    x = np.fromfile(folder / "draws.bin").reshape(chains, draws, -1)
    effective = lambda v: float(array_stats.ess(v, chain_axis=0, draw_axis=1, method="bulk").min())
    moments = exact_moments(name)
    if moments is None:
        moments = np.load(folder / "moments.npy") if (folder / "moments.npy").exists() else None
    flat = x.reshape(-1, x.shape[-1])
    errors = [float("nan")] * 2
    if moments is not None:
        mean, variance = moments
        errors = [float((abs(flat.mean(0) - mean) / np.sqrt(variance)).max()), float(abs(flat.var(0) / variance - 1).max())]
    seconds = median(row["seconds"])
    return {
        "ess/s": effective(x) / seconds,
        "ess of squares/s": effective((x - flat.mean(0)) ** 2) / seconds,
        "gradients/s": row["gradients"] / seconds,
        "draws/s": chains * draws / seconds,
        "r-hat": float(array_stats.rhat(x, chain_axis=0, draw_axis=1).max()),
        "mean error": errors[0],
        "variance error": errors[1],
    }


print(f"{arguments.threads} threads, {arguments.chains} chains of {arguments.draws} draws, {arguments.rounds} rounds in turn; medians [least, most] over rounds")
for name in arguments.only:
    if name == "logreg25":
        # The judge's moments: a run ten times as long.
        ours("nuts")(name, arguments.chains, 10 * arguments.draws)
        x = np.fromfile(folder / "draws.bin").reshape(-1, TARGETS[name])
        np.save(folder / "moments.npy", np.stack([x.mean(0), x.var(0)]))
    rows = {}
    for _ in range(arguments.rounds):
        for side, run in SIDES.items():
            if arguments.sides and side not in arguments.sides:
                continue
            try:
                row = run(name, arguments.chains, arguments.draws)
            except (ImportError, subprocess.CalledProcessError) as error:
                rows.setdefault(side, []).append(None)
                print(f"{name}: {side} skipped ({(getattr(error, 'stderr', None) or str(error))[-200:]})")
                continue
            rows.setdefault(side, []).append(judge(name, row, arguments.chains, arguments.draws) | {"diverging": row.get("diverging")})
    for side, measured in rows.items():
        measured = [row for row in measured if row]
        if not measured:
            continue
        columns = {key: sorted(row[key] for row in measured) for key in measured[0] if measured[0][key] is not None}
        print(f"{name}: {side}: " + ", ".join(f"{key} {median(c):.4g} [{c[0]:.3g}, {c[-1]:.3g}]" for key, c in columns.items()), flush=True)
