//! Digits that were never seen, filtered by the score of a mixture that was fitted to others.

use gibbsian_core::{Score, Seed};
use gibbsian_data::{Header, hold_out, read_table};
use gibbsian_densities::{CovarianceForm, ExpectationMaximisation, GaussianMixture, MixtureInNoise};
use ndarray::{Array1, Array2, ArrayView2, Axis, concatenate, s};

use super::{network, normals};
use crate::statistics::mean_and_error;
use crate::{
    Axis as Scale, Check, Claim, ColourMap, Context, ImageGrid, Plot, Provenance, Result, Table, measured,
};

/// Standard errors that separate a difference from none; at four, chance does it once in 16,000.
const CLEARLY: f64 = 4.0;

/// The standard deviation of the noise on digits whose pixels go from 0 to 1.
const SIGMA: f64 = 0.3;
/// The correlation of the noise of neighbouring pixels, in the correlated case.
const NEIGHBOURS: f64 = 0.7;
/// Components of the mixture of digits: there are ten kinds.
const N_COMPONENTS: usize = 10;
/// Digits that are kept from the fit.
const N_HELD_OUT: usize = 397;
const SIDE: usize = 8;

pub(super) const STEIN: Claim = Claim {
    claim: "on held-out digits Stein's estimate, which sees the noisy digits only, is the mean squared error (difference per pixel over the noise variance)",
    source: "Stein (1981); Miyasawa's h = C ∇ log p is one h among all",
    provenance: Provenance::MonteCarlo,
    quick: Some(Check::value(0.0).within_standard_errors(5.0)),
    full: Check::value(0.0).within_standard_errors(5.0),
    reason: "five standard errors of the paired difference; the identity asks nothing of the digits' law, so a misfit of the mixture cannot break it, a wrong divergence does",
};

pub(super) const PREDICTED: Claim = Claim {
    claim: "the mean squared error on held-out digits over what the mixture predicts of itself, its mean posterior variance",
    source: "one if digits were draws of the mixture",
    provenance: Provenance::MonteCarlo,
    quick: Some(Check::between(1.0, 1.5)),
    full: Check::between(1.0, 1.5),
    reason: "set before the run: an estimate from n rows is optimistic about itself, for a normal density by a factor of about 1 + 2 f/n with f = tr Σ(Σ + C)⁻¹; \
             ten components share 1,400 rows, and f is about 15 at this noise: 1.2. Below one the prediction would be no optimist, above 1.5 the mixture would be no model of digits",
};

pub(super) const GAIN: Claim = Claim {
    claim: "Tweedie's filter gains at least 3 dB over leaving held-out digits as they are",
    source: "the training digits' spectrum",
    provenance: Provenance::MonteCarlo,
    quick: Some(Check::at_least(3.0)),
    full: Check::at_least(3.0),
    reason: "set before the run: 3 dB is half of the noise. The linear filter keeps the fraction λ/(λ + σ²) of the noise in each principal direction, and the handful of directions \
             with λ above σ² = 0.09 leave well below a half",
};

pub(super) const WIENER: Claim = Claim {
    claim: "the mixture gains more than the linear (Wiener) filter of a single normal density: the mean paired difference less four standard errors, in dB",
    source: "the posterior mean is linear for a normal prior only; digits have kinds",
    provenance: Provenance::MonteCarlo,
    quick: Some(Check::at_least(0.0)),
    full: Check::at_least(0.0),
    reason: "a ranking beyond four standard errors; a mixture that overfits its 140 rows a component would lose to the one covariance of 1,400",
};

pub(super) const COLOUR: Claim = Claim {
    claim: "in correlated noise the formula with the true covariance gains more than the one that takes the noise for white: the mean paired difference less four standard errors, in dB",
    source: "Miyasawa (1961): C enters as a matrix",
    provenance: Provenance::MonteCarlo,
    quick: Some(Check::at_least(0.0)),
    full: Check::at_least(0.0),
    reason: "a ranking beyond four standard errors: white noise of the same variance puts too little of it where neighbouring pixels agree",
};

/// Digits, and what was fitted to some of them.
struct Digits {
    /// The pixels that vary among the training digits.
    varying: Vec<usize>,
    /// Held-out digits, all pixels from 0 to 1.
    whole: Array2<f64>,
    /// The same, the varying pixels.
    held_out: Array2<f64>,
    /// What the fits saw, the varying pixels.
    train: Array2<f64>,
    mixture: GaussianMixture,
    normal: GaussianMixture,
}

impl Digits {
    fn fit(ctx: &Context) -> Result<Self> {
        let seed = ctx.seed().child("digits");
        let table = read_table(
            concat!(env!("CARGO_MANIFEST_DIR"), "/../../data/tables/digits8x8.csv.gz"),
            Header::Absent,
        )?;
        let pixels = &table.values().slice(s![.., ..SIDE * SIDE]) / 16.0;
        let split = hold_out(pixels.nrows(), N_HELD_OUT, seed.child("split"))?;
        let train = pixels.select(Axis(0), &split.kept);
        let whole = pixels.select(Axis(0), &split.held_out);
        let variances = train.var_axis(Axis(0), 0.0);
        // A pixel that never varies has no density.
        let varying: Vec<usize> = (0..SIDE * SIDE).filter(|&i| variances[i] > 0.0).collect();
        let train = train.select(Axis(1), &varying);
        let fit = |n_components, seed: Seed| {
            let settings = ExpectationMaximisation {
                n_starts: 2,
                // A component has two rows a pixel, so its smallest variances are not to be believed.
                variance_floor: 0.01,
                ..ExpectationMaximisation::new(n_components, CovarianceForm::Full)
            };
            settings.fit(train.view(), &mut seed.rng())
        };
        Ok(Digits {
            mixture: fit(N_COMPONENTS, seed.child("mixture"))?.mixture,
            normal: fit(1, seed.child("normal"))?.mixture,
            held_out: whole.select(Axis(1), &varying),
            train,
            whole,
            varying,
        })
    }

    /// Pixels in their places, on whole pictures that the other pixels come from.
    fn picture(&self, varying: ArrayView2<f64>, n: usize) -> Array2<f64> {
        let mut out = self.whole.slice(s![..n, ..]).to_owned();
        for (column, &pixel) in self.varying.iter().enumerate() {
            out.column_mut(pixel).assign(&varying.slice(s![..n, column]));
        }
        out
    }
}

/// `C_ij = σ² ρ^(rows + columns between i and j)`; `ρ = 0` is white noise.
fn noise_of_pixels(pixels: &[usize], sigma: f64, rho: f64) -> Array2<f64> {
    Array2::from_shape_fn((pixels.len(), pixels.len()), |(i, j)| {
        let (i, j) = (pixels[i], pixels[j]);
        let apart = (i / SIDE).abs_diff(j / SIDE) + (i % SIDE).abs_diff(j % SIDE);
        sigma * sigma * rho.powi(apart as i32)
    })
}

/// The gain in decibels of every digit: how much less its squared error is than that of the noisy one.
fn gains(clean: &Array2<f64>, noisy: &Array2<f64>, filtered: &Array2<f64>) -> Vec<f64> {
    let square = |row: Array1<f64>| row.dot(&row);
    (0..clean.nrows())
        .map(|b| {
            let before = square(&noisy.row(b) - &clean.row(b));
            10.0 * (before / square(&filtered.row(b) - &clean.row(b))).log10()
        })
        .collect()
}

/// The mean of `a − b` less [`CLEARLY`] times its standard error.
fn clear_advantage(a: &[f64], b: &[f64]) -> f64 {
    let (mean, error) = mean_and_error(a.iter().zip(b).map(|(a, b)| a - b));
    mean - CLEARLY * error
}

/// The filter of digits, in white and in correlated noise.
pub(super) fn run(ctx: &mut Context) -> Result<()> {
    let digits = Digits::fit(ctx)?;
    let clean = &digits.held_out;
    let seed = ctx.seed().child("noise");
    let mut table = Table::new([
        "noise",
        "filter",
        "gain_decibels",
        "standard_error",
        "mean_squared_error",
    ]);
    let mut record =
        |noise: &str, filter: &str, noisy: &Array2<f64>, filtered: &Array2<f64>| -> Result<Vec<f64>> {
            let gains = gains(clean, noisy, filtered);
            let (mean, error) = mean_and_error(gains.iter().copied());
            let squared = (filtered - clean).mapv(|e| e * e).mean().unwrap_or(f64::NAN);
            table.row([
                noise.into(),
                filter.into(),
                mean.into(),
                error.into(),
                squared.into(),
            ])?;
            Ok(gains)
        };

    // White noise.
    let white = noise_of_pixels(&digits.varying, SIGMA, 0.0);
    let noisy = clean + &normals(&white, clean.nrows(), &mut seed.child("white").rng())?;
    let seen = digits.mixture.in_noise(white.view())?;
    let filtered = seen.tweedie(noisy.view());
    let linear = digits.normal.in_noise(white.view())?.tweedie(noisy.view());
    let by_mixture = record("white", "mixture", &noisy, &filtered)?;
    let by_normal = record("white", "linear", &noisy, &linear)?;

    let errors = (&filtered - clean).mapv(|e| e * e).sum_axis(Axis(1));
    let noise_power = white.diag().sum();
    compare(ctx, &STEIN, &errors, &stein(&seen, noisy.view()), noise_power)?;
    let predicted: f64 = seen
        .posterior_covariance(noisy.view())
        .outer_iter()
        .map(|c| c.diag().sum())
        .sum();
    ctx.measure(&PREDICTED, errors.sum() / predicted)?;
    let (gain, error) = mean_and_error(by_mixture.iter().copied());
    ctx.measure(&GAIN, measured(gain).with_error(error))?;
    ctx.measure(&WIENER, clear_advantage(&by_mixture, &by_normal))?;
    let score = network::train(
        digits.train.view(),
        SIGMA,
        ctx.pick(150, 600),
        ctx.seed().child("network"),
    )?;
    let learnt = network::filter(&score, noisy.view(), SIGMA);
    let by_network = record("white", "network", &noisy, &learnt)?;
    let errors = (&learnt - clean).mapv(|e| e * e).sum_axis(Axis(1));
    let estimates = network::stein(&score, noisy.view(), SIGMA);
    compare(ctx, &network::STEIN, &errors, &estimates, noise_power)?;
    ctx.measure(&network::WIENER, clear_advantage(&by_network, &by_normal))?;
    let rows = [clean, &noisy, &linear, &filtered, &learnt];
    show(
        ctx,
        &digits,
        "white",
        "Held-out digits, in white noise of deviation 0.3, by the linear filter, by Tweedie's formula with the mixture and with the network.",
        &rows,
    )?;

    // Correlated noise of the same variance.
    let coloured = noise_of_pixels(&digits.varying, SIGMA, NEIGHBOURS);
    let noisy = clean + &normals(&coloured, clean.nrows(), &mut seed.child("correlated").rng())?;
    let knowing = digits.mixture.in_noise(coloured.view())?.tweedie(noisy.view());
    let guessing = seen.tweedie(noisy.view());
    let linear = digits.normal.in_noise(coloured.view())?.tweedie(noisy.view());
    let right = record("correlated", "mixture", &noisy, &knowing)?;
    let wrong = record("correlated", "mixture, taking it for white", &noisy, &guessing)?;
    record("correlated", "linear", &noisy, &linear)?;
    ctx.measure(&COLOUR, clear_advantage(&right, &wrong))?;
    let rows = [clean, &noisy, &guessing, &knowing];
    show(
        ctx,
        &digits,
        "correlated",
        "Held-out digits, in correlated noise, by Tweedie's formula that takes the noise for white, and by the one that knows its covariance.",
        &rows,
    )?;
    ctx.table(
        "gains",
        "Gain in peak signal-to-noise ratio over the noisy digits, mean over held-out digits.",
        &table,
    )?;

    ctx.note(format!(
        "The formula gains {gain:.2} ± {error:.2} dB on {} held-out digits in white noise with the mixture and {:.2} with the network, the linear filter {:.2}; in correlated noise {:.2} with the covariance known and {:.2} without.",
        clean.nrows(),
        mean_and_error(by_network.iter().copied()).0,
        mean_and_error(by_normal.iter().copied()).0,
        mean_and_error(right.iter().copied()).0,
        mean_and_error(wrong.iter().copied()).0,
    ));
    against_noise(ctx, &digits)
}

/// The mean difference of squared errors and their estimates, over the noise in a digit.
fn compare(
    ctx: &mut Context,
    claim: &Claim,
    errors: &Array1<f64>,
    estimates: &[f64],
    noise_power: f64,
) -> Result<()> {
    let differences = errors.iter().zip(estimates).map(|(e, s)| (e - s) / noise_power);
    let (difference, error) = mean_and_error(differences);
    ctx.measure(claim, measured(difference).with_error(error))
}

/// Stein's estimate of the squared error of `x̃ + C s`: `tr C + 2 tr(C C J) + ‖C s‖²`.
fn stein(seen: &MixtureInNoise, noisy: ArrayView2<f64>) -> Vec<f64> {
    let noise = seen.noise_covariance();
    let squared = noise.dot(&noise);
    let moves = seen.noisy().score(noisy).dot(&noise);
    let hessians = seen.noisy().hessian(noisy);
    (moves.rows().into_iter().zip(hessians.outer_iter()))
        .map(|(h, hessian)| noise.diag().sum() + 2.0 * (&squared * &hessian).sum() + h.dot(&h))
        .collect()
}

/// Twelve digits a row, one row for each kind of picture.
fn show(ctx: &mut Context, digits: &Digits, name: &str, caption: &str, rows: &[&Array2<f64>]) -> Result<()> {
    let n = 12;
    let pictures: Vec<_> = rows.iter().map(|row| digits.picture(row.view(), n)).collect();
    let views: Vec<_> = pictures.iter().map(|p| p.view()).collect();
    let all = concatenate(Axis(0), &views)?;
    let grid = ImageGrid::new(all.view(), SIDE, SIDE)
        .columns(n)
        .colours(ColourMap::Ink, 0.0, 1.0);
    ctx.images(name, caption, &grid)
}

/// Gains against the noise.
fn against_noise(ctx: &mut Context, digits: &Digits) -> Result<()> {
    let clean = &digits.held_out;
    let (mut by_mixture, mut by_normal) = (Vec::new(), Vec::new());
    for (k, sigma) in [0.05, 0.1, 0.2, 0.3, 0.5, 0.8].into_iter().enumerate() {
        let noise = noise_of_pixels(&digits.varying, sigma, 0.0);
        let mut rng = ctx.seed().child("noise levels").nth(k as u64).rng();
        let noisy = clean + &normals(&noise, clean.nrows(), &mut rng)?;
        for (model, found) in [
            (&digits.mixture, &mut by_mixture),
            (&digits.normal, &mut by_normal),
        ] {
            let filtered = model.in_noise(noise.view())?.tweedie(noisy.view());
            found.push((
                sigma,
                mean_and_error(gains(clean, &noisy, &filtered).into_iter()).0,
            ));
        }
    }
    let plot = Plot::new(
        "Denoising held-out digits",
        Scale::linear("standard deviation of the noise"),
        Scale::linear("gain in dB"),
    )
    .line("mixture of ten", by_mixture)
    .dashed("one normal: the linear filter", by_normal);
    ctx.plot(
        "against-noise",
        "The gain over the noisy digits in white noise.",
        &plot,
    )
}
