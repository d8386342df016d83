//! What diagnostics of chains must say of laws that are known, of data that are no numbers, and on any number of threads.

use crate::common::{autoregressions, close, normals};
use gibbsian_core::Seed;
use gibbsian_metrics::*;
use gibbsian_testkit::stats::{FALSE_ALARM, binomial};
use gibbsian_testkit::threads::same_on_any_number;
use ndarray::{Array1, Array2, Array3, ArrayView2, Axis, s};

const SEED: Seed = Seed::new(4);

#[test]
fn the_time_of_an_autoregression_is_known() {
    // τ = (1 + ρ)/(1 − ρ), to Sokal's standard error; the window cuts off a share ρ^M ≈ e^−10 of the sum besides.
    for rho in [0.0, 0.5, 0.9, 0.97] {
        let exact = (1.0 + rho) / (1.0 - rho);
        let draws = autoregressions(8, 20_000, &[rho], SEED.child("time"));
        let draws = draws.index_axis(Axis(2), 0);
        let tau = autocorrelation_time_windowed(draws, SOKAL_WINDOW).unwrap();
        assert!(tau.is_reliable && tau.window.is_some());
        let cut = exact * (-2.0 * SOKAL_WINDOW).exp();
        assert!(
            (tau.value - exact).abs() < 5.0 * tau.standard_error + cut,
            "{rho}: {tau:?}"
        );
        let geyer = autocorrelation_time(draws).unwrap();
        // Geyer's sum goes on until the noise makes a pair negative: its window is longer, so allow as much again.
        assert!(
            (geyer - exact).abs() < 10.0 * tau.standard_error,
            "{rho}: {geyer}"
        );
    }
}

#[test]
fn a_window_that_closes_on_alternating_draws_is_not_believed() {
    // τ = 0.3/1.7: the first lag alone makes the sum negative, and Sokal's window closes there.
    let draws = autoregressions(4, 20_000, &[-0.7], SEED.child("alternating"));
    let draws = draws.index_axis(Axis(2), 0);
    let tau = autocorrelation_time_windowed(draws, SOKAL_WINDOW).unwrap();
    assert!(!tau.is_reliable && tau.value < 0.0, "{tau:?}");
    // Geyer's rule goes on; the error is that of the mean of squares of sums, with a window of some forty lags.
    let (geyer, exact) = (autocorrelation_time(draws).unwrap(), 0.3 / 1.7);
    assert!(
        (geyer / exact - 1.0).abs() < 5.0 * (2.0f64 * 81.0 / 80_000.0).sqrt(),
        "{geyer}"
    );
}

#[test]
fn chains_too_short_for_their_time_are_reported() {
    let draws = autoregressions(4, 200, &[0.97], SEED.child("short"));
    let tau = autocorrelation_time_windowed(draws.index_axis(Axis(2), 0), SOKAL_WINDOW).unwrap();
    assert!(tau.window.is_some() && !tau.is_reliable, "{tau:?}");
    let constant = autocorrelation_time_windowed(Array2::ones((2, 9)).view(), SOKAL_WINDOW).unwrap();
    assert!(constant.window.is_none() && constant.value.is_nan() && !constant.is_reliable);
}

#[test]
fn a_mean_lies_within_its_standard_error_as_often_as_a_normal_does() {
    // 400 replications of 4 chains: |mean − 0| < 1.96 MCSE in 95 %; the ESS is itself an estimate, which widens little at 1000 draws.
    let n_inside = (0..400)
        .filter(|&i| {
            let draws = autoregressions(4, 1000, &[0.6], SEED.child("coverage").nth(i));
            let x = draws.index_axis(Axis(2), 0);
            (x.mean().unwrap() / mcse_mean(x).unwrap()).abs() < 1.959_964
        })
        .count();
    binomial("coverage", n_inside as u64, 400, 0.95).assert(FALSE_ALARM);
}

#[test]
fn the_error_of_a_standard_deviation_keeps_its_digits_where_squares_hardly_vary() {
    // Of ±(1 + ε z) the deviation is 1 + ε z̄ to first order, and its error is proportional to ε; so is that of the heat capacity.
    let z = normals(4, 500, SEED.child("two values"));
    let errors = [1e-3, 1e-9].map(|epsilon| {
        let mut x = z.mapv(|z| 1.0 + epsilon * z);
        x.slice_mut(s![.., ..;2]).mapv_inplace(|x| -x);
        let capacity = heat_capacity(x.view(), 1.0).unwrap();
        [
            mcse_sd(x.view()).unwrap() / epsilon,
            capacity.standard_error / epsilon,
        ]
    });
    for (large, small) in errors[0].iter().zip(errors[1]) {
        // The next order is ε times moments of z, of which twenty are more than there can be.
        close("error over ε", small, *large, 20.0 * 1e-3);
    }
}

#[test]
fn the_error_of_a_standard_deviation_counts_the_squares() {
    // The squares of an autoregression forget with ρ²: Var(s) → (1 + ρ²)/(1 − ρ²) / (2 S), for either sign of ρ. 200 replications know a
    // root mean square to 5 %; five of those errors.
    for rho in [0.8, -0.8f64] {
        let (n_chains, n_draws) = (4, 2000);
        let exact = ((1.0 + rho * rho) / (1.0 - rho * rho) / (2.0 * (n_chains * n_draws) as f64)).sqrt();
        let (mut spread, mut claimed) = (0.0, 0.0);
        for i in 0..200 {
            let draws = autoregressions(n_chains, n_draws, &[rho], SEED.child("sd").nth(i));
            let summary = summarise(draws.view(), Requirements::default()).unwrap()[0];
            spread += (summary.sd - 1.0).powi(2) / 200.0;
            claimed += summary.mcse_sd / 200.0;
        }
        assert!((spread.sqrt() / exact - 1.0).abs() < 0.25, "{rho}");
        assert!(
            (claimed / exact - 1.0).abs() < 0.25,
            "{rho}: {claimed} instead of {exact}"
        );
    }
}

#[test]
fn r_hat_sees_what_it_is_for() {
    let calm = normals(4, 500, SEED.child("calm"));
    let of = |x: &Array2<f64>| {
        [
            r_hat(x.view()).unwrap(),
            r_hat_rank(x.view()).unwrap(),
            r_hat_folded(x.view()).unwrap(),
        ]
    };
    assert!(of(&calm)[0] < 1.01);
    // A difference in scale moves the folded form only.
    let mut wider = calm.clone();
    wider.row_mut(1).mapv_inplace(|v| 3.0 * v);
    let [largest, location, scale] = of(&wider);
    assert!(location < 1.01 && scale > 1.05 && largest == scale);
    // A drift within a single chain is seen from its halves.
    let drift = Array2::from_shape_fn((1, 500), |(_, t)| calm[[0, t]] + t as f64 / 100.0);
    assert!(r_hat(drift.view()).unwrap() > 1.5);
    // Ranks and folds do not change under monotone maps and reflections.
    let mapped = calm.mapv(|v| (-0.1 * v).exp());
    close(
        "a decreasing map",
        r_hat_rank(mapped.view()).unwrap(),
        r_hat_rank(calm.view()).unwrap(),
        1e-12,
    );
    close(
        "the bulk",
        ess_bulk(mapped.view()).unwrap(),
        ess_bulk(calm.view()).unwrap(),
        1e-10,
    );
}

#[test]
fn constant_quantities_have_all_draws_and_no_r_hat() {
    // A value whose mean over three rounds.
    let x = Array2::from_elem((3, 50), 0.1);
    assert!(r_hat(x.view()).unwrap().is_nan() && r_hat_split(x.view()).unwrap().is_nan());
    for ess in [ess_bulk, ess_tail, ess_mean, ess_sd, ess_median] {
        assert_eq!(ess(x.view()).unwrap(), 150.0);
    }
    assert_eq!(mcse_mean(x.view()).unwrap(), 0.0);
    assert_eq!(mcse_median(x.view()).unwrap(), 0.0);
    assert!(mcse_sd(x.view()).unwrap().is_nan());
    assert!(energy_bfmi(x.view()).unwrap()[1].is_nan());
    let table = summarise(x.view().insert_axis(Axis(2)), Requirements::default()).unwrap();
    assert_eq!(table[0].verdict, ChainVerdict::Constant);
    assert_eq!((table[0].mean, table[0].sd), (0.1, 0.0));
}

#[test]
fn chains_that_are_stuck_apart_are_infinitely_far_apart() {
    let x = Array2::from_shape_fn((3, 40), |(c, _)| 0.1 * (c + 1) as f64);
    assert_eq!(r_hat_split(x.view()).unwrap(), f64::INFINITY);
    assert_eq!(r_hat(x.view()).unwrap(), f64::INFINITY);
    // Six halves of constant draws: at most about one effective draw for each.
    assert!(ess_mean(x.view()).unwrap() < 6.0);
    let table = summarise(x.view().insert_axis(Axis(2)), Requirements::default()).unwrap();
    assert_eq!(table[0].verdict, ChainVerdict::NotMixed);
}

#[test]
fn what_is_not_finite_stays_so() {
    type Diagnostic = fn(ArrayView2<f64>) -> gibbsian_core::Result<f64>;
    let all: [Diagnostic; 13] = [
        r_hat,
        r_hat_rank,
        r_hat_folded,
        r_hat_split,
        ess_bulk,
        ess_tail,
        ess_mean,
        ess_sd,
        ess_median,
        mcse_mean,
        mcse_sd,
        mcse_median,
        autocorrelation_time,
    ];
    for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        let mut x = normals(2, 20, SEED.child("bad"));
        x[[1, 7]] = bad;
        for (i, f) in all.iter().enumerate() {
            assert!(f(x.view()).unwrap().is_nan(), "{i} {bad}");
        }
        assert!(autocovariance(x.row(1)).unwrap()[3].is_nan());
        assert!(
            autocorrelation_time_windowed(x.view(), 5.0)
                .unwrap()
                .value
                .is_nan()
        );
        assert!(heat_capacity(x.view(), 1.0).unwrap().value.is_nan());
        // The chain without it keeps its own number.
        let bfmi = energy_bfmi(x.view()).unwrap();
        assert!(bfmi[0].is_finite() && bfmi[1].is_nan());
        let table = summarise(x.view().insert_axis(Axis(2)), Requirements::default()).unwrap();
        assert_eq!(table[0].verdict, ChainVerdict::NotFinite);
        assert!(table.to_string().contains("not finite"));
    }
}

#[test]
fn the_largest_number_is_a_draw_as_any_other() {
    // Its logarithm rounds to 1024, and 2¹⁰²⁴ is infinite.
    let unit = Array2::from_shape_fn((2, 64), |(c, t)| f64::from(u8::from((7 * t + c) % 5 < 2)));
    let largest = &unit * f64::MAX;
    for f in [|x| binning(x).unwrap().mean, |x| mcse_mean(x).unwrap()] as [fn(ArrayView2<f64>) -> f64; 2] {
        close(
            "of the largest",
            f(largest.view()),
            f(unit.view()) * f64::MAX,
            1e-12,
        );
    }
}

#[test]
fn units_do_not_matter_however_large_or_small() {
    let x = normals(3, 64, SEED.child("units"));
    // Powers of two, which round nothing: the two draws in the middle are equally far from the median, and rounding may untie them.
    for unit in [2f64.powi(-1000), 2f64.powi(-100), 2f64.powi(800), 2f64.powi(1020)] {
        let y = &x * unit;
        close(
            "autocorrelation",
            autocorrelation(y.row(0)).unwrap()[3],
            autocorrelation(x.row(0)).unwrap()[3],
            1e-9,
        );
        for f in [
            r_hat,
            r_hat_split,
            ess_bulk,
            ess_mean,
            ess_sd,
            autocorrelation_time,
        ] {
            close(
                &format!("{unit}"),
                f(y.view()).unwrap(),
                f(x.view()).unwrap(),
                1e-9,
            );
        }
        for f in [mcse_mean, mcse_sd, mcse_median] {
            close(
                &format!("{unit}"),
                f(y.view()).unwrap(),
                unit * f(x.view()).unwrap(),
                1e-9,
            );
        }
    }
}

#[test]
fn shapes_and_options_that_do_not_fit_are_refused() {
    for shape in [(0, 10), (3, 3), (1, 1), (2, 0)] {
        let x = Array2::<f64>::zeros(shape);
        for f in [
            r_hat,
            ess_bulk,
            ess_tail,
            mcse_mean,
            mcse_sd,
            autocorrelation_time,
        ] {
            assert!(
                f(x.view()).unwrap_err().to_string().contains("draws"),
                "{shape:?}"
            );
        }
        assert!(energy_bfmi(x.view()).is_err() && heat_capacity(x.view(), 1.0).is_err());
        assert!(summarise(x.view().insert_axis(Axis(2)), Requirements::default()).is_err());
    }
    let x = Array2::<f64>::zeros((2, 10));
    for p in [-0.1, 1.1, f64::NAN] {
        assert!(ess_quantile(x.view(), p).is_err() && mcse_quantile(x.view(), p).is_err());
    }
    assert!(autocorrelation_time_windowed(x.view(), 0.0).is_err());
    assert!(heat_capacity(x.view(), -1.0).is_err() && heat_capacity(x.view(), f64::NAN).is_err());
    assert!(autocovariance(Array1::zeros(0).view()).is_err());
    assert!(summarise(Array3::zeros((2, 10, 0)).view(), Requirements::default()).is_err());
    let strict = Requirements {
        r_hat: 0.9,
        ..Requirements::default()
    };
    assert!(summarise(Array3::zeros((2, 10, 1)).view(), strict).is_err());
}

#[test]
fn verdicts_name_what_is_wrong() {
    let mut draws = autoregressions(4, 400, &[0.0, 0.9, 0.0], SEED.child("verdicts"));
    draws.slice_mut(s![2, .., 2]).mapv_inplace(|v| v + 3.0);
    let table = summarise(draws.view(), Requirements::default()).unwrap();
    assert_eq!(table[0].verdict, ChainVerdict::Trusted);
    assert!(matches!(
        table[1].verdict,
        ChainVerdict::TooFewEffective | ChainVerdict::NotMixed
    ));
    assert_eq!(table[2].verdict, ChainVerdict::NotMixed);
    assert_eq!(table.worst(), 2);
    assert!(!table.are_trusted());
    let text = table.to_string();
    assert_eq!(text.lines().count(), 4);
    assert!(text.contains("not mixed") && text.contains("trusted"), "{text}");
    let alone = summarise(draws.slice(s![..1, .., ..1]), Requirements::default()).unwrap();
    assert_eq!(alone[0].verdict, ChainVerdict::SingleChain);
    let few = summarise(
        draws.slice(s![.., ..80, ..1]),
        Requirements {
            r_hat: 2.0,
            ..Requirements::default()
        },
    )
    .unwrap();
    assert_eq!(few[0].verdict, ChainVerdict::TooFewEffective);
}

#[test]
fn summaries_have_the_same_bits_on_any_number_of_threads() {
    let draws = autoregressions(
        3,
        150,
        &[0.0, 0.5, 0.9, 0.99, -0.5, 0.2, 0.1],
        SEED.child("threads"),
    );
    same_on_any_number("summaries", || {
        let table = summarise(draws.view(), Requirements::default()).unwrap();
        table
            .iter()
            .flat_map(|s| {
                [
                    s.mean,
                    s.sd,
                    s.mcse_mean,
                    s.mcse_sd,
                    s.ess_bulk,
                    s.ess_tail,
                    s.r_hat,
                ]
            })
            .collect()
    })
    .unwrap();
}
