//! The forward processes of core keep every promise of their trait.

use gibbsian_core::process::{
    OrnsteinUhlenbeck, SubVariancePreserving, VarianceExploding, VariancePreserving,
};
use gibbsian_testkit::conformance::linear_gaussian;
use gibbsian_testkit::verdict::Verdict;

#[test]
fn variance_exploding() -> Verdict {
    for (low, high) in [(0.01, 50.0), (0.1, 10.0), (2.0, 7.0), (1.0, 1.0001)] {
        linear_gaussian(&VarianceExploding::new(low, high).unwrap())?;
    }
    Ok(())
}

#[test]
fn variance_preserving() -> Verdict {
    for (low, high) in [(0.1, 20.0), (0.0, 5.0), (3.0, 3.0), (1e-4, 0.02)] {
        linear_gaussian(&VariancePreserving::new(low, high).unwrap())?;
    }
    Ok(())
}

#[test]
fn sub_variance_preserving() -> Verdict {
    for (low, high) in [(0.1, 20.0), (0.0, 5.0), (3.0, 3.0), (1e-4, 0.02)] {
        linear_gaussian(&SubVariancePreserving::new(low, high).unwrap())?;
    }
    Ok(())
}

#[test]
fn ornstein_uhlenbeck() -> Verdict {
    for horizon in [0.01, 1.0, 12.0] {
        linear_gaussian(&OrnsteinUhlenbeck::new(horizon).unwrap())?;
    }
    Ok(())
}
