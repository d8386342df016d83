//! Bits per dimension of integers: dequantised, under a flow and under a bound, beside what is known of them.
//!
//! Data are the numbers of the cells into which draws of a mixture in the plane fall. Their law is the mass of a cell, so the entropy is a sum over cells, and the bits that the mixture's density spends on dequantised
//! points are one more integral over each: both by Gauss's rule of five points an axis.

use std::f64::consts::LN_2;

use gibbsian_core::process::VariancePreserving;
use gibbsian_core::{Density, Seed};
use gibbsian_sde::{
    AdaptiveRungeKutta, FlowLikelihood, ProbabilityFlow, UniformDequantisation, VariationalBound,
};
use gibbsian_testkit::stats::{FALSE_ALARM, family, mean, z_test};
use gibbsian_testkit::targets::{Mixture, Noised};
use ndarray::{Array2, array};

/// The lattice: cells of a quarter from −4 on, 32 an axis, beyond which the mixture has 10⁻⁹ of its mass.
const OFFSET: f64 = -4.0;
const SPACING: f64 = 0.25;
const N_CELLS: usize = 32;

/// Where the flow and the bound end.
const START: f64 = 1e-3;

fn process() -> VariancePreserving {
    VariancePreserving::new(0.1, 20.0).unwrap()
}

fn data() -> Mixture {
    Mixture::new(
        array![0.4, 0.6],
        array![[-1.0, 0.5], [0.9, -0.4]],
        array![0.3, 0.5],
    )
    .unwrap()
}

/// Nodes and weights on `[0, 1]`.
const GAUSS: [(f64, f64); 5] = [
    (0.046_910_077_030_668, 0.118_463_442_528_094_5),
    (0.230_765_344_947_158_5, 0.239_314_335_249_683_2),
    (0.5, 0.284_444_444_444_444_4),
    (0.769_234_655_052_841_5, 0.239_314_335_249_683_2),
    (0.953_089_922_969_332, 0.118_463_442_528_094_5),
];

/// What is known of the integers: their entropy, and the bits that a density spends on them when they are dequantised, both per dimension.
fn known(model: &Mixture) -> (f64, f64) {
    let (mut entropy, mut spent) = (0.0, 0.0);
    for i in 0..N_CELLS {
        for j in 0..N_CELLS {
            let x = Array2::from_shape_fn((25, 2), |(k, axis)| {
                let (cell, node) = if axis == 0 { (i, k / 5) } else { (j, k % 5) };
                OFFSET + SPACING * (cell as f64 + GAUSS[node].0)
            });
            let weight = |k: usize| GAUSS[k / 5].1 * GAUSS[k % 5].1;
            let (of_data, of_model) = (data().log_density(x.view()), model.log_density(x.view()));
            let mass: f64 = (0..25)
                .map(|k| SPACING * SPACING * weight(k) * of_data[k].exp())
                .sum();
            let log_p: f64 = (0..25).map(|k| weight(k) * of_model[k]).sum();
            entropy -= mass * mass.ln();
            spent -= mass * (log_p + 2.0 * SPACING.ln());
        }
    }
    (entropy / (2.0 * LN_2), spent / (2.0 * LN_2))
}

#[test]
fn dequantised_integers_cost_the_bits_that_are_known_of_them() {
    let lattice = UniformDequantisation::new(OFFSET, SPACING).unwrap();
    let noised = Noised::new(data(), process());
    let n_rows = 400;
    let cells = lattice.quantise(
        data()
            .sample(n_rows, &mut Seed::new(1).child("data").rng())
            .view(),
    );
    let x = lattice
        .dequantise(cells.view(), &mut Seed::new(1).child("within the cells").rng())
        .unwrap();
    assert_eq!(lattice.quantise(x.view()), cells);

    // The flow has the density of the data in the noise of its start.
    let at_start = noised.marginal(START);
    let flow = ProbabilityFlow::new(process(), &noised);
    let solver = AdaptiveRungeKutta::with_tolerance(1e-8);
    let likelihood = FlowLikelihood::with_prior(flow, noised.marginal(1.0), START, solver).unwrap();
    let by_flow = likelihood.log_density(x.view()).unwrap().log_density;
    let by_flow = lattice.bits_per_dimension(by_flow.view(), 2).unwrap();
    let exact = at_start
        .log_density(x.view())
        .mapv(|log_p| -(log_p / 2.0 + 0.25_f64.ln()) / LN_2);
    assert!(
        (&by_flow - &exact).iter().all(|e| e.abs() < 1e-5),
        "{}",
        &by_flow - &exact
    );

    let (entropy, spent) = known(&at_start);
    let mut tests = vec![mean("bits by the flow", by_flow.as_slice().unwrap(), spent)];
    // Never less than the entropy, by Jensen; a cell is half a deviation wide, which costs (Δ/s)²/24 an axis and less.
    let (own_entropy, own) = known(&data());
    assert_eq!(own_entropy, entropy);
    assert!(entropy < own && own < spent + 1e-3, "{entropy} {own} {spent}");
    assert!(
        own - entropy < (SPACING / 0.3).powi(2) / (24.0 * LN_2),
        "{entropy} {own}"
    );

    // The bound is that of the data's own density, and loses at its ends what is far below its error: α_T² = 4·10⁻⁵ and σ⁴ = 10⁻⁸.
    let bound = VariationalBound::new(process(), &noised, START).unwrap();
    let found = bound
        .estimate(x.view(), 400, &mut Seed::new(1).child("bound").rng())
        .unwrap();
    let bits = lattice.bits_per_dimension(found.bound.view(), 2).unwrap();
    let of_data = data().log_density(x.view());
    let of_data = lattice.bits_per_dimension(of_data.view(), 2).unwrap();
    let error = found.mean().1 / (2.0 * LN_2);
    assert!(error < 0.02, "{error}");
    let difference = bits.mean().unwrap() - of_data.mean().unwrap();
    tests.push(z_test(
        "bits by the bound, beside those of the data",
        difference,
        0.0,
        error,
    ));
    tests.push(mean("bits by the bound", bits.as_slice().unwrap(), own));
    family(&tests, FALSE_ALARM).unwrap();
}

/// Another unit of the data is another density and the same bits.
#[test]
fn bits_of_a_flow_do_not_depend_on_the_unit() {
    let cells = array![[12.0, 18.0], [20.0, 14.0], [15.0, 15.0]];
    let bits_in = |unit: f64| {
        let lattice = UniformDequantisation::new(unit * OFFSET, unit * SPACING).unwrap();
        let x = lattice.dequantise(cells.view(), &mut Seed::new(2).rng()).unwrap();
        let law = Mixture::new(
            array![0.4, 0.6],
            array![[-1.0, 0.5], [0.9, -0.4]] * unit,
            array![0.3, 0.5] * unit,
        )
        .unwrap();
        let noised = Noised::new(law, process());
        let flow = ProbabilityFlow::new(process(), &noised);
        let solver = AdaptiveRungeKutta::with_tolerance(1e-9);
        let prior = noised.marginal(1.0);
        let likelihood = FlowLikelihood::with_prior(flow, prior, 1e-5, solver).unwrap();
        let log_p = likelihood.log_density(x.view()).unwrap().log_density;
        lattice.bits_per_dimension(log_p.view(), 2).unwrap()
    };
    // The noise of the start, σ² = 10⁻⁶, is not the same in both units: its part of a log-density is σ² Δp/2p, below 10⁻⁶ · 100.
    let difference = bits_in(1.0) - bits_in(2.0);
    assert!(difference.iter().all(|e| e.abs() < 3e-4), "{difference}");
}
