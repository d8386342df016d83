//! Draws: a component by its weight, then a normal deviation.

use gibbsian_core::{Space, Streams, parallel};
use ndarray::Array2;
use rand::{Rng, RngExt};
use rand_distr::StandardNormal;

use super::GaussianMixture;

impl GaussianMixture {
    /// `n` independent draws `(n, D)`, and the component that each came from.
    ///
    /// ```
    /// use gibbsian_core::Seed;
    /// use gibbsian_densities::{Covariances, GaussianMixture};
    /// use ndarray::array;
    ///
    /// let mixture = GaussianMixture::new(
    ///     array![0.25, 0.75],
    ///     array![[-100.0], [100.0]],
    ///     Covariances::Spherical(array![1.0, 1.0]),
    /// )?;
    /// let (x, labels) = mixture.sample_with_labels(5, &mut Seed::new(1).rng());
    /// assert!(labels.iter().zip(x.column(0)).all(|(&k, &x)| (k == 1) == (x > 0.0)));
    /// # Ok::<(), gibbsian_core::Error>(())
    /// ```
    pub fn sample_with_labels(&self, n: usize, rng: &mut dyn Rng) -> (Array2<f64>, Vec<usize>) {
        let streams = Streams::draw(rng);
        let cumulative: Vec<f64> = self
            .weights
            .iter()
            .scan(0.0, |sum, &w| {
                *sum += w;
                Some(*sum)
            })
            .collect();
        // Rounding may leave the last sum below one; what lies above it belongs to the last component that has a weight.
        let last = self.weights.iter().rposition(|&w| w > 0.0).unwrap_or(0);
        let mut x = Array2::zeros((n, self.dim()));
        let labels = parallel::map_blocks_mut(x.view_mut(), |block, mut rows| {
            let mut rng = streams.block(block);
            let mut labels = Vec::with_capacity(rows.nrows());
            for mut row in rows.rows_mut() {
                let u: f64 = rng.random();
                let component = cumulative.partition_point(|&sum| sum <= u).min(last);
                row.mapv_inplace(|_| rng.sample(StandardNormal));
                self.factors.colour(component, row.view_mut());
                row += &self.means.row(component);
                labels.push(component);
            }
            labels
        });
        (x, labels.concat())
    }
}
