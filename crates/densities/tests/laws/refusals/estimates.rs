//! Data that no estimate can be made from, and weights that are none.

use gibbsian_core::error::Error;
use gibbsian_core::{Density, ExponentialFamily, Seed};
use gibbsian_densities::*;
use ndarray::{Array1, Array2, ArrayView2, array};

use crate::refusals::support::{HOSTILE, check, name_of, named, sound, verdict};

/// Data with one hostile row, weights with one hostile entry, no rows, wrong shapes, no spread.
fn family<F: ExponentialFamily>(member: &F, on_a_line: bool) {
    let name = &name_of::<F>();
    let d = member.dim();
    let x = member.sample(40, &mut Seed::new(3).rng());
    let ones = Array1::ones(40);
    sound(name, &member.fit(x.view()).unwrap());

    let message = |found: gibbsian_core::Result<F>| {
        found
            .err()
            .unwrap_or_else(|| panic!("{name} was fitted"))
            .to_string()
    };
    assert!(message(member.fit(x.slice(ndarray::s![..0, ..]))).contains("`x` has shape [0, "));
    assert!(message(member.fit(Array2::zeros((40, d + 1)).view())).contains("`x` has shape [40, "));
    assert!(
        message(member.fit_weighted(x.view(), Array1::ones(39).view())).contains("`weights` has shape [39]")
    );
    assert!(
        message(member.fit_weighted(x.view(), Array1::zeros(40).view()))
            .contains("`the sum of weights` is 0")
    );
    assert!(
        message(member.fit_weighted(x.view(), Array1::from_elem(40, f64::MAX).view()))
            .contains("`the sum of weights` is inf")
    );
    for v in HOSTILE {
        let place = format!("{name}, {v:e} in the data");
        let mut spoilt = x.clone();
        spoilt[[7, d - 1]] = v;
        match member.fit(spoilt.view()) {
            // Data of very different sizes make Wishart laws whose draws are singular to rounding.
            Ok(fitted) if name == "Wishart" => check(fitted.log_z().is_finite(), || place.clone()),
            Ok(fitted) => sound(&place, &fitted),
            Err(error) => named(&place, &error, "", v),
        }
        if !v.is_finite() {
            let message = message(member.fit(spoilt.view()));
            check(message.starts_with(&format!("`x[7, {}]` is {v}", d - 1)), || {
                format!("{place}: {message}")
            });
        }
        let place = format!("{name}, {v:e} in the weights");
        let mut weights = ones.clone();
        weights[3] = v;
        match member.fit_weighted(x.view(), weights.view()) {
            Ok(fitted) => sound(&place, &fitted),
            Err(error) => {
                // One row alone, with all of the weight, may have no likeliest member.
                let argument = if v > 1e10 { "" } else { "weights[3]" };
                named(&place, &error, argument, v);
            }
        }
    }
    // Forty copies of a row.
    if on_a_line {
        return;
    }
    let same = Array2::from_shape_fn((40, d), |(_, i)| x[[0, i]]);
    match member.fit(same.view()) {
        Ok(fitted) => check(false, || {
            format!(
                "{name} was fitted to data without spread: log Z = {}",
                fitted.log_z()
            )
        }),
        Err(error) => named(name, &error, "", f64::NAN),
    }
}

#[test]
fn families() {
    family(&Normal::new(1.0, 2.0).unwrap(), false);
    // One number decides these, and copies of a row are as good as any.
    family(&Exponential::new(2.0).unwrap(), true);
    family(&Poisson::new(3.0).unwrap(), true);
    family(&Binomial::new(9, 0.3).unwrap(), true);
    family(&Bernoulli::new(0.3).unwrap(), false);
    family(&Categorical::new(array![0.25, 0.5, 0.25]).unwrap(), false);
    family(&Gamma::new(2.0, 3.0).unwrap(), false);
    family(&Beta::new(2.0, 3.0).unwrap(), false);
    family(&Dirichlet::new(array![1.0, 2.0, 0.5]).unwrap(), false);
    family(&Wishart::new(4.0, array![[2.0, 0.5], [0.5, 1.0]]).unwrap(), false);
    family(
        &MultivariateNormal::from_covariance(array![0.5, 1.0], array![[2.0, 0.5], [0.5, 1.0]]).unwrap(),
        false,
    );
    verdict();
}

#[test]
fn chains() {
    let chain =
        LinearGaussianChain::new(array![[0.0, 0.0], [0.5, 0.0]], array![1.0, 0.0], array![1.0, 2.0]).unwrap();
    let x = chain.sample(40, &mut Seed::new(3).rng());
    for v in HOSTILE {
        let mut spoilt = x.clone();
        spoilt[[7, 1]] = v;
        match LinearGaussianChain::fit(spoilt.view()) {
            Ok(fitted) => sound(&format!("{v:e}"), &fitted),
            Err(error) => named("a chain", &error, "", v),
        }
    }
    for empty in [
        Array2::zeros((0, 2)),
        Array2::zeros((3, 0)),
        Array2::zeros((0, 0)),
    ] {
        assert!(LinearGaussianChain::fit(empty.view()).is_err());
    }
    verdict();
}

const FORMS: [CovarianceForm; 4] = [
    CovarianceForm::Full,
    CovarianceForm::Diagonal,
    CovarianceForm::Tied,
    CovarianceForm::Spherical,
];

fn estimate(k: usize, form: CovarianceForm, x: ArrayView2<f64>) -> gibbsian_core::Result<MixtureFit> {
    ExpectationMaximisation::new(k, form).fit(x, &mut Seed::new(5).rng())
}

#[test]
fn mixtures_of_hostile_data() {
    let x = MultivariateNormal::standard(2)
        .unwrap()
        .sample(60, &mut Seed::new(4).rng());
    for form in FORMS {
        for v in HOSTILE {
            let place = format!("{form:?}, {v:e} in the data");
            let mut spoilt = x.clone();
            spoilt[[7, 1]] = v;
            match estimate(2, form, spoilt.view()) {
                Ok(fit) => {
                    sound(&place, &fit.mixture);
                    check(fit.log_likelihood().is_finite() && fit.bic().is_finite(), || {
                        place.clone()
                    });
                }
                Err(Error::NonFinite { name, context, .. }) => {
                    check(!name.is_empty() && !context.is_empty(), || place.clone());
                }
                Err(error) => named(&place, &error, if v.is_finite() { "" } else { "x[7, 1]" }, v),
            }
        }
        // The same in every unit of length that leaves squares in range.
        for unit in [1e-150, 1e-30, 1e30, 1e150] {
            let fit = estimate(2, form, (&x * unit).view()).unwrap();
            sound(&format!("{form:?} in units of {unit:e}"), &fit.mixture);
        }
        for unit in [1e-200, 1e200] {
            let message = estimate(2, form, (&x * unit).view()).unwrap_err().to_string();
            assert!(
                message.starts_with("`the variance of column 0 of x` is "),
                "{message}"
            );
        }
    }
    verdict();
}

#[test]
fn mixtures_of_too_few_data() {
    let x = MultivariateNormal::standard(2)
        .unwrap()
        .sample(60, &mut Seed::new(4).rng());
    for form in FORMS {
        let message = |k: usize, x: ArrayView2<f64>| estimate(k, form, x).unwrap_err().to_string();
        assert_eq!(
            message(3, x.slice(ndarray::s![..2, ..])),
            "`the number of rows of x` is 2, but must be at least the number of components, 3"
        );
        assert!(message(1, x.slice(ndarray::s![..0, ..])).contains("`x` has shape [0, 2]"));
        assert!(message(1, x.slice(ndarray::s![.., ..0])).contains("`x` has shape [60, 0]"));
        // One row has no variance.
        assert!(message(1, x.slice(ndarray::s![..1, ..])).contains("the variance of column 0 of x"));
        // Two different rows, thirty times each.
        let pairs = Array2::from_shape_fn((60, 2), |(b, d)| x[[b % 2, d]]);
        assert_eq!(
            message(3, pairs.view()),
            "`the number of distinct rows of x` is 2, but must be at least the number of components, 3"
        );
        // As many components as points, and each falls onto its own: the bound holds them.
        let fit = estimate(2, form, pairs.view()).unwrap();
        sound("pairs", &fit.mixture);
        assert_eq!(fit.bounded_components, [0, 1], "{form:?}");
        let few = x.slice(ndarray::s![..5, ..]);
        let fit = estimate(5, form, few).unwrap();
        sound("as many components as rows", &fit.mixture);
        // One component is the sample mean and, but for the bound, its covariance.
        let fit = estimate(1, form, x.view()).unwrap();
        let mean = x.mean_axis(ndarray::Axis(0)).unwrap();
        assert!(fit.converged && fit.bounded_components.is_empty());
        assert!(
            (&fit.mixture.means().row(0) - &mean)
                .iter()
                .all(|e| e.abs() < 1e-14)
        );
        assert_eq!(fit.mixture.weights()[0], 1.0);
    }
    let settings = ExpectationMaximisation::new(2, CovarianceForm::Full);
    for v in HOSTILE {
        for (name, settings) in [
            (
                "tolerance",
                ExpectationMaximisation {
                    tolerance: v,
                    ..settings.clone()
                },
            ),
            (
                "variance_floor",
                ExpectationMaximisation {
                    variance_floor: v,
                    ..settings.clone()
                },
            ),
        ] {
            match settings.fit(x.view(), &mut Seed::new(5).rng()) {
                Ok(fit) => sound(name, &fit.mixture),
                Err(error) => named("settings", &error, name, v),
            }
        }
    }
    verdict();
}
