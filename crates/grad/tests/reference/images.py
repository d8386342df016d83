"""Operations on pictures and their gradients, written to images.json by PyTorch in double precision.

    pip install torch
    python images.py

PyTorch keeps the channels of a picture apart and a weight as (out, in, row, column); here both are written in the
crate's order, channels of a pixel side by side and weights as (row, column, in) by out.
"""

import json
from pathlib import Path

import torch
import torch.nn.functional as F

torch.set_default_dtype(torch.float64)
generator = torch.Generator().manual_seed(5)


def numbers(*shape):
    return torch.randn(*shape, generator=generator)


def pixels(x):
    return x.detach().permute(0, 2, 3, 1).flatten().tolist()


def weights(w):
    return w.detach().permute(2, 3, 1, 0).flatten().tolist()


def case(f, x, *params):
    tensors = [x, *params]
    for t in tensors:
        t.requires_grad_(True)
    y = f(*tensors)
    u = numbers(*y.shape)
    y.backward(u)
    return y, u


found = {}
for name, n_in, n_out, height, width, kernel, stride, padding in [
    ("same", 3, 5, 4, 5, 3, 1, 1),
    ("strided", 2, 18, 5, 6, 3, 2, 1),
    ("patches", 2, 3, 6, 7, 3, 3, 0),
    ("pixels", 18, 3, 3, 4, 1, 1, 0),
]:
    sizes = [n_in, n_out, height, width, kernel, stride, padding]
    w = numbers(n_out, n_in, kernel, kernel)
    x = numbers(2, n_in, height, width)
    y, u = case(lambda x, w: F.conv2d(x, w, stride=stride, padding=padding), x, w)
    found[f"conv {name}"] = dict(
        sizes=sizes, x=pixels(x), w=weights(w), y=pixels(y), u=pixels(u), to_x=pixels(x.grad), to_w=weights(w.grad)
    )
    # The transpose of the same convolution.
    w = w.detach().clone()
    z = numbers(*y.shape)
    rest = [n + 2 * padding - kernel - stride * (m - 1) for n, m in zip((height, width), y.shape[2:])]
    y, u = case(
        lambda z, w: F.conv_transpose2d(z, w, stride=stride, padding=padding, output_padding=rest), z, w
    )
    found[f"transposed {name}"] = dict(
        sizes=sizes, x=pixels(z), w=weights(w), y=pixels(y), u=pixels(u), to_x=pixels(z.grad), to_w=weights(w.grad)
    )

x, gain, shift = numbers(2, 6, 3, 4), numbers(6), numbers(6)
y, u = case(lambda x, a, b: F.group_norm(x, 3, a, b, eps=1e-3), x, gain, shift)
found["group_norm"] = dict(
    sizes=[6, 3, 4],
    x=pixels(x),
    w=gain.tolist() + shift.tolist(),
    y=pixels(y),
    u=pixels(u),
    to_x=pixels(x.grad),
    to_w=gain.grad.tolist() + shift.grad.tolist(),
)
for name, f in [
    ("mean_pool", lambda x: F.avg_pool2d(x, 2)),
    ("enlarge", lambda x: F.interpolate(x, scale_factor=2.0, mode="nearest")),
]:
    x = numbers(2, 3, 4, 6)
    y, u = case(f, x)
    found[name] = dict(
        sizes=[3, 4, 6], x=pixels(x), w=[], y=pixels(y), u=pixels(u), to_x=pixels(x.grad), to_w=[]
    )
Path(__file__).with_suffix(".json").write_text(json.dumps(found) + "\n")
