//! Score matching in closed form on every continuous family of the densities crate.
//!
//! On a line the population itself is fitted: the objective's coefficients are expectations under a member, by quadrature instead of over data, so
//! that the minimum is the member's own parameters, or visibly not, without a statistical error. Where the dimension is higher, data stand for the population.

use gibbsian_core::{ContinuousFamily, Density, ExponentialFamily, Seed};
use gibbsian_densities::quadrature::{Domain, Interval, QuadratureOptions, expectation};
use gibbsian_densities::{Beta, Exponential, Gamma, MultivariateNormal, Normal, Wishart};
use gibbsian_objectives::closed_form_score_matching::QuadraticObjective;
use gibbsian_objectives::{BoundaryWeight, ClosedFormScoreMatching, HalfLine, UnitInterval, Unweighted};
use gibbsian_testkit::stats::{FALSE_ALARM, family, z_test};
use ndarray::{Array1, Array2, ArrayView1, ArrayViewMut1, Axis, array};

/// The error asked of every expectation. Some of them are zero at every point but for rounding.
const SETTINGS: QuadratureOptions = QuadratureOptions {
    absolute: 1e-12,
    relative: 1e-11,
    max_evaluations: 1_000_000,
};

/// The objective whose data are the law of `member` itself.
fn population<W: BoundaryWeight, F: ContinuousFamily>(
    weight: W,
    member: &F,
    side: Interval,
) -> gibbsian_core::Result<QuadraticObjective> {
    let objective = ClosedFormScoreMatching::weighted(weight);
    let domain = Domain::interval(side);
    let mean = |entry: &dyn Fn(&QuadraticObjective) -> f64| {
        let values = |x: ndarray::ArrayView2<f64>, mut out: ArrayViewMut1<f64>| {
            for (out, row) in out.iter_mut().zip(x.rows()) {
                // One point is a sample of one; where its derivatives overflow the density has to vanish.
                let at = objective.quadratic(member, row.insert_axis(Axis(0)));
                *out = at.map_or(f64::NAN, |at| entry(&at));
            }
        };
        expectation(member, values, &domain, SETTINGS).map(|e| e.value)
    };
    let n = member.n_statistics();
    let mut all = QuadraticObjective {
        curvature: Array2::zeros((n, n)),
        slope: Array1::zeros(n),
    };
    for s in 0..n {
        all.slope[s] = mean(&|at| at.slope[s])?;
        for t in 0..n {
            all.curvature[[s, t]] = mean(&|at| at.curvature[[s, t]])?;
        }
    }
    Ok(all)
}

/// Requires the minimum over the population at the member itself.
fn consistent<W: BoundaryWeight, F: ContinuousFamily>(weight: W, member: &F, side: Interval) {
    let objective = population(weight, member, side).unwrap();
    let found = objective.minimiser().unwrap();
    let truth = member.natural_parameters();
    // Errors of the coefficients enter in units of the condition number.
    let allowed = 10.0 * SETTINGS.relative * objective.condition().unwrap();
    let largest = truth.iter().fold(0.0_f64, |m, t| m.max(t.abs()));
    assert!(
        (&found - &truth).iter().all(|e| e.abs() <= allowed * largest),
        "{found} instead of {truth} within {allowed}"
    );
    assert!(allowed < 1e-6, "{allowed} says nothing");
}

/// The half-line, up to a mass at either end that no digit shows; nearer to zero a squared distance underflows.
fn half_line() -> Interval {
    Interval::open(1e-100, 1000.0).unwrap()
}

fn unit() -> Interval {
    Interval::open(1e-100, 1.0).unwrap()
}

#[test]
fn the_population_is_found_where_boundary_terms_vanish() {
    consistent(Unweighted, &Normal::new(0.7, 1.3).unwrap(), Interval::line());
    consistent(HalfLine, &Exponential::new(2.5).unwrap(), half_line());
    for shape in [0.6, 1.5, 2.0, 4.5] {
        consistent(HalfLine, &Gamma::new(shape, 2.0).unwrap(), half_line());
    }
    for (alpha, beta) in [(0.8, 1.7), (3.0, 4.5), (1.0, 1.0)] {
        consistent(UnitInterval, &Beta::new(alpha, beta).unwrap(), unit());
    }
    // Densities that vanish fast enough at the edge need no weight.
    consistent(Unweighted, &Gamma::new(2.7, 2.0).unwrap(), half_line());
    consistent(Unweighted, &Beta::new(3.0, 4.5).unwrap(), unit());
    consistent(
        Unweighted,
        &Wishart::new(6.5, array![[0.8]]).unwrap(),
        half_line(),
    );
    consistent(HalfLine, &Wishart::new(1.3, array![[0.8]]).unwrap(), half_line());
}

/// Without a weight the exponential density loses its rate, and so does every density whose score does not vanish at the edge.
#[test]
fn the_population_is_missed_where_they_do_not() {
    let exponential = Exponential::new(2.5).unwrap();
    let objective = population(Unweighted, &exponential, half_line()).unwrap();
    assert_eq!(objective.minimiser().unwrap(), array![0.0]);
    // With shapes of two or less E 1/x² is infinite: there is no objective.
    for shape in [0.6, 1.5, 2.0] {
        let gamma = Gamma::new(shape, 2.0).unwrap();
        assert!(population(Unweighted, &gamma, Interval::above(0.0).unwrap()).is_err());
    }
    let beta = Beta::new(0.8, 1.7).unwrap();
    assert!(population(Unweighted, &beta, Interval::open(0.0, 1.0).unwrap()).is_err());
    // A truncated normal would be the mild case; the gamma whose edge is cut off at 1/2 is one, with a density and a score there that are not zero:
    // the objective exists, and its minimum is elsewhere.
    let gamma = Gamma::new(3.0, 2.0).unwrap();
    let cut = Interval::open(0.5, 1000.0).unwrap();
    let found = population(Unweighted, &gamma, cut).unwrap().minimiser().unwrap();
    assert!((found[0] - 3.0).abs() > 0.5, "{found}");
    // A weight that vanishes at the new edge repairs it.
    struct FromHalf;
    impl BoundaryWeight for FromHalf {
        fn weight_into(&self, x: ArrayView1<f64>, mut w: ArrayViewMut1<f64>, mut slope: ArrayViewMut1<f64>) {
            w.assign(&x.mapv(|x| (x - 0.5).powi(2)));
            slope.assign(&x.mapv(|x| 2.0 * (x - 0.5)));
        }
    }
    consistent(FromHalf, &gamma, cut);
}

/// Equal weights on the product of a rule of degree five stand for a normal exactly.
#[test]
fn a_multivariate_normal_is_found_from_its_moments() {
    let covariance = array![[1.0, 0.3, -0.2], [0.3, 2.0, 0.5], [-0.2, 0.5, 0.5]];
    let truth = MultivariateNormal::from_covariance(array![0.5, -1.0, 2.0], covariance).unwrap();
    let node = 3f64.sqrt();
    let nodes = [-node, 0.0, 0.0, 0.0, 0.0, node];
    let z = Array2::from_shape_fn((216, 3), |(b, i)| nodes[b / 6_usize.pow(i as u32) % 6]);
    let x = z.dot(&truth.cholesky().t()) + truth.mean();
    let estimate = ClosedFormScoreMatching::unweighted()
        .estimate(&truth, x.view())
        .unwrap();
    let expected = truth.natural_parameters();
    let allowed = 16.0 * f64::EPSILON * estimate.condition * 10.0;
    for (found, expected) in estimate.natural.iter().zip(&expected) {
        assert!(
            (found - expected).abs() <= allowed,
            "{found} instead of {expected}"
        );
    }
    // The sandwich has moments up to the fourth, which the rule also has: it is the inverse Fisher information.
    let n = x.nrows() as f64;
    let mut product = (estimate.covariance * n).dot(&truth.fisher_information());
    product -= &Array2::eye(truth.n_statistics());
    let allowed_squared = 16.0 * f64::EPSILON * estimate.condition.powi(2);
    assert!(product.iter().all(|e| e.abs() <= allowed_squared), "{product}");

    // Of any data, too, it is the estimate of greatest likelihood.
    let x = truth.sample(500, &mut Seed::new(1).rng());
    let estimate = ClosedFormScoreMatching::unweighted()
        .estimate(&truth, x.view())
        .unwrap();
    let likeliest = truth.fit(x.view()).unwrap();
    let difference = estimate.member.precision() - likeliest.precision();
    assert!(difference.iter().all(|d| d.abs() <= allowed), "{difference}");
}

/// `w = |X|²` for all coordinates of a matrix.
struct SquaredDeterminant;

impl BoundaryWeight for SquaredDeterminant {
    fn weight_into(&self, x: ArrayView1<f64>, mut weight: ArrayViewMut1<f64>, mut slope: ArrayViewMut1<f64>) {
        // x = (X₁₁, X₂₁, X₂₂).
        let determinant = x[0] * x[2] - x[1] * x[1];
        weight.fill(determinant * determinant);
        slope.assign(&(array![x[2], -2.0 * x[1], x[0]] * 2.0 * determinant));
    }
}

#[test]
fn matrices_are_estimated_within_the_sandwich() {
    let scale = array![[0.5, 0.2], [0.2, 0.3]];
    let n = 40_000;
    let within = |estimate: Array1<f64>, covariance: Array2<f64>, truth: Array1<f64>| {
        let tests: Vec<_> = (0..truth.len())
            .map(|k| z_test(&format!("{k}"), estimate[k], truth[k], covariance[[k, k]].sqrt()))
            .collect();
        family(&tests, FALSE_ALARM).unwrap();
    };
    // Many degrees of freedom: the density vanishes fast where the determinant does.
    let many = Wishart::new(24.0, scale.clone()).unwrap();
    let x = many.sample(n, &mut Seed::new(2).rng());
    let estimate = ClosedFormScoreMatching::unweighted()
        .estimate(&many, x.view())
        .unwrap();
    within(estimate.natural, estimate.covariance, many.natural_parameters());
    // Few: only with a weight.
    let few = Wishart::new(3.5, scale).unwrap();
    let truth = few.natural_parameters();
    let x = few.sample(n, &mut Seed::new(3).rng());
    let wrong = ClosedFormScoreMatching::unweighted()
        .quadratic(&few, x.view())
        .unwrap();
    let wrong = wrong.minimiser().unwrap();
    assert!((wrong[3] - truth[3]).abs() > 0.2, "{wrong}");
    let estimate = ClosedFormScoreMatching::weighted(SquaredDeterminant)
        .estimate(&few, x.view())
        .unwrap();
    within(estimate.natural, estimate.covariance, truth);
}
