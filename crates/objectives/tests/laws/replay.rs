//! Chains in a replay buffer: which are taken, what becomes of them, and where training ends.

use crate::common::{approximate, call, data, draws, energy_derivatives, fisher, inverse, model, refusal};
use gibbsian_core::{Energy, Parametric, ParametricMut, Seed};
use gibbsian_objectives::{
    Draws, ExactLikelihood, Replay, ReplayBuffer, ReplayContrastiveDivergence, Source,
};
use gibbsian_testkit::audit::Audit;
use gibbsian_testkit::conformance;
use gibbsian_testkit::stats::{FALSE_ALARM, binomial, chi_square, family, z_test};
use gibbsian_testkit::targets::{Pairwise, Sweep};
use ndarray::{Array1, Array2, Axis};
use rand::{Rng, RngExt};

/// Fair spins.
fn noise() -> impl Source + Clone {
    Draws(|n: usize, rng: &mut dyn Rng| {
        Array2::from_shape_simple_fn((n, 3), || if rng.random::<f64>() < 0.5 { 1.0 } else { -1.0 })
    })
}

const SETTINGS: Replay = Replay {
    reinitialise: 0.25,
    ..Replay::new(2, 20)
};

fn objective(capacity: usize, settings: Replay) -> ReplayContrastiveDivergence<Sweep, impl Source + Clone> {
    let buffer = ReplayBuffer::new(Array2::ones((capacity, 3))).unwrap();
    ReplayContrastiveDivergence::new(Sweep::Forward, noise(), buffer, settings).unwrap()
}

#[test]
fn the_objective_obeys_the_laws_of_its_traits() {
    let make = || objective(100, SETTINGS);
    conformance::objective(make, &model(), data().view(), Seed::new(1)).unwrap();
    let mut used = make();
    call(&mut used, data().view(), &mut Seed::new(2).rng()).unwrap();
    conformance::snapshot(&used, &mut make()).unwrap();
}

#[test]
fn loss_and_gradient_are_the_contrast_with_the_chains_that_were_moved() {
    let settings = Replay {
        n_chains: 100,
        ..SETTINGS
    };
    let mut objective = objective(100, settings);
    let (loss, grad) = call(&mut objective, data().view(), &mut Seed::new(3).rng()).unwrap();
    // All chains were taken, so the buffer is the negative phase.
    let chains = objective.buffer().positions().to_owned();
    assert!(chains.iter().any(|v| *v == -1.0));
    let mean = |x: &Array2<f64>| energy_derivatives(&model(), x.view()).mean_axis(Axis(0)).unwrap();
    let expected = mean(&data()) - mean(&chains);
    assert!((&grad - &expected).iter().all(|d| d.abs() <= 1e-14));
    let energy = |x: &Array2<f64>| model().energy(x.view()).mean().unwrap();
    assert!((loss - energy(&data()) + energy(&chains)).abs() <= 1e-14);
    let report = objective.report().unwrap();
    assert!((report.energy_gap() - loss).abs() <= 1e-14);
    let mut energies = model().energy(chains.view()).to_vec();
    let mut reported = report.negative.to_vec();
    energies.sort_by(f64::total_cmp);
    reported.sort_by(f64::total_cmp);
    assert_eq!(energies, reported);
}

#[test]
fn slots_are_chosen_without_replacement_and_alike() {
    let buffer = ReplayBuffer::new(Array2::zeros((10, 1))).unwrap();
    let mut rng = Seed::new(4).rng();
    let (mut counts, mut firsts) = ([0; 10], [0; 10]);
    for _ in 0..20_000 {
        let slots = buffer.choose(3, &mut rng);
        assert!(slots[0] != slots[1] && slots[0] != slots[2] && slots[1] != slots[2]);
        slots.iter().for_each(|s| counts[*s] += 1);
        firsts[slots[0]] += 1;
    }
    // Counts of slots that exclude each other vary less than independent ones, so the bound holds.
    chi_square("slots", &counts, &[0.1; 10]).assert(FALSE_ALARM);
    chi_square("first slots", &firsts, &[0.1; 10]).assert(FALSE_ALARM);
    let mut all = buffer.choose(10, &mut rng);
    all.sort_unstable();
    assert_eq!(all, (0..10).collect::<Vec<_>>());
}

/// Chains that stand still show which of them were taken and which started anew.
#[derive(Clone, Copy)]
struct Still;

impl gibbsian_core::Kernel<Pairwise> for Still {
    type State = Array2<f64>;
    type Info = ();

    fn init(&self, _: &Pairwise, x: Array2<f64>) -> gibbsian_core::Result<Array2<f64>> {
        Ok(x)
    }

    fn refresh(&self, _: &Pairwise, _: &mut Array2<f64>) {}

    fn positions<'s>(&self, state: &'s Array2<f64>) -> ndarray::CowArray<'s, f64, ndarray::Ix2> {
        state.view().into()
    }

    fn step(&self, _: &Pairwise, _: &mut Array2<f64>, _: &mut dyn Rng) {}
}

#[test]
fn each_chain_that_is_taken_starts_anew_with_the_given_probability() {
    const N_CALLS: u64 = 2000;
    let fresh = Draws(|n: usize, _: &mut dyn Rng| -Array2::ones((n, 3)));
    let mut n_fresh = 0;
    for call_number in 0..N_CALLS {
        let buffer = ReplayBuffer::new(Array2::ones((50, 3))).unwrap();
        let mut objective = ReplayContrastiveDivergence::new(Still, fresh, buffer, SETTINGS).unwrap();
        call(
            &mut objective,
            data().view(),
            &mut Seed::new(5).nth(call_number).rng(),
        )
        .unwrap();
        let here = objective
            .buffer()
            .positions()
            .column(0)
            .iter()
            .filter(|v| **v < 0.0)
            .count();
        assert!(here <= SETTINGS.n_chains);
        n_fresh += here as u64;
    }
    let n = N_CALLS * SETTINGS.n_chains as u64;
    binomial("fresh chains", n_fresh, n, SETTINGS.reinitialise).assert(FALSE_ALARM);
    for (reinitialise, expected) in [(0.0, 0), (1.0, 20)] {
        let buffer = ReplayBuffer::new(Array2::ones((50, 3))).unwrap();
        let settings = Replay {
            reinitialise,
            ..SETTINGS
        };
        let mut objective = ReplayContrastiveDivergence::new(Still, fresh, buffer, settings).unwrap();
        call(&mut objective, data().view(), &mut Seed::new(6).rng()).unwrap();
        let here = objective
            .buffer()
            .positions()
            .column(0)
            .iter()
            .filter(|v| **v < 0.0)
            .count();
        assert_eq!(here, expected);
    }
}

#[test]
fn a_run_resumes_from_a_snapshot_bit_for_bit() {
    use gibbsian_core::Snapshot;
    let x = data();
    let mut whole = objective(60, SETTINGS);
    let mut rng = Seed::new(7).rng();
    for _ in 0..3 {
        call(&mut whole, x.view(), &mut rng).unwrap();
    }
    let mut resumed = objective(60, SETTINGS);
    resumed.restore(&whole.snapshot()).unwrap();
    let expected = call(&mut whole, x.view(), &mut Seed::new(8).rng()).unwrap();
    assert_eq!(
        call(&mut resumed, x.view(), &mut Seed::new(8).rng()).unwrap(),
        expected
    );
    assert_eq!(resumed.buffer(), whole.buffer());
}

/// From draws of the model, without restarts, the gradient is that of the likelihood.
#[test]
fn a_buffer_at_rest_gives_the_likelihood_gradient() {
    const N: usize = 1 << 16;
    let audit = Audit::new(&model()).unwrap();
    let buffer = ReplayBuffer::new(draws(&audit, N, &mut Seed::new(9).rng())).unwrap();
    let settings = Replay {
        reinitialise: 0.0,
        ..Replay::new(1, N)
    };
    let mut objective = ReplayContrastiveDivergence::new(Sweep::Forward, noise(), buffer, settings).unwrap();
    let (_, grad) = call(&mut objective, data().view(), &mut Seed::new(10).rng()).unwrap();
    let (_, exact) = call(&mut ExactLikelihood, data().view(), &mut Seed::new(10).rng()).unwrap();
    let variance = fisher(&model());
    let tests: Vec<_> = (0..6)
        .map(|i| {
            let error = (variance[[i, i]] / N as f64).sqrt();
            z_test(&format!("parameter {i}"), grad[i], exact[i], error)
        })
        .collect();
    family(&tests, FALSE_ALARM).unwrap();
}

/// Twenty sweeps between visits forget where a chain was, so gradients are independent with the variance of `n_chains` draws, and the best gain ends with the error of their mean.
#[test]
fn training_on_a_listed_law_recovers_it() {
    const N_STEPS: usize = 300;
    let audit = Audit::new(&model()).unwrap();
    // The data are all states, weighted by their probabilities: the law itself.
    let covariance = inverse(&fisher(&model()));
    let settings = Replay::new(20, 200);
    let mut objective = objective(1000, settings);
    let mut fitted = model();
    fitted.set_params((model().params() * 0.5).view()).unwrap();
    let mut population = Population {
        objective: &mut objective,
        w: &audit.pi * 8.0,
    };
    let rng = &mut Seed::new(11).rng();
    approximate(
        &mut population,
        &mut fitted,
        audit.states.view(),
        &covariance,
        N_STEPS,
        rng,
    );
    let tests: Vec<_> = (fitted.params().iter().zip(&model().params()))
        .enumerate()
        .map(|(i, (found, truth))| {
            let error = (covariance[[i, i]] / (N_STEPS * settings.n_chains) as f64).sqrt();
            z_test(&format!("parameter {i}"), *found, *truth, error)
        })
        .collect();
    family(&tests, FALSE_ALARM).unwrap();
}

/// An objective on rows that count by fixed weights.
pub struct Population<'a, O> {
    pub objective: &'a mut O,
    pub w: Array1<f64>,
}

impl<M, O: gibbsian_core::Objective<M>> gibbsian_core::Objective<M> for Population<'_, O> {
    fn loss_and_grad_into(
        &mut self,
        model: &M,
        x: ndarray::ArrayView2<f64>,
        rng: &mut dyn Rng,
        grad: ndarray::ArrayViewMut1<f64>,
    ) -> gibbsian_core::Result<f64> {
        self.objective
            .weighted_loss_and_grad_into(model, x, self.w.view(), rng, grad)
    }
}

#[test]
fn bad_input_is_refused_by_name() {
    let new = |capacity: usize, settings: Replay| {
        let buffer = ReplayBuffer::new(Array2::ones((capacity, 3)))?;
        ReplayContrastiveDivergence::new(Sweep::Forward, noise(), buffer, settings)
    };
    for (capacity, settings, message) in [
        (0, SETTINGS, "`capacity` is 0, but must be at least 1"),
        (
            5,
            SETTINGS,
            "`n_chains` is 20, but must be at most the capacity of the buffer, 5",
        ),
        (
            50,
            Replay {
                n_steps: 0,
                ..SETTINGS
            },
            "`n_steps` is 0, but must be at least 1",
        ),
        (
            50,
            Replay {
                n_chains: 0,
                ..SETTINGS
            },
            "`n_chains` is 0, but must be at least 1",
        ),
        (
            50,
            Replay {
                reinitialise: f64::NAN,
                ..SETTINGS
            },
            "`reinitialise` is NaN, but must be in [0, 1]",
        ),
    ] {
        assert_eq!(new(capacity, settings).err().unwrap().to_string(), message);
    }
    assert_eq!(
        refusal(&mut objective(50, SETTINGS), Array2::zeros((3, 2))),
        "`x` has shape [3, 2], but must have shape (at least 1, 3); rows are samples and columns their coordinates: transpose the array, x.reversed_axes()"
    );
    // A source of another dimension.
    let narrow = Draws(|n: usize, _: &mut dyn Rng| Array2::ones((n, 2)));
    let buffer = ReplayBuffer::new(Array2::ones((50, 3))).unwrap();
    let settings = Replay {
        reinitialise: 1.0,
        ..SETTINGS
    };
    let mut objective = ReplayContrastiveDivergence::new(Sweep::Forward, narrow, buffer, settings).unwrap();
    assert_eq!(
        refusal(&mut objective, data()),
        "`draws of the source` has shape [20, 2], but must have shape (20, 3)"
    );
}
