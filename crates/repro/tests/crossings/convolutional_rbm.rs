//! A convolutional machine under the objectives of any energy: its exact likelihood, contrastive divergence by its block Gibbs chain, and score matching of real pictures.

use gibbsian_classical::{Bernoulli, Boundary, ConvolutionalRbm, Gaussian, Repeated};
use gibbsian_core::{Discrete, Energy, Objective, Parametric, ParametricMut, Seed};
use gibbsian_objectives::{
    ContrastiveDivergence, ExactLikelihood, ImplicitScoreMatching, PersistentContrastiveDivergence,
};
use gibbsian_samplers::Gibbs;
use gibbsian_testkit::audit::Audit;
use gibbsian_testkit::conformance;
use gibbsian_testkit::differences::Precision;
use gibbsian_testkit::stats::{FALSE_ALARM, family, mean};
use ndarray::{Array1, Array2, Array4, array, s};
use rand::RngExt;

const DOUBLE: Precision = Precision::DOUBLE;

fn filters(n_channels: usize) -> Array4<f64> {
    let numbers = [0.9, -0.7, 0.4, 1.1, -0.3, 0.6, -1.2, 0.2];
    let mut n = 0;
    Array4::from_shape_simple_fn((2, 1, n_channels, 2), || {
        n += 1;
        numbers[n % numbers.len()]
    })
}

/// Eight pixels on a torus, two filters of two pixels.
fn machine() -> ConvolutionalRbm {
    ConvolutionalRbm::binary(
        [4, 2],
        array![0.3],
        array![-0.2, 0.5],
        filters(1),
        Boundary::Periodic,
    )
    .unwrap()
}

/// Pictures with a column of ones.
fn data() -> Array2<f64> {
    array![
        [1.0, 0.0, 1.0, 0.0, 1.0, 0.0, 1.0, 0.0],
        [0.0, 1.0, 0.0, 1.0, 0.0, 1.0, 0.0, 1.0],
        [1.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0, 0.0],
    ]
}

#[test]
fn the_objectives_obey_their_laws_on_the_machine() {
    let mut machine = machine();
    let (x, seed) = (data(), Seed::new(1));
    conformance::objective(|| ExactLikelihood, &machine, x.view(), seed).unwrap();
    conformance::objective_gradient(|| ExactLikelihood, &mut machine, x.view(), DOUBLE, seed).unwrap();
    let divergence = || ContrastiveDivergence::new(Gibbs, 2).unwrap();
    conformance::objective(divergence, &machine, x.view(), seed).unwrap();
    let visible = Repeated::new(Gaussian::new(array![0.3, -0.5], array![1.4, 0.9]).unwrap(), 3).unwrap();
    let hidden = Repeated::new(Bernoulli::new(array![0.2, -0.4]).unwrap(), 2).unwrap();
    let mut real = ConvolutionalRbm::new([3, 1], visible, hidden, filters(2), Boundary::Open).unwrap();
    let x = Array2::from_shape_fn((4, 6), |(b, i)| ((5 * b + 3 * i) % 7) as f64 / 2.0 - 1.4);
    conformance::objective_gradient(|| ImplicitScoreMatching, &mut real, x.view(), DOUBLE, seed).unwrap();
}

/// Chains that start at exact draws stay exact, so that their gradient is that of the likelihood in the mean.
#[test]
fn persistent_chains_at_exact_draws_have_the_likelihood_gradient_in_the_mean() {
    const N_CHAINS: usize = 64;
    const N_RUNS: u64 = 400;
    let (machine, x) = (machine(), data());
    let audit = Audit::new(&machine).unwrap();
    let mut exact = Array1::zeros(machine.n_params());
    ExactLikelihood
        .loss_and_grad_into(&machine, x.view(), &mut Seed::new(1).rng(), exact.view_mut())
        .unwrap();
    let mut draws: Vec<Array1<f64>> = Vec::new();
    for run in 0..N_RUNS {
        let mut rng = Seed::new(2).nth(run).rng();
        let mut start = Array2::zeros((N_CHAINS, 8));
        for mut row in start.rows_mut() {
            let mut u: f64 = rng.random();
            let mut state = 0;
            while state + 1 < audit.pi.len() && u >= audit.pi[state] {
                u -= audit.pi[state];
                state += 1;
            }
            row.assign(&audit.states.row(state));
        }
        let mut objective =
            PersistentContrastiveDivergence::<_, ConvolutionalRbm>::new(Gibbs, 1, start).unwrap();
        let mut grad = Array1::zeros(machine.n_params());
        objective
            .loss_and_grad_into(&machine, x.view(), &mut rng, grad.view_mut())
            .unwrap();
        draws.push(grad);
    }
    let tests: Vec<_> = (0..machine.n_params())
        .map(|k| {
            let sample: Vec<f64> = draws.iter().map(|d| d[k]).collect();
            mean(&machine.layout().locate(k), &sample, exact[k])
        })
        .collect();
    family(&tests, FALSE_ALARM).unwrap();
}

/// The likelihood that the dense machine has after as many steps with its own gradient cannot be told from translations; this one's must rise at every small step.
#[test]
fn descent_on_the_likelihood_raises_it() {
    let (mut machine, x) = (machine(), data());
    let mut grad = Array1::zeros(machine.n_params());
    let mut before = f64::INFINITY;
    for _ in 0..40 {
        let loss = ExactLikelihood
            .loss_and_grad_into(&machine, x.view(), &mut Seed::new(1).rng(), grad.view_mut())
            .unwrap();
        assert!(loss < before, "{loss} after {before}");
        before = loss;
        machine
            .set_params((machine.params() - 0.05 * &grad).view())
            .unwrap();
    }
    // All translations of a picture on a torus are as likely as it is.
    let shifted = array![[0.0, 0.0, 1.0, 0.0, 1.0, 0.0, 1.0, 0.0]];
    let energies = [
        machine.energy(x.slice(s![2..3, ..])),
        machine.energy(shifted.view()),
    ];
    assert!((energies[0][0] - energies[1][0]).abs() < 1e-13);
    assert_eq!(machine.n_states(), Some(256));
}
