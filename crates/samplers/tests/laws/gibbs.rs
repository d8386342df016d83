//! Gibbs sampling and clamped Gibbs sampling of a pairwise model whose states are listed.

use gibbsian_core::{Blocks, Kernel, Seed, Space, TransitionLaw};
use gibbsian_samplers::{ClampedGibbs, Gibbs, PalindromicGibbs, RandomScanGibbs};
use gibbsian_testkit::audit::Audit;
use gibbsian_testkit::conformance::{self, Balance};
use gibbsian_testkit::stats::{FALSE_ALARM, chi_square, family};
use gibbsian_testkit::targets::Pairwise;
use ndarray::{Array1, Array2, ArrayView1, ArrayViewMut2, array};
use rand::{Rng, RngExt};

fn pairwise(sign: f64) -> Pairwise {
    Pairwise::new(
        array![0.3, -0.5, 0.1, 0.4] * sign,
        array![
            [0.0, 0.0, 0.0, 0.0],
            [0.8, 0.0, 0.0, 0.0],
            [-0.6, 0.5, 0.0, 0.0],
            [0.3, -0.7, 0.9, 0.0]
        ] * sign,
    )
    .unwrap()
}

#[test]
fn a_sweep_leaves_the_target_invariant_and_is_drawn_as_its_law_says() {
    let target = pairwise(1.0);
    let x = Audit::new(&target).unwrap().states;
    conformance::kernel(&Gibbs, &target, &pairwise(-1.0), x.view(), Seed::new(1)).unwrap();
    conformance::transition_law(&Gibbs, &target, Balance::Global, Seed::new(2)).unwrap();
}

#[test]
fn a_sweep_in_one_direction_is_not_reversible() {
    // What the documentation says, and what RAISE and reverse annealing rely on knowing.
    let target = pairwise(1.0);
    let audit = Audit::new(&target).unwrap();
    let p = Gibbs.transition_matrix(&target, audit.states.view());
    assert!(audit.invariant(p.view()).is_ok());
    assert!(audit.reversible(p.view()).is_err());
}

#[test]
fn palindromes_and_random_scans_are_reversible_and_drawn_as_their_laws_say() {
    let target = pairwise(1.0);
    let x = Audit::new(&target).unwrap().states;
    let (other, seed) = (pairwise(-1.0), Seed::new(11));
    conformance::kernel(&PalindromicGibbs, &target, &other, x.view(), seed).unwrap();
    conformance::transition_law(&PalindromicGibbs, &target, Balance::Detailed, seed.nth(1)).unwrap();
    conformance::kernel(&RandomScanGibbs, &target, &other, x.view(), seed.nth(2)).unwrap();
    conformance::transition_law(&RandomScanGibbs, &target, Balance::Detailed, seed.nth(3)).unwrap();
}

#[test]
fn scans_visit_the_blocks_that_they_should() {
    /// Adds a digit for the block that is redrawn.
    struct Diary;
    impl Space for Diary {
        fn dim(&self) -> usize {
            1
        }
    }
    impl Blocks for Diary {
        fn n_blocks(&self) -> usize {
            3
        }
        fn resample(
            &self,
            mut x: ArrayViewMut2<f64>,
            block: usize,
            _: Option<ArrayView1<bool>>,
            _: &mut dyn Rng,
        ) {
            x.mapv_inplace(|x| 10.0 * x + 1.0 + block as f64);
        }
    }
    let after = |step: &dyn Fn(&mut Array2<f64>)| {
        let mut x = Array2::zeros((2000, 1));
        step(&mut x);
        x
    };
    let mut rng = Seed::new(12).rng();
    let there_and_back = after(&|x| PalindromicGibbs.step(&Diary, x, &mut Seed::new(12).rng()));
    assert!(there_and_back.iter().all(|x| *x == 12321.0));
    let in_order = after(&|x| Gibbs.step(&Diary, x, &mut Seed::new(12).rng()));
    assert!(in_order.iter().all(|x| *x == 123.0));

    // All 27 orders, each as often as the others, in the whole batch.
    let mut x = Array2::zeros((27_000, 1));
    RandomScanGibbs.step(&Diary, &mut x, &mut rng);
    let mut counts = vec![0_u64; 27];
    for x in &x {
        let digits = [*x as usize / 100, *x as usize / 10 % 10, *x as usize % 10];
        counts[digits.iter().fold(0, |n, d| 3 * n + d - 1)] += 1;
    }
    let test = chi_square("orders", &counts, &[1.0 / 27.0; 27]);
    assert!(test.p_value > FALSE_ALARM, "{test:?}");
}

#[test]
fn clamped_sweeps_keep_the_conditional_law_and_what_is_clamped() {
    const N_CHAINS: usize = 1 << 15;
    let target = pairwise(1.0);
    let audit = Audit::new(&target).unwrap();
    let mut tests = Vec::new();
    for (case, (free, clamped_to)) in [
        (array![true, true, false, false], array![0.0, 0.0, 1.0, -1.0]),
        (array![false, true, true, true], array![-1.0, 0.0, 0.0, 0.0]),
        (array![true, false, true, false], array![0.0, -1.0, 0.0, -1.0]),
    ]
    .into_iter()
    .enumerate()
    {
        // p(x_free | x_clamped): the law of the states that agree with the clamp, normalised.
        let law: Vec<f64> = (0..audit.pi.len())
            .map(|k| {
                let agrees = (0..4).all(|i| free[i] || audit.states[[k, i]] == clamped_to[i]);
                if agrees { audit.pi[k] } else { 0.0 }
            })
            .collect();
        let total: f64 = law.iter().sum();
        let law: Vec<f64> = law.iter().map(|p| p / total).collect();

        let mut rng = Seed::new(3).nth(case as u64).rng();
        let mut x = Array2::zeros((N_CHAINS, 4));
        for mut row in x.rows_mut() {
            let mut u: f64 = rng.random();
            let drawn = law.iter().position(|p| {
                u -= p;
                u < 0.0
            });
            row.assign(&audit.states.row(drawn.unwrap()));
        }
        let kernel = ClampedGibbs::new(free.clone()).unwrap();
        let before = x.clone();
        let mut state = kernel.init(&target, x).unwrap();
        // Three sweeps, so that a small error of one has room to grow.
        for _ in 0..3 {
            kernel.step(&target, &mut state, &mut rng);
        }
        let mut counts = vec![0; law.len()];
        for row in state.rows() {
            counts[audit.states.rows().into_iter().position(|s| s == row).unwrap()] += 1;
        }
        for i in 0..4 {
            assert_eq!(
                free[i],
                state.column(i) != before.column(i),
                "case {case}, site {i}"
            );
        }
        tests.push(chi_square(
            "clamped sweeps keep the conditional law",
            &counts,
            &law,
        ));
    }
    family(&tests, FALSE_ALARM).unwrap();
}

#[test]
fn clamping_nothing_is_gibbs_sampling() {
    let target = pairwise(1.0);
    let x = Audit::new(&target).unwrap().states;
    let free = ClampedGibbs::new(Array1::from_elem(4, true)).unwrap();
    conformance::kernel(&free, &target, &pairwise(-1.0), x.view(), Seed::new(1)).unwrap();
    let (mut a, mut b) = (x.clone(), x);
    Gibbs.step(&target, &mut a, &mut Seed::new(4).rng());
    free.step(&target, &mut b, &mut Seed::new(4).rng());
    assert_eq!(a, b);
}

#[test]
fn bad_input_is_refused_by_name() {
    let target = pairwise(1.0);
    let refuse = |x: Array2<f64>| Gibbs.init(&target, x).unwrap_err().to_string();
    assert_eq!(
        refuse(Array2::zeros((0, 4))),
        "`x` has shape [0, 4], but must have shape (at least 1, 4)"
    );
    assert_eq!(
        refuse(Array2::zeros((2, 3))),
        "`x` has shape [2, 3], but must have shape (at least 1, 4)"
    );
    assert_eq!(
        refuse(array![[1.0, 1.0, f64::NAN, 1.0]]),
        "`x[0, 2]` is NaN, but must be finite"
    );
    assert_eq!(
        ClampedGibbs::new(array![false, false]).unwrap_err().to_string(),
        "`free` is false everywhere, but must be true for at least one coordinate"
    );
    let narrow = ClampedGibbs::new(array![true, false]).unwrap();
    assert_eq!(
        narrow
            .init(&target, Array2::ones((1, 4)))
            .unwrap_err()
            .to_string(),
        "`free` has shape [2], but must have shape [4]"
    );
}

#[test]
fn sweeps_are_pinned() {
    // Golden draws: a change here changes every seeded result and belongs into the changelog.
    let target = pairwise(1.0);
    let mut x = Array2::ones((4, 4));
    let mut rng = Seed::new(5).child("pinned").rng();
    for _ in 0..3 {
        Gibbs.step(&target, &mut x, &mut rng);
    }
    let bits: Vec<u32> = x
        .rows()
        .into_iter()
        .map(|r| r.iter().fold(0, |bits, v| 2 * bits + u32::from(*v > 0.0)))
        .collect();
    assert_eq!(bits, PINNED);
}

const PINNED: [u32; 4] = [9, 9, 3, 3];

#[test]
fn draws_of_the_other_scans_are_pinned() {
    // Golden values: a change here changes every seeded result and belongs into the changelog.
    let target = pairwise(1.0);
    let (mut palindrome, mut random) = (Array2::ones((3, 4)), Array2::ones((3, 4)));
    for t in 0..5 {
        PalindromicGibbs.step(&target, &mut palindrome, &mut Seed::new(13).nth(t).rng());
        RandomScanGibbs.step(&target, &mut random, &mut Seed::new(13).nth(t).rng());
    }
    let expected = array![
        [-1.0, -1.0, 1.0, 1.0],
        [1.0, -1.0, 1.0, 1.0],
        [-1.0, -1.0, 1.0, 1.0]
    ];
    assert_eq!(palindrome, expected);
    let expected = array![
        [1.0, 1.0, -1.0, -1.0],
        [1.0, 1.0, 1.0, -1.0],
        [1.0, 1.0, -1.0, -1.0]
    ];
    assert_eq!(random, expected);
}
