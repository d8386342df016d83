//! The arrays of a store: what they hold, and their metadata and files.

use gibbsian_checkpoint::json::{listed, quoted};

/// How the numbers of an array are written.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Kind {
    Float,
    Integer,
    Boolean,
}

impl Kind {
    /// What ArviZ expects of a statistic: flags select draws, and counts are whole numbers.
    pub(super) fn of_statistic(name: &str) -> Self {
        match name {
            "diverging" | "reached_max_treedepth" => Kind::Boolean,
            "tree_depth" | "n_steps" => Kind::Integer,
            _ => Kind::Float,
        }
    }

    pub(super) fn size(self) -> usize {
        match self {
            Kind::Float | Kind::Integer => 8,
            Kind::Boolean => 1,
        }
    }

    fn dtype(self) -> &'static str {
        match self {
            Kind::Float => "<f8",
            Kind::Integer => "<i8",
            Kind::Boolean => "|b1",
        }
    }
}

/// One array of the store.
pub(super) struct Member {
    /// Its directory within the store.
    pub(super) path: String,
    pub(super) kind: Kind,
    pub(super) dims: Vec<String>,
    pub(super) shape: Vec<usize>,
    /// The lengths of a chunk.
    pub(super) chunks: Vec<usize>,
    pub(super) role: Role,
}

/// Where the numbers of an array come from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Role {
    /// `0, 1, …`, the names of the places along an axis that does not grow.
    Places,
    /// The same along the draws.
    Draws,
    /// Coordinates of the draws, from the first to before the second.
    Coordinates(usize, usize),
    /// The statistic of this number.
    Statistic(usize),
}

impl Member {
    /// The file of a chunk; only draws are cut into several.
    pub(super) fn chunk_file(&self, chunk: usize) -> String {
        let place: Vec<String> = self
            .dims
            .iter()
            .map(|dim| {
                if dim == "draw" {
                    chunk.to_string()
                } else {
                    "0".into()
                }
            })
            .collect();
        format!("{}/{}", self.path, place.join("."))
    }

    /// The number of entries of a chunk.
    pub(super) fn chunk_len(&self) -> usize {
        self.chunks.iter().product()
    }

    pub(super) fn zarray(&self) -> String {
        format!(
            r#"{{"chunks":{:?},"compressor":{{"id":"crc32"}},"dtype":"{}","fill_value":null,"filters":null,"order":"C","shape":{:?},"zarr_format":2}}"#,
            self.chunks,
            self.kind.dtype(),
            self.shape,
        )
    }

    pub(super) fn zattrs(&self) -> String {
        format!(
            r#"{{"_ARRAY_DIMENSIONS":{}}}"#,
            listed(self.dims.iter().map(|dim| quoted(dim)))
        )
    }
}
