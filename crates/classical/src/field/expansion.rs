//! Low energies of fields with many labels by expansion moves (Boykov, Veksler and Zabih 2001, "Fast approximate energy minimization via graph cuts").
//!
//! An α-expansion lets every site keep its label or take `α`. Which sites should is a question of two labels, and where the tables obey
//!
//! `V(a, b) + V(α, α) ≤ V(a, α) + V(α, b)` for all labels,
//!
//! the triangle inequality where `V(α, α) = 0`, a cut answers it exactly. Moves are made label after label until none lowers the energy. The result is lowest among all states
//! that one expansion leads to, and for metrics `V` with no negative energies its energy is at most `2 max_{a≠b} V(a, b)/min_{a≠b} V(a, b)` times the lowest
//! (Boykov, Veksler and Zabih 2001, theorem 6.1); for the Potts model twice, before its constant is taken off.

use gibbsian_core::error::check_count;
use gibbsian_core::{Error, Result};
use ndarray::{Array2, ArrayView1};

use super::cut::{is_frustrated, smallest_cut};
use super::{Convergence, Labelling, PairwiseField};

/// Expansion moves from `start` `(N)` until none lowers the energy, for at most `max_rounds` over all labels; the residual is the energy that the last round won.
///
/// ```
/// use gibbsian_classical::field::{PairwiseField, lowest_by_expansion};
/// use gibbsian_classical::{Boundary, Graph};
/// use ndarray::{Array1, Array2, array};
///
/// // Three grey levels, seen as 0, 2, 0 with squared errors, and a truncated distance between neighbours.
/// let graph = Graph::lattice(&[3], Boundary::Open)?;
/// let labels = vec![0.0, 1.0, 2.0];
/// let unary = array![[0.0, 1.0, 4.0], [4.0, 1.0, 0.0], [0.0, 1.0, 4.0]];
/// let table = Array2::from_shape_fn((3, 3), |(a, b)| 1.5 * a.abs_diff(b).min(2) as f64);
/// let field = PairwiseField::shared(graph, labels, unary, table)?;
/// let found = lowest_by_expansion(&field, Array1::zeros(3).view(), 10)?;
/// assert_eq!((found.labels, found.energy), (array![1.0, 1.0, 1.0], 3.0));
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
///
/// # Errors
/// A start that is no state of the field, no rounds, or a table that breaks the inequality, with the labels that break it.
pub fn lowest_by_expansion(
    field: &PairwiseField,
    start: ArrayView1<f64>,
    max_rounds: usize,
) -> Result<Labelling> {
    check_count("max_rounds", max_rounds)?;
    check_tables(field)?;
    let mut y = field.label_numbers("start", start)?;
    let mut energy = field.energy_of(&y);
    let (mut n_rounds, mut won) = (0, f64::INFINITY);
    while won > 0.0 && n_rounds < max_rounds {
        let before = energy;
        for alpha in 0..field.n_labels() {
            let expanded = expand(field, &y, alpha)?;
            let new = field.energy_of(&expanded);
            if new < energy {
                (y, energy) = (expanded, new);
            }
        }
        won = before - energy;
        n_rounds += 1;
    }
    Ok(Labelling {
        labels: field.state(&y),
        energy,
        convergence: Convergence {
            converged: won == 0.0,
            n_rounds,
            residual: won,
        },
    })
}

/// The best of all states in which every site keeps its label or has `alpha`.
fn expand(field: &PairwiseField, y: &[usize], alpha: usize) -> Result<Vec<usize>> {
    let unary = Array2::from_shape_fn((y.len(), 2), |(i, takes)| {
        field.unary[[i, if takes == 1 { alpha } else { y[i] }]]
    });
    let bonds = field.graph().bonds();
    let pair = |bond: usize| {
        let (v, [i, j]) = (field.table(bond), bonds[bond]);
        [
            v[[y[i], y[j]]],
            v[[y[i], alpha]],
            v[[alpha, y[j]]],
            v[[alpha, alpha]],
        ]
    };
    let cut = smallest_cut(field.graph(), &unary, pair)?;
    let takes = |(own, takes): (&usize, &usize)| if *takes == 1 { alpha } else { *own };
    Ok(y.iter().zip(&cut.y).map(takes).collect())
}

fn check_tables(field: &PairwiseField) -> Result<()> {
    let q = field.n_labels();
    for (t, v) in field.tables.outer_iter().enumerate() {
        for alpha in 0..q {
            for ((a, b), direct) in v.indexed_iter() {
                let [to, from, stay] = [v[[a, alpha]], v[[alpha, b]], v[[alpha, alpha]]];
                if is_frustrated([*direct, to, from, stay]) {
                    return Err(Error::parameter(
                        format!("V({a}, {b}) + V({alpha}, {alpha}) of tables[{t}]"),
                        direct + stay,
                        format!(
                            "at most V({a}, {alpha}) + V({alpha}, {b}) = {}: expansions need a metric",
                            to + from
                        ),
                    ));
                }
            }
        }
    }
    Ok(())
}
