//! Energy errors, reversal and volume of the leapfrog.

use super::*;
use gibbsian_core::Seed;
use gibbsian_linalg::Lu;
use gibbsian_testkit::stats::order;
use gibbsian_testkit::targets::{Gaussian, Mixture};
use ndarray::{Axis, array, concatenate};
use rand::RngExt;
use rand_distr::StandardNormal;

fn metrics() -> [Metric; 3] {
    [
        Metric::Identity,
        Metric::diagonal(array![0.5, 2.0, 1.3]).unwrap(),
        Metric::dense(array![[1.0, 0.4, 0.1], [0.4, 2.0, -0.3], [0.1, -0.3, 0.7]].view()).unwrap(),
    ]
}

fn mixture() -> Mixture {
    let means = array![[0.5, -1.0, 0.3], [-1.0, 0.7, 0.0]];
    Mixture::new(array![0.4, 0.6], means, array![0.8, 1.1]).unwrap()
}

/// Trajectories from some points with some momenta.
fn phase<T: Potential>(target: &T, metric: &Metric, x: Array2<f64>, momentum: Array2<f64>) -> Phase {
    let mut phase = Phase::default();
    let n = x.nrows();
    phase.fit(n, x.ncols(), metric);
    phase.x = x;
    phase.momentum = momentum;
    phase.evaluate(target, metric, n);
    phase.start(metric, n);
    phase
}

fn advance<T: Potential>(phase: &mut Phase, target: &T, metric: &Metric, step: f64, n_steps: usize) {
    let n = phase.x.nrows();
    phase.step.fill(step);
    for _ in 0..n_steps {
        phase.kick_and_drift(metric, 0.5, n);
        phase.evaluate(target, metric, n);
        phase.kick(metric, 0.5, 0..n);
    }
}

fn random(rows: usize, stream: u64) -> Array2<f64> {
    let mut rng = Seed::new(3).nth(stream).rng();
    Array2::from_shape_simple_fn((rows, 3), || rng.sample(StandardNormal))
}

fn hamiltonian(phase: &Phase) -> Array1<f64> {
    &phase.energy + &Array1::from(phase.kinetic.clone())
}

#[test]
fn trajectories_run_back_to_where_they_came_from() {
    for metric in metrics() {
        let (x, w) = (random(5, 0), random(5, 1));
        let mut phase = phase(&mixture(), &metric, x.clone(), w.clone());
        advance(&mut phase, &mixture(), &metric, 0.1, 50);
        assert!((&phase.x - &x).iter().all(|d| d.abs() > 1e-3), "nothing moved");
        advance(&mut phase, &mixture(), &metric, -0.1, 50);
        for (there, back) in [(&x, &phase.x), (&w, &phase.momentum)] {
            assert!(
                (there - back).iter().all(|d| d.abs() < 1e-12),
                "{:e}",
                there - back
            );
        }
    }
}

#[test]
fn the_energy_error_is_of_second_order() {
    let steps = [0.08, 0.04, 0.02, 0.01];
    for metric in metrics() {
        let errors = steps.map(|step| {
            let mut phase = phase(&mixture(), &metric, random(5, 2), random(5, 3));
            let before = hamiltonian(&phase);
            advance(&mut phase, &mixture(), &metric, step, (1.6 / step) as usize);
            (hamiltonian(&phase) - before).mapv(f64::abs).sum()
        });
        // The next term of the error is of fourth order: 0.08² of the first, and of the slope.
        assert!((order(&steps, &errors).slope - 2.0).abs() < 0.05, "{errors:?}");
    }
}

#[test]
fn volume_is_preserved() {
    // On a normal target around zero the map is linear, and its matrix can be written down.
    let precision = array![[2.0, 0.5, 0.0], [0.5, 1.0, -0.2], [0.0, -0.2, 3.0]];
    let target = Gaussian::new(array![0.0, 0.0, 0.0], precision).unwrap();
    for metric in metrics() {
        let basis = Array2::<f64>::eye(6);
        let (x, w) = (basis.slice(s![.., ..3]), basis.slice(s![.., 3..]));
        let mut phase = phase(&target, &metric, x.to_owned(), w.to_owned());
        advance(&mut phase, &target, &metric, 0.3, 7);
        let map = concatenate![Axis(1), phase.x, phase.momentum];
        let log_det = Lu::new("map", map.view()).unwrap().log_abs_det();
        assert!(log_det.abs() < 1e-13, "{log_det:e}");
    }
}

#[test]
fn full_kicks_are_two_half_kicks() {
    for metric in metrics() {
        let mut two = phase(&mixture(), &metric, random(5, 4), random(5, 5));
        let mut one = two.clone();
        advance(&mut two, &mixture(), &metric, 0.1, 2);
        one.step.fill(0.1);
        for share in [0.5, 1.0] {
            one.kick_and_drift(&metric, share, 5);
            one.evaluate(&mixture(), &metric, 5);
        }
        one.kick(&metric, 0.5, 0..5);
        assert!((&one.x - &two.x).iter().all(|d| d.abs() < 1e-14));
        assert!((&one.momentum - &two.momentum).iter().all(|d| d.abs() < 1e-14));
    }
}
