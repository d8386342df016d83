//! Adaptive optimisers: their recursions in exact arithmetic and in another program, and their invariances.

use gibbsian_core::{Layout, Record, Values};
use gibbsian_train::{Adam, AdamOptions, AdamW, Decay, Optimiser, RmsProp};
use ndarray::{Array1, array};
use serde::Deserialize;

/// The unit roundoff.
const U: f64 = f64::EPSILON / 2.0;

#[derive(Deserialize)]
struct Table {
    start: Vec<f64>,
    rates: Vec<f64>,
    gradients: Vec<Vec<f64>>,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    optimiser: String,
    beta1: f64,
    beta2: f64,
    epsilon: f64,
    l2: f64,
    exact: Vec<Vec<f64>>,
    optax: Vec<Vec<f64>>,
}

fn layout() -> Layout {
    Layout::new().with("weights", &[1, 4]).with("bias", &[4])
}

fn adam(options: AdamOptions) -> Adam {
    Adam::new(&layout(), options, Decay::NONE).unwrap()
}

fn adam_w(options: AdamOptions, decay: Decay) -> AdamW {
    AdamW::new(&layout(), options, decay).unwrap()
}

/// Gradients of a run that are of every size and sign.
fn gradient(t: u64) -> Array1<f64> {
    Array1::from_shape_fn(8, |i| {
        ((3 * i + 1) as f64 * (t + 1) as f64).sin() * 4.0_f64.powi(i as i32 - 4)
    })
}

/// The parameters after `n` steps of `gradient`, multiplied by `scale`.
fn run(optimiser: &mut dyn Optimiser, n: u64, scale: f64) -> Array1<f64> {
    let mut params = Array1::linspace(-1.0, 1.0, 8);
    for t in 0..n {
        optimiser
            .update(t, 0.01, (gradient(t) * scale).view(), params.view_mut())
            .unwrap();
    }
    params
}

#[test]
fn runs_are_those_of_exact_arithmetic_and_of_optax() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/reference/adaptive.json");
    let table: Table = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    for case in table.cases {
        let decay = Decay { l2: case.l2, l1: 0.0 };
        let options = AdamOptions {
            beta1: case.beta1,
            beta2: case.beta2,
            epsilon: case.epsilon,
        };
        let mut optimiser: Box<dyn Optimiser> = match case.optimiser.as_str() {
            "adam" => Box::new(adam(options)),
            "adam_w" => Box::new(adam_w(options, decay)),
            "rms_prop" => Box::new(RmsProp::new(&layout(), case.beta2, case.epsilon, Decay::NONE).unwrap()),
            other => panic!("{other}"),
        };
        let mut params = Array1::from(table.start.clone());
        let mut bound = 0.0;
        let mut optax_bound = 0.0;
        for (t, (g, &rate)) in table.gradients.iter().zip(&table.rates).enumerate() {
            optimiser
                .update(t as u64, rate, Array1::from(g.clone()).view(), params.view_mut())
                .unwrap();
            // A term of a moment is rounded three times when it enters and twice at every later step: m is off by 2t + 3 roundings of the moment of |g|, v of itself, the root by half as much. The
            // rest of a direction has eight roundings, and mean |g| is at most 1/√(1 − β₂) < 32 root mean squares; in these runs, where gradients are independent, 4 are allowed. Decay adds three
            // roundings of ε λ w and damps what was before; the new parameter is rounded once.
            let n = (t + 1) as f64;
            let size = params.iter().fold(0.0_f64, |m, p| m.max(p.abs()));
            bound += U * (rate * (4.0 * (3.0 * n + 13.0) + 3.0 * case.l2 * size) + size);
            // Optax takes 1 − β^t from a rounded power: half a rounding of one, a thousand of 1 − β₂ at first, then less.
            optax_bound += U * rate * 4.0 * (1.0 / (1.0 - case.beta2) + 1.0 / (1.0 - case.beta1)) / n;
            for (i, p) in params.iter().enumerate() {
                let exact = case.exact[t][i];
                assert!(
                    (p - exact).abs() <= bound,
                    "{} step {t} entry {i}: {p} {exact}",
                    case.optimiser
                );
                let optax = case.optax[t][i];
                assert!(
                    (p - optax).abs() <= 2.0 * bound + optax_bound,
                    "step {t} entry {i}: {p} {optax}"
                );
            }
        }
    }
}

#[test]
fn the_first_step_is_as_long_as_the_learning_rate() {
    for (beta1, beta2) in [(0.9, 0.999), (0.0, 0.0), (0.5, 0.9), (0.999, 0.5)] {
        let options = AdamOptions {
            beta1,
            beta2,
            epsilon: 1e-8,
        };
        let grad = array![1.0, -2.0, 1e3, -1e-3, 1e-8, 3e-20, 0.0, -1e100];
        let mut params = Array1::zeros(8);
        adam(options)
            .update(0, 0.25, grad.view(), params.view_mut())
            .unwrap();
        for (p, g) in params.iter().zip(&grad) {
            // m̂ = g and v̂ = g², up to some ten roundings; where |g| ≫ ϵ this is −ε sign g.
            let expected = -0.25 * g / (g.abs() + 1e-8);
            assert!(
                (p - expected).abs() <= 16.0 * U * expected.abs(),
                "{p}, {expected}"
            );
        }
    }
}

#[test]
fn a_constant_gradient_moves_by_the_learning_rate_at_every_step() {
    let options = AdamOptions::default();
    let mut optimiser = adam(options);
    let mut params = Array1::zeros(8);
    let grad = array![1.0, -2.0, 1e3, -1e-3, 1e-8, -1e-6, 0.0, -1e100];
    for t in 0..500 {
        optimiser.update(t, 0.25, grad.view(), params.view_mut()).unwrap();
        let n = (t + 1) as f64;
        for (p, g) in params.iter().zip(&grad) {
            let expected = -0.25 * n * g / (g.abs() + 1e-8);
            // The moments forget what was rounded long ago: at most 3 / (1 − β₁) and half of 4 / (1 − β₂) roundings, and never more than a few a step.
            let roundings = (3.0 * n).min(30.0) + (2.0 * n).min(2_000.0) + n + 16.0;
            assert!(
                (p - expected).abs() <= roundings * U * expected.abs(),
                "step {t}: {p}, {expected}"
            );
        }
    }
}

#[test]
fn the_correction_follows_the_callers_counter() {
    let mut params = Array1::zeros(8);
    let grad = Array1::ones(8);
    adam(AdamOptions::default())
        .update(u64::MAX, 1.0, grad.view(), params.view_mut())
        .unwrap();
    // Nothing is left to correct, as if there had been infinitely many steps without a gradient.
    let expected = -0.1 / (0.001_f64.sqrt() + 1e-8);
    assert!(
        params.iter().all(|p| (p / expected - 1.0).abs() < 1e3 * U),
        "{params}"
    );
}

/// Where ϵ is below every rounding, a power of two in the loss changes not one bit.
#[test]
fn the_scale_of_the_loss_does_not_matter() {
    let options = AdamOptions {
        epsilon: 1e-200,
        ..AdamOptions::default()
    };
    let decay = Decay { l2: 0.1, l1: 0.01 };
    for scale in [2.0_f64.powi(60), 2.0_f64.powi(-60)] {
        assert_eq!(
            run(&mut adam(options), 50, scale),
            run(&mut adam(options), 50, 1.0)
        );
        assert_eq!(
            run(&mut adam_w(options, decay), 50, scale),
            run(&mut adam_w(options, decay), 50, 1.0)
        );
        let rms_prop = || RmsProp::new(&layout(), 0.9, 1e-200, Decay::NONE).unwrap();
        assert_eq!(run(&mut rms_prop(), 50, scale), run(&mut rms_prop(), 50, 1.0));
    }
}

#[test]
fn without_decay_both_are_the_same_and_with_it_they_are_not() {
    let options = AdamOptions::default();
    let plain = run(&mut adam(options), 50, 1.0);
    assert_eq!(run(&mut adam_w(options, Decay::NONE), 50, 1.0), plain);
    let decay = Decay { l2: 0.1, l1: 0.0 };
    let coupled = run(&mut Adam::new(&layout(), options, decay).unwrap(), 50, 1.0);
    let decoupled = run(&mut adam_w(options, decay), 50, 1.0);
    for i in 0..4 {
        assert!(coupled[i] != plain[i] && decoupled[i] != plain[i] && coupled[i] != decoupled[i]);
    }
    // The biases do not decay.
    for i in 4..8 {
        assert!(coupled[i] == plain[i] && decoupled[i] == plain[i]);
    }
}

#[test]
fn decoupled_weights_shrink_by_themselves_and_coupled_ones_by_the_learning_rate() {
    let decay = Decay { l2: 0.5, l1: 0.0 };
    let start = array![1.0, -2.0, 1e-3, 0.0, 1.0, -2.0, 1e-3, 0.0];
    let still = Array1::zeros(8);
    let (mut decoupled, mut coupled) = (start.clone(), start.clone());
    let mut optimiser = adam_w(AdamOptions::default(), decay);
    for t in 0..10 {
        optimiser
            .update(t, 0.25, still.view(), decoupled.view_mut())
            .unwrap();
    }
    // 1 − ε λ = 7/8; each step rounds three times.
    for i in 0..4 {
        let expected = start[i] * 0.875_f64.powi(10);
        assert!((decoupled[i] - expected).abs() <= 40.0 * U * expected.abs());
    }
    Adam::new(&layout(), AdamOptions::default(), decay)
        .unwrap()
        .update(0, 0.25, still.view(), coupled.view_mut())
        .unwrap();
    assert!((coupled[0] - 0.75).abs() < 1e-7 && (coupled[1] + 1.75).abs() < 1e-7 && coupled[3] == 0.0);
    for i in 4..8 {
        assert!(decoupled[i] == start[i] && coupled[i] == start[i]);
    }

    let lasso = Decay { l2: 0.0, l1: 0.5 };
    let mut params = start.clone();
    adam_w(AdamOptions::default(), lasso)
        .update(0, 0.25, still.view(), params.view_mut())
        .unwrap();
    assert_eq!(
        params,
        array![0.875, -1.875, 1e-3 - 0.125, 0.0, 1.0, -2.0, 1e-3, 0.0]
    );
}

/// Its quotient would be zero, and the parameter would never move again.
#[test]
fn a_gradient_whose_square_overflows_is_not_silent() {
    let mut all: [Box<dyn Optimiser>; 3] = [
        Box::new(adam(AdamOptions::default())),
        Box::new(adam_w(AdamOptions::default(), Decay::NONE)),
        Box::new(RmsProp::new(&layout(), 0.9, 1e-8, Decay::NONE).unwrap()),
    ];
    for optimiser in &mut all {
        let mut grad = Array1::ones(8);
        grad[2] = -1e200;
        let mut params = Array1::zeros(8);
        optimiser.update(0, 0.1, grad.view(), params.view_mut()).unwrap();
        let bad: Vec<usize> = (0..8).filter(|&i| !params[i].is_finite()).collect();
        assert_eq!(bad, [2]);
    }
}

#[test]
fn settings_outside_their_domain_are_refused_by_name() {
    let good = AdamOptions::default();
    let refused = |options| {
        let e = Adam::new(&layout(), options, Decay::NONE)
            .unwrap_err()
            .to_string();
        assert_eq!(
            AdamW::new(&layout(), options, Decay::NONE)
                .unwrap_err()
                .to_string(),
            e
        );
        e
    };
    for bad in [1.0, -0.1, 1.1, f64::NAN, f64::INFINITY] {
        let e = refused(AdamOptions { beta1: bad, ..good });
        assert!(e.starts_with("`beta1` is"), "{e}");
        let e = refused(AdamOptions { beta2: bad, ..good });
        assert!(e.starts_with("`beta2` is"), "{e}");
    }
    for bad in [0.0, -1e-8, f64::NAN, f64::INFINITY] {
        let e = refused(AdamOptions { epsilon: bad, ..good });
        assert!(e.starts_with("`epsilon` is"), "{e}");
    }
    let bad = Decay { l2: -1.0, l1: 0.0 };
    assert!(AdamW::new(&layout(), good, bad).is_err());
}

#[test]
fn moments_come_back_whole_or_not_at_all() {
    let makes: [&dyn Fn() -> Box<dyn Optimiser>; 3] = [
        &|| Box::new(adam(AdamOptions::default())),
        &|| Box::new(adam_w(AdamOptions::default(), Decay { l2: 0.1, l1: 0.0 })),
        &|| Box::new(RmsProp::new(&layout(), 0.9, 1e-8, Decay::NONE).unwrap()),
    ];
    for make in makes {
        let mut whole = make();
        let mut params = run(whole.as_mut(), 20, 1.0);
        let mut resumed = make();
        resumed.restore(&whole.snapshot()).unwrap();
        let mut again = params.clone();
        for t in 20..40 {
            whole
                .update(t, 0.01, gradient(t).view(), params.view_mut())
                .unwrap();
            resumed
                .update(t, 0.01, gradient(t).view(), again.view_mut())
                .unwrap();
        }
        assert_eq!(again, params);

        let before = resumed.snapshot();
        // All but the last entry fits.
        let names: Vec<&str> = before.entries().map(|(name, ..)| name).collect();
        let mut misfit = Record::new();
        for (i, name) in names.iter().enumerate() {
            let n = if i + 1 == names.len() { 7 } else { 8 };
            misfit.put(*name, &[n], Values::F64(vec![1.0; n]));
        }
        let e = resumed.restore(&misfit).unwrap_err().to_string();
        assert!(e.contains("second_moment"), "{e}");
        assert_eq!(resumed.snapshot(), before);
    }
}
