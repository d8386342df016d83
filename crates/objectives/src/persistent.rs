//! Persistent contrastive divergence, or stochastic maximum likelihood (Younes 1989; Tieleman 2008).
//!
//! The negative chains are kept from one minibatch to the next. While the parameters move slowly against the mixing of the chains, the
//! chains stay close to the model, and the gradient is nearly unbiased although each update runs few steps.

use gibbsian_core::error::{check_batch, check_count};
use gibbsian_core::{EnergyPullback, Error, Kernel, Objective, Record, Result, Snapshot, Values};
use ndarray::{Array2, ArrayView2, ArrayViewMut1};
use rand::Rng;

use crate::phases::contrast;

/// PCD-k with any kernel on models `M`.
///
/// The loss is `⟨E⟩_data − ⟨E⟩_chains`, a surrogate and not a likelihood. The number of chains is free: it need not be the size of
/// the minibatch.
pub struct PersistentContrastiveDivergence<K: Kernel<M>, M: ?Sized> {
    kernel: K,
    n_steps: usize,
    chains: Chains<K::State>,
}

/// Positions wait until the first minibatch brings the model that a state needs.
enum Chains<S> {
    Waiting(Array2<f64>),
    Running(S),
}

impl<K: Kernel<M>, M: ?Sized> PersistentContrastiveDivergence<K, M> {
    /// PCD with `n_steps` steps of `kernel` an update and chains that start at the rows of `start`.
    ///
    /// # Errors
    /// Zero steps or no chains.
    pub fn new(kernel: K, n_steps: usize, start: Array2<f64>) -> Result<Self> {
        check_count("n_steps", n_steps)?;
        check_count("n_chains", start.nrows())?;
        Ok(PersistentContrastiveDivergence {
            kernel,
            n_steps,
            chains: Chains::Waiting(start),
        })
    }

    /// The positions of the chains, `(n_chains, D)`.
    pub fn positions(&self) -> Array2<f64> {
        match &self.chains {
            Chains::Waiting(x) => x.clone(),
            Chains::Running(state) => self.kernel.positions(state).into_owned(),
        }
    }
}

impl<M: EnergyPullback + ?Sized, K: Kernel<M>> Objective<M> for PersistentContrastiveDivergence<K, M> {
    fn loss_and_grad_into(
        &mut self,
        model: &M,
        x: ArrayView2<f64>,
        rng: &mut dyn Rng,
        grad: ArrayViewMut1<f64>,
    ) -> Result<f64> {
        check_batch("x", &x, model.dim())?;
        if let Chains::Waiting(start) = &self.chains {
            self.chains = Chains::Running(self.kernel.init(model, start.clone())?);
        }
        let Chains::Running(state) = &mut self.chains else {
            unreachable!("the chains were started above")
        };
        // The parameters changed since the last call; what the state caches of the model is stale.
        self.kernel.refresh(model, state);
        for _ in 0..self.n_steps {
            self.kernel.step(model, state, rng);
        }
        contrast(model, x, self.kernel.positions(state).view(), grad)
    }
}

impl<K: Kernel<M>, M: ?Sized> Snapshot for PersistentContrastiveDivergence<K, M> {
    /// The positions of the chains; what else a kernel caches is a function of them and of the model.
    fn snapshot(&self) -> Record {
        let positions = self.positions();
        let mut record = Record::new();
        let shape = [positions.nrows(), positions.ncols()];
        record.put("chains", &shape, Values::F64(positions.iter().copied().collect()));
        record
    }

    fn restore(&mut self, record: &Record) -> Result<()> {
        let shape = self.positions().raw_dim();
        let values = record.f64s("chains", &[shape[0], shape[1]])?.to_vec();
        let positions = Array2::from_shape_vec(shape, values)
            .map_err(|e| Error::format("snapshot entry `chains`", e, "a matrix of positions"))?;
        self.chains = Chains::Waiting(positions);
        Ok(())
    }
}
