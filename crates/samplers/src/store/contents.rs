//! What is in a store, and the metadata that say so in the words of Zarr.
//!
//! The text of all metadata follows from a [`Contents`] and the number of draws. So a reader asks the store for these two, writes the metadata anew, and
//! requires the same bytes: nothing else needs to be checked.

use std::collections::BTreeSet;
use std::fmt::Write;

use gibbsian_checkpoint::json::quoted;
use gibbsian_core::error::check_count;
use gibbsian_core::{Error, Layout, Result};

use super::members::{Kind, Member, Role};
use super::own::{Own, read};

/// The most bytes that the metadata may take: more than a thousand variables and statistics.
pub(super) const MAX_METADATA_BYTES: usize = 1 << 20;

/// The least that one array adds to the metadata.
const MIN_ARRAY_BYTES: usize = 200;

/// The version of the layout that is written; others are refused.
const FORMAT: usize = 1;

/// What a store of draws holds, whatever the number of draws.
#[derive(Clone, Debug, PartialEq)]
pub struct Contents {
    /// The number of chains.
    pub n_chains: usize,
    /// Which coordinates make up which variable; their names are ArviZ's variables.
    pub variables: Layout,
    /// The names of the numbers beside the draws, one a draw and chain, in ArviZ's words: `lp`, `energy`, `diverging`.
    pub statistics: Vec<String>,
    /// The number of draws in a file.
    pub draws_per_chunk: usize,
    /// Where the draws come from, in words.
    pub description: String,
}

impl Contents {
    /// Requires something to store, and names that can be those of files and of ArviZ's variables.
    ///
    /// # Errors
    /// No chains, no draws in a file, no coordinates, an empty variable, or a name that is taken or not allowed.
    pub fn check(&self) -> Result<()> {
        check_count("n_chains", self.n_chains)?;
        check_count("draws_per_chunk", self.draws_per_chunk)?;
        check_count("variables.n_params", self.variables.n_params())?;
        let shapes = self.variables.tensors().iter().map(|t| t.shape.as_slice());
        if !can_be_counted(self.n_chains, self.draws_per_chunk, shapes) {
            let requirement =
                format!("at most {MAX_RANK} axes a variable, and files whose bytes can be counted");
            return Err(Error::parameter(
                "variables",
                format!("{:?}", self.variables),
                requirement,
            ));
        }
        let mut dims = BTreeSet::from(["chain".to_owned(), "draw".to_owned()]);
        let mut names = BTreeSet::new();
        for tensor in self.variables.tensors() {
            if tensor.range.is_empty() {
                return Err(Error::shape(
                    tensor.name.clone(),
                    &tensor.shape,
                    "at least one entry",
                ));
            }
            check_name("variable", &tensor.name, &mut names)?;
            dims.extend((0..tensor.shape.len()).map(|axis| axis_name(&tensor.name, axis)));
        }
        if let Some(name) = names.intersection(&dims).next() {
            return Err(Error::parameter("variable", name, "a name that no axis has"));
        }
        let mut names = BTreeSet::new();
        for name in &self.statistics {
            check_name("statistic", name, &mut names)?;
            if dims.contains(name) {
                return Err(Error::parameter("statistic", name, "a name that no axis has"));
            }
        }
        let size = self.metadata(usize::MAX, VERSION).consolidated.len();
        if size > MAX_METADATA_BYTES {
            let requirement = format!("at most {MAX_METADATA_BYTES} bytes of names and shapes");
            return Err(Error::parameter("metadata of the store", size, requirement));
        }
        Ok(())
    }

    /// All arrays for this number of draws.
    pub(super) fn members(&self, n_draws: usize) -> Vec<Member> {
        let place = |path: &str, dim: &str, length: usize| Member {
            path: format!("{path}/{dim}"),
            kind: Kind::Integer,
            dims: vec![dim.to_owned()],
            shape: vec![length],
            chunks: vec![length],
            role: Role::Places,
        };
        let drawn = |path: String, kind: Kind, inner: Vec<(String, usize)>, role: Role| {
            let (mut dims, mut lengths) = (vec!["chain".to_owned(), "draw".to_owned()], vec![]);
            for (dim, length) in inner {
                dims.push(dim);
                lengths.push(length);
            }
            let with = |draws: usize| [&[self.n_chains, draws], lengths.as_slice()].concat();
            Member {
                path,
                kind,
                dims,
                shape: with(n_draws),
                chunks: with(self.draws_per_chunk),
                role,
            }
        };
        let draws = |path: &str| Member {
            shape: vec![n_draws],
            chunks: vec![self.draws_per_chunk],
            role: Role::Draws,
            ..place(path, "draw", 0)
        };

        let mut members = vec![place("posterior", "chain", self.n_chains), draws("posterior")];
        for tensor in self.variables.tensors() {
            let axes = tensor.shape.iter().enumerate();
            let inner: Vec<_> = axes
                .map(|(axis, &length)| (axis_name(&tensor.name, axis), length))
                .collect();
            members.extend(inner.iter().map(|(dim, length)| place("posterior", dim, *length)));
            let role = Role::Coordinates(tensor.range.start, tensor.range.end);
            members.push(drawn(
                format!("posterior/{}", tensor.name),
                Kind::Float,
                inner,
                role,
            ));
        }
        if !self.statistics.is_empty() {
            members.extend([
                place("sample_stats", "chain", self.n_chains),
                draws("sample_stats"),
            ]);
        }
        for (i, name) in self.statistics.iter().enumerate() {
            let kind = Kind::of_statistic(name);
            members.push(drawn(
                format!("sample_stats/{name}"),
                kind,
                vec![],
                Role::Statistic(i),
            ));
        }
        members
    }

    /// The metadata of a store with this number of draws, written by this version of the crate.
    pub(super) fn metadata(&self, n_draws: usize, version: &str) -> Metadata {
        let group = r#"{"zarr_format":2}"#;
        let about = format!(
            r#""inference_library":"gibbsian","inference_library_version":{}"#,
            quoted(version)
        );
        let own = Own {
            format: FORMAT,
            n_draws,
            n_chains: self.n_chains,
            draws_per_chunk: self.draws_per_chunk,
            variables: self
                .variables
                .tensors()
                .iter()
                .map(|t| (t.name.clone(), t.shape.clone()))
                .collect(),
            statistics: self.statistics.clone(),
            description: self.description.clone(),
        };
        let mut files = vec![
            (".zgroup".to_owned(), group.to_owned()),
            (
                ".zattrs".to_owned(),
                format!(r#"{{{about},"gibbsian":{}}}"#, own.json()),
            ),
        ];
        let groups: &[&str] = if self.statistics.is_empty() {
            &["posterior"]
        } else {
            &["posterior", "sample_stats"]
        };
        for name in groups {
            files.push((format!("{name}/.zgroup"), group.to_owned()));
            let description = quoted(&self.description);
            files.push((
                format!("{name}/.zattrs"),
                format!(r#"{{"description":{description},{about}}}"#),
            ));
        }
        for member in self.members(n_draws) {
            files.push((format!("{}/.zarray", member.path), member.zarray()));
            files.push((format!("{}/.zattrs", member.path), member.zattrs()));
        }
        // In the order of names: readers expect the members of a group together.
        files.sort();
        let mut consolidated = "{\"metadata\":{\n".to_owned();
        for (i, (path, text)) in files.iter().enumerate() {
            let end = if i + 1 < files.len() { "," } else { "" };
            // Writing to a string cannot fail.
            let _ = writeln!(consolidated, "{}:{text}{end}", quoted(path));
        }
        consolidated += "},\"zarr_consolidated_format\":1}\n";
        Metadata { files, consolidated }
    }

    /// What the consolidated metadata say, which must be what [`Contents::metadata`] would write.
    pub(super) fn from_metadata(bytes: &[u8], origin: &str) -> Result<(Self, usize)> {
        let wrong = |found: String, expected: &str| Error::format(origin, found, expected);
        let (version, own) = read(bytes).map_err(|e| {
            wrong(
                format!("metadata with an error: {e}"),
                "those of a store of draws",
            )
        })?;
        if own.format != FORMAT {
            return Err(wrong(
                format!("format {}", own.format),
                &format!("format {FORMAT}"),
            ));
        }
        // Metadata that say much in few bytes were not written by us, and are not written out.
        let n_arrays = own.variables.len() + own.statistics.len();
        if bytes.len() / MIN_ARRAY_BYTES < n_arrays {
            let found = format!("{n_arrays} arrays in {} bytes of metadata", bytes.len());
            return Err(wrong(found, "all of their metadata"));
        }
        let shapes = || own.variables.iter().map(|(_, shape)| shape.as_slice());
        if !can_be_counted(own.n_chains, own.n_draws.max(own.draws_per_chunk), shapes()) {
            return Err(wrong(
                "arrays that are too large".into(),
                "sizes that can be counted",
            ));
        }
        let mut variables = Layout::new();
        for (name, shape) in &own.variables {
            variables = variables.with(name, shape);
        }
        let contents = Contents {
            n_chains: own.n_chains,
            variables,
            statistics: own.statistics,
            draws_per_chunk: own.draws_per_chunk,
            description: own.description,
        };
        contents.check().map_err(|e| {
            wrong(
                format!("metadata with an error: {e}"),
                "those of a store of draws",
            )
        })?;
        let expected = contents.metadata(own.n_draws, &version).consolidated;
        match expected.as_bytes().iter().zip(bytes).position(|(a, b)| a != b) {
            None if expected.len() == bytes.len() => Ok((contents, own.n_draws)),
            place => {
                let place = place.unwrap_or(expected.len().min(bytes.len()));
                Err(wrong(
                    format!("something else from byte {place} on"),
                    "the metadata of the contents that the store says it has",
                ))
            }
        }
    }
}

/// The texts of all metadata.
pub(super) struct Metadata {
    /// The small files by their paths, in order.
    pub(super) files: Vec<(String, String)>,
    /// All of them in one, `.zmetadata`.
    pub(super) consolidated: String,
}

pub(super) const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The most axes of a variable.
const MAX_RANK: usize = 8;

/// Whether all numbers of these variables, and of the statistics beside them, can be counted in bytes.
fn can_be_counted<'a>(n_chains: usize, n_draws: usize, shapes: impl Iterator<Item = &'a [usize]>) -> bool {
    let product = |lengths: &[usize]| lengths.iter().try_fold(1_usize, |n, &k| n.checked_mul(k));
    let mut n_coordinates = Some(1_usize);
    for shape in shapes {
        let size = product(shape).filter(|_| shape.len() <= MAX_RANK);
        n_coordinates = n_coordinates.zip(size).and_then(|(n, size)| n.checked_add(size));
    }
    n_coordinates
        .and_then(|n| product(&[n, n_chains, n_draws, 8]))
        .is_some_and(|bytes| isize::try_from(bytes).is_ok())
}

fn axis_name(variable: &str, axis: usize) -> String {
    format!("{variable}_dim_{axis}")
}

fn check_name(what: &'static str, name: &str, taken: &mut BTreeSet<String>) -> Result<()> {
    let is_allowed = |c: char| c.is_alphanumeric() || "_-.".contains(c);
    let required =
        if name.is_empty() || name.len() > 100 || name.starts_with('.') || !name.chars().all(is_allowed) {
            "1 to 100 bytes of letters, digits, `_`, `-` and `.`, the first no `.`"
        } else if !taken.insert(name.to_owned()) {
            "a name that is not taken"
        } else {
            return Ok(());
        };
    Err(Error::parameter(what, format!("`{name}`"), required))
}
