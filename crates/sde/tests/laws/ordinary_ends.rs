//! Where solutions of ordinary equations end: at events, and where there is no solution.

use gibbsian_core::process::OrnsteinUhlenbeck;
use gibbsian_sde::{
    AdaptiveRungeKutta, Crossing, EulerMaruyama, Event, FixedSteps, NoNoise, PiController, TimeGrid,
};
use ndarray::array;

use crate::common::equations::{By, Pair};
use crate::common::two_modes;

/// `x = (cos t, −sin t)`.
fn circle() -> By<impl Fn(&[f64], f64, &mut [f64]) + Sync> {
    By {
        dim: 2,
        velocity: |x: &[f64], _: f64, out: &mut [f64]| (out[0], out[1]) = (x[1], -x[0]),
    }
}

#[test]
fn events_are_where_the_solution_changes_its_sign() {
    use std::f64::consts::PI;
    let solver = AdaptiveRungeKutta::with_tolerance(1e-10);
    let start = array![[1.0, 0.0], [0.0, -1.0]];
    let on_axis = |x: ndarray::ArrayView1<f64>, _: f64| x[0];
    let events = [
        Event::record(&on_axis),
        Event::record(&on_axis).only(Crossing::Rising),
        Event::record(&on_axis).only(Crossing::Falling),
    ];
    for direction in [1.0, -1.0] {
        let solution = solver
            .solve_with_events(&circle(), start.clone(), 0.0, 10.0 * direction, &events)
            .unwrap();
        let times = |row: usize, event: usize| -> Vec<f64> {
            let of = |o: &&gibbsian_sde::Occurrence| (o.row, o.event) == (row, event);
            solution.occurrences.iter().filter(of).map(|o| o.time).collect()
        };
        // The second row starts on the axis, which is no change of sign.
        let expected = [
            (0, 0, vec![0.5 * PI, 1.5 * PI, 2.5 * PI]),
            (0, 1, vec![1.5 * PI]),
            (0, 2, vec![0.5 * PI, 2.5 * PI]),
            (1, 0, vec![PI, 2.0 * PI, 3.0 * PI]),
        ];
        for (row, event, expected) in expected {
            let found = times(row, event);
            assert_eq!(found.len(), expected.len(), "{row} {event} {found:?}");
            for (found, expected) in found.iter().zip(expected) {
                // The circle keeps errors as they are, and its speed is one.
                let bound = 3e-10 * solution.n_accepted[row] as f64;
                assert!((found - direction * expected).abs() < bound, "{found} {expected}");
            }
        }
        for occurrence in &solution.occurrences {
            // Neighbouring times: the solution is zero between them.
            assert!(occurrence.point[0].abs() < 4.0 * f64::EPSILON * 10.0);
        }
    }
}

#[test]
fn a_row_that_stops_has_no_future() {
    let solver = AdaptiveRungeKutta::with_tolerance(1e-4);
    let grid = TimeGrid::uniform(0.0, 3.0, 30).unwrap();
    let (first, second, late) = (
        |x: ndarray::ArrayView1<f64>, _: f64| x[0] - 0.5,
        |x: ndarray::ArrayView1<f64>, _: f64| x[0] - 0.45,
        |x: ndarray::ArrayView1<f64>, _: f64| x[0] - 0.4,
    );
    // Within one long step: what lies before the end is told, what lies behind is not.
    let events = [Event::record(&late), Event::stop(&second), Event::record(&first)];
    let start = array![[1.0, 0.0], [0.1, 0.0]];
    let (points, solution) = solver.solve_at(&circle(), start, &grid, &events).unwrap();
    let found: Vec<(usize, usize)> = solution.occurrences.iter().map(|o| (o.row, o.event)).collect();
    assert_eq!(found, [(0, 2), (0, 1)]);
    let end = 0.45_f64.acos();
    assert!((solution.times[0] - end).abs() < 1e-3 && (solution.points[(0, 0)] - 0.45).abs() < 1e-14);
    assert_eq!(solution.occurrences[1].time, solution.times[0]);
    assert_eq!(solution.occurrences[1].point, solution.points.row(0));
    assert_eq!(solution.times[1], 3.0);
    for (i, t) in grid.times().iter().enumerate() {
        assert_eq!(points[(0, i, 0)].is_nan(), *t > end, "{t}");
        assert!(points[(1, i, 0)].is_finite());
    }
}

#[test]
fn what_cannot_be_solved_is_told_with_row_time_and_step() {
    // x' = x² from 1 has no solution at time 1; from −1 it has.
    let explosion = By {
        dim: 1,
        velocity: |x: &[f64], _: f64, out: &mut [f64]| out[0] = x[0] * x[0],
    };
    let solver = AdaptiveRungeKutta::with_tolerance(1e-6);
    let start = array![[-1.0], [1.0]];
    let message = solver
        .solve(&explosion, start.clone(), 0.0, 2.0)
        .unwrap_err()
        .to_string();
    let (before, after) = message.split_once(" at time ").unwrap();
    assert_eq!(before, "`the step of row 1");
    let (time, rest) = after.split_once("` is ").unwrap();
    assert!((time.parse::<f64>().unwrap() - 1.0).abs() < 1e-4, "{message}");
    assert!(rest.contains("tolerance cannot be met"), "{message}");
    let few = AdaptiveRungeKutta {
        max_steps: 10,
        ..solver
    };
    let message = few
        .solve(&explosion, start.clone(), 0.0, 2.0)
        .unwrap_err()
        .to_string();
    assert!(
        message.contains("`max_steps` is 10") && message.contains("row 1"),
        "{message}"
    );
    let coarse = AdaptiveRungeKutta {
        min_step: 0.1,
        ..solver
    };
    let message = coarse.solve(&explosion, start, 0.0, 2.0).unwrap_err().to_string();
    assert!(
        message.contains("the step of row") && message.contains("tolerance cannot be met"),
        "{message}"
    );

    let hole = By {
        dim: 1,
        velocity: |x: &[f64], _: f64, out: &mut [f64]| out[0] = if x[0] > 0.5 { f64::NAN } else { 1.0 },
    };
    let message = solver
        .solve(&hole, array![[0.0], [0.7]], 0.0, 1.0)
        .unwrap_err()
        .to_string();
    assert!(
        message.contains("the velocity of row 1` became NaN in step 1, from time 0,"),
        "{message}"
    );
    // Found on the way: steps shrink towards it, and then there is no velocity.
    let message = solver
        .solve(&hole, array![[-9.0], [0.0]], 0.0, 1.0)
        .unwrap_err()
        .to_string();
    assert!(
        message.contains("the velocity of row 1` became NaN in step") && message.contains("from time 0.4999"),
        "{message}"
    );
    // At time zero as well, where time itself sets no bound to short steps: √x − 1 leads at once to where there is no root.
    let root = By {
        dim: 1,
        velocity: |x: &[f64], _: f64, out: &mut [f64]| out[0] = x[0].sqrt() - 1.0,
    };
    for ends in [[0.0, 1.0], [0.0, 1e-3], [1e-9, 1.0]] {
        let message = solver
            .solve(&root, array![[4.0], [0.0]], ends[0], ends[1])
            .unwrap_err()
            .to_string();
        assert_eq!(
            message,
            format!(
                "`the velocity of row 1` became NaN in step 1, from time {}, but must stay finite",
                ends[0]
            )
        );
    }
    // A blow-up to infinity is not a solution either.
    let wall = By {
        dim: 1,
        velocity: |x: &[f64], _: f64, out: &mut [f64]| out[0] = if x[0] > 0.5 { f64::INFINITY } else { 1.0 },
    };
    assert!(solver.solve(&wall, array![[0.0]], 0.0, 1.0).is_err());
    // Nor is one that leaves the numbers at a constant velocity, whose steps have no error.
    let flight = By {
        dim: 1,
        velocity: |_: &[f64], _: f64, out: &mut [f64]| out[0] = 1e308,
    };
    let message = solver
        .solve(&flight, array![[0.0]], 0.0, 10.0)
        .unwrap_err()
        .to_string();
    assert!(message.contains("from time 1.79"), "{message}");
}

#[test]
fn a_solution_may_begin_as_fast_as_numbers_near_time_zero_allow() {
    // x' = 1/(t + δ): x = log((t + δ)/δ), whose steps are of the size of t + δ.
    for delta in [1e-12, 1e-20] {
        let equation = By {
            dim: 1,
            velocity: |_: &[f64], t: f64, out: &mut [f64]| out[0] = 1.0 / (t + delta),
        };
        let solution = AdaptiveRungeKutta::with_tolerance(1e-8)
            .solve(&equation, array![[0.0]], 0.0, 1.0)
            .unwrap();
        let exact = -f64::ln(delta);
        // Errors add up, each of a tolerance of one and the point.
        let bound = 1e-8 * (1.0 + exact) * solution.n_accepted[0] as f64;
        assert!((solution.points[[0, 0]] - exact).abs() < bound);
    }
}

#[test]
fn settings_that_make_no_sense_are_refused() {
    let good = AdaptiveRungeKutta::default();
    let refuse = |solver: AdaptiveRungeKutta, name: &str| {
        let message = solver
            .solve(&Pair, Pair::start(), 0.0, 1.0)
            .unwrap_err()
            .to_string();
        assert!(message.contains(&format!("`{name}`")), "{message}");
    };
    macro_rules! refuse {
        ($($field:ident: $value:expr),* $(,)?) => {
            $(refuse(AdaptiveRungeKutta { $field: $value, ..good }, stringify!($field));)*
        };
    }
    refuse!(
        relative_tolerance: -1e-5,
        relative_tolerance: f64::NAN,
        absolute_tolerance: 0.0,
        absolute_tolerance: f64::INFINITY,
        first_step: Some(0.0),
        min_step: -1.0,
        max_step: 0.0,
        max_step: f64::NAN,
        max_steps: 0,
        rows_per_block: 0,
    );
    let controller = |change: fn(&mut PiController)| {
        let mut controller = PiController::default();
        change(&mut controller);
        AdaptiveRungeKutta { controller, ..good }
    };
    refuse(controller(|c| c.safety = 1.5), "safety");
    refuse(controller(|c| c.beta = -0.1), "beta");
    refuse(controller(|c| c.min_factor = 0.95), "min_factor");
    refuse(controller(|c| c.max_factor = 0.5), "max_factor");
    for (from, to, name) in [
        (0.0, 0.0, "to"),
        (f64::NAN, 1.0, "from"),
        (0.0, f64::INFINITY, "to"),
    ] {
        let error = good.solve(&Pair, Pair::start(), from, to).unwrap_err();
        assert!(error.to_string().contains(&format!("`{name}`")), "{error}");
    }
    assert!(good.solve(&Pair, array![[1.0]], 0.0, 1.0).is_err());
    assert!(good.solve(&Pair, array![[1.0, f64::NAN]], 0.0, 1.0).is_err());
    let grid = TimeGrid::uniform(0.0, 1.0, 2).unwrap();
    // What has noise cannot go without.
    let reverse = two_modes(OrnsteinUhlenbeck::new(1.0).unwrap());
    let message = FixedSteps::new(TimeGrid::uniform(1.0, 0.0, 2).unwrap())
        .solve(&EulerMaruyama, &reverse, Pair::start(), &NoNoise)
        .unwrap_err();
    assert!(message.to_string().contains("`noise_dim` is 2"), "{message}");
    assert!(good.solve_at(&Pair, array![[1.0]], &grid, &[]).is_err());
}
