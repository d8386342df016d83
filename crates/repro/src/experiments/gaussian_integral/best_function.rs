//! The function of bounded slope whose positive image comes nearest to a density.
//!
//! **It is a convex problem for all four maps.** Where `g` has zeros `f ≥ 0` may be assumed, since `|f|` has no larger slope. With `ψ = −p log φ(f) + φ(f)` and the
//! relative curvature `κ` of the map, `ψ'' = ((log φ)')² [(1 + κ) φ − κ p]`, which is not negative because `κ` lies in `[−1, 0]`. The best `f` is found by
//! Newton steps on a logarithmic barrier, to within a stated gap of the global minimum.

use gibbsian_core::{Energy, Space};
use gibbsian_densities::positive::PositiveMap;
use ndarray::{ArrayView2, ArrayViewMut1};

/// Cells of the grid on which `f` is linear.
pub(super) const N_CELLS: usize = 2048;
/// How far from the minimum of the discrete problem the barrier may stop, in nats.
pub(super) const GAP: f64 = 1e-8;

/// The energy `−f` of a function that is linear between equidistant nodes.
#[derive(Clone)]
pub(super) struct PiecewiseLinear {
    pub(super) half_width: f64,
    pub(super) values: Vec<f64>,
}

impl PiecewiseLinear {
    pub(super) fn at(&self, x: f64) -> f64 {
        let cells = (self.values.len() - 1) as f64;
        let position = ((x + self.half_width) / (2.0 * self.half_width) * cells).clamp(0.0, cells);
        let cell = (position as usize).min(self.values.len() - 2);
        let (left, right) = (self.values[cell], self.values[cell + 1]);
        left + (position - cell as f64) * (right - left)
    }
}

impl Space for PiecewiseLinear {
    fn dim(&self) -> usize {
        1
    }
}

impl Energy for PiecewiseLinear {
    fn energy_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut1<f64>) {
        out.zip_mut_with(&x.column(0), |out, &x| *out = -self.at(x));
    }
}

/// The function of slope `L` at most that minimises `D(p ‖ φ(f))` on the grid.
pub(super) fn best(
    log_p: &dyn Fn(f64) -> f64,
    half_width: f64,
    map: &dyn PositiveMap,
    slope: f64,
) -> PiecewiseLinear {
    let h = 2.0 * half_width / N_CELLS as f64;
    let node = |i: usize| h * i as f64 - half_width;
    let problem = Problem {
        map,
        p: (0..=N_CELLS).map(|i| log_p(node(i)).exp()).collect(),
        weights: (0..=N_CELLS)
            .map(|i| if i == 0 || i == N_CELLS { 0.5 * h } else { h })
            .collect(),
        largest_step: slope * h,
        is_positive: map.log_value(0.0) == f64::NEG_INFINITY,
    };
    PiecewiseLinear {
        half_width,
        values: problem.solve(),
    }
}

/// `min Σ_i w_i [φ(f_i) − p_i log φ(f_i)]` over `|f_(i+1) − f_i| ≤ δ`.
struct Problem<'a> {
    map: &'a dyn PositiveMap,
    p: Vec<f64>,
    weights: Vec<f64>,
    largest_step: f64,
    is_positive: bool,
}

impl Problem<'_> {
    /// Newton's method on `t ψ(f) − Σ log(δ² − d²)` for a growing `t` (Boyd and Vandenberghe 2004, section 11.3): at its minimum the objective is within `2n/t` of the
    /// smallest.
    fn solve(&self) -> Vec<f64> {
        let mut f = vec![1.0; self.p.len()];
        let mut t = 1.0;
        let last = 2.0 * (self.p.len() - 1) as f64 / GAP;
        loop {
            for _ in 0..100 {
                if self.newton(&mut f, t) < 1e-3 {
                    break;
                }
            }
            if t >= last {
                return f;
            }
            t = (20.0 * t).min(last);
        }
    }

    /// One damped Newton step; returns the decrement of the objective that the whole step promised.
    fn newton(&self, f: &mut [f64], t: f64) -> f64 {
        let n = f.len();
        let (mut gradient, mut diagonal, mut beside) = (vec![0.0; n], vec![0.0; n], vec![0.0; n]);
        for i in 0..n {
            let (g, s) = (self.map.log_value(f[i]).exp(), self.map.log_slope(f[i]));
            let kappa = self.map.relative_curvature(f[i]);
            let scale = t * self.weights[i];
            gradient[i] += scale * s * (g - self.p[i]);
            diagonal[i] += scale * s * s * ((1.0 + kappa) * g - kappa * self.p[i]);
        }
        for i in 0..n - 1 {
            let d = f[i + 1] - f[i];
            let (above, below) = ((self.largest_step - d).recip(), (self.largest_step + d).recip());
            let (slope, curvature) = (above - below, above * above + below * below);
            gradient[i] -= slope;
            gradient[i + 1] += slope;
            diagonal[i] += curvature;
            diagonal[i + 1] += curvature;
            beside[i] = -curvature;
        }
        let step = solve_tridiagonal(diagonal, &beside, gradient.iter().map(|g| -g).collect());
        let promised: f64 = -gradient.iter().zip(&step).map(|(g, s)| g * s).sum::<f64>();
        let before = self.value(f, t);
        let mut length = 1.0;
        while length > 1e-12 {
            let moved: Vec<f64> = f.iter().zip(&step).map(|(f, s)| f + length * s).collect();
            if self.value(&moved, t) <= before - 0.1 * length * promised {
                f.copy_from_slice(&moved);
                return promised;
            }
            length *= 0.5;
        }
        // Rounding leaves nothing to gain.
        0.0
    }

    /// The objective with its barrier; infinite outside.
    fn value(&self, f: &[f64], t: f64) -> f64 {
        if self.is_positive && f.iter().any(|f| *f <= 0.0) {
            return f64::INFINITY;
        }
        let objective: f64 = (f.iter().zip(&self.p).zip(&self.weights))
            .map(|((f, p), w)| {
                let log_g = self.map.log_value(*f);
                w * (log_g.exp() - p * log_g)
            })
            .sum();
        let barrier: f64 = f
            .windows(2)
            .map(|pair| {
                let d = (pair[1] - pair[0]) / self.largest_step;
                if d.abs() < 1.0 {
                    -((1.0 - d) * (1.0 + d)).ln()
                } else {
                    f64::INFINITY
                }
            })
            .sum();
        t * objective + barrier
    }
}

/// Solves a symmetric positive definite tridiagonal system by elimination.
fn solve_tridiagonal(mut diagonal: Vec<f64>, beside: &[f64], mut b: Vec<f64>) -> Vec<f64> {
    let n = b.len();
    for i in 1..n {
        let factor = beside[i - 1] / diagonal[i - 1];
        diagonal[i] -= factor * beside[i - 1];
        b[i] -= factor * b[i - 1];
    }
    b[n - 1] /= diagonal[n - 1];
    for i in (0..n - 1).rev() {
        b[i] = (b[i] - beside[i] * b[i + 1]) / diagonal[i];
    }
    b
}
