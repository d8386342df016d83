//! Or, over energies with known normalisers.

use gibbsian_core::{Density, Discrete, DiscreteEnergy, Energy, Score, Seed};
use gibbsian_densities::quadrature::{Domain, Interval, Normalised, QuadratureOptions, numeric_log_z};
use gibbsian_densities::{
    KnownLogZ, Mixture, MixtureOfEnergies, MultivariateNormal, Nade, QuadraticEnergy, SmoothEnergy, Tempered,
};
use gibbsian_testkit::conformance;
use gibbsian_testkit::differences::Precision;
use gibbsian_testkit::targets::Pairwise;
use ndarray::{arr1, array};

use crate::combine::support::{no_states, normal, normals};

/// An energy of a normal with a constant that means nothing.
fn well(
    matrix: [[f64; 2]; 2],
    linear: [f64; 2],
    constant: f64,
) -> (QuadraticEnergy, MultivariateNormal, f64) {
    let energy = QuadraticEnergy::new(ndarray::arr2(&matrix), arr1(&linear), constant).unwrap();
    let (law, log_z) = energy.complete_the_square().unwrap();
    (energy, law, log_z)
}

#[test]
fn constants_of_the_energies_do_not_matter_and_weights_do() {
    let parts = [
        well([[1.0, 0.2], [0.2, 2.0]], [1.0, 0.0], 30.0),
        well([[3.0, 0.0], [0.0, 0.5]], [-4.0, 1.0], -20.0),
    ];
    let densities: Vec<_> = parts.iter().map(|(_, law, _)| law.clone()).collect();
    let energies = parts
        .iter()
        .map(|(energy, _, log_z)| KnownLogZ::new(energy, *log_z).unwrap())
        .collect();
    let weights = array![0.3, 0.7];
    let reference = Mixture::new(weights.clone(), densities).unwrap();
    let mixture = MixtureOfEnergies::new(weights.clone(), energies).unwrap();
    let x = 2.0 * normals((30, 2), Seed::new(1));
    for (e, l) in mixture
        .energy(x.view())
        .iter()
        .zip(&reference.log_density(x.view()))
    {
        // Energies and normalisers of up to fifty cancel.
        assert!((e + l).abs() <= 1e-12, "{e} {l}");
    }
    let difference = mixture.score(x.view()) - reference.score(x.view());
    assert!(difference.iter().all(|d| d.abs() <= 1e-11), "{difference}");
    let difference = mixture.posterior(x.view()) - reference.posterior(x.view());
    assert!(difference.iter().all(|d| d.abs() <= 1e-12), "{difference}");
    assert_eq!(mixture.weights(), weights);
    assert_eq!(mixture.components()[0].log_z(), parts[0].2);
    conformance::energy(&mixture, x.view(), Precision::DOUBLE).unwrap();
    conformance::score(&mixture, x.view(), Precision::DOUBLE).unwrap();
    conformance::potential(&mixture, x.view(), Precision::DOUBLE).unwrap();
    conformance::score_jvp(&mixture, x.view(), Precision::DOUBLE).unwrap();
    // It is normalised, which the sum of exp(−E_k) is not.
    let whole = Domain::whole(2).unwrap();
    let found = numeric_log_z(&mixture, &whole, QuadratureOptions::default()).unwrap();
    assert!(found.log_z.abs() <= found.error + 1e-12, "{found:?}");
}

#[test]
fn parts_of_several_types_and_sources_of_log_z() {
    let (energy, _, log_z) = well([[1.0, 0.0], [0.0, 1.0]], [0.5, 0.5], 3.0);
    let box_of = |e: QuadraticEnergy| Box::new(e) as Box<dyn SmoothEnergy>;
    let other = MultivariateNormal::isotropic(array![2.0, -1.0], 0.5).unwrap();
    let of_density = KnownLogZ::of_density(other.clone());
    assert_eq!(of_density.log_z(), other.log_z());
    let x = normals((5, 2), Seed::new(4));
    assert_eq!(
        of_density.log_density(x.view()),
        other.energy(x.view()).mapv(|e| -e - other.log_z())
    );
    let parts = vec![
        KnownLogZ::new(box_of(energy), log_z).unwrap(),
        KnownLogZ::new(Box::new(other.clone()) as Box<dyn SmoothEnergy>, other.log_z()).unwrap(),
    ];
    let mixture = MixtureOfEnergies::new(array![0.5, 0.5], parts).unwrap();
    conformance::score_jvp(&mixture, x.view(), Precision::DOUBLE).unwrap();

    // A normal of which only the upper half is taken.
    let half = Domain::interval(Interval::above(0.0).unwrap());
    let upper =
        KnownLogZ::from(Normalised::new(normal(0.0, 1.0), half, QuadratureOptions::default()).unwrap());
    let log_p = upper.log_density(array![[1.0], [-1.0]].view());
    assert!((log_p[0] - (-0.5 - 0.5 * std::f64::consts::TAU.ln() + 2f64.ln())).abs() <= 1e-11);
    assert_eq!(log_p[1], f64::NEG_INFINITY);
}

#[test]
fn finite_spaces_are_summed_over() {
    let spins = |scale: f64| {
        let couplings = ndarray::Array2::from_shape_fn((4, 4), |(i, j)| scale * (1.0 + i as f64 - j as f64));
        Pairwise::new(array![0.3, -0.2, 0.1, 0.6], couplings).unwrap()
    };
    let parts = vec![
        KnownLogZ::enumerated(spins(0.4)).unwrap(),
        KnownLogZ::enumerated(spins(-0.7)).unwrap(),
    ];
    let mixture = MixtureOfEnergies::new(array![0.8, 0.2], parts).unwrap();
    let states = mixture.states().unwrap();
    let tempered = |scale| {
        Tempered::new(spins(scale), 1.0)
            .unwrap()
            .log_density(states.view())
            .mapv(f64::exp)
    };
    let expected = 0.8 * tempered(0.4) + 0.2 * tempered(-0.7);
    for (e, p) in mixture.energy(states.view()).iter().zip(&expected) {
        assert!(((-e).exp() - p).abs() <= 1e-15);
    }
    conformance::discrete_energy(&mixture, states.view(), Precision::DOUBLE).unwrap();
    let nade = Nade::random(5, 2, 1.0, Seed::new(1)).unwrap();
    assert!(KnownLogZ::enumerated(&nade).unwrap().log_z().abs() <= 1e-14);
}

#[test]
fn what_has_no_normaliser_is_refused() {
    let (energy, ..) = well([[1.0, 0.0], [0.0, 1.0]], [0.0, 0.0], 0.0);
    for log_z in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        let refused = KnownLogZ::new(&energy, log_z).unwrap_err().to_string();
        assert!(
            refused.contains("`log_z`") && refused.contains("must be finite"),
            "{refused}"
        );
    }
    let huge = Pairwise::new(ndarray::Array1::zeros(30), ndarray::Array2::zeros((30, 30))).unwrap();
    assert!(
        KnownLogZ::enumerated(huge)
            .unwrap_err()
            .to_string()
            .contains("2^20")
    );
    let known = |e| KnownLogZ::new(e, 0.0).unwrap();
    let refused = |weights, parts| MixtureOfEnergies::new(weights, parts).unwrap_err().to_string();
    assert!(refused(array![0.5, 0.6], vec![known(&energy), known(&energy)]).contains("the sum of weights"));
    assert!(refused(array![], vec![]).contains("the number of components"));
    let line = QuadraticEnergy::new(array![[1.0]], array![0.0], 0.0).unwrap();
    assert!(
        refused(array![0.5, 0.5], vec![known(&energy), known(&line)])
            .contains("the dimension of components[1]")
    );
}

#[test]
fn components_on_bits_and_on_spins_have_no_states_together() {
    let spins = || Pairwise::new(ndarray::Array1::zeros(4), ndarray::Array2::zeros((4, 4))).unwrap();
    let of = |model: Box<dyn DiscreteEnergy>| KnownLogZ::new(model, 4.0 * 2.0_f64.ln()).unwrap();
    let bits = Nade::random(4, 3, 1.0, Seed::new(1)).unwrap();
    let mixture = MixtureOfEnergies::new(array![0.5, 0.5], vec![of(Box::new(bits)), of(Box::new(spins()))]);
    no_states(&mixture.unwrap(), array![[0.0, 1.0, 1.0, 0.0]].view());
    let alike = MixtureOfEnergies::new(
        array![0.5, 0.5],
        vec![of(Box::new(spins())), of(Box::new(spins()))],
    );
    assert_eq!(alike.unwrap().states().unwrap().nrows(), 16);
}
