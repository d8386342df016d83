//! Tables that are written come back.

use gibbsian_data::{Header, Table, decode_table, encode_table, read_table, table::MAX_NAMES};
use ndarray::{Array2, array};
use proptest::prelude::*;

#[test]
fn numbers_have_the_fewest_digits_that_give_them_back() {
    let values = array![[0.1, 1.0, -0.0, 1e15, 1e16, 0.00001, 9.9e-6, f64::MAX, 2.0 / 3.0]];
    let text = encode_table(&Table::new(None, values).unwrap());
    assert_eq!(
        text,
        "0.1,1,-0,1000000000000000,1e16,0.00001,9.9e-6,1.7976931348623157e308,0.6666666666666666\n"
    );
}

#[test]
fn what_could_not_be_read_back_is_refused() {
    let refused = |names: Option<&[&str]>, values: Array2<f64>| {
        let names = names.map(|names| names.iter().map(|&n| n.to_owned()).collect());
        Table::new(names, values).unwrap_err().to_string()
    };
    let message = refused(None, array![[1.0, f64::NAN]]);
    assert!(message.contains("`values[0, 1]` is NaN"), "{message}");
    assert!(refused(None, Array2::zeros((0, 2))).contains("[0, 2]"));
    assert!(refused(None, Array2::zeros((2, 0))).contains("[2, 0]"));
    assert!(refused(Some(&["x"]), array![[1.0, 2.0]]).contains("2, one a column"));
    for name in ["", "x", "a,b", "a\"b", "a\nb"] {
        let message = refused(Some(&["x", name]), array![[1.0, 2.0]]);
        assert!(message.contains("`names[1]`"), "{message}");
    }
    // Years would be read as a row of numbers.
    let message = refused(Some(&["2001", "2002"]), array![[1.0, 2.0]]);
    assert!(
        message.contains("`names` is [\"2001\", \"2002\"]") && message.contains("read as a row"),
        "{message}"
    );
    let names: Vec<String> = (0..=MAX_NAMES).map(|j| j.to_string()).collect();
    assert!(Table::new(Some(names), Array2::zeros((1, MAX_NAMES + 1))).is_err());
    let table = Table::new(None, array![[1.0]]).unwrap();
    let message = table.write("no/such/folder/x.csv").unwrap_err().to_string();
    assert!(
        message.contains("cannot create no/such/folder/x.csv"),
        "{message}"
    );
}

#[test]
fn a_file_is_written_and_read() {
    let path = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("written.csv");
    let names = vec!["größe".to_owned(), "a b".to_owned()];
    let table = Table::new(Some(names), array![[1.5, -2e-300], [3.0, 4.0]]).unwrap();
    table.write(&path).unwrap();
    assert_eq!(std::fs::read_to_string(&path).unwrap(), encode_table(&table));
    assert_eq!(read_table(&path, Header::Present).unwrap(), table);
}

#[test]
fn tables_with_numbers_among_their_names_come_back() {
    for names in [vec!["0", "1"], vec!["year", "2001"], vec!["1", "x"], vec!["0"]] {
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        let table = Table::new(Some(names.clone()), Array2::ones((2, names.len()))).unwrap();
        let back = decode_table("x", encode_table(&table).as_bytes(), Header::Present).unwrap();
        assert_eq!(back, table);
    }
}

proptest! {
    #[test]
    fn tables_come_back_with_the_same_bits(
        values in prop::collection::vec(prop::num::f64::NORMAL | prop::num::f64::SUBNORMAL | prop::num::f64::ZERO, 1..30),
        n_columns in 1_usize..5, named: bool,
    ) {
        let n_columns = n_columns.min(values.len());
        let n_rows = values.len() / n_columns;
        let values = Array2::from_shape_vec((n_rows, n_columns), values[..n_rows * n_columns].to_vec()).unwrap();
        let names = named.then(|| (0..n_columns).map(|j| format!("column {j}")).collect::<Vec<_>>());
        let table = Table::new(names.clone(), values.clone()).unwrap();
        let header = if named { Header::Present } else { Header::Absent };
        let back = decode_table("x", encode_table(&table).as_bytes(), header).unwrap();
        prop_assert_eq!(back.names(), names.as_deref());
        for (read, written) in back.values().iter().zip(&values) {
            prop_assert_eq!(read.to_bits(), written.to_bits());
        }
    }
}
