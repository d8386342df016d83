//! The test for arrived chains: exact draws pass, chains on their way do not.

use crate::common::{Autoregression, Langevin};
use gibbsian_core::{Density, Seed};
use gibbsian_objectives::RunLength;
use gibbsian_testkit::stats::{FALSE_ALARM, z_test};
use gibbsian_testkit::targets::Gaussian;
use ndarray::{Array2, array};

fn target() -> Gaussian {
    Gaussian::new(array![0.5, -1.0], array![[2.0, 0.5], [0.5, 1.0]]).unwrap()
}

#[test]
fn draws_of_the_model_have_arrived() {
    let ends = target().sample(5000, &mut Seed::new(1).rng());
    let kernel = Autoregression(0.9);
    let found = RunLength::measure(&kernel, &target(), ends, 7, &mut Seed::new(2).rng()).unwrap();
    z_test("gap", found.gap(), 0.0, found.standard_error()).assert(FALSE_ALARM);
    assert!(found.is_convergent(4.9));
    assert_eq!(found.acceptance.proposed, 7 * 5000);
    // Energies before and after belong to the same chain: the error is less than that of two samples.
    let apart = (2.0 * found.short.var(1.0) / 5000.0).sqrt();
    assert!(found.standard_error() < apart);
}

/// From `N(μ, 4C)` the mean energy is 4 D/2 and falls to `(1 + 3ρ^{2k}) D/2`.
#[test]
fn chains_on_their_way_go_on_downhill() {
    let wide = Gaussian::new(array![0.5, -1.0], array![[0.5, 0.125], [0.125, 0.25]]).unwrap();
    let ends = wide.sample(5000, &mut Seed::new(3).rng());
    let rho: f64 = 0.9;
    let found =
        RunLength::measure(&Autoregression(rho), &target(), ends, 5, &mut Seed::new(4).rng()).unwrap();
    let expected = 3.0 - 3.0 * rho.powi(10);
    z_test("gap", found.gap(), expected, found.standard_error()).assert(FALSE_ALARM);
    assert!(!found.is_convergent(4.9));
}

#[test]
fn bad_input_is_refused_by_name() {
    let measure = |x: Array2<f64>, n_steps| {
        RunLength::measure(&Langevin(10.0), &target(), x, n_steps, &mut Seed::new(5).rng())
            .unwrap_err()
            .to_string()
    };
    assert_eq!(
        measure(Array2::ones((2, 2)), 0),
        "`n_steps` is 0, but must be at least 1"
    );
    assert!(measure(Array2::ones((2, 3)), 1).contains("shape"));
    // A step that is far too long.
    assert!(measure(Array2::ones((2, 2)), 1000).starts_with("`energies after the long run[0]` is"));
}
