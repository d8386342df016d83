//! Densities, scores and their derivatives at every time.

use crate::common::mixtures::shapes;
use gibbsian_core::process::{OrnsteinUhlenbeck, VariancePreserving};
use gibbsian_core::{At, Density, Energy, LinearGaussian, Score, ScoreJvp, Seed, Space, TimeScoreJvp};
use gibbsian_densities::{Covariances, GaussianMixture, NoisedMixture};
use gibbsian_testkit::agreement::{Agreement, close, identical, largest};
use gibbsian_testkit::conformance;
use gibbsian_testkit::differences::{Precision, derivative};
use gibbsian_testkit::verdict::{Failure, Verdict, require};
use ndarray::{Array1, Array2, Array3, ArrayView1, ArrayView2, Axis, array, aview1, s};

use crate::noised::{each, processes, rounding};

#[test]
fn scores_at_a_time_keep_their_promises() -> Verdict {
    for (process_name, process) in processes() {
        for (shape, mixture) in shapes() {
            let noised = NoisedMixture::new(mixture, process.as_ref()).unwrap();
            for late in [1e-6, 1e-3, 0.1, 0.4, 0.7, 1.0] {
                // One step of the differences has to fit all rows, so their times are different but near.
                let t = array![late, 0.9 * late, 0.95 * late] * process.horizon();
                let x = noised
                    .sample_joint(t.view(), &mut Seed::new(11).child(shape).rng())
                    .1;
                let within = |f: Failure| f.within(format_args!("{shape} under {process_name} at {t}"));
                let precision = Precision::DOUBLE.with_step(0.05);
                conformance::time_score(&noised, x.view(), t.view(), precision).map_err(within)?;
                conformance::time_score_jvp(&noised, x.view(), t.view(), precision).map_err(within)?;
                conformance::time_energy(&noised, x.view(), t.view(), precision).map_err(within)?;
                conformance::time_potential(&noised, x.view(), t.view(), precision).map_err(within)?;
            }
        }
    }
    Ok(())
}

#[test]
fn a_frozen_time_has_the_divergence_of_the_model() -> Verdict {
    /// The mixture without its own divergence.
    struct Plain<'a>(&'a NoisedMixture<&'a dyn LinearGaussian>);
    impl Space for Plain<'_> {
        fn dim(&self) -> usize {
            self.0.dim()
        }
    }
    impl gibbsian_core::TimeScore for Plain<'_> {
        fn score_at_into(&self, x: ArrayView2<f64>, t: ArrayView1<f64>, out: ndarray::ArrayViewMut2<f64>) {
            self.0.score_at_into(x, t, out);
        }
    }
    impl TimeScoreJvp for Plain<'_> {
        fn score_jvp_at_into(
            &self,
            x: ArrayView2<f64>,
            t: ArrayView1<f64>,
            v: ArrayView2<f64>,
            score: ndarray::ArrayViewMut2<f64>,
            jvp: ndarray::ArrayViewMut2<f64>,
        ) {
            self.0.score_jvp_at_into(x, t, v, score, jvp);
        }
    }
    each(|noised, x, t| {
        let closed = noised.divergence_at(x, t);
        identical("At", &At::new(noised, t).divergence(x), &closed)?;
        let by_products = At::new(&Plain(noised), t).divergence(x);
        let mut agreement = Agreement::new("the divergence is the trace");
        for b in 0..x.nrows() {
            // Each component's trace is at most D over its least variance, and so is what it is compared with.
            let hessian = noised.hessian_at(x.slice(s![b..=b, ..]), t.slice(s![b..=b]));
            let scale =
                largest(&hessian) * x.ncols() as f64 + noised.score_at(x, t).row(b).mapv(|s| s * s).sum();
            agreement.entry(|| format!("row {b}"), by_products[b], closed[b], rounding(scale));
        }
        agreement.verdict()
    })
}

#[test]
fn the_marginal_is_the_same_mixture() -> Verdict {
    each(|noised, x, t| {
        let log_density = noised.log_density_at(x, t);
        let (score, divergence) = (noised.score_at(x, t), noised.divergence_at(x, t));
        let (hessian, posterior) = (noised.hessian_at(x, t), noised.component_posterior(x, t));
        for (b, &t) in t.indexed_iter() {
            let marginal = noised.marginal(t).unwrap();
            let row = x.slice(s![b..=b, ..]);
            let same = |what: &str, found: Array1<f64>, expected: Array1<f64>| {
                close(what, &found, &expected, 8.0 * Precision::DOUBLE.agreement())
            };
            same("log-density", array![log_density[b]], marginal.log_density(row))?;
            same(
                "score",
                score.row(b).to_owned(),
                marginal.score(row).row(0).to_owned(),
            )?;
            same("divergence", array![divergence[b]], marginal.divergence(row))?;
            same(
                "posterior",
                posterior.row(b).to_owned(),
                marginal.posterior(row).row(0).to_owned(),
            )?;
            close(
                "Hessian",
                &hessian.index_axis(Axis(0), b),
                &marginal.hessian_at(row.row(0)),
                8.0 * Precision::DOUBLE.agreement(),
            )?;
        }
        Ok(())
    })
}

#[test]
fn data_come_first() -> Verdict {
    for (process_name, process) in processes() {
        for (shape, mixture) in shapes() {
            let noised = NoisedMixture::new(mixture.clone(), process.as_ref()).unwrap();
            let x = mixture.sample(7, &mut Seed::new(5).rng());
            let t = Array1::zeros(7);
            let within = |f: Failure| f.within(format_args!("{shape}, {process_name}"));
            let agreement = Precision::DOUBLE.agreement();
            let found = noised.log_density_at(x.view(), t.view());
            close("log-density", &found, &mixture.log_density(x.view()), agreement).map_err(within)?;
            let found = noised.score_at(x.view(), t.view());
            close("score", &found, &mixture.score(x.view()), agreement).map_err(within)?;
            // A point without noise is known.
            close("denoised", &noised.denoise(x.view(), t.view()), &x, agreement).map_err(within)?;
            let unsure = noised.posterior_covariance(x.view(), t.view());
            require(
                largest(&unsure) <= rounding(1.0).powi(2),
                "no doubt is left",
                format_args!("{unsure}"),
            )
            .map_err(within)?;
            identical(
                "energy",
                &noised.marginal(0.0).unwrap().energy(x.view()),
                &mixture.energy(x.view()),
            )
            .map_err(within)?;
        }
    }
    Ok(())
}

/// `∂_t p = −∇·(f x p) + ½ g² Δp`, divided by `p`: `∂_t log p = −f (D + x·s) + ½ g² (tr J + |s|²)`.
#[test]
fn densities_obey_the_fokker_planck_equation() -> Verdict {
    each(|noised, x, t| {
        let process = noised.process();
        let (score, divergence) = (noised.score_at(x, t), noised.divergence_at(x, t));
        let mut agreement = Agreement::new("Fokker and Planck");
        for (b, &t) in t.indexed_iter() {
            if t == process.horizon() {
                continue;
            }
            let reach = 0.5 * t.min(process.horizon() - t);
            let row = x.slice(s![b..=b, ..]);
            let mut along = |h: f64| Ok(noised.log_density_at(row, aview1(&[t + reach * h])));
            // The time itself is rounded, to ε t.
            let slope = derivative(&mut along, 0.0, Precision::DOUBLE)?[0];
            let (f, g_squared) = (process.drift_rate(t), process.diffusion_squared(t));
            let s = score.row(b);
            let (outward, steep) = (row.row(0).dot(&s), s.dot(&s));
            let found = -f * (x.ncols() as f64 + outward) + 0.5 * g_squared * (divergence[b] + steep);
            let size = f.abs() * (x.ncols() as f64 + outward.abs())
                + 0.5 * g_squared * (divergence[b].abs() + steep);
            let tolerance = rounding(size) + 8.0 * slope.error() / reach;
            agreement.entry(|| format!("t = {t}"), found, slope.value / reach, tolerance);
        }
        agreement.verdict()
    })
}

#[test]
fn a_row_keeps_its_bits_whatever_the_times_of_the_others() -> Verdict {
    each(|noised, x, t| {
        let all = noised.denoise(x, t);
        for b in 0..x.nrows() {
            let same_time = Array1::from_elem(x.nrows(), t[b]);
            let again = noised.denoise(x, same_time.view());
            identical("one time or many", &again.row(b), &all.row(b))?;
            let again = noised.score_at(x, same_time.view());
            identical("one time or many", &again.row(b), &noised.score_at(x, t).row(b))?;
        }
        Ok(())
    })
}

#[test]
fn hessians_are_symmetric_and_multiply_like_the_products() -> Verdict {
    each(|noised, x, t| {
        let hessian = noised.hessian_at(x, t);
        identical("symmetry", &hessian.view().permuted_axes([0, 2, 1]), &hessian)?;
        let covariance = noised.posterior_covariance(x, t);
        identical(
            "symmetry",
            &covariance.view().permuted_axes([0, 2, 1]),
            &covariance,
        )?;
        let v = Array2::from_shape_fn(x.dim(), |(b, i)| (1.3 * b as f64 + i as f64).sin());
        let (mut score, mut jvp) = (Array2::zeros(x.dim()), Array2::zeros(x.dim()));
        noised.score_jvp_at_into(x, t, v.view(), score.view_mut(), jvp.view_mut());
        for b in 0..x.nrows() {
            let matrix = hessian.index_axis(Axis(0), b);
            let scale = largest(&matrix) * x.ncols() as f64;
            let product = matrix.dot(&v.row(b));
            let relative = rounding(scale) / largest(&product);
            close("J v", &jvp.row(b), &product, relative)?;
        }
        Ok(())
    })
}

#[test]
fn shapes_of_covariance_that_say_the_same_agree() -> Verdict {
    let weights = array![0.3, 0.7];
    let means = array![[0.0, 1.0, 2.0], [-1.0, 0.5, 0.0]];
    let make = |covariances| {
        let mixture = GaussianMixture::new(weights.clone(), means.clone(), covariances).unwrap();
        NoisedMixture::new(mixture, VariancePreserving::new(0.1, 20.0).unwrap()).unwrap()
    };
    let spherical = make(Covariances::Spherical(array![0.4, 0.4]));
    let others = [
        make(Covariances::Diagonal(Array2::from_elem((2, 3), 0.4))),
        make(Covariances::Tied(0.4 * Array2::<f64>::eye(3))),
        make(Covariances::Full(Array3::from_shape_fn(
            (2, 3, 3),
            |(_, i, j)| {
                if i == j { 0.4 } else { 0.0 }
            },
        ))),
    ];
    let t = array![0.01, 0.3, 0.9];
    let x = spherical.sample_joint(t.view(), &mut Seed::new(2).rng()).1;
    for other in others {
        let agreement = Precision::DOUBLE.agreement();
        let expected = spherical.denoise(x.view(), t.view());
        close(
            "denoised",
            &other.denoise(x.view(), t.view()),
            &expected,
            agreement,
        )?;
        let expected = spherical.hessian_at(x.view(), t.view());
        close(
            "Hessian",
            &other.hessian_at(x.view(), t.view()),
            &expected,
            agreement,
        )?;
        let expected = spherical.posterior_covariance(x.view(), t.view());
        let found = other.posterior_covariance(x.view(), t.view());
        close("covariance", &found, &expected, agreement)?;
    }
    Ok(())
}

/// `E[(x_0 − m(x_t)) h(x_t)] = 0` for every `h`, and `E‖x_0 − m‖²` is the mean trace of the posterior covariance.

#[test]
fn a_time_outside_the_horizon_spoils_its_own_row_only() {
    let (_, mixture) = shapes().remove(0);
    let noised = NoisedMixture::new(mixture, OrnsteinUhlenbeck::new(2.0).unwrap()).unwrap();
    let x = Array2::<f64>::zeros((5, 3));
    let t = array![0.5, -1e-9, f64::NAN, 2.1, 2.0];
    let finite = |values: ArrayView1<f64>| -> Vec<bool> { values.iter().map(|v| !v.is_nan()).collect() };
    let expected = [true, false, false, false, true];
    assert_eq!(finite(noised.log_density_at(x.view(), t.view()).view()), expected);
    assert_eq!(finite(noised.score_at(x.view(), t.view()).column(0)), expected);
    assert_eq!(finite(noised.divergence_at(x.view(), t.view()).view()), expected);
    assert_eq!(finite(noised.denoise(x.view(), t.view()).column(2)), expected);
    assert_eq!(
        finite(noised.hessian_at(x.view(), t.view()).slice(s![.., 1, 2])),
        expected
    );
    assert_eq!(
        finite(
            noised
                .posterior_covariance(x.view(), t.view())
                .slice(s![.., 1, 2])
        ),
        expected
    );
    let far = array![[f64::INFINITY, 0.0, 0.0], [f64::NAN, 0.0, 0.0]];
    let found = noised.log_density_at(far.view(), array![1.0, 1.0].view());
    assert_eq!(found[0], f64::NEG_INFINITY);
    assert!(found[1].is_nan());

    assert!(noised.posterior(x.row(0), -0.1).is_err());
    assert!(noised.posterior(array![0.0].view(), 1.0).is_err());
    assert!(noised.posterior(array![0.0, f64::NAN, 0.0].view(), 1.0).is_err());
    let message = noised.posterior(x.row(0), 0.0).unwrap_err().to_string();
    assert!(message.contains("variance of the noise"), "{message}");
    let message = noised.marginal(2.1).unwrap_err().to_string();
    assert!(
        message.contains("`t` is 2.1") && message.contains("[0, 2]"),
        "{message}"
    );
}
