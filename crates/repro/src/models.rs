//! Trained weights that come with the project.
//!
//! Runs at full scale take hours; what they learnt is small. `data/models` has the weights of some of them, with the recipe, the seed and the arithmetic that made them, so that quick runs can measure
//! those weights again instead of believing the ledger of the long run. Each file is a checkpoint ([`gibbsian_checkpoint`]), and thereby a safetensors file.

use std::path::{Path, PathBuf};

use gibbsian_checkpoint::{Checkpoint, fingerprint};
use gibbsian_core::{Parametric, ParametricMut, Record};
use serde::Deserialize;

use crate::{Result, files};

/// One file of weights, as `models.json` lists it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Listed {
    /// The file's name, without `.safetensors`.
    pub name: String,
    /// The experiment that makes it at full scale.
    pub experiment: String,
    /// What the weights depend on besides the data, the seed and where training started; the file knows it by a fingerprint.
    pub recipe: String,
    /// Where training started and what its steps are, if the recipe does not say.
    #[serde(default)]
    pub start: Option<String>,
    /// The seed of the run.
    pub seed: u64,
    /// Updates that were made.
    pub steps: u64,
    /// How products of binary states were computed: `tiles` or `lists`.
    pub arithmetic: String,
    /// The SHA-256 of the file.
    pub sha256: String,
    /// Whose data the weights were learnt from, and their licence.
    pub attribution: String,
}

/// The folder of weights in the source tree.
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data/models")
}

/// All files of weights that there should be.
///
/// # Errors
/// The list is not there, or is none.
pub fn listed() -> Result<Vec<Listed>> {
    let path = folder().join("models.json");
    let text = std::fs::read_to_string(&path).map_err(|why| format!("{}: {why}", path.display()))?;
    serde_json::from_str(&text).map_err(|why| format!("{}: {why}", path.display()).into())
}

/// The weights of this name.
///
/// # Errors
/// They are not listed, or the file is not what the list says.
pub fn committed(name: &str) -> Result<Record> {
    let listed = listed()?
        .into_iter()
        .find(|listed| listed.name == name)
        .ok_or_else(|| format!("no weights are listed as {name:?}"))?;
    let path = folder().join(format!("{name}.safetensors"));
    let bytes = std::fs::read(&path).map_err(|why| format!("{}: {why}", path.display()))?;
    let found = files::sha256(&bytes);
    if found != listed.sha256 {
        return Err(format!("{} has SHA-256 {found}, not {}", path.display(), listed.sha256).into());
    }
    let checkpoint = Checkpoint::from_bytes(&bytes, &path.display().to_string())?;
    checkpoint.check_run(&fingerprint(&listed.recipe), listed.seed)?;
    Ok(checkpoint.record)
}

/// Gives a model the weights of this name.
///
/// # Errors
/// Those of [`committed`], or they are not the weights of such a model.
pub fn restore(model: &mut impl ParametricMut, name: &str) -> Result<()> {
    let params = committed(name)?.params(&model.layout())?;
    Ok(model.set_params(params.view())?)
}

/// The weights of a model in single precision, by their names.
pub fn weights(model: &(impl Parametric + ?Sized)) -> Record {
    Record::of_params(model).in_single_precision()
}

/// The bytes of a file of weights.
pub(crate) fn encode(recipe: &str, seed: u64, step: u64, record: Record) -> Result<Vec<u8>> {
    let checkpoint = Checkpoint {
        step,
        seed,
        recipe: fingerprint(recipe),
        record,
    };
    Ok(checkpoint.to_bytes()?)
}
