//! Student's t in several dimensions.

use gibbsian_core::{Density, Energy, Score, ScoreJvp, Seed};
use gibbsian_densities::{MultivariateNormal, MultivariateStudentT, StudentT};
use gibbsian_testkit::agreement::close;
use gibbsian_testkit::conformance;
use gibbsian_testkit::differences::Precision;
use gibbsian_testkit::stats::special::{beta_i, student_two_sided};
use gibbsian_testkit::stats::{FALSE_ALARM, Test, family, kolmogorov_smirnov, mean};
use gibbsian_testkit::verdict::Verdict;
use ndarray::{Array1, Array2, array};

use crate::common::reference::log_density_and_score;

/// A scale matrix without symmetries.
fn scale_matrix(d: usize) -> Array2<f64> {
    let root = Array2::from_shape_fn((d, d), |(i, j)| 0.4 * ((3 * i + 5 * j + 1) as f64).sin());
    root.dot(&root.t()) + Array2::from_diag(&Array1::linspace(0.6, 1.3, d))
}

fn density(d: usize, nu: f64) -> MultivariateStudentT {
    let location = Array1::from_shape_fn(d, |i| (i as f64 + 0.5).cos());
    MultivariateStudentT::new(location, scale_matrix(d), nu).unwrap()
}

#[test]
fn references() {
    log_density_and_score("multivariate_student_t", |p| {
        MultivariateStudentT::new(
            p.vector("location"),
            p.matrix("scale_matrix"),
            p.number("degrees_of_freedom"),
        )
        .unwrap()
    });
}

#[test]
fn laws() -> Verdict {
    for d in [1, 2, 3, 5, 9] {
        for nu in [0.7, 3.0, 40.0] {
            let density = density(d, nu);
            let x = Array2::from_shape_fn((3, d), |(b, i)| ((7 * b + 3 * i) as f64).sin() + 0.1);
            conformance::energy(&density, x.view(), Precision::DOUBLE)?;
            conformance::score(&density, x.view(), Precision::DOUBLE)?;
            conformance::potential(&density, x.view(), Precision::DOUBLE)?;
            conformance::score_jvp(&density, x.view(), Precision::DOUBLE)?;
        }
    }
    for (d, nu) in [(1, 1.0), (2, 2.5), (3, 8.0)] {
        conformance::density(&density(d, nu), 0.35, Precision::DOUBLE, Seed::new(d as u64))?;
    }
    Ok(())
}

#[test]
fn one_dimension_is_the_univariate_density_and_many_degrees_of_freedom_are_normal() -> Verdict {
    let x = array![[-3.0], [0.2], [1e5]];
    let one = MultivariateStudentT::new(array![0.5], array![[4.0]], 2.5).unwrap();
    let same = StudentT::new(0.5, 2.0, 2.5).unwrap();
    let law = "one dimension";
    close(
        law,
        &one.log_density(x.view()),
        &same.log_density(x.view()),
        1e-15,
    )?;
    close(law, &one.score(x.view()), &same.score(x.view()), 1e-15)?;
    close(law, &one.divergence(x.view()), &same.divergence(x.view()), 1e-14)?;

    let x = array![[0.1, 0.4, -1.0], [2.0, -3.0, 1.0]];
    let student = density(3, 1e18);
    let normal = MultivariateNormal::from_covariance(student.location().to_owned(), scale_matrix(3)).unwrap();
    let law = "the limit of many degrees of freedom";
    close(
        law,
        &student.log_density(x.view()),
        &normal.log_density(x.view()),
        1e-15,
    )?;
    close(law, &student.score(x.view()), &normal.score(x.view()), 1e-15)
}

/// `q/D` has an F law of `D` and `ν` degrees of freedom, and each coordinate a t law.
#[test]
fn draws_have_the_law_of_their_distance_and_of_their_marginals() -> Verdict {
    let mut tests: Vec<Test> = Vec::new();
    for (d, nu) in [(1, 0.8), (2, 3.0), (5, 1.5), (7, 30.0)] {
        let density = density(d, nu);
        let x = density.sample(50_000, &mut Seed::new(29).nth(d as u64).rng());
        let normal =
            MultivariateNormal::from_covariance(density.location().to_owned(), scale_matrix(d)).unwrap();
        let q = normal.squared_distance(x.view()).to_vec();
        let half = 0.5 * d as f64;
        tests.push(kolmogorov_smirnov(&format!("distance {d} {nu}"), &q, |q| {
            beta_i(half, 0.5 * nu, q / (q + nu)).0
        }));
        for i in 0..d {
            let scale = scale_matrix(d)[[i, i]].sqrt();
            let t: Vec<f64> = x
                .column(i)
                .iter()
                .map(|x| (x - density.location()[i]) / scale)
                .collect();
            tests.push(kolmogorov_smirnov(&format!("coordinate {i} of {d}"), &t, |t| {
                let tail = 0.5 * student_two_sided(t, nu);
                if t < 0.0 { tail } else { 1.0 - tail }
            }));
        }
    }
    // Covariances, where fourth moments exist.
    let density = density(3, 12.0);
    let x = density.sample(50_000, &mut Seed::new(30).rng());
    let (centred, covariance) = (&x - &density.mean(), density.covariance());
    for i in 0..3 {
        for j in 0..=i {
            let products = (&centred.column(i) * &centred.column(j)).to_vec();
            tests.push(mean(
                &format!("covariance {i} {j}"),
                &products,
                covariance[[i, j]],
            ));
        }
    }
    family(&tests, FALSE_ALARM)
}

/// Tails so heavy that draws leave the range of doubles.
#[test]
fn draws_are_finite_however_heavy_the_tails() {
    let nu = 0.005;
    for d in [1, 2, 3, 9] {
        let far = MultivariateStudentT::new(Array1::from_elem(d, -f64::MAX), scale_matrix(d), nu).unwrap();
        let wide = MultivariateStudentT::new(Array1::zeros(d), 1e200 * scale_matrix(d), nu).unwrap();
        let diagonal = MultivariateStudentT::new(Array1::zeros(d), 1e200 * Array2::eye(d), nu).unwrap();
        for density in [density(d, nu), far, wide, diagonal] {
            let x = density.sample(2000, &mut Seed::new(31).nth(d as u64).rng());
            assert!(x.iter().all(|x| x.is_finite()), "{d}");
            // Some of them are near the end of the range.
            assert!(x.iter().any(|x| *x < -1e-3 * f64::MAX), "{d}");
        }
    }
}

#[test]
fn draws_are_pinned() {
    assert_eq!(
        density(2, 2.5).sample(1, &mut Seed::new(4).rng()),
        array![[0.7892291962783765, 0.31307644898473713]]
    );
}

#[test]
fn moments_points_far_out_and_nan() {
    assert!(density(2, 1.0).mean().iter().all(|m| m.is_nan()));
    assert!(density(2, 2.0).covariance().iter().all(|c| c.is_nan()));
    assert_eq!(density(2, 1.5).mean(), density(2, 1.5).location());
    let density = density(2, 3.0);
    let (up, nan) = (f64::INFINITY, f64::NAN);
    let x = array![[up, 0.0], [0.0, -up], [1e200, 0.0], [nan, 0.0]];
    let found = density.log_density(x.view());
    assert_eq!(found.slice(ndarray::s![..3]), array![-up, -up, -up]);
    assert!(found[3].is_nan() && density.score(x.view()).row(3).iter().all(|s| s.is_nan()));
    assert!(density.divergence(x.view())[3].is_nan());
    // Infinitely far out nothing pulls any more.
    let (score, divergence) = (density.score(x.view()), density.divergence(x.view()));
    for b in 0..3 {
        assert!(
            score.row(b).iter().all(|s| *s == 0.0) && divergence[b] == 0.0,
            "{score} {divergence}"
        );
    }
}

#[test]
fn bad_parameters_are_refused_by_name() {
    let message = |location, matrix, nu| {
        MultivariateStudentT::new(location, matrix, nu)
            .unwrap_err()
            .to_string()
    };
    let zeros = Array1::<f64>::zeros;
    for bad in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        assert_eq!(
            message(zeros(2), Array2::eye(2), bad),
            format!(
                "`degrees_of_freedom` is {bad}, but must be finite and greater than zero; 1 is the Cauchy distribution, \
                 and for ever larger ones take the normal"
            )
        );
    }
    assert_eq!(
        message(zeros(0), Array2::eye(0), 1.0),
        "`location` has shape [0], but must have shape (at least 1)"
    );
    assert_eq!(
        message(zeros(3), Array2::eye(2), 1.0),
        "`scale_matrix` has shape [2, 2], but must have shape [3, 3]"
    );
    assert_eq!(
        message(array![f64::NAN], Array2::eye(1), 1.0),
        "`location[0]` is NaN, but must be finite"
    );
    assert!(
        message(zeros(2), array![[1.0, 2.0], [2.0, 1.0]], 1.0)
            .starts_with("`pivot 1 of 2 of the Cholesky factorisation of scale_matrix` is -3")
    );
}

#[test]
#[should_panic(expected = "x has shape [2, 2]")]
fn a_wrong_shape_panics_with_both_shapes() {
    density(3, 1.0).energy(Array2::zeros((2, 2)).view());
}
