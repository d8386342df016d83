use gibbsian_core::{Density, Energy, Seed, Space};
use gibbsian_densities::{Independent, LinearGaussianChain, Mixture, SmoothDensity};
use gibbsian_testkit::conformance;
use gibbsian_testkit::differences::Precision;
use gibbsian_testkit::targets::Pairwise;
use ndarray::{Array2, array, s};

use crate::combine::support::{Exponential, chain, normal, normals};

fn mixed() -> Independent<Box<dyn SmoothDensity>> {
    let mixture = Mixture::new(array![0.5, 0.5], vec![normal(-1.0, 0.6), normal(1.0, 0.8)]).unwrap();
    Independent::new(vec![
        Box::new(chain(2, Seed::new(20))) as Box<dyn SmoothDensity>,
        Box::new(mixture),
    ])
    .unwrap()
}

#[test]
fn conforms() {
    let (product, x) = (mixed(), normals((6, 3), Seed::new(21)));
    assert_eq!(product.dim(), 3);
    conformance::density(&product, 0.25, Precision::DOUBLE, Seed::new(22)).unwrap();
    conformance::energy(&product, x.view(), Precision::DOUBLE).unwrap();
    conformance::score(&product, x.view(), Precision::DOUBLE).unwrap();
    conformance::potential(&product, x.view(), Precision::DOUBLE).unwrap();
    conformance::score_jvp(&product, x.view(), Precision::DOUBLE).unwrap();
}

#[test]
fn finite_parts_make_a_finite_space() {
    let part = |n: usize, seed| {
        let j = normals((n, n), Seed::new(seed));
        let couplings = Array2::from_shape_fn(
            (n, n),
            |(i, k)| if i == k { 0.0 } else { j[[i.min(k), i.max(k)]] },
        );
        Pairwise::new(normals((1, n), Seed::new(seed + 1)).row(0).to_owned(), couplings).unwrap()
    };
    let product = Independent::new(vec![part(2, 30), part(3, 32)]).unwrap();
    let states = gibbsian_core::Discrete::states(&product).unwrap();
    assert_eq!(states.nrows(), 32);
    conformance::discrete(&product).unwrap();
    conformance::discrete_energy(&product, states.view(), Precision::DOUBLE).unwrap();
}

#[test]
fn log_densities_add() {
    let (first, second) = (chain(3, Seed::new(23)), chain(2, Seed::new(24)));
    let product = Independent::new(vec![&first, &second]).unwrap();
    let x = normals((50, 5), Seed::new(25));
    let sum = first.log_density(x.slice(s![.., ..3])) + second.log_density(x.slice(s![.., 3..]));
    assert_eq!(product.log_density(x.view()), sum);
    assert_eq!(product.log_z(), first.log_z() + second.log_z());
}

#[test]
fn a_coordinate_outside_its_support_puts_the_point_outside() {
    let product = Independent::new(vec![Exponential(1.0), Exponential(3.0)]).unwrap();
    let x = array![[1.0, -1.0], [1.0, 1.0], [f64::NAN, 1.0]];
    assert_eq!(product.energy(x.view())[0], f64::INFINITY);
    assert_eq!(product.log_density(x.view())[0], f64::NEG_INFINITY);
    assert!((product.log_density(x.view())[1] - (3.0_f64.ln() - 4.0)).abs() < 1e-15);
    assert!(product.log_density(x.view())[2].is_nan());
    // Also where another coordinate is at a pole.
    let gamma = gibbsian_densities::Gamma::new(0.5, 1.0).unwrap();
    let parts: Vec<Box<dyn SmoothDensity>> =
        vec![Box::new(gamma), Box::new(Exponential(1.0)), Box::new(gamma)];
    let product = Independent::new(parts).unwrap();
    let x = array![[0.0, -1.0, 0.0], [0.0, 1.0, 0.0]];
    assert_eq!(product.energy(x.view()), array![f64::INFINITY, f64::NEG_INFINITY]);
    assert_eq!(
        product.log_density(x.view()),
        array![f64::NEG_INFINITY, f64::INFINITY]
    );
}

#[test]
#[should_panic(expected = "x has shape [1, 3]")]
fn a_score_of_another_shape_panics_with_both_shapes() {
    use gibbsian_core::Score;
    let product = Independent::new(vec![Exponential(1.0), Exponential(3.0)]).unwrap();
    product.score(array![[1.0, 2.0, 3.0]].view());
}

#[test]
fn draws_are_pinned() {
    let x = mixed().sample(33, &mut Seed::new(26).rng());
    assert_eq!([x[[0, 0]], x[[0, 2]], x[[32, 1]]], PINNED);
}

const PINNED: [f64; 3] = [-0.459473487667446, 2.3665544594106347, 1.1498844163212287];

#[test]
fn no_parts_are_refused() {
    assert_eq!(
        Independent::<LinearGaussianChain>::new(vec![])
            .unwrap_err()
            .to_string(),
        "`the number of parts` is 0, but must be at least 1"
    );
}
