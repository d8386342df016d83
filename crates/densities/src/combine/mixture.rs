//! Mixtures: one of several densities, chosen at random.
//!
//! `p(x) = Σ_k w_k p_k(x)`. With the posterior of the component, `r_k(x) = w_k p_k(x) / p(x)`, and the components' scores `s_k`,
//!
//! - `s = Σ_k r_k s_k`,
//! - `J v = Σ_k r_k [J_k v + ((s_k − s)·v)(s_k − s)]`,
//! - `tr J = Σ_k r_k [tr J_k + |s_k − s|²]`,
//!
//! because `∇r_k = r_k (s_k − s)`. Deviations from the mean score are taken before they are squared; the equal form
//! `Σ_k r_k s_k s_kᵀ − s sᵀ` cancels where components agree.
//!
//! Log-densities are added relative to the likeliest component's, `log p = l_* + log Σ_k w_k e^{l_k − l_*}`. Logarithms of weights, which would add their
//! rounding to every term, appear in choosing it only.
//!
//! A component that is absent at a point, with `r_k = 0`, is left out of these sums: outside its support its score is NaN, and
//! `0 · NaN` would spoil the row.
//!
//! Mixtures of normals have a type of their own, with estimation, in the sibling module `mixture`.

use gibbsian_core::energy::assert_energy_shapes;
use gibbsian_core::error::{Error, Result, check_count};
use gibbsian_core::{Density, Energy, Potential, Score, ScoreJvp, Space, Streams, parallel};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, ArrayViewMut1, ArrayViewMut2, Axis, Zip};
use rand::{Rng, RngExt};

use crate::mixture::normalised;

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
    weights: Array1<f64>,
    log_weights: Array1<f64>,
    components: Vec<C>,
}

impl<C: Density> Mixture<C> {
    /// The mixture of `components` with `weights` `(K)`, which may be zero and sum to one within [`WEIGHT_TOLERANCE`](crate::WEIGHT_TOLERANCE).
    ///
    /// # Errors
    /// No components, another number of weights, weights that are negative, not finite or do not sum to one, or components of different dimensions.
    pub fn new(weights: Array1<f64>, components: Vec<C>) -> Result<Self> {
        check_count("the number of components", components.len())?;
        let weights = normalised(weights, components.len())?;
        let dim = components[0].dim();
        if let Some((k, other)) = components.iter().enumerate().find(|(_, c)| c.dim() != dim) {
            return Err(Error::parameter(
                format!("the dimension of components[{k}]"),
                other.dim(),
                format!("{dim}, that of the first"),
            ));
        }
        // A weight below the smallest normal number counts as none: a ratio of weights then is in the range of `exp`.
        let weights = weights.mapv(|w| if w.is_normal() { w } else { 0.0 });
        Ok(Mixture {
            log_weights: weights.mapv(f64::ln),
            weights,
            components,
        })
    }

    /// The weights `w` `(K)`.
    pub fn weights(&self) -> ArrayView1<'_, f64> {
        self.weights.view()
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
        for mut row in out.rows_mut() {
            let top = row[self.likeliest(row.view())];
            // Outside every support this is −∞ − (−∞), so that the row is NaN, as it is if any entry is.
            row.zip_mut_with(&self.weights, |l, w| *l = w * (*l - top).exp());
            let total = row.sum();
            row /= total;
        }
    }

    /// The posterior of the component for all rows, in a new array `(B, K)`.
    pub fn posterior(&self, x: ArrayView2<f64>) -> Array2<f64> {
        let mut out = Array2::zeros((x.nrows(), self.components.len()));
        self.posterior_into(x, out.view_mut());
        out
    }

    /// Writes `log p_k(x_b)`, and −∞ for components without weight, into `out` `(B, K)`.
    fn log_densities_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut2<f64>) {
        for ((component, &w), mut column) in self.components.iter().zip(&self.weights).zip(out.columns_mut())
        {
            if w > 0.0 {
                component.log_density_into(x, column);
            } else {
                column.fill(f64::NEG_INFINITY);
            }
        }
    }

    /// The first component with the largest `log w_k + log p_k`; if one is NaN, that one.
    fn likeliest(&self, log_densities: ArrayView1<f64>) -> usize {
        let mut best = (0, f64::NEG_INFINITY);
        for (k, (l, w)) in log_densities.iter().zip(&self.log_weights).enumerate() {
            if l.is_nan() {
                return k;
            }
            if l + w > best.1 {
                best = (k, l + w);
            }
        }
        best.0
    }

    /// `log Σ_k w_k exp(l_k)`.
    fn log_mean(&self, log_densities: ArrayView1<f64>) -> f64 {
        let top = log_densities[self.likeliest(log_densities)];
        if !top.is_finite() {
            return top;
        }
        let terms = || log_densities.iter().zip(&self.weights).map(|(l, w)| (l - top, w));
        let mean: f64 = terms().map(|(d, w)| w * d.exp()).sum();
        if mean > 0.5 {
            // As the weights sum to one, the mean differs from one by this, which does not cancel where components agree.
            top + terms().map(|(d, w)| w * d.exp_m1()).sum::<f64>().ln_1p()
        } else {
            top + mean.ln()
        }
    }

    /// Adds `r_bk · term_k` of each row `b` and component `k` that is present there to `out`.
    fn add_weighted(posterior: ArrayView1<f64>, term: ArrayView2<f64>, out: &mut ArrayViewMut2<f64>) {
        Zip::from(out.rows_mut())
            .and(term.rows())
            .and(posterior)
            .for_each(|mut out, term, &r| {
                if r != 0.0 {
                    out.scaled_add(r, &term);
                }
            });
    }
}

impl<C: Density + Score> Mixture<C> {
    /// The posterior `(B, K)` and the components' scores, each `(B, D)`.
    fn posterior_and_scores(&self, x: ArrayView2<f64>) -> (Array2<f64>, Vec<Array2<f64>>) {
        (
            self.posterior(x),
            self.components.iter().map(|c| c.score(x)).collect(),
        )
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
            *out = self.log_mean(row);
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
        let mut cumulative = self.weights.to_vec();
        for k in 1..cumulative.len() {
            cumulative[k] += cumulative[k - 1];
        }
        // Rounding may leave the last sum below one: what lies above belongs to the last component that has weight.
        let last = self.weights.iter().rposition(|&w| w > 0.0).unwrap_or(0);
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
    fn score_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut2<f64>) {
        let posterior = self.posterior(x);
        out.fill(0.0);
        let mut score = Array2::zeros(x.raw_dim());
        for (k, component) in self.components.iter().enumerate() {
            component.score_into(x, score.view_mut());
            Self::add_weighted(posterior.column(k), score.view(), &mut out);
        }
    }
}

impl<C: Density + Score> Potential for Mixture<C> {}

impl<C: Density + ScoreJvp> ScoreJvp for Mixture<C> {
    fn score_jvp_into(
        &self,
        x: ArrayView2<f64>,
        v: ArrayView2<f64>,
        mut score: ArrayViewMut2<f64>,
        mut jvp: ArrayViewMut2<f64>,
    ) {
        let (mut scores, mut product) = (Vec::new(), Array2::zeros(x.raw_dim()));
        let posterior = self.posterior(x);
        score.fill(0.0);
        jvp.fill(0.0);
        for (k, component) in self.components.iter().enumerate() {
            let mut own = Array2::zeros(x.raw_dim());
            component.score_jvp_into(x, v, own.view_mut(), product.view_mut());
            Self::add_weighted(posterior.column(k), own.view(), &mut score);
            Self::add_weighted(posterior.column(k), product.view(), &mut jvp);
            scores.push(own);
        }
        for (mut deviation, r) in scores.into_iter().zip(posterior.columns()) {
            deviation -= &score;
            for (mut row, v) in deviation.rows_mut().into_iter().zip(v.rows()) {
                let along = row.dot(&v);
                row *= along;
            }
            Self::add_weighted(r, deviation.view(), &mut jvp);
        }
    }

    fn divergence_into(&self, x: ArrayView2<f64>, out: ArrayViewMut1<f64>) {
        let (posterior, scores) = self.posterior_and_scores(x);
        let mut score = Array2::zeros(x.raw_dim());
        for (k, own) in scores.iter().enumerate() {
            Self::add_weighted(posterior.column(k), own.view(), &mut score.view_mut());
        }
        let mut out = out.insert_axis(Axis(1));
        out.fill(0.0);
        let mut term = Array1::zeros(x.nrows());
        for ((component, mut deviation), r) in self.components.iter().zip(scores).zip(posterior.columns()) {
            component.divergence_into(x, term.view_mut());
            deviation -= &score;
            term += &deviation.map_axis(Axis(1), |row| row.dot(&row));
            Self::add_weighted(r, term.view().insert_axis(Axis(1)), &mut out);
        }
    }
}
