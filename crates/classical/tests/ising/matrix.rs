//! Models made of a matrix of couplings.

use gibbsian_classical::{Graph, Ising};
use gibbsian_core::Energy;
use ndarray::{Array1, Array2, array};

use crate::models::{random, states};

/// The symmetric matrix of a model's couplings.
fn matrix(model: &Ising) -> Array2<f64> {
    let n = model.graph().n_sites();
    let mut matrix = Array2::zeros((n, n));
    for (&[i, j], &coupling) in model.graph().bonds().iter().zip(model.couplings()) {
        matrix[[i, j]] = coupling;
        matrix[[j, i]] = coupling;
    }
    matrix
}

#[test]
fn a_full_matrix_is_the_complete_graph() {
    let model = random(Graph::complete(6).unwrap(), 0.8, 0.5, 1);
    let found = Ising::from_matrix(matrix(&model).view(), model.fields().to_owned()).unwrap();
    // The same bonds in the same order, so the same sums: equal to the last bit.
    assert_eq!(found, model);
    let x = states(6);
    assert_eq!(found.energy(x.view()), model.energy(x.view()));
}

#[test]
fn a_pair_without_coupling_has_no_bond() {
    let couplings = array![[0.0, 0.5, 0.0], [0.5, 0.0, -1.5], [0.0, -1.5, 0.0]];
    let fields = array![0.1, -0.2, 0.3];
    let found = Ising::from_matrix(couplings.view(), fields.clone()).unwrap();
    assert_eq!(found.graph().bonds(), [[0, 1], [1, 2]]);
    assert_eq!(found.couplings(), array![0.5, -1.5]);
    // E = −½ x·Jx − h·x, every pair once.
    let x = states(3);
    let expected = -0.5 * (&x * &x.dot(&couplings)).sum_axis(ndarray::Axis(1)) - x.dot(&fields);
    let difference = (found.energy(x.view()) - expected).mapv(f64::abs);
    assert!(difference.iter().all(|d| *d < 1e-15), "{difference}");
    let free = Ising::from_matrix(Array2::zeros((3, 3)).view(), fields).unwrap();
    assert_eq!(free.graph().n_bonds(), 0);
}

#[test]
fn matrices_of_no_model_are_refused_by_name() {
    let refuse = |couplings: Array2<f64>, fields: Array1<f64>| {
        let error = Ising::from_matrix(couplings.view(), fields).unwrap_err();
        error.to_string()
    };
    let h = || array![0.0, 0.0, 0.0];
    let good = || array![[0.0, 1.0, 2.0], [1.0, 0.0, 3.0], [2.0, 3.0, 0.0]];
    assert!(Ising::from_matrix(good().view(), h()).is_ok());

    let mut j = good();
    j[[2, 1]] = 4.0;
    assert_eq!(
        refuse(j, h()),
        "`couplings[2, 1]` is 4, but must be 3, as couplings[1, 2]"
    );
    let mut j = good();
    j[[1, 1]] = 0.5;
    assert_eq!(
        refuse(j, h()),
        "`couplings[1, 1]` is 0.5, but must be zero: a spin is not coupled to itself"
    );
    for bad in [f64::NAN, f64::INFINITY] {
        // On both sides of the diagonal, where infinities are symmetric.
        let mut j = good();
        j[[0, 2]] = bad;
        j[[2, 0]] = bad;
        let message = refuse(j, h());
        assert!(message.starts_with("`couplings[0, 2]` is"), "{message}");
        let message = refuse(good(), array![0.0, bad, 0.0]);
        assert!(message.starts_with("`fields[1]` is"), "{message}");
    }
    let shape = |j: Array2<f64>, h: Array1<f64>| refuse(j, h);
    assert!(shape(Array2::zeros((2, 3)), array![0.0, 0.0]).contains("`couplings` has shape [2, 3]"));
    assert!(shape(good(), array![0.0, 0.0]).contains("`couplings` has shape [3, 3]"));
    assert!(shape(Array2::zeros((0, 0)), array![]).contains("n_sites"));
}
