//! RAISE scores exactly the law of the annealing model, and certificates say what they may.

use crate::common::{ALPHA, NormalPath, TinyRbm};
use gibbsian_core::{Path, Seed};
use gibbsian_partition::{
    Certificate, CertificateVerdict, ExactDistribution, Inconclusive, Ladder, ais, raise,
};
use gibbsian_testkit::stats::{Test, family, mean};
use gibbsian_testkit::threads::same_on_any_number;
use ndarray::{Array1, Array2, Axis, concatenate};

const SEED: Seed = Seed::new(20_260_102);

fn short_ladder() -> Ladder {
    Ladder::new(vec![0.0, 0.4, 0.7, 1.0]).unwrap()
}

/// `p_ann`, the law of the end of a forward chain: `f_0 / Z_0` times the transition matrices at `β_1 … β_K`.
fn annealing_law(rbm: &TinyRbm, ladder: &Ladder, states: &Array2<f64>) -> Array1<f64> {
    let mut law = rbm
        .log_tempered(0.0, states.view())
        .mapv(|l| (l - rbm.log_z_start()).exp());
    for &beta in &ladder.betas()[1..] {
        law = law.dot(&rbm.transition_matrix(beta, states.view()));
    }
    law
}

#[test]
fn the_mean_of_the_estimate_is_the_probability_under_the_annealing_model() {
    let rbm = TinyRbm::random(4, 3, 4.0, SEED.child("rbm"));
    let ladder = short_ladder();
    let exact = ExactDistribution::new(&rbm).unwrap();
    let states = exact.states().to_owned();
    let law = annealing_law(&rbm, &ladder, &states);
    assert!((law.sum() - 1.0).abs() < 1e-12);
    // The ladder is so short that the annealing model is another model: the test can tell p_ann from p.
    let distance = 0.5 * (&law - &exact.probabilities()).mapv(f64::abs).sum();
    assert!(distance > 0.02, "{distance}");

    // Each state many times over, one chain each: E p̂ = p_ann for every state, at 10⁻⁶ over all sixteen together.
    let repeats = 5_000;
    let cases = Array2::from_shape_fn((16 * repeats, 4), |(t, i)| states[[t % 16, i]]);
    let run = raise(&rbm, &ladder, cases.view(), 1, &mut SEED.child("raise").rng()).unwrap();
    let tests: Vec<Test> = (0..16)
        .map(|state| {
            let logs = run.log_probabilities().iter().skip(state).step_by(16);
            let estimates: Vec<f64> = logs.map(|l| l.exp()).collect();
            mean(&format!("p̂ of state {state}"), &estimates, law[state])
        })
        .collect();
    family(&tests, ALPHA).unwrap();
}

#[test]
fn chains_are_averaged_inside_the_logarithm() {
    let rbm = TinyRbm::random(4, 3, 4.0, SEED.child("rbm"));
    let ladder = short_ladder();
    let states = crate::common::binary_states(4);
    let law = annealing_law(&rbm, &ladder, &states);
    let run = raise(
        &rbm,
        &ladder,
        states.view(),
        4_000,
        &mut SEED.child("inside").rng(),
    )
    .unwrap();
    // Single chains scatter with a coefficient of variation near 1, so 4,000 of them reach 0.016; a tenth is six times that.
    for (found, expected) in run.log_probabilities().iter().zip(&law) {
        assert!((found - expected.ln()).abs() < 0.1, "{found} {}", expected.ln());
    }
    let exact = ExactDistribution::new(&rbm).unwrap();
    for (target, log_p) in run.log_targets().iter().zip(exact.log_probabilities()) {
        assert!((target - exact.log_z() - log_p).abs() < 1e-12);
    }
}

#[test]
fn a_certificate_brackets_the_exact_test_log_probability() {
    let rbm = TinyRbm::random(8, 5, 0.7, SEED.child("certified"));
    let exact = ExactDistribution::new(&rbm).unwrap();
    let cases = exact.sample(500, &mut SEED.child("cases").rng());
    let truth = -rbm_energy_mean(&rbm, &cases) - exact.log_z();
    let ladder = Ladder::linear(200).unwrap();
    let forward = ais(&rbm, &ladder, 1_000, &mut SEED.child("forward").rng()).unwrap();
    let conservative = raise(&rbm, &ladder, cases.view(), 10, &mut SEED.child("raise").rng()).unwrap();
    let certificate = Certificate::new(&forward, &conservative, 0.999, 0.2).unwrap();
    assert!(certificate.bounds.contains(truth), "{certificate}, truth {truth}");
    assert!(
        matches!(certificate.verdict, CertificateVerdict::Certified { gap } if gap <= 0.2),
        "{certificate}"
    );
    // The spread between cases is nats; pairing removes it from the error of the gap.
    assert!(
        certificate.gap_standard_error < 0.3 * certificate.test_case_standard_error,
        "{certificate}"
    );
    let strict = Certificate::new(&forward, &conservative, 0.999, 1e-3).unwrap();
    assert!(
        matches!(strict.verdict, CertificateVerdict::Inconclusive { .. }),
        "{strict}"
    );
}

fn rbm_energy_mean(rbm: &TinyRbm, cases: &Array2<f64>) -> f64 {
    -rbm.log_tempered(1.0, cases.view()).mean().unwrap()
}

#[test]
fn a_coarse_ladder_is_inconclusive_and_an_annealing_model_that_fits_better_is_a_contradiction() {
    // A narrow target far from the base, with transitions that hardly move: the annealing model stays near the base.
    let path = NormalPath {
        precision: 4.0,
        mean: 3.0,
        rho: 0.95,
    };
    let ladder = Ladder::linear(5).unwrap();
    let mut rng = SEED.child("coarse").rng();
    let near_base = path.start(400, &mut rng);
    let near_target = &near_base / 2.0 + 3.0;
    let forward = ais(&path, &ladder, 1_000, &mut rng).unwrap();
    let of = |cases: &Array2<f64>| {
        let run = raise(&path, &ladder, cases.view(), 50, &mut SEED.child("cases").rng()).unwrap();
        Certificate::new(&forward, &run, 0.95, 0.5).unwrap()
    };
    let apart = of(&near_target);
    assert!(
        matches!(
            apart.verdict,
            CertificateVerdict::Inconclusive {
                why: Inconclusive::EndsApart { .. }
            }
        ),
        "{apart}"
    );
    let crossed = of(&near_base);
    assert!(
        matches!(crossed.verdict, CertificateVerdict::Contradiction { .. }),
        "{crossed}"
    );
    assert!(crossed.bounds.contains(crossed.optimistic), "{crossed}");
    assert!(of(&concatenate![Axis(0), near_base, near_target]).n_cases == 800);
}

#[test]
fn results_do_not_depend_on_threads_and_bad_arguments_are_refused() {
    let rbm = TinyRbm::random(5, 4, 1.0, SEED.child("threads"));
    let ladder = Ladder::linear(8).unwrap();
    let cases = ExactDistribution::new(&rbm).unwrap().sample(100, &mut SEED.rng());
    let run = || {
        let run = raise(&rbm, &ladder, cases.view(), 7, &mut SEED.child("run").rng()).unwrap();
        Array1::from(run.log_probabilities().to_vec())
    };
    same_on_any_number("log p̂", run).unwrap();

    let rng = &mut SEED.rng();
    assert!(raise(&rbm, &ladder, cases.view(), 0, rng).is_err());
    assert!(raise(&rbm, &ladder, Array2::zeros((0, 5)).view(), 1, rng).is_err());
    assert!(raise(&rbm, &ladder, Array2::zeros((1, 4)).view(), 1, rng).is_err());
    assert!(raise(&rbm, &ladder, Array2::from_elem((1, 5), 2.0).view(), 1, rng).is_err());
    let one = raise(&rbm, &ladder, Array2::zeros((1, 5)).view(), 1, rng).unwrap();
    let forward = ais(&rbm, &ladder, 10, rng).unwrap();
    assert!(
        Certificate::new(&forward, &one, 0.95, 0.1).is_err(),
        "one case has no error"
    );
    let two = raise(&rbm, &ladder, Array2::zeros((2, 5)).view(), 1, rng).unwrap();
    assert!(Certificate::new(&forward, &two, 0.95, 0.1).is_ok());
    let alone = ais(&rbm, &ladder, 1, rng).unwrap();
    assert!(
        Certificate::new(&alone, &two, 0.95, 0.1).is_err(),
        "one chain has no error"
    );
}
