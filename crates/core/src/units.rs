//! Layers of independent units in an external field: the building block of the Boltzmann-machine family.
//!
//! A layer has an energy `e(x; θ) = e₀(x) + θ·t(x)`, a sum over its units, that is **affine in its parameters** `θ`; `e₀` is what no parameter
//! changes: the multiplicity `−log (n choose x)` of a binomial unit, the +∞ outside the support. Coupled to a field `I` (what the
//! neighbouring layers send), its units are independent with the law
//!
//! `p(x | I) = exp(I·x − e(x)) / exp Γ(I)`,  `Γ(I) = Σ_i log Σ_{x_i} exp(I_i x_i − e_i(x_i))`,
//!
//! an integral instead of the inner sum where units are continuous. Everything an RBM or a DBM needs of a unit follows from `e` and `Γ`:
//! means are `∂Γ/∂I`, free energies are `e_V(v) − Γ_H(v'W)`, and because energies are affine in `θ`, the layer between two layers on an
//! annealing path is the one with interpolated parameters. The layer with parameters `βθ` in the field `βI` has the law
//! `exp(−e₀) exp(−β (e − e₀ − I·x))`: inverse temperature `β` relative to `e₀`, which for most kinds is zero. A new kind of unit is one file
//! that implements [`Units`].
//!
//! Columns are units, but for categorical units, each of which is several columns of indicators; what then holds of columns together
//! ([`Units::check_rows`], [`Units::free_units`], [`FiniteUnits::n_states`]) has a method of its own.

use ndarray::{Array1, Array2, ArrayView1, ArrayView2, ArrayViewMut1, ArrayViewMut2, Zip};

use crate::discrete::{count_product, product_states_into};
use crate::error::{Error, Result, check_batch};
use crate::params::ParametricMut;
use crate::seed::Streams;

/// A layer of `N` columns of independent units; batches and fields are `(B, N)`.
pub trait Units: ParametricMut + Clone + Send + Sync {
    /// The number of columns `N`, for most kinds that of the units.
    fn n_units(&self) -> usize;

    /// Whether `value` may stand in data for this unit. Conditional means count as data where the energy is defined for them:
    /// a Bernoulli unit admits all of `[0, 1]`.
    fn admits(&self, unit: usize, value: f64) -> bool;

    /// Requires a batch of at least one row that the layer can take, and names the first value that it cannot.
    ///
    /// Override it where values are admitted or not together, as the indicators of one categorical unit are.
    ///
    /// # Errors
    /// No rows, a wrong number of columns, or a value that its unit does not admit, such as NaN.
    fn check_rows(&self, name: &'static str, x: ArrayView2<f64>) -> Result<()> {
        check_batch(name, &x, self.n_units())?;
        match x.indexed_iter().find(|((_, unit), v)| !self.admits(*unit, **v)) {
            None => Ok(()),
            Some(((b, unit), v)) => Err(Error::parameter(format!("{name}[{b}, {unit}]"), v, self.range())),
        }
    }

    /// What [`check_rows`](Units::check_rows) says of a value that is not admitted: the values that a unit can take, and what helps.
    fn range(&self) -> &'static str {
        "a value that its unit can take"
    }

    /// The units that are redrawn where only those marked in `free` `(N)` may change.
    ///
    /// Provided: just those. Override it where units are tied: a categorical unit with one clamped indicator is clamped as a whole.
    fn free_units(&self, free: ArrayView1<bool>) -> Array1<bool> {
        free.to_owned()
    }

    /// The curvatures `[γ₋, γ₊]` with which the energy of a unit rises at last, `e_i(x) ≈ γ x²/2` as `x → ∓∞`; +∞ towards a side on which the
    /// unit is bounded.
    ///
    /// Provided: bounded units. Two unbounded units that are coupled too strongly have no normalisable law, and this is what decides it.
    fn tails(&self, _unit: usize) -> [f64; 2] {
        [f64::INFINITY; 2]
    }

    /// Writes `e(x_b)` into `out` `(B)`.
    fn energy_into(&self, x: ArrayView2<f64>, out: ArrayViewMut1<f64>);

    /// Writes `Γ(I_b)` into `out` `(B)`.
    fn log_partition_into(&self, field: ArrayView2<f64>, out: ArrayViewMut1<f64>);

    /// Writes the conditional means `∂Γ/∂I` into `out` `(B, N)`.
    fn mean_into(&self, field: ArrayView2<f64>, out: ArrayViewMut2<f64>);

    /// Draws every unit from `p(x | I)` into `out` `(B, N)`, each fixed block of rows from its own stream.
    fn sample_into(&self, field: ArrayView2<f64>, streams: Streams, out: ArrayViewMut2<f64>);

    /// **Adds** `Σ_b w_b ∂e(x_b)/∂θ` to `grad`.
    fn energy_pullback_into(&self, x: ArrayView2<f64>, w: ArrayView1<f64>, grad: ArrayViewMut1<f64>);

    /// **Adds** `Σ_b w_b ∂Γ(I_b)/∂θ` to `grad`.
    fn log_partition_pullback_into(
        &self,
        field: ArrayView2<f64>,
        w: ArrayView1<f64>,
        grad: ArrayViewMut1<f64>,
    );

    /// The conditional means, in a new array.
    fn mean(&self, field: ArrayView2<f64>) -> Array2<f64> {
        let mut out = Array2::zeros(field.raw_dim());
        self.mean_into(field, out.view_mut());
        out
    }

    /// A draw, in a new array.
    fn sample(&self, field: ArrayView2<f64>, streams: Streams) -> Array2<f64> {
        let mut out = Array2::zeros(field.raw_dim());
        self.sample_into(field, streams, out.view_mut());
        out
    }

    /// `log p(x_b | I_b) = I_b·x_b − e(x_b) − Γ(I_b)`, the law that [`Units::sample_into`] draws from.
    fn log_law(&self, field: ArrayView2<f64>, x: ArrayView2<f64>) -> Array1<f64> {
        let mut energy = Array1::zeros(x.nrows());
        let mut log_partition = Array1::zeros(x.nrows());
        self.energy_into(x, energy.view_mut());
        self.log_partition_into(field, log_partition.view_mut());
        Zip::from(field.rows())
            .and(x.rows())
            .and(&energy)
            .and(&log_partition)
            .map_collect(|i, x, e, g| i.dot(&x) - e - g)
    }
}

/// A layer whose units take finitely many values each, so that sums over its states can be enumerated.
pub trait FiniteUnits: Units {
    /// The values that this unit can take, without repetition.
    fn alphabet(&self, unit: usize) -> &[f64];

    /// The number of states of the layer, or `None` when it exceeds `u64`.
    ///
    /// Provided for units that take any combination of values; override it together with [`FiniteUnits::states_into`] where they do
    /// not, as the indicators of one categorical unit.
    fn n_states(&self) -> Option<u64> {
        count_product(self.n_units(), |unit| self.alphabet(unit))
    }

    /// Writes the states number `first, first + 1, …` into the rows of `out`; unit 0 changes fastest.
    fn states_into(&self, first: u64, out: ArrayViewMut2<f64>) {
        product_states_into(|unit| self.alphabet(unit), first, out);
    }
}

/// A layer whose energy can be differentiated in the values of its units, and taken at real values near those that they have.
///
/// The free energy of a machine has a gradient in its visible units then: `∂F/∂v = ∂e_V/∂v − W E[h | v]`.
pub trait SmoothUnits: Units {
    /// Writes `∂e(x_b)/∂x` into `out` `(B, N)`.
    fn energy_gradient_into(&self, x: ArrayView2<f64>, out: ArrayViewMut2<f64>);
}

/// A layer of units with a continuum of values, whose energy can be differentiated twice in them.
///
/// Units are independent, so second derivatives are one number a unit. Score matching of a machine's visible layer asks for this.
pub trait ContinuousUnits: SmoothUnits {
    /// Writes `∂²e(x_b)/∂x_i²` into `out` `(B, N)`.
    fn energy_curvature_into(&self, x: ArrayView2<f64>, out: ArrayViewMut2<f64>);

    /// **Adds** `Σ_b Σ_i u_bi ∂(∂e/∂x_i)/∂θ + w_bi ∂(∂²e/∂x_i²)/∂θ` to `grad`; `u` and `w` are `(B, N)`.
    fn energy_gradient_pullback_into(
        &self,
        x: ArrayView2<f64>,
        u: ArrayView2<f64>,
        w: ArrayView2<f64>,
        grad: ArrayViewMut1<f64>,
    );
}

/// A layer whose response to a change of its field is known: `∂E[x | I]/∂I = Cov(x | I)`, with its own derivatives.
///
/// The free energy of a machine has second derivatives then, `∂²F/∂v∂v' = ∂²e_V/∂v∂v' − W Cov(h | v) W'`, and these can be trained on.
pub trait ResponsiveUnits: Units {
    /// Writes `Cov(x | I_b) d_b` for directions `d` `(B, N)` into `out` `(B, N)`.
    fn response_into(&self, field: ArrayView2<f64>, direction: ArrayView2<f64>, out: ArrayViewMut2<f64>);

    /// **Adds** `Σ_b a_b · ∂E[x | I_b]/∂θ` to `grad`, `a` `(B, N)`.
    fn mean_pullback_into(&self, field: ArrayView2<f64>, a: ArrayView2<f64>, grad: ArrayViewMut1<f64>);

    /// With `R_b = a_b' Cov(x | I_b) d_b`, writes `∂R_b/∂I` into `out` `(B, N)` and **adds** `Σ_b ∂R_b/∂θ` to `grad`.
    fn response_pullback_into(
        &self,
        field: ArrayView2<f64>,
        a: ArrayView2<f64>,
        direction: ArrayView2<f64>,
        out: ArrayViewMut2<f64>,
        grad: ArrayViewMut1<f64>,
    );
}
