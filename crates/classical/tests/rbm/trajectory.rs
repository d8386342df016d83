//! The path through saved machines: it is at each of them, between two of them in between, and a path everywhere.

use crate::common::{layer, machine};
use gibbsian_classical::{Bernoulli, Gaussian, Rbm, RbmStart, RbmTrajectory};
use gibbsian_core::{Discrete, Energy, Ladder, Parametric, ParametricMut, Path, Seed};
use gibbsian_testkit::agreement::close;
use gibbsian_testkit::conformance;
use gibbsian_testkit::differences::Precision;
use ndarray::{Array1, Array2, array};

const DOUBLE: Precision = Precision::DOUBLE;

fn start() -> RbmStart<Bernoulli, Bernoulli> {
    RbmStart {
        visible: layer(array![0.3, -0.2, 0.5]),
        hidden: layer(array![-0.4, 0.1]),
    }
}

fn machines() -> Vec<Rbm> {
    (1..=3u32)
        .map(|k| machine(3, 2, 0.5 * f64::from(k), 0.6, u64::from(k)))
        .collect()
}

/// Knots where the checks of paths change pieces, so that their quadrature sees smooth ones.
fn trajectory() -> RbmTrajectory<Bernoulli, Bernoulli> {
    let ladder = Ladder::new(vec![0.0, 0.125, 0.625, 1.0]).unwrap();
    RbmTrajectory::with_ladder(start(), machines(), ladder).unwrap()
}

#[test]
fn a_trajectory_obeys_the_laws_of_paths() {
    let path = trajectory();
    let states = machines()[0].states().unwrap();
    conformance::path(&path, states.view(), DOUBLE, Seed::new(1)).unwrap();
    conformance::finite_path(&path, states.view(), DOUBLE, Seed::new(2)).unwrap();
}

/// Real units, whose precisions are interpolated, too.
#[test]
fn a_trajectory_of_real_units_obeys_the_laws_of_paths() {
    let visible = |b: f64, gamma: f64| Gaussian::new(array![b, -0.3], array![gamma, 1.2]).unwrap();
    let weights = |w: f64| array![[w, -0.4], [0.3, 0.5 * w]];
    let machines = [(0.2, 0.9, 0.4), (-0.5, 1.8, 1.1)]
        .map(|(b, gamma, w)| Rbm::new(visible(b, gamma), layer(array![b, 0.4]), weights(w)).unwrap());
    let start = RbmStart {
        visible: visible(0.0, 1.0),
        hidden: layer(array![0.0, 0.0]),
    };
    let ladder = Ladder::new(vec![0.0, 0.625, 1.0]).unwrap();
    let path = RbmTrajectory::with_ladder(start, machines.to_vec(), ladder).unwrap();
    let x = array![[0.4, -0.9], [-1.1, 0.3], [1.7, 0.8]];
    conformance::path(&path, x.view(), DOUBLE, Seed::new(3)).unwrap();
}

/// `log f_β` of all states.
fn log_densities(path: &impl Path, states: &Array2<f64>, beta: f64) -> Array1<f64> {
    let mut state = path.place(states.view()).unwrap();
    let mut log_f = vec![0.0; states.nrows()];
    path.log_start(&state, &mut log_f);
    path.work(&mut state, 0.0, beta, &mut log_f);
    Array1::from(log_f)
}

#[test]
fn the_path_is_at_every_machine_and_between_its_neighbours() {
    let (path, machines) = (trajectory(), machines());
    let states = machines[0].states().unwrap();
    for (machine, beta) in machines.iter().zip(&path.ladder().betas()[1..]) {
        let expected = -machine.energy(states.view());
        close(
            "log densities",
            &log_densities(&path, &states, *beta),
            &expected,
            1e-13,
        )
        .unwrap();
        assert_eq!(path.at(*beta), *machine);
    }
    assert!(path.machines().eq(&machines));
    // A quarter of the way from the first to the second.
    let mut between = machines[0].clone();
    let params = machines[0].params() * 0.75 + machines[1].params() * 0.25;
    between.set_params(params.view()).unwrap();
    close(
        "log densities",
        &log_densities(&path, &states, 0.25),
        &-between.energy(states.view()),
        1e-13,
    )
    .unwrap();
    // Independent layers at the start.
    let layers = Rbm::new(start().visible, start().hidden, Array2::zeros((3, 2))).unwrap();
    assert_eq!(path.at(0.0), layers);
    assert!((path.log_z_start() - layers.log_z().unwrap()).abs() < 1e-14);
}

#[test]
fn machines_that_do_not_fit_are_refused_by_name() {
    let refusal = |machines: Vec<Rbm>| RbmTrajectory::new(start(), machines).unwrap_err().to_string();
    assert!(refusal(vec![]).contains("the number of machines"));
    let wide = refusal(vec![machine(3, 4, 1.0, 1.0, 1), machine(3, 2, 1.0, 1.0, 1)]);
    assert!(wide.contains("machines[0].hidden"), "{wide}");
    let other = refusal(vec![machine(4, 2, 1.0, 1.0, 1)]);
    assert!(other.contains("start.visible"), "{other}");
    let ladder = RbmTrajectory::with_ladder(start(), machines(), Ladder::linear(4).unwrap());
    assert!(ladder.unwrap_err().to_string().contains("5 rungs"));
    assert_eq!(
        RbmTrajectory::new(start(), machines())
            .unwrap()
            .ladder()
            .n_rungs(),
        4
    );
}
