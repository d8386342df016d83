"""Log-densities and scores of the benchmark targets of the plane, and of the funnel in more dimensions.

Closed forms are evaluated term by term (see term.py). Two moons and two spirals are integrals along their curves, taken by composite Gauss rules of 48 nodes on
panels two standard deviations wide at most, whose error is far below the digits that are written.

Give names of tables to write these only.
"""

import math
import random
import sys

from mpmath import besseli, exp, log, mp, mpf, pi, sqrt
from mpmath.calculus.quadrature import GaussLegendre

from common import exact, table
from term import Term, mixture, rounded, row


def normal(distances, log_scale):
    """log of exp(-1/2 sum d^2) times a scale."""
    total = sum((d * d for d in distances), Term(0))
    return log_scale - total * mpf("0.5")


def eight_gaussians(parameters, x):
    radius, s = exact(parameters["radius"]), exact(parameters["deviation"])
    scale = Term(-log(8 * 2 * pi) - 2 * log(s), abs(log(16 * pi)) + 2 * abs(log(s)))
    parts = []
    for k in range(8):
        unit = [rounded(mp.cos(k * pi / 4)), rounded(mp.sin(k * pi / 4))]
        d = [(v - u * radius) / s for v, u in zip([Term(v) for v in exact(x)], unit)]
        parts.append((normal(d, scale), [-v / s for v in d]))
    return row(x, *mixture(parts))


def rings(parameters, x):
    s, radii = exact(parameters["deviation"]), exact(parameters["radii"])
    a, b = exact(x)
    r = sqrt(a * a + b * b)
    scale = Term(-log(2 * pi * len(radii)) - 2 * log(s), abs(log(2 * pi * len(radii))) + 2 * abs(log(s)))
    parts = []
    for radius in radii:
        kappa = r * radius / s**2
        i0, i1 = besseli(0, kappa), besseli(1, kappa)
        ratio = i1 / i0
        slope_of_ratio = 1 - ratio / kappa - ratio**2 if kappa > 0 else mpf(1) / 2
        scaled = log(i0) - kappa
        # The relative error of kappa moves log(exp(-kappa) I0) by kappa (1 - A).
        bessel = Term(scaled, abs(scaled) + 2 * kappa * (1 - ratio))
        distance = (rounded(r) - radius) / s
        value = normal([distance], scale) + bessel
        complement = Term(1 - ratio, (1 - ratio) + 2 * kappa * slope_of_ratio)
        gap = rounded(r) - radius + complement * radius
        forms = [gap / rounded(r) / (-(s**2))] if r > 0 else []
        mean_slope = ratio / kappa if kappa > 0 else mpf(1) / 2
        forms.append(Term(mean_slope, 3 * mean_slope) * rounded(radius / s**2) * rounded(radius / s**2) - rounded(1 / s**2))
        slope = min(forms, key=lambda f: f.terms)
        parts.append((value, [slope * a, slope * b]))
    return row(x, *mixture(parts))


def pinwheel(parameters, x):
    n = int(parameters["n_blades"])
    radius, along, across, twist = (
        exact(parameters[name]) for name in ("radius", "radial_deviation", "tangential_deviation", "twist")
    )
    turn = lambda c, s, v: [c * v[0] - s * v[1], s * v[0] + c * v[1]]
    back = lambda c, s, v: [c * v[0] + s * v[1], c * v[1] - s * v[0]]
    a, b = (Term(v) for v in exact(x))
    rate = Term(twist) / (radius * radius)
    angle = rate * (a * a + b * b)
    c, s = angle.cos(), angle.sin()
    f = back(c, s, [a, b])
    scale = Term(-log(2 * pi * n) - log(along) - log(across), abs(log(2 * pi * n)) + abs(log(along)) + abs(log(across)))
    parts = []
    for k in range(n):
        blade = [rounded(mp.cos(2 * pi * k / n)), rounded(mp.sin(2 * pi * k / n))]
        u, v = back(*blade, f)
        d = [(u - radius) / along, v / across]
        parts.append((normal(d, scale), turn(*blade, [-d[0] / along, -d[1] / across])))
    value, g = mixture(parts)
    torque = g[1] * f[0] - g[0] * f[1]
    gradient = [t - rate * 2 * torque * p for t, p in zip(turn(c, s, g), [a, b])]
    return row(x, value, gradient)


def banana(parameters, x):
    mean, deviation, curvature, offset, width = (
        exact(parameters[name]) for name in ("mean", "deviation", "curvature", "offset", "width")
    )
    a, b = (Term(v) for v in exact(x))
    height = b - offset - a * a * curvature
    logs = Term(-log(2 * pi) - log(deviation) - log(width), log(2 * pi) + abs(log(deviation)) + abs(log(width)))
    value = normal([(a - mean) / deviation, height / width], logs)
    across = height / width / width
    return row(x, value, [a * (2 * curvature) * across - (a - mean) / deviation / deviation, -across])


def funnel(parameters, x):
    sigma = exact(parameters["deviation"])
    v, *others = (Term(v) for v in exact(x))
    n = len(others)
    factor = (v * mpf("-0.5")).exp()
    y = [o * factor for o in others]
    constants = [log(sigma), (n + 1) * log(2 * pi) / 2]
    value = normal([v / sigma, *y], Term(-sum(constants), sum(abs(c) for c in constants))) - v * mpf(n) * mpf("0.5")
    first = sum((u * u for u in y), Term(0)) * mpf("0.5") - v / sigma / sigma - mpf(n) / 2
    return row(x, value, [first] + [-u * factor for u in y])


def checkerboard(parameters, x):
    n, half = int(parameters["n"]), exact(parameters["half_width"])
    side = 2 * half / n
    i, j = (int(mp.floor((v + half) / side)) for v in exact(x))
    black = 0 <= i < n and 0 <= j < n and (i + j) % 2 == 0
    first = log(4 * mpf((n * n + 1) // 2) / n**2)
    return x, -first - 2 * log(half) if black else mpf("-inf"), abs(first) + 2 * abs(log(half))


GAUSS = None


class Curve:
    """Nodes along strands m(t) = c + (radius + growth t) (± cos t, ± sin t), with points as dense as the radius."""

    def __init__(self, strands, s, reach):
        global GAUSS
        self.s = s
        self.nodes = []
        with mp.workdps(70):
            GAUSS = GAUSS or GaussLegendre(mp).calc_nodes(5, mp.prec)
            for centre, signs, radius, growth, sweep in strands:
                largest = radius + growth * sweep
                total = sweep * (radius + growth * sweep / 2)
                bend = growth**2 + largest**2 + reach * sqrt(4 * growth**2 + largest**2)
                n = math.ceil(sweep * sqrt(bend) / (2 * s)) + 2
                half = sweep / n / 2
                for panel in range(n):
                    for node, weight in GAUSS:
                        t = (2 * panel + 1 + node) * half
                        rho = radius + growth * t
                        m = [centre[0] + signs[0] * rho * mp.cos(t), centre[1] + signs[1] * rho * mp.sin(t)]
                        share = weight * half * rho / total / len(strands)
                        self.nodes.append((float(m[0]), float(m[1]), m, share, abs(centre[0]) + abs(centre[1]) + rho))

    def row(self, x):
        s = float(self.s)
        rough = [((x[0] - n[0]) ** 2 + (x[1] - n[1]) ** 2) / (2 * s * s) for n in self.nodes]
        best = min(rough)
        with mp.workdps(70):
            p = exact(x)
            kept = []
            for value, (_, _, m, share, size) in zip(rough, self.nodes):
                if value < best + 130:
                    d = [(p[i] - m[i]) / self.s for i in (0, 1)]
                    kept.append((d, (d[0] ** 2 + d[1] ** 2) / 2, share, size))
            low = min(k[1] for k in kept)
            weights = [share * exp(low - e) for _, e, share, _ in kept]
            mass = sum(weights)
            weights = [w / mass for w in weights]
            value = log(mass) - low - log(2 * pi) - 2 * log(self.s)
            # Rounding of x − m, with m a sum of products, reaches the exponent with |d|/σ.
            exponents = [
                e + sum(abs(d[i]) * (abs(p[i]) + size) for i in (0, 1)) / self.s for d, e, _, size in kept
            ]
            terms = sum(w * t for w, t in zip(weights, exponents)) + abs(log(mass)) + low + log(2 * pi) + 2 * abs(log(self.s))
            score, score_terms = [], []
            for i in (0, 1):
                mean = sum(w * k[0][i] for w, k in zip(weights, kept))
                score.append(-mean / self.s)
                score_terms.append(
                    sum(
                        w * ((abs(p[i]) + k[3]) / self.s + abs(k[0][i] - mean) * (1 + t))
                        for w, k, t in zip(weights, kept, exponents)
                    )
                    / self.s
                )
        return x, value, terms, score, score_terms


def moons_curve(parameters):
    r, s = exact(parameters["radius"]), exact(parameters["deviation"])
    strands = [([-g * r / 2, -g * r / 4], [g, g], r, mpf(0), +pi) for g in (1, -1)]
    return Curve(strands, s, 5 * r + 42 * s)


def spirals_curve(parameters):
    g, sweep, s = (exact(parameters[name]) for name in ("growth", "sweep", "deviation"))
    return Curve([([0, 0], [-f, f], mpf(0), g, sweep) for f in (1, -1)], s, 2 * g * sweep + 42 * s)


rng = random.Random(8)


def near(place, scale, point):
    """A point within three deviations of a place, every fourth one within forty."""
    reach = 40 if point % 4 == 0 else 3
    angle, distance = rng.uniform(0, 2 * math.pi), scale * rng.uniform(0, reach)
    return [place[0] + distance * math.cos(angle), place[1] + distance * math.sin(angle)]


def sets(name):
    for k in range(20):
        customary = k == 0
        size = lambda low, high: 10 ** rng.uniform(low, high)
        if name == "eight_gaussians":
            parameters = {"radius": 2 * math.sqrt(2), "deviation": math.sqrt(2) / 4}
            if not customary:
                parameters = {"radius": size(-1, 1), "deviation": size(-2, 0.5)}
            draw = lambda point: near(
                [parameters["radius"] * f(rng.randrange(8) * math.pi / 4) for f in (math.cos, math.sin)], parameters["deviation"], point
            )
            value = eight_gaussians
        elif name == "rings":
            parameters = {"radii": [0.75, 1.5, 2.25, 3.0], "deviation": 0.08}
            if not customary:
                parameters = {"radii": [size(-1, 1) for _ in range(1 + k % 4)], "deviation": size(-2, 0.5)}
            def draw(point):
                if point == 1:
                    return [0.0, 0.0]
                r, angle = rng.choice(parameters["radii"]), rng.uniform(0, 2 * math.pi)
                if point % 10 == 2:
                    r *= 10 ** rng.uniform(-6, 0)
                return near([r * math.cos(angle), r * math.sin(angle)], 0 if point % 10 == 2 else parameters["deviation"], point)
            value = rings
        elif name == "pinwheel":
            parameters = {"n_blades": 5, "radius": 2.0, "radial_deviation": 0.6, "tangential_deviation": 0.2, "twist": 0.34}
            if not customary:
                parameters = {"n_blades": 1 + k % 7, "radius": size(-1, 1), "twist": rng.uniform(-2, 2)}
                parameters["radial_deviation"] = parameters["radius"] * size(-1.5, -0.3)
                parameters["tangential_deviation"] = parameters["radial_deviation"] * size(-1, 0.3)
            def draw(point):
                reach = 40 if point % 4 == 0 else 3
                u = parameters["radius"] + parameters["radial_deviation"] * rng.uniform(-reach, reach)
                v = parameters["tangential_deviation"] * rng.uniform(-reach, reach)
                angle = 2 * math.pi * rng.random() + parameters["twist"] * (u * u + v * v) / parameters["radius"] ** 2
                return [u * math.cos(angle) - v * math.sin(angle), u * math.sin(angle) + v * math.cos(angle)]
            value = pinwheel
        elif name == "banana":
            parameters = {"mean": 0.0, "deviation": 10.0, "curvature": -0.03, "offset": 3.0, "width": 1.0}
            if not customary:
                parameters = {"mean": rng.gauss(0, 2), "deviation": size(-1, 1), "curvature": rng.gauss(0, 1), "offset": rng.gauss(0, 3), "width": size(-1, 1)}
            def draw(point):
                reach = 40 if point % 4 == 0 else 3
                x = parameters["mean"] + parameters["deviation"] * rng.uniform(-reach, reach)
                return [x, parameters["offset"] + parameters["curvature"] * x * x + parameters["width"] * rng.uniform(-reach, reach)]
            value = banana
        elif name == "funnel":
            parameters = {"dim": 2 + (k % 4 if not customary else 0), "deviation": 3.0 if customary else size(-1, 0.7)}
            def draw(point):
                reach = 40 if point % 4 == 0 else 3
                v = parameters["deviation"] * rng.uniform(-reach, reach)
                return [v] + [math.exp(v / 2) * rng.uniform(-reach, reach) for _ in range(parameters["dim"] - 1)]
            value = funnel
        elif name == "checkerboard":
            parameters = {"n": 4, "half_width": 4.0} if customary else {"n": k, "half_width": size(-3, 3)}
            draw = lambda point: [parameters["half_width"] * rng.uniform(-1.1, 1.1) for _ in range(2)]
            value = checkerboard
        elif name == "two_moons":
            parameters = {"radius": 2.0, "deviation": 0.2}
            if not customary:
                parameters = {"radius": size(-1, 1)}
                parameters["deviation"] = parameters["radius"] * size(-1.7, 0.5)
            curve = moons_curve(parameters)
            def draw(point):
                _, _, m, _, _ = curve.nodes[rng.randrange(len(curve.nodes))]
                return near([float(m[0]), float(m[1])], parameters["deviation"], point)
            value = lambda _, x: curve.row(x)
        elif name == "two_spirals":
            parameters = {"growth": 1 / 3, "sweep": 3 * math.pi, "deviation": 0.1}
            if not customary:
                parameters = {"growth": size(-1, 0.5), "sweep": rng.uniform(1, 14)}
                parameters["deviation"] = parameters["growth"] * size(-0.8, 0.7)
            curve = spirals_curve(parameters)
            def draw(point):
                _, _, m, _, _ = curve.nodes[rng.randrange(len(curve.nodes))]
                return near([float(m[0]), float(m[1])], parameters["deviation"], point)
            value = lambda _, x: curve.row(x)
        yield parameters, [value(parameters, draw(point)) for point in range(50)]


NAMES = ["eight_gaussians", "rings", "pinwheel", "banana", "funnel", "checkerboard", "two_moons", "two_spirals"]

if __name__ == "__main__":
    for name in sys.argv[1:] or NAMES:
        rng.seed(name)
        table(name, sets(name))
