//! Clocks: labels that are directions.

use gibbsian_core::Result;
use gibbsian_core::error::{check_finite, check_shape};
use ndarray::{Array1, Array2, Array3};
use std::f64::consts::PI;

use super::PairwiseField;
use crate::graph::Graph;

impl PairwiseField {
    /// The clock model: spins of `q` directions `s_a = (cos 2πa/q, sin 2πa/q)`, `a = 0 … q − 1`, with couplings `J` in the order of [`Graph::bonds`] and fields `(N, 2)`,
    ///
    /// `E(y) = −Σ_⟨ij⟩ J_ij cos(2π (y_i − y_j)/q) − Σ_i h_i · s_{y_i}`  (Potts 1952, who calls it the planar model).
    ///
    /// Two directions are Ising spins, three are Potts colours with couplings `3J/2`, four are two Ising spins a site with couplings `J/2` each, and many are the [XY model](crate::Xy).
    ///
    /// ```
    /// use gibbsian_classical::field::log_z_by_elimination;
    /// use gibbsian_classical::{Boundary, Graph, PairwiseField};
    /// use ndarray::{Array1, Array2};
    ///
    /// // Four directions at two sites: Z = (4 cosh J/2)².
    /// let graph = Graph::lattice(&[2], Boundary::Open)?;
    /// let clock = PairwiseField::clock(graph, 4, Array1::ones(1), Array2::zeros((2, 2)))?;
    /// assert!((log_z_by_elimination(&clock)? - 2.0 * (4.0 * 0.5_f64.cosh()).ln()).abs() < 1e-14);
    /// # Ok::<(), gibbsian_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// Fewer than two directions; another number of couplings than bonds or of fields than sites; a number that is not finite.
    pub fn clock(
        graph: Graph,
        n_directions: usize,
        couplings: Array1<f64>,
        fields: Array2<f64>,
    ) -> Result<Self> {
        check_shape("couplings", &couplings, &[graph.n_bonds()])?;
        check_shape("fields", &fields, &[graph.n_sites(), 2])?;
        check_finite("couplings", &couplings)?;
        check_finite("fields", &fields)?;
        // Directions with the same cosine by symmetry get the same number.
        let cos = |a: usize| {
            let turn = a % n_directions;
            let turn = turn.min(n_directions - turn);
            (2.0 * PI * turn as f64 / n_directions as f64).cos()
        };
        let sin = |a: usize| (2.0 * PI * a as f64 / n_directions as f64).sin();
        let unary = Array2::from_shape_fn((graph.n_sites(), n_directions), |(i, a)| {
            -(fields[[i, 0]] * cos(a) + fields[[i, 1]] * sin(a))
        });
        // Bonds with equal couplings share a table where all are equal.
        let uniform = couplings.iter().all(|j| *j == couplings[0]);
        let n_tables = if uniform {
            couplings.len().min(1)
        } else {
            couplings.len()
        };
        let tables = Array3::from_shape_fn((n_tables, n_directions, n_directions), |(t, a, b)| {
            -couplings[t] * cos(a.abs_diff(b))
        });
        let table_of_bond = (0..couplings.len()).map(|bond| if uniform { 0 } else { bond });
        let labels = (0..n_directions).map(|a| a as f64).collect();
        PairwiseField::new(graph, labels, unary, tables, table_of_bond.collect())
    }
}
