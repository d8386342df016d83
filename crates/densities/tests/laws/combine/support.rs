//! Densities and probes that these tests are made with.

use gibbsian_core::energy::assert_energy_shapes;
use gibbsian_core::{Density, Discrete, Energy, Potential, Score, ScoreJvp, Seed, Space};
use gibbsian_densities::LinearGaussianChain;
use ndarray::{Array1, Array2, ArrayView2, ArrayViewMut1, ArrayViewMut2, Axis, array};
use rand::{Rng, RngExt};
use rand_distr::StandardNormal;

/// The exponential density on the half-line `x ≥ 0`, with the contracts of the crate: no score outside.
#[derive(Clone, Debug)]
pub struct Exponential(pub f64);

impl Space for Exponential {
    fn dim(&self) -> usize {
        1
    }
}

impl Energy for Exponential {
    fn energy_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut1<f64>) {
        assert_energy_shapes(1, x, &out);
        out.zip_mut_with(&x.column(0), |e, &x| {
            *e = if x < 0.0 { f64::INFINITY } else { self.0 * x };
        });
    }
}

impl Density for Exponential {
    fn log_z(&self) -> f64 {
        -self.0.ln()
    }

    fn sample(&self, n: usize, rng: &mut dyn Rng) -> Array2<f64> {
        Array2::from_shape_fn((n, 1), |_| -(-rng.random::<f64>()).ln_1p() / self.0)
    }
}

impl Score for Exponential {
    fn score_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut2<f64>) {
        out.zip_mut_with(&x, |s, &x| *s = if x >= 0.0 { -self.0 } else { f64::NAN });
    }
}

impl Potential for Exponential {}

impl ScoreJvp for Exponential {
    fn score_jvp_into(
        &self,
        x: ArrayView2<f64>,
        v: ArrayView2<f64>,
        score: ArrayViewMut2<f64>,
        mut jvp: ArrayViewMut2<f64>,
    ) {
        self.score_into(x, score);
        ndarray::Zip::from(&mut jvp)
            .and(x)
            .and(v)
            .for_each(|jvp, &x, &v| {
                *jvp = if x >= 0.0 { 0.0 * v } else { f64::NAN };
            });
    }
}

/// The Laplace density `exp(−|x − location| / scale) / (2 scale)`.
#[derive(Clone, Debug)]
pub struct Laplace {
    pub location: f64,
    pub scale: f64,
}

impl Space for Laplace {
    fn dim(&self) -> usize {
        1
    }
}

impl Energy for Laplace {
    fn energy_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut1<f64>) {
        out.zip_mut_with(&x.column(0), |e, &x| *e = (x - self.location).abs() / self.scale);
    }
}

impl Density for Laplace {
    fn log_z(&self) -> f64 {
        (2.0 * self.scale).ln()
    }

    fn sample(&self, n: usize, rng: &mut dyn Rng) -> Array2<f64> {
        let size = Exponential(1.0 / self.scale).sample(n, rng);
        size.mapv(|e| self.location + if rng.random::<bool>() { e } else { -e })
    }
}

impl Score for Laplace {
    fn score_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut2<f64>) {
        out.zip_mut_with(&x, |s, &x| *s = -(x - self.location).signum() / self.scale);
    }
}

impl Potential for Laplace {}

impl ScoreJvp for Laplace {
    fn score_jvp_into(
        &self,
        x: ArrayView2<f64>,
        v: ArrayView2<f64>,
        score: ArrayViewMut2<f64>,
        mut jvp: ArrayViewMut2<f64>,
    ) {
        self.score_into(x, score);
        jvp.assign(&(0.0 * &v));
    }
}

/// The normal on the line.
pub fn normal(mean: f64, deviation: f64) -> LinearGaussianChain {
    LinearGaussianChain::new(Array2::zeros((1, 1)), array![mean], array![deviation]).unwrap()
}

/// The standard normal in `dim` dimensions.
pub fn standard(dim: usize) -> LinearGaussianChain {
    LinearGaussianChain::new(Array2::zeros((dim, dim)), Array1::zeros(dim), Array1::ones(dim)).unwrap()
}

/// A chain of `dim` coordinates with generic parameters.
pub fn chain(dim: usize, seed: Seed) -> LinearGaussianChain {
    let z = normals((dim + 2, dim), seed);
    let coefficients = Array2::from_shape_fn((dim, dim), |(i, j)| if j < i { 0.7 * z[[i, j]] } else { 0.0 });
    let deviations = z.row(dim).mapv(|z| (0.4 * z).exp());
    LinearGaussianChain::new(coefficients, z.row(dim + 1).to_owned(), deviations).unwrap()
}

/// Standard normal numbers.
pub fn normals(shape: (usize, usize), seed: Seed) -> Array2<f64> {
    let mut rng = seed.rng();
    Array2::from_shape_fn(shape, |_| rng.sample(StandardNormal))
}

/// The mass of a density in the plane, by the trapezoidal rule with step `h` on `[−half, half]²`, which converges exponentially for smooth densities.
pub fn mass_in_the_plane(density: &impl Density, half: f64, h: f64) -> f64 {
    let n = (half / h).round() as i32;
    let nodes: Vec<f64> = (-n..=n).map(|k| f64::from(k) * h).collect();
    let mut rows = Array2::zeros((nodes.len(), 2));
    rows.column_mut(1).assign(&Array1::from_vec(nodes.clone()));
    let mut mass = 0.0;
    for &x in &nodes {
        rows.index_axis_mut(Axis(1), 0).fill(x);
        mass += density.log_density(rows.view()).mapv(f64::exp).sum() * h * h;
    }
    mass
}

/// Requires a combination whose parts have different alphabets to have no states, whoever asks, and to name the site.
pub fn no_states<M: Discrete>(model: &M, x: ArrayView2<f64>) {
    for refused in [model.check_states("x", x), model.states().map(drop)] {
        let message = refused.unwrap_err().to_string();
        assert!(message.contains("the alphabet of site 0"), "{message}");
    }
    assert_eq!(model.n_states(), None);
}
