//! Bounds of likelihoods: of integers by dequantised points, of diffusion models by their variational bound; and what they lose.

use gibbsian_core::process::{LinearGaussian, OrnsteinUhlenbeck, VariancePreserving};
use gibbsian_core::{Density, Seed, Space, TimeScore};
use gibbsian_sde::{
    AdaptiveRungeKutta, FlowLikelihood, NoisePrior, ProbabilityFlow, UniformDequantisation, VariationalBound,
};
use gibbsian_testkit::stats::{FALSE_ALARM, family, mean, z_test};
use gibbsian_testkit::targets::{Mixture, Noised};
use ndarray::{Array2, ArrayView1, ArrayView2, ArrayViewMut2, array};

use crate::common::mixture;

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
