//! Bad input is refused with its name, its value and the requirement.

use gibbsian_densities::{MultivariateNormal, QuadraticEnergy};
use ndarray::{Array1, Array2, array};

fn message<T>(result: gibbsian_core::Result<T>) -> String {
    match result {
        Ok(_) => panic!("accepted"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn a_matrix_that_is_not_positive_definite_says_where_and_by_how_much() {
    let indefinite = array![[1.0, 2.0], [2.0, 1.0]];
    assert_eq!(
        message(MultivariateNormal::from_covariance(
            Array1::zeros(2),
            indefinite.clone()
        )),
        "`pivot 1 of 2 of the Cholesky factorisation of covariance` is -3, but must be greater than zero, as in a positive \
         definite matrix; its smallest eigenvalue is -1e0; add a small multiple of the identity, or use more samples than \
         coordinates"
    );
    // Pivots are those of the order in which the matrix was given.
    let last = array![[1.0, 0.0, 0.0], [0.0, 1.0, 2.0], [0.0, 2.0, 1.0]];
    assert!(
        message(MultivariateNormal::from_precision(Array1::zeros(3), last))
            .starts_with("`pivot 2 of 3 of the Cholesky factorisation of precision` is -3")
    );
    let energy = QuadraticEnergy::new(indefinite, Array1::zeros(2), 0.0).unwrap();
    assert!(
        message(energy.complete_the_square()).starts_with(
            "`pivot 1 of 2 of the Cholesky factorisation of the matrix of an energy that is to be integrable` is -3"
        )
    );
    // One that is singular to the last bit, and one that ordinary arithmetic would still take for positive.
    let ones = Array2::ones((3, 3));
    assert!(message(MultivariateNormal::from_covariance(Array1::zeros(3), ones)).contains("pivot 1 of 3"));
}

#[test]
fn shapes_and_numbers() {
    let zeros = Array1::zeros;
    assert_eq!(
        message(MultivariateNormal::from_covariance(zeros(3), Array2::eye(2))),
        "`covariance` has shape [2, 2], but must have shape [3, 3]"
    );
    assert_eq!(
        message(MultivariateNormal::standard(0)),
        "`variances` has shape [0], but must have shape (at least 1)"
    );
    assert_eq!(
        message(MultivariateNormal::from_precision(zeros(0), Array2::eye(0))),
        "`mean` has shape [0], but must have shape (at least 1)"
    );
    assert_eq!(
        message(MultivariateNormal::from_covariance(
            array![0.0, f64::NAN],
            Array2::eye(2)
        )),
        "`mean[1]` is NaN, but must be finite"
    );
    assert_eq!(
        message(MultivariateNormal::from_covariance(
            zeros(2),
            array![[1.0, f64::INFINITY], [0.0, 1.0]]
        )),
        "`covariance[0, 1]` is inf, but must be finite"
    );
    assert!(
        message(MultivariateNormal::from_covariance(
            zeros(2),
            array![[1.0, 0.5], [0.4, 1.0]]
        ))
        .contains("a symmetric matrix")
    );
    assert_eq!(
        message(MultivariateNormal::isotropic(zeros(2), -1.0)),
        "`variance` is -1, but must be finite and greater than zero"
    );
    assert_eq!(
        message(MultivariateNormal::diagonal(zeros(2), array![1.0, 1e-320])),
        format!(
            "`variances[1]` is {:?}, but must be finite and greater than zero, and its inverse too; give variances, not their logarithms, and drop coordinates that are constant",
            1e-320
        )
        .replace("1e-320", &1e-320_f64.to_string())
    );
    assert_eq!(
        message(MultivariateNormal::from_cholesky(
            zeros(2),
            array![[1.0, 0.0], [0.5, 0.0]]
        )),
        "`lower[1, 1]` is 0, but must be greater than zero, as on the diagonal of a Cholesky factor"
    );
}

#[test]
fn parts_products_and_energies() {
    let normal = MultivariateNormal::standard(3).unwrap();
    assert_eq!(
        message(normal.marginal(&[0, 3])),
        "`coordinates` is [0, 3], but must be at least one, distinct and below 3"
    );
    assert!(message(normal.marginal(&[1, 1])).contains("distinct"));
    assert!(message(normal.marginal(&[])).contains("at least one"));
    assert_eq!(
        message(normal.conditional(&[2, 0, 1], array![0.0, 0.0, 0.0].view())),
        "`given` is [2, 0, 1], but must be fewer than all coordinates"
    );
    assert_eq!(
        message(normal.conditional(&[0, 0], array![0.0, 0.0].view())),
        "`given` is [0, 0], but must be at least one, distinct and below 3"
    );
    assert!(message(normal.conditional(&[2], array![f64::NAN].view())).contains("values[0]"));
    let flat = array![[1.0, 0.0, 0.0], [2.0, 0.0, 0.0]];
    assert!(message(normal.affine_image(flat.view(), array![0.0, 0.0].view())).contains("pivot 1 of 2"));
    assert!(message(MultivariateNormal::product(&[])).contains("at least one density"));
    let other = MultivariateNormal::standard(2).unwrap();
    assert_eq!(
        message(MultivariateNormal::product(&[(&normal, 1.0), (&other, 1.0)])),
        "`the dimension of factors[1]` is 2, but must be 3, as that of the first"
    );
    assert!(message(MultivariateNormal::product(&[(&normal, f64::NAN)])).contains("the power of factors[0]"));
    assert_eq!(
        message(normal.power(0.0)),
        "`beta` is 0, but must be finite and greater than zero"
    );
    let skew = QuadraticEnergy::new(array![[1.0, 0.2], [0.1, 1.0]], Array1::zeros(2), 0.0);
    assert!(message(skew).contains("matrix[0, 1]"));
}

#[test]
#[should_panic(expected = "x has shape [2, 2]")]
fn a_wrong_shape_panics_with_both_shapes() {
    use gibbsian_core::Score;
    MultivariateNormal::standard(3)
        .unwrap()
        .score(Array2::zeros((2, 2)).view());
}
