//! A file system in memory that fails on command, and what checkpoints must survive on it.
//!
//! It keeps apart what programs see and what is on the device: bytes reach the device when a file is synchronised,
//! names when their directory is. A loss of power keeps what is on the device, with any number of the name changes
//! since (in order), and any part of the bytes since.

use std::collections::HashMap;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};

use gibbsian_core::{Record, Values};

use super::storage::{Sink, Storage};
use super::{Checkpoint, CheckpointFiles, fingerprint};

/// One act fails, or the machine stops at it.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Fault {
    Error,
    Stop,
}

#[derive(Clone, Default)]
struct File {
    seen: Vec<u8>,
    on_device: Vec<u8>,
}

#[derive(Clone)]
enum Change {
    Name(PathBuf, usize),
    Rename(PathBuf, PathBuf),
    Remove(PathBuf),
}

#[derive(Clone, Default)]
struct State {
    files: Vec<File>,
    names: HashMap<PathBuf, usize>,
    names_on_device: HashMap<PathBuf, usize>,
    changes: Vec<Change>,
    n_acts: usize,
    fault: Option<(usize, Fault)>,
}

fn apply(names: &mut HashMap<PathBuf, usize>, change: &Change) {
    match change {
        Change::Name(path, file) => {
            names.insert(path.clone(), *file);
        }
        Change::Rename(from, to) => {
            if let Some(file) = names.remove(from) {
                names.insert(to.clone(), file);
            }
        }
        Change::Remove(path) => {
            names.remove(path);
        }
    }
}

#[derive(Clone, Default)]
struct Simulated(Arc<Mutex<State>>);

impl Simulated {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    /// Counts one act, and fails it when its turn has come.
    fn act(&self) -> io::Result<MutexGuard<'_, State>> {
        let mut state = self.state();
        let act = state.n_acts;
        state.n_acts += 1;
        match state.fault {
            Some((turn, Fault::Error)) if act == turn => Err(io::Error::other("simulated failure")),
            Some((turn, Fault::Stop)) if act >= turn => Err(io::Error::other("simulated stop")),
            _ => Ok(state),
        }
    }

    fn change(&self, change: Change) -> io::Result<()> {
        let mut state = self.act()?;
        if let Change::Rename(from, _) | Change::Remove(from) = &change
            && !state.names.contains_key(from)
        {
            return Err(io::ErrorKind::NotFound.into());
        }
        apply(&mut state.names, &change);
        state.changes.push(change);
        Ok(())
    }

    /// All file systems that a loss of power may leave behind.
    fn after_power_loss(&self) -> Vec<Simulated> {
        let state = self.state();
        let mut all = Vec::new();
        for n_changes in 0..=state.changes.len() {
            for kept in [0.0, 0.5, 1.0] {
                let mut left = state.clone();
                left.fault = None;
                left.names = left.names_on_device.clone();
                for change in &state.changes[..n_changes] {
                    apply(&mut left.names, change);
                }
                left.names_on_device = left.names.clone();
                left.changes.clear();
                for file in &mut left.files {
                    if file.seen != file.on_device {
                        file.seen.truncate((file.seen.len() as f64 * kept) as usize);
                        file.on_device = file.seen.clone();
                    }
                }
                all.push(Simulated(Arc::new(Mutex::new(left))));
            }
        }
        all
    }

    fn checkpoints(&self) -> CheckpointFiles {
        CheckpointFiles::on(Box::new(self.clone()), Path::new("run"))
    }

    fn damage(&self, path: &Path) {
        let mut state = self.state();
        let file = state.names[path];
        state.files[file].seen[200] ^= 4;
        state.files[file].on_device = state.files[file].seen.clone();
    }
}

impl Storage for Simulated {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        let state = self.act()?;
        let file = *state.names.get(path).ok_or(io::ErrorKind::NotFound)?;
        Ok(state.files[file].seen.clone())
    }

    fn create(&self, path: &Path) -> io::Result<Box<dyn Sink + '_>> {
        let file = {
            let mut state = self.act()?;
            state.files.push(File::default());
            let file = state.files.len() - 1;
            let change = Change::Name(path.to_path_buf(), file);
            apply(&mut state.names, &change);
            state.changes.push(change);
            file
        };
        Ok(Box::new(Open { disk: self, file }))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.change(Change::Rename(from.to_path_buf(), to.to_path_buf()))
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.change(Change::Remove(path.to_path_buf()))
    }

    fn sync_directory(&self, directory: &Path) -> io::Result<()> {
        assert_eq!(directory, Path::new("run"));
        let mut state = self.act()?;
        state.names_on_device = state.names.clone();
        state.changes.clear();
        Ok(())
    }
}

struct Open<'a> {
    disk: &'a Simulated,
    file: usize,
}

impl Write for Open<'_> {
    /// Takes at most 256 bytes, so that a file takes several acts.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut state = self.disk.act()?;
        let n = bytes.len().min(256);
        state.files[self.file].seen.extend_from_slice(&bytes[..n]);
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Sink for Open<'_> {
    fn sync(&mut self) -> io::Result<()> {
        let mut state = self.disk.act()?;
        let file = &mut state.files[self.file];
        file.on_device = file.seen.clone();
        Ok(())
    }
}

/// A checkpoint whose every number tells its step.
fn checkpoint(step: u64) -> Checkpoint {
    let mut record = Record::new();
    record.put("model.weights", &[60], Values::F64(vec![step as f64; 60]));
    Checkpoint {
        step,
        seed: 5,
        recipe: fingerprint("simulated"),
        record,
    }
}

/// What a program does: look for a checkpoint, then save those of `steps`; returns the last one that was saved for
/// certain.
fn run(disk: &Simulated, steps: &[u64], mut certain: Option<u64>) -> Option<u64> {
    let mut files = disk.checkpoints();
    if files.load().is_err() {
        return certain;
    }
    for &step in steps {
        if files.save(&checkpoint(step)).is_ok() {
            certain = Some(step);
        }
    }
    certain
}

/// Requires a good checkpoint that is not older than the last one saved for certain.
fn assert_good(disk: &Simulated, certain: Option<u64>, context: &str) {
    let loaded = disk
        .checkpoints()
        .load()
        .unwrap_or_else(|e| panic!("{context}: {e}"));
    match loaded {
        None => assert_eq!(certain, None, "{context}"),
        Some(loaded) => {
            let step = loaded.checkpoint.step;
            assert!(certain.is_none_or(|certain| step >= certain), "{context}: {step}");
            assert_eq!(loaded.checkpoint, checkpoint(step), "{context}");
        }
    }
}

#[test]
fn every_act_may_fail_once_and_a_good_checkpoint_remains() {
    let whole = Simulated::default();
    assert_eq!(run(&whole, &[1, 2, 3], None), Some(3));
    let n_acts = whole.state().n_acts;
    assert!(n_acts > 20, "{n_acts}");
    for turn in 0..n_acts {
        let disk = Simulated::default();
        disk.state().fault = Some((turn, Fault::Error));
        let certain = run(&disk, &[1, 2, 3], None);
        assert_good(&disk, certain, &format!("act {turn}"));
        // The disk works again: so do checkpoints.
        assert_eq!(run(&disk, &[4, 5], certain), Some(5));
        assert_good(&disk, Some(5), &format!("after act {turn}"));
    }
}

#[test]
fn power_may_be_lost_at_every_act_and_a_good_checkpoint_remains() {
    let whole = Simulated::default();
    run(&whole, &[1, 2, 3], None);
    let n_acts = whole.state().n_acts;
    let mut n_cases = 0;
    for turn in 0..=n_acts {
        let disk = Simulated::default();
        disk.state().fault = Some((turn, Fault::Stop));
        let certain = run(&disk, &[1, 2, 3], None);
        for (i, left) in disk.after_power_loss().into_iter().enumerate() {
            assert_good(&left, certain, &format!("act {turn}, remains {i}"));
            n_cases += 1;
        }
    }
    assert!(n_cases > 100, "{n_cases}");
}

#[test]
fn a_damaged_newest_file_never_displaces_the_good_one() {
    let start = || {
        let disk = Simulated::default();
        run(&disk, &[1, 2], None);
        let newest = disk.checkpoints().newest().to_path_buf();
        disk.damage(&newest);
        let loaded = disk.checkpoints().load().unwrap().unwrap();
        assert_eq!(loaded.checkpoint, checkpoint(1));
        assert!(loaded.notice.unwrap().to_string().contains("damaged"));
        disk.state().n_acts = 0;
        disk
    };
    let whole = start();
    run(&whole, &[3, 4], Some(1));
    let n_acts = whole.state().n_acts;
    for turn in 0..=n_acts {
        for fault in [Fault::Error, Fault::Stop] {
            let disk = start();
            disk.state().fault = Some((turn, fault));
            let certain = run(&disk, &[3, 4], Some(1));
            let lefts = match fault {
                Fault::Error => {
                    disk.state().fault = None;
                    vec![disk]
                }
                Fault::Stop => disk.after_power_loss(),
            };
            for left in lefts {
                assert_good(&left, certain, &format!("act {turn}, {fault:?}"));
            }
        }
    }
}
