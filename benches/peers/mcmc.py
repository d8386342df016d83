"""Samplers of gibbsian beside nuts-rs and blackjax on six targets; see README.md in this folder."""
import json
import os
import pathlib
import sys
import tempfile
import time

from sides import ROOT, Failure, Options, Sides, Task, median, number, row, spread, unmeasured

TARGETS = {"normal100": 100, "corr50": 50, "funnel10": 10, "twomode2": 2, "banana2": 2, "logreg25": 25}
options = Options(__doc__, rounds=3)
options.add_argument("--chains", type=int, default=64)
options.add_argument("--draws", type=int, help="draws of each chain (500; 50 with --quick)")
arguments = options.parse()
CHAINS, DRAWS = arguments.chains, arguments.draws or (50 if arguments.quick else 500)
REPEATS = 1 if arguments.quick else 5
# The program in nuts-rs/ is no member of the workspace; it is built where this variable says.
NUTS_RS = os.environ.get("NUTS_RS_PEER", ROOT / "benches/peers/nuts-rs/target/release/nuts-rs-peer")


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
    warmup = blackjax.window_adaptation(blackjax.nuts, logp, is_mass_matrix_diagonal=True, target_acceptance_rate=0.8)
    (_, found), _ = warmup.run(jax.random.key(0), x0[0], 1000)
    step_size, metric, scales = found["step_size"], found["inverse_mass_matrix"], jnp.ones(d)
    if kind in ("nuts", "hmc"):
        kernel = blackjax.nuts(logp, step_size, metric) if kind == "nuts" else blackjax.hmc(logp, step_size, metric, 10)
    else:
        # Neither kernel has a metric, so both run in coordinates of unit scale by the same adaptation.
        scales = jnp.sqrt(metric)
        scaled, x0 = (lambda z: logp(scales * z)), x0 / scales

        # The step whose acceptance is what theory recommends, by bisection of its logarithm: acceptance falls with the step.
        def build(step):
            if kind == "mala":
                return blackjax.mala(scaled, step)
            return blackjax.additive_step_random_walk(scaled, blackjax.mcmc.random_walk.normal(step * jnp.ones(d)))

        @jax.jit
        def acceptance(step):
            kernel = build(step)

            def chain(key, x):
                advance = lambda s, k: (lambda new: (new[0], new[1].acceptance_rate))(kernel.step(k, s))
                return jax.lax.scan(advance, kernel.init(x), jax.random.split(key, 400))[1][200:].mean()
            return jax.vmap(chain)(jax.random.split(jax.random.key(0), 16), x0[:16]).mean()
        low, high = 1e-4, 4.0
        for _ in range(14):
            step_size = float(np.sqrt(low * high))
            # Where it is no number, the step was too long.
            is_short = float(acceptance(step_size)) > (0.574 if kind == "mala" else 0.234)
            low, high = (step_size, high) if is_short else (low, step_size)
        kernel = build(step_size)

    @jax.jit
    def run(keys, states):
        def chain(key, state):
            def advance(s, k):
                s, info = kernel.step(k, s)
                return s, (scales * s.position, getattr(info, "num_integration_steps", 1))
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

sides = Sides(arguments)
folder = pathlib.Path(tempfile.mkdtemp())


def gibbsian(kernel, draws=DRAWS):
    return lambda name: sides.program("mcmc-peer", kernel, name, folder / f"{name}.bin", CHAINS, draws, REPEATS, folder / "draws.bin")


def nuts_rs(name):
    if not pathlib.Path(NUTS_RS).exists():
        raise Failure("its program is not built", missing="nuts-rs")
    return sides.run(NUTS_RS, name, TARGETS[name], folder / f"{name}.bin", CHAINS, DRAWS, REPEATS, folder / "draws.bin")


def blackjax(kind, double=False):
    return lambda name: sides.peer("blackjax", folder, kind, name, CHAINS, DRAWS, REPEATS, double)


SIDES = {
    "gibbsian NUTS": gibbsian("nuts"),
    "nuts-rs NUTS": nuts_rs,
    "blackjax NUTS": blackjax("nuts"),
    "gibbsian NUTS, full metric": gibbsian("nuts-dense"),
    "gibbsian HMC": gibbsian("hmc"),
    "blackjax HMC": blackjax("hmc"),
    "gibbsian MALA": gibbsian("mala"),
    "blackjax MALA": blackjax("mala"),
    "gibbsian random walk": gibbsian("random-walk"),
    "blackjax random walk": blackjax("rwm"),
}
# Kernel, peer, and what is compared: all of a side's rates are in the details.
PAIRS = [("NUTS", "nuts-rs", "ess/s"), ("NUTS", "blackjax", "ess/s"), ("HMC", "blackjax", "gradients/s"), ("MALA", "blackjax", "ess/s"),
         ("random walk", "blackjax", "ess/s")]
UNITS = {"ess/s": "effective draws/s", "gradients/s": "gradients/s"}
COLUMNS = ["ess/s", "ess of squares/s", "gradients/s", "draws/s", "r-hat", "mean error", "variance error", "diverging"]


def judge(name, found):
    """Effective draws of the worst coordinate, those of its square, R-hat, and errors of the first two moments, by one judge for all sides."""
    x = np.fromfile(folder / "draws.bin").reshape(CHAINS, DRAWS, -1)
    effective = lambda v: float(array_stats.ess(v, chain_axis=0, draw_axis=1, method="bulk").min())
    moments = exact_moments(name)
    if moments is None:
        moments = np.load(folder / "moments.npy")
    flat = x.reshape(-1, x.shape[-1])
    mean, variance = moments
    seconds = median(found["seconds"])
    return {
        "ess/s": effective(x) / seconds,
        "ess of squares/s": effective((x - flat.mean(0)) ** 2) / seconds,
        "gradients/s": found["gradients"] / seconds,
        "draws/s": CHAINS * DRAWS / seconds,
        "r-hat": float(array_stats.rhat(x, chain_axis=0, draw_axis=1).max()),
        "mean error": float((abs(flat.mean(0) - mean) / np.sqrt(variance)).max()),
        "variance error": float(abs(flat.var(0) / variance - 1).max()),
        "diverging": found.get("diverging"),
    }


def measure(name, chosen):
    """What each of the chosen sides did, a list of judgements, or the failure that ended it."""
    data(name).tofile(folder / f"{name}.bin")
    if name == "logreg25":
        # The judge's moments: a run ten times as long. Without them nobody is judged.
        try:
            gibbsian("nuts", 10 * DRAWS)(name)
        except Failure as failure:
            return dict.fromkeys(chosen, Failure(f"the run that gives the judge its moments: {failure}"))
        x = np.fromfile(folder / "draws.bin").reshape(-1, TARGETS[name])
        np.save(folder / "moments.npy", np.stack([x.mean(0), x.var(0)]))
    measured = {side: [] for side in chosen}
    for _ in range(sides.rounds):
        for side in chosen:
            if isinstance(measured[side], list):
                try:
                    measured[side].append(judge(name, SIDES[side](name)))
                except Failure as failure:
                    measured[side] = failure
    return measured


def compare(task, theirs, ours):
    """The row of a task, from judgements or failures of both sides."""
    for side, found in (("peer", theirs), ("gibbsian", ours)):
        if isinstance(found, Failure):
            return unmeasured(task, side, found)
    key = next(key for key, unit in UNITS.items() if unit == task.unit)
    moments = lambda rows: f"{number(median([r['mean error'] for r in rows]))} and {number(median([r['variance error'] for r in rows]))}"
    remark = f"largest errors of means and variances: peer {moments(theirs)}, gibbsian {moments(ours)}"
    return row(task, [r[key] for r in theirs], [r[key] for r in ours]) | {"remark": remark}


every = sides.chosen([Task(f"{name}, {kernel}", peer, None, None, unit=UNITS[key], more_is_better=True)
                      for name in TARGETS for kernel, peer, key in PAIRS])
print(f"{CHAINS} chains of {DRAWS} draws, {sides.threads} threads, {sides.rounds} rounds in turn: median [least, most] over rounds")
for name in TARGETS:
    tasks = [task for task in every if task.name.startswith(name)]
    open_tasks = [task for task in tasks if task.label not in sides.before]
    wanted = {f"{side} {task.name.split(', ')[1]}" for task in open_tasks for side in ("gibbsian", task.peer)}
    if "gibbsian NUTS" in wanted:
        wanted.add("gibbsian NUTS, full metric")
    measured = measure(name, [side for side in SIDES if side in wanted]) if open_tasks else {}
    for side, found in measured.items():
        if not isinstance(found, Failure):
            columns = {key: [r[key] for r in found] for key in COLUMNS if found[0][key] is not None}
            sides.detail({"target": name, "side": side, "columns": columns})
    for task in tasks:
        kernel = task.name.split(", ")[1]
        if task.label in sides.before:
            sides.add(sides.before[task.label])
        else:
            sides.add(compare(task, measured[f"{task.peer} {kernel}"], measured[f"gibbsian {kernel}"]))
for detail in sides.details:
    print(f"{detail['target']}: {detail['side']}: " + ", ".join(f"{key} {spread(values)}" for key, values in detail["columns"].items()))
sides.finish()
