//! Deep machines that multiply in tiles against the same by lists.

use gibbsian_classical::dbm::{
    BinaryDbm, BinaryDbmPath, FusedVariational, FusedVariationalOptions, Half, VariationalOptions,
};
use gibbsian_classical::{Arithmetic, Bernoulli, Dbm};
use gibbsian_core::{Parametric, Path, Seed, TrainStep};
use gibbsian_testkit::threads;
use ndarray::{Array1, Array2};
use rand::RngExt;

use crate::binary::rows;

/// A machine whose weights both arithmetics multiply by states without any rounding: multiples of `unit`, the largest of every row and column being `most` of them.
fn exact_machine(sizes: &[usize], most: i32, unit: f64) -> BinaryDbm {
    let mut rng = Seed::new(5).rng();
    let weights = sizes.windows(2).map(|n| {
        Array2::from_shape_fn((n[0], n[1]), |(i, j)| {
            let small = rng.random_range(-200..=200);
            let sign = if (i + j) % 2 == 0 { 1 } else { -1 };
            let is_large = i % n[1] == j || j % n[0] == i;
            unit * f64::from(if is_large { sign * most } else { small })
        })
    });
    let weights = weights.collect();
    let bias =
        |n: &usize| Bernoulli::new(Array1::from_shape_fn(*n, |i| unit * (i % 7) as f64 - 0.5)).unwrap();
    let mut layers: Vec<Bernoulli> = sizes.iter().map(bias).collect();
    BinaryDbm::from(&Dbm::new(layers.remove(0), layers, weights).unwrap())
}

const SIZES: [&[usize]; 3] = [&[70, 64, 65], &[65, 130, 70, 64], &[10, 20, 15]];

fn settings(arithmetic: Arithmetic) -> FusedVariationalOptions {
    FusedVariationalOptions {
        phases: VariationalOptions {
            n_steps: 3,
            tolerance: 0.0,
            max_sweeps: 8,
        },
        momentum: 0.5,
        weight_decay: 0.01,
        arithmetic,
    }
}

#[test]
fn steps_move_the_same_chains_and_differ_by_the_digits_of_means() {
    const RATE: f64 = 0.1;
    for sizes in SIZES {
        let machine = exact_machine(sizes, 32_639, 0.5_f64.powi(14));
        let x = rows(75, sizes[0], 0.3, 1);
        let start = rows(90, sizes.iter().sum(), 0.4, 2);
        let after = |arithmetic| {
            let mut machine = machine.clone();
            let mut step = FusedVariational::new(settings(arithmetic), &machine, start.view()).unwrap();
            let said = step
                .train_step(&mut machine, x.view(), RATE, &mut Seed::new(3).rng())
                .unwrap();
            (said, step.chains(), machine.params())
        };
        let (said, chains, params) = after(Arithmetic::Lists);
        let (tiled_said, tiled_chains, tiled_params) = after(Arithmetic::Tiles);
        assert_eq!((said, chains), (tiled_said, tiled_chains), "{sizes:?}");
        // A mean lies half a step of 1/65535 off, and what it adds to a field 2⁻¹⁵ of the largest weight at most; errors of n means add up as √n, with a factor of five to be sure, a mean moves
        // a quarter as far as its field, and eight sweeps may carry that on. Gradients of means have both digits once more.
        let n = *sizes.iter().max().unwrap() as f64;
        let field = 5.0 * n.sqrt() * 2.0 * 2.0 * 0.5_f64.powi(15);
        let mean = 4.0 * field / 4.0;
        let bound = RATE * (2.0 * mean + 4.0 * 0.5_f64.powi(15)) + 400.0 * f64::from(f32::EPSILON);
        let apart = &params - &tiled_params;
        assert!(apart.iter().any(|d| *d != 0.0), "{sizes:?}: the same bits");
        assert!(
            apart.iter().all(|d| d.abs() < bound),
            "{sizes:?}: {apart} against {bound:e}"
        );
    }
}

#[test]
fn annealing_draws_the_same_states_with_the_same_weights() {
    for sizes in SIZES {
        let machine = exact_machine(sizes, 1 << 14, 0.5_f64.powi(13));
        let base = Bernoulli::new(Array1::from_shape_fn(sizes[0], |i| 0.1 * (i % 5) as f64)).unwrap();
        for half in [Half::Even, Half::Odd] {
            let run = |arithmetic| {
                let path = BinaryDbmPath::new(&machine, &base).unwrap().keeping(half);
                let path = path.with_arithmetic(arithmetic);
                let mut rng = Seed::new(2).rng();
                let mut state = path.start(37, &mut rng);
                let mut log_weights = vec![0.0; 37];
                for (from, to) in [(0.0, 0.3), (0.3, 0.7), (0.7, 1.0)] {
                    path.work(&mut state, from, to, &mut log_weights);
                    path.transition(&mut state, to, &mut rng);
                }
                (log_weights, path.positions(&state).into_owned())
            };
            assert_eq!(
                run(Arithmetic::Lists),
                run(Arithmetic::Tiles),
                "{sizes:?}, {half:?}"
            );
        }
    }
}

#[test]
fn tiles_keep_up_with_their_own_steps() {
    let sizes = [70, 64, 130];
    let settings = FusedVariationalOptions {
        momentum: 0.0,
        ..settings(Arithmetic::Tiles)
    };
    let x = rows(40, sizes[0], 0.3, 1);
    let start = rows(40, sizes.iter().sum(), 0.5, 2);
    let (mut machine, mut rng) = (
        exact_machine(&sizes, 20_000, 0.5_f64.powi(13)),
        Seed::new(1).rng(),
    );
    let mut step = FusedVariational::new(settings, &machine, start.view()).unwrap();
    step.train_step(&mut machine, x.view(), 0.5, &mut rng).unwrap();
    // One that takes the weights anew goes on as the one that had those before.
    let (mut other, mut again) = (machine.clone(), rng.clone());
    let mut fresh = FusedVariational::new(settings, &machine, step.chains().view()).unwrap();
    let said = step.train_step(&mut machine, x.view(), 0.5, &mut rng).unwrap();
    let expected = fresh.train_step(&mut other, x.view(), 0.5, &mut again).unwrap();
    assert_eq!((said, machine), (expected, other));
}

#[test]
fn means_are_learnt_by_lists_and_states_in_tiles_again() {
    let sizes = SIZES[0];
    let mut machine = exact_machine(sizes, 32_639, 0.5_f64.powi(14));
    let mut same = machine.clone();
    let states = rows(40, sizes[0], 0.3, 1);
    let means = states.mapv(|x| 0.25 + 0.5 * x);
    let start = rows(40, sizes.iter().sum(), 0.5, 2);
    let mut tiled = FusedVariational::new(settings(Arithmetic::Tiles), &machine, start.view()).unwrap();
    let mut listed = FusedVariational::new(settings(Arithmetic::Lists), &same, start.view()).unwrap();
    for (x, is_same) in [(&means, true), (&states, false)] {
        let mut rng = Seed::new(9).rng();
        let mut again = rng.clone();
        let a = tiled.train_step(&mut machine, x.view(), 1e-3, &mut rng).unwrap();
        let b = listed.train_step(&mut same, x.view(), 1e-3, &mut again).unwrap();
        assert_eq!((a, &machine) == (b, &same), is_same);
    }
}

#[test]
fn steps_in_tiles_do_not_depend_on_the_number_of_threads() {
    let sizes = [130, 100, 90];
    let machine = exact_machine(&sizes, 8_000, 0.5_f64.powi(12));
    let x = rows(75, sizes[0], 0.3, 1);
    let start = rows(70, sizes.iter().sum(), 0.4, 2);
    threads::same_on_any_number("deep steps in tiles", || {
        let mut machine = machine.clone();
        let mut step = FusedVariational::new(settings(Arithmetic::Tiles), &machine, start.view()).unwrap();
        let mut rng = Seed::new(3).rng();
        for _ in 0..4 {
            step.train_step(&mut machine, x.view(), 0.1, &mut rng).unwrap();
        }
        machine.params()
    })
    .unwrap();
}
