//! Laws of mixtures observed in noise of any covariance.

use crate::common::mixtures::shapes;
use gibbsian_core::process::VarianceExploding;
use gibbsian_core::{Density, Seed};
use gibbsian_densities::{Covariances, GaussianMixture, MultivariateNormal, NoisedMixture};
use gibbsian_testkit::agreement::{Agreement, close};
use gibbsian_testkit::stats::{FALSE_ALARM, mean};
use gibbsian_testkit::verdict::Verdict;
use ndarray::{Array1, Array2, Axis, array};

/// Full, of lower rank, diagonal, a multiple of the identity, and none.
fn noises(dim: usize) -> Vec<(&'static str, Array2<f64>)> {
    let root = Array2::from_shape_fn((dim, dim), |(i, j)| ((2 * i + 3 * j) % 5) as f64 / 3.0 - 0.5);
    let one = root.slice(ndarray::s![.., ..1]);
    vec![
        ("full", root.dot(&root.t()) + 0.1 * Array2::<f64>::eye(dim)),
        ("of rank one", one.dot(&one.t())),
        (
            "diagonal",
            Array2::from_diag(&Array1::from_shape_fn(dim, |i| 0.2 + i as f64)),
        ),
        ("spherical", 0.7 * Array2::<f64>::eye(dim)),
        ("nothing", Array2::zeros((dim, dim))),
    ]
}

/// Every shape in every noise.
fn each(check: impl Fn(&GaussianMixture, &Array2<f64>) -> Verdict) -> Verdict {
    for (shape, mixture) in shapes() {
        for (name, noise) in noises(mixture.means().ncols()) {
            check(&mixture, &noise).map_err(|f| f.within(format_args!("{shape} in noise: {name}")))?;
        }
    }
    Ok(())
}

/// How far two routes of the same arithmetic may differ, relative to the largest number.
const AGREEMENT: f64 = 1024.0 * f64::EPSILON;

#[test]
fn posterior_means_are_tweedies() -> Verdict {
    each(|mixture, noise| {
        let seen = mixture.in_noise(noise.view()).unwrap();
        let x = seen.noisy().sample(40, &mut Seed::new(1).rng());
        close(
            "mean",
            &seen.denoise(x.view()),
            &seen.tweedie(x.view()),
            AGREEMENT,
        )?;
        let covariance = seen.posterior_covariance(x.view());
        let hessian = seen.noisy().hessian(x.view());
        for (b, hessian) in hessian.outer_iter().enumerate() {
            let second = noise + &noise.dot(&hessian).dot(noise);
            let mut agreement = Agreement::new("covariance");
            for (index, &found) in covariance.index_axis(Axis(0), b).indexed_iter() {
                let size = 1.0
                    + noise.iter().fold(0.0, |a: f64, b| a.max(b.abs())).powi(2)
                        * hessian.mapv(f64::abs).sum();
                agreement.entry(
                    || format!("{index:?} of row {b}"),
                    found,
                    second[index],
                    AGREEMENT * size,
                );
            }
            agreement.verdict()?;
        }
        Ok(())
    })
}

#[test]
fn the_posterior_obeys_bayes() -> Verdict {
    for (shape, mixture) in shapes() {
        let noise = &noises(mixture.means().ncols())[0].1;
        let seen = mixture.in_noise(noise.view()).unwrap();
        let x = seen.noisy().sample(5, &mut Seed::new(2).rng());
        for x in x.rows() {
            let posterior = seen.posterior(x).unwrap();
            let rows = x.insert_axis(Axis(0));
            close("mean", &posterior.mean(), &seen.denoise(rows).row(0), AGREEMENT)?;
            let covariance = seen.posterior_covariance(rows);
            close(
                "covariance",
                &posterior.covariance(),
                &covariance.index_axis(Axis(0), 0),
                AGREEMENT,
            )?;
            let clean = posterior.sample(20, &mut Seed::new(3).rng());
            let found = posterior.log_density(clean.view());
            let expected: Array1<f64> = mixture.log_density(clean.view()) - seen.noisy().log_density(rows)[0]
                + clean
                    .rows()
                    .into_iter()
                    .map(|clean| {
                        let normal =
                            MultivariateNormal::from_covariance(clean.to_owned(), noise.clone()).unwrap();
                        normal.log_density(rows)[0]
                    })
                    .collect::<Array1<f64>>();
            close("Bayes", &found, &expected, AGREEMENT).map_err(|f| f.within(shape))?;
        }
    }
    Ok(())
}

#[test]
fn isotropic_noise_is_the_variance_exploding_process() -> Verdict {
    let process = VarianceExploding::new(0.1, 3.0).unwrap();
    for (shape, mixture) in shapes() {
        let noised = NoisedMixture::new(mixture.clone(), process).unwrap();
        let t = 0.6;
        let variance = gibbsian_core::LinearGaussian::variance(&process, t);
        let seen = mixture
            .in_noise((variance * Array2::<f64>::eye(mixture.means().ncols())).view())
            .unwrap();
        let x = seen.noisy().sample(20, &mut Seed::new(1).rng());
        let times = Array1::from_elem(20, t);
        let expected = noised.log_density_at(x.view(), times.view());
        close(
            "density",
            &seen.noisy().log_density(x.view()),
            &expected,
            AGREEMENT,
        )
        .map_err(|f| f.within(shape))?;
        let expected = noised.denoise(x.view(), times.view());
        close("denoised", &seen.denoise(x.view()), &expected, AGREEMENT).map_err(|f| f.within(shape))?;
        let expected = noised.posterior_covariance(x.view(), times.view());
        let found = seen.posterior_covariance(x.view());
        close("covariance", &found, &expected, AGREEMENT).map_err(|f| f.within(shape))?;
    }
    Ok(())
}

#[test]
fn the_error_is_what_the_posterior_covariance_says() -> Verdict {
    let (_, mixture) = shapes().remove(0);
    let noise = &noises(3)[0].1;
    let seen = mixture.in_noise(noise.view()).unwrap();
    let n = 20_000;
    let clean = mixture.sample(n, &mut Seed::new(5).child("clean").rng());
    let normal = MultivariateNormal::from_covariance(Array1::zeros(3), noise.clone()).unwrap();
    let noisy = &clean + &normal.sample(n, &mut Seed::new(5).child("noise").rng());
    let error = &clean - &seen.denoise(noisy.view());
    let covariance = seen.posterior_covariance(noisy.view());
    let excess: Vec<f64> = (0..n)
        .map(|b| error.row(b).dot(&error.row(b)) - covariance.index_axis(Axis(0), b).diag().sum())
        .collect();
    mean("squared error", &excess, 0.0).verdict(FALSE_ALARM)
}

#[test]
fn covariances_keep_their_shape_where_the_noise_has_it() {
    let shape = |mixture: &GaussianMixture| match mixture.covariances() {
        Covariances::Full(_) => "full",
        Covariances::Diagonal(_) => "diagonal",
        Covariances::Tied(_) => "tied",
        Covariances::Spherical(_) => "spherical",
    };
    for (name, mixture) in shapes().into_iter().take(4) {
        for (noise_name, noise) in noises(3) {
            let expected = match (name, noise_name) {
                ("diagonal", "full" | "of rank one") => "full",
                ("spherical", "full" | "of rank one" | "diagonal") => "full",
                _ => name,
            };
            assert_eq!(
                shape(&mixture.convolved(noise.view()).unwrap()),
                expected,
                "{name} and {noise_name}"
            );
        }
    }
}

#[test]
fn what_is_no_covariance_is_refused() {
    let (_, mixture) = shapes().remove(0);
    let refused = |noise: Array2<f64>| mixture.in_noise(noise.view()).unwrap_err().to_string();
    assert!(refused(Array2::eye(2)).contains("covariance"));
    assert!(refused(array![[1.0, 0.5, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]).contains("symmetric"));
    let message = refused(Array2::from_diag(&array![1.0, -0.5, 1.0]));
    assert!(
        message.contains("least eigenvalue") && message.contains("-0.5"),
        "{message}"
    );
    assert!(refused(Array2::from_diag(&array![1.0, f64::NAN, 1.0])).contains("covariance"));

    // Without noise the clean point is known, and known points have no density.
    let seen = mixture.in_noise(Array2::zeros((3, 3)).view()).unwrap();
    assert!(seen.posterior(array![0.0, 0.0, 0.0].view()).is_err());
    assert!(seen.posterior(array![0.0, 0.0].view()).is_err());
}
