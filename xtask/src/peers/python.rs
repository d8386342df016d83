//! A Python with the peers' libraries: which one, and what it could not get.

use std::env;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::{last_line, write};
use crate::process;

/// The Python of a virtual environment in the folder, which is made if it is not there.
pub fn environment(folder: &Path) -> Result<PathBuf, String> {
    let venv = folder.join("venv");
    let python = venv.join(if cfg!(windows) {
        "Scripts/python.exe"
    } else {
        "bin/python"
    });
    let wanted = python_program()?;
    if version(python.as_os_str()).is_none() || version(python.as_os_str()) != version(&wanted) {
        println!("making a virtual environment in {}", venv.display());
        let mut make = Command::new(&wanted);
        make.args(["-m", "venv", "--clear"]).arg(&venv);
        if process::code(&mut make) != 0 {
            return Err(format!("`{}` does not work", process::shown(&make)));
        }
    }
    Ok(python)
}

/// What `PYTHON` names, or the first Python 3 that is new enough for the newest pins, or the first at all.
fn python_program() -> Result<OsString, String> {
    if let Some(named) = env::var_os("PYTHON") {
        return match version(&named) {
            Some(_) => Ok(named),
            None => Err(format!(
                "PYTHON is `{}`, which is no Python 3",
                named.to_string_lossy()
            )),
        };
    }
    let names = ["python3", "python3.14", "python3.13", "python3.12", "python"];
    let found: Vec<_> = names
        .iter()
        .filter_map(|name| Some((name, version(name.as_ref())?)))
        .collect();
    found
        .iter()
        .find(|(_, version)| *version >= (3, 12))
        .or(found.first())
        .map(|(name, _)| name.into())
        .ok_or_else(|| {
            "no Python 3 was found; the peers are Python libraries, so install one or name it by PYTHON"
                .into()
        })
}

/// Major and minor version of a Python 3.
fn version(program: &OsStr) -> Option<(u32, u32)> {
    let output = Command::new(program)
        .args(["-c", "import sys; print(*sys.version_info[:2])"])
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let (major, minor) = text.trim().split_once(' ')?;
    let found = (major.parse().ok()?, minor.parse().ok()?);
    (output.status.success() && found >= (3, 0)).then_some(found)
}

/// Installs what a file of requirements names; the answer has a line for each package that could not be had.
pub fn install(python: &Path, file: &Path, folder: &Path) -> Result<Vec<String>, String> {
    let text =
        fs::read_to_string(file).map_err(|reason| format!("cannot read {}: {reason}", file.display()))?;
    let stamp = folder.join("venv").join(file.file_name().unwrap_or_default());
    if fs::read_to_string(&stamp).is_ok_and(|done| done == text) {
        return Ok(Vec::new());
    }
    println!("installing {}", file.display());
    let pip = |action: &str| {
        let mut pip = Command::new(python);
        pip.args(["-m", "pip", action, "--quiet", "--disable-pip-version-check"]);
        pip
    };
    let mut absent = Vec::new();
    if pip("install")
        .arg("-r")
        .arg(file)
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|s| s.success())
    {
        write(&stamp, &text)?;
        return Ok(absent);
    }
    for requirement in requirements(&text) {
        let output = pip("install").arg("-c").arg(file).arg(requirement).output();
        let reason = match output {
            Ok(output) if output.status.success() => continue,
            Ok(output) => last_line(&String::from_utf8_lossy(&output.stderr)).to_string(),
            Err(reason) => format!("pip cannot be started: {reason}"),
        };
        let package = package(requirement);
        // A version that was installed for an earlier pin must not be measured in its place.
        let _ = pip("uninstall").args(["--yes", package]).output();
        absent.push(format!("{package}\t{reason}"));
    }
    for line in &absent {
        println!("absent: {}", line.replace('\t', ": "));
    }
    Ok(absent)
}

/// The lines of a file of requirements that name packages.
fn requirements(text: &str) -> impl Iterator<Item = &str> {
    text.lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
}

fn package(requirement: &str) -> &str {
    requirement.split_once("==").map_or(requirement, |(name, _)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requirements_are_lines_that_name_packages() {
        let lines: Vec<&str> = requirements("# a\n\nnumpy==1; python_version < \"3.12\"\njax==2\n").collect();
        assert_eq!(
            lines.iter().map(|line| package(line)).collect::<Vec<_>>(),
            ["numpy", "jax"]
        );
    }

    /// The tests of the scripts' own code, where Python is.
    #[test]
    fn the_scripts_pass_their_tests() {
        let Ok(python) = python_program() else { return };
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../benches/peers");
        let output = Command::new(python)
            .args(["-m", "unittest", "--quiet", "test_report"])
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .current_dir(folder)
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
}
