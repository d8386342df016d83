//! Bytes of a file that may be compressed and may be hostile, with memory taken only for bytes that are really there.
//!
//! A header can claim any size, and 1 kB of gzip can hold 1 MB. Therefore nothing is allocated on a claim: bytes are gathered in
//! segments of [`SEGMENT`] bytes, each taken when the one before is full, and joined at the end. The peak is twice the
//! decoded length plus one segment, however the claim reads. Only where the operating system vouches for the length (a plain file,
//! a slice in memory) is the whole taken at once. Growing a vector by doubling was rejected: it is shorter, but while it copies
//! it holds three times the bytes that have arrived.
//!
//! A gzip file (RFC 1952) must be **one member and nothing after it**. The format lets members be concatenated, but no published data
//! set is stored so, while appending twice by accident is common, and the second half would pass every checksum. The
//! checksum and length at the end of the member are verified by the decoder when the end is reached, so every reader must
//! reach it: [`Source::expect_end`].

use std::fs::File;
#[cfg(feature = "gzip")]
use std::io::BufRead;
use std::io::{self, BufReader, Cursor, Read, Take};
use std::path::Path;

#[cfg(feature = "gzip")]
use flate2::bufread::GzDecoder;
use gibbsian_core::{Error, Result};

/// How many bytes are allocated ahead of the bytes that have arrived.
const SEGMENT: usize = 256 * 1024;

/// The largest decoded size accepted from a gzip stream, because 1 MB of input can claim, and deliver, 1 GB. With the
/// segments and the joined result alive at once this keeps the peak at 512 MiB. What is larger must be stored uncompressed, where
/// its size on disk is the proof.
pub(crate) const MAX_INFLATED: u64 = 256 * 1024 * 1024;

/// The two bytes already looked at, put back in front of the rest.
type Rewound<R> = io::Chain<Take<Cursor<[u8; 2]>>, BufReader<R>>;

enum Stream<R: Read> {
    Plain(Rewound<R>),
    #[cfg(feature = "gzip")]
    Gzip(Box<GzDecoder<Rewound<R>>>),
}

impl<R: Read> Read for Stream<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Stream::Plain(input) => input.read(buffer),
            #[cfg(feature = "gzip")]
            Stream::Gzip(decoder) => decoder.read(buffer),
        }
    }
}

/// A stream of decoded bytes with a name for messages.
pub(crate) struct Source<R: Read> {
    origin: String,
    stream: Stream<R>,
    vouched: u64,
    packing: Packing,
}

/// What the bytes are packed in, where they are.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Packing {
    None,
    Gzip,
    /// A member of a zip archive as it is.
    #[cfg(feature = "npz")]
    Stored,
    /// A member of a zip archive that takes so many bytes there.
    #[cfg(feature = "npz")]
    Deflated(u64),
}

/// How many times its compressed size a zip member may have when it is larger than [`MODEST`]. Arrays of zeros reach 1000; data do not.
#[cfg(feature = "npz")]
pub(crate) const MAX_RATIO: u64 = 200;

/// Up to this size a zip member may have any ratio.
#[cfg(feature = "npz")]
pub(crate) const MODEST: u64 = 16 * 1024 * 1024;

impl Source<File> {
    /// Opens a file.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let file = File::open(path).map_err(|e| Error::file(path, "open", e))?;
        let metadata = file.metadata().map_err(|e| Error::file(path, "inspect", e))?;
        let length = if metadata.is_file() { metadata.len() } else { 0 };
        Source::new(path.display().to_string(), file, length)
    }
}

impl<R: Read> Source<R> {
    /// Bytes from `reader`, of which at least `vouched` are known to exist (zero where nothing is known).
    pub(crate) fn new(origin: impl Into<String>, reader: R, vouched: u64) -> Result<Self> {
        let origin = origin.into();
        let mut reader = BufReader::with_capacity(64 * 1024, reader);
        let mut head = [0; 2];
        let n = fill(&mut reader, &mut head).map_err(|e| refusal(&origin, Packing::Gzip, e))?;
        let rewound = Cursor::new(head).take(n as u64).chain(reader);
        if n == 2 && head == [0x1F, 0x8B] {
            return Self::gzip(origin, rewound);
        }
        Ok(Source {
            origin,
            stream: Stream::Plain(rewound),
            vouched,
            packing: Packing::None,
        })
    }

    #[cfg(feature = "gzip")]
    fn gzip(origin: String, bytes: Rewound<R>) -> Result<Self> {
        Ok(Source {
            origin,
            stream: Stream::Gzip(Box::new(GzDecoder::new(bytes))),
            vouched: 0,
            packing: Packing::Gzip,
        })
    }

    #[cfg(not(feature = "gzip"))]
    fn gzip(origin: String, _: Rewound<R>) -> Result<Self> {
        Err(Error::format(
            origin,
            "a gzip file",
            "a file that is not compressed; unpack it, or build `gibbsian-data` with its feature `gzip`",
        ))
    }

    /// The bytes of a member of a zip archive, which its reader unpacks and checks, with its size in the archive where it is compressed. Gzip
    /// inside it would be a second packing and is not undone.
    #[cfg(feature = "npz")]
    pub(crate) fn member(origin: impl Into<String>, reader: R, compressed: Option<u64>) -> Self {
        let nothing = Cursor::new([0; 2]).take(0);
        Source {
            origin: origin.into(),
            stream: Stream::Plain(nothing.chain(BufReader::with_capacity(64 * 1024, reader))),
            vouched: 0,
            packing: compressed.map_or(Packing::Stored, Packing::Deflated),
        }
    }

    pub(crate) fn origin(&self) -> &str {
        &self.origin
    }

    pub(crate) fn is_compressed(&self) -> bool {
        self.packing != Packing::None
    }

    /// Requires what unpacks to `bytes` to be allowed to.
    pub(crate) fn check_inflated(&self, what: &str, bytes: usize) -> Result<()> {
        let (limit, rule) = match self.packing {
            Packing::None => return Ok(()),
            Packing::Gzip => (MAX_INFLATED, String::new()),
            #[cfg(feature = "npz")]
            Packing::Stored => return Ok(()),
            #[cfg(feature = "npz")]
            Packing::Deflated(compressed) => (
                MAX_INFLATED.min(MODEST.max(compressed.saturating_mul(MAX_RATIO))),
                format!(
                    " (at most {MAX_INFLATED}, and beyond {MODEST} at most {MAX_RATIO} times the {compressed} compressed)"
                ),
            ),
        };
        if bytes as u64 <= limit {
            return Ok(());
        }
        Err(Error::format(
            &self.origin,
            format!("{what}, {bytes} bytes, in a {}", self.packing.name()),
            format!("at most {limit} bytes{rule}; store a larger array uncompressed"),
        ))
    }

    /// Whether the operating system says that there are so many bytes in all.
    pub(crate) fn vouches_for(&self, n: usize) -> bool {
        self.vouched >= n as u64
    }

    fn refusal(&self, error: io::Error) -> Error {
        refusal(&self.origin, self.packing, error)
    }

    /// Fills `buffer` or says how much of `what` was missing.
    pub(crate) fn read_exactly(&mut self, buffer: &mut [u8], what: &str) -> Result<()> {
        let n = fill(&mut self.stream, buffer).map_err(|e| self.refusal(e))?;
        if n == buffer.len() {
            Ok(())
        } else {
            Err(self.truncated(n, buffer.len(), what))
        }
    }

    /// The next `n` bytes, or how many of `what` were missing.
    pub(crate) fn take_exactly(&mut self, n: usize, what: &str) -> Result<Vec<u8>> {
        let bytes = self.take_at_most(n)?;
        if bytes.len() == n {
            Ok(bytes)
        } else {
            Err(self.truncated(bytes.len(), n, what))
        }
    }

    /// All bytes that are left, but no more than `limit`.
    pub(crate) fn take_at_most(&mut self, limit: usize) -> Result<Vec<u8>> {
        let ahead = usize::try_from(self.vouched).unwrap_or(usize::MAX).max(SEGMENT);
        let mut segments: Vec<Vec<u8>> = Vec::new();
        let mut total = 0;
        while total < limit {
            let wanted = ahead.min(limit - total);
            let mut segment = self.reserve(wanted)?;
            let n = (&mut self.stream)
                .take(wanted as u64)
                .read_to_end(&mut segment)
                .map_err(|e| self.refusal(e))?;
            total += n;
            segments.push(segment);
            if n < wanted {
                break;
            }
        }
        if segments.len() == 1 {
            return Ok(segments.remove(0));
        }
        let mut joined = self.reserve(total)?;
        for segment in segments {
            joined.extend_from_slice(&segment);
        }
        Ok(joined)
    }

    /// Requires the end of the bytes, and for gzip that checksum and length match and nothing follows.
    pub(crate) fn expect_end(&mut self, after: &str) -> Result<()> {
        let mut beyond = [0; 1];
        if fill(&mut self.stream, &mut beyond).map_err(|e| self.refusal(e))? > 0 {
            return Err(Error::format(
                &self.origin,
                format!("more bytes after {after}"),
                "the end of the file",
            ));
        }
        #[cfg(feature = "gzip")]
        if let Stream::Gzip(decoder) = &mut self.stream {
            let rest = decoder
                .get_mut()
                .fill_buf()
                .map_err(|e| refusal(&self.origin, self.packing, e))?;
            if !rest.is_empty() {
                return Err(Error::format(
                    &self.origin,
                    "more bytes after the gzip member",
                    "a single gzip member and then the end of the file",
                ));
            }
        }
        Ok(())
    }

    fn truncated(&self, found: usize, expected: usize, what: &str) -> Error {
        Error::format(
            &self.origin,
            format!("the end of the file after {found} bytes of {what}"),
            format!("{expected} bytes of {what}"),
        )
    }

    /// An empty vector with room for `n` bytes; a sparse file can vouch for more than there is memory.
    fn reserve(&self, n: usize) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        match bytes.try_reserve_exact(n) {
            Ok(()) => Ok(bytes),
            Err(_) => Err(Error::format(
                &self.origin,
                format!("{n} bytes"),
                "no more than fit into memory",
            )),
        }
    }
}

/// Reads until `buffer` is full or the bytes end.
fn fill(reader: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut n = 0;
    while n < buffer.len() {
        match reader.read(&mut buffer[n..]) {
            Ok(0) => break,
            Ok(more) => n += more,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(n)
}

/// Tells bytes that the decoder refused from a device that failed.
fn refusal(origin: &str, packing: Packing, error: io::Error) -> Error {
    use io::ErrorKind::{InvalidData, InvalidInput, UnexpectedEof};
    let name = packing.name();
    match error.kind() {
        UnexpectedEof if error.raw_os_error().is_none() => Error::format(
            origin,
            format!("the end of the file inside the {name}"),
            format!("a complete {name}"),
        ),
        InvalidData | InvalidInput if error.raw_os_error().is_none() => Error::format(
            origin,
            error,
            format!("a valid {name} whose checksum and length match"),
        ),
        _ => Error::file(origin, "read", error),
    }
}

impl Packing {
    fn name(self) -> &'static str {
        match self {
            Packing::None => "file",
            Packing::Gzip => "gzip stream",
            #[cfg(feature = "npz")]
            Packing::Stored | Packing::Deflated(_) => "zip member",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A reader that hands out one byte at a time and is interrupted before each.
    struct Trickle<'a>(&'a [u8], bool);

    impl Read for Trickle<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            self.1 = !self.1;
            if self.1 {
                return Err(io::ErrorKind::Interrupted.into());
            }
            let n = self.0.len().min(buffer.len()).min(1);
            buffer[..n].copy_from_slice(&self.0[..n]);
            self.0 = &self.0[n..];
            Ok(n)
        }
    }

    /// A reader that fails like a broken disk.
    struct Broken;

    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::other("the disk is on fire"))
        }
    }

    #[test]
    fn short_and_interrupted_reads_change_nothing() {
        let bytes: Vec<u8> = (0..=255).collect();
        let mut source = Source::new("trickle", Trickle(&bytes, false), 0).unwrap();
        let mut head = [0; 3];
        source.read_exactly(&mut head, "the header").unwrap();
        assert_eq!(head, [0, 1, 2]);
        assert_eq!(source.take_exactly(253, "the rest").unwrap(), bytes[3..]);
        source.expect_end("the rest").unwrap();
    }

    #[test]
    fn segments_join_to_what_was_sent() {
        let bytes: Vec<u8> = (0..3 * SEGMENT + 17).map(|i| (i % 251) as u8).collect();
        for vouched in [0, bytes.len() as u64] {
            let mut source = Source::new("long", bytes.as_slice(), vouched).unwrap();
            assert_eq!(source.take_exactly(bytes.len(), "all").unwrap(), bytes);
            source.expect_end("all").unwrap();
            let mut source = Source::new("long", bytes.as_slice(), vouched).unwrap();
            assert_eq!(source.take_at_most(SEGMENT + 1).unwrap(), bytes[..SEGMENT + 1]);
            let e = source.expect_end("the first part").unwrap_err();
            assert!(e.to_string().contains("more bytes after the first part"), "{e}");
        }
    }

    #[test]
    fn a_failing_device_is_not_mistaken_for_bad_bytes() {
        let Err(e) = Source::new("disk", Broken, 0) else {
            panic!("accepted")
        };
        assert!(matches!(e, Error::File { .. }), "{e}");
        assert!(e.to_string().contains("disk"), "{e}");
    }

    #[test]
    fn more_than_fits_into_memory_is_an_error() {
        let mut source = Source::new("sparse", &b"abc"[..], u64::MAX).unwrap();
        let e = source.take_at_most(usize::MAX).unwrap_err();
        assert!(e.to_string().contains("fit into memory"), "{e}");
    }
}
