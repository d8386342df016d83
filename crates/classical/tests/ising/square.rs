//! Kaufman's torus and Onsager's lattice.

use gibbsian_classical::ising::{CRITICAL_COUPLING, kaufman, onsager, spontaneous_magnetisation};
use gibbsian_classical::{Boundary, Graph, Ising};
use ndarray::Array1;

/// A torus with a coupling for each direction.
fn torus(rows: usize, columns: usize, along_rows: f64, between_rows: f64) -> Ising {
    let graph = Graph::lattice(&[rows, columns], Boundary::Periodic).unwrap();
    // Bonds go site by site, the first direction first.
    let couplings = Array1::from_shape_fn(graph.n_bonds(), |b| {
        if b % 2 == 0 { between_rows } else { along_rows }
    });
    let fields = Array1::zeros(graph.n_sites());
    Ising::new(graph, couplings, fields).unwrap()
}

/// Relative to the larger of one and the number.
#[track_caller]
fn assert_close(what: &str, found: f64, expected: f64, tolerance: f64) {
    assert!(
        (found - expected).abs() <= tolerance * expected.abs().max(1.0),
        "{what}: {found:e} instead of {expected:e}"
    );
}

const PAIRS: [(f64, f64); 8] = [
    (0.01, 0.01),
    (0.3, 0.3),
    (CRITICAL_COUPLING, CRITICAL_COUPLING),
    (1.0, 1.0),
    (6.0, 6.0),
    (0.2, 0.9),
    (1.1, 0.05),
    (0.0, 0.7),
];

#[test]
fn the_torus_is_that_of_enumeration() {
    for (rows, columns) in [(2, 2), (2, 3), (3, 2), (3, 3), (3, 5), (4, 4)] {
        for (k1, k2) in PAIRS {
            let exact = torus(rows, columns, k1, k2).enumerate().unwrap();
            let found = kaufman(rows, columns, k1, k2).unwrap();
            let what = format!("{rows} × {columns}, K = ({k1}, {k2})");
            assert_close(&what, found.log_z, exact.log_z, 1e-12);
            assert_close(&what, found.mean_energy, exact.mean_energy, 1e-12);
            assert_close(&what, found.energy_variance, exact.energy_variance, 1e-12);
        }
    }
}

#[test]
fn the_torus_is_that_of_the_transfer_matrix() {
    for (rows, columns) in [(5, 7), (8, 6), (8, 8), (3, 40)] {
        for (k1, k2) in PAIRS {
            let expected = torus(rows, columns, k1, k2).log_z().unwrap();
            let found = kaufman(rows, columns, k1, k2).unwrap().log_z;
            assert_close(
                &format!("{rows} × {columns}, K = ({k1}, {k2})"),
                found,
                expected,
                1e-12,
            );
        }
    }
}

#[test]
fn rows_and_columns_may_be_exchanged() {
    for (k1, k2) in PAIRS {
        let (a, b) = (kaufman(20, 33, k1, k2).unwrap(), kaufman(33, 20, k2, k1).unwrap());
        assert_close("log Z", a.log_z, b.log_z, 1e-13);
        assert_close("energy", a.mean_energy, b.mean_energy, 1e-13);
        assert_close("variance", a.energy_variance, b.energy_variance, 1e-12);
    }
}

#[test]
fn cold_and_hot_tori_have_their_limits() {
    // Two ground states of energy −2NK, then 2N states of one flip at 8K above: at K = 8 and 32² sites, e^{−64} is nothing.
    for k in [8.0, 50.0, 500.0, 1e5] {
        let cold = kaufman(32, 32, k, k).unwrap();
        assert_close("cold log Z", cold.log_z, 2048.0 * k + 2f64.ln(), 1e-15);
        assert_close("cold energy", cold.mean_energy, -2048.0 * k, 1e-15);
        assert!(cold.energy_variance.abs() < 1e-9, "{}", cold.energy_variance);
    }
    // log Z = N log 2 + 2N log cosh K + O(K⁴).
    let hot = kaufman(32, 32, 1e-5, 1e-5).unwrap();
    // Terms of 6,000 cancel to 710.
    assert_close("hot log Z", hot.log_z, 1024.0 * 2f64.ln() + 1024e-10, 1e-14);
    assert_close("hot variance", hot.energy_variance / 2048e-10, 1.0, 1e-5);
    // Rings side by side.
    let rings = kaufman(7, 9, 0.6, 0.0).unwrap();
    let ring = 9.0 * (2.0 * 0.6f64.cosh()).ln() + 0.6f64.tanh().powi(9).ln_1p();
    assert_close("rings", rings.log_z, 7.0 * ring, 1e-14);
    assert_close(
        "free spins",
        kaufman(3, 4, 0.0, 0.0).unwrap().log_z,
        12.0 * 2f64.ln(),
        1e-15,
    );
}

#[test]
fn a_published_value_of_the_critical_torus() {
    let torus = kaufman(32, 32, CRITICAL_COUPLING, CRITICAL_COUPLING).unwrap();
    assert!((torus.log_z - 952.648_079_548_5).abs() < 1e-10, "{}", torus.log_z);
    assert_eq!(CRITICAL_COUPLING, 0.5 * 2f64.sqrt().ln_1p());
}

#[test]
fn a_large_torus_is_the_infinite_lattice_away_from_the_critical_point() {
    // Corrections decay as exp(−L/ξ); at these couplings ξ < 4 and L = 256. Below the critical temperature there are two phases.
    for (k1, k2) in [(0.3, 0.3), (0.6, 0.6), (0.2, 0.5), (0.8, 0.3)] {
        let (finite, infinite) = (kaufman(256, 256, k1, k2).unwrap(), onsager(k1, k2).unwrap());
        let sites = 65536.0;
        let phases = if spontaneous_magnetisation(k1, k2).unwrap() > 0.0 {
            2f64.ln()
        } else {
            0.0
        };
        assert_close("log Z", (finite.log_z - phases) / sites, infinite.log_z, 1e-14);
        assert_close("energy", finite.mean_energy / sites, infinite.mean_energy, 1e-13);
        assert_close(
            "variance",
            finite.energy_variance / sites,
            infinite.energy_variance,
            1e-12,
        );
    }
}

#[test]
fn closed_forms_and_quadrature_agree_up_to_the_critical_point() {
    // Couplings that differ in the last digits take the quadrature. Near T_c the energy has the slope ~ log of the distance.
    for k in [0.05, 0.3, 0.43, 0.4406, 0.440_686, 0.4407, 0.45, 0.7, 1.5] {
        let (closed, integral) = (onsager(k, k).unwrap(), onsager(k, k * (1.0 + 1e-15)).unwrap());
        assert_close("log Z", closed.log_z, integral.log_z, 1e-14);
        assert_close("energy", closed.mean_energy, integral.mean_energy, 1e-13);
        // A difference of couplings of 1e-15 moves the distance from the critical point by as much.
        let distance = (k - CRITICAL_COUPLING).abs();
        let tolerance = 1e-12 + 1e-14 / distance;
        assert_close(
            "variance",
            closed.energy_variance,
            integral.energy_variance,
            tolerance,
        );
    }
}

#[test]
fn the_lattice_is_dual_to_itself() {
    // log Z(K)/N − log sinh(2K)/2 is the same at K and K*, where sinh 2K sinh 2K* = 1 (Kramers and Wannier 1941).
    let dual = |k: f64| 0.5 * (2.0 * k).sinh().recip().asinh();
    for (k1, k2) in [(0.1, 0.1), (0.3, 0.3), (0.7, 0.2), (1.5, 0.4)] {
        let f =
            |a: f64, b: f64| onsager(a, b).unwrap().log_z - 0.25 * ((2.0 * a).sinh() * (2.0 * b).sinh()).ln();
        assert_close("duality", f(k1, k2), f(dual(k2), dual(k1)), 1e-14);
    }
}

#[test]
fn the_spontaneous_magnetisation_vanishes_at_the_critical_line() {
    // T = 2: (1 − sinh(1)^{−4})^{1/8}.
    let expected = (1.0 - 1f64.sinh().powi(-4)).powf(0.125);
    assert_close(
        "T = 2",
        spontaneous_magnetisation(0.5, 0.5).unwrap(),
        expected,
        1e-15,
    );
    assert_eq!(spontaneous_magnetisation(0.44, 0.44).unwrap(), 0.0);
    assert_eq!(spontaneous_magnetisation(1e4, 1e4).unwrap(), 1.0);
    let anisotropic = spontaneous_magnetisation(0.9, 0.2).unwrap();
    let product = (1.8f64.sinh() * 0.4f64.sinh()).powi(-2);
    assert_close("anisotropic", anisotropic, (1.0 - product).powf(0.125), 1e-14);
    let critical = onsager(CRITICAL_COUPLING, CRITICAL_COUPLING).unwrap();
    assert!(critical.energy_variance > 10.0, "the heat capacity diverges");
}

#[test]
fn what_has_no_answer_is_refused_by_name() {
    let refused = |result: gibbsian_core::Result<_>| result.map(|_| ()).unwrap_err().to_string();
    assert!(refused(kaufman(1, 4, 0.1, 0.1)).contains("`rows` is 1"));
    assert!(refused(kaufman(4, 1, 0.1, 0.1)).contains("`columns` is 1"));
    assert!(refused(kaufman(4, 4, -0.1, 0.1)).contains("`along_rows` is -0.1"));
    assert!(refused(kaufman(4, 4, 0.1, f64::NAN)).contains("`between_rows` is NaN"));
    assert!(refused(kaufman(4, 4, 1e308, 1e308)).contains("must stay finite"));
    // The second derivative of a rate near zero overflows.
    assert!(refused(kaufman(4, 4, 0.0, 130.0)).contains("`energy_variance` became NaN"));
    assert!(refused(onsager(1e200, 1e200)).contains("`energy_variance`"));
    assert!(refused(onsager(0.0, 0.1)).contains("`along_rows` is 0"));
    assert!(refused(onsager(0.1, f64::INFINITY)).contains("`between_rows`"));
    assert!(
        refused(spontaneous_magnetisation(-1.0, 0.1).map(|_| onsager(0.1, 0.1).unwrap()))
            .contains("`along_rows`")
    );
}
