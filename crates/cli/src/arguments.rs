//! The command line, as clap reads it; what is written here is what `--help` teaches.

use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};

/// Train, sample and certify energy-based and score-based models, from a table to numbers with their uncertainty.
///
/// The way through: `new` writes a configuration that fits your data, `train` makes a folder with the trained model, `evaluate` says how probable it finds data, with a certificate where
/// there can be one, and `sample` draws from it. `show` says what is in any of these files.
#[derive(Debug, Parser)]
#[command(name = "gibbsian", version, max_term_width = 110, after_long_help = AFTER)]
pub(crate) struct Arguments {
    /// What to do
    #[command(subcommand)]
    pub command: Command,
    /// Use so many threads; results do not depend on it
    #[arg(long, global = true, value_name = "N")]
    pub threads: Option<usize>,
    /// Show no progress
    #[arg(long, short, global = true)]
    pub quiet: bool,
}

const AFTER: &str = "\
A first run, from a table of zeros and ones:

  gibbsian new rbm --data votes.csv > votes.toml
  gibbsian train votes.toml
  gibbsian evaluate votes
  gibbsian sample votes --n 1000 --out dreams.csv

Exit codes: 0 fine; 1 the work failed, or was not certified under --require-certificate; 2 the command line, the configuration or the data are wrong.";

/// What the program can do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Print a commented configuration that fits a file of data
    New(NewArguments),
    /// Train a model, resumably
    Train(TrainArguments),
    /// Draw from a trained model
    Sample(SampleArguments),
    /// Say how probable a trained model finds data
    Evaluate(EvaluateArguments),
    /// Say what is in a file of data, a configuration, a file of weights or a run
    Show(ShowArguments),
}

/// A kind of model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum KindName {
    /// Restricted Boltzmann machine: binary data; exact or certified log-probabilities
    Rbm,
    /// Deep Boltzmann machine: binary data, several hidden layers; exact or bounds on log-probabilities
    Dbm,
    /// Score network: real data; fast independent draws, log-densities by the probability flow
    Score,
    /// Neural energy: real data, few columns; chains with diagnostics, annealed normaliser with a certificate
    Energy,
}

/// Print a commented configuration that fits a file of data.
///
/// Every key is there with its default and a comment. With --data the section [data] is adapted to the file: binary or real, scaling, labels, pictures. Missing marks and words are pointed out.
#[derive(Debug, clap::Args)]
pub(crate) struct NewArguments {
    /// The kind of model
    pub kind: KindName,
    /// A file of data: .csv, .tsv, .txt, IDX (each also .gz), .npy, .npz
    #[arg(long, value_name = "FILE")]
    pub data: Option<PathBuf>,
}

/// Train a model, resumably.
///
/// Makes a folder with config.toml, run.json, weights.safetensors, log.csv, checkpoints and figures. Killed at any moment and started again with --resume, training ends with the same bits as if it
/// had not been interrupted.
#[derive(Debug, clap::Args)]
pub(crate) struct TrainArguments {
    /// The configuration, see `gibbsian new`
    pub config: PathBuf,
    /// The folder of the run [default: the name of the configuration without .toml]
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Go on where an interrupted run stopped
    #[arg(long)]
    pub resume: bool,
    /// Use this seed instead of the configuration's
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// Replace a value of the configuration, such as training.epochs=20; may be given several times
    #[arg(long, value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    /// Stop after so many seconds; --resume goes on
    #[arg(long, value_name = "SECONDS")]
    pub time_limit: Option<f64>,
    /// Refuse a run that is estimated to need more memory [default: what is free]
    #[arg(long, value_name = "GIB")]
    pub memory: Option<f64>,
}

/// Draw from a trained model.
///
/// Boltzmann machines run Gibbs chains, score networks the reverse equation or the probability flow, energies the No-U-Turn sampler. Chains say how well they mixed (R-hat, effective draws), and
/// a warning says when their draws are not to be trusted. Numbers are in the units of the data; zeros and ones are
/// written as the numbers that stand for them there, so that `evaluate --data` sees them as what was drawn.
#[derive(Debug, clap::Args)]
pub(crate) struct SampleArguments {
    /// The folder of a run
    pub run: PathBuf,
    /// The number of draws
    #[arg(long, value_name = "N")]
    pub n: usize,
    /// Where the draws go: FILE.csv, with the names of the columns if the data have names, or FILE.npy
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
    /// The seed of the draws [default: that of the run]
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// A figure of the draws: FILE.png of pictures, FILE.svg of points
    #[arg(long, value_name = "FILE")]
    pub figure: Option<PathBuf>,
    /// Replace a value of [sampling], such as sampling.warmup=5000; may be given several times
    #[arg(long, value_name = "KEY=VALUE")]
    pub set: Vec<String>,
}

/// Say how probable a trained model finds data.
///
/// RBM: exact where a layer can be enumerated, otherwise annealing forward and back (RAISE), which enclose the mean log-probability or say that they do not. DBM: exact where every other layer can
/// be enumerated, otherwise the bound by mean field, with an annealed log Z. Score network: log-densities by the probability flow, solved twice. Energy: annealed log Z with its interval, and a certificate.
///
/// Judged are the rows that training held out, or those of --data. Prints the mean in nats a row, writes evaluation.json into the run.
#[derive(Debug, clap::Args)]
pub(crate) struct EvaluateArguments {
    /// The folder of a run
    pub run: PathBuf,
    /// Judge the rows of this file, in the units of the data, instead of those held out
    #[arg(long, value_name = "FILE")]
    pub data: Option<PathBuf>,
    /// Write the number and the value of every judged row to this file (.csv)
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// The seed of the chains [default: that of the run]
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// Replace a value of [evaluation], such as evaluation.chains=1000; may be given several times
    #[arg(long, value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    /// Fail with exit code 1 unless the result is exact, enclosed within the tolerance, or for score networks the same at a tenth of it
    #[arg(long)]
    pub require_certificate: bool,
}

/// Say what is in a file of data, a configuration, a file of weights or a run.
#[derive(Debug, clap::Args)]
pub(crate) struct ShowArguments {
    /// Data (.csv, .npy, IDX, ...), a configuration (.toml), weights (.safetensors), or the folder of a run
    pub file: PathBuf,
}

impl KindName {
    /// Its name in a configuration.
    pub(crate) fn name(self) -> &'static str {
        match self {
            KindName::Rbm => "rbm",
            KindName::Dbm => "dbm",
            KindName::Score => "score",
            KindName::Energy => "energy",
        }
    }
}
