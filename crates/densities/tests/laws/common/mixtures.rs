//! Small mixtures of every shape of covariance.

use gibbsian_core::{Density, Seed};
use gibbsian_densities::{Covariances, GaussianMixture};
use ndarray::{Array1, Array2, Axis, array, stack};

use super::reference::Parameters;

/// A mixture of a reference table.
pub fn of_table(parameters: &Parameters) -> GaussianMixture {
    let form = parameters.word("form");
    let covariances = if form == "full" || form == "tied" {
        let matrices = parameters.matrices("covariances");
        let views: Vec<_> = matrices.iter().map(|matrix| matrix.view()).collect();
        match form {
            "tied" => Covariances::Tied(matrices[0].clone()),
            _ => Covariances::Full(stack(Axis(0), &views).unwrap()),
        }
    } else {
        let variances = parameters.matrix("covariances");
        match form {
            "diagonal" => Covariances::Diagonal(variances),
            _ => Covariances::Spherical(variances.column(0).to_owned()),
        }
    };
    GaussianMixture::new(
        parameters.vector("weights"),
        parameters.matrix("means"),
        covariances,
    )
    .unwrap()
}

/// A mixture of each shape, in three dimensions where there are matrices.
pub fn shapes() -> Vec<(&'static str, GaussianMixture)> {
    let weights = array![0.5, 0.3, 0.2];
    let means = array![[0.0, 0.5, -0.2], [1.5, -1.0, 0.7], [-1.0, 1.2, 1.9]];
    let full = array![
        [[1.0, 0.3, -0.2], [0.3, 0.8, 0.1], [-0.2, 0.1, 0.6]],
        [[0.7, -0.4, 0.1], [-0.4, 1.1, 0.2], [0.1, 0.2, 0.9]],
        [[0.5, 0.0, 0.2], [0.0, 0.6, -0.1], [0.2, -0.1, 1.3]],
    ];
    let tied = array![[0.9, 0.2, -0.3], [0.2, 0.7, 0.1], [-0.3, 0.1, 1.2]];
    let diagonal = array![[0.8, 1.1, 0.6], [0.5, 0.9, 1.3], [1.0, 0.7, 0.4]];
    let mixture = |covariances| GaussianMixture::new(weights.clone(), means.clone(), covariances).unwrap();
    vec![
        ("full", mixture(Covariances::Full(full))),
        ("tied", mixture(Covariances::Tied(tied))),
        ("diagonal", mixture(Covariances::Diagonal(diagonal))),
        (
            "spherical",
            mixture(Covariances::Spherical(array![0.8, 0.5, 1.1])),
        ),
        ("one dimension", one_dimension()),
        ("one component", one_component()),
    ]
}

/// Two components on the line.
pub fn one_dimension() -> GaussianMixture {
    let covariances = Covariances::Full(array![[[0.5]], [[1.2]]]);
    GaussianMixture::new(array![0.4, 0.6], array![[-0.7], [1.1]], covariances).unwrap()
}

/// A normal density in five dimensions, more than a tile of rows.
pub fn one_component() -> GaussianMixture {
    let root = Array2::from_shape_fn((5, 5), |(i, j)| 0.2 * ((3 * i + 5 * j) % 7) as f64 - 0.5);
    let covariance = root.dot(&root.t()) + Array2::<f64>::eye(5);
    let mean = Array2::from_shape_fn((1, 5), |(_, j)| 0.3 * j as f64 - 0.5);
    GaussianMixture::new(Array1::ones(1), mean, Covariances::Tied(covariance)).unwrap()
}

/// Generic points of the support.
pub fn probes(mixture: &GaussianMixture) -> Array2<f64> {
    mixture.sample(5, &mut Seed::new(3).child("probes").rng())
}
