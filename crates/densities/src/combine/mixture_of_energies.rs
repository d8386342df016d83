//! Or, over energies: a mixture of models that cannot be drawn from but whose `log Z` is known.
//!
//! `p(x) = Σ_k w_k exp(−E_k(x)) / Z_k`. Adding `exp(−E_k)` without the normalisers, as in "or" by the logarithm of a sum of energies (Du, Li and Mordatch 2020), is
//! a mixture with weights `∝ w_k Z_k` that nobody chose: a constant in one energy, which changes no model, changes the mixture. So the components here are [`KnownLogZ`], and who
//! means the other thing says so by stating a `log Z` of zero.

use gibbsian_core::energy::assert_energy_shapes;
use gibbsian_core::error::Result;
use gibbsian_core::{Discrete, DiscreteEnergy, Energy, Potential, Score, ScoreJvp, Space};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, ArrayViewMut1, ArrayViewMut2};

use super::KnownLogZ;
use super::alphabets::{check_alphabets, on_one_space};
use super::mixing::{self, Mixing};

/// A mixture `p(x) = Σ_k w_k exp(−E_k(x)) / Z_k` of energies on one space; the energy is `−log p`, and its `log Z` is zero.
///
/// The energies may be of one type, or of several behind `Box<dyn Energy>`, [`Box<dyn Potential>`](gibbsian_core::Potential) or
/// [`Box<dyn SmoothEnergy>`](super::SmoothEnergy). A point outside every support has energy +∞, and NaN for its posterior and its score.
///
/// ```
/// use gibbsian_core::Energy;
/// use gibbsian_densities::{KnownLogZ, MixtureOfEnergies, QuadraticEnergy};
/// use ndarray::array;
///
/// // Two normals in the form ½ a x² − b x + c, whose constants mean nothing.
/// let well = |a: f64, b: f64, c: f64| {
///     let energy = QuadraticEnergy::new(array![[a]], array![b], c)?;
///     let log_z = energy.complete_the_square()?.1;
///     KnownLogZ::new(energy, log_z)
/// };
/// let one = MixtureOfEnergies::new(array![0.5, 0.5], vec![well(1.0, 2.0, 0.0)?, well(4.0, -4.0, 0.0)?])?;
/// let other = MixtureOfEnergies::new(array![0.5, 0.5], vec![well(1.0, 2.0, 7.0)?, well(4.0, -4.0, -3.0)?])?;
/// let x = array![[0.3]];
/// assert!((one.energy(x.view())[0] - other.energy(x.view())[0]).abs() < 1e-14);
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct MixtureOfEnergies<E> {
    mixing: Mixing,
    components: Vec<KnownLogZ<E>>,
}

impl<E: Energy> MixtureOfEnergies<E> {
    /// The mixture of `components` with `weights` `(K)`, which may be zero and sum to one within [`WEIGHT_TOLERANCE`](crate::WEIGHT_TOLERANCE).
    ///
    /// # Errors
    /// No components, another number of weights, weights that are negative, not finite or do not sum to one, or components of different dimensions.
    pub fn new(weights: Array1<f64>, components: Vec<KnownLogZ<E>>) -> Result<Self> {
        Ok(MixtureOfEnergies {
            mixing: Mixing::new(weights, &components)?,
            components,
        })
    }

    /// The weights `w` `(K)`.
    pub fn weights(&self) -> ArrayView1<'_, f64> {
        self.mixing.weights()
    }

    /// The components.
    pub fn components(&self) -> &[KnownLogZ<E>] {
        &self.components
    }

    /// The posterior `r_k(x_b) = w_k p_k(x_b) / p(x_b)` of the component for all rows, `(B, K)`.
    ///
    /// # Panics
    /// When the shape does not fit.
    pub fn posterior(&self, x: ArrayView2<f64>) -> Array2<f64> {
        let mut out = self.log_densities(x);
        self.mixing.posterior_in_place(out.view_mut());
        out
    }

    fn log_densities(&self, x: ArrayView2<f64>) -> Array2<f64> {
        let mut out = Array2::zeros((x.nrows(), self.components.len()));
        let write = |c: &KnownLogZ<E>, column: ArrayViewMut1<f64>| c.log_density_into(x, column);
        self.mixing
            .log_densities_into(&self.components, write, out.view_mut());
        out
    }

    fn models(&self) -> impl Iterator<Item = &E> + Clone {
        self.components.iter().map(KnownLogZ::model)
    }
}

impl<E: Energy> Space for MixtureOfEnergies<E> {
    fn dim(&self) -> usize {
        self.components[0].dim()
    }
}

impl<E: Energy> Energy for MixtureOfEnergies<E> {
    fn energy_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut1<f64>) {
        assert_energy_shapes(self.dim(), x, &out);
        for (out, row) in out.iter_mut().zip(self.log_densities(x).rows()) {
            *out = -self.mixing.log_mean(row);
        }
    }
}

impl<E: Energy + Score> Score for MixtureOfEnergies<E> {
    fn score_into(&self, x: ArrayView2<f64>, out: ArrayViewMut2<f64>) {
        mixing::score_into(self.models(), self.posterior(x).view(), x, out);
    }
}

impl<E: Energy + Score> Potential for MixtureOfEnergies<E> {}

impl<E: Energy + ScoreJvp> ScoreJvp for MixtureOfEnergies<E> {
    fn score_jvp_into(
        &self,
        x: ArrayView2<f64>,
        v: ArrayView2<f64>,
        score: ArrayViewMut2<f64>,
        jvp: ArrayViewMut2<f64>,
    ) {
        mixing::score_jvp_into(self.models(), self.posterior(x).view(), x, v, score, jvp);
    }

    fn divergence_into(&self, x: ArrayView2<f64>, out: ArrayViewMut1<f64>) {
        mixing::divergence_into(self.models(), self.posterior(x).view(), x, out);
    }
}

impl<E: Energy + Discrete> MixtureOfEnergies<E> {
    /// Requires components with the same alphabets and states.
    ///
    /// Constructors do not know whether components are discrete. What takes or makes states of the mixture asks for this first.
    ///
    /// # Errors
    /// A site that has another alphabet in a component than in the first; a component with another number of states, or of parts that have no states together.
    pub fn check_alphabets(&self) -> Result<()> {
        check_alphabets(
            "components",
            self.components[0].model(),
            self.models().enumerate(),
        )
    }
}

/// The states that all components have; components with different alphabets have no states together (see [`MixtureOfEnergies::check_alphabets`]).
impl<E: Energy + Discrete> Discrete for MixtureOfEnergies<E> {
    on_one_space! { self => self.components[0].model() }
}

/// Differences of energies by evaluating them.
impl<E: Energy + Discrete> DiscreteEnergy for MixtureOfEnergies<E> {}
