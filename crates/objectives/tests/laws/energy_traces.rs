//! The energies of persistent chains over updates: whose they are, how long they are kept, and that they belong to the state.

use std::collections::BTreeMap;

use crate::common::{call, data, model};
use gibbsian_core::{Energy, Record, Seed, Snapshot};
use gibbsian_objectives::{
    Draws, FastPersistentContrastiveDivergence, FastWeights, PersistentContrastiveDivergence, Replay,
    ReplayBuffer, ReplayContrastiveDivergence, Source, Traced,
};
use gibbsian_testkit::conformance;
use gibbsian_testkit::targets::{Pairwise, Sweep};
use ndarray::{Array1, Array2, s};
use rand::{Rng, RngExt};

type Persistent = PersistentContrastiveDivergence<Sweep, Pairwise>;

fn persistent(n_updates: usize) -> Traced<Persistent> {
    let chains = PersistentContrastiveDivergence::new(Sweep::Forward, 1, Array2::ones((5, 3))).unwrap();
    Traced::new(chains, n_updates).unwrap()
}

/// Fair spins.
fn noise() -> impl Source + Clone {
    Draws(|n: usize, rng: &mut dyn Rng| {
        Array2::from_shape_simple_fn((n, 3), || if rng.random::<f64>() < 0.5 { 1.0 } else { -1.0 })
    })
}

fn replay(n_updates: usize) -> Traced<ReplayContrastiveDivergence<Sweep, impl Source + Clone>> {
    let settings = Replay {
        reinitialise: 0.2,
        ..Replay::new(1, 4)
    };
    let buffer = ReplayBuffer::new(Array2::ones((9, 3))).unwrap();
    let chains = ReplayContrastiveDivergence::new(Sweep::Forward, noise(), buffer, settings).unwrap();
    Traced::new(chains, n_updates).unwrap()
}

#[test]
fn the_objective_obeys_the_laws_of_its_traits() {
    conformance::objective(|| persistent(3), &model(), data().view(), Seed::new(1)).unwrap();
    conformance::objective(|| replay(3), &model(), data().view(), Seed::new(1)).unwrap();
}

#[test]
fn a_state_comes_back_whole_or_not_at_all() {
    let mut used = replay(3);
    for t in 0..5 {
        call(&mut used, data().view(), &mut Seed::new(2).nth(t).rng()).unwrap();
    }
    let saved = used.snapshot();
    let names: Vec<_> = saved.entries().map(|(name, ..)| name.to_owned()).collect();
    assert_eq!(names.len(), 5);
    let mut other = replay(3);
    let before = other.snapshot();
    for missing in names {
        let mut spoilt = Record::new();
        for (name, shape, values) in saved.entries().filter(|(name, ..)| **name != missing) {
            spoilt.put(name, shape, values.clone());
        }
        assert!(other.restore(&spoilt).is_err(), "{missing}");
        assert_eq!(other.snapshot(), before, "{missing}");
    }
    other.restore(&saved).unwrap();
    assert_eq!(other.snapshot(), saved);
    assert_eq!(other.traces().draws(1), used.traces().draws(1));
}

#[test]
fn persistent_chains_have_the_energies_of_the_last_updates() {
    let mut objective = persistent(4);
    let traces = objective.traces();
    let mut by_hand = Vec::new();
    for t in 0..10_usize {
        assert_eq!(traces.n_updates(), t as u64);
        assert_eq!(traces.draws(t.min(4) + 1).nrows(), 0);
        call(
            &mut objective,
            data().view(),
            &mut Seed::new(3).nth(t as u64).rng(),
        )
        .unwrap();
        by_hand.push(model().energy(objective.objective().positions().view()));
        let n = by_hand.len().min(4);
        let draws = traces.draws(n);
        assert_eq!(draws.dim(), (5, n));
        for (column, energies) in draws.columns().into_iter().zip(&by_hand[by_hand.len() - n..]) {
            assert_eq!(column, energies);
        }
        // Fewer are the last of them.
        assert_eq!(traces.draws(1).column(0), by_hand[t]);
        assert_eq!(traces.slots(n), [0, 1, 2, 3, 4]);
    }
    assert!(traces.draws(4).std(0.0) > 0.0);
    assert_eq!(traces.draws(0).dim(), (5, 0));
}

/// Fast weights move the chains; the energies are those of the model.
#[test]
fn chains_with_fast_weights_are_traced_in_the_energy_of_the_model() {
    let weights = FastWeights::new(0.5);
    let start = Array2::ones((6, 3));
    let fast = FastPersistentContrastiveDivergence::new(Sweep::Forward, 1, start, weights).unwrap();
    let mut objective = Traced::new(fast, 10).unwrap();
    for t in 0..3 {
        call(&mut objective, data().view(), &mut Seed::new(4).nth(t).rng()).unwrap();
    }
    let draws = objective.traces().draws(3);
    let now = model().energy(objective.objective().positions().view());
    assert_eq!(draws.column(2), now);
}

/// A replayed chain has draws where it was visited, and none from before it started anew.
#[test]
fn replayed_chains_are_traced_by_their_slots() {
    const WINDOW: usize = 12;
    let mut objective = replay(WINDOW);
    let traces = objective.traces();
    // The update and the energy of every visit since the last start, by slot.
    let mut by_hand: BTreeMap<usize, Vec<(usize, f64)>> = BTreeMap::new();
    let (mut n_restarts, mut n_forgotten) = (0, 0);
    for t in 0..60 {
        let before = objective.objective().buffer().positions().to_owned();
        call(
            &mut objective,
            data().view(),
            &mut Seed::new(5).nth(t as u64).rng(),
        )
        .unwrap();
        let after = model().energy(objective.objective().buffer().positions());
        let report = objective.objective().report().unwrap();
        let mut slots: Vec<_> = report.visits.iter().map(|visit| visit.slot).collect();
        for (visit, &energy) in report.visits.iter().zip(&report.negative) {
            // The buffer has the chain where the report says.
            assert_eq!(after[visit.slot], energy);
            let trace = by_hand.entry(visit.slot).or_default();
            if visit.is_fresh {
                n_restarts += 1;
                trace.clear();
            }
            trace.push((t, energy));
        }
        slots.sort_unstable();
        slots.dedup();
        assert_eq!(slots.len(), 4);
        // What was not visited stands still.
        let still = objective.objective().buffer().positions();
        for slot in (0..9).filter(|slot| !slots.contains(slot)) {
            assert_eq!(still.row(slot), before.row(slot));
        }
        for trace in by_hand.values_mut() {
            let n_before = trace.len();
            trace.retain(|&(update, _)| update + WINDOW > t);
            n_forgotten += n_before - trace.len();
        }
        for n in [1, 3, 6] {
            let long: Vec<_> = by_hand.iter().filter(|(_, trace)| trace.len() >= n).collect();
            assert_eq!(
                traces.slots(n),
                long.iter().map(|(slot, _)| **slot).collect::<Vec<_>>()
            );
            for (draws, (_, trace)) in traces.draws(n).rows().into_iter().zip(long) {
                let last: Array1<f64> = trace[trace.len() - n..]
                    .iter()
                    .map(|&(_, energy)| energy)
                    .collect();
                assert_eq!(draws, last);
            }
        }
    }
    assert!(n_restarts > 20 && n_forgotten > 20, "{n_restarts} {n_forgotten}");
}

/// Going back to a state forgets what happened after it, whatever that was.
#[test]
fn traces_belong_to_the_state() {
    let mut objective = persistent(6);
    let traces = objective.traces();
    let go_on = |objective: &mut Traced<Persistent>, steps: std::ops::Range<u64>| {
        for t in steps {
            call(objective, data().view(), &mut Seed::new(6).nth(t).rng()).unwrap();
        }
    };
    let beginning = objective.snapshot();
    go_on(&mut objective, 0..4);
    let state = objective.snapshot();
    go_on(&mut objective, 4..9);
    let whole = traces.draws(6);
    objective.restore(&state).unwrap();
    assert_eq!((traces.n_updates(), traces.draws(5).nrows()), (4, 0));
    // Six updates of nine: the first that is kept is the last of the four.
    assert_eq!(traces.draws(1), whole.slice(s![.., ..1]));
    go_on(&mut objective, 4..9);
    assert_eq!(traces.draws(6), whole);
    objective.restore(&beginning).unwrap();
    assert_eq!(traces.slots(1).len(), 0);

    let mut resumed = persistent(6);
    resumed.restore(&state).unwrap();
    go_on(&mut resumed, 4..9);
    assert_eq!(resumed.traces().draws(6), whole);

    // An update that ends in an error leaves none.
    let n = traces.n_updates();
    assert!(
        call(
            &mut objective,
            Array2::zeros((2, 2)).view(),
            &mut Seed::new(1).rng()
        )
        .is_err()
    );
    assert_eq!(traces.n_updates(), n);

    let chains = Persistent::new(Sweep::Forward, 1, Array2::ones((5, 3))).unwrap();
    let refused = Traced::new(chains, 0).unwrap_err();
    assert_eq!(refused.to_string(), "`n_updates` is 0, but must be at least 1");
}
