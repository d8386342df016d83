//! Coupled spins of several kinds: every site has an alphabet of its own.
//!
//! `E(x) = −Σ_i h_i x_i + Σ_i Δ_i x_i² − Σ_{i>j} J_ij x_i x_j`, each pair once: the mixed-spin model of Blume (1966) and Capel (1966), whose crystal
//! field `Δ` decides how often a spin of more than two values vanishes. It is for code that must not take an alphabet of two
//! symbols for granted, nor the same one everywhere, and it has the provided forms of
//! [`DiscreteEnergy`] only.

use gibbsian_core::energy::assert_energy_shapes;
use gibbsian_core::{
    Discrete, DiscreteEnergy, Energy, EnergyPullback, Layout, Parametric, ParametricMut, RelaxedEnergy,
    Result, Space,
};
use ndarray::{Array1, ArrayView1, ArrayView2, ArrayViewMut1, ArrayViewMut2};

/// Spins with alphabets, fields `h`, crystal fields `Δ` and couplings on all pairs.
#[derive(Clone, Debug)]
pub struct MixedSpin {
    alphabets: Vec<Vec<f64>>,
    /// `h`, `Δ` and the lower triangle of `J`, row by row.
    params: Array1<f64>,
}

impl MixedSpin {
    /// The model on sites with these `alphabets` and with `params` as its layout says: `fields` `(D)`, `crystal_fields` `(D)`,
    /// `couplings_lower` `(D(D − 1)/2)`.
    ///
    /// # Errors
    /// Parameters of the wrong number or not finite.
    pub fn new(alphabets: Vec<Vec<f64>>, params: Array1<f64>) -> Result<Self> {
        let model = MixedSpin { alphabets, params };
        model.layout().check(model.params.view())?;
        Ok(model)
    }

    /// `∂E(x)/∂θ_k` of every parameter.
    fn derivatives(&self, x: ArrayView1<f64>) -> Array1<f64> {
        let fields = x.iter().map(|v| -v);
        let crystal_fields = x.iter().map(|v| v * v);
        let couplings = (0..x.len()).flat_map(|i| (0..i).map(move |j| -x[i] * x[j]));
        fields.chain(crystal_fields).chain(couplings).collect()
    }
}

impl Space for MixedSpin {
    fn dim(&self) -> usize {
        self.alphabets.len()
    }
}

impl Discrete for MixedSpin {
    fn alphabet(&self, site: usize) -> &[f64] {
        &self.alphabets[site]
    }
}

impl Energy for MixedSpin {
    fn energy_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut1<f64>) {
        assert_energy_shapes(self.dim(), x, &out);
        // Energies are linear in the parameters.
        for (row, e) in x.rows().into_iter().zip(&mut out) {
            *e = self.params.dot(&self.derivatives(row));
        }
    }
}

impl DiscreteEnergy for MixedSpin {}

impl RelaxedEnergy for MixedSpin {
    /// `s_i = h_i − 2 Δ_i x_i + Σ_j J_ij x_j`.
    fn relaxed_score_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut2<f64>) {
        let d = self.dim();
        for (x, mut s) in x.rows().into_iter().zip(out.rows_mut()) {
            for i in 0..d {
                s[i] = self.params[i] - 2.0 * self.params[d + i] * x[i];
            }
            let mut k = 2 * d;
            for i in 0..d {
                for j in 0..i {
                    s[i] += self.params[k] * x[j];
                    s[j] += self.params[k] * x[i];
                    k += 1;
                }
            }
        }
    }
}

impl Parametric for MixedSpin {
    fn layout(&self) -> Layout {
        let d = self.dim();
        Layout::new()
            .with("fields", &[d])
            .with("crystal_fields", &[d])
            .with("couplings_lower", &[d * d.saturating_sub(1) / 2])
    }

    fn params(&self) -> Array1<f64> {
        self.params.clone()
    }
}

impl ParametricMut for MixedSpin {
    fn set_params(&mut self, params: ArrayView1<f64>) -> Result<()> {
        self.layout().check(params)?;
        self.params.assign(&params);
        Ok(())
    }
}

impl EnergyPullback for MixedSpin {
    fn energy_pullback_with(
        &self,
        x: ArrayView2<f64>,
        weigh: &mut dyn FnMut(ArrayView1<f64>, ArrayViewMut1<f64>),
        mut grad: ArrayViewMut1<f64>,
    ) {
        let mut w = Array1::zeros(x.nrows());
        weigh(self.energy(x).view(), w.view_mut());
        for (row, w) in x.rows().into_iter().zip(&w) {
            grad.scaled_add(*w, &self.derivatives(row));
        }
    }
}
