//! Laws of normalised densities.
//!
//! The draws tie energy and normaliser together without any integral in `D` dimensions: for draws `x ~ p` and any
//! density `q`, `E_p[q(x)/p(x)] = 1` exactly when `p` is normalised. A narrow normal `q` around a likely draw keeps
//! the weights bounded.

use gibbsian_core::{Density, Seed};
use ndarray::{Array1, Array2, Axis};

use crate::agreement::close;
use crate::differences::Precision;
use crate::quadrature::Support;
use crate::stats::{FALSE_ALARM, Test, family, mean};
use crate::threads;
use crate::verdict::{Verdict, require};

/// Checks [`Density`]: draws are determined by the seed, on any number of threads, and finite; `log p = −E − log Z`;
/// the density has mass one by quadrature, in one dimension; and `E_p[q/p] = 1` over the draws, for normal `q` of
/// standard deviation `width` around likely draws.
///
/// `width` should be about half of the narrowest standard deviation of the density around its modes: a wider `q` has
/// weights without a variance, a narrower one sees few draws.
///
/// # Errors
/// The first law that does not hold.
pub fn density<M: Density + ?Sized>(model: &M, width: f64, precision: Precision, seed: Seed) -> Verdict {
    const N_DRAWS: usize = 1 << 14;
    let (d, log_z) = (model.dim(), model.log_z());
    threads::same_on_any_number("draws have the same bits", || {
        model.sample(101, &mut seed.rng()).into_flat()
    })?;
    let x = model.sample(N_DRAWS, &mut seed.rng());
    require(
        x.dim() == (N_DRAWS, d) && x.iter().all(|v| v.is_finite()),
        "draws are finite rows",
        format_args!("shape {:?}", x.dim()),
    )?;
    require(
        x != model.sample(N_DRAWS, &mut seed.nth(1).rng()),
        "draws depend on the seed",
        "two seeds gave one batch",
    )?;
    let log_p = model.log_density(x.view());
    close(
        "log p = −E − log Z",
        &log_p,
        &model.energy(x.view()).mapv(|e| -e - log_z),
        precision.agreement(),
    )?;
    if d == 1 {
        let (nodes, weights) = Support::Line.rule(1.0 / 64.0);
        let p = model.log_density(Array1::from_vec(nodes).insert_axis(Axis(1)).view());
        // Outside the support the energy is infinite or not defined.
        let mass: f64 = p
            .iter()
            .zip(weights)
            .map(|(p, w)| if p.is_nan() { 0.0 } else { w * p.exp() })
            .sum();
        require(
            (mass - 1.0).abs() <= 1e-6,
            "a density has mass one",
            format_args!("{mass}"),
        )?;
    }
    family(&importance_identities(&x, &log_p, width), FALSE_ALARM)
}

/// `E_p[q/p] = 1` for `q` around the likeliest draws of four groups, tested on the draws outside the groups.
fn importance_identities(x: &Array2<f64>, log_p: &Array1<f64>, width: f64) -> Vec<Test> {
    const GROUP: usize = 64;
    let log_norm = x.ncols() as f64 * (width * (2.0 * std::f64::consts::PI).sqrt()).ln();
    (0..4)
        .map(|group| {
            let members = group * GROUP..(group + 1) * GROUP;
            let likeliest = members
                .max_by(|a, b| log_p[*a].total_cmp(&log_p[*b]))
                .unwrap_or(0);
            let centre = x.row(likeliest);
            let ratios: Vec<f64> = (4 * GROUP..x.nrows())
                .map(|b| {
                    let squared: f64 = x.row(b).iter().zip(centre).map(|(x, c)| (x - c).powi(2)).sum();
                    (-0.5 * squared / (width * width) - log_norm - log_p[b]).exp()
                })
                .collect();
            mean(
                &format!("draws and density belong together around {centre}"),
                &ratios,
                1.0,
            )
        })
        .collect()
}
