//! Arrays of numbers as NumPy stores them, read strictly.
//!
//! A `.npy` file (NumPy Enhancement Proposal 1, Kern 2007) is
//!
//! ```text
//! 93 'NUMPY' major minor   length of the header, little-endian u16, from version 2.0 on u32
//! {'descr': '<f8', 'fortran_order': False, 'shape': (3, 4), }   and then the numbers without gaps
//! ```
//!
//! Accepted are versions 1.0, 2.0 and 3.0; floats of 4 and 8 bytes, integers of 1 to 8 bytes with and without sign, and booleans; both byte
//! orders; rows first (C) and columns first (Fortran); any number of dimensions up to [`MAX_RANK`], each at least one. The
//! dimensions times the size of a number must be **exactly** the bytes that follow, plain or as one gzip member. Everything
//! else is refused by name, Python objects, structures, half precision and complex numbers among it. An integer that a double cannot hold
//! exactly is refused too, and so is a boolean other than 0 and 1.
//!
//! The header is a Python expression. General parsers of such text recurse, and 128 bytes of nested brackets then take seconds; ours knows
//! this one shape of it, takes at most [`MAX_HEADER`] bytes, does not recurse, and believes no dimension before the bytes are there. Writing
//! needs one line of header, hence no library either.
//!
//! **Numbers that are not finite.** [`read_npy`] and [`decode_npy`] give what the file holds, NaN and infinities included; what takes the
//! array decides (`gibbsian_core::error::check_finite` refuses with the index). [`read_npy_matrix`] and [`decode_npy_matrix`] are for rows of
//! data and refuse, with row and column counted from 1, as [`read_table`](crate::read_table) does.
//!
//! Memory: the result takes 8 bytes a number, whatever the file needs for it. A plain file is converted while it is read, which takes no more
//! than the result plus 1 MiB: at most twice the file for floats. From any other reader the bytes are kept until they are all there, so that the
//! peak is at most three times the bytes of floats plus 1 MiB. [`read_npy_bytes`] keeps bytes as bytes. A gzip stream may decode to
//! at most 256 MiB, as bytes and as doubles.

mod header;
mod write;

use std::io::Read;
use std::path::Path;

use gibbsian_core::{Error, Result};
use ndarray::{Array2, ArrayD, IxDyn};

use crate::source::Source;
use header::{Element, Header};

pub use header::{MAX_HEADER, MAX_RANK};
#[cfg(feature = "npz")]
pub(crate) use write::put_npy;
pub use write::{NpyNumber, encode_npy, write_npy};

/// How many bytes of a plain file are read at a time.
const CHUNK: usize = 64 * 1024;

/// Reads an array of any number of dimensions, in row-major order whatever the file's; numbers that are not finite are read as they are.
///
/// # Errors
/// [`Error::File`] when it cannot be opened or read, [`Error::Format`] when it is not exactly as the [module](self) says.
pub fn read_npy(path: impl AsRef<Path>) -> Result<ArrayD<f64>> {
    decode(&mut Source::open(path.as_ref())?)
}

/// Decodes an array from any reader, plain or gzip; `origin` names it in messages.
///
/// ```
/// use gibbsian_data::{decode_npy, encode_npy};
/// let array = ndarray::array![[1.5, -2.0], [0.0, f64::INFINITY]];
/// let bytes = encode_npy(&array);
/// assert_eq!(decode_npy("example", bytes.as_slice())?, array.into_dyn());
///
/// let torn = decode_npy("torn", &bytes[..159]).unwrap_err();
/// assert_eq!(
///     torn.to_string(),
///     "torn: found the end of the file after 31 bytes of the numbers, expected 32 bytes of the numbers"
/// );
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
///
/// # Errors
/// As [`read_npy`].
pub fn decode_npy(origin: impl Into<String>, reader: impl Read) -> Result<ArrayD<f64>> {
    decode(&mut Source::new(origin, reader, 0)?)
}

/// Reads rows of data `(rows, columns)`: two dimensions, all numbers finite.
///
/// # Errors
/// As [`read_npy`], and [`Error::Format`] when there are not two dimensions or a number is not finite.
pub fn read_npy_matrix(path: impl AsRef<Path>) -> Result<Array2<f64>> {
    let path = path.as_ref();
    matrix(&path.display().to_string(), read_npy(path)?)
}

/// Decodes rows of data from any reader, as [`read_npy_matrix`] does.
///
/// ```
/// use gibbsian_data::{decode_npy_matrix, encode_npy};
/// let refused = decode_npy_matrix("example", &*encode_npy(&ndarray::array![[0.0, 1.0], [f64::NAN, 3.0]])).unwrap_err();
/// assert_eq!(
///     refused.to_string(),
///     "example, row 2, column 1: found NaN, expected a finite number; replace the value or drop the row before training"
/// );
/// ```
///
/// # Errors
/// As [`read_npy_matrix`].
pub fn decode_npy_matrix(origin: impl Into<String>, reader: impl Read) -> Result<Array2<f64>> {
    let origin = origin.into();
    let array = decode_npy(origin.clone(), reader)?;
    matrix(&origin, array)
}

/// Reads an array of unsigned bytes or booleans as bytes: pictures take an eighth of the memory so.
///
/// # Errors
/// As [`read_npy`], and [`Error::Format`] when the numbers are of another kind.
pub fn read_npy_bytes(path: impl AsRef<Path>) -> Result<ArrayD<u8>> {
    decode_bytes(&mut Source::open(path.as_ref())?)
}

/// Decodes an array of unsigned bytes or booleans from any reader.
///
/// ```
/// use gibbsian_data::{decode_npy_bytes, encode_npy};
/// let pixels = ndarray::array![[0_u8, 128], [255, 7]];
/// assert_eq!(decode_npy_bytes("example", &*encode_npy(&pixels))?, pixels.into_dyn());
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
///
/// # Errors
/// As [`read_npy_bytes`].
pub fn decode_npy_bytes(origin: impl Into<String>, reader: impl Read) -> Result<ArrayD<u8>> {
    decode_bytes(&mut Source::new(origin, reader, 0)?)
}

fn matrix(origin: &str, array: ArrayD<f64>) -> Result<Array2<f64>> {
    let shape = array.shape().to_vec();
    let Ok(matrix) = array.into_dimensionality::<ndarray::Ix2>() else {
        return Err(Error::format(
            origin,
            format!("an array of shape {shape:?}"),
            "two dimensions, (rows, columns)",
        )
        .with_cure("reshape the array to one row a sample, array.reshape(len(array), -1)"));
    };
    match matrix.indexed_iter().find(|(_, value)| !value.is_finite()) {
        None => Ok(matrix),
        Some(((i, j), value)) => Err(Error::format(
            format!("{origin}, row {}, column {}", i + 1, j + 1),
            value,
            "a finite number",
        )
        .with_cure("replace the value or drop the row before training")),
    }
}

pub(crate) fn decode<R: Read>(source: &mut Source<R>) -> Result<ArrayD<f64>> {
    let header = header::read(source)?;
    let as_doubles = header
        .n_bytes
        .max(header.n_entries.saturating_mul(size_of::<f64>()));
    source.check_inflated(&format!("shape {:?}", header.shape), as_doubles)?;
    let values = if source.vouches_for(header.n_bytes) {
        // The bytes are there, so the result may have its size from the start and they need not all be kept.
        let mut values = Placed::new(source.origin(), &header)?;
        let chunk = CHUNK.min(header.n_bytes);
        let mut buffer = vec![0; chunk];
        let mut left = header.n_bytes;
        while left > 0 {
            // A chunk is a multiple of every size of a number.
            let piece = &mut buffer[..chunk.min(left)];
            source.read_exactly(piece, "the numbers")?;
            values.put(source.origin(), piece)?;
            left -= piece.len();
        }
        source.expect_end("the numbers")?;
        values
    } else {
        let bytes = source.take_exactly(header.n_bytes, "the numbers")?;
        source.expect_end("the numbers")?;
        let mut values = Placed::new(source.origin(), &header)?;
        values.put(source.origin(), &bytes)?;
        values
    };
    Ok(shaped(&header.shape, values.values))
}

pub(crate) fn decode_bytes<R: Read>(source: &mut Source<R>) -> Result<ArrayD<u8>> {
    let header = header::read(source)?;
    if !matches!(header.element, Element::U8 | Element::Bool) {
        return Err(Error::format(
            source.origin(),
            format!("numbers of kind {}", header.element.name()),
            "unsigned bytes or booleans, 'u1' or 'b1'; read other kinds as doubles",
        ));
    }
    source.check_inflated(&format!("shape {:?}", header.shape), header.n_bytes)?;
    let mut bytes = source.take_exactly(header.n_bytes, "the numbers")?;
    source.expect_end("the numbers")?;
    if header.element == Element::Bool
        && let Some(i) = bytes.iter().position(|&byte| byte > 1)
    {
        return Err(refused_number(
            source.origin(),
            i,
            bytes[i],
            "0 or 1 as a boolean",
        ));
    }
    if header.fortran {
        let mut ordered = vec![0; bytes.len()];
        let mut places = Places::new(&header);
        bytes.iter().for_each(|&byte| ordered[places.next()] = byte);
        bytes = ordered;
    }
    Ok(shaped(&header.shape, bytes))
}

/// The array of this shape; the header's reader has made sure that the number of entries is the product of the dimensions.
fn shaped<T>(shape: &[usize], values: Vec<T>) -> ArrayD<T> {
    ArrayD::from_shape_vec(IxDyn(shape), values).expect("as many entries as the shape has")
}

fn refused_number(origin: &str, position: usize, found: impl std::fmt::Display, expected: &str) -> Error {
    Error::format(format!("{origin}, number {}", position + 1), found, expected)
}

/// The result while it is filled in the order of the file.
struct Placed {
    element: Element,
    big_endian: bool,
    values: Vec<f64>,
    n_read: usize,
    /// Where the numbers go, unless they go one after the other.
    places: Option<Places>,
}

impl Placed {
    fn new(origin: &str, header: &Header) -> Result<Self> {
        let n = header.n_entries;
        let mut values = Vec::new();
        if values.try_reserve_exact(n).is_err() {
            return Err(Error::format(
                origin,
                format!("{n} numbers"),
                "no more than fit into memory",
            ));
        }
        let places = (header.fortran && header.shape.len() > 1).then(|| Places::new(header));
        if places.is_some() {
            values.resize(n, 0.0);
        }
        Ok(Placed {
            element: header.element,
            big_endian: header.big_endian,
            values,
            n_read: 0,
            places,
        })
    }

    /// Takes the next bytes of the file, a whole number of entries.
    fn put(&mut self, origin: &str, bytes: &[u8]) -> Result<()> {
        let values = &mut self.values;
        let outcome = match &mut self.places {
            None => self.element.each(bytes, self.big_endian, |x| values.push(x)),
            Some(places) => self
                .element
                .each(bytes, self.big_endian, |x| values[places.next()] = x),
        };
        let start = self.n_read;
        self.n_read += bytes.len() / self.element.size();
        outcome.map_err(|refused| {
            refused_number(origin, start + refused.position, refused.found, refused.expected)
        })
    }
}

/// The places in row-major order of numbers that come in the order of columns: an index whose first axis runs fastest.
struct Places {
    shape: Vec<usize>,
    strides: Vec<usize>,
    index: Vec<usize>,
    place: usize,
}

impl Places {
    fn new(header: &Header) -> Self {
        let shape = header.shape.clone();
        let mut strides = vec![1; shape.len()];
        for axis in (1..shape.len()).rev() {
            strides[axis - 1] = strides[axis] * shape[axis];
        }
        Places {
            index: vec![0; shape.len()],
            place: 0,
            shape,
            strides,
        }
    }

    fn next(&mut self) -> usize {
        let place = self.place;
        for axis in 0..self.shape.len() {
            self.index[axis] += 1;
            self.place += self.strides[axis];
            if self.index[axis] < self.shape[axis] {
                break;
            }
            self.place -= self.strides[axis] * self.shape[axis];
            self.index[axis] = 0;
        }
        place
    }
}
