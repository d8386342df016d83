//! Gibbs sampling of the fused machine: its law against the reference, its draws against the law, clamping, and pinned draws.

use crate::common::{binary_states, means};
use crate::fused::{UNIT, binary_rows, field_bounds, pair};
use gibbsian_classical::{BinaryRbm, Rbm};
use gibbsian_core::simd::Level;
use gibbsian_core::{BlockLaw, Blocks, Seed};
use gibbsian_testkit::audit::law::{irreducible, stochastic};
use gibbsian_testkit::audit::{Audit, block_as_drawn};
use gibbsian_testkit::conformance;
use gibbsian_testkit::stats::{FALSE_ALARM, chi_square, family, special};
use ndarray::{Array1, Array2, ArrayView1, Axis, concatenate, s};

/// How far the probability of any unit may be off: a quarter of the error of its field, 3.5 units, and the grid of the random words.
fn probability_bounds(rbm: &Rbm, v: ArrayView1<f64>) -> Array1<f64> {
    field_bounds(rbm, v) / 4.0 + 3.5 * UNIT + 2.0_f64.powi(-30)
}

#[test]
fn the_law_of_a_sweep_is_that_of_the_reference_within_rounding() {
    let (fast, reference) = pair(4, 3, 0.9, 0.6, 1);
    let audit = Audit::new(&reference).unwrap();
    let p = fast.block_matrix(0, audit.states.view());
    stochastic(p.view()).unwrap();
    irreducible(audit.pi.view(), p.view()).unwrap();
    // Two laws of independent units differ in total variation by at most the sum of the differences of their probabilities,
    // and no entry of the matrix, and none of π T, differs by more than the two layers together.
    let worst = |rbm: &Rbm, states: Array2<f64>| {
        let sums = states
            .rows()
            .into_iter()
            .map(|v| probability_bounds(rbm, v).sum());
        sums.fold(0.0, f64::max)
    };
    let bound = worst(&reference, binary_states(4)) + worst(&reference.transposed(), binary_states(3));
    assert!(bound < 1e-5, "{bound:e}");
    let exact = reference.block_matrix(0, audit.states.view());
    // NaN stays.
    let keep = |most: f64, x: f64| if x > most || x.is_nan() { x } else { most };
    let largest = |x: Array2<f64>| x.iter().fold(0.0, |most, x| keep(most, x.abs()));
    assert!(largest(&p - &exact) <= bound, "{:e}", largest(&p - &exact));
    let moved = (audit.pi.dot(&p) - &audit.pi).insert_axis(Axis(0));
    assert!(largest(moved.clone()) <= bound, "{:e}", largest(moved));
    let flow = &p * &audit.pi.view().insert_axis(Axis(1));
    assert!(largest(&flow - &flow.t()) <= 2.0 * bound);
}

#[test]
fn draws_follow_the_law() {
    let (fast, reference) = pair(4, 3, 0.9, 0.6, 1);
    conformance::blocks(&fast, binary_states(4).view(), Seed::new(1)).unwrap();
    let audit = Audit::new(&reference).unwrap();
    block_as_drawn(&fast, 0, &audit, 1 << 14, Seed::new(2))
        .unwrap()
        .assert(FALSE_ALARM);
}

#[test]
fn a_row_of_means_is_a_distribution_of_rows() {
    // From means m the hidden units follow σ(c + m'W), as they do in the reference.
    let (fast, reference) = pair(4, 3, 1.5, 0.6, 3);
    let states = binary_states(4);
    let mut tests = Vec::new();
    for (k, mean) in means(3, 4, 7).rows().into_iter().enumerate() {
        let row = mean.insert_axis(Axis(0));
        let law = reference.block_matrix(0, concatenate![Axis(0), states, row].view());
        let law = law.slice(s![16, ..16]).to_vec();
        let mut x = row.broadcast((1 << 16, 4)).unwrap().to_owned();
        fast.resample(x.view_mut(), 0, None, &mut Seed::new(4).nth(k as u64).rng());
        let mut counts = vec![0; 16];
        for row in x.rows() {
            counts[states.rows().into_iter().position(|s| s == row).unwrap()] += 1;
        }
        tests.push(chi_square(&format!("a sweep from {mean}"), &counts, &law));
    }
    family(&tests, FALSE_ALARM).unwrap();
}

#[test]
fn clamped_units_keep_every_bit() {
    let (fast, _) = pair(130, 70, 0.3, 0.5, 5);
    let free: Array1<bool> = (0..130).map(|i| i % 3 == 0).collect();
    // 0.1 is not a number of single precision.
    for old in [binary_rows(40, 130, 0.4, 1), Array2::from_elem((40, 130), 0.1)] {
        let mut x = old.clone();
        fast.resample(x.view_mut(), 0, Some(free.view()), &mut Seed::new(6).rng());
        for (i, free) in free.iter().enumerate() {
            if *free {
                assert!(x.column(i).iter().all(|v| *v == 0.0 || *v == 1.0));
                assert_ne!(x.column(i), old.column(i), "unit {i} was never redrawn");
            } else {
                assert_eq!(x.column(i), old.column(i), "unit {i}");
            }
        }
    }
}

/// Requires every column of `x` to be independent draws with its mean: the sum of squared z-scores is chi-square.
#[track_caller]
fn assert_column_means(x: &Array2<f64>, expected: &Array1<f64>) {
    let n = x.nrows() as f64;
    let statistic: f64 = (x.columns().into_iter().zip(expected))
        .map(|(column, p)| (column.sum() - n * p).powi(2) / (n * p * (1.0 - p)))
        .sum();
    let p_value = special::chi_square_tail(statistic, expected.len() as f64);
    assert!(
        p_value > FALSE_ALARM,
        "statistic {statistic}, p-value {p_value:e}"
    );
}

/// A machine of 130 × 130 units in which the visible units copy the hidden ones, with certainty.
fn copying(hidden_bias: Array1<f64>) -> BinaryRbm {
    let weights = Array2::from_diag(&Array1::from_elem(130, 80.0));
    let visible = Array1::from_elem(130, -40.0);
    BinaryRbm::from(
        &Rbm::new(
            crate::common::layer(visible),
            crate::common::layer(hidden_bias),
            weights,
        )
        .unwrap(),
    )
}

#[test]
fn units_of_every_panel_have_their_own_law() {
    let biases = Array1::from_shape_fn(130, |j| 2.0 * (j as f64).sin());
    let expected = biases.mapv(|b| 1.0 / (1.0 + f64::exp(-b)));
    // Hidden units, seen through visible ones that copy them.
    let fast = copying(biases.clone());
    let mut x = Array2::zeros((1 << 14, 130));
    fast.resample(x.view_mut(), 0, None, &mut Seed::new(7).rng());
    assert_column_means(&x, &expected);
    // Visible units, whose field comes from hidden units that are on for certain.
    let mut weights = Array2::zeros((130, 70));
    weights.column_mut(67).assign(&biases);
    let mut hidden = Array1::from_elem(70, -1000.0);
    hidden[67] = 1000.0;
    let rbm = Rbm::new(
        crate::common::layer(Array1::zeros(130)),
        crate::common::layer(hidden),
        weights,
    )
    .unwrap();
    let fast = BinaryRbm::from(&rbm);
    let mut x = Array2::zeros((1 << 14, 130));
    fast.resample(x.view_mut(), 0, None, &mut Seed::new(8).rng());
    assert_column_means(&x, &expected);
    // The same units as grey pictures.
    let found = fast.visible_means(binary_rows(5, 130, 0.5, 1).view(), &mut Seed::new(9).rng());
    assert_eq!(found.dim(), (5, 130));
    for row in found.rows() {
        for (found, expected) in row.iter().zip(&expected) {
            // The bias of the only active unit is rounded once, and moves the mean by a quarter of that.
            assert!(
                (found - expected).abs() <= 5.0 * UNIT,
                "{found} instead of {expected}"
            );
        }
    }
}

#[test]
fn draws_have_the_same_bits_at_every_vector_width() {
    let (fast, _) = pair(130, 70, 0.3, 0.5, 10);
    let drawn = || {
        let mut x = means(45, 130, 3);
        let mut rng = Seed::new(11).rng();
        for _ in 0..3 {
            fast.resample(x.view_mut(), 0, None, &mut rng);
        }
        (x, fast.visible_means(means(45, 130, 3).view(), &mut rng))
    };
    let drawn = Level::ALL.map(|level| {
        Level::limit(level);
        drawn()
    });
    assert!(drawn[0] == drawn[1] && drawn[1] == drawn[2]);
}

#[test]
fn three_sweeps_are_pinned() {
    // Golden draws: a change here changes every seeded result and belongs into the changelog.
    let (fast, _) = pair(24, 5, 0.5, 0.5, 9);
    let mut rng = Seed::new(9).child("pinned").rng();
    let mut x = Array2::zeros((2, 24));
    for _ in 0..3 {
        fast.resample(x.view_mut(), 0, None, &mut rng);
    }
    let bits = |row: ArrayView1<f64>| row.iter().fold(0u32, |bits, v| 2 * bits + (*v as u32));
    assert_eq!([bits(x.row(0)), bits(x.row(1))], PINNED, "{x}");
}

const PINNED: [u32; 2] = [10_246_539, 2_118_426];

#[test]
fn a_sweep_of_no_rows_is_no_sweep() {
    let (fast, _) = pair(3, 2, 0.3, 0.5, 1);
    let mut none = Array2::zeros((0, 3));
    fast.resample(none.view_mut(), 0, None, &mut Seed::new(1).rng());
    assert_eq!(
        fast.visible_means(none.view(), &mut Seed::new(1).rng()).dim(),
        (0, 3)
    );
}
