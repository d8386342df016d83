"""Coefficients of the rational functions in src/special, written to src/special/fits.rs.

Each function is interpolated by p(t) / q(t) at Chebyshev nodes of its interval, solved with 60 digits; for functions that are analytic around
their interval this comes within a small factor of the minimax error, which is printed and lies below 2^-56 of the function. The
coefficients are then rounded to doubles.

    python3 -P special_fits.py    (-P: not to take math.py of this directory for Python's own)
"""

from pathlib import Path

from mpmath import atanh, cos, digamma, erfc, exp, findroot, loggamma, log, lu_solve, matrix, mp, mpf, pi, psi, sqrt

mp.dps = 60
output = []


def fit(name, comment, f, lo, hi, p_degree, q_degree):
    lo, hi = mpf(lo), mpf(hi)
    n = p_degree + q_degree + 1
    nodes = [(lo + hi) / 2 - (hi - lo) / 2 * cos(pi * (2 * i + 1) / (2 * n)) for i in range(n)]
    system, right = matrix(n, n), matrix(n, 1)
    for i, t in enumerate(nodes):
        value = f(t)
        for k in range(p_degree + 1):
            system[i, k] = t**k / value
        for k in range(1, q_degree + 1):
            system[i, p_degree + k] = -(t**k)
        right[i] = 1
    solution = lu_solve(system, right)
    p = [solution[k] for k in range(p_degree + 1)]
    q = [mpf(1)] + [solution[p_degree + k] for k in range(1, q_degree + 1)]

    def ratio(t):
        return sum(c * t**k for k, c in enumerate(p)) / sum(c * t**k for k, c in enumerate(q))

    points = [lo + (hi - lo) * mpf(i) / 500 for i in range(501)]
    worst = max(abs(ratio(t) / f(t) - 1) for t in points if t != 0)
    amplification = max(
        max(sum(abs(c * t**k) for k, c in enumerate(cs)) / abs(sum(c * t**k for k, c in enumerate(cs))) for cs in (p, q))
        for t in points
    )
    print(f"{name}: relative error 2^{float(log(worst, 2)):.1f}, sum of |terms| over sum {float(amplification):.2f}")
    output.append(f"/// {comment}")
    output.append(f"pub(super) const {name}: Rational<{p_degree + 1}, {q_degree + 1}> = Rational {{")
    for label, cs in (("p", p), ("q", q)):
        output.append(f"    {label}: [{', '.join(literal(c) for c in cs)}],")
    output.append("};\n")


def literal(value):
    """The nearest double, with digits in groups of three as clippy wants them."""
    mantissa, _, exponent = repr(float(value)).partition("e")
    whole, _, fraction = mantissa.partition(".")
    grouped = "_".join(fraction[i : i + 3] for i in range(0, len(fraction), 3))
    sign = "-" if whole.startswith("-") else ""
    return f"{sign}{abs(int(whole)):_}.{grouped or '0'}" + (f"e{exponent}" if exponent else "")


def constant(name, comment, value):
    high = mpf(float(value))
    output.append(f"/// {comment}")
    output.append(f"pub(super) const {name}: (f64, f64) = ({literal(high)}, {literal(value - high)});\n")


def artanh_tail(t):
    """(artanh(v) / v - 1) / v^2 with t = v^2 / (1 - v^2): a Stieltjes function, whose fits have positive coefficients."""
    w = t / (1 + t)
    if w < mpf(10) ** -25:
        return mpf(1) / 3 + w / 5
    v = sqrt(w)
    return (atanh(v) / v - 1) / w


# The three tails below are asymptotic series in w = 1/x^2, evaluated through the functions themselves where those do not cancel.
def with_guard(f):
    def guarded(w):
        mp.dps = 120
        try:
            return +f(w)
        finally:
            mp.dps = 60

    return guarded


@with_guard
def stirling_tail(w):
    if w < mpf(10) ** -20:
        return 1 - w / 30 + w**2 / 105
    x = 1 / sqrt(w)
    return 12 * x * (loggamma(x + 1) - (x + mpf(1) / 2) * log(x) + x - log(2 * pi) / 2)


@with_guard
def digamma_tail(w):
    if w < mpf(10) ** -20:
        return 1 - w / 10 + w**2 / 21
    x = 1 / sqrt(w)
    return 12 * x**2 * (log(x) - 1 / (2 * x) - digamma(x))


@with_guard
def trigamma_tail(w):
    if w < mpf(10) ** -20:
        return 1 - w / 5 + w**2 / 7
    x = 1 / sqrt(w)
    return 6 * x**3 * (psi(1, x) - 1 / x - 1 / (2 * x**2))


def mills(z):
    return sqrt(pi / 2) * exp(z * z / 2) * erfc(z / sqrt(mpf(2)))


@with_guard
def mills_tail(w):
    if w < mpf(10) ** -20:
        return 1 - w + 3 * w**2
    z = 1 / sqrt(w)
    return z * mills(z)


root = findroot(digamma, mpf("1.46"))
constant("DIGAMMA_ROOT", "The zero of the digamma function, as an unevaluated sum.", root)
fit("ARTANH", "(artanh(v)/v − 1)/v² in t = v²/(1 − v²), for 0 ≤ t ≤ 1.25.", artanh_tail, 0, mpf(5) / 4, 8, 8)
fit("STIRLING", "12 x δ(x) in 1/x², for x ≥ 4, where δ is the error of Stirling's formula.", stirling_tail, 0, mpf(1) / 16, 5, 5)
fit("DIGAMMA_LOW", "ψ(x)/(x − root) in x − 1, for 1 ≤ x ≤ 2.", lambda t: digamma(t + 1) / (t + 1 - root), 0, 1, 7, 6)
fit("DIGAMMA_MIDDLE", "ψ(x) in x − 2, for 2 ≤ x ≤ 4.", lambda t: digamma(t + 2), 0, 2, 7, 6)
fit("DIGAMMA", "12 x² (ln x − 1/(2x) − ψ(x)) in 1/x², for x ≥ 4.", digamma_tail, 0, mpf(1) / 16, 5, 5)
fit("TRIGAMMA", "6 x³ (ψ′(x) − 1/x − 1/(2x²)) in 1/x², for x ≥ 4.", trigamma_tail, 0, mpf(1) / 16, 6, 6)
fit("MILLS_LOW", "Mills' ratio Q(z)/φ(z) in z, for 0 ≤ z ≤ 1.", mills, 0, 1, 7, 7)
fit("MILLS_MIDDLE", "Mills' ratio in z, for 1 ≤ z ≤ 5.", mills, 1, 5, 8, 9)
fit("MILLS", "z times Mills' ratio in 1/z², for z ≥ 5.", mills_tail, 0, mpf(1) / 25, 7, 7)

header = """//! Coefficients of rational functions, written by `tests/reference/special_fits.py`.

use super::rational::Rational;

"""
Path(__file__).parents[2].joinpath("src/special/fits.rs").write_text(header + "\n".join(output).rstrip() + "\n")
