//! Score matching of a machine with Gaussian visible units: objectives of one crate on a model of another.

use gibbsian_classical::{Bernoulli, Gaussian, Rbm};
use gibbsian_core::{Density, Energy, Objective, Parametric, ScoreJvp, Seed, Streams};
use gibbsian_objectives::{DenoisingScoreMatching, ImplicitScoreMatching};
use gibbsian_testkit::conformance;
use gibbsian_testkit::differences::Precision;
use gibbsian_testkit::stats::{FALSE_ALARM, family, mean};
use ndarray::{Array1, Array2, Axis, array};

fn machine() -> Rbm<Gaussian, Bernoulli> {
    let visible = Gaussian::new(array![0.3, -0.5], array![1.4, 0.9]).unwrap();
    let hidden = Bernoulli::new(array![0.2, -0.4, 0.1]).unwrap();
    Rbm::new(visible, hidden, array![[0.9, -0.6, 0.4], [0.3, 0.8, -1.1]]).unwrap()
}

/// Exact draws: hidden states from their marginal law, visible units given them.
fn draws(n: usize, seed: Seed) -> Array2<f64> {
    use gibbsian_core::Discrete;
    use rand::RngExt;
    let transposed = machine().transposed();
    let states = transposed.states().unwrap();
    let log_z = machine().log_z_over_hidden().unwrap();
    let p = transposed.energy(states.view()).mapv(|f| (-f - log_z).exp());
    let mut rng = seed.child("hidden").rng();
    let mut h = Array2::zeros((n, 3));
    for mut row in h.rows_mut() {
        let mut u: f64 = rng.random();
        let mut state = 0;
        while state + 1 < p.len() && u >= p[state] {
            u -= p[state];
            state += 1;
        }
        row.assign(&states.row(state));
    }
    machine().sample_visible(h.view(), Streams::from_key(seed.child("visible").value()))
}

#[test]
fn the_objectives_obey_their_laws_on_the_machine() {
    let x = draws(6, Seed::new(1));
    let denoising = || DenoisingScoreMatching::new(0.5).unwrap();
    conformance::objective(|| ImplicitScoreMatching, &machine(), x.view(), Seed::new(2)).unwrap();
    conformance::objective(denoising, &machine(), x.view(), Seed::new(3)).unwrap();
    const DOUBLE: Precision = Precision::DOUBLE;
    conformance::objective_gradient(
        || ImplicitScoreMatching,
        &mut machine(),
        x.view(),
        DOUBLE,
        Seed::new(4),
    )
    .unwrap();
    conformance::objective_gradient(denoising, &mut machine(), x.view(), DOUBLE, Seed::new(5)).unwrap();
}

/// At the machine that drew the data the expected gradient is zero (Hyvärinen 2005, theorem 2), and `E[tr J] = −E‖s‖²`.
#[test]
fn the_gradient_vanishes_at_the_machine_that_drew_the_data() {
    let (machine, n_batches) = (machine(), 400);
    let mut gradients = Array2::zeros((n_batches, machine.n_params()));
    let mut traces = Vec::new();
    for (k, row) in gradients.rows_mut().into_iter().enumerate() {
        let x = draws(100, Seed::new(6).nth(k as u64));
        ImplicitScoreMatching
            .loss_and_grad_into(&machine, x.view(), &mut Seed::new(1).rng(), row)
            .unwrap();
        let score = gibbsian_core::Score::score(&machine, x.view());
        let squares = (&score * &score).sum_axis(Axis(1));
        traces.push((machine.divergence(x.view()) + squares).mean().unwrap());
    }
    let mut tests: Vec<_> = gradients
        .columns()
        .into_iter()
        .enumerate()
        .map(|(k, column)| mean(&machine.layout().locate(k), &column.to_vec(), 0.0))
        .collect();
    tests.push(mean("tr J + s²", &traces, 0.0));
    family(&tests, FALSE_ALARM).unwrap();
    // The gradient is not zero for lack of data: elsewhere it is not.
    let mut grad = Array1::zeros(machine.n_params());
    let other = draws(100, Seed::new(7)) * 1.5;
    ImplicitScoreMatching
        .loss_and_grad_into(&machine, other.view(), &mut Seed::new(1).rng(), grad.view_mut())
        .unwrap();
    assert!(grad.iter().any(|g| g.abs() > 0.1), "{grad}");
}

/// A normal law is a machine without couplings; both agree on its energy.
#[test]
fn without_couplings_the_machine_is_normal() {
    let visible = Gaussian::with_moments(array![1.0].view(), array![4.0].view()).unwrap();
    let rbm = Rbm::new(visible, Bernoulli::unbiased(1), Array2::zeros((1, 1))).unwrap();
    let normal = gibbsian_densities::Normal::new(1.0, 2.0).unwrap();
    let x = array![[-2.0], [0.3], [5.0]];
    let log_z = rbm.log_z_over_hidden().unwrap();
    for (machine, exact) in rbm.energy(x.view()).iter().zip(&normal.log_density(x.view())) {
        assert!((-machine - log_z - exact).abs() < 1e-14);
    }
}
