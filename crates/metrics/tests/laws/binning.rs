//! Binning, the jackknife and equilibration, against autoregressions and identities.

use crate::common::{autoregressions, close, normals};
use gibbsian_core::Seed;
use gibbsian_metrics::*;
use ndarray::{Array2, Array3, Axis, concatenate, s};

const SEED: Seed = Seed::new(11);

/// The variance of the mean of `n` successive values of an autoregression with variance 1.
fn variance_of_mean(rho: f64, n: f64) -> f64 {
    ((1.0 + rho) / (1.0 - rho) - 2.0 * rho * (1.0 - rho.powf(n)) / (n * (1.0 - rho).powi(2))) / n
}

#[test]
fn every_level_has_the_variance_of_its_bins() {
    for rho in [0.0, 0.6, 0.9] {
        let draws = autoregressions(4, 1 << 15, &[rho], SEED.child("levels"));
        let bins = binning(draws.index_axis(Axis(2), 0)).unwrap();
        assert_eq!(
            bins.levels.len(),
            13,
            "bins of 1 to 4096 draws, of which there are 32"
        );
        for level in &bins.levels {
            let expected = (variance_of_mean(rho, level.length as f64) / level.n_bins as f64).sqrt();
            // Squares of correlated bins have the time (1 + ρ²)/(1 − ρ²).
            let correlation = rho.powf(2.0 * level.length as f64);
            let slack = 5.0 * level.uncertainty * ((1.0 + correlation) / (1.0 - correlation)).sqrt();
            assert!(
                (level.standard_error - expected).abs() < slack,
                "{rho}: {level:?}, {expected}"
            );
        }
        let plateau = bins.plateau.unwrap();
        assert_eq!(plateau == 0, rho == 0.0);
        let limit = (variance_of_mean(rho, 1e9) * 1e9 / draws.len() as f64).sqrt();
        // A plateau begins up to two uncertainties below the levels after it.
        assert!((bins.standard_error() / limit - 1.0).abs() < 7.0 * bins.levels[plateau].uncertainty / limit);
        // τ is a ratio of squares: that of the plateau's error, and the variance of single draws, whose squares have the time (1 + ρ²)/(1 − ρ²).
        let of_plateau = 1.0 + 7.0 * bins.levels[plateau].uncertainty / limit;
        let of_draws = 1.0 - 5.0 * (2.0 * (1.0 + rho * rho) / (1.0 - rho * rho) / draws.len() as f64).sqrt();
        let off = bins.autocorrelation_time() / ((1.0 + rho) / (1.0 - rho)) - 1.0;
        assert!(off.abs() < of_plateau * of_plateau / of_draws - 1.0, "{bins:?}");
    }
}

#[test]
fn a_walk_without_end_has_no_plateau() {
    let mut walk = normals(2, 4096, SEED.child("walk"));
    walk.accumulate_axis_inplace(Axis(1), |before, now| *now += before);
    let bins = binning(walk.view()).unwrap();
    assert_eq!(bins.plateau, None);
    let largest = bins.levels.iter().map(|l| l.standard_error).fold(0.0, f64::max);
    assert_eq!(bins.standard_error(), largest);
}

#[test]
fn bins_do_not_depend_on_units_and_show_what_is_no_number() {
    let draws = normals(3, 500, SEED.child("units"));
    let (plain, large) = (
        binning(draws.view()).unwrap(),
        binning((&draws * 1e300).view()).unwrap(),
    );
    close("mean", large.mean, plain.mean * 1e300, 1e-12);
    close(
        "error",
        large.standard_error(),
        plain.standard_error() * 1e300,
        1e-12,
    );
    // The last of 501 draws is in no bin but those of one.
    let odd = concatenate![Axis(1), draws, draws.slice(s![.., ..1])];
    for (draws, place) in [(&draws, 7), (&odd, 500)] {
        let mut spoilt = draws.clone();
        spoilt[[1, place]] = f64::NAN;
        let bins = binning(spoilt.view()).unwrap();
        assert!(bins.mean.is_nan() && bins.standard_error().is_nan() && bins.plateau.is_none());
        assert!(bins.levels.iter().all(|level| level.standard_error.is_nan()));
    }
    assert!(
        binning(Array2::zeros((1, 10)).view())
            .unwrap()
            .standard_error()
            .is_nan()
    );
    assert!(binning(Array2::zeros((1, 3)).view()).is_err());
}

#[test]
fn the_jackknife_of_a_mean_is_the_error_of_means_of_blocks() {
    let draws = autoregressions(3, 1000, &[0.5, 0.8], SEED.child("mean"));
    let found = jackknife(draws.view(), 20, |m| m[1]).unwrap();
    let blocks: Vec<f64> = draws
        .index_axis(Axis(2), 1)
        .rows()
        .into_iter()
        .flat_map(|chain| {
            chain
                .exact_chunks(50)
                .into_iter()
                .map(|b| b.mean().unwrap())
                .collect::<Vec<_>>()
        })
        .collect();
    let blocks = Array2::from_shape_vec((1, 60), blocks).unwrap();
    close(
        "value",
        found.value,
        draws.slice(s![.., .., 1]).mean().unwrap(),
        1e-12,
    );
    close(
        "error",
        found.standard_error,
        blocks.std(1.0) / 60f64.sqrt(),
        1e-12,
    );
    assert!(found.bias.abs() < 1e-14, "a linear function has no bias");
}

#[test]
fn the_jackknife_repairs_the_variance() {
    // With blocks of one draw the corrected ⟨x²⟩ − ⟨x⟩² is the variance with n − 1, an identity.
    let x = normals(1, 300, SEED.child("variance"));
    let draws = Array3::from_shape_fn((1, 300, 2), |(_, t, q)| x[[0, t]].powi(q as i32 + 1));
    let found = jackknife(draws.view(), 300, |m| m[1] - m[0] * m[0]).unwrap();
    close("variance", found.corrected(), x.row(0).var(1.0), 1e-11);
    close("value", found.value, x.row(0).var(0.0), 1e-12);
}

#[test]
fn the_jackknife_of_a_function_is_the_delta_method() {
    // The ratio of two means of independent draws: Var = (s₀² + r² s₁² − 2 r s₀₁)/(n m₁²), up to 1/n.
    let noise = normals(2, 10_000, SEED.child("ratio"));
    let draws = Array3::from_shape_fn((1, 10_000, 2), |(_, t, q)| 3.0 + q as f64 + 0.5 * noise[[q, t]]);
    let found = jackknife(draws.view(), 10_000, |m| m[0] / m[1]).unwrap();
    let (a, b) = (draws.slice(s![0, .., 0]), draws.slice(s![0, .., 1]));
    let (m0, m1) = (a.mean().unwrap(), b.mean().unwrap());
    let r = m0 / m1;
    let residual = (&a - &(&b * r)).var(1.0);
    close("error", found.standard_error, (residual / 1e4).sqrt() / m1, 1e-3);
}

#[test]
fn what_cannot_be_cut_into_blocks_is_refused() {
    let draws = Array3::<f64>::zeros((1, 10, 2));
    let refused = |n_blocks| {
        jackknife(draws.view(), n_blocks, |m| m[0])
            .unwrap_err()
            .to_string()
    };
    for n_blocks in [0, 1, 11] {
        assert!(refused(n_blocks).contains("`n_blocks`"), "{}", refused(n_blocks));
    }
    assert!(jackknife(Array3::zeros((0, 10, 2)).view(), 2, |m| m[0]).is_err());
    assert!(jackknife(Array3::zeros((1, 10, 0)).view(), 2, |_| 0.0).is_err());
    let mut spoilt = draws.clone();
    spoilt[[0, 3, 0]] = f64::NAN;
    assert!(
        jackknife(spoilt.view(), 5, |m| m[0])
            .unwrap()
            .standard_error
            .is_nan()
    );
}

#[test]
fn the_drift_from_a_distant_start_is_left_out() {
    let stationary = autoregressions(2, 4000, &[0.8], SEED.child("start"));
    let stationary = stationary.index_axis(Axis(2), 0);
    let mut drawn = stationary.to_owned();
    for mut chain in drawn.rows_mut() {
        for (t, x) in chain.iter_mut().enumerate() {
            *x += 30.0 * (-(t as f64) / 100.0).exp();
        }
    }
    let found = equilibration(drawn.view()).unwrap();
    // At 3 time constants the drift is 1.5 deviations, at 10 it is 0.001.
    assert!((300..1000).contains(&found.discard), "{found:?}");
    let kept = drawn.slice(s![.., found.discard..]);
    assert!(found.effective_sample_size > 5.0 * ess_mean(drawn.view()).unwrap());
    assert!(kept.mean().unwrap().abs() < 5.0 * mcse_mean(kept).unwrap());
    // Without a drift, little is gained by leaving draws out, and the size is never below that of all.
    let nothing = equilibration(stationary).unwrap();
    assert!(
        nothing.effective_sample_size >= ess_mean(stationary).unwrap() && nothing.discard < 2000,
        "{nothing:?}"
    );
    // Chains that are stuck at their end are not independent draws there.
    let stuck = concatenate![
        Axis(1),
        stationary.slice(s![.., ..1000]),
        Array2::zeros((2, 3000))
    ];
    let found = equilibration(stuck.view()).unwrap();
    assert!(
        found.discard < 1000 && found.effective_sample_size < 1000.0,
        "{found:?}"
    );
    let twice = concatenate![Axis(1), stationary, stationary];
    assert!(
        equilibration(twice.view())
            .unwrap()
            .effective_sample_size
            .is_finite()
    );
}
