//! Named errors.

use gibbsian_classical::boltzmann::MeanField;
use gibbsian_classical::{
    Bernoulli, BoltzmannMachine, ExactFit, MeanFieldLearning, Observations, Rbm, VisibleMarginal,
};
use gibbsian_core::{Objective, ParametricMut, Seed};
use ndarray::{Array1, Array2, array};

use super::boltzmann;

fn refuse(weights: Array2<f64>, bias: Array1<f64>) -> String {
    BoltzmannMachine::new(weights, bias).unwrap_err().to_string()
}

#[test]
fn what_is_no_machine_is_refused() {
    assert_eq!(
        refuse(
            array![[0.0, 1.0, 0.0], [1.0, 0.0, 2.0], [0.0, 2.5, 0.0]],
            Array1::zeros(3)
        ),
        "`weights[1, 2]` is 2, but must be equal to weights[2, 1], which is 2.5"
    );
    assert_eq!(
        refuse(array![[0.0, 1.0], [1.0, 0.5]], Array1::zeros(2)),
        "`weights[1, 1]` is 0.5, but must be zero: no unit is coupled to itself, and s² = s makes that a bias"
    );
    assert_eq!(
        refuse(array![[0.0, f64::NAN], [f64::NAN, 0.0]], Array1::zeros(2)),
        "`weights[0, 1]` is NaN, but must be finite"
    );
    assert_eq!(
        refuse(Array2::zeros((2, 2)), array![0.0, f64::INFINITY]),
        "`bias[1]` is inf, but must be finite"
    );
    assert_eq!(
        refuse(Array2::zeros((2, 3)), Array1::zeros(2)),
        "`weights` has shape [2, 3], but must have shape [2, 2]"
    );
    assert_eq!(
        refuse(Array2::zeros((0, 0)), Array1::zeros(0)),
        "`bias` has shape [0], but must have shape (at least 1)"
    );
    assert!(BoltzmannMachine::random(3, -1.0, Seed::new(1)).is_err());
    assert!(BoltzmannMachine::random(0, 1.0, Seed::new(1)).is_err());
}

#[test]
fn parameters_that_are_refused_change_nothing() {
    let mut machine = boltzmann(3, 1.0, 1.0, 1);
    let before = machine.clone();
    let error = machine
        .set_params(array![0.0, 0.0, f64::NAN, 0.0, 0.0, 0.0].view())
        .unwrap_err();
    assert_eq!(error.to_string(), "`weights[2]` is NaN, but must be finite");
    assert!(machine.set_params(Array1::zeros(5).view()).is_err());
    assert_eq!(machine, before);
}

#[test]
fn too_many_units_to_list_are_refused() {
    let large = BoltzmannMachine::independent(Array1::zeros(33)).unwrap();
    assert_eq!(
        large.log_z().unwrap_err().to_string(),
        "`n_units` is 33, but must be at most 32 to be enumerated"
    );
    assert!(large.moments().is_err());
    for n_visible in [0, 12, 34] {
        let error = VisibleMarginal::new(large.clone(), n_visible)
            .unwrap_err()
            .to_string();
        assert!(
            error.starts_with(&format!("`n_visible` is {n_visible}")),
            "{error}"
        );
    }
    let cases = Observations::complete(array![[0.0, 1.0]].view()).unwrap();
    for n in [1, 21] {
        let start = BoltzmannMachine::independent(Array1::zeros(n)).unwrap();
        let error = ExactFit::default()
            .maximise(&start, &cases)
            .unwrap_err()
            .to_string();
        assert!(
            error.starts_with(&format!("`n_units` is {n}, but must be between the 2 units")),
            "{error}"
        );
    }
}

#[test]
fn what_is_no_case_is_refused() {
    let refuse = |x: Array2<f64>| Observations::complete(x.view()).unwrap_err().to_string();
    assert_eq!(
        refuse(array![[0.0, 1.0], [0.5, 0.0]]),
        "`x[1, 0]` is 0.5, but must be 0 or 1 where it is known"
    );
    assert!(refuse(array![[f64::NAN]]).contains("`x[0, 0]` is NaN"));
    assert!(refuse(Array2::zeros((0, 3))).contains("`x` has shape [0, 3]"));
    let x = array![[0.0, f64::NAN]];
    assert!(Observations::new(x.view(), array![[true, false]].view()).is_ok());
    assert!(Observations::new(x.view(), array![[true, false], [true, true]].view()).is_err());
    let start = BoltzmannMachine::independent(Array1::zeros(2)).unwrap();
    let cases = Observations::complete(array![[0.0, 1.0]].view()).unwrap();
    for fit in [
        ExactFit {
            ridge: -1.0,
            ..ExactFit::default()
        },
        ExactFit {
            tolerance: 0.0,
            ..ExactFit::default()
        },
        ExactFit {
            max_steps: 0,
            ..ExactFit::default()
        },
    ] {
        assert!(fit.maximise(&start, &cases).is_err());
    }
}

#[test]
fn what_is_known_has_the_shape_of_the_cases() {
    let machine = BoltzmannMachine::independent(Array1::zeros(2)).unwrap();
    let x = array![[0.0, 1.0], [1.0, 1.0]];
    for shape in [(1, 2), (3, 2), (2, 1)] {
        let known = Array2::from_elem(shape, true);
        let refused = machine.log_probability(x.view(), known.view()).unwrap_err();
        assert_eq!(
            refused.to_string(),
            format!(
                "`known` has shape [{}, {}], but must have shape [2, 2]",
                shape.0, shape.1
            )
        );
    }
}

#[test]
fn mean_fields_refuse_what_they_cannot_settle() {
    let machine = boltzmann(2, 1.0, 1.0, 1);
    let all = Array1::from_elem(2, true);
    let settle = |mean_field: MeanField, start: Array2<f64>| {
        mean_field
            .settle(&machine, start.view(), all.view())
            .unwrap_err()
            .to_string()
    };
    let usual = MeanField::default();
    assert!(settle(usual, array![[0.5, 1.5]]).contains("`start[0, 1]` is 1.5"));
    assert!(settle(usual, array![[0.5]]).contains("`start` has shape [1, 1]"));
    let hasty = MeanField {
        max_sweeps: 1,
        ..usual
    };
    assert!(settle(hasty, array![[0.5, 0.5]]).contains("after 1 sweeps"));
    assert!(MeanFieldLearning::new(usual, 0).is_err());
    let visible = VisibleMarginal::new(machine.clone(), 2).unwrap();
    let error = MeanFieldLearning::new(hasty, 1).unwrap().loss_and_grad_into(
        &visible,
        array![[0.0, 1.0]].view(),
        &mut Seed::new(1).rng(),
        Array1::zeros(3).view_mut(),
    );
    assert!(error.unwrap_err().to_string().contains("the change of the means"));
}

#[test]
fn a_restricted_machine_with_too_many_hidden_units_for_a_list_is_refused() {
    let rbm = |n_hidden| {
        Rbm::new(
            Bernoulli::unbiased(1),
            Bernoulli::unbiased(n_hidden),
            Array2::zeros((1, n_hidden)),
        )
    };
    assert!(VisibleMarginal::try_from(&rbm(20).unwrap()).is_ok());
    let message = VisibleMarginal::try_from(&rbm(21).unwrap())
        .unwrap_err()
        .to_string();
    assert!(
        message.contains("n_visible") && message.contains("restricted"),
        "{message}"
    );
}
