//! Likelihoods: against exact log-densities, as functions of the tolerance; estimated divergences; dequantisation; the variational bound and what it loses.

use gibbsian_core::process::{LinearGaussian, OrnsteinUhlenbeck, VarianceExploding, VariancePreserving};
use gibbsian_core::{
    Density, Directions, Energy, Prediction, Predicts, ScoreFrom, Seed, Space, TimeScore, TimeScoreJvp,
};
use gibbsian_sde::{
    AdaptiveRungeKutta, FlowLikelihood, NoisePrior, ProbabilityFlow, UniformDequantisation, VariationalBound,
};
use gibbsian_testkit::conformance;
use gibbsian_testkit::differences::Precision;
use gibbsian_testkit::stats::{FALSE_ALARM, family, mean, order, z_test};
use gibbsian_testkit::targets::{Mixture, Noised};
use gibbsian_testkit::threads::same_on_any_number;
use gibbsian_testkit::verdict::Verdict;
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, ArrayViewMut1, ArrayViewMut2, array};

use crate::common::normal::NoisedNormal;

/// One or three components in any dimension.
fn mixture(n_components: usize, dim: usize) -> Mixture {
    let weights = Array1::from_shape_fn(n_components, |k| 1.0 + k as f64);
    let means = Array2::from_shape_fn((n_components, dim), |(k, i)| {
        1.5 * ((5 * k + 3 * i + 1) as f64).sin()
    });
    let deviations = Array1::from_shape_fn(n_components, |k| 0.4 + 0.2 * k as f64);
    Mixture::new(weights, means, deviations).unwrap()
}

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

#[test]
fn uniform_noise_bounds_the_probability_of_integers() {
    // p = N(0, s²): E_u log p(n + u) = −½ log 2πs² − [(n + ½)² + 1/12]/2s².
    let (s, n_rows) = (1.5_f64, 20_000);
    let p = NoisePrior::new(1, s * s).unwrap();
    let lattice = UniformDequantisation::default();
    for n in [-4.0, 0.0, 1.0] {
        let data = Array2::from_elem((n_rows, 1), n);
        let x = lattice.dequantise(data.view(), &mut Seed::new(5).rng()).unwrap();
        assert_eq!(lattice.quantise(x.view()), data);
        let log_p = p.log_density(x.view());
        let expected = -0.5 * (std::f64::consts::TAU * s * s).ln()
            - ((n + 0.5_f64).powi(2) + 1.0 / 12.0) / (2.0 * s * s);
        mean("E log p(n + u)", log_p.as_slice().unwrap(), expected).assert(FALSE_ALARM);
        // log P(n) by Simpson's rule, whose error is below 1e-10 here.
        let density = |u: f64| p.log_density(array![[n + u]].view())[0].exp();
        let m = 200;
        let mass: f64 = (0..=m)
            .map(|i| {
                let weight = if i == 0 || i == m {
                    1.0
                } else {
                    2.0 + 2.0 * f64::from(i % 2)
                };
                weight * density(f64::from(i) / f64::from(m)) / (3.0 * f64::from(m))
            })
            .sum();
        assert!(expected < mass.ln(), "{n}: {expected} {}", mass.ln());
        // Curvature 1/s² loses half of it times the variance of u, less what Jensen gains.
        assert!(mass.ln() - expected < 1.0 / (24.0 * s * s) + ((n + 0.5) / (s * s)).powi(2) / 24.0 + 0.01);
    }
    let message = lattice.dequantise(array![[0.0, 1.5]].view(), &mut Seed::new(1).rng());
    assert!(message.unwrap_err().to_string().contains("n[0, 1]"));
    assert!(UniformDequantisation::new(0.0, 0.0).is_err());
    assert!(UniformDequantisation::new(f64::NAN, 1.0).is_err());
    assert!(lattice.bits_per_dimension(array![0.0].view(), 0).is_err());
}

#[test]
fn bits_do_not_depend_on_the_unit_of_the_data() {
    // The same model of 8 bits on 0 to 256 and on −1 to 1: densities differ by the Jacobian, bits do not.
    let (wide, narrow) = (
        UniformDequantisation::default(),
        UniformDequantisation::new(-1.0, 2.0 / 256.0).unwrap(),
    );
    let log_p = array![-1000.0, -2000.0];
    let dim = 300;
    let moved = &log_p + dim as f64 * 128_f64.ln();
    let bits = wide.bits_per_dimension(log_p.view(), dim).unwrap();
    let same = narrow.bits_per_dimension(moved.view(), dim).unwrap();
    assert!((&bits - &same).iter().all(|e| e.abs() < 1e-13));
    assert!((bits[0] - 1000.0 / (300.0 * std::f64::consts::LN_2)).abs() < 1e-13);
}

#[test]
fn the_bound_loses_what_its_ends_lose_on_normal_data() {
    const START: f64 = 0.05;
    // A short process and a late start, so that both losses are seen.
    let (m, s, dim) = (0.7, 0.6_f64, 2);
    let process = OrnsteinUhlenbeck::new(1.0).unwrap();
    let data = Mixture::new(array![1.0], array![[m, m]], array![s]).unwrap();
    let bound = VariationalBound::new(process, Noised::new(data.clone(), process), START).unwrap();
    let x = array![[0.2, 1.0], [-1.0, 2.0]];
    let found = bound.estimate(x.view(), 40_000, &mut Seed::new(6).rng()).unwrap();
    let exact = data.log_density(x.view());
    let d = dim as f64;
    let mut tests = Vec::new();
    for (b, x) in x.rows().into_iter().enumerate() {
        // E log p_T/π under N(αx, σ²): two quadratics.
        let (alpha, variance) = (process.alpha(1.0), process.variance(1.0));
        let c = alpha * alpha * s * s + variance;
        let from = |centre: f64| x.iter().map(|x| (alpha * x - centre).powi(2)).sum::<f64>() + d * variance;
        let prior_loss = 0.5 * (from(0.0) - from(alpha * m) / c - d * c.ln());
        // E log p(x | X)/N(x; D(X), σ²/α²), where x − D(X) = (σ²/c)(x − m) − (α s² σ/c) z.
        let (alpha, variance) = (process.alpha(START), process.variance(START));
        let c = alpha * alpha * s * s + variance;
        let (posterior, decoder) = (s * s * variance / c, variance / (alpha * alpha));
        let squared = x.iter().map(|x| (x - m).powi(2)).sum::<f64>() * (variance / c).powi(2)
            + d * variance * (alpha * s * s / c).powi(2);
        let start_loss =
            0.5 * d * (decoder / posterior).ln() - 0.5 * squared * (1.0 / posterior - 1.0 / decoder);
        // Both are seen: either is more than the error of the estimate allows to overlook.
        let seen = 6.0 * found.standard_error[b];
        assert!(
            prior_loss.abs().min(start_loss.abs()) > 1e-3 && prior_loss.abs().max(start_loss.abs()) > seen,
            "{prior_loss} {start_loss} {seen}"
        );
        let expected = exact[b] - prior_loss - start_loss;
        tests.push(z_test(
            "the bound",
            found.bound[b],
            expected,
            found.standard_error[b],
        ));
    }
    family(&tests, FALSE_ALARM).unwrap();
}

/// A score that is too large.
struct Exaggerated<M>(M);

impl<M: Space> Space for Exaggerated<M> {
    fn dim(&self) -> usize {
        self.0.dim()
    }
}

impl<M: TimeScore> TimeScore for Exaggerated<M> {
    fn score_at_into(&self, x: ArrayView2<f64>, t: ArrayView1<f64>, mut out: ArrayViewMut2<f64>) {
        self.0.score_at_into(x, t, out.view_mut());
        out *= 2.0;
    }
}

#[test]
fn the_bound_is_tight_for_the_exact_score_and_lower_for_another() {
    let process = VariancePreserving::new(0.1, 20.0).unwrap();
    let data = mixture(3, 2);
    let x = data.sample(8, &mut Seed::new(8).rng());
    let exact = data.log_density(x.view()).mean().unwrap();
    let noised = Noised::new(data, process);
    let right = VariationalBound::new(process, &noised, 1e-4).unwrap();
    let found = right.estimate(x.view(), 500, &mut Seed::new(9).rng()).unwrap();
    let (bound, error) = found.mean();
    // At this start and horizon the ends lose σ⁴/s⁴ < 1e-8 and α_T² ‖x‖² < 1e-3.
    assert!(
        (bound - exact).abs() < 5.0 * error + 1e-3,
        "{bound} ± {error} of {exact}"
    );
    let wrong = VariationalBound::new(process, Exaggerated(&noised), 1e-4).unwrap();
    let found = wrong.estimate(x.view(), 500, &mut Seed::new(9).rng()).unwrap();
    let (lower, error) = found.mean();
    assert!(lower < exact - 5.0 * error, "{lower} ± {error} of {exact}");
}

#[test]
fn the_bound_of_a_long_process_is_the_likelihood_of_the_flow() {
    let process = VariancePreserving::new(0.1, 20.0).unwrap();
    let noised = Noised::new(mixture(3, 2), process);
    let x = noised.marginal(1e-4).sample(4, &mut Seed::new(10).rng());
    let flow = ProbabilityFlow::new(process, &noised);
    let likelihood = FlowLikelihood::new(flow, 1e-4, AdaptiveRungeKutta::with_tolerance(1e-8)).unwrap();
    let by_flow = likelihood.log_density(x.view()).unwrap().log_density;
    let bound = VariationalBound::new(process, &noised, 1e-4).unwrap();
    let found = bound.estimate(x.view(), 2000, &mut Seed::new(10).rng()).unwrap();
    for (b, by_flow) in by_flow.iter().enumerate() {
        assert!((found.bound[b] - by_flow).abs() < 5.0 * found.standard_error[b] + 2e-3);
    }
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
