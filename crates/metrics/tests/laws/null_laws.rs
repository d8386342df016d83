//! Tests of hypotheses reject true ones as often as they say, and false ones.

use crate::common::{autoregressions, close, normals};
use gibbsian_core::{Score, Seed};
use gibbsian_metrics::*;
use gibbsian_testkit::stats::{FALSE_ALARM, binomial, mean};
use gibbsian_testkit::targets::Gaussian;
use ndarray::{Array1, Array2, ArrayView2, Axis};
use rand::RngExt;

const SEED: Seed = Seed::new(11);

/// How many of `n` p-values are at most a tenth, tested against a tenth of them.
fn assert_level(name: &str, n: u64, p_value: impl Fn(Seed) -> f64) {
    let n_rejected = (0..n)
        .filter(|&i| p_value(SEED.child(name).nth(i)) <= 0.1)
        .count();
    binomial(name, n_rejected as u64, n, 0.1).assert(FALSE_ALARM);
}

#[test]
fn stein_tests_hold_their_level_and_see_wrong_models() {
    let kernel = InverseMultiquadric::default();
    let model = Gaussian::new(Array1::zeros(2), Array2::eye(2)).unwrap();
    let test = |x: &Array2<f64>, flip: f64, seed: Seed| {
        kernel_stein_test(
            x.view(),
            model.score(x.view()).view(),
            &kernel,
            99,
            flip,
            &mut seed.child("test").rng(),
        )
        .unwrap()
        .p_value
    };
    assert_level("independent", 200, |seed| test(&normals(80, 2, seed), 0.5, seed));
    let wide = 1.5 * normals(150, 2, SEED.child("wide"));
    assert_eq!(test(&wide, 0.5, SEED), 0.01);
    // Draws of a chain: signs that follow its memory hold the level up to a little, independent ones reject far too often.
    let chain = |seed: Seed| autoregressions(1, 300, &[0.8, 0.8], seed).index_axis_move(Axis(0), 0);
    let rejected = |flip: f64| {
        (0..100)
            .filter(|&i| test(&chain(SEED.child("chain").nth(i)), flip, SEED.nth(i)) <= 0.1)
            .count() as u64
    };
    assert!(rejected(0.5) > 40);
    // More than 26 of 100 have a probability of 1e-6 at a tenth.
    let n = rejected(0.05);
    assert!(n <= 26, "{n} of 100");
}

#[test]
fn permutation_tests_of_mmd_hold_their_level_and_have_power() {
    let kernel = GaussianKernel::new(1.0).unwrap();
    let test = |x: ArrayView2<f64>, y: ArrayView2<f64>, seed: Seed| {
        mmd_test(x, y, &kernel, 99, &mut seed.child("test").rng()).unwrap()
    };
    assert_level("mmd", 300, |seed| {
        let (x, y) = (normals(25, 2, seed.nth(0)), normals(35, 2, seed.nth(1)));
        test(x.view(), y.view(), seed).p_value
    });
    let (x, y) = (normals(80, 2, SEED.nth(0)), normals(80, 2, SEED.nth(1)) * 2.0);
    let found = test(x.view(), y.view(), SEED);
    assert_eq!(found.p_value, 0.01);
    // An unbiased estimate scatters around zero.
    mean("null", &found.null, 0.0).assert(FALSE_ALARM);
    // The other order has the other sample relabelled and the same estimate.
    close(
        "order",
        test(y.view(), x.view(), SEED).mmd.unbiased,
        found.mmd.unbiased,
        1e-11,
    );
}

#[test]
fn classifier_tests_hold_their_level_and_see_what_they_are_for() {
    let neighbours = NearestNeighbours::new(1).unwrap();
    assert_level("neighbours", 150, |seed| {
        let (x, y) = (normals(30, 2, seed.nth(0)), normals(20, 2, seed.nth(1)));
        classifier_test(x.view(), y.view(), &neighbours, 4, 19, &mut seed.rng())
            .unwrap()
            .p_value
    });
    assert_level("logistic", 100, |seed| {
        let (x, y) = (normals(30, 1, seed.nth(0)), normals(30, 1, seed.nth(1)));
        classifier_test(
            x.view(),
            y.view(),
            &QuadraticLogistic::default(),
            3,
            19,
            &mut seed.rng(),
        )
        .unwrap()
        .p_value
    });
    // Equal means and variances and opposite correlations: for quadratic features only.
    let x = normals(100, 2, SEED.nth(8));
    let correlated = |sign: f64, x: Array2<f64>| {
        let second = sign * 0.8 * &x.column(0) + 0.6 * &x.column(1);
        let mut y = x;
        y.column_mut(1).assign(&second);
        y
    };
    let (x, y) = (correlated(1.0, x), correlated(-1.0, normals(100, 2, SEED.nth(9))));
    let found = classifier_test(
        x.view(),
        y.view(),
        &QuadraticLogistic::default(),
        5,
        49,
        &mut SEED.rng(),
    )
    .unwrap();
    // The Bayes rule is the sign of x₀ x₁, which is right with probability ½ + asin(0.8)/π = 0.795.
    assert!(
        (found.accuracy - 0.795).abs() < 5.0 * (0.25f64 / 200.0).sqrt(),
        "{found:?}"
    );
    assert_eq!(found.p_value, 0.02);
    // Draws of two values: neighbours at no distance are many, and all of them vote. By the Bayes rule 0.9 are right.
    let mut rng = SEED.child("coins").rng();
    let mut coins =
        |p: f64| Array2::from_shape_simple_fn((100, 1), || f64::from(u8::from(rng.random::<f64>() < p)));
    let (rare, frequent) = (coins(0.1), coins(0.9));
    let of_coins =
        classifier_test(rare.view(), frequent.view(), &neighbours, 4, 49, &mut SEED.rng()).unwrap();
    assert!(
        (of_coins.accuracy - 0.9).abs() < 5.0 * (0.09f64 / 200.0).sqrt(),
        "{of_coins:?}"
    );
    // Answers come in groups: pairs of mutual neighbours are right together.
    let found = classifier_test(x.view(), y.view(), &neighbours, 10, 199, &mut SEED.rng()).unwrap();
    assert!(
        found.null_standard_error > 1.15 * found.binomial_standard_error,
        "{found:?}"
    );
}
