//! Free fermions against the transfer matrix.

use gibbsian_classical::{Boundary, Graph, Ising};
use gibbsian_core::Seed;
use ndarray::Array1;
use rand::RngExt;

use crate::models::random;

#[track_caller]
fn assert_same(what: &str, model: &Ising) {
    let (found, expected) = (model.log_z_planar().unwrap(), model.log_z().unwrap());
    assert!(
        (found - expected).abs() <= 1e-12 * expected.abs().max(1.0),
        "{what}: {found:e}, {expected:e}"
    );
}

fn lattices() -> Vec<Graph> {
    use Boundary::{Open, Periodic};
    let mut lattices = vec![
        Graph::lattice(&[1], Open).unwrap(),
        Graph::lattice(&[9], Open).unwrap(),
        Graph::lattice(&[8], Periodic).unwrap(),
        Graph::lattice(&[2], Periodic).unwrap(),
    ];
    for shape in [[1, 5], [5, 1], [2, 2], [2, 7], [6, 4], [4, 6], [9, 9]] {
        lattices.push(Graph::lattice(&shape, Open).unwrap());
    }
    for shape in [[2, 2], [3, 2], [2, 5], [5, 6], [6, 3]] {
        lattices.push(Graph::lattice_with(&shape, &[Open, Periodic]).unwrap());
        lattices.push(Graph::lattice_with(&shape, &[Periodic, Open]).unwrap());
    }
    lattices
}

#[test]
fn uniform_lattices_of_either_sign_agree_with_the_transfer_matrix() {
    for (k, graph) in lattices().into_iter().enumerate() {
        for coupling in [0.0, 0.05, 0.44, 1.5, 20.0, -0.3] {
            assert_same(
                &format!("lattice {k}, K = {coupling}"),
                &Ising::uniform(graph.clone(), coupling, 0.0).unwrap(),
            );
        }
    }
}

#[test]
fn glasses_agree_with_the_transfer_matrix() {
    for (k, graph) in lattices().into_iter().enumerate() {
        for scale in [0.1, 0.5, 1.0] {
            assert_same(
                &format!("lattice {k}, normal {scale}"),
                &random(graph.clone(), scale, 0.0, k as u64),
            );
            let mut rng = Seed::new(k as u64).child("signs").rng();
            let signs = Array1::from_shape_simple_fn(graph.n_bonds(), || {
                if rng.random::<bool>() { scale } else { -scale }
            });
            let fields = Array1::zeros(graph.n_sites());
            assert_same(
                &format!("lattice {k}, signs {scale}"),
                &Ising::new(graph.clone(), signs, fields).unwrap(),
            );
        }
    }
}

#[test]
fn large_lattices_have_the_energy_of_the_bulk_and_the_edge() {
    // log Z of L × L is f L² + 4 s L + 4 c up to exp(−L/ξ) at K = 0.3, ξ = 3; f is Onsager's.
    let log_z = |l: usize| {
        let graph = Graph::lattice(&[l, l], Boundary::Open).unwrap();
        Ising::uniform(graph, 0.3, 0.0).unwrap().log_z_planar().unwrap()
    };
    let [a, b, c] = [100, 110, 120].map(log_z);
    let bulk = gibbsian_classical::ising::onsager(0.3, 0.3).unwrap().log_z;
    assert!(((a - 2.0 * b + c) / 200.0 - bulk).abs() < 1e-11);
}

#[test]
fn what_is_not_free_fermions_is_refused_by_name() {
    let refused = |model: Ising| model.log_z_planar().unwrap_err().to_string();
    let open = Graph::lattice(&[4, 4], Boundary::Open).unwrap();
    let mut fields = Array1::zeros(16);
    fields[5] = 0.1;
    let in_field = Ising::new(open.clone(), Array1::ones(open.n_bonds()), fields).unwrap();
    assert_eq!(
        refused(in_field),
        "`fields[5]` is 0.1, but must be zero: fields are no free fermions"
    );
    for graph in [
        Graph::lattice(&[4, 4], Boundary::Periodic).unwrap(),
        Graph::lattice(&[2, 2, 2], Boundary::Open).unwrap(),
        Graph::complete(4).unwrap(),
    ] {
        assert!(refused(Ising::uniform(graph, 0.1, 0.0).unwrap()).contains("open in one of them"));
    }
    // Every plaquette frustrated, far below the temperature at which doubles can tell ground states apart.
    let couplings = Array1::from_shape_fn(open.n_bonds(), |b| {
        if open.bonds()[b] == [5, 6] { -30.0 } else { 30.0 }
    });
    let cold = Ising::new(open, couplings, Array1::zeros(16)).unwrap();
    assert!(refused(cold).contains("less frustrated"));
}
