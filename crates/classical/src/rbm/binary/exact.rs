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

use std::f64::consts::LN_2;

use gibbsian_core::math::{log_sum_exp, softplus};
use gibbsian_core::simd::{Vectorized, vectorized};
use gibbsian_core::{Error, Result};
use ndarray::{Array2, ArrayView1, ArrayView2, Axis, s};
use rayon::prelude::{IntoParallelIterator, ParallelIterator};

use crate::Rbm;

/// Hidden units of the inner part.
const INNER: usize = 6;
/// Inner states, which are worked on side by side.
const LANES: usize = 1 << INNER;
/// Visible units that are multiplied into a product in one pass over its lanes.
const UNITS: usize = 8;
/// Outer states that are worked on in turn while the inner table of a few units is at hand.
const GROUP: usize = 16;
/// Hidden units that tell the outer states of one block apart, at most.
const MIDDLE: usize = 6;

/// The bound of a factor's logarithm up to which it is multiplied.
const STEEPEST: f64 = 300.0;
/// The bound of a product's logarithm up to which its exponent may stay in place; `f64` reaches to 708.
const SAFE: f64 = 600.0;

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
    // Every exponent below is at most a few times this sum. NaN fails the comparison.
    if !(total < f64::MAX / 8.0) {
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

/// Numbers for each of a few visible units.
type PerUnit = [f64; UNITS];

/// Everything that does not depend on the block.
///
/// The hidden units are the inner ones, then the middle ones, then the outermost ones, whose states number the blocks. The visible
/// units that are multiplied lie in packs of [`UNITS`]; where a pack has fewer, the factor of the others is `1 + 0`.
struct Tables {
    /// Hidden units without weights and biases that fill up the inner and middle part of a small machine.
    n_added: usize,
    /// `B_i` of every inner state; a pack is an entry.
    inner: Vec<[[f64; LANES]; UNITS]>,
    /// `exp(c·h)` of every inner state.
    inner_start: Lanes,
    /// The middle part's share of `A_i`: for each group of middle states, for each pack, for each state of the group.
    middle: Vec<[PerUnit; GROUP]>,
    /// `exp` of the middle part's share of `c·h + Σ_i x_i`.
    middle_start: Vec<Scaled>,
    /// `−b_i − m_i` of every pack.
    offset: Vec<PerUnit>,
    /// The outermost units' weights to every pack, in turn.
    outermost: Vec<PerUnit>,
    /// `c_j + Σ_i W_ij` of the outermost units, over the multiplied units.
    outermost_slope: Vec<f64>,
    /// `Σ_i (b_i + m_i)`.
    constant: f64,
    /// Ends of the ranges of packs after which exponents are taken out.
    cuts: Vec<usize>,
    /// Bias and weights of each unit that is too steep to be multiplied.
    steep: Vec<(f64, Vec<f64>)>,
}

/// A visible unit that is multiplied.
#[derive(Clone)]
struct Unit {
    /// `b_i + m_i`.
    offset: f64,
    /// `m_i`.
    centre: f64,
    /// `W_i`.
    weights: Vec<f64>,
}

impl Tables {
    fn new(weights: ArrayView2<f64>, visible_bias: ArrayView1<f64>, hidden_bias: ArrayView1<f64>) -> Self {
        let (n_visible, n_given) = weights.dim();
        // The middle part has at least one whole group of states.
        let n_hidden = n_given.max(INNER + GROUP.ilog2() as usize);
        let (middle, outermost) = (INNER, INNER + MIDDLE.min(n_hidden - INNER));
        let mut w = Array2::zeros((n_visible, n_hidden));
        w.slice_mut(s![.., ..n_given]).assign(&weights);
        let mut slope = hidden_bias.to_vec();
        slope.resize(n_hidden, 0.0);
        let inner_start = Lanes::exp(&subset_sums(&slope[..middle]));

        let mut packs: Vec<Vec<Unit>> = Vec::new();
        let (mut cuts, mut steep, mut constant) = (Vec::new(), Vec::new(), 0.0);
        let mut sum_of_bounds = 0.0;
        for (row, bias) in w.rows().into_iter().zip(visible_bias) {
            let row = row.to_vec();
            let (centre, bound) = range_of_log_factor(*bias, &row);
            if !(bound <= STEEPEST && row[middle..].iter().map(|w| w.abs()).sum::<f64>() <= STEEPEST) {
                steep.push((*bias, row));
                continue;
            }
            let full = sum_of_bounds + bound > SAFE;
            if full {
                cuts.push(packs.len());
                sum_of_bounds = 0.0;
            }
            sum_of_bounds += bound;
            if full || packs.last().is_none_or(|pack| pack.len() == UNITS) {
                packs.push(Vec::with_capacity(UNITS));
            }
            constant += bias + centre;
            for (slope, w) in slope.iter_mut().zip(&row) {
                *slope += w;
            }
            if let Some(pack) = packs.last_mut() {
                pack.push(Unit {
                    offset: bias + centre,
                    centre,
                    weights: row,
                });
            }
        }
        cuts.push(packs.len());

        Tables {
            n_added: n_hidden - n_given,
            inner: packs
                .iter()
                .map(|pack| per_unit(pack, |u| u.inner_factors(), [0.0; LANES]))
                .collect(),
            inner_start,
            middle: middle_table(&packs, middle..outermost),
            middle_start: subset_sums(&slope[middle..outermost])
                .into_iter()
                .map(Scaled::exp)
                .collect(),
            offset: packs
                .iter()
                .map(|pack| per_unit(pack, |u| -u.offset, 0.0))
                .collect(),
            outermost: (outermost..n_hidden)
                .flat_map(|j| {
                    packs
                        .iter()
                        .map(move |pack| per_unit(pack, |u| u.weights[j], 0.0))
                })
                .collect(),
            outermost_slope: slope[outermost..].to_vec(),
            constant,
            cuts,
            steep,
        }
    }

    fn n_blocks(&self) -> usize {
        1 << self.outermost_slope.len()
    }

    /// Multiplies by the factors of the steep units, for all inner states of one outer state.
    fn multiply_by_steep_factors(&self, outer_state: usize, product: &mut Lanes) {
        for (bias, weights) in &self.steep {
            for lane in 0..LANES {
                let factor = Scaled::exp(softplus(
                    bias + subset_sum(weights, (outer_state << INNER) + lane),
                ));
                product.mantissa[lane] *= factor.mantissa;
                product.exponent[lane] += factor.exponent;
            }
            product.take_out_exponents();
        }
    }
}

impl Unit {
    fn inner_factors(&self) -> [f64; LANES] {
        let sums = subset_sums(&self.weights[..INNER]);
        std::array::from_fn(|state| (sums[state] - self.centre).exp())
    }
}

/// A property of the units of a pack, with `absent` where the pack has fewer.
fn per_unit<T: Copy>(pack: &[Unit], property: impl Fn(&Unit) -> T, absent: T) -> [T; UNITS] {
    let mut all = [absent; UNITS];
    for (entry, unit) in all.iter_mut().zip(pack) {
        *entry = property(unit);
    }
    all
}

/// [`Tables::middle`].
fn middle_table(packs: &[Vec<Unit>], middle: std::ops::Range<usize>) -> Vec<[PerUnit; GROUP]> {
    let sums: Vec<Vec<Vec<f64>>> = packs
        .iter()
        .map(|pack| {
            pack.iter()
                .map(|unit| subset_sums(&unit.weights[middle.clone()]))
                .collect()
        })
        .collect();
    let mut table = Vec::new();
    for first in (0..1 << middle.len()).step_by(GROUP) {
        for pack in &sums {
            let mut entry = [[1.0; UNITS]; GROUP];
            for (state, factors) in entry.iter_mut().enumerate() {
                for (factor, sums) in factors.iter_mut().zip(pack) {
                    *factor = (-sums[first + state]).exp();
                }
            }
            table.push(entry);
        }
    }
    table
}

/// Centre and half-width of the range of `log(e^{−x} + e^y)` over all states of the outer (`x`) and inner (`y`) part.
fn range_of_log_factor(bias: f64, weights: &[f64]) -> (f64, f64) {
    let least = |w: &[f64]| w.iter().map(|w| w.min(0.0)).sum::<f64>();
    let most = |w: &[f64]| w.iter().map(|w| w.max(0.0)).sum::<f64>();
    let (inner, outer) = weights.split_at(INNER);
    let low = least(inner).max(-(bias + most(outer)));
    let high = most(inner).max(-(bias + least(outer))) + LN_2;
    (0.5 * (low + high), 0.5 * (high - low))
}

/// `Σ_j values_j h_j`, where the bits of `state` are `h`.
fn subset_sum(values: &[f64], state: usize) -> f64 {
    values
        .iter()
        .enumerate()
        .filter(|(j, _)| state >> j & 1 == 1)
        .map(|(_, v)| v)
        .sum()
}

/// [`subset_sum`] of every state.
fn subset_sums(values: &[f64]) -> Vec<f64> {
    let mut sums = vec![0.0];
    for value in values {
        sums.extend_from_within(..);
        let half = sums.len() / 2;
        for sum in &mut sums[half..] {
            *sum += value;
        }
    }
    sums
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

        let mut sum = Lanes {
            mantissa: [0.0; LANES],
            exponent: [f64::MIN; LANES],
        };
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
        let logs: [f64; LANES] = std::array::from_fn(|l| sum.mantissa[l].ln() + sum.exponent[l] * LN_2);
        log_prefactor + log_sum_exp(&logs)
    }
}

/// `mantissa · 2^exponent`; the exponent is an integer in a float, because it is computed with as one.
#[derive(Clone, Copy)]
struct Scaled {
    mantissa: f64,
    exponent: f64,
}

impl Scaled {
    /// `e^x` for any finite `x`, with a mantissa from 1 to `e`.
    fn exp(x: f64) -> Self {
        let exponent = (x / LN_2).floor();
        // For very large `x` the difference is a rounding error and need not lie between zero and log 2.
        let mantissa = (x - exponent * LN_2).clamp(0.0, 1.0).exp();
        Scaled { mantissa, exponent }
    }
}

/// A scaled number for each inner state.
#[derive(Clone, Copy)]
struct Lanes {
    mantissa: [f64; LANES],
    exponent: [f64; LANES],
}

/// `2^52`: an integer below it, added, stands in the low bits.
const TWO_52: f64 = 4_503_599_627_370_496.0;
const EXPONENT_BIAS: f64 = 1023.0;
const MANTISSA_BITS: u64 = (1 << 52) - 1;

impl Lanes {
    fn exp(x: &[f64]) -> Self {
        Lanes {
            mantissa: std::array::from_fn(|l| Scaled::exp(x[l]).mantissa),
            exponent: std::array::from_fn(|l| Scaled::exp(x[l]).exponent),
        }
    }

    #[inline(always)]
    fn scale(&mut self, by: &Scaled) {
        for l in 0..LANES {
            self.mantissa[l] *= by.mantissa;
            self.exponent[l] += by.exponent;
        }
    }

    /// Multiplies by the factors `A_i + B_i` of one pack, where `A = outer · middle` and `B = inner`. All the time goes here.
    #[inline(always)]
    fn multiply(&mut self, outer: &PerUnit, middle: &PerUnit, inner: &[[f64; LANES]; UNITS]) {
        let a: PerUnit = std::array::from_fn(|k| outer[k] * middle[k]);
        for l in 0..LANES {
            // Two chains of products, so that one does not wait for the other.
            let even =
                ((a[0] + inner[0][l]) * (a[2] + inner[2][l])) * ((a[4] + inner[4][l]) * (a[6] + inner[6][l]));
            let odd =
                ((a[1] + inner[1][l]) * (a[3] + inner[3][l])) * ((a[5] + inner[5][l]) * (a[7] + inner[7][l]));
            self.mantissa[l] *= even * odd;
        }
    }

    /// Moves the exponents of positive, normal mantissas into the counters and leaves mantissas in `[1, 2)`.
    #[inline(always)]
    fn take_out_exponents(&mut self) {
        for l in 0..LANES {
            let bits = self.mantissa[l].to_bits();
            let biased = f64::from_bits((bits >> 52) | TWO_52.to_bits()) - TWO_52;
            self.exponent[l] += biased - EXPONENT_BIAS;
            self.mantissa[l] = f64::from_bits((bits & MANTISSA_BITS) | 1.0_f64.to_bits());
        }
    }

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
