//! Wake-sleep: the gradients of both phases against enumeration, and the bound that rises.

use gibbsian_classical::dbn::{UpDown, WakeSleep};
use gibbsian_classical::{Dbn, UntiedDbn};
use gibbsian_core::{Energy, Objective, Parametric, ParametricMut, Seed, Units};
use gibbsian_testkit::agreement::close;
use gibbsian_testkit::conformance;
use gibbsian_testkit::differences::{Precision, derivative};
use gibbsian_testkit::stats::{FALSE_ALARM, Test, family, mean};
use ndarray::{Array1, Array2, ArrayView2, Axis, array, concatenate};
use rand::{Rng, RngExt};

use crate::machines::{normal, rbm, states_of};

/// A network of 3, 2, 3 and 2 units whose recognition parameters have been moved away from the generative ones.
fn network() -> UntiedDbn {
    let tied = Dbn::new(rbm(3, 2, 1.0, 90), vec![rbm(2, 3, 1.0, 91), rbm(3, 2, 1.0, 92)]).unwrap();
    let mut untied = tied.untied().unwrap();
    let mut params = untied.params();
    let range = untied.recognition_range();
    let moved = normal(range.len(), 0.4, Seed::new(93));
    params
        .slice_mut(ndarray::s![range])
        .zip_mut_with(&moved, |p, m| *p += m);
    untied.set_params(params.view()).unwrap();
    untied
}

fn data() -> Array2<f64> {
    array![[1.0, 1.0, 0.0], [0.0, 1.0, 1.0], [1.0, 1.0, 0.0], [0.0, 0.0, 0.0]]
}

/// The gradient of a function of the parameters by the test kit's differences, whose error is nothing beside that of a mean of draws.
fn differences(model: &UntiedDbn, f: impl Fn(&UntiedDbn) -> f64) -> Array1<f64> {
    let params = model.params();
    Array1::from_shape_fn(params.len(), |k| {
        let mut at = |step: f64| {
            let mut moved = params.clone();
            moved[k] += step;
            let mut model = model.clone();
            model.set_params(moved.view()).unwrap();
            Ok(array![f(&model)])
        };
        let slope = derivative(&mut at, params[k].abs(), Precision::DOUBLE).unwrap()[0];
        assert!(slope.error() < 1e-9, "{slope:?}");
        slope.value
    })
}

/// The exact law of `h²`, the lower layer of the top pair.
fn top_law(model: &UntiedDbn) -> (Array2<f64>, Array1<f64>) {
    let states = states_of(model.top().visible());
    let log_z = model.top().log_z().unwrap();
    let p = model.top().energy(states.view()).mapv(|f| (-f - log_z).exp());
    (states, p)
}

fn exact_top_draws(model: &UntiedDbn, n: usize, rng: &mut dyn Rng) -> Array2<f64> {
    let (states, p) = top_law(model);
    let rows: Vec<usize> = (0..n)
        .map(|_| {
            let mut u = rng.random::<f64>();
            (0..p.len() - 1)
                .find(|&k| {
                    u -= p[k];
                    u < 0.0
                })
                .unwrap_or(p.len() - 1)
        })
        .collect();
    states.select(Axis(0), &rows)
}

/// `−E_p log q(h¹, h² | v)` where `p` is the law of `of` and `q` that of `model`, by listing everything.
fn dreaming_cost(of: &UntiedDbn, model: &UntiedDbn) -> f64 {
    let (upper, p_upper) = top_law(of);
    let middle = states_of(of.hidden()[0].units());
    let lower = states_of(of.visible().units());
    let law = |units: &gibbsian_classical::Bernoulli,
               weights: ArrayView2<f64>,
               y: ArrayView2<f64>,
               x: ArrayView2<f64>| { units.log_law(y.dot(&weights).view(), x)[0] };
    let mut cost = 0.0;
    for (h2, p) in upper.axis_chunks_iter(Axis(0), 1).zip(&p_upper) {
        for h1 in middle.axis_chunks_iter(Axis(0), 1) {
            let down = &of.hidden()[0];
            let p = p * law(down.units(), down.weights(), h2, h1).exp();
            for v in lower.axis_chunks_iter(Axis(0), 1) {
                let (down, up) = (of.visible(), model.recognition());
                let p = p * law(down.units(), down.weights(), h1, v).exp();
                cost -= p * law(up[0].units(), up[0].weights(), v, h1);
                cost -= p * law(up[1].units(), up[1].weights(), h1, h2);
            }
        }
    }
    cost
}

/// Means of many gradients against the exact ones, parameter by parameter.
fn gradients(
    model: &UntiedDbn,
    n: usize,
    mut make: impl FnMut(&mut dyn Rng) -> Box<dyn Objective<UntiedDbn>>,
) -> Vec<Test> {
    let x = data();
    let awake = differences(model, |m| -m.exact_bound(x.view()).unwrap().mean().unwrap());
    let asleep = differences(model, |m| dreaming_cost(model, m));
    let range = model.recognition_range();
    let mut sums = Array2::zeros((n, model.n_params()));
    for (k, grad) in sums.rows_mut().into_iter().enumerate() {
        let mut rng = Seed::new(94).nth(k as u64).rng();
        let mut objective = make(&mut rng);
        objective
            .loss_and_grad_into(model, x.view(), &mut rng, grad)
            .unwrap();
    }
    (0..model.n_params())
        .map(|k| {
            let expected = if range.contains(&k) { asleep[k] } else { awake[k] };
            mean(&model.layout().locate(k), &sums.column(k).to_vec(), expected)
        })
        .collect()
}

#[test]
fn awake_the_gradient_is_that_of_the_bound_and_asleep_that_of_recognising_dreams() {
    let model = network();
    let tests = gradients(&model, 6_000, |rng| {
        Box::new(WakeSleep::new(1, exact_top_draws(&model, 16, rng)).unwrap())
    });
    family(&tests, FALSE_ALARM).unwrap();
}

#[test]
fn long_contrastive_chains_give_the_same_gradient() {
    // Pairs with couplings of order one forget their start in a few sweeps; forty leave nothing of it.
    let model = network();
    let tests = gradients(&model, 3_000, |_| Box::new(UpDown::new(40).unwrap()));
    family(&tests, FALSE_ALARM).unwrap();
}

#[test]
fn the_bound_rises_and_stays_a_bound() {
    let x = concatenate![Axis(0), data(), data()];
    let bound = |m: &UntiedDbn| m.exact_bound(x.view()).unwrap().mean().unwrap();
    let mut awake = WakeSleep::new(2, Array2::zeros((64, 3))).unwrap();
    let mut up_down = UpDown::new(3).unwrap();
    let objectives: [&mut dyn Objective<UntiedDbn>; 2] = [&mut awake, &mut up_down];
    for objective in objectives {
        let mut model = network();
        let mut grad = Array1::zeros(model.n_params());
        let mut last = bound(&model);
        let first = last;
        for part in 0..3 {
            for step in 0..200 {
                let mut rng = Seed::new(95).nth(200 * part + step).rng();
                objective
                    .loss_and_grad_into(&model, x.view(), &mut rng, grad.view_mut())
                    .unwrap();
                model.set_params((model.params() - &grad * 0.05).view()).unwrap();
            }
            let now = bound(&model);
            assert!(now > last, "{now} after {last}");
            let log_p = model.log_probability(x.view()).unwrap();
            let gap = log_p - model.exact_bound(x.view()).unwrap();
            assert!(gap.iter().all(|g| *g >= -1e-13), "{gap}");
            last = now;
        }
        // Four cases, two of them alike, have an entropy of 1.5 log 2: no bound is above minus that.
        assert!(last < -1.5 * 2.0_f64.ln());
        assert!(last > first + 0.5, "{first} to {last}");
    }
}

#[test]
fn untying_changes_no_law_and_keeps_to_its_shapes() {
    let tied = Dbn::new(rbm(3, 2, 1.0, 96), vec![rbm(2, 3, 1.0, 97), rbm(3, 2, 1.0, 98)]).unwrap();
    let mut untied = tied.untied().unwrap();
    assert_eq!(untied.depth(), 3);
    let v = states_of(tied.bottom().visible());
    // What is recognised by other parameters is generated by the same law.
    let (before, bound) = (
        untied.log_probability(v.view()).unwrap(),
        untied.exact_bound(v.view()).unwrap(),
    );
    assert!((before.mapv(f64::exp).sum() - 1.0).abs() < 1e-13);
    let mut params = untied.params();
    params
        .slice_mut(ndarray::s![untied.recognition_range()])
        .mapv_inplace(|p| p + 0.5);
    untied.set_params(params.view()).unwrap();
    close(
        "log p(v)",
        &untied.log_probability(v.view()).unwrap(),
        &before,
        1e-13,
    )
    .unwrap();
    let moved = untied.exact_bound(v.view()).unwrap();
    assert!((moved - bound).iter().any(|d| d.abs() > 0.01));

    conformance::parametric(&mut untied).unwrap();
    let x = data();
    conformance::objective(|| UpDown::new(2).unwrap(), &untied, x.view(), Seed::new(99)).unwrap();
    let persistent = || WakeSleep::new(2, Array2::zeros((5, 3))).unwrap();
    conformance::objective(persistent, &untied, x.view(), Seed::new(99)).unwrap();

    let alone = Dbn::new(rbm(3, 2, 1.0, 1), vec![]).unwrap().untied().unwrap_err();
    assert!(alone.to_string().contains("`depth` is 1"), "{alone}");
    assert!(UpDown::new(0).is_err());
    assert!(WakeSleep::new(0, Array2::zeros((5, 3))).is_err());
    assert!(WakeSleep::new(1, Array2::zeros((0, 3))).is_err());
    let mut grad = Array1::zeros(untied.n_params());
    let mut misfit = WakeSleep::new(1, Array2::zeros((5, 4))).unwrap();
    let rng = &mut Seed::new(1).rng();
    assert!(
        misfit
            .loss_and_grad_into(&untied, x.view(), rng, grad.view_mut())
            .is_err()
    );
}
