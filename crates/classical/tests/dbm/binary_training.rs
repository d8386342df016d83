//! Fused steps of the machine in single precision: the generic ones draw for draw, and the laws of steps.

use gibbsian_classical::dbm::{BinaryDbm, FusedVariational, FusedVariationalOptions, VariationalOptions};
use gibbsian_classical::{Arithmetic, Dbm};
use gibbsian_core::{Blocks, Parametric, Seed, Snapshot, Streams, TrainStep};
use gibbsian_testkit::agreement::{close, identical};
use gibbsian_testkit::{conformance, threads};
use ndarray::{Array1, Array2, Axis, s};

use crate::binary::{SIZES, UNIT, field_error, means, pair, rows};

const PLAIN: FusedVariationalOptions = FusedVariationalOptions {
    phases: VariationalOptions {
        n_steps: 2,
        tolerance: 0.0,
        max_sweeps: 6,
    },
    momentum: 0.0,
    weight_decay: 0.0,
    arithmetic: Arithmetic::Fastest,
};
const HEAVY: FusedVariationalOptions = FusedVariationalOptions {
    momentum: 0.75,
    weight_decay: 0.01,
    ..PLAIN
};

fn step(settings: FusedVariationalOptions, machine: &BinaryDbm, n: usize) -> FusedVariational {
    let start = rows(n, machine.sizes().iter().sum(), 0.5, 77);
    FusedVariational::new(settings, machine, start.view()).unwrap()
}

/// Chains swept by the machine's blocks with the streams of Gibbs sampling, which both kinds of step promise.
pub fn swept(
    machine: &BinaryDbm,
    mut x: Array2<f64>,
    n_steps: usize,
    rng: &mut dyn rand::Rng,
) -> Array2<f64> {
    for _ in 0..n_steps {
        let streams = Streams::draw(rng);
        for block in 0..2 {
            machine
                .joint()
                .resample(x.view_mut(), block, None, &mut streams.block(block));
        }
    }
    x
}

/// The generic gradient of the same machine whose chains are where the fused ones end.
pub fn generic_gradient(machine: &BinaryDbm, x: &Array2<f64>, chains: &Array2<f64>) -> Array1<f64> {
    let reference = Dbm::from(machine);
    // The reference's objective draws its own chains; what is needed is the gradient at given ones, by linearity from sums over states.
    let q = reference
        .mean_field(x.view(), 0.0, PLAIN.phases.max_sweeps)
        .unwrap();
    let sizes = reference.sizes();
    let mut phases = Vec::new();
    let positive: Vec<Array2<f64>> = std::iter::once(x.clone())
        .chain((1..sizes.len()).map(|l| q.means(l).to_owned()))
        .collect();
    let mut first = 0;
    let negative: Vec<Array2<f64>> = (0..sizes.len())
        .map(|l| {
            first += sizes[l];
            match l % 2 {
                1 => machine.layer_means(chains.view(), l),
                _ => chains.slice(s![.., first - sizes[l]..first]).to_owned(),
            }
        })
        .collect();
    for layers in [&positive, &negative] {
        let n = layers[0].nrows() as f64;
        let mut sums = Vec::new();
        for l in 1..layers.len() {
            sums.extend(layers[l - 1].t().dot(&layers[l]).into_iter().map(|s| s / n));
        }
        for layer in layers {
            sums.extend(layer.mean_axis(Axis(0)).unwrap());
        }
        phases.push(Array1::from(sums));
    }
    &phases[1] - &phases[0]
}

#[test]
fn fused_steps_are_the_generic_ones_draw_for_draw() {
    for sizes in SIZES {
        let n_weights: usize = sizes.windows(2).map(|n| n[0] * n[1]).sum();
        for settings in [PLAIN, HEAVY] {
            for x in [rows(37, sizes[0], 0.3, 8), means(37, sizes[0], 8)] {
                let (start, _) = pair(sizes, 0.2, 8);
                let mut fused = start.clone();
                let mut step = step(settings, &start, 21);
                let mut chains = step.chains();
                let mut velocity = Array1::<f64>::zeros(start.n_params());
                let (mut rng, mut same) = (Seed::new(8).rng(), Seed::new(8).rng());
                for _ in 0..3 {
                    let before = fused.clone();
                    chains = swept(&before, chains, settings.phases.n_steps, &mut same);
                    step.train_step(&mut fused, x.view(), 0.05, &mut rng).unwrap();
                    identical("chains", &step.chains(), &chains).unwrap();
                    let mut gradient = generic_gradient(&before, &x, &chains);
                    let params = before.params();
                    for k in 0..n_weights {
                        gradient[k] += settings.weight_decay * params[k];
                    }
                    velocity = settings.momentum * &velocity - 0.05 * &gradient;
                    let moved = &params + &velocity;
                    // Means are off by less than 1e-4 of their field errors, sums of 37 cases by 40 units, and a parameter of size two is rounded; a
                    // unit drawn otherwise in one of 21 cases would move a weight by 0.05/21 = 2e-3.
                    let error = 0.05
                        * (1e-4_f64.min(500.0 * field_error(&Dbm::from(&before))) + 100.0 * UNIT)
                        + 4.0 * UNIT;
                    close("parameters", &fused.params(), &moved, error).unwrap();
                }
            }
        }
    }
}

#[test]
fn fused_steps_obey_the_laws_of_steps_and_snapshots() {
    for settings in [PLAIN, HEAVY] {
        for sizes in [SIZES[0], SIZES[1], SIZES[4]] {
            let (fast, _) = pair(sizes, 0.3, 9);
            for x in [rows(37, sizes[0], 0.4, 9), means(37, sizes[0], 9)] {
                conformance::train_step(|| step(settings, &fast, 41), &fast, x.view(), 0.05, Seed::new(9))
                    .unwrap();
            }
            let used = |seed: u64| {
                let (mut step, mut model) = (step(settings, &fast, 20), fast.clone());
                let x = rows(20, sizes[0], 0.3, 3);
                for _ in 0..2 {
                    step.train_step(&mut model, x.view(), 0.05, &mut Seed::new(seed).rng())
                        .unwrap();
                }
                step
            };
            conformance::snapshot(&used(1), &mut used(2)).unwrap();
        }
    }
}

#[test]
fn twenty_steps_have_the_same_bits_on_any_number_of_threads() {
    let (fast, _) = pair(&[130, 200, 70], 0.1, 10);
    let x = rows(70, 130, 0.3, 10);
    threads::same_on_any_number("fused steps", || {
        let (mut step, mut model, mut rng) = (step(HEAVY, &fast, 50), fast.clone(), Seed::new(3).rng());
        let mut returned = Vec::new();
        for k in 0..20 {
            let x = x.slice(s![k % 3.., ..]);
            returned.push(step.train_step(&mut model, x, 0.05, &mut rng).unwrap());
        }
        model.params().into_iter().chain(returned).collect()
    })
    .unwrap();
}

#[test]
fn an_interrupted_run_ends_as_the_uninterrupted_one() {
    let (fast, _) = pair(&[70, 66, 5], 0.2, 11);
    let x = rows(20, 70, 0.3, 11);
    let run = |step: &mut FusedVariational, model: &mut BinaryDbm, steps: std::ops::Range<u64>| {
        for k in steps {
            step.train_step(model, x.view(), 0.05, &mut Seed::new(5).nth(k).rng())
                .unwrap();
        }
    };
    let (mut a, mut model) = (step(HEAVY, &fast, 30), fast.clone());
    run(&mut a, &mut model, 0..4);
    let (mut b, mut resumed) = (step(HEAVY, &fast, 30), fast.clone());
    resumed.restore(&model.snapshot()).unwrap();
    b.restore(&a.snapshot()).unwrap();
    run(&mut a, &mut model, 4..8);
    run(&mut b, &mut resumed, 4..8);
    identical("a resumed run", &resumed.params(), &model.params()).unwrap();
}

#[test]
fn steps_that_cannot_be_made_are_refused_and_change_nothing() {
    let (fast, _) = pair(&[5, 4, 3], 0.3, 12);
    let joint = rows(4, 12, 0.5, 12);
    assert!(FusedVariational::new(PLAIN, &fast, joint.slice(s![.., ..11])).is_err());
    assert!(FusedVariational::new(PLAIN, &fast, joint.slice(s![..0, ..])).is_err());
    assert!(FusedVariational::new(PLAIN, &fast, joint.mapv(|x| x / 2.0).view()).is_err());
    for bad in [
        FusedVariationalOptions {
            momentum: 1.0,
            ..PLAIN
        },
        FusedVariationalOptions {
            weight_decay: -1.0,
            ..PLAIN
        },
        FusedVariationalOptions {
            phases: VariationalOptions {
                n_steps: 0,
                ..PLAIN.phases
            },
            ..PLAIN
        },
    ] {
        assert!(
            FusedVariational::new(bad, &fast, joint.view()).is_err(),
            "{bad:?}"
        );
    }
    let mut model = fast.clone();
    let mut rng = Seed::new(1).rng();
    let x = rows(6, 5, 0.5, 1);
    let mut train =
        |x: Array2<f64>, rate: f64| step(PLAIN, &fast, 4).train_step(&mut model, x.view(), rate, &mut rng);
    assert!(train(x.clone(), f64::NAN).is_err());
    assert!(train(x.mapv(|x| x * 2.0), 0.1).is_err());
    assert!(train(x.mapv(|x| x * f64::NAN), 0.1).is_err());
    assert!(train(rows(6, 4, 0.5, 1), 0.1).is_err());
    assert!(train(x.clone(), 1e300).is_err());
    let (mut other, _) = pair(&[5, 3, 4], 0.3, 12);
    assert!(
        step(PLAIN, &fast, 4)
            .train_step(&mut other, x.view(), 0.1, &mut rng)
            .is_err()
    );
    assert_eq!(model, fast);
}
