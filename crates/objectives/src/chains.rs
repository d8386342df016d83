//! Chains that outlive a minibatch: the negative phase of every persistent objective.

use gibbsian_core::error::check_count;
use gibbsian_core::{Acceptance, Error, Kernel, Record, Result, Snapshot, StepInfo, Streams, Values};
use ndarray::{Array2, CowArray, Ix2};
use rand::Rng;

/// Moves chains by so many steps, and adds up what happened to the proposals.
pub(crate) fn run<K: Kernel<M>, M: ?Sized>(
    kernel: &K,
    model: &M,
    state: &mut K::State,
    n_steps: usize,
    rng: &mut dyn Rng,
) -> Acceptance {
    (0..n_steps)
        .map(|_| kernel.step(model, state, rng).acceptance())
        .sum()
}

/// Chains of a kernel, and how many steps they make an update.
pub(crate) struct PersistentChains<K: Kernel<M>, M: ?Sized> {
    kernel: K,
    n_steps: usize,
    chains: Chains<K::State>,
}

/// Positions wait until the first minibatch brings the model that a state needs, and so does what a record has of a state.
enum Chains<S> {
    Waiting {
        start: Array2<f64>,
        state: Option<Record>,
    },
    Running(S),
}

impl<K: Kernel<M>, M: ?Sized> PersistentChains<K, M> {
    pub(crate) fn new(kernel: K, n_steps: usize, start: Array2<f64>) -> Result<Self> {
        check_count("n_steps", n_steps)?;
        check_count("n_chains", start.nrows())?;
        Ok(PersistentChains {
            kernel,
            n_steps,
            chains: Chains::Waiting { start, state: None },
        })
    }

    /// The positions of the chains, `(n_chains, D)`.
    pub(crate) fn positions(&self) -> Array2<f64> {
        match &self.chains {
            Chains::Waiting { start, .. } => start.clone(),
            Chains::Running(state) => self.kernel.positions(state).into_owned(),
        }
    }

    /// Moves the chains by the steps of one update, and returns their positions and what happened to the proposals.
    pub(crate) fn advance(
        &mut self,
        model: &M,
        rng: &mut dyn Rng,
    ) -> Result<(CowArray<'_, f64, Ix2>, Acceptance)> {
        if let Chains::Waiting { start, state } = &self.chains {
            let running = self.kernel.init(model, start.clone());
            if running.is_err() && state.is_some() {
                // Chains that were not interrupted meet what is wrong with the model on their way, and draw a key a step until then. Whoever goes on with this generator is to go on as after that.
                for _ in 0..self.n_steps {
                    let _ = Streams::draw(rng);
                }
            }
            let mut running = running?;
            if let Some(record) = state {
                running.restore(record)?;
            }
            self.chains = Chains::Running(running);
        }
        let Chains::Running(state) = &mut self.chains else {
            unreachable!("the chains were started above")
        };
        // The parameters changed since the last call; what the state caches of the model is stale.
        self.kernel.refresh(model, state);
        let acceptance = run(&self.kernel, model, state, self.n_steps, rng);
        Ok((self.kernel.positions(state), acceptance))
    }

    /// `chains`, the positions, which can be shown without a model; and `state`, from which the kernel goes on.
    pub(crate) fn snapshot(&self) -> Record {
        let positions = self.positions();
        let mut record = Record::new();
        let shape = [positions.nrows(), positions.ncols()];
        record.put("chains", &shape, Values::F64(positions.iter().copied().collect()));
        match &self.chains {
            Chains::Waiting { state: None, .. } => {}
            Chains::Waiting {
                state: Some(state), ..
            } => record.put_part("state", state.clone()),
            Chains::Running(state) => record.put_part("state", state.snapshot()),
        }
        record
    }

    /// # Errors
    /// Positions that do not fit, or, where the chains run, a state that does not; nothing has changed then.
    pub(crate) fn restore(&mut self, record: &Record) -> Result<()> {
        let shape = self.positions().raw_dim();
        let values = record.f64s("chains", &[shape[0], shape[1]])?.to_vec();
        let start = Array2::from_shape_vec(shape, values)
            .map_err(|e| Error::format("snapshot entry `chains`", e, "a matrix of positions"))?;
        let part = record.part("state");
        let has_state = part.entries().next().is_some();
        let state = has_state.then_some(part);
        match (&mut self.chains, &state) {
            (Chains::Running(running), Some(state)) => running.restore(state)?,
            _ => self.chains = Chains::Waiting { start, state },
        }
        Ok(())
    }
}
