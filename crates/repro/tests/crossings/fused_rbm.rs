//! The fused machine against the generic parts that it stands for: training steps against objective, sampler and optimiser; annealing against enumeration.
//!
//! Both sides of a comparison are the same single-precision machine with generators in the same state, so that they draw the same states; what differs is that the generic
//! step sums gradients and moves parameters in double precision and rounds them at the end of each step.

use gibbsian_classical::{
    Arithmetic, Bernoulli, BinaryRbm, BinaryRbmPath, FusedContrastiveDivergence, FusedOptions,
    FusedPersistent, Rbm,
};
use gibbsian_core::simd::Level;
use gibbsian_core::{Parametric, Seed, TrainStep};
use gibbsian_objectives::{ContrastiveDivergence, PersistentContrastiveDivergence};
use gibbsian_partition::{Ladder, ais};
use gibbsian_samplers::Gibbs;
use gibbsian_testkit::agreement::{Agreement, identical};
use gibbsian_testkit::threads;
use gibbsian_train::{Constant, Decay, Descent, Momentum, Optimiser, Sgd};
use ndarray::{Array1, Array2, ArrayView2, s};
use rand::RngExt;
use rand_distr::StandardNormal;

/// The relative rounding error of one operation in single precision.
const UNIT: f64 = f32::EPSILON as f64 / 2.0;

fn machine(n_visible: usize, n_hidden: usize, scale: f64, seed: u64) -> BinaryRbm {
    let mut rng = Seed::new(seed).child("machine").rng();
    let mut normal = || scale * rng.sample::<f64, _>(StandardNormal);
    let visible = Array1::from_shape_simple_fn(n_visible, &mut normal);
    let hidden = Array1::from_shape_simple_fn(n_hidden, &mut normal);
    let weights = Array2::from_shape_simple_fn((n_visible, n_hidden), normal);
    let layer = |bias| Bernoulli::new(bias).unwrap();
    BinaryRbm::from(&Rbm::new(layer(visible), layer(hidden), weights).unwrap())
}

/// Numbers in `[0, 1)`, or zeros and ones.
fn rows(n_rows: usize, n_columns: usize, binary: bool, seed: u64) -> Array2<f64> {
    let mut rng = Seed::new(seed).child("rows").rng();
    let uniform = Array2::from_shape_simple_fn((n_rows, n_columns), || rng.random::<f64>());
    if binary {
        uniform.mapv(|u| f64::from(u8::from(u < 0.3)))
    } else {
        uniform
    }
}

/// One comparison of a fused and a generic run.
#[derive(Clone, Copy, Debug)]
struct Run {
    settings: FusedOptions,
    learning_rate: f64,
    /// Rows of the data; minibatches have this many, or up to two fewer.
    n_rows: usize,
    binary: bool,
    n_updates: usize,
}

impl Run {
    /// The parameters after steps of both kinds from the same machine, fused first.
    fn ends<'a>(
        self,
        start: &BinaryRbm,
        fused: &'a mut dyn TrainStep<BinaryRbm>,
        generic: &'a mut dyn TrainStep<BinaryRbm>,
    ) -> [Array1<f64>; 2] {
        let x = rows(self.n_rows, start.n_visible(), self.binary, 5);
        [fused, generic].map(|step| {
            let (mut machine, mut rng) = (start.clone(), Seed::new(6).rng());
            for k in 0..self.n_updates {
                // The last minibatch of an epoch is shorter.
                let x: ArrayView2<f64> = x.slice(s![k % 3.., ..]);
                step.train_step(&mut machine, x, self.learning_rate, &mut rng)
                    .unwrap();
            }
            machine.params()
        })
    }

    /// How far the parameters may be apart, with `n_cases` the larger of minibatch and chains.
    ///
    /// A step of its own is off by these roundings (units of `u`): each phase sums `n` terms in `[0, 1]`, rounds a mean and multiplies by its rate, `n + 8` of `ε` at
    /// most; decay costs 4 of `ε λ M`, the velocity 5 of its size, and each side rounds the new parameter. On top of that, parameters that differ by `e` give
    /// fields that differ by `(V + 1) e` and by the rounding of their sums, `δ`; and a probability moves a quarter as far as its field, in both phases.
    fn bound(self, start: &BinaryRbm, n_cases: usize, largest: f64) -> f64 {
        let FusedOptions {
            momentum,
            weight_decay,
            ..
        } = self.settings;
        let (rate, n_terms) = (self.learning_rate, start.n_visible() as f64 + 1.0);
        let velocity_size = rate * (1.0 + weight_decay * largest) / (1.0 - momentum);
        let rounding = UNIT
            * (2.0 * (n_cases as f64 + 8.0) * rate
                + 4.0 * rate * weight_decay * largest
                + 5.0 * velocity_size);
        let delta = (n_terms + 3.0) * UNIT * n_terms * largest;
        let (mut error, mut velocity_error): (f64, f64) = (0.0, 0.0);
        for k in 0..self.n_updates {
            let probabilities = if k == 0 {
                0.0
            } else {
                2.0 * (n_terms * error / 4.0 + delta / 2.0 + 7.0 * UNIT)
            };
            velocity_error =
                momentum * velocity_error + rate * (probabilities + weight_decay * error) + rounding;
            error += velocity_error + 2.0 * UNIT * largest;
        }
        error
    }

    /// Requires both ends to agree within the bound, and the bound to be sharp: a unit drawn otherwise in a single case would show.
    fn check(self, start: &BinaryRbm, n_cases: usize, [fused, generic]: [Array1<f64>; 2]) {
        let largest = generic
            .iter()
            .chain(&start.params())
            .fold(0.0, |m: f64, p| m.max(p.abs()));
        let bound = self.bound(start, n_cases, largest);
        let one_case = self.learning_rate / n_cases as f64;
        assert!(
            bound < 0.1 * one_case,
            "{self:?}: bound {bound:e} against {one_case:e}"
        );
        let layout = start.layout();
        let mut agreement = Agreement::new(format!("{self:?}"));
        for (k, (fused, generic)) in fused.iter().zip(&generic).enumerate() {
            agreement.entry(|| layout.locate(k), *fused, *generic, bound);
        }
        agreement.verdict().unwrap();
        // Something was learnt, far beyond the bound.
        let moved = &generic - &start.params();
        assert!(
            moved.iter().any(|d| d.abs() > 100.0 * bound),
            "{self:?}: moved {moved}"
        );
    }

    /// Compares contrastive divergence, and persistent contrastive divergence with these numbers of chains.
    fn compare(self, start: &BinaryRbm, numbers_of_chains: &[usize]) {
        let layout = start.layout();
        let decay = Decay {
            l2: self.settings.weight_decay,
            ..Decay::NONE
        };
        if self.settings.momentum > 0.0 {
            let momentum = || Momentum::new(&layout, Constant::new(self.settings.momentum).unwrap(), decay);
            self.compare_with(start, numbers_of_chains, || momentum().unwrap());
        } else {
            self.compare_with(start, numbers_of_chains, || Sgd::new(&layout, decay).unwrap());
        }
    }

    fn compare_with<P: Optimiser>(
        self,
        start: &BinaryRbm,
        numbers_of_chains: &[usize],
        optimiser: impl Fn() -> P,
    ) {
        let mut fused = FusedContrastiveDivergence::new(self.settings).unwrap();
        let objective = ContrastiveDivergence::new(Gibbs, self.settings.n_steps).unwrap();
        let mut generic = Descent::new(objective, optimiser());
        self.check(start, self.n_rows, self.ends(start, &mut fused, &mut generic));

        for &n_chains in numbers_of_chains {
            let chains = rows(n_chains, start.n_visible(), true, 8);
            let mut fused = FusedPersistent::new(self.settings, chains.view()).unwrap();
            let objective =
                PersistentContrastiveDivergence::new(Gibbs, self.settings.n_steps, chains).unwrap();
            let mut generic = Descent::new(objective, optimiser());
            let ends = self.ends(start, &mut fused, &mut generic);
            self.check(start, self.n_rows.max(n_chains), ends);
            let positions = generic.objective().positions();
            assert_eq!(fused.chains(), positions, "{self:?}: the chains are elsewhere");
        }
    }
}

/// Plain, with decay alone, with momentum alone, and with both.
fn settings() -> [FusedOptions; 5] {
    // The bounds of this file are those of sums of lines.
    let plain = FusedOptions {
        arithmetic: Arithmetic::Lists,
        ..FusedOptions::default()
    };
    let of = |n_steps, momentum, weight_decay| FusedOptions {
        n_steps,
        momentum,
        weight_decay,
        ..plain
    };
    [
        plain,
        of(3, 0.0, 0.0),
        of(1, 0.0, 0.02),
        of(1, 0.5, 0.0),
        of(3, 0.5, 0.02),
    ]
}

#[test]
fn one_fused_step_is_the_generic_step_at_every_shape() {
    for (v, h) in [(1, 1), (3, 2), (63, 65), (64, 64), (65, 129), (784, 500)] {
        let start = machine(v, h, 0.2, 1);
        for settings in settings() {
            if v * h > 100_000 && settings.n_steps > 1 {
                continue;
            }
            for binary in [true, false] {
                let run = Run {
                    settings,
                    learning_rate: 0.05,
                    n_rows: 50,
                    binary,
                    n_updates: 1,
                };
                run.compare(&start, &[50, 33]);
            }
        }
    }
}

#[test]
fn twenty_fused_steps_are_twenty_generic_steps() {
    let start = machine(12, 9, 0.3, 2);
    for settings in settings() {
        for binary in [true, false] {
            let run = Run {
                settings,
                learning_rate: 0.01,
                n_rows: 16,
                binary,
                n_updates: 20,
            };
            run.compare(&start, &[16, 9]);
        }
    }
}

/// Logarithms of the weights of an annealing run of a machine that can be enumerated.
fn annealed(machine: &BinaryRbm) -> gibbsian_partition::ForwardAis {
    let base = Bernoulli::new(Array1::from_elem(machine.n_visible(), -0.5)).unwrap();
    let path = BinaryRbmPath::new(machine, &base).unwrap();
    // More chains than one batch holds, and not a multiple of it.
    ais(&path, &Ladder::linear(300).unwrap(), 300, &mut Seed::new(3).rng()).unwrap()
}

#[test]
fn annealing_contains_the_exact_value() {
    for (v, h, scale, seed) in [(20, 10, 0.4, 1), (9, 70, 0.3, 2), (130, 12, 0.2, 3)] {
        let machine = machine(v, h, scale, seed);
        let exact = machine.log_z().unwrap();
        let estimate = annealed(&machine).estimate(0.999).unwrap();
        assert!(estimate.interval.contains(exact), "{estimate}, exactly {exact}");
        assert!(estimate.reliability.is_trusted(), "{estimate}");
        assert!(estimate.standard_error < 0.1, "{estimate}");
    }
}

#[test]
fn annealing_has_the_same_bits_on_any_number_of_threads_and_at_every_vector_width() {
    let machine = machine(130, 70, 0.2, 4);
    let run = || Array1::from(annealed(&machine).log_weights().values().to_vec());
    threads::same_on_any_number("annealing", run).unwrap();
    let reference = run();
    for level in Level::ALL {
        Level::limit(level);
        identical(&format!("annealing at {level:?}"), &run(), &reference).unwrap();
    }
}

#[test]
fn an_annealing_run_is_pinned() {
    // Golden values: a change here changes every estimate and belongs into the changelog.
    let run = annealed(&machine(70, 10, 0.25, 5));
    let values = run.log_weights().values();
    let found = [values[0], values[299], run.log_z()].map(f64::to_bits);
    assert_eq!(found, PINNED, "{found:#x?}");
}

const PINNED: [u64; 3] = [
    0x404c_f8e1_9f90_caaa,
    0x404c_b105_f507_1c3c,
    0x404c_cc9b_6cf9_5f1d,
];
