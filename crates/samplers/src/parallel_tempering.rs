//! Parallel tempering by the deterministic even-odd scheme (Geyer 1991; Okabe, Kawata, Okamoto and Mikami 2001; Syed, Bouchard-Côté, Deligiannidis and Doucet
//! 2022, "Non-reversible parallel tempering").
//!
//! A *replica set* is one state on every rung of a ladder `0 = β_0 < … < β_N = 1` along a [`Path`], with the law `Π_k f_{β_k}/Z_{β_k}`. A step first moves every
//! rung by the path's own transition (the lowest by an exact draw: the start of a path can be sampled), and then offers swaps to the pairs
//! `(0,1), (2,3), …` in even steps and `(1,2), (3,4), …` in odd ones. A swap of the states `x` and `y` of the rungs `β < β'` is taken with probability
//!
//! `min(1, f_β(y) f_{β'}(x) / (f_β(x) f_{β'}(y))) = min(1, exp(w(x) − w(y)))`,  `w = log f_{β'} − log f_β`,
//!
//! so all that is asked of the path is its *work*, and a path that is no interpolation of two energies serves as well. Each half-step leaves the product law
//! invariant. Alternating them in a fixed order is not reversible, and better for it: a replica that was swapped upwards is offered the
//! next pair upwards, so that it crosses a ladder of `N` rungs in a time of order `N` and not `N²`. Pairs chosen at random, or all of one parity by the toss of a
//! coin, lose that and are not offered.
//!
//! A target whose modes a kernel never leaves is crossed because the states that arrive at the top come from the start, where all is connected. Whether
//! they do arrive is what [`SwapReport`] says: the rates, the round trips, the barrier, and by name if neighbours do not overlap.

use gibbsian_core::error::{check_batch, check_count};
use gibbsian_core::parallel::{block_rows, map_each};
use gibbsian_core::{Acceptance, Error, Kernel, Ladder, Path, Result, Snapshot, Streams};
use ndarray::{Array2, ArrayView2};
use rand::{Rng, RngExt};

use crate::informed::acceptance;
use crate::swaps::{SwapReport, Swaps};

mod kernel;

/// Parallel tempering on a ladder.
///
/// As a [`Kernel`] its target is the path, and its positions are those of the last rung, one row a replica set. That asks for chains of the path that can be saved;
/// [`start`](Self::start), [`run`](Self::run) and [`tune`](Self::tune) serve all paths.
///
/// ```
/// use gibbsian_core::{Ladder, Path, Seed};
/// use gibbsian_samplers::{Overlap, ParallelTempering};
/// # use gibbsian_core::{Result, Space};
/// # use ndarray::{Array2, ArrayView2, CowArray, Ix2};
/// # use rand::{Rng, RngExt};
///
/// /// From a normal law to a narrow one: `f_β(x) = exp(−(1 + 99 β) x²/2)`.
/// struct Narrowing;
/// # impl Space for Narrowing { fn dim(&self) -> usize { 1 } }
/// impl Path for Narrowing {
///     // …
/// #     type State = Array2<f64>;
/// #     fn start(&self, n: usize, mut rng: &mut dyn Rng) -> Array2<f64> {
/// #         Array2::from_shape_simple_fn((n, 1), || rng.sample(rand_distr::StandardNormal))
/// #     }
/// #     fn log_z_start(&self) -> f64 { 0.5 * (2.0 * std::f64::consts::PI).ln() }
/// #     fn place(&self, x: ArrayView2<f64>) -> Result<Array2<f64>> { Ok(x.to_owned()) }
/// #     fn positions<'s>(&self, state: &'s Array2<f64>) -> CowArray<'s, f64, Ix2> { state.view().into() }
/// #     fn log_start(&self, x: &Array2<f64>, out: &mut [f64]) {
/// #         out.iter_mut().zip(x).for_each(|(out, x)| *out -= 0.5 * x * x);
/// #     }
/// #     fn work(&self, x: &mut Array2<f64>, from: f64, to: f64, out: &mut [f64]) {
/// #         out.iter_mut().zip(x.iter()).for_each(|(out, x)| *out -= (to - from) * 49.5 * x * x);
/// #     }
/// #     fn slope(&self, x: &Array2<f64>, _beta: f64, out: &mut [f64]) {
/// #         out.iter_mut().zip(x).for_each(|(out, x)| *out -= 49.5 * x * x);
/// #     }
/// #     fn transition(&self, x: &mut Array2<f64>, beta: f64, rng: &mut dyn Rng) {
/// #         *x = self.start(x.nrows(), rng) / (1.0 + 99.0 * beta).sqrt();
/// #     }
/// }
///
/// let mut sampler = ParallelTempering::new(Ladder::linear(3)?);
/// let mut rng = Seed::new(1).rng();
/// let mut replicas = sampler.start(&Narrowing, 500, &mut rng)?;
/// sampler.tune(&Narrowing, &mut replicas, 4, 5, &mut rng)?;
/// let report = sampler.run(&Narrowing, &mut replicas, 100, &mut rng);
/// assert_eq!(report.overlap(), Overlap::Sound);
/// // Rungs gather where the law changes fastest.
/// assert!(sampler.ladder().betas()[1] < 0.1);
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct ParallelTempering {
    ladder: Ladder,
}

/// Independent replica sets: on each rung one chain a set.
#[derive(Clone, Debug, PartialEq)]
pub struct Replicas<S> {
    /// The chains of each rung.
    rungs: Vec<S>,
    /// Where the chains of the last rung are.
    x: Array2<f64>,
    /// `journeys[b][k]`: which replica of set `b` is on rung `k`, and which end of the ladder it was at last.
    journeys: Vec<Vec<(u64, End)>>,
    n_steps: u64,
    /// Completed by each set.
    round_trips: Vec<u64>,
}

/// The end of the ladder at which a replica was last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Neither,
    Start,
    Target,
}

impl<S> Replicas<S> {
    /// The chains on rung `k`.
    ///
    /// # Panics
    /// When there is no such rung.
    pub fn rung(&self, k: usize) -> &S {
        &self.rungs[k]
    }

    /// Where the chains of the last rung are, `(B, D)`.
    pub fn positions(&self) -> ArrayView2<'_, f64> {
        self.x.view()
    }

    /// The round trips that each set has completed.
    pub fn round_trips(&self) -> &[u64] {
        &self.round_trips
    }

    fn new(rungs: Vec<S>, x: Array2<f64>) -> Self {
        let ids = (0..rungs.len() as u64).map(|id| (id, End::Neither));
        let n_sets = x.nrows();
        Replicas {
            journeys: vec![ids.collect(); n_sets],
            round_trips: vec![0; n_sets],
            n_steps: 0,
            rungs,
            x,
        }
    }

    /// Notes who is at the ends of the ladder, and returns how many round trips that completed.
    fn arrive(&mut self) -> u64 {
        let mut completed = 0;
        for (journey, round_trips) in self.journeys.iter_mut().zip(&mut self.round_trips) {
            let last = journey.len() - 1;
            if journey[0].1 == End::Target {
                *round_trips += 1;
                completed += 1;
            }
            journey[0].1 = End::Start;
            if journey[last].1 == End::Start {
                journey[last].1 = End::Target;
            }
        }
        completed
    }
}

impl ParallelTempering {
    /// Parallel tempering on this ladder.
    pub fn new(ladder: Ladder) -> Self {
        ParallelTempering { ladder }
    }

    /// The ladder.
    pub fn ladder(&self) -> &Ladder {
        &self.ladder
    }

    /// `n_sets` replica sets, every rung at exact draws from the start of the path.
    ///
    /// # Errors
    /// No sets.
    pub fn start<P: Path>(&self, path: &P, n_sets: usize, rng: &mut dyn Rng) -> Result<Replicas<P::State>> {
        check_count("n_sets", n_sets)?;
        let streams = Streams::draw(rng);
        let draw = |k: usize| path.start(n_sets, &mut streams.part(k as u64).block(0));
        let rungs: Vec<P::State> = (0..self.ladder.n_rungs()).map(draw).collect();
        let x = path.positions(&rungs[rungs.len() - 1]).into_owned();
        Ok(Replicas::new(rungs, x))
    }

    /// One replica set a row of `x` `(B, D)`, with all rungs at that row.
    ///
    /// # Errors
    /// No rows, rows that the path refuses, or a row where the start or the target has no density.
    pub fn place<P: Path>(&self, path: &P, x: Array2<f64>) -> Result<Replicas<P::State>> {
        check_batch("x", &x, path.dim())?;
        let mut rungs = Vec::with_capacity(self.ladder.n_rungs());
        for _ in 0..self.ladder.n_rungs() {
            rungs.push(path.place(x.view())?);
        }
        let mut log_density = vec![0.0; x.nrows()];
        path.log_start(&rungs[0], &mut log_density);
        path.work(&mut rungs[0], 0.0, 1.0, &mut log_density);
        if let Some(b) = log_density.iter().position(|l| !l.is_finite()) {
            return Err(Error::parameter(
                format!("x[{b}, ..]"),
                x.row(b),
                "a point where the start and the target of the path have a density",
            ));
        }
        Ok(Replicas::new(rungs, x))
    }

    /// One step of all replica sets: local moves, then swaps.
    pub fn advance<P: Path>(&self, path: &P, replicas: &mut Replicas<P::State>, rng: &mut dyn Rng) -> Swaps {
        let streams = Streams::draw(rng);
        self.explore(path, replicas, streams.part(0));
        self.swap(path, replicas, streams.part(1))
    }

    /// `n_steps` steps, and what they say of the ladder.
    pub fn run<P: Path>(
        &self,
        path: &P,
        replicas: &mut Replicas<P::State>,
        n_steps: u64,
        rng: &mut dyn Rng,
    ) -> SwapReport {
        let mut swaps = Swaps::default();
        for _ in 0..n_steps {
            swaps.add(&self.advance(path, replicas, rng));
        }
        SwapReport {
            ladder: self.ladder.clone(),
            swaps,
            n_sets: replicas.x.nrows(),
            n_steps,
        }
    }

    /// Moves the rungs to where all swaps are rejected alike, in `n_rounds` rounds of `2 n_first`, `4 n_first`, … steps, and returns what the last
    /// round said of the ladder that it ran on. The states stay where they are, on rungs that have moved a little.
    ///
    /// # Errors
    /// No rounds, or no first step.
    pub fn tune<P: Path>(
        &mut self,
        path: &P,
        replicas: &mut Replicas<P::State>,
        n_rounds: usize,
        n_first: u64,
        rng: &mut dyn Rng,
    ) -> Result<SwapReport> {
        check_count("n_rounds", n_rounds)?;
        check_count("n_first", n_first as usize)?;
        let mut n_steps = n_first.saturating_mul(2);
        let mut report = self.run(path, replicas, n_steps, rng);
        for _ in 1..n_rounds {
            self.ladder = report.equalised(self.ladder.n_rungs())?;
            n_steps = n_steps.saturating_mul(2);
            report = self.run(path, replicas, n_steps, rng);
        }
        self.ladder = report.equalised(self.ladder.n_rungs())?;
        Ok(report)
    }

    /// `P[i, j]`, the probability that the swaps of a step of the given parity (0 or 1) lead from joint state `i` to joint state `j`, for audits of small spaces.
    ///
    /// `states` lists the space of one rung; joint state `i = Σ_k i_k S^k` has state `i_k` on rung `k`. The probabilities are those that steps draw with.
    ///
    /// # Errors
    /// States that the path refuses.
    pub fn swap_matrix<P: Path>(
        &self,
        path: &P,
        parity: usize,
        states: ArrayView2<f64>,
    ) -> Result<Array2<f64>> {
        let (n, n_rungs) = (states.nrows(), self.ladder.n_rungs());
        let n_joint = n.pow(n_rungs as u32);
        let mut matrix = Array2::eye(n_joint);
        for k in (parity..n_rungs - 1).step_by(2) {
            let work = self.work(path, k, &mut path.place(states)?, n);
            // What the states of rungs k and k + 1 count in the number of a joint state.
            let (here, above) = (n.pow(k as u32), n.pow(k as u32 + 1));
            let mut pair = Array2::zeros((n_joint, n_joint));
            for i in 0..n_joint {
                let (a, b) = (i / here % n, i / above % n);
                let alpha = swap_probability(work[a], work[b]).unwrap_or(0.0);
                let swapped = i - a * here - b * above + b * here + a * above;
                pair[[i, swapped]] += alpha;
                pair[[i, i]] += 1.0 - alpha;
            }
            matrix = matrix.dot(&pair);
        }
        Ok(matrix)
    }

    /// Local moves of every rung.
    fn explore<P: Path>(&self, path: &P, replicas: &mut Replicas<P::State>, streams: Streams) {
        let n_sets = replicas.x.nrows();
        map_each(replicas.rungs.iter_mut().collect(), |k, state| {
            let mut rng = streams.part(k as u64).block(0);
            if k == 0 {
                *state = path.start(n_sets, &mut rng);
            } else {
                path.transition(state, self.ladder.betas()[k], &mut rng);
            }
        });
    }

    /// Swaps between every other pair of rungs.
    fn swap<P: Path>(&self, path: &P, replicas: &mut Replicas<P::State>, streams: Streams) -> Swaps {
        let n_sets = replicas.x.nrows();
        let parity = (replicas.n_steps % 2) as usize;
        let pairs: Vec<&mut [P::State]> = replicas.rungs[parity..].chunks_exact_mut(2).collect();
        let decided: Vec<(Vec<bool>, Acceptance)> = map_each(pairs, |m, pair| {
            let k = parity + 2 * m;
            let [here, above] = pair else {
                unreachable!("chunks of two")
            };
            let work_here = self.work(path, k, here, n_sets);
            let work_above = self.work(path, k, above, n_sets);
            let (taken, count) = decide(&work_here, &work_above, streams.part(k as u64));
            path.exchange(here, above, &taken);
            (taken, count)
        });

        let mut swaps = Swaps {
            pairs: vec![Acceptance::default(); self.ladder.n_rungs() - 1],
            round_trips: 0,
        };
        for (m, (taken, count)) in decided.into_iter().enumerate() {
            let k = parity + 2 * m;
            swaps.pairs[k] = count;
            for (journey, _) in replicas
                .journeys
                .iter_mut()
                .zip(taken)
                .filter(|(_, taken)| *taken)
            {
                journey.swap(k, k + 1);
            }
        }
        swaps.round_trips = replicas.arrive();
        replicas.n_steps += 1;
        replicas.x = path
            .positions(&replicas.rungs[self.ladder.n_rungs() - 1])
            .into_owned();
        swaps
    }

    /// `log f_{β_{k+1}}(x_b) − log f_{β_k}(x_b)`.
    fn work<P: Path>(&self, path: &P, k: usize, state: &mut P::State, n: usize) -> Vec<f64> {
        let mut work = vec![0.0; n];
        let betas = self.ladder.betas();
        path.work(state, betas[k], betas[k + 1], &mut work);
        work
    }
}

/// `min(1, exp(w(x) − w(y)))` from the works of the states on the lower and on the upper rung, `None` where that is no number.
///
/// A state without a density on the upper rung, `w(y) = −∞`, always leaves it: so replicas that were started outside the support of the target come down to the start, where they are drawn anew.
fn swap_probability(here: f64, above: f64) -> Option<f64> {
    let is_outside = |work: f64| work == f64::NEG_INFINITY;
    match (is_outside(here), is_outside(above)) {
        (true, true) => Some(0.0),
        (false, true) if here.is_finite() => Some(1.0),
        _ => acceptance(here - above),
    }
}

/// Which sets swap, from the works of the states on the lower and on the upper rung; each block of sets has its own stream.
fn decide(here: &[f64], above: &[f64], streams: Streams) -> (Vec<bool>, Acceptance) {
    let n = here.len();
    let mut count = Acceptance::default();
    let mut taken = Vec::with_capacity(n);
    for block in 0.. {
        let rows = block_rows(block, n);
        if rows.is_empty() {
            break;
        }
        let mut rng = streams.block(block);
        for b in rows {
            count.proposed += 1;
            let alpha = swap_probability(here[b], above[b]);
            count.undefined += u64::from(alpha.is_none());
            let alpha = alpha.unwrap_or(0.0);
            count.probability += alpha;
            let swap = rng.random::<f64>() < alpha;
            count.accepted += u64::from(swap);
            taken.push(swap);
        }
    }
    (taken, count)
}
