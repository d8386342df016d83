//! Methods held against each other agree where their assumptions hold, and say so where one does not.

use crate::common::{NormalPath, TinyRbm};
use gibbsian_core::{Path, Seed};
use gibbsian_partition::{
    Comparison, ComparisonVerdict, ForwardAis, Interval, Ladder, LogWeights, Quadrature, Reach, RungDraws,
    RungSampling, Smc, ais, exact_log_z, importance, ladder_bridge, mbar, sample_rungs, smc, stepping_stone,
    thermodynamic,
};

const SEED: Seed = Seed::new(20_261_104);

/// Every method that needs no exact draws of the target.
fn all_methods<P: Path>(path: &P, seed: Seed) -> Comparison {
    let ladder = Ladder::linear(8).unwrap();
    let sampling = RungSampling {
        n_chains: 200,
        reach: Reach::All,
        ..RungSampling::new()
    };
    let draws = sample_rungs(path, &ladder, &sampling, &mut seed.child("rungs").rng()).unwrap();
    let annealed = ais(
        path,
        &Ladder::linear(50).unwrap(),
        300,
        &mut seed.child("ais").rng(),
    )
    .unwrap();
    let islands = smc(path, &ladder, &Smc::new(20), 100, &mut seed.child("smc").rng()).unwrap();
    let simple = importance(path, 5_000, &mut seed.child("importance").rng()).unwrap();
    let integral = thermodynamic(&draws, Quadrature::Simpson, 0.95).unwrap();
    Comparison::new()
        .with("annealing", annealed.estimate(0.95).unwrap())
        .with(
            "sequential Monte Carlo",
            islands.unbiased().estimate(0.95).unwrap(),
        )
        .with("importance sampling", simple.estimate(0.95).unwrap())
        .with("bridges", ladder_bridge(&draws, 0.95).unwrap())
        .with("all rungs", mbar(&draws, 0.95).unwrap().estimate)
        .with("stepping stones", stepping_stone(&draws, 0.95).unwrap())
        .with("integral", integral.estimate)
        .with_bracket("rectangles", integral.bounds)
}

#[test]
fn all_methods_agree_on_a_machine_and_the_table_shows_them() {
    let rbm = TinyRbm::random(8, 5, 0.6, SEED.child("rbm"));
    let comparison = all_methods(&rbm, SEED.child("methods"));
    assert_eq!(
        comparison.verdict(),
        ComparisonVerdict::Agree { n_trusted: 7 },
        "{comparison}"
    );
    let truth = exact_log_z(&rbm).unwrap();
    for (name, estimate) in comparison.estimates() {
        let errors = (estimate.log_z - truth).abs() / estimate.standard_error;
        assert!(errors < 5.0, "{name} is off by {errors} standard errors");
    }
    let table = comparison.to_string();
    assert_eq!(table.lines().count(), 9, "{table}");
    assert!(table.ends_with("7 trusted estimates agree"), "{table}");
    assert!(
        table.contains("stepping stones") && table.contains("bracket at 95.0 %"),
        "{table}"
    );
}

#[test]
fn a_wrong_normaliser_of_one_method_is_a_contradiction() {
    let rbm = TinyRbm::random(6, 4, 0.5, SEED.child("small"));
    let right = ais(
        &rbm,
        &Ladder::linear(50).unwrap(),
        300,
        &mut SEED.child("right").rng(),
    )
    .unwrap();
    let values = right.log_weights().values();
    let shifted = LogWeights::new(values.iter().map(|l| l + 0.5).collect()).unwrap();
    let wrong = ForwardAis::from_log_weights(shifted);
    let right = right.estimate(0.95).unwrap();
    let both = Comparison::new()
        .with("right", right)
        .with("wrong", wrong.estimate(0.95).unwrap());
    assert!(
        matches!(both.verdict(), ComparisonVerdict::Disagree { ref first, ref second, standard_errors }
            if first == "right" && second == "wrong" && standard_errors > 5.0),
        "{both}"
    );
    let bracket = |lower: f64, upper: f64| Interval {
        lower: right.log_z + lower,
        upper: right.log_z + upper,
        level: 0.95,
    };
    let inside = Comparison::new()
        .with("right", right)
        .with_bracket("inside", bracket(-1.0, 1.0));
    assert_eq!(inside.verdict(), ComparisonVerdict::Inconclusive { n_trusted: 1 });
    let above = inside.with_bracket("above", bracket(1.5, f64::INFINITY));
    assert!(
        matches!(above.verdict(), ComparisonVerdict::Disagree { standard_errors, .. } if standard_errors.is_infinite()),
        "{above}"
    );
    let outside = Comparison::new()
        .with("right", right)
        .with_bracket("outside", bracket(1.0, 2.0));
    assert!(
        matches!(outside.verdict(), ComparisonVerdict::Disagree { ref second, .. } if second == "outside"),
        "{outside}"
    );
    assert_eq!(
        Comparison::new().verdict(),
        ComparisonVerdict::Inconclusive { n_trusted: 0 }
    );
}

#[test]
fn what_is_not_trusted_is_shown_and_not_counted() {
    // One step of 7 standard deviations: importance sampling is off by many nats, and the bridge is uncertain.
    let path = NormalPath {
        precision: 1.0,
        mean: 7.0,
        rho: 0.3,
    };
    let ladder = Ladder::linear(1).unwrap();
    let exact = path.rung_draws(&ladder, 500, &mut SEED.rng());
    let draws = RungDraws::from_exact_draws(&path, &ladder, &exact, Reach::Neighbours).unwrap();
    let simple = importance(&path, 1_000, &mut SEED.rng())
        .unwrap()
        .estimate(0.95)
        .unwrap();
    let comparison = Comparison::new()
        .with("importance sampling", simple)
        .with("bridge", ladder_bridge(&draws, 0.95).unwrap())
        .with("stones", stepping_stone(&draws, 0.95).unwrap());
    assert_eq!(
        comparison.verdict(),
        ComparisonVerdict::Inconclusive { n_trusted: 0 },
        "{comparison}"
    );
    assert!(
        comparison
            .to_string()
            .contains("no overlap between inverse temperatures 0 and 1"),
        "{comparison}"
    );
}
