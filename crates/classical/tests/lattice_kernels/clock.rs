//! Clocks, which are fields of labels.

use gibbsian_classical::field::log_z_by_elimination;
use gibbsian_classical::{Boundary, Graph, Ising, PairwiseField, Potts};
use gibbsian_core::math::log_sum_exp;
use gibbsian_core::{Discrete, Energy, Seed};
use gibbsian_testkit::agreement::close;
use gibbsian_testkit::conformance::{self, Balance, Redraw};
use gibbsian_testkit::differences::Precision;
use gibbsian_testkit::targets::Sweep;
use ndarray::{Array1, Array2};
use std::f64::consts::PI;

use crate::models::uniform;

fn clock(graph: &Graph, n_directions: usize, seed: u64) -> PairwiseField {
    let couplings = uniform(graph.n_bonds(), -1.0, 1.0, seed);
    let fields = uniform(2 * graph.n_sites(), -0.5, 0.5, seed + 1);
    let fields = fields.into_shape_with_order((graph.n_sites(), 2)).unwrap();
    PairwiseField::clock(graph.clone(), n_directions, couplings, fields).unwrap()
}

#[test]
fn energies_are_those_of_unit_vectors() {
    let graph = Graph::triangular(2, 2, Boundary::Open).unwrap();
    for n_directions in [2, 3, 5, 6] {
        let (couplings, fields) = (uniform(5, -1.0, 1.0, 3), uniform(8, -1.0, 1.0, 4));
        let fields = fields.into_shape_with_order((4, 2)).unwrap();
        let model =
            PairwiseField::clock(graph.clone(), n_directions, couplings.clone(), fields.clone()).unwrap();
        let y = model.states().unwrap();
        let expected = y.rows().into_iter().map(|y| {
            let angle = y.mapv(|a| 2.0 * PI * a / n_directions as f64);
            let bonds = graph.bonds().iter().zip(&couplings);
            let bonds: f64 = bonds.map(|(&[i, j], c)| c * (angle[i] - angle[j]).cos()).sum();
            let sites = (0..4).map(|i| fields[[i, 0]] * angle[i].cos() + fields[[i, 1]] * angle[i].sin());
            -bonds - sites.sum::<f64>()
        });
        close(
            "energies",
            &model.energy(y.view()),
            &expected.collect::<Array1<f64>>(),
            1e-13,
        )
        .unwrap();
        conformance::discrete_energy(&model, y.slice(ndarray::s![..;9, ..]), Precision::DOUBLE).unwrap();
    }
    let small = clock(&Graph::complete(3).unwrap(), 4, 7);
    conformance::block_law(&small, Redraw::Conditional, Seed::new(2)).unwrap();
    conformance::transition_law(&Sweep::Forward, &small, Balance::Global, Seed::new(3)).unwrap();
}

#[test]
fn few_directions_are_spins_and_colours() {
    let graph = Graph::lattice(&[3, 3], Boundary::Periodic).unwrap();
    let n_bonds = graph.n_bonds();
    let couplings = uniform(n_bonds, -0.8, 0.8, 5);
    let without_field = |q: usize| {
        let clock = PairwiseField::clock(graph.clone(), q, couplings.clone(), Array2::zeros((9, 2)));
        log_z_by_elimination(&clock.unwrap()).unwrap()
    };
    let spins = |scale: f64| {
        let model = Ising::new(graph.clone(), &couplings * scale, Array1::zeros(9));
        model.unwrap().log_z().unwrap()
    };
    let tolerance = 1e-12;
    assert!((without_field(2) - spins(1.0)).abs() < tolerance);
    assert!((without_field(4) - 2.0 * spins(0.5)).abs() < tolerance);
    let colours = Potts::new(graph.clone(), &couplings * 1.5, Array2::zeros((9, 3))).unwrap();
    let constant = -0.5 * couplings.sum();
    assert!((without_field(3) - colours.log_z().unwrap() - constant).abs() < tolerance);
}

#[test]
fn rings_have_the_eigenvalues_of_a_circulant_matrix() {
    // Z = Σ_k λ_k^N, λ_k = Σ_a exp(J cos 2πa/q) cos(2πka/q).
    for (n_directions, coupling) in [(5, 0.8), (6, -1.1), (8, 2.0)] {
        let angle = |a: usize| 2.0 * PI * a as f64 / n_directions as f64;
        let eigenvalue = |k: usize| -> f64 {
            let terms = (0..n_directions).map(|a| (coupling * angle(a).cos()).exp() * (angle(k * a)).cos());
            terms.sum()
        };
        let expected = (0..n_directions).map(|k| eigenvalue(k).powi(7)).sum::<f64>().ln();
        let ring = Graph::lattice(&[7], Boundary::Periodic).unwrap();
        let model = PairwiseField::clock(
            ring,
            n_directions,
            Array1::from_elem(7, coupling),
            Array2::zeros((7, 2)),
        );
        let found = log_z_by_elimination(&model.unwrap()).unwrap();
        assert!((found - expected).abs() < 1e-12 * expected);
    }
    let model = clock(&Graph::complete(4).unwrap(), 5, 9);
    let energies = model.energy(model.states().unwrap().view());
    let expected = log_sum_exp(&energies.mapv(|e| -e).to_vec());
    assert!((log_z_by_elimination(&model).unwrap() - expected).abs() < 1e-12);
}

#[test]
fn what_is_no_clock_is_refused_by_name() {
    let pair = Graph::lattice(&[2], Boundary::Open).unwrap();
    let refuse = |q: usize, couplings: Array1<f64>, fields: Array2<f64>| {
        let clock = PairwiseField::clock(pair.clone(), q, couplings, fields);
        clock.unwrap_err().to_string()
    };
    assert!(refuse(1, Array1::zeros(1), Array2::zeros((2, 2))).contains("labels"));
    assert!(refuse(0, Array1::zeros(1), Array2::zeros((2, 2))).contains("labels"));
    assert!(refuse(3, Array1::zeros(2), Array2::zeros((2, 2))).contains("couplings"));
    assert!(refuse(3, Array1::zeros(1), Array2::zeros((2, 1))).contains("fields"));
    assert!(refuse(3, Array1::from_elem(1, f64::NAN), Array2::zeros((2, 2))).contains("couplings[0]"));
}
