//! Orders of the schemes for diffusion models, on normal data by the exact recursion of mean and variance.

use gibbsian_core::LinearGaussian;
use gibbsian_core::Seed;
use gibbsian_sde::{
    Ancestral, Ddim, DpmSolver2M, DpmSolver2S, DpmSolverSde2M, EdmHeun, ExponentialIntegrator, FixedSteps,
    FreshNoise, LangevinStep, PredictorCorrector, ReverseDiffusion, ReverseSde, ReverseVariance, Solver,
    StoredPath, TimeGrid, UniPc,
};
use gibbsian_testkit::stats::order;
use gibbsian_testkit::targets::{Mixture, Noised};
use ndarray::{Array2, array};

use crate::common::law_over_grid::{Normal, law_over_grid};
use crate::common::linear_law::{
    Process, Reverse, all_processes, law, marginal, order_of_halving, processes, reverse,
};

/// Where grids end: in the bulk, because near time 0 the schemes whose weights go with `σ_s/σ_t` have errors `h log h`.
fn end(process: &Process) -> f64 {
    0.2 * process.horizon()
}

/// Requires errors for halved steps to have this order.
fn check_order(name: &str, process: Process, errors: [f64; 3], expected: f64) {
    const TOLERANCE: f64 = 0.01;
    let found = order_of_halving(errors);
    assert!(
        (found - expected).abs() <= TOLERANCE,
        "{name}, {process:?}: order {found} instead of {expected}, errors {errors:?}"
    );
}

/// Requires the errors of mean and variance to be of this order in the step.
///
/// From the right mean most schemes go on with the right mean, because the score vanishes there. So the mean starts one away, `y = 1`. In the member `λ` of the family
/// `y'/y = f + ½ (1 + λ²) g²/V` with the variance `V` of the marginal, and `g²/V = V'/V − 2f`, from which `y_s/y_t = (α_t/α_s)^{λ²} (V_s/V_t)^{(1 + λ²)/2}`.
fn weak_order<S: Solver<Reverse>>(name: &str, solver: &S, stochasticity: f64, expected: f64) {
    const SIZES: [usize; 3] = [512, 1024, 2048];
    const ROUNDING: f64 = 1e-12;
    for process in all_processes() {
        let equation = reverse(process).with_stochasticity(stochasticity).unwrap();
        let (horizon, end) = (process.horizon(), end(&process));
        let ((m_from, v_from), (m_to, v_to)) = (marginal(&process, horizon), marginal(&process, end));
        let squared = stochasticity * stochasticity;
        let scale = (process.alpha(horizon) / process.alpha(end)).powf(squared);
        let exact_mean = m_to + scale * (v_to / v_from).powf(0.5 * (1.0 + squared));
        let laws = SIZES.map(|n| {
            let grid = TimeGrid::uniform(horizon, end, n).unwrap();
            law(solver, &equation, &grid, (m_from + 1.0, v_from))
        });
        let mean_errors = laws.map(|law| (law.0 - exact_mean).abs());
        // Tweedie's formula has no error in the mean of normal data, and with it all schemes that are it.
        if mean_errors.iter().any(|&e| e > ROUNDING) {
            check_order(name, process, mean_errors, expected);
        }
        check_order(name, process, laws.map(|law| (law.1 - v_to).abs()), expected);
    }
}

#[test]
fn the_exponential_integrator_has_weak_order_one_for_every_member_of_the_family() {
    for stochasticity in [0.0, 0.5, 1.0, 1.5] {
        let name = format!("λ = {stochasticity}");
        weak_order(&name, &ExponentialIntegrator, stochasticity, 1.0);
    }
}

#[test]
fn the_exponential_integrator_keeps_its_order_down_to_the_data() {
    for process in processes() {
        let horizon = process.horizon();
        let errors = [512, 1024, 2048].map(|n| {
            let grid = TimeGrid::uniform(horizon, 0.0, n).unwrap();
            let found = law(
                &ExponentialIntegrator,
                &reverse(process),
                &grid,
                marginal(&process, horizon),
            );
            (found.1 - marginal(&process, 0.0).1).abs()
        });
        check_order("to time 0", process, errors, 1.0);
    }
}

#[test]
fn reverse_diffusion_has_weak_order_one() {
    for stochasticity in [0.0, 1.0] {
        let name = format!("λ = {stochasticity}");
        weak_order(&name, &ReverseDiffusion, stochasticity, 1.0);
    }
}

#[test]
fn ancestral_sampling_and_ddim_have_weak_order_one() {
    let variance = ReverseVariance::Transition;
    weak_order("variance of the transition", &Ancestral { variance }, 1.0, 1.0);
    weak_order("variance of the posterior", &Ancestral::default(), 1.0, 1.0);
    for eta in [0.0, 0.6] {
        let name = format!("η = {eta}");
        weak_order(&name, &Ddim::new(eta).unwrap(), eta, 1.0);
    }
}

#[test]
fn dpm_solvers_have_weak_order_two() {
    weak_order("2M", &DpmSolver2M, 0.0, 2.0);
    weak_order("SDE-2M", &DpmSolverSde2M, 1.0, 2.0);
    for ratio in [0.3, 0.5, 0.8] {
        let name = format!("2S at {ratio}");
        weak_order(&name, &DpmSolver2S::new(ratio).unwrap(), 0.0, 2.0);
    }
}

#[test]
fn heuns_method_has_weak_order_two_with_churn_and_without() {
    weak_order("no churn", &EdmHeun::default(), 0.0, 2.0);
    // Bounds inside the grid, where the number of churned steps would jump, are for other tests.
    let churn = EdmHeun {
        churn: 2.0,
        ..EdmHeun::default()
    };
    for process in processes() {
        // At the horizon churn has no room: the grid starts below it, as the recursion may, from the law there.
        let start = 0.8 * process.horizon();
        let exact = marginal(&process, end(&process));
        let sizes = [512, 1024, 2048];
        let errors = sizes.map(|n| {
            let grid = TimeGrid::uniform(start, end(&process), n).unwrap();
            let found = law(&churn, &reverse(process), &grid, marginal(&process, start));
            (found.1 - exact.1).abs()
        });
        check_order("churn", process, errors, 2.0);
    }
}

#[test]
fn deterministic_schemes_converge_to_the_probability_flow() {
    // For normal data it is known: (x_s − α_s μ)/√V_s does not change on the way, V the variance of the marginal.
    fn error<S: Solver<Reverse>>(solver: &S, process: Process, n: usize) -> f64 {
        let (from, to) = (process.horizon(), end(&process));
        let grid = TimeGrid::uniform(from, to, n).unwrap();
        let start = array![[-3.0], [0.0], [1.0], [4.0]];
        let noise = FreshNoise::new(Seed::new(1));
        let x = FixedSteps::new(grid)
            .solve(solver, &reverse(process), start.clone(), &noise)
            .unwrap();
        let ((m_from, v_from), (m_to, v_to)) = (marginal(&process, from), marginal(&process, to));
        let exact = start.mapv(|x| m_to + (x - m_from) * (v_to / v_from).sqrt());
        (x - exact).iter().fold(0.0, |m, e| f64::max(m, e.abs()))
    }
    fn check<S: Solver<Reverse>>(name: &str, solver: &S, expected: f64) {
        for process in processes() {
            let sizes = [512, 1024, 2048];
            let errors = sizes.map(|n| error(solver, process, n));
            check_order(name, process, errors, expected);
        }
    }
    check("DDIM", &Ddim::default(), 1.0);
    check("2M", &DpmSolver2M, 2.0);
    check("2S", &DpmSolver2S::default(), 2.0);
    check("UniPC-1", &UniPc::new(1).unwrap(), 2.0);
    check("UniPC-2", &UniPc::default(), 3.0);
    check("Heun", &EdmHeun::default(), 2.0);
    // With three values the error on the way is of fourth order, and what is left of the third is that of the first steps, which know fewer: a small part of the error of order two.
    for process in processes() {
        let sizes = [128, 256, 512];
        let of_two = sizes.map(|n| error(&UniPc::default(), process, n));
        let of_three = sizes.map(|n| error(&UniPc::new(3).unwrap(), process, n));
        for (two, three) in of_two.iter().zip(&of_three) {
            assert!(*three < 0.1 * two, "{process:?}: {of_three:?}, {of_two:?}");
        }
        for pair in of_three.windows(2) {
            let order = (pair[0] / pair[1]).log2();
            assert!((2.98..=4.02).contains(&order), "{process:?}: {of_three:?}");
        }
    }
}

#[test]
fn unipc_with_three_values_has_order_four_once_it_has_them() {
    // Two steps of length h² for a beginning: the first has a local error of their third power, h⁶, and then all values are there. A polynomial through points so near each other multiplies rounding by the square of h over
    // their distance, h⁻², and 512 steps already show it; in as few as these what two extrapolations leave is a hundredth or two.
    const TOLERANCE: f64 = 0.05;
    for process in all_processes() {
        let (from, to) = (process.horizon(), end(&process));
        let (v_from, v_to) = (marginal(&process, from).1, marginal(&process, to).1);
        let errors = [32, 64, 128, 256].map(|n| {
            let short = (from - to) / f64::from(n * n);
            let rest = TimeGrid::uniform(from - 2.0 * short, to, n as usize).unwrap();
            let first = [from, from - short];
            let times = first.into_iter().chain(rest.times().to_vec());
            let grid = TimeGrid::new(times.collect()).unwrap();
            let law = law_from_horizon(&UniPc::new(3).unwrap(), process, &grid);
            // Of a scheme without noise V_s/V_t is the square of its map.
            ((law.1 / v_from).sqrt() - (v_to / v_from).sqrt()).abs()
        });
        let found = order_of_halving(errors);
        assert!(
            (found - 4.0).abs() <= TOLERANCE,
            "{process:?}: order {found}, errors {errors:?}"
        );
    }
}

/// Mean and variance at the end of the grid, from the right ones at the horizon.
fn law_from_horizon<S: Solver<Reverse>>(solver: &S, process: Process, grid: &TimeGrid) -> (f64, f64) {
    let (equation, start) = (reverse(process), marginal(&process, process.horizon()));
    // The recursion looks back one step; without noise the whole map costs no more, and looks back as far as the scheme does.
    if solver.noise_dim(&equation) > 0 {
        return law(solver, &equation, grid, start);
    }
    law_by_map(solver, process, grid)
}

/// The same by the map of the whole grid.
fn law_by_map<S: Solver<Reverse>>(solver: &S, process: Process, grid: &TimeGrid) -> (f64, f64) {
    let (mean, variance) = marginal(&process, process.horizon());
    let start = Normal {
        mean: array![mean],
        covariance: array![[variance]],
    };
    let end = law_over_grid(solver, &reverse(process), grid, &start);
    (end.mean[0], end.covariance[[0, 0]])
}

#[test]
fn schemes_that_end_at_time_zero_reach_the_law_of_the_data() {
    // Errors at 1,000 steps are below 2 %, and half as large or less at 4,000 (near time 0 some orders have a logarithm).
    fn check<S: Solver<Reverse>>(name: &str, solver: &S) {
        for process in all_processes() {
            let horizon = process.horizon();
            let exact = marginal(&process, 0.0);
            let [coarse, fine] = [1000, 4000].map(|n| {
                let grid = TimeGrid::uniform(horizon, 0.0, n).unwrap();
                let found = law_from_horizon(solver, process, &grid);
                (found.0 - exact.0).abs().max((found.1 - exact.1).abs())
            });
            assert!(
                coarse < 0.02 && fine < 0.5 * coarse,
                "{name}, {process:?}: {coarse}, {fine}"
            );
        }
    }
    check("exponential integrator", &ExponentialIntegrator);
    check("reverse diffusion", &ReverseDiffusion);
    check("ancestral", &Ancestral::default());
    let variance = ReverseVariance::Transition;
    check("ancestral, transition", &Ancestral { variance });
    check("DDIM", &Ddim::default());
    check("DDIM, half the noise", &Ddim::new(0.5).unwrap());
    check("2M", &DpmSolver2M);
    check("2S", &DpmSolver2S::default());
    check("UniPC-2", &UniPc::default());
    check("UniPC-3", &UniPc::new(3).unwrap());
    check("SDE-2M", &DpmSolverSde2M);
    check("Heun", &EdmHeun::default());
}

#[test]
fn a_corrector_repairs_the_law_of_its_predictor_up_to_its_own_error() {
    // Coarse steps of DDIM leave an error in the variance. The corrector's fixed point is V/(1 − ε/(2V)), which it nears from any start.
    for process in processes() {
        let (horizon, end) = (process.horizon(), end(&process));
        let grid = TimeGrid::uniform(horizon, end, 8).unwrap();
        let (_, variance) = marginal(&process, end);
        let size = 0.01 * variance;
        let solver = |n_corrections| PredictorCorrector {
            n_corrections,
            ..PredictorCorrector::new(Ddim::default(), LangevinStep::Fixed(size))
        };
        let ends = |n_corrections| law_by_map(&solver(n_corrections), process, &grid).1;
        let fixed_point = variance / (1.0 - 0.5 * size / variance);
        let alone = ends(0);
        let few = ends(2);
        assert!((few - fixed_point).abs() < 0.98 * (alone - fixed_point).abs());
        // Each step shrinks what is left by (1 − ε/V)²: after 400, by 3e-4.
        let many = ends(400);
        assert!((many / fixed_point - 1.0).abs() < 1e-3, "{many}, {fixed_point}");
    }
}

/// The root mean square distance of solutions on a path from those with much smaller steps on the same path.
fn strong_order<P, S>(name: &str, solver: &S, process: P, expected: f64)
where
    P: LinearGaussian + Copy,
    S: Solver<ReverseSde<P, Noised<P>>>,
{
    strong_order_at([16, 32, 64, 128], 4096, name, solver, process, expected);
}

/// The same for these numbers of steps, against so many.
fn strong_order_at<P, S>(sizes: [usize; 4], finest: usize, name: &str, solver: &S, process: P, expected: f64)
where
    P: LinearGaussian + Copy,
    S: Solver<ReverseSde<P, Noised<P>>>,
{
    let data = Mixture::new(array![0.3, 0.7], array![[-1.0], [1.0]], array![0.6, 0.5]).unwrap();
    let equation = ReverseSde::new(process, Noised::new(data, process));
    let (horizon, n_rows) = (process.horizon(), 64);
    let grid = |n| TimeGrid::uniform(horizon, 0.125 * horizon, n).unwrap();
    let path = StoredPath::draw(grid(finest), (n_rows, 1), Seed::new(5)).unwrap();
    let start = FreshNoise::new(Seed::new(6)).normal((n_rows, 1)) * process.prior_variance().sqrt();
    let solve = |n| -> Array2<f64> {
        FixedSteps::new(grid(n))
            .solve(solver, &equation, start.clone(), &path)
            .unwrap()
    };
    let solution = solve(finest);
    let errors = sizes.map(|n| {
        let difference = solve(n) - &solution;
        (difference.mapv(|e| e * e).mean().unwrap()).sqrt()
    });
    order(&sizes.map(|n| 1.0 / n as f64), &errors)
        .within(&format!("{name}, errors {errors:?}"), expected, 0.05)
        .unwrap();
}

#[test]
fn schemes_that_follow_the_path_have_strong_order_one() {
    let [Process::Ou(ou), Process::Vp(vp), Process::Ve(ve)] = processes() else {
        unreachable!("one of each");
    };
    strong_order("exponential integrator, OU", &ExponentialIntegrator, ou, 1.0);
    strong_order("exponential integrator, VP", &ExponentialIntegrator, vp, 1.0);
    strong_order("exponential integrator, VE", &ExponentialIntegrator, ve, 1.0);
    strong_order("ancestral", &Ancestral::default(), ou, 1.0);
    strong_order("reverse diffusion", &ReverseDiffusion, vp, 1.0);
    for eta in [0.3, 1.0] {
        let ddim = Ddim::new(eta).unwrap();
        strong_order(&format!("DDIM, η = {eta}, OU"), &ddim, ou, 1.0);
        strong_order(&format!("DDIM, η = {eta}, VP"), &ddim, vp, 1.0);
    }
    // What this one makes of the noise is of first order, the rest of second and much larger in long steps. Under VP 64 paths leave 0.06 of the slope open, too much to hold it to 0.05.
    let sizes = [512, 1024, 2048, 4096];
    strong_order_at(sizes, 65_536, "SDE-2M, OU", &DpmSolverSde2M, ou, 1.0);
}
