//! A model with a constant keeps every promise of the model without.

use crate::common::model as pairwise;
use gibbsian_core::{Density, Discrete, Energy, Layout, Parametric, ParametricMut, Score, Seed};
use gibbsian_objectives::SelfNormalised;
use gibbsian_testkit::conformance::{self, Redraw};
use gibbsian_testkit::differences::Precision;
use gibbsian_testkit::targets::{Gaussian, Pairwise};
use gibbsian_testkit::verdict::Verdict;
use ndarray::array;

const DOUBLE: Precision = Precision::DOUBLE;

fn gaussian() -> SelfNormalised<Gaussian> {
    let model = Gaussian::new(array![0.5, -1.0], array![[2.0, 0.5], [0.5, 1.0]]).unwrap();
    SelfNormalised::new(model, 0.75).unwrap()
}

#[test]
fn a_normal_law_with_a_constant_keeps_all_promises() -> Verdict {
    let mut model = gaussian();
    let x = array![[0.3, 1.2], [-2.0, 0.1], [1.1, -0.7], [0.4, -1.9]];
    conformance::parametric(&mut model)?;
    conformance::energy(&model, x.view(), DOUBLE)?;
    conformance::energy_pullback(&mut model, x.view(), DOUBLE)?;
    conformance::score(&model, x.view(), DOUBLE)?;
    conformance::potential(&model, x.view(), DOUBLE)?;
    conformance::score_jvp(&model, x.view(), DOUBLE)?;
    conformance::score_pullback(&mut model, x.view(), DOUBLE)?;
    conformance::score_jvp_pullback(&mut model, x.view(), DOUBLE)?;
    let mut other = gaussian();
    other.set_params((model.params() * 1.25).view()).unwrap();
    conformance::snapshot(&model, &mut other)
}

#[test]
fn spins_with_a_constant_keep_all_promises() -> Verdict {
    let mut model = SelfNormalised::new(pairwise(), -0.5).unwrap();
    let states = model.states().unwrap();
    conformance::parametric(&mut model)?;
    conformance::energy(&model, states.view(), DOUBLE)?;
    conformance::energy_pullback(&mut model, states.view(), DOUBLE)?;
    conformance::discrete_energy(&model, states.view(), DOUBLE)?;
    conformance::relaxed_energy(&model, states.view(), DOUBLE)?;
    conformance::flips_pullback(&model, states.view(), DOUBLE)?;
    conformance::blocks(&model, states.view(), Seed::new(5))?;
    conformance::block_law(&model, Redraw::Conditional, Seed::new(6))
}

#[test]
fn only_energies_see_the_constant() {
    let model = gaussian();
    let x = array![[0.3, 1.2], [-2.0, 0.1]];
    assert_eq!(model.energy(x.view()), model.model().energy(x.view()) + 0.75);
    assert_eq!(model.score(x.view()), model.model().score(x.view()));
    assert_eq!(model.log_z(), 0.75);
    assert_eq!(
        model.layout(),
        Layout::new()
            .with("mean", &[2])
            .with("precision_lower", &[3])
            .with("log_z", &[])
    );
    assert!(model.into_model().log_z() > 0.0);
    let refused = SelfNormalised::<Pairwise>::new(pairwise(), f64::NAN).unwrap_err();
    assert_eq!(refused.to_string(), "`log_z` is NaN, but must be finite");
}

#[test]
fn refused_parameters_leave_model_and_constant() {
    let mut model = gaussian();
    let before = model.clone().params();
    // No precision matrix.
    assert!(
        model
            .set_params(array![0.0, 0.0, -1.0, 0.0, 1.0, 3.0].view())
            .is_err()
    );
    assert!(
        model
            .set_params(array![0.0, 0.0, 1.0, 0.0, 1.0, f64::NAN].view())
            .is_err()
    );
    assert_eq!(model.params(), before);
}
