//! The formulas of the crates' front pages are what their sources in TeX say.

use std::fs;
use std::path::{Path, PathBuf};

use gibbsian_mathml::{Display, to_mathml};

/// The files of formulas, one a crate that has some.
fn files() -> Vec<PathBuf> {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut files: Vec<PathBuf> = fs::read_dir(crates)
        .unwrap()
        .map(|entry| entry.unwrap().path().join("src/formulas.md"))
        .filter(|path| path.is_file())
        .collect();
    files.sort();
    files
}

/// The text with the markup of every formula made anew from the comment above it, and the number of formulas.
fn made_anew(text: &str) -> (String, usize) {
    let (mut lines, mut n_formulas, mut source) = (Vec::new(), 0, None);
    for line in text.lines() {
        if let Some(tex) = line
            .strip_prefix("<!-- ")
            .and_then(|rest| rest.strip_suffix(" -->"))
        {
            source = Some(tex);
            lines.push(line.to_owned());
        } else if line.starts_with("<math") {
            let tex = source.take().expect("a formula stands below its source");
            lines.push(to_mathml(tex, Display::Block).unwrap());
            n_formulas += 1;
        } else {
            lines.push(line.to_owned());
        }
    }
    assert_eq!(source, None, "a source stands above its formula");
    (lines.join("\n") + "\n", n_formulas)
}

/// Rustdoc hands markup through, so the pages need no script and no network. `UPDATE_FORMULAS=1` writes the markup after a change of a source.
#[test]
fn front_pages_have_the_formulas_of_their_sources() {
    let files = files();
    assert!(files.len() >= 12, "{files:?}");
    for path in files {
        let text = fs::read_to_string(&path).unwrap();
        let (expected, n_formulas) = made_anew(&text);
        assert!((1..=3).contains(&n_formulas), "{}", path.display());
        // Markdown ends a block of markup at an empty line, and reads what follows as text.
        assert!(!expected.contains("<math>\n\n"), "{}", path.display());
        if std::env::var_os("UPDATE_FORMULAS").is_some() {
            fs::write(&path, &expected).unwrap();
        }
        let found = fs::read_to_string(&path).unwrap();
        assert!(
            found == expected,
            "the formulas of {} are not those of their sources; UPDATE_FORMULAS=1 writes them",
            path.display()
        );
    }
}
