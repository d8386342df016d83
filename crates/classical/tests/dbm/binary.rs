//! The machine in single precision against the reference with the very same parameters.

use gibbsian_classical::dbm::{BinaryDbm, BinaryDbmPath, Half};
use gibbsian_classical::{Bernoulli, Dbm, DbmPath};
use gibbsian_core::{BlockLaw, Discrete, Parametric, ParametricMut, Path, Seed};
use gibbsian_testkit::agreement::{close, identical};
use gibbsian_testkit::audit::{Audit, block_as_drawn};
use gibbsian_testkit::conformance;
use gibbsian_testkit::differences::Precision;
use gibbsian_testkit::stats::{FALSE_ALARM, family};
use ndarray::{Array1, Array2, Axis, array, s};
use rand::RngExt;

use crate::machines::{layer, machine, product, states_of, visible_states};

/// Half the distance from 1 to the next single-precision number.
pub const UNIT: f64 = f32::EPSILON as f64 / 2.0;

/// Layers inside a panel of 64 units, at its borders and across them.
pub const SIZES: [&[usize]; 5] = [
    &[5, 3],
    &[70, 64, 65],
    &[65, 130, 3],
    &[64, 63, 66, 5],
    &[3, 70, 2, 65, 7],
];

pub fn pair(sizes: &[usize], weight: f64, seed: u64) -> (BinaryDbm, Dbm) {
    let fast = BinaryDbm::from(&machine(sizes, weight, seed));
    let reference = Dbm::from(&fast);
    (fast, reference)
}

pub fn rows(n: usize, dim: usize, density: f64, seed: u64) -> Array2<f64> {
    let mut rng = Seed::new(seed).child("rows").rng();
    Array2::from_shape_simple_fn((n, dim), || f64::from(u8::from(rng.random::<f64>() < density)))
}

pub fn means(n: usize, dim: usize, seed: u64) -> Array2<f64> {
    let mut rng = Seed::new(seed).child("means").rng();
    Array2::from_shape_simple_fn((n, dim), || f64::from(rng.random::<f32>()))
}

/// How far a field may be off: `n + 3` units of the sum of magnitudes of its terms, at most the sum of all weights of a unit.
pub fn field_error(dbm: &Dbm) -> f64 {
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
    conformance::blocks(&fast.joint(), states.view(), Seed::new(4)).unwrap();
    let audit = Audit::new(&reference.joint()).unwrap();
    let mut tests = Vec::new();
    for block in 0..2 {
        let law = fast.joint().block_matrix(block, states.view());
        let exact = reference.joint().block_matrix(block, states.view());
        // A product of at most four probabilities, each off by its field's error and by the grid of 2⁻³² of the draws.
        close("law", &law, &exact, 4.0 * (field_error(&reference) + 4.0 * UNIT)).unwrap();
        tests.push(block_as_drawn(&fast.joint(), block, &audit, 1 << 12, Seed::new(5)).unwrap());
    }
    family(&tests, FALSE_ALARM).unwrap();
    let (wide, _) = pair(SIZES[4], 0.3, 5);
    let x = rows(45, SIZES[4].iter().sum(), 0.3, 5);
    conformance::blocks(&wide.joint(), x.view(), Seed::new(6)).unwrap();
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

/// Single precision overflows from both sides of a unit, whose mean then is no number, and does not count as settled.
#[test]
fn means_that_are_no_numbers_never_converge() {
    let w = 3e38;
    let machine = Dbm::new(
        Bernoulli::unbiased(2),
        vec![
            Bernoulli::unbiased(1),
            Bernoulli::new(array![3.2e38, 3.2e38]).unwrap(),
        ],
        vec![array![[w], [w]], array![[-w, -w]]],
    )
    .unwrap();
    // More than one row, so that what comes from above is summed up before it is added to what comes from below.
    let v = Array2::ones((33, 2));
    let q = BinaryDbm::from(&machine).mean_field(v.view(), 1e-6, 5).unwrap();
    assert!(
        q.means(1)[[0, 0]].is_nan(),
        "the order of the sum has changed: choose others"
    );
    assert!(!q.converged() && q.last_change().is_nan(), "{q:?}");
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
        let unbiased = sizes[1..].iter().map(|n| Bernoulli::unbiased(*n)).collect();
        let biased: Vec<_> = sizes[1..].iter().map(|n| base(*n)).collect();
        let path = BinaryDbmPath::new(&fast, &base(sizes[0])).unwrap();
        let with_hidden = path.clone().with_hidden_base(&biased).unwrap();
        let cases = [(&path, unbiased), (&with_hidden, biased)];
        for (half, (path, hidden)) in [Half::Even, Half::Odd]
            .into_iter()
            .flat_map(|h| cases.clone().map(|c| (h, c)))
        {
            let exact = DbmPath::new(&reference, base(sizes[0]), hidden).unwrap();
            let (path, exact) = (path.clone().keeping(half), exact.keeping(half).unwrap());
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

/// The base has the means of the states in every layer, with every unit once more on and once more off.
#[test]
fn a_matching_base_has_the_means_of_all_layers() {
    let (fast, _) = pair(&[2, 3, 2], 0.9, 16);
    let states = array![
        [1.0, 0.0, 1.0, 1.0, 0.0, 0.0, 1.0],
        [1.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0],
        [1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0]
    ];
    let logit = |on: f64| ((on + 1.0) / (4.0 - on)).ln();
    let [v0, v1, a, b, c, d, e] = [3.0, 1.0, 2.0, 1.0, 0.0, 0.0, 2.0].map(logit);
    let found = BinaryDbmPath::matching(&fast, states.view()).unwrap();
    let expected = BinaryDbmPath::new(&fast, &Bernoulli::new(array![v0, v1]).unwrap())
        .unwrap()
        .with_hidden_base(&[
            Bernoulli::new(array![a, b, c]).unwrap(),
            Bernoulli::new(array![d, e]).unwrap(),
        ])
        .unwrap();
    assert!((found.log_z_start() - expected.log_z_start()).abs() < 1e-12);
    let x = array![[1.0, 0.0, 1.0]];
    let log_start = |path: &BinaryDbmPath<'_>| {
        values(&path.clone().keeping(Half::Odd), &x, |p, s, out| {
            p.log_start(s, out)
        })
    };
    close("log f_0", &log_start(&found), &log_start(&expected), 1e-6).unwrap();
    assert!(BinaryDbmPath::matching(&fast, states.slice(ndarray::s![.., ..6])).is_err());
    assert!(BinaryDbmPath::matching(&fast, (&states * 2.0).view()).is_err());
}

#[test]
fn the_path_obeys_the_laws_of_its_trait() {
    let (fast, reference) = pair(&[2, 3, 2], 0.9, 14);
    let base = layer(2, Seed::new(14)).bias().mapv(|b| f64::from(b as f32));
    let base = Bernoulli::new(base).unwrap();
    let path = BinaryDbmPath::new(&fast, &base).unwrap();
    let hidden = states_of(reference.hidden(1));
    let even = product(&[visible_states(&reference), states_of(reference.hidden(2))]);
    let hidden_base = [3, 2].map(|n| layer(n, Seed::new(15)));
    let hidden_base = hidden_base.map(|l| Bernoulli::new(l.bias().mapv(|b| f64::from(b as f32))).unwrap());
    let with_hidden = path.clone().with_hidden_base(&hidden_base).unwrap();
    for (path, (half, states)) in [&path, &with_hidden]
        .into_iter()
        .flat_map(|p| [(Half::Odd, hidden.clone()), (Half::Even, even.clone())].map(|c| (p, c)))
    {
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
    for hidden in [vec![], vec![self::base(3)]] {
        let message = path.clone().with_hidden_base(&hidden).unwrap_err().to_string();
        assert!(message.contains("hidden"), "{message}");
    }
    assert!(path.place(rows(9, 64, 0.4, 1).mapv(|x| x / 2.0).view()).is_err());
}
