//! The decoded bytes of a file, for whoever reads a format that is not ours.

use std::path::Path;

use gibbsian_core::Result;

use crate::source::Source;

/// All bytes of a file, plain or gzip (which it is shows in its first two bytes, not in its name), if they are at most `limit` after decompression.
///
/// Memory is taken for bytes that are really there, never for what a header claims.
///
/// # Errors
/// [`Error::File`](gibbsian_core::Error::File) when it cannot be opened or read, [`Error::Format`](gibbsian_core::Error::Format) when it is longer, or
/// compressed and damaged.
pub fn read_bytes(path: impl AsRef<Path>, limit: usize) -> Result<Vec<u8>> {
    let mut source = Source::open(path.as_ref())?;
    let bytes = source.take_at_most(limit)?;
    source.expect_end(&format!("{limit} bytes"))?;
    Ok(bytes)
}

#[cfg(all(test, feature = "gzip"))]
mod tests {
    use super::*;

    #[test]
    fn plain_and_compressed_files_give_their_bytes_and_long_ones_are_refused() {
        let tables = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data/tables");
        let votes = read_bytes(tables.join("house_votes_84.csv.gz"), 1 << 20).unwrap();
        assert!(votes.starts_with(b"handicapped-infants,"));
        let e = read_bytes(tables.join("house_votes_84.csv.gz"), votes.len() - 1).unwrap_err();
        assert!(e.to_string().contains("more bytes after"), "{e}");
        let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml");
        let text = std::fs::read(&manifest).unwrap();
        assert_eq!(read_bytes(&manifest, text.len()).unwrap(), text);
        assert!(
            read_bytes(tables.join("nothing.csv"), 1)
                .unwrap_err()
                .to_string()
                .contains("open")
        );
    }
}
