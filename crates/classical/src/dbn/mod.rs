//! The deep belief network: an undirected pair of layers on top, directed layers below (Hinton, Osindero and Teh 2006).
//!
//! `p(v, h¹, …, hᴸ) = p(v | h¹) p(h¹ | h²) ⋯ p(hᴸ⁻¹, hᴸ)`, where the last factor is a restricted Boltzmann machine and each of the others is the law of a
//! layer in the field of the one above. The same stack of machines composed undirected throughout is a different model, the deep Boltzmann machine
//! ([`crate::dbm`]).
//!
//! A stack is trained from the bottom: each machine learns the features `q(hˡ | hˡ⁻¹)` of those below it, and keeps its recognition law when another is put on
//! top. With the last machine's layers summed out where they can be,
//!
//! `log p(v) ≥ E_q [log p(v, h¹, …, hᴸ⁻¹) − log q(h¹, …, hᴸ⁻¹ | v)]`,
//!
//! and a new machine that starts as the reversed one below leaves `p(v)` as it was and makes the bound tight, so that learning it can only raise the
//! bound. Generating needs a Markov chain in the top pair; below it draws are exact.
//!
//! Afterwards all layers are tuned together, with recognition parameters of their own ([`UntiedDbn`]), by wake-sleep ([`WakeSleep`], [`UpDown`]).

mod bound;
mod directed;
mod exact;
mod untied;
mod wake_sleep;

pub use bound::DbnBound;
pub use directed::Directed;
pub use untied::UntiedDbn;
pub use wake_sleep::{UpDown, WakeSleep};

use gibbsian_core::{Error, Result, Streams, Units};
use ndarray::{Array2, ArrayView2};
use rand::Rng;

use crate::Rbm;
use crate::units::Bernoulli;

/// A deep belief network of visible units `V` and hidden units `H`: a stack of restricted machines of which the last stays undirected.
///
/// ```
/// use gibbsian_classical::{Bernoulli, Dbn, Rbm};
/// use ndarray::array;
///
/// let bottom = Rbm::new(
///     Bernoulli::unbiased(2),
///     Bernoulli::unbiased(1),
///     array![[1.0], [-2.0]],
/// )?;
/// // A new top that starts as the reversed machine below leaves p(v) as it was.
/// let deeper = Dbn::new(bottom.clone(), vec![bottom.transposed()])?;
/// let v = array![[1.0, 0.0]];
/// let flat = Dbn::new(bottom, vec![])?;
/// let difference = deeper.log_probability(v.view())? - flat.log_probability(v.view())?;
/// assert!(difference[0].abs() < 1e-14);
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Dbn<V = Bernoulli, H = Bernoulli> {
    bottom: Rbm<V, H>,
    upper: Vec<Rbm<H, H>>,
}

impl<V: Units, H: Units> Dbn<V, H> {
    /// The network of a stack of machines, the upper ones from the bottom up; without any, an RBM.
    ///
    /// # Errors
    /// A machine whose visible layer has another number of units than the hidden layer of the one below.
    pub fn new(bottom: Rbm<V, H>, upper: Vec<Rbm<H, H>>) -> Result<Self> {
        let mut below = bottom.hidden().n_units();
        for rbm in &upper {
            if rbm.visible().n_units() != below {
                return Err(Error::shape(
                    "upper",
                    &[rbm.visible().n_units()],
                    format!("[{below}], as many units as the layer below has"),
                ));
            }
            below = rbm.hidden().n_units();
        }
        Ok(Dbn { bottom, upper })
    }

    /// The number of hidden layers `L`.
    pub fn depth(&self) -> usize {
        1 + self.upper.len()
    }

    /// The machine at the bottom.
    pub fn bottom(&self) -> &Rbm<V, H> {
        &self.bottom
    }

    /// The machines above the bottom one; the last is the undirected pair.
    pub fn upper(&self) -> &[Rbm<H, H>] {
        &self.upper
    }

    /// The recognition pass with means: `E_q[h¹ | v]`, then each next layer's means given those; `L` arrays, from the bottom up.
    ///
    /// # Errors
    /// Rows that the visible layer cannot take.
    pub fn features(&self, v: ArrayView2<f64>) -> Result<Vec<Array2<f64>>> {
        self.bottom.check_visible(v)?;
        let mut features = vec![self.bottom.hidden_mean(v)];
        for (k, rbm) in self.upper.iter().enumerate() {
            features.push(rbm.hidden_mean(features[k].view()));
        }
        Ok(features)
    }

    /// The recognition pass with draws: `h¹, …, hᴸ⁻¹` from `q`, everything below the top layer.
    ///
    /// # Errors
    /// Rows that the visible layer cannot take.
    pub fn recognise(&self, v: ArrayView2<f64>, rng: &mut dyn Rng) -> Result<Vec<Array2<f64>>> {
        match self.untied() {
            Ok(untied) => untied.recognise(v, rng),
            Err(_) => self.bottom.check_visible(v).map(|()| Vec::new()),
        }
    }

    /// `n` visible rows: `n_sweeps` Gibbs sweeps of the top pair from independent units, then exact draws downwards.
    ///
    /// Their law is that of the network as far as the chain has forgotten its start.
    pub fn generate(&self, n: usize, n_sweeps: usize, rng: &mut dyn Rng) -> Array2<f64> {
        match self.untied() {
            Ok(untied) => untied.generate(n, n_sweeps, rng),
            Err(_) => top_draws(&self.bottom, n, n_sweeps, rng),
        }
    }
}

/// Visible rows of a machine after some Gibbs sweeps from independent units.
fn top_draws<V: Units, H: Units>(
    rbm: &Rbm<V, H>,
    n: usize,
    n_sweeps: usize,
    rng: &mut dyn Rng,
) -> Array2<f64> {
    let no_field = Array2::zeros((n, rbm.visible().n_units()));
    let mut x = rbm.visible().sample(no_field.view(), Streams::draw(rng));
    for _ in 0..n_sweeps {
        let streams = Streams::draw(rng);
        let h = rbm.sample_hidden(x.view(), streams.part(0));
        x = rbm.sample_visible(h.view(), streams.part(1));
    }
    x
}
