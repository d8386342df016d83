//! The law of Langevin chains on the line through both modes, by quadrature.
//!
//! Both components have the same round covariance at every noise level, so along `u = (x + y)/√2`, the direction from mode to mode, the score depends on `u`
//! alone, and the chain in `u` is a chain of its own: `u' = u + ε s(u) + √(2ε) z`. Its density obeys
//!
//! `p'(u') = ∫ N(u'; u + ε s(u), 2ε) p(u) du`,
//!
//! which the trapezoidal rule integrates to rounding when its step is a quarter of the deviation `√(2ε)`: the error of the rule for a normal density of
//! deviation τ on a step h is `2 exp(−2π² τ²/h²)`. No random number is involved.

use super::TwoModes;

/// Kernels are cut where a normal density is below 1e-17 of its top.
const REACH: f64 = 9.0;
/// Grid steps to a deviation of the kernel.
const POINTS_A_DEVIATION: f64 = 4.0;

/// A density on equidistant points.
pub struct LineLaw {
    first: f64,
    step: f64,
    density: Vec<f64>,
}

impl LineLaw {
    /// The sum over √2 of two uniform coordinates on `[−half_side, half_side]`: a triangle.
    pub fn of_uniform_square(half_side: f64) -> Self {
        // The kinks at the top and the ends lie on points; what is left is O(h²).
        const N: i32 = 4_000;
        let reach = half_side * std::f64::consts::SQRT_2;
        let step = reach / f64::from(N);
        LineLaw {
            first: -reach,
            step,
            density: (-N..=N)
                .map(|k| (reach - f64::from(k).abs() * step) / (reach * reach))
                .collect(),
        }
    }

    /// The law after `n_steps` steps of length `epsilon` at one noise level.
    pub fn after(self, modes: &TwoModes, noise_level: f64, epsilon: f64, n_steps: usize) -> Self {
        let deviation = (2.0 * epsilon).sqrt();
        let step = deviation / POINTS_A_DEVIATION;
        // Far enough for what is there and for what the level wants.
        let wanted = modes.distance() + 8.0 * modes.variance(noise_level).sqrt();
        let reach = wanted.max(-self.first + REACH * deviation);
        let n = (reach / step).ceil();
        let grid = Grid {
            first: -n * step,
            step,
            len: 2 * n as usize + 1,
        };
        let mut law = Transition::new(&self.grid(), &grid, modes, noise_level, epsilon).apply(&self);
        let within = Transition::new(&grid, &grid, modes, noise_level, epsilon);
        for _ in 1..n_steps {
            law = within.apply(&law);
        }
        law
    }

    /// The probability of points above `threshold`; the cell that it cuts counts in proportion.
    pub fn mass_above(&self, threshold: f64) -> f64 {
        let weights = self.density.iter().enumerate().map(|(i, p)| {
            let upper = self.first + (i as f64 + 0.5) * self.step;
            p * (upper - threshold).clamp(0.0, self.step)
        });
        weights.sum::<f64>() / self.total()
    }

    /// The integral of the density: one, up to what rounding and cutting took.
    pub fn total(&self) -> f64 {
        self.density.iter().sum::<f64>() * self.step
    }

    /// Points and densities, every `stride`-th.
    pub fn points(&self, stride: usize) -> Vec<(f64, f64)> {
        let all = self.density.iter().enumerate();
        all.step_by(stride)
            .map(|(i, p)| (self.first + i as f64 * self.step, *p))
            .collect()
    }

    fn grid(&self) -> Grid {
        Grid {
            first: self.first,
            step: self.step,
            len: self.density.len(),
        }
    }
}

/// Equidistant points.
struct Grid {
    first: f64,
    step: f64,
    len: usize,
}

/// One step from the points of one grid to those of another: for each source the targets in reach and their densities.
struct Transition {
    rows: Vec<(usize, Vec<f64>)>,
    to_first: f64,
    to_step: f64,
    to_len: usize,
}

impl Transition {
    fn new(from: &Grid, to: &Grid, modes: &TwoModes, noise_level: f64, epsilon: f64) -> Self {
        let deviation = (2.0 * epsilon).sqrt();
        let top = from.step / (deviation * std::f64::consts::TAU.sqrt());
        let rows = (0..from.len).map(|i| {
            let u = from.first + i as f64 * from.step;
            let centre = u + epsilon * modes.score_on_line(u, noise_level);
            let index = |v: f64| ((v - to.first) / to.step).clamp(0.0, to.len as f64);
            let start = index(centre - REACH * deviation).ceil() as usize;
            let end = index(centre + REACH * deviation).floor() as usize;
            let weight = |j: usize| {
                let z = (to.first + j as f64 * to.step - centre) / deviation;
                top * (-0.5 * z * z).exp()
            };
            (start, (start..end.max(start)).map(weight).collect())
        });
        Transition {
            rows: rows.collect(),
            to_first: to.first,
            to_step: to.step,
            to_len: to.len,
        }
    }

    fn apply(&self, law: &LineLaw) -> LineLaw {
        let mut density = vec![0.0; self.to_len];
        for (p, (start, weights)) in law.density.iter().zip(&self.rows) {
            for (out, weight) in density.iter_mut().skip(*start).zip(weights) {
                *out += p * weight;
            }
        }
        LineLaw {
            first: self.to_first,
            step: self.to_step,
            density,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_component_has_the_variance_of_the_recursion() {
        // With equal means the mixture is N(0, 1): v' = (1 − ε)² v + 2ε.
        let modes = TwoModes::new(0.0, false);
        let mut variance = 2.0 * 64.0 / 3.0 / 2.0;
        let law = LineLaw::of_uniform_square(8.0).after(&modes, 1.0, 0.1, 30);
        for _ in 0..30 {
            variance = 0.9_f64.powi(2) * variance + 0.2;
        }
        let found: f64 = law.points(1).iter().map(|(u, p)| u * u * p).sum::<f64>() * law.step;
        assert!((found - variance).abs() < 1e-6, "{found} instead of {variance}");
        assert!((law.total() - 1.0).abs() < 1e-6);
        assert!((law.mass_above(0.0) - 0.5).abs() < 1e-9);
    }
}
