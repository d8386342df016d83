//! The figures of the book: each has a program that draws it and is what that program draws, can be read by any reader of XML, and says what its axes are.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

#[path = "../../examples/book_figures/main.rs"]
#[expect(dead_code, reason = "its `main` writes files")]
mod book_figures;

/// Networks and fused machines compute in single precision, whose sums round differently on other processors, and training amplifies it: their curves may be elsewhere, their words may not.
const SINGLE_PRECISION: [&str; 4] = ["rbm_training", "neural_energy", "learnt_score", "schedules"];
/// How far a number of another figure may be off, in pixels of the drawing.
const PIXELS: f64 = 0.5;

fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../book/src")
}

fn names(extension: &str) -> BTreeSet<String> {
    let files = fs::read_dir(source().join("figures")).expect("the folder of figures");
    (files.map(|entry| entry.expect("a file").path()))
        .filter(|path| path.extension().is_some_and(|e| e == extension))
        .map(|path| path.file_stem().expect("a name").to_string_lossy().into_owned())
        .collect()
}

fn kept(name: &str) -> String {
    fs::read_to_string(source().join(format!("figures/{name}.svg"))).expect("a figure of the book")
}

/// A drawing without its embedded pictures, whose compression is no part of what is seen.
fn without_pictures(svg: &str) -> String {
    let mut parts = svg.split("data:image/png;base64,");
    let mut out = parts.next().unwrap_or_default().to_owned();
    for rest in parts {
        out.push_str(&rest[rest.find('"').expect("the end of a picture")..]);
    }
    out
}

/// A drawing with `#` for every number, and the numbers.
fn words_and_numbers(svg: &str) -> (String, Vec<f64>) {
    let (mut words, mut numbers) = (String::new(), Vec::new());
    let mut rest = svg;
    while let Some(first) = rest.chars().next() {
        let sign = usize::from(first == '-');
        let digits = rest[sign..].find(|c: char| !c.is_ascii_digit() && c != '.');
        let end = sign + digits.unwrap_or(rest.len() - sign);
        match rest[..end].parse() {
            Ok(number) => {
                words.push('#');
                numbers.push(number);
                rest = &rest[end..];
            }
            Err(_) => {
                words.push(first);
                rest = &rest[first.len_utf8()..];
            }
        }
    }
    (words, numbers)
}

/// The texts of a drawing that are no numbers, and whether each stands upright.
fn captions(svg: &str) -> Vec<(bool, String)> {
    let texts = svg.split("<text ").skip(1);
    let texts = texts.map(|text| text.split_once('>').expect("the end of a tag"));
    texts
        .map(|(tag, rest)| {
            (
                tag.contains("rotate("),
                rest[..rest.find('<').expect("a tag")].to_owned(),
            )
        })
        .filter(|(_, caption)| caption.chars().any(|c| c.is_alphabetic() || c == '⟨'))
        .collect()
}

fn is_what_the_example_draws(name: &str) {
    let (_, draw) = (book_figures::FIGURES.iter())
        .find(|(known, _)| *known == name)
        .expect("a figure of the example");
    let (drawn, _) = draw().expect("a plot").render().expect("a drawing");
    let (drawn, kept) = (without_pictures(&drawn), without_pictures(&kept(name)));
    let command = format!("`cargo run --release -p gibbsian --example book_figures {name}` draws it anew");
    assert_eq!(captions(&drawn), captions(&kept), "{name}: {command}");
    if SINGLE_PRECISION.contains(&name) {
        return;
    }
    let ((words, numbers), (words_kept, numbers_kept)) =
        (words_and_numbers(&drawn), words_and_numbers(&kept));
    assert!(words == words_kept, "{name} has other parts: {command}");
    let furthest = (numbers.iter().zip(&numbers_kept)).fold(0.0, |d: f64, (a, b)| d.max((a - b).abs()));
    assert!(furthest <= PIXELS, "{name} is off by {furthest}: {command}");
}

/// One test a figure, and the list of their names.
macro_rules! figures {
    ($($name:ident),* $(,)?) => {
        const NAMES: &[&str] = &[$(stringify!($name)),*];

        mod drawn {
            $(
                #[test]
                fn $name() {
                    super::is_what_the_example_draws(stringify!($name));
                }
            )*
        }
    };
}

figures![
    mixture_score,
    sandwich,
    rbm_training,
    ising_magnetisation,
    neural_energy,
    learnt_score,
    schedules,
    langevin_bias,
    reverse_paths,
];

#[test]
fn every_drawing_of_the_book_has_a_program_and_a_test() {
    let drawn: BTreeSet<String> = book_figures::FIGURES
        .iter()
        .map(|(name, _)| (*name).to_owned())
        .collect();
    let tested: BTreeSet<String> = NAMES.iter().map(|name| (*name).to_owned()).collect();
    assert_eq!(
        names("svg"),
        drawn,
        "files of the book, and what the example draws"
    );
    assert_eq!(drawn, tested, "what the example draws, and what is tested");
}

/// The chapter that shows a picture says, in the paragraphs around it, by which command it is made.
#[test]
fn every_picture_is_beside_the_command_that_makes_it() {
    for (extension, names) in [("svg", names("svg")), ("png", names("png"))] {
        for name in names {
            let link = format!("(figures/{name}.{extension})");
            let mut chapters = fs::read_dir(source()).expect("the chapters").filter_map(|entry| {
                let text = fs::read_to_string(entry.expect("a file").path()).ok()?;
                text.contains(&link).then_some(text)
            });
            let text = chapters
                .next()
                .unwrap_or_else(|| panic!("no chapter shows {link}"));
            let (before, after) = text.split_once(&link).expect("it is there");
            let before: Vec<&str> = before.lines().rev().take(40).collect();
            let after: Vec<&str> = after.lines().take(4).collect();
            let around = format!("{}\n{}", before.join("\n"), after.join("\n"));
            let commands = if extension == "svg" {
                vec!["cargo run --release -p gibbsian --example book_figures".to_owned()]
            } else {
                vec!["cargo xtask reproduce".to_owned(), "gibbsian sample".to_owned()]
            };
            assert!(
                commands.iter().any(|command| around.contains(command)),
                "{name}: none of {commands:?} is said beside it"
            );
        }
    }
}

#[test]
fn drawings_are_well_formed_and_say_what_their_axes_are() {
    for name in names("svg") {
        let svg = kept(&name);
        check_xml(&svg).unwrap_or_else(|reason| panic!("{name}: {reason}"));
        for needed in [
            "<svg xmlns=",
            "viewBox=",
            "aria-label=",
            "<title>",
            "currentColor",
        ] {
            assert!(svg.contains(needed), "{name} has no {needed}");
        }
        assert!(!svg.contains("<script"), "{name} has a script");
        let captions = captions(&svg);
        let upright = captions.iter().filter(|(is_upright, _)| *is_upright).count();
        // A title and the label of the horizontal axis lie, and that of the vertical axis stands.
        assert!(upright >= 1, "{name}: the vertical axis has no label");
        assert!(
            captions.len() - upright >= 2,
            "{name}: the horizontal axis has no label"
        );
    }
}

/// Tags that open and close in order, attributes in quotation marks, and no bare ampersand.
fn check_xml(text: &str) -> Result<(), String> {
    let mut open: Vec<&str> = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find('<') {
        check_entities(&rest[..at])?;
        let tag = &rest[at + 1..];
        let end = tag.find('>').ok_or("a tag does not end")?;
        let (tag, after) = (&tag[..end], &tag[end + 1..]);
        if tag.matches('"').count() % 2 == 1 || tag.contains('<') {
            return Err(format!("<{tag}> has a mark of quotation without its other"));
        }
        check_entities(tag)?;
        let name = tag.trim_start_matches('/').trim_end_matches('/');
        let name = name.split_whitespace().next().ok_or("a tag without a name")?;
        if let Some(closed) = tag.strip_prefix('/') {
            if open.pop() != Some(closed) {
                return Err(format!("</{closed}> closes what is not open"));
            }
        } else if !tag.ends_with('/') {
            open.push(name);
        }
        rest = after;
    }
    if open.is_empty() && rest.trim().is_empty() {
        Ok(())
    } else {
        Err(format!("{open:?} are not closed"))
    }
}

fn check_entities(text: &str) -> Result<(), String> {
    let known = ["amp;", "lt;", "gt;", "quot;", "apos;", "#"];
    match text
        .split('&')
        .skip(1)
        .find(|rest| !known.iter().any(|k| rest.starts_with(k)))
    {
        None => Ok(()),
        Some(rest) => Err(format!(
            "an ampersand before {:?}",
            rest.chars().take(10).collect::<String>()
        )),
    }
}

#[test]
fn what_is_not_well_formed_is_seen() {
    assert!(check_xml("<a><b x=\"1\"/>R &amp; D</a>").is_ok());
    for broken in [
        "<a><b></a></b>",
        "<a>",
        "<a x=\"1></a>",
        "<a>R & D</a>",
        "</a>",
        "<a/>and more",
    ] {
        assert!(check_xml(broken).is_err(), "{broken}");
    }
    let (words, numbers) = words_and_numbers("M1.50 -2V3 −4");
    assert_eq!(
        (words.as_str(), &numbers[..]),
        ("M# #V# −#", &[1.5, -2.0, 3.0, 4.0][..])
    );
}
