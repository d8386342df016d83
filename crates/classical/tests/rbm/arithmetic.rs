//! Products in tiles against products by lists: the same draws where both are exact, and errors that the digits explain where not.

use gibbsian_classical::{
    Arithmetic, Bernoulli, BinaryRbm, BinaryRbmPath, FusedContrastiveDivergence, FusedOptions,
    FusedPersistent, Rbm,
};
use gibbsian_core::{Parametric, ParametricMut, Path, Seed, TrainStep};
use gibbsian_testkit::threads;
use ndarray::{Array1, Array2};
use rand::RngExt;

use crate::fused::binary_rows;

/// Numbers in a panel of 64 that two digits can hold.
const LIMIT: f64 = 32_639.0;

/// A machine whose weights both arithmetics multiply without any rounding: multiples of `unit`, the largest of every row and column being `most` of them.
fn exact_machine(n_visible: usize, n_hidden: usize, most: i32, unit: f64) -> BinaryRbm {
    let mut rng = Seed::new(5).rng();
    let weights = Array2::from_shape_fn((n_visible, n_hidden), |(i, j)| {
        let small = rng.random_range(-200..=200);
        let sign = if i % 2 == 0 { 1 } else { -1 };
        unit * f64::from(if i % n_hidden == j || j % n_visible == i {
            sign * most
        } else {
            small
        })
    });
    let bias = |n: usize| Bernoulli::new(Array1::from_shape_fn(n, |i| unit * (i % 7) as f64 - 1.0)).unwrap();
    BinaryRbm::from(&Rbm::new(bias(n_visible), bias(n_hidden), weights).unwrap())
}

fn settings(arithmetic: Arithmetic) -> FusedOptions {
    FusedOptions {
        n_steps: 3,
        momentum: 0.5,
        weight_decay: 0.01,
        arithmetic,
    }
}

const SIZES: [(usize, usize); 3] = [(70, 65), (64, 130), (20, 30)];

#[test]
fn steps_draw_the_same_states_and_differ_by_the_digits_of_the_gradient() {
    const RATE: f64 = 0.1;
    for (n_visible, n_hidden) in SIZES {
        let machine = exact_machine(n_visible, n_hidden, 32_639, 0.5_f64.powi(13));
        let x = binary_rows(75, n_visible, 0.3, 1);
        let start = binary_rows(90, n_visible, 0.3, 2);
        let after = |arithmetic, persistent: bool| {
            let mut machine = machine.clone();
            let mut rng = Seed::new(3).rng();
            let settings = settings(arithmetic);
            let (said, chains) = if persistent {
                let mut step = FusedPersistent::new(settings, start.view()).unwrap();
                let said = step.train_step(&mut machine, x.view(), RATE, &mut rng).unwrap();
                (said, step.chains())
            } else {
                let mut step = FusedContrastiveDivergence::new(settings).unwrap();
                let said = step.train_step(&mut machine, x.view(), RATE, &mut rng).unwrap();
                (said, start.clone())
            };
            (said, chains, machine.params())
        };
        for persistent in [false, true] {
            let (said, chains, params) = after(Arithmetic::Lists, persistent);
            let (tiled_said, tiled_chains, tiled_params) = after(Arithmetic::Tiles, persistent);
            assert_eq!(
                (said, chains),
                (tiled_said, tiled_chains),
                "{n_visible} x {n_hidden}"
            );
            // Every case puts its probability on a grid of the largest rate / LIMIT, half a step wrong at most; the rest is rounding.
            let grid = RATE * (1.0 + 90.0 / 75.0) / (2.0 * LIMIT);
            let rounding = 400.0 * f64::from(f32::EPSILON);
            for (k, (a, b)) in params.iter().zip(&tiled_params).enumerate() {
                assert!((a - b).abs() <= grid + rounding, "parameter {k}: {a} and {b}");
            }
            assert_ne!(params, tiled_params, "the gradient has its own arithmetic");
        }
    }
}

#[test]
fn annealing_draws_the_same_states_with_the_same_weights() {
    for (n_visible, n_hidden) in SIZES {
        // Three digits hold powers of two best.
        let machine = exact_machine(n_visible, n_hidden, 1 << 14, 0.5_f64.powi(12));
        let base = Bernoulli::new(Array1::from_shape_fn(n_visible, |i| 0.1 * (i % 5) as f64)).unwrap();
        let placed = binary_rows(37, n_visible, 0.4, 3);
        let run = |arithmetic| {
            let path = BinaryRbmPath::new(&machine, &base)
                .unwrap()
                .with_arithmetic(arithmetic);
            let mut rng = Seed::new(2).rng();
            let states = [path.start(37, &mut rng), path.place(placed.view()).unwrap()];
            let mut found = Vec::new();
            for mut state in states {
                let mut log_weights = vec![0.0; 37];
                for (from, to) in [(0.0, 0.3), (0.3, 0.7), (0.7, 1.0)] {
                    path.work(&mut state, from, to, &mut log_weights);
                    path.transition(&mut state, to, &mut rng);
                }
                found.push((log_weights, path.positions(&state).into_owned()));
            }
            found
        };
        assert_eq!(
            run(Arithmetic::Lists),
            run(Arithmetic::Tiles),
            "{n_visible} x {n_hidden}"
        );
    }
}

#[test]
fn tiles_follow_a_machine_that_somebody_else_changed() {
    let first = exact_machine(70, 65, 32_639, 0.5_f64.powi(13));
    let second = exact_machine(70, 65, 32_639, 0.5_f64.powi(12));
    let x = binary_rows(40, 70, 0.3, 1);
    let mut step = FusedContrastiveDivergence::new(settings(Arithmetic::Tiles)).unwrap();
    let mut machine = first.clone();
    step.train_step(&mut machine, x.view(), 0.1, &mut Seed::new(1).rng())
        .unwrap();
    machine.set_params(second.params().view()).unwrap();
    // Without momentum left over, the step is that of a new machine.
    let mut fresh = FusedContrastiveDivergence::new(settings(Arithmetic::Tiles)).unwrap();
    step.set_momentum(0.0).unwrap();
    fresh.set_momentum(0.0).unwrap();
    let mut other = second.clone();
    let said = step
        .train_step(&mut machine, x.view(), 0.1, &mut Seed::new(2).rng())
        .unwrap();
    let expected = fresh
        .train_step(&mut other, x.view(), 0.1, &mut Seed::new(2).rng())
        .unwrap();
    assert_eq!((said, machine), (expected, other));
}

#[test]
fn tiles_keep_up_with_their_own_steps() {
    let settings = FusedOptions {
        momentum: 0.0,
        ..settings(Arithmetic::Tiles)
    };
    let x = binary_rows(40, 70, 0.3, 1);
    let (mut machine, mut rng) = (
        exact_machine(70, 130, 20_000, 0.5_f64.powi(12)),
        Seed::new(1).rng(),
    );
    let mut step = FusedContrastiveDivergence::new(settings).unwrap();
    step.train_step(&mut machine, x.view(), 0.5, &mut rng).unwrap();
    // One that takes the weights anew goes on as the one that changed its tiles with them.
    let (mut other, mut again) = (machine.clone(), rng.clone());
    let said = step.train_step(&mut machine, x.view(), 0.5, &mut rng).unwrap();
    let mut fresh = FusedContrastiveDivergence::new(settings).unwrap();
    let expected = fresh.train_step(&mut other, x.view(), 0.5, &mut again).unwrap();
    assert_eq!((said, machine), (expected, other));
}

#[test]
fn means_are_learnt_by_lists_and_states_in_tiles_again() {
    let mut machine = exact_machine(70, 65, 32_639, 0.5_f64.powi(13));
    let mut same = machine.clone();
    let states = binary_rows(40, 70, 0.3, 1);
    let means = states.mapv(|x| 0.25 + 0.5 * x);
    let start = binary_rows(40, 70, 0.5, 2);
    let mut tiled = FusedPersistent::new(settings(Arithmetic::Tiles), start.view()).unwrap();
    let mut listed = FusedPersistent::new(settings(Arithmetic::Lists), start.view()).unwrap();
    // The first step is by lists on both sides, so that the second starts from the same machine.
    for x in [&means, &states] {
        let mut rng = Seed::new(9).rng();
        let mut again = rng.clone();
        let a = tiled.train_step(&mut machine, x.view(), 1e-3, &mut rng).unwrap();
        let b = listed.train_step(&mut same, x.view(), 1e-3, &mut again).unwrap();
        if x == means {
            assert_eq!((a, &machine), (b, &same));
        }
    }
    let apart = machine.params() - same.params();
    assert!(apart.iter().any(|d| *d != 0.0), "the same bits");
    // A chain in which a draw came out otherwise moves a mean over 40 chains by 1/40 at most. Few do: a field of weights up to 4 that are off by half a digit makes a probability wrong by a quarter
    // of its own error, which is below 1.1 · 10⁻³ even if all 70 agree in sign.
    let (tiled, listed) = (tiled.chains(), listed.chains());
    let pairs = tiled.rows().into_iter().zip(listed.rows());
    let n_other = pairs.filter(|(a, b)| a != b).count();
    assert!(n_other < 10, "{n_other} chains of 40 differ");
    // Both phases have such probabilities; what the gradient's own digits and rounding add is less than 10⁻⁶.
    let field = 70.0 * 4.0 / (2.0 * LIMIT);
    let bound = 1e-3 * (n_other as f64 / 40.0 + 2.0 * field / 4.0) + 1e-6;
    assert!(apart.iter().all(|d| d.abs() < bound), "{bound}: {apart}");
}

#[test]
fn steps_in_tiles_do_not_depend_on_the_number_of_threads() {
    let x = binary_rows(75, 200, 0.3, 1);
    threads::same_on_any_number("steps in tiles", || {
        let mut machine = exact_machine(200, 150, 1_000, 0.5_f64.powi(12));
        let mut step = FusedContrastiveDivergence::new(settings(Arithmetic::Tiles)).unwrap();
        let mut rng = Seed::new(3).rng();
        for _ in 0..5 {
            step.train_step(&mut machine, x.view(), 0.1, &mut rng).unwrap();
        }
        machine.params()
    })
    .unwrap();
}
