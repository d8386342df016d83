//! The MNIST digits (LeCun, Bottou, Bengio and Haffner, 1998, "Gradient-based learning applied to document recognition").
//!
//! 60,000 training and 10,000 test pictures of 28 × 28 pixels in ten classes, in four IDX files with their published names, each
//! either with `.gz` or without. A directory that holds anything else under these names is refused, so that a number reported for
//! MNIST was measured on MNIST.

use std::path::{Path, PathBuf};

use gibbsian_core::{Error, Result};

use crate::idx::read_idx;
use crate::images::{Images, LabelledImages, Labels};

/// The pixel rows, and the pixels in a row, of a picture.
pub const SIDE: usize = 28;
/// The number of classes.
pub const N_CLASSES: usize = 10;
/// The number of training pictures.
pub const N_TRAIN: usize = 60_000;
/// The number of test pictures.
pub const N_TEST: usize = 10_000;

/// The training and the test set.
#[derive(Clone, Debug)]
pub struct Mnist {
    /// 60,000 labelled pictures to learn from.
    pub train: LabelledImages,
    /// 10,000 labelled pictures to judge by.
    pub test: LabelledImages,
}

impl Mnist {
    /// Reads the four files from a directory.
    ///
    /// # Errors
    /// A file is missing or unreadable, is not an IDX file, or does not have MNIST's counts, picture size and label range.
    pub fn load(directory: impl AsRef<Path>) -> Result<Self> {
        let directory = directory.as_ref();
        Ok(Mnist {
            train: load_part(directory, "train", N_TRAIN)?,
            test: load_part(directory, "t10k", N_TEST)?,
        })
    }
}

pub(crate) fn load_part(directory: &Path, part: &str, n: usize) -> Result<LabelledImages> {
    let images = read_shaped(directory, &format!("{part}-images-idx3-ubyte"), &[n, SIDE, SIDE])?;
    let labels = read_shaped(directory, &format!("{part}-labels-idx1-ubyte"), &[n])?;
    LabelledImages::new(Images::from_idx(images)?, Labels::from_idx(labels, N_CLASSES)?)
}

fn read_shaped(directory: &Path, name: &str, shape: &[usize]) -> Result<crate::Idx> {
    let path = existing(directory, name);
    let idx = read_idx(&path)?;
    if idx.shape() == shape {
        Ok(idx)
    } else {
        Err(Error::format(
            path.display().to_string(),
            format!("dimensions {:?}", idx.shape()),
            format!("dimensions {shape:?}"),
        ))
    }
}

/// The compressed file where there is one, and the plain one otherwise.
fn existing(directory: &Path, name: &str) -> PathBuf {
    let compressed = directory.join(format!("{name}.gz"));
    let plain = directory.join(name);
    if !compressed.exists() && plain.exists() {
        plain
    } else {
        compressed
    }
}
