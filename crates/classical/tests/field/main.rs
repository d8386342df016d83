//! Markov random fields of labels against enumeration, duality and their own definitions.

mod learning;
mod marginals;
mod minima;
mod model;
mod records;
mod refusals;

use gibbsian_classical::{Boundary, Graph, PairwiseField};
use gibbsian_core::{Seed, StreamRng};
use gibbsian_testkit::audit::Audit;
use ndarray::{Array1, Array2, Array3};
use rand::RngExt;
use rand_distr::StandardNormal;

/// Normal numbers of standard deviation `scale`.
fn normals(shape: (usize, usize), scale: f64, rng: &mut StreamRng) -> Array2<f64> {
    Array2::from_shape_simple_fn(shape, || scale * rng.sample::<f64, _>(StandardNormal))
}

/// A field with normal energies and, on every bond, a table of its own without any symmetry.
fn ragged(graph: Graph, labels: &[f64], scale: f64, seed: u64) -> PairwiseField {
    let mut rng = Seed::new(seed).child("field").rng();
    let (n, q) = (graph.n_sites(), labels.len());
    let unary = normals((n, q), scale, &mut rng);
    let tables = Array3::from_shape_simple_fn((graph.n_bonds(), q, q), || {
        scale * rng.sample::<f64, _>(StandardNormal)
    });
    let own = (0..graph.n_bonds()).collect();
    PairwiseField::new(graph, labels.to_vec(), unary, tables, own).unwrap()
}

/// A field of two labels that no bond of is frustrated, with tables that are not symmetric.
fn submodular(graph: Graph, scale: f64, seed: u64) -> PairwiseField {
    let field = ragged(graph, &[0.0, 1.0], scale, seed);
    let mut tables = field.tables().to_owned();
    for mut v in tables.outer_iter_mut() {
        let capacity = v[[0, 1]] + v[[1, 0]] - v[[0, 0]] - v[[1, 1]];
        if capacity < 0.0 {
            v[[1, 1]] += 1.3 * capacity;
        }
    }
    field.with_potentials(field.unary().to_owned(), tables).unwrap()
}

/// A tree whose sites are numbered at random: every site but the first of a random order hangs on one before it.
fn tree(n: usize, seed: u64) -> Graph {
    let mut rng = Seed::new(seed).child("tree").rng();
    let mut order: Vec<usize> = (0..n).collect();
    for k in (1..n).rev() {
        order.swap(k, rng.random_range(0..=k));
    }
    let bonds = (1..n).map(|k| {
        let parent = order[rng.random_range(0..k)];
        if rng.random::<bool>() {
            [order[k], parent]
        } else {
            [parent, order[k]]
        }
    });
    Graph::new(n, bonds.collect()).unwrap()
}

fn open(shape: &[usize]) -> Graph {
    Graph::lattice(shape, Boundary::Open).unwrap()
}

/// `p(y_i = a)` of every site by enumeration, `(N, q)`.
fn exact_marginals(field: &PairwiseField, audit: &Audit) -> Array2<f64> {
    let mut p = Array2::zeros(field.unary().raw_dim());
    for (state, pi) in audit.states.rows().into_iter().zip(&audit.pi) {
        for (site, a) in field
            .label_numbers("state", state)
            .unwrap()
            .into_iter()
            .enumerate()
        {
            p[[site, a]] += pi;
        }
    }
    p
}

/// Rows drawn from the listed law.
fn draws(audit: &Audit, n: usize, rng: &mut StreamRng) -> Array2<f64> {
    let totals: Vec<f64> = audit
        .pi
        .iter()
        .scan(0.0, |total, p| {
            *total += p;
            Some(*total)
        })
        .collect();
    let mut rows = Array2::zeros((n, audit.states.ncols()));
    for mut row in rows.rows_mut() {
        let u: f64 = rng.random();
        let k = totals.partition_point(|t| *t <= u).min(totals.len() - 1);
        row.assign(&audit.states.row(k));
    }
    rows
}

/// The lowest energy, and the numbers of all states whose energy is within `slack` of it.
fn lowest(energies: &Array1<f64>, slack: f64) -> (f64, Vec<usize>) {
    let least = energies.iter().copied().fold(f64::INFINITY, f64::min);
    let ties = (0..energies.len()).filter(|k| energies[*k] <= least + slack);
    (least, ties.collect())
}
