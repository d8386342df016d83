//! Standardising: the same machines in coordinates in which units are measured from offsets and in units of their own spread.
//!
//! With offsets `μ`, `λ` and scales `σ`, `τ` of the visible and the hidden units the energy
//!
//! `E_s(v, h) = −b_s'(v − μ)/σ − c_s'(h − λ)/τ − ((v − μ)/σ)'W_s (h − λ)/τ`
//!
//! (and whatever else the energies of the layers have) is, but for a constant, that of the machine with
//!
//! `W = W_s / (σ τ')`,  `b = b_s/σ − Wλ`,  `c = c_s/τ − W'μ`.
//!
//! It is [centring](super) followed by a change of scale, so the direction of steepest descent in these coordinates is `J D J'` of the ordinary gradient, with `J` the Jacobian of the
//! centred coordinates and `D` diagonal: `1/(σ_i τ_j)²` for a weight, `1/σ_i²` and `1/τ_j²` for the biases. The Hessian of the likelihood in a weight is at small weights `σ_i² τ_j²`; in
//! these coordinates it is one for every weight, so that a rarely active unit learns as fast as any other.
//!
//! Scales of one give centring. The parametrisation is one of those that restricted machines for biological sequences are trained in.

use std::ops::Range;

use gibbsian_core::error::{check_each, check_positive, check_shape};
use gibbsian_core::{Objective, Parametric, Record, Result, Snapshot, Values};
use ndarray::{Array1, ArrayView1, ArrayView2, ArrayViewMut1, Axis, Zip, s};
use rand::Rng;

use super::{Centrable, Centred, Centring, Offsets, Parts};
use crate::rbm::Rbm;
use crate::units::Biased;

/// Offsets `μ`, `λ` and scales `σ`, `τ` of both layers.
///
/// ```
/// use gibbsian_classical::{Bernoulli, Centring, Rbm, Standardisation};
/// use ndarray::array;
///
/// let rbm = Rbm::new(
///     Bernoulli::new(array![0.5, 0.0])?,
///     Bernoulli::new(array![-1.0])?,
///     array![[2.0], [4.0]],
/// )?;
/// let centring = Centring::new(array![0.5, 0.25], array![0.5])?;
/// let coordinates = Standardisation::new(centring, array![0.5, 1.0], array![0.25])?;
/// let standardised = coordinates.standardised(&rbm)?;
/// assert_eq!(standardised.weights(), array![[0.25], [1.0]]); // σWτ'
/// assert_eq!(standardised.visible().bias(), array![0.75, 2.0]); // σ(b + Wλ)
/// assert_eq!(standardised.hidden().bias(), array![0.25]); // τ(c + W'μ)
/// assert_eq!(coordinates.normal(&standardised)?, rbm);
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Standardisation {
    centring: Centring,
    visible: Array1<f64>,
    hidden: Array1<f64>,
}

impl Standardisation {
    /// These offsets, and these scales `σ` and `τ`.
    ///
    /// # Errors
    /// Not one scale an offset; a scale that is not finite and positive, or whose square is not.
    pub fn new(centring: Centring, visible: Array1<f64>, hidden: Array1<f64>) -> Result<Self> {
        check_shape("visible_scale", &visible, &[centring.visible.len()])?;
        check_shape("hidden_scale", &hidden, &[centring.hidden.len()])?;
        for (name, scale) in [("visible_scale", &visible), ("hidden_scale", &hidden)] {
            check_each(name, scale.view(), "positive, with a normal square", |s| {
                s > 0.0 && (s * s).is_normal()
            })?;
        }
        Ok(Standardisation {
            centring,
            visible,
            hidden,
        })
    }

    /// The offsets.
    pub fn centring(&self) -> &Centring {
        &self.centring
    }

    /// `σ`.
    pub fn visible_scale(&self) -> ArrayView1<'_, f64> {
        self.visible.view()
    }

    /// `τ`.
    pub fn hidden_scale(&self) -> ArrayView1<'_, f64> {
        self.hidden.view()
    }

    /// The standardised parameters `(σWτ', σ(b + Wλ), τ(c + W'μ))` of a machine, held in a machine whose layers are not those of the model.
    ///
    /// # Errors
    /// Another number of units than there are offsets, or a parameter that would not be finite.
    pub fn standardised<V: Biased, H: Biased>(&self, normal: &Rbm<V, H>) -> Result<Rbm<V, H>> {
        self.scaled(&self.centring.centred(normal)?, |x, scale| x * scale)
    }

    /// The machine that has these standardised parameters.
    ///
    /// # Errors
    /// Those of [`Standardisation::standardised`].
    pub fn normal<V: Biased, H: Biased>(&self, standardised: &Rbm<V, H>) -> Result<Rbm<V, H>> {
        self.centring.check(standardised)?;
        self.centring
            .normal(&self.scaled(standardised, |x, scale| x / scale)?)
    }

    /// The machine with every weight and bias multiplied or divided by its scale.
    fn scaled<V: Biased, H: Biased>(
        &self,
        from: &Rbm<V, H>,
        by: impl Fn(f64, f64) -> f64 + Copy,
    ) -> Result<Rbm<V, H>> {
        let mut scaled = from.clone();
        let mut params = from.params();
        let mut parts = Parts::of(from, params.view_mut());
        self.scale(&mut parts, by);
        // A layer takes up a field by its bias alone, whatever else it has.
        let old = from.params();
        let [at_visible, at_hidden] = from.bias_ranges();
        let change = |new: ArrayView1<f64>, at: Range<usize>| &new - &old.slice(s![at]);
        scaled.weights.assign(&parts.weights);
        scaled
            .visible
            .shift(change(parts.visible_bias.view(), at_visible).view());
        scaled
            .hidden
            .shift(change(parts.hidden_bias.view(), at_hidden).view());
        scaled.layout().check(scaled.params().view())?;
        Ok(scaled)
    }

    /// Applies `by` to every weight with both of its scales and to every bias with its own.
    fn scale(&self, parts: &mut Parts<'_>, by: impl Fn(f64, f64) -> f64 + Copy) {
        let scale = |x: ArrayViewMut1<f64>, scales: &Array1<f64>| {
            Zip::from(x).and(scales).for_each(|x, scale| *x = by(*x, *scale));
        };
        for (mut row, sigma) in parts.weights.rows_mut().into_iter().zip(&self.visible) {
            row.mapv_inplace(|w| by(w, *sigma));
            scale(row, &self.hidden);
        }
        scale(parts.visible_bias.view_mut(), &self.visible);
        scale(parts.hidden_bias.view_mut(), &self.hidden);
    }

    /// Turns the ordinary gradient of a loss into the direction of the standardised one, in ordinary parameters.
    ///
    /// # Errors
    /// Another number of units than there are offsets.
    ///
    /// # Panics
    /// When `grad` does not have one entry a parameter.
    pub fn direction<M: Centrable>(&self, machine: &M, grad: ArrayViewMut1<f64>) -> Result<()> {
        self.centring.direction_between(machine, grad, |parts| {
            self.scale(parts, |x, scale| x / (scale * scale));
        })
    }
}

/// The direction of the standardised gradient of an objective, in the ordinary parameters of an [`Rbm`] or a [`BinaryRbm`](crate::BinaryRbm).
///
/// Offsets are those of [`Centred`]. Scales are the standard deviations of the units over the data, of hidden units by `Var(h) = E[Var(h | v)] + Var(E[h | v])`; their squares follow the
/// minibatches at the rate of the offsets, about the mean of each, and a floor is added to them: a pixel that is never on has no spread, and its weights would learn without bounds.
/// Without offsets to start at, the first minibatch sets both.
#[derive(Clone, Debug)]
pub struct Standardised<O> {
    centred: Centred<O>,
    floor: f64,
    /// Of the visible and the hidden units.
    variances: Option<[Array1<f64>; 2]>,
}

impl<O> Standardised<O> {
    /// Standardises `objective`; the first minibatch sets offsets and scales, and `floor` is added to every variance.
    ///
    /// # Errors
    /// Those of [`Centred::new`], and a floor that is not positive and finite.
    pub fn new(objective: O, offsets: Offsets, floor: f64) -> Result<Self> {
        Ok(Standardised {
            centred: Centred::new(objective, offsets)?,
            floor: check_positive("floor", floor)?,
            variances: None,
        })
    }

    /// The present offsets and scales; none before the first minibatch.
    pub fn standardisation(&self) -> Option<Standardisation> {
        let [visible, hidden] = self.variances.as_ref()?;
        let scale = |variance: &Array1<f64>| variance.mapv(|v| (v + self.floor).sqrt());
        Some(Standardisation {
            centring: self.centred.centring()?.clone(),
            visible: scale(visible),
            hidden: scale(hidden),
        })
    }

    /// The objective that is standardised.
    pub fn objective(&self) -> &O {
        self.centred.objective()
    }
}

impl<M: Centrable, O: Objective<M>> Objective<M> for Standardised<O> {
    fn loss_and_grad_into(
        &mut self,
        model: &M,
        x: ArrayView2<f64>,
        rng: &mut dyn Rng,
        mut grad: ArrayViewMut1<f64>,
    ) -> Result<f64> {
        let (loss, centring) = self.centred.look(model, x, rng, grad.view_mut())?;
        let means = model.hidden_means(x);
        let within = model.hidden_variances(x).mean_axis(Axis(0));
        let mut newest = [
            x.var_axis(Axis(0), 0.0),
            means.var_axis(Axis(0), 0.0) + within.expect("a minibatch has rows"),
        ];
        if let Some(old) = &self.variances {
            let nu = self.centred.rate();
            for (new, old) in newest.iter_mut().zip(old) {
                *new = old * (1.0 - nu) + &*new * nu;
            }
        }
        self.variances = Some(newest);
        self.centred.set_centring(centring);
        let coordinates = self.standardisation().expect("both were set just now");
        coordinates.direction(model, grad)?;
        Ok(loss)
    }
}

impl<O: Snapshot> Snapshot for Standardised<O> {
    /// The variances (empty before there are any), the offsets and the state of the objective.
    fn snapshot(&self) -> Record {
        let mut record = Record::new();
        let none = Array1::zeros(0);
        let [visible, hidden] = match &self.variances {
            None => [&none, &none],
            Some([visible, hidden]) => [visible, hidden],
        };
        for (name, variance) in [("visible_variance", visible), ("hidden_variance", hidden)] {
            record.put(name, variance.shape(), Values::F64(variance.to_vec()));
        }
        record.put_part("centred", self.centred.snapshot());
        record
    }

    fn restore(&mut self, record: &Record) -> Result<()> {
        let read = |name: &str, now: Option<&Array1<f64>>| {
            let n = match (now, record.shape(name)) {
                (Some(now), _) => now.len(),
                (None, Some(&[n])) => n,
                (None, _) => 0,
            };
            let values = record.f64s(name, &[n])?;
            let values = ArrayView1::from(values).to_owned();
            check_each(name, values.view(), "finite and at least 0", |v| {
                v.is_finite() && v >= 0.0
            })?;
            Ok::<_, gibbsian_core::Error>(values)
        };
        let [now_visible, now_hidden] = match &self.variances {
            None => [None, None],
            Some([visible, hidden]) => [Some(visible), Some(hidden)],
        };
        let visible = read("visible_variance", now_visible)?;
        let hidden = read("hidden_variance", now_hidden)?;
        self.centred.restore(&record.part("centred"))?;
        self.variances = (!visible.is_empty()).then_some([visible, hidden]);
        Ok(())
    }
}
