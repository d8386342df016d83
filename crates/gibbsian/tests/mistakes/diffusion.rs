//! Times, noise and observations that do not fit.

use gibbsian::core::NoiseLadder;
use gibbsian::core::process::{LinearGaussian, OrnsteinUhlenbeck};
use gibbsian::densities::{Covariances, GaussianMixture, NoisedMixture};
use gibbsian::ndarray::{Array1, Array2, array};
use gibbsian::sde::{
    AdaptiveRungeKutta, DpmSolver2M, FixedSteps, FlowLikelihood, LinearObservation, NoNoise, ProbabilityFlow,
    PseudoinverseGuidance, ReverseSde, TimeGrid,
};

use crate::refused;

const HORIZON: f64 = 4.0;

fn process() -> OrnsteinUhlenbeck {
    OrnsteinUhlenbeck::new(HORIZON).unwrap()
}

/// Two modes on the plane, in noise.
fn model() -> NoisedMixture<OrnsteinUhlenbeck> {
    let covariances = Covariances::Spherical(array![1.0, 1.0]);
    let mixture = GaussianMixture::new(array![0.5, 0.5], array![[0.0, 0.0], [1.0, 1.0]], covariances);
    NoisedMixture::new(mixture.unwrap(), process()).unwrap()
}

#[test]
fn a_time_is_a_number_of_steps() {
    insta::assert_snapshot!(refused(process().check_times(array![0.5, 250.0].view())), @"`t[1]` is 250, but must be in [0, 4]; times are those of the process, divide numbers of steps by their count");
}

#[test]
fn a_solver_begins_beyond_the_horizon() {
    let steps = FixedSteps::new(TimeGrid::uniform(1000.0, 0.001, 10).unwrap());
    let equation = ReverseSde::new(process(), model());
    let solved = steps.solve(&DpmSolver2M, &equation, Array2::zeros((1, 2)), &NoNoise);
    insta::assert_snapshot!(refused(solved), @"`times[0]` is 1000, but must be in [0, 4]; begin at the horizon and end at a small time such as 1e-3");
}

#[test]
fn a_solver_goes_from_data_to_noise() {
    let steps = FixedSteps::new(TimeGrid::uniform(0.001, 4.0, 10).unwrap());
    let equation = ReverseSde::new(process(), model());
    let solved = steps.solve(&DpmSolver2M, &equation, Array2::zeros((1, 2)), &NoNoise);
    insta::assert_snapshot!(refused(solved), @"`times[10]` is 4, but must be less than the first time, 0.001: the equation is solved backwards in time; reverse the grid");
}

#[test]
fn the_start_of_a_likelihood_is_its_end() {
    let flow = ProbabilityFlow::new(process(), model());
    let likelihood = FlowLikelihood::new(flow, HORIZON, AdaptiveRungeKutta::default());
    insta::assert_snapshot!(refused(likelihood.map(|_| ())), @"`start` is 4, but must be greater than 0 and less than the horizon, 4; 1e-5 of the horizon is usual");
}

#[test]
fn a_grid_has_no_steps() {
    insta::assert_snapshot!(refused(TimeGrid::uniform(1.0, 0.0, 0)), @"`n_steps` is 0, but must be at least 1; 20 to 1000 steps are usual");
}

#[test]
fn times_are_not_sorted() {
    insta::assert_snapshot!(refused(TimeGrid::new(array![1.0, 0.25, 0.5, 0.0])), @"`times[2]` is 0.5, but must be less than the time before, 0.25; sort the times and drop those that occur twice");
}

#[test]
fn noise_levels_rise() {
    insta::assert_snapshot!(refused(NoiseLadder::new(array![0.01, 0.1, 1.0])), @"`levels[1]` is 0.1, but must be below 0.01, the level before it; give the levels from the largest to the smallest, as NoiseLadder::geometric does");
}

#[test]
fn the_ends_of_the_noise_levels_are_exchanged() {
    insta::assert_snapshot!(refused(NoiseLadder::geometric(0.01, 50.0, 10)), @"`smallest` is 50, but must be below `largest`, 0.01; exchange the two");
}

#[test]
fn the_matrix_of_an_observation_is_transposed() {
    let matrix = Array2::ones((2, 3));
    let observation = LinearObservation::new(matrix, Array1::zeros(2), 0.1).unwrap();
    let guidance = PseudoinverseGuidance::new(process(), model(), observation, 1.0);
    insta::assert_snapshot!(refused(guidance.map(|_| ())), @"`the dimension of the observation` is 3, but must be 2, that of the prior; a matrix has a row a measurement and a column a coordinate, transpose one of the other order");
}

#[test]
fn an_observation_has_no_noise() {
    insta::assert_snapshot!(refused(LinearObservation::new(Array2::eye(2), Array1::zeros(2), 0.0)), @"`noise_variance` is 0, but must be finite and greater than zero; exact values are observed with a small variance, 1e-6 of the data's");
}

#[test]
fn a_tolerance_is_zero() {
    let solver = AdaptiveRungeKutta {
        absolute_tolerance: 0.0,
        ..AdaptiveRungeKutta::default()
    };
    insta::assert_snapshot!(refused(solver.check()), @"`absolute_tolerance` is 0, but must be finite and greater than zero; no step has an error of zero: begin with 1e-5");
}
