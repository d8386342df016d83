//! Normal densities as an exponential family.

use gibbsian_core::{Density, ExponentialFamily, Seed};
use gibbsian_densities::MultivariateNormal;
use gibbsian_testkit::conformance;
use gibbsian_testkit::differences::Precision;
use gibbsian_testkit::verdict::Verdict;
use ndarray::{Array1, Array2, array};

use crate::gaussian::support::{assert_close, covariance, distance, every_form, mean, probes};

#[test]
fn laws() -> Verdict {
    for d in [1, 2, 3] {
        for (k, normal) in every_form(d).iter().enumerate() {
            let seed = Seed::new(17).nth((10 * d + k) as u64);
            conformance::exponential_family(normal, probes(d).view(), Precision::DOUBLE, seed)?;
            conformance::continuous_family(normal, probes(d).view(), Precision::DOUBLE)?;
        }
    }
    Ok(())
}

#[test]
fn estimates_are_the_sample_mean_and_covariance() {
    // A shift of a million standard deviations must not cost the covariance its digits.
    let x = array![[1.0, 0.0], [3.0, 1.0], [2.0, 5.0], [6.0, 2.0]] + 1e6;
    let start = MultivariateNormal::standard(2).unwrap();
    let fit = start.fit(x.view()).unwrap();
    assert_eq!(fit.mean(), array![1e6 + 3.0, 1e6 + 2.0]);
    assert!(distance(&fit.covariance(), &array![[3.5, 0.25], [0.25, 3.5]]) < 1e-15);
    // A weight of two is a row given twice, and a weight of zero no row at all.
    let weights = array![2.0, 1.0, 1.0, 0.5];
    let weighted = start.fit_weighted(x.view(), weights.view()).unwrap();
    let total = weights.sum();
    let m0 = (0..4).map(|b| weights[b] * (x[(b, 0)] - 1e6)).sum::<f64>() / total;
    assert_close(weighted.mean()[0] - 1e6, m0, 1e-9);
}

#[test]
fn divergences_of_close_neighbours_keep_their_digits() {
    // KL(N(0, 1) ‖ N(0, 1 + δ)) = ½ (1/(1 + δ) − 1 + log(1 + δ)) = δ²/4 − δ³/3 + 3 δ⁴/8 − …, term by term.
    let delta = 2.0_f64.powi(-20);
    let standard = MultivariateNormal::standard(1).unwrap();
    let wider = MultivariateNormal::isotropic(array![0.0], 1.0 + delta).unwrap();
    let expected = delta * delta * (0.25 - delta / 3.0 + 0.375 * delta * delta);
    let found = standard.kl_divergence(&wider);
    // The ratio of the variances is rounded once, which is 2⁻³² of δ.
    assert!((found - expected).abs() < 1e-9 * expected, "{found} {expected}");
}

#[test]
fn entropy_and_divergence_are_the_closed_forms() {
    for d in [1, 2, 6] {
        let p = MultivariateNormal::from_covariance(mean(d), covariance(d)).unwrap();
        let q = MultivariateNormal::from_precision(-mean(d), covariance(d)).unwrap();
        assert_close(p.entropy(), p.log_z() + d as f64 / 2.0, 1e-15);
        let shift = &p.mean() - &q.mean();
        let trace: f64 = (&q.precision() * &p.covariance()).sum();
        let expected = 0.5
            * (trace - d as f64 - p.log_det_covariance()
                + q.log_det_covariance()
                + shift.dot(&q.precision().dot(&shift)));
        assert_close(p.kl_divergence(&q), expected, 1e-13);
        assert_eq!(p.kl_divergence(&p).max(1e-15), 1e-15);
    }
}

#[test]
fn a_singular_sample_is_refused_by_name() {
    let start = MultivariateNormal::standard(3).unwrap();
    let error =
        |x: Array2<f64>, w: Array1<f64>| start.fit_weighted(x.view(), w.view()).unwrap_err().to_string();
    let x = Array2::from_shape_fn((7, 3), |(b, i)| ((b * b + 3 * i) as f64).sin());
    let few = error(x.slice(ndarray::s![..3, ..]).to_owned(), Array1::ones(3));
    assert_eq!(
        few,
        "`the number of rows of x with weight` is 3, but must be at least 4, for a covariance that is not singular"
    );
    // The last coordinate is the sum of the others.
    let mut flat = x.clone();
    for mut row in flat.rows_mut() {
        row[2] = row[0] + row[1];
    }
    let flat = error(flat, Array1::ones(7));
    assert!(
        flat.contains("coordinate 2 given those before it") || flat.contains("pivot 2 of 3"),
        "{flat}"
    );
    let mut constant = x;
    constant.column_mut(1).fill(0.25);
    let constant = error(constant, Array1::ones(7));
    assert!(
        constant.contains("pivot 1 of 3 of the Cholesky factorisation of the sample covariance"),
        "{constant}"
    );
}
