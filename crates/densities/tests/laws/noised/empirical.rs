//! Laws of points of data under a forward process.

use gibbsian_core::process::{OrnsteinUhlenbeck, VarianceExploding};
use gibbsian_core::{Density, LinearGaussian, Score, ScoreJvp, Seed, TimeScoreJvp};
use gibbsian_densities::{Covariances, GaussianMixture, NoisedEmpirical, NoisedMixture};
use gibbsian_testkit::agreement::{Agreement, close, identical, largest};
use gibbsian_testkit::conformance;
use gibbsian_testkit::differences::Precision;
use gibbsian_testkit::stats::{FALSE_ALARM, chi_square};
use gibbsian_testkit::threads::same_on_any_number;
use gibbsian_testkit::verdict::{Failure, Verdict};
use ndarray::{Array1, Array2, Array3, ArrayView1, ArrayView2, Axis, array, s};

use crate::noised::{processes, rounding};

type Model<'a> = NoisedEmpirical<&'a dyn LinearGaussian>;

/// Numbers without symmetries.
fn points(n: usize, dim: usize) -> Array2<f64> {
    Array2::from_shape_fn((n, dim), |(k, i)| {
        1.6 * ((5 * k + 3 * i + 1) as f64).sin() + 0.2 * k as f64
    })
}

/// One point, remainders of every tile, more components than a tile of rows.
const SHAPES: [(usize, usize); 6] = [(1, 1), (1, 3), (2, 2), (5, 3), (9, 1), (14, 6)];

/// Points of every shape under every process, with more than a panel of probes at times of their own.
fn each(check: impl Fn(&Model, ArrayView2<f64>, ArrayView1<f64>) -> Verdict) -> Verdict {
    for (name, process) in processes() {
        for (n, dim) in SHAPES {
            let model = NoisedEmpirical::new(points(n, dim), process.as_ref()).unwrap();
            let t = Array1::from_shape_fn(35, |b| match b % 5 {
                0 => 1e-3,
                1 => 0.05,
                2 => 0.3,
                3 => 0.6,
                _ => 1.0,
            }) * process.horizon();
            let x = model.sample_joint(t.view(), &mut Seed::new(14).rng()).1;
            check(&model, x.view(), t.view())
                .map_err(|f| f.within(format_args!("{n} points in {dim} dimensions under {name}")))?;
        }
    }
    Ok(())
}

/// `J v` of every row.
fn products(
    model: &impl TimeScoreJvp,
    x: ArrayView2<f64>,
    t: ArrayView1<f64>,
    v: ArrayView2<f64>,
) -> Array2<f64> {
    let (mut score, mut jvp) = (Array2::zeros(x.dim()), Array2::zeros(x.dim()));
    model.score_jvp_at_into(x, t, v, score.view_mut(), jvp.view_mut());
    jvp
}

fn directions(x: ArrayView2<f64>) -> Array2<f64> {
    Array2::from_shape_fn(x.dim(), |(b, i)| (1.3 * b as f64 + i as f64).sin())
}

#[test]
fn scores_at_a_time_keep_their_promises() -> Verdict {
    for (name, process) in processes() {
        for (n, dim) in SHAPES {
            let model = NoisedEmpirical::new(points(n, dim), process.as_ref()).unwrap();
            for late in [0.1, 0.4, 1.0] {
                // One step of the differences has to fit all rows, so their times are different but near; and it has to be small on the scale of the noise.
                let t = array![late, 0.9 * late, 0.95 * late] * process.horizon();
                let x = model.sample_joint(t.view(), &mut Seed::new(11).rng()).1;
                let step = (0.25 * process.sigma(t[1])).min(0.05);
                let precision = Precision::DOUBLE.with_step(step);
                let within = |f: Failure| f.within(format_args!("{n} × {dim} under {name} at {t}"));
                conformance::time_score(&model, x.view(), t.view(), precision).map_err(within)?;
                conformance::time_score_jvp(&model, x.view(), t.view(), precision).map_err(within)?;
                conformance::time_energy(&model, x.view(), t.view(), precision).map_err(within)?;
                conformance::time_potential(&model, x.view(), t.view(), precision).map_err(within)?;
            }
        }
    }
    Ok(())
}

/// The mixture of the points in noise, evaluated by its own loops, and what follows from its weights by the sums as they are written.
#[test]
fn everything_is_that_of_parzens_mixture() -> Verdict {
    each(|model, x, t| {
        let (log_density, score) = (model.log_density_at(x, t), model.score_at(x, t));
        let (divergence, hessian) = (model.divergence_at(x, t), model.hessian_at(x, t));
        let (clean, covariance) = (model.denoise(x, t), model.posterior_covariance(x, t));
        let (weights, tweedie) = (model.point_posterior(x, t), model.tweedie(x, t));
        let v = directions(x);
        let jvp = products(model, x, t, v.view());
        let tolerance = 8.0 * Precision::DOUBLE.agreement();
        for (b, &t) in t.indexed_iter() {
            let marginal = model.marginal(t).unwrap();
            let row = x.slice(s![b..=b, ..]);
            let expected = marginal.posterior(row).row(0).to_owned();
            // A weight is the exponential of a difference of squares, whose terms are as large as this.
            let size = 1.0 + largest(&row).powi(2) / model.process().variance(t);
            close("weights", &weights.row(b), &expected, rounding(size))?;
            let same = |what: &str, found: f64, expected: f64| {
                close(
                    what,
                    &array![found],
                    &array![expected],
                    tolerance + rounding(1e-3 * size),
                )
            };
            same("log-density", log_density[b], marginal.log_density(row)[0])?;
            same("divergence", divergence[b], marginal.divergence(row)[0])?;
            // Its terms are x/σ², and it is about 1/σ.
            let of_score = tolerance + rounding(1e-2 * size.sqrt());
            close("score", &score.row(b), &marginal.score(row).row(0), of_score)?;
            let matrix = marginal.hessian_at(row.row(0));
            let relative = tolerance + rounding(1e-3 * size);
            close("Hessian", &hessian.index_axis(Axis(0), b), &matrix, relative)?;
            let mut agreement = Agreement::new("J v");
            let product = matrix.dot(&v.row(b));
            for (i, &expected) in product.indexed_iter() {
                let scale = relative * largest(&matrix) * x.ncols() as f64;
                agreement.entry(|| format!("({b}, {i})"), jvp[(b, i)], expected, scale);
            }
            agreement.verdict()?;

            // The score by way of the denoiser and back: the same number, with the digits that x and σ² s have in common.
            let (alpha, variance) = (model.process().alpha(t), model.process().variance(t));
            let scale = largest(&row) + variance * largest(&score.row(b));
            let mut agreement = Agreement::new("Tweedie");
            for i in 0..x.ncols() {
                let name = || format!("{i} of row {b}");
                agreement.entry(name, tweedie[(b, i)], clean[(b, i)], rounding(scale / alpha));
            }
            agreement.verdict()?;

            // From the weights that were told.
            let points = model.points();
            let mean = weights.row(b).dot(&points);
            let scale = largest(&points);
            let mut agreement = Agreement::new("moments of the clean point");
            for i in 0..x.ncols() {
                let name = |what: &str| format!("{what} {i} of row {b}");
                agreement.entry(|| name("mean"), clean[(b, i)], mean[i], rounding(scale));
                for j in 0..x.ncols() {
                    let terms = (points.rows().into_iter().zip(weights.row(b)))
                        .map(|(point, &r)| r * (point[i] - mean[i]) * (point[j] - mean[j]));
                    let (found, expected) = (covariance[(b, i, j)], terms.sum::<f64>());
                    agreement.entry(|| name("covariance"), found, expected, rounding(scale * scale));
                }
            }
            agreement.verdict()?;
        }
        Ok(())
    })
}

/// Components of next to no variance, by the loops of diagonal covariances.
#[test]
fn it_is_the_limit_of_mixtures_whose_components_shrink() -> Verdict {
    each(|model, x, t| {
        let (n, dim) = model.points().dim();
        // So small that `α² λ + σ²` is `σ²` to the last bit.
        let variances = Covariances::Diagonal(Array2::from_elem((n, dim), 1e-40));
        let weights = Array1::from_elem(n, 1.0 / n as f64);
        let mixture = GaussianMixture::new(weights, model.points().to_owned(), variances).unwrap();
        let limit = NoisedMixture::new(mixture, *model.process()).unwrap();
        let least = t.fold(f64::INFINITY, |a, &t| a.min(model.process().variance(t)));
        let relative = rounding(1.0 + 1e-3 * largest(&x).powi(2) / least);
        let same =
            |what: &str, found: &Array2<f64>, expected: &Array2<f64>| close(what, found, expected, relative);
        same("score", &model.score_at(x, t), &limit.score_at(x, t))?;
        same("noise", &model.noise_hat(x, t), &limit.noise_hat(x, t))?;
        same("denoised", &model.denoise(x, t), &limit.denoise(x, t))?;
        let v = directions(x);
        let found = products(model, x, t, v.view());
        same("J v", &found, &products(&limit, x, t, v.view()))?;
        let expected = limit.posterior_covariance(x, t);
        let scale = relative + 1e-30 / largest(&expected).max(1e-18);
        let found = model.posterior_covariance(x, t);
        if n > 1 {
            close("covariance", &found, &expected, scale)?;
        }
        let (found, expected) = (model.log_density_at(x, t), limit.log_density_at(x, t));
        close("log-density", &found, &expected, relative)
    })
}

/// One point: `N(α x_1, σ² I)`, of which the clean point is known without doubt.
#[test]
fn one_point_is_a_normal_law() -> Verdict {
    for (name, process) in processes() {
        let point = array![[0.3, -1.2, 2.0]];
        let model = NoisedEmpirical::new(point.clone(), process.as_ref()).unwrap();
        let t = array![0.01, 0.5, 1.0] * process.horizon();
        let x = model.sample_joint(t.view(), &mut Seed::new(3).rng()).1;
        let v = directions(x.view());
        let log_density = model.log_density_at(x.view(), t.view());
        let (score, jvp) = (
            model.score_at(x.view(), t.view()),
            products(&model, x.view(), t.view(), v.view()),
        );
        let divergence = model.divergence_at(x.view(), t.view());
        let clean = model.denoise(x.view(), t.view());
        let covariance = model.posterior_covariance(x.view(), t.view());
        identical("covariance", &covariance, &Array3::zeros((3, 3, 3)))?;
        let mut agreement = Agreement::new("a normal law");
        for (b, &t) in t.indexed_iter() {
            identical("denoised", &clean.row(b), &point.row(0))?;
            let (alpha, variance) = (process.alpha(t), process.variance(t));
            let deviation = &x.row(b) - &(alpha * &point.row(0));
            let square = deviation.dot(&deviation) / variance;
            let expected = -1.5 * (std::f64::consts::TAU * variance).ln() - 0.5 * square;
            let scale = 1.0 + variance.ln().abs() + square + largest(&x.row(b)).powi(2) / variance * 1e-2;
            agreement.entry(
                || format!("log p at {t}"),
                log_density[b],
                expected,
                rounding(scale),
            );
            agreement.entry(
                || format!("divergence at {t}"),
                divergence[b],
                -3.0 / variance,
                rounding(3.0 / variance),
            );
            for i in 0..3 {
                let size = (x[(b, i)].abs() + alpha * point[(0, i)].abs()) / variance;
                agreement.entry(
                    || format!("score {i} at {t}"),
                    score[(b, i)],
                    -deviation[i] / variance,
                    rounding(size),
                );
                let (found, expected) = (jvp[(b, i)], -v[(b, i)] / variance);
                agreement.entry(
                    || format!("J v {i} at {t}"),
                    found,
                    expected,
                    rounding(expected.abs()),
                );
            }
        }
        agreement.verdict().map_err(|f| f.within(name))?;
    }
    Ok(())
}

/// The weights of all points but the nearest vanish with the noise; with much of it nothing is known but the mean.
#[test]
fn little_noise_is_taken_for_the_nearest_point_and_much_says_nothing() -> Verdict {
    let process = VarianceExploding::new(1e-3, 1e6).unwrap();
    let model = NoisedEmpirical::new(points(14, 6), process).unwrap();
    // Probes between the points, at σ = 10⁻³: what is not nearest has less than e⁻¹⁰⁰⁰ of the weight.
    let mut x = model.points().slice(s![..13, ..]).to_owned();
    x.scaled_add(
        0.3,
        &(&model.points().slice(s![1.., ..]) - &model.points().slice(s![..13, ..])),
    );
    let early = process.time_at_log_snr(6.0 * 10_f64.ln()).unwrap();
    let clean = model.denoise(x.view(), Array1::from_elem(13, early).view());
    for (x, clean) in x.rows().into_iter().zip(clean.rows()) {
        let distance = |k: usize| (&x - &model.points().row(k)).mapv(|d| d * d).sum();
        let nearest = (0..14)
            .min_by(|&a, &b| distance(a).total_cmp(&distance(b)))
            .unwrap();
        identical("the nearest", &clean, &model.points().row(nearest))?;
    }
    // The weights differ by ‖x‖ ‖x_i‖/σ², which is 10⁻⁵ here.
    let mean = model.points().mean_axis(Axis(0)).unwrap();
    let clean = model.denoise(x.view(), Array1::from_elem(13, 1.0).view());
    for clean in clean.rows() {
        close("the mean", &clean, &mean, 1e-4)?;
    }
    Ok(())
}

#[test]
fn draws_are_points_of_equal_weight_in_noise() -> Verdict {
    let process = OrnsteinUhlenbeck::new(2.0).unwrap();
    let model = NoisedEmpirical::new(points(5, 2), process).unwrap();
    let t = Array1::from_elem(5000, 0.5);
    let (clean, _) = model.sample_joint(t.view(), &mut Seed::new(6).rng());
    let mut counts = [0; 5];
    for clean in clean.rows() {
        let point = (0..5).find(|&k| model.points().row(k) == clean).unwrap();
        counts[point] += 1;
    }
    chi_square("the points", &counts, &[0.2; 5]).verdict(FALSE_ALARM)
}

#[test]
fn bits_depend_neither_on_threads_nor_on_neighbours() -> Verdict {
    let process = OrnsteinUhlenbeck::new(2.0).unwrap();
    let model = NoisedEmpirical::new(points(37, 5), process).unwrap();
    let t = Array1::from_shape_fn(2100, |b| 0.01 + 1.9 * ((7 * b) % 100) as f64 / 100.0);
    let x = model.sample_joint(t.view(), &mut Seed::new(7).rng()).1;
    let v = directions(x.view());
    let everything = |x: ArrayView2<f64>, t: ArrayView1<f64>, v: ArrayView2<f64>| {
        let mut all = model.log_density_at(x, t).to_vec();
        all.extend(model.score_at(x, t));
        all.extend(model.divergence_at(x, t));
        all.extend(model.denoise(x, t));
        all.extend(model.posterior_covariance(x, t));
        all.extend(products(&model, x, t, v));
        all.extend(model.point_posterior(x, t));
        Array1::from(all)
    };
    same_on_any_number("points in noise", || everything(x.view(), t.view(), v.view()))?;
    let all = model.denoise(x.view(), t.view());
    for b in [0, 31, 32, 1030, 2099] {
        let (row, time) = (x.slice(s![b..=b, ..]), t.slice(s![b..=b]));
        identical("a row alone", &model.denoise(row, time).row(0), &all.row(b))?;
    }
    Ok(())
}

#[test]
fn what_has_no_density_is_no_number_or_an_error() {
    let process = OrnsteinUhlenbeck::new(2.0).unwrap();
    let refused = |points: Array2<f64>| NoisedEmpirical::new(points, process).unwrap_err().to_string();
    let message = refused(Array2::zeros((0, 3)));
    assert!(
        message.contains("points") && message.contains("at least 1"),
        "{message}"
    );
    assert!(refused(Array2::zeros((3, 0))).contains("points"));
    let message = refused(array![[0.0, 1.0], [f64::NAN, 2.0]]);
    assert!(message.contains("points[1, 0]"), "{message}");
    assert!(refused(array![[f64::INFINITY]]).contains("points[0, 0]"));

    let model = NoisedEmpirical::new(points(4, 3), process).unwrap();
    let message = model.marginal(0.0).unwrap_err().to_string();
    assert!(message.contains("variance of the noise"), "{message}");
    assert!(model.marginal(2.1).unwrap_err().to_string().contains("[0, 2]"));

    // Without noise there is no density, outside the horizon no time; the other rows are what they are.
    let x = Array2::<f64>::zeros((6, 3));
    let t = array![0.5, 0.0, -1e-9, f64::NAN, 2.1, 2.0];
    let (x, t) = (x.view(), t.view());
    let numbers = |values: ArrayView1<f64>| -> Vec<bool> { values.iter().map(|v| !v.is_nan()).collect() };
    let expected = [true, false, false, false, false, true];
    assert_eq!(numbers(model.log_density_at(x, t).view()), expected);
    assert_eq!(numbers(model.score_at(x, t).column(1)), expected);
    assert_eq!(numbers(model.divergence_at(x, t).view()), expected);
    assert_eq!(numbers(model.denoise(x, t).column(2)), expected);
    assert_eq!(numbers(model.hessian_at(x, t).slice(s![.., 1, 2])), expected);
    assert_eq!(
        numbers(model.posterior_covariance(x, t).slice(s![.., 2, 2])),
        expected
    );
    assert_eq!(numbers(model.point_posterior(x, t).column(3)), expected);
    assert_eq!(numbers(products(&model, x, t, x).column(0)), expected);
    // A point at infinity has density zero, and no score.
    let far = array![[f64::INFINITY, 0.0, 0.0], [f64::NAN, 0.0, 0.0]];
    let found = model.log_density_at(far.view(), array![1.0, 1.0].view());
    assert!(found[0] == f64::NEG_INFINITY && found[1].is_nan());
    assert!(model.denoise(far.view(), array![1.0, 1.0].view())[(0, 1)].is_nan());
}
