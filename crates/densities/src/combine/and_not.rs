//! And not: what one model finds likely and another one does not, `p(x) ∝ p_A(x) p_B(x)^{−α}`.
//!
//! As energies this is `E = E_A − α E_B` (Du, Li and Mordatch 2020), and nothing says that `exp(−E)` has an integral: dividing by a density
//! that falls faster than `p_A^{1/α}` blows up far out, where neither model has any mass. A sampler would walk away there. So the type exists only where
//! the integral is known to be finite, and each constructor has a reason for it:
//!
//! | constructor | why the integral is finite |
//! |---|---|
//! | [`AndNot::enumerated`] | the space is finite, and no energy is −∞; decided by a sum, which gives `log Z` |
//! | [`AndNot::of_normals`] | `P_A − α P_B` is positive definite; decided by a Cholesky factorisation, which gives `log Z` |
//! | [`AndNot::integrated`] | an integral in one or two dimensions over a domain, bounded or not, converged to a tolerance; it gives `log Z` |
//! | [`AndNot::capped`] | `p_A` is a density and `E_B` counts only up to a cap, so that `exp(−E) ≤ exp(α cap) exp(−E_A)`; always true |
//! | [`AndNot::certified`] | the caller has a proof and names it |
//!
//! On a bounded support the question is whether `E_A − α E_B` is bounded below; the cap makes it so, and `integrated` finds out.
//!
//! For scores alone, without energies, nothing can be decided: [`ProductOfExperts::with_negations`] adds them up and promises nothing.

use gibbsian_core::energy::assert_energy_shapes;
use gibbsian_core::error::{Error, Result, check_positive};
use gibbsian_core::{Density, Discrete, DiscreteEnergy, Energy, Potential, Score, ScoreJvp, Space, math};
use ndarray::{Array2, ArrayView2, ArrayViewMut1, ArrayViewMut2, Axis, array};

use super::tempered::energies;
use super::{Capped, ProductOfExperts};
use crate::gaussian::MultivariateNormal;
use crate::quadrature::{Domain, QuadratureOptions, numeric_log_z};

/// Why `∫ p_A p_B^{−α}` is finite.
#[derive(Clone, Debug, PartialEq)]
pub enum Criterion {
    /// The sum over a finite space.
    Enumerated,
    /// The precision of the quotient of two normals is positive definite.
    DefinitePrecision,
    /// An integral over a domain, with an upper estimate of the error of `log Z`.
    Integrated {
        /// The error.
        error: f64,
    },
    /// The negated energy has this cap, and the other one belongs to a density.
    Capped {
        /// The cap.
        cap: f64,
    },
    /// The caller's proof.
    Certified {
        /// What it rests on.
        reason: String,
    },
}

/// The model `p(x) ∝ p_A(x) p_B(x)^{−α}`, known to have a normaliser; the energy is `E_A(x) − α E_B(x)`.
///
/// ```
/// use gibbsian_densities::{AndNot, MultivariateNormal};
/// use ndarray::array;
///
/// let near = MultivariateNormal::isotropic(array![0.0, 0.0], 1.0)?;
/// let not = MultivariateNormal::isotropic(array![1.0, 0.0], 2.0)?;
/// assert!(AndNot::of_normals(near.clone(), not.clone(), 1.5).is_ok());
/// // At α = 2 the precisions are equal, and nothing holds the quotient together; the other way round even less does.
/// assert!(AndNot::of_normals(near.clone(), not.clone(), 2.0).is_err());
/// assert!(AndNot::of_normals(not.clone(), near.clone(), 1.0).is_err());
/// // What is far from both counts no more than a point whose energy is 8.
/// assert!(AndNot::capped(not, near, 1.0, 8.0).is_ok());
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct AndNot<A, B> {
    product: ProductOfExperts<Factor<A, B>>,
    criterion: Criterion,
    log_z: Option<f64>,
    /// Where the model lives, if that is not everywhere.
    domain: Option<Domain>,
}

impl<A: Space, B: Space> AndNot<A, B> {
    fn product(a: A, b: B, alpha: f64) -> Result<ProductOfExperts<Factor<A, B>>> {
        check_positive("alpha", alpha)?;
        ProductOfExperts::with_negations(array![1.0, -alpha], vec![Factor::And(a), Factor::Not(b)])
    }

    fn known(product: ProductOfExperts<Factor<A, B>>, criterion: Criterion, log_z: Option<f64>) -> Self {
        AndNot {
            product,
            criterion,
            log_z,
            domain: None,
        }
    }

    /// The power `α` of the negated model.
    pub fn alpha(&self) -> f64 {
        -self.product.powers()[1]
    }

    /// Why there is a normaliser.
    pub fn criterion(&self) -> &Criterion {
        &self.criterion
    }

    /// `log ∫ exp(−E_A(x) + α E_B(x)) dx`, where the criterion computes it.
    pub fn log_z(&self) -> Option<f64> {
        self.log_z
    }
}

impl<A: Energy + Discrete, B: Energy + Discrete> AndNot<A, B> {
    /// On a finite space, by enumeration.
    ///
    /// # Errors
    /// An `alpha` that is not positive; spaces of different dimensions or alphabets; more than 2²⁰ states; an energy that is NaN, a state that
    /// `p_B` excludes and `p_A` does not, which would have infinite weight, or no state with any weight.
    pub fn enumerated(a: A, b: B, alpha: f64) -> Result<Self> {
        let product = Self::product(a, b, alpha)?;
        product.check_alphabets()?;
        let log_weights: Vec<f64> = energies(&product)?.iter().map(|e| -e).collect();
        let log_z = math::log_sum_exp(&log_weights);
        if !log_z.is_finite() {
            let requirement =
                "finite: no state that the negated model alone excludes, and some state with weight";
            return Err(Error::parameter("log_z", log_z, requirement));
        }
        Ok(Self::known(product, Criterion::Enumerated, Some(log_z)))
    }
}

impl<A: Discrete, B: Discrete> AndNot<A, B> {
    /// Requires models with the same alphabets and states; see [`ProductOfExperts::check_alphabets`].
    ///
    /// # Errors
    /// A site that has another alphabet in the negated model; another number of states there, or a model of parts that have no states together.
    pub fn check_alphabets(&self) -> Result<()> {
        self.product.check_alphabets()
    }
}

impl AndNot<MultivariateNormal, MultivariateNormal> {
    /// Of two normals, where the precision `P_A − α P_B` is positive definite; [`MultivariateNormal::product`] is the law itself.
    ///
    /// # Errors
    /// An `alpha` that is not positive, different dimensions, or a precision that is not positive definite.
    pub fn of_normals(a: MultivariateNormal, b: MultivariateNormal, alpha: f64) -> Result<Self> {
        check_positive("alpha", alpha)?;
        let (_, log_integral) = MultivariateNormal::product(&[(&a, 1.0), (&b, -alpha)])?;
        // The integral is that of densities, and the energies leave their normalisers out.
        let log_z = log_integral + a.log_z() - alpha * b.log_z();
        Ok(Self::known(
            Self::product(a, b, alpha)?,
            Criterion::DefinitePrecision,
            Some(log_z),
        ))
    }
}

impl<A: Energy, B: Energy> AndNot<A, B> {
    /// In one or two dimensions, by [`numeric_log_z`] over a domain; outside of it the energy is +∞.
    ///
    /// # Errors
    /// An `alpha` that is not positive, different dimensions, and what [`numeric_log_z`] refuses: above all an integral that does not converge.
    pub fn integrated(a: A, b: B, alpha: f64, domain: Domain, settings: QuadratureOptions) -> Result<Self> {
        let product = Self::product(a, b, alpha)?;
        let found = numeric_log_z(&product, &domain, settings)?;
        let criterion = Criterion::Integrated { error: found.error };
        let mut known = Self::known(product, criterion, Some(found.log_z));
        known.domain = Some(domain);
        Ok(known)
    }

    /// On the caller's proof that `∫ exp(−E_A + α E_B)` is finite, of which `reason` says what it rests on.
    ///
    /// Models of different alphabets are not told apart here, where they may as well be continuous; [`AndNot::check_alphabets`] does, and so does whatever takes or makes states.
    ///
    /// # Errors
    /// An `alpha` that is not positive, different dimensions, or an empty reason.
    pub fn certified(a: A, b: B, alpha: f64, reason: impl Into<String>) -> Result<Self> {
        let reason = reason.into();
        if reason.trim().is_empty() {
            return Err(Error::parameter("reason", "empty", "what the proof rests on"));
        }
        let criterion = Criterion::Certified { reason };
        Ok(Self::known(Self::product(a, b, alpha)?, criterion, None))
    }

    /// Whether a row lies outside the domain; one with NaN lies nowhere.
    fn excludes(&self, row: ndarray::ArrayView1<f64>) -> bool {
        let outside = |domain: &Domain| !row.iter().any(|x| x.is_nan()) && !domain.contains(row);
        self.domain.as_ref().is_some_and(outside)
    }

    /// Writes `value` into the rows of `out` that belong to points outside.
    fn outside(&self, x: ArrayView2<f64>, value: f64, mut out: ArrayViewMut2<f64>) {
        for (x, mut out) in x.rows().into_iter().zip(out.rows_mut()) {
            if self.excludes(x) {
                out.fill(value);
            }
        }
    }
}

impl<A: Density, B: Energy> AndNot<A, Capped<B>> {
    /// Of a density and any energy, which counts up to `cap` only: `E = E_A − α min(E_B, cap)`.
    ///
    /// `exp(−E) ≤ exp(α cap) exp(−E_A)` has an integral, whatever `E_B` is. Where `E_B ≤ cap` on the support of `p_A` this is the plain quotient.
    ///
    /// # Errors
    /// An `alpha` that is not positive, a cap that is not finite, or different dimensions.
    pub fn capped(a: A, b: B, alpha: f64, cap: f64) -> Result<Self> {
        let product = Self::product(a, Capped::new(b, cap)?, alpha)?;
        Ok(Self::known(product, Criterion::Capped { cap }, None))
    }
}

impl<A: Space, B: Space> Space for AndNot<A, B> {
    fn dim(&self) -> usize {
        self.product.dim()
    }
}

impl<A: Energy, B: Energy> Energy for AndNot<A, B> {
    fn energy_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut1<f64>) {
        assert_energy_shapes(self.dim(), x, &out);
        self.product.energy_into(x, out.view_mut());
        self.outside(x, f64::INFINITY, out.insert_axis(Axis(1)));
    }
}

impl<A: Energy + Score, B: Energy + Score> Score for AndNot<A, B> {
    fn score_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut2<f64>) {
        self.product.score_into(x, out.view_mut());
        self.outside(x, f64::NAN, out);
    }
}

impl<A: Energy + Score, B: Energy + Score> Potential for AndNot<A, B> {}

impl<A: Energy + ScoreJvp, B: Energy + ScoreJvp> ScoreJvp for AndNot<A, B> {
    fn score_jvp_into(
        &self,
        x: ArrayView2<f64>,
        v: ArrayView2<f64>,
        mut score: ArrayViewMut2<f64>,
        mut jvp: ArrayViewMut2<f64>,
    ) {
        self.product
            .score_jvp_into(x, v, score.view_mut(), jvp.view_mut());
        self.outside(x, f64::NAN, score);
        self.outside(x, f64::NAN, jvp);
    }

    fn divergence_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut1<f64>) {
        self.product.divergence_into(x, out.view_mut());
        self.outside(x, f64::NAN, out.insert_axis(Axis(1)));
    }
}

impl<A: Discrete, B: Discrete> Discrete for AndNot<A, B> {
    fn alphabet(&self, site: usize) -> &[f64] {
        self.product.alphabet(site)
    }

    fn check_states(&self, name: &'static str, x: ArrayView2<f64>) -> Result<()> {
        self.product.check_states(name, x)
    }

    fn n_states(&self) -> Option<u64> {
        self.product.n_states()
    }

    fn states_into(&self, first: u64, out: ArrayViewMut2<f64>) {
        self.product.states_into(first, out);
    }

    fn states(&self) -> Result<Array2<f64>> {
        self.product.states()
    }
}

/// Differences of energies by evaluating them.
impl<A: Energy + Discrete, B: Energy + Discrete> DiscreteEnergy for AndNot<A, B> {}

/// Two types as one, so that they can be experts of one product.
#[derive(Clone, Debug)]
enum Factor<A, B> {
    And(A),
    Not(B),
}

/// `$call` of whichever it is.
macro_rules! either {
    ($factor:expr, $model:ident => $call:expr) => {
        match $factor {
            Factor::And($model) => $call,
            Factor::Not($model) => $call,
        }
    };
}

impl<A: Space, B: Space> Space for Factor<A, B> {
    fn dim(&self) -> usize {
        either!(self, model => model.dim())
    }
}

impl<A: Energy, B: Energy> Energy for Factor<A, B> {
    fn energy_into(&self, x: ArrayView2<f64>, out: ArrayViewMut1<f64>) {
        either!(self, model => model.energy_into(x, out));
    }
}

impl<A: Score, B: Score> Score for Factor<A, B> {
    fn score_into(&self, x: ArrayView2<f64>, out: ArrayViewMut2<f64>) {
        either!(self, model => model.score_into(x, out));
    }
}

impl<A: ScoreJvp, B: ScoreJvp> ScoreJvp for Factor<A, B> {
    fn score_jvp_into(
        &self,
        x: ArrayView2<f64>,
        v: ArrayView2<f64>,
        score: ArrayViewMut2<f64>,
        jvp: ArrayViewMut2<f64>,
    ) {
        either!(self, model => model.score_jvp_into(x, v, score, jvp));
    }

    fn divergence_into(&self, x: ArrayView2<f64>, out: ArrayViewMut1<f64>) {
        either!(self, model => model.divergence_into(x, out));
    }
}

impl<A: Discrete, B: Discrete> Discrete for Factor<A, B> {
    fn alphabet(&self, site: usize) -> &[f64] {
        either!(self, model => model.alphabet(site))
    }

    fn check_states(&self, name: &'static str, x: ArrayView2<f64>) -> Result<()> {
        either!(self, model => model.check_states(name, x))
    }

    fn n_states(&self) -> Option<u64> {
        either!(self, model => model.n_states())
    }

    fn states_into(&self, first: u64, out: ArrayViewMut2<f64>) {
        either!(self, model => model.states_into(first, out));
    }

    fn states(&self) -> Result<Array2<f64>> {
        either!(self, model => model.states())
    }
}
