//! Rules about one file: its length, stubs, printing, `unsafe`, and the paths of one machine.

use super::source::Source;

/// Files past this length say why.
const LONGEST: usize = 400;
const REASON: &str = "reason for length:";

/// What stands where something is missing.
const MARKS: [&str; 4] = ["TODO", "FIXME", "HACK", "PLACEHOLDER"];

/// Where `unsafe` may be, by the start of the path: code behind run-time detection, foreign functions, an allocator that counts.
const UNSAFE_PLACES: [&str; 4] = [
    "crates/core/src/simd",
    "crates/linalg/src/kernels",
    "crates/openblas-link/src/threads.rs",
    // The trait of allocators is unsafe, and nothing else measures what a reader allocates.
    "crates/data/tests/memory.rs",
];

/// Every fault of a file, given its path from the root.
pub fn faults(path: &str, text: &str) -> Vec<String> {
    let mut faults = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        if let Some(folder) = machine_path(line) {
            faults.push(format!("{path}:{number}: a path of one machine ({folder})"));
        }
    }
    if path.ends_with(".rs") {
        rust(path, text, &mut faults);
    }
    if path.ends_with(".toml") {
        marks(path, text, &mut faults);
    }
    faults
}

fn rust(path: &str, text: &str, faults: &mut Vec<String>) {
    let source = Source::new(text);
    let n_lines = text.lines().count();
    if n_lines > LONGEST && !source.comments.contains(REASON) {
        faults.push(format!(
            "{path}: {n_lines} lines; split it, or say `{REASON}` in a comment"
        ));
    }
    for (number, line) in (1..).zip(source.code.lines()) {
        let mut fault = |what: &str| faults.push(format!("{path}:{number}: {what}"));
        for name in ["todo", "unimplemented"] {
            if has_macro(line, name) {
                fault(&format!("`{name}!`"));
            }
        }
        if is_library(path) {
            for name in ["print", "println", "eprint", "eprintln", "dbg"] {
                if has_macro(line, name) {
                    fault(&format!("`{name}!` in a library"));
                }
            }
        }
        if has_word(line, "unsafe") && !may_be_unsafe(path) {
            fault("`unsafe` outside the kernel modules");
        }
    }
    for number in ignored_tests(&source.code) {
        faults.push(format!("{path}:{number}: an ignored test"));
    }
    marks(path, &source.comments, faults);
    // `deny` counts too: `ndarray`'s `s!` expands to an `allow`, which a `forbid` turns into an error.
    let code = source.code.replace(' ', "");
    let forbids = code.contains("#![forbid(unsafe_code)]") || code.contains("#![deny(unsafe_code)]");
    if let Some(package) = path.strip_suffix("/src/lib.rs")
        && !forbids
        && !UNSAFE_PLACES
            .iter()
            .any(|place| place.starts_with(&format!("{package}/src/")))
    {
        faults.push(format!(
            "{path}: a library without `unsafe` says `#![forbid(unsafe_code)]` or `deny`"
        ));
    }
}

/// The lines of the attributes by which a test is left out, always or under a condition; an attribute may take several lines.
fn ignored_tests(code: &str) -> Vec<usize> {
    let ignores = |(start, _): &(usize, &str)| {
        let Some(attribute) = code[start + 1..].trim_start().strip_prefix('[') else {
            return false;
        };
        let mut depth = 1;
        let end = attribute.find(|c| {
            depth += i32::from(c == '[') - i32::from(c == ']');
            depth == 0
        });
        let attribute = attribute[..end.unwrap_or(attribute.len())].trim();
        let name = attribute.split(|c| !is_name(c)).next().unwrap_or_default();
        name == "ignore" || (name == "cfg_attr" && has_word(attribute, "ignore"))
    };
    let line = |(start, _)| 1 + code[..start].matches('\n').count();
    code.match_indices('#').filter(ignores).map(line).collect()
}

/// Marks that somebody meant to come back.
fn marks(path: &str, text: &str, faults: &mut Vec<String>) {
    for (number, line) in (1..).zip(text.lines()) {
        for word in MARKS {
            if has_word(line, word) {
                faults.push(format!("{path}:{number}: {word}"));
            }
        }
    }
}

/// Library sources; programs, build scripts, tests, examples and benches may print.
fn is_library(path: &str) -> bool {
    path.starts_with("crates/")
        && path.contains("/src/")
        && !path.ends_with("/main.rs")
        && !path.contains("/src/bin/")
}

/// A place is a file, or a module with everything below its folder; `simd_notes.rs` is not in `simd`.
fn may_be_unsafe(path: &str) -> bool {
    UNSAFE_PLACES.iter().any(|place| {
        path.strip_prefix(place)
            .is_some_and(|rest| rest.is_empty() || rest == ".rs" || rest.starts_with('/'))
    })
}

fn is_name(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Whether a word stands in a line, with no letter of a name before or after it; the answer is where each ends.
fn word_ends<'a>(line: &'a str, word: &'a str) -> impl Iterator<Item = usize> + 'a {
    line.match_indices(word)
        .map(move |(start, _)| (start, start + word.len()))
        .filter_map(move |(start, end)| {
            let is_apart = !line[..start].ends_with(is_name) && !line[end..].starts_with(is_name);
            is_apart.then_some(end)
        })
}

fn has_word(line: &str, word: &str) -> bool {
    word_ends(line, word).next().is_some()
}

fn has_macro(line: &str, name: &str) -> bool {
    word_ends(line, name)
        .any(|end| line[end..].trim_start().starts_with('!') && !line[end..].trim_start().starts_with("!="))
}

/// The first absolute path in a line that exists on somebody's machine only.
fn machine_path(line: &str) -> Option<String> {
    // The folders are named without their slashes, so that this file passes its own rule.
    ["work", "root", "home", "Users", "tmp"]
        .map(|name| format!("/{name}/"))
        .into_iter()
        .find(|folder| {
            line.match_indices(folder.as_str()).any(|(start, _)| {
                // After a name, a dot or another slash it is the middle of a longer path or of an address.
                let before = line[..start].chars().next_back();
                !before.is_some_and(|c| is_name(c) || "./~-})>*".contains(c))
            })
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "#![forbid(unsafe_code)]\n";

    #[test]
    fn stubs_are_found_in_code_only() {
        let faults = faults(
            "crates/a/src/b.rs",
            "fn f() { todo!() }\nfn g() { unimplemented !(\"\") }\n#[ ignore = \"slow\" ]\nlet s = \"todo!()\"; // todo!()\n#[cfg_attr(not(unix), ignore)]\n",
        );
        assert_eq!(
            faults,
            [
                "crates/a/src/b.rs:1: `todo!`",
                "crates/a/src/b.rs:2: `unimplemented!`",
                "crates/a/src/b.rs:3: an ignored test",
                "crates/a/src/b.rs:5: an ignored test"
            ]
        );
    }

    #[test]
    fn tests_that_are_ignored_under_a_condition_are_found() {
        for text in [
            "#[cfg_attr(miri, ignore)]\n",
            "#[cfg_attr(not(a), ignore = \"slow\")]\n",
            "#[cfg_attr(\n    not(all(a, b)),\n    ignore = \"]\"\n)]\n",
            "#[test] #[ignore]\n",
        ] {
            assert_eq!(
                faults("crates/a/tests/b.rs", text),
                ["crates/a/tests/b.rs:1: an ignored test"],
                "{text}"
            );
        }
        for text in [
            "#[cfg_attr(a, derive(Debug))]\nfn ignore() {}\n",
            "#[cfg_attr(feature = \"ignore\", must_use)]\n",
            "let ignore = r#\"#[ignore]\"#;\n",
        ] {
            assert_eq!(
                faults("crates/a/tests/b.rs", text),
                Vec::<String>::new(),
                "{text}"
            );
        }
    }

    #[test]
    fn libraries_do_not_print_and_programs_may() {
        let line = "fn f() { println!(\"x\"); writeln!(w, \"x\"); let println = 1; if print != 2 {} }\n";
        assert_eq!(
            faults("crates/a/src/b.rs", line),
            ["crates/a/src/b.rs:1: `println!` in a library"]
        );
        for path in [
            "crates/a/src/main.rs",
            "crates/a/src/bin/b.rs",
            "crates/a/tests/b.rs",
            "xtask/src/b.rs",
            "crates/a/build.rs",
        ] {
            assert_eq!(faults(path, line), Vec::<String>::new(), "{path}");
        }
    }

    #[test]
    fn unsafe_has_its_places() {
        let line = "// SAFETY: checked.\nunsafe { f() }\n";
        for path in [
            "crates/core/src/simd/lanes.rs",
            "crates/core/src/simd.rs",
            "crates/linalg/src/kernels/mod.rs",
            "crates/openblas-link/src/threads.rs",
        ] {
            assert_eq!(faults(path, line), Vec::<String>::new(), "{path}");
        }
        for path in [
            "crates/core/src/math.rs",
            "crates/core/src/simd_notes.rs",
            "crates/rbm/src/simd/a.rs",
        ] {
            assert_eq!(
                faults(path, line),
                [format!("{path}:2: `unsafe` outside the kernel modules")]
            );
        }
        // The lints' names contain the word and are not it.
        assert_eq!(
            faults(
                "crates/a/src/b.rs",
                "#![deny(unsafe_code, unsafe_op_in_unsafe_fn)]\n"
            ),
            Vec::<String>::new()
        );
    }

    #[test]
    fn libraries_forbid_unsafe_unless_they_have_a_place_for_it() {
        assert_eq!(faults("crates/a/src/lib.rs", HEAD), Vec::<String>::new());
        assert_eq!(
            faults("crates/a/src/lib.rs", "// #![forbid(unsafe_code)]\n").len(),
            1
        );
        assert_eq!(faults("crates/core/src/lib.rs", ""), Vec::<String>::new());
    }

    #[test]
    fn long_files_give_a_reason() {
        let long = "fn f() {}\n".repeat(LONGEST + 1);
        assert_eq!(faults("xtask/src/a.rs", &long).len(), 1);
        assert_eq!(faults("xtask/src/a.rs", &long[10..]), Vec::<String>::new());
        assert_eq!(
            faults("xtask/src/a.rs", &format!("// {REASON} one table.\n{long}")),
            Vec::<String>::new()
        );
    }

    #[test]
    fn paths_of_one_machine_are_found_in_any_text() {
        let path = |name: &str| format!("/{name}/somebody/data");
        for name in ["work", "root", "home", "Users", "tmp"] {
            assert_eq!(
                faults("README.md", &format!("see `{}`\n", path(name))).len(),
                1,
                "{name}"
            );
            for prefix in ["https://example.org", "~", "..", "$DIR", "a"] {
                assert_eq!(
                    faults("README.md", &format!("see {prefix}{}", path(name))),
                    Vec::<String>::new(),
                    "{prefix}"
                );
            }
        }
    }

    #[test]
    fn marks_of_unfinished_work_are_found_in_comments_and_manifests() {
        // Built from parts, so that this file passes its own rule however it is read.
        let mark = ["TO", "DO"].concat();
        assert_eq!(faults("xtask/src/a.rs", &format!("// {mark}: later\n")).len(), 1);
        assert_eq!(
            faults("xtask/src/a.rs", &format!("let s = \"{mark}\"; // {mark}S\n")),
            Vec::<String>::new()
        );
    }
}
