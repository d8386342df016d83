//! Densities of states against enumeration.

use gibbsian_core::{Discrete, DiscreteEnergy, Energy, Seed, Space};
use gibbsian_partition::{FlatHistogram, Reliability, density_of_states};
use gibbsian_testkit::targets::{MixedSpin, Pairwise};
use gibbsian_testkit::threads;
use ndarray::{Array1, Array2, ArrayView2, ArrayViewMut1};
use rand::RngExt;
use rand_distr::StandardNormal;

/// An Ising ring with integer levels: `Z(β) = (2 cosh β)^D + (2 sinh β)^D`.
struct Ring(usize);

impl Space for Ring {
    fn dim(&self) -> usize {
        self.0
    }
}

impl Discrete for Ring {
    fn alphabet(&self, _: usize) -> &[f64] {
        &[-1.0, 1.0]
    }
}

impl Energy for Ring {
    fn energy_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut1<f64>) {
        for (out, x) in out.iter_mut().zip(x.rows()) {
            *out = -(0..self.0).map(|i| x[i] * x[(i + 1) % self.0]).sum::<f64>();
        }
    }
}

impl DiscreteEnergy for Ring {}

fn options() -> FlatHistogram {
    FlatHistogram {
        n_chains: 40,
        n_draws: 200,
        final_increment: 1e-3,
        ..FlatHistogram::new(2.0)
    }
}

/// `log Σ_x e^{−βE(x)}`, all states listed.
fn exact<M: Energy + Discrete>(model: &M, beta: f64) -> f64 {
    let energy = model.energy(model.states().unwrap().view());
    let lowest = energy.iter().copied().fold(f64::INFINITY, f64::min);
    (energy.mapv(|e| (-beta * (e - lowest)).exp()).sum()).ln() - beta * lowest
}

fn pairwise(dim: usize, scale: f64, seed: Seed) -> Pairwise {
    let mut rng = seed.rng();
    let mut normal = || scale * rng.sample::<f64, _>(StandardNormal);
    let fields = Array1::from_shape_simple_fn(dim, &mut normal);
    Pairwise::new(fields, Array2::from_shape_simple_fn((dim, dim), &mut normal)).unwrap()
}

#[test]
fn a_ring_has_its_closed_form_at_every_temperature() {
    let long = FlatHistogram {
        n_draws: 1000,
        ..options()
    };
    let states = density_of_states(&Ring(16), &long, &mut Seed::new(1).rng()).unwrap();
    for beta in [-0.5, 0.0, 0.2, 0.5, 1.0, 2.0_f64] {
        let estimate = states.estimate(beta, 1.0 - 1e-6).unwrap();
        let log_z = ((2.0 * beta.cosh()).powi(16) + (2.0 * beta.sinh()).powi(16)).ln();
        assert!(estimate.interval.contains(log_z), "{beta}: {log_z}, {estimate}");
        assert!(
            states.estimate(beta, 0.95).unwrap().interval.width() < 1.0,
            "{beta}: {estimate}"
        );
        assert_eq!(estimate.reliability, Reliability::Trusted, "{beta}: {estimate}");
    }
    // 2 C(16, k) states have k broken bonds, k even.
    let counts = states.log_counts();
    assert_eq!(counts.len(), 9);
    let binomials = [
        1.0, 120.0, 1820.0, 8008.0, 12870.0, 8008.0, 1820.0, 120.0, 1.0_f64,
    ];
    for ((energy, log_count), (k, exact)) in counts.iter().zip(binomials.iter().enumerate()) {
        assert_eq!(*energy, -16.0 + 4.0 * k as f64);
        assert!(
            (log_count - (2.0 * exact).ln()).abs() < 0.5,
            "{energy}: {log_count}"
        );
    }
    // d log Z / dβ = −⟨E⟩ of the same draws, exactly.
    let h = 1e-5;
    let slope = (states.log_z(0.5 + h).unwrap() - states.log_z(0.5 - h).unwrap()) / (2.0 * h);
    assert!((slope + states.mean_energy(0.5).unwrap()).abs() < 1e-8);
    let curvature =
        -(states.mean_energy(0.5 + h).unwrap() - states.mean_energy(0.5 - h).unwrap()) / (2.0 * h);
    assert!((0.25 * curvature - states.heat_capacity(0.5).unwrap()).abs() < 1e-7);
}

#[test]
fn intervals_cover_as_often_as_they_say() {
    const N: u64 = 400;
    let mut covered = [0; 2];
    for m in 0..N {
        let seed = Seed::new(3).nth(m);
        let model = pairwise(8, 0.6, seed.child("model"));
        let options = FlatHistogram {
            n_chains: 20,
            n_draws: 60,
            final_increment: 1e-3,
            ..FlatHistogram::new(1.0)
        };
        let states = density_of_states(&model, &options, &mut seed.child("run").rng()).unwrap();
        for (covered, beta) in covered.iter_mut().zip([0.5, 1.0]) {
            let estimate = states.estimate(beta, 0.95).unwrap();
            *covered += u64::from(estimate.interval.contains(exact(&model, beta)));
        }
    }
    // Two temperatures of one run are not independent; each is tested by itself. A t interval of twenty chains on a ratio is right to O(1/n): two per cent.
    for covered in covered {
        let fraction = covered as f64 / N as f64;
        let error = 4.0 * (0.95 * 0.05 / N as f64).sqrt();
        assert!((fraction - 0.95).abs() < 0.02 + error, "{fraction}");
    }
}

#[test]
fn the_estimate_does_not_depend_on_how_well_g_was_learned() {
    // No more than a few moves of learning: the draws are poor, the answer is not wrong.
    let model = pairwise(6, 0.4, Seed::new(5));
    let poor = FlatHistogram {
        max_moves: 100,
        n_chains: 200,
        n_draws: 100,
        ..FlatHistogram::new(1.0)
    };
    let states = density_of_states(&model, &poor, &mut Seed::new(6).rng()).unwrap();
    assert!(states.final_increment() > poor.final_increment);
    let estimate = states.estimate(1.0, 1.0 - 1e-6).unwrap();
    assert!(estimate.interval.contains(exact(&model, 1.0)), "{estimate}");
}

/// From the time on from which the addition is `bins/moves`, no histogram need be flat: it is small after that many moves and no more than one for each walker.
#[test]
fn the_addition_falls_with_time() {
    let learnt = |max_moves: u64| {
        let options = FlatHistogram {
            max_moves,
            final_increment: 1e-9,
            n_draws: 2,
            ..options()
        };
        let states = density_of_states(&Ring(6), &options, &mut Seed::new(8).rng()).unwrap();
        states.final_increment() * max_moves as f64
    };
    // Energies −6, −2, 2 and 6.
    for max_moves in [200_000, 400_000] {
        assert!((learnt(max_moves) - 4.0).abs() < 1e-12, "{}", learnt(max_moves));
    }
}

#[test]
fn many_symbols_are_walked_alike() {
    let alphabets = vec![
        vec![-1.0, 0.0, 1.0],
        vec![0.0, 1.0],
        vec![-2.0, 0.5, 1.0, 3.0],
        vec![5.0],
    ];
    let n_params = 4 + 4 + 6;
    let params = Array1::from_shape_fn(n_params, |k| 0.4 * (1.7 * k as f64).sin());
    let model = MixedSpin::new(alphabets, params).unwrap();
    let states = density_of_states(
        &model,
        &FlatHistogram {
            n_chains: 40,
            n_draws: 200,
            final_increment: 1e-3,
            ..FlatHistogram::new(0.5)
        },
        &mut Seed::new(8).rng(),
    )
    .unwrap();
    let estimate = states.estimate(1.0, 1.0 - 1e-6).unwrap();
    assert!(estimate.interval.contains(exact(&model, 1.0)), "{estimate}");
}

#[test]
fn a_temperature_without_draws_is_not_trusted() {
    let few = FlatHistogram {
        n_chains: 4,
        n_draws: 10,
        final_increment: 1e-2,
        ..FlatHistogram::new(2.0)
    };
    let states = density_of_states(&Ring(16), &few, &mut Seed::new(9).rng()).unwrap();
    let estimate = states.estimate(5.0, 0.95).unwrap();
    assert!(
        matches!(estimate.reliability, Reliability::TooFewEffective { .. }),
        "{estimate}"
    );
}

#[test]
fn results_have_the_same_bits_on_any_number_of_threads() {
    threads::same_on_any_number("the density of states", || {
        let states = density_of_states(&Ring(10), &options(), &mut Seed::new(10).rng()).unwrap();
        Array1::from_iter(states.log_counts().into_iter().map(|(_, log_count)| log_count))
    })
    .unwrap();
}

#[test]
fn bad_options_and_models_are_refused_by_name() {
    let refusal = |options: FlatHistogram| {
        let run = density_of_states(&Ring(4), &options, &mut Seed::new(11).rng());
        run.map(|_| ()).unwrap_err().to_string()
    };
    let good = options();
    for bad in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        assert!(
            refusal(FlatHistogram {
                bin_width: bad,
                ..good
            })
            .contains("bin_width")
        );
        assert!(
            refusal(FlatHistogram {
                final_increment: bad,
                ..good
            })
            .contains("final_increment")
        );
    }
    assert!(refusal(FlatHistogram { max_moves: 0, ..good }).contains("max_moves"));
    assert!(refusal(FlatHistogram { n_chains: 1, ..good }).contains("n_chains"));
    assert!(refusal(FlatHistogram { n_draws: 0, ..good }).contains("n_draws"));
    assert!(
        refusal(FlatHistogram {
            sweeps_per_draw: 0,
            ..good
        })
        .contains("sweeps_per_draw")
    );

    struct Broken(f64);
    impl Space for Broken {
        fn dim(&self) -> usize {
            3
        }
    }
    impl Discrete for Broken {
        fn alphabet(&self, _: usize) -> &[f64] {
            &[0.0, 1.0]
        }
    }
    impl Energy for Broken {
        fn energy_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut1<f64>) {
            for (out, x) in out.iter_mut().zip(x.rows()) {
                *out = if x.sum() > 2.0 { self.0 } else { 0.0 };
            }
        }
    }
    impl DiscreteEnergy for Broken {}
    let run = |value: f64| density_of_states(&Broken(value), &good, &mut Seed::new(12).rng());
    for bad in [f64::NAN, f64::NEG_INFINITY, f64::INFINITY] {
        let refusal = run(bad).map(|_| ()).unwrap_err().to_string();
        assert!(refusal.contains("energy"), "{refusal}");
    }
    let states = run(1.0).unwrap();
    for bad in [f64::NAN, f64::INFINITY] {
        assert!(states.log_z(bad).unwrap_err().to_string().contains("beta"));
    }
    assert!(
        states
            .estimate(1.0, 1.0)
            .unwrap_err()
            .to_string()
            .contains("level")
    );
}
