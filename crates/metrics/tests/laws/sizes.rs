//! Numbers and distances of any size, and what is no number.

use crate::common::{close, normals};
use gibbsian_core::Seed;
use gibbsian_metrics::*;
use ndarray::array;

const SEED: Seed = Seed::new(13);

/// The size of the numbers does not count, but that of the distances, at orders whose powers overflow or vanish.
#[test]
fn transport_counts_distances_and_not_the_size_of_the_numbers() {
    for order in [1.0, 2.0, 64.0, 1000.0, 1e5] {
        let of = |x: f64, y: f64| wasserstein(array![x].view(), array![y].view(), order).unwrap();
        assert_eq!(of(1e6, 1e6 + 1e-3), 1e6 + 1e-3 - 1e6);
        assert_eq!(of(1.4, -1.4), 2.8);
        assert_eq!(of(1e308, -0.5e308), 1.5e308);
        assert_eq!(of(1e300, 1e300), 0.0);
        // Half of the mass moves by one, and nothing else.
        let (x, y) = (array![0.0, 1e6], array![0.0, 1e6 + 1.0]);
        let half = 0.5f64.powf(1.0 / order);
        close(
            "half",
            wasserstein(x.view(), y.view(), order).unwrap(),
            half,
            1e-14,
        );
        let points = array![[1e6, 0.0], [-1e6, 3.0]];
        let sliced = |shift: f64| {
            let y = &points + &array![shift, 0.0];
            sliced_wasserstein(points.view(), y.view(), order, 20, &mut SEED.rng()).unwrap()
        };
        let same = sliced(0.0);
        assert_eq!((same.value, same.standard_error, same.largest), (0.0, 0.0, 0.0));
        let moved = sliced(1e-3);
        assert!(0.0 < moved.value && moved.value <= moved.largest && moved.largest < 1.001e-3);
        assert!(moved.standard_error > 0.0);
    }
}

#[test]
fn statistics_that_are_no_numbers_are_not_perfect_ones() {
    struct Broken;
    impl RadialKernel for Broken {
        fn profile(&self, _: f64) -> Profile {
            Profile {
                value: f64::NAN,
                first: f64::NAN,
                second: f64::NAN,
            }
        }
    }
    let x = normals(4, 2, SEED.nth(20));
    let found = kernel_stein_discrepancy(x.view(), (-&x).view(), &Broken).unwrap();
    assert!(found.value().is_nan());
    // Two traces whose sum overflows.
    let (zero, large) = (array![0.0], array![[1e308]]);
    let found = frechet_distance(zero.view(), large.view(), zero.view(), large.view()).unwrap();
    assert!(found.is_nan());
}
