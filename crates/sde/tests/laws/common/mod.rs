//! What several files of tests need.

use gibbsian_core::LinearGaussian;
use gibbsian_sde::ReverseSde;
use gibbsian_testkit::targets::{Mixture, Noised};
use ndarray::{Array1, Array2, array};

pub mod equations;
pub mod law_over_grid;
pub mod linear_law;
pub mod normal;
pub mod normals;

/// Two modes in two dimensions under a process.
pub fn two_modes<P: LinearGaussian + Copy>(process: P) -> ReverseSde<P, Noised<P>> {
    let means = array![[-2.0, 0.0], [2.0, 1.0]];
    let mixture = Mixture::new(array![0.3, 0.7], means, array![0.5, 0.3]).unwrap();
    ReverseSde::new(process, Noised::new(mixture, process))
}

/// One or three components in any dimension.
pub fn mixture(n_components: usize, dim: usize) -> Mixture {
    let weights = Array1::from_shape_fn(n_components, |k| 1.0 + k as f64);
    let means = Array2::from_shape_fn((n_components, dim), |(k, i)| {
        1.5 * ((5 * k + 3 * i + 1) as f64).sin()
    });
    let deviations = Array1::from_shape_fn(n_components, |k| 0.4 + 0.2 * k as f64);
    Mixture::new(weights, means, deviations).unwrap()
}
