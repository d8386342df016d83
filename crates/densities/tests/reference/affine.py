"""Log-densities and scores of x = A z + b, with z standard normal.

With z = A^-1 (x - b),

    log p = -1/2 |z|^2 - log |det A| - D/2 log 2 pi,    s = -A^-T z.

Two of its steps are solutions of linear systems. That of A y = c by a method that is stable entry by entry (Gaussian elimination with refinement) has an
error of some epsilons of |A^-1| (|A| |y| + |c|), which takes the place of the terms of a sum; the logarithms of the pivots have errors of
epsilons of the trace of |A^-1| |A|. To first order log p adds up sum_i |z_i| (error of z_i), and s the errors of both solutions.
"""

import random

from mpmath import det, log, matrix, pi

from common import exact, table


def absolute(m):
    return m.apply(abs)


def sets():
    rng = random.Random(2)
    shapes = [(1, 0)] * 5 + [(2, 0)] * 8 + [(3, 0)] * 3 + [(2, 4), (2, 8), (3, 8), (8, 0)]
    for n, spread in shapes:
        a = [[rng.gauss(0, 1) for _ in range(n)] for _ in range(n)]
        scale = [10 ** rng.uniform(-spread, spread) for _ in range(n)]  # rows of very different sizes
        a = [[scale[i] * v for v in row] for i, row in enumerate(a)]
        b = [rng.gauss(0, 1) for _ in range(n)]
        am, bm = matrix(exact(a)), matrix(exact(b))
        inverse = am**-1
        size = absolute(inverse) * absolute(am)
        log_det = log(abs(det(am)))
        rows = []
        for point in range(50):
            z = [rng.gauss(0, 1) if point % 5 else rng.uniform(-40, 40) for _ in range(n)]
            x = [b[i] + sum(a[i][j] * z[j] for j in range(n)) for i in range(n)]
            zm = inverse * (matrix(exact(x)) - bm)
            error = absolute(inverse) * (absolute(am) * absolute(zm) + absolute(matrix(exact(x))) + absolute(bm))
            value = -sum(v * v for v in zm) / 2 - log_det - n * log(2 * pi) / 2
            terms = sum(abs(zm[i]) * error[i] for i in range(n)) + abs(log_det) + n * log(2 * pi) / 2
            terms += sum(size[i, i] for i in range(n))
            score = -(inverse.T * zm)
            score_error = absolute(inverse.T) * (absolute(am.T) * absolute(score) + error)
            rows.append((x, value, terms, list(score), list(score_error)))
        yield {"matrix": a, "offset": b}, rows


if __name__ == "__main__":
    table("affine", sets())
