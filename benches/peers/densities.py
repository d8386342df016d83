"""Densities of gibbsian beside JAX and scikit-learn on the same points; see README.md in this folder."""
import json
import pathlib
import sys
import tempfile
import time

from sides import Failure, Options, Sides, Task

arguments = Options(__doc__).parse()
N = 10_000 if arguments.quick else 100_000
REPEATS = 9


def problem(k, d, n=N):
    """A mixture of k normals in d dimensions with full covariances, and n draws from it; a single normal for k = 1."""
    import numpy as np
    r = np.random.default_rng(7 + k + 1000 * d)
    weights = 0.5 + r.random(k)
    means = 4.0 * (2 * r.random((k, d)) - 1)
    roots = np.sqrt(3.0) * (2 * r.random((k, d, d)) - 1)
    covariances = 0.25 * roots @ np.transpose(roots, (0, 2, 1)) / d + 0.1 * np.eye(d)
    weights /= weights.sum()
    label = r.choice(k, size=n, p=weights)
    noise = r.standard_normal((n, d))
    factors = np.linalg.cholesky(covariances)
    x = np.empty((n, d))
    for j in range(k):
        rows = label == j
        x[rows] = means[j] + noise[rows] @ factors[j].T
    return weights, means, covariances, x


def write(path, k, d):
    import numpy as np
    numbers = [np.array([k, d, N], float), *problem(k, d)]
    np.concatenate([np.ascontiguousarray(part).ravel() for part in numbers]).tofile(path)


def read(path):
    import numpy as np
    numbers = np.fromfile(path)
    k, d, n = (int(v) for v in numbers[:3])
    cuts = np.cumsum([3, k, k * d, k * d * d])
    _, weights, means, covariances, x = np.split(numbers, cuts)
    return weights, means.reshape(k, d), covariances.reshape(k, d, d), x.reshape(n, d)


def clock(run):
    run()
    seconds = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - start)
    return seconds


def jax_density(folder, name):
    import jax
    jax.config.update("jax_enable_x64", True)
    import jax.numpy as jnp
    import numpy as np
    weights, means, covariances, x = (jnp.asarray(v) for v in read(folder / f"{name}.bin"))
    k, d = means.shape
    # The usual hand-written form: inverse Cholesky factors in advance, one batched product.
    inverse = jnp.linalg.inv(jnp.linalg.cholesky(covariances))
    constant = jnp.log(weights) + jnp.log(jnp.diagonal(inverse, axis1=1, axis2=2)).sum(1) - 0.5 * d * jnp.log(2 * jnp.pi)
    offset = jnp.einsum("kij,kj->ki", inverse, means)

    def log_density(z):
        y = jnp.einsum("kij,nj->nki", inverse, z) - offset
        q = constant - 0.5 * (y**2).sum(-1)
        return q[:, 0] if k == 1 else jax.scipy.special.logsumexp(q, axis=1)

    value = jax.jit(log_density)
    score = jax.jit(jax.grad(lambda z: log_density(z).sum()))

    def with_values(z):
        values = log_density(z)
        return values.sum(), values

    both = jax.jit(jax.grad(with_values, has_aux=True))
    found = np.asarray(value(x)), np.asarray(score(x))
    return {"value": clock(lambda: value(x).block_until_ready()), "score": clock(lambda: score(x).block_until_ready()),
            "both": clock(lambda: jax.block_until_ready(both(x))),
            "check": [float(found[0].mean()), float(np.abs(found[1]).mean())]}


def scipy_density(folder, name):
    import numpy as np
    from scipy.stats import multivariate_normal
    _, means, covariances, x = read(folder / f"{name}.bin")
    frozen = multivariate_normal(means[0], covariances[0])
    return {"value": clock(lambda: frozen.logpdf(x)), "check": [float(frozen.logpdf(x).mean())]}


def sklearn_density(folder, name):
    import numpy as np
    from sklearn.mixture import GaussianMixture
    weights, means, covariances, x = read(folder / f"{name}.bin")
    mixture = GaussianMixture(len(weights))
    mixture.weights_, mixture.means_, mixture.covariances_ = weights, means, covariances
    # P = U Uᵀ with an upper triangular U, as scikit-learn keeps it.
    mixture.precisions_cholesky_ = np.transpose(np.linalg.inv(np.linalg.cholesky(covariances)), (0, 2, 1))
    return {"value": clock(lambda: mixture.score_samples(x)), "check": [float(mixture.score_samples(x).mean())]}


def sklearn_em(folder, name, iterations):
    import warnings

    import numpy as np
    from sklearn.mixture import GaussianMixture
    warnings.simplefilter("ignore")
    _, means, covariances, x = read(folder / f"{name}.bin")
    k, d = means.shape

    def fit(n):
        start = time.perf_counter()
        mixture = GaussianMixture(k, tol=0.0, max_iter=n, reg_covar=0.0, weights_init=np.full(k, 1 / k), means_init=means + 0.25,
                                  precisions_init=np.tile(np.eye(d), (k, 1, 1))).fit(x)
        return time.perf_counter() - start, mixture.score(x)

    fit(1)
    one, many = fit(1), fit(1 + iterations)
    return {"em": (many[0] - one[0]) / iterations, "check": [many[1], 0.0]}


WORKERS = {f.__name__: f for f in (jax_density, scipy_density, sklearn_density, sklearn_em)}
if arguments.worker:
    name, folder, *rest = arguments.worker
    print(json.dumps(WORKERS[name](pathlib.Path(folder), *[json.loads(v) for v in rest])))
    sys.exit()

sides = Sides(arguments)
folder = pathlib.Path(tempfile.mkdtemp())
SIZES = {"gaussian-2": (1, 2), "gaussian-16": (1, 16), "gaussian-128": (1, 128), "mixture-2": (16, 2), "mixture-16": (16, 16)}
for name, size in SIZES.items():
    write(folder / f"{name}.bin", *size)
checks = {}


def side(run, key):
    """The seconds of one kind, after a look at whether both sides computed the same."""
    def measure():
        row = run()
        expected = checks.setdefault(key[0], row["check"])
        if not all(abs(a - b) <= 1e-8 * (1 + abs(a)) for a, b in zip(expected, row["check"])):
            raise Failure(f"the sides computed different things: {expected} and {row['check']}")
        return row[key[1]]
    return measure


def limit(name, kind):
    """Multiply-adds of the triangular products, one or two, of a wide normal density; of a narrow one the bytes that are read and written."""
    n, d = N, SIZES[name][1]
    if name == "gaussian-128":
        return "f64", n * d * (d + 1.0) * (1 if kind == "value" else 2)
    if name == "gaussian-16":
        return "memory", 8.0 * n * {"value": d + 1, "score": 2 * d, "both": 2 * d + 1}[kind]
    return None


TASKS = []
for name in SIZES:
    peer = lambda name=name: sides.peer("jax_density", folder, name)
    ours = lambda name=name: sides.program("density-peer", "density", folder / f"{name}.bin")
    for kind in ("value", "score", "both"):
        TASKS.append(Task(f"{name} {kind}", "JAX", side(peer, (name, kind)), side(ours, (name, kind)), limit=limit(name, kind)))
    library, label = ("scipy", "SciPy") if name.startswith("gaussian") else ("sklearn", "scikit-learn")
    other = lambda name=name, library=library: sides.peer(f"{library}_density", folder, name)
    TASKS.append(Task(f"{name} value", label, side(other, (name, "value")), side(ours, (name, "value")), limit=limit(name, "value")))
TASKS.append(Task(
    "EM iteration, mixture-16", "scikit-learn",
    side(lambda: sides.peer("sklearn_em", folder, "mixture-16", 5), ("em", "em")),
    side(lambda: sides.program("density-peer", "em", folder / "mixture-16.bin", 5), ("em", "em"))))
sides.table(TASKS)
