//! Training that is watched: the normaliser followed from epoch to epoch, and rows that count by weights, through the training loop.

use gibbsian_classical::{Bernoulli, Rbm, RbmPath};
use gibbsian_core::dataset::{Matrix, Weighted};
use gibbsian_core::{Dataset, Parametric, Result, Seed, Streams};
use gibbsian_data::{LastBatch, Minibatches};
use gibbsian_objectives::{ExactLikelihood, PersistentContrastiveDivergence, PseudoLikelihood};
use gibbsian_partition::{Anchor, Ladder, LogZTracker, Tracking, ais};
use gibbsian_samplers::Gibbs;
use gibbsian_train::{Constant, Decay, Descent, EachEpoch, GO_ON, Sgd, Trainer, mean_energy};
use ndarray::{Array2, array};

fn sgd() -> Sgd {
    Sgd::new(&machine().layout(), Decay::NONE).unwrap()
}

fn machine() -> Rbm {
    Rbm::random(Bernoulli::unbiased(6), Bernoulli::unbiased(4), 0.1, Seed::new(1)).unwrap()
}

/// Three bars, each seen some times.
fn cases() -> Array2<f64> {
    array![
        [1.0, 1.0, 0.0, 0.0, 0.0, 0.0],
        [0.0, 0.0, 1.0, 1.0, 0.0, 0.0],
        [0.0, 0.0, 0.0, 0.0, 1.0, 1.0]
    ]
}

#[test]
fn log_z_and_the_test_likelihood_are_followed_within_their_error_while_a_machine_learns() {
    let seed = Seed::new(2);
    let data = Matrix::new(cases()).unwrap();
    let test = Matrix::new(cases().slice_move(ndarray::s![..2, ..])).unwrap();
    let mut rbm = machine();
    let chains = Array2::zeros((100, 6));
    let objective = PersistentContrastiveDivergence::new(Gibbs, 1, chains).unwrap();
    let mut step = Descent::new(objective, sgd());
    let options = Tracking {
        n_steps: 5,
        n_warmup: 100,
        max_error: 0.1,
    };
    let mut tracker = LogZTracker::new(Gibbs, Array2::zeros((1000, 6)), options).unwrap();
    let ladder = Ladder::linear(50).unwrap();
    let mut anchor = |rbm: &Rbm, rng: &mut dyn rand::Rng| -> Result<Anchor> {
        let path = RbmPath::new(rbm, Bernoulli::unbiased(6), Bernoulli::unbiased(4))?;
        Ok(ais(&path, &ladder, 1000, rng)?.estimate(0.5)?.into())
    };
    let (mut worst, mut n_anchors, mut last) = (0.0_f64, 0, 0.0);
    let mut watch = EachEpoch::new(|rbm: &Rbm, progress, _| {
        let mut rng = seed.child("log z").nth(progress.epoch).rng();
        let tracked = tracker.look(rbm, &mut anchor, &mut rng)?;
        worst = worst.max((tracked.log_z - rbm.log_z()?).abs() / tracked.standard_error);
        n_anchors += usize::from(tracked.n_ratios == 0);
        last = tracked.mean_log_likelihood(mean_energy(rbm, &test, Streams::from_key(0))?.mean);
        Ok(GO_ON)
    });
    let trainer = Trainer::new(300, Constant::new(0.1).unwrap(), seed).unwrap();
    let mut order = Minibatches::new(3, 3, LastBatch::Keep, seed.child("order")).unwrap();
    trainer
        .fit(&mut rbm, &mut step, &data, &mut order, &mut watch)
        .unwrap();
    // Errors are added without squaring, so this is generous; chains of one Gibbs sweep a unit forget in a few looks.
    assert!(worst <= 5.0, "{worst} standard errors");
    assert!((1..=60).contains(&n_anchors), "{n_anchors} anchors of 300 looks");
    // Three equally likely cases: the best is −log 3, and the uniform machine of the start has −6 log 2.
    assert!(last > -3.0 && last < -(3.0_f64.ln()) + 0.6, "{last}");
}

#[test]
fn weights_reach_the_objective_through_the_loop_and_are_refused_where_they_cannot() {
    let w = array![3.0, 1.0, 0.0];
    let weighted = Weighted::new(Matrix::new(cases()).unwrap(), w.view()).unwrap();
    // The same said by copies: cases seen three times, once and never.
    let copies = Matrix::new(cases().select(ndarray::Axis(0), &[0, 0, 0, 1])).unwrap();
    let trained = |data: &dyn Dataset| {
        let mut rbm = machine();
        let mut step = Descent::new(ExactLikelihood, sgd());
        let n = data.n_points();
        let mut order = Minibatches::new(n, n, LastBatch::Keep, Seed::new(3)).unwrap();
        let trainer = Trainer::new(50, Constant::new(0.2).unwrap(), Seed::new(4)).unwrap();
        trainer
            .fit(&mut rbm, &mut step, data, &mut order, &mut ())
            .unwrap();
        rbm.params()
    };
    let apart = trained(&weighted) - trained(&copies);
    // Fifty steps of rounding.
    assert!(apart.iter().all(|d| d.abs() <= 1e-13), "{apart}");
    let unweighted = trained(&Matrix::new(cases()).unwrap()) - trained(&copies);
    assert!(unweighted.iter().any(|d| d.abs() > 0.1));

    let mut rbm = machine();
    let mut order = Minibatches::new(3, 3, LastBatch::Keep, Seed::new(3)).unwrap();
    let trainer = Trainer::new(1, Constant::new(0.2).unwrap(), Seed::new(4)).unwrap();
    let refused = trainer
        .fit(
            &mut rbm,
            &mut Descent::new(PseudoLikelihood, sgd()),
            &weighted,
            &mut order,
            &mut (),
        )
        .unwrap_err();
    assert!(refused.to_string().contains("takes all rows alike"), "{refused}");
}
