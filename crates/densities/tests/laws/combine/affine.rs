use gibbsian_core::{Density, Score, Seed};
use gibbsian_densities::{Affine, Mixture};
use gibbsian_testkit::conformance;
use gibbsian_testkit::differences::Precision;
use ndarray::{Array2, array};
use proptest::prelude::*;

use crate::combine::support::{chain, mass_in_the_plane, normals, standard};
use crate::common::reference;

fn example() -> Affine<Mixture<gibbsian_densities::LinearGaussianChain>> {
    let components = (0..2).map(|k| chain(2, Seed::new(50).nth(k))).collect();
    let base = Mixture::new(array![0.4, 0.6], components).unwrap();
    Affine::new(base, array![[0.3, 1.2], [-1.5, 0.4]], array![0.5, -0.2]).unwrap()
}

#[test]
fn conforms() {
    let (affine, x) = (example(), normals((6, 2), Seed::new(51)));
    conformance::density(&affine, 0.25, Precision::DOUBLE, Seed::new(52)).unwrap();
    conformance::energy(&affine, x.view(), Precision::DOUBLE).unwrap();
    conformance::score(&affine, x.view(), Precision::DOUBLE).unwrap();
    conformance::potential(&affine, x.view(), Precision::DOUBLE).unwrap();
    conformance::score_jvp(&affine, x.view(), Precision::DOUBLE).unwrap();
}

#[test]
fn agrees_with_fifty_digits() {
    reference::log_density_and_score("affine", |p| {
        let offset = p.vector("offset");
        Affine::new(standard(offset.len()), p.matrix("matrix"), offset).unwrap()
    });
}

#[test]
fn has_mass_one() {
    let mass = mass_in_the_plane(&example(), 40.0, 0.1);
    assert!((mass - 1.0).abs() < 1e-12, "{mass}");
}

#[test]
fn rows_of_very_different_sizes_lose_no_digits() {
    // Elimination takes the huge row for its pivot, and the first coordinate is then the difference of numbers of 10¹⁵: without
    // refinement nothing is left of it. x is exact here.
    let affine = Affine::new(standard(2), array![[1.0, 1e16], [1.0, 1.0]], array![0.0, 0.0]).unwrap();
    let x = array![[3.75e15 + 0.5, 0.875]];
    assert_eq!(affine.from_base(array![[0.5, 0.375]].view()), x);
    let error = affine.to_base(x.view()) - array![[0.5, 0.375]];
    assert!(error.iter().all(|e| e.abs() <= 4.0 * f64::EPSILON), "{error}");
}

#[test]
fn draws_are_pinned() {
    let x = example().sample(33, &mut Seed::new(53).rng());
    assert_eq!([x[[0, 0]], x[[0, 1]], x[[32, 1]]], PINNED);
}

const PINNED: [f64; 3] = [6.996413271762641, -0.4100022189862969, 1.6051526581896112];

#[test]
fn what_is_no_change_of_variables_is_refused() {
    let refuse =
        |matrix: Array2<f64>, offset| Affine::new(standard(2), matrix, offset).unwrap_err().to_string();
    assert_eq!(
        refuse(array![[1.0, 2.0], [2.0, 4.0]], array![0.0, 0.0]),
        "`pivot 1 of 2 of the LU factorisation of matrix` is 0, but must be different from zero, as in an invertible matrix"
    );
    assert_eq!(
        refuse(Array2::eye(3), array![0.0, 0.0]),
        "`matrix` has shape [3, 3], but must have shape [2, 2]"
    );
    assert_eq!(
        refuse(Array2::eye(2), array![0.0, f64::INFINITY]),
        "`offset[1]` is inf, but must be finite"
    );
    assert_eq!(
        refuse(array![[1.0, 0.0], [0.0, f64::NAN]], array![0.0, 0.0]),
        "`matrix[1, 1]` is NaN, but must be finite"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// A chain is an affine image of the standard normal: `x = B⁻¹ D^½ z + B⁻¹ b`.
    #[test]
    fn a_linear_gaussian_chain_is_affine(seed in 0u64..1 << 40, dim in 1usize..5) {
        let chain = chain(dim, Seed::new(seed));
        let factor = gibbsian_linalg::Cholesky::new("covariance", chain.covariance().view()).unwrap();
        let affine = Affine::new(standard(dim), factor.lower().to_owned(), chain.mean()).unwrap();
        let x = 2.0 * normals((3, dim), Seed::new(seed).nth(1));
        for (a, b) in affine.log_density(x.view()).iter().zip(chain.log_density(x.view())) {
            prop_assert!((a - b).abs() <= 1e-10 * (1.0 + a.abs()), "{a} {b}");
        }
        let (a, b) = (affine.score(x.view()), chain.score(x.view()));
        let scale = b.iter().fold(1.0f64, |m, v| m.max(v.abs()));
        prop_assert!((a - b).iter().all(|d| d.abs() <= 1e-9 * scale));
    }

    /// There and back again.
    #[test]
    fn maps_are_inverse(seed in 0u64..1 << 40) {
        let z = normals((3, 2), Seed::new(seed));
        let affine = example();
        let back = affine.to_base(affine.from_base(z.view()).view());
        prop_assert!((back - &z).iter().all(|d| d.abs() <= 1e-14));
    }
}
