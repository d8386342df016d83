//! The network with recognition weights of their own.
//!
//! A stack of machines uses the same weights downwards, where they generate, and upwards, where they recognise. That is a good start and no more: given the layers above it
//! the true posterior of a layer is not independent, and the best independent approximation to it has other weights (Hinton, Osindero and Teh 2006, section 5).

use gibbsian_core::{
    Energy, Error, Layout, Parametric, ParametricMut, Record, Result, Snapshot, Streams, Units,
};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis, concatenate, s};
use rand::Rng;
use std::ops::Range;

use super::{Dbn, Directed, top_draws};
use crate::Rbm;
use crate::units::Bernoulli;

/// A deep belief network whose layers below the top pair generate by one set of parameters and recognise by another.
///
/// `p(v, h¹, …, hᴸ) = p(v | h¹) ⋯ p(hᴸ⁻² | hᴸ⁻¹) p(hᴸ⁻¹, hᴸ)` and `q(h¹, …, hᴸ⁻¹ | v) = q(h¹ | v) ⋯ q(hᴸ⁻¹ | hᴸ⁻²)`. It is learnt by
/// [`super::WakeSleep`] or [`super::UpDown`], and made from a stack by [`Dbn::untied`].
///
/// Parameters are those of the `top` pair, then of the `generative` layers from the bottom up, then of the `recognition` layers from the bottom up.
#[derive(Clone, Debug, PartialEq)]
pub struct UntiedDbn<V = Bernoulli, H = Bernoulli> {
    pub(super) top: Rbm<H, H>,
    /// `p(v | h¹)`.
    pub(super) visible: Directed<V>,
    /// `p(hˡ | hˡ⁺¹)` for `l = 1, …, L − 2`.
    pub(super) hidden: Vec<Directed<H>>,
    /// `q(hˡ | hˡ⁻¹)` for `l = 1, …, L − 1`.
    pub(super) recognition: Vec<Directed<H>>,
}

impl<V: Units, H: Units> Dbn<V, H> {
    /// The same network with recognition parameters of their own, equal to the generative ones where those were shared.
    ///
    /// ```
    /// use gibbsian_classical::{Bernoulli, Dbn, Rbm};
    /// use gibbsian_core::Seed;
    /// use ndarray::array;
    ///
    /// let layer = Bernoulli::unbiased;
    /// let bottom = Rbm::random(layer(3), layer(2), 1.0, Seed::new(1))?;
    /// let tied = Dbn::new(bottom, vec![Rbm::random(layer(2), layer(2), 1.0, Seed::new(2))?])?;
    /// let untied = tied.untied()?;
    /// let v = array![[1.0, 0.0, 1.0]];
    /// assert_eq!(untied.log_probability(v.view())?, tied.log_probability(v.view())?);
    /// # Ok::<(), gibbsian_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// A single machine, which has no directed layers.
    pub fn untied(&self) -> Result<UntiedDbn<V, H>> {
        let Some((top, between)) = self.upper.split_last() else {
            return Err(Error::parameter(
                "depth",
                1,
                "at least 2, for layers that are directed",
            ));
        };
        let directed = "weights fit the units and are finite";
        let down = |rbm: &Rbm<H, H>| {
            Directed::new(rbm.visible().clone(), rbm.weights().t().to_owned()).expect(directed)
        };
        let up =
            |rbm: &Rbm<H, H>| Directed::new(rbm.hidden().clone(), rbm.weights().to_owned()).expect(directed);
        let bottom = &self.bottom;
        let first = Directed::new(bottom.hidden().clone(), bottom.weights().to_owned()).expect(directed);
        Ok(UntiedDbn {
            top: top.clone(),
            visible: Directed::new(bottom.visible().clone(), bottom.weights().t().to_owned())
                .expect(directed),
            hidden: between.iter().map(down).collect(),
            recognition: std::iter::once(first).chain(between.iter().map(up)).collect(),
        })
    }
}

impl<V: Units, H: Units> UntiedDbn<V, H> {
    /// The number of hidden layers `L`.
    pub fn depth(&self) -> usize {
        1 + self.recognition.len()
    }

    /// The undirected pair `(hᴸ⁻¹, hᴸ)`.
    pub fn top(&self) -> &Rbm<H, H> {
        &self.top
    }

    /// The visible layer in the field of `h¹`.
    pub fn visible(&self) -> &Directed<V> {
        &self.visible
    }

    /// `p(hˡ | hˡ⁺¹)` for `l = 1, …, L − 2`.
    pub fn hidden(&self) -> &[Directed<H>] {
        &self.hidden
    }

    /// `q(hˡ | hˡ⁻¹)` for `l = 1, …, L − 1`.
    pub fn recognition(&self) -> &[Directed<H>] {
        &self.recognition
    }

    /// Where the parameters of `q` lie; those of `p` come before them.
    pub fn recognition_range(&self) -> Range<usize> {
        let n: usize = self.recognition.iter().map(Parametric::n_params).sum();
        self.n_params() - n..self.n_params()
    }

    /// The recognition pass with draws: `h¹, …, hᴸ⁻¹` from `q`.
    ///
    /// # Errors
    /// Rows that the visible layer cannot take.
    pub fn recognise(&self, v: ArrayView2<f64>, rng: &mut dyn Rng) -> Result<Vec<Array2<f64>>> {
        self.visible.units().check_rows("x", v)?;
        let streams = Streams::draw(rng);
        let mut h: Vec<Array2<f64>> = Vec::with_capacity(self.recognition.len());
        for (l, up) in self.recognition.iter().enumerate() {
            let below = h.last().map_or(v, |h| h.view());
            h.push(up.sample(below, streams.part(l as u64 + 1)));
        }
        Ok(h)
    }

    /// `n` visible rows: `n_sweeps` Gibbs sweeps of the top pair from independent units, then exact draws downwards.
    pub fn generate(&self, n: usize, n_sweeps: usize, rng: &mut dyn Rng) -> Array2<f64> {
        let h = top_draws(&self.top, n, n_sweeps, rng);
        self.downward(h, rng)
    }

    /// Exact draws of the visible layer given states of `hᴸ⁻¹`.
    pub(super) fn downward(&self, mut h: Array2<f64>, rng: &mut dyn Rng) -> Array2<f64> {
        for down in self.hidden.iter().rev() {
            h = down.sample(h.view(), Streams::draw(rng));
        }
        self.visible.sample(h.view(), Streams::draw(rng))
    }

    /// `log p(v, h¹, …, hᴸ⁻¹) + log Z − log q(h¹, …, hᴸ⁻¹ | v)` of every row, `Z` that of the top pair: the logarithm of an importance weight, whose mean
    /// under `q` is the bound up to `log Z`.
    pub(super) fn log_weights(&self, v: ArrayView2<f64>, h: &[Array2<f64>]) -> Array1<f64> {
        let mut weights = -self.top.energy(h[h.len() - 1].view());
        weights += &self.visible.log_law(h[0].view(), v);
        for (l, down) in self.hidden.iter().enumerate() {
            weights += &down.log_law(h[l + 1].view(), h[l].view());
        }
        weights - self.log_recognition(v, h)
    }

    /// `log q(h¹, …, hᴸ⁻¹ | v)` of every row.
    pub(super) fn log_recognition(&self, v: ArrayView2<f64>, h: &[Array2<f64>]) -> Array1<f64> {
        let mut log_q = Array1::zeros(v.nrows());
        for (l, up) in self.recognition.iter().enumerate() {
            let below = if l == 0 { v } else { h[l - 1].view() };
            log_q += &up.log_law(below, h[l].view());
        }
        log_q
    }
}

impl<V: Units, H: Units> Parametric for UntiedDbn<V, H> {
    fn layout(&self) -> Layout {
        let mut layout = Layout::new()
            .with_part("top", &self.top.layout())
            .with_part("generative.0", &self.visible.layout());
        for (l, down) in self.hidden.iter().enumerate() {
            layout = layout.with_part(&format!("generative.{}", l + 1), &down.layout());
        }
        for (l, up) in self.recognition.iter().enumerate() {
            layout = layout.with_part(&format!("recognition.{l}"), &up.layout());
        }
        layout
    }

    fn params(&self) -> Array1<f64> {
        let mut params = concatenate![Axis(0), self.top.params(), self.visible.params()];
        for layer in self.hidden.iter().chain(&self.recognition) {
            params.append(Axis(0), layer.params().view()).expect("vectors");
        }
        params
    }
}

impl<V: Units, H: Units> ParametricMut for UntiedDbn<V, H> {
    fn set_params(&mut self, params: ArrayView1<f64>) -> Result<()> {
        self.layout().check(params)?;
        // A layer may refuse what the others take, so all of them change in a copy.
        let mut new = self.clone();
        let mut at = 0;
        let mut part = |n: usize| {
            at += n;
            params.slice(s![at - n..at])
        };
        new.top
            .set_params(part(self.top.n_params()))
            .map_err(|e| e.within("top"))?;
        new.visible
            .set_params(part(self.visible.n_params()))
            .map_err(|e| e.within("generative.0"))?;
        for (l, layer) in new.hidden.iter_mut().enumerate() {
            let part = part(layer.n_params());
            layer
                .set_params(part)
                .map_err(|e| e.within(&format!("generative.{}", l + 1)))?;
        }
        for (l, layer) in new.recognition.iter_mut().enumerate() {
            let part = part(layer.n_params());
            layer
                .set_params(part)
                .map_err(|e| e.within(&format!("recognition.{l}")))?;
        }
        *self = new;
        Ok(())
    }
}

impl<V: Units, H: Units> Snapshot for UntiedDbn<V, H> {
    fn snapshot(&self) -> Record {
        Record::of_params(self)
    }

    fn restore(&mut self, record: &Record) -> Result<()> {
        let params = record.params(&self.layout())?;
        self.set_params(params.view())
    }
}
