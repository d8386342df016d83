//! Learning to generate from what is recognised, and to recognise what is generated (Hinton, Dayan, Frey and Neal 1995; Hinton, Osindero and Teh 2006, section 5 and
//! appendix B).
//!
//! *Awake*, the network recognises the data, `h ~ q(h | v)`, and the generative parameters descend `−log p(v, h¹, …, hᴸ⁻¹)`, whose mean under `q` is minus the bound on `log p(v)` up
//! to what does not depend on them: each directed layer learns by the delta rule, and the top pair is a restricted machine whose data are the states of `hᴸ⁻¹`. *Asleep*, it
//! dreams, `(v, h) ~ p`, and the recognition parameters descend `−log q(h | v)`. Awake the bound rises; asleep `KL(p(h | v) ‖ q(h | v))` falls, which is not the divergence in the
//! bound, `KL(q ‖ p)`: the two agree where `q` can be the posterior, and no single function is descended otherwise.
//!
//! Dreams, and the negative phase of the top pair, come from chains in that pair: chains of their own that persist ([`WakeSleep`]), whose law is the
//! model's as far as they keep up with it, or short ones from where the data put it ([`UpDown`]), so that sleep stays near the data and the top pair learns by contrastive
//! divergence.

use gibbsian_core::error::{check_batch, check_count, check_loss};
use gibbsian_core::{
    EnergyPullback, Objective, Parametric, Record, Result, Snapshot, Stateless, Streams, Units,
};
use ndarray::{Array2, ArrayView2, ArrayViewMut1, s};
use rand::Rng;

use super::UntiedDbn;
use crate::Rbm;

/// Wake-sleep with persistent chains in the top pair, from which dreams start as well.
///
/// The loss is `⟨−log p(v | h¹) − … − log p(hᴸ⁻² | hᴸ⁻¹) + F(hᴸ⁻¹)⟩_awake − ⟨F⟩_chains`, a surrogate whose gradient at fixed states is the generative part of the one returned; `F`
/// is the free energy of the top pair. The recognition part is that of `−⟨log q⟩` of dreams.
///
/// ```
/// use gibbsian_classical::{Bernoulli, Dbn, Rbm, dbn::WakeSleep};
/// use gibbsian_core::{Objective, Parametric, ParametricMut, Seed};
/// use ndarray::{Array1, Array2, array};
///
/// let layer = Bernoulli::unbiased;
/// let stack = Rbm::random(layer(4), layer(2), 0.1, Seed::new(1))?;
/// let mut dbn = Dbn::new(stack, vec![Rbm::random(layer(2), layer(3), 0.1, Seed::new(2))?])?.untied()?;
/// let x = array![[1.0, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 1.0]];
/// let before = dbn.exact_bound(x.view())?.sum();
/// let mut objective = WakeSleep::new(1, Array2::zeros((50, 2)))?;
/// let mut grad = Array1::zeros(dbn.n_params());
/// for step in 0..300 {
///     objective.loss_and_grad_into(&dbn, x.view(), &mut Seed::new(3).nth(step).rng(), grad.view_mut())?;
///     dbn.set_params((dbn.params() - &grad * 0.5).view())?;
/// }
/// assert!(dbn.exact_bound(x.view())?.sum() > before + 1.0);
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct WakeSleep {
    n_sweeps: usize,
    chains: Array2<f64>,
}

impl WakeSleep {
    /// Wake-sleep with `n_sweeps` Gibbs sweeps of the top pair an update, by chains that start at the rows of `start` `(C, Hᴸ⁻¹)`.
    ///
    /// # Errors
    /// No sweeps or no chains.
    pub fn new(n_sweeps: usize, start: Array2<f64>) -> Result<Self> {
        check_count("n_chains", start.nrows())?;
        Ok(WakeSleep {
            n_sweeps: check_count("n_sweeps", n_sweeps)?,
            chains: start,
        })
    }

    /// The states of `hᴸ⁻¹` where the chains stand.
    pub fn chains(&self) -> ArrayView2<'_, f64> {
        self.chains.view()
    }
}

impl<V: Units, H: Units> Objective<UntiedDbn<V, H>> for WakeSleep {
    fn loss_and_grad_into(
        &mut self,
        model: &UntiedDbn<V, H>,
        x: ArrayView2<f64>,
        rng: &mut dyn Rng,
        grad: ArrayViewMut1<f64>,
    ) -> Result<f64> {
        let layer = model.top().visible();
        check_batch("chains", &self.chains, layer.n_units())?;
        layer.check_rows("chains", self.chains.view())?;
        let awake = model.recognise(x, rng)?;
        sweep(model.top(), &mut self.chains, self.n_sweeps, rng);
        wake_and_sleep(model, x, &awake, self.chains.clone(), rng, grad)
    }
}

impl Snapshot for WakeSleep {
    /// The states of the chains.
    fn snapshot(&self) -> Record {
        self.chains.snapshot()
    }

    fn restore(&mut self, record: &Record) -> Result<()> {
        self.chains.restore(record)
    }
}

/// The contrastive form of wake-sleep: dreams start where `n_sweeps` Gibbs sweeps of the top pair lead from the recognised states of the minibatch.
///
/// The loss is that of [`WakeSleep`], with these states in place of the chains.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UpDown {
    n_sweeps: usize,
}

impl UpDown {
    /// The up-down algorithm with `n_sweeps` Gibbs sweeps of the top pair.
    ///
    /// # Errors
    /// No sweeps.
    pub fn new(n_sweeps: usize) -> Result<Self> {
        let n_sweeps = check_count("n_sweeps", n_sweeps)?;
        Ok(UpDown { n_sweeps })
    }
}

impl<V: Units, H: Units> Objective<UntiedDbn<V, H>> for UpDown {
    fn loss_and_grad_into(
        &mut self,
        model: &UntiedDbn<V, H>,
        x: ArrayView2<f64>,
        rng: &mut dyn Rng,
        grad: ArrayViewMut1<f64>,
    ) -> Result<f64> {
        let awake = model.recognise(x, rng)?;
        let mut dreams = awake[awake.len() - 1].clone();
        sweep(model.top(), &mut dreams, self.n_sweeps, rng);
        wake_and_sleep(model, x, &awake, dreams, rng, grad)
    }
}

/// Every update starts at its minibatch.
impl Stateless for UpDown {}

fn sweep<H: Units>(top: &Rbm<H, H>, x: &mut Array2<f64>, n_sweeps: usize, rng: &mut dyn Rng) {
    for _ in 0..n_sweeps {
        let streams = Streams::draw(rng);
        let h = top.sample_hidden(x.view(), streams.part(0));
        *x = top.sample_visible(h.view(), streams.part(1));
    }
}

/// Overwrites `grad` by both phases, given the recognised states `h¹, …, hᴸ⁻¹` and states of `hᴸ⁻¹` to dream from.
fn wake_and_sleep<V: Units, H: Units>(
    model: &UntiedDbn<V, H>,
    v: ArrayView2<f64>,
    awake: &[Array2<f64>],
    dreams: Array2<f64>,
    rng: &mut dyn Rng,
    mut grad: ArrayViewMut1<f64>,
) -> Result<f64> {
    grad.fill(0.0);
    let mut at = model.top().n_params();
    let mut loss = 0.0;
    for (states, sign) in [(awake[awake.len() - 1].view(), 1.0), (dreams.view(), -1.0)] {
        let share = sign / states.nrows() as f64;
        model.top().energy_pullback_with(
            states,
            &mut |energy, mut w| {
                loss += share * energy.sum();
                w.fill(share);
            },
            grad.slice_mut(s![..at]),
        );
    }
    let mut part = |n: usize| {
        at += n;
        at - n..at
    };
    let range = part(model.visible().n_params());
    loss += model
        .visible()
        .add_cost(awake[0].view(), v, grad.slice_mut(s![range]));
    for (l, down) in model.hidden().iter().enumerate() {
        let range = part(down.n_params());
        loss += down.add_cost(awake[l + 1].view(), awake[l].view(), grad.slice_mut(s![range]));
    }

    // A dream, from the top down; it is kept, because recognition parameters come from the bottom up.
    let mut dream = vec![dreams];
    for down in model.hidden().iter().rev() {
        let x = down.sample(dream[dream.len() - 1].view(), Streams::draw(rng));
        dream.push(x);
    }
    dream.reverse();
    let seen = model.visible().sample(dream[0].view(), Streams::draw(rng));
    for (l, up) in model.recognition().iter().enumerate() {
        let below = if l == 0 { &seen } else { &dream[l - 1] };
        let range = part(up.n_params());
        let cost = up.add_cost(below.view(), dream[l].view(), grad.slice_mut(s![range]));
        check_loss(cost, "of recognition, in a dream")?;
    }
    check_loss(loss, "awake")
}
