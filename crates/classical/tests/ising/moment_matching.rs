//! Models from their moments: the moments of a random model are those of one model only, itself.

use gibbsian_classical::{
    BondMoments, Boundary, Graph, Ising, MatchedMoments, MomentMatching, TransferMatrix,
};
use gibbsian_core::{Density, Energy, Parametric, Seed};
use gibbsian_testkit::threads;
use ndarray::{Array1, array};

use crate::models::{graphs, random, states};

/// The moments of a model on its bonds, by enumeration.
fn moments(model: &Ising) -> BondMoments {
    let exact = model.enumerate().unwrap();
    let bonds = model.graph().bonds().iter();
    BondMoments {
        bonds: bonds.map(|&[i, j]| exact.second_moments[[i, j]]).collect(),
        sites: exact.means,
    }
}

/// The largest difference of two arrays.
fn distance(a: &Array1<f64>, b: &Array1<f64>) -> f64 {
    (a - b).fold(0.0, |m, d| if d.abs() <= m { m } else { d.abs() })
}

/// Newton's method doubles the digits in a step: from five to the end in two, or three where the constant is large. Any other matrix than the covariance takes many more.
#[track_caller]
fn assert_quadratic(what: &str, matched: &MatchedMoments, target: &BondMoments) {
    let rough = MomentMatching {
        tolerance: 1e-5,
        ..MomentMatching::default()
    };
    let rough = rough.fit(matched.model.graph().clone(), target).unwrap();
    let n_steps = [rough.n_steps, matched.n_steps];
    assert!(n_steps[1] <= n_steps[0] + 3, "{what}: {n_steps:?} steps");
}

#[test]
fn the_parameters_of_a_random_model_come_back() {
    for (k, graph) in graphs().into_iter().enumerate() {
        let doubled =
            (0..graph.n_sites()).any(|i| graph.neighbours(i).windows(2).any(|n| n[0].site == n[1].site));
        if doubled {
            continue;
        }
        for (coupling, field) in [(0.1, 0.1), (0.4, 0.4), (0.8, 0.5)] {
            let model = random(graph.clone(), coupling, field, k as u64);
            let target = moments(&model);
            let matched = MomentMatching::default().fit(graph.clone(), &target).unwrap();
            let what = format!("graph {k}, scale {coupling}");
            // The moments are met as the fit says; by enumeration, which a fit by sweeps has not seen.
            let found = moments(&matched.model);
            assert!(distance(&found.sites, &target.sites) < 1e-12, "{what}");
            assert!(distance(&found.bonds, &target.bonds) < 1e-12, "{what}");
            assert!(distance(&matched.moments.bonds, &target.bonds) <= 1e-13, "{what}");
            let error = distance(&matched.model.params(), &model.params());
            assert!(error < 1e-8, "{what}: {error}");
            // The entropy is log Z + ⟨E⟩.
            let exact = model.enumerate().unwrap();
            assert!(
                (matched.entropy - exact.log_z - exact.mean_energy).abs() < 1e-11,
                "{what}"
            );
            assert_quadratic(&what, &matched, &target);
        }
    }
}

#[test]
fn strips_that_cannot_be_listed_come_back_by_sweeps() {
    let strip = Graph::lattice_with(&[12, 3], &[Boundary::Open, Boundary::Periodic]).unwrap();
    let model = random(strip.clone(), 0.4, 0.3, 5);
    let target = TransferMatrix::new(&model).unwrap().moments();
    let matched = MomentMatching::default().fit(strip, &target).unwrap();
    assert!(distance(&matched.moments.sites, &target.sites) <= 1e-13);
    assert!(distance(&matched.moments.bonds, &target.bonds) <= 1e-13);
    let error = distance(&matched.model.params(), &model.params());
    assert!(error < 1e-8, "{error}");
    assert_quadratic("a strip", &matched, &target);
}

#[test]
fn without_fields_a_tree_has_the_couplings_of_its_pairs() {
    // ⟨x_i x_j⟩ = tanh J_ij on every bond of a tree.
    let tree = Graph::new(40, (1..40).map(|i| [i / 3, i]).collect()).unwrap();
    let bonds = Array1::from_shape_fn(39, |k| 0.9 * (0.8 * k as f64).sin());
    let expected = bonds.mapv(f64::atanh);
    let target = BondMoments {
        sites: Array1::zeros(40),
        bonds,
    };
    let found = Ising::fit_moments(tree, &target).unwrap();
    let error = distance(&found.couplings().to_owned(), &expected);
    assert!(error < 1e-11, "{error}");
    assert!(found.fields().iter().all(|h| h.abs() < 1e-11));
}

#[test]
fn the_fit_to_data_is_the_law_of_largest_entropy() {
    let graph = Graph::lattice(&[2, 3], Boundary::Open).unwrap();
    let teacher = random(Graph::complete(6).unwrap(), 0.5, 0.4, 8);
    let matrix = TransferMatrix::new(&teacher).unwrap();
    let data = matrix.sample(2000, &mut Seed::new(9).rng());
    let target = BondMoments::of_states(&graph, data.view()).unwrap();
    let matched = MomentMatching::default().fit(graph.clone(), &target).unwrap();
    // The entropy is minus the mean log-likelihood of the data, which is larger than of any other model on the graph.
    let log_likelihood = |model: &Ising| -model.energy(data.view()).mean().unwrap() - model.log_z().unwrap();
    assert!((matched.entropy + log_likelihood(&matched.model)).abs() < 1e-12);
    for seed in 0..20 {
        let mut other = matched.model.clone();
        let away = random(graph.clone(), 0.05, 0.05, seed).params();
        gibbsian_core::ParametricMut::set_params(&mut other, (matched.model.params() + away).view()).unwrap();
        assert!(log_likelihood(&other) < -matched.entropy, "{seed}");
    }
    // The empirical law has the same moments and less entropy.
    let x = states(6);
    let frequency = |row: ndarray::ArrayView1<f64>| {
        data.rows().into_iter().filter(|d| d == row).count() as f64 / data.nrows() as f64
    };
    let empirical: f64 = x
        .rows()
        .into_iter()
        .map(frequency)
        .filter(|p| *p > 0.0)
        .map(|p| -p * p.ln())
        .sum();
    assert!(empirical < matched.entropy, "{empirical} {}", matched.entropy);
}

#[test]
fn fits_are_the_same_on_any_number_of_threads() {
    let model = random(Graph::lattice(&[9, 2], Boundary::Open).unwrap(), 0.5, 0.3, 2);
    let target = moments(&model);
    threads::same_on_any_number("the parameters", || {
        Ising::fit_moments(model.graph().clone(), &target)
            .unwrap()
            .params()
    })
    .unwrap();
}

#[test]
fn moments_that_no_model_has_are_refused_by_name() {
    let triangle = || Graph::complete(3).unwrap();
    let refuse = |graph: Graph, sites: Array1<f64>, bonds: Array1<f64>| {
        let error = MomentMatching::default().fit(graph, &BondMoments { sites, bonds });
        error.unwrap_err().to_string()
    };
    let zero = || array![0.0, 0.0, 0.0];
    for bad in [1.0, -1.0, 1.5, f64::NAN, f64::INFINITY] {
        let message = refuse(triangle(), array![0.0, bad, 0.0], zero());
        let expected = format!("`target.sites[1]` is {bad}, but must be strictly between -1 and 1");
        assert!(message.starts_with(&expected), "{message}");
    }
    // With means 0.5 and 0.6 the spins agree often.
    for bad in [0.1, 0.9, -1.0, 1.0, f64::NAN, f64::NEG_INFINITY] {
        let message = refuse(triangle(), array![0.5, 0.0, 0.6], array![0.0, bad, 0.0]);
        assert!(
            message.starts_with(&format!("`target.bonds[1]` is {bad}")),
            "{message}"
        );
    }
    assert!(refuse(triangle(), array![0.0], zero()).contains("`target.sites` has shape [1]"));
    assert!(refuse(triangle(), zero(), array![0.0]).contains("`target.bonds` has shape [1]"));

    // Three spins cannot all disagree: the sum of the three correlations is at least −1. Every pair by itself could have −0.5.
    let message = refuse(triangle(), zero(), Array1::from_elem(3, -0.5));
    assert!(
        message.starts_with("`target` is moments of log-likelihood"),
        "{message}"
    );
    // On the boundary the couplings run away; a little inside they do not.
    let message = refuse(triangle(), zero(), Array1::from_elem(3, -1.0 / 3.0));
    assert!(message.contains("not on its boundary"), "{message}");
    let inside = BondMoments {
        sites: zero(),
        bonds: Array1::from_elem(3, -0.999 / 3.0),
    };
    let found = Ising::fit_moments(triangle(), &inside).unwrap();
    // p(all equal) = (1 + 3c)/4, p(one differs) = (1 − c)/4 for each of the three, and e^{4J} is their ratio.
    let expected = 0.25 * ((1.0 - 0.999) / (1.0 + 0.333f64)).ln();
    assert!(
        (found.couplings()[0] - expected).abs() < 1e-9,
        "{} {expected}",
        found.couplings()[0]
    );

    let ring = Graph::lattice(&[2], Boundary::Periodic).unwrap();
    let message = refuse(ring, array![0.0, 0.0], array![0.1, 0.1]);
    assert!(
        message.contains("two bonds between the sites 0 and 1"),
        "{message}"
    );
    let few = MomentMatching {
        max_steps: 1,
        ..MomentMatching::default()
    };
    let message = few.fit(triangle(), &inside).unwrap_err().to_string();
    assert!(
        message.starts_with("`the largest difference of moments`"),
        "{message}"
    );
    let none = MomentMatching {
        tolerance: 0.0,
        ..MomentMatching::default()
    };
    assert!(
        none.fit(triangle(), &inside)
            .unwrap_err()
            .to_string()
            .contains("`tolerance` is 0")
    );
    let spins = |x: ndarray::Array2<f64>| {
        BondMoments::of_states(&triangle(), x.view())
            .unwrap_err()
            .to_string()
    };
    assert!(spins(array![[1.0, 0.0, 1.0]]).contains("`x[0, 1]` is 0, but must be -1 or 1"));
    assert!(spins(array![[1.0, f64::NAN, 1.0]]).contains("`x[0, 1]`"));
    assert!(spins(array![[1.0, 1.0]]).contains("`x` has shape"));
    assert!(spins(ndarray::Array2::zeros((0, 3))).contains("`x` has shape"));
}
