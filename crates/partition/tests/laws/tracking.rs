//! `log Z` followed along training against enumeration at every look.

use gibbsian_core::{Seed, Space};
use gibbsian_partition::{Anchor, Ladder, LogZTracker, Tracking, enumerated_or_annealed, exact_log_z};
use gibbsian_testkit::targets::{Pairwise, Sweep};
use ndarray::{Array1, Array2, array};

use crate::common::TinyRbm;

fn weak() -> Pairwise {
    Pairwise::new(Array1::zeros(4), Array2::zeros((4, 4))).unwrap()
}

fn strong() -> Pairwise {
    let couplings = array![
        [0.0, 0.0, 0.0, 0.0],
        [0.8, 0.0, 0.0, 0.0],
        [-0.6, 0.9, 0.0, 0.0],
        [0.4, -0.7, 0.5, 0.0]
    ];
    Pairwise::new(array![0.3, -0.5, 0.2, 0.6], couplings).unwrap()
}

fn tracker(max_error: f64) -> LogZTracker<Sweep, Pairwise> {
    let options = Tracking {
        n_steps: 3,
        n_warmup: 50,
        max_error,
    };
    LogZTracker::new(Sweep::Forward, Array2::ones((500, 4)), options).unwrap()
}

#[test]
fn along_a_path_of_parameters_the_error_is_within_what_is_said() {
    let mut tracker = tracker(0.05);
    let (mut n_anchors, mut longest) = (0, 0);
    let mut rng = Seed::new(1).rng();
    for t in 0..=200 {
        let model = weak().interpolate(&strong(), f64::from(t) / 200.0);
        let exact = exact_log_z(&model).unwrap();
        let tracked = tracker
            .look(&model, &mut |m, _| Ok(Anchor::exact(exact_log_z(m)?)), &mut rng)
            .unwrap();
        n_anchors += usize::from(tracked.n_ratios == 0);
        longest = longest.max(tracked.n_ratios);
        // Errors are added without squaring, so five of them are more than five of the sum: below one in a million a look.
        let error = (tracked.log_z - exact).abs();
        assert!(
            error <= 5.0 * tracked.standard_error + 1e-13,
            "look {t}: {error:e} with {tracked:?}"
        );
        assert!(tracked.standard_error <= 0.05);
        let likelihood = tracked.mean_log_likelihood(1.5);
        assert_eq!(likelihood, -1.5 - tracked.log_z);
    }
    // The move costs some three nats of work, in 200 ratios whose errors are 1/√500 of their spread.
    assert!((2..=20).contains(&n_anchors), "{n_anchors} anchors");
    assert!(longest >= 20, "{longest} ratios at a time");
}

#[test]
fn a_model_that_stands_still_keeps_its_number_and_one_that_jumps_is_anchored() {
    let mut tracker = tracker(0.05);
    let mut rng = Seed::new(2).rng();
    let mut look =
        |model: &Pairwise, anchor: Anchor| tracker.look(model, &mut |_, _| Ok(anchor), &mut rng).unwrap();
    let anchor = Anchor {
        log_z: 7.0,
        standard_error: 0.01,
    };
    let first = look(&weak(), anchor);
    assert_eq!(
        (first.log_z, first.standard_error, first.n_ratios),
        (7.0, 0.01, 0)
    );
    let still = look(&weak(), Anchor::exact(f64::NAN));
    assert_eq!(
        (still.log_z, still.standard_error, still.n_ratios),
        (7.0, 0.01, 1)
    );
    // Fields of four nats leave a handful of 500 uniform draws to matter.
    let far = Pairwise::new(Array1::from_elem(4, 4.0), Array2::zeros((4, 4))).unwrap();
    let jumped = look(&far, Anchor::exact(9.0));
    assert_eq!(
        (jumped.log_z, jumped.standard_error, jumped.n_ratios),
        (9.0, 0.0, 0)
    );
}

#[test]
fn a_model_that_is_refused_leaves_the_last_look() {
    let mut tracker = tracker(0.05);
    let mut rng = Seed::new(7).rng();
    let mut look =
        |model: &Pairwise| tracker.look(model, &mut |m, _| Ok(Anchor::exact(exact_log_z(m)?)), &mut rng);
    look(&weak()).unwrap();
    // Finite fields whose energy is not.
    let huge = Pairwise::new(Array1::from_elem(4, 1e308), Array2::zeros((4, 4))).unwrap();
    assert!(look(&huge).is_err());
    assert_eq!(look(&weak()).unwrap().n_ratios, 1);
}

#[test]
fn an_anchor_is_exact_where_states_can_be_listed_and_annealed_where_not() {
    let mut rng = Seed::new(3).rng();
    let ladder = Ladder::linear(200).unwrap();
    let small = TinyRbm::random(6, 4, 0.8, Seed::new(4));
    let anchor = enumerated_or_annealed(&small, &small, &ladder, 100, &mut rng).unwrap();
    assert_eq!(anchor, Anchor::exact(exact_log_z(&small).unwrap()));
    let large = TinyRbm::random(21, 3, 0.8, Seed::new(5));
    assert!(large.dim() > 20);
    let anchor = enumerated_or_annealed(&large, &large, &ladder, 500, &mut rng).unwrap();
    let error = (anchor.log_z - exact_log_z(&large).unwrap()).abs();
    assert!(
        anchor.standard_error > 0.0 && error <= 5.0 * anchor.standard_error,
        "{error} with {anchor:?}"
    );
}

#[test]
fn what_cannot_track_is_refused() {
    let new =
        |n, options| LogZTracker::<Sweep, Pairwise>::new(Sweep::Forward, Array2::ones((n, 4)), options).err();
    let named = |e: Option<gibbsian_core::Error>| e.unwrap().to_string();
    assert!(named(new(49, Tracking::default())).contains("`n_chains` is 49"));
    let options = Tracking::default();
    assert!(
        named(new(
            50,
            Tracking {
                n_steps: 0,
                ..options
            }
        ))
        .contains("`n_steps`")
    );
    assert!(
        named(new(
            50,
            Tracking {
                max_error: 0.0,
                ..options
            }
        ))
        .contains("`max_error`")
    );
}
