//! First, second and third derivatives against nested dual numbers.

use super::dual::{Dual, Number, evaluate, moving};
use super::{assert_close, numbers, rows};
use crate::columns::Columns;
use crate::function::Function;
use crate::graph::{Graph, Var};
use crate::plan::{Plan, Stage};
use crate::run::Workspace;

const TOLERANCE: f64 = 1e-12;

/// The largest error of a term of second order, and what is reached at third order, too.
const HIGHER: f64 = 1e-11;

#[test]
fn every_function_has_its_first_three_derivatives() {
    use Function::*;
    let silu = [0, 1, 2, 3, 4].map(Silu);
    for function in [Exp, Log, Recip, Sqrt, Sin, Cos, Tanh, Sigmoid, Softplus, Relu]
        .into_iter()
        .chain(silu)
    {
        let mut g = Graph::new();
        let x = g.input(1);
        let mut derivatives = vec![g.apply(function, x)];
        for _ in 0..3 {
            let last = derivatives[derivatives.len() - 1];
            derivatives.push(g.gradient(last, x));
        }
        let plan = Plan::new(&g, &derivatives);
        // Tails and both signs, where the function is defined there.
        let mut points = vec![0.1, 0.37, 0.9, 1.6, 2.5, 8.0, 40.0];
        match function {
            Log | Sqrt => points.push(1e-3),
            _ => points.extend([-0.2, -1.1, -8.0, -40.0]),
        }
        let points = ndarray::Array2::from_shape_vec((points.len(), 1), points).unwrap();
        let found = plan.evaluate(&mut Workspace::<f64>::new(), &[], &[points.view()]);
        for (row, &x) in points.iter().enumerate() {
            let third = moving(moving(moving(x, 1.0), 1.0), 1.0).apply(function);
            let expected = [
                third.real.real.real,
                third.real.real.dual,
                third.real.dual.dual,
                third.dual.dual.dual,
            ];
            for (order, expected) in expected.into_iter().enumerate() {
                let what = format!("{function:?}, order {order}, at {x}");
                assert_close(found[order][[row, 0]], expected, HIGHER, &what);
            }
        }
    }
}

/// An energy by a network of two hidden layers with a skip, columns that are taken apart and put together, and every kind of operation.
fn energy(g: &mut Graph, x: Var) -> Var {
    let (w1, b1) = (g.param(3, 5), g.param(1, 5));
    let (w2, b2) = (g.param(5, 4), g.param(1, 4));
    let (w3, b3) = (g.param(9, 2), g.param(1, 2));
    let first = g.affine(x, w1, b1);
    let first = g.tanh(first);
    let second = g.affine(first, w2, b2);
    let second = g.silu(second);
    let both = g.concat(&[second, first]);
    let out = g.affine(both, w3, b3);
    let soft = g.softplus(out);
    let half = g.square(x);
    let norm = g.total(half);
    let one = g.constant(1, 1.0);
    let norm = g.add(norm, one);
    let norm = g.sqrt(norm);
    let spread = g.spread(norm, 2);
    let product = g.mul(soft, spread);
    let row = g.constant_row(&[0.7, -1.3]);
    let product = g.mul(product, row);
    let picked = g.gather(product, &Columns::new(2, [1, 0, 1]));
    let sine = g.sin(picked);
    let exponential = g.exp(sine);
    let inverse = g.recip(exponential);
    let logarithm = g.log(exponential);
    let cosine = g.cos(logarithm);
    let sum = g.add(inverse, cosine);
    g.total(sum)
}

#[test]
fn an_energy_has_its_score_its_jacobian_and_their_parameter_gradients() {
    check_energy(energy, 3, 3, 1);
}

/// The energy of an input of so many columns, its gradient, the derivative of that along a direction, and the parameter gradient of the loss of sliced score matching (third derivatives in all): at some
/// points, for every so many-th parameter.
pub(super) fn check_energy(
    energy: impl Fn(&mut Graph, Var) -> Var,
    width: usize,
    n_points: usize,
    every: usize,
) {
    let mut g = Graph::new();
    let (x, v) = (g.input(width), g.input(width));
    let energy = energy(&mut g, x);
    let gradient = g.gradient(energy, x);
    let along = g.pushforward(&[(x, v)], &[gradient])[0];
    // Half the squared norm of the score and a quadratic form of its Jacobian.
    let square = g.dot(gradient, gradient);
    let square = g.scale(0.5, square);
    let form = g.dot(v, along);
    let loss = g.sub(square, form);
    let one = g.constant(1, 1.0);
    let cotangents = g.pullback(&[(loss, one)]);
    let stages = [Stage::of(&[energy, gradient, along, loss]).with_gradients(&cotangents)];
    let plan = Plan::staged(&g, &stages);

    let params = numbers(plan.n_params(), 1);
    let (points, directions) = (rows(n_points, width, 2), rows(n_points, width, 3));
    let mut workspace = Workspace::<f64>::new();
    let found = plan.evaluate(&mut workspace, &params, &[points.view(), directions.view()]);
    let mut grad = ndarray::Array1::zeros(plan.n_params());
    plan.add_gradient(&mut workspace, 0, grad.view_mut());

    let mut expected_grad = vec![0.0; params.len()];
    for row in 0..n_points {
        let (x, v) = (points.row(row).to_vec(), directions.row(row).to_vec());
        assert_close(
            found[0][[row, 0]],
            evaluate(&g, &params, &[x.clone(), v.clone()], energy)[0],
            TOLERANCE,
            "the energy",
        );
        // ∂E along eᵢ, and along eᵢ and v.
        for i in 0..width {
            let at = |k: usize, x: f64| moving(moving(x, f64::from(u8::from(k == i))), v[k]);
            let inputs: Vec<Dual<Dual<f64>>> = x.iter().enumerate().map(|(k, x)| at(k, *x)).collect();
            let fixed: Vec<_> = params.iter().map(|p| Dual::of(*p)).collect();
            let e = evaluate(&g, &fixed, &[inputs.clone(), inputs], energy)[0];
            assert_close(found[1][[row, i]], e.real.dual, TOLERANCE, "the gradient");
            assert_close(
                found[2][[row, i]],
                e.dual.dual,
                HIGHER,
                "the Jacobian-vector product",
            );
        }
        for (k, sum) in expected_grad.iter_mut().enumerate().step_by(every) {
            *sum += loss_slope(&g, energy, &params, k, &x, &v);
        }
    }
    for (k, (found, expected)) in grad.iter().zip(&expected_grad).enumerate().step_by(every) {
        assert_close(*found, *expected, HIGHER, &format!("parameter {k}"));
    }
}

#[test]
fn a_score_has_its_jacobian_and_their_parameter_gradients() {
    // Two layers with a skip, a normalisation of rows and a gate.
    let score = |g: &mut Graph, x: Var| {
        let (w1, b1) = (g.param(3, 6), g.param(1, 6));
        let (w2, b2) = (g.param(9, 3), g.param(1, 3));
        let first = g.affine(x, w1, b1);
        let first = g.silu(first);
        let power = g.dot(first, first);
        let one = g.constant(1, 1.0);
        let power = g.add(power, one);
        let root = g.sqrt(power);
        let inverse = g.recip(root);
        let inverse = g.spread(inverse, 6);
        let normal = g.mul(first, inverse);
        let both = g.concat(&[normal, x]);
        let out = g.affine(both, w2, b2);
        let gate = g.sigmoid(x);
        g.mul(out, gate)
    };
    check_map(score, 3, 3, 1);
    // An energy is a map to one column: its slope along a direction, and the gradients of both.
    check_map(energy, 3, 3, 1);
}

/// A map of an input of so many columns, its product `J v`, and the parameter gradient of `u · f + w · J v`, which is what training of scores and energies pulls back: at some points, for every so many-th
/// parameter.
pub(super) fn check_map(map: impl Fn(&mut Graph, Var) -> Var, width: usize, n_points: usize, every: usize) {
    let mut g = Graph::new();
    let (x, v) = (g.input(width), g.input(width));
    let f = map(&mut g, x);
    let n_out = g.width(f);
    let (u, w) = (g.input(n_out), g.input(n_out));
    let along = g.pushforward(&[(x, v)], &[f])[0];
    let (of_value, of_product) = (g.dot(u, f), g.dot(w, along));
    let loss = g.add(of_value, of_product);
    let one = g.constant(1, 1.0);
    let cotangents = g.pullback(&[(loss, one)]);
    let plan = Plan::staged(&g, &[Stage::of(&[f, along]).with_gradients(&cotangents)]);

    let params = numbers(plan.n_params(), 1);
    let inputs = [(width, 2), (width, 3), (n_out, 4), (n_out, 5)];
    let inputs = inputs.map(|(width, seed)| rows(n_points, width, seed));
    let views = inputs.each_ref().map(|input| input.view());
    let mut workspace = Workspace::<f64>::new();
    let found = plan.evaluate(&mut workspace, &params, &views);
    let mut grad = ndarray::Array1::zeros(plan.n_params());
    plan.add_gradient(&mut workspace, 0, grad.view_mut());

    let mut expected_grad = vec![0.0; params.len()];
    for row in 0..n_points {
        let [x, v, u, w] = inputs.each_ref().map(|input| input.row(row).to_vec());
        // The points move along v, and a parameter on its own.
        let at = |k: Option<usize>| {
            let theta: Vec<Dual<Dual<f64>>> = params
                .iter()
                .enumerate()
                .map(|(j, p)| moving(Dual::of(*p), f64::from(u8::from(k == Some(j)))))
                .collect();
            let still = |x: &f64| Dual::<Dual<f64>>::of(*x);
            let points = x.iter().zip(&v).map(|(x, v)| Dual {
                real: moving(*x, *v),
                dual: Dual::of(0.0),
            });
            let points: Vec<_> = points.collect();
            let others = [&u, &w].map(|c| c.iter().map(still).collect::<Vec<_>>());
            let [u, w] = others;
            evaluate(&g, &theta, &[points.clone(), points, u, w], f)
        };
        for (i, expected) in at(None).iter().enumerate() {
            assert_close(found[0][[row, i]], expected.real.real, TOLERANCE, "the value");
            let product = found[1][[row, i]];
            assert_close(
                product,
                expected.real.dual,
                TOLERANCE,
                "the product with the Jacobian",
            );
        }
        for (k, sum) in expected_grad.iter_mut().enumerate().step_by(every) {
            for ((moved, u), w) in at(Some(k)).iter().zip(&u).zip(&w) {
                *sum += u * moved.dual.real + w * moved.dual.dual;
            }
        }
    }
    for (k, (found, expected)) in grad.iter().zip(&expected_grad).enumerate().step_by(every) {
        assert_close(*found, *expected, HIGHER, &format!("parameter {k}"));
    }
}

/// `∂/∂θ_k [½ |∇E|² − vᵀ∇²E v]`, from the energy alone.
fn loss_slope(g: &Graph, energy: Var, params: &[f64], k: usize, x: &[f64], v: &[f64]) -> f64 {
    type Second = Dual<Dual<f64>>;
    let theta = |along_parameter: f64| -> Vec<Dual<Second>> {
        let by = |j: usize| if j == k { along_parameter } else { 0.0 };
        params
            .iter()
            .enumerate()
            .map(|(j, p)| moving(Second::of(*p), by(j)))
            .collect()
    };
    let at = |first: &dyn Fn(usize) -> f64, second: &dyn Fn(usize) -> f64| {
        let inputs: Vec<Dual<Second>> = x
            .iter()
            .enumerate()
            .map(|(i, x)| Dual {
                real: moving(moving(*x, first(i)), second(i)),
                dual: Second::of(0.0),
            })
            .collect();
        evaluate(g, &theta(1.0), &[inputs.clone(), inputs], energy)[0]
    };
    let mut slope = 0.0;
    for i in 0..x.len() {
        let e = at(&|j| f64::from(u8::from(i == j)), &|_| 0.0);
        slope += e.real.real.dual * e.dual.real.dual;
    }
    slope - at(&|j| v[j], &|j| v[j]).dual.dual.dual
}

#[test]
fn pullback_and_pushforward_are_each_others_transpose() {
    let mut g = Graph::new();
    let (x, v, u) = (g.input(3), g.input(3), g.input(5));
    let w = g.param(5, 3);
    let y = g.matmul_transposed(x, w);
    let z = g.scatter(y, &Columns::new(5, [4, 0, 0, 2, 1]));
    let z = g.sigmoid(z);
    let forward = g.pushforward(&[(x, v)], &[z])[0];
    let cotangents = g.pullback(&[(z, u)]);
    let back = cotangents.of(x).unwrap();
    let (left, right) = (g.dot(forward, u), g.dot(v, back));
    let plan = Plan::new(&g, &[left, right]);
    let inputs = [rows(7, 3, 1), rows(7, 3, 2), rows(7, 5, 3)];
    let inputs = [inputs[0].view(), inputs[1].view(), inputs[2].view()];
    let found = plan.evaluate(&mut Workspace::<f64>::new(), &numbers(15, 4), &inputs);
    for (a, b) in found[0].iter().zip(&found[1]) {
        assert_close(*a, *b, 1e-14, "⟨Jv, u⟩ and ⟨v, Jᵀu⟩");
    }
}

#[test]
fn what_does_not_move_has_no_derivative() {
    let mut g = Graph::new();
    let (x, y) = (g.input(2), g.input(2));
    let f = g.total(y);
    let gradient = g.gradient(f, x);
    let along = g.pushforward(&[(x, y)], &[f])[0];
    let plan = Plan::new(&g, &[gradient, along]);
    let inputs = [rows(2, 2, 1), rows(2, 2, 2)];
    let found = plan.evaluate(
        &mut Workspace::<f64>::new(),
        &[],
        &[inputs[0].view(), inputs[1].view()],
    );
    assert!(found.iter().flatten().all(|x| *x == 0.0));
    assert!(g.pullback(&[(f, f)]).of(x).is_none());
}
