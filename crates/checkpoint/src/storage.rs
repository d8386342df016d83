//! What checkpoints ask of a file system, small enough to be simulated with all its failures.
//!
//! A file becomes durable in four acts: write a new file beside the old one, wait until its bytes are on the device,
//! rename it over the old one (which every file system does in one piece), and wait until the directory is on the
//! device. Without the first wait, a loss of power can leave the new name on an empty file; without the second it can
//! bring the old file back, which is merely older.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use gibbsian_core::{Error, Result};

/// A file being written.
pub(super) trait Sink: Write {
    /// Returns when the bytes are on the device.
    fn sync(&mut self) -> io::Result<()>;
}

/// A file system.
pub(super) trait Storage: Send {
    /// All bytes of a file.
    fn read(&self, path: &Path) -> io::Result<Vec<u8>>;

    /// A new, empty file in place of any of this name.
    fn create(&self, path: &Path) -> io::Result<Box<dyn Sink + '_>>;

    /// Gives a file a new name, in place of any of that name, in one piece.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Forgets a file.
    fn remove(&self, path: &Path) -> io::Result<()>;

    /// Returns when the names in a directory are on the device.
    fn sync_directory(&self, directory: &Path) -> io::Result<()>;
}

/// The operating system's file system.
pub(super) struct Disk;

impl Sink for File {
    fn sync(&mut self) -> io::Result<()> {
        self.sync_all()
    }
}

impl Storage for Disk {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        // Asked before opening, because opening a pipe waits for its other end.
        if !fs::metadata(path)?.is_file() {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "it is not a regular file",
            ));
        }
        let mut file = File::open(path)?;
        let length = usize::try_from(file.metadata()?.len()).map_err(|_| io::ErrorKind::FileTooLarge)?;
        let mut bytes = Vec::new();
        bytes.try_reserve_exact(length)?;
        bytes.resize(length, 0);
        file.read_exact(&mut bytes)?;
        Ok(bytes)
    }

    fn create(&self, path: &Path) -> io::Result<Box<dyn Sink + '_>> {
        Ok(Box::new(File::create(path)?))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn sync_directory(&self, directory: &Path) -> io::Result<()> {
        // Only Unix lets a directory be opened and waited for.
        if cfg!(unix) {
            File::open(directory)?.sync_all()?;
        }
        Ok(())
    }
}

/// Writes `bytes` to a new file beside `path` and waits until they are on the device; returns the new file's name.
pub(super) fn write_beside(storage: &dyn Storage, path: &Path, bytes: &[u8]) -> Result<PathBuf> {
    let mut name = path.as_os_str().to_owned();
    name.push(".partial");
    let partial = PathBuf::from(name);
    let written = storage.create(&partial).and_then(|mut sink| {
        sink.write_all(bytes)?;
        sink.flush()?;
        sink.sync()
    });
    written.map_err(|e| {
        // A full disk should not stay full; if this fails too, the first reason is the one to tell.
        let _ = storage.remove(&partial);
        Error::file(&partial, "write", e)
    })?;
    Ok(partial)
}

/// Puts `bytes` under the name `path`, durably and in one piece.
pub(super) fn write_atomically(storage: &dyn Storage, path: &Path, bytes: &[u8]) -> Result<()> {
    let partial = write_beside(storage, path, bytes)?;
    rename(storage, &partial, path).inspect_err(|_| {
        // Nobody asked for a file of that name.
        let _ = storage.remove(&partial);
    })?;
    sync_directory_of(storage, path)
}

/// Makes a directory and those above it that are missing, durably.
pub(super) fn make_directory(storage: &dyn Storage, directory: &Path) -> Result<()> {
    let missing: Vec<&Path> = directory
        .ancestors()
        .take_while(|d| !d.as_os_str().is_empty() && !d.exists())
        .collect();
    fs::create_dir_all(directory).map_err(|e| Error::file(directory, "create directory", e))?;
    // A directory lasts as long as its name in the one above.
    missing
        .into_iter()
        .try_for_each(|made| sync_directory_of(storage, made))
}

pub(super) fn rename(storage: &dyn Storage, from: &Path, to: &Path) -> Result<()> {
    storage
        .rename(from, to)
        .map_err(|e| Error::file(to, "rename a file to", e))
}

pub(super) fn sync_directory_of(storage: &dyn Storage, path: &Path) -> Result<()> {
    // The parent of a bare file name is the empty path, which means the current directory.
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    storage
        .sync_directory(directory)
        .map_err(|e| Error::file(directory, "synchronise", e))
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    /// The disk, which remembers the directories that were waited for.
    #[derive(Default)]
    struct Watched(Mutex<Vec<PathBuf>>);

    impl Storage for Watched {
        fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
            Disk.read(path)
        }

        fn create(&self, _: &Path) -> io::Result<Box<dyn Sink + '_>> {
            Err(io::ErrorKind::Unsupported.into())
        }

        fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
            Disk.rename(from, to)
        }

        fn remove(&self, path: &Path) -> io::Result<()> {
            Disk.remove(path)
        }

        fn sync_directory(&self, directory: &Path) -> io::Result<()> {
            self.0.lock().unwrap().push(directory.to_path_buf());
            Disk.sync_directory(directory)
        }
    }

    #[test]
    fn a_new_directory_is_on_the_device_with_all_that_lead_to_it() {
        let base = std::env::temp_dir().join(format!("gibbsian-directories-{}", std::process::id()));
        fs::create_dir_all(&base).unwrap();
        let watched = Watched::default();
        make_directory(&watched, &base.join("a/b/c")).unwrap();
        let mut synced = std::mem::take(&mut *watched.0.lock().unwrap());
        synced.sort();
        assert_eq!(synced, [base.clone(), base.join("a"), base.join("a/b")]);
        // What is there already needs no wait.
        make_directory(&watched, &base.join("a/b/c")).unwrap();
        assert!(watched.0.lock().unwrap().is_empty());
        fs::remove_dir_all(&base).unwrap();
    }
}
