//! The law of the vector kernel's normal draws: their distribution, their tails, and that draws of one stream are independent.

use std::f64::consts::TAU;

use gibbsian_core::simd::{LaneRng, fill_standard_normal};
use gibbsian_core::{Seed, Streams, special};
use gibbsian_testkit::stats::{self, FALSE_ALARM, Test};
use gibbsian_testkit::verdict::Verdict;

/// Draws of one stream, and how many of them make a block of the kernel.
const N: usize = 4_000_000;
const BLOCK: usize = 16;

fn draws(name: &str) -> Vec<f64> {
    let mut rng = LaneRng::new(Streams::from_key(Seed::new(31).child(name).value()), 0);
    let mut z = vec![0.0; N];
    fill_standard_normal(&mut rng, &mut z);
    z
}

/// The variance of zᵏ is (2k − 1)!! − ((k − 1)!! if k is even)².
fn moment(z: &[f64], k: i32) -> Test {
    let odd_factorial = |n: i32| (1..=n).step_by(2).map(f64::from).product::<f64>();
    let expected = if k % 2 == 0 { odd_factorial(k - 1) } else { 0.0 };
    let deviation = (odd_factorial(2 * k - 1) - expected * expected).sqrt();
    let mean = z.iter().map(|z| z.powi(k)).sum::<f64>() / N as f64;
    stats::z_test(
        &format!("moment {k}"),
        mean,
        expected,
        deviation / (N as f64).sqrt(),
    )
}

#[test]
fn the_distribution_is_normal() -> Verdict {
    let z = draws("distribution");
    let mut tests = vec![stats::kolmogorov_smirnov("all draws", &z, special::normal_cdf)];
    // Sine and cosine of a block come from the same radii: each half, and each lane, is a sample of its own.
    for lane in 0..BLOCK {
        let lane_draws: Vec<f64> = z.iter().skip(lane).step_by(BLOCK).copied().collect();
        tests.push(stats::kolmogorov_smirnov(
            &format!("lane {lane}"),
            &lane_draws,
            special::normal_cdf,
        ));
    }
    tests.extend((1..=6).map(|k| moment(&z, k)));
    stats::family(&tests, FALSE_ALARM)
}

#[test]
fn the_tails_are_as_heavy_as_they_should_be() -> Verdict {
    let z = draws("tails");
    let mut tests = Vec::new();
    for bound in [1.0, 2.0, 3.0, 3.5, 4.0, 4.5, 5.0] {
        let p = special::normal_cdf(-bound);
        for (side, sign) in [("above", 1.0), ("below", -1.0)] {
            let count = z.iter().filter(|&&z| sign * z > bound).count();
            tests.push(stats::binomial(
                &format!("{side} {bound}"),
                count as u64,
                N as u64,
                p,
            ));
        }
    }
    stats::family(&tests, FALSE_ALARM)
}

/// Counts of 1,000 equally likely cells: finer than the distance of distribution functions sees.
#[test]
fn no_cell_is_favoured() {
    const CELLS: usize = 1000;
    let mut counts = vec![0; CELLS];
    for z in draws("cells") {
        counts[((special::normal_cdf(z) * CELLS as f64) as usize).min(CELLS - 1)] += 1;
    }
    stats::chi_square("equally likely cells", &counts, &[1.0 / CELLS as f64; CELLS]).assert(FALSE_ALARM);
}

#[test]
fn a_pair_is_a_rotation_invariant_point_of_the_plane() -> Verdict {
    const SECTORS: usize = 64;
    let z = draws("pairs");
    let pairs = || {
        z.chunks_exact(BLOCK)
            .flat_map(|block| (0..BLOCK / 2).map(|i| [block[i], block[BLOCK / 2 + i]]))
    };
    let mut counts = vec![0; SECTORS];
    for [x, y] in pairs() {
        counts[((y.atan2(x) / TAU + 0.5) * SECTORS as f64).min(SECTORS as f64 - 1.0) as usize] += 1;
    }
    let uniform: Vec<f64> = pairs().map(|[x, y]| (-0.5 * (x * x + y * y)).exp()).collect();
    let tests = [
        stats::chi_square("angles", &counts, &[1.0 / SECTORS as f64; SECTORS]),
        stats::kolmogorov_smirnov("radii", &uniform, |u| u),
    ];
    stats::family(&tests, FALSE_ALARM)
}

/// For independent draws f(zᵢ) g(zᵢ₊ₗ) has mean zero for centred f and g, and the products at one lag are uncorrelated.
#[test]
fn draws_at_any_lag_are_uncorrelated_and_so_are_their_sizes() -> Verdict {
    let z = draws("lags");
    let size = |z: f64| (z * z - 1.0) / 2.0_f64.sqrt();
    let mut tests = Vec::new();
    for lag in (1..=2 * BLOCK).chain([100, 256, 1000, 3200]) {
        let n = (N - lag) as f64;
        let correlation = |name: &str, f: &dyn Fn(f64) -> f64, g: &dyn Fn(f64) -> f64| {
            let sum: f64 = z.iter().zip(&z[lag..]).map(|(&a, &b)| f(a) * g(b)).sum();
            stats::z_test(&format!("{name} at lag {lag}"), sum / n, 0.0, 1.0 / n.sqrt())
        };
        tests.push(correlation("draws", &|z| z, &|z| z));
        tests.push(correlation("squares", &size, &size));
        tests.push(correlation("draws and squares", &|z| z, &size));
    }
    stats::family(&tests, FALSE_ALARM)
}
