"""Coefficients of the polynomials in src/simd, by Remez exchange with mpmath.

Each polynomial p minimises max |p(t) g(t) + h(t) - f(t)| / |f(t)|, the relative error of the function as the kernel
assembles it. Leading terms that the kernel adds exactly (h) are left out of the fit. The coefficients are then rounded
to the working precision one by one, lowest degree first, and the others fitted again after each rounding, so that the
later ones absorb the rounding of the earlier.

Those in double precision are rounded all at once: at their degrees the fit is below the rounding of the sum.

    python3 -P minimax.py    (-P: not to take math.py of this directory for Python's own)
"""

import struct

from mpmath import atanh, cos, expm1, log, lu_solve, matrix, mp, mpf, pi, sin, sqrt

mp.dps = 50


def to_f32(x):
    return mpf(struct.unpack("f", struct.pack("f", float(x)))[0])


def remez(weight, target, lo, hi, powers, iterations=30, grid=4000):
    """Fits sum c_k t^k so that weight(t) * |sum c_k t^k - target(t)| is equalised; returns (c, error)."""
    n = len(powers)
    lo, hi = mpf(lo), mpf(hi)
    nodes = [(lo + hi) / 2 - (hi - lo) / 2 * cos(pi * (2 * i + 1) / (2 * n + 2)) for i in range(n + 1)]
    points = [lo + (hi - lo) * mpf(i) / grid for i in range(grid + 1)]
    cache = [(weight(t), target(t)) for t in points]
    for _ in range(iterations):
        system = matrix(n + 1, n + 1)
        rhs = matrix(n + 1, 1)
        for i, t in enumerate(nodes):
            w = weight(t)
            for j, k in enumerate(powers):
                system[i, j] = w * t**k
            system[i, n] = (-1) ** i
            rhs[i] = w * target(t)
        solution = lu_solve(system, rhs)
        c = [solution[j] for j in range(n)]
        errors = [w * (sum(cj * t**k for cj, k in zip(c, powers)) - f) for t, (w, f) in zip(points, cache)]
        extrema = []
        for t, e in zip(points, errors):
            if extrema and (extrema[-1][1] > 0) == (e > 0):
                if abs(e) > abs(extrema[-1][1]):
                    extrema[-1] = (t, e)
            else:
                extrema.append((t, e))
        while len(extrema) > n + 1:
            extrema.pop(0 if abs(extrema[0][1]) < abs(extrema[-1][1]) else -1)
        if len(extrema) < n + 1:
            break
        nodes = [t for t, _ in extrema]
        largest, smallest = max(abs(e) for _, e in extrema), min(abs(e) for _, e in extrema)
        if largest - smallest < largest * mpf(10) ** -6:
            break
    return c, max(abs(e) for e in errors)


def fit(name, weight, target, lo, hi, degree):
    fixed = []
    for k in range(degree + 1):
        head = list(fixed)
        rest = lambda t: target(t) - sum(c * t**i for i, c in enumerate(head))
        c, _ = remez(weight, rest, lo, hi, list(range(k, degree + 1)))
        fixed.append(to_f32(c[0]))
    points = [mpf(lo) + (mpf(hi) - mpf(lo)) * mpf(i) / 4000 for i in range(4001)]
    worst = max(abs(weight(t) * (sum(c * t**i for i, c in enumerate(fixed)) - target(t))) for t in points)
    print(f"{name}: relative error {float(worst * 2**24):.3f} x 2^-24")
    for k, c in enumerate(fixed):
        print(f"    t^{k}: {float(c):.9e}")


half_ln2 = log(mpf(2)) / 2 * mpf("1.0001")
tiny = mpf(10) ** -8


def quotient(t):
    """(exp(t) - 1 - t) / t^2, continuous at zero."""
    return mpf(1) / 2 + t / 6 + t * t / 24 if abs(t) < tiny else (expm1(t) - t) / t**2


# exp(r) = 1 + (r + r^2 q(r)). The weight is the relative error of exp(r) - 1, which tanh needs; that of exp is smaller.
fit(
    "q, exp(r) - 1",
    lambda t: abs(t) / abs(1 + t * quotient(t)),
    quotient,
    -half_ln2,
    half_ln2,
    4,
)


def atanh_tail(z):
    """(atanh(s) / s - 1) / s^2 with z = s^2, continuous at zero."""
    s = sqrt(z)
    return mpf(1) / 3 + z / 5 if z < tiny else (atanh(s) / s - 1) / z


# log(1 + e) = 2 (s + s^3 a(s^2)), s = e / (2 + e), 0 <= s <= 1/3.
fit("a, log(1 + e)", lambda z: z / (1 + z * atanh_tail(z)), atanh_tail, mpf(0), mpf(1) / 9, 3)

# exp(r) of doubles. The weight bounds r^2 / exp(r), which itself vanishes at zero, where the exchange would find no extremum.
c, worst = remez(lambda t: mpf("0.17"), quotient, -half_ln2, half_ln2, list(range(10)), grid=2000)
print(f"q, exp(r) of doubles: relative error {float(worst * 2**53):.3f} x 2^-53")
for k, c in enumerate(c):
    print(f"    t^{k}: {float(c)!r}")


def doubles(name, weight, target, hi, degree):
    """A fit on 0 <= z <= hi for double precision; a weight that vanishes at zero is raised a little, or there would be no extremum."""
    c, worst = remez(lambda z: weight(z) + hi / 100, target, mpf(0), hi, list(range(degree + 1)), grid=1500)
    print(f"{name}: error {float(worst * 2**53):.3f} x 2^-53")
    for k, c in enumerate(c):
        print(f"    z^{k}: {float(c)!r}")


# The map to standard normals. ln m = 2 artanh(s), s = (m - 1) / (m + 1), for m in [sqrt(1/2), sqrt(2)].
largest_s = (sqrt(mpf(2)) - 1) / (sqrt(mpf(2)) + 1) * mpf("1.0001")
doubles("a, 4 artanh(s) / s = 4 + z a(z)", lambda z: z, lambda z: 4 * atanh_tail(z), largest_s**2, 6)

# Sine and cosine of theta = pi t / 2 for |t| <= 1/2, in powers of z = t^2.
doubles(
    "sin(theta) / t",
    lambda z: 2 / pi,
    lambda z: pi / 2 * (1 - z * pi**2 / 24) if z < tiny else sin(sqrt(z) * pi / 2) / sqrt(z),
    mpf(1) / 4,
    6,
)
doubles(
    "(cos(theta) - 1) / t^2",
    lambda z: z,
    lambda z: -(pi**2) / 8 * (1 - z * pi**2 / 48) if z < tiny else (cos(sqrt(z) * pi / 2) - 1) / z,
    mpf(1) / 4,
    5,
)
