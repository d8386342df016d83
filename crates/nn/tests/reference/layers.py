"""Networks of the crate's layers and their gradients, written to layers.json by PyTorch in double precision.

    pip install torch
    python layers.py

Parameters are made in the crate's order, under its names and in its shapes; parameter number i of a network is 0.3 sin(1.7 i + 0.4), number i of its points 0.8 sin(0.9 i + 0.2), and number i of the
cotangents cos(0.5 i). A convolution has its weights as (row, column, in) by out, and the channels of a pixel lie side by side.
"""

import json
import math
from pathlib import Path

import torch
import torch.nn.functional as F

torch.set_default_dtype(torch.float64)


class Net:
    def __init__(self):
        self.count, self.layout, self.leaves = 0, [], []

    def param(self, name, *shape):
        n = math.prod(shape)
        values = 0.3 * torch.sin(1.7 * torch.arange(self.count, self.count + n) + 0.4)
        self.count += n
        self.layout.append([name, list(shape)])
        self.leaves.append(values.reshape(shape).requires_grad_(True))
        return self.leaves[-1]

    def dense(self, name, x, width):
        w, b = self.param(f"{name}.weights", x.shape[1], width), self.param(f"{name}.bias", width)
        return x @ w + b

    def mlp(self, name, x, hidden, width, activation):
        for k, n in enumerate(hidden):
            x = activation(self.dense(f"{name}.{k}", x, n))
        return self.dense(f"{name}.{len(hidden)}", x, width)

    def residual(self, name, x, hidden, activation):
        h = self.dense(f"{name}.0", activation(x), hidden)
        return x + self.dense(f"{name}.1", activation(h), x.shape[1])

    def layer_norm(self, name, x):
        return F.layer_norm(x, x.shape[1:], self.param(f"{name}.gain", x.shape[1]), self.param(f"{name}.shift", x.shape[1]), eps=1e-5)

    def conv2d(self, name, x, channels, kernel):
        n = x.shape[1]
        w, b = self.param(f"{name}.weights", kernel * kernel * n, channels), self.param(f"{name}.bias", channels)
        return F.conv2d(x, w.reshape(kernel, kernel, n, channels).permute(3, 2, 0, 1), b, padding=kernel // 2)

    def group_norm2d(self, name, x, groups):
        n = x.shape[1]
        groups = max(g for g in range(1, min(groups, n) + 1) if n % g == 0)
        return F.group_norm(x, groups, self.param(f"{name}.gain", n), self.param(f"{name}.shift", n), eps=1e-5)

    def residual2d(self, name, x, channels, embedding, groups):
        h = self.conv2d(f"{name}.conv0", F.silu(self.group_norm2d(f"{name}.norm0", x, groups)), channels, 3)
        if embedding is not None:
            h = h + self.dense(f"{name}.embedding", embedding, channels)[:, :, None, None]
        h = self.conv2d(f"{name}.conv1", F.silu(self.group_norm2d(f"{name}.norm1", h, groups)), channels, 3)
        return h + (x if x.shape[1] == channels else self.conv2d(f"{name}.skip", x, channels, 1))

    def unet(self, name, x, embedding, channels, groups):
        *finer, coarsest = channels
        h, skips = x, []
        for k, n in enumerate(finer):
            h = self.residual2d(f"{name}.down{k}", h, n, embedding, groups)
            skips.append(h)
            h = F.avg_pool2d(h, 2)
        for k in range(2):
            h = self.residual2d(f"{name}.middle{k}", h, coarsest, embedding, groups)
        for k, skip in reversed(list(enumerate(skips))):
            h = torch.cat([F.interpolate(h, scale_factor=2.0, mode="nearest"), skip], 1)
            h = self.residual2d(f"{name}.up{k}", h, finer[k], embedding, groups)
        return self.conv2d(f"{name}.out", F.silu(self.group_norm2d(f"{name}.norm", h, groups)), x.shape[1], 3)


def sinusoidal_embedding(t, width, longest):
    half = width // 2
    angles = t * longest ** (-torch.arange(half) / (max(half, 2) - 1))
    return torch.cat([torch.sin(angles), torch.cos(angles)], 1)


def numbers(n):
    return 0.8 * torch.sin(0.9 * torch.arange(n) + 0.2)


def case(net, x, y):
    u = torch.cos(0.5 * torch.arange(y.numel())).reshape(y.shape)
    to_x, *to_w = torch.autograd.grad((u * y).sum(), [x, *net.leaves])
    flat = lambda a: a.detach().flatten().tolist()
    return dict(layout=net.layout, y=flat(y), to_x=flat(to_x), to_w=[v for w in to_w for v in flat(w)])


found = {}

net, x = Net(), numbers(18).reshape(3, 6).requires_grad_(True)
h = net.residual("tanh", net.dense("in", x, 8), 5, torch.tanh)
h = net.residual("softplus", net.layer_norm("norm", h), 4, F.softplus)
found["dense"] = case(net, x, net.mlp("out", h, [7], 6, torch.sin))

net, x = Net(), numbers(15).reshape(3, 5).requires_grad_(True)
f = net.mlp("f", x, [7], 5, F.silu)
found["energy"] = case(net, x, 0.5 * ((x - f) ** 2).sum(1) + (x**2).sum(1) / (2 * 1.5**2))

net, x, t = Net(), numbers(128).reshape(2, 64).requires_grad_(True), torch.tensor([[0.7], [2.5]])
embedding = F.silu(net.dense("time", sinusoidal_embedding(t, 8, 1000.0), 10))
h = net.conv2d("in", x.reshape(2, 1, 8, 8), 4, 3)
h = net.unet("unet", h, embedding, [4, 6], 4)
found["unet"] = case(net, x, -net.conv2d("out", h, 1, 3).reshape(2, 64) / t)

net = Net()
net.unet("unet", torch.zeros(1, 1, 28, 28), None, [32, 64, 128], 8)
found["large"] = dict(layout=net.layout)

Path(__file__).with_suffix(".json").write_text(json.dumps(found) + "\n")
