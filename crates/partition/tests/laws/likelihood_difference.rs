//! Two models compared on data from one of them: the interval holds, and the verdict knows what it does not know.

use crate::common::{TinyRbm, assert_covers};
use gibbsian_core::{Energy, Seed};
use gibbsian_partition::{
    Estimate, ExactDistribution, Ladder, LikelihoodDifference, LikelihoodVerdict, Reliability, ais,
    exact_log_z,
};
use ndarray::{Array1, array};

const SEED: Seed = Seed::new(20_261_105);

fn estimate(rbm: &TinyRbm, n_chains: usize, seed: Seed) -> Estimate {
    let run = ais(rbm, &Ladder::linear(8).unwrap(), n_chains, &mut seed.rng()).unwrap();
    run.estimate(0.95).unwrap()
}

#[test]
fn intervals_for_these_cases_and_for_their_source_cover() {
    let a = TinyRbm::random(6, 4, 0.8, SEED.child("a"));
    let b = TinyRbm::random(6, 4, 0.8, SEED.child("b"));
    let exact = ExactDistribution::new(&a).unwrap();
    let truth = exact.kl_to(&ExactDistribution::new(&b).unwrap()).unwrap();
    let log_ratio = exact_log_z(&a).unwrap() - exact_log_z(&b).unwrap();
    let n = 1_000;
    let (mut these, mut source, mut first) = (0, 0, 0);
    for i in 0..n {
        let seed = SEED.child("repeat").nth(i);
        let x = exact.sample(80, &mut seed.child("cases").rng());
        let (f_a, f_b) = (-a.energy(x.view()), -b.energy(x.view()));
        let (z_a, z_b) = (
            estimate(&a, 60, seed.child("z a")),
            estimate(&b, 60, seed.child("z b")),
        );
        let found = LikelihoodDifference::new(f_a.view(), f_b.view(), &z_a, &z_b).unwrap();
        let of_cases = (&f_a - &f_b).sum() / 80.0 - log_ratio;
        these += usize::from(found.these_cases.contains(of_cases));
        source += usize::from(found.their_source.contains(truth));
        first += usize::from(found.verdict != LikelihoodVerdict::Second);
        assert!(found.their_source.width() > found.these_cases.width());
    }
    assert_covers("these cases", these, n as usize);
    assert_covers("their source", source, n as usize);
    // Data from the first model: the second is never better in truth, and called so in at most half of the error allowed.
    assert!(first as f64 >= 0.975 * n as f64, "{first}");
}

#[test]
fn verdicts_follow_the_interval_and_the_normalisers() {
    let rbm = TinyRbm::random(5, 3, 0.5, SEED.child("one"));
    let z = estimate(&rbm, 2_000, SEED.child("z"));
    let f: Array1<f64> = array![-3.0, -5.0, -2.0, -4.0];
    let compare = |shift: f64, z_b: &Estimate| {
        LikelihoodDifference::new(f.view(), (&f - shift).view(), &z, z_b).unwrap()
    };
    assert_eq!(compare(2.0, &z).verdict, LikelihoodVerdict::First);
    assert_eq!(compare(-2.0, &z).verdict, LikelihoodVerdict::Second);
    assert_eq!(compare(0.0, &z).verdict, LikelihoodVerdict::Undecided);
    let doubtful = Estimate {
        reliability: Reliability::TooFewEffective {
            effective_sample_size: 3.0,
        },
        ..z
    };
    let found = compare(2.0, &doubtful);
    assert_eq!(found.verdict, LikelihoodVerdict::Untrusted);
    assert!(found.to_string().contains("not to be trusted"), "{found}");
    // The same constant added to every case of both models cancels, however the cases differ.
    assert!((compare(2.0, &z).their_source.width() - compare(0.0, &z).their_source.width()).abs() < 1e-12);
}

#[test]
fn what_does_not_fit_is_refused_by_name() {
    let rbm = TinyRbm::random(5, 3, 0.5, SEED.child("one"));
    let z = estimate(&rbm, 200, SEED.child("z"));
    let refused = |a: &[f64], b: &[f64], z_b: &Estimate| {
        LikelihoodDifference::new(ndarray::aview1(a), ndarray::aview1(b), &z, z_b)
            .unwrap_err()
            .to_string()
    };
    assert!(refused(&[1.0], &[1.0], &z).contains("1 test cases"));
    assert!(refused(&[1.0, 2.0], &[1.0], &z).contains("`log_f_b` has shape [1]"));
    assert!(refused(&[1.0, f64::NAN], &[1.0, 2.0], &z).contains("`log_f_a[1]` is NaN"));
    assert!(refused(&[1.0, 2.0], &[f64::NEG_INFINITY, 2.0], &z).contains("`log_f_b[0]` is -inf"));
    let mut other = z;
    other.interval.level = 0.9;
    assert!(refused(&[1.0, 2.0], &[1.0, 2.0], &other).contains("level"));
}
