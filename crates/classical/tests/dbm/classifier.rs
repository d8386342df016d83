//! Nets that start as generative models: their definition, gradients, refusals.

use gibbsian_classical::Dbn;
use gibbsian_classical::dbm::discriminative::{CrossEntropy, FeedForward};
use gibbsian_core::{Objective, Parametric, ParametricMut, Seed};
use gibbsian_testkit::agreement::close;
use gibbsian_testkit::conformance;
use gibbsian_testkit::derivatives::parameter_gradient;
use gibbsian_testkit::differences::Precision;
use ndarray::{Array1, Array2, Axis, array, s};

use crate::machines::{machine, normal, rbm, visible_states};

#[test]
fn a_net_starts_as_the_model_that_it_comes_from() {
    let dbm = machine(&[4, 3, 2], 0.9, 90);
    let v = visible_states(&dbm);
    let q = dbm.mean_field(v.view(), 1e-15, 10_000).unwrap();
    let net = FeedForward::from_dbm(&dbm, 3).unwrap();
    let x = FeedForward::with_means(v.view(), &q);
    assert_eq!((net.n_inputs(), net.n_classes()), (6, 3));
    // A head of zeros says nothing.
    let even = Array1::from_elem(3, -(3.0_f64.ln()));
    for row in net.log_probabilities(x.view()).rows() {
        close("even", &row.to_owned(), &even, 1e-15).unwrap();
    }
    // With a head that passes h² on, the net's features are those of mean field, because that has converged.
    let mut params = net.params();
    let n = params.len();
    let head = array![1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0];
    params.slice_mut(s![n - 9..]).assign(&head);
    let mut shown = net.clone();
    shown.set_params(params.view()).unwrap();
    let log_p = shown.log_probabilities(x.view());
    let logits = &log_p - &log_p.slice(s![.., 2..3]);
    close(
        "features",
        &logits.slice(s![.., ..2]).to_owned(),
        &q.means(2).to_owned(),
        1e-13,
    )
    .unwrap();

    let dbn = Dbn::new(rbm(4, 3, 0.9, 91), vec![rbm(3, 2, 0.9, 92)]).unwrap();
    let mut net = FeedForward::from_dbn(&dbn, 3).unwrap();
    let mut params = net.params();
    let n = params.len();
    params.slice_mut(s![n - 9..]).assign(&head);
    net.set_params(params.view()).unwrap();
    let log_p = net.log_probabilities(v.view());
    let logits = &log_p - &log_p.slice(s![.., 2..3]);
    let features = dbn.features(v.view()).unwrap();
    close(
        "features",
        &logits.slice(s![.., ..2]).to_owned(),
        &features[1],
        1e-13,
    )
    .unwrap();
}

#[test]
fn the_gradient_is_that_of_the_loss() {
    let dbm = machine(&[4, 3, 2, 2], 0.9, 93);
    let v = visible_states(&dbm);
    let q = dbm.mean_field(v.view(), 0.0, 3).unwrap();
    let mut net = FeedForward::from_dbm(&dbm, 3).unwrap();
    let params = net.params() + normal(net.n_params(), 0.5, Seed::new(94));
    net.set_params(params.view()).unwrap();
    let labels: Vec<u8> = (0..16).map(|b| (b * 7 % 3) as u8).collect();
    let x = CrossEntropy::rows(FeedForward::with_means(v.view(), &q).view(), &labels, 3).unwrap();
    conformance::objective(|| CrossEntropy, &net, x.view(), Seed::new(95)).unwrap();
    conformance::parametric(&mut net.clone()).unwrap();
    let terms = |net: &FeedForward| -> Array1<f64> {
        let log_p = net.log_probabilities(x.slice(s![.., ..net.n_inputs()]));
        let rows = log_p.axis_iter(Axis(0)).zip(&labels);
        rows.map(|(p, l)| -p[usize::from(*l)] / 16.0).collect()
    };
    let mut grad = Array1::zeros(net.n_params());
    let found = CrossEntropy
        .loss_and_grad_into(&net, x.view(), &mut Seed::new(1).rng(), grad.view_mut())
        .unwrap();
    assert!((found - terms(&net).sum()).abs() < 1e-14);
    parameter_gradient("gradient", &mut net, grad.view(), &terms, Precision::DOUBLE).unwrap();
}

#[test]
fn errors_are_counted_and_nonsense_is_refused() {
    let dbm = machine(&[2, 2], 0.9, 96);
    let v = visible_states(&dbm);
    let mut net = FeedForward::from_dbm(&dbm, 2).unwrap();
    let mut params = Array1::zeros(net.n_params());
    let n = params.len();
    // The head's bias prefers class 1.
    params[n - 1] = 1.0;
    net.set_params(params.view()).unwrap();
    assert_eq!(net.error(v.view(), &[1, 1, 0, 1]), 0.25);
    // What is no number is of no class, the first one not excepted.
    let lost = array![[f64::NAN, 0.0]];
    assert_eq!(
        (0..2).map(|label| net.error(lost.view(), &[label])).sum::<f64>(),
        2.0
    );
    let refused = FeedForward::from_dbm(&dbm, 1).unwrap_err().to_string();
    assert_eq!(refused, "`n_classes` is 1, but must be at least 2");
    assert!(
        CrossEntropy::rows(v.view(), &[0, 1, 2, 0], 2)
            .unwrap_err()
            .to_string()
            .contains("labels[2]")
    );
    assert!(CrossEntropy::rows(v.view(), &[0], 2).is_err());
    let mut rows = CrossEntropy::rows(v.view(), &[0, 1, 1, 0], 2).unwrap();
    rows[[0, 3]] = f64::NAN;
    let mut grad = Array1::zeros(n);
    let mut rng = Seed::new(1).rng();
    assert!(
        CrossEntropy
            .loss_and_grad_into(&net, rows.view(), &mut rng, grad.view_mut())
            .is_err()
    );
}

/// The gradient is that of rows with one class, and the loss of others would be another function.
#[test]
fn rows_of_no_class_or_of_several_are_refused() {
    let net = FeedForward::from_dbm(&machine(&[2, 2], 0.9, 97), 3).unwrap();
    let mut rows = CrossEntropy::rows(array![[0.0, 1.0], [1.0, 1.0]].view(), &[2, 0], 3).unwrap();
    let refused = |rows: &Array2<f64>| {
        let mut grad = Array1::zeros(net.n_params());
        CrossEntropy
            .loss_and_grad_into(&net, rows.view(), &mut Seed::new(1).rng(), grad.view_mut())
            .unwrap_err()
            .to_string()
    };
    rows[[1, 2]] = 0.0;
    assert_eq!(
        refused(&rows),
        "`the sum of the indicators of row 1` is 0, but must be 1: a row has one class"
    );
    rows.slice_mut(s![1, 3..]).fill(1.0);
    assert_eq!(
        refused(&rows),
        "`the sum of the indicators of row 1` is 2, but must be 1: a row has one class"
    );
}

#[test]
fn a_class_that_is_impossible_costs_nothing_where_it_is_not_asked_for() {
    let mut net = FeedForward::from_dbm(&machine(&[2, 2], 0.9, 98), 2).unwrap();
    let mut params = Array1::zeros(net.n_params());
    let n = params.len();
    // The head's biases are further apart than numbers go.
    params.slice_mut(s![n - 2..]).assign(&array![1e308, -1e308]);
    net.set_params(params.view()).unwrap();
    let x = array![[0.0, 1.0]];
    assert_eq!(net.log_probabilities(x.view()), array![[0.0, f64::NEG_INFINITY]]);
    let mut grad = Array1::from_elem(n, f64::NAN);
    let mut loss = |label: u8| {
        let rows = CrossEntropy::rows(x.view(), &[label], 2).unwrap();
        CrossEntropy.loss_and_grad_into(&net, rows.view(), &mut Seed::new(1).rng(), grad.view_mut())
    };
    assert!(loss(1).is_err());
    assert_eq!(loss(0).unwrap(), 0.0);
    assert!(grad.iter().all(|g| *g == 0.0), "{grad}");
}
