//! The losses of a run, an epoch at a time.

use gibbsian_core::{Record, Result, Snapshot, Values};

/// The mean loss of every finished epoch, and what is known of the epoch under way.
///
/// The mean is over steps, each counting alike, added in the order of the steps. It is part of a checkpoint, so a
/// resumed run ends with the history of an uninterrupted one.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct History {
    losses: Vec<f64>,
    sum: f64,
    n_summed: u64,
}

impl History {
    /// The mean loss of every finished epoch.
    pub fn losses(&self) -> &[f64] {
        &self.losses
    }

    /// Counts the loss of one step of the epoch under way.
    pub(crate) fn add(&mut self, loss: f64) {
        self.sum += loss;
        self.n_summed += 1;
    }

    /// Ends the epoch and returns its mean loss.
    pub(crate) fn end_epoch(&mut self) -> f64 {
        let mean = self.sum / self.n_summed as f64;
        self.losses.push(mean);
        self.sum = 0.0;
        self.n_summed = 0;
        mean
    }
}

impl Snapshot for History {
    fn snapshot(&self) -> Record {
        let mut record = Record::new();
        record.put("losses", &[self.losses.len()], Values::F64(self.losses.clone()));
        record.put("sum", &[], Values::F64(vec![self.sum]));
        record.put("n_summed", &[], Values::U64(vec![self.n_summed]));
        record
    }

    fn restore(&mut self, record: &Record) -> Result<()> {
        let n_epochs = record.shape("losses").map_or(0, |shape| shape.iter().product());
        *self = History {
            losses: record.f64s("losses", &[n_epochs])?.to_vec(),
            sum: record.f64s("sum", &[])?[0],
            n_summed: record.u64s("n_summed", &[])?[0],
        };
        Ok(())
    }
}
