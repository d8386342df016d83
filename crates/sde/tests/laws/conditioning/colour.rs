//! Colourisation, against the same observation as a matrix and against the coordinates of its source.

use gibbsian_core::process::OrnsteinUhlenbeck;
use gibbsian_core::{Error, Seed, Space, TimeScore};
use gibbsian_sde::{
    ChannelOrder, DiagonalTweedieProjection, DiffPir, DiffusionPosteriorSampling, EulerMaruyama, FixedSteps,
    FreshNoise, Greyscale, KnownCoordinates, KnownGrey, LinearObservation, MomentMatching,
    PseudoinverseGuidance, RePaint, Replacement, ReverseSde, StoredPath, TimeGrid, TweedieProjection, Twist,
};
use ndarray::{Array1, Array2, array, s};

use super::{correlated, difference, probes, process, score_at, times, two_modes};
use crate::common::normals::Normals;

type Prior = Normals<OrnsteinUhlenbeck>;

const EXACT: f64 = 1e-10;
const N_PIXELS: usize = 2;
const DIM: usize = 3 * N_PIXELS;
const ORDERS: [ChannelOrder; 2] = [ChannelOrder::Interleaved, ChannelOrder::Planar];

/// The luma of standard-definition television.
fn luma(order: ChannelOrder) -> Greyscale {
    Greyscale::new(array![0.299, 0.587, 0.114], N_PIXELS, order).unwrap()
}

/// The rows of the operator, written out.
fn matrix(order: ChannelOrder) -> Array2<f64> {
    let (r, g, b) = (0.299, 0.587, 0.114);
    match order {
        ChannelOrder::Interleaved => array![[r, g, b, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, r, g, b]],
        ChannelOrder::Planar => array![[r, 0.0, g, 0.0, b, 0.0], [0.0, r, 0.0, g, 0.0, b]],
    }
}

/// The observation in two forms.
fn both(order: ChannelOrder, noise_variance: f64) -> [LinearObservation; 2] {
    let values = array![0.8, -0.3];
    [
        LinearObservation::of_grey(luma(order), values.clone(), noise_variance).unwrap(),
        LinearObservation::new(matrix(order), values, noise_variance).unwrap(),
    ]
}

#[test]
fn the_observation_is_its_matrix() {
    for order in ORDERS {
        let [grey, plain] = both(order, 0.2);
        assert_eq!(grey.matrix(), matrix(order));
        assert_eq!((grey.dim(), grey.n_values()), (DIM, N_PIXELS));
        let (x, u) = (probes(5, DIM), probes(5, N_PIXELS));
        assert!(difference(&grey.apply(x.view()), &plain.apply(x.view())) < 1e-15);
        assert!(difference(&grey.adjoint(u.view()), &plain.adjoint(u.view())) < 1e-15);
        let likelihood = |o: &LinearObservation| {
            let mut out = Array1::zeros(5);
            o.log_likelihood_into(x.view(), out.view_mut());
            out.insert_axis(ndarray::Axis(1))
        };
        assert!(difference(&likelihood(&grey), &likelihood(&plain)) < 1e-14);
    }
}

/// All methods that know their likelihood.
fn twists(prior: &Prior, observation: &LinearObservation) -> [Box<dyn Twist>; 4] {
    let (p, prior, o) = (process(), || prior.clone(), || observation.clone());
    [
        Box::new(DiffusionPosteriorSampling::new(p, prior(), o()).unwrap()),
        Box::new(PseudoinverseGuidance::new(p, prior(), o(), 0.8).unwrap()),
        Box::new(DiagonalTweedieProjection::new(p, prior(), o()).unwrap()),
        Box::new(TweedieProjection::new(p, prior(), o()).unwrap()),
    ]
}

#[test]
fn all_methods_take_it_for_that_matrix() {
    let (x, t) = (probes(9, DIM), times(9));
    for (order, prior) in ORDERS.iter().zip([two_modes(DIM), correlated(DIM)]) {
        let [grey, plain] = both(*order, 0.2);
        let run = |method: &dyn Twist| {
            let mut l = Array1::zeros(9);
            let (mut s, mut g) = (Array2::zeros((9, DIM)), Array2::zeros((9, DIM)));
            method.twist_into(x.view(), t.view(), l.view_mut(), s.view_mut(), g.view_mut());
            (l.insert_axis(ndarray::Axis(1)), g)
        };
        for (found, expected) in twists(&prior, &grey).iter().zip(&twists(&prior, &plain)) {
            let (found, expected) = (run(found.as_ref()), run(expected.as_ref()));
            assert!(difference(&found.0, &expected.0) < EXACT);
            assert!(difference(&found.1, &expected.1) < EXACT);
        }
        // A step of DiffPIR.
        let step = |observation: LinearObservation| {
            FixedSteps::new(TimeGrid::new(array![0.9, 0.4]).unwrap())
                .solve(
                    &DiffPir::new(observation, 3.0, 0.3).unwrap(),
                    &ReverseSde::new(process(), prior.clone()),
                    x.clone(),
                    &FreshNoise::new(Seed::new(1)),
                )
                .unwrap()
        };
        assert!(difference(&step(grey), &step(plain)) < EXACT);
    }
}

#[test]
fn colours_of_normal_pictures_have_the_exact_posterior() {
    let (x, t) = (probes(12, DIM), times(12));
    let prior = correlated(DIM);
    for order in ORDERS {
        for noise_variance in [0.3, 1e-4] {
            let [grey, plain] = both(order, noise_variance);
            let exact = score_at(&prior.posterior(&plain).0, &x, &t);
            let methods: [Box<dyn TimeScore>; 2] = [
                Box::new(TweedieProjection::new(process(), prior.clone(), grey.clone()).unwrap()),
                Box::new(MomentMatching::new(process(), prior.clone(), grey).unwrap()),
            ];
            for method in &methods {
                assert!(difference(&score_at(method, &x, &t), &exact) < EXACT);
            }
        }
    }
    // Normal pictures whose colours are independent and alike: one variance is enough.
    let prior = Normals::isotropic(array![1.0], Array2::from_elem((1, DIM), 0.3), &[0.6], process());
    for order in ORDERS {
        let [grey, plain] = both(order, 0.2);
        let exact = score_at(&prior.posterior(&plain).0, &x, &t);
        let found = PseudoinverseGuidance::new(process(), prior.clone(), grey, 0.36).unwrap();
        assert!(difference(&score_at(&found, &x, &t), &exact) < EXACT);
    }
}

/// The change of basis that the source prints: pixels as rows times this are decoupled, and the first coordinate is grey.
fn decoupled_basis() -> Array2<f64> {
    let (a, b, c) = (1.0 / 3.0_f64.sqrt(), 1.0 / 6.0_f64.sqrt(), 1.0 / 2.0_f64.sqrt());
    let one_pixel = array![[a, -2.0 * b, 0.0], [a, b, c], [a, b, -c]];
    let mut basis = Array2::zeros((DIM, DIM));
    for n in 0..N_PIXELS {
        basis
            .slice_mut(s![3 * n..3 * n + 3, 3 * n..3 * n + 3])
            .assign(&one_pixel);
    }
    basis
}

#[test]
fn replacement_is_inpainting_in_the_decoupled_basis() {
    // The probability flow, so that the only noise is that of what is known: the same numbers in both bases.
    let basis = decoupled_basis();
    let prior = two_modes(DIM);
    let decoupled = Prior {
        means: prior.means.dot(&basis),
        covariances: prior
            .covariances
            .iter()
            .map(|c| basis.t().dot(c).dot(&basis))
            .collect(),
        ..prior.clone()
    };
    let flow = |prior: Prior| ReverseSde::new(process(), prior).with_stochasticity(0.0).unwrap();
    let steps = FixedSteps::new(TimeGrid::uniform(5.0, 0.0, 40).unwrap());
    let noise = FreshNoise::new(Seed::new(2));
    let start = noise.normal((70, DIM));
    let grey = array![0.8, -0.3];

    let greyscale = Greyscale::of_mean(3, N_PIXELS, ChannelOrder::Interleaved).unwrap();
    let known = KnownGrey::new(greyscale.clone(), grey.clone()).unwrap();
    let found = steps
        .solve(
            &Replacement::new(EulerMaruyama, known.clone()),
            &flow(prior.clone()),
            start.clone(),
            &noise,
        )
        .unwrap();
    let coordinates = KnownCoordinates::new(vec![0, 3], &grey * 3.0_f64.sqrt()).unwrap();
    let expected = steps
        .solve(
            &Replacement::new(EulerMaruyama, coordinates),
            &flow(decoupled),
            start.dot(&basis),
            &noise,
        )
        .unwrap();
    assert!(difference(&found.dot(&basis), &expected) < EXACT);

    // Repeated steps end there, too.
    let repaint = |n| {
        let solver = RePaint::new(EulerMaruyama, known.clone(), n).unwrap();
        steps
            .solve(&solver, &flow(prior.clone()), start.clone(), &noise)
            .unwrap()
    };
    assert_eq!(repaint(1), found);
    let several = repaint(3);
    assert!(several != found);
    let ends = greyscale.apply(several.view());
    assert!(
        ends.rows()
            .into_iter()
            .all(|y| (&y - &grey).iter().all(|e| e.abs() < 1e-14))
    );
}

#[test]
fn replacement_leaves_the_colours_of_independent_channels_alone() {
    for order in ORDERS {
        let grid = TimeGrid::uniform(5.0, 0.0, 40).unwrap();
        let path = StoredPath::draw(grid.clone(), (70, DIM), Seed::new(2)).unwrap();
        let prior = Normals::isotropic(array![1.0], probes(1, DIM), &[0.6], process());
        let reverse = ReverseSde::new(process(), prior);
        let start = FreshNoise::new(Seed::new(3)).normal((70, DIM));
        let steps = FixedSteps::new(grid);
        let known = KnownGrey::new(luma(order), array![0.8, -0.3]).unwrap();
        let solver = Replacement::new(EulerMaruyama, known);
        let replaced = steps.solve(&solver, &reverse, start.clone(), &path).unwrap();
        let free = steps.solve(&EulerMaruyama, &reverse, start, &path).unwrap();
        // What moved is along w in every pixel, and the grey form is what is known.
        let a = matrix(order);
        let projector = a.t().dot(&a) / a.row(0).dot(&a.row(0));
        let moved = &replaced - &free;
        assert!(difference(&moved.dot(&projector), &moved) < 1e-12);
        let grey = replaced.dot(&a.t());
        assert!(
            grey.rows()
                .into_iter()
                .all(|y| (&y - &array![0.8, -0.3]).iter().all(|e| e.abs() < 1e-14))
        );
    }
}

#[test]
fn what_is_no_grey_form_is_refused() {
    #[track_caller]
    fn says<T>(result: Result<T, Error>, message: &str) {
        match result {
            Ok(_) => panic!("accepted instead of: {message}"),
            Err(error) => assert_eq!(error.to_string(), message),
        }
    }
    let new = |weights| Greyscale::new(weights, 2, ChannelOrder::Planar);
    says(
        new(array![]),
        "`the number of channels` is 0, but must be at least 1",
    );
    says(
        Greyscale::of_mean(3, 0, ChannelOrder::Planar),
        "`n_pixels` is 0, but must be at least 1",
    );
    says(
        new(array![0.5, f64::NAN]),
        "`weights[1]` is NaN, but must be finite",
    );
    for weights in [array![0.0, 0.0], array![1e200, 0.0], array![1e-200, 0.0]] {
        assert!(new(weights).is_err());
    }
    says(
        LinearObservation::of_grey(luma(ChannelOrder::Planar), array![1.0], 0.1),
        "`values` has shape [1], but must have shape [2]",
    );
    says(
        KnownGrey::new(luma(ChannelOrder::Planar), array![1.0, f64::INFINITY]),
        "`values[1]` is inf, but must be finite",
    );
    let known = KnownGrey::new(luma(ChannelOrder::Planar), array![1.0, 0.0]).unwrap();
    let noise = FreshNoise::new(Seed::new(1));
    says(
        FixedSteps::new(TimeGrid::uniform(1.0, 0.0, 4).unwrap()).solve(
            &Replacement::new(EulerMaruyama, known),
            &ReverseSde::new(process(), two_modes(4)),
            noise.normal((2, 4)),
            &noise,
        ),
        "`the dimension of the pictures` is 6, but must be 4, that of the score; 3 channels times 2 pixels make a row",
    );
}
