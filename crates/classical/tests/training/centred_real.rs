//! Centring beside real visible units: the law, the direction and the enhanced gradient, with integrals for sums.

use gibbsian_classical::{Bernoulli, Centred, CentredRbm, Centring, Gaussian, Offset, Offsets, Rbm};
use gibbsian_core::math::log_sum_exp;
use gibbsian_core::{Energy, EnergyPullback, Objective, Parametric, ParametricMut, Result, Seed};
use gibbsian_testkit::agreement::close;
use gibbsian_testkit::conformance;
use gibbsian_testkit::differences::Precision;
use gibbsian_testkit::quadrature::Support;
use ndarray::{Array1, Array2, ArrayView2, ArrayViewMut1, array};
use rand::Rng;

/// What quadrature and rounding leave of agreement: the rule doubles its digits with every halving of the step, and these integrands are analytic.
const QUADRATURE: f64 = 1e-12;

/// One real unit with a mean and a precision of its own, and three bits.
fn machine() -> Rbm<Gaussian, Bernoulli> {
    Rbm::new(
        Gaussian::new(array![0.4], array![1.3]).unwrap(),
        Bernoulli::new(array![0.2, -0.6, 0.3]).unwrap(),
        array![[0.9, -0.7, 1.1]],
    )
    .unwrap()
}

fn centring() -> Centring {
    Centring::new(array![0.7], array![0.4, 0.9, -2.0]).unwrap()
}

fn data() -> Array2<f64> {
    array![[-1.2], [0.3], [0.9], [2.4], [0.1]]
}

/// Nodes on the line, and the logarithms of their weights.
fn nodes() -> (Array2<f64>, Array1<f64>) {
    let (x, w) = Support::of(|_| true).rule(1.0 / 64.0);
    // Beyond, densities vanish by e^−400 and more.
    let (x, w): (Vec<f64>, Vec<f64>) = x.into_iter().zip(w).filter(|(x, _)| x.abs() < 40.0).unzip();
    (
        Array2::from_shape_vec((x.len(), 1), x).unwrap(),
        Array1::from(w).mapv(f64::ln),
    )
}

/// `log p` at the nodes, their weights included.
fn log_law<M: Energy>(model: &M) -> Array1<f64> {
    let (x, log_w) = nodes();
    let terms = log_w - model.energy(x.view());
    let log_z = log_sum_exp(&terms.to_vec());
    terms - log_z
}

/// The negative mean log-likelihood by quadrature.
#[derive(Clone, Copy, Debug)]
struct Integrated;

impl<M: EnergyPullback> Objective<M> for Integrated {
    fn loss_and_grad_into(
        &mut self,
        model: &M,
        x: ArrayView2<f64>,
        _rng: &mut dyn Rng,
        mut grad: ArrayViewMut1<f64>,
    ) -> Result<f64> {
        let (at, log_w) = nodes();
        let log_z = log_sum_exp(&(log_w - model.energy(at.view())).to_vec());
        let n = x.nrows() as f64;
        grad.fill(0.0);
        model.energy_pullback_into(x, Array1::from_elem(x.nrows(), 1.0 / n).view(), grad.view_mut());
        model.energy_pullback_into(at.view(), log_law(model).mapv(|l| -l.exp()).view(), grad);
        Ok(model.energy(x).sum() / n + log_z)
    }
}

fn gradient<M: Parametric>(objective: &mut impl Objective<M>, model: &M) -> Array1<f64> {
    let mut grad = Array1::zeros(model.n_params());
    objective
        .loss_and_grad_into(model, data().view(), &mut Seed::new(1).rng(), grad.view_mut())
        .unwrap();
    grad
}

#[test]
fn the_law_of_a_real_layer_does_not_depend_on_the_coordinates() {
    let rbm = machine();
    let mut centred = CentredRbm::new(&rbm, centring()).unwrap();
    close("log p", &log_law(&centred), &log_law(&rbm), QUADRATURE).unwrap();
    close(
        "there and back",
        &centred.normal().unwrap().params(),
        &rbm.params(),
        1e-15,
    )
    .unwrap();
    conformance::energy(&centred, data().view(), Precision::DOUBLE).unwrap();
    conformance::energy_pullback(&mut centred, data().view(), Precision::DOUBLE).unwrap();
}

/// One step along the gradient in centred coordinates, and one along the wrapper's direction in ordinary ones; the precision keeps its ordinary gradient.
#[test]
fn the_direction_beside_a_real_layer_is_descent_in_centred_coordinates() {
    const RATE: f64 = 0.3;
    let rbm = machine();
    let mut there = CentredRbm::new(&rbm, centring()).unwrap();
    let step = gradient(&mut Integrated, &there);
    there.set_params((there.params() - step * RATE).view()).unwrap();
    let fixed = Offsets {
        visible: Offset::Fixed,
        hidden: Offset::Fixed,
        rate: 1.0,
    };
    let mut centred = Centred::starting_at(Integrated, fixed, centring()).unwrap();
    let step = gradient(&mut centred, &rbm);
    let mut here = rbm.clone();
    here.set_params((here.params() - step * RATE).view()).unwrap();
    close(
        "parameters",
        &there.normal().unwrap().params(),
        &here.params(),
        QUADRATURE,
    )
    .unwrap();
    let plain = gradient(&mut Integrated, &rbm);
    let precision = here.visible().precision()[0];
    assert!(
        (precision - (1.3 - RATE * plain[4])).abs() <= QUADRATURE,
        "{precision} and {plain}"
    );
}

/// `−∇W_c = Cov_data(v, h) − Cov_model(v, h)` for offsets halfway between data and model.
#[test]
fn the_enhanced_gradient_beside_a_real_layer_is_a_difference_of_covariances() {
    let rbm = machine();
    let found = gradient(&mut Centred::new(Integrated, Offsets::ENHANCED).unwrap(), &rbm);
    let covariance = |v: ArrayView2<f64>, p: &Array1<f64>| {
        let h = rbm.hidden_mean(v);
        let weighted = &v.column(0) * p;
        weighted.dot(&h) - weighted.sum() * p.dot(&h)
    };
    let p = log_law(&rbm).mapv(f64::exp);
    let expected = covariance(nodes().0.view(), &p) - covariance(data().view(), &Array1::from_elem(5, 0.2));
    close(
        "the gradient of the weights",
        &found.slice(ndarray::s![..3]),
        &expected.view(),
        QUADRATURE,
    )
    .unwrap();
}
