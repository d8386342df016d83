//! The folder of a run: what training leaves and the other commands read.
//!
//! | file | what |
//! |---|---|
//! | `config.toml` | the configuration of the run |
//! | `run.json` | what was trained on what, and how far it came |
//! | `weights.safetensors` | the parameters and the scaling of the data, with the fingerprint of the recipe |
//! | `log.csv` | the monitors of training, an epoch a row |
//! | `checkpoints/` | the state of an unfinished run |
//! | `*.svg`, `*.png` | figures |
//! | `evaluation.json` | the last evaluation |

use std::path::{Path, PathBuf};

use gibbsian_checkpoint::{Checkpoint, fingerprint, write_atomically};
use gibbsian_core::{Record, Values};
use ndarray::Array1;
use serde::{Deserialize, Serialize};

use crate::config::Configuration;
use crate::data::Transform;
use crate::failure::{Failure, OrRefuse, Result};
use crate::kinds::Model;

/// The folder of a run.
#[derive(Clone, Debug)]
pub(crate) struct Folder(PathBuf);

/// What `run.json` says.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Summary {
    /// The version of the program.
    pub version: String,
    /// The kind of model.
    pub kind: String,
    /// The model in words.
    pub model: String,
    /// The seed of the run.
    pub seed: u64,
    /// Everything that the weights depend on besides the seed.
    pub recipe: String,
    /// The file of the data.
    pub data: PathBuf,
    /// The SHA-256 of its numbers.
    pub data_fingerprint: String,
    /// The columns of the model.
    pub columns: Vec<String>,
    /// Whether these are names that the data have, and not numbers in their place.
    #[serde(default = "yes")]
    pub named: bool,
    /// Whether the rows were pictures of bytes, which are divided by 255; older runs do not say.
    #[serde(default)]
    pub bytes: Option<bool>,
    /// Height and width, where rows are pictures.
    pub picture: Option<(usize, usize)>,
    /// Rows that it learnt from, and rows that were held out.
    pub rows: (usize, usize),
    /// The number of training steps.
    pub steps: u64,
    /// Whether training came to its end.
    pub completed: bool,
    /// The last row of the log, by its columns.
    pub last: serde_json::Map<String, serde_json::Value>,
    /// The figures.
    pub figures: Vec<String>,
}

fn yes() -> bool {
    true
}

/// A run that was trained, ready for use.
pub(crate) struct Run {
    /// Where it is.
    pub folder: Folder,
    /// What it is.
    pub summary: Summary,
    /// How it was configured.
    pub configuration: Configuration,
    /// The scaling of the data.
    pub transform: Transform,
    /// The model with its weights.
    pub model: Box<dyn Model>,
}

impl Folder {
    /// This folder, which need not be there.
    pub(crate) fn new(path: impl Into<PathBuf>) -> Self {
        Folder(path.into())
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// A file in it.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// Where the checkpoints of a stage of training are.
    pub(crate) fn checkpoints(&self, stage: &str) -> PathBuf {
        self.0.join("checkpoints").join(stage)
    }

    /// Whether a run was begun here.
    pub(crate) fn is_begun(&self) -> bool {
        self.file("config.toml").exists() || self.file("run.json").exists()
    }

    /// The kind of model whose run was begun here, where its configuration says so.
    pub(crate) fn kind(&self) -> Option<String> {
        let text = std::fs::read_to_string(self.file("config.toml")).ok()?;
        let table: toml::Table = toml::from_str(&text).ok()?;
        Some(table.get("kind")?.as_str()?.to_owned())
    }

    /// Makes the folder.
    pub(crate) fn make(&self) -> Result<()> {
        std::fs::create_dir_all(&self.0).map_err(|why| {
            Failure::refused(
                format!("cannot make the folder {}: {why}", self.0.display()),
                "give another folder with --out",
            )
        })
    }

    /// Writes a file in one piece.
    pub(crate) fn write(&self, name: &str, bytes: &[u8]) -> Result<PathBuf> {
        let path = self.file(name);
        write_atomically(&path, bytes)?;
        Ok(path)
    }

    /// Writes the weights with the scaling of the data.
    pub(crate) fn write_weights(
        &self,
        summary: &Summary,
        weights: Record,
        transform: &Transform,
        means: &Array1<f64>,
    ) -> Result<()> {
        let mut record = Record::new();
        record.put_part("model", weights);
        for (name, x) in [
            ("data.offset", &transform.offset),
            ("data.scale", &transform.scale),
            ("data.means", means),
        ] {
            record.put(name, &[x.len()], Values::F64(x.to_vec()));
        }
        let checkpoint = Checkpoint {
            step: summary.steps,
            seed: summary.seed,
            recipe: fingerprint(&summary.recipe),
            record,
        };
        checkpoint.write(self.file("weights.safetensors"))?;
        Ok(())
    }
}

impl Summary {
    /// The names of the columns, where the data have names.
    pub(crate) fn names(&self) -> Option<&[String]> {
        self.named.then_some(self.columns.as_slice())
    }
}

impl Run {
    /// Opens a run for use; `set` changes how it is sampled or judged.
    pub(crate) fn open(path: &Path, set: &[String]) -> Result<Self> {
        let folder = Folder::new(path);
        let cure = "give the folder that `gibbsian train` made; `gibbsian train CONFIG --resume` ends a training that was interrupted";
        let read = |name: &str| {
            std::fs::read_to_string(folder.file(name)).map_err(|why| {
                Failure::refused(
                    format!("{} is no finished run: cannot read {name}: {why}", path.display()),
                    cure,
                )
            })
        };
        let summary: Summary = serde_json::from_str(&read("run.json")?)
            .map_err(|why| Failure::refused(format!("{}: {why}", folder.file("run.json").display()), cure))?;
        if let Some(bad) = set.iter().find(|s| {
            !["sampling.", "evaluation."]
                .iter()
                .any(|section| s.starts_with(section))
        }) {
            return Err(Failure::key(
                "--set",
                format!("{bad:?}"),
                "an assignment to a key of [sampling] or [evaluation], as the model is trained",
                "for example --set evaluation.chains=1000",
            ));
        }
        let configuration = Configuration::parse(
            &read("config.toml")?,
            &folder.file("config.toml").display().to_string(),
            set,
        )?;
        let weights = Checkpoint::read(folder.file("weights.safetensors")).or_refuse(cure)?;
        weights
            .check_run(&fingerprint(&summary.recipe), summary.seed)
            .or_refuse("weights.safetensors and run.json are of different runs; train again")?;
        let d = summary.columns.len();
        let array = |name: &str| -> Result<Array1<f64>> {
            Ok(Array1::from(
                weights.record.f64s(name, &[d]).or_refuse("train again")?.to_vec(),
            ))
        };
        let transform = Transform {
            offset: array("data.offset")?,
            scale: array("data.scale")?,
            binarise: configuration.data.binarise,
            threshold: configuration.data.threshold,
        };
        let weights_of_model = weights.record.part("model");
        let model = (configuration.kind).restore(&array("data.means")?, summary.rows.0, &weights_of_model)?;
        Ok(Run {
            folder,
            summary,
            configuration,
            transform,
            model,
        })
    }
}
