"""Training steps of networks, gibbsian beside JAX and PyTorch; see README.md in this folder."""
import json
import math
import pathlib
import sys
import tempfile
import time

from sides import Options, Quality, Sides, Task

arguments = Options(__doc__, seconds=2.0).parse()
TASKS = ["dsm", "ssm", "ism", "ncsn", "e-dsm", "e-ssm", "e-ism", "nce", "cd", "dsm784", "unet28"]
BATCH, HIDDEN, SIGMA, INNER = 512, 128, 0.3, 50
# Of the network of 784 numbers.
WIDE_BATCH, WIDE_SIGMA, WIDE_INNER = 128, 0.5, 5
LEVELS, FIRST_LEVEL, LAST_LEVEL = 10, 4.0, 0.1
# Steps after which both sides' scores are compared with the true ones.
STEPS = 50 if arguments.quick else 2000


def is_energy(task):
    return task in ("nce", "cd") or task.startswith("e-")


def sizes(task):
    if task == "dsm784":
        return [784, 1024, 1024, 784]
    return [3 if task == "ncsn" else 2, HIDDEN, HIDDEN, HIDDEN, 1 if is_energy(task) else 2]


def measure(run, steps, seconds):
    """Seconds a step of one call after another."""
    run()
    found, start = [], time.perf_counter()
    while time.perf_counter() - start < seconds:
        began = time.perf_counter()
        run()
        found.append((time.perf_counter() - began) / steps)
    return found


def rows(folder, name, columns):
    import numpy as np

    return np.fromfile(folder / name).reshape(-1, columns)


def jax_steps(task, folder, seconds, n_steps):
    """Fifty steps in one compiled loop; noise and minibatches are drawn inside it. Times, or the scores at the points of the test after so many steps."""
    import jax
    import jax.numpy as jnp
    import numpy as np
    import optax

    wide, energetic, widths = task == "dsm784", is_energy(task), sizes(task)
    batch, sigma = (WIDE_BATCH, WIDE_SIGMA) if wide else (BATCH, SIGMA)
    data = jnp.asarray(rows(folder, "data.f64", 784 if wide else 2), jnp.float32)
    keys = jax.random.split(jax.random.key(2), len(widths))
    weights = [(jax.random.normal(k, (i, o)) / np.sqrt(i), jnp.zeros(o)) for k, i, o in zip(keys, widths[:-1], widths[1:])]
    levels = jnp.asarray(np.geomspace(FIRST_LEVEL, LAST_LEVEL, LEVELS), jnp.float32)

    def net(w, x):
        for matrix, bias in w[:-1]:
            x = jax.nn.silu(x @ matrix + bias)
        return x @ w[-1][0] + w[-1][1]

    def energy(w, x):
        return net(w, x)[..., 0]

    def slope(w, x):
        return jax.grad(lambda z: energy(w, z).sum())(x)

    def log_noise(x):
        return -(x * x).sum(1) / 18 - np.log(2 * np.pi * 9)

    def loss(w, x, key):
        first, second = jax.random.split(key)
        score = (lambda z: -slope(w, z)) if energetic else (lambda z: net(w, z))
        if task.endswith("ism"):
            units = [jnp.zeros_like(x).at[:, i].set(1) for i in range(2)]
            (s, a), (_, b) = (jax.jvp(score, (x,), (unit,)) for unit in units)
            return (0.5 * (s * s).sum(1) + a[:, 0] + b[:, 1]).mean()
        if task.endswith("ssm"):
            v = jax.random.rademacher(first, x.shape, jnp.float32)
            s, along = jax.jvp(score, (x,), (v,))
            return ((v * along).sum(1) + 0.5 * (s * v).sum(1) ** 2).mean()
        noise = jax.random.normal(first, x.shape)
        if task in ("dsm", "dsm784", "e-dsm"):
            return 0.5 * ((sigma * score(x + sigma * noise) + noise) ** 2).sum(1).mean()
        if task == "ncsn":
            s = levels[jax.random.randint(second, (batch, 1), 0, LEVELS)]
            return 0.5 * ((net(w, jnp.concatenate([x + s * noise, jnp.log(s)], 1)) + noise) ** 2).sum(1).mean()
        if task == "nce":
            y = 3 * noise
            return jax.nn.softplus(energy(w, x) + log_noise(x)).mean() + jax.nn.softplus(-energy(w, y) - log_noise(y)).mean()
        step = lambda z, k: (z - 0.02 * slope(w, z) + 0.2 * jax.random.normal(k, z.shape), None)
        y = jax.lax.stop_gradient(jax.lax.scan(step, x, jax.random.split(second, 20))[0])
        real, dreamt = energy(w, x), energy(w, y)
        return real.mean() - dreamt.mean() + 1e-3 * (real**2 + dreamt**2).mean()

    adam = optax.adam(1e-3)

    @jax.jit
    def many(w, state, key):
        def body(carried, k):
            w, state = carried
            first, second = jax.random.split(k)
            x = data[jax.random.randint(first, (batch,), 0, len(data))]
            gradient = jax.grad(loss)(w, x, second)
            update, state = adam.update(gradient, state)
            return (optax.apply_updates(w, update), state), None
        return jax.lax.scan(body, (w, state), jax.random.split(key, steps))[0]

    steps = WIDE_INNER if wide else INNER
    carried = [weights, adam.init(weights), 0]

    def run():
        carried[2] += 1
        carried[:2] = jax.block_until_ready(many(*carried[:2], jax.random.key(carried[2])))

    if not n_steps:
        return measure(run, steps, seconds)
    while carried[2] * steps < n_steps:
        run()
    x = jnp.asarray(rows(folder, "test.f64", widths[0]), jnp.float32)
    w = carried[0]
    if task == "ncsn":
        return net(w, x.at[:, 2].set(jnp.log(x[:, 2]))) / x[:, 2:]
    return -slope(w, x) if energetic else net(w, x)


def torch_steps(task, folder, seconds, n_steps):
    """The same with objectives that torch.compile makes one graph of; the optimiser is the fused one."""
    import torch
    from torch.func import grad, jvp
    from torch.nn.functional import silu, softplus
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(0)

    wide, energetic, widths = task == "dsm784", is_energy(task), sizes(task)
    batch, sigma = (WIDE_BATCH, WIDE_SIGMA) if wide else (BATCH, SIGMA)
    data = torch.tensor(rows(folder, "data.f64", 784 if wide else 2), dtype=torch.float32)
    weights = [(torch.randn(i, o) / i**0.5, torch.zeros(o)) for i, o in zip(widths[:-1], widths[1:])]
    parameters = [p.requires_grad_() for pair in weights for p in pair]
    levels = torch.logspace(math.log10(FIRST_LEVEL), math.log10(LAST_LEVEL), LEVELS)

    def net(x):
        for matrix, bias in weights[:-1]:
            x = silu(torch.addmm(bias, x, matrix))
        return torch.addmm(weights[-1][1], x, weights[-1][0])

    def energy(x):
        return net(x)[:, 0]

    def slope(x):
        return grad(lambda z: energy(z).sum())(x)

    def score(x):
        return -slope(x) if energetic else net(x)

    def log_noise(x):
        return -(x * x).sum(1) / 18 - math.log(2 * math.pi * 9)

    def implicit(x, first, second):
        (s, a), (_, b) = (jvp(score, (x,), (unit,)) for unit in (first, second))
        return (0.5 * (s * s).sum(1) + a[:, 0] + b[:, 1]).mean()

    def sliced(x, v):
        s, along = jvp(score, (x,), (v,))
        return ((v * along).sum(1) + 0.5 * (s * v).sum(1) ** 2).mean()

    def denoising(x, noise):
        return 0.5 * ((sigma * score(x + sigma * noise) + noise) ** 2).sum(1).mean()

    def multi_level(x, noise, s):
        return 0.5 * ((net(torch.cat([x + s * noise, s.log()], 1)) + noise) ** 2).sum(1).mean()

    def contrastive(x, y):
        return softplus(energy(x) + log_noise(x)).mean() + softplus(-energy(y) - log_noise(y)).mean()

    def walk(x, noise):
        for z in noise:
            x = x - 0.02 * slope(x) + 0.2 * z
        return x

    def divergence(x, y):
        real, dreamt = energy(x), energy(y)
        return real.mean() - dreamt.mean() + 1e-3 * (real**2 + dreamt**2).mean()

    kind = task.removeprefix("e-")
    objective = {"ism": implicit, "ssm": sliced, "dsm": denoising, "dsm784": denoising, "ncsn": multi_level, "nce": contrastive, "cd": divergence}[kind]
    objective, walk = torch.compile(objective, dynamic=False), torch.compile(walk, dynamic=False)
    units = [torch.eye(2)[i].expand(batch, 2).contiguous() for i in range(2)]

    def drawn(x):
        """What the objective takes beside the points."""
        if kind == "ism":
            return units
        if kind == "ssm":
            return [torch.randint(0, 2, x.shape).float() * 2 - 1]
        if kind == "ncsn":
            return [torch.randn_like(x), levels[torch.randint(LEVELS, (batch, 1))]]
        if kind == "nce":
            return [3 * torch.randn_like(x)]
        if kind == "cd":
            with torch.no_grad():
                return [walk(x, torch.randn(20, *x.shape))]
        return [torch.randn_like(x)]

    adam = torch.optim.Adam(parameters, lr=1e-3, fused=True)

    def run():
        x = data[torch.randint(len(data), (batch,))]
        loss = objective(x, *drawn(x))
        adam.zero_grad(set_to_none=True)
        loss.backward()
        adam.step()

    if not n_steps:
        return measure(run, 1, seconds)
    for _ in range(n_steps):
        run()
    x = torch.tensor(rows(folder, "test.f64", widths[0]), dtype=torch.float32)
    with torch.no_grad():
        if task == "ncsn":
            return (net(torch.cat([x[:, :2], x[:, 2:].log()], 1)) / x[:, 2:]).numpy()
        return score(x).numpy()


def torch_unet(seconds, compiled):
    """The U-Net in the memory format that is fastest here, channels last, as it is or compiled."""
    import torch
    from torch import nn
    import torch.nn.functional as F
    torch.set_num_threads(arguments.threads)
    embedding = 64
    blocks = [(1, 32), (32, 64), (64, 128), (128, 128), (128 + 64, 64), (64 + 32, 32)]

    class Block(nn.Module):
        def __init__(self, i, o):
            super().__init__()
            self.norms = nn.ModuleList([nn.GroupNorm(min(8, i), i), nn.GroupNorm(8, o)])
            self.convs = nn.ModuleList([nn.Conv2d(i, o, 3, padding=1), nn.Conv2d(o, o, 3, padding=1)])
            self.shift = nn.Linear(embedding, o)
            self.skip = nn.Conv2d(i, o, 1) if i != o else nn.Identity()

        def forward(self, x, e):
            h = self.convs[0](F.silu(self.norms[0](x))) + self.shift(e)[:, :, None, None]
            return self.skip(x) + self.convs[1](F.silu(self.norms[1](h)))

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.blocks = nn.ModuleList(Block(*sizes) for sizes in blocks)
            self.frequencies = nn.Parameter(torch.randn(embedding // 2), requires_grad=False)
            self.level = nn.Linear(embedding, embedding)
            self.norm, self.out = nn.GroupNorm(8, 32), nn.Conv2d(32, 1, 3, padding=1)

        def forward(self, x, sigma):
            angles = sigma.log()[:, None] * self.frequencies
            e = F.silu(self.level(torch.cat([angles.sin(), angles.cos()], 1)))
            one = self.blocks[0](x, e)
            two = self.blocks[1](F.avg_pool2d(one, 2), e)
            h = self.blocks[3](self.blocks[2](F.avg_pool2d(two, 2), e), e)
            h = self.blocks[4](torch.cat([F.interpolate(h, scale_factor=2.0), two], 1), e)
            h = self.blocks[5](torch.cat([F.interpolate(h, scale_factor=2.0), one], 1), e)
            return self.out(F.silu(self.norm(h)))

    net = Net().to(memory_format=torch.channels_last)
    forward = torch.compile(net, dynamic=False) if compiled else net
    adam = torch.optim.Adam([p for p in net.parameters() if p.requires_grad], lr=1e-3, fused=True)
    pictures = torch.rand(1000, 1, 28, 28)

    def run():
        x = pictures[torch.randint(1000, (64,))].to(memory_format=torch.channels_last)
        sigma, noise = torch.exp(torch.rand(64) * 4 - 4), torch.randn_like(x)
        loss = 0.5 * ((forward(x + sigma[:, None, None, None] * noise, sigma) + noise) ** 2).sum((1, 2, 3)).mean()
        adam.zero_grad(set_to_none=True)
        loss.backward()
        adam.step()

    return measure(run, 1, seconds)


def noise_of_test(task):
    """The deviation of the noise in points at which a network of the task is to have the score, where it has no level of its own."""
    return SIGMA if task.endswith("dsm") else 0.0


def write_points(task):
    """Data, and points from the law whose score is learnt: independent coordinates, each one of two normal densities at three and minus three."""
    import numpy as np

    rng, dim = np.random.default_rng(1), 784 if task == "dsm784" else 2

    def points(n):
        return rng.choice([-3.0, 3.0], (n, dim)) + 0.3 * rng.standard_normal((n, dim))

    points(10_000).tofile(folder / "data.f64")
    if task in WITHOUT_QUALITY:
        return
    test = points(2000)
    (folder / "levels").unlink(missing_ok=True)
    if task == "ncsn":
        # As many points at every level, which is the last column.
        level = np.resize(np.geomspace(FIRST_LEVEL, LAST_LEVEL, LEVELS), len(test))[:, None]
        test = np.concatenate([test + level * rng.standard_normal(test.shape), level], 1)
        (folder / "levels").touch()
    else:
        test = test + noise_of_test(task) * rng.standard_normal(test.shape)
    test.tofile(folder / "test.f64")


def true_score(task, test):
    """And the weights of the points, which make levels of noise equally important."""
    import numpy as np

    level = test[:, 2:] if task == "ncsn" else noise_of_test(task)
    x, variance = (test[:, :2] if task == "ncsn" else test), 0.3**2 + level**2
    return (3 * np.tanh(3 * x / variance) - x) / variance, level**2 if task == "ncsn" else 1.0


def fisher(task, name):
    """The mean squared error of a side's scores relative to the mean square of the true ones."""
    test = rows(folder, "test.f64", 3 if task == "ncsn" else 2)
    truth, weight = true_score(task, test)
    found = rows(folder, name, truth.shape[1])
    return float((weight * (found - truth) ** 2).sum() / (weight * truth**2).sum())


WORKERS = {"JAX": jax_steps, "torch.compile": torch_steps}
if arguments.worker:
    # The task and the peer, a folder, seconds, and steps where scores are wanted in place of times.
    (task, peer), out, length, n_steps = arguments.worker[0].split("/"), pathlib.Path(arguments.worker[1]), *map(json.loads, arguments.worker[2:])
    if task == "unet28":
        found = torch_unet(length, peer == "torch.compile")
    else:
        found = WORKERS[peer](task, out, length, n_steps)
    if n_steps:
        import numpy as np

        np.asarray(found, np.float64).tofile(out / "peer.f64")
        found = None
    print(json.dumps(found))
    sys.exit()

sides = Sides(arguments)
folder = pathlib.Path(tempfile.mkdtemp())
# Of gibbsian's side, which learns once for all peers.
LEARNT = {}
# Pictures have no exact score here; 784 independent signs are not learnt in a thousand steps, after which JAX's score is no better than zero.
WITHOUT_QUALITY = ("dsm784", "unet28")


def look(task, peer):
    """Relative Fisher divergences after the same number of steps on minibatches of the same data."""
    write_points(task)
    sides.peer(f"{task}/{peer}", folder, 0, STEPS)
    if task not in LEARNT:
        sides.program("training-peer", "learn", task, STEPS, folder)
        LEARNT[task] = fisher(task, "ours.f64")
    return Quality(f"Fisher divergence after {STEPS:,} steps", fisher(task, "peer.f64"), LEARNT[task])


def products(task):
    """Floating-point operations of the products of a step, two a weight and point: once forwards, twice backwards, and so for every tangent and for the gradient in the points."""
    if task == "unet28":
        channels = [(1, 32, 28), (32, 64, 14), (64, 128, 7), (128, 128, 7), (192, 64, 14), (96, 32, 28)]
        weights = sum(side**2 * (9 * (i * o + o * o) + (i * o if i != o else 0)) for i, o, side in channels) + 28**2 * 9 * 32
        return 3 * 2.0 * 64 * weights
    widths = sizes(task)
    once = 2.0 * (WIDE_BATCH if task == "dsm784" else BATCH) * sum(i * o for i, o in zip(widths[:-1], widths[1:]))
    passes = {"ssm": 6, "ism": 9, "e-dsm": 6, "e-ssm": 12, "e-ism": 18, "nce": 6, "cd": 46}
    return once * passes.get(task, 3)


def pair(task, peer):
    def theirs():
        if task != "unet28":
            write_points(task)
        return sides.peer(f"{task}/{peer}", folder, arguments.seconds, 0)

    return Task(f"step of {task}", peer, theirs, lambda: sides.program("training-peer", "time", task, arguments.seconds),
                quality=None if task in WITHOUT_QUALITY else lambda: look(task, peer), limit=("f32", products(task)))


sides.table([pair(task, peer) for task in TASKS for peer in ("PyTorch" if task == "unet28" else "JAX", "torch.compile")])
