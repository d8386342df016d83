//! Products of experts: sums of energies, whose normaliser nobody knows.
//!
//! `p(x) ∝ Π_i p_i(x)^{β_i}` is likely where every expert says so (Hinton 2002); on energies the product is the sum `E = Σ_i β_i E_i`, and
//! scores, Jacobians and divergences are the same sums. A power sharpens or softens an expert, as in the logarithmic opinion pool
//! (Genest and Zidek 1986); a negative one asks for what the expert finds unlikely, "and not" (Du, Li and Mordatch 2020).
//!
//! The type is no [`Density`](gibbsian_core::Density): there are no exact draws, and `log Z` needs
//! [`numeric_log_z`](crate::quadrature::numeric_log_z) in one or two dimensions, [`Tempered`](super::Tempered)'s enumeration or annealing elsewhere. Normals are the exception,
//! [`MultivariateNormal::product`](crate::MultivariateNormal::product). Whether `exp(−E)` is integrable is the caller's concern. With negative powers it often is not: they
//! take a constructor of their own, which promises nothing, and [`AndNot`](super::AndNot) is the type that exists only where there is a normaliser.
//!
//! **Infinite energies.** The sum is one of extended numbers, and `∞ − ∞` has to be decided:
//!
//! - An expert of positive power rules: outside its support the product is zero, `E = +∞`, whatever the others say. A negated expert cannot
//!   bring back what another one excludes.
//! - Outside the support of a negated expert, but inside all others, the product is infinite, `E = −∞`. That is the honest value, and
//!   no density: integrals and samplers refuse it. An expert that is negated should have the support of the product at least.
//! - An expert of power zero takes no part, `p⁰ = 1` also where `p = 0`.
//! - NaN stays NaN.
//!
//! In general: a term of `+∞` makes the energy `+∞`, else a term of `−∞` makes it `−∞`.

use gibbsian_core::energy::assert_energy_shapes;
use gibbsian_core::error::{Error, Result, check_count, check_each, check_shape};
use gibbsian_core::{Discrete, DiscreteEnergy, Energy, Potential, Score, ScoreJvp, Space};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, ArrayViewMut1, ArrayViewMut2};

use super::alphabets::{check_alphabets, on_one_space};

/// The product `Π_i p_i(x)^{β_i}` of experts on one space, unnormalised: the energy is `Σ_i β_i E_i(x)`.
///
/// The experts may be of one type, or of several behind `Box<dyn Energy>`, [`Box<dyn Potential>`](gibbsian_core::Potential) for a score, or
/// [`Box<dyn SmoothEnergy>`](super::SmoothEnergy) for its derivatives too. They need not be normalised; where they are, their normalisers
/// are left out of the sum. The file's head says what becomes of infinite energies.
///
/// ```
/// use gibbsian_core::Energy;
/// use gibbsian_densities::quadrature::{Domain, QuadratureOptions, numeric_log_z};
/// use gibbsian_densities::{Normal, ProductOfExperts};
/// use ndarray::array;
///
/// // Near 0, and not near 1.
/// let (near, not) = (Normal::new(0.0, 1.0)?, Normal::new(1.0, 2.0)?);
/// let both = ProductOfExperts::with_negations(array![1.0, -1.0], vec![near, not])?;
/// assert_eq!(both.energy(array![[3.0]].view()), array![4.5 - 0.5]);
/// // The precisions are subtracted: this is a normal of precision 1 − 1/4, up to its normaliser.
/// let log_z = numeric_log_z(&both, &Domain::whole(1)?, QuadratureOptions::default())?.log_z;
/// let exact = 0.5 * (std::f64::consts::TAU / 0.75).ln() + 1.0 / 6.0;
/// assert!((log_z - exact).abs() < 1e-12);
///
/// // The other way round nothing holds the product together.
/// let neither = ProductOfExperts::with_negations(array![-1.0, 1.0], vec![near, not])?;
/// assert!(numeric_log_z(&neither, &Domain::whole(1)?, QuadratureOptions::default()).is_err());
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct ProductOfExperts<E> {
    powers: Array1<f64>,
    experts: Vec<E>,
}

impl<E: Space> ProductOfExperts<E> {
    /// The product of `experts`, each raised to its power `β_i` `(M)`.
    ///
    /// # Errors
    /// No experts, another number of powers, a power that is negative or not finite, nothing but powers of zero, or experts of different dimensions.
    pub fn new(powers: Array1<f64>, experts: Vec<E>) -> Result<Self> {
        if let Some((i, beta)) = powers.iter().enumerate().find(|(_, beta)| **beta < 0.0) {
            let requirement =
                "at least zero; a negation has a normaliser only under conditions, which AndNot decides";
            return Err(Error::parameter(format!("powers[{i}]"), beta, requirement));
        }
        Self::with_negations(powers, experts)
    }

    /// The sum of energies or of scores with powers of any sign, of which nobody knows whether a density has it.
    ///
    /// # Errors
    /// As [`new`](Self::new), but for negative powers.
    pub fn with_negations(powers: Array1<f64>, experts: Vec<E>) -> Result<Self> {
        check_count("the number of experts", experts.len())?;
        check_shape("powers", &powers, &[experts.len()])?;
        check_each("powers", powers.view(), "finite", f64::is_finite)?;
        if powers.iter().all(|&beta| beta == 0.0) {
            return Err(Error::parameter(
                "powers",
                powers,
                "different from zero somewhere",
            ));
        }
        let dim = experts[0].dim();
        if let Some((i, other)) = experts.iter().enumerate().find(|(_, e)| e.dim() != dim) {
            return Err(Error::parameter(
                format!("the dimension of experts[{i}]"),
                other.dim(),
                format!("{dim}, that of the first"),
            ));
        }
        Ok(ProductOfExperts { powers, experts })
    }

    /// The powers `β` `(M)`.
    pub fn powers(&self) -> ArrayView1<'_, f64> {
        self.powers.view()
    }

    /// The experts.
    pub fn experts(&self) -> &[E] {
        &self.experts
    }

    /// The first expert that takes part: constructors require one.
    fn first(&self) -> &E {
        self.factors().next().expect("a power that is not zero").1
    }

    /// The experts that take part, with their powers.
    fn factors(&self) -> impl Iterator<Item = (f64, &E)> {
        let all = self.powers.iter().copied().zip(&self.experts);
        all.filter(|&(beta, _)| beta != 0.0)
    }
}

/// `a + b`, where `+∞` prevails over `−∞` and NaN over both.
fn plus(a: f64, b: f64) -> f64 {
    let sum = a + b;
    if sum.is_nan() && !a.is_nan() && !b.is_nan() {
        f64::INFINITY
    } else {
        sum
    }
}

impl<E: Space> Space for ProductOfExperts<E> {
    fn dim(&self) -> usize {
        self.experts[0].dim()
    }
}

impl<E: Energy> Energy for ProductOfExperts<E> {
    fn energy_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut1<f64>) {
        assert_energy_shapes(self.dim(), x, &out);
        out.fill(0.0);
        let mut term = Array1::zeros(x.nrows());
        for (beta, expert) in self.factors() {
            expert.energy_into(x, term.view_mut());
            out.zip_mut_with(&term, |sum, e| *sum = plus(*sum, beta * e));
        }
    }
}

impl<E: Score> Score for ProductOfExperts<E> {
    fn score_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut2<f64>) {
        out.fill(0.0);
        let mut term = Array2::zeros(x.raw_dim());
        for (beta, expert) in self.factors() {
            expert.score_into(x, term.view_mut());
            out.scaled_add(beta, &term);
        }
    }
}

impl<E: Potential> Potential for ProductOfExperts<E> {}

impl<E: ScoreJvp> ScoreJvp for ProductOfExperts<E> {
    fn score_jvp_into(
        &self,
        x: ArrayView2<f64>,
        v: ArrayView2<f64>,
        mut score: ArrayViewMut2<f64>,
        mut jvp: ArrayViewMut2<f64>,
    ) {
        score.fill(0.0);
        jvp.fill(0.0);
        let (mut own, mut product) = (Array2::zeros(x.raw_dim()), Array2::zeros(x.raw_dim()));
        for (beta, expert) in self.factors() {
            expert.score_jvp_into(x, v, own.view_mut(), product.view_mut());
            score.scaled_add(beta, &own);
            jvp.scaled_add(beta, &product);
        }
    }

    fn divergence_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut1<f64>) {
        out.fill(0.0);
        let mut term = Array1::zeros(x.nrows());
        for (beta, expert) in self.factors() {
            expert.divergence_into(x, term.view_mut());
            out.scaled_add(beta, &term);
        }
    }
}

impl<E: Discrete> ProductOfExperts<E> {
    /// Requires experts with the same alphabets and states, but for those of power zero.
    ///
    /// Constructors do not know whether experts are discrete. What takes or makes states of the product asks for this first.
    ///
    /// # Errors
    /// A site that has another alphabet in an expert than in the first that takes part; an expert with another number of states, or of parts that have no states together.
    pub fn check_alphabets(&self) -> Result<()> {
        let experts = self.experts.iter().enumerate();
        let taking_part = experts.filter(|(i, _)| self.powers[*i] != 0.0);
        check_alphabets("experts", self.first(), taking_part)
    }
}

/// The states that all experts have; experts with different alphabets have no states together (see [`ProductOfExperts::check_alphabets`]).
impl<E: Discrete> Discrete for ProductOfExperts<E> {
    on_one_space! { self => self.first() }
}

/// Differences of energies by evaluating them, whatever is infinite.
impl<E: Energy + Discrete> DiscreteEnergy for ProductOfExperts<E> {}
