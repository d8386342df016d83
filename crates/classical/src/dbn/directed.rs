//! One layer in the field of another: a factor of a directed network.

use gibbsian_core::error::{check_finite, check_shape};
use gibbsian_core::{Layout, Parametric, ParametricMut, Result, Streams, Units};
use gibbsian_linalg::matmul;
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, ArrayViewMut1, Axis, concatenate};

/// The law `p(x | y)` of a layer of units `U` in the field `y'W` that another layer sends.
#[derive(Clone, Debug, PartialEq)]
pub struct Directed<U> {
    units: U,
    weights: Array2<f64>,
}

impl<U: Units> Directed<U> {
    /// The layer in the field of weights `W` `(M, N)`, from `M` units of the other layer to its own `N`.
    ///
    /// # Errors
    /// Another number of columns than units, or a weight that is not finite.
    pub fn new(units: U, weights: Array2<f64>) -> Result<Self> {
        check_shape("weights", &weights, &[weights.nrows(), units.n_units()])?;
        check_finite("weights", &weights)?;
        Ok(Directed { units, weights })
    }

    /// The layer `x`.
    pub fn units(&self) -> &U {
        &self.units
    }

    /// The weights `W` `(M, N)`.
    pub fn weights(&self) -> ArrayView2<'_, f64> {
        self.weights.view()
    }

    /// A draw of `p(x | y)` for every row.
    pub(super) fn sample(&self, y: ArrayView2<f64>, streams: Streams) -> Array2<f64> {
        self.units.sample(matmul(y, self.weights.view()).view(), streams)
    }

    /// `log p(x | y)` of pairs of rows.
    pub(super) fn log_law(&self, y: ArrayView2<f64>, x: ArrayView2<f64>) -> Array1<f64> {
        self.units.log_law(matmul(y, self.weights.view()).view(), x)
    }

    /// **Adds** the gradient of `−⟨log p(x | y)⟩` over pairs of rows to `grad`, and returns that mean: `W` learns by `y (x − E[x | y])'`, the delta rule.
    pub(super) fn add_cost(&self, y: ArrayView2<f64>, x: ArrayView2<f64>, grad: ArrayViewMut1<f64>) -> f64 {
        let n = x.nrows() as f64;
        let field = matmul(y, self.weights.view());
        let excess = (self.units.mean(field.view()) - x) / n;
        let (mut weights, mut units) = grad.split_at(Axis(0), self.weights.len());
        weights += &matmul(y.t(), excess.view()).flatten();
        let w = Array1::from_elem(x.nrows(), 1.0 / n);
        self.units.energy_pullback_into(x, w.view(), units.view_mut());
        self.units
            .log_partition_pullback_into(field.view(), w.view(), units);
        -self.units.log_law(field.view(), x).sum() / n
    }
}

impl<U: Units> Parametric for Directed<U> {
    /// `weights`, then the tensors of the `units`.
    fn layout(&self) -> Layout {
        Layout::new()
            .with("weights", self.weights.shape())
            .with_part("units", &self.units.layout())
    }

    fn params(&self) -> Array1<f64> {
        let weights = Array1::from_iter(self.weights.iter().copied());
        concatenate![Axis(0), weights, self.units.params()]
    }
}

impl<U: Units> ParametricMut for Directed<U> {
    fn set_params(&mut self, params: ArrayView1<f64>) -> Result<()> {
        self.layout().check(params)?;
        let (weights, units) = params.split_at(Axis(0), self.weights.len());
        // The layer may refuse more than non-finite numbers, so it is asked before anything is changed.
        self.units.set_params(units).map_err(|e| e.within("units"))?;
        self.weights
            .iter_mut()
            .zip(weights)
            .for_each(|(w, new)| *w = *new);
        Ok(())
    }
}
