//! Deep machines of unbounded units have an integral or are refused.

use gibbsian_classical::dbm::Replicated;
use gibbsian_classical::{Bernoulli, Dbm, Gaussian, Layer, Rbm, Rectified};
use gibbsian_core::{Parametric, ParametricMut, Record, Seed, Snapshot, Units, Values};
use gibbsian_linalg::Cholesky;
use ndarray::{Array2, array};

use crate::machines::normal;

/// Whether a machine is refused, for its integral and nothing else.
fn refused<V: Units, H: Units>(visible: V, hidden: Vec<H>, weights: Vec<Array2<f64>>) -> bool {
    match Dbm::new(visible, hidden, weights) {
        Ok(_) => false,
        Err(error) => {
            let text = error.to_string();
            assert!(
                text.contains("`weights`") && text.contains("has no integral"),
                "{text}"
            );
            true
        }
    }
}

fn one() -> Gaussian {
    Gaussian::standard(1)
}

/// The precision of `L + 1` units in a row, all coupled by `a`, is `I − aA` with the adjacency `A` of a path, whose largest eigenvalue is `2 cos(π/(L + 2))`. From two hidden layers on every pair of
/// neighbours may have an integral and the chain none.
#[test]
fn a_row_of_gaussian_units_is_normalisable_up_to_the_eigenvalue_of_a_path() {
    for depth in 1..=5 {
        let edge = 0.5 / (std::f64::consts::PI / (depth as f64 + 2.0)).cos();
        let chain = |a: f64| refused(one(), vec![one(); depth], vec![array![[a]]; depth]);
        assert!(!chain(edge - 1e-6) && !chain(-edge + 1e-6), "depth {depth}");
        assert!(chain(edge + 1e-6) && chain(-edge - 1e-6), "depth {depth}");
    }
    // At 0.75 each pair by itself is a machine.
    assert!(Rbm::new(one(), one(), array![[0.75]]).is_ok());
    assert!(refused(one(), vec![one(); 2], vec![array![[0.75]]; 2]));
}

/// The whole precision `diag(γ) − (couplings)`, layer after layer.
fn precision(layers: &[Gaussian], weights: &[Array2<f64>]) -> Array2<f64> {
    let sizes: Vec<usize> = layers.iter().map(Units::n_units).collect();
    let n = sizes.iter().sum();
    let mut whole = Array2::zeros((n, n));
    let mut first = 0;
    for (l, layer) in layers.iter().enumerate() {
        for (i, gamma) in layer.precision().iter().enumerate() {
            whole[[first + i, first + i]] = *gamma;
        }
        if let Some(w) = weights.get(l) {
            for ((i, j), w) in w.indexed_iter() {
                let (a, b) = (first + i, first + sizes[l] + j);
                whole[[a, b]] = -w;
                whole[[b, a]] = -w;
            }
        }
        first += sizes[l];
    }
    whole
}

#[test]
fn gaussian_chains_are_refused_exactly_where_the_whole_precision_is_indefinite() {
    let sizes = [3, 2, 4, 1];
    let mut counts = [0, 0];
    for k in 0..60 {
        let seed = Seed::new(k);
        let layers: Vec<Gaussian> = (0..4)
            .map(|l| {
                let gamma = normal(sizes[l], 0.5, seed.nth(l as u64)).mapv(f64::exp);
                Gaussian::new(normal(sizes[l], 1.0, seed.nth(10 + l as u64)), gamma).unwrap()
            })
            .collect();
        let weights: Vec<Array2<f64>> = (0..3)
            .map(|l| {
                let w = normal(sizes[l] * sizes[l + 1], 0.3, seed.nth(20 + l as u64));
                w.into_shape_with_order((sizes[l], sizes[l + 1])).unwrap()
            })
            .collect();
        let definite = Cholesky::new("the precision", precision(&layers, &weights).view()).is_ok();
        assert_eq!(
            refused(layers[0].clone(), layers[1..].to_vec(), weights),
            !definite,
            "machine {k}"
        );
        counts[usize::from(definite)] += 1;
    }
    assert!(
        counts[0] > 10 && counts[1] > 10,
        "{counts:?} indefinite and definite ones"
    );
}

/// A bounded layer sends a bounded field: it cuts the chain, however strong its couplings are.
#[test]
fn bounded_layers_cut_a_chain() {
    let gaussian = || Layer::from(Gaussian::standard(2));
    let bits = || Layer::from(Bernoulli::unbiased(2));
    let w = |a: f64| array![[a, a], [-a, a]];
    assert!(!refused(
        gaussian(),
        vec![bits(), gaussian()],
        vec![w(100.0), w(100.0)]
    ));
    assert!(!refused(
        bits(),
        vec![gaussian(), bits()],
        vec![w(100.0), w(100.0)]
    ));
    // √2 a, above the cut.
    let above = |a: f64| {
        refused(
            bits(),
            vec![bits(), gaussian(), gaussian()],
            vec![w(9.0), w(9.0), w(a)],
        )
    };
    assert!(!above(0.7) && above(0.71));
    // One-sided units in directions that are open to them only.
    let rectified = || Layer::from(Rectified::new(array![0.1, 0.2], array![1.0, 1.0]).unwrap());
    let all = |a: f64| Array2::from_elem((2, 2), a);
    let chain = |a: f64| refused(rectified(), vec![rectified(), rectified()], vec![all(a), all(a)]);
    assert!(!chain(-50.0), "no direction profits");
    // v'Wh ≤ 2a |v||h| for each pair, and a path of three has the eigenvalue √2.
    assert!(!chain(0.5 / 2.0_f64.sqrt() - 1e-6) && chain(0.5 / 2.0_f64.sqrt() + 1e-6));
}

#[test]
fn parameters_without_an_integral_change_nothing() {
    let mut dbm = Dbm::new(one(), vec![one(); 2], vec![array![[0.6]]; 2]).unwrap();
    let before = dbm.clone();
    let mut params = dbm.params();
    params[0] = 0.9;
    let message = dbm.set_params(params.view()).unwrap_err().to_string();
    assert!(message.contains("has no integral"), "{message}");
    assert_eq!(dbm, before);
    let mut record = Record::new();
    for (name, shape, values) in dbm.snapshot().entries() {
        let values = match name {
            "weights.1" => Values::F64(vec![0.9]),
            _ => values.clone(),
        };
        record.put(name, shape, values);
    }
    assert!(dbm.restore(&record).is_err());
    assert_eq!(dbm, before);
    // Precisions may grow with the weights.
    assert!(dbm.set_params((&before.params() * 2.0).view()).is_ok());
}

/// `m` copies of `v` and `n` of `h` are coupled by `W` each with each: for equal copies, which are the worst, that is one coupling of `√(mn) W`.
#[test]
fn copies_of_gaussian_layers_need_weaker_couplings() {
    let rbm = |a: f64| Rbm::new(one(), one(), array![[a]]).unwrap();
    for (m, n) in [(1, 1), (2, 1), (1, 2), (2, 2), (2, 3)] {
        let edge = 1.0 / ((m * n) as f64).sqrt();
        assert!(
            Replicated::new(rbm(edge - 1e-6), m, n).is_ok(),
            "{m} and {n} copies"
        );
        if m * n > 1 {
            let message = Replicated::new(rbm(edge + 1e-6), m, n).unwrap_err().to_string();
            assert!(message.contains("has no integral"), "{message}");
        }
    }
    let mut copies = Replicated::new(rbm(0.6), 2, 1).unwrap();
    let before = copies.clone();
    let mut params = copies.params();
    params[0] = 0.8;
    assert!(copies.set_params(params.view()).is_err());
    assert_eq!(copies, before);
}
