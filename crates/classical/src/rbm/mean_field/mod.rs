//! Mean-field theory of Bernoulli machines to third order, and what it says of `log Z` (Gabrié, Tramel and Krzakala 2015).
//!
//! Fix the means `m` of all units and scale the couplings by `α`: the free energy of the units under these constraints can be expanded in `α` (Plefka 1982; Georges and
//! Yedidia 1991). At order zero the units are independent. Order one is the naive mean field; order two has the reaction of each unit to itself through its neighbours (Thouless,
//! Anderson and Palmer 1977), order three their skewness. On a bipartite graph there are no triangles, so up to this order every term is one of pairs. With the first three cumulants of a
//! Bernoulli unit, `m`, `s = m(1 − m)` and `k = m(1 − m)(1 − 2m)`,
//!
//! `log Z ≈ Σ_i S(m_i) + Σ_j S(m_j) + b·m_v + c·m_h + Σ_ij [W_ij m_i m_j + ½ W_ij² s_i s_j + ⅙ W_ij³ k_i k_j]`,  `S(m) = −m log m − (1 − m) log(1 − m)`,
//!
//! where the means make the right-hand side stationary: with `s' = 1 − 2m` and `k' = 1 − 6s`,
//!
//! `logit m_j = c_j + Σ_i [W_ij m_i + ½ W_ij² s_i s_j' + ⅙ W_ij³ k_i k_j']`
//!
//! and likewise for the visible units. The error of `log Z` is of the order of the first term left out, `W²`, `W³` or `W⁴`. The naive one (and no other) is a lower bound.
//!
//! Because the means are stationary points, the derivative of the estimate in the parameters is that at fixed means: `m_i`, `m_j` in the biases and
//!
//! `m_i m_j + W_ij s_i s_j + ½ W_ij² k_i k_j`
//!
//! in the weights: a negative phase without sampling ([`MeanFieldLikelihood`]). Where the couplings are strong there are many stationary points or the iteration does not settle; training keeps
//! the couplings where it does as long as weights stay small.

mod objective;

pub use objective::MeanFieldLikelihood;

use gibbsian_core::error::{check_batch, check_count, check_non_negative, check_probabilities, check_shape};
use gibbsian_core::math::{bernoulli_entropy, sigmoid};
use gibbsian_core::{Error, Result};
use gibbsian_linalg::matmul;
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis, Zip};

use super::Rbm;
use crate::larger::larger;

/// The order in the couplings to which the constrained free energy is expanded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum MeanFieldOrder {
    /// Naive mean field: every unit sees the means of its neighbours.
    First,
    /// Thouless, Anderson and Palmer (1977).
    Second,
    /// With the skewness of the units.
    Third,
}

/// Mean-field theory, and how its equations are solved: by damped sweeps over all units, hidden ones first.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MeanField {
    /// The order of the expansion.
    pub order: MeanFieldOrder,
    /// What is kept of the old mean in a sweep, in `[0, 1)`.
    pub damping: f64,
    /// Sweeps end when no mean changes by more than this; zero runs all of them.
    pub tolerance: f64,
    /// The most sweeps.
    pub max_sweeps: usize,
}

impl Default for MeanField {
    /// Second order, solved to rounding.
    fn default() -> Self {
        MeanField {
            order: MeanFieldOrder::Second,
            damping: 0.5,
            tolerance: 1e-14,
            max_sweeps: 10_000,
        }
    }
}

/// Means of all units, one point a row, and how well they solve the equations.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Magnetisations {
    /// `(P, V)`.
    pub visible: Array2<f64>,
    /// `(P, H)`.
    pub hidden: Array2<f64>,
    /// The number of sweeps made.
    pub n_sweeps: usize,
    /// The largest change of a mean in the last sweep; NaN where a mean is.
    pub residual: f64,
}

/// The mean, variance and third cumulant of units of these means, and the derivatives `s'` and `k'`.
struct Cumulants {
    s: Array2<f64>,
    k: Array2<f64>,
    s_slope: Array2<f64>,
    k_slope: Array2<f64>,
}

impl Cumulants {
    fn of(m: ArrayView2<f64>) -> Self {
        let s = m.mapv(|m| m * (1.0 - m));
        let s_slope = m.mapv(|m| 1.0 - 2.0 * m);
        Cumulants {
            k: &s * &s_slope,
            k_slope: s.mapv(|s| 1.0 - 6.0 * s),
            s,
            s_slope,
        }
    }
}

/// `W`, and of the orders beyond the first `W²` and `W³`.
struct Powers {
    first: Array2<f64>,
    second: Option<Array2<f64>>,
    third: Option<Array2<f64>>,
}

impl Powers {
    fn of(weights: ArrayView2<f64>, order: MeanFieldOrder) -> Self {
        Powers {
            first: weights.to_owned(),
            second: (order >= MeanFieldOrder::Second).then(|| weights.mapv(|w| w * w)),
            third: (order >= MeanFieldOrder::Third).then(|| weights.mapv(|w| w * w * w)),
        }
    }

    fn transposed(&self) -> Powers {
        let t = |w: &Array2<f64>| w.t().to_owned();
        Powers {
            first: t(&self.first),
            second: self.second.as_ref().map(t),
            third: self.third.as_ref().map(t),
        }
    }

    /// `logit m` of one layer from the means `from` of the other and its own means `own`; rows of the powers belong to the other layer.
    fn logits(&self, bias: ArrayView1<f64>, from: ArrayView2<f64>, own: ArrayView2<f64>) -> Array2<f64> {
        let (other, own) = (Cumulants::of(from), Cumulants::of(own));
        let mut logits = matmul(from, self.first.view()) + bias;
        if let Some(w2) = &self.second {
            logits += &(matmul(other.s.view(), w2.view()) * &own.s_slope * 0.5);
        }
        if let Some(w3) = &self.third {
            logits += &(matmul(other.k.view(), w3.view()) * &own.k_slope / 6.0);
        }
        logits
    }

    /// `Σ_ij [W m m + ½ W² s s + ⅙ W³ k k]` of every row.
    fn coupling(&self, visible: ArrayView2<f64>, hidden: ArrayView2<f64>) -> Array1<f64> {
        let (v, h) = (Cumulants::of(visible), Cumulants::of(hidden));
        let mut sum = (matmul(visible, self.first.view()) * hidden).sum_axis(Axis(1));
        if let Some(w2) = &self.second {
            sum += &((matmul(v.s.view(), w2.view()) * &h.s).sum_axis(Axis(1)) * 0.5);
        }
        if let Some(w3) = &self.third {
            sum += &((matmul(v.k.view(), w3.view()) * &h.k).sum_axis(Axis(1)) / 6.0);
        }
        sum
    }

    /// `⟨m m + W s s + ½ W² k k⟩` over the rows: the derivative of the mean coupling in `W`.
    fn coupling_slope(&self, visible: ArrayView2<f64>, hidden: ArrayView2<f64>) -> Array2<f64> {
        let (v, h) = (Cumulants::of(visible), Cumulants::of(hidden));
        let mut slope = matmul(visible.t(), hidden);
        if self.second.is_some() {
            slope += &(matmul(v.s.t(), h.s.view()) * &self.first);
        }
        if let (Some(w2), Some(_)) = (&self.second, &self.third) {
            slope += &(matmul(v.k.t(), h.k.view()) * w2 * 0.5);
        }
        slope / visible.nrows() as f64
    }
}

impl MeanField {
    fn check(&self) -> Result<()> {
        if !(0.0..1.0).contains(&self.damping) {
            return Err(Error::parameter("damping", self.damping, "in [0, 1)"));
        }
        check_non_negative("tolerance", self.tolerance)?;
        check_count("max_sweeps", self.max_sweeps).map(|_| ())
    }

    /// Iterates the equations from the visible means `start` `(P, V)`; each row finds a solution of its own.
    ///
    /// Whether it did is for the caller to see: [`Magnetisations::residual`] is above the tolerance where the sweeps ran out.
    ///
    /// # Errors
    /// Settings outside their domains, no rows, rows that do not fit, or a mean outside `[0, 1]`.
    ///
    /// ```
    /// use gibbsian_classical::{Bernoulli, Rbm, rbm::MeanField};
    /// use ndarray::array;
    ///
    /// let layer = |bias| Bernoulli::new(bias);
    /// let rbm = Rbm::new(layer(array![0.5, -0.5])?, layer(array![0.2])?, array![[0.1], [-0.2]])?;
    /// let theory = MeanField::default();
    /// let means = theory.solve(&rbm, array![[0.5, 0.5]].view())?;
    /// assert!(means.residual <= theory.tolerance);
    /// assert!((theory.log_z(&rbm, &means)?[0] - rbm.log_z()?).abs() < 1e-5);
    /// # Ok::<(), gibbsian_core::Error>(())
    /// ```
    pub fn solve(&self, rbm: &Rbm, start: ArrayView2<f64>) -> Result<Magnetisations> {
        check_batch("start", &start, rbm.weights().nrows())?;
        check_probabilities("start", &start)?;
        let hidden = rbm.hidden_mean(start);
        self.go_on(rbm, start, hidden.view())
    }

    /// Iterates from the means of both layers, which is how solutions follow a machine that changes.
    ///
    /// # Errors
    /// Those of [`MeanField::solve`].
    pub fn go_on(
        &self,
        rbm: &Rbm,
        visible: ArrayView2<f64>,
        hidden: ArrayView2<f64>,
    ) -> Result<Magnetisations> {
        self.check()?;
        check_batch("visible", &visible, rbm.weights().nrows())?;
        check_shape("hidden", &hidden, &[visible.nrows(), rbm.weights().ncols()])?;
        check_probabilities("visible", &visible)?;
        check_probabilities("hidden", &hidden)?;
        let down = Powers::of(rbm.weights(), self.order);
        let up = down.transposed();
        let (mut visible, mut hidden) = (visible.to_owned(), hidden.to_owned());
        let mut residual = f64::INFINITY;
        let mut n_sweeps = 0;
        while n_sweeps < self.max_sweeps && residual > self.tolerance {
            let logits = down.logits(rbm.hidden().bias(), visible.view(), hidden.view());
            let of_hidden = self.move_towards(&mut hidden, &logits);
            let logits = up.logits(rbm.visible().bias(), hidden.view(), visible.view());
            residual = larger(of_hidden, self.move_towards(&mut visible, &logits));
            n_sweeps += 1;
        }
        Ok(Magnetisations {
            visible,
            hidden,
            n_sweeps,
            residual,
        })
    }

    /// A damped step of the means, and its largest change.
    fn move_towards(&self, means: &mut Array2<f64>, logits: &Array2<f64>) -> f64 {
        let mut largest = 0.0;
        Zip::from(means).and(logits).for_each(|m, l| {
            let change = (1.0 - self.damping) * (sigmoid(*l) - *m);
            *m += change;
            largest = larger(largest, change.abs());
        });
        largest
    }

    /// The estimate of `log Z` from each row of means, `(P)`.
    ///
    /// # Errors
    /// Means of another machine's shape.
    pub fn log_z(&self, rbm: &Rbm, means: &Magnetisations) -> Result<Array1<f64>> {
        let (v, h) = (&means.visible, &means.hidden);
        check_batch("visible", v, rbm.weights().nrows())?;
        check_shape("hidden", h, &[v.nrows(), rbm.weights().ncols()])?;
        let entropy = |m: &Array2<f64>| m.mapv(bernoulli_entropy).sum_axis(Axis(1));
        let powers = Powers::of(rbm.weights(), self.order);
        Ok(entropy(v)
            + entropy(h)
            + v.dot(&rbm.visible().bias())
            + h.dot(&rbm.hidden().bias())
            + powers.coupling(v.view(), h.view()))
    }
}
