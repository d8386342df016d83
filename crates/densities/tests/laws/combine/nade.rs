use gibbsian_core::{Density, Discrete, Energy, Parametric, Seed};
use gibbsian_densities::Nade;
use gibbsian_testkit::conformance;
use gibbsian_testkit::differences::Precision;
use gibbsian_testkit::stats::{FALSE_ALARM, chi_square};
use ndarray::{Array1, Array2, array};
use proptest::prelude::*;

use crate::combine::support::normals;
use crate::common::reference;

/// A model with weights and biases of standard deviation `scale`.
fn generic(n_visible: usize, n_hidden: usize, scale: f64, seed: Seed) -> Nade {
    let draw = |n, m, k| scale * normals((n, m), seed.nth(k));
    Nade::new(
        draw(n_visible, n_hidden, 0),
        draw(n_visible, n_hidden, 1),
        draw(1, n_visible, 2).row(0).to_owned(),
        draw(1, n_hidden, 3).row(0).to_owned(),
    )
    .unwrap()
}

#[test]
fn conforms() {
    for (n_visible, n_hidden) in [(1, 1), (4, 3), (6, 17)] {
        let mut nade = generic(n_visible, n_hidden, 0.8, Seed::new(80));
        let states = nade.states().unwrap();
        conformance::energy(&nade, states.view(), Precision::DOUBLE).unwrap();
        conformance::discrete(&nade).unwrap();
        conformance::discrete_energy(&nade, states.view(), Precision::DOUBLE).unwrap();
        conformance::parametric(&mut nade).unwrap();
        let probes = states.slice(ndarray::s![..;3, ..]).to_owned();
        let probes = if probes.nrows() < 2 { states } else { probes };
        conformance::energy_pullback(&mut nade, probes.view(), Precision::DOUBLE).unwrap();
    }
}

#[test]
fn agrees_with_fifty_digits() {
    reference::log_density("nade", |p| {
        Nade::new(
            p.matrix("input_weights"),
            p.matrix("output_weights"),
            p.vector("visible_bias"),
            p.vector("hidden_bias"),
        )
        .unwrap()
    });
}

#[test]
fn probabilities_sum_to_one_over_all_states() {
    for (n_visible, n_hidden, scale) in [(1, 2, 1.0), (8, 5, 1.0), (10, 20, 3.0), (12, 3, 30.0)] {
        let nade = generic(n_visible, n_hidden, scale, Seed::new(81));
        let mass = nade
            .log_density(nade.states().unwrap().view())
            .mapv(f64::exp)
            .sum();
        assert!((mass - 1.0).abs() < 1e-13, "{n_visible} × {n_hidden}: {mass}");
    }
}

#[test]
fn draws_have_the_probabilities() {
    let nade = generic(5, 4, 1.5, Seed::new(82));
    let probabilities = nade.log_density(nade.states().unwrap().view()).mapv(f64::exp);
    let mut counts = vec![0; 32];
    for row in nade.sample(100_000, &mut Seed::new(83).rng()).rows() {
        counts[row.iter().rev().fold(0, |n, &x| 2 * n + x as usize)] += 1;
    }
    chi_square("states", &counts, probabilities.as_slice().unwrap()).assert(FALSE_ALARM);
    gibbsian_testkit::threads::same_on_any_number("draws", || {
        nade.sample(101, &mut Seed::new(84).rng()).into_flat()
    })
    .unwrap();
}

#[test]
fn conditionals_multiply_to_the_density() {
    let nade = generic(6, 5, 1.0, Seed::new(85));
    let x = nade.states().unwrap();
    let p = nade.conditionals(x.view());
    for (b, log_p) in nade.log_density(x.view()).into_iter().enumerate() {
        let product: f64 = (0..6)
            .map(|i| {
                if x[[b, i]] == 1.0 {
                    p[[b, i]]
                } else {
                    1.0 - p[[b, i]]
                }
            })
            .product();
        assert!((product / log_p.exp() - 1.0).abs() < 1e-13);
    }
    // The first conditional depends on nothing, the second on the first coordinate only, and so on.
    let mut later = x.row(0).to_owned();
    later[5] = 1.0 - later[5];
    assert_eq!(
        p.row(0),
        nade.conditionals(later.insert_axis(ndarray::Axis(0)).view())
            .row(0)
    );
}

#[test]
fn points_outside_the_cube_have_no_density() {
    let nade = generic(3, 2, 1.0, Seed::new(86));
    let x = array![
        [0.0, 0.5, 1.0],
        [0.0, 1.0, 2.0],
        [-1.0, f64::NAN, 0.0],
        [f64::INFINITY, 0.0, 0.0]
    ];
    let log_p = nade.log_density(x.view());
    assert_eq!([log_p[0], log_p[1], log_p[3]], [f64::NEG_INFINITY; 3]);
    assert!(log_p[2].is_nan());
    assert_eq!(nade.energy(x.view())[0], f64::INFINITY);
    let p = nade.conditionals(x.view());
    assert!(p[[0, 1]].is_finite() && p[[0, 2]].is_nan());
}

#[test]
fn huge_weights_saturate_without_nan() {
    let nade = generic(8, 4, 1e6, Seed::new(87));
    let energy = nade.energy(nade.states().unwrap().view());
    assert!(energy.iter().all(|e| e.is_finite()));
}

#[test]
fn draws_are_pinned() {
    let x = generic(64, 3, 1.0, Seed::new(88)).sample(33, &mut Seed::new(89).rng());
    let word = |b: usize| x.row(b).iter().fold(0u64, |word, &x| 2 * word + x as u64);
    assert_eq!([word(0), word(32)], PINNED);
}

const PINNED: [u64; 2] = [5_474_484_633_759_458_234, 5_287_583_587_115_791_798];

#[test]
fn bad_parameters_are_refused() {
    let new = |w: Array2<f64>, b: Array1<f64>, c: Array1<f64>| {
        Nade::new(w.clone(), w, b, c).unwrap_err().to_string()
    };
    assert_eq!(
        new(Array2::zeros((0, 1)), array![], array![0.0]),
        "`the number of coordinates` is 0, but must be at least 1"
    );
    assert_eq!(
        new(Array2::zeros((1, 0)), array![0.0], array![]),
        "`the number of hidden units` is 0, but must be at least 1"
    );
    assert_eq!(
        new(Array2::zeros((2, 2)), array![0.0], array![0.0]),
        "`input_weights` has shape [2, 2], but must have shape [1, 1]"
    );
    assert_eq!(
        new(array![[f64::NAN]], array![0.0], array![0.0]),
        "`input_weights[0, 0]` is NaN, but must be finite"
    );
    assert_eq!(
        Nade::random(2, 2, -1.0, Seed::new(0)).unwrap_err().to_string(),
        "`scale` is -1, but must be finite and at least zero"
    );
    assert_eq!(
        Nade::random(3, 2, 0.1, Seed::new(0)).unwrap().n_params(),
        6 + 6 + 3 + 2
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// One coordinate more multiplies by a conditional: the marginal of the first D − 1 is the model without the last.
    #[test]
    fn leaving_out_the_last_coordinate_marginalises_it(seed in 0u64..1 << 40, d in 2usize..7, h in 1usize..6) {
        let whole = generic(d, h, 1.5, Seed::new(seed));
        let params = whole.params();
        let part = |name: &str| params.slice(ndarray::s![whole.layout().find(name).unwrap().range.clone()]).to_vec();
        let first = |name: &str| Array2::from_shape_vec((d - 1, h), part(name)[..(d - 1) * h].to_vec()).unwrap();
        let without = Nade::new(
            first("input_weights"),
            first("output_weights"),
            part("visible_bias")[..d - 1].to_vec().into(),
            part("hidden_bias").into(),
        ).unwrap();
        let p = whole.log_density(whole.states().unwrap().view()).mapv(f64::exp);
        let half = p.len() / 2;
        for (k, q) in without.log_density(without.states().unwrap().view()).mapv(f64::exp).into_iter().enumerate() {
            prop_assert!((p[k] + p[k + half] - q).abs() <= 1e-14);
        }
    }
}
