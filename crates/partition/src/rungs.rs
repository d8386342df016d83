//! Draws at every rung of a ladder, for the methods that compare neighbouring temperatures.
//!
//! Bridge sampling, thermodynamic integration and stepping stones need draws from each `f_β`, and of a draw only numbers: the works
//! `log f_{β_l}(x) − log f_{β_k}(x)` towards other rungs and the slope `d/dβ log f_β(x)`. [`sample_rungs`] makes them by Markov chains
//! that climb the ladder together: each starts at an exact draw of the base, and at every further rung goes on from where it stood on the
//! one below, makes `n_warmup` transitions that are not recorded, and then `n_draws` times `thin` transitions and a record. At the base
//! every draw is a new exact one.
//!
//! Chains are independent, draws of a chain are not: every error here is taken between chains. What no error
//! shows is a warm-up that is too short for chains to arrive, which the estimates compare the halves of each chain to notice, and a
//! mode that no chain reaches, which nothing notices.
//!
//! Where exact draws exist at every rung, [`RungDraws::from_exact_draws`] takes them as chains of one draw.

use std::ops::Range;

use gibbsian_core::error::{check_batch, check_count};
use gibbsian_core::{Error, Path, Result};
use ndarray::Array2;
use rand::Rng;

use crate::Ladder;
use crate::anneal::{BATCH_CHAINS, check_start, check_weights, map_batches};
use crate::influence::mean_and_error;

/// How chains climb a ladder.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RungSampling {
    /// The number of independent chains, at least 2. Errors have one degree of freedom less.
    pub n_chains: usize,
    /// The transitions at each rung before the first record.
    pub n_warmup: usize,
    /// The records of each chain at each rung.
    pub n_draws: usize,
    /// The transitions from one record to the next.
    pub thin: usize,
    /// To which rungs the works are recorded.
    pub reach: Reach,
}

/// To which other rungs the work of a draw is recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// The rungs above and below: all that bridges, stepping stones and thermodynamic integration need.
    Neighbours,
    /// All rungs, which [`mbar`](crate::mbar()) needs; the cost a draw grows with the ladder.
    All,
}

impl RungSampling {
    /// 100 chains with 10 warm-up transitions and 10 draws at each rung, to the neighbours.
    pub fn new() -> Self {
        RungSampling {
            n_chains: 100,
            n_warmup: 10,
            n_draws: 10,
            thin: 1,
            reach: Reach::Neighbours,
        }
    }
}

impl Default for RungSampling {
    fn default() -> Self {
        Self::new()
    }
}

/// Works and slopes of draws at every rung of a ladder.
#[derive(Clone, Debug)]
pub struct RungDraws {
    ladder: Ladder,
    log_z_start: f64,
    n_chains: usize,
    n_draws: usize,
    rungs: Vec<Rung>,
}

/// The records at one rung; those of a chain stand side by side.
#[derive(Clone, Debug)]
struct Rung {
    slopes: Vec<f64>,
    /// The rungs reached, and `log f_l − log f_k` for each.
    reached: Range<usize>,
    works: Vec<Vec<f64>>,
}

impl Rung {
    fn new(k: usize, n_rungs: usize, reach: Reach, n: usize) -> Self {
        let reached = match reach {
            Reach::Neighbours => k.saturating_sub(1)..(k + 2).min(n_rungs),
            Reach::All => 0..n_rungs,
        };
        Rung {
            slopes: vec![0.0; n],
            works: vec![vec![0.0; n]; reached.len()],
            reached,
        }
    }

    /// Records all chains; record `t` of chain `c` goes to place `c · n_draws + t`.
    fn record<P: Path>(
        &mut self,
        path: &P,
        state: &mut P::State,
        betas: &[f64],
        (k, t, n_draws): (usize, usize, usize),
        first: usize,
    ) -> Result<()> {
        let n = self.slopes.len() / n_draws;
        let mut values = vec![0.0; n];
        let spread = |values: &[f64], out: &mut [f64]| {
            for (c, value) in values.iter().enumerate() {
                out[c * n_draws + t] = *value;
            }
        };
        for (l, work) in self.reached.clone().zip(&mut self.works) {
            values.fill(0.0);
            if l != k {
                path.work(state, betas[k], betas[l], &mut values);
                check_weights(&values, first, betas[k], betas[l])?;
            }
            spread(&values, work);
        }
        values.fill(0.0);
        path.slope(state, betas[k], &mut values);
        // A slope of −∞ stands for a point outside the support further on, as a work of −∞ does.
        check_weights(&values, first, betas[k], betas[k])?;
        spread(&values, &mut self.slopes);
        Ok(())
    }

    fn append(&mut self, other: Rung) {
        self.slopes.extend(other.slopes);
        for (work, more) in self.works.iter_mut().zip(other.works) {
            work.extend(more);
        }
    }
}

/// Sends independent chains up the ladder and records works and slopes at every rung.
///
/// One key is drawn from `rng`; the result does not depend on the number of threads.
///
/// ```
/// use gibbsian_core::Seed;
/// use gibbsian_partition::{Ladder, RungSampling, sample_rungs};
/// # use gibbsian_testkit::targets::{Pairwise, Tempered};
/// # use ndarray::{Array1, Array2};
/// // Four spins that pull each other along, and the path to them from independent ones.
/// let target = Pairwise::new(Array1::from_elem(4, 0.2), Array2::from_elem((4, 4), 0.3))?;
/// let path = Tempered::new(Array1::zeros(4), target.clone())?;
/// let draws = sample_rungs(&path, &Ladder::linear(4)?, &RungSampling::new(), &mut Seed::new(1).rng())?;
/// // 100 chains with 10 draws at each of five rungs; the works of the lowest rung towards its neighbour.
/// assert_eq!((draws.n_chains(), draws.n_draws()), (100, 10));
/// assert_eq!(draws.works(0, 1).unwrap().len(), 1_000);
/// assert!(draws.works(0, 2).is_none());
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
///
/// # Errors
/// Fewer than two chains, no draw, `thin` of zero; a work or slope that became NaN or `+∞`, named by chain and temperatures.
pub fn sample_rungs<P: Path>(
    path: &P,
    ladder: &Ladder,
    sampling: &RungSampling,
    rng: &mut dyn Rng,
) -> Result<RungDraws> {
    let n_draws = check_count("n_draws", sampling.n_draws)?;
    check_count("thin", sampling.thin)?;
    let betas = ladder.betas();
    let batches = map_batches(
        check_chains(sampling.n_chains)?,
        BATCH_CHAINS,
        rng,
        |chains, mut rng| {
            let n = chains.len();
            let mut state = path.start(n, &mut rng);
            let mut rungs = Vec::with_capacity(betas.len());
            for (k, &beta) in betas.iter().enumerate() {
                let mut rung = Rung::new(k, betas.len(), sampling.reach, n * n_draws);
                if k > 0 {
                    for _ in 0..sampling.n_warmup {
                        path.transition(&mut state, beta, &mut rng);
                    }
                }
                for t in 0..n_draws {
                    match (k, t) {
                        (0, 0) => {}
                        (0, _) => state = path.start(n, &mut rng),
                        _ => {
                            for _ in 0..sampling.thin {
                                path.transition(&mut state, beta, &mut rng);
                            }
                        }
                    }
                    rung.record(path, &mut state, betas, (k, t, n_draws), chains.start)?;
                }
                rungs.push(rung);
            }
            Ok(rungs)
        },
    )?;
    RungDraws::gather(path, ladder, sampling.n_chains, n_draws, batches)
}

impl RungDraws {
    /// Records independent exact draws: `draws[k]` `(N, D)` from `f_{β_k} / Z_{β_k}`, the same number at every rung.
    ///
    /// # Errors
    /// Not one array a rung, fewer than two draws, another number of draws than at the base, rows that the path refuses; a work or
    /// slope that became NaN or `+∞`.
    pub fn from_exact_draws<P: Path>(
        path: &P,
        ladder: &Ladder,
        draws: &[Array2<f64>],
        reach: Reach,
    ) -> Result<Self> {
        let betas = ladder.betas();
        if draws.len() != betas.len() {
            return Err(Error::parameter(
                "draws",
                format!("{} arrays", draws.len()),
                format!("one for each of {} rungs", betas.len()),
            ));
        }
        let n = check_chains(draws[0].nrows())?;
        let mut rungs = Vec::with_capacity(betas.len());
        for (k, x) in draws.iter().enumerate() {
            check_batch("draws", x, path.dim())?;
            if x.nrows() != n {
                return Err(Error::shape(
                    "draws",
                    x.shape(),
                    format!("({n}, {}) at every rung", path.dim()),
                ));
            }
            let mut rung = Rung::new(k, betas.len(), reach, n);
            rung.record(path, &mut path.place(x.view())?, betas, (k, 0, 1), 0)?;
            rungs.push(rung);
        }
        Self::gather(path, ladder, n, 1, vec![rungs])
    }

    /// Joins the records of batches of chains.
    fn gather<P: Path>(
        path: &P,
        ladder: &Ladder,
        n_chains: usize,
        n_draws: usize,
        batches: Vec<Vec<Rung>>,
    ) -> Result<Self> {
        check_start(path.log_z_start())?;
        let mut batches = batches.into_iter();
        let mut rungs = batches.next().expect("there is at least one chain");
        for batch in batches {
            for (rung, more) in rungs.iter_mut().zip(batch) {
                rung.append(more);
            }
        }
        Ok(RungDraws {
            ladder: ladder.clone(),
            log_z_start: path.log_z_start(),
            n_chains,
            n_draws,
            rungs,
        })
    }

    /// The ladder.
    pub fn ladder(&self) -> &Ladder {
        &self.ladder
    }

    /// `log Z_0` of the path.
    pub fn log_z_start(&self) -> f64 {
        self.log_z_start
    }

    /// The number of independent chains.
    pub fn n_chains(&self) -> usize {
        self.n_chains
    }

    /// The number of draws of each chain at each rung.
    pub fn n_draws(&self) -> usize {
        self.n_draws
    }

    /// `d/dβ log f_{β_k}` at the draws of rung `k`, those of a chain side by side.
    ///
    /// # Panics
    /// When there is no such rung.
    pub fn slopes(&self, k: usize) -> &[f64] {
        &self.rungs[k].slopes
    }

    /// `log f_{β_to} − log f_{β_from}` at the draws of rung `from`, those of a chain side by side; `None` beyond the reach.
    ///
    /// # Panics
    /// When there is no such rung.
    pub fn works(&self, from: usize, to: usize) -> Option<&[f64]> {
        let rung = &self.rungs[from];
        let place = rung.reached.clone().position(|l| l == to)?;
        Some(&rung.works[place])
    }

    /// By how many standard errors, between chains, the slopes of the first half of the draws differ from those of the second half, at the rung
    /// where they differ most; nothing to compare if chains have one draw. Slopes that do not vary do not differ.
    pub(crate) fn drift(&self) -> Option<f64> {
        let half = self.n_draws / 2;
        let of_rung = |rung: &Rung| -> Option<f64> {
            let average = |some: &[f64]| some.iter().sum::<f64>() / some.len() as f64;
            let differences: Vec<f64> = rung
                .slopes
                .chunks(self.n_draws)
                .map(|draws| average(&draws[..half]) - average(&draws[self.n_draws - half..]))
                .collect();
            let (mean, error) = mean_and_error(differences.iter().copied());
            (error > 0.0).then(|| mean.abs() / error)
        };
        self.rungs.iter().filter_map(of_rung).reduce(f64::max)
    }

    /// The works between neighbours, which every reach has.
    pub(crate) fn neighbour_works(&self, from: usize, to: usize) -> &[f64] {
        self.works(from, to)
            .expect("the works towards neighbours are always recorded")
    }
}

/// Requires two chains, which an error between chains needs.
fn check_chains(n_chains: usize) -> Result<usize> {
    if n_chains >= 2 {
        Ok(n_chains)
    } else {
        Err(Error::parameter(
            "n_chains",
            n_chains,
            "at least 2 for a standard error; run 100 chains or more",
        ))
    }
}
