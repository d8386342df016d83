//! The bytes of a checkpoint: safetensors, with a digest over everything.
//!
//! A safetensors file is the length of a header (eight bytes, little-endian), the header (JSON: a name, a kind, a
//! shape and a range of bytes for each tensor, and a map of strings, `__metadata__`), and the numbers (little-endian,
//! without gaps). Ours begins its header with one fixed text, `{"__metadata__":{"sha256":"`, so that the 64 digits of
//! the SHA-256 stand at a fixed place. The digest is over **all bytes of the file, with these digits taken as
//! zeros**: names, kinds, shapes, metadata, numbers, and the spaces that pad the header. It is compared before any of
//! the header is interpreted, so that damage is found as damage, whatever it hit.
//!
//! A digest is no signature: whoever makes a file can make its digest. Therefore the header is then read as if it
//! were hostile, by a parser that knows this one shape of JSON: the header is bounded, unknown fields and deep
//! nesting are errors, shapes have at most [`MAX_RANK`] axes, and every size is checked against the bytes that are
//! there before anything is allocated. The `safetensors` crate is the reference in the tests and not used here,
//! because its header may take 100 MB, which parsed take many times that, and because the order of its metadata, and
//! with it the place of the digest, is that of a hash map.
//!
//! Numbers keep their bits, in order of falling size of kind so that each is aligned, while the header lists the
//! entries in the order of the record.

use std::fmt;

use gibbsian_core::{Error, Record, Result};

use super::json::{Fault, Reader, quoted};
use super::numbers::{Kind, kind_of, put_numbers, take_numbers};
use super::sha256::Sha256;
use super::{Checkpoint, check_finite};

/// The version that is written; others are refused.
pub const FORMAT_VERSION: &str = "1";

/// The most bytes that the header may take: some thousand tensors. Parsed, it takes at most six times that.
pub const MAX_HEADER_BYTES: usize = 1 << 17;

/// The most bytes that the header of plain weights may take: some ten thousand tensors, or the long notes that trainers keep beside them. The reference reads up to 100 MB,
/// which no file needs.
pub const MAX_WEIGHTS_HEADER_BYTES: usize = 1 << 20;

/// The most axes of a tensor.
pub const MAX_RANK: usize = 8;

const FORMAT: &str = "gibbsian checkpoint";
const OPENING: &[u8] = b"{\"__metadata__\":{\"sha256\":\"";
const DIGITS: usize = 64;
/// Where the digits of the digest begin in the file.
const DIGEST_START: usize = 8 + OPENING.len();
const DIGEST_END: usize = DIGEST_START + DIGITS;

pub(super) fn encode(checkpoint: &Checkpoint) -> Result<Vec<u8>> {
    let record = &checkpoint.record;
    check_finite(record, &format!("at step {}", checkpoint.step))?;

    let mut header = String::from_utf8_lossy(OPENING).into_owned();
    header += &"0".repeat(DIGITS);
    header += &format!(
        "\",\"format\":{},\"version\":{},\"step\":\"{}\",\"seed\":\"{}\",\"recipe\":{}}}",
        quoted(FORMAT),
        quoted(FORMAT_VERSION),
        checkpoint.step,
        checkpoint.seed,
        quoted(&checkpoint.recipe),
    );
    let (tensors, n_bytes) = describe(record)?;
    for tensor in tensors {
        header += ",";
        header += &tensor;
    }
    header += "}";
    let mut bytes = assemble(header, record, n_bytes, MAX_HEADER_BYTES)?;
    seal(&mut bytes);
    Ok(bytes)
}

/// Name, kind, shape and range of bytes of every entry as the header has them, and the bytes that all take.
pub(super) fn describe(record: &Record) -> Result<(Vec<String>, usize)> {
    // Where the numbers of each entry lie: all 8-byte kinds, then 4, then 1.
    let mut ranges = vec![(0, 0); record.entries().count()];
    let mut n_bytes = 0;
    for size in [8, 4, 1] {
        for (range, (_, _, values)) in ranges.iter_mut().zip(record.entries()) {
            if kind_of(values).size() == size {
                *range = (n_bytes, n_bytes + size * values.len());
                n_bytes = range.1;
            }
        }
    }
    let mut tensors = Vec::with_capacity(ranges.len());
    for ((name, shape, values), (start, end)) in record.entries().zip(&ranges) {
        if name == "__metadata__" {
            return Err(Error::parameter(
                "checkpoint entry",
                name,
                "another name; this one is reserved",
            ));
        }
        if shape.len() > MAX_RANK {
            return Err(Error::shape(
                name.to_owned(),
                shape,
                format!("at most {MAX_RANK} axes"),
            ));
        }
        tensors.push(format!(
            "{}:{{\"dtype\":\"{}\",\"shape\":{shape:?},\"data_offsets\":[{start},{end}]}}",
            quoted(name),
            kind_of(values).name(),
        ));
    }
    Ok((tensors, n_bytes))
}

/// The file of this header, of at most so many bytes, and the numbers of the record.
pub(super) fn assemble(mut header: String, record: &Record, n_bytes: usize, most: usize) -> Result<Vec<u8>> {
    // The format asks for numbers that begin at a multiple of eight bytes.
    header += &" ".repeat(header.len().next_multiple_of(8) - header.len());
    if header.len() > most {
        let requirement = format!("at most {most} bytes of names and shapes");
        return Err(Error::parameter("checkpoint header", header.len(), requirement));
    }
    let mut bytes = Vec::with_capacity(8 + header.len() + n_bytes);
    bytes.extend_from_slice(&(header.len() as u64).to_le_bytes());
    bytes.extend_from_slice(header.as_bytes());
    for size in [8, 4, 1] {
        for (_, _, values) in record.entries() {
            if kind_of(values).size() == size {
                put_numbers(&mut bytes, values);
            }
        }
    }
    Ok(bytes)
}

pub(super) fn decode(bytes: &[u8], origin: &str) -> Result<Checkpoint> {
    let wrong =
        |found: &dyn fmt::Display, expected: &dyn fmt::Display| Error::format(origin, found, expected);
    let (header, numbers) = open(bytes, origin)?;

    let recorded = &bytes[DIGEST_START..DIGEST_END];
    let digest = digest(bytes);
    if recorded != digest.as_bytes() {
        let recorded = String::from_utf8_lossy(recorded);
        return Err(wrong(
            &format!("contents of SHA-256 {digest}: the file is damaged"),
            &format!("SHA-256 {recorded}, as the file says"),
        ));
    }

    let header = Header::read(header)
        .map_err(|e| wrong(&format!("a header with an error: {e}"), &"a checkpoint's header"))?;
    let metadata = header.metadata;
    if metadata.format != FORMAT || metadata.version != FORMAT_VERSION {
        return Err(wrong(
            &format!("`{}`, version `{}`", metadata.format, metadata.version),
            &format!("`{FORMAT}`, version `{FORMAT_VERSION}`"),
        ));
    }
    let number = |name: &str, text: &str| {
        text.parse::<u64>()
            .map_err(|e| wrong(&format!("{name} `{text}` ({e})"), &"a whole number"))
    };
    let (step, seed) = (number("step", &metadata.step)?, number("seed", &metadata.seed)?);
    let record = record_of(header.entries, numbers, origin)?;
    check_finite(&record, &format!("in {origin}"))?;
    Ok(Checkpoint {
        step,
        seed,
        recipe: metadata.recipe,
        record,
    })
}

/// The entries with their numbers, once it is sure that these are all there.
pub(super) fn record_of(entries: Vec<Entry>, numbers: &[u8], origin: &str) -> Result<Record> {
    check_ranges(&entries, numbers.len(), origin)?;
    let mut record = Record::new();
    for entry in entries {
        if record.shape(&entry.name).is_some() {
            let found = format!("two entries `{}`", entry.name);
            return Err(Error::format(origin, found, "one"));
        }
        let values = take_numbers(entry.kind, &numbers[entry.range.0..entry.range.1]);
        record.put(entry.name, &entry.shape, values);
    }
    Ok(record)
}

/// Splits the file into header and numbers, looking at nothing but lengths and the fixed opening.
fn open<'a>(bytes: &'a [u8], origin: &str) -> Result<(&'a [u8], &'a [u8])> {
    split(bytes, MAX_HEADER_BYTES)
        .filter(|(header, _)| header.starts_with(OPENING) && header.len() > OPENING.len() + DIGITS)
        .ok_or_else(|| {
            let found = format!("{} bytes that do not begin like one", bytes.len());
            Error::format(origin, found, "a checkpoint")
        })
}

/// Header and numbers, if the header's length is at most so many bytes and these are there.
pub(super) fn split(bytes: &[u8], most: usize) -> Option<(&[u8], &[u8])> {
    let length = bytes.get(..8)?.try_into().ok().map(u64::from_le_bytes)?;
    let n = usize::try_from(length).ok().filter(|&n| n <= most)?;
    Some((bytes.get(8..8 + n)?, &bytes[8 + n..]))
}

/// The SHA-256 of all bytes, with the digits of the digest taken as zeros.
fn digest(bytes: &[u8]) -> String {
    let mut sha = Sha256::new();
    sha.update(&bytes[..DIGEST_START]);
    sha.update(&[b'0'; DIGITS]);
    sha.update(&bytes[DIGEST_END..]);
    sha.hexadecimal()
}

/// Writes the digest into its place.
pub(super) fn seal(bytes: &mut [u8]) {
    let digest = digest(bytes);
    bytes[DIGEST_START..DIGEST_END].copy_from_slice(digest.as_bytes());
}

/// Requires every range to have the size of its shape, and all of them together to cover `n_bytes` without gaps or
/// overlaps.
fn check_ranges(entries: &[Entry], n_bytes: usize, origin: &str) -> Result<()> {
    let mut ranges = Vec::with_capacity(entries.len());
    for entry in entries {
        let size = entry
            .shape
            .iter()
            .try_fold(entry.kind.size(), |size, &n| size.checked_mul(n));
        if size.is_none() || entry.range.1.checked_sub(entry.range.0) != size {
            return Err(Error::format(
                origin,
                format!("bytes {:?} for entry `{}`", entry.range, entry.name),
                format!(
                    "as many as shape {:?} of {} needs",
                    entry.shape,
                    entry.kind.name()
                ),
            ));
        }
        ranges.push(entry.range);
    }
    ranges.sort_unstable();
    let mut end = 0;
    for range in ranges {
        if range.0 != end {
            return Err(Error::format(
                origin,
                format!("an entry that begins at byte {}", range.0),
                format!("byte {end}: entries without gaps or overlaps"),
            ));
        }
        end = range.1;
    }
    if end != n_bytes {
        let found = format!("{n_bytes} bytes of numbers");
        return Err(Error::format(origin, found, format!("{end}, as the header says")));
    }
    Ok(())
}

struct Metadata {
    format: String,
    version: String,
    step: String,
    seed: String,
    recipe: String,
}

pub(super) struct Entry {
    name: String,
    kind: Kind,
    shape: Vec<usize>,
    range: (usize, usize),
}

struct Header {
    metadata: Metadata,
    entries: Vec<Entry>,
}

impl Header {
    fn read(bytes: &[u8]) -> std::result::Result<Self, Fault> {
        let mut reader = Reader::new(bytes);
        let (mut metadata, mut entries) = (None, Vec::new());
        reader.object(|reader, name| {
            // The opening of the file has shown that metadata come first.
            if metadata.is_none() {
                metadata = Some(Metadata::read(reader)?);
            } else if name == "__metadata__" {
                return Err(reader.fault("a second `__metadata__`"));
            } else {
                entries.push(Entry::read(reader, name)?);
            }
            Ok(())
        })?;
        reader.end()?;
        let metadata = reader.required(metadata, "__metadata__")?;
        Ok(Self { metadata, entries })
    }
}

impl Metadata {
    fn read(reader: &mut Reader) -> std::result::Result<Self, Fault> {
        let (mut sha256, mut format, mut version, mut step, mut seed, mut recipe) =
            (None, None, None, None, None, None);
        reader.object(|reader, name| {
            let slot = match name.as_str() {
                "sha256" => &mut sha256,
                "format" => &mut format,
                "version" => &mut version,
                "step" => &mut step,
                "seed" => &mut seed,
                "recipe" => &mut recipe,
                _ => return Err(reader.unknown(&name)),
            };
            let value = reader.text()?;
            reader.once(slot, &name, value)
        })?;
        Ok(Self {
            format: reader.required(format, "format")?,
            version: reader.required(version, "version")?,
            step: reader.required(step, "step")?,
            seed: reader.required(seed, "seed")?,
            recipe: reader.required(recipe, "recipe")?,
        })
    }
}

impl Entry {
    pub(super) fn read(reader: &mut Reader, name: String) -> std::result::Result<Self, Fault> {
        let (mut kind, mut shape, mut range) = (None, None, None);
        reader.object(|reader, field| match field.as_str() {
            "dtype" => {
                let said = reader.text()?;
                let value =
                    Kind::named(&said).ok_or_else(|| reader.fault(format!("unknown kind `{said}`")))?;
                reader.once(&mut kind, &field, value)
            }
            "shape" => {
                let value = lengths(reader, MAX_RANK)?;
                reader.once(&mut shape, &field, value)
            }
            "data_offsets" => match lengths(reader, 2)?[..] {
                [start, end] => reader.once(&mut range, &field, (start, end)),
                _ => Err(reader.fault("data_offsets that are not two numbers")),
            },
            _ => Err(reader.unknown(&field)),
        })?;
        Ok(Self {
            name,
            kind: reader.required(kind, "dtype")?,
            shape: reader.required(shape, "shape")?,
            range: reader.required(range, "data_offsets")?,
        })
    }
}

/// At most so many whole numbers.
fn lengths(reader: &mut Reader, most: usize) -> std::result::Result<Vec<usize>, Fault> {
    let mut lengths = Vec::new();
    reader.list(|reader| {
        if lengths.len() == most {
            return Err(reader.fault(format!("a list that is longer than at most {most} numbers")));
        }
        lengths.push(reader.whole()?);
        Ok(())
    })?;
    Ok(lengths)
}
