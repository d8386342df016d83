//! The centred and the enhanced gradient of any objective.

use gibbsian_core::{Error, Objective, Record, Result, Snapshot, Values};
use ndarray::{Array1, ArrayView1, ArrayView2, ArrayViewMut1, Axis};
use rand::Rng;

use super::{Centrable, Centring, Parts};

/// What the units of a layer are measured from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Offset {
    /// The offset that training started with.
    Fixed,
    /// The mean over the data.
    Data,
    /// The mean over the model, as the objective sees it.
    Model,
    /// Halfway between data and model: the enhanced gradient.
    Average,
}

/// Where the offsets of both layers come from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Offsets {
    /// `μ`.
    pub visible: Offset,
    /// `λ`.
    pub hidden: Offset,
    /// The weight `ν` in `(0, 1]` of the newest minibatch in `μ ← (1 − ν) μ + ν ⟨v⟩`, and likewise in `λ`.
    pub rate: f64,
}

impl Offsets {
    /// Centring on the data: `μ = ⟨v⟩_data`, `λ = ⟨h⟩_data`, with `ν = 0.01` (Montavon and Müller 2012; Melchior, Fischer and Wiskott 2016).
    pub const DATA: Offsets = Offsets {
        visible: Offset::Data,
        hidden: Offset::Data,
        rate: 0.01,
    };

    /// The enhanced gradient of Cho, Raiko and Ilin (2011): halfway between data and model, without a memory.
    pub const ENHANCED: Offsets = Offsets {
        visible: Offset::Average,
        hidden: Offset::Average,
        rate: 1.0,
    };
}

/// The direction of the centred gradient of an objective, in the ordinary parameters of an [`Rbm`](crate::Rbm) or a
/// [`BinaryRbm`](crate::BinaryRbm).
///
/// Each call takes loss and gradient from the objective, moves the offsets, and maps the gradient by [`Centring::direction`]. What is returned in place of the gradient is
/// therefore a direction of descent and not the derivative of the loss. Without offsets to start at, the first minibatch sets them.
///
/// The means of the data are those of the minibatch, hidden units by `E[h | v]`. The means of the model are read off the gradient: for the likelihood and everything that
/// imitates it (contrastive divergence, persistent chains, tempering) `∇b = ⟨v⟩_model − ⟨v⟩_data` and `∇c = ⟨h⟩_model − ⟨h⟩_data`. Other objectives have no model phase, so
/// that [`Offset::Model`] and [`Offset::Average`] are an extrapolation along their bias gradients that has no such meaning; use [`Offset::Data`] there.
#[derive(Clone, Debug)]
pub struct Centred<O> {
    objective: O,
    offsets: Offsets,
    centring: Option<Centring>,
}

impl<O> Centred<O> {
    /// Centres `objective`; the first minibatch sets the offsets.
    ///
    /// # Errors
    /// A rate outside `(0, 1]`, or a fixed offset, which needs a value: see [`Centred::starting_at`].
    pub fn new(objective: O, offsets: Offsets) -> Result<Self> {
        if [offsets.visible, offsets.hidden].contains(&Offset::Fixed) {
            return Err(Error::parameter("offsets", "Fixed", "given a value to start at"));
        }
        Centred::with(objective, offsets, None)
    }

    /// Centres `objective`, starting from these offsets.
    ///
    /// # Errors
    /// A rate outside `(0, 1]`.
    pub fn starting_at(objective: O, offsets: Offsets, centring: Centring) -> Result<Self> {
        Centred::with(objective, offsets, Some(centring))
    }

    fn with(objective: O, offsets: Offsets, centring: Option<Centring>) -> Result<Self> {
        if !(offsets.rate > 0.0 && offsets.rate <= 1.0) {
            return Err(Error::parameter("offsets.rate", offsets.rate, "in (0, 1]"));
        }
        Ok(Centred {
            objective,
            offsets,
            centring,
        })
    }

    /// The present offsets; none before the first minibatch, if it is to set them.
    pub fn centring(&self) -> Option<&Centring> {
        self.centring.as_ref()
    }

    /// The objective that is centred.
    pub fn objective(&self) -> &O {
        &self.objective
    }

    /// The offsets after a minibatch with these means of the data and gradients of the biases.
    fn moved(&self, data: [Array1<f64>; 2], gradient: [ArrayView1<f64>; 2]) -> Result<Centring> {
        let kinds = [self.offsets.visible, self.offsets.hidden];
        let old = self.centring.as_ref().map(|c| [&c.visible, &c.hidden]);
        let [mut visible, mut hidden] = data;
        for (k, mean) in [&mut visible, &mut hidden].into_iter().enumerate() {
            match kinds[k] {
                Offset::Fixed | Offset::Data => {}
                Offset::Model => *mean += &gradient[k],
                Offset::Average => mean.scaled_add(0.5, &gradient[k]),
            }
            if let Some(old) = old {
                let nu = if kinds[k] == Offset::Fixed {
                    0.0
                } else {
                    self.offsets.rate
                };
                *mean = old[k] * (1.0 - nu) + &*mean * nu;
            }
        }
        Centring::new(visible, hidden)
    }
}

impl<O> Centred<O> {
    /// The loss with its ordinary gradient, and the offsets that the minibatch leads to.
    pub(super) fn look<M: Centrable>(
        &mut self,
        model: &M,
        x: ArrayView2<f64>,
        rng: &mut dyn Rng,
        mut grad: ArrayViewMut1<f64>,
    ) -> Result<(f64, Centring)>
    where
        O: Objective<M>,
    {
        model.check_cases(x)?;
        if let Some(centring) = &self.centring {
            centring.check(model)?;
        }
        let loss = self
            .objective
            .loss_and_grad_into(model, x, rng, grad.view_mut())?;
        let n = x.nrows() as f64;
        let data = [
            x.sum_axis(Axis(0)) / n,
            model.hidden_means(x).sum_axis(Axis(0)) / n,
        ];
        let mut own = grad.to_owned();
        let parts = Parts::of(model, own.view_mut());
        let centring = self.moved(data, [parts.visible_bias.view(), parts.hidden_bias.view()])?;
        Ok((loss, centring))
    }

    pub(super) fn set_centring(&mut self, centring: Centring) {
        self.centring = Some(centring);
    }

    /// How fast offsets follow.
    pub(super) fn rate(&self) -> f64 {
        self.offsets.rate
    }
}

impl<M: Centrable, O: Objective<M>> Objective<M> for Centred<O> {
    fn loss_and_grad_into(
        &mut self,
        model: &M,
        x: ArrayView2<f64>,
        rng: &mut dyn Rng,
        mut grad: ArrayViewMut1<f64>,
    ) -> Result<f64> {
        let (loss, centring) = self.look(model, x, rng, grad.view_mut())?;
        centring.direction(model, grad)?;
        self.centring = Some(centring);
        Ok(loss)
    }
}

impl<O: Snapshot> Snapshot for Centred<O> {
    /// The offsets (empty before there are any) and the state of the objective.
    fn snapshot(&self) -> Record {
        let mut record = Record::new();
        let none = Array1::zeros(0);
        let (visible, hidden) = match &self.centring {
            None => (&none, &none),
            Some(centring) => (&centring.visible, &centring.hidden),
        };
        record.put("visible", visible.shape(), Values::F64(visible.to_vec()));
        record.put("hidden", hidden.shape(), Values::F64(hidden.to_vec()));
        record.put_part("objective", self.objective.snapshot());
        record
    }

    fn restore(&mut self, record: &Record) -> Result<()> {
        // Before the first minibatch the numbers of units are not known: any vectors fit.
        let read = |name: &str| {
            let n = match (&self.centring, record.shape(name)) {
                (None, Some(&[n])) => n,
                (None, _) => 0,
                (Some(centring), _) if name == "visible" => centring.visible.len(),
                (Some(centring), _) => centring.hidden.len(),
            };
            record.f64s(name, &[n])
        };
        let (visible, hidden) = (read("visible")?, read("hidden")?);
        let centring = if visible.is_empty() && hidden.is_empty() {
            None
        } else {
            Some(Centring::new(
                ArrayView1::from(visible).to_owned(),
                ArrayView1::from(hidden).to_owned(),
            )?)
        };
        self.objective.restore(&record.part("objective"))?;
        self.centring = centring;
        Ok(())
    }
}
