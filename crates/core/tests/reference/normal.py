"""Pairs of standard normals from pairs of random words, written to normal.tsv.

Columns: the word of the radius, the word of the angle, and for either draw its value rounded to a double and what the rounding left off.
The map is that of src/simd/normal.rs: u = w / 2^64 for the odd w = radius | 1 as a double; the place in the quarter is t = k / 2^52 - 1/2 for
the top 52 bits k of the angle with the last of them set, theta = pi t / 2; bit 0 is the sign of the cosine, bit 1 exchanges the two.

    python3 -P normal.py    (-P: not to take math.py of this directory for Python's own)
"""

import random
from pathlib import Path

from mpmath import cos, log, mp, mpf, pi, sin, sqrt

mp.dps = 60
random.seed(20261126)

ones = 2**64 - 1
radii = [0, 1, 2, ones, ones - 1023, ones - 2047, ones - 4095, 2**63, 2**63 - 1, 13043817825332782212, 13043817825332782213]
radii += [2**k + random.getrandbits(max(k - 1, 1)) for k in range(2, 64, 3)]
radii += [int(2.0**63.5 * 2.0**-k * (1 + random.uniform(-1e-3, 1e-3))) for k in range(0, 60, 7)]
angles = [0, 1, 2, 3, ones, ones - 3, 2**63, 2**63 - 1, 2**62, 3 * 2**62, 2**63 + 2**13, 2**63 - 2**13]
pairs = [(r, random.getrandbits(64)) for r in radii] + [(random.getrandbits(64), a) for a in angles]
pairs += [(random.getrandbits(64), random.getrandbits(64)) for _ in range(700)]
rows = []
for radius, angle in pairs:
    r = sqrt(-2 * log(mpf(float(radius | 1)) / 2**64))
    theta = pi / 2 * (mpf((angle >> 12) | 1) / 2**52 - mpf(1) / 2)
    x, y = r * cos(theta) * (-1) ** (angle & 1), r * sin(theta)
    if angle & 2:
        x, y = y, x
    split = [part for value in (x, y) for part in (float(value), float(value - mpf(float(value))))]
    rows.append("\t".join([str(radius), str(angle)] + [repr(part) for part in split]))
Path(__file__).with_name("normal.tsv").write_text("\n".join(rows) + "\n")
