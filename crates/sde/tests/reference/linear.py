"""Transitions of linear equations dX = A X dt + G dB to 40 digits, written to linear.tsv.

Every entry and time is a double, taken exactly. Columns: A, G (rows by semicolons, entries by commas), time, then the gain exp(A t) and the covariance, by the block exponential of
Van Loan (1978) in as many digits as its large numbers need.

    python3 linear.py
"""

from pathlib import Path

from mpmath import expm, matrix, mp, mpf, nstr

CASES = [
    # No symmetry; a phase space under critical and under weak friction; rates that are a thousand times apart; noise that passes through three coordinates; growth.
    ([[-1.0, 2.0, 0.0], [-2.0, -0.5, 0.3], [0.7, 0.0, -0.2]], [[1.0, 0.0], [0.0, 0.0], [0.4, 0.9]], [1e-9, 0.01, 0.3, 1.0, 4.0, 30.0]),
    ([[0.0, 4.0], [-1.0, -4.0]], [[0.0], [1.5]], [1e-12, 1e-6, 1e-3, 0.1, 0.7, 2.0, 10.0]),
    ([[0.0, 4.0], [-1.0, -0.2]], [[0.0], [0.6]], [1e-6, 0.1, 2.0, 40.0]),
    ([[-1000.0, 3.0], [0.5, -1.0]], [[10.0, 0.0], [0.0, 1.0]], [1e-6, 1e-3, 0.1, 1.0]),
    (
        [[0.0, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0], [0.0, 0.0, 0.0, 1.0], [-1.0, -4.0, -6.0, -4.0]],
        [[0.0], [0.0], [0.0], [1.0]],
        [1e-6, 1e-3, 0.1, 1.0, 10.0],
    ),
    ([[0.5, 1.0], [0.0, 0.25]], [[1.0, 0.5], [0.0, 1.0]], [1e-3, 1.0, 8.0]),
]


def text(a):
    return ";".join(",".join(map(repr, row)) for row in a)


def digits(a):
    return ";".join(",".join(nstr(a[i, j], 40) for j in range(a.cols)) for i in range(a.rows))


def main():
    lines = []
    for a, g, times in CASES:
        d = len(a)
        for t in times:
            # Both growth in the blocks and the smallness of indirect variances cost digits.
            mp.dps = 200 + int(max(sum(abs(x) for x in row) for row in a) * t)
            drift, noise, time = matrix(a), matrix(g), mpf(t)
            fed = noise * noise.T
            block = matrix(2 * d, 2 * d)
            for i in range(d):
                for j in range(d):
                    block[i, j] = -drift[i, j] * time
                    block[i, d + j] = fed[i, j] * time
                    block[d + i, d + j] = drift[j, i] * time
            moved = expm(block)
            gain = matrix(d, d)
            upper = matrix(d, d)
            for i in range(d):
                for j in range(d):
                    gain[i, j] = moved[d + j, d + i]
                    upper[i, j] = moved[i, d + j]
            lines.append("\t".join([text(a), text(g), repr(t), digits(gain), digits(gain * upper)]))
    path = Path(__file__).resolve().parent / "linear.tsv"
    path.write_text("\n".join(lines) + "\n")
    print(f"{path.name}: {len(lines)} transitions, {path.stat().st_size // 1024} KiB")


main()
