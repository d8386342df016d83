//! All rungs at once: the multistate Bennett acceptance ratio.
//!
//! A draw at one rung says something about every rung whose density is not small there. With `N_k` draws from each of the densities
//! `f_k / Z_k` the estimate of all `c_k = log Z_k / Z_0` that uses all draws for all ratios solves
//!
//! `N_k = Σ_n P_nk`,  `P_nk = N_k f_k(x_n) e^{−c_k} / Σ_l N_l f_l(x_n) e^{−c_l}`,
//!
//! where the sum goes over the draws of all rungs: `P_nk` is the probability that draw `n` came from rung `k`, and each rung must be given as
//! many draws as it has. It is the maximum of a concave likelihood (Geyer 1994, "reverse logistic regression"), the estimate with the least
//! variance among all bridges (Tan 2004; Shirts and Chodera 2008, "Statistically optimal analysis of samples from multiple equilibrium states"), and for
//! two rungs Bennett's ratio. Newton's method with the exact Hessian `H_kl = Σ_n P_nk (δ_kl − P_nl)` finds it, started from the bridges
//! between neighbours.
//!
//! **Error.** To first order draw `n` moves `c` by `H⁻¹ (P_n − mean of P over its rung)`. Added up by chain this gives the covariance of all `c_k`
//! for correlated draws; for independent ones it agrees with the closed form of Shirts and Chodera,
//! `H⁻¹ − diag(1/N_k) − 1/N_0`, asymptotically.
//!
//! **Overlap.** For every cut of the ladder into the rungs up to `k` and those above, `Σ_n 4 q_n (1 − q_n)` with `q_n = Σ_{l ≤ k} P_nl` is the
//! number of draws that could come from either part; the weakest cut gives the verdict. For two rungs it is that of [`crate::bridge`].

use gibbsian_core::math::log_sum_exp;
use gibbsian_core::{Error, Result};
use gibbsian_linalg::Cholesky;
use ndarray::{Array1, Array2, ArrayView2, s};

use crate::bridge::{ladder_log_ratios, no_overlap_error};
use crate::estimate::Estimate;
use crate::influence::Influence;
use crate::reliability::Reliability;
use crate::rungs::RungDraws;

/// The normalisers of all rungs, with their covariance.
#[derive(Clone, Debug)]
pub struct Mbar {
    /// `log Z` of the target.
    pub estimate: Estimate,
    /// `log Z_k` of every rung.
    pub log_z: Vec<f64>,
    covariance: Array2<f64>,
    overlap: Array2<f64>,
}

impl Mbar {
    /// The covariance of the `log Z_k`, `(K + 1, K + 1)`; that of the base is known and has no error.
    pub fn covariance(&self) -> ArrayView2<'_, f64> {
        self.covariance.view()
    }

    /// `O_kl = Σ_n P_nk P_nl / N_k`, `(K + 1, K + 1)`: how often a draw of rung `k` is taken for one of rung `l`. Rows sum to 1.
    ///
    /// Source: Klimovich, Shirts and Mobley (2015), "Guidelines for the analysis of free energy calculations".
    pub fn overlap(&self) -> ArrayView2<'_, f64> {
        self.overlap.view()
    }
}

/// The most steps of Newton's method; from the bridges between neighbours it takes a handful.
const MAX_STEPS: usize = 100;

/// Estimates `log Z` of every rung from all draws.
///
/// ```
/// use gibbsian_core::Seed;
/// use gibbsian_partition::{Ladder, Reach, RungSampling, exact_log_z, mbar, sample_rungs};
/// # use gibbsian_testkit::targets::{Pairwise, Tempered};
/// # use ndarray::{Array1, Array2};
/// // Four spins that pull each other along, and the path to them from independent ones.
/// let target = Pairwise::new(Array1::from_elem(4, 0.2), Array2::from_elem((4, 4), 0.3))?;
/// let path = Tempered::new(Array1::zeros(4), target.clone())?;
/// let exact = exact_log_z(&target)?;
/// let sampling = RungSampling { reach: Reach::All, ..RungSampling::new() };
/// let draws = sample_rungs(&path, &Ladder::linear(8)?, &sampling, &mut Seed::new(1).rng())?;
/// let found = mbar(&draws, 0.999)?;
/// let estimate = found.estimate;
/// assert!((estimate.log_z - exact).abs() < 5.0 * estimate.standard_error);
/// assert!((found.log_z[0] - 16f64.ln()).abs() < 1e-12); // of the base, which is known
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
///
/// # Errors
/// Draws whose works do not reach all rungs ([`Reach::All`](crate::Reach)), a level outside (0, 1), or rungs that overlap so little that no
/// ratio is determined.
pub fn mbar(draws: &RungDraws, level: f64) -> Result<Mbar> {
    let works = all_works(draws)?;
    let c = solve(&works, draws)?;
    let p = responsibilities(&works, &c);
    let (n, n_rungs) = (draws.n_chains() * draws.n_draws(), c.len());
    let factor = hessian_factor(&p)?;
    // Row k of H⁻¹ weighs the responsibilities of a draw for rung k.
    let inverse = factor.inverse() * n as f64;
    let influences: Vec<Influence> = inverse
        .rows()
        .into_iter()
        .map(|weights| {
            let mut influence = Influence::new(draws.n_chains(), draws.n_draws());
            let values = p.slice(s![.., 1..]).dot(&weights);
            for rung in 0..n_rungs {
                let of_rung = values.slice(s![rung * n..(rung + 1) * n]);
                influence.add(&of_rung.to_vec());
            }
            influence
        })
        .collect();
    let n_chains = draws.n_chains() as f64;
    let covariance = Array2::from_shape_fn((n_rungs, n_rungs), |(k, l)| {
        if k == 0 || l == 0 {
            return 0.0;
        }
        let products = influences[k - 1]
            .per_chain()
            .iter()
            .zip(influences[l - 1].per_chain());
        products.map(|(a, b)| a * b).sum::<f64>() / (n_chains * (n_chains - 1.0))
    });
    let target = &influences[n_rungs - 2];
    let own = weakest_cut(&p, draws, target.efficiency());
    let reliability = Reliability::of_draws(draws, target, own);
    let log_z: Vec<f64> = c.iter().map(|c| c + draws.log_z_start()).collect();
    let estimate = Estimate::of_influence(log_z[n_rungs - 1], target, level, reliability)?;
    Ok(Mbar {
        estimate: estimate.widened_to(no_overlap_error(own, target.effective_sample_size())),
        log_z,
        covariance,
        overlap: p.t().dot(&p) / n as f64,
    })
}

/// `log f_k(x_n) − log f(x_n)` of all draws towards all rungs, rung by rung, relative to the draw's own rung.
fn all_works(draws: &RungDraws) -> Result<Array2<f64>> {
    let n_rungs = draws.ladder().betas().len();
    let n = draws.n_chains() * draws.n_draws();
    let mut works = Array2::zeros((n_rungs * n, n_rungs));
    for from in 0..n_rungs {
        for to in 0..n_rungs {
            let Some(work) = draws.works(from, to) else {
                return Err(Error::parameter("reach", "Neighbours", "All"));
            };
            for (out, work) in works
                .slice_mut(s![from * n..(from + 1) * n, to])
                .iter_mut()
                .zip(work)
            {
                *out = *work;
            }
        }
    }
    Ok(works)
}

/// The `c_k`, by Newton's method on `Σ_n log Σ_k exp(l_nk − c_k) + n Σ_k c_k`, which is convex; every rung has `n` draws.
fn solve(works: &Array2<f64>, draws: &RungDraws) -> Result<Array1<f64>> {
    let n = draws.n_chains() * draws.n_draws();
    let objective = |c: &Array1<f64>| -> f64 {
        let of_draws: f64 = works
            .rows()
            .into_iter()
            .map(|l| log_sum_exp(&(&l - c).to_vec()))
            .sum();
        of_draws + n as f64 * c.sum()
    };
    let mut c = Array1::zeros(works.ncols());
    for (k, ratio) in ladder_log_ratios(draws)?.into_iter().enumerate() {
        c[k + 1] = c[k] + ratio;
    }
    let mut value = objective(&c);
    for _ in 0..MAX_STEPS {
        let p = responsibilities(works, &c);
        // The downhill direction is minus the gradient, n − Σ_n P_nk, through the inverse Hessian.
        let uphill = p.sum_axis(ndarray::Axis(0)) - n as f64;
        let step = hessian_factor(&p)?.solve_vector(uphill.slice(s![1..]));
        let mut fraction = 1.0;
        loop {
            let mut next = c.clone();
            next.slice_mut(s![1..]).scaled_add(fraction, &step);
            let reached = objective(&next);
            // A full step that changes the objective by rounding alone is the end.
            if reached <= value + 1e-12 * value.abs() || fraction < 1e-6 {
                (c, value) = (next, reached);
                break;
            }
            fraction *= 0.5;
        }
        let moved = step.iter().fold(0.0f64, |m, s| m.max(s.abs()));
        if moved <= 1e-10 * (1.0 + c.iter().fold(0.0f64, |m, c| m.max(c.abs()))) {
            return Ok(c);
        }
    }
    Err(Error::non_finite(
        "log_z",
        f64::NAN,
        format!("because {MAX_STEPS} steps of Newton's method did not converge"),
    ))
}

/// `P_nk`, a row a draw.
fn responsibilities(works: &Array2<f64>, c: &Array1<f64>) -> Array2<f64> {
    let mut p = works - c;
    for mut row in p.rows_mut() {
        let total = log_sum_exp(&row.to_vec());
        row.mapv_inplace(|l| (l - total).exp());
    }
    p
}

/// The factor of `H_kl = Σ_n P_nk (δ_kl − P_nl)` without the base, whose `c` is zero.
fn hessian_factor(p: &Array2<f64>) -> Result<Cholesky> {
    let others = p.slice(s![.., 1..]);
    let mut hessian = -others.t().dot(&others);
    // Σ_n P_nk (1 − P_nk) by itself, which does not cancel where P is near one.
    for (k, column) in others.columns().into_iter().enumerate() {
        hessian[[k, k]] = column.iter().map(|p| p * (1.0 - p)).sum();
    }
    Cholesky::new("the overlap of the rungs", hessian.view())
}

/// The cut of the ladder that the fewest draws could come from both sides of.
fn weakest_cut(p: &Array2<f64>, draws: &RungDraws, efficiency: f64) -> Reliability {
    let betas = draws.ladder().betas();
    let shared = |k: usize| -> f64 {
        let below = p.slice(s![.., ..=k]).sum_axis(ndarray::Axis(1));
        let above = p.slice(s![.., k + 1..]).sum_axis(ndarray::Axis(1));
        efficiency * 4.0 * below.dot(&above)
    };
    let (k, overlap) = (0..betas.len() - 1)
        .map(|k| (k, shared(k)))
        .min_by(|a, b| a.1.total_cmp(&b.1))
        .expect("a ladder has a step");
    Reliability::of_overlap(betas[k], betas[k + 1], overlap)
}
