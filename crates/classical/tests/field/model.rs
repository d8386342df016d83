//! The field as a model: the laws of its traits, the definition, and other words for the same thing.

use gibbsian_classical::field::{Denoiser, FlipNoise, GaussianNoise, Noise, TiedField};
use gibbsian_classical::{Boundary, Graph, PairwiseField};
use gibbsian_core::{Discrete, Energy, EnergyPullback, ParametricMut, Seed, Snapshot, Space};
use gibbsian_testkit::agreement::close;
use gibbsian_testkit::audit::Audit;
use gibbsian_testkit::conformance::{self, Redraw};
use gibbsian_testkit::differences::Precision;
use gibbsian_testkit::stats::{FALSE_ALARM, chi_square, family};
use ndarray::{Array1, Array2, ArrayView1, Axis, array, concatenate};

use crate::{open, ragged};

const DOUBLE: Precision = Precision::DOUBLE;

/// Fields of every kind, small enough to list.
fn fields() -> Vec<PairwiseField> {
    let two_ring = Graph::lattice(&[2], Boundary::Periodic).unwrap();
    let triangle = Graph::triangular(2, 3, Boundary::Open).unwrap();
    let unary = array![
        [0.3, -0.2, 0.9],
        [0.0, 1.1, -0.4],
        [0.7, 0.1, 0.2],
        [-0.5, 0.4, 0.0]
    ];
    let table = array![[0.1, 0.8, -0.6], [1.2, 0.0, 0.5], [0.3, -0.9, 0.2]];
    vec![
        ragged(open(&[2, 3]), &[0.0, 1.0], 0.8, 1),
        ragged(two_ring, &[-1.0, 1.0], 0.8, 2),
        ragged(triangle, &[1.0, 0.0], 0.6, 3),
        PairwiseField::shared(open(&[2, 2]), vec![-1.0, 0.5, 2.0], unary, table).unwrap(),
        ragged(Graph::new(3, vec![]).unwrap(), &[0.0, 1.0], 0.8, 4),
    ]
}

fn tied() -> TiedField {
    TiedField::noisy(&open(&[3]), vec![0.0, 1.0], 0.6, array![-0.3].view(), 1.1).unwrap()
}

fn laws<M>(model: &mut M, other: &mut M, seed: Seed)
where
    M: EnergyPullback + ParametricMut + Clone + gibbsian_core::DiscreteEnergy + gibbsian_core::BlockLaw,
{
    let states = model.states().unwrap();
    conformance::parametric(model).unwrap();
    conformance::energy(model, states.view(), DOUBLE).unwrap();
    conformance::discrete_energy(model, states.view(), DOUBLE).unwrap();
    conformance::energy_pullback(model, states.view(), DOUBLE).unwrap();
    conformance::energy_pullback(other, states.view(), DOUBLE).unwrap();
    conformance::blocks(model, states.view(), seed.child("blocks")).unwrap();
    conformance::block_law(model, Redraw::Conditional, seed.child("law")).unwrap();
}

#[test]
fn fields_obey_the_laws_of_their_traits() {
    for (k, mut field) in fields().into_iter().enumerate() {
        let mut other = field
            .with_potentials(&field.unary() * 0.5 + 0.1, &field.tables() * -0.7)
            .unwrap();
        laws(&mut field, &mut other, Seed::new(10 + k as u64));
        if field.tables().is_empty() {
            continue;
        }
        conformance::snapshot(&field, &mut other).unwrap();
        // What was restored is what is used.
        let states = field.states().unwrap();
        other.restore(&field.snapshot()).unwrap();
        assert_eq!(other.energy(states.view()), field.energy(states.view()));
        let law = |f: &PairwiseField| gibbsian_core::BlockLaw::block_matrix(f, 0, states.view());
        assert_eq!(law(&other), law(&field));
    }
}

#[test]
fn tied_fields_obey_the_laws_of_their_traits() {
    let (mut model, mut other) = (tied(), tied());
    other.set_params(array![0.1, 0.4, -0.8].view()).unwrap();
    laws(&mut model, &mut other, Seed::new(20));
}

/// `p(y, x) ∝ exp(Σ_i ψ_i(x_i, y_i) + Σ_⟨ij⟩ ψ_ij(y_i, y_j))` of the lecture note, written out for a square of four pixels.
#[test]
fn the_field_is_the_one_of_the_lecture_note() {
    let (eta, j) = (1.2, 0.7);
    let bonds = [(0, 1), (2, 3), (0, 2), (1, 3)];
    let model = TiedField::noisy(&open(&[2, 2]), vec![0.0, 1.0], j, array![0.0].view(), eta).unwrap();
    let audit = Audit::new(&model).unwrap();
    let psi = |same: bool, strength: f64| if same { strength } else { 0.0 };
    let exponent = |s: ArrayView1<f64>| {
        let data: f64 = (0..4).map(|i| psi(s[i] == s[4 + i], eta)).sum();
        data + bonds.iter().map(|&(a, b)| psi(s[a] == s[b], j)).sum::<f64>()
    };
    let weights: Array1<f64> = audit
        .states
        .rows()
        .into_iter()
        .map(|s| exponent(s).exp())
        .collect();
    close("p ∝ exp Σψ", &audit.pi, &(&weights / weights.sum()), 1e-13).unwrap();
    assert!((audit.log_z - weights.sum().ln()).abs() < 1e-13 * audit.log_z.abs());
}

#[test]
fn a_bond_counts_once_and_in_its_own_direction() {
    // E = U_0(y_0) + U_1(y_1) + V(y_1, y_0): the bond runs from site 1 to site 0.
    let graph = Graph::new(2, vec![[1, 0]]).unwrap();
    let v = array![[1.0, 20.0], [300.0, 4000.0]];
    let unary = array![[0.125, 0.25], [0.5, 0.0625]];
    let field = PairwiseField::shared(graph, vec![0.0, 1.0], unary.clone(), v.clone()).unwrap();
    for (a, b) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
        let e = field.energy(array![[a as f64, b as f64]].view())[0];
        assert_eq!(e, unary[[0, a]] + unary[[1, b]] + v[[b, a]]);
    }
}

#[test]
fn two_labels_are_an_ising_model_in_other_words() {
    for (k, labels) in [[0.0, 1.0], [1.0, -1.0], [-1.0, 1.0]].into_iter().enumerate() {
        for graph in [
            open(&[3, 3]),
            Graph::lattice(&[2, 3], Boundary::Periodic).unwrap(),
        ] {
            let field = ragged(graph, &labels, 0.9, 30 + k as u64);
            let (ising, constant) = field.to_ising().unwrap();
            let energy = field.energy(field.states().unwrap().view());
            // Both list the first label, or spin −1, first.
            let spins = ising.energy(ising.states().unwrap().view()) + constant;
            close("the energy of the spins", &spins, &energy, 1e-13).unwrap();
            let back = PairwiseField::from_ising(&ising, labels).unwrap();
            close(
                "the field of the spins",
                &(back.energy(back.states().unwrap().view()) + constant),
                &energy,
                1e-13,
            )
            .unwrap();
            let again = back.to_ising().unwrap();
            close(
                "couplings come back",
                &again.0.couplings(),
                &ising.couplings(),
                1e-14,
            )
            .unwrap();
            close("fields come back", &again.0.fields(), &ising.fields(), 1e-14).unwrap();
            assert!(again.1.abs() < 1e-14, "{}", again.1);
        }
    }
}

#[test]
fn the_posterior_is_the_joint_model_at_what_was_seen() {
    let labels = [0.0, 0.5, 1.0];
    let noise = array![[0.8, 0.15, 0.05], [0.1, 0.7, 0.2], [0.25, 0.25, 0.5]];
    let denoiser = Denoiser::new(
        ragged(open(&[3]), &labels, 0.7, 40),
        FlipNoise::new(labels.to_vec(), noise.clone()).unwrap(),
    );
    let joint = denoiser.joint().unwrap();
    let joint_law = Audit::new(&joint).unwrap();
    let pictures = denoiser.prior().states().unwrap();
    let prior_law = Audit::new(denoiser.prior()).unwrap();
    // Summing x out leaves the prior, whose normaliser the joint model has.
    assert!((joint_law.log_z - prior_law.log_z).abs() < 1e-13 * prior_law.log_z.abs());
    for x in pictures.rows() {
        let posterior = denoiser.posterior(x).unwrap();
        let pairs = concatenate![Axis(1), pictures, x.broadcast(pictures.dim()).unwrap()];
        let energy = posterior.energy(pictures.view());
        close("E(y | x) = E(y, x)", &energy, &joint.energy(pairs.view()), 1e-14).unwrap();
        // Bayes: p(y | x) ∝ p(y) Π p(x_i | y_i).
        let bayes: Array1<f64> = (0..pictures.nrows())
            .map(|k| {
                let p = |i: usize, v: f64| noise[[(2.0 * pictures[[k, i]]) as usize, (2.0 * v) as usize]];
                prior_law.pi[k] * x.iter().enumerate().map(|(i, v)| p(i, *v)).product::<f64>()
            })
            .collect();
        close(
            "Bayes",
            &Audit::new(&posterior).unwrap().pi,
            &(&bayes / bayes.sum()),
            1e-13,
        )
        .unwrap();
    }
}

#[test]
fn flips_are_drawn_with_their_probabilities() {
    let noise = FlipNoise::binary([-1.0, 1.0], [0.05, 0.3]).unwrap();
    let n = 200_000;
    let mut tests = Vec::new();
    for (label, law) in [(-1.0, [0.95, 0.05]), (1.0, [0.3, 0.7])] {
        let seen = noise
            .corrupt(Array1::from_elem(n, label).view(), &mut Seed::new(50).rng())
            .unwrap();
        let high = seen.iter().filter(|x| **x == 1.0).count() as u64;
        assert!(seen.iter().all(|x| x.abs() == 1.0));
        tests.push(chi_square("flips", &[n as u64 - high, high], &law));
        let mut energies = [0.0; 2];
        for (x, column) in [(-1.0, 0), (1.0, 1)] {
            noise.energies_into(0, x, &[-1.0, 1.0], &mut energies).unwrap();
            let p = energies[usize::from(label > 0.0)];
            assert!((p + law[column].ln()).abs() < 1e-15);
        }
    }
    family(&tests, FALSE_ALARM).unwrap();
    let symmetric = FlipNoise::symmetric(vec![0.0, 1.0, 2.0], 0.2).unwrap();
    close(
        "a flip leads to every other label alike",
        &symmetric.probabilities(),
        &array![[0.8, 0.1, 0.1], [0.1, 0.8, 0.1], [0.1, 0.1, 0.8]].view(),
        1e-15,
    )
    .unwrap();
}

#[test]
fn gaussian_noise_is_normalised_and_drawn_as_it_says() {
    let noise = GaussianNoise::new(0.3).unwrap();
    let density = |x: f64| {
        let mut e = [0.0; 2];
        noise.energies_into(0, x, &[0.5, 2.0], &mut e).unwrap();
        e
    };
    for label in 0..2 {
        // The trapezoid rule is exact to rounding for a normal density, from ten deviations below to ten above.
        let h = 0.01;
        let total: f64 = (-300..600)
            .map(|k| h * (-density(f64::from(k) * h)[label]).exp())
            .sum();
        assert!((total - 1.0).abs() < 1e-12, "{total}");
    }
    // (x − y)²/2σ² differs between labels by what it should.
    let e = density(1.0);
    assert!((e[1] - e[0] - (1.0 - 0.25) / 0.18).abs() < 1e-13);
    let x = noise
        .corrupt(Array1::from_elem(20_000, 2.0).view(), &mut Seed::new(51).rng())
        .unwrap();
    let squares: Vec<f64> = x.iter().map(|x| ((x - 2.0) / 0.3).powi(2)).collect();
    gibbsian_testkit::stats::mean("squares", &squares, 1.0).assert(FALSE_ALARM);
    gibbsian_testkit::stats::mean("mean", &x.to_vec(), 2.0).assert(FALSE_ALARM);
}

#[test]
fn what_is_no_label_is_outside() {
    let field = ragged(open(&[2]), &[0.0, 1.0], 1.0, 60);
    let e = field.energy(array![[0.0, 0.5], [f64::NAN, 0.5], [0.5, f64::NAN], [f64::INFINITY, 0.0]].view());
    assert_eq!((e[0], e[3]), (f64::INFINITY, f64::INFINITY));
    assert!(e[1].is_nan() && e[2].is_nan());
    let mut grad = Array1::zeros(gibbsian_core::Parametric::n_params(&field));
    let x = array![[0.0, 1.0], [0.5, 0.5]];
    field.energy_pullback_into(x.view(), array![1.0, 0.0].view(), grad.view_mut());
    assert!(grad.iter().all(|g| g.is_finite()));
    field.energy_pullback_into(x.view(), array![1.0, 1.0].view(), grad.view_mut());
    assert!(grad.iter().all(|g| g.is_nan()));
    let tied = TiedField::smooth(open(&[2]), vec![0.0, 1.0], 1.0, array![0.0].view()).unwrap();
    let mut grad = Array1::zeros(2);
    tied.energy_pullback_into(x.view(), array![1.0, 0.0].view(), grad.view_mut());
    assert_eq!(grad, tied.statistics(x.slice(ndarray::s![..1, ..])).row(0));
    tied.energy_pullback_into(x.view(), array![1.0, 1.0].view(), grad.view_mut());
    assert!(grad.iter().all(|g| !g.is_finite()));
    assert_eq!(Array2::<f64>::zeros((0, 2)).ncols(), field.dim());
}
