//! What the repository keeps and should not: what cargo builds.
//!
//! A build folder that was added once is in every clone for ever, and `.gitignore` has no say in what is tracked already. The paths are those of `git ls-files`; where there is no repository, as in an unpacked
//! archive, there is nothing to look at.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use crate::process;

/// What cargo and others leave in a folder whose contents can be made anew (<https://bford.info/cachedir>).
const TAG: &str = "CACHEDIR.TAG";

/// Libraries and their metadata, as the compiler writes them. What they depend on lies beside them in files whose names end in `.d`, as those of other programs do.
const OUTPUTS: [&str; 2] = [".rlib", ".rmeta"];

/// Every fault of the files that are tracked below `root`.
pub fn faults(root: &Path) -> Result<Vec<String>, String> {
    let git = |arguments: &[&str]| {
        let mut git = Command::new("git");
        git.current_dir(root).args(arguments);
        git
    };
    // Without git, and outside of a repository, nothing is tracked.
    if process::output(&mut git(&["rev-parse", "--is-inside-work-tree"])).is_err() {
        return Ok(Vec::new());
    }
    let list = process::output(&mut git(&["ls-files", "-z"]))?;
    let paths: Vec<&str> = list.split_terminator('\0').collect();
    // A tag may be there without being tracked.
    Ok(build_output(&paths, |folder| {
        root.join(folder).join(TAG).exists()
    }))
}

/// The fault of every build folder with tracked files, and of every tracked file elsewhere that the compiler wrote.
///
/// Build folders hold a tag, as `is_tagged` or the paths say, or have a name that begins with `target` and lie beside a manifest, at the root or further down; a folder of such a name among sources is one
/// of sources.
fn build_output(paths: &[&str], is_tagged: impl Fn(&str) -> bool) -> Vec<String> {
    let known: BTreeSet<&str> = paths.iter().copied().collect();
    let is_build = |folder: &str| {
        let (parent, name) = folder.rsplit_once('/').unwrap_or(("", folder));
        let is_beside_manifest = parent.is_empty() || known.contains(format!("{parent}/Cargo.toml").as_str());
        (name.starts_with("target") && is_beside_manifest)
            || known.contains(format!("{folder}/{TAG}").as_str())
            || is_tagged(folder)
    };
    let is_output = |path: &str| OUTPUTS.iter().any(|end| path.ends_with(end));
    let folder_of = |path: &str| {
        path.rsplit_once('/')
            .map_or(String::new(), |(folder, _)| folder.to_owned())
    };
    let with_output: BTreeSet<String> = (paths.iter().filter(|path| is_output(path)))
        .map(|path| folder_of(path))
        .collect();

    let mut faults = Vec::new();
    let mut n_files = BTreeMap::new();
    let mut judged: BTreeMap<&str, bool> = BTreeMap::new();
    for path in paths {
        // The outermost build folder that the file is in.
        let mut folders = path.match_indices('/').map(|(end, _)| &path[..end]);
        if let Some(folder) = folders.find(|f| *judged.entry(f).or_insert_with(|| is_build(f))) {
            *n_files.entry(folder).or_insert(0) += 1;
        } else if is_output(path) || (path.ends_with(".d") && with_output.contains(&folder_of(path))) {
            faults.push(format!(
                "{path}: build output is tracked; `git rm --cached {path}`"
            ));
        }
    }
    faults.extend(n_files.into_iter().map(|(folder, n)| {
        format!("{folder}: a build folder with {n} tracked files; `git rm -r --cached {folder}`")
    }));
    faults
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn build_folders_are_known_by_name_and_by_tag() {
        let paths = [
            "Cargo.toml",
            "cache/CACHEDIR.TAG",
            "cache/a/b.txt",
            "crates/a/Cargo.toml",
            "crates/a/src/target/c.rs",
            "crates/a/src/targets/d.rs",
            "crates/a/target/debug/e.json",
            "deep/in/cache/f.txt",
            "target-other/debug/g.json",
            "target-other/h.json",
            "target/CACHEDIR.TAG",
            "target/debug/CACHEDIR.TAG",
            "target/i.json",
            "targets.md",
        ];
        let fault = |folder: &str, n: usize| {
            format!("{folder}: a build folder with {n} tracked files; `git rm -r --cached {folder}`")
        };
        assert_eq!(
            build_output(&paths, |folder| folder == "deep/in"),
            [
                fault("cache", 2),
                fault("crates/a/target", 1),
                fault("deep/in", 1),
                fault("target", 3),
                fault("target-other", 2),
            ]
        );
    }

    #[test]
    fn outputs_of_the_compiler_are_known_by_their_names() {
        let paths = [
            "a/libb.rlib",
            "a/b.d",
            "a/b.rs",
            "c/e.rmeta",
            "c/deeper/e.d",
            "etc/conf.d/e.d",
            "f.rmeta",
            "f.d",
        ];
        let fault = |path: &str| format!("{path}: build output is tracked; `git rm --cached {path}`");
        assert_eq!(
            build_output(&paths, |_| false),
            ["a/libb.rlib", "a/b.d", "c/e.rmeta", "f.rmeta", "f.d"].map(fault)
        );
    }

    #[test]
    fn where_there_is_no_repository_nothing_is_tracked() {
        let folder = std::env::temp_dir().join(format!("gibbsian-tracked-{}", std::process::id()));
        std::fs::create_dir_all(folder.join("target")).unwrap();
        let found = faults(&folder);
        std::fs::remove_dir_all(&folder).unwrap();
        assert_eq!(found, Ok(Vec::new()));
    }
}
