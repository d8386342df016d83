//! Chunks: a checksum, and the numbers of all chains at some draws.

use std::fs;
use std::ops::Range;
use std::path::Path;

use gibbsian_checkpoint::write_atomically;
use gibbsian_core::{Error, Result};
use ndarray::{ArrayView3, ArrayViewMut3};

use super::crc::crc32;
use super::members::{Kind, Member};

/// The bytes of the checksum.
const CHECKSUM: usize = 4;

/// A chunk of zeros, with room for its checksum.
pub(super) fn zeros(member: &Member) -> Vec<u8> {
    vec![0; length(member)]
}

/// Seals a chunk with its checksum and puts it in its place in the store at `root`.
pub(super) fn write(root: &Path, member: &Member, chunk: usize, mut bytes: Vec<u8>) -> Result<()> {
    let checksum = crc32(&bytes[CHECKSUM..]);
    bytes[..CHECKSUM].copy_from_slice(&checksum.to_le_bytes());
    write_atomically(root.join(member.chunk_file(chunk)), &bytes)
}

/// Requires the file of a chunk to be there and as long as it must be.
pub(super) fn check(root: &Path, member: &Member, chunk: usize) -> Result<()> {
    let file = root.join(member.chunk_file(chunk));
    let found = fs::metadata(&file)
        .map_err(|e| Error::file(&file, "read", e))?
        .len();
    let expected = length(member);
    if found == expected as u64 {
        return Ok(());
    }
    Err(Error::format(
        file.display().to_string(),
        format!("{found} bytes"),
        format!("{expected} bytes"),
    ))
}

/// The bytes of a chunk, whose checksum is right.
pub(super) fn read(root: &Path, member: &Member, chunk: usize) -> Result<Vec<u8>> {
    let file = root.join(member.chunk_file(chunk));
    let expected = length(member);
    let bytes = read_file(
        &file,
        |length| length == expected as u64,
        &format!("{expected} bytes"),
    )?;
    let (said, is) = (&bytes[..CHECKSUM], crc32(&bytes[CHECKSUM..]).to_le_bytes());
    if said != is {
        let found = format!("numbers of CRC-32 {is:02x?}: the file is damaged");
        return Err(Error::format(
            file.display().to_string(),
            found,
            format!("{said:02x?}, as the file says"),
        ));
    }
    Ok(bytes)
}

/// The bytes of a file whose length is as it must be.
pub(super) fn read_file(file: &Path, is_allowed: impl Fn(u64) -> bool, expected: &str) -> Result<Vec<u8>> {
    let metadata = fs::metadata(file).map_err(|e| Error::file(file, "read", e))?;
    if !metadata.is_file() || !is_allowed(metadata.len()) {
        let found = format!("{} bytes", metadata.len());
        return Err(Error::format(file.display().to_string(), found, expected));
    }
    let bytes = fs::read(file).map_err(|e| Error::file(file, "read", e))?;
    if bytes.len() as u64 == metadata.len() {
        Ok(bytes)
    } else {
        let found = format!("{} bytes, and a moment later {}", metadata.len(), bytes.len());
        Err(Error::format(file.display().to_string(), found, expected))
    }
}

/// Writes the numbers of `places` as whole numbers, the first of them at entry `at`.
pub(super) fn put_places(bytes: &mut [u8], places: Range<usize>, at: usize) {
    let words = bytes[CHECKSUM..].chunks_exact_mut(8).skip(at);
    for (word, place) in words.zip(places) {
        word.copy_from_slice(&(place as i64).to_le_bytes());
    }
}

/// Writes `values`, `(chain, draw, entry)`, into a chunk that has `per_chunk` draws, from draw `at` on.
pub(super) fn put_numbers(
    bytes: &mut [u8],
    values: ArrayView3<f64>,
    (at, per_chunk): (usize, usize),
    kind: Kind,
) {
    let n_entries = values.shape()[2];
    let size = kind.size();
    for (chain, values) in values.outer_iter().enumerate() {
        let start = CHECKSUM + (chain * per_chunk + at) * n_entries * size;
        for (word, value) in bytes[start..].chunks_exact_mut(size).zip(values) {
            match kind {
                Kind::Float => word.copy_from_slice(&value.to_le_bytes()),
                Kind::Integer => word.copy_from_slice(&(*value as i64).to_le_bytes()),
                Kind::Boolean => word[0] = u8::from(*value != 0.0),
            }
        }
    }
}

/// Reads `out`, `(chain, draw, entry)`, from the first draws of a chunk that has `per_chunk` of them.
pub(super) fn take_numbers(bytes: &[u8], mut out: ArrayViewMut3<f64>, per_chunk: usize, kind: Kind) {
    let n_entries = out.shape()[2];
    let size = kind.size();
    for (chain, mut out) in out.outer_iter_mut().enumerate() {
        let start = CHECKSUM + chain * per_chunk * n_entries * size;
        for (word, out) in bytes[start..].chunks_exact(size).zip(&mut out) {
            let mut eight = [0; 8];
            eight[..size].copy_from_slice(word);
            *out = match kind {
                Kind::Float => f64::from_le_bytes(eight),
                Kind::Integer | Kind::Boolean => i64::from_le_bytes(eight) as f64,
            };
        }
    }
}

fn length(member: &Member) -> usize {
    CHECKSUM + member.chunk_len() * member.kind.size()
}
