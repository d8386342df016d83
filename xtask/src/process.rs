//! Starting other programs and listening to them.

use std::env;
use std::ffi::OsString;
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};

/// The cargo that started this program.
pub fn cargo_program() -> OsString {
    env::var_os("CARGO").unwrap_or_else(|| "cargo".into())
}

/// Cargo in a folder.
pub fn cargo(folder: &Path) -> Command {
    let mut command = Command::new(cargo_program());
    command.current_dir(folder);
    command
}

/// The folder that cargo builds into.
pub fn target(root: &Path) -> PathBuf {
    env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), |folder| root.join(folder))
}

/// Runs a program to its end and answers with its exit code; 1 if it was killed or could not be started, which is said.
pub fn code(command: &mut Command) -> u8 {
    match command.status() {
        Ok(status) => code_of(status),
        Err(reason) => {
            eprintln!("error: cannot start {}: {reason}", shown(command));
            1
        }
    }
}

/// Runs a program to its end, and only then shows what it said, in one piece. The answer is its standard output and whether it succeeded.
pub fn hear_out(command: &mut Command) -> io::Result<(String, bool)> {
    let output = command.stdin(Stdio::null()).output()?;
    io::stderr().lock().write_all(&output.stderr)?;
    io::stdout().lock().write_all(&output.stdout)?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    Ok((said, output.status.success()))
}

/// Runs a program, shows its standard output line by line, and hands each line on. The answer is whether it succeeded.
pub fn listen(command: &mut Command, mut hear: impl FnMut(&str)) -> io::Result<bool> {
    let mut child = command.stdout(Stdio::piped()).spawn()?;
    if let Some(output) = child.stdout.take() {
        // Lines are cut as bytes: a test may print what is not UTF-8.
        for line in BufReader::new(output).split(b'\n') {
            let line = line?;
            let mut stdout = io::stdout().lock();
            stdout.write_all(&line)?;
            stdout.write_all(b"\n")?;
            hear(&String::from_utf8_lossy(&line));
        }
    }
    Ok(child.wait()?.success())
}

/// What a program writes to its standard output.
///
/// # Errors
/// It cannot be started, or it fails; then what it wrote to its standard error is told.
pub fn output(command: &mut Command) -> Result<String, String> {
    let output = command
        .output()
        .map_err(|reason| format!("cannot start {}: {reason}", shown(command)))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(format!("`{}` fails: {}", shown(command), said.trim()));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Whether a program runs and succeeds, in silence.
pub fn succeeds(program: &str, arguments: &[&str]) -> bool {
    (Command::new(program).args(arguments))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// A command as one would type it.
pub fn shown(command: &Command) -> String {
    let program = Path::new(command.get_program());
    let name = program.file_name().unwrap_or(program.as_os_str());
    let mut words = vec![name.to_string_lossy().into_owned()];
    words.extend(
        command
            .get_args()
            .map(|argument| argument.to_string_lossy().into_owned()),
    );
    words.join(" ")
}

fn code_of(status: ExitStatus) -> u8 {
    status
        .code()
        .and_then(|code| u8::try_from(code).ok())
        .unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_output_of_a_program_that_fails_is_no_output() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
        let version = output(cargo(folder).arg("--version")).unwrap();
        assert!(version.starts_with("cargo"), "{version}");
        let fault = output(cargo(folder).arg("--no-such-option")).unwrap_err();
        assert!(fault.contains("--no-such-option` fails"), "{fault}");
    }
}
