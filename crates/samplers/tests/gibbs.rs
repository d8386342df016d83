//! Gibbs sampling and clamped Gibbs sampling of a pairwise model whose states are listed.

use gibbsian_core::{Kernel, Seed, TransitionLaw};
use gibbsian_samplers::{ClampedGibbs, Gibbs};
use gibbsian_testkit::audit::Audit;
use gibbsian_testkit::conformance::{self, Balance};
use gibbsian_testkit::stats::{FALSE_ALARM, chi_square, family};
use gibbsian_testkit::targets::Pairwise;
use ndarray::{Array1, Array2, array};
use rand::RngExt;

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
