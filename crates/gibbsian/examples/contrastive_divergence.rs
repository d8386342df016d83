//! Contrastive divergence beside the exact gradient: what `k` steps from the data leave out.
//!
//! The gradient of the negative log-likelihood is `⟨∂E/∂θ⟩_{p₀} − ⟨∂E/∂θ⟩_p`; CD-k has `p_k = p₀ Pᵏ` in the place of `p`, with the transition matrix `P` of Gibbs sampling. On a small machine all three
//! laws can be listed, so that the bias of CD-k is a number and not a rumour: it decays as the second eigenvalue of `P` to the power `k`.
//!
//! `cargo run -p gibbsian --example contrastive_divergence`
//!
//! prints the relative error of CD-1 … CD-64 and holds the sampled CD-1 gradient to the listed one.

#![allow(clippy::print_stdout)]

use gibbsian::classical::Bernoulli;
use gibbsian::core::TransitionLaw;
use gibbsian::ndarray::{Array1, array};
use gibbsian::objectives::{ContrastiveDivergence, ExactLikelihood};
use gibbsian::prelude::*;
use gibbsian::samplers::Gibbs;

/// Lists, compares, and samples.
pub fn main() -> Result<()> {
    let rbm = Rbm::random(Bernoulli::unbiased(5), Bernoulli::unbiased(4), 1.5, Seed::new(1))?;
    let data = array![[1.0, 1.0, 0.0, 0.0, 1.0], [0.0, 0.0, 1.0, 1.0, 0.0]];
    let mut rng = Seed::new(2).rng();
    let mut exact = Array1::zeros(rbm.n_params());
    ExactLikelihood.loss_and_grad_into(&rbm, data.view(), &mut rng, exact.view_mut())?;

    let states = rbm.states()?;
    let transition = Gibbs.transition_matrix(&rbm, states.view());
    let p_0: Array1<f64> = states
        .rows()
        .into_iter()
        .map(|s| {
            if data.rows().into_iter().any(|x| x == s) {
                0.5
            } else {
                0.0
            }
        })
        .collect();
    let (mut p_k, mut errors, mut cd_1) = (p_0.clone(), Vec::new(), Array1::zeros(rbm.n_params()));
    for k in 1..=64 {
        p_k = p_k.dot(&transition);
        if !usize::is_power_of_two(k) {
            continue;
        }
        let mut grad = Array1::zeros(rbm.n_params());
        rbm.energy_pullback_into(states.view(), (&p_0 - &p_k).view(), grad.view_mut());
        let difference = &grad - &exact;
        errors.push((difference.dot(&difference) / exact.dot(&exact)).sqrt());
        println!("CD-{k:<2} relative error {:.2e}", errors[errors.len() - 1]);
        if k == 1 {
            cd_1 = grad;
        }
    }
    assert!(errors.windows(2).all(|pair| pair[1] < pair[0]));
    assert!(errors[0] > 0.05 && errors[6] < 1e-3);

    // The objective that training uses: 2,000 sampled gradients, whose mean is the listed CD-1 within five standard errors.
    let (mut objective, n) = (ContrastiveDivergence::new(Gibbs, 1)?, 2_000);
    let (mut sum, mut squares, mut grad) = (
        Array1::zeros(rbm.n_params()),
        Array1::zeros(rbm.n_params()),
        exact.clone(),
    );
    for _ in 0..n {
        objective.loss_and_grad_into(&rbm, data.view(), &mut rng, grad.view_mut())?;
        sum += &grad;
        squares += &(&grad * &grad);
    }
    for i in 0..rbm.n_params() {
        let mean: f64 = sum[i] / n as f64;
        let error = ((squares[i] / n as f64 - mean * mean) / n as f64).sqrt();
        assert!(
            (mean - cd_1[i]).abs() <= 5.0 * error + 1e-12,
            "parameter {i}: {mean} and {}",
            cd_1[i]
        );
    }
    Ok(())
}
