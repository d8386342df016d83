//! Three ways to see grey pictures as numbers.
//!
//! | view | value of a pixel `g ∈ {0, …, 255}` | for |
//! |---|---|---|
//! | [`Threshold`] | 1 if `g` is above a level, else 0 | binary units; the same on every visit |
//! | [`StochasticBinarised`] | 1 with probability `g / 255`, else 0, afresh on every visit | binary units; the data distribution is the product of Bernoullis that the grey values define |
//! | [`Means`] | `g / 255` | units with means, or `g / 255` as the probability of a Bernoulli |
//!
//! They are types because they are different data sets: log-likelihoods under one cannot be compared with those under another.
//! The fresh tosses are those of Burda, Grosse and Salakhutdinov (2016, "Importance weighted autoencoders", section 5), after
//! Salakhutdinov and Murray (2008, "On the quantitative analysis of deep belief networks"), who tossed once and kept the result.

use std::hint::black_box;

use gibbsian_core::dataset::{Dataset, assert_batch};
use gibbsian_core::parallel::BLOCK_ROWS;
use gibbsian_core::{Space, Streams};
use ndarray::{ArrayViewMut1, ArrayViewMut2};

use crate::images::Images;
use crate::toss::toss;

/// Pixels above a level are 1 and all others 0.
///
/// ```
/// use gibbsian_core::{Streams, dataset::Dataset};
/// use gibbsian_data::{Images, Threshold};
/// let data = Threshold::new(Images::new(1, 1, 3, vec![0, 127, 128])?, 127);
/// assert_eq!(data.rows(&[0], Streams::from_key(0)), ndarray::array![[0.0, 0.0, 1.0]]);
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Threshold {
    images: Images,
    level: u8,
    values: [f64; 256],
}

impl Threshold {
    /// Pixels above `level` are on; 127 splits the greys into halves.
    pub fn new(images: Images, level: u8) -> Self {
        let values = std::array::from_fn(|g| if g > usize::from(level) { 1.0 } else { 0.0 });
        Threshold {
            images,
            level,
            values,
        }
    }

    /// The pictures behind the view.
    pub fn images(&self) -> &Images {
        &self.images
    }

    /// The highest grey that is off.
    pub fn level(&self) -> u8 {
        self.level
    }
}

/// Pixels are 1 with probability `g / 255`, tossed afresh on every visit.
///
/// ```
/// use gibbsian_core::{Streams, dataset::Dataset};
/// use gibbsian_data::{Images, StochasticBinarised};
/// let data = StochasticBinarised::new(Images::new(1, 1, 3, vec![0, 128, 255])?);
/// let visits = data.rows(&[0; 100], Streams::from_key(1));
/// assert!(visits.column(0).iter().all(|&x| x == 0.0));
/// assert!(visits.column(2).iter().all(|&x| x == 1.0));
/// assert!((20.0..80.0).contains(&visits.column(1).sum()));
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct StochasticBinarised {
    images: Images,
}

impl StochasticBinarised {
    /// Tosses for the pixels of these pictures.
    pub fn new(images: Images) -> Self {
        StochasticBinarised { images }
    }

    /// The pictures behind the view.
    pub fn images(&self) -> &Images {
        &self.images
    }
}

/// Pixels are `g / 255`, rounded to the nearest `f64`.
///
/// ```
/// use gibbsian_core::{Streams, dataset::Dataset};
/// use gibbsian_data::{Images, Means};
/// let data = Means::new(Images::new(1, 1, 3, vec![0, 51, 255])?);
/// assert_eq!(data.rows(&[0], Streams::from_key(0)), ndarray::array![[0.0, 0.2, 1.0]]);
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Means {
    images: Images,
}

impl Means {
    /// The grey values of these pictures as numbers in `[0, 1]`.
    pub fn new(images: Images) -> Self {
        Means { images }
    }

    /// The pictures behind the view.
    pub fn images(&self) -> &Images {
        &self.images
    }
}

macro_rules! space_of_images {
    ($($view:ident)*) => {$(
        impl Space for $view {
            fn dim(&self) -> usize {
                self.images.dim()
            }
        }
    )*};
}

space_of_images!(Threshold StochasticBinarised Means);

impl Dataset for Threshold {
    fn n_points(&self) -> usize {
        self.images.n()
    }

    fn rows_into(&self, indices: &[usize], _: Streams, out: ArrayViewMut2<f64>) {
        assert_batch(self, indices, &out);
        look_up(&self.values, &self.images, indices, out);
    }
}

impl Dataset for StochasticBinarised {
    fn n_points(&self) -> usize {
        self.images.n()
    }

    fn rows_into(&self, indices: &[usize], streams: Streams, mut out: ArrayViewMut2<f64>) {
        assert_batch(self, indices, &out);
        let mut rng = streams.block(0);
        for_each_row(&self.images, indices, |b, pixels| {
            if b % BLOCK_ROWS == 0 {
                rng = streams.block(b / BLOCK_ROWS);
            }
            convert_row(pixels, out.row_mut(b), |pixels, x| toss(pixels, x, &mut rng));
        });
    }
}

impl Dataset for Means {
    fn n_points(&self) -> usize {
        self.images.n()
    }

    fn rows_into(&self, indices: &[usize], _: Streams, out: ArrayViewMut2<f64>) {
        assert_batch(self, indices, &out);
        look_up(&FRACTIONS, &self.images, indices, out);
    }
}

/// `g / 255` for every grey.
const FRACTIONS: [f64; 256] = {
    let mut fractions = [0.0; 256];
    let mut g = 0;
    while g < 256 {
        fractions[g] = g as f64 / 255.0;
        g += 1;
    }
    fractions
};

/// Writes the value of each pixel's grey. A table is faster than a comparison, which the compiler may turn into a branch that grey
/// edges mispredict, and than a division.
fn look_up(values: &[f64; 256], images: &Images, indices: &[usize], mut out: ArrayViewMut2<f64>) {
    for_each_row(images, indices, |b, pixels| {
        convert_row(pixels, out.row_mut(b), |pixels, x| {
            for (x, &pixel) in x.iter_mut().zip(pixels) {
                *x = values[usize::from(pixel)];
            }
        });
    });
}

/// How many rows are brought into the cache together.
const FETCHED_ROWS: usize = 16;

/// Calls `f(b, pixels)` for each row `b` of the minibatch, in order.
///
/// Pictures in random order come from main memory, and converting one takes too many instructions for the processor to start loading the
/// next. Touching every cache line of a few pictures beforehand lets their loads overlap, which halves the time of a minibatch.
fn for_each_row(images: &Images, indices: &[usize], mut f: impl FnMut(usize, &[u8])) {
    const CACHE_LINE: usize = 64;
    for (group, indices) in indices.chunks(FETCHED_ROWS).enumerate() {
        let mut touched = 0;
        for &index in indices {
            touched = images
                .pixels(index)
                .iter()
                .step_by(CACHE_LINE)
                .fold(touched, |t, g| t ^ g);
        }
        black_box(touched);
        for (k, &index) in indices.iter().enumerate() {
            f(group * FETCHED_ROWS + k, images.pixels(index));
        }
    }
}

/// How many pixels are converted at once where a row is not contiguous; a multiple of the eight pixels of a random word, so that the memory
/// layout of the result does not change which pixel gets which byte.
const PIECE: usize = 64;

/// Applies `convert` to a row of pixels, in place where the memory layout permits and by pieces otherwise.
fn convert_row(pixels: &[u8], mut row: ArrayViewMut1<f64>, mut convert: impl FnMut(&[u8], &mut [f64])) {
    if let Some(x) = row.as_slice_mut() {
        return convert(pixels, x);
    }
    let mut piece = [0.0; PIECE];
    for (k, pixels) in pixels.chunks(PIECE).enumerate() {
        let piece = &mut piece[..pixels.len()];
        convert(pixels, piece);
        for (x, &value) in row.iter_mut().skip(k * PIECE).zip(piece.iter()) {
            *x = value;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gibbsian_core::Seed;
    use ndarray::{Array2, ShapeBuilder, s};

    fn ramp(n: usize, height: usize, width: usize) -> Images {
        let pixels = (0..n * height * width).map(|i| (i * 37 % 256) as u8).collect();
        Images::new(n, height, width, pixels).unwrap()
    }

    #[test]
    fn the_memory_layout_of_the_result_does_not_change_it() {
        let images = ramp(7, 9, 17);
        let indices: Vec<usize> = (0..40).map(|b| b * 5 % 7).collect();
        let views: [&dyn Dataset; 3] = [
            &Threshold::new(images.clone(), 100),
            &StochasticBinarised::new(images.clone()),
            &Means::new(images),
        ];
        for view in views {
            let streams = Streams::draw(&mut Seed::new(4).rng());
            let rows = view.rows(&indices, streams);
            let mut columns = Array2::from_elem((40, 153).f(), f64::NAN);
            view.rows_into(&indices, streams, columns.view_mut());
            assert_eq!(rows, columns);
            let mut wide = Array2::from_elem((80, 306), f64::NAN);
            view.rows_into(&indices, streams, wide.slice_mut(s![..;-2, ..;2]));
            assert_eq!(rows, wide.slice(s![..;-2, ..;2]));
        }
    }

    #[test]
    fn thresholds_and_means_hold_for_every_grey() {
        let images = Images::new(1, 16, 16, (0..=255).collect()).unwrap();
        for level in [0, 1, 127, 254, 255] {
            let x = Threshold::new(images.clone(), level).rows(&[0], Streams::from_key(0));
            for (g, &x) in x.iter().enumerate() {
                assert_eq!(x, if g > usize::from(level) { 1.0 } else { 0.0 });
            }
        }
        let x = Means::new(images).rows(&[0], Streams::from_key(0));
        for (g, &x) in x.iter().enumerate() {
            assert_eq!(x, g as f64 / 255.0);
        }
    }
}
