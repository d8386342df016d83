//! A member of an exponential family as a model that is trained in its natural parameters.

use gibbsian_core::energy::assert_energy_shapes;
use gibbsian_core::{
    ContinuousFamily, Density, Discrete, DiscreteEnergy, Energy, EnergyPullback, ExponentialFamily, Layout,
    Parametric, ParametricMut, Potential, Result, Score, ScoreJvp, ScorePullback, Space,
};
use ndarray::{Array1, Array2, Array3, ArrayView1, ArrayView2, ArrayViewMut1, ArrayViewMut2};
use rand::Rng;

/// A member `F` of an exponential family whose parameters are its natural parameters `η` `(S)`.
///
/// The energy is `E(x) = −⟨η, T(x)⟩ − log h(x)` and `log Z = A(η)`, so that `∂E/∂η = −T(x)` and `∂log Z/∂η = ∇A(η)`; the score is linear in
/// `η` too, `∂s/∂ηₛ = ∇Tₛ(x)`. Every objective of likelihood or score matching therefore trains it, convexly. The member itself
/// may have another energy, by a constant that depends on `η`: it is chosen for reading, this one for training.
///
/// Values of `η` for which `A` is not finite are refused by [`set_params`](ParametricMut::set_params), with the member's requirement.
///
/// ```
/// use gibbsian_core::{EnergyPullback, ExponentialFamily, Parametric, ParametricMut};
/// use gibbsian_densities::{Gamma, Natural};
/// use ndarray::{array, Array1};
///
/// let mut model = Natural::new(Gamma::new(2.0, 3.0)?);
/// assert_eq!(model.params(), array![2.0, -3.0]);
///
/// // Half the gradient of the negative log-likelihood of two points: minus the mean statistics plus the mean parameters.
/// let x = array![[0.5], [1.5]];
/// let mut gradient = model.member().mean_parameters();
/// model.energy_pullback_into(x.view(), array![0.5, 0.5].view(), gradient.view_mut());
/// model.set_params((model.params() - 0.1 * gradient).view())?;
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Natural<F> {
    member: F,
    // Kept apart from the member, whose own parameters may round: what was set is what is read.
    natural: Array1<f64>,
}

impl<F: ExponentialFamily> Natural<F> {
    /// The model that starts as this member.
    pub fn new(member: F) -> Self {
        let natural = member.natural_parameters();
        Natural { member, natural }
    }

    /// The member of the family that the parameters stand for.
    pub fn member(&self) -> &F {
        &self.member
    }

    /// The member of the family that the parameters stand for, by value.
    pub fn into_member(self) -> F {
        self.member
    }

    /// Writes the energies of rows whose statistics `(B, S)` are known.
    fn energies_into(&self, x: ArrayView2<f64>, statistics: ArrayView2<f64>, mut out: ArrayViewMut1<f64>) {
        self.member.log_base_measure_into(x, out.view_mut());
        let mut all_finite = true;
        for (out, row) in out.iter_mut().zip(statistics.rows()) {
            *out = -row.dot(&self.natural) - *out;
            all_finite &= out.is_finite();
        }
        if !all_finite {
            // Outside the support, at its ends and where statistics overflow, infinite terms meet; the member knows what they come to.
            let log_density = self.member.log_density(x);
            for (out, log_p) in out.iter_mut().zip(log_density).filter(|(e, _)| !e.is_finite()) {
                *out = -log_p - self.member.log_partition();
            }
        }
    }
}

impl<F: ExponentialFamily> Space for Natural<F> {
    fn dim(&self) -> usize {
        self.member.dim()
    }
}

impl<F: ExponentialFamily> Energy for Natural<F> {
    fn energy_into(&self, x: ArrayView2<f64>, out: ArrayViewMut1<f64>) {
        assert_energy_shapes(self.dim(), x, &out);
        self.energies_into(x, self.member.statistics(x).view(), out);
    }
}

impl<F: ExponentialFamily> Density for Natural<F> {
    fn log_z(&self) -> f64 {
        self.member.log_partition()
    }

    fn sample(&self, n: usize, rng: &mut dyn Rng) -> Array2<f64> {
        self.member.sample(n, rng)
    }

    fn log_density_into(&self, x: ArrayView2<f64>, out: ArrayViewMut1<f64>) {
        self.member.log_density_into(x, out);
    }
}

impl<F: ContinuousFamily> Score for Natural<F> {
    fn score_into(&self, x: ArrayView2<f64>, out: ArrayViewMut2<f64>) {
        self.member.score_into(x, out);
    }
}

impl<F: ContinuousFamily> Potential for Natural<F> {}

impl<F: ContinuousFamily + ScoreJvp> ScoreJvp for Natural<F> {
    fn score_jvp_into(
        &self,
        x: ArrayView2<f64>,
        v: ArrayView2<f64>,
        score: ArrayViewMut2<f64>,
        jvp: ArrayViewMut2<f64>,
    ) {
        self.member.score_jvp_into(x, v, score, jvp);
    }

    fn divergence_into(&self, x: ArrayView2<f64>, out: ArrayViewMut1<f64>) {
        self.member.divergence_into(x, out);
    }
}

impl<F: ExponentialFamily + Discrete> Discrete for Natural<F> {
    fn alphabet(&self, site: usize) -> &[f64] {
        self.member.alphabet(site)
    }

    fn check_states(&self, name: &'static str, x: ArrayView2<f64>) -> Result<()> {
        self.member.check_states(name, x)
    }

    fn n_states(&self) -> Option<u64> {
        self.member.n_states()
    }

    fn states_into(&self, first: u64, out: ArrayViewMut2<f64>) {
        self.member.states_into(first, out);
    }

    fn states(&self) -> Result<Array2<f64>> {
        self.member.states()
    }
}

impl<F: ExponentialFamily + Discrete> DiscreteEnergy for Natural<F> {}

impl<F: ExponentialFamily> Parametric for Natural<F> {
    fn layout(&self) -> Layout {
        Layout::new().with("natural", &[self.natural.len()])
    }

    fn params(&self) -> Array1<f64> {
        self.natural.clone()
    }
}

impl<F: ExponentialFamily> ParametricMut for Natural<F> {
    fn set_params(&mut self, params: ArrayView1<f64>) -> Result<()> {
        self.layout().check(params)?;
        self.member = self.member.with_natural(params)?;
        self.natural.assign(&params);
        Ok(())
    }
}

impl<F: ExponentialFamily> EnergyPullback for Natural<F> {
    /// Rows outside the support have energy +∞ whatever `η` is, and no gradient.
    fn energy_pullback_with(
        &self,
        x: ArrayView2<f64>,
        weigh: &mut dyn FnMut(ArrayView1<f64>, ArrayViewMut1<f64>),
        mut grad: ArrayViewMut1<f64>,
    ) {
        let statistics = self.member.statistics(x);
        let mut energies = Array1::zeros(x.nrows());
        self.energies_into(x, statistics.view(), energies.view_mut());
        let mut weights = Array1::zeros(x.nrows());
        weigh(energies.view(), weights.view_mut());
        for ((energy, weight), row) in energies.iter().zip(&weights).zip(statistics.rows()) {
            if *energy < f64::INFINITY || energy.is_nan() {
                grad.scaled_add(-weight, &row);
            }
        }
    }
}

impl<F: ContinuousFamily> ScorePullback for Natural<F> {
    fn score_pullback_with(
        &self,
        x: ArrayView2<f64>,
        cotangent: &mut dyn FnMut(ArrayView2<f64>, ArrayViewMut2<f64>),
        mut grad: ArrayViewMut1<f64>,
    ) {
        let score = self.score(x);
        let mut u = Array2::zeros(x.raw_dim());
        cotangent(score.view(), u.view_mut());
        let mut jacobian = Array3::zeros((x.nrows(), self.natural.len(), self.dim()));
        self.member.statistics_jacobian_into(x, jacobian.view_mut());
        for (jacobian, u) in jacobian.outer_iter().zip(u.rows()) {
            grad += &jacobian.dot(&u);
        }
    }
}
