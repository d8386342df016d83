//! Tables that other programs would read differently, or not at all: each is an error that names line and column.

use crate::common::{gzip, idx_bytes};
use gibbsian_data::{Header, Table, decode_table, read_table, table::MAX_NAMES};
use proptest::prelude::*;

fn decode(text: &[u8], header: Header) -> gibbsian_core::Result<Table> {
    decode_table("the-file", text, header)
}

#[track_caller]
fn assert_refused(text: impl AsRef<[u8]>, header: Header, words: &[&str]) {
    let message = match decode(text.as_ref(), header) {
        Ok(table) => panic!("accepted as {table:?}"),
        Err(error) => error.to_string(),
    };
    assert!(message.starts_with("the-file"), "{message}");
    assert!(words.iter().all(|word| message.contains(word)), "{message}");
}

#[test]
fn numbers_are_finite_decimals_and_nothing_else() {
    for field in [
        "nan",
        "NaN",
        "inf",
        "-inf",
        "+infinity",
        "1e400",
        "-1e400",
        "",
        " 1",
        "1 ",
        "\t1",
        "1_000",
        "0x10",
        "1,5;2",
        "\"1\"",
        "true",
        "e5",
        ".",
        "+",
        "-",
        "1e",
        "--1",
        "1.2.3",
        "1\r",
        "1\0",
        "١",
    ] {
        let text = format!("0,0\n7,8\n3,{field}\n");
        if field.contains(',') {
            assert_refused(&text, Header::Absent, &["line 3", "3 fields"]);
        } else if field == "1\r" {
            // One carriage return belongs to the line's end; a second does not.
            assert_eq!(
                decode(text.as_bytes(), Header::Absent).unwrap().values()[[2, 1]],
                1.0
            );
            assert_refused("1\r\r\n", Header::Absent, &["line 1, column 1", "\\r"]);
        } else {
            assert_refused(
                &text,
                Header::Absent,
                &["line 3, column 2", "finite decimal number"],
            );
        }
    }
    assert_refused(b"1,\xFF\n", Header::Absent, &["line 1, column 2"]);
    let table = decode(b"-1.5e-3,+2,.5,5.,1E2,-0\n", Header::Absent).unwrap();
    assert_eq!(
        table.values(),
        ndarray::array![[-0.0015, 2.0, 0.5, 5.0, 100.0, 0.0]]
    );
    assert!(table.values()[[0, 5]].is_sign_negative());
}

#[test]
fn rows_have_one_length_and_are_not_empty() {
    assert_refused("", Header::Absent, &["line 1", "an empty line"]);
    assert_refused("\n", Header::Absent, &["line 1", "an empty line"]);
    assert_refused("1\n\n2\n", Header::Absent, &["line 2", "an empty line"]);
    assert_refused("1\n2\n\n", Header::Absent, &["line 3", "an empty line"]);
    assert_refused("1,2\n3\n", Header::Absent, &["line 2", "1 fields", "2 fields"]);
    assert_refused(
        "1,2\n3,4,5\n",
        Header::Absent,
        &["line 2", "3 fields", "2 fields"],
    );
    assert_refused("1,2\n3,4,\n", Header::Absent, &["line 2", "3 fields"]);
    assert_refused("a,b\n1\n", Header::Present, &["line 2", "1 fields", "2 fields"]);
    assert_refused("a,b\n", Header::Present, &["no rows"]);
}

#[test]
fn names_are_distinct_and_plain() {
    assert_refused("", Header::Present, &["line 1, column 1", "not empty"]);
    assert_refused("a,\n1,2\n", Header::Present, &["line 1, column 2", "not empty"]);
    assert_refused(
        "a,b,a\n1,2,3\n",
        Header::Present,
        &["line 1, column 3", "no other column"],
    );
    assert_refused("\"a\",b\n1,2\n", Header::Present, &["line 1, column 1", "quotes"]);
    assert_refused(b"a,\xC3\n1,2\n", Header::Present, &["line 1, column 2", "UTF-8"]);
    let names: Vec<String> = (0..=MAX_NAMES).map(|j| format!("c{j}")).collect();
    assert_refused(names.join(","), Header::Present, &["4097 names", "4096"]);
    // A header where none is expected, and none where one is.
    assert_refused("x,y\n1,2\n", Header::Absent, &["line 1, column 1", "\"x\""]);
    assert_refused(
        "1,2\n3,4\n",
        Header::Present,
        &["line 1", "a row of numbers", "Header::Absent"],
    );
    // The header of a data frame without names.
    assert_eq!(
        decode(b"0,1\n3,4\n", Header::Present).unwrap().names().unwrap(),
        ["0", "1"]
    );
    // What a spreadsheet leaves around names would hide them.
    assert_refused(
        "\u{feff}x,y\n1,2\n",
        Header::Present,
        &["line 1, column 1", "byte-order mark"],
    );
    assert_refused("x, y\n1,2\n", Header::Present, &["line 1, column 2", "no spaces"]);
    let table = decode("größe,y\n1,2\n".as_bytes(), Header::Present).unwrap();
    assert_eq!(table.names().unwrap(), ["größe", "y"]);
    assert_eq!(table.column("y").unwrap(), ndarray::array![2.0]);
    assert!(table.column("z").unwrap_err().to_string().contains("größe"));
}

#[test]
fn a_file_of_another_format_is_refused() {
    let idx = idx_bytes(&[2, 3], &[0; 6]);
    assert_refused(&idx, Header::Absent, &["line 1, column 1", "\\0"]);
    assert_refused(gzip(&gzip(b"1,2\n")), Header::Absent, &["line 1"]);
}

#[test]
fn long_fields_are_cut_in_messages() {
    let message = decode(&[b'x'; 100_000], Header::Absent).unwrap_err().to_string();
    assert!(message.len() < 200, "{} bytes", message.len());
}

#[test]
fn truncated_and_flipped_gzip_tables_never_give_other_numbers() {
    let text = b"1.5,2\n3,-4e1\n";
    let whole = gzip(text);
    let original = decode(&whole, Header::Absent).unwrap();
    assert_eq!(original, decode(text, Header::Absent).unwrap());
    for n in 0..whole.len() {
        assert!(decode(&whole[..n], Header::Absent).is_err(), "{n} bytes");
    }
    for bit in 0..8 * whole.len() {
        let mut bytes = whole.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        if let Ok(table) = decode(&bytes, Header::Absent) {
            assert_eq!(table, original, "bit {bit}");
        }
    }
    assert_refused(
        [whole.clone(), whole].concat(),
        Header::Absent,
        &["single gzip member"],
    );
}

#[test]
fn texts_beyond_the_limit_are_refused() {
    let long = vec![b'1'; gibbsian_data::table::MAX_TEXT + 1];
    assert_refused(gzip(&long), Header::Absent, &["more bytes", "67108864"]);
}

#[test]
fn a_missing_file_is_named() {
    let error = read_table("no/such/table.csv", Header::Absent).unwrap_err();
    assert!(error.to_string().contains("no/such/table.csv"), "{error}");
}

proptest! {
    #[test]
    fn numbers_come_back_with_the_same_bits(
        values in prop::collection::vec(prop::num::f64::NORMAL | prop::num::f64::SUBNORMAL | prop::num::f64::ZERO, 1..30),
        n_columns in 1_usize..5, crlf: bool, last: bool, scientific: bool,
    ) {
        let n_columns = n_columns.min(values.len());
        let values = &values[..values.len() / n_columns * n_columns];
        let end = if crlf { "\r\n" } else { "\n" };
        let write = |v: &f64| if scientific { format!("{v:e}") } else { format!("{v}") };
        let rows: Vec<String> = values
            .chunks(n_columns)
            .map(|row| row.iter().map(write).collect::<Vec<_>>().join(","))
            .collect();
        let text = rows.join(end) + if last { end } else { "" };
        let table = decode(text.as_bytes(), Header::Absent).unwrap();
        prop_assert_eq!(table.values().dim(), (values.len() / n_columns, n_columns));
        for (read, written) in table.values().iter().zip(values) {
            prop_assert_eq!(read.to_bits(), written.to_bits());
        }
    }

    #[test]
    fn arbitrary_text_is_an_error_or_a_table_of_finite_numbers(
        text in prop::collection::vec(prop::sample::select(b"0123456789.,+-eEnaif\"\r\n \xFF".to_vec()), 0..80),
        named: bool,
    ) {
        let header = if named { Header::Present } else { Header::Absent };
        if let Ok(table) = decode(&text, header) {
            prop_assert!(!table.values().is_empty());
            prop_assert!(table.values().iter().all(|v| v.is_finite()));
            prop_assert_eq!(table.names().is_some(), named);
        }
    }
}
