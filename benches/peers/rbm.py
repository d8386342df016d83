"""RBM tasks of gibbsian beside JAX and scikit-learn on the same bytes; see README.md in this folder."""
import gzip
import json
import pathlib
import sys
import tempfile
import time

from sides import ROOT, Failure, Options, Sides, Task

options = Options(__doc__)
options.add_argument("--quality", action="store_true", help="score the trained weights of both sides by one judge")
arguments = options.parse()
V, H, B, N = 784, 500, 100, 9000


def digits():
    """(9000, 784) training and (1000, 784) held-out pictures, thresholded at 127, as 0/1 bytes."""
    import numpy as np
    raw = gzip.open(ROOT / "data/mnist/train-images-idx3-ubyte.gz").read()[16:]
    x = np.frombuffer(raw, np.uint8).reshape(-1, V)[:10000]
    x = (x[np.random.default_rng(0).permutation(len(x))] > 127).astype(np.uint8)
    return x[:N], x[N:]


def start(hidden):
    import numpy as np
    p = np.clip(digits()[0].mean(0), 1e-2, 1 - 1e-2)
    w = (np.random.default_rng(0).normal(size=(V, hidden)) * 0.01).astype(np.float32)
    return w, np.log(p / (1 - p)).astype(np.float32), np.zeros(hidden, np.float32)


def read(path):
    import numpy as np
    f = np.fromfile(path, np.float32)
    h = (len(f) - V) // (V + 1)
    return f[:V * h].reshape(V, h), f[V * h:V * h + V], f[V * h + V:]


def softplus(x):
    import numpy as np
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))


# Workers: one process a measurement, so that thread counts are pinned before a library is loaded.


def jax_train(folder, k, rate, epochs, persistent):
    import jax
    import jax.numpy as jnp
    import numpy as np
    x = jnp.asarray(digits()[0].astype(np.float32).reshape(N // B, B, V))
    w, b, c = map(jnp.asarray, start(H))

    def bernoulli(key, p):
        return (jax.random.uniform(key, p.shape) < p).astype(jnp.float32)

    def step(carry, v0):
        w, b, c, chain, key = carry
        key, *keys = jax.random.split(key, 2 * k + 2)
        ph0 = jax.nn.sigmoid(v0 @ w + c)
        h = bernoulli(keys[0], jax.nn.sigmoid(chain @ w + c) if persistent else ph0)
        for j in range(k):
            v = bernoulli(keys[2 * j + 1], jax.nn.sigmoid(h @ w.T + b))
            ph = jax.nn.sigmoid(v @ w + c)
            if j + 1 < k:
                h = bernoulli(keys[2 * j + 2], ph)
        w = w + rate / B * (v0.T @ ph0 - v.T @ ph)
        b = b + rate * (v0.mean(0) - v.mean(0))
        c = c + rate * (ph0.mean(0) - ph.mean(0))
        return (w, b, c, v, key), None

    epoch = jax.jit(lambda state: jax.lax.scan(step, state, x)[0])
    state = (w, b, c, x[0], jax.random.key(0))
    jax.block_until_ready(epoch(state))  # compiles
    seconds = []
    for _ in range(epochs):
        clock = time.perf_counter()
        state = jax.block_until_ready(epoch(state))
        seconds.append(time.perf_counter() - clock)
    np.concatenate([np.asarray(p).ravel() for p in state[:3]]).astype(np.float32).tofile(folder / "peer.bin")
    return seconds


def sklearn_train(folder, k, rate, epochs, persistent):
    import numpy as np
    from sklearn.neural_network import BernoulliRBM
    assert persistent and k == 1
    m = BernoulliRBM(n_components=H, learning_rate=rate, batch_size=B, random_state=0)
    w, b, c = start(H)
    m.components_, m.intercept_visible_, m.intercept_hidden_ = np.ascontiguousarray(w.T), b, c
    m.h_samples_, m._n_features_out, m.random_state_ = np.zeros((B, H), np.float32), H, np.random.RandomState(0)
    x = digits()[0].astype(np.float32)
    seconds = []
    for _ in range(epochs):
        clock = time.perf_counter()
        for i in range(0, N, B):
            m._fit(x[i:i + B], m.random_state_)
        seconds.append(time.perf_counter() - clock)
    return seconds


def jax_ais(folder, runs):
    import jax
    import jax.numpy as jnp
    import numpy as np
    w, b, c = read(folder / "model.bin")
    p = np.clip(digits()[0].mean(0), 1e-2, 1 - 1e-2)
    a = np.log(p / (1 - p)).astype(np.float32)
    betas, w, difference = jnp.linspace(0, 1, 1001), jnp.asarray(w), b - a

    def step(state, k):
        v, lw, key = state
        key, k1, k2 = jax.random.split(key, 3)
        b0, b1 = betas[k - 1], betas[k]
        x = v @ w + c
        lw = lw + (b1 - b0) * (v @ difference) + (jax.nn.softplus(b1 * x) - jax.nn.softplus(b0 * x)).sum(1)
        h = (jax.random.uniform(k1, x.shape) < jax.nn.sigmoid(b1 * x)).astype(jnp.float32)
        y = b1 * (h @ w.T + b) + (1 - b1) * a
        return ((jax.random.uniform(k2, y.shape) < jax.nn.sigmoid(y)).astype(jnp.float32), lw, key), None

    @jax.jit
    def run(key):
        key, k0 = jax.random.split(key)
        v = (jax.random.uniform(k0, (B, V)) < jax.nn.sigmoid(a)).astype(jnp.float32)
        return jax.lax.scan(step, (v, jnp.zeros(B), key), jnp.arange(1, 1001))[0][1]

    run(jax.random.key(99)).block_until_ready()
    seconds, log_z = [], []
    for r in range(runs):
        clock = time.perf_counter()
        log_weights = run(jax.random.key(r)).block_until_ready()
        seconds.append(time.perf_counter() - clock)
        log_weights = np.asarray(log_weights, np.float64)
        log_z.append(len(c) * np.log(2.0) + softplus(a.astype(np.float64)).sum() + np.logaddexp.reduce(log_weights) - np.log(B))
    return {"seconds": seconds, "log_z": float(np.mean(log_z))}


def jax_exact(folder, runs):
    import jax
    import jax.numpy as jnp
    w, b, c = map(jnp.asarray, read(folder / "model20.bin"))
    h_count = len(c)

    @jax.jit
    def run():
        def block(i):
            h = ((i * 8192 + jnp.arange(8192)[:, None] >> jnp.arange(h_count)) & 1).astype(jnp.float32)
            return h @ c + jax.nn.softplus(h @ w.T + b).sum(1)
        return jax.nn.logsumexp(jax.lax.map(block, jnp.arange((1 << h_count) // 8192)))

    run().block_until_ready()
    seconds = []
    for _ in range(runs):
        clock = time.perf_counter()
        log_z = run().block_until_ready()
        seconds.append(time.perf_counter() - clock)
    return {"seconds": seconds, "log_z": float(log_z)}


def quality(path):
    """Mean test log-probability by annealed importance sampling in numpy, 1000 temperatures and 100 chains."""
    import numpy as np
    train, test = digits()
    p = np.clip(train.mean(0), 1e-2, 1 - 1e-2)
    a = np.log(p / (1 - p)).astype(np.float32)
    w, b, c = read(path)
    r = np.random.default_rng(0)
    sigmoid = lambda x: 1 / (1 + np.exp(-x))
    v = (r.random((B, V), dtype=np.float32) < sigmoid(a)).astype(np.float32)
    lw = np.full(B, len(c) * np.log(2.0) + softplus(a.astype(np.float64)).sum())
    betas = np.linspace(0, 1, 1001)
    for b0, b1 in zip(betas[:-1].astype(np.float32), betas[1:].astype(np.float32)):
        x = v @ w + c
        lw += float(b1 - b0) * (v @ (b - a)) + (softplus(b1 * x) - softplus(b0 * x)).sum(1, dtype=np.float64)
        h = (r.random(x.shape, dtype=np.float32) < sigmoid(b1 * x)).astype(np.float32)
        v = (r.random(v.shape, dtype=np.float32) < sigmoid(b1 * (h @ w.T + b) + (1 - b1) * a)).astype(np.float32)
    log_z = lw.max() + np.log(np.exp(lw - lw.max()).mean())
    t = test.astype(np.float32)
    return float((t @ b + softplus(t @ w + c).sum(1)).mean() - log_z)


WORKERS = {"jax_train": jax_train, "sklearn_train": sklearn_train, "jax_ais": jax_ais, "jax_exact": jax_exact}
if arguments.worker:
    name, folder, *rest = arguments.worker
    print(json.dumps(WORKERS[name](pathlib.Path(folder), *[json.loads(v) for v in rest])))
    sys.exit()

sides = Sides(arguments)


def peer(name, *values):
    return sides.peer(name, folder, *values)


def ours(*values):
    return sides.program("rbm-peer", *values)


# What either side found, beside its times.
LOG_Z = {}


def log_z(task, peer_worker, runs, *values, limit=None):
    """A task whose sides estimate a partition function, and remember it."""
    def side(name, run):
        def measure():
            found = run()
            LOG_Z.setdefault(task, {})[name] = found["log_z"]
            return found["seconds"]
        return measure
    return Task(task, "JAX", side("peer", lambda: peer(peer_worker, runs)), side("gibbsian", lambda: ours(*values)), limit=limit)


folder = pathlib.Path(tempfile.mkdtemp())
DATA, START, OURS = folder / "data.bin", folder / "start.bin", folder / "ours.bin"
EPOCHS, FEW, RUNS = (1, 1, 1) if arguments.quick else (10, 3, 3)
ANNEALED, EXACT = "AIS, 1,000 temperatures x 100 chains", "exact log Z, 784 x 20"


def prepare():
    """The data, the starts and two trained machines, as files."""
    train, _ = digits()
    train.tofile(DATA)
    for hidden, name in ((H, "start.bin"), (20, "start20.bin")):
        (folder / name).write_bytes(b"".join(p.tobytes() for p in start(hidden)))
    ours("train", DATA, START, folder / "model.bin", "cd", 1, 0.05, EPOCHS)
    ours("train", DATA, folder / "start20.bin", folder / "model20.bin", "cd", 1, 0.05, FEW)


def training(name, peer_name, worker, algorithm, k, rate, epochs):
    return Task(f"{name}, 10,000 digits", peer_name, lambda: peer(worker, k, rate, epochs, algorithm == "pcd"),
                lambda: ours("train", DATA, START, OURS, algorithm, k, rate, epochs)["seconds"], 10000 / N,
                # The hidden units of the data, two a sweep, and two of the gradient.
                limit=("tiles", 2.0 * 10_000 * V * H * (1 + 2 * k + 2)))


TASKS = [
    training("CD-1", "JAX", "jax_train", "cd", 1, 0.05, EPOCHS),
    training("PCD-1", "JAX", "jax_train", "pcd", 1, 0.02, EPOCHS),
    training("PCD-1", "scikit-learn", "sklearn_train", "pcd", 1, 0.02, FEW),
    training("PCD-15", "JAX", "jax_train", "pcd", 15, 0.02, FEW),
    log_z(ANNEALED, "jax_ais", RUNS, "ais", DATA, folder / "model.bin", RUNS, limit=("tiles", 2.0 * 1000 * 100 * V * H * 2)),
    log_z(EXACT, "jax_exact", RUNS, "exact", folder / "model20.bin", RUNS),
]


def look(task):
    """The remark on a task, after a look at whether both sides computed the same."""
    if task.name == EXACT:
        theirs, found = LOG_Z[EXACT]["peer"], LOG_Z[EXACT]["gibbsian"]
        # JAX adds a million terms of single precision.
        if not abs(theirs - found) <= 1e-4 * abs(found):
            raise Failure(f"the sides computed different things: {theirs} and {found}")
    if task.name in LOG_Z:
        return "log Z: peer {peer:.3f}, gibbsian {gibbsian:.3f}".format(**LOG_Z[task.name])
    if arguments.quality and task.peer == "JAX" and "digits" in task.name:
        return f"mean log-probability of held-out digits: peer {quality(folder / 'peer.bin'):.2f}, gibbsian {quality(OURS):.2f} nats"


TASKS = sides.chosen(TASKS)
prepare()
sides.table(TASKS, look)
