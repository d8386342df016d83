//! Plans against an interpreter over nested dual numbers, which knows nothing of pullbacks, pushforwards, buffers or blocks.

mod curvature;
mod derivatives;
mod dual;
mod image_operations;
mod images;
mod plans;

use ndarray::Array2;

/// Numbers that fill (−1, 1) evenly and repeat for no one.
fn numbers(n: usize, seed: usize) -> Vec<f64> {
    (0..n)
        .map(|k| {
            ((k + 1) as f64 * 0.618_033_988_749_895 + seed as f64 * 0.414_213_562_373_095).fract() * 2.0 - 1.0
        })
        .collect()
}

fn rows(n: usize, width: usize, seed: usize) -> Array2<f64> {
    Array2::from_shape_vec((n, width), numbers(n * width, seed)).unwrap()
}

#[track_caller]
fn assert_close(found: f64, expected: f64, tolerance: f64, what: &str) {
    let error = (found - expected).abs();
    assert!(
        error <= tolerance * (1.0 + expected.abs()),
        "{what}: {found} instead of {expected}"
    );
}
