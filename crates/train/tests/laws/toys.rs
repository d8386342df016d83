//! A number that is trained, and steps that do what a test says.

use std::path::PathBuf;

use gibbsian_core::{
    Layout, Parametric, ParametricMut, Record, Result, Seed, Snapshot, Space, TrainStep, Values,
};
use ndarray::{Array1, ArrayView1, ArrayView2, array};
use rand::Rng;

/// A model of some numbers.
#[derive(Clone, Debug, PartialEq)]
pub struct Numbers(pub Array1<f64>);

impl Space for Numbers {
    fn dim(&self) -> usize {
        1
    }
}

impl Parametric for Numbers {
    fn layout(&self) -> Layout {
        Layout::new().with("value", &[self.0.len()])
    }

    fn params(&self) -> Array1<f64> {
        self.0.clone()
    }
}

impl ParametricMut for Numbers {
    fn set_params(&mut self, params: ArrayView1<f64>) -> Result<()> {
        self.layout().check(params)?;
        self.0.assign(&params);
        Ok(())
    }
}

/// A training step that calls `f(calls so far, model, learning rate)`; how often it was called is its state.
pub struct Script<F> {
    pub n_calls: u64,
    pub f: F,
}

pub fn script<F: FnMut(u64, &mut Numbers, f64) -> Result<f64>>(f: F) -> Script<F> {
    Script { n_calls: 0, f }
}

impl<F: FnMut(u64, &mut Numbers, f64) -> Result<f64>> TrainStep<Numbers> for Script<F> {
    fn train_step(
        &mut self,
        model: &mut Numbers,
        _: ArrayView2<f64>,
        learning_rate: f64,
        _: &mut dyn Rng,
    ) -> Result<f64> {
        self.n_calls += 1;
        (self.f)(self.n_calls, model, learning_rate)
    }

    fn weighted_train_step(
        &mut self,
        model: &mut Numbers,
        x: ArrayView2<f64>,
        w: ArrayView1<f64>,
        learning_rate: f64,
        rng: &mut dyn Rng,
    ) -> Result<f64> {
        self.train_step(model, x, learning_rate * w[0], rng)
    }
}

impl<F> Snapshot for Script<F> {
    fn snapshot(&self) -> Record {
        let mut record = Record::new();
        record.put("n_calls", &[], Values::U64(vec![self.n_calls]));
        record
    }

    fn restore(&mut self, record: &Record) -> Result<()> {
        self.n_calls = record.u64s("n_calls", &[])?[0];
        Ok(())
    }
}

/// One step of `step` on a minibatch that does not matter.
pub fn step_once<M>(step: &mut impl TrainStep<M>, model: &mut M, rate: f64) -> Result<f64> {
    step.train_step(model, array![[0.0]].view(), rate, &mut Seed::new(0).rng())
}

/// An empty directory of one test alone.
pub fn fresh(name: &str) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("laws").join(name);
    let _ = std::fs::remove_dir_all(&path);
    std::fs::create_dir_all(&path).unwrap();
    path
}
