//! A Markov kernel of one's own, held to its invariance before it is trusted.
//!
//! Barker's rule at a random site: a changed site is taken with probability `1/(1 + e^ΔE)`. The matrix `P` is built from the same probabilities that a step draws with, so `π P = π` and detailed balance
//! `π_i P_ij = π_j P_ji` are facts to rounding on a small machine; the driver then runs it on any space of two symbols a site.
//!
//! `cargo run -p gibbsian --example own_kernel`
//!
//! prints how far from zero `π P − π` is, for the rule and for one with a planted mistake, and frequencies of a long run beside `π`.

#![allow(clippy::print_stdout)]

use gibbsian::classical::BoltzmannMachine;
use gibbsian::core::parallel::map_blocks_mut;
use gibbsian::core::{Acceptance, Streams, TransitionLaw};
use gibbsian::ndarray::{Array1, Array2, ArrayView2, Axis, CowArray, Ix2};
use gibbsian::partition::ExactDistribution;
use gibbsian::prelude::*;
use gibbsian::rand::{Rng, RngExt};

/// `steepness` is 1 in Barker's rule.
struct RandomSiteBarker {
    steepness: f64,
}

impl RandomSiteBarker {
    /// The one place where the probability of taking a change is computed.
    fn taken(&self, delta: f64) -> f64 {
        1.0 / (1.0 + (self.steepness * delta).exp())
    }
}

impl<T: DiscreteEnergy> Kernel<T> for RandomSiteBarker {
    type State = Array2<f64>;
    type Info = Acceptance;

    fn init(&self, target: &T, x: Array2<f64>) -> Result<Array2<f64>> {
        target.check_states("x", x.view())?;
        Ok(x)
    }

    fn refresh(&self, _: &T, _: &mut Array2<f64>) {}

    fn positions<'s>(&self, x: &'s Array2<f64>) -> CowArray<'s, f64, Ix2> {
        x.view().into()
    }

    fn step(&self, target: &T, x: &mut Array2<f64>, rng: &mut dyn Rng) -> Acceptance {
        // One key a step, and from it a stream for each block of rows: the same bits on any number of threads.
        let streams = Streams::draw(rng);
        let counts = map_blocks_mut(x.view_mut(), |block, mut rows| {
            let (mut rng, mut count) = (streams.block(block), Acceptance::default());
            let mut deltas = Array2::zeros(rows.dim());
            target.flip_deltas_into(rows.view(), deltas.view_mut());
            for (mut x, deltas) in rows.rows_mut().into_iter().zip(deltas.rows()) {
                let site = rng.random_range(0..x.len());
                let probability = self.taken(deltas[site]);
                count.proposed += 1;
                count.probability += probability;
                if rng.random::<f64>() < probability {
                    let alphabet = target.alphabet(site);
                    x[site] = alphabet[usize::from(x[site] == alphabet[0])];
                    count.accepted += 1;
                }
            }
            count
        });
        counts.into_iter().sum()
    }
}

impl<T: DiscreteEnergy> TransitionLaw<T> for RandomSiteBarker {
    fn transition_matrix(&self, target: &T, states: ArrayView2<f64>) -> Array2<f64> {
        let (n, dim) = states.dim();
        let mut deltas = Array2::zeros((n, dim));
        target.flip_deltas_into(states, deltas.view_mut());
        let mut matrix = Array2::zeros((n, n));
        for i in 0..n {
            for (j, there) in states.rows().into_iter().enumerate() {
                let changed: Vec<usize> = (0..dim).filter(|&k| states[[i, k]] != there[k]).collect();
                if let [site] = changed[..] {
                    matrix[[i, j]] = self.taken(deltas[[i, site]]) / dim as f64;
                }
            }
            matrix[[i, i]] = 1.0 - matrix.row(i).sum();
        }
        matrix
    }
}

/// Audits the matrix, then runs the step.
pub fn main() -> Result<()> {
    let machine = BoltzmannMachine::random(4, 1.0, Seed::new(1))?;
    let exact = ExactDistribution::new(&machine)?;
    let pi = exact.probabilities();
    for (steepness, is_right) in [(1.0, true), (0.9, false)] {
        let matrix = RandomSiteBarker { steepness }.transition_matrix(&machine, exact.states());
        let off = (pi.dot(&matrix) - &pi)
            .iter()
            .fold(0.0_f64, |m, d| m.max(d.abs()));
        let flow = &matrix * &pi.view().insert_axis(Axis(1));
        let unbalanced = (&flow - &flow.t()).iter().fold(0.0_f64, |m, d| m.max(d.abs()));
        println!("steepness {steepness}: |πP − π| {off:.1e}, detailed balance off by {unbalanced:.1e}");
        assert_eq!(off < 1e-15 && unbalanced < 1e-15, is_right);
    }

    // The drawn step has the law of the matrix: many chains far from their start, counted state by state.
    let n = 4_000;
    let run = Sampling {
        n_warmup: 200,
        ..Sampling::new(1, Seed::new(2))
    }
    .run(
        RandomSiteBarker { steepness: 1.0 },
        &machine,
        Array2::zeros((n, 4)),
    )?;
    let mut shares = Array1::<f64>::zeros(16);
    for x in run.draws.rows() {
        let state = exact.states().rows().into_iter().position(|s| s == x);
        shares[state.unwrap_or(0)] += 1.0 / n as f64;
    }
    let worst = shares
        .iter()
        .zip(&pi)
        .map(|(s, p)| (s - p).abs() / (p * (1.0 - p) / n as f64).sqrt())
        .fold(0.0, f64::max);
    println!(
        "largest deviation of a frequency: {worst:.2} standard errors; acceptance {:.2}",
        run.report.acceptance.rate()
    );
    assert!(worst < 5.0);
    Ok(())
}
