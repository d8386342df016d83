//! Guidances: exact where theory says so, and how far from it elsewhere.

use gibbsian_core::process::{OrnsteinUhlenbeck, SubVariancePreserving, VarianceExploding};
use gibbsian_core::{LinearGaussian, Seed, TimeScore};
use gibbsian_sde::{
    DiagonalTweedieProjection, DiffusionPosteriorSampling, EulerMaruyama, FixedSteps, FreshNoise,
    LinearObservation, MomentMatching, PseudoinverseGuidance, ReverseSde, TimeGrid, TweedieProjection, Twist,
};
use gibbsian_testkit::conformance;
use gibbsian_testkit::differences::Precision;
use gibbsian_testkit::stats::{family, mean};
use gibbsian_testkit::targets::{Mixture, Noised};
use ndarray::{Array1, Array2, array};

use super::{correlated, difference, observed, probes, process, score_at, times, two_modes};
use crate::common::normals::Normals;

type Prior = Normals<OrnsteinUhlenbeck>;

const EXACT: f64 = 1e-10;

fn tweedie(prior: &Prior, observation: &LinearObservation) -> TweedieProjection<OrnsteinUhlenbeck, Prior> {
    TweedieProjection::new(process(), prior.clone(), observation.clone()).unwrap()
}

fn matching(prior: &Prior, observation: &LinearObservation) -> MomentMatching<OrnsteinUhlenbeck, Prior> {
    MomentMatching::new(process(), prior.clone(), observation.clone()).unwrap()
}

fn pseudoinverse(
    prior: &Prior,
    observation: &LinearObservation,
    data_variance: f64,
) -> PseudoinverseGuidance<OrnsteinUhlenbeck, Prior> {
    PseudoinverseGuidance::new(process(), prior.clone(), observation.clone(), data_variance).unwrap()
}

fn dps(
    prior: &Prior,
    observation: &LinearObservation,
) -> DiffusionPosteriorSampling<OrnsteinUhlenbeck, Prior> {
    DiffusionPosteriorSampling::new(process(), prior.clone(), observation.clone()).unwrap()
}

fn diagonal(
    prior: &Prior,
    observation: &LinearObservation,
) -> DiagonalTweedieProjection<OrnsteinUhlenbeck, Prior> {
    DiagonalTweedieProjection::new(process(), prior.clone(), observation.clone()).unwrap()
}

#[test]
fn the_reference_is_the_test_kits_mixture_and_its_posterior_is_bayess() {
    let prior = two_modes(2);
    let kit = Mixture::new(prior.weights.clone(), prior.means.clone(), array![0.5, 0.7]).unwrap();
    let kit = Noised::new(kit, process());
    let (x, t) = (probes(9, 2), times(9));
    assert!(difference(&score_at(&prior, &x, &t), &score_at(&kit, &x, &t)) < 1e-13);
    conformance::time_score_jvp(
        &correlated(3),
        probes(5, 3).view(),
        times(5).view(),
        Precision::DOUBLE,
    )
    .unwrap();

    // log p(x) + log p(y | x) − log p(x | y) is the log-evidence everywhere.
    for dim in [1, 2, 8] {
        let (prior, observation) = (two_modes(dim), observed(dim, 0.3));
        let (posterior, log_evidence) = prior.posterior(&observation);
        let (x, zero) = (probes(9, dim), Array1::zeros(9));
        let energy = |model: &Prior| {
            let mut e = Array1::zeros(9);
            gibbsian_core::TimeEnergy::energy_at_into(model, x.view(), zero.view(), e.view_mut());
            e
        };
        let mut log_likelihood = Array1::zeros(9);
        observation.log_likelihood_into(x.view(), log_likelihood.view_mut());
        let sum = energy(&posterior) - energy(&prior) + log_likelihood;
        assert!(sum.iter().all(|s| (s - log_evidence).abs() < 1e-11), "{sum}");
    }
}

#[test]
fn full_covariances_are_exact_for_normal_priors() {
    for dim in [1, 2, 8] {
        let (x, t) = (probes(12, dim), times(12));
        let prior = correlated(dim);
        let masked = LinearObservation::of_coordinates(dim, vec![dim - 1], array![0.4], 0.01).unwrap();
        for observation in [observed(dim, 0.3), observed(dim, 1e-4), masked] {
            let exact = score_at(&prior.posterior(&observation).0, &x, &t);
            let found = score_at(&tweedie(&prior, &observation), &x, &t);
            assert!(difference(&found, &exact) < EXACT, "projection, {dim}");
            let found = score_at(&matching(&prior, &observation), &x, &t);
            assert!(difference(&found, &exact) < EXACT, "matching, {dim}");
        }
    }
}

#[test]
fn so_they_are_under_other_processes() {
    let exploding = VarianceExploding::new(0.1, 10.0).unwrap();
    let preserving = SubVariancePreserving::new(0.1, 20.0).unwrap();
    let (x, t) = (
        probes(12, 3),
        Array1::from_shape_fn(12, |b| (b as f64 + 0.5) / 12.0),
    );
    let observation = observed(3, 0.3);
    let under = |found: &dyn TimeScore, exact: &dyn TimeScore| {
        assert!(difference(&score_at(found, &x, &t), &score_at(exact, &x, &t)) < EXACT);
    };
    let Normals {
        weights,
        means,
        covariances,
        ..
    } = correlated(3);
    let prior = Normals {
        weights: weights.clone(),
        means: means.clone(),
        covariances: covariances.clone(),
        process: exploding,
    };
    let found = MomentMatching::new(exploding, prior.clone(), observation.clone()).unwrap();
    under(&found, &prior.posterior(&observation).0);
    let prior = Normals {
        weights,
        means,
        covariances,
        process: preserving,
    };
    let found = TweedieProjection::new(preserving, prior.clone(), observation.clone()).unwrap();
    under(&found, &prior.posterior(&observation).0);
}

#[test]
fn one_variance_is_exact_for_isotropic_normals_of_that_variance_and_no_others() {
    for dim in [1, 2, 8] {
        let (x, t) = (probes(12, dim), times(12));
        let means = Array2::from_elem((1, dim), 0.3);
        let prior = Normals::isotropic(array![1.0], means, &[0.6], process());
        let observation = observed(dim, 0.2);
        let exact = score_at(&prior.posterior(&observation).0, &x, &t);
        let found = score_at(&pseudoinverse(&prior, &observation, 0.36), &x, &t);
        assert!(difference(&found, &exact) < EXACT, "{dim}");
        let other = score_at(&pseudoinverse(&prior, &observation, 1.0), &x, &t);
        assert!(difference(&other, &exact) > 0.01);

        // A mask of an isotropic normal has a diagonal covariance.
        let masked =
            LinearObservation::of_coordinates(dim, (0..dim.min(3)).collect(), Array1::ones(dim.min(3)), 0.1);
        let masked = masked.unwrap();
        let exact = score_at(&prior.posterior(&masked).0, &x, &t);
        let found = score_at(&diagonal(&prior, &masked), &x, &t);
        assert!(difference(&found, &exact) < EXACT, "diagonal, {dim}");
    }
}

#[test]
fn without_covariance_guidance_is_too_strong_by_a_known_factor() {
    let (x, t) = (probes(12, 1), times(12));
    let prior = Normals::isotropic(array![1.0], array![[0.3]], &[0.6], process());
    let observation = LinearObservation::new(array![[1.0]], array![1.4], 0.2).unwrap();
    let own = score_at(&prior, &x, &t);
    let exact = score_at(&prior.posterior(&observation).0, &x, &t) - &own;
    let found = score_at(&dps(&prior, &observation), &x, &t) - &own;
    for (b, &t) in t.iter().enumerate() {
        let (alpha, variance) = (process().alpha(t), process().variance(t));
        let spread = 0.36 * variance / (alpha * alpha * 0.36 + variance);
        let factor = (0.2 + spread) / 0.2;
        let ratio = found[[b, 0]] / exact[[b, 0]];
        assert!(
            (ratio / factor - 1.0).abs() < EXACT,
            "{ratio} instead of {factor}"
        );
    }
}

#[test]
fn all_guidances_are_exact_at_time_zero() {
    for dim in [1, 2, 8] {
        let (prior, observation) = (two_modes(dim), observed(dim, 0.3));
        let (x, zero) = (probes(9, dim), Array1::zeros(9));
        let exact = score_at(&prior.posterior(&observation).0, &x, &zero);
        let methods: [Box<dyn TimeScore>; 5] = [
            Box::new(dps(&prior, &observation)),
            Box::new(pseudoinverse(&prior, &observation, 0.8)),
            Box::new(tweedie(&prior, &observation)),
            Box::new(diagonal(&prior, &observation)),
            Box::new(matching(&prior, &observation)),
        ];
        for (m, method) in methods.iter().enumerate() {
            assert!(
                difference(&score_at(method, &x, &zero), &exact) < EXACT,
                "method {m}"
            );
        }
    }
}

#[test]
fn likelihoods_are_normalised_in_the_observation() {
    // At t = 0 it is the exact one; at t > 0 the average over values is one: ∫ p̂(y | x) dy, by the midpoint rule in one value.
    let prior = two_modes(1);
    let (x, t) = (array![[0.4]], array![0.5]);
    let total = |twist: &dyn Fn(LinearObservation) -> Box<dyn Twist>| -> f64 {
        let step = 0.02;
        (-1000..1000)
            .map(|i| {
                let y = step * (f64::from(i) + 0.5);
                let observation = LinearObservation::new(array![[1.3]], array![y], 0.3).unwrap();
                let mut l = Array1::zeros(1);
                let (mut s, mut g) = (Array2::zeros((1, 1)), Array2::zeros((1, 1)));
                twist(observation).twist_into(x.view(), t.view(), l.view_mut(), s.view_mut(), g.view_mut());
                step * l[0].exp()
            })
            .sum()
    };
    assert!((total(&|o| Box::new(dps(&prior, &o))) - 1.0).abs() < 1e-12);
    assert!((total(&|o| Box::new(pseudoinverse(&prior, &o, 0.8))) - 1.0).abs() < 1e-12);
    assert!((total(&|o| Box::new(tweedie(&prior, &o))) - 1.0).abs() < 1e-12);
    assert!((total(&|o| Box::new(diagonal(&prior, &o))) - 1.0).abs() < 1e-12);
}

#[test]
fn likelihoods_of_normal_priors_are_exact() {
    // p_t(y | x) is the ratio of the posterior's density to the prior's at x, times the evidence.
    for dim in [1, 2, 8] {
        let (prior, observation) = (correlated(dim), observed(dim, 0.3));
        let (posterior, log_evidence) = prior.posterior(&observation);
        let (x, t) = (probes(9, dim), times(9));
        let energy = |model: &Prior| {
            let mut e = Array1::zeros(9);
            gibbsian_core::TimeEnergy::energy_at_into(model, x.view(), t.view(), e.view_mut());
            e
        };
        let exact = energy(&prior) - energy(&posterior) + log_evidence;
        let mut found = Array1::zeros(9);
        let (mut s, mut g) = (Array2::zeros((9, dim)), Array2::zeros((9, dim)));
        tweedie(&prior, &observation).twist_into(
            x.view(),
            t.view(),
            found.view_mut(),
            s.view_mut(),
            g.view_mut(),
        );
        assert!(
            (&found - &exact).iter().all(|e| e.abs() < EXACT),
            "{found} instead of {exact}"
        );
    }
}

#[test]
fn solvers_take_conditional_scores_in_place_of_others() {
    // Where the method is exact, point by point those of the posterior's own reverse process.
    let (prior, observation) = (correlated(2), observed(2, 0.3));
    let (posterior, _) = prior.posterior(&observation);
    let grid = TimeGrid::uniform(5.0, 0.0, 50).unwrap();
    let noise = FreshNoise::new(Seed::new(3));
    let steps = FixedSteps::new(grid);
    let found = ReverseSde::new(process(), matching(&prior, &observation));
    let exact = ReverseSde::new(process(), posterior);
    let start = noise.normal((40, 2));
    let found = steps
        .solve(&EulerMaruyama, &found, start.clone(), &noise)
        .unwrap();
    let exact = steps.solve(&EulerMaruyama, &exact, start, &noise).unwrap();
    assert!(difference(&found, &exact) < EXACT);
}

#[test]
fn early_stopping_gives_less_and_enough_iterations_give_all() {
    let prior = correlated(8);
    let matrix = Array2::from_shape_fn((6, 8), |(m, i)| ((m * i + m + 1) as f64).sin());
    let observation = LinearObservation::new(matrix, Array1::ones(6), 0.05).unwrap();
    let (x, t) = (probes(40, 8), times(40));
    let exact = score_at(&prior.posterior(&observation).0, &x, &t);
    let error = |n: usize| {
        let method = matching(&prior, &observation).with_iterations(n, 0.0).unwrap();
        difference(&score_at(&method, &x, &t), &exact)
    };
    assert!(error(1) > 0.01);
    assert!(error(6) < 1e-6, "{}", error(6));
    assert!(error(12) < EXACT, "{}", error(12));
}

#[test]
fn conditional_scores_are_scores() {
    let (x, t) = (probes(5, 3), times(5));
    let (prior, observation) = (two_modes(3), observed(3, 0.3));
    let methods: [Box<dyn TimeScore>; 5] = [
        Box::new(dps(&prior, &observation)),
        Box::new(pseudoinverse(&prior, &observation, 0.8)),
        Box::new(tweedie(&prior, &observation)),
        Box::new(diagonal(&prior, &observation)),
        Box::new(matching(&prior, &observation)),
    ];
    for method in &methods {
        conformance::time_score(method, x.view(), t.view(), Precision::DOUBLE).unwrap();
    }
}

#[test]
fn the_draws_of_the_reference_have_its_mean() {
    let prior = two_modes(2);
    let mut rng = Seed::new(5).rng();
    let x = prior.sample(4000, &mut rng);
    let tests: Vec<_> = (0..2)
        .map(|i| mean("coordinate", &x.column(i).to_vec(), prior.mean()[i]))
        .collect();
    family(&tests, 1e-6).unwrap();
}
