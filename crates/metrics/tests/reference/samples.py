"""Distances between samples, by other libraries and by formulas written out.

    python3 -m venv .venv && .venv/bin/pip install numpy scipy scikit-learn sympy pot
    .venv/bin/python samples.py

Points are rounded to six digits, so that what is written is what was used. Stein kernels are derived by sympy from the kernel's definition, and not
from the closed form that is implemented.
"""

import json
from pathlib import Path

import numpy as np
import ot
import sympy
from scipy import linalg, stats
from scipy.spatial import cKDTree
from scipy.spatial.distance import cdist
from sklearn.linear_model import LogisticRegression
from sklearn.metrics.pairwise import polynomial_kernel, rbf_kernel
from sklearn.neighbors import KNeighborsClassifier

rng = np.random.default_rng(2017)


def rounded(x):
    return np.vectorize(lambda v: float(f"{v:.6g}"))(x)


def numbers():
    for name, x, y in [
        ("equal sizes", rng.standard_normal(40), 0.5 + 2 * rng.standard_normal(40)),
        ("coprime sizes", rng.standard_normal(37), rng.exponential(size=22)),
        ("one against many", rng.standard_normal(1), rng.standard_normal(25)),
        ("ties", rng.poisson(2, 30), rng.poisson(3, 45)),
    ]:
        x, y = rounded(x), rounded(y)
        yield {
            "name": name,
            "x": x.tolist(),
            "y": y.tolist(),
            "w1": stats.wasserstein_distance(x, y),
            "w2": float(ot.wasserstein_1d(x, y, p=2)) ** (1 / 2),
            "w3": float(ot.wasserstein_1d(x, y, p=3)) ** (1 / 3),
            "energy": stats.energy_distance(x, y) ** 2,
        }


def mmd(kernel, x, y):
    xx, yy, xy = kernel(x, x), kernel(y, y), kernel(x, y)
    n, m = len(x), len(y)
    return {
        "unbiased": (xx.sum() - np.trace(xx)) / (n * (n - 1)) + (yy.sum() - np.trace(yy)) / (m * (m - 1)) - 2 * xy.mean(),
        "biased": xx.mean() + yy.mean() - 2 * xy.mean(),
    }


def knn_kl(x, y, k):
    n, d = x.shape
    rho = cKDTree(x).query(x, k + 1)[0][:, k]
    nu = np.atleast_2d(cKDTree(y).query(x, [k])[0]).ravel()
    return d * np.mean(np.log(nu / rho)) + np.log(len(y) / (n - 1))


def knn_js(x, y, k):
    pooled = np.vstack([x, y])
    total, result = len(pooled), 0.0
    for own in (x, y):
        n, d = own.shape
        rho = cKDTree(own).query(own, k + 1)[0][:, k]
        nu = cKDTree(pooled).query(own, k + 1)[0][:, k]
        result += n / total * (d * np.mean(np.log(nu / rho)) + np.log((total - 1) / (n - 1)))
    return result


def adversarial(x, y):
    def recognised(own, other):
        within = cKDTree(own).query(own, 2)[0][:, 1]
        across = cKDTree(other).query(own, 1)[0]
        return np.mean(across > within)

    return recognised(x, y), recognised(y, x)


def frechet(x, y):
    a, b = np.cov(x.T), np.cov(y.T)
    root = linalg.sqrtm(a @ b).real
    return np.sum((x.mean(0) - y.mean(0)) ** 2) + np.trace(np.atleast_2d(a) + b - 2 * root)


def quadratic(z):
    d = z.shape[1]
    return np.column_stack([z] + [z[:, i] * z[:, j] for i in range(d) for j in range(i, d)])


def classifiers(x, y, test, ridge, k):
    train, label = np.vstack([x, y]), np.repeat([0, 1], [len(x), len(y)])
    mean, sd = train.mean(0), train.std(0)
    logistic = LogisticRegression(C=1 / ridge, solver="newton-cholesky", tol=1e-14, max_iter=1000)
    logistic.fit(quadratic((train - mean) / sd), label)
    vote = KNeighborsClassifier(k, algorithm="brute").fit(train, label)
    return {
        "logistic": logistic.predict_proba(quadratic((test - mean) / sd))[:, 1].tolist(),
        "neighbours": vote.predict_proba(test)[:, 1].tolist(),
    }


def points():
    mixing = np.array([[1.0, 0.0, 0.0], [0.6, 0.8, 0.0], [-0.3, 0.2, 0.9]])
    for name, x, y in [
        ("two dimensions", rng.standard_normal((30, 2)), [0.4, -0.2] + 1.3 * rng.standard_normal((25, 2))),
        ("three dimensions", rng.standard_normal((28, 3)), rng.standard_normal((35, 3)) @ mixing.T + 0.3),
        ("seven dimensions", rng.standard_normal((32, 7)), 0.7 * rng.standard_normal((32, 7))),
    ]:
        x, y = rounded(x), rounded(y)
        test = rounded(rng.standard_normal((10, x.shape[1])))
        distances = cdist(np.vstack([x, y]), np.vstack([x, y]))[np.triu_indices(len(x) + len(y), 1)]
        yield {
            "name": name,
            "x": x.tolist(),
            "y": y.tolist(),
            "test": test.tolist(),
            "gaussian": mmd(lambda a, b: rbf_kernel(a, b, gamma=1 / (2 * 1.5**2)), x, y),
            "multiquadric": mmd(lambda a, b: (2 + cdist(a, b, "sqeuclidean")) ** -0.7, x, y),
            "cubic": mmd(lambda a, b: polynomial_kernel(a, b, degree=3, coef0=1), x, y),
            "energy": -mmd(cdist, x, y)["biased"],
            "energy_unbiased": -mmd(cdist, x, y)["unbiased"],
            "energy_coefficient": -mmd(cdist, x, y)["biased"] / (2 * cdist(x, y).mean()),
            # The element of rank n // 2, as a selection gives it.
            "median_distance": float(np.sort(distances)[len(distances) // 2]),
            "kl": {str(k): knn_kl(x, y, k) for k in (1, 3, 5)},
            "js": {str(k): knn_js(x, y, k) for k in (1, 3, 5)},
            "adversarial": adversarial(x, y),
            "frechet": float(frechet(x, y)),
            "classifiers": classifiers(x, y, test, 0.5, 5),
        }


def stein():
    for d in (1, 3):
        x = rounded(rng.standard_normal((15, d)))
        scores = rounded(-np.tanh(x) + 0.3 * rng.standard_normal((15, d)))
        a, b = sympy.symbols(f"a:{d}"), sympy.symbols(f"b:{d}")
        s, t = sympy.symbols(f"s:{d}"), sympy.symbols(f"t:{d}")
        squared = sum((p - q) ** 2 for p, q in zip(a, b))
        for name, k in [
            ("multiquadric 1 -0.5", (1 + squared) ** sympy.Rational(-1, 2)),
            ("multiquadric 2 -0.3", (2 + squared) ** sympy.Rational(-3, 10)),
            ("gaussian 1.2", sympy.exp(-squared / (2 * sympy.Rational(6, 5) ** 2))),
        ]:
            u = sum(
                s[i] * t[i] * k + s[i] * k.diff(b[i]) + t[i] * k.diff(a[i]) + k.diff(a[i], b[i]) for i in range(d)
            )
            u = sympy.lambdify([a, b, s, t], u, "numpy")
            matrix = np.array([[float(u(x[i], x[j], scores[i], scores[j])) for j in range(15)] for i in range(15)])
            yield {
                "kernel": name,
                "x": x.tolist(),
                "scores": scores.tolist(),
                "u": (matrix.sum() - np.trace(matrix)) / (15 * 14),
                "v": matrix.mean(),
            }


def floors():
    for n, masses in [(10, [0.5, 0.5]), (57, [0.1, 0.2, 0.3, 0.4]), (1000, [0.001, 0.009, 0.49, 0.5]), (3, [0.9, 0.1, 0.0])]:
        k = np.arange(n + 1)
        deviations = [np.sum(np.abs(k - n * p) * stats.binom.pmf(k, n, p)) for p in masses]
        yield {"n": n, "masses": masses, "floor": 0.5 * sum(deviations) / n}


def inception():
    p = rng.dirichlet(np.full(5, 0.3), 24)
    p = p / p.sum(1, keepdims=True)
    scores = []
    for part in np.split(p, 4):
        scores.append(np.exp(np.mean([stats.entropy(row, part.mean(0)) for row in part])))
    return {"probabilities": p.tolist(), "mean": np.mean(scores), "error": np.std(scores, ddof=1) / 2}


def main():
    tables = {
        "numbers": list(numbers()),
        "points": list(points()),
        "stein": list(stein()),
        "floors": list(floors()),
        "inception": inception(),
    }
    (Path(__file__).resolve().parent / "samples.json").write_text(json.dumps(tables) + "\n")


if __name__ == "__main__":
    main()
