//! A fused step allocates nothing once its buffers have their size. A test of its own, because it counts the whole program's memory.

mod common;
mod fused;

use fused::{binary_rows, pair};
use gibbsian_classical::dbm::{BinaryDbm, FusedVariational, FusedVariationalOptions};
use gibbsian_classical::{
    Arithmetic, Bernoulli, Dbm, FusedContrastiveDivergence, FusedOptions, FusedPersistent,
};
use gibbsian_core::{Seed, TrainStep};
use ndarray::{ArrayView2, s};
use peak_alloc::PeakAlloc;
use rayon::{ThreadPool, ThreadPoolBuilder};

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// The most bytes held during steps on minibatches of two sizes, beyond those held before.
fn peak_of_steps<M: Clone + Send + Sync>(
    pool: &ThreadPool,
    machine: &M,
    make: &(dyn Fn() -> Box<dyn TrainStep<M> + Send> + Sync),
    x: ArrayView2<f64>,
) -> usize {
    let run = |step: &mut dyn TrainStep<M>, machine: &mut M| {
        let mut rng = Seed::new(1).rng();
        for k in 0..20 {
            step.train_step(machine, x.slice(s![20 * (k % 2).., ..]), 0.01, &mut rng)
                .unwrap();
        }
    };
    // Every thread warms up with a machine of its own: whoever starts a parallel loop runs its first task, which is what
    // makes it keep room for a panel.
    pool.broadcast(|_| run(&mut *make(), &mut machine.clone()));
    // From inside the pool, because a loop that is handed in from outside is put on a list.
    pool.install(|| {
        let (mut step, mut machine) = (make(), machine.clone());
        run(&mut *step, &mut machine);
        MEMORY.reset_peak_usage();
        let before = MEMORY.current_usage();
        run(&mut *step, &mut machine);
        MEMORY.peak_usage() - before
    })
}

fn deep_machine() -> BinaryDbm {
    let hidden = vec![Bernoulli::unbiased(130), Bernoulli::unbiased(70)];
    BinaryDbm::from(&Dbm::random(Bernoulli::unbiased(200), hidden, 0.1, Seed::new(2)).unwrap())
}

#[test]
fn steps_allocate_nothing_in_steady_state() {
    let pool = ThreadPoolBuilder::new().num_threads(2).build().unwrap();
    let (machine, _) = pair(200, 150, 0.1, 0.3, 1);
    let binary = binary_rows(100, 200, 0.3, 1);
    let means = common::means(100, 200, 1);
    for settings in [
        FusedOptions::default(),
        FusedOptions {
            n_steps: 3,
            momentum: 0.5,
            weight_decay: 1e-4,
            arithmetic: Arithmetic::Tiles,
        },
        FusedOptions {
            arithmetic: Arithmetic::Lists,
            ..FusedOptions::default()
        },
    ] {
        for x in [&binary, &means] {
            let cd = || {
                Box::new(FusedContrastiveDivergence::new(settings).unwrap()) as Box<dyn TrainStep<_> + Send>
            };
            assert_eq!(
                peak_of_steps(&pool, &machine, &cd, x.view()),
                0,
                "CD, {settings:?}"
            );
            let chains = binary.slice(s![..70, ..]);
            let pcd =
                || Box::new(FusedPersistent::new(settings, chains).unwrap()) as Box<dyn TrainStep<_> + Send>;
            assert_eq!(
                peak_of_steps(&pool, &machine, &pcd, x.view()),
                0,
                "PCD, {settings:?}"
            );
        }
    }
    let deep = deep_machine();
    let start = binary_rows(70, 200 + 130 + 70, 0.3, 2);
    let settings = |arithmetic| FusedVariationalOptions {
        momentum: 0.5,
        arithmetic,
        ..FusedVariationalOptions::default()
    };
    for (x, arithmetic) in [
        (&binary, Arithmetic::Tiles),
        (&binary, Arithmetic::Lists),
        (&means, Arithmetic::Tiles),
    ] {
        let variational = || {
            let step = FusedVariational::new(settings(arithmetic), &deep, start.view()).unwrap();
            Box::new(step) as Box<dyn TrainStep<_> + Send>
        };
        assert_eq!(
            peak_of_steps(&pool, &deep, &variational, x.view()),
            0,
            "variational"
        );
    }
    // Is memory counted?
    MEMORY.reset_peak_usage();
    let before = MEMORY.current_usage();
    assert_eq!(std::hint::black_box(vec![0_u8; 1000]).len(), 1000);
    assert!(MEMORY.peak_usage() - before >= 1000);
}
