//! The guard around contrastive objectives whose energy explodes: the step that does it leaves parameters that are finite and huge, and what is no longer finite is first met by a chain.

use gibbsian_core::{Directions, Objective, Parametric, Record, Result, Seed, Snapshot, TrainStep};
use gibbsian_nn::{Activation, NeuralEnergy, Precision};
use gibbsian_objectives::{
    ContrastiveDivergence, Draws, FastPersistentContrastiveDivergence, FastWeights,
    ImprovedContrastiveDivergence, LastStep, PersistentContrastiveDivergence, Replay, ReplayBuffer,
    ReplayContrastiveDivergence, ShortRunContrastiveDivergence,
};
use gibbsian_samplers::{Mala, UnadjustedLangevin};
use gibbsian_testkit::threads::same_on_any_number;
use gibbsian_train::{Decay, Descent, GuardOptions, Guarded, Rollback, Sgd};
use ndarray::{Array1, Array2};
use rand::Rng;

const N_CHAINS: usize = 70;
const N_STEPS: u64 = 30;
/// The step, counted from one, whose learning rate is a mistake.
const MISTAKE: u64 = 6;

/// What came of a run.
struct Run {
    params: Array1<f64>,
    losses: Array1<f64>,
    rollbacks: Vec<Rollback>,
    /// The state of the guarded step.
    state: Record,
}

fn energy(precision: Precision) -> NeuralEnergy {
    let forward = |net: &mut gibbsian_nn::Net<'_>, x| {
        let e = net.mlp("energy", x, &[8, 8], 1, Activation::Silu);
        net.confined(e, x, 2.0)
    };
    NeuralEnergy::new(2, forward, &mut Seed::new(1).rng())
        .unwrap()
        .with_precision(precision)
}

fn noise(n: usize, rng: &mut dyn Rng) -> Array2<f64> {
    Directions::Gaussian.draw((n, 2), rng)
}

fn start() -> Array2<f64> {
    noise(N_CHAINS, &mut Seed::new(2).rng())
}

/// A learning rate that is a mistake, in a network of this precision.
type Mistake = (Precision, f64);

/// Products of the parameters that these leave are no numbers of the precision.
const OVERFLOWS: [Mistake; 2] = [(Precision::Single, 1e30), (Precision::Double, 1e160)];

/// After this one there are energies and scores where chains start, and none where they end: so large is the drift that the noise is lost beside it.
const FAR_AWAY: [Mistake; 1] = [(Precision::Single, 1e8)];

/// Trains with a guard, and after the step `interrupted` goes on from a record of the state.
fn train<O: Objective<NeuralEnergy> + Snapshot>(
    make: &impl Fn() -> O,
    (precision, mistake): Mistake,
    every_steps: u64,
    interrupted: Option<u64>,
) -> Result<Run> {
    let mut model = energy(precision);
    let guarded = |model: &NeuralEnergy| {
        let sgd = Sgd::new(&model.layout(), Decay::NONE)?;
        let options = GuardOptions {
            every_steps,
            ..GuardOptions::default()
        };
        Guarded::new(Descent::new(make(), sgd), model, (), options)
    };
    let mut step = guarded(&model)?;
    let mut losses = Vec::new();
    for t in 1..=N_STEPS {
        let mut rng = Seed::new(3).nth(t).rng();
        let x = 0.3 * noise(20, &mut rng) + 1.0;
        let rate = if t == MISTAKE { mistake } else { 0.01 };
        losses.push(step.train_step(&mut model, x.view(), rate, &mut rng)?);
        if interrupted == Some(t) {
            let state = step.snapshot();
            step = guarded(&energy(precision))?;
            step.restore(&state)?;
        }
    }
    Ok(Run {
        params: model.params(),
        losses: losses.into(),
        rollbacks: step.rollbacks().all(),
        state: step.snapshot(),
    })
}

/// The run goes back and ends, with the same bits on any number of threads and wherever it was interrupted.
fn survives<O: Objective<NeuralEnergy> + Snapshot>(mistakes: &[Mistake], make: impl Fn() -> O + Sync) {
    for &mistake in mistakes {
        // Back to a state on the way, or to the beginning.
        for every_steps in [1, 2, 100] {
            let run = |interrupted| train(&make, mistake, every_steps, interrupted).unwrap();
            let whole = run(None);
            let [rollback] = &whole.rollbacks[..] else {
                panic!("{:?}", whole.rollbacks);
            };
            assert_eq!(rollback.step, MISTAKE + 1);
            assert!(
                rollback.back_to < MISTAKE && !rollback.divergence.value.is_finite(),
                "{rollback:?}"
            );
            assert!(whole.params.iter().all(|p| p.abs() < 1e3), "{}", whole.params);
            assert!(whole.losses.iter().all(|l| l.is_finite()), "{}", whole.losses);
            for t in [1, MISTAKE - 1, MISTAKE, MISTAKE + 1] {
                let broken = run(Some(t));
                assert_eq!(
                    (&broken.params, &broken.losses),
                    (&whole.params, &whole.losses),
                    "{t}"
                );
                // What a divergence is first noticed by may be another number; all else is the same.
                let told = |run: &Run| -> Vec<_> {
                    let rollbacks = run.rollbacks.iter();
                    rollbacks.map(|r| (r.step, r.back_to, r.scale)).collect()
                };
                assert_eq!(told(&broken), told(&whole), "{t}");
                for part in ["step", "good", "candidate"] {
                    assert_eq!(broken.state.part(part), whole.state.part(part), "{part} {t}");
                }
            }
        }
    }
    same_on_any_number("a guarded run", || {
        let run = train(&make, mistakes[0], 2, None).unwrap();
        run.losses.into_iter().chain(run.params).collect()
    })
    .unwrap();
}

fn langevin() -> UnadjustedLangevin {
    UnadjustedLangevin::new(0.05).unwrap()
}

fn replay() -> (ReplayBuffer, Replay) {
    let settings = Replay {
        reinitialise: 0.1,
        ..Replay::new(2, N_CHAINS / 2)
    };
    (ReplayBuffer::new(start()).unwrap(), settings)
}

#[test]
fn contrastive_divergence_comes_back() {
    survives(&OVERFLOWS, || ContrastiveDivergence::new(langevin(), 2).unwrap());
    survives(&OVERFLOWS, || {
        ContrastiveDivergence::new(Mala::new(0.05).unwrap(), 2).unwrap()
    });
}

#[test]
fn persistent_chains_come_back() {
    survives(&OVERFLOWS, || {
        PersistentContrastiveDivergence::new(langevin(), 2, start()).unwrap()
    });
    survives(&OVERFLOWS, || {
        PersistentContrastiveDivergence::new(Mala::new(0.05).unwrap(), 2, start()).unwrap()
    });
}

#[test]
fn fast_weights_come_back() {
    let weights = FastWeights::new(0.01);
    survives(&OVERFLOWS, || {
        FastPersistentContrastiveDivergence::new(langevin(), 2, start(), weights).unwrap()
    });
}

#[test]
fn replayed_chains_come_back() {
    survives(&OVERFLOWS, || {
        let (buffer, settings) = replay();
        ReplayContrastiveDivergence::new(langevin(), Draws(noise), buffer, settings).unwrap()
    });
}

#[test]
fn short_runs_come_back() {
    survives(&OVERFLOWS, || {
        ShortRunContrastiveDivergence::new(langevin(), Draws(noise), 2, N_CHAINS).unwrap()
    });
}

/// Ends of chains that are nowhere, or all in one place, have no entropy.
#[test]
fn chains_that_are_differentiated_come_back() {
    let last = LastStep {
        kl_weight: 0.3,
        ..LastStep::new(0.05)
    };
    for mistakes in [&OVERFLOWS[..], &FAR_AWAY[..]] {
        for n_steps in [0, 2] {
            survives(mistakes, || {
                let (buffer, settings) = replay();
                let settings = Replay { n_steps, ..settings };
                ImprovedContrastiveDivergence::new(langevin(), Draws(noise), buffer, settings, last).unwrap()
            });
        }
    }
}
