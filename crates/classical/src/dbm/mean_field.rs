//! Mean field: the factorial distribution that is nearest to `p(h | v)`, and the bound that it gives.
//!
//! With `q(h) = Π_l q_l(hˡ)` and each `q_l` the layer's own law in some field `J_l`, means `m_l = ∂Γ_l(J_l)`,
//!
//! `F_q(v) = E_q E(v, h) − H(q) = e_V(v) + Σ_l [J_l·m_l − Γ_l(J_l)] − v'W₁m₁ − Σ_l m_l'W_{l+1}m_{l+1} ≥ F(v)`,
//!
//! because the expectation of `e_l` in the energy cancels the one in the entropy, `H(q_l) = Γ_l(J_l) − J_l·m_l + E e_l`; no kind of unit has
//! to know its entropy. Hence `log p(v) ≥ −F_q(v) − log Z`, with equality where `q` is the posterior, as in an RBM.
//!
//! Given all other layers the best `q_l` has the field `J_l = W_l'm_{l−1} + W_{l+1}m_{l+1}`. A sweep updates the odd hidden layers and then the even
//! ones, each half at once because its layers are no neighbours, so that every update is an exact minimisation and `F_q` never rises. (Updating all
//! layers at once from their old means has no such guarantee.) The start is a pass upwards in which the missing input from above is
//! replaced by another of the input from below: weights doubled, except into the top layer (Salakhutdinov and Hinton 2009, section 3.2).

use gibbsian_core::error::check_non_negative;
use gibbsian_core::{Parametric, Result, Units};
use gibbsian_linalg::matmul;
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, ArrayViewMut1, Axis, Zip};

use super::Dbm;
use crate::larger::larger;

/// Factorial distributions of the hidden layers, one a row of the visible units that they belong to.
#[derive(Clone, Debug, PartialEq)]
pub struct MeanField {
    fields: Vec<Array2<f64>>,
    means: Vec<Array2<f64>>,
    n_sweeps: usize,
    last_change: f64,
    converged: bool,
}

impl MeanField {
    pub(super) fn new(
        fields: Vec<Array2<f64>>,
        means: Vec<Array2<f64>>,
        n_sweeps: usize,
        last_change: f64,
        converged: bool,
    ) -> Self {
        MeanField {
            fields,
            means,
            n_sweeps,
            last_change,
            converged,
        }
    }

    /// The number of hidden layers.
    pub fn depth(&self) -> usize {
        self.means.len()
    }

    /// The means of hidden layer `l`, from 1 to `L`, `(B, n_l)`.
    ///
    /// # Panics
    /// When there is no such layer.
    pub fn means(&self, l: usize) -> ArrayView2<'_, f64> {
        self.means[l - 1].view()
    }

    /// The fields `J_l` in which hidden layer `l` has these means.
    ///
    /// # Panics
    /// When there is no such layer.
    pub fn fields(&self, l: usize) -> ArrayView2<'_, f64> {
        self.fields[l - 1].view()
    }

    /// The number of sweeps that were made.
    pub fn n_sweeps(&self) -> usize {
        self.n_sweeps
    }

    /// The largest change of a mean in the last sweep; infinite when none was made.
    pub fn last_change(&self) -> f64 {
        self.last_change
    }

    /// Whether no mean changed by more than the tolerance in the last sweep.
    pub fn converged(&self) -> bool {
        self.converged
    }

    /// The distribution of the cases `rows` alone, in this order.
    pub fn select(&self, rows: &[usize]) -> MeanField {
        let select = |x: &Vec<Array2<f64>>| x.iter().map(|x| x.select(Axis(0), rows)).collect();
        MeanField {
            fields: select(&self.fields),
            means: select(&self.means),
            ..*self
        }
    }
}

impl<V: Units, H: Units> Dbm<V, H> {
    /// Mean field for the rows of `v` `(B, V)`: sweeps until no mean changes by more than `tolerance`, or `max_sweeps` of them.
    ///
    /// A mean that is NaN never converges.
    ///
    /// # Errors
    /// Rows that the visible layer cannot take, or a tolerance that is negative or not finite.
    pub fn mean_field(&self, v: ArrayView2<f64>, tolerance: f64, max_sweeps: usize) -> Result<MeanField> {
        self.check_visible(v)?;
        check_non_negative("tolerance", tolerance)?;
        let mut q = self.upward_pass(v);
        // What the visible units send does not change.
        let from_visible = matmul(v, self.weights[0].view());
        while !q.converged && q.n_sweeps < max_sweeps {
            q.last_change = 0.0;
            for l in (1..=self.depth()).step_by(2).chain((2..=self.depth()).step_by(2)) {
                let mut field = match l {
                    1 => from_visible.clone(),
                    _ => matmul(q.means[l - 2].view(), self.weights[l - 1].view()),
                };
                if let Some(w) = self.weights.get(l) {
                    field += &matmul(q.means[l].view(), w.t());
                }
                let mean = self.layers[l].mean(field.view());
                Zip::from(&mean).and(&q.means[l - 1]).for_each(|new, old| {
                    q.last_change = larger(q.last_change, (new - old).abs());
                });
                q.fields[l - 1] = field;
                q.means[l - 1] = mean;
            }
            q.n_sweeps += 1;
            q.converged = q.last_change <= tolerance;
        }
        Ok(q)
    }

    /// A pass upwards with doubled input, except into the top layer.
    fn upward_pass(&self, v: ArrayView2<f64>) -> MeanField {
        let (mut fields, mut means): (Vec<Array2<f64>>, Vec<Array2<f64>>) = (Vec::new(), Vec::new());
        for l in 1..=self.depth() {
            let mut field = matmul(means.last().map_or(v, |m| m.view()), self.weights[l - 1].view());
            if l < self.depth() {
                field *= 2.0;
            }
            means.push(self.layers[l].mean(field.view()));
            fields.push(field);
        }
        MeanField {
            fields,
            means,
            n_sweeps: 0,
            last_change: f64::INFINITY,
            converged: false,
        }
    }

    /// `F_q(v)` of every row: never below the free energy, so that `−F_q(v) − log Z` is a lower bound on `log p(v)`.
    ///
    /// # Panics
    /// When `q` does not belong to as many rows of this machine.
    pub fn variational_free_energy(&self, v: ArrayView2<f64>, q: &MeanField) -> Array1<f64> {
        assert!(
            q.means.len() == self.depth() && q.means[0].nrows() == v.nrows(),
            "a mean field of {} layers and {} rows for {} layers and {} rows",
            q.means.len(),
            q.means[0].nrows(),
            self.depth(),
            v.nrows()
        );
        let (mut free_energy, mut gamma) = (Array1::zeros(v.nrows()), Array1::zeros(v.nrows()));
        self.layers[0].energy_into(v, free_energy.view_mut());
        let mut below = v;
        for l in 1..=self.depth() {
            let (field, mean) = (&q.fields[l - 1], &q.means[l - 1]);
            self.layers[l].log_partition_into(field.view(), gamma.view_mut());
            free_energy -= &gamma;
            free_energy +=
                &((field - &matmul(below.view(), self.weights[l - 1].view())) * mean).sum_axis(Axis(1));
            below = mean.view();
        }
        free_energy
    }

    /// **Adds** `Σ_b w_b ∂F_q(v_b)/∂θ` at fixed `q` to `grad`: products of means, and `E_q ∂e_l/∂θ = −∂Γ_l(J_l)/∂θ`.
    pub(super) fn variational_pullback_into(
        &self,
        v: ArrayView2<f64>,
        q: &MeanField,
        w: ArrayView1<f64>,
        grad: ArrayViewMut1<f64>,
    ) {
        let x: Vec<_> = std::iter::once(v)
            .chain(q.means.iter().map(|m| m.view()))
            .collect();
        let rest = self.add_couplings(&x, w, grad);
        let (part, mut rest) = rest.split_at(Axis(0), self.layers[0].n_params());
        self.layers[0].energy_pullback_into(v, w, part);
        let minus = w.mapv(|w| -w);
        for (layer, field) in self.layers[1..].iter().zip(&q.fields) {
            let (part, after) = rest.split_at(Axis(0), layer.n_params());
            layer.log_partition_pullback_into(field.view(), minus.view(), part);
            rest = after;
        }
    }
}
