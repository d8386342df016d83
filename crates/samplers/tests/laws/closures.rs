//! Models made of closures: the laws of their traits, chains on them, and what is no number.

use gibbsian_core::{
    Energy, Error, FnEnergy, FnParametricEnergy, FnPotential, FnScore, FnTimeScore, Kernel, Potential,
    Result, Seed,
};
use gibbsian_samplers::{Hmc, Mala, RandomWalkMetropolis, UnadjustedLangevin};
use gibbsian_testkit::conformance;
use gibbsian_testkit::differences::Precision;
use gibbsian_testkit::targets::Gaussian;
use gibbsian_testkit::verdict::Verdict;
use ndarray::{Array1, Array2, ArrayView1, ArrayViewMut1, array};

/// The logarithm of a normal density with precision `[[1, ½], [½, 1]]`, and its gradient.
fn log_density(x: ArrayView1<f64>, mut gradient: ArrayViewMut1<f64>) -> f64 {
    gradient[0] = -x[0] - 0.5 * x[1];
    gradient[1] = -x[1] - 0.5 * x[0];
    0.5 * x.dot(&gradient)
}

fn normal() -> impl Potential {
    FnPotential::from_log_density(2, log_density).unwrap()
}

fn points(n: usize) -> Array2<f64> {
    Array2::from_shape_fn((n, 2), |(b, i)| (1.3 * b as f64 + 0.7 * i as f64).sin())
}

#[test]
fn they_keep_the_laws_of_their_traits() -> Verdict {
    let (x, precision) = (points(40), Precision::DOUBLE);
    let t = Array1::from_shape_fn(40, |b| 0.1 + b as f64 / 40.0);
    let energy = FnEnergy::new(2, |x| (x[0] * x[1]).cosh()).unwrap();
    conformance::energy(&energy, x.view(), precision)?;
    conformance::energy(&normal(), x.view(), precision)?;
    conformance::score(&normal(), x.view(), precision)?;
    conformance::potential(&normal(), x.view(), precision)?;
    let score = FnScore::new(2, |x, mut s| {
        s[0] = -x[0] - x[1];
        s[1] = x[0] - x[1];
    })
    .unwrap();
    conformance::score(&score, x.view(), precision)?;
    let in_time = FnTimeScore::new(2, |x, t, mut s| s.assign(&(&x * (-1.0 / (1.0 + t * t))))).unwrap();
    conformance::time_score(&in_time, x.view(), t.view(), precision)?;
    let mut parametric = FnParametricEnergy::new(2, array![1.2, -0.4], |x, theta, mut g| {
        g[0] = theta[0] * x[0] * x[0];
        g[1] = (theta[1] + x[1]).sin();
        0.5 * theta[0] * g[0] - (theta[1] + x[1]).cos()
    })
    .unwrap();
    conformance::energy(&parametric, x.view(), precision)?;
    conformance::energy_pullback(&mut parametric, x.view(), precision)
}

/// `n` steps from the origin.
fn chain<T: ?Sized, K: Kernel<T>>(kernel: &K, target: &T, n: usize) -> Result<Array2<f64>> {
    let mut state = kernel.init(target, Array2::zeros((70, 2)))?;
    let mut rng = Seed::new(1).rng();
    for _ in 0..n {
        kernel.step(target, &mut state, &mut rng);
    }
    Ok(kernel.positions(&state).to_owned())
}

#[test]
fn chains_follow_them_as_they_do_a_type_of_the_same_density() {
    let typed = Gaussian::new(array![0.0, 0.0], array![[1.0, 0.5], [0.5, 1.0]]).unwrap();
    let kernel = Hmc::new(0.5, 4).unwrap();
    let (a, b) = (
        chain(&kernel, &typed, 20).unwrap(),
        chain(&kernel, &normal(), 20).unwrap(),
    );
    assert!(a.iter().zip(&b).all(|(a, b)| (a - b).abs() < 1e-9));
}

#[test]
fn what_is_no_number_is_refused_at_the_start_and_rejected_later() {
    let forgetful = FnPotential::new(2, |x, mut gradient| {
        gradient[0] = x[0];
        0.5 * x.dot(&x)
    })
    .unwrap();
    let error = chain(&Mala::new(0.5).unwrap(), &forgetful, 1).unwrap_err();
    assert!(
        matches!(
            error,
            Error::Start {
                quantity: "score",
                ..
            }
        ),
        "{error}"
    );
    let error = chain(&UnadjustedLangevin::new(0.5).unwrap(), &forgetful, 1).unwrap_err();
    assert!(
        matches!(
            error,
            Error::Start {
                quantity: "score",
                ..
            }
        ),
        "{error}"
    );

    let kernel = RandomWalkMetropolis::new(1.0).unwrap();
    let nowhere = FnEnergy::new(2, |_| f64::NAN).unwrap();
    let error = chain(&kernel, &nowhere, 1).unwrap_err();
    assert!(
        matches!(
            error,
            Error::Start {
                quantity: "energy",
                ..
            }
        ),
        "{error}"
    );

    // Undefined beyond the line: chains stay on this side, and the proposals are counted.
    let half = |x: ArrayView1<f64>| if x[0] > 0.5 { f64::NAN } else { 0.5 * x.dot(&x) };
    let half = FnEnergy::new(2, half).unwrap();
    let mut state = kernel.init(&half, Array2::zeros((70, 2))).unwrap();
    let mut undefined = 0;
    let mut rng = Seed::new(2).rng();
    for _ in 0..20 {
        undefined += kernel.step(&half, &mut state, &mut rng).undefined;
    }
    assert!(undefined > 0);
    let ends = chain(&kernel, &half, 20).unwrap();
    assert!(half.energy(ends.view()).iter().all(|e| e.is_finite()));
}
