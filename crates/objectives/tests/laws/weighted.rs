//! Rows that count by weights: a weight of two is a row that stands there twice.

use crate::common::{call, data, model};
use gibbsian_core::{Objective, Parametric, Result, Seed, StreamRng};
use gibbsian_objectives::{
    ContrastiveDivergence, ExactLikelihood, PersistentContrastiveDivergence, PseudoLikelihood,
};
use gibbsian_testkit::stats::{FALSE_ALARM, family, z_test};
use gibbsian_testkit::targets::{Pairwise, Sweep};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis, array};

fn weighted(
    objective: &mut impl Objective<Pairwise>,
    x: ArrayView2<f64>,
    w: ArrayView1<f64>,
    rng: &mut StreamRng,
) -> Result<(f64, Array1<f64>)> {
    let model = model();
    let mut grad = Array1::from_elem(model.n_params(), f64::NAN);
    let loss = objective.weighted_loss_and_grad_into(&model, x, w, rng, grad.view_mut())?;
    Ok((loss, grad))
}

/// The data with the second row twice and the last one not at all, and the weights of mean one that say the same.
fn doubled() -> (Array2<f64>, Array1<f64>) {
    (data().select(Axis(0), &[0, 1, 1, 2]), array![1.0, 2.0, 1.0, 0.0])
}

fn close(a: &(f64, Array1<f64>), b: &(f64, Array1<f64>), tolerance: f64) {
    assert!((a.0 - b.0).abs() <= tolerance, "losses {} and {}", a.0, b.0);
    let error = (&a.1 - &b.1).iter().fold(0.0_f64, |m, d| m.max(d.abs()));
    assert!(error <= tolerance, "gradients differ by {error:e}");
}

#[test]
fn in_the_exact_likelihood_a_weight_of_two_is_a_doubled_row_to_rounding() {
    let (rows, w) = doubled();
    let rng = &mut Seed::new(1).rng();
    let expected = call(&mut ExactLikelihood, rows.view(), rng).unwrap();
    let found = weighted(&mut ExactLikelihood, data().view(), w.view(), rng).unwrap();
    close(&found, &expected, 1e-15);
    // A minibatch of other mean weight counts as a whole: all terms in proportion.
    let (loss, grad) = weighted(&mut ExactLikelihood, data().view(), (&w * 3.0).view(), rng).unwrap();
    close(&(loss / 3.0, grad / 3.0), &expected, 1e-15);
}

#[test]
fn equal_weights_are_no_weights_draw_for_draw() {
    let ones = Array1::ones(4);
    let x = data();
    let mut cd = ContrastiveDivergence::new(Sweep::Forward, 2).unwrap();
    let plain = call(&mut cd, x.view(), &mut Seed::new(2).rng()).unwrap();
    let equal = weighted(&mut cd, x.view(), ones.view(), &mut Seed::new(2).rng()).unwrap();
    close(&equal, &plain, 1e-15);
    let pcd = || PersistentContrastiveDivergence::new(Sweep::Forward, 2, Array2::ones((50, 3))).unwrap();
    let plain = call(&mut pcd(), x.view(), &mut Seed::new(2).rng()).unwrap();
    let equal = weighted(&mut pcd(), x.view(), ones.view(), &mut Seed::new(2).rng()).unwrap();
    close(&equal, &plain, 1e-15);
}

#[test]
fn in_persistent_training_a_weight_of_two_is_a_doubled_row_draw_for_draw() {
    let (rows, w) = doubled();
    let pcd = || PersistentContrastiveDivergence::new(Sweep::Forward, 2, Array2::ones((50, 3))).unwrap();
    let expected = call(&mut pcd(), rows.view(), &mut Seed::new(3).rng()).unwrap();
    let found = weighted(&mut pcd(), data().view(), w.view(), &mut Seed::new(3).rng()).unwrap();
    close(&found, &expected, 1e-14);
    let (loss, grad) = weighted(
        &mut pcd(),
        data().view(),
        (&w * 0.5).view(),
        &mut Seed::new(3).rng(),
    )
    .unwrap();
    close(&(2.0 * loss, grad * 2.0), &expected, 1e-14);
}

#[test]
fn in_contrastive_divergence_a_weight_of_two_is_a_doubled_row_in_expectation() {
    const N: usize = 20_000;
    let (rows, w) = doubled();
    let mut cd = ContrastiveDivergence::new(Sweep::Forward, 1).unwrap();
    let mut collect = |weights: Option<&Array1<f64>>, seed: Seed| {
        let mut grads = Array2::zeros((N, 6));
        for (k, mut row) in grads.rows_mut().into_iter().enumerate() {
            let rng = &mut seed.nth(k as u64).rng();
            let (_, grad) = match weights {
                None => call(&mut cd, rows.view(), rng),
                Some(w) => weighted(&mut cd, data().view(), w.view(), rng),
            }
            .unwrap();
            row.assign(&grad);
        }
        grads
    };
    let (a, b) = (collect(None, Seed::new(4)), collect(Some(&w), Seed::new(5)));
    let tests: Vec<_> = (0..6)
        .map(|k| {
            let (a, b) = (a.column(k), b.column(k));
            let error = ((a.var(1.0) + b.var(1.0)) / N as f64).sqrt();
            z_test(
                &format!("derivative {k}"),
                b.mean().unwrap(),
                a.mean().unwrap(),
                error,
            )
        })
        .collect();
    family(&tests, FALSE_ALARM).unwrap();
}

#[test]
fn objectives_that_take_all_rows_alike_refuse_weights_and_others_refuse_bad_ones() {
    let rng = &mut Seed::new(6).rng();
    let x = data();
    let e = weighted(&mut PseudoLikelihood, x.view(), Array1::ones(4).view(), rng).unwrap_err();
    assert_eq!(
        e.to_string(),
        "`weights` is given, but must be absent: this objective takes all rows alike"
    );
    for (w, named) in [
        (array![1.0, 1.0], "`weights` has shape [2]"),
        (array![1.0, 1.0, -1.0, 1.0], "`weights[2]` is -1"),
        (array![1.0, 1.0, 1.0, f64::NAN], "`weights[3]` is NaN"),
    ] {
        let e = weighted(&mut ExactLikelihood, x.view(), w.view(), rng).unwrap_err();
        assert!(e.to_string().contains(named), "{e}");
    }
}
