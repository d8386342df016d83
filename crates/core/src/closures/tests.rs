//! Values, signs, forgotten entries, rows with NaN, threads; the laws of the traits are checked where the test kit is, in `gibbsian-samplers`.

use ndarray::{Array1, Array2, array};

use crate::{
    Energy, EnergyPullback, FnEnergy, FnParametricEnergy, FnPotential, FnScore, FnTimeScore, Parametric,
    ParametricMut, Potential, Score, Space, TimeScore,
};

/// `n` points of the plane, different in every row.
fn points(n: usize) -> Array2<f64> {
    Array2::from_shape_fn((n, 2), |(b, i)| (b as f64 * 0.37 + i as f64).sin())
}

#[test]
fn energies_and_log_densities_differ_by_their_sign_alone() {
    let x = points(70);
    let expected = x.map_axis(ndarray::Axis(1), |x| x[0] * x[0] + x[0] * x[1]);
    let gradient = Array2::from_shape_fn((70, 2), |(b, i)| match i {
        0 => 2.0 * x[[b, 0]] + x[[b, 1]],
        _ => x[[b, 0]],
    });
    let by_energy = FnEnergy::new(2, |x| x[0] * x[0] + x[0] * x[1]).unwrap();
    let by_log_density = FnEnergy::from_log_density(2, |x| -(x[0] * x[0] + x[0] * x[1])).unwrap();
    assert_eq!(by_energy.energy(x.view()), expected);
    assert_eq!(by_log_density.energy(x.view()), expected);

    let upwards = FnPotential::new(2, |x, mut g| {
        g.assign(&array![2.0 * x[0] + x[1], x[0]]);
        x[0] * x[0] + x[0] * x[1]
    })
    .unwrap();
    let downwards = FnPotential::from_log_density(2, |x, mut g| {
        g.assign(&array![-2.0 * x[0] - x[1], -x[0]]);
        -(x[0] * x[0] + x[0] * x[1])
    })
    .unwrap();
    let of_both: [&dyn Potential; 2] = [&upwards, &downwards];
    for model in of_both {
        let (mut energy, mut score) = (Array1::zeros(70), Array2::zeros((70, 2)));
        model.energy_and_score_into(x.view(), energy.view_mut(), score.view_mut());
        assert_eq!(energy, expected);
        assert_eq!(score, -&gradient);
        assert_eq!(model.energy(x.view()), expected);
        assert_eq!(model.score(x.view()), -&gradient);
    }
}

#[test]
fn an_entry_that_was_not_written_is_no_number() {
    let x = points(3);
    let forgetful = FnPotential::new(2, |x, mut g| {
        g[0] = x[0];
        0.0
    })
    .unwrap();
    let score = forgetful.score(x.view());
    assert_eq!(score.column(0), -&x.column(0));
    assert!(score.column(1).iter().all(|s| s.is_nan()));

    let forgetful = FnScore::new(2, |_, mut s| s[1] = 1.0).unwrap();
    let score = forgetful.score(x.view());
    assert!(score.rows().into_iter().all(|s| s[0].is_nan() && s[1] == 1.0));

    let forgetful = FnParametricEnergy::new(2, array![1.0, 2.0], |_, _, mut g| {
        g[0] = 1.0;
        0.0
    })
    .unwrap();
    let mut grad = Array1::zeros(2);
    forgetful.energy_pullback_into(x.view(), Array1::ones(3).view(), grad.view_mut());
    assert!(grad[0] == 3.0 && grad[1].is_nan());
}

#[test]
fn rows_with_nan_have_no_value_and_leave_the_others_alone() {
    // The comparison is false for NaN, so the closure alone would call such a point likely.
    let outside = |x: f64| if x < 0.0 { f64::INFINITY } else { 0.0 };
    let x = array![[1.0, 2.0], [f64::NAN, 2.0], [-1.0, 2.0]];
    let energy = FnEnergy::new(2, |x| outside(x[0])).unwrap().energy(x.view());
    assert!(energy[0] == 0.0 && energy[1].is_nan() && energy[2] == f64::INFINITY);

    let model = FnPotential::new(2, |x, mut g| {
        g.fill(1.0);
        outside(x[0])
    })
    .unwrap();
    let (mut energy, mut score) = (Array1::zeros(3), Array2::zeros((3, 2)));
    model.energy_and_score_into(x.view(), energy.view_mut(), score.view_mut());
    assert!(energy[0] == 0.0 && energy[1].is_nan() && energy[2] == f64::INFINITY);
    assert!(score.row(1).iter().all(|s| s.is_nan()));
    assert!(score.row(0).iter().chain(score.row(2)).all(|s| *s == -1.0));

    let in_time = FnTimeScore::new(2, |_, t, mut s| s.fill(t)).unwrap();
    let mut score = Array2::zeros((3, 2));
    in_time.score_at_into(x.view(), array![1.0, 2.0, f64::NAN].view(), score.view_mut());
    assert!(score.row(0).iter().all(|s| *s == 1.0));
    assert!(score.row(1).iter().chain(score.row(2)).all(|s| s.is_nan()));
}

#[test]
fn every_row_is_given_its_own_point_and_time() {
    // More rows than a block holds, in an array whose rows are not contiguous.
    let x = points(100).reversed_axes();
    let x = x.as_standard_layout().into_owned();
    let x = x.t();
    let t = Array1::from_shape_fn(100, |b| b as f64);
    let model = FnTimeScore::new(2, |x, t, mut s| s.assign(&(&x * t))).unwrap();
    let mut score = Array2::zeros((100, 2));
    model.score_at_into(x, t.view(), score.view_mut());
    for b in 0..100 {
        assert_eq!(score.row(b), &x.row(b) * b as f64);
    }
}

#[test]
fn weights_may_depend_on_energies_and_gradients_add() {
    let x = points(50);
    let model = FnParametricEnergy::new(2, array![0.5, -1.0], |x, theta, mut g| {
        g.assign(&x);
        theta.dot(&x)
    })
    .unwrap();
    let energy = x.dot(&array![0.5, -1.0]);
    let mut grad = array![10.0, 20.0];
    let mut weigh = |e: ndarray::ArrayView1<f64>, mut w: ndarray::ArrayViewMut1<f64>| {
        assert!((&e - &energy).iter().all(|d| d.abs() < 1e-15));
        w.assign(&e);
    };
    model.energy_pullback_with(x.view(), &mut weigh, grad.view_mut());
    let expected = array![10.0, 20.0] + x.t().dot(&energy);
    assert!(
        (&grad - &expected).iter().all(|d| d.abs() < 1e-12),
        "{grad} {expected}"
    );
}

#[test]
fn what_makes_no_space_is_refused() {
    assert_eq!(
        FnEnergy::new(0, |_| 0.0).unwrap_err().to_string(),
        "`dim` is 0, but must be at least 1"
    );
    assert!(FnPotential::new(0, |_, _| 0.0).is_err());
    assert!(FnScore::new(0, |_, _| ()).is_err());
    assert!(FnTimeScore::new(0, |_, _, _| ()).is_err());
    assert!(FnParametricEnergy::new(1, array![], |_, _, _| 0.0).is_err());
    let error = FnParametricEnergy::new(1, array![1.0, f64::NAN], |_, _, _| 0.0).unwrap_err();
    assert!(error.to_string().starts_with("`theta[1]` is NaN"), "{error}");

    let mut model = FnParametricEnergy::new(1, array![1.0], |_, _, _| 0.0).unwrap();
    assert!(model.set_params(array![1.0, 2.0].view()).is_err());
    assert!(model.set_params(array![f64::INFINITY].view()).is_err());
    assert_eq!(model.params(), array![1.0]);
    assert_eq!(
        format!("{:?}", FnEnergy::new(3, |_| 0.0).unwrap()),
        "FnEnergy { dim: 3, .. }"
    );
    assert_eq!(FnEnergy::new(3, |_| 0.0).unwrap().dim(), 3);
}

#[test]
#[should_panic(expected = "needs (B, 2)")]
fn a_row_of_the_wrong_length_is_a_bug_of_the_caller() {
    let _ = FnEnergy::new(2, |x| x[0]).unwrap().energy(array![[1.0]].view());
}
