//! Mean and covariance of a linear equation after some time.
//!
//! `Φ(h) = e^{A h}` and `Σ(h) = ∫₀ʰ e^{A u} Q e^{Aᵀ u} du` are doubled by
//!
//! `Σ(2h) = Σ(h) + Φ(h) Σ(h) Φ(h)ᵀ`,  `Φ(2h) = Φ(h)²`,
//!
//! from an `h` so small that their power series need 18 terms. Nothing is subtracted: sums are of positive semi-definite matrices, and small variances keep their relative accuracy, also where noise
//! reaches a coordinate only through others. (The block exponential of Van Loan 1978 has `e^{−A b}` in it, which overflows for long times where all that is asked for
//! is finite. Solving the Lyapunov equation and subtracting, `Σ_∞ − Φ Σ_∞ Φᵀ`, cancels for short ones.) Where `A` is stable the doubling converges quadratically to the
//! stationary covariance, and where it is not, shows it.

use gibbsian_linalg::matmul;
use ndarray::{Array2, ArrayView2, Axis};

/// `Φ` and `Σ` after some time.
#[derive(Clone, Debug)]
pub(crate) struct Moments {
    pub(crate) gain: Array2<f64>,
    pub(crate) covariance: Array2<f64>,
}

/// The largest `‖A‖ h` at which the series are used: there the terms of `Σ`, which fall like `(2 ‖A‖ h)^k/(k + 1)!`, are `1/19!` when they end.
const REACH: f64 = 0.5;
const N_TERMS: u32 = 18;

impl Moments {
    /// Those of drift `A` and noise `Q = G Gᵀ` after `time`; NaN where `‖A‖ time` is not finite.
    pub(crate) fn after(drift: ArrayView2<f64>, noise: ArrayView2<f64>, time: f64) -> Self {
        let size = norm(drift) * time.abs();
        if !size.is_finite() {
            let nan = Array2::from_elem(drift.raw_dim(), f64::NAN);
            return Moments {
                gain: nan.clone(),
                covariance: nan,
            };
        }
        let n_doublings = (size / REACH).max(1.0).log2().ceil() as i32;
        let mut moments = Moments::series(drift, noise, time * 0.5_f64.powi(n_doublings));
        for _ in 0..n_doublings {
            moments.double();
        }
        moments
    }

    /// The limit of `Σ`, if `Φ` vanishes.
    pub(crate) fn limit(drift: ArrayView2<f64>, noise: ArrayView2<f64>) -> Option<Array2<f64>> {
        // The slowest rate that is told from zero is that many times smaller than the norm.
        const MOST_DOUBLINGS: usize = 52;
        // What is then left out is the square of this, relative to the whole.
        const FORGOTTEN: f64 = 1e-10;
        let size = norm(drift);
        if size == 0.0 {
            return None;
        }
        let mut moments = Moments::series(drift, noise, REACH / size);
        for _ in 0..MOST_DOUBLINGS {
            moments.double();
            if norm(moments.gain.view()) < FORGOTTEN {
                return Some(moments.covariance);
            }
        }
        None
    }

    /// The power series, by Horner's rule: `Φ = I + A h (I + A h/2 (I + …))`, and with `L C = A C + C Aᵀ`, `Σ = Q h + (h/2) L (Q h + (h/3) L (…))`.
    fn series(drift: ArrayView2<f64>, noise: ArrayView2<f64>, h: f64) -> Self {
        let one = Array2::eye(drift.nrows());
        let fed = &noise * h;
        let (mut gain, mut covariance) = (one.clone(), fed.clone());
        for k in (1..=N_TERMS).rev() {
            gain = &one + &matmul(drift, gain.view()) * (h / f64::from(k));
            let moved = matmul(drift, covariance.view());
            covariance = &fed + &((&moved + &moved.t()) * (h / f64::from(k + 1)));
        }
        Moments { gain, covariance }
    }

    fn double(&mut self) {
        let moved = matmul(
            matmul(self.gain.view(), self.covariance.view()).view(),
            self.gain.t(),
        );
        // Half of both halves, so that it stays symmetric to the last bit.
        self.covariance += &(0.5 * (&moved + &moved.t()));
        self.gain = matmul(self.gain.view(), self.gain.view());
    }
}

/// The largest column sum of absolute values.
fn norm(a: ArrayView2<f64>) -> f64 {
    let sums = a.axis_iter(Axis(1)).map(|column| column.mapv(f64::abs).sum());
    // `max` would drop a NaN.
    sums.fold(
        0.0,
        |most, sum| if sum > most || sum.is_nan() { sum } else { most },
    )
}
