//! Strong orders on normal data, without a path.
//!
//! The score is affine, so the member `λ` of the family of reverse processes is solved by an integral over its path,
//!
//! `X_s = m_s + Φ(s, t) (X_t − m_t) + ∫ Φ(s, u) λ g_u dW_u`,  `Φ(s, u) = (α_u/α_s)^{λ²} (V_s/V_u)^{(1+λ²)/2}`,
//!
//! with mean `m` and variance `V` of the marginals. What a scheme makes of the path is such an integral too, with a kernel that is constant in every step where it is given increments, and linear where it is given areas as
//! well. The mean square of the difference is the integral of the squared difference of the kernels (Itô's isometry): an error without a Monte Carlo error.

use gibbsian_core::{LinearGaussian, Seed};
use gibbsian_sde::{
    AdaptiveSdeSteps, Ancestral, BrownianMotion, BrownianTree, Ddim, DpmSolverSde2M, Embedded, EulerMaruyama,
    ExponentialIntegrator, FreshNoise, Milstein, ReverseDiffusion, ReverseVariance, Solver, Sra1, Sri1W1,
    StochasticHeun, TimeGrid,
};
use gibbsian_testkit::stats::{FALSE_ALARM, Test, family, kolmogorov_smirnov};
use ndarray::{Array2, Axis};

use crate::common::linear_law::{
    Coefficients, Process, Reverse, all_processes, coefficients, marginal, order_of_halving, reverse,
};

/// Where grids end: in the bulk, as for weak orders.
fn end(process: &Process) -> f64 {
    0.2 * process.horizon()
}

/// `Φ(to, from)` of the member `λ`.
fn propagator(process: &Process, stochasticity: f64, from: f64, to: f64) -> f64 {
    let squared = stochasticity * stochasticity;
    let ((_, v_from), (_, v_to)) = (marginal(process, from), marginal(process, to));
    (process.alpha(from) / process.alpha(to)).powf(squared) * (v_to / v_from).powf(0.5 * (1.0 + squared))
}

/// Nodes in `[0, 1]` and weights of Gauss's rule with three points: exact for polynomials of degree five, and the kernels differ within a step by what is nearly one of degree two, squared.
const RULE: [(f64, f64); 3] = [
    (0.112_701_665_379_258_31, 5.0 / 18.0),
    (0.5, 4.0 / 9.0),
    (0.887_298_334_620_741_7, 5.0 / 18.0),
];

/// The root mean square error at the end of the grid, from the law at its start; `n_numbers` are 1 for a scheme that is given increments, and 2 for one that is given areas as well.
fn strong_error<S: Solver<Reverse>>(
    solver: &S,
    equation: &Reverse,
    grid: &TimeGrid,
    n_numbers: usize,
) -> f64 {
    let process = equation.process();
    let lambda = equation.stochasticity();
    let times = grid.times();
    let (from, to) = (grid.first(), grid.last());
    let steps: Vec<Coefficients> = (0..grid.n_steps())
        .map(|index| coefficients(solver, equation, grid, index))
        .collect();
    // The end is `p x_{i+1} + q x_i` and what came in later.
    let (mut p, mut q) = (1.0, 0.0);
    let (mut shift, mut noise) = (0.0, 0.0);
    for (i, step) in steps.iter().enumerate().rev() {
        let h = times[i] - times[i + 1];
        assert!(
            step.d[n_numbers..].iter().all(|d| *d == 0.0),
            "step {i}: numbers of another kind, {step:?}"
        );
        // The deviations of increment and area are √h and √(h/12); the kernel of the area is ½ − u.
        let kernel = |u: f64| p * (step.d[0] + step.d[1] * 12_f64.sqrt() * (0.5 - u)) / h.sqrt();
        let exact = |u: f64| {
            let t = times[i] - u * h;
            propagator(process, lambda, t, to) * lambda * process.diffusion(t)
        };
        noise += RULE
            .iter()
            .map(|(u, weight)| weight * h * (kernel(*u) - exact(*u)).powi(2))
            .sum::<f64>();
        shift += p * step.c;
        (p, q) = (step.a * p + q, step.b * p);
    }
    let ((m_from, v_from), (m_to, _)) = (marginal(process, from), marginal(process, to));
    let mean = p * m_from + shift - m_to;
    let start = (p - propagator(process, lambda, from, to)).powi(2) * v_from;
    (mean * mean + start + noise).sqrt()
}

/// Requires the errors for halved steps to have this order; what is left of a slope after one extrapolation is of second power of the step, below 10⁻³ of the whole way.
fn strong_order<S: Solver<Reverse>>(
    name: &str,
    solver: &S,
    (stochasticity, n_numbers): (f64, usize),
    expected: f64,
) {
    const SIZES: [usize; 3] = [2048, 4096, 8192];
    for process in all_processes() {
        let equation = reverse(process).with_stochasticity(stochasticity).unwrap();
        let errors = SIZES.map(|n| {
            let grid = TimeGrid::uniform(process.horizon(), end(&process), n).unwrap();
            strong_error(solver, &equation, &grid, n_numbers)
        });
        let found = order_of_halving(errors);
        assert!(
            (found - expected).abs() <= 0.01,
            "{name}, λ = {stochasticity}, {process:?}: order {found} instead of {expected}, errors {errors:?}"
        );
    }
}

#[test]
fn schemes_for_reverse_processes_have_strong_order_one() {
    for stochasticity in [0.5, 1.0, 1.5] {
        let by = (stochasticity, 1);
        strong_order("Euler and Maruyama", &EulerMaruyama, by, 1.0);
        strong_order("Milstein", &Milstein, by, 1.0);
        strong_order("Heun", &StochasticHeun, by, 1.0);
        // Its noise is exact in every step, which takes the area, and its score is frozen.
        strong_order(
            "exponential integrator",
            &ExponentialIntegrator,
            (stochasticity, 2),
            1.0,
        );
        strong_order("reverse diffusion", &ReverseDiffusion, by, 1.0);
    }
    strong_order("ancestral", &Ancestral::default(), (1.0, 1), 1.0);
    let variance = ReverseVariance::Transition;
    strong_order("ancestral, transition", &Ancestral { variance }, (1.0, 1), 1.0);
    for eta in [0.3, 1.0] {
        strong_order("DDIM", &Ddim::new(eta).unwrap(), (eta, 1), 1.0);
    }
    strong_order("SDE-2M", &DpmSolverSde2M, (1.0, 1), 1.0);
}

#[test]
fn sra1_has_strong_order_two_where_the_drift_is_affine() {
    // What it leaves out of a step is `f'² G` times a triple integral of size h^{5/2} and mean zero; the one of size h² that holds it at 3/2 in general has `f''`.
    for stochasticity in [0.5, 1.0, 1.5] {
        strong_order("SRA1", &Sra1, (stochasticity, 2), 2.0);
    }
}

const N_ROWS: usize = 1024;

/// The solution at the end of the path in each row, by its integral over so many intervals of it: what is lost of a kernel that is taken as linear in an interval is of second power of its length.
fn solution(equation: &Reverse, start: &Array2<f64>, tree: &BrownianTree, n_intervals: usize) -> Array2<f64> {
    let process = equation.process();
    let (from, to) = (process.horizon(), end(process));
    let ((m_from, _), (m_to, _)) = (marginal(process, from), marginal(process, to));
    let times = TimeGrid::uniform(from, to, n_intervals).unwrap();
    let kernel = |t: f64| propagator(process, 1.0, t, to) * process.diffusion(t);
    let mut x = (start - m_from) * propagator(process, 1.0, from, to) + m_to;
    for (block, mut x) in x.axis_chunks_iter_mut(Axis(0), 32).enumerate() {
        let mut motion = tree.block(block, 32 * block);
        let (mut w, mut area) = (Array2::zeros(x.raw_dim()), Array2::zeros(x.raw_dim()));
        for ends in times.times().windows(2) {
            motion.increment_and_area_into(ends[0], ends[1], w.view_mut(), area.view_mut());
            // ∫ (u − h/2) dW_u = −h H, with a slope by the ends.
            let (one, other) = (kernel(ends[0]), kernel(ends[1]));
            x.scaled_add(kernel(0.5 * (ends[0] + ends[1])), &w);
            x.scaled_add(one - other, &area);
        }
    }
    x
}

#[test]
fn adaptive_steps_reach_the_law_and_the_solution_under_every_process() {
    fn check<S: Embedded<Reverse>>(name: &str, scheme: &S, tests: &mut Vec<Test>) {
        const TOLERANCE: f64 = 1e-4;
        for (k, process) in all_processes().into_iter().enumerate() {
            let equation = reverse(process);
            let (from, to) = (process.horizon(), end(&process));
            let (mean, variance) = marginal(&process, from);
            let seed = Seed::new(51).nth(k as u64);
            let start = FreshNoise::new(seed.child("start")).normal((N_ROWS, 1)) * variance.sqrt() + mean;
            let tree = BrownianTree::new(from, to, seed.child("path")).unwrap();
            let run = AdaptiveSdeSteps::new(from, to, TOLERANCE)
                .solve(scheme, &equation, start.clone(), &tree)
                .unwrap();
            let exact = solution(&equation, &start, &tree, 1024);
            let error = (&run.points - &exact).mapv(|e| e * e).mean().unwrap().sqrt();

            // A step errs by less than the difference from a coarser scheme, at most the tolerance times one and the point, and what follows multiplies that by at most the largest propagator.
            let n_steps = run.blocks.iter().map(|counts| counts.accepted).max().unwrap();
            let growth = (0..=100)
                .map(|i| propagator(&process, 1.0, to + 0.01 * f64::from(i) * (from - to), to))
                .fold(0.0, f64::max);
            let largest = start
                .iter()
                .chain(&run.points)
                .fold(0.0, |m: f64, x| m.max(x.abs()));
            let bound = TOLERANCE * (1.0 + largest) * growth * n_steps as f64;
            assert!(error <= bound, "{name}, {process:?}: {error} above {bound}");

            let (mean, variance) = marginal(&process, to);
            let standard: Vec<f64> = run.points.iter().map(|x| (x - mean) / variance.sqrt()).collect();
            // So near on every path that the law of so few rows cannot tell.
            assert!(
                error / variance.sqrt() < 0.1 / (N_ROWS as f64).sqrt(),
                "{name}, {process:?}: {error}"
            );
            tests.push(kolmogorov_smirnov(
                &format!("{name}, {process:?}"),
                &standard,
                gibbsian_core::special::normal_cdf,
            ));
        }
    }
    let mut tests = Vec::new();
    check("SRA1", &Sra1, &mut tests);
    check("Heun", &StochasticHeun, &mut tests);
    check("SRI1W1", &Sri1W1, &mut tests);
    family(&tests, FALSE_ALARM).unwrap();
}
