//! Enumeration, the transfer matrix and exact draws against each other.

use gibbsian_classical::{Boundary, Graph, Ising, TransferMatrix};
use gibbsian_core::math::{log_cosh, log_sum_exp};
use gibbsian_core::{Density, Energy, Seed};
use gibbsian_testkit::stats::{FALSE_ALARM, chi_square, family};
use gibbsian_testkit::threads;
use ndarray::{Array1, ArrayView1};

use crate::models::{graphs, random, states};

/// `|found − expected| ≤ 1e-12 max(1, |expected|)`.
#[track_caller]
fn assert_close(what: &str, found: f64, expected: f64) {
    assert!(
        (found - expected).abs() <= 1e-12 * expected.abs().max(1.0),
        "{what}: {found:e} instead of {expected:e}"
    );
}

/// From nearly free spins to couplings whose factors no double can hold.
const SCALES: [(f64, f64); 5] = [(0.01, 0.02), (0.5, 0.3), (3.0, 1.0), (40.0, 15.0), (900.0, 300.0)];

#[test]
fn log_z_is_the_sum_over_all_states() {
    for (k, graph) in graphs().into_iter().enumerate() {
        for (coupling, field) in SCALES {
            let model = random(graph.clone(), coupling, field, k as u64);
            let energies = model.energy(states(graph.n_sites()).view());
            let expected = log_sum_exp(&energies.mapv(|e| -e).to_vec());
            let what = format!("graph {k}, scale {coupling}");
            assert_close(&what, model.log_z_by_enumeration().unwrap(), expected);
            assert_close(&what, model.log_z().unwrap(), expected);
        }
    }
}

#[test]
fn moments_are_those_of_the_distribution() {
    for (k, graph) in graphs().into_iter().enumerate() {
        for (coupling, field) in SCALES {
            let model = random(graph.clone(), coupling, field, k as u64);
            let x = states(graph.n_sites());
            let energy = model.energy(x.view());
            let log_z = model.log_z_by_enumeration().unwrap();
            let mut p = energy.mapv(|e| (-e - log_z).exp());
            p /= p.sum();
            let mean = |f: &dyn Fn(ArrayView1<f64>) -> f64| -> f64 {
                x.rows().into_iter().zip(&p).map(|(x, p)| p * f(x)).sum()
            };
            let exact = model.enumerate().unwrap();
            let swept = TransferMatrix::new(&model).unwrap().moments();
            // Roundings of the energies are roundings of the logarithms of probabilities.
            let tolerance = 1e-13 * (1.0 + coupling * graph.n_bonds() as f64);
            let close = |what: &str, found: f64, expected: f64| {
                assert!(
                    (found - expected).abs() <= tolerance,
                    "graph {k}, scale {coupling}, {what}: {found:e} instead of {expected:e}"
                );
            };
            for i in 0..graph.n_sites() {
                let expected = mean(&|x| x[i]);
                close("means", exact.means[i], expected);
                close("means by transfer", swept.sites[i], expected);
                for j in 0..graph.n_sites() {
                    close("pairs", exact.second_moments[[i, j]], mean(&|x| x[i] * x[j]));
                }
            }
            for (bond, &[i, j]) in graph.bonds().iter().enumerate() {
                close(
                    "bonds by transfer",
                    swept.bonds[bond],
                    exact.second_moments[[i, j]],
                );
            }
            let mean_energy = p.dot(&energy);
            assert_close("mean energy", exact.mean_energy, mean_energy);
            let variance = p
                .iter()
                .zip(&energy)
                .map(|(p, e)| p * (e - mean_energy).powi(2))
                .sum();
            assert_close("variance", exact.energy_variance, variance);
        }
    }
}

#[test]
fn draws_of_the_transfer_matrix_have_the_exact_law() {
    let mut tests = Vec::new();
    for (k, graph) in graphs().into_iter().enumerate().filter(|(_, g)| g.n_sites() <= 9) {
        for (coupling, field) in [SCALES[1], SCALES[2], SCALES[4]] {
            let model = random(graph.clone(), coupling, field, k as u64);
            let matrix = TransferMatrix::new(&model).unwrap();
            let x = states(graph.n_sites());
            let p = matrix.log_density(x.view()).mapv(f64::exp).to_vec();
            let draws = matrix.sample(20_000, &mut Seed::new(1).nth(k as u64).rng());
            let mut counts = vec![0; p.len()];
            for draw in draws.rows() {
                let number: usize = draw
                    .iter()
                    .enumerate()
                    .map(|(i, x)| usize::from(*x > 0.0) << i)
                    .sum();
                counts[number] += 1;
            }
            tests.push(chi_square(&format!("graph {k}, scale {coupling}"), &counts, &p));
        }
    }
    family(&tests, FALSE_ALARM).unwrap();
}

#[test]
fn draws_are_determined_by_the_seed_on_any_number_of_threads() {
    let model = random(Graph::lattice(&[4, 9], Boundary::Open).unwrap(), 0.7, 0.3, 2);
    let matrix = TransferMatrix::new(&model).unwrap();
    threads::same_on_any_number("draws", || matrix.sample(70, &mut Seed::new(3).rng()).into_flat()).unwrap();
    threads::same_on_any_number("log Z", || {
        let small = random(Graph::lattice(&[3, 5], Boundary::Open).unwrap(), 0.7, 0.3, 2);
        Array1::from_elem(1, small.log_z_by_enumeration().unwrap())
    })
    .unwrap();
}

#[test]
fn wide_graphs_are_swept_along_their_long_side() {
    // 3 × 400 in either order, and a tree of 500 sites with its numbers shuffled.
    for shape in [[3, 400], [400, 3]] {
        let strip = Graph::lattice(&shape, Boundary::Open).unwrap();
        let log_z = Ising::uniform(strip, 0.4, 0.0).unwrap().log_z().unwrap();
        // The largest eigenvalue of the 8 × 8 matrix rules: increments a column are constant.
        let longer = |n: usize| {
            let strip = Graph::lattice(&[3, n], Boundary::Open).unwrap();
            Ising::uniform(strip, 0.4, 0.0).unwrap().log_z().unwrap()
        };
        let increment = (longer(300) - longer(200)) / 100.0;
        assert_close("increments", log_z, longer(200) + 200.0 * increment);
    }
    let bonds: Vec<[usize; 2]> = (1..500).map(|i| [i * 77 % 500, i / 2 * 77 % 500]).collect();
    let tree = random(Graph::new(500, bonds).unwrap(), 1.3, 0.0, 5);
    let expected = 500.0 * 2f64.ln() + tree.couplings().mapv(log_cosh).sum();
    assert_close("a tree without fields", tree.log_z().unwrap(), expected);
}

#[test]
fn graphs_beyond_reach_are_refused_by_name() {
    let large = random(Graph::complete(33).unwrap(), 0.1, 0.1, 1);
    let refused = |result: gibbsian_core::Result<f64>| result.unwrap_err().to_string();
    assert_eq!(
        refused(large.log_z_by_enumeration()),
        "`graph` is of 33 sites, but must be a graph of at most 32 sites, for an enumeration"
    );
    assert!(refused(large.enumerate().map(|e| e.log_z)).contains("at most 24 sites"));
    assert_eq!(
        refused(large.log_z()),
        "`graph` is cut nowhere by fewer than 32 spins in any order that was tried, but must be cut by at most 24 spins, for a \
         transfer matrix"
    );
}
