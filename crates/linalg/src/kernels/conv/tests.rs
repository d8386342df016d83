//! Convolutions against the sums that define them.

use gibbsian_core::simd::Level;

use super::{Convolution, Geometry, add_weight_gradient};
use crate::product::Real;

/// Sizes of every kind: strides that leave pixels out, kernels of even size, borders, channels that fill no vector.
fn geometries() -> Vec<Geometry> {
    let of = |[in_channels, out_channels, height, width, kernel, stride, padding]: [usize; 7]| Geometry {
        in_channels,
        out_channels,
        height,
        width,
        kernel,
        stride,
        padding,
    };
    [
        [1, 1, 1, 1, 1, 1, 0],
        [1, 32, 6, 5, 3, 1, 1],
        [32, 1, 5, 6, 3, 1, 1],
        [3, 5, 4, 7, 3, 1, 1],
        [17, 33, 4, 15, 3, 1, 1],
        [16, 70, 7, 7, 3, 1, 0],
        [40, 48, 2, 29, 1, 1, 0],
        [4, 6, 8, 8, 3, 2, 1],
        [5, 16, 9, 10, 3, 2, 1],
        [6, 4, 7, 8, 2, 2, 0],
        [2, 3, 11, 12, 5, 3, 4],
        [3, 2, 10, 10, 2, 4, 1],
        [2, 2, 4, 4, 4, 1, 3],
    ]
    .map(of)
    .to_vec()
}

fn numbers<T>(n: usize, seed: usize, of: fn(f64) -> T) -> Vec<T> {
    let number = |k: usize| (k as f64 * 0.618_033_988_749_895 + seed as f64 * 0.377).fract() * 2.0 - 1.0;
    (0..n).map(|k| of(number(k))).collect()
}

/// Calls `f` with the offsets of every product: of the picture, the result, and the weight; by pixel of the result, then by tap and channels.
fn for_each_product(g: Geometry, mut f: impl FnMut(usize, usize, usize)) {
    for y in 0..g.out_height() {
        for x in 0..g.out_width() {
            for (i, j) in (0..g.kernel * g.kernel).map(|tap| (tap / g.kernel, tap % g.kernel)) {
                let row = (y * g.stride + i).wrapping_sub(g.padding);
                let column = (x * g.stride + j).wrapping_sub(g.padding);
                if row >= g.height || column >= g.width {
                    continue;
                }
                for c in 0..g.in_channels {
                    for o in 0..g.out_channels {
                        let picture = (row * g.width + column) * g.in_channels + c;
                        let result = (y * g.out_width() + x) * g.out_channels + o;
                        f(
                            picture,
                            result,
                            ((i * g.kernel + j) * g.in_channels + c) * g.out_channels + o,
                        );
                    }
                }
            }
        }
    }
}

fn run<T: Real>(pass: &Convolution, w: &[T], x: &[T], n_out: usize) -> Vec<T> {
    let mut packed = vec![T::ZERO; pass.packed_len()];
    pass.pack_into(w, &mut packed);
    let mut out = vec![T::ONE; n_out];
    // Memory with other numbers in it.
    let mut room = vec![T::ONE; 10_000];
    pass.run_into(&packed, x, &mut out, &mut room);
    out
}

/// At every level: `f` of what it gives.
fn at_each_level(f: impl Fn(Level)) {
    for level in Level::ALL {
        Level::limit(level);
        f(level);
    }
    Level::limit(Level::Avx512);
}

macro_rules! chains {
    ($name:ident, $type:ty, $of:expr) => {
        #[test]
        fn $name() {
            for g in geometries() {
                let (n, m) = (g.in_len(), g.out_len());
                let x = numbers::<$type>(2 * n, 1, $of);
                let u = numbers::<$type>(2 * m, 2, $of);
                let w = numbers::<$type>(g.weights().0 * g.weights().1, 3, $of);
                // Products that are fused into sums in the documented orders, from the definition.
                let (mut forward, mut back) = (vec![0.0; 2 * m], vec![0.0; 2 * n]);
                for k in 0..2 {
                    for_each_product(g, |a, b, c| {
                        let out: &mut $type = &mut forward[k * m + b];
                        *out = x[k * n + a].mul_add(w[c], *out);
                    });
                    let mut products = Vec::new();
                    for_each_product(g, |a, b, c| products.push((a, c, b)));
                    products.sort_unstable();
                    for (a, c, b) in products {
                        let out: &mut $type = &mut back[k * n + a];
                        *out = u[k * m + b].mul_add(w[c], *out);
                    }
                }
                at_each_level(|level| {
                    let found = run(&Convolution::new(g), &w, &x, 2 * m);
                    assert_eq!(found, forward, "{g:?} at {level:?}");
                    let found = run(&Convolution::transposed(g), &w, &u, 2 * n);
                    assert_eq!(found, back, "transposed {g:?} at {level:?}");
                });
            }
        }
    };
}
chains!(single_precision_has_the_bits_of_the_definition, f32, |x| x as f32);
chains!(double_precision_has_the_bits_of_the_definition, f64, |x| x);

#[test]
fn weights_have_the_gradient_of_the_definition_and_the_same_bits_at_every_level() {
    for g in geometries() {
        let n_pictures = 19;
        let x = numbers(n_pictures * g.in_len(), 1, |x| x);
        let u = numbers(n_pictures * g.out_len(), 2, |x| x);
        let n_weights = g.weights().0 * g.weights().1;
        let mut expected = vec![0.25; n_weights];
        let mut sizes = vec![0.25; n_weights];
        let pictures = || x.chunks_exact(g.in_len()).zip(u.chunks_exact(g.out_len()));
        for (x, u) in pictures() {
            for_each_product(g, |a, b, c| {
                expected[c] += x[a] * u[b];
                sizes[c] += (x[a] * u[b]).abs();
            });
        }
        let n_products = (n_pictures * g.out_height() * g.out_width()) as f64;
        let gradient = || {
            let mut sum = vec![0.25; n_weights];
            add_weight_gradient(
                &Convolution::new(g),
                pictures(),
                &mut sum,
                &mut vec![f64::NAN; 10_000],
            );
            sum
        };
        let reference = gradient();
        for ((found, expected), size) in reference.iter().zip(&expected).zip(&sizes) {
            // Either sum is off by at most so many roundings of the absolute terms.
            let bound = 2.0 * (n_products + 2.0) * f64::EPSILON / 2.0 * size;
            assert!(
                (found - expected).abs() <= bound,
                "{g:?}: {found} instead of {expected}"
            );
        }
        at_each_level(|level| assert_eq!(gradient(), reference, "{g:?} at {level:?}"));
        let single = |level| {
            let (x, u) = (
                numbers(2 * g.in_len(), 1, |x| x as f32),
                numbers(2 * g.out_len(), 2, |x| x as f32),
            );
            let mut sum = vec![0.0; n_weights];
            let pictures = x.chunks_exact(g.in_len()).zip(u.chunks_exact(g.out_len()));
            Level::limit(level);
            add_weight_gradient(&Convolution::new(g), pictures, &mut sum, &mut Vec::new());
            sum
        };
        let reference = single(Level::Avx512);
        at_each_level(|level| assert_eq!(single(level), reference, "{g:?} at {level:?}"));
    }
}

#[test]
fn a_number_that_is_none_stays_none_where_it_reaches() {
    let g = Geometry::same(2, 3, 5, 5, 3);
    let w = numbers(g.weights().0 * g.weights().1, 3, |x| x);
    let mut x = numbers(g.in_len(), 1, |x| x);
    x[2 * (5 + 1)] = f64::NAN;
    let out = run(&Convolution::new(g), &w, &x, g.out_len());
    for (k, out) in out.chunks_exact(3).enumerate() {
        let is_near = k / 5 < 3 && k % 5 < 3;
        assert!(out.iter().all(|x| x.is_nan() == is_near), "pixel {k}: {out:?}");
    }
}

#[test]
#[should_panic(expected = "fewer zeros than taps")]
fn a_border_as_wide_as_the_kernel_is_an_error_of_the_caller() {
    Convolution::new(Geometry {
        padding: 3,
        ..Geometry::same(1, 1, 4, 4, 3)
    });
}
