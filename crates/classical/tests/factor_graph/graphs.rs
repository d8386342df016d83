//! Factor graphs to try things on.

use gibbsian_classical::FactorGraph;
use gibbsian_core::Seed;
use gibbsian_testkit::audit::Audit;
use ndarray::{ArrayD, IxDyn};
use rand::RngExt;
use rand_distr::StandardNormal;

/// Alphabets of these sizes, with symbols that are no numbers of symbols, and normal tables on these variables.
pub fn graph(sizes: &[usize], factors: &[&[usize]], scale: f64, seed: u64) -> FactorGraph {
    let mut rng = Seed::new(seed).child("factor-graph").rng();
    let alphabets = sizes
        .iter()
        .enumerate()
        .map(|(i, q)| (0..*q).map(|s| 1.5 * s as f64 - i as f64).collect())
        .collect();
    let factors = factors
        .iter()
        .map(|variables| {
            let shape: Vec<usize> = variables.iter().map(|v| sizes[*v]).collect();
            let table =
                ArrayD::from_shape_simple_fn(IxDyn(&shape), || scale * rng.sample::<f64, _>(StandardNormal));
            (variables.to_vec(), table)
        })
        .collect();
    FactorGraph::new(alphabets, factors).unwrap()
}

/// Factor graphs that are trees: factors of one to four variables, numbered against the tree and with axes in any order.
pub fn trees() -> Vec<FactorGraph> {
    vec![
        graph(&[3], &[&[0]], 1.0, 1),
        graph(&[2, 3, 2, 4], &[&[3, 0, 2, 1]], 1.0, 2),
        graph(
            &[2, 3, 2, 2, 3, 2],
            &[&[4, 5], &[0, 2, 1], &[3], &[1, 3, 4], &[0]],
            1.0,
            3,
        ),
        // A variable without factors, one with a single symbol, and two components.
        graph(&[2, 3, 1, 2, 2], &[&[0, 2], &[4, 3]], 1.0, 4),
    ]
}

/// Graphs with loops, two factors on the same pair among them.
pub fn loops() -> Vec<FactorGraph> {
    vec![
        graph(&[2, 3, 2], &[&[0, 1], &[1, 0], &[1, 2], &[2, 0]], 0.8, 5),
        graph(
            &[2, 2, 3, 2, 2],
            &[&[0, 1, 2], &[2, 3, 4], &[4, 0, 1], &[3], &[1, 3]],
            0.8,
            6,
        ),
        graph(&[2; 6], &[&[0, 1, 2, 3], &[2, 3, 4, 5], &[5, 0], &[1, 4]], 0.8, 7),
    ]
}

/// `p(x_∂a)` of every factor by listing the states.
pub fn factor_marginals(g: &FactorGraph) -> Vec<ArrayD<f64>> {
    let audit = Audit::new(g).unwrap();
    (0..g.n_factors())
        .map(|a| {
            let mut p: ArrayD<f64> = ArrayD::zeros(g.table(a).shape());
            for (x, pi) in audit.states.rows().into_iter().zip(&audit.pi) {
                let s = g.symbol_numbers("x", x).unwrap();
                let at: Vec<usize> = g.variables(a).iter().map(|i| s[*i]).collect();
                p[&at[..]] += pi;
            }
            p
        })
        .collect()
}
