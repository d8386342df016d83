//! Parallel tempering as a kernel on a path, whose chains are the replicas at the target.

use gibbsian_core::{Record, Values};
use ndarray::{CowArray, Ix2};

use super::*;

impl<P: Path> Kernel<P> for ParallelTempering
where
    P::State: Snapshot,
{
    type State = Replicas<P::State>;
    type Info = Swaps;

    fn init(&self, path: &P, x: Array2<f64>) -> Result<Self::State> {
        self.place(path, x)
    }

    fn refresh(&self, path: &P, state: &mut Self::State) {
        state.rungs.iter_mut().for_each(|rung| path.refresh(rung));
    }

    fn positions<'s>(&self, state: &'s Self::State) -> CowArray<'s, f64, Ix2> {
        state.x.view().into()
    }

    fn step(&self, path: &P, state: &mut Self::State, rng: &mut dyn Rng) -> Swaps {
        self.advance(path, state, rng)
    }
}

/// All rungs, who is where, and how many steps were made, whose parity says which pairs are next.
impl<S: Snapshot> Snapshot for Replicas<S> {
    fn snapshot(&self) -> Record {
        let mut record = Record::new();
        for (k, rung) in self.rungs.iter().enumerate() {
            record.put_part(&format!("rung{k}"), rung.snapshot());
        }
        record.put_part("target", self.x.snapshot());
        let shape = [self.journeys.len(), self.rungs.len()];
        let journeys = || self.journeys.iter().flatten();
        record.put("replicas", &shape, Values::U64(journeys().map(|j| j.0).collect()));
        record.put(
            "ends",
            &shape,
            Values::U8(journeys().map(|j| j.1 as u8).collect()),
        );
        record.put("n_steps", &[], Values::U64(vec![self.n_steps]));
        let trips = Values::U64(self.round_trips.clone());
        record.put("round_trips", &[self.round_trips.len()], trips);
        record
    }

    fn restore(&mut self, record: &Record) -> Result<()> {
        let shape = [self.journeys.len(), self.rungs.len()];
        let ids = record.u64s("replicas", &shape)?;
        let ends = record.bytes("ends", &shape)?;
        let n_steps = record.u64s("n_steps", &[])?[0];
        let round_trips = record.u64s("round_trips", &[self.round_trips.len()])?;
        let before: Vec<Record> = self.rungs.iter().map(Snapshot::snapshot).collect();
        let mut restored = Ok(());
        for (k, rung) in self.rungs.iter_mut().enumerate() {
            restored = restored.and_then(|()| rung.restore(&record.part(&format!("rung{k}"))));
        }
        restored = restored.and_then(|()| self.x.restore(&record.part("target")));
        if restored.is_err() {
            for (rung, before) in self.rungs.iter_mut().zip(&before) {
                rung.restore(before)?;
            }
            return restored;
        }
        let n_rungs = self.rungs.len();
        for (b, journey) in self.journeys.iter_mut().enumerate() {
            for (k, place) in journey.iter_mut().enumerate() {
                let at = b * n_rungs + k;
                *place = (ids[at], END[usize::from(ends[at]).min(2)]);
            }
        }
        self.n_steps = n_steps;
        self.round_trips = round_trips.to_vec();
        Ok(())
    }
}

/// The ends in the order of their numbers in a snapshot.
const END: [End; 3] = [End::Neither, End::Start, End::Target];
