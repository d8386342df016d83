//! Assignments against all permutations, and against the potentials that prove them.

use gibbsian_core::Seed;
use gibbsian_objectives::{Assignment, Coupling};
use ndarray::{Array2, array};
use rand::RngExt;
use rand_distr::StandardNormal;

fn random(n: usize, m: usize, seed: Seed) -> Array2<f64> {
    let mut rng = seed.rng();
    Array2::from_shape_simple_fn((n, m), || rng.sample(StandardNormal))
}

/// Calls `f` with every permutation of `0 .. n`.
fn each_permutation(n: usize, f: &mut dyn FnMut(&[usize])) {
    fn extend(prefix: &mut Vec<usize>, n: usize, f: &mut dyn FnMut(&[usize])) {
        if prefix.len() == n {
            f(prefix);
        }
        for next in 0..n {
            if !prefix.contains(&next) {
                prefix.push(next);
                extend(prefix, n, f);
                prefix.pop();
            }
        }
    }
    extend(&mut Vec::new(), n, f);
}

fn least(n: usize, cost: impl Fn(usize, usize) -> f64) -> f64 {
    let mut least = f64::INFINITY;
    each_permutation(n, &mut |p| {
        least = least.min(p.iter().enumerate().map(|(i, &j)| cost(i, j)).sum());
    });
    least
}

#[test]
fn no_permutation_costs_less() {
    for n in 0..=7 {
        for k in 0..20 {
            let cost = random(n, n, Seed::new(1).nth(n as u64).nth(k));
            let found = Assignment::optimal(cost.view()).unwrap();
            let expected = least(n, |i, j| cost[[i, j]]);
            assert!(
                (found.cost(cost.view()) - expected).abs() < 1e-14,
                "{n}: {found:?}"
            );
        }
    }
}

/// Weak duality: potentials below all costs bound every assignment from below, so one that reaches the bound is optimal.
#[test]
fn potentials_prove_large_assignments() {
    for (n, k) in [(1, 0), (2, 1), (40, 2), (150, 3)] {
        // Costs of one sign, of both, with many ties.
        let normal = random(n, n, Seed::new(2).nth(k));
        for cost in [normal.mapv(f64::abs), normal.clone(), normal.mapv(f64::round)] {
            let found = Assignment::optimal(cost.view()).unwrap();
            let mut taken = found.columns.clone();
            taken.sort_unstable();
            assert_eq!(taken, (0..n).collect::<Vec<_>>());
            let slack =
                |i: usize, j: usize| cost[[i, j]] - found.row_potentials[i] - found.column_potentials[j];
            for i in 0..n {
                assert!((0..n).all(|j| slack(i, j) > -1e-12), "row {i} of {n}");
                assert!(slack(i, found.columns[i]).abs() < 1e-12, "row {i} of {n}");
            }
        }
    }
}

#[test]
fn tables_that_are_none_are_refused() {
    let e = Assignment::optimal(Array2::zeros((2, 3)).view()).unwrap_err();
    assert!(e.to_string().contains("`cost` has shape [2, 3]"), "{e}");
    for bad in [f64::NAN, f64::INFINITY] {
        let e = Assignment::optimal(array![[1.0, bad], [0.0, 0.0]].view()).unwrap_err();
        assert!(e.to_string().contains("`cost[0, 1]`"), "{e}");
    }
}

#[test]
fn couplings_keep_all_noise_and_the_optimal_one_moves_it_least() {
    for k in 0..20 {
        let (x, z) = (
            random(6, 3, Seed::new(3).nth(k)) + 5.0,
            random(6, 3, Seed::new(4).nth(k)),
        );
        let cost = |i: usize, j: usize| (&x.row(i) - &z.row(j)).mapv(|d| d * d).sum();
        let partners = Coupling::OptimalTransport.partners(x.view(), z.view()).unwrap();
        let found: f64 = partners.iter().enumerate().map(|(i, &j)| cost(i, j)).sum();
        let expected = least(6, cost);
        assert!((found - expected).abs() < 1e-12 * expected, "{found} {expected}");
        let mut taken = partners;
        taken.sort_unstable();
        assert_eq!(taken, [0, 1, 2, 3, 4, 5]);
        let own = Coupling::Independent.partners(x.view(), z.view()).unwrap();
        assert_eq!(own, [0, 1, 2, 3, 4, 5]);
    }
    let e = Coupling::OptimalTransport.partners(array![[f64::NAN]].view(), array![[0.0]].view());
    assert!(e.unwrap_err().to_string().contains("`x[0, 0]`"));
}

/// On the line optimal transport keeps the order.
#[test]
fn on_the_line_the_order_is_kept() {
    let (x, z) = (random(50, 1, Seed::new(5)), random(50, 1, Seed::new(6)));
    let partners = Coupling::OptimalTransport.partners(x.view(), z.view()).unwrap();
    let mut pairs: Vec<(f64, f64)> = partners
        .iter()
        .enumerate()
        .map(|(i, &j)| (x[[i, 0]], z[[j, 0]]))
        .collect();
    pairs.sort_by(|a, b| a.0.total_cmp(&b.0));
    assert!(pairs.is_sorted_by(|a, b| a.1 < b.1));
}
