//! Parameters: gradients against their definitions, and estimates against the truth they come from.

use gibbsian_classical::field::{
    Denoiser, FieldPseudoLikelihood, FlipNoise, Noise, NoisyLearner, TiedField, fit_likelihood,
    fit_pseudo_likelihood, flip_probability,
};
use gibbsian_classical::{Boundary, Graph};
use gibbsian_core::{Blocks, Discrete, Energy, Objective, Parametric, ParametricMut, Seed};
use gibbsian_testkit::agreement::close;
use gibbsian_testkit::audit::Audit;
use gibbsian_testkit::conformance;
use gibbsian_testkit::derivatives::parameter_gradient;
use gibbsian_testkit::differences::Precision;
use gibbsian_testkit::stats::{FALSE_ALARM, family, mean};
use ndarray::{Array1, Array2, ArrayView2, Axis, array, s};

use crate::{draws, open};

/// Three labels on a small lattice, and a picture with its noise.
fn models() -> Vec<TiedField> {
    let torus = Graph::lattice(&[2, 3], Boundary::Periodic).unwrap();
    vec![
        TiedField::smooth(torus, vec![0.0, 1.0, 2.0], 0.4, array![-0.3, 0.2].view()).unwrap(),
        TiedField::smooth(open(&[3, 4]), vec![0.0, 1.0], 0.6, array![0.1].view()).unwrap(),
        TiedField::noisy(&open(&[2, 3]), vec![-1.0, 1.0], 0.5, array![0.2].view(), 1.5).unwrap(),
    ]
}

fn pseudo_gradient(model: &TiedField, y: ArrayView2<f64>) -> (f64, Array1<f64>) {
    let mut grad = Array1::zeros(model.n_params());
    let mut rng = Seed::new(0).rng();
    let loss = FieldPseudoLikelihood.loss_and_grad_into(model, y, &mut rng, grad.view_mut());
    (loss.unwrap(), grad)
}

#[test]
fn the_pseudo_likelihood_obeys_the_laws_of_objectives() {
    for mut model in models() {
        let y = draws(&Audit::new(&model).unwrap(), 7, &mut Seed::new(1).rng());
        let objective = || FieldPseudoLikelihood;
        conformance::objective(objective, &model, y.view(), Seed::new(2)).unwrap();
        conformance::objective_gradient(objective, &mut model, y.view(), Precision::DOUBLE, Seed::new(3))
            .unwrap();
    }
}

#[test]
fn the_pseudo_likelihood_is_the_product_of_conditionals() {
    for model in models() {
        let y = draws(&Audit::new(&model).unwrap(), 5, &mut Seed::new(4).rng());
        let mut loss = 0.0;
        for row in y.rows() {
            for site in 0..row.len() {
                let alphabet = model.alphabet(site).to_vec();
                let mut changed = row.broadcast((alphabet.len(), row.len())).unwrap().to_owned();
                changed.column_mut(site).assign(&Array1::from(alphabet));
                let p = model.energy(changed.view()).mapv(|e| (-e).exp());
                let own = (-model.energy(row.insert_axis(Axis(0)))[0]).exp();
                loss -= (own / p.sum()).ln() / 5.0;
            }
        }
        let found = pseudo_gradient(&model, y.view()).0;
        assert!((found - loss).abs() < 1e-12 * loss.abs(), "{found} {loss}");
    }
}

/// Averaged over the model's own law the gradient vanishes: what makes the estimate consistent.
#[test]
fn the_expected_gradient_vanishes_at_the_truth() {
    for model in models().into_iter().take(2) {
        let audit = Audit::new(&model).unwrap();
        let mut expected = Array1::<f64>::zeros(model.n_params());
        for (state, p) in audit.states.rows().into_iter().zip(&audit.pi) {
            expected.scaled_add(*p, &pseudo_gradient(&model, state.insert_axis(Axis(0))).1);
        }
        assert!(expected.iter().all(|g| g.abs() < 1e-12), "{expected}");
    }
}

#[test]
fn curvatures_are_derivatives_of_gradients() {
    for mut model in models() {
        let y = draws(&Audit::new(&model).unwrap(), 200, &mut Seed::new(5).rng());
        let fit = fit_pseudo_likelihood(&mut model, y.view(), 1e-13, 100).unwrap();
        for k in 0..model.n_params() {
            let component = |model: &TiedField| array![pseudo_gradient(model, y.view()).1[k]];
            let row = fit.curvature.row(k);
            parameter_gradient("curvature", &mut model, row, &component, Precision::DOUBLE).unwrap();
        }
        // At the end the gradient is gone: a decrement of 10⁻¹³ with a curvature of order one.
        assert!(pseudo_gradient(&model, y.view()).1.iter().all(|g| g.abs() < 1e-5));
    }
}

#[test]
fn both_likelihoods_find_the_parameters_of_their_data() {
    const N: usize = 4000;
    for mut model in models() {
        let truth = model.params();
        let y = draws(&Audit::new(&model).unwrap(), N, &mut Seed::new(6).rng());
        model.set_params(Array1::zeros(truth.len()).view()).unwrap();

        let fit = fit_likelihood(&mut model, y.view(), 1e-14, 100).unwrap();
        // Moments match at the maximum.
        let audit = Audit::new(&model).unwrap();
        let expected = model.statistics(audit.states.view()).t().dot(&audit.pi);
        let observed = model.statistics(y.view()).mean_axis(Axis(0)).unwrap();
        close("moments", &expected, &observed, 1e-6).unwrap();
        assert!((fit.loss - model.energy(y.view()).mean().unwrap() - audit.log_z).abs() < 1e-12 * fit.loss);
        // Five standard errors of each parameter, from the curvature.
        let covariance = inverse(&fit.curvature) / N as f64;
        for k in 0..truth.len() {
            assert!(
                (fit.params[k] - truth[k]).abs() < 5.0 * covariance[[k, k]].sqrt(),
                "{} {truth}",
                fit.params
            );
        }

        let fit = fit_pseudo_likelihood(&mut model, y.view(), 1e-13, 100).unwrap();
        // The sandwich: rows are independent, so their gradients have a covariance (Godambe 1960).
        let mut spread = Array2::<f64>::zeros((truth.len(), truth.len()));
        for row in y.rows() {
            let g = pseudo_gradient(&model, row.insert_axis(Axis(0)))
                .1
                .insert_axis(Axis(1));
            spread += &(g.dot(&g.t()) / N as f64);
        }
        let bread = inverse(&fit.curvature);
        let covariance = bread.dot(&spread).dot(&bread) / N as f64;
        for k in 0..truth.len() {
            assert!(
                (fit.params[k] - truth[k]).abs() < 5.0 * covariance[[k, k]].sqrt(),
                "{} {truth}",
                fit.params
            );
        }
    }
}

/// By Gauss and Jordan, for three numbers.
fn inverse(a: &Array2<f64>) -> Array2<f64> {
    let n = a.nrows();
    let mut m = ndarray::concatenate![Axis(1), *a, Array2::<f64>::eye(n)];
    for k in 0..n {
        let pivot = m[[k, k]];
        m.row_mut(k).mapv_inplace(|v| v / pivot);
        for i in (0..n).filter(|i| *i != k) {
            let row = m.row(k).to_owned();
            let factor = m[[i, k]];
            m.row_mut(i).scaled_add(-factor, &row);
        }
    }
    m.slice(s![.., n..]).to_owned()
}

#[test]
fn a_loss_that_only_falls_ends_below_the_tolerance() {
    let mut prior = TiedField::smooth(open(&[3, 4]), vec![0.0, 1.0], 0.5, array![0.0].view()).unwrap();
    let constant = Array2::<f64>::zeros((2, 12));
    let fit = fit_pseudo_likelihood(&mut prior, constant.view(), 1e-9, 200).unwrap();
    // Exponential tails: what is left is twice what a Newton step expects.
    assert!(
        fit.loss < 1e-8 && fit.params.iter().any(|t| t.abs() > 10.0),
        "{fit:?}"
    );
}

#[test]
fn fidelity_and_flip_probability_are_the_same_thing() {
    for (eta, labels) in [(1.7, vec![0.0, 1.0]), (0.4, vec![0.0, 1.0, 2.0])] {
        let biases = Array1::from_elem(labels.len() - 1, 0.3);
        let tied = TiedField::noisy(&open(&[2, 2]), labels.clone(), 0.8, biases.view(), eta).unwrap();
        let prior = TiedField::smooth(open(&[2, 2]), labels.clone(), 0.8, biases.view()).unwrap();
        let noise = FlipNoise::symmetric(labels.clone(), flip_probability(eta, labels.len())).unwrap();
        let joint = Denoiser::new(prior.field().clone(), noise).joint().unwrap();
        let (a, b) = (Audit::new(&tied).unwrap(), Audit::new(&joint).unwrap());
        close("the joint law", &a.pi, &b.pi, 1e-13).unwrap();
    }
}

/// A picture drawn from the prior by many sweeps, and what is seen of it.
fn noisy_draw(truth: &TiedField, flip: f64, n_sweeps: usize, seed: Seed) -> Array1<f64> {
    let mut rng = seed.rng();
    let n = gibbsian_core::Space::dim(truth);
    let mut y = Array2::zeros((1, n));
    for _ in 0..n_sweeps {
        for block in 0..truth.n_blocks() {
            truth.resample(y.view_mut(), block, None, &mut rng);
        }
    }
    let noise = FlipNoise::symmetric(vec![0.0, 1.0], flip).unwrap();
    noise.corrupt(y.row(0), &mut rng).unwrap()
}

/// With a prior that finds nearly all sites likely, the share of flips in the first round is some 4 · 10⁻¹⁷, and one less it is one.
#[test]
fn a_picture_that_shows_no_noise_ends_at_the_least_flip() {
    let mut x = Array1::zeros(100);
    for one in [30, 60, 61] {
        x[one] = 1.0;
    }
    let mut prior = TiedField::smooth(open(&[100]), vec![0.0, 1.0], 0.7, array![-1.0].view()).unwrap();
    let fit = NoisyLearner::new(4, 2)
        .unwrap()
        .run(&mut prior, x.view(), 2.3e-16, &mut Seed::new(61).rng())
        .unwrap();
    assert_eq!(fit.history[[0, 2]], f64::EPSILON);
    assert!(fit.history.iter().all(|v| v.is_finite()));
}

#[test]
fn a_noisy_picture_gives_away_its_prior_and_its_noise() {
    const REPLICATES: u64 = 16;
    let (coupling, flip) = (0.75, 0.08);
    let torus = Graph::lattice(&[48, 48], Boundary::Periodic).unwrap();
    let truth = TiedField::smooth(torus, vec![0.0, 1.0], coupling, array![0.0].view()).unwrap();
    let learner = NoisyLearner::new(120, 2).unwrap();
    let (mut couplings, mut flips) = (Vec::new(), Vec::new());
    for k in 0..REPLICATES {
        let seed = Seed::new(60).nth(k);
        let x = noisy_draw(&truth, flip, 200, seed.child("picture"));
        let mut prior = truth.clone();
        // From elsewhere.
        prior.set_params(array![0.3, 0.0].view()).unwrap();
        let fit = learner
            .run(&mut prior, x.view(), 0.2, &mut seed.child("learner").rng())
            .unwrap();
        assert_eq!(fit.params, prior.params());
        let mean = |rounds, k| fit.history.slice(s![rounds, k]).mean().unwrap();
        let drift = mean(ndarray::Slice::from(90..120), 2) - mean(ndarray::Slice::from(60..90), 2);
        assert!(
            (fit.drift[2] - drift).abs() < 1e-14
                && (fit.flip - mean(ndarray::Slice::from(60..), 2)).abs() < 1e-14
        );
        couplings.push(fit.params[0]);
        flips.push(fit.flip);
    }
    let tests = [mean("coupling", &couplings, coupling), mean("flip", &flips, flip)];
    family(&tests, FALSE_ALARM).unwrap();
    // And no estimate is far: half of the start's distance from the truth.
    assert!(
        couplings.iter().all(|j| (j - coupling).abs() < 0.2),
        "{couplings:?}"
    );
    assert!(flips.iter().all(|f| (f - flip).abs() < 0.06), "{flips:?}");
}
