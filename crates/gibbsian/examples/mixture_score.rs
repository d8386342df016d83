//! Score and Hessian of a mixture of normals in closed form.
//!
//! With the posterior `r_k(x)` of the components and their scores `s_k(x) = Σ_k⁻¹ (μ_k − x)`,
//!
//! `s = Σ_k r_k s_k`, `∇² log p = Σ_k r_k (s_k s_kᵀ − Σ_k⁻¹) − s sᵀ`.
//!
//! `cargo run -p gibbsian --example mixture_score`
//!
//! prints both at a point between two components, and the divergence, which is the trace of the Hessian.

#![allow(clippy::print_stdout)]

use gibbsian::ndarray::{Array2, Axis, array};
use gibbsian::prelude::*;

/// Computes score and Hessian and holds them to the formula with inverses that are written down by hand.
pub fn main() -> Result<()> {
    let covariances = array![[[1.0, 0.5], [0.5, 1.0]], [[0.5, 0.0], [0.0, 2.0]]];
    let means = array![[0.0, 0.0], [2.0, 1.0]];
    let mixture = GaussianMixture::new(array![0.4, 0.6], means.clone(), Covariances::Full(covariances))?;

    let x = array![[1.0, 0.5]];
    let (score, hessian) = (mixture.score(x.view()), mixture.hessian(x.view()));

    let precisions = [
        array![[4.0 / 3.0, -2.0 / 3.0], [-2.0 / 3.0, 4.0 / 3.0]],
        array![[2.0, 0.0], [0.0, 0.5]],
    ];
    let posterior = mixture.posterior(x.view());
    let mut mean_score = Array2::zeros((1, 2));
    let mut expected = Array2::<f64>::zeros((2, 2));
    for (k, precision) in precisions.iter().enumerate() {
        let s_k = (&means.row(k) - &x).dot(precision);
        expected = expected + posterior[[0, k]] * (s_k.t().dot(&s_k) - precision);
        mean_score = mean_score + posterior[[0, k]] * s_k;
    }
    expected = expected - mean_score.t().dot(&mean_score);

    println!("posterior of the components {posterior:.6}");
    println!("score {score:.6}\nHessian {:.6}", hessian.index_axis(Axis(0), 0));
    for (a, b) in score.iter().zip(&mean_score).chain(hessian.iter().zip(&expected)) {
        assert!((a - b).abs() < 1e-14, "{a} is not {b}");
    }

    let divergence = mixture.divergence(x.view())[0];
    println!("divergence {divergence:.6}");
    assert!((divergence - (expected[[0, 0]] + expected[[1, 1]])).abs() < 1e-14);
    Ok(())
}
