//! Fast weights: they follow their recurrence, drive the chains, and are no part of the model.

use crate::common::{call, data, energy_derivatives, model, refusal};
use gibbsian_core::{Error, Kernel, Objective, Parametric, ParametricMut, Record, Seed, Snapshot, Values};
use gibbsian_objectives::{
    FastPersistentContrastiveDivergence, FastWeights, PersistentContrastiveDivergence,
};
use gibbsian_testkit::conformance;
use gibbsian_testkit::targets::{Pairwise, Sweep};
use ndarray::{Array1, Array2, Axis};

type Fast = FastPersistentContrastiveDivergence<Sweep, Pairwise>;

const SETTINGS: FastWeights = FastWeights {
    rate: 0.3,
    decay: 0.75,
};

fn chains(n: usize, n_steps: usize, settings: FastWeights) -> Fast {
    Fast::new(Sweep::Forward, n_steps, Array2::ones((n, 3)), settings).unwrap()
}

#[test]
fn chains_run_on_the_model_with_fast_weights_added() {
    let (model, x) = (model(), data());
    let mut objective = chains(50, 2, SETTINGS);
    let mut rng = Seed::new(1).rng();
    // The same by hand, with the same random numbers.
    let mut by_hand = Sweep::Forward.init(&model, Array2::ones((50, 3))).unwrap();
    let mut same_rng = Seed::new(1).rng();
    let mut phi = Array1::<f64>::zeros(6);
    let positive = energy_derivatives(&model, x.view()).mean_axis(Axis(0)).unwrap();
    for update in 0..5 {
        let (_, grad) = call(&mut objective, x.view(), &mut rng).unwrap();
        let mut restless = model.clone();
        restless.set_params((model.params() + &phi).view()).unwrap();
        for _ in 0..2 {
            Sweep::Forward.step(&restless, &mut by_hand, &mut same_rng);
        }
        assert_eq!(objective.positions(), by_hand, "update {update}");
        let negative = energy_derivatives(&model, by_hand.view())
            .mean_axis(Axis(0))
            .unwrap();
        let expected = &positive - negative;
        let error = (&grad - &expected).mapv(f64::abs).sum();
        assert!(error <= 1e-13, "update {update}: {error:e}");
        phi = phi * 0.75 - grad * 0.3;
        let error = (&objective.fast_weights() - &phi).mapv(f64::abs).sum();
        assert!(error <= 1e-14, "update {update}: {error:e}");
    }
    assert!(phi.iter().any(|p| p.abs() > 0.1), "{phi}");
}

#[test]
fn without_a_fast_rate_it_is_persistent_contrastive_divergence() {
    let mut fast = chains(40, 3, FastWeights::new(0.0));
    let mut plain =
        PersistentContrastiveDivergence::<_, Pairwise>::new(Sweep::Forward, 3, Array2::ones((40, 3)))
            .unwrap();
    for update in 0..3 {
        let (a, b) = (Seed::new(update), Seed::new(update));
        assert_eq!(
            call(&mut fast, data().view(), &mut a.rng()).unwrap(),
            call(&mut plain, data().view(), &mut b.rng()).unwrap()
        );
    }
}

/// Two spins that hold each other so strongly that a pair turns once in e⁸ sweeps: the chains start in one mode and the data are in both.
#[test]
fn fast_weights_drive_chains_out_of_a_mode() {
    let mut couplings = Array2::zeros((2, 2));
    couplings[[1, 0]] = 4.0;
    let model = Pairwise::new(Array1::zeros(2), couplings).unwrap();
    let x = ndarray::array![[1.0, 1.0], [-1.0, -1.0]];
    let up = |settings| {
        let mut objective = Fast::new(Sweep::Forward, 1, Array2::ones((100, 2)), settings).unwrap();
        let mut rng = Seed::new(7).rng();
        let mut grad = Array1::zeros(3);
        let mut sum = 0.0;
        for update in 0..400 {
            objective
                .loss_and_grad_into(&model, x.view(), &mut rng, grad.view_mut())
                .unwrap();
            if update >= 200 {
                sum += objective
                    .positions()
                    .column(0)
                    .iter()
                    .filter(|s| **s == 1.0)
                    .count() as f64;
            }
        }
        sum / (200.0 * 100.0)
    };
    // Alone a chain leaves its mode with probability 1/(1 + e⁸) a sweep: thirteen of a hundred are expected to in 400 sweeps.
    assert!(up(FastWeights::new(0.0)) > 0.7);
    let driven = up(FastWeights::new(0.5));
    assert!((0.3..0.7).contains(&driven), "{driven}");
}

#[test]
fn the_objective_obeys_the_laws_of_its_trait() {
    conformance::objective(|| chains(100, 2, SETTINGS), &model(), data().view(), Seed::new(3)).unwrap();
}

#[test]
fn a_run_resumes_from_a_snapshot_bit_for_bit() {
    let x = data();
    let mut whole = chains(40, 2, SETTINGS);
    for update in 0..3 {
        call(&mut whole, x.view(), &mut Seed::new(update).rng()).unwrap();
    }
    let mut resumed = chains(40, 2, SETTINGS);
    resumed.restore(&whole.snapshot()).unwrap();
    let mut running = chains(40, 2, SETTINGS);
    call(&mut running, x.view(), &mut Seed::new(9).rng()).unwrap();
    running.restore(&whole.snapshot()).unwrap();
    let expected = call(&mut whole, x.view(), &mut Seed::new(5).rng()).unwrap();
    for objective in [&mut resumed, &mut running] {
        assert_eq!(
            call(objective, x.view(), &mut Seed::new(5).rng()).unwrap(),
            expected
        );
        assert_eq!(objective.snapshot(), whole.snapshot());
    }
    // Fast weights of another model are refused.
    let mut record = Record::new();
    record.put("chains", &[40, 3], Values::F64(vec![1.0; 120]));
    record.put("fast_weights", &[2], Values::F64(vec![0.0; 2]));
    assert!(
        running
            .restore(&record)
            .unwrap_err()
            .to_string()
            .contains("fast_weights")
    );
    let mut new = chains(40, 2, SETTINGS);
    new.restore(&record).unwrap();
    assert_eq!(
        refusal(&mut new, x),
        "`fast_weights` has shape [2], but must have shape [6]"
    );
}

/// A run that diverges in its first steps goes back to where it began.
#[test]
fn the_state_before_the_first_minibatch_comes_back() {
    let x = data();
    let calls = |objective: &mut Fast| -> Vec<_> {
        let seeds = (0..3).map(|n| Seed::new(5).nth(n));
        seeds
            .map(|seed| call(objective, x.view(), &mut seed.rng()).unwrap())
            .collect()
    };
    let mut objective = chains(40, 2, SETTINGS);
    let (start, first) = (objective.snapshot(), calls(&mut objective));
    let later = objective.snapshot();
    objective.restore(&start).unwrap();
    assert_eq!(
        (objective.snapshot(), objective.fast_weights().len()),
        (start.clone(), 0)
    );
    assert_eq!(calls(&mut objective), first);
    assert_eq!(objective.snapshot(), later);
    // And from there to a state that knows the number of parameters.
    objective.restore(&start).unwrap();
    objective.restore(&later).unwrap();
    assert_eq!(objective.snapshot(), later);
}

/// At a rate of 10³⁰⁸ they overflow within some updates, which a guard takes for what it is.
#[test]
fn fast_weights_that_overflow_are_numbers_that_are_not_finite() {
    let mut objective = chains(
        40,
        2,
        FastWeights {
            rate: 1e308,
            decay: 0.99,
        },
    );
    let mut outcomes = (0..100).map(|n| call(&mut objective, data().view(), &mut Seed::new(6).nth(n).rng()));
    let error = outcomes.find_map(Result::err).expect("an overflow");
    match error {
        Error::NonFinite { name, .. } => assert!(name.ends_with(" with its fast weight"), "{name}"),
        other => panic!("{other}"),
    }
}

#[test]
fn bad_input_is_refused_by_name() {
    let refused = |rate, decay| {
        let settings = FastWeights { rate, decay };
        let new = Fast::new(Sweep::Forward, 1, Array2::ones((2, 3)), settings);
        new.err().unwrap().to_string()
    };
    assert!(refused(-0.1, 0.9).contains("fast_weights.rate"));
    assert!(refused(f64::NAN, 0.9).contains("fast_weights.rate"));
    assert_eq!(
        refused(0.1, 1.0),
        "`fast_weights.decay` is 1, but must be in [0, 1)"
    );
    assert_eq!(
        refusal(&mut chains(2, 1, SETTINGS), Array2::zeros((3, 2))),
        "`x` has shape [3, 2], but must have shape (at least 1, 3); rows are samples and columns their coordinates: transpose the array, x.reversed_axes()"
    );
}
