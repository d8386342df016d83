"""What the generators of reference tables share.

A table is a JSON file beside its generator, one parameter set a line:

    {"density": "gamma", "sets": [
    {"parameters": {"shape": 2.5, "rate": 1.0}, "x": [[0.5], ...],
     "log_density": ["-1.23...", ...], "log_density_terms": [3.4, ...],
     "score": [["0.5..."], ...], "score_terms": [[2.0], ...]},
    ...]}

Parameters and points are doubles, taken exactly. Values have 50 digits. `terms` is the sum of the absolute values of the terms that the
documented formula adds up: where terms cancel, no method that rounds them once can do better than some epsilons of that sum.
`score` is left out where there is none. A table may have further columns: what a value belongs to besides the point, such as a time, and values
of further functions, each with its `_terms`. Generators need mpmath only:

    python3 -m venv .venv && .venv/bin/pip install mpmath
    .venv/bin/python family.py
"""

import json
import sys
from pathlib import Path

from mpmath import mp, mpf, nstr

mp.dps = 120


def exact(value):
    """A double, or a nested list of doubles, as mpf without rounding."""
    return [exact(v) for v in value] if isinstance(value, (list, tuple)) else mpf(float(value))


def total(terms):
    """(sum, sum of absolute values) of an iterable of mpf."""
    terms = [mpf(t) for t in terms]
    return sum(terms, mpf(0)), sum((abs(t) for t in terms), mpf(0))


def digits(value):
    """50 digits, or -inf."""
    return "-inf" if value == mpf("-inf") else nstr(mpf(value), 50, strip_zeros=True)


def four(value):
    """A bound needs four digits."""
    return float(nstr(mpf(value), 4))


def each(function, value):
    """A function of a number, or of every entry of a list."""
    return [function(v) for v in value] if isinstance(value, list) else function(value)


def table(density, sets):
    """Writes the table of `density` beside the running generator.

    `sets` yields (parameters, rows); each row is (x, log density, its terms) or (x, log density, its terms, score, its terms), where x, score and
    its terms are lists with an entry a coordinate. Two dictionaries may follow: of further inputs, doubles or lists of doubles, and of further values,
    each (value, terms) or a pair of lists.
    """
    lines = []
    for parameters, rows in sets:
        entry = {
            "parameters": parameters,
            "x": [[float(v) for v in row[0]] for row in rows],
            "log_density": [digits(row[1]) for row in rows],
            "log_density_terms": [float(row[2]) for row in rows],
        }
        if len(rows[0]) > 3:
            entry["score"] = [[digits(s) for s in row[3]] for row in rows]
            entry["score_terms"] = [[float(t) for t in row[4]] for row in rows]
        if len(rows[0]) > 5:
            for name in rows[0][5]:
                entry[name] = [row[5][name] for row in rows]
            for name in rows[0][6]:
                entry[name] = [each(digits, row[6][name][0]) for row in rows]
                entry[name + "_terms"] = [each(four, row[6][name][1]) for row in rows]
        lines.append(json.dumps(entry, separators=(",", ":")))
    path = Path(sys.argv[0]).resolve().parent / f"{density}.json"
    path.write_text('{"density":"%s","sets":[\n%s\n]}\n' % (density, ",\n".join(lines)))
    print(f"{path.name}: {len(lines)} sets, {path.stat().st_size // 1024} KiB")
