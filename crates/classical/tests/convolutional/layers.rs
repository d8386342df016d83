//! Repeated and max-pooled layers: the laws of units, and what is theirs alone.

use gibbsian_classical::{Bernoulli, Gaussian, MaxPooled, Repeated, Softmax};
use gibbsian_core::{ContinuousUnits, FiniteUnits, ResponsiveUnits, Seed, SmoothUnits, Streams, Units};
use gibbsian_testkit::conformance;
use gibbsian_testkit::differences::Precision;
use ndarray::{Array1, Array2, Axis, array, s};

const DOUBLE: Precision = Precision::DOUBLE;

fn fields(n: usize) -> Array2<f64> {
    let numbers = [
        0.4, -0.9, 1.7, -0.3, 0.8, -2.1, 0.3, 0.6, 1.2, 1.3, -0.8, 0.1, -0.2,
    ];
    Array2::from_shape_fn((2, n), |(b, i)| numbers[(5 * b + i) % numbers.len()])
}

fn bits() -> Repeated<Bernoulli> {
    Repeated::new(Bernoulli::new(array![0.7, -0.4]).unwrap(), 2).unwrap()
}

fn labels() -> Repeated<Softmax> {
    Repeated::new(Softmax::new(array![[0.7, -1.3, 0.2]]).unwrap(), 2).unwrap()
}

/// Two channels in two blocks each.
fn pooled() -> MaxPooled {
    MaxPooled::new([1, 4], [1, 2], array![0.6, -0.5]).unwrap()
}

#[test]
fn finite_layers_obey_the_laws_of_units() {
    fn check(layer: impl FiniteUnits, seed: u64) {
        conformance::finite_units(&layer, fields(layer.n_units()).view(), DOUBLE, Seed::new(seed)).unwrap();
    }
    check(bits(), 1);
    check(labels(), 2);
    check(pooled(), 3);
    // Blocks of two rows and two columns, side by side and above each other.
    check(MaxPooled::new([2, 4], [2, 2], array![0.4]).unwrap(), 4);
    check(MaxPooled::new([4, 2], [2, 2], array![0.4]).unwrap(), 5);
}

#[test]
fn continuous_layers_obey_the_laws_of_units() {
    let units = Gaussian::new(array![0.7, -1.3], array![0.6, 2.5]).unwrap();
    let layer = Repeated::new(units, 2).unwrap();
    conformance::continuous_units(&layer, fields(4).view(), DOUBLE, Seed::new(1)).unwrap();
}

/// Copies of the layer side by side, one a place, are the oracle of every derivative.
#[test]
fn a_repeated_layer_is_its_copies() {
    fn check<U: ContinuousUnits + ResponsiveUnits>(units: U) {
        let (n, n_places) = (units.n_units(), 3);
        let layer = Repeated::new(units.clone(), n_places).unwrap();
        let x = fields(n * n_places);
        let (u, w) = (x.mapv(|x| 0.3 - x), x.mapv(|x| x * x - 0.5));
        let mut found = [x.clone(), x.clone(), x.clone(), x.clone()];
        let mut expected = found.clone();
        let mut grad = Array2::zeros((3, units.n_params()));
        let mut grad_expected = grad.clone();
        let [gradient, curvature, response, by_field] = &mut found;
        layer.energy_gradient_into(x.view(), gradient.view_mut());
        layer.energy_curvature_into(x.view(), curvature.view_mut());
        layer.response_into(x.view(), u.view(), response.view_mut());
        layer.response_pullback_into(x.view(), u.view(), w.view(), by_field.view_mut(), grad.row_mut(0));
        layer.mean_pullback_into(x.view(), u.view(), grad.row_mut(1));
        layer.energy_gradient_pullback_into(x.view(), u.view(), w.view(), grad.row_mut(2));
        for place in 0..n_places {
            let at = s![.., place * n..(place + 1) * n];
            let (x, u, w) = (x.slice(at), u.slice(at), w.slice(at));
            let [gradient, curvature, response, by_field] = &mut expected;
            units.energy_gradient_into(x, gradient.slice_mut(at));
            units.energy_curvature_into(x, curvature.slice_mut(at));
            units.response_into(x, u, response.slice_mut(at));
            units.response_pullback_into(x, u, w, by_field.slice_mut(at), grad_expected.row_mut(0));
            units.mean_pullback_into(x, u, grad_expected.row_mut(1));
            units.energy_gradient_pullback_into(x, u, w, grad_expected.row_mut(2));
        }
        let close = |a: &Array2<f64>, b: &Array2<f64>| {
            a.iter()
                .zip(b)
                .all(|(a, b)| (a - b).abs() <= 1e-13 * b.abs().max(1.0))
        };
        assert!(close(&grad, &grad_expected), "{grad} instead of {grad_expected}");
        for (found, expected) in found.iter().zip(&expected) {
            assert!(close(found, expected), "{found} instead of {expected}");
        }
    }
    check(Gaussian::new(array![0.7, -1.3], array![0.6, 2.5]).unwrap());
}

/// `E[p]` of a pooling unit by listing the states of its layer.
#[test]
fn pooling_units_are_on_where_a_unit_is() {
    let layer = pooled();
    let mut states = Array2::zeros((layer.n_states().unwrap() as usize, layer.n_units()));
    layer.states_into(0, states.view_mut());
    let on = layer.pooled(states.view());
    assert!(on.iter().all(|p| *p == 0.0 || *p == 1.0));
    for field in fields(layer.n_units()).rows() {
        let fields = Array2::from_shape_fn(states.raw_dim(), |(_, i)| field[i]);
        let p: Array1<f64> = layer.log_law(fields.view(), states.view()).mapv(f64::exp);
        let found = layer.pooled_mean(field.insert_axis(Axis(0)));
        let error = (p.dot(&on) - found.row(0)).mapv(f64::abs);
        assert!(error.iter().all(|e| *e <= 1e-14), "{error}");
    }
}

/// The second and third cumulants, which machines with real visible units ask for, against sums over the states.
#[test]
fn max_pooled_responses_are_cumulants() {
    let layer = pooled();
    let n = layer.n_units();
    let mut states = Array2::zeros((layer.n_states().unwrap() as usize, n));
    layer.states_into(0, states.view_mut());
    let field = fields(n);
    let (a, d) = (field.mapv(|x| 0.3 - x), field.mapv(|x| x * x - 0.5));
    let mut response = Array2::zeros(field.raw_dim());
    let mut third = Array2::zeros(field.raw_dim());
    let mut grad = Array1::zeros(2);
    layer.response_into(field.view(), d.view(), response.view_mut());
    layer.response_pullback_into(
        field.view(),
        a.view(),
        d.view(),
        third.view_mut(),
        grad.view_mut(),
    );
    for b in 0..field.nrows() {
        let fields = Array2::from_shape_fn(states.raw_dim(), |(_, i)| field[[b, i]]);
        let p: Array1<f64> = layer.log_law(fields.view(), states.view()).mapv(f64::exp);
        let centred = &states - &p.dot(&states);
        let (along_a, along_d) = (centred.dot(&a.row(b)), centred.dot(&d.row(b)));
        let covariance = (&p * &along_d).dot(&centred);
        let cumulant = (&p * &along_a * &along_d).dot(&centred);
        for i in 0..n {
            assert!((response[[b, i]] - covariance[i]).abs() <= 1e-14, "{b}, {i}");
            assert!((third[[b, i]] - cumulant[i]).abs() <= 1e-14, "{b}, {i}");
        }
    }
    let channels = third.sum_axis(Axis(0));
    let expected = [0, 1].map(|k| channels.slice(s![k..;2]).sum());
    assert!(
        (grad - Array1::from_iter(expected))
            .iter()
            .all(|e| e.abs() <= 1e-13)
    );
    let mut of_means = Array1::zeros(2);
    layer.mean_pullback_into(field.view(), d.view(), of_means.view_mut());
    let sums = response.sum_axis(Axis(0));
    let expected = [0, 1].map(|k| sums.slice(s![k..;2]).sum());
    assert!(
        (of_means - Array1::from_iter(expected))
            .iter()
            .all(|e| e.abs() <= 1e-13)
    );
}

#[test]
fn max_pooled_units_neither_overflow_nor_lose_the_state_without_units() {
    let layer = MaxPooled::new([1, 2], [1, 2], array![0.0]).unwrap();
    let draw = |field: Array2<f64>| layer.sample(field.view(), Streams::from_key(1));
    assert_eq!(draw(array![[800.0, -800.0]]), array![[1.0, 0.0]]);
    assert_eq!(draw(array![[-800.0, -800.0]]), array![[0.0, 0.0]]);
    let mut log_partition = Array1::zeros(2);
    let field = array![[800.0, -800.0], [-800.0, -800.0]];
    layer.log_partition_into(field.view(), log_partition.view_mut());
    assert_eq!(log_partition, array![800.0, 0.0]);
    assert_eq!(layer.pooled_mean(field.view()), array![[1.0], [0.0]]);
}
