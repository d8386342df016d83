//! Flows carry densities: the continuity equation, of equations and scores that are not normal.

use gibbsian_core::process::{FunctionClock, VariancePreserving};
use gibbsian_core::{At, Energy, Score, TimePotential};
use gibbsian_sde::{DiagonalNoise, Forward, LinearSde, MarginalFlow, Ode, ReversibleSde};
use gibbsian_testkit::differences::{Precision, derivative};
use gibbsian_testkit::targets::{Mixture, Noised};
use gibbsian_testkit::verdict::{Verdict, require};
use ndarray::{Array2, Axis, array};

use crate::ito::equations::geometric;
use crate::state_dependent::{LogNormal, Shares};
use crate::underdamped::mixture;

/// `∂ log p/∂t + div u + u · ∇ log p = 0`: the flow carries the density along. Nothing here is normal.
fn is_carried<E, M>(equation: E, model: M, x: Array2<f64>, t: f64) -> Verdict
where
    E: ReversibleSde,
    M: TimePotential + Clone,
{
    let flow = MarginalFlow::new(equation, model.clone()).unwrap();
    let n_dims = x.ncols();
    for row in x.rows() {
        let point = row.to_owned().insert_axis(Axis(0));
        let velocity = |x: &Array2<f64>| {
            let mut out = Array2::zeros((1, n_dims));
            flow.velocity_into(x.view(), array![t].view(), out.view_mut());
            out
        };
        let mut in_time = |h: f64| Ok(At::new(&model, array![t + 0.5 * t * h].view()).energy(point.view()));
        let slope = derivative(&mut in_time, 0.0, Precision::DOUBLE)?[0];
        let (mut sum, mut error) = (-slope.value / (0.5 * t), slope.error() / (0.5 * t));
        let mut size = sum.abs();
        let score = At::new(&model, array![t].view()).score(point.view());
        for i in 0..n_dims {
            let mut along = |h: f64| {
                let mut moved = point.clone();
                moved[[0, i]] += 0.1 * h;
                Ok(array![velocity(&moved)[[0, i]]])
            };
            let slope = derivative(&mut along, 0.0, Precision::DOUBLE)?[0];
            let carried = velocity(&point)[[0, i]] * score[[0, i]];
            sum += slope.value / 0.1 + carried;
            size += slope.value.abs() / 0.1 + carried.abs();
            error += slope.error() / 0.1;
        }
        require(
            sum.abs() <= 1e-12 * size + 8.0 * error && error < 1e-6 * size,
            "the flow carries the density",
            format_args!("{sum:e} of terms of the size {size} ± {error:e} at {row}, time {t}"),
        )?;
    }
    Ok(())
}

#[test]
fn two_modes_are_carried_by_their_flow() -> Verdict {
    let mixture = mixture();
    let phases = array![
        [0.3, -0.2, 0.1, 0.0],
        [1.2, 0.1, -0.2, 0.3],
        [-1.0, 0.6, 0.4, -0.5]
    ];
    for t in [0.1, 0.4, 0.9] {
        is_carried(*mixture.process(), mixture.clone(), phases.clone(), t)?;
        let process = VariancePreserving::new(0.1, 20.0).unwrap();
        let data = Mixture::new(
            array![0.3, 0.7],
            array![[-1.0, 0.0], [1.0, 0.5]],
            array![0.6, 0.4],
        )
        .unwrap();
        let points = array![[0.3, -0.2], [0.9, 0.8], [-2.0, 1.0]];
        let forward = Forward::new(process, 2).unwrap();
        is_carried(forward, Noised::new(data.clone(), process), points.clone(), t)?;
        // The same process with matrices.
        let clock = FunctionClock::new(1.0, |t| (t * (0.1 + 9.95 * t), 0.1 + 19.9 * t)).unwrap();
        let linear = LinearSde::new(Array2::eye(2) * -0.5, Array2::eye(2), clock).unwrap();
        is_carried(linear, Noised::new(data, process), points, t)?;
    }
    Ok(())
}

#[test]
fn densities_are_carried_where_noise_depends_on_the_point() -> Verdict {
    // One coordinate by its noise and its slope, and two with a matrix of noises whose divergence is written out.
    let one = LogNormal::new(array![0.4], array![[0.3]], array![0.5], array![[0.7]]);
    let two = Shares::law();
    for t in [0.1, 0.4, 0.9] {
        let points = array![[0.3], [1.0], [4.0]];
        is_carried(DiagonalNoise(geometric(0.5, 0.7)), one.clone(), points, t)?;
        let points = array![[0.5, 1.2], [2.0, 0.8], [1.0, 3.0]];
        is_carried(Shares, two.clone(), points, t)?;
    }
    Ok(())
}
