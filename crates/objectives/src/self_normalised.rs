//! A model whose normaliser is a parameter.
//!
//! Noise-contrastive estimation compares log-densities and not differences of energies, so it needs a normalised model, and it can learn the normaliser along with everything else (Gutmann and Hyvärinen
//! 2010). The wrapper adds one parameter `c` to the energy,
//!
//! `E_c(x) = E(x) + c`,  `log p̂(x) = −E_c(x)`,
//!
//! which is normalised where `c = log Z(θ)`; the literature's constant is `−c`. It is a model like any other: scores, samplers and contrastive objectives do not see the constant, optimisers and
//! checkpoints treat it as a parameter, and a likelihood-type objective in which it cancels leaves it where it is.

use gibbsian_core::error::check_finite;
use gibbsian_core::score::JvpCotangent;
use gibbsian_core::{
    BlockLaw, Blocks, Discrete, DiscreteEnergy, Energy, EnergyPullback, Layout, Parametric, ParametricMut,
    Potential, Record, RelaxedEnergy, Result, Score, ScoreJvp, ScoreJvpPullback, ScorePullback, Snapshot,
    Space, Values,
};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, ArrayViewMut1, ArrayViewMut2, Axis, arr0, s};
use rand::Rng;

/// `E(x) + c`, with the parameters of `E` followed by `log_z`, the constant `c`.
///
/// ```
/// use gibbsian_core::{Energy, Parametric};
/// use gibbsian_objectives::SelfNormalised;
/// # use gibbsian_testkit::targets::Gaussian;
/// use ndarray::{Array2, array};
///
/// // `Gaussian` is a normal density by its mean and precision.
/// let model = SelfNormalised::new(Gaussian::new(array![0.0, 0.0], Array2::eye(2))?, 1.5)?;
/// assert_eq!(model.energy(array![[3.0, 4.0]].view()), array![14.0]);
/// assert_eq!(model.layout().locate(5), "log_z[]");
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct SelfNormalised<M> {
    model: M,
    log_z: f64,
}

impl<M> SelfNormalised<M> {
    /// The model with `c = log_z` to start from.
    ///
    /// # Errors
    /// A constant that is not finite.
    pub fn new(model: M, log_z: f64) -> Result<Self> {
        check_finite("log_z", &arr0(log_z))?;
        Ok(SelfNormalised { model, log_z })
    }

    /// The model without the constant.
    pub fn model(&self) -> &M {
        &self.model
    }

    /// `c`, the estimate of `log Z` of the model without the constant.
    pub fn log_z(&self) -> f64 {
        self.log_z
    }

    /// The model without the constant, owned.
    pub fn into_model(self) -> M {
        self.model
    }
}

impl<M: Space> Space for SelfNormalised<M> {
    fn dim(&self) -> usize {
        self.model.dim()
    }
}

impl<M: Energy> Energy for SelfNormalised<M> {
    fn energy_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut1<f64>) {
        self.model.energy_into(x, out.view_mut());
        out += self.log_z;
    }
}

impl<M: Parametric> Parametric for SelfNormalised<M> {
    fn layout(&self) -> Layout {
        let mut layout = Layout::new();
        for tensor in self.model.layout().tensors() {
            layout = layout.with(tensor.name.clone(), &tensor.shape);
        }
        layout.with("log_z", &[])
    }

    fn params(&self) -> Array1<f64> {
        self.model.params().into_iter().chain([self.log_z]).collect()
    }
}

impl<M: ParametricMut> ParametricMut for SelfNormalised<M> {
    fn set_params(&mut self, params: ArrayView1<f64>) -> Result<()> {
        self.layout().check(params)?;
        let n = params.len() - 1;
        self.model.set_params(params.slice(s![..n]))?;
        self.log_z = params[n];
        Ok(())
    }
}

impl<M: EnergyPullback> EnergyPullback for SelfNormalised<M> {
    fn energy_pullback_with(
        &self,
        x: ArrayView2<f64>,
        weigh: &mut dyn FnMut(ArrayView1<f64>, ArrayViewMut1<f64>),
        grad: ArrayViewMut1<f64>,
    ) {
        let n = grad.len() - 1;
        let (grad, mut in_constant) = grad.split_at(Axis(0), n);
        let mut with_constant = |energy: ArrayView1<f64>, mut w: ArrayViewMut1<f64>| {
            weigh((&energy + self.log_z).view(), w.view_mut());
            in_constant[0] += w.sum();
        };
        self.model.energy_pullback_with(x, &mut with_constant, grad);
    }
}

impl<M: Score> Score for SelfNormalised<M> {
    fn score_into(&self, x: ArrayView2<f64>, out: ArrayViewMut2<f64>) {
        self.model.score_into(x, out);
    }
}

impl<M: Potential> Potential for SelfNormalised<M> {
    fn energy_and_score_into(
        &self,
        x: ArrayView2<f64>,
        mut energy: ArrayViewMut1<f64>,
        score: ArrayViewMut2<f64>,
    ) {
        self.model.energy_and_score_into(x, energy.view_mut(), score);
        energy += self.log_z;
    }
}

impl<M: ScoreJvp> ScoreJvp for SelfNormalised<M> {
    fn score_jvp_into(
        &self,
        x: ArrayView2<f64>,
        v: ArrayView2<f64>,
        score: ArrayViewMut2<f64>,
        jvp: ArrayViewMut2<f64>,
    ) {
        self.model.score_jvp_into(x, v, score, jvp);
    }

    fn divergence_into(&self, x: ArrayView2<f64>, out: ArrayViewMut1<f64>) {
        self.model.divergence_into(x, out);
    }
}

impl<M: ScorePullback> ScorePullback for SelfNormalised<M> {
    fn score_pullback_with(
        &self,
        x: ArrayView2<f64>,
        cotangent: &mut dyn FnMut(ArrayView2<f64>, ArrayViewMut2<f64>),
        grad: ArrayViewMut1<f64>,
    ) {
        let n = grad.len() - 1;
        self.model
            .score_pullback_with(x, cotangent, grad.split_at(Axis(0), n).0);
    }
}

impl<M: ScoreJvpPullback> ScoreJvpPullback for SelfNormalised<M> {
    fn score_jvp_pullback_with(
        &self,
        x: ArrayView2<f64>,
        v: ArrayView2<f64>,
        cotangent: &mut JvpCotangent<'_>,
        grad: ArrayViewMut1<f64>,
    ) {
        let n = grad.len() - 1;
        self.model
            .score_jvp_pullback_with(x, v, cotangent, grad.split_at(Axis(0), n).0);
    }
}

impl<M: Discrete> Discrete for SelfNormalised<M> {
    fn alphabet(&self, site: usize) -> &[f64] {
        self.model.alphabet(site)
    }

    fn check_states(&self, name: &'static str, x: ArrayView2<f64>) -> Result<()> {
        self.model.check_states(name, x)
    }

    fn n_states(&self) -> Option<u64> {
        self.model.n_states()
    }

    fn states_into(&self, first: u64, out: ArrayViewMut2<f64>) {
        self.model.states_into(first, out);
    }

    fn states(&self) -> Result<Array2<f64>> {
        self.model.states()
    }
}

impl<M: DiscreteEnergy> DiscreteEnergy for SelfNormalised<M> {
    fn site_deltas_into(&self, x: ArrayView2<f64>, site: usize, out: ArrayViewMut2<f64>) {
        self.model.site_deltas_into(x, site, out);
    }

    fn flip_deltas_into(&self, x: ArrayView2<f64>, out: ArrayViewMut2<f64>) {
        self.model.flip_deltas_into(x, out);
    }
}

impl<M: RelaxedEnergy> RelaxedEnergy for SelfNormalised<M> {
    fn relaxed_score_into(&self, x: ArrayView2<f64>, out: ArrayViewMut2<f64>) {
        self.model.relaxed_score_into(x, out);
    }

    fn energy_and_relaxed_score_into(
        &self,
        x: ArrayView2<f64>,
        mut energy: ArrayViewMut1<f64>,
        score: ArrayViewMut2<f64>,
    ) {
        self.model
            .energy_and_relaxed_score_into(x, energy.view_mut(), score);
        energy += self.log_z;
    }
}

impl<M: Blocks> Blocks for SelfNormalised<M> {
    fn n_blocks(&self) -> usize {
        self.model.n_blocks()
    }

    fn resample(
        &self,
        x: ArrayViewMut2<f64>,
        block: usize,
        free: Option<ArrayView1<bool>>,
        rng: &mut dyn Rng,
    ) {
        self.model.resample(x, block, free, rng);
    }
}

impl<M: BlockLaw> BlockLaw for SelfNormalised<M> {
    fn block_matrix(&self, block: usize, states: ArrayView2<f64>) -> Array2<f64> {
        self.model.block_matrix(block, states)
    }
}

/// All parameters, under the name `params`.
impl<M: ParametricMut> Snapshot for SelfNormalised<M> {
    fn snapshot(&self) -> Record {
        let mut record = Record::new();
        record.put("params", &[self.n_params()], Values::F64(self.params().to_vec()));
        record
    }

    fn restore(&mut self, record: &Record) -> Result<()> {
        let params = record.f64s("params", &[self.n_params()])?.to_vec();
        self.set_params(Array1::from_vec(params).view())
    }
}
