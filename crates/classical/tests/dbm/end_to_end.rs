//! Small deep machines trained from small random weights, without pretraining, and their exact likelihood.

use gibbsian_classical::dbm::{CentredVariational, VariationalOptions, VariationalPersistent};
use gibbsian_classical::{Bernoulli, Dbm};
use gibbsian_core::math::bernoulli_entropy;
use gibbsian_core::{Objective, Parametric, ParametricMut, Seed};
use ndarray::{Array1, Array2, Axis, array};

/// One of three pairs of pixels is on, or none.
fn data() -> Array2<f64> {
    array![
        [1.0, 1.0, 0.0, 0.0, 0.0, 0.0],
        [0.0, 0.0, 1.0, 1.0, 0.0, 0.0],
        [0.0, 0.0, 0.0, 0.0, 1.0, 1.0],
        [0.0; 6],
    ]
}

fn log_likelihood(dbm: &Dbm) -> f64 {
    -dbm.free_energy(data().view()).unwrap().mean().unwrap() - dbm.log_z().unwrap()
}

const N_UPDATES: u64 = 2000;
const RATE: f64 = 0.1;

/// The log-likelihood a case before and after, by plain descent.
fn trained(make: impl Fn(VariationalPersistent, &Dbm) -> Box<dyn Objective<Dbm>>) -> [f64; 2] {
    let hidden = vec![Bernoulli::unbiased(4), Bernoulli::unbiased(3)];
    let mut dbm = Dbm::random(Bernoulli::unbiased(6), hidden, 0.1, Seed::new(1)).unwrap();
    let before = log_likelihood(&dbm);
    let cases = data().select(Axis(0), &(0..100).map(|k| k % 4).collect::<Vec<_>>());
    let start = dbm.draw_upward(cases.view(), &mut Seed::new(2).rng()).unwrap();
    let plain = VariationalPersistent::new(VariationalOptions::default(), start).unwrap();
    let mut objective = make(plain, &dbm);
    let mut grad = Array1::zeros(dbm.n_params());
    for update in 0..N_UPDATES {
        let mut rng = Seed::new(3).nth(update).rng();
        objective
            .loss_and_grad_into(&dbm, data().view(), &mut rng, grad.view_mut())
            .unwrap();
        dbm.set_params((dbm.params() - RATE * &grad).view()).unwrap();
    }
    [before, log_likelihood(&dbm)]
}

/// Among machines without couplings the best has the means of the data, and `−Σ_i H(m_i)` a case: what lies above it has been learnt by hidden units. No machine has more than minus the entropy of
/// the data, `−log 4`. Which of the two gradients comes further in this budget no theory says, so both have to learn and neither has to win.
#[test]
fn deep_machines_learn_what_no_independent_units_can_say() {
    let means = data().mean_axis(Axis(0)).unwrap();
    let independent = -means.mapv(bernoulli_entropy).sum();
    let most = -(4.0_f64.ln());
    let [before, plain] = trained(|plain, _| Box::new(plain));
    let [same, centred] = trained(|plain, dbm| {
        let means = data().mean_axis(Axis(0)).unwrap();
        Box::new(CentredVariational::new(plain, dbm, means.view(), 0.01).unwrap())
    });
    assert_eq!(before, same);
    for (name, after) in [("plain", plain), ("centred", centred)] {
        assert!(after > before, "{name}: {after} after {before}");
        assert!(
            after > independent,
            "{name}: {after}, and {independent} without hidden units"
        );
        assert!(after <= most, "{name}: {after} is more than anything has");
    }
}
