//! Machines with continuous visible units: scores, Jacobians and their pullbacks beside every hidden kind.

use gibbsian_classical::{DoubleRectified, Gaussian, Joined, Layer, Rbm, Rectified};
use gibbsian_core::{ContinuousUnits, Units};
use gibbsian_testkit::conformance;
use gibbsian_testkit::differences::Precision;
use ndarray::{Array2, array};

use crate::kind::kinds;

const DOUBLE: Precision = Precision::DOUBLE;

/// All rungs of the ladder, for a visible layer of two units and each kind of hidden layer.
fn ladder<V: ContinuousUnits>(visible: &V, x: &Array2<f64>) {
    for hidden in kinds() {
        let n_hidden = hidden.layer.n_units();
        let weights = Array2::from_shape_fn((2, n_hidden), |(i, j)| {
            [0.4, -0.3, 0.5, 0.2, -0.6, 0.35, 0.1, -0.25][(4 * i + j) % 8]
        });
        let mut rbm: Rbm<V, Layer> = Rbm::new(visible.clone(), hidden.layer, weights).unwrap();
        let check = |result: gibbsian_testkit::verdict::Verdict| {
            result.unwrap_or_else(|failure| panic!("{}: {failure}", hidden.name));
        };
        check(conformance::score(&rbm, x.view(), DOUBLE));
        check(conformance::potential(&rbm, x.view(), DOUBLE));
        check(conformance::score_jvp(&rbm, x.view(), DOUBLE));
        check(conformance::score_pullback(&mut rbm, x.view(), DOUBLE));
        check(conformance::score_jvp_pullback(&mut rbm, x.view(), DOUBLE));
    }
}

#[test]
fn gaussian_visible_units_have_scores() {
    let visible = Gaussian::new(array![0.3, -0.5], array![1.4, 0.9]).unwrap();
    ladder(
        &visible,
        &array![[0.4, -0.9], [-1.1, 0.3], [1.7, 0.8], [-0.2, -1.6]],
    );
}

#[test]
fn rectified_and_joined_visible_units_have_scores_inside_their_support() {
    let visible = Rectified::new(array![0.3, -0.5], array![1.4, 0.9]).unwrap();
    ladder(&visible, &array![[0.4, 0.9], [1.1, 0.3], [1.7, 0.8]]);
    let one = Gaussian::new(array![0.3], array![1.4]).unwrap();
    let double = DoubleRectified::new(array![0.2], array![1.2], array![-0.5], array![0.8]).unwrap();
    ladder(
        &Joined::new(one, double),
        &array![[0.4, 0.9], [-1.1, -0.3], [1.7, -0.8]],
    );
}

/// Counts are differentiated as real numbers where proposals are made from gradients.
#[test]
fn binomial_visible_units_have_relaxed_energies() {
    use gibbsian_classical::{Bernoulli, Binomial};
    use gibbsian_core::Discrete;
    let visible = Binomial::new(array![0.3, -0.5], 3).unwrap();
    let rbm = Rbm::new(visible, Bernoulli::unbiased(2), array![[0.4, -0.3], [0.5, 0.2]]).unwrap();
    conformance::relaxed_energy(&rbm, rbm.states().unwrap().view(), DOUBLE).unwrap();
}
