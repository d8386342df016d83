//! Strong orders: the root mean square distance from the solution of the same path, over the step.
//!
//! Where the solution is not known as a function of the path, the best scheme with half the step stands for it: for schemes of lower order it is as good as exact, and for that
//! scheme the distance between steps `h` and `h/2` has the order of the error. With `n` paths the logarithm of an error is known to about `0.7/√n`, and the slope over four halvings
//! to a third of that, or somewhat more where few paths have most of the error.

use std::ops::Range;

use gibbsian_core::process::{OrnsteinUhlenbeck, VariancePreserving};
use gibbsian_core::{LinearGaussian, Seed, Space};
use gibbsian_sde::{
    BrownianMotion, BrownianTree, DiagonalSde, EulerMaruyama, FixedSteps, FreshNoise, Milstein, ReverseSde,
    Solver, Sra1, Sri1W1, StochasticHeun, StoredPath, StratonovichHeun, TimeGrid,
};
use gibbsian_testkit::stats::order;
use gibbsian_testkit::targets::{Mixture, Noised};
use gibbsian_testkit::threads::same_on_any_number;
use ndarray::{Array, Array2, Array3, ArrayView1, Axis, Dimension, array, s};

use super::equations::{Forced, Washboard, coupled, geometric, hyperbolic};

const N_ROWS: usize = 1000;
const SHARE: f64 = 0.05;
const ROWS_PER_BLOCK: usize = 250;

/// `n` steps along the interval, every one on a grid of twice as many.
fn grid(ends: (f64, f64), n: usize) -> TimeGrid {
    TimeGrid::uniform(ends.0, ends.1, n).unwrap()
}

fn steps(grid: TimeGrid) -> FixedSteps {
    FixedSteps {
        rows_per_block: ROWS_PER_BLOCK,
        ..FixedSteps::new(grid)
    }
}

fn solve<E: Space + ?Sized, V: Solver<E>>(
    solver: &V,
    equation: &E,
    grid: TimeGrid,
    start: &Array2<f64>,
    motion: &dyn BrownianMotion,
) -> Array2<f64> {
    steps(grid)
        .solve(solver, equation, start.clone(), motion)
        .unwrap()
}

fn distance<D: Dimension>(x: &Array<f64, D>, y: &Array<f64, D>) -> f64 {
    ((x - y).mapv(|e| e * e).mean().unwrap()).sqrt()
}

/// What a strong order is measured on: an equation, where it starts, a path, and numbers of steps, which are the powers of two in a range.
struct Race<'a, E: ?Sized> {
    equation: &'a E,
    ends: (f64, f64),
    start: Array2<f64>,
    motion: &'a dyn BrownianMotion,
    powers: Range<u32>,
}

impl<E: Space + ?Sized> Race<'_, E> {
    /// The points at `n_times` equally distant times, the last included: `(B, n_times, D)`.
    fn run<V: Solver<E>>(&self, solver: &V, n_steps: usize, n_times: usize) -> Array3<f64> {
        let trajectory = steps(grid(self.ends, n_steps))
            .trajectory(solver, self.equation, self.start.clone(), self.motion)
            .unwrap();
        let every = n_steps / n_times;
        trajectory.slice(s![.., every..;every, ..]).to_owned()
    }

    /// Takes what `solver` makes of half the steps for the solution.
    fn against<V: Solver<E>>(&self, solver: &V) -> Measure<'_, E> {
        let solution = |k: u32| self.run(solver, 2 << k, 1 << self.powers.start);
        Measure {
            race: self,
            solutions: self.powers.clone().map(solution).collect(),
        }
    }

    /// The solution at the end is this.
    fn known(&self, solution: Array2<f64>) -> Measure<'_, E> {
        let solution = solution.insert_axis(Axis(1));
        Measure {
            race: self,
            solutions: self.powers.clone().map(|_| solution.clone()).collect(),
        }
    }
}

/// A race with its solutions, one for each number of steps.
struct Measure<'a, E: ?Sized> {
    race: &'a Race<'a, E>,
    solutions: Vec<Array3<f64>>,
}

impl<E: Space + ?Sized> Measure<'_, E> {
    fn expect<V: Solver<E>>(&self, name: &str, solver: &V, expected: f64, tolerance: f64) {
        let (mut steps, mut errors) = (Vec::new(), Vec::new());
        for (k, solution) in self.race.powers.clone().zip(&self.solutions) {
            let x = self.race.run(solver, 1 << k, solution.shape()[1]);
            steps.push(0.5f64.powi(k as i32));
            errors.push(distance(&x, solution));
        }
        order(&steps, &errors).within(name, expected, tolerance).unwrap();
    }

    /// The orders of all schemes for diagonal noise.
    fn expect_diagonal_orders(&self)
    where
        E: DiagonalSde,
    {
        self.expect("Euler and Maruyama", &EulerMaruyama, 0.5, 0.1);
        self.expect("Milstein", &Milstein, 1.0, SHARE);
        self.expect("Heun in the sense of Stratonovich", &StratonovichHeun, 1.0, SHARE);
        self.expect("SRI1W1", &Sri1W1, 1.5, SHARE);
    }
}

/// The increment over the whole of an interval.
fn whole(motion: &dyn BrownianMotion, shape: (usize, usize), ends: (f64, f64)) -> Array2<f64> {
    let mut w = Array2::zeros(shape);
    for (block, mut rows) in w.axis_chunks_iter_mut(Axis(0), ROWS_PER_BLOCK).enumerate() {
        motion
            .block(block, ROWS_PER_BLOCK * block)
            .increment_into(ends.0, ends.1, rows.view_mut());
    }
    w
}

fn geometric_orders(motion: &dyn BrownianMotion) {
    let (growth, volatility) = (0.5, 0.5);
    let w = whole(motion, (N_ROWS, 1), (0.0, 1.0));
    let race = Race {
        equation: &geometric(growth, volatility),
        ends: (0.0, 1.0),
        start: Array2::ones((N_ROWS, 1)),
        motion,
        powers: 4..9,
    };
    race.known(w.mapv(|w| (growth - 0.5 * volatility * volatility + volatility * w).exp()))
        .expect_diagonal_orders();
}

#[test]
fn orders_for_geometric_brownian_motion_on_a_stored_path() {
    let path = StoredPath::draw(grid((0.0, 1.0), 256), (N_ROWS, 1), Seed::new(11)).unwrap();
    geometric_orders(&path);
}

#[test]
fn orders_for_geometric_brownian_motion_on_a_tree() {
    geometric_orders(&BrownianTree::new(0.0, 1.0, Seed::new(12)).unwrap());
}

#[test]
fn orders_where_noise_depends_on_place_and_time() {
    let ends = (0.0, 0.25);
    let path = StoredPath::draw(grid(ends, 256), (N_ROWS, 1), Seed::new(13)).unwrap();
    let w = whole(&path, (N_ROWS, 1), ends);
    let start: f64 = 0.5;
    let race = Race {
        equation: &hyperbolic(),
        ends,
        start: Array2::from_elem((N_ROWS, 1), start),
        motion: &path,
        powers: 4..9,
    };
    race.known(w.mapv(|w| (1.0 + ends.1) * (w + start.asinh()).sinh()))
        .expect_diagonal_orders();
}

#[test]
fn orders_where_coordinates_drive_each_other() {
    let ends = (0.0, 0.5);
    let path = StoredPath::draw(grid(ends, 512), (N_ROWS, 2), Seed::new(14)).unwrap();
    let race = Race {
        equation: &coupled(),
        ends,
        start: Array2::from_shape_fn((N_ROWS, 2), |(_, i)| i as f64 - 0.3),
        motion: &path,
        powers: 4..9,
    };
    race.against(&Sri1W1).expect_diagonal_orders();
}

/// Increments and areas of all steps of a grid: `(from, to, ΔW, H)` of every row, for one combination of its motions.
fn intervals(motion: &dyn BrownianMotion, grid: &TimeGrid, mix: [f64; 2]) -> Vec<Vec<(f64, f64, f64, f64)>> {
    let mut rows = vec![Vec::new(); N_ROWS];
    for (block, rows) in rows.chunks_mut(ROWS_PER_BLOCK).enumerate() {
        let shape = (rows.len(), 2);
        let mut motion = motion.block(block, ROWS_PER_BLOCK * block);
        let (mut w, mut area) = (Array2::zeros(shape), Array2::zeros(shape));
        for (&from, &to) in grid.times().iter().zip(grid.times().iter().skip(1)) {
            motion.increment_and_area_into(from, to, w.view_mut(), area.view_mut());
            for ((row, w), area) in rows.iter_mut().zip(w.rows()).zip(area.rows()) {
                let mixed = |v: ArrayView1<f64>| mix[0] * v[0] + mix[1] * v[1];
                row.push((from, to, mixed(w), mixed(area)));
            }
        }
    }
    rows
}

#[test]
fn orders_for_a_linear_equation_with_additive_noise() {
    // What SRA1 leaves out at order 3/2 has the factor `f''`: here it has order 2. The solution is exact up to the square of steps 4 times as short.
    let ends = (0.0, 1.0);
    let finest = grid(ends, 1024);
    let path = StoredPath::draw(finest.clone(), (N_ROWS, 2), Seed::new(15)).unwrap();
    let tree = BrownianTree::new(ends.0, ends.1, Seed::new(16)).unwrap();
    for motion in [&path as &dyn BrownianMotion, &tree] {
        let parts = intervals(motion, &finest, Forced::MIX);
        let race = Race {
            equation: &Forced,
            ends,
            start: Array2::from_elem((N_ROWS, 1), 0.4),
            motion,
            powers: 4..9,
        };
        let solution = Array2::from_shape_fn((N_ROWS, 1), |(b, _)| Forced::solution(0.4, ends.1, &parts[b]));
        let race = race.known(solution);
        race.expect("Euler and Maruyama", &EulerMaruyama, 1.0, 0.1);
        race.expect("Heun", &StochasticHeun, 1.0, SHARE);
        race.expect("SRA1", &Sra1, 2.0, SHARE);
    }
}

#[test]
fn orders_for_a_nonlinear_equation_with_additive_noise() {
    let ends = (0.0, 1.0);
    let tree = BrownianTree::new(ends.0, ends.1, Seed::new(25)).unwrap();
    let race = Race {
        equation: &Washboard,
        ends,
        start: FreshNoise::new(Seed::new(26)).normal((N_ROWS, 1)),
        motion: &tree,
        powers: 5..10,
    };
    let race = race.against(&Sra1);
    race.expect("Euler and Maruyama", &EulerMaruyama, 1.0, 0.1);
    race.expect("Heun", &StochasticHeun, 1.0, SHARE);
    race.expect("SRA1", &Sra1, 1.5, SHARE);
}

/// Two modes, under a process whose reverse bends between them.
fn two_modes<P: LinearGaussian>(process: P) -> Noised<P> {
    let mixture = Mixture::new(
        array![0.4, 0.6],
        array![[-1.5, 0.0], [1.5, 0.5]],
        array![0.7, 0.8],
    )
    .unwrap();
    Noised::new(mixture, process)
}

#[test]
fn orders_for_a_reverse_process() {
    // Backwards in time and nonlinear.
    let ends = (1.0, 0.0);
    let process = VariancePreserving::new(1.0, 3.0).unwrap();
    let reverse = ReverseSde::new(process, two_modes(process));
    let tree = BrownianTree::new(ends.0, ends.1, Seed::new(17)).unwrap();
    let race = Race {
        equation: &reverse,
        ends,
        start: FreshNoise::new(Seed::new(18)).normal((500, 2)),
        motion: &tree,
        powers: 5..9,
    };
    let race = race.against(&Sra1);
    race.expect("Euler and Maruyama", &EulerMaruyama, 1.0, 0.1);
    race.expect("Heun", &StochasticHeun, 1.0, SHARE);
    race.expect("SRA1", &Sra1, 1.5, SHARE);
    race.expect("SRI1W1", &Sri1W1, 1.5, SHARE);
}

#[test]
fn with_additive_noise_milsteins_scheme_is_eulers_and_both_of_heun_are_one() {
    let process = OrnsteinUhlenbeck::new(2.0).unwrap();
    let reverse = ReverseSde::new(process, two_modes(process));
    let start = FreshNoise::new(Seed::new(19)).normal((40, 2));
    let noise = FreshNoise::new(Seed::new(20));
    let grid = grid((2.0, 0.0), 32);
    let euler = solve(&EulerMaruyama, &reverse, grid.clone(), &start, &noise);
    let milstein = solve(&Milstein, &reverse, grid.clone(), &start, &noise);
    assert!(distance(&euler, &milstein) < 1e-13);
    let heun = solve(&StochasticHeun, &reverse, grid.clone(), &start, &noise);
    let other = solve(&StratonovichHeun, &reverse, grid, &start, &noise);
    assert!(distance(&heun, &other) < 1e-13);
}

/// All trajectories of an equation backwards in time, and in its own clock.
fn both_clocks<V, E>(solver: &V, equation: E, motions: [&StoredPath; 2]) -> [Array3<f64>; 2]
where
    V: Solver<E> + Solver<gibbsian_sde::OwnClock<E>>,
    E: gibbsian_sde::Sde,
{
    let start = FreshNoise::new(Seed::new(21)).normal((40, 2));
    let backwards = FixedSteps::new(motions[0].grid().clone())
        .trajectory(solver, &equation, start.clone(), motions[0])
        .unwrap();
    let own = gibbsian_sde::OwnClock::new(equation, 2.0).unwrap();
    let forwards = FixedSteps::new(motions[1].grid().clone())
        .trajectory(solver, &own, start, motions[1])
        .unwrap();
    [backwards, forwards]
}

#[test]
fn all_schemes_give_the_same_points_in_both_conventions_of_time() {
    // Powers of two, so that 2 − t is exact.
    let backwards = grid((2.0, 0.0), 64);
    let forwards = backwards.in_own_clock(2.0).unwrap();
    let path = |grid| StoredPath::draw(grid, (40, 2), Seed::new(22)).unwrap();
    let motions = [&path(backwards), &path(forwards)];
    let process = OrnsteinUhlenbeck::new(2.0).unwrap();
    let reverse = || ReverseSde::new(process, two_modes(process));
    for [one, other] in [
        both_clocks(&Milstein, coupled(), motions),
        both_clocks(&StratonovichHeun, coupled(), motions),
        both_clocks(&Sri1W1, coupled(), motions),
        both_clocks(&StochasticHeun, reverse(), motions),
        both_clocks(&Sra1, reverse(), motions),
    ] {
        assert_eq!(one, other);
    }
}

#[test]
fn points_do_not_depend_on_the_number_of_threads() {
    let tree = BrownianTree::new(0.0, 1.0, Seed::new(23)).unwrap();
    let start = FreshNoise::new(Seed::new(24)).normal((1000, 2));
    same_on_any_number("SRI1W1 on a tree", || {
        solve(&Sri1W1, &coupled(), grid((0.0, 1.0), 10), &start, &tree)
            .into_iter()
            .collect()
    })
    .unwrap();
}
