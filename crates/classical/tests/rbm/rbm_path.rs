//! The annealing path of the machine: its densities are machines with interpolated parameters, and its transitions theirs.

use crate::common::{layer, machine};
use gibbsian_classical::{Rbm, RbmPath};
use gibbsian_core::{BlockLaw, Discrete, Energy, Path, Seed};
use gibbsian_testkit::audit::{Audit, step_as_drawn};
use gibbsian_testkit::conformance;
use gibbsian_testkit::differences::Precision;
use gibbsian_testkit::stats::FALSE_ALARM;
use ndarray::{Array1, array};

/// The machine at `β`: layers `(1−β) θ₀ + β θ`, weights `βW`, by hand.
fn machine_at(rbm: &Rbm, path_start: (&Array1<f64>, &Array1<f64>), beta: f64) -> Rbm {
    let between = |start: &Array1<f64>, end: ndarray::ArrayView1<f64>| {
        layer(
            start
                .iter()
                .zip(end)
                .map(|(s, e)| (1.0 - beta) * s + beta * e)
                .collect(),
        )
    };
    Rbm::new(
        between(path_start.0, rbm.visible().bias()),
        between(path_start.1, rbm.hidden().bias()),
        rbm.weights().mapv(|w| beta * w),
    )
    .unwrap()
}

/// `log f_β` of all states.
fn log_densities(path: &impl Path, rbm: &Rbm, beta: f64) -> Array1<f64> {
    let mut state = path.place(rbm.states().unwrap().view()).unwrap();
    let mut log_f = vec![0.0; 1 << rbm.visible().bias().len()];
    path.log_start(&state, &mut log_f);
    path.work(&mut state, 0.0, beta, &mut log_f);
    Array1::from(log_f)
}

fn bases() -> (Array1<f64>, Array1<f64>) {
    (array![0.4, -0.8, 0.3, 1.1], array![0.2, -0.5, 0.0])
}

#[test]
fn the_path_obeys_the_laws_of_its_trait() {
    let rbm = machine(4, 3, 0.9, 0.6, 1);
    let (b, c) = bases();
    let path = RbmPath::new(&rbm, layer(b), layer(c)).unwrap();
    let states = rbm.states().unwrap();
    conformance::path(&path, states.view(), Precision::DOUBLE, Seed::new(5)).unwrap();
    conformance::finite_path(&path, states.view(), Precision::DOUBLE, Seed::new(6)).unwrap();
}

#[test]
fn the_densities_are_those_of_machines_with_interpolated_parameters() {
    let rbm = machine(4, 3, 1.5, 0.6, 2);
    let (b, c) = bases();
    let path = RbmPath::new(&rbm, layer(b.clone()), layer(c.clone())).unwrap();
    let states = rbm.states().unwrap();
    for beta in [0.0, 0.3, 0.75, 1.0] {
        let expected = -machine_at(&rbm, (&b, &c), beta).energy(states.view());
        let found = log_densities(&path, &rbm, beta);
        for (found, expected) in found.iter().zip(&expected) {
            assert!(
                (found - expected).abs() <= 1e-12,
                "β = {beta}: {found} instead of {expected}"
            );
        }
    }
    let start = machine_at(&rbm, (&b, &c), 0.0);
    assert!((path.log_z_start() - start.log_z().unwrap()).abs() <= 1e-13);
}

#[test]
fn the_transitions_are_reversible_sweeps_of_those_machines() {
    let rbm = machine(4, 3, 0.9, 0.6, 3);
    let (b, c) = bases();
    let path = RbmPath::new(&rbm, layer(b.clone()), layer(c.clone())).unwrap();
    for (k, beta) in [0.0, 0.3, 0.75, 1.0].into_iter().enumerate() {
        let states = rbm.states().unwrap();
        let p = machine_at(&rbm, (&b, &c), beta).block_matrix(0, states.view());
        // Against the path's own densities, to rounding.
        let audit = Audit::from_log_weights(states, log_densities(&path, &rbm, beta)).unwrap();
        audit.reversible(p.view()).unwrap();
        let mut rng = Seed::new(40).nth(k as u64).rng();
        step_as_drawn("a transition is a sweep", &audit, p.view(), 4096, &mut |x| {
            let mut state = path.place(x.view()).unwrap();
            path.transition(&mut state, beta, &mut rng);
            Ok(path.positions(&state).into_owned())
        })
        .unwrap()
        .assert(FALSE_ALARM / 4.0);
    }
}

#[test]
fn layers_of_another_size_and_rows_that_do_not_fit_are_refused() {
    let rbm = machine(4, 3, 0.9, 0.6, 1);
    let (b, c) = bases();
    let error = RbmPath::new(&rbm, layer(c.clone()), layer(c.clone())).unwrap_err();
    assert_eq!(
        error.to_string(),
        "`base_visible` has shape [3], but must have shape [4]"
    );
    let error = RbmPath::new(&rbm, layer(b.clone()), layer(b.clone())).unwrap_err();
    assert_eq!(
        error.to_string(),
        "`base_hidden` has shape [4], but must have shape [3]"
    );
    let path = RbmPath::new(&rbm, layer(b), layer(c)).unwrap();
    let error = path.place(array![[0.0, 1.0, 2.0, 0.0]].view()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "`x[0, 2]` is 2, but must be in [0, 1]; divide pixels by 255 or threshold them, and write spins of -1 and 1 as 0 and 1"
    );
}
