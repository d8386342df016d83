//! The weights of UniPC against quadrature.

#[path = "../../src/schemes/unipc/weights.rs"]
mod weights;

use weights::{MAX_VALUES, Weights, moments};

/// `∫₀¹ e^{hr} r^k dr` by Simpson's rule.
fn integral(h: f64, k: i32) -> f64 {
    let n = 2_000;
    let f = |i: usize| {
        let r = i as f64 / n as f64;
        (h * r).exp() * r.powi(k)
    };
    let inner: f64 = (1..n).map(|i| if i % 2 == 1 { 4.0 } else { 2.0 } * f(i)).sum();
    (f(0) + inner + f(n)) / (3.0 * n as f64)
}

#[test]
fn moments_are_integrals_on_both_sides_of_the_series() {
    for h in [1e-9, 0.1, 0.999, 1.001, 3.0, 8.0] {
        for (k, found) in moments(h).into_iter().enumerate() {
            let expected = integral(h, k as i32) / integral(h, 0);
            assert!(
                (found - expected).abs() < 1e-9,
                "h = {h}, k = {k}: {found}, {expected}"
            );
        }
    }
    let (below, above) = (moments(1.0 - 1e-13), moments(1.0 + 1e-13));
    assert!(below.iter().zip(above).all(|(a, b)| (a - b).abs() < 1e-12));
}

#[test]
fn weights_integrate_polynomials_exactly() {
    assert_eq!(Weights::constant().each().collect::<Vec<_>>(), [1.0]);
    let levels = [0.7, 0.2, -0.4, -1.5];
    for n in 1..=MAX_VALUES {
        for (start, length) in [(0.7, 0.3), (0.2, 0.5), (0.7, 2.5)] {
            let weights = Weights::new(&levels[..n], start, length);
            for k in 0..n as i32 {
                let found: f64 = weights.each().zip(levels).map(|(w, l)| w * l.powi(k)).sum();
                let mean = |k: i32| integral(length, k) / integral(length, 0);
                // (start + length r)^k under the density.
                let expected: f64 = (0..=k)
                    .map(|i| {
                        let choose = [
                            [1.0, 0.0, 0.0, 0.0],
                            [1.0, 1.0, 0.0, 0.0],
                            [1.0, 2.0, 1.0, 0.0],
                            [1.0, 3.0, 3.0, 1.0],
                        ];
                        choose[k as usize][i as usize] * start.powi(k - i) * length.powi(i) * mean(i)
                    })
                    .sum();
                assert!(
                    (found - expected).abs() < 1e-9,
                    "{n} values, power {k}: {found}, {expected}"
                );
            }
        }
    }
}
