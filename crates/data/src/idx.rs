//! The IDX format of the MNIST files, read strictly.
//!
//! An IDX file (LeCun, Cortes and Burges, "The MNIST database of handwritten digits", section "File formats") is
//!
//! ```text
//! 00 00 type rank   then `rank` dimensions, big-endian u32   then the entries in row-major order
//! ```
//!
//! Accepted are unsigned bytes (type 0x08), ranks 1 to 4, dimensions of at least one whose product is **exactly** the number of bytes
//! that follow, plain or as a single gzip member whose checksum matches. Everything else is refused with the file, what was found
//! and what was expected: a short file is a torn download, and a long one is not the file it says it is.
//!
//! Memory: at most twice the decoded bytes that are really there, plus 1 MiB, whatever the header claims. A gzip stream may decode to
//! at most 256 MiB, and decoding stops one byte after the claimed length.

use std::io::Read;
use std::path::Path;

use gibbsian_core::{Error, Result};

use crate::source::{MAX_INFLATED, Source};

/// The largest number of dimensions accepted.
pub const MAX_RANK: usize = 4;

/// An array of unsigned bytes as an IDX file holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Idx {
    shape: Vec<usize>,
    bytes: Vec<u8>,
}

impl Idx {
    /// The dimensions, 1 to [`MAX_RANK`] of them, each at least one.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// The entries in row-major order; their number is the product of the dimensions.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Gives the entries away.
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }
}

/// Reads an IDX file, plain or gzip; which it is shows in its first two bytes, not in its name.
///
/// # Errors
/// [`Error::File`] when it cannot be opened or read, [`Error::Format`] when it is not exactly as the [module](self) says.
pub fn read_idx(path: impl AsRef<Path>) -> Result<Idx> {
    decode(Source::open(path.as_ref())?)
}

/// Decodes IDX bytes, plain or gzip, from any reader; `origin` names them in messages.
///
/// ```
/// let bytes = [0, 0, 8, 2, /* 2 × 3 */ 0, 0, 0, 2, 0, 0, 0, 3, /* entries */ 1, 2, 3, 4, 5, 6];
/// let idx = gibbsian_data::decode_idx("example", &bytes[..])?;
/// assert_eq!(idx.shape(), [2, 3]);
/// assert_eq!(idx.bytes(), [1, 2, 3, 4, 5, 6]);
///
/// let torn = gibbsian_data::decode_idx("torn", &bytes[..17]).unwrap_err();
/// assert_eq!(
///     torn.to_string(),
///     "torn: found the end of the file after 5 bytes of the entries, expected 6 bytes of the entries"
/// );
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
///
/// # Errors
/// As [`read_idx`].
pub fn decode_idx(origin: impl Into<String>, reader: impl Read) -> Result<Idx> {
    decode(Source::new(origin, reader, 0)?)
}

fn decode<R: Read>(mut source: Source<R>) -> Result<Idx> {
    let mut head = [0; 4];
    source.read_exactly(&mut head, "the header")?;
    let rank = check_head(source.origin(), head)?;
    let mut dimensions = [0; 4 * MAX_RANK];
    source.read_exactly(&mut dimensions[..4 * rank], "the dimensions")?;
    let dimensions: Vec<u32> = dimensions[..4 * rank]
        .chunks_exact(4)
        .map(|b| u32::from_be_bytes([b[0], b[1], b[2], b[3]]))
        .collect();
    let n = check_dimensions(source.origin(), &dimensions, source.is_compressed())?;
    let bytes = source.take_exactly(n, "the entries")?;
    source.expect_end("the entries")?;
    // Each dimension divides the length, which is a usize, so none can be cut here.
    let shape = dimensions.iter().map(|&d| d as usize).collect();
    Ok(Idx { shape, bytes })
}

/// Checks the first four bytes and returns the rank.
fn check_head(origin: &str, [zero, also_zero, element, rank]: [u8; 4]) -> Result<usize> {
    if [zero, also_zero] != [0, 0] {
        return Err(Error::format(
            origin,
            format!("{zero:#04x} {also_zero:#04x} as the first two bytes"),
            "0x00 0x00 of an IDX file, or 0x1f 0x8b of a gzip stream",
        )
        .with_cure("read files of other formats with read_npy, read_table or read_png"));
    }
    if element != 0x08 {
        let name = match element {
            0x09 => "i8",
            0x0B => "i16",
            0x0C => "i32",
            0x0D => "f32",
            0x0E => "f64",
            _ => "unknown",
        };
        return Err(Error::format(
            origin,
            format!("element type {element:#04x} ({name})"),
            "element type 0x08 (u8)",
        ));
    }
    if !(1..=MAX_RANK).contains(&usize::from(rank)) {
        return Err(Error::format(
            origin,
            format!("{rank} dimensions"),
            format!("1 to {MAX_RANK} dimensions"),
        ));
    }
    Ok(usize::from(rank))
}

/// Checks the dimensions and returns their product.
fn check_dimensions(origin: &str, dimensions: &[u32], compressed: bool) -> Result<usize> {
    if dimensions.contains(&0) {
        return Err(Error::format(
            origin,
            format!("dimensions {dimensions:?}"),
            "dimensions of at least 1",
        ));
    }
    // Four 32-bit factors fit into 128 bits.
    let product: u128 = dimensions.iter().map(|&d| u128::from(d)).product();
    if compressed && product > u128::from(MAX_INFLATED) {
        return Err(Error::format(
            origin,
            format!("dimensions {dimensions:?}, {product} bytes, in a gzip stream"),
            format!("at most {MAX_INFLATED} bytes; store a larger array uncompressed"),
        ));
    }
    // A vector holds at most isize::MAX bytes.
    isize::try_from(product).map(isize::unsigned_abs).map_err(|_| {
        Error::format(
            origin,
            format!("dimensions {dimensions:?}, {product} bytes"),
            format!("at most {} bytes", isize::MAX),
        )
    })
}
