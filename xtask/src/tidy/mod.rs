//! `cargo xtask tidy`: what a machine can see of the project's rules.
//!
//! Rules about code are applied to code: comments and the texts of string literals are taken out first ([`source`]). Rules
//! about who may depend on whom are in [`dependencies`], how much a crate may cost its user in [`budgets`], and what the
//! repository should not keep in [`tracked`].

use std::fs;
use std::path::Path;
use std::process::ExitCode;

pub mod budgets;
mod dependencies;
mod manifest;
mod rules;
mod source;
mod tracked;

/// Prints every fault.
pub fn run(root: &Path) -> ExitCode {
    if is_tidy(root) {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// Whether there is no fault; prints every one.
pub fn is_tidy(root: &Path) -> bool {
    match faults(root) {
        Ok((faults, n_files, costs)) => {
            println!("{}", budgets::table(&costs));
            for fault in &faults {
                println!("{fault}");
            }
            match faults.len() {
                0 => println!("tidy: no fault in {n_files} files"),
                n => println!("tidy: {n} faults in {n_files} files"),
            }
            faults.is_empty()
        }
        Err(reason) => {
            eprintln!("error: {reason}");
            false
        }
    }
}

/// Every fault of the workspace, the number of files looked at, and what crates cost.
fn faults(root: &Path) -> Result<(Vec<String>, usize, Vec<budgets::Cost>), String> {
    let mut files = Vec::new();
    collect(root, root, &mut files)?;
    files.sort();
    let mut faults = Vec::new();
    let mut n_read = 0;
    for file in &files {
        let bytes = fs::read(root.join(file)).map_err(|reason| format!("cannot read {file}: {reason}"))?;
        // What is not text has no lines to look at.
        if let Ok(text) = std::str::from_utf8(&bytes) {
            n_read += 1;
            faults.extend(rules::faults(file, text));
            faults.extend(unrun_test(root, file, text)?);
        }
    }
    faults.extend(dependencies::faults(root)?);
    faults.extend(tracked::faults(root)?);
    let costs = budgets::costs(root)?;
    faults.extend(budgets::faults(&costs));
    Ok((faults, n_read, costs))
}

/// The fault of a file of a library that has tests although its manifest says that the library is not compiled for any.
fn unrun_test(root: &Path, file: &str, text: &str) -> Result<Option<String>, String> {
    let Some((package, "src")) = file.strip_prefix("crates/").and_then(|rest| {
        let mut parts = rest.split('/');
        Some((parts.next()?, parts.next()?))
    }) else {
        return Ok(None);
    };
    if !text.contains("#[test]") || !source::Source::new(text).code.contains("#[test]") {
        return Ok(None);
    }
    let path = root.join("crates").join(package).join("Cargo.toml");
    let manifest =
        fs::read_to_string(&path).map_err(|reason| format!("cannot read {}: {reason}", path.display()))?;
    let is_unrun = manifest::parse(&manifest, &Default::default()).skips_unit_tests;
    Ok(is_unrun.then(|| format!("{file}: has tests that nothing runs, because of `[lib] test = false`")))
}

/// Larger files are data.
const LARGEST_TEXT: u64 = 1 << 20;

/// All files below a folder, by their paths from the root with `/` between names.
fn collect(root: &Path, folder: &Path, files: &mut Vec<String>) -> Result<(), String> {
    let unreadable = |reason| format!("cannot read {}: {reason}", folder.display());
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        let path = entry.path();
        let name = entry.file_name();
        let kind = entry.file_type().map_err(unreadable)?;
        if kind.is_dir() {
            // A folder of that name further down may hold sources; what cargo makes has a tag.
            let is_build = folder == root && name == "target" || path.join("CACHEDIR.TAG").exists();
            let is_skipped = is_build || name == ".git";
            if !is_skipped {
                collect(root, &path, files)?;
            }
        } else if kind.is_file()
            && name != ".git"
            && entry.metadata().map_err(unreadable)?.len() <= LARGEST_TEXT
        {
            let relative = path.strip_prefix(root).unwrap_or(&path);
            let names: Vec<_> = relative.iter().map(|name| name.to_string_lossy()).collect();
            files.push(names.join("/"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_roots_target_is_left_out() {
        let root = std::env::temp_dir().join(format!("gibbsian-tidy-{}", std::process::id()));
        let names = [
            "target/a.rs",
            "crates/a/src/target/b.rs",
            "cache/CACHEDIR.TAG",
            "cache/c.rs",
        ];
        for name in names {
            let path = root.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        let mut files = Vec::new();
        collect(&root, &root, &mut files).unwrap();
        fs::remove_dir_all(&root).unwrap();
        assert_eq!(files, ["crates/a/src/target/b.rs"]);
    }
}
