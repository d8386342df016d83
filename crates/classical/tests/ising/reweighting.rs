//! A run at one temperature and its neighbours.

use gibbsian_classical::ising::{Reweighting, SpinMeans};
use gibbsian_classical::{Boundary, Graph, Ising, TransferMatrix};
use gibbsian_core::{Density, Discrete, Energy, Seed};
use gibbsian_testkit::stats::{FALSE_ALARM, Test, family, z_test};
use ndarray::{Array2, Array3, array};

use crate::models::random;

fn model() -> Ising {
    let graph = Graph::lattice(&[3, 3], Boundary::Periodic).unwrap();
    Ising::uniform(graph, 0.35, 0.02).unwrap()
}

#[test]
fn all_states_once_are_an_exact_run_of_free_spins() {
    let graph = Graph::triangular(2, 4, Boundary::Open).unwrap();
    let model = random(graph, 0.6, 0.4, 2);
    let x = model.states().unwrap();
    let energies = model.energy(x.view()).into_shape_with_order((4, 64)).unwrap();
    let observed = model.observe(x.view()).into_shape_with_order((4, 64, 5)).unwrap();
    let run = Reweighting::new(energies.view(), observed.view()).unwrap();
    for delta in [-0.7, 0.4, 1.0, 200.0] {
        let exact = model.at(delta).unwrap().enumerate().unwrap();
        let here = run.at(delta).unwrap();
        let scale = exact.log_z.abs();
        assert!((here.log_z_ratio + 8.0 * 2f64.ln() - exact.log_z).abs() < 1e-13 * scale);
        assert!((delta * here.means[0] - exact.mean_energy).abs() < 1e-12 * scale);
        let second = exact.second_moments.sum() / 64.0;
        assert!((here.means[3] - second).abs() < 1e-12);
    }
    // All weights are equal at the run's own temperature, and one state is left where it is very cold.
    assert_eq!(run.at(0.0).unwrap().effective_sample_size, 256.0);
    assert!((run.at(200.0).unwrap().effective_sample_size - 1.0).abs() < 1e-6);
}

/// Independent chains of independent draws of the model and what is observed of them.
fn draws(model: &Ising, n_chains: usize, n_draws: usize, seed: u64) -> (Array2<f64>, Array3<f64>) {
    let exact = TransferMatrix::new(model).unwrap();
    let x = exact.sample(n_chains * n_draws, &mut Seed::new(seed).rng());
    let shape = (n_chains, n_draws);
    let energies = model.energy(x.view()).into_shape_with_order(shape).unwrap();
    let observed = model.observe(x.view());
    let observed = observed.into_shape_with_order((n_chains, n_draws, 5)).unwrap();
    (energies, observed)
}

#[test]
fn neighbours_have_their_exact_values_within_the_errors() {
    let model = model();
    let (energies, observed) = draws(&model, 400, 100, 1);
    let run = Reweighting::new(energies.view(), observed.view()).unwrap();
    let x = model.states().unwrap();
    let (e, f) = (model.energy(x.view()), model.observe(x.view()));
    let log_z = |delta: f64| model.at(1.0 + delta).unwrap().log_z().unwrap();
    let mut tests: Vec<Test> = Vec::new();
    for delta in [-0.3, -0.1, 0.0, 0.1, 0.3] {
        let p = e.mapv(|e| (-(1.0 + delta) * e - log_z(delta)).exp());
        let exact = p.dot(&f);
        let here = run.at(delta).unwrap();
        for k in 0..5 {
            let name = format!("observable {k} at {delta}");
            tests.push(z_test(&name, here.means[k], exact[k], here.standard_errors[k]));
        }
        if delta != 0.0 {
            let expected = log_z(delta) - log_z(0.0);
            tests.push(z_test(
                &format!("log Z at {delta}"),
                here.log_z_ratio,
                expected,
                here.log_z_ratio_standard_error,
            ));
        }
        for (name, f) in [
            (
                "heat capacity",
                SpinMeans::energy_variance as fn(&SpinMeans) -> f64,
            ),
            ("cumulant", SpinMeans::binder_cumulant),
        ] {
            let (value, error) = run.function(delta, |means| f(&SpinMeans::of(means))).unwrap();
            let expected = f(&SpinMeans::of(exact.view()));
            tests.push(z_test(&format!("{name} at {delta}"), value, expected, error));
        }
    }
    family(&tests, FALSE_ALARM).unwrap();
}

#[test]
fn errors_are_those_of_repeated_runs() {
    // The standard error that 200 runs of 30 chains state, and the spread of their results: the relative error of a variance of 200 is √(2/200), and 30 chains
    // determine theirs with √(2/29) each, of which the mean of 200 has little left.
    let model = model();
    let (mut values, mut squares) = (Vec::new(), 0.0);
    for seed in 0..200 {
        let (energies, observed) = draws(&model, 30, 20, 100 + seed);
        let run = Reweighting::new(energies.view(), observed.view()).unwrap();
        let (value, error) = run
            .function(0.2, |means| SpinMeans::of(means).energy_variance())
            .unwrap();
        values.push(value);
        squares += error * error / 200.0;
    }
    let mean = values.iter().sum::<f64>() / 200.0;
    let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / 199.0;
    // Five standard deviations of 0.1, and a tenth for what the jackknife is known to overstate (Efron and Stein 1981).
    let ratio = squares / variance;
    assert!((0.5..1.6).contains(&ratio), "{ratio}");
}

/// Two chains of one draw, of which the jackknife leaves the other: with `f₁` and `f₂` the error is `|f₁ − f₂|/2`, whatever the weights.
#[test]
fn a_chain_with_all_the_weight_can_be_left_out() {
    for gap in [1.0, 100.0, 1e4] {
        let energies = array![[0.0], [gap]];
        let observed = Array3::from_shape_vec((2, 1, 1), vec![3.0, 8.0]).unwrap();
        let run = Reweighting::new(energies.view(), observed.view()).unwrap();
        let here = run.at(-1.0).unwrap();
        assert!((here.standard_errors[0] - 2.5).abs() <= 1e-14, "{here:?}");
        let error = here.log_z_ratio_standard_error;
        assert!((error / (0.5 * gap) - 1.0).abs() <= 1e-14, "{here:?}");
        let (_, error) = run.function(-1.0, |means| means[0]).unwrap();
        assert!((error - 2.5).abs() <= 1e-14, "{error}");
        let log_z = gap + (-gap).exp().ln_1p() - 2f64.ln();
        assert!((here.log_z_ratio / log_z - 1.0).abs() <= 1e-14, "{here:?}");
    }
}

#[test]
fn runs_that_say_nothing_are_refused_by_name() {
    let good = (array![[0.1, 0.2], [0.3, 0.4]], Array3::zeros((2, 2, 1)));
    let refuse =
        |e: &Array2<f64>, o: &Array3<f64>| Reweighting::new(e.view(), o.view()).unwrap_err().to_string();
    assert!(refuse(&array![[0.1, 0.2]], &Array3::zeros((1, 2, 1))).contains("two chains"));
    assert!(refuse(&Array2::zeros((2, 0)), &Array3::zeros((2, 0, 1))).contains("one draw"));
    assert!(refuse(&good.0, &Array3::zeros((2, 3, 1))).contains("observables"));
    assert!(refuse(&array![[0.1, f64::NAN], [0.3, 0.4]], &good.1).contains("energies[0, 1]"));
    assert!(refuse(&good.0, &Array3::from_elem((2, 2, 1), f64::INFINITY)).contains("observables[0, 0, 0]"));
    let run = Reweighting::new(good.0.view(), good.1.view()).unwrap();
    assert!(run.at(f64::NAN).unwrap_err().to_string().contains("delta"));
}
