//! What factor graphs refuse, by name.

use gibbsian_classical::FactorGraph;
use gibbsian_classical::factor_graph::{MaxProduct, SumProduct, log_z_by_elimination, lowest_by_elimination};
use gibbsian_core::{Discrete, EnergyPullback, Parametric, ParametricMut};
use ndarray::{Array1, ArrayD, IxDyn, array};

use crate::graphs::graph;

fn refusal(alphabets: &[&[f64]], factors: Vec<(Vec<usize>, ArrayD<f64>)>) -> String {
    let alphabets = alphabets.iter().map(|a| a.to_vec()).collect();
    FactorGraph::new(alphabets, factors).unwrap_err().to_string()
}

#[test]
fn what_is_no_factor_graph_is_refused_by_name() {
    let bits: &[f64] = &[0.0, 1.0];
    let zeros = |shape: &[usize]| ArrayD::zeros(IxDyn(shape));
    assert!(refusal(&[], vec![]).contains("number of variables"));
    assert!(refusal(&[bits, &[]], vec![]).starts_with("`alphabets[1]` is empty"));
    assert!(refusal(&[&[0.0, 0.0]], vec![]).starts_with("`alphabets[0][1]` is 0"));
    assert!(refusal(&[&[0.0, f64::NAN]], vec![]).starts_with("`alphabets[0][1]` is NaN"));
    let empty = refusal(&[bits], vec![(vec![], zeros(&[]))]);
    assert!(
        empty.starts_with("`the variables of factors[0]` is empty"),
        "{empty}"
    );
    let missing = refusal(&[bits], vec![(vec![0], zeros(&[2])), (vec![1], zeros(&[2]))]);
    assert!(
        missing.starts_with("`the variables of factors[1][0]` is 1"),
        "{missing}"
    );
    let twice = refusal(&[bits, bits], vec![(vec![1, 1], zeros(&[2, 2]))]);
    assert!(
        twice.starts_with("`the variables of factors[0][1]` is 1"),
        "{twice}"
    );
    let shape = refusal(&[bits, &[0.0, 1.0, 2.0]], vec![(vec![1, 0], zeros(&[2, 3]))]);
    assert!(
        shape.contains("has shape [2, 3], but must have shape [3, 2]"),
        "{shape}"
    );
    let infinite = refusal(&[bits], vec![(vec![0], array![0.0, f64::INFINITY].into_dyn())]);
    assert!(
        infinite.contains("factors[0]") && infinite.contains("tens of nats"),
        "{infinite}"
    );
}

#[test]
fn parameters_that_are_no_numbers_change_nothing() {
    let mut g = graph(&[2, 2], &[&[0, 1]], 1.0, 1);
    let before = g.params();
    let refusal = g
        .set_params(array![0.0, 0.0, f64::NAN, 0.0].view())
        .unwrap_err()
        .to_string();
    assert_eq!(refusal, "`tables.0[1, 0]` is NaN, but must be finite");
    assert_eq!(g.params(), before);
    assert!(g.set_params(Array1::zeros(3).view()).is_err());
}

#[test]
fn rows_that_are_no_states_add_no_numbers() {
    let g = graph(&[2, 2], &[&[0, 1]], 1.0, 1);
    let mut grad = Array1::zeros(4);
    g.energy_pullback_into(array![[9.0, 0.0]].view(), array![0.0].view(), grad.view_mut());
    assert_eq!(grad, Array1::<f64>::zeros(4));
    g.energy_pullback_into(array![[9.0, 0.0]].view(), array![1.0].view(), grad.view_mut());
    assert!(grad.iter().all(|g| g.is_nan()));
    assert!(g.check_states("x", array![[9.0, 0.0]].view()).is_err());
}

#[test]
fn a_table_that_would_not_fit_is_refused_with_its_variable() {
    // Every pair of thirty variables: whatever goes first has all others for neighbours.
    let pairs: Vec<Vec<usize>> = (0..30).flat_map(|i| (0..i).map(move |j| vec![j, i])).collect();
    let pairs: Vec<&[usize]> = pairs.iter().map(|p| &p[..]).collect();
    let g = graph(&[2; 30], &pairs, 0.1, 2);
    for refusal in [
        log_z_by_elimination(&g).unwrap_err().to_string(),
        lowest_by_elimination(&g).unwrap_err().to_string(),
    ] {
        assert!(
            refusal.contains("variable 0") && refusal.contains("at most 4194304"),
            "{refusal}"
        );
    }
}

#[test]
fn schedules_that_never_end_are_refused() {
    for (damping, tolerance, max_rounds) in
        [(1.0, 1e-9, 10), (-0.1, 1e-9, 10), (0.5, 0.0, 10), (0.5, 1e-9, 0)]
    {
        assert!(SumProduct::new(damping, tolerance, max_rounds).is_err());
        assert!(MaxProduct::new(damping, tolerance, max_rounds).is_err());
    }
}
