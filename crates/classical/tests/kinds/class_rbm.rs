//! The class machine: exact conditionals against enumeration of energies, and its objectives.

use gibbsian_classical::{
    Bernoulli, ClassRbm, ConditionalLikelihood, Gaussian, HybridLikelihood, Joined, Rbm, Rectified, Softmax,
    Spin,
};
use gibbsian_core::math::log_sum_exp;
use gibbsian_core::{
    Energy, EnergyPullback, Error, Objective, Parametric, ParametricMut, Record, Result, Seed, Snapshot,
    Units,
};
use gibbsian_testkit::agreement::close;
use gibbsian_testkit::conformance;
use gibbsian_testkit::differences::Precision;
use gibbsian_testkit::threads;
use ndarray::{Array1, Array2, ArrayView2, ArrayViewMut1, Axis, array, concatenate};
use rand::Rng;

fn machine<V: Units, H: Units>(features: V, hidden: H) -> ClassRbm<V, H> {
    let mut rbm = ClassRbm::with_classes(features, 3, hidden, 0.3, Seed::new(7)).unwrap();
    let mut params = rbm.params();
    // Labels are unbiased at first; nothing here is to be zero.
    for (k, p) in params.iter_mut().enumerate().filter(|(_, p)| **p == 0.0) {
        *p = 0.1 * (k % 7) as f64 - 0.25;
    }
    rbm.set_params(params.view()).unwrap();
    rbm
}

fn one_hot(class: usize, n_rows: usize) -> Array2<f64> {
    Array2::from_shape_fn((n_rows, 3), |(_, c)| f64::from(c == class))
}

/// `log p(c | x)` from the energies of all three labels.
fn enumerated<V: Units, H: Units>(rbm: &ClassRbm<V, H>, x: &Array2<f64>) -> Array2<f64> {
    let mut log_p = Array2::zeros((x.nrows(), 3));
    for c in 0..3 {
        let rows = concatenate![Axis(1), *x, one_hot(c, x.nrows())];
        log_p.column_mut(c).assign(&-rbm.energy(rows.view()));
    }
    for mut row in log_p.rows_mut() {
        let log_total = log_sum_exp(&row.to_vec());
        row -= log_total;
    }
    log_p
}

#[test]
fn class_probabilities_are_those_of_the_energies() {
    fn check<V: Units, H: Units>(features: V, hidden: H, x: Array2<f64>) {
        let rbm = machine(features, hidden);
        let found = rbm.log_class_probabilities(x.view()).unwrap();
        close("log p(y | x)", &found, &enumerated(&rbm, &x), 1e-14).unwrap();
        let labels = rbm.classify(x.view()).unwrap();
        for (b, &label) in labels.iter().enumerate() {
            assert!(found.row(b).iter().all(|l| *l <= found[[b, label]]));
        }
        let p = rbm.class_probabilities(x.view()).unwrap();
        assert!(p.sum_axis(Axis(1)).iter().all(|s| (s - 1.0).abs() < 1e-14));
    }
    let bits = array![[1.0, 0.0, 1.0], [0.0, 0.5, 1.0], [1.0, 1.0, 0.0]];
    check(Bernoulli::unbiased(3), Bernoulli::unbiased(4), bits.clone());
    check(Bernoulli::unbiased(3), Spin::unbiased(4), bits);
    let reals = array![[0.3, -1.2], [2.0, 0.4]];
    check(Gaussian::standard(2), Bernoulli::unbiased(4), reals.clone());
    check(Gaussian::standard(2), Rectified::unbiased(2), reals);
}

#[test]
fn large_weights_neither_overflow_nor_lose_the_rare_class() {
    let weights = array![[400.0, -300.0], [200.0, 0.0], [0.0, 100.0], [-400.0, 0.0]];
    let rbm = Rbm::new(
        Joined::new(Bernoulli::unbiased(1), Softmax::unbiased(1, 3).unwrap()),
        Bernoulli::unbiased(2),
        weights,
    )
    .unwrap();
    // Γ of the classes: softplus(600) + softplus(−300), softplus(400) + softplus(−200), softplus(0) + softplus(−300).
    let found = rbm.log_class_probabilities(array![[1.0]].view()).unwrap();
    let expected = array![[0.0, -200.0, 2.0_f64.ln() - 600.0]];
    close("log p", &found, &expected, 1e-15).unwrap();
}

#[test]
fn the_conditional_gradient_is_exact() {
    fn check<V: Units, H: Units>(features: V, hidden: H, x: Array2<f64>) {
        let mut rbm = machine(features, hidden);
        let rows = rbm.labelled(x.view(), &[2, 0, 1, 1]).unwrap();
        conformance::objective(|| ConditionalLikelihood, &rbm, rows.view(), Seed::new(1)).unwrap();
        let seed = Seed::new(2);
        conformance::objective_gradient(
            || ConditionalLikelihood,
            &mut rbm,
            rows.view(),
            Precision::DOUBLE,
            seed,
        )
        .unwrap();
        let mut grad = Array1::zeros(rbm.n_params());
        let loss = ConditionalLikelihood
            .loss_and_grad_into(&rbm, rows.view(), &mut seed.rng(), grad.view_mut())
            .unwrap();
        let log_p = enumerated(&rbm, &x);
        let expected = -[2, 0, 1, 1]
            .iter()
            .enumerate()
            .map(|(b, &c)| log_p[[b, c]])
            .sum::<f64>()
            / 4.0;
        assert!((loss - expected).abs() < 1e-14);
    }
    let bits = array![[1.0, 0.0, 1.0], [0.0, 0.5, 1.0], [1.0, 1.0, 0.0], [0.0, 0.0, 1.0]];
    check(Bernoulli::unbiased(3), Bernoulli::unbiased(4), bits.clone());
    check(Spin::unbiased(3), Spin::unbiased(2), bits);
    let reals = array![[0.3, -1.2], [2.0, 0.4], [-0.7, 0.1], [1.1, 0.9]];
    check(Gaussian::standard(2), Rectified::unbiased(2), reals);
}

#[test]
fn probabilities_for_labels_give_the_cross_entropy() {
    let mut rbm = machine(Bernoulli::unbiased(2), Bernoulli::unbiased(3));
    let rows = array![[1.0, 0.0, 0.2, 0.5, 0.3], [0.0, 1.0, 0.0, 0.25, 0.75]];
    let seed = Seed::new(3);
    conformance::objective_gradient(
        || ConditionalLikelihood,
        &mut rbm,
        rows.view(),
        Precision::DOUBLE,
        seed,
    )
    .unwrap();
}

/// The mean energy: any generative objective will do.
#[derive(Clone, Debug)]
struct MeanEnergy;

impl<M: EnergyPullback> Objective<M> for MeanEnergy {
    fn loss_and_grad_into(
        &mut self,
        model: &M,
        x: ArrayView2<f64>,
        _: &mut dyn Rng,
        mut grad: ArrayViewMut1<f64>,
    ) -> Result<f64> {
        gibbsian_core::error::check_batch("x", &x, model.dim())?;
        grad.fill(0.0);
        let w = Array1::from_elem(x.nrows(), 1.0 / x.nrows() as f64);
        model.energy_pullback_into(x, w.view(), grad);
        let mean = model.energy(x).sum() / x.nrows() as f64;
        if mean.is_finite() {
            Ok(mean)
        } else {
            Err(Error::non_finite("loss", mean, "in the mean energy"))
        }
    }
}

impl Snapshot for MeanEnergy {
    fn snapshot(&self) -> Record {
        Record::new()
    }

    fn restore(&mut self, _: &Record) -> Result<()> {
        Ok(())
    }
}

#[test]
fn the_hybrid_objective_is_the_weighted_sum() {
    let mut rbm = machine(Bernoulli::unbiased(3), Bernoulli::unbiased(4));
    let x = array![[1.0, 0.0, 1.0], [0.0, 0.5, 1.0]];
    let rows = rbm.labelled(x.view(), &[2, 0]).unwrap();
    let hybrid = || HybridLikelihood::new(MeanEnergy, 0.25).unwrap();
    conformance::objective(hybrid, &rbm, rows.view(), Seed::new(1)).unwrap();
    conformance::objective_gradient(hybrid, &mut rbm, rows.view(), Precision::DOUBLE, Seed::new(2)).unwrap();
    for (weight, told) in [(-0.5, "-0.5"), (f64::NAN, "NaN"), (f64::INFINITY, "inf")] {
        assert_eq!(
            HybridLikelihood::new(MeanEnergy, weight).unwrap_err().to_string(),
            format!("`weight` is {told}, but must be finite and at least zero")
        );
    }
}

#[test]
fn probabilities_have_the_same_bits_on_any_number_of_threads() {
    let rbm = machine(Bernoulli::unbiased(40), Bernoulli::unbiased(30));
    let x = crate::common::means(200, 40, 1);
    threads::same_on_any_number("class probabilities", || {
        rbm.log_class_probabilities(x.view()).unwrap().into_flat()
    })
    .unwrap();
}

#[test]
fn labels_and_features_that_do_not_fit_are_refused_by_name() {
    let rbm = machine(Bernoulli::unbiased(2), Bernoulli::unbiased(3));
    let text = |e: Error| e.to_string();
    let x = array![[1.0, 0.0], [0.0, 1.0]];
    assert_eq!(
        text(rbm.labelled(x.view(), &[0, 3]).unwrap_err()),
        "`labels[1, 0]` is 3, but must be below 3"
    );
    assert_eq!(
        text(rbm.labelled(x.view(), &[0]).unwrap_err()),
        "`labels` has shape [1], but must have shape [2]"
    );
    assert_eq!(
        text(
            rbm.log_class_probabilities(array![[1.0, 2.0]].view())
                .unwrap_err()
        ),
        "`features[0, 1]` is 2, but must be in [0, 1]; divide pixels by 255 or threshold them, and write spins of -1 and 1 as 0 and 1"
    );
    let two = Rbm::new(
        Joined::new(Bernoulli::unbiased(1), Softmax::unbiased(2, 3).unwrap()),
        Bernoulli::unbiased(1),
        Array2::zeros((7, 1)),
    )
    .unwrap();
    assert_eq!(
        text(two.classify(array![[1.0]].view()).unwrap_err()),
        "`labels` is a layer of 2 categorical units, but must be a layer of one"
    );
    let one = ClassRbm::with_classes(
        Bernoulli::unbiased(2),
        1,
        Bernoulli::unbiased(3),
        0.1,
        Seed::new(1),
    );
    assert_eq!(text(one.unwrap_err()), "`n_values` is 1, but must be at least 2");
    let mut grad = Array1::zeros(rbm.n_params());
    let rows = array![[1.0, 0.0, 1.0, 1.0, 0.0]];
    let error =
        ConditionalLikelihood.loss_and_grad_into(&rbm, rows.view(), &mut Seed::new(1).rng(), grad.view_mut());
    assert_eq!(
        text(error.unwrap_err()),
        "`second.x[0, 0..3]` is [1, 1, 0], but must be the indicators of one value, or probabilities that sum to one"
    );
}

#[test]
fn of_equally_likely_classes_the_first_is_taken() {
    let rbm = ClassRbm::with_classes(
        Bernoulli::unbiased(2),
        3,
        Bernoulli::unbiased(2),
        0.5,
        Seed::new(1),
    )
    .unwrap();
    let even = Rbm::new(rbm.visible().clone(), rbm.hidden().clone(), Array2::zeros((5, 2))).unwrap();
    assert_eq!(
        even.classify(array![[0.0, 1.0], [1.0, 1.0]].view()).unwrap(),
        array![0, 0]
    );
}

/// Two biases may lie so far apart that `log p = −∞` for one of the classes.
#[test]
fn a_class_that_is_impossible_does_not_count_where_it_is_not_asked_for() {
    let labels = Softmax::new(array![[1.7e308, -1.7e308]]).unwrap();
    let visible = Joined::new(Bernoulli::unbiased(2), labels);
    let rbm = Rbm::new(visible, Bernoulli::unbiased(2), Array2::zeros((4, 2))).unwrap();
    let mut grad = Array1::zeros(rbm.n_params());
    let mut loss = |x: [f64; 4]| {
        let x = Array2::from_shape_vec((1, 4), x.to_vec()).unwrap();
        ConditionalLikelihood.loss_and_grad_into(&rbm, x.view(), &mut Seed::new(1).rng(), grad.view_mut())
    };
    assert_eq!(loss([0.0, 1.0, 1.0, 0.0]).unwrap(), 0.0);
    assert!(loss([0.0, 1.0, 0.0, 1.0]).is_err());
}
