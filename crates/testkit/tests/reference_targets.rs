//! The reference targets keep every promise of their traits.

use gibbsian_core::Seed;
use gibbsian_testkit::conformance;
use gibbsian_testkit::differences::Precision;
use gibbsian_testkit::targets::{BernoulliLayer, Gaussian};
use gibbsian_testkit::verdict::Verdict;
use ndarray::array;

const DOUBLE: Precision = Precision::DOUBLE;

#[test]
fn gaussian() -> Verdict {
    let mut model = Gaussian::new(
        array![0.5, -1.0, 0.25],
        array![[2.0, 0.0, 0.0], [0.5, 1.5, 0.0], [-0.25, 0.75, 1.0]],
    )
    .unwrap();
    let x = array![
        [0.3, 1.2, -0.4],
        [-2.0, 0.1, 0.9],
        [1.1, -0.7, 2.5],
        [0.2, 0.6, -1.3]
    ];
    conformance::parametric(&mut model)?;
    conformance::energy(&model, x.view(), DOUBLE)?;
    conformance::score(&model, x.view(), DOUBLE)?;
    conformance::potential(&model, x.view(), DOUBLE)?;
    conformance::score_jvp(&model, x.view(), DOUBLE)?;
    conformance::energy_pullback(&mut model, x.view(), DOUBLE)?;
    conformance::score_pullback(&mut model, x.view(), DOUBLE)?;
    conformance::score_jvp_pullback(&mut model, x.view(), DOUBLE)
}

#[test]
fn bernoulli_layer() -> Verdict {
    let layer = BernoulliLayer::new(array![0.5, -1.25, 2.0]).unwrap();
    let field = array![[0.3, 1.0, -0.4], [-2.0, 0.5, 0.9], [1.5, -0.75, 0.1]];
    conformance::finite_units(&layer, field.view(), DOUBLE, Seed::new(1))
}
