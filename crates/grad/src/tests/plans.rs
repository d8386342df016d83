//! Buffers, stages, blocks, threads and precisions.

use gibbsian_testkit::threads;
use ndarray::{Array1, Array2};

use super::dual::evaluate;
use super::{assert_close, numbers, rows};
use crate::graph::{Graph, Var};
use crate::plan::{Plan, Stage};
use crate::run::Workspace;

/// A score network, its product with the Jacobian, and cotangents of both.
struct Sliced {
    graph: Graph,
    inputs: [Var; 4],
    score: Var,
    along: Var,
}

fn sliced() -> Sliced {
    let mut g = Graph::new();
    let inputs = [g.input(3), g.input(3), g.input(3), g.input(3)];
    let [x, v, ..] = inputs;
    let (w1, b1) = (g.param(3, 70), g.param(1, 70));
    let (w2, b2) = (g.param(70, 3), g.param(1, 3));
    let hidden = g.affine(x, w1, b1);
    let hidden = g.silu(hidden);
    let score = g.affine(hidden, w2, b2);
    let along = g.pushforward(&[(x, v)], &[score])[0];
    Sliced {
        graph: g,
        inputs,
        score,
        along,
    }
}

/// The gradient of `Σ_b u·s + w·Jv` in two stages, in arithmetic of either precision, with blocks of so many rows.
fn gradient<F: crate::Real>(n: usize, rows_per_block: usize) -> (Vec<f64>, Array1<f64>) {
    let Sliced {
        graph: mut g,
        inputs: [_, _, u, w],
        score,
        along,
    } = sliced();
    let cotangents = g.pullback(&[(score, u), (along, w)]);
    let stages = [
        Stage::of(&[score, along]),
        Stage::of(&[]).with_gradients(&cotangents),
    ];
    let plan = Plan::staged(&g, &stages).with_rows_per_block(rows_per_block);
    let params: Vec<F> = numbers(plan.n_params(), 1).into_iter().map(F::from_f64).collect();
    let (x, v) = (rows(n, 3, 2), rows(n, 3, 3));
    let mut workspace = Workspace::<F>::new();
    // Another run before it leaves nothing behind.
    let other = rows(n + 5, 3, 9);
    plan.begin(&mut workspace, n + 5);
    plan.run(&mut workspace, 0, &params, &[other.view(), other.view()]);

    plan.begin(&mut workspace, n);
    plan.run(&mut workspace, 0, &params, &[x.view(), v.view()]);
    let mut outputs = [rows(n, 3, 0), rows(n, 3, 0)];
    for (k, output) in outputs.iter_mut().enumerate() {
        plan.output_into(&workspace, 0, k, output.view_mut());
    }
    // The cotangents are decided when the values are known.
    let (u, w) = (outputs[0].mapv(|s| s * s), outputs[1].mapv(|s| 1.0 - s));
    plan.run(
        &mut workspace,
        1,
        &params,
        &[x.view(), v.view(), u.view(), w.view()],
    );
    let mut grad = Array1::zeros(plan.n_params());
    plan.add_gradient(&mut workspace, 1, grad.view_mut());
    (outputs.iter().flatten().copied().collect(), grad)
}

#[test]
fn a_gradient_in_two_stages_is_that_of_the_loss_in_one() {
    let n = 150;
    let (_, found) = gradient::<f64>(n, 64);
    let Sliced {
        graph: mut g,
        score,
        along,
        ..
    } = sliced();
    // Σ s³/3 + Jv − (Jv)²/2 has those cotangents.
    let (cube, square) = (g.square(score), g.square(along));
    let cube = g.mul(cube, score);
    let (cube, square) = (g.scale(1.0 / 3.0, cube), g.scale(-0.5, square));
    let linear = g.add(along, square);
    let loss = g.add(cube, linear);
    let one = g.constant(3, 1.0);
    let cotangents = g.pullback(&[(loss, one)]);
    let plan = Plan::staged(&g, &[Stage::of(&[loss]).with_gradients(&cotangents)]);
    let params = numbers(plan.n_params(), 1);
    let (x, v) = (rows(n, 3, 2), rows(n, 3, 3));
    let mut workspace = Workspace::<f64>::new();
    plan.evaluate(&mut workspace, &params, &[x.view(), v.view(), x.view(), v.view()]);
    let mut expected = Array1::zeros(plan.n_params());
    plan.add_gradient(&mut workspace, 0, expected.view_mut());
    // Gradients are added, not written.
    plan.add_gradient(&mut workspace, 0, expected.view_mut());
    for (found, expected) in found.iter().zip(&expected) {
        assert_close(2.0 * found, *expected, 1e-12, "a parameter's slope");
    }
}

#[test]
fn blocks_change_nothing_but_the_rounding_of_sums() {
    let (outputs, grad) = gradient::<f64>(150, 64);
    for rows_per_block in [1, 7, 150, 1000] {
        let (other_outputs, other) = gradient::<f64>(150, rows_per_block);
        for (a, b) in outputs.iter().zip(&other_outputs) {
            assert_close(*a, *b, 1e-14, "an output");
        }
        for (a, b) in grad.iter().zip(&other) {
            assert_close(*a, *b, 1e-12, "a parameter's slope");
        }
    }
}

#[test]
fn the_number_of_threads_changes_no_bit() {
    threads::same_on_any_number("a gradient", || {
        let (outputs, grad) = gradient::<f32>(300, 16);
        outputs.into_iter().chain(grad).collect()
    })
    .unwrap();
}

#[test]
fn single_precision_is_off_by_its_rounding() {
    let (outputs, grad) = gradient::<f64>(150, 64);
    let (narrow_outputs, narrow) = gradient::<f32>(150, 64);
    // Sums of 70 products of numbers of order one, and of 150 rows of such.
    for (a, b) in narrow_outputs.iter().zip(&outputs) {
        assert_close(*a, *b, 70.0 * f64::from(f32::EPSILON), "an output");
    }
    let scale = grad.iter().fold(0.0, |most: f64, x| most.max(x.abs()));
    for (a, b) in narrow.iter().zip(&grad) {
        assert!(
            (a - b).abs() <= 150.0 * f64::from(f32::EPSILON) * scale,
            "{a} instead of {b}"
        );
    }
    assert_ne!(narrow_outputs, outputs);
}

#[test]
fn equal_nodes_are_one_and_constants_are_folded() {
    let mut g = Graph::new();
    let (x, y) = (g.input(2), g.input(2));
    assert_eq!(g.add(x, y), g.add(y, x));
    assert_eq!(g.mul(x, y), g.mul(y, x));
    let twice = g.scale(2.0, x);
    assert_eq!(g.scale(0.5, twice), x);
    let zero = g.constant(2, 0.0);
    assert_eq!(g.add(x, zero), x);
    assert_eq!(g.mul(x, zero), zero);
    let one = g.constant(2, 1.0);
    assert_eq!(g.mul(one, x), x);
    let two = g.constant(2, 2.0);
    assert_eq!(g.add(one, one), two);
    let total = g.total(x);
    let spread = g.spread(total, 4);
    let back = g.total(spread);
    assert_eq!(back, g.scale(4.0, total));
}

#[test]
fn scratch_is_used_again() {
    // A chain of many layers needs the memory of two.
    let mut g = Graph::new();
    let x = g.input(8);
    let mut y = x;
    for _ in 0..50 {
        y = g.tanh(y);
        y = g.scale(1.5, y);
    }
    let plan = Plan::new(&g, &[y]);
    assert_eq!(plan.n_steps(), 101);
    assert!(plan.scratch <= 2 * 8, "{} numbers a row", plan.scratch);
}

#[test]
fn no_rows_give_no_outputs_and_no_gradient() {
    let (outputs, grad) = gradient::<f64>(0, 64);
    assert!(outputs.is_empty() && grad.iter().all(|x| *x == 0.0));
}

#[test]
#[should_panic(expected = "the shape of input 0")]
fn an_input_of_another_shape_is_an_error_of_the_caller() {
    let mut g = Graph::new();
    let x = g.input(2);
    let y = g.exp(x);
    let x = rows(3, 3, 1);
    Plan::new(&g, &[y]).evaluate(&mut Workspace::<f64>::new(), &[], &[x.view()]);
}

#[test]
fn a_product_may_have_a_bias_and_other_uses() {
    let mut g = Graph::new();
    let x = g.input(3);
    let (w, b) = (g.param(3, 4), g.param(1, 4));
    let (product, row) = (g.matmul(x, w), g.lift(b));
    let biased = g.add(product, row);
    let both = g.mul(product, biased);
    let plan = Plan::new(&g, &[both]);
    let (params, points) = (numbers(16, 1), rows(70, 3, 2));
    let found = plan.evaluate(&mut Workspace::<f64>::new(), &params, &[points.view()]);
    for (found, x) in found[0].rows().into_iter().zip(points.rows()) {
        let expected = evaluate(&g, &params, &[x.to_vec()], both);
        for (found, expected) in found.iter().zip(&expected) {
            assert_close(*found, *expected, 1e-15, "a product times itself with a bias");
        }
    }
}

#[test]
fn a_gradient_is_added_to_numbers_that_lie_apart() {
    let Sliced {
        graph: mut g, score, ..
    } = sliced();
    let one = g.constant(3, 1.0);
    let cotangents = g.pullback(&[(score, one)]);
    let plan = Plan::staged(&g, &[Stage::default().with_gradients(&cotangents)]);
    let params = numbers(plan.n_params(), 1);
    let x = rows(80, 3, 2);
    let mut workspace = Workspace::<f64>::new();
    plan.evaluate(&mut workspace, &params, &[x.view(), x.view(), x.view(), x.view()]);
    let mut expected = Array1::zeros(plan.n_params());
    plan.add_gradient(&mut workspace, 0, expected.view_mut());
    let mut columns = Array2::from_elem((plan.n_params(), 2), 1.0);
    plan.add_gradient(&mut workspace, 0, columns.column_mut(1));
    assert_eq!(columns.column(1), expected + 1.0);
    assert!(columns.column(0).iter().all(|other| *other == 1.0));
}
