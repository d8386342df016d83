//! Flow matching against velocities in closed form.

use std::f64::consts::PI;

use crate::affine_paths::paths;
use crate::flow_fields::{Bumps, Feature, LinearField, Pairs, flow_back, time_nodes};
use crate::noise_levels::ROWS;
use crate::two_bumps::TwoBumps;
use gibbsian_core::process::OrnsteinUhlenbeck;
use gibbsian_core::special::normal_cdf;
use gibbsian_core::{Objective, Seed};
use gibbsian_objectives::{
    AffinePath, Coupling, Draws, FlowMatching, PathScales, ProcessPath, StandardNoise, StraightPath,
    TrigonometricPath,
};
use gibbsian_testkit::conformance;
use gibbsian_testkit::differences::Precision;
use gibbsian_testkit::stats::{FALSE_ALARM, family, mean};
use gibbsian_testkit::targets::HeatedGaussian;
use ndarray::{Array1, Array2, array};
use rand::Rng;

const NOISE: StandardNoise = StandardNoise { dim: 1 };

/// Loss and gradient over given pairs.
fn on<P: AffinePath>(
    objective: &FlowMatching<P, StandardNoise>,
    model: &LinearField,
    pairs: &Pairs,
) -> (f64, Array1<f64>) {
    let mut grad = Array1::from_elem(model.params.len(), f64::NAN);
    let (x, z, t, w) = (pairs.x.view(), pairs.noise.view(), pairs.t.view(), pairs.w.view());
    let loss = objective.on_pairs(model, x, z, t, w, grad.view_mut()).unwrap();
    (loss, grad)
}

#[test]
fn flow_matching_obeys_the_laws_of_objectives() {
    const DOUBLE: Precision = Precision::DOUBLE;
    let x = array![[0.3, 1.2], [-2.0, 0.1], [1.1, -0.7], [0.4, -1.9]];
    for coupling in [Coupling::Independent, Coupling::OptimalTransport] {
        for rows in ROWS {
            for (k, (_, path)) in paths().iter().enumerate() {
                let make = || {
                    let objective = FlowMatching::new(&**path, StandardNoise { dim: 2 }).unwrap();
                    let objective = objective.coupled_by(coupling).with_rows(rows);
                    if k == 0 {
                        objective.weighted_by(|t| 1.0 + t)
                    } else {
                        objective
                    }
                };
                let mut heated = HeatedGaussian::new(array![0.5, -1.0], 0.2).unwrap();
                conformance::objective(make, &heated, x.view(), Seed::new(1)).unwrap();
                conformance::objective_gradient(make, &mut heated, x.view(), DOUBLE, Seed::new(2)).unwrap();
                let mut bumps = TwoBumps::new(array![1.2, -0.7]);
                conformance::objective_gradient(make, &mut bumps, x.view(), DOUBLE, Seed::new(3)).unwrap();
            }
        }
    }
}

/// The marginal velocity of the mixture beside functions that have nothing to do with it.
fn fields<P: AffinePath + Copy + 'static>(path: P) -> LinearField {
    let data = Bumps::two();
    let features: Vec<Feature> = vec![
        Box::new(move |x, t| data.velocity(x, &path.scales(t))),
        Box::new(|_, _| 1.0),
        Box::new(|x, _| x),
        Box::new(|_, t| t),
        Box::new(|x, t| x * t),
        Box::new(|x, _| x.sin()),
    ];
    LinearField::new(features)
}

/// `∫ ½ E ‖v(X_t, t) − u(X_t, t)‖² dt`, an integral over the marginal law.
fn marginal_regression(model: &LinearField, path: &dyn AffinePath, times: &[(f64, f64)]) -> f64 {
    let data = Bumps::two();
    let mut sum = 0.0;
    for &(t, p) in times {
        let scales = path.scales(t);
        for (x, q) in (-400..=400).map(|k| (f64::from(k) * 0.03, 0.03)) {
            let residual = model.at(x, t) - data.velocity(x, &scales);
            sum += p * q * data.density(x, &scales) * 0.5 * residual * residual;
        }
    }
    sum
}

/// The expectation of the gradient vanishes at the marginal velocity, and there alone; the loss is the regression on it and a constant.
#[test]
fn the_loss_is_the_regression_on_the_marginal_velocity_and_a_constant() {
    let times: Vec<(f64, f64)> = [0.02, 0.2, 0.5, 0.8, 0.97].map(|t| (t, 0.2)).into();
    let pairs = Pairs::of(&Bumps::two(), &times);
    fn check<P: AffinePath + Copy + 'static>(path: P, times: &[(f64, f64)], pairs: &Pairs) {
        let objective = FlowMatching::new(path, NOISE).unwrap();
        let mut model = fields(path);
        let mut constants = Vec::new();
        for params in [
            array![1.0, 0.0, 0.0, 0.0, 0.0, 0.0],
            array![0.0, 0.0, 0.0, 0.0, 0.0, 0.0],
            array![0.3, -1.0, 0.5, 2.0, -0.4, 1.0],
            array![2.0, 0.1, 0.2, 0.3, 0.4, 0.5],
        ] {
            model.params = params;
            let (loss, grad) = on(&objective, &model, pairs);
            constants.push(loss - marginal_regression(&model, &path, times));
            if constants.len() == 1 {
                assert!(grad.iter().all(|g| g.abs() < 1e-12), "{grad}");
            } else {
                assert!(grad.iter().any(|g| g.abs() > 1e-2), "{grad}");
            }
        }
        // At these times the conditional variance is not small.
        assert!(constants[0] > 0.1);
        for c in &constants {
            assert!((c - constants[0]).abs() < 1e-11, "{constants:?}");
        }
        let found = model.stationary(|model| on(&objective, model, pairs).1);
        for (k, found) in found.iter().enumerate() {
            let expected = if k == 0 { 1.0 } else { 0.0 };
            assert!((found - expected).abs() < 1e-9, "{k}: {found}");
        }
    }
    check(StraightPath::default(), &times, &pairs);
    check(TrigonometricPath, &times, &pairs);
}

/// On normal data with variance `a²` the smallest loss is `πa/4` along a straight path, `½ ∫ v k²/(α² v + σ²) dt` along any.
#[test]
fn the_smallest_loss_on_normal_data_is_known() {
    let (m, a) = (0.7, 0.6);
    let data = Bumps(vec![(1.0, m, a)]);
    let times = time_nodes(0.125);
    let pairs = Pairs::of(&data, &times);
    let integral = |path: &dyn AffinePath| -> f64 {
        let at = |&(t, p): &(f64, f64)| 0.5 * p * path.scales(t).normal_velocity_variance(a * a);
        times.iter().map(at).sum()
    };
    fn smallest<P: AffinePath + Copy + 'static>(path: P, data: &Bumps, pairs: &Pairs) -> f64 {
        let data = data.clone();
        let feature: Feature = Box::new(move |x, t| data.velocity(x, &path.scales(t)));
        let mut model = LinearField::new(vec![feature]);
        model.params[0] = 1.0;
        on(&FlowMatching::new(path, NOISE).unwrap(), &model, pairs).0
    }
    let straight = smallest(StraightPath::default(), &data, &pairs);
    let turning = smallest(TrigonometricPath, &data, &pairs);
    assert!((straight - PI * a / 4.0).abs() < 1e-10, "{straight}");
    assert!((straight - integral(&StraightPath::default())).abs() < 1e-12);
    assert!((turning - integral(&TrigonometricPath)).abs() < 1e-12);
    // ∫ ½ a² (π/2)²/(a² cos² + sin²) over a quarter turn.
    assert!((turning - PI * PI * a / 8.0).abs() < 1e-10, "{turning}");
}

/// The loss of `v = 0` is `∫ λ_t ½ (α'² (m² + a²) + σ'²) dt` over an interval that has not length one, however times are shared out.
#[test]
fn the_loss_is_the_weighted_integral_over_time() {
    const N: u64 = 2_000;
    let (m, a, t_min) = (0.7, 0.6, 0.01);
    let process = OrnsteinUhlenbeck::new(2.0).unwrap();
    let path = ProcessPath::new(process, t_min).unwrap();
    // In the square root of time, where the slope of σ is tame.
    let (from, width) = (t_min.sqrt(), (2.0_f64.sqrt() - t_min.sqrt()) / 10_000.0);
    let at = |k: i32| {
        let root = from + (f64::from(k) + 0.5) * width;
        let scales = path.scales(root * root);
        let squares = scales.alpha_rate.powi(2) * (m * m + a * a) + scales.sigma_rate.powi(2);
        (1.0 + root * root) * 0.5 * squares * 2.0 * root * width
    };
    let expected: f64 = (0..10_000).map(at).sum();
    let model = LinearField::new(vec![Box::new(|_, _| 1.0)]);
    let mut tests = Vec::new();
    for rows in ROWS {
        let mut objective = FlowMatching::new(path, NOISE)
            .unwrap()
            .with_rows(rows)
            .weighted_by(|t| 1.0 + t);
        let losses: Vec<f64> = (0..N)
            .map(|k| {
                let seed = Seed::new(14).nth(k);
                let mut rng = seed.child("data").rng();
                let x = gibbsian_core::Directions::Gaussian.draw((32, 1), &mut rng) * a + m;
                let rng = &mut seed.child("noise").rng();
                let mut grad = Array1::zeros(1);
                objective
                    .loss_and_grad_into(&model, x.view(), rng, grad.view_mut())
                    .unwrap()
            })
            .collect();
        tests.push(mean(&format!("{rows:?}"), &losses, expected));
    }
    family(&tests, FALSE_ALARM).unwrap();
}

/// A one-dimensional flow keeps the order, so a point of noise at quantile `q` must arrive at the quantile `q` of the data.
#[test]
fn what_is_learnt_carries_noise_to_the_data() {
    let times: Vec<(f64, f64)> = [0.05, 0.3, 0.6, 0.9].map(|t| (t, 0.25)).into();
    let pairs = Pairs::of(&Bumps::two(), &times);
    fn check<P: AffinePath + Copy + 'static>(path: P, pairs: &Pairs) {
        let objective = FlowMatching::new(path, NOISE).unwrap();
        let mut model = fields(path);
        model.params = model.stationary(|model| on(&objective, model, pairs).1);
        for z in [-2.5, -1.0, -0.3, 0.0, 0.4, 1.1, 2.2] {
            let x = flow_back(|x, t| model.at(x, t), z, 400);
            let (found, expected) = (Bumps::two().cdf(x), normal_cdf(z));
            assert!((found - expected).abs() < 1e-8, "{z}: {found} {expected}");
        }
    }
    check(StraightPath::default(), &pairs);
    check(TrigonometricPath, &pairs);
}

/// Normal data, for which the velocity along a straight path is linear in known functions: fits to minibatches are unbiased, because given its place a row's velocity has the mean of the closed form.
#[test]
fn fits_to_minibatches_are_unbiased() {
    const N: u64 = 400;
    let (m, a) = (0.7, 0.6);
    let slope = move |t: f64| (t - (1.0 - t) * a * a) / ((1.0 - t).powi(2) * a * a + t * t);
    let mut model = LinearField::new(vec![
        Box::new(move |x, t| slope(t) * (x - (1.0 - t) * m)),
        Box::new(|_, _| 1.0),
        Box::new(|x, _| x),
        Box::new(|_, t| t),
    ]);
    let truth = [1.0, -m, 0.0, 0.0];
    let data = Draws(move |n: usize, rng: &mut dyn Rng| {
        gibbsian_core::Directions::Gaussian.draw((n, 1), rng) * a + m
    });
    let mut objective = FlowMatching::new(StraightPath::default(), NOISE).unwrap();
    let mut fits = Array2::zeros((N as usize, 4));
    for k in 0..N {
        let seed = Seed::new(11).nth(k);
        let x = gibbsian_objectives::Source::draw(&data, 64, &mut seed.child("data").rng());
        let fit = model.stationary(|model| {
            let mut grad = Array1::zeros(4);
            let rng = &mut seed.child("noise").rng();
            objective
                .loss_and_grad_into(model, x.view(), rng, grad.view_mut())
                .unwrap();
            grad
        });
        fits.row_mut(k as usize).assign(&fit);
    }
    let tests: Vec<_> = (0..4)
        .map(|k| mean(&format!("θ_{k}"), &fits.column(k).to_vec(), truth[k]))
        .collect();
    family(&tests, FALSE_ALARM).unwrap();
}

/// The loss of `v = 0` along a straight path is `½ E (Z − X)²`. For standard normal data and noise it is 1 with independent pairs, and with sorted ones `1 − Σ_i (E X_(i))²/B`, where the order statistics of two have means `±1/√π`
/// and those of three `±3/(2√π)` and 0.
#[test]
fn optimal_pairs_of_small_minibatches_are_sorted_ones() {
    const N: u64 = 20_000;
    let model = LinearField::new(vec![Box::new(|_, _| 1.0)]);
    let mut tests = Vec::new();
    for (coupling, n_rows, expected) in [
        (Coupling::Independent, 2, 1.0),
        (Coupling::OptimalTransport, 2, 1.0 - 1.0 / PI),
        (Coupling::OptimalTransport, 3, 1.0 - 3.0 / (2.0 * PI)),
    ] {
        let mut objective = FlowMatching::new(StraightPath::default(), NOISE)
            .unwrap()
            .coupled_by(coupling);
        let losses: Vec<f64> = (0..N)
            .map(|k| {
                let seed = Seed::new(12).child(&format!("{coupling:?} {n_rows}")).nth(k);
                let mut rng = seed.child("data").rng();
                let x = gibbsian_core::Directions::Gaussian.draw((n_rows, 1), &mut rng);
                let mut grad = Array1::zeros(1);
                let rng = &mut seed.child("noise").rng();
                objective
                    .loss_and_grad_into(&model, x.view(), rng, grad.view_mut())
                    .unwrap()
            })
            .collect();
        tests.push(mean(&format!("{coupling:?} of {n_rows}"), &losses, expected));
    }
    family(&tests, FALSE_ALARM).unwrap();
}

/// Noise at the quantiles of a normal law and data at those of another are joined without crossings, and velocities are then a function of place and time: `u = −m + (1 − a)(x − (1 − t) m)/((1 − t) a + t)`.
#[test]
fn paths_of_optimal_transport_do_not_cross() {
    let (m, a, n) = (0.7, 0.6, 41);
    let quantile = |k: usize| -2.0 + 0.1 * k as f64;
    let x = Array2::from_shape_fn((n, 1), |(k, _)| m + a * quantile(k));
    let noise = Array2::from_shape_fn((n, 1), |(k, _)| quantile(k * 17 % n));
    let source = || Draws(|_: usize, _: &mut dyn Rng| noise.clone());
    let mut model = LinearField::new(vec![Box::new(move |x, t| {
        -m + (1.0 - a) * (x - (1.0 - t) * m) / ((1.0 - t) * a + t)
    })]);
    model.params[0] = 1.0;
    let loss = |coupling| {
        let objective = FlowMatching::new(StraightPath::default(), source()).unwrap();
        let mut grad = Array1::zeros(1);
        objective
            .coupled_by(coupling)
            .loss_and_grad_into(&model, x.view(), &mut Seed::new(13).rng(), grad.view_mut())
            .unwrap()
    };
    assert!(loss(Coupling::OptimalTransport) < 1e-28);
    assert!(loss(Coupling::Independent) > 0.1);
}

#[test]
fn what_does_not_fit_is_refused() {
    /// A path whose noise comes with an infinite slope.
    #[derive(Debug)]
    struct Steep;
    impl AffinePath for Steep {
        fn scales(&self, t: f64) -> PathScales {
            PathScales {
                alpha: 1.0 - t,
                sigma: t.sqrt(),
                alpha_rate: -1.0,
                sigma_rate: 0.5 / t.sqrt(),
            }
        }
    }
    let e = FlowMatching::new(Steep, NOISE).unwrap_err().to_string();
    assert!(e.contains("`path at 0`"), "{e}");
    for bad in [-0.1, f64::NAN] {
        let e = StraightPath::ending_at(bad).unwrap_err().to_string();
        assert!(e.contains("`sigma_min`"), "{e}");
        let e = ProcessPath::new(OrnsteinUhlenbeck::new(2.0).unwrap(), bad).unwrap_err();
        assert!(e.to_string().contains("`t_min`"), "{e}");
    }
    let process = OrnsteinUhlenbeck::new(2.0).unwrap();
    for bad in [0.0, 2.0] {
        let e = ProcessPath::new(process, bad).unwrap_err().to_string();
        assert!(e.contains("`t_min`"), "{e}");
    }

    let model = LinearField::new(vec![Box::new(|x, _| x)]);
    let x = array![[1.0], [2.0]];
    let refusal = |objective: &FlowMatching<StraightPath, StandardNoise>, t: [f64; 2], w: [f64; 2]| {
        let (t, w) = (Array1::from(t.to_vec()), Array1::from(w.to_vec()));
        let mut grad = Array1::zeros(1);
        objective
            .on_pairs(&model, x.view(), x.view(), t.view(), w.view(), grad.view_mut())
            .unwrap_err()
            .to_string()
    };
    let objective = FlowMatching::new(StraightPath::default(), NOISE).unwrap();
    assert!(refusal(&objective, [0.5, 1.5], [1.0, 1.0]).contains("`t[1]` is 1.5"));
    assert!(refusal(&objective, [0.5, 0.5], [1.0, -1.0]).contains("`weights[1]`"));
    let odd = objective.weighted_by(|_| -1.0);
    assert!(refusal(&odd, [0.5, 0.5], [1.0, 1.0]).contains("`weight[0]`"));

    let call = |objective: FlowMatching<StraightPath, StandardNoise>, w: Option<Array1<f64>>| {
        let (mut objective, mut grad) = (objective, Array1::zeros(1));
        let rng = &mut Seed::new(1).rng();
        match w {
            None => objective.loss_and_grad_into(&model, x.view(), rng, grad.view_mut()),
            Some(w) => {
                objective.weighted_loss_and_grad_into(&model, x.view(), w.view(), rng, grad.view_mut())
            }
        }
        .map_err(|e| e.to_string())
    };
    let wide = FlowMatching::new(StraightPath::default(), StandardNoise { dim: 2 }).unwrap();
    let e = call(wide, None).unwrap_err();
    assert!(e.contains("`draws of the source` has shape [2, 2]"), "{e}");
    let plain = || FlowMatching::new(StraightPath::default(), NOISE).unwrap();
    let joined = plain().coupled_by(Coupling::OptimalTransport);
    let e = call(joined, Some(array![1.0, 2.0])).unwrap_err();
    assert!(
        e.contains("`weights` is given") && e.contains("Coupling::Independent"),
        "{e}"
    );
    assert!(call(plain(), Some(array![1.0, 2.0])).is_ok());
}
