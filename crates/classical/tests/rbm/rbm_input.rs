//! Parameters, snapshots, and what the machine refuses.

use crate::common::{layer, machine};
use gibbsian_classical::{Bernoulli, Rbm};
use gibbsian_core::{Parametric, ParametricMut, Seed, Units};
use gibbsian_testkit::conformance;
use ndarray::{Array1, Array2, array};

#[test]
fn parameters_lie_as_the_layout_says() {
    let mut rbm = Rbm::new(
        layer(array![7.0, 8.0]),
        layer(array![9.0, 10.0, 11.0]),
        array![[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]],
    )
    .unwrap();
    assert_eq!(rbm.params(), Array1::linspace(1.0, 11.0, 11));
    let names: Vec<String> = (0..11).map(|i| rbm.layout().locate(i)).collect();
    assert_eq!(
        [&*names[4], &*names[7], &*names[8]],
        ["weights[1, 1]", "visible.bias[1]", "hidden.bias[0]"]
    );
    conformance::parametric(&mut rbm).unwrap();
    // Weights that lie in memory column by column have the same parameters.
    let transposed = rbm.transposed().transposed();
    assert_eq!(transposed, rbm);
    let by_column = Rbm::new(
        rbm.visible().clone(),
        rbm.hidden().clone(),
        rbm.weights().t().to_owned().reversed_axes(),
    );
    assert_eq!(by_column.unwrap().params(), rbm.params());
}

#[test]
fn a_snapshot_restores_every_bit() {
    let state = machine(3, 4, 1.0, 1.0, 1);
    let mut other = machine(3, 4, 1.0, 1.0, 2);
    conformance::snapshot(&state, &mut other).unwrap();
    assert_eq!(state, other);
}

#[test]
fn random_weights_have_the_scale_and_the_seed() {
    let new = |seed| {
        Rbm::random(
            Bernoulli::unbiased(200),
            Bernoulli::unbiased(100),
            0.1,
            Seed::new(seed),
        )
        .unwrap()
    };
    let rbm = new(1);
    let n = rbm.weights().len() as f64;
    let (mean, square) = (rbm.weights().sum() / n, rbm.weights().mapv(|w| w * w).sum() / n);
    // Standard errors are 0.1/√n and 0.01 √(2/n); five of them have a false-alarm probability of 6e-7.
    assert!(mean.abs() <= 5.0 * 0.1 / n.sqrt(), "{mean}");
    assert!((square - 0.01).abs() <= 5.0 * 0.01 * (2.0 / n).sqrt(), "{square}");
    assert_eq!(rbm, new(1));
    assert_ne!(rbm, new(2));
}

#[test]
fn construction_refuses_what_is_no_machine() {
    let refuse = |v: usize, h: usize, weights: Array2<f64>| {
        Rbm::new(Bernoulli::unbiased(v), Bernoulli::unbiased(h), weights)
            .unwrap_err()
            .to_string()
    };
    assert_eq!(
        refuse(0, 3, Array2::zeros((0, 3))),
        "`layers` is [0, 3], but must be of at least one unit each; begin with as many hidden units as visible ones"
    );
    assert_eq!(
        refuse(3, 0, Array2::zeros((3, 0))),
        "`layers` is [3, 0], but must be of at least one unit each; begin with as many hidden units as visible ones"
    );
    assert_eq!(
        refuse(2, 3, Array2::zeros((3, 2))),
        "`weights` has shape [3, 2], but must have shape [2, 3]; rows belong to visible units and columns to hidden ones; transpose a matrix of the other order"
    );
    assert_eq!(
        refuse(2, 2, array![[0.0, 1.0], [f64::NAN, 0.0]]),
        "`weights[1, 0]` is NaN, but must be finite"
    );
    let scale = Rbm::random(Bernoulli::unbiased(2), Bernoulli::unbiased(2), -1.0, Seed::new(1));
    assert_eq!(
        scale.unwrap_err().to_string(),
        "`scale` is -1, but must be finite and greater than zero"
    );
}

#[test]
fn parameters_that_are_refused_change_nothing() {
    let mut rbm = machine(2, 3, 1.0, 1.0, 1);
    let before = rbm.clone();
    for (at, name) in [
        (4, "weights[1, 1]"),
        (7, "visible.bias[1]"),
        (10, "hidden.bias[2]"),
    ] {
        let mut params = rbm.params() + 1.0;
        params[at] = f64::INFINITY;
        let error = rbm.set_params(params.view()).unwrap_err();
        assert_eq!(error.to_string(), format!("`{name}` is inf, but must be finite"));
        assert_eq!(rbm, before);
    }
    let error = rbm.set_params(Array1::zeros(10).view()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "`params` has shape [10], but must have shape [11]"
    );
}

#[test]
fn data_outside_the_units_is_refused() {
    let rbm = machine(2, 3, 1.0, 1.0, 1);
    assert!(rbm.check_visible(array![[0.0, 1.0], [0.5, 0.25]].view()).is_ok());
    let refuse = |x: Array2<f64>| rbm.check_visible(x.view()).unwrap_err().to_string();
    assert_eq!(
        refuse(Array2::zeros((0, 2))),
        "`x` has shape [0, 2], but must have shape (at least 1, 2)"
    );
    assert_eq!(
        refuse(Array2::zeros((4, 3))),
        "`x` has shape [4, 3], but must have shape (at least 1, 2); there is one column more than coordinates: leave out the column of labels or indices"
    );
    for (value, text) in [(1.5, "1.5"), (-0.25, "-0.25"), (f64::NAN, "NaN")] {
        assert_eq!(
            refuse(array![[0.0, 1.0], [value, 0.0]]),
            format!(
                "`x[1, 0]` is {text}, but must be in [0, 1]; divide pixels by 255 or threshold them, and write spins of -1 and 1 as 0 and 1"
            )
        );
    }
    assert!(!rbm.visible().admits(0, 2.0));
}

#[test]
fn a_machine_too_large_to_enumerate_is_refused() {
    let rbm = machine(33, 70, 0.1, 0.1, 1);
    assert_eq!(
        rbm.log_z().unwrap_err().to_string(),
        "`layers` is of 8589934592 and more than 2^64 states, but must be such that one has at most 2^32 states to be enumerated; estimate log Z by annealing instead"
    );
    assert_eq!(
        rbm.log_z_over_hidden().unwrap_err().to_string(),
        "`hidden` is a layer of more than 2^64 states, but must be a layer of at most 2^32 states to be enumerated; estimate log Z by annealing instead"
    );
}
