//! A machine with its Gibbs chain written out: all visible states, their law, the matrix of one step, and the statistic.

use gibbsian_classical::{Bernoulli, Rbm};
use gibbsian_core::{Discrete, Energy, EnergyPullback, Parametric, Seed, TransitionLaw};
use gibbsian_data::Patterns;
use gibbsian_samplers::Gibbs;
use ndarray::{Array1, Array2, ArrayView1, Axis, array};
use rand::RngExt;
use rand_distr::StandardNormal;

use crate::Result;

/// The visible chain of a machine, enumerated.
pub(super) struct GibbsChain {
    /// All visible states `(S, V)`.
    pub(super) states: Array2<f64>,
    /// The machine's law `π(v)`, `(S)`.
    pub(super) law: Array1<f64>,
    /// `T[i, j]`, the probability of a step from state `i` to state `j`.
    pub(super) transition: Array2<f64>,
    /// `∂F(v)/∂θ`, one row a state.
    pub(super) derivatives: Array2<f64>,
}

impl GibbsChain {
    /// Enumerates the chain of `machine`.
    pub(super) fn new(machine: &Rbm) -> Result<Self> {
        let states = machine.states()?;
        let log_z = machine.log_z()?;
        let law = machine.energy(states.view()).mapv(|f| (-f - log_z).exp());
        let mut derivatives = Array2::zeros((states.nrows(), machine.n_params()));
        for (v, grad) in states.rows().into_iter().zip(derivatives.rows_mut()) {
            machine.energy_pullback_into(v.insert_axis(Axis(0)), array![1.0].view(), grad);
        }
        Ok(GibbsChain {
            transition: Gibbs.transition_matrix(machine, states.view()),
            states,
            law,
            derivatives,
        })
    }

    /// The law of `patterns` on the states of the chain.
    pub(super) fn law_of(&self, patterns: &Patterns) -> Array1<f64> {
        self.states
            .rows()
            .into_iter()
            .map(|v| patterns.probability(v))
            .collect()
    }

    /// The law after `k` steps from `start`.
    pub(super) fn after(&self, start: &Array1<f64>, k: usize) -> Array1<f64> {
        (0..k).fold(start.clone(), |law, _| law.dot(&self.transition))
    }
}

/// A machine with normal weights and biases of these standard deviations.
pub(super) fn random_machine(
    n_visible: usize,
    n_hidden: usize,
    weight_scale: f64,
    bias_scale: f64,
    seed: Seed,
) -> Result<Rbm> {
    let mut rng = seed.child("biases").rng();
    let mut layer = |n: usize| {
        Bernoulli::new(Array1::from_shape_simple_fn(n, || {
            bias_scale * rng.sample::<f64, _>(StandardNormal)
        }))
    };
    Ok(Rbm::random(
        layer(n_visible)?,
        layer(n_hidden)?,
        weight_scale,
        seed,
    )?)
}

/// The Euclidean norm.
pub(super) fn norm(x: ArrayView1<f64>) -> f64 {
    x.dot(&x).sqrt()
}

/// The points of `patterns` as rows, each as often as the smallest probability fits into its own: their empirical law is exactly that of
/// the patterns.
pub(super) fn rows_of(patterns: &Patterns) -> Array2<f64> {
    let probabilities = patterns.probabilities();
    let smallest = probabilities.iter().copied().fold(1.0, f64::min);
    let indices: Vec<usize> = (probabilities.iter().enumerate())
        .flat_map(|(k, p)| std::iter::repeat_n(k, (p / smallest).round() as usize))
        .collect();
    patterns.points().select(Axis(0), &indices)
}

#[cfg(test)]
mod tests {
    use super::*;
    use gibbsian_data::bars_and_stripes;

    #[test]
    fn repeated_rows_have_the_law_of_the_patterns() {
        let patterns = bars_and_stripes(3).unwrap();
        let rows = rows_of(&patterns);
        assert_eq!(rows.nrows(), 16);
        for (point, p) in patterns.points().rows().into_iter().zip(patterns.probabilities()) {
            let count = rows.rows().into_iter().filter(|row| *row == point).count();
            assert_eq!(count as f64 / 16.0, p);
        }
    }

    #[test]
    fn the_enumerated_law_is_normalised_and_rows_of_the_matrix_are_laws() {
        let machine = random_machine(4, 3, 1.0, 0.5, Seed::new(1)).unwrap();
        let chain = GibbsChain::new(&machine).unwrap();
        assert!((chain.law.sum() - 1.0).abs() < 1e-14);
        for row in chain.transition.rows() {
            assert!((row.sum() - 1.0).abs() < 1e-14);
        }
        assert_eq!(chain.law_of(&bars_and_stripes(2).unwrap()).sum(), 1.0);
    }
}
