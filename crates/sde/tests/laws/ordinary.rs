//! Ordinary equations: orders of fixed steps and of the dense solution, errors against tolerances, rows that do not know of each other.

use gibbsian_core::process::{LinearGaussian, OrnsteinUhlenbeck, VarianceExploding, VariancePreserving};
use gibbsian_sde::{
    AdaptiveRungeKutta, EmbeddedPair, Euler, Event, FixedSteps, Heun, NoNoise, Ode, ProbabilityFlow,
    RungeKutta4, Solver, TimeGrid,
};
use gibbsian_testkit::stats::line::order;
use gibbsian_testkit::targets::{Mixture, Noised};
use gibbsian_testkit::threads::same_on_any_number;
use ndarray::{Array2, Axis, array, s};

use crate::common::equations::{Pair, Turning, distance};
use crate::common::two_modes;

const PAIRS: [EmbeddedPair; 3] = [
    EmbeddedPair::BOGACKI_SHAMPINE,
    EmbeddedPair::DORMAND_PRINCE,
    EmbeddedPair::TSITOURAS,
];

fn fixed<E: Ode, V: Solver<E>>(
    equation: &E,
    solver: &V,
    x: Array2<f64>,
    ends: [f64; 2],
    n: usize,
) -> Array2<f64> {
    let grid = TimeGrid::uniform(ends[0], ends[1], n).unwrap();
    FixedSteps::new(grid)
        .solve(solver, equation, x, &NoNoise)
        .unwrap()
}

/// Requires the order of a scheme, by numbers of steps that are large enough for it to show, forwards and backwards in time.
fn has_order<V: Solver<Pair> + Solver<Turning>>(name: &str, solver: &V, expected: f64, counts: [usize; 3]) {
    for ends in [[0.0, 2.0], [2.0, 0.0]] {
        let exact = |t| Pair::exact(&Pair::start(), t);
        let turned = |t| Turning::exact(&Pair::start(), t);
        let errors = |n| {
            [
                distance(&fixed(&Pair, solver, exact(ends[0]), ends, n), &exact(ends[1])),
                distance(
                    &fixed(&Turning, solver, turned(ends[0]), ends, n),
                    &turned(ends[1]),
                ),
            ]
        };
        let found = counts.map(errors);
        for (equation, of) in ["not linear", "linear"].iter().enumerate() {
            // Schemes of order five are so good on the first that rounding hides their order.
            if equation == 0 && expected > 4.0 {
                continue;
            }
            let slope = order(&counts.map(|n| 2.0 / n as f64), &found.map(|e| e[equation])).slope;
            assert!(
                (slope - expected).abs() < 0.1,
                "{name}, {of}, from {}: {slope}",
                ends[0]
            );
        }
    }
}

#[test]
fn fixed_steps_have_their_orders_in_both_directions_of_time() {
    has_order("Euler", &Euler, 1.0, [1000, 1400, 2000]);
    has_order("Heun", &Heun, 2.0, [200, 300, 400]);
    has_order("Runge and Kutta", &RungeKutta4, 4.0, [100, 150, 200]);
    for (pair, counts) in PAIRS
        .into_iter()
        .zip([[100, 150, 200], [128, 192, 256], [192, 256, 400]])
    {
        has_order(pair.name(), &pair, f64::from(pair.order()), counts);
    }
}

/// Steps of one size, whatever their error.
fn of_size(pair: EmbeddedPair, h: f64) -> AdaptiveRungeKutta {
    AdaptiveRungeKutta {
        pair,
        first_step: Some(h),
        max_step: h,
        absolute_tolerance: 1e6,
        ..AdaptiveRungeKutta::default()
    }
}

#[test]
fn adaptive_steps_of_one_size_are_fixed_steps() {
    for pair in PAIRS {
        let adaptive = of_size(pair, 0.125)
            .solve(&Pair, Pair::start(), 0.0, 2.0)
            .unwrap();
        assert_eq!(adaptive.n_accepted, array![16, 16, 16]);
        assert_eq!(adaptive.n_rejected, array![0, 0, 0]);
        let per_step = pair.n_stages() - 1;
        assert_eq!(adaptive.n_evaluations, array![1, 1, 1] + 16 * per_step);
        let same = fixed(&Pair, &pair, Pair::start(), [0.0, 2.0], 16);
        let off = distance(&adaptive.points, &same);
        assert!(off < 1e-14, "{}: {off}", pair.name());
    }
}

/// A first step that is longer than the largest one is the largest one.
#[test]
fn no_step_is_longer_than_the_largest() {
    let bold = AdaptiveRungeKutta {
        first_step: Some(0.5),
        ..of_size(EmbeddedPair::DORMAND_PRINCE, 0.125)
    };
    let run = bold.solve(&Pair, Pair::start(), 0.0, 2.0).unwrap();
    assert_eq!(run.n_accepted, array![16, 16, 16]);
}

#[test]
fn one_step_is_interpolated_to_the_order_of_its_dense_solution() {
    // A solution of order q between the ends has an error of h^{q + 1} within one step.
    for (pair, dense) in PAIRS.into_iter().zip([3.0, 4.0, 4.0]) {
        for direction in [1.0, -1.0] {
            let scale = if pair.order() == 3 { 0.25 } else { 1.0 };
            let steps = [0.02, 0.03, 0.04, 0.06].map(|h| h * scale * direction);
            let errors = steps.map(|h| {
                let start = Pair::exact(&Pair::start(), 1.0);
                let grid = TimeGrid::uniform(1.0, 1.0 + h, 7).unwrap();
                let (points, solution) = of_size(pair, h.abs()).solve_at(&Pair, start, &grid, &[]).unwrap();
                assert_eq!(solution.n_accepted, array![1, 1, 1]);
                assert_eq!(points.index_axis(Axis(1), 7), solution.points);
                let times = grid.times();
                (1..7)
                    .map(|i| {
                        let exact = Pair::exact(&Pair::start(), times[i]);
                        distance(&points.index_axis(Axis(1), i).to_owned(), &exact)
                    })
                    .fold(0.0, f64::max)
            });
            let slope = order(&steps.map(f64::abs), &errors).slope;
            assert!(
                (slope - dense - 1.0).abs() < 0.1,
                "{}: {slope} instead of {}",
                pair.name(),
                dense + 1.0
            );
        }
    }
}

/// How much the equation makes of an error on the way, at most: `e^{sin}` varies by `e²`, and the other coordinate by `e²` backwards.
const GROWTH: f64 = 7.4;

#[test]
fn errors_are_at_most_the_tolerances_of_all_steps() {
    for pair in PAIRS {
        for tolerance in [1e-3, 1e-5, 1e-7, 1e-9] {
            let solver = AdaptiveRungeKutta {
                pair,
                ..AdaptiveRungeKutta::with_tolerance(tolerance)
            };
            for (from, to) in [(0.0, 2.0), (2.0, 0.0)] {
                let start = Pair::exact(&Pair::start(), from);
                let solution = solver.solve(&Pair, start, from, to).unwrap();
                let exact = Pair::exact(&Pair::start(), to);
                let largest = 2.0 * 1_f64.exp();
                let each = tolerance * (1.0 + largest);
                for (b, &n) in solution.n_accepted.iter().enumerate() {
                    let row = |x: &Array2<f64>| x.slice(s![b..=b, ..]).to_owned();
                    let error = distance(&row(&solution.points), &row(&exact));
                    // The mean of two squares is at most one, so that each is at most the root of two.
                    let bound = 2_f64.sqrt() * each * n as f64 * GROWTH;
                    assert!(error <= bound, "{}: {error:e} above {bound:e}", pair.name());
                    assert_eq!(solution.times[b], to);
                }
            }
        }
    }
}

#[test]
fn errors_fall_with_the_tolerance() {
    let tolerances = [1e-5, 1e-6, 1e-7, 1e-8, 1e-9];
    let exact = Pair::exact(&Pair::start(), 4.0);
    for pair in PAIRS {
        let errors = tolerances.map(|tolerance| {
            let solver = AdaptiveRungeKutta {
                pair,
                ..AdaptiveRungeKutta::with_tolerance(tolerance)
            };
            let solution = solver.solve(&Pair, Pair::start(), 0.0, 4.0).unwrap();
            distance(&solution.points, &exact)
        });
        // The estimate is of order h^{q + 1} with q the lower order, and so is the sum of the errors of the higher.
        let slope = order(&tolerances, &errors).slope;
        assert!((slope - 1.0).abs() < 0.1, "{}: {slope} {errors:?}", pair.name());
    }
}

#[test]
fn a_dense_solution_is_as_good_as_its_steps() {
    let grid = TimeGrid::uniform(0.0, 2.0, 37).unwrap();
    let solver = AdaptiveRungeKutta::with_tolerance(1e-8);
    let (points, solution) = solver.solve_at(&Pair, Pair::start(), &grid, &[]).unwrap();
    let plain = solver.solve(&Pair, Pair::start(), 0.0, 2.0).unwrap();
    // Looking does not change the steps.
    assert_eq!(solution, plain);
    let n = f64::from(u32::try_from(solution.n_accepted.sum()).unwrap());
    for (i, &t) in grid.times().iter().enumerate() {
        let off = distance(
            &points.index_axis(Axis(1), i).to_owned(),
            &Pair::exact(&Pair::start(), t),
        );
        assert!(off < 6.5e-8 * n * GROWTH, "{off:e} at {t}");
    }
    assert_eq!(points.index_axis(Axis(1), 0), Pair::start());
}

fn flow_of_two_modes<P: LinearGaussian + Copy>(process: P) -> ProbabilityFlow<P, Noised<P>> {
    ProbabilityFlow::new(process, two_modes(process).model().clone())
}

fn spread_points(n: usize) -> Array2<f64> {
    Array2::from_shape_fn((n, 2), |(b, i)| 3.0 * ((7 * b + 3 * i) as f64).sin())
}

#[test]
fn a_row_alone_is_the_row_in_a_batch() {
    let flow = flow_of_two_modes(VariancePreserving::new(0.1, 20.0).unwrap());
    let grid = TimeGrid::uniform(1.0, 1e-3, 5).unwrap();
    let x = spread_points(70);
    let solve = |x: Array2<f64>, rows_per_block: usize| {
        let solver = AdaptiveRungeKutta {
            rows_per_block,
            ..AdaptiveRungeKutta::with_tolerance(1e-6)
        };
        let events = [Event::record(&|x, _| x[0])];
        solver.solve_at(&flow, x, &grid, &events).unwrap()
    };
    let (points, whole) = solve(x.clone(), 256);
    assert_eq!((points.clone(), whole.clone()), solve(x.clone(), 7));
    // Rows make different numbers of steps, so they come to lie elsewhere among the others.
    assert!(whole.n_accepted.iter().max() > whole.n_accepted.iter().min());
    for b in 0..x.nrows() {
        let (alone, solution) = solve(x.slice(s![b..=b, ..]).to_owned(), 256);
        assert_eq!(alone.index_axis(Axis(0), 0), points.index_axis(Axis(0), b));
        assert_eq!(solution.points.row(0), whole.points.row(b));
        assert_eq!(solution.n_accepted[0], whole.n_accepted[b]);
        assert_eq!(solution.n_rejected[0], whole.n_rejected[b]);
        assert_eq!(solution.n_evaluations[0], whole.n_evaluations[b]);
        let mine = whole.occurrences.iter().filter(|o| o.row == b);
        for (found, expected) in solution.occurrences.iter().zip(mine.clone()) {
            assert_eq!((found.time, &found.point), (expected.time, &expected.point));
        }
        assert_eq!(solution.occurrences.len(), mine.count());
    }
}

#[test]
fn adaptive_points_do_not_depend_on_the_number_of_threads() {
    let flow = flow_of_two_modes(OrnsteinUhlenbeck::new(4.0).unwrap());
    let solver = AdaptiveRungeKutta {
        rows_per_block: 16,
        ..AdaptiveRungeKutta::default()
    };
    same_on_any_number("adaptive steps", || {
        let solution = solver.solve(&flow, spread_points(100), 4.0, 1e-3).unwrap();
        solution.points.into_iter().collect()
    })
    .unwrap();
}

/// The flow of normal data keeps the distance from the mean in standard deviations.
fn follows_the_normal_law<P: LinearGaussian + Copy>(name: &str, process: P, from: f64, to: f64) {
    let data = Mixture::new(array![1.0], array![[3.0, -1.0]], array![0.5]).unwrap();
    let flow = ProbabilityFlow::new(process, Noised::new(data, process));
    let law = |t: f64| {
        let alpha = process.alpha(t);
        (alpha, (0.25 * alpha * alpha + process.variance(t)).sqrt())
    };
    let ((alpha, deviation), (alpha_to, deviation_to)) = (law(from), law(to));
    let z = spread_points(20);
    let at = |alpha: f64, deviation: f64| &z * deviation + &(array![3.0, -1.0] * alpha);
    for tolerance in [1e-4, 1e-7, 1e-10] {
        let solution = AdaptiveRungeKutta::with_tolerance(tolerance)
            .solve(&flow, at(alpha, deviation), from, to)
            .unwrap();
        let error = distance(&solution.points, &at(alpha_to, deviation_to));
        // An error in standard deviations stays what it is; each step makes one of at most √2 tolerances.
        let n = *solution.n_accepted.iter().max().unwrap() as f64;
        let largest = at(alpha, deviation)
            .iter()
            .chain(&at(alpha_to, deviation_to))
            .fold(0.0, |m: f64, x| m.max(x.abs()));
        let growth = (deviation_to / deviation).max(1.0);
        let bound = 2_f64.sqrt() * tolerance * (1.0 + largest) * n * growth;
        assert!(
            error <= bound,
            "{name} at {tolerance:e}: {error:e} above {bound:e}"
        );
    }
}

#[test]
fn the_flow_of_a_normal_law_is_its_map() {
    let vp = VariancePreserving::new(0.1, 20.0).unwrap();
    follows_the_normal_law("VP", vp, 1.0, 1e-4);
    follows_the_normal_law("VP", vp, 0.0, 1.0);
    let ve = VarianceExploding::new(0.01, 50.0).unwrap();
    follows_the_normal_law("VE", ve, 1.0, 0.0);
    follows_the_normal_law("VE", ve, 0.0, 1.0);
    let ou = OrnsteinUhlenbeck::new(5.0).unwrap();
    follows_the_normal_law("OU", ou, 5.0, 0.0);
}
