"""Runs the Python of the chapters "Coming from ...", block after block as a reader would, and holds it to numbers that are exact.

    python book/python/run.py [CHAPTER ...] [--score-sde FOLDER]

The chapters are `scikit_learn`, `blackjax`, `torchebm` and `score_sde`. The environment of `cargo xtask bench --peers` has all that the first two need; `torchebm` is
on the package index; `score_sde` is a repository, https://github.com/yang-song/score_sde_pytorch, of which a copy must be in FOLDER. A chapter whose packages are missing
is a failure: name those that are wanted.
"""

import argparse
import math
import re
import sys
from pathlib import Path

CHAPTERS = Path(__file__).parent.parent / "src" / "coming_from"


def near(name, found, expected, tolerance):
    """Requires numbers, or arrays of them, to be as near as this."""
    import numpy as np

    error = float(np.abs(np.asarray(found) - np.asarray(expected)).max())
    print(f"  {name}: off by {error:.2g} of {tolerance:.2g}")
    assert error <= tolerance, f"{name}: {found} instead of {expected}"


def bars_and_stripes():
    """The 14 pictures of 3 x 3 whose rows, or whose columns, are of one colour."""
    import numpy as np

    lines = [np.array(bits) for bits in np.ndindex(2, 2, 2)]
    pictures = [np.repeat(b, 3) for b in lines] + [np.tile(b, 3) for b in lines]
    return np.unique(np.array(pictures, dtype=float), axis=0)


def scikit_learn(names):
    """Values in the comments of the chapter, which the Rust beside them asserts too."""
    yield lambda: (
        near("free energy", names["rbm"]._free_energy(names["v"]), [-2.39955215, -1.28436235], 1e-8),
        near(
            "means",
            names["rbm"].transform(names["v"]),
            [[0.81757448, 0.450166], [0.26894142, 0.68997448]],
            1e-8,
        ),
        names.update(x=bars_and_stripes()),
    )
    yield lambda: near("pseudo-likelihood", names["rbm"].score_samples(names["x"]).mean(), -1.2, 0.5)
    yield lambda: (
        near("one normal", names["one"].score(names["x"]), -2.5937750720745, 1e-10),
        near("three normals", names["three"].score(names["x"]), -2.19496555663966, 1e-8),
    )


def blackjax(names):
    """x1 is standard normal and x2 given x1 is N(x1^2, 1): means 0 and 1, variances 1 and 3."""
    yield lambda: (
        near("means", names["draws"].mean((0, 1)), [0.0, 1.0], 0.35),
        near("variances", names["draws"].var((0, 1)), [1.0, 3.0], 1.5),
    )


def torchebm(names):
    """The mean square of the double well by quadrature, the divergence of the learnt density on a grid."""
    import torch

    def start():
        torch.manual_seed(1)
        right = torch.rand(4_096, 1) < 0.7
        names["data"] = torch.where(right, 1.5, -1.5) + 0.5 * torch.randn(4_096, 1)

    def well():
        grid = torch.linspace(-5, 5, 100_001, dtype=torch.float64)
        weight = torch.exp(-2 * (grid**2 - 1) ** 2)
        exact = (grid**2 * weight).sum() / weight.sum()
        near("E x^2", names["x"].pow(2).mean(), exact, 0.03)

    def divergence():
        grid = torch.linspace(-20, 20, 40_001, dtype=torch.float64)
        spread = 0.25 + 0.3**2
        weights = torch.tensor([0.3, 0.7], dtype=torch.float64).log()
        means = torch.tensor([-1.5, 1.5], dtype=torch.float64)
        truth = torch.logsumexp(
            weights - (grid[:, None] - means) ** 2 / (2 * spread) - 0.5 * math.log(2 * math.pi * spread), 1
        )
        with torch.no_grad():
            learnt = -names["energy"](grid[:, None].float()).double()
        step = 40 / 40_000
        log_z = torch.logsumexp(learnt, 0) + math.log(step)
        kl = (truth.exp() * (truth - learnt + log_z)).sum() * step
        near("KL of the noised density", kl, 0.0, 0.05)

    start()
    yield well
    yield divergence
    yield lambda: near("contrast of the phases", names["loss"].item(), 0.0, 1.0)


def score_sde(names):
    """Shares of the modes, log-densities of a mixture, the divergence of a trained score; estimates of the divergence by one probe err by nats."""
    import torch

    def mixture(points, means):
        weights = torch.tensor([0.3, 0.7]).log()
        squares = (points[:, None, :] - means).square().sum(-1)
        return torch.logsumexp(weights - squares / 0.5 - points.shape[1] / 2 * math.log(math.pi / 2), 1)

    def exact():
        near("share of the right mode", (names["x"][:, 0, 0, 0] > 0).float().mean(), 0.7, 0.05)
        points = names["points"].view(3, 2)
        estimates = [
            -(names["likelihood_fn"](names["model"], names["points"])[0] - 8) * 2 * math.log(2)
            for _ in range(200)
        ]
        estimates = torch.stack(estimates)
        truth = mixture(points, names["means"])
        error = estimates.std(0) / len(estimates) ** 0.5
        print(f"  one probe errs by {estimates.std(0).tolist()} nats")
        near("log-densities, in standard errors", (estimates.mean(0) - truth) / error, 0.0, 5.0)

    def trained():
        import likelihood

        names["state"]["ema"].copy_to(names["network"].parameters())
        points = names["data"][:300, None]
        estimate = likelihood.get_likelihood_fn(names["sde"], lambda x: x, eps=1e-3)
        bits, _, _ = estimate(names["network"], points.view(-1, 1, 1, 1))
        truth = mixture(points, torch.tensor([[-1.5], [1.5]]))
        near("KL of the trained score", (truth + (bits - 8) * math.log(2)).mean(), 0.0, 0.1)

    yield exact
    yield trained


def run(name, checks, score_sde_folder):
    """Runs a chapter's blocks in one namespace, each followed by its check."""
    text = (CHAPTERS / f"{name}.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```python\n(.*?)```", text, re.S)
    if name == "score_sde":
        if score_sde_folder is None:
            raise SystemExit("score_sde needs --score-sde FOLDER, a copy of score_sde_pytorch")
        sys.path.insert(0, str(score_sde_folder))
    if name in ("torchebm", "score_sde"):
        import torch

        torch.manual_seed(0)
    names = {}
    steps = list(checks(names))
    assert len(steps) == len(blocks), f"{name}: {len(blocks)} blocks and {len(steps)} checks"
    for number, (block, check) in enumerate(zip(blocks, steps), start=1):
        print(f"{name}, block {number}", flush=True)
        exec(compile(block, f"{name}.md, block {number}", "exec"), names)
        check()


def main():
    chapters = {c.__name__: c for c in (scikit_learn, blackjax, torchebm, score_sde)}
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("chapters", nargs="*", metavar="CHAPTER", help=", ".join(chapters))
    parser.add_argument("--score-sde", type=Path, metavar="FOLDER")
    options = parser.parse_args()
    for name in options.chapters or chapters:
        if name not in chapters:
            parser.error(f"`{name}` is none of {', '.join(chapters)}")
        run(name, chapters[name], options.score_sde)


if __name__ == "__main__":
    main()
