//! What bounds the bias of CD-k, and by how much each bound is too large.
//!
//! With `f` a derivative of the free energy and `μ = p₀ − π`, the bias of its mean is `Σ_v (μ Tᵏ)(v) f(v)`. Three bounds, from the one that knows most of the machine to the one that knows least:
//!
//! - **Spectral.** The modes `i ≥ 2` are orthonormal, and Cauchy and Schwarz give `λ₂ᵏ √χ²(p₀‖π) sd_π(f)`, with `χ²(p₀‖π) = Σ_v μ(v)²/π(v)`.
//! - **Contraction** (Dobrushin 1956). A step brings any two laws together in total variation by the factor `τ = ½ max_{v, w} ‖T(v, ·) − T(w, ·)‖₁`, so the bias is at most `τᵏ ½‖μ‖₁ (max f − min f)`.
//! - **Parameters alone** (Fischer and Igel 2011). A unit whose field is at most `Δ` in size has either state with a probability of at least `1/(1 + e^Δ)`. All `n` visible and `m` hidden units are drawn anew in a step, hence
//!   `τ ≤ 1 − (2/(1 + e^Δ))^{n + m} ≤ 1 − e^{−(n + m) Δ}`, of which the last is theirs.
//!
//! They are true of any machine. Contraction is the better one for the first steps, because the `χ²` of data is large, the spectral one after some; what is known from the parameters alone is next to nothing for a machine
//! that has learnt something.

use gibbsian_classical::Rbm;
use ndarray::{Array1, Array2, Axis, Zip};

use super::chain::GibbsChain;
use crate::statistics::larger;
use crate::{Axis as PlotAxis, Check, Claim, Context, Plot, Provenance, Result, Table};

/// Gibbs steps that are looked at.
const N_STEPS: usize = 30;

pub(super) const SPECTRAL: Claim = Claim {
    claim: "no bias of a derivative exceeds λ₂ᵏ √χ²(p₀‖π) sd_π: largest ratio over parameters, k and both data",
    source: "Cauchy and Schwarz, over the modes of a reversible chain",
    provenance: Provenance::Exact,
    quick: Some(Check::at_most(1.0)),
    full: Check::at_most(1.0),
    reason: "a theorem; the rounding of sums of 512 terms below one is taken off the bias",
};

pub(super) const CONTRACTION: Claim = Claim {
    claim: "nor the contraction of the chain in total variation: largest ratio",
    source: "Dobrushin (1956)",
    provenance: Provenance::Exact,
    quick: Some(Check::at_most(1.0)),
    full: Check::at_most(1.0),
    reason: "a theorem; rounding as above",
};

pub(super) const FROM_PARAMETERS: Claim = Claim {
    claim: "the contraction is at most what biases and weights alone say of it: exact coefficient over 1 − (2/(1 + e^Δ))^{n + m}",
    source: "Fischer and Igel (2011), theorem 1, with 2/(1 + e^Δ) in place of e^−Δ",
    provenance: Provenance::Exact,
    quick: Some(Check::at_most(1.0)),
    full: Check::at_most(1.0),
    reason: "a theorem, of which both sides are near one",
};

/// The biases of all derivatives, largest of every `k`, beside their bounds.
struct Bounded {
    largest: Vec<f64>,
    spectral: Vec<f64>,
    contraction: Vec<f64>,
    /// The largest ratios to the bounds.
    ratios: [f64; 2],
}

impl Bounded {
    fn of(chain: &GibbsChain, data: &Array1<f64>, second: f64, contraction: f64) -> Self {
        let law = &chain.law;
        let mut deviation = data - law;
        let distance = 0.5 * deviation.mapv(f64::abs).sum();
        let chi = Zip::from(&deviation)
            .and(law)
            .fold(0.0, |sum, d, p| sum + d * d / p)
            .sqrt();
        let means = law.dot(&chain.derivatives);
        let spreads = law
            .dot(&(&chain.derivatives - &means).mapv(|f| f * f))
            .mapv(f64::sqrt);
        let ranges = chain.derivatives.map_axis(Axis(0), |f| {
            let most = f.iter().copied().fold(f64::NEG_INFINITY, larger);
            most + f.iter().map(|f| -f).fold(f64::NEG_INFINITY, larger)
        });
        let rounding = law.len() as f64 * f64::EPSILON;
        let mut found = Bounded {
            largest: Vec::new(),
            spectral: Vec::new(),
            contraction: Vec::new(),
            ratios: [0.0; 2],
        };
        for k in 0..=N_STEPS as i32 {
            let biases = deviation.dot(&chain.derivatives).mapv(f64::abs);
            let bounds = [
                second.powi(k) * chi * &spreads,
                contraction.powi(k) * distance * &ranges,
            ];
            let most = |x: &Array1<f64>| x.iter().copied().fold(0.0, larger);
            found.largest.push(most(&biases));
            found.spectral.push(most(&bounds[0]));
            found.contraction.push(most(&bounds[1]));
            for (ratio, bounds) in found.ratios.iter_mut().zip(&bounds) {
                for (bias, bound) in biases.iter().zip(bounds) {
                    *ratio = larger(*ratio, (bias - rounding) / bound);
                }
            }
            deviation = deviation.dot(&chain.transition);
        }
        found
    }
}

/// `½ max_{v, w} ‖T(v, ·) − T(w, ·)‖₁`.
fn contraction(transition: &Array2<f64>) -> f64 {
    let rows = || transition.rows().into_iter();
    let distance = |v: ndarray::ArrayView1<f64>, w| {
        Zip::from(v)
            .and(w)
            .fold(0.0, |sum: f64, a: &f64, b: &f64| sum + (a - b).abs())
    };
    let pairs = rows()
        .enumerate()
        .flat_map(|(k, v)| rows().skip(k + 1).map(move |w| (v, w)));
    0.5 * pairs.map(|(v, w)| distance(v, w)).fold(0.0, larger)
}

/// The largest size of a unit's field, over all states of the other layer.
fn largest_field(machine: &Rbm) -> f64 {
    let weights = machine.weights();
    let layers = [
        (machine.visible().bias(), Axis(1)),
        (machine.hidden().bias(), Axis(0)),
    ];
    let mut largest = 0.0;
    for (bias, others) in layers {
        for sign in [1.0, -1.0] {
            let pulls = weights.mapv(|w| (sign * w).max(0.0)).sum_axis(others);
            let fields = (&pulls + &(sign * &bias)).mapv(f64::abs);
            largest = fields.iter().copied().fold(largest, larger);
        }
    }
    largest
}

/// Holds the biases from two starts to their bounds.
pub(super) fn measure(
    ctx: &mut Context,
    machine: &Rbm,
    chain: &GibbsChain,
    second: f64,
    data: [&Array1<f64>; 2],
) -> Result<()> {
    ctx.progress(1, 4, "bounds of the bias");
    let exact = contraction(&chain.transition);
    let [symmetric, half] = data.map(|data| Bounded::of(chain, data, second, exact));
    let worst = |k: usize| larger(symmetric.ratios[k], half.ratios[k]);
    ctx.measure(&SPECTRAL, worst(0))?;
    ctx.measure(&CONTRACTION, worst(1))?;
    let n_units = (chain.states.ncols() + machine.hidden().bias().len()) as i32;
    let field = largest_field(machine);
    // 1 − (2/(1 + e^Δ))^{n + m}.
    let least = (2.0 / (1.0 + field.exp())).powi(n_units);
    ctx.measure(&FROM_PARAMETERS, exact / (1.0 - least))?;
    ctx.note(format!(
        "From half of the bars and stripes the largest bias of a derivative after ten steps is {:.1e}, its spectral bound {:.1} times that and the bound by contraction {:.0} times; after one step they are {:.1} and {:.1} times. \
         One step contracts total variation by 1 − {:.1e}; fields of up to {field:.1} promise no more than 1 − {least:.0e}.",
        half.largest[10],
        half.spectral[10] / half.largest[10],
        half.contraction[10] / half.largest[10],
        half.spectral[1] / half.largest[1],
        half.contraction[1] / half.largest[1],
        1.0 - exact,
    ));
    show(ctx, &symmetric, &half)
}

fn show(ctx: &mut Context, symmetric: &Bounded, half: &Bounded) -> Result<()> {
    let points = |values: &[f64]| {
        let all = values.iter().enumerate().map(|(k, y)| (k as f64, *y));
        all.collect::<Vec<_>>()
    };
    let plot = Plot::new(
        "The largest bias of a derivative, and its bounds",
        PlotAxis::linear("Gibbs steps k"),
        PlotAxis::log("bias of CD-k"),
    )
    .line("bars and stripes", points(&symmetric.largest))
    .line("half of them", points(&half.largest))
    .dashed("spectral bound, bars and stripes", points(&symmetric.spectral))
    .dashed("spectral bound, half of them", points(&half.spectral))
    .dashed("contraction, half of them", points(&half.contraction));
    ctx.plot(
        "bounds",
        "The spectral bound has the slope of the slowest mode, which bars and stripes do not see; contraction in total variation looks at the two states that a step brings together least.",
        &plot,
    )?;
    let mut table = Table::new([
        "k",
        "bars_and_stripes",
        "spectral_bound",
        "contraction_bound",
        "half",
        "half_spectral_bound",
        "half_contraction_bound",
    ]);
    for k in 0..=N_STEPS {
        let of = |b: &Bounded| [b.largest[k], b.spectral[k], b.contraction[k]];
        let [a, b, c] = of(symmetric);
        let [d, e, f] = of(half);
        table.row([
            k.into(),
            a.into(),
            b.into(),
            c.into(),
            d.into(),
            e.into(),
            f.into(),
        ])?;
    }
    ctx.table(
        "bounds",
        "The largest bias over all derivatives, and the largest of its bounds.",
        &table,
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiments::cd_bias::chain::random_machine;
    use gibbsian_core::Seed;
    use ndarray::array;

    #[test]
    fn contraction_is_that_of_the_two_rows_that_are_farthest_apart() {
        let transition = array![[0.5, 0.5, 0.0], [0.4, 0.4, 0.2], [0.1, 0.3, 0.6]];
        assert!((contraction(&transition) - 0.6).abs() < 1e-15);
    }

    #[test]
    fn fields_are_those_of_the_worst_states() {
        let machine = random_machine(4, 3, 1.0, 0.5, Seed::new(3)).unwrap();
        let states = |n: usize| Array2::from_shape_fn((1 << n, n), |(s, i)| f64::from((s >> i & 1) as u8));
        let up = states(4).dot(&machine.weights()) + machine.hidden().bias();
        let down = states(3).dot(&machine.weights().t()) + machine.visible().bias();
        let listed = up.iter().chain(&down).fold(0.0, |most, f| larger(most, f.abs()));
        assert!((largest_field(&machine) - listed).abs() < 1e-14);
    }
}
