//! Where chains start that do not start at the data, and where paths from the data end.

use gibbsian_core::{Density, Directions, Error, Result, Space};
use ndarray::Array2;
use rand::Rng;

/// Something that chains can be started from and paths can end in: any [`Density`], [`StandardNoise`], or a function in [`Draws`].
pub trait Source: Sync {
    /// `n` independent points, one a row; determined by the generator.
    fn draw(&self, n: usize, rng: &mut dyn Rng) -> Array2<f64>;
}

impl<D: Density + ?Sized> Source for D {
    fn draw(&self, n: usize, rng: &mut dyn Rng) -> Array2<f64> {
        self.sample(n, rng)
    }
}

/// A function that draws `n` points, whatever their density.
///
/// ```
/// use gibbsian_core::Seed;
/// use gibbsian_objectives::{Draws, Source};
/// use ndarray::Array2;
/// use rand::{Rng, RngExt};
///
/// // Uniform in the unit square.
/// let noise = Draws(|n: usize, mut rng: &mut dyn Rng| Array2::from_shape_simple_fn((n, 2), || rng.random::<f64>()));
/// assert_eq!(noise.draw(3, &mut Seed::new(1).rng()).dim(), (3, 2));
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Draws<F>(pub F);

impl<F: Fn(usize, &mut dyn Rng) -> Array2<f64> + Sync> Source for Draws<F> {
    fn draw(&self, n: usize, rng: &mut dyn Rng) -> Array2<f64> {
        (self.0)(n, rng)
    }
}

/// Standard normal noise of this many coordinates, the source of most flows.
///
/// ```
/// use gibbsian_core::Seed;
/// use gibbsian_objectives::{Source, StandardNoise};
/// assert_eq!(StandardNoise { dim: 3 }.draw(5, &mut Seed::new(1).rng()).dim(), (5, 3));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StandardNoise {
    /// The number of coordinates.
    pub dim: usize,
}

impl Source for StandardNoise {
    fn draw(&self, n: usize, rng: &mut dyn Rng) -> Array2<f64> {
        Directions::Gaussian.draw((n, self.dim), rng)
    }
}

/// `n` points of a source for a model, of which a closure may get the shape wrong.
pub(crate) fn draw_for<M: Space + ?Sized, S: Source + ?Sized>(
    model: &M,
    source: &S,
    n: usize,
    rng: &mut dyn Rng,
) -> Result<Array2<f64>> {
    let x = source.draw(n, rng);
    if x.dim() == (n, model.dim()) {
        Ok(x)
    } else {
        let required = format!("({n}, {})", model.dim());
        Err(Error::shape("draws of the source", x.shape(), required))
    }
}
