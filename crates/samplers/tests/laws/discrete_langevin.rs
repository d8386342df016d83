//! Discrete Langevin sampling: the unadjusted kernel against its own stationary law, the adjusted one against the target.

use crate::spins::{Ring, mixed, pairwise};
use gibbsian_core::{Discrete, Energy, Kernel, RelaxedEnergy, Seed, TransitionLaw};
use gibbsian_samplers::{Dmala, Dula};
use gibbsian_testkit::audit::law::{detailed_balance, irreducible, leaves_invariant, stochastic};
use gibbsian_testkit::audit::{Audit, kernel_as_drawn};
use gibbsian_testkit::conformance::{self, Balance};
use gibbsian_testkit::stats::FALSE_ALARM;
use ndarray::{Array1, Array2, array};

const STEP_SIZES: [f64; 4] = [0.05, 0.25, 1.0, 500.0];

/// `log Z_ε(x)` of every state: the sum over **all** states of the space of `exp(½ s(x)·(x' − x) − |x' − x|²/4ε)`, which falls apart into a product over
/// sites, but is not taken as one here.
fn log_normalisers<T: RelaxedEnergy>(target: &T, states: &Array2<f64>, step_size: f64) -> Array1<f64> {
    let score = target.relaxed_score(states.view());
    Array1::from_shape_fn(states.nrows(), |i| {
        let sum: f64 = states
            .rows()
            .into_iter()
            .map(|to| {
                let d = &to - &states.row(i);
                (0.5 * score.row(i).dot(&d) - d.dot(&d) / (4.0 * step_size)).exp()
            })
            .sum();
        sum.ln()
    })
}

/// `p_ε ∝ p Z_ε`, the stationary law of the unadjusted chain on a quadratic energy.
fn biased<T: RelaxedEnergy>(target: &T, step_size: f64) -> Audit {
    let states = target.states().unwrap();
    let log_weights = log_normalisers(target, &states, step_size) - target.energy(states.view());
    Audit::from_log_weights(states, log_weights).unwrap()
}

#[test]
fn the_adjusted_step_is_reversible_and_drawn_as_its_law_says() {
    for (case, step_size) in STEP_SIZES.into_iter().enumerate() {
        let (kernel, seed) = (Dmala::new(step_size).unwrap(), Seed::new(1).nth(case as u64));
        conformance::transition_law(&kernel, &pairwise(1.0), Balance::Detailed, seed.nth(1)).unwrap();
        conformance::transition_law(&kernel, &mixed(1.0), Balance::Detailed, seed.nth(3)).unwrap();
    }
    let kernel = Dmala::new(0.35).unwrap();
    let x = pairwise(1.0).states().unwrap();
    conformance::kernel(&kernel, &pairwise(1.0), &pairwise(-1.0), x.view(), Seed::new(2)).unwrap();
    let x = mixed(1.0).states().unwrap();
    conformance::kernel(&kernel, &mixed(1.0), &mixed(-1.0), x.view(), Seed::new(3)).unwrap();
}

#[test]
fn the_unadjusted_step_is_reversible_with_respect_to_its_own_law() {
    fn check<T: RelaxedEnergy>(target: &T, seed: Seed) {
        for (case, step_size) in STEP_SIZES.into_iter().enumerate() {
            let kernel = Dula::new(step_size).unwrap();
            let audit = biased(target, step_size);
            let p = kernel.transition_matrix(target, audit.states.view());
            stochastic(p.view()).unwrap();
            irreducible(audit.pi.view(), p.view()).unwrap();
            leaves_invariant(audit.pi.view(), p.view()).unwrap();
            detailed_balance(audit.pi.view(), p.view()).unwrap();
            kernel_as_drawn(&kernel, target, &audit, 4096, seed.nth(case as u64))
                .unwrap()
                .assert(FALSE_ALARM);
        }
    }
    check(&pairwise(1.0), Seed::new(4));
    check(&mixed(1.0), Seed::new(5));
    let kernel = Dula::new(0.35).unwrap();
    let x = pairwise(1.0).states().unwrap();
    conformance::kernel(&kernel, &pairwise(1.0), &pairwise(-1.0), x.view(), Seed::new(6)).unwrap();
    let x = mixed(1.0).states().unwrap();
    conformance::kernel(&kernel, &mixed(1.0), &mixed(-1.0), x.view(), Seed::new(7)).unwrap();
}

#[test]
fn the_bias_of_the_unadjusted_chain_vanishes_with_the_step() {
    // Z_ε − 1 is a sum of terms exp(½ s d − d²/4ε), so the total variation divided by exp(−d²/4ε), d the smallest distance of two symbols (2 here), has a limit.
    let target = pairwise(1.0);
    let exact = Audit::new(&target).unwrap();
    let bias = |step_size: f64| (biased(&target, step_size).pi - &exact.pi).mapv(f64::abs).sum() / 2.0;
    let scaled = |step_size: f64| bias(step_size) * (1.0 / step_size).exp();
    assert!(bias(500.0) > 0.1, "{}", bias(500.0));
    let limit = scaled(0.05);
    // The next term is smaller by Σ_i e^{|s_i|} e^{−1/ε}, and Σ_i e^{|s_i|} ≤ e^2.0 + e^2.5 + e^2.1 + e^2.3 < 38.
    for step_size in [0.075, 0.1, 0.15] {
        let error = (scaled(step_size) / limit - 1.0).abs();
        assert!(error < 38.0 * (-1.0 / step_size).exp(), "{error} at {step_size}");
    }
    // And nothing is left of it once it is below rounding.
    leaves_invariant(
        exact.pi.view(),
        Dula::new(0.025)
            .unwrap()
            .transition_matrix(&target, exact.states.view())
            .view(),
    )
    .unwrap();
}

#[test]
fn one_site_is_the_softmax_of_the_papers_equation() {
    // s = 0.3 on a spin that is down: ½ s d = 0.3 for d = 2, and d²/4ε = 1/ε.
    let spin = gibbsian_testkit::targets::Pairwise::new(array![0.3], array![[0.0]]).unwrap();
    let states = spin.states().unwrap();
    let p = Dula::new(0.4).unwrap().transition_matrix(&spin, states.view());
    let up = (0.3 - 2.5_f64).exp();
    assert!((p[[0, 1]] - up / (1.0 + up)).abs() < 1e-15, "{p}");
    let down = (-0.3 - 2.5_f64).exp();
    assert!((p[[1, 0]] - down / (1.0 + down)).abs() < 1e-15, "{p}");
    // Adjusted: Z_ε(x)/Z_ε(x') for a quadratic form.
    let p = Dmala::new(0.4).unwrap().transition_matrix(&spin, states.view());
    assert!((p[[0, 1]] - up / (1.0 + up)).abs() < 1e-15, "{p}");
    assert!((p[[1, 0]] - down / (1.0 + up)).abs() < 1e-15, "{p}");
}

#[test]
fn bad_input_is_refused_by_name_or_counted() {
    for bad in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        for refusal in [Dula::new(bad).unwrap_err(), Dmala::new(bad).unwrap_err()] {
            assert!(refusal.to_string().starts_with("`step_size` is"), "{refusal}");
        }
    }
    let (dula, dmala) = (Dula::new(0.5).unwrap(), Dmala::new(0.5).unwrap());
    let forbidden = Ring {
        dim: 3,
        cost: f64::INFINITY,
    };
    let start = array![[0.0, 0.0, 0.0], [1.0, 1.0, 0.0]];
    let refusals = [
        dula.init(&forbidden, start.clone()).unwrap_err(),
        dmala.init(&forbidden, start).unwrap_err(),
    ];
    for refusal in refusals {
        assert_eq!(
            refusal.to_string(),
            "`x[1, ..]` is [1, 1, 0], but must be a point of finite energy; start inside the support, for example from draws of the base or from data"
        );
    }
    // Forbidden states are ordinary rejections, broken energies are counted.
    let mut state = dmala.init(&forbidden, Array2::zeros((400, 3))).unwrap();
    for step in 0..20 {
        let count = dmala.step(&forbidden, &mut state, &mut Seed::new(8).nth(step).rng());
        assert_eq!((count.proposed, count.undefined), (400, 0));
        assert!(forbidden.energy(state.x.view()).iter().all(|e| e.is_finite()));
    }
    for cost in [f64::NAN, f64::NEG_INFINITY] {
        let broken = Ring { dim: 3, cost };
        let mut state = dmala.init(&broken, Array2::zeros((400, 3))).unwrap();
        let count = dmala.step(&broken, &mut state, &mut Seed::new(9).rng());
        // Two of three set, each with probability about 0.44.
        assert!(count.undefined > 50, "{count:?}");
        assert!(state.x.rows().into_iter().all(|x| x.sum() <= 1.0));
    }
}

#[test]
fn chains_whose_score_broke_stay_and_say_so() {
    let sound = pairwise(1.0);
    let x = sound.states().unwrap();
    let broken = Broken;
    let (dula, dmala) = (Dula::new(0.5).unwrap(), Dmala::new(0.5).unwrap());
    let mut state = x.clone();
    assert_eq!(
        dula.step(&broken, &mut state, &mut Seed::new(10).rng()).undefined,
        16
    );
    assert_eq!(state, x);
    let mut state = dmala.init(&sound, x.clone()).unwrap();
    dmala.refresh(&broken, &mut state);
    assert_eq!(
        dmala
            .step(&broken, &mut state, &mut Seed::new(11).rng())
            .undefined,
        16
    );
    assert_eq!(state.x, x);
    assert!(
        dula.init(&broken, x)
            .unwrap_err()
            .to_string()
            .contains("a finite score")
    );
}

/// Four spins whose score is NaN everywhere.
struct Broken;

mod broken {
    use gibbsian_core::{Discrete, DiscreteEnergy, Energy, RelaxedEnergy, Space};
    use ndarray::{ArrayView2, ArrayViewMut1, ArrayViewMut2};

    use super::Broken;

    impl Space for Broken {
        fn dim(&self) -> usize {
            4
        }
    }

    impl Discrete for Broken {
        fn alphabet(&self, _site: usize) -> &[f64] {
            &[-1.0, 1.0]
        }
    }

    impl Energy for Broken {
        fn energy_into(&self, _x: ArrayView2<f64>, mut out: ArrayViewMut1<f64>) {
            out.fill(0.0);
        }
    }

    impl DiscreteEnergy for Broken {}

    impl RelaxedEnergy for Broken {
        fn relaxed_score_into(&self, _x: ArrayView2<f64>, mut out: ArrayViewMut2<f64>) {
            out.fill(f64::NAN);
        }
    }
}

#[test]
fn steps_are_pinned() {
    // Golden draws: a change here changes every seeded result and belongs into the changelog.
    let target = mixed(1.0);
    let states = target.states().unwrap();
    let x = Array2::from_shape_fn((34, 4), |(b, i)| states[[b % 24, i]]);
    let (dula, dmala) = (Dula::new(0.35).unwrap(), Dmala::new(0.35).unwrap());
    let mut unadjusted = dula.init(&target, x.clone()).unwrap();
    let mut adjusted = dmala.init(&target, x).unwrap();
    let mut rng = Seed::new(12).child("pinned").rng();
    for _ in 0..3 {
        dula.step(&target, &mut unadjusted, &mut rng);
        dmala.step(&target, &mut adjusted, &mut rng);
    }
    // The last rows belong to a second block.
    let numbers = [unadjusted, adjusted.x]
        .map(|x| [0, 1, 32, 33].map(|b| states.rows().into_iter().position(|s| s == x.row(b)).unwrap()));
    assert_eq!(numbers, PINNED);
}

const PINNED: [[usize; 4]; 2] = [[19, 5, 8, 10], [8, 4, 11, 21]];
