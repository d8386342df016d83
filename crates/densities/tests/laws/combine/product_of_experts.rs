use gibbsian_core::{Density, Discrete, DiscreteEnergy, Energy, Potential, Score, ScoreJvp, Seed, Space};
use gibbsian_densities::quadrature::{Domain, Interval, QuadratureOptions, numeric_log_z};
use gibbsian_densities::{
    Beta, Gamma, Mixture, MultivariateNormal, Nade, Normal, ProductOfExperts, SmoothEnergy, Tempered,
};
use gibbsian_testkit::conformance;
use gibbsian_testkit::differences::Precision;
use gibbsian_testkit::targets::Pairwise;
use ndarray::{Array1, Array2, array};

use crate::combine::support::{Exponential, chain, no_states, normal, normals};

/// A chain, a mixture and a product of their own, of which one is negated.
fn heterogeneous() -> ProductOfExperts<Box<dyn SmoothEnergy>> {
    let pair = |shift: f64| MultivariateNormal::isotropic(array![shift, -0.5 * shift], 0.8).unwrap();
    let mixture = Mixture::new(array![0.3, 0.7], vec![pair(-1.0), pair(1.5)]).unwrap();
    let inner = ProductOfExperts::new(array![0.5, 2.0], vec![pair(0.3), pair(-0.7)]).unwrap();
    let experts: Vec<Box<dyn SmoothEnergy>> = vec![
        Box::new(chain(2, Seed::new(1))),
        Box::new(mixture),
        Box::new(inner),
    ];
    ProductOfExperts::with_negations(array![0.7, -0.4, 1.3], experts).unwrap()
}

#[test]
fn conforms() {
    let (product, x) = (heterogeneous(), normals((6, 2), Seed::new(2)));
    assert_eq!(product.dim(), 2);
    conformance::energy(&product, x.view(), Precision::DOUBLE).unwrap();
    conformance::score(&product, x.view(), Precision::DOUBLE).unwrap();
    conformance::potential(&product, x.view(), Precision::DOUBLE).unwrap();
    conformance::score_jvp(&product, x.view(), Precision::DOUBLE).unwrap();
}

#[test]
fn energies_and_derivatives_are_weighted_sums() {
    let (product, x) = (heterogeneous(), normals((40, 2), Seed::new(3)));
    let v = normals((40, 2), Seed::new(4));
    let mut energy = Array1::<f64>::zeros(40);
    let mut size = Array1::<f64>::zeros(40);
    let mut divergence = Array1::<f64>::zeros(40);
    let mut score = Array2::<f64>::zeros((40, 2));
    for (&beta, expert) in product.powers().iter().zip(product.experts()) {
        energy.scaled_add(beta, &expert.energy(x.view()));
        size.scaled_add(beta.abs(), &expert.energy(x.view()).mapv(f64::abs));
        divergence.scaled_add(beta, &expert.divergence(x.view()));
        score.scaled_add(beta, &expert.score(x.view()));
    }
    for ((found, expected), size) in product.energy(x.view()).iter().zip(&energy).zip(&size) {
        assert!((found - expected).abs() <= 4.0 * f64::EPSILON * size);
    }
    assert_eq!(product.score(x.view()), score);
    assert_eq!(product.divergence(x.view()), divergence);
    let (mut again, mut jvp) = (score.clone(), score.clone());
    product.score_jvp_into(x.view(), v.view(), again.view_mut(), jvp.view_mut());
    assert_eq!(again, score);
}

/// Normals in closed form, with a negated one, against the sum of energies: the same shape at every point, and the same normaliser.
#[test]
fn a_product_of_normals_is_their_closed_form() {
    let experts = [
        MultivariateNormal::from_covariance(array![1.0, -0.5], array![[1.0, 0.4], [0.4, 0.5]]).unwrap(),
        MultivariateNormal::from_covariance(array![-0.3, 0.8], array![[2.0, -0.6], [-0.6, 0.9]]).unwrap(),
        MultivariateNormal::isotropic(array![2.0, 2.0], 3.0).unwrap(),
    ];
    let powers = [1.0, 0.5, -0.75];
    let factors: Vec<_> = experts.iter().zip(powers).collect();
    let (closed, log_integral) = MultivariateNormal::product(&factors).unwrap();
    // The energies leave their normalisers out, and so must the integral.
    let normalisers: f64 = factors.iter().map(|(e, b)| b * e.log_z()).sum();
    let log_z = log_integral + normalisers;

    let product =
        ProductOfExperts::with_negations(array![1.0, 0.5, -0.75], experts.iter().collect()).unwrap();
    let found = numeric_log_z(&product, &Domain::whole(2).unwrap(), QuadratureOptions::default()).unwrap();
    assert!(
        (found.log_z - log_z).abs() <= found.error + 1e-14,
        "{found:?} {log_z}"
    );
    assert!(found.error < 1e-11);

    let x = 3.0 * normals((50, 2), Seed::new(5));
    let shape = product.energy(x.view()) + closed.log_density(x.view());
    // E + log p = −log Z wherever x is; terms of a few hundred cancel.
    let size = product.energy(x.view()).fold(1.0_f64, |m, e| m.max(e.abs()));
    assert!(
        shape
            .iter()
            .all(|s| (s + log_z).abs() <= 64.0 * f64::EPSILON * size),
        "{shape}"
    );
    let difference = product.score(x.view()) - closed.score(x.view());
    assert!(difference.iter().all(|d| d.abs() <= 1e-13 * size), "{difference}");
}

/// `x^(a−1) e^(−bx)` and `x^(c−1) e^(−dx)` make a gamma of shape `a + c − 1`: known without a normal, on half a line.
#[test]
fn a_product_of_gammas_is_a_gamma() {
    let experts = vec![Gamma::new(2.5, 1.0).unwrap(), Gamma::new(4.0, 0.5).unwrap()];
    let normalisers: f64 = experts.iter().map(Density::log_z).sum();
    let product = ProductOfExperts::new(array![1.0, 1.0], experts).unwrap();
    let domain = Domain::interval(Interval::above(0.0).unwrap());
    let found = numeric_log_z(&product, &domain, QuadratureOptions::default()).unwrap();
    // ∫ x^4.5 e^(−1.5 x) dx = Γ(5.5) / 1.5^5.5, divided by Γ(2.5) and Γ(4) / 0.5^4, whose logarithms the energies may hold or leave.
    let log_gamma_5_5 = (52.342_777_784_553_52_f64).ln();
    let log_gamma_2_5 = (1.329_340_388_179_137_f64).ln();
    let of_densities = log_gamma_5_5 - 5.5 * 1.5_f64.ln() - log_gamma_2_5 - 6.0_f64.ln() + 4.0 * 0.5_f64.ln();
    assert!(
        (found.log_z - normalisers - of_densities).abs() <= 1e-12,
        "{found:?}"
    );
}

#[test]
fn infinite_energies_are_decided() {
    // Half-lines x ≥ 0, and an interval 0 < x < 1 with poles or zeros at its ends.
    let half = || Box::new(Exponential(1.0)) as Box<dyn Energy>;
    let interval = |a, b| Box::new(Beta::new(a, b).unwrap()) as Box<dyn Energy>;
    let anywhere = || Box::new(Normal::new(0.0, 1.0).unwrap()) as Box<dyn Energy>;
    let energy = |powers: Array1<f64>, experts: Vec<Box<dyn Energy>>, x: f64| {
        ProductOfExperts::with_negations(powers, experts)
            .unwrap()
            .energy(array![[x]].view())[0]
    };
    let infinite = f64::INFINITY;
    // Positive powers: outside one is outside all.
    assert_eq!(energy(array![1.0, 1.0], vec![half(), anywhere()], -1.0), infinite);
    // Outside of both, one of them negated, in either order: the positive expert rules.
    assert_eq!(energy(array![1.0, -1.0], vec![half(), half()], -1.0), infinite);
    assert_eq!(energy(array![-2.0, 1.0], vec![half(), half()], -1.0), infinite);
    // Outside of the negated one only.
    assert_eq!(
        energy(array![1.0, -1.0], vec![anywhere(), half()], -1.0),
        -infinite
    );
    // A zero power takes no part.
    assert_eq!(energy(array![0.0, 1.0], vec![half(), anywhere()], -1.0), 0.5);
    // A pole at 0, where another expert has a zero.
    assert_eq!(
        energy(
            array![1.0, 1.0],
            vec![interval(0.5, 1.0), interval(3.0, 1.0)],
            0.0
        ),
        infinite
    );
    // NaN is neither.
    for powers in [array![1.0, -1.0], array![-1.0, 1.0], array![0.0, 1.0]] {
        assert!(energy(powers, vec![half(), anywhere()], f64::NAN).is_nan());
    }
}

#[test]
fn what_is_not_integrable_has_no_normaliser() {
    let whole = Domain::whole(1).unwrap();
    // Infinite where the negated expert has no mass.
    let experts: Vec<Box<dyn Energy>> = vec![
        Box::new(Normal::new(0.0, 1.0).unwrap()),
        Box::new(Exponential(1.0)),
    ];
    let infinite = ProductOfExperts::with_negations(array![1.0, -1.0], experts).unwrap();
    let refused = numeric_log_z(&infinite, &whole, QuadratureOptions::default()).unwrap_err();
    assert!(refused.to_string().contains("the energy"), "{refused}");
    // Nothing that confines it; and a narrow expert negated more than once.
    let normals = vec![Normal::new(0.0, 1.0).unwrap(), Normal::new(0.0, 2.0).unwrap()];
    for powers in [array![-1.0, 1.0], array![0.1, -0.5]] {
        let product = ProductOfExperts::with_negations(powers, normals.clone()).unwrap();
        assert!(numeric_log_z(&product, &whole, QuadratureOptions::default()).is_err());
    }
}

#[test]
fn scores_follow_the_powers() {
    let experts: Vec<Box<dyn Potential>> = vec![Box::new(Exponential(2.0)), Box::new(normal(0.0, 1.0))];
    let product = ProductOfExperts::with_negations(array![1.0, -0.5], experts).unwrap();
    let score = product.score(array![[1.5], [-1.0], [f64::NAN]].view());
    assert_eq!(score[[0, 0]], -2.0 + 0.75);
    // Outside the support there is no score, unless the expert takes no part.
    assert!(score[[1, 0]].is_nan() && score[[2, 0]].is_nan());
    let experts: Vec<Box<dyn Potential>> = vec![Box::new(Exponential(2.0)), Box::new(normal(0.0, 1.0))];
    let without = ProductOfExperts::new(array![0.0, 1.0], experts).unwrap();
    assert_eq!(without.score(array![[-1.0]].view())[[0, 0]], 1.0);
}

/// On a finite space the product has a normaliser and draws by enumeration.
#[test]
fn a_finite_product_is_enumerated() {
    let nade = |n_hidden, seed| Nade::random(4, n_hidden, 1.0, Seed::new(seed)).unwrap();
    let (first, second) = (nade(3, 6), nade(2, 7));
    let product = ProductOfExperts::with_negations(array![1.0, -0.3], vec![&first, &second]).unwrap();
    let states = first.states().unwrap();
    conformance::discrete_energy(&product, states.view(), Precision::DOUBLE).unwrap();
    // p₁ p₂^(−0.3), state by state.
    let terms = first.log_density(states.view()) - 0.3 * second.log_density(states.view());
    let total = terms.mapv(f64::exp).sum();
    let enumerated = Tempered::new(&product, 1.0).unwrap();
    assert!((enumerated.log_z() - total.ln()).abs() <= 1e-14);
    let expected = terms - total.ln();
    let difference = enumerated.log_density(states.view()) - expected;
    assert!(difference.iter().all(|d| d.abs() <= 1e-13), "{difference}");
}

#[test]
fn wrong_parts_are_refused() {
    let refusal = |powers: Array1<f64>, experts: Vec<MultivariateNormal>| {
        ProductOfExperts::new(powers, experts).unwrap_err().to_string()
    };
    let standard = |dim| MultivariateNormal::standard(dim).unwrap();
    assert_eq!(
        refusal(array![], vec![]),
        "`the number of experts` is 0, but must be at least 1"
    );
    assert_eq!(
        refusal(array![1.0, 1.0], vec![standard(2)]),
        "`powers` has shape [2], but must have shape [1]"
    );
    assert_eq!(
        refusal(array![1.0, f64::INFINITY], vec![standard(2), standard(2)]),
        "`powers[1]` is inf, but must be finite"
    );
    assert_eq!(
        refusal(array![1.0, -0.5], vec![standard(2), standard(2)]),
        "`powers[1]` is -0.5, but must be at least zero; a negation has a normaliser only under conditions, which AndNot decides"
    );
    assert_eq!(
        refusal(array![0.0, -0.0], vec![standard(2), standard(2)]),
        "`powers` is [0, -0], but must be different from zero somewhere"
    );
    assert_eq!(
        refusal(array![1.0, 1.0], vec![standard(2), standard(3)]),
        "`the dimension of experts[1]` is 3, but must be 2, that of the first"
    );
}

#[test]
fn experts_on_bits_and_on_spins_have_no_states_together() {
    let experts = || -> Vec<Box<dyn DiscreteEnergy>> {
        let spins = Pairwise::new(Array1::zeros(4), Array2::zeros((4, 4))).unwrap();
        vec![
            Box::new(Nade::random(4, 3, 1.0, Seed::new(1)).unwrap()),
            Box::new(spins),
        ]
    };
    let x = array![[0.0, 1.0, 1.0, 0.0]];
    no_states(
        &ProductOfExperts::new(array![1.0, 1.0], experts()).unwrap(),
        x.view(),
    );
    no_states(
        &ProductOfExperts::with_negations(array![1.0, -0.5], experts()).unwrap(),
        x.view(),
    );
    // An expert of power zero takes no part.
    let alone = ProductOfExperts::new(array![1.0, 0.0], experts()).unwrap();
    alone.check_alphabets().unwrap();
    alone.check_states("x", x.view()).unwrap();
    assert_eq!(alone.states().unwrap().nrows(), 16);
}
