//! The exact partition function of a Bernoulli–Bernoulli machine, by products instead of exponentials.
//!
//! `Z = Σ_h exp(c·h) Π_i (1 + exp(b_i + (Wh)_i))` has `2^H V` factors, and the textbook way takes an exponential and a logarithm for each.
//! Here `h` is cut into an outer and an inner part, `b_i + (Wh)_i = x_i + y_i` with `x` from the outer and `y` from the inner part, and
//!
//! `1 + e^{x_i + y_i} = e^{x_i + m_i} (A_i + B_i)`,  `A_i = e^{−x_i − m_i}`,  `B_i = e^{y_i − m_i}`,
//!
//! so that a factor costs **one addition and one multiplication**: `B` is a table over the 16 inner states, which lie in the lanes of vectors, and
//! the prefactor of a state is linear in its hidden units. `A` is the product of an exponential that is taken afresh for
//! each block of outer states and of a table over the states within the block. (Walking through the outer states in Gray-code order needs less
//! memory, but its roundings pile up until it starts afresh. `1 + e^x e^y` without the prefactor needs one operation more where the
//! product and the sum are not fused.)
//!
//! **Range.** The constants `m_i` centre the logarithm of `A_i + B_i` on zero, whatever the biases, and the weights bound it: `|log(A_i + B_i)| ≤ r_i`.
//! Units are multiplied until their bounds add up to 600, then the exponent of the running product is moved into a counter of its own, so
//! nothing overflows and nothing that matters underflows. A unit that is too steep for this (`r_i > 300`, or outer weights of
//! more than 300 in sum) is not multiplied but added as `softplus(x_i + y_i)`.
//!
//! **Error.** A factor is wrong by at most 8 units in the last place and a product step adds one half, so `log Z` is off by less than
//! `9 V ε + 4 ε Σ_i max |b_i + (Wh)_i|`, `ε = 2⁻⁵²`: for 784 units and weights of order one `2·10⁻¹²` in a `log Z` of some hundreds. The roundings
//! mostly cancel; see the tests.

use std::f64::consts::LN_2;

use gibbsian_core::math::{log_sum_exp, softplus};
use gibbsian_core::simd::{Vectorized, vectorized};
use ndarray::{Array2, ArrayView1, ArrayView2, s};
use rayon::prelude::{IntoParallelIterator, ParallelIterator};

/// Hidden units of the inner part.
const INNER: usize = 4;
/// Inner states, which are worked on side by side.
const LANES: usize = 1 << INNER;
/// Outer states within a block that share the reads of the inner table.
const GROUP: usize = 4;
/// Hidden units that tell the outer states of a block apart, at most.
const MIDDLE: usize = 7;

/// The bound of a factor's logarithm up to which it is multiplied.
const STEEPEST: f64 = 300.0;
/// The bound of a product's logarithm up to which its exponent is left in place; `f64` reaches to 708.
const SAFE: f64 = 600.0;

/// `log Z` of the machine with these weights (visible × hidden) and biases, by enumeration of the **hidden** layer.
///
/// The caller exchanges the layers where the visible one is smaller, and sees to it that `2^H` is affordable. Parameters that are
/// not finite, or whose magnitudes do not add up to a finite number, give NaN.
pub(crate) fn log_z(
    weights: ArrayView2<f64>,
    visible_bias: ArrayView1<f64>,
    hidden_bias: ArrayView1<f64>,
) -> f64 {
    let size = |values: ArrayView1<f64>| values.iter().map(|x| x.abs()).sum::<f64>();
    let total = weights.rows().into_iter().map(size).sum::<f64>() + size(visible_bias) + size(hidden_bias);
    // Every exponent below is a part of this sum. NaN fails the comparison.
    if !(total < f64::MAX / 4.0) {
        return f64::NAN;
    }
    let tables = Tables::new(weights, visible_bias, hidden_bias);
    let terms: Vec<f64> = (0..tables.n_blocks())
        .into_par_iter()
        .map_init(Scratch::default, |scratch, block| {
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

/// Everything that does not depend on the block.
///
/// The hidden units are the inner ones, then the middle ones, then the outermost ones, whose states number the blocks.
struct Tables {
    /// Hidden units without weights and biases that fill up the inner and middle part of a small machine.
    n_added: usize,
    /// The number of middle units.
    n_middle: usize,
    /// `B_i` of every inner state, for the units that are multiplied.
    inner: Vec<[f64; LANES]>,
    /// `exp(c·h)` of every inner state.
    inner_start: [Scaled; LANES],
    /// The middle part's share of `A_i`, for all groups of middle states in turn.
    middle: Vec<[f64; GROUP]>,
    /// `exp` of the middle part's share of `c·h + Σ_i x_i`.
    middle_start: Vec<Scaled>,
    /// `−b_i − m_i`.
    offset: Vec<f64>,
    /// The outermost weights of the multiplied units, hidden × visible.
    outer_weights: Array2<f64>,
    /// `c_j + Σ_i W_ij` of the outermost units, over the multiplied units.
    outer_slope: Vec<f64>,
    /// `Σ_i (b_i + m_i)`.
    constant: f64,
    /// Where the exponents of products are taken out: ends of ranges of multiplied units.
    cuts: Vec<usize>,
    /// Bias and weights of each unit that is too steep to be multiplied.
    steep: Vec<(f64, Vec<f64>)>,
}

impl Tables {
    fn new(weights: ArrayView2<f64>, visible_bias: ArrayView1<f64>, hidden_bias: ArrayView1<f64>) -> Self {
        let (n_visible, n_given) = weights.dim();
        // The middle part has at least one whole group of states.
        let n_hidden = n_given.max(INNER + GROUP.ilog2() as usize);
        let n_middle = MIDDLE.min(n_hidden - INNER);
        let outermost = INNER + n_middle;
        let mut w = Array2::zeros((n_visible, n_hidden));
        w.slice_mut(s![.., ..n_given]).assign(&weights);
        let mut c = hidden_bias.to_vec();
        c.resize(n_hidden, 0.0);

        let mut tables = Tables {
            n_added: n_hidden - n_given,
            n_middle,
            inner: Vec::new(),
            inner_start: std::array::from_fn(|state| Scaled::exp(subset_sum(&c[..INNER], state))),
            middle: Vec::new(),
            middle_start: Vec::new(),
            offset: Vec::new(),
            outer_weights: Array2::zeros((0, 0)),
            outer_slope: Vec::new(),
            constant: 0.0,
            cuts: Vec::new(),
            steep: Vec::new(),
        };
        let mut multiplied = Vec::new();
        let mut sum_of_bounds = 0.0;
        for (i, (row, b)) in w.rows().into_iter().zip(visible_bias).enumerate() {
            let row = row.to_vec();
            let (centre, bound) = range_of_log_factor(*b, &row);
            let steepness = row[INNER..].iter().map(|w| w.abs()).sum::<f64>();
            if !(bound <= STEEPEST && steepness <= STEEPEST) {
                tables.steep.push((*b, row));
                continue;
            }
            if sum_of_bounds + bound > SAFE {
                tables.cuts.push(multiplied.len());
                sum_of_bounds = 0.0;
            }
            sum_of_bounds += bound;
            multiplied.push(i);
            tables.inner.push(std::array::from_fn(|state| {
                (subset_sum(&row[..INNER], state) - centre).exp()
            }));
            tables.offset.push(-(b + centre));
            tables.constant += b + centre;
        }
        tables.cuts.push(multiplied.len());

        let w = w.select(ndarray::Axis(0), &multiplied);
        let slope = &w.sum_axis(ndarray::Axis(0)) + &ArrayView1::from(&c);
        let slope = slope.to_vec();
        for first in (0..1 << n_middle).step_by(GROUP) {
            for row in w.slice(s![.., INNER..outermost]).rows() {
                let row = row.to_vec();
                tables
                    .middle
                    .push(std::array::from_fn(|g| (-subset_sum(&row, first + g)).exp()));
            }
        }
        tables.middle_start = (0..1 << n_middle)
            .map(|state| Scaled::exp(subset_sum(&slope[INNER..outermost], state)))
            .collect();
        tables.outer_slope = slope[outermost..].to_vec();
        tables.outer_weights = w.slice(s![.., outermost..]).t().as_standard_layout().into_owned();
        tables
    }

    fn n_blocks(&self) -> usize {
        1 << self.outer_slope.len()
    }
}

/// Centre and half-width of the range of `log(e^{−x} + e^y)` over all states of the outer (`x`) and inner (`y`) part.
fn range_of_log_factor(bias: f64, weights: &[f64]) -> (f64, f64) {
    let least = |w: &[f64]| w.iter().map(|w| w.min(0.0)).sum::<f64>();
    let most = |w: &[f64]| w.iter().map(|w| w.max(0.0)).sum::<f64>();
    let (inner, outer) = weights.split_at(INNER);
    let low = least(inner).max(-(bias + most(outer)));
    let high = most(inner).max(-(bias + least(outer))) + LN_2;
    (0.5 * low + 0.5 * high, 0.5 * high - 0.5 * low)
}

/// `Σ_j values_j h_j`, where the bits of `state` are `h`.
fn subset_sum(values: &[f64], state: usize) -> f64 {
    values
        .iter()
        .enumerate()
        .map(|(j, v)| if state >> j & 1 == 1 { *v } else { 0.0 })
        .sum()
}

/// `mantissa · 2^exponent`; the exponent is an integer in a float, because it is added to floats.
#[derive(Clone, Copy)]
struct Scaled {
    mantissa: f64,
    exponent: f64,
}

impl Scaled {
    /// `e^x` for any finite `x`, with a mantissa from 1 to `e`.
    fn exp(x: f64) -> Self {
        let exponent = (x / LN_2).floor();
        // For very large `x` the difference is its rounding error and no longer between zero and log 2.
        let mantissa = (x - exponent * LN_2).clamp(0.0, 1.0).exp();
        Scaled { mantissa, exponent }
    }
}

/// Memory of one thread.
#[derive(Default)]
struct Scratch {
    /// The block's share of `−x_i − m_i`.
    field: Vec<f64>,
    /// `A_i` of one group of outer states.
    outer: Vec<[f64; GROUP]>,
}

/// The logarithm of the sum over the states of one block.
struct Block<'a> {
    tables: &'a Tables,
    block: usize,
    scratch: &'a mut Scratch,
}

impl Vectorized for Block<'_> {
    type Output = f64;

    #[inline(always)]
    fn run(self) -> f64 {
        let t = self.tables;
        let Scratch { field, outer } = self.scratch;
        field.clone_from(&t.offset);
        let mut log_prefactor = t.constant;
        for (j, (slope, weights)) in t.outer_slope.iter().zip(t.outer_weights.rows()).enumerate() {
            if self.block >> j & 1 == 1 {
                log_prefactor += slope;
                for (x, w) in field.iter_mut().zip(weights) {
                    *x -= w;
                }
            }
        }
        for x in field.iter_mut() {
            *x = x.exp();
        }

        outer.resize(field.len(), [0.0; GROUP]);
        let mut sum = Sum::default();
        for group in 0..t.middle_start.len() / GROUP {
            let middle = &t.middle[group * field.len()..(group + 1) * field.len()];
            for ((a, x), m) in outer.iter_mut().zip(field.iter()).zip(middle) {
                *a = m.map(|m| m * x);
            }
            let start = &t.middle_start[group * GROUP..(group + 1) * GROUP];
            let mut product: [Lanes; GROUP] =
                std::array::from_fn(|g| Lanes::start(&start[g], &t.inner_start));
            let mut from = 0;
            for &to in &t.cuts {
                multiply(&mut product, &outer[from..to], &t.inner[from..to]);
                for p in &mut product {
                    p.take_out_exponents();
                }
                from = to;
            }
            if !t.steep.is_empty() {
                for (g, p) in product.iter_mut().enumerate() {
                    t.multiply_by_steep_factors((self.block << t.n_middle) + group * GROUP + g, p);
                }
            }
            for p in &product {
                sum.add(p);
            }
        }
        log_prefactor + sum.log()
    }
}

impl Tables {
    /// Multiplies by the factors of the steep units, for the states that begin with outer state `state`.
    fn multiply_by_steep_factors(&self, state: usize, product: &mut Lanes) {
        for lane in 0..LANES {
            for (b, weights) in &self.steep {
                let field = b + subset_sum(weights, (state << INNER) + lane);
                let factor = Scaled::exp(softplus(field));
                product.mantissa[lane] *= factor.mantissa;
                product.exponent[lane] += factor.exponent;
                // At most e² before, so that the number of steep units does not matter.
                product.take_out_exponent(lane);
            }
        }
    }
}

/// `Π_i (A_i + B_i)` for a group of outer states and all inner states.
#[inline(always)]
fn multiply(product: &mut [Lanes; GROUP], outer: &[[f64; GROUP]], inner: &[[f64; LANES]]) {
    // Apart from the exponents, so that the compiler keeps all of it in registers.
    let mut p: [[f64; LANES]; GROUP] = std::array::from_fn(|g| product[g].mantissa);
    for (a, b) in outer.iter().zip(inner) {
        for g in 0..GROUP {
            for l in 0..LANES {
                p[g][l] *= a[g] + b[l];
            }
        }
    }
    for g in 0..GROUP {
        product[g].mantissa = p[g];
    }
}

/// A scaled number for each inner state.
struct Lanes {
    mantissa: [f64; LANES],
    exponent: [f64; LANES],
}

/// `2^52`: its last bit counts ones, so an integer below it, added, stands in the low bits.
const TWO_52: f64 = 4_503_599_627_370_496.0;
const EXPONENT_BIAS: f64 = 1023.0;
const MANTISSA_BITS: u64 = (1 << 52) - 1;

impl Lanes {
    #[inline(always)]
    fn start(outer: &Scaled, inner: &[Scaled; LANES]) -> Self {
        Lanes {
            mantissa: std::array::from_fn(|l| outer.mantissa * inner[l].mantissa),
            exponent: std::array::from_fn(|l| outer.exponent + inner[l].exponent),
        }
    }

    #[inline(always)]
    fn take_out_exponents(&mut self) {
        for lane in 0..LANES {
            self.take_out_exponent(lane);
        }
    }

    /// Moves the exponent of a positive, normal mantissa into the counter and leaves the mantissa in `[1, 2)`.
    #[inline(always)]
    fn take_out_exponent(&mut self, lane: usize) {
        let bits = self.mantissa[lane].to_bits();
        let biased = f64::from_bits((bits >> 52) | TWO_52.to_bits()) - TWO_52;
        self.exponent[lane] += biased - EXPONENT_BIAS;
        self.mantissa[lane] = f64::from_bits((bits & MANTISSA_BITS) | 1.0_f64.to_bits());
    }
}

/// A running sum of scaled numbers, one for each inner state.
struct Sum {
    mantissa: [f64; LANES],
    exponent: [f64; LANES],
}

impl Default for Sum {
    fn default() -> Self {
        Sum {
            mantissa: [0.0; LANES],
            exponent: [f64::MIN; LANES],
        }
    }
}

impl Sum {
    #[inline(always)]
    fn add(&mut self, term: &Lanes) {
        for l in 0..LANES {
            let (old, new) = (self.exponent[l], term.exponent[l]);
            let exponent = if old > new { old } else { new };
            self.mantissa[l] = self.mantissa[l] * power_of_two(old - exponent)
                + term.mantissa[l] * power_of_two(new - exponent);
            self.exponent[l] = exponent;
        }
    }

    fn log(&self) -> f64 {
        let logs: [f64; LANES] = std::array::from_fn(|l| self.mantissa[l].ln() + self.exponent[l] * LN_2);
        log_sum_exp(&logs)
    }
}

/// `2^n` for an integer `n ≤ 0`; below the normal numbers the smallest of them, which is as good as zero beside a one.
#[inline(always)]
fn power_of_two(n: f64) -> f64 {
    let n = if n > -1022.0 { n } else { -1022.0 };
    f64::from_bits((n + (TWO_52 + EXPONENT_BIAS)).to_bits() << 52)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Bernoulli, Rbm};
    use gibbsian_core::Seed;
    use ndarray::Array1;
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
        // Half of the units are multiplied and half are added; biases of the same sign keep log Z near its largest term.
        let mut rbm = machine(50, 9, 1.0, 1.0, 1.0, 8);
        let mut weights = rbm.weights().to_owned();
        weights.slice_mut(s![..;2, ..]).mapv_inplace(|w| 150.0 * w);
        rbm = Rbm::new(rbm.visible().clone(), rbm.hidden().clone(), weights).unwrap();
        let tables = Tables::new(rbm.weights(), rbm.visible().bias(), rbm.hidden().bias());
        assert!(!tables.steep.is_empty() && !tables.inner.is_empty());
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
