//! Kinds of units chosen at run time.
//!
//! A type parameter for the kind costs nothing, but has to be known when the program is compiled. [`Layer`] is one of all kinds but [`Repeated`](super::Repeated) and
//! [`MaxPooled`](super::MaxPooled), [`FiniteLayer`] one of those that can be enumerated, for configurations and for tests that go through all pairs.

use gibbsian_core::{
    FiniteUnits, Layout, Parametric, ParametricMut, ResponsiveUnits, Result, Streams, Units,
};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, ArrayViewMut1, ArrayViewMut2};

use super::{Bernoulli, Binomial, DoubleRectified, Gaussian, Joined, Rectified, Shift, Softmax, Spin};

/// A layer of any kind.
///
/// ```
/// use gibbsian_classical::{Bernoulli, Gaussian, Layer, Rbm};
/// use ndarray::Array2;
///
/// let real = true;
/// let visible: Layer = if real { Gaussian::standard(3).into() } else { Bernoulli::unbiased(3).into() };
/// let rbm = Rbm::new(visible, Bernoulli::unbiased(2), Array2::zeros((3, 2)))?;
/// assert!((rbm.log_z_over_hidden()? - (1.5 * std::f64::consts::TAU.ln() + 2.0 * 2.0_f64.ln())).abs() < 1e-14);
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Layer {
    /// 0 or 1.
    Bernoulli(Bernoulli),
    /// −1 or +1.
    Spin(Spin),
    /// One of `q` values.
    Softmax(Softmax),
    /// 0 to `n`.
    Binomial(Binomial),
    /// Real numbers.
    Gaussian(Gaussian),
    /// Real numbers from zero upwards.
    Rectified(Rectified),
    /// Real numbers with a kink at zero.
    DoubleRectified(DoubleRectified),
    /// Two layers side by side.
    Joined(Box<Joined<Layer, Layer>>),
}

/// A layer of any kind that takes finitely many values.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum FiniteLayer {
    /// 0 or 1.
    Bernoulli(Bernoulli),
    /// −1 or +1.
    Spin(Spin),
    /// One of `q` values.
    Softmax(Softmax),
    /// 0 to `n`.
    Binomial(Binomial),
    /// Two layers side by side.
    Joined(Box<Joined<FiniteLayer, FiniteLayer>>),
}

macro_rules! layer {
    ($layer:ident: $($kind:ident),*) => {
        $(
            impl From<$kind> for $layer {
                fn from(units: $kind) -> Self {
                    $layer::$kind(units)
                }
            }
        )*

        impl From<Joined<$layer, $layer>> for $layer {
            fn from(units: Joined<$layer, $layer>) -> Self {
                $layer::Joined(Box::new(units))
            }
        }

        impl Shift for $layer {
            fn shift(&mut self, field: ArrayView1<f64>) {
                match self {
                    $($layer::$kind(units) => units.shift(field),)*
                    $layer::Joined(units) => units.shift(field),
                }
            }
        }

        impl Parametric for $layer {
            fn layout(&self) -> Layout {
                match self {
                    $($layer::$kind(units) => units.layout(),)*
                    $layer::Joined(units) => units.layout(),
                }
            }

            fn params(&self) -> Array1<f64> {
                match self {
                    $($layer::$kind(units) => units.params(),)*
                    $layer::Joined(units) => units.params(),
                }
            }
        }

        impl ParametricMut for $layer {
            fn set_params(&mut self, params: ArrayView1<f64>) -> Result<()> {
                match self {
                    $($layer::$kind(units) => units.set_params(params),)*
                    $layer::Joined(units) => units.set_params(params),
                }
            }
        }

        impl Units for $layer {
            layer! { @delegate $layer: $($kind),*;
                fn n_units() -> usize;
                fn admits(unit: usize, value: f64) -> bool;
                fn check_rows(name: &'static str, x: ArrayView2<f64>) -> Result<()>;
                fn range() -> &'static str;
                fn free_units(free: ArrayView1<bool>) -> Array1<bool>;
                fn tails(unit: usize) -> [f64; 2];
                fn energy_into(x: ArrayView2<f64>, out: ArrayViewMut1<f64>) -> ();
                fn log_partition_into(field: ArrayView2<f64>, out: ArrayViewMut1<f64>) -> ();
                fn mean_into(field: ArrayView2<f64>, out: ArrayViewMut2<f64>) -> ();
                fn sample_into(field: ArrayView2<f64>, streams: Streams, out: ArrayViewMut2<f64>) -> ();
                fn energy_pullback_into(x: ArrayView2<f64>, w: ArrayView1<f64>, grad: ArrayViewMut1<f64>) -> ();
                fn log_partition_pullback_into(
                    field: ArrayView2<f64>,
                    w: ArrayView1<f64>,
                    grad: ArrayViewMut1<f64>,
                ) -> ();
                fn mean(field: ArrayView2<f64>) -> Array2<f64>;
                fn sample(field: ArrayView2<f64>, streams: Streams) -> Array2<f64>;
                fn log_law(field: ArrayView2<f64>, x: ArrayView2<f64>) -> Array1<f64>;
            }
        }

        impl ResponsiveUnits for $layer {
            layer! { @delegate $layer: $($kind),*;
                fn response_into(
                    field: ArrayView2<f64>,
                    direction: ArrayView2<f64>,
                    out: ArrayViewMut2<f64>,
                ) -> ();
                fn mean_pullback_into(field: ArrayView2<f64>, a: ArrayView2<f64>, grad: ArrayViewMut1<f64>) -> ();
                fn response_pullback_into(
                    field: ArrayView2<f64>,
                    a: ArrayView2<f64>,
                    direction: ArrayView2<f64>,
                    out: ArrayViewMut2<f64>,
                    grad: ArrayViewMut1<f64>,
                ) -> ();
            }
        }
    };
    (@delegate $layer:ident: $($kind:ident),*; ) => {};
    (@delegate $layer:ident: $($kind:ident),*; fn $name:ident($($arg:ident: $type:ty),* $(,)?) -> $out:ty; $($rest:tt)*) => {
        layer! { @one $layer, [$($kind),*], $name, [$($arg: $type),*], [$($arg),*], $out }
        layer! { @delegate $layer: $($kind),*; $($rest)* }
    };
    (@one $layer:ident, [$($kind:ident),*], $name:ident, [$($arg:ident: $type:ty),*], $args:tt, $out:ty) => {
        fn $name(&self, $($arg: $type),*) -> $out {
            match self {
                $($layer::$kind(units) => layer!(@call units, $name, $args),)*
                $layer::Joined(units) => layer!(@call units, $name, $args),
            }
        }
    };
    (@call $units:ident, $name:ident, [$($arg:ident),*]) => { $units.$name($($arg),*) };
}

layer!(Layer: Bernoulli, Spin, Softmax, Binomial, Gaussian, Rectified, DoubleRectified);
layer!(FiniteLayer: Bernoulli, Spin, Softmax, Binomial);

impl FiniteUnits for FiniteLayer {
    fn alphabet(&self, unit: usize) -> &[f64] {
        match self {
            FiniteLayer::Bernoulli(units) => units.alphabet(unit),
            FiniteLayer::Spin(units) => units.alphabet(unit),
            FiniteLayer::Softmax(units) => units.alphabet(unit),
            FiniteLayer::Binomial(units) => units.alphabet(unit),
            FiniteLayer::Joined(units) => units.alphabet(unit),
        }
    }

    fn n_states(&self) -> Option<u64> {
        match self {
            FiniteLayer::Bernoulli(units) => units.n_states(),
            FiniteLayer::Spin(units) => units.n_states(),
            FiniteLayer::Softmax(units) => units.n_states(),
            FiniteLayer::Binomial(units) => units.n_states(),
            FiniteLayer::Joined(units) => units.n_states(),
        }
    }

    fn states_into(&self, first: u64, out: ArrayViewMut2<f64>) {
        match self {
            FiniteLayer::Bernoulli(units) => units.states_into(first, out),
            FiniteLayer::Spin(units) => units.states_into(first, out),
            FiniteLayer::Softmax(units) => units.states_into(first, out),
            FiniteLayer::Binomial(units) => units.states_into(first, out),
            FiniteLayer::Joined(units) => units.states_into(first, out),
        }
    }
}

impl From<FiniteLayer> for Layer {
    fn from(layer: FiniteLayer) -> Self {
        match layer {
            FiniteLayer::Bernoulli(units) => units.into(),
            FiniteLayer::Spin(units) => units.into(),
            FiniteLayer::Softmax(units) => units.into(),
            FiniteLayer::Binomial(units) => units.into(),
            FiniteLayer::Joined(units) => {
                let (first, second) = units.into_parts();
                Joined::new(Layer::from(first), Layer::from(second)).into()
            }
        }
    }
}
