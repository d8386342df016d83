//! Masses of modes and moments of energies, against chains and laws where they are known.

use crate::common::{autoregressions, close, normals};
use gibbsian_core::Seed;
use gibbsian_metrics::*;
use gibbsian_testkit::stats::{FALSE_ALARM, binomial, z_test};
use ndarray::{Array2, Array3, Axis, array};
use rand::RngExt;

const SEED: Seed = Seed::new(4);

#[test]
fn energies_of_independent_draws() {
    // E = |x|²/2 in D dimensions: C = β² Var E = D/2 at β = 1, and E-BFMI 2 up to its error √(…/n).
    let dim = 10;
    let x = normals(4 * 5000, dim, SEED.child("energies"));
    let energies = x
        .map_axis(Axis(1), |x| 0.5 * x.dot(&x))
        .into_shape_with_order((4, 5000))
        .unwrap();
    let capacity = heat_capacity(energies.view(), 1.0).unwrap();
    z_test(
        "heat capacity",
        capacity.value,
        dim as f64 / 2.0,
        capacity.standard_error,
    )
    .assert(FALSE_ALARM);
    // Var(s²) = (κ + 2) σ⁴ / S, κ = 12/D the excess kurtosis of the gamma law.
    let exact = dim as f64 / 2.0 * ((12.0 / dim as f64 + 2.0) / 20_000.0).sqrt();
    close("its error", capacity.standard_error, exact, 0.1);
    close(
        "in other units",
        heat_capacity((&energies * 3.0).view(), 1.0 / 3.0).unwrap().value,
        capacity.value,
        1e-12,
    );
    for bfmi in energy_bfmi(energies.view()).unwrap() {
        assert!((bfmi - 2.0).abs() < 5.0 * 2.0 * (1.0 / 5000f64).sqrt(), "{bfmi}");
    }
    // An autoregression with ρ has 2 (1 − ρ), and its first autocorrelation the variance (1 − ρ²)/T.
    let slow = autoregressions(1, 50_000, &[0.9], SEED.child("slow"));
    let bfmi = energy_bfmi(slow.index_axis(Axis(2), 0)).unwrap()[0];
    assert!(
        (bfmi - 0.2).abs() < 5.0 * 2.0 * (0.19f64 / 50_000.0).sqrt(),
        "{bfmi}"
    );
}

/// A chain of two states that switches with probability `p_up` and `p_down`.
fn switching(n_draws: usize, p_up: f64, p_down: f64, seed: Seed) -> Array2<usize> {
    let mut rng = seed.rng();
    let mut states = Array2::zeros((4, n_draws));
    for mut chain in states.rows_mut() {
        let mut state = usize::from(rng.random::<f64>() < p_up / (p_up + p_down));
        for s in &mut chain {
            let p = if state == 0 { p_up } else { p_down };
            if rng.random::<f64>() < p {
                state = 1 - state;
            }
            *s = state;
        }
    }
    states
}

#[test]
fn intervals_of_mode_masses_hold_for_chains_that_stay() {
    // π = (0.7, 0.3); the second eigenvalue 1 − 0.1 makes τ = 19, which a count of draws would ignore.
    let n_inside = (0..300)
        .filter(|&i| {
            let labels = switching(4000, 0.03, 0.07, SEED.child("modes").nth(i));
            let masses = mode_masses_of_labels(labels.view(), 2, 0.95).unwrap();
            let naive = (0.21f64 / 16_000.0).sqrt();
            assert!(masses.modes[1].standard_error > 3.0 * naive);
            let (low, high) = masses.modes[1].interval;
            low <= 0.3 && 0.3 <= high
        })
        .count();
    // An estimated ESS costs a percent or two of coverage.
    binomial("coverage", n_inside as u64, 300, 0.94).assert(FALSE_ALARM);
}

#[test]
fn modes_without_visits_and_without_switches_keep_wide_intervals() {
    let labels = Array2::from_shape_fn((4, 100), |(c, _)| c / 3);
    let masses = mode_masses_of_labels(labels.view(), 3, 0.95).unwrap();
    assert_eq!(masses.modes[1].n_chains_visiting, 1);
    assert!(
        masses.modes[0].interval.1 - masses.modes[0].interval.0 > 0.4,
        "{masses}"
    );
    let never = masses.modes[2];
    assert!(
        never.mass == 0.0 && never.interval.0 == 0.0 && never.interval.1 > 0.3,
        "{masses}"
    );
    // All in one mode: four chains have made four choices.
    let one = mode_masses_of_labels(Array2::zeros((4, 100)).view(), 2, 0.95).unwrap();
    assert_eq!(one.modes[0].effective_sample_size, 4.0);
    assert!(one.modes[0].interval.0 < 0.6 && one.modes[0].interval.1 == 1.0);
    close(
        "tv",
        one.total_variation(array![0.25, 0.75].view()).unwrap(),
        0.75,
        1e-15,
    );
}

#[test]
fn modes_are_the_nearest_and_faults_are_named() {
    let centres = array![[0.0, 0.0], [1.0, 1.0]];
    assert_eq!(nearest_centre(array![0.4, 0.4].view(), centres.view()), 0);
    assert_eq!(nearest_centre(array![0.9, 0.2].view(), centres.view()), 1);
    let draws = Array3::<f64>::zeros((2, 10, 2));
    assert!(mode_masses(draws.view(), array![[0.0]].view(), 0.9).is_err());
    assert!(mode_masses(draws.view(), Array2::zeros((0, 2)).view(), 0.9).is_err());
    assert!(mode_masses(draws.view(), centres.view(), 1.0).is_err());
    assert!(mode_masses((&draws * f64::NAN).view(), centres.view(), 0.9).is_err());
    assert!(mode_masses(Array3::zeros((2, 3, 2)).view(), centres.view(), 0.9).is_err());
    let labels = Array2::zeros((2, 10));
    assert!(mode_masses_of_labels(labels.view(), 0, 0.9).is_err());
    assert!(mode_masses_of_labels(Array2::from_elem((2, 10), 5).view(), 5, 0.9).is_err());
    let masses = mode_masses(draws.view(), centres.view(), 0.9).unwrap();
    assert!(masses.total_variation(array![1.0].view()).is_err());
}
