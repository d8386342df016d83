//! Mean energies and the gap, against their definitions.

mod common;

use common::{Normal, points};
use gibbsian_core::dataset::{Dataset, Matrix, assert_batch};
use gibbsian_core::{Energy, Seed, Space, Streams};
use gibbsian_train::{energies, energy_gap, mean_energy};
use ndarray::{Array2, ArrayView2, ArrayViewMut1, ArrayViewMut2, array};
use rand::RngExt;

#[test]
fn energies_are_those_of_the_model_row_by_row() {
    let mut model = Normal::new(3);
    model.params.fill(0.5);
    // More than two blocks, and one that is not full.
    let data = points(1_100, 3, Seed::new(1));
    let expected = model.energy(data.points());
    assert_eq!(energies(&model, &data, Streams::from_key(0)).unwrap(), expected);
    let mean = mean_energy(&model, &data, Streams::from_key(0)).unwrap();
    let std = expected.std(1.0);
    // Both are sums of 1,100 positive numbers in different orders.
    assert!((mean.mean / expected.mean().unwrap() - 1.0).abs() < 1_100.0 * f64::EPSILON);
    assert!((mean.standard_error / (std / 1_100.0_f64.sqrt()) - 1.0).abs() < 1e4 * f64::EPSILON);
    assert_eq!(mean.n_points, 1_100);
}

#[test]
fn the_gap_is_zero_between_samples_of_one_density_within_its_error() {
    let (train, held_out) = (points(2_000, 4, Seed::new(2)), points(3_000, 4, Seed::new(3)));
    let mut model = Normal::new(4);
    model
        .params
        .assign(&array![1.0, 2.0, 3.0, 4.0, 0.0, 0.0, 0.0, 0.0]);
    let gap = energy_gap(&model, &train, &held_out, Streams::from_key(0)).unwrap();
    // Five standard errors: a false alarm has probability below 1e-6.
    assert!(gap.gap.abs() < 5.0 * gap.standard_error, "{gap:?}");
    // E is a sum of four u²/2 with u uniform of unit variance, so Var u² = 9/5 − 1 = 0.8 and Var E = 4 · 0.8/4 = 0.8.
    let expected = (0.8_f64 / 2_000.0 + 0.8 / 3_000.0).sqrt();
    assert!((gap.standard_error / expected - 1.0).abs() < 0.1, "{gap:?}");
}

#[test]
fn the_gap_measures_overfitting() {
    // A mean fitted to n points lies closer to them than to new ones: ⟨E⟩ is D/2 (1 − 1/n) on them and D/2 (1 + 1/n)
    // on new ones, so the expected gap is D/n.
    let (n, dim) = (10, 4);
    let gaps: ndarray::Array1<f64> = (0..400)
        .map(|i| {
            let seed = Seed::new(4).nth(i);
            let few = points(n, dim, seed.child("train"));
            let held_out = points(200, dim, seed.child("held out"));
            let mut model = Normal::new(dim);
            let mean = few.points().mean_axis(ndarray::Axis(0)).unwrap();
            model.params.slice_mut(ndarray::s![..dim]).assign(&mean);
            energy_gap(&model, &few, &held_out, Streams::from_key(0))
                .unwrap()
                .gap
        })
        .collect();
    let (mean, standard_error) = (gaps.mean().unwrap(), gaps.std(1.0) / 20.0);
    // Five standard errors: a false alarm has probability below 1e-6.
    assert!(
        (mean - dim as f64 / n as f64).abs() < 5.0 * standard_error,
        "{mean} ± {standard_error}"
    );
    assert!(standard_error < 0.05, "{standard_error}");
}

/// A view that adds a coin toss to its points.
struct Tossed(Matrix);

impl Space for Tossed {
    fn dim(&self) -> usize {
        self.0.dim()
    }
}

impl Dataset for Tossed {
    fn n_points(&self) -> usize {
        self.0.n_points()
    }

    fn rows_into(&self, indices: &[usize], streams: Streams, mut out: ArrayViewMut2<f64>) {
        assert_batch(self, indices, &out);
        self.0.rows_into(indices, streams, out.view_mut());
        let mut rng = streams.block(0);
        out.mapv_inplace(|x| x + f64::from(u8::from(rng.random::<bool>())));
    }
}

#[test]
fn a_random_view_draws_from_the_streams_alone_and_anew_for_every_block() {
    let model = Normal::new(1);
    let data = Tossed(Matrix::new(Array2::zeros((1_024, 1))).unwrap());
    let draw = |key| energies(&model, &data, Streams::from_key(key)).unwrap();
    assert_eq!(draw(1), draw(1));
    assert_ne!(draw(1), draw(2));
    let one = draw(1);
    assert_ne!(one.slice(ndarray::s![..512]), one.slice(ndarray::s![512..]));
    let gap = energy_gap(&model, &data, &data, Streams::from_key(1)).unwrap();
    assert_ne!(
        gap.gap, 0.0,
        "training and held-out data draw from different streams"
    );
}

#[test]
fn energies_that_are_not_finite_and_wrong_dimensions_are_named() {
    struct Wall;
    impl Space for Wall {
        fn dim(&self) -> usize {
            1
        }
    }
    impl Energy for Wall {
        fn energy_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut1<f64>) {
            out.assign(&x.column(0).mapv(|x| if x > 0.0 { f64::INFINITY } else { 0.0 }));
        }
    }
    let data = Matrix::new(array![[-1.0], [0.0], [1.0]]).unwrap();
    let e = energies(&Wall, &data, Streams::from_key(0))
        .unwrap_err()
        .to_string();
    assert!(e.contains("energy of point 2"), "{e}");
    let e = mean_energy(&Normal::new(2), &data, Streams::from_key(0))
        .unwrap_err()
        .to_string();
    assert!(e.contains("`data` has shape [3, 1]"), "{e}");
    let one = Matrix::new(array![[0.0]]).unwrap();
    assert_eq!(
        mean_energy(&Wall, &one, Streams::from_key(0))
            .unwrap()
            .standard_error,
        f64::INFINITY
    );
}
