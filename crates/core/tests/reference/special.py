"""Values of the functions of src/special to 50 digits, written to special.tsv.

Every argument is a double, taken exactly. Columns: function, arguments (comma-separated), value, and the sum of the absolute values of the terms of
the documented formula where they cancel (else 0).

    python3 -P special.py    (-P: not to take math.py of this directory for Python's own)
"""

import random
from pathlib import Path

from mpmath import (besseli, digamma, erfc, exp, factorial, findroot, inf, log, loggamma, mp, mpf, ncdf, nstr, pi, psi,
                    quad, sqrt)

mp.dps = 80
random.seed(20240601)
half = mpf(1) / 2
rows = []


def add(name, arguments, value, terms=0.0):
    rows.append("\t".join([name, ",".join(repr(float(a)) for a in arguments), nstr(value, 50), repr(float(terms))]))


def log_uniform(lo, hi):
    return 10.0 ** random.uniform(lo, hi)


def lgamma(x):
    return loggamma(mpf(x)).real


def precise(f, *arguments, digits=400):
    """f with enough digits for what cancels."""
    mp.dps = digits
    try:
        return +f(*[mpf(a) for a in arguments])
    finally:
        mp.dps = 80


# Gamma.
small = [1e-300, 1e-100, 1e-20, 1e-8, 1e-3, 0.01, 0.1, 0.17, 0.1799, 0.18, 0.2, 0.25, 0.3, 0.4, 0.49, 0.5, 0.6, 0.75, 0.9, 0.99]
middle = [1.0, 1.1, 1.25, 1.46, 1.4616321449683622, 1.4616321449683624, 1.47, 1.5, 1.75, 1.9, 2.0, 2.0001, 2.5, 3.0, 3.5, 3.9999, 4.0, 4.5, 7.9, 8.0]
large = [10.0, 15.0, 23.5, 100.0, 1e3, 12345.678, 1e6, 1e8, 1e10, 1e15, 1e20, 1e100, 1e300]
near = [c + s * 2.0**-k for c in (1.0, 2.0) for k in (10, 20, 30, 45, 52) for s in (-1, 1)]
positive = small + middle + large + near + [log_uniform(-3, 1.5) for _ in range(60)] + [log_uniform(-12, 12) for _ in range(40)]
for x in positive:
    if x not in (1.0, 2.0):
        add("ln_gamma", [x], lgamma(x))
    add("digamma", [x], digamma(mpf(x)))
    if x > 1e-150:
        add("trigamma", [x], psi(1, mpf(x)))
    add("stirling_error", [x], precise(lambda x: loggamma(x + 1).real - (x + half) * log(x) + x - log(2 * pi) / 2, x, digits=700))
for n in list(range(2, 40)) + [100, 1000, 10**6, 10**10, 10**15]:
    add("ln_factorial", [n], lgamma(mpf(n) + 1))


def deviance(x, m):
    return x * log(x / m) + m - x


means = [1e-10, 1e-3, 0.3, 1.0, 3.7, 20.0, 1e3, 1e6, 1e10, 1e200]
for m in means:
    for ratio in [1e-300, 1e-20, 1e-3, 0.1, 0.17, 0.19, 0.3, 0.5, 0.7, 0.9, 0.95, 0.99, 1 - 1e-5, 1 - 1e-9, 1 - 2.0**-52,
                  1 + 2.0**-51, 1 + 1e-9, 1 + 1e-5, 1.01, 1.05, 1.1, 1.3, 1.7, 2.0, 3.0, 5.0, 6.0, 7.0, 10.0, 1e3, 1e20]:
        x = m * ratio
        if x != m:
            add("deviance", [x, m], precise(deviance, x, m))
for _ in range(150):
    m = log_uniform(-2, 6)
    x = m * log_uniform(-1.2, 1.2)
    add("deviance", [x, m], precise(deviance, x, m))


def ln_beta(a, b):
    return precise(lambda a, b: (loggamma(a) + loggamma(b) - loggamma(a + b)).real, a, b, digits=150)


def stirling_error(x):
    return precise(lambda x: loggamma(x + 1).real - (x + half) * log(x) + x - log(2 * pi) / 2, x, digits=150)


grid = [1e-100, 1e-10, 1e-3, 0.3, 0.5, 1.0, 1.7, 5.0, 9.9, 10.1, 100.0, 1e4, 1e7, 1e10]
pairs = [(a, b) for i, a in enumerate(grid) for b in grid[i:]] + [(log_uniform(-3, 10), log_uniform(-3, 10)) for _ in range(60)]
for a, b in pairs:
    p, q = mpf(a), mpf(b)
    s = p + q
    terms = [stirling_error(p), stirling_error(q), stirling_error(s), log(2 * pi) / 2, log(s) / 2, (p - half) * log(p / s), (q - half) * log(q / s)]
    add("ln_beta", [a, b], ln_beta(a, b), sum(abs(t) for t in terms))
for p in (1, 2, 3, 5, 16):
    for a in [(p - 1) / 2 + d for d in (1e-6, 0.3, 0.5, 1.0, 7.3, 100.0, 1e6, 1e10)]:
        terms = [mpf(p) * (p - 1) / 4 * log(pi)] + [lgamma(mpf(a) - mpf(j) / 2) for j in range(p)]
        if sum(terms) != 0:
            add("ln_multivariate_gamma", [p, a], sum(terms), sum(abs(t) for t in terms))

# Normal.
def mills(z):
    return precise(lambda z: sqrt(pi / 2) * exp(z * z / 2) * erfc(z / sqrt(mpf(2))), z, digits=90) if z < 1e4 else (
        1 / mpf(z) * sum((-1) ** k * factorial(2 * k) / (2**k * factorial(k) * mpf(z) ** (2 * k)) for k in range(9)))


points = [0.0, 1e-20, 1e-8, 0.01, 0.3, 0.5, 0.67, 0.99, 1.0, 1.01, 1.5, 2.0, 3.0, 4.99, 5.0, 5.01, 6.0, 8.0, 10.0, 20.0, 30.0, 37.5, 38.5]
points += [random.uniform(0, 8) for _ in range(40)] + [random.uniform(8, 37) for _ in range(20)]
for x in points + [-x for x in points if x > 0] + [100.0, 1e4, 1e8, 1e100]:
    add("mills_ratio", [x], mills(x)) if x > -37 else None
    if x > -26 and x < 1e4:
        add("erfcx", [x], precise(lambda x: exp(x * x) * erfc(x), x, digits=900))
    if x < 1e4 and x != 0:
        add("log_erfc", [x], precise(lambda x: log(erfc(x)), x, digits=900))
    if abs(x) < 1e4:
        add("normal_log_cdf", [x], precise(lambda x: log(erfc(-x / sqrt(mpf(2))) / 2), x, digits=900))
    if abs(x) < 37.5:
        add("normal_cdf", [x], precise(lambda x: erfc(-x / sqrt(mpf(2))) / 2, x, digits=900))


def upper(z):
    return erfc(z / sqrt(mpf(2))) / 2


intervals = []
for a in [0.0, 1e-3, 0.1, 0.5, 1.0, 2.0, 5.0, 8.0, 20.0, 37.0, 40.0, 100.0]:
    for width in [1e-10, 1e-4, 0.01, 0.1, 0.3, 0.5, 0.8, 1.0, 1.3, 1.42, 2.0, 5.0, 20.0]:
        intervals.append((a, a + width))
intervals += [(a, inf) for a in (0.0, 0.5, 3.0, 10.0, 60.0)]
intervals += [(-a, b) for a in (1e-5, 0.1, 0.6, 1.0, 3.0, 9.0, 38.0) for b in (1e-6, 0.3, 0.7, 1.5, 4.0, 12.0, 35.0)]
for a, b in intervals:
    mass = precise(lambda a, b: upper(a) - (0 if b == inf else upper(b)), a, b, digits=5000 if a > 50 else 1800)
    c = max(mpf(a), 0)
    add("normal_interval_ratio", [a, b], mass * exp(c * c / 2) * sqrt(2 * pi))
    add("log_normal_interval", [a, b], log(mass) if mass < half else precise(log, mass, digits=900))
    if b != inf:
        add("log_normal_interval", [-b, -a], log(mass) if mass < half else precise(log, mass, digits=900))


def quantile(p):
    mp.dps = 60
    p = mpf(p)
    tail = min(p, 1 - p)
    start = sqrt(-2 * log(tail)) if tail < 0.02 else (half - tail) * 2.5
    z = findroot(lambda z: log(upper(z)) - log(tail), (start, start * 0.98 + mpf("0.001")), tol=mpf(10) ** -110, maxsteps=100)
    mp.dps = 80
    return -z if p < half else z


probabilities = [5e-324, 1e-310, 1e-300, 1e-200, 1e-100, 1e-50, 1e-20, 1.4e-11, 1.3e-11, 1e-8, 1e-4, 0.01, 0.07, 0.075, 0.08, 0.1, 0.2, 0.3, 0.4, 0.45, 0.49,
                 0.4999, 0.5 - 1e-9, 0.5 - 2.0**-54]
probabilities += [1 - p for p in probabilities if p > 1e-8] + [random.random() for _ in range(40)]
for p in probabilities:
    add("normal_quantile", [p], quantile(p))

# Within an interval: z with Q(z) = Q(a) − p (Q(a) − Q(b)).
for a, b in [(0.0, inf), (0.5, inf), (3.0, inf), (10.0, inf), (38.0, inf), (100.0, inf), (0.0, 1.0), (0.0, 10.0), (0.2, 0.3), (2.0, 5.0), (5.0, 5.5),
             (30.0, 30.01), (30.0, 40.0), (50.0, 50.001)]:
    for p in [1e-20, 1e-8, 1e-3, 0.1, 0.3, 0.5, 0.7, 0.9, 0.999, 1 - 1e-10, 1 - 2.0**-53]:
        mp.dps = 80
        upper_a, upper_b = upper(mpf(a)), (mpf(0) if b == inf else upper(mpf(b)))
        target = log(upper_a - mpf(p) * (upper_a - upper_b)) if a < 8 else log(upper_a) + mp.log1p(-mpf(p) * (1 - upper_b / upper_a))
        z = mpf(a)
        width = 1 / max(mpf(a), 1)
        # Newton's method on the logarithm of the tail, concave, from its lower end: one step overshoots and the rest descend.
        for _ in range(300):
            step = (log(upper(z)) - target) * mills(z) if z > 0 else (log(upper(z)) - target) * upper(z) * sqrt(2 * pi) * exp(z * z / 2)
            z += step
            if abs(step) < mpf(10) ** -65:
                break
        add("normal_quantile_between", [p, a, b], z)

# Bessel.
def i(order, kappa):
    return besseli(order, mpf(kappa))


def i0_scaled(kappa):
    """e^-kappa I_0 and e^-kappa I_1, by the asymptotic series where the power series has too many terms."""
    if kappa < 300:
        return exp(-mpf(kappa)) * i(0, kappa), exp(-mpf(kappa)) * i(1, kappa)
    values = []
    for mu in (0, 4):
        term, total, k = mpf(1), mpf(1), 0
        while abs(term) > mpf(10) ** -78:
            k += 1
            term *= -(mu - (2 * k - 1) ** 2) / (k * 8 * mpf(kappa))
            total += term
        values.append(total / sqrt(2 * pi * mpf(kappa)))
    return values


kappas = [1e-100, 1e-12, 1e-6, 1e-3, 0.1, 0.499, 0.5, 0.75, 0.999, 1.0, 1.5, 1.6, 1.7, 2.0, 3.0, 3.999, 4.0, 5.0, 7.7, 10.0, 15.0, 20.0, 23.0, 23.999, 24.0, 25.0, 30.0,
          50.0, 100.0, 299.0, 500.0, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8] + [log_uniform(-1, 2) for _ in range(50)]
for kappa in kappas:
    mp.dps = 120
    e0, e1 = i0_scaled(kappa)
    k, a = mpf(kappa), e1 / e0
    if kappa < 1e-50:
        a = k / 2
    mp.dps = 80
    if kappa >= 1e-50:
        add("ln_bessel_i0", [kappa], log(e0) + k if kappa > 1e-3 else precise(lambda k: log(besseli(0, k)), k, digits=300))
        add("ln_bessel_i0_scaled", [kappa], log(e0))
    add("ln_bessel_i1", [kappa], log(e1) + k if kappa >= 1e-50 else log(k / 2), abs(log(k / 2)) + abs(log(2 * i(1, k) / k)) if kappa < 4 else 0)
    add("bessel_ratio", [kappa], a)
    add("bessel_ratio_complement", [kappa], 1 - a)
    add("bessel_ratio_derivative", [kappa], 1 - a / k - a * a)


def ratio(kappa):
    e0, e1 = i0_scaled(kappa)
    return e1 / e0


for r in [1e-10, 0.01, 0.1, 0.3, 0.44, 0.45, 0.499, 0.5, 0.52, 0.53, 0.6, 0.7, 0.8, 0.85, 0.9, 0.97, 0.979, 0.98, 0.99, 0.999, 1 - 1e-6, 1 - 1e-9]:
    kappa = mpf(1) / (2 * (1 - mpf(r))) if r > 0.9 else 2 * mpf(r) / (1 - mpf(r) ** 2)
    for _ in range(100):
        a = ratio(kappa)
        step = (a - mpf(r)) / (1 - a / kappa - a * a)
        kappa -= step
        if abs(step) < kappa * mpf(10) ** -60:
            break
    add("inverse_bessel_ratio", [r], kappa)

for u in [1e-300, 1e-100, 1e-18, 0.99e-17, 1.01e-17, 1e-15, 1e-12, 1e-9, 1e-6, 1e-4, 0.01, 0.0208, 0.0213, 0.1, 0.149, 0.151, 0.2, 0.3, 0.4, 0.46, 0.48, 0.499, 0.5, 0.501, 0.7, 0.9,
          0.999]:
    kappa = 1 / (2 * mpf(u)) + mpf(1) / 4 if u < 0.1 else 2 * (1 - mpf(u)) / (1 - (1 - mpf(u)) ** 2)
    for _ in range(100 if u > 1e-30 else 0):
        mp.dps = 120
        a = ratio(kappa)
        step = (a - (1 - mpf(u))) / (1 - a / kappa - a * a)
        kappa -= step
        if abs(step) < kappa * mpf(10) ** -60:
            break
    mp.dps = 80
    add("inverse_bessel_ratio_complement", [u], kappa)

# Intervals that begin at a ≥ 0, by their width, which is narrower here than the difference of their ends can be.
for a, width in [(0.0, 1e-30), (0.0, 0.3), (0.0, inf), (0.5, 1e-12), (0.5, 0.69), (0.5, 0.71), (1.0, 2.0), (3.0, inf), (40.0, 1e-20), (40.0, 0.02), (40.0, 0.03), (40.0, 1.0),
                 (40.0, inf), (300.0, 1e-9), (300.0, 1e-3), (300.0, 5e-3), (300.0, inf), (0.1, 0.1), (2.0, 0.4), (5.0, 0.2), (8.0, 1e-7)]:
    # The sum of a and the width needs all its digits.
    mp.dps = 200
    upper_a, upper_b = upper(mpf(a)), (mpf(0) if width == inf else upper(mpf(a) + mpf(width)))
    inside = 1 - upper_b / upper_a
    add("normal_interval_ratio_from", [a, width], (upper_a - upper_b) * exp(mpf(a) ** 2 / 2) * sqrt(2 * pi))
    for p, q in [(1e-20, 1.0), (1e-3, 0.999), (0.3, 0.7), (0.5, 0.5), (0.75, 0.25), (1.0, 1e-10)]:
        target = mp.log1p(-mpf(p) * inside) if p <= 0.5 else log(upper_b / upper_a + mpf(q) * inside)
        t = mpf(0)
        for _ in range(300):
            survival = upper(mpf(a) + t)
            step = (log(survival / upper_a) - target) * survival * sqrt(2 * pi) * exp((mpf(a) + t) ** 2 / 2)
            t += step
            if abs(step) < abs(t) * mpf(10) ** -60:
                break
        ratio_of_mills = survival / upper_a * exp(t * (mpf(a) + t / 2))
        add("normal_quantile_from", [p, q, a, width], t, t + abs(log(ratio_of_mills)) / (mpf(a) + t / 2))
    mp.dps = 80

Path(__file__).with_name("special.tsv").write_text("\n".join(rows) + "\n")
print(len(rows))
