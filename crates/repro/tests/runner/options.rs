//! What the command line does with a registry that has something in it.

use std::ffi::OsString;
use std::fs;
use std::path::Path;

use gibbsian_repro::console::Console;
use gibbsian_repro::{Experiment, command};

use crate::toys::{Printed, TOY, folder};

const OTHER: Experiment = Experiment {
    id: "other-one",
    title: "Another toy",
    ..TOY
};
const BROKEN: Experiment = Experiment {
    id: "broken",
    run: |_| Err("it broke".into()),
    ..TOY
};
const SLOW: Experiment = Experiment {
    id: "slow",
    budget_seconds: 1,
    run: |ctx| {
        std::thread::sleep(std::time::Duration::from_millis(1050));
        ctx.progress(1, 1, "sleeping");
        (TOY.run)(ctx)
    },
    ..TOY
};

/// Runs the command line and answers with the exit code, standard output and standard error.
fn command(experiments: &[&'static Experiment], out: &Path, arguments: &[&str]) -> (u8, String, String) {
    let (stdout, stderr) = (Printed::default(), Printed::default());
    let console = Console::piped(stdout.clone(), stderr.clone());
    let arguments = arguments
        .iter()
        .map(OsString::from)
        .chain(["--out".into(), out.as_os_str().into()]);
    let code = command::main(arguments, experiments, &console);
    (code, stdout.text(), stderr.text())
}

#[test]
fn the_list_has_one_experiment_a_line_with_its_id_first() {
    let out = folder("list");
    let (code, stdout, _) = command(&[&TOY, &OTHER], &out, &["--list"]);
    assert_eq!(code, command::SUCCESS);
    assert_eq!(stdout, "toy        A toy\nother-one  Another toy\n");
    assert!(!out.exists());
}

#[test]
fn ids_choose_and_the_registry_orders() {
    let out = folder("choose");
    let (code, stdout, _) = command(&[&TOY, &BROKEN, &OTHER], &out, &["other-one", "toy", "toy"]);
    assert_eq!(code, command::SUCCESS);
    assert!(stdout.find("toy: A toy") < stdout.find("other-one: Another toy"));
    assert!(
        stdout.contains("toy: A toy (quick scale; 1 of 2, about 20 s left in all)"),
        "{stdout}"
    );
    assert!(
        stdout.contains("2 passed, 0 failed, 0 skipped in 2 experiments: 1 s of a budget of 20 s"),
        "{stdout}"
    );
    assert!(!out.join("broken").exists());
}

#[test]
fn a_failed_claim_is_exit_code_one() {
    let out = folder("exit");
    let (code, stdout, _) = command(&[&BROKEN, &TOY], &out, &[]);
    assert_eq!(code, command::FAILURE);
    assert!(
        stdout.contains("it broke") && stdout.contains("1 passed, 2 failed"),
        "{stdout}"
    );
    // The rest was run and everything was written.
    assert!(out.join("ledger.json").exists() && out.join("index.html").exists());
}

#[test]
fn an_unknown_id_is_refused_with_the_nearest_known() {
    let out = folder("unknown");
    let (code, _, stderr) = command(&[&TOY, &OTHER], &out, &["other-noe"]);
    assert_eq!(code, command::REFUSED);
    assert!(
        stderr.contains("unknown experiment `other-noe`. Did you mean `other-one`?"),
        "{stderr}"
    );
    assert!(stderr.contains("Known are toy, other-one."), "{stderr}");
    assert!(!out.exists());
}

#[test]
fn a_folder_that_cannot_be_written_is_refused_before_any_work() {
    let file = folder("refused");
    fs::write(&file, "a file").unwrap();
    // Below a regular file nobody can write, whatever the user's rights.
    for out in [file.clone(), file.join("below")] {
        let (code, stdout, stderr) = command(&[&TOY], &out, &[]);
        assert_eq!((code, stdout.as_str()), (command::REFUSED, ""));
        assert!(
            stderr.contains(&format!("the output folder {} cannot be used", out.display())),
            "{stderr}"
        );
    }
    fs::remove_file(&file).unwrap();
}

#[test]
fn a_report_is_written_again_from_what_is_stored() {
    const RENAMED: Experiment = Experiment {
        title: "A toy by another name",
        run: |_| Err("it is not run".into()),
        ..TOY
    };
    let out = folder("report-again");
    assert_eq!(command(&[&TOY, &OTHER], &out, &[]).0, command::SUCCESS);
    let (page, ledger) = (out.join("index.html"), out.join("ledger.json"));
    let before = (fs::read(&page).unwrap(), fs::read(&ledger).unwrap());
    fs::remove_file(&page).unwrap();
    fs::remove_file(&ledger).unwrap();
    let (code, stdout, stderr) = command(&[&TOY, &OTHER], &out, &["--report"]);
    assert_eq!((code, stderr.as_str()), (command::SUCCESS, ""), "{stdout}");
    assert!((fs::read(&page).unwrap(), fs::read(&ledger).unwrap()) == before);

    // Prose is the present one, numbers are the stored ones; what has stored nothing is named.
    let (code, _, stderr) = command(&[&RENAMED, &BROKEN], &out, &["--report"]);
    assert_eq!(code, command::SUCCESS);
    assert_eq!(stderr, "broken: nothing of quick scale and seed 1 is stored\n");
    let text = fs::read_to_string(&page).unwrap();
    assert!(text.contains("A toy by another name") && text.contains("1 of 2 experiments so far"));

    let (code, _, stderr) = command(&[&TOY], &out, &["--report", "--seed", "2"]);
    assert_eq!(code, command::FAILURE);
    assert!(
        stderr.contains("nothing of quick scale and seed 2 is stored in"),
        "{stderr}"
    );
}

#[test]
fn a_second_run_expects_what_the_first_has_taken() {
    let out = folder("expectation");
    let _ = command(&[&SLOW, &TOY], &out, &[]);
    let (_, stdout, _) = command(&[&SLOW, &TOY], &out, &[]);
    assert!(
        stdout.contains("slow: A toy (quick scale; 1 of 2, about 2 s left in all)"),
        "{stdout}"
    );
    // What is stored and will be taken takes no time.
    let (_, stdout, _) = command(&[&SLOW, &TOY], &out, &["--resume"]);
    assert!(
        stdout.contains("slow: A toy (quick scale; 1 of 2, about 0 s left in all)"),
        "{stdout}"
    );
}

#[test]
fn an_exceeded_budget_is_said_and_is_no_verdict() {
    let (code, stdout, stderr) = command(&[&SLOW, &TOY], &folder("budget"), &[]);
    assert_eq!(code, command::SUCCESS);
    assert!(stdout.contains("over the budget of 1 s"), "{stdout}");
    assert!(stdout.contains("of a budget of 10 s"), "{stdout}");
    assert!(stdout.contains("  over its budget: slow: 1."), "{stdout}");
    assert_eq!(stderr, "slow: sleeping, 1 of 1\n");
}

#[test]
fn an_empty_registry_is_said() {
    let (code, stdout, stderr) = command(&[], &folder("empty"), &[]);
    assert_eq!((code, stdout.as_str()), (command::REFUSED, ""));
    assert!(stderr.contains("no experiment is registered"));
}
