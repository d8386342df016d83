//! Expectation maximisation against 40-digit iterates, its own fixed-point equations, and the failures it must survive.

use gibbsian_core::{Density, Seed};
use gibbsian_densities::{CovarianceForm, Covariances, ExpectationMaximisation, GaussianMixture, MixtureFit};
use gibbsian_testkit::threads;
use ndarray::{Array1, Array2, Array3, ArrayView2, Axis, array, concatenate};
use serde::Deserialize;

const FORMS: [CovarianceForm; 4] = [
    CovarianceForm::Full,
    CovarianceForm::Diagonal,
    CovarianceForm::Tied,
    CovarianceForm::Spherical,
];

#[derive(Deserialize)]
struct Table {
    x: Vec<[f64; 2]>,
    fits: Vec<Iterates>,
}

#[derive(Deserialize)]
struct Iterates {
    form: String,
    log_likelihoods: Vec<f64>,
    weights: Vec<f64>,
    means: Vec<[f64; 2]>,
    covariances: Vec<[[f64; 2]; 2]>,
}

/// No bound, no end before `n` iterations.
fn plain(n_components: usize, form: CovarianceForm, n: usize) -> ExpectationMaximisation {
    ExpectationMaximisation {
        tolerance: 0.0,
        variance_floor: 0.0,
        max_iterations: n,
        ..ExpectationMaximisation::new(n_components, form)
    }
}

/// `Σ_k` of any form.
fn covariance(mixture: &GaussianMixture, k: usize) -> Array2<f64> {
    match mixture.covariances() {
        Covariances::Full(all) => all.index_axis(Axis(0), k).to_owned(),
        Covariances::Diagonal(all) => Array2::from_diag(&all.row(k)),
        Covariances::Tied(one) => one.clone(),
        Covariances::Spherical(all) => all[k] * Array2::eye(mixture.means().ncols()),
    }
}

#[test]
fn iterates_are_those_of_exact_arithmetic() {
    let text =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/reference/em.json")).unwrap();
    let table: Table = serde_json::from_str(&text).unwrap();
    let x = Array2::from(table.x);
    let start = GaussianMixture::new(
        array![0.5, 0.5],
        array![[2.0, 60.0], [4.0, 75.0]],
        Covariances::Spherical(array![25.0, 25.0]),
    )
    .unwrap();
    for (form, iterates) in FORMS.into_iter().zip(&table.fits) {
        assert_eq!(format!("{form:?}").to_lowercase(), iterates.form);
        let fit = plain(2, form, 4).fit_from(x.view(), &start).unwrap();
        // Four iterations amplify rounding by far less than the four digits allowed for here.
        let close = |found: f64, exact: f64, scale: f64| {
            assert!(
                (found - exact).abs() <= 1e-11 * scale,
                "{form:?}: {found} instead of {exact}"
            );
        };
        assert_eq!(fit.log_likelihoods.len(), 5);
        for (found, exact) in fit.log_likelihoods.iter().zip(&iterates.log_likelihoods) {
            close(*found, *exact, exact.abs());
        }
        for k in 0..2 {
            close(fit.mixture.weights()[k], iterates.weights[k], 1.0);
            let found = covariance(&fit.mixture, k);
            for i in 0..2 {
                close(fit.mixture.means()[[k, i]], iterates.means[k][i], 100.0);
                for j in 0..2 {
                    close(found[[i, j]], iterates.covariances[k][i][j], 100.0);
                }
            }
        }
    }
}

/// Three overlapping groups in three dimensions.
fn groups(n: usize) -> Array2<f64> {
    let truth = GaussianMixture::new(
        array![0.5, 0.3, 0.2],
        array![[0.0, 0.0, 0.0], [3.0, 1.0, -1.0], [-2.0, 3.0, 1.0]],
        Covariances::Full(
            Array3::from_shape_vec(
                (3, 3, 3),
                vec![
                    1.0, 0.4, 0.0, 0.4, 1.0, 0.2, 0.0, 0.2, 0.5, 0.6, -0.2, 0.1, -0.2, 0.8, 0.0, 0.1, 0.0,
                    1.2, 0.3, 0.0, 0.0, 0.0, 1.5, 0.6, 0.0, 0.6, 1.0,
                ],
            )
            .unwrap(),
        ),
    )
    .unwrap();
    truth.sample(n, &mut Seed::new(11).rng())
}

fn assert_rises(fit: &MixtureFit) {
    for pair in fit.log_likelihoods.windows(2) {
        // The sum over the rows rounds by some ε of its terms' size.
        assert!(
            pair[1] >= pair[0] - 1e-13 * pair[0].abs(),
            "{:?}",
            fit.log_likelihoods
        );
    }
}

#[test]
fn no_iteration_lowers_the_likelihood_also_on_the_bound() {
    let x = groups(600);
    for form in FORMS {
        for variance_floor in [1e-6, 0.3, 0.9] {
            let settings = ExpectationMaximisation {
                variance_floor,
                ..ExpectationMaximisation::new(4, form)
            };
            let fit = settings.fit(x.view(), &mut Seed::new(1).rng()).unwrap();
            assert_eq!(fit.n_relocations, 0);
            assert_rises(&fit);
            assert!(fit.converged);
            assert_eq!(
                fit.bounded_components.is_empty(),
                variance_floor < 0.1,
                "{form:?} {variance_floor}"
            );
        }
    }
}

#[test]
fn at_convergence_parameters_are_the_weighted_moments() {
    let x = groups(900);
    for form in FORMS {
        let settings = ExpectationMaximisation {
            tolerance: 1e-15,
            max_iterations: 20_000,
            ..ExpectationMaximisation::new(3, form)
        };
        let fit = settings.fit(x.view(), &mut Seed::new(2).rng()).unwrap();
        assert!(fit.converged);
        let r = fit.mixture.posterior(x.view());
        let mut pooled = Array2::<f64>::zeros((3, 3));
        for k in 0..3 {
            let weights = r.column(k);
            let mass = weights.sum();
            let mean = x.t().dot(&weights) / mass;
            let centred = &x - &mean;
            let scatter = centred.t().dot(&(&centred * &weights.insert_axis(Axis(1))));
            pooled += &scatter;
            let expected = match form {
                CovarianceForm::Full => scatter / mass,
                CovarianceForm::Diagonal => Array2::from_diag(&(scatter.diag().to_owned() / mass)),
                CovarianceForm::Spherical => Array2::eye(3) * (scatter.diag().sum() / (3.0 * mass)),
                CovarianceForm::Tied => continue,
            };
            let near = |a: &Array2<f64>, b: &Array2<f64>| a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-5);
            assert!((fit.mixture.weights()[k] - mass / 900.0).abs() < 1e-6);
            assert!(
                fit.mixture
                    .means()
                    .row(k)
                    .iter()
                    .zip(&mean)
                    .all(|(a, b)| (a - b).abs() < 1e-5)
            );
            assert!(near(&covariance(&fit.mixture, k), &expected), "{form:?}");
        }
        if form == CovarianceForm::Tied {
            let found = covariance(&fit.mixture, 0);
            assert!(
                found
                    .iter()
                    .zip(&(pooled / 900.0))
                    .all(|(a, b)| (a - b).abs() < 1e-5)
            );
        }
    }
}

#[test]
fn the_information_criterion_finds_the_number_of_components() {
    let x = groups(1500);
    let bic = |k: usize| {
        let settings = ExpectationMaximisation {
            n_starts: 4,
            ..ExpectationMaximisation::new(k, CovarianceForm::Full)
        };
        settings.fit(x.view(), &mut Seed::new(3).rng()).unwrap().bic()
    };
    let scores: Vec<f64> = (1..=5).map(bic).collect();
    let best = (0..5).min_by(|&a, &b| scores[a].total_cmp(&scores[b])).unwrap();
    assert_eq!(best + 1, 3, "{scores:?}");
}

#[test]
fn criteria_count_free_parameters() {
    assert_eq!(
        FORMS.map(|form| form.n_parameters(3, 4)),
        [2 + 12 + 30, 2 + 12 + 12, 2 + 12 + 10, 2 + 12 + 3]
    );
    let x = groups(200);
    let fit = ExpectationMaximisation::new(1, CovarianceForm::Full)
        .fit(x.view(), &mut Seed::new(1).rng())
        .unwrap();
    let exact: f64 = fit.mixture.log_density(x.view()).sum();
    assert!((fit.log_likelihood() - exact).abs() < 1e-9);
    assert!((fit.bic() - (-2.0 * exact + 9.0 * 200f64.ln())).abs() < 1e-8);
    assert!((fit.aic() - (-2.0 * exact + 18.0)).abs() < 1e-8);
}

#[test]
fn fits_have_the_same_bits_on_any_number_of_threads() {
    let x = groups(5000);
    threads::same_on_any_number("estimates of a mixture", || {
        let settings = ExpectationMaximisation {
            max_iterations: 5,
            ..ExpectationMaximisation::new(3, CovarianceForm::Full)
        };
        let fit = settings.fit(x.view(), &mut Seed::new(4).rng()).unwrap();
        concatenate![
            Axis(0),
            fit.mixture.means().flatten().view(),
            Array1::from(fit.log_likelihoods).view()
        ]
    })
    .unwrap();
}

#[test]
fn a_component_that_falls_onto_repeated_points_stays_on_the_bound() {
    let mut x = groups(300);
    // A third of the rows coincide, as measurements with few digits do.
    for mut row in x.rows_mut().into_iter().take(100) {
        row.assign(&array![8.0, 8.0, 8.0]);
    }
    for form in FORMS {
        let fit = ExpectationMaximisation::new(3, form)
            .fit(x.view(), &mut Seed::new(5).rng())
            .unwrap();
        assert!(fit.log_likelihood().is_finite());
        assert_eq!(
            fit.bounded_components.is_empty(),
            form == CovarianceForm::Tied,
            "{form:?}"
        );
        let error = plain(3, form, 50).fit(x.view(), &mut Seed::new(5).rng());
        if form == CovarianceForm::Full {
            let message = error.unwrap_err().to_string();
            assert!(
                message.contains("covariances[") && message.contains("pivot"),
                "{message}"
            );
        }
    }
}

#[test]
fn a_component_without_points_is_put_where_the_model_is_worst() {
    let mut x = groups(200);
    x.row_mut(17).assign(&array![30.0, -30.0, 30.0]);
    let lost = GaussianMixture::new(
        array![0.5, 0.5],
        array![[0.0, 0.0, 0.0], [1e6, 1e6, 1e6]],
        Covariances::Spherical(array![4.0, 1.0]),
    )
    .unwrap();
    let settings = ExpectationMaximisation::new(2, CovarianceForm::Spherical);
    let fit = settings.fit_from(x.view(), &lost).unwrap();
    assert!(fit.n_relocations >= 1);
    assert!(
        fit.mixture.weights().iter().all(|&w| w > 1e-3),
        "{:?}",
        fit.mixture.weights()
    );
    assert!(fit.converged);
    // One iteration takes it to the outlier itself.
    let once = ExpectationMaximisation {
        max_iterations: 1,
        ..settings.clone()
    };
    let moved = once.fit_from(x.view(), &lost).unwrap();
    assert_eq!(moved.mixture.means().row(1), x.row(17));
    let without = ExpectationMaximisation::new(1, CovarianceForm::Spherical);
    let single = without.fit(x.view(), &mut Seed::new(1).rng()).unwrap();
    assert!(fit.log_likelihood() > single.log_likelihood());
}

#[test]
fn several_starts_are_no_worse_than_one_and_depend_on_the_seed_alone() {
    let x = groups(400);
    let settings = |n_starts| ExpectationMaximisation {
        n_starts,
        ..ExpectationMaximisation::new(5, CovarianceForm::Full)
    };
    let fit = |n_starts| settings(n_starts).fit(x.view(), &mut Seed::new(6).rng()).unwrap();
    let (one, many, again) = (fit(1), fit(6), fit(6));
    assert!(many.log_likelihood() >= one.log_likelihood());
    assert_eq!(many.log_likelihoods, again.log_likelihoods);
}

#[test]
fn what_cannot_be_fitted_is_refused_by_name() {
    let x = groups(50);
    let settings = ExpectationMaximisation::new(2, CovarianceForm::Full);
    let refusal = |settings: &ExpectationMaximisation, x: ArrayView2<f64>| {
        settings.fit(x, &mut Seed::new(1).rng()).unwrap_err().to_string()
    };
    let mut bad = x.clone();
    bad[[3, 1]] = f64::NAN;
    assert_eq!(
        refusal(&settings, bad.view()),
        "`x[3, 1]` is NaN, but must be finite"
    );
    let mut constant = x.clone();
    constant.column_mut(2).fill(5.0);
    assert_eq!(
        refusal(&settings, constant.view()),
        "`the variance of column 2 of x` is 0, but must be finite and greater than zero: a constant coordinate has no density"
    );
    assert!(refusal(&settings, x.slice(ndarray::s![..0, ..])).contains("at least 1"));
    assert!(refusal(&settings, x.slice(ndarray::s![..1, ..])).contains("number of rows"));
    for (wrong, name) in [
        (
            ExpectationMaximisation {
                n_components: 0,
                ..settings.clone()
            },
            "n_components",
        ),
        (
            ExpectationMaximisation {
                n_starts: 0,
                ..settings.clone()
            },
            "n_starts",
        ),
        (
            ExpectationMaximisation {
                max_iterations: 0,
                ..settings.clone()
            },
            "max_iterations",
        ),
        (
            ExpectationMaximisation {
                tolerance: f64::NAN,
                ..settings.clone()
            },
            "tolerance",
        ),
        (
            ExpectationMaximisation {
                variance_floor: -1.0,
                ..settings.clone()
            },
            "variance_floor",
        ),
    ] {
        assert!(refusal(&wrong, x.view()).starts_with(&format!("`{name}`")));
    }
    let start = GaussianMixture::new(
        array![1.0],
        array![[0.0, 0.0]],
        Covariances::Spherical(array![1.0]),
    )
    .unwrap();
    assert!(
        settings
            .fit_from(x.view(), &start)
            .unwrap_err()
            .to_string()
            .contains("the number of components of start")
    );
    let one = ExpectationMaximisation::new(1, CovarianceForm::Full);
    assert!(
        one.fit_from(x.view(), &start)
            .unwrap_err()
            .to_string()
            .contains("x")
    );
}
