//! What an experiment leaves behind, and how it is stored between runs.
//!
//! The report is built from outcomes alone, so an outcome read back from the disk stands for the run that made it. It is
//! taken only if its [`Identity`] is the present one (same scale, same seed, same program), its checksum is right, and every
//! figure and table it names is there with the bytes it had. Anything else is a reason to run again, and is said.

use std::fmt::Display;
use std::path::Path;

use gibbsian_core::Error;
use serde::{Deserialize, Serialize};

use crate::context::CHECKPOINTS;
use crate::experiment::Scale;
use crate::files;
use crate::ledger::{Entry, Verdict};

/// What must agree before a stored outcome or a checkpoint is used again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Identity {
    /// The experiment's id.
    pub experiment: String,
    /// The scale of the run.
    pub scale: Scale,
    /// The seed of the run.
    pub seed: u64,
    /// A hash of the program and its arithmetic: another program may compute something else.
    pub fingerprint: String,
}

impl Identity {
    /// How the program computed products of binary states: the last word of its fingerprint.
    pub(crate) fn arithmetic(&self) -> &str {
        self.fingerprint.rsplit(' ').next().unwrap_or_default()
    }
}

/// A judged claim: its row in the ledger and what only the report says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClaimOutcome {
    /// The row in the ledger.
    pub entry: Entry,
    /// Why the tolerance is what it is.
    pub reason: String,
    /// The standard error of what was measured, if it has one.
    pub standard_error: Option<f64>,
    /// What a reader must know beyond the numbers.
    pub note: Option<String>,
}

/// A file that the experiment wrote into its folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Artefact {
    /// The file's name.
    pub file: String,
    /// What it shows, in words.
    pub caption: String,
    /// Width and height in pixels of an image; `None` for a table.
    pub size: Option<(u32, u32)>,
    /// The SHA-256 of its bytes.
    pub sha256: String,
}

/// Everything an experiment leaves.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Outcome {
    /// The experiment's id.
    pub id: String,
    /// Its title.
    pub title: String,
    /// What it asks.
    pub question: String,
    /// The law that it rests on, in prose with TeX.
    pub mathematics: String,
    /// What it shows.
    pub shows: String,
    /// The work it reproduces.
    pub source: String,
    /// Its budget for a quick run, in seconds.
    pub budget_seconds: u32,
    /// How long it took, in seconds.
    pub seconds: f64,
    /// Its claims, in the order of their declaration.
    pub claims: Vec<ClaimOutcome>,
    /// What it found, in words.
    pub notes: Vec<String>,
    /// Its figures.
    pub figures: Vec<Artefact>,
    /// Its tables.
    pub tables: Vec<Artefact>,
    /// Why it did not run to the end, if it did not.
    pub error: Option<String>,
}

impl Outcome {
    /// Whether no claim failed.
    pub fn holds(&self) -> bool {
        self.claims.iter().all(|c| c.entry.verdict != Verdict::Fail)
    }

    /// Whether it took longer than a quick run should.
    pub fn is_late(&self) -> bool {
        self.seconds > f64::from(self.budget_seconds)
    }
}

/// The outcome with its identity, as stored.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    identity: Identity,
    outcome: Outcome,
}

/// The name of the file that says whose an experiment's folder is.
pub(crate) const MARK: &str = "identity.json";
/// The name of the stored outcome in an experiment's folder.
const OUTCOME: &str = "outcome.json";
const HEAD: &str = "{\"sha256\":\"";
const MIDDLE: &str = "\",\"content\":";
const TAIL: &str = "}\n";
/// What a stored outcome should be, for messages.
const WHOLE: &str = "an outcome stored by this program";

/// Stores an outcome in its experiment's folder.
///
/// The file is `{"sha256":"…","content":{…}}`, where the hash is that of the content's exact bytes.
pub fn store(folder: &Path, identity: &Identity, outcome: &Outcome) -> Result<(), Error> {
    let stored = Stored {
        identity: identity.clone(),
        outcome: outcome.clone(),
    };
    let path = folder.join(OUTCOME);
    let content = serde_json::to_string(&stored).map_err(|reason| {
        Error::format(
            path.display().to_string(),
            reason,
            "an outcome that JSON can hold",
        )
    })?;
    let text = format!(
        "{HEAD}{}{MIDDLE}{content}{TAIL}",
        files::sha256(content.as_bytes())
    );
    files::write_atomic(&path, text.as_bytes())
}

/// The stored outcome if it is whole and of this identity; `None` if there is none or it belongs to another run.
///
/// The error says how a stored outcome is damaged.
pub fn load(folder: &Path, identity: &Identity) -> Result<Option<Outcome>, Error> {
    let stored = decode_stored(folder)?.filter(|stored| stored.identity == *identity);
    let Some(stored) = stored else {
        return Ok(None);
    };
    check_artefacts(folder, &stored.outcome)?;
    Ok(Some(stored.outcome))
}

/// The whole stored outcome of whatever run, with its identity, if there is one; [`load`] says when it may stand for a run.
///
/// The error says how it is damaged.
pub fn load_any(folder: &Path) -> Result<Option<(Identity, Outcome)>, Error> {
    let Some(stored) = decode_stored(folder)? else {
        return Ok(None);
    };
    check_artefacts(folder, &stored.outcome)?;
    Ok(Some((stored.identity, stored.outcome)))
}

/// The identity of the stored outcome and the seconds that it took, if there is one that can be read: what a run to come may be expected to take.
pub(crate) fn seconds(folder: &Path) -> Option<(Identity, f64)> {
    // Of a damaged file nothing is known, and it will be spoken of where it would be used.
    let stored = decode_stored(folder).ok()??;
    Some((stored.identity, stored.outcome.seconds))
}

/// The scale of what an experiment's folder holds, if it holds an outcome or checkpoints and says whose they are: by its mark, or else by the outcome.
pub(crate) fn held_scale(folder: &Path) -> Result<Option<Scale>, Error> {
    let holds = |name: &str| folder.join(name).exists();
    if !holds(OUTCOME) && !holds(CHECKPOINTS) {
        return Ok(None);
    }
    let mark = files::read_if_present(&folder.join(MARK))?;
    let marked: Option<Identity> = mark.and_then(|bytes| serde_json::from_slice(&bytes).ok());
    Ok(marked
        .or_else(|| seconds(folder).map(|(identity, _)| identity))
        .map(|identity| identity.scale))
}

fn decode_stored(folder: &Path) -> Result<Option<Stored>, Error> {
    let path = folder.join(OUTCOME);
    let Some(bytes) = files::read_if_present(&path)? else {
        return Ok(None);
    };
    decode(&bytes)
        .map(Some)
        .map_err(|found| Error::format(path.display().to_string(), found, WHOLE))
}

/// Requires every figure and table that an outcome names, with the bytes it had.
fn check_artefacts(folder: &Path, outcome: &Outcome) -> Result<(), Error> {
    let damaged =
        |found: &dyn Display| Error::format(folder.join(OUTCOME).display().to_string(), found, WHOLE);
    for artefact in outcome.figures.iter().chain(&outcome.tables) {
        match files::read_if_present(&folder.join(&artefact.file))? {
            Some(bytes) if files::sha256(&bytes) == artefact.sha256 => {}
            Some(_) => return Err(damaged(&format!("{} with other bytes", artefact.file))),
            None => return Err(damaged(&format!("no {}", artefact.file))),
        }
    }
    Ok(())
}

/// Takes a stored file apart; the error says how it is damaged.
fn decode(bytes: &[u8]) -> Result<Stored, String> {
    let text = std::str::from_utf8(bytes).map_err(|reason| reason.to_string())?;
    let (hash, content) = text
        .strip_prefix(HEAD)
        .and_then(|rest| rest.strip_suffix(TAIL))
        .and_then(|rest| rest.split_once(MIDDLE))
        .ok_or("something else, or a part of one")?;
    if hash != files::sha256(content.as_bytes()) {
        return Err("a content that does not match its checksum".into());
    }
    serde_json::from_str(content).map_err(|reason| reason.to_string())
}

/// Removes what an earlier run left in an experiment's folder, and nothing that the runner does not write itself.
pub fn clear(folder: &Path) -> Result<(), Error> {
    files::remove(&folder.join(OUTCOME))?;
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(reason) if reason.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(reason) => return Err(Error::file(folder, "read", reason)),
    };
    for entry in entries {
        let path = entry
            .map_err(|reason| Error::file(folder, "read", reason))?
            .path();
        let extension = path.extension().and_then(|e| e.to_str()).unwrap_or_default();
        if path.is_file() && ["svg", "png", "csv", "safetensors", "partial"].contains(&extension) {
            files::remove(&path)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::Provenance;
    use crate::ledger::Target;

    fn identity() -> Identity {
        Identity {
            experiment: "toy".into(),
            scale: Scale::Quick,
            seed: 7,
            fingerprint: "f".into(),
        }
    }

    /// An outcome with numbers that only an exact float parser reads back.
    fn outcome(table: &[u8]) -> Outcome {
        Outcome {
            id: "toy".into(),
            title: "Toy \"quoted\"".into(),
            question: "q?".into(),
            mathematics: "$m$".into(),
            shows: "ünïcode".into(),
            source: "s".into(),
            budget_seconds: 1,
            seconds: 0.1 + 0.2,
            claims: vec![ClaimOutcome {
                entry: Entry {
                    experiment: "toy".into(),
                    claim: "c".into(),
                    source: "s".into(),
                    expected: Target::Interval([None, Some(5e-324)]),
                    measured: Some(-1.0 / 3.0),
                    tolerance: 1.000_000_000_000_000_2e-7,
                    verdict: Verdict::Pass,
                    provenance: Provenance::Exact,
                    scale: Scale::Quick,
                    seed: 7,
                    seconds: 0.1,
                },
                reason: "r".into(),
                standard_error: Some(1e-3),
                note: None,
            }],
            notes: vec![],
            figures: vec![],
            tables: vec![Artefact {
                file: "t.csv".into(),
                caption: "c".into(),
                size: None,
                sha256: files::sha256(table),
            }],
            error: None,
        }
    }

    #[test]
    fn an_outcome_comes_back_as_it_was() {
        let folder = files::test_folder("outcome-back");
        files::write_atomic(&folder.join("t.csv"), b"x\n").unwrap();
        let stored = outcome(b"x\n");
        store(&folder, &identity(), &stored).unwrap();
        assert_eq!(load(&folder, &identity()).unwrap(), Some(stored));
        files::remove(&folder).unwrap();
    }

    #[test]
    fn another_identity_finds_nothing() {
        let folder = files::test_folder("outcome-identity");
        files::write_atomic(&folder.join("t.csv"), b"x\n").unwrap();
        store(&folder, &identity(), &outcome(b"x\n")).unwrap();
        let others = [
            Identity {
                seed: 8,
                ..identity()
            },
            Identity {
                scale: Scale::Full,
                ..identity()
            },
            Identity {
                fingerprint: "g".into(),
                ..identity()
            },
        ];
        for other in others {
            assert_eq!(load(&folder, &other).unwrap(), None, "{other:?}");
        }
        files::remove(&folder).unwrap();
        assert_eq!(load(&folder, &identity()).unwrap(), None);
    }

    #[test]
    fn a_torn_or_flipped_file_is_damaged_wherever_it_is() {
        let folder = files::test_folder("outcome-torn");
        files::write_atomic(&folder.join("t.csv"), b"x\n").unwrap();
        store(&folder, &identity(), &outcome(b"x\n")).unwrap();
        let path = folder.join(OUTCOME);
        let whole = std::fs::read(&path).unwrap();
        assert!(decode(&whole).is_ok());
        for length in 0..whole.len() {
            assert!(decode(&whole[..length]).is_err(), "cut to {length} bytes");
        }
        for bit in 0..8 * whole.len() {
            let mut flipped = whole.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(decode(&flipped).is_err(), "bit {bit} flipped");
        }
        std::fs::write(&path, &whole[..whole.len() / 2]).unwrap();
        assert!(load(&folder, &identity()).is_err());
        files::remove(&folder).unwrap();
    }

    #[test]
    fn a_changed_or_missing_artefact_is_damage() {
        let folder = files::test_folder("outcome-artefact");
        store(&folder, &identity(), &outcome(b"x\n")).unwrap();
        let damage = || load(&folder, &identity()).unwrap_err().to_string();
        assert!(damage().contains("no t.csv"));
        files::write_atomic(&folder.join("t.csv"), b"y\n").unwrap();
        assert!(damage().contains("t.csv with other bytes"));
        files::remove(&folder).unwrap();
    }
}
