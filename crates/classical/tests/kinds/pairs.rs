//! Every visible with every hidden kind of units against enumeration or quadrature of the joint density.

use gibbsian_classical::{Layer, Rbm, RbmPath};
use gibbsian_core::math::log_sum_exp;
use gibbsian_core::{Blocks, Energy, Path, Seed, Units};
use gibbsian_testkit::agreement::close;
use gibbsian_testkit::conformance;
use gibbsian_testkit::differences::Precision;
use gibbsian_testkit::stats::{FALSE_ALARM, Test, mean};
use gibbsian_testkit::verdict::Verdict;
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis};

use crate::common::enumeration::{self, means};
use crate::kind::{Kind, kinds};

/// Generic weights that no pair of unbounded units is coupled by too strongly.
fn weights(v: &Kind, h: &Kind) -> Array2<f64> {
    let numbers = [0.7, -0.4, 0.6, -0.8, 0.3, 0.2, 0.5, -0.9];
    Array2::from_shape_fn((v.layer.n_units(), h.layer.n_units()), |(i, j)| {
        numbers[(3 * i + j) % numbers.len()]
    })
}

fn joint_energy(v: &Kind, h: &Kind) -> impl Fn(ArrayView1<f64>, ArrayView1<f64>) -> f64 {
    let (e_v, e_h, weights) = (v.energy, h.energy, weights(v, h));
    move |x, y| {
        let mut energy = e_v(&x.to_vec()) + e_h(&y.to_vec());
        for ((i, j), w) in weights.indexed_iter() {
            energy -= x[i] * w * y[j];
        }
        energy
    }
}

#[test]
fn every_pair_of_finite_kinds_is_that_of_enumeration() {
    let kinds = kinds();
    let mut pair = 0;
    for v in kinds.iter().filter(|k| k.finite.is_some()) {
        for h in kinds.iter().filter(|k| k.finite.is_some()) {
            let ((visible, base_v), (hidden, base_h)) =
                (v.finite.clone().unwrap(), h.finite.clone().unwrap());
            let rbm = Rbm::new(visible, hidden, weights(v, h)).unwrap();
            pair += 1;
            let seed = Seed::new(100).nth(pair);
            if let Err(failure) = enumeration::machine(&rbm, joint_energy(v, h), (base_v, base_h), seed) {
                panic!("{} × {}: {failure}", v.name, h.name);
            }
        }
    }
    assert_eq!(pair, 25);
}

/// Everything that a pair of kinds gives a machine, against sums and integrals over both layers.
///
/// The quadrature is good to 10⁻¹¹ of an integral; means of numbers of size one are compared to 10⁻¹⁰.
fn machine(v: &Kind, h: &Kind, seed: Seed) -> Verdict {
    const DOUBLE: Precision = Precision::DOUBLE;
    const QUADRATURE: f64 = 1e-10;
    let rbm = Rbm::new(v.layer.clone(), h.layer.clone(), weights(v, h)).unwrap();
    let energy = joint_energy(v, h);
    let ((v_points, v_weights), (h_points, h_weights)) = (v.points(), h.points());
    let log_joint = |x: ArrayView2<f64>, y: ArrayView2<f64>, log_weights: &Array1<f64>| {
        Array2::from_shape_fn((x.nrows(), y.nrows()), |(a, b)| {
            log_weights[b] - energy(x.row(a), y.row(b))
        })
    };

    let probes = v.probes();
    let given_v = log_joint(probes.view(), h_points.view(), &h_weights);
    let free_energy: Array1<f64> = given_v
        .rows()
        .into_iter()
        .map(|row| -log_sum_exp(&row.to_vec()))
        .collect();
    close(
        "the free energy sums the hidden units out",
        &rbm.energy(probes.view()),
        &free_energy,
        QUADRATURE,
    )?;
    let hidden_means = means(given_v.view(), &h_points);
    close(
        "hidden means are those of the joint density",
        &rbm.hidden_mean(probes.view()),
        &hidden_means,
        QUADRATURE,
    )?;
    let h_probes = h.probes();
    let given_h = Array2::from_shape_fn((h_probes.nrows(), v_points.nrows()), |(b, a)| {
        v_weights[a] - energy(v_points.row(a), h_probes.row(b))
    });
    let visible_means = means(given_h.view(), &v_points);
    close(
        "visible means are those of the joint density",
        &rbm.visible_mean(h_probes.view()),
        &visible_means,
        QUADRATURE,
    )?;
    close(
        "the joint energy is the sum of its terms",
        &rbm.joint_energy(
            probes.slice(ndarray::s![..2, ..]),
            h_probes.slice(ndarray::s![..2, ..]),
        ),
        &Array1::from_shape_fn(2, |k| energy(probes.row(k), h_probes.row(k))),
        DOUBLE.agreement(),
    )?;

    let all = log_joint(v_points.view(), h_points.view(), &h_weights) + v_weights.view().insert_axis(Axis(1));
    let log_z = log_sum_exp(&all.iter().copied().collect::<Vec<_>>());
    if let Some((hidden, _)) = &h.finite {
        let rbm = Rbm::new(v.layer.clone(), hidden.clone(), weights(v, h)).unwrap();
        let found = rbm.log_z_over_hidden().unwrap();
        close(
            "log Z over the hidden layer",
            &ndarray::arr1(&[found]),
            &ndarray::arr1(&[log_z]),
            QUADRATURE,
        )?;
    }

    conformance::energy(&rbm, probes.view(), DOUBLE)?;
    conformance::energy_pullback(&mut rbm.clone(), probes.view(), DOUBLE)?;
    conformance::parametric(&mut rbm.clone())?;
    conformance::blocks(&rbm, probes.view(), seed.child("blocks"))?;
    let path = RbmPath::new(&rbm, v.base.clone(), h.base.clone()).unwrap();
    conformance::path(&path, probes.view(), DOUBLE, seed.child("path"))?;
    let mut tests = annealed(&path, log_z, seed.child("annealed"));
    // E[v' | v] = Σ_h p(h | v) E[v | h], from the first probe.
    let after = enumeration_of_a_sweep(&given_v, &rbm, &h_points);
    tests.extend(swept(&rbm, probes.row(0), after.view(), seed.child("sweep")));
    gibbsian_testkit::stats::family(&tests, FALSE_ALARM)
}

/// `E[v' | v]` for the first row of `log p(v, h)`.
fn enumeration_of_a_sweep(
    given_v: &Array2<f64>,
    rbm: &Rbm<Layer, Layer>,
    h_points: &Array2<f64>,
) -> Array1<f64> {
    means(
        given_v.slice(ndarray::s![..1, ..]),
        &rbm.visible_mean(h_points.view()),
    )
    .row(0)
    .to_owned()
}

const N_DRAWS: usize = 1 << 13;

fn swept(rbm: &Rbm<Layer, Layer>, from: ArrayView1<f64>, expected: ArrayView1<f64>, seed: Seed) -> Vec<Test> {
    let mut x = Array2::from_shape_fn((N_DRAWS, from.len()), |(_, i)| from[i]);
    rbm.resample(x.view_mut(), 0, None, &mut seed.rng());
    x.columns()
        .into_iter()
        .zip(expected)
        .enumerate()
        .map(|(i, (column, expected))| mean(&format!("unit {i} after a sweep"), &column.to_vec(), *expected))
        .collect()
}

/// Annealing from the base layers, whose normaliser the path knows, to the machine estimates that of quadrature without bias.
fn annealed(path: &RbmPath<Layer, Layer>, log_z: f64, seed: Seed) -> Vec<Test> {
    let mut rng = seed.rng();
    let mut state = path.start(N_DRAWS, &mut rng);
    let mut log_weights = vec![0.0; N_DRAWS];
    for k in 0..4 {
        let (from, to) = (0.25 * f64::from(k), 0.25 * f64::from(k + 1));
        path.work(&mut state, from, to, &mut log_weights);
        path.transition(&mut state, to, &mut rng);
    }
    let log_ratio = log_z - path.log_z_start();
    let ratios: Vec<f64> = log_weights.iter().map(|w| (w - log_ratio).exp()).collect();
    vec![mean("annealing estimates Z", &ratios, 1.0)]
}

#[test]
fn every_pair_with_a_continuous_kind_is_that_of_quadrature() {
    let kinds = kinds();
    let mut pair = 0;
    for v in &kinds {
        for h in &kinds {
            if v.finite.is_some() && h.finite.is_some() {
                continue;
            }
            pair += 1;
            if let Err(failure) = machine(v, h, Seed::new(200).nth(pair)) {
                panic!("{} × {}: {failure}", v.name, h.name);
            }
        }
    }
    assert_eq!(pair, 64 - 25);
}
