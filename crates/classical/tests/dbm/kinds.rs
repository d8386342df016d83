//! Deep machines of other units than bits: the definition, conditionals, gradients and paths by plain sums, and clamping.

use gibbsian_classical::dbm::{Half, Joint, Replicated};
use gibbsian_classical::{Bernoulli, Binomial, Dbm, DbmPath, FiniteLayer, Joined, Rbm, Softmax, Spin};
use gibbsian_core::{Blocks, Seed, Units};
use gibbsian_testkit::agreement::{close, identical};
use gibbsian_testkit::conformance;
use gibbsian_testkit::differences::Precision;
use ndarray::{Array1, Array2, Axis, array, s};

use crate::joint::obeys;
use crate::machines::{Plain, normal, product, states_of};
use crate::path::log_z;

const DOUBLE: Precision = Precision::DOUBLE;

fn labels(n: usize, q: usize, seed: u64) -> Softmax {
    let bias = normal(n * q, 0.7, Seed::new(seed));
    Softmax::new(bias.into_shape_with_order((n, q)).unwrap()).unwrap()
}

/// Redraws rows many times over with some coordinates clamped and requires states with these coordinates unchanged.
fn stays_a_state<M: Blocks>(
    model: &M,
    x: &Array2<f64>,
    free: &Array1<bool>,
    is_state: impl Fn(&Array2<f64>) -> bool,
) {
    let mut y = x.clone();
    for round in 0..20 {
        for block in 0..model.n_blocks() {
            model.resample(
                y.view_mut(),
                block,
                Some(free.view()),
                &mut Seed::new(round).rng(),
            );
            assert!(is_state(&y), "round {round}, block {block}: {y}");
        }
    }
    for i in (0..free.len()).filter(|i| !free[*i]) {
        identical("clamped", &y.column(i), &x.column(i)).unwrap();
    }
    assert_ne!(&y, x, "nothing moved");
}

/// One indicator clamped is the unit clamped: with [1, 0, 0] and the first one fixed no other can go on.
#[test]
fn a_clamped_indicator_holds_its_unit() {
    let rows = |x: Array1<f64>| x.broadcast((50, x.len())).unwrap().to_owned();
    let visible = Softmax::new(array![[0.1, 0.2, 0.3]]).unwrap();
    let dbm = Dbm::random(
        visible,
        vec![Bernoulli::unbiased(2), Bernoulli::unbiased(1)],
        1.0,
        Seed::new(1),
    )
    .unwrap();
    let joint = Joint::new(dbm.clone());
    let free = array![false, true, true, true, true, true];
    let visible = dbm.visible();
    stays_a_state(&joint, &rows(array![1.0, 0.0, 0.0, 0.0, 1.0, 0.0]), &free, |x| {
        visible.check_rows("x", x.slice(s![.., ..3])).is_ok()
    });

    // A hidden unit, and a visible layer of two of which one is free.
    let dbm = Dbm::random(labels(2, 3, 2), vec![labels(1, 3, 3)], 1.0, Seed::new(4)).unwrap();
    let joint = Joint::new(dbm.clone());
    let free = array![true, true, true, true, true, false, true, false, true];
    stays_a_state(
        &joint,
        &rows(array![1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0]),
        &free,
        |x| {
            dbm.check_visible(x.slice(s![.., ..6])).is_ok()
                && dbm.hidden(1).check_rows("h", x.slice(s![.., 6..])).is_ok()
        },
    );

    // Copies, each with marks of its own.
    let rbm = Rbm::random(labels(1, 3, 5), Bernoulli::unbiased(2), 1.0, Seed::new(6)).unwrap();
    let copies = Replicated::new(rbm.clone(), 2, 1).unwrap();
    let free = array![true, true, true, false, true, true];
    stays_a_state(&copies, &rows(array![0.0, 1.0, 0.0, 0.0, 0.0, 1.0]), &free, |x| {
        x.axis_chunks_iter(Axis(1), 3)
            .all(|copy| rbm.check_visible(copy).is_ok())
    });
}

/// The laws of a machine and of its paths, from other layers of the same kinds and to the posterior of a case.
fn deep<V: Plain, H: Plain>(visible: [V; 2], hidden: [Vec<H>; 2], seed: Seed) {
    let ([visible, base_visible], [hidden, base_hidden]) = (visible, hidden);
    let dbm = Dbm::random(visible, hidden, 0.8, seed).unwrap();
    obeys(&dbm, seed);
    let layers: Vec<Array2<f64>> = std::iter::once(states_of(dbm.visible()))
        .chain((1..=dbm.depth()).map(|l| states_of(dbm.hidden(l))))
        .collect();
    let half_of = |first: usize, half: Half| {
        let parity = usize::from(half == Half::Odd);
        let kept: Vec<_> = (first..layers.len())
            .filter(|l| l % 2 == parity)
            .map(|l| layers[l].clone())
            .collect();
        product(&kept)
    };
    let v = states_of(dbm.visible());
    let q = dbm.mean_field(v.view(), 1e-12, 1000).unwrap();
    let exact = dbm.free_energy(v.view()).unwrap();
    let bound = dbm.variational_free_energy(v.view(), &q);
    assert!(
        exact.iter().zip(&bound).all(|(f, q)| *q >= f - 1e-12),
        "{bound} and {exact}"
    );
    let case = v.nrows() / 2;
    for half in [Half::Even, Half::Odd] {
        let path = DbmPath::new(&dbm, base_visible.clone(), base_hidden.clone()).unwrap();
        let path = path.keeping(half).unwrap();
        let states = half_of(0, half);
        let ends = array![log_z(&path, &states)];
        close(
            "the end is normalised by log Z",
            &ends,
            &array![dbm.log_z().unwrap()],
            DOUBLE.agreement(),
        )
        .unwrap();
        conformance::path(&path, states.view(), DOUBLE, seed.child("path")).unwrap();
        conformance::finite_path(&path, states.view(), DOUBLE, seed.child("finite")).unwrap();

        let one = q.select(&[case]);
        let path = DbmPath::posterior(&dbm, v.row(case), &one).unwrap();
        let path = path.keeping(half).unwrap();
        let states = half_of(1, half);
        let ends = array![log_z(&path, &states)];
        close("log Z_1 = −F(v)", &ends, &array![-exact[case]], 1e-12).unwrap();
        conformance::finite_path(&path, states.view(), DOUBLE, seed.child("posterior")).unwrap();
    }
}

fn spins(n: usize, seed: u64) -> Spin {
    Spin::new(normal(n, 0.7, Seed::new(seed))).unwrap()
}

fn counts(n: usize, n_trials: u32, seed: u64) -> Binomial {
    Binomial::new(normal(n, 0.7, Seed::new(seed)), n_trials).unwrap()
}

fn bits(n: usize, seed: u64) -> Bernoulli {
    Bernoulli::new(normal(n, 0.7, Seed::new(seed))).unwrap()
}

#[test]
fn machines_of_spins_are_what_enumeration_says() {
    let layers = |sizes: &[usize], seed: u64| sizes.iter().map(|n| spins(*n, seed + *n as u64)).collect();
    for (k, sizes) in [&[2, 2][..], &[2, 1, 2], &[1, 2, 1, 1]].into_iter().enumerate() {
        let visible = [spins(2, 30), spins(2, 31)];
        deep(
            visible,
            [layers(sizes, 32), layers(sizes, 40)],
            Seed::new(50 + k as u64),
        );
    }
}

#[test]
fn machines_of_one_hot_units_are_what_enumeration_says() {
    let layers = |depth: u64, seed: u64| {
        (0..depth)
            .map(|l| labels(1, if l == 0 { 3 } else { 2 }, seed + l))
            .collect()
    };
    for depth in 2..=4 {
        let visible = [labels(1, 3, 60), labels(1, 3, 61)];
        deep(
            visible,
            [layers(depth, 62), layers(depth, 70)],
            Seed::new(80 + depth),
        );
    }
    // Two units in a layer.
    let hidden = |seed| vec![labels(2, 2, seed), labels(1, 3, seed + 1)];
    deep(
        [labels(1, 2, 63), labels(1, 2, 64)],
        [hidden(65), hidden(67)],
        Seed::new(85),
    );
}

#[test]
fn machines_of_counts_are_what_enumeration_says() {
    let layers = |depth: u64, seed: u64| {
        (0..depth)
            .map(|l| counts(1, 3 - (l as u32 % 2), seed + l))
            .collect()
    };
    for depth in 2..=4 {
        let visible = [counts(1, 2, 90), counts(1, 2, 91)];
        deep(
            visible,
            [layers(depth, 92), layers(depth, 100)],
            Seed::new(110 + depth),
        );
    }
}

/// Kinds that are chosen at run time may differ from layer to layer.
#[test]
fn machines_of_different_layers_are_what_enumeration_says() {
    let hidden = |seed: u64| -> Vec<FiniteLayer> {
        vec![
            labels(1, 3, seed).into(),
            counts(1, 2, seed + 1).into(),
            spins(1, seed + 2).into(),
        ]
    };
    let visible = |seed: u64| -> FiniteLayer {
        Joined::new(
            FiniteLayer::from(bits(1, seed)),
            FiniteLayer::from(labels(1, 2, seed + 1)),
        )
        .into()
    };
    deep(
        [visible(120), visible(122)],
        [hidden(124), hidden(130)],
        Seed::new(140),
    );
    deep(
        [bits(2, 141), bits(2, 142)],
        [hidden(143), hidden(150)],
        Seed::new(160),
    );
}
