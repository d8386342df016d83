"""Reference tables of densities made of others: products over blocks of coordinates, powers, and members in their natural parameters.

Writes `independent.json`, `tempered.json` (powers that are members of the family), `tempered_finite.json` (powers by enumeration), `natural.json` and
`natural_counts.json`. The terms are those of the parts. A power and a member in natural parameters is a member whose own parameters
are results of arithmetic: a rounding of the parameter t moves log p by |t d log p/dt| epsilons, and that is a term too. Where t = beta a + (1 - beta)
is itself a sum, |beta a| + |1 - beta| takes the place of |t|. Parameters that are taken as they are have no such term.
"""

import random
import sys

from mpmath import digamma, exp, log, log1p, loggamma, mp, mpf, pi, sqrt

import family
import multivariate_normal
from common import digits, exact, four, table, total
from family import BOTH, HALF_LOG_2PI, beta_points, deviance, gamma_points, stirling_error
from matrix_family import simplex_points
from multivariate_normal import rows as normal_rows
from multivariate_normal import symmetric

OUTSIDE = mpf("-inf")


def row(x, value, terms, *score):
    """A row with terms of four digits."""
    return (x, value, four(terms)) + ((score[0], [four(t) for t in score[1]]) if score else ())


def independent():
    rng = random.Random(31)
    kinds = ["normal", "exponential", "gamma", "beta"]
    tables = {kind: list(getattr(family, kind)()) for kind in kinds}
    for index in range(22):
        names, values, columns = [], [], []
        for _ in range(rng.randint(2, 4)):
            kind = rng.choice(kinds)
            parameters, found = rng.choice(tables[kind])
            names.append(kind)
            values += parameters.values()
            columns.append(rng.sample(found, 50))
        if index % 3 == 0:
            # A block of two coordinates among those of one.
            covariance = symmetric(2, 10.0 ** rng.randint(0, 6), 10.0 ** rng.randint(-3, 3))
            mean = [rng.gauss(0, 1), rng.gauss(0, 1)]
            place = rng.randint(0, len(names))
            names.insert(place, "normals")
            values = values + mean + sum(covariance, [])
            columns.insert(place, normal_rows("covariance", mean, covariance, 50))
        rows = []
        for parts in zip(*columns):
            x, score, score_terms = (sum((list(part[k]) for part in parts), []) for k in (0, 3, 4))
            rows.append(row(x, sum(part[1] for part in parts), sum(mpf(part[2]) for part in parts), score, score_terms))
        # The numbers of the block of two are the last six.
        yield {"parts": " ".join(names), "values": values}, rows


def tempered():
    def normal(mean, deviation, power):
        m, s = exact(mean), exact(deviation) / sqrt(exact(power))
        for z in BOTH[:50]:
            x = mean + z * float(s)
            d = (exact(x) - m) / s
            value, terms = total([-d * d / 2, -log(s), -HALF_LOG_2PI])
            yield row([x], value, terms + abs(d * d - 1), [-d / s], [abs(d / s)])

    def exponential(rate, power):
        b = exact(rate) * exact(power)
        for k in range(50):
            x = 40.0 * (k / 49) ** 3 / float(b)
            value, terms = total([-b * exact(x), log(b)])
            yield row([x], value, terms + abs(1 - b * exact(x)), [-b], [b])

    def shapes(values, power):
        """The shapes of the power, and the sizes of what they are sums of."""
        b = exact(power)
        return [b * exact(v) + 1 - b for v in values], [b * exact(v) + abs(1 - b) for v in values]

    def gamma(shape, rate, power):
        (a,), (size,) = shapes([shape], power)
        b = exact(rate) * exact(power)
        for point in fifty(gamma_points(float(a), float(b))):
            x = exact(point)
            value = a * log(b) - loggamma(a) + (a - 1) * log(x) - b * x
            _, terms = total([stirling_error(a), deviance(a, b * x), log(a / (2 * pi)) / 2, log(x)])
            terms += size * abs(log(x) - digamma(a) + log(b)) + abs(a - b * x)
            yield row([point], value, terms, [(a - 1) / x - b], [(size + 1) / x + b])

    def beta(alpha, beta_, power):
        (a, b), sizes = shapes([alpha, beta_], power)
        s = a + b
        for point in fifty(beta_points(float(a), float(b))):
            x = exact(point)
            y = 1 - x
            value = loggamma(s) - loggamma(a) - loggamma(b) + (a - 1) * log(x) + (b - 1) * log(y)
            terms = [stirling_error(v) for v in (s, a, b)] + [log(a / (2 * pi) * b / s) / 2, deviance(a, s * x), deviance(b, s * y), log(x), log(y)]
            terms += [n * (log(w) - digamma(v) + digamma(s)) for n, v, w in zip(sizes, (a, b), (x, y))]
            yield row([point], value, total(terms)[1], [(a - 1) / x - (b - 1) / y], [(sizes[0] + 1) / x + (sizes[1] + 1) / y])

    def dirichlet(*values):
        a, sizes = shapes(values[:-1], values[-1])
        s = sum(a)
        for point in simplex_points([float(v) for v in a], 50, random.Random(33)):
            x = exact(point)
            gradient = [(v - 1) / w for v, w in zip(a, x)]
            mean = sum(gradient) / len(a)
            value = loggamma(s) - sum(loggamma(v) for v in a) + sum((v - 1) * log(w) for v, w in zip(a, x))
            terms = [stirling_error(v) for v in a + [s]] + [log(v / (2 * pi)) / 2 for v in a + [s]]
            terms += [deviance(v, s * w) for v, w in zip(a, x)] + [log(w) for w in x] + [s * (1 - sum(x))]
            terms += [n * (log(w) - digamma(v) + digamma(s)) for n, v, w in zip(sizes, a, x)]
            parts = [(n + 1) / w for n, w in zip(sizes, x)]
            yield row(point, value, total(terms)[1], [g - mean for g in gradient], [p + sum(parts) / len(a) for p in parts])

    def normals(*values):
        """log p_beta = beta (log p + log Z) - log Z + D/2 log beta; the first of the rows of p is its mean, where log p = -log Z."""
        mean, entries, power = list(values[:2]), values[2:6], exact(values[6])
        found = normal_rows("covariance", mean, [list(entries[:2]), list(entries[2:])], 50)
        log_z = -found[0][1]
        for x, value, terms, score, score_terms in found:
            energy = -(value + log_z)
            constant = log_z - log(power)
            # sqrt(beta) is rounded into the whitening.
            size = power * (mpf(terms) - abs(log_z) + energy) + abs(log_z) + abs(log(power))
            yield row(x, -power * energy - constant, size, [power * v for v in score], [power * mpf(t) for t in score_terms])

    def log_z(name, values, power):
        """log of the integral of p^beta: A(power) - beta A for the log-partitions A. Its terms are those of beta log p - log p_beta at the mean of p."""
        b = exact(power)
        if name in ("normal", "normals"):
            s2 = exact(values[1]) ** 2 if name == "normal" else exact(values[2]) * exact(values[5]) - exact(values[3]) ** 2
            d = 1 if name == "normal" else 2
            return total([(1 - b) * d * HALF_LOG_2PI, (1 - b) * log(s2) / 2, -d * log(b) / 2])
        if name == "exponential":
            value, terms = total([-log(b * exact(values[0])), b * log(exact(values[0]))])
            return value, terms + 1
        old = exact(list(values[:1] if name == "gamma" else values))
        new, sizes = shapes(values[:1] if name == "gamma" else values, power)
        if name == "gamma":
            rates, means = (exact(values[1]), b * exact(values[1])), [old[0] / exact(values[1])]
            value = loggamma(new[0]) - new[0] * log(rates[1]) - b * (loggamma(old[0]) - old[0] * log(rates[0]))
            slopes, sums = [log(means[0] * rates[1]) - digamma(new[0])], ([], [])
            terms = [deviance(new[0], means[0] * rates[1]), new[0] - means[0] * rates[1]]
        else:
            sums = ([sum(old)], [sum(new)])
            means = [a / sums[0][0] for a in old]
            value = sum(loggamma(v) for v in new) - loggamma(sum(new)) - b * (sum(loggamma(v) for v in old) - loggamma(sum(old)))
            slopes = [log(m) - digamma(v) + digamma(sum(new)) for m, v in zip(means, new)]
            terms = [deviance(v, sum(new) * m) for m, v in zip(means, new)]
        terms += [n * v for n, v in zip(sizes, slopes)] + [(1 + b) * log(m) for m in means]
        for weight, values in ((b, old + sums[0]), (1, new + sums[1])):
            terms += [weight * v for a in values for v in (stirling_error(a), log(a / (2 * pi)) / 2)]
        return value, total(terms)[1]

    cases = [
        (normal, 0.0, 1.0, 0.3), (normal, 1e8, 1e-3, 0.7), (normal, -3.5, 0.1, 1e-6), (normal, 1e15, 4.0, 2.5), (normal, 0.7, 1e-10, 1e5), (normal, -12.0, 33.0, 1.0),
        (exponential, 2.5, 0.3), (exponential, 1e-9, 7.0), (exponential, 1e100, 0.01),
        (gamma, 3.0, 0.5, 0.3), (gamma, 0.6, 2.0, 1.1), (gamma, 1e4, 0.1, 0.7), (gamma, 1e8, 1e8, 1e-3), (gamma, 0.2, 1.0, 1.2), (gamma, 1.0, 3.0, 0.9), (gamma, 1e-6, 2.0, 0.5),
        (beta, 2.0, 3.0, 0.3), (beta, 0.1, 0.1, 1.05), (beta, 1e4, 3e5, 0.6), (beta, 1e8, 17.0, 1.7), (beta, 0.5, 40.0, 1.9),
        (dirichlet, 0.5, 3.0, 2.0, 0.3), (dirichlet, 1e5, 2e5, 3e5, 1.3), (dirichlet, 0.7, 1.3, 2.9, 0.1, 1.1),
    ]
    rng = random.Random(32)
    for condition, scale, power in [(1.0, 1.0, 0.3), (1e4, 1e-3, 2.5), (1e8, 1e6, 1e-5), (1e12, 1.0, 0.7)]:
        cases.append((normals, rng.gauss(0, 1), 1e3, *sum(symmetric(2, condition, scale), []), power))
    for build, *values in cases:
        power, terms = log_z(build.__name__, values[:-1], values[-1])
        parameters = {"family": build.__name__, "values": values[:-1], "beta": values[-1], "log_z_at": digits(power), "log_z_at_terms": four(terms)}
        yield parameters, list(build(*values))


def fifty(points):
    return sorted(random.Random(34).sample(points, 50)) if len(points) > 50 else points


def tempered_finite():
    """log p_beta = beta log p - log sum p^beta over the product of categoricals; the errors of all log p enter the sum."""
    mp.dps = 400
    rng = random.Random(35)
    for index in range(21):
        sites = [rng.randint(2, 4) for _ in range(rng.randint(1, 3))]
        spread, power = rng.choice([0.1, 1.0, 5.0, 30.0]), rng.choice([0.01, 0.3, 0.7, 1.0, 1.9, 6.5])
        logits = [[rng.gauss(0, spread) for _ in range(size)] for size in sites]
        states = {(): (mpf(0), mpf(0))}
        for part in logits:
            l = exact(part)
            normaliser = log(sum(exp(v) for v in l))
            states = {
                x + (float(k),): (value + v - normaliser, size + abs(v - max(l)) + abs(max(l) - normaliser))
                for x, (value, size) in states.items()
                for k, v in enumerate(l)
            }
        b = exact(power)
        weights = {x: exp(b * value) for x, (value, _) in states.items()}
        log_z = log(sum(weights.values()))
        spoilt = sum(weights[x] * b * states[x][1] for x in states) / sum(weights.values())
        points = (list(states) * 50)[:49] + [tuple(-1.0 for _ in sites)] if len(states) < 49 else list(states)
        rows = []
        for x in points:
            value, size = states.get(x, (OUTSIDE, mpf(0)))
            rows.append(row(list(x), b * value - log_z, b * size + abs(log_z) + spoilt))
        yield {"sizes": [float(s) for s in sites], "logits": sum(logits, []), "beta": power}, rows
    mp.dps = 120


def natural():
    for mean, deviation in [(0.0, 1.0), (1.0, 2.0), (-3.5, 0.1), (1e4, 1.0), (1e8, 1e3), (-1e-8, 1e-6), (7.0, 1e6), (0.0, 1e-100), (12.5, 33.0)]:
        parameters = [mean / deviation**2, -0.5 / deviation**2]
        linear, quadratic = exact(parameters)
        s = sqrt(-1 / (2 * quadratic))
        m = linear * s * s
        rows = []
        for z in BOTH[:50]:
            x = mean + z * deviation
            d = (exact(x) - m) / s
            value, terms = total([-d * d / 2, -log(s), -HALF_LOG_2PI, m * d / s, d * d - 1])
            value = -d * d / 2 - log(s) - HALF_LOG_2PI
            rows.append(row([x], value, terms, [-d / s], [abs(d / s) + abs(m) / s**2]))
        yield {"family": "normal", "natural": parameters}, rows
    rng = random.Random(36)
    for build, sign, count in [(family.exponential, [-1], 4), (family.gamma, [1, -1], 7), (family.beta, [1, 1], 7)]:
        for parameters, found in rng.sample(list(build()), count):
            values = [s * v for s, v in zip(sign, parameters.values())]
            rows = [row(x, value, terms, score, score_terms) for x, value, terms, score, score_terms in rng.sample(found, 50)]
            yield {"family": build.__name__, "natural": values}, rows


def natural_counts():
    rng = random.Random(37)
    for eta in [-600.0, -20.0, -1.5, 0.0, 0.7, 3.3, 9.0, 14.1, 30.0]:
        m = exp(exact(eta))
        points = family.counts(float(m), float(m) ** 0.5, 2.0**53, 3)
        points = (points + [float(k) for k in range(20, 60)])[:58]
        rows = []
        for point in points:
            if point < 0 or point != int(point):
                rows.append(row([point], OUTSIDE, 0))
                continue
            k = exact(point)
            _, terms = total([stirling_error(k), deviance(k, m), k - m] + ([log(2 * pi * k) / 2] if k > 0 else []))
            rows.append(row([point], k * exact(eta) - m - loggamma(k + 1), terms))
        yield {"family": "poisson", "natural": [eta]}, rows
    for eta in [-500.0, -3.0, 0.0, 1e-12, 20.0, 40.0]:
        values = [-log1p(exp(exact(eta))), -log1p(exp(-exact(eta)))]
        points = [0.0, 1.0] * 24 + [-1.0, 2.0, 0.5]
        yield {"family": "bernoulli", "natural": [eta]}, [row([x], values[int(x)] if x in (0, 1) else OUTSIDE, 0) for x in points]
    for size, spread in [(2, 1.0), (3, 0.01), (3, 20.0), (5, 3.0), (8, 40.0), (20, 10.0)]:
        eta = [rng.gauss(0, spread) for _ in range(size - 1)]
        l = exact(eta + [0.0])
        normaliser = log(sum(exp(v) for v in l))
        rows = []
        for x in ([float(i) for i in range(size)] * 50)[:48] + [-1.0, 0.5, float(size)]:
            inside = 0 <= x < size and x == int(x)
            value, terms = total([l[int(x)] - max(l), max(l) - normaliser]) if inside else (OUTSIDE, 0)
            rows.append(row([x], value, terms))
        yield {"family": "categorical", "natural": eta}, rows


if __name__ == "__main__":
    for density in (independent, tempered, tempered_finite, natural, natural_counts):
        if not sys.argv[1:] or density.__name__ in sys.argv[1:]:
            # The points of multivariate normals come from its module's generator, which other tables must not move.
            multivariate_normal.rng.seed(30)
            table(density.__name__, density())
