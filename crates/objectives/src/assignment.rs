//! The assignment problem: which column each row of a square table of costs is given, so that they cost as little as possible together.
//!
//! `min_π Σ_i c_{i π(i)}` over permutations is a linear programme with the dual
//!
//! `max Σ_i u_i + Σ_j v_j` subject to `u_i + v_j ≤ c_ij`,
//!
//! and the two values agree (Kuhn 1955, the Hungarian method). Here rows are assigned one after another by a shortest augmenting path in the costs `c_ij − u_i − v_j ≥ 0`, which is Dijkstra's
//! algorithm (Edmonds and Karp 1972; Tomizawa 1971; Jonker and Volgenant 1987 with better starts): `O(n³)` operations, whatever the costs. The potentials come with the assignment, because
//! they prove it: an assignment in which every pair is tight, `u_i + v_j = c_ij`, is the best there is.
//!
//! **Rejected:** entropic regularisation, which is faster on large tables but gives a blurred coupling, and greedy or sliced pairings, which are no optimal transport.

use gibbsian_core::error::check_finite;
use gibbsian_core::{Error, Result};
use ndarray::{Array1, ArrayView2};

/// An optimal assignment and the potentials that prove it.
///
/// ```
/// use gibbsian_objectives::Assignment;
/// use ndarray::array;
///
/// let cost = array![[4.0, 1.0, 3.0], [2.0, 0.0, 5.0], [3.0, 2.0, 2.0]];
/// let best = Assignment::optimal(cost.view())?;
/// assert_eq!(best.columns, [1, 0, 2]);
/// assert_eq!(best.cost(cost.view()), 5.0);
/// assert_eq!(best.row_potentials.sum() + best.column_potentials.sum(), 5.0);
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Assignment {
    /// The column of every row, a permutation of `0 .. n`.
    pub columns: Vec<usize>,
    /// `u` `(n)`.
    pub row_potentials: Array1<f64>,
    /// `v` `(n)`.
    pub column_potentials: Array1<f64>,
}

impl Assignment {
    /// The assignment of least cost; where several cost the same, which one is determined by the table.
    ///
    /// # Errors
    /// A table that is not square, or an entry that is not finite.
    pub fn optimal(cost: ArrayView2<f64>) -> Result<Self> {
        let n = cost.nrows();
        if cost.ncols() != n {
            return Err(Error::shape("cost", cost.shape(), "(n, n)"));
        }
        check_finite("cost", &cost)?;
        let mut search = Search::new(cost);
        for row in 0..n {
            search.assign(row);
        }
        let mut columns = vec![0; n];
        for (column, owner) in search.owners.iter().enumerate() {
            if let Some(row) = owner {
                columns[*row] = column;
            }
        }
        Ok(Assignment {
            columns,
            row_potentials: search.row_potentials,
            column_potentials: search.column_potentials,
        })
    }

    /// `Σ_i c_{i π(i)}`.
    ///
    /// # Panics
    /// When the table is smaller than the assignment.
    pub fn cost(&self, cost: ArrayView2<f64>) -> f64 {
        self.columns.iter().enumerate().map(|(i, &j)| cost[[i, j]]).sum()
    }
}

/// The rows that are assigned, and potentials with `u_i + v_j ≤ c_ij` everywhere and equality where a row has its column.
struct Search<'a> {
    cost: ArrayView2<'a, f64>,
    row_potentials: Array1<f64>,
    column_potentials: Array1<f64>,
    /// The row that a column is given to.
    owners: Vec<Option<usize>>,
}

impl<'a> Search<'a> {
    fn new(cost: ArrayView2<'a, f64>) -> Self {
        let n = cost.nrows();
        Search {
            cost,
            row_potentials: Array1::zeros(n),
            column_potentials: Array1::zeros(n),
            owners: vec![None; n],
        }
    }

    /// Assigns one more row along the shortest path from it to a free column; rows on the way change their columns.
    fn assign(&mut self, row: usize) {
        let n = self.owners.len();
        let mut distance = vec![f64::INFINITY; n];
        // The column before this one on the way; none where it is reached from the new row itself.
        let mut before: Vec<Option<usize>> = vec![None; n];
        let mut settled = vec![false; n];
        let (mut here, mut length, mut via) = (row, 0.0, None);
        let end = loop {
            let mut nearest: Option<usize> = None;
            for j in (0..n).filter(|&j| !settled[j]) {
                let slack = self.cost[[here, j]] - self.row_potentials[here] - self.column_potentials[j];
                if length + slack < distance[j] {
                    (distance[j], before[j]) = (length + slack, via);
                }
                if nearest.is_none_or(|best| distance[j] < distance[best]) {
                    nearest = Some(j);
                }
            }
            // Before the row is assigned there are fewer rows with a column than columns.
            let Some(nearest) = nearest else { return };
            settled[nearest] = true;
            length = distance[nearest];
            match self.owners[nearest] {
                None => break nearest,
                Some(owner) => (here, via) = (owner, Some(nearest)),
            }
        };
        // What keeps all slacks at zero or above, and those on the path at zero.
        self.row_potentials[row] += length;
        for j in (0..n).filter(|&j| settled[j]) {
            if let Some(owner) = self.owners[j] {
                self.row_potentials[owner] += length - distance[j];
                self.column_potentials[j] -= length - distance[j];
            }
        }
        let mut column = end;
        while let Some(previous) = before[column] {
            self.owners[column] = self.owners[previous];
            column = previous;
        }
        self.owners[column] = Some(row);
    }
}
