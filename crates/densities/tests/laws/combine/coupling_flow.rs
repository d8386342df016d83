use gibbsian_core::{Density, EnergyPullback, Parametric, ParametricMut, ScorePullback, Seed};
use gibbsian_densities::{CouplingFlow, CouplingOptions, LinearGaussianChain, Mixture, SecondScoreJvp};
use gibbsian_testkit::conformance;
use gibbsian_testkit::differences::{Precision, derivative};
use ndarray::{Array1, Array2, array};
use proptest::prelude::*;

use crate::combine::support::{chain, mass_in_the_plane, normals, standard};
use crate::common::reference;

/// A flow far from the identity.
fn generic<B: Density>(base: B, n_layers: usize, size: f64, seed: Seed) -> CouplingFlow<B> {
    let options = CouplingOptions {
        n_layers,
        n_hidden: 5,
        largest_log_scale: 1.5,
    };
    let mut flow = CouplingFlow::new(base, options, seed).unwrap();
    let params = size * &normals((1, flow.n_params()), seed.child("params")).row(0);
    flow.set_params(params.view()).unwrap();
    flow
}

fn bimodal() -> Mixture<LinearGaussianChain> {
    let components = (0..2).map(|k| chain(2, Seed::new(100).nth(k))).collect();
    Mixture::new(array![0.5, 0.5], components).unwrap()
}

#[test]
fn conforms() {
    let precision = Precision::DOUBLE;
    let x = normals((5, 3), Seed::new(101));
    let mut flow = generic(chain(3, Seed::new(102)), 3, 0.5, Seed::new(103));
    conformance::density(&flow, 0.1, precision, Seed::new(104)).unwrap();
    conformance::energy(&flow, x.view(), precision).unwrap();
    conformance::score(&flow, x.view(), precision).unwrap();
    conformance::potential(&flow, x.view(), precision).unwrap();
    conformance::score_jvp(&flow, x.view(), precision).unwrap();
    conformance::parametric(&mut flow).unwrap();
    conformance::energy_pullback(&mut flow, x.view(), precision).unwrap();
    conformance::score_pullback(&mut flow, x.view(), precision).unwrap();

    let (mut flow, x) = (
        generic(bimodal(), 2, 0.5, Seed::new(105)),
        normals((4, 2), Seed::new(106)),
    );
    conformance::potential(&flow, x.view(), precision).unwrap();
    conformance::score_jvp(&flow, x.view(), precision).unwrap();
    conformance::energy_pullback(&mut flow, x.view(), precision).unwrap();
    conformance::score_pullback(&mut flow, x.view(), precision).unwrap();
}

/// Third derivatives, by two infinitesimals: of a flow on a normal density, whose base adds nothing to them, and of a flow on a flow, whose base does.
#[test]
fn third_derivatives_conform() {
    let precision = Precision::DOUBLE;
    let x = normals((5, 3), Seed::new(116));
    let base = || generic(chain(3, Seed::new(117)), 2, 0.5, Seed::new(118));
    let mut on_flow = generic(base(), 3, 0.5, Seed::new(119));
    conformance::score_jvp_pullback(&mut base(), x.view(), precision).unwrap();
    conformance::score_jvp_pullback(&mut on_flow, x.view(), precision).unwrap();
    // The second derivative of the score is the derivative of its Jacobian-vector product.
    let (v, w) = (normals((5, 3), Seed::new(120)), normals((5, 3), Seed::new(121)));
    for flow in [&base() as &dyn SecondScoreJvp, &on_flow] {
        let found = flow.second_score_jvp(x.view(), v.view(), w.view());
        let mut moved = |h: f64| {
            let (mut score, mut jvp) = (Array2::zeros((5, 3)), Array2::zeros((5, 3)));
            flow.score_jvp_into(
                (&x + &(&w * h)).view(),
                v.view(),
                score.view_mut(),
                jvp.view_mut(),
            );
            Ok(jvp.into_iter().collect())
        };
        let expected = derivative(&mut moved, 1.0, precision).unwrap();
        for (found, expected) in found.iter().zip(expected) {
            let allowed = 2.0 * expected.error() + precision.relative * expected.value.abs();
            assert!(allowed < 1e-8, "{expected:?}");
            assert!((found - expected.value).abs() <= allowed, "{found} {expected:?}");
        }
        // Which direction comes first is nothing.
        let swapped = flow.second_score_jvp(x.view(), w.view(), v.view());
        assert!((&found - &swapped).iter().all(|d| d.abs() <= 1e-12));
        assert!(found.iter().any(|d| d.abs() > 0.1));
    }
    // NaN in, NaN out.
    let lost = array![[0.1, f64::NAN, 0.2]];
    let row = |x: &Array2<f64>| x.slice(ndarray::s![..1, ..]).to_owned();
    let bent = chain(3, Seed::new(117)).second_score_jvp(lost.view(), row(&v).view(), row(&w).view());
    assert!(bent.iter().all(|b| b.is_nan()));
}

#[test]
fn agrees_with_fifty_digits() {
    reference::log_density_and_score("coupling_flow", |p| {
        let options = CouplingOptions {
            n_layers: p.number("n_layers") as usize,
            n_hidden: p.number("n_hidden") as usize,
            largest_log_scale: p.number("largest_log_scale"),
        };
        let mut flow = CouplingFlow::new(standard(p.number("dim") as usize), options, Seed::new(0)).unwrap();
        flow.set_params(p.vector("params").view()).unwrap();
        flow
    });
}

#[test]
fn has_mass_one() {
    let flow = generic(standard(2), 4, 0.4, Seed::new(107));
    let mass = mass_in_the_plane(&flow, 40.0, 0.05);
    assert!((mass - 1.0).abs() < 1e-9, "{mass}");
}

#[test]
fn without_weights_it_is_its_base() {
    let mut flow = generic(bimodal(), 4, 1.0, Seed::new(108));
    flow.set_params(Array1::zeros(flow.n_params()).view()).unwrap();
    let x = normals((20, 2), Seed::new(109));
    assert_eq!(flow.log_density(x.view()), flow.base().log_density(x.view()));
    assert_eq!(flow.to_base(x.view()), (x.clone(), Array1::zeros(20)));
}

#[test]
fn it_can_be_trained_by_maximum_likelihood() {
    // Plain gradient descent on the energy at the data, with no samples: a normal bends into a parabola. The entropy of the data's law is
    // log 2πe + log 0.3 = 1.63, that of the best normal log 2πe + ½ log 2.09 = 3.21.
    let mut data = normals((128, 2), Seed::new(110));
    for mut row in data.rows_mut() {
        row[1] = 0.3 * row[1] + row[0] * row[0] - 1.0;
    }
    let options = CouplingOptions {
        n_layers: 4,
        n_hidden: 8,
        ..CouplingOptions::default()
    };
    let mut flow = CouplingFlow::new(standard(2), options, Seed::new(111)).unwrap();
    let before = flow.log_density(data.view()).mean().unwrap();
    let weights = Array1::from_elem(128, 1.0 / 128.0);
    for _ in 0..1000 {
        let mut gradient = Array1::zeros(flow.n_params());
        flow.energy_pullback_into(data.view(), weights.view(), gradient.view_mut());
        let params = flow.params() - 0.01 * gradient;
        flow.set_params(params.view()).unwrap();
    }
    let after = flow.log_density(data.view()).mean().unwrap();
    assert!(before < -3.0 && after > -2.4, "from {before} to {after}");
}

#[test]
fn gradients_do_not_depend_on_the_number_of_threads() {
    let (flow, x) = (
        generic(bimodal(), 2, 0.5, Seed::new(112)),
        normals((700, 2), Seed::new(113)),
    );
    gibbsian_testkit::threads::same_on_any_number("gradients", || {
        let mut gradient = Array1::zeros(flow.n_params());
        flow.energy_pullback_into(x.view(), Array1::ones(700).view(), gradient.view_mut());
        flow.score_pullback_into(x.view(), x.view(), gradient.view_mut());
        gradient
    })
    .unwrap();
}

#[test]
fn draws_are_pinned() {
    let x = generic(bimodal(), 4, 0.5, Seed::new(114)).sample(33, &mut Seed::new(115).rng());
    assert_eq!([x[[0, 0]], x[[0, 1]], x[[32, 1]]], PINNED);
}

const PINNED: [f64; 3] = [3.062029748308373, 0.8868494860356537, -2.018827165958294];

#[test]
fn bad_input_is_refused() {
    let refuse = |dim, options| {
        CouplingFlow::new(standard(dim), options, Seed::new(0))
            .unwrap_err()
            .to_string()
    };
    let options = CouplingOptions::default();
    assert_eq!(
        refuse(1, options),
        "`the dimension of the base` is 1, but must be at least 2, as one half of the coordinates moves the other"
    );
    assert_eq!(
        refuse(
            2,
            CouplingOptions {
                n_layers: 0,
                ..options
            }
        ),
        "`n_layers` is 0, but must be at least 1"
    );
    assert_eq!(
        refuse(
            2,
            CouplingOptions {
                n_hidden: 0,
                ..options
            }
        ),
        "`n_hidden` is 0, but must be at least 1"
    );
    assert_eq!(
        refuse(
            2,
            CouplingOptions {
                largest_log_scale: f64::INFINITY,
                ..options
            }
        ),
        "`largest_log_scale` is inf, but must be finite and greater than zero"
    );
    let mut flow = CouplingFlow::new(standard(2), options, Seed::new(0)).unwrap();
    let mut params = flow.params();
    params[1] = f64::NAN;
    assert_eq!(
        flow.set_params(params.view()).unwrap_err().to_string(),
        "`layers.0.hidden_weights[1, 0]` is NaN, but must be finite"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// There and back again, and the determinant is that of the numbers that come out: a density is carried along.
    #[test]
    fn maps_are_inverse(seed in 0u64..1 << 40, dim in 2usize..6, n_layers in 1usize..7) {
        let flow = generic(standard(dim), n_layers, 0.6, Seed::new(seed));
        let z = normals((3, dim), Seed::new(seed).nth(1));
        let x = flow.from_base(z.view());
        let (back, log_det) = flow.to_base(x.view());
        let scale = x.iter().fold(1.0f64, |m, v| m.max(v.abs()));
        prop_assert!((back - &z).iter().all(|d| d.abs() <= 1e-12 * scale));
        prop_assert!(log_det.iter().all(|l| l.abs() <= 1.5 * (n_layers * dim) as f64));
    }

    /// log|det| is that of the Jacobian, by LU factorisation of differences.
    #[test]
    fn the_determinant_is_that_of_the_jacobian(seed in 0u64..1 << 40) {
        let flow = generic(standard(3), 4, 0.4, Seed::new(seed));
        let x = normals((1, 3), Seed::new(seed).nth(1));
        let mut jacobian = Array2::zeros((3, 3));
        for i in 0..3 {
            let moved = |step: f64| {
                let mut x = x.clone();
                x[[0, i]] += step;
                flow.to_base(x.view()).0.row(0).to_owned()
            };
            let h = 1e-3;
            // The fourth-order difference.
            let slope = (8.0 * (moved(h) - moved(-h)) - (moved(2.0 * h) - moved(-2.0 * h))) / (12.0 * h);
            jacobian.column_mut(i).assign(&slope);
        }
        let expected = gibbsian_linalg::Lu::new("jacobian", jacobian.view()).unwrap().log_abs_det();
        prop_assert!((flow.to_base(x.view()).1[0] - expected).abs() < 1e-6);
    }
}
