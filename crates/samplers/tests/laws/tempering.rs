//! Parallel tempering on a target: the same chains as on its path, and chains that follow a target which changes.

use gibbsian_core::{Kernel, PathTo, Result, Seed, StreamRng};
use gibbsian_samplers::{Ladder, ParallelTempering, Tempering};
use gibbsian_testkit::audit::Audit;
use gibbsian_testkit::conformance;
use gibbsian_testkit::stats::{FALSE_ALARM, chi_square, family};
use gibbsian_testkit::targets::{Pairwise, Tempered};
use ndarray::{Array1, Array2, array};

/// Independent spins in these fields.
#[derive(Clone, Debug)]
struct Fields(Array1<f64>);

impl PathTo<Pairwise> for Fields {
    type State = Array2<f64>;
    type Path<'a> = Tempered;

    fn path_to<'a>(&'a self, target: &'a Pairwise) -> Result<Tempered> {
        Tempered::new(self.0.clone(), target.clone())
    }
}

fn model(scale: f64) -> Pairwise {
    let couplings = array![[0.0, 0.0, 0.0], [0.9, 0.0, 0.0], [-0.6, 0.7, 0.0]];
    Pairwise::new(array![0.3, -0.5, 0.2] * scale, couplings * scale).unwrap()
}

fn kernel() -> Tempering<Fields> {
    let sampler = ParallelTempering::new(Ladder::linear(2).unwrap());
    Tempering::new(sampler, Fields(array![0.1, 0.0, -0.2]))
}

fn rng(seed: u64) -> StreamRng {
    Seed::new(seed).rng()
}

#[test]
fn chains_are_those_of_the_path() {
    let (target, x) = (model(1.0), Array2::ones((70, 3)));
    let path = kernel().start().path_to(&target).unwrap();
    let mut here = kernel().init(&target, x.clone()).unwrap();
    let mut there = kernel().sampler().init(&path, x).unwrap();
    for step in 0..5 {
        let swaps = kernel().step(&target, &mut here, &mut rng(step));
        assert_eq!(kernel().sampler().step(&path, &mut there, &mut rng(step)), swaps);
        assert_eq!(here, there);
    }
}

#[test]
fn the_kernel_obeys_the_laws_of_its_trait() {
    let states = Audit::new(&model(1.0)).unwrap().states;
    conformance::kernel(&kernel(), &model(1.0), &model(-0.5), states.view(), Seed::new(2)).unwrap();
}

/// Chains that sample one target are handed another, and sample that one.
#[test]
fn chains_follow_a_target_that_changes() {
    const N: usize = 20_000;
    let mut state = kernel().init(&model(-1.0), Array2::ones((N, 3))).unwrap();
    for step in 0..30 {
        kernel().step(&model(-1.0), &mut state, &mut rng(step));
    }
    let target = model(1.0);
    kernel().refresh(&target, &mut state);
    for step in 30..60 {
        kernel().step(&target, &mut state, &mut rng(step));
    }
    let audit = Audit::new(&target).unwrap();
    let mut counts = vec![0u64; 8];
    for row in state.positions().rows() {
        counts[audit.states.rows().into_iter().position(|s| s == row).unwrap()] += 1;
    }
    let test = chi_square("states", &counts, &audit.pi.to_vec());
    family(&[test], FALSE_ALARM).unwrap();
}

#[test]
fn a_start_that_does_not_fit_is_refused() {
    let kernel = Tempering::new(
        ParallelTempering::new(Ladder::linear(2).unwrap()),
        Fields(array![0.0, 0.0]),
    );
    let refused = kernel.init(&model(1.0), Array2::ones((1, 3))).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "`fields` has shape [2], but must have shape [3]"
    );
}
