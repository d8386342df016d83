//! Arrays out.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use gibbsian_core::{Error, Result};
use ndarray::{ArrayBase, Data, Dimension};

/// A type of number that can be written.
pub trait NpyNumber: Copy + sealed::Sealed {
    /// What NumPy calls it, lowest byte first.
    const DESCR: &'static str;

    /// Writes the number, lowest byte first.
    ///
    /// # Errors
    /// What the writer says.
    fn put(self, writer: &mut impl Write) -> io::Result<()>;
}

mod sealed {
    pub trait Sealed {}
}

macro_rules! numbers {
    ($($type:ty, $descr:literal;)*) => {$(
        impl sealed::Sealed for $type {}
        impl NpyNumber for $type {
            const DESCR: &'static str = $descr;

            fn put(self, writer: &mut impl Write) -> io::Result<()> {
                writer.write_all(&self.to_le_bytes())
            }
        }
    )*};
}

numbers! {
    f64, "<f8";
    f32, "<f4";
    u8, "|u1";
}

/// Writes an array, in row-major order; what was there under this name is replaced.
///
/// Numbers are written as they are, NaN and infinities included. An array without entries is written too, and refused by the readers here.
///
/// # Errors
/// What the operating system refuses.
pub fn write_npy<A: NpyNumber, S: Data<Elem = A>, D: Dimension>(
    path: impl AsRef<Path>,
    array: &ArrayBase<S, D>,
) -> Result<()> {
    let path = path.as_ref();
    let file = File::create(path).map_err(|e| Error::file(path, "create", e))?;
    let mut writer = BufWriter::new(file);
    put_npy(&mut writer, array)
        .and_then(|()| writer.flush())
        .map_err(|e| Error::file(path, "write", e))
}

/// The bytes that [`write_npy`] writes.
pub fn encode_npy<A: NpyNumber, S: Data<Elem = A>, D: Dimension>(array: &ArrayBase<S, D>) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(256 + array.len() * size_of::<A>());
    put_npy(&mut bytes, array).expect("a vector takes everything");
    bytes
}

pub(crate) fn put_npy<A: NpyNumber, S: Data<Elem = A>, D: Dimension>(
    writer: &mut impl Write,
    array: &ArrayBase<S, D>,
) -> io::Result<()> {
    let dimensions: Vec<String> = array.shape().iter().map(|d| format!("{d}")).collect();
    let comma = if dimensions.len() == 1 { "," } else { "" };
    let mut header = format!(
        "{{'descr': '{}', 'fortran_order': False, 'shape': ({}{comma}), }}",
        A::DESCR,
        dimensions.join(", ")
    );
    // The numbers begin at a multiple of 64 bytes; a line's end closes the header.
    let unpadded = 10 + header.len() + 1;
    header += &" ".repeat(unpadded.next_multiple_of(64) - unpadded);
    header.push('\n');
    let length = u16::try_from(header.len()).map_err(io::Error::other)?;
    writer.write_all(b"\x93NUMPY\x01\x00")?;
    writer.write_all(&length.to_le_bytes())?;
    writer.write_all(header.as_bytes())?;
    array.iter().try_for_each(|&number| number.put(writer))
}
