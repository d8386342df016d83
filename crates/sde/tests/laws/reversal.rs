//! The reverse process of a normal distribution is normal: mean and variance after every step are known, for every solver that is linear.

use gibbsian_core::Seed;
use gibbsian_core::process::OrnsteinUhlenbeck;
use gibbsian_sde::{EulerMaruyama, FixedSteps, FreshNoise, ReverseSde, StoredPath, TimeGrid};
use gibbsian_testkit::targets::{Mixture, Noised};
use gibbsian_testkit::threads::same_on_any_number;
use ndarray::array;

fn two_modes(process: OrnsteinUhlenbeck) -> Noised<OrnsteinUhlenbeck> {
    let mixture = Mixture::new(
        array![0.3, 0.7],
        array![[-2.0, 0.0], [2.0, 1.0]],
        array![0.5, 0.3],
    )
    .unwrap();
    Noised::new(mixture, process)
}

#[test]
fn both_conventions_of_time_give_the_same_points_for_the_same_noise() {
    // A power of two of times, so that T − t is exact.
    let process = OrnsteinUhlenbeck::new(4.0).unwrap();
    let reverse = ReverseSde::new(process, two_modes(process));
    let grid = TimeGrid::uniform(4.0, 0.0, 64).unwrap();
    let own = grid.in_own_clock(4.0).unwrap();
    let start = FreshNoise::new(Seed::new(3)).normal((70, 2));
    let path = |grid: &TimeGrid| StoredPath::draw(grid.clone(), (70, 2), Seed::new(4)).unwrap();
    let backwards = FixedSteps::new(grid.clone())
        .solve(&EulerMaruyama, &reverse, start.clone(), &path(&grid))
        .unwrap();
    let forwards = FixedSteps::new(own.clone())
        .solve(&EulerMaruyama, &reverse.in_own_clock(), start, &path(&own))
        .unwrap();
    assert_eq!(backwards, forwards);
}

#[test]
fn points_do_not_depend_on_the_number_of_threads() {
    let process = OrnsteinUhlenbeck::new(4.0).unwrap();
    let reverse = ReverseSde::new(process, two_modes(process));
    let noise = FreshNoise::new(Seed::new(3));
    let steps = FixedSteps::new(TimeGrid::uniform(4.0, 0.0, 10).unwrap());
    same_on_any_number("Euler and Maruyama's scheme", || {
        let x = steps
            .solve(&EulerMaruyama, &reverse, noise.normal((100, 2)), &noise)
            .unwrap();
        x.into_iter().collect()
    })
    .unwrap();
}
