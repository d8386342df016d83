//! Brownian motions: the law of what they give, and that parts compose.

use gibbsian_core::Seed;
use gibbsian_sde::{BrownianMotion, StoredPath, TimeGrid};
use ndarray::Array2;

/// What a block says of an interval.
fn ask(path: &dyn BrownianMotion, shape: (usize, usize), from: f64, to: f64) -> (Array2<f64>, Array2<f64>) {
    let (mut w, mut h) = (Array2::zeros(shape), Array2::zeros(shape));
    path.block(0, 0)
        .increment_and_area_into(from, to, w.view_mut(), h.view_mut());
    (w, h)
}

#[test]
fn integrals_of_a_stored_path_compose_and_do_not_depend_on_the_direction() {
    let shape = (5, 3);
    let times = ndarray::array![0.0, 0.1, 0.25, 0.7, 1.0];
    let path = StoredPath::draw(TimeGrid::new(times).unwrap(), shape, Seed::new(1)).unwrap();
    let integral = |from: f64, to: f64| {
        let (w, h) = ask(&path, shape, from, to);
        ((&w * 0.5 + h) * (to - from), w)
    };
    let (whole, w) = integral(0.0, 1.0);
    for middle in [0.1, 0.25, 0.7] {
        let ((first, w_first), (second, w_second)) = (integral(0.0, middle), integral(middle, 1.0));
        let sum = first + second + &w_first * (1.0 - middle);
        assert!((sum - &whole).iter().all(|e| e.abs() < 1e-14));
        assert!((w_first + w_second - &w).iter().all(|e| e.abs() < 1e-14));
    }
    let ((w, h), (back, same)) = (ask(&path, shape, 0.1, 0.7), ask(&path, shape, 0.7, 0.1));
    assert_eq!((w, h), (-back, same));
}
