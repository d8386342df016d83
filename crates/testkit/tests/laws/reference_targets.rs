//! The reference targets keep every promise of their traits.

use gibbsian_core::{Discrete, EnergyPullback, Error, Objective, Seed, error};
use gibbsian_testkit::conformance::{self, Balance, Redraw};
use gibbsian_testkit::differences::Precision;
use gibbsian_testkit::targets::{
    BernoulliLayer, Gaussian, HeatedGaussian, LinearGenerator, MixedSpin, Mixture, Pairwise, Sweep, Tempered,
};
use gibbsian_testkit::verdict::Verdict;
use ndarray::{Array1, ArrayView2, ArrayViewMut1, array};
use rand::Rng;

const DOUBLE: Precision = Precision::DOUBLE;

fn gaussian() -> Gaussian {
    let precision = array![[2.0, 0.0, 0.0], [0.5, 1.5, 0.0], [-0.25, 0.75, 1.0]];
    Gaussian::new(array![0.5, -1.0, 0.25], precision).unwrap()
}

fn pairwise(scale: f64) -> Pairwise {
    let couplings = array![
        [0.0, 0.0, 0.0, 0.0],
        [0.6, 0.0, 0.0, 0.0],
        [-0.4, 0.3, 0.0, 0.0],
        [0.2, -0.7, 0.5, 0.0]
    ];
    Pairwise::new(array![0.3, -0.2, 0.1, 0.4] * scale, couplings * scale).unwrap()
}

#[test]
fn gaussians() -> Verdict {
    let mut model = gaussian();
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
    conformance::score_jvp_pullback(&mut model, x.view(), DOUBLE)?;
    conformance::density(&model, 0.3, DOUBLE, Seed::new(2))?;
    let mut other = Gaussian::new(array![0.0, 0.0, 0.0], ndarray::Array2::eye(3)).unwrap();
    conformance::snapshot(&model, &mut other)
}

#[test]
fn mixtures() -> Verdict {
    let planar = Mixture::new(
        array![0.3, 0.5, 0.2],
        array![[-1.0, 0.5], [1.5, 0.25], [0.0, -2.0]],
        array![0.5, 1.0, 0.75],
    )
    .unwrap();
    let x = array![[0.3, 1.2], [-2.0, 0.1], [1.1, -0.7], [0.2, 0.6]];
    conformance::energy(&planar, x.view(), DOUBLE)?;
    conformance::score(&planar, x.view(), DOUBLE)?;
    conformance::potential(&planar, x.view(), DOUBLE)?;
    conformance::score_jvp(&planar, x.view(), DOUBLE)?;
    conformance::density(&planar, 0.25, DOUBLE, Seed::new(3))?;
    let line = Mixture::new(array![1.0, 3.0], array![[-2.0], [1.0]], array![0.5, 1.0]).unwrap();
    conformance::potential(&line, array![[-1.8], [0.1], [2.7]].view(), DOUBLE)?;
    conformance::density(&line, 0.25, DOUBLE, Seed::new(4))
}

#[test]
fn heated_gaussians() -> Verdict {
    let mut model = HeatedGaussian::new(array![0.5, -1.0], 0.25).unwrap();
    let x = array![[0.3, 1.2], [-2.0, 0.1], [1.1, -0.7]];
    let t = array![0.1, 1.5, 0.7];
    conformance::parametric(&mut model)?;
    conformance::time_energy(&model, x.view(), t.view(), DOUBLE)?;
    conformance::time_potential(&model, x.view(), t.view(), DOUBLE)?;
    conformance::time_energy_pullback(&mut model, x.view(), t.view(), DOUBLE)?;
    conformance::time_score(&model, x.view(), t.view(), DOUBLE)?;
    conformance::time_score_jvp(&model, x.view(), t.view(), DOUBLE)?;
    conformance::time_score_pullback(&mut model, x.view(), t.view(), DOUBLE)?;
    conformance::time_score_jvp_pullback(&mut model, x.view(), t.view(), DOUBLE)
}

#[test]
fn linear_generators() -> Verdict {
    let mut model = LinearGenerator::new(array![[0.5], [-1.0], [0.25]], array![0.1, 0.3, -0.2]).unwrap();
    let z = array![[0.3], [-2.0], [1.1], [0.4]];
    conformance::parametric(&mut model)?;
    conformance::generator(&model, z.view(), DOUBLE)?;
    conformance::generator_pullback(&mut model, z.view(), DOUBLE)
}

#[test]
fn bernoulli_layers() -> Verdict {
    let layer = BernoulliLayer::new(array![0.5, -1.25, 2.0]).unwrap();
    let field = array![[0.3, 1.0, -0.4], [-2.0, 0.5, 0.9], [1.5, -0.75, 0.1]];
    conformance::finite_units(&layer, field.view(), DOUBLE, Seed::new(1))
}

#[test]
fn pairwise_models() -> Verdict {
    let mut model = pairwise(1.0);
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
fn gibbs_sweeps() -> Verdict {
    let (model, other) = (pairwise(1.0), pairwise(-0.5));
    let states = model.states().unwrap();
    conformance::kernel(&Sweep::Forward, &model, &other, states.view(), Seed::new(7))?;
    conformance::transition_law(&Sweep::Forward, &model, Balance::Global, Seed::new(8))?;
    conformance::transition_law(&Sweep::Palindrome, &model, Balance::Detailed, Seed::new(9))
}

#[test]
fn tempered_families() -> Verdict {
    let path = Tempered::new(array![0.2, -0.3, 0.5, 0.1], pairwise(1.0)).unwrap();
    let states = pairwise(1.0).states().unwrap();
    conformance::path(&path, states.view(), DOUBLE, Seed::new(10))?;
    conformance::finite_path(&path, states.view(), DOUBLE, Seed::new(11))
}

#[test]
fn mixed_spins() -> Verdict {
    let alphabets = vec![
        vec![0.0, 1.0],
        vec![-1.0, 0.0, 1.0],
        vec![2.0],
        vec![-1.5, -0.5, 0.5, 1.5],
    ];
    let params = Array1::from_iter((0..14).map(|k| 0.3 - 0.55 * f64::from(k * k % 7) / 3.0));
    let mut model = MixedSpin::new(alphabets, params).unwrap();
    let x = model.states().unwrap();
    conformance::parametric(&mut model)?;
    conformance::energy(&model, x.view(), DOUBLE)?;
    conformance::discrete_energy(&model, x.view(), DOUBLE)?;
    conformance::relaxed_energy(&model, x.view(), DOUBLE)?;
    conformance::energy_pullback(&mut model, x.view(), DOUBLE)
}

/// Exact maximum likelihood of a pairwise model: mean energy of the data plus `log Z` by enumeration.
struct ExactLikelihood;

impl Objective<Pairwise> for ExactLikelihood {
    fn loss_and_grad_into(
        &mut self,
        model: &Pairwise,
        x: ArrayView2<f64>,
        _rng: &mut dyn Rng,
        mut grad: ArrayViewMut1<f64>,
    ) -> Result<f64, Error> {
        use gibbsian_core::{Energy, Space};
        error::check_batch("x", &x, model.dim())?;
        error::check_finite("x", &x)?;
        let audit = gibbsian_testkit::audit::Audit::new(model).expect("a listable model");
        let n = x.nrows() as f64;
        grad.fill(0.0);
        model.energy_pullback_into(x, Array1::from_elem(x.nrows(), 1.0 / n).view(), grad.view_mut());
        model.energy_pullback_into(audit.states.view(), (-&audit.pi).view(), grad);
        Ok(model.energy(x).sum() / n + audit.log_z)
    }
}

#[test]
fn objectives() -> Verdict {
    let mut model = pairwise(1.0);
    let x = model.states().unwrap().slice_move(ndarray::s![..;3, ..]);
    conformance::objective(|| ExactLikelihood, &model, x.view(), Seed::new(12))?;
    conformance::objective_gradient(|| ExactLikelihood, &mut model, x.view(), DOUBLE, Seed::new(12))
}

#[test]
fn differences_are_sharp() {
    // What the derivative checks really resolve: a relative error of 1e-10 or better in every entry that is not small.
    let mut model = gaussian();
    let x = array![
        [0.3, 1.2, -0.4],
        [-2.0, 0.1, 0.9],
        [1.1, -0.7, 2.5],
        [0.2, 0.6, -1.3]
    ];
    let worst = gibbsian_testkit::parameter_pullbacks::energy_pullback(&mut model, x.view(), DOUBLE).unwrap();
    assert!(
        worst.tolerance <= 1e-10 * worst.expected.abs().max(1.0),
        "{worst}"
    );
    let worst = gibbsian_testkit::derivatives::score(&model, x.view(), DOUBLE).unwrap();
    assert!(
        worst.tolerance <= 1e-10 * worst.expected.abs().max(1.0),
        "{worst}"
    );
}
