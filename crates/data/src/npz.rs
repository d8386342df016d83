//! Several arrays with names in one file, as NumPy's `savez` and `savez_compressed` store them; behind the feature `npz`.
//!
//! An `.npz` file is a zip archive whose member `x.npy` is the array `x`, read as [`crate::npy`] says. Members are read when they are asked for,
//! so that one array takes no memory for the others, and members of another name are left alone. An archive ends with its directory and
//! nothing after it, and has at most [`MAX_MEMBERS`] members, no two of one name or in the same bytes; encryption and every compression but DEFLATE
//! are refused.
//!
//! Two megabytes of DEFLATE can become two gibibytes. An array that is compressed may have at most 256 MiB, as bytes and as doubles, and where it has more than
//! 16 MiB at most 200 times its compressed size; nothing is unpacked beyond what the array's header says. The checksum of a member is
//! verified before its numbers are given.

use std::fs::File;
use std::io::{BufWriter, Read, Seek, SeekFrom, Write};
use std::path::Path;

use gibbsian_core::{Error, Result};
use ndarray::{ArrayBase, ArrayD, Data, Dimension};
use zip::read::ZipFile;
use zip::result::ZipError;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

use crate::npy::{self, NpyNumber};
use crate::source::Source;

/// The most members of an archive, which bounds the memory that its directory takes.
pub const MAX_MEMBERS: u16 = 1000;

/// Arrays by name, read one at a time.
///
/// ```
/// use std::io::Cursor;
/// use gibbsian_data::{Npz, NpzWriter};
///
/// let mut writer = NpzWriter::new("example", Cursor::new(Vec::new()));
/// writer.put("weights", &ndarray::array![[0.5, -0.25]])?;
/// writer.put("labels", &ndarray::array![3_u8, 1])?;
/// let bytes = writer.finish()?;
///
/// let mut arrays = Npz::new("example", bytes)?;
/// assert_eq!(arrays.names(), ["weights", "labels"]);
/// assert_eq!(arrays.array("weights")?, ndarray::array![[0.5, -0.25]].into_dyn());
/// assert_eq!(arrays.bytes("labels")?, ndarray::array![3, 1].into_dyn());
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
pub struct Npz<R> {
    origin: String,
    names: Vec<String>,
    length: u64,
    archive: ZipArchive<R>,
}

impl Npz<File> {
    /// Opens an archive.
    ///
    /// # Errors
    /// [`Error::File`] when it cannot be opened or read, [`Error::Format`] when it is not as the [module](self) says.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let file = File::open(path).map_err(|e| Error::file(path, "open", e))?;
        Npz::new(path.display().to_string(), file)
    }
}

impl<R: Read + Seek> Npz<R> {
    /// Arrays in the bytes of `reader`; `origin` names it in messages.
    ///
    /// # Errors
    /// As [`open`](Npz::open).
    pub fn new(origin: impl Into<String>, mut reader: R) -> Result<Self> {
        let origin = origin.into();
        let length = check_end(&origin, &mut reader)?;
        let mut archive = ZipArchive::new(reader).map_err(|e| refusal(&origin, e))?;
        if archive.has_duplicate_names() {
            return Err(Error::format(
                &origin,
                "two members of one name",
                "every name once",
            ));
        }
        if archive
            .has_overlapping_entries()
            .map_err(|e| refusal(&origin, e))?
        {
            return Err(Error::format(
                &origin,
                "members that overlap",
                "every member in bytes of its own",
            ));
        }
        let mut names = Vec::new();
        for name in archive.file_names() {
            let name = name.map_err(|e| refusal(&origin, e))?;
            names.extend(name.strip_suffix(".npy").map(str::to_owned));
        }
        Ok(Npz {
            origin,
            names,
            length,
            archive,
        })
    }

    /// The arrays' names, in the order of the archive.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// The array of this name; numbers that are not finite are given as they are.
    ///
    /// # Errors
    /// There is none, or it is refused as by [`read_npy`](crate::read_npy).
    pub fn array(&mut self, name: &str) -> Result<ArrayD<f64>> {
        npy::decode(&mut self.member(name)?)
    }

    /// The array of unsigned bytes or booleans of this name.
    ///
    /// # Errors
    /// There is none, or it is refused as by [`read_npy_bytes`](crate::read_npy_bytes).
    pub fn bytes(&mut self, name: &str) -> Result<ArrayD<u8>> {
        npy::decode_bytes(&mut self.member(name)?)
    }

    /// The bytes of an array's member.
    fn member(&mut self, name: &str) -> Result<Source<ZipFile<'_, R>>> {
        if !self.names.iter().any(|n| n == name) {
            return Err(Error::parameter(
                "name",
                format!("{name:?}"),
                format!("one of the arrays {:?} of {}", self.names, self.origin),
            ));
        }
        let origin = format!("{}, member {name}.npy", self.origin);
        let member = self
            .archive
            .by_name(&format!("{name}.npy"))
            .map_err(|e| refusal(&origin, e))?;
        let compressed = match member.compression() {
            CompressionMethod::Stored => None,
            // No member has more bytes than the archive, whatever it says.
            _ => Some(member.compressed_size().min(self.length)),
        };
        Ok(Source::member(origin, member, compressed))
    }
}

/// Requires the archive to end as one without a comment and with few members, before anything is allocated for them; gives its length.
fn check_end<R: Read + Seek>(origin: &str, reader: &mut R) -> Result<u64> {
    const END: u64 = 22;
    const LOCATOR: u64 = 20;
    let io = |e| Error::file(origin, "read", e);
    let wrong = |found: &str, expected: &str| Err(Error::format(origin, found, expected));
    let length = reader.seek(SeekFrom::End(0)).map_err(io)?;
    let n = length.min(END + LOCATOR);
    reader.seek(SeekFrom::End(-(n as i64))).map_err(io)?;
    let mut tail = Vec::new();
    reader.take(n).read_to_end(&mut tail).map_err(io)?;
    let Some((locator, end)) = tail
        .len()
        .checked_sub(END as usize)
        .map(|before| tail.split_at(before))
        .filter(|(_, end)| end.starts_with(b"PK\x05\x06") && end.ends_with(&[0, 0]))
    else {
        return wrong("no directory at its end", "a whole zip archive without a comment");
    };
    let n_members = u16::from_le_bytes([end[10], end[11]]);
    if n_members > MAX_MEMBERS {
        return wrong(
            &format!("{n_members} members"),
            &format!("at most {MAX_MEMBERS} members"),
        );
    }
    // Only archives of 4 GiB need a second directory, in which a small one could claim any number of members.
    if locator.starts_with(b"PK\x06\x07") && length < u64::from(u32::MAX) {
        return wrong("a directory of zip64", "none in an archive of less than 4 GiB");
    }
    Ok(length)
}

/// Tells an archive that was refused from a device that failed.
fn refusal(origin: &str, error: ZipError) -> Error {
    match error {
        ZipError::Io(e) if e.raw_os_error().is_some() => Error::file(origin, "read", e),
        e => Error::format(origin, e, "a zip archive whose members are stored or deflated"),
    }
}

/// Writes arrays with names, compressed, one after the other.
pub struct NpzWriter<W: Write + Seek> {
    origin: String,
    names: Vec<String>,
    writer: ZipWriter<W>,
}

impl NpzWriter<BufWriter<File>> {
    /// Begins a file; what was there under this name is replaced. It is whole after [`finish`](NpzWriter::finish).
    ///
    /// # Errors
    /// What the operating system refuses.
    pub fn create(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let file = File::create(path).map_err(|e| Error::file(path, "create", e))?;
        Ok(NpzWriter::new(path.display().to_string(), BufWriter::new(file)))
    }
}

impl<W: Write + Seek> NpzWriter<W> {
    /// Begins an archive in `writer`; `origin` names it in messages.
    pub fn new(origin: impl Into<String>, writer: W) -> Self {
        NpzWriter {
            origin: origin.into(),
            names: Vec::new(),
            writer: ZipWriter::new(writer),
        }
    }

    /// Adds an array.
    ///
    /// # Errors
    /// The name is empty, taken, or has a slash or a control character, there are [`MAX_MEMBERS`] arrays already, or writing failed.
    pub fn put<A: NpyNumber, S: Data<Elem = A>, D: Dimension>(
        &mut self,
        name: &str,
        array: &ArrayBase<S, D>,
    ) -> Result<()> {
        let is_plain = !name.is_empty() && !name.contains(|c: char| c.is_control() || c == '/' || c == '\\');
        if !is_plain || self.names.iter().any(|n| n == name) {
            return Err(Error::parameter(
                "name",
                format!("{name:?}"),
                "a name that no other array has, not empty, without slashes and control characters",
            ));
        }
        if self.names.len() >= usize::from(MAX_MEMBERS) {
            return Err(Error::parameter(
                "number of arrays",
                self.names.len() + 1,
                format!("at most {MAX_MEMBERS}; put them into several files"),
            ));
        }
        let n_bytes = array.len().saturating_mul(size_of::<A>()) as u64;
        let options = SimpleFileOptions::default()
            .compression_method(CompressionMethod::Deflated)
            .large_file(n_bytes >= u64::from(u32::MAX) / 2);
        self.writer
            .start_file(format!("{name}.npy"), options)
            .map_err(|e| refusal(&self.origin, e))?;
        self.names.push(name.to_owned());
        let mut buffered = BufWriter::with_capacity(64 * 1024, &mut self.writer);
        npy::put_npy(&mut buffered, array)
            .and_then(|()| buffered.flush())
            .map_err(|e| Error::file(&self.origin, "write", e))
    }

    /// Writes the directory and gives the writer back.
    ///
    /// # Errors
    /// Writing failed.
    pub fn finish(self) -> Result<W> {
        let mut writer = self.writer.finish().map_err(|e| refusal(&self.origin, e))?;
        writer
            .flush()
            .map_err(|e| Error::file(&self.origin, "write", e))?;
        Ok(writer)
    }
}
