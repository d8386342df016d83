//! Angles on a graph.

use gibbsian_classical::xy::{OverRelaxation, XyMetropolis, XyWolff};
use gibbsian_classical::{Boundary, Graph, PairwiseField, Xy};
use gibbsian_core::math::log_sum_exp;
use gibbsian_core::special::{bessel_ratio, ln_bessel_i0};
use gibbsian_core::{Energy, Kernel, Seed};
use gibbsian_testkit::conformance;
use gibbsian_testkit::differences::Precision;
use gibbsian_testkit::stats::{FALSE_ALARM, Test, family, kolmogorov_smirnov, mean};
use ndarray::{Array1, Array2, Axis, array};
use rand::RngExt;
use std::f64::consts::PI;

use crate::models::uniform;

const DOUBLE: Precision = Precision::DOUBLE;

fn lattice(shape: &[usize], boundary: Boundary) -> Graph {
    Graph::lattice(shape, boundary).unwrap()
}

/// Couplings of both signs and fields in all directions.
fn random(graph: Graph, seed: u64) -> Xy {
    let couplings = uniform(graph.n_bonds(), -1.2, 1.2, seed);
    let fields = uniform(2 * graph.n_sites(), -0.8, 0.8, seed + 1);
    let fields = fields.into_shape_with_order((graph.n_sites(), 2)).unwrap();
    Xy::new(graph, couplings, fields).unwrap()
}

fn angles(n_chains: usize, model: &Xy, seed: u64) -> Array2<f64> {
    let n = model.graph().n_sites();
    let x = uniform(n_chains * n, -PI, PI, seed);
    x.into_shape_with_order((n_chains, n)).unwrap()
}

/// The trapezoidal rule on `n` equal angles a spin, which converges geometrically for periodic functions: the points, and `log Z`.
fn grid(model: &Xy, n: usize) -> (Array2<f64>, Array1<f64>, f64) {
    let d = model.graph().n_sites();
    let x = Array2::from_shape_fn((n.pow(d as u32), d), |(k, site)| {
        2.0 * PI * (k / n.pow(site as u32) % n) as f64 / n as f64
    });
    let log_f = model.energy(x.view()).mapv(|e| -e);
    let total = log_sum_exp(log_f.as_slice().unwrap());
    let p = log_f.mapv(|l| (l - total).exp());
    (x, p, total + d as f64 * (2.0 * PI / n as f64).ln())
}

#[test]
fn xy_models_keep_the_contracts_of_their_traits() {
    for (graph, seed) in [
        (lattice(&[2, 3], Boundary::Periodic), 1),
        (Graph::triangular(2, 2, Boundary::Open).unwrap(), 2),
        (Graph::new(1, vec![]).unwrap(), 3),
    ] {
        let mut model = random(graph, seed);
        let x = angles(5, &model, seed);
        conformance::parametric(&mut model).unwrap();
        conformance::snapshot(&model, &mut model.at(0.5).unwrap()).unwrap();
        conformance::energy(&model, x.view(), DOUBLE).unwrap();
        conformance::score(&model, x.view(), DOUBLE).unwrap();
        conformance::potential(&model, x.view(), DOUBLE).unwrap();
        conformance::score_jvp(&model, x.view(), DOUBLE).unwrap();
        conformance::energy_pullback(&mut model, x.view(), DOUBLE).unwrap();
    }
}

#[test]
fn chains_have_bessel_functions() {
    let couplings = array![0.4, -1.3, 2.2];
    let chain = Xy::new(
        lattice(&[4], Boundary::Open),
        couplings.clone(),
        Array2::zeros((4, 2)),
    )
    .unwrap();
    let (x, p, log_z) = grid(&chain, 24);
    let exact = chain.log_z_of_forest().unwrap();
    // Of the Fourier series of exp(J cos δ) the rule keeps the term I_24(2.2) < 10⁻²².
    assert!((log_z - exact).abs() < 1e-13, "{log_z} and {exact}");
    for (bond, coupling) in couplings.iter().enumerate() {
        let cos = x
            .rows()
            .into_iter()
            .map(|x| (x[bond] - x[bond + 1]).cos())
            .collect::<Array1<f64>>();
        let expected = coupling.signum() * bessel_ratio(coupling.abs());
        assert!((cos.dot(&p) - expected).abs() < 1e-13);
    }
    // Trees that do not hang together, numbered at will.
    let forest = Graph::new(6, vec![[4, 1], [5, 3], [1, 3], [0, 2]]).unwrap();
    let forest = Xy::uniform(forest, -0.7, [0.0; 2]).unwrap();
    let expected = 6.0 * (2.0 * PI).ln() + 4.0 * ln_bessel_i0(0.7);
    assert!((forest.log_z_of_forest().unwrap() - expected).abs() < 1e-13);
}

/// `n` exact draws by rejection from uniform angles, and as many numbers of what they are in the mean.
fn exact_draws(model: &Xy, n: usize, seed: u64) -> Array2<f64> {
    let d = model.graph().n_sites();
    // No energy is below minus the sum of all couplings and fields.
    let fields = model.fields().map_axis(Axis(1), |h| h[0].hypot(h[1]));
    let lowest = -model.couplings().mapv(f64::abs).sum() - fields.sum();
    let mut rng = Seed::new(seed).child("rejection").rng();
    let mut x = Array2::zeros((n, d));
    for mut x in x.rows_mut() {
        loop {
            x.mapv_inplace(|_| PI * (2.0 * rng.random::<f64>() - 1.0));
            let e = model.energy(x.view().insert_axis(Axis(0)))[0];
            if rng.random::<f64>() < (lowest - e).exp() {
                break;
            }
        }
    }
    x
}

/// Functions of a state in which wrong laws show.
fn observed(model: &Xy, x: &Array2<f64>) -> Array2<f64> {
    let e = model.energy(x.view());
    let rows = x.rows().into_iter().zip(e);
    let values = rows.flat_map(|(x, e)| {
        let last = x.len() - 1;
        [
            e,
            e * e,
            x[0].cos(),
            x[last].sin(),
            (x[0] - x[last]).cos(),
            (x[0] + x[1]).sin(),
            (2.0 * x[1]).cos(),
        ]
    });
    let values: Vec<f64> = values.collect();
    Array2::from_shape_vec((x.nrows(), 7), values).unwrap()
}

/// Steps from exact draws leave all means where they are, and those of products of before and after do not depend on the order, where that is promised.
fn leaves_invariant<K: Kernel<Xy>>(
    name: &str,
    kernel: &K,
    model: &Xy,
    is_reversible: bool,
    tests: &mut Vec<Test>,
) {
    let (x, p, _) = grid(model, 40);
    let expected = p.dot(&observed(model, &x));
    let start = exact_draws(model, 60_000, 5);
    let before = observed(model, &start);
    let mut state = kernel.init(model, start).unwrap();
    let mut rng = Seed::new(6).rng();
    kernel.step(model, &mut state, &mut rng);
    let after = observed(model, &kernel.positions(&state).into_owned());
    for k in 0..7 {
        let label = format!("function {k} after {name}");
        tests.push(mean(&label, after.column(k).to_vec().as_slice(), expected[k]));
        if is_reversible && k > 0 {
            let flow = &before.column(0) * &after.column(k) - &before.column(k) * &after.column(0);
            tests.push(mean(&format!("flow of {label}"), flow.as_slice().unwrap(), 0.0));
        }
    }
}

#[test]
fn kernels_leave_the_density_invariant() {
    let mut tests = Vec::new();
    for (graph, seed) in [
        (Graph::complete(3).unwrap(), 11),
        (lattice(&[3], Boundary::Open), 13),
    ] {
        let model = random(graph, seed);
        leaves_invariant("a Wolff cluster", &XyWolff, &model, true, &mut tests);
        let metropolis = XyMetropolis::new(1.8).unwrap();
        leaves_invariant("a Metropolis sweep", &metropolis, &model, false, &mut tests);
        leaves_invariant("over-relaxation", &OverRelaxation, &model, false, &mut tests);
    }
    // One spin is one move, which is reversible.
    let pair = random(lattice(&[2], Boundary::Open), 17);
    leaves_invariant("a Wolff cluster of a pair", &XyWolff, &pair, true, &mut tests);
    family(&tests, FALSE_ALARM).unwrap();
}

#[test]
fn chains_find_the_energy_of_a_ring() {
    // In Fourier space the transfer matrix of a ring is diagonal: Z = (2π)^N Σ_k I_k(J)^N, here by quadrature with many angles.
    let (n, coupling, n_angles) = (16, 1.5, 64);
    let delta = |a: usize| 2.0 * PI * a as f64 / n_angles as f64;
    let i_k = |k: usize| {
        let terms = (0..n_angles).map(|a| (coupling * delta(a).cos()).exp() * (k as f64 * delta(a)).cos());
        terms.sum::<f64>() / n_angles as f64
    };
    let i: Vec<f64> = (0..14).map(i_k).collect();
    // I_k' = (I_{k−1} + I_{k+1})/2, and k and −k are alike.
    let derivative = |k: usize| if k == 0 { i[1] } else { 0.5 * (i[k - 1] + i[k + 1]) };
    let twice = |k: usize| if k == 0 { 1.0 } else { 2.0 };
    let z: f64 = (0..12).map(|k| twice(k) * (i[k] / i[0]).powi(n)).sum();
    let dz: f64 = (0..12)
        .map(|k| twice(k) * f64::from(n) * (i[k] / i[0]).powi(n - 1) * derivative(k) / i[0])
        .sum();
    let expected = -coupling * dz / z;
    let ring = Xy::uniform(lattice(&[n as usize], Boundary::Periodic), coupling, [0.0; 2]).unwrap();
    let n_chains = 400;
    let metropolis = XyMetropolis::new(2.0).unwrap();
    let mut state = metropolis.init(&ring, angles(n_chains, &ring, 3)).unwrap();
    let mut rng = Seed::new(9).rng();
    let mut energies = Array1::<f64>::zeros(n_chains);
    for step in 0..300 {
        metropolis.step(&ring, &mut state, &mut rng);
        OverRelaxation.step(&ring, &mut state, &mut rng);
        XyWolff.step(&ring, &mut state, &mut rng);
        if step >= 100 {
            energies += &ring.energy(state.view());
        }
    }
    mean("energy", (energies / 200.0).as_slice().unwrap(), expected).assert(FALSE_ALARM);
    assert!(state.iter().all(|theta| theta.abs() <= PI));
}

#[test]
fn kernels_keep_the_contract_of_kernels() {
    let graph = lattice(&[3, 4], Boundary::Periodic);
    let (model, other) = (random(graph.clone(), 1), random(graph, 2));
    let x = angles(5, &model, 4);
    let metropolis = XyMetropolis::new(1.0).unwrap();
    conformance::kernel(&metropolis, &model, &other, x.view(), Seed::new(1)).unwrap();
    conformance::kernel(&XyWolff, &model, &other, x.view(), Seed::new(2)).unwrap();
    // A turn is offered to every spin, and taken where nothing holds it.
    let free = Xy::uniform(Graph::new(6, vec![]).unwrap(), 1.0, [0.0; 2]).unwrap();
    let mut state = metropolis.init(&free, Array2::zeros((40, 6))).unwrap();
    let count = metropolis.step(&free, &mut state, &mut Seed::new(3).rng());
    assert_eq!((count.proposed, count.accepted), (240, 240));
    assert!(state.iter().all(|theta| *theta != 0.0 && theta.abs() <= 1.0));
}

#[test]
fn lines_have_all_directions() {
    // A spin alone is reflected at a line of any direction, after which it may be anywhere.
    let free = Xy::uniform(Graph::new(1, vec![]).unwrap(), 1.0, [0.0; 2]).unwrap();
    let mut state = XyWolff.init(&free, Array2::zeros((20_000, 1))).unwrap();
    XyWolff.step(&free, &mut state, &mut Seed::new(4).rng());
    let uniform = |theta: f64| (theta + PI) / (2.0 * PI);
    kolmogorov_smirnov("an angle", state.as_slice().unwrap(), uniform).assert(FALSE_ALARM);
}

#[test]
fn over_relaxation_costs_nothing_and_comes_back() {
    let model = random(Graph::triangular(4, 5, Boundary::Periodic).unwrap(), 8);
    let x = angles(70, &model, 9);
    let mut state = OverRelaxation.init(&model, x.clone()).unwrap();
    OverRelaxation.step(&model, &mut state, &mut Seed::new(1).rng());
    let change = model.energy(state.view()) - model.energy(x.view());
    assert!(change.iter().all(|e| e.abs() < 1e-12));
    assert!((&state - &x).iter().all(|turn| turn.abs() > 1e-9));
    // The sites in reverse order undo it: on the same graph with its sites counted backwards.
    let n = 20;
    let bonds = model.graph().bonds().iter();
    let backwards = Xy::new(
        Graph::new(n, bonds.map(|[i, j]| [n - 1 - i, n - 1 - j]).collect()).unwrap(),
        model.couplings().to_owned(),
        model.fields().slice(ndarray::s![..;-1, ..]).to_owned(),
    )
    .unwrap();
    let mut back = state.slice(ndarray::s![.., ..;-1]).to_owned();
    OverRelaxation.step(&backwards, &mut back, &mut Seed::new(1).rng());
    let back = back.slice(ndarray::s![.., ..;-1]).to_owned();
    // Roundings of one spin are handed on by all that follow.
    assert!((&back - &x).iter().all(|error| error.sin().abs() < 1e-10));
}

#[test]
fn many_directions_are_angles() {
    let graph = Graph::triangular(2, 2, Boundary::Open).unwrap();
    let model = random(graph.clone(), 21);
    let clock =
        PairwiseField::clock(graph, 24, model.couplings().to_owned(), model.fields().to_owned()).unwrap();
    let (_, _, log_z) = grid(&model, 24);
    let log_sum = gibbsian_classical::field::log_z_by_elimination(&clock).unwrap();
    assert!((log_sum + 4.0 * (2.0 * PI / 24.0).ln() - log_z).abs() < 1e-12);
}

#[test]
fn what_is_no_model_is_refused_by_name() {
    let pair = lattice(&[2], Boundary::Open);
    let refuse = |couplings: Array1<f64>, fields: Array2<f64>| {
        Xy::new(pair.clone(), couplings, fields).unwrap_err().to_string()
    };
    assert!(refuse(Array1::zeros(2), Array2::zeros((2, 2))).contains("couplings"));
    assert!(refuse(Array1::zeros(1), Array2::zeros((2, 3))).contains("fields"));
    assert!(refuse(array![f64::NAN], Array2::zeros((2, 2))).contains("couplings[0]"));
    assert!(refuse(array![0.0], Array2::from_elem((2, 2), f64::INFINITY)).contains("fields[0, 0]"));
    let model = Xy::uniform(pair.clone(), 1.0, [0.0, 0.1]).unwrap();
    assert!(model.at(f64::INFINITY).is_err());
    assert!(
        model
            .log_z_of_forest()
            .unwrap_err()
            .to_string()
            .contains("fields[0, 1]")
    );
    for (n, closing) in [(3, "bonds[2]"), (7, "bonds[6]")] {
        let ring = Xy::uniform(lattice(&[n], Boundary::Periodic), 1.0, [0.0; 2]).unwrap();
        let error = ring.log_z_of_forest().unwrap_err();
        assert!(error.to_string().contains(closing));
    }
    assert!(XyMetropolis::new(0.0).is_err());
    assert!(model.energy(array![[f64::NAN, 0.0]].view())[0].is_nan());
}

#[test]
fn draws_are_pinned() {
    let model = random(lattice(&[2, 3], Boundary::Open), 5);
    let mut state = Array2::zeros((1, 6));
    let mut rng = Seed::new(1).rng();
    XyMetropolis::new(2.0).unwrap().step(&model, &mut state, &mut rng);
    OverRelaxation.step(&model, &mut state, &mut rng);
    XyWolff.step(&model, &mut state, &mut rng);
    let expected = array![[
        -2.804_767_847_907,
        1.130_404_972_645,
        2.215_486_513_633,
        -2.455_736_255_741,
        -2.177_603_441_475,
        0.310_298_893_836
    ]];
    gibbsian_testkit::agreement::close("angles", &state, &expected, 1e-9).unwrap();
}
