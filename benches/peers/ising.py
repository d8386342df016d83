"""Ising updates and exact log Z of gibbsian beside JAX, numba, mcising and dwave-samplers at the critical point of the square lattice; see README.md in this folder."""
import json
import math
import sys
import time

from sides import Failure, Options, Sides, Task

options = Options(__doc__, threads=1, seconds=1.0)
options.add_argument("--chains", type=int, default=32, help="chains of gibbsian's Metropolis at L = 64")
arguments = options.parse()
TEMPERATURE = 2 / math.log(1 + math.sqrt(2))


def nanoseconds(run, work, seconds):
    """Nanoseconds for each unit of work; `run(n)` makes n updates and returns how many spins that were, or nothing where `work` tells."""
    n = 1
    run(n)
    while True:
        clock = time.perf_counter()
        spins = run(n) or n * work
        elapsed = time.perf_counter() - clock
        if elapsed > seconds / 2:
            return 1e9 * elapsed / spins
        n = int(n * min(16, max(2, 0.8 * seconds / max(elapsed, 1e-9))))


# Workers: one process a measurement, so that thread counts are pinned before a library is loaded.


def jax_metropolis(length, seconds):
    """The two colours as half-lattices, a uniform number a spin, all sweeps in one compiled loop."""
    import jax
    import jax.numpy as jnp
    odd = (jnp.arange(length) % 2 == 1)[:, None]
    p = jnp.exp(-2 / TEMPERATURE * jnp.arange(-4, 5)).astype(jnp.float32)

    def half(key, x, y, colour):
        side = jnp.where(odd ^ bool(colour), jnp.roll(y, -1, 1), jnp.roll(y, 1, 1))
        d = x * (y + jnp.roll(y, 1, 0) + jnp.roll(y, -1, 0) + side)
        accept = jnp.where(d <= 0, 1.0, jnp.where(d == 2, p[6], p[8]))
        return jnp.where(jax.random.uniform(key, x.shape) < accept, -x, x)

    def sweep(_, state):
        a, b, key = state
        key, k1, k2 = jax.random.split(key, 3)
        a = half(k1, a, b, 0)
        return a, half(k2, b, a, 1), key

    sweeps = jax.jit(lambda state, n: jax.lax.fori_loop(0, n, sweep, state))
    state = [(jnp.ones((length, length // 2), jnp.int8), jnp.ones((length, length // 2), jnp.int8), jax.random.key(0))]

    def run(n):
        state[0] = jax.block_until_ready(sweeps(state[0], n))

    return nanoseconds(run, length * length, seconds)


def numba_metropolis(length, seconds):
    """The textbook's loops over a checkerboard, with a table of probabilities."""
    import numba
    import numpy as np

    @numba.njit(fastmath=True)
    def sweeps(g, table, n):
        size = g.shape[0]
        for _ in range(n):
            for colour in range(2):
                for i in range(size):
                    up, down = (i - 1) % size, (i + 1) % size
                    for j in range((i + colour) & 1, size, 2):
                        h = g[up, j] + g[down, j] + g[i, j - 1 if j else size - 1] + g[i, j + 1 if j + 1 < size else 0]
                        d = g[i, j] * h
                        if d <= 0 or np.random.random() < table[d]:
                            g[i, j] = -g[i, j]

    g, table = np.ones((length, length), np.int8), np.exp(-2 / TEMPERATURE * np.arange(5))
    return nanoseconds(lambda n: sweeps(g, table, n), length * length, seconds)


def numba_tuned_metropolis(length, seconds):
    """Half-lattices, no branch, thresholds of 32 bits, and a hashed counter of 32 bits for random numbers, which repeats after four thousand sweeps: as fast as such loops get."""
    import numba
    import numpy as np
    from numba import uint32

    @numba.njit(fastmath=True)
    def half(x, y, colour, three, four, counter):
        rows, columns = x.shape
        for i in range(rows):
            above, below, row = y[i - 1 if i else rows - 1], y[i + 1 if i + 1 < rows else 0], y[i]
            step = 1 if (i + colour) & 1 else -1
            base = counter[0]
            counter[0] += uint32(0x9E3779B9) * uint32(columns)
            for j in range(columns):
                z = uint32(base + uint32(j) * uint32(0x9E3779B9))
                z = uint32((z ^ (z >> uint32(16))) * uint32(0x21F0AAAD))
                z = uint32((z ^ (z >> uint32(15))) * uint32(0x735A2D97))
                z = z ^ (z >> uint32(15))
                k = j + step
                if k < 0:
                    k = columns - 1
                elif k >= columns:
                    k = 0
                d = x[i, j] * (row[j] + above[j] + below[j] + row[k])
                turns = (d <= 0) | ((d == 2) & (z < three)) | ((d == 4) & (z < four))
                x[i, j] = -x[i, j] if turns else x[i, j]

    @numba.njit
    def sweeps(a, b, three, four, counter, n):
        for _ in range(n):
            half(a, b, 0, three, four, counter)
            half(b, a, 1, three, four, counter)

    a, b = np.ones((length, length // 2), np.int8), np.ones((length, length // 2), np.int8)
    three, four = (np.uint32(2**32 * math.exp(-cost / TEMPERATURE)) for cost in (4, 8))
    counter = np.array([12345], np.uint32)
    return nanoseconds(lambda n: sweeps(a, b, three, four, counter, n), length * length, seconds)


def numba_wolff(length, seconds):
    import numba
    import numpy as np

    @numba.njit(fastmath=True)
    def wolff(g, stack, p, n):
        size, total = g.shape[0], 0
        for _ in range(n):
            i, j = np.random.randint(size), np.random.randint(size)
            v = g[i, j]
            g[i, j] = -v
            stack[0] = i * size + j
            top = 1
            total += 1
            while top:
                top -= 1
                i, j = stack[top] // size, stack[top] % size
                for k in range(4):
                    a, b = i, j
                    if k == 0:
                        a = i - 1 if i else size - 1
                    elif k == 1:
                        a = i + 1 if i + 1 < size else 0
                    elif k == 2:
                        b = j - 1 if j else size - 1
                    else:
                        b = j + 1 if j + 1 < size else 0
                    if g[a, b] == v and np.random.random() < p:
                        g[a, b] = -v
                        stack[top] = a * size + b
                        top += 1
                        total += 1
        return total

    g, stack = np.ones((length, length), np.int8), np.empty(length * length + 8, np.int64)
    return nanoseconds(lambda n: wolff(g, stack, 1 - math.exp(-2 / TEMPERATURE), n), 0, seconds)


def mcising_cluster(length, seconds, algorithm):
    import numpy as np
    from mcising._core import IsingSimulation
    m = IsingSimulation(length, 1.0, 0.0, 0.0, 0.0, 3, algorithm)
    m.set_spins(np.ones((length, length), np.int8))
    return nanoseconds(lambda n: m.sweep(n, temperature=TEMPERATURE)[1], 0, seconds)


def dwave_exact(length, seconds):
    """The open lattice by the sampler's tree decomposition; the time includes that of making it, as every call does."""
    import dimod
    import numpy as np
    from dwave.samplers import TreeDecompositionSampler
    i = np.arange(length * length).reshape(length, length)
    u, v = np.concatenate([i[:-1].ravel(), i[:, :-1].ravel()]), np.concatenate([i[1:].ravel(), i[:, 1:].ravel()])
    model = dimod.BinaryQuadraticModel.from_numpy_vectors(np.zeros(i.size), (u, v, -np.ones(len(u))), 0.0, "SPIN")

    def log_z():
        sample = TreeDecompositionSampler().sample(model, num_reads=1, beta=1 / TEMPERATURE, marginals=False)
        return sample.info["log_partition_function"]

    def run(n):
        for _ in range(n):
            log_z()

    return [nanoseconds(run, i.size, seconds), log_z()]


WORKERS = {"jax_metropolis": jax_metropolis, "numba_metropolis": numba_metropolis,
           "numba_tuned_metropolis": numba_tuned_metropolis, "numba_wolff": numba_wolff,
           "mcising_cluster": mcising_cluster, "dwave_exact": dwave_exact}
if arguments.worker:
    name, folder, *rest = arguments.worker
    print(json.dumps(WORKERS[name](*[json.loads(v) for v in rest])))
    sys.exit()

sides = Sides(arguments)


def task(name, peer, worker, ours, length, *values, chains=1):
    return Task(name, peer, lambda: sides.peer(worker, "-", length, arguments.seconds, *values),
                lambda: sides.program("ising-peer", ours, length, chains, arguments.seconds)["ns_per_spin"], unit="ns a spin")


def exact(name, ours, length):
    """`log Z` of both sides must agree before a time counts."""
    theirs = []

    def peer():
        theirs[:] = sides.peer("dwave_exact", "-", length, arguments.seconds)
        return theirs[0]

    def gibbsian():
        found = sides.program("ising-peer", ours, length, 1, arguments.seconds)
        if not abs(found["log_z"] - theirs[1]) < 1e-9 * abs(theirs[1]):
            raise Failure(f"the sides computed different things: {theirs[1]} and {found['log_z']}")
        return found["ns_per_spin"]

    return Task(name, "dwave-samplers", peer, gibbsian, unit="ns a spin")


sides.table([
    task(f"Metropolis L=64, {arguments.chains} chains here, one there", "JAX", "jax_metropolis", "metropolis", 64, chains=arguments.chains),
    task("Metropolis L=1024", "numba", "numba_metropolis", "metropolis", 1024),
    task("Metropolis L=1024, tuned", "numba", "numba_tuned_metropolis", "metropolis", 1024),
    task("Swendsen-Wang L=64", "mcising", "mcising_cluster", "swendsen-wang", 64, "swendsen_wang"),
    task("Swendsen-Wang L=1024", "mcising", "mcising_cluster", "swendsen-wang", 1024, "swendsen_wang"),
    task("Wolff L=64", "mcising", "mcising_cluster", "wolff", 64, "wolff"),
    task("Wolff L=1024", "numba", "numba_wolff", "wolff", 1024),
    task("Wolff L=1024", "mcising", "mcising_cluster", "wolff", 1024, "wolff"),
    exact("log Z of 16x16 by a strip", "strip", 16),
    exact("log Z of 16x16, planar", "planar", 16),
])
