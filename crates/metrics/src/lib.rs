//! Diagnostics of samples and chains: what a number computed from draws is worth.

#![deny(unsafe_code)]

pub mod chains;

pub use chains::{
    AutocorrelationTime, ChainVerdict, HeatCapacity, ModeMass, ModeMasses, Requirements, SOKAL_WINDOW,
    Summaries, Summary, autocorrelation, autocorrelation_time, autocorrelation_time_windowed, autocovariance,
    energy_bfmi, ess_bulk, ess_mean, ess_median, ess_quantile, ess_sd, ess_tail, heat_capacity, mcse_mean,
    mcse_median, mcse_quantile, mcse_sd, mode_masses, mode_masses_of_labels, nearest_centre, r_hat,
    r_hat_folded, r_hat_rank, r_hat_split, summarise,
};
