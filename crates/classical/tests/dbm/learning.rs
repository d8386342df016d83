//! Learning: the gradient of the bound, the centred gradient, chains, snapshots.

use gibbsian_classical::Dbm;
use gibbsian_classical::dbm::{CentredVariational, VariationalOptions, VariationalPersistent};
use gibbsian_core::{Energy, EnergyPullback, Objective, Parametric, Seed};
use gibbsian_testkit::agreement::close;
use gibbsian_testkit::conformance;
use gibbsian_testkit::derivatives::parameter_gradient;
use gibbsian_testkit::differences::Precision;
use ndarray::{Array1, Array2, Axis, array, s};

use crate::machines::{Listed, SIZES, machine, visible_states};

const SETTINGS: VariationalOptions = VariationalOptions {
    n_steps: 2,
    tolerance: 1e-14,
    max_sweeps: 5_000,
};

fn start(dbm: &Dbm, n: usize) -> Array2<f64> {
    let v = visible_states(dbm);
    let rows: Vec<usize> = (0..n).map(|k| k % v.nrows()).collect();
    let v = v.select(Axis(0), &rows);
    dbm.draw_upward(v.view(), &mut Seed::new(4).child("chains").rng())
        .unwrap()
}

fn objective(dbm: &Dbm, n: usize) -> VariationalPersistent {
    VariationalPersistent::new(SETTINGS, start(dbm, n)).unwrap()
}

/// Data with repeated rows.
fn data(dbm: &Dbm) -> Array2<f64> {
    visible_states(dbm).select(Axis(0), &[1, 1, 3, 2, 0])
}

/// Requires the gradient of `⟨F_q⟩_data` alone, with `q` found anew at every point.
fn is_bound_gradient(dbm: &Dbm, x: &Array2<f64>, gradient: Array1<f64>) {
    let terms = |dbm: &Dbm| {
        let q = dbm.mean_field(x.view(), 1e-15, 5_000).unwrap();
        dbm.variational_free_energy(x.view(), &q) / x.nrows() as f64
    };
    parameter_gradient(
        "gradient",
        &mut dbm.clone(),
        gradient.view(),
        &terms,
        Precision::DOUBLE,
    )
    .unwrap();
}

#[test]
fn the_gradient_is_that_of_the_bound_minus_that_of_the_chains() {
    for sizes in &SIZES[..3] {
        let dbm = machine(sizes, 0.8, 60);
        let x = data(&dbm);
        let mut objective = objective(&dbm, 40);
        let mut grad = Array1::from_elem(dbm.n_params(), f64::NAN);
        let mut rng = Seed::new(1).rng();
        let loss = objective
            .loss_and_grad_into(&dbm, x.view(), &mut rng, grad.view_mut())
            .unwrap();

        // Chains with the odd layers summed out: the mean over their states given the even layers.
        let listed = Listed::of(&dbm);
        let joint = dbm.joint();
        let chains = objective.chains();
        let mut negative = Array1::zeros(dbm.n_params());
        let mut free_energy = 0.0;
        for chain in chains.rows() {
            let even = |x: ndarray::ArrayView1<f64>| {
                let (mut first, mut kept) = (0, Vec::new());
                for (l, n) in sizes.iter().enumerate() {
                    if l % 2 == 0 {
                        kept.extend(x.slice(s![first..first + n]).to_vec());
                    }
                    first += n;
                }
                kept
            };
            let rows: Vec<usize> = (0..listed.states.nrows())
                .filter(|b| even(listed.states.row(*b)) == even(chain))
                .collect();
            let states = listed.states.select(Axis(0), &rows);
            let weights = joint.energy(states.view()).mapv(|e| (-e).exp());
            let total = weights.sum();
            free_energy -= total.ln() / chains.nrows() as f64;
            let w = weights / total / chains.nrows() as f64;
            joint.energy_pullback_into(states.view(), w.view(), negative.view_mut());
        }
        let q = dbm.mean_field(x.view(), 1e-15, 5_000).unwrap();
        let positive = dbm.variational_free_energy(x.view(), &q).mean().unwrap();
        close("loss", &array![loss], &array![positive - free_energy], 1e-12).unwrap();
        is_bound_gradient(&dbm, &x, grad + negative);
    }
}

#[test]
fn chains_of_a_machine_that_rests_sample_it() {
    // 20,000 chains after 30 sweeps of a small machine with weak coupling: the mean of every unit within 5 standard errors.
    let dbm = machine(&[3, 2, 2], 0.5, 61);
    let mut objective = VariationalPersistent::new(
        VariationalOptions {
            n_steps: 30,
            ..VariationalOptions::default()
        },
        start(&dbm, 20_000),
    )
    .unwrap();
    let mut grad = Array1::zeros(dbm.n_params());
    objective
        .loss_and_grad_into(&dbm, data(&dbm).view(), &mut Seed::new(2).rng(), grad.view_mut())
        .unwrap();
    let listed = Listed::of(&dbm);
    let p = (&listed.log_weights - listed.log_z()).mapv(f64::exp);
    let means = p.dot(&listed.states);
    let found = objective.chains().mean_axis(Axis(0)).unwrap();
    for (found, mean) in found.iter().zip(&means) {
        let error = (mean * (1.0 - mean) / 20_000.0).sqrt();
        assert!(
            (found - mean).abs() < 5.0 * error,
            "{found} instead of {mean} ± {error}"
        );
    }
}

#[test]
fn it_is_an_objective_and_its_chains_are_kept() {
    let dbm = machine(&[4, 3, 2], 0.8, 62);
    conformance::objective(|| objective(&dbm, 10), &dbm, data(&dbm).view(), Seed::new(3)).unwrap();
    let mut a = objective(&dbm, 10);
    let mut grad = Array1::zeros(dbm.n_params());
    a.loss_and_grad_into(&dbm, data(&dbm).view(), &mut Seed::new(1).rng(), grad.view_mut())
        .unwrap();
    conformance::snapshot(&a, &mut objective(&dbm, 10)).unwrap();
    let centred = |rate| {
        let means = data(&dbm).mean_axis(Axis(0)).unwrap();
        CentredVariational::new(objective(&dbm, 10), &dbm, means.view(), rate).unwrap()
    };
    conformance::objective(|| centred(0.1), &dbm, data(&dbm).view(), Seed::new(3)).unwrap();
    let mut b = centred(0.3);
    b.loss_and_grad_into(&dbm, data(&dbm).view(), &mut Seed::new(1).rng(), grad.view_mut())
        .unwrap();
    conformance::snapshot(&b, &mut centred(0.3)).unwrap();
}

/// The plain parameters that centred ones `(W, b̃)` mean: `b_l = b̃_l − W_l'μ_{l−1} − W_{l+1}μ_{l+1}`, written unit by unit.
pub fn plain(sizes: &[usize], offsets: &Array1<f64>, centred: &Array1<f64>) -> Array1<f64> {
    let n_weights: usize = sizes.windows(2).map(|pair| pair[0] * pair[1]).sum();
    let (mut plain, mut next, mut first) = (centred.clone(), 0, 0);
    for pair in sizes.windows(2) {
        for a in first..first + pair[0] {
            for b in first + pair[0]..first + pair[0] + pair[1] {
                plain[n_weights + a] -= centred[next] * offsets[b];
                plain[n_weights + b] -= centred[next] * offsets[a];
                next += 1;
            }
        }
        first += pair[0];
    }
    plain
}

#[test]
fn the_centred_gradient_is_the_gradient_in_the_centred_parameters() {
    for sizes in SIZES {
        let dbm = machine(sizes, 0.7, 63);
        let x = data(&dbm);
        let gradient = |rate: Option<f64>| {
            let mut grad = Array1::zeros(dbm.n_params());
            let mut rng = Seed::new(9).rng();
            let mut objective = objective(&dbm, 30);
            let mut offsets = Vec::new();
            if let Some(rate) = rate {
                let start = Array1::from_elem(sizes[0], 0.25);
                let mut centred = CentredVariational::new(objective, &dbm, start.view(), rate).unwrap();
                centred
                    .loss_and_grad_into(&dbm, x.view(), &mut rng, grad.view_mut())
                    .unwrap();
                offsets = centred.offsets().to_vec();
            } else {
                objective
                    .loss_and_grad_into(&dbm, x.view(), &mut rng, grad.view_mut())
                    .unwrap();
            }
            (grad, offsets)
        };
        let (g, _) = gradient(None);
        for rate in [0.0, 0.4, 1.0] {
            let (found, offsets) = gradient(Some(rate));
            let offsets: Array1<f64> = offsets.into_iter().flatten().collect();
            // With θ = Tθ̃ linear, the gradient in θ̃ is T'g, and a step along it moves θ by TT'g.
            let n = g.len();
            let mut t = Array2::zeros((n, n));
            for k in 0..n {
                let mut unit = Array1::zeros(n);
                unit[k] = 1.0;
                t.column_mut(k).assign(&plain(sizes, &offsets, &unit));
            }
            close("TT'g", &found, &t.dot(&t.t().dot(&g)), 1e-14).unwrap();
            // Offsets go the way `rate` from where they start to the means of the data phase.
            let mean = x.mean_axis(Axis(0)).unwrap();
            let expected = mean.mapv(|m| 0.25 + rate * (m - 0.25));
            close(
                "offsets",
                &offsets.slice(s![..sizes[0]]).to_owned(),
                &expected,
                1e-15,
            )
            .unwrap();
        }
    }
}

#[test]
fn what_cannot_be_learnt_from_is_refused() {
    let dbm = machine(&[3, 2, 2], 0.7, 64);
    assert!(VariationalPersistent::new(SETTINGS, Array2::zeros((0, 7))).is_err());
    let none = VariationalOptions {
        n_steps: 0,
        ..SETTINGS
    };
    assert!(VariationalPersistent::new(none, start(&dbm, 2)).is_err());
    let nan = VariationalOptions {
        tolerance: f64::NAN,
        ..SETTINGS
    };
    assert!(VariationalPersistent::new(nan, start(&dbm, 2)).is_err());
    for rate in [-0.1, 1.1, f64::NAN] {
        let means = Array1::zeros(3);
        assert!(CentredVariational::new(objective(&dbm, 2), &dbm, means.view(), rate).is_err());
    }
    let means = Array1::zeros(4);
    assert!(CentredVariational::new(objective(&dbm, 2), &dbm, means.view(), 0.5).is_err());
    // Chains of another machine, and data that are none.
    let mut grad = Array1::zeros(dbm.n_params());
    let mut chains = VariationalPersistent::new(SETTINGS, Array2::zeros((2, 6))).unwrap();
    let mut rng = Seed::new(1).rng();
    assert!(
        chains
            .loss_and_grad_into(&dbm, data(&dbm).view(), &mut rng, grad.view_mut())
            .is_err()
    );
    let mut chains = VariationalPersistent::new(SETTINGS, Array2::from_elem((2, 7), 7.0)).unwrap();
    let refused = chains.loss_and_grad_into(&dbm, data(&dbm).view(), &mut rng, grad.view_mut());
    let message = refused.unwrap_err().to_string();
    assert!(
        message.contains("chains[0, 0]") && message.contains('7'),
        "{message}"
    );
    let bad = array![[0.0, f64::NAN, 1.0]];
    assert!(
        objective(&dbm, 2)
            .loss_and_grad_into(&dbm, bad.view(), &mut rng, grad.view_mut())
            .is_err()
    );
}
