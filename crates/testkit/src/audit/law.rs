//! The stationary law of a finite target and the laws of a transition matrix.

use gibbsian_core::{Discrete, Energy};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2};

use crate::agreement::Agreement;
use crate::verdict::{Failure, Verdict, require};

/// How far `πT` may be from `π` in any state.
pub const INVARIANCE: f64 = 1e-14;

/// A target on a finite space, listed: its states and their exact probabilities.
#[derive(Clone, Debug)]
pub struct Audit {
    /// All states, one a row, in the order of [`Discrete::states`].
    pub states: Array2<f64>,
    /// `π_i = exp(−E(x_i)) / Z`.
    pub pi: Array1<f64>,
    /// `log Z`.
    pub log_z: f64,
}

impl Audit {
    /// Lists `target` at inverse temperature `beta`: `π_i ∝ exp(−β E(x_i))`.
    ///
    /// # Errors
    /// A space too large to be listed, or energies from which no probabilities follow (NaN, −∞, or +∞ everywhere).
    pub fn at<T: Discrete + Energy + ?Sized>(target: &T, beta: f64) -> Result<Self, Failure> {
        let states = target
            .states()
            .map_err(|e| Failure::refused("the space can be listed", &e))?;
        let log_weights = target
            .energy(states.view())
            .mapv(|e| if e == f64::INFINITY { -e } else { -beta * e });
        Audit::from_log_weights(states, log_weights)
    }

    /// Lists `target`.
    ///
    /// # Errors
    /// Those of [`Audit::at`].
    pub fn new<T: Discrete + Energy + ?Sized>(target: &T) -> Result<Self, Failure> {
        Audit::at(target, 1.0)
    }

    /// The law proportional to `exp(log_weights)` on given states.
    ///
    /// # Errors
    /// Weights from which no probabilities follow.
    pub fn from_log_weights(states: Array2<f64>, log_weights: Array1<f64>) -> Result<Self, Failure> {
        let largest = log_weights
            .iter()
            .fold(f64::NEG_INFINITY, |m, &w| if w > m || w.is_nan() { w } else { m });
        require(
            largest.is_finite(),
            "the target has a law",
            format_args!("the largest log-weight is {largest}"),
        )?;
        let mut pi = log_weights.mapv(|w| (w - largest).exp());
        require(
            pi.iter().all(|p| p.is_finite()),
            "the target has a law",
            "a log-weight is NaN",
        )?;
        let total = pi.sum();
        pi /= total;
        Ok(Audit {
            states,
            pi,
            log_z: largest + total.ln(),
        })
    }

    /// Checks everything that an invariant kernel promises: a stochastic matrix, `πT = π`, and one communicating
    /// class on the support.
    ///
    /// # Errors
    /// The first law that does not hold.
    pub fn invariant(&self, p: ArrayView2<f64>) -> Verdict {
        stochastic(p)?;
        leaves_invariant(self.pi.view(), p)?;
        irreducible(self.pi.view(), p)
    }

    /// [`Audit::invariant`] and detailed balance.
    ///
    /// # Errors
    /// The first law that does not hold.
    pub fn reversible(&self, p: ArrayView2<f64>) -> Verdict {
        self.invariant(p)?;
        detailed_balance(self.pi.view(), p)
    }
}

/// Requires entries in `[0, 1]` and rows that sum to one within rounding.
///
/// # Errors
/// An entry outside, or a row with another sum.
pub fn stochastic(p: ArrayView2<f64>) -> Verdict {
    require(
        p.is_square() && p.nrows() > 0,
        "a transition matrix is square",
        format_args!("shape {:?}", p.shape()),
    )?;
    for ((i, j), &v) in p.indexed_iter() {
        // NaN is in no interval. Rounding may leave a probability a few units above one.
        let allowed = (0.0..=1.0 + 8.0 * f64::EPSILON).contains(&v);
        require(
            allowed,
            "transition probabilities lie in [0, 1]",
            format_args!("P[{i}, {j}] = {v:e}"),
        )?;
    }
    let mut agreement = Agreement::new("the rows of a transition matrix sum to one");
    for (i, row) in p.rows().into_iter().enumerate() {
        // Products of D conditionals carry a few roundings each; D ≤ 24 for a space that can be listed.
        agreement.entry(|| format!("row {i}"), row.sum(), 1.0, 64.0 * f64::EPSILON);
    }
    agreement.verdict()
}

/// Requires `|Σ_i π_i P_ij − π_j| ≤ 1e-14` for every `j`.
///
/// # Errors
/// The worst state.
pub fn leaves_invariant(pi: ArrayView1<f64>, p: ArrayView2<f64>) -> Verdict {
    let moved = pi.dot(&p);
    let mut agreement = Agreement::new("the transition leaves the target invariant");
    for (j, (&found, &expected)) in moved.iter().zip(pi).enumerate() {
        agreement.entry(|| format!("state {j}"), found, expected, INVARIANCE);
    }
    agreement.verdict()
}

/// Requires `π_i P_ij = π_j P_ji`, within `1e-14`.
///
/// # Errors
/// The worst pair of states.
pub fn detailed_balance(pi: ArrayView1<f64>, p: ArrayView2<f64>) -> Verdict {
    let mut agreement = Agreement::new("detailed balance");
    for i in 0..p.nrows() {
        for j in 0..i {
            agreement.entry(
                || format!("flow from state {i} to {j} and back"),
                pi[i] * p[[i, j]],
                pi[j] * p[[j, i]],
                INVARIANCE,
            );
        }
    }
    agreement.verdict()
}

/// Requires every state of positive probability to be reached from every other.
///
/// # Errors
/// A pair of states without a way from one to the other.
pub fn irreducible(pi: ArrayView1<f64>, p: ArrayView2<f64>) -> Verdict {
    let Some(root) = pi.iter().position(|&v| v > 0.0) else {
        return Err(Failure::new("irreducibility", "the support is empty"));
    };
    let forth = reached(root, |i, j| p[[i, j]] > 0.0, p.nrows());
    let back = reached(root, |i, j| p[[j, i]] > 0.0, p.nrows());
    for (k, &weight) in pi.iter().enumerate().filter(|(_, w)| **w > 0.0) {
        require(
            forth[k],
            "irreducibility",
            format_args!("state {k} (probability {weight:e}) is not reached from {root}"),
        )?;
        require(
            back[k],
            "irreducibility",
            format_args!("state {root} is not reached from {k} (probability {weight:e})"),
        )?;
    }
    Ok(())
}

/// Which of `n` nodes are reached from `root` along edges.
fn reached(root: usize, edge: impl Fn(usize, usize) -> bool, n: usize) -> Vec<bool> {
    let mut seen = vec![false; n];
    seen[root] = true;
    let mut open = vec![root];
    while let Some(i) = open.pop() {
        for (j, seen) in seen.iter_mut().enumerate() {
            if !*seen && edge(i, j) {
                *seen = true;
                open.push(j);
            }
        }
    }
    seen
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn the_laws_tell_matrices_apart() {
        let pi = array![0.5, 0.25, 0.25];
        let good = array![[0.5, 0.25, 0.25], [0.5, 0.25, 0.25], [0.5, 0.25, 0.25]];
        stochastic(good.view()).unwrap();
        leaves_invariant(pi.view(), good.view()).unwrap();
        detailed_balance(pi.view(), good.view()).unwrap();
        irreducible(pi.view(), good.view()).unwrap();

        // A cycle leaves the uniform law invariant but runs one way.
        let uniform = array![1.0, 1.0, 1.0] / 3.0;
        let cycle = array![[0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [1.0, 0.0, 0.0]];
        leaves_invariant(uniform.view(), cycle.view()).unwrap();
        irreducible(uniform.view(), cycle.view()).unwrap();
        assert!(detailed_balance(uniform.view(), cycle.view()).is_err());
        assert!(leaves_invariant(pi.view(), cycle.view()).is_err());
        assert!(irreducible(uniform.view(), Array2::eye(3).view()).is_err());
        // Absorption is one-way too.
        assert!(irreducible(array![0.5, 0.5].view(), array![[1.0, 0.0], [0.5, 0.5]].view()).is_err());

        for bad in [
            array![[1.5, -0.5], [0.5, 0.5]],
            array![[0.5, 0.4], [0.5, 0.5]],
            array![[f64::NAN, 1.0], [0.5, 0.5]],
        ] {
            assert!(stochastic(bad.view()).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_law_is_stable_for_extreme_weights() {
        let audit =
            Audit::from_log_weights(Array2::zeros((3, 1)), array![-1e5, -1e5 - 1.0, f64::NEG_INFINITY])
                .unwrap();
        let e = 1f64.exp();
        assert!((audit.pi[0] - e / (1.0 + e)).abs() < 1e-11 && audit.pi[2] == 0.0);
        for bad in [
            array![f64::NAN, 0.0],
            array![0.0, f64::NAN],
            array![f64::INFINITY, 0.0],
            array![f64::NEG_INFINITY, f64::NEG_INFINITY],
        ] {
            assert!(Audit::from_log_weights(Array2::zeros((2, 1)), bad).is_err());
        }
    }
}
