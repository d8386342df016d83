//! Energies, normalised densities, and the derivative of an energy in its parameters.
//!
//! A model is a Gibbs density `p(x) = exp(−E(x)) / Z`. The waist asks for the energy only; everything that needs more asks
//! for a higher rung of the ladder. Rows are samples: `x` is `(B, D)` and energies are `(B)`.
//!
//! A model with hidden variables implements [`Energy`] by its free energy `F(v) = −log Σ_h exp(−E(v, h))`, because that
//! is the energy of the density it defines on what can be observed.

use ndarray::{Array1, Array2, ArrayView1, ArrayView2, ArrayViewMut1};
use rand::Rng;

use crate::discrete::Discrete;
use crate::params::Parametric;

/// Anything that lives on `D`-dimensional points.
pub trait Space: Sync {
    /// The number of coordinates `D` of one point.
    fn dim(&self) -> usize;
}

/// An energy `E(x)`; low means likely.
///
/// The energy may omit an additive constant (that is what makes it unnormalised), but always the same one. `+∞` marks a
/// point outside the support. NaN in gives NaN out.
pub trait Energy: Space {
    /// Writes `E(x_b)` of every row of `x` `(B, D)` into `out` `(B)`.
    ///
    /// # Panics
    /// When the shapes do not fit; that is an error of the caller, not of the data.
    fn energy_into(&self, x: ArrayView2<f64>, out: ArrayViewMut1<f64>);

    /// The energies of all rows, in a new array.
    fn energy(&self, x: ArrayView2<f64>) -> Array1<f64> {
        let mut out = Array1::zeros(x.nrows());
        self.energy_into(x, out.view_mut());
        out
    }
}

/// A density whose normaliser is known and which can be sampled exactly.
///
/// Noise distributions of noise-contrastive estimation and base distributions of annealing ask for this.
pub trait Density: Energy {
    /// `log Z = log ∫ exp(−E(x)) dx`, a natural logarithm.
    fn log_z(&self) -> f64;

    /// `n` independent draws, one a row.
    fn sample(&self, n: usize, rng: &mut dyn Rng) -> Array2<f64>;

    /// Writes `log p(x_b) = −E(x_b) − log Z` of every row into `out` `(B)`; −∞ outside the support.
    ///
    /// Override it where the two terms cancel and another form of their sum is more accurate.
    fn log_density_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut1<f64>) {
        let log_z = self.log_z();
        self.energy_into(x, out.view_mut());
        out.mapv_inplace(|e| -e - log_z);
    }

    /// The log-densities of all rows, in a new array.
    fn log_density(&self, x: ArrayView2<f64>) -> Array1<f64> {
        let mut out = Array1::zeros(x.nrows());
        self.log_density_into(x, out.view_mut());
        out
    }
}

/// An energy whose weighted gradient in the parameters can be taken.
///
/// The gradient of every likelihood-type objective is a weighted sum `Σ_b w_b ∂E(x_b)/∂θ`: maximum likelihood weighs data
/// with `1/B` and model samples with `−1/B`; noise-contrastive estimation lets the weights depend on the energies. One
/// required method serves both in a single pass.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no energy that can be differentiated in its parameters",
    note = "objectives that contrast energies need one; a model that is only a score is trained by score matching"
)]
pub trait EnergyPullback: Energy + Parametric {
    /// Hands the energies of the rows of `x` to `weigh`, which fills the cotangents `w`, and **adds** `Σ_b w_b ∂E(x_b)/∂θ`
    /// to `grad`, laid out as [`Parametric::layout`] says.
    fn energy_pullback_with(
        &self,
        x: ArrayView2<f64>,
        weigh: &mut dyn FnMut(ArrayView1<f64>, ArrayViewMut1<f64>),
        grad: ArrayViewMut1<f64>,
    );

    /// **Adds** `Σ_b w_b ∂E(x_b)/∂θ` for given weights `w` `(B)` to `grad`.
    fn energy_pullback_into(&self, x: ArrayView2<f64>, w: ArrayView1<f64>, grad: ArrayViewMut1<f64>) {
        self.energy_pullback_with(x, &mut |_, mut out| out.assign(&w), grad);
    }

    /// **Adds** `Σ_b Σ_i w_bi ∂E(x_b with site i flipped)/∂θ` for weights `w` `(B, D)` to `grad`, on spaces with two symbols a site.
    ///
    /// A flip of weight zero is left out, so it may lead out of the support, where the energy has no derivative. The provided form takes one pullback a site; override it
    /// where flips share work.
    ///
    /// # Panics
    /// When shapes do not fit, or an alphabet does not have two symbols.
    fn flips_pullback_into(&self, x: ArrayView2<f64>, w: ArrayView2<f64>, mut grad: ArrayViewMut1<f64>)
    where
        Self: Discrete + Sized,
    {
        assert_eq!(x.dim(), w.dim(), "one weight for every site of every row");
        let mut changed = x.to_owned();
        for site in 0..self.dim() {
            let alphabet = self.alphabet(site);
            assert_two_symbols(site, alphabet);
            let mut column = changed.column_mut(site);
            for (value, w) in column.iter_mut().zip(w.column(site)) {
                if *w != 0.0 {
                    *value = alphabet[usize::from(*value == alphabet[0])];
                }
            }
            self.energy_pullback_into(changed.view(), w.column(site), grad.view_mut());
            changed.column_mut(site).assign(&x.column(site));
        }
    }
}

/// Panics unless a site has two symbols: the contract of everything that flips.
#[track_caller]
pub fn assert_two_symbols(site: usize, alphabet: &[f64]) {
    assert_eq!(
        alphabet.len(),
        2,
        "flipping site {site} needs two symbols, not {alphabet:?}"
    );
}

/// What holds of a density holds of a reference to it and of a box around it, trait objects included.
macro_rules! through_pointer {
    ($pointer:ty) => {
        impl<T: Space + ?Sized> Space for $pointer {
            fn dim(&self) -> usize {
                (**self).dim()
            }
        }

        impl<T: Energy + ?Sized> Energy for $pointer {
            fn energy_into(&self, x: ArrayView2<f64>, out: ArrayViewMut1<f64>) {
                (**self).energy_into(x, out);
            }
        }

        impl<T: Density + ?Sized> Density for $pointer {
            fn log_z(&self) -> f64 {
                (**self).log_z()
            }

            fn sample(&self, n: usize, rng: &mut dyn Rng) -> Array2<f64> {
                (**self).sample(n, rng)
            }

            fn log_density_into(&self, x: ArrayView2<f64>, out: ArrayViewMut1<f64>) {
                (**self).log_density_into(x, out);
            }
        }
    };
}
through_pointer!(&T);
through_pointer!(Box<T>);

/// Panics with both shapes unless `x` is `(B, D)` and `out` is `(B)`: the shape contract of [`Energy::energy_into`].
#[track_caller]
pub fn assert_energy_shapes(dim: usize, x: ArrayView2<f64>, out: &ArrayViewMut1<f64>) {
    assert!(
        x.ncols() == dim && out.len() == x.nrows(),
        "x has shape {:?} and out has length {}, but a space of dimension {dim} needs (B, {dim}) and B",
        x.shape(),
        out.len(),
    );
}
