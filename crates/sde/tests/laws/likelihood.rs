//! Likelihoods: against exact log-densities, as functions of the tolerance; estimated divergences; errors by name.

use gibbsian_core::process::{LinearGaussian, OrnsteinUhlenbeck, VarianceExploding, VariancePreserving};
use gibbsian_core::{
    Density, Directions, Energy, Prediction, Predicts, ScoreFrom, Seed, Space, TimeScore, TimeScoreJvp,
};
use gibbsian_sde::{AdaptiveRungeKutta, FlowLikelihood, NoisePrior, ProbabilityFlow, VariationalBound};
use gibbsian_testkit::conformance;
use gibbsian_testkit::differences::Precision;
use gibbsian_testkit::stats::{FALSE_ALARM, family, mean, order};
use gibbsian_testkit::targets::Noised;
use gibbsian_testkit::threads::same_on_any_number;
use gibbsian_testkit::verdict::Verdict;
use ndarray::{Array2, ArrayView1, ArrayView2, ArrayViewMut1, ArrayViewMut2, array};

use crate::common::mixture;
use crate::common::normal::NoisedNormal;

#[test]
fn scores_and_divergences_of_one_pass_are_those_of_two() -> Verdict {
    let process = OrnsteinUhlenbeck::new(2.0).unwrap();
    let noised = Noised::new(mixture(3, 2), process);
    let (x, t) = (
        array![[0.3, -0.2], [1.0, 1.5], [-0.4, 0.1]],
        array![0.1, 1.5, 0.7],
    );
    conformance::time_score_jvp(&noised, x.view(), t.view(), Precision::DOUBLE)?;
    conformance::time_score_jvp(&plane(process), x.view(), t.view(), Precision::DOUBLE)?;
    // Read as a prediction of noise, it is a field like any other.
    let parametrisation = Predicts {
        prediction: Prediction::Noise,
        process,
    };
    let read = ScoreFrom::new(&noised, parametrisation);
    conformance::time_score_jvp(&read, x.view(), t.view(), Precision::DOUBLE)
}

/// The largest error of the log-density at likely points; the prior is the exact law at the horizon.
fn error_at<P: LinearGaussian + Copy>(
    process: P,
    n_components: usize,
    dim: usize,
    tolerance: f64,
) -> (f64, f64) {
    const START: f64 = 1e-3;
    let noised = Noised::new(mixture(n_components, dim), process);
    let x = noised.marginal(START).sample(4, &mut Seed::new(7).rng());
    let exact = noised.marginal(START).log_density(x.view());
    let prior = noised.marginal(process.horizon());
    let flow = ProbabilityFlow::new(process, &noised);
    let solver = AdaptiveRungeKutta::with_tolerance(tolerance);
    let likelihood = FlowLikelihood::with_prior(flow, prior, START, solver).unwrap();
    let found = likelihood.log_density(x.view()).unwrap();
    let error = (&found.log_density - &exact)
        .iter()
        .fold(0.0, |m: f64, e| m.max(e.abs()));
    (error, *found.n_accepted.iter().max().unwrap() as f64)
}

#[test]
fn the_flow_gives_exact_log_densities_to_its_tolerance() {
    for dim in [1, 2, 8, 64] {
        for n_components in [1, 3] {
            let process = VariancePreserving::new(0.1, 20.0).unwrap();
            for tolerance in [1e-4, 1e-7, 1e-10] {
                let (error, n_steps) = error_at(process, n_components, dim, tolerance);
                // Each step errs by a tolerance of a log-density of size D, and by what an error of the point makes of it.
                let bound = tolerance * n_steps * (1.0 + dim as f64);
                assert!(
                    error <= bound,
                    "d = {dim}, K = {n_components}, {tolerance:e}: {error:e} above {bound:e}"
                );
                assert!(tolerance > 1e-10 || error < 1e-8, "d = {dim}: {error:e}");
            }
        }
    }
}

#[test]
fn other_processes_give_exact_log_densities_too() {
    let (error, _) = error_at(OrnsteinUhlenbeck::new(6.0).unwrap(), 3, 2, 1e-9);
    assert!(error < 1e-7, "{error:e}");
    let (error, _) = error_at(VarianceExploding::new(0.01, 20.0).unwrap(), 3, 2, 1e-9);
    assert!(error < 1e-7, "{error:e}");
}

#[test]
fn errors_of_log_densities_are_proportional_to_the_tolerance() {
    let process = VariancePreserving::new(0.1, 20.0).unwrap();
    let tolerances = [1e-5, 1e-6, 1e-7, 1e-8, 1e-9, 1e-10];
    let errors = tolerances.map(|tolerance| error_at(process, 3, 2, tolerance).0);
    let slope = order(&tolerances, &errors).slope;
    assert!((slope - 1.0).abs() < 0.15, "{slope}: {errors:?}");
}

#[test]
fn a_normal_prior_is_wrong_by_what_it_is_wrong() {
    // With N(0, v I) for a prior the log-density is that of the flow, off by log p_T − log π at the point's end.
    let process = OrnsteinUhlenbeck::new(2.0).unwrap();
    let noised = Noised::new(mixture(3, 2), process);
    let x = array![[0.3, -0.2], [1.0, 1.5]];
    let solver = AdaptiveRungeKutta::with_tolerance(1e-10);
    let flow = ProbabilityFlow::new(process, &noised);
    let likelihood = FlowLikelihood::new(flow, 0.01, solver).unwrap();
    let found = likelihood.log_density(x.view()).unwrap();
    let exact = noised.marginal(0.01).log_density(x.view());
    let end = found.points.view();
    let mismatch = noised.marginal(2.0).log_density(end) - likelihood.prior().log_density(end);
    assert!(mismatch.iter().all(|m| m.abs() > 1e-3));
    assert!(
        (found.log_density + mismatch - exact)
            .iter()
            .all(|e| e.abs() < 1e-8)
    );
}

#[test]
fn generated_points_have_the_log_density_that_is_found_at_them() {
    let process = VariancePreserving::new(0.1, 20.0).unwrap();
    let noised = Noised::new(mixture(3, 2), process);
    let solver = AdaptiveRungeKutta::with_tolerance(1e-9);
    let flow = ProbabilityFlow::new(process, &noised);
    let likelihood = FlowLikelihood::new(flow, 1e-3, solver).unwrap();
    let noise = likelihood.prior().sample(5, &mut Seed::new(2).rng());
    let generated = likelihood.generate(noise.view()).unwrap();
    let back = likelihood.log_density(generated.points.view()).unwrap();
    assert!(
        (&back.log_density - &generated.log_density)
            .iter()
            .all(|e| e.abs() < 1e-6)
    );
    assert!((&back.points - &noise).iter().all(|e| e.abs() < 1e-6));
}

fn plane<P: LinearGaussian>(process: P) -> NoisedNormal<P> {
    NoisedNormal {
        process,
        mean: array![0.5, -1.0],
        angle: 0.6,
        eigenvalues: [2.0, 0.1],
    }
}

#[test]
fn estimated_divergences_are_unbiased_with_the_variance_of_their_directions() {
    const START: f64 = 0.01;
    let process = OrnsteinUhlenbeck::new(3.0).unwrap();
    let normal = plane(process);
    // ∫ ½ g²/c dt = ½ log(c_T/c_t) − log(α_T/α_t), because d log c = (2f + g²/c) dt.
    let (early, late) = (normal.variances(START), normal.variances(3.0));
    let decay = (process.alpha(3.0) / process.alpha(START)).ln();
    let integral = normal.matrix([0, 1].map(|i| 0.5 * (late[i] / early[i]).ln() - decay));

    let x = Array2::from_shape_fn((1000, 2), |(_, i)| [0.2, -0.7][i]);
    let solver = AdaptiveRungeKutta::with_tolerance(1e-6);
    let flow = ProbabilityFlow::new(process, &normal);
    let likelihood = FlowLikelihood::new(flow, START, solver).unwrap();
    let exact = likelihood
        .log_density(x.slice(ndarray::s![..1, ..]))
        .unwrap()
        .log_density[0];
    let mut tests = Vec::new();
    for (directions, n_probes) in [
        (Directions::Gaussian, 1),
        (Directions::Gaussian, 3),
        (Directions::Rademacher, 1),
        (Directions::Rademacher, 2),
        (Directions::Sphere, 1),
    ] {
        let found = likelihood
            .log_density_estimate(x.view(), directions, n_probes, &mut Seed::new(11).rng())
            .unwrap();
        let name = format!("{directions:?}, {n_probes}");
        let variance = directions.quadratic_form_variance(integral.view()).unwrap() / n_probes as f64;
        let off = &found.log_density - exact;
        if (directions, n_probes) == (Directions::Rademacher, 1) {
            // Signs in the plane give one of two values.
            assert!(off.iter().all(|e| (e.abs() - variance.sqrt()).abs() < 1e-4));
        } else {
            let squares: Vec<f64> = off.iter().map(|e| e * e).collect();
            tests.push(mean(&format!("variance, {name}"), &squares, variance));
        }
        tests.push(mean(&name, off.as_slice().unwrap(), 0.0));
    }
    family(&tests, FALSE_ALARM).unwrap();
}

#[test]
fn a_row_keeps_its_directions_in_any_block() {
    let process = OrnsteinUhlenbeck::new(3.0).unwrap();
    let noised = Noised::new(mixture(3, 2), process);
    let x = noised.marginal(0.01).sample(40, &mut Seed::new(3).rng());
    let estimate = |rows_per_block: usize| {
        let solver = AdaptiveRungeKutta {
            rows_per_block,
            ..AdaptiveRungeKutta::default()
        };
        FlowLikelihood::new(ProbabilityFlow::new(process, &noised), 0.01, solver)
            .unwrap()
            .log_density_estimate(x.view(), Directions::Rademacher, 2, &mut Seed::new(4).rng())
            .unwrap()
    };
    assert_eq!(estimate(256), estimate(3));
    same_on_any_number("estimated log-densities", || estimate(16).log_density).unwrap();
}

#[test]
fn the_prior_is_a_density() -> Verdict {
    let prior = NoisePrior::new(2, 2.25).unwrap();
    conformance::density(&prior, 0.75, Precision::DOUBLE, Seed::new(1))?;
    conformance::energy(&prior, array![[0.5, 1.0], [-2.0, 0.1]].view(), Precision::DOUBLE)?;
    conformance::density(
        &NoisePrior::new(1, 0.5).unwrap(),
        0.35,
        Precision::DOUBLE,
        Seed::new(2),
    )
}

/// A score without numbers after a time.
#[derive(Debug)]
struct Broken(f64);

impl Space for Broken {
    fn dim(&self) -> usize {
        1
    }
}

impl TimeScore for Broken {
    fn score_at_into(&self, x: ArrayView2<f64>, t: ArrayView1<f64>, mut out: ArrayViewMut2<f64>) {
        for ((x, t), mut out) in x.rows().into_iter().zip(t).zip(out.rows_mut()) {
            out[0] = if *t > self.0 { f64::NAN } else { -x[0] };
        }
    }
}

impl TimeScoreJvp for Broken {
    fn score_jvp_at_into(
        &self,
        x: ArrayView2<f64>,
        t: ArrayView1<f64>,
        v: ArrayView2<f64>,
        score: ArrayViewMut2<f64>,
        mut jvp: ArrayViewMut2<f64>,
    ) {
        self.score_at_into(x, t, score);
        jvp.assign(&-&v);
    }

    fn divergence_at_into(&self, _: ArrayView2<f64>, _: ArrayView1<f64>, mut out: ArrayViewMut1<f64>) {
        out.fill(-1.0);
    }
}

#[test]
fn likelihoods_name_what_is_wrong() {
    let process = OrnsteinUhlenbeck::new(2.0).unwrap();
    let solver = AdaptiveRungeKutta::default();
    let new = |start: f64| FlowLikelihood::new(ProbabilityFlow::new(process, Broken(1.0)), start, solver);
    for start in [0.0, -0.1, 2.0, f64::NAN] {
        let message = new(start).unwrap_err().to_string();
        assert!(message.contains("`start`"), "{message}");
        assert!(VariationalBound::new(process, Broken(1.0), start).is_err());
    }
    let flow = ProbabilityFlow::new(process, Broken(1.0));
    let prior = NoisePrior::new(2, 1.0).unwrap();
    let message = FlowLikelihood::with_prior(flow, prior, 0.1, solver).unwrap_err();
    assert!(message.to_string().contains("dimension of the prior"));
    assert!(NoisePrior::new(0, 1.0).is_err() && NoisePrior::new(1, 0.0).is_err());

    let likelihood = new(0.1).unwrap();
    let message = likelihood
        .log_density(array![[0.5]].view())
        .unwrap_err()
        .to_string();
    assert!(
        message.contains("the velocity of row 0` became NaN in step") && message.contains("from time 1,"),
        "{message}"
    );
    assert!(likelihood.log_density(array![[0.5, 0.5]].view()).is_err());
    assert!(likelihood.log_density(array![[f64::NAN]].view()).is_err());
    let rng = &mut Seed::new(1).rng();
    let message = likelihood.log_density_estimate(array![[0.5]].view(), Directions::Gaussian, 0, rng);
    assert!(message.unwrap_err().to_string().contains("`n_probes`"));

    let bound = VariationalBound::new(process, Broken(1.0), 0.1).unwrap();
    let message = bound
        .estimate(array![[0.5]].view(), 50, rng)
        .unwrap_err()
        .to_string();
    assert!(
        message.contains("the score of row 0") && message.contains("at time"),
        "{message}"
    );
    assert!(bound.estimate(array![[0.5]].view(), 1, rng).is_err());
    assert!(bound.estimate(array![[f64::INFINITY]].view(), 5, rng).is_err());
    // An energy at points that do not fit is an error of the caller.
    assert_eq!(
        NoisePrior::new(1, 1.0).unwrap().energy(array![[2.0]].view()),
        array![2.0]
    );
}
