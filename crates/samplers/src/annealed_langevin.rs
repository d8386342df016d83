//! Annealed Langevin dynamics over a ladder of noise levels (Song and Ermon 2019, "Generative modeling by estimating gradients of the data
//! distribution", Algorithm 1).
//!
//! A noise-conditional score `s(x, σ)` is the score of the data with noise of deviation σ added. At the largest level the density is broad and
//! chains mix; at each level they are started from those of the level before, with steps in proportion to `σ²`, so that drift and noise keep
//! their ratio. Algorithm 1 moves by `½ α_i s + √α_i z` with `α_i = ε σ_i²/σ_L²`. In our convention, `x' = x + ε_i s + √(2ε_i) z`, that is
//!
//! `ε_i = ½ ε σ_i²/σ_L²`:
//!
//! reading `α_i` as the step would double it. The chain is unadjusted, and its law at the end is that of the smallest noise level at best. The
//! last move `x + σ_L² s(x, σ_L)`, optional here, is the mean of the noiseless point given the noisy one (Miyasawa 1961; Tweedie) and takes the
//! noise of the smallest level away.

use gibbsian_core::error::{check_count, check_positive};
use gibbsian_core::simd::LaneRng;
use gibbsian_core::{Error, NoiseLadder, Result, Streams, TimeScore};
use ndarray::{Array1, Array2, ArrayView2};
use rand::Rng;

use crate::step_size::check_step_size;
use crate::vector::{sum, zip, zip_mut};
use crate::walkers::{Block, Walkers};
use crate::working::{Scratch, Working, keep_points, numbers, rows_mut, sized, stir};

/// `n_steps` Langevin steps at every level of a ladder, of length `ε_i = step_size · σ_i²/σ_L²`.
#[derive(Clone, Debug, PartialEq)]
pub struct AnnealedLangevin {
    ladder: NoiseLadder,
    step_size: f64,
    n_steps: usize,
    denoises: bool,
}

/// What happened at one level.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct LevelReport {
    /// `σ_i`.
    pub noise_level: f64,
    /// `ε_i`.
    pub step_size: f64,
    /// How many moves, over all chains, would have led to a point that is not finite. Those chains stayed where they were.
    pub undefined: u64,
    /// `σ_i² |s|²/D` at the start of the last step, on average over the chains: about 1 where the noise is larger than what it hides and the chains
    /// have the law of the level; much more where they have not come near it.
    pub score_energy: f64,
}

/// The points at the end, and what happened on the way.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct AnnealedSample {
    /// The points, `(B, D)`.
    pub x: Array2<f64>,
    /// One report a level, from the largest level to the smallest.
    pub levels: Vec<LevelReport>,
    /// How many points could not be denoised because the result was not finite; zero where none was to be.
    pub denoising_undefined: u64,
}

impl AnnealedLangevin {
    /// Steps of length `ε_L = step_size` at the smallest level, in our convention.
    ///
    /// # Errors
    /// A step size that is not positive and finite, a largest step that is not, or no steps.
    pub fn new(ladder: NoiseLadder, step_size: f64, n_steps: usize) -> Result<Self> {
        check_step_size(step_size)?;
        check_count("n_steps", n_steps)?;
        let annealed = AnnealedLangevin {
            ladder,
            step_size,
            n_steps,
            denoises: false,
        };
        check_positive(
            "the largest step",
            annealed.step_size_at(annealed.ladder.levels()[0]),
        )?;
        Ok(annealed)
    }

    /// Algorithm 1 with the `ε` that its authors give, `α_i = ε σ_i²/σ_L²`; our step at the smallest level is half of it.
    ///
    /// # Errors
    /// Those of [`AnnealedLangevin::new`].
    pub fn song_ermon(ladder: NoiseLadder, epsilon: f64, n_steps: usize) -> Result<Self> {
        check_positive("epsilon", epsilon)?;
        AnnealedLangevin::new(ladder, 0.5 * epsilon, n_steps)
    }

    /// The same with the last move `x + σ_L² s(x, σ_L)`.
    pub fn with_denoising(self) -> Self {
        AnnealedLangevin {
            denoises: true,
            ..self
        }
    }

    /// The ladder.
    pub fn ladder(&self) -> &NoiseLadder {
        &self.ladder
    }

    fn step_size_at(&self, noise_level: f64) -> f64 {
        self.step_size * (noise_level / self.ladder.smallest()).powi(2)
    }

    /// Runs all levels on the chains that start at the rows of `x` `(B, D)`, each block of rows with one stream for the whole run.
    ///
    /// # Errors
    /// Rows that do not fit the model or are not finite, or where the score at the largest level is not finite.
    ///
    /// ```
    /// use gibbsian_core::Seed;
    /// use gibbsian_samplers::{AnnealedLangevin, NoiseLadder};
    /// # use gibbsian_testkit::targets::HeatedGaussian;
    /// use ndarray::{Array2, array};
    ///
    /// // `HeatedGaussian` is a normal density at every noise level, by its mean and the logarithm of its deviation.
    /// // N(μ, ½² I), noised.
    /// let model = HeatedGaussian::new(array![1.0, -1.0], 0.5_f64.ln())?;
    /// let annealed = AnnealedLangevin::new(NoiseLadder::geometric(5.0, 0.05, 10)?, 2e-4, 100)?.with_denoising();
    /// let sample = annealed.sample(&model, Array2::zeros((8, 2)), &mut Seed::new(1).rng())?;
    /// assert_eq!(sample.x.dim(), (8, 2));
    /// assert!(sample.levels.iter().all(|level| level.undefined == 0));
    /// # Ok::<(), gibbsian_core::Error>(())
    /// ```
    pub fn sample<T: TimeScore + ?Sized>(
        &self,
        model: &T,
        x: Array2<f64>,
        rng: &mut dyn Rng,
    ) -> Result<AnnealedSample> {
        let walkers = Walkers::at(model.dim(), x, 0)?;
        check_start(model, walkers.x.view(), self.ladder.levels()[0])?;
        let n_chains = walkers.x.nrows();
        let streams = Streams::draw(rng);
        let mut working = Working::new(walkers);
        let blocks = working.map_blocks(|block, walkers, scratch| {
            self.run(model, LaneRng::new(streams, block), walkers, scratch)
        });

        let mut levels: Vec<LevelReport> = self
            .ladder
            .levels()
            .iter()
            .map(|&sigma| self.report(sigma))
            .collect();
        for (reports, _) in &blocks {
            for (total, report) in levels.iter_mut().zip(reports) {
                total.undefined += report.undefined;
                total.score_energy += report.score_energy / n_chains as f64;
            }
        }
        Ok(AnnealedSample {
            x: working.walkers.x,
            levels,
            denoising_undefined: blocks.iter().map(|(_, undefined)| undefined).sum(),
        })
    }

    /// All levels on one block of rows; the score energies of the reports are sums over rows.
    fn run<T: TimeScore + ?Sized>(
        &self,
        model: &T,
        mut rng: LaneRng,
        walkers: Block<'_>,
        scratch: &mut Scratch,
    ) -> (Vec<LevelReport>, u64) {
        let mut x = walkers.x;
        let (n, dim) = x.dim();
        let noise = sized(&mut scratch.noise, n * dim);
        let score = sized(&mut scratch.score, n * dim);
        let mut reports = Vec::with_capacity(self.ladder.n_levels());
        for &sigma in self.ladder.levels() {
            let t = Array1::from_elem(n, sigma);
            let mut report = self.report(sigma);
            let (epsilon, deviation) = (report.step_size, (2.0 * report.step_size).sqrt());
            for step in 0..self.n_steps {
                model.score_at_into(x.view(), t.view(), rows_mut(score, dim));
                if step + 1 == self.n_steps {
                    report.score_energy = sum(score, score, |s, _| s * s) * sigma * sigma / dim as f64;
                }
                let points = numbers(&mut x);
                stir(&mut rng, noise, dim, |piece, z| {
                    zip(z, &score[piece.clone()], |z, s| *z = epsilon * s + deviation * *z);
                    zip_mut(&mut points[piece], z, |x, z| (*x, *z) = (*x + *z, *x));
                });
                report.undefined += keep_points(&mut x, noise).len() as u64;
            }
            reports.push(report);
        }
        let mut denoising_undefined = 0;
        if self.denoises {
            let sigma = self.ladder.smallest();
            model.score_at_into(x.view(), Array1::from_elem(n, sigma).view(), rows_mut(score, dim));
            zip_mut(numbers(&mut x), score, |x, s| {
                (*x, *s) = (*x + sigma * sigma * *s, *x)
            });
            denoising_undefined = keep_points(&mut x, score).len() as u64;
        }
        (reports, denoising_undefined)
    }

    fn report(&self, noise_level: f64) -> LevelReport {
        LevelReport {
            noise_level,
            step_size: self.step_size_at(noise_level),
            undefined: 0,
            score_energy: 0.0,
        }
    }
}

/// Requires a finite score at every start.
fn check_start<T: TimeScore + ?Sized>(model: &T, x: ArrayView2<f64>, noise_level: f64) -> Result<()> {
    let mut score = Array2::zeros(x.raw_dim());
    model.score_at_into(
        x,
        Array1::from_elem(x.nrows(), noise_level).view(),
        score.view_mut(),
    );
    match score
        .rows()
        .into_iter()
        .position(|s| s.iter().any(|s| !s.is_finite()))
    {
        None => Ok(()),
        Some(b) => Err(Error::parameter(
            format!("x[{b}, ..]"),
            x.row(b),
            "a point with a finite score at the largest level",
        )),
    }
}
