//! Every operation on pictures: its definition, and its derivatives against each other.

use super::dual::evaluate;
use super::{assert_close, numbers, rows};
use crate::graph::{Graph, Param, Var};
use crate::plan::Plan;
use crate::run::Workspace;
use crate::{Axis, Geometry, Image};

/// A name, columns of the input, and the node.
type Operation = (&'static str, usize, fn(&mut Graph, Var) -> Var);

/// Every operation on pictures once, of one input.
fn operations() -> Vec<Operation> {
    const STRIDED: Geometry = Geometry {
        in_channels: 2,
        out_channels: 3,
        height: 5,
        width: 6,
        kernel: 3,
        stride: 2,
        padding: 1,
    };
    const AXIS: Axis = Axis {
        outer: 2,
        n: 5,
        inner: 6,
    };
    fn weights(g: &mut Graph) -> Param {
        g.param(STRIDED.weights().0, STRIDED.weights().1)
    }
    vec![
        ("conv", 60, |g, x| {
            let w = weights(g);
            g.conv(x, w, STRIDED)
        }),
        ("conv_transposed", 27, |g, x| {
            let w = weights(g);
            g.conv_transposed(x, w, STRIDED)
        }),
        ("sum_over", 60, |g, x| g.sum_over(x, AXIS)),
        ("sum over single numbers", 60, |g, x| {
            let axis = Axis {
                outer: 2,
                n: 30,
                inner: 1,
            };
            g.sum_over(x, axis)
        }),
        ("repeat_along", 12, |g, x| g.repeat_along(x, AXIS)),
        ("sum of squares", 60, |g, x| {
            let square = g.square(x);
            g.sum_over(square, AXIS)
        }),
        ("sum of products", 60, |g, x| {
            let sine = g.sin(x);
            let product = g.mul(sine, x);
            g.sum_over(product, AXIS)
        }),
        ("sum of a repeated factor", 60, |g, x| {
            let sum = g.sum_over(x, AXIS);
            let sum = g.repeat_along(sum, AXIS);
            let product = g.mul(sum, x);
            g.sum_over(product, AXIS)
        }),
        ("product with what is repeated", 60, |g, x| {
            let sum = g.sum_over(x, AXIS);
            let sum = g.repeat_along(sum, AXIS);
            let product = g.mul(sum, x);
            g.scale(0.3, product)
        }),
        ("sum with what is repeated", 60, |g, x| {
            let sum = g.sum_over(x, AXIS);
            let sum = g.repeat_along(sum, AXIS);
            let sum = g.scale(-0.2, sum);
            g.sub(x, sum)
        }),
        ("product of repeated along different axes", 60, |g, x| {
            let (a, b) = (
                AXIS,
                Axis {
                    outer: 1,
                    n: 10,
                    inner: 6,
                },
            );
            let (sum, total) = (g.sum_over(x, a), g.sum_over(x, b));
            let (sum, total) = (g.repeat_along(sum, a), g.repeat_along(total, b));
            let product = g.mul(sum, total);
            g.add(product, total)
        }),
        ("function of what is repeated", 12, |g, x| {
            let wide = g.repeat_along(x, AXIS);
            let twice = g.add(wide, wide);
            let square = g.mul(twice, wide);
            g.sin(square)
        }),
        ("join", 60, |g, x| {
            let (a, b) = (g.part(x, 5, 0, 4), g.part(x, 5, 4, 8));
            let (a, b) = (g.sin(a), g.square(b));
            g.join(b, a, 5)
        }),
        ("part", 60, |g, x| {
            let square = g.square(x);
            g.part(square, 10, 2, 3)
        }),
        ("part of a join", 60, |g, x| {
            let y = g.sin(x);
            let both = g.join(x, y, 6);
            let inside = g.part(both, 6, 5, 10);
            let left = g.part(both, 6, 1, 4);
            let right = g.part(both, 6, 12, 4);
            let ends = g.mul(left, right);
            g.concat(&[inside, ends, left])
        }),
        ("mean_pool", 72, |g, x| {
            let image = Image {
                height: 4,
                width: 6,
                channels: 3,
            };
            let y = g.mean_pool(x, image, 2);
            g.square(y)
        }),
        ("enlarge", 18, |g, x| {
            let image = Image {
                height: 2,
                width: 3,
                channels: 3,
            };
            let y = g.enlarge(x, image, 3);
            g.square(y)
        }),
        ("group_norm", 72, |g, x| {
            let image = Image {
                height: 2,
                width: 6,
                channels: 6,
            };
            let (gain, shift) = (g.param(1, 6), g.param(1, 6));
            let (gain, shift) = (g.lift(gain), g.lift(shift));
            g.group_norm(x, image, 3, 1e-3, gain, shift)
        }),
    ]
}

#[test]
fn operations_are_what_they_say_and_their_pullbacks_are_the_transposes_of_their_pushforwards() {
    for (what, width, operation) in operations() {
        let mut g = Graph::new();
        let (x, v) = (g.input(width), g.input(width));
        let y = operation(&mut g, x);
        let out = g.width(y);
        let u = g.input(out);
        let forward = g.pushforward(&[(x, v)], &[y])[0];
        let back = g.pullback(&[(y, u)]).of(x).unwrap();
        let (left, right) = (g.dot(forward, u), g.dot(v, back));
        // And a derivative of each, in the other mode.
        let bend = g.pullback(&[(forward, u)]).of(x);
        let bend = bend.unwrap_or_else(|| g.constant(width, 0.0));
        let other_bend = g.pushforward(&[(x, v)], &[back])[0];
        let plan = Plan::new(&g, &[y, left, right, bend, other_bend]).with_rows_per_block(2);
        let inputs = [rows(5, width, 1), rows(5, width, 2), rows(5, out, 3)];
        let params = numbers(plan.n_params(), 4);
        let views = [inputs[0].view(), inputs[1].view(), inputs[2].view()];
        let found = plan.evaluate(&mut Workspace::<f64>::new(), &params, &views);
        for row in 0..5 {
            let inputs = [
                inputs[0].row(row).to_vec(),
                inputs[1].row(row).to_vec(),
                inputs[2].row(row).to_vec(),
            ];
            let expected = evaluate(&g, &params, &inputs, y);
            for (found, expected) in found[0].row(row).iter().zip(&expected) {
                assert_close(*found, *expected, 1e-14, what);
            }
            if let Some(expected) = definition(what, &inputs[0]) {
                assert_eq!(expected.len(), out, "{what}");
                for (found, expected) in found[0].row(row).iter().zip(&expected) {
                    assert_close(*found, *expected, 1e-13, what);
                }
            }
            let (left, right) = (found[1][[row, 0]], found[2][[row, 0]]);
            assert_close(left, right, 1e-13, &format!("⟨Jv, u⟩ and ⟨v, Jᵀu⟩ of {what}"));
            for (a, b) in found[3].row(row).iter().zip(found[4].row(row)) {
                assert_close(*a, *b, 1e-12, &format!("second derivatives of {what}"));
            }
        }
    }
}

/// What some of the operations are, in plain loops: the graph simplifies them before anything is computed.
fn definition(what: &str, x: &[f64]) -> Option<Vec<f64>> {
    let places = |k: usize| (k / 30, k / 6 % 5, k % 6);
    let sum = |o: usize, i: usize| (0..5).map(|k| x[(o * 5 + k) * 6 + i]).sum::<f64>();
    let each = |n: usize, f: &dyn Fn(usize) -> f64| Some((0..n).map(f).collect());
    match what {
        "sum_over" => each(12, &|k| sum(k / 6, k % 6)),
        "sum over single numbers" => each(2, &|o| x[o * 30..][..30].iter().sum()),
        "repeat_along" => each(60, &|k| x[places(k).0 * 6 + places(k).2]),
        "sum of squares" => each(12, &|k| {
            (0..5).map(|m| x[(k / 6 * 5 + m) * 6 + k % 6].powi(2)).sum()
        }),
        "sum of products" => each(12, &|k| {
            let terms = (0..5).map(|m| x[(k / 6 * 5 + m) * 6 + k % 6]);
            terms.map(|x| x * x.sin()).sum()
        }),
        "sum of a repeated factor" => each(12, &|k| sum(k / 6, k % 6).powi(2)),
        "product with what is repeated" => each(60, &|k| 0.3 * sum(places(k).0, places(k).2) * x[k]),
        "sum with what is repeated" => each(60, &|k| x[k] + 0.2 * sum(places(k).0, places(k).2)),
        "product of repeated along different axes" => each(60, &|k| {
            let (o, _, i) = places(k);
            let total = sum(0, i) + sum(1, i);
            sum(o, i) * total + total
        }),
        "function of what is repeated" => each(60, &|k| {
            let x = x[places(k).0 * 6 + places(k).2];
            (2.0 * x * x).sin()
        }),
        "join" => each(60, &|k| match (k / 12, k % 12) {
            (o, i) if i < 8 => x[o * 12 + 4 + i].powi(2),
            (o, i) => x[o * 12 + i - 8].sin(),
        }),
        "part" => each(30, &|k| x[k / 3 * 6 + 2 + k % 3].powi(2)),
        "part of a join" => {
            let both = |o: usize, k: usize| match k {
                0..10 => x[o * 10 + k],
                _ => x[o * 10 + k - 10].sin(),
            };
            let inside = (0..60).map(|k| both(k / 10, 5 + k % 10));
            let ends = (0..24).map(|k| both(k / 4, 1 + k % 4) * both(k / 4, 12 + k % 4));
            let left = (0..24).map(|k| both(k / 4, 1 + k % 4));
            Some(inside.chain(ends).chain(left).collect())
        }
        "mean_pool" => each(18, &|k| {
            let (y, u, c) = (k / 9, k / 3 % 3, k % 3);
            let pixel = |i: usize, j: usize| x[((2 * y + i) * 6 + 2 * u + j) * 3 + c];
            ((pixel(0, 0) + pixel(0, 1) + pixel(1, 0) + pixel(1, 1)) / 4.0).powi(2)
        }),
        "enlarge" => each(162, &|k| {
            let (y, u, c) = (k / 27, k / 3 % 9, k % 3);
            x[(y / 3 * 3 + u / 3) * 3 + c].powi(2)
        }),
        "group_norm" => {
            let parameters = numbers(12, 4);
            each(72, &|k| {
                let group = k % 6 / 2;
                let members = || (0..72).filter(|m| m % 6 / 2 == group).map(|m| x[m]);
                let mean = members().sum::<f64>() / 24.0;
                let variance = members().map(|x| (x - mean).powi(2)).sum::<f64>() / 24.0;
                (x[k] - mean) / (variance + 1e-3).sqrt() * parameters[k % 6] + parameters[6 + k % 6]
            })
        }
        _ => None,
    }
}
