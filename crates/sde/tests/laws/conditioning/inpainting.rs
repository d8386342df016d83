//! Solvers that know of an observation.

use gibbsian_core::process::OrnsteinUhlenbeck;
use gibbsian_core::{LinearGaussian, Seed, Space, TimeScore};
use gibbsian_sde::{
    BrownianBlock, BrownianMotion, DiffPir, EulerMaruyama, FixedSteps, FreshNoise, KnownCoordinates,
    LinearObservation, MetropolisCorrected, RePaint, Replacement, ReverseSde, StoredPath, TimeGrid,
};
use gibbsian_testkit::targets::{Mixture, Noised};
use gibbsian_testkit::threads::same_on_any_number;
use ndarray::{Array2, ArrayView1, ArrayView2, ArrayViewMut2, array, s};

use super::{correlated, observed, probes, process};
use crate::common::normals::Normals;

/// Data without a law of their own: the score of a flat density.
struct Flat(usize);

impl Space for Flat {
    fn dim(&self) -> usize {
        self.0
    }
}

impl TimeScore for Flat {
    fn score_at_into(&self, _: ArrayView2<f64>, _: ArrayView1<f64>, mut out: ArrayViewMut2<f64>) {
        out.fill(0.0);
    }
}

#[test]
fn diffpir_ends_at_the_posterior_mean_of_flat_data() {
    let (alpha, variance) = (process().alpha(0.7), process().variance(0.7));
    for dim in [1, 2, 8] {
        let masked = LinearObservation::of_coordinates(dim, vec![dim / 2], array![0.8], 0.2).unwrap();
        for observation in [observed(dim, 0.2), masked] {
            let x = probes(6, dim);
            let scheme = DiffPir::new(observation.clone(), 1.0, 0.3).unwrap();
            let found = FixedSteps::new(TimeGrid::new(array![0.7, 0.0]).unwrap())
                .solve(
                    &scheme,
                    &ReverseSde::new(process(), Flat(dim)),
                    x.clone(),
                    &FreshNoise::new(Seed::new(1)),
                )
                .unwrap();
            for (x, found) in x.rows().into_iter().zip(found.rows()) {
                // x_0 = x/α + (σ/α) z.
                let mean = (&x / alpha).insert_axis(ndarray::Axis(0));
                let clean = Normals::isotropic(array![1.0], mean, &[variance.sqrt() / alpha], process());
                let expected = clean.posterior(&observation).0.mean();
                assert!((&found - &expected).iter().all(|e| e.abs() < 1e-12));
            }
        }
    }
}

/// A motion that moves every coordinate by `c √|h|`, and whose independent numbers are all `c`.
pub(super) struct Steady(pub f64);

impl BrownianMotion for Steady {
    fn check(&self, _: &TimeGrid, _: usize, _: usize) -> gibbsian_core::Result<()> {
        Ok(())
    }

    fn block(&self, _: usize, _: usize) -> Box<dyn BrownianBlock + '_> {
        Box::new(Steady(self.0))
    }
}

impl BrownianBlock for Steady {
    fn increment_into(&mut self, from: f64, to: f64, mut increment: ArrayViewMut2<f64>) {
        increment.fill(self.0 * (to - from).abs().sqrt());
    }

    fn increment_and_area_into(&mut self, _: f64, _: f64, _: ArrayViewMut2<f64>, _: ArrayViewMut2<f64>) {
        unreachable!("schemes of the test ask for increments");
    }

    fn independent_into(&mut self, mut z: ArrayViewMut2<f64>) {
        z.fill(self.0);
    }
}

#[test]
fn a_step_of_diffpir_is_its_four_lines() {
    let (from, to, lambda, zeta, z) = (0.9, 0.4, 3.0, 0.3, 1.7);
    let p = process();
    let data = Mixture::new(array![0.4, 0.6], array![[-1.0], [1.0]], array![0.5, 0.3]).unwrap();
    let prior = Noised::new(data, p);
    let observation = LinearObservation::new(array![[2.0]], array![1.0], 0.25).unwrap();
    let found = FixedSteps::new(TimeGrid::new(array![from, to]).unwrap())
        .solve(
            &DiffPir::new(observation, lambda, zeta).unwrap(),
            &ReverseSde::new(p, prior.clone()),
            array![[0.6]],
            &Steady(z),
        )
        .unwrap();
    let score = super::score_at(&prior, &array![[0.6]], &array![from])[[0, 0]];
    let x_hat = (0.6 + p.variance(from) * score) / p.alpha(from);
    let rho = lambda * 0.25 / (p.variance(from) / p.alpha(from).powi(2));
    let x_hat = (2.0 * 1.0 + rho * x_hat) / (4.0 + rho);
    let e_hat = (0.6 - p.alpha(from) * x_hat) / p.sigma(from);
    let expected = p.alpha(to) * x_hat + p.sigma(to) * ((1.0 - zeta).sqrt() * e_hat + zeta.sqrt() * z);
    assert!((found[[0, 0]] - expected).abs() < 1e-14);
}

/// Three coordinates that are independent of each other.
fn independent() -> Noised<OrnsteinUhlenbeck> {
    let data = Mixture::new(array![1.0], array![[0.5, -0.4, 0.2]], array![0.6]).unwrap();
    Noised::new(data, process())
}

fn known() -> KnownCoordinates {
    KnownCoordinates::new(vec![2, 0], array![1.5, -0.5]).unwrap()
}

#[test]
fn replacement_sets_what_is_known_and_leaves_independent_coordinates_alone() {
    let grid = TimeGrid::uniform(5.0, 0.0, 40).unwrap();
    let path = StoredPath::draw(grid.clone(), (70, 3), Seed::new(2)).unwrap();
    let reverse = ReverseSde::new(process(), independent());
    let start = FreshNoise::new(Seed::new(3)).normal((70, 3));
    let steps = FixedSteps::new(grid);
    let free = steps
        .solve(&EulerMaruyama, &reverse, start.clone(), &path)
        .unwrap();
    let replaced = steps
        .solve(
            &Replacement::new(EulerMaruyama, known()),
            &reverse,
            start.clone(),
            &path,
        )
        .unwrap();
    assert!(replaced.column(2).iter().all(|&x| x == 1.5) && replaced.column(0).iter().all(|&x| x == -0.5));
    let apart = (&replaced.column(1) - &free.column(1)).mapv(f64::abs);
    assert!(apart.iter().all(|&a| a < 1e-12));

    // Overwritten coordinates are αy + σz at every time on the way, the first included.
    let still = FixedSteps::new(TimeGrid::new(array![0.9, 0.4]).unwrap())
        .trajectory(
            &Replacement::new(EulerMaruyama, known()),
            &reverse,
            start.slice(s![..2, ..]).to_owned(),
            &Steady(1.25),
        )
        .unwrap();
    let expected = process().alpha(0.4) * 1.5 + process().sigma(0.4) * 1.25;
    assert_eq!(still[[1, 1, 2]], expected);
}

#[test]
fn replacement_begins_at_the_start_and_the_last_step_is_taken_once() {
    // Coordinates that hang together: the unknown one moves by what the known ones were overwritten with.
    let (t, z) = (0.9, 1.25);
    let reverse = ReverseSde::new(process(), correlated(3));
    let steps = FixedSteps::new(TimeGrid::new(array![t, 0.0]).unwrap());
    let start = probes(4, 3);
    let mut overwritten = start.clone();
    for (i, y) in [(2, 1.5), (0, -0.5)] {
        overwritten
            .column_mut(i)
            .fill(process().alpha(t) * y + process().sigma(t) * z);
    }
    let expected = steps
        .solve(&EulerMaruyama, &reverse, overwritten, &Steady(z))
        .unwrap();
    let replaced = steps
        .solve(
            &Replacement::new(EulerMaruyama, known()),
            &reverse,
            start.clone(),
            &Steady(z),
        )
        .unwrap();
    assert_eq!(replaced.column(1), expected.column(1));
    let repainted = steps
        .solve(
            &RePaint::new(EulerMaruyama, known(), 3).unwrap(),
            &reverse,
            start,
            &Steady(z),
        )
        .unwrap();
    assert_eq!(repainted, replaced);
}

#[test]
fn one_passage_of_repaint_is_replacement_and_several_are_not() {
    let grid = TimeGrid::uniform(5.0, 0.0, 20).unwrap();
    let path = StoredPath::draw(grid.clone(), (70, 3), Seed::new(2)).unwrap();
    let reverse = ReverseSde::new(process(), independent());
    let start = FreshNoise::new(Seed::new(3)).normal((70, 3));
    let steps = FixedSteps::new(grid);
    let repainted = |n| {
        let solver = RePaint::new(EulerMaruyama, known(), n).unwrap();
        steps.solve(&solver, &reverse, start.clone(), &path).unwrap()
    };
    let replaced = steps
        .solve(
            &Replacement::new(EulerMaruyama, known()),
            &reverse,
            start.clone(),
            &path,
        )
        .unwrap();
    assert_eq!(repainted(1), replaced);
    let several = repainted(3);
    assert!(several.column(2).iter().all(|&x| x == 1.5) && several != replaced);
    same_on_any_number("repainting", || repainted(2).into_iter().collect()).unwrap();
}

#[test]
fn passages_of_repaint_keep_the_law_of_independent_coordinates() {
    // Standard normal data: a step back of the scheme and one forth are linear, and the variance of what they make of it follows by
    // recursion.
    let data = Mixture::new(array![1.0], array![[0.0, 0.0]], array![1.0]).unwrap();
    let reverse = ReverseSde::new(process(), Noised::new(data, process()));
    let (n_steps, n_passages) = (20, 4);
    let h = 5.0 / f64::from(n_steps);
    // x' = (1 − h) x + √(2h) z, since x + 2s = −x; and forth e^{−h} x + √(1 − e^{−2h}) z.
    let back = |v: f64| (1.0 - h).powi(2) * v + 2.0 * h;
    let forth = |v: f64| (-2.0 * h).exp() * v - (-2.0 * h).exp_m1();
    let mut variance = 1.0;
    for step in 0..n_steps {
        variance = back(variance);
        if step + 1 < n_steps {
            for _ in 1..n_passages {
                variance = back(forth(variance));
            }
        }
    }
    let noise = FreshNoise::new(Seed::new(8));
    let known = KnownCoordinates::new(vec![0], array![0.3]).unwrap();
    let x = FixedSteps::new(TimeGrid::uniform(5.0, 0.0, n_steps as usize).unwrap())
        .solve(
            &RePaint::new(EulerMaruyama, known, n_passages).unwrap(),
            &reverse,
            noise.normal((8000, 2)),
            &noise,
        )
        .unwrap();
    let squares = x.column(1).mapv(|x| x * x).to_vec();
    gibbsian_testkit::stats::mean("the variance", &squares, variance).assert(1e-6);
}

#[test]
fn a_score_that_is_nan_is_named_with_its_step_and_times() {
    struct Breaks;
    impl Space for Breaks {
        fn dim(&self) -> usize {
            2
        }
    }
    impl TimeScore for Breaks {
        fn score_at_into(&self, x: ArrayView2<f64>, t: ArrayView1<f64>, mut out: ArrayViewMut2<f64>) {
            out.assign(&x.mapv(|x| if t[0] < 0.6 { f64::NAN } else { -x }));
        }
    }
    let noise = FreshNoise::new(Seed::new(1));
    let reverse = ReverseSde::new(process(), Breaks);
    let steps = FixedSteps::new(TimeGrid::uniform(1.0, 0.0, 4).unwrap());
    let known = KnownCoordinates::new(vec![1], array![0.0]).unwrap();
    let start = Array2::ones((1, 2));
    let errors = [
        steps.solve(
            &Replacement::new(EulerMaruyama, known),
            &reverse,
            start.clone(),
            &noise,
        ),
        steps.solve(
            &DiffPir::new(observed(2, 0.1), 1.0, 1.0).unwrap(),
            &reverse,
            start,
            &noise,
        ),
    ];
    for error in errors {
        assert_eq!(
            error.unwrap_err().to_string(),
            "`x[0, 0]` became NaN in step 3 of 4, from time 0.5 to 0.25, but must stay finite"
        );
    }
}

#[test]
fn draws_are_pinned() {
    // Golden draws: a change here changes every seeded result and belongs into the changelog.
    let noise = FreshNoise::new(Seed::new(31));
    let data = Mixture::new(
        array![0.4, 0.6],
        array![[-1.2, -0.9], [1.0, 0.8]],
        array![0.5, 0.7],
    )
    .unwrap();
    let reverse = ReverseSde::new(process(), Noised::new(data, process()));
    let steps = FixedSteps::new(TimeGrid::uniform(5.0, 0.0, 8).unwrap());
    let start = || noise.normal((34, 2));
    let known = KnownCoordinates::new(vec![1], array![0.4]).unwrap();
    let repainting = RePaint::new(EulerMaruyama, known, 2).unwrap();
    let restoring = DiffPir::new(observed(2, 0.3), 7.0, 0.5).unwrap();
    let corrected = MetropolisCorrected::new(EulerMaruyama, 2, 0.5, 0.5).unwrap();
    let x = [
        steps.solve(&repainting, &reverse, start(), &noise).unwrap(),
        steps.solve(&restoring, &reverse, start(), &noise).unwrap(),
        steps.solve(&corrected, &reverse, start(), &noise).unwrap(),
    ];
    assert_eq!(x.map(|x| [x[[0, 0]], x[[33, 0]]]), PINNED);
}

const PINNED: [[f64; 2]; 3] = [
    [2.841791056452761, -0.39167216198755384],
    [-0.292578889247882, -0.12115070013947293],
    [1.4867197215975798, -2.059475565872813],
];
