//! Ratio matching, minimum probability flow, concrete and discrete score matching: against their definitions from the listed law, their gradients, what they are
//! consistent with, and what their minimisers recover.

use crate::common::{call, data, mixed, model, pull_rows, refusal};
use gibbsian_core::{
    Discrete, DiscreteEnergy, Energy, EnergyPullback, Layout, Objective, Parametric, ParametricMut, Record,
    Seed, Snapshot, Space,
};
use gibbsian_objectives::{
    ConcreteScoreMatching, DiscreteScoreMatching, MinimumProbabilityFlow, PseudoLikelihood, RatioMatching,
    pseudo_log_likelihood,
};
use gibbsian_testkit::audit::Audit;
use gibbsian_testkit::conformance;
use gibbsian_testkit::differences::Precision;
use gibbsian_testkit::targets::Pairwise;
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, ArrayViewMut1, Axis, array, s};

/// The states that differ from state `k` at `site` only, itself first.
fn neighbours(audit: &Audit, k: usize, site: usize) -> Vec<usize> {
    let x = audit.states.row(k);
    let agrees = |s: ArrayView1<f64>| (0..x.len()).all(|i| i == site || s[i] == x[i]);
    let others = (0..audit.states.nrows()).filter(|j| *j != k && agrees(audit.states.row(*j)));
    [k].into_iter().chain(others).collect()
}

/// `Σ_k q_k Σ_i ℓ(p of the neighbours of k at site i)`, the probability of the state itself first.
fn from_the_law(audit: &Audit, q: &Array1<f64>, ell: impl Fn(&[f64]) -> f64) -> f64 {
    let mut sum = 0.0;
    for (k, q) in q.iter().enumerate() {
        for site in 0..audit.states.ncols() {
            let p: Vec<f64> = neighbours(audit, k, site)
                .into_iter()
                .map(|j| audit.pi[j])
                .collect();
            sum += q * ell(&p);
        }
    }
    sum
}

/// Half the Brier score of the conditional law.
fn brier(p: &[f64]) -> f64 {
    let total: f64 = p.iter().sum();
    let others: f64 = p[1..].iter().map(|p| (p / total).powi(2)).sum();
    0.5 * ((1.0 - p[0] / total).powi(2) + others)
}

/// `Σ √(p(y)/p(x))`.
fn flow(p: &[f64]) -> f64 {
    p[1..].iter().map(|y| (y / p[0]).sqrt()).sum()
}

/// `Σ ½ (p(y)/p(x))² − p(x)/p(y)`.
fn concrete(p: &[f64]) -> f64 {
    p[1..].iter().map(|y| 0.5 * (y / p[0]).powi(2) - p[0] / y).sum()
}

/// `½ (1/p(x_i | rest))² − Σ_a 1/p(a | rest)`.
fn generalised(p: &[f64]) -> f64 {
    let total: f64 = p.iter().sum();
    0.5 * (total / p[0]).powi(2) - p.iter().map(|p| total / p).sum::<f64>()
}

fn evaluate<M: Parametric>(
    objective: &mut impl Objective<M>,
    model: &M,
    x: ArrayView2<f64>,
) -> (f64, Array1<f64>) {
    let mut grad = Array1::zeros(model.n_params());
    let loss = objective.loss_and_grad_into(model, x, &mut Seed::new(1).rng(), grad.view_mut());
    (loss.unwrap(), grad)
}

/// Runs every law of one objective whose definition is `ell`.
fn obeys<O>(make: impl Fn() -> O + Sync, ell: fn(&[f64]) -> f64)
where
    O: Objective<Pairwise> + Objective<gibbsian_testkit::targets::MixedSpin>,
{
    of_model(&make, ell, model(), data().view());
    let states = mixed().states().unwrap();
    of_model(&make, ell, mixed(), states.slice(s![3..8, ..]));
}

fn of_model<M, O>(make: &(impl Fn() -> O + Sync), ell: fn(&[f64]) -> f64, mut model: M, x: ArrayView2<f64>)
where
    M: DiscreteEnergy + EnergyPullback + ParametricMut,
    O: Objective<M>,
{
    let audit = Audit::new(&model).unwrap();
    let number = |row: ArrayView1<f64>| audit.states.rows().into_iter().position(|s| s == row).unwrap();
    let mut q = Array1::zeros(audit.states.nrows());
    for row in x.rows() {
        q[number(row)] += 1.0 / x.nrows() as f64;
    }
    let expected = from_the_law(&audit, &q, ell);
    let (found, _) = evaluate(&mut make(), &model, x);
    assert!(
        (found - expected).abs() <= 1e-13 * expected.abs().max(1.0),
        "{found} instead of {expected}"
    );

    conformance::objective(make, &model, x, Seed::new(1)).unwrap();
    conformance::objective_gradient(make, &mut model, x, Precision::DOUBLE, Seed::new(1)).unwrap();

    // Where the model is the law of the data the expected gradient vanishes, although single ones do not.
    let (mut mean, mut size) = (Array1::<f64>::zeros(model.n_params()), 0.0_f64);
    for (state, p) in audit.states.rows().into_iter().zip(&audit.pi) {
        let (_, grad) = evaluate(&mut make(), &model, state.insert_axis(Axis(0)));
        mean.scaled_add(*p, &grad);
        size = grad.iter().fold(size, |m, g| m.max(p * g.abs()));
    }
    assert!(size > 0.01, "single gradients are all small: {size}");
    assert!(mean.iter().all(|g| g.abs() <= 1e-13 * size.max(1.0)), "{mean}");
}

#[test]
fn ratio_matching_is_half_the_brier_score_of_each_site() {
    obeys(|| RatioMatching, brier);
}

#[test]
fn minimum_probability_flow_is_the_flow_to_the_neighbours() {
    obeys(|| MinimumProbabilityFlow, flow);
}

#[test]
fn concrete_score_matching_compares_ratios() {
    obeys(|| ConcreteScoreMatching, concrete);
}

#[test]
fn discrete_score_matching_compares_reciprocal_conditionals() {
    obeys(|| DiscreteScoreMatching, generalised);
    // With two symbols a site it is concrete score matching, up to a constant.
    let (concrete, grad) = evaluate(&mut ConcreteScoreMatching, &model(), data().view());
    let (found, same) = evaluate(&mut DiscreteScoreMatching, &model(), data().view());
    assert!((found - concrete + 4.5).abs() <= 1e-13 * concrete.abs().max(1.0));
    assert!(
        (&grad - &same)
            .iter()
            .all(|d| d.abs() <= 1e-13 * grad.dot(&grad).sqrt())
    );
}

/// What [`DiscreteScoreMatching`] is the computable part of, on any alphabets.
#[test]
fn the_discrete_loss_is_the_squared_error_up_to_a_constant() {
    let truth = Audit::new(&mixed()).unwrap();
    let difference = |scale: f64| {
        let mut other = mixed();
        other.set_params((mixed().params() * scale).view()).unwrap();
        let audit = Audit::new(&other).unwrap();
        let loss = from_the_law(&audit, &truth.pi, generalised);
        let mut error = 0.0;
        for k in 0..truth.states.nrows() {
            for site in 0..truth.states.ncols() {
                let line = neighbours(&truth, k, site);
                let reciprocal = |p: &Array1<f64>| line.iter().map(|j| p[*j]).sum::<f64>() / p[k];
                error += 0.5 * truth.pi[k] * (reciprocal(&audit.pi) - reciprocal(&truth.pi)).powi(2);
            }
        }
        loss - error
    };
    let (a, b) = (difference(0.2), difference(-0.6));
    assert!((a - b).abs() <= 1e-12 * a.abs(), "{a} and {b}");
}

/// What [`ConcreteScoreMatching`] is the computable part of, at another model than the data's law.
#[test]
fn the_concrete_score_loss_is_the_squared_error_up_to_a_constant() {
    let truth = Audit::new(&model()).unwrap();
    let difference = |scale: f64| {
        let other = Pairwise::new(array![0.1, 0.2, -0.3] * scale, Array2::zeros((3, 3))).unwrap();
        let audit = Audit::new(&other).unwrap();
        let loss = from_the_law(&audit, &truth.pi, concrete);
        let mut error = 0.0;
        for k in 0..8 {
            for site in 0..3 {
                let pair = neighbours(&truth, k, site);
                let ratio = |p: &Array1<f64>| p[pair[1]] / p[pair[0]];
                error += 0.5 * truth.pi[k] * (ratio(&audit.pi) - ratio(&truth.pi)).powi(2);
            }
        }
        loss - error
    };
    assert!((difference(1.0) - difference(3.0)).abs() <= 1e-13);
}

/// The flow out of the data in the first instant: `d/dt KL(q ‖ q_t)` at `t = 0` for `q` on a part of the space, by a step of the dynamics that the rates define.
#[test]
fn the_flow_is_the_first_change_of_the_divergence() {
    const DT: f64 = 1e-6;
    let audit = Audit::new(&model()).unwrap();
    // Two states that are no neighbours: all that flows out of them leaves the data.
    let mut q = Array1::zeros(8);
    (q[0], q[3]) = (0.75, 0.25);
    assert_eq!(
        (&audit.states.row(0) - &audit.states.row(3)).mapv(f64::abs).sum(),
        4.0
    );
    let mut after = q.clone();
    for k in [0, 3] {
        for site in 0..3 {
            let y = neighbours(&audit, k, site)[1];
            let flow = DT * q[k] * (audit.pi[y] / audit.pi[k]).sqrt();
            after[y] += flow;
            after[k] -= flow;
        }
    }
    let divergence: f64 = [0, 3].map(|k| q[k] * (q[k] / after[k]).ln()).iter().sum();
    let expected = from_the_law(&audit, &q, flow);
    // The next order is the square of the flow.
    assert!((divergence / DT - expected).abs() <= 10.0 * DT * expected * expected);
}

/// Descent of the expected loss under a pairwise law finds its parameters from none.
///
/// The law is a third as strong as the others' here, because the curvature of concrete score matching grows with the squares of the ratios, and plain descent would take
/// far longer than the test may.
#[test]
fn minimisers_recover_a_pairwise_law() {
    let mut truth = model();
    truth.set_params((model().params() / 3.0).view()).unwrap();
    let audit = Audit::new(&truth).unwrap();
    let recovered = |objective: &mut dyn Objective<Pairwise>, rate: f64, n_steps: usize| {
        let mut fitted = Pairwise::new(Array1::zeros(3), Array2::zeros((3, 3))).unwrap();
        for _ in 0..n_steps {
            let mut mean = Array1::<f64>::zeros(6);
            for (state, p) in audit.states.rows().into_iter().zip(&audit.pi) {
                let x = state.insert_axis(Axis(0));
                let mut grad = Array1::zeros(6);
                objective
                    .loss_and_grad_into(&fitted, x, &mut Seed::new(1).rng(), grad.view_mut())
                    .unwrap();
                mean.scaled_add(*p, &grad);
            }
            fitted.set_params((fitted.params() - mean * rate).view()).unwrap();
        }
        let error = fitted.params() - truth.params();
        error.iter().fold(0.0, |m: f64, e| m.max(e.abs()))
    };
    let (mut ratios, mut flow, mut scores) = (RatioMatching, MinimumProbabilityFlow, ConcreteScoreMatching);
    let objectives: [(&str, &mut dyn Objective<Pairwise>, f64); 3] = [
        ("ratio matching", &mut ratios, 1.0),
        ("minimum probability flow", &mut flow, 0.2),
        ("concrete score matching", &mut scores, 0.05),
    ];
    for (name, objective, rate) in objectives {
        let error = recovered(objective, rate, 4000);
        assert!(error <= 1e-9, "{name}: {error:e}");
    }
}

#[test]
fn a_sure_model_keeps_its_small_gradients() {
    // One spin in a field of 20, up: p = 1 / (1 + e⁴⁰) is the other symbol's probability, and −2 the derivative of the cost.
    let sure = Pairwise::new(array![20.0], array![[0.0]]).unwrap();
    let up = array![[1.0]];
    let p = 1.0 / (1.0 + 40.0_f64.exp());
    let (loss, grad) = evaluate(&mut RatioMatching, &sure, up.view());
    assert!((loss / (p * p) - 1.0).abs() <= 1e-14);
    assert!(
        (grad[0] / (-4.0 * p * p * (1.0 - p)) - 1.0).abs() <= 1e-14,
        "{grad}"
    );
    let (loss, grad) = evaluate(&mut MinimumProbabilityFlow, &sure, up.view());
    assert!((loss / (-20.0_f64).exp() - 1.0).abs() <= 1e-14);
    assert!((grad[0] / -(-20.0_f64).exp() - 1.0).abs() <= 1e-14, "{grad}");
}

#[test]
fn snapshots_are_empty_and_restore() {
    assert_eq!(RatioMatching.snapshot(), Record::new());
    assert_eq!(MinimumProbabilityFlow.snapshot(), Record::new());
    assert_eq!(ConcreteScoreMatching.snapshot(), Record::new());
    RatioMatching.restore(&Record::new()).unwrap();
    MinimumProbabilityFlow.restore(&Record::new()).unwrap();
    ConcreteScoreMatching.restore(&Record::new()).unwrap();
}

/// One one-hot row of categorical indicators: `E(x) = −b'x` where one entry is 1, infinite elsewhere.
struct OneHot(Array1<f64>);

impl Space for OneHot {
    fn dim(&self) -> usize {
        self.0.len()
    }
}

impl Discrete for OneHot {
    fn alphabet(&self, _site: usize) -> &[f64] {
        &[0.0, 1.0]
    }
}

impl Energy for OneHot {
    fn energy_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut1<f64>) {
        let energy = |x: ArrayView1<f64>| {
            if x.sum() == 1.0 {
                -self.0.dot(&x)
            } else {
                f64::INFINITY
            }
        };
        out.assign(&x.map_axis(Axis(1), energy));
    }
}

impl DiscreteEnergy for OneHot {}

impl Parametric for OneHot {
    fn layout(&self) -> Layout {
        Layout::new().with("bias", self.0.shape())
    }

    fn params(&self) -> Array1<f64> {
        self.0.clone()
    }
}

impl EnergyPullback for OneHot {
    fn energy_pullback_with(
        &self,
        x: ArrayView2<f64>,
        weigh: &mut dyn FnMut(ArrayView1<f64>, ArrayViewMut1<f64>),
        grad: ArrayViewMut1<f64>,
    ) {
        pull_rows(self, x, weigh, grad, |row, w, grad| grad.scaled_add(-w, &row));
    }
}

#[test]
fn indicators_that_change_two_at_a_time_are_refused() {
    let model = OneHot(array![0.3, -0.2, 0.9]);
    let x = array![[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]];
    let refused = |objective: &mut dyn Objective<OneHot>| {
        let mut grad = Array1::zeros(3);
        objective
            .loss_and_grad_into(&model, x.view(), &mut Seed::new(1).rng(), grad.view_mut())
            .unwrap_err()
            .to_string()
    };
    for message in [
        refused(&mut PseudoLikelihood),
        refused(&mut RatioMatching),
        refused(&mut MinimumProbabilityFlow),
        refused(&mut ConcreteScoreMatching),
        refused(&mut DiscreteScoreMatching),
        pseudo_log_likelihood(&model, x.view()).unwrap_err().to_string(),
    ] {
        assert!(
            message.starts_with("`cost of changing one site of x` is inf at every site of every row")
                && message.contains("categorical indicators change two at a time"),
            "{message}"
        );
    }
}

#[test]
fn what_cannot_be_evaluated_is_refused() {
    let mut x = data();
    x[[2, 1]] = 0.5;
    for message in [
        refusal(&mut RatioMatching, x.clone()),
        refusal(&mut MinimumProbabilityFlow, x.clone()),
        refusal(&mut ConcreteScoreMatching, x.clone()),
    ] {
        assert_eq!(
            message,
            "`x[2, 1]` is 0.5, but must be one of [-1.0, 1.0]; round or threshold the data, and recode other symbols to these"
        );
    }
    assert!(call(&mut RatioMatching, data().view(), &mut Seed::new(1).rng()).is_ok());
    // A case that the model all but excludes overflows the flow, and is bounded for ratio matching.
    let wrong = Pairwise::new(array![800.0], array![[0.0]]).unwrap();
    let down = array![[-1.0]];
    let mut grad = Array1::zeros(1);
    let error = MinimumProbabilityFlow
        .loss_and_grad_into(&wrong, down.view(), &mut Seed::new(1).rng(), grad.view_mut())
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "`loss` became inf in minimum probability flow, but must stay finite"
    );
    assert_eq!(evaluate(&mut RatioMatching, &wrong, down.view()).0, 1.0);
}
