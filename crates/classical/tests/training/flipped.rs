//! Flipping units renames their values and nothing else.

use gibbsian_classical::{Mirrored, Rbm, Spin};
use gibbsian_core::{Discrete, FiniteUnits, Parametric};
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
        let flipped = rbm
            .flipped(
                Array1::from_iter(visible).view(),
                Array1::from_iter(hidden).view(),
            )
            .unwrap();
        let v = rbm.states().unwrap();
        let there = mirrored(v.view(), rbm.visible().mirror(), &visible);
        let error = distance(&log_law(&flipped, there.view()), &log_law(rbm, v.view()));
        assert!(error <= 1e-13, "{error:e}");
        // Hidden units are renamed too.
        let means = mirrored(rbm.hidden_mean(v.view()).view(), rbm.hidden().mirror(), &hidden);
        let found = flipped.hidden_mean(there.view());
        assert!((&found - &means).iter().all(|d| d.abs() <= 1e-14));
        // Twice is not at all.
        let back = flipped
            .flipped(
                Array1::from_iter(visible).view(),
                Array1::from_iter(hidden).view(),
            )
            .unwrap();
        assert!(distance(&back.params(), &rbm.params()) <= 1e-15);
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
}

#[test]
fn a_wrong_number_of_units_is_refused() {
    let rbm = machine(4, 3, 0.8, 0.6, 5);
    let error = rbm
        .flipped(array![true].view(), array![false, false, true].view())
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "`visible` has shape [1], but must have shape [4]"
    );
}
