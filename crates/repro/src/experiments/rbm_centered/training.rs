//! One run: a machine in single precision, its exact log-probabilities on the way, and checkpoints.

use std::path::{Path, PathBuf};

use gibbsian_classical::{Bernoulli, BinaryRbm, Centred, Centring, Offsets, Rbm};
use gibbsian_core::dataset::Dataset;
use gibbsian_core::math::logit;
use gibbsian_core::{Error, Objective, Parametric, Seed, Snapshot, Space, Streams};
use gibbsian_data::{LastBatch, Minibatches, Threshold};
use gibbsian_objectives::PersistentContrastiveDivergence;
use gibbsian_samplers::Gibbs;
use gibbsian_train::{
    CheckpointFiles, Checkpointing, Constant, Decay, Descent, GO_ON, History, Monitor, Progress, Sgd,
    Trainer, mean_energy,
};
use ndarray::{Array1, Array2, ArrayViewMut2, Axis};
use rand::RngExt;

use crate::Result;

/// Hidden units.
pub(super) const N_HIDDEN: usize = 16;
/// Cases in a minibatch, and persistent chains.
const BATCH: usize = 100;

/// Which gradient is followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Gradient {
    Centred,
    Ordinary,
}

/// What is called one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Digits {
    /// Ink.
    Positive,
    /// Paper.
    Negative,
}

/// Binary pictures, as they are or with zeros and ones exchanged.
struct Pictures<'a> {
    digits: Digits,
    pictures: &'a Threshold,
}

impl Space for Pictures<'_> {
    fn dim(&self) -> usize {
        self.pictures.dim()
    }
}

impl Dataset for Pictures<'_> {
    fn n_points(&self) -> usize {
        self.pictures.n_points()
    }

    fn rows_into(&self, indices: &[usize], streams: Streams, mut out: ArrayViewMut2<f64>) {
        self.pictures.rows_into(indices, streams, out.view_mut());
        if self.digits == Digits::Negative {
            out.mapv_inplace(|x| 1.0 - x);
        }
    }
}

/// The sizes of a run.
#[derive(Clone, Copy, Debug)]
pub(super) struct Protocol {
    pub(super) n_train: usize,
    pub(super) n_test: usize,
    pub(super) n_epochs: u64,
    pub(super) learning_rate: f64,
    /// Exact log-probabilities are taken every so many epochs.
    pub(super) epochs_a_point: u64,
}

/// A trained machine and how it went.
pub(super) struct Run {
    pub(super) machine: BinaryRbm,
    pub(super) curve: Vec<Point>,
}

/// Mean exact log-probabilities after some epochs.
#[derive(Clone, Copy)]
pub(super) struct Point {
    pub(super) epoch: u64,
    pub(super) test: f64,
    pub(super) train: f64,
}

impl Run {
    /// The test log-probability at the end.
    pub(super) fn last(&self) -> f64 {
        self.curve.last().map_or(f64::NAN, |point| point.test)
    }
}

impl Protocol {
    pub(super) fn n_updates(&self) -> u64 {
        self.n_epochs * (self.n_train / BATCH) as u64
    }

    /// Trains one machine, or goes on where an interrupted run stopped.
    pub(super) fn train(
        self,
        gradient: Gradient,
        digits: Digits,
        train: &Threshold,
        test: &Threshold,
        seed: Seed,
        folder: &Path,
    ) -> Result<Run> {
        let (train, test) = (
            Pictures {
                digits,
                pictures: train,
            },
            Pictures {
                digits,
                pictures: test,
            },
        );
        let means = means(&train);
        let start = start(&means, seed)?;
        let mut rng = seed.child("chains").rng();
        let coins = Array2::from_shape_simple_fn((BATCH, means.len()), || f64::from(rng.random::<bool>()));
        let chains = PersistentContrastiveDivergence::<Gibbs, BinaryRbm>::new(Gibbs, 1, coins)?;
        match gradient {
            Gradient::Ordinary => self.run(
                gradient,
                BinaryRbm::from(&start),
                chains,
                &train,
                &test,
                seed,
                folder,
            ),
            Gradient::Centred => {
                let centring = Centring::new(means, Array1::from_elem(N_HIDDEN, 0.5))?;
                // The numbers of the start are centred parameters here.
                let machine = BinaryRbm::from(&centring.normal(&start)?);
                let objective = Centred::starting_at(chains, Offsets::DATA, centring)?;
                self.run(gradient, machine, objective, &train, &test, seed, folder)
            }
        }
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "all that a run is made of, named once each"
    )]
    fn run<O: Objective<BinaryRbm> + Snapshot>(
        self,
        gradient: Gradient,
        mut machine: BinaryRbm,
        objective: O,
        train: &Pictures,
        test: &Pictures,
        seed: Seed,
        folder: &Path,
    ) -> Result<Run> {
        let mut step = Descent::new(objective, Sgd::new(&machine.layout(), Decay::NONE)?);
        let mut order = Minibatches::new(train.n_points(), BATCH, LastBatch::Keep, seed.child("order"))?;
        let trainer = Trainer::new(self.n_epochs, Constant::new(self.learning_rate)?, seed)?;
        let mut checkpointing = Checkpointing::new(
            CheckpointFiles::new(folder)?,
            self.epochs_a_point * (self.n_train / BATCH) as u64,
            format!("{self:?}, {gradient:?}, {:?}", train.digits),
        )?;
        let mut watch = Watch {
            protocol: self,
            train,
            test,
            folder: folder.to_owned(),
        };
        checkpointing.fit(&trainer, &mut machine, &mut step, train, &mut order, &mut watch)?;
        let epochs = (1..=self.n_epochs).filter(|epoch| epoch.is_multiple_of(self.epochs_a_point));
        let curve = epochs.map(|epoch| watch.read(epoch)).collect::<Result<_>>()?;
        Ok(Run { machine, curve })
    }
}

/// The share of pictures in which each pixel is on.
fn means(pictures: &Pictures) -> Array1<f64> {
    let n = pictures.n_points();
    let mut sum = Array1::zeros(pictures.dim());
    for indices in (0..n).collect::<Vec<_>>().chunks(1_000) {
        sum += &pictures.rows(indices, Streams::from_key(0)).sum_axis(Axis(0));
    }
    sum / n as f64
}

/// The parameters at the start, in the coordinates of the method.
fn start(means: &Array1<f64>, seed: Seed) -> Result<Rbm> {
    let mut rng = seed.child("weights").rng();
    let n_visible = means.len();
    let half_width = 4.0 * (6.0 / (n_visible + N_HIDDEN) as f64).sqrt();
    let weights = Array2::from_shape_simple_fn((n_visible, N_HIDDEN), || {
        half_width * (2.0 * rng.random::<f64>() - 1.0)
    });
    let visible = Bernoulli::new(means.mapv(|m| logit(m.clamp(0.001, 0.999))))?;
    Ok(Rbm::new(visible, Bernoulli::unbiased(N_HIDDEN), weights)?)
}

/// Takes exact log-probabilities, and keeps them in files beside the checkpoints, so that they survive an interruption.
struct Watch<'a> {
    protocol: Protocol,
    train: &'a Pictures<'a>,
    test: &'a Pictures<'a>,
    folder: PathBuf,
}

impl Watch<'_> {
    fn path(&self, epoch: u64) -> PathBuf {
        self.folder.join(format!("epoch-{epoch}.txt"))
    }

    fn read(&self, epoch: u64) -> Result<Point> {
        let path = self.path(epoch);
        let text = std::fs::read_to_string(&path).map_err(|e| Error::file(&path, "read", e))?;
        let numbers: Vec<f64> = text
            .split_whitespace()
            .map(str::parse)
            .collect::<std::result::Result<_, _>>()?;
        match numbers[..] {
            [test, train] => Ok(Point { epoch, test, train }),
            _ => Err(Error::format(path.display().to_string(), &text, "two numbers").into()),
        }
    }
}

impl Monitor<BinaryRbm> for Watch<'_> {
    fn on_epoch(
        &mut self,
        machine: &BinaryRbm,
        progress: &Progress,
        _history: &History,
    ) -> gibbsian_core::Result<std::ops::ControlFlow<()>> {
        let epoch = progress.epoch + 1;
        if epoch.is_multiple_of(self.protocol.epochs_a_point) {
            let log_z = machine.log_z()?;
            let log_p = |data: &Pictures| -> gibbsian_core::Result<f64> {
                Ok(-mean_energy(machine, data, Streams::from_key(0))?.mean - log_z)
            };
            let text = format!("{:?} {:?}\n", log_p(self.test)?, log_p(self.train)?);
            let path = self.path(epoch);
            crate::files::write_atomic(&path, text.as_bytes())?;
        }
        Ok(GO_ON)
    }
}
