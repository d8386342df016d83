//! Laws of Gaussian mixtures.

use crate::common::mixtures::{probes, shapes};
use gibbsian_core::Seed;
use gibbsian_testkit::conformance;
use gibbsian_testkit::differences::Precision;
use gibbsian_testkit::verdict::Verdict;

#[test]
fn every_shape_keeps_the_promises_of_its_traits() -> Verdict {
    for (name, mixture) in shapes() {
        let x = probes(&mixture);
        let within = |f: gibbsian_testkit::verdict::Failure| f.within(name);
        conformance::energy(&mixture, x.view(), Precision::DOUBLE).map_err(within)?;
        conformance::score(&mixture, x.view(), Precision::DOUBLE).map_err(within)?;
        conformance::potential(&mixture, x.view(), Precision::DOUBLE).map_err(within)?;
        conformance::score_jvp(&mixture, x.view(), Precision::DOUBLE).map_err(within)?;
        conformance::density(&mixture, 0.3, Precision::DOUBLE, Seed::new(7).child(name)).map_err(within)?;
    }
    Ok(())
}

#[test]
fn mean_and_covariance_are_those_of_the_parts_and_between_them() {
    use gibbsian_densities::{Covariances, GaussianMixture};
    use ndarray::array;
    let covariances = Covariances::Spherical(array![1.0, 3.0]);
    let mixture =
        GaussianMixture::new(array![0.5, 0.5], array![[9.0, 2.0], [11.0, 4.0]], covariances).unwrap();
    assert_eq!(mixture.mean(), array![10.0, 3.0]);
    assert_eq!(mixture.covariance(), array![[3.0, 1.0], [1.0, 3.0]]);
}
