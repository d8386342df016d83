//! The inverse problem: trees exactly, the order of the error, and observables of samples.

use gibbsian_classical::ising::{Approximation, SpinMeans, inverse_ising};
use gibbsian_classical::{Boundary, Graph, Ising};
use gibbsian_core::{Energy, Parametric, ParametricMut};
use ndarray::{Array1, Array2, Axis, array};

use crate::models::{random, states};

const METHODS: [Approximation; 3] = [Approximation::MeanField, Approximation::Tap, Approximation::Bethe];

/// The model that a method makes of the exact moments of another one.
fn recovered(method: Approximation, model: &Ising) -> Ising {
    let exact = model.enumerate().unwrap();
    inverse_ising(method, exact.means.view(), exact.second_moments.view()).unwrap()
}

/// The coupling matrix of a model.
fn matrix(model: &Ising) -> Array2<f64> {
    let n = model.graph().n_sites();
    let mut matrix = Array2::zeros((n, n));
    for (&[i, j], coupling) in model.graph().bonds().iter().zip(model.couplings()) {
        matrix[[i, j]] = *coupling;
        matrix[[j, i]] = *coupling;
    }
    matrix
}

#[test]
fn bethe_is_exact_on_trees() {
    let tree = Graph::new(8, vec![[0, 4], [4, 7], [4, 2], [2, 1], [7, 5], [7, 3], [3, 6]]).unwrap();
    for (coupling, field) in [(0.1, 0.1), (0.6, 0.4), (1.2, 0.7)] {
        for seed in 0..5 {
            let model = random(tree.clone(), coupling, field, seed);
            let found = recovered(Approximation::Bethe, &model);
            // The covariance matrix is conditioned as e^{2ΣJ} at worst; its inverse multiplies roundings.
            let error = (matrix(&found) - matrix(&model)).mapv(f64::abs);
            assert!(error.iter().all(|e| *e < 1e-10), "scale {coupling}: {error}");
            let error = (&found.fields() - &model.fields()).mapv(f64::abs);
            assert!(error.iter().all(|e| *e < 1e-10), "scale {coupling}: {error}");
        }
    }
}

#[test]
fn errors_have_the_order_that_was_left_out() {
    // Halving all couplings divides the error of the couplings by 2^order. With fields, mean field leaves J² out, TAP and Bethe leave J³ out.
    let base = random(Graph::complete(5).unwrap(), 1.0, 0.5, 3);
    let at = |scale: f64| {
        let couplings = base.couplings().mapv(|j| scale * j);
        Ising::new(base.graph().clone(), couplings, base.fields().to_owned()).unwrap()
    };
    for (method, order) in METHODS.into_iter().zip([2.0, 3.0, 3.0]) {
        let error = |scale: f64| {
            let model = at(scale);
            let difference = matrix(&recovered(method, &model)) - matrix(&model);
            difference.mapv(|d| d * d).sum().sqrt()
        };
        let slope = (error(0.02) / error(0.01)).log2();
        // The next order is smaller by the scale of the couplings times a few.
        assert!((slope - order).abs() < 0.15, "{method:?}: {slope}");
        let fields = |scale: f64| {
            let model = at(scale);
            let difference = &recovered(method, &model).fields() - &model.fields();
            difference.mapv(|d| d * d).sum().sqrt()
        };
        let slope = (fields(0.02) / fields(0.01)).log2();
        assert!((slope - order).abs() < 0.15, "fields by {method:?}: {slope}");
    }
}

#[test]
fn moments_without_a_model_are_refused_by_name() {
    let good = random(Graph::complete(3).unwrap(), 0.3, 0.3, 1)
        .enumerate()
        .unwrap();
    let refused = |means: Array1<f64>, second: Array2<f64>| {
        inverse_ising(Approximation::Tap, means.view(), second.view())
            .unwrap_err()
            .to_string()
    };
    let (m, s) = (good.means, good.second_moments);
    assert!(refused(array![0.1, 1.0, 0.0], s.clone()).contains("`means[1]` is 1"));
    assert!(refused(array![0.1, f64::NAN, 0.0], s.clone()).contains("`means[1]`"));
    assert!(refused(m.clone(), Array2::ones((2, 3))).contains("`second_moments` has shape [2, 3]"));
    let mut spoilt = s.clone();
    spoilt[[0, 2]] += 1e-3;
    assert!(refused(m.clone(), spoilt).contains("`second_moments[0, 2]`"));
    let mut spoilt = s.clone();
    spoilt[[1, 1]] = 0.9;
    assert!(refused(m.clone(), spoilt).contains("1: a spin squared"));
    // Two spins that are always equal.
    let equal = array![[1.0, 1.0], [1.0, 1.0]];
    assert!(refused(array![0.0, 0.0], equal).contains("covariance matrix"));
    // Correlations that TAP has no coupling for.
    let strong = array![[1.0, -0.05], [-0.05, 1.0]];
    let message = refused(array![0.6, 0.6], strong);
    assert!(message.contains("some coupling has"), "{message}");
}

#[test]
fn observables_are_functions_of_the_exact_means() {
    let model = Ising::uniform(Graph::lattice(&[3, 3], Boundary::Periodic).unwrap(), 0.4, 0.0).unwrap();
    let x = states(9);
    let exact = model.enumerate().unwrap();
    let p = model.energy(x.view()).mapv(|e| (-e - exact.log_z).exp());
    let observed = model.observe(x.view());
    let means = SpinMeans::of(p.dot(&observed).view());
    assert!((means.energy - exact.mean_energy).abs() < 1e-12);
    assert!((means.energy_variance() - exact.energy_variance).abs() < 1e-11);
    let second = exact.second_moments.sum() / 81.0;
    assert!((means.magnetisation_squared - second).abs() < 1e-13);
    let m = x.mean_axis(Axis(1)).unwrap();
    let fourth = m.mapv(|m| m.powi(4)).dot(&p);
    assert!((means.binder_cumulant() - (1.0 - fourth / (3.0 * second * second))).abs() < 1e-12);
    let absolute = m.mapv(f64::abs).dot(&p);
    assert!((means.susceptibility(9) - 9.0 * (second - absolute * absolute)).abs() < 1e-12);
}

#[test]
fn exact_moment_matching_is_the_inverse_of_enumeration() {
    // The exact answer, for comparison with the closed forms: Newton's method on the log-likelihood, with the covariance of the statistics.
    let model = random(Graph::complete(4).unwrap(), 0.5, 0.4, 7);
    let x = states(4);
    let statistics = |model: &Ising| {
        let mut t = Array2::zeros((x.nrows(), model.n_params()));
        for (x, mut t) in x.rows().into_iter().zip(t.rows_mut()) {
            for (k, &[i, j]) in model.graph().bonds().iter().enumerate() {
                t[k] = x[i] * x[j];
            }
            for i in 0..4 {
                t[model.graph().n_bonds() + i] = x[i];
            }
        }
        let log_z = model.log_z().unwrap();
        let p = model.energy(x.view()).mapv(|e| (-e - log_z).exp());
        let mean = p.dot(&t);
        let centred = &t - &mean;
        (mean, centred.t().dot(&(&centred * &p.insert_axis(Axis(1)))))
    };
    let (target, _) = statistics(&model);
    let mut found = recovered(Approximation::Bethe, &model);
    for _ in 0..8 {
        let (mean, covariance) = statistics(&found);
        let step = gibbsian_linalg::Cholesky::new("covariance", covariance.view()).unwrap();
        let params = found.params() + step.solve_vector((&target - &mean).view());
        found.set_params(params.view()).unwrap();
    }
    let error = (found.params() - model.params()).mapv(f64::abs);
    assert!(error.iter().all(|e| *e < 1e-11), "{error}");
}
