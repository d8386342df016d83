//! Colours on a graph: exact moments, observables, and duality.

use gibbsian_classical::ising::{CRITICAL_COUPLING, SpinMeans};
use gibbsian_classical::potts::{ColourMeans, critical_coupling, dual_coupling};
use gibbsian_classical::{Boundary, Graph, Ising, Potts};
use gibbsian_core::math::log_sum_exp;
use gibbsian_core::{Discrete, Energy};
use gibbsian_testkit::agreement::close;
use gibbsian_testkit::threads;
use ndarray::{Array1, Array2, ArrayView1, array};

use crate::models::{frustrated, uniform};

/// Couplings and fields of both signs.
fn random(graph: Graph, n_colours: usize, seed: u64) -> Potts {
    let couplings = uniform(graph.n_bonds(), -1.0, 1.5, seed);
    let shape = (graph.n_sites(), n_colours);
    let fields = uniform(shape.0 * shape.1, -0.8, 0.8, seed + 1);
    Potts::new(graph, couplings, fields.into_shape_with_order(shape).unwrap()).unwrap()
}

/// All states and their probabilities.
fn law(model: &Potts) -> (Array2<f64>, Array1<f64>) {
    let x = model.states().unwrap();
    let energies = model.energy(x.view());
    let log_z = log_sum_exp(&energies.mapv(|e| -e).to_vec());
    (x, energies.mapv(|e| (-e - log_z).exp()))
}

/// The Ising model of a Potts model of two colours.
fn as_spins(model: &Potts) -> Ising {
    let fields = (&model.fields().column(1) - &model.fields().column(0)) / 2.0;
    Ising::new(model.graph().clone(), &model.couplings() / 2.0, fields).unwrap()
}

#[test]
fn moments_are_those_of_enumeration() {
    for (k, (graph, n_colours)) in [
        (Graph::lattice(&[3, 3], Boundary::Periodic).unwrap(), 3),
        (Graph::lattice(&[2, 2], Boundary::Periodic).unwrap(), 6),
        (Graph::complete(5).unwrap(), 4),
        (Graph::lattice(&[2, 5], Boundary::Open).unwrap(), 2),
        (Graph::new(3, vec![]).unwrap(), 7),
    ]
    .into_iter()
    .enumerate()
    {
        let model = random(graph, n_colours, 10 * k as u64);
        let (x, p) = law(&model);
        let found = model.moments().unwrap();
        let mean = |f: &dyn Fn(ArrayView1<f64>) -> bool| -> f64 {
            x.rows()
                .into_iter()
                .zip(&p)
                .filter(|(x, _)| f(*x))
                .map(|(_, p)| p)
                .sum()
        };
        let what = format!("model {k}");
        let n = model.graph().n_sites();
        let sites = Array2::from_shape_fn((n, n_colours), |(i, a)| mean(&|x| x[i] == a as f64));
        close(&format!("{what}: colours"), &found.sites, &sites, 1e-13).unwrap();
        let bonds: Array1<f64> = model
            .graph()
            .bonds()
            .iter()
            .map(|&[i, j]| mean(&|x| x[i] == x[j]))
            .collect();
        close(&format!("{what}: bonds"), &found.bonds, &bonds, 1e-13).unwrap();
        let energy = p.dot(&model.energy(x.view()));
        assert!(
            (found.mean_energy - energy).abs() < 1e-12,
            "{what}: {} {energy}",
            found.mean_energy
        );
    }
}

#[test]
fn two_colours_have_the_moments_of_spins_on_a_long_strip() {
    // Far too many sites to enumerate: the transfer matrix of spins is the other route.
    let model = random(Graph::lattice(&[25, 3], Boundary::Open).unwrap(), 2, 5);
    let spins = as_spins(&model);
    let expected = gibbsian_classical::TransferMatrix::new(&spins).unwrap().moments();
    let found = model.moments().unwrap();
    // P(1) = (1 + ⟨x⟩)/2, P(equal) = (1 + ⟨x x'⟩)/2. Roundings of log Z are its size times ε.
    let sites = expected.sites.mapv(|m| 0.5 * (1.0 + m));
    close("colours", &found.sites.column(1), &sites, 1e-12).unwrap();
    close(
        "bonds",
        &found.bonds,
        &expected.bonds.mapv(|m| 0.5 * (1.0 + m)),
        1e-12,
    )
    .unwrap();
    threads::same_on_any_number("moments", || model.moments().unwrap().bonds).unwrap();
}

#[test]
fn observables_are_what_they_are_defined_to_be() {
    let model = Potts::uniform(Graph::lattice(&[2, 3], Boundary::Open).unwrap(), 4, 0.7).unwrap();
    let (x, p) = law(&model);
    let observed = model.observe(x.view());
    for (x, observed) in x.rows().into_iter().zip(observed.rows()) {
        let energy = model.energy(x.insert_axis(ndarray::Axis(0)))[0];
        // (q Σ ρ² − 1)/(q − 1) from the pairs of sites that have one colour.
        let equal = x
            .iter()
            .map(|a| x.iter().filter(|b| a == *b).count())
            .sum::<usize>();
        let squared = (4.0 * equal as f64 / 36.0 - 1.0) / 3.0;
        let expected = array![
            energy,
            energy * energy,
            squared.max(0.0).sqrt(),
            squared,
            squared * squared
        ];
        // The root of a number that is zero up to rounding is 10⁻⁸.
        close("a row", &observed, &expected, 2e-8).unwrap();
        assert!((observed[3] - squared).abs() < 1e-15);
    }
    let means = ColourMeans::of(p.dot(&observed).view());
    let exact = model.moments().unwrap();
    assert!((means.energy - exact.mean_energy).abs() < 1e-12);
    let variance: f64 = p
        .iter()
        .zip(observed.column(0))
        .map(|(p, e)| p * (e - means.energy).powi(2))
        .sum();
    assert!((means.energy_variance() - variance).abs() < 1e-12);
    // All sites of one colour, all colours alike, and rows of no colours.
    let even = Potts::uniform(Graph::complete(4).unwrap(), 4, 0.7).unwrap();
    let rows = array![
        [3.0, 3.0, 3.0, 3.0],
        [1.0, 3.0, 0.0, 2.0],
        [1.0, 1.5, 0.0, 2.0],
        [1.0, f64::NAN, 0.0, 4.0]
    ];
    let observed = even.observe(rows.view());
    assert_eq!(observed.column(3).slice(ndarray::s![..2]), array![1.0, 0.0]);
    assert!(observed[[2, 0]] == f64::INFINITY && observed[[2, 2]].is_nan());
    assert!(observed[[3, 0]].is_nan() && observed[[3, 2]].is_nan());
}

#[test]
fn observables_of_two_colours_are_those_of_spins() {
    let spins = frustrated(Graph::lattice(&[3, 3], Boundary::Periodic).unwrap(), 3);
    let couplings = spins.couplings().mapv(|j| 2.0 * j);
    let fields = Array2::from_shape_fn((9, 2), |(i, a)| spins.fields()[i] * (2.0 * a as f64 - 1.0));
    let model = Potts::new(spins.graph().clone(), couplings, fields).unwrap();
    let (x, p) = law(&model);
    let colours = model.observe(x.view());
    let of_spins = spins.observe(x.mapv(|x| 2.0 * x - 1.0).view());
    close("m", &colours.column(2), &of_spins.column(2), 1e-15).unwrap();
    close("m⁴", &colours.column(4), &of_spins.column(4), 1e-15).unwrap();
    let (colours, of_spins) = (
        ColourMeans::of(p.dot(&colours).view()),
        SpinMeans::of(p.dot(&of_spins).view()),
    );
    // The energies differ by a constant.
    let difference = colours.energy_variance() - of_spins.energy_variance();
    assert!(difference.abs() < 1e-12, "{difference}");
    assert!((colours.susceptibility(9) - of_spins.susceptibility(9)).abs() < 1e-13);
    assert!((colours.binder_cumulant(2) - of_spins.binder_cumulant()).abs() < 1e-13);
}

#[test]
fn the_cumulant_tells_disorder_from_order() {
    // Free colours on N sites have normal shares up to 1/N, one colour has one magnitude.
    let q = 5;
    let cumulant = |squared: f64, fourth: f64| {
        let means = array![0.0, 0.0, squared.sqrt(), squared, fourth];
        ColourMeans::of(means.view()).binder_cumulant(q)
    };
    assert!((cumulant(1.0, 1.0) - 2.0 / 6.0).abs() < 1e-15);
    let of_free = |n: usize| {
        let model = Potts::uniform(Graph::new(n, vec![]).unwrap(), q, 0.0).unwrap();
        let (x, p) = law(&model);
        ColourMeans::of(p.dot(&model.observe(x.view())).view())
    };
    let means = of_free(6);
    // ⟨ρ_a ρ_b⟩ of a multinomial: ⟨m²⟩ = 1/N.
    assert!((means.order_squared - 1.0 / 6.0).abs() < 1e-13);
    // ⟨m⁴⟩/⟨m²⟩² = (q + 1)/(q − 1) − 2/N(q − 1) of N free colours.
    let expected = 2.0 / (6.0 * 6.0);
    assert!((means.binder_cumulant(q) - expected).abs() < 1e-12);
    assert!((of_free(3).binder_cumulant(q) - 2.0 * expected).abs() < 1e-12);
}

/// A planar graph and the cycles of sites around its faces, but for the outer one.
struct Planar {
    graph: Graph,
    faces: Vec<Vec<usize>>,
}

impl Planar {
    fn new(graph: Graph, faces: Vec<Vec<usize>>) -> Self {
        Planar { graph, faces }
    }

    /// The dual with the dual couplings, and the constant that self-loops add to `log Z`; bonds between one pair of faces are as one.
    fn dual(&self, q: usize, couplings: &Array1<f64>) -> (Potts, f64) {
        let outer = self.faces.len();
        let mut merged = std::collections::BTreeMap::new();
        let mut loops = 0.0;
        for (&[i, j], &coupling) in self.graph.bonds().iter().zip(couplings) {
            let around = |face: &Vec<usize>| {
                let next = face.iter().skip(1).chain(face.first());
                face.iter()
                    .zip(next)
                    .any(|(&a, &b)| [a, b] == [i, j] || [b, a] == [i, j])
            };
            let mut sides: Vec<usize> = (0..outer).filter(|&f| around(&self.faces[f])).collect();
            sides.resize(2, outer);
            let dual = dual_coupling(q, coupling).unwrap();
            if sides[0] == sides[1] {
                loops += dual;
            } else {
                *merged.entry([sides[0], sides[1]]).or_insert(0.0) += dual;
            }
        }
        let graph = Graph::new(outer + 1, merged.keys().copied().collect()).unwrap();
        let fields = Array2::zeros((outer + 1, q));
        (
            Potts::new(graph, merged.into_values().collect(), fields).unwrap(),
            loops,
        )
    }
}

#[test]
fn planar_graphs_and_their_duals_have_one_partition_function() {
    let squares = |rows: usize, columns: usize| {
        let corner = |r: usize, c: usize| r * columns + c;
        let faces = (0..rows - 1).flat_map(|r| {
            (0..columns - 1).map(move |c| {
                vec![
                    corner(r, c),
                    corner(r, c + 1),
                    corner(r + 1, c + 1),
                    corner(r + 1, c),
                ]
            })
        });
        Planar::new(
            Graph::lattice(&[rows, columns], Boundary::Open).unwrap(),
            faces.collect(),
        )
    };
    let triangles = || {
        // Rows of three: the square (r, c) has the diagonal to (r + 1, c + 1).
        let corner = |r: usize, c: usize| r * 3 + c;
        let halves = (0..2).flat_map(|r| {
            (0..2).flat_map(move |c| {
                let (a, d) = (corner(r, c), corner(r + 1, c + 1));
                [vec![a, corner(r, c + 1), d], vec![a, corner(r + 1, c), d]]
            })
        });
        Planar::new(Graph::triangular(3, 3, Boundary::Open).unwrap(), halves.collect())
    };
    // A ring with a tail, whose bonds have the outer face on both sides.
    let tail = Planar::new(
        Graph::new(6, vec![[0, 1], [1, 2], [2, 0], [2, 3], [3, 4], [3, 5]]).unwrap(),
        vec![vec![0, 1, 2]],
    );
    for (k, planar) in [squares(2, 3), squares(3, 3), squares(2, 4), triangles(), tail]
        .iter()
        .enumerate()
    {
        for q in [2, 3, 4] {
            let n_bonds = planar.graph.n_bonds();
            let couplings = uniform(n_bonds, 0.05, 2.5, 100 + k as u64);
            let fields = Array2::zeros((planar.graph.n_sites(), q));
            let model = Potts::new(planar.graph.clone(), couplings.clone(), fields).unwrap();
            let (dual, loops) = planar.dual(q, &couplings);
            let enumerated = |model: &Potts| {
                let energies = model.energy(model.states().unwrap().view());
                log_sum_exp(&energies.mapv(|e| -e).to_vec())
            };
            let power = planar.graph.n_sites() as f64 - n_bonds as f64 - 1.0;
            let factors = couplings.mapv(|j| j.exp_m1().ln()).sum();
            let expected = power * (q as f64).ln() + factors + loops + enumerated(&dual);
            let found = enumerated(&model);
            assert!(
                (found - expected).abs() < 1e-12 * found,
                "graph {k}, q = {q}: {found} {expected}"
            );
        }
    }
}

#[test]
fn the_critical_coupling_is_its_own_dual() {
    for q in [2, 3, 4, 10, 256] {
        let critical = critical_coupling(q).unwrap();
        assert!((dual_coupling(q, critical).unwrap() - critical).abs() < 1e-15);
        // Order on one side is disorder on the other.
        assert!(dual_coupling(q, 0.9 * critical).unwrap() > critical);
    }
    assert!((critical_coupling(2).unwrap() - 2.0 * CRITICAL_COUPLING).abs() < 1e-15);
    // Far from the fixed point the dual is q e^{−J}, or log(q / J).
    assert!((dual_coupling(3, 600.0).unwrap() / (3.0 * (-600f64).exp()) - 1.0).abs() < 1e-15);
    assert!((dual_coupling(3, 1e-9).unwrap() - 3e9f64.ln()).abs() < 1e-8);
    for bad in [0.0, -0.4, f64::NAN, f64::INFINITY] {
        let message = dual_coupling(3, bad).unwrap_err().to_string();
        assert!(message.starts_with(&format!("`coupling` is {bad}")), "{message}");
    }
    for bad in [0, 1, 257] {
        assert!(
            critical_coupling(bad)
                .unwrap_err()
                .to_string()
                .contains("from 2 to 256")
        );
        assert!(
            dual_coupling(bad, 1.0)
                .unwrap_err()
                .to_string()
                .contains("from 2 to 256")
        );
    }
}
