//! Deep belief networks against enumeration.

use gibbsian_classical::Dbn;
use gibbsian_core::math::log_sum_exp;
use gibbsian_core::{Discrete, Energy, Seed};
use gibbsian_testkit::agreement::close;
use gibbsian_testkit::stats::{FALSE_ALARM, chi_square, family};
use ndarray::{Array1, Array2, ArrayView1, Axis, array};

use crate::machines::{rbm, states_of};

/// Networks of one, two and three hidden layers.
fn networks() -> [Dbn; 3] {
    [
        Dbn::new(rbm(3, 2, 1.2, 80), vec![]).unwrap(),
        Dbn::new(rbm(3, 2, 1.2, 81), vec![rbm(2, 3, 1.2, 82)]).unwrap(),
        Dbn::new(rbm(3, 2, 1.2, 83), vec![rbm(2, 3, 1.2, 84), rbm(3, 2, 1.2, 85)]).unwrap(),
    ]
}

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

/// `p(x)` of independent units that are on with these probabilities.
fn independent(on: impl Iterator<Item = f64>, x: ArrayView1<f64>) -> f64 {
    on.zip(x)
        .map(|(p, x)| if *x == 1.0 { p } else { 1.0 - p })
        .product()
}

/// `p(v)`, the bound, and the variance of an importance weight `p(v, h)/q(h | v)` relative to `p(v)²`, by their definitions: products of sigmoids, and a top pair normalised by summing over both its layers.
fn by_definition(dbn: &Dbn, v: ArrayView1<f64>) -> (f64, f64, f64) {
    let Some(top) = dbn.upper().last() else {
        let rbm = dbn.bottom();
        let p = (-rbm.energy(v.insert_axis(Axis(0)))[0] - rbm.log_z().unwrap()).exp();
        return (p, p.ln(), 0.0);
    };
    let lower = states_of(top.visible());
    let log_joint = |h: ArrayView1<f64>| {
        let terms: Vec<f64> = states_of(top.hidden())
            .rows()
            .into_iter()
            .map(|g| {
                let field = h.dot(&top.weights().dot(&g));
                field + h.dot(&top.visible().bias()) + g.dot(&top.hidden().bias())
            })
            .collect();
        log_sum_exp(&terms)
    };
    let log_z = log_sum_exp(&lower.rows().into_iter().map(log_joint).collect::<Vec<_>>());
    let directed: Vec<_> = std::iter::once(dbn.bottom().clone())
        .chain(dbn.upper().iter().cloned())
        .take(dbn.depth() - 1)
        .collect();
    // All paths upwards, with p(… | hˡ) and q(hˡ | …).
    let mut paths = vec![(v.to_owned(), 1.0, 1.0)];
    for rbm in &directed {
        let mut next = Vec::new();
        for (x, p, q) in &paths {
            for h in states_of(rbm.hidden()).rows() {
                let down = (rbm.weights().dot(&h) + rbm.visible().bias()).mapv(sigmoid);
                let up = (x.dot(&rbm.weights()) + rbm.hidden().bias()).mapv(sigmoid);
                let (down, up) = (
                    independent(down.into_iter(), x.view()),
                    independent(up.into_iter(), h),
                );
                next.push((h.to_owned(), p * down, q * up));
            }
        }
        paths = next;
    }
    let joint: Vec<f64> = paths
        .iter()
        .map(|(h, p, _)| p * (log_joint(h.view()) - log_z).exp())
        .collect();
    let bound = paths
        .iter()
        .zip(&joint)
        .map(|((_, _, q), joint)| q * (joint / q).ln())
        .sum();
    let p: f64 = joint.iter().sum();
    let squares = paths
        .iter()
        .zip(&joint)
        .map(|((_, _, q), joint)| joint * joint / q);
    (p, bound, squares.sum::<f64>() / (p * p) - 1.0)
}

#[test]
fn probabilities_and_bounds_are_what_enumeration_says() {
    for dbn in networks() {
        let v = states_of(dbn.bottom().visible());
        let (found, bound) = (
            dbn.log_probability(v.view()).unwrap(),
            dbn.exact_bound(v.view()).unwrap(),
        );
        let expected: Vec<_> = v.rows().into_iter().map(|v| by_definition(&dbn, v)).collect();
        let log_p: Array1<f64> = expected.iter().map(|(p, ..)| p.ln()).collect();
        let bounds: Array1<f64> = expected.iter().map(|(_, b, _)| *b).collect();
        close("log p(v)", &found, &log_p, 1e-12).unwrap();
        close("bound", &bound, &bounds, 1e-12).unwrap();
        assert!((found.mapv(f64::exp).sum() - 1.0).abs() < 1e-13);
        assert!((&found - &bound).iter().all(|gap| *gap >= -1e-13));
    }
}

#[test]
fn a_reversed_machine_on_top_changes_nothing_and_makes_the_bound_tight() {
    let bottom = rbm(4, 3, 1.5, 86);
    let v = bottom.states().unwrap();
    let expected = bottom.energy(v.view()).mapv(|f| -f) - bottom.log_z().unwrap();
    let deeper = Dbn::new(bottom.clone(), vec![bottom.transposed()]).unwrap();
    close(
        "log p(v)",
        &deeper.log_probability(v.view()).unwrap(),
        &expected,
        1e-13,
    )
    .unwrap();
    close("bound", &deeper.exact_bound(v.view()).unwrap(), &expected, 1e-13).unwrap();
}

#[test]
fn the_estimated_bound_is_unbiased_with_the_error_it_says() {
    let mut rng = Seed::new(87).rng();
    for dbn in networks() {
        let v = states_of(dbn.bottom().visible());
        let log_z = match dbn.upper().last() {
            None => dbn.bottom().log_z().unwrap(),
            Some(top) => top.log_z().unwrap(),
        };
        let estimate = dbn.bound(v.view(), 4_000, &mut rng).unwrap();
        let exact = dbn.exact_bound(v.view()).unwrap() + log_z;
        let log_p = dbn.log_probability(v.view()).unwrap() + log_z;
        for b in 0..v.nrows() {
            let error = estimate.standard_error[b].max(1e-13);
            // Twice 24 comparisons at 5.5 standard errors: two false alarms in a million runs.
            assert!((estimate.bound[b] - exact[b]).abs() < 5.5 * error);
            // The mean weight is unbiased for p(v), with the error that its variance says; its logarithm is never below the plain mean.
            assert!(estimate.importance_weighted[b] >= estimate.bound[b] - 1e-12);
            let relative = (by_definition(&dbn, v.row(b)).2.max(0.0) / 4_000.0).sqrt();
            let off = (estimate.importance_weighted[b] - log_p[b]).exp_m1();
            assert!(off.abs() < 5.5 * relative + 1e-12, "{off} against {relative}");
        }
    }
    let dbn = &networks()[1];
    let refused = dbn
        .bound(array![[0.0, 1.0, 0.0]].view(), 1, &mut rng)
        .unwrap_err();
    assert_eq!(refused.to_string(), "`n_draws` is 1, but must be at least 2");
    assert!(
        dbn.bound(array![[0.0, f64::NAN, 0.0]].view(), 10, &mut rng)
            .is_err()
    );
}

#[test]
fn generated_rows_have_the_law_of_the_network() {
    const N: usize = 40_000;
    let mut tests = Vec::new();
    for (k, dbn) in networks().into_iter().enumerate() {
        let v = states_of(dbn.bottom().visible());
        let p = dbn.log_probability(v.view()).unwrap().mapv(f64::exp);
        // The pair on top has at most 64 states and couplings of order one: 200 sweeps are many times its memory.
        let drawn = dbn.generate(N, 200, &mut Seed::new(88).nth(k as u64).rng());
        let mut counts = vec![0u64; v.nrows()];
        for row in drawn.rows() {
            counts[row.iter().rev().fold(0, |n, bit| 2 * n + *bit as usize)] += 1;
        }
        tests.push(chi_square(
            &format!("{} layers", dbn.depth()),
            &counts,
            &p.to_vec(),
        ));
    }
    family(&tests, FALSE_ALARM).unwrap();
}

#[test]
fn recognition_passes_are_means_and_draws_of_the_stack() {
    let dbn = &networks()[2];
    let v = states_of(dbn.bottom().visible());
    let features = dbn.features(v.view()).unwrap();
    assert_eq!(features.len(), 3);
    assert_eq!(features[0], dbn.bottom().hidden_mean(v.view()));
    assert_eq!(features[2], dbn.upper()[1].hidden_mean(features[1].view()));
    let many = Array2::from_shape_fn((20_000, 3), |(_, i)| v[[5, i]]);
    let drawn = dbn.recognise(many.view(), &mut Seed::new(89).rng()).unwrap();
    assert_eq!(drawn.len(), 2);
    let mean = drawn[0].mean_axis(Axis(0)).unwrap();
    for (found, expected) in mean.iter().zip(features[0].row(5)) {
        let error = (expected * (1.0 - expected) / 20_000.0).sqrt();
        assert!((found - expected).abs() < 5.5 * error);
    }
    assert!(Dbn::new(rbm(3, 2, 1.0, 1), vec![rbm(3, 2, 1.0, 1)]).is_err());
    assert!(dbn.features(array![[2.0, 0.0, 0.0]].view()).is_err());
    assert!(
        Dbn::new(rbm(3, 30, 1.0, 1), vec![rbm(30, 2, 1.0, 1)])
            .unwrap()
            .log_probability(v.view())
            .is_err()
    );
}
