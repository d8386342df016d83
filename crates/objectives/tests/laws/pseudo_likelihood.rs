//! Pseudo-likelihood against the conditional laws of listed targets, its gradient against differences, and what it is consistent with.

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::common::{call, data, mixed, model, pull_rows, refusal};
use gibbsian_core::{
    Discrete, DiscreteEnergy, Energy, EnergyPullback, Layout, Objective, Parametric, ParametricMut, Record,
    Result, Seed, Snapshot, Space,
};
use gibbsian_objectives::{ExactLikelihood, PseudoLikelihood, pseudo_log_likelihood};
use gibbsian_testkit::audit::Audit;
use gibbsian_testkit::conformance;
use gibbsian_testkit::differences::Precision;
use gibbsian_testkit::targets::Pairwise;
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, ArrayViewMut1, ArrayViewMut2, Axis, array, s};

/// `Σ_i log [p(x) / Σ_{x' = x outside i} p(x')]` from the listed law.
fn log_conditionals(audit: &Audit, x: ArrayView1<f64>) -> f64 {
    let p = |keep: &dyn Fn(ArrayView1<f64>) -> bool| -> f64 {
        let rows = audit.states.rows().into_iter().zip(&audit.pi);
        rows.filter(|(state, _)| keep(*state)).map(|(_, p)| p).sum()
    };
    (0..x.len())
        .map(|site| {
            let agrees = |s: ArrayView1<f64>| (0..x.len()).all(|i| i == site || s[i] == x[i]);
            (p(&|s| s == x) / p(&agrees)).ln()
        })
        .sum()
}

#[test]
fn the_loss_is_the_sum_of_the_log_conditionals() {
    fn check<M: DiscreteEnergy + EnergyPullback>(model: &M, x: ArrayView2<f64>) {
        let audit = Audit::new(model).unwrap();
        let rows = x.rows().into_iter().map(|row| log_conditionals(&audit, row));
        let expected = rows.sum::<f64>() / x.nrows() as f64;
        let found = pseudo_log_likelihood(model, x).unwrap();
        assert!((found - expected).abs() <= 1e-13, "{found} instead of {expected}");
        let mut grad = Array1::zeros(model.n_params());
        let loss = PseudoLikelihood
            .loss_and_grad_into(model, x, &mut Seed::new(1).rng(), grad.view_mut())
            .unwrap();
        assert!(
            (loss + expected).abs() <= 1e-13,
            "{loss} instead of {}",
            -expected
        );
    }
    check(&model(), data().view());
    check(&mixed(), mixed().states().unwrap().slice(s![..;5, ..]));
}

#[test]
fn the_gradient_is_the_derivative_of_the_loss() {
    fn check<M: DiscreteEnergy + EnergyPullback + ParametricMut>(mut model: M, x: ArrayView2<f64>) {
        conformance::objective(|| PseudoLikelihood, &model, x, Seed::new(1)).unwrap();
        conformance::objective_gradient(
            || PseudoLikelihood,
            &mut model,
            x,
            Precision::DOUBLE,
            Seed::new(1),
        )
        .unwrap();
    }
    check(model(), data().view());
    check(mixed(), mixed().states().unwrap().slice(s![..;5, ..]));
}

/// Besag's estimating equation is unbiased: each conditional law has an expected score of zero under the joint law.
#[test]
fn the_expected_gradient_vanishes_where_the_model_is_the_law_of_the_data() {
    fn check<M: DiscreteEnergy + EnergyPullback>(model: &M) {
        let audit = Audit::new(model).unwrap();
        let (mut mean, mut size) = (Array1::<f64>::zeros(model.n_params()), 0.0_f64);
        for (state, p) in audit.states.rows().into_iter().zip(&audit.pi) {
            let mut grad = Array1::zeros(model.n_params());
            let x = state.insert_axis(Axis(0));
            PseudoLikelihood
                .loss_and_grad_into(model, x, &mut Seed::new(1).rng(), grad.view_mut())
                .unwrap();
            mean.scaled_add(*p, &grad);
            size = grad.iter().fold(size, |m, g| m.max(g.abs()));
        }
        assert!(size > 0.5, "single gradients are all small: {size}");
        assert!(mean.iter().all(|g| g.abs() <= 1e-14 * size), "{mean}");
    }
    check(&model());
    check(&mixed());
}

#[test]
fn for_independent_sites_it_is_the_likelihood() {
    let model = Pairwise::new(array![0.3, -0.5, 0.2], Array2::zeros((3, 3))).unwrap();
    let evaluate = |objective: &mut dyn Objective<Pairwise>| {
        let mut grad = Array1::zeros(6);
        let loss =
            objective.loss_and_grad_into(&model, data().view(), &mut Seed::new(1).rng(), grad.view_mut());
        (loss.unwrap(), grad)
    };
    let (loss, grad) = evaluate(&mut PseudoLikelihood);
    let (exact_loss, exact_grad) = evaluate(&mut ExactLikelihood);
    assert!((loss - exact_loss).abs() <= 1e-14, "{loss}, not {exact_loss}");
    // In the fields; a coupling is seen from both of its ends, which makes its gradient another one.
    for i in 0..3 {
        assert!(
            (grad[i] - exact_grad[i]).abs() <= 1e-15,
            "{grad}, not {exact_grad}"
        );
    }
}

/// Zeros and ones on a chain, never two neighbouring ones, at inverse temperature `β`: `E(x) = −β Σ_i x_i`, or `β · ∞`.
pub struct HardCore {
    beta: f64,
    n_flip_calls: AtomicUsize,
    n_site_calls: AtomicUsize,
}

impl HardCore {
    pub fn new(beta: f64) -> Self {
        HardCore {
            beta,
            n_flip_calls: AtomicUsize::new(0),
            n_site_calls: AtomicUsize::new(0),
        }
    }
}

/// `∂E/∂β`, infinite outside the support.
fn occupation(x: ArrayView1<f64>) -> f64 {
    if (1..x.len()).any(|i| x[i - 1] + x[i] == 2.0) {
        f64::INFINITY
    } else {
        -x.sum()
    }
}

impl Space for HardCore {
    fn dim(&self) -> usize {
        5
    }
}

impl Discrete for HardCore {
    fn alphabet(&self, _site: usize) -> &[f64] {
        &[0.0, 1.0]
    }
}

impl Energy for HardCore {
    fn energy_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut1<f64>) {
        for (row, e) in x.rows().into_iter().zip(&mut out) {
            *e = self.beta * occupation(row);
        }
    }
}

impl DiscreteEnergy for HardCore {
    fn site_deltas_into(&self, x: ArrayView2<f64>, site: usize, mut out: ArrayViewMut2<f64>) {
        self.n_site_calls.fetch_add(1, Ordering::Relaxed);
        self.deltas(x, site, &mut out);
    }

    fn flip_deltas_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut2<f64>) {
        self.n_flip_calls.fetch_add(1, Ordering::Relaxed);
        let mut deltas = Array2::zeros((x.nrows(), 2));
        for site in 0..5 {
            self.deltas(x, site, &mut deltas.view_mut());
            for b in 0..x.nrows() {
                out[[b, site]] = deltas[[b, 1 - x[[b, site]] as usize]];
            }
        }
    }
}

impl HardCore {
    fn deltas(&self, x: ArrayView2<f64>, site: usize, out: &mut ArrayViewMut2<f64>) {
        for k in 0..2 {
            let mut changed = x.to_owned();
            changed.column_mut(site).fill(k as f64);
            out.column_mut(k)
                .assign(&(self.energy(changed.view()) - self.energy(x)));
        }
    }
}

impl Parametric for HardCore {
    fn layout(&self) -> Layout {
        Layout::new().with("inverse_temperature", &[])
    }

    fn params(&self) -> Array1<f64> {
        array![self.beta]
    }
}

impl ParametricMut for HardCore {
    fn set_params(&mut self, params: ArrayView1<f64>) -> Result<()> {
        self.layout().check(params)?;
        self.beta = params[0];
        Ok(())
    }
}

impl EnergyPullback for HardCore {
    fn energy_pullback_with(
        &self,
        x: ArrayView2<f64>,
        weigh: &mut dyn FnMut(ArrayView1<f64>, ArrayViewMut1<f64>),
        grad: ArrayViewMut1<f64>,
    ) {
        pull_rows(self, x, weigh, grad, |row, w, grad| {
            grad[0] += w * occupation(row)
        });
    }
}

pub fn allowed() -> Array2<f64> {
    array![
        [1.0, 0.0, 1.0, 0.0, 0.0],
        [0.0, 1.0, 0.0, 0.0, 1.0],
        [0.0, 0.0, 0.0, 1.0, 0.0]
    ]
}

#[test]
fn states_outside_the_support_have_no_weight() {
    conformance::objective_gradient(
        || PseudoLikelihood,
        &mut HardCore::new(0.7),
        allowed().view(),
        Precision::DOUBLE,
        Seed::new(1),
    )
    .unwrap();
    // A case that the model forbids has no finite pseudo-likelihood.
    let error =
        pseudo_log_likelihood(&HardCore::new(0.7), array![[1.0, 1.0, 0.0, 0.0, 0.0]].view()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "`pseudo_log_likelihood` became NaN in the pseudo-likelihood, but must stay finite"
    );
}

#[test]
fn binary_models_are_asked_for_all_flips_at_once() {
    let model = HardCore::new(0.7);
    let calls = || {
        let count = |n: &AtomicUsize| n.load(Ordering::Relaxed);
        (count(&model.n_flip_calls), count(&model.n_site_calls))
    };
    pseudo_log_likelihood(&model, allowed().view()).unwrap();
    assert_eq!(calls(), (1, 0));
    PseudoLikelihood
        .loss_and_grad_into(
            &model,
            allowed().view(),
            &mut Seed::new(1).rng(),
            Array1::zeros(1).view_mut(),
        )
        .unwrap();
    assert_eq!(calls(), (2, 0));
}

#[test]
fn large_data_sets_are_evaluated_in_parts() {
    let model = HardCore::new(0.7);
    let x = allowed();
    let long = Array2::from_shape_fn((3 * 1000, 5), |(b, i)| x[[b % 3, i]]);
    let (found, expected) = (
        pseudo_log_likelihood(&model, long.view()).unwrap(),
        pseudo_log_likelihood(&model, x.view()).unwrap(),
    );
    // Sums of 3000 terms of one sign, each rounding once.
    assert!((found - expected).abs() <= 3000.0 * f64::EPSILON * expected.abs());
    assert!(model.n_flip_calls.load(Ordering::Relaxed) > 2);
}

#[test]
fn a_sure_model_keeps_its_small_gradients() {
    // One spin in a field of 20: the gradient is −2 p(wrong symbol) = −2 / (1 + e⁴⁰).
    let model = Pairwise::new(array![20.0], array![[0.0]]).unwrap();
    let mut grad = Array1::zeros(1);
    PseudoLikelihood
        .loss_and_grad_into(
            &model,
            array![[1.0]].view(),
            &mut Seed::new(1).rng(),
            grad.view_mut(),
        )
        .unwrap();
    let expected = -2.0 / (1.0 + 40.0_f64.exp());
    assert!((grad[0] / expected - 1.0).abs() <= 1e-14, "{grad}");
}

#[test]
fn a_snapshot_is_empty_and_restores() {
    assert_eq!(PseudoLikelihood.snapshot(), Record::new());
    PseudoLikelihood.restore(&Record::new()).unwrap();
}

#[test]
fn what_cannot_be_evaluated_is_refused() {
    assert_eq!(
        refusal(&mut PseudoLikelihood, Array2::zeros((0, 3))),
        "`x` has shape [0, 3], but must have shape (at least 1, 3)"
    );
    let mut x = data();
    x[[2, 1]] = 0.5;
    assert_eq!(
        refusal(&mut PseudoLikelihood, x.clone()),
        "`x[2, 1]` is 0.5, but must be one of [-1.0, 1.0]; round or threshold the data, and recode other symbols to these"
    );
    assert_eq!(
        pseudo_log_likelihood(&model(), x.view()).unwrap_err().to_string(),
        "`x[2, 1]` is 0.5, but must be one of [-1.0, 1.0]; round or threshold the data, and recode other symbols to these"
    );
    assert!(call(&mut PseudoLikelihood, data().view(), &mut Seed::new(1).rng()).is_ok());
}
