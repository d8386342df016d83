//! Combinations on finite spaces: of which states they are, where the parts do not have all combinations of their symbols, and where parts of parts have different ones.

use gibbsian_core::error::{Error, Result};
use gibbsian_core::{Discrete, DiscreteEnergy, Energy, Seed, Space};
use gibbsian_densities::{
    AndNot, Capped, Independent, KnownLogZ, MixtureOfEnergies, Nade, ProductOfExperts, Tempered,
};
use gibbsian_testkit::conformance;
use gibbsian_testkit::differences::Precision;
use gibbsian_testkit::targets::Pairwise;
use ndarray::{Array1, Array2, ArrayView2, ArrayViewMut1, ArrayViewMut2, array};

use crate::combine::support::no_states;

/// Bits of which exactly one is on, each with its energy: `n` states of 2ⁿ combinations, where the formula of the energy is finite at all of them.
#[derive(Clone, Debug)]
struct OneOf(Array1<f64>);

impl Space for OneOf {
    fn dim(&self) -> usize {
        self.0.len()
    }
}

impl Energy for OneOf {
    fn energy_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut1<f64>) {
        out.assign(&x.dot(&self.0));
    }
}

impl Discrete for OneOf {
    fn alphabet(&self, _site: usize) -> &[f64] {
        &[0.0, 1.0]
    }

    fn check_states(&self, name: &'static str, x: ArrayView2<f64>) -> Result<()> {
        match x.rows().into_iter().position(|row| row.sum() != 1.0) {
            None => Ok(()),
            Some(b) => Err(Error::parameter(
                format!("row {b} of {name}"),
                x.row(b),
                "one of n",
            )),
        }
    }

    fn n_states(&self) -> Option<u64> {
        Some(self.0.len() as u64)
    }

    fn states_into(&self, first: u64, mut out: ArrayViewMut2<f64>) {
        out.fill(0.0);
        for (k, mut row) in out.rows_mut().into_iter().enumerate() {
            row[first as usize + k] = 1.0;
        }
    }
}

impl DiscreteEnergy for OneOf {}

fn one() -> OneOf {
    OneOf(array![0.3, -1.2, 0.9, 2.0])
}

fn other() -> OneOf {
    OneOf(array![-0.4, 0.7, 1.1, 0.2])
}

/// `log Σ_k exp(−e_k)`.
fn log_sum(energies: Array1<f64>) -> f64 {
    energies.mapv(|e| (-e).exp()).sum().ln()
}

/// Requires the four states of the units, and nothing else, whoever asks.
fn four_states(what: &str, model: &impl Discrete) {
    conformance::discrete(model).unwrap();
    assert_eq!(model.n_states(), Some(4), "{what}");
    assert_eq!(model.states().unwrap(), Array2::<f64>::eye(4), "{what}");
    model.check_states("x", Array2::eye(4).view()).unwrap();
    let two_on = array![[1.0, 0.0, 0.0, 1.0]];
    let refused = model.check_states("x", two_on.view()).unwrap_err().to_string();
    assert!(refused.contains("row 0 of x"), "{what}: {refused}");
}

#[test]
fn a_space_smaller_than_its_combinations_stays_so() {
    let close = |found: f64, expected: f64| assert!((found - expected).abs() <= 1e-14, "{found} {expected}");

    let tempered = Tempered::new(one(), 0.7).unwrap();
    four_states("tempered", &tempered);
    close(gibbsian_core::Density::log_z(&tempered), log_sum(0.7 * one().0));

    let capped = Capped::new(one(), 0.5).unwrap();
    four_states("capped", &capped);
    close(
        KnownLogZ::enumerated(capped).unwrap().log_z(),
        log_sum(one().0.mapv(|e| e.min(0.5))),
    );

    let and_not = AndNot::enumerated(one(), other(), 0.4).unwrap();
    four_states("and not", &and_not);
    close(and_not.log_z().unwrap(), log_sum(one().0 - 0.4 * other().0));

    let product = ProductOfExperts::new(array![0.5, 2.0], vec![one(), other()]).unwrap();
    four_states("product", &product);
    close(
        KnownLogZ::enumerated(product).unwrap().log_z(),
        log_sum(0.5 * one().0 + 2.0 * other().0),
    );

    let parts = [one(), other()].map(|part| KnownLogZ::enumerated(part).unwrap());
    let mixture = MixtureOfEnergies::new(array![0.3, 0.7], parts.to_vec()).unwrap();
    four_states("mixture", &mixture);
    close(KnownLogZ::enumerated(mixture).unwrap().log_z(), 0.0);
}

#[test]
fn states_of_independent_parts_are_those_of_each() {
    let spins = || Pairwise::new(array![0.3, -0.2], array![[0.0, 0.8], [0.8, 0.0]]).unwrap();
    let parts: Vec<Box<dyn DiscreteEnergy>> = vec![Box::new(one()), Box::new(spins()), Box::new(other())];
    let log_z: f64 =
        log_sum(one().0) + log_sum(spins().energy(spins().states().unwrap().view())) + log_sum(other().0);
    let product = Independent::new(parts).unwrap();
    conformance::discrete(&product).unwrap();
    let states = product.states().unwrap();
    assert_eq!(states.nrows(), 4 * 4 * 4);
    // Number 27 is 3 + 4 (2 + 4 · 1): the last of the first part, the third of the second, the second of the third.
    assert_eq!(
        states.row(27),
        array![0.0, 0.0, 0.0, 1.0, -1.0, 1.0, 0.0, 1.0, 0.0, 0.0]
    );
    assert!((KnownLogZ::enumerated(&product).unwrap().log_z() - log_z).abs() <= 1e-13);
    product.check_states("x", states.view()).unwrap();
    // Not a state of the last part; and a symbol that none has, with its place among all.
    let mut x = states.slice(ndarray::s![..2, ..]).to_owned();
    x[[1, 7]] = 1.0;
    let refused = product.check_states("x", x.view()).unwrap_err().to_string();
    assert!(refused.contains("row 1 of x"), "{refused}");
    x[[1, 7]] = 0.5;
    let refused = product.check_states("x", x.view()).unwrap_err().to_string();
    assert!(refused.contains("x[1, 7]"), "{refused}");
}

/// A part with more states than can be numbered leaves none for those after it, as its first states do not need more.
#[test]
fn a_part_of_countless_states_takes_the_number() {
    let many = || Pairwise::new(Array1::zeros(70), Array2::zeros((70, 70))).unwrap();
    let product = Independent::new(vec![many(), many()]).unwrap();
    assert_eq!(product.n_states(), None);
    let mut states = Array2::zeros((2, 140));
    product.states_into(5, states.view_mut());
    // 5 and 6 in binary, of −1 and 1.
    assert_eq!(states.slice(ndarray::s![0, ..4]), array![1.0, -1.0, 1.0, -1.0]);
    assert_eq!(states.slice(ndarray::s![1, ..4]), array![-1.0, 1.0, 1.0, -1.0]);
    assert!(states.slice(ndarray::s![.., 4..]).iter().all(|&s| s == -1.0));
    assert!(product.states().is_err());
}

fn bits() -> Box<dyn DiscreteEnergy> {
    Box::new(Nade::random(4, 3, 1.0, Seed::new(1)).unwrap())
}

fn spins() -> Box<dyn DiscreteEnergy> {
    Box::new(Pairwise::new(Array1::zeros(4), Array2::zeros((4, 4))).unwrap())
}

fn product(experts: Vec<Box<dyn DiscreteEnergy>>) -> ProductOfExperts<Box<dyn DiscreteEnergy>> {
    ProductOfExperts::new(Array1::ones(experts.len()), experts).unwrap()
}

/// What is said about it: models behind pointers cannot be shown.
fn refusal<M>(found: Result<M>) -> String {
    found.map_or_else(|error| error.to_string(), |_| "taken".to_owned())
}

/// The alphabet of a combination is that of its first part, behind which others may hide.
#[test]
fn parts_of_parts_on_other_alphabets_are_found() {
    let nested = || -> Vec<Box<dyn DiscreteEnergy>> {
        let inner = || product(vec![spins(), bits()]);
        let mixture = |model: Box<dyn DiscreteEnergy>| KnownLogZ::new(model, 0.0).unwrap();
        let components = vec![mixture(spins()), mixture(bits())];
        let shared = AndNot::certified(spins(), bits(), 0.5, "finitely many states").unwrap();
        vec![
            Box::new(inner()),
            Box::new(MixtureOfEnergies::new(array![0.5, 0.5], components).unwrap()),
            Box::new(shared),
            Box::new(Capped::new(inner(), 3.0).unwrap()),
            Box::new(Independent::new(vec![inner()]).unwrap()),
            Box::new(product(vec![Box::new(inner())])),
        ]
    };
    let x = array![[1.0, -1.0, -1.0, 1.0]];
    for inner in nested() {
        let refused = refusal(KnownLogZ::enumerated(&inner));
        assert!(refused.contains("the alphabet of site 0"), "{refused}");
        assert!(Tempered::new(&inner, 1.0).is_err());
    }
    for inner in nested() {
        no_states(&product(vec![inner, spins()]), x.view());
    }
    for inner in nested() {
        // Second, where nothing asks for its states.
        let outer = product(vec![spins(), inner]);
        no_states(&outer, x.view());
        let refused = refusal(KnownLogZ::enumerated(&outer));
        assert!(refused.contains("the alphabet of site 0"), "{refused}");
    }
    for inner in nested() {
        let refused = refusal(AndNot::enumerated(spins(), inner, 1.0));
        assert!(refused.contains("the alphabet of site 0"), "{refused}");
    }
}

#[test]
fn a_space_and_a_smaller_one_have_no_states_together() {
    let all = || Nade::random(4, 3, 1.0, Seed::new(1)).unwrap();
    let refused = AndNot::enumerated(all(), one(), 1.0).unwrap_err().to_string();
    assert_eq!(
        refused,
        "`the number of states of experts[1]` is 4, but must be 16, that of the first"
    );
    assert!(AndNot::enumerated(one(), all(), 1.0).is_err());
    // Which costs nothing where they do not meet.
    let experts: Vec<Box<dyn DiscreteEnergy>> = vec![Box::new(all()), Box::new(one())];
    let without = ProductOfExperts::new(array![0.0, 1.0], experts).unwrap();
    four_states("the expert that takes part", &without);
}

/// An expert of power zero takes no part, wherever it stands.
#[test]
fn the_space_is_that_of_the_experts_that_take_part() {
    let experts = || vec![bits(), spins()];
    let of_spins = ProductOfExperts::new(array![0.0, 1.0], experts()).unwrap();
    of_spins.check_alphabets().unwrap();
    assert_eq!(of_spins.alphabet(2), [-1.0, 1.0]);
    let states = of_spins.states().unwrap();
    assert_eq!(states, spins().states().unwrap());
    of_spins.check_states("x", states.view()).unwrap();
    assert!(
        of_spins
            .check_states("x", bits().states().unwrap().view())
            .is_err()
    );
    conformance::discrete_energy(&of_spins, states.view(), Precision::DOUBLE).unwrap();
    assert!((KnownLogZ::enumerated(&of_spins).unwrap().log_z() - 16f64.ln()).abs() <= 1e-14);
}
