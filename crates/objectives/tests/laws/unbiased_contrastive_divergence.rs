//! Coupled chains: their estimate has the expectation of the likelihood gradient, which contrastive divergence from the same steps has not.

use crate::common::{call, data, energy_derivatives, model, refusal};
use gibbsian_core::{Kernel, Record, Seed, Snapshot};
use gibbsian_objectives::{ContrastiveDivergence, ExactLikelihood, UnbiasedContrastiveDivergence, Window};
use gibbsian_testkit::conformance;
use gibbsian_testkit::stats::{FALSE_ALARM, family, z_test};
use gibbsian_testkit::targets::Sweep;
use ndarray::{Array2, Axis};

fn coupled(first: usize, last: usize) -> UnbiasedContrastiveDivergence<Sweep> {
    let window = Window::new(first, last);
    UnbiasedContrastiveDivergence::new(Sweep::Forward, window).unwrap()
}

/// Many independent copies of the minibatch in one.
fn copies(n: usize) -> Array2<f64> {
    let x = data();
    Array2::from_shape_fn((x.nrows() * n, 3), |(b, i)| x[[b % x.nrows(), i]])
}

#[test]
fn the_expectation_is_the_likelihood_gradient() {
    const N_CALLS: u64 = 400;
    let x = copies(16);
    let (_, exact) = call(&mut ExactLikelihood, data().view(), &mut Seed::new(1).rng()).unwrap();
    let mut tests = Vec::new();
    for (first, last) in [(0, 0), (1, 1), (1, 4)] {
        let mut objective = coupled(first, last);
        let mut gradients = Array2::zeros((N_CALLS as usize, 6));
        for (k, mut row) in gradients.rows_mut().into_iter().enumerate() {
            let mut rng = Seed::new(7).nth(k as u64).rng();
            row.assign(&call(&mut objective, x.view(), &mut rng).unwrap().1);
        }
        let mean = gradients.mean_axis(Axis(0)).unwrap();
        let error = gradients.std_axis(Axis(0), 1.0) / (N_CALLS as f64).sqrt();
        for i in 0..6 {
            let name = format!("steps {first} to {last}, parameter {i}");
            tests.push(z_test(&name, mean[i], exact[i], error[i]));
        }
        // The bias of one sweep would be seen: it is many of these errors.
        let (_, cd) = call(
            &mut ContrastiveDivergence::new(Sweep::Forward, 1).unwrap(),
            copies(10_000).view(),
            &mut Seed::new(2).rng(),
        )
        .unwrap();
        let largest = (0..6)
            .map(|i| (cd[i] - exact[i]).abs() / error[i])
            .fold(0.0, f64::max);
        assert!(
            largest > 20.0,
            "the bias of CD-1 is only {largest} standard errors"
        );
    }
    family(&tests, FALSE_ALARM).unwrap();
}

/// The estimate by hand from chains that are run by hand.
#[test]
fn the_estimate_follows_its_formula() {
    let (model, x) = (model(), data());
    let (first, last) = (2, 4);
    let (_, found) = call(&mut coupled(first, last), x.view(), &mut Seed::new(3).rng()).unwrap();
    let mut rng = Seed::new(3).rng();
    let chain = |n_steps: usize, keys: &[Seed]| {
        let mut state = x.clone();
        (0..n_steps).for_each(|t| Sweep::Forward.step(&model, &mut state, &mut keys[t].rng()));
        state
    };
    let keys: Vec<Seed> = (0..40)
        .map(|_| Seed::new(rand::RngExt::random(&mut rng)))
        .collect();
    let f = |x: &Array2<f64>| energy_derivatives(&model, x.view());
    let mut negative = Array2::<f64>::zeros((4, 6));
    for l in first..=last {
        negative += &(f(&chain(l, &keys)) / 3.0);
    }
    for t in first + 1..40 {
        // X_t has seen the keys 1, …, t; Y_{t−1} the keys 2, …, t.
        let difference = f(&chain(t, &keys)) - f(&chain(t - 1, &keys[1..]));
        negative += &(difference * ((t - first) as f64 / 3.0).min(1.0));
    }
    let expected = (f(&x) - negative).mean_axis(Axis(0)).unwrap();
    let error = (&found - &expected).mapv(f64::abs).sum();
    assert!(error <= 1e-13, "{found} instead of {expected}");
}

#[test]
fn the_objective_obeys_the_laws_of_its_trait() {
    conformance::objective(|| coupled(1, 3), &model(), copies(20).view(), Seed::new(3)).unwrap();
    assert_eq!(coupled(0, 0).snapshot(), Record::new());
    coupled(0, 0).restore(&Record::new()).unwrap();
}

#[test]
fn what_cannot_be_estimated_is_refused() {
    let new = |first, last, max_steps| {
        let window = Window {
            max_steps,
            ..Window::new(first, last)
        };
        UnbiasedContrastiveDivergence::new(Sweep::Forward, window)
    };
    let refused = |first, last, max_steps| new(first, last, max_steps).unwrap_err().to_string();
    assert_eq!(
        refused(3, 2, 9),
        "`window.last` is 2, but must be at least the first step, 3"
    );
    assert_eq!(
        refused(0, 10, 9),
        "`window.last` is 10, but must be at most the 9 steps granted"
    );
    assert_eq!(refused(0, 0, 0), "`max_steps` is 0, but must be at least 1");
    assert_eq!(
        refusal(&mut new(0, 0, 1).unwrap(), copies(50)),
        "`max_steps` is 1, but must be enough for all pairs of chains to meet"
    );
    assert!(refusal(&mut coupled(0, 0), Array2::zeros((0, 3))).contains("`x`"));
}
