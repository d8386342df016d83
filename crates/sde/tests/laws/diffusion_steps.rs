//! Single steps of the schemes for diffusion models, held against the formulas of their sources as those are printed.

use gibbsian_core::process::{
    LinearGaussian, OrnsteinUhlenbeck, SubVariancePreserving, VarianceExploding, VariancePreserving,
};
use gibbsian_core::{Seed, Space, TimeScore};
use gibbsian_sde::{
    Ancestral, Ddim, DpmSolver2M, DpmSolver2S, DpmSolverSde2M, EdmHeun, EulerMaruyama, ExponentialIntegrator,
    FixedSteps, FreshNoise, ReverseDiffusion, ReverseSde, ReverseVariance, Solver, Step, StoredPath,
    TimeGrid, UniPc,
};
use gibbsian_testkit::stats::order;
use ndarray::{Array2, ArrayView1, ArrayView2, ArrayViewMut2, array};

use crate::common::linear_law::{MEAN, Reverse, Units, law, marginal_of, processes, reverse_of};

/// A score that is the same number everywhere.
struct Constant(f64);

impl Space for Constant {
    fn dim(&self) -> usize {
        1
    }
}

impl TimeScore for Constant {
    fn score_at_into(&self, _: ArrayView2<f64>, _: ArrayView1<f64>, mut out: ArrayViewMut2<f64>) {
        out.fill(self.0);
    }
}

/// The one step of a grid.
fn only(from: f64, to: f64) -> Step {
    Step {
        index: 0,
        n_steps: 1,
        from,
        to,
    }
}

/// `x' = keep x + score s + Σ d_k z_k` under a constant score.
#[derive(Debug)]
struct Affine {
    keep: f64,
    score: f64,
    variance: f64,
}

fn affine<P, S>(solver: &S, process: P, stochasticity: f64, from: f64, to: f64) -> Affine
where
    P: LinearGaussian + Copy,
    S: Solver<ReverseSde<P, Constant>>,
{
    let run = |score: f64| {
        let equation = ReverseSde::new(process, Constant(score))
            .with_stochasticity(stochasticity)
            .unwrap();
        let mut x = array![[0.0], [1.0], [0.0], [0.0]];
        let (mut units, mut memory) = (Units::from_row(2), S::Memory::default());
        solver.step(&equation, &only(from, to), x.view_mut(), &mut units, &mut memory);
        x
    };
    let (without, with) = (run(0.0), run(1.0));
    Affine {
        keep: without[[1, 0]],
        score: with[[0, 0]],
        variance: without[[2, 0]].powi(2) + without[[3, 0]].powi(2),
    }
}

#[track_caller]
fn close(found: f64, expected: f64, relative: f64) {
    assert!(
        (found - expected).abs() <= relative * expected.abs(),
        "{found} instead of {expected}"
    );
}

/// Steps of all lengths, some of which end at time 0.
const STEPS: [(f64, f64); 6] = [
    (1.0, 0.0),
    (1.0, 0.9),
    (0.5, 0.4999),
    (0.3, 0.1),
    (1e-3, 0.0),
    (0.7, 0.05),
];

#[test]
fn the_exponential_integrator_has_its_closed_forms() {
    for (t, s) in STEPS {
        for stochasticity in [0.0, 0.5, 1.0] {
            let share = 0.5 * (1.0 + stochasticity * stochasticity);
            let squared = stochasticity * stochasticity;
            // Y' = e^h Y + 2 (e^h − 1) s + √(e^{2h} − 1) z, on a horizon of 10.
            let ou = OrnsteinUhlenbeck::new(10.0).unwrap();
            let h = 10.0 * t - 10.0 * s;
            let found = affine(&ExponentialIntegrator, ou, stochasticity, 10.0 * t, 10.0 * s);
            close(found.keep, h.exp(), 1e-13);
            close(found.score, share * 2.0 * h.exp_m1(), 1e-13);
            close(found.variance, squared * (2.0 * h).exp_m1(), 1e-13);

            let vp = VariancePreserving::new(0.1, 20.0).unwrap();
            let found = affine(&ExponentialIntegrator, vp, stochasticity, t, s);
            let integral = (t - s) * (0.1 + 19.9 * 0.5 * (t + s));
            close(found.keep, (0.5 * integral).exp(), 1e-13);
            close(found.score, share * 2.0 * (0.5 * integral).exp_m1(), 1e-13);
            close(found.variance, squared * integral.exp_m1(), 1e-13);

            let ve = VarianceExploding::new(0.01, 50.0).unwrap();
            let found = affine(&ExponentialIntegrator, ve, stochasticity, t, s);
            let added = ve.transition(s, t).variance;
            assert_eq!(found.keep, 1.0);
            close(found.score, share * added, 1e-13);
            close(found.variance, squared * added, 1e-13);
        }
    }
}

/// Noise at rate 1 until 0.3, and at rate 9 from then on.
#[derive(Clone, Copy)]
struct Jump;

impl LinearGaussian for Jump {
    fn horizon(&self) -> f64 {
        1.0
    }
    fn alpha(&self, _: f64) -> f64 {
        1.0
    }
    fn variance(&self, t: f64) -> f64 {
        t + 8.0 * (t - 0.3).max(0.0)
    }
    fn drift_rate(&self, _: f64) -> f64 {
        0.0
    }
    fn diffusion_squared(&self, t: f64) -> f64 {
        if t < 0.3 { 1.0 } else { 9.0 }
    }
}

#[test]
fn the_weight_of_the_frozen_score_is_an_integral_whatever_the_schedule() {
    for (t, s) in STEPS {
        let found = affine(&ExponentialIntegrator, Jump, 1.0, t, s);
        close(found.score, Jump.transition(s, t).variance, 1e-12);

        // ∫ (α_s/α_u) g_u² du by Simpson's rule; g² is smooth.
        let sub = SubVariancePreserving::new(0.1, 20.0).unwrap();
        let f = |u: f64| sub.alpha(s) / sub.alpha(u) * sub.diffusion_squared(u);
        let n = 20_000;
        let h = (t - s) / f64::from(n);
        let simpson: f64 = (0..n)
            .map(|k| {
                let u = s + h * f64::from(k);
                h / 6.0 * (f(u) + 4.0 * f(u + 0.5 * h) + f(u + h))
            })
            .sum();
        let found = affine(&ExponentialIntegrator, sub, 1.0, t, s);
        close(found.score, simpson, 1e-11);
        let transition = sub.transition(s, t);
        close(
            found.variance,
            transition.variance / transition.alpha.powi(2),
            1e-13,
        );
    }
}

#[test]
fn the_noise_of_the_exponential_integrator_follows_the_path_to_second_order() {
    // Under a score of zero nothing is frozen, and what is left is the coupling of the noise.
    for process in processes() {
        const FINEST: usize = 512;
        const SIZES: [usize; 4] = [8, 16, 32, 64];
        let grid = |n| TimeGrid::uniform(process.horizon(), 0.0, n).unwrap();
        let path = StoredPath::draw(grid(FINEST), (2048, 1), Seed::new(7)).unwrap();
        let equation = ReverseSde::new(process, Constant(0.0));
        let solve = |n| {
            FixedSteps::new(grid(n))
                .solve(&ExponentialIntegrator, &equation, Array2::zeros((2048, 1)), &path)
                .unwrap()
        };
        let finest = solve(FINEST);
        let errors = SIZES.map(|n| {
            let difference: Array2<f64> = solve(n) - &finest;
            difference.mapv(|e| e * e).sum().sqrt()
        });
        order(&SIZES.map(|n| 1.0 / n as f64), &errors)
            .within(&format!("{process:?}, {errors:?}"), 2.0, 0.05)
            .unwrap();
    }
}

#[test]
fn ancestral_sampling_is_the_posterior_with_the_expected_data_in_it() {
    for process in processes() {
        for (t, s) in STEPS.map(|(t, s)| (t * process.horizon(), s * process.horizon())) {
            let (alpha_t, alpha_s) = (process.alpha(t), process.alpha(s));
            let (var_t, var_s) = (process.variance(t), process.variance(s));
            let a = alpha_t / alpha_s;
            let v = process.transition(s, t).variance;
            let found = affine(&Ancestral::default(), process, 1.0, t, s);
            close(
                found.keep,
                a * var_s / var_t + alpha_s * v / var_t / alpha_t,
                1e-12,
            );
            close(found.score, alpha_s * v / var_t * var_t / alpha_t, 1e-12);
            close(found.variance, v * var_s / var_t, 1e-12);
            let variance = ReverseVariance::Transition;
            let found = affine(&Ancestral { variance }, process, 1.0, t, s);
            // The step to the data has no noise.
            close(found.variance, if s > 0.0 { v } else { 0.0 }, 1e-14);
        }
    }
}

#[test]
fn ddim_is_its_formula_and_with_all_the_noise_ancestral_sampling() {
    for process in processes() {
        for (t, s) in STEPS.map(|(t, s)| (t * process.horizon(), s * process.horizon())) {
            let ancestral = affine(&Ancestral::default(), process, 1.0, t, s);
            let all = affine(&Ddim::new(1.0).unwrap(), process, 1.0, t, s);
            close(all.keep, ancestral.keep, 1e-14);
            close(all.score, ancestral.score, 1e-14);
            close(all.variance, ancestral.variance, 1e-14);
            let (alpha_t, alpha_s) = (process.alpha(t), process.alpha(s));
            let (sigma_t, sigma_s) = (process.sigma(t), process.sigma(s));
            let posterior = process.transition(s, t).variance * (sigma_s / sigma_t).powi(2);
            for eta in [0.0, 0.3, 0.9] {
                let found = affine(&Ddim::new(eta).unwrap(), process, 1.0, t, s);
                let direction = (sigma_s * sigma_s - eta * eta * posterior).sqrt();
                close(found.keep, alpha_s / alpha_t, 1e-13);
                let score = alpha_s * sigma_t * sigma_t / alpha_t - direction * sigma_t;
                // As printed, the formula cancels.
                let cancelled = 1e-15 * alpha_s * sigma_t * sigma_t / alpha_t;
                assert!((found.score - score).abs() < 1e-12 * score + 4.0 * cancelled);
                close(found.variance, eta * eta * posterior, 1e-13);
            }
        }
    }
}

#[test]
fn ancestral_sampling_is_exact_for_the_data_that_its_variances_are_made_for() {
    let [ou, vp, _] = processes();
    // Data that the process leaves as they are; centred they would be stationary, and the mean does not matter here.
    for process in [ou, vp] {
        let grid = TimeGrid::uniform(process.horizon(), 0.1 * process.horizon(), 5).unwrap();
        let variance = ReverseVariance::Transition;
        let start = marginal_of(&process, 1.0, process.horizon());
        let found = law(&Ancestral { variance }, &reverse_of(process, 1.0), &grid, start);
        let exact = marginal_of(&process, 1.0, grid.last());
        close(found.0, exact.0, 1e-13);
        close(found.1, exact.1, 1e-13);
    }
    for process in processes() {
        let grid = TimeGrid::uniform(process.horizon(), 0.1 * process.horizon(), 5).unwrap();
        let start = marginal_of(&process, 0.0, process.horizon());
        let exact = marginal_of(&process, 0.0, grid.last());
        for found in [
            law(&Ancestral::default(), &reverse_of(process, 0.0), &grid, start),
            law(&DpmSolverSde2M, &reverse_of(process, 0.0), &grid, start),
        ] {
            close(found.0, exact.0, 1e-12);
            close(found.1, exact.1, 1e-12);
        }
    }
}

#[test]
fn the_data_of_one_point_are_reached_by_straight_lines() {
    // The flow keeps (x − α μ)/σ, along which expected data and expected noise are constant.
    fn check<S: Solver<Reverse>>(solver: &S) {
        for process in processes() {
            let equation = reverse_of(process, 0.0);
            let (horizon, end) = (process.horizon(), 0.1 * process.horizon());
            let grid = TimeGrid::new(array![horizon, 0.8 * horizon, 0.3 * horizon, end]).unwrap();
            let noise = FreshNoise::new(Seed::new(1));
            let solve = |grid: TimeGrid| {
                FixedSteps::new(grid)
                    .solve(solver, &equation, array![[-2.0], [5.0]], &noise)
                    .unwrap()
            };
            let kept = |x: f64, t: f64| (x - process.alpha(t) * MEAN) / process.sigma(t);
            let x = solve(grid.clone());
            for (x, start) in x.iter().zip([-2.0, 5.0]) {
                assert!((kept(*x, end) - kept(start, horizon)).abs() < 1e-12);
            }
            // And at time 0 all points are one.
            let x = solve(grid.then(0.0).unwrap());
            assert!(x.iter().all(|x| (x - MEAN).abs() < 1e-12), "{x}");
        }
    }
    check(&Ddim::default());
    check(&DpmSolver2M);
    check(&DpmSolver2S::new(0.4).unwrap());
    check(&UniPc::default());
    check(&EdmHeun::default());
}

#[test]
fn ddpm_and_eulers_steps_differ_at_second_order_by_known_constants() {
    // DDPM's step is (x + β s)/√(1 − β), Euler's for the reverse process of the same rate (1 + β/2) x + β s, and that of reverse diffusion
    // (2 − √(1 − β)) x + β s. With 1/√(1 − β) = 1 + β/2 + 3β²/8 + … and √(1 − β) = 1 − β/2 − β²/8 − … the first less the second is (3/8 x + 1/2 s) β², and less the third (1/4 x + 1/2 s) β².
    let beta = 1e-4_f64;
    let chain = {
        let rate = -(-beta).ln_1p();
        VariancePreserving::new(rate, rate).unwrap()
    };
    let ddpm = affine(
        &Ancestral {
            variance: ReverseVariance::Transition,
        },
        chain,
        1.0,
        1.0,
        0.0,
    );
    // A step that ends at the data has no noise; the noise of the others is that of the transition.
    close(ddpm.keep, 1.0 / (1.0 - beta).sqrt(), 1e-15);
    close(ddpm.score, beta / (1.0 - beta).sqrt(), 1e-12);
    let euler = affine(
        &EulerMaruyama,
        VariancePreserving::new(beta, beta).unwrap(),
        1.0,
        1.0,
        0.0,
    );
    close(euler.variance, beta, 1e-14);
    let mirrored = affine(&ReverseDiffusion, chain, 1.0, 1.0, 0.0);
    close(mirrored.keep, 2.0 - (1.0 - beta).sqrt(), 1e-15);
    close(mirrored.score, beta, 1e-12);
    close(mirrored.variance, beta, 1e-12);
    let second = beta * beta;
    // The next order is β away, and rounding 1e-16/β².
    let tolerance = 3.0 * beta;
    close((ddpm.keep - euler.keep) / second, 3.0 / 8.0, tolerance);
    close((ddpm.score - euler.score) / second, 0.5, tolerance);
    close((ddpm.keep - mirrored.keep) / second, 0.25, tolerance);
    close((ddpm.score - mirrored.score) / second, 0.5, tolerance);
    // On the same clock, ∫β = b, the difference is that of e^{b/2} and 1 + b/2; the weights e^{b/2} − e^{−b/2} and b of the score agree to third order.
    let euler = affine(&EulerMaruyama, chain, 1.0, 1.0, 0.0);
    close((ddpm.keep - euler.keep) / second, 1.0 / 8.0, tolerance);
    assert!((ddpm.score - euler.score).abs() / second < tolerance);
}
