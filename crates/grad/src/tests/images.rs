//! Pictures: convolutions, axes, joins, and networks of them.

use std::collections::HashMap;

use gibbsian_testkit::threads;
use ndarray::{Array1, Array2};

use super::derivatives::{check_energy, check_map};
use super::{assert_close, numbers, rows};
use crate::graph::{Graph, Var};
use crate::plan::{Plan, Stage};
use crate::run::Workspace;
use crate::{Axis, Geometry, Image};

const PICTURE: Image = Image {
    height: 4,
    width: 4,
    channels: 1,
};

/// A network of the shape of a U-Net on pictures of 4 × 4 pixels: convolutions of both kinds, with strides and without, normalisation, pools, enlargement, a skip, and a time that moves channels.
fn unet(g: &mut Graph, x: Var, time: Var) -> Var {
    let conv = |g: &mut Graph, x: Var, geometry: Geometry| {
        let (n, m) = geometry.weights();
        let (w, b) = (g.param(n, m), g.param(1, m));
        let (y, b) = (g.conv(x, w, geometry), g.lift(b));
        let image = Image {
            height: geometry.out_height(),
            width: geometry.out_width(),
            channels: m,
        };
        g.add_channels(y, b, image)
    };
    let norm = |g: &mut Graph, x: Var, image: Image, groups: usize| {
        let (gain, shift) = (g.param(1, image.channels), g.param(1, image.channels));
        let (gain, shift) = (g.lift(gain), g.lift(shift));
        let y = g.group_norm(x, image, groups, 0.1, gain, shift);
        g.silu(y)
    };
    let large = Image {
        channels: 4,
        ..PICTURE
    };
    let small = Image {
        height: 2,
        width: 2,
        channels: 4,
    };
    let first = conv(g, x, Geometry::same(1, 4, 4, 4, 3));
    let w = g.param(1, 4);
    let embedded = g.matmul(time, w);
    let moved = g.add_channels(first, embedded, large);
    let moved = g.mul_channels(moved, embedded, large);
    let first = norm(g, moved, large, 2);
    let pooled = g.mean_pool(first, large, 2);
    let strided = Geometry {
        stride: 2,
        ..Geometry::same(4, 4, 4, 4, 3)
    };
    let strided = conv(g, first, strided);
    let inner = g.add(pooled, strided);
    let inner = norm(g, inner, small, 1);
    let up = g.enlarge(inner, small, 2);
    let doubling = Geometry {
        padding: 0,
        kernel: 2,
        ..Geometry::same(2, 4, 4, 4, 2)
    };
    let doubling = Geometry {
        stride: 2,
        ..doubling
    };
    let w = g.param(doubling.weights().0, doubling.weights().1);
    let other = g.conv_transposed(inner, w, doubling);
    let both = g.join_channels(up, first, large.pixels());
    let both = g.join_channels(both, other, large.pixels());
    conv(g, both, Geometry::same(10, 1, 4, 4, 1))
}

fn unet_energy(g: &mut Graph, x: Var) -> Var {
    // The first pixel is the time, too.
    let time = g.slice(x, 0, 1);
    let out = unet(g, x, time);
    let product = g.dot(out, x);
    let squares = g.dot(out, out);
    let mean = g.pixel_mean(out, PICTURE);
    let sine = g.sin(mean);
    let sum = g.add(product, squares);
    g.add(sum, sine)
}

#[test]
fn a_network_on_pictures_has_its_first_three_derivatives() {
    check_energy(unet_energy, 16, 1, 5);
    // As a score, whose first pixel is the time, too.
    let score = |g: &mut Graph, x: Var| {
        let time = g.slice(x, 0, 1);
        unet(g, x, time)
    };
    check_map(score, 16, 2, 3);
}

/// The gradient of a loss of the network's scores in arithmetic of either precision, with blocks of so many rows, and its outputs.
fn gradient<F: crate::Real>(rows_per_block: usize) -> (Vec<f64>, Vec<f64>) {
    let mut g = Graph::new();
    let (x, time) = (g.input(16), g.input(1));
    let out = unet(&mut g, x, time);
    let loss = g.dot(out, out);
    let one = g.constant(1, 1.0);
    let cotangents = g.pullback(&[(loss, one)]);
    let stages = [Stage::of(&[out]), Stage::of(&[loss]).with_gradients(&cotangents)];
    let plan = Plan::staged(&g, &stages).with_rows_per_block(rows_per_block);
    let params: Vec<F> = numbers(plan.n_params(), 1).into_iter().map(F::from_f64).collect();
    let inputs = [rows(53, 16, 2), rows(53, 1, 3)];
    let mut workspace = Workspace::<F>::new();
    let found = plan.evaluate(&mut workspace, &params, &[inputs[0].view(), inputs[1].view()]);
    let mut grad = Array1::zeros(plan.n_params());
    plan.add_gradient(&mut workspace, 1, grad.view_mut());
    (found.into_iter().flatten().collect(), grad.to_vec())
}

#[test]
fn blocks_and_precisions_change_roundings_only() {
    let (outputs, grad) = gradient::<f64>(64);
    let largest = |x: &[f64]| x.iter().fold(0.0, |most: f64, x| most.max(x.abs()));
    let check = |(other_outputs, other_grad): (Vec<f64>, Vec<f64>), tolerance: f64| {
        for (a, b) in [(&outputs, &other_outputs), (&grad, &other_grad)] {
            for (x, y) in a.iter().zip(b) {
                assert!((x - y).abs() <= tolerance * largest(a), "{y} instead of {x}");
            }
        }
    };
    for rows_per_block in [1, 3, 53] {
        check(gradient::<f64>(rows_per_block), 1e-13);
    }
    // Sums of 53 rows, 16 pixels and at most 36 taps, one after the other.
    check(gradient::<f32>(8), f64::from(f32::EPSILON) * (53.0 + 16.0 + 36.0));
}

#[test]
fn the_number_of_threads_changes_no_bit_of_pictures() {
    threads::same_on_any_number("a gradient", || {
        let (outputs, grad) = gradient::<f32>(2);
        outputs.into_iter().chain(grad).collect()
    })
    .unwrap();
}

#[test]
fn groups_have_mean_zero_and_variance_one() {
    let image = Image {
        height: 3,
        width: 5,
        channels: 6,
    };
    let mut g = Graph::new();
    let x = g.input(image.len());
    let (one, zero) = (g.constant(6, 1.0), g.constant(6, 0.0));
    let y = g.group_norm(x, image, 2, 0.0, one, zero);
    let plan = Plan::new(&g, &[y]);
    let x = rows(4, image.len(), 1).mapv(|x| 3.0 + x);
    let found = plan.evaluate(&mut Workspace::<f64>::new(), &[], &[x.view()]);
    for row in found[0].rows() {
        for group in 0..2 {
            let members: Vec<f64> = (row.iter().enumerate())
                .filter(|(k, _)| k % 6 / 3 == group)
                .map(|(_, x)| *x)
                .collect();
            let mean = |f: fn(f64) -> f64| members.iter().map(|x| f(*x)).sum::<f64>() / 45.0;
            assert_close(mean(|x| x), 0.0, 1e-14, "the mean");
            assert_close(mean(|x| x * x), 1.0, 1e-14, "the variance");
        }
    }
}

#[test]
fn what_is_repeated_is_not_written_down() {
    let mut g = Graph::new();
    let axis = Axis {
        outer: 2,
        n: 3,
        inner: 4,
    };
    let (x, y, b) = (g.input(24), g.input(24), g.input(8));
    let wide = g.repeat_along(b, axis);
    let threefold = g.scale(3.0, b);
    assert_eq!(g.sum_over(wide, axis), threefold);
    let scaled = g.scale(3.0, wide);
    assert_eq!(scaled, g.repeat_along(threefold, axis));
    let square = g.square(b);
    let wide_square = g.square(wide);
    assert_eq!(wide_square, g.repeat_along(square, axis));
    // One step each, beside the inputs.
    let (product, sum) = (g.mul(x, wide), g.add(wide, x));
    let products = g.mul(x, y);
    let dots = g.sum_over(products, axis);
    for node in [product, sum] {
        assert_eq!(Plan::new(&g, &[node]).n_steps(), 3);
    }
    assert_eq!(Plan::new(&g, &[dots]).n_steps(), 3);
    // The pullback of a join in two parts is the cotangent again.
    let both = g.join(x, y, 2);
    let u = g.input(48);
    let cotangents = g.pullback(&[(both, u)]);
    let (to_x, to_y) = (cotangents.of(x).unwrap(), cotangents.of(y).unwrap());
    let (left, right) = (g.part(u, 2, 0, 12), g.part(u, 2, 12, 12));
    assert_eq!((to_x, to_y), (left, right));
    // And that of both parts is one join.
    let first = g.part(x, 2, 0, 5);
    let second = g.part(x, 2, 5, 7);
    let cotangents = g.pullback(&[(first, first), (second, second)]);
    assert_eq!(cotangents.of(x), Some(g.join(first, second, 2)));
}

#[test]
fn wide_rows_come_in_small_blocks() {
    let rows_of = |width: usize| {
        let mut g = Graph::new();
        let x = g.input(width);
        let y = g.exp(x);
        Plan::new(&g, &[y]).rows_per_block
    };
    assert_eq!(
        (rows_of(1024), rows_of(28 * 28 * 32), rows_of(1 << 20)),
        (64, 2, 1)
    );
}

#[test]
#[should_panic(expected = "numbers of the picture")]
fn a_picture_of_another_size_is_an_error_of_the_caller() {
    let mut g = Graph::new();
    let (x, w) = (g.input(15), g.param(9, 1));
    g.conv(x, w, Geometry::same(1, 1, 4, 4, 3));
}

#[test]
#[should_panic(expected = "do not tile")]
fn a_pool_that_does_not_tile_the_picture_is_an_error_of_the_caller() {
    let mut g = Graph::new();
    let x = g.input(16);
    g.mean_pool(x, PICTURE, 3);
}

/// Numbers by PyTorch in double precision (`tests/reference/images.py`).
#[test]
fn another_program_agrees() {
    type Cases = HashMap<String, HashMap<String, Vec<f64>>>;
    let cases: Cases = serde_json::from_str(include_str!("../../tests/reference/images.json")).unwrap();
    assert_eq!(cases.len(), 11);
    for (name, case) in &cases {
        let sizes: Vec<usize> = case["sizes"].iter().map(|n| *n as usize).collect();
        let mut g = Graph::new();
        let (n, m) = (case["x"].len() / 2, case["y"].len() / 2);
        let (x, u) = (g.input(n), g.input(m));
        let y = match *sizes {
            [in_channels, out_channels, height, width, kernel, stride, padding] => {
                let geometry = Geometry {
                    in_channels,
                    out_channels,
                    height,
                    width,
                    kernel,
                    stride,
                    padding,
                };
                let w = g.param(geometry.weights().0, geometry.weights().1);
                match name.starts_with("conv") {
                    true => g.conv(x, w, geometry),
                    false => g.conv_transposed(x, w, geometry),
                }
            }
            [channels, height, width] => {
                let image = Image {
                    height,
                    width,
                    channels,
                };
                match name.as_str() {
                    "mean_pool" => g.mean_pool(x, image, 2),
                    "enlarge" => g.enlarge(x, image, 2),
                    _ => {
                        let (gain, shift) = (g.param(1, channels), g.param(1, channels));
                        let (gain, shift) = (g.lift(gain), g.lift(shift));
                        g.group_norm(x, image, 3, 1e-3, gain, shift)
                    }
                }
            }
            _ => unreachable!("sizes of a picture or a convolution"),
        };
        let cotangents = g.pullback(&[(y, u)]);
        let back = cotangents.of(x).unwrap();
        let plan = Plan::staged(&g, &[Stage::of(&[y, back]).with_gradients(&cotangents)]);
        let input = |key: &str| Array2::from_shape_vec((2, case[key].len() / 2), case[key].clone()).unwrap();
        let (x, u) = (input("x"), input("u"));
        let mut workspace = Workspace::<f64>::new();
        let found = plan.evaluate(&mut workspace, &case["w"], &[x.view(), u.view()]);
        let mut grad = Array1::zeros(plan.n_params());
        plan.add_gradient(&mut workspace, 0, grad.view_mut());
        let found = [found[0].flatten(), found[1].flatten(), grad.flatten()];
        for (found, key) in found.iter().zip(["y", "to_x", "to_w"]) {
            assert_eq!(found.len(), case[key].len(), "{key} of {name}");
            for (found, expected) in found.iter().zip(&case[key]) {
                assert_close(*found, *expected, 1e-13, &format!("{key} of {name}"));
            }
        }
    }
}
