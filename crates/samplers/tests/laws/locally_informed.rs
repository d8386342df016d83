//! Locally informed proposals on targets whose states are listed: two symbols a site, several, forbidden states, and broken energies.

use crate::spins::{Ring, mixed, pairwise};
use gibbsian_core::{Acceptance, Discrete, Energy, Kernel, Seed, TransitionLaw};
use gibbsian_samplers::{Balancing, LocallyInformed};
use gibbsian_testkit::audit::{Audit, kernel_as_drawn};
use gibbsian_testkit::conformance::{self, Balance};
use gibbsian_testkit::stats::FALSE_ALARM;
use ndarray::{Array1, Array2, array};

const KERNELS: [LocallyInformed; 2] = [
    LocallyInformed {
        balancing: Balancing::Root,
    },
    LocallyInformed {
        balancing: Balancing::Barker,
    },
];

#[test]
fn steps_are_reversible_and_drawn_as_their_law_says() {
    for (case, kernel) in KERNELS.into_iter().enumerate() {
        let seed = Seed::new(1).nth(case as u64);
        let x = pairwise(1.0).states().unwrap();
        conformance::kernel(&kernel, &pairwise(1.0), &pairwise(-1.0), x.view(), seed.nth(0)).unwrap();
        conformance::transition_law(&kernel, &pairwise(1.0), Balance::Detailed, seed.nth(1)).unwrap();
        let x = mixed(1.0).states().unwrap();
        conformance::kernel(&kernel, &mixed(1.0), &mixed(-1.0), x.view(), seed.nth(2)).unwrap();
        conformance::transition_law(&kernel, &mixed(1.0), Balance::Detailed, seed.nth(3)).unwrap();
    }
}

#[test]
fn balancing_functions_balance() {
    // log g(t) = log t + log g(1/t), log t = −ΔE.
    for balancing in [Balancing::Root, Balancing::Barker] {
        for delta in [-700.0, -30.0, -1.5, 0.0, 1e-9, 0.3, 40.0, 800.0] {
            let gap: f64 = balancing.log_weight(delta) - (balancing.log_weight(-delta) - delta);
            assert!(
                gap.abs() <= 2.0 * f64::EPSILON * f64::max(1.0, delta.abs()),
                "{balancing:?} at {delta}: {gap}"
            );
        }
        assert_eq!(balancing.log_weight(f64::INFINITY), f64::NEG_INFINITY);
        assert!(balancing.log_weight(f64::NEG_INFINITY).is_nan() && balancing.log_weight(f64::NAN).is_nan());
    }
    assert!((Balancing::Barker.log_weight(0.6) - (1.0 / (1.0 + 0.6_f64.exp())).ln()).abs() < 1e-15);
}

#[test]
fn a_site_that_wants_to_change_is_found() {
    // 1,000 free spins without a field and one against a strong field: √t proposes that one with probability e^10 / (e^10 + 1000), nearly always.
    let n = 1001;
    let mut fields = Array1::zeros(n);
    fields[700] = 10.0;
    let target = gibbsian_testkit::targets::Pairwise::new(fields, Array2::zeros((n, n))).unwrap();
    let x = Array2::from_elem((64, n), -1.0);
    let kernel = LocallyInformed::default();
    let mut state = kernel.init(&target, x).unwrap();
    kernel.step(&target, &mut state, &mut Seed::new(2).rng());
    let turned = state.0.column(700).iter().filter(|v| **v == 1.0).count();
    // The chance of more than 20 others in 64 proposals of probability 1/23 each is below 1e-11.
    assert!(turned >= 44, "{turned}");
}

#[test]
fn forbidden_states_are_never_entered_and_no_start() {
    let target = Ring {
        dim: 5,
        cost: f64::INFINITY,
    };
    let audit = Audit::new(&target).unwrap();
    for (case, kernel) in KERNELS.into_iter().enumerate() {
        let p = kernel.transition_matrix(&target, audit.states.view());
        let moved = audit.pi.dot(&p.mapv(|p| if p.is_nan() { 0.0 } else { p }));
        assert!((&moved - &audit.pi).iter().all(|d| d.abs() <= 1e-14), "{moved}");
        kernel_as_drawn(&kernel, &target, &audit, 2000, Seed::new(3).nth(case as u64))
            .unwrap()
            .assert(FALSE_ALARM);
        let refusal = kernel
            .init(&target, array![[1.0, 1.0, 0.0, 0.0, 0.0]])
            .unwrap_err();
        assert_eq!(
            refusal.to_string(),
            "`x[0, ..]` is [1, 1, 0, 0, 0], but must be a state of finite energy"
        );
    }
}

#[test]
fn states_beside_broken_energies_are_not_entered_and_counted() {
    for cost in [f64::NAN, f64::NEG_INFINITY] {
        // From (0, 0, 0, 0) one step leads to a state with one 1, beside which are states with two neighbouring ones.
        let target = Ring { dim: 4, cost };
        let kernel = LocallyInformed::default();
        let mut state = kernel.init(&target, Array2::zeros((50, 4))).unwrap();
        let count = kernel.step(&target, &mut state, &mut Seed::new(4).rng());
        let refused = Acceptance {
            proposed: 50,
            undefined: 50,
            ..Acceptance::default()
        };
        assert_eq!(count, refused);
        assert_eq!(state.0, Array2::<f64>::zeros((50, 4)));
        let refusal = kernel.init(&target, array![[1.0, 0.0, 0.0, 0.0]]).unwrap_err();
        assert_eq!(
            refusal.to_string(),
            "`x[0, ..]` is [1, 0, 0, 0], but must be a state with known energies around it, one of them finite"
        );
        // Chains whose target broke after they started do not move, and say so.
        let sound = Ring { dim: 4, cost: 1.0 };
        let mut state = kernel.init(&sound, array![[1.0, 0.0, 0.0, 0.0]]).unwrap();
        kernel.refresh(&target, &mut state);
        assert_eq!(
            kernel
                .step(&target, &mut state, &mut Seed::new(5).rng())
                .undefined,
            1
        );
    }
}

#[test]
fn states_alone_in_their_support_are_refused() {
    // With one symbol a site nothing can move.
    let target = gibbsian_testkit::targets::MixedSpin::new(vec![vec![1.0]], array![0.0, 0.0]).unwrap();
    assert!(target.energy(array![[1.0]].view())[0].is_finite());
    let refusal = LocallyInformed::default()
        .init(&target, array![[1.0]])
        .unwrap_err();
    assert!(refusal.to_string().contains("energies around it"), "{refusal}");
}

#[test]
fn steps_are_pinned() {
    // Golden draws: a change here changes every seeded result and belongs into the changelog.
    let target = mixed(1.0);
    let states = target.states().unwrap();
    let numbers = KERNELS.map(|kernel| {
        let x = Array2::from_shape_fn((34, 4), |(b, i)| states[[b % 24, i]]);
        let mut state = kernel.init(&target, x).unwrap();
        let mut rng = Seed::new(9).child("pinned").rng();
        for _ in 0..5 {
            kernel.step(&target, &mut state, &mut rng);
        }
        // The last rows belong to a second block.
        [0, 1, 32, 33].map(|b| {
            states
                .rows()
                .into_iter()
                .position(|s| s == state.0.row(b))
                .unwrap()
        })
    });
    assert_eq!(numbers, PINNED);
}

const PINNED: [[usize; 4]; 2] = [[17, 19, 21, 16], [15, 19, 9, 16]];
