//! The lists: experiments whose declarations can decide something, and weights that are what their list says.
//!
//! Beside the library and not in it: a test there that names the list of experiments has all of them compiled once more.

use gibbsian_core::Record;
use gibbsian_repro::models::{committed, folder, listed};
use gibbsian_repro::registry::EXPERIMENTS;
use gibbsian_repro::soundness;

#[test]
fn every_declaration_is_sound() {
    assert_eq!(soundness::faults(EXPERIMENTS), Vec::<String>::new());
}

#[test]
fn every_file_of_weights_is_listed_and_what_the_list_says() {
    let listed = listed().unwrap();
    let mut expected: Vec<String> = listed.iter().map(|l| format!("{}.safetensors", l.name)).collect();
    expected.extend(["README.md".into(), "models.json".into()]);
    expected.sort();
    let mut found = Vec::new();
    let mut bytes = 0;
    for entry in std::fs::read_dir(folder()).unwrap() {
        let entry = entry.unwrap();
        bytes += entry.metadata().unwrap().len();
        found.push(entry.file_name().into_string().unwrap());
    }
    found.sort();
    assert_eq!(found, expected);
    assert!(bytes <= 10_000_000, "{bytes} bytes");
    for listed in &listed {
        assert_ne!(committed(&listed.name).unwrap(), Record::new(), "{}", listed.name);
        assert!(["tiles", "lists"].contains(&&*listed.arithmetic));
        assert!(EXPERIMENTS.iter().any(|e| e.id == listed.experiment));
    }
    assert!(committed("nothing").unwrap_err().to_string().contains("nothing"));
}
