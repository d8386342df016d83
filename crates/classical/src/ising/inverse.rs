//! The inverse problem in closed form: couplings and fields from means `m_i` and correlations `⟨x_i x_j⟩`.
//!
//! The likelihood has its maximum where the model has the moments of the data, and finding it needs the moments of models. Approximations of the free energy at given
//! magnetisations turn it into algebra: its second derivatives are the inverse of the covariance matrix `C`, entry by entry a function of one coupling.
//!
//! | approximation | `(C⁻¹)_ij` for `i ≠ j` | exact for |
//! |---|---|---|
//! | mean field | `−J_ij` | nothing; error `J²` in `J` with fields, `J³` without |
//! | TAP | `−J_ij − 2 J_ij² m_i m_j` | nothing; error `J³` |
//! | Bethe | that of a pair with the same means | trees |
//!
//! Sources: Kappen and Rodríguez (1998) and Tanaka (1998) for the first two; Ricci-Tersenghi (2012), "The Bethe approximation for solving the inverse Ising problem: a
//! comparison with other inference methods", equations 18 to 20, for the third.

use gibbsian_core::error::{check_each, check_shape};
use gibbsian_core::{Error, Result};
use gibbsian_linalg::Cholesky;
use ndarray::{Array1, Array2, ArrayView1, ArrayView2};

use super::Ising;

/// An approximation of the free energy at given magnetisations, to be solved for couplings ([`inverse_ising`]) or for means ([`SelfConsistent`](super::SelfConsistent)).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Approximation {
    /// Independent spins and the mean interaction energy.
    MeanField,
    /// With the reaction term of Thouless, Anderson and Palmer (1977), the next order in the couplings.
    Tap,
    /// Pairs exactly, as if the graph were a tree (Bethe 1935).
    Bethe,
}

/// The model on all pairs that has these `means` `(N)` and `second_moments` `⟨x_i x_j⟩` `(N, N)`, approximately.
///
/// ```
/// use gibbsian_classical::ising::{Approximation, inverse_ising};
/// use gibbsian_classical::{Boundary, Graph, Ising};
///
/// let chain = Ising::uniform(Graph::lattice(&[4], Boundary::Open)?, 0.6, 0.2)?;
/// let exact = chain.enumerate()?;
/// let found = inverse_ising(Approximation::Bethe, exact.means.view(), exact.second_moments.view())?;
/// // A chain is a tree. The other pairs have couplings of the size of rounding.
/// assert!((found.fields()[2] - 0.2).abs() < 1e-12);
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
///
/// # Errors
/// Shapes that do not fit; means that are not strictly between −1 and 1, since a spin that never turns has an infinite field; second moments that are not symmetric or
/// have no ones on the diagonal; a covariance matrix that is not positive definite, as that of fewer data than spins; a pair whose correlation is too
/// strong for the approximation to have a coupling.
pub fn inverse_ising(
    method: Approximation,
    means: ArrayView1<f64>,
    second_moments: ArrayView2<f64>,
) -> Result<Ising> {
    let n = means.len();
    check_each("means", means, "strictly between -1 and 1", |m| m.abs() < 1.0)?;
    check_shape("second_moments", &second_moments, &[n, n])?;
    for ((i, j), &s) in second_moments.indexed_iter() {
        let requirement = match (i == j && s != 1.0, s == second_moments[[j, i]]) {
            (true, _) => "1: a spin squared",
            (_, false) => "symmetric and no NaN",
            _ => continue,
        };
        return Err(Error::parameter(
            format!("second_moments[{i}, {j}]"),
            s,
            requirement,
        ));
    }
    let covariance = Array2::from_shape_fn((n, n), |(i, j)| second_moments[[i, j]] - means[i] * means[j]);
    let inverse = Cholesky::new("the covariance matrix", covariance.view())?.inverse();

    let mut couplings = Array2::zeros((n, n));
    for i in 0..n {
        for j in i + 1..n {
            let (m, c) = ([means[i], means[j]], inverse[[i, j]]);
            let coupling = match method {
                Approximation::MeanField => -c,
                Approximation::Tap => tap_coupling(m, c),
                Approximation::Bethe => bethe_coupling(m, c),
            };
            if !coupling.is_finite() {
                let name = format!("second_moments[{i}, {j}]");
                let requirement = "a correlation that some coupling has in this approximation";
                return Err(Error::parameter(name, second_moments[[i, j]], requirement));
            }
            couplings[[i, j]] = coupling;
            couplings[[j, i]] = coupling;
        }
    }
    let fields = Array1::from_shape_fn(n, |i| {
        let others = (0..n).filter(|&j| j != i);
        means[i].atanh()
            + others
                .map(|j| response(method, [means[i], means[j]], couplings[[i, j]]))
                .sum::<f64>()
    });
    Ising::from_matrix(couplings.view(), fields)
}

/// The root of `2 m_i m_j J² + J + c = 0` that vanishes with `c`, in the form that does not cancel; NaN if there is none.
fn tap_coupling(m: [f64; 2], c: f64) -> f64 {
    -2.0 * c / (1.0 + (1.0 - 8.0 * m[0] * m[1] * c).sqrt())
}

/// The coupling of a pair whose entry of `C⁻¹` is `c`; NaN if there is none.
///
/// In a pair with means `m`, covariance `q` and variances `a = 1 − m_i²`, `b = 1 − m_j²`, `c = −q / (ab − q²)`, so `q` is the root of `c q² − q − abc = 0` that vanishes with
/// `c`. Given means and covariance, the four probabilities of the pair are known, and `e^{4J}` is their odds ratio. This is equation 18 of Ricci-Tersenghi,
/// which solves for `tanh J` instead.
fn bethe_coupling(m: [f64; 2], c: f64) -> f64 {
    let product = (1.0 - m[0] * m[0]) * (1.0 - m[1] * m[1]);
    let covariance = -2.0 * product * c / (1.0 + (1.0 + 4.0 * product * c * c).sqrt());
    let [[unlike_down, unlike_up], [down, up]] = pair(m, covariance);
    0.25 * (up * down / (unlike_down * unlike_up)).ln()
}

/// The probabilities of a pair with these means and this covariance: `[[(−+), (+−)], [(−−), (++)]]`.
fn pair(m: [f64; 2], covariance: f64) -> [[f64; 2]; 2] {
    let p = |x: f64, y: f64| 0.25 * ((1.0 + x * m[0]) * (1.0 + y * m[1]) + x * y * covariance);
    [[p(-1.0, 1.0), p(1.0, -1.0)], [p(-1.0, -1.0), p(1.0, 1.0)]]
}

/// What a neighbour adds to the field that spin `i` must have: `∂/∂m_i` of the interaction part of the free energy.
fn response(method: Approximation, m: [f64; 2], coupling: f64) -> f64 {
    let mean_field = -coupling * m[1];
    match method {
        Approximation::MeanField => mean_field,
        Approximation::Tap => mean_field + m[0] * coupling * coupling * (1.0 - m[1] * m[1]),
        Approximation::Bethe => {
            // The field at i of the pair by itself, less that of the spin by itself.
            let [[down_up, up_down], [down, up]] = pair(m, bethe_covariance(m, coupling));
            0.25 * (up * up_down / (down * down_up)).ln() - m[0].atanh()
        }
    }
}

/// The covariance of a pair with these means and this coupling, `t = tanh J`.
///
/// `⟨x_i x_j⟩ = [1 + t² − √((1 − t²)² − 4t (m_i − t m_j)(m_j − t m_i))] / 2t` (Ricci-Tersenghi, equation 9).
fn bethe_covariance(m: [f64; 2], coupling: f64) -> f64 {
    let t = coupling.tanh();
    let q = t * (m[0] - t * m[1]) * (m[1] - t * m[0]);
    let w = (1.0 - t) * (1.0 + t);
    // 1 + t² − √(w² − 4q) = 2t² + (4q)/(w + √(w² − 4q)), divided by 2t.
    let moment = t + 2.0 * (m[0] - t * m[1]) * (m[1] - t * m[0]) / (w + (w * w - 4.0 * q).sqrt());
    moment - m[0] * m[1]
}
