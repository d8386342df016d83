//! Energy matching (Balcerak, Amiranashvili, Terpin, Shit, Bogensperger, Kaltenbach, Koumoutsakos and Menze 2025): one energy that transports noise to the data and is their energy once there.
//!
//! Far from the data the slope of the energy is a velocity. With noise and data joined by optimal transport and `X_t = (1 − t) X_0 + t Z` (data at `t = 0`; in the paper they are at 1) it is regressed on the way to the data,
//!
//! `J_transport(θ) = ∫₀¹ λ_t ½ E ‖s(X_t) − (X_0 − Z)‖² dt`,  `s = −∇E`,  `λ_t = min(1, t/d)`,
//!
//! as in flow matching, but with one field for all times; the weight leaves the neighbourhood of the data out. There the energy is to be that of the data at a temperature `ε`, `p ∝ exp(−E/ε)`, by contrast with
//! chains,
//!
//! `J(θ) = J_transport + κ (⟨E⟩_data − ⟨E⟩_chains)`.
//!
//! The gradient of the second term is `κ ε` times that of the negative log-likelihood of `exp(−E/ε)/Z` where chains have arrived. **Chains** are unadjusted Langevin steps `x ← x + h s(x) + √(2 ε_τ h) z`, half of them from the minibatch at the full
//! temperature, half from noise, which are carried by the slope alone until the time `τ* = onset`, then warmed, and have the full temperature from `τ = 1` on ([`TemperatureRamp`]). The paper trains by the transport
//! alone first, its algorithm 1, and by both then, its algorithm 2; both use fresh minibatches for the two terms, here one serves both.
//!
//! **Closed form.** For normal data `N(m, a²)`, standard normal noise joined by the monotone map `X_0 = m + a Z`, and `λ = 1`, the best quadratic energy of the first term has
//!
//! `k = ½ (1 − a²)/(m²/12 + (1 + a + a²)/3)`,  `μ = ½ m + m/k`,
//!
//! which is neither the mean nor the precision of the data: data that are as wide as noise need no transport but to be moved, and quadratic energies move all points alike only without curvature. The contrast is what makes the
//! energy one of the data.

use gibbsian_core::error::{check_count, check_non_negative, check_positive, check_within};
use gibbsian_core::{
    Acceptance, Directions, EnergyPullback, Error, Objective, Result, Score, ScorePullback, Stateless,
    Streams,
};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, ArrayViewMut1, Axis, Slice, concatenate};
use rand::Rng;

use crate::coupling::Coupling;
use crate::equilibrium_matching::GradientDecay;
use crate::phase_report::PhaseReport;
use crate::phases::{Contrast, Shares};
use crate::row_uniforms::RowUniforms;
use crate::source::{Source, draw_for};
use crate::transport::{add_transport_regression, check_pairs, draw_pairs};

/// Langevin steps from noise that begin as a descent: the temperature is zero until `τ = onset`, rises in proportion to the time to `temperature` at `τ = 1`, and stays, where `τ` is the number of steps times their size.
///
/// ```
/// use gibbsian_core::Seed;
/// use gibbsian_objectives::TemperatureRamp;
/// # use gibbsian_testkit::targets::Gaussian;
/// use ndarray::{Array2, array};
///
/// let ramp = TemperatureRamp { onset: 0.8, ..TemperatureRamp::new(0.01, 50, 0.1) };
/// assert_eq!([0.5, 1.5].map(|time| ramp.temperature_at(time)), [0.0, 0.1]);
/// // Without a temperature till then, points at one place stay together.
/// let target = Gaussian::new(array![1.0], array![[1.0]])?;
/// let ends = ramp.sample(&target, Array2::zeros((3, 1)), &mut Seed::new(1).rng())?;
/// assert!(ends.iter().all(|x| *x == ends[[0, 0]] && *x > 0.3));
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TemperatureRamp {
    /// The step size `h`.
    pub step_size: f64,
    /// How many steps.
    pub n_steps: usize,
    /// The last temperature, `ε`.
    pub temperature: f64,
    /// The time `τ*` until which there is no noise, in `[0, 1]`.
    pub onset: f64,
}

impl TemperatureRamp {
    /// `n_steps` steps of size `h = step_size` up to `ε = temperature`, without noise until `τ* = 0.9`.
    pub const fn new(step_size: f64, n_steps: usize, temperature: f64) -> Self {
        TemperatureRamp {
            step_size,
            n_steps,
            temperature,
            onset: 0.9,
        }
    }

    /// Requires options that make sense.
    ///
    /// # Errors
    /// A step size or a temperature that is not finite and greater than zero, no steps, or an onset outside `[0, 1]`.
    pub fn check(&self) -> Result<()> {
        check_positive("step_size", self.step_size)?;
        check_count("n_steps", self.n_steps)?;
        check_positive("temperature", self.temperature)?;
        check_within("onset", self.onset, 0.0, 1.0)?;
        Ok(())
    }

    /// `ε_τ`.
    pub fn temperature_at(&self, time: f64) -> f64 {
        if time >= 1.0 {
            self.temperature
        } else if time <= self.onset {
            0.0
        } else {
            self.temperature * (time - self.onset) / (1.0 - self.onset)
        }
    }

    /// The ends of chains that start at the rows of `start` `(n, D)`.
    ///
    /// # Errors
    /// Options that make no sense, or rows that do not fit the model. Chains that diverge end in numbers that are not finite, as they are.
    pub fn sample<M: Score + ?Sized>(
        &self,
        model: &M,
        start: Array2<f64>,
        rng: &mut dyn Rng,
    ) -> Result<Array2<f64>> {
        self.check()?;
        gibbsian_core::error::check_points("start", &start, model.dim())?;
        Ok(self.carry(model, start, 0, Streams::draw(rng)))
    }

    /// Moves chains, of which the first `n_warm` have the full temperature from the first step.
    fn carry<M: Score + ?Sized>(
        &self,
        model: &M,
        mut x: Array2<f64>,
        n_warm: usize,
        streams: Streams,
    ) -> Array2<f64> {
        let [mut score, mut z] = [(); 2].map(|()| Array2::zeros(x.raw_dim()));
        let deviation = |temperature: f64| (2.0 * temperature * self.step_size).sqrt();
        for step in 0..self.n_steps {
            model.score_into(x.view(), score.view_mut());
            Directions::Gaussian.fill(streams.part(step as u64), z.view_mut());
            x.scaled_add(self.step_size, &score);
            let (warm, rising) = z.view().split_at(Axis(0), n_warm);
            let mut moved = x.slice_axis_mut(Axis(0), Slice::from(..n_warm));
            moved.scaled_add(deviation(self.temperature), &warm);
            let mut moved = x.slice_axis_mut(Axis(0), Slice::from(n_warm..));
            let temperature = self.temperature_at(step as f64 * self.step_size);
            moved.scaled_add(deviation(temperature), &rising);
        }
        x
    }
}

/// `mean_b λ_t ½ ‖s((1 − t) x_b + t z_b) − (x_b − z_b)‖² + κ (⟨E⟩_data − ⟨E⟩_chains)`, with a time `t` uniform in `[0, 1]` for every row, which the model is not told.
///
/// The contrast is a surrogate, not a likelihood, and may make the loss negative. Without it, which is how training begins, the loss is the transport's.
///
/// ```
/// use gibbsian_core::{Objective, Parametric, Seed};
/// use gibbsian_objectives::{EnergyMatching, StandardNoise, TemperatureRamp};
/// # use gibbsian_testkit::targets::Gaussian;
/// use ndarray::{Array1, array};
///
/// // `Gaussian` has a quadratic energy, by its mean and curvature.
/// let model = Gaussian::new(array![2.0], array![[1.0]])?;
/// let ramp = TemperatureRamp::new(0.02, 75, 0.05);
/// let mut warm_up = EnergyMatching::new(StandardNoise { dim: 1 });
/// let mut main = warm_up.clone().fading_near_data(0.1)?.with_contrast(1e-2, ramp)?;
/// let mut grad = Array1::zeros(model.n_params());
/// let x = array![[2.0], [2.1], [1.9], [2.2]];
/// for objective in [&mut warm_up, &mut main] {
///     assert!(objective.loss_and_grad_into(&model, x.view(), &mut Seed::new(1).rng(), grad.view_mut())?.is_finite());
/// }
/// assert_eq!(main.report().map(|report| report.negative.len()), Some(4));
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct EnergyMatching<S> {
    source: S,
    coupling: Coupling,
    rows: RowUniforms,
    /// `λ_t`, if it is not one.
    weight: Option<GradientDecay>,
    chains: Option<(f64, TemperatureRamp)>,
    contrast: Contrast,
}

impl<S: Source> EnergyMatching<S> {
    /// The transport alone, at all times alike, with noise from `source` joined by optimal transport and independent times.
    pub fn new(source: S) -> Self {
        EnergyMatching {
            source,
            coupling: Coupling::OptimalTransport,
            rows: RowUniforms::Independent,
            weight: None,
            chains: None,
            contrast: Contrast::default(),
        }
    }

    /// The same with rows and noise joined otherwise.
    pub fn coupled_by(mut self, coupling: Coupling) -> Self {
        self.coupling = coupling;
        self
    }

    /// The same with times shared out otherwise among the rows.
    pub fn with_rows(mut self, rows: RowUniforms) -> Self {
        self.rows = rows;
        self
    }

    /// The same with `λ_t = min(1, t/d)`, `d = width`.
    ///
    /// # Errors
    /// A width outside `(0, 1]`.
    pub fn fading_near_data(self, width: f64) -> Result<Self> {
        let weight = Some(GradientDecay::truncated(width)?);
        Ok(EnergyMatching { weight, ..self })
    }

    /// The same with the contrast of data and chains, as many as rows, multiplied by `κ = weight`.
    ///
    /// # Errors
    /// A weight that is negative or not finite, or chains whose options make no sense.
    pub fn with_contrast(self, weight: f64, chains: TemperatureRamp) -> Result<Self> {
        check_non_negative("weight", weight)?;
        chains.check()?;
        let chains = Some((weight, chains));
        Ok(EnergyMatching { chains, ..self })
    }

    /// The energies of the last minibatch and its chains; nothing without a contrast.
    pub fn report(&self) -> Option<&PhaseReport> {
        self.contrast.report()
    }

    /// Overwrites `grad` with the gradient of `Σ_b w_b λ_{t_b} ½ ‖s((1 − t_b) x_b + t_b z_b) − (x_b − z_b)‖² / B`, the transport alone, and returns the value, for given pairs of data `x` `(B, D)` and `noise` `(B, D)`, at given times `t` `(B)`,
    /// which count by `w` `(B)`.
    ///
    /// # Errors
    /// Shapes that do not fit, times outside `[0, 1]`, weights that are negative or not finite, or a loss that is not finite.
    pub fn on_pairs<M: ScorePullback + ?Sized>(
        &self,
        model: &M,
        x: ArrayView2<f64>,
        noise: ArrayView2<f64>,
        t: ArrayView1<f64>,
        w: ArrayView1<f64>,
        mut grad: ArrayViewMut1<f64>,
    ) -> Result<f64> {
        check_pairs(model, x, noise, t)?;
        let shares = Shares::weighted(w, x)?;
        grad.fill(0.0);
        self.add_transport(model, [x, noise], t, shares, grad)
    }

    fn add_transport<M: ScorePullback + ?Sized>(
        &self,
        model: &M,
        pairs: [ArrayView2<f64>; 2],
        t: ArrayView1<f64>,
        shares: Shares<'_>,
        grad: ArrayViewMut1<f64>,
    ) -> Result<f64> {
        let mut w = shares.scaled(1.0);
        if let Some(weight) = &self.weight {
            w *= &t.mapv(|t| weight.at(t));
        }
        let c = Array1::ones(t.len());
        let what = "in the transport of energy matching";
        add_transport_regression(model, pairs, t, w.view(), c.view(), grad, what)
    }
}

impl<S: Source, M: EnergyPullback + ScorePullback + ?Sized> Objective<M> for EnergyMatching<S> {
    fn loss_and_grad_into(
        &mut self,
        model: &M,
        x: ArrayView2<f64>,
        rng: &mut dyn Rng,
        mut grad: ArrayViewMut1<f64>,
    ) -> Result<f64> {
        let streams = Streams::draw(rng);
        let pairs = streams.part(0);
        let (noise, t) = draw_pairs(model, x, &self.source, self.coupling, self.rows, pairs)?;
        grad.fill(0.0);
        let shares = Shares::Equal(x.nrows());
        let pairs = [x, noise.view()];
        let transport = self.add_transport(model, pairs, t.view(), shares, grad.view_mut())?;
        let Some((weight, ramp)) = self.chains else {
            return Ok(transport);
        };
        // Half of the chains start at rows; the noise of the others is not that of the pairs.
        let n_warm = x.nrows() / 2;
        let rest = x.nrows() - n_warm;
        let noise = draw_for(model, &self.source, rest, &mut streams.part(1).block(0))?;
        let start = concatenate(
            Axis(0),
            &[x.slice_axis(Axis(0), Slice::from(..n_warm)), noise.view()],
        )
        .map_err(|_| {
            Error::shape(
                "draws of the source",
                noise.shape(),
                format!("({rest}, {})", x.ncols()),
            )
        })?;
        let ends = ramp.carry(model, start, n_warm, streams.part(2));
        let mut of_contrast = Array1::zeros(grad.len());
        let contrast = self.contrast.loss_and_grad_into(
            model,
            [x, ends.view()],
            [shares; 2],
            1.0,
            Acceptance::default(),
            of_contrast.view_mut(),
        )?;
        grad.scaled_add(weight, &of_contrast);
        Ok(transport + weight * contrast)
    }
}

/// Pairs, times and chains are drawn anew at every call.
impl<S> Stateless for EnergyMatching<S> {}
