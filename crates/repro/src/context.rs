//! What an experiment may do while it runs: measure, show, note, report progress, keep checkpoints.
//!
//! A [`Context`] belongs to one run of one experiment. It hands out the randomness ([`Context::seed`], a child of the run's
//! seed named after the experiment, so that adding an experiment never changes another), takes the measurements, and writes
//! figures and tables into the experiment's folder.

use std::path::{Path, PathBuf};
use std::time::Instant;

use gibbsian_core::{Record, Seed};

use crate::csv::Table;
use crate::experiment::{Claim, Experiment, Measured, Scale};
use crate::files;
use crate::ledger::{Entry, Judgement, RUNS_TO_THE_END, Target, Verdict, judge, unmeasured};
use crate::outcome::{Artefact, ClaimOutcome, Identity, Outcome};
use crate::progress::Progress;
use crate::{Provenance, Result, models, printed};
use gibbsian_figure::{ImageGrid, Plot};

/// One run of one experiment.
pub struct Context {
    experiment: &'static Experiment,
    identity: Identity,
    folder: PathBuf,
    cache: PathBuf,
    progress: Progress,
    started: Instant,
    last_measurement: Instant,
    /// One place per declared claim.
    claims: Vec<Option<ClaimOutcome>>,
    last_measured: Option<usize>,
    notes: Vec<String>,
    figures: Vec<Artefact>,
    tables: Vec<Artefact>,
}

impl Context {
    pub(crate) fn new(
        experiment: &'static Experiment,
        identity: Identity,
        folder: PathBuf,
        cache: PathBuf,
        progress: Progress,
    ) -> Self {
        let now = Instant::now();
        Context {
            experiment,
            identity,
            folder,
            cache,
            progress,
            started: now,
            last_measurement: now,
            claims: vec![None; experiment.claims.len()],
            last_measured: None,
            notes: Vec::new(),
            figures: Vec::new(),
            tables: Vec::new(),
        }
    }

    /// The scale of the run.
    pub fn scale(&self) -> Scale {
        self.identity.scale
    }

    /// The first at quick scale, the second at full scale.
    pub fn pick<T>(&self, quick: T, full: T) -> T {
        match self.identity.scale {
            Scale::Quick => quick,
            Scale::Full => full,
        }
    }

    /// The experiment's own node in the tree of random streams.
    pub fn seed(&self) -> Seed {
        Seed::new(self.identity.seed).child(self.experiment.id)
    }

    /// Whether a claim is to be measured at this scale; one without a quick form is skipped in a quick run.
    pub fn wants(&self, claim: &Claim) -> bool {
        claim.check(self.identity.scale).is_some()
    }

    /// Judges a declared claim by what was measured.
    ///
    /// A claim that does not hold is no error: it fails in the ledger and the experiment goes on.
    ///
    /// # Errors
    /// The claim is not declared, was measured before, is skipped at this scale, or its check needs a quantity that the
    /// measurement lacks. All of these are mistakes in the experiment's code.
    pub fn measure(&mut self, claim: &Claim, measured: impl Into<Measured>) -> Result<()> {
        let name = claim.claim;
        let index = self
            .experiment
            .claims
            .iter()
            .position(|declared| declared.claim == name)
            .ok_or_else(|| format!("the claim {name:?} was measured but is not declared"))?;
        if self.claims[index].is_some() {
            return Err(format!("the claim {name:?} was measured twice").into());
        }
        // The declaration decides, not the value at the call: nothing can be loosened on the way.
        let declared = &self.experiment.claims[index];
        let check = declared.check(self.identity.scale).ok_or_else(|| {
            format!("the claim {name:?} was measured in a quick run, but holds at full scale only")
        })?;
        let judgement =
            judge(&check, &measured.into()).map_err(|lacks| format!("the claim {name:?}: {lacks}"))?;
        let now = Instant::now();
        let seconds = (now - self.last_measurement).as_secs_f64();
        self.last_measurement = now;
        let outcome = self.claim_outcome(declared, judgement, seconds);
        self.say_early(printed::claim(&outcome));
        self.claims[index] = Some(outcome);
        self.last_measured = Some(index);
        Ok(())
    }

    /// Says in the report what was found, in one paragraph.
    pub fn note(&mut self, text: impl Into<String>) {
        let text = text.into();
        self.say_early(&text);
        self.notes.push(text);
    }

    /// At full scale hours may pass between a finding and the end of the run, which not every run reaches.
    fn say_early(&self, line: impl std::fmt::Display) {
        if self.identity.scale == Scale::Full {
            self.progress.say(line);
        }
    }

    /// Writes `NAME.svg` and shows it in the report under its caption.
    pub fn plot(&mut self, name: &str, caption: &str, plot: &Plot) -> Result<()> {
        let (svg, size) = plot
            .render()
            .map_err(|reason| format!("figure {name}: {reason}"))?;
        let artefact = self.write(&format!("{name}.svg"), caption, Some(size), svg.as_bytes())?;
        self.figures.push(artefact);
        Ok(())
    }

    /// Writes `NAME.png` and shows it in the report under its caption.
    pub fn images(&mut self, name: &str, caption: &str, grid: &ImageGrid) -> Result<()> {
        let (png, size) = grid
            .render()
            .map_err(|reason| format!("figure {name}: {reason}"))?;
        let artefact = self.write(&format!("{name}.png"), caption, Some(size), &png)?;
        self.figures.push(artefact);
        Ok(())
    }

    /// Writes `NAME.csv` and names it in the report.
    pub fn table(&mut self, name: &str, caption: &str, table: &Table) -> Result<()> {
        let artefact = self.write(&format!("{name}.csv"), caption, None, table.to_csv().as_bytes())?;
        self.tables.push(artefact);
        Ok(())
    }

    /// Writes `NAME.safetensors`, trained weights with the fingerprint of their recipe and the run's seed, and names it in the report ([`crate::models`] reads such files).
    pub fn weights(
        &mut self,
        name: &str,
        caption: &str,
        recipe: &str,
        step: u64,
        record: Record,
    ) -> Result<()> {
        let bytes = models::encode(recipe, self.identity.seed, step, record)?;
        let artefact = self.write(&format!("{name}.safetensors"), caption, None, &bytes)?;
        self.tables.push(artefact);
        Ok(())
    }

    /// Says that `step` of `n_steps` of a stage are done; call it as often as is convenient.
    pub fn progress(&self, step: usize, n_steps: usize, stage: &str) {
        self.progress.report(step as u64, n_steps as u64, stage);
    }

    /// A folder for this experiment's checkpoints.
    ///
    /// It is empty at the start of a run, except under `--resume` after an interrupted run of the same scale, seed and program.
    pub fn checkpoint_dir(&self) -> Result<PathBuf> {
        let folder = self.folder.join(CHECKPOINTS);
        files::create_folder(&folder)?;
        Ok(folder)
    }

    /// The bytes that `make` returns for this recipe, made once in a run and shared by the experiments that ask for them.
    ///
    /// The recipe spells out everything the bytes depend on except the seed: model, data, updates, sizes. `make` receives a
    /// node of the run's random streams named after the recipe, never after the experiment, and a folder for checkpoints.
    /// An earlier run's bytes are used only under `--resume` and only if scale, seed and program are the same.
    pub fn shared(&self, recipe: &str, make: impl FnOnce(Seed, &Path) -> Result<Vec<u8>>) -> Result<Vec<u8>> {
        let Identity {
            scale,
            seed,
            fingerprint,
            ..
        } = &self.identity;
        let key = files::sha256(format!("{scale}\n{seed}\n{fingerprint}\n{recipe}").as_bytes());
        let path = self.cache.join(&key);
        if let Some(bytes) = files::read_hashed(&path)? {
            return Ok(bytes);
        }
        let checkpoints = self.cache.join(format!("{key}-{CHECKPOINTS}"));
        files::create_folder(&checkpoints)?;
        let bytes = make(Seed::new(*seed).child("shared").child(recipe), &checkpoints)?;
        files::write_hashed(&path, &bytes)?;
        files::remove(&checkpoints)?;
        Ok(bytes)
    }

    /// The numbers that `make` returns, made once in a run under this name: what takes hours and has no checkpoints of its own, such as annealing.
    ///
    /// They lie beside the [checkpoints](Context::checkpoint_dir) and are taken up under the same conditions, with the bits they had.
    pub fn numbers(&self, name: &str, make: impl FnOnce() -> Result<Vec<f64>>) -> Result<Vec<f64>> {
        let path = self
            .checkpoint_dir()?
            .join(format!("numbers-{}", files::sha256(name.as_bytes())));
        if let Some(bytes) = files::read_hashed(&path)?
            && let (chunks, []) = bytes.as_chunks()
        {
            return Ok(chunks.iter().map(|chunk| f64::from_le_bytes(*chunk)).collect());
        }
        let numbers = make()?;
        let bytes: Vec<u8> = numbers.iter().flat_map(|x| x.to_le_bytes()).collect();
        files::write_hashed(&path, &bytes)?;
        Ok(numbers)
    }

    /// Closes the run: claims never measured fail or are skipped, and an error becomes a failed claim of its own.
    pub(crate) fn finish(mut self, error: Option<String>) -> Outcome {
        self.progress.finish();
        if let Some(claim) = self.last_measured.and_then(|index| self.claims[index].as_mut()) {
            claim.entry.seconds += self.last_measurement.elapsed().as_secs_f64();
        }
        let scale = self.identity.scale;
        let mut claims: Vec<ClaimOutcome> = (self.experiment.claims.iter().zip(&self.claims))
            .map(|(claim, outcome)| match outcome {
                Some(outcome) => outcome.clone(),
                None => {
                    let (verdict, note) = match claim.check(scale) {
                        None => (Verdict::Skipped, "measured at full scale only"),
                        Some(_) if error.is_some() => (Verdict::Fail, "not reached before the error"),
                        Some(_) => (Verdict::Fail, "declared but never measured"),
                    };
                    self.claim_outcome(claim, unmeasured(claim, verdict, Some(note.into()), scale), 0.0)
                }
            })
            .collect();
        if let Some(error) = &error {
            let judgement = Judgement {
                expected: Target::Number(1.0),
                measured: Some(0.0),
                tolerance: 0.0,
                verdict: Verdict::Fail,
                standard_error: None,
                note: Some(error.clone()),
            };
            claims.push(self.claim_outcome(&RUNS, judgement, 0.0));
        }
        Outcome {
            id: self.experiment.id.into(),
            title: self.experiment.title.into(),
            question: self.experiment.question.into(),
            mathematics: self.experiment.mathematics.into(),
            shows: self.experiment.shows.into(),
            source: self.experiment.source.into(),
            budget_seconds: self.experiment.budget_seconds,
            seconds: self.started.elapsed().as_secs_f64(),
            claims,
            notes: self.notes,
            figures: self.figures,
            tables: self.tables,
            error,
        }
    }

    fn claim_outcome(&self, claim: &Claim, judgement: Judgement, seconds: f64) -> ClaimOutcome {
        ClaimOutcome {
            entry: Entry {
                experiment: self.experiment.id.into(),
                claim: claim.claim.into(),
                source: claim.source.into(),
                expected: judgement.expected,
                measured: judgement.measured,
                tolerance: judgement.tolerance,
                verdict: judgement.verdict,
                provenance: claim.provenance,
                scale: self.identity.scale,
                seed: self.identity.seed,
                seconds,
            },
            reason: claim.reason.into(),
            standard_error: judgement.standard_error,
            note: judgement.note,
        }
    }

    fn write(&self, file: &str, caption: &str, size: Option<(u32, u32)>, bytes: &[u8]) -> Result<Artefact> {
        let (name, _) = file.rsplit_once('.').unwrap_or((file, ""));
        let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if name.is_empty() || !name.chars().all(allowed) {
            return Err(format!("{name:?} names no file: use lower-case letters, digits and hyphens").into());
        }
        if self.figures.iter().chain(&self.tables).any(|a| a.file == file) {
            return Err(format!("{file} was written twice").into());
        }
        files::write_atomic(&self.folder.join(file), bytes)?;
        Ok(Artefact {
            file: file.into(),
            caption: caption.into(),
            size,
            sha256: files::sha256(bytes),
        })
    }
}

/// The folder of checkpoints in an experiment's folder.
pub(crate) const CHECKPOINTS: &str = "checkpoints";

/// The claim behind [`RUNS_TO_THE_END`]: 1 if the experiment did, 0 if an error stopped it.
const RUNS: Claim = Claim {
    claim: RUNS_TO_THE_END,
    source: "the experiment itself",
    provenance: Provenance::Exact,
    quick: None,
    full: crate::Check::value(1.0),
    reason: "an experiment that stops has shown nothing",
};
