//! A convolutional machine beside the dense machine that it is: on pictures too large to be enumerated.

use gibbsian_classical::{Boundary, ConvolutionalRbm};
use gibbsian_core::{Blocks, Energy, EnergyPullback, Parametric, Seed, Streams};
use gibbsian_testkit::threads;
use ndarray::{Array1, Array2, Array4, s};

use crate::common::means;

/// 7 × 5 pixels of 3 channels, 4 filters of 3 × 2 pixels.
fn machine(boundary: Boundary) -> ConvolutionalRbm {
    let numbers = means(1, 100, 9);
    let mut n = 0;
    let mut next = || {
        n += 1;
        numbers[[0, n % 100]] - 0.5
    };
    let filters = Array4::from_shape_simple_fn((3, 2, 3, 4), &mut next);
    let visible = Array1::from_shape_simple_fn(3, &mut next);
    let hidden = Array1::from_shape_simple_fn(4, &mut next);
    ConvolutionalRbm::binary([7, 5], visible, hidden, filters, boundary).unwrap()
}

fn largest_difference<'a>(a: impl IntoIterator<Item = &'a f64>, b: impl IntoIterator<Item = &'a f64>) -> f64 {
    let differences = a.into_iter().zip(b).map(|(a, b)| (a - b).abs());
    // NaN stays.
    differences.fold(0.0, |most, d| if d > most || d.is_nan() { d } else { most })
}

#[test]
fn energies_fields_and_draws_are_those_of_the_dense_machine() {
    for boundary in [Boundary::Open, Boundary::Periodic] {
        let m = machine(boundary);
        let dense = m.to_rbm();
        // More than one block of rows, the last not full.
        let v = means(40, 105, 1);
        let h = means(40, m.hidden_shape().iter().product::<usize>() * 4, 2);
        assert!(largest_difference(&m.hidden_field(v.view()), &dense.hidden_field(v.view())) <= 1e-13);
        assert!(largest_difference(&m.visible_field(h.view()), &dense.visible_field(h.view())) <= 1e-13);
        // Sums of about a hundred terms of size one.
        assert!(largest_difference(&m.energy(v.view()), &dense.energy(v.view())) <= 1e-11);
        // The layers are the same, so the same streams draw the same units from the same fields.
        let mut chains = [v.clone(), v];
        m.resample(chains[0].view_mut(), 0, None, &mut Seed::new(3).rng());
        dense.resample(chains[1].view_mut(), 0, None, &mut Seed::new(3).rng());
        assert_eq!(chains[0], chains[1]);
    }
}

/// The derivative in a tied weight is the sum of those in its copies.
#[test]
fn the_gradient_is_that_of_the_dense_machine_summed_over_places() {
    for boundary in [Boundary::Open, Boundary::Periodic] {
        let m = machine(boundary);
        let dense = m.to_rbm();
        let v = means(40, 105, 1);
        let w = Array1::linspace(-1.0, 1.0, 40);
        let mut found = Array1::zeros(m.n_params());
        let mut of_dense = Array1::zeros(dense.n_params());
        m.energy_pullback_into(v.view(), w.view(), found.view_mut());
        dense.energy_pullback_into(v.view(), w.view(), of_dense.view_mut());
        let (n_visible, n_hidden) = dense.weights().dim();
        let of_weights = of_dense.slice(s![..n_visible * n_hidden]);
        let of_weights = of_weights.to_shape((n_visible, n_hidden)).unwrap();
        let [rows, columns] = m.hidden_shape();
        let mut expected = Array4::zeros(m.filters().raw_dim());
        for ((i, j, c, k), sum) in expected.indexed_iter_mut() {
            for y in 0..rows {
                for x in 0..columns {
                    let pixel = (y + i) % 7 * 5 + (x + j) % 5;
                    *sum += of_weights[[pixel * 3 + c, (y * columns + x) * 4 + k]];
                }
            }
        }
        // The layers are the same, and so are their gradients.
        let of_layers = of_dense.slice(s![n_visible * n_hidden..]);
        let difference = largest_difference(&found, expected.iter().chain(&of_layers));
        assert!(difference <= 1e-11, "{difference:e}");
    }
}

#[test]
fn gradients_and_draws_have_the_same_bits_on_any_number_of_threads() {
    let m = machine(Boundary::Periodic);
    let v = means(100, 105, 6);
    threads::same_on_any_number("draws", || {
        let h = m.sample_hidden(v.view(), Streams::from_key(1));
        m.sample_visible(h.view(), Streams::from_key(2)).into_flat()
    })
    .unwrap();
    threads::same_on_any_number("the gradient", || {
        let mut grad = Array1::zeros(m.n_params());
        let w = Array1::linspace(-1.0, 1.0, v.nrows());
        m.energy_pullback_into(v.view(), w.view(), grad.view_mut());
        grad
    })
    .unwrap();
}

/// Views that are not in the order of memory give what their copies give.
#[test]
fn columns_of_a_larger_array_are_pictures_too() {
    let m = machine(Boundary::Open);
    let wide = means(5, 2 * 105, 7);
    let v = wide.slice(s![.., ..;2]);
    assert_eq!(m.energy(v), m.energy(v.to_owned().view()));
    let transposed: Array2<f64> = v.t().as_standard_layout().into_owned();
    assert_eq!(m.energy(transposed.t()), m.energy(v.to_owned().view()));
}
