//! The fused annealing path against the reference's path with the same parameters and base.

use crate::common::{layer, means};
use crate::fused::{SHAPES, UNIT, assert_within, binary_rows, energy_bound, field_bounds, pair};
use gibbsian_classical::{Bernoulli, BinaryRbm, BinaryRbmPath, Rbm, RbmPath};
use gibbsian_core::{BlockLaw, Discrete, Energy, Path, Seed};
use gibbsian_testkit::audit::{Audit, step_as_drawn};
use gibbsian_testkit::conformance;
use gibbsian_testkit::differences::Precision;
use gibbsian_testkit::stats::FALSE_ALARM;
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, array};

/// A base with biases that single precision holds.
fn base(n_visible: usize) -> Bernoulli {
    layer(Array1::from_shape_fn(n_visible, |i| {
        f64::from((i as f32 * 0.7).sin() - 0.5)
    }))
}

/// Binary rows and rows of means that single precision holds.
fn batches(n_units: usize) -> [Array2<f64>; 2] {
    let means = means(9, n_units, 5).mapv(|m| f64::from(m as f32));
    [binary_rows(9, n_units, 0.3, 4), means]
}

fn log_start(path: &impl Path, x: ArrayView2<f64>) -> Array1<f64> {
    let mut out = vec![0.0; x.nrows()];
    path.log_start(&path.place(x).unwrap(), &mut out);
    Array1::from(out)
}

fn work(path: &impl Path, x: ArrayView2<f64>, from: f64, to: f64) -> Array1<f64> {
    let mut out = vec![0.0; x.nrows()];
    path.work(&mut path.place(x).unwrap(), from, to, &mut out);
    Array1::from(out)
}

/// How far the work on a row may be off.
///
/// The kernel's difference is off by 8 units of `|Δβ| Σ |I_j|`. An error `δ_j` of a field moves its term by at most `|Δβ| (1 + |I_j| / 4) δ_j`, since
/// `∂/∂I [log(1 + e^{β₁I}) − log(1 + e^{β₀I})] = β₁ σ(β₁I) − β₀ σ(β₀I)`.
fn work_bound(rbm: &Rbm, v: ArrayView1<f64>, step: f64) -> f64 {
    let field = (v.dot(&rbm.weights()) + rbm.hidden().bias()).mapv(f64::abs);
    let moved = (1.0 + &field / 4.0) * field_bounds(rbm, v);
    let linear = v.len() as f64 + v.dot(&rbm.visible().bias().mapv(f64::abs));
    step.abs() * (8.0 * UNIT * field.sum() * 1.01 + moved.sum()) + 1e-13 * (1.0 + linear + field.sum())
}

#[test]
fn the_path_obeys_the_laws_of_its_trait() {
    let (fast, reference) = pair(4, 3, 0.9, 0.6, 1);
    let base = base(4);
    let path = BinaryRbmPath::new(&fast, &base).unwrap();
    let states = reference.states().unwrap();
    conformance::path(&path, states.view(), Precision::SINGLE, Seed::new(5)).unwrap();
    conformance::finite_path(&path, states.view(), Precision::SINGLE, Seed::new(6)).unwrap();
    // Units of several panels, and chains that do not fill a block.
    let (fast, _) = pair(130, 70, 0.2, 0.6, 2);
    let base = self::base(130);
    let path = BinaryRbmPath::new(&fast, &base).unwrap();
    for x in batches(130) {
        conformance::path(&path, x.view(), Precision::SINGLE, Seed::new(7)).unwrap();
    }
}

#[test]
fn start_and_work_are_those_of_the_reference_within_rounding() {
    for (v, h) in SHAPES {
        let (fast, reference) = pair(v, h, 0.5, 0.6, 3);
        let base = base(v);
        let path = BinaryRbmPath::new(&fast, &base).unwrap();
        let exact = RbmPath::new(&reference, base.clone(), Bernoulli::unbiased(h)).unwrap();
        let (found, expected) = (path.log_z_start(), exact.log_z_start());
        assert!(
            (found - expected).abs() <= 1e-13 * expected,
            "{found} instead of {expected}"
        );
        for x in batches(v) {
            let (found, expected) = (log_start(&path, x.view()), log_start(&exact, x.view()));
            assert!(
                (found - expected)
                    .iter()
                    .all(|d| d.abs() <= 1e-13 * (v + h) as f64)
            );
            for (from, to) in [(0.0, 1e-3), (0.3, 0.301), (0.999, 1.0), (0.0, 1.0), (0.8, 0.1)] {
                let column = |values: Array1<f64>| values.insert_axis(ndarray::Axis(1));
                let bounds = x.rows().into_iter().map(|v| work_bound(&reference, v, to - from));
                assert_within(
                    &format!("work of {v} x {h} from {from} to {to}"),
                    column(work(&path, x.view(), from, to)).view(),
                    column(work(&exact, x.view(), from, to)).view(),
                    column(bounds.collect()).view(),
                );
            }
        }
    }
}

#[test]
fn the_path_ends_at_the_machine() {
    for (v, h) in SHAPES {
        let (fast, reference) = pair(v, h, 0.5, 0.6, 4);
        let base = base(v);
        let path = BinaryRbmPath::new(&fast, &base).unwrap();
        for x in batches(v) {
            let log_f = log_start(&path, x.view()) + work(&path, x.view(), 0.0, 1.0);
            let expected = -reference.energy(x.view());
            for (row, (found, expected)) in x.rows().into_iter().zip(log_f.iter().zip(&expected)) {
                let bound = work_bound(&reference, row, 1.0) + energy_bound(&reference, row);
                assert!((found - expected).abs() <= bound, "{found} instead of {expected}");
            }
        }
    }
}

#[test]
fn transitions_are_sweeps_of_the_machine_between() {
    let (fast, reference) = pair(4, 3, 0.9, 0.6, 5);
    let base = base(4);
    let path = BinaryRbmPath::new(&fast, &base).unwrap();
    for (k, beta) in [0.0, 0.3, 0.75, 1.0].into_iter().enumerate() {
        let between = Rbm::new(
            layer(&base.bias() * (1.0 - beta) + &reference.visible().bias() * beta),
            layer(&reference.hidden().bias() * beta),
            &reference.weights() * beta,
        )
        .unwrap();
        let audit = Audit::new(&between).unwrap();
        let p = between.block_matrix(0, audit.states.view());
        audit.reversible(p.view()).unwrap();
        let mut rng = Seed::new(40).nth(k as u64).rng();
        step_as_drawn("a transition is a sweep", &audit, p.view(), 1 << 14, &mut |x| {
            let mut state = path.place(x.view()).unwrap();
            path.transition(&mut state, beta, &mut rng);
            Ok(path.positions(&state).into_owned())
        })
        .unwrap()
        .assert(FALSE_ALARM / 4.0);
    }
}

#[test]
fn rows_and_bases_that_do_not_fit_are_refused() {
    let (fast, _) = pair(3, 2, 0.9, 0.6, 1);
    let base = layer(array![0.0, 0.5, -0.5]);
    let path = BinaryRbmPath::new(&fast, &base).unwrap();
    let refuse = |x: Array2<f64>| path.place(x.view()).unwrap_err().to_string();
    for (bad, said) in [(2.0, "2"), (-0.5, "-0.5"), (f64::NAN, "NaN")] {
        assert_eq!(
            refuse(array![[0.0, 1.0, 0.5], [0.0, bad, 1.0]]),
            format!("`x[1, 1]` is {said}, but must be in [0, 1]")
        );
    }
    for shape in [(2, 4), (0, 3)] {
        let said = refuse(Array2::zeros(shape));
        let required = format!(
            "`x` has shape [{}, {}], but must have shape (at least 1, 3)",
            shape.0, shape.1
        );
        assert!(said.starts_with(&required), "{said}");
    }
    let refuse =
        |fast: &BinaryRbm, bias: Array1<f64>| BinaryRbmPath::new(fast, &layer(bias)).unwrap_err().to_string();
    assert_eq!(
        refuse(&fast, array![0.0, 0.5]),
        "`base` has shape [2], but must have shape [3]"
    );
    assert_eq!(
        refuse(&fast, array![0.0, 1e39, 0.0]),
        format!(
            "`base[1]` is {}, but must be a number that single precision can hold",
            1e39
        )
    );
}
