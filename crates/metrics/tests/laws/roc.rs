//! The area under the receiver operating characteristic against its definition, and the coverage of its interval.

use gibbsian_core::Seed;
use gibbsian_core::special::normal_cdf;
use gibbsian_metrics::auroc;
use ndarray::{Array1, array};
use rand::RngExt;
use rand_distr::StandardNormal;

const LEVEL: f64 = 0.95;

/// Scores with many ties.
fn scores(n: usize, shift: f64, seed: u64) -> Array1<f64> {
    let mut rng = Seed::new(seed).rng();
    Array1::from_shape_simple_fn(n, || {
        let z: f64 = rng.sample(StandardNormal);
        (2.0 * (z + shift)).round() / 2.0
    })
}

/// All pairs, and the variance of DeLong, DeLong and Clarke-Pearson from them.
fn by_pairs(ordinary: &Array1<f64>, anomalous: &Array1<f64>) -> (f64, f64) {
    let psi = |x: f64, y: f64| {
        if y > x {
            1.0
        } else if y == x {
            0.5
        } else {
            0.0
        }
    };
    let mean = |v: &[f64]| v.iter().sum::<f64>() / v.len() as f64;
    let beats: Vec<f64> = anomalous
        .iter()
        .map(|y| mean(&ordinary.iter().map(|x| psi(*x, *y)).collect::<Vec<_>>()))
        .collect();
    let beaten: Vec<f64> = ordinary
        .iter()
        .map(|x| mean(&anomalous.iter().map(|y| psi(*x, *y)).collect::<Vec<_>>()))
        .collect();
    let spread = |v: &[f64]| {
        let m = mean(v);
        v.iter().map(|x| (x - m).powi(2)).sum::<f64>() / (v.len() - 1) as f64
    };
    let variance = spread(&beats) / beats.len() as f64 + spread(&beaten) / beaten.len() as f64;
    (mean(&beats), variance.sqrt())
}

#[test]
fn it_is_the_share_of_pairs_in_order_with_its_standard_error() {
    for (n, m, shift, seed) in [(40, 25, 0.7, 1), (7, 60, 0.0, 3), (30, 30, -1.5, 5)] {
        let (x, y) = (scores(n, 0.0, seed), scores(m, shift, seed + 1));
        let found = auroc(x.view(), y.view(), LEVEL).unwrap();
        let (area, error) = by_pairs(&x, &y);
        assert!((found.area - area).abs() <= 1e-14, "{found:?} instead of {area}");
        assert!(
            (found.standard_error - error).abs() <= 1e-14,
            "{found:?} instead of {error}"
        );
        assert!(0.0 <= found.lower && found.lower < area && area < found.upper && found.upper <= 1.0);
    }
}

#[test]
fn only_the_order_of_scores_matters() {
    let (x, y) = (scores(40, 0.0, 7), scores(25, 0.7, 8));
    let found = auroc(x.view(), y.view(), LEVEL).unwrap();
    let monotone = |v: &Array1<f64>| v.mapv(|v| (3.0 * v).exp() - 10.0);
    assert_eq!(
        auroc(monotone(&x).view(), monotone(&y).view(), LEVEL).unwrap(),
        found
    );
    let swapped = auroc(y.view(), x.view(), LEVEL).unwrap();
    assert!((swapped.area - (1.0 - found.area)).abs() <= 1e-15);
    assert!((swapped.lower - (1.0 - found.upper)).abs() <= 1e-14);
    // Zeros are one number, infinities are in order.
    let ties = auroc(array![0.0, -0.0].view(), array![-0.0, 0.0].view(), LEVEL).unwrap();
    assert_eq!(ties.area, 0.5);
    let infinite = auroc(array![0.0, 1.0].view(), array![f64::INFINITY, 2.0].view(), LEVEL).unwrap();
    assert_eq!(infinite.area, 1.0);
}

/// Normal scores one apart have the area `Φ(1/√2)`. Of 2,000 intervals of 95 % a share of 95 % ± 4 · 0.5 % covers it; the interval is asymptotic, for which
/// another half per cent is allowed.
#[test]
fn intervals_cover_the_truth_as_often_as_they_say() {
    let truth = normal_cdf(std::f64::consts::FRAC_1_SQRT_2);
    let n_runs = 2_000;
    let mut covered = 0;
    for run in 0..n_runs {
        let mut rng = Seed::new(9).nth(run).rng();
        let mut draw = |n: usize, shift: f64| {
            Array1::from_shape_simple_fn(n, || shift + rng.sample::<f64, _>(StandardNormal))
        };
        let (x, y) = (draw(60, 0.0), draw(40, 1.0));
        let found = auroc(x.view(), y.view(), LEVEL).unwrap();
        covered += u32::from(found.lower <= truth && truth <= found.upper);
    }
    let share = f64::from(covered) / n_runs as f64;
    assert!((0.925..=0.975).contains(&share), "{share}");
}

/// `p^k = 0.025` where `k` pairs in order are all that is known.
#[test]
fn perfect_order_is_bounded_by_disjoint_pairs() {
    let found = auroc(
        array![0.0, 1.0, 2.0].view(),
        array![3.0, 4.0, 5.0, 6.0].view(),
        LEVEL,
    )
    .unwrap();
    assert_eq!((found.area, found.upper, found.standard_error), (1.0, 1.0, 0.0));
    assert!((found.lower.powi(3) - 0.025).abs() < 1e-15);
    let reversed = auroc(array![3.0, 4.0, 5.0].view(), array![0.0, 1.0].view(), LEVEL).unwrap();
    assert_eq!((reversed.area, reversed.lower), (0.0, 0.0));
    assert!((1.0 - reversed.upper - 0.025_f64.sqrt()).abs() < 1e-15);
}

#[test]
fn equal_scores_say_nothing() {
    let found = auroc(array![2.0, 2.0].view(), Array1::from_elem(50, 2.0).view(), LEVEL).unwrap();
    assert_eq!((found.area, found.standard_error), (0.5, 0.0));
    assert_eq!((found.lower, found.upper), (0.0, 1.0));
}

#[test]
fn what_has_no_order_is_refused_by_name() {
    let refused = |x: Array1<f64>, y: Array1<f64>, level: f64| {
        auroc(x.view(), y.view(), level).unwrap_err().to_string()
    };
    let fine = || array![0.0, 1.0];
    assert_eq!(
        refused(array![0.0], fine(), LEVEL),
        "`ordinary` has shape [1], but must have shape (at least 2)"
    );
    assert_eq!(
        refused(fine(), array![0.0, f64::NAN], LEVEL),
        "`anomalous[1]` is NaN, but must be a number"
    );
    assert_eq!(
        refused(fine(), fine(), 1.0),
        "`level` is 1, but must be between 0 and 1, both excluded"
    );
}
