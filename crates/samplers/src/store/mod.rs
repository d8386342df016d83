//! Draws on disk, in a form that ArviZ reads.
//!
//! A store is a directory in version 2 of the Zarr format: a small text says kind, shape and chunks of each array, and each chunk is a file. The groups are those
//! of ArviZ's schema: `posterior` has the variables, `(chain, draw, …)`, and `sample_stats` the numbers beside them, `(chain, draw)`. In Python,
//! `arviz.from_zarr(path)` reads it with version 2 of the package `zarr`, and `xarray.open_datatree(path, engine="zarr")` with version 3.
//!
//! A chunk has all chains and a fixed number of draws, the last one zeros behind the last draw. Nothing is compressed, because the
//! low bits of draws are noise; a CRC-32 stands before the numbers, so that damage is found by every reader. `.zmetadata` has all metadata
//! in one file, which is replaced in one piece after the chunks are on the device: whenever a program is killed, the store has a whole
//! number of draws.

mod chunk;
mod contents;
mod crc;
mod members;
mod own;

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use gibbsian_checkpoint::write_atomically;
use gibbsian_core::error::check_shape;
use gibbsian_core::{Error, Result};
use ndarray::{Array2, Array3, ArrayView3, s};

pub use contents::Contents;

use contents::{MAX_METADATA_BYTES, VERSION};
use members::{Kind, Member, Role};

const METADATA: &str = ".zmetadata";

/// A store of draws.
///
/// ```
/// use gibbsian_core::Layout;
/// use gibbsian_samplers::{Contents, DrawStore};
/// use ndarray::{Array3, s};
///
/// let contents = Contents {
///     n_chains: 2,
///     variables: Layout::new().with("mean", &[3]).with("scale", &[]),
///     statistics: vec!["lp".into()],
///     draws_per_chunk: 100,
///     description: "made up".into(),
/// };
/// let path = std::env::temp_dir().join(format!("gibbsian-draws-{}", std::process::id()));
/// let mut store = DrawStore::create(&path, contents)?;
/// let draws = Array3::from_shape_fn((2, 150, 4), |(chain, draw, i)| (chain + draw + i) as f64);
/// store.append(draws.view(), Array3::zeros((1, 2, 150)).view())?;
///
/// let store = DrawStore::open(&path)?;
/// assert_eq!(store.n_draws(), 150);
/// assert_eq!(store.draws()?, draws);
/// # std::fs::remove_dir_all(&path).unwrap();
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct DrawStore {
    path: PathBuf,
    contents: Contents,
    n_draws: usize,
}

impl DrawStore {
    /// A new store without draws.
    ///
    /// # Errors
    /// Those of [`Contents::check`]; something else is in the directory; what the operating system refuses.
    pub fn create(path: impl AsRef<Path>, contents: Contents) -> Result<Self> {
        let path = path.as_ref();
        contents.check()?;
        let is_taken = match fs::read_dir(path) {
            Ok(mut entries) => entries.next().is_some(),
            Err(e) => e.kind() != ErrorKind::NotFound,
        };
        if is_taken {
            let requirement = "the path of a new or an empty directory; a store is not written over another";
            return Err(Error::parameter("path", path.display(), requirement));
        }
        DrawStore::create_over(path, contents)
    }

    /// The same in place of a store of the same contents that was not created to its end.
    pub(crate) fn create_over(path: &Path, contents: Contents) -> Result<Self> {
        contents.check()?;
        let store = DrawStore {
            path: path.to_path_buf(),
            contents,
            n_draws: 0,
        };
        for member in store.contents.members(0) {
            let directory = store.path.join(&member.path);
            fs::create_dir_all(&directory).map_err(|e| Error::file(&directory, "create directory", e))?;
            if member.role == Role::Places {
                let mut bytes = chunk::zeros(&member);
                chunk::put_places(&mut bytes, 0..member.chunk_len(), 0);
                chunk::write(&store.path, &member, 0, bytes)?;
            }
        }
        store.finish()?;
        store.write_metadata(0)?;
        Ok(store)
    }

    /// An existing store.
    ///
    /// # Errors
    /// Metadata that are not, byte for byte, what this crate writes; a file that is missing or too short or too long; what the operating system refuses.
    /// The numbers themselves are checked when they are read.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let file = path.as_ref().join(METADATA);
        let is_allowed = |length| length <= MAX_METADATA_BYTES as u64;
        let bytes = chunk::read_file(&file, is_allowed, "no more than a mebibyte")?;
        let (contents, n_draws) = Contents::from_metadata(&bytes, &file.display().to_string())?;
        let store = DrawStore {
            path: path.as_ref().to_path_buf(),
            contents,
            n_draws,
        };
        for member in store.contents.members(n_draws) {
            for chunk in 0..store.n_chunks(&member) {
                chunk::check(&store.path, &member, chunk)?;
            }
        }
        Ok(store)
    }

    /// Whether there is a store, whole or damaged.
    pub(crate) fn exists(path: &Path) -> bool {
        path.join(METADATA).exists()
    }

    /// What is in the store.
    pub fn contents(&self) -> &Contents {
        &self.contents
    }

    /// The number of draws of each chain.
    pub fn n_draws(&self) -> usize {
        self.n_draws
    }

    /// Where the store is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Adds `draws`, `(chain, draw, D)` with the coordinates in the order of the variables, and `statistics`, `(statistic, chain, draw)`.
    ///
    /// When this fails, the store has the draws that it had.
    ///
    /// # Errors
    /// Arrays of other shapes; a statistic that ArviZ takes for a count or a flag, and is none; a damaged last chunk; what the operating system refuses.
    pub fn append(&mut self, draws: ArrayView3<f64>, statistics: ArrayView3<f64>) -> Result<()> {
        self.extend(draws, statistics)?;
        self.finish()
    }

    /// The same without [`DrawStore::finish`], which is called once after many segments.
    pub(crate) fn extend(&mut self, draws: ArrayView3<f64>, statistics: ArrayView3<f64>) -> Result<()> {
        let (n_chains, n_new) = (self.contents.n_chains, draws.shape()[1]);
        let n_statistics = self.contents.statistics.len();
        check_shape(
            "draws",
            &draws,
            &[n_chains, n_new, self.contents.variables.n_params()],
        )?;
        check_shape("statistics", &statistics, &[n_statistics, n_chains, n_new])?;
        let Some(end) = self.n_draws.checked_add(n_new).filter(|_| n_new > 0) else {
            return Ok(());
        };
        let members = self.contents.members(end);
        self.check_statistics(&members, statistics)?;
        let per_chunk = self.contents.draws_per_chunk;
        for chunk in self.n_draws / per_chunk..end.div_ceil(per_chunk) {
            let start = chunk * per_chunk;
            let new = self.n_draws.max(start)..end.min(start + per_chunk);
            for member in members.iter().filter(|member| member.role != Role::Places) {
                let mut bytes = if new.start > start {
                    chunk::read(&self.path, member, chunk)?
                } else {
                    chunk::zeros(member)
                };
                let rows = new.start - self.n_draws..new.end - self.n_draws;
                let place = (new.start - start, per_chunk);
                match member.role {
                    Role::Places => {}
                    Role::Draws => chunk::put_places(&mut bytes, new.clone(), place.0),
                    Role::Coordinates(from, to) => {
                        chunk::put_numbers(
                            &mut bytes,
                            draws.slice(s![.., rows, from..to]),
                            place,
                            member.kind,
                        );
                    }
                    Role::Statistic(i) => {
                        let values = statistics.slice(s![i, .., rows]);
                        chunk::put_numbers(
                            &mut bytes,
                            values.insert_axis(ndarray::Axis(2)),
                            place,
                            member.kind,
                        );
                    }
                }
                chunk::write(&self.path, member, chunk, bytes)?;
            }
        }
        self.write_metadata(end)?;
        self.n_draws = end;
        Ok(())
    }

    /// Forgets the draws from number `n_draws` on.
    pub(crate) fn truncate(&mut self, n_draws: usize) -> Result<()> {
        if n_draws < self.n_draws {
            self.write_metadata(n_draws)?;
            self.n_draws = n_draws;
        }
        Ok(())
    }

    /// All draws, `(chain, draw, D)`.
    ///
    /// # Errors
    /// A damaged chunk, and what the operating system refuses.
    pub fn draws(&self) -> Result<Array3<f64>> {
        let shape = (
            self.contents.n_chains,
            self.n_draws,
            self.contents.variables.n_params(),
        );
        let mut draws = Array3::zeros(shape);
        for member in self.contents.members(self.n_draws) {
            if let Role::Coordinates(from, to) = member.role {
                self.read_into(&member, draws.slice_mut(s![.., .., from..to]))?;
            }
        }
        Ok(draws)
    }

    /// All values of a statistic, `(chain, draw)`.
    ///
    /// # Errors
    /// There is no statistic of this name; a damaged chunk; what the operating system refuses.
    pub fn statistic(&self, name: &str) -> Result<Array2<f64>> {
        let Some(index) = self.contents.statistics.iter().position(|n| n == name) else {
            let requirement = format!("one of {:?}", self.contents.statistics);
            return Err(Error::parameter("statistic", name, requirement));
        };
        let mut values = Array3::zeros((self.contents.n_chains, self.n_draws, 1));
        for member in self.contents.members(self.n_draws) {
            if member.role == Role::Statistic(index) {
                self.read_into(&member, values.view_mut())?;
            }
        }
        Ok(values.index_axis_move(ndarray::Axis(2), 0))
    }

    fn read_into(&self, member: &Member, mut out: ndarray::ArrayViewMut3<f64>) -> Result<()> {
        let per_chunk = self.contents.draws_per_chunk;
        for chunk in 0..self.n_chunks(member) {
            let bytes = chunk::read(&self.path, member, chunk)?;
            let draws = chunk * per_chunk..self.n_draws.min((chunk + 1) * per_chunk);
            chunk::take_numbers(&bytes, out.slice_mut(s![.., draws, ..]), per_chunk, member.kind);
        }
        Ok(())
    }

    /// Requires whole numbers where ArviZ wants counts, and zeros and ones where it wants flags.
    fn check_statistics(&self, members: &[Member], statistics: ArrayView3<f64>) -> Result<()> {
        for member in members {
            let Role::Statistic(index) = member.role else {
                continue;
            };
            let (is_allowed, required): (fn(f64) -> bool, _) = match member.kind {
                Kind::Float => continue,
                // Up to 2⁵³, where every whole number is a double.
                Kind::Integer => (
                    |v| v.fract() == 0.0 && v.abs() <= 9_007_199_254_740_992.0,
                    "a whole number",
                ),
                Kind::Boolean => (|v| v == 0.0 || v == 1.0, "0 or 1"),
            };
            if let Some(value) = statistics
                .slice(s![index, .., ..])
                .iter()
                .find(|v| !is_allowed(**v))
            {
                return Err(Error::parameter(
                    self.contents.statistics[index].clone(),
                    value,
                    required,
                ));
            }
        }
        Ok(())
    }

    fn n_chunks(&self, member: &Member) -> usize {
        if member.role == Role::Places {
            1
        } else {
            self.n_draws.div_ceil(self.contents.draws_per_chunk)
        }
    }

    /// Writes the metadata that count, in one piece.
    fn write_metadata(&self, n_draws: usize) -> Result<()> {
        let metadata = self.contents.metadata(n_draws, VERSION);
        write_atomically(self.path.join(METADATA), metadata.consolidated.as_bytes())
    }

    /// Brings the metadata of the single arrays up to date, which are for readers that do not know the consolidated ones.
    pub(crate) fn finish(&self) -> Result<()> {
        for (name, text) in self.contents.metadata(self.n_draws, VERSION).files {
            let file = self.path.join(name);
            if fs::read(&file).ok().as_deref() != Some(text.as_bytes()) {
                write_atomically(file, text.as_bytes())?;
            }
        }
        Ok(())
    }
}
