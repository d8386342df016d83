//! The newest checkpoint of a run and the one before it.
//!
//! `checkpoint.safetensors` is the newest and `checkpoint.previous.safetensors` the one before. A new one is first
//! written completely under a third name, then the newest becomes the previous, then the new one the newest; at every
//! moment at least one of the two names is a good checkpoint. A newest that is damaged never becomes the previous,
//! because that would destroy the good one which the run fell back to.

use std::io;
use std::path::{Path, PathBuf};

use gibbsian_core::{Error, Result};

use super::storage::{Disk, Storage, make_directory, rename, sync_directory_of, write_beside};
use super::{Checkpoint, format};

/// The checkpoint files of one run, in a directory of its own.
pub struct CheckpointFiles {
    storage: Box<dyn Storage>,
    newest: PathBuf,
    previous: PathBuf,
    /// Whether this process has read or written the newest file and knows it to be good.
    newest_is_good: bool,
}

impl std::fmt::Debug for CheckpointFiles {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CheckpointFiles")
            .field("newest", &self.newest)
            .field("previous", &self.previous)
            .finish_non_exhaustive()
    }
}

/// A checkpoint from disk.
#[derive(Debug)]
#[non_exhaustive]
pub struct Loaded {
    /// The checkpoint.
    pub checkpoint: Checkpoint,
    /// Why it is not the newest, if it is not: the newest file is damaged, or missing because a run was killed while
    /// it was replaced.
    pub notice: Option<Error>,
}

impl CheckpointFiles {
    /// The files in `directory`, which is made if there is none.
    ///
    /// # Errors
    /// The directory cannot be made.
    pub fn new(directory: impl AsRef<Path>) -> Result<Self> {
        let directory = directory.as_ref();
        make_directory(&Disk, directory)?;
        Ok(Self::on(Box::new(Disk), directory))
    }

    pub(super) fn on(storage: Box<dyn Storage>, directory: &Path) -> Self {
        CheckpointFiles {
            storage,
            newest: directory.join("checkpoint.safetensors"),
            previous: directory.join("checkpoint.previous.safetensors"),
            newest_is_good: false,
        }
    }

    /// The newest file.
    pub fn newest(&self) -> &Path {
        &self.newest
    }

    /// The file before the newest.
    pub fn previous(&self) -> &Path {
        &self.previous
    }

    /// Makes `checkpoint` the newest. When this fails, the checkpoints that were there can still be loaded.
    ///
    /// # Errors
    /// Those of [`Checkpoint::to_bytes`], and what the operating system refuses.
    pub fn save(&mut self, checkpoint: &Checkpoint) -> Result<()> {
        let bytes = checkpoint.to_bytes()?;
        let partial = write_beside(self.storage.as_ref(), &self.newest, &bytes)?;
        // A new one that cannot take its place is not left beside the others.
        let forget = |_: &Error| drop(self.storage.remove(&partial));
        if self.newest_is_good || matches!(self.read(&self.newest), Ok(Some(_))) {
            self.newest_is_good = false;
            rename(self.storage.as_ref(), &self.newest, &self.previous).inspect_err(forget)?;
        }
        rename(self.storage.as_ref(), &partial, &self.newest).inspect_err(forget)?;
        self.newest_is_good = true;
        sync_directory_of(self.storage.as_ref(), &self.newest)
    }

    /// The newest checkpoint that is good, or none where none was ever saved.
    ///
    /// # Errors
    /// Files are there, but none is good (the error is about the newest), or one cannot be read.
    pub fn load(&mut self) -> Result<Option<Loaded>> {
        self.newest_is_good = false;
        let notice = match self.read(&self.newest) {
            Ok(Some(checkpoint)) => {
                self.newest_is_good = true;
                return Ok(Some(Loaded {
                    checkpoint,
                    notice: None,
                }));
            }
            Ok(None) => Error::file(&self.newest, "read", io::ErrorKind::NotFound.into()),
            Err(e @ (Error::Format { .. } | Error::NonFinite { .. })) => e,
            Err(e) => return Err(e),
        };
        match self.read(&self.previous) {
            Ok(Some(checkpoint)) => Ok(Some(Loaded {
                checkpoint,
                notice: Some(notice),
            })),
            // A file that is missing is no news when the other is missing or damaged too.
            Ok(None) if matches!(notice, Error::File { .. }) => Ok(None),
            Err(e) if matches!(notice, Error::File { .. }) => Err(e),
            Ok(None) | Err(Error::Format { .. } | Error::NonFinite { .. }) => Err(notice),
            Err(e) => Err(e),
        }
    }

    /// The checkpoint in a file, or none where there is no file.
    fn read(&self, path: &Path) -> Result<Option<Checkpoint>> {
        match self.storage.read(path) {
            Ok(bytes) => format::decode(&bytes, &path.display().to_string()).map(Some),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(Error::file(path, "read", e)),
        }
    }
}
