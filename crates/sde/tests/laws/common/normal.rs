//! Normal data with any covariance in the plane, under a process.

use gibbsian_core::{LinearGaussian, Space, TimeScore, TimeScoreJvp};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, ArrayViewMut2};

/// `N(μ, V diag(λ) Vᵀ)` with `V` a rotation, noised: `s = −V diag(1/c) Vᵀ (x − αμ)`, `c = α² λ + σ²`.
#[derive(Clone)]
pub struct NoisedNormal<P> {
    pub process: P,
    pub mean: Array1<f64>,
    pub angle: f64,
    pub eigenvalues: [f64; 2],
}

impl<P: LinearGaussian> NoisedNormal<P> {
    /// `c` at time `t`.
    pub fn variances(&self, t: f64) -> [f64; 2] {
        let (alpha, variance) = (self.process.alpha(t), self.process.variance(t));
        self.eigenvalues.map(|l| alpha * alpha * l + variance)
    }

    /// `V diag(values) Vᵀ`.
    pub fn matrix(&self, values: [f64; 2]) -> Array2<f64> {
        let (sin, cos) = self.angle.sin_cos();
        let rotation = ndarray::array![[cos, -sin], [sin, cos]];
        rotation
            .dot(&Array2::from_diag(&Array1::from(values.to_vec())))
            .dot(&rotation.t())
    }
}

impl<P: LinearGaussian> Space for NoisedNormal<P> {
    fn dim(&self) -> usize {
        2
    }
}

impl<P: LinearGaussian> TimeScore for NoisedNormal<P> {
    fn score_at_into(&self, x: ArrayView2<f64>, t: ArrayView1<f64>, mut out: ArrayViewMut2<f64>) {
        // What belongs to a time is computed once for rows of the same.
        let at = |t: f64| {
            (
                self.process.alpha(t),
                self.matrix(self.variances(t).map(|c| 1.0 / c)),
            )
        };
        let mut known = (f64::NAN, at(f64::NAN));
        for ((x, &t), mut out) in x.rows().into_iter().zip(t).zip(out.rows_mut()) {
            if known.0 != t {
                known = (t, at(t));
            }
            let (alpha, precision) = &known.1;
            let centred = [0, 1].map(|i| x[i] - alpha * self.mean[i]);
            for i in 0..2 {
                out[i] = -(precision[[i, 0]] * centred[0] + precision[[i, 1]] * centred[1]);
            }
        }
    }
}

impl<P: LinearGaussian> TimeScoreJvp for NoisedNormal<P> {
    fn score_jvp_at_into(
        &self,
        x: ArrayView2<f64>,
        t: ArrayView1<f64>,
        v: ArrayView2<f64>,
        score: ArrayViewMut2<f64>,
        mut jvp: ArrayViewMut2<f64>,
    ) {
        self.score_at_into(x, t, score);
        for ((v, &t), mut jvp) in v.rows().into_iter().zip(t).zip(jvp.rows_mut()) {
            let precision = self.matrix(self.variances(t).map(|c| 1.0 / c));
            jvp.assign(&-precision.dot(&v));
        }
    }
}
