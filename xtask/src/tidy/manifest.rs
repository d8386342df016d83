//! Reads what the rules need from a `Cargo.toml`.
//!
//! The few forms of TOML that manifests use are read line by line. `cargo metadata` would say the same in JSON, which is more
//! to parse and needs the whole dependency graph to resolve.

use std::collections::BTreeMap;

/// What a manifest says about its package.
#[derive(Debug, Default, PartialEq)]
pub struct Manifest {
    /// Its name.
    pub name: String,
    /// Whether it stays off the registry.
    pub is_unpublished: bool,
    /// Whether it takes the workspace's lints.
    pub inherits_lints: bool,
    /// Whether its library is not compiled for tests of its own.
    pub skips_unit_tests: bool,
    /// Everything it depends on, of this workspace and of others.
    pub dependencies: Vec<Dependency>,
}

/// One dependency of a package.
#[derive(Debug, PartialEq)]
pub struct Dependency {
    /// The package's name, whatever it is called in the code.
    pub package: String,
    /// What it is needed for.
    pub kind: Kind,
}

/// What a dependency is needed for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    /// For the library or the program, or for its build script.
    Normal,
    /// For tests, examples and benches.
    Dev,
}

/// Names in `[workspace.dependencies]` that stand for a package of another name.
pub fn aliases(text: &str) -> BTreeMap<String, String> {
    let mut aliases = BTreeMap::new();
    let mut section = String::new();
    for line in logical_lines(text) {
        if let Some(header) = header(&line) {
            section = header;
        } else if section == "workspace.dependencies"
            && let Some((key, value)) = entry(&line)
            && let Some(package) = package_in(&value)
        {
            aliases.insert(key, package);
        }
    }
    aliases
}

/// Reads a manifest, with the aliases of its workspace.
pub fn parse(text: &str, aliases: &BTreeMap<String, String>) -> Manifest {
    let mut manifest = Manifest::default();
    let mut section = String::new();
    for line in logical_lines(text) {
        if let Some(header) = header(&line) {
            // `[dependencies.name]` declares a dependency by its header alone.
            if let Some((table, name)) = header.rsplit_once('.')
                && let Some(kind) = kind(table)
            {
                let package = aliases.get(name).map_or(name, String::as_str).to_string();
                manifest.dependencies.push(Dependency { package, kind });
            }
            section = header;
            continue;
        }
        let Some((key, value)) = entry(&line) else {
            continue;
        };
        match (section.as_str(), key.as_str()) {
            ("package", "name") => manifest.name = unquoted(&value).into(),
            ("package", "publish") => manifest.is_unpublished = value == "false",
            ("lib", "test") => manifest.skips_unit_tests = value == "false",
            ("lints", "workspace") => manifest.inherits_lints = value == "true",
            (table, _) => {
                if let Some(kind) = kind(table) {
                    // `name.workspace = true` and `name = { … }` both begin with the name.
                    let name = unquoted(key.split('.').next().unwrap_or(&key));
                    let package = package_in(&value)
                        .or_else(|| aliases.get(name).cloned())
                        .unwrap_or_else(|| name.to_string());
                    manifest.dependencies.push(Dependency { package, kind });
                } else if let Some((table, _)) = table.rsplit_once('.')
                    && self::kind(table).is_some()
                    && key == "package"
                    && let Some(last) = manifest.dependencies.last_mut()
                {
                    last.package = unquoted(&value).into();
                }
            }
        }
    }
    manifest
}

/// What kind of dependencies a table holds, if it holds any; a table of one target is like the table of all.
fn kind(table: &str) -> Option<Kind> {
    let last = table.rsplit_once('.').map_or(table, |(prefix, last)| {
        if prefix.starts_with("target.") {
            last
        } else {
            table
        }
    });
    match last {
        "dependencies" | "build-dependencies" => Some(Kind::Normal),
        "dev-dependencies" => Some(Kind::Dev),
        _ => None,
    }
}

/// Lines without comments, with brackets that stay open joined to what closes them.
fn logical_lines(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut depth = 0_i32;
    for line in text.lines() {
        let mut kept = String::new();
        let mut quote = None;
        let mut change = 0;
        for c in line.chars() {
            match (quote, c) {
                (None, '#') => break,
                (None, '"' | '\'') => quote = Some(c),
                (Some(open), _) if c == open => quote = None,
                (None, '[' | '{') => change += 1,
                (None, ']' | '}') => change -= 1,
                _ => {}
            }
            kept.push(c);
        }
        match lines.last_mut() {
            Some(last) if depth > 0 => last.push_str(kept.trim()),
            _ => lines.push(kept.trim().to_string()),
        }
        depth += change;
    }
    lines
}

/// The name in `[name]`, without quotes around its parts.
fn header(line: &str) -> Option<String> {
    let name = line.strip_prefix('[')?.strip_suffix(']')?;
    Some(name.trim_matches(['[', ']', ' ']).replace('"', ""))
}

fn entry(line: &str) -> Option<(String, String)> {
    let (key, value) = line.split_once('=')?;
    Some((key.trim().to_string(), value.trim().to_string()))
}

/// The package named in `{ package = "name", … }`.
fn package_in(value: &str) -> Option<String> {
    let inside = value.strip_prefix('{')?;
    let (_, rest) = inside.split_once("package")?;
    let rest = rest
        .trim_start()
        .strip_prefix('=')?
        .trim_start()
        .strip_prefix('"')?;
    rest.split_once('"').map(|(package, _)| package.to_string())
}

fn unquoted(text: &str) -> &str {
    text.trim_matches('"')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_of_the_workspace_stands_for_its_package() {
        let aliases = aliases(
            "[workspace.dependencies]\nrbm = { package = \"gibbsian-classical\", path = \"x\" }\nrand = \"1\"",
        );
        let manifest = parse(
            "[dependencies]\nrbm = { workspace = true }\nrand.workspace = true",
            &aliases,
        );
        let packages: Vec<&str> = manifest.dependencies.iter().map(|d| d.package.as_str()).collect();
        assert_eq!(packages, ["gibbsian-classical", "rand"]);
    }

    #[test]
    fn a_library_may_go_without_tests_of_its_own() {
        let parse = |text| parse(text, &BTreeMap::new());
        assert!(parse("[lib]\ntest = false").skips_unit_tests);
        assert!(!parse("[lib]\n[package]\nname = \"a\"").skips_unit_tests);
    }

    #[test]
    fn brackets_may_stay_open_and_comments_may_hold_some() {
        let lines = logical_lines("a = [ # [\n  \"]#\", # }\n]\nb = 1");
        assert_eq!(lines, ["a = [\"]#\",]", "b = 1"]);
    }
}
