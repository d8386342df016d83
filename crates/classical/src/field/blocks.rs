//! Heat bath by colour classes: sites without a bond between them are redrawn together (Geman and Geman 1984).
//!
//! Given its neighbours a site has label `a` with probability `exp(−E_i(a)) / Σ_b exp(−E_i(b))`. The classes of a square lattice are the two colours of a
//! checkerboard.

use gibbsian_core::parallel::for_each_block;
use gibbsian_core::{BlockLaw, Blocks, Streams};
use ndarray::{Array2, ArrayView1, ArrayView2, ArrayViewMut2};
use rand::{Rng, RngExt};

use super::PairwiseField;
use crate::choose::choose;

/// Replaces energies by the probabilities `∝ exp(−E)`.
pub(crate) fn to_probabilities(energies: &mut [f64]) {
    let lowest = energies.iter().copied().fold(f64::INFINITY, f64::min);
    let mut total = 0.0;
    for e in energies.iter_mut() {
        *e = (lowest - *e).exp();
        total += *e;
    }
    for e in energies {
        *e /= total;
    }
}

/// The law of redrawing the sites of a class, which do not see each other, each given the rest: `labels[k][i]` is the number of the label of site `i` in state `k`, and
/// `conditional(k, i)` the law of that label given the other sites.
pub(crate) fn class_matrix(
    class: &[usize],
    labels: &[Vec<usize>],
    conditional: impl Fn(usize, usize) -> Vec<f64>,
) -> Array2<f64> {
    let mut matrix = Array2::zeros((labels.len(), labels.len()));
    for (k, from) in labels.iter().enumerate() {
        let laws: Vec<_> = class.iter().map(|&site| conditional(k, site)).collect();
        for (l, to) in labels.iter().enumerate() {
            let same = (0..to.len()).all(|site| to[site] == from[site] || class.contains(&site));
            if same {
                matrix[[k, l]] = class
                    .iter()
                    .zip(&laws)
                    .map(|(site, law)| law[to[*site]])
                    .product();
            }
        }
    }
    matrix
}

impl Blocks for PairwiseField {
    /// The number of colour classes.
    fn n_blocks(&self) -> usize {
        self.structure.classes.len()
    }

    fn resample(
        &self,
        x: ArrayViewMut2<f64>,
        block: usize,
        free: Option<ArrayView1<bool>>,
        rng: &mut dyn Rng,
    ) {
        let streams = Streams::draw(rng);
        for_each_block(x, |number, mut rows| {
            let mut rng = streams.block(number);
            let mut p = vec![0.0; self.n_labels()];
            for mut row in rows.rows_mut() {
                for &site in &self.structure.classes[block] {
                    // A clamped site spends a number too: the others are drawn alike with and without it.
                    let u = rng.random::<f64>();
                    if free.is_none_or(|free| free[site]) {
                        self.local_of_row(row.view(), site, &mut p);
                        to_probabilities(&mut p);
                        row[site] = self.labels[choose(&p, u)];
                    }
                }
            }
        });
    }
}

impl BlockLaw for PairwiseField {
    fn block_matrix(&self, block: usize, states: ArrayView2<f64>) -> Array2<f64> {
        let labels: Vec<Vec<usize>> = states
            .rows()
            .into_iter()
            .map(|row| self.label_numbers("states", row).expect("states have labels"))
            .collect();
        class_matrix(&self.structure.classes[block], &labels, |k, site| {
            let mut p = vec![0.0; self.n_labels()];
            self.local_of_row(states.row(k), site, &mut p);
            to_probabilities(&mut p);
            p
        })
    }
}
