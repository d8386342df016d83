//! Checkpoints: the whole state of a run in one checked file.
//!
//! A checkpoint holds a [`Record`] (named arrays in the precision in which they live) and says which run it belongs
//! to and after how many steps it was taken. Its file is a safetensors file, so other programs can read the weights
//! by name; `format` gives the bytes, `files` keeps the newest and the one before on disk.
//!
//! Weights of other programs come and go as plain safetensors files: [`read_weights`], [`write_weights`]. [`Record::of_params`] and
//! [`Record::params`] are between such records and models.
//!
//! Three promises hold. A file that was cut or changed, by a single bit, is an error and never a number. Reading
//! never panics and never holds more than twice the size of the file plus one mebibyte (plain weights: plus eight times
//! their header), even where the file was made to do harm. And a checkpoint never holds NaN or an infinity: these are refused before anything is written, so the
//! last checkpoint of a run that went wrong is a good one.

#![deny(unsafe_code)]

mod files;
mod format;
pub mod json;
mod numbers;
mod sha256;
mod storage;
mod weights;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

#[cfg(test)]
mod simulated;

use std::path::Path;

use gibbsian_core::{Error, Record, Result, Values};

pub use files::{CheckpointFiles, Loaded};
pub use format::{FORMAT_VERSION, MAX_HEADER_BYTES, MAX_RANK, MAX_WEIGHTS_HEADER_BYTES};
pub use sha256::Sha256;

pub use weights::{decode_weights, encode_weights, read_weights, write_weights};

use storage::{Disk, Storage};

/// The state of a run after a number of steps.
///
/// ```
/// use gibbsian_core::{Record, Values};
/// use gibbsian_checkpoint::{Checkpoint, fingerprint};
///
/// let mut record = Record::new();
/// record.put("model.weights", &[2, 1], Values::F32(vec![0.5, -0.25]));
/// let checkpoint = Checkpoint { step: 100, seed: 7, recipe: fingerprint("a recipe"), record };
/// let bytes = checkpoint.to_bytes()?;
/// assert_eq!(Checkpoint::from_bytes(&bytes, "memory")?, checkpoint);
///
/// let mut damaged = bytes.clone();
/// *damaged.last_mut().unwrap() ^= 1;
/// assert!(Checkpoint::from_bytes(&damaged, "memory").is_err());
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Checkpoint {
    /// The number of steps made.
    pub step: u64,
    /// The value of the run's seed.
    pub seed: u64,
    /// What the run is, as a [`fingerprint`].
    pub recipe: String,
    /// The state.
    pub record: Record,
}

impl Checkpoint {
    /// The bytes of the file.
    ///
    /// # Errors
    /// A number is not finite, an entry's name is reserved, a tensor has more than [`MAX_RANK`] axes, or the names
    /// and shapes take more than [`MAX_HEADER_BYTES`].
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        format::encode(self)
    }

    /// Reads what [`Checkpoint::to_bytes`] gave; `origin` names the source in errors.
    ///
    /// # Errors
    /// The bytes are not a checkpoint of a version that is known, are damaged, or hold numbers that are not finite.
    pub fn from_bytes(bytes: &[u8], origin: &str) -> Result<Self> {
        format::decode(bytes, origin)
    }

    /// Writes one file, atomically: at every moment there is the old file or the new one, whole.
    ///
    /// # Errors
    /// Those of [`Checkpoint::to_bytes`], and what the operating system refuses.
    pub fn write(&self, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        let bytes = self.to_bytes()?;
        write_atomically(path, &bytes)
    }

    /// Requires the checkpoint to belong to the run of this recipe and seed.
    ///
    /// # Errors
    /// It belongs to another.
    pub fn check_run(&self, recipe: &str, seed: u64) -> Result<()> {
        check_same("recipe", &self.recipe, recipe)?;
        check_same("seed", &self.seed.to_string(), &seed.to_string())
    }

    /// Reads one file.
    ///
    /// # Errors
    /// Those of [`Checkpoint::from_bytes`], and what the operating system refuses.
    pub fn read(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let bytes = Disk.read(path).map_err(|e| Error::file(path, "read", e))?;
        format::decode(&bytes, &path.display().to_string())
    }
}

/// A short name for a recipe: the SHA-256 of its text, in hexadecimal.
///
/// The text should say everything that the results depend on and the seed does not: the model, the objective, the
/// optimiser and their settings.
pub fn fingerprint(recipe: &str) -> String {
    let mut sha = Sha256::new();
    sha.update(recipe.as_bytes());
    sha.hexadecimal()
}

/// The same for a record: the SHA-256 of its names, kinds, shapes and bits.
pub fn fingerprint_of(record: &Record) -> String {
    let mut sha = Sha256::new();
    for (name, shape, values) in record.entries() {
        // Lengths go before what they measure, so that no two records are one string of bytes.
        let mut put_length = |n: usize| sha.update(&(n as u64).to_le_bytes());
        put_length(name.len());
        put_length(shape.len());
        shape.iter().for_each(|&n| put_length(n));
        sha.update(name.as_bytes());
        sha.update(&numbers::numbers(values));
    }
    sha.hexadecimal()
}

/// Puts `bytes` under the name `path`, durably and in one piece: at every moment, also after a loss of power, there is what was there before
/// or all of `bytes`.
///
/// # Errors
/// What the operating system refuses; what was there before is then still there.
pub fn write_atomically(path: impl AsRef<Path>, bytes: &[u8]) -> Result<()> {
    storage::write_atomically(&Disk, path.as_ref(), bytes)
}

fn check_same(name: &str, found: &str, required: &str) -> Result<()> {
    if found == required {
        return Ok(());
    }
    Err(Error::parameter(
        format!("checkpoint.{name}"),
        found,
        format!("that of this run, {required}; resuming another run would mix the two"),
    )
    .with_cure("resume with the settings and the seed of the run, or begin in another directory"))
}

/// Requires finite numbers in every entry and names the first that is not.
fn check_finite(record: &Record, context: &str) -> Result<()> {
    for (name, _, values) in record.entries() {
        let found = match values {
            Values::F64(v) => v.iter().position(|v| !v.is_finite()).map(|i| (i, v[i])),
            Values::F32(v) => v
                .iter()
                .position(|v| !v.is_finite())
                .map(|i| (i, f64::from(v[i]))),
            Values::U64(_) | Values::U8(_) => None,
        };
        if let Some((i, value)) = found {
            let name = format!("number {i} of checkpoint entry {name}");
            return Err(Error::non_finite(name, value, context));
        }
    }
    Ok(())
}
