//! Standardised coordinates: the same law, the gradient of those coordinates, and curvatures of one.

use gibbsian_classical::{
    Biased, Binomial, Centring, Gaussian, Offsets, Rbm, Rectified, Softmax, Spin, Standardisation,
    Standardised,
};
use gibbsian_core::{FiniteUnits, Objective, Parametric, ParametricMut, Seed, Snapshot, Units};
use gibbsian_testkit::agreement::close;
use ndarray::{Array1, Array2, ArrayView2, array};

use crate::centred::data;
use crate::common::{binary_states, machine};
use crate::support::{Exact, log_law};

fn centring() -> Centring {
    Centring::new(array![0.2, 0.7, -0.3, 1.5], array![0.4, 0.9, -2.0]).unwrap()
}

fn coordinates() -> Standardisation {
    Standardisation::new(centring(), array![0.5, 0.2, 1.3, 0.9], array![0.3, 2.0, 0.7]).unwrap()
}

fn gradient<M: Parametric>(objective: &mut impl Objective<M>, model: &M, x: ArrayView2<f64>) -> Array1<f64> {
    let mut grad = Array1::zeros(model.n_params());
    objective
        .loss_and_grad_into(model, x, &mut Seed::new(1).rng(), grad.view_mut())
        .unwrap();
    grad
}

/// `E_s` written out, summed over the hidden units of the machine that holds the standardised parameters.
fn log_law_of_coordinates(held: &Rbm, at: &Standardisation, v: &Array2<f64>) -> Array1<f64> {
    let u = (v - &at.centring().visible()) / at.visible_scale();
    let h = (binary_states(3) - at.centring().hidden()) / at.hidden_scale();
    let log_f = u.dot(&held.weights()).dot(&h.t())
        + u.dot(&held.visible().bias()).insert_axis(ndarray::Axis(1))
        + h.dot(&held.hidden().bias()).insert_axis(ndarray::Axis(0));
    let sums: Array1<f64> = (log_f.rows().into_iter())
        .map(|row| gibbsian_core::math::log_sum_exp(&row.to_vec()))
        .collect();
    let log_z = gibbsian_core::math::log_sum_exp(&sums.to_vec());
    sums - log_z
}

#[test]
fn the_law_does_not_depend_on_the_coordinates() {
    let rbm = machine(4, 3, 0.8, 0.6, 5);
    let at = coordinates();
    let held = at.standardised(&rbm).unwrap();
    let states = binary_states(4);
    close(
        "the law",
        &log_law_of_coordinates(&held, &at, &states),
        &log_law(&rbm, states.view()),
        1e-13,
    )
    .unwrap();
    close(
        "there and back",
        &at.normal(&held).unwrap().params(),
        &rbm.params(),
        1e-14,
    )
    .unwrap();
}

/// Steepest descent in coordinates `θ_s` moves `θ = A θ_s` by `A A'∇`; the columns of `A` are what single standardised parameters move.
#[test]
fn the_direction_is_descent_in_standardised_coordinates() {
    fn check<V: Biased + FiniteUnits, H: Biased>(rbm: &Rbm<V, H>, x: ArrayView2<f64>) {
        let at = coordinates();
        let held = at.standardised(rbm).unwrap();
        let (from, grad) = (at.normal(&held).unwrap().params(), gradient(&mut Exact, rbm, x));
        let mut expected = Array1::<f64>::zeros(rbm.n_params());
        for k in 0..rbm.n_params() {
            let mut moved = held.clone();
            let mut params = held.params();
            params[k] += 1.0;
            moved.set_params(params.view()).unwrap();
            // The map is linear, so that a step of one is its column.
            let column = at.normal(&moved).unwrap().params() - &from;
            expected.scaled_add(column.dot(&grad), &column);
        }
        let mut found = grad;
        at.direction(rbm, found.view_mut()).unwrap();
        close("A A'∇", &found, &expected, 1e-11).unwrap();
    }
    check(&machine(4, 3, 0.8, 0.6, 5), data().view());
    let like = machine(4, 3, 0.8, 0.6, 5);
    let labels = Rbm::new(
        Softmax::new(
            like.visible()
                .bias()
                .to_owned()
                .into_shape_with_order((2, 2))
                .unwrap(),
        )
        .unwrap(),
        Binomial::new(like.hidden().bias().to_owned(), 2).unwrap(),
        like.weights().to_owned(),
    )
    .unwrap();
    let indicators = array![[1.0, 0.0, 1.0, 0.0], [0.0, 1.0, 1.0, 0.0], [1.0, 0.0, 0.0, 1.0]];
    check(&labels, indicators.view());
}

#[test]
fn scales_of_one_are_centring() {
    let rbm = machine(4, 3, 0.8, 0.6, 5);
    let one = Standardisation::new(centring(), Array1::ones(4), Array1::ones(3)).unwrap();
    let mut found = gradient(&mut Exact, &rbm, data().view());
    let mut expected = found.clone();
    one.direction(&rbm, found.view_mut()).unwrap();
    centring().direction(&rbm, expected.view_mut()).unwrap();
    assert_eq!(found, expected);
    assert_eq!(one.standardised(&rbm).unwrap(), centring().centred(&rbm).unwrap());
}

/// At zero weights the Hessian of the likelihood in a weight is `σ_i² τ_j²`, and one in the coordinates where `σ` and `τ` are the spreads: there, the step of Newton is the direction.
#[test]
fn without_weights_the_direction_is_the_step_of_newton() {
    let biases = machine(4, 3, 0.0, 1.2, 9);
    let x = data();
    // A small gradient in the weights and biases: the data's mean is not the model's.
    let mean = |layer: &gibbsian_classical::Bernoulli| layer.mean(Array2::zeros((1, layer.n_units())).view());
    let [v, h] = [mean(biases.visible()), mean(biases.hidden())].map(|m| m.row(0).to_owned());
    let deviation = |m: &Array1<f64>| m.mapv(|p| (p * (1.0 - p)).sqrt());
    let at = Standardisation::new(
        Centring::new(v.clone(), h.clone()).unwrap(),
        deviation(&v),
        deviation(&h),
    )
    .unwrap();
    let grad = gradient(&mut Exact, &biases, x.view());
    let mut found = grad.clone();
    at.direction(&biases, found.view_mut()).unwrap();
    // The Fisher information of independent units in all parameters at once.
    let states = binary_states(7);
    let joint = states.dot(&ndarray::concatenate![
        ndarray::Axis(0),
        biases.visible().bias(),
        biases.hidden().bias()
    ]);
    let log_z = gibbsian_core::math::log_sum_exp(&joint.to_vec());
    let p = joint.mapv(|e| (e - log_z).exp());
    let statistics = Array2::from_shape_fn((states.nrows(), biases.n_params()), |(s, k)| {
        let (v, h) = (|i: usize| states[[s, i]], |j: usize| states[[s, 4 + j]]);
        match k {
            0..12 => v(k / 3) * h(k % 3),
            12..16 => v(k - 12),
            _ => h(k - 16),
        }
    });
    let centred = &statistics - &p.dot(&statistics);
    let fisher = (&centred * &p.view().insert_axis(ndarray::Axis(1)))
        .t()
        .dot(&centred);
    close("Fisher × direction = gradient", &fisher.dot(&found), &grad, 1e-12).unwrap();
}

#[test]
fn variances_are_those_of_the_units_given_their_fields() {
    /// `Var(x | I)` by differences of log-partition functions would be a second derivative; by the sum over the states of one unit it is exact.
    fn check<U: Biased + FiniteUnits>(units: &U) {
        let n = units.n_units();
        let field = Array2::from_shape_fn((3, n), |(b, i)| 0.7 * b as f64 - 0.4 * i as f64);
        let n_states = units.n_states().unwrap();
        let mut states = Array2::zeros((n_states as usize, n));
        units.states_into(0, states.view_mut());
        let found = units.variance(field.view());
        for (b, field) in field.rows().into_iter().enumerate() {
            let fields = field.broadcast(states.dim()).unwrap();
            let p = units.log_law(fields, states.view()).mapv(f64::exp);
            let mean = p.dot(&states);
            let expected = p.dot(&(&states - &mean).mapv(|d| d * d));
            close("Var(x | I)", &found.row(b).to_owned(), &expected, 1e-12).unwrap();
        }
    }
    check(&gibbsian_classical::Bernoulli::new(array![0.3, -1.0, 2.0]).unwrap());
    check(&Spin::new(array![0.3, -1.0]).unwrap());
    check(&Binomial::new(array![0.3, -1.0], 3).unwrap());
    check(&Softmax::new(array![[0.3, -1.0, 0.5], [0.1, 0.0, -0.2]]).unwrap());
    let gaussian = Gaussian::new(array![0.3, -1.0], array![2.0, 0.5]).unwrap();
    close(
        "Gaussian",
        &gaussian.variance(array![[1.0, 2.0]].view()),
        &array![[0.5, 2.0]],
        1e-15,
    )
    .unwrap();
    // A standard normal cut at zero: 1 − 2/π.
    let rectified = Rectified::new(array![0.0], array![1.0]).unwrap();
    let expected = 1.0 - 2.0 / std::f64::consts::PI;
    close(
        "rectified",
        &rectified.variance(array![[0.0]].view()),
        &array![[expected]],
        1e-12,
    )
    .unwrap();
}

#[test]
fn scales_follow_the_data_and_are_resumed() {
    let rbm = machine(4, 3, 0.8, 0.6, 5);
    let x = data();
    let mut objective = Standardised::new(Exact, Offsets::DATA, 0.01).unwrap();
    assert!(objective.standardisation().is_none());
    let empty = objective.snapshot();
    let first = gradient(&mut objective, &rbm, x.view());
    let at = objective.standardisation().unwrap();
    // Bits: the variance is p(1 − p), of hidden units with p their mean over the data.
    let variance = |m: &Array1<f64>| m.mapv(|p| (p * (1.0 - p) + 0.01).sqrt());
    let v = x.mean_axis(ndarray::Axis(0)).unwrap();
    let h = rbm.hidden_mean(x.view()).mean_axis(ndarray::Axis(0)).unwrap();
    close("σ", &at.visible_scale().to_owned(), &variance(&v), 1e-14).unwrap();
    close("τ", &at.hidden_scale().to_owned(), &variance(&h), 1e-14).unwrap();
    close("μ", &at.centring().visible().to_owned(), &v, 1e-15).unwrap();

    // The second minibatch has a weight of one hundredth.
    let other = x.slice(ndarray::s![..2, ..]);
    let saved = objective.snapshot();
    let second = gradient(&mut objective, &rbm, other);
    let now = objective.standardisation().unwrap();
    let spread = other.var_axis(ndarray::Axis(0), 0.0);
    let expected =
        (at.visible_scale().mapv(|s| s * s - 0.01) * 0.99 + spread * 0.01).mapv(|v| (v + 0.01).sqrt());
    close("σ after two", &now.visible_scale().to_owned(), &expected, 1e-14).unwrap();

    let mut resumed = Standardised::new(Exact, Offsets::DATA, 0.01).unwrap();
    resumed.restore(&saved).unwrap();
    assert_eq!(gradient(&mut resumed, &rbm, other), second);
    let mut again = Standardised::new(Exact, Offsets::DATA, 0.01).unwrap();
    again.restore(&empty).unwrap();
    assert_eq!(gradient(&mut again, &rbm, x.view()), first);
}

#[test]
fn scales_that_are_none_are_refused() {
    for scale in [0.0, -1.0, f64::NAN, f64::INFINITY, 1e-200, 1e200] {
        let found = Standardisation::new(centring(), array![1.0, scale, 1.0, 1.0], Array1::ones(3));
        let message = found.unwrap_err().to_string();
        assert!(message.contains("visible_scale[1]"), "{message}");
    }
    assert!(Standardisation::new(centring(), Array1::ones(3), Array1::ones(3)).is_err());
    for floor in [0.0, -1.0, f64::NAN] {
        assert!(Standardised::new(Exact, Offsets::DATA, floor).is_err());
    }
    let other = machine(3, 3, 0.8, 0.6, 5);
    assert!(coordinates().standardised(&other).is_err());
    assert!(coordinates().normal(&other).is_err());
    assert!(
        coordinates()
            .direction(&other, Array1::zeros(other.n_params()).view_mut())
            .is_err()
    );
}
