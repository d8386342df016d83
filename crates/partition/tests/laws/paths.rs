//! The paths that the estimators are tried on obey the laws of their trait.

use crate::common::{NormalPath, TinyIsing, TinyRbm, binary_states};
use gibbsian_core::Seed;
use gibbsian_testkit::conformance;
use gibbsian_testkit::differences::Precision;
use ndarray::array;

#[test]
fn machines() {
    let path = TinyRbm::random(4, 3, 0.9, Seed::new(1));
    let states = binary_states(4);
    conformance::path(&path, states.view(), Precision::DOUBLE, Seed::new(2)).unwrap();
    conformance::finite_path(&path, states.view(), Precision::DOUBLE, Seed::new(3)).unwrap();
}

#[test]
fn spins() {
    let path = TinyIsing::random(4, 1.0, Seed::new(4));
    let states = binary_states(4) * 2.0 - 1.0;
    conformance::path(&path, states.view(), Precision::DOUBLE, Seed::new(5)).unwrap();
    conformance::finite_path(&path, states.view(), Precision::DOUBLE, Seed::new(6)).unwrap();
}

#[test]
fn normals() {
    let path = NormalPath {
        precision: 3.0,
        mean: -0.7,
        rho: 0.4,
    };
    let x = array![[-2.0], [-0.3], [0.0], [1.7]];
    conformance::path(&path, x.view(), Precision::DOUBLE, Seed::new(7)).unwrap();
}
