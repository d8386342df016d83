//! The penalty on squared energies, in every objective that contrasts two phases; and what their reports say.

use crate::common::{call, data, draws, energy_derivatives, model};
use gibbsian_core::{Energy, Objective, Seed};
use gibbsian_objectives::{
    ContrastiveDivergence, Draws, FastPersistentContrastiveDivergence, FastWeights,
    PersistentContrastiveDivergence, PhaseReport, Replay, ReplayBuffer, ReplayContrastiveDivergence,
    ShortRunContrastiveDivergence,
};
use gibbsian_testkit::audit::Audit;
use gibbsian_testkit::targets::{Pairwise, Sweep};
use ndarray::{Array1, Array2, Axis};
use rand::Rng;

const ALPHA: f64 = 0.3;

/// Loss, gradient and report of the first call.
fn first<O: Objective<Pairwise>>(
    mut objective: O,
    report: impl Fn(&O) -> Option<&PhaseReport>,
) -> (f64, Array1<f64>, PhaseReport) {
    assert!(report(&objective).is_none());
    let (loss, grad) = call(&mut objective, data().view(), &mut Seed::new(1).rng()).unwrap();
    (loss, grad, report(&objective).unwrap().clone())
}

/// With the same chains the penalty adds `α (⟨E²⟩₊ + ⟨E²⟩₋)` to the loss and its derivative to the gradient.
fn penalised<O: Objective<Pairwise>>(
    plain: O,
    with: O,
    report: impl Fn(&O) -> Option<&PhaseReport>,
    chains: impl Fn(&O) -> Option<Array2<f64>>,
) {
    let (loss, grad, seen) = first(plain, &report);
    assert_eq!(seen.positive, model().energy(data().view()));
    assert!((seen.energy_gap() - loss).abs() <= 1e-14);
    let mut with = with;
    let (penalised, penalised_grad) = call(&mut with, data().view(), &mut Seed::new(1).rng()).unwrap();
    assert_eq!(report(&with).unwrap(), &seen);
    let squares = |e: &Array1<f64>| e.mapv(|e| e * e).mean().unwrap();
    let expected = ALPHA * (squares(&seen.positive) + squares(&seen.negative));
    assert!(
        (penalised - loss - expected).abs() <= 1e-13,
        "{penalised} {loss} {expected}"
    );
    if let Some(chains) = chains(&with) {
        let slope = |x: &Array2<f64>| {
            let weighted =
                energy_derivatives(&model(), x.view()) * &model().energy(x.view()).insert_axis(Axis(1));
            weighted.mean_axis(Axis(0)).unwrap() * (2.0 * ALPHA)
        };
        let expected = slope(&data()) + slope(&chains);
        let error = (&penalised_grad - &grad - expected).mapv(f64::abs).sum();
        assert!(error <= 1e-12, "{error:e}");
    } else {
        assert!((&penalised_grad - &grad).mapv(f64::abs).sum() > 1e-3);
    }
}

fn start(n: usize, _: &mut dyn Rng) -> Array2<f64> {
    Array2::ones((n, 3))
}

#[test]
fn every_contrast_can_be_penalised() {
    let cd = || ContrastiveDivergence::new(Sweep::Forward, 2).unwrap();
    penalised(
        cd(),
        cd().with_energy_penalty(ALPHA).unwrap(),
        |o| o.report(),
        |_| None,
    );

    let pcd = || PersistentContrastiveDivergence::new(Sweep::Forward, 2, Array2::ones((30, 3))).unwrap();
    penalised(
        pcd(),
        pcd().with_energy_penalty(ALPHA).unwrap(),
        |o| o.report(),
        |o| Some(o.positions()),
    );

    let fast = || {
        let settings = FastWeights::new(0.01);
        FastPersistentContrastiveDivergence::new(Sweep::Forward, 2, Array2::ones((30, 3)), settings).unwrap()
    };
    penalised(
        fast(),
        fast().with_energy_penalty(ALPHA).unwrap(),
        |o| o.report(),
        |o| Some(o.positions()),
    );

    let short = || ShortRunContrastiveDivergence::new(Sweep::Forward, Draws(start), 2, 30).unwrap();
    penalised(
        short(),
        short().with_energy_penalty(ALPHA).unwrap(),
        |o| o.report(),
        |_| None,
    );

    let replay = || {
        let settings = Replay {
            reinitialise: 0.5,
            ..Replay::new(2, 30)
        };
        let buffer = ReplayBuffer::new(Array2::ones((30, 3))).unwrap();
        ReplayContrastiveDivergence::new(Sweep::Forward, Draws(start), buffer, settings).unwrap()
    };
    let chains = |o: &ReplayContrastiveDivergence<_, _>| Some(o.buffer().positions().to_owned());
    penalised(
        replay(),
        replay().with_energy_penalty(ALPHA).unwrap(),
        |o| o.report(),
        chains,
    );

    let refused = cd().with_energy_penalty(-1.0).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "`energy_penalty` is -1, but must be finite and at least zero"
    );
}

#[test]
fn a_report_is_about_the_spread_and_the_gap_of_energies() {
    let audit = Audit::new(&model()).unwrap();
    let energy = |seed| model().energy(draws(&audit, 10_000, &mut Seed::new(seed).rng()).view());
    let mut report = PhaseReport::default();
    (report.positive, report.negative) = (energy(2), energy(3));
    let energies = model().energy(audit.states.view());
    let mean = audit.pi.dot(&energies);
    let deviation = (audit.pi.dot(&energies.mapv(|e| (e - mean).powi(2)))).sqrt();
    let [positive, negative] = report.energy_deviations();
    // Four standard errors of a standard deviation, of which the fourth moment decides.
    let fourth = audit.pi.dot(&energies.mapv(|e| (e - mean).powi(4)));
    let error = ((fourth - deviation.powi(4)) / 10_000.0).sqrt() / (2.0 * deviation);
    assert!((positive - deviation).abs() <= 4.0 * error && (negative - deviation).abs() <= 4.0 * error);
    let expected = report.energy_gap() / ((positive.powi(2) + negative.powi(2)) / 10_000.0).sqrt();
    assert!((report.standardised_gap() - expected).abs() <= 1e-12);
    assert!(report.standardised_gap().abs() <= 4.9);
}

/// One row has no spread, so a gap between single rows is not measured in it.
#[test]
fn a_gap_without_a_standard_error_is_not_a_large_one() {
    let gap = |positive: &[f64], negative: &[f64]| {
        let mut report = PhaseReport::default();
        report.positive = positive.to_vec().into();
        report.negative = negative.to_vec().into();
        report.standardised_gap()
    };
    assert!(gap(&[1.0], &[2.0]).is_nan());
    assert!(gap(&[1.0, 3.0], &[2.0]).is_nan());
    assert!(gap(&[1.0], &[2.0, 4.0]).is_nan());
    // Variances of 1 and of 4, in two rows each.
    assert!((gap(&[1.0, 3.0], &[6.0, 10.0]) + 6.0 / 2.5_f64.sqrt()).abs() <= 1e-15);
    assert_eq!(gap(&[1.0, 1.0], &[2.0, 2.0]), f64::NEG_INFINITY);
    assert!(gap(&[2.0, 2.0], &[2.0, 2.0]).is_nan());
}
