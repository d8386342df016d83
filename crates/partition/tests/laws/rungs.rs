//! Draws at rungs, and what thermodynamic integration and stepping stones make of them.

use crate::common::{ALPHA, BrokenPath, NormalPath, TinyIsing, TinyRbm, assert_covers};
use gibbsian_core::{Path, Seed};
use gibbsian_partition::{
    Ladder, Quadrature, Reach, Reliability, RungDraws, RungSampling, exact_log_z, ladder_bridge, mbar,
    sample_rungs, stepping_stone, thermodynamic,
};
use gibbsian_testkit::stats::mean;
use gibbsian_testkit::threads::same_on_any_number;
use ndarray::Array1;

const SEED: Seed = Seed::new(20_261_102);

fn normal() -> NormalPath {
    NormalPath {
        precision: 3.0,
        mean: 0.9,
        rho: 0.6,
    }
}

/// `E_β[d/dβ log f_β]` of a normal path in closed form.
fn mean_slope(path: &NormalPath, beta: f64) -> f64 {
    let precision = 1.0 - beta + beta * path.precision;
    let m = beta * path.precision * path.mean / precision;
    let (square, distance) = (1.0 / precision + m * m, 1.0 / precision + (m - path.mean).powi(2));
    0.5 * square - 0.5 * path.precision * distance
}

#[test]
fn stepping_stones_are_unbiased_with_exact_draws() {
    let path = normal();
    let ladder = Ladder::new(vec![0.0, 0.2, 0.5, 1.0]).unwrap();
    let mut rng = SEED.child("stones").rng();
    let (mut ratios, mut corrected, mut raw) = (vec![], vec![], vec![]);
    for _ in 0..10_000 {
        let exact = path.rung_draws(&ladder, 12, &mut rng);
        let draws = RungDraws::from_exact_draws(&path, &ladder, &exact, Reach::Neighbours).unwrap();
        let estimate = stepping_stone(&draws, 0.95).unwrap();
        ratios.push((estimate.log_z - path.log_z()).exp());
        raw.push(estimate.log_z - path.log_z());
        corrected.push(estimate.corrected - path.log_z());
    }
    mean("Ẑ/Z", &ratios, 1.0).assert(ALPHA);
    let average = |v: &[f64]| v.iter().sum::<f64>() / v.len() as f64;
    assert!(average(&raw) < 0.0 && average(&corrected).abs() < 0.3 * average(&raw).abs());
}

#[test]
fn the_integral_has_the_error_of_its_rule_and_knows_it() {
    let path = normal();
    let ladder = Ladder::linear(8).unwrap();
    let exact = path.rung_draws(&ladder, 200_000, &mut SEED.child("integral").rng());
    let draws = RungDraws::from_exact_draws(&path, &ladder, &exact, Reach::Neighbours).unwrap();
    let found = |rule| thermodynamic(&draws, rule, 0.95).unwrap();
    let trapezoid = found(Quadrature::Trapezoid);
    // The rule with the exact means.
    let by_rule: f64 = (0..8)
        .map(|k| f64::from(k) / 8.0)
        .map(|b| (mean_slope(&path, b) + mean_slope(&path, b + 0.125)) / 16.0)
        .sum();
    let error = (path.log_z_start() + by_rule - path.log_z()).abs();
    assert!(
        error > 5.0 * trapezoid.estimate.standard_error,
        "the test can tell"
    );
    assert!(
        (trapezoid.discretisation / error - 1.0).abs() < 0.25,
        "{trapezoid:?} {error}"
    );
    assert!(matches!(
        trapezoid.estimate.reliability,
        Reliability::CoarseLadder { .. }
    ));
    assert!(trapezoid.estimate.interval.contains(path.log_z()));

    let simpson = found(Quadrature::Simpson);
    assert!(simpson.estimate.reliability.is_trusted(), "{}", simpson.estimate);
    assert!((simpson.estimate.log_z - path.log_z()).abs() < 0.2 * error);

    // The bracket is that of the rectangles, as the path is linear in β.
    let rectangle = |shift: f64| -> f64 {
        let slopes = (0..8).map(|k| mean_slope(&path, (f64::from(k) + shift) / 8.0));
        path.log_z_start() + slopes.sum::<f64>() / 8.0
    };
    for (end, exact) in [(simpson.lower, rectangle(0.0)), (simpson.upper, rectangle(1.0))] {
        assert!(
            (end - exact).abs() < 5.0 * simpson.estimate.standard_error,
            "{end} {exact}"
        );
    }
    assert!(simpson.bounds.lower < simpson.lower && simpson.bounds.upper > simpson.upper);
    assert!(simpson.bounds.contains(path.log_z()));
}

#[test]
fn the_bracket_holds_on_a_path_that_is_not_linear_and_on_one_step() {
    let rbm = TinyRbm::random(7, 5, 1.2, SEED.child("rbm"));
    let truth = exact_log_z(&rbm).unwrap();
    for n_steps in [2, 4] {
        let sampling = RungSampling {
            n_chains: 2_000,
            n_warmup: 30,
            n_draws: 2,
            ..RungSampling::new()
        };
        let ladder = Ladder::linear(n_steps).unwrap();
        let draws = sample_rungs(&rbm, &ladder, &sampling, &mut SEED.child("bracket").rng()).unwrap();
        let found = thermodynamic(&draws, Quadrature::Trapezoid, 0.999_999).unwrap();
        assert!(found.bounds.contains(truth), "{found:?} {truth}");
        assert!(found.lower < truth && truth < found.upper);
        assert!(found.upper - found.lower > 0.1, "the ends are apart");
    }
}

#[test]
fn intervals_cover_on_a_thousand_models() {
    let n = 1_200;
    let ladder = Ladder::linear(8).unwrap();
    let sampling = RungSampling {
        n_chains: 40,
        n_warmup: 5,
        n_draws: 4,
        thin: 1,
        reach: Reach::Neighbours,
    };
    let (mut integrals, mut stones, mut brackets) = (0, 0, 0);
    for i in 0..n {
        let seed = SEED.child("models").nth(i);
        let scale = 0.3 + 0.5 * i as f64 / n as f64;
        let (truth, draws);
        if i % 2 == 0 {
            let ising = TinyIsing::random(6, scale, seed.child("parameters"));
            truth = exact_log_z(&ising).unwrap();
            draws = sample_rungs(&ising, &ladder, &sampling, &mut seed.child("draws").rng()).unwrap();
        } else {
            let rbm = TinyRbm::random(6, 4, scale, seed.child("parameters"));
            truth = exact_log_z(&rbm).unwrap();
            draws = sample_rungs(&rbm, &ladder, &sampling, &mut seed.child("draws").rng()).unwrap();
        }
        let integral = thermodynamic(&draws, Quadrature::Simpson, 0.95).unwrap();
        integrals += usize::from(integral.estimate.interval.contains(truth));
        brackets += usize::from(integral.bounds.contains(truth));
        stones += usize::from(stepping_stone(&draws, 0.95).unwrap().interval.contains(truth));
    }
    assert_covers("thermodynamic integration", integrals, n as usize);
    assert_covers("stepping stones", stones, n as usize);
    // Each end leaves 2.5 % to chance even where the ladder costs nothing, and it always costs something.
    assert!(brackets as f64 >= 0.95 * n as f64, "{brackets}");
}

#[test]
fn rungs_far_apart_are_reported() {
    // One stone from N(0, 1) to N(8, 1): the weights exp(8x − 32) are log-normal with σ = 8.
    let path = NormalPath {
        precision: 1.0,
        mean: 8.0,
        rho: 0.5,
    };
    let ladder = Ladder::linear(4).unwrap();
    let exact = path.rung_draws(&ladder, 1_000, &mut SEED.child("far").rng());
    let draws = RungDraws::from_exact_draws(&path, &ladder, &exact, Reach::Neighbours).unwrap();
    let stones = stepping_stone(&draws, 0.95).unwrap();
    assert!(!stones.reliability.is_trusted(), "{stones}");
    // Enough rungs between mend it.
    let fine = Ladder::linear(32).unwrap();
    let exact = path.rung_draws(&fine, 1_000, &mut SEED.child("near").rng());
    let draws = RungDraws::from_exact_draws(&path, &fine, &exact, Reach::Neighbours).unwrap();
    let stones = stepping_stone(&draws, 0.999_999).unwrap();
    assert!(
        stones.reliability.is_trusted() && stones.interval.contains(path.log_z()),
        "{stones}"
    );
}

#[test]
fn records_have_the_same_bits_on_any_number_of_threads_and_are_pinned() {
    let ising = TinyIsing::random(5, 0.8, SEED.child("threads"));
    let ladder = Ladder::linear(3).unwrap();
    let sampling = RungSampling {
        n_chains: 300,
        n_warmup: 1,
        n_draws: 3,
        thin: 2,
        reach: Reach::All,
    };
    let run = || {
        let draws = sample_rungs(&ising, &ladder, &sampling, &mut SEED.rng()).unwrap();
        let works = (0..4).flat_map(|k| draws.works(k, 3 - k).unwrap().to_vec());
        works
            .chain(draws.slopes(2).iter().copied())
            .collect::<Array1<f64>>()
    };
    same_on_any_number("records", run).unwrap();
    let draws = sample_rungs(&ising, &ladder, &sampling, &mut SEED.rng()).unwrap();
    // A linear path: the work is the slope times the step.
    for (work, slope) in draws.works(1, 3).unwrap().iter().zip(draws.slopes(1)) {
        assert!((work - slope * 2.0 / 3.0).abs() < 1e-12);
    }
    let found = [run()[0], run()[899], run()[3_599]];
    for (value, expected) in found.iter().zip(PINNED) {
        assert!((value - expected).abs() < 1e-12, "{found:?}");
    }
}

/// Golden values: a change here changes every seeded result.
const PINNED: [f64; 3] = [1.4585108318963447, 1.6788169600937533, -2.0265938267945844];

#[test]
fn bad_settings_are_refused_by_name() {
    let path = normal();
    let ladder = Ladder::linear(4).unwrap();
    let refused = |sampling: RungSampling| {
        sample_rungs(&path, &ladder, &sampling, &mut SEED.rng())
            .unwrap_err()
            .to_string()
    };
    let good = RungSampling::new();
    assert!(refused(RungSampling { n_chains: 1, ..good }).contains("`n_chains` is 1"));
    assert!(refused(RungSampling { n_draws: 0, ..good }).contains("`n_draws` is 0"));
    assert!(refused(RungSampling { thin: 0, ..good }).contains("`thin` is 0"));
    for value in [f64::NAN, f64::INFINITY] {
        let broken = BrokenPath {
            path: normal(),
            value,
        };
        let error = sample_rungs(&broken, &ladder, &good, &mut SEED.rng())
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("log_weights[0]") && error.contains("0.75"),
            "{error}"
        );
    }
    let draws = sample_rungs(&path, &ladder, &good, &mut SEED.rng()).unwrap();
    assert!(draws.works(0, 2).is_none() && draws.works(1, 2).is_some());
    assert!(mbar(&draws, 0.95).unwrap_err().to_string().contains("`reach`"));
    for level in [0.0, 1.0, f64::NAN] {
        assert!(stepping_stone(&draws, level).is_err() && ladder_bridge(&draws, level).is_err());
        assert!(thermodynamic(&draws, Quadrature::Simpson, level).is_err());
    }
    let odd = sample_rungs(&path, &Ladder::linear(6).unwrap(), &good, &mut SEED.rng()).unwrap();
    let error = thermodynamic(&odd, Quadrature::Simpson, 0.95)
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("`n_steps` is 6") && error.contains("multiple of 4"),
        "{error}"
    );
    let exact = path.rung_draws(&ladder, 10, &mut SEED.rng());
    let refused = |draws: &[ndarray::Array2<f64>]| {
        RungDraws::from_exact_draws(&path, &ladder, draws, Reach::All)
            .unwrap_err()
            .to_string()
    };
    assert!(refused(&exact[..3]).contains("one for each of 5 rungs"));
    let mut uneven = exact.clone();
    uneven[2] = path.draws(0.5, 9, &mut SEED.rng());
    assert!(refused(&uneven).contains("(10, 1) at every rung"));
    let single: Vec<_> = (0..5).map(|_| path.draws(0.5, 1, &mut SEED.rng())).collect();
    assert!(refused(&single).contains("`n_chains` is 1"));
}

/// Few chains of many draws, two laws 6.5 standard deviations apart: their own spread says little, and the least error there can be is that of their overlap among all draws.
#[test]
fn few_chains_that_hardly_overlap_have_the_error_of_their_overlap() {
    let path = NormalPath {
        precision: 1.0,
        mean: 6.5,
        rho: 0.5,
    };
    let sampling = RungSampling {
        n_chains: 10,
        n_warmup: 0,
        n_draws: 400,
        thin: 1,
        reach: Reach::All,
    };
    let ladder = Ladder::linear(1).unwrap();
    let mut n_seen = 0;
    for repeat in 0..20 {
        let mut rng = SEED.child("few").nth(repeat).rng();
        let draws = sample_rungs(&path, &ladder, &sampling, &mut rng).unwrap();
        for estimate in [
            ladder_bridge(&draws, 0.95).unwrap(),
            mbar(&draws, 0.95).unwrap().estimate,
        ] {
            let Reliability::NoOverlap { overlap, .. } = estimate.reliability else {
                continue;
            };
            n_seen += 1;
            // 4/O − 2/n, and there are 4,000 draws at each end, though not all are independent.
            let least = (4.0 / overlap - 2.0 / 400.0).sqrt();
            assert!(estimate.standard_error >= least, "{estimate}, at least {least}");
        }
    }
    assert!(n_seen >= 20, "{n_seen} of 40");
}
