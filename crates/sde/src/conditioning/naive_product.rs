//! Products of noised densities by adding their scores, and why that is naive.
//!
//! The product `p(x) ∝ Π_i p_i(x)^{w_i}` of clean densities has the score `Σ w_i s_i`. At `t > 0` the sum `Σ w_i s_i(x, t)` is the score
//! of the product of the *noised* densities, which is **not** the noised product (Du, Durkan, Strudel, Tenenbaum, Dieleman, Fergus,
//! Sohl-Dickstein, Doucet and Grathwohl 2023): noise is added once to a product and `n` times to its factors. Normals show the size of
//! it. For `n` factors `N(μ_i, v)` of weight one the product is `N(μ̄, v/n)`, so that
//!
//! | | precision at time `t` | mean |
//! |---|---|---|
//! | noised product | `n/(α² v + n σ²)` | `α μ̄` |
//! | product of the noised | `n/(α² v + σ²)` | `α μ̄` |
//!
//! and the difference vanishes at `t = 0` alone. A reverse process under the sum is therefore no reverse of anything: for `v = 1` under
//! the Ornstein–Uhlenbeck process it ends with variance `1/(2n − 1)` instead of `1/n`.
//!
//! The sums are still scores of a family of densities that ends at the right one, so that annealing along them with a sampler that leaves
//! each invariant is right: [`MetropolisCorrected`](super::MetropolisCorrected).

use gibbsian_core::error::{Error, Result, check_count, check_each, check_shape};
use gibbsian_core::{Space, TimeEnergy, TimePotential, TimeScore, TimeScoreJvp};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, ArrayViewMut1, ArrayViewMut2};

/// The product `Π_i p_{i,t}(x)^{w_i}` of noised densities, unnormalised: `E = Σ w_i E_i`, `s = Σ w_i s_i`. At `t = 0` it is the product
/// of the clean ones, and at other times not its noised form.
///
/// Its parts may be of one type, or of several behind `Box<dyn TimeScore>` or `Box<dyn TimePotential>`. A negative weight asks for what a
/// part finds unlikely; whether there is then any density is the caller's concern.
///
/// ```
/// use gibbsian_core::{At, Score};
/// use gibbsian_sde::NaiveProduct;
/// # use gibbsian_testkit::targets::HeatedGaussian;
/// use ndarray::array;
///
/// // `HeatedGaussian` is a normal density at every noise level, by its mean and the logarithm of its deviation.
/// let parts = vec![HeatedGaussian::new(array![-1.0], 0.0)?, HeatedGaussian::new(array![1.0], 0.0)?];
/// let product = NaiveProduct::new(array![1.0, 1.0], parts)?;
/// let at = |t: f64| At::new(&product, array![t].view()).score(array![[1.0]].view())[[0, 0]];
/// assert_eq!(at(0.0), -2.0);
/// // Noise of variance one: the score of N(0, ½ + 1) would be −2/3.
/// assert_eq!(at(1.0), -1.0);
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct NaiveProduct<M> {
    weights: Array1<f64>,
    parts: Vec<M>,
}

impl<M: Space> NaiveProduct<M> {
    /// The product of `parts`, each raised to its weight `(n)`.
    ///
    /// # Errors
    /// No parts, another number of weights, weights that are not finite or all zero, parts of different dimensions.
    pub fn new(weights: Array1<f64>, parts: Vec<M>) -> Result<Self> {
        check_count("the number of parts", parts.len())?;
        check_shape("weights", &weights, &[parts.len()])?;
        check_each("weights", weights.view(), "finite", f64::is_finite)?;
        if weights.iter().all(|&w| w == 0.0) {
            let requirement = "different from zero somewhere";
            return Err(Error::parameter("weights", weights, requirement));
        }
        let dim = parts[0].dim();
        if let Some((i, other)) = parts.iter().enumerate().find(|(_, part)| part.dim() != dim) {
            return Err(Error::parameter(
                format!("the dimension of parts[{i}]"),
                other.dim(),
                format!("{dim}, that of the first"),
            ));
        }
        Ok(NaiveProduct { weights, parts })
    }

    /// The weights `w` `(n)`.
    pub fn weights(&self) -> ArrayView1<'_, f64> {
        self.weights.view()
    }

    /// The parts.
    pub fn parts(&self) -> &[M] {
        &self.parts
    }

    /// The parts that are there, with their weights: `p⁰ = 1` also where `p = 0`.
    fn factors(&self) -> impl Iterator<Item = (f64, &M)> {
        let all = self.weights.iter().copied().zip(&self.parts);
        all.filter(|&(w, _)| w != 0.0)
    }
}

impl<M: Space> Space for NaiveProduct<M> {
    fn dim(&self) -> usize {
        self.parts[0].dim()
    }
}

impl<M: TimeEnergy> TimeEnergy for NaiveProduct<M> {
    fn energy_at_into(&self, x: ArrayView2<f64>, t: ArrayView1<f64>, mut out: ArrayViewMut1<f64>) {
        let mut term = Array1::zeros(x.nrows());
        out.fill(0.0);
        for (w, part) in self.factors() {
            part.energy_at_into(x, t, term.view_mut());
            out.scaled_add(w, &term);
        }
    }
}

impl<M: TimeScore> TimeScore for NaiveProduct<M> {
    fn score_at_into(&self, x: ArrayView2<f64>, t: ArrayView1<f64>, mut out: ArrayViewMut2<f64>) {
        let mut term = Array2::zeros(x.raw_dim());
        out.fill(0.0);
        for (w, part) in self.factors() {
            part.score_at_into(x, t, term.view_mut());
            out.scaled_add(w, &term);
        }
    }
}

impl<M: TimePotential> TimePotential for NaiveProduct<M> {
    fn energy_and_score_at_into(
        &self,
        x: ArrayView2<f64>,
        t: ArrayView1<f64>,
        mut energy: ArrayViewMut1<f64>,
        mut score: ArrayViewMut2<f64>,
    ) {
        let (mut energy_term, mut score_term) = (Array1::zeros(x.nrows()), Array2::zeros(x.raw_dim()));
        energy.fill(0.0);
        score.fill(0.0);
        for (w, part) in self.factors() {
            part.energy_and_score_at_into(x, t, energy_term.view_mut(), score_term.view_mut());
            energy.scaled_add(w, &energy_term);
            score.scaled_add(w, &score_term);
        }
    }
}

impl<M: TimeScoreJvp> TimeScoreJvp for NaiveProduct<M> {
    fn score_jvp_at_into(
        &self,
        x: ArrayView2<f64>,
        t: ArrayView1<f64>,
        v: ArrayView2<f64>,
        mut score: ArrayViewMut2<f64>,
        mut jvp: ArrayViewMut2<f64>,
    ) {
        let (mut score_term, mut jvp_term) = (Array2::zeros(x.raw_dim()), Array2::zeros(x.raw_dim()));
        score.fill(0.0);
        jvp.fill(0.0);
        for (w, part) in self.factors() {
            part.score_jvp_at_into(x, t, v, score_term.view_mut(), jvp_term.view_mut());
            score.scaled_add(w, &score_term);
            jvp.scaled_add(w, &jvp_term);
        }
    }
}
