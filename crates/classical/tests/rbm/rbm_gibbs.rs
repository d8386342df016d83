//! Block Gibbs sampling of the machine: its law by enumeration, its draws against that law, threads, and pinned draws.

use crate::common::{binary_states, machine, means};
use gibbsian_core::{Blocks, EnergyPullback, Parametric, Seed, Streams};
use gibbsian_testkit::conformance::{self, Balance, Redraw};
use gibbsian_testkit::targets::Sweep;
use gibbsian_testkit::threads;
use ndarray::{Array1, Array2, ArrayView1};

#[test]
fn the_visible_chain_is_reversible_and_drawn_as_its_law_says() {
    // Layers of one size consume their streams in step, so that a stream shared by both would show in the law.
    let rbm = machine(4, 4, 0.9, 0.6, 1);
    conformance::blocks(&rbm, binary_states(4).view(), Seed::new(1)).unwrap();
    conformance::block_law(&rbm, Redraw::ThroughHidden, Seed::new(2)).unwrap();
    conformance::transition_law(&Sweep::Forward, &rbm, Balance::Detailed, Seed::new(3)).unwrap();
}

#[test]
fn the_joint_chain_redraws_each_layer_from_its_conditional() {
    let rbm = machine(3, 2, 0.9, 0.6, 2);
    let joint = rbm.joint();
    conformance::blocks(&joint, binary_states(5).view(), Seed::new(1)).unwrap();
    conformance::block_law(&joint, Redraw::Conditional, Seed::new(2)).unwrap();
    conformance::transition_law(&Sweep::Forward, &joint, Balance::Global, Seed::new(3)).unwrap();
    conformance::transition_law(&Sweep::Palindrome, &joint, Balance::Detailed, Seed::new(4)).unwrap();
}

#[test]
fn gradients_and_draws_have_the_same_bits_on_any_number_of_threads() {
    let rbm = machine(70, 45, 0.3, 0.5, 5);
    let x = means(200, 70, 6);
    threads::same_on_any_number("draws", || {
        let h = rbm.sample_hidden(x.view(), Streams::from_key(1));
        rbm.sample_visible(h.view(), Streams::from_key(2)).into_flat()
    })
    .unwrap();
    threads::same_on_any_number("the gradient", || {
        let mut grad = Array1::zeros(rbm.n_params());
        let w = Array1::linspace(-1.0, 1.0, x.nrows());
        rbm.energy_pullback_into(x.view(), w.view(), grad.view_mut());
        grad
    })
    .unwrap();
    threads::same_on_any_number("log Z", || {
        Array1::from_elem(1, machine(12, 14, 0.3, 0.5, 5).log_z().unwrap())
    })
    .unwrap();
}

#[test]
fn three_sweeps_are_pinned() {
    // Golden draws: a change here changes every seeded result and belongs into the changelog.
    let rbm = machine(16, 5, 0.5, 0.5, 9);
    let mut rng = Seed::new(9).child("pinned").rng();
    let mut x = Array2::zeros((2, 16));
    for _ in 0..3 {
        rbm.resample(x.view_mut(), 0, None, &mut rng);
    }
    let bits = |row: ArrayView1<f64>| row.iter().fold(0u32, |bits, v| 2 * bits + (*v as u32));
    assert_eq!([bits(x.row(0)), bits(x.row(1))], PINNED, "{x}");
}

const PINNED: [u32; 2] = [19_559, 62_537];
