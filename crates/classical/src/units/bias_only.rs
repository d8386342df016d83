//! What units have in common whose only parameters are biases.
//!
//! A bias is a field that is always there: with `e(x) = e₀(x) − b·x` everything in a field `I` is a function of `b + I`. A kind of unit says what its
//! `e₀`, its log-partition, means, draws and cumulants in a total field are ([`BiasOnly`]); [`bias_only_units!`] makes the rest of it.

use gibbsian_core::StreamRng;
use ndarray::{Array1, ArrayView1, ArrayViewMut1};

/// Units with an energy `e(x) = e₀(x) − b·x`; fields `t = b + I` are total, one row each.
pub(super) trait BiasOnly {
    fn biases(&self) -> &Array1<f64>;

    fn biases_mut(&mut self) -> &mut Array1<f64>;

    /// `e₀(x)`.
    fn base_energy(&self, _x: ArrayView1<f64>) -> f64 {
        0.0
    }

    /// `Γ(I) = log Σ_x exp(t·x − e₀(x))`.
    fn log_partition_at(&self, t: ArrayView1<f64>) -> f64;

    /// Replaces total fields by means.
    fn mean_at(&self, t: ArrayViewMut1<f64>);

    /// Replaces total fields by a draw.
    fn draw_at(&self, t: ArrayViewMut1<f64>, rng: &mut StreamRng);

    /// Writes `Cov(x) d`.
    fn response_at(&self, t: ArrayView1<f64>, d: ArrayView1<f64>, out: ArrayViewMut1<f64>);

    /// Writes the derivative of `a'Cov(x) d` in the field.
    fn response_gradient_at(
        &self,
        t: ArrayView1<f64>,
        a: ArrayView1<f64>,
        d: ArrayView1<f64>,
        out: ArrayViewMut1<f64>,
    );
}

/// Implements parameters and `Units` of a kind by its [`BiasOnly`]; the admission of values and what else a kind overrides stand in the braces.
macro_rules! bias_only_units {
    ($kind:ty, shape: $shape:expr, { $($own:item)* }) => {
        impl $crate::units::Shift for $kind {
            fn shift(&mut self, field: ndarray::ArrayView1<f64>) {
                *$crate::units::bias_only::BiasOnly::biases_mut(self) += &field;
            }
        }

        impl gibbsian_core::Parametric for $kind {
            fn layout(&self) -> gibbsian_core::Layout {
                let shape: fn(&Self) -> Vec<usize> = $shape;
                gibbsian_core::Layout::new().with("bias", &shape(self))
            }

            fn params(&self) -> ndarray::Array1<f64> {
                $crate::units::bias_only::BiasOnly::biases(self).clone()
            }
        }

        impl gibbsian_core::ParametricMut for $kind {
            fn set_params(&mut self, params: ndarray::ArrayView1<f64>) -> gibbsian_core::Result<()> {
                gibbsian_core::Parametric::layout(self).check(params)?;
                $crate::units::bias_only::BiasOnly::biases_mut(self).assign(&params);
                Ok(())
            }
        }

        impl gibbsian_core::Units for $kind {
            fn n_units(&self) -> usize {
                $crate::units::bias_only::BiasOnly::biases(self).len()
            }

            $($own)*

            fn energy_into(&self, x: ndarray::ArrayView2<f64>, mut out: ndarray::ArrayViewMut1<f64>) {
                use $crate::units::bias_only::BiasOnly;
                gibbsian_core::energy::assert_energy_shapes(self.n_units(), x, &out);
                ndarray::Zip::from(x.rows())
                    .and(&mut out)
                    .for_each(|x, e| *e = self.base_energy(x) - x.dot(self.biases()));
            }

            fn log_partition_into(&self, field: ndarray::ArrayView2<f64>, mut out: ndarray::ArrayViewMut1<f64>) {
                use $crate::units::bias_only::BiasOnly;
                gibbsian_core::energy::assert_energy_shapes(self.n_units(), field, &out);
                let out = out.view_mut().insert_axis(ndarray::Axis(1));
                gibbsian_core::parallel::for_each_block(out, |block, mut out| {
                    let mut total = ndarray::Array1::zeros(self.n_units());
                    let rows = gibbsian_core::parallel::block_rows(block, field.nrows());
                    let fields = field.slice(ndarray::s![rows, ..]);
                    for (field, gamma) in fields.rows().into_iter().zip(&mut out) {
                        total.assign(&field);
                        total += self.biases();
                        *gamma = self.log_partition_at(total.view());
                    }
                });
            }

            fn mean_into(&self, field: ndarray::ArrayView2<f64>, mut out: ndarray::ArrayViewMut2<f64>) {
                use $crate::units::bias_only::BiasOnly;
                ndarray::Zip::from(&mut out)
                    .and(&field)
                    .and_broadcast(self.biases())
                    .for_each(|t, i, b| *t = i + b);
                gibbsian_core::parallel::for_each_block(out, |_, mut rows| {
                    rows.rows_mut().into_iter().for_each(|t| self.mean_at(t));
                });
            }

            fn sample_into(
                &self,
                field: ndarray::ArrayView2<f64>,
                streams: gibbsian_core::Streams,
                mut out: ndarray::ArrayViewMut2<f64>,
            ) {
                use $crate::units::bias_only::BiasOnly;
                ndarray::Zip::from(&mut out)
                    .and(&field)
                    .and_broadcast(self.biases())
                    .for_each(|t, i, b| *t = i + b);
                gibbsian_core::parallel::for_each_block(out, |block, mut rows| {
                    let mut rng = streams.block(block);
                    rows.rows_mut().into_iter().for_each(|t| self.draw_at(t, &mut rng));
                });
            }

            fn energy_pullback_into(
                &self,
                x: ndarray::ArrayView2<f64>,
                w: ndarray::ArrayView1<f64>,
                mut grad: ndarray::ArrayViewMut1<f64>,
            ) {
                for (x, w) in x.rows().into_iter().zip(&w) {
                    grad.scaled_add(-w, &x);
                }
            }

            fn log_partition_pullback_into(
                &self,
                field: ndarray::ArrayView2<f64>,
                w: ndarray::ArrayView1<f64>,
                mut grad: ndarray::ArrayViewMut1<f64>,
            ) {
                for (mean, w) in self.mean(field).rows().into_iter().zip(&w) {
                    grad.scaled_add(*w, &mean);
                }
            }
        }

        impl gibbsian_core::ResponsiveUnits for $kind {
            fn response_into(
                &self,
                field: ndarray::ArrayView2<f64>,
                direction: ndarray::ArrayView2<f64>,
                mut out: ndarray::ArrayViewMut2<f64>,
            ) {
                use $crate::units::bias_only::BiasOnly;
                for ((field, d), out) in field.rows().into_iter().zip(direction.rows()).zip(out.rows_mut()) {
                    self.response_at((&field + self.biases()).view(), d, out);
                }
            }

            fn mean_pullback_into(
                &self,
                field: ndarray::ArrayView2<f64>,
                a: ndarray::ArrayView2<f64>,
                mut grad: ndarray::ArrayViewMut1<f64>,
            ) {
                // A bias acts as a field does, and covariances are symmetric.
                let mut out = ndarray::Array2::zeros(field.raw_dim());
                self.response_into(field, a, out.view_mut());
                grad += &out.sum_axis(ndarray::Axis(0));
            }

            fn response_pullback_into(
                &self,
                field: ndarray::ArrayView2<f64>,
                a: ndarray::ArrayView2<f64>,
                direction: ndarray::ArrayView2<f64>,
                mut out: ndarray::ArrayViewMut2<f64>,
                mut grad: ndarray::ArrayViewMut1<f64>,
            ) {
                use $crate::units::bias_only::BiasOnly;
                for (b, mut out) in out.rows_mut().into_iter().enumerate() {
                    let total = &field.row(b) + self.biases();
                    self.response_gradient_at(total.view(), a.row(b), direction.row(b), out.view_mut());
                    grad += &out;
                }
            }
        }
    };
}
pub(super) use bias_only_units;

/// Writes `κ₂(t_i) d_i`, the response of units that are one column each.
pub(super) fn diagonal_response(
    variance: impl Fn(f64) -> f64,
    t: ArrayView1<f64>,
    d: ArrayView1<f64>,
    out: ArrayViewMut1<f64>,
) {
    ndarray::Zip::from(out)
        .and(t)
        .and(d)
        .for_each(|out, t, d| *out = variance(*t) * d);
}

/// Writes `κ₃(t_i) a_i d_i`, the derivative of `Σ_i κ₂(t_i) a_i d_i`.
pub(super) fn diagonal_response_gradient(
    third: impl Fn(f64) -> f64,
    t: ArrayView1<f64>,
    a: ArrayView1<f64>,
    d: ArrayView1<f64>,
    out: ArrayViewMut1<f64>,
) {
    ndarray::Zip::from(out)
        .and(t)
        .and(a)
        .and(d)
        .for_each(|out, t, a, d| *out = third(*t) * a * d);
}
