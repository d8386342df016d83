//! Three vector fields over the parameters: the likelihood gradient, CD-k, and the gradient that CD-k is taken for.
//!
//! Hinton (2002) motivates contrastive divergence by the difference `D = KL(p₀‖π) − KL(p_k‖π)`. Its gradient is
//!
//! `∂D = [⟨∂F⟩_{p₀} − ⟨∂F⟩_{p_k}] − Σ_v ∂p_k(v) log(p_k(v)/π(v))`.
//!
//! CD-k is the bracket; the last term is neglected, because the chains would have to be differentiated. Where everything
//! can be listed they can be: with `t` the statistics of the joint energy `−θ·t(v, h)`, one half-step has the derivative
//!
//! `∂p(h|v) = p(h|v) [t(v, h) − t(v, ⟨h⟩_v)]`, and likewise `∂p(v|h) = p(v|h) [t(v, h) − t(⟨v⟩_h, h)]`,
//!
//! and the product rule does the rest. The gradient `∂D` itself comes from dual numbers sent through the definition of `D`, which uses
//! nothing of the machine but the sum `θ·t(v, h)`.
//!
//! A gradient has a symmetric Jacobian. Of the Jacobian of CD-k the terms with second derivatives of `F` are symmetric, and what remains is
//! `−A`, `A_mn = Σ_v ∂_m F(v) ∂_n p_k(v)`. Sutskever and Tieleman (2010) show that CD is not the gradient of any function; here the
//! antisymmetric part of `A` is measured. As `k → ∞`, `p_k → π` and `A` becomes minus the covariance of `∂F`, which is symmetric.

use gibbsian_classical::Rbm;
use gibbsian_core::{Discrete, FiniteUnits, Parametric, Seed};
use gibbsian_data::bars_and_stripes;
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis as Along};
use rayon::prelude::*;

use super::chain::{GibbsChain, norm, random_machine};
use super::fields_shown::{degrees, quantile, show_by_scale, show_by_steps};
use crate::dual::Dual;
use crate::statistics::larger;
use crate::{Check, Claim, Context, Provenance, Result};

const SIDE: usize = 2;
const N_HIDDEN: usize = 3;
const BIAS_SCALE: f64 = 0.5;
const WEIGHT_SCALES: [f64; 7] = [0.1, 0.2, 0.5, 1.0, 1.5, 2.0, 3.0];
/// The weights of the machines that the claims are about.
const WEIGHT_SCALE: f64 = 1.0;
const STEPS: [usize; 5] = [1, 2, 3, 5, 10];

pub(super) const IDENTITY: Claim = Claim {
    claim: "the gradient of KL(p₀‖π) − KL(p_k‖π) is the expected CD-k gradient minus a term with ∂p_k: largest difference, k = 1, 3, 10",
    source: "Hinton (2002), the derivation of contrastive divergence",
    provenance: Provenance::Exact,
    quick: Some(Check::value(0.0).within(1e-12)),
    full: Check::value(0.0).within(1e-12),
    reason: "two routes to the same sums over 16 visible and 8 hidden states: a thousand operations on numbers up to about ten",
};

pub(super) const NEGLECTED: Claim = Claim {
    claim: "so the expected CD-1 is not that gradient: median size of the neglected term, relative to the gradient",
    source: "Hinton (2002); Carreira-Perpiñán and Hinton (2005)",
    provenance: Provenance::Exact,
    quick: Some(Check::at_least(0.01)),
    full: Check::at_least(0.01),
    reason: "one per cent is ten orders of magnitude above the rounding of the identity, and would be seen in learning",
};

pub(super) const SELDOM_OPPOSES: Claim = Claim {
    claim: "the neglected term seldom turns the direction round: fraction of machines on which CD-1 descends KL(p₀‖π) − KL(p₁‖π)",
    source: "Hinton (2002): it seldom opposes the other two terms",
    provenance: Provenance::Exact,
    quick: Some(Check::at_least(0.95)),
    full: Check::at_least(0.95),
    reason: "seldom is read as less than once in twenty; the machines are random, with weights of standard deviation one",
};

pub(super) const NO_POTENTIAL: Claim = Claim {
    claim: "the expected CD-1 is the gradient of no function: median antisymmetric over symmetric part of ⟨∂F⟩_{∂p₁}",
    source: "Sutskever and Tieleman (2010)",
    provenance: Provenance::Exact,
    quick: Some(Check::at_least(0.01)),
    full: Check::at_least(0.01),
    reason: "a gradient has a symmetric Jacobian, and rounding leaves an antisymmetric part below 1e-12, as the next claim shows",
};

pub(super) const POTENTIAL_IN_THE_LIMIT: Claim = Claim {
    claim: "the same antisymmetric part vanishes once the chains have forgotten the data: its largest size at k = 200, weights of scale 0.5",
    source: "p_k → π, and the likelihood gradient has a potential",
    provenance: Provenance::Exact,
    quick: Some(Check::at_most(1e-12)),
    full: Check::at_most(1e-12),
    reason: "rounding; an eigenvalue of these chains would have to exceed 0.87 to leave more after 200 steps",
};

/// What was found on one machine.
pub(super) struct Comparison {
    pub(super) cd_and_likelihood: f64,
    pub(super) cd_and_difference: f64,
    pub(super) difference_and_likelihood: f64,
    /// The neglected term's norm over that of the gradient of the difference.
    pub(super) neglected: f64,
    /// `‖A − A'‖ / ‖A + A'‖`.
    pub(super) antisymmetric: f64,
}

/// Measures the claims and how they depend on the weights and on `k`.
pub(super) fn measure(ctx: &mut Context) -> Result<()> {
    let n_machines = ctx.pick(200, 5_000);
    let seed = ctx.seed().child("fields");
    ctx.progress(1, 4, "fields of random machines");

    let errors: Result<Vec<f64>> = (0..n_machines)
        .into_par_iter()
        .map(|m| error_of_identity(&machine(WEIGHT_SCALE, m, seed)?, &[1, 3, 10]))
        .collect();
    ctx.measure(&IDENTITY, errors?.into_iter().fold(0.0, larger))?;

    let typical = compare(WEIGHT_SCALE, 1, n_machines, seed)?;
    let neglected = quantile(&typical, 0.5, |c| c.neglected);
    ctx.measure(&NEGLECTED, neglected)?;
    let agreeing = typical.iter().filter(|c| c.cd_and_difference > 0.0).count();
    ctx.measure(&SELDOM_OPPOSES, agreeing as f64 / n_machines as f64)?;
    ctx.measure(&NO_POTENTIAL, quantile(&typical, 0.5, |c| c.antisymmetric))?;
    let forgotten = compare(0.5, 200, n_machines, seed)?;
    let left = forgotten.iter().map(|c| c.antisymmetric).fold(0.0, larger);
    ctx.measure(&POTENTIAL_IN_THE_LIMIT, left)?;
    ctx.note(format!(
        "On {n_machines} random machines with weights of standard deviation one CD-1 makes a median angle of {:.1}° with the likelihood \
         gradient and of {:.1}° with the gradient of KL(p₀‖π) − KL(p₁‖π); the neglected term has {:.0} % of the size of the latter.",
        quantile(&typical, 0.5, |c| degrees(c.cd_and_likelihood)),
        quantile(&typical, 0.5, |c| degrees(c.cd_and_difference)),
        100.0 * neglected,
    ));

    let by_scale: Result<Vec<(f64, Vec<Comparison>)>> = WEIGHT_SCALES
        .iter()
        .map(|&scale| Ok((scale, compare(scale, 1, n_machines, seed)?)))
        .collect();
    show_by_scale(ctx, &by_scale?)?;
    let by_steps: Result<Vec<(f64, Vec<Comparison>)>> = STEPS
        .iter()
        .map(|&k| Ok((k as f64, compare(WEIGHT_SCALE, k, n_machines, seed)?)))
        .collect();
    show_by_steps(ctx, &by_steps?)
}

/// Machine number `m`; only the scale of the weights differs between the machines of one number.
fn machine(weight_scale: f64, m: usize, seed: Seed) -> Result<Rbm> {
    random_machine(
        SIDE * SIDE,
        N_HIDDEN,
        weight_scale,
        BIAS_SCALE,
        seed.nth(m as u64),
    )
}

fn compare(weight_scale: f64, k: usize, n_machines: usize, seed: Seed) -> Result<Vec<Comparison>> {
    (0..n_machines)
        .into_par_iter()
        .map(|m| {
            let machine = machine(weight_scale, m, seed)?;
            let chain = GibbsChain::new(&machine)?;
            let data = chain.law_of(&bars_and_stripes(SIDE)?);
            let end = chain.after(&data, k);
            let likelihood = (&data - &chain.law).dot(&chain.derivatives);
            let contrastive = (&data - &end).dot(&chain.derivatives);
            let moved = law_derivatives(&machine, &chain, &data, k)?;
            let neglected = neglected_term(&chain, &end, &moved);
            let difference = &contrastive - &neglected;
            let a = chain.derivatives.t().dot(&moved.t());
            let size = |m: Array2<f64>| m.mapv(|x| x * x).sum().sqrt();
            Ok(Comparison {
                cd_and_likelihood: cosine(&contrastive, &likelihood),
                cd_and_difference: cosine(&contrastive, &difference),
                difference_and_likelihood: cosine(&difference, &likelihood),
                neglected: norm(neglected.view()) / norm(difference.view()),
                antisymmetric: size(&a - &a.t()) / size(&a + &a.t()),
            })
        })
        .collect()
}

/// The largest entry of `∂D − (CD-k − neglected)`.
fn error_of_identity(machine: &Rbm, steps: &[usize]) -> Result<f64> {
    let chain = GibbsChain::new(machine)?;
    let data = chain.law_of(&bars_and_stripes(SIDE)?);
    let hidden = machine.transposed().states()?;
    let mut largest: f64 = 0.0;
    for &k in steps {
        let end = chain.after(&data, k);
        let moved = law_derivatives(machine, &chain, &data, k)?;
        let composed = (&data - &end).dot(&chain.derivatives) - neglected_term(&chain, &end, &moved);
        for (along, composed) in composed.iter().enumerate() {
            let params = machine.params();
            let slope =
                kl_difference(params.view(), along, chain.states.view(), hidden.view(), &data, k).slope;
            largest = larger(largest, (slope - composed).abs());
        }
    }
    Ok(largest)
}

/// `Σ_v ∂p_k(v) log(p_k(v)/π(v))`.
fn neglected_term(chain: &GibbsChain, end: &Array1<f64>, moved: &Array2<f64>) -> Array1<f64> {
    moved.dot(&(end / &chain.law).mapv(f64::ln))
}

/// `∂p_k(v)/∂θ_m` as `(parameters, states)`, by the product rule over `k` steps.
fn law_derivatives(machine: &Rbm, chain: &GibbsChain, data: &Array1<f64>, k: usize) -> Result<Array2<f64>> {
    let v = &chain.states;
    let h = machine.transposed().states()?;
    let (mean_h, mean_v) = (machine.hidden_mean(v.view()), machine.visible_mean(h.view()));
    let h_from_v = conditional(machine.hidden(), machine.hidden_field(v.view()), &h);
    let v_from_h = conditional(machine.visible(), machine.visible_field(h.view()), v);
    let n_params = machine.n_params();
    // The derivatives of the two conditional laws, a row for each parameter and outcome, so that a law meets them in one product.
    let (n_states, n_hidden_states) = (v.nrows(), h.nrows());
    let up = Array2::from_shape_fn((n_params * n_hidden_states, n_states), |(mj, i)| {
        let (m, j) = (mj / n_hidden_states, mj % n_hidden_states);
        let t = |h| statistic(m, v.row(i), h);
        h_from_v[[i, j]] * (t(h.row(j)) - t(mean_h.row(i)))
    });
    let down = Array2::from_shape_fn((n_params * n_states, n_hidden_states), |(mi, j)| {
        let (m, i) = (mi / n_states, mi % n_states);
        let t = |v| statistic(m, v, h.row(j));
        v_from_h[[j, i]] * (t(v.row(i)) - t(mean_v.row(j)))
    });

    let mut law = data.clone();
    let mut moved = Array2::zeros((n_params, n_states));
    for _ in 0..k {
        let hidden_law = law.dot(&h_from_v);
        let hidden_moved =
            moved.dot(&h_from_v) + up.dot(&law).into_shape_with_order((n_params, n_hidden_states))?;
        moved = hidden_moved.dot(&v_from_h)
            + down
                .dot(&hidden_law)
                .into_shape_with_order((n_params, n_states))?;
        law = law.dot(&chain.transition);
    }
    Ok(moved)
}

/// `p(x_j | I_i)` for every field `i` and every state `j` of a layer.
fn conditional<U: FiniteUnits>(units: &U, fields: Array2<f64>, states: &Array2<f64>) -> Array2<f64> {
    let mut law = Array2::zeros((fields.nrows(), states.nrows()));
    for (field, mut row) in fields.rows().into_iter().zip(law.rows_mut()) {
        let same = states.map_axis(Along(1), |_| 1.0).insert_axis(Along(1)) * field;
        row.assign(&units.log_law(same.view(), states.view()).mapv(f64::exp));
    }
    law
}

/// `t_m(v, h)` in the order of the machine's parameters: `v_i h_j`, then `v_i`, then `h_j`.
fn statistic(m: usize, v: ArrayView1<f64>, h: ArrayView1<f64>) -> f64 {
    let (n_visible, n_hidden) = (v.len(), h.len());
    let n_weights = n_visible * n_hidden;
    if m < n_weights {
        v[m / n_hidden] * h[m % n_hidden]
    } else if m < n_weights + n_visible {
        v[m - n_weights]
    } else {
        h[m - n_weights - n_visible]
    }
}

/// `KL(p₀‖π) − KL(p_k‖π)` with its derivative in parameter number `along`, from `p(v, h) ∝ exp(θ·t(v, h))` and definitions alone.
fn kl_difference(
    params: ArrayView1<f64>,
    along: usize,
    visible: ArrayView2<f64>,
    hidden: ArrayView2<f64>,
    data: &Array1<f64>,
    k: usize,
) -> Dual {
    let joint: Vec<Vec<Dual>> = (visible.rows().into_iter())
        .map(|v| {
            let weight = |h: ArrayView1<f64>| {
                let terms = params.iter().enumerate().map(|(m, p)| p * statistic(m, v, h));
                let slope = statistic(along, v, h);
                Dual {
                    value: terms.sum(),
                    slope,
                }
                .exp()
            };
            hidden.rows().into_iter().map(weight).collect()
        })
        .collect();
    let of_v: Vec<Dual> = joint.iter().map(|row| Dual::sum(row.iter().copied())).collect();
    let of_h: Vec<Dual> = (0..hidden.nrows())
        .map(|j| Dual::sum(joint.iter().map(|row| row[j])))
        .collect();
    let z = Dual::sum(of_v.iter().copied());

    let start: Vec<Dual> = data.iter().map(|p| Dual::constant(*p)).collect();
    let end = (0..k).fold(start.clone(), |law, _| {
        // p(h) = Σ_v p(v) w(v, h) / w(v), then p(v') = Σ_h p(h) w(v', h) / w(h).
        let through: Vec<Dual> = (0..of_h.len())
            .map(|j| Dual::sum((0..law.len()).map(|i| law[i] * joint[i][j] / of_v[i])))
            .collect();
        (0..law.len())
            .map(|i| Dual::sum((0..of_h.len()).map(|j| through[j] * joint[i][j] / of_h[j])))
            .collect()
    });
    let divergence = |law: &[Dual]| {
        let support = law.iter().zip(&of_v).filter(|(p, _)| p.value > 0.0);
        Dual::sum(support.map(|(p, w)| *p * (*p * z / *w).ln()))
    };
    divergence(&start) - divergence(&end)
}

fn cosine(a: &Array1<f64>, b: &Array1<f64>) -> f64 {
    a.dot(b) / (norm(a.view()) * norm(b.view()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use gibbsian_testkit::derivatives::parameter_gradient;
    use gibbsian_testkit::differences::Precision;

    #[test]
    fn the_law_of_the_chains_moves_as_differences_say() {
        let mut machine = machine(1.0, 0, Seed::new(3)).unwrap();
        let chain = GibbsChain::new(&machine).unwrap();
        let data = chain.law_of(&bars_and_stripes(SIDE).unwrap());
        let moved = law_derivatives(&machine, &chain, &data, 2).unwrap();
        for state in [0, 5, 15] {
            let probability = |machine: &Rbm| {
                let end = GibbsChain::new(machine).unwrap().after(&data, 2);
                ndarray::array![end[state]]
            };
            parameter_gradient(
                "∂p_k",
                &mut machine,
                moved.column(state),
                &probability,
                Precision::DOUBLE,
            )
            .unwrap();
        }
    }

    #[test]
    fn the_difference_of_divergences_is_that_of_its_definition() {
        let machine = machine(1.0, 1, Seed::new(3)).unwrap();
        let chain = GibbsChain::new(&machine).unwrap();
        let data = chain.law_of(&bars_and_stripes(SIDE).unwrap());
        let kl = |p: &Array1<f64>| {
            let terms = p.iter().zip(&chain.law).filter(|(p, _)| **p > 0.0);
            terms.map(|(p, q)| p * (p / q).ln()).sum::<f64>()
        };
        let hidden = machine.transposed().states().unwrap();
        let params = machine.params();
        let found = kl_difference(params.view(), 0, chain.states.view(), hidden.view(), &data, 3).value;
        let expected = kl(&data) - kl(&chain.after(&data, 3));
        assert!((found - expected).abs() < 1e-13, "{found} instead of {expected}");
    }
}
