"""exp of doubles, written to exp.tsv: argument, value rounded to a double, and what the rounding left off.

    python3 -P exp.py    (-P: not to take math.py of this directory for Python's own)
"""

import random
from pathlib import Path

from mpmath import exp, log, mp, mpf

mp.dps = 60
random.seed(20240701)
half_ln2 = float(log(2) / 2)
points = [s * 2.0**-k for k in range(0, 60, 4) for s in (-1, 1)] + [1.0, -745.13, -744.44, -720.0, -708.5, -708.3, 709.78, 700.0]
points += [random.uniform(-half_ln2, half_ln2) for _ in range(900)] + [random.uniform(-708, 709) for _ in range(900)]
points += [(k + 0.5) * 2 * half_ln2 * (1 + random.uniform(-1e-3, 1e-3)) for k in range(-150, 150)]
rows = []
for x in points:
    value = exp(mpf(x))
    rows.append(f"{x!r}\t{float(value)!r}\t{float(value - mpf(float(value)))!r}")
Path(__file__).with_name("exp.tsv").write_text("\n".join(rows) + "\n")
