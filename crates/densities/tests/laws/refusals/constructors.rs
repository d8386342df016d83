//! Every argument of every constructor.

use gibbsian_core::Seed;
use gibbsian_densities::*;
use ndarray::{Array1, Array2, Array3, array};

use crate::refusals::support::{HOSTILE, check, feed, named, sound, verdict};

#[test]
fn families_on_one_number() {
    feed("mean", |v| Normal::new(v, 1.0));
    feed("deviation", |v| Normal::new(1.0, v));
    feed("rate", Exponential::new);
    feed("shape", |v| Gamma::new(v, 2.0));
    feed("rate", |v| Gamma::new(0.5, v));
    feed("rate", |v| Gamma::new(1e200, v));
    feed("alpha", |v| Beta::new(v, 2.0));
    feed("beta", |v| Beta::new(0.5, v));
    feed("rate", Poisson::new);
    feed("probability", |v| Binomial::new(12, v));
    feed("probability", Bernoulli::new);
    feed("logit", Bernoulli::from_logit);
    feed("probabilities", |v| Categorical::new(array![0.25, v, 0.75]));
    feed("logits", |v| Categorical::from_logits(array![0.0, v, 1.0]));
    for trials in [0, (1 << 53) + 1, u64::MAX] {
        let error = Binomial::new(trials, 0.5).unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with(&format!("`trials` is {trials}, but")),
            "{error}"
        );
    }
    verdict();
}

#[test]
fn families_on_several() {
    feed("concentrations", |v| Dirichlet::new(array![2.0, v, 0.5]));
    feed("degrees_of_freedom", |v| {
        Wishart::new(v, array![[2.0, 0.5], [0.5, 1.0]])
    });
    feed("scale", |v| Wishart::new(3.0, array![[2.0, 0.0], [0.0, v]]));
    feed("scale", |v| Wishart::new(3.0, array![[2.0, v], [v, 1.0]]));
    verdict();
}

#[test]
fn multivariate_normals() {
    let two = || array![0.5, -1.0];
    feed("mean", |v| {
        MultivariateNormal::from_covariance(array![v, 0.0], Array2::eye(2))
    });
    feed("covariance", |v| {
        MultivariateNormal::from_covariance(two(), array![[v, 0.0], [0.0, 1.0]])
    });
    feed("covariance", |v| {
        MultivariateNormal::from_covariance(two(), array![[1.0, v], [v, 1.0]])
    });
    feed("mean", |v| {
        MultivariateNormal::from_precision(array![0.0, v], Array2::eye(2))
    });
    feed("precision", |v| {
        MultivariateNormal::from_precision(two(), array![[1.0, 0.0], [0.0, v]])
    });
    feed("precision", |v| {
        MultivariateNormal::from_precision(two(), array![[1.0, v], [v, 1.0]])
    });
    feed("mean", |v| {
        MultivariateNormal::from_cholesky(array![0.0, v], Array2::eye(2))
    });
    feed("lower", |v| {
        MultivariateNormal::from_cholesky(two(), array![[1.0, 0.0], [0.5, v]])
    });
    feed("lower", |v| {
        MultivariateNormal::from_cholesky(two(), array![[1.0, 0.0], [v, 1.0]])
    });
    feed("variance", |v| MultivariateNormal::isotropic(two(), v));
    feed("mean", |v| MultivariateNormal::isotropic(array![v], 1.0));
    feed("variances", |v| {
        MultivariateNormal::diagonal(two(), array![1.0, v])
    });
    feed("mean", |v| {
        MultivariateNormal::diagonal(array![v, 1.0], two().mapv(f64::abs))
    });
    let standard = MultivariateNormal::standard(2).unwrap();
    feed("beta", |v| Ok(standard.power(v)?.0));
    feed("", |v| {
        // Powers that are not positive may be fine beside the first.
        let power = if v.is_finite() && v <= 0.0 { 1.0 } else { v };
        Ok(MultivariateNormal::product(&[(&standard, 1.0), (&standard, power)])?.0)
    });
    verdict();
}

#[test]
fn mixtures() {
    let means = array![[0.0, 1.0], [2.0, -1.0]];
    let weights = array![0.5, 0.5];
    let spherical = || Covariances::Spherical(array![1.0, 0.5]);
    feed("weights", |v| {
        GaussianMixture::new(array![0.5, v], means.clone(), spherical())
    });
    feed("means", |v| {
        GaussianMixture::new(weights.clone(), array![[0.0, v], [1.0, 2.0]], spherical())
    });
    let with = |covariances| GaussianMixture::new(weights.clone(), means.clone(), covariances);
    feed("covariances", |v| with(Covariances::Spherical(array![1.0, v])));
    feed("covariances", |v| {
        with(Covariances::Diagonal(array![[1.0, v], [1.0, 1.0]]))
    });
    feed("covariances", |v| {
        with(Covariances::Tied(array![[v, 0.0], [0.0, 1.0]]))
    });
    feed("covariances", |v| {
        with(Covariances::Tied(array![[1.0, v], [v, 1.0]]))
    });
    feed("covariances", |v| {
        let mut full = Array3::zeros((2, 2, 2));
        full.index_axis_mut(ndarray::Axis(0), 0)
            .assign(&Array2::<f64>::eye(2));
        full.index_axis_mut(ndarray::Axis(0), 1)
            .assign(&array![[v, 0.0], [0.0, 1.0]]);
        with(Covariances::Full(full))
    });
    let normal = || Normal::standard();
    feed("weights", |v| {
        Mixture::new(array![v, 0.75], vec![normal(), normal()])
    });
    verdict();
}

#[test]
fn combinations() {
    let standard = MultivariateNormal::standard(2).unwrap();
    feed("matrix", |v| {
        Affine::new(&standard, array![[v, 0.0], [0.3, 1.0]], array![0.0, 0.0])
    });
    feed("matrix", |v| {
        Affine::new(&standard, array![[1.0, v], [0.0, 1.0]], array![0.0, 0.0])
    });
    feed("offset", |v| {
        Affine::new(&standard, Array2::eye(2), array![v, 0.0])
    });
    let (zeros, ones) = (Array1::zeros(2), Array1::ones(2));
    feed("coefficients", |v| {
        LinearGaussianChain::new(array![[0.0, 0.0], [v, 0.0]], zeros.clone(), ones.clone())
    });
    feed("offsets", |v| {
        LinearGaussianChain::new(Array2::zeros((2, 2)), array![0.0, v], ones.clone())
    });
    feed("deviations", |v| {
        LinearGaussianChain::new(Array2::zeros((2, 2)), zeros.clone(), array![1.0, v])
    });
    feed("covariance", |v| {
        LinearGaussianChain::from_moments(zeros.view(), array![[1.0, 0.0], [0.0, v]].view())
    });
    let weights = || array![[0.5], [-0.5]];
    feed("input_weights", |v| {
        Nade::new(array![[v], [0.2]], weights(), zeros.clone(), array![0.0])
    });
    feed("output_weights", |v| {
        Nade::new(weights(), array![[0.2], [v]], zeros.clone(), array![0.0])
    });
    feed("visible_bias", |v| {
        Nade::new(weights(), weights(), array![0.0, v], array![0.0])
    });
    feed("hidden_bias", |v| {
        Nade::new(weights(), weights(), zeros.clone(), array![v])
    });
    feed("", |v| Nade::random(3, 2, v, Seed::new(1)));
    feed("largest_log_scale", |v| {
        let options = CouplingOptions {
            largest_log_scale: v,
            ..CouplingOptions::default()
        };
        CouplingFlow::new(&standard, options, Seed::new(1))
    });
    feed("beta", |v| Tempered::new(Bernoulli::new(0.3).unwrap(), v));
    feed("beta", |v| Normal::new(1.0, 2.0)?.tempered(v));
    feed("beta", |v| Gamma::new(2.0, 2.0)?.tempered(v));
    feed("beta", |v| Beta::new(2.0, 3.0)?.tempered(v));
    verdict();
}

#[test]
fn quadratic_energies() {
    for v in HOSTILE {
        let energies = [
            (
                "matrix",
                QuadraticEnergy::new(array![[v, 0.0], [0.0, 1.0]], array![0.0, 1.0], 0.0),
            ),
            (
                "linear",
                QuadraticEnergy::new(Array2::eye(2), array![v, 0.0], 0.0),
            ),
            (
                "constant",
                QuadraticEnergy::new(Array2::eye(2), array![1.0, 0.0], v),
            ),
        ];
        for (name, energy) in energies {
            match energy.and_then(|energy| energy.complete_the_square()) {
                Ok((normal, log_integral)) => {
                    sound(name, &normal);
                    check(log_integral.is_finite(), || {
                        format!("{name} {v:e}: {log_integral}")
                    });
                }
                Err(error) => named("a quadratic energy", &error, "", v),
            }
        }
    }
    verdict();
}

#[test]
fn quadratures() {
    use gibbsian_densities::quadrature::{Domain, Interval, QuadratureOptions, integrate_line};
    let few = QuadratureOptions {
        max_evaluations: 10_000,
        ..QuadratureOptions::default()
    };
    let unit = Interval::closed(0.0, 1.0).unwrap();
    for v in HOSTILE {
        for (name, settings) in [
            ("absolute", QuadratureOptions { absolute: v, ..few }),
            ("relative", QuadratureOptions { relative: v, ..few }),
        ] {
            let refused = v < 0.0 || !v.is_finite();
            match integrate_line(|x| x, unit, settings) {
                Ok(integral) => check(!refused && (integral.value - 0.5).abs() <= integral.error, || {
                    format!("{name} {v:e}: {integral:?}")
                }),
                // A tolerance that cannot be met is called by another name.
                Err(error) => named(
                    &format!("{name} {v:e}"),
                    &error,
                    if refused { name } else { "" },
                    v,
                ),
            }
        }
        let intervals = [
            ("lower", Interval::closed(v, 1.0)),
            ("upper", Interval::closed(-1.0, v)),
            ("lower", Interval::open(v, 1.0)),
            ("upper", Interval::open(-1.0, v)),
            ("lower", Interval::above(v)),
            ("upper", Interval::below(v)),
            ("centre", Interval::line_around(v, 1.0)),
            ("scale", Interval::line_around(0.0, v)),
        ];
        for (name, interval) in intervals {
            let place = format!("{name} {v:e}");
            match interval {
                // The integral over it is found or not, but nothing breaks.
                Ok(interval) => match integrate_line(|x| (-x * x).exp(), interval, few) {
                    Ok(integral) => check(
                        v.is_finite() && integral.value.is_finite() && integral.error.is_finite(),
                        || format!("{place}: {integral:?}"),
                    ),
                    Err(error) => named(&place, &error, "", v),
                },
                // Bounds in the wrong order are said of the upper one.
                Err(error) if v.is_finite() && name == "lower" => named(&place, &error, "upper", 1.0),
                Err(error) => named(&place, &error, name, v),
            }
        }
        let line = || Domain::whole(1).unwrap();
        for (name, domain) in [
            ("width", line().with_peak(&[0.0], v)),
            ("at[0]", line().with_peak(&[v], 1.0)),
        ] {
            match domain {
                Ok(_) => check(v.is_finite(), || format!("{name} {v:e} was taken")),
                Err(error) => named(&format!("{name} {v:e}"), &error, name, v),
            }
        }
    }
    verdict();
}
