//! Flipping units renames their values and nothing else, but for a constant of the energy.

use gibbsian_classical::{Binomial, Gaussian, Mirrored, Rbm, Spin};
use gibbsian_core::{Discrete, Energy, FiniteUnits, Parametric};
use ndarray::{Array1, ArrayView2, array};

use crate::common::machine;
use crate::support::{distance, log_law};

fn mirrored(x: ArrayView2<f64>, r: f64, flip: &[bool]) -> ndarray::Array2<f64> {
    let mut x = x.to_owned();
    for (i, _) in flip.iter().enumerate().filter(|(_, flip)| **flip) {
        x.column_mut(i).mapv_inplace(|v| r - v);
    }
    x
}

#[test]
fn the_law_is_the_same_in_the_mirror() {
    fn check<V: FiniteUnits + Mirrored, H: FiniteUnits + Mirrored>(rbm: &Rbm<V, H>) {
        let (visible, hidden) = ([true, false, true, false], [true, false, false]);
        let flip = |rbm: &Rbm<V, H>| {
            rbm.with_flipped(
                Array1::from_iter(visible).view(),
                Array1::from_iter(hidden).view(),
            )
            .unwrap()
        };
        let (flipped, constant) = flip(rbm);
        let moved = flipped.log_z().unwrap() - constant - rbm.log_z().unwrap();
        assert!(moved.abs() <= 1e-13, "{moved:e}");
        let v = rbm.states().unwrap();
        let there = mirrored(v.view(), rbm.visible().mirror(), &visible);
        let error = distance(&log_law(&flipped, there.view()), &log_law(rbm, v.view()));
        assert!(error <= 1e-13, "{error:e}");
        // Hidden units are renamed too.
        let means = mirrored(rbm.hidden_mean(v.view()).view(), rbm.hidden().mirror(), &hidden);
        let found = flipped.hidden_mean(there.view());
        assert!((&found - &means).iter().all(|d| d.abs() <= 1e-14));
        // Twice is not at all.
        let (back, undone) = flip(&flipped);
        assert!(distance(&back.params(), &rbm.params()) <= 2e-15);
        assert!((constant + undone).abs() <= 1e-15, "{constant} and {undone}");
        // The constant holds for every pair of states, renamed together.
        let h = rbm.transposed().states().unwrap();
        let (v, h) = (
            v.select(ndarray::Axis(0), &[0, 5, 11, 15]),
            h.select(ndarray::Axis(0), &[7, 2, 5, 0]),
        );
        let pairs = flipped.joint_energy(
            mirrored(v.view(), rbm.visible().mirror(), &visible).view(),
            mirrored(h.view(), rbm.hidden().mirror(), &hidden).view(),
        );
        assert!(distance(&rbm.joint_energy(v.view(), h.view()), &(pairs + constant)) <= 1e-14);
    }
    let rbm = machine(4, 3, 0.8, 0.6, 5);
    check(&rbm);
    let spins = |bias: ndarray::ArrayView1<f64>| Spin::new(bias.to_owned()).unwrap();
    check(
        &Rbm::new(
            spins(rbm.visible().bias()),
            spins(rbm.hidden().bias()),
            rbm.weights().to_owned(),
        )
        .unwrap(),
    );
    check(
        &Rbm::new(
            rbm.visible().clone(),
            spins(rbm.hidden().bias()),
            rbm.weights().to_owned(),
        )
        .unwrap(),
    );
    check(
        &Rbm::new(
            Binomial::new(rbm.visible().bias().to_owned(), 3).unwrap(),
            rbm.hidden().clone(),
            rbm.weights().to_owned(),
        )
        .unwrap(),
    );
}

#[test]
fn real_units_have_a_mirror_at_zero() {
    let rbm = machine(4, 3, 0.8, 0.6, 5);
    let precision = array![0.7, 1.3, 2.0, 0.5];
    let visible = Gaussian::new(rbm.visible().bias().to_owned(), precision).unwrap();
    let rbm = Rbm::new(visible, rbm.hidden().clone(), rbm.weights().to_owned()).unwrap();
    let marks = [true, false, true, true];
    let (flipped, constant) = rbm.with_flipped_visible(Array1::from_iter(marks).view()).unwrap();
    let v = array![[0.3, -1.2, 0.8, 2.0], [-0.4, 0.1, 0.0, -0.9]];
    let there = mirrored(v.view(), 0.0, &marks);
    assert_eq!(constant, 0.0);
    assert!(distance(&rbm.energy(v.view()), &flipped.energy(there.view())) <= 1e-14);
    assert_eq!(flipped.visible().precision(), rbm.visible().precision());
}

#[test]
fn a_wrong_number_of_units_is_refused() {
    let rbm = machine(4, 3, 0.8, 0.6, 5);
    let error = rbm
        .with_flipped(array![true].view(), array![false, false, true].view())
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "`visible` has shape [1], but must have shape [4]"
    );
}
