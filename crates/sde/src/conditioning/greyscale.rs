//! Colourisation: the grey form of a colour picture, as an observation of it.
//!
//! A grey picture says of every pixel `x_n` `(C)` one number, `y_n = w · x_n`. In an orthogonal basis of colours whose first vector is `q = w/‖w‖` that is the first coordinate
//! of the pixel up to its length, `y_n/‖w‖`, and the others are not seen at all: in these coordinates, which Song et al. (2021, appendix I) call decoupled, colourisation is inpainting.
//! The noise of the processes here is the same in every orthogonal basis, so nothing else changes with the coordinates, and how the basis is completed does not matter: of it a method sees
//! `q` and what is orthogonal to `q`. So no picture is written in another basis here; what is known is, by products with `q`.
//!
//! - [`LinearObservation::of_grey`](super::LinearObservation::of_grey) is the observation that guidances, [`DiffPir`](super::DiffPir) and [`TwistedSmc`](super::TwistedSmc) take;
//!   it costs a product with `w` a pixel, and no matrix is formed.
//! - [`KnownGrey`] is known exactly, for [`Replacement`](super::Replacement) and [`RePaint`](super::RePaint): the coordinate along `q` becomes `α_t y_n/‖w‖ + σ_t z`.

use gibbsian_core::Space;
use gibbsian_core::error::{Error, Result, check_count, check_finite, check_shape};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, ArrayViewMut2};

use super::replacement::Known;

/// The order of the numbers of a picture in a row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ChannelOrder {
    /// Pixel after pixel, the channels of each side by side, as networks on pictures have them here.
    #[default]
    Interleaved,
    /// Channel after channel.
    Planar,
}

/// How a picture in colours is made grey, `y_n = w · x_n` in every pixel `n`.
///
/// ```
/// use gibbsian_sde::{ChannelOrder, Greyscale, LinearObservation};
/// use ndarray::array;
///
/// // Two pixels of three channels, and what is left of them.
/// let greyscale = Greyscale::of_mean(3, 2, ChannelOrder::Interleaved)?;
/// let picture = array![[0.0, 0.5, 1.0, 0.25, 0.25, 0.25]];
/// let grey = greyscale.apply(picture.view());
/// assert_eq!(grey, array![[0.5, 0.25]]);
///
/// // What any of the methods of conditioning takes.
/// let observation = LinearObservation::of_grey(greyscale, grey.row(0).to_owned(), 1e-4)?;
/// assert_eq!(observation.residual(picture.view()), array![[0.0, 0.0]]);
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Greyscale {
    weights: Array1<f64>,
    n_pixels: usize,
    order: ChannelOrder,
}

impl Greyscale {
    /// The weights `w` `(C)` of the channels, for pictures of so many pixels.
    ///
    /// Weights that add up to one keep grey pictures as they are; those of the luma of standard-definition television, for red, green and blue, are 0.299, 0.587 and 0.114.
    ///
    /// # Errors
    /// No channels or no pixels; weights that are not finite or all zero.
    pub fn new(weights: Array1<f64>, n_pixels: usize, order: ChannelOrder) -> Result<Self> {
        check_count("the number of channels", weights.len())?;
        check_count("n_pixels", n_pixels)?;
        check_finite("weights", &weights)?;
        let norm_squared = weights.dot(&weights);
        if !(norm_squared.is_normal() && norm_squared.sqrt().recip().is_finite()) {
            let requirement = "different from zero somewhere, and their squares numbers";
            return Err(Error::parameter("weights", weights, requirement));
        }
        Ok(Greyscale {
            weights,
            n_pixels,
            order,
        })
    }

    /// The mean of the channels.
    ///
    /// Song et al. (2021) observe the first coordinate, the mean times `√C`.
    ///
    /// # Errors
    /// No channels or no pixels.
    pub fn of_mean(n_channels: usize, n_pixels: usize, order: ChannelOrder) -> Result<Self> {
        check_count("n_channels", n_channels)?;
        Greyscale::new(
            Array1::from_elem(n_channels, 1.0 / n_channels as f64),
            n_pixels,
            order,
        )
    }

    /// `w` `(C)`.
    pub fn weights(&self) -> ArrayView1<'_, f64> {
        self.weights.view()
    }

    /// The number `N` of pixels.
    pub fn n_pixels(&self) -> usize {
        self.n_pixels
    }

    /// The order of the numbers of a picture.
    pub fn order(&self) -> ChannelOrder {
        self.order
    }

    /// The grey form of every row of `x` `(B, C N)`, in a new array `(B, N)`.
    ///
    /// # Panics
    /// When the shapes do not fit.
    pub fn apply(&self, x: ArrayView2<f64>) -> Array2<f64> {
        assert!(
            x.ncols() == self.dim(),
            "x has shape {:?}, but the pictures need (B, {})",
            x.shape(),
            self.dim()
        );
        let mut out = Array2::zeros((x.nrows(), self.n_pixels));
        for (c, &w) in self.weights.iter().enumerate() {
            for n in 0..self.n_pixels {
                out.column_mut(n).scaled_add(w, &x.column(self.index(c, n)));
            }
        }
        out
    }

    /// Adds `w u_n` to the channels of every pixel: the transpose.
    pub(super) fn add_adjoint(&self, u: ArrayView2<f64>, mut out: ArrayViewMut2<f64>) {
        for (c, &w) in self.weights.iter().enumerate() {
            for n in 0..self.n_pixels {
                out.column_mut(self.index(c, n)).scaled_add(w, &u.column(n));
            }
        }
    }

    /// `‖w‖²`.
    pub(super) fn norm_squared(&self) -> f64 {
        self.weights.dot(&self.weights)
    }

    /// Where channel `c` of pixel `n` is.
    fn index(&self, c: usize, n: usize) -> usize {
        match self.order {
            ChannelOrder::Interleaved => n * self.weights.len() + c,
            ChannelOrder::Planar => c * self.n_pixels + n,
        }
    }
}

/// Pictures in colours, as points.
impl Space for Greyscale {
    fn dim(&self) -> usize {
        self.weights.len() * self.n_pixels
    }
}

/// The grey form of a picture, known exactly.
///
/// ```
/// use gibbsian_core::process::OrnsteinUhlenbeck;
/// use gibbsian_core::{Seed, Space, TimeScore};
/// use gibbsian_sde::{ChannelOrder, EulerMaruyama, FixedSteps, FreshNoise, Greyscale, KnownGrey, Replacement, ReverseSde, TimeGrid};
/// use ndarray::{ArrayView1, ArrayView2, ArrayViewMut2, array};
///
/// /// Pictures of a single pixel, whose colours are normal and independent: a network is put in its place.
/// struct Normal;
/// impl Space for Normal {
///     fn dim(&self) -> usize {
///         3
///     }
/// }
/// impl TimeScore for Normal {
///     fn score_at_into(&self, x: ArrayView2<f64>, _: ArrayView1<f64>, mut out: ArrayViewMut2<f64>) {
///         out.assign(&-&x);
///     }
/// }
///
/// let process = OrnsteinUhlenbeck::new(4.0)?;
/// let greyscale = Greyscale::of_mean(3, 1, ChannelOrder::Interleaved)?;
/// let coloured = Replacement::new(EulerMaruyama, KnownGrey::new(greyscale.clone(), array![0.7])?);
/// let noise = FreshNoise::new(Seed::new(1));
/// let steps = FixedSteps::new(TimeGrid::uniform(4.0, 0.0, 100)?);
/// let pictures = steps.solve(&coloured, &ReverseSde::new(process, Normal), noise.normal((5, 3)), &noise)?;
/// assert!(greyscale.apply(pictures.view()).iter().all(|y| (y - 0.7).abs() < 1e-14));
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct KnownGrey {
    greyscale: Greyscale,
    values: Array1<f64>,
}

impl KnownGrey {
    /// The grey picture `values` `(N)`.
    ///
    /// # Errors
    /// Values of another number than pixels, or not finite.
    pub fn new(greyscale: Greyscale, values: Array1<f64>) -> Result<Self> {
        check_shape("values", &values, &[greyscale.n_pixels])?;
        check_finite("values", &values)?;
        Ok(KnownGrey { greyscale, values })
    }

    /// How pictures are made grey.
    pub fn greyscale(&self) -> &Greyscale {
        &self.greyscale
    }

    /// The grey picture `(N)`.
    pub fn values(&self) -> ArrayView1<'_, f64> {
        self.values.view()
    }
}

impl Known for KnownGrey {
    fn n_values(&self) -> usize {
        self.values.len()
    }

    fn check_dim(&self, dim: usize) -> Result<()> {
        check_dim(&self.greyscale, dim)
    }

    /// With the coordinates `c_n = x_n · w/‖w‖` this is `x_n + (α y_n/‖w‖ + σ z_n − c_n) w/‖w‖`.
    fn overwrite(&self, alpha: f64, sigma: f64, z: ArrayView2<f64>, x: ArrayViewMut2<f64>) {
        let norm_squared = self.greyscale.norm_squared();
        let sigma = sigma * norm_squared.sqrt();
        let mut change = self.greyscale.apply(x.view());
        for (mut change, z) in change.rows_mut().into_iter().zip(z.rows()) {
            for ((change, y), z) in change.iter_mut().zip(&self.values).zip(z) {
                *change = (alpha * y + sigma * z - *change) / norm_squared;
            }
        }
        self.greyscale.add_adjoint(change.view(), x);
    }
}

/// Requires pictures of this size.
fn check_dim(greyscale: &Greyscale, dim: usize) -> Result<()> {
    if greyscale.dim() == dim {
        Ok(())
    } else {
        Err(Error::parameter(
            "the dimension of the pictures",
            greyscale.dim(),
            format!(
                "{dim}, that of the score; {} channels times {} pixels make a row",
                greyscale.weights.len(),
                greyscale.n_pixels
            ),
        ))
    }
}
