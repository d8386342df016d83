//! The laws of every trait, in every form and on both sides of every change of kernel.

use gibbsian_core::{Density, Energy, Potential, Score, Seed};
use gibbsian_densities::{MultivariateNormal, QuadraticEnergy};
use gibbsian_testkit::conformance;
use gibbsian_testkit::differences::Precision;
use gibbsian_testkit::verdict::Verdict;
use ndarray::{Array1, Array2, array};

use crate::gaussian::support::{covariance, every_form, mean, probes};

const PRECISION: Precision = Precision::DOUBLE;

#[test]
fn values_and_scores() -> Verdict {
    for d in [1, 2, 3, 4, 5, 8, 11, 17] {
        for normal in every_form(d) {
            let x = probes(d);
            conformance::energy(&normal, x.view(), PRECISION)?;
            conformance::score(&normal, x.view(), PRECISION)?;
            conformance::potential(&normal, x.view(), PRECISION)?;
            conformance::score_jvp(&normal, x.view(), PRECISION)?;
        }
    }
    Ok(())
}

#[test]
fn densities() -> Verdict {
    // In many dimensions the weights of a narrow normal density have too large a variance.
    for d in [1, 2, 5] {
        for (k, normal) in every_form(d).iter().enumerate() {
            let narrowest = normal
                .cholesky()
                .diag()
                .fold(f64::INFINITY, |w: f64, l| w.min(*l));
            let seed = Seed::new(d as u64).nth(k as u64);
            conformance::density(normal, 0.5 * narrowest.min(0.8), PRECISION, seed)?;
        }
    }
    Ok(())
}

#[test]
fn parameters_and_pullbacks() -> Verdict {
    for d in [1, 2, 3, 6] {
        for mut normal in every_form(d) {
            let x = probes(d);
            conformance::parametric(&mut normal)?;
            conformance::energy_pullback(&mut normal, x.view(), PRECISION)?;
            conformance::score_pullback(&mut normal, x.view(), PRECISION)?;
            conformance::score_jvp_pullback(&mut normal, x.view(), PRECISION)?;
        }
    }
    Ok(())
}

#[test]
fn snapshots() -> Verdict {
    let [first, mut second, ..] = every_form(3);
    conformance::snapshot(&first, &mut second)
}

#[test]
fn blocks() -> Verdict {
    for normal in every_form(3) {
        conformance::blocks(&normal, probes(3).view(), Seed::new(5))?;
    }
    Ok(())
}

#[test]
fn quadratic_energies() -> Verdict {
    for d in [1, 2, 5] {
        let energy = QuadraticEnergy::new(covariance(d), mean(d), 0.75).unwrap();
        let x = probes(d);
        conformance::energy(&energy, x.view(), PRECISION)?;
        conformance::score(&energy, x.view(), PRECISION)?;
        conformance::potential(&energy, x.view(), PRECISION)?;
        conformance::score_jvp(&energy, x.view(), PRECISION)?;
    }
    Ok(())
}

#[test]
fn quadratic_energies_where_squares_overflow() {
    let both = |energy: &QuadraticEnergy, x: [f64; 2], expected: f64| {
        let x = array![x];
        let (mut beside, mut score) = (Array1::zeros(1), Array2::zeros((1, 2)));
        energy.energy_and_score_into(x.view(), beside.view_mut(), score.view_mut());
        for found in [energy.energy(x.view())[0], beside[0]] {
            let near = (found - expected).abs() <= 4.0 * f64::EPSILON * expected.abs();
            assert!(found == expected || near, "{found:e} at {x}");
        }
    };
    let (up, huge) = (f64::INFINITY, 2f64.powi(512));
    // Positive definite, and the terms of the rows have opposite signs; terms may overflow and the energy not.
    let definite = QuadraticEnergy::new(array![[1.0, 3.0], [3.0, 10.0]], array![0.0, 0.0], 1.0).unwrap();
    both(&definite, [1e200, -0.5e200], up);
    both(&definite, [1.5 * huge, -0.75 * huge], 1.125 * (0.5 * huge) * huge);
    // A saddle goes either way, and neither on its diagonals.
    let saddle = QuadraticEnergy::new(array![[1.0, 0.0], [0.0, -1.0]], array![0.0, 0.0], 1.5).unwrap();
    both(&saddle, [1e200, 2e200], -up);
    both(&saddle, [-2e200, 1e200], up);
    both(&saddle, [1e200, -1e200], 1.5);
    // Linear terms that cancel, and entries that are large instead of the point.
    let linear = QuadraticEnergy::new(Array2::zeros((2, 2)), array![1e300, 1e300], 2.0).unwrap();
    both(&linear, [1e10, -1e10], 2.0);
    let large =
        QuadraticEnergy::new(1.5e308 * array![[1.0, 1.0], [1.0, 1.0]], array![0.0, 0.0], 0.0).unwrap();
    both(&large, [1.5, -1.5], 0.0);
    both(&large, [1.5, 1.5], up);
    assert!(definite.energy(array![[f64::NAN, 1e200]].view())[0].is_nan());
}

#[test]
fn both_at_once_are_the_same_bits() {
    for d in [1, 3, 7, 20] {
        for normal in every_form(d) {
            let x = normal.sample(3000, &mut Seed::new(3).rng());
            let (mut log_density, mut score) = (Array1::zeros(3000), Array2::zeros((3000, d)));
            normal.log_density_and_score_into(x.view(), log_density.view_mut(), score.view_mut());
            assert_eq!(log_density, normal.log_density(x.view()));
            assert_eq!(score, normal.score(x.view()));
        }
    }
}

#[test]
fn points_at_infinity_have_infinite_energy() {
    for d in [1, 2, 9] {
        for normal in every_form(d) {
            let mut x = probes(d);
            x[(0, 0)] = f64::INFINITY;
            x[(1, d - 1)] = f64::NEG_INFINITY;
            x[(2, 0)] = 1e300;
            assert_eq!(normal.energy(x.view()), Array1::from_elem(3, f64::INFINITY));
            assert_eq!(
                normal.log_density(x.view()),
                Array1::from_elem(3, f64::NEG_INFINITY)
            );
        }
    }
}

#[test]
fn a_point_has_the_same_bits_wherever_it_stands() {
    for d in [2, 5, 9, 40] {
        let normal = &every_form(d)[0];
        let x = normal.sample(77, &mut Seed::new(8).rng());
        let (all, scores) = (normal.energy(x.view()), normal.score(x.view()));
        for (b, row) in x.axis_chunks_iter(ndarray::Axis(0), 1).enumerate() {
            assert_eq!(normal.energy(row)[0].to_bits(), all[b].to_bits());
            assert_eq!(normal.score(row).row(0), scores.row(b));
        }
    }
}

#[test]
fn wide_densities_in_plain_arithmetic_agree_with_their_diagonal() {
    // Beyond 256 dimensions the factors are computed in ordinary arithmetic; a permuted block-diagonal covariance has a known inverse.
    let d = 300;
    let mut covariance = Array2::from_diag(&Array1::from_elem(d, 2.0));
    for i in 0..d / 2 {
        covariance[(i, d - 1 - i)] = 1.0;
        covariance[(d - 1 - i, i)] = 1.0;
    }
    let normal = MultivariateNormal::from_covariance(Array1::zeros(d), covariance).unwrap();
    let mut x = Array2::zeros((1, d));
    x[(0, 0)] = 3.0;
    // The inverse of ((2, 1), (1, 2)) is ((2, −1), (−1, 2)) / 3.
    crate::gaussian::support::assert_close(normal.energy(x.view())[0], 3.0, 1e-14);
    let expected = 0.5 * (d as f64 * (2.0 * std::f64::consts::PI).ln() + 150.0 * 3.0_f64.ln());
    crate::gaussian::support::assert_close(normal.log_z(), expected, 1e-14);
    assert_eq!(normal.score(x.view())[(0, 1)], 0.0);
}
