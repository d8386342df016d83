"""Reverse processes and probability flows of a known mixture, gibbsian beside JAX, diffrax and diffusers; see README.md in this folder."""
import json
import math
import pathlib
import sys
import tempfile
import time

from sides import Options, Quality, Sides, Task

arguments = Options(__doc__, seconds=3.0).parse()
END, STEPS, TOLERANCE = 1e-3, 1000, 1e-5
SIGMA_MIN, SIGMA_MAX, BETA_MIN, BETA_MAX = 0.01, 20.0, 0.1, 20.0
# name: (process, dimensions, components, points)
TASKS = {
    "euler-vp-2": ("vp", 2, 8, 10_000),
    "euler-ve-2": ("ve", 2, 8, 10_000),
    "euler-vp-64": ("vp", 64, 64, 2_000),
    "ddim-vp-2": ("vp", 2, 8, 10_000),
    "ddim-vp-64": ("vp", 64, 64, 2_000),
    "dpm-vp-2": ("vp", 2, 8, 10_000),
    "dpm-vp-64": ("vp", 64, 64, 2_000),
    "flow-vp-2": ("vp", 2, 8, 10_000),
    "flow-vp-64": ("vp", 64, 64, 2_000),
    "likelihood-vp-2": ("vp", 2, 8, 1_000),
    "likelihood-vp-64": ("vp", 64, 64, 1_000),
}


def mixture(dim, components):
    """Weights, means and the variance of every component: on a circle, or in a cube."""
    import numpy as np

    if dim == 2:
        angles = 2 * np.pi * np.arange(components) / components
        return np.full(components, 1 / components), 4 * np.stack([np.cos(angles), np.sin(angles)], 1), 0.3**2
    rng = np.random.default_rng(11)
    weights, means = 0.5 + rng.random(components), 3 * (2 * rng.random((components, dim)) - 1)
    return weights / weights.sum(), means, 0.5**2


def draws(weights, means, variance, n, rng):
    chosen = rng.choice(len(weights), n, p=weights)
    return means[chosen] + math.sqrt(variance) * rng.standard_normal((n, means.shape[1]))


def timed(run, seconds):
    """Seconds of calls one after another, and what the last one made."""
    run(0)
    found, began = [], time.perf_counter()
    while not found or time.perf_counter() - began < seconds:
        at = time.perf_counter()
        last = run(len(found) + 1)
        found.append(time.perf_counter() - at)
    return found, last


def diffusers_peer(task, seconds):
    """The schedulers of diffusers at the times of gibbsian's grids: its thousand steps of noise are the variance-preserving process in discrete time."""
    import torch
    from diffusers import DDIMScheduler, DPMSolverMultistepScheduler

    torch.set_num_threads(arguments.threads)
    _, dim, components, n = TASKS[task]
    weights, means, variance = mixture(dim, components)
    log_weights, centres = torch.tensor(weights, dtype=torch.float32).log(), torch.tensor(means, dtype=torch.float32)
    squares = (centres**2).sum(1)
    discrete = {"num_train_timesteps": 1000, "beta_start": BETA_MIN / 1000, "beta_end": BETA_MAX / 1000}
    if task.startswith("ddim"):
        scheduler, n_steps = DDIMScheduler(clip_sample=False, set_alpha_to_one=True, timestep_spacing="trailing", **discrete), 50
    else:
        # Second order, the logarithm of signal to noise in equal steps, the last of which goes to the data.
        scheduler, n_steps = DPMSolverMultistepScheduler(use_lu_lambdas=True, final_sigmas_type="zero", **discrete), 25

    def noise(x, alpha, deviation):
        """The noise expected in points, which is minus the score in units of its deviation."""
        spread = alpha**2 * variance + deviation**2
        joint = log_weights + (alpha * (x @ centres.T) - 0.5 * alpha**2 * squares) / spread
        return (x - alpha * (torch.softmax(joint, 1) @ centres)) * (deviation / spread)

    def run(seed):
        scheduler.set_timesteps(n_steps)
        x = torch.randn((n, dim), generator=torch.Generator().manual_seed(seed))
        for index, t in enumerate(scheduler.timesteps):
            # The multistep scheduler rounds times but not levels of noise.
            kept = scheduler.alphas_cumprod[t] if task.startswith("ddim") else 1 / (1 + scheduler.sigmas[index] ** 2)
            x = scheduler.step(noise(x, kept.sqrt(), (1 - kept).sqrt()), t, x).prev_sample
        return x

    with torch.inference_mode():
        found, last = timed(run, seconds)
    return found, last.numpy()


def jax_peer(task, seconds):
    """Compiled loops of JAX, and the solver of diffrax."""
    import jax
    import jax.numpy as jnp
    import numpy as np

    process, dim, components, n = TASKS[task]
    weights, means, variance = mixture(dim, components)
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
        alpha, added, _, _ = levels(t)
        spread = alpha**2 * variance + added
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
            points = jnp.asarray(draws(weights, means, variance, n, np.random.default_rng(7)), jnp.float32)

            def both(t, y, _):
                x = y[0]
                slopes = jax.vmap(jax.jacfwd(lambda z: velocity(t, z[None])[0]))(x)
                return velocity(t, x), jnp.trace(slopes, axis1=1, axis2=2)

            @jax.jit
            def run(key):
                z, change = solve(diffrax.ODETerm(both), END, 1.0, (points, jnp.zeros(n)))
                return -0.5 * (z[-1] ** 2).sum(1) - 0.5 * dim * np.log(2 * np.pi) + change[-1]

    found, last = timed(lambda seed: run(jax.random.key(seed)).block_until_ready(), seconds)
    if task.startswith("likelihood"):
        last = np.concatenate([points, last[:, None]], 1)
    return found, np.asarray(last)


def law(name):
    """Of a task: the mixture that it must end at, which still has the noise of the time of the end where a solver stops before the data."""
    process, dim, components, _ = TASKS[name]
    weights, means, variance = mixture(dim, components)
    if name.startswith(("ddim", "dpm")):
        return weights, means, variance
    if process == "ve":
        return weights, means, variance + SIGMA_MIN**2 * ((SIGMA_MAX / SIGMA_MIN) ** (2 * END) - 1)
    kept = math.exp(-BETA_MIN * END - 0.5 * (BETA_MAX - BETA_MIN) * END**2)
    return weights, math.sqrt(kept) * means, kept * variance + 1 - kept


def normal_cdf(x):
    import numpy as np
    from scipy.special import ndtr

    return ndtr(np.asarray(x))


def total_variation(x, weights, means, variance):
    """Between the fractions of points in cells of a grid, and outside of it, and their probabilities."""
    import numpy as np

    edges = np.linspace(-6, 6, 61)
    below = normal_cdf((edges[:, None, None] - means) / math.sqrt(variance))
    first, second = np.diff(below, axis=0).transpose(2, 0, 1)
    exact = np.einsum("k,ik,jk->ij", weights, first, second)
    found = np.histogram2d(x[:, 0], x[:, 1], bins=[edges, edges])[0] / len(x)
    return float(0.5 * np.abs(found - exact).sum() + 0.5 * abs(found.sum() - exact.sum()))


def sliced_distance(x, weights, means, variance, directions=64):
    """The mean over directions of the first Wasserstein distance to the exact law along them, the area between the distribution functions."""
    import numpy as np

    rng, areas = np.random.default_rng(3), []
    for _ in range(directions):
        v = rng.standard_normal(x.shape[1])
        v /= np.linalg.norm(v)
        along, centres = np.sort(x @ v), means @ v
        low, high = min(along[0], centres.min() - 6), max(along[-1], centres.max() + 6)
        at = np.linspace(low, high, 4001)
        exact = normal_cdf((at[:, None] - centres) / math.sqrt(variance)) @ weights
        areas.append(np.abs(np.searchsorted(along, at, side="right") / len(along) - exact).mean() * (high - low))
    return float(np.mean(areas))


def log_density_error(points, weights, means, variance):
    """The mean absolute error of log-densities, which are behind the points."""
    import numpy as np
    from scipy.special import logsumexp

    x, found = points[:, :-1], points[:, -1]
    squares = ((x[:, None] - means) ** 2).sum(2)
    exact = logsumexp(np.log(weights) - 0.5 * squares / variance, axis=1) - 0.5 * x.shape[1] * math.log(2 * math.pi * variance)
    return float(np.abs(found - exact).mean())


def look(task):
    """How near the last call of either side came to the truth."""
    import numpy as np

    truth, dim, n = law(task), TASKS[task][1], TASKS[task][3]
    columns = dim + task.startswith("likelihood")
    theirs, ours = (np.fromfile(folder / name).reshape(-1, columns) for name in ("peer.f64", "ours.f64"))
    if task.startswith("likelihood"):
        return Quality("error in nats", log_density_error(theirs, *truth), log_density_error(ours, *truth))
    measure, name = (total_variation, "total variation") if dim == 2 else (sliced_distance, "sliced distance")
    # One set of draws is as far off as any other sample.
    best = float(np.mean([measure(draws(*truth, n, np.random.default_rng(seed)), *truth) for seed in range(8)]))
    return Quality(name, measure(theirs, *truth), measure(ours, *truth), best)


def products(task):
    """Of Euler's steps in many dimensions: a multiply-add for the distance to every mean and one for the weighted mean, in each coordinate."""
    _, dim, components, n = TASKS[task]
    steps = {"euler": STEPS, "ddim": 50, "dpm": 25}.get(task.split("-")[0])
    return ("f64", 4.0 * n * steps * dim * components) if steps and dim > 2 else None


if arguments.worker:
    # The task, a folder for what the last call made, and seconds.
    task, out, length = arguments.worker
    found, last = (diffusers_peer if task.startswith(("ddim", "dpm")) else jax_peer)(task, json.loads(length))
    last.astype("float64").tofile(pathlib.Path(out) / "peer.f64")
    print(json.dumps(found))
    sys.exit()

sides = Sides(arguments)
folder = pathlib.Path(tempfile.mkdtemp())


def prepared(task):
    """The mixture, where gibbsian reads it."""
    import numpy as np

    weights, means, variance = mixture(*TASKS[task][1:3])
    np.concatenate([[*means.shape, variance], weights, means.ravel()]).tofile(folder / "mixture.f64")
    return folder


def pair(task):
    peer = "JAX" if task.startswith("euler") else "diffusers" if task.startswith(("ddim", "dpm")) else "diffrax"
    return Task(task, peer, lambda: sides.peer(task, folder, arguments.seconds),
                lambda: sides.program("sde-peer", task, arguments.seconds, prepared(task)), quality=lambda: look(task), limit=products(task))


sides.table([pair(task) for task in TASKS])
