//! A convolutional machine with continuous visible units as a density on pictures of real numbers: scores, their Jacobian, and what score matching asks for.
//!
//! With the field `I(v)` of the filters, its transpose `I'`, and `m = E[h | I]`,
//!
//! `s(v) = −∂F/∂v = I'(m) − ∂e_V/∂v`, `J d = I'(Cov(h | I) I(d)) − ∂²e_V/∂v² ∘ d`,
//!
//! and every derivative in the filters is a sum over rows and places of patches times something on the hidden side.

use gibbsian_core::score::JvpCotangent;
use gibbsian_core::{
    ContinuousUnits, Potential, ResponsiveUnits, Score, ScoreJvp, ScoreJvpPullback, ScorePullback, Units,
};
use ndarray::{Array2, ArrayView2, ArrayViewMut1, ArrayViewMut2, Axis, Zip};

use super::ConvolutionalRbm;

impl<V: ContinuousUnits, H: Units> Score for ConvolutionalRbm<V, H> {
    fn score_into(&self, x: ArrayView2<f64>, out: ArrayViewMut2<f64>) {
        self.relaxed_score_from_field(x, self.hidden_field(x).view(), out);
    }
}

impl<V: ContinuousUnits, H: Units> Potential for ConvolutionalRbm<V, H> {
    fn energy_and_score_into(
        &self,
        x: ArrayView2<f64>,
        energy: ArrayViewMut1<f64>,
        score: ArrayViewMut2<f64>,
    ) {
        let field = self.hidden_field(x);
        self.free_energy_into(x, field.view(), energy);
        self.relaxed_score_from_field(x, field.view(), score);
    }
}

impl<V: ContinuousUnits, H: ResponsiveUnits> ConvolutionalRbm<V, H> {
    /// `Cov(h | I) c`, one row a case.
    fn response(&self, field: ArrayView2<f64>, c: ArrayView2<f64>) -> Array2<f64> {
        let mut out = Array2::zeros(field.raw_dim());
        self.hidden.response_into(field, c, out.view_mut());
        out
    }

    fn jvp_from_field(
        &self,
        x: ArrayView2<f64>,
        field: ArrayView2<f64>,
        v: ArrayView2<f64>,
        mut out: ArrayViewMut2<f64>,
    ) {
        self.visible.energy_curvature_into(x, out.view_mut());
        let sent = self.visible_field(self.response(field, self.hidden_field(v).view()).view());
        // NaN in gives NaN out, also where the Jacobian does not depend on x.
        Zip::from(&mut out)
            .and(&v)
            .and(&sent)
            .and(&x)
            .for_each(|out, v, sent, x| *out = sent - *out * v + 0.0 * x);
    }
}

impl<V: ContinuousUnits, H: ResponsiveUnits> ScoreJvp for ConvolutionalRbm<V, H> {
    fn score_jvp_into(
        &self,
        x: ArrayView2<f64>,
        v: ArrayView2<f64>,
        score: ArrayViewMut2<f64>,
        jvp: ArrayViewMut2<f64>,
    ) {
        let field = self.hidden_field(x);
        self.relaxed_score_from_field(x, field.view(), score);
        self.jvp_from_field(x, field.view(), v, jvp);
    }
}

/// Adds `Σ_b u_b ∂s_b + w_b ∂(J d)_b` for the cotangents and directions given.
fn pullback<V: ContinuousUnits, H: ResponsiveUnits>(
    machine: &ConvolutionalRbm<V, H>,
    x: ArrayView2<f64>,
    field: ArrayView2<f64>,
    u: ArrayView2<f64>,
    second: Option<(ArrayView2<f64>, ArrayView2<f64>)>,
    grad: ArrayViewMut1<f64>,
) {
    let filters = &machine.filters;
    let (mut grad_filters, rest) = grad.split_at(Axis(0), filters.weights().len());
    let (grad_visible, mut grad_hidden) = rest.split_at(Axis(0), machine.visible.n_params());
    // u·s = I(u)·m(I) − u·∂e: the filters in front, and through the field.
    let a = machine.hidden_field(u);
    let mut through_field = machine.response(field, a.view());
    let mut product = filters.gradient(u, machine.hidden.mean(field).view());
    machine
        .hidden
        .mean_pullback_into(field, a.view(), grad_hidden.view_mut());
    // w·J d = I(w)' Cov I(d) − w·(∂²e ∘ d): either factor, and through the field.
    let mut curvature_weights = Array2::zeros(x.raw_dim());
    if let Some((w, d)) = second {
        let (a, c) = (machine.hidden_field(w), machine.hidden_field(d));
        product += &filters.gradient(w, machine.response(field, c.view()).view());
        product += &filters.gradient(d, machine.response(field, a.view()).view());
        let mut by_field = Array2::zeros(field.raw_dim());
        machine
            .hidden
            .response_pullback_into(field, a.view(), c.view(), by_field.view_mut(), grad_hidden);
        through_field += &by_field;
        curvature_weights.assign(&(&w * &d * -1.0));
    }
    product += &filters.gradient(x, through_field.view());
    for (g, p) in grad_filters.iter_mut().zip(&product) {
        *g += p;
    }
    machine
        .visible
        .energy_gradient_pullback_into(x, (-&u).view(), curvature_weights.view(), grad_visible);
}

impl<V: ContinuousUnits, H: ResponsiveUnits> ScorePullback for ConvolutionalRbm<V, H> {
    fn score_pullback_with(
        &self,
        x: ArrayView2<f64>,
        cotangent: &mut dyn FnMut(ArrayView2<f64>, ArrayViewMut2<f64>),
        grad: ArrayViewMut1<f64>,
    ) {
        let field = self.hidden_field(x);
        let mut score = Array2::zeros(x.raw_dim());
        let mut u = Array2::zeros(x.raw_dim());
        self.relaxed_score_from_field(x, field.view(), score.view_mut());
        cotangent(score.view(), u.view_mut());
        pullback(self, x, field.view(), u.view(), None, grad);
    }
}

impl<V: ContinuousUnits, H: ResponsiveUnits> ScoreJvpPullback for ConvolutionalRbm<V, H> {
    fn score_jvp_pullback_with(
        &self,
        x: ArrayView2<f64>,
        v: ArrayView2<f64>,
        cotangent: &mut JvpCotangent<'_>,
        grad: ArrayViewMut1<f64>,
    ) {
        let field = self.hidden_field(x);
        let mut score = Array2::zeros(x.raw_dim());
        let mut jvp = Array2::zeros(x.raw_dim());
        let (mut u, mut w) = (Array2::zeros(x.raw_dim()), Array2::zeros(x.raw_dim()));
        self.relaxed_score_from_field(x, field.view(), score.view_mut());
        self.jvp_from_field(x, field.view(), v, jvp.view_mut());
        cotangent(score.view(), jvp.view(), u.view_mut(), w.view_mut());
        pullback(self, x, field.view(), u.view(), Some((w.view(), v)), grad);
    }
}
