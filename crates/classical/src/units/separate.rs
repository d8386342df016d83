//! What units have in common that are one column and `P` parameters each: formulas of one unit make the layer.

use gibbsian_core::StreamRng;
use ndarray::Array2;

/// Units of one column with parameters `p`, of which each is a tensor `(N)` of the layer.
pub(super) trait Separate<const P: usize> {
    /// The names of the tensors.
    const NAMES: [&'static str; P];

    /// The parameters `(P, N)`.
    fn parameters(&self) -> &Array2<f64>;

    fn parameters_mut(&mut self) -> &mut Array2<f64>;

    /// What is wrong with a value of parameter `k`, that is finite.
    fn requirement(k: usize, value: f64) -> Option<&'static str>;

    /// Whether `x` is in the support.
    fn supports(x: f64) -> bool;

    /// The parameters that a constant field is added to.
    const LINEAR: &'static [usize];

    fn unit_tails(p: [f64; P]) -> [f64; 2];

    /// `e(x)` for `x` in the support.
    fn unit_energy(p: [f64; P], x: f64) -> f64;

    /// `∂e/∂p`.
    fn unit_statistics(x: f64) -> [f64; P];

    fn unit_log_partition(p: [f64; P], field: f64) -> f64;

    fn unit_mean(p: [f64; P], field: f64) -> f64;

    fn unit_draw(p: [f64; P], field: f64, rng: &mut StreamRng) -> f64;

    /// `∂Γ/∂p`.
    fn unit_log_partition_gradient(p: [f64; P], field: f64) -> [f64; P];

    /// Variance and third cumulant, `∂²Γ/∂I²` and `∂³Γ/∂I³`.
    fn unit_cumulants(p: [f64; P], field: f64) -> [f64; 2];

    /// `∂/∂p` of the mean.
    fn unit_mean_gradient(p: [f64; P], field: f64) -> [f64; P];

    /// `∂/∂p` of the variance.
    fn unit_variance_gradient(p: [f64; P], field: f64) -> [f64; P];

    /// `∂e/∂x` and `∂²e/∂x²`.
    fn unit_slopes(p: [f64; P], x: f64) -> [f64; 2];

    /// `∂/∂p` of both.
    fn unit_slopes_gradient(x: f64) -> [[f64; P]; 2];

    /// The parameters of unit `i`.
    fn unit(&self, i: usize) -> [f64; P] {
        std::array::from_fn(|k| self.parameters()[[k, i]])
    }
}

/// Implements the traits of layers for a kind with `P` parameters a unit by its [`Separate`].
macro_rules! separate_units {
    ($kind:ty, $p:literal) => {
        impl $crate::units::Shift for $kind {
            fn shift(&mut self, field: ndarray::ArrayView1<f64>) {
                use $crate::units::separate::Separate;
                for k in <Self as Separate<$p>>::LINEAR {
                    let mut row = self.parameters_mut().row_mut(*k);
                    row += &field;
                }
            }
        }

        impl gibbsian_core::Parametric for $kind {
            fn layout(&self) -> gibbsian_core::Layout {
                use $crate::units::separate::Separate;
                let n = self.parameters().ncols();
                let names = <Self as Separate<$p>>::NAMES;
                names
                    .into_iter()
                    .fold(gibbsian_core::Layout::new(), |layout, name| {
                        layout.with(name, &[n])
                    })
            }

            fn params(&self) -> ndarray::Array1<f64> {
                use $crate::units::separate::Separate;
                self.parameters().iter().copied().collect()
            }
        }

        impl gibbsian_core::ParametricMut for $kind {
            fn set_params(&mut self, params: ndarray::ArrayView1<f64>) -> gibbsian_core::Result<()> {
                use $crate::units::separate::Separate;
                let layout = gibbsian_core::Parametric::layout(self);
                layout.check(params)?;
                let n = self.parameters().ncols();
                for (at, &value) in params.iter().enumerate() {
                    if let Some(requirement) = Self::requirement(at / n, value) {
                        return Err(gibbsian_core::Error::parameter(
                            layout.locate(at),
                            value,
                            requirement,
                        ));
                    }
                }
                for (old, new) in self.parameters_mut().iter_mut().zip(params) {
                    *old = *new;
                }
                Ok(())
            }
        }

        impl gibbsian_core::Units for $kind {
            fn n_units(&self) -> usize {
                use $crate::units::separate::Separate;
                self.parameters().ncols()
            }

            fn admits(&self, _unit: usize, value: f64) -> bool {
                use $crate::units::separate::Separate;
                value.is_finite() && Self::supports(value)
            }

            fn tails(&self, unit: usize) -> [f64; 2] {
                use $crate::units::separate::Separate;
                Self::unit_tails(self.unit(unit))
            }

            fn energy_into(&self, x: ndarray::ArrayView2<f64>, mut out: ndarray::ArrayViewMut1<f64>) {
                use $crate::units::separate::Separate;
                gibbsian_core::energy::assert_energy_shapes(self.n_units(), x, &out);
                for (x, e) in x.rows().into_iter().zip(&mut out) {
                    let unit_energy = |(i, x): (usize, &f64)| {
                        if x.is_nan() || Self::supports(*x) {
                            Self::unit_energy(self.unit(i), *x)
                        } else {
                            f64::INFINITY
                        }
                    };
                    *e = x.iter().enumerate().map(unit_energy).sum();
                }
            }

            fn log_partition_into(
                &self,
                field: ndarray::ArrayView2<f64>,
                mut out: ndarray::ArrayViewMut1<f64>,
            ) {
                use $crate::units::separate::Separate;
                gibbsian_core::energy::assert_energy_shapes(self.n_units(), field, &out);
                for (field, gamma) in field.rows().into_iter().zip(&mut out) {
                    let units = field.iter().enumerate();
                    *gamma = units
                        .map(|(i, field)| Self::unit_log_partition(self.unit(i), *field))
                        .sum();
                }
            }

            fn mean_into(&self, field: ndarray::ArrayView2<f64>, mut out: ndarray::ArrayViewMut2<f64>) {
                use $crate::units::separate::Separate;
                for ((b, i), field) in field.indexed_iter() {
                    out[[b, i]] = Self::unit_mean(self.unit(i), *field);
                }
            }

            fn sample_into(
                &self,
                field: ndarray::ArrayView2<f64>,
                streams: gibbsian_core::Streams,
                mut out: ndarray::ArrayViewMut2<f64>,
            ) {
                use $crate::units::separate::Separate;
                out.assign(&field);
                gibbsian_core::parallel::for_each_block(out, |block, mut rows| {
                    let mut rng = streams.block(block);
                    for ((_, i), x) in rows.indexed_iter_mut() {
                        *x = Self::unit_draw(self.unit(i), *x, &mut rng);
                    }
                });
            }

            fn energy_pullback_into(
                &self,
                x: ndarray::ArrayView2<f64>,
                w: ndarray::ArrayView1<f64>,
                grad: ndarray::ArrayViewMut1<f64>,
            ) {
                use $crate::units::separate::Separate;
                let unit = |b: usize, i: usize| Self::unit_statistics(x[[b, i]]).map(|t| w[b] * t);
                $crate::units::separate::add_gradients(x.raw_dim(), grad, unit);
            }

            fn log_partition_pullback_into(
                &self,
                field: ndarray::ArrayView2<f64>,
                w: ndarray::ArrayView1<f64>,
                grad: ndarray::ArrayViewMut1<f64>,
            ) {
                use $crate::units::separate::Separate;
                let unit = |b: usize, i: usize| {
                    Self::unit_log_partition_gradient(self.unit(i), field[[b, i]]).map(|g| w[b] * g)
                };
                $crate::units::separate::add_gradients(field.raw_dim(), grad, unit);
            }
        }

        impl gibbsian_core::ResponsiveUnits for $kind {
            fn response_into(
                &self,
                field: ndarray::ArrayView2<f64>,
                direction: ndarray::ArrayView2<f64>,
                mut out: ndarray::ArrayViewMut2<f64>,
            ) {
                use $crate::units::separate::Separate;
                for ((b, i), field) in field.indexed_iter() {
                    let [variance, _] = Self::unit_cumulants(self.unit(i), *field);
                    out[[b, i]] = variance * direction[[b, i]];
                }
            }

            fn mean_pullback_into(
                &self,
                field: ndarray::ArrayView2<f64>,
                a: ndarray::ArrayView2<f64>,
                grad: ndarray::ArrayViewMut1<f64>,
            ) {
                use $crate::units::separate::Separate;
                let unit = |b: usize, i: usize| {
                    Self::unit_mean_gradient(self.unit(i), field[[b, i]]).map(|g| a[[b, i]] * g)
                };
                $crate::units::separate::add_gradients(field.raw_dim(), grad, unit);
            }

            fn response_pullback_into(
                &self,
                field: ndarray::ArrayView2<f64>,
                a: ndarray::ArrayView2<f64>,
                direction: ndarray::ArrayView2<f64>,
                mut out: ndarray::ArrayViewMut2<f64>,
                grad: ndarray::ArrayViewMut1<f64>,
            ) {
                use $crate::units::separate::Separate;
                let product = &a * &direction;
                for ((b, i), field) in field.indexed_iter() {
                    let [_, third] = Self::unit_cumulants(self.unit(i), *field);
                    out[[b, i]] = third * product[[b, i]];
                }
                let unit = |b: usize, i: usize| {
                    Self::unit_variance_gradient(self.unit(i), field[[b, i]]).map(|g| product[[b, i]] * g)
                };
                $crate::units::separate::add_gradients(field.raw_dim(), grad, unit);
            }
        }

        impl gibbsian_core::SmoothUnits for $kind {
            fn energy_gradient_into(
                &self,
                x: ndarray::ArrayView2<f64>,
                mut out: ndarray::ArrayViewMut2<f64>,
            ) {
                use $crate::units::separate::Separate;
                for ((b, i), x) in x.indexed_iter() {
                    out[[b, i]] = Self::unit_slopes(self.unit(i), *x)[0];
                }
            }
        }

        impl gibbsian_core::ContinuousUnits for $kind {
            fn energy_curvature_into(
                &self,
                x: ndarray::ArrayView2<f64>,
                mut out: ndarray::ArrayViewMut2<f64>,
            ) {
                use $crate::units::separate::Separate;
                for ((b, i), x) in x.indexed_iter() {
                    out[[b, i]] = Self::unit_slopes(self.unit(i), *x)[1];
                }
            }

            fn energy_gradient_pullback_into(
                &self,
                x: ndarray::ArrayView2<f64>,
                u: ndarray::ArrayView2<f64>,
                w: ndarray::ArrayView2<f64>,
                grad: ndarray::ArrayViewMut1<f64>,
            ) {
                use $crate::units::separate::Separate;
                let unit = |b: usize, i: usize| {
                    let [slope, curvature] = Self::unit_slopes_gradient(x[[b, i]]);
                    std::array::from_fn::<f64, $p, _>(|k| u[[b, i]] * slope[k] + w[[b, i]] * curvature[k])
                };
                $crate::units::separate::add_gradients(x.raw_dim(), grad, unit);
            }
        }
    };
}
pub(super) use separate_units;

/// **Adds** the gradients of all units of all rows, tensor by tensor, to `grad`.
pub(super) fn add_gradients<const P: usize>(
    shape: ndarray::Ix2,
    mut grad: ndarray::ArrayViewMut1<f64>,
    unit: impl Fn(usize, usize) -> [f64; P],
) {
    let (n_rows, n) = (shape[0], shape[1]);
    for b in 0..n_rows {
        for i in 0..n {
            for (k, g) in unit(b, i).into_iter().enumerate() {
                grad[k * n + i] += g;
            }
        }
    }
}
