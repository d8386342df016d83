//! Grey pictures as bytes, and the classes they belong to.
//!
//! Pixels stay bytes: MNIST takes 47 MB so, and would take 376 MB as `f64`. The bytes are shared behind an [`Arc`], so that the same
//! pictures can be looked at through several [views](crate::view) without a copy.

use std::sync::Arc;

use gibbsian_core::error::check_count;
use gibbsian_core::{Error, Result, Seed};
use ndarray::{Array1, ArrayView2};

use crate::idx::Idx;
use crate::split::hold_out;

/// `N` grey pictures of `height × width` pixels, 0 black and 255 white. Cloning is cheap.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Images {
    n: usize,
    height: usize,
    width: usize,
    pixels: Arc<Vec<u8>>,
}

impl Images {
    /// Pictures from their pixels, picture after picture, row after row.
    ///
    /// # Errors
    /// A size of zero, or not exactly `n · height · width` pixels.
    pub fn new(n: usize, height: usize, width: usize, pixels: Vec<u8>) -> Result<Self> {
        check_count("n", n)?;
        check_count("height", height)?;
        check_count("width", width)?;
        let required = n.checked_mul(height).and_then(|k| k.checked_mul(width));
        if required != Some(pixels.len()) {
            return Err(
                Error::shape("pixels", &[pixels.len()], format!("[{n} * {height} * {width}]"))
                    .with_cure("give the number of pictures, their height and their width in this order"),
            );
        }
        Ok(Images {
            n,
            height,
            width,
            pixels: Arc::new(pixels),
        })
    }

    /// Pictures from an array `(N, height, width)`.
    ///
    /// # Errors
    /// The array has another rank.
    pub fn from_idx(idx: Idx) -> Result<Self> {
        match *idx.shape() {
            [n, height, width] => Images::new(n, height, width, idx.into_bytes()),
            ref other => Err(Error::shape("images", other, "(count, height, width)")),
        }
    }

    /// The number of pictures `N`.
    pub fn n(&self) -> usize {
        self.n
    }

    /// The mean of every pixel, divided by 255, `(height × width)`.
    pub fn means(&self) -> Array1<f64> {
        let mut means = Array1::zeros(self.dim());
        for picture in self.pixels.chunks(self.dim()) {
            for (mean, pixel) in means.iter_mut().zip(picture) {
                *mean += f64::from(*pixel);
            }
        }
        means / (255.0 * self.n as f64)
    }

    /// The number of pixel rows of a picture.
    pub fn height(&self) -> usize {
        self.height
    }

    /// The number of pixels in a row.
    pub fn width(&self) -> usize {
        self.width
    }

    /// The number of pixels of a picture, `D = height · width`.
    pub fn dim(&self) -> usize {
        self.height * self.width
    }

    /// The pixels of all pictures, picture after picture.
    pub fn as_bytes(&self) -> &[u8] {
        &self.pixels
    }

    /// The `D` pixels of picture `index`, row after row.
    ///
    /// # Panics
    /// When there is no such picture.
    pub fn pixels(&self, index: usize) -> &[u8] {
        let dim = self.dim();
        assert!(
            index < self.n,
            "picture {index}, but there are only {} pictures",
            self.n
        );
        &self.pixels[index * dim..(index + 1) * dim]
    }

    /// Picture `index` as `(height, width)`.
    ///
    /// # Panics
    /// When there is no such picture.
    pub fn picture(&self, index: usize) -> ArrayView2<'_, u8> {
        ArrayView2::from_shape((self.height, self.width), self.pixels(index))
            .expect("a picture has height times width pixels")
    }

    /// The pictures of these indices, in this order, in memory of their own.
    ///
    /// # Errors
    /// There are no indices, or one is not below `N`.
    pub fn select(&self, indices: &[usize]) -> Result<Self> {
        check_indices(indices, self.n)?;
        let mut pixels = Vec::with_capacity(indices.len() * self.dim());
        for &index in indices {
            pixels.extend_from_slice(self.pixels(index));
        }
        Images::new(indices.len(), self.height, self.width, pixels)
    }
}

/// The classes of `N` pictures, each in `0..n_classes`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Labels {
    values: Vec<u8>,
    n_classes: usize,
}

impl Labels {
    /// Labels that are all below `n_classes`.
    ///
    /// # Errors
    /// There are none, or one is out of range; it is named with its index.
    pub fn new(values: Vec<u8>, n_classes: usize) -> Result<Self> {
        check_count("labels", values.len())?;
        match values.iter().position(|&v| usize::from(v) >= n_classes) {
            None => Ok(Labels { values, n_classes }),
            Some(i) => Err(Error::parameter(
                format!("labels[{i}]"),
                values[i],
                format!("below the number of classes, {n_classes}"),
            )
            .with_cure("classes are counted from 0: subtract 1 from labels that begin at 1")),
        }
    }

    /// Labels from an array `(N)`.
    ///
    /// # Errors
    /// The array has another rank, or as [`Labels::new`].
    pub fn from_idx(idx: Idx, n_classes: usize) -> Result<Self> {
        match idx.shape() {
            [_] => Labels::new(idx.into_bytes(), n_classes),
            other => Err(Error::shape("labels", other, "(count)")),
        }
    }

    /// The number of labels `N`.
    pub fn n(&self) -> usize {
        self.values.len()
    }

    /// The number of classes.
    pub fn n_classes(&self) -> usize {
        self.n_classes
    }

    /// All labels.
    pub fn as_slice(&self) -> &[u8] {
        &self.values
    }

    /// How many labels each class has `(n_classes)`.
    pub fn counts(&self) -> Vec<usize> {
        let mut counts = vec![0; self.n_classes];
        for &value in &self.values {
            counts[usize::from(value)] += 1;
        }
        counts
    }

    /// The labels of these indices, in this order.
    ///
    /// # Errors
    /// There are no indices, or one is not below `N`.
    pub fn select(&self, indices: &[usize]) -> Result<Self> {
        check_indices(indices, self.n())?;
        Labels::new(indices.iter().map(|&i| self.values[i]).collect(), self.n_classes)
    }
}

/// Pictures with one label each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LabelledImages {
    images: Images,
    labels: Labels,
}

impl LabelledImages {
    /// Joins pictures and labels.
    ///
    /// # Errors
    /// Their numbers differ.
    pub fn new(images: Images, labels: Labels) -> Result<Self> {
        if images.n() == labels.n() {
            Ok(LabelledImages { images, labels })
        } else {
            Err(Error::shape(
                "labels",
                &[labels.n()],
                format!("[{}], one label a picture", images.n()),
            ))
        }
    }

    /// The pictures.
    pub fn images(&self) -> &Images {
        &self.images
    }

    /// The labels, in the order of the pictures.
    pub fn labels(&self) -> &Labels {
        &self.labels
    }

    /// The pictures and labels of these indices, in this order.
    ///
    /// # Errors
    /// There are no indices, or one is not below `N`.
    pub fn select(&self, indices: &[usize]) -> Result<Self> {
        LabelledImages::new(self.images.select(indices)?, self.labels.select(indices)?)
    }

    /// Splits into `N − n_held_out` kept and `n_held_out` held-out pictures, chosen by [`hold_out`].
    ///
    /// # Errors
    /// `n_held_out` is not in `1..N`.
    pub fn hold_out(&self, n_held_out: usize, seed: Seed) -> Result<(Self, Self)> {
        let split = hold_out(self.images.n(), n_held_out, seed)?;
        Ok((self.select(&split.kept)?, self.select(&split.held_out)?))
    }
}

fn check_indices(indices: &[usize], n: usize) -> Result<()> {
    check_count("indices", indices.len())?;
    match indices.iter().position(|&index| index >= n) {
        None => Ok(()),
        Some(i) => Err(Error::parameter(
            format!("indices[{i}]"),
            indices[i],
            format!("below the number of pictures, {n}"),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::idx::decode_idx;

    fn idx(shape: &[u32], bytes: &[u8]) -> Idx {
        let mut file = vec![0, 0, 8, shape.len() as u8];
        for d in shape {
            file.extend(d.to_be_bytes());
        }
        file.extend(bytes);
        decode_idx("test", file.as_slice()).unwrap()
    }

    #[test]
    fn pixels_are_found_by_picture_row_and_column() {
        let images = Images::from_idx(idx(&[2, 2, 3], &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11])).unwrap();
        assert_eq!(
            (images.n(), images.height(), images.width(), images.dim()),
            (2, 2, 3, 6)
        );
        assert_eq!(images.picture(1)[[1, 0]], 9);
        assert_eq!(images.select(&[1, 0, 1]).unwrap().pixels(2), [6, 7, 8, 9, 10, 11]);
    }

    #[test]
    fn wrong_counts_ranks_and_labels_are_refused_by_name() {
        let refused = |e: Error, words: &[&str]| {
            let text = e.to_string();
            assert!(words.iter().all(|w| text.contains(w)), "{text}");
        };
        refused(
            Images::new(2, 2, 2, vec![0; 7]).unwrap_err(),
            &["pixels", "[7]", "2 * 2 * 2"],
        );
        refused(
            Images::new(usize::MAX, 2, 2, vec![0; 7]).unwrap_err(),
            &["pixels"],
        );
        refused(Images::new(0, 2, 2, vec![]).unwrap_err(), &["`n` is 0"]);
        refused(
            Images::from_idx(idx(&[2], &[0, 1])).unwrap_err(),
            &["images", "[2]"],
        );
        refused(
            Labels::from_idx(idx(&[1, 2], &[0, 1]), 10).unwrap_err(),
            &["labels", "[1, 2]"],
        );
        refused(Labels::new(vec![9, 10], 10).unwrap_err(), &["labels[1]", "10"]);
        refused(Labels::new(vec![], 10).unwrap_err(), &["labels", "0"]);
        let images = Images::new(2, 1, 1, vec![0; 2]).unwrap();
        refused(images.select(&[0, 2]).unwrap_err(), &["indices[1]", "2"]);
        refused(images.select(&[]).unwrap_err(), &["indices", "0"]);
        let labels = Labels::new(vec![0; 3], 1).unwrap();
        refused(
            LabelledImages::new(images, labels).unwrap_err(),
            &["labels", "[3]", "[2]"],
        );
    }

    #[test]
    fn holding_out_keeps_pictures_and_labels_together() {
        let images = Images::new(20, 1, 1, (0..20).collect()).unwrap();
        let labels = Labels::new((0..20).collect(), 20).unwrap();
        let all = LabelledImages::new(images, labels).unwrap();
        let (kept, held_out) = all.hold_out(5, Seed::new(1)).unwrap();
        assert_eq!((kept.images().n(), held_out.images().n()), (15, 5));
        for part in [&kept, &held_out] {
            assert_eq!(part.images().as_bytes(), part.labels().as_slice());
        }
        assert_eq!(held_out.labels().counts().iter().sum::<usize>(), 5);
        assert!(all.hold_out(20, Seed::new(1)).is_err());
    }
}
