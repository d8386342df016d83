//! The weights of a polynomial through known values in the integral over a step.

/// The most values that a polynomial goes through: three old ones and that at the predicted point.
pub(super) const MAX_VALUES: usize = 4;

/// The mean of the polynomial through values `x̂_j` under the density `e^{ℓ}` of a step, as weights of the values; they add up to one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Weights {
    weights: [f64; MAX_VALUES],
    n: usize,
}

impl Weights {
    /// All weight on the newest value.
    pub(super) fn constant() -> Self {
        Weights {
            weights: [1.0, 0.0, 0.0, 0.0],
            n: 1,
        }
    }

    /// For values at `levels`, over the step from the level `start` of this length.
    pub(super) fn new(levels: &[f64], start: f64, length: f64) -> Self {
        let n = levels.len();
        let node = |j: usize| (levels[j] - start) / length;
        let moments = moments(length);
        let mut weights = [0.0; MAX_VALUES];
        for (j, weight) in weights[..n].iter_mut().enumerate() {
            // Lagrange's polynomial of value j, by its coefficients, the constant one first.
            let mut polynomial = [1.0, 0.0, 0.0, 0.0];
            for m in (0..n).filter(|&m| m != j) {
                let scale = 1.0 / (node(j) - node(m));
                for k in (0..MAX_VALUES).rev() {
                    let lower = if k == 0 { 0.0 } else { polynomial[k - 1] };
                    polynomial[k] = scale * (lower - node(m) * polynomial[k]);
                }
            }
            *weight = polynomial.iter().zip(moments).map(|(c, moment)| c * moment).sum();
        }
        Weights { weights, n }
    }

    pub(super) fn each(&self) -> impl Iterator<Item = f64> + '_ {
        self.weights[..self.n].iter().copied()
    }
}

/// `∫₀¹ e^{hr} r^k dr / ∫₀¹ e^{hr} dr` for `k` from 0 to 3: the moments of the place in a step of length `h`.
pub(super) fn moments(h: f64) -> [f64; MAX_VALUES] {
    // ∫₀¹ e^{h(r − 1)} r^k dr. By parts it is (1 − k I_{k−1})/h, which loses digits in short steps; there the series k! Σ_j (−h)^j/(k + 1 + j)! is quick.
    let mut integrals = [0.0; MAX_VALUES];
    integrals[0] = if h == 0.0 { 1.0 } else { -(-h).exp_m1() / h };
    for k in 1..MAX_VALUES {
        integrals[k] = if h.abs() < 1.0 {
            let (mut term, mut sum) = (1.0 / (k as f64 + 1.0), 0.0);
            for j in 1..=24 {
                sum += term;
                term *= -h / (k + 1 + j) as f64;
            }
            sum
        } else {
            (1.0 - k as f64 * integrals[k - 1]) / h
        };
    }
    integrals.map(|integral| integral / integrals[0])
}
