"""Diagnostics of chains by ArviZ, for draws that are given with them.

    python3 -m venv .venv && .venv/bin/pip install arviz-stats==0.8.0 numpy scipy
    .venv/bin/python chains.py

Draws are rounded to seven digits, so that what is written is what was used. Two numbers follow the R package `posterior` where ArviZ differs from it:
the standard error of the standard deviation takes the effective sample size of the squared deviations (ArviZ's functions are called on
those), and a single chain has an R-hat (ArviZ's formula is applied to the halves of the chain). Sokal's window is written out below.
NaN is null.
"""

import json
from pathlib import Path

import numpy as np
from arviz_stats.base import array_stats as az

rng = np.random.default_rng(20210601)


def autoregression(n_chains, n_draws, rho):
    x = np.empty((n_chains, n_draws))
    x[:, 0] = rng.standard_normal(n_chains)
    for t in range(1, n_draws):
        x[:, t] = rho * x[:, t - 1] + np.sqrt(1 - rho**2) * rng.standard_normal(n_chains)
    return x


def cases():
    yield "independent", rng.standard_normal((4, 200))
    yield "autoregression 0.5", autoregression(4, 200, 0.5)
    yield "autoregression 0.95", autoregression(4, 250, 0.95)
    yield "autoregression 0.99, beyond direct sums", autoregression(3, 600, 0.99)
    yield "antithetic", autoregression(4, 200, -0.7)
    yield "different means", rng.standard_normal((4, 150)) + np.array([[0.0], [0.3], [-1.0], [2.0]])
    yield "different variances", rng.standard_normal((4, 150)) * np.array([[1.0], [0.2], [3.0], [1.0]])
    yield "drifting", rng.standard_normal((2, 200)) + np.linspace(0, 2, 200)
    yield "Cauchy", rng.standard_cauchy((4, 200))
    yield "one chain", autoregression(1, 300, 0.6)
    yield "an odd number of draws", autoregression(3, 151, 0.4)
    yield "an odd number of chains and of draws", autoregression(5, 77, 0.8)
    yield "ties", rng.poisson(3.0, (4, 120)).astype(float)
    yield "two points", (rng.random((2, 150)) < 0.3).astype(float)
    yield "log-normal, large", np.exp(8 + 3 * rng.standard_normal((2, 150)))
    yield "small", 1e-6 * (1 + rng.standard_normal((2, 100)))
    yield "far from zero", 1e4 + rng.standard_normal((3, 100))
    yield "four draws", rng.standard_normal((4, 4))
    yield "five draws", rng.standard_normal((2, 5))
    yield "seven draws", autoregression(2, 7, 0.5)
    yield "nine draws of one chain", rng.standard_normal((1, 9))


def autocovariance(x):
    """By its definition."""
    n = len(x)
    centred = x - x.mean()
    return np.array([centred[: n - t] @ centred[t:] / n for t in range(n)])


def sokal(x, c=5.0):
    covariance = np.mean([autocovariance(chain) for chain in x], axis=0)
    tau = 2 * np.cumsum(covariance / covariance[0]) - 1
    closed = np.flatnonzero(np.arange(1, len(tau)) >= c * tau[1:]) + 1
    return (tau[closed[0]], int(closed[0])) if len(closed) else (tau[-1], None)


def values(x):
    halves = az._split_chains(x)
    z_bulk = az._z_scale(halves)
    z_folded = az._z_scale(abs(halves - np.median(halves)))
    squares = (x - x.mean()) ** 2
    second = squares.mean()
    mcse_sd = np.sqrt(((squares**2).mean() - second**2) / az.ess(squares, method="mean") / second / 4)
    tau, window = sokal(x)
    result = {
        "r_hat": max(az._rhat(z_bulk), az._rhat(z_folded)),
        "r_hat_rank": az._rhat(z_bulk),
        "r_hat_folded": az._rhat(z_folded),
        "r_hat_split": az._rhat(halves),
        "ess_bulk": az.ess(x, method="bulk"),
        "ess_tail": az.ess(x, method="tail", prob=(0.05, 0.95)),
        "ess_mean": az.ess(x, method="mean"),
        "ess_sd": az.ess(x, method="sd"),
        "ess_median": az.ess(x, method="median"),
        "ess_quantile 0.1": az.ess(x, method="quantile", prob=0.1),
        "mcse_mean": az.mcse(x, method="mean"),
        "mcse_sd": mcse_sd,
        "mcse_median": az.mcse(x, method="median"),
        "mcse_quantile 0.1": az.mcse(x, method="quantile", prob=0.1),
        "mean": x.mean(),
        "sd": x.std(ddof=1),
        "quantile 0.05": np.quantile(x, 0.05),
        "quantile 0.95": np.quantile(x, 0.95),
        "bfmi": az._bfmi(x)[0],
        "autocovariance 1": autocovariance(x[0])[1],
        "sokal": tau,
        "sokal_window": window,
    }
    if len(x) > 1:
        # Where ArviZ has an answer of its own, it is the one above.
        assert np.isclose(result["r_hat"], az.rhat(x, method="rank"), rtol=1e-14, equal_nan=True)
        assert np.isclose(result["r_hat_split"], az.rhat(x, method="split"), rtol=1e-14)
    return {k: None if v is None or np.isnan(v) else float(v) for k, v in result.items()}


def main():
    lines = []
    for name, x in cases():
        x = np.vectorize(lambda v: float(f"{v:.7g}"))(x)
        lines.append(json.dumps({"name": name, "draws": x.tolist(), "values": values(x)}))
    text = '{"cases": [\n' + ",\n".join(lines) + "\n]}\n"
    (Path(__file__).resolve().parent / "chains.json").write_text(text)


if __name__ == "__main__":
    main()
