//! The family of DPM-Solver++, held against its algorithms as they are printed.

use gibbsian_core::Seed;
use gibbsian_core::process::{LinearGaussian, VariancePreserving};
use gibbsian_sde::{
    Ancestral, BrownianMotion, Ddim, DpmSolver2M, DpmSolver2S, DpmSolverSde2M, FixedSteps, FreshNoise,
    StoredPath, TimeGrid,
};
use ndarray::{Array2, array};

use crate::common::linear_law::processes;
use crate::common::two_modes;

#[test]
fn first_steps_are_those_of_first_order() {
    for process in processes() {
        let (t, s) = (0.8 * process.horizon(), 0.5 * process.horizon());
        let grid = TimeGrid::new(array![t, s]).unwrap();
        let start = array![[0.3, -1.0], [1.5, 0.4]];
        let noise = FreshNoise::new(Seed::new(3));
        let equation = two_modes(process);
        let steps = FixedSteps::new(grid);
        let ddim = steps
            .solve(&Ddim::default(), &equation, start.clone(), &noise)
            .unwrap();
        let flow = steps
            .solve(&DpmSolver2M, &equation, start.clone(), &noise)
            .unwrap();
        assert!((flow - ddim).iter().all(|e| e.abs() < 1e-13));
        let ancestral = steps
            .solve(&Ancestral::default(), &equation, start.clone(), &noise)
            .unwrap();
        let reverse = steps.solve(&DpmSolverSde2M, &equation, start, &noise).unwrap();
        assert!((reverse - ancestral).iter().all(|e| e.abs() < 1e-13));
    }
}

#[test]
fn dpm_solvers_are_their_algorithms() {
    let process = VariancePreserving::new(0.1, 20.0).unwrap();
    let equation = two_modes(process);
    let [t0, t1, t2] = [0.9, 0.7, 0.55];
    let start = array![[0.3, -1.0], [1.5, 0.4]];
    let noise = FreshNoise::new(Seed::new(3));
    let level = |t: f64| 0.5 * process.log_snr(t);
    let data = |x: &Array2<f64>, t: f64| equation.denoise(x.view(), t).unwrap();
    let flow = |x: &Array2<f64>, data: &Array2<f64>, t: f64, s: f64| {
        let h = level(s) - level(t);
        x * (process.sigma(s) / process.sigma(t)) - data * (process.alpha(s) * (-h).exp_m1())
    };
    let agree = |found: Array2<f64>, expected: &Array2<f64>| {
        assert!((found - expected).iter().all(|e| e.abs() < 1e-12));
    };
    let solve = |times: &[f64]| FixedSteps::new(TimeGrid::new(times.to_vec().into()).unwrap());

    // Algorithm 2, D = (1 + 1/(2r)) x̂_1 − 1/(2r) x̂_0 with r = h_1/h_2.
    let d0 = data(&start, t0);
    let x1 = flow(&start, &d0, t0, t1);
    let d1 = data(&x1, t1);
    let r = (level(t1) - level(t0)) / (level(t2) - level(t1));
    let d = &d1 * (1.0 + 0.5 / r) - &d0 * (0.5 / r);
    let x2 = flow(&x1, &d, t1, t2);
    let found = solve(&[t0, t1, t2]).solve(&DpmSolver2M, &equation, start.clone(), &noise);
    agree(found.unwrap(), &x2);

    // Algorithm 1 with its inner point at r of the step.
    for r in [0.5, 0.3] {
        let s = process
            .time_at_log_snr(2.0 * ((1.0 - r) * level(t0) + r * level(t1)))
            .unwrap();
        let u = flow(&start, &d0, t0, s);
        let d = &d0 * (1.0 - 0.5 / r) + data(&u, s) * (0.5 / r);
        let solver = DpmSolver2S::new(r).unwrap();
        let found = solve(&[t0, t1]).solve(&solver, &equation, start.clone(), &noise);
        agree(found.unwrap(), &flow(&start, &d, t0, t1));
    }

    // The stochastic one: (σ_s/σ_t) e^{−h} x + α_s (1 − e^{−2h}) D + σ_s √(1 − e^{−2h}) z.
    let reverse = |x: &Array2<f64>, data: &Array2<f64>, z: &Array2<f64>, t: f64, s: f64| {
        let h = level(s) - level(t);
        let share = -(-2.0 * h).exp_m1();
        x * (process.sigma(s) / process.sigma(t) * (-h).exp())
            + data * (process.alpha(s) * share)
            + z * (process.sigma(s) * share.sqrt())
    };
    let grid = TimeGrid::new(array![t0, t1, t2]).unwrap();
    let path = StoredPath::draw(grid.clone(), (2, 2), Seed::new(8)).unwrap();
    let normal = |from: f64, to: f64| {
        let mut w = Array2::zeros((2, 2));
        path.block(0, 0).increment_into(from, to, w.view_mut());
        w / (from - to).sqrt()
    };
    let x1 = reverse(&start, &d0, &normal(t0, t1), t0, t1);
    let d1 = data(&x1, t1);
    let d = &d1 * (1.0 + 0.5 / r) - &d0 * (0.5 / r);
    let x2 = reverse(&x1, &d, &normal(t1, t2), t1, t2);
    let found = FixedSteps::new(grid).solve(&DpmSolverSde2M, &equation, start, &path);
    agree(found.unwrap(), &x2);
}
