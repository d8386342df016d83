//! Reports that are shared while a loop holds the objective: they are those of the objective, change nothing, and are gone with a state that was left.

use crate::common::{call, data, model};
use gibbsian_core::{Objective, Seed, Snapshot};
use gibbsian_objectives::{
    ContrastiveDivergence, Draws, FastPersistentContrastiveDivergence, FastWeights,
    PersistentContrastiveDivergence, Replay, ReplayBuffer, ReplayContrastiveDivergence, Reported,
    ShortRunContrastiveDivergence, Traced, TwoPhases,
};
use gibbsian_testkit::conformance;
use gibbsian_testkit::targets::{Pairwise, Sweep};
use ndarray::Array2;
use rand::{Rng, RngExt};

/// Fair spins.
fn spins(n: usize, rng: &mut dyn Rng) -> Array2<f64> {
    Array2::from_shape_simple_fn((n, 3), || if rng.random::<f64>() < 0.5 { 1.0 } else { -1.0 })
}

fn contrastive() -> ContrastiveDivergence<Sweep> {
    ContrastiveDivergence::new(Sweep::Forward, 2).unwrap()
}

fn persistent() -> PersistentContrastiveDivergence<Sweep, Pairwise> {
    PersistentContrastiveDivergence::new(Sweep::Forward, 1, Array2::ones((5, 3))).unwrap()
}

/// Watched and alone, an objective does the same, and the handle has its report.
fn agree<O: Objective<Pairwise> + TwoPhases + Snapshot>(make: impl Fn() -> O + Sync) {
    conformance::objective(|| Reported::new(make()), &model(), data().view(), Seed::new(1)).unwrap();
    let (mut alone, mut watched) = (make(), Reported::new(make()));
    let last = watched.last();
    assert!(last.get().is_none() && last.number(|report| report.energy_gap()).is_nan());
    for t in 0..4 {
        let rng = || Seed::new(2).nth(t).rng();
        let expected = call(&mut alone, data().view(), &mut rng()).unwrap();
        assert_eq!(call(&mut watched, data().view(), &mut rng()).unwrap(), expected);
        let report = alone.phase_report().unwrap();
        assert_eq!(last.get().as_ref(), Some(report));
        assert_eq!(last.number(|report| report.energy_gap()), report.energy_gap());
    }
    // An update that ends in an error is not seen.
    let before = last.get();
    call(
        &mut watched,
        Array2::zeros((2, 2)).view(),
        &mut Seed::new(1).rng(),
    )
    .unwrap_err();
    assert_eq!(last.get(), before);
    let state = watched.snapshot();
    watched.restore(&state).unwrap();
    assert!(last.get().is_none());
}

#[test]
fn a_report_is_that_of_the_last_update() {
    agree(contrastive);
    agree(persistent);
    agree(|| {
        let (start, fast) = (Array2::ones((5, 3)), FastWeights::new(0.1));
        FastPersistentContrastiveDivergence::new(Sweep::Forward, 1, start, fast).unwrap()
    });
    agree(|| ShortRunContrastiveDivergence::new(Sweep::Forward, Draws(spins), 2, 4).unwrap());
    agree(|| {
        let buffer = ReplayBuffer::new(Array2::ones((9, 3))).unwrap();
        ReplayContrastiveDivergence::new(Sweep::Forward, Draws(spins), buffer, Replay::new(1, 4)).unwrap()
    });
}

#[test]
fn two_may_watch_one_objective() {
    let mut watched = Reported::new(Traced::new(persistent(), 3).unwrap());
    let (last, traces) = (watched.last(), watched.objective().traces());
    call(&mut watched, data().view(), &mut Seed::new(4).rng()).unwrap();
    assert_eq!(traces.draws(1).column(0), last.get().unwrap().negative);
}

#[test]
fn a_state_that_does_not_fit_changes_nothing() {
    let mut watched = Reported::new(persistent());
    call(&mut watched, data().view(), &mut Seed::new(3).rng()).unwrap();
    let before = watched.snapshot();
    let other =
        PersistentContrastiveDivergence::<Sweep, Pairwise>::new(Sweep::Forward, 1, Array2::ones((4, 3)));
    let misfit = Reported::new(other.unwrap()).snapshot();
    assert!(watched.restore(&misfit).is_err());
    assert_eq!(watched.snapshot(), before);
}
