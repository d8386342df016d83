//! The bound on norms: a projection, and a training step that ends inside it.

use gibbsian_classical::{EnumeratedLikelihood, MaxNorm, Rbm};
use gibbsian_core::{Objective, Parametric, ParametricMut, Record, Result, Seed, Snapshot, TrainStep};
use gibbsian_testkit::conformance;
use ndarray::{Array1, ArrayView2, Axis};
use rand::Rng;

use crate::common::{binary_states, machine};

/// Gradient descent with nothing added.
struct Plain;

impl TrainStep<Rbm> for Plain {
    fn train_step(
        &mut self,
        model: &mut Rbm,
        x: ArrayView2<f64>,
        learning_rate: f64,
        rng: &mut dyn Rng,
    ) -> Result<f64> {
        let mut grad = Array1::zeros(model.n_params());
        let loss = EnumeratedLikelihood.loss_and_grad_into(model, x, rng, grad.view_mut())?;
        model.set_params((model.params() - learning_rate * grad).view())?;
        Ok(loss)
    }
}

/// A record of its own, which the wrapper must pass on.
impl Snapshot for Plain {
    fn snapshot(&self) -> Record {
        let mut record = Record::new();
        record.put_part("of", Array1::from_elem(1, 2.5).snapshot());
        record
    }

    fn restore(&mut self, record: &Record) -> Result<()> {
        Array1::<f64>::zeros(1).restore(&record.part("of"))
    }
}

fn norms(rbm: &Rbm) -> Array1<f64> {
    rbm.weights().map_axis(Axis(0), |w| w.dot(&w).sqrt())
}

/// The nearest machine of those whose norms are within the limit: no other is nearer, in directions all around.
#[test]
fn limiting_norms_is_a_projection() {
    let rbm = machine(4, 6, 1.0, 0.8, 1);
    let limit = 1.9;
    let mut limited = rbm.clone();
    let n_limited = limited.limit_norms(limit).unwrap();
    let (before, after) = (norms(&rbm), norms(&limited));
    assert_eq!(n_limited, before.iter().filter(|norm| **norm > limit).count());
    assert!(0 < n_limited && n_limited < 6, "{before}");
    for j in 0..6 {
        assert!(after[j] <= limit * (1.0 + 1e-15), "{after}");
        if before[j] <= limit {
            assert_eq!(limited.weights().column(j), rbm.weights().column(j));
        }
        // P w is the nearest point of the ball if and only if (w − Pw)·(u − Pw) ≤ 0 for every u in it: on the way to w itself, and in directions all around.
        let w = rbm.weights().column(j).to_owned();
        let projected = limited.weights().column(j).to_owned();
        let nearest = &w * (limit / before[j]).min(1.0);
        let around = binary_states(4);
        let around = around
            .rows()
            .into_iter()
            .map(|c| c.mapv(|c| (2.0 * c - 1.0) * limit / 2.0));
        for u in around.chain([nearest]) {
            assert!((&w - &projected).dot(&(u - &projected)) <= 1e-14);
        }
    }
    assert_eq!(limited.visible(), rbm.visible());
    assert_eq!(limited.hidden(), rbm.hidden());
    assert_eq!(limited.clone().limit_norms(limit * (1.0 + 1e-14)).unwrap(), 0);
}

#[test]
fn weights_without_size_and_of_any_size_are_limited() {
    let mut rbm = machine(2, 2, 1.0, 0.8, 1);
    let mut params = rbm.params();
    // One column of zeros, one whose square overflows.
    for (entry, w) in [(0, 0.0), (2, 0.0), (1, 3e200), (3, -4e200)] {
        params[entry] = w;
    }
    rbm.set_params(params.view()).unwrap();
    assert_eq!(rbm.limit_norms(5.0).unwrap(), 1);
    let expected = ndarray::array![[0.0, 3.0], [0.0, -4.0]];
    assert!((&rbm.weights() - &expected).iter().all(|d| d.abs() <= 1e-14));
}

#[test]
fn a_step_with_a_limit_ends_within_it() {
    let x = binary_states(4).select(Axis(0), &[0, 3, 12, 15]);
    let rbm = machine(4, 6, 1.0, 0.8, 2);
    let make = || MaxNorm::new(Plain, 1.5).unwrap();
    conformance::train_step(make, &rbm, x.view(), 0.5, Seed::new(1)).unwrap();
    let (mut free, mut limited) = (rbm.clone(), rbm);
    for _ in 0..50 {
        let mut rng = Seed::new(2).rng();
        Plain.train_step(&mut free, x.view(), 0.5, &mut rng).unwrap();
        make().train_step(&mut limited, x.view(), 0.5, &mut rng).unwrap();
        assert!(norms(&limited).iter().all(|norm| *norm <= 1.5 * (1.0 + 1e-15)));
    }
    assert!(
        norms(&free).iter().any(|norm| *norm > 2.0),
        "the limit was needed"
    );
}

#[test]
fn the_state_is_that_of_the_step_and_the_limit_is_a_length() {
    let mut limited = MaxNorm::new(Plain, 3.0).unwrap();
    assert_eq!(limited.snapshot(), Plain.snapshot());
    limited.restore(&Plain.snapshot()).unwrap();
    assert!(limited.restore(&Record::new()).is_err());
    assert_eq!(limited.limit(), 3.0);
    for limit in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        assert!(MaxNorm::new(Plain, limit).is_err());
        assert!(machine(2, 2, 1.0, 1.0, 1).limit_norms(limit).is_err());
    }
}
