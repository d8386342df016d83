//! What is refused, and what happens far out and at points that are no points.

use gibbsian_core::{Density, Score, ScoreJvp, Seed};
use gibbsian_densities::SmoothDensity;
use gibbsian_densities::planar::*;
use ndarray::{Array1, Array2, array};

#[test]
fn bad_parameters_are_refused() {
    let text = |error: gibbsian_core::Error| error.to_string();
    assert_eq!(
        text(eight_gaussians(-1.0, 1.0).unwrap_err()),
        "`radius` is -1, but must be finite and at least zero"
    );
    assert_eq!(
        text(eight_gaussians(1.0, 0.0).unwrap_err()),
        "`deviation` is 0, but must be finite and greater than zero"
    );
    assert_eq!(
        text(Rings::new(Array1::zeros(0), 1.0).unwrap_err()),
        "`radii` has shape [0], but must have shape (at least 1)"
    );
    assert_eq!(
        text(Rings::new(array![1.0, -2.0], 1.0).unwrap_err()),
        "`radii[1]` is -2, but must be finite and at least zero"
    );
    assert!(Rings::new(array![f64::INFINITY], 1.0).is_err());
    assert!(Rings::new(array![1.0], f64::NAN).is_err());
    assert!(TwoMoons::new(0.0, 1.0).is_err());
    assert!(TwoMoons::new(1.0, f64::INFINITY).is_err());
    assert!(TwoSpirals::new(0.0, 1.0, 1.0).is_err());
    assert!(TwoSpirals::new(1.0, -1.0, 1.0).is_err());
    assert!(TwoSpirals::new(1.0, 1.0, 0.0).is_err());
    let wheel = PinwheelOptions::default();
    for options in [
        PinwheelOptions { n_blades: 0, ..wheel },
        PinwheelOptions { radius: 0.0, ..wheel },
        PinwheelOptions {
            radial_deviation: f64::NAN,
            ..wheel
        },
        PinwheelOptions {
            tangential_deviation: -1.0,
            ..wheel
        },
        PinwheelOptions {
            twist: f64::INFINITY,
            ..wheel
        },
    ] {
        assert!(Pinwheel::new(options).is_err(), "{options:?}");
    }
    let bent = BananaOptions::default();
    for options in [
        BananaOptions {
            mean: f64::NAN,
            ..bent
        },
        BananaOptions {
            deviation: 0.0,
            ..bent
        },
        BananaOptions {
            curvature: f64::INFINITY,
            ..bent
        },
        BananaOptions {
            offset: f64::NAN,
            ..bent
        },
        BananaOptions { width: -1.0, ..bent },
    ] {
        assert!(Banana::new(options).is_err(), "{options:?}");
    }
    assert_eq!(
        text(Funnel::new(1, 1.0).unwrap_err()),
        "`dim` is 1, but must be at least 2"
    );
    assert!(Funnel::new(2, 0.0).is_err());
    assert_eq!(
        text(Checkerboard::new(0, 1.0).unwrap_err()),
        "`n` is 0, but must be at least 1"
    );
    assert!(Checkerboard::new(2, 0.0).is_err());
    let largest = u32::MAX as usize;
    for n in [largest + 1, usize::MAX] {
        assert_eq!(
            text(Checkerboard::new(n, 1.0).unwrap_err()),
            format!("`n` is {n}, but must be at most {largest}, so that all squares can be counted")
        );
    }
    let board = Checkerboard::new(largest, 1.0).unwrap();
    assert!((board.log_z() - 2f64.ln()).abs() < 1e-9);
    let x = board.sample(5, &mut Seed::new(1).rng());
    assert!(x.iter().all(|x| (-1.0..=1.0).contains(x)));
}

#[test]
fn names_are_distinct() {
    let names: Vec<_> = all().into_iter().map(|(name, _)| name).collect();
    assert_eq!(names.len(), 8);
    assert!(
        names
            .iter()
            .enumerate()
            .all(|(i, name)| !names[..i].contains(name))
    );
    assert!(smooth().iter().all(|(name, _)| names.contains(name)));
}

/// The energy beside the score is the energy, also where that is infinite or NaN.
fn one_energy(name: &str, target: &dyn SmoothDensity, x: &Array2<f64>) {
    let (mut energy, mut score) = (Array1::zeros(x.nrows()), Array2::zeros(x.raw_dim()));
    target.energy_and_score_into(x.view(), energy.view_mut(), score.view_mut());
    for ((found, expected), x) in energy.iter().zip(target.energy(x.view())).zip(x.rows()) {
        let same = *found == expected || (found.is_nan() && expected.is_nan());
        let near = (found - expected).abs() <= 1e-13 * expected.abs();
        assert!(same || near, "{name} at {x}: {found} instead of {expected}");
    }
}

#[test]
fn the_far_plane_has_numbers() {
    let directions = [[1.0, 0.0], [0.0, 1.0], [-0.6, 0.8], [0.6, -0.8], [-1.0, -1.0]];
    for (name, target) in smooth() {
        for distance in [10.0, 1e3, 1e6, 1e12] {
            let x = Array2::from_shape_fn((5, 2), |(b, i)| distance * directions[b][i]);
            let (log_p, score) = (target.log_density(x.view()), target.score(x.view()));
            let divergence = target.divergence(x.view());
            let numbers = log_p.iter().chain(&score).chain(&divergence);
            // The neck of the funnel is narrower than any number at v = −1000.
            let expected = name != "funnel" || distance < 100.0;
            if expected {
                assert!(
                    numbers.clone().all(|v| v.is_finite()),
                    "{name} at {distance:e}: {log_p} {score}"
                );
            }
            assert!(
                log_p.iter().all(|v| !v.is_nan()),
                "{name} at {distance:e}: {log_p}"
            );
            one_energy(name, &*target, &x);
        }
    }
}

#[test]
fn the_funnel_has_numbers_at_forty_deviations() {
    let funnel = Funnel::default();
    for v in [-120.0, 120.0] {
        for y in [-40.0, 0.0, 40.0] {
            let x = array![[v, y * f64::exp(0.5 * v)]];
            assert!(funnel.log_density(x.view())[0].is_finite(), "{x}");
            assert!(funnel.score(x.view()).iter().all(|s| s.is_finite()), "{x}");
            assert!(funnel.divergence(x.view())[0].is_finite(), "{x}");
        }
    }
    // Beyond what e^{−v/2} can hold, the axis keeps its density and everything else has none.
    let log_p = funnel.log_density(array![[-2000.0, 0.0], [-2000.0, 1.0]].view());
    assert!(log_p[0].is_finite() && log_p[1] == f64::NEG_INFINITY);
}

#[test]
fn points_that_are_no_points() {
    let infinite = array![
        [f64::INFINITY, 0.0],
        [0.0, f64::NEG_INFINITY],
        [f64::INFINITY, f64::INFINITY]
    ];
    let undefined = array![[f64::NAN, 0.0], [f64::INFINITY, f64::NAN]];
    for (name, target) in all() {
        assert!(
            target
                .log_density(infinite.view())
                .iter()
                .all(|v| *v == f64::NEG_INFINITY),
            "{name}"
        );
        assert!(
            target.log_density(undefined.view()).iter().all(|v| v.is_nan()),
            "{name}"
        );
        assert_eq!(target.sample(0, &mut Seed::new(1).rng()).dim(), (0, 2), "{name}");
    }
    // Squares overflow here.
    let far = array![[1e200, 1e200], [-1e300, 1.0]];
    for (name, target) in smooth() {
        for x in [&infinite, &undefined, &far] {
            one_energy(name, &*target, x);
        }
        assert!(
            target.score(undefined.view()).iter().all(|v| v.is_nan()),
            "{name}"
        );
        if name != "funnel" {
            assert!(
                target
                    .log_density(far.view())
                    .iter()
                    .all(|v| *v == f64::NEG_INFINITY),
                "{name}"
            );
        }
    }
}

/// A square owns its left and its lower edge, and the board does not own its upper and right ones.
#[test]
fn edges_of_squares() {
    let board = Checkerboard::new(2, 1.0).unwrap();
    let log_p =
        board.log_density(array![[-1.0, -1.0], [0.0, 0.0], [0.0, -0.5], [1.0, 0.5], [-0.5, 1.0]].view());
    let black = -2f64.ln();
    let white = f64::NEG_INFINITY;
    assert_eq!(log_p, array![black, black, white, white, white]);
}
