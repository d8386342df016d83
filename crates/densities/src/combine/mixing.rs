//! What mixtures of densities and of energies have in common: weights, the posterior of the component, and sums over components.
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

use gibbsian_core::error::{Error, Result, check_count};
use gibbsian_core::{Score, ScoreJvp, Space};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, ArrayViewMut1, ArrayViewMut2, Axis, Zip};

use crate::mixture::normalised;

/// The weights of the components of a mixture.
#[derive(Clone, Debug)]
pub(super) struct Mixing {
    weights: Array1<f64>,
    log_weights: Array1<f64>,
}

impl Mixing {
    /// Weights for these components, which must be on one space.
    pub(super) fn new<C: Space>(weights: Array1<f64>, components: &[C]) -> Result<Self> {
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
        Ok(Mixing {
            log_weights: weights.mapv(f64::ln),
            weights,
        })
    }

    pub(super) fn weights(&self) -> ArrayView1<'_, f64> {
        self.weights.view()
    }

    /// Writes the log-densities that `write(component, column)` gives, and −∞ for components without weight, into `out` `(B, K)`.
    pub(super) fn log_densities_into<C>(
        &self,
        components: &[C],
        write: impl Fn(&C, ArrayViewMut1<f64>),
        mut out: ArrayViewMut2<f64>,
    ) {
        for ((component, &w), mut column) in components.iter().zip(&self.weights).zip(out.columns_mut()) {
            if w > 0.0 {
                write(component, column);
            } else {
                column.fill(f64::NEG_INFINITY);
            }
        }
    }

    /// Turns rows of log-densities `(B, K)` into posteriors of the component, which sum to one.
    pub(super) fn posterior_in_place(&self, mut log_densities: ArrayViewMut2<f64>) {
        for mut row in log_densities.rows_mut() {
            let top = row[self.likeliest(row.view())];
            // Outside every support this is −∞ − (−∞), so that the row is NaN, as it is if any entry is.
            row.zip_mut_with(&self.weights, |l, w| *l = w * (*l - top).exp());
            let total = row.sum();
            row /= total;
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
    pub(super) fn log_mean(&self, log_densities: ArrayView1<f64>) -> f64 {
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

/// The score of a mixture with this posterior `(B, K)` at `x` `(B, D)`.
pub(super) fn score_into<'c, C: Score + 'c>(
    components: impl Iterator<Item = &'c C>,
    posterior: ArrayView2<f64>,
    x: ArrayView2<f64>,
    mut out: ArrayViewMut2<f64>,
) {
    out.fill(0.0);
    let mut score = Array2::zeros(x.raw_dim());
    for (component, r) in components.zip(posterior.columns()) {
        component.score_into(x, score.view_mut());
        add_weighted(r, score.view(), &mut out);
    }
}

/// The score and its product with `v`.
pub(super) fn score_jvp_into<'c, C: ScoreJvp + 'c>(
    components: impl Iterator<Item = &'c C>,
    posterior: ArrayView2<f64>,
    x: ArrayView2<f64>,
    v: ArrayView2<f64>,
    mut score: ArrayViewMut2<f64>,
    mut jvp: ArrayViewMut2<f64>,
) {
    let (mut scores, mut product) = (Vec::new(), Array2::zeros(x.raw_dim()));
    score.fill(0.0);
    jvp.fill(0.0);
    for (component, r) in components.zip(posterior.columns()) {
        let mut own = Array2::zeros(x.raw_dim());
        component.score_jvp_into(x, v, own.view_mut(), product.view_mut());
        add_weighted(r, own.view(), &mut score);
        add_weighted(r, product.view(), &mut jvp);
        scores.push(own);
    }
    for (mut deviation, r) in scores.into_iter().zip(posterior.columns()) {
        deviation -= &score;
        for (mut row, v) in deviation.rows_mut().into_iter().zip(v.rows()) {
            let along = row.dot(&v);
            row *= along;
        }
        add_weighted(r, deviation.view(), &mut jvp);
    }
}

/// The divergence of the score.
pub(super) fn divergence_into<'c, C: ScoreJvp + 'c>(
    components: impl Iterator<Item = &'c C> + Clone,
    posterior: ArrayView2<f64>,
    x: ArrayView2<f64>,
    out: ArrayViewMut1<f64>,
) {
    let scores: Vec<Array2<f64>> = components.clone().map(|c| c.score(x)).collect();
    let mut score = Array2::zeros(x.raw_dim());
    for (own, r) in scores.iter().zip(posterior.columns()) {
        add_weighted(r, own.view(), &mut score.view_mut());
    }
    let mut out = out.insert_axis(Axis(1));
    out.fill(0.0);
    let mut term = Array1::zeros(x.nrows());
    for ((component, mut deviation), r) in components.zip(scores).zip(posterior.columns()) {
        component.divergence_into(x, term.view_mut());
        deviation -= &score;
        term += &deviation.map_axis(Axis(1), |row| row.dot(&row));
        add_weighted(r, term.view().insert_axis(Axis(1)), &mut out);
    }
}
