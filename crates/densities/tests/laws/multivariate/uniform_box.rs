//! The uniform density on a box.

use gibbsian_core::{Density, Energy, Score, ScoreJvp, Seed};
use gibbsian_densities::UniformBox;
use gibbsian_testkit::conformance;
use gibbsian_testkit::differences::Precision;
use gibbsian_testkit::stats::{FALSE_ALARM, family, kolmogorov_smirnov, mean};
use gibbsian_testkit::verdict::Verdict;
use ndarray::{Array1, Array2, array};

use crate::common::reference::log_density;

fn in_three_dimensions() -> UniformBox {
    UniformBox::new(array![-1.0, 0.5, -2.0], array![1.5, 1.0, 2.0]).unwrap()
}

#[test]
fn references() {
    log_density("uniform_box", |p| {
        UniformBox::new(p.vector("lower"), p.vector("upper")).unwrap()
    });
}

#[test]
fn laws() -> Verdict {
    let density = in_three_dimensions();
    let x = array![[0.3, 0.7, -1.1], [-0.8, 0.9, 1.3], [1.2, 0.6, 0.4]];
    conformance::energy(&density, x.view(), Precision::DOUBLE)?;
    conformance::score(&density, x.view(), Precision::DOUBLE)?;
    conformance::potential(&density, x.view(), Precision::DOUBLE)?;
    conformance::score_jvp(&density, x.view(), Precision::DOUBLE)
}

#[test]
fn draws_fill_the_box() -> Verdict {
    let density = in_three_dimensions();
    let seed = Seed::new(5);
    let x = density.sample(100_000, &mut seed.rng());
    assert!(density.energy(x.view()).iter().all(|e| *e == 0.0));
    let (centre, variance) = (density.mean(), density.variance());
    let mut tests = Vec::new();
    for i in 0..3 {
        let (l, w) = (density.lower()[i], density.upper()[i] - density.lower()[i]);
        let coordinate = x.column(i).to_vec();
        tests.push(kolmogorov_smirnov(&format!("coordinate {i}"), &coordinate, |x| {
            (x - l) / w
        }));
        for j in 0..=i {
            let products = (&x.column(i) - centre[i]) * (&x.column(j) - centre[j]);
            let expected = if i == j { variance[i] } else { 0.0 };
            tests.push(mean(&format!("covariance {i} {j}"), &products.to_vec(), expected));
        }
    }
    family(&tests, FALSE_ALARM)?;
    gibbsian_testkit::threads::same_on_any_number("draws have the same bits", || {
        density.sample(101, &mut seed.rng()).into_flat()
    })
}

#[test]
fn draws_are_pinned() {
    let density = in_three_dimensions();
    assert_eq!(
        density.sample(1, &mut Seed::new(4).rng()),
        array![[0.47577900655212013, 0.6022723474256668, -0.37957563146651063]]
    );
}

#[test]
fn faces_belong_to_the_box() {
    let density = UniformBox::centred(2, 1.0).unwrap();
    let (up, log_p) = (f64::INFINITY, -4.0_f64.ln());
    let x = array![
        [1.0, -1.0],
        [1.0_f64.next_up(), 0.0],
        [0.0, -up],
        [f64::NAN, 0.0],
        [3.0, f64::NAN]
    ];
    let found = density.log_density(x.view());
    assert_eq!(found.slice(ndarray::s![..3]), array![log_p, -up, -up]);
    assert!(found[3].is_nan() && found[4].is_nan());
    assert_eq!(
        density.energy(x.view()).slice(ndarray::s![..3]),
        array![0.0, up, up]
    );
    let (score, divergence) = (density.score(x.view()), density.divergence(x.view()));
    assert_eq!((score[[0, 0]], score[[0, 1]], divergence[0]), (0.0, 0.0, 0.0));
    for b in 1..5 {
        assert!(score.row(b).iter().all(|s| s.is_nan()) && divergence[b].is_nan());
    }
    assert_eq!(
        UniformBox::new(array![-1e308], array![0.7e308]).unwrap().mean(),
        array![-0.15e308]
    );
}

#[test]
fn bad_corners_are_refused_by_name() {
    let message =
        |lower: Array1<f64>, upper: Array1<f64>| UniformBox::new(lower, upper).unwrap_err().to_string();
    assert_eq!(
        message(array![], array![]),
        "`lower` has shape [0], but must have shape (at least 1)"
    );
    assert_eq!(
        message(array![0.0], array![1.0, 2.0]),
        "`upper` has shape [2], but must have shape [1]"
    );
    assert_eq!(
        message(array![0.0, f64::NAN], array![1.0, 2.0]),
        "`lower[1]` is NaN, but must be finite"
    );
    assert_eq!(
        message(array![0.0], array![f64::INFINITY]),
        "`upper[0]` is inf, but must be finite"
    );
    assert_eq!(
        message(array![0.0, 2.0], array![1.0, 2.0]),
        "`upper[1]` is 2, but must be greater than lower[1] = 2"
    );
    assert!(message(array![-1.7e308], array![1.7e308]).contains("at a finite distance of lower[0]"));
    assert_eq!(
        UniformBox::centred(2, 0.0).unwrap_err().to_string(),
        "`half_width` is 0, but must be finite and greater than zero"
    );
    assert!(UniformBox::centred(0, 1.0).is_err());
}

#[test]
#[should_panic(expected = "x has shape [2, 2]")]
fn a_wrong_shape_panics_with_both_shapes() {
    in_three_dimensions().score(Array2::zeros((2, 2)).view());
}
