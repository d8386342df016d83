//! Identities that tie the closed forms to the densities themselves.

use gibbsian_core::{Density, Energy, Score, Space};
use gibbsian_densities::{MultivariateNormal, QuadraticEnergy};
use ndarray::{Array1, Array2, Axis, array};
use proptest::prelude::*;

use crate::gaussian::support::{assert_close, distance};

/// A normal density on `d` dimensions from `d² + 2d` numbers in [−1, 1].
fn normal(d: usize, numbers: &[f64]) -> MultivariateNormal {
    let root = Array2::from_shape_fn((d, d), |(i, j)| numbers[i * d + j]);
    let diagonal = Array1::from_shape_fn(d, |i| 0.5 + numbers[d * d + i].abs());
    let covariance = root.dot(&root.t()) + Array2::from_diag(&diagonal);
    let mean = Array1::from_shape_fn(d, |i| 3.0 * numbers[d * d + d + i]);
    MultivariateNormal::from_covariance(mean, covariance).unwrap()
}

fn numbers() -> impl Strategy<Value = Vec<f64>> {
    prop::collection::vec(-1.0..1.0_f64, 48)
}

fn point(d: usize, numbers: &[f64]) -> Array2<f64> {
    Array2::from_shape_fn((1, d), |(_, i)| 4.0 * numbers[47 - i])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn a_density_is_marginal_times_conditional(d in 2usize..6, numbers in numbers(), k in 1usize..5) {
        let k = k.min(d - 1);
        let (joint, x) = (normal(d, &numbers), point(d, &numbers));
        // The given coordinates from the last to the first, the others in ascending order.
        let given: Vec<usize> = (d - k..d).rev().collect();
        let x_given = x.select(Axis(1), &given);
        let marginal = joint.marginal(&given).unwrap().log_density(x_given.view())[0];
        let conditional = joint.conditional(&given, x_given.row(0)).unwrap();
        let rest: Vec<usize> = (0..d - k).collect();
        let conditional = conditional.log_density(x.select(Axis(1), &rest).view())[0];
        assert_close(marginal + conditional, joint.log_density(x.view())[0], 1e-12);
    }

    #[test]
    fn a_product_is_the_product(d in 1usize..6, a in numbers(), b in numbers(), beta in 0.1..3.0_f64) {
        let (p, q, x) = (normal(d, &a), normal(d, &b), point(d, &a));
        let (product, log_integral) = MultivariateNormal::product(&[(&p, 1.0), (&q, beta)]).unwrap();
        let expected = p.log_density(x.view())[0] + beta * q.log_density(x.view())[0];
        assert_close(product.log_density(x.view())[0] + log_integral, expected, 1e-12);
    }

    #[test]
    fn a_power_is_the_power(d in 1usize..6, numbers in numbers(), beta in 0.1..5.0_f64) {
        let (p, x) = (normal(d, &numbers), point(d, &numbers));
        let (power, log_integral) = p.power(beta).unwrap();
        assert_close(power.log_density(x.view())[0] + log_integral, beta * p.log_density(x.view())[0], 1e-13);
        assert!((&power.score(x.view()) - &(beta * p.score(x.view()))).iter().all(|e| e.abs() < 1e-12));
        // A power is a product of one factor.
        let (product, log_of_product) = MultivariateNormal::product(&[(&p, beta)]).unwrap();
        assert_close(log_of_product, log_integral, 1e-12);
        assert!(distance(&product.covariance(), &power.covariance()) < 1e-12);
    }

    #[test]
    fn a_completed_square_is_the_energy(d in 1usize..6, numbers in numbers(), constant in -5.0..5.0_f64) {
        let (p, x) = (normal(d, &numbers), point(d, &numbers));
        let energy = QuadraticEnergy::new(p.precision(), p.precision().dot(&p.mean()), constant).unwrap();
        let (completed, log_integral) = energy.complete_the_square().unwrap();
        assert_close(log_integral + completed.log_density(x.view())[0], -energy.energy(x.view())[0], 1e-12);
        assert!(distance(&completed.covariance(), &p.covariance()) < 1e-12);
    }

    #[test]
    fn an_image_has_the_density_of_a_change_of_variables(d in 1usize..6, numbers in numbers()) {
        let (p, x) = (normal(d, &numbers), point(d, &numbers));
        // A lower triangular map, whose determinant is that of its diagonal.
        let a = Array2::from_shape_fn((d, d), |(i, j)| if i == j { 0.5 + numbers[i].abs() } else if i > j { numbers[i + j] } else { 0.0 });
        let shift = Array1::from_shape_fn(d, |i| numbers[2 * i]);
        let y = a.dot(&x.row(0)) + &shift;
        let image = p.affine_image(a.view(), shift.view()).unwrap();
        let log_det: f64 = a.diag().iter().map(|v| v.ln()).sum();
        assert_close(image.log_density(y.insert_axis(Axis(0)).view())[0] + log_det, p.log_density(x.view())[0], 1e-11);
    }

    #[test]
    fn the_forms_agree(d in 1usize..12, numbers in prop::collection::vec(-1.0..1.0_f64, 168)) {
        let by_covariance = normal(d, &numbers);
        let mean = by_covariance.mean().to_owned();
        let by_precision = MultivariateNormal::from_precision(mean.clone(), by_covariance.precision()).unwrap();
        let by_factor = MultivariateNormal::from_cholesky(mean, by_covariance.cholesky()).unwrap();
        let x = Array2::from_shape_fn((1, d), |(_, i)| 4.0 * numbers[167 - i]);
        for other in [&by_precision, &by_factor] {
            assert_close(other.log_density(x.view())[0], by_covariance.log_density(x.view())[0], 1e-12);
            assert!(distance(&other.covariance(), &by_covariance.covariance()) < 1e-13);
            assert!(distance(&other.precision(), &by_covariance.precision()) < 1e-13);
        }
        let (l, w) = (by_covariance.cholesky(), by_covariance.whitening());
        assert!(distance(&l.dot(&w), &Array2::eye(d)) < 1e-14);
        assert!(distance(&w.t().dot(&w), &by_covariance.precision()) < 1e-14);
    }
}

#[test]
fn the_mean_of_a_product_keeps_the_digits_of_a_common_shift() {
    let far = 2.0_f64.powi(40);
    let p = MultivariateNormal::isotropic(array![far + 1.0], 1.0).unwrap();
    let q = MultivariateNormal::isotropic(array![far + 2.0], 1.0).unwrap();
    let (product, log_integral) = MultivariateNormal::product(&[(&p, 1.0), (&q, 1.0)]).unwrap();
    assert_eq!(product.mean()[0], far + 1.5);
    assert_close(
        log_integral,
        -0.25 - 0.5 * (4.0 * std::f64::consts::PI).ln(),
        1e-15,
    );
}

#[test]
fn a_quotient_is_a_product_with_a_negative_power() {
    let (p, q) = (
        MultivariateNormal::isotropic(array![1.0, 0.0], 0.5).unwrap(),
        MultivariateNormal::isotropic(array![0.0, 1.0], 2.0).unwrap(),
    );
    let (quotient, log_integral) = MultivariateNormal::product(&[(&p, 1.0), (&q, -1.0)]).unwrap();
    let x = array![[0.3, -0.4]];
    let expected = p.log_density(x.view())[0] - q.log_density(x.view())[0];
    assert_close(quotient.log_density(x.view())[0] + log_integral, expected, 1e-14);
    assert!(MultivariateNormal::product(&[(&p, 1.0), (&q, -8.0)]).is_err());
    assert_eq!(quotient.dim(), 2);
}
