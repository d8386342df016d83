//! Tempering between laws whose supports differ: replicas outside of the target's come down and start anew, and chains that leave the base's stay where they are.

use gibbsian_core::{Density, Energy, GeometricPath, Kernel, Ladder, Path, Seed, Snapshot, Space};
use gibbsian_samplers::{ParallelTempering, RandomWalkMetropolis, Replicas};
use gibbsian_testkit::stats::{FALSE_ALARM, family, mean};
use gibbsian_testkit::targets::Gaussian;
use ndarray::{Array2, ArrayView2, ArrayViewMut1, array};
use rand::{Rng, RngExt};

/// Uniform between two ends.
#[derive(Clone, Copy, Debug)]
struct Uniform(f64, f64);

impl Space for Uniform {
    fn dim(&self) -> usize {
        1
    }
}

impl Energy for Uniform {
    fn energy_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut1<f64>) {
        let inside = |x: &f64| (self.0..=self.1).contains(x);
        out.assign(&x.column(0).map(|x| if inside(x) { 0.0 } else { f64::INFINITY }));
    }
}

impl Density for Uniform {
    fn log_z(&self) -> f64 {
        (self.1 - self.0).ln()
    }

    fn sample(&self, n: usize, rng: &mut dyn Rng) -> Array2<f64> {
        Array2::from_shape_simple_fn((n, 1), || rng.random_range(self.0..self.1))
    }
}

fn normal() -> Gaussian {
    Gaussian::new(array![0.0], array![[1.0]]).unwrap()
}

/// Sets of five rungs after so many steps, each set independent of the others.
fn tempered<P: Path>(path: &P, n_steps: u64) -> Replicas<P::State> {
    let sampler = ParallelTempering::new(Ladder::linear(4).unwrap());
    let mut rng = Seed::new(1).rng();
    let mut replicas = sampler.start(path, 1_000, &mut rng).unwrap();
    sampler.run(path, &mut replicas, n_steps, &mut rng);
    replicas
}

#[test]
fn replicas_outside_of_the_target_come_down() {
    let target = Uniform(0.0, 0.2);
    let kernel = RandomWalkMetropolis::new(0.1).unwrap();
    let path = GeometricPath::new(normal(), target, kernel, 1).unwrap();
    let x = tempered(&path, 1_000).positions().column(0).to_vec();
    // Eight of a hundred draws of the base are inside; the others could not move a step by themselves.
    assert!(x.iter().all(|x| (0.0..=0.2).contains(x)));
    let squares: Vec<f64> = x.iter().map(|x| (x - 0.1).powi(2)).collect();
    let tests = [mean("mean", &x, 0.1), mean("variance", &squares, 0.04 / 12.0)];
    family(&tests, FALSE_ALARM).unwrap();
}

#[test]
fn chains_that_left_the_support_of_the_base_stay_where_they_are() {
    let kernel = RandomWalkMetropolis::new(2.4).unwrap();
    let path = GeometricPath::new(Uniform(-1.0, 1.0), normal(), kernel, 1).unwrap();
    let mut replicas = tempered(&path, 300);
    let x = replicas.positions().column(0).to_vec();
    assert!(x.iter().any(|x| x.abs() > 1.0));
    let squares: Vec<f64> = x.iter().map(|x| x * x).collect();
    let tests = [mean("mean", &x, 0.0), mean("variance", &squares, 1.0)];
    family(&tests, FALSE_ALARM).unwrap();
    // Also when everything that they have cached is computed again.
    let sampler = ParallelTempering::new(Ladder::linear(4).unwrap());
    sampler.refresh(&path, &mut replicas);
    assert_eq!(replicas.positions().column(0).to_vec(), x);
    // And they come back from a snapshot.
    let mut others = sampler.start(&path, 1_000, &mut Seed::new(2).rng()).unwrap();
    others.restore(&replicas.snapshot()).unwrap();
    assert_eq!(others.snapshot(), replicas.snapshot());
}
