//! The fused machine's energies, gradients and flips against the reference, within what single precision explains.

use crate::common::{binary_states, means};
use crate::fused::{SHAPES, UNIT, assert_within, binary_rows, energy_bound, field_bounds, pair};
use gibbsian_classical::{BinaryRbm, Rbm};
use gibbsian_core::{DiscreteEnergy, Energy, EnergyPullback, Parametric, RelaxedEnergy};
use gibbsian_testkit::conformance;
use gibbsian_testkit::differences::Precision;
use ndarray::{Array1, Array2, ArrayView2, Axis, array};

/// Binary rows, means, and both with the corners of the unit cube among them.
fn batches(n_units: usize) -> [Array2<f64>; 3] {
    let mut mixed = means(40, n_units, 5);
    mixed.row_mut(3).fill(0.0);
    mixed.row_mut(11).fill(1.0);
    [binary_rows(40, n_units, 0.3, 4), means(7, n_units, 5), mixed]
}

fn energy_bounds(rbm: &Rbm, x: ArrayView2<f64>) -> Array1<f64> {
    x.rows().into_iter().map(|v| energy_bound(rbm, v)).collect()
}

#[test]
fn free_energies_are_those_of_the_reference_within_rounding() {
    for (v, h) in SHAPES {
        for weight in [0.05, 1.0, 8.0] {
            let (fast, reference) = pair(v, h, weight, 0.5, 1);
            for x in batches(v) {
                let column = |values: Array1<f64>| values.insert_axis(Axis(1));
                assert_within(
                    &format!("free energy of {v} x {h}, weights {weight}"),
                    column(fast.energy(x.view())).view(),
                    column(reference.energy(x.view())).view(),
                    column(energy_bounds(&reference, x.view())).view(),
                );
            }
        }
    }
}

#[test]
fn energies_obey_the_laws_of_their_trait() {
    for (v, h) in [(5, 3), (70, 40)] {
        let (fast, _) = pair(v, h, 0.5, 0.5, 2);
        for x in batches(v) {
            conformance::energy(&fast, x.view(), Precision::SINGLE).unwrap();
        }
    }
}

#[test]
fn rows_have_the_same_bits_in_any_company() {
    let (fast, _) = pair(130, 70, 0.3, 0.5, 3);
    let x = binary_rows(50, 130, 0.2, 1);
    let energies = fast.energy(x.view());
    // One mean or one NaN in the batch makes every row carry values; the other rows' sums are the same.
    for value in [0.5, f64::NAN] {
        let mut spoilt = x.clone();
        spoilt[[17, 4]] = value;
        let found = fast.energy(spoilt.view());
        for b in 0..x.nrows() {
            if b == 17 {
                assert!(found[b].is_nan() == value.is_nan() && found[b] != energies[b]);
            } else {
                assert_eq!(found[b].to_bits(), energies[b].to_bits(), "row {b}");
            }
        }
    }
    for (b, row) in x.axis_chunks_iter(Axis(0), 1).enumerate() {
        assert_eq!(
            fast.energy(row)[0].to_bits(),
            energies[b].to_bits(),
            "row {b} alone"
        );
    }
}

#[test]
fn gradients_are_those_of_the_reference_within_rounding() {
    for (v, h) in SHAPES {
        let (fast, reference) = pair(v, h, 0.3, 0.5, 6);
        for x in batches(v) {
            let w = Array1::from_shape_fn(x.nrows(), |b| 0.1 * (b as f64 - 3.0));
            let gradient = |energy: &dyn Fn(&mut Array1<f64>)| {
                // On top of what is there.
                let mut gradient = Array1::from_elem(fast.n_params(), 0.25);
                energy(&mut gradient);
                gradient.insert_axis(Axis(1))
            };
            let found = gradient(&|g| fast.energy_pullback_into(x.view(), w.view(), g.view_mut()));
            let expected = gradient(&|g| reference.energy_pullback_into(x.view(), w.view(), g.view_mut()));
            // A mean moves at most a quarter as far as its field and is off by 3.5 units of at most one; the rest is in double precision.
            let mut mean_bounds = Array2::zeros((x.nrows(), h));
            for (row, mut bounds) in x.rows().into_iter().zip(mean_bounds.rows_mut()) {
                bounds.assign(&(field_bounds(&reference, row) / 4.0 + 3.5 * UNIT));
            }
            let weighted = x.mapv(f64::abs) * w.mapv(f64::abs).insert_axis(Axis(1));
            let bounds = (weighted.t().dot(&mean_bounds).into_iter())
                .chain(vec![0.0; v])
                .chain(w.mapv(f64::abs).dot(&mean_bounds));
            let bounds: Array1<f64> = bounds.map(|bound| bound + 1e-12).collect();
            assert_within(
                &format!("gradient of {v} x {h}"),
                found.view(),
                expected.view(),
                bounds.insert_axis(Axis(1)).view(),
            );
        }
    }
}

#[test]
fn gradients_obey_the_laws_of_their_trait() {
    let (mut fast, _) = pair(4, 3, 0.5, 0.5, 7);
    for x in [binary_states(4), means(6, 4, 5)] {
        conformance::energy_pullback(&mut fast, x.view(), Precision::SINGLE).unwrap();
    }
}

/// `Σ_j min(1, |W_ij| / 4) δ_j` for every flip, and the rounding of double precision.
fn flip_bounds(rbm: &Rbm, x: ArrayView2<f64>) -> Array2<f64> {
    let mut bounds = Array2::zeros(x.raw_dim());
    for (row, mut bounds) in x.rows().into_iter().zip(bounds.rows_mut()) {
        let slopes = rbm.weights().mapv(|w| (w.abs() / 4.0).min(1.0));
        bounds.assign(&slopes.dot(&field_bounds(rbm, row)));
    }
    let size = 1.0 + rbm.weights().mapv(f64::abs).sum_axis(Axis(1)) + rbm.visible().bias().mapv(f64::abs);
    bounds + 1e-13 * size
}

#[test]
fn flips_cost_what_they_cost_the_reference_within_rounding() {
    // Weights of 100 take some units through the careful sum, and all products to their ends.
    for (v, h) in SHAPES {
        for weight in [0.01, 1.0, 100.0] {
            if weight != 1.0 && v * h > 100_000 {
                continue;
            }
            let (fast, reference) = pair(v, h, weight, 0.5, 8);
            let n_rows = if v * h > 100_000 { 2 } else { 40 };
            let x = binary_rows(n_rows, v, 0.3, 9);
            let flips = |model: &dyn DiscreteEnergy| {
                let mut flips = Array2::from_elem(x.raw_dim(), f64::NAN);
                model.flip_deltas_into(x.view(), flips.view_mut());
                flips
            };
            assert_within(
                &format!("flip of {v} x {h}, weights {weight}"),
                flips(&fast).view(),
                flips(&reference).view(),
                flip_bounds(&reference, x.view()).view(),
            );
        }
    }
}

#[test]
fn the_fast_and_the_careful_way_to_a_flip_agree() {
    // The magnitudes of the first unit's weights add up to just below the limit of 600, then to just above.
    let build = |scale: f64| {
        let row = Array1::from_shape_fn(100, |j| if j % 3 == 0 { -1.0 } else { 1.0 } * scale);
        let mut weights = Array2::zeros((2, 100));
        weights.row_mut(0).assign(&row);
        BinaryRbm::from(
            &Rbm::new(
                crate::common::layer(array![0.3, -0.2]),
                crate::common::layer(Array1::linspace(-30.0, 30.0, 100)),
                weights,
            )
            .unwrap(),
        )
    };
    for scale in [5.99, 6.01] {
        let fast = build(scale);
        let reference = Rbm::from(&fast);
        let x = array![[0.0, 0.0], [1.0, 0.0], [1.0, 1.0]];
        let mut found = Array2::zeros((3, 2));
        fast.flip_deltas_into(x.view(), found.view_mut());
        let mut expected = Array2::zeros((3, 2));
        reference.flip_deltas_into(x.view(), expected.view_mut());
        assert_within(
            &format!("flip with weights {scale}"),
            found.view(),
            expected.view(),
            flip_bounds(&reference, x.view()).view(),
        );
    }
}

#[test]
fn flips_obey_the_laws_of_their_trait() {
    for (v, h) in [(4, 3), (9, 70)] {
        let (fast, reference) = pair(v, h, 0.5, 0.5, 10);
        conformance::discrete_energy(&fast, binary_rows(6, v, 0.5, 1).view(), Precision::SINGLE).unwrap();
        // A mean has no other symbol; like the reference, the flip goes to zero.
        let x = means(3, v, 2);
        let (mut found, mut expected) = (Array2::zeros((3, v)), Array2::zeros((3, v)));
        fast.flip_deltas_into(x.view(), found.view_mut());
        reference.flip_deltas_into(x.view(), expected.view_mut());
        assert_within(
            "flip of a mean",
            found.view(),
            expected.view(),
            flip_bounds(&reference, x.view()).view(),
        );
    }
}

#[test]
fn relaxed_scores_are_those_of_the_reference_within_rounding() {
    for (v, h) in SHAPES {
        for weight in [0.05, 1.0, 8.0] {
            let (fast, reference) = pair(v, h, weight, 0.5, 1);
            let weights = reference.weights().mapv(f64::abs);
            for x in batches(v) {
                let mut bounds = Array2::zeros(x.raw_dim());
                for (v, mut bound) in x.rows().into_iter().zip(bounds.rows_mut()) {
                    // A mean moves at most a quarter as far as its field, and is itself off by 4 units.
                    let of_means = field_bounds(&reference, v) / 4.0 + 4.0 * UNIT;
                    bound.assign(&weights.dot(&of_means));
                }
                assert_within(
                    &format!("relaxed score of {v} x {h}, weights {weight}"),
                    fast.relaxed_score(x.view()).view(),
                    reference.relaxed_score(x.view()).view(),
                    bounds.view(),
                );
            }
        }
    }
}

#[test]
fn relaxed_scores_obey_the_laws_of_their_trait() {
    for (v, h) in [(5, 3), (70, 40)] {
        let (fast, _) = pair(v, h, 0.5, 0.5, 2);
        conformance::relaxed_energy(&fast, binary_rows(6, v, 0.5, 1).view(), Precision::SINGLE).unwrap();
    }
}
