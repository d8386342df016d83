"""Positive functions g = phi(f) of f(x) = p(x) exp(-a x^2), with a polynomial p, and the softplus map itself.

`positive.json` has log g in the place of the log-density and its derivative in that of the score. Parameters are the map, the coefficients of p from
the constant on, a, and log Z over [-w, w], or the line where w is zero, as a double; squares have their integral in closed form, the others by
quadrature to 40 digits between the zeros of f.

f is rounded before it is mapped: relative to f by about c = P/|p| + a x^2 + 1 epsilons, where P = sum |c_k x^k|. Then log g is off by
|phi'/phi| |f| c, and so is its derivative in proportion to how much phi'/phi changes. `terms` counts these.

`softplus.tsv` has f, log phi, phi'/phi and phi phi''/phi'^2 - 1 for phi = log(1 + e^f).
"""

import random
from pathlib import Path

from mpmath import exp, gamma, inf, isnan, log, log1p, mpf, polyroots, quad, workdps

from common import digits, exact, table


def maps(name, f):
    """log phi, phi'/phi, and phi phi''/phi'^2 - 1."""
    if name == "exp":
        return f, mpf(1), mpf(0)
    if name == "square":
        return 2 * log(abs(f)), 2 / f, mpf(-1) / 2
    if name == "absolute":
        return log(abs(f)), 1 / f, mpf(-1)
    e = exp(f)
    phi = log1p(e)
    # The series where the difference would lose more digits than there are; e^-100 to the fifth power is nothing.
    bend = sum((-e) ** k / (k + 1) for k in range(1, 5)) if f < -100 else phi / e - 1
    return log(phi), e / (1 + e) / phi, bend


def evaluate(c, x):
    return sum((ck * x**k for k, ck in enumerate(c)), mpf(0))


def derivative(c):
    return [k * ck for k, ck in enumerate(c)][1:] or [mpf(0)]


def log_z(name, c, a, w):
    with workdps(40):
        if name == "square" and w == 0:
            # Odd powers of p^2 integrate to zero, x^2m to gamma(m + 1/2) / (2a)^(m + 1/2).
            n = len(c)
            return log(
                sum(
                    ci * cj * gamma(mpf(i + j + 1) / 2) / (2 * a) ** (mpf(i + j + 1) / 2)
                    for i, ci in enumerate(c)
                    for j, cj in enumerate(c)
                    if (i + j) % 2 == 0
                )
            )
        roots = polyroots(c[::-1], maxsteps=500, extraprec=400) if len(c) > 1 else []
        real = sorted(r.real for r in roots if abs(r.imag) < mpf(10) ** -30)
        ends = [-inf if w == 0 else -w, inf if w == 0 else w]
        inner = [r for r in real if ends[0] < r < ends[1]] + [mpf(k) for k in (-8, -4, -2, -1, 0, 1, 2, 4, 8) if ends[0] < k < ends[1]]
        points = [ends[0]] + sorted(set(inner)) + [ends[1]]
        phi = {"exp": exp, "absolute": abs, "square": lambda f: f * f, "softplus": lambda f: log1p(exp(f))}[name]
        return log(quad(lambda x: phi(evaluate(c, x) * exp(-a * x * x)), points, maxdegree=9))


def sets():
    rng = random.Random(11)
    draw = lambda degree: [round(rng.uniform(-2, 2), 2) for _ in range(degree + 1)]
    cases = []
    for degree in (0, 1, 2, 3, 5, 6):
        for name in ("square", "absolute"):
            c = draw(degree)
            cases.append((name, c, round(rng.uniform(0.3, 1.5), 2), 0.0))
        for name in ("exp", "softplus"):
            # A leading power that is even, with a negative coefficient, has an integral on the line; a bounded f on a bounded interval.
            if degree in (1, 3, 5):
                cases.append((name, draw(degree), round(rng.uniform(0.3, 1.5), 2), 3.0))
            else:
                c = draw(max(degree, 2))
                c[-1] = -0.5
                cases.append((name, c, 0.0, 0.0))
    for name, c, a, w in cases:
        cm, am = exact(c), mpf(a)
        size, slope_size = [abs(ck) for ck in cm], [abs(ck) for ck in derivative(cm)]
        if w:
            reach = w
        elif a:
            # 40 standard deviations of g as far as f is a normal double, which ends at exp(-708).
            reach = 40 / (4 * a) ** 0.5 if name == "square" else (690 / a) ** 0.5
        else:
            reach = 40 if len(c) == 3 else 6
        rows = []
        for point in range(50):
            x = rng.uniform(-reach, reach) if w or point % 2 else rng.gauss(0, 1)
            xm = mpf(x)
            decay = exp(-am * xm * xm)
            p, dp = evaluate(cm, xm), evaluate(derivative(cm), xm)
            f, df = p * decay, (dp - 2 * am * xm * p) * decay
            value, slope, bend = maps(name, f)
            relative = evaluate(size, abs(xm)) / abs(p) + am * xm * xm + 1
            terms = abs(value) + abs(slope * f) * relative + (1 if name == "softplus" else 0)
            df_terms = decay * (evaluate(slope_size, abs(xm)) + 2 * am * abs(xm) * evaluate(size, abs(xm))) * (1 + am * xm * xm)
            score = slope * df
            score_terms = abs(slope) * df_terms + abs(score) * (1 + abs(bend * slope * f) * relative)
            rows.append(([x], value, terms, [score], [score_terms]))
        z = log_z(name, cm, am, mpf(w))
        assert not isnan(z)
        yield {"map": name, "coefficients": c, "a": a, "half_width": w, "log_z": float(z)}, rows


def softplus():
    rng = random.Random(12)
    points = [-800.0, -745.2, -708.5, -100.0, -37.0, -1e-9, 0.0, 1e-300, 0.5413248546129181, 36.5, 709.9, 1e5, 1e300]
    points += [rng.uniform(-40, 40) for _ in range(60)] + [rng.uniform(-1, 1) for _ in range(60)]
    lines = []
    for f in sorted(points):
        if f > 1e4:
            # exp(-f) is nothing here, in any number of digits.
            value, slope, bend = log(mpf(f)), 1 / mpf(f), mpf(-1)
        else:
            value, slope, bend = maps("softplus", mpf(f))
        lines.append("\t".join([repr(f), digits(value), digits(slope), digits(bend)]))
    path = Path(__file__).resolve().parent / "softplus.tsv"
    path.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    table("positive", sets())
    softplus()
