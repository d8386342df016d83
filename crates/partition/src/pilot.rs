//! Ladders measured by a pilot run.
//!
//! Between neighbouring temperatures the work `log f_{β+dβ} − log f_β` has standard deviation `σ(β) dβ`. With perfect mixing the
//! steps are independent and `Var log w = Σ_k σ_k² Δβ_k²`, which for a given number of steps is least when every step has the
//! same standard deviation `L / K`; then `Var log w = L² / K`, where `L = ∫ σ(β) dβ` is the thermodynamic length of the path
//! (Crooks, 2007, "Measuring thermodynamic length"; Gelman and Meng, 1998). To second order this equalises the conditional
//! effective sample size `1 / (1 + Var work)` of Zhou, Johansen and Aston (2016) as well.
//!
//! The pilot walks a given ladder once, records the standard deviation of each step's work over its chains, and places new
//! rungs at equal fractions of the accumulated length. It must use its own random numbers: a ladder chosen by the chains
//! that are then weighed along it would bias the weights.

use std::ops::Range;

use gibbsian_core::error::check_positive;
use gibbsian_core::{Error, Path, Result, StreamRng};
use rand::Rng;

use crate::Ladder;
use crate::anneal::{BATCH_CHAINS, check_start, check_weights, map_batches};

/// The share of the length that is spread evenly over `β`, so that a stretch where the pilot saw no fluctuation at all still
/// gets rungs.
const EVEN_SHARE: f64 = 0.05;

/// The accumulated thermodynamic length of a path, measured at the rungs of a pilot ladder.
///
/// ```
/// use gibbsian_core::Seed;
/// use gibbsian_partition::{Ladder, Pilot};
/// # use gibbsian_testkit::targets::{Pairwise, Tempered};
/// # use ndarray::{Array1, Array2};
/// // Four spins that pull each other along, and the path to them from independent ones.
/// let target = Pairwise::new(Array1::from_elem(4, 0.2), Array2::from_elem((4, 4), 0.3))?;
/// let path = Tempered::new(Array1::zeros(4), target.clone())?;
/// let pilot = Pilot::run(&path, &Ladder::linear(20)?, 200, &mut Seed::new(1).rng())?;
/// // Ten steps of equal length, and how many would leave a log-weight the variance 0.1.
/// assert_eq!(pilot.ladder(10)?.n_steps(), 10);
/// assert!(pilot.length() > 0.0 && pilot.steps_for(0.1)? > 1);
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Pilot {
    betas: Vec<f64>,
    /// `Σ sd(work)` up to each rung; the first entry is zero.
    lengths: Vec<f64>,
}

impl Pilot {
    /// Walks `n_chains` chains along `ladder` and measures each step.
    ///
    /// # Errors
    /// Fewer than two chains; work that is not finite, named by chain and temperatures.
    pub fn run<P: Path>(path: &P, ladder: &Ladder, n_chains: usize, rng: &mut dyn Rng) -> Result<Self> {
        if n_chains < 2 {
            return Err(Error::parameter(
                "n_chains",
                n_chains,
                "at least 2 to measure a spread",
            ));
        }
        check_start(path.log_z_start())?;
        let batches = map_batches(n_chains, BATCH_CHAINS, rng, |chains, rng| {
            measure(path, ladder.betas(), chains, rng)
        })?;
        let mut lengths = vec![0.0];
        let mut length = 0.0;
        for step in 0..ladder.n_steps() {
            let mut moments = Moments::default();
            for batch in &batches {
                moments.merge(batch[step]);
            }
            length += (moments.squares / (n_chains - 1) as f64).sqrt();
            lengths.push(length);
        }
        Ok(Pilot {
            betas: ladder.betas().to_vec(),
            lengths,
        })
    }

    /// The rungs of the pilot's ladder.
    pub fn betas(&self) -> &[f64] {
        &self.betas
    }

    /// The length from the base to each rung: the running sum of the standard deviations of the work, starting at 0.
    pub fn lengths(&self) -> &[f64] {
        &self.lengths
    }

    /// The thermodynamic length `L` from the base to the target.
    pub fn length(&self) -> f64 {
        self.lengths[self.lengths.len() - 1]
    }

    /// The number of steps at which `Var log w = L² / K` would be `variance` with perfect mixing; with real transitions expect more
    /// variance, by about the number of transitions that one independent draw takes.
    ///
    /// # Errors
    /// A variance that is not positive, or so small that the ladder would have more than 2³² steps.
    pub fn steps_for(&self, variance: f64) -> Result<usize> {
        check_positive("variance", variance)?;
        let steps = (self.length().powi(2) / variance).ceil().max(1.0);
        if steps > 4_294_967_296.0 {
            return Err(Error::parameter(
                "variance",
                variance,
                "large enough for 2^32 steps",
            ));
        }
        Ok(steps as usize)
    }

    /// The ladder of `n_steps` steps of equal length.
    ///
    /// # Errors
    /// No step, or so many that rungs coincide in floating point.
    pub fn ladder(&self, n_steps: usize) -> Result<Ladder> {
        if n_steps == 0 || self.length() == 0.0 {
            return Ladder::linear(n_steps);
        }
        let total = self.length();
        let progress: Vec<f64> = self
            .betas
            .iter()
            .zip(&self.lengths)
            .map(|(beta, length)| EVEN_SHARE * beta + (1.0 - EVEN_SHARE) * length / total)
            .collect();
        let mut betas = vec![0.0];
        let mut right = 1;
        for k in 1..n_steps {
            let wanted = k as f64 / n_steps as f64;
            while progress[right] < wanted {
                right += 1;
            }
            // Progress strictly increases, since the even share does.
            let fraction = (wanted - progress[right - 1]) / (progress[right] - progress[right - 1]);
            betas.push(self.betas[right - 1] + fraction * (self.betas[right] - self.betas[right - 1]));
        }
        betas.push(1.0);
        Ladder::new(betas)
    }
}

/// The moments of the work of each step over one batch of chains.
fn measure<P: Path>(
    path: &P,
    betas: &[f64],
    chains: Range<usize>,
    mut rng: StreamRng,
) -> Result<Vec<Moments>> {
    let mut state = path.start(chains.len(), &mut rng);
    let mut work = vec![0.0; chains.len()];
    let mut steps = Vec::with_capacity(betas.len() - 1);
    for rungs in betas.windows(2) {
        work.fill(0.0);
        path.work(&mut state, rungs[0], rungs[1], &mut work);
        check_weights(&work, chains.start, rungs[0], rungs[1])?;
        if let Some(chain) = work.iter().position(|w| *w == f64::NEG_INFINITY) {
            return Err(Error::non_finite(
                format!("work[{}]", chains.start + chain),
                f64::NEG_INFINITY,
                format!(
                    "on the step from inverse temperature {} to {}",
                    rungs[0], rungs[1]
                ),
            ));
        }
        let mut moments = Moments::default();
        for &w in &work {
            moments.merge(Moments {
                n: 1.0,
                mean: w,
                squares: 0.0,
            });
        }
        steps.push(moments);
        path.transition(&mut state, rungs[1], &mut rng);
    }
    Ok(steps)
}

/// A count, a mean and a sum of squared deviations, merged without cancellation (Chan, Golub and LeVeque, 1983).
#[derive(Clone, Copy, Default)]
struct Moments {
    n: f64,
    mean: f64,
    squares: f64,
}

impl Moments {
    fn merge(&mut self, other: Moments) {
        let n = self.n + other.n;
        let difference = other.mean - self.mean;
        self.mean += difference * other.n / n;
        self.squares += other.squares + difference * difference * self.n * other.n / n;
        self.n = n;
    }
}
