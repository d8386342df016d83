"""Reverse processes and probability flows of a known mixture, gibbsian beside JAX and diffrax; see README.md in this folder."""
import json
import sys
import time

from sides import Options, Sides, Task

arguments = Options(__doc__, seconds=3.0).parse()
END, STEPS, TOLERANCE = 1e-3, 1000, 1e-5
SIGMA_MIN, SIGMA_MAX, BETA_MIN, BETA_MAX = 0.01, 20.0, 0.1, 20.0
# name: (process, dimensions, components, points)
TASKS = {
    "euler-vp-2": ("vp", 2, 8, 10_000),
    "euler-ve-2": ("ve", 2, 8, 10_000),
    "euler-vp-64": ("vp", 64, 64, 2_000),
    "flow-vp-2": ("vp", 2, 8, 10_000),
    "flow-vp-64": ("vp", 64, 64, 2_000),
    "likelihood-vp-2": ("vp", 2, 8, 1_000),
    "likelihood-vp-64": ("vp", 64, 64, 1_000),
}


def peer(task, seconds):
    """Seconds of calls one after another, compiled before the first counts."""
    import jax
    import jax.numpy as jnp
    import numpy as np

    process, dim, components, n = TASKS[task]
    if dim == 2:
        angles = 2 * np.pi * np.arange(components) / components
        weights, means, deviation = np.full(components, 1 / components), 4 * np.stack([np.cos(angles), np.sin(angles)], 1), 0.3
    else:
        rng = np.random.default_rng(11)
        weights, means, deviation = 0.5 + rng.random(components), 3 * (2 * rng.random((components, dim)) - 1), 0.5
        weights /= weights.sum()
    log_weights, centres = jnp.asarray(np.log(weights), jnp.float32), jnp.asarray(means, jnp.float32)
    squares = (centres**2).sum(1)

    def levels(t):
        if process == "ve":
            sigma = SIGMA_MIN * jnp.exp(t * np.log(SIGMA_MAX / SIGMA_MIN))
            return 1.0, sigma**2 - SIGMA_MIN**2, 0.0, sigma**2 * 2 * np.log(SIGMA_MAX / SIGMA_MIN)
        beta, integral = BETA_MIN + (BETA_MAX - BETA_MIN) * t, BETA_MIN * t + 0.5 * (BETA_MAX - BETA_MIN) * t * t
        alpha = jnp.exp(-0.5 * integral)
        return alpha, 1 - alpha * alpha, -0.5 * beta, beta

    def score(x, t):
        alpha, variance, _, _ = levels(t)
        spread = alpha**2 * deviation**2 + variance
        joint = log_weights + (alpha * (x @ centres.T) - 0.5 * alpha**2 * squares) / spread
        return (alpha * (jax.nn.softmax(joint, axis=-1) @ centres) - x) / spread

    def velocity(t, x):
        _, _, rate, squared = levels(t)
        return rate * x - 0.5 * squared * score(x, t)

    start = SIGMA_MAX if process == "ve" else 1.0
    if task.startswith("euler"):
        h = (1 - END) / STEPS

        @jax.jit
        def run(key):
            first, rest = jax.random.split(key)

            def step(x, at):
                index, key = at
                t = 1 - index * h
                _, _, rate, squared = levels(t)
                z = jax.random.normal(key, x.shape)
                return x - h * (rate * x - squared * score(x, t)) + jnp.sqrt(squared * h) * z, None

            x = start * jax.random.normal(first, (n, dim))
            return jax.lax.scan(step, x, (jnp.arange(STEPS), jax.random.split(rest, STEPS)))[0]
    else:
        import diffrax

        control = diffrax.PIDController(rtol=TOLERANCE, atol=TOLERANCE)

        def solve(term, a, b, y):
            return diffrax.diffeqsolve(term, diffrax.Dopri5(), a, b, None, y, stepsize_controller=control, max_steps=4096).ys

        if task.startswith("flow"):
            field = diffrax.ODETerm(lambda t, x, _: velocity(t, x))
            run = jax.jit(lambda key: solve(field, 1.0, END, start * jax.random.normal(key, (n, dim)))[-1])
        else:
            rng = np.random.default_rng(7)
            chosen = rng.choice(components, n, p=weights)
            points = jnp.asarray(means[chosen] + deviation * rng.standard_normal((n, dim)), jnp.float32)

            def both(t, y, _):
                x = y[0]
                slopes = jax.vmap(jax.jacfwd(lambda z: velocity(t, z[None])[0]))(x)
                return velocity(t, x), jnp.trace(slopes, axis1=1, axis2=2)

            @jax.jit
            def run(key):
                z, change = solve(diffrax.ODETerm(both), END, 1.0, (points, jnp.zeros(n)))
                return -0.5 * (z[-1] ** 2).sum(1) - 0.5 * dim * np.log(2 * np.pi) + change[-1]

    run(jax.random.key(0)).block_until_ready()
    found, began = [], time.perf_counter()
    while not found or time.perf_counter() - began < seconds:
        at = time.perf_counter()
        run(jax.random.key(len(found))).block_until_ready()
        found.append(time.perf_counter() - at)
    return found


if arguments.worker:
    # The first word is the task, the second a folder that other scripts use.
    print(json.dumps(peer(arguments.worker[0], json.loads(arguments.worker[2]))))
    sys.exit()

sides = Sides(arguments)


def pair(task):
    return Task(task, "JAX" if task.startswith("euler") else "diffrax", lambda: sides.peer(task, "-", arguments.seconds),
                lambda: sides.program("sde-peer", task, arguments.seconds))


sides.table([pair(task) for task in TASKS])
