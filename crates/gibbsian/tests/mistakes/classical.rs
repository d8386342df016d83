//! Machines that cannot be, and sums that cannot be made.

use gibbsian::Seed;
use gibbsian::classical::{
    Bernoulli, Boundary, Dbm, Gaussian, Graph, Ising, MultiSpinHeatBath, Rbm, Rectified,
};
use gibbsian::core::{Discrete, Kernel};
use gibbsian::ndarray::{Array2, array};

use crate::refused;

#[test]
fn there_are_no_hidden_units() {
    let machine = Rbm::random(
        Bernoulli::unbiased(784),
        Bernoulli::unbiased(0),
        0.01,
        Seed::new(1),
    );
    insta::assert_snapshot!(refused(machine), @"`layers` is [784, 0], but must be of at least one unit each; begin with as many hidden units as visible ones");
}

#[test]
fn weights_are_hidden_by_visible() {
    let machine = Rbm::new(
        Bernoulli::unbiased(4),
        Bernoulli::unbiased(2),
        Array2::zeros((2, 4)),
    );
    insta::assert_snapshot!(refused(machine), @"`weights` has shape [2, 4], but must have shape [4, 2]; rows belong to visible units and columns to hidden ones; transpose a matrix of the other order");
}

#[test]
fn states_of_spins_are_bits() {
    let ising = Ising::uniform(Graph::lattice(&[2, 2], Boundary::Open).unwrap(), 0.5, 0.0).unwrap();
    insta::assert_snapshot!(refused(ising.check_states("x", array![[0.0, 1.0, 1.0, 0.0]].view())), @"`x[0, 0]` is 0, but must be one of [-1.0, 1.0]; round or threshold the data, and recode other symbols to these");
}

#[test]
fn a_checkerboard_has_odd_sides() {
    let ising = Ising::uniform(Graph::lattice(&[5, 5], Boundary::Periodic).unwrap(), 0.4, 0.0).unwrap();
    let start = MultiSpinHeatBath::new(1).and_then(|kernel| kernel.init(&ising, Array2::ones((1, 25))));
    insta::assert_snapshot!(refused(start), @"`model` is 5 by 5 sites, but must be a periodic square lattice with even sides, at most 128 columns or a multiple of 128, one coupling and one field; make the sides even, or take the general kernels Gibbs and Metropolis");
}

#[test]
fn a_gaussian_machine_with_rectified_units_has_no_integral() {
    let visible = Gaussian::new(array![0.0], array![1.0]).unwrap();
    let hidden = Rectified::new(array![0.0], array![1.0]).unwrap();
    insta::assert_snapshot!(refused(Rbm::new(visible, hidden, array![[2.0]])), @"`weights` is a coupling of unbounded units of strength 2, but must be of a strength v'Wh/√(v'Γv h'Γh) below 1, or exp(−E) has no integral; scale the weights down, raise the precisions, or take bounded hidden units such as Bernoulli");
}

#[test]
fn a_machine_is_too_large_for_enumeration() {
    let machine = Rbm::random(
        Bernoulli::unbiased(784),
        Bernoulli::unbiased(500),
        0.01,
        Seed::new(1),
    )
    .unwrap();
    insta::assert_snapshot!(refused(machine.log_z()), @"`layers` is of more than 2^64 and more than 2^64 states, but must be such that one has at most 2^32 states to be enumerated; estimate log Z by annealing instead");
}

#[test]
fn layers_of_a_deep_machine_do_not_fit() {
    let layer = Bernoulli::unbiased;
    let machine = Dbm::new(
        layer(6),
        vec![layer(4), layer(3)],
        vec![Array2::zeros((6, 4)), Array2::zeros((3, 4))],
    );
    insta::assert_snapshot!(refused(machine), @"`layers[2].weights` has shape [3, 4], but must have shape [4, 3]; layers go from the data upwards, and rows of weights belong to the lower of two");
}
