//! Heat bath by colour classes: variables that share no factor are redrawn together (Geman and Geman 1984).

use gibbsian_core::parallel::for_each_block;
use gibbsian_core::{BlockLaw, Blocks, Streams};
use ndarray::{Array2, ArrayView1, ArrayView2, ArrayViewMut2};
use rand::{Rng, RngExt};

use super::FactorGraph;
use crate::choose::choose;
use crate::field::{class_matrix, to_probabilities};

impl FactorGraph {
    /// `p(x_i = s | x_∖i)`.
    fn conditional(&self, variable: usize, x: ArrayView1<f64>, p: &mut Vec<f64>) {
        p.resize(self.n_symbols(variable), 0.0);
        self.local_energies(variable, x, p);
        to_probabilities(p);
    }
}

impl Blocks for FactorGraph {
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
            let mut p = Vec::new();
            for mut row in rows.rows_mut() {
                for &variable in &self.structure.classes[block] {
                    // A clamped variable spends a number too: the others are drawn alike with and without it.
                    let u = rng.random::<f64>();
                    if free.is_none_or(|free| free[variable]) {
                        self.conditional(variable, row.view(), &mut p);
                        row[variable] = self.structure.alphabets[variable][choose(&p, u)];
                    }
                }
            }
        });
    }
}

impl BlockLaw for FactorGraph {
    fn block_matrix(&self, block: usize, states: ArrayView2<f64>) -> Array2<f64> {
        let symbols: Vec<Vec<usize>> = states
            .rows()
            .into_iter()
            .map(|row| self.symbol_numbers("states", row).expect("states have symbols"))
            .collect();
        class_matrix(&self.structure.classes[block], &symbols, |k, variable| {
            let mut p = Vec::new();
            self.conditional(variable, states.row(k), &mut p);
            p
        })
    }
}
