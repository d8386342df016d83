//! Objectives of finite models on the machines that people train: an Ising model and a restricted Boltzmann machine, whose hidden units the objectives do not know of.
//!
//! Where the model is the law of the data, every one of them has an expected gradient of zero; with few states the expectation is a sum.

use gibbsian_classical::{Bernoulli, Boundary, Graph, Ising, Rbm};
use gibbsian_core::{
    Blocks, Density, Discrete, DiscreteEnergy, Energy, EnergyPullback, Kernel, Objective, Parametric,
    ParametricMut, Seed, Space,
};
use gibbsian_densities::Nade;
use gibbsian_objectives::{
    ConcreteScoreMatching, ContrastiveDivergence, ExactLikelihood, FastPersistentContrastiveDivergence,
    FastWeights, MinimumProbabilityFlow, NaturalGradient, NoiseContrastiveEstimation, RatioMatching,
    SelfNormalised, UnbiasedContrastiveDivergence, Window, fisher_information,
};
use gibbsian_samplers::Gibbs;
use gibbsian_testkit::agreement::{close, identical};
use gibbsian_testkit::audit::Audit;
use gibbsian_testkit::conformance;
use gibbsian_testkit::differences::Precision;
use gibbsian_testkit::stats::{FALSE_ALARM, family, mean, z_test};
use gibbsian_testkit::verdict::Verdict;
use ndarray::{Array1, Array2, ArrayView2, ArrayViewMut1, Axis, array};
use rand::{Rng, RngExt};

const DOUBLE: Precision = Precision::DOUBLE;

/// Four spins on a ring with couplings of both signs and fields.
fn ising() -> Ising {
    let ring = Graph::lattice(&[4], Boundary::Periodic).unwrap();
    Ising::new(ring, array![0.6, -0.4, 0.9, 0.3], array![0.2, -0.5, 0.1, 0.4]).unwrap()
}

fn rbm(n_visible: usize, n_hidden: usize) -> Rbm {
    let bias = |n: usize, shift: f64| Array1::from_shape_fn(n, |i| 0.3 * (i as f64) - shift);
    Rbm::random(
        Bernoulli::new(bias(n_visible, 0.5)).unwrap(),
        Bernoulli::new(bias(n_hidden, 0.2)).unwrap(),
        0.9,
        Seed::new(1),
    )
    .unwrap()
}

/// Some states, one of them twice.
fn data<M: Discrete>(model: &M) -> Array2<f64> {
    model.states().unwrap().select(Axis(0), &[1, 3, 3, 6, 13])
}

fn gradient<M: Parametric>(
    objective: &mut impl Objective<M>,
    model: &M,
    x: ArrayView2<f64>,
    rng: &mut dyn Rng,
) -> Array1<f64> {
    let mut grad = Array1::zeros(model.n_params());
    objective
        .loss_and_grad_into(model, x, rng, grad.view_mut())
        .unwrap();
    grad
}

/// `Σ_x p(x) ∂L(x)` vanishes beside the gradients of single states, and the gradient is the derivative of the loss.
fn consistent<M, O>(make: impl Fn() -> O + Sync, model: &M) -> Verdict
where
    M: Discrete + EnergyPullback + ParametricMut + Clone + Sync,
    O: Objective<M>,
{
    let x = data(model);
    conformance::objective(&make, model, x.view(), Seed::new(2))?;
    conformance::objective_gradient(&make, &mut model.clone(), x.view(), DOUBLE, Seed::new(3))?;
    let audit = Audit::new(model)?;
    let (mut sum, mut size) = (
        Array1::<f64>::zeros(model.n_params()),
        Array1::<f64>::zeros(model.n_params()),
    );
    for (state, p) in audit.states.axis_chunks_iter(Axis(0), 1).zip(&audit.pi) {
        let grad = gradient(&mut make(), model, state, &mut Seed::new(4).rng());
        sum.scaled_add(*p, &grad);
        size += &grad.mapv(|g| p * g.abs());
    }
    assert!(
        size.iter().all(|s| *s > 1e-3),
        "gradients of single states say nothing: {size}"
    );
    close(
        "the expected gradient at the truth",
        &(&sum / &size + 1.0),
        &Array1::ones(sum.len()),
        1e-12,
    )
}

#[test]
fn site_by_site_objectives_are_at_rest_where_the_machine_is_the_law_of_the_data() -> Verdict {
    fn all<M>(model: &M) -> Verdict
    where
        M: DiscreteEnergy + EnergyPullback + ParametricMut + Clone + Sync,
    {
        consistent(|| RatioMatching, model)?;
        consistent(|| MinimumProbabilityFlow, model)?;
        consistent(|| ConcreteScoreMatching, model)
    }
    all(&ising())?;
    all(&rbm(4, 3))
}

/// The uniform law over some states, of which the draws are always this one.
struct Always<'a> {
    state: ArrayView2<'a, f64>,
    n_states: usize,
}

impl Space for Always<'_> {
    fn dim(&self) -> usize {
        self.state.ncols()
    }
}

impl Energy for Always<'_> {
    fn energy_into(&self, _: ArrayView2<f64>, mut out: ArrayViewMut1<f64>) {
        out.fill(0.0);
    }
}

impl Density for Always<'_> {
    fn log_z(&self) -> f64 {
        (self.n_states as f64).ln()
    }

    fn sample(&self, n: usize, _: &mut dyn Rng) -> Array2<f64> {
        self.state.broadcast((n, self.state.ncols())).unwrap().to_owned()
    }
}

/// The expectation over data and noise is a sum over pairs of states.
fn contrasted_with_noise<M>(model: M) -> Verdict
where
    M: Discrete + EnergyPullback + ParametricMut + Clone + Sync,
{
    let audit = Audit::new(&model)?;
    let log_z = gibbsian_core::math::log_sum_exp(&model.energy(audit.states.view()).mapv(|e| -e).to_vec());
    let model = SelfNormalised::new(model, log_z).unwrap();
    let (n, mut sum) = (audit.states.nrows(), Array1::<f64>::zeros(model.n_params()));
    let mut size = sum.clone();
    for (x, p) in audit.states.axis_chunks_iter(Axis(0), 1).zip(&audit.pi) {
        for state in audit.states.axis_chunks_iter(Axis(0), 1) {
            let noise = Always { state, n_states: n };
            let mut objective = NoiseContrastiveEstimation::new(noise, 3).unwrap();
            let grad = gradient(&mut objective, &model, x, &mut Seed::new(1).rng());
            sum.scaled_add(p / n as f64, &grad);
            size += &grad.mapv(|g| p / n as f64 * g.abs());
        }
    }
    assert!(
        size.iter().all(|s| *s > 1e-3),
        "single gradients say nothing: {size}"
    );
    close(
        "the expected gradient at the truth",
        &(&sum / &size + 1.0),
        &Array1::ones(sum.len()),
        1e-12,
    )
}

#[test]
fn noise_contrastive_estimation_is_at_rest_at_the_truth_and_its_normaliser() -> Verdict {
    contrasted_with_noise(ising())?;
    contrasted_with_noise(rbm(4, 3))?;
    // Noise of another crate, drawn anew with the same seed at every evaluation.
    let noise = || Nade::random(4, 2, 0.5, Seed::new(5)).unwrap();
    let make = || NoiseContrastiveEstimation::new(noise(), 4).unwrap();
    let mut machine = SelfNormalised::new(rbm(4, 3), 3.0).unwrap();
    let x = data(&machine);
    conformance::objective(make, &machine, x.view(), Seed::new(6))?;
    conformance::objective_gradient(make, &mut machine, x.view(), DOUBLE, Seed::new(7))
}

/// `(G + λ) d = g` with the covariance of the derivatives that states have one by one.
fn natural<M>(model: &M) -> Verdict
where
    M: Discrete + EnergyPullback + ParametricMut + Clone + Sync,
{
    const DAMPING: f64 = 1e-3;
    let x = data(model);
    let make = || NaturalGradient::new(ExactLikelihood, DAMPING).unwrap();
    conformance::objective(make, model, x.view(), Seed::new(8))?;
    let audit = Audit::new(model)?;
    let at = Array2::from_shape_vec(
        (audit.states.nrows(), model.n_params()),
        (audit.states.axis_chunks_iter(Axis(0), 1))
            .flat_map(|state| {
                let mut row = Array1::zeros(model.n_params());
                model.energy_pullback_into(state, Array1::ones(1).view(), row.view_mut());
                row
            })
            .collect(),
    )
    .unwrap();
    let centred = &at - &audit.pi.dot(&at);
    let mut information = (&centred * &audit.pi.view().insert_axis(Axis(1)))
        .t()
        .dot(&centred);
    close(
        "the information",
        &fisher_information(model).unwrap(),
        &information,
        1e-12,
    )?;
    information.diag_mut().mapv_inplace(|g| g + DAMPING);
    let exact = gradient(&mut ExactLikelihood, model, x.view(), &mut Seed::new(1).rng());
    let direction = gradient(&mut make(), model, x.view(), &mut Seed::new(1).rng());
    // The solution of a system of condition |G|/λ ≈ 10³ has a residual of rounding.
    close(
        "the natural direction",
        &information.dot(&direction),
        &exact,
        1e-11,
    )
}

#[test]
fn the_natural_direction_is_that_of_the_covariance_of_statistics() -> Verdict {
    natural(&ising())?;
    natural(&rbm(4, 3))
}

/// Flipped units are other coordinates of the same machines, so a natural step of one leads to the law that one of the other leads to; an ordinary step does not.
#[test]
fn a_natural_step_does_not_know_which_way_units_are_coded() {
    let machine = rbm(5, 2);
    let marks = (array![true, false, true, true, false], array![false, true]);
    let (mirrored, _) = machine.with_flipped(marks.0.view(), marks.1.view()).unwrap();
    let x = data(&machine);
    let mirror = |x: &Array2<f64>| {
        Array2::from_shape_fn(
            x.raw_dim(),
            |(b, i)| if marks.0[i] { 1.0 - x[[b, i]] } else { x[[b, i]] },
        )
    };
    fn stepped(objective: &mut impl Objective<Rbm>, from: &Rbm, x: &Array2<f64>) -> Rbm {
        let grad = gradient(objective, from, x.view(), &mut Seed::new(1).rng());
        let mut to = from.clone();
        to.set_params((from.params() - 0.1 * grad).view()).unwrap();
        to
    }
    fn apart(a: &Rbm, b: &Rbm, mirror: impl Fn(&Array2<f64>) -> Array2<f64>) -> Array1<f64> {
        let v = a.states().unwrap();
        let log_p = |rbm: &Rbm, v: &Array2<f64>| -rbm.energy(v.view()) - rbm.log_z().unwrap();
        log_p(a, &v) - log_p(b, &mirror(&v))
    }
    let natural = || NaturalGradient::new(ExactLikelihood, 0.0).unwrap();
    let there = apart(
        &stepped(&mut natural(), &machine, &x),
        &stepped(&mut natural(), &mirrored, &mirror(&x)),
        mirror,
    );
    // The information of two machines of 17 parameters may have a condition of 10⁵.
    assert!(there.iter().all(|d| d.abs() <= 1e-9), "{there}");
    let plain = apart(
        &stepped(&mut ExactLikelihood, &machine, &x),
        &stepped(&mut ExactLikelihood, &mirrored, &mirror(&x)),
        mirror,
    );
    assert!(plain.iter().any(|d| d.abs() > 1e-3), "{plain}");
}

/// Exact draws, one a row.
fn draws(audit: &Audit, n: usize, rng: &mut impl Rng) -> Array2<f64> {
    let rows: Vec<usize> = (0..n)
        .map(|_| {
            let mut u: f64 = rng.random();
            let last = audit.pi.len() - 1;
            (0..last)
                .find(|&k| {
                    u -= audit.pi[k];
                    u < 0.0
                })
                .unwrap_or(last)
        })
        .collect();
    audit.states.select(Axis(0), &rows)
}

/// Fast weights start at zero: the first gradient from chains at exact draws has the likelihood gradient for its mean, and what they learn is `−ε_f g`.
fn fast<M>(model: &M) -> Verdict
where
    M: Discrete + Blocks + EnergyPullback + ParametricMut + Clone + Sync,
    Gibbs: Kernel<M>,
{
    const N_RUNS: u64 = 300;
    let settings = FastWeights {
        rate: 0.3,
        decay: 0.75,
    };
    let objective = |start: Array2<f64>| {
        FastPersistentContrastiveDivergence::<Gibbs, M>::new(Gibbs, 1, start, settings).unwrap()
    };
    let x = data(model);
    conformance::objective(|| objective(x.clone()), model, x.view(), Seed::new(9))?;
    let audit = Audit::new(model)?;
    let exact = gradient(&mut ExactLikelihood, model, x.view(), &mut Seed::new(1).rng());
    let mut gradients = Array2::zeros((N_RUNS as usize, model.n_params()));
    for (run, mut row) in gradients.rows_mut().into_iter().enumerate() {
        let mut rng = Seed::new(10).nth(run as u64).rng();
        let mut objective = objective(draws(&audit, 64, &mut rng));
        row.assign(&gradient(&mut objective, model, x.view(), &mut rng));
        identical(
            "the fast weights",
            &objective.fast_weights(),
            &(&row * -settings.rate),
        )?;
    }
    let columns = gradients.columns().into_iter().zip(&exact).enumerate();
    let tests: Vec<_> = columns
        .map(|(k, (sample, exact))| mean(&model.layout().locate(k), &sample.to_vec(), *exact))
        .collect();
    family(&tests, FALSE_ALARM)
}

#[test]
fn chains_with_fast_weights_begin_with_the_likelihood_gradient() -> Verdict {
    fast(&ising())?;
    fast(&rbm(4, 3))
}

/// Block Gibbs chains that share their random numbers meet, and their estimate has the likelihood gradient for its mean, where the bias of one sweep is many of its standard errors.
#[test]
fn coupled_chains_of_a_machine_meet_and_have_no_bias() -> Verdict {
    const N_CALLS: usize = 400;
    let machine = rbm(4, 3);
    let x = data(&machine);
    let copies = |n: usize| Array2::from_shape_fn((5 * n, 4), |(b, i)| x[[b % 5, i]]);
    let coupled = |first, last| {
        let window = Window {
            max_steps: 1000,
            ..Window::new(first, last)
        };
        UnbiasedContrastiveDivergence::new(Gibbs, window).unwrap()
    };
    conformance::objective(|| coupled(1, 3), &machine, x.view(), Seed::new(11))?;
    let exact = gradient(&mut ExactLikelihood, &machine, x.view(), &mut Seed::new(1).rng());
    let many = copies(20_000);
    let mut divergence = ContrastiveDivergence::new(Gibbs, 1).unwrap();
    let biased = gradient(&mut divergence, &machine, many.view(), &mut Seed::new(12).rng());
    let mut tests = Vec::new();
    for (first, last) in [(0, 0), (1, 1), (2, 5)] {
        let mut gradients = Array2::zeros((N_CALLS, machine.n_params()));
        for (call, mut row) in gradients.rows_mut().into_iter().enumerate() {
            let mut rng = Seed::new(13).nth(call as u64).rng();
            row.assign(&gradient(
                &mut coupled(first, last),
                &machine,
                copies(16).view(),
                &mut rng,
            ));
        }
        let found = gradients.mean_axis(Axis(0)).unwrap();
        let error = gradients.std_axis(Axis(0), 1.0) / (N_CALLS as f64).sqrt();
        for k in 0..machine.n_params() {
            let name = format!("steps {first} to {last}, {}", machine.layout().locate(k));
            tests.push(z_test(&name, found[k], exact[k], error[k]));
        }
        let seen = (&biased - &exact) / &error;
        assert!(
            seen.iter().any(|z| z.abs() > 10.0),
            "the bias of one sweep is lost in the noise: {seen}"
        );
    }
    family(&tests, FALSE_ALARM)
}
