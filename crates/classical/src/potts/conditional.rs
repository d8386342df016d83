//! Sites that have no bonds between them are redrawn together.

use gibbsian_core::math::log_sum_exp;
use gibbsian_core::parallel::for_each_block;
use gibbsian_core::{BlockLaw, Blocks, Streams};
use ndarray::{Array2, ArrayView1, ArrayView2, ArrayViewMut2};
use rand::{Rng, RngExt};

use super::{Potts, colour};
use crate::choose::choose;

impl Potts {
    /// Writes the probabilities of the colours of a site, given its neighbours.
    fn conditional(&self, x: ArrayView1<f64>, site: usize, p: &mut [f64]) {
        self.local_gains(x, site, p);
        let total = log_sum_exp(p);
        for p in p {
            *p = (*p - total).exp();
        }
    }
}

/// A block is a class of the graph's colouring, of which a square lattice has two.
impl Blocks for Potts {
    fn n_blocks(&self) -> usize {
        self.classes.len()
    }

    fn resample(
        &self,
        x: ArrayViewMut2<f64>,
        block: usize,
        free: Option<ArrayView1<bool>>,
        rng: &mut dyn Rng,
    ) {
        let streams = Streams::draw(rng);
        for_each_block(x, |rows_block, mut rows| {
            let mut rng = streams.block(rows_block);
            let mut p = vec![0.0; self.n_colours()];
            for mut x in rows.rows_mut() {
                for &site in &self.classes[block] {
                    if free.is_none_or(|free| free[site]) {
                        self.conditional(x.view(), site, &mut p);
                        x[site] = choose(&p, rng.random()) as f64;
                    }
                }
            }
        });
    }
}

impl BlockLaw for Potts {
    fn block_matrix(&self, block: usize, states: ArrayView2<f64>) -> Array2<f64> {
        let sites = &self.classes[block];
        let q = self.n_colours();
        let mut p = vec![0.0; q];
        let mut laws = Array2::zeros((sites.len(), q));
        let mut matrix = Array2::zeros((states.nrows(), states.nrows()));
        for (i, from) in states.rows().into_iter().enumerate() {
            for (mut law, &site) in laws.rows_mut().into_iter().zip(sites) {
                self.conditional(from, site, &mut p);
                law.assign(&ArrayView1::from(&p));
            }
            for (j, to) in states.rows().into_iter().enumerate() {
                let stays = (0..from.len()).all(|site| sites.contains(&site) || from[site] == to[site]);
                if stays {
                    let of_site =
                        |(k, site): (usize, &usize)| colour(to[*site], q).map_or(0.0, |c| laws[[k, c]]);
                    matrix[[i, j]] = sites.iter().enumerate().map(of_site).product();
                }
            }
        }
        matrix
    }
}
