//! Mixtures: one of several densities, chosen at random.
//!
//! `p(x) = Σ_k w_k p_k(x)`; the formulas of the score and of its derivatives stand in the sibling module `mixing`. Energies whose `log Z` is known but which
//! cannot be drawn from are mixed by [`MixtureOfEnergies`](super::MixtureOfEnergies).
//!
//! Mixtures of normals have a type of their own, with estimation, in the sibling module `mixture`.

use gibbsian_core::energy::assert_energy_shapes;
use gibbsian_core::error::Result;
use gibbsian_core::{Density, Energy, Potential, Score, ScoreJvp, Space, Streams, parallel};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, ArrayViewMut1, ArrayViewMut2};
use rand::{Rng, RngExt};

use super::mixing::{self, Mixing};

/// A mixture `p(x) = Σ_k w_k p_k(x)` of densities on one space; the energy is `−log p`.
///
/// The components may be of one type, or of several behind `Box<dyn Density>` or
/// [`Box<dyn SmoothDensity>`](super::SmoothDensity). A point outside every support has log-density −∞, and NaN for its posterior and
/// its score.
///
/// ```
/// use gibbsian_core::Density;
/// use gibbsian_densities::{LinearGaussianChain, Mixture};
/// use ndarray::{array, Array2};
///
/// // Two normals on the line, at −2 and at 2.
/// let normal = |mean, deviation| LinearGaussianChain::new(Array2::zeros((1, 1)), array![mean], array![deviation]);
/// let mixture = Mixture::new(array![0.25, 0.75], vec![normal(-2.0, 1.0)?, normal(2.0, 1.0)?])?;
///
/// let x = array![[0.0]];
/// assert_eq!(mixture.posterior(x.view()), array![[0.25, 0.75]]);
/// assert_eq!(mixture.log_density(x.view())[0], -2.0 - 0.5 * (2.0 * std::f64::consts::PI).ln());
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Mixture<C> {
    mixing: Mixing,
    components: Vec<C>,
}

impl<C: Density> Mixture<C> {
    /// The mixture of `components` with `weights` `(K)`, which may be zero and sum to one within [`WEIGHT_TOLERANCE`](crate::WEIGHT_TOLERANCE).
    ///
    /// # Errors
    /// No components, another number of weights, weights that are negative, not finite or do not sum to one, or components of different dimensions.
    pub fn new(weights: Array1<f64>, components: Vec<C>) -> Result<Self> {
        Ok(Mixture {
            mixing: Mixing::new(weights, &components)?,
            components,
        })
    }

    /// The weights `w` `(K)`.
    pub fn weights(&self) -> ArrayView1<'_, f64> {
        self.mixing.weights()
    }

    /// The components.
    pub fn components(&self) -> &[C] {
        &self.components
    }

    /// Writes the posterior `r_k(x_b) = w_k p_k(x_b) / p(x_b)` of the component into `out` `(B, K)`; its rows sum to one.
    ///
    /// # Panics
    /// When the shapes do not fit.
    pub fn posterior_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut2<f64>) {
        self.log_densities_into(x, out.view_mut());
        self.mixing.posterior_in_place(out);
    }

    /// The posterior of the component for all rows, in a new array `(B, K)`.
    pub fn posterior(&self, x: ArrayView2<f64>) -> Array2<f64> {
        let mut out = Array2::zeros((x.nrows(), self.components.len()));
        self.posterior_into(x, out.view_mut());
        out
    }

    fn log_densities_into(&self, x: ArrayView2<f64>, out: ArrayViewMut2<f64>) {
        let write = |c: &C, column: ArrayViewMut1<f64>| c.log_density_into(x, column);
        self.mixing.log_densities_into(&self.components, write, out);
    }
}

impl<C: Density> Space for Mixture<C> {
    fn dim(&self) -> usize {
        self.components[0].dim()
    }
}

impl<C: Density> Energy for Mixture<C> {
    fn energy_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut1<f64>) {
        self.log_density_into(x, out.view_mut());
        out.mapv_inplace(|l| -l);
    }
}

impl<C: Density> Density for Mixture<C> {
    fn log_z(&self) -> f64 {
        0.0
    }

    fn log_density_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut1<f64>) {
        assert_energy_shapes(self.dim(), x, &out);
        let mut log_densities = Array2::zeros((x.nrows(), self.components.len()));
        self.log_densities_into(x, log_densities.view_mut());
        for (out, row) in out.iter_mut().zip(log_densities.rows()) {
            *out = self.mixing.log_mean(row);
        }
    }

    fn sample(&self, n: usize, rng: &mut dyn Rng) -> Array2<f64> {
        let streams = Streams::draw(rng);
        let labels = self.draw_labels(n, streams);
        let mut out = Array2::zeros((n, self.dim()));
        for (k, component) in self.components.iter().enumerate() {
            let rows: Vec<usize> = (0..n).filter(|&b| labels[b] == k).collect();
            if rows.is_empty() {
                continue;
            }
            // All draws of a component at once, from a generator of its own.
            let draws = component.sample(rows.len(), &mut streams.part(k as u64).block(0));
            for (draw, &b) in draws.rows().into_iter().zip(&rows) {
                out.row_mut(b).assign(&draw);
            }
        }
        out
    }
}

impl<C: Density> Mixture<C> {
    /// The component of each of `n` rows, drawn by inverting the cumulative weights.
    fn draw_labels(&self, n: usize, streams: Streams) -> Vec<usize> {
        let mut cumulative = self.weights().to_vec();
        for k in 1..cumulative.len() {
            cumulative[k] += cumulative[k - 1];
        }
        // Rounding may leave the last sum below one: what lies above belongs to the last component that has weight.
        let last = self.weights().iter().rposition(|&w| w > 0.0).unwrap_or(0);
        let blocks = parallel::map_blocks(n, |block, rows| {
            let mut rng = streams.block(block);
            rows.map(|_| {
                let u: f64 = rng.random();
                cumulative.partition_point(|&c| c <= u).min(last)
            })
            .collect::<Vec<_>>()
        });
        blocks.concat()
    }
}

impl<C: Density + Score> Score for Mixture<C> {
    fn score_into(&self, x: ArrayView2<f64>, out: ArrayViewMut2<f64>) {
        mixing::score_into(self.components.iter(), self.posterior(x).view(), x, out);
    }
}

impl<C: Density + Score> Potential for Mixture<C> {}

impl<C: Density + ScoreJvp> ScoreJvp for Mixture<C> {
    fn score_jvp_into(
        &self,
        x: ArrayView2<f64>,
        v: ArrayView2<f64>,
        score: ArrayViewMut2<f64>,
        jvp: ArrayViewMut2<f64>,
    ) {
        let posterior = self.posterior(x);
        mixing::score_jvp_into(self.components.iter(), posterior.view(), x, v, score, jvp);
    }

    fn divergence_into(&self, x: ArrayView2<f64>, out: ArrayViewMut1<f64>) {
        mixing::divergence_into(self.components.iter(), self.posterior(x).view(), x, out);
    }
}
