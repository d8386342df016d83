"""Numbers that know the sum of the terms that made them.

Every rounding of a formula that is evaluated step by step reaches the result with a factor; `terms` is the sum of the absolute values of all intermediate results,
each times its factor, to first order. No method that rounds each of them once can promise better than some epsilons of it.
"""

from mpmath import cos, exp, log, mpf, sin


class Term:
    def __init__(self, value, terms=0):
        self.value, self.terms = mpf(value), mpf(terms)

    def __add__(self, other):
        other = as_term(other)
        return Term(self.value + other.value, self.terms + other.terms + abs(self.value + other.value))

    def __sub__(self, other):
        return self + -as_term(other)

    def __neg__(self):
        return Term(-self.value, self.terms)

    def __mul__(self, other):
        other = as_term(other)
        product = self.value * other.value
        return Term(product, abs(product) + abs(self.value) * other.terms + abs(other.value) * self.terms)

    def __truediv__(self, other):
        other = as_term(other)
        quotient = self.value / other.value
        return Term(quotient, abs(quotient) + (self.terms + abs(quotient) * other.terms) / abs(other.value))

    __radd__ = __add__
    __rmul__ = __mul__

    def __rsub__(self, other):
        return -self + other

    def exp(self):
        e = exp(self.value)
        return Term(e, e * (1 + self.terms))

    def log(self):
        return Term(log(self.value), abs(log(self.value)) + self.terms / abs(self.value))

    def cos(self):
        return Term(cos(self.value), abs(cos(self.value)) + abs(sin(self.value)) * self.terms)

    def sin(self):
        return Term(sin(self.value), abs(sin(self.value)) + abs(cos(self.value)) * self.terms)


def as_term(value):
    return value if isinstance(value, Term) else Term(value)


def rounded(value):
    """A number that is known to one rounding."""
    return Term(value, abs(value))


def mixture(parts):
    """log p and its gradient from those of the parts, weights included: lists of (Term, [Term, ...])."""
    top = max(l.value for l, _ in parts)
    shares = [exp(l.value - top) for l, _ in parts]
    total = sum(shares)
    shares = [share / total for share in shares]
    value = top + log(total)
    terms = sum(r * l.terms for r, (l, _) in zip(shares, parts)) + abs(log(total)) + abs(value)
    gradient = []
    for i in range(len(parts[0][1])):
        mean = sum(r * g[i].value for r, (_, g) in zip(shares, parts))
        spread = sum(r * (g[i].terms + abs(g[i].value - mean) * (1 + l.terms)) for r, (l, g) in zip(shares, parts))
        gradient.append(Term(mean, spread))
    return Term(value, terms), gradient


def row(x, value, gradient):
    """A row of a table."""
    return x, value.value, value.terms, [g.value for g in gradient], [g.terms for g in gradient]
