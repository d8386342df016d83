//! Normalisers that cannot be estimated so.

use gibbsian::Seed;
use gibbsian::classical::{Bernoulli, Rbm, RbmPath};
use gibbsian::core::Ladder;
use gibbsian::densities::UniformBox;
use gibbsian::ndarray::array;
use gibbsian::partition::{LogWeights, Reach, RungSampling, exact_log_z, importance_between, sample_rungs};

use crate::refused;

#[test]
fn a_ladder_does_not_rise() {
    insta::assert_snapshot!(refused(Ladder::new(vec![0.0, 0.5, 0.5, 1.0])), @"`betas[2]` is 0.5, but must be above betas[1] = 0.5; sort the rungs and drop those that occur twice, or take Ladder::linear");
}

#[test]
fn a_ladder_does_not_begin_at_the_base() {
    insta::assert_snapshot!(refused(Ladder::new(vec![0.1, 0.5, 1.0])), @"`betas[0]` is 0.1, but must be 0, the base, whose normaliser is known; put 0 in front of the rungs");
}

#[test]
fn a_ladder_does_not_reach_the_target() {
    insta::assert_snapshot!(refused(Ladder::new(vec![0.0, 0.5, 0.9])), @"`betas[2]` is 0.9, but must be 1, the target; put 1 behind the rungs");
}

#[test]
fn one_chain_has_no_interval() {
    insta::assert_snapshot!(refused(LogWeights::new(vec![0.5]).unwrap().interval(0.99)), @"`n_chains` is 1, but must be at least 2 for an interval; run 100 chains or more");
}

#[test]
fn one_chain_has_no_error() {
    let layer = Bernoulli::unbiased;
    let machine = Rbm::random(layer(3), layer(2), 0.1, Seed::new(1)).unwrap();
    let path = RbmPath::new(&machine, layer(3), layer(2)).unwrap();
    let sampling = RungSampling {
        n_chains: 1,
        n_warmup: 10,
        n_draws: 10,
        thin: 1,
        reach: Reach::Neighbours,
    };
    let draws = sample_rungs(
        &path,
        &Ladder::linear(4).unwrap(),
        &sampling,
        &mut Seed::new(2).rng(),
    );
    insta::assert_snapshot!(refused(draws), @"`n_chains` is 1, but must be at least 2 for a standard error; run 100 chains or more");
}

#[test]
fn the_base_has_no_mass_where_the_target_is() {
    let base = UniformBox::new(array![0.0], array![1.0]).unwrap();
    let target = UniformBox::new(array![2.0], array![3.0]).unwrap();
    insta::assert_snapshot!(refused(importance_between(&base, &target, 100, &mut Seed::new(1).rng())), @"`log_weights` is -inf throughout, but must be finite for at least one chain; the base must be possible where the target is, take a wider one");
}

#[test]
fn a_space_is_too_large_for_enumeration() {
    let layer = Bernoulli::unbiased;
    let machine = Rbm::random(layer(100), layer(2), 0.1, Seed::new(1)).unwrap();
    insta::assert_snapshot!(refused(exact_log_z(&machine)), @"`n_states` is above 2^64, but must be at most 4294967296 to be enumerated; estimate log Z by annealing instead");
}
