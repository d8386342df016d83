//! The bias of CD-k as a sum over the modes of the Gibbs chain.
//!
//! The visible chain is reversible, so `S = D^{1/2} T D^{−1/2}` with `D = diag π` is symmetric, `S = Σ_i λ_i u_i u_i'`, and
//!
//! `⟨φ⟩_{p_k} − ⟨φ⟩_π = Σ_{i ≥ 2} λ_iᵏ a_i s_i`,  `a_i = u_i · D^{−1/2}(p₀ − π)`,  `s_i = u_i · D^{1/2} φ`.
//!
//! The first mode is the law itself and drops out. All eigenvalues lie in `[0, 1]`, because `T` is a product of two
//! conditional expectations that are each other's adjoints. The rate is thus not the second largest eigenvalue `λ₂`, as it is often put, but
//! the largest eigenvalue whose mode overlaps the data (`a_i ≠ 0`) and the statistic (`s_i ≠ 0`).
//!
//! To see the difference, take a machine of spins without fields, `F(v) = F(1 − v)`. Its modes are even or odd under the flip
//! of all pixels, and the slowest one is odd: it tells the two signs apart. Bars and stripes are as often flipped as not, so they
//! overlap no odd mode. Half of them, those with the first pixel on, do; but the statistic of the spin form, `s_i tanh(s'W)_j`, is even,
//! and does not.

use gibbsian_classical::{Bernoulli, Rbm};
use gibbsian_core::Seed;
use gibbsian_data::bars_and_stripes;
use gibbsian_linalg::{SymmetricEigen, matmul};
use ndarray::{Array1, Array2, ArrayView1, Axis};

use super::bound;
use super::chain::{GibbsChain, norm};
use crate::statistics::larger;
use crate::{Axis as PlotAxis, Check, Claim, Context, Plot, Provenance, Result, Table, measured};

const SIDE: usize = 3;
const N_HIDDEN: usize = 6;
const WEIGHT_SCALE: f64 = 1.5;
/// The rate is read off where the bias has fallen to this fraction of what it was at the data.
const FLOOR: f64 = 1e-8;
/// A chain that takes longer to get there is not followed.
const MAX_STEPS: usize = 10_000;
/// What the figure shows.
const N_SHOWN: usize = 30;

pub(super) const STATIONARY: Claim = Claim {
    claim: "the enumerated Gibbs chain leaves the machine's law invariant: largest entry of |πT − π|",
    source: "block Gibbs sampling of an RBM is exact",
    provenance: Provenance::Exact,
    quick: Some(Check::at_most(1e-14)),
    full: Check::at_most(1e-14),
    reason: "sums of 512 and 64 terms that add up to probabilities: a few units of roundoff of entries below one",
};

pub(super) const NO_OVERLAP: Claim = Claim {
    claim: "bars and stripes do not overlap the slowest mode of a machine without a preferred sign: cosine of the two",
    source: "the mode is odd under the flip of all pixels, the data are even",
    provenance: Provenance::Exact,
    quick: Some(Check::value(0.0).within_scaled(1.0)),
    full: Check::value(0.0).within_scaled(1.0),
    reason: "the error of an eigenvector is that of the matrix, 15 n ε ‖S‖₁, over the distance to the next eigenvalue (Davis and Kahan 1970)",
};

pub(super) const DATA_RATE: Claim = Claim {
    claim: "from bars and stripes the bias of CD-k decays at the largest even eigenvalue",
    source: "spectral expansion of a reversible chain; the bias itself by repeated products",
    provenance: Provenance::Exact,
    quick: Some(Check::reference().within_scaled(1.0)),
    full: Check::reference().within_scaled(1.0),
    reason: RATE_REASON,
};

pub(super) const FULL_RATE: Claim = Claim {
    claim: "from the half of them with the first pixel on it decays at the second largest eigenvalue, which is odd",
    source: "spectral expansion of a reversible chain; the bias itself by repeated products",
    provenance: Provenance::Exact,
    quick: Some(Check::reference().within_scaled(1.0)),
    full: Check::reference().within_scaled(1.0),
    reason: RATE_REASON,
};

pub(super) const STATISTIC_RATE: Claim = Claim {
    claim: "from the same half the bias of the even statistic decays at the largest even eigenvalue",
    source: "spectral expansion of a reversible chain; the bias itself by repeated products",
    provenance: Provenance::Exact,
    quick: Some(Check::reference().within_scaled(1.0)),
    full: Check::reference().within_scaled(1.0),
    reason: RATE_REASON,
};

pub(super) const SEPARATION: Claim = Claim {
    claim: "the two rates are told apart: their distance over the largest tolerance of the rates above",
    source: "the spectrum of the chain",
    provenance: Provenance::Exact,
    quick: Some(Check::at_least(10.0)),
    full: Check::at_least(10.0),
    reason: "with less than a factor of ten the claims about the rates would not exclude each other's eigenvalue by much",
};

const RATE_REASON: &str = "the ratio of successive norms at the last k with a bias above 1e-8 of the first one; it may differ from the eigenvalue \
                           by what the faster modes still contribute, summed from their overlaps, and by the rounding of products of 512 terms";

/// Measures the decay for both data and both statistics.
pub(super) fn measure(ctx: &mut Context) -> Result<()> {
    ctx.progress(0, 4, "spectrum of the Gibbs chain");
    let machine = symmetric_machine(ctx.seed().child("spectrum"))?;
    let chain = GibbsChain::new(&machine)?;
    let drift = chain.law.dot(&chain.transition) - &chain.law;
    ctx.measure(
        &STATIONARY,
        drift.iter().fold(0.0, |most, d| larger(most, d.abs())),
    )?;

    let modes = Modes::of(&chain)?;
    let data = chain.law_of(&bars_and_stripes(SIDE)?);
    let first_pixel = chain.states.column(0);
    // Every picture or its negative has the first pixel on, so twice these weights are a law.
    let half = 2.0 * &data * first_pixel;
    let spins = spin_statistic(&machine, &chain);

    let overlaps = modes.data_overlaps(&data);
    let cosine = overlaps[1] / norm(overlaps.view());
    let gap = modes.eigenvalues[1] - modes.eigenvalues[2];
    ctx.measure(&NO_OVERLAP, measured(cosine).with_scale(modes.rounding / gap))?;

    let symmetric = Decay::of(&chain, &modes, &data, &chain.derivatives)?;
    let from_half = Decay::of(&chain, &modes, &half, &chain.derivatives)?;
    let even_part = Decay::of(&chain, &modes, &half, &spins)?;
    let (even, second) = (modes.largest_even(&chain)?, modes.eigenvalues[1]);
    for (claim, decay, eigenvalue) in [
        (&DATA_RATE, &symmetric, even),
        (&FULL_RATE, &from_half, second),
        (&STATISTIC_RATE, &even_part, even),
    ] {
        ctx.measure(
            claim,
            measured(decay.rate)
                .against(eigenvalue)
                .with_scale(decay.tolerance),
        )?;
    }
    let tolerance = symmetric
        .tolerance
        .max(from_half.tolerance)
        .max(even_part.tolerance);
    ctx.measure(&SEPARATION, (second - even) / tolerance)?;
    ctx.note(format!(
        "The second largest eigenvalue of the chain is {second:.4}, the largest even one {even:.4}. After ten steps from bars and stripes \
         the bias is {:.1e} of what it was at the data, and from half of them {:.1e}. The biases of the pixels and of the hidden \
         units have an odd statistic each, so from bars and stripes their gradient has no bias for any k.",
        symmetric.norms[10] / symmetric.norms[0],
        from_half.norms[10] / from_half.norms[0],
    ));
    show(ctx, [&symmetric, &from_half, &even_part], second, even)?;
    bound::measure(ctx, &machine, &chain, second, [&data, &half])
}

/// A machine of spins `±1` without fields, in units 0 and 1: with `v = (1 + s)/2` the field on `v_i` is `b_i + ½ Σ_j W_ij`, which must vanish.
fn symmetric_machine(seed: Seed) -> Result<Rbm> {
    let n_visible = SIDE * SIDE;
    let unbiased = Bernoulli::unbiased;
    let weights = Rbm::random(unbiased(n_visible), unbiased(N_HIDDEN), WEIGHT_SCALE, seed)?
        .weights()
        .to_owned();
    let visible = Bernoulli::new(-0.5 * weights.sum_axis(Axis(1)))?;
    let hidden = Bernoulli::new(-0.5 * weights.sum_axis(Axis(0)))?;
    Ok(Rbm::new(visible, hidden, weights)?)
}

/// `s_i tanh(s'W)_j` of every state: the derivative of `−F` in the weights of the spin form, which are a quarter of those here.
fn spin_statistic(machine: &Rbm, chain: &GibbsChain) -> Array2<f64> {
    let spins = chain.states.mapv(|v| 2.0 * v - 1.0);
    let means = spins.dot(&(0.25 * &machine.weights())).mapv(f64::tanh);
    let n_hidden = means.ncols();
    Array2::from_shape_fn((spins.nrows(), spins.ncols() * n_hidden), |(v, ij)| {
        spins[[v, ij / n_hidden]] * means[[v, ij % n_hidden]]
    })
}

/// The modes of a reversible chain, slowest first.
struct Modes {
    eigenvalues: Array1<f64>,
    /// Orthonormal; column `i` is `u_i`.
    vectors: Array2<f64>,
    /// `√π`.
    root_law: Array1<f64>,
    /// A bound on the error of the decomposed matrix.
    rounding: f64,
}

impl Modes {
    fn of(chain: &GibbsChain) -> Result<Self> {
        let root_law = chain.law.mapv(f64::sqrt);
        let left = root_law.view().insert_axis(Axis(1));
        // The decomposition refuses a matrix that is not symmetric, which a chain without detailed balance would give.
        let symmetric = &chain.transition * &left / root_law.view().insert_axis(Axis(0));
        let eigen = SymmetricEigen::new("symmetrised transition matrix", symmetric.view())?;
        let columns = symmetric.mapv(f64::abs).sum_axis(Axis(0));
        let largest_column = columns.iter().copied().fold(0.0, larger);
        Ok(Modes {
            eigenvalues: eigen.values().iter().rev().copied().collect(),
            vectors: eigen.vectors().slice(ndarray::s![.., ..;-1]).to_owned(),
            rounding: 15.0 * root_law.len() as f64 * f64::EPSILON * largest_column,
            root_law,
        })
    }

    /// `a_i`: zero for the first mode, because both laws have the sum one.
    fn data_overlaps(&self, data: &Array1<f64>) -> Array1<f64> {
        let law = &self.root_law * &self.root_law;
        ((data - &law) / &self.root_law).dot(&self.vectors)
    }

    /// `|a_i| ‖s_i‖`, what each mode contributes to the bias at the data.
    fn contributions(&self, data: &Array1<f64>, statistic: &Array2<f64>) -> Array1<f64> {
        let weighted = statistic * &self.root_law.view().insert_axis(Axis(1));
        let statistic_overlaps = matmul(self.vectors.t(), weighted.view());
        let norms: Array1<f64> = statistic_overlaps.rows().into_iter().map(norm).collect();
        self.data_overlaps(data).mapv(f64::abs) * norms
    }

    /// The largest eigenvalue below one whose mode is the same on every picture and its negative.
    fn largest_even(&self, chain: &GibbsChain) -> Result<f64> {
        // States are numbered in binary, so the negative of the first is the last.
        let n = chain.states.nrows();
        let parity = |u: ArrayView1<f64>| (0..n).map(|v| u[v] * u[n - 1 - v]).sum::<f64>();
        let even = (1..n).find(|&i| parity(self.vectors.column(i)) > 0.5);
        Ok(self.eigenvalues[even.ok_or("no mode of the chain is even")?])
    }
}

/// How a bias decays.
struct Decay {
    /// Its Euclidean norm for `k = 0, 1, …`.
    norms: Vec<f64>,
    /// The ratio of the last two norms before the floor.
    rate: f64,
    /// How far the rate may be from the leading eigenvalue.
    tolerance: f64,
}

impl Decay {
    fn of(chain: &GibbsChain, modes: &Modes, data: &Array1<f64>, statistic: &Array2<f64>) -> Result<Self> {
        // Only the deviation is propagated, so rounding shrinks with it.
        let mut deviation = data - &chain.law;
        let mut norms = Vec::new();
        while norms.len() <= N_SHOWN || norms[norms.len() - 1] >= FLOOR * norms[0] {
            if norms.len() > MAX_STEPS {
                return Err(
                    format!("the bias is still {:e} after {MAX_STEPS} steps", norms[MAX_STEPS]).into(),
                );
            }
            norms.push(norm(deviation.dot(statistic).view()));
            deviation = deviation.dot(&chain.transition);
        }
        let below = norms.iter().position(|b| *b < FLOOR * norms[0]);
        let k = below
            .and_then(|k| k.checked_sub(2))
            .ok_or("the bias vanishes at once")?;

        // ‖b_{k+1} − λ b_k‖ ≤ Σ λ_iᵏ |λ_i − λ| |a_i| ‖s_i‖ over the other modes, and the ratio of norms is off by no more than that
        // over ‖b_k‖. An overlap below the root of the roundoff is a zero that rounding has disturbed.
        let contributions = modes.contributions(data, statistic);
        let largest = contributions.iter().copied().fold(0.0, larger);
        let leading = (1..contributions.len())
            .find(|&i| contributions[i] > f64::EPSILON.sqrt() * largest)
            .ok_or("no mode overlaps data and statistic")?;
        let eigenvalue = modes.eigenvalues[leading];
        let rest: f64 = (leading + 1..contributions.len())
            .map(|i| {
                let other = modes.eigenvalues[i].max(0.0);
                other.powi(k as i32) * (eigenvalue - other) * contributions[i]
            })
            .sum();
        let rounding = chain.law.len() as f64 * f64::EPSILON / FLOOR;
        Ok(Decay {
            rate: norms[k + 1] / norms[k],
            tolerance: rest / norms[k] + rounding,
            norms,
        })
    }
}

fn show(ctx: &mut Context, decays: [&Decay; 3], second: f64, even: f64) -> Result<()> {
    let [symmetric, from_half, even_part] = decays.map(|d| &d.norms[..=N_SHOWN]);
    let points = |norms: &[f64]| {
        let relative = norms.iter().enumerate().map(|(k, b)| (k as f64, b / norms[0]));
        relative.collect::<Vec<_>>()
    };
    let power = |eigenvalue: f64| (0..=N_SHOWN).map(move |k| (k as f64, eigenvalue.powi(k as i32)));
    let plot = Plot::new(
        "The bias of CD-k from three starts",
        PlotAxis::linear("Gibbs steps k"),
        PlotAxis::log("norm of the bias, relative to k = 0"),
    )
    .line("bars and stripes", points(symmetric))
    .line("half of them", points(from_half))
    .points("half of them, even statistic", points(even_part))
    .dashed("largest even eigenvalue ^ k", power(even))
    .dashed("second largest eigenvalue ^ k", power(second));
    ctx.plot(
        "bias",
        "A 3 × 3 machine without a preferred sign. The slowest mode of its chain is invisible to data that are as often \
         flipped as not, and to a statistic that does not see the sign. The dashed lines give the slopes.",
        &plot,
    )?;
    let mut table = Table::new(["k", "bars_and_stripes", "half", "half_even_statistic"]);
    for k in 0..=N_SHOWN {
        table.row([
            k.into(),
            symmetric[k].into(),
            from_half[k].into(),
            even_part[k].into(),
        ])?;
    }
    ctx.table("bias", "Norms of the bias of CD-k for every k.", &table)
}

#[cfg(test)]
mod tests {
    use super::*;
    use gibbsian_core::Energy;

    #[test]
    fn the_machine_has_no_preferred_sign() {
        let machine = symmetric_machine(Seed::new(5)).unwrap();
        let chain = GibbsChain::new(&machine).unwrap();
        let flipped = chain.states.mapv(|v| 1.0 - v);
        let difference = machine.energy(chain.states.view()) - machine.energy(flipped.view());
        assert!(difference.iter().all(|d| d.abs() < 1e-12), "{difference}");
    }

    #[test]
    fn the_modes_add_up_to_the_bias() {
        let machine = symmetric_machine(Seed::new(6)).unwrap();
        let chain = GibbsChain::new(&machine).unwrap();
        let modes = Modes::of(&chain).unwrap();
        assert!((modes.eigenvalues[0] - 1.0).abs() < 1e-12);
        let data = chain.law_of(&bars_and_stripes(SIDE).unwrap());
        let statistic = spin_statistic(&machine, &chain);
        let bias = (chain.after(&data, 3) - &chain.law).dot(&statistic);
        let weighted = &statistic * &modes.root_law.view().insert_axis(Axis(1));
        let shares = modes.data_overlaps(&data) * modes.eigenvalues.mapv(|l| l.powi(3));
        let sum = shares.dot(&modes.vectors.t()).dot(&weighted);
        for (found, expected) in sum.iter().zip(&bias) {
            assert!((found - expected).abs() < 1e-11, "{found} instead of {expected}");
        }
    }

    #[test]
    fn the_even_statistic_is_the_even_part_of_the_derivative_in_the_weights() {
        // v h = (1 + s + t + s t) / 4, of which (1 + s t) / 4 is even.
        let machine = symmetric_machine(Seed::new(7)).unwrap();
        let chain = GibbsChain::new(&machine).unwrap();
        let spins = spin_statistic(&machine, &chain);
        let n = chain.states.nrows();
        for ((v, ij), spin) in spins.indexed_iter() {
            let even = -0.5 * (chain.derivatives[[v, ij]] + chain.derivatives[[n - 1 - v, ij]]);
            assert!((even - 0.25 * (1.0 + spin)).abs() < 1e-13);
        }
    }
}
