use gibbsian_core::{Density, Energy, Score, ScoreJvp, Seed};
use gibbsian_densities::{Independent, Mixture, SmoothDensity};
use gibbsian_testkit::conformance;
use gibbsian_testkit::differences::Precision;
use gibbsian_testkit::stats::{FALSE_ALARM, binomial};
use ndarray::{Array1, Array2, array};
use proptest::prelude::*;

use crate::combine::support::{Exponential, Laplace, chain, normal, normals};
use crate::common::reference;

fn plane() -> Mixture<gibbsian_densities::LinearGaussianChain> {
    let components = (0..3).map(|k| chain(2, Seed::new(40).nth(k))).collect();
    Mixture::new(array![0.2, 0.5, 0.3], components).unwrap()
}

fn heterogeneous() -> Mixture<Box<dyn SmoothDensity>> {
    let pair = Independent::new(vec![normal(1.0, 0.5), normal(-1.0, 2.0)]).unwrap();
    let nested = plane();
    Mixture::<Box<dyn SmoothDensity>>::new(array![0.6, 0.4], vec![Box::new(pair), Box::new(nested)]).unwrap()
}

#[test]
fn conforms() {
    let x = normals((7, 2), Seed::new(1));
    for mixture in [
        &plane() as &dyn SmoothDensity,
        &heterogeneous(),
        &Mixture::new(array![1.0], vec![chain(2, Seed::new(3))]).unwrap(),
    ] {
        conformance::density(&mixture, 0.2, Precision::DOUBLE, Seed::new(2)).unwrap();
        conformance::energy(&mixture, x.view(), Precision::DOUBLE).unwrap();
        conformance::score(&mixture, x.view(), Precision::DOUBLE).unwrap();
        conformance::potential(&mixture, x.view(), Precision::DOUBLE).unwrap();
        conformance::score_jvp(&mixture, x.view(), Precision::DOUBLE).unwrap();
    }
    let line = Mixture::new(array![0.3, 0.7], vec![normal(-2.0, 0.3), normal(1.0, 1.0)]).unwrap();
    conformance::density(&line, 0.1, Precision::DOUBLE, Seed::new(4)).unwrap();
}

#[test]
fn agrees_with_fifty_digits() {
    reference::log_density_and_score("mixture", |p| {
        let (kinds, locations, scales) = (p.matrix("kinds"), p.matrix("locations"), p.matrix("scales"));
        let factor = |k: usize, d: usize| -> Box<dyn SmoothDensity> {
            let (location, scale) = (locations[[k, d]], scales[[k, d]]);
            match kinds[[k, d]] as u8 {
                0 => Box::new(normal(location, scale)),
                1 => Box::new(Laplace { location, scale }),
                _ => Box::new(Exponential(scale)),
            }
        };
        let component = |k| Independent::new((0..kinds.ncols()).map(|d| factor(k, d)).collect()).unwrap();
        Mixture::new(p.vector("weights"), (0..kinds.nrows()).map(component).collect()).unwrap()
    });
}

#[test]
fn a_component_without_density_at_a_point_does_not_spoil_it() {
    let mixture = Mixture::<Box<dyn SmoothDensity>>::new(
        array![0.5, 0.5],
        vec![Box::new(Exponential(2.0)), Box::new(normal(0.0, 1.0))],
    )
    .unwrap();
    let x = array![[-1.5], [0.7], [-30.0]];
    let alone = normal(0.0, 1.0);
    let log_p = mixture.log_density(x.view());
    assert_eq!(log_p[0], alone.log_density(x.view())[0] + 0.5_f64.ln());
    assert_eq!(mixture.posterior(x.view()).row(0), array![0.0, 1.0]);
    assert_eq!(mixture.score(x.view())[[0, 0]], 1.5);
    assert_eq!(mixture.divergence(x.view())[0], -1.0);
    let (mut score, mut jvp) = (x.clone(), x.clone());
    mixture.score_jvp_into(
        x.view(),
        Array2::ones((3, 1)).view(),
        score.view_mut(),
        jvp.view_mut(),
    );
    assert_eq!(jvp[[0, 0]], -1.0);
    assert!(score[[1, 0]].is_finite() && jvp[[1, 0]].is_finite());
    conformance::density(&mixture, 0.1, Precision::DOUBLE, Seed::new(5)).unwrap();
}

#[test]
fn outside_every_support_the_density_is_zero_and_the_score_unknown() {
    let mixture = Mixture::new(array![0.5, 0.5], vec![Exponential(2.0), Exponential(1.0)]).unwrap();
    let x = array![[-1.0], [f64::NAN], [1.0]];
    let log_p = mixture.log_density(x.view());
    assert_eq!(log_p[0], f64::NEG_INFINITY);
    assert_eq!(mixture.energy(x.view())[0], f64::INFINITY);
    assert!(log_p[1].is_nan() && log_p[2].is_finite());
    let (score, posterior) = (mixture.score(x.view()), mixture.posterior(x.view()));
    assert!(score[[0, 0]].is_nan() && score[[1, 0]].is_nan() && score[[2, 0]].is_finite());
    assert!(posterior.row(0).iter().all(|r| r.is_nan()) && posterior.row(1).iter().all(|r| r.is_nan()));
}

#[test]
fn a_weight_of_zero_removes_its_component() {
    let mixture = Mixture::new(
        array![0.0, 1.0, 0.0],
        vec![normal(0.0, 1.0), normal(3.0, 2.0), normal(0.0, 1.0)],
    )
    .unwrap();
    let x = normals((5, 1), Seed::new(6));
    assert_eq!(
        mixture.log_density(x.view()),
        normal(3.0, 2.0).log_density(x.view())
    );
    assert_eq!(mixture.score(x.view()), normal(3.0, 2.0).score(x.view()));
    assert!((mixture.sample(4000, &mut Seed::new(7).rng()).mean().unwrap() - 3.0).abs() < 0.2);
}

#[test]
fn far_tails_neither_overflow_nor_vanish() {
    let mixture = Mixture::new(array![0.5, 0.5], vec![normal(-1.0, 1.0), normal(1.0, 1.0)]).unwrap();
    let x = array![[1e6], [-1e6], [1e150]];
    let (score, log_p) = (mixture.score(x.view()), mixture.log_density(x.view()));
    assert_eq!(score[[0, 0]], 1.0 - 1e6);
    assert_eq!(score[[1, 0]], 1e6 - 1.0);
    assert_eq!(score[[2, 0]], -1e150);
    assert!(log_p.iter().all(|l| l.is_finite()));
}

#[test]
fn components_are_drawn_by_their_weights() {
    // Components far apart tell themselves.
    let weights = array![0.1, 0.6, 0.3];
    let mixture = Mixture::new(
        weights.clone(),
        vec![normal(-100.0, 1.0), normal(0.0, 1.0), normal(100.0, 1.0)],
    )
    .unwrap();
    let n = 20_000;
    let x = mixture.sample(n, &mut Seed::new(8).rng());
    for (k, centre) in [-100.0, 0.0, 100.0].into_iter().enumerate() {
        let count = x.iter().filter(|&&x| (x - centre).abs() < 50.0).count();
        binomial("component", count as u64, n as u64, weights[k]).assert(FALSE_ALARM);
    }
}

#[test]
fn draws_are_pinned() {
    let x = plane().sample(40, &mut Seed::new(9).rng());
    assert_eq!([x[[0, 0]], x[[0, 1]], x[[39, 1]]], PINNED);
}

const PINNED: [f64; 3] = [0.6993831080441353, 0.6049892472925797, 2.894649516468834];

#[test]
fn bad_parts_are_refused() {
    let refuse =
        |weights: Array1<f64>, components: Vec<_>| Mixture::new(weights, components).unwrap_err().to_string();
    let (one, two) = (chain(1, Seed::new(1)), chain(2, Seed::new(1)));
    assert_eq!(
        refuse(array![], vec![]),
        "`the number of components` is 0, but must be at least 1"
    );
    assert_eq!(
        refuse(array![1.0], vec![one.clone(), one.clone()]),
        "`weights` has shape [1], but must have shape [2]"
    );
    assert_eq!(
        refuse(array![1.5, -0.5], vec![one.clone(), one.clone()]),
        "`weights[1]` is -0.5, but must be finite and at least zero"
    );
    assert_eq!(
        refuse(array![f64::NAN, 0.5], vec![one.clone(), one.clone()]),
        "`weights[0]` is NaN, but must be finite and at least zero"
    );
    assert_eq!(
        refuse(array![0.5, 0.25], vec![one.clone(), one.clone()]),
        "`the sum of weights` is 0.75, but must be within 1e-8 of 1; divide the weights by their sum"
    );
    assert_eq!(
        refuse(array![0.5, 0.5], vec![one, two]),
        "`the dimension of components[1]` is 2, but must be 1, that of the first"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// A mixture of equal components is the component, and posteriors sum to one.
    #[test]
    fn equal_components_are_one(seed in 0u64..1 << 40, w in 0.0f64..1.0) {
        let component = chain(2, Seed::new(seed));
        let mixture = Mixture::new(array![w, 1.0 - w], vec![&component, &component]).unwrap();
        let x = 3.0 * normals((3, 2), Seed::new(seed).nth(1));
        let (own, mixed) = (component.score(x.view()), mixture.score(x.view()));
        for (a, b) in own.iter().zip(&mixed) {
            prop_assert!((a - b).abs() <= 4.0 * f64::EPSILON * a.abs());
        }
        for (a, b) in component.log_density(x.view()).iter().zip(mixture.log_density(x.view())) {
            prop_assert!((a - b).abs() <= 8.0 * f64::EPSILON * (1.0 + a.abs()));
        }
        for row in mixture.posterior(x.view()).rows() {
            prop_assert!((row.sum() - 1.0).abs() <= 4.0 * f64::EPSILON);
        }
    }
}
