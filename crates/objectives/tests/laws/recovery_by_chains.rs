//! Training with chains ends where it should: at the maximum of the likelihood on listed spins, also with fast weights beside the model's own.
//!
//! Every gradient is one draw, independent of the others because chains forget where they were, and stochastic approximation with the best gain ends with the error of the mean of all draws. That error is
//! known: the variance of a draw from closed forms, or measured where there are none. Normal laws by chains of Langevin steps are in `recovery_by_langevin`. (The chains of the replay buffer and the short ones on listed spins are in `replay` and `short_run`.)

use crate::common::{approximate, draws, energy_derivatives, fisher, inverse, model};
use gibbsian_core::{Objective, Parametric, ParametricMut, Seed};
use gibbsian_objectives::{
    ContrastiveDivergence, FastPersistentContrastiveDivergence, FastWeights, PersistentContrastiveDivergence,
    UnbiasedContrastiveDivergence, Window,
};
use gibbsian_testkit::audit::Audit;
use gibbsian_testkit::stats::{FALSE_ALARM, family, z_test};
use gibbsian_testkit::targets::{Pairwise, Sweep};
use ndarray::{Array1, Array2, ArrayView2, Axis};

const N_STEPS: usize = 300;
/// Sweeps that forget where a chain was (see the persistent chains).
const FORGETTING: usize = 20;

/// The maximum of the likelihood of `x`, where the model has the means of the data.
fn most_likely(x: ArrayView2<f64>) -> Pairwise {
    let mut fitted = model();
    for _ in 0..20 {
        let audit = Audit::new(&fitted).unwrap();
        let expected = audit.pi.dot(&energy_derivatives(&fitted, audit.states.view()));
        let seen = energy_derivatives(&fitted, x).mean_axis(Axis(0)).unwrap();
        let change = inverse(&fisher(&fitted)).dot(&(seen - expected));
        fitted.set_params((fitted.params() - change).view()).unwrap();
    }
    fitted
}

/// A training whose end is known: stochastic approximation from `start` with this gain ends at `target`, with the error of the mean of `n_steps` gradients of this covariance.
pub struct Training {
    pub start: Array1<f64>,
    pub target: Array1<f64>,
    pub gain: Array2<f64>,
    pub covariance: Array2<f64>,
    pub n_steps: usize,
}

impl Training {
    /// From half of the parameters on.
    pub fn from_half(target: Array1<f64>, gain: Array2<f64>, covariance: Array2<f64>) -> Self {
        let start = &target * 0.5;
        Training {
            start,
            target,
            gain,
            covariance,
            n_steps: N_STEPS,
        }
    }

    /// The covariance of where it ends.
    pub fn spread(&self) -> Array2<f64> {
        self.gain.dot(&self.covariance).dot(&self.gain.t()) / self.n_steps as f64
    }

    /// Trains a model of this kind, tests where it ends, and returns it.
    pub fn ends<M: ParametricMut + Clone>(
        &self,
        name: &str,
        mut objective: impl Objective<M>,
        model: &M,
        x: ArrayView2<f64>,
    ) -> M {
        let mut fitted = model.clone();
        fitted.set_params(self.start.view()).unwrap();
        let rng = &mut Seed::new(3).rng();
        approximate(&mut objective, &mut fitted, x, &self.gain, self.n_steps, rng);
        let spread = self.spread();
        let tests: Vec<_> = (0..self.target.len())
            .map(|i| {
                let (start, target, error) = (self.start[i], self.target[i], spread[[i, i]].sqrt());
                // Where it began is far away.
                assert!(
                    (start - target).abs() > 3.0 * error,
                    "{name}, parameter {i}: {error}"
                );
                let name = format!("{name}, parameter {i}");
                z_test(&name, fitted.params()[i], target, error)
            })
            .collect();
        family(&tests, FALSE_ALARM).unwrap();
        fitted
    }
}

#[test]
fn spins_end_at_the_maximum_of_the_likelihood() {
    const N: usize = 400;
    let law = Audit::new(&model()).unwrap();
    let x = draws(&law, N, &mut Seed::new(1).rng());
    let x = x.view();
    let target = most_likely(x);
    let information = fisher(&target);
    let gain = inverse(&information);
    // One chain for every row, at rest when it is looked at.
    let covariance = &information / N as f64;
    let training = Training::from_half(target.params(), gain.clone(), covariance);
    let divergence = ContrastiveDivergence::new(Sweep::Forward, FORGETTING).unwrap();
    training.ends("CD", divergence, &target, x);
    let chains = || Array2::ones((N, 3));
    let persistent = PersistentContrastiveDivergence::new(Sweep::Forward, FORGETTING, chains()).unwrap();
    training.ends("PCD", persistent, &target, x);

    // Fast weights see the gradient `g = H(δ + φ) + η` of a model that is `δ` away from the maximum, so their recurrence sums to `(1 − ρ) Σφ = −ε_f Σg` but for the last of them, and the pull of the
    // slow weights is weaker by the factor `(I + κH)⁻¹` with `κ = ε_f/(1 − ρ)`. The gain makes up for it, and what is left is the error without them. The variance of `φ`, at most `ε_f² H/N (1 − ρ²)⁻¹`, is 0.001
    // here, and half of it times a third cumulant a tenth of the error. With the wrong sign they would grow as `(ρ + ε_f H)^t`.
    let settings = FastWeights {
        rate: 0.4,
        decay: 0.8,
    };
    let kappa = settings.rate / (1.0 - settings.decay);
    let fast =
        FastPersistentContrastiveDivergence::new(Sweep::Forward, FORGETTING, chains(), settings).unwrap();
    let training = Training {
        start: target.params() * 0.8,
        gain: &gain + &(Array2::<f64>::eye(6) * kappa),
        // Seen through the gain, the spread of the maximum itself.
        covariance: {
            let through = inverse(&(Array2::<f64>::eye(6) + &information * kappa));
            through.dot(&information).dot(&through) / N as f64
        },
        ..training
    };
    training.ends("fast weights", fast, &target, x);

    // What coupled chains give in few sweeps has a variance of its own, which is measured at the target.
    let coupled = || {
        let window = Window::new(2, 5);
        UnbiasedContrastiveDivergence::new(Sweep::Forward, window).unwrap()
    };
    let covariance = covariance_of(coupled(), &target, x);
    let training = Training::from_half(target.params(), gain, covariance);
    training.ends("coupled chains", coupled(), &target, x);
}

/// The covariance of the gradients of many calls.
pub fn covariance_of<M: Parametric>(
    mut objective: impl Objective<M>,
    model: &M,
    x: ArrayView2<f64>,
) -> Array2<f64> {
    const N_CALLS: usize = 400;
    let mut gradients = Array2::zeros((N_CALLS, model.n_params()));
    for (k, grad) in gradients.rows_mut().into_iter().enumerate() {
        let rng = &mut Seed::new(2).nth(k as u64).rng();
        objective.loss_and_grad_into(model, x, rng, grad).unwrap();
    }
    gradients -= &gradients.mean_axis(Axis(0)).unwrap();
    gradients.t().dot(&gradients) / (N_CALLS - 1) as f64
}
