//! Telescoping ratios of normal laws, which are quadratic and known.

use gibbsian_core::{
    Density, Layout, Objective, Parametric, ParametricMut, Result, Seed, Space, TimeEnergy,
    TimeEnergyPullback,
};
use gibbsian_objectives::TelescopingRatioEstimation;
use gibbsian_testkit::conformance;
use gibbsian_testkit::differences::Precision;
use gibbsian_testkit::stats::{FALSE_ALARM, family, mean};
use gibbsian_testkit::targets::Gaussian;
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, ArrayViewMut1, array};

const WAYMARKS: [f64; 4] = [0.0, 0.3, 0.7, 1.0];

/// `E(x, α_m) = a_m + b_m x + c_m x²`.
#[derive(Clone)]
struct Quadratics(Array2<f64>);

impl Quadratics {
    fn row(t: f64) -> usize {
        WAYMARKS.iter().position(|w| *w == t).expect("a waymark")
    }
}

impl Space for Quadratics {
    fn dim(&self) -> usize {
        1
    }
}

impl TimeEnergy for Quadratics {
    fn energy_at_into(&self, x: ArrayView2<f64>, t: ArrayView1<f64>, mut out: ArrayViewMut1<f64>) {
        for (b, out) in out.iter_mut().enumerate() {
            let (of, x) = (self.0.row(Self::row(t[b])), x[[b, 0]]);
            *out = of[0] + of[1] * x + of[2] * x * x;
        }
    }
}

impl Parametric for Quadratics {
    fn layout(&self) -> Layout {
        Layout::new().with("coefficients", self.0.shape())
    }

    fn params(&self) -> Array1<f64> {
        self.0.iter().copied().collect()
    }
}

impl ParametricMut for Quadratics {
    fn set_params(&mut self, params: ArrayView1<f64>) -> Result<()> {
        self.layout().check(params)?;
        self.0.iter_mut().zip(params).for_each(|(own, new)| *own = *new);
        Ok(())
    }
}

impl TimeEnergyPullback for Quadratics {
    fn energy_pullback_at_with(
        &self,
        x: ArrayView2<f64>,
        t: ArrayView1<f64>,
        weigh: &mut dyn FnMut(ArrayView1<f64>, ArrayViewMut1<f64>),
        mut grad: ArrayViewMut1<f64>,
    ) {
        let (mut energy, mut w) = (Array1::zeros(x.nrows()), Array1::zeros(x.nrows()));
        self.energy_at_into(x, t, energy.view_mut());
        weigh(energy.view(), w.view_mut());
        for (b, w) in w.iter().enumerate() {
            for (k, power) in [1.0, x[[b, 0]], x[[b, 0]].powi(2)].into_iter().enumerate() {
                grad[3 * Self::row(t[b]) + k] += w * power;
            }
        }
    }
}

fn data_law() -> Gaussian {
    Gaussian::new(array![0.8], array![[6.0]]).unwrap()
}

fn noise() -> Gaussian {
    Gaussian::new(array![-0.3], array![[0.5]]).unwrap()
}

/// `log p_{m+1} − log p_m` of the normal laws at the waymarks.
fn truth() -> Quadratics {
    // Coefficients of log p_m.
    let law = |alpha: f64| {
        let (near, far) = ((1.0 - alpha * alpha).sqrt(), alpha);
        let (m, v) = (near * 0.8 - far * 0.3, near * near / 6.0 + far * far / 0.5);
        let constant = -0.5 * (std::f64::consts::TAU * v).ln();
        array![constant - m * m / (2.0 * v), m / v, -0.5 / v]
    };
    let mut energies = Array2::zeros((3, 3));
    for m in 0..3 {
        energies
            .row_mut(m)
            .assign(&(law(WAYMARKS[m + 1]) - law(WAYMARKS[m])));
    }
    Quadratics(energies)
}

fn objective() -> TelescopingRatioEstimation<Gaussian> {
    TelescopingRatioEstimation::new(noise(), Array1::from_iter(WAYMARKS)).unwrap()
}

#[test]
fn the_objective_obeys_its_laws() {
    let x = array![[0.3], [1.2], [0.7], [-0.4]];
    let mut model = Quadratics(array![[0.1, -0.2, 0.3], [0.2, 0.4, -0.1], [-0.3, 0.2, 0.1]]);
    let t = array![0.3, 0.0, 0.7, 0.3];
    // The test's own model first.
    conformance::time_energy_pullback(&mut model, x.view(), t.view(), Precision::DOUBLE).unwrap();
    conformance::objective(objective, &model, x.view(), Seed::new(1)).unwrap();
    conformance::objective_gradient(objective, &mut model, x.view(), Precision::DOUBLE, Seed::new(2))
        .unwrap();
}

#[test]
fn the_ratios_of_the_truth_telescope_to_its_density() {
    let x = array![[-0.5], [0.1], [0.8], [2.0]];
    let found = objective().log_density(&truth(), x.view());
    let expected = data_law().log_density(x.view());
    for (found, expected) in found.iter().zip(expected) {
        assert!(
            (found - expected).abs() <= 1e-13 * expected.abs().max(1.0),
            "{found} {expected}"
        );
    }
}

/// Logistic losses are convex in quadratics, so this is where the minimum is.
#[test]
fn at_the_truth_the_expected_gradient_vanishes() {
    let (mut objective, truth) = (objective(), truth());
    let mut values = vec![Vec::new(); 9];
    for r in 0..2000 {
        let seed = Seed::new(3).nth(r);
        let x = data_law().sample(30, &mut seed.child("data").rng());
        let mut grad = Array1::zeros(9);
        let rng = &mut seed.child("noise").rng();
        objective
            .loss_and_grad_into(&truth, x.view(), rng, grad.view_mut())
            .unwrap();
        (0..9).for_each(|k| values[k].push(grad[k]));
    }
    let tests: Vec<_> = (0..9)
        .map(|k| mean(&format!("coefficient {k}"), &values[k], 0.0))
        .collect();
    family(&tests, FALSE_ALARM).unwrap();
}

/// All nine coefficients, within the error that the losses themselves predict.
#[test]
fn all_ratios_are_recovered() {
    let x = data_law().sample(crate::recovery::N, &mut Seed::new(5).rng());
    let truth = truth().params();
    let mut model = Quadratics(Array2::zeros((3, 3)));
    model.set_params((&truth * 0.9).view()).unwrap();
    crate::recovery::recovers("ratios", objective(), &mut model, x.view(), &truth);
}

/// Without energies every question is a toss of a coin, two for each bridge.
#[test]
fn the_loss_is_a_mean_over_bridges() {
    let nothing = Quadratics(Array2::zeros((3, 3)));
    let mut grad = Array1::zeros(9);
    let x = array![[0.3], [1.2], [0.7]];
    let rng = &mut Seed::new(4).rng();
    let loss = objective()
        .loss_and_grad_into(&nothing, x.view(), rng, grad.view_mut())
        .unwrap();
    assert!((loss - 2.0 * 2.0_f64.ln()).abs() <= 1e-14, "{loss}");
}

#[test]
fn bad_waymarks_are_refused_by_name() {
    let new = |waymarks| {
        TelescopingRatioEstimation::new(noise(), waymarks)
            .unwrap_err()
            .to_string()
    };
    assert_eq!(
        new(array![0.1, 1.0]),
        "`waymarks` is [0.1, 1], but must be from 0 to 1"
    );
    assert!(new(Array1::zeros(0)).contains("from 0 to 1"));
    assert_eq!(
        new(array![0.0, 0.5, 0.5, 1.0]),
        "`waymarks[2]` is 0.5, but must be above the one before, 0.5"
    );
}
