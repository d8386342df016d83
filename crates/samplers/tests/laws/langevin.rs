//! Unadjusted Langevin sampling against the law that it really has on normal targets.

use crate::common::{Cut, Quartic, Standard, correlated, inverse, metrics, normal_moments, other, run};
use gibbsian_core::{Density, Kernel, Seed, Snapshot};
use gibbsian_samplers::{Metric, UnadjustedLangevin};
use gibbsian_testkit::conformance;
use gibbsian_testkit::stats::{self, FALSE_ALARM, Line};
use gibbsian_testkit::targets::Gaussian;
use gibbsian_testkit::verdict::Verdict;
use ndarray::{Array1, Array2, array};

/// `Σ` of a metric.
fn sigma(metric: &Metric) -> Array2<f64> {
    let mut columns = Array2::eye(3);
    metric.apply_transposed(columns.view_mut());
    metric.apply(columns.view_mut());
    columns
}

#[test]
fn it_is_a_kernel() -> Verdict {
    let x = correlated().sample(7, &mut Seed::new(1).rng());
    for metric in metrics() {
        let kernel = UnadjustedLangevin::new(0.1).unwrap().with_metric(metric);
        conformance::kernel(&kernel, &correlated(), &other(), x.view(), Seed::new(2))?;
    }
    Ok(())
}

/// From a point, the law after any number of steps is normal with `m' = μ + A (m − μ)`, `C' = A C Aᵀ + 2ε Σ`, `A = I − ε Σ Λ`.
#[test]
fn the_law_on_a_normal_target_is_that_of_the_linear_recursion() -> Verdict {
    const N_CHAINS: usize = 200_000;
    let target = correlated();
    let precision = inverse(&target.covariance());
    let epsilon = 0.3;
    let mut tests = Vec::new();
    for (k, metric) in metrics().into_iter().enumerate() {
        let sigma = sigma(&metric);
        let a = Array2::eye(3) - epsilon * sigma.dot(&precision);
        let kernel = UnadjustedLangevin::new(epsilon).unwrap().with_metric(metric);
        let start = array![3.0, 0.0, -1.0];
        let (mut mean, mut covariance) = (start.clone(), Array2::zeros((3, 3)));
        let mut state = kernel
            .init(&target, Array2::from_shape_fn((N_CHAINS, 3), |(_, i)| start[i]))
            .unwrap();
        let mut rng = Seed::new(3).nth(k as u64).rng();
        for step in 1..=40 {
            kernel.step(&target, &mut state, &mut rng);
            mean = &target.mean() + &a.dot(&(&mean - &target.mean()));
            covariance = a.dot(&covariance).dot(&a.t()) + 2.0 * epsilon * &sigma;
            if [1, 2, 5, 40].contains(&step) {
                let name = format!("metric {k}, step {step}");
                tests.extend(normal_moments(&name, &state.walkers.x, &mean, &covariance));
            }
        }
    }
    stats::family(&tests, FALSE_ALARM)
}

/// In the end the variance is `1/(λ (1 − ελ/2))` along each eigendirection, and so the covariance `(Λ (I − ½ εΛ))⁻¹`.
#[test]
fn the_invariant_law_is_the_biased_one_and_not_the_target() {
    const N_CHAINS: usize = 400_000;
    let target = correlated();
    let precision = inverse(&target.covariance());
    let epsilon = 0.4;
    let biased = inverse(&precision.dot(&(Array2::eye(3) - 0.5 * epsilon * &precision)));
    // Exact draws of the law that is claimed to be invariant.
    let law = Gaussian::new(target.mean().to_owned(), inverse(&biased)).unwrap();
    let x = law.sample(N_CHAINS, &mut Seed::new(4).rng());
    let kernel = UnadjustedLangevin::new(epsilon).unwrap();
    let (x, _) = run(&kernel, &target, x, 10, Seed::new(5));
    let mean = target.mean().to_owned();
    stats::family(&normal_moments("biased law", &x, &mean, &biased), FALSE_ALARM).unwrap();
    let covariance = target.covariance();
    assert!(stats::family(&normal_moments("target", &x, &mean, &covariance), FALSE_ALARM).is_err());
}

/// `Var − 1 = (ε/2)/(1 − ε/2)` on `N(0, 1)`: an error of first order.
#[test]
fn the_bias_is_of_first_order_in_the_step() {
    const DIM: usize = 64;
    const N_CHAINS: usize = 4096;
    const TIME: f64 = 60.0;
    let target = Standard(DIM);
    let (mut log_steps, mut log_biases) = (Vec::new(), Vec::new());
    for epsilon in [0.2, 0.1, 0.05] {
        let kernel = UnadjustedLangevin::new(epsilon).unwrap();
        let mut state = kernel.init(&target, Array2::zeros((N_CHAINS, DIM))).unwrap();
        let mut rng = Seed::new(7).rng();
        let (mut sum, mut n_looks) = (0.0, 0.0);
        for step in 0..(TIME / epsilon) as usize {
            kernel.step(&target, &mut state, &mut rng);
            // The start is forgotten to (1 − ε)^(14/ε) < 1e-6; then a look after every half unit of time.
            if step as f64 * epsilon > 7.0 && step % (0.5 / epsilon) as usize == 0 {
                sum += state.walkers.x.iter().map(|x| x * x).sum::<f64>();
                n_looks += (DIM * N_CHAINS) as f64;
            }
        }
        let variance = sum / n_looks;
        let exact = 1.0 / (1.0 - 0.5 * epsilon);
        // Squares at two looks have correlation (1 − ε)^(1/ε) < 0.37, so their mean has (1 + 0.37)/(1 − 0.37) = 2.2 times the variance of
        // the mean of independent ones.
        let mcse = exact * (2.2 * 2.0 / n_looks).sqrt();
        assert!(
            (variance - exact).abs() < 5.0 * mcse,
            "{variance}, not {exact} ± {mcse}"
        );
        log_steps.push(epsilon.ln());
        log_biases.push((variance - 1.0).ln());
    }
    let slope = Line::fit(&log_steps, &log_biases).slope;
    assert!((slope - 1.0).abs() < 0.1, "slope {slope}");
}

/// A density with the score of the other sign: what `dX = ∇U dt + √2 dB` would make of `p ∝ exp(−U)`.
struct Uphill;

impl gibbsian_core::Space for Uphill {
    fn dim(&self) -> usize {
        1
    }
}

impl gibbsian_core::Score for Uphill {
    fn score_into(&self, x: ndarray::ArrayView2<f64>, mut out: ndarray::ArrayViewMut2<f64>) {
        out.assign(&x);
    }
}

/// From exact draws of `N(0, 1)` the drift `+∇log p` keeps the variance `v' = (1 − ε)² v + 2ε` near one; the drift `+∇U` has `v' = (1 + ε)² v + 2ε` and leaves.
#[test]
fn with_the_drift_of_the_other_sign_chains_leave_the_target() {
    const N_CHAINS: usize = 200_000;
    const N_STEPS: i32 = 20;
    let epsilon = 0.05;
    let kernel = UnadjustedLangevin::new(epsilon).unwrap();
    let start = Standard(1).sample(N_CHAINS, &mut Seed::new(11).rng());
    let after = |a: f64| (0..N_STEPS).fold(1.0, |v, _| a * a * v + 2.0 * epsilon);
    let law = |x: &Array2<f64>, variance: f64| {
        let tests = normal_moments("after 20 steps", x, &Array1::zeros(1), &array![[variance]]);
        stats::family(&tests, FALSE_ALARM)
    };
    let (right, _) = run(
        &kernel,
        &Standard(1),
        start.clone(),
        N_STEPS as usize,
        Seed::new(12),
    );
    law(&right, after(1.0 - epsilon)).unwrap();
    let (wrong, _) = run(&kernel, &Uphill, start, N_STEPS as usize, Seed::new(12));
    law(&wrong, after(1.0 + epsilon)).unwrap();
    assert!(after(1.0 + epsilon) > 9.0 && law(&wrong, 1.0).is_err());
}

#[test]
fn chains_that_would_leave_the_numbers_stay_and_are_counted() {
    // Where the score is none, the point is not entered.
    let kernel = UnadjustedLangevin::new(0.5).unwrap();
    let (x, count) = run(
        &kernel,
        &Cut {
            beyond: f64::INFINITY,
        },
        Array2::zeros((70, 1)),
        50,
        Seed::new(8),
    );
    assert!(x.iter().all(|x| x.abs() <= 2.0));
    assert_eq!((count.proposed, count.accepted + count.undefined), (3500, 3500));
    assert!(count.undefined > 50, "{count:?}");

    // A chain that was kept has the score of where it is, and moves on.
    let target = Cut {
        beyond: f64::INFINITY,
    };
    let mut state = kernel.init(&target, Array2::zeros((70, 1))).unwrap();
    let mut rng = Seed::new(8).rng();
    for _ in 0..50 {
        let before = state.walkers.x.clone();
        let count = kernel.step(&target, &mut state, &mut rng);
        assert_eq!(state.walkers.score, -&state.walkers.x);
        let kept = before
            .iter()
            .zip(&state.walkers.x)
            .filter(|(a, b)| a == b)
            .count();
        assert_eq!(kept as u64, count.undefined);
    }

    // A step that is far too long: the points explode, and stop at the end of the numbers.
    let (x, count) = run(
        &kernel,
        &Quartic,
        Array2::from_elem((70, 1), 10.0),
        20,
        Seed::new(9),
    );
    assert!(x.iter().all(|x| x.is_finite()));
    assert!(count.undefined > 70 * 10, "{count:?}");
    // The other chains of a block go on: one explodes, one does not.
    let mut start = Array2::zeros((2, 1));
    start[[0, 0]] = 1e100;
    let slow = UnadjustedLangevin::new(1e-3).unwrap();
    let (x, count) = run(&slow, &Quartic, start, 10, Seed::new(10));
    assert!(
        x[[0, 0]].is_finite() && x[[1, 0]] != 0.0 && count.undefined > 5,
        "{x}, {count:?}"
    );
}

#[test]
fn bad_input_is_refused_by_name() {
    for step_size in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        let refusal = UnadjustedLangevin::new(step_size).unwrap_err().to_string();
        assert!(refusal.contains("`step_size` is"), "{refusal}");
    }
    let kernel = UnadjustedLangevin::new(0.1).unwrap();
    let refusal = |x: Array2<f64>| {
        let e = kernel
            .init(
                &Cut {
                    beyond: f64::INFINITY,
                },
                x,
            )
            .unwrap_err();
        e.to_string()
    };
    assert_eq!(
        refusal(array![[0.0], [3.0]]),
        "`x[1, ..]` is [3], but must be a point with a finite score; start inside the support, away from its edge"
    );
    assert_eq!(
        refusal(array![[f64::NAN]]),
        "`x[0, 0]` is NaN, but must be finite"
    );
    assert_eq!(
        refusal(Array2::zeros((0, 1))),
        "`x` has shape [0, 1], but must have shape (at least 1, 1)"
    );
    let wide = kernel
        .clone()
        .with_metric(Metric::diagonal(Array1::ones(2)).unwrap());
    let refusal = wide
        .init(&correlated(), Array2::zeros((1, 3)))
        .unwrap_err()
        .to_string();
    assert!(refusal.contains("`metric` is of dimension 2"), "{refusal}");
}

#[test]
fn a_restored_chain_goes_on_bit_for_bit() {
    let kernel = UnadjustedLangevin::new(0.2).unwrap();
    let target = correlated();
    let x = target.sample(40, &mut Seed::new(11).rng());
    let mut state = kernel.init(&target, x).unwrap();
    let step = |state: &mut _, k: u64| kernel.step(&target, state, &mut Seed::new(12).nth(k).rng());
    step(&mut state, 0);
    let mut copy = kernel.init(&target, Array2::zeros((40, 3))).unwrap();
    copy.restore(&state.snapshot()).unwrap();
    for k in 1..4 {
        step(&mut state, k);
        step(&mut copy, k);
    }
    assert_eq!(state.walkers, copy.walkers);
}

#[test]
fn draws_are_pinned() {
    // Golden draws: a change here changes every seeded result and belongs into the changelog.
    let kernel = UnadjustedLangevin::new(0.25).unwrap();
    let (x, _) = run(&kernel, &Standard(2), Array2::zeros((34, 2)), 3, Seed::new(13));
    assert_eq!([x[[0, 0]], x[[33, 1]]], PINNED);
}

const PINNED: [f64; 2] = [-0.05923192685361467, 0.4441216812113904];
