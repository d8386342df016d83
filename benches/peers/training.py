"""Training steps of networks, gibbsian beside JAX and PyTorch; see README.md in this folder."""
import json
import sys
import time

from sides import Options, Sides, Task

arguments = Options(__doc__, seconds=2.0).parse()
TASKS = ["dsm", "ssm", "ism", "ncsn", "e-dsm", "e-ssm", "e-ism", "nce", "cd", "dsm784", "unet28"]
BATCH, HIDDEN, SIGMA, INNER = 512, 128, 0.3, 50


def measure(run, steps, seconds):
    """Seconds a step of one call after another."""
    run()
    found, start = [], time.perf_counter()
    while time.perf_counter() - start < seconds:
        began = time.perf_counter()
        run()
        found.append((time.perf_counter() - began) / steps)
    return found


def jax_steps(task, seconds):
    """Fifty steps in one compiled loop; data, noise and minibatches are drawn inside it."""
    import jax
    import jax.numpy as jnp
    import numpy as np
    import optax

    is_energy = task in ("nce", "cd") or task.startswith("e-")
    wide = task == "dsm784"
    sizes = [784, 1024, 1024, 784] if wide else [3 if task == "ncsn" else 2, HIDDEN, HIDDEN, HIDDEN, 1 if is_energy else 2]
    batch, sigma = (128, 0.5) if wide else (BATCH, SIGMA)
    key = jax.random.key(0)
    data = jnp.where(jax.random.bernoulli(key, shape=(10_000, sizes[0] if wide else 2)), 3.0, -3.0)
    data = data + 0.3 * jax.random.normal(jax.random.key(1), data.shape)
    keys = jax.random.split(jax.random.key(2), len(sizes))
    weights = [(jax.random.normal(k, (i, o)) / np.sqrt(i), jnp.zeros(o)) for k, i, o in zip(keys, sizes[:-1], sizes[1:])]
    levels = jnp.asarray(np.geomspace(4.0, 0.1, 10), jnp.float32)

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
        score = (lambda z: -slope(w, z)) if is_energy else (lambda z: net(w, z))
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
            s = levels[jax.random.randint(second, (batch, 1), 0, 10)]
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

    steps = 5 if wide else INNER
    carried = [weights, adam.init(weights), 0]

    def run():
        carried[2] += 1
        carried[:2] = jax.block_until_ready(many(*carried[:2], jax.random.key(carried[2])))

    return measure(run, steps, seconds)


def torch_unet(seconds):
    """The U-Net in the memory format that is fastest here, channels last."""
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
    adam = torch.optim.Adam([p for p in net.parameters() if p.requires_grad], lr=1e-3, fused=True)
    pictures = torch.rand(1000, 1, 28, 28)

    def run():
        x = pictures[torch.randint(1000, (64,))].to(memory_format=torch.channels_last)
        sigma, noise = torch.exp(torch.rand(64) * 4 - 4), torch.randn_like(x)
        loss = 0.5 * ((net(x + sigma[:, None, None, None] * noise, sigma) + noise) ** 2).sum((1, 2, 3)).mean()
        adam.zero_grad(set_to_none=True)
        loss.backward()
        adam.step()

    return measure(run, 1, seconds)


if arguments.worker:
    # The first word is the task, the second a folder that other scripts use.
    task, seconds = arguments.worker[0], json.loads(arguments.worker[2])
    print(json.dumps(torch_unet(seconds) if task == "unet28" else jax_steps(task, seconds)))
    sys.exit()

sides = Sides(arguments)


def pair(task):
    return Task(f"step of {task}", "PyTorch" if task == "unet28" else "JAX", lambda: sides.peer(task, "-", arguments.seconds),
                lambda: sides.program("training-peer", task, arguments.seconds))


sides.table([pair(task) for task in TASKS])
