//! Brownian trees: the law of what they give, exactly for all times that they resolve, and that questions do not change the answers.

use gibbsian_core::Seed;
use gibbsian_core::special::normal_cdf;
use gibbsian_sde::{BrownianBlock, BrownianMotion, BrownianTree, TimeGrid};
use gibbsian_testkit::stats::{FALSE_ALARM, Test, family, kolmogorov_smirnov, z_test};
use gibbsian_testkit::threads::same_on_any_number;
use ndarray::{Array1, Array2, array};
use rayon::prelude::{IntoParallelIterator, ParallelIterator};

pub const SHAPE: (usize, usize) = (20_000, 2);

/// Increments and areas of an interval.
fn ask(
    block: &mut dyn BrownianBlock,
    shape: (usize, usize),
    from: f64,
    to: f64,
) -> (Array2<f64>, Array2<f64>) {
    let (mut w, mut area) = (Array2::zeros(shape), Array2::zeros(shape));
    block.increment_and_area_into(from, to, w.view_mut(), area.view_mut());
    (w, area)
}

fn tree(depth: u32) -> BrownianTree {
    BrownianTree::new(0.0, 1.0, Seed::new(1))
        .unwrap()
        .with_depth(depth)
        .unwrap()
}

/// Tests that increments and areas of [`SHAPE`] between these times are independent and have their variances: all means and all second moments.
pub fn law(motion: &dyn BrownianMotion, times: &[f64]) -> Vec<Test> {
    let mut block = motion.block(0, 0);
    // Standardised, in an order that jumps.
    let mut intervals: Vec<(f64, f64)> = times.windows(2).map(|t| (t[0], t[1])).collect();
    intervals.sort_by(|a, b| (7.0 * a.0).sin().total_cmp(&(7.0 * b.0).sin()));
    let mut numbers: Vec<Array1<f64>> = Vec::new();
    for (from, to) in intervals {
        let (w, area) = ask(block.as_mut(), SHAPE, from, to);
        let h = to - from;
        numbers.push(w.into_iter().map(|w| w / h.sqrt()).collect());
        numbers.push(area.into_iter().map(|a| a / (h / 12.0).sqrt()).collect());
    }
    let n = (SHAPE.0 * SHAPE.1) as f64;
    let mut tests = Vec::new();
    for (i, x) in numbers.iter().enumerate() {
        tests.push(z_test(
            &format!("mean of {i}"),
            x.sum() / n,
            0.0,
            n.sqrt().recip(),
        ));
        for (j, y) in numbers.iter().enumerate().take(i + 1) {
            let (expected, variance) = if i == j { (1.0, 2.0) } else { (0.0, 1.0) };
            let error = (variance / n).sqrt();
            tests.push(z_test(
                &format!("product of {i} and {j}"),
                x.dot(y) / n,
                expected,
                error,
            ));
        }
    }
    tests.push(kolmogorov_smirnov(
        "an increment",
        numbers[0].as_slice().unwrap(),
        normal_cdf,
    ));
    tests
}

#[test]
fn increments_and_areas_have_the_law_of_brownian_motion() {
    // One cut at any place; a few cuts at midpoints, with a last one anywhere; a deep tree.
    for at in [0.03, 0.3, 0.5, 0.9] {
        family(&law(&tree(0), &[0.0, at, 1.0]), FALSE_ALARM).unwrap();
    }
    family(
        &law(&tree(2), &[0.0, 0.1, 0.25, 0.4, 0.5, 0.7, 0.9, 1.0]),
        FALSE_ALARM,
    )
    .unwrap();
    family(&law(&tree(30), &[0.0, 0.123, 0.124, 0.55, 0.9]), FALSE_ALARM).unwrap();
}

#[test]
fn intervals_of_any_size_have_the_law_of_brownian_motion() {
    let deep = tree(48);
    let tiny = 2f64.powi(-40);
    family(&law(&deep, &[0.3, 0.3 + tiny, 0.3 + 3.3 * tiny]), FALSE_ALARM).unwrap();
    // An interval whose midpoints are rounded.
    let far = BrownianTree::new(1e6, 1e6 + 1e-3, Seed::new(2)).unwrap();
    let times = [0.0, 1.1, 4.7, 9.9].map(|share| 1e6 + 1e-4 * share);
    family(&law(&far, &times), FALSE_ALARM).unwrap();
}

#[test]
fn parts_compose_to_the_last_digits() {
    let shape = (5, 3);
    let tree = tree(40);
    let mut block = tree.block(3, 96);
    let mut integral = |from: f64, to: f64| {
        let (w, area) = ask(block.as_mut(), shape, from, to);
        ((&w * 0.5 + area) * (to - from), w)
    };
    for start in [0.0, 0.1, 0.375, 0.61] {
        for length in [0.3, 1e-3, 1e-6, 1e-9] {
            let end: f64 = start + length;
            let (whole, w) = integral(start, end);
            for share in [0.25, 0.5, 0.83] {
                let middle = start + share * length;
                let ((first, w_first), (second, w_second)) = (integral(start, middle), integral(middle, end));
                let sum = first + second + &w_first * (end - middle);
                let scale = (end - start).sqrt();
                assert!(
                    (sum - &whole)
                        .iter()
                        .all(|e| e.abs() < 1e-12 * scale * (end - start))
                );
                assert!((w_first + w_second - &w).iter().all(|e| e.abs() < 1e-12 * scale));
            }
        }
    }
}

#[test]
fn an_answer_does_not_depend_on_the_questions_before() {
    let shape = (4, 2);
    let tree = tree(20);
    let mut asked = tree.block(1, 32);
    let times = [0.0, 1.0, 0.4, 0.40001, 0.75, 0.3, 0.999, 0.5, 0.123];
    for from in times {
        for to in times {
            let (w, area) = ask(asked.as_mut(), shape, from, to);
            let fresh = ask(tree.block(1, 32).as_mut(), shape, from, to);
            assert_eq!((&w, &area), (&fresh.0, &fresh.1));
            // Backwards in time, and without the area.
            let (back, same) = ask(asked.as_mut(), shape, to, from);
            assert_eq!((&w, &area), (&-back, &same));
            let mut alone = Array2::zeros(shape);
            asked.increment_into(from, to, alone.view_mut());
            assert_eq!(w, alone);
        }
    }
    // Other numbers of rows are other paths, and no mixture of both.
    let other = ask(asked.as_mut(), (3, 2), 0.4, 0.5);
    assert_eq!(other, ask(tree.block(1, 32).as_mut(), (3, 2), 0.4, 0.5));
    // Blocks have paths of their own, independent numbers do not touch them.
    assert_ne!(other, ask(tree.block(2, 64).as_mut(), (3, 2), 0.4, 0.5));
    let mut z = Array2::zeros((3, 2));
    asked.independent_into(z.view_mut());
    assert_eq!(other, ask(asked.as_mut(), (3, 2), 0.4, 0.5));
}

#[test]
fn two_times_inside_one_smallest_interval_are_consistent_though_not_independent() {
    let tree = tree(3);
    let mut block = tree.block(0, 0);
    let mut integral = |from: f64, to: f64| {
        let (w, area) = ask(block.as_mut(), (6, 1), from, to);
        ((&w * 0.5 + area) * (to - from), w)
    };
    let ((whole, w), (first, w_first), (second, w_second)) =
        (integral(0.0, 0.30), integral(0.0, 0.27), integral(0.27, 0.30));
    let sum = first + second + &w_first * 0.03;
    assert!((sum - whole).iter().all(|e| e.abs() < 1e-14));
    assert!((w_first + w_second - w).iter().all(|e| e.abs() < 1e-14));
}

#[test]
fn grids_that_a_tree_does_not_resolve_are_refused() {
    let tree = tree(3);
    let check = |times: Array1<f64>| tree.check(&TimeGrid::new(times).unwrap(), 1, 1);
    assert!(check(array![0.0, 0.2, 0.25, 0.3, 0.4, 1.0]).is_ok());
    assert!(check(array![1.0, 0.4, 0.3, 0.0]).is_ok());
    let e = check(array![0.0, 0.27, 0.3]).unwrap_err().to_string();
    assert!(
        e.contains("times[2]") && e.contains("0.27") && e.contains("deeper than 3"),
        "{e}"
    );
    let e = check(array![0.5, 1.5]).unwrap_err().to_string();
    assert!(
        e.contains("times[1]") && e.contains("1.5") && e.contains("[0, 1]"),
        "{e}"
    );

    let seed = Seed::new(1);
    for (from, to) in [(0.0, 0.0), (0.0, f64::NAN), (f64::INFINITY, 0.0), (-1e308, 1e308)] {
        assert!(BrownianTree::new(from, to, seed).is_err(), "{from} to {to}");
    }
    let e = tree.with_depth(61).unwrap_err().to_string();
    assert!(e.contains("`depth` is 61"), "{e}");
    assert_eq!(tree.resolution(), 0.125);
}

#[test]
fn the_cheapest_time_is_the_end_of_the_largest_node() {
    let tree = BrownianTree::new(4.0, 0.0, Seed::new(1)).unwrap();
    for (a, b, cheapest) in [
        (0.9, 1.1, 1.0),
        (3.9, 4.1, 4.0),
        (0.0, 3.0, 0.0),
        (2.6, 2.4, 2.5),
        (1.3, 1.2, 1.25),
    ] {
        assert_eq!(tree.cheapest_between(a, b), cheapest);
    }
    let shallow = tree.with_depth(2).unwrap();
    assert_eq!(shallow.cheapest_between(0.1, 0.2), 0.2);
}

#[test]
fn draws_are_pinned() {
    // A change here is a change of every result on a tree.
    let (w, area) = ask(tree(20).block(2, 64).as_mut(), (1, 2), 0.3, 0.8);
    let found = [w[[0, 0]], w[[0, 1]], area[[0, 0]], area[[0, 1]]];
    assert_eq!(found, PINNED);
}

const PINNED: [f64; 4] = [
    -0.5751934832620502,
    0.3203738967956535,
    -0.09005489969416935,
    -0.11677903867622035,
];

#[test]
fn paths_do_not_depend_on_the_number_of_threads() {
    let tree = tree(10);
    same_on_any_number("a Brownian tree", || {
        let blocks: Vec<Vec<f64>> = (0..20)
            .into_par_iter()
            .map(|k| {
                ask(tree.block(k, 32 * k).as_mut(), (4, 1), 0.1, 0.7)
                    .0
                    .into_iter()
                    .collect()
            })
            .collect();
        blocks.concat().into()
    })
    .unwrap();
}
