//! Concrete score matching (Meng, Choi, Song and Ermon 2022): the ratios to neighbouring states, compared by squares.
//!
//! On a finite space the place of `∇ log p` is taken by `c(x)_y = p(y)/p(x) − 1` for the states `y` that differ from `x` in one site. Half the squared error against the scores `c*` of the
//! data, `½ E_data Σ_y (c(x)_y − c*(x)_y)²`, contains the unknown `c*` only in the cross term, in which `p*(x) · p*(y)/p*(x) = p*(y)` turns the average over `x` into one over `y`. Since being
//! neighbours is mutual, up to a constant of the data
//!
//! `L = ⟨Σ_i Σ_{a ≠ x_i} [½ exp(−2 δ_ia) − exp(δ_ia)]⟩_data`,  `δ_ia = E(x with x_i = a) − E(x)`,
//!
//! the discrete counterpart of implicit score matching: the square of the score, and in place of its divergence how probable the case is seen from its neighbours. The error is absolute in a
//! ratio, so it weighs neighbours of rare cases heavily, and the second term needs all changes of the data to stay in the support; [`RatioMatching`](crate::RatioMatching) has
//! neither trouble.

use gibbsian_core::{DiscreteEnergy, EnergyPullback, Objective, Result, Stateless};
use ndarray::{ArrayView2, ArrayViewMut1};
use rand::Rng;

use crate::sites::site_loss_and_grad_into;

/// Half the mean squared error of the ratios to all neighbours, up to a constant of the data, and its exact gradient.
#[derive(Clone, Copy, Debug, Default)]
pub struct ConcreteScoreMatching;

impl<M: DiscreteEnergy + EnergyPullback> Objective<M> for ConcreteScoreMatching {
    fn loss_and_grad_into(
        &mut self,
        model: &M,
        x: ArrayView2<f64>,
        _rng: &mut dyn Rng,
        grad: ArrayViewMut1<f64>,
    ) -> Result<f64> {
        site_loss_and_grad_into(model, x, "in concrete score matching", ell, grad)
    }
}

/// `Σ_a [½ exp(−2δ_a) − exp(δ_a)]` and its slopes.
fn ell(costs: &[f64], slopes: &mut [f64]) -> f64 {
    let mut value = 0.0;
    for (slope, cost) in slopes.iter_mut().zip(costs) {
        let (there, back) = ((-2.0 * cost).exp(), cost.exp());
        value += 0.5 * there - back;
        *slope = -there - back;
    }
    value
}

/// The loss is a function of the minibatch.
impl Stateless for ConcreteScoreMatching {}
