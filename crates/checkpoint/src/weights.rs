//! Plain safetensors files: named arrays and nothing else, as other programs write and read them.
//!
//! Such a file has no digest and no place for a seed. It is read with the care that checkpoints are read with: the header takes at most
//! [`MAX_WEIGHTS_HEADER_BYTES`](crate::MAX_WEIGHTS_HEADER_BYTES), the ranges must cover the numbers without gaps or overlaps, reading never holds more than twice
//! the file plus eight times the header, and numbers that are not finite are refused. Text under `__metadata__` is passed over; no name may be given twice. Kinds other than `F64`, `F32`, `U64` and
//! `U8` are refused; halves are converted where they come from.

use std::collections::BTreeSet;
use std::path::Path;

use gibbsian_core::{Error, Record, Result};

use super::format::{Entry, MAX_WEIGHTS_HEADER_BYTES, assemble, describe, record_of, split};
use super::json::{Fault, Reader};
use super::storage::{Disk, Storage};
use super::{check_finite, write_atomically};

/// Reads a safetensors file that any program wrote. A [`Checkpoint`](crate::Checkpoint) can be read so too, without the check of its digest.
///
/// # Errors
/// [`Error::File`] when it cannot be read, [`Error::Format`] when it is not a safetensors file of kinds that are known, and numbers that are not
/// finite.
pub fn read_weights(path: impl AsRef<Path>) -> Result<Record> {
    let path = path.as_ref();
    let bytes = Disk.read(path).map_err(|e| Error::file(path, "read", e))?;
    decode_weights(&bytes, &path.display().to_string())
}

/// Reads the bytes of such a file; `origin` names the source in errors.
///
/// ```
/// use gibbsian_checkpoint::{decode_weights, encode_weights};
/// use gibbsian_core::{Record, Values};
/// let mut record = Record::new();
/// record.put("layer.weight", &[1, 2], Values::F32(vec![0.5, -0.25]));
/// assert_eq!(decode_weights(&encode_weights(&record)?, "memory")?, record);
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
///
/// # Errors
/// As [`read_weights`].
pub fn decode_weights(bytes: &[u8], origin: &str) -> Result<Record> {
    let (header, numbers) = split(bytes, MAX_WEIGHTS_HEADER_BYTES).ok_or_else(|| no_header(bytes, origin))?;
    let entries = entries(header)
        .map_err(|e| {
            let expected = "tensors by name, of F64, F32, U64 or U8; convert others where they come from, in Python with tensor.float()";
            Error::format(origin, format!("a header with an error: {e}"), expected)
        })?;
    let record = record_of(entries, numbers, origin)?;
    check_finite(&record, &format!("in {origin}"))?;
    Ok(record)
}

/// Why there is no header: it is longer than is read here, or this is no such file.
fn no_header(bytes: &[u8], origin: &str) -> Error {
    let length = bytes.first_chunk().map_or(0, |&n| u64::from_le_bytes(n));
    if length > MAX_WEIGHTS_HEADER_BYTES as u64 && length < bytes.len() as u64 && bytes[8] == b'{' {
        let found = format!("a header of {length} bytes");
        let expected = format!(
            "at most {MAX_WEIGHTS_HEADER_BYTES}; write fewer tensors to a file, or fewer notes under __metadata__"
        );
        return Error::format(origin, found, expected);
    }
    let found = format!("{} bytes that do not begin like one", bytes.len());
    Error::format(origin, found, "a safetensors file")
}

/// Writes a safetensors file that other programs can read, atomically.
///
/// # Errors
/// Those of [`encode_weights`], and what the operating system refuses.
pub fn write_weights(path: impl AsRef<Path>, record: &Record) -> Result<()> {
    write_atomically(path, &encode_weights(record)?)
}

/// The bytes of such a file.
///
/// # Errors
/// A number is not finite, a name is reserved, or names and shapes are more than the header holds.
pub fn encode_weights(record: &Record) -> Result<Vec<u8>> {
    check_finite(record, "before it was written")?;
    let (tensors, n_bytes) = describe(record)?;
    assemble(
        format!("{{{}}}", tensors.join(",")),
        record,
        n_bytes,
        MAX_WEIGHTS_HEADER_BYTES,
    )
}

/// The entries of a header, with or without metadata.
fn entries(header: &[u8]) -> std::result::Result<Vec<Entry>, Fault> {
    let (mut reader, mut entries) = (Reader::new(header), Vec::new());
    let mut metadata = None;
    reader.object(|reader, name| {
        if name == "__metadata__" {
            reader.once(&mut metadata, &name, ())?;
            let mut names = BTreeSet::new();
            return reader.object(|reader, name| {
                if names.contains(&name) {
                    return Err(reader.fault(format!("a second field `{name}`")));
                }
                names.insert(name);
                reader.skip()
            });
        }
        entries.push(Entry::read(reader, name)?);
        Ok(())
    })?;
    reader.end()?;
    Ok(entries)
}
