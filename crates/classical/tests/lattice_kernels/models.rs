//! Models to try kernels on.

use gibbsian_classical::{Boundary, Graph, Ising};
use gibbsian_core::Seed;
use ndarray::Array1;
use rand::RngExt;

/// Numbers drawn uniformly from an interval.
pub fn uniform(n: usize, lo: f64, hi: f64, seed: u64) -> Array1<f64> {
    let mut rng = Seed::new(seed).child("uniform").rng();
    Array1::from_shape_simple_fn(n, || lo + (hi - lo) * rng.random::<f64>())
}

/// Couplings of both signs, one of them zero, and fields of both signs, one of them zero.
pub fn frustrated(graph: Graph, seed: u64) -> Ising {
    let mut couplings = uniform(graph.n_bonds(), -0.9, 0.9, seed);
    let mut fields = uniform(graph.n_sites(), -0.7, 0.7, seed + 1);
    (couplings[1], fields[2]) = (0.0, 0.0);
    Ising::new(graph, couplings, fields).unwrap()
}

/// Models of at most eight spins: ferromagnets and others, on different graphs, with and without fields.
pub fn small() -> Vec<(&'static str, Ising)> {
    let lattice = |shape: &[usize], boundary| Graph::lattice(shape, boundary).unwrap();
    let (open, periodic) = (Boundary::Open, Boundary::Periodic);
    vec![
        ("a chain", Ising::uniform(lattice(&[5], open), 0.8, 0.0).unwrap()),
        (
            "a square in a field",
            Ising::uniform(lattice(&[2, 4], open), 0.4, 0.15).unwrap(),
        ),
        (
            "a torus",
            Ising::uniform(lattice(&[2, 3], periodic), 0.44, 0.0).unwrap(),
        ),
        // Almost what the square lattices' own path serves, and not that.
        (
            "a torus in a field",
            Ising::uniform(lattice(&[2, 4], periodic), 0.3, 0.2).unwrap(),
        ),
        (
            "a torus of different bonds",
            Ising::new(
                lattice(&[2, 4], periodic),
                uniform(16, 0.0, 0.6, 7),
                Array1::zeros(8),
            )
            .unwrap(),
        ),
        (
            "an open square",
            Ising::uniform(lattice(&[2, 4], open), 0.5, 0.0).unwrap(),
        ),
        (
            "an odd antiferromagnetic ring",
            Ising::uniform(lattice(&[5], periodic), -0.9, 0.2).unwrap(),
        ),
        ("a spin glass", frustrated(Graph::complete(6).unwrap(), 3)),
        (
            "a triangular glass",
            frustrated(Graph::triangular(2, 3, open).unwrap(), 5),
        ),
        (
            "strong bonds",
            Ising::uniform(lattice(&[2, 2, 2], open), 3.0, -0.01).unwrap(),
        ),
        (
            "one spin",
            Ising::uniform(Graph::new(1, vec![]).unwrap(), 1.0, -0.4).unwrap(),
        ),
    ]
}
