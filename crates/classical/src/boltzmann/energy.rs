//! The energy of all units, what changing one of them costs, and the gradient in the parameters.

use gibbsian_core::energy::assert_energy_shapes;
use gibbsian_core::{Discrete, DiscreteEnergy, Energy, EnergyPullback, RelaxedEnergy, Space};
use gibbsian_linalg::{matmul, matmul_into};
use ndarray::{Array1, ArrayView1, ArrayView2, ArrayViewMut1, ArrayViewMut2, Axis, Zip};

use super::{BoltzmannMachine, pairs};

impl Space for BoltzmannMachine {
    fn dim(&self) -> usize {
        self.n_units()
    }
}

impl Energy for BoltzmannMachine {
    /// `−Σ_i s_i (½ (Ws)_i + b_i)`, a polynomial that may be read between 0 and 1 too.
    fn energy_into(&self, x: ArrayView2<f64>, out: ArrayViewMut1<f64>) {
        assert_energy_shapes(self.dim(), x, &out);
        self.energy_from_product(x, matmul(x, self.weights.view()).view(), out);
    }
}

impl BoltzmannMachine {
    /// The energies of rows whose products `sW` are known.
    fn energy_from_product(&self, x: ArrayView2<f64>, product: ArrayView2<f64>, out: ArrayViewMut1<f64>) {
        Zip::from(out)
            .and(x.rows())
            .and(product.rows())
            .for_each(|e, s, ws| {
                *e = -s
                    .iter()
                    .zip(ws)
                    .zip(&self.bias)
                    .map(|((s, ws), b)| s * (0.5 * ws + b))
                    .sum::<f64>();
            });
    }
}

impl Discrete for BoltzmannMachine {
    fn alphabet(&self, _site: usize) -> &[f64] {
        &[0.0, 1.0]
    }
}

impl DiscreteEnergy for BoltzmannMachine {
    /// `−(a − s_i)(b_i + Σ_j w_ij s_j)`: `O(N)` a row.
    fn site_deltas_into(&self, x: ArrayView2<f64>, site: usize, mut out: ArrayViewMut2<f64>) {
        let field = self.field(x, site);
        for ((mut deltas, s), field) in out.rows_mut().into_iter().zip(x.column(site)).zip(&field) {
            deltas[0] = s * field;
            deltas[1] = (s - 1.0) * field;
        }
    }

    /// `(2 s_i − 1)(b_i + (Ws)_i)`, all of them from one product.
    fn flip_deltas_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut2<f64>) {
        matmul_into(1.0, x, self.weights.view(), 0.0, out.view_mut());
        Zip::from(&mut out)
            .and(x)
            .and_broadcast(&self.bias)
            .for_each(|out, s, b| *out = (2.0 * s - 1.0) * (*out + b));
    }
}

impl RelaxedEnergy for BoltzmannMachine {
    /// `s = b + Ws`.
    fn relaxed_score_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut2<f64>) {
        matmul_into(1.0, x, self.weights.view(), 0.0, out.view_mut());
        out += &self.bias;
    }

    fn energy_and_relaxed_score_into(
        &self,
        x: ArrayView2<f64>,
        energy: ArrayViewMut1<f64>,
        mut score: ArrayViewMut2<f64>,
    ) {
        matmul_into(1.0, x, self.weights.view(), 0.0, score.view_mut());
        self.energy_from_product(x, score.view(), energy);
        score += &self.bias;
    }
}

impl EnergyPullback for BoltzmannMachine {
    /// `∂E/∂w_ij = −s_i s_j` and `∂E/∂b_i = −s_i`.
    fn energy_pullback_with(
        &self,
        x: ArrayView2<f64>,
        weigh: &mut dyn FnMut(ArrayView1<f64>, ArrayViewMut1<f64>),
        grad: ArrayViewMut1<f64>,
    ) {
        let mut w = Array1::zeros(x.nrows());
        weigh(self.energy(x).view(), w.view_mut());
        let weighted = &x * &w.view().insert_axis(Axis(1));
        subtract_statistics(
            matmul(weighted.t(), x).view(),
            weighted.sum_axis(Axis(0)).view(),
            grad,
        );
    }
}

/// Subtracts a matrix of pairs and a vector of means from a gradient, which lies as the parameters do.
pub(super) fn subtract_statistics(second: ArrayView2<f64>, means: ArrayView1<f64>, grad: ArrayViewMut1<f64>) {
    let n = means.len();
    let (mut weights, mut bias) = grad.split_at(Axis(0), n * (n - 1) / 2);
    for (g, (i, j)) in weights.iter_mut().zip(pairs(n)) {
        *g -= second[[i, j]];
    }
    bias -= &means;
}
