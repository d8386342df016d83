//! What an annealing path is made of: layers between two ends, and the chains on it.

use gibbsian_core::{Record, Result, Snapshot, Units};
use ndarray::{Array1, Array2};

use crate::dbm::layer::Layer;
use crate::rbm::interpolate;

/// A layer and the field from outside at both ends.
#[derive(Clone, Debug)]
pub(in crate::dbm) struct Ends<V, H> {
    pub(super) start: Layer<V, H>,
    pub(super) end: Layer<V, H>,
    pub(super) start_field: Array1<f64>,
    pub(super) end_field: Array1<f64>,
}

impl<V: Units, H: Units> Ends<V, H> {
    pub(super) fn units(&self, beta: f64) -> Layer<V, H> {
        interpolate(&self.start, &self.end, beta)
    }

    pub(super) fn field(&self, beta: f64) -> Array1<f64> {
        &self.start_field * (1.0 - beta) + &self.end_field * beta
    }
}

/// States of the kept layers, and the fields from them of the layers between, which work and transition share.
#[derive(Clone, Debug)]
pub struct State {
    pub(super) x: Vec<Array2<f64>>,
}

/// States and fields: the latter could be recomputed, but those that were computed in another batch may round differently.
impl Snapshot for State {
    fn snapshot(&self) -> Record {
        let mut record = Record::new();
        for (l, x) in self.x.iter().enumerate() {
            record.put_part(&format!("layer.{l}"), x.snapshot());
        }
        record
    }

    fn restore(&mut self, record: &Record) -> Result<()> {
        let mut x = self.x.clone();
        for (l, x) in x.iter_mut().enumerate() {
            x.restore(&record.part(&format!("layer.{l}")))?;
        }
        self.x = x;
        Ok(())
    }
}
