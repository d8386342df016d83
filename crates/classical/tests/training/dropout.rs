//! Dropout of hidden units: the objective against listing all patterns and states, and contrastive divergence against the exact law of its chains.

use gibbsian_classical::{DropoutContrastiveDivergence, EnumeratedDropout, EnumeratedLikelihood, Rbm, Spin};
use gibbsian_core::math::log_sum_exp;
use gibbsian_core::{Discrete, FiniteUnits, Objective, Parametric, Seed};
use gibbsian_testkit::conformance;
use gibbsian_testkit::differences::Precision;
use gibbsian_testkit::stats::{FALSE_ALARM, family, mean};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, array, s};

use crate::common::{binary_states, machine};
use crate::support::distance;

const RETENTION: f64 = 0.7;

fn evaluate<M: Parametric>(
    objective: &mut impl Objective<M>,
    model: &M,
    x: ArrayView2<f64>,
    seed: Seed,
) -> Array1<f64> {
    let mut grad = Array1::zeros(model.n_params());
    let loss = objective
        .loss_and_grad_into(model, x, &mut seed.rng(), grad.view_mut())
        .unwrap();
    grad.into_iter().chain([loss]).collect()
}

/// The probability of a pattern.
fn probability(r: ArrayView1<f64>) -> f64 {
    r.iter()
        .map(|r| if *r == 1.0 { RETENTION } else { 1.0 - RETENTION })
        .product()
}

/// `log p(v, h | r)` for all `v` and those `h` that `r` allows, from the definition.
fn log_joint(rbm: &Rbm, r: ArrayView1<f64>) -> (Array2<f64>, Array2<f64>, Array2<f64>) {
    let (n_visible, n_hidden) = rbm.weights().dim();
    let (v, h) = (binary_states(n_visible), binary_states(n_hidden));
    let allowed: Vec<usize> = (0..h.nrows())
        .filter(|k| h.row(*k).iter().zip(r).all(|(h, r)| h <= r))
        .collect();
    let h = h.select(ndarray::Axis(0), &allowed);
    let mut log_p = Array2::from_shape_fn((v.nrows(), h.nrows()), |(a, b)| {
        let (v, h) = (v.row(a), h.row(b));
        v.dot(&rbm.weights().dot(&h)) + rbm.visible().bias().dot(&v) + rbm.hidden().bias().dot(&h)
    });
    log_p -= log_sum_exp(&log_p.iter().copied().collect::<Vec<_>>());
    (v, h, log_p)
}

/// `−∂/∂θ` of `−v'Wh − b'v − c'h` in the order of the parameters.
fn statistics(v: ArrayView1<f64>, h: ArrayView1<f64>) -> Array1<f64> {
    let outer = v.iter().flat_map(|v| h.iter().map(move |h| v * h));
    outer.chain(v.iter().copied()).chain(h.iter().copied()).collect()
}

/// Rows of `E[statistics | v, r]`, and `p(v | r)`.
fn expected_statistics(rbm: &Rbm, r: ArrayView1<f64>) -> (Array2<f64>, Array1<f64>) {
    let (v, h, log_p) = log_joint(rbm, r);
    let p = log_p.mapv(f64::exp);
    let p_v = p.sum_axis(ndarray::Axis(1));
    let mut expected = Array2::zeros((v.nrows(), rbm.n_params()));
    for (a, v) in v.rows().into_iter().enumerate() {
        for (b, h) in h.rows().into_iter().enumerate() {
            expected
                .row_mut(a)
                .scaled_add(p[[a, b]] / p_v[a], &statistics(v, h));
        }
    }
    (expected, p_v)
}

/// The loss and the gradient from sums over patterns, visible and hidden states.
#[test]
fn the_enumerated_objective_is_its_definition() {
    let rbm = machine(3, 4, 1.2, 0.8, 1);
    let x = binary_states(3).slice(s![1..7;2, ..]).to_owned();
    let rows = [1, 3, 5];
    let (mut loss, mut grad) = (0.0, Array1::zeros(rbm.n_params()));
    for r in binary_states(4).rows() {
        let (expected, p_v) = expected_statistics(&rbm, r);
        let model = p_v.dot(&expected);
        for k in rows {
            loss -= probability(r) * p_v[k].ln() / 3.0;
            grad.scaled_add(probability(r) / 3.0, &(&model - &expected.row(k)));
        }
    }
    let found = evaluate(
        &mut EnumeratedDropout::new(RETENTION).unwrap(),
        &rbm,
        x.view(),
        Seed::new(1),
    );
    let expected: Array1<f64> = grad.into_iter().chain([loss]).collect();
    let error = distance(&found, &expected);
    assert!(error <= 1e-13, "{error:e}");
}

#[test]
fn the_objective_bounds_the_likelihood_of_the_mixture() {
    let rbm = machine(3, 4, 2.0, 0.8, 2);
    let x = binary_states(3);
    let mut mixture = Array1::<f64>::zeros(8);
    for r in binary_states(4).rows() {
        mixture += &(expected_statistics(&rbm, r).1 * probability(r));
    }
    let likelihood = -mixture.mapv(f64::ln).sum() / 8.0;
    let found = evaluate(
        &mut EnumeratedDropout::new(RETENTION).unwrap(),
        &rbm,
        x.view(),
        Seed::new(1),
    );
    let loss = found[found.len() - 1];
    assert!(loss > likelihood + 1e-3, "{loss} beside {likelihood}");
}

#[test]
fn retaining_every_unit_is_the_ordinary_likelihood() {
    let rbm = machine(4, 3, 0.9, 0.6, 3);
    let x = binary_states(4).slice(s![2..9, ..]).to_owned();
    let found = evaluate(
        &mut EnumeratedDropout::new(1.0).unwrap(),
        &rbm,
        x.view(),
        Seed::new(1),
    );
    let expected = evaluate(&mut EnumeratedLikelihood, &rbm, x.view(), Seed::new(1));
    assert!(distance(&found, &expected) <= 1e-14);
}

#[test]
fn the_objectives_obey_the_laws_of_their_trait() {
    let mut rbm = machine(3, 4, 0.9, 0.6, 5);
    let x = binary_states(3).slice(s![1..4, ..]).to_owned();
    let enumerated = || EnumeratedDropout::new(RETENTION).unwrap();
    conformance::objective(enumerated, &rbm, x.view(), Seed::new(1)).unwrap();
    conformance::objective_gradient(enumerated, &mut rbm, x.view(), Precision::DOUBLE, Seed::new(1)).unwrap();
    let sampled = || DropoutContrastiveDivergence::new(RETENTION, 2).unwrap();
    let long = Array2::from_shape_fn((100, 3), |(b, i)| x[[b % 3, i]]);
    conformance::objective(sampled, &rbm, long.view(), Seed::new(2)).unwrap();
    // Other visible units, whose states are not zeros and ones.
    let spins = Spin::new(rbm.visible().bias().to_owned()).unwrap();
    let mut spins = Rbm::new(spins, rbm.hidden().clone(), rbm.weights().to_owned()).unwrap();
    let x = spins.states().unwrap();
    conformance::objective_gradient(enumerated, &mut spins, x.view(), Precision::DOUBLE, Seed::new(3))
        .unwrap();
}

/// The mean gradient of CD-k of one case: `Σ_r p(r) [Σ_v' T_r^k(v → v') E[s | v', r] − E[s | v, r]]`, where `T_r` is the block Gibbs chain of the machine of `r`.
fn expected_gradient(rbm: &Rbm, case: usize, n_steps: usize) -> Array1<f64> {
    let mut grad = Array1::zeros(rbm.n_params());
    for r in binary_states(rbm.weights().ncols()).rows() {
        let (v, h, log_p) = log_joint(rbm, r);
        let p = log_p.mapv(f64::exp);
        let (p_v, p_h) = (p.sum_axis(ndarray::Axis(1)), p.sum_axis(ndarray::Axis(0)));
        let step = Array2::from_shape_fn((v.nrows(), v.nrows()), |(a, c)| {
            (0..h.nrows())
                .map(|b| p[[a, b]] / p_v[a] * p[[c, b]] / p_h[b])
                .sum()
        });
        let (expected, _) = expected_statistics(rbm, r);
        let mut law = Array1::zeros(v.nrows());
        law[case] = 1.0;
        for _ in 0..n_steps {
            law = law.dot(&step);
        }
        grad.scaled_add(probability(r), &(law.dot(&expected) - expected.row(case)));
    }
    grad
}

/// Every entry of the gradient, as a mean over many minibatches of one case.
#[test]
fn contrastive_divergence_has_the_expectation_of_its_patterns_and_chains() {
    const N_CASES: usize = 64;
    const N_CALLS: u64 = 1000;
    let rbm = machine(3, 3, 1.5, 0.8, 7);
    let case = 5;
    let states = binary_states(3);
    let x = Array2::from_shape_fn((N_CASES, 3), |(_, i)| states[[case, i]]);
    let mut tests = Vec::new();
    for n_steps in [1, 3] {
        let mut objective = DropoutContrastiveDivergence::new(RETENTION, n_steps).unwrap();
        let seed = Seed::new(11).child("dropout").nth(n_steps as u64);
        let draws: Vec<Array1<f64>> = (0..N_CALLS)
            .map(|call| evaluate(&mut objective, &rbm, x.view(), seed.nth(call)))
            .collect();
        for (k, expected) in expected_gradient(&rbm, case, n_steps).into_iter().enumerate() {
            let sample: Vec<f64> = draws.iter().map(|d| d[k]).collect();
            tests.push(mean(&format!("entry {k} of CD-{n_steps}"), &sample, expected));
        }
    }
    family(&tests, FALSE_ALARM).unwrap();
}

/// With long chains the expectation is the gradient of the likelihood with dropout.
#[test]
fn long_chains_follow_the_enumerated_objective() {
    let rbm = machine(3, 3, 1.5, 0.8, 7);
    let states = binary_states(3);
    let case = states.slice(s![5..6, ..]);
    let exact = evaluate(
        &mut EnumeratedDropout::new(RETENTION).unwrap(),
        &rbm,
        case,
        Seed::new(1),
    );
    let long = expected_gradient(&rbm, 5, 2000);
    let exact = exact.slice(s![..rbm.n_params()]).to_owned();
    let error = distance(&long, &exact);
    assert!(error <= 1e-12, "{error:e}");
}

#[test]
fn weights_of_rows_count() {
    let rbm = machine(3, 4, 0.9, 0.6, 5);
    let x = binary_states(3).slice(s![1..4, ..]).to_owned();
    let mut objective = DropoutContrastiveDivergence::new(RETENTION, 1).unwrap();
    let mut weighted = |w: Array1<f64>| {
        let mut grad = Array1::zeros(rbm.n_params());
        let mut rng = Seed::new(1).rng();
        objective
            .weighted_loss_and_grad_into(&rbm, x.view(), w.view(), &mut rng, grad.view_mut())
            .map(|_| grad)
    };
    let of_rows = [0, 1, 2].map(|b| {
        let mut w = Array1::zeros(3);
        w[b] = 1.0;
        weighted(w).unwrap()
    });
    let expected = &of_rows[0] * 0.5 + &of_rows[1] * 2.0;
    assert!(distance(&weighted(array![0.5, 2.0, 0.0]).unwrap(), &expected) <= 1e-14);
    assert!(weighted(array![1.0, 1.0]).is_err());
    for bad in [-1.0, f64::NAN, f64::INFINITY] {
        let refusal = weighted(array![1.0, 0.5, bad]).unwrap_err().to_string();
        assert!(refusal.starts_with("`weights[2]` is"), "{refusal}");
    }
    let plain = evaluate(&mut objective, &rbm, x.view(), Seed::new(1));
    let plain = plain.slice(s![..rbm.n_params()]).to_owned();
    assert!(distance(&(&of_rows[0] + &of_rows[1] + &of_rows[2]), &plain) <= 1e-14);
}

#[test]
fn what_is_no_dropout_is_refused() {
    for retention in [0.0, -0.1, 1.1, f64::NAN] {
        let refusal = DropoutContrastiveDivergence::new(retention, 1)
            .unwrap_err()
            .to_string();
        assert!(refusal.starts_with("`retention` is"), "{refusal}");
        assert!(EnumeratedDropout::new(retention).is_err());
    }
    assert!(DropoutContrastiveDivergence::new(0.5, 0).is_err());
    let wide = machine(2, 17, 0.1, 0.1, 1);
    let mut grad = Array1::zeros(wide.n_params());
    let refusal = EnumeratedDropout::new(0.5).unwrap().loss_and_grad_into(
        &wide,
        binary_states(2).view(),
        &mut Seed::new(1).rng(),
        grad.view_mut(),
    );
    assert!(refusal.unwrap_err().to_string().contains("17"));
    assert_eq!(wide.visible().n_states(), Some(4));
}
