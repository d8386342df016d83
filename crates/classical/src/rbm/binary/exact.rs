//! The exact partition function of a Bernoulli–Bernoulli machine, by products instead of exponentials.
//!
//! `Z = Σ_h exp(c·h) Π_i (1 + exp(b_i + (Wh)_i))` has `2^H V` factors, and the textbook way takes an exponential and a logarithm for each.
//! Here `h` is cut into an outer and an inner part, `b_i + (Wh)_i = x_i + y_i` with `x` from the outer and `y` from the inner part, and
//!
//! `1 + e^{x_i + y_i} = e^{x_i + m_i} (A_i + B_i)`,  `A_i = e^{−x_i − m_i}`,  `B_i = e^{y_i − m_i}`,
//!
//! so that a factor costs **one addition and one multiplication**: `B` is a table over the inner states, which lie side by side in vectors, and
//! the prefactor of a state is linear in its hidden units. `A` is the product of an exponential that is taken afresh for each block of
//! outer states and of a table over the states within the block. (Walking through the outer states in Gray-code order needs less
//! memory, but its roundings pile up until it starts afresh. `1 + e^x e^y` without the prefactor takes one operation more where product and
//! sum are not fused.)
//!
//! **Range.** The constants `m_i` centre the logarithm of `A_i + B_i` on zero, whatever the biases, and the weights bound it: `|log(A_i + B_i)| ≤ r_i`.
//! Units are multiplied until their bounds add up to 600; then the exponent of the running product is moved into a counter of its own. So
//! nothing overflows, and nothing that matters underflows. A unit that is too steep for this (`r_i > 300`, or outer weights of
//! more than 300 in sum) is not multiplied but added as `softplus(x_i + y_i)`.
//!
//! **Error.** With `ε = 2⁻⁵²`, `A_i` and `B_i` are wrong by a few `ε` and by the rounding of their exponents, and the sum and the product add half an
//! `ε` each, so `log Z` is off by at most `8 V ε + 4 ε Σ_i (|b_i| + Σ_j |W_ij|)`: about `3·10⁻¹²` for 784 units with weights of order
//! one, in a `log Z` of some hundreds. The errors mostly cancel; in the tests the result is within `10⁻¹³` of the generic one.

mod scaled;
mod tables;

use std::f64::consts::LN_2;

use gibbsian_core::math::log_sum_exp;
use gibbsian_core::simd::{Vectorized, vectorized};
use gibbsian_core::{Error, Result};
use ndarray::{ArrayView1, ArrayView2};
use rayon::prelude::{IntoParallelIterator, ParallelIterator};

use crate::Rbm;

use scaled::{Lanes, PerUnit, UNITS};
use tables::{GROUP, Tables};

/// The largest layer that is enumerated.
const MOST_UNITS: usize = 32;

/// `log Z` by enumeration of the smaller layer.
///
/// # Errors
/// The smaller layer has more than 32 units, or the parameters are too large for their sum to be finite.
pub(super) fn log_z_of(rbm: &Rbm) -> Result<f64> {
    let (n_visible, n_hidden) = rbm.weights().dim();
    if n_visible.min(n_hidden) > MOST_UNITS {
        return Err(Error::parameter(
            "layers",
            format!("of {n_visible} and {n_hidden} units"),
            "such that one has at most 32 units to be enumerated",
        ));
    }
    let (b, c) = (rbm.visible().bias(), rbm.hidden().bias());
    let log_z = if n_hidden <= n_visible {
        log_z(rbm.weights(), b, c)
    } else {
        log_z(rbm.weights().t(), c, b)
    };
    if log_z.is_finite() {
        Ok(log_z)
    } else {
        Err(Error::non_finite("log_z", log_z, "in the sum over all states"))
    }
}

/// `log Z` of the machine with these weights (visible × hidden) and biases, by enumeration of the **hidden** layer.
///
/// Parameters that are not finite, or whose magnitudes do not add up to a finite number, give NaN.
fn log_z(weights: ArrayView2<f64>, visible_bias: ArrayView1<f64>, hidden_bias: ArrayView1<f64>) -> f64 {
    let size = |values: ArrayView1<f64>| values.iter().map(|x| x.abs()).sum::<f64>();
    let total = weights.rows().into_iter().map(size).sum::<f64>() + size(visible_bias) + size(hidden_bias);
    // Every exponent below is at most a few times this sum.
    if total.is_nan() || total > f64::MAX / 8.0 {
        return f64::NAN;
    }
    let tables = Tables::new(weights, visible_bias, hidden_bias);
    let terms: Vec<f64> = (0..tables.n_blocks())
        .into_par_iter()
        .map_init(Vec::new, |scratch, block| {
            vectorized(Block {
                tables: &tables,
                block,
                scratch,
            })
        })
        .collect();
    // Hidden units that were added without weights and biases doubled the number of states.
    log_sum_exp(&terms) - tables.n_added as f64 * LN_2
}

/// The logarithm of the sum over the states of one block.
struct Block<'a> {
    tables: &'a Tables,
    block: usize,
    /// The block's share of `A_i`, for every pack.
    scratch: &'a mut Vec<PerUnit>,
}

impl Vectorized for Block<'_> {
    type Output = f64;

    #[inline(always)]
    fn run(self) -> f64 {
        let Block {
            tables: t,
            block,
            scratch: outer,
        } = self;
        outer.clone_from(&t.offset);
        let mut log_prefactor = t.constant;
        for (j, slope) in t.outermost_slope.iter().enumerate() {
            if block >> j & 1 == 1 {
                log_prefactor += slope;
                for (x, w) in outer.iter_mut().zip(&t.outermost[j * t.inner.len()..]) {
                    for k in 0..UNITS {
                        x[k] -= w[k];
                    }
                }
            }
        }
        for x in outer.as_flattened_mut() {
            *x = x.exp();
        }

        let mut sum = Lanes::ZERO;
        let mut product = [t.inner_start; GROUP];
        for (group, start) in t.middle_start.chunks_exact(GROUP).enumerate() {
            for (p, s) in product.iter_mut().zip(start) {
                *p = t.inner_start;
                p.scale(s);
            }
            let middle = &t.middle[group * outer.len()..(group + 1) * outer.len()];
            let mut from = 0;
            for &to in &t.cuts {
                for i in from..to {
                    for (p, m) in product.iter_mut().zip(&middle[i]) {
                        p.multiply(&outer[i], m, &t.inner[i]);
                    }
                }
                for p in &mut product {
                    p.take_out_exponents();
                }
                from = to;
            }
            for (state, p) in product.iter_mut().enumerate() {
                if !t.steep.is_empty() {
                    t.multiply_by_steep_factors(block * t.middle_start.len() + group * GROUP + state, p);
                }
                sum.add(p);
            }
        }
        log_prefactor + sum.log_sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Bernoulli;
    use gibbsian_core::Seed;
    use gibbsian_core::math::softplus;
    use ndarray::{Array1, Array2, s};
    use rand::RngExt;
    use rand_distr::StandardNormal;

    /// A machine with normal parameters of these standard deviations.
    fn machine(v: usize, h: usize, weight: f64, visible: f64, hidden: f64, seed: u64) -> Rbm {
        let mut rng = Seed::new(seed).child("machine").rng();
        let mut normal = |scale: f64| scale * rng.sample::<f64, _>(StandardNormal);
        let b = Array1::from_shape_simple_fn(v, || normal(visible));
        let c = Array1::from_shape_simple_fn(h, || normal(hidden));
        let w = Array2::from_shape_simple_fn((v, h), || normal(weight));
        Rbm::new(Bernoulli::new(b).unwrap(), Bernoulli::new(c).unwrap(), w).unwrap()
    }

    fn fast(rbm: &Rbm) -> f64 {
        log_z(rbm.weights(), rbm.visible().bias(), rbm.hidden().bias())
    }

    /// The error of the fast form against the generic one, relative to `log Z` or to one where `log Z` is smaller.
    fn error(rbm: &Rbm) -> f64 {
        let expected = rbm.log_z_over_hidden().unwrap();
        (fast(rbm) - expected).abs() / expected.abs().max(1.0)
    }

    #[test]
    fn machines_of_every_size_agree_with_the_generic_enumeration() {
        for h in 1..=14 {
            for v in [1, 2, 3, 17, 40] {
                let rbm = machine(v, h, 0.7, 1.0, 1.0, (100 * h + v) as u64);
                assert!(error(&rbm) <= 1e-13, "{v} x {h}: {:e}", error(&rbm));
            }
        }
    }

    #[test]
    fn large_weights_and_biases_agree_with_the_generic_enumeration() {
        // From weights whose products need their exponents taken out once, to fields of tens of thousands.
        for (weight, visible, hidden) in [
            (0.0, 0.0, 0.0),
            (5.0, 1.0, 1.0),
            (30.0, 1.0, 1.0),
            (0.1, 2000.0, 1.0),
            (0.1, 1.0, 2000.0),
            (90.0, 300.0, 300.0),
            (1000.0, 1.0, 1.0),
            (1.0, 1e9, 1e12),
            (1e6, 1e6, 1e6),
            (1e200, 1.0, 1e250),
        ] {
            for seed in 0..4 {
                let rbm = machine(60, 9, weight, visible, hidden, seed);
                assert!(
                    error(&rbm) <= 1e-12,
                    "scales {weight}, {visible}, {hidden}: {} against {}",
                    fast(&rbm),
                    rbm.log_z_over_hidden().unwrap()
                );
            }
        }
    }

    #[test]
    fn units_on_both_sides_of_the_limit_of_steepness_meet() {
        // Every other unit is too steep.
        let mut rbm = machine(50, 13, 1.0, 1.0, 1.0, 8);
        let mut weights = rbm.weights().to_owned();
        weights.slice_mut(s![..;2, ..]).mapv_inplace(|w| 400.0 * w);
        rbm = Rbm::new(rbm.visible().clone(), rbm.hidden().clone(), weights).unwrap();
        let tables = Tables::new(rbm.weights(), rbm.visible().bias(), rbm.hidden().bias());
        assert!(
            tables.steep.len() == 25 && !tables.inner.is_empty(),
            "{} are steep",
            tables.steep.len()
        );
        assert!(error(&rbm) <= 1e-12, "{:e}", error(&rbm));
    }

    #[test]
    fn a_machine_without_weights_has_a_closed_form() {
        let rbm = machine(784, 14, 0.0, 3.0, 3.0, 5);
        let softplus_sum = |b: ArrayView1<f64>| b.iter().map(|b| softplus(*b)).sum::<f64>();
        let expected = softplus_sum(rbm.visible().bias()) + softplus_sum(rbm.hidden().bias());
        assert!((fast(&rbm) / expected - 1.0).abs() <= 1e-13);
    }

    #[test]
    fn the_error_stays_within_its_bound_on_a_machine_of_784_visible_units() {
        let rbm = machine(784, 13, 0.3, 2.0, 1.0, 3);
        let largest: f64 = rbm
            .weights()
            .rows()
            .into_iter()
            .zip(rbm.visible().bias())
            .map(|(w, b)| b.abs() + w.iter().map(|w| w.abs()).sum::<f64>())
            .sum();
        let bound = f64::EPSILON * (9.0 * 784.0 + 4.0 * largest);
        assert!(bound < 1e-11);
        let expected = rbm.log_z_over_hidden().unwrap();
        // The reference carries rounding errors of its own.
        assert!((fast(&rbm) - expected).abs() <= bound + 4.0 * f64::EPSILON * expected.abs());
    }

    #[test]
    fn the_result_has_the_same_bits_on_any_number_of_threads() {
        let rbm = machine(33, 15, 0.5, 1.0, 1.0, 1);
        gibbsian_testkit::threads::same_on_any_number("log Z", || Array1::from_elem(1, fast(&rbm))).unwrap();
    }

    #[test]
    fn either_layer_may_be_the_smaller_one_and_one_must_be_small() {
        let wide = machine(40, 9, 0.5, 1.0, 1.0, 4);
        let expected = wide.log_z().unwrap();
        for rbm in [&wide, &wide.transposed()] {
            assert!((log_z_of(rbm).unwrap() / expected - 1.0).abs() <= 1e-13);
        }
        let error = log_z_of(&machine(33, 40, 0.5, 1.0, 1.0, 4)).unwrap_err();
        assert_eq!(
            error.to_string(),
            "`layers` is of 33 and 40 units, but must be such that one has at most 32 units to be enumerated"
        );
        let error = log_z_of(&machine(4, 5, 3e307, 1.0, 1.0, 4)).unwrap_err();
        assert_eq!(
            error.to_string(),
            "`log_z` became NaN in the sum over all states, but must stay finite"
        );
    }

    #[test]
    fn what_is_not_finite_is_not_hidden() {
        let rbm = machine(3, 8, 1.0, 1.0, 1.0, 2);
        for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, f64::MAX] {
            let mut bias = rbm.visible().bias().to_owned();
            bias[1] = bad;
            assert!(log_z(rbm.weights(), bias.view(), rbm.hidden().bias()).is_nan());
            let mut weights = rbm.weights().to_owned();
            weights[[2, 7]] = bad;
            assert!(log_z(weights.view(), rbm.visible().bias(), rbm.hidden().bias()).is_nan());
        }
    }
}
