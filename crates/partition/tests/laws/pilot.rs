//! Measured ladders against a path whose thermodynamic length is known.

use crate::common::{BrokenPath, NormalPath, TinyIsing};
use gibbsian_core::Seed;
use gibbsian_partition::{Ladder, Pilot, ais};

const SEED: Seed = Seed::new(20_260_104);

/// Shifting a unit normal by `m`: the work from `β` on is `m x − m²/2` a unit, of deviation `m` at every `β`, so that `L = m`.
const SHIFTED: NormalPath = NormalPath {
    precision: 1.0,
    mean: 2.0,
    rho: 0.0,
};

#[test]
fn the_length_of_a_shift_is_its_size_and_its_ladder_is_even() {
    let (n_chains, n_steps) = (1_000, 50);
    let ladder = Ladder::linear(n_steps).unwrap();
    let pilot = Pilot::run(&SHIFTED, &ladder, n_chains, &mut SEED.child("shift").rng()).unwrap();
    // Each step's deviation is known to 1/√(2n), the sum of K independent ones to 1/√(2nK) of itself; five times that.
    let error = 5.0 / (2.0 * (n_chains * n_steps) as f64).sqrt();
    assert!((pilot.length() / 2.0 - 1.0).abs() < error, "{}", pilot.length());
    assert_eq!(
        pilot.steps_for(0.5).unwrap(),
        (pilot.length().powi(2) / 0.5).ceil() as usize
    );
    // A bridge between two ends that are right: half of the total's absolute error in the middle at most.
    for (k, beta) in pilot.ladder(20).unwrap().betas().iter().enumerate() {
        assert!((beta - k as f64 / 20.0).abs() < error, "rung {k} at {beta}");
    }
}

#[test]
fn each_step_is_measured_at_the_rung_it_starts_from() {
    // At precision λ_k = 1 + 99 β_k the work ½ · 99 Δβ x² of a step has deviation ½ · 99 Δβ √2 / λ_k.
    let path = NormalPath {
        precision: 100.0,
        mean: 0.0,
        rho: 0.0,
    };
    let n_chains = 4_000;
    let pilot = Pilot::run(
        &path,
        &Ladder::linear(4).unwrap(),
        n_chains,
        &mut SEED.child("rungs").rng(),
    )
    .unwrap();
    for (k, ends) in pilot.lengths().windows(2).enumerate() {
        let beta = k as f64 / 4.0;
        let expected = 0.5 * 99.0 * 0.25 * 2f64.sqrt() / (1.0 + 99.0 * beta);
        // The deviation of χ² draws, kurtosis 15, errs by √(14 / 4n) of itself; five times that.
        let error = 5.0 * (14.0 / (4.0 * n_chains as f64)).sqrt();
        let ratio = (ends[1] - ends[0]) / expected;
        assert!((ratio - 1.0).abs() < error, "step {k}: {ratio}");
    }
}

#[test]
fn perfect_mixing_gives_the_variance_that_the_length_predicts() {
    // Independent steps of deviation m/K: Var log w = m²/K = L²/K. A chi-square variance of 4,000 values, at five deviations.
    let run = ais(
        &SHIFTED,
        &Ladder::linear(20).unwrap(),
        4_000,
        &mut SEED.child("variance").rng(),
    )
    .unwrap();
    let values = run.log_weights().values();
    let mean = values.iter().sum::<f64>() / 4_000.0;
    let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / 3_999.0;
    assert!(
        (variance / 0.2 - 1.0).abs() < 5.0 * (2.0f64 / 4_000.0).sqrt(),
        "{variance}"
    );
}

#[test]
fn a_measured_ladder_equalises_the_work_and_lowers_the_variance() {
    // A hundredfold precision: nearly all the work is done near the base.
    let path = NormalPath {
        precision: 100.0,
        mean: 0.0,
        rho: 0.3,
    };
    let pilot = Pilot::run(
        &path,
        &Ladder::linear(400).unwrap(),
        400,
        &mut SEED.child("pilot").rng(),
    )
    .unwrap();
    let measured = pilot.ladder(20).unwrap();
    let linear = Ladder::linear(20).unwrap();
    let steps = |ladder: &Ladder| -> Vec<f64> {
        let again = Pilot::run(&path, ladder, 1_000, &mut SEED.child("again").rng()).unwrap();
        again.lengths().windows(2).map(|w| w[1] - w[0]).collect()
    };
    let imbalance = |steps: Vec<f64>| {
        let largest = steps.iter().copied().fold(0.0, f64::max);
        largest * steps.len() as f64 / steps.iter().sum::<f64>()
    };
    let (even, uneven) = (imbalance(steps(&measured)), imbalance(steps(&linear)));
    assert!(even < 3.0 && uneven > 5.0, "{even} {uneven}");
    let deviation = |ladder: &Ladder| {
        let run = ais(&path, ladder, 1_000, &mut SEED.child("run").rng()).unwrap();
        run.log_weights().coefficient_of_variation()
    };
    assert!(deviation(&measured) < 0.7 * deviation(&linear));
}

#[test]
fn a_path_without_work_gets_even_steps_and_bad_arguments_are_refused() {
    let still = TinyIsing {
        couplings: ndarray::Array2::zeros((3, 3)),
        field: ndarray::Array1::zeros(3),
    };
    let ladder = Ladder::linear(5).unwrap();
    let rng = &mut SEED.rng();
    let pilot = Pilot::run(&still, &ladder, 10, rng).unwrap();
    assert_eq!(pilot.length(), 0.0);
    assert_eq!(pilot.ladder(4).unwrap(), Ladder::linear(4).unwrap());
    assert_eq!(pilot.steps_for(1.0).unwrap(), 1);
    assert!(pilot.ladder(0).is_err());
    assert!(pilot.steps_for(0.0).is_err());
    assert!(Pilot::run(&still, &ladder, 1, rng).is_err());
    let moving = Pilot::run(&SHIFTED, &ladder, 10, rng).unwrap();
    assert!(moving.steps_for(1e-300).is_err());
    let broken = BrokenPath {
        path: SHIFTED,
        value: f64::NEG_INFINITY,
    };
    let message = Pilot::run(&broken, &ladder, 10, rng).unwrap_err().to_string();
    assert!(
        message.contains("work[0]") && message.contains("from inverse temperature 0.4 to 0.6"),
        "{message}"
    );
}
