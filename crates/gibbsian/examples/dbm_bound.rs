//! A deep Boltzmann machine is bounded by its mean field, and the gap is a divergence.
//!
//! `log p(v) ≥ −E_q[E(v, h)] + H(q) − log Z` for every `q(h) = Π_l Π_j q_lj(h_lj)`, and what is missing is `KL(q ‖ p(h|v))`. The fixed point `q_1 = σ(W_1'v + W_2 q_2 + b_1)`, … makes it small.
//!
//! `cargo run -p gibbsian --example dbm_bound`
//!
//! prints exact log-probabilities, the bounds, and their gaps beside the divergences by enumeration of the hidden units.

#![allow(clippy::print_stdout)]

use gibbsian::classical::{Bernoulli, Dbm};
use gibbsian::ndarray::{Array2, Axis, array, concatenate};
use gibbsian::prelude::*;

/// Bounds the log-probability of three cases and explains the gaps exactly.
pub fn main() -> Result<()> {
    let hidden = vec![Bernoulli::unbiased(4), Bernoulli::unbiased(3)];
    let dbm = Dbm::random(Bernoulli::unbiased(6), hidden, 1.0, Seed::new(1))?;
    let v = array![[1.0, 0.0, 1.0, 1.0, 0.0, 0.0], [0.0; 6], [1.0; 6]];

    let log_z = dbm.log_z()?;
    let exact = -dbm.free_energy(v.view())? - log_z;
    let q = dbm.mean_field(v.view(), 1e-12, 1_000)?;
    assert!(q.converged());
    let bound = -dbm.variational_free_energy(v.view(), &q) - log_z;

    // All 2^7 states of the hidden layers, each beside the case.
    let states = Array2::from_shape_fn((1 << 7, 7), |(state, j)| f64::from(u8::from(state >> j & 1 == 1)));
    for case in 0..v.nrows() {
        let rows = Array2::from_shape_fn((1 << 7, 6), |(_, i)| v[[case, i]]);
        let x = concatenate![Axis(1), rows, states];
        let log_joint = -dbm.joint().energy(x.view()) - log_z;
        let mut divergence = 0.0;
        for (h, log_joint) in states.rows().into_iter().zip(&log_joint) {
            let means = q
                .means(1)
                .row(case)
                .to_vec()
                .into_iter()
                .chain(q.means(2).row(case).to_vec());
            let q_h: f64 = h
                .iter()
                .zip(means)
                .map(|(&h, m)| if h == 1.0 { m } else { 1.0 - m })
                .product();
            divergence += q_h * (q_h.ln() - (log_joint - exact[case]));
        }
        println!(
            "log p(v) = {:.6}, bound {:.6}, gap {:.2e}, KL {divergence:.2e}",
            exact[case],
            bound[case],
            exact[case] - bound[case]
        );
        assert!(bound[case] <= exact[case]);
        assert!((exact[case] - bound[case] - divergence).abs() < 1e-12);
    }
    Ok(())
}
