//! Laws of Gaussian mixtures.

mod common;

use common::mixtures::{probes, shapes};
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
