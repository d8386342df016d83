//! Noise that is not of the equation: churn and correctors, held against their algorithms.

use gibbsian_core::process::{LinearGaussian, VariancePreserving};
use gibbsian_core::{Seed, Space, TimeScore};
use gibbsian_sde::{
    BrownianBlock, Ddim, EdmHeun, FixedSteps, FreshNoise, LangevinStep, PredictorCorrector, ReverseSde,
    Solver, Step, TimeGrid,
};
use gibbsian_testkit::targets::{Mixture, Noised};
use ndarray::{Array2, ArrayView1, ArrayView2, ArrayViewMut2, array};

use crate::common::two_modes;

/// Gives these numbers whenever it is asked for ones beside the path, which it does not have.
struct Beside(Array2<f64>);

impl BrownianBlock for Beside {
    fn increment_into(&mut self, _: f64, _: f64, _: ArrayViewMut2<f64>) {
        panic!("a scheme without noise of the equation asked for it");
    }

    fn increment_and_area_into(&mut self, _: f64, _: f64, _: ArrayViewMut2<f64>, _: ArrayViewMut2<f64>) {
        panic!("a scheme without noise of the equation asked for it");
    }

    fn independent_into(&mut self, mut z: ArrayViewMut2<f64>) {
        z.assign(&self.0);
    }
}

/// `σ_t = t`, the process that the algorithm of Karras et al. (2022) is written for.
#[derive(Clone, Copy)]
struct Elucidated;

impl LinearGaussian for Elucidated {
    fn horizon(&self) -> f64 {
        80.0
    }
    fn alpha(&self, _: f64) -> f64 {
        1.0
    }
    fn variance(&self, t: f64) -> f64 {
        t * t
    }
    fn drift_rate(&self, _: f64) -> f64 {
        0.0
    }
    fn diffusion_squared(&self, t: f64) -> f64 {
        2.0 * t
    }
}

#[test]
fn heuns_method_is_algorithm_2_on_its_own_process() {
    let equation = two_modes(Elucidated);
    let denoiser = |x: &Array2<f64>, t: f64| equation.denoise(x.view(), t).unwrap();
    let start = array![[3.0, -10.0], [15.0, 4.0]];
    let z = array![[0.4, -1.3], [0.2, 2.1]];
    for churn in [0.0, 3.0, 100.0] {
        let solver = EdmHeun {
            churn,
            churn_above: 0.05,
            churn_below: 50.0,
            noise_scale: 1.007,
        };
        // Inside the bounds, at an end of them, above, below, and to zero.
        for (t, next) in [(8.0, 5.0), (50.0, 20.0), (60.0, 40.0), (0.03, 0.01), (2.0, 0.0)] {
            let step = Step {
                index: 3,
                n_steps: 10,
                from: t,
                to: next,
            };
            let gamma: f64 = if (0.05..=50.0).contains(&t) {
                f64::min(churn / 10.0, 2.0_f64.sqrt() - 1.0)
            } else {
                0.0
            };
            let t_hat = t + gamma * t;
            let x_hat = &start + &z * (1.007 * (t_hat * t_hat - t * t).sqrt());
            let d = (&x_hat - denoiser(&x_hat, t_hat)) / t_hat;
            let mut expected = &x_hat + &d * (next - t_hat);
            if next > 0.0 {
                let slope = (&expected - denoiser(&expected, next)) / next;
                expected = &x_hat + (d + slope) * (0.5 * (next - t_hat));
            }
            let (mut x, mut memory) = (start.clone(), Default::default());
            solver.step(
                &equation,
                &step,
                x.view_mut(),
                &mut Beside(z.clone()),
                &mut memory,
            );
            let scale = 1e-13 * (1.0 + start.iter().fold(0.0, |m: f64, x| m.max(x.abs())) + t_hat);
            assert!(
                (x - expected).iter().all(|e| e.abs() < scale),
                "churn {churn}, from {t}"
            );
        }
    }
}

#[test]
fn churn_adds_what_the_forward_process_adds_until_its_horizon() {
    // Under a score of zero a step to just before the churned time is that of the forward process and back; variances are read off.
    struct Zero;
    impl Space for Zero {
        fn dim(&self) -> usize {
            1
        }
    }
    impl TimeScore for Zero {
        fn score_at_into(&self, _: ArrayView2<f64>, _: ArrayView1<f64>, mut out: ArrayViewMut2<f64>) {
            out.fill(0.0);
        }
    }
    let process = VariancePreserving::new(0.1, 20.0).unwrap();
    let equation = ReverseSde::new(process, Zero);
    let solver = EdmHeun {
        churn: 100.0,
        ..EdmHeun::default()
    };
    let ratio = |t: f64| process.sigma(t) / process.alpha(t);
    for from in [0.2, 0.5, 0.99, 1.0] {
        let step = Step {
            index: 0,
            n_steps: 2,
            from,
            to: 0.1,
        };
        let mut x = array![[1.0], [0.0]];
        let mut noise = Beside(array![[0.0], [1.0]]);
        solver.step(
            &equation,
            &step,
            x.view_mut(),
            &mut noise,
            &mut Default::default(),
        );
        // x/α grows by z √(ς̂² − ς²), and x returns with α.
        let raised = f64::min(2.0_f64.sqrt() * ratio(from), ratio(1.0));
        let expected = process.alpha(0.1) * (raised * raised - ratio(from) * ratio(from)).max(0.0).sqrt();
        assert!((x[[0, 0]] - process.alpha(0.1) / process.alpha(from)).abs() < 1e-13 * x[[0, 0]]);
        assert!(
            (x[[1, 0]] - expected).abs() <= 1e-11 * expected,
            "{} {expected}",
            x[[1, 0]]
        );
    }
}

/// One mode in four dimensions.
fn one_mode<P: LinearGaussian + Copy>(process: P) -> ReverseSde<P, Noised<P>> {
    let mixture = Mixture::new(array![1.0], array![[0.5, -1.0, 2.0, 0.0]], array![0.5]).unwrap();
    ReverseSde::new(process, Noised::new(mixture, process))
}

#[test]
fn a_corrector_makes_langevin_steps_of_the_size_of_its_rule() {
    let process = VariancePreserving::new(0.1, 20.0).unwrap();
    let equation = one_mode(process);
    let step = Step {
        index: 0,
        n_steps: 5,
        from: 0.6,
        to: 0.4,
    };
    let start = array![[0.3, -1.0, 0.7, 2.0], [1.5, 0.4, -0.2, -3.0]];
    let z = array![[0.4, -1.3, 0.9, -0.1], [0.2, 2.1, -0.6, 1.4]];
    let predicted = {
        let mut x = start.clone();
        let mut noise = Beside(z.clone());
        Ddim::default().step(
            &equation,
            &step,
            x.view_mut(),
            &mut noise,
            &mut Default::default(),
        );
        x
    };
    let mut score = Array2::zeros((2, 4));
    equation
        .model()
        .score_at_into(predicted.view(), array![0.4, 0.4].view(), score.view_mut());
    let norm = |v: ArrayView1<f64>| v.dot(&v).sqrt();
    let squared_alpha = (process.alpha(0.6) / process.alpha(0.4)).powi(2);
    for rule in [
        LangevinStep::SignalToNoise(0.16),
        LangevinStep::NoiseLevel(0.16),
        LangevinStep::Fixed(0.01),
    ] {
        let mut expected = predicted.clone();
        for (b, mut row) in expected.rows_mut().into_iter().enumerate() {
            let (s, z) = (score.row(b), z.row(b));
            let size = match rule {
                // ε = 2 α (r ‖z‖/‖g‖)², algorithm 5.
                LangevinStep::SignalToNoise(r) => 2.0 * squared_alpha * (r * norm(z) / norm(s)).powi(2),
                LangevinStep::NoiseLevel(r) => 2.0 * (r * process.sigma(0.4)).powi(2),
                LangevinStep::Fixed(size) => size,
            };
            row += &(&s * size + &z * (2.0 * size).sqrt());
        }
        let solver = PredictorCorrector::new(Ddim::default(), rule);
        let mut x = start.clone();
        solver.step(
            &equation,
            &step,
            x.view_mut(),
            &mut Beside(z.clone()),
            &mut Default::default(),
        );
        assert!((x - expected).iter().all(|e| e.abs() < 1e-14), "{rule:?}");
    }
}

#[test]
fn a_corrector_repeats_and_rests_at_time_zero() {
    let equation = one_mode(VariancePreserving::new(0.1, 20.0).unwrap());
    let noise = FreshNoise::new(Seed::new(4));
    let solve = |n_corrections: usize, end: f64| {
        let solver = PredictorCorrector {
            n_corrections,
            ..PredictorCorrector::new(Ddim::default(), LangevinStep::SignalToNoise(0.1))
        };
        let steps = FixedSteps::new(TimeGrid::uniform(0.5, end, 1).unwrap());
        steps
            .solve(&solver, &equation, noise.normal((3, 4)), &noise)
            .unwrap()
    };
    assert_eq!(solve(0, 0.0), solve(3, 0.0));
    assert_ne!(solve(0, 0.2), solve(1, 0.2));
    assert_ne!(solve(1, 0.2), solve(2, 0.2));
}

#[test]
fn rows_do_not_depend_on_one_another() {
    let equation = one_mode(VariancePreserving::new(0.1, 20.0).unwrap());
    let solver = PredictorCorrector {
        n_corrections: 2,
        ..PredictorCorrector::new(Ddim::new(0.7).unwrap(), LangevinStep::SignalToNoise(0.16))
    };
    let noise = FreshNoise::new(Seed::new(4));
    let steps = FixedSteps::new(TimeGrid::uniform(1.0, 0.0, 10).unwrap());
    // The first block of 32 rows is the same whatever follows it.
    let start = noise.normal((40, 4));
    let all = steps.solve(&solver, &equation, start.clone(), &noise).unwrap();
    let first = start.slice(ndarray::s![..32, ..]).to_owned();
    let alone = steps.solve(&solver, &equation, first, &noise).unwrap();
    assert_eq!(all.slice(ndarray::s![..32, ..]), alone);
    // Moving one row moves no other, of its block or of another.
    for moved in [0, 5, 35] {
        let mut start = start.clone();
        start[[moved, 1]] += 3.0;
        let other = steps.solve(&solver, &equation, start, &noise).unwrap();
        for b in 0..40 {
            assert_eq!(all.row(b) == other.row(b), b != moved, "row {b}, moved {moved}");
        }
    }
}
