//! Metropolis sampling of targets whose states are listed: two symbols a site, several, forbidden states, and broken energies.

use crate::spins::{Ring, mixed, pairwise};
use gibbsian_core::{Acceptance, Discrete, DiscreteEnergy, Energy, Kernel, Seed, TransitionLaw};
use gibbsian_samplers::Metropolis;
use gibbsian_testkit::audit::Audit;
use gibbsian_testkit::audit::law::{detailed_balance, irreducible, leaves_invariant, stochastic};
use gibbsian_testkit::conformance::{self, Balance};
use gibbsian_testkit::stats::{FALSE_ALARM, binomial};
use gibbsian_testkit::targets::Pairwise;
use ndarray::{Array1, Array2, array};

#[test]
fn a_sweep_leaves_the_target_invariant_and_is_drawn_as_its_law_says() {
    let x = Audit::new(&pairwise(1.0)).unwrap().states;
    conformance::kernel(
        &Metropolis,
        &pairwise(1.0),
        &pairwise(-1.0),
        x.view(),
        Seed::new(1),
    )
    .unwrap();
    conformance::transition_law(&Metropolis, &pairwise(1.0), Balance::Global, Seed::new(2)).unwrap();
}

#[test]
fn sites_with_any_number_of_symbols_are_swept() {
    let x = Audit::new(&mixed(1.0)).unwrap().states;
    conformance::kernel(&Metropolis, &mixed(1.0), &mixed(-1.0), x.view(), Seed::new(3)).unwrap();
    conformance::transition_law(&Metropolis, &mixed(1.0), Balance::Global, Seed::new(4)).unwrap();
}

#[test]
fn the_move_at_one_site_is_reversible_and_the_sweep_is_not() {
    fn check<T: DiscreteEnergy>(target: &T) {
        let audit = Audit::new(target).unwrap();
        for site in 0..target.dim() {
            let p = Metropolis.site_matrix(target, site, audit.states.view());
            stochastic(p.view()).unwrap();
            leaves_invariant(audit.pi.view(), p.view()).unwrap();
            detailed_balance(audit.pi.view(), p.view()).unwrap();
        }
        let p = Metropolis.transition_matrix(target, audit.states.view());
        assert!(detailed_balance(audit.pi.view(), p.view()).is_err());
    }
    check(&pairwise(1.0));
    check(&mixed(1.0));
}

#[test]
fn the_acceptance_law_is_the_smaller_of_one_and_the_ratio() {
    // Two states with ΔE = 0.6 from the second to the first: e^−0.6 one way, certainty the other way.
    let spin = Pairwise::new(array![0.3], array![[0.0]]).unwrap();
    let states = spin.states().unwrap();
    let p = Metropolis.transition_matrix(&spin, states.view());
    let up = (-0.6_f64).exp();
    let expected = array![[0.0, 1.0], [up, 1.0 - up]];
    assert!((&p - &expected).iter().all(|d| d.abs() <= 1e-15), "{p}");
}

#[test]
fn acceptances_are_counted() {
    const N_CHAINS: u64 = 1 << 14;
    let target = mixed(1.0);
    let audit = Audit::new(&target).unwrap();
    let start = 17;
    let x = Array2::from_shape_fn((N_CHAINS as usize, 4), |(_, i)| audit.states[[start, i]]);
    let mut state = Metropolis.init(&target, x).unwrap();
    let count = Metropolis.step(&target, &mut state, &mut Seed::new(5).rng());
    // Three of the four sites have something to propose.
    assert_eq!((count.proposed, count.undefined), (3 * N_CHAINS, 0));
    assert_eq!(count.fraction(), count.accepted as f64 / (3 * N_CHAINS) as f64);
    // Given its probability a proposal is a coin, so the sum of the probabilities is the mean of the count.
    let deviation = (3.0 * N_CHAINS as f64).sqrt() / 2.0;
    assert!(
        (count.probability - count.accepted as f64).abs() < 5.0 * deviation,
        "{count:?}"
    );
    assert!(Acceptance::default().rate().is_nan());

    // Sites are visited once, so a site has changed exactly where its proposal was taken.
    let changed = |state: &Array2<f64>, site: usize| {
        state
            .column(site)
            .iter()
            .filter(|v| **v != audit.states[[start, site]])
            .count() as u64
    };
    assert_eq!(
        (0..4).map(|site| changed(&state, site)).sum::<u64>(),
        count.accepted
    );
    // All chains start in one state, so the first site moves with the probability of its matrix.
    let p = Metropolis.site_matrix(&target, 0, audit.states.view());
    let p_moves = 1.0 - p[[start, start]];
    binomial("moves of the first site", changed(&state, 0), N_CHAINS, p_moves).assert(FALSE_ALARM);
}

#[test]
fn forbidden_states_are_never_entered_and_no_start() {
    let target = Ring {
        dim: 5,
        cost: f64::INFINITY,
    };
    // The audit's support are the allowed states; the matrix of the sweep is read there only.
    let audit = Audit::new(&target).unwrap();
    let allowed: Vec<usize> = (0..audit.pi.len()).filter(|k| audit.pi[*k] > 0.0).collect();
    let p = Metropolis.transition_matrix(&target, audit.states.view());
    let moved = audit.pi.dot(&p);
    assert!((&moved - &audit.pi).iter().all(|d| d.abs() <= 1e-14), "{moved}");
    irreducible(audit.pi.view(), p.view()).unwrap();

    let x = Array2::from_shape_fn((40 * allowed.len(), 5), |(b, i)| {
        audit.states[[allowed[b % allowed.len()], i]]
    });
    let mut state = Metropolis.init(&target, x).unwrap();
    let mut rng = Seed::new(6).rng();
    for _ in 0..20 {
        let count = Metropolis.step(&target, &mut state, &mut rng);
        assert_eq!(count.undefined, 0);
        assert!(target.energy(state.view()).iter().all(|e| e.is_finite()));
    }
    assert_eq!(
        Metropolis
            .init(
                &target,
                array![[0.0, 0.0, 0.0, 0.0, 1.0], [1.0, 1.0, 0.0, 0.0, 0.0]]
            )
            .unwrap_err()
            .to_string(),
        "`x[1, ..]` is [1, 1, 0, 0, 0], but must be a state of finite energy; start inside the support, for example from data"
    );
}

#[test]
fn differences_that_are_none_are_rejected_and_counted() {
    for cost in [f64::NAN, f64::NEG_INFINITY] {
        let target = Ring { dim: 2, cost };
        let x = Array2::from_shape_fn((100, 2), |(_, i)| if i == 0 { 1.0 } else { 0.0 });
        let mut state = Metropolis.init(&target, x).unwrap();
        let mut rng = Seed::new(7).rng();
        let mut total = Acceptance::default();
        for _ in 0..10 {
            let before = state.clone();
            let count = Metropolis.step(&target, &mut state, &mut rng);
            // A proposal is undefined where it would have set the second of two ones.
            let first_refused = before.rows().into_iter().filter(|r| r[1] == 1.0 && r[0] == 0.0);
            let second_refused = state
                .rows()
                .into_iter()
                .zip(before.rows())
                .filter(|(now, r)| now[0] == 1.0 && r[1] == 0.0);
            assert_eq!(
                count.undefined as usize,
                first_refused.count() + second_refused.count()
            );
            total.undefined += count.undefined;
            assert!(state.rows().into_iter().all(|r| r.sum() <= 1.0));
        }
        assert!(total.undefined > 100, "{total:?}");
        // The matrix speaks of the same law: from (1, 0), the second site stays.
        let states = target.states().unwrap();
        let p = Metropolis.site_matrix(&target, 1, states.view());
        assert_eq!(p[[1, 1]], 1.0);
    }
}

#[test]
fn without_couplings_and_fields_a_sweep_alternates() {
    // What the documentation warns of: moves at ΔE = 0 are certain.
    let target = Pairwise::new(Array1::zeros(3), Array2::zeros((3, 3))).unwrap();
    let audit = Audit::new(&target).unwrap();
    let p = Metropolis.transition_matrix(&target, audit.states.view());
    leaves_invariant(audit.pi.view(), p.view()).unwrap();
    assert!(irreducible(audit.pi.view(), p.view()).is_err());
    let mut x = array![[1.0, -1.0, 1.0]];
    Metropolis.step(&target, &mut x, &mut Seed::new(8).rng());
    assert_eq!(x, array![[-1.0, 1.0, -1.0]]);
}

#[test]
fn rows_outside_the_space_are_refused_by_name() {
    let refuse = |x: Array2<f64>| Metropolis.init(&mixed(1.0), x).unwrap_err().to_string();
    assert_eq!(
        refuse(Array2::zeros((0, 4))),
        "`x` has shape [0, 4], but must have shape (at least 1, 4)"
    );
    assert_eq!(
        refuse(array![[0.0, 1.0, 2.0, 0.5], [0.0, 1.0, 2.0, 1.0]]),
        "`x[1, 3]` is 1, but must be one of [-1.5, -0.5, 0.5, 1.5]; round or threshold the data, and recode other symbols to these"
    );
}

#[test]
fn sweeps_are_pinned() {
    // Golden draws: a change here changes every seeded result and belongs into the changelog.
    let target = mixed(1.0);
    let states = target.states().unwrap();
    let mut x = Array2::from_shape_fn((34, 4), |(b, i)| states[[b % 24, i]]);
    let mut rng = Seed::new(9).child("pinned").rng();
    for _ in 0..3 {
        Metropolis.step(&target, &mut x, &mut rng);
    }
    // The last rows belong to a second block.
    let numbers: Vec<usize> = [0, 1, 32, 33]
        .map(|b| states.rows().into_iter().position(|s| s == x.row(b)).unwrap())
        .to_vec();
    assert_eq!(numbers, PINNED);
}

const PINNED: [usize; 4] = [23, 11, 15, 5];
