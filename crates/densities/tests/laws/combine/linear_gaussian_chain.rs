use gibbsian_core::{Density, Energy, EnergyPullback, Parametric, ParametricMut, Score, Seed};
use gibbsian_densities::LinearGaussianChain;
use gibbsian_testkit::conformance;
use gibbsian_testkit::differences::Precision;
use gibbsian_testkit::stats::{FALSE_ALARM, family, mean};
use gibbsian_testkit::targets::Gaussian;
use ndarray::{Array1, Array2, Axis, array};
use proptest::prelude::*;

use crate::combine::support::{chain, mass_in_the_plane, normals};
use crate::common::reference;

#[test]
fn conforms() {
    for dim in [1, 2, 5] {
        let (mut chain, x) = (chain(dim, Seed::new(60)), normals((5, dim), Seed::new(61)));
        conformance::density(&chain, 0.25, Precision::DOUBLE, Seed::new(62)).unwrap();
        conformance::energy(&chain, x.view(), Precision::DOUBLE).unwrap();
        conformance::score(&chain, x.view(), Precision::DOUBLE).unwrap();
        conformance::potential(&chain, x.view(), Precision::DOUBLE).unwrap();
        conformance::score_jvp(&chain, x.view(), Precision::DOUBLE).unwrap();
        conformance::parametric(&mut chain).unwrap();
        conformance::energy_pullback(&mut chain, x.view(), Precision::DOUBLE).unwrap();
        conformance::score_pullback(&mut chain, x.view(), Precision::DOUBLE).unwrap();
        conformance::score_jvp_pullback(&mut chain, x.view(), Precision::DOUBLE).unwrap();
    }
}

#[test]
fn agrees_with_fifty_digits() {
    reference::log_density_and_score("linear_gaussian_chain", |p| {
        LinearGaussianChain::new(
            p.matrix("coefficients"),
            p.vector("offsets"),
            p.vector("deviations"),
        )
        .unwrap()
    });
}

#[test]
fn has_mass_one() {
    let mass = mass_in_the_plane(&chain(2, Seed::new(63)), 20.0, 0.05);
    assert!((mass - 1.0).abs() < 1e-12, "{mass}");
}

#[test]
fn draws_have_the_moments() {
    let chain = chain(3, Seed::new(64));
    let x = chain.sample(20_000, &mut Seed::new(65).rng()) - &chain.mean();
    let covariance = chain.covariance();
    let mut tests = Vec::new();
    for i in 0..3 {
        tests.push(mean("mean", &x.column(i).to_vec(), 0.0));
        for j in 0..=i {
            let products = (&x.column(i) * &x.column(j)).to_vec();
            tests.push(mean("covariance", &products, covariance[[i, j]]));
        }
    }
    family(&tests, FALSE_ALARM).unwrap();
}

#[test]
fn the_fit_is_the_likeliest_chain() {
    let x = chain(4, Seed::new(66)).sample(200, &mut Seed::new(67).rng());
    let mut fitted = LinearGaussianChain::fit(x.view()).unwrap();
    // At the maximum the gradient of the likelihood is zero.
    let mut gradient = Array1::zeros(fitted.n_params());
    fitted.energy_pullback_into(
        x.view(),
        Array1::from_elem(200, 1.0 / 200.0).view(),
        gradient.view_mut(),
    );
    assert!(gradient.iter().all(|g| g.abs() < 1e-12), "{gradient}");
    // Its moments are those of the data.
    let centred = &x - &x.mean_axis(Axis(0)).unwrap();
    let covariance = centred.t().dot(&centred) / 200.0;
    assert!((fitted.covariance() - covariance).iter().all(|d| d.abs() < 1e-12));
    assert!(
        (fitted.mean() - x.mean_axis(Axis(0)).unwrap())
            .iter()
            .all(|d| d.abs() < 1e-13)
    );
    // And any other chain is less likely.
    let best = fitted.energy(x.view()).sum();
    let params = fitted.params();
    for k in 0..params.len() {
        for step in [-1e-3, 1e-3] {
            let mut moved = params.clone();
            moved[k] += step;
            fitted.set_params(moved.view()).unwrap();
            assert!(fitted.energy(x.view()).sum() > best);
        }
    }
}

#[test]
fn the_fit_survives_columns_that_are_nearly_dependent() {
    // The second column is the first plus 10⁻⁹ of noise: normal equations would have nothing left of it.
    let z = normals((100, 2), Seed::new(68));
    let mut x = z.clone();
    x.column_mut(1).assign(&(&z.column(0) + &(1e-9 * &z.column(1))));
    let fitted = LinearGaussianChain::fit(x.view()).unwrap();
    assert!((fitted.coefficients()[[1, 0]] - 1.0).abs() < 1e-8);
    assert!((fitted.deviations()[1] / 1e-9 - 1.0).abs() < 0.3);
}

#[test]
fn draws_are_pinned() {
    let x = chain(2, Seed::new(69)).sample(33, &mut Seed::new(70).rng());
    assert_eq!([x[[0, 0]], x[[0, 1]], x[[32, 1]]], PINNED);
}

const PINNED: [f64; 3] = [-0.2048001315979065, -1.795660366130945, -1.7045627280120885];

#[test]
fn bad_input_is_refused() {
    let new = |a: Array2<f64>, b, s| LinearGaussianChain::new(a, b, s).unwrap_err().to_string();
    let zero = || Array2::<f64>::zeros((2, 2));
    assert_eq!(
        new(zero(), array![], array![]),
        "`the dimension` is 0, but must be at least 1"
    );
    assert_eq!(
        new(zero(), array![0.0], array![1.0]),
        "`coefficients` has shape [2, 2], but must have shape [1, 1]"
    );
    assert_eq!(
        new(array![[0.0, 0.5], [0.0, 0.0]], array![0.0, 0.0], array![1.0, 1.0]),
        "`coefficients[0, 1]` is 0.5, but must be zero on and above the diagonal"
    );
    assert_eq!(
        new(zero(), array![0.0, 0.0], array![1.0, 0.0]),
        "`deviations[1]` is 0, but must be between 1e-300 and 1e300"
    );
    assert_eq!(
        new(zero(), array![f64::NAN, 0.0], array![1.0, 1.0]),
        "`offsets[0]` is NaN, but must be finite"
    );
    let mut model = chain(1, Seed::new(71));
    assert_eq!(
        model
            .set_params(array![0.0, 800.0].view())
            .unwrap_err()
            .to_string(),
        "`log_deviations[0]` is 800, but must be the logarithm of a number between 1e-300 and 1e300"
    );
    let fit = |x: Array2<f64>| LinearGaussianChain::fit(x.view()).unwrap_err().to_string();
    assert!(
        fit(array![[1.0, 2.0], [2.0, 4.0], [5.0, 10.0]]).starts_with("`the residual of column 1 of x` is ")
    );
    assert!(fit(array![[1.0], [1.0]]).starts_with("`the residual of column 0 of x` is 0, but must be"));
    assert_eq!(
        fit(array![[1.0], [f64::NAN]]),
        "`x[1, 0]` is NaN, but must be finite"
    );
    assert_eq!(
        fit(Array2::zeros((0, 2))),
        "`x` has shape [0, 2], but must have shape (at least 1, 2)"
    );
    let moments =
        LinearGaussianChain::from_moments(array![0.0, 0.0].view(), array![[1.0, 2.0], [2.0, 1.0]].view());
    assert!(moments.unwrap_err().to_string().contains("positive definite"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// Every normal is a chain, and back: against the normal of the test kit, written with a precision matrix.
    #[test]
    fn chains_are_normals(seed in 0u64..1 << 40, dim in 1usize..6) {
        let original = chain(dim, Seed::new(seed));
        let again = LinearGaussianChain::from_moments(original.mean().view(), original.covariance().view()).unwrap();
        let close = |a: Array1<f64>, b: Array1<f64>, scale: f64| {
            a.iter().zip(&b).all(|(a, b)| (a - b).abs() <= 1e-8 * scale.max(a.abs()))
        };
        prop_assert!(close(original.params(), again.params(), 1.0));
        let precision = gibbsian_linalg::Cholesky::new("covariance", original.covariance().view()).unwrap().inverse();
        let symmetric = 0.5 * (&precision + &precision.t());
        let normal = Gaussian::new(original.mean(), symmetric).unwrap();
        let x = 2.0 * normals((4, dim), Seed::new(seed).nth(1));
        prop_assert!(close(original.log_density(x.view()), normal.log_density(x.view()), 1.0));
        prop_assert!(close(original.score(x.view()).into_flat(), normal.score(x.view()).into_flat(), 1.0));
    }

    /// The chain as a multivariate normal of this crate.
    #[test]
    fn to_normal_changes_nothing(seed in 0u64..1 << 40, dim in 1usize..6) {
        let chain = chain(dim, Seed::new(seed));
        let normal = chain.to_normal().unwrap();
        let x = 2.0 * normals((4, dim), Seed::new(seed).nth(1));
        for (a, b) in chain.log_density(x.view()).iter().zip(normal.log_density(x.view())) {
            prop_assert!((a - b).abs() <= 1e-11 * (1.0 + a.abs()));
        }
        prop_assert!((chain.covariance() - normal.covariance()).iter().all(|d| d.abs() <= 1e-11));
    }

    /// A row of differences costs what it says: log p is a quadratic function with Hessian J.
    #[test]
    fn the_log_density_is_quadratic(seed in 0u64..1 << 40) {
        let chain = chain(3, Seed::new(seed));
        let x = normals((2, 3), Seed::new(seed).nth(1));
        let log_p = chain.log_density(x.view());
        let step = &x.row(1) - &x.row(0);
        let middle = (chain.score(x.view()).sum_axis(Axis(0)) / 2.0).dot(&step);
        prop_assert!((log_p[1] - log_p[0] - middle).abs() <= 1e-11 * (1.0 + log_p[0].abs() + log_p[1].abs()));
    }
}
