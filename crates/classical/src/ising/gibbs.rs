//! Heat bath by colours: the sites of one colour have no bond among them, so given the rest they are independent and are redrawn together.
//!
//! On a square lattice the two colours are those of a checkerboard. A redraw of one colour is reversible, a sweep over all of them is not unless
//! it goes there and back; the kernels that make sweeps of it are in the crate of samplers.

use std::sync::OnceLock;

use gibbsian_core::math::sigmoid;
use gibbsian_core::parallel::for_each_block;
use gibbsian_core::{BlockLaw, Blocks, Streams};
use ndarray::{Array2, ArrayView1, ArrayView2, ArrayViewMut2};
use rand::{Rng, RngExt};

use super::Ising;

/// The colours of the sites, found when first asked for. They follow from the graph, so equality does not look at them.
#[derive(Clone, Debug, Default)]
pub(super) struct Colours(OnceLock<Vec<Vec<usize>>>);

impl PartialEq for Colours {
    fn eq(&self, _other: &Colours) -> bool {
        true
    }
}

impl Ising {
    /// The blocks of the heat bath: classes of sites without bonds inside a class, those of [`Graph::colouring`](crate::Graph::colouring).
    pub fn colours(&self) -> &[Vec<usize>] {
        self.colours.0.get_or_init(|| self.graph.colouring())
    }

    /// Redraws the sites of one colour in every row, with all couplings multiplied by `β`.
    pub(super) fn redraw(
        &self,
        beta: f64,
        colour: usize,
        x: ArrayViewMut2<f64>,
        free: Option<ArrayView1<bool>>,
        streams: Streams,
    ) {
        let sites = &self.colours()[colour];
        for_each_block(x, |block, mut rows| {
            let mut rng = streams.block(block);
            for mut row in rows.rows_mut() {
                for &site in sites.iter().filter(|&&site| free.is_none_or(|free| free[site])) {
                    let up = self.up_probability(beta, row.view(), site);
                    row[site] = if rng.random::<f64>() < up { 1.0 } else { -1.0 };
                }
            }
        });
    }

    /// `p(x_i = +1 | rest) = σ(2 (h_i + β Σ_j J_ij x_j))`.
    fn up_probability(&self, beta: f64, x: ArrayView1<f64>, site: usize) -> f64 {
        sigmoid(2.0 * (self.fields[site] + beta * self.coupling_field(x, site)))
    }
}

impl Blocks for Ising {
    /// One a colour.
    fn n_blocks(&self) -> usize {
        self.colours().len()
    }

    fn resample(
        &self,
        x: ArrayViewMut2<f64>,
        block: usize,
        free: Option<ArrayView1<bool>>,
        rng: &mut dyn Rng,
    ) {
        self.redraw(1.0, block, x, free, Streams::draw(rng));
    }
}

impl BlockLaw for Ising {
    fn block_matrix(&self, block: usize, states: ArrayView2<f64>) -> Array2<f64> {
        let sites = &self.colours()[block];
        let mut redrawn = vec![false; states.ncols()];
        for &site in sites {
            redrawn[site] = true;
        }
        Array2::from_shape_fn((states.nrows(), states.nrows()), |(i, j)| {
            let (from, to) = (states.row(i), states.row(j));
            if (0..states.ncols()).any(|site| !redrawn[site] && from[site] != to[site]) {
                return 0.0;
            }
            let law = |&site: &usize| {
                let up = self.up_probability(1.0, from, site);
                if to[site] > 0.0 { up } else { 1.0 - up }
            };
            sites.iter().map(law).product()
        })
    }
}
