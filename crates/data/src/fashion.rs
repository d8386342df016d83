//! Pictures of clothes in the format of MNIST (Xiao, Rasul and Vollgraf, 2017, "Fashion-MNIST: a novel image dataset for benchmarking machine learning algorithms").
//!
//! Of the 10,000 test pictures the first 2,000 are here, 28 × 28 grey pixels in ten classes: what a model of digits has never seen. A directory that holds anything
//! else under these names is refused.

use std::path::Path;

use gibbsian_core::Result;

use crate::images::LabelledImages;
use crate::mnist::load_part;

/// The number of pictures.
pub const N_FASHION: usize = 2_000;

/// Reads the first 2,000 test pictures from a directory with `t2k-images-idx3-ubyte` and `t2k-labels-idx1-ubyte`, each with `.gz` or without.
///
/// # Errors
/// A file is missing or unreadable, is not an IDX file, or does not have these counts, picture size and label range.
pub fn load_fashion(directory: impl AsRef<Path>) -> Result<LabelledImages> {
    load_part(directory.as_ref(), "t2k", N_FASHION)
}
