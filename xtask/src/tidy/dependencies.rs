//! Which crate may depend on which.
//!
//! A library uses what the table of crates in `docs/architecture.md` says of it and nothing else: the table is read, so that it cannot be wrong. Siblings
//! that cannot see each other meet only at core's traits: a sampler cannot know what an RBM is. The facade and the command line
//! gather the libraries, the experiments and the benches use anything, `testkit` is for tests only, and `xtask` uses nothing.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use super::manifest::{Dependency, Kind, Manifest, aliases, parse};

/// Every fault of the workspace's manifests.
pub fn faults(root: &Path) -> Result<Vec<String>, String> {
    let read = |path: &Path| {
        fs::read_to_string(path).map_err(|reason| format!("cannot read {}: {reason}", path.display()))
    };
    let aliases = aliases(&read(&root.join("Cargo.toml"))?);
    let mut folders = vec![root.join("xtask"), root.join("benches")];
    let crates = root.join("crates");
    let entries =
        fs::read_dir(&crates).map_err(|reason| format!("cannot read {}: {reason}", crates.display()))?;
    for entry in entries {
        let entry = entry.map_err(|reason| format!("cannot read {}: {reason}", crates.display()))?;
        folders.push(entry.path());
    }
    let mut manifests = Vec::new();
    for folder in folders {
        let path = folder.join("Cargo.toml");
        if path.is_file() {
            manifests.push(parse(&read(&path)?, &aliases));
        }
    }
    manifests.sort_by(|a, b| a.name.cmp(&b.name));
    let table = Table::read(&read(&root.join("docs/architecture.md"))?);
    Ok(judge(&manifests, &table))
}

/// What each library may use, by the table whose rows are `| name | what is in it | may depend on |`, names of the last column without the project.
struct Table(BTreeMap<String, Vec<String>>);

impl Table {
    fn read(text: &str) -> Self {
        let row = |line: &str| {
            let [_, name, _, uses, _] = line.split('|').map(str::trim).collect::<Vec<_>>()[..] else {
                return None;
            };
            let uses = uses.split(", ").map(|used| format!("gibbsian-{used}"));
            Some((name.trim_matches('`').to_string(), uses.collect()))
        };
        let lines = text
            .lines()
            .skip_while(|line| !line.ends_with("| may depend on |"))
            .take_while(|line| line.starts_with('|'));
        Table(lines.filter_map(row).collect())
    }

    fn allows(&self, name: &str, package: &str) -> bool {
        self.0
            .get(name)
            .is_some_and(|uses| uses.iter().any(|used| used == package))
    }
}

/// Every breach of the rules by a set of packages.
fn judge(manifests: &[Manifest], table: &Table) -> Vec<String> {
    let mut faults = Vec::new();
    for manifest in manifests {
        let name = manifest.name.as_str();
        let role = Role::of(name);
        if !manifest.inherits_lints {
            faults.push(format!(
                "{name}: the manifest must say `[lints] workspace = true`"
            ));
        }
        if matches!(role, Role::Testkit | Role::Experiments | Role::Task) && !manifest.is_unpublished {
            faults.push(format!("{name}: the manifest must say `publish = false`"));
        }
        for Dependency { package, kind } in &manifest.dependencies {
            let is_ours = manifests.iter().any(|m| m.name == *package);
            let may = match role {
                Role::Task => false,
                // A crate's tests may switch on what it can do beside its defaults.
                _ if package == name => *kind == Kind::Dev,
                _ if !is_ours => true,
                Role::Library if Role::of(package) != Role::Testkit => table.allows(name, package),
                _ => role.may_use(package, *kind),
            };
            if !may {
                let how = if *kind == Kind::Dev { "in its tests " } else { "" };
                faults.push(format!("{name}: must not depend {how}on {package}"));
            }
        }
    }
    faults
}

/// What a package is for, which decides what it may use.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Role {
    Core,
    Linalg,
    Checkpoint,
    Link,
    Library,
    Testkit,
    Facade,
    CommandLine,
    Experiments,
    Task,
}

impl Role {
    fn of(name: &str) -> Self {
        match name {
            "gibbsian-core" => Role::Core,
            "gibbsian-linalg" => Role::Linalg,
            "gibbsian-checkpoint" => Role::Checkpoint,
            "gibbsian-openblas-link" => Role::Link,
            "gibbsian-testkit" => Role::Testkit,
            "gibbsian" => Role::Facade,
            "gibbsian-cli" => Role::CommandLine,
            "gibbsian-repro" | "gibbsian-benches" => Role::Experiments,
            "xtask" => Role::Task,
            _ => Role::Library,
        }
    }

    /// Whether a package of this role may use another package of the workspace.
    fn may_use(self, package: &str, kind: Kind) -> bool {
        let used = Role::of(package);
        let is_library = matches!(used, Role::Core | Role::Linalg | Role::Checkpoint | Role::Library);
        // Nobody builds on the programs or on the experiments, and what is for tests stays in tests.
        if used == Role::Testkit {
            return kind == Kind::Dev || self == Role::Experiments;
        }
        match self {
            Role::Core | Role::Link | Role::Task => false,
            Role::Linalg => matches!(used, Role::Core | Role::Link),
            Role::Checkpoint | Role::Testkit => used == Role::Core,
            // The table says.
            Role::Library => false,
            Role::Facade => is_library,
            Role::CommandLine => is_library || used == Role::Facade,
            Role::Experiments => is_library || matches!(used, Role::Facade | Role::CommandLine | Role::Link),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        Table::read(include_str!("../../../docs/architecture.md"))
    }

    /// A manifest with these lines after a sound beginning.
    fn manifest(name: &str, lines: &str) -> Manifest {
        let text =
            format!("[package]\nname = \"{name}\"\npublish = false\n[lints]\nworkspace = true\n{lines}");
        parse(&text, &BTreeMap::new())
    }

    /// The faults of a package beside some others that have none.
    fn faults_of(name: &str, lines: &str) -> Vec<String> {
        let mut manifests = vec![manifest(name, lines)];
        for other in [
            "core",
            "linalg",
            "checkpoint",
            "openblas-link",
            "grad",
            "samplers",
            "classical",
            "testkit",
            "cli",
            "repro",
        ] {
            let other = format!("gibbsian-{other}");
            if other != name {
                manifests.push(manifest(&other, ""));
            }
        }
        manifests.push(manifest("gibbsian", ""));
        judge(&manifests, &table())
    }

    #[test]
    fn the_workspace_keeps_its_rules() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        assert_eq!(faults(&root).unwrap(), Vec::<String>::new());
    }

    #[test]
    fn siblings_do_not_depend_on_each_other_however_it_is_written() {
        let fault = ["gibbsian-samplers: must not depend on gibbsian-classical"];
        for lines in [
            "[dependencies]\ngibbsian-classical = { workspace = true }",
            "[dependencies]\ngibbsian-classical.workspace = true",
            "[dependencies]\n\"gibbsian-classical\" = \"0.1\"",
            "[dependencies]\nrbm = { package = \"gibbsian-classical\", path = \"../classical\" }",
            "[dependencies.gibbsian-classical]\nworkspace = true",
            "[dependencies.rbm]\npath = \"../classical\"\npackage = \"gibbsian-classical\"",
            "[build-dependencies]\ngibbsian-classical = \"0.1\"",
            "[target.'cfg(unix)'.dependencies]\ngibbsian-classical = \"0.1\"",
            "[target.'cfg(target_os = \"linux\")'.dependencies]\ngibbsian-classical = \"0.1\"",
            "[dependencies]\nx = { version = \"1\", features = [ # [\n  \"a\",\n] }\ngibbsian-classical = \"0.1\"",
        ] {
            assert_eq!(faults_of("gibbsian-samplers", lines), fault, "{lines}");
        }
        assert_eq!(
            faults_of(
                "gibbsian-samplers",
                "[dev-dependencies]\ngibbsian-classical = \"0.1\""
            ),
            ["gibbsian-samplers: must not depend in its tests on gibbsian-classical"]
        );
    }

    #[test]
    fn the_table_and_foreign_crates_are_for_libraries() {
        let lines = "[dependencies]\ngibbsian-core = \"0.1\"\ngibbsian-linalg = \"0.1\"\ngibbsian-checkpoint = \"0.1\"\nndarray = \"1\"\n\
                     [dev-dependencies]\ngibbsian-testkit = \"0.1\"\n[features]\nlapack = [\"gibbsian-classical/x\"]";
        assert_eq!(faults_of("gibbsian-samplers", lines), Vec::<String>::new());
        assert_eq!(
            faults_of("gibbsian-nn", "[dependencies]\ngibbsian-grad = \"0.1\""),
            Vec::<String>::new()
        );
        for (name, lines) in [
            ("gibbsian-sde", "[dependencies]\ngibbsian-grad = \"0.1\""),
            (
                "gibbsian-metrics",
                "[dependencies]\ngibbsian-checkpoint = \"0.1\"",
            ),
            ("gibbsian-train", "[dev-dependencies]\ngibbsian-linalg = \"0.1\""),
            // One that the table does not have.
            ("gibbsian-new", "[dependencies]\ngibbsian-core = \"0.1\""),
        ] {
            assert_eq!(faults_of(name, lines).len(), 1, "{name}");
        }
        // Nobody finds an empty table.
        assert_eq!(table().0["gibbsian-samplers"].len(), 3);
    }

    #[test]
    fn what_the_table_allows_a_library_is_used() {
        let crates = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates");
        for (name, uses) in table().0 {
            let folder = crates.join(name.trim_start_matches("gibbsian-"));
            let Ok(text) = fs::read_to_string(folder.join("Cargo.toml")) else {
                continue;
            };
            let manifest = parse(&text, &BTreeMap::new());
            for package in uses.iter().filter(|package| !package.contains(' ')) {
                let is_used = |d: &Dependency| d.package == *package && d.kind != Kind::Dev;
                let is_used = manifest.dependencies.iter().any(is_used);
                assert!(
                    is_used || package == "gibbsian-anything",
                    "{name} does not use {package}"
                );
            }
        }
    }

    #[test]
    fn a_crate_may_name_itself_for_its_tests_only() {
        let itself = "gibbsian-samplers = { path = \".\", features = [\"x\"] }";
        assert_eq!(
            faults_of("gibbsian-samplers", &format!("[dev-dependencies]\n{itself}")),
            Vec::<String>::new()
        );
        assert_eq!(
            faults_of("gibbsian-samplers", &format!("[dependencies]\n{itself}")).len(),
            1
        );
    }

    #[test]
    fn each_role_has_its_limits() {
        let uses = |name: &str, package: &str| {
            faults_of(name, &format!("[dependencies]\n{package} = \"0.1\"")).len()
        };
        for (name, package, n_faults) in [
            ("gibbsian-core", "gibbsian-linalg", 1),
            ("gibbsian-linalg", "gibbsian-core", 0),
            ("gibbsian-linalg", "gibbsian-openblas-link", 0),
            ("gibbsian-linalg", "gibbsian-samplers", 1),
            ("gibbsian-checkpoint", "gibbsian-core", 0),
            ("gibbsian-checkpoint", "gibbsian-samplers", 1),
            ("gibbsian-samplers", "gibbsian-testkit", 1),
            ("gibbsian-samplers", "gibbsian-openblas-link", 1),
            ("gibbsian-testkit", "gibbsian-linalg", 1),
            ("gibbsian-testkit", "gibbsian-core", 0),
            ("gibbsian", "gibbsian-samplers", 0),
            ("gibbsian", "gibbsian-testkit", 1),
            ("gibbsian", "gibbsian-repro", 1),
            ("gibbsian-cli", "gibbsian", 0),
            ("gibbsian-cli", "gibbsian-repro", 1),
            ("gibbsian-repro", "gibbsian-classical", 0),
            ("gibbsian-benches", "gibbsian-classical", 0),
            ("xtask", "serde", 1),
            ("xtask", "gibbsian-core", 1),
        ] {
            assert_eq!(uses(name, package), n_faults, "{name} uses {package}");
        }
    }

    #[test]
    fn lints_are_inherited_and_tools_stay_unpublished() {
        let bare = parse("[package]\nname = \"gibbsian-repro\"", &BTreeMap::new());
        assert_eq!(
            judge(&[bare], &table()),
            [
                "gibbsian-repro: the manifest must say `[lints] workspace = true`",
                "gibbsian-repro: the manifest must say `publish = false`"
            ]
        );
    }
}
