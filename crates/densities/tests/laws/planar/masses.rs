//! The plane cut into cells: their masses by quadrature sum to one, and draws fall into them accordingly.

use gibbsian_core::{Density, Seed};
use gibbsian_densities::planar::*;
use gibbsian_densities::quadrature::{Domain, Integral, Interval, QuadratureOptions, integrate};
use gibbsian_testkit::stats::{FALSE_ALARM, chi_square, mean};
use ndarray::Array2;

/// The number of draws that a test counts.
const N_DRAWS: usize = 20_000;

/// The intervals between `edges` and, with `is_open`, beyond the first and the last.
fn intervals(edges: &[f64], is_open: bool) -> Vec<Interval> {
    let inner = edges.windows(2).map(|e| Interval::closed(e[0], e[1]).unwrap());
    if !is_open {
        return inner.collect();
    }
    let first = Interval::below(edges[0]).unwrap();
    let last = Interval::above(edges[edges.len() - 1]).unwrap();
    std::iter::once(first).chain(inner).chain([last]).collect()
}

/// The masses of the cells between edges along both axes, and how many draws fall into each.
fn masses_and_counts(target: &dyn Density, edges: [&[f64]; 2], is_open: bool) -> (Vec<Integral>, Vec<u64>) {
    let sides = edges.map(|edges| intervals(edges, is_open));
    let settings = QuadratureOptions {
        absolute: 1e-8,
        relative: 0.0,
        max_evaluations: 4_000_000,
    };
    let mut masses = Vec::new();
    for first in &sides[0] {
        for second in &sides[1] {
            let density = |x: ndarray::ArrayView2<f64>, mut out: ndarray::ArrayViewMut1<f64>| {
                target.log_density_into(x, out.view_mut());
                out.mapv_inplace(f64::exp);
            };
            masses.push(integrate(density, &Domain::rectangle(*first, *second), settings).unwrap());
        }
    }
    let x = target.sample(N_DRAWS, &mut Seed::new(31).rng());
    (masses, counts(&x, &sides))
}

fn counts(x: &Array2<f64>, sides: &[Vec<Interval>; 2]) -> Vec<u64> {
    let mut counts = vec![0; sides[0].len() * sides[1].len()];
    for x in x.rows() {
        let place = [0, 1].map(|i| sides[i].iter().position(|side| side.contains(x[i])));
        if let [Some(i), Some(j)] = place {
            counts[i * sides[1].len() + j] += 1;
        }
    }
    counts
}

/// Checks that the masses sum to one within their errors, and the draws against them.
fn check(name: &str, target: &dyn Density, edges: [&[f64]; 2], is_open: bool) {
    let (masses, counts) = masses_and_counts(target, edges, is_open);
    let total: f64 = masses.iter().map(|mass| mass.value).sum();
    let error: f64 = masses.iter().map(|mass| mass.error).sum();
    assert!(error < 1e-6, "{name}: the error of the mass is {error:e}");
    assert!(
        (total - 1.0).abs() <= error,
        "{name}: the mass is {total} with an error of {error:e}"
    );
    assert_eq!(
        target.log_z(),
        if name == "checkerboard" { 32f64.ln() } else { 0.0 }
    );
    let probabilities: Vec<f64> = masses.iter().map(|mass| mass.value.max(0.0) / total).collect();
    chi_square(name, &counts, &probabilities).assert(FALSE_ALARM);
}

/// A target whose picture fills `[−4, 4]²`. Each cell is first looked at in some 35,000 points, so there are few.
fn on_the_square(name: &str) {
    let (_, target) = all().into_iter().find(|(other, _)| *other == name).unwrap();
    // Eight deviations or more from the last point of any of them to the ends.
    let edges = [-7.0, -1.5, 0.25, 1.5, 7.0];
    check(name, &target, [&edges, &edges], false);
}

#[test]
fn eight_gaussians_on_the_square() {
    on_the_square("eight-gaussians");
}

#[test]
fn rings_on_the_square() {
    on_the_square("rings");
}

/// The cells are too wide to see circles that are a percent too large.
#[test]
fn rings_have_their_mean_square() {
    let rings = Rings::default();
    let x = rings.sample(200_000, &mut Seed::new(32).rng());
    let squares: Vec<f64> = x.rows().into_iter().map(|x| x.dot(&x)).collect();
    let expected = rings.radii().dot(&rings.radii()) / 4.0 + 2.0 * rings.deviation().powi(2);
    mean("mean square", &squares, expected).assert(FALSE_ALARM);
}

#[test]
fn two_moons_on_the_square() {
    on_the_square("two-moons");
}

#[test]
fn two_spirals_on_the_square() {
    on_the_square("two-spirals");
}

#[test]
fn pinwheel_on_the_square() {
    on_the_square("pinwheel");
}

#[test]
fn checkerboard() {
    // Halves of squares, so that a shift of a draw within its square shows.
    let edges: Vec<f64> = (-4..=4).map(f64::from).collect();
    check("checkerboard", &Checkerboard::default(), [&edges, &edges], false);
    let odd = Checkerboard::new(5, 5.0).unwrap();
    let edges: Vec<f64> = (0..=5).map(|i| f64::from(2 * i - 5)).collect();
    let (masses, counts) = masses_and_counts(&odd, [&edges, &edges], false);
    let probabilities: Vec<f64> = masses.iter().map(|mass| mass.value).collect();
    assert_eq!(probabilities.iter().filter(|p| **p > 0.0).count(), 13);
    chi_square("odd board", &counts, &probabilities).assert(FALSE_ALARM);
}

#[test]
fn funnel() {
    let across = [-20.0, -4.0, -1.0, -0.2, 0.0, 0.5, 2.0, 10.0];
    check(
        "funnel",
        &Funnel::new(2, 1.5).unwrap(),
        [&[-2.0, -1.0, 0.0, 1.0, 2.0], &across],
        true,
    );
}

#[test]
fn banana() {
    // Nothing open here: a far cell would be large, and the ridge in it too thin to be found. Beyond 7.5 deviations there is 10⁻¹³.
    let along = [-75.0, -15.0, -8.0, -3.0, 0.0, 4.0, 9.0, 16.0, 75.0];
    let across = [-180.0, -60.0, -25.0, -12.0, -5.0, -1.0, 1.0, 2.5, 3.5, 15.0];
    check("banana", &Banana::default(), [&along, &across], false);
}
