//! Sketches of Hessians against the Hessians.
//!
//! Both sides of a sketch are linear in the noise, `l = L v` and `r = R v`, so that `E l rᵀ = L Rᵀ` for every noise with `E vvᵀ = I`, and a unit of noise after another gives the expectation without drawing anything.

use ndarray::Array2;

use super::dual::{Dual, Number, evaluate, moving};
use super::{assert_close, numbers, rows};
use crate::axis::Axis;
use crate::function::Function;
use crate::graph::{Graph, Var};
use crate::plan::Plan;
use crate::run::Workspace;

/// The mean of `l rᵀ` and the Hessian at a row `x`, for `f` of `width` columns.
fn expectation_and_hessian(
    width: usize,
    x: &Array2<f64>,
    f: impl FnOnce(&mut Graph, Var) -> Var,
) -> Option<(Array2<f64>, Array2<f64>)> {
    let mut g = Graph::new();
    let (input, direction) = (g.input(width), g.input(width));
    let f = f(&mut g, input);
    let gradient = g.gradient(f, input);
    let along = g.pushforward(&[(input, direction)], &[gradient])[0];
    let sketch = g.curvature_sketch(f, input)?;
    let n_noise = g.width(sketch.noise);
    let n_params = g.params().iter().map(|(n, m)| n * m).sum();
    let params = numbers(n_params, 5);
    let mut workspace = Workspace::<f64>::new();
    let hessian = {
        let plan = Plan::new(&g, &[along]);
        let x = x.broadcast((width, width)).unwrap();
        let none = Array2::zeros((0, 0));
        let units = Array2::eye(width);
        plan.evaluate(&mut workspace, &params, &[x, units.view(), none.view()])[0].clone()
    };
    let plan = Plan::new(&g, &[sketch.left, sketch.right]);
    let x = x.broadcast((n_noise, width)).unwrap();
    let (none, units) = (Array2::zeros((n_noise, width)), Array2::eye(n_noise));
    let sides = plan.evaluate(&mut workspace, &params, &[x, none.view(), units.view()]);
    Some((sides[0].t().dot(&sides[1]), hessian))
}

#[track_caller]
fn check(width: usize, f: impl Fn(&mut Graph, Var) -> Var) {
    for seed in 0..3 {
        let x = rows(1, width, seed);
        let (found, expected) = expectation_and_hessian(width, &x, &f).unwrap();
        assert!(expected.iter().any(|h| h.abs() > 1e-3), "{expected}");
        for ((i, j), expected) in expected.indexed_iter() {
            assert_close(found[[i, j]], *expected, 1e-12, &format!("entry ({i}, {j})"));
        }
    }
}

#[test]
fn every_function_bends_as_it_does() {
    use Function::*;
    let silu = [0, 1, 2, 3, 4].map(Silu);
    for function in [Exp, Log, Recip, Sqrt, Sin, Cos, Tanh, Sigmoid, Softplus]
        .into_iter()
        .chain(silu)
    {
        // Points in (1, 3), where all of them are defined.
        check(2, |g, x| {
            let two = g.constant(2, 2.0);
            let positive = g.add(x, two);
            let y = g.apply(function, positive);
            g.total(y)
        });
    }
}

/// Layers after layers: the curvature of each is seen through the slopes of those before it.
#[test]
fn deep_networks_are_sketched_without_bias() {
    check(3, |g, x| {
        let (w1, b1) = (g.param(3, 5), g.param(1, 5));
        let (w2, b2) = (g.param(5, 4), g.param(1, 4));
        let w3 = g.param(9, 1);
        let first = g.affine(x, w1, b1);
        let first = g.tanh(first);
        let second = g.affine(first, w2, b2);
        let second = g.silu(second);
        let both = g.concat(&[second, first]);
        g.matmul(both, w3)
    });
}

#[test]
fn products_and_squares_are_sketched_without_bias() {
    // x_0 x_1 + x_2², and a product of two layers with a square of one of them.
    check(3, |g, x| {
        let (a, b) = (g.param(3, 4), g.param(3, 4));
        let (a, b) = (g.matmul(x, a), g.matmul(x, b));
        let b = g.sin(b);
        let product = g.mul(a, b);
        let square = g.mul(b, b);
        let sum = g.add(product, square);
        let first = g.slice(x, 0, 1);
        let second = g.slice(x, 1, 1);
        let of_two = g.mul(first, second);
        let total = g.total(sum);
        g.add(total, of_two)
    });
}

/// Sums of products along an axis and products with what is repeated along it, as pictures have them.
#[test]
fn products_along_axes_are_sketched_without_bias() {
    let axis = Axis {
        outer: 2,
        n: 3,
        inner: 1,
    };
    check(6, |g, x| {
        let y = g.tanh(x);
        let product = g.mul(x, y);
        let sums = g.sum_over(product, axis);
        let square = g.mul(y, y);
        let powers = g.sum_over(square, axis);
        let gate = g.sigmoid(sums);
        let repeated = g.repeat_along(gate, axis);
        let gated = g.mul(x, repeated);
        let cubes = g.mul(gated, gated);
        let (cubes, powers) = (g.total(cubes), g.dot(powers, sums));
        g.add(cubes, powers)
    });
}

#[test]
fn what_does_not_bend_in_x_has_no_noise() {
    let x = rows(1, 2, 0);
    // Linear, a rectifier, and a product with what does not depend on x.
    let linear = expectation_and_hessian(2, &x, |g, x| g.total(x));
    assert!(linear.is_none());
    let kinked = expectation_and_hessian(2, &x, |g, x| {
        let y = g.relu(x);
        g.total(y)
    });
    assert!(kinked.is_none());
    let scaled = expectation_and_hessian(2, &x, |g, x| {
        let b = g.param(1, 2);
        let b = g.lift(b);
        let b = g.exp(b);
        let y = g.mul(x, b);
        g.total(y)
    });
    assert!(scaled.is_none());
}

/// The sketch is made of operations of the graph and can be differentiated as any node: noise stays, and the curvature moves with the parameters.
#[test]
fn a_sketch_can_be_differentiated_again() {
    let mut g = Graph::new();
    let x = g.input(2);
    let cubed = g.mul(x, x);
    let cubed = g.mul(cubed, x);
    let f = g.total(cubed);
    let sketch = g.curvature_sketch(f, x).unwrap();
    let product = g.dot(sketch.left, sketch.right);
    let slope = g.gradient(product, x);
    let plan = Plan::new(&g, &[product, slope]);
    let n_noise = g.width(sketch.noise);
    let (point, noise) = (rows(1, 2, 1), rows(1, n_noise, 2));
    let found = plan.evaluate(&mut Workspace::<f64>::new(), &[], &[point.view(), noise.view()]);
    for i in 0..2 {
        let moved = point.iter().enumerate();
        let moved = moved.map(|(k, x)| moving(*x, f64::from(u8::from(k == i))));
        let noise = noise.iter().map(|z| Dual::of(*z));
        let expected = evaluate(&g, &[], &[moved.collect(), noise.collect()], product)[0];
        assert_close(found[0][[0, 0]], expected.real, 1e-13, "a sketch");
        assert_close(found[1][[0, i]], expected.dual, 1e-12, "its slope");
    }
}
