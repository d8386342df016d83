//! Forward and reverse annealing are unbiased, with any ladder.

use crate::common::{ALPHA, BrokenPath, NormalPath, TinyIsing, TinyRbm};
use gibbsian_core::{Path, Seed};
use gibbsian_partition::{
    ExactDistribution, Ladder, Sandwich, SandwichVerdict, ais, exact_log_z, reverse_ais,
};
use gibbsian_testkit::stats::mean;
use gibbsian_testkit::threads::same_on_any_number;
use ndarray::{Array1, Array2};

const SEED: Seed = Seed::new(20_260_101);

/// Unequal steps, few enough that a wrong rung or a wrong temperature of one transition is a large error.
fn short_ladder() -> Ladder {
    Ladder::new(vec![0.0, 0.3, 0.5, 0.8, 1.0]).unwrap()
}

/// Over 10,000 runs, the mean of `Ẑ/Z` is 1 with p > 10⁻⁶.
fn forward_is_unbiased<P: Path>(name: &str, path: &P, log_z: f64) {
    let run = ais(path, &short_ladder(), 10_000, &mut SEED.child(name).rng()).unwrap();
    let ratios: Vec<f64> = run
        .log_weights()
        .values()
        .iter()
        .map(|l| (l - log_z).exp())
        .collect();
    mean(&format!("Ẑ/Z of {name}"), &ratios, 1.0).assert(ALPHA);
    // The chains must have had something to do, or an error could hide.
    assert!(run.log_weights().coefficient_of_variation() > 0.1, "{name}");
    assert!(run.log_z() < log_z + 4.9 * run.log_weights().standard_error());
}

fn reverse_is_unbiased<P: Path>(name: &str, path: &P, draws: Array2<f64>, log_z: f64) {
    let mut rng = SEED.child(name).child("reverse").rng();
    let run = reverse_ais(path, &short_ladder(), draws.view(), &mut rng).unwrap();
    let ratios: Vec<f64> = run
        .log_weights()
        .values()
        .iter()
        .map(|l| (l + log_z).exp())
        .collect();
    mean(&format!("Z/Ẑ of {name}"), &ratios, 1.0).assert(ALPHA);
    assert!(run.log_weights().coefficient_of_variation() > 0.1, "{name}");
}

#[test]
fn an_rbm_is_weighed_without_bias_in_both_directions() {
    let rbm = TinyRbm::random(6, 4, 0.8, SEED.child("rbm"));
    let exact = ExactDistribution::new(&rbm).unwrap();
    forward_is_unbiased("rbm", &rbm, exact.log_z());
    let draws = exact.sample(10_000, &mut SEED.child("draws").rng());
    reverse_is_unbiased("rbm", &rbm, draws, exact.log_z());
}

#[test]
fn an_ising_model_is_weighed_without_bias_in_both_directions() {
    let ising = TinyIsing::random(8, 0.7, SEED.child("ising"));
    let exact = ExactDistribution::new(&ising).unwrap();
    forward_is_unbiased("ising", &ising, exact.log_z());
    let draws = exact.sample(10_000, &mut SEED.child("draws").rng());
    reverse_is_unbiased("ising", &ising, draws, exact.log_z());
}

#[test]
fn a_normal_with_lazy_transitions_is_weighed_without_bias_in_both_directions() {
    let path = NormalPath {
        precision: 1.5,
        mean: 0.7,
        rho: 0.8,
    };
    forward_is_unbiased("normal", &path, path.log_z());
    let mut rng = SEED.child("draws").rng();
    let draws = path.start(10_000, &mut rng) / path.precision.sqrt() + path.mean;
    reverse_is_unbiased("normal", &path, draws, path.log_z());
}

#[test]
fn the_sandwich_is_ordered_and_its_bounds_hold() {
    let rbm = TinyRbm::random(8, 6, 0.6, SEED.child("sandwich"));
    let exact = ExactDistribution::new(&rbm).unwrap();
    let ladder = Ladder::linear(30).unwrap();
    let forward = ais(&rbm, &ladder, 300, &mut SEED.child("forward").rng()).unwrap();
    let draws = exact.sample(300, &mut SEED.child("exact draws").rng());
    let reverse = reverse_ais(&rbm, &ladder, draws.view(), &mut SEED.child("reverse").rng()).unwrap();
    let sandwich = Sandwich::new(&forward, &reverse, 0.999).unwrap();
    assert_eq!(sandwich.verdict, SandwichVerdict::Ordered, "{sandwich}");
    // A single chain has no standard error, and nothing contradicts it.
    let alone = ais(&rbm, &ladder, 1, &mut SEED.child("alone").rng()).unwrap();
    let refusal = Sandwich::new(&alone, &reverse, 0.95).unwrap_err().to_string();
    assert_eq!(
        refusal,
        "`n_chains` is 1, but must be at least 2 for a standard error"
    );
    assert!(sandwich.bounds.contains(exact.log_z()), "{sandwich}");
    assert!(
        sandwich.gap().abs() < 0.1 && sandwich.bounds.width() < 0.5,
        "{sandwich}"
    );

    // Draws that are not exact, all in one place where the target is too unlikely: the two ends cross.
    let path = NormalPath {
        precision: 4.0,
        mean: 0.0,
        rho: 0.9,
    };
    let forward = ais(&path, &ladder, 300, &mut SEED.rng()).unwrap();
    let fixed = Array2::from_elem((300, 1), 6.0);
    let reverse = reverse_ais(&path, &ladder, fixed.view(), &mut SEED.rng()).unwrap();
    let crossed = Sandwich::new(&forward, &reverse, 0.95).unwrap();
    assert!(
        matches!(crossed.verdict, SandwichVerdict::Contradiction { .. }),
        "{crossed}"
    );
}

#[test]
fn perfect_base_gives_equal_weights_and_an_interval_that_still_holds() {
    let mut rbm = TinyRbm::random(7, 3, 0.0, SEED.child("units"));
    rbm.base.assign(&rbm.visible);
    rbm.hidden.fill(0.0);
    let run = ais(&rbm, &Ladder::linear(100).unwrap(), 200, &mut SEED.rng()).unwrap();
    let estimate = run.estimate(0.95).unwrap();
    assert!(estimate.standard_error < 1e-13);
    assert!(
        estimate.interval.contains(exact_log_z(&rbm).unwrap()),
        "{estimate}"
    );
    assert!(estimate.reliability.is_trusted(), "{estimate}");
}

#[test]
fn results_have_the_same_bits_on_any_number_of_threads_and_are_pinned() {
    let ising = TinyIsing::random(6, 1.0, SEED.child("threads"));
    let ladder = Ladder::linear(10).unwrap();
    let draws = ExactDistribution::new(&ising)
        .unwrap()
        .sample(300, &mut SEED.rng());
    let run = || {
        let forward = ais(&ising, &ladder, 300, &mut SEED.child("forward").rng()).unwrap();
        let reverse = reverse_ais(&ising, &ladder, draws.view(), &mut SEED.child("reverse").rng()).unwrap();
        let values = forward
            .log_weights()
            .values()
            .iter()
            .chain(reverse.log_weights().values());
        values.copied().collect::<Array1<f64>>()
    };
    same_on_any_number("log weights", run).unwrap();
    // Golden values: a change here changes every seeded result.
    let pinned = [run()[0], run()[299]];
    for (found, expected) in pinned.iter().zip(PINNED) {
        assert!((found - expected).abs() < 1e-12, "{pinned:?}");
    }
}

const PINNED: [f64; 2] = [6.324441753793136, 5.505290940447014];

#[test]
fn a_weight_that_goes_wrong_is_named_by_chain_and_temperatures() {
    let path = NormalPath {
        precision: 2.0,
        mean: 0.0,
        rho: 0.5,
    };
    let broken = |value| BrokenPath {
        path: NormalPath { ..path },
        value,
    };
    let ladder = Ladder::linear(4).unwrap();
    for value in [f64::NAN, f64::INFINITY] {
        let message = ais(&broken(value), &ladder, 200, &mut SEED.rng())
            .unwrap_err()
            .to_string();
        assert!(message.contains("log_weights[0]"), "{message}");
        assert!(
            message.contains("from inverse temperature 0.5 to 0.75"),
            "{message}"
        );
    }
    // A weight of zero is allowed, as long as it is not the only one.
    assert!(ais(&broken(f64::NEG_INFINITY), &ladder, 200, &mut SEED.rng()).is_ok());
    assert!(ais(&broken(f64::NEG_INFINITY), &ladder, 1, &mut SEED.rng()).is_err());
}

#[test]
fn arguments_without_a_meaning_are_refused() {
    let rbm = TinyRbm::random(3, 2, 0.5, SEED);
    let ladder = Ladder::linear(4).unwrap();
    let rng = &mut SEED.rng();
    assert!(
        ais(&rbm, &ladder, 0, rng)
            .unwrap_err()
            .to_string()
            .contains("n_chains")
    );
    assert!(reverse_ais(&rbm, &ladder, Array2::zeros((0, 3)).view(), rng).is_err());
    assert!(reverse_ais(&rbm, &ladder, Array2::zeros((5, 2)).view(), rng).is_err());
    assert!(reverse_ais(&rbm, &ladder, Array2::from_elem((5, 3), 0.5).view(), rng).is_err());
    let one = ais(&rbm, &ladder, 1, rng).unwrap();
    assert!(one.estimate(0.95).is_err(), "one chain has no interval");
    assert!(one.lower_bound(0.95).is_ok(), "and still a bound");
    let many = ais(&rbm, &ladder, 10, rng).unwrap();
    for level in [0.0, 1.0, -0.5, f64::NAN] {
        assert!(many.estimate(level).is_err() && many.lower_bound(level).is_err());
    }
}
