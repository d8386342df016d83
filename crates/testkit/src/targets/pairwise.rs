//! The fully visible pairwise model on spins, small enough to be listed.
//!
//! `E(x) = −Σ_{i>j} J_ij x_i x_j − Σ_i h_i x_i` on `x_i ∈ {−1, +1}`, each pair once. Given the rest, a spin is up
//! with probability `1/(1 + exp(−2 a_i))`, `a_i = h_i + Σ_j J_ij x_j`, and flipping it costs `2 x_i a_i`. A block is
//! one site.

use gibbsian_core::energy::assert_energy_shapes;
use gibbsian_core::{
    BlockLaw, Blocks, Discrete, DiscreteEnergy, Energy, EnergyPullback, Layout, Parametric, ParametricMut,
    RelaxedEnergy, Result, Space, error,
};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, ArrayViewMut1, ArrayViewMut2};
use rand::{Rng, RngExt};

use super::bernoulli::logistic;

/// An Ising model on all pairs of `D` spins.
#[derive(Clone, Debug)]
pub struct Pairwise {
    fields: Array1<f64>,
    /// Symmetric, with a zero diagonal.
    couplings: Array2<f64>,
}

impl Pairwise {
    /// The model with these fields `h` `(D)` and couplings `J` `(D, D)`, of which the strict lower triangle is read.
    ///
    /// # Errors
    /// Shapes that do not fit, or entries that are not finite.
    pub fn new(fields: Array1<f64>, couplings: Array2<f64>) -> Result<Self> {
        error::check_finite("fields", &fields)?;
        error::check_shape("couplings", &couplings, &[fields.len(), fields.len()])?;
        error::check_finite("couplings", &couplings)?;
        let couplings = Array2::from_shape_fn(couplings.raw_dim(), |(i, j)| match i.cmp(&j) {
            std::cmp::Ordering::Greater => couplings[[i, j]],
            std::cmp::Ordering::Less => couplings[[j, i]],
            std::cmp::Ordering::Equal => 0.0,
        });
        Ok(Pairwise { fields, couplings })
    }

    /// The model whose parameters are `(1 − beta) · self + beta · other`.
    pub fn interpolate(&self, other: &Pairwise, beta: f64) -> Self {
        Pairwise {
            fields: &self.fields * (1.0 - beta) + &other.fields * beta,
            couplings: &self.couplings * (1.0 - beta) + &other.couplings * beta,
        }
    }

    /// `a_i`, the field that spin `site` feels.
    fn local_field(&self, x: ArrayView1<f64>, site: usize) -> f64 {
        self.fields[site] + self.couplings.row(site).dot(&x)
    }

    /// `p(x_site = +1 | rest)`, the law that [`Blocks::resample`] draws from.
    pub fn conditional(&self, x: ArrayView1<f64>, site: usize) -> f64 {
        logistic(2.0 * self.local_field(x, site))
    }
}

impl Space for Pairwise {
    fn dim(&self) -> usize {
        self.fields.len()
    }
}

impl Discrete for Pairwise {
    fn alphabet(&self, _site: usize) -> &[f64] {
        &[-1.0, 1.0]
    }
}

impl Energy for Pairwise {
    fn energy_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut1<f64>) {
        assert_energy_shapes(self.dim(), x, &out);
        for (row, e) in x.rows().into_iter().zip(&mut out) {
            *e = -self.fields.dot(&row) - 0.5 * row.dot(&self.couplings.dot(&row));
        }
    }
}

impl DiscreteEnergy for Pairwise {
    fn site_deltas_into(&self, x: ArrayView2<f64>, site: usize, mut out: ArrayViewMut2<f64>) {
        for (row, mut deltas) in x.rows().into_iter().zip(out.rows_mut()) {
            let a = self.local_field(row, site);
            deltas[0] = (row[site] + 1.0) * a;
            deltas[1] = (row[site] - 1.0) * a;
        }
    }

    fn flip_deltas_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut2<f64>) {
        for ((b, site), delta) in out.indexed_iter_mut() {
            *delta = 2.0 * x[[b, site]] * self.local_field(x.row(b), site);
        }
    }
}

impl RelaxedEnergy for Pairwise {
    /// `s = h + Jx`: each spin's local field.
    fn relaxed_score_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut2<f64>) {
        for ((b, site), s) in out.indexed_iter_mut() {
            *s = self.local_field(x.row(b), site);
        }
    }
}

impl Blocks for Pairwise {
    fn n_blocks(&self) -> usize {
        self.dim()
    }

    fn resample(
        &self,
        mut x: ArrayViewMut2<f64>,
        block: usize,
        free: Option<ArrayView1<bool>>,
        rng: &mut dyn Rng,
    ) {
        if free.is_some_and(|free| !free[block]) {
            return;
        }
        for mut row in x.rows_mut() {
            let up = self.conditional(row.view(), block);
            row[block] = if rng.random::<f64>() < up { 1.0 } else { -1.0 };
        }
    }
}

impl BlockLaw for Pairwise {
    fn block_matrix(&self, block: usize, states: ArrayView2<f64>) -> Array2<f64> {
        Array2::from_shape_fn((states.nrows(), states.nrows()), |(i, j)| {
            let (from, to) = (states.row(i), states.row(j));
            if (0..self.dim()).any(|k| k != block && from[k] != to[k]) {
                return 0.0;
            }
            let up = self.conditional(from, block);
            if to[block] > 0.0 { up } else { 1.0 - up }
        })
    }
}

impl Parametric for Pairwise {
    fn layout(&self) -> Layout {
        let d = self.dim();
        Layout::new()
            .with("fields", &[d])
            .with("couplings_lower", &[d * d.saturating_sub(1) / 2])
    }

    fn params(&self) -> Array1<f64> {
        let lower = (0..self.dim()).flat_map(|i| (0..i).map(move |j| self.couplings[[i, j]]));
        self.fields.iter().copied().chain(lower).collect()
    }
}

impl ParametricMut for Pairwise {
    fn set_params(&mut self, params: ArrayView1<f64>) -> Result<()> {
        self.layout().check(params)?;
        let d = self.dim();
        let mut k = d;
        for i in 0..d {
            self.fields[i] = params[i];
            for j in 0..i {
                self.couplings[[i, j]] = params[k];
                self.couplings[[j, i]] = params[k];
                k += 1;
            }
        }
        Ok(())
    }
}

impl EnergyPullback for Pairwise {
    fn energy_pullback_with(
        &self,
        x: ArrayView2<f64>,
        weigh: &mut dyn FnMut(ArrayView1<f64>, ArrayViewMut1<f64>),
        mut grad: ArrayViewMut1<f64>,
    ) {
        let mut w = Array1::zeros(x.nrows());
        weigh(self.energy(x).view(), w.view_mut());
        let d = self.dim();
        for (row, &w) in x.rows().into_iter().zip(&w) {
            let mut k = d;
            for i in 0..d {
                grad[i] -= w * row[i];
                for j in 0..i {
                    grad[k] -= w * row[i] * row[j];
                    k += 1;
                }
            }
        }
    }
}
