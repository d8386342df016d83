//! Parallel tempering as the kernel of persistent training: on a machine with two far modes its chains see both, where Gibbs chains see the one that they started in.

use gibbsian_classical::{Bernoulli, Rbm, RbmStart};
use gibbsian_core::{Discrete, EnergyPullback, Kernel, Objective, Parametric, Seed, Snapshot};
use gibbsian_objectives::{ExactLikelihood, PersistentContrastiveDivergence};
use gibbsian_partition::ExactDistribution;
use gibbsian_samplers::{Gibbs, Ladder, ParallelTempering, Tempering};
use gibbsian_testkit::stats::{FALSE_ALARM, Test, family, mean};
use gibbsian_testkit::verdict::Verdict;
use ndarray::{Array1, Array2, Axis, array};

/// Six visible units that are all on or all off, because each of two hidden units holds them together.
fn two_modes() -> Rbm {
    let weights = Array2::from_elem((6, 2), 6.0);
    // Symmetric under the exchange of zeros and ones: b = −½ Σ_j W_ij, c = −½ Σ_i W_ij.
    Rbm::new(
        Bernoulli::new(Array1::from_elem(6, -6.0)).unwrap(),
        Bernoulli::new(Array1::from_elem(2, -18.0)).unwrap(),
        weights,
    )
    .unwrap()
}

fn tempering() -> Tempering<RbmStart<Bernoulli, Bernoulli>> {
    let sampler = ParallelTempering::new(Ladder::linear(11).unwrap());
    Tempering::new(
        sampler,
        RbmStart {
            visible: Bernoulli::unbiased(6),
            hidden: Bernoulli::unbiased(2),
        },
    )
}

/// How many independent runs there are, and the chains of each.
const N_RUNS: u64 = 16;
const N_CHAINS: usize = 25;

/// The mean gradient of a machine that stays as it is over the second half of the updates of each run, `(runs, parameters)`.
fn gradients<O: Objective<Rbm>>(objective: impl Fn() -> O, n_updates: u64) -> Array2<f64> {
    let (rbm, x) = (two_modes(), data());
    let mut means = Array2::zeros((N_RUNS as usize, rbm.n_params()));
    let mut grad = Array1::zeros(rbm.n_params());
    for (run, mut mean) in means.rows_mut().into_iter().enumerate() {
        let (mut objective, seed) = (objective(), Seed::new(5).nth(run as u64));
        for update in 0..n_updates {
            objective
                .loss_and_grad_into(&rbm, x.view(), &mut seed.nth(update).rng(), grad.view_mut())
                .unwrap();
            if 2 * update >= n_updates {
                mean.scaled_add(2.0 / n_updates as f64, &grad);
            }
        }
    }
    means
}

/// Tests of the means over runs, which are independent however long the chains of one remember.
fn tests(what: &str, runs: &Array2<f64>, expected: &Array1<f64>) -> Vec<Test> {
    let of_parameter = |(k, expected): (usize, &f64)| {
        mean(
            &format!("{what}: parameter {k}"),
            &runs.column(k).to_vec(),
            *expected,
        )
    };
    expected.iter().enumerate().map(of_parameter).collect()
}

fn data() -> Array2<f64> {
    array![[1.0; 6], [0.0; 6]]
}

#[test]
fn tempered_chains_reach_the_likelihood_gradient_where_gibbs_chains_do_not() -> Verdict {
    let rbm = two_modes();
    let mut exact = Array1::zeros(rbm.n_params());
    ExactLikelihood
        .loss_and_grad_into(&rbm, data().view(), &mut Seed::new(1).rng(), exact.view_mut())
        .unwrap();
    // All chains start in one of the modes, and half of them must be in the other.
    let start = || Array2::ones((N_CHAINS, 6));
    let tempered = || PersistentContrastiveDivergence::<_, Rbm>::new(tempering(), 1, start()).unwrap();
    family(&tests("tempered", &gradients(tempered, 800), &exact), FALSE_ALARM)?;

    // A Gibbs sweep leaves the mode with a probability of 10⁻⁸, so its chains give the gradient of the machine that has this mode alone: of the states with most units on.
    let (states, law) = (rbm.states().unwrap(), ExactDistribution::new(&rbm).unwrap());
    let on = states.map_axis(Axis(1), |v| f64::from(v.sum() > 3.0));
    let mut p = law.probabilities() * on;
    p /= p.sum();
    let mut in_mode = exact.clone();
    rbm.energy_pullback_into(
        states.view(),
        (law.probabilities() - p).view(),
        in_mode.view_mut(),
    );
    let gibbs = || PersistentContrastiveDivergence::<_, Rbm>::new(Gibbs, 1, start()).unwrap();
    family(&tests("gibbs", &gradients(gibbs, 200), &in_mode), FALSE_ALARM)?;
    // Which is off by almost one half in a visible bias, σ(6) − ½ given that both hidden units are on.
    let off = (&in_mode - &exact).fold(0.0, |most: f64, d| most.max(d.abs()));
    assert!((off - 0.5).abs() < 0.02, "{off}");
    Ok(())
}

/// The fields that replicas cache are those of the machine that they are handed.
#[test]
fn replicas_follow_a_machine_that_changes() {
    let (before, after) = (
        Rbm::random(Bernoulli::unbiased(6), Bernoulli::unbiased(2), 1.0, Seed::new(1)),
        two_modes(),
    );
    let x = data();
    let mut followed = tempering().init(&before.unwrap(), x.clone()).unwrap();
    let fresh = tempering().init(&after, x).unwrap().snapshot();
    assert_ne!(followed.snapshot(), fresh);
    tempering().refresh(&after, &mut followed);
    assert_eq!(followed.snapshot(), fresh);
}

#[test]
fn replicas_on_all_rungs_survive_an_interruption() {
    let (rbm, x) = (two_modes(), data());
    let new =
        || PersistentContrastiveDivergence::<_, Rbm>::new(tempering(), 2, Array2::ones((40, 6))).unwrap();
    let call = |objective: &mut PersistentContrastiveDivergence<_, Rbm>, update: u64| {
        let mut grad = Array1::zeros(rbm.n_params());
        objective
            .loss_and_grad_into(&rbm, x.view(), &mut Seed::new(update).rng(), grad.view_mut())
            .unwrap();
        (grad, objective.positions())
    };
    let mut whole = new();
    for update in 0..5 {
        call(&mut whole, update);
    }
    let mut resumed = new();
    resumed.restore(&whole.snapshot()).unwrap();
    for update in 5..8 {
        assert_eq!(call(&mut resumed, update), call(&mut whole, update));
    }
}
