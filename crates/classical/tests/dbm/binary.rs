//! The machine in single precision against the reference with the very same parameters.

use gibbsian_classical::dbm::{
    BinaryDbm, BinaryDbmPath, FusedVariational, FusedVariationalSettings, Half, VariationalSettings,
};
use gibbsian_classical::{Bernoulli, Dbm, DbmPath};
use gibbsian_core::{
    BlockLaw, Discrete, Parametric, ParametricMut, Path, Seed, Snapshot, Streams, TrainStep,
};
use gibbsian_testkit::agreement::{close, identical};
use gibbsian_testkit::audit::{Audit, block_as_drawn};
use gibbsian_testkit::differences::Precision;
use gibbsian_testkit::stats::{FALSE_ALARM, family};
use gibbsian_testkit::{conformance, threads};
use ndarray::{Array1, Array2, Axis, array, s};
use rand::RngExt;

use crate::machines::{layer, machine, product, states_of, visible_states};

/// Half the distance from 1 to the next single-precision number.
const UNIT: f64 = f32::EPSILON as f64 / 2.0;

/// Layers inside a panel of 64 units, at its borders and across them.
const SIZES: [&[usize]; 5] = [
    &[5, 3],
    &[70, 64, 65],
    &[65, 130, 3],
    &[64, 63, 66, 5],
    &[3, 70, 2, 65, 7],
];

fn pair(sizes: &[usize], weight: f64, seed: u64) -> (BinaryDbm, Dbm) {
    let fast = BinaryDbm::from(&machine(sizes, weight, seed));
    let reference = Dbm::from(&fast);
    (fast, reference)
}

fn rows(n: usize, dim: usize, density: f64, seed: u64) -> Array2<f64> {
    let mut rng = Seed::new(seed).child("rows").rng();
    Array2::from_shape_simple_fn((n, dim), || f64::from(u8::from(rng.random::<f64>() < density)))
}

fn means(n: usize, dim: usize, seed: u64) -> Array2<f64> {
    let mut rng = Seed::new(seed).child("means").rng();
    Array2::from_shape_simple_fn((n, dim), || f64::from(rng.random::<f32>()))
}

/// How far a field may be off: `n + 3` units of the sum of magnitudes of its terms, at most the sum of all weights of a unit.
fn field_error(dbm: &Dbm) -> f64 {
    let sizes = dbm.sizes();
    let mut magnitude: f64 = 1.0;
    for l in 1..=dbm.depth() {
        let w = dbm.weights(l).mapv(f64::abs);
        magnitude = magnitude.max(w.sum_axis(Axis(0)).fold(0.0, |a, b| a.max(*b)));
        magnitude = magnitude.max(w.sum_axis(Axis(1)).fold(0.0, |a, b| a.max(*b)));
    }
    let n = sizes.iter().sum::<usize>() as f64;
    // Both neighbours and a bias.
    (2.0 * magnitude + 5.0) * (n + 3.0) * UNIT
}

#[test]
fn parameters_go_over_and_back() {
    for sizes in SIZES {
        let (fast, reference) = pair(sizes, 0.4, 1);
        assert_eq!(BinaryDbm::from(&reference), fast);
        identical("parameters", &fast.params(), &reference.params()).unwrap();
        assert_eq!(fast.layout(), reference.layout());
        assert_eq!((fast.sizes(), fast.depth()), (sizes.to_vec(), sizes.len() - 1));
        for l in 1..sizes.len() {
            assert_eq!(fast.weights(l).mapv(f64::from), reference.weights(l));
        }
        conformance::snapshot(&fast, &mut pair(sizes, 0.4, 2).0).unwrap();
    }
    let (mut fast, _) = pair(SIZES[1], 0.4, 1);
    let mut params = fast.params();
    params[7] = 1e39;
    let message = fast.set_params(params.view()).unwrap_err().to_string();
    assert!(message.contains("weights.1[0, 7]"), "{message}");
}

#[test]
fn conditional_means_are_those_of_the_reference() {
    for sizes in SIZES {
        let (fast, reference) = pair(sizes, 0.4, 3);
        let x = rows(40, sizes.iter().sum(), 0.4, 3);
        let error = field_error(&reference) / 4.0 + 4.0 * UNIT;
        let mut first = 0;
        let parts: Vec<_> = sizes
            .iter()
            .map(|n| {
                first += n;
                x.slice(s![.., first - n..first])
            })
            .collect();
        for l in 0..sizes.len() {
            let mut field = Array2::zeros((40, sizes[l]));
            if l > 0 {
                field += &parts[l - 1].dot(&reference.weights(l));
            }
            if l < reference.depth() {
                field += &parts[l + 1].dot(&reference.weights(l + 1).t());
            }
            let units = if l == 0 {
                reference.visible()
            } else {
                reference.hidden(l)
            };
            let expected = gibbsian_core::Units::mean(units, field.view());
            close("means", &fast.layer_means(x.view(), l), &expected, error).unwrap();
        }
    }
}

#[test]
fn blocks_obey_their_laws_and_their_law_is_the_reference_s() {
    let (fast, reference) = pair(&[2, 2, 2], 0.9, 4);
    let states = reference.joint().states().unwrap();
    conformance::blocks(&fast, states.view(), Seed::new(4)).unwrap();
    let audit = Audit::new(&reference.joint()).unwrap();
    let mut tests = Vec::new();
    for block in 0..2 {
        let law = fast.block_matrix(block, states.view());
        let exact = reference.joint().block_matrix(block, states.view());
        // A product of at most four probabilities, each off by its field's error and by the grid of 2⁻³² of the draws.
        close("law", &law, &exact, 4.0 * (field_error(&reference) + 4.0 * UNIT)).unwrap();
        tests.push(block_as_drawn(&fast, block, &audit, 1 << 12, Seed::new(5)).unwrap());
    }
    family(&tests, FALSE_ALARM).unwrap();
    let (wide, _) = pair(SIZES[4], 0.3, 5);
    let x = rows(45, SIZES[4].iter().sum(), 0.3, 5);
    conformance::blocks(&wide, x.view(), Seed::new(6)).unwrap();
}

#[test]
fn mean_field_is_that_of_the_reference_and_gives_a_bound() {
    for sizes in SIZES {
        let (fast, reference) = pair(sizes, 0.2, 6);
        for v in [rows(33, sizes[0], 0.4, 6), means(33, sizes[0], 6)] {
            for sweeps in [0, 1, 6] {
                let found = fast.mean_field(v.view(), 0.0, sweeps).unwrap();
                let expected = reference.mean_field(v.view(), 0.0, sweeps + 1).unwrap();
                // Each sweep hands on the errors of the last, times a quarter of the sum of weights of a unit at most, in every layer.
                let gain = 1.0 + field_error(&reference) / UNIT / 4.0 / sizes.iter().sum::<usize>() as f64;
                let updates = ((sweeps + 2) * reference.depth()) as i32;
                let error = (field_error(&reference) * gain.powi(updates)).min(1e-4);
                for l in 1..=reference.depth() {
                    close(
                        "means",
                        &found.means(l).to_owned(),
                        &expected.means(l).to_owned(),
                        error,
                    )
                    .unwrap();
                }
                // The fields are consistent with the means, so that this is a bound in itself; near that of the reference.
                let f = reference.variational_free_energy(v.view(), &found);
                let g = reference.variational_free_energy(v.view(), &expected);
                close("F_q", &f, &g, 1e-3).unwrap();
            }
        }
    }
    let (fast, reference) = pair(&[4, 3, 2], 1.0, 7);
    let v = visible_states(&reference);
    let q = fast.mean_field(v.view(), 1e-6, 500).unwrap();
    assert!(q.converged());
    let (bound, exact) = (
        reference.variational_free_energy(v.view(), &q),
        reference.free_energy(v.view()).unwrap(),
    );
    assert!((bound - exact).iter().all(|gap| *gap >= -1e-12));
    assert!(
        fast.mean_field(array![[0.0, f64::NAN, 0.0, 1.0]].view(), 0.0, 5)
            .is_err()
    );
    assert!(fast.mean_field(array![[0.0, 1.0]].view(), 0.0, 5).is_err());
}

const PLAIN: FusedVariationalSettings = FusedVariationalSettings {
    phases: VariationalSettings {
        n_steps: 2,
        tolerance: 0.0,
        max_sweeps: 6,
    },
    momentum: 0.0,
    weight_decay: 0.0,
};
const HEAVY: FusedVariationalSettings = FusedVariationalSettings {
    momentum: 0.75,
    weight_decay: 0.01,
    ..PLAIN
};

fn step(settings: FusedVariationalSettings, machine: &BinaryDbm, n: usize) -> FusedVariational {
    let start = rows(n, machine.sizes().iter().sum(), 0.5, 77);
    FusedVariational::new(settings, machine, start.view()).unwrap()
}

/// Chains swept by the machine's blocks with the streams of Gibbs sampling, which both kinds of step promise.
fn swept(machine: &BinaryDbm, mut x: Array2<f64>, n_steps: usize, rng: &mut dyn rand::Rng) -> Array2<f64> {
    use gibbsian_core::Blocks;
    for _ in 0..n_steps {
        let streams = Streams::draw(rng);
        for block in 0..2 {
            machine.resample(x.view_mut(), block, None, &mut streams.block(block));
        }
    }
    x
}

/// The generic gradient of the same machine whose chains are where the fused ones end.
fn generic_gradient(machine: &BinaryDbm, x: &Array2<f64>, chains: &Array2<f64>) -> Array1<f64> {
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
        FusedVariationalSettings {
            momentum: 1.0,
            ..PLAIN
        },
        FusedVariationalSettings {
            weight_decay: -1.0,
            ..PLAIN
        },
        FusedVariationalSettings {
            phases: VariationalSettings {
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

/// A base with biases that single precision holds.
fn base(n: usize) -> Bernoulli {
    Bernoulli::new(Array1::from_shape_fn(n, |i| {
        f64::from((i as f32 * 0.7).sin() - 0.5)
    }))
    .unwrap()
}

fn values<P: Path>(path: &P, x: &Array2<f64>, act: impl Fn(&P, &mut P::State, &mut [f64])) -> Array1<f64> {
    let mut out = vec![0.0; x.nrows()];
    act(path, &mut path.place(x.view()).unwrap(), &mut out);
    Array1::from(out)
}

#[test]
fn the_path_is_that_of_the_reference() {
    for sizes in SIZES {
        let (fast, reference) = pair(sizes, 0.3, 13);
        let hidden = sizes[1..].iter().map(|n| Bernoulli::unbiased(*n)).collect();
        let exact = DbmPath::new(&reference, base(sizes[0]), hidden).unwrap();
        let path = BinaryDbmPath::new(&fast, &base(sizes[0])).unwrap();
        for half in [Half::Even, Half::Odd] {
            let (path, exact) = (path.clone().keeping(half), exact.clone().keeping(half).unwrap());
            let dim = gibbsian_core::Space::dim(&path);
            assert_eq!(dim, gibbsian_core::Space::dim(&exact));
            let x = rows(9, dim, 0.4, 13);
            let (found, expected) = (path.log_z_start(), exact.log_z_start());
            assert!((found - expected).abs() < 1e-12 * expected);
            let total = sizes.iter().sum::<usize>() as f64;
            close(
                "log f_0",
                &values(&path, &x, |p, s, out| p.log_start(s, out)),
                &values(&exact, &x, |p, s, out| p.log_start(s, out)),
                1e-12 * total,
            )
            .unwrap();
            for (from, to) in [(0.0, 1e-3), (0.3, 0.301), (0.0, 1.0), (0.8, 0.1)] {
                // Fields off by their error each, and the terms of visible units by a few units of single precision of their size.
                let error = total * (field_error(&reference) * f64::abs(to - from) + 20.0 * UNIT);
                // The tolerance is relative to the largest entry, which the one added keeps near one.
                close(
                    "work",
                    &(values(&path, &x, |p, s, out| p.work(s, from, to, out)) + 1.0),
                    &(values(&exact, &x, |p, s, out| p.work(s, from, to, out)) + 1.0),
                    error,
                )
                .unwrap();
            }
            close(
                "slope",
                &values(&path, &x, |p, s, out| p.slope(s, 0.4, out)),
                &values(&exact, &x, |p, s, out| p.slope(s, 0.4, out)),
                4.0 * total * field_error(&reference),
            )
            .unwrap();
        }
    }
}

#[test]
fn the_path_obeys_the_laws_of_its_trait() {
    let (fast, reference) = pair(&[2, 3, 2], 0.9, 14);
    let base = layer(2, Seed::new(14)).bias().mapv(|b| f64::from(b as f32));
    let base = Bernoulli::new(base).unwrap();
    let path = BinaryDbmPath::new(&fast, &base).unwrap();
    let hidden = states_of(reference.hidden(1));
    let even = product(&[visible_states(&reference), states_of(reference.hidden(2))]);
    for (half, states) in [(Half::Odd, hidden), (Half::Even, even)] {
        let path = path.clone().keeping(half);
        conformance::path(&path, states.view(), Precision::SINGLE, Seed::new(15)).unwrap();
        conformance::finite_path(&path, states.view(), Precision::SINGLE, Seed::new(16)).unwrap();
    }
    let (fast, _) = pair(SIZES[1], 0.2, 15);
    let path = BinaryDbmPath::new(&fast, &self::base(70)).unwrap();
    conformance::path(
        &path,
        rows(9, 64, 0.4, 1).view(),
        Precision::SINGLE,
        Seed::new(17),
    )
    .unwrap();
    assert!(BinaryDbmPath::new(&fast, &self::base(69)).is_err());
    assert!(path.place(rows(9, 64, 0.4, 1).mapv(|x| x / 2.0).view()).is_err());
}
