//! Diagnostics of samples and chains: what a number computed from draws is worth, and how far draws are from where they should be.
//!
#![doc = include_str!("formulas.md")]
//!
//! Nothing here knows a model or a sampler. Draws of chains come in as `(chains, draws)` for one quantity and `(chains, draws, D)` for several,
//! points as `(N, D)`, one a row. A model enters by its [`Score`](gibbsian_core::Score) where a Stein discrepancy asks for one.
//!
//! **Of chains** ([`chains`]), with the conventions of `posterior` and ArviZ:
//!
//! | number | what it means |
//! |---|---|
//! | [`summarise`] | all of the following a coordinate, in a table with a verdict |
//! | [`r_hat`] | variance of all chains over variance within one; above 1.01 they disagree |
//! | [`ess_bulk`], [`ess_tail`], [`ess_mean`], … | independent draws that would know as much about centre, tails, mean |
//! | [`mcse_mean`], [`mcse_sd`], [`mcse_quantile`] | how far an estimate moves if the chains are run again |
//! | [`autocorrelation_time`], [`autocorrelation_time_windowed`] | draws a chain needs to forget, by Geyer's and by Sokal's rule |
//! | [`binning`] | the error of a mean from ever longer bins, and whether it has reached its plateau |
//! | [`jackknife`] | value, bias and error of a function of several means |
//! | [`equilibration`] | how many first draws to leave out |
//! | [`energy_bfmi`] | whether momenta move the energy enough: 2 for independent energies, below 0.3 a warning |
//! | [`heat_capacity`] | `β² Var E`, with its error |
//! | [`mode_masses`] | the probability of each basin, with an error that counts switches and not draws |
//!
//! **Of samples against a model**, by its score or by exact masses:
//!
//! | number | what it means | blind to |
//! |---|---|---|
//! | [`kernel_stein_discrepancy`], [`kernel_stein_test`] | the largest violation of Stein's identity; 0 for draws of the model | weights of distant modes |
//! | [`total_variation()`] | distance of a histogram from exact cell masses, beside its floor for perfect draws | what happens within a cell |
//!
//! **Of two samples** ([`two_sample`]):
//!
//! | number | what it means | blind to |
//! |---|---|---|
//! | [`mmd`], [`mmd_test`] | the largest difference of means of functions in a kernel's space | structure finer than the bandwidth |
//! | [`energy_distance`] | the same without a bandwidth; coefficient in [0, 1] | little, and sees little in many dimensions |
//! | [`wasserstein`], [`sliced_wasserstein`] | mean distance mass has to move, on the line and along directions | sliced: dilutes one coordinate by `1/D` |
//! | [`frechet_distance`] | transport between normal laws with the same moments (FID on features) | all but two moments |
//! | [`kernel_inception_distance`] | unbiased distance of three moments (KID on features) | all but three moments |
//! | [`classifier_test`] | accuracy of something trained to tell them apart, ½ for one law | what the classifier cannot express |
//! | [`knn_kl_divergence`], [`knn_jensen_shannon`] | divergences in nats, from distances to neighbours | biased in many dimensions |
//! | [`adversarial_accuracy`] | ½ for one law, **below ½ for copies** of the data | all but nearest neighbours |
//! | [`inception_score`] | sureness and variety of classes | the data: it never sees any |
//!
//! **Of scores of two kinds of cases**: [`auroc`], the probability that a case of the one kind has the larger score, with an interval; ½ is chance.
//!
//! **Contracts.** Shapes, options and counts that have no meaning are an [`Error`](gibbsian_core::Error) with the name of the argument. Draws of chains that are NaN or infinite
//! make a diagnostic NaN and a verdict "not finite"; points that are not finite are refused. Tests that need chance take a generator, last, and draw one key
//! from it. The same input gives the same bits on any number of threads.
//!
//! ```
//! use gibbsian_core::Seed;
//! use gibbsian_metrics::{Requirements, summarise};
//! use ndarray::Array3;
//! use rand::RngExt;
//! use rand_distr::StandardNormal;
//!
//! let mut rng = Seed::new(1).rng();
//! let draws = Array3::from_shape_simple_fn((4, 1000, 2), || rng.sample::<f64, _>(StandardNormal));
//! let table = summarise(draws.view(), Requirements::default())?;
//! assert!(table.are_trusted(), "{table}");
//! assert!((table[0].mean / table[0].mcse_mean).abs() < 5.0);
//! # Ok::<(), gibbsian_core::Error>(())
//! ```

#![deny(unsafe_code)]

pub mod chains;
pub mod inception;
pub mod roc;
pub mod stein;
pub mod total_variation;
pub mod two_sample;

pub use chains::{
    AutocorrelationTime, BinLevel, Binning, ChainVerdict, Equilibration, HeatCapacity, Jackknife, ModeMass,
    ModeMasses, Requirements, SOKAL_WINDOW, Summaries, Summary, autocorrelation, autocorrelation_time,
    autocorrelation_time_windowed, autocovariance, binning, energy_bfmi, equilibration, ess_bulk, ess_mean,
    ess_median, ess_quantile, ess_sd, ess_tail, heat_capacity, jackknife, mcse_mean, mcse_median,
    mcse_quantile, mcse_sd, mode_masses, mode_masses_of_labels, nearest_centre, r_hat, r_hat_folded,
    r_hat_rank, r_hat_split, summarise,
};
pub use inception::{InceptionScore, inception_score};
pub use roc::{Auroc, auroc};
pub use stein::{
    SteinDiscrepancy, SteinTest, kernel_stein_discrepancy, kernel_stein_discrepancy_from, kernel_stein_test,
};
pub use total_variation::{Grid, TotalVariation, total_variation};
pub use two_sample::{
    AdversarialAccuracy, Classifier, ClassifierTest, EnergyDistance, GaussianKernel, InverseMultiquadric,
    KernelInceptionDistance, Mmd, MmdTest, NearestNeighbours, PairKernel, PolynomialKernel, Profile,
    QuadraticLogistic, RadialKernel, SlicedWasserstein, adversarial_accuracy, classifier_test,
    energy_distance, frechet_distance, frechet_distance_of_samples, kernel_inception_distance,
    knn_jensen_shannon, knn_kl_divergence, median_distance, mmd, mmd_test, sliced_wasserstein, wasserstein,
};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
