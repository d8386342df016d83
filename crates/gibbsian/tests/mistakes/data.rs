//! Data of the wrong shape, scale or content.

use gibbsian::classical::{Bernoulli, Rbm, Spin};
use gibbsian::data::{
    Header, Images, LabelledTable, Labels, Table, decode_idx, decode_npy, decode_npy_matrix, decode_table,
    encode_npy,
};
use gibbsian::ndarray::{Array2, array};

use crate::refused;

fn table(text: &str, header: Header) -> gibbsian::Result<Table> {
    decode_table("data.csv", text.as_bytes(), header)
}

fn machine() -> Rbm {
    Rbm::new(
        Bernoulli::unbiased(4),
        Bernoulli::unbiased(2),
        Array2::zeros((4, 2)),
    )
    .unwrap()
}

#[test]
fn pictures_are_columns() {
    let pictures = Array2::zeros((4, 10));
    insta::assert_snapshot!(refused(machine().check_visible(pictures.view())), @"`x` has shape [4, 10], but must have shape (at least 1, 4); rows are samples and columns their coordinates: transpose the array, x.reversed_axes()");
}

#[test]
fn pixels_are_not_scaled() {
    let pictures = array![[0.0, 255.0, 17.0, 0.0]];
    insta::assert_snapshot!(refused(machine().check_visible(pictures.view())), @"`x[0, 1]` is 255, but must be in [0, 1]; divide pixels by 255 or threshold them, and write spins of -1 and 1 as 0 and 1");
}

#[test]
fn spins_are_given_to_units_of_bits() {
    let spins = array![[1.0, -1.0, 1.0, 1.0]];
    insta::assert_snapshot!(refused(machine().check_visible(spins.view())), @"`x[0, 1]` is -1, but must be in [0, 1]; divide pixels by 255 or threshold them, and write spins of -1 and 1 as 0 and 1");
}

#[test]
fn pixels_are_given_to_spins() {
    let spins = Rbm::new(Spin::unbiased(2), Bernoulli::unbiased(2), Array2::zeros((2, 2))).unwrap();
    insta::assert_snapshot!(refused(spins.check_visible(array![[0.0, 128.0]].view())), @"`x[0, 1]` is 128, but must be in [-1, 1]; write bits of 0 and 1 as 2x - 1, and divide other values by the largest");
}

#[test]
fn labels_are_counted_from_one() {
    insta::assert_snapshot!(refused(Labels::new(vec![1, 2, 3], 3)), @"`labels[2]` is 3, but must be below the number of classes, 3; classes are counted from 0: subtract 1 from labels that begin at 1");
}

#[test]
fn the_class_is_not_the_last_column() {
    let table = table("class,height\n0,1.75\n1,1.5\n", Header::Present).unwrap();
    insta::assert_snapshot!(refused(LabelledTable::new(table, 2)), @"`the class of row 0` is 1.75, but must be a whole number from 0 to 255; the class is the last column: put it there and number the classes from 0");
}

#[test]
fn labels_are_among_the_features() {
    let with_labels = array![[0.0, 1.0, 1.0, 0.0, 7.0]];
    insta::assert_snapshot!(refused(machine().check_visible(with_labels.view())), @"`x` has shape [1, 5], but must have shape (at least 1, 4); there is one column more than coordinates: leave out the column of labels or indices");
}

#[test]
fn a_value_is_nan() {
    insta::assert_snapshot!(refused(table("1,2\n3,nan\n", Header::Absent)), @r#"data.csv, line 2, column 2: found "nan", expected a finite decimal number; replace the value or drop the row before training: no model here takes missing or infinite values"#);
}

#[test]
fn a_value_is_infinite() {
    let bytes = encode_npy(&array![[1.0, 2.0], [f64::INFINITY, 4.0]]);
    insta::assert_snapshot!(refused(decode_npy_matrix("data.npy", &*bytes)), @"data.npy, row 2, column 1: found inf, expected a finite number; replace the value or drop the row before training");
}

#[test]
fn a_value_is_missing() {
    insta::assert_snapshot!(refused(table("1,2\n3,\n", Header::Absent)), @r#"data.csv, line 2, column 2: found "", expected a finite decimal number; fill the missing value in or drop the row"#);
}

#[test]
fn rows_have_different_lengths() {
    insta::assert_snapshot!(refused(table("1,2,3\n4,5\n", Header::Absent)), @"data.csv, line 2: found 2 fields, expected 3 fields as in the first line; fill the row up or drop it, and separate fields by commas alone");
}

#[test]
fn a_column_holds_text() {
    insta::assert_snapshot!(refused(table("1,2\n3,male\n", Header::Absent)), @r#"data.csv, line 2, column 2: found "male", expected a finite decimal number; leave the column out, or write its categories as numbers"#);
}

#[test]
fn a_header_is_taken_for_data() {
    insta::assert_snapshot!(refused(table("height,width\n1,2\n", Header::Absent)), @r#"data.csv, line 1, column 1: found "height", expected a finite decimal number; if the first line names the columns, read the table with a header (Header::Present)"#);
}

#[test]
fn decimals_have_a_comma() {
    insta::assert_snapshot!(refused(table("\"1,5\"\n", Header::Absent)), @r#"data.csv, line 1, column 1: found "\"1", expected a finite decimal number; write the number with a point, without spaces and quotes"#);
}

#[test]
fn a_file_is_empty() {
    insta::assert_snapshot!(refused(table("", Header::Absent)), @"data.csv, line 1: found an empty line, expected a row of numbers; delete the line, or write the file anew if it is empty");
}

#[test]
fn a_file_has_nothing_but_its_header() {
    insta::assert_snapshot!(refused(table("height,width\n", Header::Present)), @"data.csv: found no rows, expected at least one row of numbers; the file has a header and nothing else: check how it was written");
}

#[test]
fn counts_are_too_large_for_doubles() {
    // One million more than 2^53, as eight bytes that NumPy calls '<i8'.
    let mut bytes = encode_npy(&array![0.0]);
    let kind = bytes.windows(3).position(|w| w == b"<f8").unwrap();
    bytes[kind + 1] = b'i';
    let start = bytes.len() - 8;
    bytes[start..].copy_from_slice(&9_007_199_255_740_993_i64.to_le_bytes());
    insta::assert_snapshot!(refused(decode_npy("counts.npy", bytes.as_slice())), @"counts.npy, number 1: found 9007199255740993, expected an integer that a double holds exactly, up to 2^53; subtract an offset or rescale the counts");
}

#[test]
fn pictures_keep_their_two_dimensions() {
    let bytes = encode_npy(&gibbsian::ndarray::Array3::<f64>::zeros((5, 28, 28)));
    insta::assert_snapshot!(refused(decode_npy_matrix("pictures.npy", &*bytes)), @"pictures.npy: found an array of shape [5, 28, 28], expected two dimensions, (rows, columns); reshape the array to one row a sample, array.reshape(len(array), -1)");
}

#[test]
fn height_and_number_are_exchanged() {
    insta::assert_snapshot!(refused(Images::new(28, 28, 1000, vec![0; 28 * 28 * 10])), @"`pixels` has shape [7840], but must have shape [28 * 28 * 1000]; give the number of pictures, their height and their width in this order");
}

#[test]
fn a_file_is_of_another_format() {
    let bytes = encode_npy(&array![[1_u8, 2]]);
    insta::assert_snapshot!(refused(decode_idx("images.idx", bytes.as_slice())), @"images.idx: found 0x93 0x4e as the first two bytes, expected 0x00 0x00 of an IDX file, or 0x1f 0x8b of a gzip stream; read files of other formats with read_npy, read_table or read_png");
}
