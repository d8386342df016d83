//! A layer that is one of several kinds hands on every question, those with a provided answer too: the kind may have another.

/// The names of the methods of a trait, in its source.
fn methods<'s>(source: &'s str, name: &str) -> Vec<&'s str> {
    let head = format!("pub trait {name}:");
    let from = source.find(&head).unwrap_or_else(|| panic!("no trait {name}"));
    let body = &source[from..];
    let end = body.find("\n}").expect("a trait has an end");
    body[..end]
        .lines()
        .filter_map(|line| line.strip_prefix("    fn "))
        .map(|line| &line[..line.find('(').expect("a method has arguments")])
        .collect()
}

#[test]
fn layers_of_one_of_several_kinds_forward_every_method() {
    let read =
        |path: &str| std::fs::read_to_string(format!("{}/{path}", env!("CARGO_MANIFEST_DIR"))).unwrap();
    let traits = read("../core/src/units.rs");
    let found = methods(&traits, "Units");
    assert!(
        found.contains(&"tails") && found.contains(&"log_law"),
        "{found:?}"
    );
    for (file, names) in [
        ("src/dbm/layer.rs", &["Units", "FiniteUnits"][..]),
        ("src/units/layer.rs", &["Units", "FiniteUnits", "ResponsiveUnits"]),
    ] {
        let source = read(file);
        for name in names {
            for method in methods(&traits, name) {
                assert!(
                    source.contains(&format!("fn {method}(")),
                    "{file} does not forward {name}::{method}"
                );
            }
        }
    }
}
