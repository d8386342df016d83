//! Exact draws by coupling from the past (Propp and Wilson 1996, "Exact sampling with coupled Markov chains").
//!
//! Let all chains, one from every state, run through the same random numbers from time `−T` to 0. If they have met, the state in which they are at time 0 is the one in which a chain from the
//! infinite past would be, and that is an exact draw. If not, they are started earlier, and the numbers of the last `T` sweeps are *used again*. To draw new ones, or to
//! look for the first time that chains meet when run forwards, gives another law: both prefer states in which chains meet.
//!
//! For a ferromagnet two chains are enough. A heat-bath sweep in which site `i` of every chain compares the same uniform number with `σ(2 I_i)` keeps the order of states, more
//! spins up above fewer, as `I_i` grows with every neighbour; so whatever starts between all down and all up stays between those two, and when they meet all have met. A model whose
//! couplings have both signs without frustration becomes a ferromagnet when some spins are counted the other way round (a gauge), and is drawn from in the same way.
//!
//! Fields may be anything. The number of sweeps that are needed is random; near and below the critical temperature it grows beyond all bounds of patience, which is why there is a bound.

use std::collections::VecDeque;

use gibbsian_core::math::sigmoid;
use gibbsian_core::parallel::{block_rows, map_blocks};
use gibbsian_core::{Error, Result, Streams};
use ndarray::Array2;
use rand::{Rng, RngExt};

use super::Ising;

/// Exact, independent draws from a model without frustration.
///
/// ```
/// use gibbsian_classical::{Boundary, CouplingFromPast, Graph, Ising};
/// use gibbsian_core::Seed;
///
/// let torus = Ising::uniform(Graph::lattice(&[16, 16], Boundary::Periodic)?, 0.3, 0.05)?;
/// let draws = CouplingFromPast::new(&torus, 1 << 12)?.sample(5, &mut Seed::new(1).rng())?;
/// assert_eq!(draws.x.dim(), (5, 256));
/// assert!(draws.n_sweeps.iter().all(|n| n.is_power_of_two()));
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct CouplingFromPast<'a> {
    model: &'a Ising,
    /// The sign that each spin is counted with.
    gauge: Vec<f64>,
    max_sweeps: usize,
}

/// What [`CouplingFromPast::sample`] has drawn.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct PastDraws {
    /// The draws `(n, D)`.
    pub x: Array2<f64>,
    /// How far back each of them had to be started, in sweeps: a power of two.
    pub n_sweeps: Vec<usize>,
}

impl<'a> CouplingFromPast<'a> {
    /// Draws from this model, from at most so many sweeps ago.
    ///
    /// # Errors
    /// A frustrated bond: one whose sign contradicts those of a closed way of other bonds; or no sweeps.
    pub fn new(model: &'a Ising, max_sweeps: usize) -> Result<Self> {
        gibbsian_core::error::check_count("max_sweeps", max_sweeps)?;
        Ok(CouplingFromPast {
            model,
            gauge: gauge(model)?,
            max_sweeps,
        })
    }

    /// `n` independent draws.
    ///
    /// # Errors
    /// Chains that have not met from the most sweeps ago.
    pub fn sample(&self, n: usize, rng: &mut dyn Rng) -> Result<PastDraws> {
        let streams = Streams::draw(rng);
        let draws = map_blocks(n, |block, rows| -> Result<Vec<(Vec<f64>, usize)>> {
            let first = block_rows(block, n).start;
            let rows = rows.map(|row| self.draw(streams.part((block as u64) << 32 | (row - first) as u64)));
            rows.collect()
        });
        let mut x = Array2::zeros((n, self.gauge.len()));
        let mut n_sweeps = Vec::with_capacity(n);
        for block in draws {
            for (draw, sweeps) in block? {
                x.row_mut(n_sweeps.len())
                    .assign(&ndarray::ArrayView1::from(&draw));
                n_sweeps.push(sweeps);
            }
        }
        Ok(PastDraws { x, n_sweeps })
    }

    /// One draw; the numbers of the sweep that ends at time `−t` come from the stream of block `t`.
    fn draw(&self, streams: Streams) -> Result<(Vec<f64>, usize)> {
        let mut past = 1;
        while past <= self.max_sweeps {
            // In the gauge of the ferromagnet: all down, all up.
            let mut lowest: Vec<f64> = self.gauge.iter().map(|sign| -sign).collect();
            let mut highest = self.gauge.clone();
            for t in (0..past).rev() {
                self.sweep(streams, t, [&mut lowest, &mut highest]);
            }
            if lowest == highest {
                return Ok((lowest, past));
            }
            past *= 2;
        }
        Err(Error::parameter(
            "max_sweeps",
            self.max_sweeps,
            "enough for the chains from all up and all down to meet",
        ))
    }

    /// One heat-bath sweep of both chains with the same numbers.
    fn sweep(&self, streams: Streams, t: usize, chains: [&mut Vec<f64>; 2]) {
        let mut rng = streams.block(t);
        let uniform: Vec<f64> = (0..self.gauge.len()).map(|_| rng.random()).collect();
        for x in chains {
            for (site, u) in uniform.iter().enumerate() {
                let field = self.model.local_field(ndarray::ArrayView1::from(&*x), site);
                // In the gauge the probability of up is σ(2 g I), and both chains are up where the number is below it.
                let is_up = *u < sigmoid(2.0 * self.gauge[site] * field);
                x[site] = if is_up {
                    self.gauge[site]
                } else {
                    -self.gauge[site]
                };
            }
        }
    }
}

/// Signs with which all couplings become positive: `g_i g_j J_ij ≥ 0`.
fn gauge(model: &Ising) -> Result<Vec<f64>> {
    let graph = model.graph();
    let mut signs = vec![0.0; graph.n_sites()];
    for start in 0..graph.n_sites() {
        if signs[start] != 0.0 {
            continue;
        }
        signs[start] = 1.0;
        let mut waiting = VecDeque::from([start]);
        while let Some(site) = waiting.pop_front() {
            for neighbour in graph.neighbours(site) {
                let coupling = model.couplings()[neighbour.bond];
                if coupling == 0.0 {
                    continue;
                }
                let sign = signs[site] * coupling.signum();
                if signs[neighbour.site] == 0.0 {
                    signs[neighbour.site] = sign;
                    waiting.push_back(neighbour.site);
                } else if signs[neighbour.site] != sign {
                    return Err(Error::parameter(
                        format!("couplings[{}]", neighbour.bond),
                        coupling,
                        "of the sign that the bonds around it agree on: chains keep their order without frustration only",
                    ));
                }
            }
        }
    }
    Ok(signs)
}
