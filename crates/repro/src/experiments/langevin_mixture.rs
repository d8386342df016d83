//! Langevin sampling of two far modes, plain and annealed.
//!
//! Song and Ermon (2019, figure 3) sample `0.8 N((5,5), I) + 0.2 N((−5,−5), I)` from starts spread evenly over a square. Between the modes the score tells
//! nothing of their weights, so plain Langevin chains end in the mode whose basin they started in, half of them in each. Annealed
//! Langevin sampling (their Algorithm 1) starts where the noise is so large that the modes are one and lets the chains divide while it falls.
//!
//! Their demonstration does not convolve the density with noise, it scales the two components: `σ` takes the place of the deviation 1. Here both are run. And
//! because the chain along the line through the modes is a chain of its own, its law can be computed without chains, by quadrature
//! (the file `line.rs`): what the recipe gives is known to many digits, and it is not 0.800.

mod line;

use std::f64::consts::FRAC_1_SQRT_2;

use gibbsian_core::{Score, Space, TimeScore};
use gibbsian_samplers::{AnnealedLangevin, Chains, NoiseLadder, UnadjustedLangevin};
use ndarray::{Array2, ArrayView1, ArrayView2, ArrayViewMut2};
use rand::RngExt;
use rayon::prelude::{IntoParallelIterator, ParallelIterator};

use crate::statistics::{larger, smaller};
use crate::{Axis, Check, Claim, Context, Experiment, Plot, Provenance, Result, Table, measured};
use line::LineLaw;

const WEIGHT: f64 = 0.8;
const HALF_SIDE: f64 = 8.0;
const LARGEST: f64 = 20.0;
/// `ε_i/σ_i²` in our convention: half of the published 0.1.
const STEP: f64 = 0.05;
const PLAIN_STEPS: usize = 1_000;
const STEPS_A_LEVEL: usize = 100;
const PUBLISHED_LEVELS: usize = 10;
/// The smallest noise where noise is convolved; at 1, where the scaled recipe ends, it would double the variance of the modes. The levels have the published ratio.
const SMALLEST: f64 = 0.5;
const CONVOLVED_LEVELS: usize = 12;
/// `log (0.8/0.2)`.
const LOG_ODDS: f64 = 2.0 * std::f64::consts::LN_2;

const PLAIN: Claim = Claim {
    claim: "plain Langevin chains: the mass at the heavy mode minus the area of its basin over that of the square",
    source: "Song and Ermon (2019), figure 3b; the basin ends at the saddle of the log-density",
    provenance: Provenance::Exact,
    quick: Some(Check::value(0.0).within(0.01)),
    full: Check::value(0.0).within(0.01),
    reason: "by quadrature; the barrier of 25 nats is not crossed in a thousand steps, and chains that start within a distance of about 1 of the saddle divide by chance, where \
             the density of starts changes by 1/128",
};

const PLAIN_CHAINS: Claim = Claim {
    claim: "the chains themselves: their mass at the heavy mode is that of the quadrature, plain",
    source: "the law of the chain along the line through the modes",
    provenance: Provenance::MonteCarlo,
    quick: Some(Check::value(0.0).within_standard_errors(5.0)),
    full: Check::value(0.0).within_standard_errors(5.0),
    reason: "five binomial standard errors: a false alarm in 1.7 million",
};

const SCALED: Claim = Claim {
    claim: "the published annealed recipe ends with this mass at the heavy mode, which has 0.800",
    source: "Song and Ermon (2019), figure 3c and its program: ten levels from 20 to 1, a hundred steps each, components scaled and not convolved",
    provenance: Provenance::Exact,
    quick: Some(Check::value(0.783).within(0.0087)),
    full: Check::value(0.783).within(0.0087),
    reason: "by quadrature, against an earlier run of another program with 20,000 chains: three of its standard errors, √(0.783 · 0.217/20000)",
};

const SCALED_CHAINS: Claim = Claim {
    claim: "the chains themselves: their mass at the heavy mode is that of the quadrature, scaled",
    ..PLAIN_CHAINS
};

const CONVOLVED_CHAINS: Claim = Claim {
    claim: "the chains themselves: their mass at the heavy mode is that of the quadrature, convolved",
    ..PLAIN_CHAINS
};

const RECOVERS: Claim = Claim {
    claim: "annealing recovers the weights: its error over that of plain chains, the larger of scaled and convolved",
    source: "Song and Ermon (2019), section 4.3",
    provenance: Provenance::Exact,
    quick: Some(Check::at_most(0.2)),
    full: Check::at_most(0.2),
    reason: "a recipe that saw nothing of the weights would have a ratio of one; a fifth leaves room for ladders as coarse as the published one",
};

const OVERLAP: Claim = Claim {
    claim: "neighbouring levels must overlap: the error of the mass falls with every refinement of the ladder, the smallest factor",
    source: "Song and Ermon (2020), technique 2; conditional on the same hundred steps a level",
    provenance: Provenance::Exact,
    quick: Some(Check::at_least(1.0)),
    full: Check::at_least(1.0),
    reason: "by quadrature, for 5, 9, 17, 33 levels from 20 to 0.5; each refinement halves the logarithm of the ratio of levels and doubles the steps, so nothing should get worse",
};

/// See the top of the file.
pub const EXPERIMENT: Experiment = Experiment {
    id: "langevin-mixture",
    title: "Langevin sampling of two far modes",
    question: "Do Langevin chains find the weights of two modes that lie far apart?",
    mathematics: r"The density is $p = 0.8 \, \mathcal{N}((5, 5), I) + 0.2 \, \mathcal{N}((-5, -5), I)$. With the share $r_k(x)$ of component $k$ in the density at $x$ its score is
        $$s(x) = \sum_k r_k(x) \, (\mu_k - x) ,$$
        and near a mode all $r_k$ are $0$ or $1$: the weights are seen only between the modes, where no chain stays. Annealed chains take $n$ steps at each of the levels $\sigma_1 > \dots > \sigma_L$ of noise (Algorithm 1 of Song and Ermon, in steps of this project),
        $$x' = x + \varepsilon_i \, s(x, \sigma_i) + \sqrt{2 \varepsilon_i} \, z , \qquad \varepsilon_i = \varepsilon_L \, \frac{\sigma_i^2}{\sigma_L^2} ,$$
        where $s(\cdot, \sigma)$ is the score of the data convolved with noise. The published demonstration scales the components instead.",
    shows: "Plain Langevin chains give the modes the weights of their basins; annealed ones come near the right weights, and how near depends on the ladder.\
            \n\nEvery mass that chains give is held to the law of the chain, computed by quadrature. The published annealed recipe scales the components instead of \
            convolving them, and is itself biased by one or two hundredths.",
    source: "Song and Ermon (2019), Algorithm 1 and figure 3; Song and Ermon (2020)",
    budget_seconds: 10,
    claims: &[
        PLAIN,
        PLAIN_CHAINS,
        SCALED,
        SCALED_CHAINS,
        CONVOLVED_CHAINS,
        RECOVERS,
        OVERLAP,
    ],
    run,
};

/// The mixture `0.8 N(m, v I) + 0.2 N(−m, v I)` with `m = (a, a)`, `a = distance/√2`, at a noise level.
pub struct TwoModes {
    distance: f64,
    convolved: bool,
}

impl TwoModes {
    fn new(distance: f64, convolved: bool) -> Self {
        TwoModes { distance, convolved }
    }

    /// How far a mode is from the origin.
    fn distance(&self) -> f64 {
        self.distance
    }

    /// `v = 1 + σ²` where noise is convolved, `v = σ²` where components are scaled.
    fn variance(&self, noise_level: f64) -> f64 {
        noise_level * noise_level + f64::from(u8::from(self.convolved))
    }

    /// `s(u) = [c (2r − 1) − u]/v` with `r = P(heavy mode | u) = 1/(1 + exp(−log 4 − 2cu/v))`.
    fn score_on_line(&self, u: f64, noise_level: f64) -> f64 {
        let v = self.variance(noise_level);
        let logit = LOG_ODDS + 2.0 * self.distance * u / v;
        (self.distance * (0.5 * logit).tanh() - u) / v
    }
}

impl Space for TwoModes {
    fn dim(&self) -> usize {
        2
    }
}

impl TimeScore for TwoModes {
    /// The score at `x` for the noise level `t`; across the line through the modes it is that of one normal density.
    fn score_at_into(&self, x: ArrayView2<f64>, t: ArrayView1<f64>, mut out: ArrayViewMut2<f64>) {
        for ((x, &level), mut out) in x.rows().into_iter().zip(t).zip(out.rows_mut()) {
            let s = self.score_on_line((x[0] + x[1]) * FRAC_1_SQRT_2, level);
            let s_across = -(x[0] - x[1]) * FRAC_1_SQRT_2 / self.variance(level);
            out[0] = (s + s_across) * FRAC_1_SQRT_2;
            out[1] = (s - s_across) * FRAC_1_SQRT_2;
        }
    }
}

/// The density without noise: the scaled form at level 1.
impl Score for TwoModes {
    fn score_into(&self, x: ArrayView2<f64>, out: ArrayViewMut2<f64>) {
        let level = f64::from(u8::from(!self.convolved));
        self.score_at_into(x, ndarray::Array1::from_elem(x.nrows(), level).view(), out);
    }
}

fn run(ctx: &mut Context) -> Result<()> {
    let distance = 5.0 * 2.0_f64.sqrt();
    let scaled = TwoModes::new(distance, false);
    let convolved = TwoModes::new(distance, true);
    let saddle = saddle(&scaled);
    let n_chains = ctx.pick(20_000, 400_000);
    let mut rng = ctx.seed().child("starts").rng();
    let starts = Array2::from_shape_simple_fn((n_chains, 2), || rng.random_range(-HALF_SIDE..HALF_SIDE));
    let mass = |x: ArrayView2<f64>| {
        let heavy = x
            .rows()
            .into_iter()
            .filter(|x| x[0] + x[1] > saddle * 2.0_f64.sqrt())
            .count();
        heavy as f64 / n_chains as f64
    };

    ctx.progress(0, 4, "plain chains");
    let plain_law = LineLaw::of_uniform_square(HALF_SIDE).after(&scaled, 1.0, STEP, PLAIN_STEPS);
    let plain = plain_law.mass_above(saddle);
    ctx.measure(
        &PLAIN,
        plain - LineLaw::of_uniform_square(HALF_SIDE).mass_above(saddle),
    )?;
    let kernel = UnadjustedLangevin::new(STEP)?;
    let mut chains = Chains::new(kernel, &scaled, starts.clone(), ctx.seed().child("plain"))?;
    chains.advance(PLAIN_STEPS as u64);
    compare(
        ctx,
        &PLAIN_CHAINS,
        mass(chains.positions().view()),
        plain,
        n_chains,
    )?;

    ctx.progress(1, 4, "the published recipe");
    let ladder = NoiseLadder::geometric(LARGEST, 1.0, PUBLISHED_LEVELS)?;
    let scaled_law = annealed_law(&scaled, &ladder);
    let scaled_mass = scaled_law.mass_above(saddle);
    ctx.measure(&SCALED, scaled_mass)?;
    let annealed = AnnealedLangevin::song_ermon(ladder, 0.1, STEPS_A_LEVEL)?;
    let sample = annealed.sample(&scaled, starts.clone(), &mut ctx.seed().child("scaled").rng())?;
    compare(ctx, &SCALED_CHAINS, mass(sample.x.view()), scaled_mass, n_chains)?;

    ctx.progress(2, 4, "noise convolved");
    let ladder = NoiseLadder::geometric(LARGEST, SMALLEST, CONVOLVED_LEVELS)?;
    let convolved_law = annealed_law(&convolved, &ladder);
    let convolved_mass = convolved_law.mass_above(saddle);
    let epsilon = 2.0 * STEP * SMALLEST * SMALLEST;
    let annealed = AnnealedLangevin::song_ermon(ladder, epsilon, STEPS_A_LEVEL)?;
    let sample = annealed.sample(&convolved, starts, &mut ctx.seed().child("convolved").rng())?;
    compare(
        ctx,
        &CONVOLVED_CHAINS,
        mass(sample.x.view()),
        convolved_mass,
        n_chains,
    )?;
    let worse = larger((scaled_mass - WEIGHT).abs(), (convolved_mass - WEIGHT).abs());
    ctx.measure(&RECOVERS, worse / (plain - WEIGHT).abs())?;

    ctx.progress(3, 4, "ladders");
    refine(ctx, [&scaled, &convolved], saddle)?;
    let plot = Plot::new(
        "Two modes of weight 0.8 and 0.2, along the line through them",
        Axis::linear("u = (x + y)/√2").range(-12.0, 12.0),
        Axis::linear("density"),
    )
    .line("plain chains", plain_law.points(8))
    .line("annealed, components scaled", scaled_law.points(8))
    .dashed("target", target_on_line(&scaled));
    ctx.plot(
        "laws",
        "The laws of the chains after the last step, by quadrature.",
        &plot,
    )
}

/// Holds a fraction of chains to its probability.
fn compare(ctx: &mut Context, claim: &Claim, fraction: f64, probability: f64, n_chains: usize) -> Result<()> {
    let error = (probability * (1.0 - probability) / n_chains as f64).sqrt();
    ctx.measure(claim, measured(fraction - probability).with_error(error))
}

/// Where the log-density has its saddle: between the modes, nearer to the light one, by bisection of the score on the line.
fn saddle(modes: &TwoModes) -> f64 {
    let (mut low, mut high) = (-0.5 * modes.distance(), 0.5 * modes.distance());
    while high - low > 1e-12 {
        let middle = 0.5 * (low + high);
        if modes.score_on_line(middle, 1.0) > 0.0 {
            high = middle;
        } else {
            low = middle;
        }
    }
    0.5 * (low + high)
}

/// The law at the end of Algorithm 1, by quadrature.
fn annealed_law(modes: &TwoModes, ladder: &NoiseLadder) -> LineLaw {
    let start = LineLaw::of_uniform_square(HALF_SIDE);
    ladder.levels().iter().fold(start, |law, &level| {
        law.after(modes, level, STEP * level * level, STEPS_A_LEVEL)
    })
}

/// The mass against the ratio of neighbouring levels.
fn refine(ctx: &mut Context, both: [&TwoModes; 2], saddle: f64) -> Result<()> {
    let mut table = Table::new(["recipe", "levels", "ratio", "mass", "error"]);
    let mut curves = [Vec::new(), Vec::new()];
    for (modes, curve) in both.into_iter().zip(&mut curves) {
        let (name, smallest) = if modes.convolved {
            ("convolved", SMALLEST)
        } else {
            ("scaled", 1.0)
        };
        let masses: Result<Vec<(usize, f64, f64)>> = [5, 9, 17, 33]
            .into_par_iter()
            .map(|n_levels| {
                let ladder = NoiseLadder::geometric(LARGEST, smallest, n_levels)?;
                let ratio = ladder.levels()[0] / ladder.levels()[1];
                Ok((n_levels, ratio, annealed_law(modes, &ladder).mass_above(saddle)))
            })
            .collect();
        for (n_levels, ratio, mass) in masses? {
            curve.push((ratio, (mass - WEIGHT).abs()));
            table.row([
                name.into(),
                (n_levels as i64).into(),
                ratio.into(),
                mass.into(),
                (mass - WEIGHT).into(),
            ])?;
        }
    }
    let factors = curves[1].windows(2).map(|pair| pair[0].1 / pair[1].1);
    ctx.measure(&OVERLAP, factors.fold(f64::INFINITY, smaller))?;
    let [scaled, convolved] = curves;
    let plot = Plot::new(
        "Error of the heavy mode's mass",
        Axis::log("ratio of neighbouring noise levels"),
        Axis::log("|mass − 0.8|"),
    )
    .line("components scaled, 20 to 1", scaled)
    .line("noise convolved, 20 to 0.5", convolved);
    ctx.plot("ladders", "A hundred steps a level, by quadrature.", &plot)?;
    ctx.table(
        "ladders",
        "The mass at the heavy mode for ladders of several ratios.",
        &table,
    )
}

fn target_on_line(modes: &TwoModes) -> Vec<(f64, f64)> {
    let normal = |d: f64| (-0.5 * d * d).exp() / std::f64::consts::TAU.sqrt();
    let at = |u: f64| WEIGHT * normal(u - modes.distance()) + (1.0 - WEIGHT) * normal(u + modes.distance());
    (-120..=120)
        .map(|k| f64::from(k) / 10.0)
        .map(|u| (u, at(u)))
        .collect()
}
