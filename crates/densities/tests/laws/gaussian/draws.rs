//! Draws have the law they should, and stay what they were.

use gibbsian_core::{Blocks, Density, Energy, Seed};
use gibbsian_densities::MultivariateNormal;
use gibbsian_testkit::stats::{FALSE_ALARM, Test, family, mean as mean_test};
use gibbsian_testkit::verdict::Verdict;
use ndarray::{Array2, array};

use crate::gaussian::support::every_form;

/// Whether the rows of `x` have the first and second moments of `normal`, and its energies the mean `D/2` and the second moment of χ²/2.
fn moments(normal: &MultivariateNormal, x: &Array2<f64>, tests: &mut Vec<Test>) {
    let (d, covariance) = (x.ncols(), normal.covariance());
    let centred = x - &normal.mean();
    for i in 0..d {
        tests.push(mean_test(
            &format!("coordinate {i}"),
            &centred.column(i).to_vec(),
            0.0,
        ));
        for j in 0..=i {
            let products = (&centred.column(i) * &centred.column(j)).to_vec();
            tests.push(mean_test(
                &format!("product {i} {j}"),
                &products,
                covariance[(i, j)],
            ));
        }
    }
    let energies = normal.energy(x.view());
    let half = d as f64 / 2.0;
    tests.push(mean_test("energy", &energies.to_vec(), half));
    tests.push(mean_test(
        "energy squared",
        &energies.mapv(|e| e * e).to_vec(),
        half * (half + 1.0),
    ));
}

#[test]
fn draws_have_the_moments_of_the_density() -> Verdict {
    let mut tests = Vec::new();
    for d in [1, 2, 5, 12] {
        for (k, normal) in every_form(d).iter().enumerate() {
            let x = normal.sample(40_000, &mut Seed::new(23).nth((4 * d + k) as u64).rng());
            moments(normal, &x, &mut tests);
        }
    }
    family(&tests, FALSE_ALARM)
}

#[test]
fn a_gibbs_sweep_keeps_the_density() -> Verdict {
    let mut tests = Vec::new();
    for (k, normal) in every_form(3).iter().enumerate() {
        let seed = Seed::new(31).nth(k as u64);
        let mut x = normal.sample(40_000, &mut seed.child("start").rng());
        for block in 0..normal.n_blocks() {
            normal.resample(x.view_mut(), block, None, &mut seed.nth(block as u64).rng());
        }
        moments(normal, &x, &mut tests);
    }
    family(&tests, FALSE_ALARM)
}

#[test]
fn a_redraw_has_the_conditional_law() -> Verdict {
    let normal = &every_form(3)[0];
    let mut x = Array2::zeros((40_000, 3)) + &array![0.4, -1.0, 2.0];
    normal.resample(x.view_mut(), 1, None, &mut Seed::new(7).rng());
    let conditional = normal.conditional(&[0, 2], array![0.4, 2.0].view()).unwrap();
    let mut tests = Vec::new();
    moments(&conditional, &x.select(ndarray::Axis(1), &[1]), &mut tests);
    family(&tests, FALSE_ALARM)
}

#[test]
fn draws_are_pinned() {
    let [covariance, precision, _, diagonal] = every_form(2);
    let draw = |normal: &MultivariateNormal| {
        normal
            .sample(1, &mut Seed::new(4).rng())
            .into_raw_vec_and_offset()
            .0
    };
    assert_eq!([&covariance, &precision, &diagonal].map(draw), PINNED);
}

const PINNED: [[f64; 2]; 3] = [
    [1.0796936710918457, -1.353393422732574],
    [1.1830897450972704, -0.9519447418965318],
    [1.0796936710918457, -1.337882946121467],
];
