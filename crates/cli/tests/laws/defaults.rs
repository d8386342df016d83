//! What is printed of defaults is what they are: in cures, in the README and in the book.

use std::path::Path;

use toml::{Table, Value};

use crate::common::Place;

const KINDS: [&str; 4] = ["rbm", "dbm", "score", "energy"];

/// All keys of a kind with their defaults, as `section.key`, from what `new` prints: that these are the defaults is another test's.
fn defaults(place: &Place, kind: &str) -> Vec<(String, Value)> {
    let table: Table = toml::from_str(&place.run(&format!("new {kind}")).fine().out).unwrap();
    let sections = table.into_iter().filter_map(|(section, value)| match value {
        Value::Table(keys) => Some((section, keys)),
        _ => None,
    });
    sections
        .flat_map(|(section, keys)| {
            keys.into_iter()
                .map(move |(key, value)| (format!("{section}.{key}"), value))
        })
        .collect()
}

/// A value of TOML by its text.
fn value(text: &str) -> Option<Value> {
    let mut table: Table = toml::from_str(&format!("x = {text}")).ok()?;
    table.remove("x")
}

/// Whether both are the same, whole numbers of either type among them.
fn is_same(a: &Value, b: &Value) -> bool {
    let number = |v: &Value| v.as_float().or(v.as_integer().map(|i| i as f64));
    match (a, b) {
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| is_same(a, b))
        }
        _ => match (number(a), number(b)) {
            (Some(a), Some(b)) => a == b,
            _ => a == b,
        },
    }
}

/// The parts of a text between commas that are not inside of brackets.
fn parts(text: &str) -> Vec<String> {
    let (mut parts, mut depth) = (vec![String::new()], 0);
    for c in text.chars() {
        depth += i32::from(c == '[') - i32::from(c == ']');
        match c {
            ',' if depth == 0 => parts.push(String::new()),
            _ => parts.last_mut().unwrap().push(c),
        }
    }
    parts
        .iter()
        .map(|part| part.trim().trim_matches('`').to_owned())
        .collect()
}

#[test]
fn cures_name_the_defaults_of_the_kind() {
    let place = Place::new("cures");
    for kind in KINDS {
        let defaults = defaults(&place, kind);
        place.write("c.toml", place.run(&format!("new {kind}")).fine().out);
        let mut n_compared = 0;
        for (key, usual) in defaults.iter().filter(|(key, _)| !key.starts_with("data.")) {
            for wrong in ["-1", "0", "2"] {
                let answer = place.run(&format!("train @c.toml --out @run --quiet --set {key}={wrong}"));
                assert_eq!(answer.code, 2, "{key}={wrong}: {}", answer.err);
                let Some((_, cure)) = answer.err.split_once(&format!("cure: set {key} = ")) else {
                    continue;
                };
                let end = cure
                    .find([' ', ',', ';', ':', '\n'])
                    .filter(|_| !cure.starts_with('['))
                    .unwrap_or_else(|| cure.find(']').map_or(cure.len(), |end| end + 1));
                let told = value(&cure[..end]).unwrap_or_else(|| panic!("{kind}: {}", answer.err));
                assert!(
                    is_same(&told, usual),
                    "{kind}: {usual} is the default: {}",
                    answer.err
                );
                n_compared += 1;
            }
        }
        assert!(n_compared >= 10, "{kind}: {n_compared}");
    }
}

/// The rows of the tables of keys in a text: the section of the text that each is in, the keys with their own sections, and the defaults.
fn rows(text: &str) -> Vec<(String, Vec<String>, Vec<String>)> {
    let (mut place, mut rows) = (String::new(), Vec::new());
    for line in text.lines() {
        // Headings of the book, and what stands for them in the README.
        if line.starts_with('#') || line.starts_with("**`") {
            place = line.to_owned();
        }
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        if let ["", keys, defaults, _, ""] = cells[..]
            && keys.starts_with('`')
        {
            let mut section = if place.contains("[data]") { "data" } else { "" }.to_owned();
            let keys = parts(keys)
                .into_iter()
                .map(|key| match key.split_once('.') {
                    Some((of, _)) => {
                        section = of.to_owned();
                        key
                    }
                    None => format!("{section}.{key}"),
                })
                .collect();
            rows.push((place.clone(), keys, parts(defaults)));
        }
    }
    rows
}

#[test]
fn tables_of_defaults_are_true_and_complete() {
    let place = Place::new("tables");
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    for file in ["crates/cli/README.md", "book/src/command_line.md"] {
        let rows = rows(&std::fs::read_to_string(root.join(file)).unwrap());
        let mut n_compared = 0;
        for kind in KINDS {
            let defaults = defaults(&place, kind);
            let mut seen = Vec::new();
            for (of, keys, told) in &rows {
                let is_own =
                    of.starts_with(&format!("**`{kind}`**")) || of.contains(&format!("kind = \"{kind}\""));
                let is_general = !of.starts_with("**`") && !of.contains("kind = ");
                if !is_own && !is_general {
                    continue;
                }
                seen.extend(keys.iter().cloned());
                // Some defaults are words: found out, all, as for another kind.
                let values: Vec<Option<Value>> = told.iter().map(|told| value(told)).collect();
                let n_values = values.iter().flatten().count();
                assert!(
                    n_values == 0 || values.len() == keys.len(),
                    "{file}, {kind}: {keys:?}"
                );
                for (key, told) in keys.iter().zip(values) {
                    // What is printed of data fits the kind; the defaults of data are those that the first kind prints.
                    let usual = defaults.iter().find(|(name, _)| name == key);
                    if let (Some((_, usual)), Some(told)) = (usual, told)
                        && (is_own || kind == "rbm")
                    {
                        assert!(
                            is_same(&told, usual),
                            "{file}, {kind}, {key}: {told}, but {usual}"
                        );
                        n_compared += 1;
                    }
                }
            }
            // A deep machine has what a restricted one has, and its tables what differs.
            for (key, _) in defaults
                .iter()
                .filter(|(key, _)| kind != "dbm" && !key.starts_with("data."))
            {
                assert!(seen.contains(key), "{file}, {kind}: {key} is not explained");
            }
        }
        // Five of data, and of the kinds most of what they have.
        assert!(n_compared > 60, "{file}: {n_compared}");
    }
}
