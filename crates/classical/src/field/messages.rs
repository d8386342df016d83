//! Messages between sites, for both kinds of belief propagation.
//!
//! A message from `i` to `j` is a function of the label of `j`. It says what the part of the field behind `i` would have it be,
//!
//! `m_{i→j}(b) = ⊕_a [h_i(a) − m_{j→i}(a) − V_ij(a, b)]`,  `h_i(a) = −U_i(a) + Σ_k m_{k→i}(a)`,
//!
//! in logarithms, where `⊕` is `log Σ exp` for marginals and the maximum for the likeliest state. Messages are normalised, `⊕_b m(b) = 0`.
//!
//! The schedule is that of Kolmogorov (2006, "Convergent tree-reweighted message passing"): sites in order, each sending to those after it, then in reverse order, each
//! sending to those before it. News crosses the graph in one round, where sending all messages at once would take as many rounds as the graph is long; and on a
//! tree that is numbered from the root outwards one round is all it takes. A message is mixed with the one before, `m ← (1 − d) m_new + d m_old`.

use gibbsian_core::Space;
use gibbsian_core::math::{log_add_exp, log_sum_exp};

use super::{Convergence, PairwiseField};
use crate::larger::larger;

/// How messages are summed up.
pub(crate) trait Summary {
    /// `⊕` of some terms.
    fn of(terms: &[f64]) -> f64;
}

/// `log Σ exp`.
pub(crate) struct LogSum;

impl Summary for LogSum {
    fn of(terms: &[f64]) -> f64 {
        match terms {
            [a, b] => log_add_exp(*a, *b),
            _ => log_sum_exp(terms),
        }
    }
}

/// The maximum.
pub(crate) struct Largest;

impl Summary for Largest {
    fn of(terms: &[f64]) -> f64 {
        terms.iter().copied().fold(f64::NEG_INFINITY, f64::max)
    }
}

/// How long, and how cautiously.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Schedule {
    pub(crate) damping: f64,
    pub(crate) tolerance: f64,
    pub(crate) max_rounds: usize,
}

/// The messages along all links: `q` numbers for what the owner of a link says to the site at its end.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Messages(Vec<f64>);

impl Messages {
    /// Passes messages until none changes by more than the tolerance.
    pub(super) fn pass<S: Summary>(field: &PairwiseField, schedule: Schedule) -> (Self, Convergence) {
        let (n, q) = (field.dim(), field.n_labels());
        let silence = -S::of(&vec![0.0; q]);
        let mut messages = Messages(vec![silence; field.structure.n_links() * q]);
        let (mut n_rounds, mut residual) = (0, f64::INFINITY);
        let mut work = Work {
            h: vec![0.0; q],
            terms: vec![0.0; q],
            new: vec![0.0; q],
        };
        while residual > schedule.tolerance && n_rounds < schedule.max_rounds {
            residual = 0.0;
            for site in 0..n {
                let to_later = |to| to > site;
                residual = messages.send::<S>(field, site, to_later, schedule.damping, residual, &mut work);
            }
            for site in (0..n).rev() {
                let to_earlier = |to| to < site;
                residual = messages.send::<S>(field, site, to_earlier, schedule.damping, residual, &mut work);
            }
            n_rounds += 1;
        }
        let convergence = Convergence {
            converged: residual <= schedule.tolerance,
            n_rounds,
            residual,
        };
        (messages, convergence)
    }

    /// Sends from one site to some of its neighbours and returns the largest change so far.
    fn send<S: Summary>(
        &mut self,
        field: &PairwiseField,
        site: usize,
        receives: impl Fn(usize) -> bool,
        damping: f64,
        mut residual: f64,
        work: &mut Work,
    ) -> f64 {
        let q = field.n_labels();
        let Work { h, terms, new } = work;
        self.inside(field, site, h);
        let links = field.structure.links(site);
        for (number, link) in field.structure.link_range(site).zip(links) {
            if !receives(link.site) {
                continue;
            }
            for (b, new) in new.iter_mut().enumerate() {
                // V_ij(·, b), as the sender sees a neighbour with label b.
                let row = (link.seen * q + b) * q;
                let back = &self.0[link.back * q..][..q];
                for (a, term) in terms.iter_mut().enumerate() {
                    *term = h[a] - back[a] - field.seen[row + a];
                }
                *new = S::of(terms);
            }
            let total = S::of(new);
            for (old, new) in self.0[number * q..][..q].iter_mut().zip(new.iter()) {
                let new = new - total;
                residual = larger(residual, (new - *old).abs());
                *old = (1.0 - damping) * new + damping * *old;
            }
        }
        residual
    }

    /// `h_i(a) = −U_i(a) + Σ_k m_{k→i}(a)`.
    pub(super) fn inside(&self, field: &PairwiseField, site: usize, h: &mut [f64]) {
        for (h, u) in h.iter_mut().zip(field.unary_of(site)) {
            *h = -u;
        }
        for link in field.structure.links(site) {
            for (h, m) in h.iter_mut().zip(self.along(link.back, field.n_labels())) {
                *h += m;
            }
        }
    }

    /// The message along a link.
    pub(super) fn along(&self, link: usize, q: usize) -> &[f64] {
        &self.0[link * q..][..q]
    }
}

/// Memory that is used again for every message.
struct Work {
    h: Vec<f64>,
    terms: Vec<f64>,
    new: Vec<f64>,
}
