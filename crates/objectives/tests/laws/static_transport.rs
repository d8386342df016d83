//! Equilibrium matching and energy matching: fields that know no time, against conditional expectations and closed forms.

use crate::flow_fields::{Bumps, Feature, LinearField, Pairs, normal_nodes, time_nodes};
use crate::noise_levels::ROWS;
use crate::two_bumps::TwoBumps;
use gibbsian_core::{Directions, Error, Objective, Result, Seed};
use gibbsian_objectives::{
    AffinePath, Coupling, EnergyMatching, EquilibriumMatching, GradientDecay, StandardNoise, StraightPath,
    TemperatureRamp,
};
use gibbsian_testkit::conformance;
use gibbsian_testkit::differences::Precision;
use gibbsian_testkit::stats::{FALSE_ALARM, family, mean};
use gibbsian_testkit::targets::Gaussian;
use ndarray::{Array1, Array2, Axis, array};

const NOISE: StandardNoise = StandardNoise { dim: 1 };
const RAMP: TemperatureRamp = TemperatureRamp {
    onset: 0.6,
    ..TemperatureRamp::new(0.05, 30, 0.4)
};

#[test]
fn both_obey_the_laws_of_objectives() {
    const DOUBLE: Precision = Precision::DOUBLE;
    let x = array![[0.3, 1.2], [-2.0, 0.1], [1.1, -0.7], [0.4, -1.9], [0.0, 0.3]];
    let noise = StandardNoise { dim: 2 };
    let mut model = TwoBumps::new(array![1.2, -0.7]);
    for coupling in [Coupling::Independent, Coupling::OptimalTransport] {
        for rows in ROWS {
            let decay = GradientDecay::truncated(0.3).unwrap();
            let equilibrium = || {
                EquilibriumMatching::new(noise, decay)
                    .coupled_by(coupling)
                    .with_rows(rows)
            };
            conformance::objective(equilibrium, &model, x.view(), Seed::new(1)).unwrap();
            conformance::objective_gradient(equilibrium, &mut model, x.view(), DOUBLE, Seed::new(2)).unwrap();
            let transport = || {
                EnergyMatching::new(noise)
                    .coupled_by(coupling)
                    .with_rows(rows)
                    .fading_near_data(0.3)
                    .unwrap()
            };
            conformance::objective(transport, &model, x.view(), Seed::new(3)).unwrap();
            conformance::objective_gradient(transport, &mut model, x.view(), DOUBLE, Seed::new(4)).unwrap();
            let whole = || transport().with_contrast(0.3, RAMP).unwrap();
            conformance::objective(whole, &model, x.view(), Seed::new(5)).unwrap();
        }
    }
}

const TIMES: [f64; 5] = [0.03, 0.2, 0.5, 0.8, 0.97];

/// `E[c_T (X_0 − Z) | X_T = x]` for times of weights `λ`, as `−Σ λ c p u / Σ λ p`.
fn average_transport(x: f64, weight: impl Fn(f64) -> f64, c: impl Fn(f64) -> f64) -> f64 {
    let data = Bumps::two();
    let (mut above, mut below) = (0.0, 0.0);
    for t in TIMES {
        let scales = StraightPath::default().scales(t);
        let p = weight(t) * data.density(x, &scales);
        above -= p * c(t) * data.velocity(x, &scales);
        below += p;
    }
    above / below
}

/// Checks that over pairs of the two bumps a loss is the regression on `target`, at places of density `Σ λ p_t`, and a constant.
fn check_regression(
    target: impl Fn(f64) -> f64 + Copy + Send + Sync + 'static,
    weight: impl Fn(f64) -> f64,
    loss_and_grad: impl Fn(&LinearField, &Pairs) -> (f64, Array1<f64>),
) {
    let data = Bumps::two();
    let times: Vec<(f64, f64)> = TIMES.map(|t| (t, 0.2)).into();
    let pairs = Pairs::of(&data, &times);
    let features: Vec<Feature> = vec![
        Box::new(move |x, _| target(x)),
        Box::new(|_, _| 1.0),
        Box::new(|x, _| x),
        Box::new(|x, _| x.sin()),
    ];
    let mut model = LinearField::new(features);
    let regression = |model: &LinearField| -> f64 {
        let mut sum = 0.0;
        for x in (-400..=400).map(|k| f64::from(k) * 0.03) {
            let density = |t: f64| 0.2 * weight(t) * data.density(x, &StraightPath::default().scales(t));
            let p: f64 = TIMES.map(density).iter().sum();
            sum += 0.03 * p * 0.5 * (model.at(x, 0.0) - target(x)).powi(2);
        }
        sum
    };
    let mut constants = Vec::new();
    for params in [
        array![1.0, 0.0, 0.0, 0.0],
        array![0.0, 0.0, 0.0, 0.0],
        array![0.4, -1.0, 0.5, 0.8],
    ] {
        model.params = params;
        let (loss, grad) = loss_and_grad(&model, &pairs);
        if constants.is_empty() {
            assert!(grad.iter().all(|g| g.abs() < 1e-12), "{grad}");
        } else {
            assert!(grad.iter().any(|g| g.abs() > 1e-2), "{grad}");
        }
        constants.push(loss - regression(&model));
    }
    for c in &constants {
        assert!((c - constants[0]).abs() < 1e-11, "{constants:?}");
    }
    assert!(constants[0] > 1e-2, "{constants:?}");
    let found = model.stationary(|model| loss_and_grad(model, &pairs).1);
    for (k, found) in found.iter().enumerate() {
        let expected = if k == 0 { 1.0 } else { 0.0 };
        assert!((found - expected).abs() < 1e-9, "{k}: {found}");
    }
}

fn called(call: impl FnOnce(ndarray::ArrayViewMut1<f64>) -> Result<f64>, n: usize) -> (f64, Array1<f64>) {
    let mut grad = Array1::from_elem(n, f64::NAN);
    let loss = call(grad.view_mut()).unwrap();
    (loss, grad)
}

#[test]
fn equilibrium_matching_learns_the_average_over_times() {
    type Factor = fn(f64) -> f64;
    let cases: [(GradientDecay, Factor); 3] = [
        (GradientDecay::linear(), |t| t),
        (GradientDecay::truncated(0.2).unwrap().times(4.0).unwrap(), |t| {
            4.0 * (5.0 * t).min(1.0)
        }),
        (GradientDecay::piecewise(0.4, 2.0).unwrap(), |t| {
            if t < 0.4 { 2.5 * t } else { 1.0 + (t - 0.4) / 0.6 }
        }),
    ];
    for (decay, c) in cases {
        let objective = EquilibriumMatching::new(NOISE, decay);
        check_regression(
            move |x| average_transport(x, |_| 1.0, c),
            |_| 1.0,
            |model, p| {
                let (x, z, t, w) = (p.x.view(), p.noise.view(), p.t.view(), p.w.view());
                called(
                    |grad| objective.on_pairs(model, x, z, t, w, grad),
                    model.params.len(),
                )
            },
        );
    }
}

#[test]
fn the_transport_of_energy_matching_is_an_average_that_leaves_data_out() {
    let fade = |t: f64| (t / 0.3).min(1.0);
    let objective = EnergyMatching::new(NOISE).fading_near_data(0.3).unwrap();
    check_regression(
        move |x| average_transport(x, fade, |_| 1.0),
        fade,
        |model, p| {
            let (x, z, t, w) = (p.x.view(), p.noise.view(), p.t.view(), p.w.view());
            called(
                |grad| objective.on_pairs(model, x, z, t, w, grad),
                model.params.len(),
            )
        },
    );
}

/// `k = λ (2 − a²)/2(1 + a²)` for `c_t = λt`: positive only for data narrower than `√2`.
#[test]
fn equilibrium_matching_of_normal_data_has_a_curvature_in_closed_form() {
    let lambda = 4.0;
    let objective = EquilibriumMatching::new(NOISE, GradientDecay::linear().times(lambda).unwrap());
    for a in [0.3, 1.0, 2.0_f64.sqrt(), 2.0] {
        let pairs = Pairs::of(&Bumps(vec![(1.0, 0.0, a)]), &time_nodes(0.125));
        let (x, z, t, w) = (pairs.x.view(), pairs.noise.view(), pairs.t.view(), pairs.w.view());
        let mut model = LinearField::new(vec![Box::new(|x, _| -x), Box::new(|_, _| 1.0)]);
        let found = model.stationary(|model| called(|g| objective.on_pairs(model, x, z, t, w, g), 2).1);
        let k = lambda * (2.0 - a * a) / (2.0 * (1.0 + a * a));
        assert!(
            (found[0] - k).abs() < 1e-9 && found[1].abs() < 1e-9,
            "{a}: {found} {k}"
        );
        if k > 0.1 {
            let energy = Gaussian::new(array![0.0], array![[k]]).unwrap();
            let grad = called(|g| objective.on_pairs(&energy, x, z, t, w, g), 2).1;
            assert!(grad.iter().all(|g| g.abs() < 1e-9), "{grad}");
        }
    }
}

/// Data `m + a z` joined with `z`: `k = ½ (1 − a²)/(m²/12 + (1 + a + a²)/3)`, `μ = ½ m + m/k`.
#[test]
fn energy_matching_of_normal_data_has_a_quadratic_energy_in_closed_form() {
    let (m, a) = (0.7, 0.6);
    let mut rows = Vec::new();
    for (t, p) in time_nodes(0.125) {
        rows.extend(normal_nodes().into_iter().map(|(z, q)| [z, t, p * q]));
    }
    let column = |i: usize| rows.iter().map(|row| row[i]).collect::<Array1<f64>>();
    let (z, t, w) = (column(0), column(1), column(2) * rows.len() as f64);
    let x = z.mapv(|z| m + a * z).insert_axis(Axis(1));
    let z = z.insert_axis(Axis(1));
    let k = 0.5 * (1.0 - a * a) / (m * m / 12.0 + (1.0 + a + a * a) / 3.0);
    let mu = 0.5 * m + m / k;
    let objective = EnergyMatching::new(NOISE);
    let gradient = |mu: f64, k: f64| {
        let energy = Gaussian::new(array![mu], array![[k]]).unwrap();
        called(
            |g| objective.on_pairs(&energy, x.view(), z.view(), t.view(), w.view(), g),
            2,
        )
        .1
    };
    assert!(gradient(mu, k).iter().all(|g| g.abs() < 1e-10));
    for (mu, k) in [(mu + 0.1, k), (mu, 1.1 * k)] {
        assert!(gradient(mu, k).iter().any(|g| g.abs() > 1e-3));
    }
}

/// Mean and variance of a chain in the quadratic energy `½ k (x − μ)²`: `m ← m − h k (m − μ)`, `v ← (1 − h k)² v + 2 ε h`.
fn moments(ramp: &TemperatureRamp, mu: f64, k: f64, start: (f64, f64), warm: bool) -> (f64, f64) {
    let (mut m, mut v) = start;
    let h = ramp.step_size;
    for step in 0..ramp.n_steps {
        let time = step as f64 * h;
        let rising = ramp.temperature * ((time - ramp.onset) / (1.0 - ramp.onset)).clamp(0.0, 1.0);
        let temperature = if warm { ramp.temperature } else { rising };
        m -= h * k * (m - mu);
        v = (1.0 - h * k).powi(2) * v + 2.0 * temperature * h;
    }
    (m, v)
}

#[test]
fn chains_warm_as_they_should() {
    let (mu, k, n) = (1.0, 1.5, 20_000);
    let target = Gaussian::new(array![mu], array![[k]]).unwrap();
    let start = Directions::Gaussian.draw((n, 1), &mut Seed::new(21).rng());
    let ends = RAMP.sample(&target, start, &mut Seed::new(22).rng()).unwrap();
    let (m, v) = moments(&RAMP, mu, k, (0.0, 1.0), false);
    let squares = ends.mapv(|x| (x - m).powi(2));
    let ends: Vec<f64> = ends.into_iter().collect();
    let squares: Vec<f64> = squares.into_iter().collect();
    family(
        &[mean("mean", &ends, m), mean("variance", &squares, v)],
        FALSE_ALARM,
    )
    .unwrap();
}

/// What the contrast adds to the gradient: `κ (⟨∂E⟩_data − ⟨∂E⟩_chains)` with half of the chains from the data, in closed form.
#[test]
fn the_contrast_is_that_of_data_and_chains() {
    const N: u64 = 4_000;
    let (mu, k, kappa) = (1.0, 1.5, 0.3);
    let model = Gaussian::new(array![mu], array![[k]]).unwrap();
    let x = array![[0.4], [1.6], [0.9], [2.0], [-0.3]];
    // Means of −k (x − μ) and of ½ (x − μ)², the derivatives in μ and in k.
    let of = |m: f64, v: f64| array![-k * (m - mu), 0.5 * ((m - mu).powi(2) + v)];
    let data = x.iter().map(|&x| of(x, 0.0)).fold(Array1::zeros(2), |s, d| s + d) / 5.0;
    let mut chains = Array1::<f64>::zeros(2);
    for b in 0..5 {
        let warm = b < 2;
        let start = if warm { (x[[b, 0]], 0.0) } else { (0.0, 1.0) };
        let (m, v) = moments(&RAMP, mu, k, start, warm);
        chains += &(of(m, v) / 5.0);
    }
    let expected = (data - chains) * kappa;
    let mut transport = EnergyMatching::new(NOISE);
    let mut whole = transport.clone().with_contrast(kappa, RAMP).unwrap();
    let mut differences = Array2::zeros((N as usize, 2));
    for (call, mut row) in differences.rows_mut().into_iter().enumerate() {
        let mut grads = [Array1::zeros(2), Array1::zeros(2)];
        for (objective, grad) in [&mut whole, &mut transport].into_iter().zip(&mut grads) {
            let rng = &mut Seed::new(23).nth(call as u64).rng();
            objective
                .loss_and_grad_into(&model, x.view(), rng, grad.view_mut())
                .unwrap();
        }
        row.assign(&(&grads[0] - &grads[1]));
    }
    let tests: Vec<_> = (0..2)
        .map(|i| mean(["μ", "k"][i], &differences.column(i).to_vec(), expected[i]))
        .collect();
    family(&tests, FALSE_ALARM).unwrap();
    assert!(transport.report().is_none());
    let report = whole.report().unwrap();
    assert_eq!((report.positive.len(), report.negative.len()), (5, 5));
}

#[test]
fn what_makes_no_sense_is_refused() {
    for bad in [0.0, -0.1, 1.5, f64::NAN] {
        let e = GradientDecay::truncated(bad).unwrap_err().to_string();
        assert!(e.contains("`width`"), "{e}");
        let e = EnergyMatching::new(NOISE).fading_near_data(bad).unwrap_err();
        assert!(e.to_string().contains("`width`"), "{e}");
    }
    for bad in [0.0, f64::INFINITY] {
        let e = GradientDecay::piecewise(0.5, bad).unwrap_err().to_string();
        assert!(e.contains("`far`"), "{e}");
        let e = GradientDecay::linear().times(bad).unwrap_err().to_string();
        assert!(e.contains("`multiplier`"), "{e}");
    }
    for (ramp, named) in [
        (
            TemperatureRamp {
                step_size: 0.0,
                ..RAMP
            },
            "`step_size`",
        ),
        (TemperatureRamp { n_steps: 0, ..RAMP }, "`n_steps`"),
        (
            TemperatureRamp {
                temperature: -1.0,
                ..RAMP
            },
            "`temperature`",
        ),
        (TemperatureRamp { onset: 1.5, ..RAMP }, "`onset`"),
    ] {
        let e = EnergyMatching::new(NOISE).with_contrast(1.0, ramp).unwrap_err();
        assert!(e.to_string().contains(named), "{e}");
    }
    let e = EnergyMatching::new(NOISE).with_contrast(-1.0, RAMP).unwrap_err();
    assert!(e.to_string().contains("`weight`"), "{e}");

    let model = Gaussian::new(array![0.0], array![[1.0]]).unwrap();
    let (x, w) = (array![[1.0], [2.0]], array![1.0, 2.0]);
    let late = array![0.5, 1.5];
    let mut grad = Array1::zeros(2);
    let equilibrium = EquilibriumMatching::new(NOISE, GradientDecay::linear());
    let e = equilibrium.on_pairs(&model, x.view(), x.view(), late.view(), w.view(), grad.view_mut());
    assert!(e.unwrap_err().to_string().contains("`t[1]` is 1.5"));
    let rng = &mut Seed::new(1).rng();
    let mut joined = equilibrium.clone().coupled_by(Coupling::OptimalTransport);
    let e = joined.weighted_loss_and_grad_into(&model, x.view(), w.view(), rng, grad.view_mut());
    assert!(e.unwrap_err().to_string().contains("Coupling::Independent"));
    let e = EnergyMatching::new(NOISE).weighted_loss_and_grad_into(
        &model,
        x.view(),
        w.view(),
        rng,
        grad.view_mut(),
    );
    assert!(e.unwrap_err().to_string().contains("`weights`"));
    // Steps so long that chains fly off end in an error and not in numbers.
    let wild = TemperatureRamp {
        step_size: 1e3,
        n_steps: 300,
        ..RAMP
    };
    let mut flying = EnergyMatching::new(NOISE).with_contrast(1.0, wild).unwrap();
    let e = flying.loss_and_grad_into(&model, x.view(), rng, grad.view_mut());
    assert!(matches!(e, Err(Error::NonFinite { .. })), "{e:?}");
}
