"""Values of the functions of src/math.rs to 50 digits, written to math.tsv.

Every argument is a double, taken exactly. Columns: function, arguments (comma-separated), value.

    python3 math.py
"""

import random
from pathlib import Path

from mpmath import cosh, exp, expm1, fsum, log, log1p, mp, mpf, nstr

mp.dps = 400  # enough for 1 + exp(-740)
random.seed(20240501)

functions = {
    "sigmoid": lambda x: 1 / (1 + exp(-x)),
    "log_sigmoid": lambda x: -log1p(exp(-x)),
    "softplus": lambda x: log1p(exp(x)),
    "log_cosh": lambda x: log(cosh(x)),
    "log_2cosh": lambda x: log(2 * cosh(x)),
}
negative = {"log1m_exp": lambda x: log(-expm1(x))}
probability = {
    "logit": lambda p: log(p / (1 - p)),
    "bernoulli_entropy": lambda p: -p * log(p) - (1 - p) * log(1 - p),
}

rows = []


def add(name, arguments, value):
    rows.append("\t".join([name, ",".join(repr(a) for a in arguments), nstr(value, 50)]))


magnitudes = [10.0**k for k in range(-12, 3, 2)] + [0.3, 0.6931471805599453, 2.0, 5.0, 18.0, 36.7, 40.0, 300.0, 700.0]
magnitudes += [random.uniform(0, 4) for _ in range(15)] + [random.uniform(4, 740) for _ in range(5)]
for name, f in functions.items():
    for x in [0.0] + magnitudes + [-m for m in magnitudes]:
        if name == "log_cosh" and x == 0.0:
            continue
        add(name, [x], f(mpf(x)))
for name, f in negative.items():
    for m in magnitudes:
        add(name, [-m], f(mpf(-m)))
small = [1e-300, 1e-100, 1e-20, 1e-10, 1e-3, 0.01, 0.2, 0.25, 0.45, 0.499, 0.49991, 0.49999999999, 0.5]
for name, f in probability.items():
    for p in small + [1.0 - p for p in small[3:]] + [random.random() for _ in range(20)]:
        if not (name == "logit" and p == 0.5):
            add(name, [p], f(mpf(p)))

sets = [[0.0], [-3.5], [0.0, 0.0], [1e-9, -1e-9], [0.0, -40.0], [-40.0, 0.0, -41.0], [1e4, 1e4 - 1], [-1e4, -1e4 - 30]]
sets += [[random.gauss(mean, spread) for _ in range(n)] for mean, spread, n in
         [(0, 1, 2), (0, 1, 20), (-5, 1e-8, 20), (700, 5, 10), (-2000, 200, 10), (3, 30, 30), (1e-12, 1e-12, 7)]]
sets += [[-log(mpf(2)).__float__()] * 2, [float(log(mpf(1) / 7))] * 7]
for values in sets:
    terms = [exp(mpf(x)) for x in values]
    add("log_sum_exp", values, log(fsum(terms)))
    if fsum(terms) != len(terms):
        add("log_mean_exp", values, log(fsum(terms) / len(terms)))
    if len(values) == 2:
        add("log_add_exp", values, log(fsum(terms)))

Path(__file__).with_name("math.tsv").write_text("\n".join(rows) + "\n")
