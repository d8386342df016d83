//! Chains in blocks: the same bits however the work is divided, and the state of all blocks in one snapshot.

use gibbsian_core::{Acceptance, Kernel, Seed, Snapshot};
use gibbsian_samplers::chains::default_rows_per_block;
use gibbsian_samplers::{Chains, Gibbs, Metropolis};
use gibbsian_testkit::targets::{MixedSpin, Pairwise};
use gibbsian_testkit::threads;
use ndarray::{Array1, Array2, array, s};

/// Two, three and four symbols.
fn target() -> MixedSpin {
    let alphabets = vec![vec![0.0, 1.0], vec![-1.0, 0.0, 1.0], vec![-1.5, -0.5, 0.5, 1.5]];
    let params = [0.4, -0.3, 0.2, 0.1, -0.5, 0.3, 0.7, -0.2, 0.4];
    MixedSpin::new(alphabets, params.into_iter().collect()).unwrap()
}

fn start(n_chains: usize) -> Array2<f64> {
    Array2::from_shape_fn((n_chains, 3), |(b, i)| [b as f64 % 2.0, -1.0, 0.5][i])
}

fn chains(target: &MixedSpin, n_chains: usize) -> Chains<'_, Metropolis, MixedSpin> {
    Chains::new(Metropolis, target, start(n_chains), Seed::new(3)).unwrap()
}

#[test]
fn a_block_is_the_kernel_on_its_rows_with_the_generators_that_are_promised() {
    let target = target();
    let mut chains = chains(&target, 10);
    chains.advance(5);
    let ranges: Vec<_> = chains.blocks().collect();
    assert_eq!(ranges, [0..3, 3..6, 6..9, 9..10]);
    for (g, rows) in ranges.into_iter().enumerate() {
        let x = start(10).slice(s![rows.clone(), ..]).to_owned();
        let mut state = Kernel::init(&Metropolis, &target, x).unwrap();
        for t in 0..5 {
            let mut rng = Seed::new(3).child("block").nth(g as u64).nth(t).rng();
            Metropolis.step(&target, &mut state, &mut rng);
        }
        assert_eq!(chains.positions().slice(s![rows, ..]), state);
    }
}

#[test]
fn bits_do_not_depend_on_threads_or_on_how_steps_are_divided() {
    let target = target();
    let run = |segments: &[u64]| {
        let mut chains = chains(&target, 150);
        let mut counts = vec![Acceptance::default(); chains.n_blocks()];
        for &n_steps in segments {
            chains.observe(n_steps, &mut counts, |count, step| *count = *count + *step.info);
        }
        let counts: Acceptance = counts.into_iter().sum();
        let mut all: Vec<f64> = chains.positions().into_iter().collect();
        all.extend([counts.probability, counts.accepted as f64, counts.proposed as f64]);
        Array1::from(all)
    };
    threads::same_on_any_number("chains", || run(&[24])).unwrap();
    for segments in [&[1; 24][..], &[23, 1], &[0, 10, 14]] {
        assert_eq!(run(segments), run(&[24]));
    }
}

#[test]
fn an_observer_sees_every_step_of_its_block_in_order() {
    let target = target();
    let mut chains = chains(&target, 10);
    chains.advance(2);
    let mut seen = vec![Vec::new(); 4];
    chains.observe(3, &mut seen, |seen, step| {
        assert_eq!(step.info.proposed, 3 * step.chains.len() as u64);
        seen.push((step.t, step.chains, step.x.to_owned()));
    });
    let mut last = Array2::zeros((10, 3));
    for (seen, rows) in seen.into_iter().zip(chains.blocks()) {
        assert_eq!(seen.iter().map(|s| s.0).collect::<Vec<_>>(), [2, 3, 4]);
        assert!(seen.iter().all(|s| s.1 == rows));
        last.slice_mut(s![rows, ..]).assign(&seen[2].2);
    }
    assert_eq!(last, chains.positions());
    assert_eq!(chains.n_steps(), 5);
}

#[test]
fn a_snapshot_continues_the_chains_bit_for_bit() {
    let target = target();
    let mut original = chains(&target, 70);
    original.advance(4);
    let snapshot = original.snapshot();
    // As many names as one block has, whatever the number of blocks.
    assert_eq!(snapshot.entries().count(), 4);
    original.advance(4);
    let mut restored = chains(&target, 70);
    restored.advance(1);
    restored.restore(&snapshot).unwrap();
    restored.advance(4);
    assert_eq!(restored.snapshot(), original.snapshot());

    let before = restored.snapshot();
    for n_chains in [40, 71, 200] {
        let refusal = restored
            .restore(&chains(&target, n_chains).snapshot())
            .unwrap_err();
        assert!(refusal.to_string().contains("snapshot entry"), "{refusal}");
        assert_eq!(restored.snapshot(), before);
    }
    let mut other_blocks = Chains::in_blocks_of(17, Metropolis, &target, start(70), Seed::new(3)).unwrap();
    assert!(other_blocks.restore(&before).is_err());
}

#[test]
fn what_cannot_start_is_refused_by_its_row() {
    let target = target();
    let mut x = start(100);
    x[[77, 1]] = 0.25;
    let refusal = Chains::new(Metropolis, &target, x, Seed::new(1)).err().unwrap();
    assert!(refusal.to_string().contains("x[77, 1]"), "{refusal}");
    let refusal = Chains::new(Metropolis, &target, start(0), Seed::new(1))
        .err()
        .unwrap();
    assert!(refusal.to_string().contains("(at least 1, D)"), "{refusal}");
    let x = Array2::zeros((4, 2));
    let refusal = Chains::new(Metropolis, &target, x, Seed::new(1)).err().unwrap();
    assert!(refusal.to_string().contains("[4, 2]"), "{refusal}");
    let refusal = Chains::in_blocks_of(0, Metropolis, &target, start(4), Seed::new(1))
        .err()
        .unwrap();
    assert!(refusal.to_string().contains("rows_per_block"), "{refusal}");
}

#[test]
fn blocks_follow_from_the_number_of_chains_alone() {
    for (n_chains, rows) in [
        (1, 1),
        (4, 1),
        (5, 2),
        (100, 25),
        (128, 32),
        (129, 32),
        (5000, 32),
    ] {
        assert_eq!(default_rows_per_block(n_chains), rows, "{n_chains} chains");
    }
}

#[test]
fn draws_are_pinned() {
    // Golden values: a change here changes every seeded result and belongs into the changelog.
    let target = Pairwise::new(
        array![0.3, -0.5, 0.1],
        array![[0.0, 0.0, 0.0], [0.8, 0.0, 0.0], [-0.6, 0.5, 0.0]],
    )
    .unwrap();
    let mut chains = Chains::new(Gibbs, &target, Array2::ones((5, 3)), Seed::new(2)).unwrap();
    chains.advance(10);
    let pinned = array![
        [1.0, -1.0, -1.0],
        [-1.0, -1.0, -1.0],
        [1.0, 1.0, -1.0],
        [1.0, 1.0, -1.0],
        [-1.0, -1.0, 1.0]
    ];
    assert_eq!(chains.positions(), pinned);
}
