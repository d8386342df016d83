//! `log Z` followed along training against enumeration at every look.

use gibbsian_core::{Energy, Error, Kernel, Result, Seed, Space};
use gibbsian_partition::{Anchor, Ladder, LogZTracker, Tracking, enumerated_or_annealed, exact_log_z};
use gibbsian_testkit::targets::{Pairwise, Sweep};
use ndarray::{Array1, Array2, ArrayView2, ArrayViewMut1, CowArray, Ix2, array};
use rand::{Rng, RngExt};

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

/// The uniform law between two numbers.
#[derive(Clone)]
struct Interval(f64, f64);

impl Interval {
    fn holds(&self, x: f64) -> bool {
        (self.0..=self.1).contains(&x)
    }
}

impl Space for Interval {
    fn dim(&self) -> usize {
        1
    }
}

impl Energy for Interval {
    fn energy_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut1<f64>) {
        out.assign(
            &x.column(0)
                .mapv(|x| if self.holds(x) { 0.0 } else { f64::INFINITY }),
        );
    }
}

/// Independent draws for chains inside; those outside never come in.
struct Inside;

impl Kernel<Interval> for Inside {
    type State = Array2<f64>;
    type Info = ();

    fn init(&self, target: &Interval, x: Array2<f64>) -> Result<Array2<f64>> {
        match x.iter().find(|x| !target.holds(**x)) {
            None => Ok(x),
            Some(x) => Err(Error::parameter("start", x, "inside")),
        }
    }

    fn refresh(&self, _: &Interval, _: &mut Array2<f64>) {}

    fn positions<'s>(&self, state: &'s Array2<f64>) -> CowArray<'s, f64, Ix2> {
        state.view().into()
    }

    fn step(&self, target: &Interval, state: &mut Array2<f64>, rng: &mut dyn Rng) {
        state.mapv_inplace(|x| {
            let u: f64 = rng.random();
            if target.holds(x) {
                target.0 + u * (target.1 - target.0)
            } else {
                x
            }
        });
    }
}

#[test]
fn chains_that_are_all_outside_begin_anew_with_an_anchor() {
    let options = Tracking {
        n_steps: 1,
        n_warmup: 1,
        max_error: 0.1,
    };
    let mut tracker = LogZTracker::new(Inside, Array2::from_elem((100, 1), 0.5), options).unwrap();
    let mut rng = Seed::new(8).rng();
    let mut look = |model: &Interval| {
        let anchor = |m: &Interval| Ok(Anchor::exact((m.1 - m.0).ln()));
        tracker.look(model, &mut |m, _| anchor(m), &mut rng)
    };
    look(&Interval(0.0, 1.0)).unwrap();
    // Where nothing can start, the last look remains.
    assert!(
        look(&Interval(2.0, 3.0))
            .unwrap_err()
            .to_string()
            .contains("start")
    );
    assert_eq!(look(&Interval(0.0, 1.0)).unwrap().n_ratios, 1);
    // So narrow that none of 100 uniform draws is inside.
    let narrow = Interval(0.5 - 1e-9, 0.5 + 1e-9);
    let anchored = look(&narrow).unwrap();
    assert_eq!(
        (anchored.log_z, anchored.n_ratios),
        ((narrow.1 - narrow.0).ln(), 0)
    );
    let followed = look(&narrow).unwrap();
    assert_eq!((followed.log_z, followed.n_ratios), (anchored.log_z, 1));
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
