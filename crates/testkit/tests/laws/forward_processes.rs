//! The forward processes of core keep every promise of their trait.

use gibbsian_core::process::{
    ChangedClock, Cosine, DiscreteSchedule, ElucidatedNoise, FunctionClock, Matched, OrnsteinUhlenbeck,
    Rectified, Schedule, SteadyClock, SubVariancePreserving, VarianceExploding, VariancePreserving,
};
use gibbsian_core::{At, LinearGaussian, Score, ScoreFrom, ScoreJvp};
use gibbsian_testkit::conformance::linear_gaussian;
use gibbsian_testkit::targets::{Mixture, Noised};
use gibbsian_testkit::verdict::Verdict;
use ndarray::{Array1, Array2, array};

#[test]
fn variance_exploding() -> Verdict {
    for (low, high) in [(0.01, 50.0), (0.1, 10.0), (2.0, 7.0), (1.0, 1.0001)] {
        linear_gaussian(&VarianceExploding::new(low, high).unwrap())?;
    }
    Ok(())
}

#[test]
fn variance_preserving() -> Verdict {
    for (low, high) in [(0.1, 20.0), (0.0, 5.0), (3.0, 3.0), (1e-4, 0.02)] {
        linear_gaussian(&VariancePreserving::new(low, high).unwrap())?;
    }
    Ok(())
}

#[test]
fn sub_variance_preserving() -> Verdict {
    for (low, high) in [(0.1, 20.0), (0.0, 5.0), (3.0, 3.0), (1e-4, 0.02)] {
        linear_gaussian(&SubVariancePreserving::new(low, high).unwrap())?;
    }
    Ok(())
}

#[test]
fn ornstein_uhlenbeck() -> Verdict {
    for horizon in [0.01, 1.0, 12.0] {
        linear_gaussian(&OrnsteinUhlenbeck::new(horizon).unwrap())?;
    }
    Ok(())
}

#[test]
fn cosine() -> Verdict {
    for (offset, horizon) in [(0.008, 0.9999), (0.008, 0.5), (0.0, 0.99), (1.0, 0.9)] {
        linear_gaussian(&Cosine::new(offset, horizon).unwrap())?;
    }
    Ok(())
}

#[test]
fn rectified() -> Verdict {
    for horizon in [0.01, 0.9, 0.9999] {
        linear_gaussian(&Rectified::new(horizon).unwrap())?;
    }
    Ok(())
}

#[test]
fn elucidated_noise() -> Verdict {
    for sigma_max in [1e-3, 1.0, 80.0] {
        linear_gaussian(&ElucidatedNoise::new(sigma_max).unwrap())?;
    }
    Ok(())
}

#[test]
fn schedules() -> Verdict {
    linear_gaussian(&Schedule::from_log_snr(1.0, |t| (10.0 - 20.0 * t, -20.0)).unwrap())?;
    linear_gaussian(&Schedule::from_log_snr(3.0, |t: f64| (-2.0 * t.ln(), -2.0 / t)).unwrap())?;
    linear_gaussian(&Schedule::new(SteadyClock::new(3.0, 2.0).unwrap()))?;
    let quadratic = FunctionClock::new(1.0, |t| (9.0 * t * t, 18.0 * t)).unwrap();
    linear_gaussian(&Schedule::new(quadratic))?;
    let exploding = VarianceExploding::new(0.1, 10.0).unwrap();
    let clock = FunctionClock::new(2.0, |t: f64| (0.5 * t.sin(), 0.5 * t.cos()));
    // It stands still at π/2 and then goes back.
    assert!(clock.unwrap_err().to_string().contains("`clock(1.578125)`"));
    let clock = FunctionClock::new(1.5, |t: f64| (0.5 * t.sin(), 0.5 * t.cos())).unwrap();
    linear_gaussian(&ChangedClock::new(exploding, clock).unwrap())?;
    linear_gaussian(&ChangedClock::new(OrnsteinUhlenbeck::new(1.0).unwrap(), clock).unwrap())
}

#[test]
fn discrete_chains() -> Verdict {
    // Tables of one cubic, as far as the differences of the check reach, but for the middle of the last.
    linear_gaussian(&Schedule::new(
        DiscreteSchedule::new(Array1::from_elem(32, 0.1)).unwrap(),
    ))?;
    linear_gaussian(&Schedule::new(DiscreteSchedule::new(array![0.7]).unwrap()))?;
    linear_gaussian(&Schedule::new(DiscreteSchedule::new(array![0.3, 0.7]).unwrap()))
}

/// Two modes in two dimensions.
fn mixture() -> Mixture {
    Mixture::new(
        array![0.3, 0.7],
        array![[-2.0, 0.0], [2.0, 1.0]],
        array![0.5, 0.3],
    )
    .unwrap()
}

/// Scores, Jacobian-vector products and divergences along `to` from those along `from`, against the exact ones.
fn translates<P: LinearGaussian + Copy, Q: LinearGaussian + Copy>(from: P, to: Q) {
    let way = Matched::new(from, to).unwrap();
    let translated = ScoreFrom::new(Noised::new(mixture(), from), way);
    let exact = Noised::new(mixture(), to);
    let x = array![[0.3, -0.2], [1.9, 0.8], [-4.0, 3.0], [0.0, 0.0]];
    let v = array![[1.0, 0.5], [-0.3, 2.0], [0.0, 1.0], [1.0, 1.0]];
    for share in [0.01, 0.2, 0.5, 0.9, 1.0] {
        let t = array![share, share, 0.3, share] * to.horizon();
        let (translated, exact) = (At::new(&translated, t.view()), At::new(&exact, t.view()));
        let both = |model: &dyn ScoreJvp| {
            let (mut s, mut jv) = (Array2::zeros((4, 2)), Array2::zeros((4, 2)));
            model.score_jvp_into(x.view(), v.view(), s.view_mut(), jv.view_mut());
            (s, jv)
        };
        let ((s, jv), (s_exact, jv_exact)) = (both(&translated), both(&exact));
        for (found, expected) in [
            (&s, &s_exact),
            (&translated.score(x.view()), &s_exact),
            (&jv, &jv_exact),
        ] {
            let scale = expected.iter().fold(1.0, |m: f64, e| m.max(e.abs()));
            for (found, expected) in found.iter().zip(expected) {
                assert!(
                    (found - expected).abs() < 1e-12 * scale,
                    "{found} instead of {expected} at {share} of the horizon"
                );
            }
        }
        let (found, expected) = (translated.divergence(x.view()), exact.divergence(x.view()));
        for (found, expected) in found.iter().zip(&expected) {
            assert!((found - expected).abs() < 1e-12 * (1.0 + expected.abs()));
        }
    }
}

#[test]
fn scores_along_one_process_give_those_along_another() {
    let exploding = VarianceExploding::new(0.01, 1000.0).unwrap();
    let preserving = VariancePreserving::new(0.1, 12.0).unwrap();
    translates(exploding, preserving);
    translates(ElucidatedNoise::new(1000.0).unwrap(), preserving);
    translates(preserving, Rectified::new(0.9).unwrap());
    translates(Cosine::new(0.008, 0.999).unwrap(), preserving);
    translates(
        SubVariancePreserving::new(0.1, 20.0).unwrap(),
        OrnsteinUhlenbeck::new(3.0).unwrap(),
    );
    translates(preserving, preserving);
}
