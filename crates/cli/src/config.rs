//! Configurations: TOML with the sections `[data]`, `[model]`, `[training]`, `[sampling]` and `[evaluation]`, of which every key is known or refused.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::data::{Binarise, DataKeys};
use crate::failure::{Failure, Result, toml_text};
use crate::kinds::{self, Kind, Wants};

/// A configuration of one kind of model, by the types of its sections.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Sections<M, T, S, E> {
    /// The kind of model.
    #[allow(dead_code, reason = "read beforehand, to choose the types of the sections")]
    pub kind: String,
    /// The seed of everything random.
    #[serde(default = "usual_seed")]
    #[allow(dead_code, reason = "part of what all kinds have, and read there")]
    pub seed: u64,
    /// Where the data are and how they are shown to the model.
    #[allow(dead_code, reason = "part of what all kinds have, and read there")]
    pub data: DataKeys,
    /// The model.
    #[serde(default)]
    pub model: M,
    /// How it is trained.
    #[serde(default)]
    pub training: T,
    /// How it is sampled.
    #[serde(default)]
    pub sampling: S,
    /// How it is judged.
    #[serde(default)]
    pub evaluation: E,
}

/// The seed where none is given, which `new` writes.
fn usual_seed() -> u64 {
    1
}

/// What all kinds have in common.
#[derive(Debug, Deserialize)]
struct Common {
    #[serde(default = "usual_seed")]
    seed: u64,
    data: DataKeys,
}

/// A configuration that was read and whose keys have been checked one by one.
pub(crate) struct Configuration {
    /// The text, with what `--set` changed.
    pub text: String,
    /// The seed of everything random.
    pub seed: u64,
    /// The section `[data]`.
    pub data: DataKeys,
    /// Everything else.
    pub kind: Box<dyn Kind>,
}

impl Configuration {
    /// Reads a file; `set` are assignments `section.key = value` that replace what it says.
    pub(crate) fn read(path: &Path, set: &[String]) -> Result<Self> {
        let text = std::fs::read_to_string(path).map_err(|why| {
            let cure = "`gibbsian new rbm --data FILE > run.toml` writes one";
            Failure::refused(
                format!("cannot read the configuration {}: {why}", path.display()),
                cure,
            )
        })?;
        Configuration::parse(&text, &path.display().to_string(), set)
    }

    /// The same of a text; `origin` names it in messages.
    pub(crate) fn parse(text: &str, origin: &str, set: &[String]) -> Result<Self> {
        let text = if set.is_empty() {
            text.to_owned()
        } else {
            assigned(text, origin, set)?
        };
        let kind = kind_of(&text, origin)?;
        let kind = kinds::parse(&kind, &text, origin)?;
        // The sections are known by now; this reads the rest again.
        let Common { seed, data, .. } = Common::read(&text, origin)?;
        data.check()?;
        kind.check()?;
        if kind.wants() == Wants::Real && data.binarise != Binarise::None {
            return Err(Failure::key(
                "data.binarise",
                format!("\"{}\"", data.binarise),
                format!(
                    "\"none\" for kind = \"{}\": zeros and ones have no density",
                    kind.name()
                ),
                "set data.binarise = \"none\", or use kind = \"rbm\"",
            ));
        }
        Ok(Configuration {
            text,
            seed,
            data,
            kind,
        })
    }

    /// The text for a copy in another folder: the data are at `path`, and everything else stays as it was written.
    pub(crate) fn text_elsewhere(&self, path: &Path) -> String {
        let mut text = self.text.clone();
        // A path that is no text cannot be written in TOML, and what was read can be read again.
        if let (Some(path), Ok(placed)) = (path.to_str(), toml::from_str::<Placed>(&text)) {
            text.replace_range(placed.data.path.span(), &toml_text(path));
        }
        text
    }

    /// The path of the data, which is relative to `folder`.
    pub(crate) fn data_path(&self, folder: &Path) -> PathBuf {
        folder.join(&self.data.path)
    }
}

/// Where in a text the path of the data stands.
#[derive(Deserialize)]
struct Placed {
    data: PlacedData,
}

#[derive(Deserialize)]
struct PlacedData {
    path: toml::Spanned<String>,
}

impl Common {
    /// The common part of a text whose sections have other readers.
    fn read(text: &str, origin: &str) -> Result<Self> {
        toml::from_str(text).map_err(|e| wrong(origin, &e))
    }
}

/// All sections of a text.
pub(crate) fn sections<C: DeserializeOwned>(text: &str, origin: &str) -> Result<C> {
    toml::from_str(text).map_err(|e| wrong(origin, &e))
}

fn kind_of(text: &str, origin: &str) -> Result<String> {
    let table: toml::Table = toml::from_str(text).map_err(|e| wrong(origin, &e))?;
    let name = match table.get("kind") {
        Some(toml::Value::String(name)) => name.clone(),
        Some(other) => other.to_string(),
        None => "missing".into(),
    };
    if kinds::NAMES.contains(&name.as_str()) {
        return Ok(name);
    }
    Err(Failure::key(
        "kind",
        format!("{name:?} in {origin}"),
        format!("one of {}", kinds::NAMES.map(|n| format!("{n:?}")).join(", ")),
        "write kind = \"rbm\" as the first line; `gibbsian new --help` says what each is for",
    ))
}

/// What the TOML reader refuses, with the place in the text.
fn wrong(origin: &str, error: &toml::de::Error) -> Failure {
    Failure::refused(
        format!("{origin}: {}", error.to_string().trim_end()),
        "`gibbsian new KIND` prints a configuration with every key, what it does and what it may be",
    )
}

/// The text with some values replaced.
fn assigned(text: &str, origin: &str, set: &[String]) -> Result<String> {
    let mut table: toml::Table = toml::from_str(text).map_err(|e| wrong(origin, &e))?;
    for assignment in set {
        let refuse = |why: &str| {
            Failure::key(
                "--set",
                format!("{assignment:?}"),
                format!("KEY=VALUE with {why}"),
                "for example --set training.epochs=200",
            )
        };
        let (key, value) = assignment
            .split_once('=')
            .ok_or_else(|| refuse("an equals sign"))?;
        let value = value.trim();
        // What is no TOML by itself is a text without quotes.
        let value = match toml::from_str::<toml::Table>(&format!("value = {value}")) {
            Ok(mut parsed) => parsed.remove("value").ok_or_else(|| refuse("one value"))?,
            Err(_) => toml::Value::String(value.into()),
        };
        let mut place = &mut table;
        let mut parts: Vec<&str> = key.trim().split('.').collect();
        let last = parts
            .pop()
            .filter(|p| !p.is_empty())
            .ok_or_else(|| refuse("a key"))?;
        for part in parts {
            let section = place
                .entry(part)
                .or_insert_with(|| toml::Value::Table(toml::Table::new()));
            place = section
                .as_table_mut()
                .ok_or_else(|| refuse("a section before the dot"))?;
        }
        place.insert(last.to_owned(), value);
    }
    toml::to_string(&table)
        .map_err(|e| Failure::refused(format!("{origin}: {e}"), "check the values of --set"))
}
