//! Logistic regression on quadratic features: the classifier that sees means, variances and correlations.
//!
//! Coordinates are brought to mean 0 and variance 1 on the training points; features are `1`, `z_i` and `z_i z_j`, `i ≤ j`. Between two normal laws
//! the logarithm of the ratio of densities is such a polynomial, so that nothing is better there. The weights minimise
//!
//! `Σ log(1 + exp(∓ w·f)) + ½ λ |w|²`, the intercept free,
//!
//! which is strictly convex: Newton's method with step halving finds the only minimum. It costs `O(N p²)` a step for the
//! `p = (D + 1)(D + 2)/2` features.
//!
//! Source: Hastie, Tibshirani and Friedman (2009), "The elements of statistical learning", section 4.4.1.

use gibbsian_core::Result;
use gibbsian_core::error::check_positive;
use gibbsian_core::math::{sigmoid, softplus};
use gibbsian_linalg::{Cholesky, matmul};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis};

use super::classifier::Classifier;

/// Newton steps before giving up on the last digits; ten are usual.
const MOST_STEPS: usize = 100;

/// Logistic regression on quadratic features of standardised coordinates.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct QuadraticLogistic {
    ridge: f64,
}

impl QuadraticLogistic {
    /// With the penalty `½ λ |w|²` on all weights but the intercept.
    ///
    /// # Errors
    /// `λ` not positive and finite; without a penalty separable points have no minimum.
    pub fn new(ridge: f64) -> Result<Self> {
        Ok(QuadraticLogistic {
            ridge: check_positive("ridge", ridge)?,
        })
    }
}

impl Default for QuadraticLogistic {
    /// `λ = 1`.
    fn default() -> Self {
        QuadraticLogistic { ridge: 1.0 }
    }
}

impl Classifier for QuadraticLogistic {
    fn probabilities(
        &self,
        train: ArrayView2<f64>,
        is_y: &[bool],
        test: ArrayView2<f64>,
    ) -> Result<Vec<f64>> {
        let mean = train.sum_axis(Axis(0)) / train.nrows() as f64;
        let scale = train
            .std_axis(Axis(0), 0.0)
            .mapv(|sd| if sd > 0.0 { sd } else { 1.0 });
        let features = |x: ArrayView2<f64>| quadratic(((&x - &mean) / &scale).view());
        let weights = fit(features(train).view(), is_y, self.ridge)?;
        Ok(features(test).dot(&weights).iter().map(|&t| sigmoid(t)).collect())
    }
}

/// `1`, `z_i` and `z_i z_j` of each row.
fn quadratic(z: ArrayView2<f64>) -> Array2<f64> {
    let dim = z.ncols();
    let mut features = Array2::ones((z.nrows(), (dim + 1) * (dim + 2) / 2));
    for (z, mut f) in z.rows().into_iter().zip(features.rows_mut()) {
        let mut k = 1;
        for i in 0..dim {
            f[k] = z[i];
            k += 1;
        }
        for i in 0..dim {
            for j in i..dim {
                f[k] = z[i] * z[j];
                k += 1;
            }
        }
    }
    features
}

/// The weights that minimise the penalised loss.
fn fit(features: ArrayView2<f64>, is_y: &[bool], ridge: f64) -> Result<Array1<f64>> {
    let penalty = Array1::from_shape_fn(features.ncols(), |k| if k == 0 { 0.0 } else { ridge });
    let signs: Array1<f64> = is_y.iter().map(|&y| if y { 1.0 } else { -1.0 }).collect();
    let loss = |w: &Array1<f64>| {
        let margins = features.dot(w) * &signs;
        margins.iter().map(|t| softplus(-t)).sum::<f64>() + 0.5 * penalised(w.view(), &penalty)
    };
    let mut w = Array1::zeros(features.ncols());
    let mut current = loss(&w);
    for _ in 0..MOST_STEPS {
        let margins = features.dot(&w) * &signs;
        let wrong = margins.mapv(|t| sigmoid(-t));
        let gradient = &penalty * &w - features.t().dot(&(&wrong * &signs));
        // σ(t) σ(−t), kept above zero so that a separated direction does not lose its pivot.
        let curvature = margins.mapv(|t| (sigmoid(t) * sigmoid(-t)).max(1e-12));
        let weighted = &features * &curvature.insert_axis(Axis(1));
        let mut hessian = matmul(features.t(), weighted.view());
        hessian.diag_mut().scaled_add(1.0, &penalty);
        let hessian = 0.5 * (&hessian + &hessian.t());
        let step = Cholesky::new("hessian", hessian.view())?.solve_vector(gradient.view());
        let decrement = gradient.dot(&step);
        let mut length = 1.0;
        let mut next = &w - &step;
        while loss(&next) > current && length > 1e-8 {
            length *= 0.5;
            next = &w - &(length * &step);
        }
        w = next;
        current = loss(&w);
        // Half the decrement is what the loss is above its minimum, and it falls quadratically.
        if decrement <= 1e-20 * (1.0 + current) {
            break;
        }
    }
    Ok(w)
}

/// `Σ λ_k w_k²`.
fn penalised(w: ArrayView1<f64>, penalty: &Array1<f64>) -> f64 {
    w.iter().zip(penalty).map(|(w, p)| p * w * w).sum()
}
