//! Score matching in closed form: the minimum of the objective, its failure at boundaries, and the weights that repair it.

use crate::families::{Kind, Line};
use gibbsian_core::{ContinuousFamily, ExponentialFamily, Seed};
use gibbsian_objectives::{BoundaryWeight, ClosedFormScoreMatching, HalfLine, UnitInterval, Unweighted};
use gibbsian_testkit::stats::{FALSE_ALARM, family, z_test};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, ArrayViewMut1, Axis, array};
use rand::Rng;
use rand_distr::{Beta, Distribution, Exp, Gamma, Normal};

const N: usize = 100_000;

fn draws(law: impl Distribution<f64>, n: usize, seed: u64) -> Array2<f64> {
    let mut rng = Seed::new(seed).rng();
    let rng: &mut dyn Rng = &mut rng;
    Array2::from_shape_simple_fn((n, 1), || law.sample(rng))
}

/// Tests an estimate against the true natural parameters by its own sandwich covariance.
fn consistent<W: BoundaryWeight>(
    objective: ClosedFormScoreMatching<W>,
    kind: Kind,
    x: ArrayView2<f64>,
    truth: ArrayView1<f64>,
) {
    let estimate = objective.estimate(&Line::new(kind), x).unwrap();
    let tests: Vec<_> = (0..truth.len())
        .map(|k| {
            let error = estimate.covariance[[k, k]].sqrt();
            z_test(&format!("{kind:?} {k}"), estimate.natural[k], truth[k], error)
        })
        .collect();
    family(&tests, FALSE_ALARM).unwrap();
    assert_eq!(estimate.member.natural_parameters(), estimate.natural);
}

#[test]
fn a_normal_is_estimated_by_mean_and_variance() {
    // For the normal, score matching is maximum likelihood (Hyvärinen 2005, section 3.1).
    let x = draws(Normal::new(1.5, 0.7).unwrap(), 1000, 1);
    let (mean, variance) = (x.mean().unwrap(), x.var(0.0));
    let estimate = ClosedFormScoreMatching::unweighted()
        .estimate(&Line::new(Kind::Normal), x.view())
        .unwrap();
    let expected = array![mean / variance, -0.5 / variance];
    for (found, expected) in estimate.natural.iter().zip(&expected) {
        let allowed = 8.0 * f64::EPSILON * estimate.condition * expected.abs();
        assert!(
            (found - expected).abs() <= allowed,
            "{found} instead of {expected}"
        );
    }
    // The minimum is −½ E s²: with the score s = −(x − mean)/variance, −1/(2 variance).
    assert!(
        (estimate.loss + 0.5 / variance).abs() <= 1e-12,
        "{}",
        estimate.loss
    );
}

#[test]
fn the_minimum_is_one_and_the_loss_is_the_implicit_objective() {
    let x = draws(Gamma::new(3.5, 0.5).unwrap(), 500, 2);
    let objective = ClosedFormScoreMatching::weighted(HalfLine);
    let quadratic = objective.quadratic(&Line::new(Kind::Gamma), x.view()).unwrap();
    let minimiser = quadratic.minimiser().unwrap();
    let least = quadratic.loss(minimiser.view());
    for step in [array![1e-3, 0.0], array![0.0, -1e-3], array![1e-3, 1e-3]] {
        let moved = quadratic.loss((&minimiser + &step).view());
        let second = 0.5 * step.dot(&quadratic.curvature.dot(&step));
        assert!(
            (moved - least - second).abs() <= 1e-12 * least.abs(),
            "{moved} {least}"
        );
    }
    // E [½ w s² + w s' + w' s] written out for one member, with w = x² and s = η₀/x + η₁.
    let natural = array![1.3, -0.8];
    let direct = x.mapv(|x| {
        let s = natural[0] / x + natural[1];
        0.5 * x * x * s * s - natural[0] + 2.0 * x * s
    });
    let loss = quadratic.loss(natural.view());
    assert!((loss - direct.mean().unwrap()).abs() <= 1e-12, "{loss}");
}

#[test]
fn without_a_weight_the_exponential_has_rate_zero_whatever_the_data() {
    let x = draws(Exp::new(2.5).unwrap(), N, 3);
    let unweighted = ClosedFormScoreMatching::unweighted();
    let quadratic = unweighted
        .quadratic(&Line::new(Kind::Exponential), x.view())
        .unwrap();
    assert_eq!(quadratic.minimiser().unwrap(), array![0.0]);
    let refused = unweighted
        .estimate(&Line::new(Kind::Exponential), x.view())
        .unwrap_err();
    assert_eq!(
        refused.to_string(),
        "`natural` is [0], but must be the parameters of a density that can be normalised"
    );
    consistent(
        ClosedFormScoreMatching::weighted(HalfLine),
        Kind::Exponential,
        x.view(),
        array![-2.5].view(),
    );
}

#[test]
fn without_a_weight_gamma_and_beta_are_wrong_and_with_one_they_are_right() {
    // With shape 1.5 the density vanishes at 0 but p · ∂ log p does not; E 1/x² is infinite, so that G grows with the sample and the estimate
    // tends to another limit.
    let x = draws(Gamma::new(1.5, 1.0 / 2.0).unwrap(), N, 4);
    let truth = array![0.5, -2.0];
    let wrong = ClosedFormScoreMatching::unweighted().quadratic(&Line::new(Kind::Gamma), x.view());
    let wrong = wrong.unwrap().minimiser().unwrap();
    assert!((wrong[0] - truth[0]).abs() > 0.2, "{wrong}");
    consistent(
        ClosedFormScoreMatching::weighted(HalfLine),
        Kind::Gamma,
        x.view(),
        truth.view(),
    );

    // Both edges carry mass, in the first of them all derivatives are infinite.
    let x = draws(Beta::new(0.8, 1.7).unwrap(), N, 5);
    let truth = array![-0.2, 0.7];
    let wrong = ClosedFormScoreMatching::unweighted().quadratic(&Line::new(Kind::Beta), x.view());
    let wrong = wrong.unwrap().minimiser().unwrap();
    assert!((wrong[0] - truth[0]).abs() > 0.2, "{wrong}");
    consistent(
        ClosedFormScoreMatching::weighted(UnitInterval),
        Kind::Beta,
        x.view(),
        truth.view(),
    );
}

#[test]
fn a_weight_of_ones_own_is_as_good() {
    /// `min(x, 1)` (Yu, Drton and Shojaie 2019).
    struct Capped;
    impl BoundaryWeight for Capped {
        fn weight_into(&self, x: ArrayView1<f64>, mut w: ArrayViewMut1<f64>, mut slope: ArrayViewMut1<f64>) {
            w.assign(&x.mapv(|x| x.min(1.0)));
            slope.assign(&x.mapv(|x| if x < 1.0 { 1.0 } else { 0.0 }));
        }
    }
    let x = draws(Exp::new(2.5).unwrap(), N, 6);
    consistent(
        ClosedFormScoreMatching::weighted(Capped),
        Kind::Exponential,
        x.view(),
        array![-2.5].view(),
    );
    // On the whole line no weight is needed, and one does no harm.
    struct Gentle;
    impl BoundaryWeight for Gentle {
        fn weight_into(&self, x: ArrayView1<f64>, mut w: ArrayViewMut1<f64>, mut slope: ArrayViewMut1<f64>) {
            w.assign(&x.mapv(|x| 1.0 / (1.0 + x * x)));
            slope.assign(&x.mapv(|x| -2.0 * x / (1.0 + x * x).powi(2)));
        }
    }
    let x = draws(Normal::new(0.5, 0.8).unwrap(), N, 7);
    let truth = array![0.5 / 0.64, -0.5 / 0.64];
    consistent(
        ClosedFormScoreMatching::unweighted(),
        Kind::Normal,
        x.view(),
        truth.view(),
    );
    consistent(
        ClosedFormScoreMatching::weighted(Gentle),
        Kind::Normal,
        x.view(),
        truth.view(),
    );
}

#[test]
fn the_sandwich_is_the_spread_of_estimates() {
    // 400 samples of 500 points: their estimates scatter as the sandwich says. A variance from n − 1 normal deviations has relative error √(2/(n − 1)).
    let estimates: Vec<_> = (0..400)
        .map(|seed| {
            let x = draws(Gamma::new(2.5, 1.0).unwrap(), 500, 100 + seed);
            ClosedFormScoreMatching::weighted(HalfLine)
                .estimate(&Line::new(Kind::Gamma), x.view())
                .unwrap()
        })
        .collect();
    for k in 0..2 {
        let spread: Array1<f64> = estimates.iter().map(|e| e.natural[k]).collect();
        let claimed = estimates.iter().map(|e| e.covariance[[k, k]]).sum::<f64>() / 400.0;
        let ratio = spread.var(1.0) / claimed;
        z_test("sandwich", ratio, 1.0, (2.0_f64 / 399.0).sqrt()).assert(FALSE_ALARM);
    }
}

#[test]
fn what_cannot_be_estimated_is_refused() {
    let refusal = |kind, x: Array2<f64>| {
        ClosedFormScoreMatching::<Unweighted>::default()
            .estimate(&Line::new(kind), x.view())
            .unwrap_err()
            .to_string()
    };
    // One point determines one parameter of two.
    assert_eq!(
        refusal(Kind::Normal, array![[1.0]]),
        "`the condition number of the curvature G` is inf, but must be finite: on the data, some combination of the \
         statistics has no gradient"
    );
    assert_eq!(
        refusal(Kind::Gamma, array![[1.0], [-1.0]]),
        "`x[1]` is [-1], but must be a point of the support"
    );
    assert_eq!(
        refusal(Kind::Normal, array![[1.0], [f64::NAN]]),
        "`x[1, 0]` is NaN, but must be finite"
    );
    assert_eq!(
        refusal(Kind::Normal, Array2::zeros((0, 1))),
        "`x` has shape [0, 1], but must have shape (at least 1, 1)"
    );
    struct Negative;
    impl BoundaryWeight for Negative {
        fn weight_into(&self, x: ArrayView1<f64>, mut w: ArrayViewMut1<f64>, mut slope: ArrayViewMut1<f64>) {
            w.assign(&x);
            slope.fill(1.0);
        }
    }
    let x = array![[1.0], [-2.0]];
    let refused = ClosedFormScoreMatching::weighted(Negative).estimate(&Line::new(Kind::Normal), x.view());
    assert_eq!(
        refused.unwrap_err().to_string(),
        "`the weight of x[1, 0]` is -2, but must be finite and at least zero"
    );
}

#[test]
fn long_data_are_summed_as_their_parts() {
    // More rows than are held at once.
    let x = draws(Normal::new(0.3, 1.0).unwrap(), 9001, 8);
    let objective = ClosedFormScoreMatching::unweighted();
    let all = objective.quadratic(&Line::new(Kind::Normal), x.view()).unwrap();
    let (first, second) = x.view().split_at(Axis(0), 5000);
    let parts = [first, second].map(|x| objective.quadratic(&Line::new(Kind::Normal), x).unwrap());
    let curvature = (&parts[0].curvature * 5000.0 + &parts[1].curvature * 4001.0) / 9001.0;
    assert!((&all.curvature - &curvature).iter().all(|e| e.abs() <= 1e-12));
    let slope = (&parts[0].slope * 5000.0 + &parts[1].slope * 4001.0) / 9001.0;
    assert!((&all.slope - &slope).iter().all(|e| e.abs() <= 1e-12));
}

/// The families of this file obey the laws that the objective relies on.
#[test]
fn the_families_are_families() {
    use gibbsian_testkit::conformance;
    use gibbsian_testkit::differences::Precision;
    fn check<F: ContinuousFamily>(member: &F) {
        let x = array![[0.3], [0.55], [0.7]];
        conformance::continuous_family(member, x.view(), Precision::DOUBLE.with_step(0.03)).unwrap();
    }
    for kind in [Kind::Normal, Kind::Exponential, Kind::Gamma, Kind::Beta] {
        check(&Line::new(kind));
    }
}
