//! Exact maximum likelihood.

use gibbsian_classical::{BoltzmannMachine, ExactFit, Observations, VisibleMarginal};
use gibbsian_core::{Discrete, Energy, EnergyPullback, Parametric, ParametricMut, Seed};
use ndarray::{Array1, Array2, ArrayView2, array, concatenate, s};
use rand::RngExt;

use super::{assert_all_close, assert_close, boltzmann, enumerate};

/// Rows of coin tosses, some of which were copied from a neighbour.
fn cases(n: usize, n_units: usize, seed: u64) -> Array2<f64> {
    let mut rng = Seed::new(seed).child("cases").rng();
    let mut x = Array2::from_shape_simple_fn((n, n_units), || f64::from(rng.random::<f64>() < 0.4));
    for b in 0..n {
        for i in 1..n_units {
            if rng.random::<f64>() < 0.4 {
                x[[b, i]] = x[[b, i - 1]];
            }
        }
    }
    x
}

/// `⟨log p(known)⟩` by a sum over all states of the machine for every case.
fn log_likelihood(machine: &BoltzmannMachine, x: ArrayView2<f64>, known: ArrayView2<bool>) -> f64 {
    let (states, p, _) = enumerate(machine);
    let agrees = |s: usize, b: usize| (0..x.ncols()).all(|i| !known[[b, i]] || states[[s, i]] == x[[b, i]]);
    let total = |b: usize| {
        (0..states.nrows())
            .filter(|&s| agrees(s, b))
            .map(|s| p[s])
            .sum::<f64>()
            .ln()
    };
    (0..x.nrows()).map(total).sum::<f64>() / x.nrows() as f64
}

#[test]
fn visible_moments_are_those_of_the_data() {
    let x = cases(200, 6, 1);
    let start = BoltzmannMachine::independent(Array1::zeros(6)).unwrap();
    let fitted = ExactFit::default()
        .maximise(&start, &Observations::complete(x.view()).unwrap())
        .unwrap();
    let data = x.t().dot(&x) / 200.0;
    assert_all_close(&fitted.clamped, &data, 1e-15);
    assert_all_close(&fitted.free, &data, 1e-12);
    assert_all_close(&fitted.machine.moments().unwrap().second, &data, 1e-12);
    let all = Array2::from_elem(x.raw_dim(), true);
    assert_close(
        fitted.log_likelihood,
        log_likelihood(&fitted.machine, x.view(), all.view()),
        1e-13,
    );
    // Quadratic convergence, and another start leads to the same machine.
    assert!(fitted.n_steps < 12, "{} steps", fitted.n_steps);
    let again = ExactFit::default()
        .maximise(
            &boltzmann(6, 1.0, 1.0, 2),
            &Observations::complete(x.view()).unwrap(),
        )
        .unwrap();
    assert_all_close(
        &again.machine.weights().to_owned(),
        &fitted.machine.weights().to_owned(),
        1e-9,
    );
}

#[test]
fn a_machine_is_found_again_from_its_own_law() {
    // Cases in the proportions of a machine's law, whose probabilities are multiples of 2⁻²⁰ up to rounding.
    let truth = boltzmann(3, 1.0, 0.5, 4);
    let (states, p, _) = enumerate(&truth);
    let counts: Vec<usize> = p.iter().map(|p| (p * 20_000.0).round() as usize).collect();
    let n = counts.iter().sum();
    let mut x = Array2::zeros((0, 3));
    for (s, &count) in states.rows().into_iter().zip(&counts) {
        let rows = s.broadcast((count, 3)).unwrap();
        x = concatenate![ndarray::Axis(0), x, rows];
    }
    assert_eq!(x.nrows(), n);
    let start = BoltzmannMachine::independent(Array1::zeros(3)).unwrap();
    let found = ExactFit::default()
        .maximise(&start, &Observations::complete(x.view()).unwrap())
        .unwrap();
    // Counts were rounded by a half of 20,000; a parameter moves by about that over the smallest cell.
    let smallest = p.iter().fold(1.0f64, |m, p| m.min(*p));
    let moved = &found.machine.params() - &truth.params();
    let bound = 8.0 * 0.5 / 20_000.0 / smallest;
    assert!(moved.iter().all(|d| d.abs() < bound), "{moved} against {bound}");
}

#[test]
fn hidden_units_and_missing_entries_are_summed_out() {
    let x = cases(120, 5, 7);
    let mut rng = Seed::new(3).rng();
    let known = Array2::from_shape_simple_fn(x.raw_dim(), || rng.random::<f64>() < 0.8);
    let observed = Observations::new(x.view(), known.view()).unwrap();
    let fit = ExactFit {
        ridge: 0.02,
        ..ExactFit::default()
    };
    let fitted = fit.maximise(&boltzmann(7, 0.5, 0.5, 9), &observed).unwrap();
    assert_close(
        fitted.log_likelihood,
        log_likelihood(&fitted.machine, x.view(), known.view()),
        1e-13,
    );
    let of_cases = fitted.machine.log_probability(x.view(), known.view()).unwrap();
    assert_close(of_cases.mean().unwrap(), fitted.log_likelihood, 1e-13);
    assert_close(
        of_cases[17],
        log_likelihood(
            &fitted.machine,
            x.slice(s![17..18, ..]),
            known.slice(s![17..18, ..]),
        ),
        1e-13,
    );
    // At the optimum clamped and free co-occurrences differ by the pull of the ridge alone.
    let machine = &fitted.machine;
    let difference = machine.statistics(fitted.clamped.view()) - machine.statistics(fitted.free.view());
    let pull = machine.params() * 0.02;
    for (d, p) in difference.iter().zip(&pull) {
        assert_close(*d, *p, 1e-12);
    }
    assert_all_close(&machine.moments().unwrap().second, &fitted.free, 1e-13);
    // No direction goes up: the objective falls by the square of a small step.
    let objective = |machine: &BoltzmannMachine| {
        let theta = machine.params();
        log_likelihood(machine, x.view(), known.view()) - 0.01 * theta.dot(&theta)
    };
    let top = objective(machine);
    for k in 0..machine.n_params() {
        for step in [-1e-3, 1e-3] {
            let mut moved = machine.clone();
            let mut theta = machine.params();
            theta[k] += step;
            moved.set_params(theta.view()).unwrap();
            assert!(objective(&moved) < top, "parameter {k} by {step}");
        }
    }
}

#[test]
fn clamped_and_free_moments_agree_with_the_gradient_of_the_marginal() {
    // One step of no length: what `Fitted` calls clamped and free is what the energy pullback computes.
    let x = cases(60, 4, 5);
    let fit = ExactFit {
        ridge: 0.5,
        ..ExactFit::default()
    };
    let fitted = fit
        .maximise(
            &boltzmann(6, 0.5, 0.5, 3),
            &Observations::complete(x.view()).unwrap(),
        )
        .unwrap();
    let visible = VisibleMarginal::new(fitted.machine.clone(), 4).unwrap();
    let mean = |x: ArrayView2<f64>, w: Array1<f64>| {
        let mut grad = Array1::zeros(visible.n_params());
        visible.energy_pullback_into(x, w.view(), grad.view_mut());
        -grad
    };
    let clamped = mean(x.view(), Array1::from_elem(60, 1.0 / 60.0));
    let states = visible.states().unwrap();
    let p = visible
        .energy(states.view())
        .mapv(|f| (-f - visible.log_z().unwrap()).exp());
    let free = mean(states.view(), p);
    let machine = &fitted.machine;
    for (a, b) in clamped.iter().zip(&machine.statistics(fitted.clamped.view())) {
        assert_close(*a, *b, 1e-13);
    }
    for (a, b) in free.iter().zip(&machine.statistics(fitted.free.view())) {
        assert_close(*a, *b, 1e-13);
    }
}

#[test]
fn a_maximum_at_infinity_or_a_saddle_is_refused() {
    // The second unit is never on without the first.
    let x = array![[0.0, 0.0], [1.0, 1.0], [1.0, 0.0], [1.0, 1.0]];
    let cases = Observations::complete(x.view()).unwrap();
    let start = BoltzmannMachine::independent(Array1::zeros(2)).unwrap();
    let error = ExactFit::default()
        .maximise(&start, &cases)
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("infinity") || error.contains("curvature"),
        "{error}"
    );
    let ridge = ExactFit {
        ridge: 1e-3,
        ..ExactFit::default()
    };
    assert!(ridge.maximise(&start, &cases).is_ok());
    // A hidden unit that is coupled to nothing: the visible part is fitted, and the rest has no curvature.
    let x = super::fit::cases(100, 3, 2);
    let start = BoltzmannMachine::independent(Array1::zeros(4)).unwrap();
    let error = ExactFit::default()
        .maximise(&start, &Observations::complete(x.view()).unwrap())
        .unwrap_err()
        .to_string();
    assert!(error.contains("curvature"), "{error}");
}

#[test]
fn equal_cases_are_kept_once() {
    let x = array![[0.0, 1.0], [0.0, 0.0], [0.0, 1.0]];
    let mut known = Array2::from_elem((3, 2), true);
    let observed = Observations::new(x.view(), known.view()).unwrap();
    assert_eq!(
        (observed.n_cases(), observed.n_distinct(), observed.n_units()),
        (3, 2, 2)
    );
    // An entry that is missing is no zero.
    known[[2, 1]] = false;
    assert_eq!(Observations::new(x.view(), known.view()).unwrap().n_distinct(), 3);
    known.slice_mut(s![.., 1]).fill(false);
    assert_eq!(Observations::new(x.view(), known.view()).unwrap().n_distinct(), 1);
    // Of a machine of three units, the last one hidden: all but nothing is known of a case, and p(nothing) = 1.
    let machine = boltzmann(3, 1.0, 1.0, 1);
    known.fill(false);
    let log_p = machine.log_probability(x.view(), known.view()).unwrap();
    assert!(log_p.iter().all(|l| l.abs() <= 1e-15), "{log_p}");
    assert!(
        boltzmann(1, 1.0, 1.0, 1)
            .log_probability(x.view(), known.view())
            .is_err()
    );
}
