//! What several files of tests need.

use gibbsian_core::LinearGaussian;
use gibbsian_sde::ReverseSde;
use gibbsian_testkit::targets::{Mixture, Noised};
use ndarray::array;

pub mod equations;
pub mod linear_law;
pub mod normal;
pub mod normals;

/// Two modes in two dimensions under a process.
pub fn two_modes<P: LinearGaussian + Copy>(process: P) -> ReverseSde<P, Noised<P>> {
    let means = array![[-2.0, 0.0], [2.0, 1.0]];
    let mixture = Mixture::new(array![0.3, 0.7], means, array![0.5, 0.3]).unwrap();
    ReverseSde::new(process, Noised::new(mixture, process))
}
