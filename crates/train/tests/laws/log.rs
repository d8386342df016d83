//! The log as comma-separated values: its bytes, also after interruptions, and what it leaves alone.

use std::fs;
use std::path::{Path, PathBuf};

use gibbsian_core::{Error, Parametric, Seed};
use gibbsian_train::{
    Adam, AdamOptions, CheckpointFiles, Checkpointing, CsvLog, Decay, Descent, EachStep, GO_ON, Linear,
    Monitor, Trainer,
};

use crate::common::{Drawn, Normal, Sampled, points};
use crate::toys::fresh;

/// Four steps an epoch, five epochs, a checkpoint every three steps; an error ends it after step `until` without another checkpoint.
fn train(directory: &Path, until: u64, log: &mut dyn Monitor<Normal>) -> Result<(), Error> {
    let seed = Seed::new(5);
    let data = points(32, 2, seed.child("points"));
    let mut model = Normal::new(2);
    let adam = Adam::new(&model.layout(), AdamOptions::default(), Decay::NONE).unwrap();
    let mut step = Descent::new(Sampled { kept: 0.0 }, adam);
    let trainer = Trainer::new(5, Linear::new(0.1, 0.01, 20).unwrap(), seed).unwrap();
    let mut killed = EachStep::new(|_: &Normal, p| {
        if p.step == until {
            return Err(Error::parameter("run", "killed", "whole"));
        }
        Ok(GO_ON)
    });
    let mut checkpointing =
        Checkpointing::new(CheckpointFiles::new(directory).unwrap(), 3, "a logged run").unwrap();
    checkpointing
        .fit(
            &trainer,
            &mut model,
            &mut step,
            &data,
            &mut Drawn::new(32, 8, seed.child("order")),
            &mut (log, &mut killed),
        )
        .map(drop)
}

fn steps(path: &Path) -> CsvLog<Normal> {
    CsvLog::every(path, 2)
        .unwrap()
        .column("mean_0", |model: &Normal, _| Ok(model.mean()[0]))
        .unwrap()
        .column("twice_step", |_, p| Ok(2.0 * p.step as f64))
        .unwrap()
}

fn whole(name: &str) -> (PathBuf, String) {
    let directory = fresh(name);
    let path = directory.join("log.csv");
    train(&directory, 0, &mut steps(&path)).unwrap();
    let text = fs::read_to_string(&path).unwrap();
    (directory, text)
}

#[test]
fn a_row_has_the_numbers_of_the_step_to_the_bit() {
    let directory = fresh("log-bits");
    let path = directory.join("log.csv");
    let mut seen = Vec::new();
    let mut watch = EachStep::new(|model: &Normal, p| {
        seen.push((p.step, p.epoch, p.loss, p.learning_rate, model.mean()[0]));
        Ok(GO_ON)
    });
    train(&directory, 0, &mut (steps(&path), &mut watch)).unwrap();
    let text = fs::read_to_string(&path).unwrap();
    let mut lines = text.lines();
    assert_eq!(
        lines.next().unwrap(),
        "step,epoch,loss,learning_rate,mean_0,twice_step"
    );
    let rows: Vec<Vec<f64>> = lines
        .map(|line| line.split(',').map(|cell| cell.parse().unwrap()).collect())
        .collect();
    assert_eq!(rows.len(), 10);
    for (row, (step, epoch, loss, rate, mean)) in rows.iter().zip(seen.iter().skip(1).step_by(2)) {
        let expected = [
            *step as f64,
            *epoch as f64,
            *loss,
            *rate,
            *mean,
            2.0 * *step as f64,
        ];
        assert_eq!(row[..], expected);
    }
    assert!(text.ends_with('\n'));
}

#[test]
fn epochs_have_their_mean_loss() {
    let directory = fresh("log-epochs");
    let path = directory.join("log.csv");
    let mut losses = Vec::new();
    let mut watch = gibbsian_train::EachEpoch::new(|_: &Normal, p, history| {
        assert_eq!(p.loss, history.losses()[p.epoch as usize]);
        losses.push(format!("{},{},{:?}", p.step, p.epoch, p.loss));
        Ok(GO_ON)
    });
    train(&directory, 0, &mut (CsvLog::each_epoch(&path), &mut watch)).unwrap();
    let text = fs::read_to_string(&path).unwrap();
    let rows: Vec<&str> = text.lines().skip(1).collect();
    assert_eq!(rows.len(), 5);
    assert!(
        rows.iter()
            .zip(&losses)
            .all(|(row, start)| row.starts_with(start.as_str()))
    );
}

#[test]
fn the_log_of_a_killed_run_is_that_of_one_that_was_not() {
    let (_, expected) = whole("log-whole");
    let epochs = |path: &Path| CsvLog::each_epoch(path);
    let expected_epochs = {
        let directory = fresh("log-whole-epochs");
        train(&directory, 0, &mut epochs(&directory.join("log.csv"))).unwrap();
        fs::read_to_string(directory.join("log.csv")).unwrap()
    };
    // A torn row, the start of one, and nothing of the kind.
    for (i, torn) in ["", "1", "13,3,0.2", "100000000000000000000000"]
        .into_iter()
        .enumerate()
    {
        let directory = fresh(&format!("log-killed-{i}"));
        let (path, epoch_path) = (directory.join("log.csv"), directory.join("epochs.csv"));
        for until in [2, 5, 6, 7, 13, 20, 0] {
            let ended = train(&directory, until, &mut (steps(&path), epochs(&epoch_path)));
            assert_eq!(ended.is_ok(), until == 0);
            if until != 0 {
                for path in [&path, &epoch_path] {
                    let mut text = fs::read_to_string(path).unwrap();
                    text += torn;
                    fs::write(path, text).unwrap();
                }
            }
        }
        assert_eq!(fs::read_to_string(&path).unwrap(), expected);
        assert_eq!(fs::read_to_string(&epoch_path).unwrap(), expected_epochs);
    }
    // Cut within the header, or emptied, before a run that begins.
    for keep in [0, 3] {
        let directory = fresh("log-cut");
        let path = directory.join("log.csv");
        fs::write(&path, &expected[..keep]).unwrap();
        train(&directory, 0, &mut steps(&path)).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), expected);
    }
}

#[test]
fn another_run_begins_the_log_anew() {
    let (first, expected) = whole("log-again");
    let path = first.join("log.csv");
    let mut log = steps(&path);
    for name in ["log-again-1", "log-again-2"] {
        train(&fresh(name), 0, &mut log).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), expected);
    }
}

#[test]
fn files_that_are_not_this_log_are_refused_and_left_alone() {
    let (_, good) = whole("log-foreign");
    let header = good.lines().next().unwrap();
    let directory = fresh("log-foreign-files");
    let path = directory.join("notes.txt");
    for text in [
        "dear diary\n".to_string(),
        "step,epoch,loss,learning_rate\n2,0,1.0,0.1\n".to_string(),
        format!("{header},more\n"),
        format!("{header}\nsomething else\n"),
        format!("{header}\n-3,0\n"),
        "x".repeat(1 << 20),
    ] {
        fs::write(&path, &text).unwrap();
        let e = train(&fresh("log-foreign-run"), 0, &mut steps(&path)).unwrap_err();
        assert!(matches!(e, Error::Format { .. }), "{e}");
        assert!(e.to_string().len() < 500, "{e}");
        assert_eq!(fs::read_to_string(&path).unwrap(), text);
    }
    let nowhere = directory.join("no such directory").join("log.csv");
    let e = train(&fresh("log-foreign-run"), 0, &mut steps(&nowhere)).unwrap_err();
    assert!(matches!(e, Error::File { .. }), "{e}");
}

#[test]
fn names_that_would_break_a_table_are_refused() {
    for bad in ["", "a,b", "a\"b", "a\nb", "a\rb", "loss"] {
        let e = CsvLog::<Normal>::each_epoch("never made").column(bad, |_, _| Ok(0.0));
        assert!(e.err().unwrap().to_string().contains("`name`"));
    }
    let e = CsvLog::<Normal>::every("never made", 0).err().unwrap();
    assert!(e.to_string().contains("n_steps"), "{e}");
    // A failing column ends the run with its error.
    let directory = fresh("log-failing");
    let mut log = CsvLog::every(directory.join("log.csv"), 1)
        .unwrap()
        .column("gap", |_: &Normal, _| Err(Error::parameter("gap", "odd", "even")))
        .unwrap();
    let e = train(&directory, 0, &mut log).unwrap_err();
    assert!(e.to_string().contains("gap"), "{e}");
}
