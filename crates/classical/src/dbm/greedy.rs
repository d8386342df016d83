//! Greedy pretraining of binary machines in their fused form, layer by layer.
//!
//! [`super::pretraining`] has the reasons for copies. Here is the bookkeeping: which layer is next, with how many copies it learns, what it sees, and what its hidden units hear once it
//! has learnt.

use gibbsian_core::dataset::assert_batch;
use gibbsian_core::error::check_count;
use gibbsian_core::parallel::for_each_block;
use gibbsian_core::{Dataset, Error, Result, Seed, Space, Streams};
use ndarray::{Array1, ArrayViewMut2};
use rand::RngExt;

use super::Dbm;
use crate::rbm::{BinaryRbm, FusedContrastiveDivergence, FusedOptions, Rbm};
use crate::units::Bernoulli;

/// Rows as a stack of machines passes them on: through the hidden units of each in turn, tossed afresh at every visit.
///
/// The layer above learns from these (Hinton, Osindero and Teh 2006): from states and not from their means, because states are what it will meet.
#[derive(Clone, Copy, Debug)]
pub struct TossedFeatures<'a, D> {
    rows: D,
    below: &'a [BinaryRbm],
}

impl<'a, D: Dataset> TossedFeatures<'a, D> {
    /// `rows` seen through the machines of `below`, from the bottom up; through none, the rows as they are.
    ///
    /// # Errors
    /// A machine whose visible layer is not of the size of what it is given.
    pub fn new(rows: D, below: &'a [BinaryRbm]) -> Result<Self> {
        let mut dim = rows.dim();
        for (l, machine) in below.iter().enumerate() {
            if machine.n_visible() != dim {
                return Err(Error::shape(
                    format!("below[{l}]"),
                    &[machine.n_visible(), machine.n_hidden()],
                    format!("({dim}, any number): a visible unit for each number that it is given"),
                ));
            }
            dim = machine.n_hidden();
        }
        Ok(TossedFeatures { rows, below })
    }
}

impl<D: Dataset> Space for TossedFeatures<'_, D> {
    fn dim(&self) -> usize {
        self.below.last().map_or(self.rows.dim(), |m| m.n_hidden())
    }
}

impl<D: Dataset> Dataset for TossedFeatures<'_, D> {
    fn n_points(&self) -> usize {
        self.rows.n_points()
    }

    fn rows_into(&self, indices: &[usize], streams: Streams, mut out: ArrayViewMut2<f64>) {
        assert_batch(self, indices, &out);
        let mut x = self.rows.rows(indices, streams);
        for (l, machine) in self.below.iter().enumerate() {
            x = machine.hidden_mean(x.view());
            let streams = streams.part(1 + l as u64);
            for_each_block(x.view_mut(), |block, mut means| {
                let mut rng = streams.block(block);
                means.mapv_inplace(|p| f64::from(u8::from(rng.random::<f64>() < p)));
            });
        }
        out.assign(&x);
    }

    fn weights(&self, indices: &[usize]) -> Option<Array1<f64>> {
        self.rows.weights(indices)
    }
}

/// A deep machine that is pretrained layer by layer (Salakhutdinov and Hinton 2009, section 3.1).
///
/// Each layer is a restricted machine with copies in place of the neighbours that it has not yet, taught what the machines below make of the data.
///
/// ```
/// use gibbsian_classical::dbm::GreedyStack;
/// use gibbsian_classical::{Bernoulli, FusedOptions};
/// use gibbsian_core::dataset::{Dataset, Matrix};
/// use gibbsian_core::{Seed, Streams, TrainStep};
/// use ndarray::Array2;
///
/// let seed = Seed::new(1);
/// let patterns = Matrix::new(Array2::from_shape_fn((8, 6), |(b, i)| ((b >> (i / 2)) & 1) as f64))?;
/// let mut stack = GreedyStack::new(Bernoulli::unbiased(6), &[4, 2])?;
/// while let Some(layer) = stack.next_layer() {
///     let seed = seed.nth(layer as u64);
///     let mut machine = stack.start(0.01, seed)?;
///     let mut step = stack.contrastive_divergence(FusedOptions::default())?;
///     let data = stack.features(&patterns)?;
///     // A driver of training has minibatches, a falling rate and checkpoints; the loop is this.
///     for k in 0..200 {
///         let rows = data.rows(&[0, 1, 2, 3, 4, 5, 6, 7], Streams::from_key(seed.nth(k).value()));
///         step.train_step(&mut machine, rows.view(), 0.1, &mut seed.child("chains").nth(k).rng())?;
///     }
///     stack.push(&machine)?;
/// }
/// assert_eq!(stack.compose()?.sizes(), [6, 4, 2]);
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct GreedyStack {
    visible: Bernoulli,
    hidden: Vec<usize>,
    trained: Vec<Rbm>,
    /// The same as layers above hear them.
    heard: Vec<BinaryRbm>,
}

impl GreedyStack {
    /// A stack on these visible units, with hidden layers of these sizes from the bottom up.
    ///
    /// # Errors
    /// No hidden layer, or one without units.
    pub fn new(visible: Bernoulli, hidden: &[usize]) -> Result<Self> {
        check_count("hidden", hidden.len())?;
        for &n in hidden {
            check_count("hidden", n)?;
        }
        Ok(GreedyStack {
            visible,
            hidden: hidden.to_vec(),
            trained: Vec::new(),
            heard: Vec::new(),
        })
    }

    /// The number of the hidden layer that is trained next, from 1; `None` when all are.
    pub fn next_layer(&self) -> Option<usize> {
        let next = self.trained.len() + 1;
        (next <= self.hidden.len()).then_some(next)
    }

    fn require_next(&self) -> Result<usize> {
        self.next_layer().ok_or_else(|| {
            Error::parameter(
                "hidden",
                self.hidden.len(),
                "a layer more, since all of them are trained",
            )
        })
    }

    /// Copies of the visible and of the hidden layer with which a layer learns: two of each that will have a neighbour on its other side.
    fn copies(&self, layer: usize) -> (usize, usize) {
        let is_alone = self.hidden.len() == 1;
        let n_visible = if is_alone || (layer > 1 && layer == self.hidden.len()) {
            1
        } else {
            2
        };
        (n_visible, if layer == 1 { 1 } else { 2 })
    }

    /// The machine of the next layer with small random weights of standard deviation `scale`; hidden biases start at zero.
    ///
    /// # Errors
    /// No layer is left, or a scale that is not positive and finite.
    pub fn start(&self, scale: f64, seed: Seed) -> Result<BinaryRbm> {
        let layer = self.require_next()?;
        let visible = match layer {
            1 => self.visible.clone(),
            _ => Bernoulli::unbiased(self.hidden[layer - 2]),
        };
        let hidden = Bernoulli::unbiased(self.hidden[layer - 1]);
        Ok(BinaryRbm::from(&Rbm::random(visible, hidden, scale, seed)?))
    }

    /// Contrastive divergence for the next layer, with its copies.
    ///
    /// # Errors
    /// No layer is left, or what [`FusedContrastiveDivergence::new`] refuses.
    pub fn contrastive_divergence(&self, settings: FusedOptions) -> Result<FusedContrastiveDivergence> {
        let (n_visible, n_hidden) = self.copies(self.require_next()?);
        FusedContrastiveDivergence::with_copies(settings, n_visible, n_hidden)
    }

    /// `rows` as the next layer sees them.
    ///
    /// # Errors
    /// Rows of another length than the visible layer.
    pub fn features<D: Dataset>(&self, rows: D) -> Result<TossedFeatures<'_, D>> {
        if rows.dim() != self.visible.bias().len() {
            let expected = format!(
                "(any number, {}): a number a visible unit",
                self.visible.bias().len()
            );
            return Err(Error::shape("rows", &[rows.n_points(), rows.dim()], expected));
        }
        TossedFeatures::new(rows, &self.heard)
    }

    /// Puts the machine of the next layer, which has learnt, on the stack.
    ///
    /// # Errors
    /// No layer is left, or a machine of other sizes.
    pub fn push(&mut self, machine: &BinaryRbm) -> Result<()> {
        let layer = self.require_next()?;
        let below = if layer == 1 {
            self.visible.bias().len()
        } else {
            self.hidden[layer - 2]
        };
        let expected = (below, self.hidden[layer - 1]);
        if (machine.n_visible(), machine.n_hidden()) != expected {
            let found = [machine.n_visible(), machine.n_hidden()];
            return Err(Error::shape(
                "machine",
                &found,
                format!("{expected:?}, the sizes of layer {layer}"),
            ));
        }
        let rbm = Rbm::from(machine);
        // Hidden units hear every copy of the layer below: as much as one through weights that many times as large.
        let (n_visible, _) = self.copies(layer);
        let louder = Rbm::new(
            rbm.visible().clone(),
            rbm.hidden().clone(),
            &rbm.weights() * n_visible as f64,
        )?;
        self.heard.push(BinaryRbm::from(&louder));
        self.trained.push(rbm);
        Ok(())
    }

    /// The deep machine of all layers ([`Dbm::from_stack`]).
    ///
    /// # Errors
    /// A layer that is not trained yet.
    pub fn compose(&self) -> Result<Dbm> {
        match (self.next_layer(), self.trained.split_first()) {
            (None, Some((bottom, upper))) => Dbm::from_stack(bottom, upper),
            _ => Err(Error::parameter(
                "trained layers",
                self.trained.len(),
                format!("{}, all of them", self.hidden.len()),
            )),
        }
    }
}
