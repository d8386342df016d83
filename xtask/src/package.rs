//! `cargo xtask package`: what would be published, before anything is.
//!
//! Cargo packages a whole workspace as if its crates were on the registry already, each against the packages of the others, and refuses a dependency by path
//! alone. What cargo does not look at is looked at here: whether a package holds its licences and a readme that stands by itself, and whether its manifest says what the registry shows.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::ExitCode;

use crate::process;
use crate::tidy::budgets::BUDGETS;

pub const USAGE: &str = "\
cargo xtask package [--verify]

Packages every published crate into target/package, and checks what the packages hold and what their manifests say.
`--verify` also builds each from the files of its package alone, which takes minutes.";

/// The line by which every readme shows the place of its crate.
const MAP: &str = "> core → linalg · checkpoint → densities · classical · grad → nn · objectives · samplers · partition · sde · train · metrics · data · figure → gibbsian → gibbsian-cli";

/// The registry takes packages up to ten mebibytes; ours have no reason to be a tenth of that.
const MAX_PACKAGE_BYTES: u64 = 1 << 20;

/// Those of the registry's categories that fit.
const CATEGORIES: [&str; 10] = [
    "algorithms",
    "command-line-utilities",
    "encoding",
    "external-ffi-bindings",
    "filesystem",
    "mathematics",
    "parser-implementations",
    "science",
    "simulation",
    "visualization",
];

/// Packages, checks, and prints every fault.
pub fn run(root: &Path, verify: bool) -> ExitCode {
    match check(root, verify) {
        Ok(faults) if faults.is_empty() => {
            println!("package: no fault in {} packages", BUDGETS.len());
            ExitCode::SUCCESS
        }
        Ok(faults) => {
            faults.iter().for_each(|fault| println!("{fault}"));
            println!("package: {} faults in {} packages", faults.len(), BUDGETS.len());
            ExitCode::FAILURE
        }
        Err(reason) => {
            eprintln!("error: {reason}");
            ExitCode::FAILURE
        }
    }
}

/// Every fault of the packages.
pub fn check(root: &Path, verify: bool) -> Result<Vec<String>, String> {
    let mut package = process::cargo(root);
    // Whether all is committed is for whoever publishes to ask.
    package.args(["package", "--quiet", "--allow-dirty"]);
    package.args((!verify).then_some("--no-verify"));
    for (name, _) in BUDGETS {
        package.args(["--package", name]);
    }
    let output = package
        .output()
        .map_err(|reason| format!("cannot start {}: {reason}", process::shown(&package)))?;
    let said = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        return Err(format!("cargo cannot package the workspace:\n{}", said.trim()));
    }
    let mut faults = Vec::new();
    for (name, _) in BUDGETS {
        let folder = root.join("crates").join(folder_of(name));
        let read = |file: &str| {
            let path = folder.join(file);
            fs::read_to_string(&path).map_err(|reason| format!("cannot read {}: {reason}", path.display()))
        };
        let mut list = process::cargo(root);
        list.args(["package", "--list", "--allow-dirty", "--package", name]);
        let files = process::output(&mut list)?;
        let files: Vec<&str> = files.lines().collect();
        let manifest = Fields::read(&read("Cargo.toml")?);
        let of_package = [
            manifest_faults(&manifest),
            file_faults(&files, &manifest),
            readme_faults(name, &read("README.md")?),
        ];
        faults.extend(of_package.concat().iter().map(|fault| format!("{name}: {fault}")));
        let target = process::target(root);
        let version = manifest_version(root)?;
        let package = target.join(format!("package/{name}-{version}.crate"));
        let n_bytes = fs::metadata(&package)
            .map_err(|reason| format!("cannot look at {}: {reason}", package.display()))?
            .len();
        if n_bytes > MAX_PACKAGE_BYTES {
            faults.push(format!(
                "{name}: its package has {n_bytes} bytes, and at most {MAX_PACKAGE_BYTES} are allowed"
            ));
        }
    }
    Ok(faults)
}

/// The folder of a crate of ours, which is named without the project.
fn folder_of(name: &str) -> &str {
    name.strip_prefix("gibbsian-").unwrap_or(name)
}

/// The version that all crates have.
fn manifest_version(root: &Path) -> Result<String, String> {
    let path = root.join("Cargo.toml");
    let text =
        fs::read_to_string(&path).map_err(|reason| format!("cannot read {}: {reason}", path.display()))?;
    let line = text.lines().find_map(|line| line.strip_prefix("version = "));
    line.map(|version| version.trim_matches('"').to_string())
        .ok_or_else(|| "the workspace's manifest says no version".into())
}

/// What the table `[package]` of a manifest says, each on one line.
struct Fields(BTreeMap<String, String>);

impl Fields {
    fn read(text: &str) -> Self {
        let lines = text
            .lines()
            .skip_while(|line| *line != "[package]")
            .skip(1)
            .take_while(|line| !line.starts_with('['));
        let field = |line: &str| {
            let (key, value) = line.split_once('=')?;
            let key = key.trim().trim_end_matches(".workspace");
            Some((key.to_string(), value.trim().to_string()))
        };
        Self(lines.filter_map(field).collect())
    }

    fn get(&self, key: &str) -> &str {
        self.0.get(key).map_or("", String::as_str)
    }

    /// The texts of a list.
    fn list(&self, key: &str) -> Vec<&str> {
        self.get(key).split('"').skip(1).step_by(2).collect()
    }
}

fn manifest_faults(manifest: &Fields) -> Vec<String> {
    let mut faults = Vec::new();
    for key in [
        "version",
        "edition",
        "rust-version",
        "license",
        "repository",
        "readme",
        "description",
        "include",
    ] {
        if matches!(manifest.get(key), "" | "\"\"" | "[]") {
            faults.push(format!("the manifest has no `{key}`"));
        }
    }
    let (keywords, categories) = (manifest.list("keywords"), manifest.list("categories"));
    for (what, n) in [("keywords", keywords.len()), ("categories", categories.len())] {
        if !(1..=5).contains(&n) {
            faults.push(format!("{n} {what}, and one to five are allowed"));
        }
    }
    let is_word = |word: &str| {
        let mut letters = word.chars();
        letters.next().is_some_and(|c| c.is_ascii_alphanumeric())
            && letters.all(|c| c.is_ascii_alphanumeric() || "-_+".contains(c))
            && word.len() <= 20
    };
    let bad = keywords.iter().filter(|word| !is_word(word));
    faults.extend(bad.map(|word| format!("the keyword `{word}` is not 1 to 20 letters, digits and hyphens")));
    let is_known = |name: &&&str| CATEGORIES.contains(name);
    let bad = categories.iter().filter(|name| !is_known(name));
    faults.extend(bad.map(|name| format!("the category `{name}` is not one that the registry knows")));
    faults
}

fn file_faults(files: &[&str], manifest: &Fields) -> Vec<String> {
    let mut required = vec!["README.md", "LICENSE-MIT", "LICENSE-APACHE", "Cargo.toml"];
    let build = manifest.get("build").trim_matches('"');
    required.extend((!build.is_empty()).then_some(build));
    let missing = required.iter().filter(|file| !files.contains(file));
    let mut faults: Vec<String> = missing.map(|file| format!("the package has no {file}")).collect();
    if !files
        .iter()
        .any(|file| ["src/lib.rs", "src/main.rs"].contains(file))
    {
        faults.push("the package has neither src/lib.rs nor src/main.rs".into());
    }
    let stray = files
        .iter()
        .filter(|file| file.starts_with("tests/") || file.ends_with(".npy"));
    faults.extend(stray.map(|file| format!("the package holds {file}, which belongs to the tests")));
    faults
}

/// A readme is read on the registry, where no other file of the repository is beside it.
fn readme_faults(name: &str, readme: &str) -> Vec<String> {
    let mut faults = Vec::new();
    if readme.lines().next() != Some(&format!("# {name}")) {
        faults.push(format!("the readme must begin with `# {name}`"));
    }
    for (what, text) in [
        ("the line of the map", MAP),
        ("`Rust 1.89`", "Rust 1.89"),
        ("`MIT or Apache-2.0`", "MIT or Apache-2.0"),
        ("an example", "\n```"),
        (
            "the heading `Features, Rust, licence`",
            "\n## Features, Rust, licence\n",
        ),
    ] {
        if !readme.contains(text) {
            faults.push(format!("the readme lacks {what}"));
        }
    }
    for link in readme.split("](").skip(1) {
        let link = link.split(')').next().unwrap_or_default();
        if !link.starts_with("https://") && !link.starts_with('#') {
            faults.push(format!(
                "the readme links to `{link}`, which is not there on the registry"
            ));
        }
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "[package]\nname = \"gibbsian-x\"\ndescription = \"d\"\nreadme = \"README.md\"\ninclude = [\"/src\"]\nversion.workspace = true\n\
                        edition.workspace = true\nrust-version.workspace = true\nlicense.workspace = true\nrepository.workspace = true\n\
                        categories = [\"science\"]\nkeywords = [\"a\", \"b-c\"]\n[dependencies]\n";

    fn faults(from: &str, to: &str) -> Vec<String> {
        assert!(GOOD.contains(from));
        manifest_faults(&Fields::read(&GOOD.replace(from, to)))
    }

    #[test]
    fn a_manifest_says_what_the_registry_shows() {
        assert_eq!(faults("", ""), Vec::<String>::new());
        for (from, to, fault) in [
            ("description = \"d\"\n", "", "the manifest has no `description`"),
            ("\"d\"", "\"\"", "the manifest has no `description`"),
            ("license.workspace = true\n", "", "the manifest has no `license`"),
            (
                "\"science\"",
                "\"sciences\"",
                "the category `sciences` is not one that the registry knows",
            ),
            ("[\"science\"]", "[]", "0 categories, and one to five are allowed"),
            (
                "\"a\",",
                "\"a\", \"d\", \"e\", \"f\", \"g\",",
                "6 keywords, and one to five are allowed",
            ),
            (
                "\"a\"",
                "\"contrastive-divergence\"",
                "the keyword `contrastive-divergence` is not 1 to 20 letters, digits and hyphens",
            ),
        ] {
            assert_eq!(faults(from, to), [fault]);
        }
    }

    #[test]
    fn a_package_holds_its_licences_and_no_tests() {
        let manifest = Fields::read(GOOD);
        let good = [
            "Cargo.toml",
            "README.md",
            "LICENSE-MIT",
            "LICENSE-APACHE",
            "src/lib.rs",
        ];
        assert_eq!(file_faults(&good, &manifest), Vec::<String>::new());
        assert_eq!(file_faults(&good[..4], &manifest).len(), 1);
        assert_eq!(
            file_faults(&good[1..], &manifest),
            ["the package has no Cargo.toml"]
        );
        let with_build = Fields::read(&GOOD.replace("readme", "build = \"build/main.rs\"\nreadme"));
        assert_eq!(
            file_faults(&good, &with_build),
            ["the package has no build/main.rs"]
        );
        let with_test = [&good[..], &["tests/laws/main.rs"]].concat();
        assert_eq!(file_faults(&with_test, &manifest).len(), 1);
    }

    #[test]
    fn a_readme_stands_by_itself() {
        let good = format!(
            "# gibbsian-x\n\n```rust\n```\n[a](https://b.c) [d](#e)\n{MAP}\n\n## Features, Rust, licence\n\nRust 1.89 or newer. MIT or Apache-2.0.\n"
        );
        assert_eq!(readme_faults("gibbsian-x", &good), Vec::<String>::new());
        assert_eq!(readme_faults("gibbsian-y", &good).len(), 1);
        for (from, to) in [
            (MAP, ""),
            ("1.89", "1.88"),
            ("MIT", "GPL"),
            ("https://b.c", "../core"),
            ("## Feat", "## Heat"),
        ] {
            assert_eq!(
                readme_faults("gibbsian-x", &good.replace(from, to)).len(),
                1,
                "{from}"
            );
        }
    }
}
