//! Layers of pictures against their definitions, read off a generator that is nothing but the layer.

use gibbsian_core::{Generator, Parametric, ParametricMut, Seed};
use gibbsian_nn::{Init, NeuralGenerator, Picture, Precision};
use gibbsian_testkit::agreement::close;
use ndarray::{Array1, Array2};

/// Rows, columns and channels of the picture.
const SIZE: (usize, usize, usize) = (6, 5, 2);
/// Sums of some twenty products of numbers of order one, in another order.
const ROUNDING: f64 = 1e-14;

fn picture() -> Array2<f64> {
    let n = SIZE.0 * SIZE.1 * SIZE.2;
    Array2::from_shape_fn((2, n), |(b, i)| (1.3 * (b * n + i) as f64 + 0.2).sin())
}

/// A convolution to three channels, with parameters of order one.
fn convolution(kernel: usize, stride: usize, len: usize) -> NeuralGenerator {
    let (height, width, channels) = SIZE;
    let mut layer = NeuralGenerator::new(
        height * width * channels,
        len,
        |net, z| {
            let z = Picture::new(z, height, width, channels);
            net.strided_conv2d("conv", z, 3, kernel, stride, Init::LeCun).node
        },
        &mut Seed::new(1).rng(),
    )
    .unwrap()
    .with_precision(Precision::Double);
    let params = Array1::from_shape_fn(layer.n_params(), |i| (0.7 * i as f64 + 0.1).cos());
    layer.set_params(params.view()).unwrap();
    layer
}

#[test]
fn strided_convolutions_are_their_sums() {
    let (height, width, channels) = SIZE;
    for (kernel, stride) in [(1, 1), (3, 1), (3, 2), (4, 2), (5, 3), (2, 3)] {
        let before = (kernel - 1) / 2;
        let n_rows = (height + 2 * before - kernel) / stride + 1;
        let n_columns = (width + 2 * before - kernel) / stride + 1;
        let layer = convolution(kernel, stride, n_rows * n_columns * 3);
        let (x, params) = (picture(), layer.params().to_owned());
        let (weights, bias) = params
            .as_slice()
            .unwrap()
            .split_at(kernel * kernel * channels * 3);
        // The pixel of the picture that lies `i` taps after the first of output `v`, unless it is in the border.
        let from =
            |v: usize, i: usize, size: usize| (v * stride + i).checked_sub(before).filter(|y| *y < size);
        let expected = Array2::from_shape_fn((2, n_rows * n_columns * 3), |(b, k)| {
            let (v, u, o) = (k / 3 / n_columns, k / 3 % n_columns, k % 3);
            let mut sum = bias[o];
            for (i, j) in (0..kernel * kernel).map(|tap| (tap / kernel, tap % kernel)) {
                if let (Some(y), Some(z)) = (from(v, i, height), from(u, j, width)) {
                    for c in 0..channels {
                        let w = weights[((i * kernel + j) * channels + c) * 3 + o];
                        sum += w * x[[b, (y * width + z) * channels + c]];
                    }
                }
            }
            sum
        });
        let found = layer.generate(x.view());
        close("the convolution", &found, &expected, ROUNDING).unwrap();
    }
}

#[test]
#[should_panic(expected = "sizes of a convolution are positive")]
fn a_stride_is_positive() {
    convolution(3, 0, 1);
}
