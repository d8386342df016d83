//! Diagnostics of chains against the numbers of ArviZ and posterior.

use crate::common::{close, matrix, number, table};
use gibbsian_metrics::*;
use ndarray::Axis;
use serde_json::Value;

fn cases() -> Vec<Value> {
    let table = table(include_str!("../reference/chains.json"));
    table["cases"].as_array().unwrap().clone()
}

/// Rounding in sums of a few hundred terms, and Geyer's sum of up to as many autocorrelations.
const RELATIVE: f64 = 1e-10;

#[test]
fn every_number_is_that_of_the_reference() {
    let mut n_checked = 0;
    for case in cases() {
        let draws = matrix(&case["draws"]);
        let x = draws.view();
        let summary = summarise(x.insert_axis(Axis(2)), Requirements::default()).unwrap()[0];
        let tau = autocorrelation_time_windowed(x, SOKAL_WINDOW).unwrap();
        for (name, value) in case["values"].as_object().unwrap() {
            let found: &[f64] = &match name.as_str() {
                "r_hat" => vec![r_hat(x).unwrap(), summary.r_hat],
                "r_hat_rank" => vec![r_hat_rank(x).unwrap()],
                "r_hat_folded" => vec![r_hat_folded(x).unwrap()],
                "r_hat_split" => vec![r_hat_split(x).unwrap()],
                "ess_bulk" => vec![ess_bulk(x).unwrap(), summary.ess_bulk],
                "ess_tail" => vec![ess_tail(x).unwrap(), summary.ess_tail],
                "ess_mean" => vec![
                    ess_mean(x).unwrap(),
                    x.len() as f64 * whole(x.ncols()) / autocorrelation_time(x).unwrap(),
                ],
                "ess_sd" => vec![ess_sd(x).unwrap()],
                "ess_median" => vec![ess_median(x).unwrap()],
                "ess_quantile 0.1" => vec![ess_quantile(x, 0.1).unwrap()],
                "mcse_mean" => vec![mcse_mean(x).unwrap(), summary.mcse_mean],
                "mcse_sd" => vec![mcse_sd(x).unwrap(), summary.mcse_sd],
                "mcse_median" => vec![mcse_median(x).unwrap()],
                "mcse_quantile 0.1" => vec![mcse_quantile(x, 0.1).unwrap()],
                "mean" => vec![summary.mean],
                "sd" => vec![summary.sd],
                "quantile 0.05" => vec![summary.quantiles[0]],
                "quantile 0.95" => vec![summary.quantiles[2]],
                "bfmi" => vec![energy_bfmi(x).unwrap()[0]],
                "autocovariance 1" => vec![autocovariance(x.row(0)).unwrap()[1]],
                "sokal" => vec![tau.value],
                "sokal_window" => {
                    assert_eq!(
                        tau.window.map(|w| w as u64),
                        value.as_f64().map(|w| w as u64),
                        "{}",
                        case["name"]
                    );
                    continue;
                }
                other => panic!("{other} is not computed"),
            };
            for &found in found {
                // 1 + 2 Σ ρ over all lags is zero; its terms are of the order of one.
                let offset = if name == "sokal" { 1.0 } else { 0.0 };
                close(
                    &format!("{}, {name}", case["name"]),
                    found + offset,
                    number(value) + offset,
                    RELATIVE,
                );
                n_checked += 1;
            }
        }
    }
    assert!(n_checked > 21 * 25, "{n_checked} numbers were compared");
}

/// The fraction of draws that is left when the middle one of an odd number is dropped.
fn whole(n_draws: usize) -> f64 {
    (n_draws / 2 * 2) as f64 / n_draws as f64
}
