//! Parallel tempering as the kernel of persistent training: on a machine with two far modes its chains see both, where Gibbs chains see the one that they started in.

use gibbsian_classical::{Bernoulli, Rbm, RbmStart};
use gibbsian_core::{Kernel, Objective, Parametric, Seed, Snapshot};
use gibbsian_objectives::{ExactLikelihood, PersistentContrastiveDivergence};
use gibbsian_samplers::{Gibbs, Ladder, ParallelTempering, Tempering};
use ndarray::{Array1, Array2, array};

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

/// The mean gradient over some updates of a machine that stays as it is, after a quarter as many that are not counted.
fn mean_gradient(mut objective: impl Objective<Rbm>, n_updates: u64) -> Array1<f64> {
    let (rbm, x) = (two_modes(), data());
    let mut mean = Array1::zeros(rbm.n_params());
    let mut grad = mean.clone();
    for update in 0..n_updates + n_updates / 4 {
        objective
            .loss_and_grad_into(
                &rbm,
                x.view(),
                &mut Seed::new(5).nth(update).rng(),
                grad.view_mut(),
            )
            .unwrap();
        if update >= n_updates / 4 {
            mean.scaled_add(1.0 / n_updates as f64, &grad);
        }
    }
    mean
}

fn data() -> Array2<f64> {
    array![[1.0; 6], [0.0; 6]]
}

#[test]
fn tempered_chains_reach_the_likelihood_gradient_where_gibbs_chains_do_not() {
    let exact = mean_gradient(ExactLikelihood, 1);
    let start = || Array2::ones((200, 6));
    let tempered = PersistentContrastiveDivergence::<_, Rbm>::new(tempering(), 1, start()).unwrap();
    let gibbs = PersistentContrastiveDivergence::<_, Rbm>::new(Gibbs, 1, start()).unwrap();
    let keep = |most: f64, d: f64| if d > most || d.is_nan() { d } else { most };
    let error = |gradient: Array1<f64>| (gradient - &exact).iter().fold(0.0, |m, d| keep(m, d.abs()));
    // A mode has probability one half; from 200 chains and many updates that are correlated over a few round trips the error is some hundredths.
    let of_tempered = error(mean_gradient(tempered, 400));
    assert!(of_tempered < 0.1, "{of_tempered}");
    // Chains that never left would be off by one half.
    let of_gibbs = error(mean_gradient(gibbs, 400));
    assert!(of_gibbs > 0.4, "{of_gibbs}");
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
