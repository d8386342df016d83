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
    for wrong in [1e-151, 1e151] {
        let error = text(Rings::new(array![1.0], wrong).unwrap_err());
        assert!(
            error.starts_with("`deviation` is ") && error.contains("but must be between 1e-150 and 1e150"),
            "{error}"
        );
    }
    assert_eq!(
        text(Rings::new(array![0.0, 10.0], 1e-150).unwrap_err()),
        "`radii[1]` is 10, but must be at most 1e150 deviations"
    );
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

/// A circle of radius zero is a normal density of any deviation, at the centre and far out, and so are circles of which nothing is seen but the nearest.
#[test]
fn rings_of_all_sizes_have_limits() {
    let near = |found: f64, expected: f64, place: &str| {
        let close = found == expected || (found - expected).abs() <= 4.0 * f64::EPSILON * expected.abs();
        assert!(close, "{place}: {found:e} instead of {expected:e}");
    };
    for deviation in [1e-150, 1e-80, 0.3, 1e80, 1e150] {
        let lone = Rings::new(array![0.0], deviation).unwrap();
        let beside = Rings::new(array![0.0, 1e100 * deviation], deviation).unwrap();
        for (rings, share) in [(&lone, 1.0), (&beside, 0.5_f64)] {
            let scaled = [[0.0, 0.0], [0.0, 1e-5], [0.3, -0.4], [30.0, 40.0]];
            let x = Array2::from_shape_fn((4, 2), |(b, i)| scaled[b][i] * deviation);
            let log_p = rings.log_density(x.view());
            let score = rings.score(x.view());
            let [mut again, mut along] = [(); 2].map(|()| Array2::zeros((4, 2)));
            rings.score_jvp_into(
                x.view(),
                Array2::ones((4, 2)).view(),
                again.view_mut(),
                along.view_mut(),
            );
            one_energy("rings", rings, &x);
            for b in 0..4 {
                let place = format!("{:?} deviations of {deviation:e}", scaled[b]);
                let square: f64 = scaled[b].iter().map(|z| z * z).sum();
                let expected = share.ln() - std::f64::consts::TAU.ln() - 2.0 * deviation.ln() - 0.5 * square;
                near(log_p[b], expected, &place);
                for i in 0..2 {
                    near(score[[b, i]], -scaled[b][i] / deviation, &place);
                    near(along[[b, i]], -1.0 / deviation / deviation, &place);
                }
            }
        }
        // As far as numbers go.
        let far = array![[1e308, 0.0], [-1e308, 1e308], [f64::MAX, f64::MAX]];
        for rings in [&lone, &beside] {
            let log_p = rings.log_density(far.view());
            assert!(log_p.iter().all(|l| !l.is_nan()), "{deviation:e}: {log_p}");
            one_energy("rings", rings, &far);
        }
    }
    // A circle of its own, at it and at its centre: I₀(κ) e^{−κ} ~ 1/√(2πκ), and 1 where κ = 0.
    for deviation in [1e-140, 1e-100, 1e100, 1e140] {
        let radius = 1e20 * deviation;
        let log_p = Rings::new(array![radius], deviation)
            .unwrap()
            .log_density(array![[radius, 0.0], [0.0, 0.0]].view());
        let log_scale = std::f64::consts::TAU.ln() + 2.0 * deviation.ln();
        let expected = -log_scale - 0.5 * (std::f64::consts::TAU.ln() + 40.0 * 10.0_f64.ln());
        assert!((log_p[0] / expected - 1.0).abs() < 1e-14, "{log_p}");
        assert!((log_p[1] / -0.5e40 - 1.0).abs() < 1e-14, "{log_p}");
    }
}
