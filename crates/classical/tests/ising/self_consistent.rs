//! Mean field, TAP and Bethe against exact results.

use gibbsian_classical::field::{BeliefPropagation, MeanField};
use gibbsian_classical::ising::{ApproximateMoments, Approximation, SelfConsistent};
use gibbsian_classical::{Boundary, Graph, Ising, PairwiseField};
use gibbsian_core::math::{log_2cosh, log_add_exp};
use gibbsian_testkit::agreement::close;
use gibbsian_testkit::derivatives::parameter_gradient;
use gibbsian_testkit::differences::Precision;
use ndarray::{Array1, array, concatenate};

use crate::models::{graphs, random};

const ALL: [Approximation; 3] = [Approximation::MeanField, Approximation::Tap, Approximation::Bethe];

fn converged(model: &Ising, approximation: Approximation) -> ApproximateMoments {
    let found = SelfConsistent::default().run(model, approximation);
    assert!(found.convergence.converged, "{:?}", found.convergence);
    found
}

#[test]
fn bethe_is_exact_on_trees() {
    let tree = Graph::new(8, vec![[0, 4], [4, 7], [4, 2], [2, 1], [7, 5], [7, 3], [3, 6]]).unwrap();
    let forest = Graph::new(6, vec![[3, 1], [5, 0], [0, 4]]).unwrap();
    for graph in [tree, forest, Graph::lattice(&[12], Boundary::Open).unwrap()] {
        for (coupling, field) in [(0.1, 0.1), (0.8, 0.5), (3.0, 1.0)] {
            for seed in 0..4 {
                let model = random(graph.clone(), coupling, field, seed);
                let (found, exact) = (
                    converged(&model, Approximation::Bethe),
                    model.enumerate().unwrap(),
                );
                let scale = 1.0 + exact.log_z.abs();
                assert!((found.log_z - exact.log_z).abs() < 1e-12 * scale);
                close("means", &found.moments.sites, &exact.means, 1e-12).unwrap();
                let bonds = graph.bonds().iter().map(|&[i, j]| exact.second_moments[[i, j]]);
                close(
                    "bonds",
                    &found.moments.bonds,
                    &bonds.collect::<Array1<f64>>(),
                    1e-12,
                )
                .unwrap();
            }
        }
    }
}

#[test]
fn mean_field_is_a_bound_and_what_is_left_out_has_its_order() {
    for (k, graph) in graphs().into_iter().enumerate() {
        let model = random(graph, 0.3, 0.4, k as u64);
        let (mean_field, log_z) = (
            converged(&model, Approximation::MeanField).log_z,
            model.log_z().unwrap(),
        );
        assert!(mean_field <= log_z + 1e-12, "graph {k}: {mean_field} and {log_z}");
    }
    // Halving all couplings divides the error of log Z by 2^order: J² is left out of mean field; of TAP and of Bethe J³, which triangles have.
    let base = random(Graph::complete(5).unwrap(), 1.0, 0.5, 3);
    for (approximation, order) in ALL.into_iter().zip([2.0, 3.0, 3.0]) {
        let error = |scale: f64| {
            let couplings = base.couplings().mapv(|j| scale * j);
            let model = Ising::new(base.graph().clone(), couplings, base.fields().to_owned()).unwrap();
            (converged(&model, approximation).log_z - model.log_z().unwrap()).abs()
        };
        let slope = (error(0.02) / error(0.01)).log2();
        assert!((slope - order).abs() < 0.15, "{approximation:?}: {slope}");
    }
}

#[test]
fn moments_are_derivatives_of_log_z() {
    for graph in [
        Graph::complete(5).unwrap(),
        Graph::triangular(3, 3, Boundary::Open).unwrap(),
        Graph::lattice(&[2, 2], Boundary::Periodic).unwrap(),
    ] {
        let model = random(graph, 0.2, 0.3, 5);
        for approximation in ALL {
            let found = converged(&model, approximation);
            let moments = concatenate![ndarray::Axis(0), found.moments.bonds, found.moments.sites];
            let log_z = |model: &Ising| array![converged(model, approximation).log_z];
            let law = format!("{approximation:?}");
            parameter_gradient(
                &law,
                &mut model.clone(),
                moments.view(),
                &log_z,
                Precision::DOUBLE,
            )
            .unwrap();
        }
    }
}

#[test]
fn fields_of_two_labels_agree() {
    let model = random(Graph::lattice(&[3, 4], Boundary::Periodic).unwrap(), 0.25, 0.4, 9);
    let field = PairwiseField::from_ising(&model, [-1.0, 1.0]).unwrap();
    let beliefs = BeliefPropagation::new(0.0, 1e-14, 1000).unwrap().run(&field);
    let bethe = converged(&model, Approximation::Bethe);
    assert!((beliefs.log_z() - bethe.log_z).abs() < 1e-11);
    let bound = MeanField::new(1e-14, 1000).unwrap().run(&field).unwrap().bound();
    assert!((bound - converged(&model, Approximation::MeanField).log_z).abs() < 1e-11);
}

#[test]
fn a_cold_ferromagnet_has_two_phases() {
    // On a regular graph of degree d without fields the Bethe magnetisation vanishes at tanh J = 1/(d − 1): on the square lattice at J = 0.3466.
    let torus = |coupling: f64| {
        let graph = Graph::lattice(&[6, 6], Boundary::Periodic).unwrap();
        Ising::uniform(graph, coupling, 0.0).unwrap()
    };
    let solver = SelfConsistent::new(0.1, 1e-13, 10_000).unwrap();
    let up = Array1::from_elem(36, 0.5);
    let mean = |coupling: f64, start: &Array1<f64>| {
        let found = solver.run_from(&torus(coupling), Approximation::Bethe, start.view());
        found.unwrap().moments.sites[0]
    };
    assert!(mean(0.34, &up).abs() < 1e-9);
    assert!(mean(0.36, &up) > 0.3);
    assert!((mean(0.36, &up) + mean(0.36, &-&up)).abs() < 1e-10);
    assert_eq!(
        solver.run(&torus(0.36), Approximation::Bethe).moments.sites[0],
        0.0
    );
    // Where it solves m = tanh(4 J m), mean field has the same.
    let found = solver
        .run_from(&torus(0.3), Approximation::MeanField, up.view())
        .unwrap();
    let m = found.moments.sites[7];
    assert!(m > 0.5 && (m - (1.2 * m).tanh()).abs() < 1e-12);
}

#[test]
fn options_and_starts_are_refused_by_name() {
    let refuse = |damping, tolerance, max_sweeps| {
        let made = SelfConsistent::new(damping, tolerance, max_sweeps);
        made.unwrap_err().to_string()
    };
    assert!(refuse(1.0, 1e-9, 10).contains("damping"));
    assert!(refuse(f64::NAN, 1e-9, 10).contains("damping"));
    assert!(refuse(0.0, 0.0, 10).contains("tolerance"));
    assert!(refuse(0.0, 1e-9, 0).contains("max_sweeps"));
    let pair = Ising::uniform(Graph::complete(2).unwrap(), 0.5, 0.0).unwrap();
    let refuse = |start: Array1<f64>| {
        let found = SelfConsistent::default().run_from(&pair, Approximation::Tap, start.view());
        found.unwrap_err().to_string()
    };
    assert!(refuse(Array1::zeros(3)).contains("start"));
    assert!(refuse(Array1::from_elem(2, 1.0)).contains("start[0]"));
    // One sweep is not enough, and the result says so.
    let graph = Graph::triangular(3, 3, Boundary::Open).unwrap();
    let short = SelfConsistent::new(0.5, 1e-14, 1).unwrap();
    let found = short.run(&random(graph, 0.3, 0.3, 1), Approximation::Bethe);
    assert!(!found.convergence.converged && found.convergence.n_rounds == 1);
}

#[test]
fn fields_beyond_the_range_of_tanh_keep_bethe_exact_on_trees() {
    let chain = |n: usize| Graph::lattice(&[n], Boundary::Open).unwrap();
    // Of two spins log Z = log(2 eᴶ cosh(h₁ + h₂) + 2 e⁻ᴶ cosh(h₁ − h₂)); tanh h rounds to one from h = 19.1 on.
    for (coupling, fields) in [
        (0.5, [20.0, 20.0]),
        (0.5, [20.0, -20.0]),
        (-3.0, [700.0, 19.0]),
        (40.0, [30.0, -1e6]),
        (1e-9, [0.3, 50.0]),
    ] {
        let model = Ising::new(chain(2), array![coupling], Array1::from_iter(fields)).unwrap();
        let found = converged(&model, Approximation::Bethe);
        let [a, b] = fields;
        let exact = log_add_exp(coupling + log_2cosh(a + b), log_2cosh(a - b) - coupling);
        close("log Z", &array![found.log_z], &array![exact], 1e-14).unwrap();
        assert!(
            found.moments.sites.iter().all(|m| m.is_finite()),
            "{:?}",
            found.moments
        );
    }
    for (coupling, field) in [(0.7, 25.0), (50.0, 40.0), (-2.0, 1e5)] {
        let model = Ising::uniform(chain(6), coupling, field).unwrap();
        let exact = model.enumerate().unwrap();
        for approximation in ALL {
            let found = converged(&model, approximation);
            assert!(found.log_z.is_finite(), "{approximation:?}: {found:?}");
            if approximation == Approximation::Bethe {
                close("log Z", &array![found.log_z], &array![exact.log_z], 1e-13).unwrap();
                close("means", &found.moments.sites, &exact.means, 1e-12).unwrap();
            }
        }
    }
}

/// Energies of this model overflow, and `∞ − ∞` is no number: the search ends and says so.
#[test]
fn a_residual_that_is_no_number_is_no_convergence() {
    let model = Ising::uniform(Graph::complete(4).unwrap(), 1.7e308, 1.7e308).unwrap();
    let mut seen = 0;
    for approximation in ALL {
        let found = SelfConsistent::default().run(&model, approximation);
        if found.moments.sites.iter().any(|m| m.is_nan()) {
            assert!(
                !found.convergence.converged,
                "{approximation:?}: {:?}",
                found.convergence
            );
            seen += 1;
        }
    }
    assert!(seen > 0, "nothing overflowed");
}
