//! Lévy areas: how they compose, and their laws.

use gibbsian_core::Seed;
use gibbsian_sde::{BrownianBlock, BrownianMotion, FreshNoise, StoredPath, TimeGrid};
use gibbsian_testkit::stats::{family, mean};
use ndarray::{Array2, ArrayView1, ArrayViewMut2};

#[test]
fn areas_of_a_stored_path_compose_and_turn_with_time() {
    let path = StoredPath::draw(TimeGrid::uniform(0.0, 1.0, 8).unwrap(), (3, 3), Seed::new(47))
        .unwrap()
        .with_levy_areas(3)
        .unwrap();
    let mut block = path.block(0, 0);
    let mut ask = |from, to| {
        let (mut w, mut a) = (Array2::zeros((3, 3)), Array2::zeros((3, 3)));
        block.increment_and_levy_area_into(from, to, 0, w.view_mut(), a.view_mut());
        (w, a)
    };
    let (all, early, late, back) = (ask(0.0, 1.0), ask(0.0, 0.375), ask(0.375, 1.0), ask(1.0, 0.0));
    for b in 0..3 {
        for (pair, (j, k)) in [(0, 1), (0, 2), (1, 2)].into_iter().enumerate() {
            let cross = 0.5 * (early.0[[b, j]] * late.0[[b, k]] - early.0[[b, k]] * late.0[[b, j]]);
            let composed = early.1[[b, pair]] + late.1[[b, pair]] + cross;
            assert!((composed - all.1[[b, pair]]).abs() < 1e-14);
        }
    }
    assert_eq!((back.0, back.1), (-&all.0, -&all.1));
    let mut plain = Array2::zeros((3, 3));
    path.block(0, 0).increment_into(0.0, 1.0, plain.view_mut());
    assert!((plain - all.0).iter().all(|e| e.abs() < 1e-14));
}

/// Increments, space-time areas and Lévy areas of one step of length `h` for three motions, as a motion that draws them gives them.
fn drawn(n_terms: usize, h: f64, n: usize, seed: u64) -> [Array2<f64>; 3] {
    /// What the block was asked for, kept.
    struct Watched<'a> {
        block: Box<dyn BrownianBlock + 'a>,
        area: Array2<f64>,
    }
    impl BrownianBlock for Watched<'_> {
        fn increment_into(&mut self, from: f64, to: f64, increment: ArrayViewMut2<f64>) {
            self.block.increment_into(from, to, increment);
        }
        fn increment_and_area_into(
            &mut self,
            from: f64,
            to: f64,
            increment: ArrayViewMut2<f64>,
            mut area: ArrayViewMut2<f64>,
        ) {
            self.block
                .increment_and_area_into(from, to, increment, area.view_mut());
            self.area = area.to_owned();
        }
        fn independent_into(&mut self, z: ArrayViewMut2<f64>) {
            self.block.independent_into(z);
        }
    }
    let noise = FreshNoise::new(Seed::new(seed));
    let mut watched = Watched {
        block: noise.block(0, 0),
        area: Array2::zeros((0, 0)),
    };
    let (mut w, mut levy) = (Array2::zeros((n, 3)), Array2::zeros((n, 3)));
    watched.increment_and_levy_area_into(0.0, -h, n_terms, w.view_mut(), levy.view_mut());
    [w, watched.area, levy]
}

/// A function of increments, space-time areas and Lévy areas of one row.
type Moment<'a> = dyn Fn(ArrayView1<f64>, ArrayView1<f64>, ArrayView1<f64>) -> f64 + 'a;

#[test]
fn drawn_areas_have_the_moments_of_their_law() {
    let (h, n) = (0.7, 20_000);
    let mut tests = Vec::new();
    for (n_terms, seed) in [(0, 51), (1, 52), (3, 53), (1200, 54)] {
        let n = if n_terms > 100 { 500 } else { n };
        let [w, area, levy] = drawn(n_terms, h, n, seed);
        let mut test = |name: &str, expected: f64, f: &Moment<'_>| {
            let values: Vec<f64> = (0..n).map(|b| f(w.row(b), area.row(b), levy.row(b))).collect();
            tests.push(mean(&format!("{name} with {n_terms} terms"), &values, expected));
        };
        // E[A_jk A_jl | ΔW] = (h/12)(δ_kl (h + ΔW_j²) + ΔW_k ΔW_l): the variance h²/4, and what it takes from the increments.
        test("mean", 0.0, &|_, _, a| a[0]);
        test("variance", h * h / 4.0, &|_, _, a| a[1] * a[1]);
        test("given increments", 5.0 / 6.0 * h.powi(3), &|w, _, a| {
            a[0] * a[0] * (w[0] * w[0] + w[1] * w[1])
        });
        test("of two pairs", h.powi(3) / 12.0, &|w, _, a| {
            a[0] * a[1] * w[1] * w[2]
        });
        test("of a pair and another", -h.powi(3) / 12.0, &|w, _, a| {
            a[0] * a[2] * w[0] * w[2]
        });
        // The mean H_j ΔW_k − H_k ΔW_j given both, and the variance h²/20 + (h/5)(H_j² + H_k²).
        test("regression", h * h / 6.0, &|w, s, a| {
            a[0] * (s[0] * w[1] - s[1] * w[0])
        });
        let rest =
            |w: ArrayView1<f64>, s: ArrayView1<f64>, a: ArrayView1<f64>| a[2] - (s[1] * w[2] - s[2] * w[1]);
        test("given both", 0.0, &|w, s, a| {
            rest(w, s, a).powi(2) - h * h / 20.0 - h / 5.0 * (s[1] * s[1] + s[2] * s[2])
        });
        test("given both, weighted", 0.0, &|w, s, a| {
            (rest(w, s, a).powi(2) - h * h / 20.0 - h / 5.0 * (s[1] * s[1] + s[2] * s[2])) * s[1] * s[1]
        });
    }
    family(&tests, 1e-6).unwrap();
}

#[test]
fn drawn_areas_have_the_characteristic_function_of_levy() {
    // E exp(iλA) = 1/cosh(λh/2); with 24 terms the rest has a hundredth of the variance, and is normal but for a part that is far below the Monte Carlo error.
    let (h, n) = (0.7, 40_000);
    let [_, _, levy] = drawn(24, h, n, 55);
    let mut tests = Vec::new();
    for lambda in [1.0, 2.0, 4.0, 8.0] {
        for pair in 0..3 {
            let values: Vec<f64> = levy.column(pair).iter().map(|a| (lambda * a).cos()).collect();
            tests.push(mean(
                &format!("λ = {lambda}, pair {pair}"),
                &values,
                1.0 / (0.5 * lambda * h).cosh(),
            ));
        }
    }
    family(&tests, 1e-6).unwrap();
}

#[test]
fn draws_are_pinned() {
    let path = StoredPath::draw(TimeGrid::uniform(0.0, 1.0, 2).unwrap(), (1, 2), Seed::new(58)).unwrap();
    let path = path.with_levy_areas(2).unwrap();
    let (mut w, mut a) = (Array2::zeros((1, 2)), Array2::zeros((1, 1)));
    path.block(0, 0)
        .increment_and_levy_area_into(0.0, 1.0, 2, w.view_mut(), a.view_mut());
    let stored = a[[0, 0]];
    FreshNoise::new(Seed::new(58))
        .block(0, 0)
        .increment_and_levy_area_into(0.0, 1.0, 2, w.view_mut(), a.view_mut());
    assert_eq!([stored, a[[0, 0]]], PINNED);
}

const PINNED: [f64; 2] = [-0.2679343311326856, -0.30163239827653177];
