//! Deep machines of real visible units: the definition by sums over hidden states and integrals over visible units, in closed form where they are Gaussian.
//!
//! Given the hidden layers the visible units are independent, so `∫ exp(−E) dv` is a product of integrals on a line for every hidden state, and all of `Z`, moments and marginals are sums of
//! such products. Nothing of the machine but its parameters is asked for.

use gibbsian_classical::dbm::{Half, VariationalOptions, VariationalPersistent};
use gibbsian_classical::{Bernoulli, Dbm, DbmPath, Gaussian, Rectified};
use gibbsian_core::math::log_sum_exp;
use gibbsian_core::{Blocks, Energy, Objective, Parametric, Path, Seed};
use gibbsian_testkit::agreement::close;
use gibbsian_testkit::conformance;
use gibbsian_testkit::differences::Precision;
use gibbsian_testkit::quadrature::Support;
use gibbsian_testkit::stats::{FALSE_ALARM, Test, family, mean};
use ndarray::{Array1, Array2, Axis, concatenate, s};

use crate::machines::{layer, product, states_of};
use crate::path::log_z;
use crate::real_machines::{Listed, Real, energy, hidden_energy, machine, probes, visible};

const DOUBLE: Precision = Precision::DOUBLE;

/// Double-exponential quadrature is good to some 10⁻¹¹ of an integral.
const QUADRATURE: f64 = 1e-10;

/// The numbers of units of machines of two, three and four hidden layers.
const SIZES: [&[usize]; 3] = [&[2, 2, 3], &[2, 3, 2, 2], &[2, 2, 1, 2, 2]];

/// Everything that the definition decides.
fn obeys<V: Real>(dbm: &Dbm<V, Bernoulli>, seed: Seed) {
    let listed = Listed::of(dbm);
    let log_z_found = dbm.log_z_over_odd().unwrap();
    assert!(
        (log_z_found - listed.log_z()).abs() < QUADRATURE,
        "{log_z_found} {}",
        listed.log_z()
    );

    // Energies and free energies at points, exactly.
    let v = probes();
    let joint = dbm.joint();
    let mut expected = Array1::zeros(v.nrows());
    for (k, v) in v.rows().into_iter().enumerate() {
        let energies: Vec<f64> = listed
            .hidden
            .rows()
            .into_iter()
            .map(|h| energy(dbm, v, h))
            .collect();
        let rows = v.broadcast((energies.len(), 2)).unwrap();
        let x = concatenate![Axis(1), rows, listed.hidden];
        close(
            "energy",
            &joint.energy(x.view()),
            &Array1::from(energies.clone()),
            DOUBLE.agreement(),
        )
        .unwrap();
        expected[k] = -log_sum_exp(&energies.iter().map(|e| -e).collect::<Vec<_>>());
    }
    let free_energy = dbm.free_energy(v.view()).unwrap();
    close("free energy", &free_energy, &expected, DOUBLE.agreement()).unwrap();

    // exp(−F) integrates to Z, over a product of two lines.
    let rules = [0, 1].map(|i| Support::of(|v| dbm.visible().admits(i, v)).rule(1.0 / 16.0));
    let mut total = 0.0;
    for (x, wx) in rules[0].0.iter().zip(&rules[0].1).filter(|(x, _)| x.abs() < 40.0) {
        let inner: Vec<(f64, f64)> = rules[1]
            .0
            .iter()
            .copied()
            .zip(rules[1].1.iter().copied())
            .filter(|(y, _)| y.abs() < 40.0)
            .collect();
        let points = Array2::from_shape_fn((inner.len(), 2), |(k, i)| if i == 0 { *x } else { inner[k].0 });
        let free_energy = dbm.free_energy(points.view()).unwrap();
        let sum: f64 = inner
            .iter()
            .zip(&free_energy)
            .map(|((_, w), f)| w * (-f - log_z_found).exp())
            .sum();
        total += wx * sum;
    }
    // A coarser rule than that of the moments: at twice its step 4·10⁻⁵ is missing, and the error is squared where the step is halved.
    assert!((total - 1.0).abs() < 1e-7, "{total}");

    // The bound, its means, and the ends of paths.
    let q = dbm.mean_field(v.view(), 1e-13, 5_000).unwrap();
    let bound = dbm.variational_free_energy(v.view(), &q);
    assert!(
        q.converged() && bound.iter().zip(&free_energy).all(|(q, f)| *q >= f - 1e-12),
        "{bound} {free_energy}"
    );
    for l in 1..=dbm.depth() {
        let below = if l == 1 { v.view() } else { q.means(l - 1) };
        let mut field = below.dot(&dbm.weights(l)) + dbm.hidden(l).bias();
        if l < dbm.depth() {
            field += &q.means(l + 1).dot(&dbm.weights(l + 1).t());
        }
        close(
            "means",
            &q.means(l),
            &field.mapv(|x| 1.0 / (1.0 + (-x).exp())),
            1e-12,
        )
        .unwrap();
    }
    let sizes = dbm.sizes();
    let bases = || {
        (1..sizes.len())
            .map(|l| layer(sizes[l], seed.child("base").nth(l as u64)))
            .collect()
    };
    let path = || DbmPath::new(dbm, visible::<V>(sizes[0], seed.child("base")), bases()).unwrap();
    let odd = path().keeping(Half::Odd).unwrap();
    let states = product(
        &(1..=dbm.depth())
            .step_by(2)
            .map(|l| states_of(dbm.hidden(l)))
            .collect::<Vec<_>>(),
    );
    let end = log_z(&odd, &states);
    assert!(
        (end - listed.log_z()).abs() < QUADRATURE,
        "{end} {}",
        listed.log_z()
    );
    conformance::finite_path(&odd, states.view(), DOUBLE, seed.child("path")).unwrap();

    conformance::parametric(&mut dbm.clone()).unwrap();
    let (rows, cases) = (states_rows(&listed.hidden, &v), dbm.joint());
    conformance::energy_pullback(&mut joint.clone(), rows.view(), DOUBLE).unwrap();
    conformance::blocks(&cases, rows.view(), seed.child("blocks")).unwrap();
    let mut tests = annealed(
        &path().keeping(Half::Even).unwrap(),
        listed.log_z(),
        seed.child("annealed"),
    );
    tests.extend(swept(dbm, &listed, seed.child("sweeps")));
    family(&tests, FALSE_ALARM).unwrap();
}

/// Some joint states.
fn states_rows(hidden: &Array2<f64>, v: &Array2<f64>) -> Array2<f64> {
    let rows: Vec<usize> = (0..v.nrows()).map(|k| (7 * k + 3) % hidden.nrows()).collect();
    concatenate![Axis(1), *v, hidden.select(Axis(0), &rows)]
}

/// Annealing of the half that has the visible units estimates `Z` without bias.
fn annealed<P: Path>(path: &P, log_z: f64, seed: Seed) -> Vec<Test> {
    let mut rng = seed.rng();
    let mut state = path.start(8_000, &mut rng);
    let mut log_weights = vec![0.0; 8_000];
    for k in 0..8 {
        let (from, to) = (f64::from(k) / 8.0, f64::from(k + 1) / 8.0);
        path.work(&mut state, from, to, &mut log_weights);
        path.transition(&mut state, to, &mut rng);
    }
    let log_ratio = log_z - path.log_z_start();
    let ratios: Vec<f64> = log_weights.iter().map(|w| (w - log_ratio).exp()).collect();
    vec![mean("annealing estimates Z", &ratios, 1.0)]
}

/// Chains of all layers have the moments of the definition.
fn swept<V: Real>(dbm: &Dbm<V, Bernoulli>, listed: &Listed, seed: Seed) -> Vec<Test> {
    let joint = dbm.joint();
    let v = probes().select(Axis(0), &[0; 10_000]);
    let mut x = dbm.draw_upward(v.view(), &mut seed.child("start").rng()).unwrap();
    for sweep in 0..60 {
        for block in 0..2 {
            joint.resample(
                x.view_mut(),
                block,
                None,
                &mut seed.nth(sweep).nth(block as u64).rng(),
            );
        }
    }
    let p = listed.probabilities();
    let mut tests = Vec::new();
    for i in 0..2 {
        let column = x.column(i);
        tests.push(mean(
            &format!("v_{i}"),
            &column.to_vec(),
            p.dot(&listed.moments[0].column(i)),
        ));
        let squares = column.mapv(|v| v * v).to_vec();
        tests.push(mean(
            &format!("v_{i}²"),
            &squares,
            p.dot(&listed.moments[1].column(i)),
        ));
    }
    for j in 0..listed.hidden.ncols() {
        tests.push(mean(
            &format!("h_{j}"),
            &x.column(2 + j).to_vec(),
            p.dot(&listed.hidden.column(j)),
        ));
        // Of visible and hidden units together.
        let product = (&x.column(0) * &x.column(2 + j)).to_vec();
        let expected = (&listed.hidden.column(j) * &listed.moments[0].column(0)).dot(&p);
        tests.push(mean(&format!("v_0 h_{j}"), &product, expected));
    }
    tests
}

#[test]
fn machines_of_gaussian_visible_units_are_what_quadrature_says() {
    for (k, sizes) in SIZES.into_iter().enumerate() {
        let dbm: Dbm<Gaussian, Bernoulli> = machine(sizes, 200 + k as u64);
        obeys(&dbm, Seed::new(210 + k as u64));
        // ∫ exp(Iv − ½ γ v²) dv = √(2π/γ) exp(I²/2γ), to the rounding of sums.
        let listed = Listed::of(&dbm);
        let [linear, precision] = dbm.visible().linear_and_precision();
        let log_weights = listed.hidden.rows().into_iter().map(|h| {
            let field = dbm.weights(1).dot(&h.slice(s![..sizes[1]])) + &linear;
            let own = (&field * &field / (2.0 * &precision)).sum();
            own + precision.mapv(|g| 0.5 * (std::f64::consts::TAU / g).ln()).sum() - hidden_energy(&dbm, h)
        });
        let closed = log_sum_exp(&log_weights.collect::<Vec<_>>());
        let found = dbm.log_z_over_odd().unwrap();
        assert!(
            (found - closed).abs() < 1e-13 * closed.abs().max(1.0),
            "{found} {closed}"
        );
    }
}

#[test]
fn machines_of_rectified_visible_units_are_what_quadrature_says() {
    for (k, sizes) in SIZES.into_iter().enumerate() {
        obeys(
            &machine::<Rectified>(sizes, 220 + k as u64),
            Seed::new(230 + k as u64),
        );
    }
}

/// The gradient of variational learning by the statistics of both phases, `v`, `½v²` and the products of neighbours, with plain sums.
fn learns<V: Real>(sizes: &[usize], seed: u64) {
    let dbm: Dbm<V, Bernoulli> = machine(sizes, seed);
    let settings = VariationalOptions {
        n_steps: 3,
        tolerance: 1e-14,
        max_sweeps: 5_000,
    };
    let start = dbm.draw_upward(
        probes().select(Axis(0), &[0, 1, 2, 3, 4, 0, 1]).view(),
        &mut Seed::new(seed).rng(),
    );
    let mut objective = VariationalPersistent::new(settings, start.unwrap()).unwrap();
    let mut found = Array1::zeros(dbm.n_params());
    let x = probes();
    objective
        .loss_and_grad_into(
            &dbm,
            x.view(),
            &mut Seed::new(seed).child("step").rng(),
            found.view_mut(),
        )
        .unwrap();

    let q = dbm.mean_field(x.view(), 1e-14, 5_000).unwrap();
    let data: Vec<Array2<f64>> = std::iter::once(x)
        .chain((1..sizes.len()).map(|l| q.means(l).to_owned()))
        .collect();
    // Odd layers of the chains are means given the even ones.
    let chains = objective.chains();
    let mut first = 0;
    let mut model: Vec<Array2<f64>> = Vec::new();
    for n in sizes {
        model.push(chains.slice(s![.., first..first + n]).to_owned());
        first += n;
    }
    for l in (1..sizes.len()).step_by(2) {
        let mut field = model[l - 1].dot(&dbm.weights(l)) + dbm.hidden(l).bias();
        if l + 1 < sizes.len() {
            field += &model[l + 1].dot(&dbm.weights(l + 1).t());
        }
        model[l] = field.mapv(|x| 1.0 / (1.0 + (-x).exp()));
    }
    let gradient = |layers: &[Array2<f64>]| -> Array1<f64> {
        let n = layers[0].nrows() as f64;
        let mut g: Vec<f64> = Vec::new();
        for pair in layers.windows(2) {
            g.extend(pair[0].t().dot(&pair[1]).iter().map(|s| -s / n));
        }
        g.extend(layers[0].sum_axis(Axis(0)).iter().map(|s| -s / n));
        g.extend(
            layers[0]
                .mapv(|v| 0.5 * v * v)
                .sum_axis(Axis(0))
                .iter()
                .map(|s| s / n),
        );
        for hidden in &layers[1..] {
            g.extend(hidden.sum_axis(Axis(0)).iter().map(|s| -s / n));
        }
        g.into()
    };
    close("gradient", &found, &(gradient(&data) - gradient(&model)), 1e-12).unwrap();
}

#[test]
fn learning_of_real_visible_units_contrasts_their_moments() {
    for (k, sizes) in SIZES.into_iter().enumerate() {
        learns::<Gaussian>(sizes, 240 + k as u64);
        learns::<Rectified>(sizes, 250 + k as u64);
    }
}
