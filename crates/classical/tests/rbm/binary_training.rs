//! Fused training steps: what they promise as training steps and snapshots, their monitors, refusals and pinned values.
//!
//! That they are the generic steps is shown where the generic objectives are at hand, in the crate that sees all others.
//!
//! reason for length: both kinds of step go through the same laws with the same machines and data.

use crate::common::{layer, machine, means};
use crate::fused::{binary_rows, pair};
use gibbsian_classical::{
    Arithmetic, BinaryRbm, FusedContrastiveDivergence, FusedOptions, FusedPersistent, Rbm,
};
use gibbsian_core::simd::Level;
use gibbsian_core::{Parametric, ParametricMut, Seed, Snapshot, TrainStep};
use gibbsian_testkit::agreement::identical;
use gibbsian_testkit::{conformance, threads};
use ndarray::{Array1, Array2, ArrayView2, array, s};

const PLAIN: FusedOptions = FusedOptions {
    n_steps: 1,
    momentum: 0.0,
    weight_decay: 0.0,
    arithmetic: Arithmetic::Fastest,
};
const HEAVY: FusedOptions = FusedOptions {
    n_steps: 3,
    momentum: 0.75,
    weight_decay: 0.01,
    arithmetic: Arithmetic::Fastest,
};
const DECAYING: FusedOptions = FusedOptions {
    weight_decay: 0.01,
    ..PLAIN
};

fn cd(settings: FusedOptions) -> FusedContrastiveDivergence {
    FusedContrastiveDivergence::new(settings).unwrap()
}

fn pcd(settings: FusedOptions, n_chains: usize, n_visible: usize) -> FusedPersistent {
    FusedPersistent::new(settings, binary_rows(n_chains, n_visible, 0.5, 77).view()).unwrap()
}

/// The parameters and what each of `n` steps returned; the minibatches differ in size.
fn trained<S: TrainStep<BinaryRbm>>(
    mut step: S,
    mut model: BinaryRbm,
    x: ArrayView2<f64>,
    n: usize,
) -> Array1<f64> {
    let mut rng = Seed::new(3).rng();
    let mut returned = Vec::new();
    for k in 0..n {
        let x = x.slice(s![k % 3.., ..]);
        returned.push(step.train_step(&mut model, x, 0.05, &mut rng).unwrap());
    }
    model.params().into_iter().chain(returned).collect()
}

#[test]
fn steps_obey_the_laws_of_their_trait() {
    for settings in [PLAIN, DECAYING, HEAVY] {
        for (v, h) in [(5, 3), (70, 129)] {
            let (fast, _) = pair(v, h, 0.3, 0.5, 1);
            for x in [binary_rows(37, v, 0.4, 2), means(37, v, 2)] {
                conformance::train_step(|| cd(settings), &fast, x.view(), 0.05, Seed::new(1)).unwrap();
                conformance::train_step(|| pcd(settings, 41, v), &fast, x.view(), 0.05, Seed::new(2))
                    .unwrap();
            }
        }
    }
}

#[test]
fn twenty_steps_have_the_same_bits_on_any_number_of_threads_and_at_every_vector_width() {
    let (fast, _) = pair(130, 200, 0.1, 0.3, 2);
    for x in [binary_rows(70, 130, 0.3, 3), means(70, 130, 3)] {
        let runs: [(&str, &(dyn Fn() -> Array1<f64> + Sync)); 3] = [
            ("contrastive divergence", &|| {
                trained(cd(PLAIN), fast.clone(), x.view(), 20)
            }),
            ("with momentum and decay", &|| {
                trained(cd(HEAVY), fast.clone(), x.view(), 20)
            }),
            ("persistent", &|| {
                trained(pcd(HEAVY, 50, 130), fast.clone(), x.view(), 20)
            }),
        ];
        for (name, run) in runs {
            threads::same_on_any_number(name, run).unwrap();
            let reference = run();
            for level in Level::ALL {
                Level::limit(level);
                identical(&format!("{name} at {level:?}"), &run(), &reference).unwrap();
            }
        }
    }
}

#[test]
fn snapshots_restore_every_bit() {
    let (fast, _) = pair(70, 66, 0.2, 0.3, 3);
    let x = binary_rows(20, 70, 0.3, 3);
    let used = |settings: FusedOptions, seed: u64| {
        let (mut cd, mut pcd) = (cd(settings), pcd(settings, 30, 70));
        let (mut model, mut rng) = (fast.clone(), Seed::new(seed).rng());
        for _ in 0..3 {
            cd.train_step(&mut model, x.view(), 0.05, &mut rng).unwrap();
            pcd.train_step(&mut model, x.view(), 0.05, &mut rng).unwrap();
        }
        (cd, pcd)
    };
    let (cd_a, pcd_a) = used(HEAVY, 1);
    let (mut cd_b, mut pcd_b) = used(HEAVY, 2);
    conformance::snapshot(&cd_a, &mut cd_b).unwrap();
    conformance::snapshot(&pcd_a, &mut pcd_b).unwrap();
    // At rest there are only chains.
    conformance::snapshot(&used(PLAIN, 1).1, &mut used(PLAIN, 2).1).unwrap();
}

/// Requires an interrupted run to end as the uninterrupted one.
fn resumes<S: TrainStep<BinaryRbm> + Snapshot>(make: impl Fn() -> S) {
    let (fast, _) = pair(70, 66, 0.2, 0.3, 3);
    let x = binary_rows(20, 70, 0.3, 3);
    let run = |step: &mut S, model: &mut BinaryRbm, steps: std::ops::Range<u64>| {
        for k in steps {
            let mut rng = Seed::new(5).nth(k).rng();
            step.train_step(model, x.view(), 0.05, &mut rng).unwrap();
        }
    };
    let (mut step, mut model) = (make(), fast.clone());
    run(&mut step, &mut model, 0..5);
    let (mut resumed_step, mut resumed) = (make(), fast.clone());
    resumed.restore(&model.snapshot()).unwrap();
    resumed_step.restore(&step.snapshot()).unwrap();
    run(&mut step, &mut model, 5..10);
    run(&mut resumed_step, &mut resumed, 5..10);
    identical("a resumed run", &resumed.params(), &model.params()).unwrap();
    assert_eq!(resumed_step.snapshot(), step.snapshot());
}

#[test]
fn an_interrupted_run_ends_as_the_uninterrupted_one() {
    for settings in [PLAIN, HEAVY] {
        resumes(|| cd(settings));
        resumes(|| pcd(settings, 30, 70));
    }
}

#[test]
fn a_momentum_that_is_switched_on_starts_from_rest() {
    let (fast, _) = pair(70, 66, 0.2, 0.3, 3);
    let x = binary_rows(20, 70, 0.3, 3);
    let last_step = |history: &[f64]| {
        let mut step = cd(PLAIN);
        let mut model = fast.clone();
        for (k, momentum) in history.iter().enumerate() {
            step.set_momentum(*momentum).unwrap();
            if k + 1 == history.len() {
                // The same machine for every history.
                model = fast.clone();
            }
            step.train_step(&mut model, x.view(), 0.05, &mut Seed::new(1).rng())
                .unwrap();
        }
        model.params()
    };
    let fresh = last_step(&[0.5]);
    identical("after no momentum", &last_step(&[0.0, 0.5]), &fresh).unwrap();
    identical("after a pause", &last_step(&[0.5, 0.0, 0.5]), &fresh).unwrap();
    assert_ne!(last_step(&[0.5, 0.5]), fresh);
}

/// A machine whose visible units are `pattern`, for certain.
fn certain(pattern: ArrayView2<f64>) -> BinaryRbm {
    let bias = pattern.row(0).mapv(|v| 2000.0 * v - 1000.0);
    let n = bias.len();
    BinaryRbm::from(&Rbm::new(layer(bias), layer(Array1::zeros(2)), Array2::zeros((n, 2))).unwrap())
}

#[test]
fn the_monitors_are_what_they_are_said_to_be() {
    let pattern = array![[1.0, 0.0, 0.0, 1.0, 1.0]];
    let mut rng = Seed::new(1).rng();
    // The means are numbers of single precision, and so are the distances.
    for x in [
        array![
            [1.0, 0.0, 1.0, 0.0, 1.0],
            [0.0, 0.0, 0.0, 0.0, 0.0],
            [1.0, 0.0, 0.0, 1.0, 1.0]
        ],
        array![[0.25, 0.0, 1.0, 0.75, 1.0], [0.5, 0.25, 0.0, 0.0, 0.0]],
    ] {
        let n = x.nrows() as f64;
        let distance = (&x - &pattern).mapv(f64::abs).sum() / n;
        let found = cd(PLAIN)
            .train_step(&mut certain(pattern.view()), x.view(), 0.1, &mut rng)
            .unwrap();
        assert!((found - distance).abs() < 1e-14, "{found} instead of {distance}");

        let difference = (x.sum_axis(ndarray::Axis(0)) / n - pattern.row(0))
            .mapv(f64::abs)
            .sum()
            / 5.0;
        let found = pcd(PLAIN, 7, 5)
            .train_step(&mut certain(pattern.view()), x.view(), 0.1, &mut rng)
            .unwrap();
        assert!(
            (found - difference).abs() < 1e-14,
            "{found} instead of {difference}"
        );
    }
}

#[test]
fn settings_and_chains_that_make_no_sense_are_refused() {
    let refuse = |settings: FusedOptions| {
        let start = Array2::zeros((1, 2));
        let persistent = FusedPersistent::new(settings, start.view())
            .unwrap_err()
            .to_string();
        let plain = FusedContrastiveDivergence::new(settings).unwrap_err().to_string();
        assert_eq!(plain, persistent);
        plain
    };
    assert_eq!(
        refuse(FusedOptions { n_steps: 0, ..PLAIN }),
        "`n_steps` is 0, but must be at least 1"
    );
    for momentum in [1.0, -0.1, f64::NAN] {
        let said = refuse(FusedOptions { momentum, ..PLAIN });
        assert!(
            said.starts_with(&format!("`momentum` is {momentum}, but must be in [0, ")),
            "{said}"
        );
        assert!(cd(PLAIN).set_momentum(momentum).is_err());
        assert!(pcd(PLAIN, 1, 2).set_momentum(momentum).is_err());
    }
    for weight_decay in [-1e-9, f64::INFINITY, f64::NAN] {
        assert!(
            refuse(FusedOptions {
                weight_decay,
                ..PLAIN
            })
            .contains("weight_decay")
        );
    }
    let refuse = |start: Array2<f64>| FusedPersistent::new(PLAIN, start.view()).unwrap_err().to_string();
    assert_eq!(
        refuse(array![[0.0, 1.0], [0.5, 1.0]]),
        "`start[1, 0]` is 0.5, but must be 0 or 1"
    );
    assert_eq!(
        refuse(array![[f64::NAN]]),
        "`start[0, 0]` is NaN, but must be 0 or 1"
    );
    assert_eq!(
        refuse(Array2::zeros((0, 2))),
        "`start` has shape [0, 2], but must have shape (at least 1, 2)"
    );
}

#[test]
fn data_that_do_not_fit_are_refused_by_name() {
    let (fast, _) = pair(2, 3, 0.5, 0.5, 1);
    let mut model = fast.clone();
    let mut rng = Seed::new(1).rng();
    let mut refuse = |x: Array2<f64>, rate: f64| {
        let plain = cd(HEAVY)
            .train_step(&mut model, x.view(), rate, &mut rng)
            .unwrap_err()
            .to_string();
        let persistent = pcd(HEAVY, 3, 2).train_step(&mut model, x.view(), rate, &mut rng);
        assert_eq!(plain, persistent.unwrap_err().to_string());
        assert_eq!(model, fast);
        plain
    };
    assert_eq!(
        refuse(Array2::zeros((4, 3)), 0.1),
        "`x` has shape [4, 3], but must have shape (at least 1, 2); there is one column more than coordinates: leave out the column of labels or indices"
    );
    assert_eq!(
        refuse(Array2::zeros((0, 2)), 0.1),
        "`x` has shape [0, 2], but must have shape (at least 1, 2)"
    );
    for (bad, said) in [
        (2.0, "2"),
        (-0.25, "-0.25"),
        (f64::NAN, "NaN"),
        (f64::INFINITY, "inf"),
    ] {
        assert_eq!(
            refuse(array![[0.0, 1.0], [1.0, bad]], 0.1),
            format!("`x[1, 1]` is {said}, but must be in [0, 1]")
        );
    }
    for (bad, said) in [(f64::NAN, "NaN"), (f64::INFINITY, "inf")] {
        assert_eq!(
            refuse(array![[0.0, 1.0]], bad),
            format!("`learning_rate` is {said}, but must be finite")
        );
    }
    let error = pcd(PLAIN, 3, 5).train_step(&mut model, array![[0.0, 1.0]].view(), 0.1, &mut rng);
    assert_eq!(
        error.unwrap_err().to_string(),
        "`chains` has shape [3, 5], but must have shape [_, 2]"
    );
}

#[test]
fn a_state_of_another_machine_is_refused() {
    let x = |v: usize| binary_rows(8, v, 0.5, 1);
    let mut rng = Seed::new(1).rng();
    let (mut small, mut large) = (pair(4, 3, 0.5, 0.5, 1).0, pair(4, 70, 0.5, 0.5, 1).0);
    // A velocity of 70 hidden units in a step for three.
    let mut step = cd(HEAVY);
    step.train_step(&mut large, x(4).view(), 0.1, &mut rng).unwrap();
    let before = small.clone();
    let error = step
        .train_step(&mut small, x(4).view(), 0.1, &mut rng)
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "`velocity` has shape [4, 70], but must have shape [4, 3]"
    );
    assert_eq!(small, before);
    // Without momentum there is nothing that would have to fit.
    let mut step = cd(PLAIN);
    step.train_step(&mut large, x(4).view(), 0.1, &mut rng).unwrap();
    step.train_step(&mut small, x(4).view(), 0.1, &mut rng).unwrap();

    let mut wide = pair(5, 3, 0.5, 0.5, 1).0;
    let mut other = pcd(HEAVY, 6, 5);
    other.train_step(&mut wide, x(5).view(), 0.1, &mut rng).unwrap();
    let mut step = pcd(HEAVY, 6, 4);
    let before = step.snapshot();
    let error = step.restore(&other.snapshot()).unwrap_err().to_string();
    assert!(error.contains("`chains`") && error.contains("[6, 4]"), "{error}");
    assert_eq!(step.snapshot(), before);
}

#[test]
fn parameters_that_would_overflow_are_refused_by_name_and_nothing_changes() {
    for settings in [PLAIN, DECAYING, HEAVY] {
        for rate in [3e38, -3e38, 1e300] {
            let (fast, _) = pair(70, 66, 0.2, 0.3, 3);
            let steps: [Box<dyn TrainStep<BinaryRbm>>; 2] =
                [Box::new(cd(settings)), Box::new(pcd(settings, 9, 70))];
            for mut step in steps {
                let mut model = fast.clone();
                let x = binary_rows(8, 70, 0.5, 1);
                let mut rng = Seed::new(1).rng();
                let refused = (0..20).find_map(|_| {
                    let before = model.clone();
                    let error = step.train_step(&mut model, x.view(), rate, &mut rng).err()?;
                    Some((error.to_string(), before))
                });
                let (error, before) = refused.unwrap_or_else(|| panic!("{settings:?} at {rate:e} went on"));
                let layout = fast.layout();
                let named = (0..layout.n_params())
                    .any(|k| error.starts_with(&format!("`{}` became ", layout.locate(k))));
                assert!(
                    named && error.ends_with("in a training step, but must stay finite"),
                    "{error}"
                );
                assert_eq!(model, before);
                assert!(model.params().iter().all(|p| p.is_finite()));
                // A step of a sensible size is taken afterwards.
                model.set_params(fast.params().view()).unwrap();
                step.train_step(&mut model, x.view(), 0.01, &mut rng).unwrap();
            }
        }
    }
}

#[test]
fn many_steps_that_are_harmless_alone_do_not_overflow_together() {
    // Ascent moves the bias away from the data by 4e37 a step, again and again: no step is alarming by itself, and the ninth is one too many.
    let mut model = pair(1, 1, 0.1, 0.1, 1).0;
    let mut step = cd(PLAIN);
    let mut rng = Seed::new(1).rng();
    let error = (0..20).find_map(|_| {
        step.train_step(&mut model, array![[1.0]].view(), -4e37, &mut rng)
            .err()
    });
    let error = error.expect("an overflow").to_string();
    assert!(error.starts_with("`visible.bias[0]` became -inf"), "{error}");
    assert!(model.params().iter().all(|p| p.is_finite()) && model.params()[1] < -3e38);
}

#[test]
fn a_step_on_probation_is_the_same_step() {
    // A bias of −1e36 keeps the machine near the end of single precision, and its unit as surely off as a bias of −1e3 does.
    let run = |bias: f64| {
        let rbm = machine(70, 66, 0.2, 0.3, 3);
        let mut b = rbm.visible().bias().to_owned();
        b[69] = bias;
        let rbm = Rbm::new(layer(b), rbm.hidden().clone(), rbm.weights().to_owned()).unwrap();
        let mut x = binary_rows(20, 70, 0.3, 3);
        x.column_mut(69).fill(0.0);
        let mut end = trained(pcd(HEAVY, 9, 70), BinaryRbm::from(&rbm), x.view(), 5);
        end[70 * 66 + 69] = 0.0;
        end
    };
    // The chains' start has ones in that column; after the first sweep both are the same.
    identical("a step on probation", &run(-1e36), &run(-1e3)).unwrap();
}

#[test]
fn the_number_of_sweeps_can_grow() {
    let (fast, _) = pair(5, 4, 0.2, 0.3, 3);
    let x = binary_rows(8, 5, 0.5, 1);
    let run = |first: usize, then: usize| {
        let of = |n_steps| FusedOptions { n_steps, ..PLAIN };
        let mut machine = fast.clone();
        let (mut cd, mut pcd) = (cd(of(first)), pcd(of(first), 8, 5));
        let mut rng = Seed::new(1).rng();
        cd.set_n_steps(then).unwrap();
        pcd.set_n_steps(then).unwrap();
        cd.train_step(&mut machine, x.view(), 0.1, &mut rng).unwrap();
        pcd.train_step(&mut machine, x.view(), 0.1, &mut rng).unwrap();
        machine
    };
    assert_eq!(run(1, 3), run(3, 3));
    assert_ne!(run(3, 1), run(3, 3));
    assert!(
        cd(PLAIN)
            .set_n_steps(0)
            .unwrap_err()
            .to_string()
            .contains("n_steps")
    );
}

#[test]
fn a_long_run_never_doubts_itself_for_long() {
    // The bound on magnitudes grows with every step, here by a factor of three, and must come back.
    let settings = FusedOptions {
        weight_decay: 1.0,
        ..PLAIN
    };
    let (mut fast, _) = pair(5, 4, 0.2, 0.3, 3);
    let (mut step, x, mut rng) = (cd(settings), binary_rows(8, 5, 0.5, 1), Seed::new(1).rng());
    for _ in 0..300 {
        step.train_step(&mut fast, x.view(), 1.0, &mut rng).unwrap();
    }
    assert!(fast.params().iter().all(|p| p.abs() < 1e3));
}

/// A number that changes when any bit does.
fn fingerprint(values: &Array1<f64>) -> u64 {
    values.iter().fold(0, |hash: u64, v| {
        (hash.rotate_left(5) ^ v.to_bits()).wrapping_mul(0x9E37_79B9_7F4A_7C15)
    })
}

#[test]
fn trained_parameters_are_pinned() {
    // Golden values: a change here changes every trained machine and belongs into the changelog.
    let (fast, _) = pair(70, 66, 0.25, 0.25, 11);
    let x = binary_rows(20, 70, 0.3, 11);
    for (arithmetic, pinned) in [(Arithmetic::Lists, PINNED), (Arithmetic::Tiles, PINNED_IN_TILES)] {
        let plain = FusedOptions { arithmetic, ..PLAIN };
        let heavy = FusedOptions { arithmetic, ..HEAVY };
        let found = [
            fingerprint(&trained(cd(plain), fast.clone(), x.view(), 1)),
            fingerprint(&trained(cd(heavy), fast.clone(), x.view(), 3)),
            fingerprint(&trained(pcd(plain, 9, 70), fast.clone(), x.view(), 1)),
            fingerprint(&trained(pcd(heavy, 9, 70), fast.clone(), x.view(), 3)),
        ];
        assert_eq!(found, pinned, "{arithmetic:?}: {found:#x?}");
    }
}

/// Whatever the processor has: tiles are the same integers with and without a matrix unit.
const PINNED_IN_TILES: [u64; 4] = [
    0x3bc6_ea2f_e2db_9601,
    0xa962_875b_5e90_d2a3,
    0x2a70_3432_71b8_4604,
    0xea83_ceed_b5c0_9ac1,
];
const PINNED: [u64; 4] = [
    0x1720_b8af_d6e6_654e,
    0x6ba9_2ddf_9d1e_c9cb,
    0xc693_e911_0ac1_4e09,
    0x11e2_d6ea_a3e3_04bc,
];
