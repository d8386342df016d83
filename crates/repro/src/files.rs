//! Files that are either whole or absent.
//!
//! A file is written beside its place under a temporary name, flushed to the disk and renamed over the old one, and then the
//! folder is flushed. Whenever the process dies, the reader finds the previous file or the new one, never half of it.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

use gibbsian_core::Error;
use sha2::{Digest, Sha256};

/// Replaces or creates a file, whole.
pub(crate) fn write_atomic(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let mut temporary = path.as_os_str().to_owned();
    temporary.push(".partial");
    let temporary = Path::new(&temporary);
    let written = File::create(temporary)
        .and_then(|mut file| {
            file.write_all(bytes)?;
            file.sync_all()
        })
        .and_then(|()| fs::rename(temporary, path))
        .and_then(|()| sync_folder(path.parent().unwrap_or(Path::new("."))));
    written.map_err(|source| {
        // Nothing more can be done if the temporary file will not go away either.
        let _ = fs::remove_file(temporary);
        Error::file(path, "write", source)
    })
}

/// Makes a folder with all its parents.
pub(crate) fn create_folder(path: &Path) -> Result<(), Error> {
    fs::create_dir_all(path).map_err(|source| Error::file(path, "create the folder", source))
}

/// The file's bytes, or `None` if there is no such file.
pub(crate) fn read_if_present(path: &Path) -> Result<Option<Vec<u8>>, Error> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(reason) if reason.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(reason) => Err(Error::file(path, "read", reason)),
    }
}

/// Writes bytes after their hash in hexadecimal.
pub(crate) fn write_hashed(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let mut stored = sha256(bytes).into_bytes();
    stored.extend_from_slice(bytes);
    write_atomic(path, &stored)
}

/// The bytes that [`write_hashed`] wrote, or `None` if there are none or they are damaged.
pub(crate) fn read_hashed(path: &Path) -> Result<Option<Vec<u8>>, Error> {
    let stored = read_if_present(path)?;
    let whole = stored.as_deref().and_then(|stored| {
        let (hash, bytes) = stored.split_at_checked(64)?;
        (sha256(bytes).as_bytes() == hash).then_some(bytes)
    });
    Ok(whole.map(<[u8]>::to_vec))
}

/// Removes a file or a folder with all it holds; it is fine if there is none.
pub(crate) fn remove(path: &Path) -> Result<(), Error> {
    let removed = match fs::symlink_metadata(path) {
        Err(reason) => Err(reason),
        Ok(metadata) if metadata.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
    };
    match removed {
        Err(reason) if reason.kind() != io::ErrorKind::NotFound => Err(Error::file(path, "remove", reason)),
        _ => Ok(()),
    }
}

/// The SHA-256 of some bytes, in hexadecimal.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// A rename is durable once its folder is on the disk. Only Unix lets a folder be opened and flushed.
#[cfg(unix)]
fn sync_folder(folder: &Path) -> io::Result<()> {
    let folder = if folder.as_os_str().is_empty() {
        Path::new(".")
    } else {
        folder
    };
    File::open(folder)?.sync_all()
}

#[cfg(not(unix))]
fn sync_folder(_: &Path) -> io::Result<()> {
    Ok(())
}

/// A folder of its own for a unit test, empty at the start.
#[cfg(test)]
pub(crate) fn test_folder(name: &str) -> std::path::PathBuf {
    let folder = std::env::temp_dir().join(format!("gibbsian-repro-{}-{name}", std::process::id()));
    remove(&folder).unwrap();
    create_folder(&folder).unwrap();
    folder
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_write_replaces_the_file_and_leaves_nothing_beside_it() {
        let folder = test_folder("write");
        let path = folder.join("a.json");
        write_atomic(&path, b"old").unwrap();
        write_atomic(&path, b"new").unwrap();
        assert_eq!(read_if_present(&path).unwrap().unwrap(), b"new");
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
        remove(&folder).unwrap();
        assert!(read_if_present(&path).unwrap().is_none());
    }

    #[test]
    fn a_refused_write_names_the_file() {
        let folder = test_folder("refused");
        write_atomic(&folder.join("file"), b"").unwrap();
        let error = write_atomic(&folder.join("file").join("below"), b"x").unwrap_err();
        assert!(error.to_string().contains("below"), "{error}");
        remove(&folder).unwrap();
    }

    #[test]
    fn the_hash_is_sha_256() {
        // FIPS 180-4, the one-block example "abc".
        assert_eq!(
            sha256(b"abc"),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
    }
}
