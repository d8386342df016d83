//! Paths between data and noise: their slopes, and what their velocities say of scores.

use crate::flow_fields::Bumps;
use gibbsian_core::LinearGaussian;
use gibbsian_core::prediction::Parametrisation;
use gibbsian_core::process::{OrnsteinUhlenbeck, VarianceExploding, VariancePreserving};
use gibbsian_objectives::{AffinePath, FlowVelocity, ProcessPath, StraightPath, TrigonometricPath};
use gibbsian_testkit::differences::{Precision, derivative};
use ndarray::array;

pub fn paths() -> Vec<(&'static str, Box<dyn AffinePath>)> {
    vec![
        ("straight", Box::new(StraightPath::default())),
        ("with noise", Box::new(StraightPath::ending_at(0.2).unwrap())),
        ("trigonometric", Box::new(TrigonometricPath)),
        (
            "of a process",
            Box::new(ProcessPath::new(OrnsteinUhlenbeck::new(2.0).unwrap(), 0.01).unwrap()),
        ),
    ]
}

#[test]
fn slopes_of_paths_are_their_derivatives() {
    for (name, path) in paths() {
        let (start, end) = path.interval();
        for u in [0.2, 0.5, 0.7] {
            let t = start + u * (end - start);
            let mut at = |h: f64| {
                let scales = path.scales(t + h);
                Ok(array![scales.alpha, scales.sigma])
            };
            let found = derivative(&mut at, t, Precision::DOUBLE).unwrap();
            let scales = path.scales(t);
            for (found, slope) in found.iter().zip([scales.alpha_rate, scales.sigma_rate]) {
                let allowed = found.error() + 1e-9;
                assert!(
                    (found.value - slope).abs() < allowed,
                    "{name} at {t}: {found:?} {slope}"
                );
            }
        }
    }
}

/// `u = f x − ½ g² s` along a process, and back.
#[test]
fn velocities_along_processes_are_probability_flows() {
    fn check(process: impl LinearGaussian) {
        let path = ProcessPath::new(&process, 0.01).unwrap();
        let data = Bumps::two();
        for t in [0.01, 0.3, 0.9] {
            let scales = path.scales(t);
            for x in [-2.0, 0.1, 1.7] {
                let score = data.score(x, &scales);
                let flow = process.drift_rate(t) * x - 0.5 * process.diffusion_squared(t) * score;
                let velocity = data.velocity(x, &scales);
                let scale = 1.0 + flow.abs() + (process.diffusion_squared(t) * score).abs();
                assert!(
                    (flow - velocity).abs() < 1e-12 * scale,
                    "{t} {x}: {flow} {velocity}"
                );
            }
        }
    }
    check(OrnsteinUhlenbeck::new(2.0).unwrap());
    check(VariancePreserving::new(0.1, 20.0).unwrap());
    check(VarianceExploding::new(0.1, 10.0).unwrap());
}

#[test]
fn scores_are_read_from_velocities() {
    let data = Bumps::two();
    for (name, path) in paths() {
        let (start, end) = path.interval();
        for u in [0.1, 0.5, 1.0] {
            let t = start + u * (end - start);
            let (scales, reading) = (path.scales(t), FlowVelocity(&*path).reading(t));
            assert_eq!((reading.input, reading.condition), (1.0, t));
            for x in [-2.0, 0.1, 1.7] {
                let found = reading.skip * x + reading.out * data.velocity(x, &scales);
                let expected = data.score(x, &scales);
                assert!(
                    (found - expected).abs() < 1e-13,
                    "{name} {t} {x}: {found} {expected}"
                );
            }
        }
    }
}
