//! Mean field: a bound, monotone, exact where the posterior is factorial, stationary where it converged.

use gibbsian_classical::Dbm;
use gibbsian_classical::units::Bernoulli;
use gibbsian_core::Units;
use gibbsian_testkit::agreement::close;
use gibbsian_testkit::differences::Precision;
use ndarray::{Array1, Array2, Axis, array};

use crate::machines::{Listed, Plain, SIZES, machine, rbm, spins, visible_states};

/// `E_q E − H(q)` by enumerating the hidden states, for Bernoulli hidden layers with these means.
fn free_energy_of<V: Plain>(dbm: &Dbm<V, Bernoulli>, v: &Array2<f64>, means: &[Array2<f64>]) -> Array1<f64> {
    let listed = Listed::of(dbm);
    let mut out = Array1::zeros(v.nrows());
    for (b, v) in v.rows().into_iter().enumerate() {
        let m: Vec<f64> = means.iter().flat_map(|m| m.row(b).to_vec()).collect();
        for (x, log_weight) in listed.states.rows().into_iter().zip(&listed.log_weights) {
            let (visible, hidden) = x.split_at(Axis(0), v.len());
            if visible != v {
                continue;
            }
            let log_q: f64 = hidden
                .iter()
                .zip(&m)
                .map(|(h, m)| if *h == 1.0 { m.ln() } else { (1.0 - m).ln() })
                .sum();
            out[b] += log_q.exp() * (log_q - log_weight);
        }
    }
    out
}

fn check<V: Plain>(dbm: &Dbm<V, Bernoulli>) {
    let v = visible_states(dbm);
    let exact = dbm.free_energy(v.view()).unwrap();
    let mut last = Array1::from_elem(v.nrows(), f64::INFINITY);
    for sweeps in 0..40 {
        let q = dbm.mean_field(v.view(), 0.0, sweeps).unwrap();
        let f = dbm.variational_free_energy(v.view(), &q);
        let means: Vec<_> = (1..=dbm.depth()).map(|l| q.means(l).to_owned()).collect();
        if sweeps < 3 {
            // The definition, whatever the means are.
            let definition = free_energy_of(dbm, &v, &means);
            close("F_q is E_q E − H(q)", &f, &definition, 1e-13).unwrap();
        }
        for b in 0..v.nrows() {
            // Sums of at most a hundred numbers of size ten.
            assert!(f[b] >= exact[b] - 1e-12, "bound {} above {}", -f[b], -exact[b]);
            assert!(f[b] <= last[b] + 1e-12, "sweep {sweeps} raised F_q");
        }
        last = f;
    }
}

#[test]
fn the_bound_holds_and_no_sweep_makes_it_worse() {
    for (k, sizes) in SIZES.into_iter().enumerate() {
        for weight in [0.5, 3.0] {
            check(&machine(sizes, weight, 10 + k as u64));
        }
    }
    check(&spins(&[3, 3, 2], 1.0, 5));
}

#[test]
fn the_bound_is_exact_for_a_restricted_machine_and_without_coupling() {
    let shallow = Dbm::from(&rbm(4, 3, 1.5, 6));
    let deep = machine(&[3, 2, 2], 0.9, 7);
    // Without weights above the first hidden layer the posterior is factorial.
    let weights = vec![deep.weights(1).to_owned(), Array2::zeros((2, 2))];
    let hidden = vec![deep.hidden(1).clone(), deep.hidden(2).clone()];
    let uncoupled = Dbm::new(deep.visible().clone(), hidden, weights).unwrap();
    for dbm in [shallow, uncoupled] {
        let v = visible_states(&dbm);
        let q = dbm.mean_field(v.view(), 0.0, 2).unwrap();
        close(
            "F_q = F",
            &dbm.variational_free_energy(v.view(), &q),
            &dbm.free_energy(v.view()).unwrap(),
            Precision::DOUBLE.agreement(),
        )
        .unwrap();
        assert!(q.converged());
    }
}

#[test]
fn a_fixed_point_is_stationary() {
    for sizes in &SIZES[1..] {
        let dbm = machine(sizes, 1.0, 20);
        let v = visible_states(&dbm);
        let q = dbm.mean_field(v.view(), 1e-15, 10_000).unwrap();
        assert!(q.converged() && q.last_change() <= 1e-15);
        // ∂F_q/∂m_l = J_l − (fields from the neighbours) where m_l is the mean in J_l; at a fixed point every field is the neighbours'.
        for l in 1..=dbm.depth() {
            let below = if l == 1 { v.view() } else { q.means(l - 1) };
            let mut field = below.dot(&dbm.weights(l));
            if l < dbm.depth() {
                field += &q.means(l + 1).dot(&dbm.weights(l + 1).t());
            }
            close("field", &q.fields(l).to_owned(), &field, 1e-13).unwrap();
            close(
                "mean",
                &q.means(l).to_owned(),
                &dbm.hidden(l).mean(field.view()),
                1e-13,
            )
            .unwrap();
        }
    }
}

#[test]
fn the_start_doubles_the_input_except_into_the_top() {
    let dbm = machine(&[3, 2, 4, 2], 0.8, 30);
    let v = visible_states(&dbm);
    let q = dbm.mean_field(v.view(), 1.0, 0).unwrap();
    let twice = v.dot(&dbm.weights(1)) * 2.0;
    close("first", &q.fields(1).to_owned(), &twice, 1e-15).unwrap();
    let top = q.means(2).dot(&dbm.weights(3));
    close("top", &q.fields(3).to_owned(), &top, 1e-15).unwrap();
    assert_eq!((q.n_sweeps(), q.converged()), (0, false));
    assert!(q.last_change().is_infinite());
}

#[test]
fn sweeps_end_at_the_tolerance_or_the_limit() {
    let dbm = machine(&[4, 3, 2], 1.0, 31);
    let v = visible_states(&dbm);
    let full = dbm.mean_field(v.view(), 1e-6, 1_000).unwrap();
    assert!(full.converged() && full.n_sweeps() < 1_000 && full.last_change() <= 1e-6);
    let cut = dbm.mean_field(v.view(), 1e-6, full.n_sweeps() - 1).unwrap();
    assert!(!cut.converged() && cut.n_sweeps() == full.n_sweeps() - 1);
    for bad in [-1.0, f64::NAN, f64::INFINITY] {
        assert!(dbm.mean_field(v.view(), bad, 5).is_err(), "{bad}");
    }
    let some = full.select(&[5, 0]);
    assert_eq!(some.means(2).row(1), full.means(2).row(0));
    assert_eq!(some.fields(1).row(0), full.fields(1).row(5));
}

#[test]
fn the_posterior_of_a_machine_that_is_sure_is_found() {
    // Strong couplings in one direction: v = 1 turns h¹ on, which turns h² on.
    let layer = |b: f64| Bernoulli::new(array![b]).unwrap();
    let dbm = Dbm::new(
        layer(0.0),
        vec![layer(-50.0), layer(-50.0)],
        vec![array![[100.0]], array![[100.0]]],
    )
    .unwrap();
    let q = dbm.mean_field(array![[1.0], [0.0]].view(), 1e-12, 50).unwrap();
    for l in [1, 2] {
        close("means", &q.means(l).to_owned(), &array![[1.0], [0.0]], 1e-15).unwrap();
    }
    let f = dbm.variational_free_energy(array![[1.0], [0.0]].view(), &q);
    assert!(f.iter().all(|f| f.is_finite()));
}
