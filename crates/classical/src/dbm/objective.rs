//! Maximum likelihood by a variational positive phase and a persistent negative one (Salakhutdinov and Hinton 2009, algorithm 1).
//!
//! The loss that is descended is `⟨F_q(v)⟩_data + log Z`, the negated bound on the mean log-probability. Its gradient is a difference of two means of
//! `∂E/∂θ`: under `q` on the data, where mean field finds `q`, and under the model, where Gibbs chains that are kept from one minibatch to the
//! next stand for it. The chains walk over all layers; in the gradient the odd layers are replaced by their means given the even ones, which has the same
//! expectation and less variance, and is what an RBM's free energy does to its hidden layer.
//!
//! Mean field would not do for the model's side: it bounds `log Z` from below, so that a gradient with it would drive the machine to where the bound is loose
//! (Salakhutdinov and Hinton 2009). Hence Gibbs chains there.

use gibbsian_core::error::{check_batch, check_count, check_loss, check_non_negative};
use gibbsian_core::{Error, Objective, Parametric, Record, Result, Snapshot, Streams, Units, Values};
use gibbsian_linalg::matmul;
use ndarray::{Array1, Array2, ArrayView2, ArrayViewMut1, Axis, concatenate};
use rand::Rng;

use super::{Dbm, MeanField};

/// Options of variational learning.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct VariationalOptions {
    /// Gibbs sweeps of the chains a step.
    pub n_steps: usize,
    /// Mean field ends when no mean changes by more than this.
    pub tolerance: f64,
    /// Mean field ends after this many sweeps at the latest.
    pub max_sweeps: usize,
}

/// Five Gibbs sweeps, and ten sweeps of mean field whatever they change.
impl Default for VariationalOptions {
    fn default() -> Self {
        VariationalOptions {
            n_steps: 5,
            tolerance: 0.0,
            max_sweeps: 10,
        }
    }
}

impl VariationalOptions {
    pub(super) fn check(self) -> Result<Self> {
        check_count("n_steps", self.n_steps)?;
        check_non_negative("tolerance", self.tolerance)?;
        Ok(self)
    }
}

/// The gradient of the variational bound, with persistent chains for the model's side.
///
/// The loss is `⟨F_q⟩_data − ⟨F_even⟩_chains`, with the odd layers of the chains summed out: a surrogate whose gradient at fixed `q` and fixed chains is the
/// gradient, and not a likelihood.
#[derive(Clone, Debug)]
pub struct VariationalPersistent {
    settings: VariationalOptions,
    chains: Array2<f64>,
    data_means: Vec<Array1<f64>>,
}

impl VariationalPersistent {
    /// Learning with chains that start at these joint rows `(v, h¹, …, hᴸ)`; see [`Dbm::draw_upward`]. Whether they are states is seen with the machine: each step refuses those that are none.
    ///
    /// # Errors
    /// No Gibbs sweeps, no chains, or a tolerance that is negative or not finite.
    pub fn new(settings: VariationalOptions, start: Array2<f64>) -> Result<Self> {
        check_count("n_chains", start.nrows())?;
        Ok(VariationalPersistent {
            settings: settings.check()?,
            chains: start,
            data_means: Vec::new(),
        })
    }

    /// The states of the chains, `(n_chains, Σ n_l)`.
    pub fn chains(&self) -> ArrayView2<'_, f64> {
        self.chains.view()
    }

    /// The mean of every layer in the last positive phase, the visible one first; empty before the first step.
    pub fn data_means(&self) -> &[Array1<f64>] {
        &self.data_means
    }
}

impl<V: Units, H: Units> Objective<Dbm<V, H>> for VariationalPersistent {
    fn loss_and_grad_into(
        &mut self,
        dbm: &Dbm<V, H>,
        x: ArrayView2<f64>,
        rng: &mut dyn Rng,
        mut grad: ArrayViewMut1<f64>,
    ) -> Result<f64> {
        let VariationalOptions {
            n_steps,
            tolerance,
            max_sweeps,
        } = self.settings;
        check_batch("chains", &self.chains, dbm.sizes().iter().sum())?;
        // Chains that came from elsewhere, at the start or from a snapshot, may be no states.
        for (l, (layer, x)) in dbm.layers.iter().zip(dbm.split(self.chains.view())).enumerate() {
            (layer.check_rows("chains", x)).map_err(|e| e.within(&format!("layers[{l}]")))?;
        }
        let q = dbm.mean_field(x, tolerance, max_sweeps)?;
        for _ in 0..n_steps {
            // The streams of a sweep over two blocks: a key for the step, a generator for each block.
            let streams = Streams::draw(rng);
            for block in 0..2 {
                let streams = Streams::draw(&mut streams.block(block));
                dbm.redraw(self.chains.view_mut(), block, None, streams);
            }
        }
        self.data_means.clear();
        for layer in std::iter::once(x).chain(q.all_means()) {
            self.data_means
                .push(layer.mean_axis(Axis(0)).expect("at least one row"));
        }

        grad.fill(0.0);
        let n = x.nrows() as f64;
        let positive = dbm.variational_free_energy(x, &q).sum() / n;
        dbm.variational_pullback_into(
            x,
            &q,
            Array1::from_elem(x.nrows(), 1.0 / n).view(),
            grad.view_mut(),
        );
        let negative = dbm.add_chains(self.chains.view(), grad);
        let loss = positive - negative;
        check_loss(loss, "in the contrast of data and chains")
    }
}

impl<V: Units, H: Units> Dbm<V, H> {
    /// **Adds** `−⟨∂F_even/∂θ⟩` over joint rows to `grad` and returns `⟨F_even⟩`; the odd layers are summed out given the even ones.
    fn add_chains(&self, x: ArrayView2<f64>, grad: ArrayViewMut1<f64>) -> f64 {
        let parts = self.split(x);
        let fields: Vec<Array2<f64>> = (0..parts.len())
            .map(|l| match l % 2 {
                1 => self.field(l, &parts),
                _ => Array2::zeros((0, 0)),
            })
            .collect();
        let means: Vec<Array2<f64>> = (0..parts.len())
            .map(|l| match l % 2 {
                1 => self.layers[l].mean(fields[l].view()),
                _ => parts[l].to_owned(),
            })
            .collect();
        let views: Vec<_> = means.iter().map(|m| m.view()).collect();
        let minus = Array1::from_elem(x.nrows(), -1.0 / x.nrows() as f64);
        let plus = minus.mapv(|w| -w);
        let mut rest = self.add_couplings(&views, minus.view(), grad);
        for (l, layer) in self.layers.iter().enumerate() {
            let (part, after) = rest.split_at(Axis(0), layer.n_params());
            if l % 2 == 1 {
                layer.log_partition_pullback_into(fields[l].view(), plus.view(), part);
            } else {
                layer.energy_pullback_into(parts[l], minus.view(), part);
            }
            rest = after;
        }
        let known: Vec<_> = parts
            .iter()
            .enumerate()
            .map(|(l, x)| (l % 2 == 0).then_some(*x))
            .collect();
        self.partial_energy(&known).sum() / x.nrows() as f64
    }

    /// Joint rows with these visible units and hidden ones drawn in a pass upwards, each layer given the one below with weights doubled
    /// except into the top layer: where chains may start.
    ///
    /// # Errors
    /// Rows that the visible layer cannot take.
    pub fn draw_upward(&self, v: ArrayView2<f64>, rng: &mut dyn Rng) -> Result<Array2<f64>> {
        self.check_visible(v)?;
        let streams = Streams::draw(rng);
        let mut layers = vec![v.to_owned()];
        for l in 1..=self.depth() {
            let scale = if l < self.depth() { 2.0 } else { 1.0 };
            let field = matmul(layers[l - 1].view(), self.weights[l - 1].view()) * scale;
            layers.push(self.layers[l].sample(field.view(), streams.part(l as u64)));
        }
        let views: Vec<_> = layers.iter().map(|x| x.view()).collect();
        Ok(concatenate(Axis(1), &views).expect("as many rows in every layer"))
    }
}

impl MeanField {
    fn all_means(&self) -> impl Iterator<Item = ArrayView2<'_, f64>> {
        (1..=self.depth()).map(|l| self.means(l))
    }
}

/// The chains; the means belong to a minibatch.
impl Snapshot for VariationalPersistent {
    fn snapshot(&self) -> Record {
        let mut record = Record::new();
        let shape = [self.chains.nrows(), self.chains.ncols()];
        record.put(
            "chains",
            &shape,
            Values::F64(self.chains.iter().copied().collect()),
        );
        record
    }

    fn restore(&mut self, record: &Record) -> Result<()> {
        let shape = self.chains.raw_dim();
        let values = record.f64s("chains", &[shape[0], shape[1]])?.to_vec();
        self.chains = Array2::from_shape_vec(shape, values)
            .map_err(|e| Error::format("snapshot entry `chains`", e, "a matrix of states"))?;
        Ok(())
    }
}
