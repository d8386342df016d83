//! The times and directions of equations: what every solver refuses before its first step.

use gibbsian_core::process::{OrnsteinUhlenbeck, SteadyClock, VariancePreserving};
use gibbsian_core::{Result, Seed, Space, TimeScore};
use gibbsian_sde::{
    AdaptiveRungeKutta, AdaptiveSdeSteps, AdditiveSde, BrownianTree, CommutativeMilstein, CommutativeSde,
    DiagonalNoise, DiagonalSde, DiffusionJvp, EmbeddedPair, Euler, EulerMaruyama, FixedSteps, Forward,
    FreshNoise, Heun, LevyMilstein, LinearSde, MarginalFlow, Milstein, NoNoise, Ode, OwnClock,
    ProbabilityFlow, ReverseSde, Reversed, RungeKutta4, Sde, Solver, Sra1, Sri1W1, StochasticHeun,
    StratonovichHeun, TimeDirection, TimeDomain, TimeGrid, UnderdampedLangevin,
};
use ndarray::{Array2, ArrayView1, ArrayView2, ArrayViewMut2, array};

/// `dX = dt + dB`, and `dx/dt = 1`, on times that are given.
#[derive(Clone, Copy)]
struct On(TimeDomain);

impl Space for On {
    fn dim(&self) -> usize {
        1
    }
}

impl Ode for On {
    fn time_domain(&self) -> TimeDomain {
        self.0
    }
    fn velocity_into(&self, _: ArrayView2<f64>, _: ArrayView1<f64>, mut out: ArrayViewMut2<f64>) {
        out.fill(1.0);
    }
}

impl Sde for On {
    fn time_domain(&self) -> TimeDomain {
        self.0
    }
    fn drift_into(&self, _: ArrayView2<f64>, _: ArrayView1<f64>, mut out: ArrayViewMut2<f64>) {
        out.fill(1.0);
    }
    fn diffuse_into(
        &self,
        _: ArrayView2<f64>,
        _: ArrayView1<f64>,
        w: ArrayView2<f64>,
        mut out: ArrayViewMut2<f64>,
    ) {
        out.assign(&w);
    }
}

impl DiagonalSde for On {
    fn diffusion_into(&self, _: ArrayView2<f64>, _: ArrayView1<f64>, mut out: ArrayViewMut2<f64>) {
        out.fill(1.0);
    }
    fn diffusion_slope_into(&self, _: ArrayView2<f64>, _: ArrayView1<f64>, mut out: ArrayViewMut2<f64>) {
        out.fill(0.0);
    }
}

impl AdditiveSde for On {
    fn covariance_product_into(&self, _: ArrayView1<f64>, v: ArrayView2<f64>, mut out: ArrayViewMut2<f64>) {
        out.assign(&v);
    }
}

impl DiffusionJvp for On {
    fn diffusion_jvp_into(
        &self,
        _: ArrayView2<f64>,
        _: ArrayView1<f64>,
        _: ArrayView2<f64>,
        _: ArrayView2<f64>,
        mut out: ArrayViewMut2<f64>,
    ) {
        out.fill(0.0);
    }
}

impl CommutativeSde for On {}

fn start() -> Array2<f64> {
    array![[0.5]]
}

/// What a solver makes of an equation between two times.
fn solve<E: Space, S: Solver<E>>(solver: &S, equation: &E, from: f64, to: f64) -> Result<()> {
    let steps = FixedSteps::new(TimeGrid::uniform(from, to, 4).unwrap());
    let noise = FreshNoise::new(Seed::new(1));
    steps.solve(solver, equation, start(), &noise)?;
    steps.trajectory(solver, equation, start(), &noise).map(drop)
}

/// What all solvers of equations of any kind make of this one.
fn solve_by_all(equation: &On, from: f64, to: f64) -> Vec<(&'static str, Result<()>)> {
    macro_rules! by {
        ($($solver:expr),* $(,)?) => {
            vec![$((stringify!($solver), solve(&$solver, equation, from, to))),*]
        };
    }
    let mut found = by!(
        EulerMaruyama,
        Milstein,
        CommutativeMilstein,
        LevyMilstein::new(1),
        StratonovichHeun,
        StochasticHeun,
        Sra1,
        Sri1W1,
        Euler,
        Heun,
        RungeKutta4,
        EmbeddedPair::BOGACKI_SHAMPINE,
        EmbeddedPair::DORMAND_PRINCE,
        EmbeddedPair::TSITOURAS,
    );
    let grid = TimeGrid::uniform(from, to, 4).unwrap();
    let adaptive = AdaptiveRungeKutta::default();
    let dense = adaptive.solve_at(equation, start(), &grid, &[]);
    found.push(("dense solution", dense.map(drop)));
    let tree = BrownianTree::new(from, to, Seed::new(1)).unwrap();
    let steps = AdaptiveSdeSteps::new(from, to, 0.1);
    let adapted = |run: Result<gibbsian_sde::AdaptiveSdeRun>| run.map(drop);
    found.push((
        "adaptive SRA1",
        adapted(steps.solve(&Sra1, equation, start(), &tree)),
    ));
    found.push((
        "adaptive SRI1W1",
        adapted(steps.solve(&Sri1W1, equation, start(), &tree)),
    ));
    found
}

#[test]
fn every_solver_refuses_what_is_not_of_the_equation() {
    let on = |direction: fn(TimeDomain) -> TimeDomain| On(direction(TimeDomain::new(0.0, 1.0).unwrap()));
    let [forwards, backwards, either] = [
        on(TimeDomain::forwards),
        on(TimeDomain::backwards),
        on(TimeDomain::either_way),
    ];
    let accepted = |equation: &On, from: f64, to: f64| {
        for (name, result) in solve_by_all(equation, from, to) {
            assert!(result.is_ok(), "{name} from {from} to {to}: {result:?}");
        }
    };
    for equation in [&forwards, &either] {
        accepted(equation, 0.0, 1.0);
        accepted(equation, 0.25, 0.5);
    }
    for equation in [&backwards, &either] {
        accepted(equation, 1.0, 0.0);
    }
    accepted(&On(TimeDomain::ALL), -3.0, 9.0);
    accepted(&On(TimeDomain::ALL), 9.0, -3.0);

    let refused = |equation: &On, from: f64, to: f64, says: &str| {
        for (name, result) in solve_by_all(equation, from, to) {
            let message = result.expect_err(name).to_string();
            assert!(message.contains(says), "{name}: {message}");
        }
    };
    refused(
        &backwards,
        0.0,
        1.0,
        "` is 1, but must be less than the first time, 0: the equation is solved backwards in time; reverse the grid",
    );
    refused(
        &forwards,
        1.0,
        0.0,
        "` is 0, but must be greater than the first time, 1: the equation is solved forwards in time; reverse the grid",
    );
    refused(
        &backwards,
        2.0,
        0.5,
        "`times[0]` is 2, but must be in [0, 1]; begin at the horizon",
    );
    refused(&backwards, 0.5, -1.0, "` is -1, but must be in [0, 1]");
    for equation in [&forwards, &either] {
        refused(
            equation,
            0.0,
            5.0,
            "` is 5, but must be in [0, 1]; times are those of the equation, divide numbers of steps by their count",
        );
        refused(equation, -0.5, 0.5, "`times[0]` is -0.5, but must be in [0, 1]");
    }
    refused(&either, 5.0, 0.0, "`times[0]` is 5, but must be in [0, 1]");
}

#[test]
fn adaptive_solvers_name_the_ends_they_are_given() {
    let solver = AdaptiveRungeKutta::default();
    let domain = TimeDomain::new(0.0, 1.0).unwrap();
    let refused = |domain: TimeDomain, from: f64, to: f64| {
        let plain = solver.solve(&On(domain), start(), from, to).unwrap_err();
        let each = solver.with_absolute_tolerances(array![1e-5]).unwrap();
        let other = each.solve(&On(domain), start(), from, to).unwrap_err();
        assert_eq!(plain.to_string(), other.to_string());
        plain.to_string()
    };
    assert_eq!(
        refused(domain, 0.0, 5.0),
        "`to` is 5, but must be in [0, 1]; times are those of the equation, divide numbers of steps by their count"
    );
    assert_eq!(
        refused(domain.backwards(), 2.0, 0.0),
        "`from` is 2, but must be in [0, 1]; begin at the horizon and end at a small time such as 1e-3"
    );
    assert_eq!(
        refused(domain.backwards(), 0.0, 1.0),
        "`to` is 1, but must be less than the first time, 0: the equation is solved backwards in time; exchange the two"
    );
}

/// A score that has a value everywhere and at all times.
#[derive(Clone, Copy, Debug)]
struct Everywhere(usize);

impl Space for Everywhere {
    fn dim(&self) -> usize {
        self.0
    }
}

impl TimeScore for Everywhere {
    fn score_at_into(&self, x: ArrayView2<f64>, _: ArrayView1<f64>, mut out: ArrayViewMut2<f64>) {
        out.assign(&-&x);
    }
}

fn vp() -> VariancePreserving {
    VariancePreserving::new(0.1, 20.0).unwrap()
}

#[test]
fn reverse_processes_and_flows_stay_within_the_process() {
    // All of these gave finite numbers once, because the formulas of process and score go on.
    let reverse = ReverseSde::new(vp(), Everywhere(1));
    let message = |result: Result<()>| result.unwrap_err().to_string();
    let refused = message(solve(&EulerMaruyama, &reverse, 2.0, 1e-3));
    assert!(
        refused.starts_with("`times[0]` is 2, but must be in [0, 1]"),
        "{refused}"
    );
    let refused = message(solve(&EulerMaruyama, &reverse, 1e-3, 1.0));
    assert!(
        refused.contains("must be less than the first time, 0.001"),
        "{refused}"
    );
    assert!(solve(&EulerMaruyama, &reverse, 1.0, 1e-3).is_ok());
    let tree = BrownianTree::new(2.0, 0.5, Seed::new(1)).unwrap();
    let adaptive = AdaptiveSdeSteps::new(2.0, 0.5, 0.1).solve(&Sra1, &reverse, start(), &tree);
    let refused = message(adaptive.map(drop));
    assert!(
        refused.starts_with("`times[0]` is 2, but must be in [0, 1]"),
        "{refused}"
    );

    let flow = ProbabilityFlow::new(vp(), Everywhere(1));
    let along = |from: f64, to: f64| {
        let solved = AdaptiveRungeKutta::default().solve(&flow, start(), from, to);
        solved.map(drop)
    };
    assert!(message(along(0.0, 5.0)).starts_with("`to` is 5, but must be in [0, 1]"));
    // Flows go both ways.
    assert!(along(0.0, 1.0).is_ok() && along(1.0, 0.0).is_ok());
    let grid = TimeGrid::uniform(0.0, 1.0, 4).unwrap();
    let fixed = FixedSteps::new(grid).solve(&Euler, &flow, start(), &NoNoise);
    assert!(fixed.is_ok());
}

#[test]
fn equations_say_which_times_they_are_for() {
    use TimeDirection::{Backwards, Either, Forwards};
    let says = |domain: TimeDomain, first: f64, last: f64, direction: TimeDirection| {
        assert_eq!(
            (domain.first(), domain.last(), domain.direction()),
            (first, last, direction)
        );
    };
    let reverse = ReverseSde::new(vp(), Everywhere(2));
    says(reverse.time_domain(), 0.0, 1.0, Backwards);
    let member = |lambda: f64| reverse.with_stochasticity(lambda).unwrap();
    says(member(0.5).time_domain(), 0.0, 1.0, Backwards);
    // Without noise it is the flow.
    says(member(0.0).time_domain(), 0.0, 1.0, Either);
    says(reverse.in_own_clock().time_domain(), 0.0, 1.0, Forwards);
    says(
        OwnClock::new(reverse, 0.75).unwrap().time_domain(),
        -0.25,
        0.75,
        Forwards,
    );
    says(
        ProbabilityFlow::new(vp(), Everywhere(2)).time_domain(),
        0.0,
        1.0,
        Either,
    );

    let forward = Forward::new(vp(), 2).unwrap();
    says(forward.time_domain(), 0.0, 1.0, Forwards);
    says(DiagonalNoise(forward).time_domain(), 0.0, 1.0, Forwards);
    let reversed = Reversed::new(forward, Everywhere(2)).unwrap();
    says(reversed.time_domain(), 0.0, 1.0, Backwards);
    says(
        reversed.with_stochasticity(0.0).unwrap().time_domain(),
        0.0,
        1.0,
        Either,
    );
    says(
        MarginalFlow::new(forward, Everywhere(2)).unwrap().time_domain(),
        0.0,
        1.0,
        Either,
    );
    let clock = SteadyClock::new(2.0, 3.0).unwrap();
    let linear = LinearSde::new(array![[-1.0, 0.0], [0.0, -1.0]], array![[1.0], [0.5]], clock).unwrap();
    says(linear.time_domain(), 0.0, 3.0, Forwards);
    let langevin = UnderdampedLangevin::critically_damped(1, 0.25, clock).unwrap();
    says(langevin.time_domain(), 0.0, 3.0, Forwards);
    says(
        Reversed::new(langevin, Everywhere(2)).unwrap().time_domain(),
        0.0,
        3.0,
        Backwards,
    );
}

#[test]
fn what_is_solved_backwards_already_is_not_reversed() {
    let process = OrnsteinUhlenbeck::new(4.0).unwrap();
    let reverse = ReverseSde::new(process, Everywhere(2));
    let message = Reversed::new(reverse, Everywhere(2)).unwrap_err().to_string();
    assert_eq!(
        message,
        "`equation` is solved backwards in time, but must be one of data that become noise forwards; put it on its own clock"
    );
    assert!(MarginalFlow::new(reverse, Everywhere(2)).is_err());
    assert!(Reversed::new(reverse.in_own_clock(), Everywhere(2)).is_ok());
}

#[test]
fn intervals_that_are_none_are_refused() {
    assert!(TimeDomain::new(1.0, 1.0).is_err());
    assert!(TimeDomain::new(f64::NAN, 1.0).is_err());
    let message = TimeDomain::new(0.0, -1.0).unwrap_err().to_string();
    assert_eq!(
        message,
        "`last` is -1, but must be greater than the first time, 0"
    );
    assert!(TimeDomain::new(0.0, f64::INFINITY).is_ok());
}
