//! Likelihoods of mixtures with full covariances, under five processes and from 1 to 64 dimensions: by the flow, by its estimated divergence, and bounded from below.

use gibbsian_core::math::log_sum_exp;
use gibbsian_core::process::{LinearGaussian, VariancePreserving};
use gibbsian_core::{Density, Directions, Seed, Space, TimeEnergy, TimeScore, TimeScoreJvp};
use gibbsian_linalg::SymmetricEigen;
use gibbsian_sde::{AdaptiveRungeKutta, FlowLikelihood, FreshNoise, ProbabilityFlow, VariationalBound};
use gibbsian_testkit::conformance;
use gibbsian_testkit::differences::Precision;
use gibbsian_testkit::stats::{FALSE_ALARM, family, z_test};
use gibbsian_testkit::targets::{Mixture, Noised};
use gibbsian_testkit::verdict::Verdict;
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, ArrayViewMut1, ArrayViewMut2, Axis, array};

use crate::common::linear_law::{Process, all_processes};
use crate::common::mixture;
use crate::common::normals::Normals;

/// The mixture of [`Normals`] by the axes of its covariances: `S_k = Q_k diag(λ_k) Q_kᵀ` is noised to `Q_k diag(α² λ_k + σ²) Q_kᵀ`, so that no time needs a factorisation.
struct ByAxes<P> {
    normals: Normals<P>,
    axes: Vec<SymmetricEigen>,
}

impl<P: LinearGaussian + Copy> ByAxes<P> {
    fn new(normals: Normals<P>) -> Self {
        let axes = |s: &Array2<f64>| SymmetricEigen::new("covariance", s.view()).unwrap();
        ByAxes {
            axes: normals.covariances.iter().map(axes).collect(),
            normals,
        }
    }

    fn parts(&self, x: ArrayView1<f64>, t: f64) -> Parts {
        let process = &self.normals.process;
        let (alpha, variance) = (process.alpha(t), process.variance(t));
        let (mut log_terms, mut scores, mut variances) = (Vec::new(), Vec::new(), Vec::new());
        for (k, axes) in self.axes.iter().enumerate() {
            let c = axes.values().mapv(|l| alpha * alpha * l + variance);
            let y = axes
                .vectors()
                .t()
                .dot(&(&x - &(&self.normals.means.row(k) * alpha)));
            let terms = y
                .iter()
                .zip(&c)
                .map(|(y, c)| y * y / c + (std::f64::consts::TAU * c).ln());
            log_terms.push(self.normals.weights[k].ln() - 0.5 * terms.sum::<f64>());
            scores.push(-axes.vectors().dot(&(y / &c)));
            variances.push(c);
        }
        let log_density = log_sum_exp(&log_terms);
        Parts {
            log_density,
            responsibilities: log_terms.iter().map(|l| (l - log_density).exp()).collect(),
            scores,
            variances,
        }
    }
}

/// What the components say of a point.
struct Parts {
    log_density: f64,
    responsibilities: Vec<f64>,
    scores: Vec<Array1<f64>>,
    /// Those along the axes.
    variances: Vec<Array1<f64>>,
}

impl Parts {
    fn score(&self) -> Array1<f64> {
        let mut score = Array1::zeros(self.scores[0].len());
        for (r, s) in self.responsibilities.iter().zip(&self.scores) {
            score.scaled_add(*r, s);
        }
        score
    }

    /// `Σ r_k (‖s_k‖² − tr Λ_k) − ‖s‖²`.
    fn divergence(&self) -> f64 {
        let score = self.score();
        let of_components = self
            .responsibilities
            .iter()
            .zip(&self.scores)
            .zip(&self.variances);
        of_components
            .map(|((r, s), c)| r * (s.dot(s) - c.iter().map(|c| 1.0 / c).sum::<f64>()))
            .sum::<f64>()
            - score.dot(&score)
    }
}

impl<P: LinearGaussian> Space for ByAxes<P> {
    fn dim(&self) -> usize {
        self.normals.dim()
    }
}

impl<P: LinearGaussian + Copy> TimeScore for ByAxes<P> {
    fn score_at_into(&self, x: ArrayView2<f64>, t: ArrayView1<f64>, mut out: ArrayViewMut2<f64>) {
        for ((x, t), mut out) in x.rows().into_iter().zip(t).zip(out.rows_mut()) {
            out.assign(&self.parts(x, *t).score());
        }
    }
}

impl<P: LinearGaussian + Copy> TimeScoreJvp for ByAxes<P> {
    /// `J v = Σ r_k [(s_k − s)(s_k·v) − Λ_k v]`.
    fn score_jvp_at_into(
        &self,
        x: ArrayView2<f64>,
        t: ArrayView1<f64>,
        v: ArrayView2<f64>,
        mut score: ArrayViewMut2<f64>,
        mut jvp: ArrayViewMut2<f64>,
    ) {
        for b in 0..x.nrows() {
            let parts = self.parts(x.row(b), t[b]);
            let s = parts.score();
            let (v, mut jvp) = (v.row(b), jvp.row_mut(b));
            jvp.fill(0.0);
            for (k, axes) in self.axes.iter().enumerate() {
                let (r, s_k) = (parts.responsibilities[k], &parts.scores[k]);
                jvp.scaled_add(r * s_k.dot(&v), &(s_k - &s));
                let pulled = axes.vectors().t().dot(&v) / &parts.variances[k];
                jvp.scaled_add(-r, &axes.vectors().dot(&pulled));
            }
            score.row_mut(b).assign(&s);
        }
    }

    fn divergence_at_into(&self, x: ArrayView2<f64>, t: ArrayView1<f64>, mut out: ArrayViewMut1<f64>) {
        for ((x, t), out) in x.rows().into_iter().zip(t).zip(&mut out) {
            *out = self.parts(x, *t).divergence();
        }
    }
}

/// Three components whose covariances have other axes each, and deviations between 1/3 and 3/2 along them.
fn full<P: LinearGaussian + Copy>(dim: usize, process: P) -> Normals<P> {
    let covariance = |k: usize| {
        let mixed = Array2::from_shape_fn((dim, dim), |(i, j)| ((7 * i + 3 * j + 5 * k + 1) as f64).sin());
        let axes = SymmetricEigen::new("mixed", (&mixed + &mixed.t()).view()).unwrap();
        let variances =
            Array1::from_shape_fn(dim, |i| 0.12 + (1.0 + ((3 * i + k) as f64).cos()).powi(2) / 2.0);
        axes.vectors()
            .dot(&Array2::from_diag(&variances))
            .dot(&axes.vectors().t())
    };
    Normals {
        weights: array![0.2, 0.5, 0.3],
        means: Array2::from_shape_fn((3, dim), |(k, i)| 1.5 * ((5 * k + 3 * i + 1) as f64).sin()),
        covariances: (0..3).map(covariance).collect(),
        process,
    }
}

#[test]
fn a_mixture_by_its_axes_is_that_of_its_covariances() -> Verdict {
    let [process, ..] = all_processes();
    for dim in [1, 2, 8] {
        let (one, other) = (ByAxes::new(full(dim, process)), full(dim, process));
        let x = FreshNoise::new(Seed::new(1)).normal((4, dim));
        let t = array![0.01, 0.3, 1.0, 2.0];
        let mut exact = Array1::zeros(4);
        other.energy_at_into(x.view(), t.view(), exact.view_mut());
        for b in 0..4 {
            assert!(
                (one.parts(x.row(b), t[b]).log_density + exact[b]).abs() < 1e-11 * (1.0 + exact[b].abs())
            );
        }
        conformance::time_score_jvp(&one, x.view(), t.view(), Precision::DOUBLE)?;
    }
    Ok(())
}

/// The largest error of the log-density at a few points of the data, and the most steps to one of them.
fn error_at(process: Process, dim: usize, tolerance: f64) -> (f64, f64) {
    let start = 1e-3 * process.horizon();
    let noised = ByAxes::new(full(dim, process));
    let z = FreshNoise::new(Seed::new(7)).normal((3, dim)) * process.variance(start).sqrt();
    let x = noised.normals.sample(3, &mut Seed::new(8).rng()) * process.alpha(start) + z;
    let solver = AdaptiveRungeKutta::with_tolerance(tolerance);
    let flow = ProbabilityFlow::new(process, &noised);
    let likelihood = FlowLikelihood::new(flow, start, solver).unwrap();
    let found = likelihood.log_density(x.view()).unwrap();
    // The prior is normal, and what it says of a point is put right.
    let by_prior = likelihood.prior().log_density(found.points.view());
    let mut worst = 0.0;
    for (b, x) in x.rows().into_iter().enumerate() {
        let at_end = noised.parts(found.points.row(b), process.horizon()).log_density;
        let error = found.log_density[b] - by_prior[b] + at_end - noised.parts(x, start).log_density;
        worst = if error.is_nan() {
            f64::NAN
        } else {
            f64::max(worst, error.abs())
        };
    }
    (worst, *found.n_accepted.iter().max().unwrap() as f64)
}

#[test]
fn the_flow_gives_exact_log_densities_under_every_process_in_1_to_64_dimensions() {
    for process in all_processes() {
        for dim in [1, 2, 8, 64] {
            for tolerance in [1e-5, 1e-8] {
                let (error, n_steps) = error_at(process, dim, tolerance);
                // Each step errs by a tolerance of a log-density of size D, and by what an error of the point makes of it.
                let bound = tolerance * n_steps * (1.0 + dim as f64);
                assert!(
                    error <= bound,
                    "{process:?}, d = {dim}, {tolerance:e}: {error:e} above {bound:e}"
                );
            }
        }
    }
}

#[test]
fn the_error_of_estimated_divergences_falls_with_the_root_of_the_number_of_probes() {
    const N: usize = 400;
    let (dim, start) = (8, 1e-2);
    let process = VariancePreserving::new(0.1, 20.0).unwrap();
    let noised = ByAxes::new(full(dim, process));
    let solver = AdaptiveRungeKutta::with_tolerance(1e-6);
    let likelihood = FlowLikelihood::new(ProbabilityFlow::new(process, &noised), start, solver).unwrap();
    let point = noised.normals.sample(1, &mut Seed::new(9).rng());
    let exact = likelihood.log_density(point.view()).unwrap().log_density[0];
    // Every row is an estimate at the same point.
    let x = point.broadcast((N, dim)).unwrap();
    for directions in [Directions::Gaussian, Directions::Rademacher] {
        let (mut points, mut tests) = (Vec::new(), Vec::new());
        for n_probes in [1, 4, 16] {
            let found = likelihood
                .log_density_estimate(
                    x.view(),
                    directions,
                    n_probes,
                    &mut Seed::new(10).nth(n_probes as u64).rng(),
                )
                .unwrap();
            let squares = found.log_density.mapv(|l| (l - exact).powi(2));
            let mean = squares.mean().unwrap();
            // Of the logarithm of a root mean square: half the relative error of the mean square.
            let error = 0.5 * squares.std_axis(Axis(0), 1.0).into_scalar() / (mean * (N as f64).sqrt());
            points.push(((n_probes as f64).ln(), 0.5 * mean.ln(), error));
            let bias = found.log_density.mean().unwrap() - exact;
            tests.push(z_test("unbiased", bias, 0.0, (mean / N as f64).sqrt()));
        }
        let weigh =
            |f: &dyn Fn(&(f64, f64, f64)) -> f64| points.iter().map(|p| f(p) / (p.2 * p.2)).sum::<f64>();
        let centre = weigh(&|p| p.0) / weigh(&|_| 1.0);
        let spread = weigh(&|p| (p.0 - centre).powi(2));
        let slope = weigh(&|p| (p.0 - centre) * p.1) / spread;
        tests.push(z_test("the slope", slope, -0.5, spread.sqrt().recip()));
        // The test can tell: an error that stayed, or fell with the number itself, is far away.
        assert!(spread.sqrt().recip() < 0.05, "{directions:?}");
        family(&tests, FALSE_ALARM).unwrap();
    }
}

/// A score that is too large by a factor.
struct Exaggerated<M>(M, f64);

impl<M: Space> Space for Exaggerated<M> {
    fn dim(&self) -> usize {
        self.0.dim()
    }
}

impl<M: TimeScore> TimeScore for Exaggerated<M> {
    fn score_at_into(&self, x: ArrayView2<f64>, t: ArrayView1<f64>, mut out: ArrayViewMut2<f64>) {
        self.0.score_at_into(x, t, out.view_mut());
        out *= self.1;
    }
}

#[test]
fn the_bound_of_a_wrong_score_is_lower_by_the_known_amount() {
    // With (1 + δ) s in place of s the bound of data N(μ, s² I) is lower by ½ δ² ∫ g² E‖s‖² dt on average, E‖s_t‖² = D/V_t, and g²/V = d log V − 2 d log α.
    const START: f64 = 1e-4;
    const N_ROWS: usize = 200;
    let process = VariancePreserving::new(0.1, 20.0).unwrap();
    let mut tests = Vec::new();
    for (dim, delta) in [(1, 0.4), (8, 0.2), (64, 0.1)] {
        let s = 0.6_f64;
        let data = Mixture::new(array![1.0], Array2::from_elem((1, dim), 0.5), array![s]).unwrap();
        let x = data.sample(N_ROWS, &mut Seed::new(11).rng());
        let wrong = Exaggerated(Noised::new(data.clone(), process), 1.0 + delta);
        let bound = VariationalBound::new(process, wrong, START).unwrap();
        let found = bound.estimate(x.view(), 400, &mut Seed::new(12).rng()).unwrap();
        let exact = data.log_density(x.view());
        let gaps = &exact - &found.bound;
        let v = |t: f64| process.alpha(t).powi(2) * s * s + process.variance(t);
        let integral = (v(1.0) / v(START)).ln() - 2.0 * (process.alpha(1.0) / process.alpha(START)).ln();
        // What the last step loses goes on as the integral does, to first order in its noise; the prior is wrong by less than α_T² (D μ² + D s²).
        let expected = 0.5 * delta * delta * dim as f64 * (integral + process.variance(START) / v(START));
        let slack = process.alpha(1.0).powi(2) * dim as f64 * (0.25 + s * s);
        let error = gaps.std_axis(Axis(0), 1.0).into_scalar() / (N_ROWS as f64).sqrt();
        let gap = gaps.mean().unwrap();
        assert!(
            gap.is_finite() && expected > 5.0 * error && slack < 0.2 * error,
            "d = {dim}: {expected} {error} {slack}"
        );
        tests.push(z_test(&format!("d = {dim}"), gap, expected, error));
    }
    family(&tests, FALSE_ALARM).unwrap();
}

#[test]
fn the_bound_is_below_the_log_density_of_mixtures_in_1_8_and_64_dimensions() {
    let process = VariancePreserving::new(0.1, 20.0).unwrap();
    for dim in [1, 8, 64] {
        let data = mixture(3, dim);
        let x = data.sample(20, &mut Seed::new(13).rng());
        let exact = data.log_density(x.view());
        let noised = Noised::new(data, process);
        let wrong = VariationalBound::new(process, Exaggerated(&noised, 1.2), 1e-4).unwrap();
        let found = wrong.estimate(x.view(), 4000, &mut Seed::new(14).rng()).unwrap();
        let (bound, error) = found.mean();
        let gap = exact.mean().unwrap() - bound;
        assert!(gap.is_finite() && gap > 5.0 * error, "d = {dim}: {gap} ± {error}");
        let right = VariationalBound::new(process, &noised, 1e-4).unwrap();
        let found = right.estimate(x.view(), 4000, &mut Seed::new(14).rng()).unwrap();
        let (bound, error) = found.mean();
        let least = exact.mean().unwrap() - bound;
        // At this start and horizon the ends lose D σ⁴/s⁴ < 1e-7 D and α_T² ‖x‖² < 2e-4 D.
        assert!(
            least.abs() < 5.0 * error + 2e-4 * dim as f64,
            "d = {dim}: {least} ± {error}"
        );
        assert!(least < gap);
    }
}
