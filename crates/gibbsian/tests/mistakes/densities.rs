//! Parameters without a density.

use gibbsian::densities::{
    Bernoulli, Categorical, Covariances, GaussianMixture, MultivariateNormal, MultivariateStudentT, Normal,
    StudentT,
};
use gibbsian::ndarray::{Array2, array};

use crate::refused;

#[test]
fn sigma_is_zero() {
    insta::assert_snapshot!(refused(Normal::new(1.0, 0.0)), @"`deviation` is 0, but must be finite and greater than zero; a point mass has no density, take a small value above zero");
}

#[test]
fn a_variance_is_negative() {
    let normal = MultivariateNormal::diagonal(array![0.0, 0.0], array![1.0, -0.5]);
    insta::assert_snapshot!(refused(normal), @"`variances[1]` is -0.5, but must be finite and greater than zero, and its inverse too; give variances, not their logarithms, and drop coordinates that are constant");
}

#[test]
fn a_covariance_is_not_positive_definite() {
    let normal = MultivariateNormal::from_covariance(array![0.0, 0.0], array![[1.0, 2.0], [2.0, 1.0]]);
    insta::assert_snapshot!(refused(normal), @"`pivot 1 of 2 of the Cholesky factorisation of covariance` is -3, but must be greater than zero, as in a positive definite matrix; its smallest eigenvalue is -1e0; add a small multiple of the identity, or use more samples than coordinates");
}

#[test]
fn a_covariance_has_one_triangle_only() {
    let normal = MultivariateNormal::from_covariance(array![0.0, 0.0], array![[1.0, 0.5], [0.0, 1.0]]);
    insta::assert_snapshot!(refused(normal), @"`covariance[1, 0]` is 0, but must be within 1e-10 of covariance[0, 1], which is 0.5: a symmetric matrix; fill both triangles, as (A + A')/2 does");
}

#[test]
fn a_covariance_is_of_fewer_samples_than_coordinates() {
    let normal = MultivariateNormal::from_precision(array![0.0, 0.0], array![[1.0, 1.0], [1.0, 1.0]]);
    insta::assert_snapshot!(refused(normal), @"`pivot 1 of 2 of the Cholesky factorisation of precision` is 0, but must be greater than zero, as in a positive definite matrix; its smallest eigenvalue is 0e0; add a small multiple of the identity, or use more samples than coordinates");
}

#[test]
fn weights_do_not_sum_to_one() {
    let mixture = GaussianMixture::new(
        array![0.5, 1.0],
        array![[0.0], [1.0]],
        Covariances::Spherical(array![1.0, 1.0]),
    );
    insta::assert_snapshot!(refused(mixture), @"`the sum of weights` is 1.5, but must be within 1e-8 of 1; divide the weights by their sum");
}

#[test]
fn probabilities_are_counts() {
    insta::assert_snapshot!(refused(Categorical::new(array![0.25, 0.25, 0.25])), @"`the sum of probabilities` is 0.75, but must be one; divide the probabilities by their sum, or give logits to from_logits");
}

#[test]
fn a_logit_is_taken_for_a_probability() {
    insta::assert_snapshot!(refused(Bernoulli::new(2.3)), @"`probability` is 2.3, but must be in (0, 1); give log-odds to from_logit");
}

#[test]
fn degrees_of_freedom_are_zero() {
    insta::assert_snapshot!(refused(StudentT::new(0.0, 1.0, 0.0)), @"`degrees_of_freedom` is 0, but must be finite and greater than zero; 1 is the Cauchy distribution, and for ever larger ones take the normal");
    let many = MultivariateStudentT::new(array![0.0], Array2::eye(1), -3.0);
    insta::assert_snapshot!(refused(many), @"`degrees_of_freedom` is -3, but must be finite and greater than zero; 1 is the Cauchy distribution, and for ever larger ones take the normal");
}
