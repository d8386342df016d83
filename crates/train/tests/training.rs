//! The loop: it learns, it refuses what cannot work, and a failing step leaves the model alone.
//!
//! reason for length: the refusals share their failing models and data.

mod common;

use std::ops::ControlFlow;
use std::time::Duration;

use common::{Drawn, Normal, Sampled, points};
use gibbsian_core::dataset::Matrix;
use gibbsian_core::{
    BatchOrder, Dataset, Error, Layout, Objective, Parametric, ParametricMut, Result, Seed, Snapshot, Space,
    Streams, TrainStep,
};
use gibbsian_train::{
    Adam, AdamOptions, AdamW, Constant, Decay, Descent, EachEpoch, EachStep, GO_ON, Linear, Momentum,
    Monitor, Nesterov, Optimiser, Outcome, Patience, RmsProp, STOP, Schedule, Sgd, Switch, TimeLimit,
    Trainer,
};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, ArrayViewMut1, ArrayViewMut2, array};
use rand::Rng;

const DIM: usize = 3;

fn momentum(model: &Normal) -> Momentum {
    let schedule = Switch::new(0.5, 0.9, 50).unwrap();
    Momentum::new(&model.layout(), schedule, Decay::NONE).unwrap()
}

fn fit(optimiser: impl Optimiser, monitor: &mut dyn Monitor<Normal>) -> (Normal, Outcome) {
    let seed = Seed::new(11);
    let data = points(200, DIM, seed.child("points"));
    let mut order = Drawn::new(200, 20, seed.child("order"));
    let mut model = Normal::new(DIM);
    let mut step = Descent::new(Sampled { kept: 0.0 }, optimiser);
    let trainer = Trainer::new(30, Linear::new(0.05, 0.0, 300).unwrap(), seed).unwrap();
    let outcome = trainer
        .fit(&mut model, &mut step, &data, &mut order, monitor)
        .unwrap();
    (model, outcome)
}

#[test]
fn every_optimiser_finds_the_mean_of_the_data() {
    let layout = Normal::new(DIM).layout();
    let mu = || Constant::new(0.5).unwrap();
    let options = AdamOptions {
        beta1: 0.5,
        ..AdamOptions::default()
    };
    let seed = Seed::new(11);
    let mean = points(200, DIM, seed.child("points"))
        .points()
        .mean_axis(ndarray::Axis(0))
        .unwrap();
    let fits = [
        fit(Sgd::new(&layout, Decay::NONE).unwrap(), &mut ()),
        fit(Momentum::new(&layout, mu(), Decay::NONE).unwrap(), &mut ()),
        fit(Nesterov::new(&layout, mu(), Decay::NONE).unwrap(), &mut ()),
        fit(RmsProp::new(&layout, 0.9, 1e-8, Decay::NONE).unwrap(), &mut ()),
        fit(Adam::new(&layout, options, Decay::NONE).unwrap(), &mut ()),
        fit(AdamW::new(&layout, options, Decay::NONE).unwrap(), &mut ()),
    ];
    for (model, outcome) in fits {
        // A minibatch mean of 20 points of unit variance has standard deviation 0.22, the objective's own noise adds
        // 0.05; averaging over the time constant of at least 5 steps leaves less than 0.1, and six of these are
        // allowed.
        let error = (model.mean() - &mean).mapv(f64::abs);
        assert!(error.iter().all(|&e| e < 0.6), "{error}");
        let losses = outcome.history.losses();
        assert_eq!(
            (losses.len(), outcome.n_steps, outcome.completed),
            (30, 300, true)
        );
        // The first epoch starts with an excess of |(1, 2, 3)|²/2 = 7 over the last one's.
        assert!(losses[0] > losses[29] + 1.0, "{losses:?}");
    }
}

#[test]
fn weight_decay_moves_the_mean_from_the_weights_into_the_bias() {
    let layout = Normal::new(DIM).layout();
    let (model, _) = fit(Sgd::new(&layout, Decay { l2: 0.5, l1: 0.0 }).unwrap(), &mut ());
    let (weights, bias) = (
        model.params.slice(ndarray::s![..DIM]),
        model.params.slice(ndarray::s![DIM..]),
    );
    assert!(
        weights.iter().zip(bias).all(|(w, b)| w.abs() < 0.5 * b.abs()),
        "{model:?}"
    );
    let (free, _) = fit(Sgd::new(&layout, Decay::NONE).unwrap(), &mut ());
    assert_eq!(
        free.params.slice(ndarray::s![..DIM]),
        free.params.slice(ndarray::s![DIM..])
    );
}

#[test]
fn results_are_pinned() {
    let (model, _) = fit(momentum(&Normal::new(DIM)), &mut ());
    // Golden values: a change here is a change of the results of every training run and belongs into the changelog.
    assert_eq!(model.params.mapv(f64::to_bits).to_vec(), GOLDEN);
}

const GOLDEN: [u64; 6] = [
    4_602_874_650_601_404_762,
    4_607_242_060_063_640_705,
    4_609_411_051_537_428_084,
    4_602_874_650_601_404_762,
    4_607_242_060_063_640_705,
    4_609_411_051_537_428_084,
];

/// Large enough that the pass over the parameters is shared between threads.
#[test]
fn an_update_has_the_same_bits_on_any_number_of_threads_and_in_any_memory_layout() {
    let layout = Layout::new().with("weights", &[600, 500]).with("bias", &[600]);
    let n = layout.n_params();
    let decay = Decay { l2: 0.01, l1: 0.001 };
    let mu = || Switch::new(0.5, 0.9, 1).unwrap();
    let options = AdamOptions::default();
    let all: [&dyn Fn() -> Box<dyn Optimiser + Send>; 6] = [
        &|| Box::new(Sgd::new(&layout, decay).unwrap()),
        &|| Box::new(Momentum::new(&layout, mu(), decay).unwrap()),
        &|| Box::new(Nesterov::new(&layout, mu(), decay).unwrap()),
        &|| Box::new(RmsProp::new(&layout, 0.9, 1e-8, decay).unwrap()),
        &|| Box::new(Adam::new(&layout, options, decay).unwrap()),
        &|| Box::new(AdamW::new(&layout, options, decay).unwrap()),
    ];
    for make in all {
        let run = |n_threads: usize, stride: usize| {
            let mut rng = Seed::new(3).rng();
            let mut optimiser = make();
            let mut params = Array1::from_shape_fn(n * stride, |_| rng.next_u64() as f64 / 1e19 - 0.5);
            let grad = Array1::from_shape_fn(n, |i| (i as f64).sin());
            let mut params = params.slice_mut(ndarray::s![..;stride]);
            if stride > 1 {
                let mut rng = Seed::new(3).rng();
                params.mapv_inplace(|_| rng.next_u64() as f64 / 1e19 - 0.5);
            }
            let pool = rayon::ThreadPoolBuilder::new()
                .num_threads(n_threads)
                .build()
                .unwrap();
            pool.install(|| {
                for t in 0..3 {
                    optimiser.update(t, 0.1, grad.view(), params.view_mut()).unwrap();
                }
            });
            (params.mapv(f64::to_bits), optimiser.snapshot())
        };
        let one = run(1, 1);
        for n_threads in [2, 3, 4, 8] {
            assert_eq!(run(n_threads, 1), one, "{n_threads} threads");
        }
        assert_eq!(run(2, 2), one, "a strided vector");
    }
}

#[test]
fn monitors_see_every_step_and_epoch_and_can_end_the_run() {
    let (mut steps, mut epochs) = (Vec::new(), Vec::new());
    let mut on_step = EachStep::new(|_: &Normal, p| {
        steps.push(p.clone());
        Ok(GO_ON)
    });
    let mut on_epoch = EachEpoch::new(|_: &Normal, p, history| {
        assert_eq!(history.losses().last(), Some(&p.loss));
        epochs.push(p.epoch);
        Ok(if p.epoch == 2 { STOP } else { GO_ON })
    });
    let (_, outcome) = fit(momentum(&Normal::new(DIM)), &mut (&mut on_step, &mut on_epoch));
    assert_eq!((outcome.completed, outcome.n_steps), (false, 30));
    assert_eq!(outcome.history.losses().len(), 3);
    assert_eq!(epochs, [0, 1, 2]);
    assert_eq!(
        steps.iter().map(|p| p.step).collect::<Vec<_>>(),
        (1..=30).collect::<Vec<_>>()
    );
    let mean: f64 = steps[..10].iter().map(|p| p.loss).sum::<f64>() / 10.0;
    assert_eq!(outcome.history.losses()[0], mean);
    assert_eq!((steps[0].n_steps, steps[29].epoch), (300, 2));
    assert_eq!(
        steps[10].learning_rate,
        Linear::new(0.05, 0.0, 300).unwrap().value(10)
    );
    assert!(steps.windows(2).all(|w| w[0].elapsed <= w[1].elapsed));

    let (_, outcome) = fit(momentum(&Normal::new(DIM)), &mut TimeLimit(Duration::ZERO));
    assert_eq!((outcome.completed, outcome.n_steps), (false, 1));
    let (_, outcome) = fit(momentum(&Normal::new(DIM)), &mut Patience::new(1, 1e9).unwrap());
    assert_eq!((outcome.completed, outcome.n_steps), (false, 20));
}

#[test]
fn a_failing_monitor_ends_the_run_with_its_error() {
    let seed = Seed::new(0);
    let mut watch = EachStep::new(|_: &Normal, _| Err(Error::parameter("gap", "large", "small")));
    let mut model = Normal::new(1);
    let mut step = Descent::new(Sampled { kept: 0.0 }, momentum(&model));
    let e = Trainer::new(1, Constant::new(0.1).unwrap(), seed)
        .unwrap()
        .fit(
            &mut model,
            &mut step,
            &points(4, 1, seed),
            &mut Drawn::new(4, 2, seed),
            &mut watch,
        )
        .unwrap_err();
    assert!(e.to_string().contains("gap"), "{e}");
}

/// A data set that claims to be empty, which no reader would make.
struct Nothing;

impl Space for Nothing {
    fn dim(&self) -> usize {
        1
    }
}

impl Dataset for Nothing {
    fn n_points(&self) -> usize {
        0
    }

    fn rows_into(&self, _: &[usize], _: Streams, _: ArrayViewMut2<f64>) {}
}

#[test]
fn what_cannot_be_trained_is_refused_by_name_before_the_first_step() {
    let seed = Seed::new(0);
    let refused = |trainer: Result<Trainer>, data: &dyn Dataset, order: &mut dyn BatchOrder| {
        let mut model = Normal::new(1);
        let mut step = Descent::new(Sampled { kept: 0.0 }, momentum(&model));
        let e = trainer
            .and_then(|t| t.fit(&mut model, &mut step, data, order, &mut ()))
            .unwrap_err();
        assert_eq!(step.n_steps(), 0, "{e}");
        e.to_string()
    };
    let rate = |value| Trainer::new(2, Constant::new(value).unwrap(), seed);
    let (data, order) = (points(4, 1, seed), || Drawn::new(4, 2, seed));

    let e = refused(rate(0.1), &Nothing, &mut order());
    assert!(e.contains("data.n_points"), "{e}");
    let e = refused(rate(0.1), &points(4, 2, seed), &mut order());
    assert_eq!(
        e,
        "`data` has shape [4, 2], but must have shape (N, 1); there is one column more than coordinates: leave out the column of labels or indices"
    );
    for batch_size in [0, 5] {
        let mut wrong = Drawn {
            batch_size,
            ..order()
        };
        let e = refused(rate(0.1), &data, &mut wrong);
        assert!(e.contains("order.max_batch_size"), "{e}");
    }
    let e = refused(
        rate(0.1),
        &data,
        &mut Drawn {
            steps_per_epoch: 0,
            ..order()
        },
    );
    assert!(e.contains("steps_per_epoch"), "{e}");
    let e = refused(
        rate(0.1),
        &data,
        &mut Drawn {
            steps_per_epoch: u64::MAX,
            ..order()
        },
    );
    assert!(e.contains("n_epochs"), "{e}");
    let e = refused(
        rate(0.1),
        &data,
        &mut Drawn {
            n: 1 << 40,
            ..order()
        },
    );
    assert!(e.contains("below the number of points, 4"), "{e}");
    let e = refused(
        Trainer::new(0, Constant::new(0.1).unwrap(), seed),
        &data,
        &mut order(),
    );
    assert_eq!(
        e,
        "`n_epochs` is 0, but must be at least 1; an epoch sees every point once, and 10 to 100 are usual"
    );
    let e = refused(rate(0.0), &data, &mut order());
    assert!(e.contains("greater than zero at step 0"), "{e}");
    // The schedule reaches zero at step 3, the last of this run; that is known before it starts.
    let falls = Trainer::new(2, Linear::new(0.1, 0.0, 3).unwrap(), seed);
    let e = refused(falls, &data, &mut order());
    assert!(e.contains("greater than zero at step 3"), "{e}");

    #[derive(Debug)]
    struct Broken;
    impl Schedule for Broken {
        fn value(&self, _: u64) -> f64 {
            f64::NAN
        }
    }
    let e = refused(Trainer::new(1, Broken, seed), &data, &mut order());
    assert!(e.contains("`learning_rate` is NaN"), "{e}");
}

/// An objective that returns a fixed loss and gradient.
struct Fixed {
    loss: f64,
    grad: Array1<f64>,
}

impl Objective<Normal> for Fixed {
    fn loss_and_grad_into(
        &mut self,
        _: &Normal,
        _: ArrayView2<f64>,
        _: &mut dyn Rng,
        mut grad: ArrayViewMut1<f64>,
    ) -> Result<f64> {
        grad.assign(&self.grad);
        Ok(self.loss)
    }
}

#[test]
fn numbers_that_are_not_finite_stop_with_their_name_and_step_and_leave_the_model_alone() {
    let cases = [
        (
            f64::NAN,
            array![0.0, 0.0, 0.0, 0.0],
            "`loss` became NaN at step 0",
        ),
        (
            0.0,
            array![0.0, f64::NAN, 0.0, 0.0],
            "`gradient of weights[0, 1]` became NaN at step 0",
        ),
        (
            0.0,
            array![0.0, 0.0, 0.0, f64::NEG_INFINITY],
            "`gradient of bias[1]` became -inf at step 0",
        ),
        // A finite gradient whose step overflows.
        (
            0.0,
            array![0.0, 0.0, f64::MAX, 0.0],
            "`bias[0]` became -inf at step 0",
        ),
    ];
    for (loss, grad, message) in cases {
        let mut model = Normal::new(2);
        model.params.fill(0.25);
        let before = model.clone();
        let mut step = Descent::new(Fixed { loss, grad }, momentum(&model));
        let e = step
            .train_step(
                &mut model,
                Array2::zeros((1, 2)).view(),
                1e10,
                &mut Seed::new(0).rng(),
            )
            .unwrap_err();
        assert!(e.to_string().starts_with(message), "{e}");
        assert_eq!((model, step.n_steps()), (before, 0));
        let velocity = step.optimiser().snapshot();
        let velocity = velocity.f64s("velocity", &[4]).unwrap();
        assert!(message.starts_with("`bias") || velocity.iter().all(|v| *v == 0.0));
    }
}

#[test]
fn rules_of_the_model_are_reported_as_they_are() {
    /// A model that wants a positive parameter.
    struct Scale(f64);
    impl Parametric for Scale {
        fn layout(&self) -> Layout {
            Layout::new().with("scale", &[])
        }
        fn params(&self) -> Array1<f64> {
            array![self.0]
        }
    }
    impl ParametricMut for Scale {
        fn set_params(&mut self, params: ArrayView1<f64>) -> Result<()> {
            if params[0] <= 0.0 {
                return Err(Error::parameter("scale", params[0], "positive"));
            }
            self.0 = params[0];
            Ok(())
        }
    }
    struct Down;
    impl Objective<Scale> for Down {
        fn loss_and_grad_into(
            &mut self,
            _: &Scale,
            _: ArrayView2<f64>,
            _: &mut dyn Rng,
            mut grad: ArrayViewMut1<f64>,
        ) -> Result<f64> {
            grad.fill(1.0);
            Ok(0.0)
        }
    }
    let mut model = Scale(0.5);
    let mut step = Descent::new(Down, Sgd::new(&model.layout(), Decay::NONE).unwrap());
    let x = Matrix::new(array![[0.0]]).unwrap();
    let e = step
        .train_step(&mut model, x.points(), 1.0, &mut Seed::new(0).rng())
        .unwrap_err();
    assert_eq!(e.to_string(), "`scale` is -0.5, but must be positive");
    assert_eq!(model.0, 0.5);
}

#[test]
fn a_state_comes_back_whole_or_not_at_all() {
    let model = Normal::new(DIM);
    let mut step = Descent::new(Sampled { kept: 1.0 }, momentum(&model));
    let before = step.snapshot();
    let other = Descent::new(Sampled { kept: 2.0 }, momentum(&Normal::new(DIM + 1)));
    assert!(step.restore(&other.snapshot()).is_err());
    assert_eq!(step.snapshot(), before);
    let same = Descent::new(Sampled { kept: 2.0 }, momentum(&model));
    step.restore(&same.snapshot()).unwrap();
    assert_eq!(step.snapshot(), same.snapshot());
    assert_eq!(ControlFlow::Continue(()), GO_ON);
}
