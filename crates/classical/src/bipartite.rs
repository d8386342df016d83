//! What follows from two layers and a bilinear coupling, whatever the weights are: a matrix ([`Rbm`](crate::Rbm)) or filters ([`ConvolutionalRbm`](crate::ConvolutionalRbm)).
//!
//! With the field `I(v)` that the visible side sends up, its transpose `I'(h)` that the hidden side sends down, `I(v)·h = v·I'(h)`, and `m = E[h | I(v)]`,
//!
//! - `F(v) = e_V(v) − Γ_H(I(v))`, and a change of one visible unit moves `I` by a little;
//! - `s(v) = −∂F/∂v = I'(m) − ∂e_V/∂v` and `J d = I'(Cov(h | I) I(d)) − ∂²e_V/∂v² ∘ d`;
//! - every derivative in the weights is a sum over rows of `∂/∂W I(v)·h` at some `v` and `h`.
//!
//! Rejected: one public type with the coupling as its parameter, of which both machines are names. An alias has its methods on the page of another type, `Rbm::new` and
//! `ConvolutionalRbm::new` would be one link, and the compiler would speak of neither. So there are two types, and the mathematics here.

use gibbsian_core::energy::assert_two_symbols;
use gibbsian_core::{ContinuousUnits, FiniteUnits, Parametric, ResponsiveUnits, SmoothUnits, Units};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, ArrayViewMut1, ArrayViewMut2, Axis, Zip};

use crate::rbm::law_matrix;

/// Two layers of units, coupled across by `I(v)·h`.
pub(crate) trait Bipartite {
    /// The kind of the visible layer.
    type Visible: Units;
    /// The kind of the hidden layer.
    type Hidden: Units;

    /// The visible and the hidden layer.
    fn layers(&self) -> (&Self::Visible, &Self::Hidden);

    /// The field `I(v)` of visible rows `(B, V)`, `(B, H)`.
    fn up(&self, v: ArrayView2<f64>) -> Array2<f64>;

    /// The field `I'(h)` of hidden rows `(B, H)`, `(B, V)`.
    fn down(&self, h: ArrayView2<f64>) -> Array2<f64>;

    /// `∂/∂W Σ_b I(v_b)·h_b`, a matrix with the weights in their order.
    fn products(&self, v: ArrayView2<f64>, h: ArrayView2<f64>) -> Array2<f64>;

    /// **Adds** `∂/∂W Σ_b I(v_b)·h_b`.
    fn add_products(&self, v: ArrayView2<f64>, h: ArrayView2<f64>, sum: &mut Array2<f64>) {
        *sum += &self.products(v, h);
    }

    /// **Adds** to the fields of all rows what a change of one visible unit by `steps` `(B)` sends up.
    fn add_change(&self, unit: usize, steps: ArrayView1<f64>, field: &mut Array2<f64>);

    /// `F(v)` from the field `I(v)`, for callers that have it already.
    fn free_energy_into(&self, v: ArrayView2<f64>, field: ArrayView2<f64>, mut out: ArrayViewMut1<f64>) {
        let (visible, hidden) = self.layers();
        let mut gamma = Array1::zeros(v.nrows());
        visible.energy_into(v, out.view_mut());
        hidden.log_partition_into(field, gamma.view_mut());
        out -= &gamma;
    }

    /// What every symbol costs at one visible unit, from one field of each row.
    fn site_costs_into(&self, x: ArrayView2<f64>, site: usize, out: ArrayViewMut2<f64>)
    where
        Self::Visible: FiniteUnits,
    {
        let field = self.up(x);
        let mut before = Array1::zeros(x.nrows());
        self.free_energy_into(x, field.view(), before.view_mut());
        site_costs_from_field(self, x, &field, &before, site, out);
    }

    /// What the flip of every visible unit costs, all from one field of each row.
    fn flip_costs_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut2<f64>)
    where
        Self::Visible: FiniteUnits,
    {
        let field = self.up(x);
        let mut before = Array1::zeros(x.nrows());
        self.free_energy_into(x, field.view(), before.view_mut());
        let mut costs = Array2::zeros((x.nrows(), 2));
        for (site, column) in x.columns().into_iter().enumerate() {
            let alphabet = self.layers().0.alphabet(site);
            assert_two_symbols(site, alphabet);
            site_costs_from_field(self, x, &field, &before, site, costs.view_mut());
            for (b, value) in column.iter().enumerate() {
                // The symbol that the site does not have.
                out[[b, site]] = costs[[b, usize::from(*value == alphabet[0])]];
            }
        }
    }

    /// `P(v → v') = Σ_h p(h | v) p(v' | h)`, by enumerating the hidden layer.
    fn law_through_hidden(&self, states: ArrayView2<f64>) -> Array2<f64>
    where
        Self::Visible: FiniteUnits,
        Self::Hidden: FiniteUnits,
    {
        let (visible, hidden) = self.layers();
        let n_states = hidden.n_states().filter(|n| *n <= 1 << 24);
        let n_states = n_states.expect("a transition matrix needs a hidden layer that can be enumerated");
        let mut h = Array2::zeros((n_states as usize, hidden.n_units()));
        hidden.states_into(0, h.view_mut());
        law_matrix(hidden, self.up(states), &h).dot(&law_matrix(visible, self.down(h.view()), &states))
    }

    /// `s = I'(m) − ∂e_V/∂v`.
    fn score_from_field(&self, x: ArrayView2<f64>, field: ArrayView2<f64>, mut out: ArrayViewMut2<f64>)
    where
        Self::Visible: SmoothUnits,
    {
        let (visible, hidden) = self.layers();
        visible.energy_gradient_into(x, out.view_mut());
        Zip::from(&mut out)
            .and(&self.down(hidden.mean(field).view()))
            .for_each(|out, sent| *out = sent - *out);
    }

    /// `J d = I'(Cov(h | I) I(d)) − ∂²e_V/∂v² ∘ d`.
    fn jvp_from_field(
        &self,
        x: ArrayView2<f64>,
        field: ArrayView2<f64>,
        d: ArrayView2<f64>,
        mut out: ArrayViewMut2<f64>,
    ) where
        Self::Visible: ContinuousUnits,
        Self::Hidden: ResponsiveUnits,
    {
        let (visible, hidden) = self.layers();
        visible.energy_curvature_into(x, out.view_mut());
        let sent = self.down(response(hidden, field, self.up(d).view()).view());
        // NaN in gives NaN out, also where the Jacobian does not depend on x.
        Zip::from(&mut out)
            .and(&d)
            .and(&sent)
            .and(&x)
            .for_each(|out, d, sent, x| *out = sent - *out * d + 0.0 * x);
    }

    /// **Adds** `Σ_b u_b ∂s_b + w_b ∂(J d)_b` for the cotangent `u` and the pair `(w, d)`, in the order weights, visible, hidden.
    fn score_pullback_from_field(
        &self,
        x: ArrayView2<f64>,
        field: ArrayView2<f64>,
        u: ArrayView2<f64>,
        second: Option<(ArrayView2<f64>, ArrayView2<f64>)>,
        grad: ArrayViewMut1<f64>,
    ) where
        Self::Visible: ContinuousUnits,
        Self::Hidden: ResponsiveUnits,
    {
        let (visible, hidden) = self.layers();
        // u·s = I(u)·m(I) − u·∂e: the weights in front, and through the field I = I(v).
        let a = self.up(u);
        let mut through_field = response(hidden, field, a.view());
        let mut product = self.products(u, hidden.mean(field).view());
        let (mut grad_weights, rest) = grad.split_at(Axis(0), product.len());
        let (grad_visible, mut grad_hidden) = rest.split_at(Axis(0), visible.n_params());
        hidden.mean_pullback_into(field, a.view(), grad_hidden.view_mut());
        // w·J d = I(w)·Cov I(d) − w·(∂²e ∘ d): either factor, and through the field.
        let mut curvature_weights = Array2::zeros(x.raw_dim());
        if let Some((w, d)) = second {
            let (a, c) = (self.up(w), self.up(d));
            self.add_products(w, response(hidden, field, c.view()).view(), &mut product);
            self.add_products(d, response(hidden, field, a.view()).view(), &mut product);
            let mut by_field = Array2::zeros(field.raw_dim());
            hidden.response_pullback_into(field, a.view(), c.view(), by_field.view_mut(), grad_hidden);
            through_field += &by_field;
            curvature_weights.assign(&(&w * &d * -1.0));
        }
        self.add_products(x, through_field.view(), &mut product);
        for (g, p) in grad_weights.iter_mut().zip(&product) {
            *g += p;
        }
        visible.energy_gradient_pullback_into(x, (-&u).view(), curvature_weights.view(), grad_visible);
    }
}

/// `F` with each symbol at one unit less `F` before, from the field before.
fn site_costs_from_field<M: Bipartite<Visible: FiniteUnits> + ?Sized>(
    machine: &M,
    x: ArrayView2<f64>,
    field: &Array2<f64>,
    before: &Array1<f64>,
    site: usize,
    mut out: ArrayViewMut2<f64>,
) {
    let mut after = Array1::zeros(x.nrows());
    let mut changed = x.to_owned();
    for (k, &symbol) in machine.layers().0.alphabet(site).iter().enumerate() {
        changed.column_mut(site).fill(symbol);
        let steps = x.column(site).mapv(|old| symbol - old);
        let mut moved = field.clone();
        machine.add_change(site, steps.view(), &mut moved);
        machine.free_energy_into(changed.view(), moved.view(), after.view_mut());
        out.column_mut(k).assign(&(&after - before));
    }
}

/// `Cov(h | I) c`, one row a case.
fn response<H: ResponsiveUnits>(hidden: &H, field: ArrayView2<f64>, c: ArrayView2<f64>) -> Array2<f64> {
    let mut out = Array2::zeros(field.raw_dim());
    hidden.response_into(field, c, out.view_mut());
    out
}
