//! The laws of the traits.

use gibbsian_classical::{Boundary, Graph, IsingPath};
use gibbsian_core::{Blocks, Seed, Snapshot};
use gibbsian_testkit::conformance::{self, Redraw};
use gibbsian_testkit::differences::Precision;
use ndarray::Array1;

use crate::models::{random, states};

const DOUBLE: Precision = Precision::DOUBLE;

fn small() -> Vec<Graph> {
    vec![
        Graph::lattice(&[2, 3], Boundary::Open).unwrap(),
        Graph::lattice(&[2, 2], Boundary::Periodic).unwrap(),
        Graph::triangular(2, 3, Boundary::Open).unwrap(),
        Graph::complete(4).unwrap(),
    ]
}

#[test]
fn energies_changes_and_derivatives_obey_their_laws() {
    for graph in small() {
        let mut model = random(graph, 0.8, 0.5, 1);
        let x = states(model.graph().n_sites());
        conformance::parametric(&mut model).unwrap();
        conformance::energy(&model, x.view(), DOUBLE).unwrap();
        conformance::discrete_energy(&model, x.view(), DOUBLE).unwrap();
        conformance::relaxed_energy(&model, x.view(), DOUBLE).unwrap();
        conformance::energy_pullback(&mut model, x.view(), DOUBLE).unwrap();
    }
}

#[test]
fn the_heat_bath_of_colours_draws_from_the_conditional_law() {
    for (k, graph) in small().into_iter().enumerate() {
        let model = random(graph, 0.6, 0.4, 2);
        let x = states(model.graph().n_sites());
        let seed = Seed::new(3).nth(k as u64);
        conformance::blocks(&model, x.view(), seed.child("blocks")).unwrap();
        conformance::block_law(&model, Redraw::Conditional, seed.child("law")).unwrap();
    }
}

#[test]
fn a_square_lattice_has_two_blocks_and_clamped_spins_stay() {
    let model = random(Graph::lattice(&[4, 6], Boundary::Periodic).unwrap(), 0.3, 0.3, 4);
    assert_eq!(model.n_blocks(), 2);
    assert_eq!(model.at(0.5).unwrap().n_blocks(), 2);
    let free = Array1::from_shape_fn(24, |i| i % 5 != 0);
    let mut x = states(24 / 4).broadcast((4, 64, 6)).unwrap().to_owned();
    x.swap_axes(0, 1);
    let mut x = x
        .as_standard_layout()
        .to_owned()
        .into_shape_with_order((64, 24))
        .unwrap();
    let before = x.clone();
    let mut rng = Seed::new(5).rng();
    for block in 0..2 {
        model.resample(x.view_mut(), block, Some(free.view()), &mut rng);
    }
    for (site, (new, old)) in x.columns().into_iter().zip(before.columns()).enumerate() {
        assert_eq!(new == old, !free[site], "site {site}");
    }
}

#[test]
fn parameters_come_back_from_a_snapshot_or_not_at_all() {
    let model = random(Graph::lattice(&[3, 3], Boundary::Open).unwrap(), 0.3, 0.3, 6);
    let mut other = random(Graph::lattice(&[3, 3], Boundary::Open).unwrap(), 0.3, 0.3, 7);
    conformance::snapshot(&model, &mut other).unwrap();
    other.restore(&model.snapshot()).unwrap();
    assert_eq!(model, other);
}

#[test]
fn the_path_from_free_spins_obeys_its_laws() {
    for (k, graph) in small().into_iter().enumerate() {
        let model = random(graph, 0.8, 0.6, 8);
        let x = states(model.graph().n_sites());
        let path = IsingPath::new(&model);
        let seed = Seed::new(9).nth(k as u64);
        conformance::path(&path, x.view(), DOUBLE, seed.child("path")).unwrap();
        conformance::finite_path(&path, x.view(), DOUBLE, seed.child("finite")).unwrap();
    }
}
