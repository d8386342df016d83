//! How many crates the user of one of ours has to build.
//!
//! Counted are the crate itself, its normal and build dependencies with default features, and theirs: `cargo tree --edges normal,build`. The target is named, so that
//! the numbers are the same wherever they are counted.

use std::collections::BTreeSet;
use std::path::Path;

use crate::process;

/// Crates without linear algebra, and those that have it.
const SMALL: usize = 20;
const LARGE: usize = 70;

/// What each published crate may cost. The last two gather the others, which are 14 to 16 of the number themselves.
pub const BUDGETS: [(&str, usize); 18] = [
    ("gibbsian-core", SMALL),
    ("gibbsian-openblas-link", 1),
    ("gibbsian-checkpoint", SMALL),
    ("gibbsian-train", SMALL),
    ("gibbsian-data", SMALL),
    ("gibbsian-figure", SMALL),
    ("gibbsian-linalg", LARGE),
    ("gibbsian-grad", LARGE),
    ("gibbsian-nn", LARGE),
    ("gibbsian-densities", LARGE),
    ("gibbsian-classical", LARGE),
    ("gibbsian-objectives", LARGE),
    ("gibbsian-samplers", LARGE),
    ("gibbsian-partition", LARGE),
    ("gibbsian-sde", LARGE),
    ("gibbsian-metrics", LARGE),
    ("gibbsian", 95),
    ("gibbsian-cli", 130),
];

const TARGET: &str = "x86_64-unknown-linux-gnu";

/// What a crate costs and may cost.
pub struct Cost {
    name: &'static str,
    found: usize,
    budget: usize,
}

/// The costs of all published crates.
pub fn costs(root: &Path) -> Result<Vec<Cost>, String> {
    let cost = |&(name, budget)| {
        let mut tree = process::cargo(root);
        tree.args([
            "tree",
            "--edges",
            "normal,build",
            "--prefix",
            "none",
            "--target",
            TARGET,
        ]);
        tree.args(["--package", name]);
        let found = n_crates(&process::output(&mut tree)?);
        Ok(Cost { name, found, budget })
    };
    BUDGETS.iter().map(cost).collect()
}

/// Crates that cost more than they may.
pub fn faults(costs: &[Cost]) -> Vec<String> {
    costs
        .iter()
        .filter(|cost| cost.found > cost.budget)
        .map(|Cost { name, found, budget }| {
            format!("{name}: its user builds {found} crates, and at most {budget} are allowed")
        })
        .collect()
}

/// All costs, for the eye.
pub fn table(costs: &[Cost]) -> String {
    let width = costs.iter().map(|cost| cost.name.len()).max().unwrap_or(0);
    let rows = costs
        .iter()
        .map(|Cost { name, found, budget }| format!("  {name:width$}  {found:3} of {budget:3}"));
    let rows: Vec<String> = rows.collect();
    format!(
        "crates that the user of one crate builds, and their budgets:\n{}",
        rows.join("\n")
    )
}

/// The number of different packages in the lines of `cargo tree`: a name, a version, and remarks in brackets.
fn n_crates(tree: &str) -> usize {
    let packages: BTreeSet<(&str, &str)> = tree
        .lines()
        .filter_map(|line| {
            let mut words = line.split_whitespace();
            Some((words.next()?, words.next()?))
        })
        .collect();
    packages.len()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::fs;

    use super::super::manifest::parse;
    use super::*;

    #[test]
    fn every_published_crate_has_a_budget_and_no_other() {
        let crates = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates");
        let manifests = fs::read_dir(crates)
            .unwrap()
            .filter_map(|entry| fs::read_to_string(entry.unwrap().path().join("Cargo.toml")).ok())
            .map(|text| parse(&text, &BTreeMap::new()));
        let published: BTreeSet<String> = manifests
            .filter(|manifest| !manifest.is_unpublished)
            .map(|manifest| manifest.name)
            .collect();
        let named = BUDGETS.iter().map(|(name, _)| (*name).to_string());
        assert_eq!(published, named.collect());
    }

    #[test]
    fn a_package_counts_once_and_its_versions_each() {
        let tree = "a v0.1.0 (/somewhere/a)\nb v1.0.0\nb v2.0.0\nc v1.0.0 (proc-macro)\nc v1.0.0 (proc-macro) (*)\n\n";
        assert_eq!(n_crates(tree), 4);
    }

    #[test]
    fn what_costs_too_much_is_named() {
        let costs = [("a", 20), ("b", 21)].map(|(name, found)| Cost {
            name,
            found,
            budget: 20,
        });
        assert_eq!(
            faults(&costs),
            ["b: its user builds 21 crates, and at most 20 are allowed"]
        );
        assert!(table(&costs).contains("  b   21 of  20"));
    }
}
