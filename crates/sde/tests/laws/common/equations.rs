//! Ordinary equations whose solutions are known.

use gibbsian_core::Space;
use gibbsian_sde::Ode;
use ndarray::{Array2, ArrayView1, ArrayView2, ArrayViewMut2, array};

/// `x' = x cos t` and `y' = y (1 − y)`: one that depends on time, one that is not linear.
pub struct Pair;

impl Pair {
    /// The points from which the tests start, at time 0.
    pub fn start() -> Array2<f64> {
        array![[1.0, 0.2], [-2.0, 0.9], [0.5, 1.5]]
    }

    /// Where they are at time `t`: `x e^{sin t}`, and `1/(1 + (1/y − 1) e^{−t})`.
    pub fn exact(start: &Array2<f64>, t: f64) -> Array2<f64> {
        let mut out = start.clone();
        for mut row in out.rows_mut() {
            row[0] *= t.sin().exp();
            row[1] = 1.0 / (1.0 + (1.0 / row[1] - 1.0) * (-t).exp());
        }
        out
    }
}

impl Space for Pair {
    fn dim(&self) -> usize {
        2
    }
}

impl Ode for Pair {
    fn velocity_into(&self, x: ArrayView2<f64>, t: ArrayView1<f64>, mut out: ArrayViewMut2<f64>) {
        for ((x, t), mut out) in x.rows().into_iter().zip(t).zip(out.rows_mut()) {
            out[0] = x[0] * t.cos();
            out[1] = x[1] * (1.0 - x[1]);
        }
    }
}

/// `x' = ω y`, `y' = −ω x` with `ω = 2 + cos t`: turns by `2t + sin t`.
pub struct Turning;

impl Turning {
    pub fn exact(start: &Array2<f64>, t: f64) -> Array2<f64> {
        let (sin, cos) = (2.0 * t + t.sin()).sin_cos();
        start.dot(&array![[cos, -sin], [sin, cos]])
    }
}

impl Space for Turning {
    fn dim(&self) -> usize {
        2
    }
}

impl Ode for Turning {
    fn velocity_into(&self, x: ArrayView2<f64>, t: ArrayView1<f64>, mut out: ArrayViewMut2<f64>) {
        for ((x, t), mut out) in x.rows().into_iter().zip(t).zip(out.rows_mut()) {
            let rate = 2.0 + t.cos();
            out[0] = rate * x[1];
            out[1] = -rate * x[0];
        }
    }
}

/// An equation by a function of one row.
pub struct By<F> {
    pub dim: usize,
    pub velocity: F,
}

impl<F: Sync> Space for By<F> {
    fn dim(&self) -> usize {
        self.dim
    }
}

impl<F: Fn(&[f64], f64, &mut [f64]) + Sync> Ode for By<F> {
    fn velocity_into(&self, x: ArrayView2<f64>, t: ArrayView1<f64>, mut out: ArrayViewMut2<f64>) {
        let mut value = vec![0.0; self.dim];
        for ((x, t), mut out) in x.rows().into_iter().zip(t).zip(out.rows_mut()) {
            (self.velocity)(&x.to_vec(), *t, &mut value);
            out.assign(&ArrayView1::from(&value));
        }
    }
}

/// The largest difference.
pub fn distance(a: &Array2<f64>, b: &Array2<f64>) -> f64 {
    (a - b).iter().fold(0.0, |most: f64, e| {
        if e.is_nan() || e.abs() > most {
            e.abs()
        } else {
            most
        }
    })
}
