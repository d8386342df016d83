//! A run of a network allocates nothing once its memory has its size. A test of its own, because it counts the whole program's memory.
//!
//! On one thread, because a thread that helps for the first time makes room for itself, and nobody can say when that will be.

use gibbsian_core::{
    Energy, EnergyPullback, Parametric, ParametricMut, Score, ScoreJvp, ScoreJvpPullback, ScorePullback, Seed,
};
use gibbsian_nn::{Activation, Init, Net, NeuralEnergy, NeuralScore, Picture, Precision, UNet, Var};
use ndarray::{Array1, Array2, ArrayView2, ArrayViewMut2};
use peak_alloc::PeakAlloc;
use rayon::ThreadPoolBuilder;

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// Requires that a run holds no more than was held before, after two that warm up.
fn allocates_nothing(what: &str, mut run: impl FnMut() + Send) {
    let pool = ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    let peak = pool.install(|| {
        run();
        run();
        MEMORY.reset_peak_usage();
        let before = MEMORY.current_usage();
        (0..5).for_each(|_| run());
        MEMORY.peak_usage() - before
    });
    assert_eq!(peak, 0, "{what}");
}

/// More rows than a block has.
const ROWS: usize = 150;

fn points(dim: usize) -> Array2<f64> {
    Array2::from_shape_fn((ROWS, dim), |(b, i)| ((b * 7 + i * 5) % 13) as f64 / 7.0 - 0.9)
}

fn of_a_score(name: &str, score: &NeuralScore, dim: usize) {
    let (x, v) = (points(dim), points(dim));
    let (mut s, mut jvp) = (Array2::zeros((ROWS, dim)), Array2::zeros((ROWS, dim)));
    let (mut divergence, mut grad) = (Array1::zeros(ROWS), Array1::zeros(score.n_params()));
    allocates_nothing(&format!("{name}: score"), || {
        score.score_into(x.view(), s.view_mut());
    });
    allocates_nothing(&format!("{name}: product with the Jacobian"), || {
        score.score_jvp_into(x.view(), v.view(), s.view_mut(), jvp.view_mut());
    });
    allocates_nothing(&format!("{name}: pullback"), || {
        score.score_pullback_with(x.view(), &mut |_, mut u| u.fill(0.5), grad.view_mut());
    });
    allocates_nothing(&format!("{name}: pullback of the product"), || {
        let mut cotangent =
            |_: ArrayView2<f64>, _: ArrayView2<f64>, mut u: ArrayViewMut2<f64>, mut w: ArrayViewMut2<f64>| {
                u.fill(0.5);
                w.fill(0.25);
            };
        score.score_jvp_pullback_with(x.view(), v.view(), &mut cotangent, grad.view_mut());
    });
    let mut updated = score.clone();
    allocates_nothing(&format!("{name}: update of the parameters"), || {
        let by_nothing = updated.update_params(&mut |mut params| {
            params *= 1.0;
            Ok(())
        });
        by_nothing.expect("the same parameters");
    });
    if dim <= 8 {
        allocates_nothing(&format!("{name}: divergence"), || {
            score.divergence_into(x.view(), divergence.view_mut());
        });
    }
}

#[test]
fn runs_allocate_nothing_in_steady_state() {
    let mut rng = Seed::new(1).rng();
    let dense = |net: &mut Net<'_>, x: Var| net.mlp("score", x, &[64, 64], 2, Activation::Silu);
    let convolutional = |net: &mut Net<'_>, x: Var| {
        let h = net.conv2d("in", Picture::new(x, 8, 8, 1), 4, 3, Init::LeCun);
        let h = net.unet("unet", h, None, &UNet::new(vec![4, 6]));
        net.conv2d("out", h, 1, 3, Init::LeCun).node
    };
    for precision in [Precision::Single, Precision::Double] {
        let score = NeuralScore::new(2, dense, &mut rng)
            .unwrap()
            .with_precision(precision);
        of_a_score("dense", &score, 2);
        let score = NeuralScore::new(64, convolutional, &mut rng)
            .unwrap()
            .with_precision(precision);
        of_a_score("U-Net", &score, 64);
        let forward = |net: &mut Net<'_>, x: Var| {
            let e = net.mlp("energy", x, &[64, 64], 1, Activation::Silu);
            net.confined(e, x, 2.0)
        };
        let energy = NeuralEnergy::new(2, forward, &mut rng)
            .unwrap()
            .with_precision(precision);
        let x = points(2);
        let (mut e, mut s) = (Array1::zeros(ROWS), Array2::zeros((ROWS, 2)));
        let mut grad = Array1::zeros(energy.n_params());
        allocates_nothing("energy", || energy.energy_into(x.view(), e.view_mut()));
        allocates_nothing("its score", || energy.score_into(x.view(), s.view_mut()));
        allocates_nothing("its pullback", || {
            energy.energy_pullback_with(x.view(), &mut |_, mut w| w.fill(0.5), grad.view_mut());
        });
        allocates_nothing("the pullback of its score", || {
            energy.score_pullback_with(x.view(), &mut |_, mut u| u.fill(0.5), grad.view_mut());
        });
    }
}
