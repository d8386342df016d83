//! A mixture of normals for the rows of a CSV file, by expectation-maximisation.
//!
//! EM climbs `Σ_b log Σ_k w_k N(x_b; μ_k, Σ_k)`; every step raises it, and several starts guard against poor hills. How many components there are is asked of
//! `BIC = m log n − 2 log L` with `m` parameters.
//!
//! `cargo run -p gibbsian --example fit_mixture_csv`
//!
//! writes a file of two clusters in columns `x` and `y`, reads it as a stranger's, and prints BIC for one, two and three components and the means that the best has found.

#![allow(clippy::print_stdout)]

use gibbsian::checkpoint::write_atomically;
use gibbsian::data::{Header, read_table};
use gibbsian::densities::{CovarianceForm, ExpectationMaximisation};
use gibbsian::ndarray::array;
use gibbsian::prelude::*;

/// Writes the file, fits, and holds weights and means to those that the data were drawn with.
pub fn main() -> Result<()> {
    let truth = GaussianMixture::new(
        array![0.3, 0.7],
        array![[-3.0, 0.0], [3.0, 1.0]],
        Covariances::Spherical(array![1.0, 0.5]),
    )?;
    let n = 1_000;
    let rows = truth.sample(n, &mut Seed::new(1).rng());
    let lines: String = rows
        .rows()
        .into_iter()
        .map(|x| format!("{},{}\n", x[0], x[1]))
        .collect();
    let path = std::env::temp_dir().join(format!("gibbsian-clusters-{}.csv", std::process::id()));
    write_atomically(&path, format!("x,y\n{lines}").as_bytes())?;

    // The reader refuses, by line and column, what is not a finite number.
    let table = read_table(&path, Header::Present)?;
    std::fs::remove_file(&path).ok();
    println!(
        "columns {:?}, {} rows",
        table.names().unwrap_or_default(),
        table.values().nrows()
    );

    let fits = (1..=3)
        .map(|k| {
            let em = ExpectationMaximisation::new(k, CovarianceForm::Spherical);
            em.fit(table.values(), &mut Seed::new(2).rng())
        })
        .collect::<Result<Vec<_>>>()?;
    for fit in &fits {
        let k = fit.mixture.n_components();
        println!(
            "{k} components: log-likelihood {:9.2}, BIC {:8.2}",
            fit.log_likelihood(),
            fit.bic()
        );
        // No step of EM lowers the likelihood, but for rounding.
        assert!(
            fit.log_likelihoods
                .windows(2)
                .all(|pair| pair[1] >= pair[0] - 1e-9 * pair[0].abs())
        );
    }

    let best = (0..fits.len()).fold(
        0,
        |best, k| if fits[k].bic() < fits[best].bic() { k } else { best },
    );
    let fit = &fits[best];
    assert_eq!(fit.mixture.n_components(), 2);
    println!(
        "weights {:.3}, means\n{:.3}",
        fit.mixture.weights(),
        fit.mixture.means()
    );
    // Clusters hardly overlap, so a mean has the error √(v/nw) a coordinate, and a weight √(w(1 − w)/n).
    let first = if fit.mixture.weights()[0] < 0.5 { 0 } else { 1 };
    for (k, (w, v)) in [(first, (0.3, 1.0)), (1 - first, (0.7, 0.5))] {
        let of_truth = if k == first { 0 } else { 1 };
        let distance = (&fit.mixture.component_mean(k) - &truth.component_mean(of_truth)).mapv(f64::abs);
        assert!(distance.iter().all(|d| *d < 5.0 * (v / (n as f64 * w)).sqrt()));
        assert!((fit.mixture.weights()[k] - w).abs() < 5.0 * (0.21 / n as f64).sqrt());
    }
    Ok(())
}
