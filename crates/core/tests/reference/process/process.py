"""Values of the forward processes of src/process to 50 digits, written to process.tsv and, for the later ones, schedules.tsv.

Every parameter and time is a double, taken exactly. Columns: process, parameters, function, times (comma-separated), value, and the sum of the absolute
values of the terms of the documented formula where these may cancel, else the value's own absolute value.

    python3 process.py
"""

from pathlib import Path

from mpmath import cos, exp, expm1, log, mp, mpf, nstr, pi, sin, sqrt, tan

mp.dps = 120

UNIT_TIMES = [1e-300, 1e-20, 1e-12, 1e-8, 1e-5, 1e-3, 0.01, 0.1, 0.3, 0.5, 0.7, 0.999, 1.0]
LONG_TIMES = [1e-300, 1e-20, 1e-12, 1e-8, 1e-5, 1e-3, 0.01, 0.1, 0.3, 1.0, 3.0, 7.5, 17.0, 40.0]


class Exploding:
    name, times = "variance_exploding", UNIT_TIMES
    sets = [(0.01, 50.0), (0.1, 10.0), (0.01, 1348.0), (1.0, 1.000001), (1e-3, 0.3), (2.0, 7.0)]

    def __init__(self, low, high):
        self.low, self.log_ratio = low, log(high / low)

    def level(self, t):
        return self.low * exp(t * self.log_ratio)

    def alpha(self, t):
        return mpf(1)

    def sigma(self, t):
        return sqrt(self.level(t) ** 2 - self.low**2)

    def drift_rate(self, t):
        return mpf(0)

    def diffusion_squared(self, t):
        return 2 * self.level(t) ** 2 * self.log_ratio


class Preserving:
    name, times = "variance_preserving", UNIT_TIMES
    sets = [(0.1, 20.0), (0.01, 5.0), (0.0, 20.0), (3.0, 3.0), (0.3, 60.0), (1e-4, 0.02)]

    def __init__(self, low, high):
        self.low, self.high = low, high

    def rate(self, t):
        return self.low + (self.high - self.low) * t

    def integral(self, t):
        return t * (self.low + (self.high - self.low) * t / 2)

    def alpha(self, t):
        return exp(-self.integral(t) / 2)

    def sigma(self, t):
        return sqrt(-expm1(-self.integral(t)))

    def drift_rate(self, t):
        return -self.rate(t) / 2

    def diffusion_squared(self, t):
        return self.rate(t)


class SubPreserving(Preserving):
    name = "sub_variance_preserving"

    def sigma(self, t):
        return -expm1(-self.integral(t))

    def diffusion_squared(self, t):
        return -self.rate(t) * expm1(-2 * self.integral(t))


class OrnsteinUhlenbeck:
    name, times, sets = "ornstein_uhlenbeck", LONG_TIMES, [(40.0,)]

    def __init__(self, horizon):
        pass

    def alpha(self, t):
        return exp(-t)

    def sigma(self, t):
        return sqrt(-expm1(-2 * t))

    def drift_rate(self, t):
        return mpf(-1)

    def diffusion_squared(self, t):
        return mpf(2)


class Cosine:
    name, times = "cosine", UNIT_TIMES[:-1] + [0.9, 0.9999]
    sets = [(0.008, 0.9999), (0.0, 0.999), (0.1, 0.9)]

    def __init__(self, offset, horizon):
        self.offset, self.slope = offset, pi / 2 / (1 + offset)

    def angle(self, t):
        return (t + self.offset) * self.slope

    def alpha(self, t):
        return cos(self.angle(t)) / cos(self.angle(0))

    def sigma(self, t):
        return sqrt(sin(t * self.slope) * sin(self.angle(t) + self.angle(0))) / cos(self.angle(0))

    def drift_rate(self, t):
        return -self.slope * tan(self.angle(t))

    def diffusion_squared(self, t):
        return 2 * self.slope * tan(self.angle(t))


class Rectified:
    name, times, sets = "rectified", UNIT_TIMES[:-1] + [0.9, 0.9999], [(0.9999,)]

    def __init__(self, horizon):
        pass

    def alpha(self, t):
        return 1 - t

    def sigma(self, t):
        return t

    def drift_rate(self, t):
        return -1 / (1 - t)

    def diffusion_squared(self, t):
        return 2 * t / (1 - t)


class ElucidatedNoise:
    name, times, sets = "elucidated_noise", LONG_TIMES + [80.0], [(80.0,)]

    def __init__(self, horizon):
        pass

    def alpha(self, t):
        return mpf(1)

    def sigma(self, t):
        return t

    def drift_rate(self, t):
        return mpf(0)

    def diffusion_squared(self, t):
        return 2 * t


class DiscreteSchedule:
    """At the times of the table, which are all that a table says; its entries are doubles, evenly spaced as src/process/discrete.rs spaces them."""

    name, sets = "discrete", [(1e-4, 0.02, 1000), (1e-3, 0.5, 20)]

    def __init__(self, first, last, n_steps):
        betas = [first + (last - first) * (i / (n_steps - 1)) for i in range(n_steps)]
        self.n_steps, self.shown = n_steps, [mpf(0)]
        for beta in betas:
            self.shown.append(self.shown[-1] - log(1 - mpf(beta)))

    def lines(self, parameters):
        for i in sorted({1, 2, 3, 7, self.n_steps // 4, self.n_steps // 2, self.n_steps - 1, self.n_steps}):
            t, shown = i / self.n_steps, self.shown[i]
            # The exponential of a rounded number is off by that rounding.
            yield "alpha", [t], exp(-shown / 2), (1 + shown) * exp(-shown / 2)
            yield "variance", [t], -expm1(-shown), None
            # Differences of the table are of rounded logarithms of numbers near one, which the table adds up.
            s, before = (i - 1) / self.n_steps, self.shown[i - 1]
            yield "transition_variance", [s, t], -expm1(before - shown), None


def main():
    # Differences of variances near t = 0 cancel some 600 digits at t = 1e-300.
    mp.dps = 800
    write("process.tsv", of_processes((Exploding, Preserving, SubPreserving, OrnsteinUhlenbeck)))
    tables = []
    for parameters in DiscreteSchedule.sets:
        for function, times, value, terms in DiscreteSchedule(*parameters).lines(parameters):
            tables.append(line(DiscreteSchedule, parameters, function, times, value, terms))
    write("schedules.tsv", of_processes((Cosine, Rectified, ElucidatedNoise)) + tables)


def line(kind, parameters, function, times, value, terms=None):
    row = [kind.name, ",".join(map(repr, parameters)), function, ",".join(map(repr, times))]
    row += [nstr(value, 50, strip_zeros=True), nstr(abs(value) if terms is None else terms, 6)]
    return "\t".join(row)


def write(name, lines):
    path = Path(__file__).resolve().parent / name
    path.write_text("\n".join(lines) + "\n")
    print(f"{path.name}: {len(lines)} values, {path.stat().st_size // 1024} KiB")


def of_processes(kinds):
    lines = []
    for kind in kinds:
        for parameters in kind.sets:
            process = kind(*[mpf(p) for p in parameters])

            def put(function, times, value, terms=None):
                lines.append(line(kind, parameters, function, times, value, terms))

            all_times = [t for t in sorted(kind.times) if kind not in LATER or t <= parameters[-1]]
            for t in all_times:
                e = mpf(t)
                alpha, sigma = process.alpha(e), process.sigma(e)
                put("alpha", [t], alpha)
                put("drift_rate", [t], process.drift_rate(e))
                put("diffusion_squared", [t], process.diffusion_squared(e))
                if sigma**2 < mpf("1e-300"):
                    continue  # A variance that small is no double.
                put("sigma", [t], sigma)
                put("variance", [t], sigma**2)
                # The logarithm of a rounded number is off by that rounding, also where it vanishes: hence the one.
                put("log_snr", [t], 2 * log(alpha / sigma), 1 + 2 * abs(log(alpha)) + 2 * abs(log(sigma)))
            for i, s in enumerate(all_times):
                for t in all_times[i + 1 :][:2] + [s * (1 + 2.0**-20)]:
                    if t > all_times[-1]:
                        continue
                    a, b = mpf(s), mpf(t)
                    alpha = process.alpha(b) / process.alpha(a)
                    variance = process.sigma(b) ** 2 - alpha**2 * process.sigma(a) ** 2
                    put("transition_alpha", [s, t], alpha)
                    if variance > mpf("1e-300"):
                        put("transition_variance", [s, t], variance)
    return lines


# Processes whose last parameter is their horizon.
LATER = (Cosine, Rectified, ElucidatedNoise)

main()
