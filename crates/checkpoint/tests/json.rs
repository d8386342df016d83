//! The reader of JSON and its writer beside `serde_json`.

use gibbsian_checkpoint::json::{Reader, listed, quoted};
use gibbsian_core::Seed;
use rand::RngExt;

fn text_of(json: &[u8]) -> Option<String> {
    let mut reader = Reader::new(json);
    let text = reader.text().ok()?;
    reader.end().ok().map(|()| text)
}

#[test]
fn texts_are_written_and_read_like_the_reference() {
    let every: String = (0..0x300).filter_map(char::from_u32).collect();
    for text in ["", "plain", "\"\\/\u{8}\u{c}\n\r\t", "αβ 🦀 \u{10ffff}", &every] {
        let json = quoted(text);
        assert_eq!(json, serde_json::to_string(text).unwrap());
        assert_eq!(text_of(json.as_bytes()).as_deref(), Some(text));
    }
    assert_eq!(
        listed([quoted("a"), "[1,2]".into()]),
        serde_json::json!(["a", [1, 2]]).to_string()
    );
}

#[test]
fn what_is_skipped_is_what_the_reference_accepts() {
    let good = r#" {"a": [1, -0.5e+3, true, false, null, "\u00e9\ud83e\udd80\/"], "b": {"c": []}, "a": 0} "#;
    let mut rng = Seed::new(3).rng();
    let alphabet = br#"{}[],:"0123456789-+.eEtrufalsn\d /"#;
    let (mut n_good, mut n_bad) = (0, 0);
    for round in 0..40_000 {
        let mut bytes = good.as_bytes().to_vec();
        for _ in 0..round % 4 {
            let place = rng.random_range(0..bytes.len());
            match rng.random_range(0..3) {
                0 => drop(bytes.remove(place)),
                1 => bytes[place] = alphabet[rng.random_range(0..alphabet.len())],
                _ => bytes.insert(place, alphabet[rng.random_range(0..alphabet.len())]),
            }
        }
        let mut reader = Reader::new(&bytes);
        let found = reader.skip().and_then(|()| reader.end());
        let expected = serde_json::from_slice::<serde_json::Value>(&bytes);
        // What the reference cannot hold is no error of form.
        if (expected.as_ref()).is_err_and(|e| e.to_string().contains("out of range")) {
            continue;
        }
        assert_eq!(
            found.is_ok(),
            expected.is_ok(),
            "{}: {found:?}, {expected:?}",
            String::from_utf8_lossy(&bytes)
        );
        *(if found.is_ok() { &mut n_good } else { &mut n_bad }) += 1;
    }
    assert!(n_good > 11_000 && n_bad > 11_000, "{n_good} good, {n_bad} bad");
}

#[test]
fn texts_that_are_none_are_refused() {
    for bad in [
        r#""a"#,
        r#""\x""#,
        r#""\u12"#,
        r#""\u12g4""#,
        r#""\"#,
        r#""\ud800""#,
        r#""\ud800\u0041""#,
        r#""\udc00""#,
        "\"\n\"",
        "a",
        "",
        "1",
    ] {
        assert_eq!(text_of(bad.as_bytes()), None, "{bad}");
        assert!(serde_json::from_str::<String>(bad).is_err(), "{bad}");
    }
    assert_eq!(text_of(b"\"\xff\""), None);
}

#[test]
fn whole_numbers_are_neither_negative_nor_too_large() {
    let whole = |json: &str| Reader::new(json.as_bytes()).whole();
    assert_eq!(whole(" 0"), Ok(0));
    assert_eq!(whole("18446744073709551615"), Ok(usize::MAX));
    for bad in [
        "-1",
        "18446744073709551616",
        "1.0",
        "1e3",
        "01",
        "",
        "\"1\"",
        "+1",
    ] {
        assert!(whole(bad).is_err(), "{bad}");
    }
}

#[test]
fn nesting_is_bounded() {
    let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
    assert!(Reader::new(nested(64).as_bytes()).skip().is_ok());
    for deep in [nested(65), "[".repeat(100_000), "{\"a\":".repeat(100_000)] {
        assert!(Reader::new(deep.as_bytes()).skip().is_err());
    }
}

#[test]
fn a_fault_says_what_and_where() {
    let fault = |json: &str| {
        let mut reader = Reader::new(json.as_bytes());
        let (mut a, mut b) = (None, None);
        let read = reader.object(|reader, name| match name.as_str() {
            "a" => {
                let value = reader.whole()?;
                reader.once(&mut a, &name, value)
            }
            "b" => {
                let value = reader.text()?;
                reader.once(&mut b, &name, value)
            }
            _ => Err(reader.unknown(&name)),
        });
        read.and_then(|()| reader.required(a, "a").map(drop))
            .and_then(|()| reader.end())
            .unwrap_err()
            .to_string()
    };
    assert_eq!(fault(r#"{"b":"x"}"#), "missing field `a` at byte 9");
    assert_eq!(fault(r#"{"a":1,"a":2}"#), "a second field `a` at byte 12");
    assert_eq!(fault(r#"{"c":1}"#), "unknown field `c` at byte 5");
    assert_eq!(
        fault(r#"{"a":-1}"#),
        "`-1}` where a whole number was expected at byte 5"
    );
    assert_eq!(
        fault(r#"{"a":1"#),
        "the end where `,` or `}` was expected at byte 6"
    );
    assert_eq!(fault(r#"{"a":1} x"#), "`x` where the end was expected at byte 8");
}
