//! Models to try things on.

use gibbsian_classical::{Boundary, Graph, Ising};
use gibbsian_core::Seed;
use ndarray::{Array1, Array2};
use rand::RngExt;
use rand_distr::StandardNormal;

/// Independent normal couplings and fields of these standard deviations.
pub fn random(graph: Graph, coupling: f64, field: f64, seed: u64) -> Ising {
    let mut rng = Seed::new(seed).child("model").rng();
    let mut normal = |scale: f64| scale * rng.sample::<f64, _>(StandardNormal);
    let couplings = Array1::from_shape_simple_fn(graph.n_bonds(), || normal(coupling));
    let fields = Array1::from_shape_simple_fn(graph.n_sites(), || normal(field));
    Ising::new(graph, couplings, fields).unwrap()
}

/// Lattices of every kind, a tree, a complete graph, a graph of several components and one without bonds.
pub fn graphs() -> Vec<Graph> {
    use Boundary::{Open, Periodic};
    vec![
        Graph::lattice(&[1], Open).unwrap(),
        Graph::lattice(&[7], Periodic).unwrap(),
        Graph::lattice(&[2, 2], Periodic).unwrap(),
        Graph::lattice(&[3, 5], Open).unwrap(),
        Graph::lattice(&[5, 3], Open).unwrap(),
        Graph::lattice_with(&[4, 3], &[Open, Periodic]).unwrap(),
        Graph::lattice_with(&[4, 3], &[Periodic, Open]).unwrap(),
        Graph::lattice(&[3, 4], Periodic).unwrap(),
        Graph::lattice(&[2, 3, 2], Open).unwrap(),
        Graph::lattice(&[2, 2, 3], Periodic).unwrap(),
        Graph::triangular(3, 4, Open).unwrap(),
        Graph::triangular(3, 3, Periodic).unwrap(),
        Graph::complete(9).unwrap(),
        Graph::new(6, vec![]).unwrap(),
        Graph::new(9, vec![[0, 4], [4, 8], [4, 2], [2, 1], [2, 7], [8, 3]]).unwrap(),
        Graph::new(8, vec![[5, 1], [1, 7], [7, 5], [0, 6]]).unwrap(),
    ]
}

/// All states of `n` spins.
pub fn states(n: usize) -> Array2<f64> {
    gibbsian_core::Discrete::states(&random(Graph::new(n, vec![]).unwrap(), 0.0, 0.0, 0)).unwrap()
}
