//! The law of largest entropy among those with its moments.

use gibbsian_classical::BoltzmannMachine;
use gibbsian_linalg::Cholesky;
use gibbsian_partition::ExactDistribution;
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis, concatenate};

use crate::statistics::{larger, smaller};
use crate::{Check, Claim, Context, Provenance, Result};

pub(super) const ENTROPY: Claim = Claim {
    claim: "for every law q with these moments H(p) − H(q) = KL(q ‖ p): the largest difference, over the data completed by the machine and 7 laws with other correlations of three votes",
    source: "Jaynes (1957); log p is linear in the moments, so both sides are Σ (q − p) log p less the entropies",
    provenance: Provenance::Exact,
    quick: Some(Check::at_most(1e-12)),
    full: Check::at_most(1e-12),
    reason: "moments agree to some 1e-15 and are weighed by 136 parameters of order one; entropies are sums of 65,536 terms, added in a fixed order with an error of 1e-14 or so",
};

pub(super) const DISTINCT: Claim = Claim {
    claim: "none of these laws is the machine's: the smallest of their divergences, in nats",
    source: "the same laws",
    provenance: Provenance::Exact,
    quick: Some(Check::at_least(1e-6)),
    full: Check::at_least(1e-6),
    reason: "a million times the tolerance of the equality, so that it is not one between zeros",
};

/// A machine's law as a list of states, from the energies that the machine reports state by state.
pub(super) struct Law {
    states: Array2<f64>,
    log_p: Array1<f64>,
}

impl Law {
    pub(super) fn new(machine: &BoltzmannMachine) -> Result<Self> {
        let exact = ExactDistribution::new(machine)?;
        Ok(Law {
            states: exact.states().to_owned(),
            log_p: exact.log_probabilities().to_owned(),
        })
    }

    fn p(&self) -> Array1<f64> {
        self.log_p.mapv(f64::exp)
    }

    /// `⟨s s'⟩` `(N, N)`.
    pub(super) fn second_moments(&self) -> Array2<f64> {
        second_moments(&self.states, self.p().view())
    }

    /// Which states agree with what is known of a case.
    fn agreeing(&self, x: ArrayView1<f64>, known: ArrayView1<bool>) -> Vec<usize> {
        let agrees = |s: &ArrayView1<f64>| {
            x.iter()
                .zip(&known)
                .zip(s)
                .all(|((x, known), s)| !known || x == s)
        };
        let states = self.states.rows().into_iter().enumerate();
        states.filter(|(_, s)| agrees(s)).map(|(k, _)| k).collect()
    }

    /// The probabilities of these states given that it is one of them.
    fn conditional(&self, states: &[usize]) -> Array1<f64> {
        let top = states
            .iter()
            .map(|&k| self.log_p[k])
            .fold(f64::NEG_INFINITY, f64::max);
        let p: Array1<f64> = states.iter().map(|&k| (self.log_p[k] - top).exp()).collect();
        &p / p.sum()
    }

    /// `⟨s s'⟩` given what is known of a case.
    pub(super) fn given(&self, x: ArrayView1<f64>, known: ArrayView1<bool>) -> Array2<f64> {
        let states = self.agreeing(x, known);
        second_moments(
            &self.states.select(Axis(0), &states),
            self.conditional(&states).view(),
        )
    }
}

fn second_moments(states: &Array2<f64>, p: ArrayView1<f64>) -> Array2<f64> {
    let weighted = states * &p.insert_axis(Axis(1));
    weighted.t().dot(states)
}

/// Holds the identity of entropies against laws with the same moments.
pub(super) fn others(
    ctx: &mut Context,
    law: &Law,
    machine: &BoltzmannMachine,
    x: ArrayView2<f64>,
    known: ArrayView2<bool>,
) -> Result<()> {
    let p = law.p();
    let mut laws = vec![completed(law, x, known)];
    laws.extend(perturbed(law, machine, &p)?);
    let (mut worst, mut least) = (0.0, f64::INFINITY);
    for q in &laws {
        let divergence = sum(q
            .iter()
            .zip(&law.log_p)
            .map(|(q, l)| if *q > 0.0 { q * (q.ln() - l) } else { 0.0 }));
        worst = larger(worst, (entropy(&p) - entropy(q) - divergence).abs());
        least = smaller(least, divergence);
    }
    ctx.measure(&ENTROPY, worst)?;
    ctx.measure(&DISTINCT, least)
}

/// The empirical law, each member's unknown positions drawn from the machine.
fn completed(law: &Law, x: ArrayView2<f64>, known: ArrayView2<bool>) -> Array1<f64> {
    let mut q = Array1::zeros(law.log_p.len());
    let n_members = x.nrows() as f64;
    for (x, known) in x.rows().into_iter().zip(known.rows()) {
        let states = law.agreeing(x, known);
        for (&state, p) in states.iter().zip(&law.conditional(&states)) {
            q[state] += p / n_members;
        }
    }
    q
}

/// `q = p (1 + ε g)`, where `g` is the parity of three votes less what means and pairs explain of it, and `ε` leaves a tenth of every probability.
fn perturbed(law: &Law, machine: &BoltzmannMachine, p: &Array1<f64>) -> Result<Vec<Array1<f64>>> {
    let n = machine.n_units();
    // The statistics, and the constant, by which q has the mass of p.
    let pairs = (0..n).flat_map(|i| (i..n).map(move |j| (i, j)));
    let columns: Vec<Array1<f64>> = pairs
        .map(|(i, j)| &law.states.column(i) * &law.states.column(j))
        .collect();
    let views: Vec<_> = columns.iter().map(|c| c.view().insert_axis(Axis(1))).collect();
    let ones = Array2::ones((p.len(), 1));
    let statistics = concatenate![Axis(1), ones, ndarray::concatenate(Axis(1), &views)?];
    let weighted = &statistics * &p.view().insert_axis(Axis(1));
    let gram = Cholesky::new(
        "the second moments of the statistics",
        weighted.t().dot(&statistics).view(),
    )?;
    let laws = (0..n - 2).step_by(2).map(|first| {
        let three = law.states.columns().into_iter().skip(first).take(3);
        let mut g = three.fold(Array1::ones(p.len()), |g, s| g * s.mapv(|s| 1.0 - 2.0 * s));
        // Projecting again removes what rounding left the first time.
        for _ in 0..3 {
            g = &g - &statistics.dot(&gram.solve_vector(weighted.t().dot(&g).view()));
        }
        let largest = g.iter().fold(0.0f64, |m, g| m.max(g.abs()));
        p * &g.mapv(|g| 1.0 + 0.9 * g / largest)
    });
    Ok(laws.collect())
}

fn entropy(p: &Array1<f64>) -> f64 {
    sum(p.iter().map(|p| if *p > 0.0 { -p * p.ln() } else { 0.0 }))
}

/// A sum in blocks, whose error grows with the length of a block and the number of them.
fn sum(terms: impl Iterator<Item = f64>) -> f64 {
    let terms: Vec<f64> = terms.collect();
    terms.chunks(256).map(|block| block.iter().sum::<f64>()).sum()
}
