//! Arrays that NumPy wrote, and arrays that come back.

use std::path::{Path, PathBuf};

use gibbsian_data::{
    decode_npy, decode_npy_bytes, decode_npy_matrix, encode_npy, read_npy, read_npy_bytes, read_npy_matrix,
    write_npy,
};
use ndarray::{Array, Array2, Array3, ArrayD, IxDyn, ShapeBuilder, array};
use proptest::prelude::*;

/// A file that `tests/reference/arrays.py` wrote.
pub fn reference(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/reference/arrays")
        .join(name)
}

fn bits(array: &ArrayD<f64>) -> Vec<u64> {
    array.iter().map(|v| v.to_bits()).collect()
}

/// 2 × 3 × 4 numbers from 0 on.
pub fn cube() -> Array3<f64> {
    Array::from_iter((0..24).map(f64::from))
        .into_shape_with_order((2, 3, 4))
        .unwrap()
}

#[test]
fn every_kind_and_both_orders_of_bytes_are_as_numpy_says() {
    for (kind, low, high) in [
        ("i1", -128.0, 127.0),
        ("i2", -32768.0, 32767.0),
        ("i4", -2147483648.0, 2147483647.0),
        ("i8", -9007199254740992.0, 9007199254740992.0),
        ("u1", 0.0, 255.0),
        ("u2", 0.0, 65535.0),
        ("u4", 0.0, 4294967295.0),
        ("u8", 0.0, 9007199254740992.0),
    ] {
        for order in ["little", "big"] {
            let read = read_npy(reference(&format!("{kind}_{order}.npy"))).unwrap();
            assert_eq!(
                read,
                array![[low, 1.0, 2.0], [3.0, 4.0, high]].into_dyn(),
                "{kind} {order}"
            );
        }
    }
    let doubles = array![[0.1, -0.0, 5e-324], [f64::INFINITY, -f64::MAX, f64::NAN]].into_dyn();
    let singles = doubles.mapv(|v| f64::from(v as f32));
    for order in ["little", "big"] {
        let read = read_npy(reference(&format!("f8_{order}.npy"))).unwrap();
        assert_eq!(bits(&read), bits(&doubles), "{order}");
        let read = read_npy(reference(&format!("f4_{order}.npy"))).unwrap();
        assert_eq!(bits(&read), bits(&singles), "{order}");
    }
    let read = read_npy(reference("b1.npy")).unwrap();
    assert_eq!(read, array![[1.0, 0.0, 1.0], [0.0, 0.0, 1.0]].into_dyn());
}

#[test]
fn dimensions_are_as_numpy_says() {
    for name in ["cube_rows.npy", "cube_columns.npy"] {
        let read = read_npy(reference(name)).unwrap();
        assert_eq!(read, cube().into_dyn(), "{name}");
        assert!(read.is_standard_layout(), "{name}");
    }
    let bytes = read_npy_bytes(reference("bytes_columns.npy")).unwrap();
    assert_eq!(bytes, cube().mapv(|v| v as u8).into_dyn());
    assert!(bytes.is_standard_layout());
    assert_eq!(
        read_npy(reference("scalar.npy")).unwrap(),
        ndarray::arr0(2.5).into_dyn()
    );
    assert_eq!(
        read_npy(reference("row.npy")).unwrap(),
        array![1.5, 2.5].into_dyn()
    );
    for name in ["version_2.npy", "version_3.npy"] {
        assert_eq!(
            read_npy_matrix(reference(name)).unwrap(),
            cube().index_axis(ndarray::Axis(0), 0),
            "{name}"
        );
    }
}

#[test]
fn written_files_are_numpys_to_the_byte() {
    let same =
        |name: &str, written: Vec<u8>| assert_eq!(std::fs::read(reference(name)).unwrap(), written, "{name}");
    same("cube_rows.npy", encode_npy(&cube()));
    same("scalar.npy", encode_npy(&ndarray::arr0(2.5)));
    same("row.npy", encode_npy(&array![1.5, 2.5]));
    same("u1_little.npy", encode_npy(&array![[0_u8, 1, 2], [3, 4, 255]]));
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("row.npy");
    write_npy(&path, &array![1.5, 2.5]).unwrap();
    same("row.npy", std::fs::read(&path).unwrap());
    let error = write_npy("no/such/folder/x.npy", &array![1.5]).unwrap_err();
    assert!(
        error.to_string().contains("cannot create no/such/folder/x.npy"),
        "{error}"
    );
}

#[test]
fn kinds_that_doubles_do_not_cover_are_refused() {
    for (name, words) in [
        ("refused_half.npy", "\"<f2\" as the kind of number"),
        ("refused_complex.npy", "\"<c16\" as the kind of number"),
        ("refused_objects.npy", "Python objects"),
        ("refused_text.npy", "\"<U1\" as the kind of number"),
        ("refused_structure.npy", "a structure as the kind of number"),
        ("refused_empty.npy", "a dimension of 0"),
        ("refused_count.npy", "number 2: found 9007199254740993"),
    ] {
        let error = read_npy(reference(name)).unwrap_err().to_string();
        assert!(error.contains(words) && error.contains(name), "{error}");
    }
}

#[test]
fn rows_of_data_have_two_dimensions_and_finite_numbers() {
    let error = read_npy_matrix(reference("f8_big.npy")).unwrap_err().to_string();
    assert!(
        error.ends_with("f8_big.npy, row 2, column 1: found inf, expected a finite number; replace the value or drop the row before training"),
        "{error}"
    );
    let error = read_npy_matrix(reference("cube_rows.npy"))
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("an array of shape [2, 3, 4]") && error.contains("reshape"),
        "{error}"
    );
    let error = decode_npy_bytes("x", &*encode_npy(&array![1.0]))
        .unwrap_err()
        .to_string();
    assert!(error.contains("numbers of kind f8"), "{error}");
    let error = read_npy("no/such/array.npy").unwrap_err().to_string();
    assert!(error.contains("no/such/array.npy"), "{error}");
}

#[test]
fn an_array_may_be_packed_with_gzip() {
    let packed = crate::common::gzip(&encode_npy(&cube()));
    assert_eq!(
        decode_npy("packed", packed.as_slice()).unwrap(),
        cube().into_dyn()
    );
}

/// A shape of up to four dimensions with a number for every entry.
fn arrays() -> impl Strategy<Value = ArrayD<f64>> {
    prop::collection::vec(1_usize..5, 0..5).prop_flat_map(|shape| {
        let n = shape.iter().product::<usize>();
        prop::collection::vec(any::<u64>(), n).prop_map(move |bits| {
            ArrayD::from_shape_vec(IxDyn(&shape), bits.into_iter().map(f64::from_bits).collect()).unwrap()
        })
    })
}

proptest! {
    #[test]
    fn doubles_come_back_with_the_same_bits(array in arrays(), reversed: bool) {
        // A view in another order of memory is written in the order of its own index.
        let array = if reversed { array.reversed_axes() } else { array };
        let read = decode_npy("x", &*encode_npy(&array)).unwrap();
        prop_assert_eq!(read.shape(), array.shape());
        prop_assert_eq!(bits(&read), bits(&array));
    }

    #[test]
    fn singles_and_bytes_come_back(
        singles in prop::collection::vec(any::<f32>(), 1..40), bytes in prop::collection::vec(any::<u8>(), 1..40),
    ) {
        let singles = Array::from(singles);
        let read = decode_npy("x", &*encode_npy(&singles)).unwrap();
        let back = read.mapv(|v| (v as f32).to_bits());
        prop_assert_eq!(back, singles.mapv(f32::to_bits).into_dyn());
        let bytes = Array::from(bytes).into_dyn();
        prop_assert_eq!(&decode_npy_bytes("x", &*encode_npy(&bytes)).unwrap(), &bytes);
        prop_assert_eq!(decode_npy("x", &*encode_npy(&bytes)).unwrap(), bytes.mapv(f64::from));
    }

    #[test]
    fn columns_first_is_another_order_of_the_same_numbers(n in 1_usize..7, m in 1_usize..7, k in 1_usize..4) {
        let array = Array3::from_shape_fn((n, m, k), |(i, j, l)| (100 * i + 10 * j + l) as f64);
        let mut columns = Array3::zeros((n, m, k).f());
        columns.assign(&array);
        // The same header but for the order, and then the numbers as they lie in memory.
        let header = &encode_npy(&array)[..128];
        let text = String::from_utf8_lossy(&header[10..]).replace("False", "True ");
        let numbers = columns.as_slice_memory_order().unwrap().iter().flat_map(|v| v.to_le_bytes());
        let bytes: Vec<u8> = header[..10].iter().copied().chain(text.bytes()).chain(numbers).collect();
        prop_assert_eq!(decode_npy("x", bytes.as_slice()).unwrap(), array.into_dyn());
    }

    #[test]
    fn a_matrix_comes_back(n in 1_usize..6, d in 1_usize..6) {
        let array = Array2::from_shape_fn((n, d), |(i, j)| i as f64 - 0.1 * j as f64);
        prop_assert_eq!(decode_npy_matrix("x", &*encode_npy(&array)).unwrap(), array);
    }
}
