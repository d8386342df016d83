//! Estimation by contrast with noise: exact expectations by enumeration, the truth of a normal law and of spins with the error that theory states.

use crate::common::{Exhaustive, data, draws, energy_derivatives, inverse, model as spins};
use gibbsian_core::{
    Density, Energy, EnergyPullback, Objective, Parametric, ParametricMut, Seed, Space, StreamRng,
};
use gibbsian_objectives::{NoiseContrastiveEstimation, RankingNoiseContrastiveEstimation, SelfNormalised};
use gibbsian_testkit::audit::Audit;
use gibbsian_testkit::conformance;
use gibbsian_testkit::differences::Precision;
use gibbsian_testkit::stats::special::chi_square_tail;
use gibbsian_testkit::stats::{FALSE_ALARM, family, mean, z_test};
use gibbsian_testkit::targets::{Gaussian, Pairwise};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, ArrayViewMut1, Axis, array, s};

fn plane() -> SelfNormalised<Gaussian> {
    let model = Gaussian::new(array![0.5, -1.0], array![[2.0, 0.5], [0.5, 1.0]]).unwrap();
    SelfNormalised::new(model, 1.25).unwrap()
}

fn planar_noise() -> Gaussian {
    Gaussian::new(array![0.0, -0.5], array![[0.5, 0.1], [0.1, 0.4]]).unwrap()
}

#[test]
fn both_obey_the_laws_of_objectives() {
    let x = array![[0.3, 1.2], [-2.0, 0.1], [1.1, -0.7], [0.4, -1.9]];
    let nce = || NoiseContrastiveEstimation::new(planar_noise(), 3).unwrap();
    let ranking = || RankingNoiseContrastiveEstimation::new(planar_noise(), 3).unwrap();
    conformance::objective(nce, &plane(), x.view(), Seed::new(1)).unwrap();
    conformance::objective(ranking, &plane(), x.view(), Seed::new(2)).unwrap();
    const DOUBLE: Precision = Precision::DOUBLE;
    conformance::objective_gradient(nce, &mut plane(), x.view(), DOUBLE, Seed::new(3)).unwrap();
    conformance::objective_gradient(ranking, &mut plane(), x.view(), DOUBLE, Seed::new(4)).unwrap();
}

/// Spins whose constant is exact, with their listed law.
fn normalised() -> (SelfNormalised<Pairwise>, Audit) {
    let audit = Audit::new(&spins()).unwrap();
    let energies = spins().energy(audit.states.view());
    let log_z: f64 = energies.mapv(|e| (-e).exp()).sum().ln();
    (SelfNormalised::new(spins(), log_z).unwrap(), audit)
}

/// Loss and gradient in exact expectation: every state of the data `repeats` times, by its probability, against every choice of noise.
fn expected<M: Parametric, O: Objective<M>>(
    objective: &mut O,
    model: &M,
    audit: &Audit,
    repeats: usize,
) -> (f64, Array1<f64>) {
    let rows: Vec<usize> = (0..audit.pi.len() * repeats).map(|r| r / repeats).collect();
    let x = audit.states.select(Axis(0), &rows);
    let w = audit.pi.select(Axis(0), &rows) * audit.pi.len() as f64;
    let mut grad = Array1::zeros(model.n_params());
    let rng = &mut Seed::new(1).rng();
    let loss = objective.weighted_loss_and_grad_into(model, x.view(), w.view(), rng, grad.view_mut());
    (loss.unwrap(), grad)
}

fn moved(truth: &SelfNormalised<Pairwise>) -> SelfNormalised<Pairwise> {
    let mut model = truth.clone();
    let shift = array![0.2, -0.1, 0.3, -0.4, 0.25, 0.15, 0.35];
    model.set_params((model.params() + shift).view()).unwrap();
    model
}

#[test]
fn the_expected_logistic_loss_is_that_of_the_listed_law_and_least_at_the_truth() {
    let (truth, audit) = normalised();
    for ratio in [1, 4] {
        let mut objective = NoiseContrastiveEstimation::new(Exhaustive::of(&spins(), 1), ratio).unwrap();
        let (least, grad) = expected(&mut objective, &truth, &audit, 1);
        assert!(grad.iter().all(|g| g.abs() <= 1e-14), "{grad}");
        let other = moved(&truth);
        let (loss, _) = expected(&mut objective, &other, &audit, 1);
        let nu = ratio as f64;
        let by_hand: f64 = (audit.pi.iter().zip(other.energy(audit.states.view())))
            .map(|(p, e)| {
                let odds = (-e).exp() / (nu / 8.0);
                p * (1.0 + 1.0 / odds).ln() + nu / 8.0 * (1.0 + odds).ln()
            })
            .sum();
        assert!(
            (loss - by_hand).abs() <= 1e-14 * by_hand,
            "{loss} instead of {by_hand}"
        );
        assert!(loss > least + 0.01);
    }
}

#[test]
fn the_expected_ranking_loss_is_that_of_the_listed_law_and_least_at_the_truth() {
    let (truth, audit) = normalised();
    for k in [1, 2] {
        let repeats = 8usize.pow(k as u32);
        let noise = Exhaustive::of(&spins(), k);
        let mut objective = RankingNoiseContrastiveEstimation::new(noise, k).unwrap();
        let (least, grad) = expected(&mut objective, &truth, &audit, repeats);
        assert!(grad.iter().all(|g| g.abs() <= 1e-14), "{grad}");
        let other = moved(&truth);
        let (loss, _) = expected(&mut objective, &other, &audit, repeats);
        let p = other.energy(audit.states.view()).mapv(|e| (-e).exp());
        let mut by_hand = 0.0;
        for (x, pi) in audit.pi.iter().enumerate() {
            for choice in 0..repeats {
                let noise: f64 = (0..k).map(|j| p[choice / 8usize.pow(j as u32) % 8]).sum();
                by_hand += pi * ((p[x] + noise) / p[x]).ln() / repeats as f64;
            }
        }
        assert!(
            (loss - by_hand).abs() <= 1e-14 * by_hand,
            "{loss} instead of {by_hand}"
        );
        assert!(loss > least + 0.01);
    }
}

/// Data from the model, its constant exact, and noise of another shape: without the noise's log-density neither gradient would vanish here.
#[test]
fn at_the_truth_the_expected_gradients_vanish() {
    let law = plane().into_model();
    let model = SelfNormalised::new(law.clone(), law.log_z()).unwrap();
    let mut nce = NoiseContrastiveEstimation::new(planar_noise(), 3).unwrap();
    let mut ranking = RankingNoiseContrastiveEstimation::new(planar_noise(), 3).unwrap();
    let mut values = vec![Vec::new(); 11];
    for r in 0..2000 {
        let seed = Seed::new(9).nth(r);
        let x = law.sample(20, &mut seed.child("data").rng());
        let mut grad = Array1::zeros(6);
        let rng = &mut seed.child("noise").rng();
        nce.loss_and_grad_into(&model, x.view(), rng, grad.view_mut())
            .unwrap();
        (0..6).for_each(|k| values[k].push(grad[k]));
        ranking
            .loss_and_grad_into(&model, x.view(), rng, grad.view_mut())
            .unwrap();
        // The constant has no gradient here.
        (0..5).for_each(|k| values[6 + k].push(grad[k]));
    }
    let tests: Vec<_> = (values.iter().enumerate())
        .map(|(k, values)| mean(&format!("number {k}"), values, 0.0))
        .collect();
    family(&tests, FALSE_ALARM).unwrap();
}

#[test]
fn a_ranking_does_not_see_the_constant() {
    let at = |log_z: f64| {
        let model = SelfNormalised::new(plane().into_model(), log_z).unwrap();
        let mut objective = RankingNoiseContrastiveEstimation::new(planar_noise(), 5).unwrap();
        let mut grad = Array1::zeros(model.n_params());
        let x = array![[0.3, 1.2], [-2.0, 0.1]];
        let rng = &mut Seed::new(5).rng();
        let loss = objective
            .loss_and_grad_into(&model, x.view(), rng, grad.view_mut())
            .unwrap();
        (loss, grad)
    };
    let (here, there) = (at(0.0), at(300.0));
    // The scores are of the order of the constant, and so is their rounding.
    assert!((here.0 - there.0).abs() <= 300.0 * 8.0 * f64::EPSILON);
    assert!((&here.1 - &there.1).iter().all(|d| d.abs() <= 1e-12));
    assert!(here.1[5].abs() <= 1e-15 && there.1[5].abs() <= 1e-15);
}

/// The stationary point of an objective on fixed data and noise, by the inverse of the expected Hessian.
fn fit<M: ParametricMut, O: Objective<M>>(
    objective: &mut O,
    mut model: M,
    x: ArrayView2<f64>,
    inverse_hessian: &Array2<f64>,
    seed: Seed,
) -> M {
    let mut grad = Array1::zeros(model.n_params());
    let n = inverse_hessian.nrows();
    for _ in 0..200 {
        objective
            .loss_and_grad_into(&model, x, &mut seed.rng(), grad.view_mut())
            .unwrap();
        if grad.iter().all(|g| g.abs() <= 1e-10) {
            return model;
        }
        let mut params = model.params();
        let mut free = params.slice_mut(s![..n]);
        free -= &inverse_hessian.dot(&grad.slice(s![..n]));
        model.set_params(params.view()).unwrap();
    }
    panic!("no stationary point was found: {grad}");
}

/// The Wald statistic `N (θ̂ − θ)ᵀ C⁻¹ (θ̂ − θ)` of all fits has the χ² law.
fn wald(errors: &[Array1<f64>], covariance: &Array2<f64>, n: usize) {
    let precision = inverse(covariance);
    let sum: f64 = errors.iter().map(|e| n as f64 * e.dot(&precision.dot(e))).sum();
    let df = (errors.len() * covariance.nrows()) as f64;
    let above = chi_square_tail(sum, df);
    assert!(
        above > FALSE_ALARM && 1.0 - above > FALSE_ALARM,
        "Wald statistic {sum} on {df} degrees of freedom"
    );
}

/// Gutmann and Hyvärinen (2012), theorem 3, by quadrature; the trapezoidal rule is exact to rounding here.
#[test]
fn a_normal_law_and_its_normaliser_are_recovered_with_the_error_that_theory_states() {
    const N: usize = 4000;
    const NU: usize = 2;
    let truth = Gaussian::new(array![0.5], array![[1.5]]).unwrap();
    let noise = Gaussian::new(array![0.0], array![[0.5]]).unwrap();
    let log_z = truth.log_z();
    let model = SelfNormalised::new(truth.clone(), log_z).unwrap();
    let x = Array1::linspace(-15.0, 15.0, 6001).insert_axis(Axis(1));
    let (p, q) = (
        truth.log_density(x.view()).mapv(f64::exp),
        noise.log_density(x.view()).mapv(f64::exp),
    );
    let (mut information, mut m) = (Array2::<f64>::zeros((3, 3)), Array1::<f64>::zeros(3));
    for (b, row) in x.rows().into_iter().enumerate() {
        let mut g = Array1::zeros(3);
        model.energy_pullback_into(row.insert_axis(Axis(0)), array![-1.0].view(), g.view_mut());
        let odds = NU as f64 * q[b];
        let weight = 0.005 * p[b] * odds / (p[b] + odds);
        information += &(&g.view().insert_axis(Axis(1)) * &g.view().insert_axis(Axis(0)) * weight);
        m.scaled_add(weight, &g);
    }
    let bread = inverse(&information);
    let bm = bread.dot(&m);
    let outer = &bm.view().insert_axis(Axis(1)) * &bm.view().insert_axis(Axis(0));
    let covariance = &bread - &(outer * (1.0 + 1.0 / NU as f64));

    let mut objective = NoiseContrastiveEstimation::new(noise, NU).unwrap();
    let errors: Vec<Array1<f64>> = (0..100)
        .map(|r| {
            let seed = Seed::new(6).nth(r);
            let data = truth.sample(N, &mut seed.child("data").rng());
            let fitted = fit(
                &mut objective,
                model.clone(),
                data.view(),
                &bread,
                seed.child("noise"),
            );
            fitted.params() - model.params()
        })
        .collect();
    wald(&errors, &covariance, N);
    // The constant of a single fit lies within four standard errors.
    let error = (covariance[[2, 2]] / N as f64).sqrt();
    assert!(
        errors[0][2].abs() <= 4.0 * error,
        "{} with error {error}",
        errors[0][2]
    );
    let mean = errors.iter().map(|e| e[2]).sum::<f64>() / 100.0;
    z_test("log Z", log_z + mean, log_z, error / 10.0).assert(FALSE_ALARM);
}

/// The ranking loss is a likelihood, whose estimate has the inverse information as covariance: the expected covariance of `∂E/∂θ` over the softmax.
#[test]
fn spins_are_recovered_from_rankings_with_the_error_that_theory_states() {
    const N: usize = 2000;
    const K: usize = 3;
    let truth = spins();
    let audit = Audit::new(&truth).unwrap();
    let g = energy_derivatives(&truth, audit.states.view());
    let mut information = Array2::<f64>::zeros((6, 6));
    for x in 0..8 {
        for choice in 0..512 {
            let candidates = [x, choice % 8, choice / 8 % 8, choice / 64];
            let pi = Array1::from_iter(candidates.map(|c| audit.pi[c]));
            let pi = &pi / pi.sum();
            let g = g.select(Axis(0), &candidates);
            let centred = &g - &pi.dot(&g);
            let covariance = (&centred * &pi.view().insert_axis(Axis(1))).t().dot(&centred);
            information.scaled_add(audit.pi[x] / 512.0, &covariance);
        }
    }
    let covariance = inverse(&information);
    // Draws of the uniform law, by fair spins.
    let noise = Fair;
    let mut objective = RankingNoiseContrastiveEstimation::new(noise, K).unwrap();
    let errors: Vec<Array1<f64>> = (0..50)
        .map(|r| {
            let seed = Seed::new(7).nth(r);
            let data = draws(&audit, N, &mut seed.child("data").rng());
            let fitted = fit(
                &mut objective,
                truth.clone(),
                data.view(),
                &covariance,
                seed.child("noise"),
            );
            fitted.params() - truth.params()
        })
        .collect();
    wald(&errors, &covariance, N);
}

/// Three fair spins.
struct Fair;

impl Space for Fair {
    fn dim(&self) -> usize {
        3
    }
}

impl Energy for Fair {
    fn energy_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut1<f64>) {
        out.assign(&(x.sum_axis(Axis(1)) * 0.0));
    }
}

impl Density for Fair {
    fn log_z(&self) -> f64 {
        8.0_f64.ln()
    }

    fn sample(&self, n: usize, rng: &mut dyn rand::Rng) -> Array2<f64> {
        use rand::RngExt;
        Array2::from_shape_simple_fn((n, 3), || if rng.random::<f64>() < 0.5 { 1.0 } else { -1.0 })
    }
}

#[test]
fn weights_count_as_repeated_rows_do() {
    // The noise of the listing does not depend on the rows, so that both forms see the same.
    let (model, _) = normalised();
    let x = data();
    let rows = x.select(Axis(0), &[0, 1, 1, 2]);
    let w = array![1.0, 2.0, 1.0, 0.0];
    let mut objective = NoiseContrastiveEstimation::new(Exhaustive::of(&spins(), 1), 2).unwrap();
    let mut run = |x: ArrayView2<f64>, w: Option<ArrayView1<f64>>, rng: &mut StreamRng| {
        let mut grad = Array1::zeros(7);
        let loss = match w {
            None => objective.loss_and_grad_into(&model, x, rng, grad.view_mut()),
            Some(w) => objective.weighted_loss_and_grad_into(&model, x, w, rng, grad.view_mut()),
        };
        (loss.unwrap(), grad)
    };
    let repeated = run(rows.view(), None, &mut Seed::new(1).rng());
    let weighted = run(x.view(), Some(w.view()), &mut Seed::new(1).rng());
    assert!((repeated.0 - weighted.0).abs() <= 1e-14);
    assert!((repeated.1 - weighted.1).iter().all(|d| d.abs() <= 1e-14));
}
